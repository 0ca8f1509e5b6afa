"""The liquidation pass: whom it finds, in which order it takes them, and what it leaves to auto-deleveraging.

A pass follows each mark move, funding payment and debit, and a timer while liquidations are under way or something waits for a look. It
takes the accounts below maintenance once, by rising equity / maintenance, ties by account number; all liquidations of a pass come before
its auto-deleveraging; passes never nest. It looks at the markets whose positions have changed in value since it last did, at what is
under way, and at who has assets that stand in for cash.
"""

from __future__ import annotations

from mypy_extensions import i64

from ..money.collateral import has_collateral
from ..money.margin import cross_equity, cross_maintenance, cross_rows, market_of, row_equity, row_maintenance, row_notional
from ..money.thresholds import slice_value
from ..schema import kinds as k
from ..state.liquidations import Liquidation
from ..state.schedule import LIQUIDATION_PASS
from ..state.state import State
from ..state.tables import P_ACCOUNT, P_ISOLATED_MARGIN, P_LIQUIDATION, P_MODE, P_NEXT, P_NEXT_OPEN, P_SIZE
from ..state.types import FIRST_USER, MAX_LOTS, NIL, PPB, abs_i64, max_i64, min_i64
from ..trading.access import is_suspended
from ..trading.margin_alerts import MarginAlertDesk
from ..trading.pool_money import lots_to_close
from .adl import Deleveraging
from .case import LiquidationCase, free_rows, open_rows
from .lifecycle import Lifecycle
from .sales import cover_debt, owes_for_nothing, owes_too_much
from .screening import Screen, check_alarms
from .slices import Slices


def ratio_ppb(equity: i64, maintenance: i64) -> int:
    """Equity / maintenance in ppb, rounded down: the lower, the worse off."""
    return int(equity) * int(PPB) // max(1, int(maintenance))


