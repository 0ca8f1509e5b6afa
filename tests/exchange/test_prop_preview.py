"""The what-if of an order: what it says is what then happens, and asking changes nothing."""

from __future__ import annotations

import pytest
from actor import Actor
from choices import Drawn, Seeded, Source, examples
from designs import drawn_venue, market, venue
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from preset_kit import script_of
from test_prop_fok import poor_book
from world import World

from perplab.exchange import Exchange, Malformed, load_venue
from perplab.exchange import messages as m
from perplab.exchange.codes import MarginMode, Reason, TimeInForce
from perplab.exchange.engine import restore
from perplab.exchange.messages import VenueBusy
from perplab.exchange.money.margin import cross_room
from perplab.exchange.schema.views import Preview
from perplab.exchange.state.tables import O_SIZE


def traces(exchange: Exchange) -> tuple[object, ...]:
    """All that asking could leave behind."""
    state = exchange.state
    return exchange.state_hash(), state.log.seq, state.last_order_id, int(state.positions.live), exchange.now


def asked(exchange: Exchange, order: m.Place) -> Preview:
    before = traces(exchange)
    found = exchange.preview(order)
    assert traces(exchange) == before and exchange.preview(order) == found
    exchange.check()
    return found


def assert_foretold(exchange: Exchange, order: m.Place, found: Preview, events: list[m.Event]) -> None:
    """`events` are what came of the order."""
    if any(isinstance(one, m.OrderRepeated) for one in events):
        return
    refused = [one.reason for one in events if isinstance(one, m.Rejected)]
    assert refused == ([found.reason] if found.reason else []), (order, found, events)
    if refused:
        assert found == Preview(found.reason)
        return
    (placed,) = (one for one in events if isinstance(one, m.OrderPlaced))
    fills = [one for one in events if isinstance(one, m.Traded) and one.taker_order_id == placed.order_id]
    on_curve = [one for one in events if isinstance(one, m.CurveTraded) and one.order_id == placed.order_id]
    unit = exchange.state.markets[order.market].unit
    fee = sum(one.taker_fee for one in [*fills, *on_curve]) + sum(one.maker_fee for one in fills if one.maker == one.taker)
    ended = [one for one in events if isinstance(one, m.OrderCancelled) and one.order_id == placed.order_id]
    assert found.filled == sum(one.size for one in [*fills, *on_curve])
    assert found.value == sum(one.price * one.size * unit for one in fills) + sum(one.value for one in on_curve)
    assert found.fee == fee
    assert found.cancelled == sum(one.size for one in ended) and found.cancel_reason == (ended[0].reason if ended else 0)
    assert found.rests == placed.size - found.filled - found.cancelled - found.lost
    assert_account(exchange, order, found)


def assert_account(exchange: Exchange, order: m.Place, found: Preview) -> None:
    """What the account has now is what was foretold."""
    account, number = order.account, order.market
    asset = int(exchange.state.markets[number].asset)
    p = exchange.position(account, number)
    assert (found.size, found.entry_notional, found.isolated_margin) == (p.size, p.entry_notional, p.isolated_margin)
    available = exchange.available_margin(account, asset)
    if p.mode == MarginMode.ISOLATED:
        available = min(available, int(cross_room(exchange.state, account, asset)))
    assert found.available_margin == available
    assert found.free_margin == exchange.free_margin(account, asset)
    assert found.liquidation_price == exchange.liquidation_price(account, number)
    if p.mode == MarginMode.CROSS:
        assert found.equity == exchange.equity(account, asset)
        assert found.initial_margin == exchange.initial_margin(account, asset) == found.equity - found.available_margin
        assert found.maintenance_margin == exchange.maintenance_margin(account, asset)
    elif p.size:
        assert found.equity == exchange.isolated_equity(account, number)
        assert found.maintenance_margin == exchange.position_maintenance(account, number)


def without_hidden(exchange: Exchange, account: int) -> Exchange | None:
    """A copy in which others' icebergs are no more than they show, by amendments that keep their place; None: nothing is hidden."""
    state = exchange.state
    copy = restore(exchange.snapshot())
    orders = [one for other in range(8, state.accounts.count) if other != account for one in exchange.open_orders(other) if one.display]
    for one in orders:
        shown = int(state.orders.cells[state.order_ids.find(one.order_id) + O_SIZE])
        told = copy.apply(m.Amend(exchange.now, one.account, one.order_id, one.price, shown))
        assert not any(isinstance(event, m.Rejected) for event in told)
    return copy if orders else None


