"""What a client has sent and the venue has no use for; but clients look for what they have sent. It is known as long as the server runs.

The price of a market TP/SL: such an order trades as far from the price at which it fires as is documented. The size of a reduce-only order
that is larger than its position: the order that comes in is not. That an order was sent as FrontendMarket: it comes in as an immediate one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from .shares import Shares

MOST: Final = 65_536  # that are remembered
MOST_EACH: Final = 8_192  # of one account


class Sent:
    """`seq`: the number of the venue's last event."""

    def __init__(self, seq: Callable[[], int]) -> None:
        self._seq = seq
        self._shares = Shares[tuple[int, int, int]](MOST, MOST_EACH)
        self._sent: dict[tuple[int, int, int], tuple[int, int]] = {}  # what, and the last event then, by account, order and TriggerKind

    def put(self, account: int, order_id: int, sent: int, kind: int = -1) -> None:
        """`sent`: [ticks] or [lots]. `order_id`: of the order itself, or with `kind` (TriggerKind) of the entry whose take-profit or stop
        it will be."""
        key = account, order_id, kind
        self._sent[key] = sent, self._seq()
        for one in self._shares.add(account, key):
            del self._sent[one]

    def get(self, account: int, order_id: int, kind: int = -1) -> int:
        """0: not known."""
        return self._sent.get((account, order_id, kind), (0, 0))[0]

    def go_back(self) -> None:
        """The venue is in an earlier state, and will use the numbers of later orders again."""
        now = self._seq()
        for key in [key for key, one in self._sent.items() if one[1] > now]:
            del self._sent[key]
            self._shares.drop(key[0], key)
