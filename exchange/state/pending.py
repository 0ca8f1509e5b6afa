"""What has come and has not been carried out yet: commands that wait for their turn, and orders that are auctioned before they trade.

Rows are known by numbers that only rise: the ticket of a command, the id of an order. Both tables grow when something is added, which is
never while a column of them is at hand.
"""

from __future__ import annotations

from typing import Final

from librt.vecs import vec
from mypy_extensions import i64
from sortedcontainers import SortedDict  # type: ignore[import-untyped]

from .packed import RecycledTable
from .schedule import BLOCK, ORDER_EXPIRY, REQUEST_EXPIRY, TAKER_AUCTION, TURN, Schedule
from .types import NEVER, NIL, ROW

# Columns of a waiting command, behind the ROW columns of the command itself
W_DUE: Final[i64] = ROW  # [ns] when it is carried out; of a request, from when on an oracle price counts
W_RANK: Final[i64] = ROW + 1  # of the entry of the schedule that it waits for: TURN, BLOCK or REQUEST_EXPIRY
W_MARKET: Final[i64] = ROW + 2  # number of the market that it is about, NIL: several
W_LINK: Final[i64] = ROW + 3
W_TICKET: Final[i64] = ROW + 4
W_NEXT_DUE: Final[i64] = ROW + 5  # among those that are due at the same time
W_PREV_DUE: Final[i64] = ROW + 6
W_NEXT_OWN: Final[i64] = ROW + 7  # among those of the same account
W_PREV_OWN: Final[i64] = ROW + 8
W_PARENT: Final[i64] = ROW + 9  # id of the standing order that sent it, 0: its account did itself
W_ORDER_ID: Final[i64] = ROW + 10  # the id that its order is to have, 0: the next one
W_CLIENT_HI: Final[i64] = ROW + 11  # of an order that is to be placed; 0 and 0: no client id
W_CLIENT_LO: Final[i64] = ROW + 12
W_WIDTH: Final[i64] = ROW + 13
W_ACCOUNT: Final[i64] = 2  # where all commands that can wait have their account

# Columns of an auctioned order
A_ACCOUNT: Final[i64] = 0
A_MARKET: Final[i64] = 1  # number
A_SIDE: Final[i64] = 2
A_LIMIT: Final[i64] = 3  # [ticks] its own
A_LEFT: Final[i64] = 4  # [lots]
A_FILLED: Final[i64] = 5  # [lots]
A_TIF: Final[i64] = 6
A_REDUCE_ONLY: Final[i64] = 7
A_SELF_TRADE: Final[i64] = 8
A_CLIENT_HI: Final[i64] = 9
A_CLIENT_LO: Final[i64] = 10
A_START: Final[i64] = 11  # [ticks] where the auction's limit begins
A_END: Final[i64] = 12  # [ticks] and where it ends
A_SINCE: Final[i64] = 13  # [ns] when it began
A_LINK: Final[i64] = 14
A_PARENT: Final[i64] = 15  # id of the standing order that sent it, 0: none
A_EXPIRES: Final[i64] = 16  # [ns] when it ends, 0: never
A_DISPLAY: Final[i64] = 17  # [lots] that it shows when it rests, 0: all
A_WIDTH: Final[i64] = 18

MAX_WAITING: Final[i64] = 1 << 18  # commands of all accounts
MAX_AUCTIONED: Final[i64] = 1 << 14  # orders of all accounts: each is matched at every step
OWN_SHARE: Final[i64] = 256  # one part of so many of either is the most of one account: a few accounts do not shut out all others


