"""Triggers, which are conditional orders that wait for their price, by their ids, which are of the same sequence as those of orders; and
which orders cancel each other.

Those that fire at a price lie on shelves: one for each market, price source and direction, sorted by price, so that a price that crosses
nothing costs nothing. Trailing ones have a shelf of their own, which is walked. Rows of one price, and those of one account, are linked.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64
from sortedcontainers import SortedDict  # type: ignore[import-untyped]

from .pending import Numbered
from .types import MAX_MARKETS, MAX_PRICE, NIL

G_ACCOUNT: Final[i64] = 0
G_MARKET: Final[i64] = 1  # number
G_SIDE: Final[i64] = 2
G_SIZE: Final[i64] = 3  # [lots], 0: the whole position
G_KIND: Final[i64] = 4  # when it fires
G_SOURCE: Final[i64] = 5  # the price that it goes by
G_TRIGGER: Final[i64] = 6  # [ticks] where it fires or begins to trail; while it trails, the best price since it began
G_LIMIT: Final[i64] = 7  # [ticks] of its order, 0: a market order
G_TIF: Final[i64] = 8
G_REDUCE_ONLY: Final[i64] = 9
G_SLIPPAGE: Final[i64] = 10  # [ppm] of a market order, 0: up to the edge of the price band
G_TRAIL: Final[i64] = 11  # [ticks] or [ppm]
G_CLIENT_HI: Final[i64] = 12
G_CLIENT_LO: Final[i64] = 13
G_SHELF: Final[i64] = 14  # where it waits: RISES, FALLS, TRAILS, or FIRED
G_BRACKET: Final[i64] = 15  # id of the entry of its bracket, 0: it is of none
G_LINK: Final[i64] = 16
G_NUMBER: Final[i64] = 17  # its id
G_NEXT: Final[i64] = 18  # on its shelf, at the same price
G_PREV: Final[i64] = 19
G_NEXT_OWN: Final[i64] = 20  # of the same account
G_PREV_OWN: Final[i64] = 21
G_WIDTH: Final[i64] = 22

RISES: Final[i64] = 0  # something happens at its price or above
FALLS: Final[i64] = 1  # at its price or below
TRAILS: Final[i64] = 2
FIRED: Final[i64] = 3  # on no shelf: its order waits for its turn
SHELVES: Final[i64] = 3
SOURCES: Final[i64] = 3
PRICE_BITS: Final[i64] = 32

MAX_TRAILING: Final[i64] = 1 << 14  # of all accounts, that trail or will: all of a price are looked at when it moves one of them


# Columns of an order that is linked with another, whether it is open or a trigger
L_ACCOUNT: Final[i64] = 0
L_PARTNER: Final[i64] = 1  # id of the other
L_FILLED: Final[i64] = 2  # [lots] that it had traded when it was linked
L_ALONE: Final[i64] = 3  # 1: one that its owner takes back leaves the other
L_LINK: Final[i64] = 4
L_WIDTH: Final[i64] = 5

# Columns of a bracket, which lasts as long as its entry may fill
B_ACCOUNT: Final[i64] = 0
B_MARKET: Final[i64] = 1  # number
B_SIDE: Final[i64] = 2  # of the triggers
B_TAKE_PROFIT: Final[i64] = 3  # [ticks], 0: none
B_STOP: Final[i64] = 4
B_SOURCE: Final[i64] = 5
B_SLIPPAGE: Final[i64] = 6  # [ppm]
B_CLIENT_HI: Final[i64] = 7  # of the entry
B_CLIENT_LO: Final[i64] = 8
B_FILLED: Final[i64] = 9  # [lots] of the entry so far
B_BEFORE: Final[i64] = 10  # [lots] of that, for which there were triggers that are gone
B_TRIGGERS: Final[i64] = 11  # ids of take-profit and stop, 0: there is none now
B_ALONE: Final[i64] = 13  # 1: a trigger that its owner takes back leaves the other
B_LINK: Final[i64] = 14
B_WIDTH: Final[i64] = 15


def shelf_key(market: i64, source: i64, shelf: i64, price: i64) -> i64:
    """Where the triggers of a price lie; below 2^42."""
    return ((market * SOURCES + source) * SHELVES + shelf) << PRICE_BITS | price


class Triggers(Numbered):
    def __init__(self) -> None:
        super().__init__(G_WIDTH, G_LINK)
        self.shelves: SortedDict = SortedDict()  # key of a shelf and price -> first row
        self.own: SortedDict = SortedDict()  # account -> first row
        self.trailing: i64 = 0  # that trail or will
        self.closed: SortedDict = SortedDict()  # account and market, as one -> row of a position closed or turned by the command at hand

    def enter(self, number: i64, account: i64) -> i64:
        """A new row, of which only the account and the id are filled in. It waits on no shelf yet."""
        row = self.add(number, account)
        self.cells[row + G_ACCOUNT] = account
        self.cells[row + G_NUMBER] = number
        self.cells[row + G_SHELF] = FIRED
        self.cells[row + G_BRACKET] = 0
        self.join(self.own, account, row, G_NEXT_OWN, G_PREV_OWN)
        return row

    def key(self, row: i64) -> i64:
        cells = self.cells
        price: i64 = 0
        if cells[row + G_SHELF] != TRAILS:
            price = cells[row + G_TRIGGER]
        return shelf_key(cells[row + G_MARKET], cells[row + G_SOURCE], cells[row + G_SHELF], price)

    def put(self, row: i64, shelf: i64) -> None:
        """Let it wait on a shelf, and on no other."""
        if self.cells[row + G_SHELF] != FIRED:
            self.leave(self.shelves, self.key(row), row, G_NEXT, G_PREV)
        self.cells[row + G_SHELF] = shelf
        if shelf != FIRED:
            self.join(self.shelves, self.key(row), row, G_NEXT, G_PREV)

    def remove(self, number: i64, account: i64) -> None:
        row = self.find(number)
        self.put(row, FIRED)
        if self.cells[row + G_TRAIL] != 0:
            self.trailing -= 1
        self.leave(self.own, account, row, G_NEXT_OWN, G_PREV_OWN)
        super().remove(number, account)
        if self.live == 0:
            self.closed.clear()  # there is nothing left to look at

    # -- lists -------------------------------------------------------------------------------------------------------------------

    def listed(self, first: i64, after: i64) -> list[int]:
        """Ids of one of the lists, the lowest first."""
        found: list[int] = []
        row = first
        while row != NIL:
            found.append(int(self.cells[row + G_NUMBER]))
            row = self.cells[row + after]
        found.sort()
        return found

    def of(self, account: i64) -> list[int]:
        """Ids of an account's own, the lowest first."""
        return self.listed(self.own.get(int(account), -1), G_NEXT_OWN)

    def on_shelf(self, market: i64, source: i64, shelf: i64, low: i64, high: i64) -> list[int]:
        """Ids of those on a shelf whose price is from `low` to `high`."""
        found: list[int] = []
        least = int(shelf_key(market, source, shelf, low))
        for key in self.shelves.irange(least, int(shelf_key(market, source, shelf, high))):
            found += self.listed(self.shelves[key], G_NEXT)
        return found

    def note_closed(self, account: i64, market: i64, row: i64) -> None:
        """A position was closed or turned: there may be nothing left for its triggers to reduce."""
        if self.count(account) != 0:
            self.closed[int(account * MAX_MARKETS + market)] = int(row)

    # -- proof -------------------------------------------------------------------------------------------------------------------

    def check_triggers(self) -> None:
        self.check_rows(G_ACCOUNT)
        cells = self.cells
        assert not self.closed, "triggers of a closed position were not looked at"
        shelved: dict[int, int] = {}
        for key, first in self.shelves.items():
            shelved |= dict.fromkeys(self.listed(first, G_NEXT), key)
        owned = {number: account for account, first in self.own.items() for number in self.listed(first, G_NEXT_OWN)}
        trailing: i64 = 0
        expected: dict[int, int] = {}
        for number, at in self.index.items():
            row: i64 = at
            assert cells[row + G_NUMBER] == number and owned.pop(number) == cells[row + G_ACCOUNT], "a trigger that leads astray"
            assert 0 < cells[row + G_TRIGGER] <= MAX_PRICE, "a trigger without a price"
            assert (cells[row + G_TRAIL] == 0) <= (cells[row + G_SHELF] != TRAILS), "a trigger that trails by nothing"
            if cells[row + G_TRAIL] != 0:
                trailing += 1
            if cells[row + G_SHELF] != FIRED:
                expected[number] = int(self.key(row))
        assert not owned and shelved == expected, "a trigger on a wrong shelf"
        assert trailing == self.trailing <= MAX_TRAILING, "trailing triggers are not counted"


