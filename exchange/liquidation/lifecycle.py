"""The life of a liquidation: a table of phases and of what leads from one to the next, and what happens with money on the way.

A design lists its steps (book, dutch_auction, takeover); a liquidation goes to the next one when the step at hand gives up, or its patience
has run out. After the last one it starts over, and what no step could close is for the backstops. It ends when nothing is open any more,
or when the account is above maintenance again, whatever helped it.

A suspended market (`access`) holds back only the positions in it. While all that a liquidation is about is held back, its clock stands.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from ..money.collateral import has_collateral
from ..money.ledger import Ledger
from ..money.margin import cross_notional, market_of, row_notional
from ..schema import kinds as k
from ..state.liquidations import Liquidation
from ..state.market import Market
from ..state.schedule import LIQUIDATION_PASS
from ..state.state import State
from ..state.tables import P_ACCOUNT, P_ISOLATED_MARGIN, P_LIQUIDATION, P_MARKET, P_MODE, P_NEXT, P_REALISED, P_SIZE, SPOT_MODE
from ..state.types import FIRST_USER, NEVER, NIL, max_i64, min_i64
from .case import LiquidationCase, open_rows
from .sales import cover_debt
from .slices import Slices
from .steps import LiquidationStep

# Phases
AT_WORK: Final[i64] = 0  # the step at hand acts in every pass
OFFER_FALLS: Final[i64] = 1  # an auction is open, and asks for less and less
OFFER_RISES: Final[i64] = 2  # an auction is open, and its bidders are paid more and more
OVER: Final[i64] = 3

# What happens to it
OPENED: Final[i64] = 1  # its step opened an auction
TURNED_INSOLVENT: Final[i64] = 2  # there is nothing left to ask for
TURNED_SOLVENT: Final[i64] = 3  # the account is worth something again, and time is left to ask for it
WENT_ON: Final[i64] = 4  # its step gave up or ran out of patience, the next one is at work
STARTED_OVER: Final[i64] = 5  # so did the last one: the first is at work again, and what is left may be deleveraged
ENDED: Final[i64] = 6  # recovered, or nothing is open any more

TRANSITIONS: Final[dict[tuple[int, int], int]] = {
    (0, 1): 1,  # AT_WORK, OPENED -> OFFER_FALLS
    (1, 2): 2,  # OFFER_FALLS, TURNED_INSOLVENT -> OFFER_RISES
    (2, 3): 1,  # OFFER_RISES, TURNED_SOLVENT -> OFFER_FALLS
    (0, 4): 0,  # any, WENT_ON -> AT_WORK
    (1, 4): 0,
    (2, 4): 0,
    (0, 5): 0,  # any, STARTED_OVER -> AT_WORK
    (1, 5): 0,
    (2, 5): 0,
    (0, 6): 3,  # any, ENDED -> OVER
    (1, 6): 3,
    (2, 6): 3,
}


def move(liquidation: Liquidation, happening: i64) -> None:
    """Into the phase that the table says; what it does not say cannot happen."""
    after = TRANSITIONS.get((int(liquidation.phase), int(happening)))
    assert after is not None, f"in phase {liquidation.phase} of a liquidation {happening} cannot happen"
    liquidation.phase = after


class Lifecycle:
    def __init__(self, state: State, ledger: Ledger, slices: Slices, steps: list[LiquidationStep], deleverages: bool) -> None:
        self.state: State = state
        self.ledger: Ledger = ledger
        self.slices: Slices = slices
        self.steps: list[LiquidationStep] = steps
        self.deleverages: bool = deleverages

    def case(self, liquidation: Liquidation) -> LiquidationCase:
        """What its steps are handed."""
        return LiquidationCase(self.state, self.slices, liquidation, len(self.steps) > 1, self.deleverages)

    def step(self, liquidation: Liquidation) -> LiquidationStep:
        """The one at hand."""
        return self.steps[liquidation.step]

    def wake(self) -> None:
        """Let there be a pass within the retry time."""
        schedule = self.state.schedule
        if schedule.time(LIQUIDATION_PASS, 0) == NEVER:
            schedule.set(LIQUIDATION_PASS, 0, self.state.now + self.slices.terms.retry)

    def has_unexamined(self) -> bool:
        """Is there a market whose positions a pass has to look at?"""
        for market in self.state.markets:
            if market.unexamined != 0:
                return True
        return False

    # -- begin, go on, end ---------------------------------------------------------------------------------------------------------

    def begin(self, account: i64, row: i64, asset: i64) -> Liquidation:
        """Liquidate an isolated position (`row`), or the account's cross positions in an asset (`row` is NIL): its orders go first."""
        state = self.state
        liquidation = Liquidation(account, row, asset, state.now)
        state.liquidations.add(liquidation)
        case = self.case(liquidation)
        if row != NIL:
            state.positions.cells[row + P_LIQUIDATION] = 1
        else:
            state.accounts.liquidations[account] += 1
            self.forget_realised(account, asset)
        notional = row_notional(state, row) if row != NIL else cross_notional(state, account, asset)
        state.log.emit(
            k.E_LIQUIDATION_STARTED, state.now, account, case.isolated_market, case.equity(), case.maintenance(), notional,
        )  # fmt: skip
        if row != NIL:
            self.slices.matcher.open.cancel_row(row, k.X_LIQUIDATION)
        else:
            self.slices.matcher.open.cancel_account(account, k.X_LIQUIDATION)
        return liquidation

    def forget_realised(self, account: i64, asset: i64) -> None:
        """What flat positions lost in an earlier liquidation is no cause of this one."""
        cells = self.state.positions.cells
        row = self.state.accounts.first_position[account]
        while row != NIL:
            if cells[row + P_SIZE] == 0 and market_of(self.state, row).asset == asset:
                cells[row + P_REALISED] = 0
            row = cells[row + P_NEXT]

    def advance(self, liquidation: Liquidation) -> None:
        """Let the step at hand act, and those after it that it leaves the account to. After the last one it starts over."""
        case = self.case(liquidation)
        self.act_again(liquidation, case)
        while liquidation.phase != OVER:
            step = self.step(liquidation)
            gives_up = step.act(case)
            self.end_if_done(liquidation)
            if liquidation.phase == OVER or case.is_held():
                return
            if not (gives_up or self.state.now - liquidation.since >= step.patience):
                return
            after = liquidation.step + 1
            if after < len(self.steps) and not self.steps[after].ready(case):
                return
            step.on_leave(case, k.END_FAILED)
            liquidation.since = self.state.now
            if after == len(self.steps):
                move(liquidation, STARTED_OVER)
                liquidation.exhausted = True
                liquidation.step = 0
                return
            move(liquidation, WENT_ON)
            liquidation.step = after

    def act_again(self, liquidation: Liquidation, case: LiquidationCase) -> None:
        """The steps ahead of the one at hand that have their turn in every pass."""
        number: i64 = 0
        while number < liquidation.step:
            if self.steps[number].acts_again:
                self.steps[number].act(case)
                self.end_if_done(liquidation)
                if liquidation.phase == OVER:
                    return
            number += 1

    def end_if_done(self, liquidation: Liquidation) -> None:
        if liquidation.phase == OVER:
            return
        case = self.case(liquidation)
        if len(case.rows()) == 0:
            self.end(liquidation, k.END_FLAT)
        elif case.equity() >= case.maintenance():
            self.end(liquidation, k.END_RECOVERED)

    def end(self, liquidation: Liquidation, outcome: i64) -> None:
        state = self.state
        case = self.case(liquidation)
        market = case.isolated_market
        self.step(liquidation).on_leave(case, outcome)
        if outcome == k.END_FLAT:
            self.settle_rest(case)
        if liquidation.row != NIL:
            state.positions.cells[liquidation.row + P_LIQUIDATION] = 0
        else:
            state.accounts.liquidations[liquidation.account] -= 1
        move(liquidation, ENDED)
        state.liquidations.remove(liquidation)
        if outcome == k.END_FLAT and liquidation.row == NIL and state.margin_alerts.live != 0:
            state.margin_alerts.wipe_out(liquidation.account, liquidation.asset)
        state.log.emit(k.E_LIQUIDATION_ENDED, state.now, liquidation.account, market, outcome)

    def settle_rest(self, case: LiquidationCase) -> None:
        """Nothing is open any more: a rest below zero (rounding) is a deficit, one above zero goes where the design says."""
        state = self.state
        cells = state.positions.cells
        row = case.liquidation.row
        asset = case.liquidation.asset
        if row == NIL and state.has_collateral:
            cover_debt(self.slices, case.account, asset)
        rest = case.solvency()
        if row == NIL and state.has_collateral:  # what stands in for cash stays
            rest = min_i64(rest, max_i64(0, state.accounts.cash[case.account * state.accounts.assets + asset]))
        anchor = row if row != NIL else self.any_row(case.account, case.liquidation.asset)
        surplus_to = self.slices.terms.surplus_to
        if rest < 0:
            self.slices.settle_debt(anchor, -rest)
        elif rest > 0 and surplus_to != NIL:
            self.ledger.pay(anchor, surplus_to, rest)
            state.log.emit(k.E_SURPLUS_PAID, state.now, case.account, surplus_to, case.liquidation.asset, rest)
        if row != NIL:
            self.ledger.to_isolated(row, -cells[row + P_ISOLATED_MARGIN])

    def any_row(self, account: i64, asset: i64) -> i64:
        """The row that a debt in an asset belongs to when nothing is open: one that was held on cross; of who owes without one, since he
        was debited or calls his positions isolated now, that of a spot market in which he had what stood in for cash."""
        cells = self.state.positions.cells
        spot: i64 = NIL
        row = self.state.accounts.first_position[account]
        while row != NIL:
            if market_of(self.state, row).asset == asset:
                if cells[row + P_MODE] == k.CROSS:
                    return row
                if cells[row + P_MODE] == SPOT_MODE:
                    spot = row
            row = cells[row + P_NEXT]
        assert spot != NIL, "an account that owes without a position row"
        return spot

    # -- what helps or harms an account from outside -------------------------------------------------------------------------------

    def recover(self, account: i64) -> None:
        """After something that may have helped the account: end those of its liquidations that are no longer called for."""
        state = self.state
        if state.accounts.liquidations[account] != 0:
            asset: i64 = 0
            while asset < state.accounts.assets:
                found = state.liquidations.find(account, NIL, asset)
                if found is not None:
                    self.end_if_done(found)
                asset += 1
        cells = state.positions.cells
        row = state.accounts.first_position[account]
        while row != NIL:
            if cells[row + P_LIQUIDATION] != 0:
                isolated = state.liquidations.find(account, row, NIL)
                assert isolated is not None, "an isolated liquidation that is not listed"
                self.end_if_done(isolated)
            row = cells[row + P_NEXT]

    def touch(self, account: i64) -> None:
        """After something that may have harmed the account: let the next pass look at its positions."""
        cells = self.state.positions.cells
        row = self.state.accounts.first_position[account]
        while row != NIL:
            if cells[row + P_SIZE] != 0:
                market_of(self.state, row).unexamined = 1
            row = cells[row + P_NEXT]

    def resume(self, market: Market) -> None:
        """Called before a suspension of the market ends: clocks that stood still will go on from where they stood."""
        state = self.state
        for liquidation in state.liquidations.listed():
            case = self.case(liquidation)
            lag = state.now - case.clock()
            if lag > 0:
                for row in case.rows():
                    if state.positions.cells[row + P_MARKET] == market.number:
                        liquidation.since += lag
                        if liquidation.insolvent_since != NIL:
                            liquidation.insolvent_since += lag
        market.unexamined = 1
        self.wake()

    # -- proof ---------------------------------------------------------------------------------------------------------------------

    def check(self) -> None:
        """The list agrees with what accounts and positions say of it; no account owes money that nobody will ask for."""
        state = self.state
        crosses: i64 = 0
        isolated: i64 = 0
        for it in state.liquidations.listed():
            assert state.liquidations.find(it.account, it.row, it.asset) is it, "a liquidation that is listed as another"
            assert (it.auction != 0) == (it.phase == OFFER_FALLS or it.phase == OFFER_RISES), "an auction in the wrong phase"
            assert it.auction == 0 or state.liquidations.of_auction(it.auction) is it, "an auction that leads astray"
            assert (it.insolvent_since != NIL) == (it.phase == OFFER_RISES) and it.phase != OVER, "a liquidation in the wrong phase"
            assert len(self.case(it).rows()) > 0, "a liquidation of nothing"
            if it.row != NIL:
                assert state.positions.cells[it.row + P_LIQUIDATION] == 1 and state.positions.cells[it.row + P_ACCOUNT] == it.account
                isolated += 1
            else:
                crosses += 1
        assert state.liquidations.auctions.keys() == {int(it.auction) for it in state.liquidations.listed() if it.auction != 0}
        account: i64 = 0
        while account < state.accounts.count:
            crosses -= state.accounts.liquidations[account]
            row = state.accounts.first_position[account]
            while row != NIL:
                isolated -= state.positions.cells[row + P_LIQUIDATION]
                row = state.positions.cells[row + P_NEXT]
            if account >= FIRST_USER:
                self.check_debt(account)
            account += 1
        assert crosses == 0 and isolated == 0, "an account or a position says wrongly that it is being liquidated"

    def check_debt(self, account: i64) -> None:
        accounts = self.state.accounts
        asset: i64 = 0
        while asset < accounts.assets:
            if len(open_rows(self.state, account, NIL, asset)) == 0:
                cash = accounts.cash[account * accounts.assets + asset]
                assert cash >= 0 or has_collateral(self.state, account, asset), f"account {account} owes money for nothing"
            asset += 1
