"""Subscriptions of a socket, by type. Paces are those of the live venue where bots depend on them, else as market data comes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from ..history.records import INTERVALS
from ..naming import named_event
from . import accounts, asked, info, markets, orders, past, twaps
from .coins import Coin, in_words, usd
from .dialect import Dialect
from .errors import Failed, Unreadable
from .feeds import MS, SECOND, AccountFeed, Feed, StateFeed, Unknown
from .meta import is_stand_in
from .registry import Registry

Json = dict[str, Any]
SUBSCRIPTIONS: Final = Registry("Subscriptions: GET /ws")
BOOK_PACE, FAST_PACE, SLOW_PACE, REPEAT = 500 * MS, 100 * MS, SECOND, 5 * SECOND
FAST_LEVELS: Final = 5  # of a side, of a fast book
RECENT: Final = 30  # trades that a subscription begins with
ALL: Final = 1 << 30
LONGEST_NAME: Final = 64  # characters of what is told back
SNAPSHOT: Final = 2_000  # fills, payments and moves
PLAIN: Final = frozenset(
    ("coin", "side", "limitPx", "sz", "oid", "timestamp", "origSz", "cloid", "reduceOnly")
)  # of an order, in orderUpdates
Made = Callable[[Dialect, Json], Feed]


def coin_of(dialect: Dialect, named: Json) -> Coin:
    """Raises Unknown, as which the live venue breaks the connection."""
    name = named.get("coin")
    coin = dialect.coins.by_name.get(name) if isinstance(name, str) else None
    if coin is None and is_stand_in(dialect, name):
        raise Unknown(f"{name} is not traded here")
    if coin is None:
        raise Unknown(f"there is no coin {named_as(name)} here", is_fatal=True)
    return coin


def named_as(given: object) -> str:
    """What a client has asked for, in a sentence."""
    return f'"{given[:LONGEST_NAME]}"' if isinstance(given, str) else "of that name"


def user_of(dialect: Dialect, named: Json) -> tuple[str, int]:
    """Address and account, which it gets by that. Raises Unknown."""
    try:
        address = asked.address_of(named)
        account = dialect.people.account(address)
    except (Unreadable, Failed) as error:
        raise Unknown(str(error)) from error
    if account is None:
        raise Unknown(f"{address} has no account here. {dialect.people.why_none(address)}")
    return address, account


# -- markets --


def l2_book(dialect: Dialect, named: Json) -> Feed:
    coin = coin_of(dialect, named)
    try:
        figures, mantissa = markets.figures_of(named)
    except Unreadable:
        raise Unknown("nSigFigs or mantissa is wrong", is_fatal=True) from None
    is_fast = named.get("fast") is True
    told = {"type": "l2Book", "coin": coin.name, "nSigFigs": figures, "mantissa": named.get("mantissa"), "fast": is_fast}

    def read() -> Json:
        book = markets.book_of(dialect, coin, figures, mantissa)
        return {**book, "levels": [side[:FAST_LEVELS] for side in book["levels"]]} if is_fast else book

    return StateFeed("l2Book", told, FAST_PACE if is_fast else BOOK_PACE, read, REPEAT, but="time")


def bbo(dialect: Dialect, named: Json) -> Feed:
    coin = coin_of(dialect, named)

    def read() -> Json:
        return {"coin": coin.name, "time": dialect.now_ms, "bbo": markets.best(dialect, coin)}

    return StateFeed("bbo", {"type": "bbo", "coin": coin.name}, 0, read, but="time")


def all_mids(dialect: Dialect, named: Json) -> Feed:
    return StateFeed("allMids", {"type": "allMids"}, SLOW_PACE, lambda: {"mids": markets.all_mids(dialect, {})}, REPEAT)


def context(dialect: Dialect, named: Json) -> Feed:
    """Also of pairs that are no markets: an example of the SDK waits for one."""
    name = named.get("coin")
    if isinstance(name, str) and is_stand_in(dialect, name):
        return _context("activeSpotAssetCtx", name, lambda: markets.stand_in_context(name))
    coin = coin_of(dialect, named)
    return _context("activeSpotAssetCtx" if coin.is_spot else "activeAssetCtx", coin.name, lambda: markets.context(dialect, coin))


def _context(kind: str, name: str, read: Callable[[], Json]) -> Feed:
    return StateFeed(kind, {"type": "activeAssetCtx", "coin": name}, SLOW_PACE, lambda: {"coin": name, "ctx": read()}, REPEAT)


class Trades(Feed):
    def __init__(self, dialect: Dialect, coin: Coin) -> None:
        super().__init__("trades", {"type": "trades", "coin": coin.name})
        self.dialect, self.coin = dialect, coin
        self.again()

    def again(self) -> None:
        self.seq = newest(self.dialect.host.history.trades(self.coin.market, limit=1))

    def begin(self) -> list[object]:
        found = self.dialect.host.history.trades(self.coin.market, limit=RECENT)
        return [[markets.trade(self.dialect, self.coin, one) for one in found if one.seq <= self.seq]]

    def news(self) -> list[object]:
        found = self.dialect.host.history.trades(self.coin.market, after=self.seq)
        self.seq = max(self.seq, newest(found))
        return [[markets.trade(self.dialect, self.coin, one) for one in found]] if found else []


def newest(found: list[Any]) -> int:
    return found[-1].seq if found else 0


def trades(dialect: Dialect, named: Json) -> Feed:
    return Trades(dialect, coin_of(dialect, named))


class Candles(Feed):
    """The candle of now, and the one before it where that has ended since."""

    def __init__(self, dialect: Dialect, coin: Coin, interval: str) -> None:
        super().__init__("candle", {"type": "candle", "coin": coin.name, "interval": interval}, 250 * MS)
        self.dialect, self.coin, self.interval = dialect, coin, interval
        self.told: list[Json] = []

    def again(self) -> None:
        self.told = []

    def _read(self) -> list[Json]:
        found = self.dialect.host.history.candles(self.coin.market, self.interval, 0, asked.LARGEST * asked.MS, 2)
        return [markets.candle(self.coin, self.interval, one) for one in found if one.open or one.mark[0]]

    def begin(self) -> list[object]:
        return list(self._read()[-1:])

    def news(self) -> list[object]:
        before, self.told = self.told, self._read()
        return [one for one in self.told if one not in before] if before else []


def candle(dialect: Dialect, named: Json) -> Feed:
    interval = named.get("interval")
    if not isinstance(interval, str) or interval not in INTERVALS:
        raise Unknown(f"there are no candles of {named_as(interval)}", is_fatal=True)
    return Candles(dialect, coin_of(dialect, named), str(interval))


# -- accounts --


Reading = Callable[[int, int, int | None], list[Json]]  # behind an event, so many at most, up to another one


class OfAccount(AccountFeed):
    """One kind of record about an account; `read` gives those behind an event."""

    def __init__(
        self, dialect: Dialect, channel: str, asked: Json, account: int, read: Reading, wrap: Callable[[list[Json], bool], object]
    ) -> None:
        super().__init__(dialect, channel, asked, account)
        self.read, self.wrap = read, wrap
        self.is_whole = True

    def begin(self) -> list[object]:
        """Up to what the other readers were told: what is behind that comes to all."""
        return [self.wrap(self.read(0, SNAPSHOT, self.seq), True)]

    def happened(self, rows: list[list[int]], since: int) -> list[object]:
        found = self.read(since, ALL, None)
        return [self.wrap(found, False)] if found else []


def reading(find: Callable[[int, int], list[Any]], tell: Callable[[Any], Json | None]) -> Reading:
    """Records behind an event, as they are told."""

    def read(after: int, limit: int, until: int | None) -> list[Json]:
        found = [one for one in find(after, limit) if until is None or one.seq <= until]
        return [told for told in map(tell, found) if told is not None]

    return read


def told_as(name: str, address: str, newest_first: bool = False) -> Callable[[list[Json], bool], Json]:
    """How records of a user are told under a name. `newest_first`: in the first message, which is a snapshot."""

    def wrap(found: list[Json], is_first: bool) -> Json:
        told: Json = {"user": address, name: found[::-1] if is_first and newest_first else found}
        return {"isSnapshot": True, **told} if is_first else told

    return wrap


def _told(dialect: Dialect, tell: Callable[[Dialect, Coin, Any], Json], one: Any) -> Json | None:
    """None: it is of a market that this dialect does not have."""
    coin = dialect.coins.by_market.get(one.market)
    return None if coin is None else tell(dialect, coin, one)


def _fill(dialect: Dialect, account: int, one: Any) -> Json | None:
    coin = dialect.coins.by_market.get(one.market)
    return None if coin is None else past.told_fill(dialect, coin, account, one)


def _payment(dialect: Dialect, one: Any) -> Json | None:
    coin = dialect.coins.by_market.get(one.market)
    return None if coin is None else past.told_payment(coin, one)


def _fills(dialect: Dialect, account: int, aggregate: bool = False) -> Reading:
    def find(after: int, limit: int) -> list[Any]:
        found = dialect.host.history.fills(account, limit=limit, after=after)
        return past.aggregated(dialect, [one for one in found if one.market in dialect.coins.by_market]) if aggregate else found

    return reading(find, partial(_fill, dialect, account))


def _payments(dialect: Dialect, account: int) -> Reading:
    history = dialect.host.history
    return reading(lambda after, limit: history.payments(account, limit=limit, after=after), partial(_payment, dialect))


def user_fills(dialect: Dialect, named: Json) -> Feed:
    address, account = user_of(dialect, named)

    aggregate = named.get("aggregateByTime") is True
    named = {"type": "userFills", "user": address, "aggregateByTime": aggregate}
    return OfAccount(dialect, "userFills", named, account, _fills(dialect, account, aggregate), told_as("fills", address, True))


def user_fundings(dialect: Dialect, named: Json) -> Feed:
    address, account = user_of(dialect, named)

    def wrap(found: list[Json], is_first: bool) -> Json:
        return told_as("fundings", address)([{"time": one["time"], **flat(one["delta"])} for one in found], is_first)

    named = {"type": "userFundings", "user": address}
    return OfAccount(dialect, "userFundings", named, account, _payments(dialect, account), wrap)


def flat(delta: Json) -> Json:
    return {name: value for name, value in delta.items() if name != "type"}


def user_ledger(dialect: Dialect, named: Json) -> Feed:
    address, account = user_of(dialect, named)

    def read(after: int, limit: int, until: int | None) -> list[Json]:
        found = [one for one in past.ledger_records(dialect, account, after=after) if until is None or one.seq <= until]
        return past.told_ledger(dialect, account, found)[-limit:]

    named = {"type": "userNonFundingLedgerUpdates", "user": address}
    return OfAccount(dialect, "userNonFundingLedgerUpdates", named, account, read, told_as("nonFundingLedgerUpdates", address))


def twap_slices(dialect: Dialect, named: Json) -> Feed:
    address, account = user_of(dialect, named)

    named = {"type": "userTwapSliceFills", "user": address}
    return OfAccount(dialect, "userTwapSliceFills", named, account, _slices(dialect, account), told_as("twapSliceFills", address, True))


def _slices(dialect: Dialect, account: int) -> Reading:
    history = dialect.host.history
    return reading(lambda after, limit: history.fills(account, limit=limit, after=after), partial(twaps.told_slice, dialect, account))


def _stages(dialect: Dialect, account: int) -> Reading:
    return reading(
        lambda after, limit: twaps.stages(dialect, account, after)[-limit:], lambda one: twaps.told_stage(dialect, one)
    )  # fmt: skip


def twap_history(dialect: Dialect, named: Json) -> Feed:
    address, account = user_of(dialect, named)

    named = {"type": "userTwapHistory", "user": address}
    return OfAccount(dialect, "userTwapHistory", named, account, _stages(dialect, account), told_as("history", address, True))


class UserEvents(AccountFeed):
    """Fills, funding, own liquidations, TWAPs, and orders that the venue has cancelled, each kind in a message of its own."""

    def happened(self, rows: list[list[int]], since: int) -> list[object]:
        dialect, account, history = self.dialect, self.ear.account, self.dialect.host.history
        told: list[object] = []
        fills = _fills(dialect, account)(since, ALL, None)
        if fills:
            told.append({"fills": fills})
        told += [{"funding": flat(one["delta"])} for one in _payments(dialect, account)(since, ALL, None)]
        told += [{"liquidation": liquidation(dialect, one)} for one in history.liquidations(after=since) if one.account == account]
        stages, slices = _stages(dialect, account)(since, ALL, None), _slices(dialect, account)(since, ALL, None)
        told += [{"twapHistory": stages}] if stages else []
        told += [{"twapSliceFills": slices}] if slices else []
        ended = [_told(dialect, orders.past_order, one) for one in history.orders(account, after=since) if orders.is_by_venue(one)]
        gone = [{"coin": one["order"]["coin"], "oid": one["order"]["oid"]} for one in ended if one is not None]
        return [*told, {"nonUserCancel": gone}] if gone else told


def liquidation(dialect: Dialect, one: Any) -> Json:
    address, unit = dialect.people.address, dialect.host.units[one.market]
    value = dialect.host.exchange.account_value(one.account, 0)
    return {
        "lid": one.seq, "liquidator": address(one.against[0].account) if one.against else "", "liquidated_user": address(one.account),
        "liquidated_ntl_pos": usd(abs(one.size) * one.mark * unit), "liquidated_account_value": usd(value),
    }  # fmt: skip


def user_events(dialect: Dialect, named: Json) -> Feed:
    address, account = user_of(dialect, named)
    return UserEvents(dialect, "user", {"type": "userEvents", "user": address}, account)


class OrderUpdates(AccountFeed):
    """Each order that something has happened to, as it is now."""

    def happened(self, rows: list[list[int]], since: int) -> list[object]:
        history, account = self.dialect.host.history, self.ear.account
        touched = [history.order(account, number) for number in self._touched(rows)]
        found = [told for record in (*touched, *history.orders(account, after=since)) for told in self._told(record)]
        latest = {(one["order"]["oid"], one["order"].get("cloid")): one for one in found}
        return [list(latest.values())] if latest else []

    def _touched(self, rows: list[list[int]]) -> list[int]:
        """Orders that events of this account are about, in their order."""
        numbers: dict[int, None] = {}
        for row in rows:
            event = named_event(row)
            for name in ("order_id", "taker_order_id", "maker_order_id"):
                number = event.get(name)
                if isinstance(number, int) and number:
                    numbers[number] = None
        return list(numbers)

    def _told(self, record: Any) -> list[Json]:
        coin = self.dialect.coins.by_market.get(record.market) if record is not None and not record.is_twap else None
        return [] if coin is None else [self._short(told) for told in orders.past_orders(self.dialect, coin, record)]

    def _short(self, told: Json) -> Json:
        order = {name: value for name, value in told["order"].items() if name in PLAIN and (name != "reduceOnly" or value)}
        return {**told, "order": order}


def order_updates(dialect: Dialect, named: Json) -> Feed:
    address, account = user_of(dialect, named)
    return OrderUpdates(dialect, "orderUpdates", {"type": "orderUpdates", "user": address}, account)


class Notifications(AccountFeed):
    """Liquidations in words."""

    def happened(self, rows: list[list[int]], since: int) -> list[object]:
        coins, history = self.dialect.coins.by_market, self.dialect.host.history
        found = [one for one in history.liquidations(after=since) if one.account == self.ear.account and one.market in coins]
        return [{"notification": self._text(coins[one.market], one)} for one in found]

    def _text(self, coin: Coin, one: Any) -> str:
        return f"Liquidated: {in_words(coin.size(abs(one.size)))} {coin.name} at {in_words(coin.price(one.price))}"


def notification(dialect: Dialect, named: Json) -> Feed:
    address, account = user_of(dialect, named)
    return Notifications(dialect, "notification", {"type": "notification", "user": address}, account)


def of_state(kind: str, read: Callable[[Dialect, str, int], Json], has_dex: bool = False) -> Made:
    """What an account has, told again and again, since bots wait for it. `has_dex`: it is asked for of one dex."""

    def made(dialect: Dialect, named: Json) -> Feed:
        address, account = user_of(dialect, named)
        if has_dex and named.get("dex") not in (None, ""):
            raise Unknown("there is one dex, whose name is empty")
        told = {"type": kind, "user": address} | ({"dex": ""} if has_dex else {})
        return StateFeed(kind, told, SLOW_PACE, lambda: read(dialect, address, account), REPEAT)

    return made


def _clearinghouse(dialect: Dialect, address: str, account: int) -> Json:
    return {"dex": "", "user": address, "clearinghouseState": accounts.state_of(dialect, account)}


def _open_orders(dialect: Dialect, address: str, account: int) -> Json:
    return {"dex": "", "user": address, "orders": orders.frontend_of(dialect, account)}


def _spot_state(dialect: Dialect, address: str, account: int) -> Json:
    return {"user": address, "spotState": accounts.spot_state_of(dialect, account)}


def _twap_states(dialect: Dialect, address: str, account: int) -> Json:
    return {"dex": "", "user": address, "states": twaps.states_of(dialect, account)}


def _web_data(dialect: Dialect, address: str, account: int) -> Json:
    return info.web_data_of(dialect, address, account, dialect.shared("markets", partial(info.of_markets, dialect)))


def _web_data_3(dialect: Dialect, address: str, account: int) -> Json:
    return info.web_data_3_of(dialect, address)


def active(dialect: Dialect, named: Json) -> Feed:
    address, account = user_of(dialect, named)
    coin = coin_of(dialect, named)
    named = {"type": "activeAssetData", "user": address, "coin": coin.name}
    return StateFeed("activeAssetData", named, SLOW_PACE, lambda: accounts.asset_data_of(dialect, account, address, coin), REPEAT)


SUBSCRIPTIONS.add("l2Book", l2_book, "part", (
    "20 levels of a side, every 0.5 s when it has changed; with `fast` 5 levels, every 0.1 s; `n` counts up to 1,000 orders of a price"
))  # fmt: skip
SUBSCRIPTIONS.add("bbo", bbo)
SUBSCRIPTIONS.add("trades", trades)
SUBSCRIPTIONS.add("candle", candle)
SUBSCRIPTIONS.add("allMids", all_mids, "part", "every second when they have changed")
SUBSCRIPTIONS.add("activeAssetCtx", context)
SUBSCRIPTIONS.add("activeAssetData", active)
SUBSCRIPTIONS.add("orderUpdates", order_updates, "part", "an order that changes more than once between two messages is told as it is then")
SUBSCRIPTIONS.add("userEvents", user_events)
SUBSCRIPTIONS.add("user", user_events)
SUBSCRIPTIONS.add("userFills", user_fills, "part", info.OF_FILLS)
SUBSCRIPTIONS.add("userFundings", user_fundings)
SUBSCRIPTIONS.add("userNonFundingLedgerUpdates", user_ledger, "part", info.ONE_MOMENT)
SUBSCRIPTIONS.add("userTwapSliceFills", twap_slices)
SUBSCRIPTIONS.add("userTwapHistory", twap_history)
SUBSCRIPTIONS.add("twapStates", of_state("twapStates", _twap_states))
SUBSCRIPTIONS.add("notification", notification, "part", "of liquidations")
SUBSCRIPTIONS.add("webData2", of_state("webData2", _web_data), "part", "the fields that bots read")
SUBSCRIPTIONS.add("webData3", of_state("webData3", _web_data_3), "part", info.OF_WEB_DATA_3)
SUBSCRIPTIONS.add("clearinghouseState", of_state("clearinghouseState", _clearinghouse, has_dex=True))
SUBSCRIPTIONS.add("openOrders", of_state("openOrders", _open_orders, has_dex=True))
SUBSCRIPTIONS.add("spotState", of_state("spotState", _spot_state))
