"""What looks at every row of the venue, and is compiled for that: whose the commands of a block are, their time, what each came to, and
who is to hear of its events.

What other modules call takes blocks as objects: a compiled function that is handed a vec by interpreted code never lets go of it (mypyc
2.4), and a server would lose all its memory to that.

No policy: which accounts have owners and listeners is handed in, who may send a command is the AUTHORITY of schema/messages.py, whom an
event concerns the AUDIENCE of schema/audience.py.
"""

from __future__ import annotations

from typing import Final, cast

from librt.vecs import vec
from mypy_extensions import i64

from ..schema.audience import AUDIENCE_COLUMNS
from ..schema.columns import KIND, TS
from ..schema.event_columns import (
    ADDED_AMOUNT,
    ADDED_MARKET,
    ADDED_RANGE_ID,
    ADDED_SHARES,
    AMENDED_MARKET,
    AMENDED_ORDER_ID,
    AMENDED_SIZE,
    CANCELLED_MARKET,
    CANCELLED_ORDER_ID,
    CANCELLED_REASON,
    CURVE_TRADED_ORDER_ID,
    CURVE_TRADED_SIZE,
    CURVE_TRADED_VALUE,
    EVENT_SEQ,
    FIRED_ORDER_ID,
    OPENED_ACCOUNT,
    PLACED_MARKET,
    PLACED_ORDER_ID,
    PLACED_SIZE,
    QUEUED_COMMAND,
    QUEUED_DUE,
    QUEUED_TICKET,
    REDUCED_ORDER_ID,
    REDUCED_SIZE,
    REJECTED_COMMAND,
    REJECTED_REASON,
    REMOVED_AMOUNT,
    REMOVED_MARKET,
    REMOVED_RANGE_ID,
    REMOVED_SHARES,
    REPEATED_FILLED,
    REPEATED_MARKET,
    REPEATED_OPEN_SIZE,
    REPEATED_ORDER_ID,
    REPEATED_STATE,
    SCHEDULED_NUMBER,
    TRADED_MAKER_ORDER_ID,
    TRADED_PRICE,
    TRADED_SIZE,
    TRADED_TAKER_ORDER_ID,
    TRIGGER_CANCELLED_MARKET,
    TRIGGER_CANCELLED_ORDER_ID,
    TRIGGER_CANCELLED_REASON,
    TRIGGER_PLACED_MARKET,
    TRIGGER_PLACED_ORDER_ID,
    TRIGGER_PLACED_SIZE,
    TWAP_ENDED_MARKET,
    TWAP_ENDED_ORDER_ID,
    TWAP_ENDED_REASON,
    TWAP_PLACED_MARKET,
    TWAP_PLACED_ORDER_ID,
    TWAP_PLACED_SIZE,
)
from ..schema.events import (
    Event,
    OrderAmended,
    OrderCancelled,
    OrderPlaced,
    OrderReduced,
    Traded,
)
from ..schema.kinds import (
    C_PLACE_BRACKET,
    C_PLACE_TRIGGER,
    C_PLACE_TWAP,
    E_ACCOUNT_OPENED,
    E_COMMAND_QUEUED,
    E_CURVE_TRADED,
    E_LIQUIDITY_ADDED,
    E_LIQUIDITY_REMOVED,
    E_MAINTENANCE_SCHEDULED,
    E_ORDER_AMENDED,
    E_ORDER_CANCELLED,
    E_ORDER_PLACED,
    E_ORDER_REDUCED,
    E_ORDER_REPEATED,
    E_REJECTED,
    E_TRADED,
    E_TRIGGER_CANCELLED,
    E_TRIGGER_FIRED,
    E_TRIGGER_PLACED,
    E_TWAP_ENDED,
    E_TWAP_PLACED,
    ORDER_CANCELLED,
    ORDER_FILLED,
    ORDER_OPEN,
    X_OCO,
    X_USER,
)
from ..schema.messages import AUTHORITY, columns_of
from ..state.packed import column
from ..state.types import NIL, ROW

