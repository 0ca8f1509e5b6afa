"""Curves: liquidity that is a formula. The second source of the planner, beside the book.

A curve prices the next lots from what its pool holds and, if it is that kind, from the oracle. It is a maker like any other: its
counter-position is that of the CURVE account, its money the isolated margin there. Values round against whoever trades with it.

Three laws hold for every curve, at an unchanged oracle: two trades are never better for the trader than one of both sizes, the way there
and back never pays, and the next lot is never better than the one before. They hold exactly for the formula; a value is rounded once, to
a micro-unit, against the trader.
"""

from __future__ import annotations

from mypy_extensions import i64, mypyc_attr

from ..money.payoff import lot_value
from ..schema.kinds import BUY
from ..state.market import Market
from ..state.pools import Pool
from ..state.types import MAX_LOTS, abs_i64, min_i64


def ceil_div(a: int, b: int) -> int:
    """a / b rounded up, for integers of any size."""
    return -(-a // b)


def tick_of(market: Market, value: int, lots: int) -> i64:
    """The price [ticks] of `lots` that are worth `value` [micro], both in any fraction; rounded down, from 1 to the market's highest.

    What is left of a reserve may be a fraction of a lot, at a price that does not fit 64 bits.
    """
    return max(1, min(int(market.max_price), value // (lots * int(market.unit))))


@mypyc_attr(allow_interpreted_subclasses=True)
class Curve:
    """How a curve prices. A rule of one's own subclasses this; what moves is in the market's `Pool`, nothing in the rule itself.

    `side` is that of the order that trades with it: a buyer takes lots out of the curve, a seller puts lots in. `inventory` is what the
    curve holds [lots], signed: minus what all others hold together. A rule has to say `value`, and `room` where it can run dry.
    """

    def start(self, market: Market, pool: Pool) -> None:
        """The first oracle price is known; the caller notes it in `pool.started`."""

    def room(self, market: Market, pool: Pool, inventory: i64, side: i64) -> i64:
        """[lots] that the curve can give or take as one trade, whatever the price; 0: none."""
        return MAX_LOTS

    def backed(self, market: Market, pool: Pool, inventory: i64, side: i64, money: int) -> i64:
        """[lots] that it may give or take as long as there is `money` [micro] in its pool."""
        return MAX_LOTS

    def value(self, market: Market, pool: Pool, inventory: i64, side: i64, lots: i64) -> int:
        """[micro] what `lots` > 0 cost a buyer (rounded up) or fetch a seller (rounded down), as one trade from `inventory` on.

        Convex before it is rounded: the next lot is never cheaper for a buyer, nor dearer for a seller, than the one before. 0 or less:
        no trade, as for more lots than there is `room` for.
        """
        raise AssertionError("a curve says what lots are worth")

    def lots_to(self, market: Market, pool: Pool, inventory: i64, side: i64, price: i64, most: i64) -> i64:
        """How many lots, `most` at most, trade at `price` [ticks] or better, each of them; 0: the curve's quote is worse.

        Together they cost a buyer no more than they are worth at `price`, and fetch a seller no less.
        """
        low: i64 = 0
        high = min_i64(most, self.room(market, pool, inventory, side))
        if high <= 0 or self.reaches(market, pool, inventory, side, price, high):
            return high if high > 0 else 0
        while high - low > 1:  # at most 40 times: lots are below 2^40
            middle = (low + high) >> 1
            if self.reaches(market, pool, inventory, side, price, middle):
                low = middle
            else:
                high = middle
        return low

    def reaches(self, market: Market, pool: Pool, inventory: i64, side: i64, price: i64, lots: i64) -> bool:
        """Does the last of `lots` trade at `price` or better? It is exact: values round against the trader."""
        passed = lots - 1 if side == BUY else 1 - lots
        value = self.value(market, pool, inventory - passed, side, 1)
        worth: int = lot_value(market, price)
        return 0 < value <= worth if side == BUY else value >= worth

    def position_worth(self, market: Market, pool: Pool, inventory: i64) -> int:
        """[micro] what the position of the curve is worth at its own quotes, signed: traded back through it, whatever limits it has on one
        trade, at the middle of bids and asks all the way. 0: at an inventory of 0."""
        if inventory == 0:
            return 0
        lots = abs_i64(inventory)
        side = BUY if inventory > 0 else 1 - BUY
        back = self.value(market, pool, inventory, side, lots)
        there = self.value(market, pool, 0, 1 - side, lots)
        value = (back + there if there > 0 else 2 * back) if inventory > 0 else -(back + there if there > 0 else 2 * back)
        return value // 2

    def traded(self, market: Market, pool: Pool, inventory: i64, side: i64, lots: i64, value: int) -> None:
        """A trade from `inventory` on was carried out."""

    def earned(self, market: Market, pool: Pool, amount: i64) -> None:
        """Fees [micro] have come into the pool."""

    def funded(self, market: Market, pool: Pool, inventory: i64, amount: int) -> int:
        """Funding was charged, of which the pool got `amount` [micro], or paid it if negative. Returns a cost as `oracle_moved` does."""
        return 0

    def fee_pool(self, market: Market, pool: Pool) -> int:
        """[micro] of the fees that came into the pool, what is not spent yet: a cap on what funding costs it is a share of this."""
        return 0

    def oracle_moved(self, market: Market, pool: Pool, inventory: i64) -> int:
        """The market's oracle price is new. Returns the cost of what the curve did about it [micro], which its budget pays."""
        return 0

    def middle(self, market: Market, pool: Pool, inventory: i64) -> i64:
        """The price in the middle of its quotes [ticks], rounded down, at least 1; 0: it has none."""
        # Of a lot bought and one sold; a rule that has a formula for it says so
        ask = self.value(market, pool, inventory, BUY, 1)
        bid = self.value(market, pool, inventory, 1 - BUY, 1)
        if ask <= 0 and bid <= 0:
            return 0
        quotes = ask + bid if ask > 0 and bid > 0 else 2 * max(ask, bid)  # a side that has run dry has no quote
        return tick_of(market, quotes, 2)
