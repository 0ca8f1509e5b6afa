"""What the curve of a market offers to an order: the formula's quotes, within what its pool can bear, and never across the book's.

A curve is a maker, it never takes. Where its own quote would cross the other side of the book, say after a move of the oracle, it quotes
one tick short of that side instead: an order then gets the worse of the two prices, and nobody can trade the curve against the book at no
risk.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from ..money.margin import row_equity
from ..money.payoff import lot_value, value_of
from ..schema.kinds import BUY, E_CURVE_MOVED, SELL
from ..state.market import Market
from ..state.pools import Pool
from ..state.state import State
from ..state.tables import P_ISOLATED_MARGIN, P_SIZE
from ..state.types import NIL, PPM, abs_i64, max_i64, min_i64
from .curve import Curve

NO_CURVE: Final[i64] = 0  # when an order meets the curve of its market
SEPARATE: Final[i64] = 1  # always: there is no book
INTERLEAVED: Final[i64] = 2  # where the curve is better than the book
JIT: Final[i64] = 3  # only as a part of what a maker is about to trade
LAST_RESORT: Final[i64] = 4  # where the book has nothing


class Stand:
    """Where a curve stands: its price, and what it may change by itself."""

    def __init__(self, market: Market, curve: Curve, inventory: i64) -> None:
        self.middle: i64 = curve.middle(market, market.pool, inventory)
        self.peg: int = market.pool.peg
        self.root: int = market.pool.root


class CurveSource:
    def __init__(self, state: State, curves: list[Curve]) -> None:
        self.state: State = state
        self.curves: list[Curve] = curves  # by market; the base, which is never asked, where there is none

    def curve(self, market: Market) -> Curve:
        return self.curves[market.number]

    def inventory(self, market: Market) -> i64:
        """[lots] that the curve holds, signed."""
        return self.state.positions.cells[market.pool.row + P_SIZE]

    def is_open(self, market: Market) -> bool:
        """Does it quote at all? Not before the first oracle price, nor while it calls the last one stale."""
        pool = market.pool
        if pool.row == NIL or pool.started == 0 or market.oracle == 0:
            return False
        return market.curve_stale_after == 0 or self.state.now - market.oracle_ts <= market.curve_stale_after

    def offered(self, market: Market, pool: Pool, side: i64, bound: i64, most: i64) -> i64:
        """How many lots, `most` at most, an order of this side trades with the curve at `bound` [ticks] or better, each of them."""
        if not self.is_open(market):
            return 0
        if side == BUY:
            if bound <= market.best_bid:
                return 0
        elif market.best_ask != 0 and bound >= market.best_ask:
            return 0
        inventory = self.inventory(market)
        most = min_i64(most, self.room(market, inventory, side))
        if most <= 0:
            return 0
        lots = self.curve(market).lots_to(market, pool, inventory, side, bound, most)
        assert 0 <= lots <= most, f"{type(self.curve(market)).__name__}.lots_to returned {lots}: expected 0 to {most}"
        return lots

    def worth(self, market: Market, pool: Pool, side: i64, lots: i64) -> i64:
        """[micro] what `lots` cost a buyer, or fetch a seller, all of them offered at one bound; 0 or less: no trade."""
        value: i64 = self.curve(market).value(market, pool, self.inventory(market), side, lots)
        if side == BUY:
            return max_i64(value, value_of(market, lots, market.best_bid + 1))
        if market.best_ask != 0:
            value = min_i64(value, value_of(market, lots, market.best_ask - 1))
        return value

    def traded(self, market: Market, pool: Pool, before: i64, side: i64, lots: i64, value: i64, fee: i64) -> None:
        """A trade from the inventory `before` on was booked; `fee` of it went to the pool."""
        self.curve(market).traded(market, pool, before, side, lots, value)
        if fee != 0:
            self.curve(market).earned(market, pool, fee)

    def follow(self, market: Market, before: i64, value: i64) -> None:
        """The curve's position was changed from `before` by what is no trade with it, for `value` [micro]: it goes on from there."""
        after = self.inventory(market)
        if after != before:
            side = BUY if after < before else SELL
            self.traded(market, market.pool, before, side, abs_i64(after - before), value, 0)

    def stand(self, market: Market) -> Stand:
        return Stand(market, self.curve(market), self.inventory(market))

    def tell_moved(self, market: Market, before: Stand, cost: int) -> None:
        """Tell what a curve has done to itself, if it did anything: that its quotes follow the oracle goes without saying."""
        after = self.stand(market)
        if cost == 0 and before.peg == after.peg and before.root == after.root:
            return
        depth = after.root * int(PPM) // before.root if before.root != 0 else int(PPM)
        self.state.log.emit(E_CURVE_MOVED, self.state.now, market.number, before.middle, after.middle, cost, depth)

    def room(self, market: Market, inventory: i64, side: i64) -> i64:
        """How many lots the curve may trade: what closes its position, and what its pool can carry beyond that."""
        largest = market.max_lots
        backed = self.curve(market).room(market, market.pool, inventory, side)
        if market.pool_is_virtual == 0:
            money = max_i64(0, self.state.positions.cells[market.pool.row + P_ISOLATED_MARGIN])
            backed = min_i64(backed, self.curve(market).backed(market, market.pool, inventory, side, money))
            equity = max_i64(0, row_equity(self.state, market.pool.row))
            price = lot_value(market, max_i64(market.mark, market.oracle))
            carried = int(equity) * int(PPM) // (int(max_i64(1, market.pool_margin_ppm)) * int(price))  # 10^22 at a margin of 1 ppm
            if carried < int(largest):
                largest = i64(carried)
        return min_i64(backed, largest + inventory if side == BUY else largest - inventory)

    def is_exhausted(self, market: Market, side: i64) -> bool:
        """Can it give nothing at any price to an order of this side?"""
        return not self.is_open(market) or self.room(market, self.inventory(market), side) <= 0

    def jit(self, market: Market, pool: Pool, side: i64, price: i64, lots: i64) -> i64:
        """How many of `lots` that a maker is about to trade at `price` the curve takes instead: its share, as far as that reduces what it
        holds, and no more than are worth that price to it."""
        if not self.is_open(market):
            return 0
        inventory = self.inventory(market)
        if (side == BUY) != (inventory > 0):
            return 0
        most = min_i64(abs_i64(inventory), lots * market.jit_share_ppm // PPM)  # < 2^40 x 2^20
        low: i64 = 0
        high = most
        while low < high:  # at most 40 times: the price of the next lot rises, so what is too many stays so
            middle = (low + high + 1) >> 1
            if self.is_fair(market, pool, side, price, middle):
                low = middle
            else:
                high = middle - 1
        return low

    def is_fair(self, market: Market, pool: Pool, side: i64, price: i64, lots: i64) -> bool:
        """Are `lots` at one price no worse for the curve than the middle of its quotes all the way?

        It moves with every lot: at that of the first for all, whoever had pushed the curve there could trade back for less than it cost.
        """
        curve = self.curve(market)
        inventory = self.inventory(market)
        there = curve.value(market, pool, inventory, side, lots)
        back = curve.value(market, pool, inventory - lots if side == BUY else inventory + lots, BUY + SELL - side, lots)
        if there <= 0 or back <= 0:
            return False
        worth: int = value_of(market, lots, price)
        return 2 * worth >= there + back if side == BUY else 2 * worth <= there + back