class LiquidationPass:
    def __init__(self, state: State, slices: Slices, lifecycle: Lifecycle, adl: Deleveraging | None, screen: Screen | None) -> None:
        self.state: State = state
        self.slices: Slices = slices
        self.lifecycle: Lifecycle = lifecycle
        self.adl: Deleveraging | None = adl
        self.screen: Screen | None = screen
        self.is_running: bool = False
        self.alerts: MarginAlertDesk = MarginAlertDesk(state)

    def run(self) -> None:
        assert not self.is_running, "liquidation passes never nest"
        self.is_running = True
        state = self.state
        state.passes += 1
        if self.adl is not None:
            self.adl.begin_pass()
        for key in self.found():
            self.liquidate(key[1], key[2])
        if self.adl is not None:
            self.deleverage_all(self.adl)
        self.look_after_pools()
        self.is_running = False
        state.schedule.cancel(LIQUIDATION_PASS, 0)
        if len(state.liquidations.under_way) > 0 or self.lifecycle.has_unexamined():
            self.lifecycle.wake()
        if state.margin_alerts.live != 0:
            self.alerts.look_at_all()

    # -- who is below maintenance --------------------------------------------------------------------------------------------------

    def found(self) -> list[tuple[int, int, int]]:
        """(equity / maintenance in ppb, account, isolated position or -1 - asset) of all below maintenance, in the order of the pass."""
        keys: list[tuple[int, int, int]] = []
        for liquidation in self.state.liquidations.listed():
            case = self.lifecycle.case(liquidation)
            equity = case.equity()
            required = case.maintenance()
            if equity >= required:
                self.lifecycle.end(liquidation, k.END_RECOVERED)
            else:
                key = liquidation.key
                keys.append((ratio_ppb(equity, required), key[0], key[1]))
        if self.lifecycle.has_unexamined() or self.state.has_collateral:
            self.find_new(keys)
        keys.sort()
        return keys

    def find_new(self, keys: list[tuple[int, int, int]]) -> None:
        """Add what is below maintenance in the markets that have not been looked at since their positions changed in value."""
        state = self.state
        cells = state.positions.cells
        screen = self.screen
        if screen is not None:
            for suspect in screen.suspects(state):
                if state.has_collateral:
                    self.settle_owed(suspect)
                row = state.accounts.first_position[suspect]
                while row != NIL:
                    if cells[row + P_SIZE] != 0 and (market_of(state, row).unexamined != 0 or state.has_collateral):
                        self.examine(row, keys)
                    row = cells[row + P_NEXT]
        for market in state.markets:
            if market.unexamined != 0:
                market.unexamined = 0
                row = market.first_open if screen is None else NIL
                while row != NIL:
                    self.examine(row, keys)
                    row = cells[row + P_NEXT_OPEN]

    def examine(self, row: i64, keys: list[tuple[int, int, int]]) -> None:
        """Add the position if it is isolated and below maintenance; else its account's cross positions in the asset, once in a pass."""
        state = self.state
        cells = state.positions.cells
        account = cells[row + P_ACCOUNT]
        if account < FIRST_USER:
            return
        if cells[row + P_MODE] == k.ISOLATED:
            if cells[row + P_LIQUIDATION] == 0:
                required = row_maintenance(state, row)
                equity = row_equity(state, row)
                if equity < required:
                    keys.append((ratio_ppb(equity, required), int(account), int(row)))
            return
        asset = market_of(state, row).asset
        key = account * state.accounts.assets + asset
        if state.accounts.examined[key] == state.passes:
            return
        if state.accounts.liquidations[account] != 0 and state.liquidations.find(account, NIL, asset) is not None:
            return
        state.accounts.examined[key] = state.passes
        required = cross_maintenance(state, account, asset)
        equity = cross_equity(state, account, asset)
        if equity < required:
            keys.append((ratio_ppb(equity, required), int(account), int(-1 - asset)))

    def settle_owed(self, account: i64) -> None:
        """Who owes and has no position, or owes more than he may, has what stands in for cash sold; what is still owed without a position,
        with nothing left to sell, is a deficit."""
        state = self.state
        asset: i64 = 0
        while asset < state.accounts.assets:
            if account >= FIRST_USER and owes_for_nothing(state, account, asset):
                cover_debt(self.slices, account, asset)
                owed = -state.accounts.cash[account * state.accounts.assets + asset]
                if owed > 0 and not has_collateral(state, account, asset):
                    self.slices.begin()
                    self.slices.settle_debt(self.lifecycle.any_row(account, asset), owed)
                    self.slices.end()
            elif account >= FIRST_USER and owes_too_much(state, account, asset):
                cover_debt(self.slices, account, asset)
            asset += 1

    def liquidate(self, account: i64, which: i64) -> None:
        """Liquidate one account (`which` = -1 - asset) or isolated position (`which` = its row) in this pass."""
        state = self.state
        row = which if which >= 0 else NIL
        asset = market_of(state, row).asset if row != NIL else -1 - which
        liquidation = state.liquidations.find(account, row, asset)
        if liquidation is None:
            if not self.is_below(account, row, asset):
                return  # a fill of this pass has helped it
            if len(free_rows(state, open_rows(state, account, row, asset))) == 0:
                return  # its markets are suspended: when one is no longer, its positions are looked at again
            if row == NIL and state.margin_alerts.live != 0:
                self.alerts.look(account)
            liquidation = self.lifecycle.begin(account, row, asset)
        elif self.lifecycle.case(liquidation).is_held():
            return
        self.lifecycle.advance(liquidation)

    def is_below(self, account: i64, row: i64, asset: i64) -> bool:
        if row != NIL:
            return row_equity(self.state, row) < row_maintenance(self.state, row)
        return cross_equity(self.state, account, asset) < cross_maintenance(self.state, account, asset)

    def check(self) -> None:
        """Nobody below maintenance will be overlooked."""
        check_alarms(self.state)

    # -- what no step could close --------------------------------------------------------------------------------------------------

    def deleverage_all(self, adl: Deleveraging) -> None:
        """After all liquidations of the pass: what no step could close, the worst off first. With `fund_insufficient`, while all deficits
        together, or the account's own, are more than the cash payers ahead can pay."""
        owed: list[int] = [0] * int(self.state.accounts.assets)
        losers: list[tuple[int, int, int]] = []  # equity / maintenance in ppb, account, number in the list below
        listed = self.state.liquidations.listed()
        for number, liquidation in enumerate(listed):
            case = self.lifecycle.case(liquidation)
            equity = case.equity()
            if equity < 0:
                owed[liquidation.asset] += int(-equity)
                if liquidation.exhausted and not case.is_held():
                    losers.append((ratio_ppb(equity, case.maintenance()), int(liquidation.account), number))
        losers.sort()
        for loser in losers:
            self.deleverage_loser(adl, listed[loser[2]], owed)
        for step in self.lifecycle.steps:
            if step.holder() != NIL:
                for row in open_rows_of_all_assets(self.state, step.holder()):
                    market = market_of(self.state, row)
                    if not is_suspended(market, self.state.now) and step.is_exhausted(self.state, market.asset):
                        self.deleverage_held(adl, step.holder(), row, market.asset)

    def deleverage_loser(self, adl: Deleveraging, liquidation: Liquidation, owed: list[int]) -> None:
        if not self.state.liquidations.is_under_way(liquidation):
            return  # as a winner of another it is no longer liquidated
        case = self.lifecycle.case(liquidation)
        debt = max_i64(0, -case.equity())
        if debt > 0 and self.is_triggered(adl, case, debt, owed[liquidation.asset]):
            for row in case.free_rows():
                self.deleverage_row(adl, row, self.slices.bankruptcy_value(row, case.solvency(), case.maintenance()))
            self.lifecycle.end_if_done(liquidation)
            left = max_i64(0, -case.equity()) if self.state.liquidations.is_under_way(liquidation) else 0
            owed[liquidation.asset] -= int(debt - left)

    def is_triggered(self, adl: Deleveraging, case: LiquidationCase, debt: i64, owed: int) -> bool:
        row = case.free_rows()[0]
        backstops = self.slices.backstops
        enough = debt <= backstops.available(row) and owed <= int(backstops.purse(row))
        return not (adl.rule.when_fund_insufficient and enough)

    def deleverage_held(self, adl: Deleveraging, holder: i64, row: i64, asset: i64) -> None:
        """A position that a step has taken over and has no more money for."""
        equity = cross_equity(self.state, holder, asset)
        self.deleverage_row(adl, row, self.slices.bankruptcy_value(row, equity, cross_maintenance(self.state, holder, asset)))

    def look_after_pools(self) -> None:
        """Curves whose pools owe winners more than they may: those are deleveraged, where the design has that. Else a pool pays as winners
        close; what it then lacks, in money and not by a price that may come back, is a deficit."""
        state = self.state
        for market in state.markets:
            row = market.pool.row
            if row == NIL or market.pool_is_virtual != 0 or is_suspended(market, state.now):
                continue
            if self.adl is not None:
                lots = lots_to_close(state, market, market.pool_adl_trigger_ppm, market.pool_adl_target_ppm)
                if lots != 0:
                    before = state.positions.cells[row + P_SIZE]
                    self.deleverage_row(self.adl, row, self.slices.bankruptcy_value(row, row_equity(state, row), 0), lots)
                    self.slices.matcher.curves.follow(market, before, self.adl.booked)
            lacking = min_i64(-row_equity(state, row), -state.positions.cells[row + P_ISOLATED_MARGIN])
            if lacking > 0:
                self.slices.begin()
                self.slices.settle_debt(row, lacking)
                self.slices.end()

    def deleverage_row(self, adl: Deleveraging, row: i64, bankrupt: i64, most: i64 = MAX_LOTS) -> None:
        """Close a loser's position, or as much as `most` lots of it, against the ranked winners, at its bankruptcy value or the mark,
        whichever is worse for them, but no further from the mark than the whole value of a lot."""
        held = self.state.positions.cells[row + P_SIZE]
        asked = min_i64(abs_i64(held), most)
        value = row_notional(self.state, row)
        if adl.rule.at_bankruptcy:
            value = min_i64(2 * value, max_i64(value, bankrupt)) if held > 0 else max_i64(0, min_i64(value, bankrupt))
        self.slices.begin()
        lots = adl.deleverage(row, asked, slice_value(value, asked, held))
        if lots > 0:
            self.slices.settle_deleveraged(row, held, lots, adl.booked, bankrupt)
        for winner in adl.winners:
            self.settle_emptied(winner)
        self.slices.end()
        for winner in adl.winners:
            account = self.state.positions.cells[winner + P_ACCOUNT]
            self.lifecycle.recover(account)
            self.lifecycle.touch(account)

    def settle_emptied(self, row: i64) -> None:
        """A winner who holds nothing any more and is below zero, since a loss shared in this pass took more than he had: what he lacks is a
        deficit like any other. Who has what stands in for cash owes it."""
        state = self.state
        cells = state.positions.cells
        account = cells[row + P_ACCOUNT]
        market = market_of(state, row)
        lacking = -state.accounts.cash[account * state.accounts.assets + market.asset]
        if lacking <= 0 or len(cross_rows(state, account, market.asset)) > 0:
            return
        if cells[row + P_SIZE] != 0 or state.liquidations.find(account, NIL, market.asset) is not None:
            return  # an isolated position that is still open; a liquidation under way settles its own rest
        if not (state.has_collateral and has_collateral(state, account, market.asset)):  # else they are sold for it, at the next pass
            self.slices.settle_debt(row, lacking)
        if cells[row + P_MODE] == k.ISOLATED:
            self.slices.ledger.to_isolated(row, -cells[row + P_ISOLATED_MARGIN])


def open_rows_of_all_assets(state: State, account: i64) -> list[i64]:
    """The open positions of an account, by market."""
    cells = state.positions.cells
    rows: list[i64] = []
    row = state.accounts.first_position[account]
    while row != NIL:
        if cells[row + P_SIZE] != 0:
            rows.append(row)
        row = cells[row + P_NEXT]
    return rows
