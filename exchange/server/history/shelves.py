"""Packed rows by account or market, the last ones of each. Memory is bounded in all: rows are kept in pages, and the oldest page goes
first, whose ever it is.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from librt.vecs import vec
from mypy_extensions import i64

from ...state.packed import column
from ...state.types import ROW

SMALL_PAGE: Final[i64] = 8  # [rows] the first of a log; each of the next is twice as large, up to
LARGE_PAGE: Final[i64] = 64


class Page:
    """Rows of one log that came one after the other."""

    def __init__(self, key: i64, number: int, cells: vec[i64]) -> None:
        self.key: i64 = key
        self.number = number
        self.cells: vec[i64] = cells
        self.size: i64 = len(cells) // ROW
        self.used: i64 = 0


class Log:
    """The last rows about one account or market."""

    def __init__(self) -> None:
        self.pages: list[Page] = []
        self.last: Page = FULL
        self.kept: i64 = 0  # rows
        self.gone: i64 = 0  # rows that were here before


FULL: Final = Page(0, 0, vec[i64]())


class Shelf:
    """Logs by number. `largest`: rows of all of them together; `most`: of one, or some more."""

    def __init__(self, largest: i64, most: i64) -> None:
        self.largest: i64 = largest
        self.most: i64 = most
        self.rows: i64 = 0  # that there is room for in all pages
        self.logs: list[Log | None] = []  # by number; None: there never was a row
        self.pages: OrderedDict[int, Page] = OrderedDict()  # of all logs by number, the oldest first
        self.made = 0  # pages
        self.blank: vec[i64] = column(LARGE_PAGE * ROW, 0)  # what pages are copied from: made of a list they would take ten times as long

    def add(self, key: i64, events: vec[i64], at: i64) -> Page:
        """Copy the event that begins at `at` to the end of a log. It is the last row of the page."""
        log = self.logs[key] if key < len(self.logs) else None
        if log is None:
            log = self.begin(key)
        page = log.last
        if page.used == page.size:
            page = self.new_page(log, key)
        cells = page.cells
        to = page.used * ROW
        i: i64 = 0
        while i < ROW:
            cells[to + i] = events[at + i]
            i += 1
        page.used += 1
        log.kept += 1
        return page

    def begin(self, key: i64) -> Log:
        while len(self.logs) <= key:
            self.logs.append(None)
        log = Log()
        self.logs[key] = log
        return log

    def new_page(self, log: Log, key: i64) -> Page:
        size = SMALL_PAGE
        if len(log.pages) > 0:
            size = log.last.size * 2 if log.last.size < LARGE_PAGE else LARGE_PAGE
        self.made += 1
        page = Page(key, self.made, self.blank[: size * ROW])
        log.pages.append(page)
        log.last = page
        self.pages[self.made] = page
        self.rows += size
        while log.kept > self.most:
            self.drop(log)
        while self.rows > self.largest:
            oldest = self.logs[self.pages[next(iter(self.pages))].key]
            assert oldest is not None, "a page of no log"
            self.drop(oldest)
        return page

    def drop(self, log: Log) -> None:
        """The oldest page of a log."""
        page = log.pages.pop(0)
        log.kept -= page.used
        log.gone += page.used
        self.rows -= page.size
        del self.pages[page.number]
        if page is log.last:
            log.last = FULL

    def rows_behind(self, key: int, done: int) -> tuple[list[list[int]], int]:
        """The rows of a log behind its first `done` ones, as far as they are kept, and how many of them are not."""
        log = self.logs[key] if key < len(self.logs) else None
        if log is None:
            return [], 0
        lost = max(0, int(log.gone) - done)
        skip: i64 = max(0, done - int(log.gone))
        found: list[list[int]] = []
        for page in log.pages:
            if skip >= page.used:
                skip -= page.used
                continue
            cells = page.cells
            while skip < page.used:
                found.append([int(value) for value in cells[skip * ROW : (skip + 1) * ROW]])
                skip += 1
            skip = 0
        return found, lost
