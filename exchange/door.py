"""The door: a packed command is examined before anything happens, against the bounds of the message schema and the venue's time."""

from __future__ import annotations

from librt.vecs import vec
from mypy_extensions import i64

from .messages import BOUNDS, Malformed, describe_malformed
from .tables import column
from .types import MAX_TS_JUMP, ROW

KINDS: i64 = len(BOUNDS) + 1


class Door:
    def __init__(self) -> None:
        self.low: vec[i64] = column(KINDS * ROW, 0)  # by kind * ROW + column; an unused column must be 0
        self.high: vec[i64] = column(KINDS * ROW, 0)
        self.kinds: i64 = KINDS
        for kind, bounds in BOUNDS.items():
            at: i64 = kind * ROW
            self.low[at] = kind
            self.high[at] = kind
            for name, low, high in bounds:
                at += 1
                self.low[at] = low
                self.high[at] = high
                assert name

    def examine(self, rows: vec[i64], now: i64, started: bool) -> None:
        """Raises Malformed for the first row that is no command, or whose ts runs back or jumps too far."""
        low = self.low
        high = self.high
        end: i64 = len(rows)
        if end % ROW != 0:
            raise Malformed(f"packed commands are rows of {ROW} integers, got {end}")
        at: i64 = 0
        while at < end:
            kind = rows[at]
            if not 0 < kind < self.kinds:
                self.refuse(rows, at, "")
            bounds: i64 = kind * ROW
            i: i64 = 1
            while i < ROW:
                value = rows[at + i]
                if value < low[bounds + i] or value > high[bounds + i]:
                    self.refuse(rows, at, "")
                i += 1
            ts = rows[at + 1]
            if started or at > 0:
                if ts < now:
                    self.refuse(rows, at, f"ts {ts} runs back behind {now}")
                if ts - now > MAX_TS_JUMP:
                    self.refuse(rows, at, f"ts {ts} jumps by more than {MAX_TS_JUMP} ns past {now}; send a Tick in between")
            now = ts
            at += ROW

    def refuse(self, rows: vec[i64], at: i64, why: str) -> None:
        row = [int(value) for value in rows[at : at + ROW]]
        raise Malformed(f"row {at // ROW}: {why or describe_malformed(row)}")
