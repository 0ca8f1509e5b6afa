"""What the history of a venue hands out. Money in micro-units, prices in ticks, sizes in lots, times in ns.

`seq` is the number of the event that a record was made of: it grows, and no two records of a kind and an account share it, but for the two
sides of a trade within one account.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from msgspec import Struct

from ...schema.codes import CancelReason, Method, Payer, PriceSource, Reason, Side, TimeInForce, TriggerKind

MINUTE: Final = 60_000_000_000
INTERVALS: Final = {  # [minutes]; a month is as long as it is
    "1m": 1, "3m": 3, "5m": 5, "15m": 15, "30m": 30, "1h": 60, "2h": 120, "4h": 240, "8h": 480, "12h": 720, "1d": 1_440, "3d": 4_320,
    "1w": 10_080, "1M": 0,
}  # fmt: skip

class Source(StrEnum):
    """How lots came to change hands."""

    BOOK = "BOOK"
    CURVE = "CURVE"  # with the curve of the market
    BLOCK = "BLOCK"  # a block trade, off the book
    AUCTION = "AUCTION"  # a bid for a liquidated account
    TAKEOVER = "TAKEOVER"  # by the backstop vault
    ADL = "ADL"  # a winner was closed against a liquidated loser
    SETTLEMENT = "SETTLEMENT"  # the market was settled
    RANGE = "RANGE"  # what a range of liquidity has bought or sold was handed to its owner

class Candle(Struct, frozen=True, gc=False):
    """What happened in a market in one interval of time. One in which nothing traded stands at the price of the last trade before it; its
    prices are 0 if there is none."""

    begin: int  # [ns] a whole number of intervals since 1970; weeks begin on Mondays, months on their first day, UTC
    end: int  # [ns] the last one of it
    open: int  # [ticks]
    high: int
    low: int
    close: int
    lots: int
    value: int  # [micro]
    trades: int
    liquidated: int  # [lots] of these, for the venue's account
    mark: tuple[int, int, int, int]  # [ticks] open, high, low and close of the mark; 0: there was none
    oracle: tuple[int, int, int, int]

class Day(Struct, frozen=True, gc=False):
    """A market's last 24 hours, to the minute."""

    lots: int
    value: int  # [micro]
    trades: int
    previous: int  # [ticks] the price of the last trade before them, or of the first one in them; the mark if there is none; 0: no mark
    high: int  # [ticks] of trades, 0: there are none
    low: int

class Trade(Struct, frozen=True, gc=False):
    seq: int
    ts: int
    market: int
    price: int  # [ticks]; with a curve the average, rounded down
    lots: int
    value: int  # [micro] exact
    taker_side: Side
    buyer: int  # account
    seller: int
    is_liquidation: bool
    source: Source  # BOOK or CURVE

class Ended(Struct, frozen=True, gc=False):
    """Of a fill in a liquidation."""

    account: int  # who was liquidated
    method: Method
    mark: int  # [ticks] at that time
    first: int = 0  # seq of the first fill of the slice: all that one order of a liquidation has closed share it

class Fill(Struct, frozen=True):
    """One account's side of a trade, or of a position that changed hands."""

    seq: int
    ts: int
    market: int
    side: Side  # of this account
    lots: int
    price: int  # [ticks] value per lot, rounded down
    value: int  # [micro] exact
    fee: int  # [micro] paid; below zero: a rebate
    is_taker: bool
    order_id: int  # 0: none, it was the venue's own
    client_hi: int  # of the order; 0 and 0: none, or not known any more
    client_lo: int
    other: int  # account; NIL (-1): the settlement of a market
    source: Source
    start: int  # [lots] the position before it, signed; 0 in spot markets
    closed_pnl: int | None  # [micro] before fees, of what it closed; None: what that had cost is not known any more
    liquidation: Ended | None

class OrderStatus(StrEnum):
    OPEN = "OPEN"
    FILLED = "FILLED"
    CANCELLED = "CANCELLED"  # with what it has filled before
    REJECTED = "REJECTED"

