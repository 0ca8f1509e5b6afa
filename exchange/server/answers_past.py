"""Replies to questions about what has happened, and about who is near to his liquidation, as structs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from msgspec import Meta

from ..schema.codes import Method, Payer
from .answer_parts import Reply, Said
from .requests_past import Interval

if TYPE_CHECKING:
    MethodName: TypeAlias = str
    PayerName: TypeAlias = str
else:
    MethodName, PayerName = (Literal[tuple(one.name for one in code)] for code in (Method, Payer))
Prices = Annotated[list[int], Meta(min_length=4, max_length=4, description="open, high, low, close [ticks]")]


class Candle(Said, kw_only=True):
    begin: int
    open: int | None
    high: int | None
    low: int | None
    close: int | None
    size: int
    value: int
    trades: int
    liquidated: int
    mark: Prices | None
    oracle: Prices | None


class CandlesReply(Reply, kw_only=True):
    market: int
    interval: Interval
    candles: list[Candle]
    ts: int


class Counterparty(Said, kw_only=True):
    account: int
    user: str | None  # null: an account of the house, or the venue's own
    size: int
    value: int


class Paid(Said, kw_only=True):
    """A part of a deficit."""

    payer: PayerName
    amount: int


class Slice(Said, kw_only=True):
    """One slice of a liquidated position. `size` is signed: the position that was closed."""

    seq: int
    ts: int
    market: int
    method: MethodName
    size: int
    value: int
    price: int | None
    mark: int | None
    account: int | None
    user: str | None
    deficit: int | None
    fee: int | None
    against: list[Counterparty] | None
    paid: list[Paid] | None


class LiquidationsReply(Reply, kw_only=True):
    liquidations: list[Slice]
    ts: int


class RiskyPosition(Said, kw_only=True):
    market: int
    size: int
    entry_notional: int
    isolated_margin: int
    mark: int
    liquidation_price: int | None


class AccountAtRisk(Said, kw_only=True):
    account: int
    user: str | None
    asset: int
    market: int | None  # of an isolated position; null: all cross positions in the asset
    ratio_ppm: int
    equity: int
    maintenance: int
    liquidated: bool
    positions: list[RiskyPosition]


class AccountsAtRiskReply(Reply, kw_only=True):
    accounts: list[AccountAtRisk]
    ts: int
