"""Matching rules beside price-time, against a naive book; what CME has published; and dry runs that foresee who gets what."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from choices import Drawn, Seeded, Source, examples
from designs import Tree, market, venue
from hypothesis import given
from hypothesis import strategies as st
from reference_matching import BUY, RPI, SELL, ReferenceMatching
from test_prop_fok import poor_book, try_to_fill
from test_reference_book import SELF_TRADE, TINY, TINY_TIERS, TOP, Pair

from perplab.exchange import Exchange, restore
from perplab.exchange import messages as m
from perplab.exchange.codes import AccountKind, CancelReason, MarketStatus, Reason
from perplab.exchange.money.payoff import value_of
from perplab.exchange.state.packed import column
from perplab.exchange.state.tables import O_ORDER_ID, O_POSITION
from perplab.exchange.state.types import FIRST_USER, MAX_LOTS, NIL
from perplab.exchange.trading.allocation import allot
from perplab.exchange.trading.depth import Walk, impact_price
from perplab.exchange.trading.order import Order
from perplab.exchange.trading.planning import CANCEL_BOTH, DECREMENT, FILL, STOP

RULES: list[Tree] = [
    {"rule": "pro_rata"},
    {"rule": "pro_rata", "least_share": 2},
    {"rule": "top_pro_rata"},
    {"rule": "top_pro_rata", "top_share_ppm": 400_000, "least_share": 3},
    {"rule": "price_time", "queue_classes": True},
    {"rule": "pro_rata", "queue_classes": True},
    {"rule": "top_pro_rata", "top_share_ppm": 500_000, "queue_classes": True},
]
BY_RULE = pytest.mark.parametrize("rule", RULES, ids=lambda rule: " ".join(map(str, rule.values())))
RETAIL = (FIRST_USER, FIRST_USER + 1)
OWNERS = range(FIRST_USER, FIRST_USER + 5)  # the first two of them retail
SWEEPER = FIRST_USER + 5  # retail too


class RulePair(Pair):
    """The naive book and a venue of the same rule, where everybody has ample margin."""

    def __init__(self, rule: Tree) -> None:
        self.plain: ReferenceMatching = ReferenceMatching(**rule, retail=(*RETAIL, SWEEPER))  # type: ignore[arg-type]
        self.venue = Exchange(venue([market(tiers=TINY_TIERS, matching=rule) | TINY], max_open_orders=1_000_000), None, 2, 16)
        self.rules: dict[int, tuple[int, int]] = {}
        self.fills: list[tuple[int, int, int, int]] = []
        self.apply(m.UpdateOracle(1, 0, TOP // 2))
        for account in (*OWNERS, SWEEPER):
            self.apply(m.OpenAccount(1, AccountKind.RETAIL if account in (*RETAIL, SWEEPER) else AccountKind.TRADER, 0))
            for _ in range(9):
                self.apply(m.Deposit(1, account, 0, 10**16))

    def apply(self, command: m.Command) -> list[m.Event]:
        events = super().apply(command)
        self.venue.check()
        return events

    def compare(self) -> None:
        """Fills in their order, best prices, and what everybody and what only retail accounts can trade with."""
        assert self.fills == self.plain.fills
        assert (self.venue.best_bid(0), self.venue.best_ask(0)) == (self.plain.best(BUY), self.plain.best(SELL))
        for side in (BUY, SELL):
            depths: tuple[dict[int, int], dict[int, int]] = ({}, {})
            for order in self.plain.queue(side):
                depth = depths[order[0] in self.plain.rpi]
                depth[order[3]] = depth.get(order[3], 0) + order[4]
            assert self.venue.depth(0, side, 1_000_000) == list(depths[0].items())
            assert self.venue.rpi_depth(0, side, 1_000_000) == list(depths[1].items())
        resting = sorted((o.order_id, o.account, o.side, o.price, o.size) for owner in OWNERS for o in self.venue.open_orders(owner))
        assert resting == sorted(tuple(order[:5]) for order in self.plain.orders)

    def sweep(self) -> None:
        """Somebody who may meet every order takes both sides, a few lots at a time."""
        for side, limit in ((BUY, TOP), (SELL, 1)):
            while lots := sum(order[4] for order in self.plain.queue(1 - side)):
                self.place(SWEEPER, side, limit, min(lots, 7), 1, 1)
                self.compare()
        assert not self.plain.orders


def act(source: Source, pair: RulePair, reach: int) -> None:
    """Mostly orders that come to rest at few prices, so that many stand at each."""
    owner, side = source.pick(OWNERS), source.integer(0, 1)
    price, size = 500 + source.integer(-reach, reach), source.integer(1, 12)
    kind = source.integer(0, 9)
    order_id = source.integer(max(1, pair.plain.last_id - 30), max(1, pair.plain.last_id))
    known = pair.plain.find(order_id)
    if kind == 9 and known:
        pair.cancel(known[1] if source.chance(90) else owner, order_id)
    elif kind == 8 and known:
        kept = source.chance(40)
        pair.amend(known[1], order_id, known[3] if kept else price, source.integer(1, known[4] + (0 if kept else 5)))
    elif kind == 7:
        price = 500 + (reach if side == BUY else -reach)
        pair.place(owner, side, price, source.integer(1, 25), source.pick([1, 1, 2]), source.pick(SELF_TRADE))
    else:
        price = min(500, price) if side == BUY and source.chance(80) else max(500, price) if source.chance(80) else price
        pair.place(owner, side, price, size, source.pick([0, 0, 3, 3, 4, 4]), source.pick(SELF_TRADE))
    pair.compare()


@BY_RULE
def test_random_streams(rule: Tree) -> None:
    """Long streams against the naive book, with many orders at a price."""
    for seed in range(2):
        pair, source = RulePair(rule), Seeded(seed)
        for _ in range(400):
            act(source, pair, 2)
        assert len(pair.fills) > 100
        pair.sweep()


@examples(20)
@given(st.data(), st.sampled_from(RULES))
def test_short_streams(data: st.DataObject, rule: Tree) -> None:
    """Short streams that hypothesis shrinks."""
    pair = RulePair(rule)
    for _ in range(data.draw(st.integers(1, 15))):
        act(Drawn(data), pair, 1)
    pair.sweep()


def test_shares_of_many_orders() -> None:
    """More orders at a price than there is room for at first."""
    pair, source = RulePair({"rule": "pro_rata"}), Seeded(3)
    for _ in range(200):
        pair.place(source.pick(OWNERS), SELL, 1, source.pick([1, 2, 3, 10**4]), 0, 0)
    for lots in (10**5, 7, 1_001, 10**6):
        pair.place(SWEEPER, BUY, 1, lots, 1, 0)
        pair.compare()
    assert not pair.plain.orders


SIZES = st.lists(st.integers(1, 12) | st.integers(1, int(MAX_LOTS)), min_size=1, max_size=12)


@examples(100)
@given(SIZES, st.integers(1, 30) | st.integers(1, int(MAX_LOTS)), st.sampled_from(RULES), st.data())
def test_shares_of_any_sizes(sizes: list[int], lots: int, rule: Tree, data: st.DataObject) -> None:
    """`allot` against Python's own integers, up to the largest orders: the shares of a range of orders, and of no others."""
    record = Exchange(venue([market(matching=rule)])).state.markets[0]
    start = data.draw(st.integers(0, len(sizes) - 1))
    end = data.draw(st.integers(start + 1, len(sizes)))
    top = data.draw(st.integers(start, end - 1)) if rule["rule"] == "top_pro_rata" and data.draw(st.booleans()) else int(NIL)
    column_of_sizes, shares = column(len(sizes), 0), column(len(sizes), -7)
    for number, size in enumerate(sizes):
        column_of_sizes[number] = size
    allot(record, lots, column_of_sizes, shares, start, end, top)
    plain = ReferenceMatching(**rule)  # type: ignore[arg-type]
    plain.top[BUY] = top
    queue = [[number, 0, BUY, 1, sizes[number], number] for number in range(start, end)]
    expected, left = plain.shares(queue, lots), lots
    for number in range(start, end):
        share = min(expected[number], left)
        left -= share
        assert shares[number] == share
    assert all(shares[number] == -7 for number in range(len(sizes)) if not start <= number < end)
    assert sum(shares[start:end]) == min(lots, sum(sizes[start:end]))