class OrderRecord(Struct):
    """An order, a trigger or a TWAP: as it came in, and what became of it. Of a refused one only what the refusal tells is known: its
    `order_id` is 0, its `side`, `price`, `size` and `tif` are None or 0."""

    order_id: int
    account: int
    market: int
    side: Side | None
    price: int  # [ticks] limit, 0: none
    size: int  # [lots] as it came in; 0 of a trigger: the whole position
    tif: TimeInForce | None
    reduce_only: bool | None  # None: not told of triggers
    client_hi: int
    client_lo: int
    placed_ts: int
    placed_seq: int
    status: OrderStatus
    seq: int  # of the event that made its status
    ts: int
    filled: int = 0  # [lots]
    left: int = 0  # [lots] open; of one that is cancelled, that were open
    value: int = 0  # [micro] of what was filled
    cancel_reason: CancelReason | None = None
    reason: Reason | None = None  # of a refusal
    trigger: TriggerKind | None = None  # it is, or was, a conditional order
    source: PriceSource | None = None  # that a conditional order goes by
    trigger_price: int = 0  # [ticks]
    triggered_ts: int = 0  # when it fired, 0: it did not
    asked: int = 0  # [lots] of a conditional order, whatever it fired for; 0: the whole position
    is_twap: bool = False
    slices: int = 0  # of a TWAP: how many there are to be
    interval: int = 0  # [ns] from one to the next

class Charge(Struct, frozen=True, gc=False):
    """A funding payment of a market."""

    seq: int
    ts: int
    market: int
    rate_ppt: int  # [1e-12]
    price: int  # [ticks] that the rate is of
    oracle: int  # [ticks]
    premium_ppt: int  # [1e-12] the average of the samples since the charge before; 0: there were none
    samples: int
    long_delta: int  # what a long lot owes by it [2^-accrual_shift micro]; below zero: it receives
    short_delta: int


class Payment(Struct, frozen=True, gc=False):
    """What one account paid or received of a `Charge`."""

    seq: int
    ts: int
    market: int
    amount: int  # [micro] received; below zero: paid
    size: int  # [lots] signed: its position then
    rate_ppt: int
    samples: int

class MoveKind(StrEnum):
    DEPOSIT = "DEPOSIT"
    WITHDRAWAL = "WITHDRAWAL"
    TRANSFER_IN = "TRANSFER_IN"
    TRANSFER_OUT = "TRANSFER_OUT"
    DEBIT = "DEBIT"  # the operator took it
    LIQUIDITY_IN = "LIQUIDITY_IN"  # into a pool or a range of a market's curve
    LIQUIDITY_OUT = "LIQUIDITY_OUT"
    SURPLUS = "SURPLUS"  # what was left of it in a liquidation went to the venue

class Move(Struct, frozen=True, gc=False):
    """Money that came to an account or left it, but for trading and funding."""

    seq: int
    ts: int
    kind: MoveKind
    asset: int
    amount: int  # [micro] unsigned
    other: int  # the account at the other end; NIL (-1): none
    market: int  # NIL (-1): none

class Paid(Struct, frozen=True, gc=False):
    """A part of a deficit."""

    payer: Payer
    amount: int  # [micro]

class Against(Struct, frozen=True, gc=False):
    """Who took a part of a liquidated position."""

    account: int
    lots: int
    value: int  # [micro]

class Liquidation(Struct):
    """One slice of a liquidated position: who was closed, how, against whom, and who paid what he could not."""

    seq: int
    ts: int
    account: int
    market: int
    method: Method
    size: int  # [lots] signed: of the position closed; 0: a deficit alone
    value: int  # [micro]
    price: int  # [ticks] value per lot, rounded down; 0: no size
    mark: int  # [ticks]; 0: not known
    deficit: int  # [micro] bad debt
    fee: int  # [micro]
    against: list[Against]
    paid: list[Paid]

class Closing(Struct, frozen=True, gc=False):
    """A slice of a position that was closed because its account, or the isolated position, had too little margin."""

    seq: int
    ts: int
    market: int
    method: Method
    size: int  # [lots] signed: of the position closed; 0: a deficit alone
    mark: int  # [ticks]; 0: not known
    deficit: int  # [micro] what it could not pay, which others paid
    is_isolated: bool
    equity: int | None  # [micro] of the account, or of the isolated position, when its liquidation began; None: not known any more

class Settled(Struct, frozen=True, gc=False):
    """A market was settled."""

    seq: int
    ts: int
    market: int
    price: int  # [ticks]

