"""The only code that moves money or positions. No policy: it is told what to move. Whose it moves is due for a look (state/alarms.py).

The law, per settlement asset and after every command: the sum of all balances (cash + isolated margin - entry notional, system
accounts included) = deposits - withdrawals, to the micro-unit; the positions of a market sum to zero.

Funding and socialized losses are accrued per lot: `accrue` raises the market's accruals and books the exact total to CLEARING at
once; a position pays its part when it is next touched (`settle`). Every payment rounds up (a payer pays at most one micro-unit
more, a receiver gets at most one less) and what that leaves in CLEARING goes to ROUNDING as soon as it makes a micro-unit.
"""

from __future__ import annotations

from mypy_extensions import i64

from ..schema.kinds import E_POSITION_SETTLED, ISOLATED
from ..state.market import Market
from ..state.state import State
from ..state.tables import (
    P_ACCOUNT,
    P_ACCRUAL,
    P_ENTRY,
    P_ISOLATED_MARGIN,
    P_LIQUIDATION,
    P_MARKET,
    P_MODE,
    P_NEXT,
    P_NEXT_OPEN,
    P_OPENED,
    P_PREV_OPEN,
    P_REALISED,
    P_SIZE,
    P_WIDTH,
)
from ..state.types import (
    CLEARING,
    FEES,
    NIL,
    REALISED_ROOM,
    ROUNDING,
    abs_i64,
    accrual_due,
    accrual_rest,
    clamp_i64,
    max_i64,
    min_i64,
    mul_div_floor,
)
from .margin import market_of


class Changes:
    """Which positions were reduced and which grew while the venue closes a slice: until a deficit of the slice has been paid."""

    def __init__(self) -> None:
        self.closed_rows: list[i64] = []
        self.closed_lots: list[i64] = []
        self.closed_profits: list[i64] = []  # [micro] realised by that
        self.opened_rows: list[i64] = []
        self.opened_lots: list[i64] = []


def realised(entry: i64, held: i64, lots: i64, value: i64) -> tuple[i64, i64]:
    """A trade of `lots` for `value` (both signed) against `held`, whose entry notional is `entry` (both signed): the profit that it
    realises, and the entry notional after it.

    What is released of the entry notional is the share that is closed, rounded down; where the trade goes through zero, what closes is its
    share of the value, rounded down, and the rest is the entry of what it opens.
    """
    released = entry
    closing = value
    if abs_i64(lots) < abs_i64(held):
        released = mul_div_floor(entry, abs_i64(lots), abs_i64(held))
    elif abs_i64(lots) > abs_i64(held):
        closing = mul_div_floor(value, abs_i64(held), abs_i64(lots))
    return -closing - released, entry - released + value - closing


