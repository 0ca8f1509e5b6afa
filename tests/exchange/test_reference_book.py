"""The real book against the naive one: same fills, same resting orders in price and time, same best prices."""

from __future__ import annotations

import pytest
from choices import Drawn, Seeded, Source, examples
from designs import market, venue
from hypothesis import given
from hypothesis import strategies as st
from reference_book import BUY, SELL, ReferenceBook

from perplab.exchange import Exchange
from perplab.exchange import messages as m
from perplab.exchange.state.types import FIRST_USER, MAX_PRICE

OWNERS = range(FIRST_USER, FIRST_USER + 4)
TINY = {"tick": "0.01", "lot": "0.0001", "max_price": str(int(MAX_PRICE) // 100), "max_leverage": 1_000}  # 2^32 - 96 ticks, unit 1
TINY_TIERS = [{"lower_notional": 0, "initial_margin_ppm": 1_000, "maintenance_margin_ppm": 1}]
TOP = int(MAX_PRICE) // 100 * 100
SELF_TRADE = (0, 0, 0, 1, 1, 2, 3, 4, 4)  # rules, by how often they are drawn


class Pair:
    """The naive book and a venue where everybody has ample margin, fed the same orders."""

    def __init__(self) -> None:
        self.plain = ReferenceBook()
        self.venue = Exchange(venue([market(tiers=TINY_TIERS) | TINY], max_open_orders=1_000_000), None, 2, 16)
        self.rules: dict[int, tuple[int, int]] = {}  # id -> (tif, self-trade rule)
        self.fills: list[tuple[int, int, int, int]] = []
        self.apply(m.UpdateOracle(1, 0, TOP // 2))
        for account in OWNERS:
            self.apply(m.OpenAccount(1, 1, 0))
            for _ in range(9):
                self.apply(m.Deposit(1, account, 0, 10**16))

    def apply(self, command: m.Command) -> list[m.Event]:
        events = self.venue.apply(command)
        self.fills += [(e.taker_order_id, e.maker_order_id, e.price, e.size) for e in events if isinstance(e, m.Traded)]
        margin = {m.Reason.INSUFFICIENT_MARGIN, m.Reason.NOTIONAL_LIMIT, m.Reason.TOO_MANY_ORDERS}
        for e in events:
            assert not isinstance(e, m.Rejected) or e.reason not in margin, "the margin of this test is not ample"
            assert not isinstance(e, m.OrderCancelled) or e.reason != m.CancelReason.MARGIN
        return events

    def place(self, owner: int, side: int, price: int, size: int, tif: int, self_trade: int, display: int = 0) -> None:
        events = self.apply(m.Place(1, owner, 0, side, price, size, 0, tif, 0, self_trade, display=display))
        accepted = self.plain.place(owner, side, price, size, tif, self_trade, display)
        assert accepted == isinstance(events[0], m.OrderPlaced)
        if accepted:
            assert events[0].order_id == self.plain.last_id
            self.rules[self.plain.last_id] = (tif, self_trade)

    def amend(self, owner: int, order_id: int, price: int, size: int) -> None:
        events = self.apply(m.Amend(1, owner, order_id, price, size))
        assert self.plain.amend(owner, order_id, price, size, *self.rules[order_id]) == isinstance(events[0], m.OrderAmended)

    def cancel(self, owner: int, order_id: int) -> None:
        events = self.apply(m.Cancel(1, owner, order_id))
        assert self.plain.cancel(owner, order_id) == isinstance(events[0], m.OrderCancelled)

    def compare(self) -> None:
        assert self.fills == self.plain.fills
        bids, asks = self.plain.queue(BUY), self.plain.queue(SELL)
        assert self.venue.best_bid(0) == (bids[0][3] if bids else 0)
        assert self.venue.best_ask(0) == (asks[0][3] if asks else 0)

    def compare_all(self) -> None:
        """Every level's depth, and every order in its place in time: cancel tells who is next."""
        self.compare()
        self.venue.check()
        for side in (BUY, SELL):
            queue = self.plain.queue(side)
            depth: dict[int, int] = {}
            for order in queue:
                depth[order[3]] = depth.get(order[3], 0) + self.plain.shown.get(order[0], order[4])
            assert self.venue.depth(0, side, 1_000_000) == list(depth.items())
        resting = sorted((o.order_id, o.account, o.side, o.price, o.size) for owner in OWNERS for o in self.venue.open_orders(owner))
        assert resting == sorted(tuple(order[:5]) for order in self.plain.orders)

    def sweep(self) -> None:
        """Somebody new takes both sides whole: all that rests is filled in the same order."""
        self.apply(m.OpenAccount(1, 1, 0))
        for _ in range(9):
            self.apply(m.Deposit(1, OWNERS[-1] + 1, 0, 10**16))
        for side, limit in ((BUY, TOP), (SELL, 1)):
            while lots := sum(order[4] for order in self.plain.queue(1 - side)):
                self.place(OWNERS[-1] + 1, side, limit, min(lots, 1_000), 1, 1)
        self.compare_all()
        assert not self.plain.orders


def price_near(source: Source, center: int, wide: bool) -> int:
    """Mostly around a center; in a wide stream also beyond the edges of the dense window and at the ends of the price range."""
    reach = source.pick([3, 3, 40, 40, 20_000, 70_000, TOP]) if wide else source.pick([2, 6, 30])
    price = center + source.integer(-reach, reach)
    if wide and source.chance(3):
        price = source.pick([1, 2, TOP - 1, TOP])
    return max(1, min(TOP, price))


def stream(source: Source, pair: Pair, length: int, wide: bool) -> None:
    center = source.pick([30, 500, 16_384, 40_000, TOP // 2, TOP - 5])
    for number in range(length):
        if wide and source.chance(2):
            center = source.integer(1, TOP)
        owner, side = source.pick(OWNERS), source.integer(0, 1)
        price, size = price_near(source, center, wide), source.integer(1, 9)
        kind = source.integer(0, 9)
        order_id = source.integer(max(1, pair.plain.last_id - 60), max(1, pair.plain.last_id))
        known = pair.plain.find(order_id)
        if kind == 9 and known:
            pair.cancel(known[1] if source.chance(90) else owner, order_id)
        elif kind >= 7 and known:
            kept = source.chance(40)
            pair.amend(known[1], order_id, known[3] if kept else price, source.integer(1, known[4] + (0 if kept else 5)))
        else:
            tif = source.pick([0, 0, 0, 0, 0, 1, 2, 3])
            display = source.integer(1, size) if tif in (0, 3) and source.chance(30) else 0
            pair.place(owner, side, price, size, tif, source.pick(SELF_TRADE), display)
        pair.compare()
        if number % 64 == 0:
            pair.compare_all()
    pair.compare_all()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("wide", [False, True], ids=["near", "wide"])
def test_random_streams(seed: int, wide: bool) -> None:
    """Long streams: hundreds of levels, and in the wide ones a window that moves back and forth with levels crossing its edges."""
    pair = Pair()
    stream(Seeded(seed), pair, 800, wide)
    assert len(pair.fills) > 30 and len(pair.plain.orders) > 10
    pair.sweep()


@examples(20)
@given(st.data(), st.booleans())
def test_short_streams(data: st.DataObject, wide: bool) -> None:
    """Short streams that hypothesis shrinks."""
    pair = Pair()
    stream(Drawn(data), pair, 15, wide)
    pair.sweep()


def test_many_levels() -> None:
    """1,400 orders on about as many levels, half of them outside the window of the first best price; then everything is swept."""
    pair = Pair()
    source = Seeded(7)
    middle = TOP // 2
    for _ in range(700):
        far = source.pick([1_000, 60_000, middle - 1])
        pair.place(source.pick(OWNERS), BUY, middle - source.integer(1, far), source.integer(1, 3), 3, 0)
        pair.place(source.pick(OWNERS), SELL, middle + source.integer(1, far), source.integer(1, 3), 3, 0)
    assert len(pair.venue.depth(0, BUY, 10_000)) > 600
    pair.sweep()
