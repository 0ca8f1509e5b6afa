"""Conditional orders: how they are placed, which of them fire at a price, and with what order.

Protection prices round towards the price at firing, distances of trailing triggers up: they fire later, not sooner. What a trigger sends
is a Place row like any; until then it asks for no margin.
"""

from __future__ import annotations

from librt.vecs import vec
from mypy_extensions import i64

from ..schema import columns as c
from ..schema import kinds as k
from ..schema.views import OpenTrigger
from ..state.algos import (
    FALLS,
    FIRED,
    G_ACCOUNT,
    G_BRACKET,
    G_CLIENT_HI,
    G_CLIENT_LO,
    G_KIND,
    G_LIMIT,
    G_MARKET,
    G_REDUCE_ONLY,
    G_SHELF,
    G_SIDE,
    G_SIZE,
    G_SLIPPAGE,
    G_SOURCE,
    G_TIF,
    G_TRAIL,
    G_TRIGGER,
    MAX_TRAILING,
    RISES,
    SOURCES,
    TRAILS,
)
from ..state.market import CLASSES, Market
from ..state.packed import column
from ..state.state import State
from ..state.tables import P_SIZE
from ..state.types import MAX_PRICE, NIL, PPM, ROW, div_ceil, max_i64, min_i64
from ..trading.access import holds_triggers, never_takes, reducible, refused_mode, refused_orders, refused_user_in_market
from ..trading.curve_source import SEPARATE
from ..trading.entry import OrderEntry
from ..trading.price_terms import coarse, significant


def source_price(market: Market, source: i64) -> i64:
    """[ticks], 0: there is none yet."""
    if source == k.SOURCE_MARK:
        return market.mark
    return market.last if source == k.SOURCE_LAST else market.oracle


def is_trailing(kind: i64) -> bool:
    return kind == k.TRIGGER_TRAILING_TICKS or kind == k.TRIGGER_TRAILING_PPM


def shelf_of(kind: i64, side: i64) -> i64:
    """Does the trigger wait for a price that rises, or one that falls? A trailing one waits for a better price to begin at."""
    return RISES if (kind == k.TRIGGER_STOP) == (side == k.BUY) else FALLS


def is_crossed(shelf: i64, trigger: i64, price: i64) -> bool:
    return price >= trigger if shelf == RISES else price <= trigger


def trail_distance(kind: i64, trail: i64, best: i64) -> i64:
    """[ticks], rounded up."""
    return trail if kind == k.TRIGGER_TRAILING_TICKS else div_ceil(best * trail, PPM)  # < 2^32 x 2^20: trail is below PPM


def protection_price(price: i64, slippage_ppm: i64, side: i64) -> i64:
    """The worst price of a market order that fires at `price` [ticks], rounded towards it."""
    if side == k.BUY:
        return price * (PPM + slippage_ppm) // PPM  # < 2^32 x 2^21
    return div_ceil(price * (PPM - slippage_ppm), PPM)


