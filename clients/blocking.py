"""What a blocking client can do. asking.py has the same names with `await`; a test compares the two."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, TypeVar

from perplab.exchange.codes import AccountMode, MarginMode, MarketStatus, OrderType, Side, TimeInForce

from . import types as t
from .blocking_algos import BlockingAlgos
from .book import Book
from .calls import AnyItem, Buffer, Channel, Scope
from .errors import Refused, Unknown
from .shared import Shared as Shared
from .shared import call_of
from .units import Number

T = TypeVar("T")
MARKET = OrderType.MARKET


class Blocking(BlockingAlgos, ABC):
    """The calls. All raise Refused, and what `_do` raises; TypeError and ValueError for numbers that the venue does not have.

    `timeout` [s] is how long a call waits; None: as long as the client's own `timeout` says."""

    @abstractmethod
    def wait(self, seconds: float) -> None:
        """Let `seconds` pass; events that come meanwhile wait to be read."""

    # -- orders --

    def buy(
        self, market: str, size: Number, price: Number, *, tif: TimeInForce = TimeInForce.GTC, reduce_only: bool = False,
        client_id: t.ClientId | None = None, timeout: float | None = None,
    ) -> t.Order:  # fmt: skip
        """Place a limit order: `size` [coins] at `price` [USD] or better."""
        order = t.NewOrder(market, Side.BUY, size, price, tif=tif, reduce_only=reduce_only, client_id=client_id)
        return self.place(order, timeout=timeout)

    def sell(
        self, market: str, size: Number, price: Number, *, tif: TimeInForce = TimeInForce.GTC, reduce_only: bool = False,
        client_id: t.ClientId | None = None, timeout: float | None = None,
    ) -> t.Order:  # fmt: skip
        """Place a limit order: `size` [coins] at `price` [USD] or better."""
        order = t.NewOrder(market, Side.SELL, size, price, tif=tif, reduce_only=reduce_only, client_id=client_id)
        return self.place(order, timeout=timeout)

    def market_buy(
        self, market: str, size: Number, *, worst_price: Number | None = None, reduce_only: bool = False,
        client_id: t.ClientId | None = None, timeout: float | None = None,
    ) -> t.Order:  # fmt: skip
        """Buy at once what the book offers, at no more than `worst_price` [USD]."""
        order = t.NewOrder(market, Side.BUY, size, worst_price, MARKET, reduce_only=reduce_only, client_id=client_id)
        return self.place(order, timeout=timeout)

    def market_sell(
        self, market: str, size: Number, *, worst_price: Number | None = None, reduce_only: bool = False,
        client_id: t.ClientId | None = None, timeout: float | None = None,
    ) -> t.Order:  # fmt: skip
        """Sell at once what the book takes, at no less than `worst_price` [USD]."""
        order = t.NewOrder(market, Side.SELL, size, worst_price, MARKET, reduce_only=reduce_only, client_id=client_id)
        return self.place(order, timeout=timeout)

    def place(self, order: t.NewOrder, *, timeout: float | None = None) -> t.Order:
        """Place any order. It gets a client id, if it has none, so that it can be placed again without being placed twice."""
        return self._do(self.calls.place(order), timeout)

    def preview(self, order: t.NewOrder, *, timeout: float | None = None) -> t.Preview:
        """What an order would come to if it came now, and what the account would have then. Nothing happens."""
        return self._do(self.calls.preview(order), timeout)

    def cancel(
        self, order: t.Order | t.OpenTrigger | t.OpenTwap | int, market: str = "", *, timeout: float | None = None,
    ) -> t.Order:  # fmt: skip
        """Cancel an open order, a trigger or a TWAP. `market` need not be said: the reply tells it."""
        return self._do(self.calls.cancel(order, market), timeout)

    def cancel_client(self, client_id: t.ClientId, market: str = "", *, timeout: float | None = None) -> t.Order:
        """Cancel an open order by its client id."""
        return self._do(self.calls.cancel_client(client_id, market), timeout)

    def cancel_all(self, market: str | None = None, *, timeout: float | None = None) -> t.Queued | t.Swept:
        """Cancel all open orders, triggers and TWAPs, in one market or in all: how many are gone, and how many are `left`, since a halted
        market lets nothing be cancelled; which are gone the private stream tells. Or a Queued, where it waits for its turn."""
        return self._do(self.calls.cancel_all(market), timeout)

    def amend(
        self, order: t.Order | int, price: Number | None = None, size: Number | None = None, market: str = "", *,
        timeout: float | None = None,
    ) -> t.Order:  # fmt: skip
        """Give an open order a new price [USD]; what is left of it stays open, whatever has been filled meanwhile. With `size` [coins] so
        much is open afterwards, fills on the way not counted. A price of None keeps what `order` says; `market` and price are needed for
        an id that this client has not heard of. Triggers and TWAPs cannot be amended: cancel them, and place others."""
        return self._do(self.calls.amend(order, price, size, market), timeout)

    def batch(self, items: Sequence[AnyItem], *, timeout: float | None = None) -> list[t.Order | Refused]:
        """Carry out several with nothing in between. One that is refused is a Refused in the list, and does not keep the others."""
        return self._do(self.calls.batch(items), timeout)

    def order(
        self, order: t.Order | int | None = None, *, client_id: t.ClientId | None = None, market: str = "", timeout: float | None = None,
    ) -> t.Order:  # fmt: skip
        """What became of an order. `side` and `price` are None if this client has neither placed it nor been told of it: the reply has
        its state, its market and its sizes. `market` need not be said."""
        return self._do(self.calls.order(order, client_id, market), timeout)

    def open_orders(self, *, timeout: float | None = None) -> tuple[t.Order, ...]:
        return self.account(timeout=timeout).orders

    def pending(self, *, timeout: float | None = None) -> tuple[t.Waiting, ...]:
        """The account's commands that wait for their turn, the oldest first."""
        return self._all(self.calls.pending, timeout)

    def cancel_all_after(self, seconds: float, *, timeout: float | None = None) -> None:
        """A dead man's switch: cancel all orders in `seconds` of the venue's time. Sent again before that, it counts anew; 0: never."""
        self._do(self.calls.cancel_all_after(seconds), timeout)

    def send_rows(self, rows: Buffer, *, timeout: float | None = None) -> t.RowStatuses:
        """Carry out packed commands with nothing in between: rows of 16 int64 as in perplab.exchange.messages, for this user's accounts."""
        return self._do(self.calls.rows(rows), timeout)

    # -- money and positions --

    def faucet(self, amount: Number, asset: int | str = 0, *, timeout: float | None = None) -> Decimal:
        """Money from nowhere; the balance as of then. [USD] Where deposits take time, the money is not in it yet: it is among
        the `payments` of `account()`."""
        return self._do(self.calls.faucet(amount, asset), timeout)

    def withdraw(self, amount: Number, asset: int | str = 0, *, timeout: float | None = None) -> None:
        """Take money [USD] out, as far as the margin allows."""
        self._do(self.calls.withdraw(amount, asset), timeout)

    def transfer(self, to: int, amount: Number, asset: int | str = 0, *, timeout: float | None = None) -> None:
        """Move money [USD] to another account, as far as the margin allows."""
        self._do(self.calls.transfer(to, amount, asset), timeout)

    def account(self, *, timeout: float | None = None) -> t.Account:
        """Balances, margin, positions and open orders."""
        return self._do(self.calls.account(), timeout)

    def balances(self, *, timeout: float | None = None) -> tuple[t.Balance, ...]:
        return self.account(timeout=timeout).balances

    def positions(self, *, timeout: float | None = None) -> tuple[t.Position, ...]:
        return self.account(timeout=timeout).positions

    def set_account_mode(self, mode: AccountMode, *, timeout: float | None = None) -> t.Queued | None:
        """The venue's kill switch of the account: cancel all it has open and let nothing open a position (REDUCE_ONLY), or let nothing
        happen in its name at all (FROZEN), until it is NORMAL again. None: it is done; else it waits for its turn."""
        return self._do(self.calls.set_account_mode(mode), timeout)

    def set_margin_alert(
        self, threshold: Number, asset: int | str = 0, *, number: int = 0, hysteresis: Number = 0, timeout: float | None = None,
    ) -> None:  # fmt: skip
        """Be told (MarginAlert) when equity / maintenance of the cross positions in an asset falls below `threshold` ("1.5"; 1 is where
        the account is liquidated; 0: no alert), and when it is at threshold + `hysteresis` again. `number`, 0 to 3: one of four."""
        self._do(self.calls.set_margin_alert(threshold, asset, number, hysteresis), timeout)

    def requirement(self, asset: int | str = 0, *, timeout: float | None = None) -> t.Requirement:
        """The account's margin in an asset, line by line: what counts, and what each position and its orders require."""
        return self._do(self.calls.requirement(asset), timeout)

    def fee_rates(self, *, timeout: float | None = None) -> t.FeeRates:
        """What the account pays now in each market, and the volume that this comes of."""
        return self._do(self.calls.fee_rates(), timeout)

    def set_leverage(self, market: str, leverage: int, *, timeout: float | None = None) -> None:
        """The position's initial margin is at least its notional / leverage from now on. An isolated position has to have as much: move in
        first what it is short of (`move_isolated_margin`; the refusal says how much, `shortfall`)."""
        self._do(self.calls.set_leverage(market, leverage), timeout)

    def set_margin_mode(self, market: str, mode: MarginMode, *, timeout: float | None = None) -> None:
        """Let the position share the account's cash (CROSS), or have margin of its own (ISOLATED)."""
        self._do(self.calls.set_margin_mode(market, mode), timeout)

    def move_isolated_margin(self, market: str, amount: Number, *, timeout: float | None = None) -> None:
        """Add to the margin of an isolated position, or take from it (amount < 0). [USD] What is taken must leave its equity at what it and
        its market's open orders need at its leverage, and at the venue's transfer margin: `removable_margin` of clients.risk."""
        self._do(self.calls.move_isolated_margin(market, amount), timeout)

    def open_account(self, *, timeout: float | None = None) -> int:
        """Another account of this user, empty; its number. A client for it is made with `account=`."""
        return self._do(self.calls.open_account(), timeout)

    def open_sub_account(self, *, timeout: float | None = None) -> int:
        """Another account of this user under this one, with money, orders and liquidations of its own; its number. `transfer` moves money
        between the two."""
        return self._do(self.calls.open_sub_account(), timeout)

    def sub_accounts(self, *, timeout: float | None = None) -> t.SubAccounts:
        """Whose sub-account this one is, and which it has."""
        return self._do(self.calls.sub_accounts(), timeout)

    def accounts(self, *, timeout: float | None = None) -> list[int]:
        """The numbers of this user's accounts."""
        return self._do(self.calls.accounts(), timeout)

    def cancel_on_disconnect(self, scope: Scope, *, timeout: float | None = None) -> None:
        """What happens to orders when the connection breaks; said again after each reconnect."""
        self._do(self.calls.cancel_on_disconnect(scope), timeout)

    # -- liquidity of curves --

    def add_liquidity(
        self, market: str, amount: Number, lower: Number | None = None, upper: Number | None = None, *, timeout: float | None = None,
    ) -> t.LiquidityChange:  # fmt: skip
        """Pay `amount` [USD] into the pool of a market's curve, for shares of it; on a curve of ranges, for a range of prices [USD]."""
        return self._do(self.calls.add_liquidity(market, amount, lower, upper), timeout)

    def remove_liquidity(self, market: str, shares: int, range_id: int = 0, *, timeout: float | None = None) -> t.LiquidityChange:
        """Give back shares of a pool for what they are worth, or liquidity of a range with the position that it has taken on."""
        return self._do(self.calls.remove_liquidity(market, shares, range_id), timeout)

    def liquidity(self, *, timeout: float | None = None) -> tuple[t.Liquidity, ...]:
        """The account's shares of pools, and what they would fetch now."""
        return self.account(timeout=timeout).liquidity

    def pool(self, market: str, *, timeout: float | None = None) -> t.Pool:
        """What stands behind the curve of a market, what it holds and offers. Raises Refused with NO_CURVE where there is none."""
        return self._do(self.calls.pool(market), timeout)

    # -- auctions of liquidated accounts --

    def auctions(self, *, timeout: float | None = None) -> tuple[t.Auction, ...]:
        """All that are open, the oldest first, with their terms as of now."""
        return self._all(self.calls.auctions, timeout)

    def bid(self, auction: t.Auction | int, share: Number = 1, minimum_gain: Number = 0, *, timeout: float | None = None) -> None:
        """Take over `share` of what an auction still offers, if that gains at least `minimum_gain` [USD] against the mark."""
        self._do(self.calls.bid(auction, share, minimum_gain), timeout)

    # -- market data --

    def ticker(self, market: str, *, timeout: float | None = None) -> t.Ticker:
        """Prices, best levels, open interest and status, as of now."""
        return self._do(self.calls.ticker(market), timeout)

    def depth(self, market: str, levels: int = 20, *, timeout: float | None = None) -> t.Depth:
        """The book as of now; `book` is the one that is kept."""
        return self._do(self.calls.depth(market, levels), timeout)

    def candles(
        self, market: str, interval: str = "1m", start: int = 0, end: int | None = None, *, limit: int = 500, timeout: float | None = None,
    ) -> tuple[t.Candle, ...]:  # fmt: skip
        """What a market did, interval by interval ("1m" to "1M"), the oldest first: `limit` intervals up to the time `end`, none before
        `start` [ns]; those in which nothing happened are left out."""
        return self._do(self.calls.candles(market, interval, start, end, limit), timeout)

    def ping(self, *, timeout: float | None = None) -> int:
        """The venue's time. [ns]"""
        return self._do(self.calls.ping(), timeout)

    def subscribe_book(self, market: str, depth: int = 20, *, checksum: bool = True, timeout: float | None = None) -> Book:
        """Keep a local book from now on. Subscribing again gives it another depth."""
        self._do(self.calls.subscribe("book", market, depth, checksum), timeout)
        return self.book(market)

    def subscribe_private(self, *, timeout: float | None = None) -> None:
        """Be told of all that happens to the account: first a snapshot, then events."""
        self._do(self.calls.subscribe("private", None), timeout)

    def subscribe(self, channel: Channel, market: str | None = None, *, timeout: float | None = None) -> None:
        """Any stream of docs/api.md."""
        self._do(self.calls.subscribe(channel, market), timeout)

    def unsubscribe(self, channel: Channel, market: str | None = None, *, timeout: float | None = None) -> None:
        """End a stream."""
        self._do(self.calls.unsubscribe(channel, market), timeout)

    # -- maintenance --

    def maintenance(self, *, timeout: float | None = None) -> tuple[t.Maintenance, ...]:
        """The maintenance windows of all markets that have not ended, by what begins or ends next."""
        return self._all(self.calls.maintenance, timeout)

    def schedule_maintenance(
        self, start: int, end: int, during: MarketStatus, *, afterwards: MarketStatus = MarketStatus.ACTIVE, market: str | None = None,
        timeout: float | None = None,
    ) -> int:  # fmt: skip
        """The operator's: give a market, or all, the status `during` from `start` to `end` (ns of the venue's clock), then `afterwards`.
        The number of this window; 0: not told."""
        return self._do(self.calls.schedule_maintenance(start, end, during, afterwards, market), timeout)

    def cancel_maintenance(self, number: int, *, timeout: float | None = None) -> None:
        """The operator's: take back a maintenance window that has not begun."""
        self._do(self.calls.cancel_maintenance(number), timeout)

    # -- what is lost, and what has no method --

    def outcome(self, lost: Unknown, *, timeout: float | None = None) -> Any:
        """What the lost call would have returned, or raised. Raises Refused with UNKNOWN_REQUEST if it never came."""
        return self._do(self.calls.outcome(lost.request, call_of(lost)), timeout)

    def ask(self, op: str, *, timeout: float | None = None, **fields: object) -> dict[str, Any]:
        """Any request of docs/api.md, in the wire's own units; its reply."""
        return self._do(self.calls.ask(op, fields), timeout)
