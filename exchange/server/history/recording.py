"""What looks at every event of a served venue to keep what has happened, and is compiled for that: the rows that concern each account of a
user, the last trades and the funding of each market, its prices by the minute and by the hour, and what belongs to liquidations.

Nothing is made of it here: a row costs its copy, until somebody asks.

Blocks come as objects: a compiled function that is handed a vec by interpreted code never lets go of it (mypyc 2.4).
"""

from __future__ import annotations

from typing import Final, cast

from librt.vecs import vec
from mypy_extensions import i64

from ...schema import event_columns as c
from ...schema import kinds as k
from ...schema.columns import KIND
from ...state.packed import column
from ...state.types import FIRST_USER, NIL, ROW, max_i64
from ..routing import KINDS, NOBODY, Owners
from .series import MINUTE, S_MARK, S_ORACLE, Series
from .shelves import Page, Shelf

# What rows that are kept have in columns that events leave free
OTHER: Final[i64] = 14  # of a slice that was sold by auction: its bidder, in his own rows; 0 in those of the account
IS_LONG: Final[i64] = 14  # of Deleveraged: 1: the loser was long; 0: short
MARK: Final[i64] = 15  # [ticks] of its market then; of rows without a market 0
SAMPLES: Final[i64] = 12  # of FundingCharged: premium samples since the charge before
PREMIUMS: Final[i64] = 13  # their sum
ORACLE: Final[i64] = 14  # [ticks] of its market then

ENDLESS: Final[i64] = 1 << 40  # [rows] what is kept of one log is bound enough: there are few of them
MOST_SAMPLES: Final[i64] = 1 << 16  # whose premiums are added up; then both are halved
LOOK_BACK: Final[i64] = 1_024  # [rows] in front of a bid for all slices of it: at most one, and what it causes, for each market

TO_ACCOUNTS: Final[i64] = 1  # what is done with events of a kind
TO_MARKETS: Final[i64] = 2
TO_LIQUIDATIONS: Final[i64] = 4


