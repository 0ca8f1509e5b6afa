"""Sequencing: random lives under every rule, batch auctions against a clearing by brute force, and what the feature is for."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping

import pytest
from actor import MIX, NS, Actor
from choices import DEEP, Drawn, Seeded, Source, examples
from designs import drawn_venue, market
from hypothesis import given
from hypothesis import strategies as st
from kit import BTC, MILLION, SECOND, START, Bench, named, plain_venue, typed, unnumbered, usd
from waiting_books import WaitingBooks
from world import World, check_deficits

from perplab.exchange import Exchange, VenueDesign, VenueError, replay
from perplab.exchange import messages as m
from perplab.exchange.codes import Reason
from perplab.exchange.design.reader import merged
from perplab.exchange.design.venue import venue_of_json
from perplab.exchange.engine import restore
from perplab.exchange.messages import command_row
from perplab.exchange.rules import Sequencing, WaitingCommand, forget, register
from perplab.exchange.state.hashing import hash64
from perplab.exchange.trading.clearing import clearing_price, volume_at
from perplab.exchange.trading.taker_auctions import auction_price, auction_range

Tree = Mapping[str, object]
GAS = {"place": 1_000, "amend": 7, "cancel": 3, "liquidity": 5}
DESIGNS: dict[str, Tree] = {
    "blocks by arrival": {"sequencing": {"rule": "blocks", "interval_ms": 700}},
    "blocks, cancels first": {"sequencing": {"rule": "blocks", "interval_ms": 1_000, "order": "cancels_first"}, "gas": GAS},
    "blocks by hash": {"sequencing": {"rule": "blocks", "interval_ms": 1_000, "order": "hash", "seed": 9, "taker_latency_ms": 1_500}},
    "blocks by fee": {"sequencing": {"rule": "blocks", "interval_ms": 2_000, "order": "priority_fee"}, "gas": GAS},
    "batch": {"sequencing": {"rule": "batch_auction", "interval_ms": 1_000}},
    "batch, late cancels": {"sequencing": {"rule": "batch_auction", "interval_ms": 3_000, "cancel_latency_ms": 500}, "gas": GAS},
    "auctions": {"sequencing": {"rule": "dutch_auction", "duration_ms": 4_000, "step_ms": 1_000}},
    "auctions, late takers": {"sequencing": {"rule": "dutch_auction", "duration_ms": 900, "step_ms": 300, "taker_latency_ms": 200}},
    "requests": {"sequencing": {"rule": "request_execute", "delay_ms": 500, "expiry_ms": 20_000}, "gas": GAS},
    "latencies": {"sequencing": {"taker_latency_ms": 300, "retail_taker_latency_ms": 900, "maker_latency_ms": 20, "cancel_latency_ms": 10}},
    "gas alone": {"gas": GAS},
}


# -- random lives --


class Life(World):
    """A venue in which commands wait: what a refused command leaves behind cannot be told from what waited, the rest is as ever."""

    def __init__(self, design: VenueDesign) -> None:
        self.with_checks = False
        super().__init__(design)
        self.checks = False
        self.with_checks = True
        self.books = WaitingBooks(design)
        for e in self.events:
            self.books.see(e)

    def send(self, command: m.Command) -> list[m.Event]:
        events = super().send(command)
        if self.with_checks:
            self.exchange.check()
            self.books.compare(self.exchange, self.accounts)
            self.check_limits()
            check_deficits(self.exchange, events)
        return events


def drawn_command(source: Source, actor: Actor) -> list[m.Command]:
    """What an actor does; now and then with a fee, at a time of its own."""
    made = getattr(actor, source.pick([*MIX, "tick", "tick", "cancel_client", "set_status"]))()
    commands: list[m.Command] = made if isinstance(made, list) else [made]
    if source.chance(20):
        commands = [with_fee(command, source.integer(0, 3) * 10**5) for command in commands]
    return [m.SetGas(actor.world.now, source.pick([0, 10**6, 10**7])), *commands] if source.chance(2) else commands


def with_fee(command: m.Command, fee: int) -> m.Command:
    """The command with a priority fee, if it can have one."""
    row = command_row(command)
    if not hasattr(command, "priority_fee"):
        return command
    row[m.column_of(type(command), "priority_fee")] = fee
    return m.command_of_row(row)


def venue_with(source: Source, over: Tree) -> VenueDesign:
    """A random design under some rule."""
    import msgspec

    tree = msgspec.json.decode(drawn_venue(source).to_json(), type=dict[str, object])
    return venue_of_json(msgspec.json.encode(merged(tree, over)))


def live(source: Source, over: Tree, steps: int) -> Life:
    life = Life(venue_with(source, over))
    actor = Actor(source, life, focus=source.chance(70))
    life.with_checks = False
    actor.settle_in(4)
    life.with_checks = True
    halfway = source.integer(0, steps)
    for step in range(steps):
        for command in drawn_command(source, actor):
            life.send(command)
        if step == halfway:
            assert_copies_go_on_alike(life.exchange)
    life.send(m.Tick(life.now + 30 * NS))
    return life


def assert_copies_go_on_alike(exchange: Exchange) -> None:
    """A snapshot, a copy: the same state, and the same future."""
    restored, copied = restore(exchange.snapshot()), copy.copy(exchange)
    future = [m.UpdateOracle(exchange.now, 0, exchange.oracle_price(0)), m.Tick(exchange.now + 5 * NS), m.Tick(exchange.now + 60 * NS)]
    events = [unnumbered(restored.apply(command)) for command in future]
    assert events == [unnumbered(copied.apply(command)) for command in future]
    assert restored.state_hash() == copied.state_hash()
    restored.check()


@pytest.mark.parametrize("name", DESIGNS)
@pytest.mark.parametrize("seed", range(60 if DEEP else 4))
def test_long_lives(name: str, seed: int) -> None:
    """After every command all tables are sound, the books agree, and at the end the journal and the same commands in bulk lead there."""
    source = Seeded(1_000 * seed + list(DESIGNS).index(name))
    live(source, DESIGNS[name], 300 if DEEP else 80).finish(source)


@examples(12)
@given(st.data(), st.sampled_from(sorted(DESIGNS)))
def test_lives(data: st.DataObject, name: str) -> None:
    source = Drawn(data)
    live(source, DESIGNS[name], 12).finish(Seeded(3))


def test_lives_meet_everything() -> None:
    """What the feature can do takes place in them."""
    kinds: set[str] = set()
    reasons: set[int] = set()
    for number, name in enumerate(DESIGNS):
        for seed in range(3):
            life = live(Seeded(50 * seed + number), DESIGNS[name], 60)
            kinds |= set(life.kinds)
            reasons |= {e.reason for e in life.events if isinstance(e, m.Rejected)}
    assert {"CommandQueued", "TakerAuctionStarted", "BatchCleared", "GasPaid", "GasSet"} <= kinds
    assert {m.Reason.WITHDRAWN, m.Reason.REQUEST_EXPIRED, m.Reason.INSUFFICIENT_GAS, m.Reason.QUEUE_FULL} <= reasons


# -- batch auctions against brute force --

Book = list[tuple[int, int]]  # limit, lots


def brute_price(buys: Book, sells: Book, reference: int, top: int) -> int:
    """The clearing rule, price by price."""
    found = [(price, *volume_at(price, buys, sells)) for price in range(1, top + 1)]
    most = max(min(bought, sold) for _, bought, sold in found)
    if most == 0:
        return 0
    found = [point for point in found if min(point[1:]) == most]
    least = min(abs(bought - sold) for _, bought, sold in found)
    found = [point for point in found if abs(point[1] - point[2]) == least]
    rising = [price for price, bought, sold in found if bought > sold]
    falling = [price for price, bought, sold in found if bought < sold]
    if least == 0:
        options = [price for price, _, _ in found]
    else:
        options = [*rising[-1:], *falling[:1]]
    return min(options, key=lambda price: (abs(price - reference), price))


POINTS = st.lists(st.tuples(st.integers(1, 12), st.integers(1, 5)), max_size=8)


@examples(400)
@given(POINTS, POINTS, st.integers(1, 14))
def test_the_clearing_price_is_that_of_brute_force(buys: Book, sells: Book, reference: int) -> None:
    """And whoever has a better limit than the price is filled whole."""
    price = clearing_price(buys, sells, reference)
    assert price == brute_price(buys, sells, reference, 14)
    if price:
        bought, sold = volume_at(price, buys, sells)
        assert sum(lots for limit, lots in buys if limit > price) <= sold
        assert sum(lots for limit, lots in sells if limit < price) <= bought


BATCH = {"sequencing": {"rule": "batch_auction", "interval_ms": 1_000}}
ORDERS = st.lists(st.tuples(st.integers(0, 1), st.integers(95, 106), st.integers(1, 5), st.sampled_from([0, 0, 1, 3])), max_size=9)


@examples(80)
@given(ORDERS, ORDERS)
def test_a_batch_clears_as_brute_force_does(before: list[tuple[int, int, int, int]], orders: list[tuple[int, int, int, int]]) -> None:
    """On a venue, over a book that is there: price, volume, who is filled, and nobody at a worse price than his limit."""
    bench = Bench(plain_venue(BATCH))
    bench.oracle(100)
    accounts = [bench.open(MILLION) for _ in range(len(before) + len(orders))]
    owners = iter(accounts)
    for side, price, lots, _ in before:
        bench.send(m.Place, next(owners), BTC, side, price, lots, tif=3)
    bench.later(1)
    book = [[(price, lots) for price, lots in bench.exchange.depth(BTC, side, 99)] for side in (0, 1)]
    bid, ask = bench.exchange.best_bid(BTC), bench.exchange.best_ask(BTC)
    coming = [(next(owners), *order) for order in orders]
    for owner, side, price, lots, tif in coming:
        bench.send(m.Place, owner, BTC, side, price, lots, tif=tif)
    events = bench.later(1)
    placed = {e.account: e for e in named(events, "OrderPlaced")}
    rested = [placed[owner] for owner, *_, tif in coming if tif == 3 and owner in placed]  # post-only: they come first
    sides: list[Book] = [list(book[0]), list(book[1])]
    for e in rested:
        sides[e.side].append((e.price, e.size))
        bid, ask = (max(bid, e.price), ask) if e.side == 0 else (bid, min(ask or e.price, e.price))
    for _, side, price, lots, tif in coming:
        if tif != 3:
            sides[side].append((price, lots))
    price = brute_price(sides[0], sides[1], (bid + ask) // 2 if bid and ask else 100, 120)
    assert {e.price for e in named(events, "Traded")} <= {price}
    volume = min(volume_at(price, sides[0], sides[1])) if price else 0
    assert sum(e.size for e in named(events, "Traded")) == volume
    for e in named(events, "BatchCleared"):
        assert (e.price, e.size) == (price, volume)
    check_filled(bench, coming, events, price)


def check_filled(bench: Bench, coming: list[tuple[int, int, int, int, int]], events: list[m.Event], price: int) -> None:
    """Better limits whole; what is left of others rests, or went."""
    traded = named(events, "Traded")
    for owner, side, limit, lots, tif in coming:
        filled = sum(e.size for e in traded if owner in (e.taker, e.maker))
        if tif == 3:
            continue
        better = price and (limit > price if side == 0 else limit < price)
        worse = not price or (limit < price if side == 0 else limit > price)
        assert filled == lots if better else filled == 0 if worse else filled <= lots
        left = {e.order_id: (e.price, e.size) for e in bench.exchange.open_orders(owner)}
        assert list(left.values()) == ([(limit, lots - filled)] if tif == 0 and filled < lots else [])


# -- Drift's own figures --


@pytest.mark.parametrize(
    ("limit", "is_buy", "expected"),
    [
        (0, True, (100_000_000, 100_500_000)), (90_000_000, True, (89_550_000, 90_000_000)),
        (110_000_000, True, (100_000_000, 100_500_000)),
        (0, False, (100_000_000, 99_500_000)), (110_000_000, False, (110_550_000, 110_000_000)),
        (90_000_000, False, (100_000_000, 99_500_000)),
    ],
)  # fmt: skip
def test_the_range_of_an_auction_is_that_of_drift(limit: int, is_buy: bool, expected: tuple[int, int]) -> None:
    """drift-labs/protocol-v2, programs/drift/src/math/auction/tests.rs: oracle 100, prices in 1e-6."""
    assert auction_range(100_000_000, limit, is_buy, 200) == expected


def test_the_price_of_an_auction_goes_straight_and_rounds_to_its_start() -> None:
    """The first four: the same file, offsets from an oracle at 1 in 1e-6."""
    prices = [10**6 + auction_price(-100_000, 100_000, elapsed, 10) for elapsed in (0, 5, 10, 99)]
    assert prices == [900_000, 10**6, 1_100_000, 1_100_000]
    assert 10**6 + auction_price(100_000, -100_000, 5, 10) == 10**6
    assert 10**6 + auction_price(-200_000, -100_000, 5, 10) == 850_000
    assert [auction_price(100, 103, elapsed, 4) for elapsed in range(5)] == [100, 100, 101, 102, 103]
    assert [auction_price(103, 100, elapsed, 4) for elapsed in range(5)] == [103, 103, 102, 101, 100]


# -- designs --


@pytest.mark.parametrize(
    ("over", "told"),
    [
        ({"sequencing": {"rule": "blocks", "interval_ms": 0}}, r"interval_ms is 0: expected .*a block of no time gathers nothing"),
        ({"sequencing": {"rule": "blocks", "interval_ms": 9}}, r"sequencing\.interval_ms is 9: expected at least 10"),
        ({"sequencing": {"rule": "blocks", "order": "size"}}, r"sequencing\.order"),
        ({"sequencing": {"rule": "batch_auction", "interval_ms": 9}}, r"sequencing\.interval_ms is 9: expected at least 10"),
        ({"sequencing": {"rule": "dutch_auction", "step_ms": 0}}, r"sequencing\.step_ms.*>= 10"),
        ({"sequencing": {"rule": "dutch_auction", "duration_ms": 300}}, r"step_ms is 400: expected at most duration_ms \(300\)"),
        ({"sequencing": {"rule": "dutch_auction", "duration_ms": 600_000, "step_ms": 100}}, r"at least duration_ms / 1000"),
        ({"sequencing": {"rule": "request_execute", "delay_ms": 5, "expiry_ms": 5}}, r"expiry_ms is 5: expected more than delay_ms \(5\)"),
        (
            {"sequencing": {"rule": "request_execute", "delay_ms": 5, "expiry_ms": 15, "retail_taker_latency_ms": 10}},
            r"expiry_ms is 15: expected more than delay_ms \(5\) and the longest latency \(10\)",
        ),
        (
            {"sequencing": {"rule": "dutch_auction"}, "markets": {"curve": {"rule": "skew_fill", "role": "separate", "scale": 5}}},
            r"curve\.role is 'separate': expected another role: a dutch_auction offers orders to makers first",
        ),
        ({"sequencing": {"rule": "block"}}, "did you mean 'blocks'"),
        ({**BATCH, "markets": {"matching": {"rule": "pro_rata"}}}, "price_time without queue classes"),
        ({"gas": {"place": -1}}, r"gas\.place"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_with_the_reason(over: Tree, told: str) -> None:
    with pytest.raises(VenueError, match=told):
        plain_venue(over)


# -- a rule of one's own --


@pytest.fixture
def by_account() -> Iterator[None]:
    class ByAccount(Sequencing):
        """Blocks of a second, in the order of account numbers, the highest first."""

        def __init__(self) -> None:
            super().__init__(SECOND)

        def rank(self, command: WaitingCommand, block: int) -> int:
            return -command.account

    register("sequencing.rule", "by_account", ByAccount)
    yield
    forget("sequencing.rule", "by_account")


@pytest.mark.usefixtures("by_account")
def test_a_rule_of_ones_own_orders_a_block() -> None:
    bench = Bench(plain_venue({"sequencing": {"rule": "by_account"}}))
    bench.oracle(100)
    accounts = [bench.open(MILLION) for _ in range(3)]
    for account in (accounts[1], accounts[0], accounts[2]):
        bench.place(account, 0, 1, 90)
    assert [e.account for e in bench.later(1)] == accounts[::-1]
    assert replay(bench.journal.bytes()).state_hash() == bench.exchange.state_hash()


def test_a_block_by_hash_is_in_the_order_of_the_hash() -> None:
    bench = Bench(plain_venue({"sequencing": {"rule": "blocks", "interval_ms": 1_000, "order": "hash", "seed": 5}}))
    bench.oracle(100)
    accounts = [bench.open(MILLION) for _ in range(6)]
    for account in accounts:
        bench.place(account, 0, 1, 90)
    drawn = sorted(range(1, 7), key=lambda ticket: hash64(5, (START + SECOND) // SECOND, ticket))
    assert [e.account for e in bench.later(1)] == [accounts[ticket - 1] for ticket in drawn]


def test_events_of_a_block_end_where_they_belong() -> None:
    """What fell due before a command of a block is with that command's events."""
    bench = Bench(plain_venue({"sequencing": {"rule": "blocks", "interval_ms": 1_000}}))
    a = bench.open(MILLION)
    bench.oracle(100)
    rows = [
        *command_row(m.Place(bench.now, a, BTC, 0, 90, 1)), *command_row(m.Tick(bench.now + 1)),
        *command_row(m.Place(bench.now + SECOND, a, BTC, 0, 91, 1)), *command_row(m.Tick(bench.now + 2 * SECOND)),
    ]  # fmt: skip
    applied = bench.exchange.apply_block(rows)
    told = [[type(e).__name__ for e in typed(applied.of(number))] for number in range(4)]
    assert told == [["CommandQueued"], [], ["OrderPlaced", "CommandQueued"], ["OrderPlaced"]]


