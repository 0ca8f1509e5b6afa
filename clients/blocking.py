"""What a blocking client can do, and what every client knows. asking.py has the same names with `await`; a test compares the two."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, TypeVar

from perplab.exchange.codes import MarginMode, OrderType, Side, TimeInForce

from . import types as t
from .book import Book
from .calls import Call, Calls, Channel, Item, Scope
from .errors import NotConnected, Refused, Unknown
from .protocol import Protocol
from .units import Number

T = TypeVar("T")
MARKET = OrderType.MARKET


class Shared:
    """What needs no waiting."""

    protocol: Protocol

    @property
    def calls(self) -> Calls:
        return self.protocol.calls

    @property
    def venue(self) -> t.Venue:
        """Which venue this is, with its markets. Raises NotConnected before the first connection."""
        if self.protocol.venue is None:
            raise NotConnected("connect first")
        return self.protocol.venue

    @property
    def account_number(self) -> int | None:
        """The account that all calls are for."""
        return self.calls.account_number

    @property
    def credentials(self) -> tuple[str | None, str | None]:
        """Key and secret, also those that a sign-up has brought."""
        return self.protocol.who.key, self.protocol.who.secret

    def book(self, market: str) -> Book:
        """The local book of a market. Raises ValueError if it is not subscribed to."""
        return self.protocol.book(market)


def call_of(lost: Unknown) -> Call[Any]:
    assert isinstance(lost.call, Call)
    return lost.call


class Blocking(Shared, ABC):
    """The calls. All raise Refused, and what `_do` raises; TypeError and ValueError for numbers that the venue does not have."""

    @abstractmethod
    def _do(self, call: Call[T]) -> T:
        """Send a call and wait for its reply. Raises Refused, Unknown, TimedOut or NotConnected."""

    # -- orders --

    def buy(
        self, market: str, size: Number, price: Number, *, tif: TimeInForce = TimeInForce.GTC, reduce_only: bool = False,
        client_id: t.ClientId | None = None,
    ) -> t.Order:  # fmt: skip
        """Place a limit order: `size` [coins] at `price` [USD] or better."""
        return self.place(t.NewOrder(market, Side.BUY, size, price, tif=tif, reduce_only=reduce_only, client_id=client_id))

    def sell(
        self, market: str, size: Number, price: Number, *, tif: TimeInForce = TimeInForce.GTC, reduce_only: bool = False,
        client_id: t.ClientId | None = None,
    ) -> t.Order:  # fmt: skip
        """Place a limit order: `size` [coins] at `price` [USD] or better."""
        return self.place(t.NewOrder(market, Side.SELL, size, price, tif=tif, reduce_only=reduce_only, client_id=client_id))

    def market_buy(
        self, market: str, size: Number, *, worst_price: Number | None = None, reduce_only: bool = False,
        client_id: t.ClientId | None = None,
    ) -> t.Order:  # fmt: skip
        """Buy at once what the book offers, at no more than `worst_price` [USD]."""
        return self.place(t.NewOrder(market, Side.BUY, size, worst_price, MARKET, reduce_only=reduce_only, client_id=client_id))

    def market_sell(
        self, market: str, size: Number, *, worst_price: Number | None = None, reduce_only: bool = False,
        client_id: t.ClientId | None = None,
    ) -> t.Order:  # fmt: skip
        """Sell at once what the book takes, at no less than `worst_price` [USD]."""
        return self.place(t.NewOrder(market, Side.SELL, size, worst_price, MARKET, reduce_only=reduce_only, client_id=client_id))

    def place(self, order: t.NewOrder) -> t.Order:
        """Place any order. It gets a client id, if it has none, so that it can be placed again without being placed twice."""
        return self._do(self.calls.place(order))

    def cancel(self, order: t.Order | int, market: str = "") -> t.Order:
        """Cancel an open order. `market` is needed for an id that this client has not heard of."""
        return self._do(self.calls.cancel(order, market))

    def cancel_client(self, client_id: t.ClientId, market: str = "") -> t.Order:
        """Cancel an open order by its client id."""
        return self._do(self.calls.cancel_client(client_id, market))

    def cancel_all(self, market: str | None = None) -> None:
        """Cancel all open orders, in one market or in all."""
        self._do(self.calls.cancel_all(market))

    def amend(self, order: t.Order | int, price: Number | None = None, size: Number | None = None, market: str = "") -> t.Order:
        """Give an open order a new price [USD] and open size [coins]; None keeps what `order` says."""
        return self._do(self.calls.amend(order, price, size, market))

    def batch(self, items: Sequence[Item]) -> list[t.Order | Refused]:
        """Carry out several with nothing in between. One that is refused is a Refused in the list, and does not keep the others."""
        return self._do(self.calls.batch(items))

    def order(self, order: t.Order | int | None = None, *, client_id: t.ClientId | None = None, market: str = "") -> t.Order:
        """What became of an order."""
        return self._do(self.calls.order(order, client_id, market))

    def open_orders(self) -> tuple[t.Order, ...]:
        return self.account().orders

    # -- money and positions --

    def faucet(self, amount: Number, asset: int = 0) -> Decimal:
        """Money from nowhere; the balance that it leads to. [USD]"""
        return self._do(self.calls.faucet(amount, asset))

    def withdraw(self, amount: Number, asset: int = 0) -> None:
        """Take money [USD] out, as far as the margin allows."""
        self._do(self.calls.withdraw(amount, asset))

    def transfer(self, to: int, amount: Number, asset: int = 0) -> None:
        """Move money [USD] to another account, as far as the margin allows."""
        self._do(self.calls.transfer(to, amount, asset))

    def account(self) -> t.Account:
        """Balances, margin, positions and open orders."""
        return self._do(self.calls.account())

    def balances(self) -> tuple[t.Balance, ...]:
        return self.account().balances

    def positions(self) -> tuple[t.Position, ...]:
        return self.account().positions

    def set_leverage(self, market: str, leverage: int) -> None:
        """The position's initial margin is at least its notional / leverage from now on."""
        self._do(self.calls.set_leverage(market, leverage))

    def set_margin_mode(self, market: str, mode: MarginMode) -> None:
        """Let the position share the account's cash (CROSS), or have margin of its own (ISOLATED)."""
        self._do(self.calls.set_margin_mode(market, mode))

    def move_isolated_margin(self, market: str, amount: Number) -> None:
        """Add to the margin of an isolated position, or take from it (amount < 0). [USD]"""
        self._do(self.calls.move_isolated_margin(market, amount))

    def open_account(self) -> int:
        """Another account of this user, empty; its number. A client for it is made with `account=`."""
        return self._do(self.calls.open_account())

    def accounts(self) -> list[int]:
        """The numbers of this user's accounts."""
        return self._do(self.calls.accounts())

    def cancel_on_disconnect(self, scope: Scope) -> None:
        """What happens to orders when the connection breaks; said again after each reconnect."""
        self._do(self.calls.cancel_on_disconnect(scope))

    # -- market data --

    def ticker(self, market: str) -> t.Ticker:
        """Prices, best levels, open interest and status, as of now."""
        return self._do(self.calls.ticker(market))

    def depth(self, market: str, levels: int = 20) -> t.Depth:
        """The book as of now; `book` is the one that is kept."""
        return self._do(self.calls.depth(market, levels))

    def ping(self) -> int:
        """The venue's time. [ns]"""
        return self._do(self.calls.ping())

    def subscribe_book(self, market: str, depth: int = 20, *, checksum: bool = True) -> Book:
        """Keep a local book from now on. Subscribing again gives it another depth."""
        self._do(self.calls.subscribe("book", market, depth, checksum))
        return self.book(market)

    def subscribe_private(self) -> None:
        """Be told of all that happens to the account: first a snapshot, then events."""
        self._do(self.calls.subscribe("private", None))

    def subscribe(self, channel: Channel, market: str | None = None) -> None:
        """Any stream of docs/api.md."""
        self._do(self.calls.subscribe(channel, market))

    def unsubscribe(self, channel: Channel, market: str | None = None) -> None:
        """End a stream."""
        self._do(self.calls.unsubscribe(channel, market))

    # -- what is lost, and what has no method --

    def outcome(self, lost: Unknown) -> Any:
        """What the lost call would have returned, or raised. Raises Refused with UNKNOWN_REQUEST if it never came."""
        return self._do(self.calls.outcome(lost.request, call_of(lost)))

    def ask(self, op: str, **fields: object) -> dict[str, Any]:
        """Any request of docs/api.md, in the wire's own units; its reply."""
        return self._do(self.calls.ask(op, fields))
