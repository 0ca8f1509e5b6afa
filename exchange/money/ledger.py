"""The only code that moves money or positions. No policy: it is told what to move.

The law, per settlement asset and after every command: the sum of all balances (cash + isolated margin - entry notional, system
accounts included) = deposits - withdrawals, to the micro-unit; the positions of a market sum to zero.

Funding and socialized losses are accrued per lot: `accrue` raises the market's indices and books the exact total to CLEARING at
once; a position pays its part when it is next touched (`settle`). Every payment rounds up (a payer pays at most one micro-unit
more, a receiver gets at most one less) and what that leaves in CLEARING goes to ROUNDING as soon as it makes a micro-unit.
"""

from __future__ import annotations

from mypy_extensions import i64

from ..schema.kinds import E_POSITION_SETTLED
from ..state.tables import State
from ..state.types import (
    CLEARING,
    FEES,
    ISOLATED,
    NIL,
    REALISED_ROOM,
    ROUNDING,
    abs_i64,
    clamp_i64,
    index_due,
    index_rest,
    max_i64,
    min_i64,
    mul_div_floor,
)


class Ledger:
    def __init__(self, state: State) -> None:
        self.state: State = state
        self.trying: bool = False  # in a trial: what it books is taken back, so nothing is told and no list changes
        self.recording: bool = False  # while the venue closes a slice: who has closed how much against it
        self.closed_rows: list[i64] = []
        self.closed_lots: list[i64] = []
        self.opened_rows: list[i64] = []
        self.opened_lots: list[i64] = []

    def record(self) -> None:
        """From here on, write down which positions are reduced and which grow: until a deficit of the slice has been paid (`backstop`)."""
        self.forget()
        self.recording = True

    def forget(self) -> None:
        """The slice is over."""
        self.recording = False
        self.closed_rows = []
        self.closed_lots = []
        self.opened_rows = []
        self.opened_lots = []

    def deposit(self, account: i64, asset: i64, amount: i64) -> None:
        accounts = self.state.accounts
        accounts.cash[account * accounts.assets + asset] += amount
        self.state.deposits[asset] += amount

    def withdraw(self, account: i64, asset: i64, amount: i64) -> None:
        accounts = self.state.accounts
        accounts.cash[account * accounts.assets + asset] -= amount
        self.state.withdrawals[asset] += amount

    def move(self, payer: i64, receiver: i64, asset: i64, amount: i64) -> None:
        """Cash from one account to another; a negative amount goes the other way."""
        accounts = self.state.accounts
        cash = accounts.cash
        cash[payer * accounts.assets + asset] -= amount
        cash[receiver * accounts.assets + asset] += amount

    def to_isolated(self, row: i64, amount: i64) -> None:
        """Cash into the isolated margin of a position (amount > 0) or back."""
        state = self.state
        positions = state.positions
        accounts = state.accounts
        asset = state.markets.asset[positions.market[row]]
        accounts.cash[positions.account[row] * accounts.assets + asset] -= amount
        positions.isolated_margin[row] += amount

    def credit(self, row: i64, amount: i64) -> None:
        """One side of a booking: the money behind a position, its isolated margin or the account's cash."""
        state = self.state
        positions = state.positions
        if positions.mode[row] == ISOLATED:
            positions.isolated_margin[row] += amount
        else:
            accounts = state.accounts
            asset = state.markets.asset[positions.market[row]]
            accounts.cash[positions.account[row] * accounts.assets + asset] += amount

    def pay(self, row: i64, receiver: i64, amount: i64) -> None:
        """From the money behind a position to an account's cash; a negative amount goes the other way."""
        state = self.state
        self.credit(row, -amount)
        asset = state.markets.asset[state.positions.market[row]]
        state.accounts.cash[receiver * state.accounts.assets + asset] += amount

    def fee(self, row: i64, amount: i64) -> None:
        self.pay(row, FEES, amount)

    def share(self, payer: i64, row: i64, amount: i64) -> None:
        """A position's part in another's loss, out of its isolated margin while it is open, else out of its account's cash."""
        state = self.state
        positions = state.positions
        market = positions.market[payer]
        if positions.size[payer] != 0:
            self.credit(payer, -amount)
        else:
            accounts = state.accounts
            accounts.cash[positions.account[payer] * accounts.assets + state.markets.asset[market]] -= amount
        self.credit(row, amount)
        state.log.emit(E_POSITION_SETTLED, state.now, positions.account[payer], market, amount)
        other = state.accounts.first_position[positions.account[payer]]
        while other != NIL:  # the payer may be below maintenance now: the next pass looks at what he holds
            if positions.size[other] != 0:
                state.markets.unexamined[positions.market[other]] = 1
            other = positions.next[other]

    def trade(self, row: i64, lots: i64, value: i64) -> i64:
        """Change a position by `lots` (signed) that cost or fetched `value` >= 0; return the profit realised, which is credited.

        The entry notional of the part closed is its exact share, rounded down; the sum of cash and entry notional is unchanged
        but for `value`, whatever the rounding.
        """
        state = self.state
        positions = state.positions
        market = positions.market[row]
        self.settle(row)
        held = positions.size[row]
        entry = positions.entry_notional[row]
        after = held + lots
        signed = value if lots > 0 else -value
        open_lots = max_i64(after, 0) - max_i64(held, 0)
        profit: i64 = 0
        if held == 0 or (held > 0) == (lots > 0):
            positions.entry_notional[row] = entry + signed
        else:
            closed = min_i64(abs_i64(lots), abs_i64(held))
            released = mul_div_floor(entry, closed, abs_i64(held))
            closing_value = mul_div_floor(signed, closed, abs_i64(lots))
            profit = -closing_value - released
            positions.entry_notional[row] = entry - released + (signed - closing_value)
            self.credit(row, profit)
            positions.realised[row] = clamp_i64(positions.realised[row] + profit, -REALISED_ROOM, REALISED_ROOM)
            if self.recording:
                self.closed_rows.append(row)
                self.closed_lots.append(closed)
        if self.recording and after != 0 and (held == 0 or (held > 0) == (lots > 0) or (held > 0) != (after > 0)):
            self.opened_rows.append(row)
            self.opened_lots.append(min_i64(abs_i64(lots), abs_i64(after)))
        if (held == 0) != (after == 0) or (held > 0) != (after > 0):
            self.open_or_close(row, held, after)
        positions.size[row] = after
        markets = state.markets
        positions.index[row] = markets.index_long[market] if after > 0 else markets.index_short[market]
        markets.open_interest[market] += open_lots
        return profit

    def open_or_close(self, row: i64, held: i64, after: i64) -> None:
        """Keep the market's list of open positions; what was realised belongs to the position that is gone, unless that is liquidated:
        then it still tells which market the account's losses came from."""
        state = self.state
        positions = state.positions
        if held == 0 or after != 0 or (state.accounts.liquidation[positions.account[row]] == NIL and positions.liquidation[row] == NIL):
            positions.realised[row] = 0
        if self.trying or (held != 0 and after != 0):
            return
        market = positions.market[row]
        first = state.markets.first_open[market]
        if held == 0:
            positions.next_open[row] = first
            positions.prev_open[row] = NIL
            if first != NIL:
                positions.prev_open[first] = row
            state.markets.first_open[market] = row
            return
        behind = positions.next_open[row]
        before = positions.prev_open[row]
        if before == NIL:
            state.markets.first_open[market] = behind
        else:
            positions.next_open[before] = behind
        if behind != NIL:
            positions.prev_open[behind] = before

    def accrue(self, market: i64, long_delta: i64, short_delta: i64, amount: i64) -> None:
        """Raise what every long and short lot owes; `amount` of it is paid out at once, by CLEARING, by the caller."""
        markets = self.state.markets
        markets.index_long[market] += long_delta
        markets.index_short[market] += short_delta
        lots: int = markets.open_interest[market]
        per_pair: int = int(long_delta) + int(short_delta)
        booked: int = amount
        rest: int = lots * per_pair - (booked << int(markets.index_shift[market]))
        assert rest >= 0, "an index must collect at least what was booked"
        self.round_off(market, rest)

    def settle(self, row: i64) -> None:
        """Pay what the position owes by its index (receive, if negative)."""
        state = self.state
        positions = state.positions
        markets = state.markets
        size = positions.size[row]
        if size == 0:
            return
        market = positions.market[row]
        index = markets.index_long[market] if size > 0 else markets.index_short[market]
        delta = index - positions.index[row]
        if delta == 0:
            return
        positions.index[row] = index
        shift = markets.index_shift[market]
        due = index_due(abs_i64(size), delta, shift)
        self.pay(row, CLEARING, due)
        positions.realised[row] = clamp_i64(positions.realised[row] - due, -REALISED_ROOM, REALISED_ROOM)
        self.round_off(market, int(index_rest(abs_i64(size), delta, shift)))
        if due != 0 and not self.trying:
            state.log.emit(E_POSITION_SETTLED, state.now, positions.account[row], market, due)

    def round_off(self, market: i64, rest: int) -> None:
        """Add to what rounding left in CLEARING [2^-index_shift micro]; whole micro-units go to ROUNDING."""
        markets = self.state.markets
        shift = int(markets.index_shift[market])
        total = int(markets.residue[market]) + rest
        whole: i64 = total >> shift
        markets.residue[market] = total & ((1 << shift) - 1)
        if whole != 0:
            self.move(CLEARING, ROUNDING, markets.asset[market], whole)

    def balance(self, account: i64, asset: i64) -> i64:
        """Cash + isolated margin - entry notional: what the account would have if its positions vanished at no value."""
        state = self.state
        positions = state.positions
        total = state.accounts.cash[account * state.accounts.assets + asset]
        row = state.accounts.first_position[account]
        while row != NIL:
            if state.markets.asset[positions.market[row]] == asset:
                total += positions.isolated_margin[row] - positions.entry_notional[row]
            row = positions.next[row]
        return total

    def check(self) -> None:
        """The ledger's law, position sums, open interest, and CLEARING against what is still owed to it."""
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
        markets = state.markets
        owed: int = 0
        market: i64 = 0
        while market < markets.count:
            if markets.asset[market] == asset:
                scaled = int(markets.residue[market]) - self.owed_scaled(market)
                owed += scaled << (62 - int(markets.index_shift[market]))
            market += 1
        clearing = int(state.accounts.cash[CLEARING * state.accounts.assets + asset])
        assert clearing << 62 == owed, "CLEARING differs from what positions owe"

    def owed_scaled(self, market: i64) -> int:
        """Sum of what positions owe by their index, in 2^-index_shift micro-units; checks the position sums on the way."""
        positions = self.state.positions
        markets = self.state.markets
        owed: int = 0
        total: i64 = 0
        long_lots: i64 = 0
        row: i64 = 0
        listed: i64 = 0
        open_row = markets.first_open[market]
        while open_row != NIL:
            assert positions.market[open_row] == market and positions.size[open_row] != 0, "a position listed as open is not"
            listed += 1
            open_row = positions.next_open[open_row]
        while row < positions.count:
            size = positions.size[row]
            if positions.market[row] == market and size != 0:
                listed -= 1
                index = markets.index_long[market] if size > 0 else markets.index_short[market]
                owed += int(abs_i64(size)) * int(index - positions.index[row])
                total += size
                long_lots += max_i64(size, 0)
            row += 1
        assert listed == 0, "an open position is not listed"
        assert total == 0, f"positions of market {market} sum to {total}"
        assert long_lots == markets.open_interest[market], "open interest is stale"
        return owed
