"""Nonces: each signer's number of an action, by which none is carried out twice (docs, nonces-and-api-wallets).

The hundred highest of a signer are kept. A new one is above the smallest of these, none of them, and from two days before the time to a day
after it.
"""

from __future__ import annotations

from bisect import insort
from typing import Final

from .errors import Failed

KEPT: Final = 100
BEFORE_MS: Final = 2 * 86_400_000
BEHIND_MS: Final = 86_400_000


class Nonces:
    """`floor`: [ms] of a server that goes on with a venue: it does not know which nonces before its start were used."""

    def __init__(self, floor: int = 0) -> None:
        self.floor = floor
        self._used: dict[str, list[int]] = {}  # by signer, rising

    def use(self, signer: str, nonce: int, now: int) -> None:
        """`now`: [ms]. Raises Failed, and then it can still be used."""
        if not now - BEFORE_MS < nonce < now + BEHIND_MS:
            raise Failed(f"Invalid nonce: {nonce} is not a time in ms from two days ago to one day ahead; it is {now} now")
        if nonce < self.floor:
            raise Failed(f"Invalid nonce: {nonce} is before this server's start, {self.floor}, and may have been used")
        used = self._used.setdefault(signer, [])
        if nonce in used:
            raise Failed(f"Invalid nonce: duplicate nonce {nonce}")
        if len(used) == KEPT:
            if nonce < used[0]:
                raise Failed(f"Invalid nonce: {nonce} is below {used[0]}, the smallest of the last {KEPT} nonces of {signer}")
            del used[0]
        insort(used, nonce)
