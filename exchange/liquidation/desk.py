"""How a position is closed: the liquidation pass and the life of a liquidation.

A pass follows each mark move and funding payment, and a timer while liquidations are under way or something waits to be looked at. It
takes the accounts below maintenance once, by rising equity / maintenance, ties by account number; all liquidations of a pass come before
its auto-deleveraging; passes never nest. It looks at the markets whose positions have changed in value since it last did, and at what is
under way. A design lists its steps (book, dutch_auction, takeover); a liquidation goes to the next one when the step at hand gives up, or
its patience has run out, and what no step could close is for the backstops.

A suspended market (`access`) holds back only the positions in it. While all that a liquidation is about is held back, its clock stands.

Whatever slice of a position is closed, its account's equity is split over its positions pro rata to maintenance; a slice that fetches
less than its share makes a deficit, paid at once, so that what remains keeps its bankruptcy price. Shares are rounded against the
position, deficits down with them.
"""

from __future__ import annotations

from mypy_extensions import i64, mypyc_attr

from ..money.ledger import Ledger
from ..money.margin import cross_equity, cross_maintenance, cross_notional, row_equity, row_maintenance, row_notional
from ..schema import kinds as k
from ..state.liquidations import Liquidations, Screen
from ..state.tables import State
from ..state.types import FIRST_USER, ISOLATED, NIL, PPB, abs_i64, max_i64, min_i64
from ..trading.access import is_suspended, suspended_since
from ..trading.matching import Matcher
from ..trading.open_orders import Incoming
from .adl import Deleveraging
from .backstops import Backstops
from .slices import Slices, Terms


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