class Ledger:
    def __init__(self, state: State) -> None:
        self.state: State = state
        self.in_dry_run: bool = False  # what is booked will be taken back: nothing is told and no list changes
        self.in_slice: bool = False
        self.changes: Changes = Changes()  # of the slice at hand

    def begin_slice(self) -> None:
        """From here on, write down which positions are reduced and which grow."""
        self.changes = Changes()
        self.in_slice = True

    def end_slice(self) -> None:
        self.changes = Changes()
        self.in_slice = False

    def deposit(self, account: i64, asset: i64, amount: i64) -> None:
        accounts = self.state.accounts
        accounts.cash[account * accounts.assets + asset] += amount
        self.state.alarms.note(account)
        self.state.deposits[asset] += amount

    def withdraw(self, account: i64, asset: i64, amount: i64) -> None:
        accounts = self.state.accounts
        accounts.cash[account * accounts.assets + asset] -= amount
        self.state.alarms.note(account)
        self.state.withdrawals[asset] += amount

    def move(self, payer: i64, receiver: i64, asset: i64, amount: i64) -> None:
        """Cash from one account to another; a negative amount goes the other way."""
        accounts = self.state.accounts
        cash = accounts.cash
        cash[payer * accounts.assets + asset] -= amount
        cash[receiver * accounts.assets + asset] += amount
        self.state.alarms.note(payer)
        self.state.alarms.note(receiver)

    def swap(self, market: Market, own: i64, other: i64, lots: i64, value: i64) -> None:
        """A spot trade: the account of row `own` gets `lots` (signed) from that of `other`, which gets `value` for them (the other way, if
        negative)."""
        cells = self.state.positions.cells
        signed = value if lots > 0 else -value
        if self.state.collateral_market[market.base] != NIL:  # from now on he may owe against what he buys
            self.state.alarms.hold(cells[own + P_ACCOUNT])
            self.state.alarms.hold(cells[other + P_ACCOUNT])
        self.move(cells[own + P_ACCOUNT], cells[other + P_ACCOUNT], market.asset, signed)
        self.move(cells[other + P_ACCOUNT], cells[own + P_ACCOUNT], market.base, lots * market.base_lot)

    def to_isolated(self, row: i64, amount: i64) -> None:
        """Cash into the isolated margin of a position (amount > 0) or back."""
        cells = self.state.positions.cells
        accounts = self.state.accounts
        accounts.cash[cells[row + P_ACCOUNT] * accounts.assets + market_of(self.state, row).asset] -= amount
        cells[row + P_ISOLATED_MARGIN] += amount
        self.state.alarms.note(cells[row + P_ACCOUNT])

    def credit(self, market: Market, row: i64, amount: i64) -> None:
        """One side of a booking: the money behind a position, its isolated margin or the account's cash."""
        cells = self.state.positions.cells
        if cells[row + P_MODE] == ISOLATED:
            cells[row + P_ISOLATED_MARGIN] += amount
        else:
            accounts = self.state.accounts
            cash = accounts.cash
            cash[cells[row + P_ACCOUNT] * accounts.assets + market.asset] += amount
        self.state.alarms.note(cells[row + P_ACCOUNT])

    def pay(self, row: i64, receiver: i64, amount: i64) -> None:
        """From the money behind a position to an account's cash; a negative amount goes the other way."""
        market = market_of(self.state, row)
        self.credit(market, row, -amount)
        accounts = self.state.accounts
        accounts.cash[receiver * accounts.assets + market.asset] += amount
        self.state.alarms.note(receiver)

    def fee(self, market: Market, row: i64, amount: i64) -> None:
        """From the money behind a position to the venue; a rebate is negative."""
        self.credit(market, row, -amount)
        accounts = self.state.accounts
        cash = accounts.cash
        cash[FEES * accounts.assets + market.asset] += amount

    def share(self, payer: i64, row: i64, amount: i64) -> None:
        """A position's part in another's loss, out of its isolated margin while it is open, else out of its account's cash."""
        state = self.state
        cells = state.positions.cells
        market = market_of(state, payer)
        if cells[payer + P_SIZE] != 0:
            self.credit(market, payer, -amount)
        else:
            accounts = state.accounts
            accounts.cash[cells[payer + P_ACCOUNT] * accounts.assets + market.asset] -= amount
        state.alarms.note(cells[payer + P_ACCOUNT])
        self.credit(market_of(state, row), row, amount)
        state.log.emit(E_POSITION_SETTLED, state.now, cells[payer + P_ACCOUNT], market.number, amount)
        other = state.accounts.first_position[cells[payer + P_ACCOUNT]]
        while other != NIL:  # the payer may be below maintenance now: the next pass looks at what he holds
            if cells[other + P_SIZE] != 0:
                market_of(state, other).unexamined = 1
            other = cells[other + P_NEXT]

    def trade(self, market: Market, row: i64, lots: i64, value: i64, fee: i64) -> i64:
        """Change a position by `lots` (signed) that cost or fetched `value` >= 0, at a fee; return the profit realised, which is credited.

        The entry notional of the part closed is its exact share, rounded down; the sum of cash and entry notional is unchanged
        but for `value` and `fee`, whatever the rounding.
        """
        cells = self.state.positions.cells
        held = cells[row + P_SIZE]
        if held != 0 and cells[row + P_ACCRUAL] != (market.accrual_long if held > 0 else market.accrual_short):
            self.settle(market, row)
        entry = cells[row + P_ENTRY]
        after = held + lots
        signed = value if lots > 0 else -value
        profit: i64 = 0
        if held == 0 or (held > 0) == (lots > 0):
            cells[row + P_ENTRY] = entry + signed
            if self.in_slice:
                self.note_opened(row, abs_i64(lots))
        else:
            profit, left = realised(entry, held, lots, signed)
            cells[row + P_ENTRY] = left
            cells[row + P_REALISED] = clamp_i64(cells[row + P_REALISED] + profit, -REALISED_ROOM, REALISED_ROOM)
            if self.in_slice:
                self.note_closed(row, min_i64(abs_i64(lots), abs_i64(held)), profit)
                if (held > 0) != (after > 0) and after != 0:
                    self.note_opened(row, abs_i64(after))
        if held == 0 or after == 0 or (held > 0) != (after > 0):
            self.open_or_close(market, row, held, after)
        cells[row + P_SIZE] = after
        cells[row + P_ACCRUAL] = market.accrual_long if after > 0 else market.accrual_short
        market.open_interest += max_i64(after, 0) - max_i64(held, 0)
        self.credit(market, row, profit - fee)
        accounts = self.state.accounts
        cash = accounts.cash
        cash[FEES * accounts.assets + market.asset] += fee
        return profit

    def note_closed(self, row: i64, lots: i64, profit: i64) -> None:
        self.changes.closed_rows.append(row)
        self.changes.closed_lots.append(lots)
        self.changes.closed_profits.append(profit)

    def note_opened(self, row: i64, lots: i64) -> None:
        self.changes.opened_rows.append(row)
        self.changes.opened_lots.append(lots)

    def open_or_close(self, market: Market, row: i64, held: i64, after: i64) -> None:
        """Keep the market's list of open positions; what was realised belongs to the position that is gone, unless that is liquidated:
        then it still tells which market the account's losses came from."""
        cells = self.state.positions.cells
        if held == 0 or after != 0 or (self.state.accounts.liquidations[cells[row + P_ACCOUNT]] == 0 and cells[row + P_LIQUIDATION] == 0):
            cells[row + P_REALISED] = 0
        if self.in_dry_run:
            return
        if held != 0 and self.state.triggers.live != 0:
            self.state.triggers.note_closed(cells[row + P_ACCOUNT], market.number, row)
        if after != 0:
            cells[row + P_OPENED] = self.state.now
            if held != 0:
                return
        first = market.first_open
        if held == 0:
            self.state.alarms.hold(cells[row + P_ACCOUNT])
            cells[row + P_NEXT_OPEN] = first
            cells[row + P_PREV_OPEN] = NIL
            if first != NIL:
                cells[first + P_PREV_OPEN] = row
            market.first_open = row
            return
        behind = cells[row + P_NEXT_OPEN]
        before = cells[row + P_PREV_OPEN]
        if before == NIL:
            market.first_open = behind
        else:
            cells[before + P_NEXT_OPEN] = behind
        if behind != NIL:
            cells[behind + P_PREV_OPEN] = before

    def accrue(self, market: Market, long_delta: i64, short_delta: i64, amount: i64) -> None:
        """Raise what every long and short lot owes; `amount` of it is paid out at once, by CLEARING, by the caller."""
        market.accrual_long += long_delta
        market.accrual_short += short_delta
        lots: int = market.open_interest
        per_pair: int = int(long_delta) + int(short_delta)
        booked: int = amount
        rest: int = lots * per_pair - (booked << int(market.accrual_shift))
        assert rest >= 0, "an accrual must collect at least what was booked"
        self.round_off(market, rest)

    def settle(self, market: Market, row: i64) -> None:
        """Pay what the position owes by its accrual (receive, if negative)."""
        state = self.state
        cells = state.positions.cells
        size = cells[row + P_SIZE]
        if size == 0:
            return
        accrual = market.accrual_long if size > 0 else market.accrual_short
        delta = accrual - cells[row + P_ACCRUAL]
        if delta == 0:
            return
        cells[row + P_ACCRUAL] = accrual
        due = accrual_due(abs_i64(size), delta, market.accrual_shift)
        self.pay(row, CLEARING, due)
        cells[row + P_REALISED] = clamp_i64(cells[row + P_REALISED] - due, -REALISED_ROOM, REALISED_ROOM)
        self.round_off(market, int(accrual_rest(abs_i64(size), delta, market.accrual_shift)))
        if due != 0 and not self.in_dry_run:
            state.log.emit(E_POSITION_SETTLED, state.now, cells[row + P_ACCOUNT], market.number, due)

    def round_off(self, market: Market, rest: int) -> None:
        """Add to what rounding left in CLEARING [2^-accrual_shift micro]; whole micro-units go to ROUNDING."""
        shift = int(market.accrual_shift)
        total = int(market.residue) + rest
        whole: i64 = total >> shift
        market.residue = total & ((1 << shift) - 1)
        if whole != 0:
            self.move(CLEARING, ROUNDING, market.asset, whole)

    def balance(self, account: i64, asset: i64) -> i64:
        """Cash + isolated margin - entry notional: what the account would have if its positions vanished at no value."""
        state = self.state
        cells = state.positions.cells
        total = state.accounts.cash[account * state.accounts.assets + asset]
        row = state.accounts.first_position[account]
        while row != NIL:
            if market_of(state, row).asset == asset:
                total += cells[row + P_ISOLATED_MARGIN] - cells[row + P_ENTRY]
            row = cells[row + P_NEXT]
        return total

    def check(self) -> None:
        """The ledger's law, position sums, open interest, and CLEARING against what is still owed to it."""
        assert not self.in_dry_run and not self.in_slice, "a dry run or a slice was not ended"
        asset: i64 = 0
        while asset < self.state.accounts.assets:
            total: int = 0
            account: i64 = 0
            while account < self.state.accounts.count:
                total += int(self.balance(account, asset))
                account += 1
            expected = int(self.state.deposits[asset]) - int(self.state.withdrawals[asset])
            assert total == expected, f"balances sum to {total}, deposits less withdrawals are {expected}"
            self.check_clearing(asset)
            asset += 1

    def check_clearing(self, asset: i64) -> None:
        """CLEARING's cash = residue - what positions owe, exactly."""
        state = self.state
        owed: int = 0
        for market in state.markets:
            if market.asset == asset:
                scaled = int(market.residue) - self.owed_scaled(market)
                owed += scaled << (62 - int(market.accrual_shift))
        clearing = int(state.accounts.cash[CLEARING * state.accounts.assets + asset])
        assert clearing << 62 == owed, "CLEARING differs from what positions owe"

    def owed_scaled(self, market: Market) -> int:
        """Sum of what positions owe by their accrual, in 2^-accrual_shift micro-units; checks the position sums on the way."""
        cells = self.state.positions.cells
        owed: int = 0
        total: i64 = 0
        long_lots: i64 = 0
        listed: i64 = 0
        open_row = market.first_open
        while open_row != NIL:
            assert cells[open_row + P_MARKET] == market.number and cells[open_row + P_SIZE] != 0, "a position listed as open is not"
            listed += 1
            open_row = cells[open_row + P_NEXT_OPEN]
        row: i64 = 0
        while row < self.state.positions.end:
            size = cells[row + P_SIZE]
            if cells[row + P_MARKET] == market.number and size != 0:
                listed -= 1
                accrual = market.accrual_long if size > 0 else market.accrual_short
                owed += int(abs_i64(size)) * int(accrual - cells[row + P_ACCRUAL])
                total += size
                long_lots += max_i64(size, 0)
            row += P_WIDTH
        assert listed == 0, "an open position is not listed"
        assert total == 0, f"positions of market {market.number} sum to {total}"
        assert long_lots == market.open_interest, "open interest is stale"
        return owed
