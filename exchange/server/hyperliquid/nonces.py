"""Nonces: each signer's number of an action, by which none is carried out twice (docs, nonces-and-api-wallets).

The hundred highest of a signer are kept. A new one is above the smallest of these, none of them, and from two days before the time to a day
after it. Nonces themselves do not outlive the server. One that goes on with a journal cannot know which of those before its start were
used, nor which that were ahead of their time then: it takes none of these. One that begins anew takes them all.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Mapping
from typing import Final

from .errors import Failed

KEPT: Final = 100
BEFORE_MS: Final = 2 * 86_400_000
BEHIND_MS: Final = 86_400_000


class Nonces:
    """`floor`: [ms] of the start of a server that goes on, else 0; `floors`: the same by signer, of those that are later."""

    def __init__(self, floor: int = 0, floors: Mapping[str, int] | None = None) -> None:
        self.floor = floor
        self.floors = dict(floors or {})
        self._used: dict[str, list[int]] = {}  # by signer, rising

    def use(self, signer: str, nonce: int, now: int) -> None:
        """`now`: [ms]. Raises Failed, and then it can still be used."""
        if not now - BEFORE_MS < nonce < now + BEHIND_MS:
            raise Failed(f"Invalid nonce: {nonce} is not a time in ms from two days ago to one day ahead; it is {now} now")
        if nonce < self.floor:
            raise Failed(f"Invalid nonce: {nonce} is before this server's start, {self.floor}, and may have been used")
        if nonce < self.floors.get(signer, 0):
            raise Failed(f"Invalid nonce: {nonce} is below {self.floors[signer]}, and may have been used before this server's start")
        used = self._used.setdefault(signer, [])
        if nonce in used:
            raise Failed(f"Invalid nonce: duplicate nonce {nonce}")
        if len(used) == KEPT:
            if nonce < used[0]:
                raise Failed(f"Invalid nonce: {nonce} is below {used[0]}, the smallest of the last {KEPT} nonces of {signer}")
            del used[0]
        insort(used, nonce)

    def forget(self, signers: Iterable[str]) -> None:
        """Of wallets that sign for nobody any more. One that is approved again begins anew: as on Hyperliquid, where its documentation
        therefore advises to approve another one instead."""
        for signer in signers:
            self._used.pop(signer, None)
