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
        self.fields: vec[i64] = column(KINDS, 0)  # by kind: how many columns it uses behind its own
        self.bounds: vec[i64] = column(KINDS * ROW * 2, 0)  # by (kind * ROW + column) * 2: lowest, highest
        for kind, bounds in BOUNDS.items():
            self.fields[kind] = len(bounds)
            at: i64 = kind * ROW * 2
            for _, low, high in bounds:
                at += 2
                self.bounds[at] = low
                self.bounds[at + 1] = high

    def examine(self, rows: vec[i64], now: i64, started: bool) -> None:
        """Raises Malformed for the first row that is no command, or whose ts runs back or jumps too far."""
        fields = self.fields
        bounds = self.bounds
        kinds: i64 = len(fields)
        end: i64 = len(rows)
        if end % ROW != 0:
            raise Malformed(f"packed commands are rows of {ROW} integers, got {end}")
        at: i64 = 0
        while at < end:
            kind = rows[at]
            if not 0 < kind < kinds:
                self.refuse(rows, at, "")
            i: i64 = at + 1
            limit = i + fields[kind]
            bound: i64 = kind * ROW * 2 + 2
            while i < limit:
                value = rows[i]
                if value < bounds[bound] or value > bounds[bound + 1]:
                    self.refuse(rows, at, "")
                bound += 2
                i += 1
            unused: i64 = 0
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
