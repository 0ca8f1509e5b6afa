"""From ids to rows: order ids to slots, and client ids to what became of their order.

Order ids are consecutive, so an open-addressing table keyed by `id & mask` has few collisions. Client ids are 128 bits, hashed with
the account into chained buckets; a record outlives its order until CLOSED_IDS younger ones of the account have closed.
"""

from __future__ import annotations

from typing import Final

from librt.vecs import vec
from mypy_extensions import i64

from .tables import Accounts, Recycled, column, more
from .types import CLOSED_IDS, NIL

MIX: Final[i64] = 0x2545F4914F6CDD1D  # an odd 63-bit multiplier; products are masked, so both builds agree
MASK: Final[i64] = (1 << 62) - 1


class OrderIndex:
    """Order id -> slot of the resting order. Linear probing, at most half full, deletion by shifting back."""

    def __init__(self, capacity: i64) -> None:
        self.mask: i64 = capacity - 1
        self.key: vec[i64] = column(capacity, NIL)
        self.slot: vec[i64] = column(capacity, NIL)
        self.count: i64 = 0

    def find(self, order_id: i64) -> i64:
        key = self.key
        mask = self.mask
        at = order_id & mask
        while key[at] != NIL:
            if key[at] == order_id:
                return self.slot[at]
            at = (at + 1) & mask
        return NIL

    def put(self, order_id: i64, slot: i64) -> None:
        key = self.key
        mask = self.mask
        at = order_id & mask
        while key[at] != NIL:
            at = (at + 1) & mask
        key[at] = order_id
        self.slot[at] = slot
        self.count += 1

    def remove(self, order_id: i64) -> None:
        key = self.key
        slots = self.slot
        mask = self.mask
        at = order_id & mask
        while key[at] != order_id:
            assert key[at] != NIL, "order id not indexed"
            at = (at + 1) & mask
        hole = at
        at = (at + 1) & mask
        while key[at] != NIL:
            home = key[at] & mask
            if ((at - home) & mask) >= ((at - hole) & mask):  # the hole lies between its home and here: move it back
                key[hole] = key[at]
                slots[hole] = slots[at]
                hole = at
            at = (at + 1) & mask
        key[hole] = NIL
        self.count -= 1

    def reserve(self) -> None:
        if self.count * 2 <= self.mask:
            return
        key = self.key
        slot = self.slot
        size = self.mask + 1
        self.key = column(size * 2, NIL)
        self.slot = column(size * 2, NIL)
        self.mask = size * 2 - 1
        self.count = 0
        at: i64 = 0
        while at < size:
            if key[at] != NIL:
                self.put(key[at], slot[at])
            at += 1


class ClientIds(Recycled):
    """One row per client id in use: that of an open order, or one of the account's last CLOSED_IDS closed ones. `next`: in its bucket."""

    def __init__(self, rows: i64) -> None:
        super().__init__(rows)
        self.account: vec[i64] = column(rows, 0)
        self.hi: vec[i64] = column(rows, 0)
        self.lo: vec[i64] = column(rows, 0)
        self.order_id: vec[i64] = column(rows, 0)
        self.state: vec[i64] = column(rows, 0)
        self.filled: vec[i64] = column(rows, 0)  # [lots] when closed
        self.younger: vec[i64] = column(rows, NIL)  # next closed one of the account
        self.bucket: vec[i64] = column(rows * 2, NIL)

    def home(self, account: i64, hi: i64, lo: i64) -> i64:
        h = ((hi & MASK) * MIX + (lo & MASK)) & MASK
        h = ((h ^ (h >> 29)) * MIX + account) & MASK
        h = ((h ^ (h >> 32)) * MIX) & MASK
        return (h >> 20) & (self.rows * 2 - 1)

    def find(self, account: i64, hi: i64, lo: i64) -> i64:
        row = self.bucket[self.home(account, hi, lo)]
        while row != NIL and not (self.lo[row] == lo and self.hi[row] == hi and self.account[row] == account):
            row = self.next[row]
        return row

    def add(self, account: i64, hi: i64, lo: i64, order_id: i64) -> i64:
        """Take a client id for an open order."""
        row = self.new_row()
        bucket = self.bucket
        self.account[row] = account
        self.hi[row] = hi
        self.lo[row] = lo
        self.order_id[row] = order_id
        self.state[row] = 0
        self.filled[row] = 0
        self.younger[row] = NIL
        home = self.home(account, hi, lo)
        self.next[row] = bucket[home]
        bucket[home] = row
        return row

    def close(self, accounts: Accounts, row: i64, state: i64, filled: i64) -> None:
        """The order is gone: keep its id taken, and let the account's oldest closed one go if there are too many."""
        account = self.account[row]
        younger = self.younger
        self.state[row] = state
        self.filled[row] = filled
        last = accounts.last_closed[account]
        if last == NIL:
            accounts.first_closed[account] = row
        else:
            younger[last] = row
        accounts.last_closed[account] = row
        accounts.closed[account] += 1
        if accounts.closed[account] > CLOSED_IDS:
            oldest = accounts.first_closed[account]
            accounts.first_closed[account] = younger[oldest]
            accounts.closed[account] -= 1
            self.remove(oldest)

    def remove(self, row: i64) -> None:
        nxt = self.next
        bucket = self.bucket
        home = self.home(self.account[row], self.hi[row], self.lo[row])
        at = bucket[home]
        if at == row:
            bucket[home] = nxt[row]
        else:
            while nxt[at] != row:
                at = nxt[at]
            nxt[at] = nxt[row]
        self.free_row(row)

    def reserve(self) -> None:
        if self.free != NIL:
            return
        add = self.rows
        self.account = more(self.account, add, 0)
        self.hi = more(self.hi, add, 0)
        self.lo = more(self.lo, add, 0)
        self.order_id = more(self.order_id, add, 0)
        self.state = more(self.state, add, 0)
        self.filled = more(self.filled, add, 0)
        self.younger = more(self.younger, add, NIL)
        self.lengthen()
        self.bucket = column(self.rows * 2, NIL)
        row: i64 = 0
        while row < add:  # all old rows are live: the free list was empty
            home = self.home(self.account[row], self.hi[row], self.lo[row])
            self.next[row] = self.bucket[home]
            self.bucket[home] = row
            row += 1
