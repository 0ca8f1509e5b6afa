"""How much of what is remembered is whose. Where there is too much, the oldest goes of who has the most.

So one account, or a few, take nothing of others away.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Generic, TypeVar

LOOKS: Final = 64  # at keys that may have to stay, each time that one has to go

Key = TypeVar("Key")


class Shares(Generic[Key]):
    """`most`: of all accounts, `most_each`: of one. `stays`: must this key of an account be kept? As long as all that are looked at must,
    there is more than `most`."""

    def __init__(self, most: int, most_each: int, stays: Callable[[int, Key], bool] | None = None) -> None:
        self.count = 0
        self._most = most
        self._most_each = most_each
        self._stays = stays
        self._own: dict[int, dict[Key, None]] = {}  # by account, the oldest first
        self._with: dict[int, dict[int, None]] = {}  # accounts by how many they have
        self._largest = 0

    def add(self, account: int, key: Key) -> list[Key]:
        """The newest of an account, whether it is new or not; those that go for it."""
        self.drop(account, key)
        self._resize(account, 1)
        self._own.setdefault(account, {})[key] = None
        gone: list[Key] = []
        if len(self._own[account]) > self._most_each:
            gone += self._oldest(account, key)
        for _ in range(2):  # so that it comes down again when there was too much
            if self.count > self._most:
                gone += self._oldest(next(iter(self._with[self._largest])), key)
        return gone

    def drop(self, account: int, key: Key) -> None:
        if self.has(account, key):
            self._resize(account, -1)
            del self._own[account][key]
            if not self._own[account]:
                del self._own[account]

    def has(self, account: int, key: Key) -> bool:
        return key in self._own.get(account, ())

    def _oldest(self, account: int, newest: Key) -> list[Key]:
        """Drop that of an account; none if all must stay, as the newest does."""
        own = self._own[account]
        for _ in range(min(LOOKS, len(own))):
            key = next(iter(own))
            if key != newest and (self._stays is None or not self._stays(account, key)):
                self.drop(account, key)
                return [key]
            del own[key]
            own[key] = None
        return []

    def _resize(self, account: int, by: int) -> None:
        had = len(self._own.get(account, ()))
        if had:
            del self._with[had][account]
            if not self._with[had]:
                del self._with[had]
        if had + by:
            self._with.setdefault(had + by, {})[account] = None
        self.count += by
        if by > 0:
            self._largest = max(self._largest, had + 1)
        elif self._largest == had and had not in self._with:
            self._largest = had - 1
