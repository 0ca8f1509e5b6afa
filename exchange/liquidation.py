"""How a position is closed: the liquidation pass, the bookkeeping of liquidations under way, and the market order into the book.

A pass follows each mark move and funding payment, and a retry timer while liquidations are under way. It takes every account below
maintenance once, by rising equity / maintenance, ties by account number; all liquidations of a pass come before its auto-deleveraging;
passes never nest. A design lists its steps (book, dutch_auction, takeover); a liquidation goes to the next one when the step at hand
gives up, or its patience has run out, and what no step could close is for the backstops.

Whatever slice of a position is closed, its account's equity is split over its positions pro rata to maintenance; a slice that fetches
less than its share makes a deficit, paid at once, so that what remains keeps its bankruptcy price. Shares are rounded against the
position, deficits down with them.
"""

from __future__ import annotations

from typing import Final

from librt.vecs import vec
from mypy_extensions import i64, mypyc_attr

from . import kinds as k
from .backstop import Backstops
from .entry import is_stale
from .ledger import Ledger
from .margin import (
    cross_equity,
    cross_maintenance,
    cross_notional,
    equity_share,
    row_equity,
    row_maintenance,
    row_notional,
    slice_value,
    value_of,
)
from .matching import Incoming, Matcher
from .tables import State, column, more
from .types import (
    FIRST_USER,
    HALTED,
    INSURANCE,
    ISOLATED,
    NIL,
    PAUSE_LIQUIDATION,
    PPB,
    abs_i64,
    max_i64,
    min_i64,
    ppm_ceil,
    ppm_floor,
)


class Liquidations:
    """One row per liquidation under way: of an account's cross positions in an asset, or of one isolated position."""

    def __init__(self, rows: i64) -> None:
        self.account: vec[i64] = column(rows, NIL)  # NIL: a free row
        self.asset: vec[i64] = column(rows, 0)
        self.row: vec[i64] = column(rows, NIL)  # the isolated position, or NIL
        self.step: vec[i64] = column(rows, 0)
        self.since: vec[i64] = column(rows, 0)  # when the step began
        self.auction: vec[i64] = column(rows, 0)  # id of the auction under way, 0: none
        self.insolvent_since: vec[i64] = column(rows, NIL)  # when the auction turned to paying its bidders, NIL: not
        self.exhausted: vec[i64] = column(rows, 0)  # 1: every step has had its turn
        self.rows: i64 = rows
        self.live: i64 = 0

    def new_row(self) -> i64:
        at: i64 = 0
        while at < self.rows and self.account[at] != NIL:
            at += 1
        if at == self.rows:
            self.grow()
        self.live += 1
        return at

    def grow(self) -> None:
        """Nobody keeps an alias of these columns, so they may grow within a command."""
        add = self.rows
        self.account = more(self.account, add, NIL)
        self.asset = more(self.asset, add, 0)
        self.row = more(self.row, add, NIL)
        self.step = more(self.step, add, 0)
        self.since = more(self.since, add, 0)
        self.auction = more(self.auction, add, 0)
        self.insolvent_since = more(self.insolvent_since, add, NIL)
        self.exhausted = more(self.exhausted, add, 0)
        self.rows = add * 2


@mypyc_attr(allow_interpreted_subclasses=True)
class LiquidationStep:
    """A way to close positions. `act` is called in every pass while the liquidation is at this step."""

    def __init__(self, patience: i64) -> None:
        self.patience: i64 = patience  # [ns]

    def ready(self, desk: LiquidationDesk, at: i64) -> bool:
        """May a liquidation that the step before could not end come here?"""
        return True

    def act(self, desk: LiquidationDesk, at: i64) -> bool:
        """Do what can be done now; True: this step gives up, go on to the next one."""
        return True

    def forget(self, desk: LiquidationDesk, at: i64, outcome: i64) -> None:
        """The liquidation has left this step."""

    def deleverage(self, desk: LiquidationDesk) -> None:
        """End of a pass: close what the step itself holds and has no more money for."""


@mypyc_attr(allow_interpreted_subclasses=True)
class Screen:
    """Says which accounts a pass must examine. It may name too many, never too few."""

    def suspects(self, state: State) -> list[int]:
        """Account numbers, rising."""
        return list(range(FIRST_USER, state.accounts.count))


SCREENS: Final[list[Screen]] = []  # the one that new venues use, if any: the package puts it here where it helps


