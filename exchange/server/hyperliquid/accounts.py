"""What an account has, as this dialect tells it: margin, positions, balances, funding, money that came and went, fees.

accountValue = totalRawUsd + the signed values of all positions: raw is what would be left if these were worth nothing.
"""

from __future__ import annotations

from typing import Any, Final

from ...schema.codes import MarginMode
from ...schema.views import Position
from ..history.records import Fill, Move, MoveKind, Payment
from .coins import Coin, text, usd
from .dialect import Dialect
from .markets import context, hash_of, meta, rate, spot_contexts

Json = dict[str, Any]
DAY_NS: Final = 86_400_000_000_000
RATIO: Final = 10  # decimals of a return
NOBODY: Final[Json] = {  # of an address that has no account
    "marginSummary": {"accountValue": "0.0", "totalNtlPos": "0.0", "totalRawUsd": "0.0", "totalMarginUsed": "0.0"},
    "crossMarginSummary": {"accountValue": "0.0", "totalNtlPos": "0.0", "totalRawUsd": "0.0", "totalMarginUsed": "0.0"},
    "crossMaintenanceMarginUsed": "0.0",
    "withdrawable": "0.0",
    "assetPositions": [],
}


# -- margin and positions --


def clearinghouse(dialect: Dialect, account: int | None) -> Json:
    if account is None:
        return {**NOBODY, "time": dialect.now_ms}
    venue = dialect.host.exchange
    held = [(coin, venue.position(account, coin.market)) for coin in dialect.coins.perpetuals]
    held = [(coin, one) for coin, one in held if one.size]
    told = [_position(dialect, coin, one) for coin, one in held]
    crosses = [place for place, (_, one) in enumerate(held) if one.mode == MarginMode.CROSS]
    values = [_value(dialect, coin, one) for coin, one in held]
    used = [_margin_used(dialect, coin, one) for coin, one in held]
    every = range(len(held))
    return {
        "marginSummary": _summary(venue.account_value(account, 0), [values[one] for one in every], [used[one] for one in every]),
        "crossMarginSummary": _summary(venue.equity(account, 0), [values[one] for one in crosses], [used[one] for one in crosses]),
        "crossMaintenanceMarginUsed": usd(venue.maintenance_margin(account, 0)), "withdrawable": usd(max(0, venue.free_margin(account, 0))),
        "assetPositions": [{"type": "oneWay", "position": one} for one in told], "time": dialect.now_ms,
    }  # fmt: skip


def _summary(value: int, values: list[int], used: list[int]) -> Json:
    return {
        "accountValue": usd(value), "totalNtlPos": usd(sum(map(abs, values))), "totalRawUsd": usd(value - sum(values)),
        "totalMarginUsed": usd(sum(used)),
    }  # fmt: skip


def _value(dialect: Dialect, coin: Coin, one: Position) -> int:
    """[micro] at the mark, signed."""
    return one.size * dialect.host.exchange.mark_price(coin.market) * coin.unit


def _margin_used(dialect: Dialect, coin: Coin, one: Position) -> int:
    """[micro] what its leverage requires; of an isolated one all that it has."""
    if one.mode == MarginMode.ISOLATED:
        return dialect.host.exchange.isolated_equity(one.account, coin.market)
    return abs(_value(dialect, coin, one)) // one.leverage


