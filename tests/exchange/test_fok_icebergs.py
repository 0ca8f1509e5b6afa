"""Fill-or-kill orders against icebergs: what a refused one may cost, and that the quick answers are those of the whole plan."""

from __future__ import annotations

from choices import Seeded
from kit import BTC, MILLION, Bench, plain_venue
from test_prop_fok import poor_book

from perplab.exchange import messages as m
from perplab.exchange.codes import Reason, SelfTrade
from perplab.exchange.schema.packing import pack
from perplab.exchange.state.packed import column
from perplab.exchange.state.types import MAX_HIDDEN_PARTS, ROW

FOK = 2
PREVENTED = (SelfTrade.CANCEL_MAKER, SelfTrade.CANCEL_TAKER, SelfTrade.CANCEL_BOTH, SelfTrade.DECREMENT)


def icebergs(count: int, size: int = 100, display: int = 1) -> tuple[Bench, int, int]:
    """A taker, and a maker who offers so many icebergs at 100."""
    bench = Bench(plain_venue({"max_open_orders": 10_000}))
    bench.oracle(100)
    taker, maker = bench.open(MILLION), bench.open(MILLION)
    for _ in range(count):
        bench.send(m.Place, maker, BTC, 1, 100, size, display=display)
    return bench, taker, maker


def parts_met(bench: Bench) -> int:
    return bench.exchange.matcher.planner.parts


def test_an_own_order_behind_icebergs_is_known_without_a_plan() -> None:
    """One lot more than others offer: no part of an iceberg is gone through, whatever is done about the own order."""
    for mode in PREVENTED:
        bench, taker, _ = icebergs(5)
        bench.send(m.Place, taker, BTC, 1, 101, 10)
        (refused,) = bench.send(m.Place, taker, BTC, 0, 101, 501, tif=FOK, self_trade=mode)
        assert isinstance(refused, m.Rejected) and refused.reason == Reason.NOT_FILLABLE
        assert parts_met(bench) == 0
        events = bench.send(m.Place, taker, BTC, 0, 101, 500, tif=FOK, self_trade=mode)
        assert sum(e.size for e in events if isinstance(e, m.Traded)) == 500


def test_a_plan_ends_after_so_many_hidden_parts() -> None:
    """Each iceberg shows one of 100 lots. What asks for no more hidden parts than the bound is filled, one lot more is refused; an
    immediate order takes all."""
    count = MAX_HIDDEN_PARTS // 99 + 2
    bench, taker, _ = icebergs(count)
    most = count + MAX_HIDDEN_PARTS
    (refused,) = bench.send(m.Place, taker, BTC, 0, 100, most + 1, tif=FOK)
    assert isinstance(refused, m.Rejected) and refused.reason == Reason.NOT_FILLABLE
    assert parts_met(bench) == MAX_HIDDEN_PARTS + 1
    events = bench.send(m.Place, taker, BTC, 0, 100, most, tif=FOK)
    assert sum(e.size for e in events if isinstance(e, m.Traded)) == most
    events = bench.send(m.Place, taker, BTC, 0, 100, count * 100 - most, tif=1)
    assert sum(e.size for e in events if isinstance(e, m.Traded)) == count * 100 - most


def test_quick_refusals_are_those_of_the_whole_plan() -> None:
    """Random books with own orders, reduce-only ones, icebergs and isolated positions: what is refused by sums, the plan refuses too."""
    quick = 0
    for seed in range(300):
        source = Seeded(seed)
        world = poor_book(source)
        matcher = world.exchange.matcher
        planned = matcher.rehearse
        for _ in range(4):
            side, price, size = source.integer(0, 1), 1_000 + source.integer(-150, 150), source.integer(1, 60)
            account, mode, reduces = source.pick(world.users), source.pick(list(PREVENTED)), int(source.chance(20))
            entry = world.exchange.entry
            row = column(ROW, 0)
            pack(m.Place(world.now, account, 0, side, price, size, 0, 1, reduces, mode), row)
            if entry.examine(row, 0) != 0:
                continue
            order = entry.order
            order.tif = FOK
            if not matcher.has_others(order):
                quick += 1
                left = planned(order)
                matcher.dry_run.take_back(order.market)
                assert left > 0, f"refused by sums, and yet it would fill: {order.left} at {price} on seed {seed}"
    assert quick > 50
