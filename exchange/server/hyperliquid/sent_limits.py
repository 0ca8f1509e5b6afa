"""The price that a client has sent with a market TP/SL. The venue has no use for it, since such an order trades as far from the price at
which it fires as is documented; but clients look for what they have sent. It is known as long as the server runs.
"""

from __future__ import annotations

from typing import Final

MOST: Final = 65_536  # prices that are remembered: the oldest goes first


class SentLimits:
    def __init__(self) -> None:
        self._sent: dict[tuple[int, int, int], int] = {}  # [ticks] by account, order and, of an entry's children, TriggerKind

    def put(self, account: int, order_id: int, ticks: int, kind: int = -1) -> None:
        """`order_id`: of the order itself, or with `kind` (TriggerKind) of the entry whose take-profit or stop it will be."""
        key = account, order_id, kind
        self._sent.pop(key, None)  # of an order that there was before the venue went back
        self._sent[key] = ticks
        if len(self._sent) > MOST:
            del self._sent[next(iter(self._sent))]

    def get(self, account: int, order_id: int, kind: int = -1) -> int:
        """[ticks], 0: not known."""
        return self._sent.get((account, order_id, kind), 0)