class LiquidationDesk:
    def __init__(
        self, state: State, ledger: Ledger, matcher: Matcher, backstops: Backstops, adl: Deleveraging | None,
        steps: list[LiquidationStep], terms: Terms,
    ) -> None:  # fmt: skip
        self.state: State = state
        self.ledger: Ledger = ledger
        self.matcher: Matcher = matcher
        self.backstops: Backstops = backstops
        self.adl: Deleveraging | None = adl
        self.steps: list[LiquidationStep] = steps
        self.terms: Terms = terms
        self.slices: Slices = Slices(state, ledger, backstops, terms)
        self.table: Liquidations = Liquidations(16)
        self.next_pass: i64 = 0  # [ns] 0: no retry wanted
        self.order: Incoming = Incoming()
        self.in_pass: bool = False
        self.passes: i64 = 0
        self.screen: Screen | None = None

    # -- the pass ---------------------------------------------------------------------------------------------------------------

    def run_pass(self) -> None:
        assert not self.in_pass, "liquidation passes never nest"
        self.in_pass = True
        self.passes += 1
        if self.adl is not None:
            self.adl.begin_pass()
        for key in self.found():
            self.take(key[1], key[2])
        self.deleverage_all()
        self.in_pass = False
        self.next_pass = 0
        if self.table.live > 0 or self.has_unexamined():
            self.wake()

    def wake(self) -> None:
        """Let there be a pass within the retry time."""
        if self.next_pass == 0:
            self.next_pass = self.state.now + self.terms.retry

    def has_unexamined(self) -> bool:
        unexamined = self.state.markets.unexamined
        market: i64 = 0
        while market < self.state.markets.count:
            if unexamined[market] != 0:
                return True
            market += 1
        return False

    def found(self) -> list[tuple[int, int, int]]:
        """(equity / maintenance in ppb, account, isolated position or -1 - asset) of all below maintenance, in the order of the pass."""
        keys: list[tuple[int, int, int]] = []
        table = self.table
        at = table.first
        while at != NIL:
            after = table.next[at]
            equity = self.equity(at)
            required = self.maintenance(at)
            if equity >= required:
                self.end(at, k.END_RECOVERED)
            else:
                which = int(table.row[at]) if table.row[at] != NIL else int(-1 - table.asset[at])
                keys.append((int(equity) * int(PPB) // max(1, int(required)), int(table.account[at]), which))
            at = after
        if self.has_unexamined():
            self.find_new(keys)
        keys.sort()
        return keys

    def find_new(self, keys: list[tuple[int, int, int]]) -> None:
        """Add what is below maintenance in the markets that have not been looked at since their positions changed in value."""
        markets = self.state.markets
        positions = self.state.positions
        screen = self.screen
        if screen is not None:
            for suspect in screen.suspects(self.state):
                row = self.state.accounts.first_position[suspect]
                while row != NIL:
                    if positions.size[row] != 0 and markets.unexamined[positions.market[row]] != 0:
                        self.examine(row, keys)
                    row = positions.next[row]
        market: i64 = 0
        while market < markets.count:
            if markets.unexamined[market] != 0:
                markets.unexamined[market] = 0
                row = markets.first_open[market] if screen is None else NIL
                while row != NIL:
                    self.examine(row, keys)
                    row = positions.next_open[row]
            market += 1

    def examine(self, row: i64, keys: list[tuple[int, int, int]]) -> None:
        """Add the position if it is isolated and below maintenance; else its account's cross positions in the asset, once in a pass."""
        state = self.state
        positions = state.positions
        account = positions.account[row]
        if account < FIRST_USER:
            return
        if positions.mode[row] == ISOLATED:
            if positions.liquidation[row] == NIL:
                required = row_maintenance(state, row)
                equity = row_equity(state, row)
                if equity < required:
                    keys.append((int(equity) * int(PPB) // max(1, int(required)), int(account), int(row)))
            return
        asset = state.markets.asset[positions.market[row]]
        key = account * state.accounts.assets + asset
        if state.accounts.examined[key] == self.passes or self.find(account, NIL, asset) != NIL:
            return
        state.accounts.examined[key] = self.passes
        required = cross_maintenance(state, account, asset)
        equity = cross_equity(state, account, asset)
        if equity < required:
            keys.append((int(equity) * int(PPB) // max(1, int(required)), int(account), int(-1 - asset)))

    def take(self, account: i64, which: i64) -> None:
        """Liquidate one account (`which` = -1 - asset) or isolated position (`which` = its row) in this pass."""
        state = self.state
        row = which if which >= 0 else NIL
        asset = state.markets.asset[state.positions.market[row]] if row != NIL else -1 - which
        at = self.find(account, row, asset)
        if at == NIL:
            if not self.is_below(account, row, asset):
                return  # a fill of this pass has helped it
            if len(self.free_of(self.open_rows(account, row, asset))) == 0:
                return  # its markets are suspended: when one is no longer, its positions are looked at again
            at = self.begin(account, row, asset)
        elif self.is_held(at):
            return
        self.advance(at)

    def advance(self, at: i64) -> None:
        """Let the step at hand act, and those after it that it leaves the account to. After the last one it starts over."""
        table = self.table
        while True:
            step = self.steps[table.step[at]]
            gives_up = step.act(self, at)
            self.end_if_done(at)
            if table.account[at] == NIL or self.is_held(at):
                return
            if not (gives_up or self.state.now - table.since[at] >= step.patience):
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

    def is_below(self, account: i64, row: i64, asset: i64) -> bool:
        if row != NIL:
            return row_equity(self.state, row) < row_maintenance(self.state, row)
        return cross_equity(self.state, account, asset) < cross_maintenance(self.state, account, asset)

    # -- suspended markets ------------------------------------------------------------------------------------------------------

    def open_rows(self, account: i64, row: i64, asset: i64) -> list[i64]:
        """The open position rows that a liquidation is about, by market."""
        state = self.state
        positions = state.positions
        rows: list[i64] = []
        if row != NIL:
            if positions.size[row] != 0:
                rows.append(row)
            return rows
        row = state.accounts.first_position[account]
        while row != NIL:
            if positions.size[row] != 0 and positions.mode[row] != ISOLATED and state.markets.asset[positions.market[row]] == asset:
                rows.append(row)
            row = positions.next[row]
        return rows

    def rows_of(self, at: i64) -> list[i64]:
        return self.open_rows(self.table.account[at], self.table.row[at], self.table.asset[at])

    def free_of(self, rows: list[i64]) -> list[i64]:
        """Those whose market is not suspended: what may be closed now."""
        free: list[i64] = []
        for row in rows:
            if not is_suspended(self.state, self.state.positions.market[row]):
                free.append(row)
        return free

    def free_rows(self, at: i64) -> list[i64]:
        return self.free_of(self.rows_of(at))

    def is_held(self, at: i64) -> bool:
        """Is all that the liquidation is about held back?"""
        return len(self.free_rows(at)) == 0

    def clock(self, at: i64) -> i64:
        """The time [ns] by the liquidation's clock: now, or since when everything that it is about is held back."""
        if not self.is_held(at):
            return self.state.now
        latest: i64 = 0
        for row in self.rows_of(at):
            latest = max_i64(latest, suspended_since(self.state, self.state.positions.market[row]))
        return min_i64(latest, self.state.now)

    def resume(self, market: i64) -> None:
        """Called before a suspension of the market ends: clocks that stood still will go on from where they stood."""
        table = self.table
        at = table.first
        while at != NIL:
            lag = self.state.now - self.clock(at)
            if lag > 0:
                for row in self.rows_of(at):
                    if self.state.positions.market[row] == market:
                        table.since[at] += lag
                        if table.insolvent_since[at] != NIL:
                            table.insolvent_since[at] += lag
            at = table.next[at]
        self.state.markets.unexamined[market] = 1
        self.wake()

    # -- liquidations under way -------------------------------------------------------------------------------------------------

    def find(self, account: i64, row: i64, asset: i64) -> i64:
        if row != NIL:
            return self.state.positions.liquidation[row]
        at = self.state.accounts.liquidation[account]
        while at != NIL and self.table.asset[at] != asset:
            at = self.table.same_account[at]
        return at

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
            table.same_account[at] = state.accounts.liquidation[account]
            state.accounts.liquidation[account] = at
            self.forget_realised(account, asset)
        notional = row_notional(state, row) if row != NIL else cross_notional(state, account, asset)
        state.log.emit(
            k.E_LIQUIDATION_STARTED, state.now, account, market, self.equity(at), self.maintenance(at), notional,
        )  # fmt: skip
        if row != NIL:
            self.matcher.open.cancel_row(row, k.X_LIQUIDATION)
        else:
            self.matcher.open.cancel_account(account, k.X_LIQUIDATION)
        return at

    def forget_realised(self, account: i64, asset: i64) -> None:
        """What flat positions lost in an earlier liquidation is no cause of this one."""
        positions = self.state.positions
        row = self.state.accounts.first_position[account]
        while row != NIL:
            if positions.size[row] == 0 and self.state.markets.asset[positions.market[row]] == asset:
                positions.realised[row] = 0
            row = positions.next[row]

    def equity(self, at: i64) -> i64:
        row = self.table.row[at]
        return row_equity(self.state, row) if row != NIL else cross_equity(self.state, self.table.account[at], self.table.asset[at])

    def maintenance(self, at: i64) -> i64:
        row = self.table.row[at]
        if row != NIL:
            return row_maintenance(self.state, row)
        return cross_maintenance(self.state, self.table.account[at], self.table.asset[at])

    def end_if_done(self, at: i64) -> None:
        if self.table.account[at] == NIL:
            return
        if len(self.rows_of(at)) == 0:
            self.end(at, k.END_FLAT)
        elif self.equity(at) >= self.maintenance(at):
            self.end(at, k.END_RECOVERED)

    def recover(self, account: i64) -> None:
        """After something that may have helped the account: end those of its liquidations that are no longer called for."""
        at = self.state.accounts.liquidation[account]
        while at != NIL:
            after = self.table.same_account[at]
            self.end_if_done(at)
            at = after
        row = self.state.accounts.first_position[account]
        while row != NIL:
            if self.state.positions.liquidation[row] != NIL:
                self.end_if_done(self.state.positions.liquidation[row])
            row = self.state.positions.next[row]

    def touch(self, account: i64) -> None:
        """After something that may have harmed the account: let the next pass look at its positions."""
        row = self.state.accounts.first_position[account]
        while row != NIL:
            if self.state.positions.size[row] != 0:
                self.state.markets.unexamined[self.state.positions.market[row]] = 1
            row = self.state.positions.next[row]

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
        else:
            self.unlink(account, at)
        table.free_row(at)
        state.log.emit(k.E_LIQUIDATION_ENDED, state.now, account, market, outcome)

    def unlink(self, account: i64, at: i64) -> None:
        """Take a cross liquidation out of its account's list."""
        accounts = self.state.accounts
        table = self.table
        if accounts.liquidation[account] == at:
            accounts.liquidation[account] = table.same_account[at]
            return
        before = accounts.liquidation[account]
        while table.same_account[before] != at:
            before = table.same_account[before]
        table.same_account[before] = table.same_account[at]

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
        elif rest > 0 and self.terms.surplus_to != NIL:
            self.ledger.pay(anchor, self.terms.surplus_to, rest)
            state.log.emit(k.E_SURPLUS_PAID, state.now, account, self.terms.surplus_to, self.table.asset[at], rest)
        if row != NIL:
            self.ledger.to_isolated(row, -state.positions.isolated_margin[row])

    def any_row(self, account: i64, asset: i64) -> i64:
        """A cross position row of the account that settles in the asset; one that was liquidated has one."""
        state = self.state
        row = state.accounts.first_position[account]
        while state.positions.mode[row] == ISOLATED or state.markets.asset[state.positions.market[row]] != asset:
            row = state.positions.next[row]
            assert row != NIL, "a liquidated account without a position row"
        return row

    # -- auto-deleveraging ------------------------------------------------------------------------------------------------------

    def deleverage_all(self) -> None:
        """After all liquidations of the pass: what no step could close, if the design deleverages; the worst off first. With
        `fund_insufficient`, while all deficits together, or the account's own, are more than the cash payers ahead can pay."""
        adl = self.adl
        if adl is None:
            return
        owed: list[int] = [0] * int(self.state.accounts.assets)
        losers: list[tuple[int, int, int]] = []  # equity / maintenance in ppb, account, row of the table
        table = self.table
        at = table.first
        while at != NIL:
            equity = self.equity(at)
            if equity < 0:
                owed[table.asset[at]] += int(-equity)
                if table.exhausted[at] != 0 and not self.is_held(at):
                    losers.append((int(equity) * int(PPB) // max(1, int(self.maintenance(at))), int(table.account[at]), int(at)))
            at = table.next[at]
        losers.sort()
        for loser in losers:
            at = loser[2]
            if table.account[at] != loser[1]:
                continue  # as a winner of another it is no longer liquidated
            asset = table.asset[at]
            debt = max_i64(0, -self.equity(at))
            if debt > 0 and self.is_triggered(adl, at, debt, owed[asset]):
                self.deleverage(adl, at)
                left = max_i64(0, -self.equity(at)) if table.account[at] == loser[1] else 0
                owed[asset] -= int(debt - left)
        for step in self.steps:
            step.deleverage(self)

    def is_triggered(self, adl: Deleveraging, at: i64, debt: i64, owed: int) -> bool:
        row = self.free_rows(at)[0]
        enough = debt <= self.backstops.available(row) and owed <= int(self.backstops.purse(row))
        return not (adl.rule.when_fund_insufficient and enough)

    def deleverage(self, adl: Deleveraging, at: i64) -> None:
        for row in self.free_rows(at):
            self.deleverage_row(adl, row, self.slices.bankruptcy_value(row, self.equity(at), self.maintenance(at)))
        self.end_if_done(at)

    def deleverage_row(self, adl: Deleveraging, row: i64, bankrupt: i64) -> None:
        """Close a loser's position against the ranked winners, at its bankruptcy value or the mark, whichever is worse for them, but no
        further from the mark than the whole value of a lot."""
        held = self.state.positions.size[row]
        value = row_notional(self.state, row)
        if adl.rule.at_bankruptcy:
            value = min_i64(2 * value, max_i64(value, bankrupt)) if held > 0 else max_i64(0, min_i64(value, bankrupt))
        self.ledger.record()
        lots = adl.deleverage(row, abs_i64(held), value)
        if lots > 0:
            self.slices.settle_deleveraged(row, held, lots, adl.booked, bankrupt)
        self.ledger.forget()
        for winner in adl.winners:
            self.recover(winner)
            self.touch(winner)

    def check(self) -> None:
        """The table agrees with what accounts and positions say of it; no account owes money that nobody will ask for."""
        state = self.state
        table = self.table
        seen: i64 = 0
        at = table.first
        while at != NIL:
            row = table.row[at]
            assert self.find(table.account[at], row, table.asset[at]) == at, "a liquidation that its account does not know"
            assert table.auction[at] == 0 or table.of_auction(table.auction[at]) == at, "an auction that leads astray"
            assert len(self.rows_of(at)) > 0, "a liquidation of nothing"
            seen += 1
            at = table.next[at]
        assert seen == table.live, "the count of liquidations is stale"
        account = FIRST_USER
        while account < state.accounts.count:
            asset: i64 = 0
            while asset < state.accounts.assets:
                if len(self.open_rows(account, NIL, asset)) == 0:
                    assert state.accounts.cash[account * state.accounts.assets + asset] >= 0, f"account {account} owes money for nothing"
                asset += 1
            account += 1