# -- what CME has published --


def fills_of(rule: Tree, sizes: Sequence[int], lots: int) -> list[int]:
    """Bids of these sizes at one price, in this order; what each of them gets of a sale."""
    pair = RulePair(rule)
    for size in sizes:
        pair.place(OWNERS[2], BUY, 9_704, size, 0, 0)
    pair.place(OWNERS[3], SELL, 9_704, lots, 1, 0)
    pair.compare()
    got = dict.fromkeys(range(1, len(sizes) + 1), 0)
    for _, maker, _, size in pair.fills:
        got[maker] += size
    return list(got.values())


def test_the_example_of_the_advisory() -> None:
    """CME Globex advisory on Eurodollar futures, 2005: sell 60 at 97.04. The top order has its 10; the shares of the other 50 are 1.67,
    6.67, 16.67 and 25; one lot is no share, and the 3 that are left go to the oldest."""
    assert fills_of({"rule": "top_pro_rata", "least_share": 2}, [10, 5, 20, 50, 75], 60) == [10, 3, 6, 16, 25]
    assert fills_of({"rule": "top_pro_rata"}, [10, 5, 20, 50, 75], 60) == [10, 3, 6, 16, 25]  # 1 of the 3 is its share then
    assert fills_of({"rule": "pro_rata"}, [10, 30], 20) == [5, 15]  # Derive, matching algorithms


