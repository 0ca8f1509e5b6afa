"""Packed event rows of the command (or bulk call) at hand."""

from __future__ import annotations

from librt.vecs import vec
from mypy_extensions import i64

from .packed import column, more
from .types import ROW


class EventLog:
    """Preallocated; only `write` writes, so it may grow within a command. `seq` numbers events without gaps."""

    def __init__(self) -> None:
        self.rows: vec[i64] = column(ROW * 256, 0)
        self.capacity: i64 = ROW * 256
        self.end: i64 = 0
        self.seq: i64 = 0

    def emit(
        self, kind: i64, ts: i64, a: i64, b: i64 = 0, c: i64 = 0, d: i64 = 0, e: i64 = 0, f: i64 = 0, g: i64 = 0, h: i64 = 0, i: i64 = 0,
        j: i64 = 0, k: i64 = 0, m: i64 = 0,
    ) -> None:  # fmt: skip
        self.write(kind, ts, a, b, c, d, e, f, g, h, i, j, k, m)

    def write(
        self, kind: i64, ts: i64, a: i64, b: i64, c: i64, d: i64, e: i64, f: i64, g: i64, h: i64, i: i64, j: i64, k: i64, m: i64
    ) -> None:
        """`emit` without defaults, which cost as much as the rest of it: for the events of the hot path."""
        at = self.end
        if at == self.capacity:
            self.rows = more(self.rows, self.capacity, 0)
            self.capacity *= 2
        self.seq += 1
        rows = self.rows
        rows[at] = kind
        rows[at + 1] = self.seq
        rows[at + 2] = ts
        rows[at + 3] = a
        rows[at + 4] = b
        rows[at + 5] = c
        rows[at + 6] = d
        rows[at + 7] = e
        rows[at + 8] = f
        rows[at + 9] = g
        rows[at + 10] = h
        rows[at + 11] = i
        rows[at + 12] = j
        rows[at + 13] = k
        rows[at + 14] = m
        self.end = at + ROW

    def clear(self) -> None:
        self.end = 0
