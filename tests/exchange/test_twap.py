"""TWAPs as a whole: what they trade adds up, whatever happens to them, and they end when they were to."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from kit import BTC, SECOND, START, Bench, plain_venue

from perplab.exchange import Exchange, restore
from perplab.exchange.algos.twap_desk import slice_lots
from perplab.exchange.codes import CancelReason, MarketStatus, Side, TimeInForce
from perplab.exchange.messages import (
    CurveTraded,
    Event,
    Place,
    PlaceTwap,
    SetMarketStatus,
    Tick,
    Traded,
    TwapEnded,
    TwapPlaced,
    TwapSliced,
)

SIZES = st.integers(2, 2**40 - 1)
NOT_ACTIVE = (MarketStatus.POST_ONLY, MarketStatus.REDUCE_ONLY, MarketStatus.CANCEL_ONLY, MarketStatus.HALTED)


@given(size=SIZES, slices=st.integers(2, 10_000), catch_up=st.integers(10**6, 10**7), minimum=st.integers(0, 2**40 - 1), data=st.data())
def test_a_slice_is_for_what_is_missing_within_its_bounds(size: int, slices: int, catch_up: int, minimum: int, data: st.DataObject) -> None:
    slices = min(slices, size)
    number = data.draw(st.integers(1, slices))
    filled = data.draw(st.integers(0, size * (number - 1) // slices))
    lots = slice_lots(size, slices, number, filled, catch_up, minimum)
    even = -(-size // slices)
    missing = size * number // slices - filled
    assert 0 <= lots <= missing and filled + lots <= size
    assert lots <= max(even * catch_up // 10**6, minimum)
    assert lots == 0 or lots >= minimum or number == slices
    if catch_up == 10**7 and not minimum and missing <= 10 * even:
        assert lots == missing


@given(size=st.integers(2, 60), slices=st.integers(2, 12), catch_up=st.sampled_from([10**6, 2 * 10**6, 10**7]))
def test_with_a_deep_book_every_slice_is_even_to_within_a_lot(size: int, slices: int, catch_up: int) -> None:
    slices = min(size, slices)
    filled, lots = 0, []
    for number in range(1, slices + 1):
        lots.append(slice_lots(size, slices, number, filled, catch_up, 0))
        filled += lots[-1]
    assert filled == size and max(lots) - min(lots) <= 1


class Drawn:
    """A TWAP of one account, and what a second one and the operator do meanwhile."""

    def __init__(self, sequencing: dict[str, object]) -> None:
        self.bench = Bench(plain_venue({"sequencing": sequencing}))
        self.account, self.maker = self.bench.open("1000000"), self.bench.open("1000000")
        self.bench.oracle(1_000)
        self.events: list[Event] = []

    @property
    def exchange(self) -> Exchange:
        return self.bench.exchange

    def send(self, *commands: Place | PlaceTwap | SetMarketStatus | Tick) -> None:
        for command in commands:
            self.events += self.exchange.apply(command)
            self.exchange.check()


@settings(max_examples=60)
@given(
    size=st.integers(2, 40), slices=st.integers(2, 6), catch_up=st.sampled_from([10**6, 3 * 10**6]), minimum=st.integers(0, 5),
    stop=st.sampled_from([0, 500]),
    offers=st.lists(st.integers(0, 15), min_size=6, max_size=6),
    statuses=st.lists(st.sampled_from([*NOT_ACTIVE, 0, 0, 0]), min_size=6, max_size=6),
    sequencing=st.sampled_from([
        {}, {"rule": "blocks", "interval_ms": 3_000}, {"rule": "continuous", "taker_latency_ms": 14_000},
        {"rule": "dutch_auction", "duration_ms": 4_000, "step_ms": 2_000, "fraction": 100}, {"rule": "batch_auction", "interval_ms": 1_000},
    ]),
)  # fmt: skip
def test_what_it_tells_is_what_has_traded(
    size: int, slices: int, catch_up: int, minimum: int, stop: int, offers: list[int], statuses: list[int],
    sequencing: dict[str, object],
) -> None:  # fmt: skip
    """In whatever order offers, halts and slices come, and with a copy from a snapshot in the midst of it."""
    scene = Drawn(sequencing)
    slices = min(slices, size)
    now = START + SECOND
    order = PlaceTwap(now, scene.account, BTC, Side.BUY, size, slices, 10 * SECOND, 0, catch_up, min(minimum, size), 0, 3 * stop, stop)
    scene.send(order)
    for number, (lots, status) in enumerate(zip(offers, statuses, strict=True)):
        now += 10 * SECOND
        scene.send(SetMarketStatus(now - 2, BTC, status))
        if lots:
            scene.send(Place(now - 1, scene.maker, BTC, Side.SELL, 1_000, lots, tif=TimeInForce.POST_ONLY))
        copy = restore(scene.exchange.snapshot())
        copy.check()
        scene.send(Tick(now))
        copy.apply(Tick(now))
        assert copy.state_hash() == scene.exchange.state_hash(), number
    scene.send(SetMarketStatus(now + SECOND, BTC, MarketStatus.ACTIVE), Tick(now + 60 * SECOND))
    (placed,) = (event for event in scene.events if isinstance(event, TwapPlaced))
    (ended,) = (event for event in scene.events if isinstance(event, TwapEnded))
    told = [event for event in scene.events if isinstance(event, TwapSliced)]
    traded = sum(event.size for event in scene.events if isinstance(event, Traded | CurveTraded) and event.taker == scene.account)
    assert placed.ends == START + SECOND + (slices - 1) * 10 * SECOND <= ended.ts <= placed.ends + 60 * SECOND or ended.left == 0
    assert traded == ended.filled == told[-1].filled == scene.exchange.position(scene.account, BTC).size <= size
    assert ended.left == size - ended.filled and (ended.reason == CancelReason.FILLED) == (ended.left == 0)
    assert all(event.filled + event.left == size for event in told) and len(told) <= slices
    assert scene.exchange.twaps(scene.account) == []
    assert [trigger.size for trigger in scene.exchange.triggers(scene.account)] == ([ended.filled] * 2 if stop and ended.filled else [])


def test_a_query_tells_what_stands() -> None:
    scene = Drawn({})
    scene.send(PlaceTwap(START + SECOND, scene.account, BTC, Side.SELL, 10, 4, 5 * SECOND, client_lo=9))
    (told,) = scene.exchange.twaps(scene.account)
    assert (told.order_id, told.side, told.size, told.filled, told.slices, told.done, told.client_lo) == (1, Side.SELL, 10, 0, 4, 1, 9)
    assert (told.due, told.sent) == (START + 6 * SECOND, 0) and scene.exchange.twaps(scene.maker) == []
