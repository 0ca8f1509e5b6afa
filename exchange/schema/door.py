"""The door: a packed command is examined before anything happens, against the bounds of the message schema and the venue's time."""

from __future__ import annotations

from librt.vecs import vec
from mypy_extensions import i64

from ..state.tables import column
from ..state.types import MAX_TS_JUMP, ROW
from .messages import BOUNDS, Malformed, describe_malformed

KINDS: i64 = len(BOUNDS) + 1


class Door:
    def __init__(self) -> None:
        self.used: vec[i64] = column(KINDS, 0)  # by kind: how many columns of a row it uses
        self.first: vec[i64] = column(KINDS + 1, 0)  # by kind: the first of its bounds
        self.bounds: vec[i64] = column(KINDS * ROW * 3, 0)  # column, lowest, highest; none of a column that takes any number
        at: i64 = 0
        kind: i64 = 0
        while kind < KINDS:
            self.first[kind] = at
            bounds = BOUNDS.get(int(kind), ())
            self.used[kind] = 1 + len(bounds)
            for number, (_, low, high) in enumerate(bounds):
                if low > -(2**63) or high < 2**63 - 1:
                    self.bounds[at] = 1 + number
                    self.bounds[at + 1] = low
                    self.bounds[at + 2] = high
                    at += 3
            kind += 1
        self.first[KINDS] = at

    def examine(self, rows: vec[i64], now: i64, started: bool) -> None:
        """Raises Malformed for the first row that is no command, or whose ts runs back or jumps too far."""
        used = self.used
        first = self.first
        bounds = self.bounds
        kinds: i64 = len(used)
        end: i64 = len(rows)
        if end % ROW != 0:
            raise Malformed(f"packed commands are rows of {ROW} integers, got {end}")
        at: i64 = 0
        while at < end:
            kind = rows[at]
            if not 0 < kind < kinds:
                self.refuse(rows, at, "")
            bound = first[kind]
            last = first[kind + 1]
            while bound < last:
                value = rows[at + bounds[bound]]
                if value < bounds[bound + 1] or value > bounds[bound + 2]:
                    self.refuse(rows, at, "")
                bound += 3
            unused: i64 = 0
            i = at + used[kind]
            limit = at + ROW
            while i < limit:
                unused |= rows[i]
                i += 1
            if unused != 0:
                self.refuse(rows, at, "")
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
