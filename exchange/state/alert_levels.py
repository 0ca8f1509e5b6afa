"""Margin alerts that accounts have set: the equity / maintenance at which they want to be told, and whether it was below it last time.

A row is known by account, asset and which of the account's alerts there it is. Unset alerts have no row.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from .pending import Numbered
from .types import MAX_ASSETS, NIL

M_ACCOUNT: Final[i64] = 0
M_ASSET: Final[i64] = 1
M_NUMBER: Final[i64] = 2
M_THRESHOLD: Final[i64] = 3  # [ppm] of equity / maintenance
M_HYSTERESIS: Final[i64] = 4  # [ppm] how much more than that it is above again
M_BELOW: Final[i64] = 5  # 1: it is below; WIPED_OUT
M_LINK: Final[i64] = 6
M_WIDTH: Final[i64] = 7

ALERTS: Final[i64] = 4  # of an account in each asset
WIPED_OUT: Final[i64] = 2  # it is below, and a liquidation has left no position: that is no reason to say that it is above again


def alert_key(account: i64, asset: i64, number: i64) -> i64:
    return (account * MAX_ASSETS + asset) * ALERTS + number  # < 2^24 x 2^3 x 2^2


class MarginAlerts(Numbered):
    def __init__(self) -> None:
        super().__init__(M_WIDTH, M_LINK)
        self.told: dict[int, int] = {}  # account -> how many of its alerts say 1; follows from the table, and is made anew with it

    def anew(self) -> None:
        """What follows from the rows that there are."""
        self.told = {}
        for at in self.index.values():
            row: i64 = at
            if self.cells[row + M_BELOW] == 1:
                account = int(self.cells[row + M_ACCOUNT])
                self.told[account] = self.told.get(account, 0) + 1

    def of(self, account: i64) -> list[int]:
        """The rows of an account, by asset and number."""
        found: list[int] = []
        left = self.count(account)
        key = alert_key(account, 0, 0)
        while left > 0:  # there are few of an account, and a look at each place is less than a search
            row = self.find(key)
            if row != NIL:
                found.append(int(row))
                left -= 1
            key += 1
        return found

    def say(self, row: i64, below: i64) -> None:
        """What an alert says from now on."""
        cells = self.cells
        change = int(below == 1) - int(cells[row + M_BELOW] == 1)
        cells[row + M_BELOW] = below
        if change != 0:
            account = int(cells[row + M_ACCOUNT])
            left = self.told.get(account, 0) + change
            if left == 0:
                del self.told[account]
            else:
                self.told[account] = left

    def wipe_out(self, account: i64, asset: i64) -> None:
        """A liquidation has left the account without positions in the asset: its alerts there stay as they were told."""
        for at in self.of(account):
            row: i64 = at
            cells = self.cells
            if cells[row + M_ASSET] == asset and cells[row + M_BELOW] != 0:
                self.say(row, WIPED_OUT)

    def check_alerts(self, accounts: i64) -> None:
        self.check_rows(M_ACCOUNT)
        told = self.told
        self.anew()
        assert told == self.told, "alerts that say that they are below are not counted"
        for key, at in self.index.items():
            row: i64 = at
            cells = self.cells
            assert key == alert_key(cells[row + M_ACCOUNT], cells[row + M_ASSET], cells[row + M_NUMBER]), "an alert under a wrong key"
            assert cells[row + M_ACCOUNT] < accounts and cells[row + M_THRESHOLD] > 0 and 0 <= cells[row + M_BELOW] <= WIPED_OUT
