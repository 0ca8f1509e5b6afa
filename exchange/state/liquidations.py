"""Liquidations under way: one per account and asset (its cross positions), or per isolated position."""

from __future__ import annotations

from mypy_extensions import i64

from .types import NIL


class Liquidation:
    """A liquidation's place in its life; what the phases are and how they follow each other is in liquidation/lifecycle.py."""

    def __init__(self, account: i64, row: i64, asset: i64, now: i64) -> None:
        self.account: i64 = account
        self.row: i64 = row  # the isolated position, or NIL: the account's cross positions in the asset
        self.asset: i64 = asset
        self.phase: i64 = 0
        self.step: i64 = 0  # which of the design's steps is at work
        self.since: i64 = now  # [ns] when that step began, or its auction
        self.auction: i64 = 0  # number of the auction under way, 0: none
        self.insolvent_since: i64 = NIL  # [ns] when the auction turned to paying its bidders, NIL: not
        self.exhausted: bool = False  # has every step had its turn?

    @property
    def key(self) -> tuple[int, int]:
        """(account, position row), or (account, -1 - asset) of cross positions."""
        return int(self.account), int(self.row) if self.row != NIL else int(-1 - self.asset)


class Liquidations:
    def __init__(self) -> None:
        self.under_way: dict[tuple[int, int], Liquidation] = {}  # by key, in the order in which they began
        self.auctions: dict[int, Liquidation] = {}  # by the number of the auction
        self.last_auction: i64 = 0

    def listed(self) -> list[Liquidation]:
        """Those under way now, in the order in which they began: the list may change while it is walked."""
        return list(self.under_way.values())

    def find(self, account: i64, row: i64, asset: i64) -> Liquidation | None:
        """Of the isolated position `row`, or of the account's cross positions in the asset if `row` is NIL."""
        return self.under_way.get((int(account), int(row) if row != NIL else int(-1 - asset)))

    def add(self, liquidation: Liquidation) -> None:
        self.under_way[liquidation.key] = liquidation

    def remove(self, liquidation: Liquidation) -> None:
        del self.under_way[liquidation.key]

    def is_under_way(self, liquidation: Liquidation) -> bool:
        return self.under_way.get(liquidation.key) is liquidation

    def open_auction(self, liquidation: Liquidation) -> i64:
        """Give it the next auction number."""
        self.last_auction += 1
        liquidation.auction = self.last_auction
        self.auctions[int(self.last_auction)] = liquidation
        return self.last_auction

    def close_auction(self, liquidation: Liquidation) -> None:
        del self.auctions[int(liquidation.auction)]
        liquidation.auction = 0
        liquidation.insolvent_since = NIL

    def of_auction(self, auction: i64) -> Liquidation | None:
        return self.auctions.get(int(auction))