def ask_and_place(world: World, order: m.Place) -> Preview:
    found = asked(world.exchange, order)
    seen = without_hidden(world.exchange, order.account)
    if seen is None:
        assert_foretold(world.exchange, order, found, world.do(order))
    else:
        assert_foretold(seen, order, found, seen.apply(replace(order, ts=seen.now)))
        world.do(order)
    return found


def in_a_poor_book(source: Source, **over: object) -> list[Preview]:
    world = poor_book(source, **over)
    found = []
    for _ in range(3):
        order = m.Place(
            world.now, source.pick(world.users), 0, source.integer(0, 1), 1_000 + source.integer(-150, 150), source.integer(1, 60),
            source.integer(0, 1), source.pick([0, 0, 1, 2, 3]), int(source.chance(20)), source.integer(0, 1),
        )  # fmt: skip
        found.append(ask_and_place(world, order))
    return found


@examples(60)
@given(st.data())
def test_what_is_foretold_happens(data: st.DataObject) -> None:
    in_a_poor_book(Drawn(data))


def test_it_foretells_every_turn() -> None:
    """The same on seeds, where it is known that orders fill, rest, are cut short and are refused."""
    found = [one for seed in range(60) for one in in_a_poor_book(Seeded(seed))]
    assert any(one.filled and one.rests for one in found) and any(one.filled and one.cancelled for one in found)
    assert any(one.fee < 0 for one in found) or any(one.fee > 0 for one in found)
    assert {Reason.INSUFFICIENT_MARGIN, Reason.NOT_FILLABLE, Reason.WOULD_CROSS, Reason.REDUCE_ONLY} <= {one.reason for one in found}


@pytest.mark.parametrize("rule", ["pro_rata", "top_pro_rata"])
def test_where_orders_of_a_price_share(rule: str) -> None:
    for seed in range(20):
        in_a_poor_book(Seeded(seed), matching={"rule": rule, "queue_classes": bool(seed % 2)})


def test_in_any_market() -> None:
    """Orders drawn at random over three markets, and all kinds of settings."""
    for seed in range(4):
        source = Seeded(seed)
        world = World(drawn_venue(source, ["book"], ["insurance_fund"]))
        actor = Actor(source, world)
        actor.settle_in(4)
        for _ in range(30):
            for command in actor.quote():
                world.do(command)
            drawn = source.pick([actor.place, actor.hit, actor.close])()
            assert isinstance(drawn, m.Place)
            ask_and_place(world, drawn)
            world.do(source.pick([actor.set_account_mode, actor.update_oracle, actor.set_status, actor.move_isolated_margin])())


@pytest.mark.parametrize("name", ["book_amm_hybrid", "perp_v2_curie", "paradex", "book_vault_adl"])
def test_with_a_curve_and_with_classes(name: str) -> None:
    """The long script of other tests, in designs where no order waits."""
    at_once = {"taker_latency_ms": 0, "retail_taker_latency_ms": 0, "maker_latency_ms": 0, "cancel_latency_ms": 0}
    design = load_venue(name, {"sequencing": at_once})
    exchange = Exchange(design)
    assert not exchange.is_sequenced
    seen = set()
    for command in script_of(design, 3, 30):
        if not isinstance(command, m.Place):
            exchange.apply(command)
            continue
        exchange.apply(m.Tick(command.ts))
        found = asked(exchange, command)
        assert_foretold(exchange, command, found, exchange.apply(command))
        seen.add((found.reason, found.filled > 0, found.rests > 0))
    assert any(filled for _, filled, _ in seen)


def test_slippage_against_mid_and_mark() -> None:
    """A buy of 4 at 1,010 and 1,012, mark 1,000, between a bid of 990 and an ask of 1,010: 1.1 % above either; worked by hand."""
    world = World(venue([market()]))
    for _ in range(2):
        world.do(m.OpenAccount(world.now, 1, 0))
    maker, taker = world.users
    for account in (maker, taker):
        world.do(m.Deposit(world.now, account, 0, 10**9))
    world.do(m.UpdateOracle(world.now, 0, 1_000))
    empty = asked(world.exchange, m.Place(0, taker, 0, 0, 1_005, 4))
    assert (empty.reason, empty.filled, empty.rests, empty.mid_slippage_ppm, empty.mark_slippage_ppm) == (0, 0, 4, None, None)
    for side, price, size in ((1, 1_010, 2), (1, 1_012, 2), (0, 990, 1)):
        world.do(m.Place(world.now, maker, 0, side, price, size))
    found = ask_and_place(world, m.Place(world.now, taker, 0, 0, 1_015, 4))
    assert (found.filled, found.average, found.mid_slippage_ppm, found.mark_slippage_ppm) == (4, 1_011, 11_000, 11_000)
    sold = ask_and_place(world, m.Place(world.now, taker, 0, 1, 980, 2))
    assert (sold.filled, sold.rests, sold.mark_slippage_ppm) == (1, 1, 10_000)  # the rest of it is at 980