# Columns of what a command came to
REASON: Final[i64] = 0  # why the venue refused it, 0: it did not; NIL: it was no command
ORDER_ID: Final[i64] = 1  # the order that it placed, amended or found; or the number of the range, account or window that it made; 0: none
STATE: Final[i64] = 2  # of that order
FILLED: Final[i64] = 3  # [lots] by this command; of a repeat, all that the order has traded
LEFT: Final[i64] = 4  # [lots] open afterwards
REPEATED: Final[i64] = 5  # 1: the client id was in use, and this is the order that has it
SEQ: Final[i64] = 6  # of its last event; 0: it had none
CAME_IN: Final[i64] = 7  # 1: it placed or amended that order: what else is cancelled on the way is another's
MARKET: Final[i64] = 8  # of that order, or of the liquidity; NIL: there is neither
PAID: Final[i64] = 9  # [ticks x lots] the sum of price x size of what FILLED counts and a book has given; of a repeat 0: it is not known
VALUE: Final[i64] = 10  # [micro] of what FILLED counts and a curve has given; of liquidity, what was paid in or out
SHARES: Final[i64] = 11  # of liquidity, that were added or removed
TICKET: Final[i64] = 12  # under which the command waits to be carried out; 0: it does not, and DUE says nothing
DUE: Final[i64] = 13  # [ns] when it will be; NIL: with an oracle price that is not there yet
WHY: Final[i64] = 14  # CancelReason, if the order, or the rest of it, is cancelled; 0: it is not, or it is a repeat
WIDTH: Final[i64] = 15

NOBODY: Final[i64] = 0  # the owner of an account that no user has
KINDS: Final = max(AUDIENCE_COLUMNS) + 1  # of events, and one
COMMAND_KINDS: Final = max(command.KIND for command in AUTHORITY) + 1  # and one
ACCOUNT: Final[i64] = 2  # the column of the account, in every command that its owner sends; packed.py makes sure of it
CHANGE_BOOKS: Final[tuple[type[Event], ...]] = (OrderPlaced, OrderAmended, OrderReduced, OrderCancelled, Traded)


def outcomes(block: object, ends: list[int], commands: object) -> vec[i64]:
    """One row of WIDTH for each of the packed `commands` that has caused this block of events. `ends`: how many events there are up to the
    last one of each."""
    events = cast(vec[i64], block)
    sent = cast(vec[i64], commands)
    count: i64 = len(ends)
    told = column(count * WIDTH, 0)
    number: i64 = 0
    at: i64 = 0
    fired: i64 = 0  # the order of the trigger that fired last
    sliced: i64 = 0  # the order that is the first slice of the TWAP that was placed last
    while number < count:
        end = i64(ends[number]) * ROW
        row = number * WIDTH
        told[row + MARKET] = NIL
        command = sent[number * ROW + KIND]
        while at < end:
            if events[at + KIND] == E_TRIGGER_FIRED:
                fired = events[at + FIRED_ORDER_ID]
            if is_of_another(told, row, events, at, fired):
                told[row + SEQ] = events[at + EVENT_SEQ]
            else:
                add(told, row, events, at, command)
                if command == C_PLACE_TWAP:
                    sliced = add_slice(told, row, events, at, sliced)
            at += ROW
        number += 1
    return told


def is_of_another(told: vec[i64], row: i64, events: vec[i64], at: i64, fired: i64) -> bool:
    """Is this about an order that is not the command's own: of a trigger that fired meanwhile, or cancelled since another was?"""
    kind = events[at + KIND]
    if kind == E_ORDER_PLACED:
        return events[at + PLACED_ORDER_ID] == fired
    if kind != E_ORDER_CANCELLED:
        return False
    order_id = events[at + CANCELLED_ORDER_ID]
    return order_id == fired or (
        events[at + CANCELLED_REASON] == X_OCO and not (told[row + CAME_IN] != 0 and told[row + ORDER_ID] == order_id)
    )


def came_in(told: vec[i64], row: i64, order_id: i64, market: i64, size: i64) -> None:
    """An order stands from now on, with so many lots."""
    told[row + ORDER_ID] = order_id
    told[row + MARKET] = market
    told[row + STATE] = ORDER_OPEN
    told[row + LEFT] = size
    told[row + WHY] = 0
    told[row + CAME_IN] = 1


def went(told: vec[i64], row: i64, order_id: i64, market: i64, reason: i64) -> None:
    """An order is cancelled."""
    told[row + ORDER_ID] = order_id
    told[row + MARKET] = market
    told[row + STATE] = ORDER_CANCELLED
    told[row + LEFT] = 0
    told[row + WHY] = reason


