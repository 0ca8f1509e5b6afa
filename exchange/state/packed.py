"""Packed columns, and tables of rows that lie side by side.

A vec may move when it grows, so tables grow in `State.reserve`, between commands, never while a local alias of a column is alive.
"""

from __future__ import annotations

from librt.vecs import extend, vec
from mypy_extensions import i64

from .types import NIL


def column(rows: i64, fill: i64) -> vec[i64]:
    return vec[i64]([fill] * rows)


def more(old: vec[i64], rows: i64, fill: i64) -> vec[i64]:
    return extend(old, column(rows, fill))


class Table:
    """Rows of one width side by side in `cells`, so that a row met at random is in two or three lines of the processor's cache.

    A row is known by where it begins: `cells[row + COLUMN]`. Rows in use lie from 0 to `end`.
    """

    def __init__(self, rows: i64, width: i64) -> None:
        self.cells: vec[i64] = column(rows * width, 0)
        self.width: i64 = width
        self.rows: i64 = rows
        self.live: i64 = 0  # rows in use

    @property
    def end(self) -> i64:
        return self.live * self.width

    def new_row(self) -> i64:
        """The next row."""
        assert self.live < self.rows, "reserve() comes before the command"
        self.live += 1
        return (self.live - 1) * self.width

    def grow(self) -> None:
        """Double the rows."""
        self.cells = more(self.cells, self.rows * self.width, 0)
        self.rows *= 2


class RecycledTable(Table):
    """A table whose rows are freed again; free ones are linked through the column `link`. `end` means nothing here."""

    def __init__(self, rows: i64, width: i64, link: i64) -> None:
        super().__init__(rows, width)
        self.link: i64 = link
        self.free: i64 = NIL  # the first free row
        self.chain(0)

    def chain(self, first: i64) -> None:
        """Put the rows from number `first` on, all new, on the free list."""
        row = self.rows * self.width
        while row > first * self.width:
            row -= self.width
            self.cells[row + self.link] = self.free
            self.free = row

    def new_row(self) -> i64:
        """A free row, with what its last user left in it."""
        row = self.free
        assert row != NIL, "reserve() comes before the command"
        self.free = self.cells[row + self.link]
        self.live += 1
        return row

    def free_row(self, row: i64) -> None:
        self.cells[row + self.link] = self.free
        self.free = row
        self.live -= 1

    def grow(self) -> None:
        rows = self.rows
        super().grow()
        self.chain(rows)

    def free_rows(self) -> set[int]:
        """Those on the free list, each of which is there once."""
        found: set[int] = set()
        row = self.free
        while row != NIL:
            assert row % self.width == 0 and 0 <= row < self.rows * self.width and int(row) not in found, "a free list that leads astray"
            found.add(int(row))
            row = self.cells[row + self.link]
        return found

    def check(self) -> None:
        """As many rows are free as are not in use. That no row in use is among them is for whoever knows the rows in use."""
        assert len(self.free_rows()) + self.live == self.rows, "a row that is neither in use nor free"
