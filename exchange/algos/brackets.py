"""Brackets: an entry, and as far as it fills a take-profit and a stop, of which one cancels the other.

They grow with what the entry fills. Where they have gone without firing, since the position was closed or they were taken back, what
fills afterwards has new ones. Whoever sends an entry of another kind may keep a bracket under its own id: `open`, `grow`, `close`.
"""

from __future__ import annotations

from librt.vecs import vec
from mypy_extensions import i64

from ..schema import columns as c
from ..schema import kinds as k
from ..state.algos import (
    B_ACCOUNT,
    B_ALONE,
    B_BEFORE,
    B_CLIENT_HI,
    B_CLIENT_LO,
    B_FILLED,
    B_MARKET,
    B_SIDE,
    B_SLIPPAGE,
    B_SOURCE,
    B_STOP,
    B_TAKE_PROFIT,
    B_TRIGGERS,
    G_ACCOUNT,
    G_MARKET,
    G_SIZE,
)
from ..state.market import Market
from ..state.packed import column
from ..state.state import State
from ..state.types import NIL, ROW, max_i64, min_i64
from ..trading.access import in_liquidation, refused_orders
from .triggers import TriggerDesk, source_price


def are_apart(side: i64, take_profit: i64, stop: i64, price: i64) -> bool:
    """Are take-profit and stop, those that there are, on their sides of where an entry of `side` would trade?"""
    if side == k.BUY:
        return (take_profit == 0 or take_profit > price) and stop < price
    return take_profit < price and (stop == 0 or stop > price)


