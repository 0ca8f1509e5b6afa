"""A venue under test: commands go in one by one, and everything that must hold is checked after each of them.

Two checks know nothing of the core's own arithmetic: bookkeeper.py rebuilds balances, positions and orders from the events alone, and
exact_margin.py works out requirements as exact fractions from public queries and the design.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from typing import Final

from bookkeeper import Bookkeeper
from choices import Source
from exact_margin import Margin

from perplab.exchange import Exchange, Journal, Malformed, VenueDesign, replay
from perplab.exchange import messages as m
from perplab.exchange.codes import Method, Reason, TimeInForce
from perplab.exchange.messages import command_row, event_of_row
from perplab.exchange.schema.views import Position
from perplab.exchange.state.types import FEES, FIRST_USER, INSURANCE, ROUNDING, ROW, UNCOVERED

START: Final = 1_000 * 10**9
ENTRY: Final = (m.Place, m.Amend)
OUTFLOW: Final = (m.Withdraw, m.Transfer)


class Before:
    """Positions and cross equity ahead of a command."""

    def __init__(self, world: World) -> None:
        exchange, users = world.exchange, world.users
        self.positions = {(a, n): exchange.position(a, n) for a in users for n in range(len(world.terms))}
        self.equity = {(a, asset): world.margin.equity(a, asset) for a in users for asset in range(len(exchange.design.assets))}


class World:
    """A venue under test: commands go in one by one, each after a Tick of its time, and everything is checked."""

    def __init__(self, design: VenueDesign) -> None:
        self.journal = Journal()
        self.exchange = Exchange(design, self.journal, 2, 8)  # small tables, so that they grow
        self.books = Bookkeeper(design)
        self.terms = self.books.terms
        self.margin = Margin(self.exchange, self.terms)
        self.checks = True  # False while a scene is set that other tests have checked
        self.hashed = ""  # the state's hash, if it is known
        self.now = START
        self.accounts = FIRST_USER
        self.rows: list[int] = []
        self.events: list[m.Event] = []
        self.sides: dict[int, int] = {}  # of every order there ever was
        self.reasons: Counter[Reason] = Counter()
        self.kinds: Counter[str] = Counter()
        self.do(m.Tick(self.now))

    @property
    def users(self) -> range:
        return range(FIRST_USER, self.accounts)

    def do(self, command: m.Command) -> list[m.Event]:
        """Let time come to the command, then carry it out; check both."""
        if command.ts > self.now or not self.rows:
            self.send(m.Tick(command.ts))
        if isinstance(command, m.Tick):
            return []
        if not self.checks:
            return self.send(command)
        before = Before(self)
        hashed = self.hashed or self.exchange.state_hash()
        events = self.send(command)
        rejected = [e for e in events if isinstance(e, m.Rejected) and e.command == command.KIND]  # not: an order of a ladder
        if rejected:
            assert len(events) == 1, f"{command} was refused, and yet: {events}"
            assert self.exchange.state_hash() == hashed, f"{rejected[0]} has left a trace"
            self.hashed = hashed
            self.reasons[Reason(rejected[0].reason)] += 1
        else:
            check_voluntary(self, command, events, before)
        return events

    def send(self, command: m.Command) -> list[m.Event]:
        row = command_row(command)
        events = self.exchange.apply(command)
        self.hashed = ""
        self.now = command.ts
        self.rows += row
        self.events += events
        self.kinds.update(type(e).__name__ for e in events)
        self.accounts += sum(isinstance(e, m.AccountOpened) for e in events)
        for e in events:
            self.books.see(e)
            if isinstance(e, m.OrderPlaced):
                self.sides[e.order_id] = e.side
        check_deficits(self.exchange, events)
        if self.checks:
            self.check()
        return events

    def check(self) -> None:
        self.exchange.check()
        self.books.compare(self.exchange, self.accounts)
        self.check_limits()
        for account in self.users:
            for asset in range(len(self.exchange.design.assets)):
                if not any(p.size for p in self.margin.cross(account, asset)) and not self.books.liquidating[account, -1]:
                    counts = self.exchange.balance(account, asset) >= 0 or self.margin.collateral(account, asset) > 0
                    assert counts, f"account {account} has nothing open and owes asset {asset}"
            for number in range(len(self.terms)):
                p = self.exchange.position(account, number)
                if p.size == 0 or p.mode == 0:
                    assert p.isolated_margin == 0, f"margin is stuck in {p}"

    def check_limits(self) -> None:
        """Caps hold, and no account of the venue's own owes but UNCOVERED, the vault, and CLEARING to those who get funding."""
        design = self.exchange.design
        for number, terms in enumerate(design.markets):
            cap = int(terms.open_interest_cap / terms.lot)
            assert cap == 0 or self.exchange.open_interest(number) <= cap
        held = Counter(order[0] for order in self.books.orders.values() if order[5] != TimeInForce.IOC)  # which only an auction holds
        assert max(held.values(), default=0) <= design.max_open_orders
        for asset in range(len(design.assets)):
            for account in (INSURANCE, FEES, ROUNDING):
                assert self.exchange.balance(account, asset) >= 0, f"system account {account} owes"
            assert self.exchange.balance(UNCOVERED, asset) <= 0

    def refuse(self, row: list[int]) -> None:
        """The door refuses a packed command: nothing happens, not even time."""
        hashed = self.exchange.state_hash()
        try:
            self.exchange.apply_rows(row)
        except Malformed:
            assert self.exchange.state_hash() == hashed and self.exchange.now == self.now
        else:
            raise AssertionError(f"the door let {row} in")

    def in_liquidation(self, account: int) -> bool:
        return any(count for (who, _), count in self.books.liquidating.items() if who == account)

    def finish(self, source: Source) -> None:
        """Replay the journal, and feed the same commands in bulk: state and events are the same."""
        hashed = self.exchange.state_hash()
        assert replay(self.journal.bytes()).state_hash() == hashed, "the journal replays to another state"
        everything = [list(astuple_row(e)) for e in self.events]
        for chunk in (len(self.rows), int(ROW)):
            journal = Journal(block_rows=7)
            other = Exchange(self.exchange.design, journal, 32, 64)
            flat: list[int] = []
            at = 0
            while at < len(self.rows):
                flat += other.apply_rows(self.rows[at : at + chunk])
                at += chunk
                chunk = source.integer(1, 9) * int(ROW)
            events = [flat[at : at + int(ROW)] for at in range(0, len(flat), int(ROW))]
            assert [list(astuple_row(event_of_row(e))) for e in events] == everything, "bulk commands have other events"
            assert other.state_hash() == hashed, "bulk commands lead to another state"
            other.check()
            assert replay(journal.bytes()).state_hash() == hashed


