"""From ids to orders: order ids to slots, and the client ids of each account to what became of their order.

Open-addressing tables of sizes that are powers of 2. Order ids are consecutive; left in their order they would fill long runs of the
table, so they are scattered.
"""

from __future__ import annotations

from typing import Final

from librt.vecs import vec
from mypy_extensions import i16, i64

from .packed import column, more
from .tables import O_CLIENT_HI, O_CLIENT_LO
from .types import CLOSED_IDS, NIL, min_i64

MIX: Final[i64] = 0x2545F4914F6CDD1D  # an odd 63-bit multiplier; products are masked, so both builds agree
MASK: Final[i64] = (1 << 62) - 1


class OrderIds:
    """Order id -> slot of the resting order, side by side in `cells`. `capacity`: a power of 2."""

    def __init__(self, capacity: i64) -> None:
        self.cells: vec[i64] = column(capacity * 2, NIL)
        self.mask: i64 = capacity * 2 - 1
        self.count: i64 = 0

    def home(self, order_id: i64) -> i64:
        return ((order_id * MIX & MASK) >> 24) * 2 & self.mask

    def find(self, order_id: i64) -> i64:
        cells = self.cells
        mask = self.mask
        at = self.home(order_id)
        while cells[at] != order_id:
            if cells[at] == NIL:
                return NIL
            at = (at + 2) & mask
        return cells[at + 1]

    def touch(self, order_id: i64) -> i64:
        """Look where an id would be."""
        return self.cells[self.home(order_id)]

    def put(self, order_id: i64, slot: i64) -> None:
        cells = self.cells
        mask = self.mask
        at = self.home(order_id)
        while cells[at] != NIL:
            at = (at + 2) & mask
        cells[at] = order_id
        cells[at + 1] = slot
        self.count += 1

    def remove(self, order_id: i64) -> None:
        cells = self.cells
        mask = self.mask
        hole = self.home(order_id)
        while cells[hole] != order_id:
            assert cells[hole] != NIL, "order id not indexed"
            hole = (hole + 2) & mask
        at = (hole + 2) & mask
        while cells[at] != NIL:
            if ((at - self.home(cells[at])) & mask) >= ((at - hole) & mask):  # the hole lies between its home and here: move it back
                cells[hole] = cells[at]
                cells[hole + 1] = cells[at + 1]
                hole = at
            at = (at + 2) & mask
        cells[hole] = NIL
        self.count -= 1

    def room(self) -> i64:
        """How many more ids it takes: it is at most half full."""
        return (self.mask + 1) // 4 - self.count

    def grow(self) -> None:
        old = self.cells
        end: i64 = len(old)
        self.cells = column(end * 2, NIL)
        self.mask = end * 2 - 1
        self.count = 0
        at: i64 = 0
        while at < end:
            if old[at] != NIL:
                self.put(old[at], old[at + 1])
            at += 2


HI: Final[i64] = 0  # columns of a closed id
LO: Final[i64] = 1
ORDER_ID: Final[i64] = 2
OUTCOME: Final[i64] = 3  # market * 2^56 + filled lots * 4 + state: an order that is amended may trade more than 2^40
WIDTH: Final[i64] = 4
MARKET_SHIFT: Final[i64] = 56
FILLED_MASK: Final[i64] = (1 << 54) - 1
POSITION_BITS: Final[i64] = 10  # CLOSED_IDS positions; 5 bits of the hash are left in an i16
SLOT_BITS: Final[i64] = 32
SLOT_MASK: Final[i64] = (1 << 32) - 1


def hash_of(hi: i64, lo: i64) -> i64:
    """31 bits of a client id."""
    h = ((hi & MASK) * MIX + (lo & MASK)) & MASK
    h = ((h ^ (h >> 29)) * MIX) & MASK
    h = ((h ^ (h >> 32)) * MIX) & MASK
    return h >> 31


def small_column(rows: i64) -> vec[i16]:
    return vec[i16]([i16(-1)] * rows)


