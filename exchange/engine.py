"""Exchange: the deterministic venue. apply(command) -> events, and the same in packed rows; nothing else changes it.

A command is examined at the door (bounds, time), journaled, and then carried out: first what has fallen due up to its `ts`, then the
command itself. What the door refuses (Malformed) has changed nothing, time included. What the venue refuses (Rejected) has let time pass.
No clock, randomness, I/O or float inside; the journal is handed rows and never asked anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import FunctionType
from typing import Final

from librt.vecs import vec
from mypy_extensions import i64

from .algos.ladders import LadderDesk
from .blocks import Applied, JournalSink, packed_commands, spread
from .commands import Commands
from .design.build import (
    adl_rule,
    backstop_rules,
    curve_rule,
    fill_collateral,
    fill_fee_tiers,
    fill_market,
    fill_payments,
    funding_rule,
    funding_terms,
    gas_desk,
    latencies,
    liquidation_steps,
    liquidation_terms,
    mark_rule,
    screen_rule,
    sequencing_rule,
    vault_rule,
)
from .design.structs import VenueDesign
from .design.venue import venue_of_json
from .liquidation.adl import Deleveraging
from .liquidation.auction import AuctionDesk
from .liquidation.backstops import Backstops
from .liquidation.lifecycle import Lifecycle
from .liquidation.maintenance import MaintenanceDesk
from .liquidation.passes import LiquidationPass
from .liquidation.prices import PriceDesk
from .liquidation.settlement import MarketDesk
from .liquidation.slices import Slices
from .liquidation.vault import Vault
from .money.ledger import Ledger
from .schema import columns as c
from .schema import kinds as k
from .schema.door import Door
from .schema.events import Event
from .schema.messages import Command
from .schema.packing import pack, unpack_all
from .state.market import Market
from .state.packed import column
from .state.schedule import (
    CANCEL_ALL,
    FUNDING_PAYMENT,
    FUNDING_SAMPLE,
    LIQUIDATION_PASS,
    MAINTENANCE,
    MARK,
    PAYMENT,
    PRICES,
    TWAP_SLICE,
    UNWIND,
)
from .state.snapshot import dump, load, opened
from .state.state import State
from .state.types import FIRST_USER, INSURANCE, NIL, ROW, VAULT, min_i64
from .trading.accounts import AccountDesk
from .trading.book import WARM_ROWS, Book
from .trading.curve_source import CurveSource
from .trading.entry import OrderEntry
from .trading.funding import FundingEngine
from .trading.liquidity import LiquidityDesk
from .trading.matching import Matcher
from .trading.sequencer import Sequencer

NATIVE: Final = not isinstance(min_i64, FunctionType)  # is this file compiled?


def next_multiple(now: i64, interval: i64) -> i64:
    """The first multiple of `interval` after `now`."""
    return (now // interval + 1) * interval


class Exchange(Commands):
    """One venue, for one thread: it holds no locks. `reserve_orders` and `reserve_accounts` size the tables at first; they grow."""

    def __init__(
        self, venue: VenueDesign, journal: JournalSink | None = None, reserve_orders: i64 = 4096, reserve_accounts: i64 = 1024
    ) -> None:  # fmt: skip
        state = State(len(venue.markets), len(venue.assets), reserve_orders, reserve_accounts)
        state.max_open_orders = venue.max_open_orders
        state.max_accounts = venue.max_accounts
        state.max_triggers = venue.max_triggers
        state.max_twaps = venue.max_twaps
        state.max_sub_accounts = venue.max_sub_accounts
        state.transfer_margin_ppm = venue.transfer_margin_ppm
        state.guards_profit = any(market.oracle.on_stale == "halt_new_risk" for market in venue.markets)
        for market in state.markets:
            fill_market(market, venue)
        fill_collateral(state, venue)
        book = Book(state, CurveSource(state, [curve_rule(market) for market in venue.markets]))
        ledger = Ledger(state)
        self.matcher: Matcher = Matcher(state, book, ledger)
        fill_fee_tiers(self.matcher.planner.tiers, venue)
        self.entry = OrderEntry(state, self.matcher)
        self.ladders = LadderDesk(state)
        self.accounts = AccountDesk(state, ledger, self.matcher)
        fill_payments(self.accounts.payments, venue)
        self.liquidity_desk = LiquidityDesk(state, ledger, book.curves, self.accounts)
        payers, ahead = backstop_rules(venue)
        self.vault: Vault = vault_rule(venue)
        self.slices: Slices = Slices(state, ledger, self.matcher, Backstops(state, ledger, payers, ahead), liquidation_terms(venue))
        rule = adl_rule(venue)
        self.lifecycle = Lifecycle(state, ledger, self.slices, liquidation_steps(venue, self.vault), rule is not None)
        adl = Deleveraging(state, self.matcher.positions, rule) if rule is not None else None
        self.liquidations = LiquidationPass(state, self.slices, self.lifecycle, adl, screen_rule(venue))
        marks = [mark_rule(market) for market in venue.markets]
        self.prices = PriceDesk(state, book, marks, self.liquidity_desk, self.lifecycle)
        funding = [funding_rule(market) for market in venue.markets]
        self.market_desk = MarketDesk(state, self.slices, self.lifecycle)
        self.maintenance = MaintenanceDesk(state, self.market_desk)
        self.cadences: list[i64] = [market.mark.cadence_ms * 1_000_000 for market in venue.markets]  # [ns] of marks, 0: with the oracle
        terms = [funding_terms(market) for market in venue.markets]
        desk = AuctionDesk(state, self.lifecycle)
        sequencer = Sequencer(state, self.matcher, self.entry, gas_desk(venue, state, ledger), sequencing_rule(venue), latencies(venue))
        super().__init__(state, book, ledger, desk, FundingEngine(state, book, ledger, funding, terms), sequencer)
        self.design: VenueDesign = venue
        self.door: Door = sequencer.refusals.door
        self.row: vec[i64] = column(ROW, 0)  # of the typed command at hand
        self.journal: JournalSink | None = journal
        self.open_system_accounts()
        if journal is not None:
            journal.start(venue)

    def open_system_accounts(self) -> None:
        """Insurance fund, fees, rounding, clearing, uncovered, vault; the fund and the vault with their capital in the first asset."""
        accounts = self.state.accounts
        account: i64 = 0
        while account < FIRST_USER:
            if accounts.count == accounts.rows:
                accounts.grow()
            accounts.kind[accounts.new_row()] = k.SYSTEM
            account += 1
        self.ledger.deposit(INSURANCE, 0, self.design.insurance_fund.capital * 1_000_000)
        self.ledger.deposit(VAULT, 0, self.design.vault.capital * 1_000_000)
        self.liquidity_desk.open_pools([market.curve.capital * 1_000_000 for market in self.design.markets])
        self.state.reserve()

    @property
    def is_read_only(self) -> bool:
        """Did the journal fail to take the last command? The next one tries again, and goes through when the journal works."""
        return self.journal is not None and self.journal.is_read_only

    # -- commands ----------------------------------------------------------------------------------------------------------------

    def apply(self, command: Command) -> list[Event]:
        """Carry out one typed command. Raises Malformed."""
        self.refuse_if_unfit()
        self.is_busy = True
        try:
            row = self.row
            pack(command, row)
            self.door.examine(row, self.state.now, self.state.started)
            self.carry_out_rows(row, None)
            return unpack_all(self.state.log.rows, self.state.log.end)
        finally:
            self.is_busy = False

    def apply_rows(self, commands: Iterable[int]) -> vec[i64]:
        """Carry out packed commands (flat, 16 int64 each); returns the packed events.

        All rows are examined and journaled before the first is carried out. Raises Malformed with the number of the first bad row, or
        JournalFailed; then none was.
        """
        rows = packed_commands(commands)
        self.refuse_if_unfit()
        self.is_busy = True
        try:
            self.door.examine(rows, self.state.now, self.state.started)
            self.carry_out_rows(rows, None)
            log = self.state.log
            return log.rows[: log.end]
        finally:
            self.is_busy = False

    def apply_block(self, commands: Iterable[int], on_malformed: str = "refuse_all") -> Applied:
        """`apply_rows` for who has to route what happened: tells also where the events of each command end.

        `on_malformed`: "refuse_all" raises Malformed for the first bad row, and nothing happens, as in `apply_rows`; "refuse_row" leaves
        out each bad row alone, as if it had been sent by itself: it is not journaled, and `refused` says why.
        """
        if on_malformed not in ("refuse_all", "refuse_row"):
            raise ValueError(f"on_malformed is {on_malformed!r}: expected 'refuse_all' or 'refuse_row'")
        rows = packed_commands(commands)
        self.refuse_if_unfit()
        self.is_busy = True
        try:
            refused: dict[int, str] = {}
            if on_malformed == "refuse_all":
                self.door.examine(rows, self.state.now, self.state.started)
            else:
                rows, refused = self.door.sifted(rows, self.state.now, self.state.started)
            ends: list[int] = []
            self.carry_out_rows(rows, ends)
            log = self.state.log
            return Applied(log.rows[: log.end], spread(ends, refused) if refused else ends, refused, self.sequencer.turns)
        finally:
            self.is_busy = False

    def carry_out_rows(self, rows: vec[i64], ends: list[int] | None) -> None:
        """Journal and carry out examined rows; what happened is in the log, and where the events of each command end in `ends` [rows].

        Raises JournalFailed; then nothing did.
        """
        state = self.state
        if self.journal is not None and len(rows) > 0:
            self.journal.write(rows)
        state.log.clear()
        self.sequencer.begin_block(ends is not None)
        self.is_broken = True  # until the block is done: what is raised on the way, by a rule of one's own say, leaves it half done
        schedule = state.schedule
        watch = self.watch
        triggers = state.triggers
        alerts = state.margin_alerts
        at: i64 = 0
        end: i64 = len(rows)
        warm: i64 = 0 if NATIVE and end > ROW else NIL
        while at < end:
            if at == warm:
                warm = min_i64(end, at + WARM_ROWS * ROW)
                self.book.warm_up(rows, at, warm)
            if self.room == 0:
                self.room = state.reserve()
            self.room -= 1
            ts = rows[at + c.TS]
            if not state.started:
                self.start(ts)
            if ts >= schedule.next:
                self.run_due(ts)
            state.now = ts
            if self.is_sequenced:
                reason = self.sequence(rows, at)
            else:
                reason = self.carry_out(rows, at)
            if reason != 0:
                self.sequencer.refusals.tell(rows, at, reason)
            elif alerts.live != 0:
                self.alert(rows, at)
            if triggers.live != 0 or len(watch.notes) != 0:
                self.run_algos()
            if ends is not None:
                ends.append(int(state.log.end // ROW))
            at += ROW
        self.is_broken = False

    # -- what is due -------------------------------------------------------------------------------------------------------------

    def start(self, ts: i64) -> None:
        """The first command sets the clock; timers run at multiples of their intervals."""
        state = self.state
        state.now = ts
        state.started = True
        for market in state.markets:
            market.mark_ts = ts
            terms = self.funding.terms[market.number]
            if self.cadences[market.number] != 0:
                state.schedule.set(MARK, market.number, next_multiple(ts, self.cadences[market.number]))
            if market.is_spot != 0:
                continue
            state.schedule.set(FUNDING_SAMPLE, market.number, next_multiple(ts, terms.sample_interval))
            state.schedule.set(FUNDING_PAYMENT, market.number, next_multiple(ts, terms.interval))

    def run_due(self, ts: i64) -> None:
        """Let the time come to `ts`, running on the way what falls due up to it: in the order of the schedule."""
        state = self.state
        while state.schedule.next <= ts:
            state.now = state.schedule.next
            _, rank, number = state.schedule.pop()
            if MARK <= rank <= FUNDING_PAYMENT:
                self.run_timers(rank, number)
            elif rank == PRICES:
                self.react_to_prices(False)
            elif rank == UNWIND:
                self.vault.unwind(self.slices)
            elif rank == CANCEL_ALL:
                self.entry.cancel_scheduled(number)
                self.disconnect(number)
            elif rank == LIQUIDATION_PASS:
                self.liquidations.run()
            elif rank == TWAP_SLICE:
                self.run_slice(number)
            elif rank == PAYMENT:
                self.arrive(number)
            elif rank == MAINTENANCE:
                self.maintenance.turn(number)
            else:
                self.run_turn(rank, number)
            self.run_algos()

    def run_timers(self, rank: i64, number: i64) -> None:
        """Mark, funding sample or funding payment of a market, and of all others where the same is due now: what follows looks at all of
        them at once. Else a pair that is hedged would be liquidated between its two marks, or its two payments."""
        schedule = self.state.schedule
        follows = self.run_timer(rank, self.state.markets[number])
        while schedule.goes_on(self.state.now, rank):
            _, _, another = schedule.pop()
            if self.run_timer(rank, self.state.markets[another]):
                follows = True
        if follows:
            self.react_to_prices(True)

    def run_timer(self, rank: i64, market: Market) -> bool:
        """Is it to be followed by triggers and a liquidation pass?"""
        schedule = self.state.schedule
        now = self.state.now
        terms = self.funding.terms[market.number]
        if rank == MARK:
            schedule.set(MARK, market.number, now + self.cadences[market.number])
            return self.prices.move_mark(market)
        if rank == FUNDING_SAMPLE:
            schedule.set(FUNDING_SAMPLE, market.number, now + terms.sample_interval)
            self.funding.sample(market)
            return terms.continuous
        schedule.set(FUNDING_PAYMENT, market.number, now + terms.interval)
        if not terms.continuous:
            self.funding.settle(market)
        return not terms.continuous

    # -- copies ------------------------------------------------------------------------------------------------------------------

    def snapshot(self) -> bytes:
        """The design and all of the state; `restore` makes an equal venue of it, on either build. The journal is not part of it."""
        self.refuse_if_unfit()
        return dump(self.state, self.design.to_json())

    def __reduce__(self) -> tuple[Callable[[bytes], Exchange], tuple[bytes]]:
        """Copying and pickling go by the snapshot: a copy writes no journal."""
        return restore, (self.snapshot(),)

    # -- proof -------------------------------------------------------------------------------------------------------------------

    def check(self) -> None:
        """Prove the invariants of all tables, in plain asserts."""
        self.state.check()
        self.book.check()
        self.ledger.check()
        self.matcher.open.check()
        self.lifecycle.check()
        self.liquidations.check()
        self.liquidity_desk.check()
        self.trigger_desk.check()
        self.link_desk.check()


def restore(data: object) -> Exchange:
    """The venue that a snapshot was taken of. Raises SnapshotError for what is no snapshot or one of another version, VenueError for a
    design that cannot be used, because a rule that it names is not registered."""
    tree = opened(data)
    design = tree["design"]
    assert isinstance(design, bytes)
    made = Exchange(venue_of_json(design, "snapshot"))
    load(made.state, tree)
    return made
