"""What an order would do: the one text of the rules by which an incoming order meets liquidity. Changes nothing.

The planner yields steps of (source, price, lots), one at a time, since each depends on what the one before did to positions. Matching
executes them as they come; a dry run books them on loan and goes on in the book behind them. Sources are the book and, if the market has
one, its curve: where it is better than the book by a tick or more, which is to say that the book wins a tie; where the book has nothing;
or as a share of what a maker is about to trade. Rules are price-time, self-trade prevention,
reduce-only, caps on open interest, and margin: an account that opens stays above the initial requirement of its positions, one that only
reduces above maintenance. A maker that fails is cancelled and the taker goes on; a taker that fails stops. A liquidation's taker is not
checked and pays no taker fee, and its makers get no rebate. Fees round up.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from ..money.exchanges import allows_spot
from ..money.margin import allows_change
from ..money.payoff import average_price, value_of
from ..schema.kinds import (
    BUY,
    ISOLATED,
    STP_CANCEL_MAKER,
    STP_CANCEL_TAKER,
    STP_DECREMENT,
    STP_NONE,
    X_CURVE,
    X_IMMEDIATE,
    X_MARGIN,
    X_OPEN_INTEREST,
    X_REDUCE_ONLY,
    X_SELF_TRADE,
)
from ..state.market import Market
from ..state.pools import Pool
from ..state.state import State
from ..state.tables import (
    L_HEAD,
    L_PRICE,
    O_ACCOUNT,
    O_NEXT,
    O_ORDER_ID,
    O_POSITION,
    O_REDUCE_ONLY,
    O_SIZE,
    O_TERMS,
    P_ACCOUNT,
    P_MODE,
    P_SIZE,
)
from ..state.terms import T_DISPLAY
from ..state.types import NIL, abs_i64, max_i64, min_i64, mul_div_floor, ppb_ceil, ppm_floor
from .access import only_reductions, reduces, reducible
from .allocation import Allocation
from .book import Book
from .curve_source import JIT, LAST_RESORT, NO_CURVE, SEPARATE, CurveSource
from .fee_tiers import FeeTiers
from .open_orders import hidden_lots
from .order import Order

FILL: Final[i64] = 0  # what a step is: the two trade
CANCEL: Final[i64] = 1  # the resting order is to be cancelled, the incoming one goes on
STOP: Final[i64] = 2  # the incoming order trades no more
CURVE_FILL: Final[i64] = 3  # the order and the curve trade
PASS: Final[i64] = 4  # no step: it is the book's turn
CANCEL_BOTH: Final[i64] = 5  # both are of one account: the resting order is to be cancelled, and the incoming one trades no more
DECREMENT: Final[i64] = 6  # both are of one account, and lose `lots` without a trade


def added_interest(taker_held: i64, maker_held: i64, signed: i64) -> i64:
    """What a fill of `signed` lots (the taker's sign) adds to the open interest of one side."""
    taker = max_i64(taker_held + signed, 0) - max_i64(taker_held, 0)
    return taker + max_i64(maker_held - signed, 0) - max_i64(maker_held, 0)


def exceeds_cap(market: Market, added: i64) -> bool:
    return market.open_interest_cap != 0 and added > 0 and market.open_interest + added > market.open_interest_cap


def is_worse(limit: i64, side: i64, price: i64) -> bool:
    """Is `price` worse than the limit of an order of this side?"""
    return price > limit if side == BUY else price < limit


class Planner:
    """The step at hand is in its attributes; `next_step` and `next_behind` say what kind of step it is."""

    def __init__(self, state: State, book: Book) -> None:
        self.state: State = state
        self.book: Book = book
        self.curves: CurveSource = book.curves
        self.allocation: Allocation = Allocation(state, book)  # asked where the market's rule is not price-time
        self.tiers: FeeTiers = FeeTiers(state)  # asked where fees depend on what an account has traded
        self.only_reductions: i64 = 0  # why nothing may open in the market at hand, 0 if it may
        # The step
        self.level: i64 = NIL
        self.slot: i64 = NIL  # the resting order
        self.price: i64 = 0  # [ticks]
        self.lots: i64 = 0
        self.taker_fee: i64 = 0  # [micro]
        self.maker_fee: i64 = 0
        self.reason: i64 = 0  # why there is no fill
        self.passed: i64 = 0  # [lots] of the part at hand that a dry run has traded with
        self.part: i64 = 0  # [lots] that the resting order shows, or in a dry run would show by now
        self.rest: i64 = 0  # [lots] that it has behind them
        self.again: list[tuple[int, int]] = []  # icebergs of the level that a dry run has gone through, and what they have left
        self.is_round: bool = False  # is it the turn of these?
        self.parts: i64 = 0  # that a dry run has met of what icebergs did not show when it began
        self.viewer: i64 = NIL  # the account to which a dry run shows no more than it may know: what others' icebergs show; NIL: the venue
        self.uniform: i64 = 0  # [ticks] the one price of a batch auction, 0: makers' own
        self.batch: set[int] = set()  # ids of the orders that came with the batch: whichever side they are on, they pay the taker fee
        # The step, if it is with the curve
        self.pool: Pool = state.markets[0].pool  # as it is after all steps so far: in a dry run a copy
        self.value: i64 = 0  # [micro] exact: a curve's prices are off the grid
        self.average: i64 = 0  # [ticks] rounded down; the price above stays where a dry run is in the book
        self.pool_fee: i64 = 0  # [micro] of the taker's fee
        self.shared: i64 = 0  # order id of the maker whose fill the curve has had its share of

    def begin(self, o: Order) -> None:
        self.only_reductions = only_reductions(o.market, self.state.now)
        self.level = NIL
        self.slot = NIL
        self.price = 0
        self.passed = 0
        if o.market.matching != 0:
            self.allocation.begin(o)
        if o.market.curve_role != NO_CURVE:
            self.pool = o.market.pool
            self.shared = 0

    def begin_dry(self, o: Order) -> None:
        """The same for a dry run, which leaves the curve as it is."""
        self.begin(o)
        self.again = []
        self.is_round = False
        self.parts = 0
        if o.market.curve_role != NO_CURVE:
            self.pool = o.market.pool.copy()

    def crosses(self, o: Order) -> i64:
        """A price that the order may trade at: the best of the book, else its limit if the curve is that good; 0 if none."""
        best = self.crosses_book(o)
        if best == 0 and o.market.matching != 0:
            best = self.allocation.crosses_rpi(o)
        if best == 0 and o.market.curve_role != NO_CURVE and o.market.curve_role != JIT:
            if self.curves.offered(o.market, o.market.pool, o.side, o.limit, 1) > 0:
                best = o.limit
        return best

    def crosses_book(self, o: Order) -> i64:
        """The best price of the book that the order may trade at; 0 if none."""
        best = self.book.best(o.market, 1 - o.side)
        if best != 0 and is_worse(o.limit, o.side, best):
            best = 0
        return best

    def next_step(self, o: Order) -> i64:
        """What happens next if all steps so far were executed: the order meets the first one of the best level."""
        market = o.market
        price = self.crosses_book(o)
        if market.is_plain == 0:
            step = self.next_by_rule(o, o.left, False) if market.matching != 0 else self.meet_curve(o, o.left, price)
            if step != PASS:
                return step
        if price == 0:
            self.reason = X_IMMEDIATE if market.is_plain != 0 else self.why_nothing_crosses(o)
            return STOP
        levels = self.state.levels.cells
        level = self.level
        if level == NIL or levels[level + L_PRICE] != price or levels[level + L_HEAD] == NIL:
            level = market.ladder.seek(price)
            self.level = level
        self.price = price
        slot = levels[level + L_HEAD]
        self.slot = slot
        step = self.match_maker(o, market, slot, self.state.orders.cells[slot + O_SIZE], o.left)
        return step if market.is_plain != 0 or step != FILL or market.jit_share_ppm == 0 else self.share_with_curve(o)

    def next_behind(self, o: Order, left: i64) -> i64:
        """What happens next in a dry run that has `left` to trade: what was traded with is passed over, since it is still in the book."""
        if o.market.matching != 0:
            return self.next_by_rule(o, left, True)
        if o.market.curve_role != NO_CURVE:
            step = self.meet_curve(o, left, self.price_behind(o))
            if step != PASS:
                return step
        slot = self.slot
        if slot == NIL:
            self.price = self.crosses_book(o)
        elif self.part == self.passed:
            slot = self.behind(slot)
            if slot == NIL:
                self.price = self.book.worse(o.market, 1 - o.side, self.price)
        if slot == NIL:
            if self.price == 0 or is_worse(o.limit, o.side, self.price):
                self.reason = self.why_nothing_crosses(o)
                return STOP
            slot = self.book.head(o.market, self.price)
            self.come_to(slot)
        self.slot = slot
        step = self.match_maker(o, o.market, slot, self.part - self.passed, left)
        if o.market.jit_share_ppm != 0 and step == FILL and self.share_with_curve(o) == CURVE_FILL:
            return CURVE_FILL
        if step == CANCEL:
            self.passed = self.part
            self.rest = 0
        else:
            self.passed += self.lots
        return step

    def come_to(self, slot: i64) -> None:
        """In a dry run, the next order of the queue."""
        self.passed = 0
        self.part = self.state.orders.cells[slot + O_SIZE]
        self.rest = hidden_lots(self.state, slot, self.viewer)

    def behind(self, slot: i64) -> i64:
        """In a dry run that is through with what an order shows, the next one of the level; NIL: there is none. An iceberg that has more
        comes again when all others have been met, as it would have gone to the end of the queue."""
        if self.rest > 0:
            self.again.append((int(slot), int(self.rest)))
        after: i64 = NIL
        if not self.is_round:
            after = self.state.orders.cells[slot + O_NEXT]
        if after != NIL:
            self.come_to(after)
            return after
        self.is_round = len(self.again) > 0
        if self.is_round:
            self.parts += 1
            number, left = self.again.pop(0)
            after = number
            self.part = min_i64(self.state.terms.cells[self.state.orders.cells[after + O_TERMS] + T_DISPLAY], left)
            self.rest = left - self.part
            self.passed = 0
        return after

    def next_by_rule(self, o: Order, left: i64, is_dry: bool) -> i64:
        """The same as `next_step` and `next_behind`, in a market where orders of one price are not filled by time alone."""
        allocation = self.allocation
        price = allocation.find(o, is_dry)
        if o.market.curve_role != NO_CURVE:
            step = self.meet_curve(o, left, price)
            if step != PASS:
                return step
        if price == 0:
            self.reason = self.why_nothing_crosses(o)
            return STOP
        self.price = price
        self.slot = allocation.meet(o.market, left)
        step = self.match_maker(o, o.market, self.slot, allocation.most, left)
        if o.market.jit_share_ppm != 0 and step == FILL:
            step = self.share_with_curve(o)
        if step == FILL or step == DECREMENT:
            allocation.took(self.lots)
        elif step == CANCEL:
            allocation.drop()
        return step

    def price_behind(self, o: Order) -> i64:
        """In a dry run, the price of the first order that was not traded with and is within the order's limit; 0 if there is none."""
        orders = self.state.orders.cells
        price = self.price if self.slot != NIL else self.crosses_book(o)
        is_last = self.slot != NIL and (self.is_round or orders[self.slot + O_NEXT] == NIL)
        if is_last and self.part == self.passed and self.rest == 0 and not self.again:
            price = self.book.worse(o.market, 1 - o.side, price)
        return 0 if price == 0 or is_worse(o.limit, o.side, price) else price

    # -- the curve ---------------------------------------------------------------------------------------------------------------

    def meet_curve(self, o: Order, left: i64, book_price: i64) -> i64:
        """A fill with the curve, where it is its turn before the book's price (0: the book has nothing); PASS if it is not."""
        role = o.market.curve_role
        if role == JIT or (role == LAST_RESORT and book_price != 0):
            return PASS
        bound = o.limit
        if book_price != 0:
            bound = book_price - 1 if o.side == BUY else book_price + 1
        lots = self.curves.offered(o.market, self.pool, o.side, bound, self.room(o, left))
        if lots == 0:
            return PASS
        return self.trade_with_curve(o, lots, self.curves.worth(o.market, self.pool, o.side, lots), PASS)

    def why_nothing_crosses(self, o: Order) -> i64:
        """A curve that can give no more is told, where there is nothing else to trade with."""
        if o.market.curve_role == SEPARATE and self.curves.is_exhausted(o.market, o.side):
            return X_CURVE
        return X_IMMEDIATE

    def share_with_curve(self, o: Order) -> i64:
        """Instead of the fill at hand: the curve's share of it first, once for each maker."""
        order_id = self.state.orders.cells[self.slot + O_ORDER_ID]
        if self.shared == order_id:
            return FILL
        self.shared = order_id
        maker_lots = self.lots
        maker_fee = self.maker_fee
        taker_fee = self.taker_fee
        lots = self.curves.jit(o.market, self.pool, o.side, self.price, self.room(o, maker_lots))
        if lots > 0:
            step = self.trade_with_curve(o, lots, value_of(o.market, lots, self.price), FILL)
            if step == CURVE_FILL:
                return step
        self.lots = maker_lots
        self.maker_fee = maker_fee
        self.taker_fee = taker_fee
        return FILL

    def room(self, o: Order, lots: i64) -> i64:
        """As many of `lots` as order and curve may trade, where only reductions are let in or an isolated position must end at zero."""
        cells = self.state.positions.cells
        if self.only_reductions != 0:
            lots = min_i64(lots, reducible(self.curves.inventory(o.market), 1 - o.side))
            if not o.is_forced:
                lots = min_i64(lots, reducible(cells[o.row + P_SIZE], o.side))
        return self.to_zero(o.row, o.side, lots) if lots > 0 else 0

    def trade_with_curve(self, o: Order, lots: i64, value: i64, otherwise: i64) -> i64:
        """The fees of a fill with the curve, and whether the order may have it; `otherwise` where there is nothing to trade."""
        market = o.market
        cells = self.state.positions.cells
        if value <= 0:
            return otherwise
        inventory = self.curves.inventory(market)
        signed = lots if o.side == BUY else -lots
        cost = value if o.side == BUY else -value
        held = cells[o.row + P_SIZE]
        if market.open_interest_cap != 0 and exceeds_cap(market, added_interest(held, inventory, signed)):
            self.reason = X_OPEN_INTEREST
            return STOP
        rate = market.taker_fee_ppb if market.has_fee_tiers == 0 else self.tiers.taker_fee(o.account, market)
        fee = 0 if o.is_forced else self.curve_fee(market, rate, inventory, signed, value)
        if not o.is_forced and not allows_change(self.state, market, o.row, signed, cost, fee, reduces(held, signed)):
            self.reason = X_MARGIN
            return STOP
        self.lots = lots
        self.value = value
        self.average = max_i64(1, average_price(market, lots, value))
        self.taker_fee = fee
        self.pool_fee = ppm_floor(fee, market.pool_fee_ppm)
        return CURVE_FILL

    def curve_fee(self, market: Market, rate: i64, inventory: i64, signed: i64, value: i64) -> i64:
        """[micro] What a trade that reduces the curve's position pays, and what one that raises it does (`rate` [ppb]); of both kinds, pro
        rata."""
        surcharge = market.averages.surcharge
        if market.reducing_fee_ppb == market.taker_fee_ppb:
            return ppb_ceil(value, rate + surcharge)
        lots = abs_i64(signed)
        closing = min_i64(lots, max_i64(inventory, 0) if signed > 0 else max_i64(-inventory, 0))
        part = mul_div_floor(value, closing, lots)
        return ppb_ceil(part, market.reducing_fee_ppb + surcharge) + ppb_ceil(value - part, rate + surcharge)

    # -- the book ----------------------------------------------------------------------------------------------------------------

    def match_maker(self, o: Order, market: Market, slot: i64, size: i64, left: i64) -> i64:
        """What happens when the order, with `left` to trade, meets a resting one with `size` open: FILL, CANCEL or STOP.

        Sets `lots` and the fees of the fill, or the `reason` why there is none. A fill that would take an isolated position through zero
        ends there, so that it does not matter how many makers a flip meets.
        """
        orders = self.state.orders.cells
        cells = self.state.positions.cells
        row = orders[slot + O_POSITION]
        if orders[slot + O_ACCOUNT] == o.account and o.self_trade != STP_NONE and self.uniform == 0:
            return self.meet_own(o.self_trade, min_i64(left, size))
        lots = min_i64(left, size)
        if orders[slot + O_REDUCE_ONLY] != 0:
            lots = min_i64(lots, reducible(cells[row + P_SIZE], 1 - o.side))
            self.reason = X_REDUCE_ONLY
            if lots == 0:
                return CANCEL
        if self.only_reductions != 0 and row != o.row:
            self.reason = self.only_reductions
            lots = min_i64(lots, reducible(cells[row + P_SIZE], 1 - o.side))
            if lots == 0:
                return CANCEL
            if not o.is_forced:
                lots = min_i64(lots, reducible(cells[o.row + P_SIZE], o.side))
                if lots == 0:
                    return STOP
        if row != o.row and (cells[row + P_MODE] == ISOLATED or cells[o.row + P_MODE] == ISOLATED):
            lots = self.to_zero(o.row, o.side, self.to_zero(row, 1 - o.side, lots))
        self.lots = lots
        return self.with_money(o, market, row, lots, value_of(market, lots, self.price if self.uniform == 0 else self.uniform))

    def meet_own(self, mode: i64, lots: i64) -> i64:
        """What happens instead of a trade of `lots` between two orders of one account: as the incoming one says."""
        self.reason = X_SELF_TRADE
        self.lots = lots
        if mode == STP_CANCEL_MAKER:
            return CANCEL
        if mode == STP_CANCEL_TAKER:
            return STOP
        return DECREMENT if mode == STP_DECREMENT else CANCEL_BOTH

    def came_with_batch(self) -> bool:
        """Did the resting order at hand come with the batch?"""
        return int(self.state.orders.cells[self.slot + O_ORDER_ID]) in self.batch

    def to_zero(self, row: i64, side: i64, lots: i64) -> i64:
        """`lots`, or as many as close an isolated position that they would flip."""
        cells = self.state.positions.cells
        closing = reducible(cells[row + P_SIZE], side)
        return closing if cells[row + P_MODE] == ISOLATED and 0 < closing < lots else lots

    def tiered_fees(self, o: Order, market: Market, row: i64, value: i64) -> tuple[i64, i64]:
        """The maker's and the taker's fee where tiers decide, by the same rules."""
        maker = self.state.positions.cells[row + P_ACCOUNT]
        surcharge = market.averages.surcharge
        maker_rate = self.tiers.maker_fee(maker, market)
        if self.uniform != 0 and self.came_with_batch():
            maker_rate = self.tiers.taker_fee(maker, market) + surcharge
        if o.is_forced:
            return ppb_ceil(value, max_i64(0, maker_rate)), 0
        return ppb_ceil(value, maker_rate), ppb_ceil(value, self.tiers.taker_fee(o.account, market) + surcharge)

    def with_money(self, o: Order, market: Market, row: i64, lots: i64, value: i64) -> i64:
        """The part of `match_maker` that looks at fees, caps and margin."""
        state = self.state
        maker_fee = ppb_ceil(value, market.maker_fee_ppb)
        if self.uniform != 0 and self.came_with_batch():
            maker_fee = ppb_ceil(value, market.taker_rate_ppb)
        taker_fee: i64 = 0
        if not o.is_forced:
            taker_fee = ppb_ceil(value, market.taker_rate_ppb)
        elif maker_fee < 0:
            maker_fee = 0  # a rebate is paid out of the taker's fee
        if market.has_fee_tiers != 0:
            maker_fee, taker_fee = self.tiered_fees(o, market, row, value)
        self.maker_fee = maker_fee
        self.taker_fee = taker_fee
        self.reason = X_MARGIN
        own = o.row
        if row == own:  # a self-trade changes nothing but the fees
            return FILL if o.is_forced or allows_change(state, market, row, 0, 0, taker_fee + maker_fee, False) else STOP
        cells = state.positions.cells
        signed = lots if o.side == BUY else -lots
        cost = value if o.side == BUY else -value
        held = cells[row + P_SIZE]
        if market.open_interest_cap != 0 and exceeds_cap(market, added_interest(cells[own + P_SIZE], held, signed)):
            self.reason = X_OPEN_INTEREST
            return STOP
        if market.is_spot != 0:
            if not allows_spot(state, market, row, -signed, value, maker_fee):
                return CANCEL
            return FILL if o.is_forced or allows_spot(state, market, own, signed, value, taker_fee) else STOP
        if not allows_change(state, market, row, -signed, -cost, maker_fee, reduces(held, -signed)):
            return CANCEL
        if not o.is_forced and not allows_change(state, market, own, signed, cost, taker_fee, reduces(cells[own + P_SIZE], signed)):
            return STOP
        return FILL