class Links(Numbered):
    """Orders of which one cancels the other, by their ids: two rows for each pair."""

    def __init__(self) -> None:
        super().__init__(L_WIDTH, L_LINK)

    def tie(self, number: i64, account: i64, partner: i64, filled: i64, alone: i64) -> None:
        row = self.add(number, account)
        self.cells[row + L_ALONE] = alone
        self.cells[row + L_ACCOUNT] = account
        self.cells[row + L_PARTNER] = partner
        self.cells[row + L_FILLED] = filled

    def partner(self, number: i64) -> i64:
        """Id of the one that an order or trigger is linked with; 0: it is linked with none."""
        row = self.find(number)
        return self.cells[row + L_PARTNER] if row != NIL else 0

    def goes_along(self, number: i64) -> i64:
        """Id of the one that goes, too, when the owner takes an order or trigger back; 0: none does."""
        row = self.find(number)
        return self.cells[row + L_PARTNER] if row != NIL and self.cells[row + L_ALONE] == 0 else 0

    def untie(self, number: i64) -> i64:
        """They are linked no more; returns the id of the other, 0: it was linked with none."""
        row = self.find(number)
        if row == NIL:
            return 0
        account = self.cells[row + L_ACCOUNT]
        partner = self.cells[row + L_PARTNER]
        self.remove(number, account)
        self.remove(partner, account)
        return partner

    def take_back(self, number: i64) -> None:
        """The owner takes an order or trigger back: if that is to leave the other, they are linked no more."""
        row = self.find(number)
        if row != NIL and self.cells[row + L_ALONE] != 0:
            self.untie(number)

    def check_links(self) -> None:
        self.check_rows(L_ACCOUNT)
        for number, at in self.index.items():
            row: i64 = at
            other = self.find(self.cells[row + L_PARTNER])
            assert other != NIL and other != row and self.cells[other + L_PARTNER] == number, "a link to nobody"
            assert self.cells[other + L_ACCOUNT] == self.cells[row + L_ACCOUNT], "a link to another account"
            assert self.cells[other + L_ALONE] == self.cells[row + L_ALONE], "a link that only one of two is of"


class Brackets(Numbered):
    """Entries that have a take-profit or a stop as far as they fill, by their ids."""

    def __init__(self) -> None:
        super().__init__(B_WIDTH, B_LINK)

    def check_brackets(self) -> None:
        self.check_rows(B_ACCOUNT)
        for at in self.index.values():
            row: i64 = at
            assert 0 <= self.cells[row + B_BEFORE] <= self.cells[row + B_FILLED], "a bracket that protects less than nothing"
            assert self.cells[row + B_TAKE_PROFIT] != 0 or self.cells[row + B_STOP] != 0, "a bracket without a price"