class Numbered(RecycledTable):
    """Rows that are known by numbers, and walked in the order of these."""

    def __init__(self, width: i64, link: i64) -> None:
        super().__init__(8, width, link)
        self.index: SortedDict = SortedDict()  # number -> row
        self.counts: SortedDict = SortedDict()  # account -> how many rows are its own; none of those that have none

    def add(self, number: i64, account: i64) -> i64:
        if self.free == NIL:
            self.grow()
        row = self.new_row()
        self.index[int(number)] = int(row)
        self.counts[int(account)] = int(self.count(account) + 1)
        return row

    def count(self, account: i64) -> i64:
        """How many rows are an account's own."""
        count: i64 = self.counts.get(int(account), 0)
        return count

    def find(self, number: i64) -> i64:
        """The row of a number, or NIL."""
        row: i64 = self.index.get(int(number), -1)
        return row

    def remove(self, number: i64, account: i64) -> None:
        row: i64 = self.index.pop(int(number))
        self.free_row(row)
        left = self.count(account) - 1
        if left == 0:
            del self.counts[int(account)]
        else:
            self.counts[int(account)] = int(left)

    def join(self, heads: SortedDict, key: i64, row: i64, after: i64, before: i64) -> None:
        """Put a row in front of the list that `key` leads to."""
        cells = self.cells
        first: i64 = heads.get(int(key), -1)
        cells[row + after] = first
        cells[row + before] = NIL
        if first != NIL:
            cells[first + before] = row
        heads[int(key)] = int(row)

    def leave(self, heads: SortedDict, key: i64, row: i64, after: i64, before: i64) -> None:
        cells = self.cells
        behind = cells[row + after]
        ahead = cells[row + before]
        if ahead != NIL:
            cells[ahead + after] = behind
        elif behind != NIL:
            heads[int(key)] = int(behind)
        else:
            del heads[int(key)]
        if behind != NIL:
            cells[behind + before] = ahead

    def numbers(self) -> list[int]:
        """All of them now, the lowest first: the table may change while they are walked."""
        return list(self.index)

    def check_rows(self, account_column: i64) -> None:
        super().check()
        rows = set(self.index.values())
        assert len(rows) == len(self.index) == self.live and not rows & self.free_rows(), "a number that leads astray"
        counts: dict[int, int] = {}
        for at in rows:
            row: i64 = at
            account = int(self.cells[row + account_column])
            counts[account] = counts.get(account, 0) + 1
        assert counts == dict(self.counts), "rows of accounts are not counted"


class ByClient:
    """Numbers of a table by account and client id; of those with the same, the lowest first. Follows from the table, and is made anew with
    it."""

    def __init__(self, account: i64, hi: i64, lo: i64) -> None:
        """The columns in which the table has them. A row without a client id has 0 and 0."""
        self.account: i64 = account
        self.hi: i64 = hi
        self.lo: i64 = lo
        self.numbers: dict[tuple[int, int, int], list[int]] = {}

    def anew(self, table: Numbered) -> None:
        """Of the rows that there are."""
        self.numbers = {}
        for number, at in table.index.items():
            row: i64 = at
            self.add(table, row, number)

    def add(self, table: Numbered, row: i64, number: i64) -> None:
        """A number higher than those before it."""
        cells = table.cells
        if cells[row + self.hi] != 0 or cells[row + self.lo] != 0:
            key = (int(cells[row + self.account]), int(cells[row + self.hi]), int(cells[row + self.lo]))
            self.numbers.setdefault(key, []).append(int(number))

    def remove(self, table: Numbered, row: i64, number: i64) -> None:
        cells = table.cells
        if cells[row + self.hi] != 0 or cells[row + self.lo] != 0:
            key = (int(cells[row + self.account]), int(cells[row + self.hi]), int(cells[row + self.lo]))
            found = self.numbers[key]
            found.remove(int(number))
            if not found:
                del self.numbers[key]

    def find(self, account: i64, hi: i64, lo: i64) -> i64:
        """The lowest of an account's numbers with this client id; 0: there is none."""
        found = self.numbers.get((int(account), int(hi), int(lo)))
        lowest: i64 = 0
        if found is not None:
            lowest = found[0]
        return lowest

    def all_of(self, account: i64, hi: i64, lo: i64) -> list[int]:
        """All of an account's numbers with this client id, the lowest first."""
        return list(self.numbers.get((int(account), int(hi), int(lo)), ()))

    def check(self, table: Numbered) -> None:
        before = self.numbers
        self.anew(table)
        assert self.numbers == before, "a client id that leads astray"