def test_gas_and_what_waits_are_in_the_hash() -> None:
    """And nothing of either where there is none."""
    bench = Bench(plain_venue({"sequencing": {"rule": "blocks", "interval_ms": 1_000}}))
    a = bench.open(MILLION)
    hashes = {bench.exchange.state_hash()}
    bench.place(a, 0, 1, 90)
    hashes.add(bench.exchange.state_hash())
    bench.send(m.SetGas, 5)
    hashes.add(bench.exchange.state_hash())
    assert len(hashes) == 3
    plain = Bench()
    plain.open(MILLION)
    before = plain.exchange.state_hash()
    plain.send(m.SetGas, 10**6)
    assert plain.exchange.state_hash() == before


def test_a_day_at_once_carries_everything_out() -> None:
    """Many blocks' worth of waiting commands, and tables that have to grow while they are carried out."""
    bench = Bench(plain_venue({"sequencing": {"rule": "batch_auction", "interval_ms": 1_000}}))
    accounts = [bench.open(MILLION) for _ in range(60)]
    bench.oracle(100)
    for number, account in enumerate(accounts):
        bench.place(account, number % 2, 1 + number % 3, 100 + number % 7 - 3)
        bench.place(account, number % 2, 1, 100 + number % 5 - 2)
    assert bench.exchange.waiting(accounts[1]) == [(3, m.Place.KIND, START + SECOND), (4, m.Place.KIND, START + SECOND)]
    bench.now += 86_400 * SECOND - 1
    events = bench.send(m.Tick)
    assert len(named(events, "OrderPlaced")) == 120 and named(events, "BatchCleared")
    assert bench.exchange.state.pending.live == 0


