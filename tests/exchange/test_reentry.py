"""Commands that are sent while another is at work, by whatever Python code runs meanwhile: refused, and nothing comes of them."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from curve_kit import Line, LineDesign
from kit import FIRST, START, Bench, packed, plain_venue

from perplab.exchange import Exchange, Journal, Malformed, VenueBroken, VenueBusy, register, replay
from perplab.exchange.codes import OrderType, Side, TimeInForce
from perplab.exchange.messages import Command, Deposit, OpenAccount, Place, Tick
from perplab.exchange.rules import Book, Market, MarkRule, State, forget
from perplab.exchange.state.pools import Pool

SENT: list[Callable[[], object]] = []  # what the code in between does, once
REFUSED: list[str] = []
COMMANDS: list[Command] = [Deposit(START, FIRST + 1, 0, 777), Deposit(START, FIRST + 1, 0, -(5 * 10**17)), Tick(START + 10**18)]


def interfere() -> None:
    if SENT:
        try:
            SENT.pop()()
        except VenueBusy as error:
            REFUSED.append(str(error))


class Meddling(MarkRule):
    """The oracle, after something else was tried."""

    def price(self, state: State, book: Book, market: Market) -> int:
        interfere()
        return int(market.oracle)


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    register("mark.rule", "meddling", Meddling)
    yield
    forget("mark.rule", "meddling")
    SENT.clear()
    REFUSED.clear()


def meddled() -> Bench:
    bench = Bench(plain_venue({"markets": {"mark": {"rule": "meddling"}}}))
    bench.oracle(100)
    bench.open(5)
    bench.open(5)
    return bench


def ways(venue: Exchange, command: Command) -> list[Callable[[], object]]:
    rows = packed([command])
    return [
        lambda: venue.apply(command), lambda: venue.apply_rows(rows), lambda: venue.apply_block(rows, "refuse_row"), venue.snapshot,
        lambda: pickle.dumps(venue), lambda: venue.preview(Place(START, FIRST, 0, Side.BUY, 100, 1)),
    ]  # fmt: skip


@pytest.mark.parametrize("way", range(6))
@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_what_a_rule_sends_is_refused_and_what_it_disturbs_is_done(command: Command, way: int) -> None:
    bench, twin = meddled(), meddled()
    SENT.append(ways(bench.exchange, command)[way])
    for one in (bench, twin):
        told = one.oracle(101)
        assert [type(event).__name__ for event in told] == ["OracleUpdated", "MarkMoved"]
    assert len(REFUSED) == 1 and "takes no other command meanwhile" in REFUSED[0]
    assert bench.exchange.state_hash() == twin.exchange.state_hash() == replay(bench.journal.bytes()).state_hash()


class Fickle(Line):
    """A curve that does something else first, when it is asked what a trade is worth."""

    def value(self, market: Market, pool: Pool, inventory: int, side: int, lots: int) -> int:
        interfere()
        return super().value(market, pool, inventory, side, lots)


@pytest.fixture
def fickle() -> Iterator[Bench]:
    register("curve.rule", "fickle", Fickle, params=LineDesign)
    bench = Bench(plain_venue({"markets": {"curve": {"rule": "fickle", "capital": 10**6, "role": "last_resort"}}}))
    bench.oracle(100)
    bench.open(10**9)
    yield bench
    forget("curve.rule", "fickle")


ASKED = Place(START, FIRST, 0, Side.BUY, 0, 3, OrderType.MARKET, TimeInForce.IOC)


@pytest.mark.parametrize("way", range(6))
def test_what_is_sent_while_an_order_is_rehearsed_is_refused(fickle: Bench, way: int) -> None:
    venue = fickle.exchange
    before, foretold = venue.state_hash(), venue.preview(ASKED)
    SENT.append(ways(venue, COMMANDS[0])[way])
    assert venue.preview(ASKED) == foretold and foretold.filled == 3
    assert len(REFUSED) == 1 and venue.state_hash() == before


def test_an_order_whose_rehearsal_a_curve_breaks_off_leaves_the_venue_broken(fickle: Bench) -> None:
    """What it has booked is not taken back: better no venue than a wrong one."""
    SENT.append(lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        fickle.exchange.preview(ASKED)
    for way in (lambda: fickle.exchange.preview(ASKED), lambda: fickle.exchange.apply(COMMANDS[0])):
        with pytest.raises(VenueBroken):
            way()


def test_what_a_journal_sends_is_refused() -> None:
    class Reacting(Journal):
        def write(self, rows: object) -> None:
            interfere()
            super().write(rows)  # type: ignore[arg-type]

    journal = Reacting()
    venue = Exchange(plain_venue(), journal)
    for _ in range(2):
        venue.apply(OpenAccount(START, 1, 0))
    SENT.append(lambda: venue.apply(Deposit(START + 9, FIRST, 0, 7)))
    venue.apply(Deposit(START + 5, FIRST + 1, 0, 1_000))
    assert (venue.balance(FIRST), venue.balance(FIRST + 1), venue.now) == (0, 1_000, START + 5) and REFUSED
    assert replay(journal.bytes()).state_hash() == venue.state_hash()


def test_rows_may_come_from_code_that_sends_commands() -> None:
    """It runs before the command does."""
    venue = Exchange(plain_venue())
    venue.apply(OpenAccount(START, 1, 0))

    def rows() -> Iterator[int]:
        venue.apply(Deposit(START, FIRST, 0, 5))
        yield from packed([Deposit(START, FIRST, 0, 6)])

    venue.apply_rows(rows())
    assert venue.balance(FIRST) == 11


def test_a_refusal_leaves_the_venue_ready() -> None:
    venue = Exchange(plain_venue())
    for refused in (
        lambda: venue.apply(Tick(-1)), lambda: venue.apply_rows([0] * 16), lambda: venue.apply_rows([1]), lambda: venue.apply_block([1]),
    ):  # fmt: skip
        with pytest.raises(Malformed):
            refused()
        assert venue.apply(Tick(START)) == []


def test_memory_of_several_dimensions_is_no_row() -> None:
    rows = memoryview(bytes(2 * 128)).cast("B").cast("q", (2, 16))
    with pytest.raises(Malformed, match="in one dimension"):
        Exchange(plain_venue()).apply_rows(rows)  # type: ignore[arg-type]


# What runs in the middle of a query, at each time that Python's collector may: a __del__ that sends commands, so that tables grow.
MEANWHILE = """
import gc, sys
from kit import FIRST, START, Bench, plain_venue
from perplab.exchange.messages import BlockTrade, Deposit, OpenAccount, Place, Side, UpdateOracle

