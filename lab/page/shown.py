"""Numbers as a page shows them."""

from __future__ import annotations


def price(usd: float) -> str:
    """A price with the digits that its size makes useful."""
    decimals = 0 if abs(usd) >= 1_000 else 2 if abs(usd) >= 1 else 5
    return f"{usd:,.{decimals}f} USD"


def share(of_one: float) -> str:
    """A change in percent, with its sign."""
    return f"{100.0 * of_one:+.1f} %".replace("-", "−")


def metric(value: float | None, unit: str) -> str:
    """A metric of the table, without its unit, short enough for a column."""
    if value is None:
        return "–"
    if value == 0:
        return "0"
    if unit == "USD":
        factor, letter = next((pair for pair in ((1e9, "bn"), (1e6, "M"), (1e3, "k")) if abs(value) >= pair[0]), (1.0, ""))
        return f"{value / factor:.3g} {letter}".strip().replace("-", "−")
    return (f"{value:,.0f}" if abs(value) >= 100 or float(value).is_integer() else f"{value:.3g}").replace("-", "−")
