"""Orders with special terms, and what is remembered of quotes: snapshots keep them, protections roll exactly, and tables grow."""

from __future__ import annotations

from choices import Drawn, Source, examples
from designs import market, venue
from hypothesis import given
from hypothesis import strategies as st

from perplab.exchange import Exchange, restore
from perplab.exchange import messages as m
from perplab.exchange.state.quotes import Protections
from perplab.exchange.state.types import FIRST_USER, MAX_FILLS, NIL
from perplab.exchange.trading.depth import Walk, impact_price

MAKER, TAKER = FIRST_USER, FIRST_USER + 1
SECOND = 10**9


def some_exchange() -> Exchange:
    """Two rich accounts, and tables that have to grow."""
    exchange = Exchange(venue([market()]), None, 1, 1)
    for account in (MAKER, TAKER):
        exchange.apply(m.OpenAccount(0, 1, 0))
        exchange.apply(m.Deposit(0, account, 0, 10**12))
    exchange.apply(m.UpdateOracle(0, 0, 1_000))
    return exchange


def test_a_snapshot_keeps_special_terms_and_protections() -> None:
    exchange = some_exchange()
    exchange.apply(m.SetQuoteProtection(1, MAKER, 0, SECOND, 2))
    exchange.apply(m.MassQuote(1, MAKER, 0, 0, 999, 5, 998, 5, 997, 5, 996, 5, 995, 5))
    exchange.apply(m.MassQuote(1, MAKER, 0, 1, 1_001, 5, 1_002, 5, 1_003, 5, 1_004, 5, 1_005, 5))
    exchange.check()
    exchange.apply(m.Place(1, MAKER, 0, 1, 1_001, 9, expires=SECOND, display=2))
    exchange.apply(m.Place(2, TAKER, 0, 0, 1_001, 6))
    copy = restore(exchange.snapshot())
    assert copy.state_hash() == exchange.state_hash()
    orders = m.Place(3, TAKER, 0, 0, 1_001, 2), m.Place(4, TAKER, 0, 1, 999, 7)
    for command in (*orders, m.MassQuote(5, MAKER, 0, 0, 1, 1), m.Tick(2 * SECOND)):
        events = exchange.apply(command)
        assert repr(copy.apply(command)) == repr(events)
        exchange.check()
        copy.check()
    assert copy.state_hash() == exchange.state_hash()
    assert {type(e).__name__ for e in events} >= {"OrderCancelled"}, "the order has ended in its time"
    assert not [o for o in exchange.open_orders(MAKER)], "all quotes are gone"


def test_a_protection_changes_the_hash() -> None:
    exchange, hashes = some_exchange(), set[str]()
    for limits in ((5, 0), (6, 0), (6, 7), (0, 7), (0, 0)):
        exchange.apply(m.SetQuoteProtection(1, MAKER, 0, SECOND, *limits))
        hashes.add(exchange.state_hash())
    exchange.apply(m.SetQuoteProtection(1, MAKER, 0, 2 * SECOND, 5))
    exchange.apply(m.MassQuote(1, MAKER, 0, 0, 999, 5))
    hashes.add(exchange.state_hash())
    exchange.apply(m.Place(1, TAKER, 0, 1, 999, 1))
    assert exchange.state_hash() not in hashes and len(hashes) == 6


def naive(fills: list[tuple[int, int]], now: int, window: int) -> list[tuple[int, int]]:
    """The fills that count: those of the window, at most the last 1,024."""
    return [(ts, lots) for ts, lots in fills[-int(MAX_FILLS) :] if ts > now - window]


def roll(source: Source, fills: int, lots: int, number: int) -> None:
    """A table of protections against a list of all fills."""
    table, window = Protections(), source.integer(1, 9)
    lots = lots or int(fills == 0)
    table.set(MAKER, 3, window, fills, lots)
    table.set(TAKER, 3, 1, 1, 0)
    seen: list[tuple[int, int]] = []
    now = 0
    for _ in range(number):
        now += source.pick((0, 0, 1, 2, 11))
        size = source.integer(1, 5)
        seen.append((now, size))
        row = table.find(int(MAKER) * 64 + 3)
        told = table.note(row, now, size)
        counted = naive(seen, now, window)
        assert table.remembered(row) == counted
        assert told == ((fills != 0 and len(counted) >= fills) or (lots != 0 and sum(lots for _, lots in counted) >= lots))
        table.check_protections(now)
    table.set(MAKER, 3, window, 0, 0)
    assert table.find(int(MAKER) * 64 + 3) == NIL and table.fills.live == 0
    table.check_protections(now)


@examples(50)
@given(st.data(), st.integers(0, 6), st.integers(0, 20))
def test_the_window_rolls_exactly(data: st.DataObject, fills: int, lots: int) -> None:
    roll(Drawn(data), fills, lots, 20)


def test_no_more_fills_are_remembered_than_there_may_be() -> None:
    table = Protections()
    table.set(MAKER, 0, SECOND, 0, 2_000)
    row = table.find(int(MAKER) * 64)
    for number in range(1_500):
        assert not table.note(row, number, 1)
    assert len(table.remembered(row)) == MAX_FILLS and table.remembered(row)[0] == (1_500 - int(MAX_FILLS), 1)
    table.check_protections(1_500)


def test_what_an_iceberg_hides_is_told_to_nobody() -> None:
    """Depth, sums, sweeps and impact prices know what is shown; what an order would be charged knows all."""
    exchange = some_exchange()
    exchange.apply(m.Place(1, MAKER, 0, 1, 1_001, 20, display=2))
    exchange.apply(m.Place(1, MAKER, 0, 1, 1_005, 5))
    state, book, record = exchange.state, exchange.book, exchange.state.markets[0]
    assert exchange.depth(0, 1, 9) == [(1_001, 2), (1_005, 5)] and exchange.lots_within(0, 1, 1_001) == (2, 2 * 1_001 * record.unit)
    assert exchange.sweep(0, 0, 7) == (7, (2 * 1_001 + 5 * 1_005) * record.unit)
    assert impact_price(state, book, record, 1, 4 * 1_003 * record.unit) == 1_003
    assert exchange.open_orders(MAKER)[0].size == 20 and exchange.open_orders(MAKER)[0].display == 2
    walk = Walk(state, book, record, 1)
    for with_hidden, value in ((False, 2 * 1_001 + 5 * 1_005), (True, 7 * 1_001)):
        walk.begin(record, 1)
        walk.with_hidden = with_hidden
        walk.reach_lots(7, 1_005)
        assert (walk.lots, walk.value) == (7, value * record.unit)
