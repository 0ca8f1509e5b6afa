"""Who a user is, what he pays and what he has earned: fees, limits, role, agents, portfolio."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from ..history.records import Fill, MoveKind
from . import asked
from .asked import MS, Body
from .coins import text, usd
from .dialect import Dialect

PPB: Final = 9  # decimals of a fee rate
DAY: Final = 86_400_000_000_000  # [ns]
DAYS: Final = 15  # of volume that are told, today among them
FREE: Final = 10_000  # requests to begin with, and one more for each dollar traded
MOST_BUILDER_FEE: Final = 100  # [0.1 bp] what the venue lets a builder ask for; here it is never charged
ARRIVES: Final = frozenset((MoveKind.DEPOSIT, MoveKind.TRANSFER_IN, MoveKind.LIQUIDITY_OUT))
PERIODS: Final = {"day": 1, "week": 7, "month": 30, "allTime": 0}  # [days], 0: all that is kept
Thing = dict[str, Any]


def fills_of(dialect: Dialect, body: Body) -> list[Fill]:
    account = asked.account_of(dialect, body)
    return [] if account is None else dialect.host.history.fills(account)


def rate(ppb: int) -> str:
    return text(ppb, PPB)


def rates(dialect: Dialect, account: int | None) -> tuple[str, str, str, str]:
    """(taker, maker) of perpetuals and of spot. Where coins differ, those of the first one."""
    venue, coins = dialect.host.exchange, dialect.coins
    told = []
    for listed in (coins.perpetuals, coins.spots or coins.perpetuals):
        design = venue.design.markets[listed[0].market] if listed else None
        maker, taker = (0, 0) if design is None else (design.maker_fee_ppb, design.taker_fee_ppb)
        if account is not None and listed:
            maker, taker = venue.fee_rates(account, listed[0].market)
        told += [rate(taker), rate(maker)]
    return told[0], told[1], told[2], told[3]


def fee_schedule(dialect: Dialect) -> Thing:
    design = dialect.host.exchange.design
    cross, add, spot_cross, spot_add = rates(dialect, None)
    vip = [
        {
            "ntlCutoff": usd(tier.volume * 10**6), "cross": rate(tier.taker_fee_ppb), "add": rate(tier.maker_fee_ppb),
            "spotCross": rate(tier.taker_fee_ppb), "spotAdd": rate(tier.maker_fee_ppb),
        }
        for tier in design.fee_tiers
    ]  # fmt: skip
    makers = [{"makerFractionCutoff": text(tier.share_ppm, 6), "add": rate(-tier.rebate_ppb)} for tier in design.maker_tiers]
    return {
        "cross": cross, "add": add, "spotCross": spot_cross, "spotAdd": spot_add, "tiers": {"vip": vip, "mm": makers},
        "referralDiscount": "0.0", "stakingDiscountTiers": [],
    }  # fmt: skip


def daily_volumes(dialect: Dialect, fills: list[Fill]) -> list[Thing]:
    """Day by day, the oldest first: what the user has traded, as far as his fills are kept, and what everybody has."""
    now, history = dialect.host.now(), dialect.host.history
    first = now // DAY - DAYS + 1
    crossed, added, everybody = ([0] * DAYS for _ in range(3))
    for fill in fills:
        at = fill.ts // DAY - first
        if at >= 0:
            (crossed if fill.is_taker else added)[at] += fill.value
    for coin in (*dialect.coins.perpetuals, *dialect.coins.spots):
        for candle in history.candles(coin.market, "1d", first * DAY):
            if candle.begin // DAY >= first:
                everybody[candle.begin // DAY - first] += candle.value
    return [
        {
            "date": datetime.fromtimestamp((first + at) * DAY // 10**9, UTC).date().isoformat(), "userCross": usd(crossed[at]),
            "userAdd": usd(added[at]), "exchange": usd(everybody[at]),
        }
        for at in range(DAYS)
    ]  # fmt: skip


def user_fees(dialect: Dialect, body: Body) -> Thing:
    account = asked.account_of(dialect, body)
    cross, add, spot_cross, spot_add = rates(dialect, account)
    return {
        "dailyUserVlm": daily_volumes(dialect, fills_of(dialect, body)), "feeSchedule": fee_schedule(dialect), "userCrossRate": cross,
        "userAddRate": add, "userSpotCrossRate": spot_cross, "userSpotAddRate": spot_add, "activeReferralDiscount": "0.0", "trial": None,
        "feeTrialEscrow": "0.0", "nextTrialAvailableTimestamp": None, "stakingLink": None,
        "activeStakingDiscount": {"bpsOfMaxSupply": "0.0", "discount": "0.0"},
    }  # fmt: skip


def user_rate_limit(dialect: Dialect, body: Body) -> Thing:
    volume = sum(fill.value for fill in fills_of(dialect, body))
    return {
        "cumVlm": usd(volume),
        "nRequestsUsed": dialect.used(asked.address_of(body)),
        "nRequestsCap": FREE + volume // 10**6,
        "nRequestsSurplus": 0,
    }


def user_role(dialect: Dialect, body: Body) -> Thing:
    account = asked.account_of(dialect, body)
    if account is None:
        user = dialect.people.master(asked.address_of(body))
        return {"role": "missing"} if user is None else {"role": "agent", "data": {"user": user}}
    master = dialect.host.exchange.master_of(account)
    if master is not None:
        return {"role": "subAccount", "data": {"master": dialect.people.address(master)}}
    return {"role": "user"}


def extra_agents(dialect: Dialect, body: Body) -> list[Thing]:
    found = dialect.people.agents(asked.address_of(body))
    return [{"name": name, "address": address, "validUntil": until} for name, address, until in found]


def referral(dialect: Dialect, body: Body) -> Thing:
    volume = usd(sum(fill.value for fill in fills_of(dialect, body)))
    return {
        "referredBy": None, "cumVlm": volume, "unclaimedRewards": "0.0", "claimedRewards": "0.0", "builderRewards": "0.0",
        "referrerState": {"stage": "needToCreateCode"}, "rewardHistory": [], "tokenToState": [],
    }  # fmt: skip


def max_builder_fee(dialect: Dialect, body: Body) -> int:
    asked.address_of(body, "builder")
    asked.address_of(body)
    return MOST_BUILDER_FEE


def portfolio(dialect: Dialect, body: Body) -> list[Any]:
    """The present alone: what the account is worth, and what it has earned since its first kept deposit."""
    account, now = asked.account_of(dialect, body), dialect.host.now()
    value, earned = 0, 0
    fills: list[Fill] = []
    if account is not None:
        history = dialect.host.history
        value, fills = dialect.host.exchange.account_value(account), history.fills(account)
        came = sum(move.amount if move.kind in ARRIVES else -move.amount for move in history.moves(account) if move.asset == 0)
        earned = value - came
    told = []
    for name, days in PERIODS.items():
        volume = sum(fill.value for fill in fills if not days or fill.ts > now - days * DAY)
        moment = {"accountValueHistory": [[now // MS, usd(value)]], "pnlHistory": [[now // MS, usd(earned)]], "vlm": usd(volume)}
        told.append((name, moment))
    return [[name, data] for name, data in (*told, *((f"perp{name[0].upper()}{name[1:]}", data) for name, data in told))]
