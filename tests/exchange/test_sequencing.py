"""Sequencing: random lives under every rule, batch auctions against a clearing by brute force, and what the feature is for."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from itertools import product

import pytest
from actor import MIX, NS, Actor
from bookkeeper import Bookkeeper
from choices import DEEP, Drawn, Seeded, Source, examples
from designs import drawn_venue
from hypothesis import given
from hypothesis import strategies as st
from kit import BTC, MILLION, SECOND, START, Bench, named, plain_venue, typed, unnumbered, usd
from world import World, check_deficits

from perplab.exchange import Exchange, VenueDesign, VenueError, replay
from perplab.exchange import messages as m
from perplab.exchange.codes import MarketStatus
from perplab.exchange.design.reader import merged
from perplab.exchange.design.venue import venue_of_json
from perplab.exchange.engine import restore
from perplab.exchange.messages import command_row
from perplab.exchange.rules import Sequencing, WaitingCommand, forget, register
from perplab.exchange.state.hashing import hash64
from perplab.exchange.state.pending import A_ACCOUNT, A_LEFT, A_LIMIT, A_MARKET, A_REDUCE_ONLY, A_SIDE, A_TIF
from perplab.exchange.trading.clearing import clearing_price, volume_at
from perplab.exchange.trading.taker_auctions import auction_price, auction_range, oracle_auction_price

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


class Books(Bookkeeper):
    """The books of a venue in which commands wait. An order may trade at a better price than its limit, for both sides, in a batch."""

    def __init__(self, design: VenueDesign) -> None:
        super().__init__(design)
        self.is_batch = design.sequencing.rule == "batch_auction"
        self.auctioned: set[int] = set()  # ever

    def see_TakerAuctionStarted(self, e: m.TakerAuctionStarted) -> None:
        self.auctioned.add(e.order_id)

    def check_fill(self, e: m.Traded, signed: int) -> None:
        if not self.is_batch or e.taker_order_id == 0:
            whole = self.orders  # one that is auctioned is in nobody's way
            self.orders = {i: o for i, o in whole.items() if i not in self.auctioned or i in (e.taker_order_id, e.maker_order_id)}
            super().check_fill(e, signed)
            self.orders = whole
            return
        assert self.status[e.market] not in (MarketStatus.HALTED, MarketStatus.SETTLED)
        for order_id, lots, account in ((e.taker_order_id, signed, e.taker), (e.maker_order_id, -signed, e.maker)):
            _, _, side, limit, _, _, reduce_only = self.orders[order_id]
            assert e.price <= limit if side == 0 else e.price >= limit, f"{e}: worse than a limit"
            held = self.size[account, e.market]
            assert not reduce_only or e.taker == e.maker or (held * lots < 0 and abs(lots) <= abs(held)), f"{e}: a reduce-only order opened"

    def compare_orders(self, exchange: Exchange, accounts: int) -> None:
        """Auctioned orders are open, and in no book."""
        auctions = exchange.state.taker_auctions
        columns = (A_ACCOUNT, A_MARKET, A_SIDE, A_LIMIT, A_LEFT, A_TIF, A_REDUCE_ONLY)
        apart = {number: [int(auctions.cells[row + column]) for column in columns] for number, row in auctions.index.items()}
        assert apart == {number: order for number, order in self.orders.items() if number in apart}
        whole, self.orders = self.orders, {number: order for number, order in self.orders.items() if number not in apart}
        super().compare_orders(exchange, accounts)
        self.orders = whole


class Life(World):
    """A venue in which commands wait: what a refused command leaves behind cannot be told from what waited, the rest is as ever."""

    def __init__(self, design: VenueDesign) -> None:
        self.with_checks = False
        super().__init__(design)
        self.checks = False
        self.with_checks = True
        self.books = Books(design)
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
