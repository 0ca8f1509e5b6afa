"""Lists that do not fit a message come in full, also while they change."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from msgspec.structs import replace
from venues import BLOCKS, venue

from perplab.clients import LocalClient, TimedOut, types
from perplab.clients.bots.base import NOTHING, Action, Bot, Seat, View
from perplab.clients.calls_base import Call
from perplab.clients.carrying import run
from perplab.clients.paging import Part, pages
from perplab.clients.runner import Runner, seat
from perplab.exchange.codes import MarketStatus, Side

S = 1_000_000_000


def told_in_parts(client: LocalClient, items: int) -> LocalClient:
    client.host.limits = replace(client.host.limits, items=items)
    return client


@pytest.mark.parametrize("items", [2, 3, 7, 100])
def test_triggers_and_twaps_come_in_full(items: int) -> None:
    client = told_in_parts(LocalClient(), items)
    client.faucet("1000000")
    stops = [client.stop_market("BTC", Side.BUY, 61_000 + one, "0.01", reduce_only=False).order_id for one in range(7)]
    assert [one.order_id for one in client.triggers()] == stops
    twaps = [client.place_twap(types.NewTwap(market="BTC", side=Side.BUY, size="1", slices=9, every_s=60)).order_id for _ in range(5)]
    assert [one.order_id for one in client.twaps()] == twaps


@pytest.mark.parametrize("items", [2, 5])
def test_what_waits_comes_in_full(items: int) -> None:
    client = told_in_parts(LocalClient(venue=venue(sequencing=BLOCKS), prices={"BTC-PERP": 60_000}), items)
    client.faucet("1000000")
    sent = [client.buy("BTC-PERP", "0.01", 59_000 + one).ticket for one in range(5)]
    assert [one.ticket for one in client.pending()] == sent


@pytest.mark.parametrize("items", [2, 100])
def test_maintenance_windows_are_made_listed_and_taken_back(items: int) -> None:
    client = told_in_parts(LocalClient(), items)
    now = client.ping()
    numbers = [
        client.schedule_maintenance(now + 30 * S, now + 40 * S, MarketStatus.HALTED),
        client.schedule_maintenance(now + 10 * S, now + 29 * S, MarketStatus.CANCEL_ONLY, afterwards=MarketStatus.POST_ONLY, market="ETH"),
        client.schedule_maintenance(now + 20 * S, now + 25 * S, MarketStatus.HALTED, market="BTC"),
    ]
    assert numbers == [1, 2, 3] and [one.number for one in client.maintenance()] == [2, 3, 1], "by what turns next"
    first = client.maintenance()[0]
    assert (first.market, first.start, first.end) == ("ETH", now + 10 * S, now + 29 * S) and client.maintenance()[2].market == ""
    assert (first.during, first.afterwards) == (MarketStatus.CANCEL_ONLY, MarketStatus.POST_ONLY)
    assert client.ticker("BTC").maintenance == client.maintenance()[1]
    client.step(15)
    assert [one.number for one in client.maintenance()] == [3, 2, 1], "one that has begun is there until it ends"
    client.cancel_maintenance(3)
    assert [one.number for one in client.maintenance()] == [2, 1]


def liquidated(items: int) -> LocalClient:
    """Somebody at a venue at which five accounts, numbered one after the other behind his, are on offer."""
    carol = told_in_parts(LocalClient("carol", venue="auction_fund_adl", prices={"BTC-PERP": 60_000}), items)
    carol.faucet("100000000")
    longs = [carol.join(f"long{number}") for number in range(5)]
    for long in longs:
        long.faucet("6300")
        carol.sell("BTC-PERP", "4", "60000")
        long.market_buy("BTC-PERP", "4")
    carol.set_price("BTC-PERP", "59100")
    carol.step(5)
    return carol


@pytest.mark.parametrize("items", [2, 3, 100])
def test_open_auctions_come_in_full(items: int) -> None:
    carol = liquidated(items)
    found = carol.auctions()
    assert carol.account_number is not None
    assert [one.account for one in found] == [carol.account_number + 1 + number for number in range(5)]
    assert [one.auction for one in found] == sorted(one.auction for one in found) and all(one.size == 4 for one in found)


class Looks(Bot):
    """Looks at open auctions once a second."""

    sees_offers = True

    def __init__(self, place: Seat) -> None:
        super().__init__(place)
        self.seen: list[list[int]] = []

    def on_start(self, ts: int, view: View) -> Action:
        self.seen.append([one.auction for one in view.offers])
        return NOTHING, ts + S

    on_wake = on_start


@pytest.mark.parametrize("items", [2, 3, 100])
def test_a_bot_is_shown_all_open_auctions(items: int) -> None:
    carol = liquidated(items)
    bot = Looks(seat(carol, "BTC-PERP"))
    run(carol, Runner(bot, for_s=2))
    assert bot.seen[0] == [1, 2, 3, 4, 5] == [one.auction for one in carol.auctions()]


class Shelf:
    """A list that is told three at a time; `before` happens ahead of each answer."""

    def __init__(self, length: int, before: Callable[[list[int]], None]) -> None:
        self.held = list(range(1, length + 1))
        self.before = before

    def listed(self) -> tuple[int, ...]:
        asking = pages(lambda skip: Call("list", {"skip": skip}, lambda reply: Part({}, 0)))
        call: Call[Part[int]] = next(asking)  # type: ignore[arg-type]
        while True:
            self.before(self.held)
            skip = call.fields["skip"]
            assert isinstance(skip, int)
            part = Part({one: one for one in self.held[skip : skip + 3]}, max(0, len(self.held) - skip - 3))
            try:
                call = asking.send(part)  # type: ignore[arg-type, assignment]
            except StopIteration as end:
                found: tuple[int, ...] = end.value
                return found


def test_a_list_of_which_something_goes_meanwhile_is_begun_anew() -> None:
    turns = iter([False, False, True, *[False] * 20])
    shelf = Shelf(10, lambda held: held.remove(2) if next(turns) else None)
    assert shelf.listed() == (1, *range(3, 11)), "none is missed, and none is there twice"


def test_what_comes_in_behind_is_told_as_well() -> None:
    shelf = Shelf(5, lambda held: held.append(len(held) + 1) if len(held) < 9 else None)
    assert shelf.listed() == tuple(range(1, 10))


def test_a_list_that_changes_all_the_time_is_given_up() -> None:
    shelf = Shelf(100, lambda held: held.pop(0) and None)  # type: ignore[func-returns-value]
    with pytest.raises(TimedOut, match="has changed each of the 5 times"):
        shelf.listed()


def test_a_server_that_says_more_and_has_none_is_given_up() -> None:
    asking = pages(lambda skip: Call("list", {}, lambda reply: Part({}, 0)))
    next(asking)
    with pytest.raises(TimedOut):
        for _ in range(20):
            asking.send(Part({1: Decimal(1)}, 5))
