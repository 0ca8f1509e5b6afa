"""Amounts of dollars in words: a few digits and the unit that makes them short."""

from __future__ import annotations

from typing import Final

USD_SCALES: Final = ((1e9, "bn USD"), (1e6, "M USD"), (1e3, "k USD"), (1.0, "USD"))


def usd_scale(values: list[float]) -> tuple[float, str]:
    return next((pair for pair in USD_SCALES if max(values, default=0.0) >= pair[0]), USD_SCALES[-1])


def dollars(usd: float) -> str:
    factor, unit = usd_scale([usd])
    return f"{usd / factor:.3g} {unit}"