class ClientIds:
    """The client ids of one account: those of its open orders, and of the last CLOSED_IDS closed ones.

    A venue at work remembers a million closed ids, and every new order asks whether its id is among them. So what is asked is small: two
    bytes an id, five bits of its hash and its position in the ring of the closed ones. An id that the ring has overwritten leaves its
    entry behind, which no id matches any more; entries are sorted out when three in four are used. The oldest is thus forgotten
    without a look at where it was. Tables are small and belong to one account, so they grow when they must, in the middle of a command too.
    """

    def __init__(self) -> None:
        self.open: vec[i64] = column(8, NIL)  # hash and slot of open orders, at most half full
        self.count: i64 = 0  # of them
        self.index: vec[i16] = small_column(8)  # hash and position of closed ids
        self.used: i64 = 0  # entries of the index, dead ones included
        self.ring: vec[i64] = column(8 * WIDTH, 0)
        self.room: i64 = 8  # rows of the ring
        self.closed: i64 = 0  # ever

    def find_open(self, orders: vec[i64], hi: i64, lo: i64) -> i64:
        """The slot of the open order with this id, or NIL."""
        table = self.open
        mask: i64 = len(table) - 1
        tag = hash_of(hi, lo)
        at = tag & mask
        entry = table[at]
        while entry != NIL:
            if entry >> SLOT_BITS == tag:
                slot = entry & SLOT_MASK
                if orders[slot + O_CLIENT_LO] == lo and orders[slot + O_CLIENT_HI] == hi:
                    return slot
            at = (at + 1) & mask
            entry = table[at]
        return NIL

    def find_closed(self, hi: i64, lo: i64) -> i64:
        """The position of a closed id in the ring, or NIL."""
        index = self.index
        mask: i64 = len(index) - 1
        tag = hash_of(hi, lo)
        part = tag >> 26
        at = tag & mask
        entry = i64(index[at])
        while entry != NIL:
            if entry >> POSITION_BITS == part:
                position = entry & (CLOSED_IDS - 1)
                cell = position * WIDTH
                if self.ring[cell + LO] == lo and self.ring[cell + HI] == hi:
                    return position
            at = (at + 1) & mask
            entry = i64(index[at])
        return NIL

    def touch_new(self, hi: i64, lo: i64) -> i64:
        """Look where a new id would be."""
        tag = hash_of(hi, lo)
        return self.open[tag & (len(self.open) - 1)] + i64(self.index[tag & (len(self.index) - 1)])

    def touch_open(self, orders: vec[i64], hi: i64, lo: i64) -> i64:
        """Look where an open id is, and where it will be closed."""
        tag = hash_of(hi, lo)
        table = self.open
        entry = table[tag & (len(table) - 1)]
        order: i64 = 0
        if entry != NIL:
            order = orders[(entry & SLOT_MASK) + O_CLIENT_LO]
        position = self.closed & (self.room - 1)  # rooms are powers of 2
        return order + self.ring[position * WIDTH] + i64(self.index[tag & (len(self.index) - 1)])

    def read(self, position: i64, what: i64) -> i64:
        """A column of a closed id."""
        return self.ring[position * WIDTH + what]

    def add_open(self, hi: i64, lo: i64, slot: i64) -> None:
        """An order rests."""
        if self.count * 2 >= len(self.open):
            self.widen()
        self.count += 1
        self.enter_open(hash_of(hi, lo) << SLOT_BITS | slot)

    def enter_open(self, entry: i64) -> None:
        table = self.open
        mask: i64 = len(table) - 1
        at = (entry >> SLOT_BITS) & mask
        while table[at] != NIL:
            at = (at + 1) & mask
        table[at] = entry

    def remove_open(self, hi: i64, lo: i64, slot: i64) -> None:
        """The order is no longer where it was."""
        table = self.open
        mask: i64 = len(table) - 1
        tag = hash_of(hi, lo)
        entry = tag << SLOT_BITS | slot
        hole = tag & mask
        while table[hole] != entry:
            assert table[hole] != NIL, "client id not indexed"
            hole = (hole + 1) & mask
        at = (hole + 1) & mask
        while table[at] != NIL:
            home = (table[at] >> SLOT_BITS) & mask
            if ((at - home) & mask) >= ((at - hole) & mask):  # the hole lies between its home and here: move it back
                table[hole] = table[at]
                hole = at
            at = (at + 1) & mask
        table[hole] = NIL
        self.count -= 1

    def widen(self) -> None:
        old = self.open
        self.open = column(len(old) * 2, NIL)
        for entry in old:
            if entry != NIL:
                self.enter_open(entry)

    def close(self, hi: i64, lo: i64, order_id: i64, market: i64, state: i64, filled: i64) -> None:
        """The order is gone; its id stays taken, in the place of the oldest closed one."""
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
        ring[cell + OUTCOME] = market << MARKET_SHIFT | filled << 2 | state
        if self.used * 4 >= len(self.index) * 3:
            self.rebuild()
        else:
            self.enter_closed(position)

    def enter_closed(self, position: i64) -> None:
        index = self.index
        mask: i64 = len(index) - 1
        tag = hash_of(self.ring[position * WIDTH + HI], self.ring[position * WIDTH + LO])
        at = tag & mask
        while index[at] != -1:
            at = (at + 1) & mask
        index[at] = i16(tag >> 26 << POSITION_BITS | position)
        self.used += 1

    def rebuild(self) -> None:
        """A new index of the ids that are in the ring, at most two thirds full."""
        kept: i64 = min_i64(self.closed, CLOSED_IDS)
        size: i64 = 8
        while size * 2 < kept * 3:
            size *= 2
        self.index = small_column(size)
        self.used = 0
        position: i64 = 0
        while position < kept:
            self.enter_closed(position)
            position += 1

    def check(self) -> None:
        """Open ids are where their hash leads, and as many as counted; the closed ones that are remembered are found."""
        entries: i64 = 0
        for entry in self.open:
            if entry != NIL:
                entries += 1
        assert entries == self.count and self.count * 2 <= len(self.open), "open client ids are not counted"
        assert self.used <= len(self.index) and self.room <= CLOSED_IDS, "an index that is too full"
