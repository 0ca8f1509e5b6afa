"""TWAPs: sizes that are traded in slices over time, by their ids, which are of the same sequence as those of orders."""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64
from sortedcontainers import SortedDict  # type: ignore[import-untyped]

from .pending import Numbered
from .schedule import TWAP_SLICE, Schedule
from .types import NEVER, NIL

TW_ACCOUNT: Final[i64] = 0
TW_MARKET: Final[i64] = 1  # number
TW_SIDE: Final[i64] = 2
TW_SIZE: Final[i64] = 3  # [lots]
TW_SLICES: Final[i64] = 4  # how many there are to be
TW_INTERVAL: Final[i64] = 5  # [ns] from one to the next
TW_SLIPPAGE: Final[i64] = 6  # [ppm] of the mark, 0: up to the edge of the price band
TW_CATCH_UP: Final[i64] = 7  # [ppm] of an even slice, that a slice is for at most
TW_MINIMUM: Final[i64] = 8  # [lots] of a slice
TW_REDUCE_ONLY: Final[i64] = 9
TW_CLIENT_HI: Final[i64] = 10
TW_CLIENT_LO: Final[i64] = 11
TW_DONE: Final[i64] = 12  # slices whose time has come
TW_FILLED: Final[i64] = 13  # [lots]
TW_SENT: Final[i64] = 14  # [lots] of a slice of which it has not heard yet what it got, 0: there is none
TW_LINK: Final[i64] = 15
TW_NUMBER: Final[i64] = 16  # its id
TW_NEXT_OWN: Final[i64] = 17  # of the same account
TW_PREV_OWN: Final[i64] = 18
TW_WIDTH: Final[i64] = 19


class Twaps(Numbered):
    def __init__(self) -> None:
        super().__init__(TW_WIDTH, TW_LINK)
        self.own: SortedDict = SortedDict()  # account -> first row

    def enter(self, number: i64, account: i64) -> i64:
        """A new row, of which only the account and the id are filled in."""
        row = self.add(number, account)
        self.cells[row + TW_ACCOUNT] = account
        self.cells[row + TW_NUMBER] = number
        self.join(self.own, account, row, TW_NEXT_OWN, TW_PREV_OWN)
        return row

    def remove(self, number: i64, account: i64) -> None:
        self.leave(self.own, account, self.find(number), TW_NEXT_OWN, TW_PREV_OWN)
        super().remove(number, account)

    def of(self, account: i64) -> list[int]:
        """Ids of an account's own, the lowest first."""
        found: list[int] = []
        row: i64 = self.own.get(int(account), -1)
        while row != NIL:
            found.append(int(self.cells[row + TW_NUMBER]))
            row = self.cells[row + TW_NEXT_OWN]
        found.sort()
        return found

    def check_twaps(self, schedule: Schedule, now: i64) -> None:
        """Each has something left, and either waits for its next slice or for what its last one got."""
        self.check_rows(TW_ACCOUNT)
        cells = self.cells
        owned = {number: account for account in self.own for number in self.of(account)}
        assert len(owned) == len(self.index), "TWAPs of no account"
        for number, at in self.index.items():
            row: i64 = at
            assert cells[row + TW_NUMBER] == number and owned[number] == cells[row + TW_ACCOUNT], "a TWAP that leads astray"
            assert 0 <= cells[row + TW_FILLED] < cells[row + TW_SIZE], "a TWAP that is done, or has traded too much"
            assert cells[row + TW_FILLED] + cells[row + TW_SENT] <= cells[row + TW_SIZE], "a TWAP that has asked for too much"
            assert 0 < cells[row + TW_DONE] <= cells[row + TW_SLICES], "a TWAP with too many slices"
            due = schedule.time(TWAP_SLICE, number)
            if cells[row + TW_DONE] < cells[row + TW_SLICES]:
                assert now < due <= now + cells[row + TW_INTERVAL], "a TWAP whose next slice will not come"
            else:
                assert due == NEVER and cells[row + TW_SENT] > 0, "a TWAP that waits for nothing"
