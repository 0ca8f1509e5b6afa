"""Amounts of dollars in words: a few digits and the unit that makes them short."""

from __future__ import annotations

from typing import Final

USD_SCALES: Final = ((1e9, "bn USD"), (1e6, "M USD"), (1e3, "k USD"), (1.0, "USD"))


LEAST_SHOWN: Final = 0.005  # of a unit: with two decimals it is not 0.00
LONGEST: Final = 100_000  # units: a number stays shorter than that


def usd_scale(values: list[float], readable: bool = False) -> tuple[float, str]:
    """The unit in which the largest of some amounts is short; `readable`: so small that the smallest above zero does not become 0.00,
    as far as the largest then stays below 100,000."""
    largest = max(values, default=0.0)
    smallest = min((value for value in values if value), default=0.0)
    scales = [pair for pair in USD_SCALES if largest >= pair[0]] or [USD_SCALES[-1]]
    if not readable:
        return scales[0]
    short = [pair for pair in scales if largest / pair[0] < LONGEST] or scales[:1]
    return next((pair for pair in short if smallest >= LEAST_SHOWN * pair[0]), short[-1])


def dollars(usd: float) -> str:
    factor, unit = usd_scale([usd])
    return f"{usd / factor:.3g} {unit}"
