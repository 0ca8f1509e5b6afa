"""From ids to orders: order ids to slots, and the client ids of each account to what became of their order.

Open-addressing tables of sizes that are powers of 2. Order ids are consecutive; left in their order they would fill long runs of the
table, so they are scattered.
"""

from __future__ import annotations

from typing import Final

from librt.vecs import vec
from mypy_extensions import i64

from .tables import O_CLIENT_HI, O_CLIENT_LO, column, more
from .types import CLOSED_IDS, NIL, min_i64

MIX: Final[i64] = 0x2545F4914F6CDD1D  # an odd 63-bit multiplier; products are masked, so both builds agree
MASK: Final[i64] = (1 << 62) - 1


class OrderIndex:
    """Order id -> slot of the resting order. `capacity`: a power of 2."""

    def __init__(self, capacity: i64) -> None:
        self.mask: i64 = capacity - 1
        self.key: vec[i64] = column(capacity, NIL)
        self.slot: vec[i64] = column(capacity, NIL)
        self.count: i64 = 0

    def home(self, order_id: i64) -> i64:
        return ((order_id * MIX & MASK) >> 24) & self.mask

    def find(self, order_id: i64) -> i64:
        key = self.key
        mask = self.mask
        at = self.home(order_id)
        while key[at] != order_id:
            if key[at] == NIL:
                return NIL
            at = (at + 1) & mask
        return self.slot[at]

    def put(self, order_id: i64, slot: i64) -> None:
        key = self.key
        mask = self.mask
        at = self.home(order_id)
        while key[at] != NIL:
            at = (at + 1) & mask
        key[at] = order_id
        self.slot[at] = slot
        self.count += 1

    def remove(self, order_id: i64) -> None:
        key = self.key
        slots = self.slot
        mask = self.mask
        at = self.home(order_id)
        while key[at] != order_id:
            assert key[at] != NIL, "order id not indexed"
            at = (at + 1) & mask
        hole = at
        at = (at + 1) & mask
        while key[at] != NIL:
            if ((at - self.home(key[at])) & mask) >= ((at - hole) & mask):  # the hole lies between its home and here: move it back
                key[hole] = key[at]
                slots[hole] = slots[at]
                hole = at
            at = (at + 1) & mask
        key[hole] = NIL
        self.count -= 1

    def grow(self) -> None:
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


HI: Final[i64] = 0  # columns of a closed id
LO: Final[i64] = 1
ORDER_ID: Final[i64] = 2
STATE: Final[i64] = 3
FILLED: Final[i64] = 4  # [lots]
WIDTH: Final[i64] = 5
REF_BITS: Final[i64] = 32
REF_MASK: Final[i64] = (1 << 32) - 1


def hash_of(hi: i64, lo: i64) -> i64:
    """31 bits of a client id."""
    h = ((hi & MASK) * MIX + (lo & MASK)) & MASK
    h = ((h ^ (h >> 29)) * MIX) & MASK
    h = ((h ^ (h >> 32)) * MIX) & MASK
    return h >> 31


def enter(index: vec[i64], mask: i64, entry: i64) -> None:
    """Put an entry of a ClientIds index into the first free place from its home on."""
    at = (entry >> REF_BITS) & mask
    while index[at] != NIL:
        at = (at + 1) & mask
    index[at] = entry


class ClientIds:
    """The client ids of one account: those of its open orders, and of the last CLOSED_IDS closed ones.

    What an id stands for is a number, its ref: slot * 2 + 1 of an open order, or position * 2 in the ring of the closed ones. The index
    holds hash and ref in one number and is probed linearly. An id that the ring has overwritten leaves its entry behind, which no id
    matches any more; entries are sorted out when three in four are used. So the oldest is forgotten without a look at where it was,
    and an order's whole life touches one cold place: a venue at work remembers a million ids, and this is what it costs.
    Rows are small and belong to one account, so they grow when they must, in the middle of a command too.
    """

    def __init__(self) -> None:
        self.index: vec[i64] = column(8, NIL)
        self.used: i64 = 0  # entries, dead ones included
        self.ring: vec[i64] = column(8 * WIDTH, 0)
        self.room: i64 = 8  # rows of the ring
        self.closed: i64 = 0  # ever
        self.missed: i64 = NIL  # hash of the last id that was looked for in vain, and the free place where the search ended
        self.gap: i64 = 0

    def find(self, orders: vec[i64], hi: i64, lo: i64) -> i64:
        """The ref of a client id, or NIL."""
        index = self.index
        mask: i64 = len(index) - 1
        tag = hash_of(hi, lo)
        at = tag & mask
        entry = index[at]
        while entry != NIL:
            if entry >> REF_BITS == tag:
                ref = entry & REF_MASK
                if self.stands_for(orders, ref, hi, lo):
                    return ref
            at = (at + 1) & mask
            entry = index[at]
        self.missed = tag
        self.gap = at
        return NIL

    def stands_for(self, orders: vec[i64], ref: i64, hi: i64, lo: i64) -> bool:
        if ref & 1 != 0:
            return orders[(ref >> 1) + O_CLIENT_LO] == lo and orders[(ref >> 1) + O_CLIENT_HI] == hi
        cell = (ref >> 1) * WIDTH
        return self.ring[cell + LO] == lo and self.ring[cell + HI] == hi

    def read(self, ref: i64, what: i64) -> i64:
        """A column of a closed id: ORDER_ID, STATE, FILLED."""
        return self.ring[(ref >> 1) * WIDTH + what]

    def put(self, hi: i64, lo: i64, old: i64, ref: i64) -> None:
        """Let an id stand for `ref`; `old` is what it stood for, NIL if it is new."""
        if old == NIL:
            if self.used * 4 >= len(self.index) * 3:
                self.rebuild()
            self.used += 1
        index = self.index
        mask: i64 = len(index) - 1
        tag = hash_of(hi, lo)
        at = tag & mask
        before = NIL
        if old != NIL:
            before = tag << REF_BITS | old
        elif tag == self.missed:
            at = self.gap
        while index[at] != before:
            assert index[at] != NIL, "client id not indexed"
            at = (at + 1) & mask
        index[at] = tag << REF_BITS | ref
        self.missed = NIL

    def close(self, hi: i64, lo: i64, old: i64, order_id: i64, state: i64, filled: i64) -> None:
        """The order is gone; keep its id taken in the place of the oldest closed one."""
        position = self.closed % CLOSED_IDS
        if position == self.room:
            self.ring = more(self.ring, self.room * WIDTH, 0)
            self.room *= 2
        self.closed += 1
        ring = self.ring
        cell = position * WIDTH
        ring[cell + HI] = hi
        ring[cell + LO] = lo
        ring[cell + ORDER_ID] = order_id
        ring[cell + STATE] = state
        ring[cell + FILLED] = filled
        self.put(hi, lo, old, position * 2)

    def rebuild(self) -> None:
        """A new index of the ids that are still in use, at most two thirds full."""
        old = self.index
        kept: i64 = min_i64(self.closed, CLOSED_IDS)
        live = kept
        for entry in old:
            if entry != NIL and entry & 1 != 0:
                live += 1
        size: i64 = 8
        while size * 2 < (live + 1) * 3:
            size *= 2
        index = column(size, NIL)
        mask = size - 1
        for entry in old:
            if entry != NIL and entry & 1 != 0:
                enter(index, mask, entry)
        ring = self.ring
        position: i64 = 0
        while position < kept:
            cell = position * WIDTH
            enter(index, mask, hash_of(ring[cell + HI], ring[cell + LO]) << REF_BITS | position * 2)
            position += 1
        self.index = index
        self.used = live
        self.missed = NIL
