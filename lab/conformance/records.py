"""What adapters hand to the venue's functions: a market's record with the scales of the calculation, and integers of plain numbers.

Rules of the file: no formula. The scales are finer than those of a venue that trades: a price in 1e-4 instead of a tick, say.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Final

from perplab.exchange.state.market import Market
from perplab.exchange.state.types import MAX_PRICE, PPM

from .examples import Given

MICRO: Final = 10**6
NANO: Final = 10**9
PPT: Final = 10**12


def plain(number: int, one: int) -> Fraction:
    """A number in 1 / one as it is read."""
    return Fraction(number, one)


class Scales:
    """Ticks and lots of a calculation, in 1 / one each; money is then exact in 1 / (ticks x lots)."""

    def __init__(self, ticks: int, lots: int) -> None:
        self.ticks = ticks
        self.lots = lots
        self.money = ticks * lots

    def market(self, initial_ppm: int = 0, maintenance_ppm: int = 0, deduction: int = 0) -> Market:
        """A market of these scales, a unit of money per tick x lot."""
        record = Market(0)
        record.unit = 1
        record.max_price = int(MAX_PRICE)
        record.initial_ppm[0] = initial_ppm
        record.maintenance_ppm[0] = maintenance_ppm
        record.maintenance_deduction[0] = deduction
        return record


def ppm(given: Given, name: str) -> int:
    return given.fixed(name, int(PPM))


def members(given: Given, name: str, one: int) -> Sequence[int]:
    """A list of numbers, or one number as a list of it, in 1 / one."""
    if isinstance(given.get(name), list):
        return [member.fixed("0", one) for member in given.parts(name)]
    return [given.fixed(name, one)]


def side_of(given: Given, long: str = "long") -> int:
    """1 for a long, -1 for a short."""
    return 1 if given.text("side") in (long, "buy") else -1
