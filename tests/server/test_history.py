"""What has happened on a served venue, as its history tells it: against what the venue itself says, and what is worked out by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import structs
from test_store import served
from wire import SECOND, START, Message, Talker, World

from perplab.exchange.codes import CancelReason, Reason, Side, TimeInForce
from perplab.exchange.messages import UpdateOracle
from perplab.exchange.server.history.records import MoveKind, OrderStatus, Source

MINUTE = 60 * SECOND
UNIT = 1_000  # micro-units per tick x lot in the market of the tests


def account_of(talker: Talker) -> int:
    account: int = talker.ask("accounts")["accounts"][0]
    return account


def place(talker: Talker, side: str, price: int, size: int, **fields: object) -> Message:
    reply = talker.ask("place", market=0, side=side, price=price, size=size, **fields)
    assert reply["ok"], reply
    return reply


def two(world: World) -> tuple[Talker, Talker, int, int]:
    alice, bob = world.talker("alice"), world.talker("bob")
    return alice, bob, account_of(alice), account_of(bob)


def test_the_unit_of_the_market() -> None:
    assert World().host.units == (UNIT,)


def test_both_sides_of_a_trade() -> None:
    world = World()
    alice, bob, one, other = two(world)
    rested = place(alice, "SELL", 60_010, 5, client_id="0x100000000000000a7")
    taken = place(bob, "BUY", 60_020, 2)
    (sold,), (bought,) = world.host.history.fills(one), world.host.history.fills(other)
    assert (sold.side, sold.lots, sold.price, sold.value) == (Side.SELL, 2, 60_010, 2 * 60_010 * UNIT)
    assert (sold.order_id, sold.is_taker, sold.other, sold.start, sold.closed_pnl) == (rested["order_id"], False, other, 0, 0)
    assert (bought.side, bought.order_id, bought.is_taker, bought.other) == (Side.BUY, taken["order_id"], True, one)
    assert sold.seq == bought.seq and sold.ts == START and sold.source is Source.BOOK and sold.liquidation is None
    assert (sold.client_hi, sold.client_lo, bought.client_hi, bought.client_lo) == (1 << 0, 0xA7, 0, 0)
    (trade,) = world.host.history.trades(0)
    assert (trade.buyer, trade.seller, trade.taker_side, trade.seq) == (other, one, Side.BUY, sold.seq)
    assert (trade.price, trade.lots, trade.value, trade.is_liquidation) == (60_010, 2, 2 * 60_010 * UNIT, False)


def test_positions_before_each_fill_and_what_it_earned() -> None:
    """Bought 3 at 60,000 and 1 at 60,400; of these 2 sold at 60,500, then 5 more at 60,100: 3 of those turn the position."""
    world = World()
    alice, bob, _, other = two(world)
    for side, price, lots in (("BUY", 60_000, 3), ("BUY", 60_400, 1), ("SELL", 60_500, 2), ("SELL", 60_100, 5)):
        place(alice, "SELL" if side == "BUY" else "BUY", price, lots)
        place(bob, side, price, lots)
    found = world.host.history.fills(other)
    assert [one.start for one in found] == [0, 3, 4, 2]
    average = (3 * 60_000 + 60_400) * UNIT // 4
    assert [one.closed_pnl for one in found] == [0, 0, 2 * (60_500 * UNIT - average), 2 * (60_100 * UNIT - average)]
    position = world.host.exchange.position(other, 0)
    assert (position.size, position.entry_notional) == (-3, -3 * 60_100 * UNIT)


def test_fees_are_those_of_the_venue() -> None:
    world = World()
    alice, bob, one, other = two(world)
    before = [world.host.exchange.balance(account, 0) for account in (one, other)]
    place(alice, "SELL", 60_000, 100)
    place(bob, "BUY", 60_000, 100)
    after = [world.host.exchange.balance(account, 0) for account in (one, other)]
    (sold,), (bought,) = world.host.history.fills(one), world.host.history.fills(other)
    assert [then - now for now, then in zip(after, before, strict=True)] == [sold.fee, bought.fee]
    assert bought.fee > 0


def test_a_trade_with_oneself_moves_no_position() -> None:
    world = World()
    alice = world.talker("alice")
    place(alice, "SELL", 60_000, 5)
    place(alice, "BUY", 60_000, 5, self_trade="NONE")
    first, second = world.host.history.fills(account_of(alice))
    assert (first.is_taker, second.is_taker, first.start, second.start, second.closed_pnl) == (True, False, 0, 0, 0)
    assert first.seq == second.seq


def test_orders_as_they_came_in_and_what_became_of_them() -> None:
    world = World()
    alice, bob, one, other = two(world)
    history = world.host.history
    resting = place(alice, "SELL", 60_010, 5, tif="POST_ONLY", client_id="0xaa")["order_id"]
    record = history.order(one, resting)
    assert record is not None and record.status is OrderStatus.OPEN and not history.orders(one)
    assert (record.price, record.size, record.left, record.filled, record.placed_ts) == (60_010, 5, 5, 0, START)
    assert record.tif is TimeInForce.POST_ONLY and history.order_of_client(one, 0, 0xAA) is record
    world.later(1)
    rest = place(bob, "BUY", 60_010, 7, tif="IOC")["order_id"]
    record = history.order(one, resting)
    assert record is not None and (record.status, record.filled, record.left, record.ts) == (OrderStatus.FILLED, 5, 0, START + SECOND)
    cut = history.order(other, rest)
    assert cut is not None and cut.status is OrderStatus.CANCELLED and cut.cancel_reason is CancelReason.IMMEDIATE
    assert (cut.size, cut.filled, cut.left, cut.value) == (7, 5, 2, 5 * 60_010 * UNIT)
    gone = place(alice, "BUY", 59_000, 4)["order_id"]
    assert alice.ask("amend", order_id=gone, price=59_100, size=3)["ok"] and alice.ask("cancel", order_id=gone)["ok"]
    found = history.orders(one)
    assert [(record.order_id, record.status) for record in found] == [(resting, OrderStatus.FILLED), (gone, OrderStatus.CANCELLED)]
    assert (found[1].price, found[1].size, found[1].left, found[1].cancel_reason) == (59_100, 3, 3, CancelReason.USER)
    assert history.order(one, rest) is None and history.order(other, resting) is None, "another's"


def test_a_refused_order_is_found_by_its_client_id() -> None:
    world = World()
    alice, bob, one, _ = two(world)
    place(bob, "BUY", 59_000, 5)
    refused = alice.ask("place", market=0, side="SELL", price=58_000, size=1, tif="POST_ONLY", client_id="0xb1")
    assert refused["reason"] == "WOULD_CROSS"
    record = world.host.history.order_of_client(one, 0, 0xB1)
    assert record is not None and (record.status, record.reason, record.order_id) == (OrderStatus.REJECTED, Reason.WOULD_CROSS, 0)
    placed = place(alice, "SELL", 60_500, 1, client_id="0xb1")["order_id"]
    record = world.host.history.order_of_client(one, 0, 0xB1)
    assert record is not None and record.order_id == placed, "the last one that had it"


def test_a_trigger_becomes_an_order() -> None:
    world = World()
    alice, bob, one, _ = two(world)
    place(bob, "BUY", 59_000, 5)
    trigger = alice.ask("place_trigger", market=0, side="SELL", size=2, trigger="STOP", source="LAST", trigger_price=59_500)
    assert trigger["reason"] == "NO_LAST_PRICE"
    place(alice, "BUY", 60_000, 2)
    place(bob, "SELL", 60_000, 2)
    trigger = alice.ask("place_trigger", market=0, side="SELL", size=2, trigger="STOP", source="LAST", trigger_price=59_500)
    record = world.host.history.order(one, trigger["order_id"])
    assert record is not None and record.status is OrderStatus.OPEN and record.trigger_price == 59_500 and not record.triggered_ts
    world.later(2)
    place(world.talker("carol"), "SELL", 59_000, 1)
    record = world.host.history.order(one, trigger["order_id"])
    assert record is not None and record.triggered_ts == START + 2 * SECOND, record
    assert (record.status, record.filled, record.trigger_price) == (OrderStatus.FILLED, 2, 59_500)


def test_money_in_and_out() -> None:
    world = World()
    alice, bob, one, other = two(world)
    assert alice.ask("transfer", to=other, asset=0, amount=7)["ok"] and alice.ask("withdraw", asset=0, amount=9)["ok"]
    found = world.host.history.moves(one)
    assert [(move.kind, move.amount, move.other) for move in found] == [
        (MoveKind.DEPOSIT, 10**12, -1), (MoveKind.TRANSFER_OUT, 7, other), (MoveKind.WITHDRAWAL, 9, -1),
    ]  # fmt: skip
    assert [(move.kind, move.other) for move in world.host.history.moves(other)][-1] == (MoveKind.TRANSFER_IN, one)
    assert bob is not None


def test_lists_by_time_by_number_and_by_length() -> None:
    world = World()
    alice, bob, one, _ = two(world)
    for number in range(5):
        place(alice, "SELL", 60_000, 1 + number)
        place(bob, "BUY", 60_000, 1 + number)
        world.later(1)
    fills = world.host.history.fills
    assert [fill.lots for fill in fills(one)] == [1, 2, 3, 4, 5]
    assert [fill.lots for fill in fills(one, since=START + SECOND, until=START + 3 * SECOND)] == [2, 3, 4]
    assert [fill.lots for fill in fills(one, limit=2)] == [4, 5] and fills(one, limit=0) == []
    assert [fill.lots for fill in fills(one, after=fills(one)[2].seq)] == [4, 5]


# -- candles --


def test_candles_by_the_minute() -> None:
    world = World()
    alice, bob, _, _ = two(world)
    for price, lots in ((60_000, 1), (60_300, 2), (59_900, 3), (60_100, 4)):
        place(alice, "SELL", price, lots)
        place(bob, "BUY", price, lots)
        world.later(10)
    world.later(110)
    world.host.send([UpdateOracle(0, 0, 61_000)])
    first, second = world.host.history.candles(0, "1m")
    assert (first.open, first.high, first.low, first.close) == (60_000, 60_300, 59_900, 60_100)
    assert (first.lots, first.trades, first.begin, first.end) == (10, 4, START, START + MINUTE - 1)
    assert first.value == (60_000 + 2 * 60_300 + 3 * 59_900 + 4 * 60_100) * UNIT
    assert (second.open, second.close, second.trades, second.lots) == (60_100, 60_100, 0, 0), "nothing traded"
    assert second.begin == START + 2 * MINUTE and second.oracle == (61_000,) * 4
    assert first.oracle[0] == 60_000 and first.mark[0] == 60_000


def test_candles_of_longer_intervals_are_those_of_minutes_put_together() -> None:
    world = World()
    alice, bob, _, _ = two(world)
    prices = [60_000 + 7 * ((number * 37) % 29) for number in range(75)]
    for price in prices:
        place(alice, "SELL", price, 1)
        place(bob, "BUY", price, 1)
        world.later(60)
    minutes = world.host.history.candles(0, "1m")
    assert [one.close for one in minutes if one.trades] == prices
    for interval, width in (("3m", 3), ("15m", 15), ("1h", 60), ("4h", 240), ("1d", 1_440)):
        for one in world.host.history.candles(0, interval):
            inside = [candle for candle in minutes if one.begin <= candle.begin <= one.end]
            assert one.begin % (width * MINUTE) == 0 and one.end - one.begin == width * MINUTE - 1
            assert (one.open, one.close) == (inside[0].open, inside[-1].close)
            assert (one.high, one.low) == (max(candle.high for candle in inside), min(candle.low for candle in inside))
            assert (one.lots, one.trades) == (sum(candle.lots for candle in inside), sum(candle.trades for candle in inside))
    day = world.host.history.day(0)
    assert (day.lots, day.trades, day.high, day.low, day.previous) == (75, 75, max(prices), min(prices), prices[0])
    since = START + 10 * MINUTE + 5
    found = world.host.history.candles(0, "1m", since, since + 3 * MINUTE)
    assert [one.begin for one in found] == [START + number * MINUTE for number in (10, 11, 12, 13)]
    assert [one.begin for one in world.host.history.candles(0, "1m", limit=2)] == [one.begin for one in minutes[-2:]]


@pytest.mark.parametrize(
    ("interval", "begin", "end"),
    [  # of 15 January 2027, 08:00:00 UTC, a Friday
        ("1m", "2027-01-15T08:00", "2027-01-15T08:01"), ("12h", "2027-01-15T00:00", "2027-01-15T12:00"),
        ("1w", "2027-01-11T00:00", "2027-01-18T00:00"), ("1M", "2027-01-01T00:00", "2027-02-01T00:00"),
    ],
)  # fmt: skip
def test_where_intervals_begin(interval: str, begin: str, end: str) -> None:
    from datetime import UTC, datetime

    from perplab.exchange.server.history.candles import begin_of, end_of

    def ns(text: str) -> int:
        return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND

    assert begin_of(START, interval) == ns(begin) and end_of(begin_of(START, interval), interval) == ns(end)


# -- starts and rewinds --


def test_after_a_restart_the_past_is_there(tmp_path: Path) -> None:
    world, store = served(tmp_path / "j")
    world.host.send([UpdateOracle(0, 0, 60_000)])
    alice, bob, one, other = two(world)
    place(alice, "SELL", 60_000, 5)
    place(bob, "BUY", 60_000, 2)
    told = [world.host.history.fills(one), world.host.history.orders(other), world.host.history.candles(0, "1m")]
    store.close()
    again, store = served(tmp_path / "j")
    assert [again.host.history.fills(one), again.host.history.orders(other), again.host.history.candles(0, "1m")] == told
    store.close()


def test_after_a_rewind_it_begins_anew() -> None:
    world = World()
    alice, bob, one, other = two(world)
    place(alice, "SELL", 60_000, 5)
    place(bob, "BUY", 60_000, 2)
    assert alice.ask("snapshot", name="then")["ok"]
    place(bob, "BUY", 60_000, 3)
    assert alice.ask("rewind", name="then")["ok"]
    history = world.host.history
    assert not history.fills(one) and not history.candles(0, "1m") and history.began[0] == world.host.exchange.state.log.seq
    place(bob, "BUY", 60_000, 1)
    (sold,), (bought,) = history.fills(one), history.fills(other)
    assert (sold.start, bought.start) == (-2, 2), "of positions that are older"
    place(alice, "BUY", 60_400, 3)
    place(bob, "SELL", 60_400, 3)
    assert history.fills(other)[-1].closed_pnl == 3 * 400 * UNIT and history.fills(one)[-1].closed_pnl == -3 * 400 * UNIT


def with_all_kinds(world: World) -> tuple[Talker, int, list[int]]:
    """Who has an order that is filled in part, a trigger and a TWAP, all of some time ago; his account, and the numbers of these."""
    alice, bob, one, _ = two(world)
    limit = place(alice, "SELL", 60_000, 5)["order_id"]
    place(bob, "BUY", 60_000, 2)
    world.later(1)
    stop = {"side": "BUY", "size": 1, "trigger": "STOP", "source": "MARK", "trigger_price": 70_000}
    trigger = alice.ask("place_trigger", market=0, **stop)["order_id"]
    world.later(1)
    twap = alice.ask("place_twap", market=0, side="SELL", size=10, slices=10, interval=10**10)["order_id"]
    return alice, one, [limit, trigger, twap]


def test_what_is_open_at_a_rewind_keeps_what_is_known_of_it() -> None:
    """Also if it had ended meanwhile; behind a second rewind, too."""
    world = World()
    world.host.send([UpdateOracle(0, 0, 60_000)])
    alice, one, numbers = with_all_kinds(world)
    before = [structs.asdict(record) for number in numbers if (record := world.host.history.order(one, number)) is not None]
    assert len(before) == 3 and all(record["placed_ts"] for record in before)
    assert alice.ask("snapshot", name="then")["ok"]
    alice.ask("cancel_all")
    for _ in range(2):
        world.later(1)
        assert alice.ask("rewind", name="then")["ok"]
        assert [structs.asdict(world.host.history.order(one, number)) for number in numbers] == before  # type: ignore[arg-type]
        assert alice.ask("snapshot", name="then")["ok"]
    world.later(1)
    for number in numbers:
        assert alice.ask("cancel", order_id=number)["ok"]
    ended = {record.order_id: record for record in world.host.history.orders(one)}
    assert [ended[number].placed_ts for number in numbers] == [record["placed_ts"] for record in before]
    assert ended[numbers[0]].filled == 2 and ended[numbers[2]].slices == 10


def test_what_was_open_at_a_rewind_keeps_it_over_a_restart(tmp_path: Path) -> None:
    world, store = served(tmp_path / "j")
    world.host.send([UpdateOracle(0, 0, 60_000)])
    alice, one, numbers = with_all_kinds(world)
    assert alice.ask("snapshot", name="then")["ok"]
    alice.ask("cancel_all")
    assert alice.ask("rewind", name="then")["ok"]
    alice.ask("cancel_trigger", order_id=numbers[1])
    late = place(alice, "SELL", 60_500, 5)["order_id"]
    told = [world.host.history.order(one, number) for number in (*numbers, late)]
    assert all(record is not None and record.placed_ts for record in told)
    store.close()
    again, store = served(tmp_path / "j")
    assert [again.host.history.order(one, number) for number in (*numbers, late)] == told
    store.close()


def test_funding_of_a_market_and_of_an_account() -> None:
    """Two bids above the oracle are the premium; what each side is told to have paid is what the venue says that it owes."""
    world = World()
    alice, bob, one, other = two(world)
    place(alice, "SELL", 60_000, 1_000)
    place(bob, "BUY", 60_000, 1_000)
    place(bob, "BUY", 60_300, 20_000)
    for _ in range(725):
        world.host.send([UpdateOracle(0, 0, 60_000)])
        world.later(5)
    (charge,) = world.host.history.charges(0)
    assert charge.premium_ppt == 300 * 10**12 // 60_000 and charge.samples >= 700 and charge.oracle == 60_000
    assert (charge.ts, charge.rate_ppt > 0) == (START // (60 * MINUTE) * 60 * MINUTE + 60 * MINUTE, True)
    (paid,), (received,) = world.host.history.payments(other), world.host.history.payments(one)
    assert (paid.size, received.size, paid.seq, paid.ts) == (1_000, -1_000, charge.seq, charge.ts)
    worth = 1_000 * charge.price * UNIT * charge.rate_ppt // 10**12
    assert -paid.amount == pytest.approx(worth, abs=2) and received.amount == pytest.approx(worth, abs=2)
    assert world.host.exchange.position(other, 0).unsettled == -paid.amount
    assert world.host.exchange.position(one, 0).unsettled == -received.amount