def test_a_top_order_with_a_part() -> None:
    """CME's TOP percentage is of the incoming order: 40 % of 60 are 24, of 36 it takes its share of the rest, too."""
    assert fills_of({"rule": "top_pro_rata", "top_share_ppm": 400_000}, [60, 40, 24], 60) == [24 + 12 + 2, 14, 8]
    assert fills_of({"rule": "top_pro_rata", "top_share_ppm": 0}, [60, 40, 24], 62) == [30, 20, 12]


def test_an_order_that_takes_all_goes_by_time() -> None:
    assert fills_of({"rule": "pro_rata", "least_share": 100}, [3, 2, 1], 6) == [3, 2, 1]
    assert fills_of({"rule": "pro_rata", "least_share": 100}, [3, 2, 1], 5) == [3, 2, 0]  # no share is large enough


# -- a dry run and the match --

Step = tuple[int, int, int]  # order id of the maker, price, lots


def planned(exchange: Exchange, command: m.Place) -> list[Step]:
    """The fills that a dry run of the order has, as `fills_whole` makes it."""
    state, matcher = exchange.state, exchange.matcher
    number = state.markets[command.market]
    row = state.find_position(command.account, command.market)
    o = Order(number)
    o.begin(command.account, number, row, command.side, command.price, command.size, command.tif)
    o.self_trade = command.self_trade
    o.reduce_only = command.reduce_only
    left, found = command.size, []
    matcher.planner.begin_dry(o)
    matcher.dry_run.begin(number)
    while left > 0 and (step := matcher.planner.next_behind(o, left)) not in (STOP, CANCEL_BOTH):
        left -= int(matcher.planner.lots) if step == DECREMENT else 0
        if step == FILL:
            slot, lots, price = int(matcher.planner.slot), int(matcher.planner.lots), int(matcher.planner.price)
            maker = int(state.orders.cells[slot + O_POSITION])
            matcher.dry_run.save(number, maker)
            matcher.dry_run.save(number, row)
            matcher.book_money(o, number, maker, lots, value_of(number, lots, price))
            found.append((int(state.orders.cells[slot + O_ORDER_ID]), price, lots))
            left -= lots
    matcher.dry_run.take_back(number)
    return found


def foresee(source: Source, rule: Tree) -> list[m.Event]:
    """Takers meet makers who can hardly pay, who shrink, flip or are the taker himself: the match does what the dry run said."""
    world = poor_book(source, matching=rule)
    for _ in range(3):
        account = source.pick(world.users)
        held = world.exchange.position(account, 0).size
        reduce_only = int(held != 0 and source.chance(20))
        side = int(held > 0) if reduce_only else source.integer(0, 1)
        size = source.integer(1, abs(held)) if reduce_only else source.integer(1, 60)
        command = m.Place(world.now, account, 0, side, 1_000 + source.integer(-150, 150), size, 0, 1, reduce_only, source.integer(0, 4))
        hashed = world.exchange.state_hash()
        has_row = world.exchange.state.find_position(account, 0) != NIL
        plan = planned(world.exchange, command) if has_row else None
        assert world.exchange.state_hash() == hashed, "a dry run has left a trace"
        events = world.do(command)
        if isinstance(events[0], m.OrderPlaced) and plan is not None:
            assert [(e.maker_order_id, e.price, e.size) for e in events if isinstance(e, m.Traded)] == plan
    return world.events


@pytest.mark.parametrize("rule", [*RULES, {"rule": "price_time"}], ids=lambda rule: " ".join(map(str, rule.values())))
def test_the_match_does_what_the_dry_run_said(rule: Tree) -> None:
    """On seeds, where it is known that makers fail, shrink and meet themselves."""
    cancelled: set[int] = set()
    kinds: set[str] = set()
    for seed in range(120):
        events = foresee(Seeded(seed), rule)
        cancelled |= {e.reason for e in events if isinstance(e, m.OrderCancelled)}
        kinds |= {type(e).__name__ for e in events}
    assert {"Traded", "OrderReduced"} <= kinds and ("OrderRefreshed" in kinds) == (rule == {"rule": "price_time"})
    assert {CancelReason.SELF_TRADE, CancelReason.MARGIN, CancelReason.REDUCE_ONLY} <= cancelled


@examples(40)
@given(st.data(), st.sampled_from(RULES))
def test_dry_runs_of_anything(data: st.DataObject, rule: Tree) -> None:
    foresee(Drawn(data), rule)


