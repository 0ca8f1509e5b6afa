"""The neutral flows of the benchmarks: the same on every machine, of the mix that they promise, filled alike by venue and plain book."""

from __future__ import annotations

import sys
from collections import deque
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import plain_book
from flow_venue import CLIENT_IDS, ORDER_IDS, Disagreement, agreed, run_plain
from neutral_flows import ACCOUNT, ACCOUNTS, ADD, CANCEL, KIND, LOTS, MID, NUMBER, PRICE, RESTING, SIDE, TAKE, Flow, Table, flow_of
from plain_book import PlainBook

SEED = 5
COUNT = 5_000
DIGESTS = {"maker": "80582d1da456cb6e", "match": "3a640eb2f0c95da1", "deep": "a659cd0e22e45d46"}


def short(name: str) -> Flow:
    """With a tenth of the deep book's orders, which takes the interpreted core seconds instead of a minute."""
    return flow_of(name, COUNT, SEED, 20_000 if name == "deep" else None)


def shares(messages: Table) -> list[float]:
    return list(np.bincount(messages[:, KIND], minlength=3) / len(messages))


def fed(flow: Flow) -> PlainBook:
    book = PlainBook()
    for table in (flow.resting, flow.messages):
        run_plain(book, table.tolist())
    return book


@pytest.mark.parametrize("name", RESTING)
def test_a_seed_gives_the_same_messages_on_every_machine(name: str) -> None:
    flow = short(name)
    told = sha256(np.concatenate((flow.resting, flow.messages)).astype("<i8").tobytes()).hexdigest()[:16]
    assert told == DIGESTS[name]
    assert not np.array_equal(flow.messages, flow_of(name, COUNT, SEED + 1, len(flow.resting)).messages)


@pytest.mark.parametrize("name", RESTING)
def test_orders_are_numbered_as_they_come_and_cancelled_by_their_owner_while_they_rest(name: str) -> None:
    flow = short(name)
    messages = np.concatenate((flow.resting, flow.messages))
    placed = messages[messages[:, KIND] != CANCEL]
    assert len(flow.messages) == COUNT and (flow.resting[:, KIND] == ADD).all()
    assert placed[:, NUMBER].tolist() == list(range(1, len(placed) + 1))
    assert set(placed[:, SIDE]) == {0, 1} and placed[:, LOTS].min() == 1 and placed[:, PRICE].min() > 0
    assert {0, ACCOUNTS - 1} <= set(messages[:, ACCOUNT]) <= set(range(ACCOUNTS))
    owners = placed[:, ACCOUNT]
    book = PlainBook()
    for message in messages.tolist():
        if message[KIND] == CANCEL:
            assert message[NUMBER] in book.orders and owners[message[NUMBER] - 1] == message[ACCOUNT]
        run_plain(book, [message])


def test_maker_is_mostly_adds_and_cancels_around_a_mid_that_returns() -> None:
    flow = flow_of("maker", 20_000, SEED)
    assert shares(flow.messages) == pytest.approx([0.60, 0.35, 0.05], abs=0.01)
    adds = flow.messages[flow.messages[:, KIND] == ADD]
    assert abs(adds[:, PRICE] - MID).max() < 100 and abs(adds[:, PRICE].mean() - MID) < 5
    assert len(fed(flow).orders) == pytest.approx(1_000, rel=0.15)


def test_match_fills_every_taker_whole_from_a_handful_of_levels() -> None:
    flow = short("match")
    assert shares(flow.messages) == [0.5, 0, 0.5]
    assert len(set(flow.messages[:, PRICE])) == 10
    book = fed(flow)
    assert sum(lots for _, lots, _, _ in book.fills) == flow.messages[flow.messages[:, KIND] == TAKE][:, LOTS].sum()
    assert len(book.orders) == pytest.approx(200, rel=0.2)


def test_deep_keeps_a_large_book_on_thousands_of_levels() -> None:
    flow = short("deep")
    assert RESTING["deep"] == 200_000 and len(set(flow.resting[:, PRICE])) == pytest.approx(5_000, rel=0.03)
    assert shares(flow.messages) == pytest.approx([0.51, 0.40, 0.09], abs=0.015)
    book = fed(flow)
    assert len(book.orders) == pytest.approx(20_000, rel=0.02)
    assert sum(taker in set(flow.messages[flow.messages[:, KIND] == ADD][:, NUMBER]) for _, _, _, taker in book.fills) > 50


@pytest.mark.parametrize("name", RESTING)
@pytest.mark.parametrize("by", [ORDER_IDS, CLIENT_IDS])
@pytest.mark.parametrize("typed", [False, True], ids=["apply_rows", "apply"])
def test_venue_and_plain_book_make_the_same_fills(name: str, by: str, typed: bool) -> None:
    tally = agreed(short(name), by, typed)
    assert tally.trades > 300 and tally.volume > tally.trades and tally.notional // tally.volume == pytest.approx(MID, rel=0.001)


def test_a_book_without_time_priority_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    class Newest(deque[int]):
        """A queue in which the newest order comes first."""

        append = deque.appendleft

    monkeypatch.setattr(plain_book, "deque", Newest)
    with pytest.raises(Disagreement, match=r"fill \d+ \(price, lots, maker, taker\) is \(.*\) on the venue and \(.*\) in the plain book"):
        agreed(short("match"), ORDER_IDS, False)


def test_a_refused_message_is_found_out() -> None:
    flow = short("match")
    flow.messages[np.flatnonzero(flow.messages[:, SIDE] == 0)[7], PRICE] = 2 * MID  # a buy beyond the price band
    with pytest.raises(Disagreement, match="the venue refused 1 messages"):
        agreed(flow, ORDER_IDS, False)
