"""Maintenance windows that are to come or have begun, by their numbers: each has one entry of the schedule, for what it does next."""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from .pending import Numbered
from .schedule import MAINTENANCE, Schedule
from .types import NIL

N_MARKET: Final[i64] = 0  # NIL: all
N_START: Final[i64] = 1  # [ns]
N_END: Final[i64] = 2  # [ns]
N_DURING: Final[i64] = 3  # status
N_AFTER: Final[i64] = 4  # status
N_BEGUN: Final[i64] = 5  # 1: it has begun
N_OWNER: Final[i64] = 6  # nobody: 0
N_LINK: Final[i64] = 7
N_WIDTH: Final[i64] = 8

MAX_WINDOWS: Final[i64] = 64


class Windows(Numbered):
    def __init__(self) -> None:
        super().__init__(N_WIDTH, N_LINK)
        self.last: i64 = 0

    def plan(self, market: i64, start: i64, end: i64, during: i64, after: i64) -> i64:
        """The number of a new one."""
        self.last += 1
        row = self.add(self.last, 0)
        cells = self.cells
        cells[row + N_MARKET] = market
        cells[row + N_START] = start
        cells[row + N_END] = end
        cells[row + N_DURING] = during
        cells[row + N_AFTER] = after
        cells[row + N_BEGUN] = 0
        cells[row + N_OWNER] = 0
        return self.last

    def check_windows(self, schedule: Schedule, markets: i64) -> None:
        self.check_rows(N_OWNER)
        cells = self.cells
        for number, at in self.index.items():
            row: i64 = at
            due = cells[row + N_START]
            if cells[row + N_BEGUN] != 0:
                due = cells[row + N_END]
            assert schedule.time(MAINTENANCE, number) == due and cells[row + N_START] < cells[row + N_END], "a window that will not turn"
            assert NIL <= cells[row + N_MARKET] < markets
