"""What the history keeps is bounded: by account, in all, by market; and the oldest goes first."""

from __future__ import annotations

from itertools import pairwise

from librt.vecs import vec
from mypy_extensions import i64
from wire import SECOND, World

from perplab.exchange.server.history import history as kept
from perplab.exchange.server.history.series import S_BEGIN, S_LOTS, S_OPEN, Series
from perplab.exchange.server.history.shelves import Shelf
from perplab.exchange.state.types import ROW

MINUTE = 60 * SECOND
HOUR = 60 * MINUTE


def add(shelf: Shelf, key: int, number: int) -> None:
    shelf.add(key, vec[i64]([number, *[0] * (int(ROW) - 1)]), 0)


def numbers(shelf: Shelf, key: int, done: int = 0) -> tuple[list[int], int]:
    rows, lost = shelf.rows_behind(key, done)
    return [row[0] for row in rows], lost


def test_a_log_keeps_about_as_many_rows_as_it_may() -> None:
    shelf = Shelf(1 << 20, 500)
    for number in range(5_000):
        add(shelf, 9, number)
        found, lost = numbers(shelf, 9)
        assert found == list(range(number + 1 - len(found), number + 1)) and lost == number + 1 - len(found)
        assert len(found) == number + 1 or 436 <= len(found) <= 564
    assert numbers(shelf, 9, 4_990) == ([*range(4_990, 5_000)], 0)
    assert numbers(shelf, 9, 5_000) == ([], 0) and numbers(shelf, 8) == ([], 0) == numbers(shelf, 99)


def test_all_logs_together_keep_no_more_than_they_may() -> None:
    """The oldest page goes, whose ever it is."""
    shelf = Shelf(256, 1_000)
    for number in range(8):
        add(shelf, 3, number)
    for number in range(5_000):
        add(shelf, 4 + number % 2, number)
        assert shelf.rows <= 256 and sum(page.size for page in shelf.pages.values()) == shelf.rows
    assert numbers(shelf, 3) == ([], 8), "forgotten, and known to be"
    found = numbers(shelf, 4)[0] + numbers(shelf, 5)[0]
    assert 128 <= len(found) <= 256 and max(found) == 4_999 and min(found) > 4_999 - 300
    add(shelf, 3, 77)
    assert numbers(shelf, 3) == ([77], 8) and numbers(shelf, 3, 8) == ([77], 0)


def test_a_series_keeps_its_last_intervals_and_hands_them_on() -> None:
    minutes = Series(MINUTE, 100, Series(HOUR, 100, None))
    assert minutes.wider is not None
    for number in range(1_000):
        minutes.trade(number * MINUTE, 1_000 + number % 50, 2, 7, 0)
        last = minutes.rows(0, 10_000)
        assert [row[S_BEGIN] for row in last] == list(range(max(0, number - 99), number + 1))
    hours = minutes.wider.rows(0, 100)
    assert [row[S_BEGIN] for row in hours] == list(range(17)), "sixteen hours and the beginning of the seventeenth"
    assert [row[S_LOTS] for row in hours] == [120] * 16 + [2 * (999 - 960)], "the last minute is not over"
    assert hours[0][S_OPEN : S_OPEN + 4] == [1_000, 1_049, 1_000, 1_009]
    assert minutes.last_trade_before(500) == 0, "it is not kept any more"
    assert minutes.last_trade_before(950) == 1_049 and minutes.first_trade_from(950) == 1_000


def test_an_account_whose_rows_are_gone_is_read_anew() -> None:
    """It was asked about, and then so much happened that some of it was lost: positions are right all the same."""
    world = World()
    alice, bob = world.talker("alice"), world.talker("bob")
    one = alice.ask("accounts")["accounts"][0]
    history = world.host.history
    history.recorder.accounts.most = 64

    def trade(lots: int) -> None:
        assert alice.ask("place", market=0, side="SELL", price=60_000, size=lots)["ok"]
        assert bob.ask("place", market=0, side="BUY", price=60_000, size=lots)["ok"]

    trade(5)
    assert [fill.lots for fill in history.fills(one)] == [5]
    for number in range(100):
        trade(1 + number % 3)
    fills = history.fills(one)
    assert 20 <= len(fills) <= 128 and fills[0].start < 0 and fills[-1].start - fills[-1].lots == world.host.exchange.position(one, 0).size
    for before, after in pairwise(fills):
        assert after.start == before.start - before.lots
    trade(3)
    assert history.fills(one)[-1].lots == 3
    assert history.order(one, fills[-1].order_id) is not None


def test_records_of_many_accounts_are_made_when_they_are_asked_for() -> None:
    world = World()
    alice = world.talker("alice")
    for account in range(8, 8 + kept.READ_ACCOUNTS + 50):
        world.host.history.fills(account)
    assert len(world.host.history._accounts) == kept.READ_ACCOUNTS
    assert alice.ask("place", market=0, side="BUY", price=60_000, size=1)["ok"]
    assert world.host.history.order(8, 1) is not None
