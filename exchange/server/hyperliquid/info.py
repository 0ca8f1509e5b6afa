"""Questions of this dialect: /info. Each answer is what the live venue's would be; docs/hyperliquid.md says where it is not."""

from __future__ import annotations

from typing import Any, Final

from ..history.records import INTERVALS
from . import accounts, markets, orders
from .coins import Coin, text, usd
from .dialect import Dialect
from .errors import Unreadable
from .registry import Registry
from .signing import Bad, address_of

Json = dict[str, Any]
NOT_READ: Final = "Failed to deserialize the JSON body into the target type"
MOST: Final = 2_000  # fills, orders
MOST_CANDLES: Final = 5_000
MOST_CHARGES: Final = 500
EVER_NS: Final = 1 << 62
INFO: Final = Registry("Info: POST /info")


def answer(dialect: Dialect, body: Json) -> object:
    """Raises Unreadable, and Failed where an address gets no account."""
    entry = INFO.get(body.get("type"))
    assert entry is not None, "who asks has looked"
    return entry.call(dialect, body)


# -- what a question names --


def user(dialect: Dialect, body: Json, name: str = "user") -> tuple[str, int | None]:
    """Address and account; it becomes known by that. Raises Unreadable or Failed."""
    try:
        address = address_of(body.get(name))
    except Bad:
        raise Unreadable(NOT_READ) from None
    return address, dialect.people.account(address)


def coin_of(dialect: Dialect, body: Json) -> Coin:
    """Raises Unreadable."""
    named = body.get("coin")
    coin = dialect.coins.by_name.get(named) if isinstance(named, str) else None
    if coin is None:
        raise Unreadable(NOT_READ)
    return coin


def time(body: Json, name: str, default: int | None = None) -> int:
    """[ns] of a time in ms. Raises Unreadable."""
    given = body.get(name, default)
    if given is None and default is not None:
        given = default
    if type(given) is not int or not 0 <= given < 1 << 43:
        raise Unreadable(NOT_READ)
    return given * 1_000_000


def span(body: Json) -> tuple[int, int]:
    """From startTime, which ccxt leaves out, to endTime [ns]. Raises Unreadable."""
    return time(body, "startTime", 0), time(body, "endTime") if body.get("endTime") is not None else EVER_NS


# -- the venue --


def l2_book(dialect: Dialect, body: Json) -> Json:
    return markets.book(dialect, coin_of(dialect, body), *figures(body))


def figures(body: Json) -> tuple[int | None, int]:
    """nSigFigs and mantissa. Raises Unreadable."""
    count, mantissa = body.get("nSigFigs"), body.get("mantissa")
    if not (count is None or (type(count) is int and 2 <= count <= 5)):
        raise Unreadable(NOT_READ)
    if not (mantissa is None or (type(mantissa) is int and mantissa in (1, 2, 5) and count == 5)):
        raise Unreadable(NOT_READ)
    return count, mantissa or 1


def recent_trades(dialect: Dialect, body: Json) -> list[Json]:
    coin = coin_of(dialect, body)
    return [markets.trade(dialect, coin, one) for one in reversed(dialect.host.history.trades(coin.market, limit=30))]


def candles(dialect: Dialect, body: Json) -> list[Json]:
    asked = body.get("req")
    if not isinstance(asked, dict) or asked.get("interval") not in INTERVALS:
        raise Unreadable(NOT_READ)
    coin, interval = coin_of(dialect, asked), str(asked["interval"])
    found = dialect.host.history.candles(coin.market, interval, *span(asked), limit=MOST_CANDLES)
    return [markets.candle(coin, interval, one) for one in found]


def funding_history(dialect: Dialect, body: Json) -> list[Json]:
    coin = coin_of(dialect, body)
    found = dialect.host.history.charges(coin.market, *span(body))
    return [markets.charge(dialect, coin, one) for one in found[:MOST_CHARGES]]


def predicted_fundings(dialect: Dialect, body: Json) -> list[Any]:
    """Of this venue alone."""
    return [[coin.name, [["HlPerp", next_funding(dialect, coin)]]] for coin in dialect.coins.perpetuals]


def next_funding(dialect: Dialect, coin: Coin) -> Json:
    due = dialect.host.exchange.funding_due(coin.market) // 1_000_000
    return {"fundingRate": markets.hourly(dialect, coin), "nextFundingTime": due, "fundingIntervalHours": 1}


def contexts(dialect: Dialect, body: Json) -> list[Any]:
    return [markets.meta(dialect), [markets.context(dialect, coin) for coin in dialect.coins.perpetuals]]


def spot_contexts(dialect: Dialect, body: Json) -> list[Any]:
    return [markets.spot_meta(dialect), markets.spot_contexts(dialect)]


def at_cap(dialect: Dialect, body: Json) -> list[str]:
    venue = dialect.host.exchange
    capped = [(coin, venue.state.markets[coin.market].open_interest_cap) for coin in dialect.coins.perpetuals]
    return [coin.name for coin, cap in capped if cap and venue.open_interest(coin.market) >= cap]