class Requests:
    """Requests by the market whose price they wait for, NIL: of any. Follows from the table of waiting commands, and is made
    anew with it."""

    def __init__(self) -> None:
        self.dues: dict[int, SortedDict] = {}  # number of the market -> (when it is due, ticket) -> ticket

    def anew(self, pending: Pending) -> None:
        """Of the rows that there are."""
        self.dues = {}
        for at in pending.index.values():
            self.add(pending.cells, at)

    def add(self, cells: vec[i64], row: i64) -> None:
        if cells[row + W_RANK] == REQUEST_EXPIRY:
            found = self.dues.setdefault(int(cells[row + W_MARKET]), SortedDict())
            found[int(cells[row + W_DUE]), int(cells[row + W_TICKET])] = int(cells[row + W_TICKET])

    def remove(self, cells: vec[i64], row: i64) -> None:
        if cells[row + W_RANK] == REQUEST_EXPIRY:
            number = int(cells[row + W_MARKET])
            del self.dues[number][int(cells[row + W_DUE]), int(cells[row + W_TICKET])]
            if not self.dues[number]:
                del self.dues[number]

    def due_by(self, market: i64, ts: i64) -> list[int]:
        """Tickets of those of a market that are due at `ts` or before, by when they are."""
        found = self.dues.get(int(market))
        return [] if found is None else [ticket for _, ticket in found.irange(maximum=(int(ts) + 1, 0), inclusive=(True, False))]

    def check(self, pending: Pending) -> None:
        before = self.dues
        self.anew(pending)
        assert self.dues == before, "a request that waits for another market"


