"""Hyperliquid's API of a host without sockets: what is asked and signed goes straight to the desk."""

from __future__ import annotations

from typing import Any

from wire import START, World

from perplab.exchange import VenueDesign
from perplab.exchange.codes import AccountKind
from perplab.exchange.messages import Deposit, OpenAccount, Place, Side, UpdateOracle
from perplab.exchange.server.hyperliquid.desk import Desk
from perplab.exchange.server.hyperliquid.dialect import Dialect
from perplab.exchange.server.hyperliquid.identity import Identities
from perplab.exchange.server.hyperliquid.weights import Weights

MICRO = 1_000_000
NOW = START // 1_000_000  # [ms]
ALICE, BOB, CAROL = (f"0x{digit * 40}" for digit in "abc")
BTC, ETH = 0, 1
Json = dict[str, Any]


class Venue:
    """The sandbox's design, BTC at 60,000, ETH at 3,000 and SOL at 150 USD; a maker without an address; users who are trusted."""

    def __init__(self, venue: str | VenueDesign = "sandbox", faucet: int = 10_000, weights: bool = False, prices: bool = True) -> None:
        self.world = World(venue)
        self.host = self.world.host
        if prices and len(self.host.exchange.design.markets) == 3:
            self.host.send([UpdateOracle(0, market, ticks) for market, ticks in enumerate((60_000, 30_000, 150_000))])
        self.wall = NOW
        self.people = Identities(self.host, faucet * MICRO, lambda: self.wall)
        self.dialect = Dialect(self.host, self.people, lambda: self.wall)
        self.desk = Desk(self.dialect, self.people, Weights(weights))
        self.host.send([OpenAccount(0, AccountKind.TRADER, 10_000)])
        self.maker = self.host.exchange.state.accounts.count - 1
        self.host.send([Deposit(0, self.maker, asset, 10**13) for asset in range(len(self.host.exchange.design.assets))])

    def rest(self, market: int, side: Side, ticks: int, lots: int) -> None:
        """An order of the maker's."""
        self.host.send([Place(0, self.maker, market, side, ticks, lots)])

    def ask(self, kind: str, **fields: Any) -> Any:
        return self.desk.info({"type": kind, **fields}, "here")

    def account(self, user: str) -> int:
        found = self.people.account(user)
        assert found is not None
        return found

    def act(self, action: Json, user: str = ALICE, **more: Any) -> Any:
        """The reply; it has come at once."""
        told = self.sent(action, user, **more)
        assert len(told) == 1, "it waits"
        return told[0]

    def sent(self, action: Json, user: str = ALICE, **more: Any) -> list[Any]:
        """Where the reply will be."""
        self.wall += 1
        told: list[Any] = []
        self.desk.exchange({"action": action, "nonce": self.wall, "user": user, **more}, "here", told.append)
        self.host.exchange.check()
        return told

    def order(self, *orders: Json, user: str = ALICE, grouping: str = "na", **more: Any) -> list[Any]:
        """The statuses."""
        told = self.act({"type": "order", "orders": list(orders), "grouping": grouping}, user, **more)
        assert told["status"] == "ok", told
        statuses = told["response"]["data"]["statuses"]
        assert isinstance(statuses, list)
        return statuses

    def refusal(self, action: Json, user: str = ALICE, **more: Any) -> str:
        """Of a whole action."""
        told = self.act(action, user, **more)
        assert told["status"] == "err", told
        return str(told["response"])


def limit(asset: int, is_buy: bool, price: str, size: str, tif: str = "Gtc", **more: Any) -> Json:
    return {"a": asset, "b": is_buy, "p": price, "s": size, "r": False, "t": {"limit": {"tif": tif}}, **more}


def trigger(asset: int, is_buy: bool, price: str, size: str, kind: str, is_market: bool = True, **more: Any) -> Json:
    terms = {"isMarket": is_market, "triggerPx": price, "tpsl": kind}
    return {"a": asset, "b": is_buy, "p": price, "s": size, "r": True, "t": {"trigger": terms}, **more}