def astuple_row(e: m.Event) -> tuple[int, ...]:
    return (e.KIND, *(getattr(e, name) for name in e.__struct_fields__))


def check_deficits(exchange: Exchange, events: Sequence[m.Event]) -> None:
    """What a slice sold into the book or settled was short of is paid at once, to the micro-unit, `uncovered` included."""
    for at, e in enumerate(events):
        if isinstance(e, m.Liquidated) and e.method in (Method.BOOK, Method.SETTLEMENT):
            paid = 0
            for later in events[at + 1 :]:
                if isinstance(later, m.DeficitPaid):
                    assert later.account == e.account
                    paid += later.amount
                elif not isinstance(later, m.LossSocialized | m.PositionSettled):  # who closed against it pays his share
                    break
            # the rest of a flat account (rounding) may be paid right behind
            assert e.deficit <= paid <= e.deficit + len(exchange.design.markets) + 1, f"{e}: {paid} was paid"


def check_voluntary(world: World, command: m.Command, events: Sequence[m.Event], before: Before) -> None:
    """No voluntary act leaves an account below initial margin, or below maintenance if it only reduces."""
    margin = world.margin
    exchange = world.exchange
    losers = {e.account for e in events if isinstance(e, m.Liquidated)}
    shared = any(isinstance(e, m.LossSocialized) for e in events)  # the end of an auction may cost everybody
    if isinstance(command, (*ENTRY, m.BlockTrade, m.TakeAuction)):
        for (account, number), old in before.positions.items():
            new = exchange.position(account, number)
            if account not in losers and new.size != old.size and not shared:
                same_side = (new.size > 0) == (old.size > 0) or new.size == 0
                check_margined(world, new, same_side and abs(new.size) < abs(old.size), before)
    if isinstance(command, OUTFLOW):
        asset = command.asset
        assert margin.equity(command.account, asset) >= margin.all_with_orders(command.account, asset)
        for counted in range(len(exchange.design.assets) if exchange.design.collateral else 0):  # what has left may have stood in for cash
            assert margin.equity(command.account, counted) >= margin.all_with_orders(command.account, counted)
    if isinstance(command, m.SetLeverage):
        new = exchange.position(command.account, command.market)
        if new.leverage < before.positions[command.account, command.market].leverage and new.size:
            check_margined(world, new, False, before)
    if isinstance(command, m.MoveIsolatedMargin):
        new = exchange.position(command.account, command.market)
        if command.amount < 0:
            assert margin.isolated_equity(new) >= margin.row_initial(new)
        asset = world.terms[command.market].asset
        if command.amount > 0:
            assert margin.equity(command.account, asset) >= margin.all_with_orders(command.account, asset)
    check_traders(world, command, events, before)
    for e in events:
        if isinstance(e, m.OrderPlaced) or (isinstance(e, m.OrderAmended) and not e.kept_priority):
            check_price(world, e)


