"""Who pays what is left. A design's backstops are an ordered list; a deficit is covered by the cash payers among them in turn.

A deficit of a cross account belongs to the markets in which the account lost: it is split over them by what was lost in each, and each
part is paid by payers of its own market. It is asserted that deficit = sum paid + uncovered; UNCOVERED is an account like any other and its
debt is a loss nobody paid. Parts round down, the last takes the remainder; a socialized loss rounds its per-lot accrual up.
"""

from __future__ import annotations

from librt.vecs import vec
from mypy_extensions import i64, mypyc_attr

from ..money.ledger import Ledger
from ..money.margin import cross_equity, cross_solvency, market_of, row_equity, row_profit
from ..money.payoff import lot_value
from ..schema import kinds as k
from ..state.market import Market
from ..state.state import State
from ..state.tables import P_ACCOUNT, P_ISOLATED_MARGIN, P_MARKET, P_MODE, P_NEXT, P_REALISED, P_SIZE
from ..state.types import (
    ACCRUAL_LIMIT,
    CLEARING,
    CURVE,
    INSURANCE,
    MAX_AMOUNT,
    NIL,
    REALISED_ROOM,
    UNCOVERED,
    abs_i64,
    clamp_i64,
    max_i64,
    min_i64,
)


@mypyc_attr(allow_interpreted_subclasses=True)
class Backstop:
    """A payer of deficits. `kind` is how what it pays is told: one of the PAID codes, for one of one's own PAID_OTHER."""

    def __init__(self, kind: i64 = k.PAID_OTHER) -> None:
        self.kind: i64 = kind

    def available(self, state: State, row: i64) -> i64:
        """The largest deficit of position `row` that it would pay now [micro]; MAX_AMOUNT stands for any."""
        return 0

    def purse(self, state: State, row: i64) -> i64:
        """The same for the deficits of all accounts together."""
        return self.available(state, row)

    def offer(self, state: State, rows: list[i64], amount: i64) -> i64:
        """How much of a deficit it would pay in all, that came from these positions of one account: it has one purse."""
        offered: i64 = 0
        for row in rows:
            offered = max_i64(offered, self.available(state, row))
        return min_i64(offered, amount)

    def pay(self, state: State, ledger: Ledger, row: i64, amount: i64) -> i64:
        """Pay up to `amount` to the money behind position `row`; return what was paid."""
        return 0