# -- what it is for --

QUICK = 2 * 10**7, 12 * 10**7  # [ns] how long anybody takes to act on what he has heard, drawn anew each time


def takers_gain(over: Tree, jumps: int = 80) -> int:
    """[USD] What two informed takers make of a maker who quotes around a price that jumps, and takes his quotes back as soon as he hears.

    All three hear of it at once and are equally quick. A taker buys, or sells, what is stale, for a profit of at least 2 a lot.
    """
    bench, dice = Bench(plain_venue(over)), Seeded(11)
    maker, *takers = (bench.open(MILLION) for _ in range(3))
    price = 1_000
    bench.oracle(price)
    for _ in range(jumps):
        for side, quote in ((0, price - 2), (1, price + 2)):
            bench.place(maker, side, 5, quote, tif=3)
        bench.now += SECOND + dice.integer(0, SECOND)
        side = dice.integer(0, 1)
        price += 20 - 40 * side
        acts: list[tuple[int, type[m.Command], tuple[int, ...]]] = [(dice.integer(*QUICK), m.CancelAll, (maker,))]
        for taker in takers:
            acts.append((dice.integer(*QUICK), m.Place, (taker, BTC, side, price - 2 + 4 * side, 5, 0, 1)))
        heard = bench.now
        for wait, command, values in sorted(acts, key=lambda act: act[0]):
            bench.now = heard + wait
            bench.send(command, *values)
        bench.now = (heard // SECOND + 2) * SECOND
        bench.oracle(price)
    return sum(bench.exchange.equity(taker) - usd(MILLION) for taker in takers) // 10**6


def test_who_is_informed_gains_less_where_speed_counts_less() -> None:
    """With the same speeds: most continuously, where the race is won half of the time; less where cancels of a block come first; least
    where those who know bid against each other for one price."""
    continuous = takers_gain({})
    blocks = takers_gain({"sequencing": {"rule": "blocks", "interval_ms": 100, "order": "cancels_first"}})
    batch = takers_gain({"sequencing": {"rule": "batch_auction", "interval_ms": 100}})
    assert continuous > blocks > batch > 0, (continuous, blocks, batch)


def test_a_latency_of_takers_saves_the_maker() -> None:
    """300 ms for takers, none for cancels: the maker is always in time."""
    assert takers_gain({}) > takers_gain({"sequencing": {"taker_latency_ms": 300}}) == 0


def test_a_price_looks_only_at_requests_that_it_is_for() -> None:
    """Those of the market that are due, and of one whose order is gone: in the order in which they came; also on a copy."""
    two = venue_of_json(json.dumps({
        "name": "test", "assets": ["USD"], "markets": [market("A"), market("B")], "vault": {"capital": 1_000}, "backstops": [],
        "liquidation": {"steps": ["book"]}, "sequencing": {"rule": "request_execute", "delay_ms": 500, "expiry_ms": 20_000},
    }).encode())  # fmt: skip
    x = Exchange(two)
    for command in (m.OpenAccount(0, 1, 0), m.Deposit(0, 8, 0, 10**12), m.UpdateOracle(0, 0, 1_000), m.UpdateOracle(0, 1, 1_000)):
        x.apply(command)
    for ts, number in ((0, 0), (0, 1), (1, 1), (2, 0)):
        x.apply(m.Place(ts, 8, number, 0, 990, 1))
    x.apply(m.Amend(2, 8, 77, 990, 1))  # of no order
    for one in (x, restore(x.snapshot())):
        requests, last = one.state.pending.requests, 500_000_002
        assert [sorted(requests.due_by(number, last)) for number in (0, 1, -1)] == [[1, 4], [2, 3], [5]]
        assert [requests.due_by(0, last - 1), requests.due_by(1, 499_999_999), requests.due_by(7, last)] == [[1], [], []]
        events = one.apply(m.UpdateOracle(last, 1, 1_000))
        assert [type(e).__name__ for e in events if isinstance(e, m.OrderPlaced | m.Rejected)] == ["OrderPlaced"] * 2 + ["Rejected"]
        one.check()
        assert [requests.due_by(number, last) for number in (0, 1, -1)] == [[1, 4], [], []]


def test_a_cancel_takes_back_all_orders_that_wait_with_its_client_id() -> None:
    """Two requests with one id and one with another, also on a copy; then none is left."""
    bench = Bench(plain_venue({"sequencing": {"rule": "request_execute", "delay_ms": 500, "expiry_ms": 20_000}}))
    account = bench.open(MILLION)
    bench.oracle(100)
    for price, client in ((90, 1), (91, 2), (92, 1)):
        bench.send(m.Place, account, BTC, 0, price, 1, client_lo=client)
    copied = restore(bench.exchange.snapshot())
    told = []
    for client in (1, 1, 1, 2, 2):
        command = m.CancelClient(bench.now, account, 0, client)
        events = bench.exchange.apply(command)
        assert unnumbered(events) == unnumbered(copied.apply(command))
        told.append([(e.command, e.reason) for e in events if isinstance(e, m.Rejected)])
        bench.exchange.check()
    gone, unknown = [(m.Place.KIND, Reason.WITHDRAWN)], [(m.CancelClient.KIND, Reason.UNKNOWN_ORDER)]
    assert told == [gone * 2, unknown, unknown, gone, unknown]
    assert copied.state_hash() == bench.exchange.state_hash() and bench.exchange.state.pending.live == 0
