"""One account's private stream, as one connection hears it: what it missed, then what happens.

Rules: messages are chained by prev_seq, none has more than `limits.items` events or orders, and what was missed is made piece by piece, as
it is read. Meanwhile what happens is in the host's ring, so nothing is kept twice for a slow reader.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, TypeVar

from .host import Host
from .naming import Named, named_event

T = TypeVar("T")
LOOKED_AT: Final = 1 << 14  # events of the ring, for one piece: some ten milliseconds of the interpreted build


class PrivateStream:
    """`state`: all that the account has, as of now."""

    def __init__(self, host: Host, account: int, tell: Callable[[Named], object], state: Callable[[], Named]) -> None:
        self.host = host
        self.account = account
        self.tell = tell
        self.state = state
        self.told = 0  # number of the event last told
        self.looked = 0  # the ring was looked at up to this event
        self.is_behind = False  # there is more in the ring

    def begin(self, since: int | None) -> None:
        """What the account has, or what has happened to it behind an event."""
        last = self.host.exchange.state.log.seq
        if since is None:
            self._snapshot()
        elif not self._is_kept(since, last):
            self._gap(since)
        else:
            self.told = self.looked = since
            self.go_on()

    def go_on(self) -> None:
        """The next piece of what was missed, if the ring still has it."""
        last = self.host.exchange.state.log.seq
        if not self._is_kept(self.looked, last):
            self._gap(self.told)
            return
        rows, self.looked = self.host.ring.since(self.looked, self.account, LOOKED_AT)
        self.is_behind = self.looked < last
        self._tell(rows)

    def hear(self, rows: list[list[int]]) -> None:
        """Events that happen now."""
        if not self.is_behind:
            self._tell([row for row in rows if row[1] > self.told])

    def _tell(self, rows: list[list[int]]) -> None:
        for some in pieces(rows, self.host.limits.items):
            before, self.told = self.told, some[-1][1]
            self.tell({**self._head("events"), "prev_seq": before, "seq": self.told, "events": [named_event(row) for row in some]})

    def _is_kept(self, since: int, last: int) -> bool:
        return self.host.ring.oldest(last) - 1 <= since <= last

    def _gap(self, since: int) -> None:
        last = self.host.exchange.state.log.seq
        self.tell({**self._head("gap"), "since_seq": since, "oldest_seq": self.host.ring.oldest(last), "last_seq": last})
        self._snapshot()

    def _snapshot(self) -> None:
        state = self.state()
        self.told, self.is_behind = self.host.exchange.state.log.seq, False
        orders = state["orders"]
        assert isinstance(orders, list)
        first, *others = pieces(orders, self.host.limits.items) if orders else [[]]
        left = len(orders) - len(first)
        self.tell({"channel": "private", "type": "snapshot", **state, "orders": first, "more": left})
        for some in others:
            left -= len(some)
            self.tell({**self._head("orders"), "prev_seq": self.told, "seq": self.told, "orders": some, "more": left})

    def _head(self, kind: str) -> Named:
        return {"channel": "private", "type": kind, "account": self.account}


def pieces(things: list[T], most: int) -> Iterator[list[T]]:
    for at in range(0, len(things), most):
        yield things[at : at + most]
