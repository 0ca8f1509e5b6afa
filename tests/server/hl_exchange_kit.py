"""A venue behind the exchange side of the Hyperliquid dialect, and people of whom nothing has to be signed."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import Struct
from wire import START, World

from perplab.exchange import VenueDesign
from perplab.exchange.messages import Deposit, UpdateOracle
from perplab.exchange.server.hyperliquid.dialect import Dialect
from perplab.exchange.server.hyperliquid.exchange import carry_out
from perplab.exchange.server.hyperliquid.settling import Pending

MONEY = 1_000_000_000_000  # [micro]
WALL = START // 1_000_000
Reply = dict[str, Any]


class Signed(Struct, frozen=True):
    signer: str
    address: str
    account: int


class Folk:
    """Addresses end in the number of their account."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.subs: dict[int, list[tuple[str, int]]] = {}
        self.allowed: list[tuple[str, str, str]] = []

    def account(self, address: str) -> int | None:
        number = int(address, 16)
        return number if number in self.world.host.people.owner_of else None

    def receiver(self, address: str) -> int | None:
        return self.account(address)

    def why_none(self, address: str) -> str:
        return "There is nobody."

    def known(self, address: str) -> int | None:
        return self.account(address)

    def address(self, account: int) -> str:
        return f"0x{account:040x}"

    def sub_accounts(self, address: str) -> list[tuple[str, str]]:
        return [(name, self.address(account)) for name, account in self.subs.get(int(address, 16), [])]

    def agents(self, address: str) -> list[tuple[str, str, int]]:
        return []

    def master(self, agent: str) -> str | None:
        return None

    def approve(self, address: str, agent: str, name: str) -> None:
        self.allowed.append((address, agent, name))

    def name_sub_account(self, account: int, name: str) -> None:
        master = self.world.host.exchange.master_of(account)
        assert master is not None
        self.subs.setdefault(master, []).append((name, account))


class Venue:
    def __init__(self, venue: str | VenueDesign = "sandbox", prices: tuple[int, ...] = (60_000, 20_000, 150_000)) -> None:
        self.world = World(venue)
        self.host = self.world.host
        self.host.send(UpdateOracle(0, market, price) for market, price in enumerate(prices))
        self.folk = Folk(self.world)
        self.dialect = Dialect(self.host, self.folk, lambda: WALL + self.world.monotonic // 1_000_000)

    def trader(self, name: str, money: int = MONEY) -> Trader:
        user = self.host.people.user(name)
        account = self.host.open_account(user, lambda number: [Deposit(0, number, 0, money)] if money else [])
        return Trader(self, account)


class Trader:
    """Everything it does leaves the venue's invariants whole."""

    def __init__(self, venue: Venue, account: int) -> None:
        self.venue = venue
        self.account = account
        self.signed = Signed(venue.folk.address(account), venue.folk.address(account), account)

    def later(self, kind: str, **fields: object) -> Pending:
        reply = carry_out(self.venue.dialect, {"type": kind, **fields}, self.signed)
        assert isinstance(reply, Pending)
        return reply

    def do(self, kind: str, **fields: object) -> Reply:
        reply = carry_out(self.venue.dialect, {"type": kind, **fields}, self.signed)
        assert not isinstance(reply, Pending)
        self.venue.host.exchange.check()
        return reply

    def statuses(self, kind: str, **fields: object) -> list[Any]:
        reply = self.do(kind, **fields)
        assert reply["status"] == "ok" and reply["response"]["type"] == ("cancel" if kind.startswith("cancel") else "order"), reply
        told: list[Any] = reply["response"]["data"]["statuses"]
        return told

    def order(self, *orders: Reply, grouping: object = "na", **more: object) -> list[Any]:
        return self.statuses("order", orders=list(orders), grouping=grouping, **more)

    def err(self, kind: str, **fields: object) -> str:
        reply = self.do(kind, **fields)
        assert reply["status"] == "err", reply
        return str(reply["response"])


def limit(side: str, price: str, size: str, tif: str = "Gtc", cloid: str | None = None, reduces: bool = False, asset: int = 0) -> Reply:
    order = {"a": asset, "b": side == "B", "p": price, "s": size, "r": reduces, "t": {"limit": {"tif": tif}}}
    return order if cloid is None else {**order, "c": cloid}


def trigger(
    side: str, at: str, size: str, tpsl: str, price: str | None = None, reduces: bool = True, cloid: str | None = None, asset: int = 0
) -> Reply:
    """A market order without a price."""
    terms = {"isMarket": price is None, "triggerPx": at, "tpsl": tpsl}
    order = {"a": asset, "b": side == "B", "p": price or at, "s": size, "r": reduces, "t": {"trigger": terms}}
    return order if cloid is None else {**order, "c": cloid}


@pytest.fixture
def venue() -> Venue:
    return Venue()


@pytest.fixture
def alice(venue: Venue) -> Trader:
    return venue.trader("alice")


@pytest.fixture
def bob(venue: Venue) -> Trader:
    return venue.trader("bob")
