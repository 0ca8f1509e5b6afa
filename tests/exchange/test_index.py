"""Ids and price levels: the packed tables against dicts and sorted lists."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

import pytest
from choices import Drawn, Seeded, Source, examples
from hypothesis import given
from hypothesis import strategies as st

from perplab.exchange.state.ids import FILLED_MASK, MARKET_SHIFT, ORDER_ID, OUTCOME, ClientIds, OrderIds
from perplab.exchange.state.ladder import WINDOW, Ladder, highest_bit, lowest_bit
from perplab.exchange.state.tables import O_CLIENT_HI, O_CLIENT_LO, Orders
from perplab.exchange.state.types import CLOSED_IDS, MAX_PRICE, NIL

I64 = 2**63


@pytest.mark.parametrize("word", [*(1 << n for n in range(32)), 0xFFFF_FFFF, 0x8000_0001, 0x0001_8000, 0x00F0_0F00])
def test_lowest_and_highest_bit(word: int) -> None:
    assert lowest_bit(word) == (word & -word).bit_length() - 1
    assert highest_bit(word) == word.bit_length() - 1


# -- order ids --


def index_stream(source: Source, commands: int, gap: int) -> None:
    """Ids rise by up to `gap`; slots are put and removed; the table grows from 8 entries on."""
    index = OrderIds(8)
    known: dict[int, int] = {}
    last = 0
    for _ in range(commands):
        if index.room() == 0:
            index.grow()
        if known and source.chance(40):
            gone = source.pick(sorted(known)[:20] + sorted(known)[-20:])
            index.remove(gone)
            del known[gone]
            assert index.find(gone) == NIL
        else:
            last += source.integer(1, gap)
            known[last] = source.integer(0, 2**40)
            index.put(last, known[last])
        assert index.count == len(known)
    for order_id in range(max(1, last - 5_000), last + 20):
        assert index.find(order_id) == known.get(order_id, NIL)
    for order_id, slot in known.items():
        assert index.find(order_id) == slot


@examples(100)
@given(st.data(), st.sampled_from([1, 4, 8, 1_000_000]))
def test_order_ids_are_a_dict(data: st.DataObject, gap: int) -> None:
    index_stream(Drawn(data), 20, gap)


@pytest.mark.parametrize("gap", [1, 3, 16, 4_096])
def test_order_ids_grow(gap: int) -> None:
    """Ids that are multiples of the table's size collide as badly as ids can."""
    index_stream(Seeded(gap), 3_000, gap)


# -- client ids --


class ClientModel:
    """What the docstring of Place promises, with a dict and a list."""

    def __init__(self) -> None:
        self.open: dict[tuple[int, int], int] = {}  # slot
        self.told: dict[tuple[int, int], tuple[int, ...]] = {}  # (order id, market, state, filled)
        self.queue: list[tuple[int, int]] = []

    def close(self, key: tuple[int, int], told: tuple[int, ...]) -> None:
        self.told[key] = told
        self.queue.append(key)
        if len(self.queue) > CLOSED_IDS:
            del self.told[self.queue.pop(0)]


def client_stream(source: Source, commands: int, ids: int) -> ClientModel:
    """Ids of both halves, extreme ones too, are taken, moved to other slots and closed at random; closed ones go oldest first."""
    table = ClientIds()
    orders = Orders(2)
    model = ClientModel()
    halves = [0, 1, -1, I64 - 1, -I64, 1 << 62, (1 << 62) + 1]

    def rest(key: tuple[int, int]) -> None:
        if orders.free == NIL:
            orders.grow()
        slot = orders.new_row()
        orders.cells[slot + O_CLIENT_HI], orders.cells[slot + O_CLIENT_LO] = key
        table.add_open(*key, slot)
        model.open[key] = slot

    for order_id in range(1, commands + 1):
        key = (source.pick(halves), source.integer(0, ids))
        slot = table.find_open(orders.cells, *key)
        position = table.find_closed(*key)
        told = (order_id, source.integer(0, 63), source.integer(1, 2), source.integer(0, 2**54 - 1))
        assert slot == model.open.get(key, NIL)
        assert (position != NIL) == (key in model.told)
        if slot != NIL:
            del model.open[key]
            table.remove_open(*key, slot)
            if source.chance(20):
                rest(key)  # moved
            else:
                table.close(*key, *told)
                model.close(key, told)
            orders.free_row(slot)
        elif position != NIL:
            outcome = table.read(position, OUTCOME)
            read = (table.read(position, ORDER_ID), outcome >> MARKET_SHIFT, outcome & 3, outcome >> 2 & FILLED_MASK)
            assert read == model.told[key]
        elif source.chance(20):  # filled at once: never open
            table.close(*key, *told)
            model.close(key, told)
        else:
            rest(key)
    assert table.count == len(model.open)
    for hi, lo in model.told:
        assert table.find_closed(hi, lo) != NIL
        assert table.find_closed(hi, lo + ids + 1) == NIL
    return model


@examples(60)
@given(st.data(), st.integers(0, 3))
def test_client_ids_are_a_dict(data: st.DataObject, ids: int) -> None:
    client_stream(Drawn(data), 25, ids)


@pytest.mark.parametrize("ids", [200, 2_000])
def test_client_ids_are_forgotten_after_1024(ids: int) -> None:
    """Long enough for thousands of ids to be forgotten, and for the index to be rebuilt many times at its full size."""
    model = client_stream(Seeded(3), 40_000, ids)
    assert len(model.queue) == CLOSED_IDS
    assert len(model.open) > 50


# -- the price ladder --


def ladder_stream(source: Source, commands: int, top: int) -> int:
    """Levels come and go anywhere while the window moves; returns how often it moved."""
    ladder = Ladder()
    prices: list[int] = []
    levels: dict[int, int] = {}
    moves = 0
    center = source.integer(1, top)
    for _ in range(commands):
        reach = source.pick([5, 40, 1_100, int(WINDOW), top])
        price = max(1, min(top, center + source.integer(-reach, reach)))
        if prices and source.chance(30):
            price = source.pick(prices)
        kind = source.integer(0, 9)
        if kind == 0:
            center = price
            ladder.move(price)
            moves += 1
        elif price in levels:
            ladder.remove(price)
            prices.remove(price)
            del levels[price]
        else:
            levels[price] = source.integer(0, 2**30)
            ladder.put(price, levels[price])
            prices.insert(bisect_left(prices, price), price)
        for probe in (price, price - 1, price + 1, 0, top + 1, source.integer(0, top)):
            above, below = bisect_right(prices, probe), bisect_left(prices, probe)
            assert ladder.find(probe) == levels.get(probe, NIL)
            assert ladder.above(probe) == (prices[above] if above < len(prices) else 0)
            assert ladder.below(probe) == (prices[below - 1] if below else 0)
    assert len(ladder.near_levels()) + len(ladder.far) == len(prices)
    assert sorted([*ladder.near_levels(), *ladder.far.items()]) == sorted(levels.items())
    return moves


@examples(60)
@given(st.data(), st.sampled_from([40, 2_000, int(WINDOW) + 3, int(MAX_PRICE)]))
def test_ladder_is_a_sorted_list(data: st.DataObject, top: int) -> None:
    ladder_stream(Drawn(data), 12, top)


@pytest.mark.parametrize("top", [100, 3_000, int(WINDOW), 3 * int(WINDOW), int(MAX_PRICE)])
def test_long_ladders(top: int) -> None:
    assert ladder_stream(Seeded(top), 600, top) > 30