class Recorder:
    """Reads the events of a venue. `units`: [micro per tick x lot] by market; `owners`: whose the accounts are; `rows`: of all accounts
    together; `most`: of one account, of the trades of a market, of its funding, and of liquidations; `candles`: of a market, by the
    minute and by the hour."""

    def __init__(self, units: list[int], owners: Owners, rows: i64, most: tuple[int, int, int, int], candles: i64) -> None:
        markets: i64 = len(units)
        self.owners: Owners = owners
        self.units: vec[i64] = column(markets, 0)
        i: i64 = 0
        while i < markets:
            self.units[i] = units[i]
            i += 1
        self.accounts: Shelf = Shelf(rows, most[0])  # by number
        self.trades: Shelf = Shelf(ENDLESS, most[1])  # by number of the market
        self.funding: Shelf = Shelf(ENDLESS, most[2])  # by number of the market; its settlement, too
        self.liquidations: Shelf = Shelf(ENDLESS, most[3])  # all in one log, 0
        self.minutes: list[Series] = [Series(MINUTE, candles, Series(60 * MINUTE, candles, None)) for _ in units]
        self.marks: vec[i64] = column(markets, 0)  # [ticks] the last ones, 0: none was told yet
        self.oracles: vec[i64] = column(markets, 0)
        self.premiums: vec[i64] = column(markets, 0)  # the sum of samples since the last charge
        self.samples: vec[i64] = column(markets, 0)
        self.slice_end: i64 = 0  # where the block tells of the end of a slice, as far as it was looked for
        self.seq: i64 = 0  # of the last event that was read
        self.began: i64 = 0  # the number of the first one, 0: none yet
        self.began_ts: i64 = 0
        self.uses: vec[i64] = column(KINDS, 0)
        self.first: vec[i64] = column(KINDS, NIL)  # by kind: the columns of accounts
        self.second: vec[i64] = column(KINDS, NIL)
        self.market: vec[i64] = column(KINDS, NIL)  # by kind: the column of the market

    def want(self, kind: int, uses: int, accounts: list[int], market: int) -> None:
        """What is done with events of a kind, and which of their columns say whom they concern and where they happened."""
        self.uses[kind] = uses
        self.first[kind] = accounts[0] if len(accounts) > 0 else NIL
        self.second[kind] = accounts[1] if len(accounts) > 1 else NIL
        self.market[kind] = market

    def begin_market(self, market: int, mark: int, oracle: int) -> None:
        """Its prices before anything happens [ticks], 0: none yet."""
        self.marks[market] = mark
        self.oracles[market] = oracle

    def read(self, block: object) -> None:
        """The next events of the venue; there are some."""
        events = cast(vec[i64], block)
        if self.began == 0:
            self.began = events[c.EVENT_SEQ]
            self.began_ts = events[c.EVENT_TS]
        self.slice_end = 0
        at: i64 = 0
        end: i64 = len(events)
        while at < end:
            kind = events[at + KIND]
            uses = self.uses[kind]
            if uses & TO_MARKETS != 0:
                self.note_in_market(events, at, kind)
            if uses & TO_ACCOUNTS != 0:
                self.note_of_accounts(events, at, kind)
            if uses & TO_LIQUIDATIONS != 0:
                self.keep(self.liquidations, 0, events, at)
            at += ROW
        self.seq = events[end - ROW + c.EVENT_SEQ]

    def note_in_market(self, events: vec[i64], at: i64, kind: i64) -> None:
        """Trades and prices."""
        ts = events[at + c.EVENT_TS]
        market = events[at + self.market[kind]]
        if kind == k.E_TRADED:
            lots = events[at + c.TRADED_SIZE]
            price = events[at + c.TRADED_PRICE]
            value = lots * price * self.units[market]  # at most MAX_NOTIONAL
            self.note_trade(events, at, market, price, lots, value, events[at + c.TRADED_LIQUIDATION])
        elif kind == k.E_CURVE_TRADED:
            lots = events[at + c.CURVE_TRADED_SIZE]
            price = events[at + c.CURVE_TRADED_PRICE]
            value = events[at + c.CURVE_TRADED_VALUE]
            self.note_trade(events, at, market, price, lots, value, events[at + c.CURVE_TRADED_LIQUIDATION])
        elif kind == k.E_MARK_MOVED:
            self.note_mark(ts, market, events[at + c.MARK_MOVED_MARK])
        elif kind == k.E_ORACLE_UPDATED:
            price = events[at + c.ORACLE_UPDATED_PRICE]
            self.oracles[market] = price
            self.minutes[market].price(ts, S_ORACLE, price)
        elif kind == k.E_FUNDING_SAMPLED:
            if self.samples[market] == MOST_SAMPLES:
                self.samples[market] //= 2
                self.premiums[market] //= 2
            self.samples[market] += 1
            self.premiums[market] += events[at + c.SAMPLED_PREMIUM_PPT]
        elif kind == k.E_FUNDING_CHARGED:
            self.note_charge(events, at, market)
        elif events[at + c.STATUS_CHANGED_STATUS] == k.SETTLED:
            self.note_mark(ts, market, events[at + c.STATUS_CHANGED_PRICE])
            self.funding.add(market, events, at)

    def note_trade(self, events: vec[i64], at: i64, market: i64, price: i64, lots: i64, value: i64, forced: i64) -> None:
        ts = events[at + c.EVENT_TS]
        self.minutes[market].trade(ts, price, lots, value, lots if forced != 0 else 0)
        self.trades.add(market, events, at)
        if forced != 0:
            self.keep(self.liquidations, 0, events, at)

    def note_mark(self, ts: i64, market: i64, mark: i64) -> None:
        self.marks[market] = mark
        self.minutes[market].price(ts, S_MARK, mark)

    def note_charge(self, events: vec[i64], at: i64, market: i64) -> None:
        page = self.funding.add(market, events, at)
        cells = page.cells
        row = (page.used - 1) * ROW
        cells[row + SAMPLES] = self.samples[market]
        cells[row + PREMIUMS] = self.premiums[market]
        cells[row + ORACLE] = self.oracles[market]
        self.samples[market] = 0
        self.premiums[market] = 0

    def note_of_accounts(self, events: vec[i64], at: i64, kind: i64) -> None:
        """What concerns the accounts of users."""
        if kind == k.E_AUCTION_TAKEN:
            self.note_bid(events, at)
            return
        first = events[at + self.first[kind]]
        if self.is_of_user(first):
            self.keep(self.accounts, first, events, at)
        column_of_second = self.second[kind]
        if column_of_second != NIL:
            second = events[at + column_of_second]
            if second != first and self.is_of_user(second):
                self.keep(self.accounts, second, events, at)

    def is_of_user(self, account: i64) -> bool:
        owner = self.owners.owner
        return FIRST_USER <= account < len(owner) and owner[account] != NOBODY

    def keep(self, shelf: Shelf, key: i64, events: vec[i64], at: i64) -> Page:
        """A row with the mark of its market; it is the last one of the page."""
        page = shelf.add(key, events, at)
        row = (page.used - 1) * ROW
        market = NIL
        if self.market[events[at + KIND]] != NIL:
            market = events[at + self.market[events[at + KIND]]]
        if 0 <= market < len(self.marks):  # a refused command may name any
            page.cells[row + MARK] = self.marks[market]
        if events[at + KIND] == k.E_DELEVERAGED:
            page.cells[row + IS_LONG] = self.is_long(events, at)
        return page

    def is_long(self, events: vec[i64], at: i64) -> i64:
        """1: whom this deleveraging closes was long. The `Liquidated` that ends its slice says so, and is looked for once a slice."""
        while self.slice_end < at or events[self.slice_end + KIND] != k.E_LIQUIDATED:
            self.slice_end = max_i64(self.slice_end, at) + ROW
        return 1 if events[self.slice_end + c.LIQUIDATED_SIZE] > 0 else 0

    def note_bid(self, events: vec[i64], at: i64) -> None:
        """The slices that a bidder has taken are told of in front of his bid: to his log with them, and with who he is."""
        account = events[at + c.AUCTION_TAKEN_ACCOUNT]
        bidder = events[at + c.AUCTION_TAKEN_BIDDER]
        if not self.is_of_user(bidder):
            return
        begin = max_i64(0, at - LOOK_BACK * ROW)
        before = at - ROW
        while before >= begin and events[before + KIND] != k.E_AUCTION_TAKEN:
            before -= ROW
        before += ROW
        while before < at:
            if (
                events[before + KIND] == k.E_LIQUIDATED
                and events[before + c.LIQUIDATED_ACCOUNT] == account
                and events[before + c.LIQUIDATED_METHOD] == k.BY_AUCTION
            ):
                page = self.keep(self.accounts, bidder, events, before)
                page.cells[(page.used - 1) * ROW + OTHER] = bidder
            before += ROW