class InsuranceFund(Backstop):
    """Pays what it has, within caps on what it spends on one account, in one market and in all, in each window of time (0: no cap).

    Windows follow each other at multiples of their length (dYdX bounds what its fund may lose per block and subaccount).
    """

    def __init__(self, account_cap: i64, market_cap: i64, total_cap: i64, window: i64) -> None:
        super().__init__(k.PAID_INSURANCE_FUND)
        self.account_cap: i64 = account_cap  # [micro]
        self.market_cap: i64 = market_cap  # [micro]
        self.total_cap: i64 = total_cap  # [micro]
        self.window: i64 = window  # [ns]

    def available(self, state: State, row: i64) -> i64:
        room = self.purse(state, row)
        if self.account_cap != 0:
            accounts = state.accounts
            key = state.positions.cells[row + P_ACCOUNT] * accounts.assets + market_of(state, row).asset
            room = min_i64(room, self.account_cap - spent(accounts.fund_spent, accounts.fund_window, key, state.now // self.window))
        return room

    def purse(self, state: State, row: i64) -> i64:
        market = market_of(state, row)
        asset = market.asset
        number = state.now // self.window
        room = max_i64(0, state.accounts.cash[INSURANCE * state.accounts.assets + asset])
        if self.market_cap != 0:
            room = min_i64(room, self.market_cap - (market.fund_spent if market.fund_window == number else 0))
        if self.total_cap != 0:
            room = min_i64(room, self.total_cap - spent(state.fund_spent, state.fund_window, asset, number))
        return room

    def pay(self, state: State, ledger: Ledger, row: i64, amount: i64) -> i64:
        paid = min_i64(amount, self.available(state, row))
        if paid <= 0:
            return 0
        ledger.pay(row, INSURANCE, -paid)
        accounts = state.accounts
        market = market_of(state, row)
        asset = market.asset
        key = state.positions.cells[row + P_ACCOUNT] * accounts.assets + asset
        number = state.now // self.window
        spend(accounts.fund_spent, accounts.fund_window, key, number, paid)
        market.fund_spent = paid + (market.fund_spent if market.fund_window == number else 0)
        market.fund_window = number
        spend(state.fund_spent, state.fund_window, asset, number, paid)
        return paid


def spent(amounts: vec[i64], windows: vec[i64], at: i64, number: i64) -> i64:
    """What was spent in window `number`, of a column of amounts that each belong to the window beside them."""
    return amounts[at] if windows[at] == number else 0


def spend(amounts: vec[i64], windows: vec[i64], at: i64, number: i64, paid: i64) -> None:
    amounts[at] = paid + spent(amounts, windows, at, number)
    windows[at] = number


def loss_per_lot(loss: int, lots: int, scale: int) -> int:
    """What each of `lots` pays of a loss, in 1 / scale, rounded up (Drift, Vertex: per unit, on both sides)."""
    return -(-loss * scale // lots)


class SocializedLoss(Backstop):
    """Every lot of the market, long and short, that was open before the slice at hand pays the same, but for the loser's own.

    Lots that are still open pay through the accrual, which those get back that the loser has left or others opened in the slice; lots that
    were closed against the loser pay at once, out of their owner's equity, as far as it goes. At most the value of a lot per loss.
    """

    def __init__(self) -> None:
        super().__init__(k.PAID_SOCIALIZED)

    def available(self, state: State, row: i64) -> i64:
        market = market_of(state, row)
        lots = int(market.open_interest) * 2 - int(abs_i64(state.positions.cells[row + P_SIZE]))
        return min(int(MAX_AMOUNT), lots * int(lot_value(market, market.mark)))

    def offer(self, state: State, rows: list[i64], amount: i64) -> i64:
        return amount  # each market has its own payers

    def pay(self, state: State, ledger: Ledger, row: i64, amount: i64) -> i64:
        market = market_of(state, row)
        closed = Closed(state, ledger, row)
        spared = Spared(state, ledger, row)
        sharing = int(market.open_interest) * 2 - spared.total
        lots = sharing + closed.lots
        if lots == 0:
            return 0
        shift = int(market.accrual_shift)
        limit = int(lot_value(market, market.mark)) << shift
        asked = closed.ask(amount, min(limit, loss_per_lot(amount, lots, 1 << shift)), limit)
        left = amount - asked
        delta: i64 = 0
        if sharing > 0 and left > 0:
            per_lot = loss_per_lot(left, sharing, 1 << shift)
            room = int(ACCRUAL_LIMIT) - max(int(market.accrual_long), int(market.accrual_short))
            booked = left
            if per_lot > min(limit, room):
                per_lot = max(0, min(limit, room))
                booked = per_lot * sharing >> shift
            delta = per_lot
            ledger.pay(row, CLEARING, -booked)
            ledger.accrue(market, delta, delta, booked + spared.repay(delta))
            market.unexamined = 1
            left -= booked
        while left > 0 and closed.able > 0:
            more = closed.ask(left, loss_per_lot(left, closed.able, 1 << shift), limit)
            asked += more
            left -= more
        if left < amount:
            state.log.emit(
                k.E_LOSS_SOCIALIZED, state.now, market.number, amount - left, market.open_interest, delta, asked, spared.total
            )
        return amount - left


class LiquidityPool(Backstop):
    """The pool of the market's curve pays what it has: it was the other side (GMX v2, Synthetix). It pays no deficit of its own."""

    def available(self, state: State, row: i64) -> i64:
        pool = market_of(state, row).pool.row
        if pool == NIL or pool == row:
            return 0
        return max_i64(0, min_i64(state.positions.cells[pool + P_ISOLATED_MARGIN], row_equity(state, pool)))

    def pay(self, state: State, ledger: Ledger, row: i64, amount: i64) -> i64:
        paid = min_i64(amount, self.available(state, row))
        if paid > 0:
            ledger.to_isolated(market_of(state, row).pool.row, -paid)
            ledger.pay(row, CURVE, -paid)
        return paid


class Spared:
    """Lots of the market that are open and do not share a loser's loss: what is left of his own, and what others opened in the slice."""

    def __init__(self, state: State, ledger: Ledger, row: i64) -> None:
        self.state: State = state
        self.ledger: Ledger = ledger
        self.market: Market = market_of(state, row)
        self.rows: list[i64] = []
        self.lots: list[i64] = []
        self.total: int = 0
        cells = state.positions.cells
        self.add(row, abs_i64(cells[row + P_SIZE]))
        at: i64 = 0
        for opened in ledger.changes.opened_rows:
            if cells[opened + P_MARKET] == self.market.number and cells[opened + P_ACCOUNT] != cells[row + P_ACCOUNT]:
                self.add(opened, ledger.changes.opened_lots[at])
            at += 1

    def add(self, row: i64, lots: i64) -> None:
        if lots > 0:
            self.rows.append(row)
            self.lots.append(lots)
            self.total += int(lots)

    def repay(self, delta: i64) -> i64:
        """What these lots will owe by a rise of the accrual is paid back to them beforehand, rounded down; returns the sum."""
        state = self.state
        shift = int(self.market.accrual_shift)
        total: i64 = 0
        at: i64 = 0
        for row in self.rows:
            back: i64 = int(self.lots[at]) * int(delta) >> shift
            if back > 0:
                self.ledger.pay(row, CLEARING, -back)
                state.log.emit(k.E_POSITION_SETTLED, state.now, state.positions.cells[row + P_ACCOUNT], self.market.number, -back)
                total += back
            at += 1
        return total


class Closed:
    """The positions that were reduced against a loser in the slice at hand, and what they have been asked for."""

    def __init__(self, state: State, ledger: Ledger, row: i64) -> None:
        self.state: State = state
        self.ledger: Ledger = ledger
        self.row: i64 = row  # the loser's
        self.rows: list[i64] = []
        self.sizes: list[i64] = []  # [lots]
        self.paid: list[i64] = []  # [micro] so far
        self.lots: int = 0
        self.able: int = 0  # [lots] of those who could still pay
        cells = state.positions.cells
        changes = ledger.changes
        at: i64 = 0
        for closed in changes.closed_rows:
            if cells[closed + P_MARKET] == cells[row + P_MARKET] and cells[closed + P_ACCOUNT] != cells[row + P_ACCOUNT]:
                self.rows.append(closed)
                self.sizes.append(changes.closed_lots[at])
                self.paid.append(0)
                self.lots += int(changes.closed_lots[at])
            at += 1
        self.able = self.lots

    def ask(self, amount: i64, per_lot: int, limit: int) -> i64:
        """Let each pay `per_lot` [2^-accrual_shift micro], in all no more than `limit` per lot nor than it has; returns what was paid."""
        shift = int(market_of(self.state, self.row).accrual_shift)
        left = amount
        able: int = 0
        at: i64 = 0
        for closed in self.rows:
            lots = int(self.sizes[at])
            most = min(lots * limit >> shift, int(self.paid[at] + max_i64(0, self.equity(closed))))
            due: i64 = min(-(-lots * per_lot >> shift), most - int(self.paid[at]), int(left))
            if due > 0:
                self.ledger.share(closed, self.row, due)
                self.paid[at] += due
                left -= due
            if int(self.paid[at]) < most:
                able += lots
            at += 1
        self.able = able
        return amount - left

    def equity(self, row: i64) -> i64:
        """Of the pot that would pay: the margin of an isolated position that is still open, else the account's cross equity."""
        cells = self.state.positions.cells
        if cells[row + P_MODE] == k.ISOLATED and cells[row + P_SIZE] != 0:
            return row_equity(self.state, row)
        return cross_equity(self.state, cells[row + P_ACCOUNT], market_of(self.state, row).asset)


def equity_behind(state: State, row: i64) -> i64:
    """Equity of the account behind a position, or of the position if it is isolated."""
    cells = state.positions.cells
    if cells[row + P_MODE] == k.ISOLATED:
        return row_equity(state, row)
    return cross_equity(state, cells[row + P_ACCOUNT], market_of(state, row).asset)


def solvency_behind(state: State, row: i64) -> i64:
    """The same as deficits are measured: with other assets at the highest weights that they ever count for."""
    cells = state.positions.cells
    if cells[row + P_MODE] == k.ISOLATED:
        return row_equity(state, row)
    return cross_solvency(state, cells[row + P_ACCOUNT], market_of(state, row).asset)


class Causes:
    """Positions of one account and what was lost in each: how its deficit is split."""

    def __init__(self) -> None:
        self.rows: list[i64] = []
        self.losses: list[i64] = []
        self.total: int = 0

    def add(self, row: i64, loss: i64) -> None:
        self.rows.append(row)
        self.losses.append(loss)
        self.total += int(loss)


def only_cause(row: i64) -> Causes:
    causes = Causes()
    causes.add(row, 1)
    return causes


def causes_of(state: State, row: i64) -> Causes:
    """Where the account behind `row` lost, closed positions of its liquidation included; an isolated position is its own cause."""
    cells = state.positions.cells
    if cells[row + P_MODE] == k.ISOLATED:
        return only_cause(row)
    causes = Causes()
    asset = market_of(state, row).asset
    other = state.accounts.first_position[cells[row + P_ACCOUNT]]
    while other != NIL:
        market = market_of(state, other)
        if cells[other + P_MODE] != k.ISOLATED and market.asset == asset:
            loss = -clamp_i64(cells[other + P_REALISED] + row_profit(state, other, market.mark), -REALISED_ROOM, 0)
            if loss > 0:
                causes.add(other, loss)
        other = cells[other + P_NEXT]
    return causes if causes.total > 0 else only_cause(row)


class Backstops:
    """The payers of a design, in its order. `ahead` are the cash payers before auto-deleveraging, or all if there is none."""

    def __init__(self, state: State, ledger: Ledger, order: list[Backstop], ahead: list[Backstop]) -> None:
        self.state: State = state
        self.ledger: Ledger = ledger
        self.order: list[Backstop] = order
        self.ahead: list[Backstop] = ahead

    def available(self, row: i64) -> i64:
        """The largest loss of the account behind `row` that the payers ahead of auto-deleveraging can still cover, up to MAX_AMOUNT."""
        causes = causes_of(self.state, row)
        total: i64 = 0
        for backstop in self.ahead:
            least: i64 = MAX_AMOUNT
            for cause in causes.rows:
                least = min_i64(least, backstop.available(self.state, cause))
            total = min_i64(MAX_AMOUNT, total + least)
        return total

    def purse(self, row: i64) -> i64:
        """The largest loss of all accounts together in the market of `row` that they can cover, up to MAX_AMOUNT."""
        total: i64 = 0
        for backstop in self.ahead:
            total = min_i64(MAX_AMOUNT, total + backstop.purse(self.state, row))
        return total

    def cover_deficit(self, row: i64, deficit: i64) -> None:
        """Pay a deficit of the money behind a position, in the order of the design; what is left goes to UNCOVERED."""
        if deficit <= 0:
            return
        self.cover_parts(row, deficit, causes_of(self.state, row))

    def cover_deficit_here(self, row: i64, deficit: i64) -> None:
        """The same for a deficit that belongs to the market of `row` alone."""
        self.cover_parts(row, deficit, only_cause(row))

    def cover_parts(self, row: i64, deficit: i64, causes: Causes) -> None:
        left = deficit
        for backstop in self.order:
            if left > 0:
                paid = self.pay_parts(backstop, causes, left)
                assert 0 <= paid <= left, "a backstop paid more than it was asked"
                left -= paid
        if left > 0:
            self.ledger.pay(row, UNCOVERED, -left)
            self.report(row, k.PAID_UNCOVERED, left)

    def pay_parts(self, backstop: Backstop, causes: Causes, left: i64) -> i64:
        """Ask one payer for what it can pay in all, market by market in proportion to what was lost there."""
        offered = backstop.offer(self.state, causes.rows, left)
        rest = offered
        paid: i64 = 0
        last: i64 = len(causes.rows) - 1
        at: i64 = 0
        for cause in causes.rows:
            part = rest
            if at != last:
                part = int(offered) * int(causes.losses[at]) // causes.total
            rest -= part
            if part > 0:
                before = self.money_behind(cause)
                here = backstop.pay(self.state, self.ledger, cause, part)
                if backstop.kind == k.PAID_OTHER:
                    assert self.money_behind(cause) - before == here, f"a backstop says that it paid {here}, and moved something else"
                self.report(cause, backstop.kind, here)
                paid += here
            at += 1
        return paid

    def money_behind(self, row: i64) -> i64:
        """The isolated margin of a position, or its account's cash [micro]."""
        cells = self.state.positions.cells
        if cells[row + P_MODE] == k.ISOLATED:
            return cells[row + P_ISOLATED_MARGIN]
        return self.state.accounts.cash[cells[row + P_ACCOUNT] * self.state.accounts.assets + market_of(self.state, row).asset]

    def report(self, row: i64, payer: i64, amount: i64) -> None:
        if amount > 0:
            cells = self.state.positions.cells
            self.state.log.emit(k.E_DEFICIT_PAID, self.state.now, cells[row + P_ACCOUNT], cells[row + P_MARKET], payer, amount)