@examples(40)
@given(st.data(), st.sampled_from(RULES))
def test_fill_or_kill_fills_or_leaves_no_trace(data: st.DataObject, rule: Tree) -> None:
    try_to_fill(Drawn(data), matching=rule)


@BY_RULE
def test_fill_or_kill_is_refused_and_accepted(rule: Tree) -> None:
    reasons: set[Reason] = set()
    kinds: set[str] = set()
    for seed in range(40):
        world = try_to_fill(Seeded(seed), matching=rule)
        reasons |= set(world.reasons)
        kinds |= set(world.kinds)
    assert Reason.NOT_FILLABLE in reasons and "Traded" in kinds


# -- what the state says --


def hash_after(rule: Tree, *orders: tuple[int, int, int]) -> str:
    """Bids (owner, price, size) in their order."""
    pair = RulePair(rule)
    for owner, price, size in orders:
        pair.place(owner, BUY, price, size, 0, 0)
    return pair.venue.state_hash()


def test_the_hash_sees_a_top_order() -> None:
    """Order 1 is at its price when order 2 betters it and goes: only its status is another."""
    for rule, differs in (({"rule": "top_pro_rata"}, True), ({"rule": "pro_rata"}, False)):
        hashes = []
        for price in (501, 499):
            pair = RulePair(rule)
            pair.place(OWNERS[2], BUY, 500, 5, 0, 0)
            pair.place(OWNERS[3], BUY, price, 5, 0, 0)
            pair.cancel(OWNERS[3], 2)
            hashes.append(pair.venue.state_hash())
        assert (hashes[0] != hashes[1]) == differs


def test_snapshots_know_tops_and_rpi_orders() -> None:
    pair, source = RulePair(RULES[-1]), Seeded(1)
    for _ in range(60):
        act(source, pair, 2)
    assert pair.plain.top and pair.plain.rpi
    pair.venue = restore(pair.venue.snapshot())
    pair.venue.check()
    pair.compare()
    for _ in range(60):
        act(source, pair, 2)
    pair.sweep()


def test_rpi_orders_are_for_markets_with_classes() -> None:
    for rule in RULES:
        pair = RulePair(rule)
        [event] = pair.apply(m.Place(1, OWNERS[2], 0, BUY, 500, 1, 0, RPI))[:1]
        if rule.get("queue_classes"):
            assert isinstance(event, m.OrderPlaced) and pair.venue.rpi_depth(0, BUY, 9) == [(500, 1)]
            pair.apply(m.SetMarketStatus(1, 0, MarketStatus.POST_ONLY))
            assert isinstance(pair.apply(m.Place(1, OWNERS[2], 0, SELL, 499, 1, 0, RPI))[0], m.OrderPlaced), "RPI orders cross each other"
            assert pair.apply(m.Place(1, OWNERS[2], 0, BUY, 500, 1))[0].reason == Reason.MARKET_POST_ONLY  # type: ignore[union-attr]
        else:
            assert isinstance(event, m.Rejected) and event.reason == Reason.ORDER_TYPE
        market_order = pair.apply(m.Place(1, OWNERS[2], 0, BUY, 500, 1, 1, RPI))[0]
        assert isinstance(market_order, m.Rejected)


def test_nobody_counts_on_rpi_orders_but_who_meets_them() -> None:
    """Impact prices, and the margin of an immediate order: a retail account is asked for what it will open, RPI orders included."""
    pair = RulePair({"rule": "price_time", "queue_classes": True})
    book, record = pair.venue.book, pair.venue.state.markets[0]
    pair.place(OWNERS[2], SELL, 510, 3, 0, 0)
    for price, size in ((505, 4), (510, 5), (520, 6)):
        pair.place(OWNERS[3], SELL, price, size, RPI, 0)
    pair.place(OWNERS[2], BUY, 508, 2, 0, 0)  # rests: it crosses nothing that it may meet
    walks = {}
    for with_rpi in (False, True):
        walk = Walk(pair.venue.state, book, record, SELL)
        walk.with_rpi = with_rpi
        walk.reach_lots(100, 515)
        walks[with_rpi] = (walk.lots, walk.value)
    assert walks == {False: (3, 3 * 510), True: (12, 4 * 505 + 8 * 510)}
    assert impact_price(pair.venue.state, book, record, SELL, 3 * 510) == 510
    assert impact_price(pair.venue.state, book, record, SELL, 3 * 510 + 1) == 0, "the side holds no more for anybody"
    assert pair.venue.sweep(0, BUY, 100) == (3, 3 * 510) and pair.venue.lots_within(0, SELL, 520) == (3, 3 * 510)
    pair.place(RETAIL[0], BUY, 515, 100, 1, 0)
    assert pair.fills == [(6, 2, 505, 4), (6, 1, 510, 3), (6, 3, 510, 5)]
    pair.compare()