def check_price(world: World, e: m.OrderPlaced | m.OrderAmended) -> None:
    """An accepted price is on the grid and inside the band; an order that may open is worth the minimum."""
    t = world.terms[e.market]
    mark = world.exchange.mark_price(e.market)
    if t.figures:
        assert len(str(e.price).rstrip("0")) <= t.figures
    side = e.side if isinstance(e, m.OrderPlaced) else world.sides[e.order_id]
    if t.band_ppm:
        assert e.price * 10**6 <= mark * (10**6 + t.band_ppm) if side == 0 else e.price * 10**6 >= mark * (10**6 - t.band_ppm)
    assert 1 <= e.price <= t.max_price
    if isinstance(e, m.OrderPlaced) and not e.reduce_only:
        assert e.size * e.price * t.unit >= t.minimum_notional


def check_margined(world: World, p: Position, reduced: bool, before: Before) -> None:
    margin = world.margin
    asset = world.terms[p.market].asset
    name = "maintenance" if reduced else "initial"
    equity = margin.equity(p.account, asset)
    if p.mode == 1:
        # an isolated position may draw from free cash, and only from that
        needed = min(margin.initial(p.account, asset), Fraction(before.equity[p.account, asset]))
        assert equity >= needed, f"account {p.account}: equity {equity}, needed {needed} after {p}"
        equity = margin.isolated_equity(p)
        needed = margin.row_maintenance(p) if reduced else margin.row_initial(p)
    else:
        needed = margin.maintenance(p.account, asset) if reduced else margin.initial(p.account, asset)
    assert (p.size == 0 and p.mode == 1) or equity >= needed, f"{p}: equity {equity}, {name} margin {needed}"


def check_traders(world: World, command: m.Command, events: Sequence[m.Event], before: Before) -> None:
    """Orders that may only reduce never increase or flip; trades with oneself leave cash and isolated positions sound."""
    fired = any(isinstance(e, m.TriggerFired) and e.account == getattr(command, "account", -1) for e in events)
    if isinstance(command, m.Place) and command.reduce_only and not fired:
        old = before.positions[command.account, command.market].size
        new = world.exchange.position(command.account, command.market).size
        assert 0 <= new <= old or old <= new <= 0
    if not isinstance(command, ENTRY):
        return
    for e in events:
        if isinstance(e, m.Traded) and e.taker == e.maker:
            p = world.exchange.position(e.taker, e.market)
            asset = world.terms[e.market].asset
            assert world.margin.equity(e.taker, asset) >= world.margin.maintenance(e.taker, asset), "a trade with oneself drained the cash"
            if p.mode == 1:
                assert world.margin.isolated_equity(p) >= world.margin.row_maintenance(p)