def _position(dialect: Dialect, coin: Coin, one: Position) -> Json:
    venue = dialect.host.exchange
    value = _value(dialect, coin, one)
    profit, used = value - one.entry_notional, _margin_used(dialect, coin, one)
    paid_in = abs(one.entry_notional) // one.leverage
    price = venue.liquidation_price(one.account, coin.market)
    return {
        "coin": coin.name, "szi": coin.size(one.size), "leverage": leverage(dialect, coin, one, value),
        "entryPx": coin.average(abs(one.entry_notional), abs(one.size)), "positionValue": usd(abs(value)), "unrealizedPnl": usd(profit),
        "returnOnEquity": text(profit * 10**RATIO // paid_in, RATIO) if paid_in else "0.0",
        "liquidationPx": coin.price(price) if price else None,
        "marginUsed": usd(used), "maxLeverage": venue.design.markets[coin.market].max_leverage,
        "cumFunding": _cumulative(dialect, coin, one.account),
    }  # fmt: skip


def leverage(dialect: Dialect, coin: Coin, one: Position, value: int = 0) -> Json:
    if one.mode != MarginMode.ISOLATED:
        return {"type": "cross", "value": one.leverage}
    raw = dialect.host.exchange.isolated_equity(one.account, coin.market) - value
    return {"type": "isolated", "value": one.leverage, "rawUsd": usd(raw)}


def _cumulative(dialect: Dialect, coin: Coin, account: int) -> Json:
    """Funding that was paid (below zero: received), as far as it is kept; since the position was opened, and since it last changed."""
    history = dialect.host.history
    fills = [one for one in history.fills(account) if one.market == coin.market]
    opened = next((one.ts for one in reversed(fills) if opens(one)), 0)
    changed = fills[-1].ts if fills else 0
    paid = [(one.ts, -one.amount) for one in history.payments(account) if one.market == coin.market]
    sums = {name: sum(amount for ts, amount in paid if ts >= since) for name, since in (("sinceOpen", opened), ("sinceChange", changed))}
    return {"allTime": usd(sum(amount for _, amount in paid)), **{name: usd(amount) for name, amount in sums.items()}}


def opens(one: Fill) -> bool:
    """Did a position begin with it?"""
    after = one.start + one.lots * (1 if one.side == 0 else -1)
    return one.start == 0 or (one.start > 0) != (after > 0)


def spot_state(dialect: Dialect, account: int | None) -> Json:
    """Balances of coins. The cash of perpetuals is in clearinghouseState, as both are one here."""
    if account is None:
        return {"balances": []}
    venue = dialect.host.exchange
    held: dict[int, int] = {}  # [micro] that open orders sell
    for one in venue.open_orders(account) if dialect.coins.spots else ():
        coin = dialect.coins.by_market.get(one.market)
        if coin is not None and coin.is_spot and one.side:
            held[coin.base] = held.get(coin.base, 0) + one.size * coin.lot * 10**6 // 10**coin.size_decimals
    return {"balances": [
        {"coin": name, "token": number, "hold": usd(held.get(number, 0)), "total": usd(venue.balance(account, number)), "entryNtl": "0.0"}
        for number, name in enumerate(dialect.coins.tokens) if number and venue.balance(account, number)
    ]}  # fmt: skip


def active(dialect: Dialect, address: str, account: int | None, coin: Coin) -> Json:
    """activeAssetData: how much more could be traded in a market."""
    venue = dialect.host.exchange
    mark, max_leverage = venue.mark_price(coin.market), venue.design.markets[coin.market].max_leverage
    told: Json = {
        "user": address, "coin": coin.name, "leverage": {"type": "cross", "value": max_leverage}, "maxTradeSzs": ["0.0", "0.0"],
        "availableToTrade": ["0.0", "0.0"], "markPx": coin.price(mark),
    }  # fmt: skip
    if account is None:
        return told
    one = venue.position(account, coin.market)
    free = max(0, venue.available_margin(account, 0))
    closing = abs(one.size) * mark * coin.unit * 2 // one.leverage if one.size else 0  # what turning the position round sets free
    free_by_side = [free + (closing if one.size < 0 else 0), free + (closing if one.size > 0 else 0)]
    told["leverage"] = leverage(dialect, coin, one, _value(dialect, coin, one))
    told["availableToTrade"] = [usd(amount) for amount in free_by_side]
    told["maxTradeSzs"] = [coin.size(amount * one.leverage // (mark * coin.unit)) if mark else "0.0" for amount in free_by_side]
    return told


def web_data(dialect: Dialect, address: str, account: int | None, orders: list[Json]) -> Json:
    """webData2: the fields that bots read."""
    return {
        "clearinghouseState": clearinghouse(dialect, account), "leadingVaults": [], "totalVaultEquity": "0.0", "openOrders": orders,
        "agentAddress": None, "agentValidUntil": None, "cumLedger": "0.0", "meta": meta(dialect),
        "assetCtxs": [context(dialect, coin) for coin in dialect.coins.perpetuals], "serverTime": dialect.now_ms, "isVault": False,
        "user": address, "twapStates": [], "spotState": spot_state(dialect, account),
        "spotAssetCtxs": spot_contexts(dialect), "perpsAtOpenInterestCap": [],
    }  # fmt: skip


# -- money --


def funding(dialect: Dialect, one: Payment) -> Json | None:
    coin = dialect.coins.by_market.get(one.market)
    if coin is None:
        return None
    interval = dialect.host.exchange.design.markets[coin.market].funding.interval_ms
    delta = {
        "type": "funding", "coin": coin.name, "usdc": usd(one.amount), "szi": coin.size(one.size),
        "fundingRate": rate(one.rate_ppt, interval), "nSamples": one.samples or None,
    }  # fmt: skip
    return {"time": one.ts // 1_000_000, "hash": hash_of(one.seq), "delta": delta}


def move(dialect: Dialect, account: int, one: Move) -> Json | None:
    """userNonFundingLedgerUpdates; None: of a kind that the live venue does not have."""
    amount, other = usd(one.amount), dialect.people.address(one.other) if one.other >= 0 else ""
    own = dialect.people.address(account)
    if one.kind is MoveKind.DEPOSIT:
        delta: Json = {"type": "deposit", "usdc": amount}
    elif one.kind is MoveKind.WITHDRAWAL:
        delta = {"type": "withdraw", "usdc": amount, "nonce": one.seq, "fee": "0.0"}
    elif one.kind in (MoveKind.TRANSFER_IN, MoveKind.TRANSFER_OUT):
        user, destination = (other, own) if one.kind is MoveKind.TRANSFER_IN else (own, other)
        same = dialect.host.people.owner_of.get(one.other) is dialect.host.people.owner_of.get(account)
        delta = {"type": "subAccountTransfer" if same else "internalTransfer", "usdc": amount, "user": user, "destination": destination}
        if not same:
            delta["fee"] = "0.0"
    else:
        return None
    if one.asset:
        delta["token"] = dialect.coins.tokens[one.asset]
    return {"time": one.ts // 1_000_000, "hash": hash_of(one.seq), "delta": delta}


def fees(dialect: Dialect, account: int | None) -> Json:
    """Of the first perpetual; the schedule is that of the design."""
    venue = dialect.host.exchange
    design, coin = venue.design, dialect.coins.perpetuals[0] if dialect.coins.perpetuals else None
    own = design.markets[coin.market] if coin is not None else None
    maker, taker = (own.maker_fee_ppb, own.taker_fee_ppb) if own is not None else (0, 0)
    volume = 0
    schedule = {
        "cross": ppb(taker), "add": ppb(maker), "spotCross": ppb(taker), "spotAdd": ppb(maker),
        "tiers": {
            "vip": [
                {"ntlCutoff": str(one.volume), "cross": ppb(one.taker_fee_ppb), "add": ppb(one.maker_fee_ppb)} for one in design.fee_tiers
            ],
            "mm": [{"makerFractionCutoff": text(one.share_ppm, 6), "add": ppb(-one.rebate_ppb)} for one in design.maker_tiers],
        },
        "referralDiscount": "0.0", "stakingDiscountTiers": [{"bpsOfMaxSupply": "0.0", "discount": "0.0"}],
    }  # fmt: skip
    if account is not None and coin is not None:
        maker, taker = venue.fee_rates(account, coin.market)
        volume = venue.traded(account)[0]
    return {
        "dailyUserVlm": [], "feeSchedule": schedule, "userCrossRate": ppb(taker), "userAddRate": ppb(maker),
        "userSpotCrossRate": ppb(taker), "userSpotAddRate": ppb(maker), "activeReferralDiscount": "0.0", "trial": None,
        "feeTrialReward": "0.0", "nextTrialAvailableTimestamp": None, "stakingLink": None,
        "activeStakingDiscount": {"bpsOfMaxSupply": "0.0", "discount": "0.0"}, "volume": usd(volume),
    }  # fmt: skip


def ppb(rate_ppb: int) -> str:
    return text(rate_ppb, 9)


def portfolio(dialect: Dialect, account: int | None) -> list[list[Any]]:
    """Value and profit now; their history is not kept, so each line has one point."""
    venue, fills = dialect.host.exchange, dialect.host.history.fills(account) if account is not None else []
    value = venue.account_value(account, 0) if account is not None else 0
    now, told = dialect.now_ms, []
    for name, days in (("day", 1), ("week", 7), ("month", 30), ("allTime", 0)):
        since = dialect.host.now() - days * DAY_NS if days else 0
        volume = sum(one.value for one in fills if one.ts >= since)
        lines = {"accountValueHistory": [[now, usd(value)]], "pnlHistory": [[now, "0.0"]], "vlm": usd(volume)}
        told += [[name, lines], [f"perp{name[0].upper()}{name[1:]}", lines]]
    return told
