"""Reduce-only orders while one order is matched: each shrinks once, when it is met or at the end. It comes to what shrinking after
every fill would: that is done here, from the events alone."""

from __future__ import annotations

from collections import Counter

import pytest
from choices import Drawn, Seeded, Source, examples
from designs import Tree, market, venue
from hypothesis import given
from hypothesis import strategies as st
from kit import BTC, MILLION, Bench

from perplab.exchange import Exchange
from perplab.exchange import messages as m
from perplab.exchange.state.types import FIRST_USER, MAX_REDUCERS

RULES: tuple[Tree, ...] = ({"rule": "price_time"}, {"rule": "pro_rata"}, {"rule": "top_pro_rata"})
OWNERS = range(FIRST_USER, FIRST_USER + 4)
SELL, IOC, POST_ONLY = 1, 1, 3


def counted(events: list[m.Event]) -> Counter[str]:
    return Counter(type(e).__name__ for e in events)


@pytest.mark.parametrize("above", [0, 1], ids=["met", "beyond the limit"])
def test_each_shrinks_once_in_a_match(above: int) -> None:
    """A maker with as many reduce-only orders as may rest, all as large as his position, and 20 orders ahead of them."""
    bench = Bench()
    bench.oracle(100)
    maker, taker = bench.open(MILLION), bench.open(MILLION)
    bench.send(m.BlockTrade, maker, taker, BTC, 50, 100)
    for _ in range(20):
        bench.send(m.Place, maker, BTC, SELL, 100, 1)
    for _ in range(MAX_REDUCERS):
        bench.send(m.Place, maker, BTC, SELL, 101 + above, 50, reduce_only=1)
    seen = counted(bench.send(m.Place, taker, BTC, 0, 101, 45, tif=IOC))
    met = 1 - above
    assert seen == {"OrderPlaced": 1, "Traded": 20 + met, "OrderReduced": MAX_REDUCERS, **({} if met else {"OrderCancelled": 1})}
    assert {o.size for o in bench.exchange.open_orders(maker)} == {bench.exchange.position(maker, BTC).size} == {5 if met else 30}


def test_parts_of_icebergs_shrink_nothing_but_what_is_met() -> None:
    """Reduce-only icebergs that are met part by part, and plain ones behind them: no order shrinks after each part."""
    bench = Bench()
    bench.oracle(100)
    maker, taker = bench.open(MILLION), bench.open(MILLION)
    bench.send(m.BlockTrade, maker, taker, BTC, 1_000, 100)
    for _ in range(5):
        bench.send(m.Place, maker, BTC, SELL, 101, 100, reduce_only=1, display=1)
    for _ in range(100):
        bench.send(m.Place, maker, BTC, SELL, 102, 1_000, reduce_only=1)
    events = bench.send(m.Place, taker, BTC, 0, 101, 450, tif=IOC)
    assert counted(events) == {"OrderPlaced": 1, "Traded": 450, "OrderRefreshed": 450, "OrderReduced": 100}
    events = bench.send(m.Place, taker, BTC, 0, 102, 550, tif=IOC)
    assert counted(events)["OrderReduced"] == 1 and not bench.exchange.open_orders(maker)


