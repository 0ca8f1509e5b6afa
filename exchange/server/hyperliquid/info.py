"""/info: every question that this dialect has an answer to, and what it costs by the documented rate limit.

`answer` is all that a shell needs. It raises Unreadable for a body that is no question: its text is the reply, with HTTP 422. Questions
about a coin that the venue does not have are answered with null, those about a user who is not known as about one who has nothing.
"""

from __future__ import annotations

from logging import WARNING
from typing import Any, Final

from ..log import note
from . import accounts, asked, markets, meta, orders, past, twaps, users
from .asked import Body
from .dialect import Dialect
from .kinds import kind_of, told
from .registry import Registry

INFO: Final = Registry("Info: POST /info")
PER_ITEMS: Final = {  # [items] one more of weight for each
    "recentTrades": 20, "historicalOrders": 20, "userFills": 20, "userFillsByTime": 20, "fundingHistory": 20, "userFunding": 20,
    "userNonFundingLedgerUpdates": 20, "twapHistory": 20, "userTwapSliceFills": 20, "userTwapSliceFillsByTime": 20, "candleSnapshot": 60,
}  # fmt: skip
KEPT_PAST: Final = "the last 2,000 records of an account, since the start of the server"
OF_FILLS: Final = (
    "closedPnl is before fees, which are in USDC also of spot trades; what the venue did without an order, in a liquidation say, has an "
    "`oid` from 2^52 on"
)
OF_REFUSALS: Final = "the last 500 refused orders among them, with an `oid` from 2^52 on; those that never reached the venue are not there"
ONE_MOMENT: Final = "a liquidation has an entry for each moment at which it closes something; `debtForgiven` is what others paid of it"
OF_WEB_DATA_3: Final = "without vaults; `cumLedger` is always 0; positions and orders have subscriptions of their own, as there"
NO_AUCTION: Final = {"startTimeSeconds": 0, "durationSeconds": 0, "startGas": "0.0", "currentGas": None, "endGas": None}


def answer(dialect: Dialect, body: object) -> Any:
    """The reply to the body of a question. Raises Unreadable."""
    if not isinstance(body, dict):
        raise asked.unreadable(f"the body is {kind_of(body)}, not a map")
    if not isinstance(body.get("type"), str):
        raise asked.misfit(body, "type", "a text")
    entry = INFO.get(body.get("type"))
    if entry is None:
        note("unknown_request", WARNING, of="info", type=str(body.get("type"))[:64])
        raise asked.unreadable()
    if body.get("dex") not in (None, ""):  # there are no others' venues here
        raise asked.unreadable(f"dex is {told(body['dex'])}; there is one here, whose name is empty")
    return entry.call(dialect, body)


