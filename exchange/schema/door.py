"""The door: a packed command is examined before anything happens, against the bounds of the message schema and the venue's time.

The tables here are made from the structs of messages.py when the module is loaded: bounds of every column, and what a refusal names.
"""

from __future__ import annotations

from typing import Final

from librt.vecs import vec
from mypy_extensions import i64

from ..state.packed import column
from ..state.types import MAX_TS_JUMP, NIL, ROW
from .columns import (
    CANCEL_ACCOUNT,
    CANCEL_CLIENT_ACCOUNT,
    CANCEL_ORDER_ID,
    KIND,
    PLACE_ACCOUNT,
    PLACE_MARKET,
    PLACE_ORDER_TYPE,
    PLACE_PRICE,
    PLACE_REDUCE_ONLY,
    PLACE_SELF_TRADE,
    PLACE_SIDE,
    PLACE_SIZE,
    PLACE_TIF,
    TS,
)
from .kinds import C_CANCEL, C_CANCEL_CLIENT, C_PLACE
from .messages import BOUNDS, REFUSAL_COLUMNS, Malformed, describe_malformed

COMMAND_KINDS: Final = len(BOUNDS) + 1  # kinds are numbered from 1


# Bounds of the commands that come by the million, as shifts: a column whose bounds are 0 and 2^n - 1 is right if nothing is left of it
# after n bits. A test holds these functions to the schema: what they let through, the tables let through.
ID_BITS: Final[i64] = 62
SIZE_BITS: Final[i64] = 39  # one less than sizes have: the largest take the longer way
TIF_BITS: Final[i64] = 2  # times in force up to POST_ONLY; the others take the longer way


def is_frequent_command(rows: vec[i64], at: i64) -> bool:
    """A shortcut: is this surely a command? False says nothing."""
    kind = rows[at + KIND]
    if kind == C_PLACE:
        codes = rows[at + PLACE_SIDE] | rows[at + PLACE_ORDER_TYPE] | rows[at + PLACE_REDUCE_ONLY] | rows[at + PLACE_SELF_TRADE]
        size = rows[at + PLACE_SIZE] - 1
        left = rows[at + TS] >> ID_BITS | rows[at + PLACE_ACCOUNT] >> 24 | rows[at + PLACE_MARKET] >> 6 | codes >> 1
        left |= rows[at + PLACE_PRICE] >> 32 | size >> SIZE_BITS | rows[at + PLACE_TIF] >> TIF_BITS
        return left | rows[at + 13] | rows[at + 14] | rows[at + 15] == 0
    if kind == C_CANCEL:
        order_id = rows[at + CANCEL_ORDER_ID] - 1
        left = rows[at + TS] >> ID_BITS | rows[at + CANCEL_ACCOUNT] >> 24 | order_id >> ID_BITS
        return left | rows[at + 4] | rows[at + 5] | last_ten(rows, at) == 0
    if kind == C_CANCEL_CLIENT:
        left = rows[at + TS] >> ID_BITS | rows[at + CANCEL_CLIENT_ACCOUNT] >> 24
        return left | rows[at + 5] | last_ten(rows, at) == 0
    return False


def last_ten(rows: vec[i64], at: i64) -> i64:
    """The last ten columns of a row, or-ed together. Written out: a loop costs three times as much."""
    found = rows[at + 6] | rows[at + 7] | rows[at + 8] | rows[at + 9] | rows[at + 10]
    return found | rows[at + 11] | rows[at + 12] | rows[at + 13] | rows[at + 14] | rows[at + 15]


def comes_in_time(ts: i64, now: i64, started: bool) -> bool:
    """May a command come at `ts`? A venue that has not started takes any."""
    return not started or (ts >= now and ts - now <= MAX_TS_JUMP)


