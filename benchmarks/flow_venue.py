"""A neutral flow through the venue and through the plain book: the venue's packed rows of it, and whether both make the same fills.

The venue numbers the orders that it accepts from 1, as a flow does, so the numbers of a flow are its order ids; that is checked by the
fills, which name them. The alternative is by client ids: the venue is told the flow's numbers and is asked to cancel by them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final

import numpy as np
from neutral_flows import ACCOUNT, ACCOUNTS, ADD, CANCEL, KIND, LOTS, MID, NUMBER, PRICE, SIDE, TAKE, Flow, Table
from plain_book import PlainBook, Tally, tally_of

from perplab.exchange import Exchange, load_venue
from perplab.exchange import messages as m

CHUNK: Final = 512  # rows of one bulk call
START: Final = 1_000_000_000_000_000_000  # [ns]
STEP: Final = 1_000  # [ns] from one message to the next: a short time, so that nothing else falls due in a run
CASH: Final = 5_000_000_000_000  # [micro] 5 million USD each: margin is computed for every order and never short
ORDER_IDS, CLIENT_IDS = "order", "client"  # by which ids the venue is asked to cancel


TRADED: Final = [m.column_of(m.Traded, name) for name in ("price", "size", "maker_order_id", "taker_order_id")]


class FlowVenue:
    """A venue with accounts that have cash and nothing else, and the rows of a flow for it."""

    def __init__(self, by: str) -> None:
        self.by = by
        self.exchange = Exchange(load_venue(Path(__file__).with_name("venue.toml")))
        self.exchange.apply(m.UpdateOracle(START, 0, MID))
        opened = [self.exchange.apply(m.OpenAccount(START, m.AccountKind.TRADER, owner))[0] for owner in range(ACCOUNTS)]
        for one in opened:
            self.exchange.apply(m.Deposit(START, one.account, 0, CASH))
        self.first = opened[0].account
        self.ts = START

    def rows(self, table: Table) -> Table:
        """The packed commands of some messages, one row each; to be applied in the order in which they were asked for."""
        rows = np.zeros((len(table), m.ROW), np.int64)
        rows[:, m.TS_COLUMN] = self.ts + STEP * np.arange(1, len(table) + 1)
        self.ts += STEP * len(table)
        cancels = table[:, KIND] == CANCEL
        self.fill_places(rows, table, ~cancels)
        command, of_number = (m.CancelClient, "client_lo") if self.by == CLIENT_IDS else (m.Cancel, "order_id")
        rows[cancels, m.KIND_COLUMN] = command.KIND
        rows[cancels, m.column_of(command, "account")] = self.first + table[cancels, ACCOUNT]
        rows[cancels, m.column_of(command, of_number)] = table[cancels, NUMBER]
        return rows

    def fill_places(self, rows: Table, table: Table, places: np.ndarray[Any, Any]) -> None:
        """No self-trade prevention: a neutral book has none."""
        told = table[places]
        values = {
            "account": self.first + told[:, ACCOUNT],
            "side": told[:, SIDE],
            "price": told[:, PRICE],
            "size": told[:, LOTS],
            "tif": np.where(told[:, KIND] == TAKE, m.TimeInForce.IOC, m.TimeInForce.GTC),
            "self_trade": m.SelfTrade.NONE,
            "client_lo": told[:, NUMBER] if self.by == CLIENT_IDS else 0,
        }
        rows[places, m.KIND_COLUMN] = m.Place.KIND
        for name, value in values.items():
            rows[places, m.column_of(m.Place, name)] = value

    def bulk(self, table: Table) -> tuple[Table, list[Any]]:
        """Apply messages in chunks of packed rows; the fills, and the events that refuse one."""
        answers = [np.asarray(list(self.exchange.apply_rows(chunk)), np.int64) for chunk in chunks(self.rows(table))]
        events = np.concatenate([np.zeros(0, np.int64), *answers]).reshape(-1, m.ROW)
        return events[events[:, m.KIND_COLUMN] == m.Traded.KIND][:, TRADED], events[events[:, m.KIND_COLUMN] == m.Rejected.KIND].tolist()

    def typed(self, table: Table) -> tuple[Table, list[Any]]:
        """The same by typed commands, one per call."""
        events = [event for command in commands(self.rows(table)) for event in self.exchange.apply(command)]
        fills = [(e.price, e.size, e.maker_order_id, e.taker_order_id) for e in events if isinstance(e, m.Traded)]
        return np.array(fills, np.int64).reshape(-1, 4), [event for event in events if isinstance(event, m.Rejected)]


def chunks(rows: Table) -> list[memoryview]:
    return [memoryview(np.ascontiguousarray(rows[at : at + CHUNK]).reshape(-1)) for at in range(0, len(rows), CHUNK)]


def commands(rows: Table) -> list[m.Command]:
    return [m.command_of_row(row) for row in rows.tolist()]


def run_plain(book: PlainBook, messages: Sequence[Sequence[int]]) -> None:
    """Feed a plain book; `messages` as lists of the columns."""
    place, cancel = book.place, book.cancel
    for kind, number, _, side, price, lots in messages:
        if kind == CANCEL:
            cancel(number)
        else:
            place(number, side, price, lots, kind == ADD)


# -- the check --


class Disagreement(Exception):
    """The venue did something else than the plain book; the message says where."""


def agreed(flow: Flow, by: str, typed: bool) -> Tally:
    """What comes of a flow, on the venue and in the plain book alike. Raises Disagreement."""
    venue, book = FlowVenue(by), PlainBook()
    waiting, refused = venue.bulk(flow.resting)
    following, refused_later = (venue.typed if typed else venue.bulk)(flow.messages)
    for table in (flow.resting, flow.messages):
        run_plain(book, table.tolist())
    if refused or refused_later:
        raise Disagreement(f"the venue refused {len(refused) + len(refused_later)} messages, the first with {(refused + refused_later)[0]}")
    same_fills(np.concatenate((waiting, following)), book)
    same_depth(venue, book)
    return book.tally()


def same_fills(fills: Table, book: PlainBook) -> None:
    """Raises Disagreement with the first fill that differs, and both tallies."""
    venue, plain = tally_of(fills), book.tally()
    if venue == plain:
        return
    pairs = zip_longest([tuple(fill) for fill in fills.tolist()], book.fills)
    at, (one, other) = next((at, pair) for at, pair in enumerate(pairs) if pair[0] != pair[1])
    told = f"fill {at} (price, lots, maker, taker) is {one or 'none'} on the venue and {other or 'none'} in the plain book"
    raise Disagreement(f"{told}; all in all the venue has {venue} and the plain book {plain}")


def same_depth(venue: FlowVenue, book: PlainBook) -> None:
    for side in (m.Side.BUY, m.Side.SELL):
        plain = book.depth(side)
        levels = venue.exchange.depth(0, side, len(plain) + 1)
        if levels != plain:
            one, other = next(pair for pair in zip_longest(levels, plain) if pair[0] != pair[1])
            raise Disagreement(f"in the end the venue's {side.name} side has {one} (price, lots) where the plain book has {other}")
