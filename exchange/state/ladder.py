"""Price ladders: which level of orders rests at a price.

A dense window of level rows around the market, one per tick, with a bitmap to skip the gaps; levels outside the window live in a SortedDict
and move in when the window moves. The answers are right wherever the window stands; it only decides what is fast.
"""

from __future__ import annotations

from typing import Final

from librt.vecs import vec
from mypy_extensions import i64
from sortedcontainers import SortedDict  # type: ignore[import-untyped]

from .packed import column
from .types import NIL, min_i64

WINDOW: Final[i64] = 1 << 15  # ticks; 256 KiB of level rows per market
PATIENCE: Final[i64] = 4096  # look-ups outside the window that pay for one move of it: a quote that jumps about moves nothing
WORD: Final[i64] = 32  # bits used of a bitmap word: no sign bit to mind
WORDS: Final[i64] = WINDOW // WORD
GROUPS: Final[i64] = WORDS // WORD
FULL: Final[i64] = (1 << 32) - 1
TOP: Final[i64] = 1 << 32


def bit(number: i64) -> i64:
    """1 << number, for number < 32. Written so because mypyc makes a small left operand a 32-bit C constant, and bit 31 negative."""
    return TOP >> (WORD - number)


def lowest_bit(word: i64) -> i64:
    """Number of the lowest set bit of a nonzero 32-bit word."""
    n: i64 = 0
    if word & 0xFFFF == 0:
        n += 16
        word >>= 16
    if word & 0xFF == 0:
        n += 8
        word >>= 8
    if word & 0xF == 0:
        n += 4
        word >>= 4
    if word & 3 == 0:
        n += 2
        word >>= 2
    return n if word & 1 else n + 1


def highest_bit(word: i64) -> i64:
    """Number of the highest set bit of a nonzero 32-bit word."""
    n: i64 = 0
    if word >> 16:
        n += 16
        word >>= 16
    if word >> 8:
        n += 8
        word >>= 8
    if word >> 4:
        n += 4
        word >>= 4
    if word >> 2:
        n += 2
        word >>= 2
    return n + (word >> 1)


class Ladder:
    """Level rows by price: dense inside [base, base + WINDOW), sorted outside. Three bitmap layers: words, groups, all."""

    def __init__(self) -> None:
        self.base: i64 = 0
        self.level: vec[i64] = column(WINDOW, NIL)
        self.words: vec[i64] = column(WORDS, 0)
        self.groups: vec[i64] = column(GROUPS, 0)
        self.all: i64 = 0
        self.far: SortedDict = SortedDict()  # price -> level, both sides
        self.misses: i64 = PATIENCE  # look-ups outside the window since it was last moved

    def find(self, price: i64) -> i64:
        """The level row at `price`, or NIL. Changes nothing."""
        at = price - self.base
        if 0 <= at < WINDOW:
            return self.level[at]
        found: i64 = self.far.get(price, NIL)
        return found

    def seek(self, price: i64) -> i64:
        """The same for an order that comes in: where the window is missed, that is counted."""
        at = price - self.base
        if 0 <= at < WINDOW:
            return self.level[at]
        self.misses += 1
        return self.find(price)

    def put(self, price: i64, level: i64) -> None:
        at = price - self.base
        if not 0 <= at < WINDOW:
            self.far[price] = level
            return
        self.level[at] = level
        word = at // WORD
        group = word // WORD
        self.words[word] |= bit(at & 31)
        self.groups[group] |= bit(word & 31)
        self.all |= bit(group)

    def remove(self, price: i64) -> None:
        at = price - self.base
        if not 0 <= at < WINDOW:
            del self.far[price]
            return
        self.level[at] = NIL
        word = at // WORD
        group = word // WORD
        self.words[word] &= ~(bit(at & 31))
        if self.words[word] == 0:
            self.groups[group] &= ~(bit(word & 31))
            if self.groups[group] == 0:
                self.all &= ~(bit(group))

    def near_above(self, price: i64) -> i64:
        """The lowest price in the window that is above `price` and has a level; 0 if none."""
        at = price + 1 - self.base
        if at < 0:
            at = 0
        if at >= WINDOW:
            return 0
        word = at // WORD
        bits = self.words[word] & (FULL << (at & 31)) & FULL
        if bits == 0:
            group = word // WORD
            later = self.groups[group] & (FULL << (word & 31) << 1) & FULL
            if later == 0:
                rest = self.all & (FULL << group << 1) & FULL
                if rest == 0:
                    return 0
                group = lowest_bit(rest)
                later = self.groups[group]
            word = group * WORD + lowest_bit(later)
            bits = self.words[word]
        return self.base + word * WORD + lowest_bit(bits)

    def near_below(self, price: i64) -> i64:
        """The highest price in the window that is below `price` and has a level; 0 if none."""
        at = price - 1 - self.base
        if at >= WINDOW:
            at = WINDOW - 1
        if at < 0:
            return 0
        word = at // WORD
        bits = self.words[word] & (FULL >> (31 - (at & 31)))
        if bits == 0:
            group = word // WORD
            earlier = self.groups[group] & (bit(word & 31) - 1)
            if earlier == 0:
                rest = self.all & (bit(group) - 1)
                if rest == 0:
                    return 0
                group = highest_bit(rest)
                earlier = self.groups[group]
            word = group * WORD + highest_bit(earlier)
            bits = self.words[word]
        return self.base + word * WORD + highest_bit(bits)

    def above(self, price: i64) -> i64:
        """The lowest price above `price` that has a level; 0 if none."""
        near = self.near_above(price)
        if len(self.far) == 0:
            return near
        at: i64 = self.far.bisect_right(price)
        if at == len(self.far):
            return near
        far: i64 = self.far.peekitem(at)[0]
        return far if near == 0 else min_i64(near, far)

    def below(self, price: i64) -> i64:
        """The highest price below `price` that has a level; 0 if none."""
        near = self.near_below(price)
        if len(self.far) == 0:
            return near
        at: i64 = self.far.bisect_left(price)
        if at == 0:
            return near
        far: i64 = self.far.peekitem(at - 1)[0]
        return far if far > near else near

    def follow(self, best: i64) -> None:
        """Enough look-ups have missed the window to pay for a move: to the best price of a side, if that is outside."""
        self.misses = 0
        if not 0 <= best - self.base < WINDOW:
            self.move(best)

    def move(self, center: i64) -> None:
        """Put the window around `center`; levels cross its edges both ways."""
        near = self.near_levels()
        for price, _ in near:
            self.remove(price)
        self.far.update(near)
        self.base = center - WINDOW // 2 if center > WINDOW // 2 else 0
        inside: list[int] = list(self.far.irange(self.base, self.base + WINDOW - 1))
        for price in inside:
            level: i64 = self.far.pop(price)
            self.put(price, level)

    def near_levels(self) -> list[tuple[int, int]]:
        found: list[tuple[int, int]] = []
        price = self.near_above(self.base - 1)
        while price != 0:
            found.append((int(price), int(self.level[price - self.base])))
            price = self.near_above(price)
        return found

    def check(self) -> None:
        """The layers of the bitmap agree, and what is outside the window lies outside. That each level is in it is for the book to say."""
        group: i64 = 0
        while group < GROUPS:
            told: i64 = 0
            n: i64 = 0
            while n < WORD:
                if self.words[group * WORD + n] != 0:
                    told |= bit(n)
                n += 1
            assert self.groups[group] == told and (self.all & bit(group) != 0) == (told != 0), "layers of the bitmap disagree"
            group += 1
        for price in self.far:
            assert not 0 <= price - self.base < WINDOW, "a level outside the window that lies in it"
