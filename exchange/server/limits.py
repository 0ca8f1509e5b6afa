"""How much one connection may ask of the venue: commands by a token bucket (bucket.py), and bounds for all that would otherwise grow."""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta, Struct

FLOOD_NS: Final = 10_000_000_000  # over which `flood` is counted


def told(what: str, beyond: str) -> Meta:
    """What is bounded, and what one who goes beyond it meets."""
    return Meta(description=what, extra={"beyond": beyond})


class Limits(Struct, frozen=True):
    """All that a client could make grow, and what happens to one that tries. docs/api.md has the table that is made of this."""

    frame_bytes: Annotated[int, told("bytes of one request", "FRAME_TOO_LARGE, and the end")] = 1 << 20
    guest_bytes: Annotated[int, told("the same before a login", "FRAME_TOO_LARGE, and the end")] = 1 << 16
    unfinished_bytes: Annotated[int, told("bytes of all requests that are not whole", "UNFINISHED and the end, of the first")] = 64 << 20
    request_s: Annotated[int, told("seconds from the first byte of a request to its last", "UNFINISHED, and the end")] = 30
    items: Annotated[int, told("events, orders or items of one message to a client", "further messages, or `more`")] = 8_192
    commands_per_s: Annotated[int, told("commands that a connection's bucket is filled by in a second", "RATE_LIMITED")] = 1_000_000
    burst: Annotated[int, told("commands that the bucket holds", "RATE_LIMITED")] = 1_000_000
    flood: Annotated[int, told("requests in 10 s that come sooner than `retry_ms` said", "RATE_LIMITED, and the end")] = 10_000
    subscriptions: Annotated[int, told("streams of a connection", "TOO_MANY_SUBSCRIPTIONS")] = 256
    channels: Annotated[int, told("different streams of market data, of the server", "TOO_MANY_SUBSCRIPTIONS")] = 4_096
    connections: Annotated[int, told("connections to the server; at the HTTP port 64 more", "TOO_MANY_CONNECTIONS, and the end")] = 4_096
    contacts: Annotated[int, told("addresses that one peer makes known by asking or sending", "no account (`docs/hyperliquid.md`)")] = 2_000
    users: Annotated[int, told("users of the server; each has at most one key", "TOO_MANY_USERS")] = 10_000
    accounts: Annotated[int, told("accounts of a user; the venue's design bounds those of all", "TOO_MANY_ACCOUNTS")] = 64
    faucet: Annotated[int, told("micro-units of an asset that the faucet pays a user in all", "FAUCET_LIMIT")] = 50_000_000_000_000
    unread_bytes: Annotated[int, told("bytes of private events not read, or held back by a fault", "SLOW_READER, and the end")] = 16 << 20
    named_sessions: Annotated[int, told("named sessions that are remembered, 16 of a user", "those left longest ago are forgotten")] = 4_096
    remembered: Annotated[int, told("replies that a named session remembers", "the oldest is forgotten")] = 1_024
    remembered_bytes: Annotated[int, told("bytes of those replies", "the oldest is forgotten")] = 1 << 20
    remembered_in_all: Annotated[int, told("bytes of the replies of all of them", "as of `named_sessions`, then the oldest")] = 256 << 20
    hello_s: Annotated[int, told("seconds without a first byte; of HTTP, without a whole head", "the end, of HTTP with 408")] = 30
    quiet_s: Annotated[int, told("seconds without a word from a connection that has subscribed", "IDLE, and the end")] = 15
    silent_s: Annotated[int, told("the same of one that has not", "IDLE, and the end")] = 600


PROFILES: Final[dict[str, Limits]] = {
    "open": Limits(),
    "venue": Limits(commands_per_s=200, burst=400, flood=400, subscriptions=64, accounts=16),
    "tight": Limits(commands_per_s=10, burst=20, flood=40, subscriptions=8, accounts=4),
}


class Patience:
    """How often a client has gone on although it was told when to come back. What it did is forgotten evenly, `most` times in FLOOD_NS.

    One that waits as long as it was told is never counted, however often it is refused; what was on its way when it was told is, so `most`
    has to be more than a client keeps on its way.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._level = 0  # times FLOOD_NS, so that what is forgotten is a whole number
        self._at = 0  # [ns] when that was counted
        self._told = 0  # [ns] when it may come back

    def refuse(self, now: int, wait_ms: int) -> int:
        """A request is refused at monotonic `now` [ns], and told to come back in `wait_ms`; how many were counted by now."""
        if now < self._told:
            self._level = max(0, self._level - (now - self._at) * self.most) + FLOOD_NS
            self._at = now
        self._told = max(self._told, now + wait_ms * 1_000_000)
        return self._level // FLOOD_NS
