"""Client ids through the whole venue: unique while open and for the last 1,024 closed; a repeat tells of the first order."""

from __future__ import annotations

from choices import Drawn, Seeded, Source, examples
from designs import venue
from hypothesis import given
from hypothesis import strategies as st
from world import World

from perplab.exchange import Exchange
from perplab.exchange import messages as m
from perplab.exchange.codes import OrderState, Reason
from perplab.exchange.state.types import CLOSED_IDS

IDS = [(0, 1), (1, 0), (-1, -1), (2**63 - 1, -(2**63)), (5, 7)]


def two_traders() -> World:
    world = World(venue())
    world.do(m.UpdateOracle(world.now, 0, 1_000))
    for _ in range(2):
        world.do(m.OpenAccount(world.now, 1, 0))
    for account in world.users:
        world.do(m.Deposit(world.now, account, 0, 10**12))
    return world


class Model:
    """What is known of each id: [order id, size, filled, state]."""

    def __init__(self) -> None:
        self.known: dict[tuple[int, int, int], list[int]] = {}

    def learn(self, events: list[m.Event]) -> None:
        by_order = {record[0]: record for record in self.known.values()}
        for e in events:
            if isinstance(e, m.OrderPlaced) and (e.client_hi or e.client_lo):
                record = [e.order_id, e.size, 0, OrderState.OPEN]
                self.known[e.account, e.client_hi, e.client_lo] = by_order[e.order_id] = record
            elif isinstance(e, m.Traded):
                for order_id in (e.taker_order_id, e.maker_order_id):
                    if record := by_order.get(order_id):
                        record[1] -= e.size
                        record[2] += e.size
                        record[3] = OrderState.OPEN if record[1] else OrderState.FILLED
            elif isinstance(e, m.OrderCancelled) and e.order_id in by_order:
                by_order[e.order_id][3] = OrderState.CANCELLED
            elif isinstance(e, m.OrderAmended) and e.order_id in by_order:
                by_order[e.order_id][1] = e.size


def step(source: Source, world: World, model: Model) -> None:
    account = source.pick(world.users)
    client = source.pick(IDS)
    kind = source.integer(0, 6)
    known = model.known.get((account, *client))
    if kind <= 3:
        price = source.pick([999, 1_000, 1_001])
        order = m.Place(world.now, account, 0, source.integer(0, 1), price, source.integer(1, 4), 0, source.integer(0, 3), 0, 0, *client)
        events = world.do(order)
        if known is None:
            assert not isinstance(events[0], m.OrderRepeated)
        else:
            order_id, open_size, filled, state = known
            assert len(events) == 1 and isinstance(events[0], m.OrderRepeated), f"{client} is taken, and yet: {events}"
            told = events[0]
            left = open_size if state == OrderState.OPEN else 0
            assert (told.order_id, told.state, told.open_size, told.filled) == (order_id, state, left, filled)
            assert (told.account, told.client_hi, told.client_lo) == (account, *client)
    elif kind == 4:
        events = world.do(m.CancelClient(world.now, account, *client))
        if known is not None and known[3] == OrderState.OPEN:
            assert isinstance(events[0], m.OrderCancelled) and events[0].order_id == known[0]
        else:
            assert isinstance(events[0], m.Rejected) and events[0].reason == Reason.UNKNOWN_ORDER
    elif known is not None:
        events = world.do(m.Amend(world.now, account, known[0], source.pick([998, 1_000, 1_002]), source.integer(1, 6)))
    else:
        return
    model.learn(events)
    for o in world.exchange.open_orders(account):
        if o.client_hi or o.client_lo:
            assert model.known[account, o.client_hi, o.client_lo] == [o.order_id, o.size, o.filled, OrderState.OPEN]


@examples(30)
@given(st.data())
def test_repeats_tell_of_the_first_order(data: st.DataObject) -> None:
    """Two accounts use the same ids, apart; a refused order does not take its id; an amended order keeps it."""
    source, world, model = Drawn(data), two_traders(), Model()
    for _ in range(20):
        step(source, world, model)


def test_repeats_on_seeds() -> None:
    """The same, longer, where it is known that ids were open, filled, partly filled and cancelled when they were repeated."""
    told: set[tuple[int, bool]] = set()
    for seed in range(4):
        source, world, model = Seeded(seed), two_traders(), Model()
        for _ in range(60):
            step(source, world, model)
        told |= {(e.state, e.filled > 0) for e in world.events if isinstance(e, m.OrderRepeated)}
    assert told >= {(0, False), (0, True), (1, True), (2, False), (2, True)}


def immediate(exchange: Exchange, account: int, client: int) -> m.Event:
    """An order that closes at once, since nothing is there to trade with."""
    return exchange.apply(m.Place(1, account, 0, 0, 1_000, 1, 0, 1, 0, 0, 0, client))[0]


def test_an_id_is_free_again_after_1024_younger_ones() -> None:
    """Exactly 1,024 closed ids stay taken per account; open orders and other accounts neither count nor are forgotten."""
    exchange = Exchange(venue(), None, 2, 8)
    exchange.apply(m.UpdateOracle(1, 0, 1_000))
    for account in (8, 9):
        exchange.apply(m.OpenAccount(1, 1, 0))
        exchange.apply(m.Deposit(1, account, 0, 10**12))
    resting = exchange.apply(m.Place(1, 8, 0, 0, 900, 5, 0, 0, 0, 0, 7, 7))[0]
    assert isinstance(resting, m.OrderPlaced)
    assert isinstance(immediate(exchange, 9, 1), m.OrderPlaced)
    for client in range(1, 3 * CLOSED_IDS):
        assert isinstance(immediate(exchange, 8, client), m.OrderPlaced)
        if client > CLOSED_IDS:
            kept = exchange.apply(m.Place(1, 8, 0, 0, 1_000, 1, 0, 1, 0, 0, 0, client - CLOSED_IDS + 1))[0]
            assert isinstance(kept, m.OrderRepeated), f"{client - CLOSED_IDS + 1} was forgotten when {client} closed"
        exchange.apply(m.Place(1, 8, 0, 0, 1_000, 1, 0, 1))  # without an id: does not count
    for client in (1, CLOSED_IDS, 2 * CLOSED_IDS - 1):
        assert isinstance(immediate(exchange, 8, client), m.OrderPlaced), f"{client} is still taken"
    assert isinstance(immediate(exchange, 9, 1), m.OrderRepeated)
    again = exchange.apply(m.Place(1, 8, 0, 1, 2_000, 1, 0, 0, 0, 0, 7, 7))[0]
    assert isinstance(again, m.OrderRepeated) and (again.order_id, again.open_size) == (resting.order_id, 5)
    exchange.check()