class TriggerDesk:
    def __init__(self, state: State, entry: OrderEntry) -> None:
        self.state: State = state
        self.entry: OrderEntry = entry
        self.row: vec[i64] = column(ROW, 0)  # the order that a trigger sends
        # By market and source: the price that its triggers were held against last. It spares a look, and is none of the state: a second
        # look at the same price finds nothing, unless triggers were placed at another one meanwhile, which makes it 0
        self.seen: vec[i64] = column(len(state.markets) * SOURCES, 0)
        # And the prices from `low` to `high` at which those that trail neither fire nor follow, as far as they were there at the last look
        self.low: vec[i64] = column(len(state.markets) * SOURCES, 1)
        self.high: vec[i64] = column(len(state.markets) * SOURCES, 0)

    # -- place -------------------------------------------------------------------------------------------------------------------

    def place(self, rows: vec[i64], at: i64) -> i64:
        """Carry out the PlaceTrigger command that begins at `at`; returns the reason of a refusal, or 0."""
        state = self.state
        account = rows[at + c.TRIGGER_ACCOUNT]
        reason = refused_user_in_market(state, account, rows[at + c.TRIGGER_MARKET])
        if reason != 0:
            return reason
        hi = rows[at + c.TRIGGER_CLIENT_HI]
        lo = rows[at + c.TRIGGER_CLIENT_LO]
        if (hi != 0 or lo != 0) and self.entry.repeat(account, hi, lo):
            return 0
        reason = self.refused(rows, at, 0)
        if reason != 0:
            return reason
        market = state.markets[rows[at + c.TRIGGER_MARKET]]
        state.position_row(account, market.number)  # where all that it has in this market is found
        self.accept(rows, at, market)
        return 0

    def refused(self, rows: vec[i64], at: i64, freed: i64) -> i64:
        """Why the PlaceTrigger command that begins at `at`, of an account and a market that there are, cannot be carried out; 0: it can.
        `freed`: how many of its account's triggers do not count."""
        state = self.state
        account = rows[at + c.TRIGGER_ACCOUNT]
        market = state.markets[rows[at + c.TRIGGER_MARKET]]
        row = state.find_position(account, market.number)
        reason = refused_orders(state, account, row, rows[at + c.TRIGGER_REDUCE_ONLY])
        if reason == 0:
            reason = self.refused_order(rows, at, market, row)
        if reason == 0:
            reason = self.refused_trigger(rows, at, market)
        if reason != 0:
            return reason
        if state.triggers.count(account) + 2 * state.brackets.count(account) - freed >= state.max_triggers:
            return k.R_TOO_MANY_TRIGGERS
        if rows[at + c.TRIGGER_TRAIL] != 0 and state.triggers.trailing >= MAX_TRAILING:
            return k.R_TOO_MANY_TRIGGERS
        return 0

    def refused_order(self, rows: vec[i64], at: i64, market: Market, row: i64) -> i64:
        """What can be said of its order now. Whether it may come in is asked when it fires."""
        if market.status == k.SETTLED:
            return k.R_MARKET_SETTLED
        if market.status == k.HALTED:
            return k.R_MARKET_HALTED
        if market.status == k.CANCEL_ONLY:
            return k.R_MARKET_CANCEL_ONLY
        if market.mark == 0:
            return k.R_NO_MARK_PRICE
        limit = rows[at + c.TRIGGER_PRICE]
        tif = rows[at + c.TRIGGER_TIF]
        if (limit == 0 and never_takes(tif)) or (tif == k.RPI and market.matching & CLASSES == 0):
            return k.R_ORDER_TYPE
        if limit != 0 and market.curve_role == SEPARATE and tif != k.IOC and tif != k.FOK:
            return k.R_NO_BOOK
        if limit != 0 and market.significant_figures != 0 and not significant(limit, market.significant_figures):
            return k.R_PRICE_PRECISION
        if max_i64(limit, rows[at + c.TRIGGER_TRIGGER_PRICE]) > market.max_price:
            return k.R_PRICE_LIMIT
        if rows[at + c.TRIGGER_REDUCE_ONLY] != 0 and self.to_reduce(row, rows[at + c.TRIGGER_SIDE]) == 0:
            return k.R_REDUCE_ONLY
        return k.R_NOTIONAL_LIMIT if rows[at + c.TRIGGER_SIZE] > market.max_lots else 0

    def refused_trigger(self, rows: vec[i64], at: i64, market: Market) -> i64:
        """What is said of when it fires."""
        price = source_price(market, rows[at + c.TRIGGER_SOURCE])
        if price == 0:
            return k.R_NO_LAST_PRICE  # mark and oracle come together
        kind = rows[at + c.TRIGGER_TRIGGER]
        trigger = rows[at + c.TRIGGER_TRIGGER_PRICE]
        trail = rows[at + c.TRIGGER_TRAIL]
        if rows[at + c.TRIGGER_SIZE] == 0 and rows[at + c.TRIGGER_REDUCE_ONLY] == 0:
            return k.R_TRIGGER_TERMS
        if rows[at + c.TRIGGER_SLIPPAGE_PPM] != 0 and rows[at + c.TRIGGER_PRICE] != 0:
            return k.R_TRIGGER_TERMS
        if is_trailing(kind):
            most = PPM
            if kind == k.TRIGGER_TRAILING_TICKS:
                most = trigger if trigger != 0 else price
            if not 0 < trail < most:
                return k.R_TRIGGER_TERMS
        elif trail != 0 or trigger == 0:
            return k.R_TRIGGER_TERMS
        if trigger != 0 and is_crossed(shelf_of(kind, rows[at + c.TRIGGER_SIDE]), trigger, price):
            return k.R_TRIGGER_PRICE
        return 0

    def accept_for(self, rows: vec[i64], market: Market, bracket: i64) -> i64:
        """Place a trigger of a bracket, with no more questions; if its price has come already it fires when prices are looked at next.
        Returns its id."""
        self.accept(rows, 0, market)
        number = self.state.last_order_id
        self.state.triggers.cells[self.state.triggers.find(number) + G_BRACKET] = bracket
        self.seen[market.number * SOURCES + rows[c.TRIGGER_SOURCE]] = 0
        return number

    def accept(self, rows: vec[i64], at: i64, market: Market) -> None:
        state = self.state
        if holds_triggers(state, market):  # prices move and are not looked at
            self.seen[market.number * SOURCES + rows[at + c.TRIGGER_SOURCE]] = 0
        state.last_order_id += 1
        number = state.last_order_id
        triggers = state.triggers
        row = triggers.enter(number, rows[at + c.TRIGGER_ACCOUNT])
        cells = triggers.cells
        i: i64 = 0
        while i <= G_CLIENT_LO:  # both have these columns in the same order: a test sees to it
            cells[row + i] = rows[at + c.TRIGGER_ACCOUNT + i]
            i += 1
        kind = cells[row + G_KIND]
        if cells[row + G_TRAIL] != 0:
            triggers.trailing += 1
        shelf = shelf_of(kind, cells[row + G_SIDE])
        if cells[row + G_TRIGGER] == 0:
            cells[row + G_TRIGGER] = source_price(market, cells[row + G_SOURCE])
            shelf = TRAILS
            self.forget_range(row)
        triggers.put(row, shelf)
        state.log.write(
            k.E_TRIGGER_PLACED, state.now, number, cells[row + G_ACCOUNT], market.number, cells[row + G_SIDE], cells[row + G_SIZE], kind,
            cells[row + G_SOURCE], cells[row + G_TRIGGER], cells[row + G_LIMIT], cells[row + G_TRAIL], cells[row + G_CLIENT_HI],
            cells[row + G_CLIENT_LO],
        )  # fmt: skip

    # -- fire --------------------------------------------------------------------------------------------------------------------

    def crossed(self, market: i64, source: i64, price: i64) -> list[int]:
        """Ids of the triggers that a price has crossed, in the order in which it came by them: the farthest behind it first, then by id.
        Those that trail follow it."""
        triggers = self.state.triggers
        cells = triggers.cells
        keys: list[tuple[int, int]] = []
        for number in triggers.on_shelf(market, source, RISES, 0, price):
            keys.append((int(cells[triggers.find(number) + G_TRIGGER] - price), number))
        for number in triggers.on_shelf(market, source, FALLS, price, MAX_PRICE):
            keys.append((int(price - cells[triggers.find(number) + G_TRIGGER]), number))
        at = market * SOURCES + source
        if not self.low[at] <= price <= self.high[at]:
            self.low[at] = 0
            self.high[at] = MAX_PRICE
            for number in triggers.on_shelf(market, source, TRAILS, 0, 0):
                ahead = self.trailed(triggers.find(number), price)
                self.narrow(at, triggers.find(number), price, ahead)
                if ahead <= 0:
                    keys.append((int(ahead), number))
        keys.sort()
        return [number for _, number in keys]

    def trailed(self, row: i64, price: i64) -> i64:
        """Let a trigger follow a price; returns how far the price is ahead of where it fires [ticks], 0 or less: it fires."""
        cells = self.state.triggers.cells
        if cells[row + G_SIDE] == k.BUY:
            best = min_i64(cells[row + G_TRIGGER], price)
            ahead = best + trail_distance(cells[row + G_KIND], cells[row + G_TRAIL], best) - price
        else:
            best = max_i64(cells[row + G_TRIGGER], price)
            ahead = price - best + trail_distance(cells[row + G_KIND], cells[row + G_TRAIL], best)
        cells[row + G_TRIGGER] = best
        return ahead

    def narrow(self, at: i64, row: i64, price: i64, ahead: i64) -> None:
        """Leave in the range of `low` and `high` no price at which this trigger would fire or follow; `price` is `ahead` of firing."""
        cells = self.state.triggers.cells
        if cells[row + G_SIDE] == k.BUY:
            self.low[at] = max_i64(self.low[at], cells[row + G_TRIGGER])
            self.high[at] = min_i64(self.high[at], price + ahead - 1)
        else:
            self.low[at] = max_i64(self.low[at], price - ahead + 1)
            self.high[at] = min_i64(self.high[at], cells[row + G_TRIGGER])

    def forget_range(self, row: i64) -> None:
        """A trigger has begun to trail: look at those of its price anew."""
        at = self.state.triggers.cells[row + G_MARKET] * SOURCES + self.state.triggers.cells[row + G_SOURCE]
        self.low[at] = 1
        self.high[at] = 0

    def begin_trailing(self, row: i64, price: i64) -> None:
        self.forget_range(row)
        self.state.triggers.put(row, TRAILS)
        self.state.triggers.cells[row + G_TRIGGER] = price

    def to_reduce(self, position: i64, side: i64) -> i64:
        """How many lots of a position row (NIL: none) an order of this side could close."""
        return 0 if position == NIL else reducible(self.state.positions.cells[position + P_SIZE], side)

    def lots_of(self, row: i64) -> i64:
        """How many lots a trigger's order is for now; 0: there is nothing left for it to reduce."""
        cells = self.state.triggers.cells
        if cells[row + G_REDUCE_ONLY] == 0:
            return cells[row + G_SIZE]
        lots = self.to_reduce(self.state.find_position(cells[row + G_ACCOUNT], cells[row + G_MARKET]), cells[row + G_SIDE])
        return lots if cells[row + G_SIZE] == 0 else min_i64(cells[row + G_SIZE], lots)

    def limit_of(self, row: i64, market: Market, price: i64) -> i64:
        """The limit of its order, or the protection price of a market order that fires at `price`, within the price band; 0: its edge."""
        cells = self.state.triggers.cells
        if cells[row + G_LIMIT] != 0 or cells[row + G_SLIPPAGE] == 0:
            return cells[row + G_LIMIT]
        side = cells[row + G_SIDE]
        limit = protection_price(price, cells[row + G_SLIPPAGE], side)
        if market.significant_figures != 0:
            limit = coarse(limit, market.significant_figures, side == k.BUY)
        edge = self.entry.protection(market, side)
        return min_i64(limit, edge) if side == k.BUY else max_i64(limit, edge)

    def fire(self, number: i64, market: Market, price: i64, lots: i64) -> vec[i64]:
        """Take a trigger off its shelf; returns the order that it sends."""
        state = self.state
        row = state.triggers.find(number)
        cells = state.triggers.cells
        limit = self.limit_of(row, market, price)
        state.triggers.put(row, FIRED)
        account = cells[row + G_ACCOUNT]
        state.log.emit(k.E_TRIGGER_FIRED, state.now, number, account, market.number, cells[row + G_SOURCE], price, lots, limit)
        order = self.row
        order[c.KIND] = k.C_PLACE
        order[c.TS] = state.now
        order[c.PLACE_ACCOUNT] = account
        order[c.PLACE_MARKET] = market.number
        order[c.PLACE_SIDE] = cells[row + G_SIDE]
        order[c.PLACE_PRICE] = limit
        order[c.PLACE_SIZE] = lots
        order[c.PLACE_ORDER_TYPE] = k.MARKET_ORDER if cells[row + G_LIMIT] == 0 else k.LIMIT_ORDER
        order[c.PLACE_TIF] = cells[row + G_TIF]
        order[c.PLACE_REDUCE_ONLY] = cells[row + G_REDUCE_ONLY]
        order[c.PLACE_CLIENT_HI] = cells[row + G_CLIENT_HI]
        order[c.PLACE_CLIENT_LO] = cells[row + G_CLIENT_LO]
        return order

    # -- queries -----------------------------------------------------------------------------------------------------------------

    def view(self, number: i64) -> OpenTrigger:
        row = self.state.triggers.find(number)
        cells = self.state.triggers.cells
        return OpenTrigger(
            number, cells[row + G_ACCOUNT], cells[row + G_MARKET], cells[row + G_SIDE], cells[row + G_SIZE], cells[row + G_KIND],
            cells[row + G_SOURCE], cells[row + G_TRIGGER], cells[row + G_LIMIT], cells[row + G_TIF], cells[row + G_REDUCE_ONLY],
            cells[row + G_SLIPPAGE], cells[row + G_TRAIL], int(cells[row + G_SHELF] == TRAILS), int(cells[row + G_SHELF] == FIRED),
            cells[row + G_CLIENT_HI], cells[row + G_CLIENT_LO], cells[row + G_BRACKET], self.state.links.partner(number),
            self.fires_at(row),
        )  # fmt: skip

    def fires_at(self, row: i64) -> i64:
        """[ticks] as prices have been so far: one that trails moves it with them. 0: it has not begun to trail."""
        cells = self.state.triggers.cells
        best = cells[row + G_TRIGGER]
        shelf = cells[row + G_SHELF]
        if not is_trailing(cells[row + G_KIND]):
            return best
        if shelf != TRAILS and shelf != FIRED:
            return 0
        distance = trail_distance(cells[row + G_KIND], cells[row + G_TRAIL], best)
        return best + distance if cells[row + G_SIDE] == k.BUY else best - distance

    # -- proof -------------------------------------------------------------------------------------------------------------------

    def check(self) -> None:
        """What should have fired has, and reduce-only triggers have something to reduce."""
        triggers = self.state.triggers
        cells = triggers.cells
        for at in triggers.index.values():
            row: i64 = at
            market = self.state.markets[cells[row + G_MARKET]]
            assert market.status != k.SETTLED or cells[row + G_SHELF] == FIRED, "a trigger in a settled market"
            if cells[row + G_SHELF] == FIRED:
                continue
            mode = refused_mode(self.state, cells[row + G_ACCOUNT], cells[row + G_REDUCE_ONLY])
            assert mode == 0, "a trigger that its account's kill switch should have cancelled"
            assert self.lots_of(row) > 0, "a trigger that has nothing left to reduce"
            if not holds_triggers(self.state, market):
                price = source_price(market, cells[row + G_SOURCE])
                if cells[row + G_SHELF] == TRAILS:
                    best = cells[row + G_TRIGGER]
                    assert self.trailed(row, price) > 0 and cells[row + G_TRIGGER] == best, "a trigger that has not followed its price"
                else:
                    assert not is_crossed(cells[row + G_SHELF], cells[row + G_TRIGGER], price), "a trigger that has not fired"
