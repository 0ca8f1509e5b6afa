"""A venue whose users ask in the Hyperliquid dialect, with a stand-in for who is who: the address of a user is made of his account."""

from __future__ import annotations

import json
from typing import Any

from wire import World

from perplab.exchange import VenueDesign
from perplab.exchange.codes import Reason
from perplab.exchange.messages import Command, Deposit, OpenSubAccount, Place, SetLeverage, SetMarginMode, UpdateOracle
from perplab.exchange.server.hyperliquid.dialect import Dialect
from perplab.exchange.server.hyperliquid.info import answer

BUY, SELL = 0, 1
STRANGER = "0x" + "ab" * 20


class Stand:
    """Implements dialect.People."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.wallets: dict[str, list[tuple[str, str, int]]] = {}
        self.names: dict[int, str] = {}  # of sub-accounts

    def account(self, address: str) -> int | None:
        assert address == address.lower(), "in lower case"
        number = int(address, 16)
        return number if number < self.world.host.exchange.state.accounts.count else None

    def address(self, account: int) -> str:
        return f"0x{account:040x}"

    def sub_accounts(self, address: str) -> list[tuple[str, str]]:
        account = self.account(address)
        found = [] if account is None else self.world.host.exchange.sub_accounts(account)
        return [(self.names.get(one, ""), self.address(one)) for one in found]

    def agents(self, address: str) -> list[tuple[str, str, int]]:
        return self.wallets.get(address, [])

    def master(self, agent: str) -> str | None:
        return next((user for user, found in self.wallets.items() if agent in (one for _, one, _ in found)), None)


class Scene:
    def __init__(self, venue: str | VenueDesign = "sandbox", prices: tuple[int, ...] = (60_000, 30_000, 150_000)) -> None:
        self.world = World(venue)
        self.people = Stand(self.world)
        self.wall = 1_800_000_000_000
        self.dialect = Dialect(self.world.host, self.people, lambda: self.wall)
        self.venue = self.world.host.exchange
        self.oracle(*prices[: len(self.venue.design.markets)])

    def oracle(self, *prices: int) -> None:
        self.send(*(UpdateOracle(0, number, price) for number, price in enumerate(prices)))

    def send(self, *commands: Command) -> None:
        reasons = [Reason(reason).name if reason else "" for reason in self.world.host.reasons(commands)]
        assert not any(reasons), reasons

    def later(self, seconds: int, *prices: int) -> None:
        """Time passes, and the oracle is never stale."""
        while seconds > 0:
            self.oracle(*prices)
            self.world.later(min(seconds, 20))
            seconds -= 20

    def user(self, dollars: float, name: str = "") -> tuple[int, str]:
        """(account, address) of a new user with so much money."""
        account = self.world.host.open_account(self.world.host.people.user(name or f"user{self.venue.state.accounts.count}"))
        if dollars:
            self.send(Deposit(0, account, 0, int(dollars * 10**6)))
        return account, self.people.address(account)

    def sub(self, master: int, name: str, dollars: float) -> tuple[int, str]:
        account = self.venue.state.accounts.count
        self.send(OpenSubAccount(0, master), Deposit(0, account, 0, int(dollars * 10**6)))
        self.people.names[account] = name
        return account, self.people.address(account)

    def place(self, account: int, side: int, price: int, size: int, market: int = 0, **fields: Any) -> int:
        """The order's id."""
        self.send(Place(0, account, market, side, price, size, **fields))
        return int(self.venue.state.last_order_id)

    def trade(self, buyer: int, seller: int, price: int, size: int, market: int = 0) -> None:
        """The seller's order rests."""
        self.place(seller, SELL, price, size, market)
        self.place(buyer, BUY, price, size, market)

    def isolate(self, account: int, leverage: int, market: int = 0) -> None:
        self.send(SetMarginMode(0, account, market, 1), SetLeverage(0, account, market, leverage))

    def ask(self, kind: str, **fields: Any) -> Any:
        """The answer, as JSON carries it."""
        return json.loads(json.dumps(answer(self.dialect, {"type": kind, **fields})))
