"""How much one connection may ask of the venue: a token bucket for commands, and bounds for everything that would otherwise grow."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

TOKEN: Final = 1_000_000_000  # a bucket counts billionths: with time in ns, what it is filled by is a whole number


class Limits(Struct, frozen=True):
    """Of one connection, unless said otherwise."""

    frame_bytes: int = 1 << 20  # of one request
    commands_per_s: int = 1_000_000  # that its bucket is filled by
    burst: int = 1_000_000  # commands that its bucket holds
    flood: int = 10_000  # requests refused in a row after which it is cut
    subscriptions: int = 256
    items: int = 8_192  # events, orders or things of one message to a client: at most 700 bytes each, so 6 MiB of the 16 of a frame
    connections: int = 4_096  # to the server
    accounts: int = 64  # of a user
    unread_bytes: int = 16 << 20  # of private events that a slow reader has not taken
    remembered: int = 1_024  # replies of a named session
    quiet_s: int = 15  # without a word from one that has subscribed, after which it is taken for dead
    silent_s: int = 600  # the same of one that has not


PROFILES: Final[dict[str, Limits]] = {
    "open": Limits(),
    "venue": Limits(commands_per_s=200, burst=400, flood=400, subscriptions=64, accounts=16),
    "tight": Limits(commands_per_s=10, burst=20, flood=40, subscriptions=8, accounts=4),
}


class Bucket:
    """Tokens, one per command. Time is monotonic, in ns."""

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
