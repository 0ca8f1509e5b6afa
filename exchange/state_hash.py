"""The canonical listing of a venue's state, and its hash.

It lists what the venue's future depends on, by account, market, price and time, never by slot or capacity, so that a change of the
tables keeps the hashes. Event numbers are left out: a refused command then leaves exactly the state that a Tick would.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from .due import DueWork
from .liquidation.desk import LiquidationDesk
from .state.ids import HI, LO, ORDER_ID, OUTCOME
from .state.tables import (
    O_ACCOUNT,
    O_CLIENT_HI,
    O_CLIENT_LO,
    O_FILLED,
    O_NEXT,
    O_NEXT_OWN,
    O_ORDER_ID,
    O_REDUCE_ONLY,
    O_SELF_TRADE,
    O_SIZE,
    O_TIF,
)
from .state.types import CLOSED_IDS, NIL
from .trading.book import Book

Line = tuple[str | int, ...]

MARKET_COLUMNS = (
    "status", "suspended_since", "oracle", "oracle_ts", "perp_median", "mark", "last", "last_ts", "open_interest", "unexamined",
    "index_long", "index_short", "residue", "basis_average", "basis_weight", "local_average", "local_weight", "mark_ts", "next_mark",
    "next_sample", "next_funding", "premium_sum", "premium_count", "premium_missed", "funding_deferred", "funding_carry", "fund_spent",
    "fund_window",
)  # fmt: skip


def listing(book: Book, due: DueWork) -> Iterator[Line]:
    """Every line of the state."""
    state = book.state
    yield ("venue", int(state.now), int(state.started), int(state.last_order_id))
    for asset in range(state.accounts.assets):
        yield (
            "supply", asset, int(state.deposits[asset]), int(state.withdrawals[asset]), int(state.fund_spent[asset]),
            int(state.fund_window[asset]),
        )  # fmt: skip
    for market in range(state.markets.count):
        yield ("market", market, *(int(getattr(state.markets, name)[market]) for name in MARKET_COLUMNS))
    for account in range(state.accounts.count):
        yield from account_lines(book, account)
    for market in range(state.markets.count):
        yield from order_lines(book, market)
    yield from liquidation_lines(due.desk)
    yield ("unwind", int(due.vault.next_unwind) if due.vault else 0)


def account_lines(book: Book, account: int) -> Iterator[Line]:
    state = book.state
    accounts = state.accounts
    first = account * accounts.assets
    cash = accounts.cash[first : first + accounts.assets]
    spent = (*accounts.fund_spent[first : first + accounts.assets], *accounts.fund_window[first : first + accounts.assets])
    yield ("account", account, int(accounts.kind[account]), int(accounts.owner[account]), int(accounts.partial[account]), *cash, *spent)
    row = int(accounts.first_position[account])
    p = state.positions
    while row != NIL:
        market = int(p.market[row])
        default = int(state.markets.default_leverage[market])
        held = p.size[row] or p.first_order[row] != NIL or p.first_reducer[row] != NIL or p.isolated_margin[row] or p.realised[row]
        if held or p.mode[row] or p.leverage[row] != default:
            index = int(p.index[row]) if p.size[row] else 0
            yield (
                "position", account, market, int(p.size[row]), int(p.entry_notional[row]), index, int(p.mode[row]), int(p.leverage[row]),
                int(p.isolated_margin[row]), int(p.bid_lots[row]), int(p.ask_lots[row]), int(p.bid_notional[row]),
                int(p.ask_notional[row]), int(p.reducers[row]), int(p.realised[row]),
            )  # fmt: skip
            yield ("own", *own_orders(book, row))
        row = int(p.next[row])
    ids = book.clients[account]
    closed = int(ids.closed)
    for number in range(max(0, closed - int(CLOSED_IDS)), closed):  # oldest first
        hi, lo, order_id, outcome = (int(ids.read(number % int(CLOSED_IDS), what)) for what in (HI, LO, ORDER_ID, OUTCOME))
        yield ("closed", account, hi, lo, order_id, outcome & 3, outcome >> 2)


def own_orders(book: Book, row: int) -> Iterator[int]:
    """Ids of a position row's open orders, in the order in which a cancellation of all would take them."""
    for first in (book.state.positions.first_reducer[row], book.state.positions.first_order[row]):
        slot = int(first)
        while slot != NIL:
            yield int(book.state.orders.cells[slot + O_ORDER_ID])
            slot = int(book.state.orders.cells[slot + O_NEXT_OWN])


def order_lines(book: Book, market: int) -> Iterator[Line]:
    """Resting orders: bids from the best, then asks from the best, each level in its order of time."""
    orders = book.state.orders.cells
    for side in (0, 1):
        price = int(book.best(market, side))
        while price:
            slot = int(book.head(market, price))
            while slot != NIL:
                yield (
                    "order", market, side, price, int(orders[slot + O_ORDER_ID]), int(orders[slot + O_ACCOUNT]), int(orders[slot + O_SIZE]),
                    int(orders[slot + O_FILLED]), int(orders[slot + O_TIF]), int(orders[slot + O_REDUCE_ONLY]),
                    int(orders[slot + O_SELF_TRADE]), int(orders[slot + O_CLIENT_HI]), int(orders[slot + O_CLIENT_LO]),
                )  # fmt: skip
                slot = int(orders[slot + O_NEXT])
            price = int(book.worse(market, side, price))


def liquidation_lines(desk: LiquidationDesk) -> Iterator[Line]:
    table = desk.table
    yield ("desk", int(desk.next_pass), int(table.last_auction))
    lines: list[Line] = []
    at = int(table.first)
    while at != NIL:
        row = int(table.row[at])
        market = int(desk.state.positions.market[row]) if row != NIL else NIL
        lines.append((
            "liquidation", int(table.account[at]), int(table.asset[at]), market, int(table.step[at]), int(table.since[at]),
            int(table.auction[at]), int(table.insolvent_since[at]), int(table.exhausted[at]),
        ))  # fmt: skip
        at = int(table.next[at])
    yield from sorted(lines)


def state_hash(book: Book, due: DueWork) -> str:
    """BLAKE2b-128 of the listing, in hexadecimal."""
    digest = hashlib.blake2b(digest_size=16)
    for line in listing(book, due):
        digest.update((" ".join(map(str, line)) + "\n").encode())
    return digest.hexdigest()
