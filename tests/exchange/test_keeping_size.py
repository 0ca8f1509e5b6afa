"""An amendment without a size does what one does that names the size which is open: same events, same state."""

from __future__ import annotations

import copy

import pytest
from actor import Actor, carry_out
from choices import Seeded
from designs import venue
from world import World

from perplab.exchange import messages as m

MIX = ("place " * 4 + "quote " * 4 + "hit " * 4 + "amend " * 6 + "cancel update_oracle tick mass_quote link trigger bracket").split()


@pytest.mark.parametrize("seed", range(6))
def test_an_amendment_without_a_size_keeps_what_is_open(seed: int) -> None:
    source, world = Seeded(seed), World(venue())
    actor, amended = Actor(source, world), 0
    actor.settle_in(4)
    for _ in range(300):
        drawn = getattr(actor, source.pick(MIX))()
        order = world.exchange.open_order(drawn.account, drawn.order_id) if isinstance(drawn, m.Amend) else None
        if order is None:
            carry_out(world, drawn)
            continue
        twin = copy.copy(world.exchange)
        events = world.do(m.Amend(world.now, order.account, order.order_id, drawn.price, order.size))
        assert twin.apply(m.Amend(world.now, order.account, order.order_id, drawn.price)) == events
        assert twin.state_hash() == world.exchange.state_hash()
        amended += isinstance(events[0], m.OrderAmended)
    assert amended > 5