class LiquidationDesk:
    def __init__(
        self, state: State, ledger: Ledger, matcher: Matcher, backstops: Backstops, steps: list[LiquidationStep], retry: i64,
        fee_ppm: i64, fund_share_ppm: i64, fee_to: i64, surplus_to: i64,
    ) -> None:  # fmt: skip
        self.state: State = state
        self.ledger: Ledger = ledger
        self.matcher: Matcher = matcher
        self.backstops: Backstops = backstops
        self.steps: list[LiquidationStep] = steps
        self.table: Liquidations = Liquidations(16)
        self.retry: i64 = retry  # [ns] between passes while liquidations are under way
        self.fee_ppm: i64 = fee_ppm  # of the value closed, taken from what a slice fetched beyond its bankruptcy value
        self.fund_share_ppm: i64 = fund_share_ppm  # of the fee: to the insurance fund
        self.fee_to: i64 = fee_to  # a system account: the rest of the fee
        self.surplus_to: i64 = surplus_to  # a system account, or NIL: it stays with the trader
        self.next_pass: i64 = 0  # [ns] 0: no retry wanted
        self.last_auction: i64 = 0
        self.order: Incoming = Incoming()
        self.in_pass: bool = False
        self.screen: Screen | None = None

    # -- the pass ---------------------------------------------------------------------------------------------------------------

    def run_pass(self) -> None:
        assert not self.in_pass, "liquidation passes never nest"
        self.in_pass = True
        self.backstops.begin_pass()
        for key in self.found():
            self.take(key[1], key[2])
        self.deleverage_all()
        self.in_pass = False
        self.next_pass = self.state.now + self.retry if self.table.live > 0 else 0

    def found(self) -> list[tuple[int, int, int]]:
        """(equity / maintenance in ppb, account, isolated position or -1 - asset) of all below maintenance, in the order of the pass."""
        keys: list[tuple[int, int, int]] = []
        screen = self.screen
        if screen is None:
            account = FIRST_USER
            while account < self.state.accounts.count:
                self.examine(account, keys)
                account += 1
        else:
            for suspect in screen.suspects(self.state):
                self.examine(suspect, keys)
        self.end_recovered()
        keys.sort()
        return keys

    def examine(self, account: i64, keys: list[tuple[int, int, int]]) -> None:
        """Add what is below maintenance of one account: its cross positions per asset, and each isolated position."""
        state = self.state
        accounts = state.accounts
        positions = state.positions
        if accounts.first_position[account] == NIL:
            return
        asset: i64 = 0
        while asset < accounts.assets:
            required = cross_maintenance(state, account, asset)
            if required > 0:
                equity = cross_equity(state, account, asset)
                if equity < required:
                    keys.append((int(equity) * int(PPB) // int(required), int(account), int(-1 - asset)))
            asset += 1
        row = accounts.first_position[account]
        while row != NIL:
            if positions.mode[row] == ISOLATED and positions.size[row] != 0:
                required = row_maintenance(state, row)
                equity = row_equity(state, row)
                if equity < required:
                    keys.append((int(equity) * int(PPB) // max(1, int(required)), int(account), int(row)))
            row = positions.next[row]

    def end_recovered(self) -> None:
        """Liquidations whose account is at or above maintenance again are over."""
        table = self.table
        at: i64 = 0
        while at < table.rows:
            if table.account[at] != NIL and self.equity(at) >= self.maintenance(at):
                self.end(at, k.END_RECOVERED)
            at += 1

    def take(self, account: i64, which: i64) -> None:
        """Liquidate one account (`which` = -1 - asset) or isolated position (`which` = its row) in this pass."""
        state = self.state
        row = which if which >= 0 else NIL
        asset = state.markets.asset[state.positions.market[row]] if row != NIL else -1 - which
        if self.is_paused(account, row):
            return
        at = self.find(account, row, asset)
        if at == NIL:
            if not self.is_below(account, row, asset):
                return  # a fill of this pass has helped it
            at = self.begin(account, row, asset)
        self.advance(at)

    def advance(self, at: i64) -> None:
        """Let the step at hand act, and those after it that it leaves the account to. After the last one it starts over."""
        table = self.table
        while True:
            step = self.steps[table.step[at]]
            gives_up = step.act(self, at)
            self.end_if_done(at)
            if table.account[at] == NIL or not (gives_up or self.state.now - table.since[at] >= step.patience):
                return
            after = table.step[at] + 1
            if after < len(self.steps) and not self.steps[after].ready(self, at):
                return
            step.forget(self, at, k.END_FAILED)
            table.since[at] = self.state.now
            if after == len(self.steps):
                table.exhausted[at] = 1
                table.step[at] = 0
                return
            table.step[at] = after

    def is_paused(self, account: i64, row: i64) -> bool:
        """Is one of its markets halted, or its oracle stale where that pauses liquidations?"""
        state = self.state
        positions = state.positions
        at = row if row != NIL else state.accounts.first_position[account]
        while at != NIL:
            market = positions.market[at]
            if positions.size[at] != 0:
                if state.markets.status[market] == HALTED:
                    return True
                if state.markets.on_stale[market] == PAUSE_LIQUIDATION and is_stale(state, market):
                    return True
            at = positions.next[at] if row == NIL else NIL
        return False

    def is_below(self, account: i64, row: i64, asset: i64) -> bool:
        if row != NIL:
            return row_equity(self.state, row) < row_maintenance(self.state, row)
        return cross_equity(self.state, account, asset) < cross_maintenance(self.state, account, asset)

    # -- liquidations under way -------------------------------------------------------------------------------------------------

    def find(self, account: i64, row: i64, asset: i64) -> i64:
        if row != NIL:
            return self.state.positions.liquidation[row]
        at = self.state.accounts.liquidation[account]
        if at == NIL or self.table.asset[at] == asset:
            return at
        at = 0
        while at < self.table.rows:
            if self.table.account[at] == account and self.table.row[at] == NIL and self.table.asset[at] == asset:
                return at
            at += 1
        return NIL

    def begin(self, account: i64, row: i64, asset: i64) -> i64:
        state = self.state
        table = self.table
        at = table.new_row()
        table.account[at] = account
        table.row[at] = row
        table.asset[at] = asset
        table.step[at] = 0
        table.since[at] = state.now
        table.auction[at] = 0
        table.insolvent_since[at] = NIL
        table.exhausted[at] = 0
        market: i64 = NIL
        if row != NIL:
            state.positions.liquidation[row] = at
            market = state.positions.market[row]
        else:
            state.accounts.liquidation[account] = at
        notional = row_notional(state, row) if row != NIL else cross_notional(state, account, asset)
        state.log.emit(
            k.E_LIQUIDATION_STARTED, state.now, account, market, self.equity(at), self.maintenance(at), notional,
        )  # fmt: skip
        if row != NIL:
            self.matcher.cancel_row(row, k.X_LIQUIDATION)
        else:
            self.matcher.cancel_account(account, k.X_LIQUIDATION)
        return at

    def equity(self, at: i64) -> i64:
        row = self.table.row[at]
        return row_equity(self.state, row) if row != NIL else cross_equity(self.state, self.table.account[at], self.table.asset[at])

    def maintenance(self, at: i64) -> i64:
        row = self.table.row[at]
        if row != NIL:
            return row_maintenance(self.state, row)
        return cross_maintenance(self.state, self.table.account[at], self.table.asset[at])

    def rows_of(self, at: i64) -> list[i64]:
        """The open position rows that a liquidation is about, by market."""
        state = self.state
        positions = state.positions
        only = self.table.row[at]
        rows: list[i64] = []
        row = state.accounts.first_position[self.table.account[at]]
        while row != NIL:
            if positions.size[row] != 0:
                if only == row:
                    rows.append(row)
                elif only == NIL and positions.mode[row] != ISOLATED:
                    if state.markets.asset[positions.market[row]] == self.table.asset[at]:
                        rows.append(row)
            row = positions.next[row]
        return rows

    def end_if_done(self, at: i64) -> None:
        if self.table.account[at] == NIL:
            return
        if len(self.rows_of(at)) == 0:
            self.end(at, k.END_FLAT)
        elif self.equity(at) >= self.maintenance(at):
            self.end(at, k.END_RECOVERED)

    def end(self, at: i64, outcome: i64) -> None:
        state = self.state
        table = self.table
        account = table.account[at]
        row = table.row[at]
        self.steps[table.step[at]].forget(self, at, outcome)
        if outcome == k.END_FLAT:
            self.settle_rest(at)
        market: i64 = NIL
        if row != NIL:
            market = state.positions.market[row]
            state.positions.liquidation[row] = NIL
        table.account[at] = NIL
        table.live -= 1
        if row == NIL:
            state.accounts.liquidation[account] = NIL
            self.relink(account)
        state.log.emit(k.E_LIQUIDATION_ENDED, state.now, account, market, outcome)

    def relink(self, account: i64) -> None:
        """Another asset's liquidation of the account may still be under way."""
        at: i64 = 0
        while at < self.table.rows:
            if self.table.account[at] == account and self.table.row[at] == NIL:
                self.state.accounts.liquidation[account] = at
                return
            at += 1

    def settle_rest(self, at: i64) -> None:
        """Nothing is open any more: a rest below zero (rounding) is a deficit, one above zero goes where the design says."""
        state = self.state
        account = self.table.account[at]
        row = self.table.row[at]
        rest = self.equity(at)
        anchor = row if row != NIL else self.any_row(account, self.table.asset[at])
        if rest < 0:
            market = state.positions.market[anchor]
            state.log.emit(k.E_LIQUIDATED, state.now, account, market, k.BY_SETTLEMENT, 0, 0, -rest, 0)
            self.backstops.fold(anchor, -rest)
        elif rest > 0 and self.surplus_to != NIL:
            self.ledger.pay(anchor, self.surplus_to, rest)
            state.log.emit(k.E_SURPLUS_PAID, state.now, account, self.surplus_to, self.table.asset[at], rest)
        if row != NIL:
            self.ledger.to_isolated(row, -state.positions.isolated_margin[row])

    def any_row(self, account: i64, asset: i64) -> i64:
        """A cross position row of the account that settles in the asset."""
        state = self.state
        row = state.accounts.first_position[account]
        while state.positions.mode[row] == ISOLATED or state.markets.asset[state.positions.market[row]] != asset:
            row = state.positions.next[row]
        return row

    # -- closing slices ---------------------------------------------------------------------------------------------------------

    def bankruptcy_value(self, at: i64, row: i64) -> i64:
        """What the whole position must fetch (cost, if short) for its share of the equity to end at zero [micro]; may be negative."""
        share = equity_share(self.state, row, self.equity(at), self.maintenance(at))
        at_mark = row_notional(self.state, row)
        return at_mark - share if self.state.positions.size[row] > 0 else at_mark + share

    def settle_slice(self, at: i64, row: i64, held: i64, lots: i64, value: i64, due: i64, method: i64) -> None:
        """Book the outcome of a slice: `lots` (unsigned) of `held` (signed) closed for `value`, of a position due to fetch `due` in all."""
        state = self.state
        if lots == 0:
            return
        part = slice_value(due, lots, held)
        gained = value - part if held > 0 else part - value
        fee: i64 = 0
        deficit: i64 = 0
        if gained < 0:
            deficit = -gained
        elif gained > 0:
            fee = min_i64(gained, ppm_ceil(value, self.fee_ppm))
        positions = state.positions
        signed = lots if held > 0 else -lots
        state.log.emit(
            k.E_LIQUIDATED, state.now, positions.account[row], positions.market[row], method, signed, value, deficit, fee,
        )  # fmt: skip
        if fee > 0:
            to_fund = ppm_floor(fee, self.fund_share_ppm)
            self.ledger.pay(row, INSURANCE, to_fund)
            self.ledger.pay(row, self.fee_to, fee - to_fund)
        self.backstops.fold(row, deficit)

    # -- auto-deleveraging ------------------------------------------------------------------------------------------------------

    def deleverage_all(self) -> None:
        """After all liquidations of the pass: what no step could close, if the design deleverages."""
        if self.backstops.adl is None:
            return
        table = self.table
        at: i64 = 0
        while at < table.rows:
            if table.account[at] != NIL and self.may_deleverage(at):
                self.deleverage(at)
            at += 1
        for step in self.steps:
            step.deleverage(self)

    def may_deleverage(self, at: i64) -> bool:
        """Every step has had its turn and the trigger holds."""
        table = self.table
        if table.exhausted[at] == 0 or self.is_paused(table.account[at], table.row[at]):
            return False
        rows = self.rows_of(at)
        return len(rows) > 0 and self.backstops.is_triggered(rows[0], self.equity(at))

    def deleverage(self, at: i64) -> None:
        for row in self.rows_of(at):
            self.deleverage_row(row, self.bankruptcy_value(at, row))
        self.end_if_done(at)

    def deleverage_row(self, row: i64, bankrupt: i64) -> None:
        """Close a loser's position against the ranked winners, at its bankruptcy value or the mark, whichever is worse for them."""
        adl = self.backstops.adl
        assert adl is not None
        held = self.state.positions.size[row]
        at_mark = row_notional(self.state, row)
        value = at_mark
        if adl.at_bankruptcy:
            value = max_i64(at_mark, bankrupt) if held > 0 else max_i64(0, min_i64(at_mark, bankrupt))
        lots = self.backstops.deleverage(row, abs_i64(held), value)
        if lots > 0:
            self.settle_deleveraged(row, held, lots, value, bankrupt)

    def settle_deleveraged(self, row: i64, held: i64, lots: i64, value: i64, bankrupt: i64) -> None:
        """Report the slice's bad debt against the mark; what the price did not cover is a deficit for the cash payers."""
        state = self.state
        part = slice_value(value, lots, held)
        due = slice_value(bankrupt, lots, held)
        at_mark = value_of(state.markets, state.positions.market[row], lots, state.markets.mark[state.positions.market[row]])
        debt = max_i64(0, due - at_mark if held > 0 else at_mark - due)
        short_of = max_i64(0, due - part if held > 0 else part - due)
        positions = state.positions
        signed = lots if held > 0 else -lots
        state.log.emit(
            k.E_LIQUIDATED, state.now, positions.account[row], positions.market[row], k.BY_ADL, signed, part, debt, 0,
        )  # fmt: skip
        self.backstops.fold(row, short_of)