def add(told: vec[i64], row: i64, events: vec[i64], at: i64, command: i64) -> None:
    """Add one event to what its command, of kind `command`, came to."""
    kind = events[at + KIND]
    told[row + SEQ] = events[at + EVENT_SEQ]
    if kind == E_ORDER_PLACED:
        if command == C_PLACE_TWAP:
            return  # a slice of it
        came_in(told, row, events[at + PLACED_ORDER_ID], events[at + PLACED_MARKET], events[at + PLACED_SIZE])
    elif kind == E_TRADED:
        # as the maker, too: its own fills may fire a trigger that takes what is left of it
        own = told[row + ORDER_ID]
        if told[row + CAME_IN] != 0 and (events[at + TRADED_TAKER_ORDER_ID] == own or events[at + TRADED_MAKER_ORDER_ID] == own):
            told[row + FILLED] += events[at + TRADED_SIZE]
            # the size is at most the market's max_lots, whose worth at its highest price is checked at load to fit 64 bits
            told[row + PAID] += events[at + TRADED_PRICE] * events[at + TRADED_SIZE]
            told[row + LEFT] -= events[at + TRADED_SIZE]
            if told[row + LEFT] == 0:
                told[row + STATE] = ORDER_FILLED
    elif kind == E_CURVE_TRADED:
        if told[row + CAME_IN] != 0 and events[at + CURVE_TRADED_ORDER_ID] == told[row + ORDER_ID]:
            told[row + FILLED] += events[at + CURVE_TRADED_SIZE]
            told[row + VALUE] += events[at + CURVE_TRADED_VALUE]  # in all at most MAX_NOTIONAL, as of any order
            told[row + LEFT] -= events[at + CURVE_TRADED_SIZE]
            if told[row + LEFT] == 0:
                told[row + STATE] = ORDER_FILLED
    elif kind == E_ORDER_CANCELLED:
        if told[row + CAME_IN] == 0 or events[at + CANCELLED_ORDER_ID] == told[row + ORDER_ID]:
            went(told, row, events[at + CANCELLED_ORDER_ID], events[at + CANCELLED_MARKET], events[at + CANCELLED_REASON])
    elif kind == E_ORDER_AMENDED:
        came_in(told, row, events[at + AMENDED_ORDER_ID], events[at + AMENDED_MARKET], events[at + AMENDED_SIZE])
    elif kind == E_ORDER_REPEATED:
        told[row + ORDER_ID] = events[at + REPEATED_ORDER_ID]
        told[row + MARKET] = events[at + REPEATED_MARKET]
        told[row + STATE] = events[at + REPEATED_STATE]
        told[row + LEFT] = events[at + REPEATED_OPEN_SIZE]
        told[row + FILLED] = events[at + REPEATED_FILLED]
        told[row + REPEATED] = 1
        told[row + WHY] = 0
    elif kind == E_REJECTED:
        if events[at + REJECTED_COMMAND] == command:  # and not one that has waited, and is gone by this one
            told[row + REASON] = events[at + REJECTED_REASON]
    else:
        add_rare(told, row, events, at, command)


def add_slice(told: vec[i64], row: i64, events: vec[i64], at: i64, sliced: i64) -> i64:
    """Add what the first slice of a TWAP, order `sliced`, has filled. Returns which order that is."""
    kind = events[at + KIND]
    size: i64 = 0
    if kind == E_ORDER_PLACED:
        return events[at + PLACED_ORDER_ID]
    if kind == E_TRADED and events[at + TRADED_TAKER_ORDER_ID] == sliced:
        size = events[at + TRADED_SIZE]
        told[row + PAID] += events[at + TRADED_PRICE] * size  # of no more than the TWAP is for
    elif kind == E_CURVE_TRADED and events[at + CURVE_TRADED_ORDER_ID] == sliced:
        size = events[at + CURVE_TRADED_SIZE]
        told[row + VALUE] += events[at + CURVE_TRADED_VALUE]
    told[row + FILLED] += size
    told[row + LEFT] -= size
    return sliced


