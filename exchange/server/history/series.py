"""What a market's prices did, interval by interval: packed rows of one width, which the candles of answers are made of."""

from __future__ import annotations

from typing import Final

from librt.vecs import vec
from mypy_extensions import i64

from ...state.packed import column, more
from ...state.types import max_i64, min_i64

# Columns of a row: what an interval of time has seen
S_BEGIN: Final[i64] = 0  # the number of the interval since 1970
S_OPEN: Final[i64] = 1  # [ticks] of trades, 0: there were none; high, low and close follow
S_LOTS: Final[i64] = 5
S_VALUE: Final[i64] = 6  # [micro]
S_TRADES: Final[i64] = 7
S_LIQUIDATED: Final[i64] = 8  # [lots]
S_MARK: Final[i64] = 9  # [ticks] open, and high, low and close; 0: there was none
S_ORACLE: Final[i64] = 13
S_WIDTH: Final[i64] = 17

MINUTE: Final[i64] = 60_000_000_000  # [ns]
MOST_VALUE: Final[i64] = 1 << 61  # [micro] of an interval or a sum, and no more is counted


class Series:
    """A market in intervals of `width` [ns], the last `most` of those in which anything happened. `wider`: a series of wider ones, to which
    each is added when it is over."""

    def __init__(self, width: i64, most: i64, wider: Series | None) -> None:
        self.width: i64 = width
        self.most: i64 = most
        self.cells: vec[i64] = column(64 * S_WIDTH, 0)
        self.room: i64 = 64  # rows
        self.count: i64 = 0
        self.wider: Series | None = wider

    def at(self, ts: i64) -> i64:
        """Where the row of this time begins: the last one, or a new one."""
        begin = ts // self.width
        if self.count > 0:
            last = (self.count - 1) * S_WIDTH
            if self.cells[last + S_BEGIN] >= begin:
                return last
            if self.wider is not None:
                self.wider.add(self.cells, last, self.width)
        if self.count == self.room:
            self.make_room()
        row = self.count * S_WIDTH
        cells = self.cells
        i: i64 = 0
        while i < S_WIDTH:
            cells[row + i] = 0
            i += 1
        cells[row + S_BEGIN] = begin
        self.count += 1
        return row

    def make_room(self) -> None:
        """Grow up to a quarter more rows than are kept; from then on the oldest of these are dropped together."""
        most = self.most + self.most // 4
        if self.room < most:
            more_rows = self.room if 2 * self.room <= most else most - self.room
            self.cells = more(self.cells, more_rows * S_WIDTH, 0)
            self.room += more_rows
            return
        cells = self.cells
        begin = (self.count - self.most) * S_WIDTH
        i: i64 = 0
        while i < self.most * S_WIDTH:
            cells[i] = cells[begin + i]
            i += 1
        self.count = self.most

    def add(self, cells: vec[i64], row: i64, width: i64) -> None:
        """An interval of `width` that is over: the row of a narrower series."""
        own = self.at(cells[row + S_BEGIN] * width)
        self.merge(own + S_OPEN, cells, row + S_OPEN)
        self.merge(own + S_MARK, cells, row + S_MARK)
        self.merge(own + S_ORACLE, cells, row + S_ORACLE)
        for column_of_sum in (S_LOTS, S_TRADES, S_LIQUIDATED):
            self.cells[own + column_of_sum] += cells[row + column_of_sum]
        self.cells[own + S_VALUE] = min_i64(MOST_VALUE, self.cells[own + S_VALUE] + cells[row + S_VALUE])

    def merge(self, to: i64, cells: vec[i64], at: i64) -> None:
        """Open, high, low and close of what came behind."""
        if cells[at] == 0:
            return
        own = self.cells
        if own[to] == 0:
            own[to] = cells[at]
            own[to + 1] = cells[at + 1]
            own[to + 2] = cells[at + 2]
        own[to + 1] = max_i64(own[to + 1], cells[at + 1])
        own[to + 2] = min_i64(own[to + 2], cells[at + 2])
        own[to + 3] = cells[at + 3]

    def trade(self, ts: i64, price: i64, lots: i64, value: i64, liquidated: i64) -> None:
        row = self.at(ts)
        cells = self.cells
        self.price_at(row + S_OPEN, price)
        cells[row + S_LOTS] += lots
        cells[row + S_VALUE] = min_i64(MOST_VALUE, cells[row + S_VALUE] + value)
        cells[row + S_TRADES] += 1
        cells[row + S_LIQUIDATED] += liquidated

    def price(self, ts: i64, first: i64, price: i64) -> None:
        """The mark (`first`: S_MARK) or the oracle price was told."""
        self.price_at(self.at(ts) + first, price)

    def price_at(self, at: i64, price: i64) -> None:
        """Open, high, low and close, in this order."""
        cells = self.cells
        if cells[at] == 0:
            cells[at] = price
            cells[at + 1] = price
            cells[at + 2] = price
        elif price > cells[at + 1]:
            cells[at + 1] = price
        elif price < cells[at + 2]:
            cells[at + 2] = price
        cells[at + 3] = price

    def rows(self, first: int, last: int) -> list[list[int]]:
        """Those of the intervals from number `first` to number `last`."""
        found: list[list[int]] = []
        row = self.first_from(first) * S_WIDTH
        cells = self.cells
        end = self.count * S_WIDTH
        while row < end and cells[row + S_BEGIN] <= last:
            found.append([int(value) for value in cells[row : row + S_WIDTH]])
            row += S_WIDTH
        return found

    def total(self, first: int) -> tuple[int, int, int, int, int]:
        """Of the intervals from number `first` on: lots, value [micro], trades, and their highest and their lowest price, 0: none."""
        cells = self.cells
        lots: i64 = 0
        value: i64 = 0
        trades: i64 = 0
        high: i64 = 0
        low: i64 = 0
        row = self.first_from(first) * S_WIDTH
        end = self.count * S_WIDTH
        while row < end:
            if cells[row + S_TRADES] != 0:
                lots += cells[row + S_LOTS]
                value = min_i64(MOST_VALUE, value + cells[row + S_VALUE])
                trades += cells[row + S_TRADES]
                high = max_i64(high, cells[row + S_OPEN + 1])
                low = cells[row + S_OPEN + 2] if low == 0 else min_i64(low, cells[row + S_OPEN + 2])
            row += S_WIDTH
        return int(lots), int(value), int(trades), int(high), int(low)

    def first_trade_from(self, begin: int) -> int:
        """The price of the first trade from interval number `begin` on; 0: there is none."""
        row = self.first_from(begin)
        while row < self.count:
            if self.cells[row * S_WIDTH + S_TRADES] != 0:
                return int(self.cells[row * S_WIDTH + S_OPEN])
            row += 1
        return 0

    def last(self) -> list[list[int]]:
        """The last row, if there is one."""
        row = (self.count - 1) * S_WIDTH
        return [[int(value) for value in self.cells[row : row + S_WIDTH]]] if self.count > 0 else []

    def first_from(self, begin: i64) -> i64:
        """The number of the first row at or behind the interval `begin`; of none: how many rows there are."""
        low = max_i64(0, self.count - self.most)
        high = self.count
        while low < high:
            middle = (low + high) // 2
            if self.cells[middle * S_WIDTH + S_BEGIN] < begin:
                low = middle + 1
            else:
                high = middle
        return low

    def last_trade_before(self, begin: int) -> int:
        """The price of the last trade before interval number `begin`; 0: there was none."""
        row = self.first_from(begin) - 1
        oldest = max_i64(0, self.count - self.most)
        while row >= oldest:
            if self.cells[row * S_WIDTH + S_TRADES] != 0:
                return int(self.cells[row * S_WIDTH + S_OPEN + 3])
            row -= 1
        return 0
