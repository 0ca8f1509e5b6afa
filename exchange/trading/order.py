"""The order at hand, as one record that is handed down from the door of the book to the match."""

from __future__ import annotations

from mypy_extensions import i64

from ..schema.kinds import X_IMMEDIATE
from ..state.market import Market
from ..state.types import NIL


class Order:
    """What was asked for, and how far it has come. Whoever sends orders keeps one record and fills it anew for each."""

    def __init__(self, market: Market) -> None:
        self.order_id: i64 = 0  # 0: not accepted yet, or the venue's own
        self.is_told: bool = False  # has its account been told that it was placed?
        self.account: i64 = 0
        self.market: Market = market
        self.row: i64 = NIL  # its position row
        self.side: i64 = 0
        self.limit: i64 = 0  # [ticks]
        self.left: i64 = 0  # [lots] to trade
        self.tif: i64 = 0
        self.reduce_only: i64 = 0
        self.self_trade: i64 = 0
        self.client_hi: i64 = 0  # 0 and 0: no client id
        self.client_lo: i64 = 0
        self.parent: i64 = 0  # id of the standing order that sent it, 0: none
        self.display: i64 = 0  # [lots] that it shows at most when it rests, 0: all
        self.expires: i64 = 0  # [ns] when it ends, 0: never
        self.is_quote: i64 = 0  # 1: one of its account's quotes
        self.is_forced: bool = False  # a liquidation or an unwind: not checked, no taker fee
        # How far it has come
        self.counted: i64 = 0  # [lots] that are in the open-order sums of its row
        self.filled: i64 = 0  # [lots] before and during this match
        self.value: i64 = 0  # [micro] of the fills of this match
        self.stopped: i64 = X_IMMEDIATE  # why what is left does not trade on

    def begin(self, account: i64, market: Market, row: i64, side: i64, limit: i64, lots: i64, tif: i64) -> None:
        """A new order: not reduce-only, self-trades prevented, no client id, no special terms. Set what differs afterwards."""
        self.order_id = 0
        self.is_told = False
        self.account = account
        self.market = market
        self.row = row
        self.side = side
        self.limit = limit
        self.left = lots
        self.tif = tif
        self.reduce_only = 0
        self.self_trade = 0
        self.client_hi = 0
        self.client_lo = 0
        self.parent = 0
        self.display = 0
        self.expires = 0
        self.is_quote = 0
        self.is_forced = False
        self.counted = 0
        self.filled = 0
        self.value = 0
        self.stopped = X_IMMEDIATE

    @property
    def has_terms(self) -> bool:
        """Has it special terms?"""
        return self.parent | self.display | self.expires | self.is_quote != 0

    @property
    def has_client_id(self) -> bool:
        return self.client_hi != 0 or self.client_lo != 0
