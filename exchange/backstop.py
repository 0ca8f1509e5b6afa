"""Who pays what is left. A design's backstops are an ordered list; a deficit is folded through the cash payers among them.

The fold asserts deficit = sum paid + uncovered; UNCOVERED is an account like any other and its debt is a loss nobody paid.
Auto-deleveraging pays by closing: it transfers a loser's position to ranked winners at a price, as (lots, value), and the last fill
takes the remainder. Money is never divided among payers; a socialized loss rounds its per-lot index up.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64, mypyc_attr

from . import kinds as k
from .ledger import Ledger
from .margin import cross_equity, row_equity, row_notional, slice_value, value_of
from .matching import Matcher
from .tables import State
from .types import (
    CLEARING,
    FIRST_USER,
    INSURANCE,
    ISOLATED,
    MAX_AMOUNT,
    PPM,
    UNCOVERED,
    abs_i64,
    max_i64,
    min_i64,
)

INDEX_ROOM: Final = 1 << 56  # as funding's INDEX_LIMIT


@mypyc_attr(allow_interpreted_subclasses=True)
class Backstop:
    """A payer of deficits. `kind` is how the fold reports it."""

    def __init__(self, kind: i64) -> None:
        self.kind: i64 = kind

    def available(self, state: State, market: i64) -> i64:
        """The largest deficit it would pay now [micro]; MAX_AMOUNT stands for any."""
        return 0

    def pay(self, state: State, ledger: Ledger, row: i64, amount: i64) -> i64:
        """Pay up to `amount` to the money behind position `row`; return what was paid."""
        return 0


class InsuranceFund(Backstop):
    def __init__(self) -> None:
        super().__init__(k.PAID_INSURANCE_FUND)

    def available(self, state: State, market: i64) -> i64:
        return max_i64(0, state.accounts.cash[INSURANCE * state.accounts.assets + state.markets.asset[market]])

    def pay(self, state: State, ledger: Ledger, row: i64, amount: i64) -> i64:
        paid = min_i64(amount, self.available(state, state.positions.market[row]))
        ledger.pay(row, INSURANCE, -paid)
        return paid


class SocializedLoss(Backstop):
    """Every open lot of the market, long and short, pays the same. At most the value of a lot per loss; the rest is uncovered."""

    def __init__(self) -> None:
        super().__init__(k.PAID_SOCIALIZED)

    def available(self, state: State, market: i64) -> i64:
        return MAX_AMOUNT if state.markets.open_interest[market] > 0 else 0

    def pay(self, state: State, ledger: Ledger, row: i64, amount: i64) -> i64:
        markets = state.markets
        market = state.positions.market[row]
        lots: int = markets.open_interest[market] * 2
        if lots == 0:
            return 0
        shift = int(markets.index_shift[market])
        per_lot = -(-(int(amount) << shift) // lots)
        limit = int(value_of(markets, market, 1, markets.mark[market])) << shift
        highest = max(int(markets.index_long[market]), int(markets.index_short[market]))
        if per_lot > min(limit, INDEX_ROOM - highest):
            per_lot = max(0, min(limit, INDEX_ROOM - highest))
            amount = per_lot * lots >> shift
        delta: i64 = per_lot
        ledger.pay(row, CLEARING, -amount)
        ledger.accrue(market, delta, delta, amount)
        state.log.emit(k.E_LOSS_SOCIALIZED, state.now, market, amount, markets.open_interest[market], delta)
        return amount


@mypyc_attr(allow_interpreted_subclasses=True)
class AdlRank:
    """The order in which winners are closed: highest score first, ties by account number."""

    def score(self, notional: i64, entry: i64, equity: i64, is_long: bool) -> int:
        """Profit x leverage of a position worth `notional`, entered at `entry` (both > 0), of an account with `equity` > 0; in ppm^2.

        The profit is relative to the entry; a loss is divided by the leverage instead (BitMEX), so that all losers come after all winners.
        """
        profit = int(notional - entry) if is_long else int(entry - notional)
        leverage = max(1, int(notional) * int(PPM) // int(equity))
        relative = profit * int(PPM) // int(entry)
        return relative * leverage if profit >= 0 else relative * int(PPM) * int(PPM) // leverage


class ProfitLeverage(AdlRank):
    pass


class HyperliquidIndex(AdlRank):
    """(mark / entry) x (notional / account value), entry / mark for shorts: their profit must raise the index."""

    def score(self, notional: i64, entry: i64, equity: i64, is_long: bool) -> int:
        gain = int(notional) * int(PPM) // int(entry) if is_long else int(entry) * int(PPM) // int(notional)
        return gain * int(notional) * int(PPM) // int(equity)


class AutoDeleverage(Backstop):
    """Trigger, selection and price are three separate options."""

    def __init__(self, rank: AdlRank, at_bankruptcy: bool, when_fund_insufficient: bool) -> None:
        super().__init__(0)
        self.rank: AdlRank = rank
        self.at_bankruptcy: bool = at_bankruptcy
        self.when_fund_insufficient: bool = when_fund_insufficient


class Queue:
    """The winners of one side of a market, ranked once in a pass."""

    def __init__(self, market: i64, is_long: bool, rows: list[i64]) -> None:
        self.market: i64 = market
        self.is_long: bool = is_long
        self.rows: list[i64] = rows
        self.next: int = 0


def equity_behind(state: State, row: i64) -> i64:
    """Equity of the account behind a position, or of the position if it is isolated."""
    positions = state.positions
    if positions.mode[row] == ISOLATED:
        return row_equity(state, row)
    return cross_equity(state, positions.account[row], state.markets.asset[positions.market[row]])


class Backstops:
    def __init__(self, state: State, ledger: Ledger, matcher: Matcher, order: list[Backstop]) -> None:
        self.state: State = state
        self.ledger: Ledger = ledger
        self.matcher: Matcher = matcher
        self.order: list[Backstop] = order
        self.adl: AutoDeleverage | None = None
        self.ahead: list[Backstop] = []  # cash payers ahead of auto-deleveraging
        for backstop in order:
            if isinstance(backstop, AutoDeleverage):
                self.adl = backstop
            elif self.adl is None:
                self.ahead.append(backstop)
        self.queues: list[Queue] = []

    def available(self, market: i64) -> i64:
        """The largest loss that the cash payers ahead of auto-deleveraging can still cover, up to MAX_AMOUNT."""
        total: i64 = 0
        for backstop in self.ahead:
            total = min_i64(MAX_AMOUNT, total + backstop.available(self.state, market))
        return total

    def fold(self, row: i64, deficit: i64) -> None:
        """Pay a deficit of the money behind a position, in the order of the design; what is left goes to UNCOVERED."""
        if deficit <= 0:
            return
        left = deficit
        for backstop in self.order:
            if left > 0:
                paid = backstop.pay(self.state, self.ledger, row, left)
                assert 0 <= paid <= left, "a backstop paid more than it was asked"
                self.report(row, backstop.kind, paid)
                left -= paid
        if left > 0:
            self.ledger.pay(row, UNCOVERED, -left)
            self.report(row, k.PAID_UNCOVERED, left)

    def report(self, row: i64, payer: i64, amount: i64) -> None:
        if amount > 0:
            positions = self.state.positions
            self.state.log.emit(k.E_DEFICIT_PAID, self.state.now, positions.account[row], positions.market[row], payer, amount)

    def is_triggered(self, row: i64, equity: i64) -> bool:
        """Does the design deleverage against a loser with this equity? With `fund_insufficient` not while cash can still pay."""
        adl = self.adl
        if adl is None or equity >= 0:
            return False
        return not adl.when_fund_insufficient or -equity > self.available(self.state.positions.market[row])

    def begin_pass(self) -> None:
        self.queues = []

    def queue(self, market: i64, is_long: bool) -> Queue:
        """The ranking of this pass, made when first needed."""
        for known in self.queues:
            if known.market == market and known.is_long == is_long:
                return known
        made = Queue(market, is_long, self.ranked(market, is_long))
        self.queues.append(made)
        return made

    def ranked(self, market: i64, is_long: bool) -> list[i64]:
        """Position rows of a side by falling score; accounts without equity and system accounts are left out."""
        adl = self.adl
        assert adl is not None
        state = self.state
        positions = state.positions
        found: list[tuple[int, int, int]] = []
        row: i64 = 0
        while row < positions.count:
            size = positions.size[row]
            if size != 0 and positions.market[row] == market and (size > 0) == is_long and positions.account[row] >= FIRST_USER:
                equity = equity_behind(state, row)
                if equity > 0:
                    entry = max_i64(1, abs_i64(positions.entry_notional[row]))
                    score = adl.rank.score(row_notional(state, row), entry, equity, is_long)
                    found.append((-score, int(positions.account[row]), int(row)))
            row += 1
        found.sort()
        rows: list[i64] = []
        for item in found:
            rows.append(item[2])
        return rows

    def deleverage(self, row: i64, lots: i64, value: i64) -> i64:
        """Close up to `lots` of a loser's position against the queue, the whole of them for `value`; return the lots closed.

        A winner whom the price would leave without equity is passed over. Fees are not charged.
        """
        state = self.state
        positions = state.positions
        market = positions.market[row]
        is_long = positions.size[row] > 0
        queue = self.queue(market, not is_long)
        held_by_loser = lots if is_long else -lots
        left = lots
        booked: i64 = 0
        while left > 0 and queue.next < len(queue.rows):
            winner = queue.rows[queue.next]
            held = abs_i64(positions.size[winner])
            if held == 0 or (positions.size[winner] > 0) == is_long or positions.account[winner] == positions.account[row]:
                queue.next += 1
                continue
            part = min_i64(left, held)
            # what is booked for all fills together is rounded, once; the last one takes the remainder
            cost = slice_value(value, lots - left + part, held_by_loser) - booked
            at_mark = value_of(state.markets, market, part, state.markets.mark[market])
            if equity_behind(state, winner) - abs_i64(at_mark - cost) < 0:
                queue.next += 1
                continue
            self.transfer(row, winner, part, cost, at_mark)
            left -= part
            booked += cost
        return lots - left

    def transfer(self, loser: i64, winner: i64, lots: i64, value: i64, at_mark: i64) -> None:
        state = self.state
        positions = state.positions
        signed = -lots if positions.size[loser] > 0 else lots
        market = positions.market[loser]
        self.matcher.change_position(loser, signed, value, 0, False)
        profit = self.matcher.change_position(winner, -signed, value, 0, True)
        state.log.emit(
            k.E_DELEVERAGED, state.now, positions.account[loser], positions.account[winner], market, lots, value, profit,
            abs_i64(at_mark - value), state.markets.mark[market],
        )  # fmt: skip
        self.matcher.sync_reducers(winner)
