"""Whom a liquidation pass has to look at: accounts that are due, and an alarm for each open position of all the others.

An account is due from when anything of its own has changed (the ledger says so) until it has been looked at. Then each of its open
positions gets an alarm: a mark up to which nothing that happens in that market, by itself or in all markets at once, takes the account
below maintenance. Alarms lie in buckets by price, one row of buckets per market and side, so a mark that moves meets those that it has
crossed and no others. What all positions of a side owe rises without anyone being touched: alarms are set as if it stood at a ceiling,
and when it goes beyond that, everyone is due.

All of it follows from the rest of the state: it is in no snapshot and not in the state hash, and after a restore everyone is due.
How far an alarm is away is for liquidation/screening.py. Buckets round down; nothing here moves money.
"""

from __future__ import annotations

from typing import Final

from librt.vecs import vec
from mypy_extensions import i64

from .packed import column, more
from .tables import P_ACCOUNT, P_WIDTH
from .types import FIRST_USER, NIL, max_i64

# Columns of an alarm: one row per position row, in the same order
A_PRICE: Final[i64] = 0  # [ticks] the first mark, going against the position, at which its account is due
A_BUCKET: Final[i64] = 1  # where it lies, NIL: nowhere
A_NEXT: Final[i64] = 2  # in its bucket
A_PREV: Final[i64] = 3
A_WIDTH: Final[i64] = 4

BITS: Final[i64] = 10  # a bucket is 2^-10 to 2^-11 of its price wide, one tick below 2^11 ticks
MANY: Final[i64] = 32  # one in so many
LONG: Final[i64] = 0
SHORT: Final[i64] = 1


def bucket_of(price: i64) -> i64:
    """Number of the bucket of a price: exponent and the first bits of its mantissa, so it does not fall when the price rises."""
    shift: i64 = 0
    while price >> (shift + BITS + 1) != 0:
        shift += 1
    return (shift << BITS) + (price >> shift)


