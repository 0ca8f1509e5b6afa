"""Replies to questions about an account, as structs."""

from __future__ import annotations

from .answer_parts import (
    AsOf,
    Liquidity,
    Mode,
    OpenAlert,
    OpenOrder,
    OpenTrigger,
    OpenTwap,
    PlainPayment,
    PlainPosition,
    PlainWaiting,
    Reply,
    RequirementLine,
    Said,
    joined,
)


class Balance(Said, kw_only=True):
    asset: int
    cash: int
    equity: int
    available: int
    withdrawable: int
    value: int  # of all that is in the asset, isolated positions included
    initial_margin: int  # of positions and open orders: `equity` less `available`
    maintenance_margin: int


class Position(PlainPosition, kw_only=True):
    unrealized_pnl: int | None  # at the mark, since it was entered, before what is unsettled
    liquidation_price: int | None


class Waiting(PlainWaiting, kw_only=True):
    due: int | None


class PendingReply(Reply, kw_only=True):
    account: int
    pending: list[Waiting]
    more: int
    ts: int


class Payment(PlainPayment, kw_only=True):
    """Money that is under way."""

    to: int | None  # the account that receives it; null: it leaves the venue


class AccountState(Said, kw_only=True):
    account: int
    seq: int
    mode: Mode  # of its kill switch
    balances: list[Balance]
    positions: list[Position]
    liquidity: list[Liquidity]
    orders: list[OpenOrder]
    alerts: list[OpenAlert]  # that are set
    payments: list[Payment]  # from the account and to it, those that were sent first
    more_payments: int  # that did not fit
    more: int  # orders that did not fit


AccountReply = joined("AccountReply", Reply, AccountState)


class OfRequirement(Said, kw_only=True):
    """The lines add up: equity to `equity`, initial to `initial_margin`, maintenance to `maintenance_margin`. Equity less initial is
    `available`."""

    account: int
    asset: int
    lines: list[RequirementLine]
    equity: int
    available: int
    initial_margin: int
    maintenance_margin: int
    isolated: list[int]  # markets whose positions stand for themselves: they are in none of the lines


RequirementReply = joined("RequirementReply", Reply, OfRequirement, AsOf)


class TriggersReply(Reply, kw_only=True):
    account: int
    triggers: list[OpenTrigger]
    more: int
    ts: int


class TwapsReply(Reply, kw_only=True):
    account: int
    twaps: list[OpenTwap]
    more: int
    ts: int


class FeeRate(Said, kw_only=True):
    """Below zero: a rebate."""

    market: int
    maker_fee_ppb: int
    taker_fee_ppb: int


class FeeRatesReply(Reply, kw_only=True):
    """`volume` [micro]: what the rates go by, of the last whole days; `maker_volume`: the part that was traded as maker."""

    account: int
    volume: int
    maker_volume: int
    rates: list[FeeRate]
    ts: int


class SubAccountsReply(Reply, kw_only=True):
    account: int
    master: int | None  # whose sub-account it is
    sub_accounts: list[int]
    ts: int