class BracketDesk:
    def __init__(self, state: State, trigger_desk: TriggerDesk) -> None:
        self.state: State = state
        self.trigger_desk: TriggerDesk = trigger_desk
        self.row: vec[i64] = column(ROW, 0)  # the entry

    def refused(self, rows: vec[i64], at: i64, freed: i64) -> i64:
        """Why the PlaceBracket command that begins at `at`, of an account and a market that there are, cannot be carried out, as far as its
        triggers go; 0: it can. `freed`: how many of its account's triggers do not count."""
        state = self.state
        account = rows[at + c.BRACKET_ACCOUNT]
        market = state.markets[rows[at + c.BRACKET_MARKET]]
        reason = refused_orders(state, account, state.find_position(account, market.number), 0)
        if reason != 0:
            return reason
        if market.status == k.SETTLED:
            return k.R_MARKET_SETTLED
        if market.mark == 0:
            return k.R_NO_MARK_PRICE
        if market.is_spot != 0:
            return k.R_SPOT_MARKET  # triggers of brackets reduce a position, and nobody has one there
        if max_i64(rows[at + c.BRACKET_TAKE_PROFIT], rows[at + c.BRACKET_STOP]) > market.max_price:
            return k.R_PRICE_LIMIT
        return self.refused_prices(rows, at, market, self.room(account) + freed)

    def refused_prices(self, rows: vec[i64], at: i64, market: Market, room: i64) -> i64:
        price = source_price(market, rows[at + c.BRACKET_SOURCE])
        if price == 0:
            return k.R_NO_LAST_PRICE
        if room < 2:
            return k.R_TOO_MANY_TRIGGERS
        side = rows[at + c.BRACKET_SIDE]
        limit = rows[at + c.BRACKET_PRICE]
        if limit != 0 and rows[at + c.BRACKET_ORDER_TYPE] == k.LIMIT_ORDER:
            price = min_i64(price, limit) if side == k.BUY else max_i64(price, limit)
        take_profit = rows[at + c.BRACKET_TAKE_PROFIT]
        stop = rows[at + c.BRACKET_STOP]
        if (take_profit == 0 and stop == 0) or not are_apart(side, take_profit, stop, price):
            return k.R_BRACKET_PRICES
        return 0

    def room(self, account: i64) -> i64:
        """How many more triggers an account may have: those of its brackets are counted before there are any."""
        state = self.state
        return state.max_triggers - state.triggers.count(account) - 2 * state.brackets.count(account)

    def entry(self, rows: vec[i64], at: i64) -> vec[i64]:
        """The order that a PlaceBracket command sends."""
        order = self.row
        order[c.KIND] = k.C_PLACE
        order[c.TS] = self.state.now
        order[c.PLACE_ACCOUNT] = rows[at + c.BRACKET_ACCOUNT]
        order[c.PLACE_MARKET] = rows[at + c.BRACKET_MARKET]
        order[c.PLACE_SIDE] = rows[at + c.BRACKET_SIDE]
        order[c.PLACE_PRICE] = rows[at + c.BRACKET_PRICE]
        order[c.PLACE_SIZE] = rows[at + c.BRACKET_SIZE]
        order[c.PLACE_ORDER_TYPE] = rows[at + c.BRACKET_ORDER_TYPE]
        order[c.PLACE_TIF] = rows[at + c.BRACKET_TIF]
        order[c.PLACE_CLIENT_HI] = rows[at + c.BRACKET_CLIENT_HI]
        order[c.PLACE_CLIENT_LO] = rows[at + c.BRACKET_CLIENT_LO]
        return order

    # -- the life of a bracket ---------------------------------------------------------------------------------------------------

    def open(self, number: i64, account: i64, market: i64, side: i64, take_profit: i64, stop: i64) -> i64:
        """A bracket of an entry of this id and side, by the mark and up to the edge of the price band; returns its row."""
        row = self.state.brackets.add(number, account)
        cells = self.state.brackets.cells
        cells[row + B_ACCOUNT] = account
        cells[row + B_MARKET] = market
        cells[row + B_SIDE] = 1 - side
        cells[row + B_TAKE_PROFIT] = take_profit
        cells[row + B_STOP] = stop
        cells[row + B_SOURCE] = k.SOURCE_MARK
        cells[row + B_SLIPPAGE] = 0
        cells[row + B_CLIENT_HI] = 0
        cells[row + B_CLIENT_LO] = 0
        cells[row + B_FILLED] = 0
        cells[row + B_BEFORE] = 0
        cells[row + B_TRIGGERS] = 0
        cells[row + B_TRIGGERS + 1] = 0
        cells[row + B_ALONE] = 0
        return row

    def place(self, number: i64, rows: vec[i64], at: i64) -> None:
        """Open the bracket of a PlaceBracket command."""
        row = self.open(
            number, rows[at + c.BRACKET_ACCOUNT], rows[at + c.BRACKET_MARKET], rows[at + c.BRACKET_SIDE],
            rows[at + c.BRACKET_TAKE_PROFIT], rows[at + c.BRACKET_STOP],
        )  # fmt: skip
        cells = self.state.brackets.cells
        cells[row + B_SOURCE] = rows[at + c.BRACKET_SOURCE]
        cells[row + B_SLIPPAGE] = rows[at + c.BRACKET_SLIPPAGE_PPM]
        cells[row + B_CLIENT_HI] = rows[at + c.BRACKET_CLIENT_HI]
        cells[row + B_CLIENT_LO] = rows[at + c.BRACKET_CLIENT_LO]
        cells[row + B_ALONE] = rows[at + c.BRACKET_ALONE]

    def grow(self, number: i64, filled: i64) -> None:
        """The entry has filled so much by now [lots]: let its triggers be for that, those that are gone apart."""
        state = self.state
        row = state.brackets.find(number)
        cells = state.brackets.cells
        if row == NIL or filled <= cells[row + B_FILLED]:
            return
        self.forget(row)
        cells[row + B_FILLED] = filled
        lots = filled - cells[row + B_BEFORE]
        if cells[row + B_TRIGGERS] != 0 or cells[row + B_TRIGGERS + 1] != 0:
            self.resize(cells[row + B_TRIGGERS], lots)
            self.resize(cells[row + B_TRIGGERS + 1], lots)
            return
        position = state.find_position(cells[row + B_ACCOUNT], cells[row + B_MARKET])
        if self.trigger_desk.to_reduce(position, cells[row + B_SIDE]) == 0 or in_liquidation(state, cells[row + B_ACCOUNT], position):
            return  # it has closed a position of the other side, so far
        if cells[row + B_TAKE_PROFIT] != 0:
            cells[row + B_TRIGGERS] = self.trigger(row, number, k.TRIGGER_TAKE_PROFIT, cells[row + B_TAKE_PROFIT], lots)
        if cells[row + B_STOP] != 0:
            cells[row + B_TRIGGERS + 1] = self.trigger(row, number, k.TRIGGER_STOP, cells[row + B_STOP], lots)
        if cells[row + B_TRIGGERS] != 0 and cells[row + B_TRIGGERS + 1] != 0:
            state.links.tie(cells[row + B_TRIGGERS], cells[row + B_ACCOUNT], cells[row + B_TRIGGERS + 1], 0, cells[row + B_ALONE])
            state.links.tie(cells[row + B_TRIGGERS + 1], cells[row + B_ACCOUNT], cells[row + B_TRIGGERS], 0, cells[row + B_ALONE])

    def forget(self, row: i64) -> None:
        """Triggers that are gone: what they were for needs none any more."""
        cells = self.state.brackets.cells
        had = cells[row + B_TRIGGERS] != 0 or cells[row + B_TRIGGERS + 1] != 0
        i: i64 = 0
        while i < 2:
            if cells[row + B_TRIGGERS + i] != 0 and self.state.triggers.find(cells[row + B_TRIGGERS + i]) == NIL:
                cells[row + B_TRIGGERS + i] = 0
            i += 1
        if had and cells[row + B_TRIGGERS] == 0 and cells[row + B_TRIGGERS + 1] == 0:
            cells[row + B_BEFORE] = cells[row + B_FILLED]

    def trigger(self, row: i64, number: i64, kind: i64, price: i64, lots: i64) -> i64:
        """A new trigger of a bracket; returns its id."""
        cells = self.state.brackets.cells
        command = column(ROW, 0)
        command[c.KIND] = k.C_PLACE_TRIGGER
        command[c.TRIGGER_ACCOUNT] = cells[row + B_ACCOUNT]
        command[c.TRIGGER_MARKET] = cells[row + B_MARKET]
        command[c.TRIGGER_SIDE] = cells[row + B_SIDE]
        command[c.TRIGGER_SIZE] = lots
        command[c.TRIGGER_TRIGGER] = kind
        command[c.TRIGGER_SOURCE] = cells[row + B_SOURCE]
        command[c.TRIGGER_TRIGGER_PRICE] = price
        command[c.TRIGGER_REDUCE_ONLY] = 1
        command[c.TRIGGER_SLIPPAGE_PPM] = cells[row + B_SLIPPAGE]
        return self.trigger_desk.accept_for(command, self.state.markets[cells[row + B_MARKET]], number)

    def resize(self, trigger: i64, lots: i64) -> None:
        """Let a trigger, if there is one, be for so many lots."""
        state = self.state
        row = state.triggers.find(trigger)
        if row == NIL:
            return
        cells = state.triggers.cells
        cells[row + G_SIZE] = lots
        state.log.emit(k.E_TRIGGER_RESIZED, state.now, trigger, cells[row + G_ACCOUNT], cells[row + G_MARKET], lots)

    def close(self, number: i64) -> None:
        """The entry fills no more, and its triggers stand by themselves; nothing if there is no bracket of this id."""
        row = self.state.brackets.find(number)
        if row != NIL:
            self.state.brackets.remove(number, self.state.brackets.cells[row + B_ACCOUNT])
