"""Fill or kill: decided by a dry run that must foresee every rule of the match."""

from __future__ import annotations

from actor import Actor
from choices import Drawn, Seeded, Source, examples
from designs import drawn_venue, market, venue
from hypothesis import given
from hypothesis import strategies as st
from kit import BTC, MILLION, Bench, plain_venue
from world import World

from perplab.exchange import messages as m
from perplab.exchange import replay
from perplab.exchange.codes import AccountKind, CancelReason, Reason


def poor_book(source: Source, **over: object) -> World:
    """A book of makers who can hardly pay: small deposits, positions of both signs, isolated and reduce-only orders, odd prices.

    `over` are keys of the market; where it has queue classes, some accounts are retail, and some orders RPI.
    """
    maker_fee, taker_fee = source.pick([(0, 0), (-3_000_000, 7_000_000), (2_000_000, 20_000_000)])
    tiers = [
        {"lower_notional": 0, "initial_margin_ppm": 50_000, "maintenance_margin_ppm": 25_000},
        {"lower_notional": 40, "initial_margin_ppm": 200_000, "maintenance_margin_ppm": 150_000},
    ]
    terms = market(
        maker_fee_ppb=maker_fee, taker_fee_ppb=taker_fee, open_interest_cap=source.pick(["0", "0", "0.06"]),
        tiers=tiers[: source.integer(1, 2)], **over,
    )  # fmt: skip
    world = World(venue([terms]))
    world.checks = False
    matching = world.exchange.design.markets[0].matching
    classes = matching.queue_classes
    icebergs = matching.rule == "price_time" and not classes
    for _ in range(4):
        world.do(m.OpenAccount(world.now, source.pick([AccountKind.TRADER, AccountKind.RETAIL]) if classes else AccountKind.TRADER, 0))
    world.do(m.UpdateOracle(world.now, 0, 1_000))
    for account in world.users:
        world.do(m.Deposit(world.now, account, 0, source.integer(1, 20) * 10**6))
        if source.chance(40):
            world.do(m.SetMarginMode(world.now, account, 0, 1))
    for _ in range(source.integer(0, 5)):
        world.do(m.BlockTrade(world.now, source.pick(world.users), source.pick(world.users), 0, source.integer(1, 40), 1_000))
    reach = source.pick([20, 60, 150])
    for _ in range(source.integer(2, 12)):
        price = 1_000 + source.integer(-reach, reach)
        if over:  # many orders at few prices
            price = 1_000 + reach // 2 * source.integer(-2, 2)
        size = source.integer(1, 30)
        reduce_only = int(source.chance(30))
        side = source.integer(0, 1)
        tif = source.pick([0, 0, 4]) if classes else 0
        display = source.integer(1, size) if icebergs and source.chance(50) else 0
        owner, self_trade = source.pick(world.users), source.integer(0, 1)
        world.do(m.Place(world.now, owner, 0, side, price, size, 0, tif, reduce_only, self_trade, display=display))
    if source.chance(70):
        world.do(m.UpdateOracle(world.now, 0, 1_000 + source.integer(-40, 40)))
    world.checks = True
    world.check()
    return world


def try_to_fill(source: Source, **over: object) -> World:
    """An accepted order has filled in full; a refused one would not have filled as immediate-or-cancel either."""
    world = poor_book(source, **over)
    for _ in range(3):
        side = source.integer(0, 1)
        account = source.pick(world.users)
        price = 1_000 + source.integer(-150, 150)
        size = source.integer(1, 60)
        reduce_only, self_trade = int(source.chance(20)), source.integer(0, 4)
        order = m.Place(world.now, account, 0, side, price, size, source.integer(0, 1), 2, reduce_only, self_trade)
        other = replay(world.journal.bytes())
        events = world.do(order)
        if isinstance(events[0], m.OrderPlaced):
            filled = sum(e.size for e in events if isinstance(e, m.Traded))
            assert filled == events[0].size, f"{order} filled {filled} of {events[0].size}: {events}"
        elif isinstance(events[0], m.Rejected) and events[0].reason == Reason.NOT_FILLABLE:
            as_ioc = m.Place(world.now, account, 0, side, price, size, 0, 1, reduce_only, self_trade)
            events = other.apply(as_ioc)
            filled = sum(e.size for e in events if isinstance(e, m.Traded))
            assert not isinstance(events[0], m.OrderPlaced) or filled < events[0].size, f"{order} was refused, but fills: {events}"
    return world


@examples(60)
@given(st.data())
def test_fill_or_kill_fills_or_leaves_no_trace(data: st.DataObject) -> None:
    """World.do compares the hash of the state before and after a refused command; the rest is `try_to_fill`."""
    try_to_fill(Drawn(data))


def test_fill_or_kill_meets_every_rule() -> None:
    """The same on seeds, where it is known that fills, refusals and cancels of makers take place."""
    cancelled: set[int] = set()
    reasons: set[Reason] = set()
    kinds: set[str] = set()
    for seed in range(80):
        world = try_to_fill(Seeded(seed))
        cancelled |= {e.reason for e in world.events if isinstance(e, m.OrderCancelled)}
        reasons |= set(world.reasons)
        kinds |= set(world.kinds)
    assert {"Traded", "OrderReduced"} <= kinds and Reason.NOT_FILLABLE in reasons
    assert {CancelReason.SELF_TRADE, CancelReason.MARGIN, CancelReason.REDUCE_ONLY} <= cancelled


def test_its_own_exits_may_close_what_it_has_just_bought() -> None:
    """A is long of 2 and has two exits of 2, which count for 2 as long as it is. It buys 3 of B first, and then all 4 of itself."""
    bench = Bench(plain_venue())
    bench.oracle(100)
    a, b = bench.open(MILLION), bench.open(MILLION)
    bench.send(m.BlockTrade, a, b, BTC, 2, 100)
    bench.send(m.Place, b, BTC, 1, 100, 3)
    for _ in range(2):
        bench.send(m.Place, a, BTC, 1, 101, 2, reduce_only=1)
    (refused,) = bench.send(m.Place, a, BTC, 0, 101, 8, tif=2, self_trade=1)
    assert isinstance(refused, m.Rejected) and refused.reason == Reason.NOT_FILLABLE
    events = bench.send(m.Place, a, BTC, 0, 101, 7, tif=2, self_trade=1)
    assert [e.size for e in events if isinstance(e, m.Traded)] == [3, 2, 2]


def test_fill_or_kill_in_any_market() -> None:
    """Orders drawn at random, all made fill-or-kill, over three markets."""
    for seed in range(4):
        source = Seeded(seed)
        world = World(drawn_venue(source, ["book"], ["insurance_fund"]))
        actor = Actor(source, world)
        actor.settle_in(4)
        for _ in range(40):
            for command in actor.quote():
                world.do(command)
            drawn = actor.place()
            assert isinstance(drawn, m.Place)
            fok = m.Place(*[2 if name == "tif" else getattr(drawn, name) for name in drawn.__struct_fields__])
            events = world.do(fok)
            if isinstance(events[0], m.OrderPlaced):
                assert sum(e.size for e in events if isinstance(e, m.Traded)) == events[0].size