def add_rare(told: vec[i64], row: i64, events: vec[i64], at: i64, command: i64) -> None:
    """`add`, of events that are rare or not of orders."""
    kind = events[at + KIND]
    if kind == E_ORDER_REDUCED:
        if told[row + CAME_IN] != 0 and events[at + REDUCED_ORDER_ID] == told[row + ORDER_ID]:
            told[row + LEFT] = events[at + REDUCED_SIZE]
    elif kind == E_TRIGGER_PLACED:
        if command == C_PLACE_TRIGGER:  # and not of a bracket
            size = events[at + TRIGGER_PLACED_SIZE]
            came_in(told, row, events[at + TRIGGER_PLACED_ORDER_ID], events[at + TRIGGER_PLACED_MARKET], size)
    elif kind == E_TRIGGER_CANCELLED:
        if told[row + CAME_IN] == 0 and events[at + TRIGGER_CANCELLED_REASON] == X_USER:
            went(told, row, events[at + TRIGGER_CANCELLED_ORDER_ID], events[at + TRIGGER_CANCELLED_MARKET], X_USER)
    elif kind == E_TWAP_PLACED:
        came_in(told, row, events[at + TWAP_PLACED_ORDER_ID], events[at + TWAP_PLACED_MARKET], events[at + TWAP_PLACED_SIZE])
    elif kind == E_TWAP_ENDED:
        if told[row + CAME_IN] == 0 and events[at + TWAP_ENDED_REASON] == X_USER:
            went(told, row, events[at + TWAP_ENDED_ORDER_ID], events[at + TWAP_ENDED_MARKET], X_USER)
    elif kind == E_COMMAND_QUEUED:
        # The order of a bracket, which is a Place, waits for it. Those of a ladder and of a TWAP are told as events
        if events[at + QUEUED_COMMAND] == command or command == C_PLACE_BRACKET:
            told[row + TICKET] = events[at + QUEUED_TICKET]
            told[row + DUE] = events[at + QUEUED_DUE]
    elif kind == E_ACCOUNT_OPENED:
        told[row + ORDER_ID] = events[at + OPENED_ACCOUNT]
    elif kind == E_MAINTENANCE_SCHEDULED:
        told[row + ORDER_ID] = events[at + SCHEDULED_NUMBER]
    elif kind == E_LIQUIDITY_ADDED:
        told[row + ORDER_ID] = events[at + ADDED_RANGE_ID]
        told[row + MARKET] = events[at + ADDED_MARKET]
        told[row + VALUE] = events[at + ADDED_AMOUNT]
        told[row + SHARES] = events[at + ADDED_SHARES]
    elif kind == E_LIQUIDITY_REMOVED:
        told[row + ORDER_ID] = events[at + REMOVED_RANGE_ID]
        told[row + MARKET] = events[at + REMOVED_MARKET]
        told[row + VALUE] = events[at + REMOVED_AMOUNT]
        told[row + SHARES] = events[at + REMOVED_SHARES]


def block_of(rows: list[int]) -> vec[i64]:
    """Packed commands, of their values in one list."""
    block = column(len(rows), 0)
    at: i64 = 0
    end: i64 = len(block)
    while at < end:
        block[at] = i64(rows[at])
        at += 1
    return block


def stamp(block: object, ts: i64) -> None:
    """Give all commands of a block their time [ns]."""
    rows = cast(vec[i64], block)
    at: i64 = 0
    end: i64 = len(rows)
    while at < end:
        rows[at + TS] = ts
        at += ROW