# -- an account --


def clearinghouse(dialect: Dialect, body: Json) -> Json:
    return accounts.clearinghouse(dialect, user(dialect, body)[1])


def spot_clearinghouse(dialect: Dialect, body: Json) -> Json:
    return accounts.spot_state(dialect, user(dialect, body)[1])


def frontend_orders(dialect: Dialect, body: Json) -> list[Json]:
    _, account = user(dialect, body)
    return orders.open_of(dialect, account) if account is not None else []


def open_orders(dialect: Dialect, body: Json) -> list[Json]:
    return [orders.plain(one) for one in frontend_orders(dialect, body)]


def order_status(dialect: Dialect, body: Json) -> Json:
    _, account = user(dialect, body)
    given = body.get("oid")
    if not isinstance(given, int | str) or isinstance(given, bool):
        raise Unreadable(NOT_READ)
    if account is None:
        return {"status": "unknownOid"}
    try:
        return orders.status(dialect, account, given)
    except ValueError:
        raise Unreadable(NOT_READ) from None


def historical_orders(dialect: Dialect, body: Json) -> list[Json]:
    _, account = user(dialect, body)
    if account is None:
        return []
    still = [{"order": one, "status": "open", "statusTimestamp": one["timestamp"]} for one in orders.open_of(dialect, account)]
    ended = (orders.record(dialect, one) for one in reversed(dialect.host.history.orders(account, limit=MOST)))
    return [*still, *(one for one in ended if one is not None)][:MOST]


def fills(dialect: Dialect, account: int | None, since: int = 0, until: int = EVER_NS) -> list[Json]:
    """The newest first."""
    found = dialect.host.history.fills(account, since, until, MOST) if account is not None else []
    told = (orders.fill(dialect, one) for one in reversed(found))
    return [one for one in told if one is not None]


def user_fills(dialect: Dialect, body: Json) -> list[Json]:
    found = fills(dialect, user(dialect, body)[1])
    return aggregated(found) if body.get("aggregateByTime") is True else found


def user_fills_by_time(dialect: Dialect, body: Json) -> list[Json]:
    """The oldest first."""
    since, until = span(body)
    found = fills(dialect, user(dialect, body)[1], since, until)
    return (aggregated(found) if body.get("aggregateByTime") is True else found)[::-1]


def aggregated(found: list[Json]) -> list[Json]:
    """Fills of one order at one time and price as one."""
    told: list[Json] = []
    for one in found:
        last = told[-1] if told else None
        if last is None or any(last[name] != one[name] for name in ("oid", "time", "px", "side", "coin")) or one["oid"] == 0:
            told.append(dict(one))
            continue
        for name in ("sz", "fee", "closedPnl"):
            last[name] = summed(last[name], one[name])
        last["startPosition"] = one["startPosition"]  # the newest come first
    return told


def summed(first: str, second: str) -> str:
    """Of two decimal texts."""
    decimals = max(len(one.partition(".")[2]) for one in (first, second))
    return text(sum(_scaled(one, decimals) for one in (first, second)), decimals)


def _scaled(number: str, decimals: int) -> int:
    whole, _, part = number.partition(".")
    return int(whole + part.ljust(decimals, "0"))


def user_funding(dialect: Dialect, body: Json) -> list[Json]:
    _, account = user(dialect, body)
    found = dialect.host.history.payments(account, *span(body)) if account is not None else []
    told = (accounts.funding(dialect, one) for one in found[:MOST_CHARGES])
    return [one for one in told if one is not None]


def ledger(dialect: Dialect, body: Json) -> list[Json]:
    _, account = user(dialect, body)
    if account is None:
        return []
    told = (accounts.move(dialect, account, one) for one in dialect.host.history.moves(account, *span(body)))
    return [one for one in told if one is not None]


def user_fees(dialect: Dialect, body: Json) -> Json:
    return accounts.fees(dialect, user(dialect, body)[1])


def rate_limit(dialect: Dialect, body: Json) -> Json:
    address, account = user(dialect, body)
    volume = dialect.host.exchange.traded(account)[0] if account is not None else 0
    return {
        "cumVlm": usd(volume),
        "nRequestsUsed": dialect.used(address),
        "nRequestsCap": 10_000 + volume // 1_000_000,
        "nRequestsSurplus": 0,
    }


def sub_accounts(dialect: Dialect, body: Json) -> list[Json]:
    address, _ = user(dialect, body)
    told = []
    for name, sub in dialect.people.sub_accounts(address):
        account = dialect.people.account(sub)
        told.append({
            "name": name, "subAccountUser": sub, "master": address, "clearinghouseState": accounts.clearinghouse(dialect, account),
            "spotState": accounts.spot_state(dialect, account),
        })  # fmt: skip
    return told


def extra_agents(dialect: Dialect, body: Json) -> list[Json]:
    address, _ = user(dialect, body)
    return [{"name": name, "address": agent, "validUntil": until} for name, agent, until in dialect.people.agents(address) if name]


