"""Work that falls due with time, run before the command that lets the time pass.

At equal times the order is: mark refresh, funding sample, funding payment (each by market number), vault unwind, liquidation pass. A mark
that moved and a funding payment are followed by a liquidation pass at once.
"""

from __future__ import annotations

from mypy_extensions import i64

from .liquidation.desk import LiquidationDesk
from .liquidation.vault import Vault
from .schema.kinds import E_MARK_MOVED
from .state.tables import State
from .state.types import NEVER, SETTLED, clamp_i64
from .trading.book import Book
from .trading.funding import FundingEngine
from .trading.mark import MarkRule


def next_multiple(now: i64, interval: i64) -> i64:
    """The first multiple of `interval` after `now`."""
    return (now // interval + 1) * interval


class DueWork:
    def __init__(
        self, state: State, book: Book, marks: list[MarkRule], cadences: list[i64], funding: FundingEngine, desk: LiquidationDesk,
        vault: Vault | None,
    ) -> None:  # fmt: skip
        self.state: State = state
        self.book: Book = book
        self.marks: list[MarkRule] = marks
        self.cadences: list[i64] = cadences  # [ns] of the mark by market, 0: only with the oracle
        self.funding: FundingEngine = funding
        self.desk: LiquidationDesk = desk
        self.vault: Vault | None = vault
        self.next: i64 = NEVER  # [ns] when something falls due first

    def start(self, ts: i64) -> None:
        """The first command sets the clock; timers run at multiples of their intervals."""
        state = self.state
        markets = state.markets
        state.now = ts
        state.started = True
        market: i64 = 0
        while market < markets.count:
            rule = self.funding.rules[market]
            cadence = self.cadences[market]
            markets.next_mark[market] = next_multiple(ts, cadence) if cadence != 0 else NEVER
            markets.next_sample[market] = next_multiple(ts, rule.sample_interval)
            markets.next_funding[market] = next_multiple(ts, rule.interval)
            markets.mark_ts[market] = ts
            market += 1
        self.plan()

    def advance(self, ts: i64) -> None:
        """Let the time come to `ts`, running on the way what falls due up to it."""
        if not self.state.started:
            self.start(ts)
        while self.next <= ts:
            self.state.now = self.next
            self.run_due()
            self.plan()
        self.state.now = ts

    def plan(self) -> None:
        """Find the earliest time at which something falls due."""
        markets = self.state.markets
        first: i64 = NEVER
        market: i64 = 0
        while market < markets.count:
            if markets.status[market] != SETTLED:
                first = min(first, markets.next_mark[market], markets.next_sample[market], markets.next_funding[market])
            market += 1
        vault = self.vault
        if vault is not None and vault.next_unwind != 0:
            first = min(first, vault.next_unwind)
        if self.desk.next_pass != 0:
            first = min(first, self.desk.next_pass)
        self.next = first

    def run_due(self) -> None:
        """Run everything that is due now, in the fixed order."""
        now = self.state.now
        markets = self.state.markets
        market: i64 = 0
        while market < markets.count:
            if markets.status[market] != SETTLED:
                if markets.next_mark[market] <= now:
                    markets.next_mark[market] += self.cadences[market]
                    self.refresh_mark(market)
                rule = self.funding.rules[market]
                if markets.next_sample[market] <= now:
                    markets.next_sample[market] += rule.sample_interval
                    self.funding.sample(market)
                    if rule.continuous:
                        self.desk.run_pass()
                if markets.next_funding[market] <= now:
                    markets.next_funding[market] += rule.interval
                    if not rule.continuous:
                        self.funding.settle(market)
                        self.desk.run_pass()
            market += 1
        vault = self.vault
        if vault is not None and 0 < vault.next_unwind <= now:
            vault.unwind(self.desk)
        if 0 < self.desk.next_pass <= now:
            self.desk.run_pass()

    def refresh_mark(self, market: i64) -> None:
        """Ask the mark rule; a mark that moved is followed by a liquidation pass."""
        state = self.state
        markets = state.markets
        if markets.oracle[market] == 0:
            return
        mark = clamp_i64(self.marks[market].price(state, self.book, market), 1, markets.max_price[market])
        markets.mark_ts[market] = state.now
        previous = markets.mark[market]
        if mark != previous:
            markets.mark[market] = mark
            markets.unexamined[market] = 1
            state.log.emit(E_MARK_MOVED, state.now, market, mark, previous)
            self.desk.run_pass()
