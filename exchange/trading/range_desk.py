"""Ranges of a concentrated curve: added, taken out again, and taken out for their owners when they have lost too much.

A range is its owner's alone. What it has traded is a part of the curve's position; with the range it goes to its owner, at what it has
cost, so that nobody else bears what it has lost: it is booked at the mark, and the difference to the cost is paid in cash. Funding and
shared losses of the curve's position are the venue's own capital's.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from ..money.collateral import is_profit_stale
from ..money.ledger import Ledger
from ..money.payoff import value_of
from ..schema import kinds as k
from ..state.market import Market
from ..state.ranges import FINE_SHIFT, Range, base_between
from ..state.state import State
from ..state.tables import P_ASK_LOTS, P_BID_LOTS, P_SIZE
from ..state.types import CURVE, MAX_NOTIONAL, NIL, abs_i64, ppm_ceil
from .access import in_liquidation
from .curve_ranges import Concentrated, root_of
from .curve_source import CurveSource
from .pool_money import pay_in, worth_at
from .positions import PositionKeeper

LEAST_LOTS: Final[int] = 100  # of a range: positions go to owners in whole lots, and what that moves between ranges must not be worth it


def worth_of_all(market: Market) -> tuple[list[int], list[int]]:
    """(lots, worth) of each range of a market, in their order: its position, and [micro] of the whole of it at the mark: what was paid in,
    its fees, and what its position has gained. What one has depends on all others: who asks for several asks once."""
    it = market.pool.ranges
    lots, costs = it.traded_by_all()
    fees = it.fees_of_all()
    price = int(value_of(market, 1, market.mark))
    worth: list[int] = []
    for place, one in enumerate(it.ranges):
        worth.append(int(one.amount) + (fees[place] >> FINE_SHIFT) + lots[place] * price - costs[place])
    return lots, worth


class RangeDesk:
    def __init__(self, state: State, ledger: Ledger, curves: CurveSource, keeper: PositionKeeper) -> None:
        self.state: State = state
        self.ledger: Ledger = ledger
        self.curves: CurveSource = curves
        self.keeper: PositionKeeper = keeper

    def curve(self, market: Market) -> Concentrated | None:
        """The market's curve, if it is one of ranges."""
        curve = self.curves.curve(market)
        return curve if isinstance(curve, Concentrated) else None

    def add(self, curve: Concentrated, account: i64, market: Market, amount: i64, lower: i64, upper: i64) -> i64:
        """A range of one's own; whether the account has the money was asked before."""
        liquidity = curve.liquidity(market, lower, upper, amount)
        if liquidity == 0:
            return k.R_CURVE_RANGE
        low, high = root_of(int(value_of(market, 1, lower))), root_of(int(value_of(market, 1, upper)))
        if base_between(liquidity, low, high) >> FINE_SHIFT < LEAST_LOTS or not curve.can_add(market.pool, liquidity):
            return k.R_LIQUIDITY_LIMIT
        pay_in(self.ledger, account, market, amount)
        one = curve.add_range(market, market.pool, account, lower, upper, amount, self.state.now)
        self.state.log.emit(
            k.E_LIQUIDITY_ADDED, self.state.now, account, market.number, amount, one.liquidity, one.number, lower, upper
        )
        return 0

    def remove(self, curve: Concentrated, account: i64, market: Market, liquidity: i64, number: i64) -> i64:
        one = market.pool.ranges.find(number)
        if one is None or one.owner != account or one.liquidity < int(liquidity):
            return k.R_INSUFFICIENT_SHARES
        row = self.state.find_position(account, market.number)
        if in_liquidation(self.state, account, row):
            return k.R_IN_LIQUIDATION
        lots, worth = worth_of_all(market)
        place = market.pool.ranges.ranges.index(one)
        if lots[place] != 0 and is_profit_stale(market, self.state.now):  # it would be booked at the stale mark, and paid in cash
            return k.R_ORACLE_STALE
        if self.state.now - one.opened < market.pool_lock:
            return k.R_LIQUIDITY_LOCKED
        if not self.has_place(market, one.owner, lots[place]):
            return k.R_NOTIONAL_LIMIT
        if worth[place] > worth_at(self.state, market, market.mark):
            return k.R_POOL_MARGIN
        self.take_out(curve, market, one, int(liquidity))
        return 0

    def has_place(self, market: Market, owner: i64, lots: int) -> bool:
        """Is the owner's position, with all that a range could hand to him, within the market's bounds?"""
        row = self.state.find_position(owner, market.number)
        held: int = 0
        if row != NIL:
            cells = self.state.positions.cells
            size = int(cells[row + P_SIZE])
            held = max(abs(size + int(cells[row + P_BID_LOTS])), abs(size - int(cells[row + P_ASK_LOTS])))
        after = held + abs(lots)
        return after <= int(market.max_lots) and after * int(value_of(market, 1, market.mark)) <= int(MAX_NOTIONAL)

    def take_out(self, curve: Concentrated, market: Market, one: Range, liquidity: int) -> None:
        """Hand a part of a range to its owner; in a settled market money alone, since there it holds nothing any more.

        Where nothing may open, a market or an account that only reduces, its position goes to him all the same: it has been his since the
        range traded it, so nothing is opened, and from then on he may only bring it closer to zero.
        """
        part: i64 = int(one.amount) * liquidity // one.liquidity
        owner = one.owner
        number = one.number
        left = curve.remove(market, market.pool, number, liquidity)
        one.amount -= part
        value = value_of(market, left.lots, market.mark)  # signed
        gained: i64 = int(value) - left.cost
        fees: i64 = left.fees
        paid = part + fees
        pay_in(self.ledger, owner, market, -(paid + gained))
        lots = left.lots
        cost: i64 = left.cost
        if market.status == k.SETTLED:
            paid += gained
            lots = 0
            cost = 0
        elif lots != 0:
            row = self.state.position_row(owner, market.number)
            self.keeper.change_frozen(market.pool.row, -lots, abs_i64(value))
            self.keeper.receive(row, lots, abs_i64(value))
        taken: i64 = liquidity
        self.state.log.emit(k.E_LIQUIDITY_REMOVED, self.state.now, owner, market.number, taken, paid, number, lots, cost)

    def take_out_weak(self, market: Market) -> None:
        """Those ranges that could not carry their own position at the mark go to their owners."""
        curve = self.curve(market)
        if curve is None:
            return
        weak: list[Range] = []
        price = int(value_of(market, 1, market.mark))
        held, worth = worth_of_all(market)
        for place, one in enumerate(market.pool.ranges.ranges):
            lots = held[place]
            if one.owner != CURVE and lots != 0:
                needed: i64 = abs(lots) * price
                if worth[place] >= int(ppm_ceil(needed, market.pool_margin_ppm)):
                    continue
                if self.has_place(market, one.owner, lots):
                    weak.append(one)
        for one in weak:
            self.take_out(curve, market, one, one.liquidity)

    def check(self, market: Market) -> None:
        if self.curve(market) is not None and market.status != k.SETTLED and market.pool.row != NIL:
            held = self.state.positions.cells[market.pool.row + P_SIZE]
            assert market.pool.ranges.lots == held, "the ranges of a curve do not add up to its position"