def test_a_client_id_in_use_is_left_aside() -> None:
    world = poor_book(Seeded(1))
    account = world.users[0]
    world.do(m.Deposit(world.now, account, 0, 10**9))
    order = m.Place(world.now, account, 0, 0, 500, 1, client_lo=77)
    world.do(order)
    assert asked(world.exchange, order).rests == 1


def test_of_nobody_and_of_no_market() -> None:
    world = poor_book(Seeded(1))
    assert asked(world.exchange, m.Place(0, 5_000, 0, 0, 1_000, 1)).reason == Reason.UNKNOWN_ACCOUNT
    assert asked(world.exchange, m.Place(0, world.users[0], 9, 0, 1_000, 1)).reason == Reason.UNKNOWN_MARKET
    with pytest.raises(Malformed, match=r"Place\.size is 0"):
        world.exchange.preview(m.Place(0, world.users[0], 0, 0, 1_000, 0))


def test_it_tells_nothing_of_what_icebergs_hide() -> None:
    """Not by what would be filled, nor by what would be refused; and of one's own it does."""
    exchange = Exchange(venue(markets=[market(maker_fee_ppb=0, taker_fee_ppb=0)]))
    for account in (8, 9, 10):
        exchange.apply(m.OpenAccount(1, 1, account))
        exchange.apply(m.Deposit(1, account, 0, 10**12 if account < 10 else 10**6))
    exchange.apply(m.UpdateOracle(1, 0, 1_000))
    exchange.apply(m.Place(1, 8, 0, 1, 1_000, 50, display=5))
    for size, tif in ((40, 1), (40, 0), (10**6, 1)):
        assert asked(exchange, m.Place(1, 9, 0, 0, 1_000, size, tif=tif)).filled == 5
    assert [asked(exchange, m.Place(1, 9, 0, 0, 1_000, size, tif=2)).reason for size in (5, 6, 50, 51)] == [0, *[Reason.NOT_FILLABLE] * 3]
    poor = {asked(exchange, m.Place(1, 10, 0, 0, 1_000, size, tif=1)).reason for size in (5, 6, 50, 10**6)}
    assert len(poor) == 1, "how much it would be charged tells nothing either"
    assert asked(exchange, m.Place(1, 8, 0, 0, 1_000, 40, tif=1, self_trade=1)).filled == 40
    assert sum(one.size for one in exchange.apply(m.Place(1, 9, 0, 0, 1_000, 40, tif=1)) if isinstance(one, m.Traded)) == 40


def test_as_of_a_later_time() -> None:
    """What is foretold as of a time, up to what is due next, happens to the order that comes then; asking moves no time."""
    reasons = set()
    for seed in range(4):
        source = Seeded(seed)
        stale = {"on_stale": "halt_new_risk", "stale_after_ms": 2_000}
        world = World(venue([market(oracle=stale), market("B", oracle=stale)], ["book"], ["insurance_fund"]))
        actor, exchange = Actor(source, world), world.exchange
        actor.settle_in(4)
        for _ in range(30):
            for command in [*actor.quote(), source.pick([actor.update_oracle, actor.move_isolated_margin])()]:
                world.do(command)
            drawn = source.pick([actor.place, actor.hit, actor.close])()
            assert isinstance(drawn, m.Place)
            ts = min(world.now + source.pick([0, 1, 500_000_000, 2_000_000_001]), int(exchange.state.schedule.next) - 1)
            order = replace(drawn, ts=ts, expires=source.pick([0, ts, ts + 1]) if drawn.tif == TimeInForce.GTC else 0)
            before = traces(exchange)
            with exchange.as_of(ts):
                assert exchange.now == ts
                found = exchange.preview(order)
                with pytest.raises(VenueBusy):
                    exchange.apply(m.Tick(ts))
            assert traces(exchange) == before
            exchange.check()
            seen = without_hidden(exchange, order.account) or restore(exchange.snapshot())
            assert_foretold(seen, order, found, seen.apply(order))
            world.do(order)
            reasons.add(found.reason)
    assert {Reason.ORACLE_STALE, Reason.ORDER_EXPIRED, 0} <= reasons


def test_it_cannot_be_asked_as_of_a_time_that_is_not_known() -> None:
    exchange = Exchange(load_venue("sandbox"))
    exchange.apply(m.UpdateOracle(10**18, 0, 100))
    for ts in (10**18 - 1, int(exchange.state.schedule.next) + 1):
        with pytest.raises(ValueError, match="the venue can be asked as of"):
            exchange.as_of(ts)