class Door:
    def __init__(self) -> None:
        kinds: i64 = COMMAND_KINDS
        self.used: vec[i64] = column(kinds, 0)  # by kind: how many columns of a row it uses
        self.first: vec[i64] = column(kinds + 1, 0)  # by kind: the first of its bounds
        self.bounds: vec[i64] = column(kinds * ROW * 3, 0)  # column, lowest, highest; none of a column that takes any number
        self.named: vec[i64] = column(kinds * 4, NIL)  # by kind: columns of account, market and client id that a refusal names
        at: i64 = 0
        kind: i64 = 0
        while kind < kinds:
            self.first[kind] = at
            bounds = BOUNDS.get(int(kind), ())
            self.used[kind] = 1 + len(bounds)
            for number, (_, low, high) in enumerate(bounds):
                if low > -(2**63) or high < 2**63 - 1:
                    assert -(2**62) <= low <= high <= 2**62, "is_command needs room for differences"
                    self.bounds[at] = 1 + number
                    self.bounds[at + 1] = low
                    self.bounds[at + 2] = high
                    at += 3
            for place, column_named in enumerate(REFUSAL_COLUMNS.get(int(kind), ())):
                self.named[kind * 4 + place] = column_named
            kind += 1
        self.first[kinds] = at

    def is_command(self, rows: vec[i64], at: i64, now: i64, started: bool) -> bool:
        """Is the row that begins at `at` a command that may come at this time?"""
        if is_frequent_command(rows, at):
            return comes_in_time(rows[at + TS], now, started)
        kind = rows[at + KIND]
        if not 0 < kind < COMMAND_KINDS:
            return False
        bounds = self.bounds
        bound = self.first[kind]
        last = self.first[kind + 1]
        wrong: i64 = 0  # below zero once a value is out of bounds: one branch for all. Bounds are small, so that a wrap cannot hide it
        while bound < last:
            value = rows[at + bounds[bound]]
            wrong |= (value - bounds[bound + 1]) | (bounds[bound + 2] - value)
            bound += 3
        unused: i64 = 0
        i = at + self.used[kind]
        limit = at + ROW
        while i < limit:
            unused |= rows[i]
            i += 1
        return wrong >= 0 and unused == 0 and comes_in_time(rows[at + TS], now, started)

    def examine(self, rows: vec[i64], now: i64, started: bool) -> None:
        """Raises Malformed for the first row that is no command, or whose ts runs back or jumps too far."""
        end: i64 = len(rows)
        if end % ROW != 0:
            raise Malformed(f"packed commands are rows of {ROW} integers, got {end}")
        at: i64 = 0
        while at < end:
            is_frequent = is_frequent_command(rows, at) and comes_in_time(rows[at + TS], now, started)
            if not is_frequent and not self.is_command(rows, at, now, started):
                raise Malformed(f"row {at // ROW}: {self.complaint(rows, at, now, started)}")
            now = rows[at + TS]
            started = True
            at += ROW

    def sifted(self, rows: vec[i64], now: i64, started: bool) -> tuple[vec[i64], dict[int, str]]:
        """The rows that are commands, and why the others are not, by their numbers. Raises Malformed if these are no rows."""
        end: i64 = len(rows)
        if end % ROW != 0:
            raise Malformed(f"packed commands are rows of {ROW} integers, got {end}")
        kept = column(end, 0)
        refused: dict[int, str] = {}
        at: i64 = 0
        to: i64 = 0
        while at < end:
            if self.is_command(rows, at, now, started):
                i: i64 = 0
                while i < ROW:
                    kept[to + i] = rows[at + i]
                    i += 1
                to += ROW
                now = rows[at + TS]
                started = True
            else:
                refused[int(at // ROW)] = self.complaint(rows, at, now, started)
            at += ROW
        return kept[:to], refused

    def complaint(self, rows: vec[i64], at: i64, now: i64, started: bool) -> str:
        """Why the row is no command."""
        if self.is_command(rows, at, 0, False) and started:
            ts = rows[at + TS]
            if ts < now:
                return f"ts {ts} runs back behind {now}"
            return f"ts {ts} jumps by more than {MAX_TS_JUMP} ns past {now}; send a Tick in between"
        return describe_malformed([int(value) for value in rows[at : at + ROW]])

    def named_value(self, rows: vec[i64], at: i64, place: i64, missing: i64) -> i64:
        """What a refusal of this command names: its account (0), market (1), or the halves of its client id (2, 3)."""
        found = self.named[rows[at + KIND] * 4 + place]
        return missing if found == NIL else rows[at + found]