def weight_of(name: str, told: object) -> int:
    """What a question costs by the documented rate limit, and its answer by its length."""
    entry = INFO.get(name)
    assert entry is not None, name
    return entry.weight + (len(told) // PER_ITEMS[name] if name in PER_ITEMS and isinstance(told, list) else 0)


# -- questions whose answers are always the same ----------------------------------------------------------------------------------


def exchange_status(dialect: Dialect, body: Body) -> dict[str, Any]:
    return {"specialStatuses": None, "time": dialect.now_ms}


def web_data_2(dialect: Dialect, body: Body) -> dict[str, Any]:
    """What the front end shows at once."""
    user = asked.address_of(body)
    return web_data_of(dialect, user, dialect.people.account(user), of_markets(dialect))


def of_markets(dialect: Dialect) -> dict[str, Any]:
    """The part of it that is the same for all users."""
    told_meta, contexts = markets.meta_and_contexts(dialect, {})
    return {
        "meta": told_meta, "assetCtxs": contexts, "spotAssetCtxs": markets.spot_contexts(dialect),
        "perpsAtOpenInterestCap": meta.at_open_interest_cap(dialect, {}),
    }  # fmt: skip


def web_data_of(dialect: Dialect, user: str, account: int | None, shared: dict[str, Any]) -> dict[str, Any]:
    return {
        "clearinghouseState": accounts.state_of(dialect, account), "leadingVaults": [], "totalVaultEquity": "0.0",
        "openOrders": [] if account is None else orders.frontend_of(dialect, account), "agentAddress": None, "agentValidUntil": None,
        "cumLedger": "0.0", "serverTime": dialect.now_ms, "isVault": False, "user": user,
        "twapStates": [] if account is None else twaps.states_of(dialect, account),
        "spotState": accounts.spot_state_of(dialect, account), **shared,
    }  # fmt: skip


def web_data_3(dialect: Dialect, body: Body) -> dict[str, Any]:
    return web_data_3_of(dialect, asked.address_of(body))


def web_data_3_of(dialect: Dialect, user: str) -> dict[str, Any]:
    """What the front end of today shows beside what it subscribes to by itself. The wallet is the one without a name, as its own is.
    Source: nktkas' schema of the subscription."""
    unnamed = [(address, until) for name, address, until in dialect.people.agents(user) if not name]
    agent, until = unnamed[0] if unnamed else (None, 0)
    state = {
        "agentAddress": agent, "agentValidUntil": until or None, "cumLedger": "0.0", "serverTime": dialect.now_ms, "isVault": False,
        "user": user, "dexAbstractionEnabled": False, "abstraction": "disabled",
    }  # fmt: skip
    dex = {"totalVaultEquity": "0.0", "perpsAtOpenInterestCap": meta.at_open_interest_cap(dialect, {})}
    return {"userState": state, "perpDexStates": [dex]}


def constant(told: Any, of_user: bool) -> Any:
    """Answers always the same; `of_user`: to a question that has to name a user."""

    def call(dialect: Dialect, body: Body) -> Any:
        if of_user:
            asked.address_of(body)
        return told

    return call


def add_prices() -> None:
    INFO.add("meta", meta.meta)
    INFO.add("allPerpMetas", meta.all_perp_metas)
    INFO.add("perpDexs", meta.perp_dexs)
    INFO.add("perpsAtOpenInterestCap", meta.at_open_interest_cap)
    note_of_pairs = (
        "PURR/USDC and @1, where the venue has no spot market, and numbers that its pairs leave out are listed and cannot be traded: "
        "clients ask for them"
    )
    INFO.add("spotMeta", meta.spot_meta, "part", note_of_pairs)
    INFO.add("metaAndAssetCtxs", markets.meta_and_contexts)
    INFO.add("spotMetaAndAssetCtxs", markets.spot_meta_and_contexts, "part", note_of_pairs)
    INFO.add("allMids", markets.all_mids, weight=2)
    bounded = "made of the best 5,000 prices of a side; n counts up to 1,000 orders of a price"
    INFO.add("l2Book", markets.l2_book, "part", bounded, weight=2)
    INFO.add("recentTrades", markets.recent_trades, "part", "the last 100, since the start of the server")
    INFO.add("candleSnapshot", markets.candle_snapshot, "part", "since the start of the server; before the first trade they are the mark's")
    INFO.add("fundingHistory", markets.funding_history, "part", "the last 2,000 of a market, since the start of the server")
    INFO.add("predictedFundings", markets.predicted_fundings, "part", "of this venue alone")
    INFO.add("exchangeStatus", exchange_status, weight=2)


def add_accounts() -> None:
    of_leverage = (
        "the leverage of a coin that a user has not set is the design's (the largest, if that names none); which one the live venue gives "
        "is not documented"
    )
    of_room = (
        "margin that open orders use is used on both sides; of an isolated coin it is what its orders may draw from cash, of which the "
        "transfer margin of cross positions (10 % of their notional) stays behind; what the live venue keeps back there is not documented"
    )
    of_coins = "coins that count as margin are told of in spotClearinghouseState alone; funding is summed up over what is kept"
    INFO.add("clearinghouseState", accounts.clearinghouse_state, "part", of_coins, weight=2)
    one_balance = (
        "an account has one balance: its free dollars are told here and in accountValue; empty on a venue without spot markets; `entryNtl` "
        "is what kept fills have paid, and nothing of coins that were sent"
    )
    INFO.add("spotClearinghouseState", accounts.spot_clearinghouse_state, "part", one_balance, weight=2)
    INFO.add("subAccounts", accounts.sub_accounts)
    INFO.add("activeAssetData", accounts.active_asset_data, "part", f"{of_room}; {of_leverage}")
    INFO.add("openOrders", orders.open_orders)
    of_children = "`children` that wait for the first fill of their order have an `oid` from 1.5 x 2^52 on, which cannot be cancelled"
    INFO.add("frontendOpenOrders", orders.frontend_open_orders, "part", of_children)
    INFO.add("orderStatus", orders.order_status, "part", f"{KEPT_PAST}; {OF_REFUSALS}", weight=2)
    INFO.add("historicalOrders", orders.historical_orders, "part", f"{KEPT_PAST}; {OF_REFUSALS}")
    INFO.add("userFills", past.user_fills, "part", f"{KEPT_PAST}; {OF_FILLS}")
    INFO.add("userFillsByTime", past.user_fills_by_time, "part", f"{KEPT_PAST}; {OF_FILLS}")
    INFO.add("userFunding", past.user_funding, "part", KEPT_PAST)
    INFO.add("userNonFundingLedgerUpdates", past.ledger_updates, "part", f"{KEPT_PAST}; {ONE_MOMENT}")
    INFO.add("userTwapSliceFills", twaps.slice_fills, "part", KEPT_PAST)
    INFO.add("userTwapSliceFillsByTime", twaps.slice_fills_by_time, "part", KEPT_PAST)
    INFO.add("twapHistory", twaps.twap_history, "part", f"{KEPT_PAST}; of each TWAP its beginning and its end")
    INFO.add("webData2", web_data_2, "part", "without vaults and agents")
    INFO.add("webData3", web_data_3, "part", OF_WEB_DATA_3)


def add_users() -> None:
    INFO.add("userFees", users.user_fees, "part", "rates of the first coin, by the design's tiers; no discounts; volume of kept fills")
    INFO.add("userRateLimit", users.user_rate_limit, "part", "of the volume of kept fills")
    INFO.add("userRole", users.user_role, weight=60)
    INFO.add("extraAgents", users.extra_agents)
    INFO.add("referral", users.referral, "part", "there are no referrals")
    INFO.add("maxBuilderFee", users.max_builder_fee, "part", "every builder is approved, and none is paid")
    INFO.add("portfolio", users.portfolio, "part", "the present alone, without a curve of the past")
    INFO.add("userAbstraction", constant("disabled", True))
    INFO.add("userDexAbstraction", constant(False, True))
    INFO.add("userToMultiSigSigners", constant(None, True), "part", "nobody is a multi-sig user")
    INFO.add("approvedBuilders", constant([], True), "part", "empty: every builder is approved, and none is paid")


def add_what_is_not_there() -> None:
    """Questions that clients ask when they begin: the shape of nothing."""
    none = "there is no staking"
    summary = {"delegated": "0.0", "undelegated": "0.0", "totalPendingWithdrawal": "0.0", "nPendingWithdrawals": 0}
    INFO.add("delegatorSummary", constant(summary, True), "part", none)
    for name in ("delegations", "delegatorRewards", "delegatorHistory"):
        INFO.add(name, constant([], True), "part", none)
    for name in ("userVaultEquities", "leadingVaults"):
        INFO.add(name, constant([], True), "part", "there are no vaults")
    INFO.add("vaultSummaries", constant([], False), "part", "there are no vaults")
    INFO.add("outcomeMeta", constant({"outcomes": [], "questions": []}, False), "part", "there are no prediction markets")
    INFO.add("perpDeployAuctionStatus", constant(NO_AUCTION, False), "part", "nothing is deployed here")
    INFO.add("spotDeployState", constant({"states": [], "gasAuction": NO_AUCTION}, True), "part", "nothing is deployed here")


add_prices()
add_accounts()
add_users()
add_what_is_not_there()
