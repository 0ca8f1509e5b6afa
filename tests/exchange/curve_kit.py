"""A curve of the tests' own, plain enough to be reckoned by hand: the n-th lot from an inventory of q costs a buyer
oracle + half + n - q ticks, and fetches a seller oracle - half - n - q ticks."""

from __future__ import annotations

from perplab.exchange import register
from perplab.exchange.design.registry import forget
from perplab.exchange.rules import Parameters
from perplab.exchange.state.market import Market
from perplab.exchange.state.pools import Pool
from perplab.exchange.trading.curve import Curve

BUY = 0


class LineDesign(Parameters, frozen=True):
    half: int = 2  # [ticks]


class Line(Curve):
    def __init__(self, given: LineDesign) -> None:
        super().__init__()
        self.half = given.half

    def quote(self, market: Market, inventory: int, side: int, number: int) -> int:
        """[ticks] of the `number`-th lot."""
        if side == BUY:
            return int(market.oracle) + self.half + number - inventory
        return int(market.oracle) - self.half - number - inventory

    def value(self, market: Market, pool: Pool, inventory: int, side: int, lots: int) -> int:
        first, last = self.quote(market, inventory, side, 1), self.quote(market, inventory, side, lots)
        return lots * (first + last) // 2 * int(market.unit)

    def lots_to(self, market: Market, pool: Pool, inventory: int, side: int, price: int, most: int) -> int:
        first = self.quote(market, inventory, side, 0)
        return max(0, min(most, price - first if side == BUY else first - price))

    def middle(self, market: Market, pool: Pool, inventory: int) -> int:
        return max(1, int(market.oracle) - inventory)


def register_line() -> None:
    forget("curve.rule", "line")
    register("curve.rule", "line", Line, params=LineDesign)
