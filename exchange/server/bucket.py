"""A token bucket: how many commands a connection may send now. Time is monotonic, in ns.

Numbers are Python's, not native ones: a connection that was idle for a day would have earned more than 64 bits hold.
"""

from __future__ import annotations

from typing import Final

TOKEN: Final = 1_000_000_000  # a bucket counts billionths: with time in ns, what it is filled by is a whole number


class Bucket:
    """Tokens, one per command."""

    def __init__(self, per_s: int, burst: int, now: int) -> None:
        self.per_s = per_s
        self.burst = burst
        self._tokens = burst * TOKEN
        self._at = now

    def left(self, now: int) -> int:
        """Commands that may be sent now."""
        return self.take(0, now)

    def take(self, count: int, now: int) -> int:
        """Take `count` tokens, and say how many are left; -1 if there were fewer, and then none is taken."""
        if now != self._at:
            self._fill(now)
        left = self._tokens - count * TOKEN
        if left < 0:
            return -1
        self._tokens = left
        return left // TOKEN

    def wait_ms(self, count: int) -> int:
        """How long until there are `count`."""
        missing = min(count, self.burst) * TOKEN - self._tokens
        return max(0, -(-missing // (self.per_s * 1_000_000)))

    def _fill(self, now: int) -> None:
        self._tokens = min(self.burst * TOKEN, self._tokens + (now - self._at) * self.per_s)
        self._at = now
