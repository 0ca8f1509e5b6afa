"""Steps of a liquidation: ways to close positions. The base of all, and the first one, a market order into the book."""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64, mypyc_attr

from ..money.margin import row_maintenance, row_notional
from ..money.payoff import tick_value
from ..money.thresholds import slice_value
from ..state.state import State
from ..state.tables import P_SIZE
from ..state.types import MAX_AMOUNT, NIL, PPM, abs_i64, clamp_i64, div_ceil, max_i64, min_i64, mul_div_ceil, mul_div_floor
from .case import LiquidationCase
from .slices import whole_or_part

CASH_PAYERS: Final[i64] = 0  # what the limit of a liquidation order is
BANKRUPTCY: Final[i64] = 1
BAND: Final[i64] = 2
FILLABLE: Final[i64] = 3


def below_maintenance(equity: int, maintenance: int, adjustment: int, one: int) -> int:
    """How far an account is below maintenance, times an adjustment: from 0 to `one`, rounded down (dYdX's adjusted bankruptcy rating)."""
    return max(0, min(one, adjustment * (maintenance - equity) // max(1, maintenance)))


def fillable_value(held: int, at_mark: int, requirement: int, rating: int, spread: int, one: int) -> int:
    """What a position of `held` lots (signed), worth `at_mark` (unsigned), fetches (costs, if short) at its fillable price: as far from the
    mark as rating x spread x requirement, both in 1 / one, rounded down (dYdX)."""
    away = rating * spread * requirement // (one * one)
    return at_mark - away if held > 0 else at_mark + away


def worst_sale(due: i64, worth: i64, payers: i64, price: i64, spread_ppm: i64) -> i64:
    """The lowest price [ticks] for a slice that must fetch `due`, a tick being worth `worth`: the bankruptcy price or, where that is above
    the market and `payers` [micro] stand by, as far as they cover, and no further than the spread below `price`, rounded up.

    With no spread and payers enough: the bankruptcy price as long as the account is worth something, then the market's (Injective).
    """
    bankrupt = div_ceil(due, worth)
    if payers <= 0:
        return bankrupt
    covered: i64 = 0
    if payers < MAX_AMOUNT:
        covered = div_ceil(due - payers, worth)
    return min_i64(bankrupt, max_i64(covered, div_ceil(price * (PPM - spread_ppm), PPM)))


def worst_purchase(due: i64, worth: i64, payers: i64, price: i64, spread_ppm: i64, highest: i64) -> i64:
    """The same for a short: the highest price [ticks], at most `highest` where nothing else bounds it, rounded down."""
    bankrupt = due // worth
    if payers <= 0:
        return bankrupt
    covered = highest
    if payers < MAX_AMOUNT:
        covered = (due + payers) // worth
    return max_i64(bankrupt, min_i64(covered, price * (PPM + spread_ppm) // PPM))


@mypyc_attr(allow_interpreted_subclasses=True)
class LiquidationStep:
    """A way to close positions. `act` is called in every pass while the liquidation is at this step.

    When `patience` is over, or `act` gives up, it is the turn of the next step; after the last one that of auto-deleveraging.
    """

    def __init__(self, patience: i64 = 0) -> None:
        self.patience: i64 = patience  # [ns]
        self.acts_again: bool = False  # also in the passes of the steps after it, ahead of them?

    def ready(self, case: LiquidationCase) -> bool:
        """May a liquidation that the step before could not end come here?"""
        return True

    def act(self, case: LiquidationCase) -> bool:
        """Do what can be done now; True: this step gives up, go on to the next one."""
        return True

    def on_leave(self, case: LiquidationCase, outcome: i64) -> None:
        """The liquidation has left this step."""

    def holder(self) -> i64:
        """The account that keeps what this step takes over; NIL: it takes nothing over."""
        return NIL

    def is_exhausted(self, state: State, asset: i64) -> bool:
        """Has that account no more money for what it holds in the asset? It is then deleveraged like any loser."""
        return False

    def loss_left(self, state: State, asset: i64) -> i64:
        """What that account may still lose in the asset before it takes nothing more over [micro]; 0: it takes nothing over there."""
        return 0


class BookStep(LiquidationStep):
    """A market order for the position, with a limit, so that nobody can be paid out of the fund for buying cheaply from himself.

    The limit is the bankruptcy price, at which the account ends at zero and nobody pays (BANKRUPTCY). Where that is out of the market's
    reach because the account is worth less than nothing at the mark, the order may go further (CASH_PAYERS, the default): as far as the
    cash payers ahead of auto-deleveraging can cover, and no further than `spread_ppm` beyond the mark, taken at the oracle where that is
    the better price for the position: a mark that was pushed away from the oracle sells nothing cheaply. BAND goes to the price band
    whoever pays; it can be drained, and is there to show that. FILLABLE starts at the mark and goes away from it as the account goes
    below maintenance (dYdX), never further than CASH_PAYERS would. The band binds in every case.

    Above `partial_above` of notional the first order is for `partial_ppm` of the position; during `cooldown` after a partial liquidation,
    and for good below that notional, orders are for all of it (Hyperliquid).
    """

    def __init__(
        self, patience: i64, partial_ppm: i64, partial_above: i64, cooldown: i64, band_ppm: i64, limited_by: i64, spread_ppm: i64,
        adjustment_ppm: i64, margin_spread_ppm: i64,
    ) -> None:  # fmt: skip
        super().__init__(patience)
        self.partial_ppm: i64 = partial_ppm
        self.partial_above: i64 = partial_above  # [micro]
        self.cooldown: i64 = cooldown  # [ns]
        self.band_ppm: i64 = band_ppm
        self.limited_by: i64 = limited_by
        self.spread_ppm: i64 = spread_ppm
        self.adjustment_ppm: i64 = adjustment_ppm  # of FILLABLE
        self.margin_spread_ppm: i64 = margin_spread_ppm  # of the requirement, where the account is worth nothing

    def act(self, case: LiquidationCase) -> bool:
        partial = self.is_partial(case)
        filled: i64 = 0
        for row in case.free_rows():
            held = case.state.positions.cells[row + P_SIZE]
            lots = abs_i64(held)
            if partial:
                lots = whole_or_part(case.market_of(row), held, mul_div_ceil(lots, self.partial_ppm, PPM))
            filled += self.sell(case, row, held, lots)
            if case.equity() >= case.maintenance():
                break
        if partial and filled > 0:
            case.state.accounts.partial[case.account] = case.state.now
        return False

    def is_partial(self, case: LiquidationCase) -> bool:
        if self.partial_ppm >= PPM:
            return False
        notional: i64 = 0
        for row in case.rows():
            notional += row_notional(case.state, row)
        last = case.state.accounts.partial[case.account]
        return notional > self.partial_above and (last == NIL or case.state.now - last > self.cooldown)

    def sell(self, case: LiquidationCase, row: i64, held: i64, lots: i64) -> i64:
        """Send the order and settle what it closed; returns how much. Named for a long; a short buys."""
        due = case.slices.bankruptcy_value(row, case.solvency(), case.maintenance())
        return case.close_in_book(row, lots, self.limit(case, row, held, lots, due))

    def limit(self, case: LiquidationCase, row: i64, held: i64, lots: i64, due: i64) -> i64:
        """The worst price [ticks] that the order may trade at. `due`: what the whole position must fetch for its account to end at zero."""
        market = case.market_of(row)
        mark = market.mark
        oracle = market.oracle
        worth = tick_value(market, lots)
        slice_due = mul_div_floor(due, lots, abs_i64(held))
        payers: i64 = 0
        if self.limited_by == CASH_PAYERS or self.limited_by == FILLABLE:
            payers = case.slices.backstops.available(row)
        if held > 0:
            bottom = max_i64(1, div_ceil(mark * (PPM - self.band_ppm), PPM))
            if self.limited_by == BAND:
                return bottom
            lowest = worst_sale(slice_due, worth, payers, max_i64(mark, oracle), self.spread_ppm)
            if self.limited_by == FILLABLE:
                lowest = max_i64(lowest, div_ceil(self.fillable(case, row, held, lots), worth))
            return clamp_i64(lowest, bottom, market.max_price)
        top = min_i64(market.max_price, mark * (PPM + self.band_ppm) // PPM)
        if self.limited_by == BAND:
            return top
        highest = worst_purchase(slice_due, worth, payers, min_i64(mark, oracle), self.spread_ppm, market.max_price)
        if self.limited_by == FILLABLE:
            highest = min_i64(highest, self.fillable(case, row, held, lots) // worth)
        return clamp_i64(highest, 1, top)

    def fillable(self, case: LiquidationCase, row: i64, held: i64, lots: i64) -> i64:
        """What a slice of `lots` fetches, or costs, at the fillable price [micro]."""
        rating = below_maintenance(int(case.equity()), int(case.maintenance()), int(self.adjustment_ppm), int(PPM))
        at_mark, requirement = row_notional(case.state, row), row_maintenance(case.state, row)
        whole: i64 = fillable_value(int(held), int(at_mark), int(requirement), rating, int(self.margin_spread_ppm), int(PPM))
        return slice_value(max_i64(0, whole), lots, held)
