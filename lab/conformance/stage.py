"""A small venue for topics that are a course of events and no single formula: commands in, events out, proved sound after each.

Rules of the file: amounts are plain numbers; a price that is no tick, or a size that is no lot, is an ExampleError.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeVar

from perplab.exchange import Exchange, load_venue
from perplab.exchange.codes import MarketStatus, Side
from perplab.exchange.events import Event
from perplab.exchange.messages import BlockTrade, Command, Deposit, OpenAccount, Place, SetMarketStatus, Tick, UpdateOracle

from .examples import ExampleError, Number

PLAIN: Final = Path(__file__).with_name("plain.toml")
START: Final = 20_000 * 86_400 * 10**9  # [ns] a midnight
USD: Final = 10**6
TRADER: Final = 1

E = TypeVar("E", bound=Event)


class Stage:
    """A venue of the plain design, with what is said of its market and of the rest laid over it."""

    def __init__(self, market: Mapping[str, object] = MappingProxyType({}), design: Mapping[str, object] = MappingProxyType({})) -> None:
        overrides: dict[str, object] = {**design, "markets": dict(market)}
        self.exchange = Exchange(load_venue(str(PLAIN), overrides), None, 16, 16)
        terms = self.exchange.design.markets[0]
        self.tick, self.lot = Fraction(terms.tick), Fraction(terms.lot)
        self.now = START

    def send(self, kind: type[Command], *values: int, **named: int) -> list[Event]:
        events = self.exchange.apply(kind(self.now, *values, **named))
        self.exchange.check()
        return events

    def open(self, money: Number) -> int:
        """A new account with this much."""
        account = int(self.exchange.state.accounts.count)
        self.send(OpenAccount, TRADER, 0)
        if money:
            self.send(Deposit, account, 0, whole(money * USD, "money", "micro-units"))
        return account

    def ticks(self, price: Number) -> int:
        return whole(price / self.tick, "price", "ticks")

    def lots(self, coins: Number) -> int:
        return whole(coins / self.lot, "size", "lots")

    def oracle(self, price: Number) -> list[Event]:
        return self.send(UpdateOracle, 0, self.ticks(price))

    def block(self, buyer: int, seller: int, coins: Number, price: Number) -> None:
        """The two accounts cross."""
        events = self.send(BlockTrade, buyer, seller, 0, self.lots(coins), self.ticks(price))
        if type(events[-1]).__name__ != "BlockTraded":
            raise ExampleError(f"a trade of {float(coins)} at {float(price)} was refused: {events[-1]}")

    def place(self, account: int, side: Side, coins: Number, price: Number, **named: int) -> list[Event]:
        return self.send(Place, account, 0, side, self.ticks(price), self.lots(coins), **named)

    def later(self, seconds: int) -> list[Event]:
        self.now += seconds * 10**9
        return self.send(Tick)

    def settle(self, price: Number) -> list[Event]:
        """The market ends at this price."""
        return self.send(SetMarketStatus, 0, int(MarketStatus.SETTLED), self.ticks(price))

    def equity(self, account: int) -> Fraction:
        return Fraction(self.exchange.equity(account), USD)


def whole(scaled: Number, what: str, unit: str) -> int:
    if Fraction(scaled).denominator != 1:
        raise ExampleError(f"a {what} of this example is no whole number of the venue's {unit}: {float(scaled)}")
    return int(scaled)


def of(kind: type[E], events: list[Event]) -> list[E]:
    return [event for event in events if isinstance(event, kind)]
