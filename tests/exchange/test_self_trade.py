"""Self-trade prevention under every sequencing and matching rule: an account trades with itself only where its order asks for that."""

from __future__ import annotations

from collections import Counter

import pytest
from choices import Drawn, Seeded, Source, examples
from designs import Tree, market, venue
from hypothesis import given
from hypothesis import strategies as st

from perplab.exchange import Exchange
from perplab.exchange import messages as m
from perplab.exchange.codes import CancelReason, SelfTrade
from perplab.exchange.state.types import FIRST_USER

BATCH: Tree = {"sequencing": {"rule": "batch_auction", "interval_ms": 10}}
DUTCH: Tree = {"sequencing": {"rule": "dutch_auction", "duration_ms": 20, "step_ms": 10}}
KINDS: dict[str, tuple[Tree, Tree]] = {  # keys of the venue, of its market
    "continuous": ({}, {}),
    "pro_rata": ({}, {"matching": {"rule": "pro_rata"}}),
    "batch": (BATCH, {}),
    "dutch": (DUTCH, {}),
}
OWNERS = (FIRST_USER, FIRST_USER + 1, FIRST_USER + 2)


class Tally:
    """What the events say of every order: its account, side, self-trade rule, and the lots that it still has."""

    def __init__(self, over: Tree, terms: Tree) -> None:
        self.venue = Exchange(venue([market(**terms)], **over))
        self.is_batch = over is BATCH
        self.rules: list[int] = []  # by client id
        self.orders: dict[int, list[int]] = {}  # id -> [account, side, rule, left]
        self.lost: Counter[tuple[int, int]] = Counter()  # (account, side) -> lots that met others of the account, and did not trade
        self.reasons: Counter[str] = Counter()
        self.now = 10**9
        for account in OWNERS:
            self.do(m.OpenAccount(self.now, 1, 0))
            self.do(m.Deposit(self.now, account, 0, 10**12))
        self.do(m.UpdateOracle(self.now, 0, 1_000))

    def do(self, command: m.Command) -> None:
        for e in self.venue.apply(command):
            self.see(e)
        self.venue.check()

    def see(self, e: m.Event) -> None:
        if isinstance(e, m.OrderPlaced):
            self.orders[e.order_id] = [e.account, e.side, self.rules[e.client_lo - 1], e.size]
        elif isinstance(e, m.OrderAmended):
            self.orders[e.order_id][3] = e.size
        elif isinstance(e, m.OrderReduced):
            order = self.orders[e.order_id]
            assert 0 < e.size < order[3]
            self.lost[e.account, order[1]] += order[3] - e.size
            order[3] = e.size
            self.reasons["reduced"] += 1
        elif isinstance(e, m.OrderCancelled):
            order = self.orders.pop(e.order_id)
            assert order[3] == e.size, "lots have got lost"
            if e.reason == CancelReason.SELF_TRADE:
                self.lost[e.account, order[1]] += e.size
            self.reasons[CancelReason(e.reason).name] += 1
        elif isinstance(e, m.Traded):
            self.see_trade(e)

    def see_trade(self, e: m.Traded) -> None:
        """The incoming order's rule decides; in a batch, that of the later one."""
        if e.taker == e.maker:
            decides = max(e.taker_order_id, e.maker_order_id) if self.is_batch else e.taker_order_id
            assert self.orders[decides][2] == SelfTrade.NONE, f"{e}: an account has traded with itself"
            self.reasons["own"] += 1
        for order_id in (e.taker_order_id, e.maker_order_id):
            self.orders[order_id][3] -= e.size
            if self.orders[order_id][3] == 0:
                del self.orders[order_id]

    def finish(self) -> None:
        """What the events leave is what is open."""
        left = {order_id: order[3] for order_id, order in self.orders.items()}
        resting = {o.order_id: o.size for account in OWNERS for o in self.venue.open_orders(account)}
        auctioned = {o.order_id: o.size for account in OWNERS for o in self.venue.auctioned_orders(account)}
        assert left == resting | auctioned


def act(source: Source, tally: Tally, rules: tuple[int, ...]) -> None:
    tally.now += source.pick((0, 1, 4_000_000, 11_000_000))
    if tally.orders and not tally.is_batch and source.chance(15):
        order_id = source.pick(sorted(tally.orders))
        tally.do(m.Amend(tally.now, tally.orders[order_id][0], order_id, 1_000 + source.integer(-3, 3), source.integer(1, 9)))
        return
    tally.rules.append(source.pick(rules))
    tif = source.pick((0, 0, 0, 0, 1, 2, 3))
    tally.do(m.Place(
        tally.now, source.pick(OWNERS), 0, source.integer(0, 1), 1_000 + source.integer(-3, 3), source.integer(1, 9), 0, tif, 0,
        tally.rules[-1], 0, len(tally.rules),
    ))  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_an_account_trades_with_itself_only_if_it_asks_for_it(kind: str) -> None:
    tally, source = Tally(*KINDS[kind]), Seeded(5)
    for _ in range(500):
        act(source, tally, tuple(SelfTrade))
    tally.finish()
    assert tally.reasons["own"] > 5 and tally.reasons["reduced"] > 5 and tally.reasons["SELF_TRADE"] > 20


@pytest.mark.parametrize("kind", KINDS)
def test_what_both_lose_is_the_same(kind: str) -> None:
    """Of each account, the lots that its bids and its asks have lost to each other; an order that meets its equal, or a larger one, is
    cancelled with what it has left of its size."""
    tally, source = Tally(*KINDS[kind]), Seeded(6)
    for _ in range(300):
        act(source, tally, (SelfTrade.DECREMENT,))
        assert all(tally.lost[account, 0] == tally.lost[account, 1] for account in OWNERS)
    tally.finish()
    assert tally.reasons["own"] == 0 and tally.reasons["reduced"] > 20


@examples(25)
@given(st.data(), st.sampled_from(list(KINDS)))
def test_short_streams(data: st.DataObject, kind: str) -> None:
    """Short streams that hypothesis shrinks."""
    tally, source = Tally(*KINDS[kind]), Drawn(data)
    for _ in range(source.integer(1, 12)):
        act(source, tally, tuple(SelfTrade))
    tally.finish()