class Alarms:
    def __init__(self, markets: i64, accounts: i64, positions: i64) -> None:
        self.everyone: bool = True  # are all accounts due, listed or not?
        self.is_due: vec[i64] = column(accounts, NIL)  # by account, 1: it is listed; NIL: it has held nothing yet, and never is
        self.due: vec[i64] = column(accounts, 0)  # the accounts that are
        self.count: i64 = 0  # of them
        self.cells: vec[i64] = column(positions * A_WIDTH, NIL)
        self.buckets: i64 = 0  # of a side of a market; 0: none were needed yet
        self.first: vec[i64] = column(0, NIL)  # alarm of a bucket: market by market, of longs, then of shorts
        self.marks: vec[i64] = column(markets, 0)  # [ticks] by market: no alarm has been crossed at this one
        self.ceiling: vec[i64] = column(markets * 2, NIL)  # by market and side: alarms hold while a lot's accrual is not above it

    # -- room ----------------------------------------------------------------------------------------------------------------------

    def fit(self, accounts: i64, positions: i64) -> None:
        """Have room for so many; called between commands."""
        missing: i64 = accounts - len(self.is_due)
        if missing > 0:
            self.is_due = more(self.is_due, missing, NIL)
            self.due = more(self.due, missing, 0)
        missing = positions * A_WIDTH - len(self.cells)
        if missing > 0:
            self.cells = more(self.cells, missing, NIL)

    def open(self, highest: i64) -> None:
        """Make the buckets, for prices up to `highest` [ticks] in every market."""
        self.buckets = bucket_of(highest) + 1
        self.first = column(self.buckets * len(self.ceiling), NIL)

    # -- who is due ----------------------------------------------------------------------------------------------------------------

    def hold(self, account: i64) -> None:
        """The account has a position: from now on it can be due. Who only has money or settings costs no pass anything."""
        if account >= FIRST_USER and self.is_due[account] == NIL:
            self.is_due[account] = 0

    def note(self, account: i64) -> None:
        """Something of the account's own has changed, or a mark has crossed an alarm of it: it is due."""
        if account >= FIRST_USER and self.is_due[account] == 0:
            self.is_due[account] = 1
            self.due[self.count] = account
            self.count += 1

    def put_in_order(self, accounts: i64) -> None:
        """Where many of all accounts are due, list them by number: their rows are then met as they lie in memory, which saves half."""
        if self.count * MANY < accounts:
            return
        self.count = 0
        account: i64 = 0
        while account < accounts:
            if self.is_due[account] == 1:
                self.due[self.count] = account
                self.count += 1
            account += 1

    def follow(self, market: i64, mark: i64, positions: vec[i64]) -> None:
        """The mark of a market is now this: accounts are due whose alarms it has crossed since it was last followed."""
        seen = self.marks[market]
        self.marks[market] = mark
        at = bucket_of(seen)
        last = bucket_of(mark)
        longs = market * 2 * self.buckets
        shorts = longs + self.buckets
        if mark < seen:
            while at >= last:
                self.note_crossed(self.first[longs + at], positions, mark, LONG)
                at -= 1
        elif mark > seen:
            while at <= last:
                self.note_crossed(self.first[shorts + at], positions, mark, SHORT)
                at += 1

    def note_crossed(self, alarm: i64, positions: vec[i64], mark: i64, side: i64) -> None:
        """Of one bucket, from its first alarm on. They stay where they are until their accounts are looked at."""
        cells = self.cells
        while alarm != NIL:
            price = cells[alarm + A_PRICE]
            if (price >= mark) if side == LONG else (price <= mark):
                self.note(positions[alarm // A_WIDTH * P_WIDTH + P_ACCOUNT])
            alarm = cells[alarm + A_NEXT]

    def is_crossed(self, row: i64, mark: i64, side: i64) -> bool:
        """Is the mark at the alarm of a position row or beyond it?"""
        at = row // P_WIDTH * A_WIDTH
        if self.cells[at + A_BUCKET] == NIL:
            return False
        price = self.cells[at + A_PRICE]
        return price >= mark if side == LONG else price <= mark

    # -- alarms --------------------------------------------------------------------------------------------------------------------

    def set(self, row: i64, market: i64, side: i64, price: i64) -> None:
        """The alarm of an open position row, anew."""
        at = row // P_WIDTH * A_WIDTH
        cells = self.cells
        bucket = (market * 2 + side) * self.buckets + bucket_of(price)
        cells[at + A_PRICE] = price
        if cells[at + A_BUCKET] == bucket:
            return
        self.clear(row)
        behind = self.first[bucket]
        cells[at + A_BUCKET] = bucket
        cells[at + A_NEXT] = behind
        cells[at + A_PREV] = NIL
        if behind != NIL:
            cells[behind + A_PREV] = at
        self.first[bucket] = at

    def clear(self, row: i64) -> None:
        """The position row has no alarm: it is flat, or no mark is one for it."""
        at = row // P_WIDTH * A_WIDTH
        cells = self.cells
        bucket = cells[at + A_BUCKET]
        if bucket == NIL:
            return
        cells[at + A_BUCKET] = NIL
        before = cells[at + A_PREV]
        behind = cells[at + A_NEXT]
        if before == NIL:
            self.first[bucket] = behind
        else:
            cells[before + A_NEXT] = behind
        if behind != NIL:
            cells[behind + A_PREV] = before

    # -- proof ---------------------------------------------------------------------------------------------------------------------

    def check(self) -> None:
        """The list of who is due, and the buckets: each alarm is in the one of its price, once. That nobody is missed is for the screen."""
        listed: i64 = 0
        while listed < self.count:
            assert self.is_due[self.due[listed]] == 1, "an account is listed as due and does not know it"
            listed += 1
        flags: i64 = 0
        for flag in self.is_due:
            flags += max_i64(0, flag)
        assert flags == self.count, "an account says that it is due and is not listed, or is listed twice"
        self.check_buckets()

    def check_buckets(self) -> None:
        cells = self.cells
        reached: i64 = 0
        at: i64 = 0
        while at < len(cells):
            if cells[at + A_BUCKET] != NIL:
                reached -= 1
                if cells[at + A_PREV] == NIL:
                    assert self.first[cells[at + A_BUCKET]] == at, "an alarm that its bucket does not know"
                    reached += self.check_bucket(at)
            at += A_WIDTH
        assert reached == 0, "an alarm that is not reached from the first of its bucket"

    def check_bucket(self, at: i64) -> i64:
        """From its first alarm on; returns how many there are."""
        cells = self.cells
        bucket = cells[at + A_BUCKET]
        before: i64 = NIL
        found: i64 = 0
        while at != NIL:
            assert cells[at + A_BUCKET] == bucket and cells[at + A_PREV] == before, "an alarm that lies in another bucket"
            assert bucket_of(cells[at + A_PRICE]) == bucket % self.buckets, "an alarm in the bucket of another price"
            found += 1
            before = at
            at = cells[at + A_NEXT]
        return found