class Pending(Numbered):
    """Commands that wait, by their tickets; also by when they are due, by account, orders by their client ids and requests by their
    markets: nobody's turn, no cancel and no price costs a look at all that wait."""

    def __init__(self) -> None:
        super().__init__(W_WIDTH, W_LINK)
        self.last_ticket: i64 = 0
        self.dues: SortedDict = SortedDict()  # time -> first row of those that are due then
        self.own: SortedDict = SortedDict()  # account -> first row of its own
        self.by_client: ByClient = ByClient(W_ACCOUNT, W_CLIENT_HI, W_CLIENT_LO)
        self.requests: Requests = Requests()

    def wait(self, rows: vec[i64], at: i64, due: i64, rank: i64, market: i64, hi: i64, lo: i64) -> i64:
        """Let the command that begins at `at` wait; returns its ticket. `hi`, `lo`: the client id that its order is to have. Its account
        has sent it; who else has, says so afterwards."""
        self.last_ticket += 1
        row = self.add(self.last_ticket, rows[at + W_ACCOUNT])
        cells = self.cells
        i: i64 = 0
        while i < ROW:
            cells[row + i] = rows[at + i]
            i += 1
        cells[row + W_DUE] = due
        cells[row + W_RANK] = rank
        cells[row + W_MARKET] = market
        cells[row + W_TICKET] = self.last_ticket
        cells[row + W_PARENT] = 0
        cells[row + W_ORDER_ID] = 0
        cells[row + W_CLIENT_HI] = hi
        cells[row + W_CLIENT_LO] = lo
        self.join(self.dues, due, row, W_NEXT_DUE, W_PREV_DUE)
        self.join(self.own, rows[at + W_ACCOUNT], row, W_NEXT_OWN, W_PREV_OWN)
        self.by_client.add(self, row, self.last_ticket)
        self.requests.add(cells, row)
        return self.last_ticket

    def remove(self, number: i64, account: i64) -> None:
        row = self.find(number)
        self.leave(self.dues, self.cells[row + W_DUE], row, W_NEXT_DUE, W_PREV_DUE)
        self.leave(self.own, account, row, W_NEXT_OWN, W_PREV_OWN)
        self.by_client.remove(self, row, number)
        self.requests.remove(self.cells, row)
        super().remove(number, account)

    def tickets(self, first: i64, after: i64) -> list[int]:
        """Of one of the lists, the lowest first."""
        found: list[int] = []
        row = first
        while row != NIL:
            found.append(int(self.cells[row + W_TICKET]))
            row = self.cells[row + after]
        found.sort()
        return found

    def due_by(self, ts: i64) -> list[int]:
        """Tickets of those that are due at `ts` or before, the lowest first."""
        found: list[int] = []
        for due in list(self.dues.irange(maximum=int(ts))):
            found += self.tickets(self.dues[due], W_NEXT_DUE)
        found.sort()
        return found

    def due_after(self, ts: i64) -> i64:
        """When the next one behind `ts` is due [ns]; NIL: none is."""
        at = self.dues.bisect_right(int(ts))
        found: i64 = self.dues.peekitem(at)[0] if at < len(self.dues) else -1
        return found

    def of(self, account: i64) -> list[int]:
        """An account's tickets, the lowest first."""
        return self.tickets(self.own.get(int(account), -1), W_NEXT_OWN)

    def take(self, ticket: i64, into: vec[i64]) -> None:
        """Take a command off the table, into a row of its own."""
        row = self.find(ticket)
        cells = self.cells
        i: i64 = 0
        while i < ROW:
            into[i] = cells[row + i]
            i += 1
        self.remove(ticket, into[W_ACCOUNT])

    def check_waiting(self, schedule: Schedule) -> None:
        """Every command waits for an entry of the schedule."""
        self.check_rows(W_ACCOUNT)
        for heads, column, after in ((self.dues, W_DUE, W_NEXT_DUE), (self.own, W_ACCOUNT, W_NEXT_OWN)):
            listed = {ticket: key for key, first in heads.items() for ticket in self.tickets(first, after)}
            assert listed == {ticket: int(self.cells[row + column]) for ticket, row in self.index.items()}, "a list that leads astray"
        self.by_client.check(self)
        self.requests.check(self)
        for ticket, row in self.index.items():
            at: i64 = row
            rank = self.cells[at + W_RANK]
            due = self.cells[at + W_DUE]
            assert 0 < ticket <= int(self.last_ticket), "a ticket that was not given"
            if rank == BLOCK:
                assert schedule.time(BLOCK, 0) <= due, "a command whose block will not come"
            elif rank == TURN:
                assert schedule.time(TURN, ticket) == due, "a command whose turn will not come"
            else:
                assert rank == REQUEST_EXPIRY and due <= schedule.time(REQUEST_EXPIRY, ticket), "a request that will not expire"


class TakerAuctions(Numbered):
    """Orders that are auctioned before they trade, by their ids. They are open orders, and count as such."""

    def __init__(self) -> None:
        super().__init__(A_WIDTH, A_LINK)
        self.by_client: ByClient = ByClient(A_ACCOUNT, A_CLIENT_HI, A_CLIENT_LO)

    def remove(self, number: i64, account: i64) -> None:
        self.by_client.remove(self, self.find(number), number)
        super().remove(number, account)

    def find_client(self, account: i64, hi: i64, lo: i64) -> i64:
        """The id of an account's auctioned order with this client id, 0: none."""
        return self.by_client.find(account, hi, lo)

    def check_auctions(self, schedule: Schedule, now: i64) -> None:
        self.check_rows(A_ACCOUNT)
        self.by_client.check(self)
        for number, at in self.index.items():
            row: i64 = at
            assert schedule.time(TAKER_AUCTION, number) < NEVER, "an auction without a next step"
            assert self.cells[row + A_LEFT] > 0 and self.cells[row + A_SINCE] <= now
            ends = self.cells[row + A_EXPIRES]
            assert schedule.time(ORDER_EXPIRY, number) == (ends if ends != 0 else NEVER), "an auctioned order that does not end in time"
