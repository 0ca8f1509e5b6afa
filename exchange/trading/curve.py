"""Curves: liquidity that is a formula. The second source of the planner, beside the book.

A curve prices the next lots from what its pool holds and, if it is that kind, from the oracle. It is a maker like any other: its
counter-position is that of the CURVE account, its money the isolated margin there. Values round against whoever trades with it.
"""

from __future__ import annotations

from mypy_extensions import i64, mypyc_attr

from ..state.market import Market
from ..state.pools import Pool


@mypyc_attr(allow_interpreted_subclasses=True)
class Curve:
    """How a curve prices. A rule of one's own subclasses this; what moves is in the market's `Pool`, nothing in the rule itself.

    `side` is that of the order that trades with it: a buyer takes lots out of the curve, a seller puts lots in. `inventory` is what the
    curve holds [lots], signed: minus what all others hold together.
    """

    def start(self, market: Market, pool: Pool) -> None:
        """The first oracle price is known."""

    def value(self, market: Market, pool: Pool, inventory: i64, side: i64, lots: i64) -> int:
        """[micro] what `lots` > 0 cost a buyer (rounded up) or fetch a seller (rounded down), as one trade from `inventory` on.

        Convex: the next lot is never cheaper for a buyer, nor dearer for a seller, than the one before. 0 or less: no trade.
        """
        raise AssertionError("a curve says what lots are worth")

    def lots_to(self, market: Market, pool: Pool, inventory: i64, side: i64, price: i64, most: i64) -> i64:
        """How many lots, `most` at most, trade at `price` [ticks] or better, each of them; 0: the curve's quote is worse."""
        raise AssertionError("a curve says how far it goes")

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
        return 0
