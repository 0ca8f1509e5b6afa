"""What the history of a venue makes of its events, against what the venue itself says: over the designs of the soak, which have every way
of liquidating, curves, spot markets, triggers and queues."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent.parent / "exchange"))
import soak
from librt.vecs import vec
from mypy_extensions import i64
from soak_designs import COUNT, design
from soak_report import Options
from soak_rules import ABOUT

from perplab.exchange import Exchange
from perplab.exchange.codes import MarketStatus, Method
from perplab.exchange.events import DeficitPaid, Liquidated, LossSocialized, PositionSettled, event_of_row
from perplab.exchange.server.history.history import History
from perplab.exchange.server.history.records import OrderStatus
from perplab.exchange.server.routing import Owners
from perplab.exchange.state.types import FIRST_USER, ROW

LENGTH = 500
SOME = range(0, COUNT, 4)
FIRST = int(FIRST_USER)


@cache
def commands(number: int) -> list[list[int]]:
    return soak.live(Options(seed=7, length=LENGTH, without=tuple(ABOUT), check_every=10**9), number).rows


class Lived:
    """A venue, and the history of what it does; every account belongs to somebody."""

    def __init__(self, number: int) -> None:
        self.exchange = Exchange(design(number))
        self.owners = Owners()
        self.known = FIRST
        self.history = History(self.exchange, self.owners)
        self.late: History | None = None  # one that begins later
        self.events: list[vec[i64]] = []

    def do(self, row: list[int]) -> None:
        block = self.exchange.apply_rows(row)
        while self.known < self.exchange.state.accounts.count:
            self.owners.give(self.known, 1)
            self.known += 1
        if len(block):
            self.events.append(block)
            self.history.record(block)
            if self.late is not None:
                self.late.record(block)

    def accounts(self) -> range:
        return range(FIRST, self.known)

    def perpetuals(self) -> list[int]:
        return [number for number, market in enumerate(self.exchange.state.markets) if not market.is_spot]


def agree(lived: Lived, accounts: range) -> None:
    """Positions, what they have cost, and which orders are open."""
    for account in accounts:
        past = lived.history._past(account)
        for market in lived.perpetuals():
            held = past.held.get(market)
            position = lived.exchange.position(account, market)
            size, entry = (held.size, held.entry) if held is not None else (0, 0)
            assert (size, entry) == (position.size, position.entry_notional), f"account {account} in market {market}"
        open_orders = {order.order_id: order for order in lived.exchange.open_orders(account)}
        told = {order_id for order_id, one in past.orders.open.items() if not one.is_twap and (one.trigger is None or one.tif is not None)}
        assert told == set(open_orders), f"account {account}"
        for order_id, order in open_orders.items():
            record = past.orders.open[order_id]
            assert (record.left, record.filled, record.price) == (order.size, order.filled, order.price), record
        waiting = {one.order_id for one in [*lived.exchange.triggers(account), *lived.exchange.twaps(account)]}
        assert {order_id for order_id in past.orders.open if order_id not in told} == waiting


@pytest.mark.parametrize("number", SOME)
def test_positions_and_orders_are_those_of_the_venue(number: int) -> None:
    lived = Lived(number)
    for at, row in enumerate(commands(number)):
        lived.do(row)
        if at % 83 == 0:
            agree(lived, lived.accounts()[at % 3 :: 3])
    agree(lived, lived.accounts())


@pytest.mark.parametrize("number", SOME)
def test_a_history_that_begins_later_knows_the_same_positions(number: int) -> None:
    """Their sizes exactly; what they have cost to the rounding, or not at all."""
    lived = Lived(number)
    rows = commands(number)
    for row in rows[: LENGTH // 2]:
        lived.do(row)
    lived.late = late = History(lived.exchange, lived.owners)
    for row in rows[LENGTH // 2 :]:
        lived.do(row)
    settled = {market for market in lived.perpetuals() if lived.exchange.known_market(market).status == MarketStatus.SETTLED}
    for account in lived.accounts():
        fills = [fill for fill in late.fills(account) if fill.market not in settled]
        expected = [fill for fill in lived.history.fills(account) if fill.seq > late.began[0] and fill.market not in settled]
        assert [(fill.seq, fill.side, fill.lots, fill.start) for fill in fills] == [
            (fill.seq, fill.side, fill.lots, fill.start) for fill in expected
        ]
        for fill, exact in zip(fills, expected, strict=True):
            assert fill.closed_pnl is None or exact.closed_pnl is None or abs(fill.closed_pnl - exact.closed_pnl) <= LENGTH, fill


@pytest.mark.parametrize("number", SOME)
def test_liquidations_add_up(number: int) -> None:
    """All lots of a slice are somebody's; and what the venue's events count, the feed counts."""
    lived = Lived(number)
    for row in commands(number):
        lived.do(row)
    found = lived.history.liquidations()
    assert len(found) < 500
    paid = sum(event.amount for event in events_of(lived) if isinstance(event, DeficitPaid))
    assert sum(part.amount for one in found for part in one.paid) == paid
    for one in found:
        if one.method is not Method.SETTLEMENT:
            assert sum(against.lots for against in one.against) == abs(one.size), one
            assert sum(against.value for against in one.against) == one.value, one


def events_of(lived: Lived) -> Iterator[object]:
    for block in lived.events:
        for at in range(0, len(block), int(ROW)):
            yield event_of_row([int(value) for value in block[at : at + int(ROW)]])


@pytest.mark.parametrize("number", SOME)
def test_funding_that_is_told_is_what_accounts_have_paid(number: int) -> None:
    """Where no loss was shared: what positions have settled, and owe, to the micro-unit."""
    lived = Lived(number)
    for row in commands(number):
        lived.do(row)
    if any(isinstance(event, LossSocialized) for event in events_of(lived)):
        return
    paid: Counter[int] = Counter()
    for event in events_of(lived):
        if isinstance(event, PositionSettled):
            paid[event.account] += event.amount
    for account in lived.accounts():
        payments = lived.history.payments(account)
        owed = sum(lived.exchange.position(account, market).unsettled for market in lived.perpetuals())
        assert paid[account] + owed + sum(one.amount for one in payments) == 0, f"account {account}"


@pytest.mark.parametrize("number", SOME)
def test_what_an_account_is_told_of_its_liquidations_and_twaps(number: int) -> None:
    """Each slice once, with what it could not pay; fills of one slice share a number that no other has; a TWAP's fills are its slices'."""
    lived = Lived(number)
    for row in commands(number):
        lived.do(row)
    told = [(account, one) for account in lived.accounts() for one in lived.history.closings(account)]
    found = [event for event in events_of(lived) if isinstance(event, Liquidated)]
    assert len(found) < 2_000 and sorted(one.seq for _, one in told) == sorted(event.seq for event in found if event.account >= FIRST)
    assert sum(one.deficit for _, one in told) == sum(event.deficit for event in found if event.account >= FIRST)
    assert all(one.equity is not None for _, one in told)
    for account in lived.accounts():
        ends = [one.seq for one in lived.history.closings(account)]
        slices: dict[int, int] = {}
        for fill in lived.history.fills(account):
            if fill.liquidation is not None and fill.liquidation.account == account:
                end = next(seq for seq in ends if seq >= fill.seq)
                assert slices.setdefault(fill.liquidation.first, end) == end and fill.liquidation.first <= fill.seq
        sizes: Counter[int] = Counter()
        for fill in lived.history.fills(account):
            sizes[lived.history.twap_of(account, fill.order_id)] += fill.lots
        twaps = [one for one in lived.history.orders(account) if one.is_twap and one.order_id]
        twaps += [one for one in map(partial(lived.history.order, account), open_twaps(lived, account)) if one is not None]
        for one in twaps:
            assert sizes[one.order_id] == one.filled, one


def open_twaps(lived: Lived, account: int) -> list[int]:
    return [one.order_id for one in lived.exchange.twaps(account)]


def test_every_way_to_close_and_every_end_of_an_order_is_met() -> None:
    methods: set[Method] = set()
    ends: Counter[OrderStatus] = Counter()
    for number in SOME:
        lived = Lived(number)
        for row in commands(number):
            lived.do(row)
        methods |= {one.method for one in lived.history.liquidations()}
        for account in lived.accounts():
            ends.update(order.status for order in lived.history.orders(account))
    assert methods == set(Method) and set(ends) == set(OrderStatus) - {OrderStatus.OPEN}
