"""From the wire's maps to the structs of types.py: numbers in the user's units, codes as enums.

What the server says is trusted as far as it can be read; what cannot raises any exception, for protocol.py to end the connection.
Events are the exception: one that cannot be read is handed on as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import partial
from typing import Any, Final

from perplab.exchange.codes import AccountMode, CancelReason, MarginMode, MarketStatus, OrderState, Reason, Side, TimeInForce
from perplab.exchange.units import PPM

from . import types as t
from .reading_algos import AlgoReading
from .reading_fields import ITEMS
from .reading_private import due_of, traded
from .reading_venue import Wire as Wire
from .reading_venue import candle_of, named, share
from .reading_venue import venue_of as venue_of
from .reading_venue import whole as whole
from .units import WIDE, Market, money

MOST_CLIENT_ID: Final = 1 << 128  # they are numbers below that
HEX: Final = re.compile("0x[0-9a-fA-F]{1,32}")  # of a client id, as api.md has it
STATUS: Final = 14  # numbers that tell what a packed command came to
CAUSES: Final = {int(one): one for one in CancelReason}
REASONS: Final = {int(one): one.name for one in Reason}
STATES: Final = frozenset(map(int, OrderState))
OF_VAULT: Final = ("vault_balances", "vault_equities", "vault_losses_left")  # which an older server does not tell


def client_id_of(given: t.ClientId | None) -> t.ClientId | None:
    """A client id as the venue writes it: one number has one spelling. None: none was given. Raises TypeError, ValueError."""
    if given is None:
        return None
    if isinstance(given, str) and HEX.fullmatch(given) is None:
        raise ValueError(f'the client id is {given!r}: as a text it is "0x" and 1 to 32 hex digits, else a whole number')
    number = int(given, 16) if isinstance(given, str) else given
    if isinstance(number, bool) or not isinstance(number, int):
        raise TypeError(f'the client id is {given!r}, a {type(given).__name__}: wanted is a whole number, or "0x..." as a text')
    if number == 0:
        raise ValueError(f"the client id is {given}, which is none: leave it out, and the client makes one")
    if not 0 < number < MOST_CLIENT_ID:
        raise ValueError(f"the client id is {given}: it is a number of 128 bits, above 0")
    return number if number < 1 << 63 else f"{number:#x}"


class Reading(AlgoReading):
    """Of one venue."""

    # -- answers --

    def order(self, told: Wire) -> t.Order:
        """Of a list of open orders."""
        market = self.venue.numbered(told["market"])
        return t.Order(
            order_id=whole(told["order_id"]), market=market.name, side=Side[told["side"]], price=market.price(told["price"]),
            filled=market.size(told["filled"]), open=market.size(told["size"]), state=OrderState.OPEN, client_id=told["client_id"],
            reduce_only=bool(told["reduce_only"]), tif=TimeInForce[told["tif"]], expires=told.get("expires") or None,
            display=market.size(told["display"]) if told.get("display") else None, is_quote=bool(told.get("is_quote")),
            linked_with=told.get("linked_with") or None,
        )  # fmt: skip

    def position(self, told: Wire) -> t.Position:
        market = self.venue.numbered(told["market"])
        size, notional, liquidation = market.size(told["size"]), money(told["entry_notional"]), told["liquidation_price"]
        return t.Position(
            market=market.name, size=size, entry_price=notional / size, entry_notional=notional,
            liquidation_price=market.price(liquidation) if liquidation else None, isolated_margin=money(told["isolated_margin"]),
            mode=MarginMode[told["mode"]], leverage=whole(told["leverage"]), unsettled=money(told["unsettled"]),
            unrealized_pnl=money(whole(told["unrealized_pnl"])) if told.get("unrealized_pnl") is not None else None,
        )  # fmt: skip

    def balance(self, told: Wire) -> t.Balance:
        told_of = [name for name in t.Balance.__struct_fields__ if name != "asset" and (name != "value" or name in told)]
        return t.Balance(asset=named(self.venue.assets, told["asset"]), **{name: money(told[name]) for name in told_of})

    def account(self, told: Wire) -> t.Account:
        return t.Account(
            whole(told["account"]), whole(told["seq"]), tuple(map(self.balance, told["balances"])),
            tuple(map(self.position, told["positions"])), tuple(map(self.order, told["orders"])), whole(told.get("more", 0)),
            tuple(map(self.liquidity, told.get("liquidity", ()))), AccountMode[told["mode"]] if "mode" in told else None,
            tuple(map(self.alert, told.get("alerts", ()))), tuple(map(self.payment, told.get("payments", ()))),
        )  # fmt: skip

    def payment(self, told: Wire) -> t.Payment:
        to = told["to"]
        return t.Payment(
            number=whole(told["number"]), command=str(told["command"]), account=whole(told["account"]),
            to=None if to is None else whole(to), asset=named(self.venue.assets, told["asset"]), amount=money(told["amount"]),
            due=whole(told["due"]),
        )  # fmt: skip

    def alert(self, told: Wire) -> t.Alert:
        return t.Alert(
            asset=named(self.venue.assets, told["asset"]), number=whole(told["number"]), threshold=share(told["threshold_ppm"], PPM),
            hysteresis=share(told["hysteresis_ppm"], PPM), is_below=bool(told["is_below"]),
        )  # fmt: skip

    def liquidity(self, told: Wire) -> t.Liquidity:
        market = self.venue.numbered(told["market"])
        return t.Liquidity(
            market=market.name, shares=whole(told["shares"]), paid_in=money(told["paid_in"]), worth=money(told["worth"]),
            locked_until=whole(told["locked_until"]), range_id=whole(told["range_id"]), lower=market.price(told["lower"]),
            upper=market.price(told["upper"]), size=market.size(told["size"]),
        )  # fmt: skip

    def liquidity_change(self, market: Market, reply: Wire) -> t.LiquidityChange:
        """What a command about liquidity came to."""
        head: dict[str, Any] = {"market": market.name, "seq": whole(reply["seq"]), "ts": whole(reply["ts"])}
        waits = self.queued(reply)
        if waits is not None:
            return t.LiquidityChange(shares=0, amount=money(0), range_id=0, ticket=waits.ticket, due=waits.due, **head)
        return t.LiquidityChange(shares=whole(reply["shares"]), amount=money(reply["amount"]), range_id=whole(reply["range_id"]), **head)

    def queued(self, reply: Wire) -> t.Queued | None:
        """Under which number a command waits; None: it does not."""
        return t.Queued(ticket=whole(reply["ticket"]), due=due_of(reply["due"])) if reply.get("status") == "queued" else None

    def swept(self, reply: Wire) -> t.Swept:
        count, left = (whole(reply[name]) if name in reply else None for name in ("cancelled", "left"))
        halted = tuple(self.venue.numbered(one).name for one in reply.get("halted", ()))
        return t.Swept(cancelled=count, left=left, halted=halted, seq=whole(reply["seq"]), ts=whole(reply["ts"]))

    def waiting(self, reply: Wire) -> tuple[t.Waiting, ...]:
        return tuple(map(self._waiting, reply["pending"]))

    def _waiting(self, told: Wire) -> t.Waiting:
        return t.Waiting(
            ticket=whole(told["ticket"]), command=str(told["command"]), market=self._name(told["market"]), due=due_of(told["due"]),
            order_id=whole(told["order_id"]), client_id=told["client_id"],
        )  # fmt: skip

    def pool(self, told: Wire) -> t.Pool:
        market = self.venue.numbered(told["market"])
        bids, asks = (
            tuple(t.PoolLevel(market.price(one["price"]), market.size(one["size"]), money(one["value"])) for one in told[side])
            for side in ("bids", "asks")
        )
        return t.Pool(
            market=market.name, size=market.size(told["size"]), entry_notional=money(told["entry_notional"]), money=money(told["money"]),
            equity=money(told["equity"]), shares=whole(told["shares"]), middle=market.price(told["middle"]) if told["middle"] else None,
            bids=bids, asks=asks,
        )  # fmt: skip

    def levels(self, market: Market, told: list[tuple[int, int]]) -> tuple[t.BookLevel, ...]:
        return tuple(t.BookLevel(market.price(price), market.size(size)) for price, size in told)

    def best(self, market: Market, told: tuple[int, int] | None) -> t.BookLevel | None:
        return self.levels(market, [told])[0] if told else None

    def depth(self, told: Wire) -> t.Depth:
        market = self.venue.numbered(told["market"])
        return t.Depth(market.name, self.levels(market, told["bids"]), self.levels(market, told["asks"]))

    def candles(self, told: Wire) -> tuple[t.Candle, ...]:
        market = self.venue.numbered(told["market"])
        return tuple(candle_of(market, one) for one in told["candles"])

    def ticker(self, told: Wire) -> t.Ticker:
        market = self.venue.numbered(told["market"])
        prices = {name: market.price(told[name]) if told[name] else None for name in ("oracle", "mark", "last")}
        prices["curve"] = market.price(told["curve"]) if told.get("curve") else None
        return t.Ticker(
            market=market.name, open_interest=market.size(told["open_interest"]),
            funding_rate=Decimal(told["funding_rate_ppt"]).scaleb(-12), funding_ts=whole(told["funding_ts"]),
            bid=self.best(market, told.get("bid")), ask=self.best(market, told.get("ask")),
            status=MarketStatus[told["status"]] if "status" in told else None, maintenance=self.maintenance(told), **prices,
        )  # fmt: skip

    def maintenance(self, told: Wire) -> t.Maintenance | None:
        """The window that begins or ends next; None: there is none, or it is not told."""
        window = told.get("maintenance")
        return None if window is None else self.window(window)

    def window(self, told: Wire) -> t.Maintenance:
        market = told["market"]
        return t.Maintenance(
            number=whole(told["number"]), market="" if market is None else self._name(market), start=whole(told["start"]),
            end=whole(told["end"]), during=MarketStatus[told["during"]], afterwards=MarketStatus[told["afterwards"]],
        )  # fmt: skip

    def auction(self, told: Wire) -> t.Auction:
        is_isolated = told["market"] >= 0
        market = self.venue.numbered(max(0, told["market"])) if is_isolated or len(self.venue.markets) == 1 else None
        return t.Auction(
            auction=whole(told["auction"]), account=whole(told["account"]), market=market.name if is_isolated and market else "",
            share=WIDE.divide(Decimal(told["share_ppm"]), PPM), gain=money(told["gain"]), equity=money(told["equity"]),
            size=None if market is None else market.size(told["size"]), insolvent=bool(told["insolvent"]),
        )  # fmt: skip

    def row_statuses(self, reply: Wire, count: int) -> t.RowStatuses:
        """Of `count` packed commands: so many numbers for each, as docs/api.md has them; a newer server may tell more behind these."""
        told, errors, several = memoryview(reply["statuses"]).cast("q").tolist(), reply.get("errors", {}), reply.get("several", {})
        width, rest = divmod(len(told), count)
        if rest or width < STATUS:
            raise ValueError(f"{len(told)} numbers are no statuses of {count} commands")
        each = tuple(
            self._row_status(told[row * width : (row + 1) * width], errors.get(str(row)), several.get(str(row))) for row in range(count)
        )
        return t.RowStatuses(whole(reply["ts"]), each)

    def _row_status(self, told: list[int], error: Wire | None, several: Wire | None) -> t.RowStatus:
        reason, order_id, state, filled, left, repeated, seq, _, market, paid, value, shares, ticket, due, *more = told
        why = str(error["message"]) if error is not None else reason_of(reason) if reason else ""
        state_of = OrderState(state) if order_id and not shares and state in STATES else None
        return t.RowStatus(
            why=why, order_id=order_id, market=market, state=state_of, filled=filled, paid=paid, open=left, repeated=bool(repeated),
            seq=seq, value=value, shares=shares, ticket=ticket, due=due_of(due) if ticket else None,
            reason=CAUSES.get(more[0]) if more else None, several=None if several is None else counted(several),
        )  # fmt: skip

    # -- streams of market data --

    def market_events(self, message: Wire) -> Iterator[t.Event]:
        """What a message of a public stream tells; a book's is for the book. What of it cannot be read is a StreamMessage: a message, or
        of a list an item, beside which the others are told."""
        channel = message["channel"]
        if channel == "trades" or channel in ITEMS:
            for one in message["items"]:
                yield self._or_raw(channel, one, partial(self._item, channel, message, one))
        else:
            yield self._or_raw(channel, message, partial(self._message, channel, message))

    def _or_raw(self, channel: str, told: Any, read: Callable[[], t.Event]) -> t.Event:
        try:
            return read()
        except Exception:  # as of private events: no list of what may be wrong is complete
            return t.StreamMessage(channel=channel, data=dict(told) if isinstance(told, dict) else {"item": told})

    def _message(self, channel: str, message: Wire) -> t.Event:
        if channel in STREAMS:
            return STREAMS[channel](self, self.venue.numbered(message["market"]), message)
        if channel == "fund":
            return t.FundChanged(funds=tuple(self._funds(message)))
        if channel == "gas":
            return t.GasChanged(multiplier=share(message["multiplier_ppm"], PPM))
        return t.StreamMessage(channel=channel, data=dict(message))

    def _item(self, channel: str, message: Wire, one: Wire) -> t.Event:
        is_past = message["type"] == "snapshot"
        if channel == "trades":
            return self.trade(self.venue.numbered(message["market"]), one, is_past)
        of_market = {"market": message["market"]} if "market" in message else {}
        plan = ITEMS[channel].get(one.get("type", ""))
        if plan is None:
            return t.StreamMessage(channel=channel, data=dict(one))
        event: t.Event = plan.read(self.venue, {**one, **of_market}, {"ts": whole(one["ts"]), "is_past": is_past})
        return event

    def _funds(self, message: Wire) -> Iterator[t.Fund]:
        for number, asset in enumerate(self.venue.assets):
            vault, equity, left = (money(message[name][number]) if name in message else None for name in OF_VAULT)
            fund = money(message["balances"][number])
            yield t.Fund(asset=asset, insurance_fund=fund, vault=vault, vault_equity=equity, vault_loss_left=left)

    def trade(self, market: Market, one: Wire, is_past: bool) -> t.Event:
        price, size, value = traded(market, one)
        return t.Trade(
            market=market.name, ts=whole(one["ts"]), price=price, size=size, taker_side=Side[one["taker_side"]],
            liquidation=bool(one["liquidation"]), is_past=is_past, value=value, is_curve="value" in one,
        )  # fmt: skip

    def pool_changed(self, market: Market, message: Wire) -> t.Event:
        return t.PoolChanged(pool=self.pool(message))

    def bbo(self, market: Market, message: Wire) -> t.Event:
        return t.BestPrices(market=market.name, bid=self.best(market, message["bid"]), ask=self.best(market, message["ask"]))

    def ticker_changed(self, market: Market, message: Wire) -> t.Event:
        return t.TickerChanged(ticker=self.ticker(message))

    def status(self, market: Market, message: Wire) -> t.Event:
        return t.StatusChanged(market=market.name, status=MarketStatus[message["status"]], maintenance=self.maintenance(message))


STREAMS: Final[dict[str, Callable[[Reading, Market, Wire], t.Event]]] = {  # that tell how something is now
    "bbo": Reading.bbo,
    "ticker": Reading.ticker_changed,
    "status": Reading.status,
    "pool": Reading.pool_changed,
}


def counted(told: Wire) -> t.Counted:
    """The orders of a packed ladder or mass quote."""
    counts = {name: whole(told[name]) for name in ("placed", "refused", "queued")}
    return t.Counted(first_refusal=first_refusal_of(told), repeated=whole(told.get("repeated", 0)), **counts)


def first_refusal_of(told: Wire) -> Reason | None:
    """None: nothing was refused, or for a reason that this client does not know."""
    given = told.get("first_refusal")
    return Reason[given] if isinstance(given, str) and given in Reason.__members__ else None


def reason_of(number: int) -> str:
    """The name of a refusal; of one that this client does not know its number."""
    return REASONS.get(number, f"reason {number}")