query = sys.argv[1]
bench = Bench(plain_venue({"liquidation": {"steps": ["dutch_auction"]}}))
venue = bench.exchange
me, other = bench.open(10), bench.open(1_000)
bench.oracle(100)
bench.block(me, other, 1, 100)
for price in (90, 91, 92):
    bench.place(other, 0, 1, price)
bench.oracle(95)
asks = {
    "open_orders": lambda: venue.open_orders(other), "auctions": venue.auctions, "free_margin": lambda: venue.free_margin(other),
    "depth": lambda: venue.depth(0, 0, 3), "position": lambda: venue.position(me, 0), "ledger_balance": lambda: venue.ledger_balance(other),
    "balances_by_class": venue.balances_by_class, "liquidation_price": lambda: venue.liquidation_price(other, 0),
    "state_hash": venue.state_hash, "check": venue.check, "snapshot": venue.snapshot, "sweep": lambda: venue.sweep(0, 1, 2),
    "lots_within": lambda: venue.lots_within(0, 0, 90), "client_order": lambda: venue.client_order(other, 0, 1),
}

class Meanwhile:
    def __init__(self):
        self.me = self
    def __del__(self):
        for _ in range(12):
            account = venue.state.accounts.count
            venue.apply(OpenAccount(bench.now, 1, 0))
            venue.apply(Deposit(bench.now, account, 0, 10**9))
            venue.apply(Place(bench.now, account, 0, Side.BUY, bench.ticks(80), bench.lots(1)))

if query not in ("state_hash", "check", "snapshot", "balances_by_class"):  # of all accounts: how many there are may change meanwhile
    expected = repr(asks[query]())
for start in range(1, 40):
    gc.collect()
    gc.disable()
    Meanwhile()
    gc.set_threshold(max(1, gc.get_count()[0] + start))
    gc.enable()
    try:
        told = asks[query]()
    except (AssertionError, RuntimeError, ValueError):  # what changes meanwhile may not add up; memory that is gone must not be read
        told = None
    gc.disable()
    if query not in ("state_hash", "check", "snapshot", "balances_by_class"):
        assert repr(told) == expected, (start, told, expected)
print("fine")
"""
QUERIES = (
    "open_orders", "auctions", "free_margin", "depth", "position", "ledger_balance", "balances_by_class", "liquidation_price", "state_hash",
    "check", "snapshot", "sweep", "lots_within", "client_order",
)  # fmt: skip


@pytest.mark.parametrize("query", QUERIES)
def test_tables_that_grow_in_the_midst_of_a_query_are_not_read_where_they_were(query: str) -> None:
    """In a process of its own, whose freed memory is overwritten."""
    environment = {**os.environ, "PYTHONMALLOC": "debug", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", MEANWHILE, query], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "fine\n"), done.stderr[-2_000:]