def role(dialect: Dialect, body: Json) -> Json:
    address, account = user(dialect, body)
    master = dialect.host.people.owner_of.get(account) if account is not None else None
    if account is None or master is None:
        return {"role": "missing"}
    return {"role": "user"} if master.name == address else {"role": "subAccount", "data": {"master": master.name}}


def active(dialect: Dialect, body: Json) -> Json:
    address, account = user(dialect, body)
    return accounts.active(dialect, address, account, coin_of(dialect, body))


def web_data(dialect: Dialect, body: Json) -> Json:
    address, account = user(dialect, body)
    return accounts.web_data(dialect, address, account, orders.open_of(dialect, account) if account is not None else [])


def portfolio(dialect: Dialect, body: Json) -> list[Any]:
    return accounts.portfolio(dialect, user(dialect, body)[1])


def referral(dialect: Dialect, body: Json) -> Json:
    user(dialect, body)
    return {
        "referredBy": None, "cumVlm": "0.0", "unclaimedRewards": "0.0", "claimedRewards": "0.0", "builderRewards": "0.0",
        "tokenToState": [], "referrerState": {"stage": "ready", "data": {"code": "", "nReferrals": 0, "referralStates": []}},
        "rewardHistory": [],
    }  # fmt: skip


def fixed(value: object) -> Any:
    """An answer that is always the same."""
    return lambda dialect, body: value


ONE_MONEY: Final = "one balance serves perpetuals and spot; it is told by clearinghouseState"
NO_SPOT: Final = f"a venue without spot markets tells one, {markets.NOT_TRADED}, that cannot be traded: clients want one"
NONE_HERE: Final = "there is none here: an empty answer"
INFO.add("meta", lambda dialect, body: markets.meta(dialect))
INFO.add("spotMeta", lambda dialect, body: markets.spot_meta(dialect), "part", NO_SPOT)
INFO.add("allMids", lambda dialect, body: markets.all_mids(dialect), weight=2)
INFO.add("l2Book", l2_book, "part", "`n`, how many orders a level has, is not counted: always 1", weight=2)
INFO.add("metaAndAssetCtxs", contexts)
INFO.add("spotMetaAndAssetCtxs", spot_contexts, "part", NO_SPOT)
INFO.add("recentTrades", recent_trades)
INFO.add("candleSnapshot", candles, "part", "the last 5,000 minutes, and hours, of each market")
INFO.add("fundingHistory", funding_history)
INFO.add("predictedFundings", predicted_fundings, "part", "of this venue alone")
INFO.add("perpsAtOpenInterestCap", at_cap)
INFO.add("exchangeStatus", lambda dialect, body: {"specialStatuses": None, "time": dialect.now_ms}, weight=2)
INFO.add("clearinghouseState", clearinghouse, weight=2)
INFO.add("spotClearinghouseState", spot_clearinghouse, "part", ONE_MONEY, weight=2)
INFO.add("openOrders", open_orders)
INFO.add("frontendOpenOrders", frontend_orders)
INFO.add("orderStatus", order_status, weight=2)
INFO.add("historicalOrders", historical_orders)
INFO.add("userFills", user_fills)
INFO.add("userFillsByTime", user_fills_by_time)
INFO.add("userFunding", user_funding)
INFO.add("userNonFundingLedgerUpdates", ledger)
INFO.add("userFees", user_fees, "part", "rates of the first perpetual; daily volumes are not kept")
INFO.add("userRateLimit", rate_limit)
INFO.add("userRole", role, weight=60)
INFO.add("subAccounts", sub_accounts)
INFO.add("extraAgents", extra_agents)
INFO.add("activeAssetData", active)
INFO.add("webData2", web_data, "part", "the fields that bots read")
INFO.add("portfolio", portfolio, "part", "values as of now; their history is not kept")
INFO.add("referral", referral, "part", "nobody refers anybody")
INFO.add("perpDexs", fixed([None]), "part", "there is one")
INFO.add("allPerpMetas", lambda dialect, body: [markets.meta(dialect)], "part", "there is one")
INFO.add("userAbstraction", fixed("disabled"), "part", "always `disabled`")
INFO.add("userDexAbstraction", fixed(False), "part", "always false")
INFO.add("maxBuilderFee", fixed(0), "part", "builders are paid nothing")
INFO.add("outcomeMeta", fixed({"outcomes": [], "questions": []}), "part", NONE_HERE)
for name in ("userTwapSliceFills", "userVaultEquities", "delegations", "delegatorRewards", "delegatorHistory", "userToMultiSigSigners"):
    INFO.add(name, fixed(None if name == "userToMultiSigSigners" else []), "part", NONE_HERE)
INFO.add("delegatorSummary", fixed({
    "delegated": "0.0", "undelegated": "0.0", "totalPendingWithdrawal": "0.0", "nPendingWithdrawals": 0
}), "part", NONE_HERE)  # fmt: skip
