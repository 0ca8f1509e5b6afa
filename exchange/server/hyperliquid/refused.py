"""What refused orders asked for. The venue tells who was refused, where and why, but not at which price and for how much: that is kept
here, by the number of the event.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from ..history.records import OrderRecord, OrderStatus
from .shares import Shares

MOST: Final = 16_384  # that are known
MOST_EACH: Final = 2_048  # of one account: its history has no more


class Terms(Struct, frozen=True):
    """Of an order."""

    is_buy: bool
    price: int  # [ticks]
    size: int  # [lots]
    reduces: bool
    tif: str  # "" of a trigger
    trigger_price: int = 0  # [ticks]
    tpsl: str = ""  # "": it is no trigger
    is_market: bool = False
    children: tuple[tuple[Terms, bool], ...] = ()  # take-profit and stop, of which at least one has a wrong price: which?


class Refused:
    def __init__(self) -> None:
        self._terms: dict[tuple[int, int], Terms] = {}  # by account and number of the event
        self._shares = Shares[tuple[int, int]](MOST, MOST_EACH)

    def terms(self, record: OrderRecord) -> Terms | None:
        """None: they are not known, or not any more."""
        return self._terms.get((record.account, record.seq)) if record.status is OrderStatus.REJECTED else None

    def keep(self, account: int, seq: int, terms: Terms) -> None:
        """`seq`: the number of the event that refuses it."""
        self._terms[account, seq] = terms
        for one in self._shares.add(account, (account, seq)):
            del self._terms[one]

    def forget(self) -> None:
        """The venue is in an earlier state."""
        self._terms.clear()
        self._shares = Shares[tuple[int, int]](MOST, MOST_EACH)
