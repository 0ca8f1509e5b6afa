"""What falls due and when: one list of (ts, rank, id) for all that a venue does with time.

At equal times a lower rank comes first, and within a rank a lower id: that order is part of a venue's rules. A new kind of timer is a new
rank here and a branch of the engine's `run_due`.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64
from sortedcontainers import SortedList  # type: ignore[import-untyped]

from .types import NEVER

ORDER_EXPIRY: Final[i64] = -1  # of an order that rests or is auctioned: it is not in force at its end; id: the order
PRICES: Final[i64] = 0  # of one moment, of which one more was said to come and has not; id 0
MARK: Final[i64] = 1  # of a market with a cadence is computed anew; id: the market
FUNDING_SAMPLE: Final[i64] = 2  # id: the market
FUNDING_PAYMENT: Final[i64] = 3  # id: the market
UNWIND: Final[i64] = 4  # of the vault; id 0
LIQUIDATION_PASS: Final[i64] = 5  # id 0
CANCEL_ALL: Final[i64] = 6  # of an account's orders; id: the account
TURN: Final[i64] = 7  # of a command that waits by itself; id: its ticket
BLOCK: Final[i64] = 8  # of commands; id 0
TAKER_AUCTION: Final[i64] = 9  # its next step; id: the order
REQUEST_EXPIRY: Final[i64] = 10  # id: the ticket of the request
TWAP_SLICE: Final[i64] = 12  # id: the TWAP
PAYMENT: Final[i64] = 13  # arrives; id: its number
MAINTENANCE: Final[i64] = 14  # a window begins or ends; id: its number


class Schedule:
    """An entry is known by its (rank, id) and has one time. Entries are few and move rarely, beside the commands that ask for `next`."""

    def __init__(self) -> None:
        self.next: i64 = NEVER  # [ns] when the first entry falls due
        self.times: dict[tuple[int, int], int] = {}
        self.entries: SortedList = SortedList()  # of (ts, rank, id)

    def set(self, rank: i64, number: i64, ts: i64) -> None:
        """Let an entry fall due at `ts`, whether or not it was in the list."""
        self.cancel(rank, number)
        self.times[int(rank), int(number)] = int(ts)
        self.entries.add((int(ts), int(rank), int(number)))
        self.look()

    def cancel(self, rank: i64, number: i64) -> None:
        """It does not fall due any more, if it would have."""
        ts = self.times.pop((int(rank), int(number)), None)
        if ts is not None:
            self.entries.remove((ts, int(rank), int(number)))
            self.look()

    def time(self, rank: i64, number: i64) -> i64:
        """[ns] when an entry falls due; NEVER if it is not in the list."""
        ts: i64 = self.times.get((int(rank), int(number)), int(NEVER))
        return ts

    def pop(self) -> tuple[int, int, int]:
        """Take the first entry off the list."""
        entry: tuple[int, int, int] = self.entries.pop(0)
        del self.times[entry[1], entry[2]]
        self.look()
        return entry

    def goes_on(self, ts: i64, rank: i64) -> bool:
        """Is the first entry another one of this time and rank?"""
        return len(self.entries) > 0 and self.entries[0][0] == ts and self.entries[0][1] == rank

    def look(self) -> None:
        self.next = self.entries[0][0] if len(self.entries) > 0 else NEVER

    def check(self, now: i64) -> None:
        """Both lists agree, and nothing that has fallen due was left out."""
        assert sorted((ts, rank, number) for (rank, number), ts in self.times.items()) == list(self.entries), "the schedule disagrees"
        assert self.next == (self.entries[0][0] if self.times else NEVER) and self.next > now, "something due was not done"
