"""A market's order book as a client keeps it: of a snapshot and what has changed since. Whole ticks and lots inside, Decimal outside."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any, Final

from perplab.exchange.codes import Side

from .types import BookLevel
from .units import Market

CHECKED: Final = 10  # levels of each side that a checksum is of


class Book:
    """`is_valid` says whether it is the venue's of `seq`; after a gap or a lost connection it is not, until the next snapshot."""

    def __init__(self, market: Market, depth: int) -> None:
        self.market = market
        self.depth = depth
        self.seq = -1
        self.is_valid = False
        self._sides: dict[Side, dict[int, int]] = {Side.BUY: {}, Side.SELL: {}}  # ticks -> lots

    def take(self, message: Mapping[str, Any]) -> str:
        """A message of the stream. What is wrong, if the book cannot be trusted with it; "" if all is well."""
        seq = message["seq"]
        if type(seq) is not int:
            raise TypeError(f"a message of number {seq!r}")
        if message["type"] == "snapshot":
            for side in Side:
                self._sides[side].clear()
            self.is_valid = True
        elif not self.is_valid:
            return ""  # of the stream that was left: the snapshot of the next is on its way
        elif message["prev_seq"] != self.seq:
            return self._broken(f"message {message['prev_seq']} was expected to be {self.seq}")
        self._change(Side.BUY, message["bids"])
        self._change(Side.SELL, message["asks"])
        self.seq = seq
        told = message.get("checksum")
        if told is not None and told != self.checksum():
            return self._broken("the checksum is not that of the book")
        return ""

    def _broken(self, why: str) -> str:
        self.is_valid = False
        return why

    def _change(self, side: Side, levels: list[tuple[int, int]]) -> None:
        held = self._sides[side]
        for price, size in levels:
            if type(price) is not int or type(size) is not int:
                raise TypeError(f"a level of {price!r} and {size!r}")  # it would not come to light before somebody sorts them
            if size:
                held[price] = size
            else:
                held.pop(price, None)

    def raw(self, side: Side) -> list[tuple[int, int]]:
        """Levels [ticks, lots], best first."""
        return sorted(self._sides[side].items(), reverse=side == Side.BUY)[: self.depth]

    def checksum(self) -> int:
        """CRC-32 of the ten best levels of each side, as docs/api.md has it."""
        best = self.raw(Side.BUY)[:CHECKED] + self.raw(Side.SELL)[:CHECKED]
        return zlib.crc32(",".join(f"{price}:{size}" for price, size in best).encode())

    def _levels(self, side: Side) -> tuple[BookLevel, ...]:
        return tuple(BookLevel(self.market.price(price), self.market.size(size)) for price, size in self.raw(side))

    @property
    def bids(self) -> tuple[BookLevel, ...]:
        """Best first."""
        return self._levels(Side.BUY)

    @property
    def asks(self) -> tuple[BookLevel, ...]:
        """Best first."""
        return self._levels(Side.SELL)

    @property
    def best_bid(self) -> BookLevel | None:
        return next(iter(self.bids), None)

    @property
    def best_ask(self) -> BookLevel | None:
        return next(iter(self.asks), None)
