"""Payments that are under way, by their numbers: their money is in the account TRANSIT, and each has an entry of the schedule."""

from __future__ import annotations

from typing import Final

from librt.vecs import vec
from mypy_extensions import i64
from sortedcontainers import SortedDict  # type: ignore[import-untyped]

from .packed import column
from .pending import Numbered
from .schedule import PAYMENT, Schedule
from .types import NEVER, NIL, TRANSIT

Y_ACCOUNT: Final[i64] = 0  # who pays, or is paid in from outside
Y_TO: Final[i64] = 1  # the account that receives; NIL: it leaves the venue
Y_ASSET: Final[i64] = 2
Y_AMOUNT: Final[i64] = 3  # [micro]
Y_COMMAND: Final[i64] = 4  # the kind of the command that has sent it
Y_LINK: Final[i64] = 5
Y_WIDTH: Final[i64] = 6

NUMBERS: Final[int] = 1 << 38  # of payments
MAX_PAYMENTS: Final[i64] = 64  # under way, that one account has sent: withdrawals and transfers


class Payments(Numbered):
    def __init__(self) -> None:
        super().__init__(Y_WIDTH, Y_LINK)
        self.last: i64 = 0
        self.named: SortedDict = SortedDict()  # account and number, as one -> row: of those who send and of those who receive

    def send(self, command: i64, account: i64, to: i64, asset: i64, amount: i64) -> i64:
        """The number of a new one."""
        self.last += 1
        row = self.add(self.last, account)
        cells = self.cells
        cells[row + Y_ACCOUNT] = account
        cells[row + Y_TO] = to
        cells[row + Y_ASSET] = asset
        cells[row + Y_AMOUNT] = amount
        cells[row + Y_COMMAND] = command
        self.named[int(account) * NUMBERS + int(self.last)] = int(row)
        if to != NIL:
            self.named[int(to) * NUMBERS + int(self.last)] = int(row)
        return self.last

    def remove(self, number: i64, account: i64) -> None:
        to = self.cells[self.find(number) + Y_TO]
        del self.named[int(account) * NUMBERS + int(number)]
        if to != NIL and to != account:
            del self.named[int(to) * NUMBERS + int(number)]
        super().remove(number, account)

    def of(self, account: i64) -> list[int]:
        """The numbers of those that an account sends or receives."""
        first = int(account) * NUMBERS
        return [key - first for key in self.named.irange(first, first + NUMBERS - 1)]

    def count_of(self, account: i64) -> int:
        """How many these are."""
        first = int(account) * NUMBERS
        return int(self.named.bisect_left(first + NUMBERS)) - int(self.named.bisect_left(first))

    def count_sent(self, account: i64) -> int:
        """How many an account has sent itself: all but deposits, which are to itself, as no transfer is."""
        sent = 0
        for number in self.of(account):
            row = self.find(number)
            sent += int(self.cells[row + Y_ACCOUNT] == account and self.cells[row + Y_TO] != account)
        return sent

    def count_deposits(self, account: i64) -> int:
        """How many come to an account from outside."""
        return int(self.count(account)) - self.count_sent(account)

    def check_payments(self, schedule: Schedule, cash: vec[i64], assets: i64) -> None:
        """Each will arrive, and TRANSIT has the money of all, and no other."""
        self.check_rows(Y_ACCOUNT)
        sums = column(assets, 0)
        named: dict[int, int] = {}
        for number, at in self.index.items():
            row: i64 = at
            assert schedule.time(PAYMENT, number) != NEVER, "a payment that will not arrive"
            assert self.cells[row + Y_ACCOUNT] != NIL and self.cells[row + Y_AMOUNT] > 0
            sums[self.cells[row + Y_ASSET]] += self.cells[row + Y_AMOUNT]
            named[int(self.cells[row + Y_ACCOUNT]) * NUMBERS + number] = at
            if self.cells[row + Y_TO] != NIL:
                named[int(self.cells[row + Y_TO]) * NUMBERS + number] = at
        assert named == dict(self.named), "a payment that is not found by its accounts"
        asset: i64 = 0
        while asset < assets:
            assert cash[TRANSIT * assets + asset] == sums[asset], "money under way that nobody has sent, or that is lost"
            asset += 1
