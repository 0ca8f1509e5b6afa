"""How much work a command is, counted in lines of the core that it runs, never in time: what an attacker would use as a lever is bounded.

Each case runs at a size and at twice that size; the compiled core cannot be counted, and does the same steps.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
from kit import SECOND, START, USD, markets_of, packed, plain_venue, tier

from perplab.exchange import BUILD, Exchange, VenueDesign
from perplab.exchange.messages import (
    BlockTrade,
    CancelAll,
    Command,
    Deposit,
    OpenAccount,
    Place,
    SetLeverage,
    TakeAuction,
    Tick,
    UpdateOracle,
)

pytestmark = pytest.mark.skipif(BUILD != "interpreted", reason="only the interpreted core can be counted")
RICH = 10**9


def lines(work: Callable[[], object]) -> int:
    """Lines of perplab.exchange that `work` runs."""
    count = 0

    def trace(frame: FrameType, event: str, _argument: Any) -> Any:
        if event == "call" and "exchange" not in frame.f_code.co_filename:
            return None
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


class Rig:
    """A venue to be measured."""

    def __init__(self, venue: VenueDesign | None = None, price: int = 1000) -> None:
        self.exchange = Exchange(venue or plain_venue({"max_open_orders": 10_000}), None, 1 << 12, 1 << 11)
        self.now = START
        self.send(UpdateOracle(self.now, 0, price))

    def send(self, *commands: Command) -> None:
        self.exchange.apply_rows(packed(commands))

    def open(self, count: int, amount: int) -> int:
        """The first of `count` new accounts."""
        first = int(self.exchange.state.accounts.count)
        for account in range(first, first + count):
            self.send(OpenAccount(self.now, 1, 0), Deposit(self.now, account, 0, amount * USD))
        return first

    def lines(self, *commands: Command) -> int:
        rows = packed(commands)
        return lines(lambda: self.exchange.apply_rows(rows))


def refused_fill_or_kill(makers: int) -> int:
    rig = Rig()
    first, taker = rig.open(makers, 10_000), rig.open(1, RICH)
    rig.send(*(Place(rig.now, first + number, 0, 1, 1000, 1) for number in range(makers)))
    return rig.lines(Place(rig.now, taker, 0, 0, 1000, makers + 1, 0, 2))


def through_one_makers_orders(orders: int) -> int:
    """A reduce-only order of the maker's must not make each fill look at all of them."""
    rig = Rig()
    maker = rig.open(3, RICH)
    rig.send(BlockTrade(rig.now, maker + 1, maker, 0, 1, 1000), Place(rig.now, maker, 0, 0, 500, 1, 0, 0, 1))
    rig.send(*(Place(rig.now, maker, 0, 1, 1000, 1) for _ in range(orders)))
    return rig.lines(Place(rig.now, maker + 2, 0, 0, 1000, orders, 0, 1))


def through_a_maker_with_many_reducers(orders: int) -> int:
    """As many reduce-only orders as may rest, each of the whole position, which shrinks by a lot with every fill."""
    rig = Rig()
    maker = rig.open(3, RICH)
    rig.send(BlockTrade(rig.now, maker, maker + 1, 0, orders, 1000))
    rig.send(*(Place(rig.now, maker, 0, 1, 2000, orders, 0, 0, 1) for _ in range(200)))
    rig.send(*(Place(rig.now, maker, 0, 1, 1000, 1) for _ in range(orders)))
    return rig.lines(Place(rig.now, maker + 2, 0, 0, 1000, orders, 0, 1))


def falling_accounts(accounts: int) -> Rig:
    rig = Rig()
    first, other = rig.open(accounts, 101), rig.open(1, RICH)
    rig.send(*(BlockTrade(rig.now, first + number, other, 0, 1, 1000) for number in range(accounts)))
    return rig


def mass_liquidation(accounts: int) -> int:
    rig = falling_accounts(accounts)
    return rig.lines(UpdateOracle(rig.now, 0, 940))


def mass_recovery(accounts: int) -> int:
    rig = falling_accounts(accounts)
    rig.send(UpdateOracle(rig.now, 0, 940))
    return rig.lines(UpdateOracle(rig.now, 0, 1000))


@pytest.mark.parametrize(
    "work", [refused_fill_or_kill, through_one_makers_orders, through_a_maker_with_many_reducers, mass_liquidation, mass_recovery]
)
def test_twice_the_size_is_no_more_than_twice_the_work(work: Callable[[int], int]) -> None:
    assert work(200) < 2.2 * work(100)


def window_bounce(levels: int) -> int:
    """A far ask into an empty side and a bid, again and again: the window does not follow each of them."""
    rig = Rig(markets_of({"max_price": "1000000", "lot": "0.001", "max_leverage": 100, "tiers": [tier(10_000, 5_000)]}), 100_000)
    maker = rig.open(2, RICH)
    rig.send(*(Place(rig.now, maker, 0, 0, 99_000 - number, 1) for number in range(levels)))
    far = Place(rig.now, maker + 1, 0, 1, 500_000, 1)
    bounce = (far, Place(rig.now, maker + 1, 0, 0, 99_500, 1), CancelAll(rig.now, maker + 1, 0))
    rig.send(*bounce)
    return rig.lines(*bounce * 5)


def mark_move(settings: int) -> int:
    """Accounts that hold nothing but have settings in many markets."""
    rig = Rig(markets_of(*[{}] * 64))
    first = rig.open(20, 100)
    rig.send(*(SetLeverage(rig.now, first + number, market, 5) for number in range(20) for market in range(settings)))
    return rig.lines(UpdateOracle(rig.now, 0, 1001))


def stuck_liquidation(accounts: int) -> int:
    """One liquidation that finds no bid, retried a hundred times, among others who are well."""
    rig = Rig(plain_venue({"liquidation": {"retry_ms": 100}}))
    first, other = rig.open(accounts, 10_000), rig.open(1, RICH)
    rig.send(*(BlockTrade(rig.now, first + number, other, 0, 1, 1000) for number in range(accounts)))
    poor = rig.open(1, 101)
    rig.send(BlockTrade(rig.now, poor, other, 0, 1, 1000), UpdateOracle(rig.now, 0, 940))
    rig.now += 10 * SECOND
    return rig.lines(Tick(rig.now))


def bid_for_no_auction(accounts: int) -> int:
    rig = falling_accounts(accounts)
    rig.send(UpdateOracle(rig.now, 0, 940))
    return rig.lines(TakeAuction(rig.now, rig.open(1, RICH), 12_345, 1_000_000))


@pytest.mark.parametrize(
    ("work", "few", "many"),
    [(window_bounce, 50, 400), (mark_move, 1, 64), (stuck_liquidation, 20, 200), (bid_for_no_auction, 20, 200)],
)
def test_what_is_not_concerned_adds_nothing(work: Callable[[int], int], few: int, many: int) -> None:
    assert work(many) <= work(few) * 1.05 + 20