class Owners:
    """Whose the accounts are: a user's number, at least 1, by account."""

    def __init__(self) -> None:
        self.owner: vec[i64] = column(64, NOBODY)
        self.by_owner: vec[i64] = column(COMMAND_KINDS, 0)  # by kind of command: 1: the owner of its account sends it; 0: others do
        for command, authority in AUTHORITY.items():
            if authority == ("account",):
                self.by_owner[command.KIND] = 1

    def give(self, account: i64, user: i64) -> None:
        """The account is this user's from now on."""
        if account >= len(self.owner):
            self.owner = grown(self.owner, max(account + 1, 2 * len(self.owner)), NOBODY)
        self.owner[account] = user

    def barred(self, block: object, user: i64) -> list[int]:
        """Numbers of the commands that are not this user's to send: of others' accounts, or of a kind that no owner sends."""
        rows = cast(vec[i64], block)
        found: list[int] = []
        owner = self.owner
        at: i64 = 0
        end: i64 = len(rows)
        while at < end:
            kind = rows[at + KIND]
            if 0 < kind < COMMAND_KINDS:
                account = rows[at + ACCOUNT]
                if self.by_owner[kind] == 0 or not 0 <= account < len(owner) or owner[account] != user:
                    found.append(int(at // ROW))
            at += ROW
        return found


class Router:
    """Sorts the events of the venue by who listens."""

    def __init__(self) -> None:
        self.first: vec[i64] = column(KINDS, NIL)  # by kind: the columns of the accounts that are told, NIL: none
        self.second: vec[i64] = column(KINDS, NIL)
        self.market: vec[i64] = column(KINDS, NIL)  # by kind: the column of the market whose book it changes, NIL: no book changes
        self.public: vec[i64] = column(KINDS, 0)  # by kind: 1: the public streams are told of it
        self.listeners: vec[i64] = column(64, 0)  # by account: 1: somebody listens
        for kind, columns in AUDIENCE_COLUMNS.items():
            if len(columns) > 0:
                self.first[kind] = columns[0]
            if len(columns) > 1:
                self.second[kind] = columns[1]
        for event in CHANGE_BOOKS:
            self.market[event.KIND] = columns_of(event)["market"]
        self.pairs: vec[i64] = column(256, 0)  # account and where its event begins, of the block that was routed last
        self.count: i64 = 0  # of those pairs
        self.books: i64 = 0  # bits of the markets whose books the block has changed

    def listen(self, account: i64, wanted: i64) -> None:
        """1: from now on tell of this account's events; 0: no more."""
        if account >= len(self.listeners):
            self.listeners = grown(self.listeners, max(account + 1, 2 * len(self.listeners)), 0)
        self.listeners[account] = wanted

    def route(self, block: object) -> list[int]:
        """Sort events. Fills `pairs`, `count` and `books`; returns where those that the public streams are told of begin."""
        events = cast(vec[i64], block)
        told: list[int] = []
        self.count = 0
        self.books = 0
        at: i64 = 0
        end: i64 = len(events)
        while at < end:
            kind = events[at + KIND]
            first = self.first[kind]
            if first != NIL:
                self.tell(events[at + first], at)
                second = self.second[kind]
                if second != NIL and events[at + second] != events[at + first]:
                    self.tell(events[at + second], at)
            market = self.market[kind]
            if market != NIL:
                self.books |= bit_of(events[at + market])
            if self.public[kind] != 0:
                told.append(int(at))
            at += ROW
        return told

    def concerning(self, block: object, begin: i64, account: i64) -> list[int]:
        """Where the events that an account is told of begin, in what `begin` leaves of a block."""
        events = cast(vec[i64], block)
        found: list[int] = []
        at = begin
        end: i64 = len(events)
        while at < end:
            kind = events[at + KIND]
            first, second = self.first[kind], self.second[kind]
            if (first != NIL and events[at + first] == account) or (second != NIL and events[at + second] == account):
                found.append(int(at))
            at += ROW
        return found

    def tell(self, account: i64, at: i64) -> None:
        if not 0 <= account < len(self.listeners) or self.listeners[account] == 0:
            return
        pairs = self.pairs
        if self.count * 2 == len(pairs):
            self.pairs = pairs = grown(pairs, 2 * len(pairs), 0)
        pairs[self.count * 2] = account
        pairs[self.count * 2 + 1] = at
        self.count += 1

    def by_account(self) -> dict[int, list[int]]:
        """Where the events of each account that has listeners begin, in order."""
        found: dict[int, list[int]] = {}
        i: i64 = 0
        while i < self.count:
            account = int(self.pairs[i * 2])
            if account not in found:
                found[account] = []
            found[account].append(int(self.pairs[i * 2 + 1]))
            i += 1
        return found


def grown(values: vec[i64], length: i64, rest: i64) -> vec[i64]:
    """A longer column with these values, and `rest` behind them."""
    longer = column(length, rest)
    at: i64 = 0
    while at < len(values):
        longer[at] = values[at]
        at += 1
    return longer


def bit_of(market: i64) -> i64:
    """Markets are at most 64, of which the highest would be the sign: it shares the bit of the one below it."""
    one: i64 = 1
    return one << (market if market < 62 else 62)
