"""All icebergs of an account hide no more parts than it may have open orders: what one order can cost, and who is told so beforehand."""

from __future__ import annotations

from kit import BTC, MILLION, Bench, markets_of, packed, plain_venue

from perplab.exchange import messages as m
from perplab.exchange.codes import Reason
from perplab.exchange.server.routing import block_of

MOST = 10
FULL = Reason.TOO_MANY_ORDERS


def some_bench() -> tuple[Bench, int, int]:
    """Two accounts, each of which may hide ten parts."""
    bench = Bench(plain_venue({"max_open_orders": MOST}))
    bench.oracle(100)
    return bench, bench.open(MILLION), bench.open(MILLION)


def bid(account: int, size: int, display: int = 1, price: int = 99) -> m.Place:
    return m.Place(0, account, BTC, 0, price, size, display=display)


def asked(bench: Bench, orders: list[m.Place], gone: list[int]) -> list[int]:
    before = bench.exchange.state_hash()
    found = bench.exchange.refusals(block_of(packed(orders)), gone)
    assert bench.exchange.refusals(block_of(packed(orders)), gone) == found and bench.exchange.state_hash() == before
    bench.exchange.check()
    return found


def test_a_preview_says_the_same() -> None:
    bench, alice, _ = some_bench()
    assert [bench.exchange.preview(bid(alice, size)).reason for size in (11, 12, 101)] == [0, FULL, Reason.DISPLAY_SIZE]
    bench.send(m.Place, alice, BTC, 0, 99, 8, display=1)
    assert [bench.exchange.preview(bid(alice, size)).reason for size in (1, 4, 5)] == [0, 0, FULL]
    assert [bench.exchange.preview(bid(alice, size, 2)).reason for size in (8, 9)] == [0, FULL]


def test_what_would_go_is_not_counted_and_what_would_come_is() -> None:
    bench, alice, _ = some_bench()
    (first, *_) = bench.send(m.Place, alice, BTC, 0, 99, 9, display=1)
    assert isinstance(first, m.OrderPlaced)
    assert asked(bench, [bid(alice, 11)], [0]) == [FULL]
    assert asked(bench, [bid(alice, 11)], [first.order_id]) == [0]
    assert asked(bench, [bid(alice, 12)], [first.order_id]) == [FULL]
    assert asked(bench, [bid(alice, 2), bid(alice, 2), bid(alice, 2), bid(alice, 1)], [0, 0, 0, 0]) == [0, 0, FULL, 0]
    assert asked(bench, [bid(alice, 6), bid(alice, 6), bid(alice, 2)], [first.order_id, 0, 0]) == [0, 0, FULL]
    # of one that is refused the old order stays, and counts for those behind it
    assert asked(bench, [bid(alice, 12), bid(alice, 3), bid(alice, 2)], [first.order_id, 0, 0]) == [FULL, 0, FULL]


def test_the_parts_of_all_markets_are_counted() -> None:
    bench = Bench(markets_of({}, {}, max_open_orders=MOST))
    for market in (0, 1):
        bench.send(m.UpdateOracle, market, 100)
    alice = bench.open(MILLION)
    bench.send(m.Place, alice, 0, 0, 99, 6, display=1)
    (refused,) = bench.send(m.Place, alice, 1, 1, 101, 7, display=1)
    assert isinstance(refused, m.Rejected) and refused.reason == FULL
    (placed,) = bench.send(m.Place, alice, 1, 1, 101, 6, display=1)
    assert isinstance(placed, m.OrderPlaced)


def test_reduce_only_ones_count_after_they_were_cut_to_the_position() -> None:
    bench, alice, bob = some_bench()
    bench.send(m.BlockTrade, alice, bob, BTC, 11, 100)
    (placed,) = bench.send(m.Place, alice, BTC, 1, 101, 50, reduce_only=1, display=1)
    assert isinstance(placed, m.OrderPlaced) and placed.size == 11
    (refused,) = bench.send(m.Place, alice, BTC, 1, 102, 2, reduce_only=1, display=1)
    assert isinstance(refused, m.Rejected) and refused.reason == FULL


def test_one_order_fills_no_more_often_than_orders_may_be_open_and_parts_be_hidden() -> None:
    """The order that takes all that an account may offer, and one that loses against all of its own."""
    for self_trade in (0, 4):
        bench, alice, bob = some_bench()
        for _ in range(MOST):
            bench.send(m.Place, alice, BTC, 1, 101, 100, display=1)
        bench.send(m.Place, alice, BTC, 1, 101, 11, display=1)
        while len(bench.exchange.open_orders(alice)) < MOST - 1:
            bench.send(m.Place, alice, BTC, 1, 101, 1, display=1)
        events = bench.send(m.Place, alice if self_trade else bob, BTC, 0, 101, 1_000, tif=1, self_trade=self_trade)
        kind = m.OrderReduced if self_trade else m.Traded
        assert MOST < sum(isinstance(e, kind) for e in events) <= 2 * 2 * MOST
        assert not bench.exchange.open_orders(alice)