class Eager:
    """Positions and open orders as they are if every reduce-only order shrinks after every fill."""

    def __init__(self, rule: Tree) -> None:
        self.exchange = Exchange(venue([market(matching=rule)]), None, 4, 16)
        self.held: Counter[int] = Counter()
        self.orders: dict[int, list[int]] = {}  # id -> [account, size, reduce-only]
        self.filled: set[int] = set()  # orders that have traded whole
        self.late = 0  # how often an order shrinks here
        self.exchange.apply(m.UpdateOracle(0, 0, 1_000))
        for account in OWNERS:
            self.exchange.apply(m.OpenAccount(0, 1, 0))
            self.exchange.apply(m.Deposit(0, account, 0, 10**12))

    def do(self, command: m.Command) -> list[m.Event]:
        events = self.exchange.apply(command)
        self.exchange.check()
        told: dict[int, int] = {}  # sizes of orders as the events tell them
        for e in sorted(events, key=lambda e: not isinstance(e, m.BlockTraded)):  # that is told behind what it shrinks
            self.see(e, told)
        for number, order in self.orders.items():
            assert told.get(number, order[1]) == order[1], "the last that was told of an order is not what it has"
        resting = {o.order_id: [account, o.size, o.reduce_only] for account in OWNERS for o in self.exchange.open_orders(account)}
        assert resting == self.orders
        assert all(self.exchange.position(account, 0).size == self.held[account] for account in OWNERS)
        return events

    def see(self, e: m.Event, told: dict[int, int]) -> None:
        if isinstance(e, m.OrderPlaced):
            self.orders[e.order_id] = [e.account, e.size, e.reduce_only]
        elif isinstance(e, m.OrderCancelled):
            assert e.order_id not in self.filled, "an order that has traded whole is cancelled"
            self.orders.pop(e.order_id, None)  # it may have shrunk to nothing here already
        elif isinstance(e, m.OrderRefreshed):
            assert self.orders[e.order_id][1] == e.size + e.hidden, "an iceberg hides more or less than it would"
        elif isinstance(e, m.OrderReduced):
            assert self.orders[e.order_id][1] == e.size, "an order shrinks to another size"
            told[e.order_id] = e.size
        elif isinstance(e, m.BlockTraded):
            self.move(e.buyer, e.seller, e.size)
        elif isinstance(e, m.Traded):
            self.fill(e, told)

    def fill(self, e: m.Traded, told: dict[int, int]) -> None:
        for number in (e.maker_order_id, e.taker_order_id):
            assert self.orders[number][1] >= e.size, "an order has filled more than it would have had"
            self.orders[number][1] -= e.size
            if number in told:
                told[number] -= e.size
            if self.orders[number][1] == 0:
                del self.orders[number]
                self.filled.add(number)
        buyer, seller = (e.taker, e.maker) if e.taker_side == 0 else (e.maker, e.taker)
        self.move(buyer, seller, e.size)

    def move(self, buyer: int, seller: int, lots: int) -> None:
        self.held[buyer] += lots
        self.held[seller] -= lots
        for number, (account, size, reduce_only) in list(self.orders.items()):
            left = min(size, abs(self.held[account]))
            if not reduce_only or left == size:
                continue
            self.late += 1
            self.orders[number][1] = left
            if left == 0:
                del self.orders[number]


def act(source: Source, eager: Eager, rule: Tree) -> Counter[str]:
    """Makers rest, most of them with orders that only reduce; now and then somebody takes a good part of the book."""
    account = source.pick(list(OWNERS))
    held = eager.held[account]
    if source.chance(15):
        side = source.integer(0, 1)
        price = 1_000 + (source.integer(1, 12) if side == 0 else -source.integer(1, 12))
        return counted(eager.do(m.Place(1, account, 0, side, price, source.integer(5, 80), 0, IOC)))
    if source.chance(5):
        eager.do(m.BlockTrade(1, account, source.pick(list(OWNERS)), 0, source.integer(1, 30), 1_000))
    reduce_only = int(held != 0 and source.chance(70))
    side = int(held > 0) if reduce_only else source.integer(0, 1)
    price = 1_000 + (source.integer(1, 8) if side else -source.integer(1, 8))
    size = source.integer(1, 30)
    display = source.integer(1, size) if rule == RULES[0] and source.chance(40) else 0
    return counted(eager.do(m.Place(1, account, 0, side, price, size, 0, POST_ONLY, reduce_only, display=display)))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["rule"]))
def test_it_comes_to_what_shrinking_after_every_fill_would(rule: Tree) -> None:
    """On seeds, where it is known that orders shrink late, and fewer times than they would."""
    late, reduced = 0, 0
    for seed in range(12):
        source, eager = Seeded(seed), Eager(rule)
        for _ in range(150):
            reduced += act(source, eager, rule)["OrderReduced"]
        late += eager.late
    assert late > reduced + 50 and reduced > 50, (late, reduced)


@examples(30)
@given(st.data(), st.sampled_from(RULES))
def test_it_does_for_anything(data: st.DataObject, rule: Tree) -> None:
    source, eager = Drawn(data), Eager(rule)
    for _ in range(40):
        act(source, eager, rule)
