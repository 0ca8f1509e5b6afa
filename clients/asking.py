"""What the asyncio client can do: the calls of blocking.py, to be awaited."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, TypeVar

from perplab.exchange.codes import MarginMode, Side, TimeInForce

from . import types as t
from .blocking import MARKET, Shared, call_of
from .book import Book
from .calls import Call, Channel, Item, Scope
from .errors import Refused, Unknown
from .units import Number

T = TypeVar("T")


class Asking(Shared, ABC):
    """The calls. All raise Refused, and what `_do` raises; TypeError and ValueError for numbers that the venue does not have."""

    @abstractmethod
    async def _do(self, call: Call[T]) -> T:
        """Send a call and wait for its reply. Raises Refused, Unknown, TimedOut or NotConnected."""

    # -- orders --

    async def buy(
        self, market: str, size: Number, price: Number, *, tif: TimeInForce = TimeInForce.GTC, reduce_only: bool = False,
        client_id: t.ClientId | None = None,
    ) -> t.Order:  # fmt: skip
        """Place a limit order: `size` [coins] at `price` [USD] or better."""
        return await self.place(t.NewOrder(market, Side.BUY, size, price, tif=tif, reduce_only=reduce_only, client_id=client_id))

    async def sell(
        self, market: str, size: Number, price: Number, *, tif: TimeInForce = TimeInForce.GTC, reduce_only: bool = False,
        client_id: t.ClientId | None = None,
    ) -> t.Order:  # fmt: skip
        """Place a limit order: `size` [coins] at `price` [USD] or better."""
        return await self.place(t.NewOrder(market, Side.SELL, size, price, tif=tif, reduce_only=reduce_only, client_id=client_id))

    async def market_buy(
        self, market: str, size: Number, *, worst_price: Number | None = None, reduce_only: bool = False,
        client_id: t.ClientId | None = None,
    ) -> t.Order:  # fmt: skip
        """Buy at once what the book offers, at no more than `worst_price` [USD]."""
        return await self.place(t.NewOrder(market, Side.BUY, size, worst_price, MARKET, reduce_only=reduce_only, client_id=client_id))

    async def market_sell(
        self, market: str, size: Number, *, worst_price: Number | None = None, reduce_only: bool = False,
        client_id: t.ClientId | None = None,
    ) -> t.Order:  # fmt: skip
        """Sell at once what the book takes, at no less than `worst_price` [USD]."""
        return await self.place(t.NewOrder(market, Side.SELL, size, worst_price, MARKET, reduce_only=reduce_only, client_id=client_id))

    async def place(self, order: t.NewOrder) -> t.Order:
        """Place any order. It gets a client id, if it has none, so that it can be placed again without being placed twice."""
        return await self._do(self.calls.place(order))

    async def cancel(self, order: t.Order | int, market: str = "") -> t.Order:
        """Cancel an open order. `market` is needed for an id that this client has not heard of."""
        return await self._do(self.calls.cancel(order, market))

    async def cancel_client(self, client_id: t.ClientId, market: str = "") -> t.Order:
        """Cancel an open order by its client id."""
        return await self._do(self.calls.cancel_client(client_id, market))

    async def cancel_all(self, market: str | None = None) -> None:
        """Cancel all open orders, in one market or in all."""
        await self._do(self.calls.cancel_all(market))

    async def amend(self, order: t.Order | int, price: Number | None = None, size: Number | None = None, market: str = "") -> t.Order:
        """Give an open order a new price [USD] and open size [coins]; None keeps what `order` says."""
        return await self._do(self.calls.amend(order, price, size, market))

    async def batch(self, items: Sequence[Item]) -> list[t.Order | Refused]:
        """Carry out several with nothing in between. One that is refused is a Refused in the list, and does not keep the others."""
        return await self._do(self.calls.batch(items))

    async def order(self, order: t.Order | int | None = None, *, client_id: t.ClientId | None = None, market: str = "") -> t.Order:
        """What became of an order."""
        return await self._do(self.calls.order(order, client_id, market))

    async def open_orders(self) -> tuple[t.Order, ...]:
        return (await self.account()).orders

    # -- money and positions --

    async def faucet(self, amount: Number, asset: int = 0) -> Decimal:
        """Money from nowhere; the balance that it leads to. [USD]"""
        return await self._do(self.calls.faucet(amount, asset))

    async def withdraw(self, amount: Number, asset: int = 0) -> None:
        """Take money [USD] out, as far as the margin allows."""
        await self._do(self.calls.withdraw(amount, asset))

    async def transfer(self, to: int, amount: Number, asset: int = 0) -> None:
        """Move money [USD] to another account, as far as the margin allows."""
        await self._do(self.calls.transfer(to, amount, asset))

    async def account(self) -> t.Account:
        """Balances, margin, positions and open orders."""
        return await self._do(self.calls.account())

    async def balances(self) -> tuple[t.Balance, ...]:
        return (await self.account()).balances

    async def positions(self) -> tuple[t.Position, ...]:
        return (await self.account()).positions

    async def set_leverage(self, market: str, leverage: int) -> None:
        """The position's initial margin is at least its notional / leverage from now on."""
        await self._do(self.calls.set_leverage(market, leverage))

    async def set_margin_mode(self, market: str, mode: MarginMode) -> None:
        """Let the position share the account's cash (CROSS), or have margin of its own (ISOLATED)."""
        await self._do(self.calls.set_margin_mode(market, mode))

    async def move_isolated_margin(self, market: str, amount: Number) -> None:
        """Add to the margin of an isolated position, or take from it (amount < 0). [USD]"""
        await self._do(self.calls.move_isolated_margin(market, amount))

    async def open_account(self) -> int:
        """Another account of this user, empty; its number. A client for it is made with `account=`."""
        return await self._do(self.calls.open_account())

    async def accounts(self) -> list[int]:
        """The numbers of this user's accounts."""
        return await self._do(self.calls.accounts())

    async def cancel_on_disconnect(self, scope: Scope) -> None:
        """What happens to orders when the connection breaks; said again after each reconnect."""
        await self._do(self.calls.cancel_on_disconnect(scope))

    # -- market data --

    async def ticker(self, market: str) -> t.Ticker:
        """Prices, best levels, open interest and status, as of now."""
        return await self._do(self.calls.ticker(market))

    async def depth(self, market: str, levels: int = 20) -> t.Depth:
        """The book as of now; `book` is the one that is kept."""
        return await self._do(self.calls.depth(market, levels))

    async def ping(self) -> int:
        """The venue's time. [ns]"""
        return await self._do(self.calls.ping())

    async def subscribe_book(self, market: str, depth: int = 20, *, checksum: bool = True) -> Book:
        """Keep a local book from now on. Subscribing again gives it another depth."""
        await self._do(self.calls.subscribe("book", market, depth, checksum))
        return self.book(market)

    async def subscribe_private(self) -> None:
        """Be told of all that happens to the account: first a snapshot, then events."""
        await self._do(self.calls.subscribe("private", None))

    async def subscribe(self, channel: Channel, market: str | None = None) -> None:
        """Any stream of docs/api.md."""
        await self._do(self.calls.subscribe(channel, market))

    async def unsubscribe(self, channel: Channel, market: str | None = None) -> None:
        """End a stream."""
        await self._do(self.calls.unsubscribe(channel, market))

    # -- what is lost, and what has no method --

    async def outcome(self, lost: Unknown) -> Any:
        """What the lost call would have returned, or raised. Raises Refused with UNKNOWN_REQUEST if it never came."""
        return await self._do(self.calls.outcome(lost.request, call_of(lost)))

    async def ask(self, op: str, **fields: object) -> dict[str, Any]:
        """Any request of docs/api.md, in the wire's own units; its reply."""
        return await self._do(self.calls.ask(op, fields))
