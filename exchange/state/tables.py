"""The state of the venue: tables of packed columns.

A row is a slot number, a column a `vec[i64]`; only the rows of orders are interleaved. Rows of orders and levels are recycled through
a free list; accounts, positions and markets only ever grow. A vec may move when it grows, so these tables grow in `reserve`, between
commands, never while a local alias of a column is alive. No money is moved here and no rule is decided.
"""

from __future__ import annotations

from typing import Final

from librt.vecs import extend, vec
from mypy_extensions import i64

from .types import CROSS, MAX_ASSETS, MAX_TIERS, NIL, ROW, min_i64


def column(rows: i64, fill: i64) -> vec[i64]:
    return vec[i64]([fill] * rows)


def more(old: vec[i64], rows: i64, fill: i64) -> vec[i64]:
    return extend(old, column(rows, fill))


class Recycled:
    """Base of the tables whose rows are freed again: a free list through `next`."""

    def __init__(self, rows: i64) -> None:
        self.next: vec[i64] = column(rows, NIL)  # the free list; a live row may use it for a list of its own
        self.rows: i64 = rows
        self.free: i64 = NIL
        self.live: i64 = 0
        self.chain(0)

    def chain(self, first: i64) -> None:
        """Put the rows from `first` on, all new, on the free list, lowest first."""
        slot = self.rows
        while slot > first:
            slot -= 1
            self.next[slot] = self.free
            self.free = slot

    def new_row(self) -> i64:
        slot = self.free
        assert slot != NIL, "reserve() comes before the command"
        self.free = self.next[slot]
        self.live += 1
        return slot

    def free_row(self, slot: i64) -> None:
        self.next[slot] = self.free
        self.free = slot
        self.live -= 1

    def lengthen(self) -> None:
        """Double the rows; the subclass has lengthened its own columns."""
        add = self.rows
        self.next = more(self.next, add, NIL)
        self.rows = add * 2
        self.chain(add)


# Columns of an order. They lie side by side: see Orders
O_ORDER_ID: Final[i64] = 0
O_ACCOUNT: Final[i64] = 1
O_POSITION: Final[i64] = 2  # its position row
O_MARKET: Final[i64] = 3
O_SIDE: Final[i64] = 4
O_PRICE: Final[i64] = 5  # [ticks]
O_SIZE: Final[i64] = 6  # [lots] open
O_FILLED: Final[i64] = 7  # [lots]
O_CLIENT_HI: Final[i64] = 8  # the client id, 0 and 0: none
O_CLIENT_LO: Final[i64] = 9
O_LEVEL: Final[i64] = 10
O_NEXT: Final[i64] = 11  # behind it in its level; of a free row the next free one
O_PREV: Final[i64] = 12  # before it in its level
O_NEXT_OWN: Final[i64] = 13  # among the orders of the same position row
O_PREV_OWN: Final[i64] = 14
O_TIF: Final[i64] = 15
O_REDUCE_ONLY: Final[i64] = 16
O_SELF_TRADE: Final[i64] = 17
O_WIDTH: Final[i64] = 18


class Orders:
    """One row per resting order. The order at hand in a match is not in the table until it rests.

    The only table whose rows are interleaved, because its rows are many and are met in no order: all of an order is in three lines of the
    processor's cache, not in eighteen. A slot is where the row begins in `cells`: `cells[slot + O_PRICE]`.
    """

    def __init__(self, rows: i64) -> None:
        self.cells: vec[i64] = column(rows * O_WIDTH, 0)
        self.rows: i64 = rows
        self.free: i64 = NIL
        self.live: i64 = 0
        self.chain(0)

    def chain(self, first: i64) -> None:
        """Put the rows from number `first` on, all new, on the free list, lowest first."""
        slot = self.rows * O_WIDTH
        while slot > first * O_WIDTH:
            slot -= O_WIDTH
            self.cells[slot + O_NEXT] = self.free
            self.free = slot

    def new_row(self) -> i64:
        slot = self.free
        assert slot != NIL, "reserve() comes before the command"
        self.free = self.cells[slot + O_NEXT]
        self.live += 1
        return slot

    def free_row(self, slot: i64) -> None:
        self.cells[slot + O_NEXT] = self.free
        self.free = slot
        self.live -= 1

    def grow(self) -> None:
        """Double the rows."""
        rows = self.rows
        self.cells = more(self.cells, rows * O_WIDTH, 0)
        self.rows = rows * 2
        self.chain(rows)


class Levels(Recycled):
    """One row per price at which orders rest."""

    def __init__(self, rows: i64) -> None:
        super().__init__(rows)
        self.price: vec[i64] = column(rows, 0)
        self.head: vec[i64] = column(rows, NIL)
        self.tail: vec[i64] = column(rows, NIL)
        self.lots: vec[i64] = column(rows, 0)
        self.reducers: vec[i64] = column(rows, 0)  # how many of its orders are reduce-only

    def grow(self) -> None:
        add = self.rows
        self.reducers = more(self.reducers, add, 0)
        self.price = more(self.price, add, 0)
        self.head = more(self.head, add, NIL)
        self.tail = more(self.tail, add, NIL)
        self.lots = more(self.lots, add, 0)
        self.lengthen()


class Accounts:
    """One row per account; its number is its row. `cash` is keyed (account, asset): row * assets + asset."""

    def __init__(self, rows: i64, assets: i64) -> None:
        self.assets: i64 = assets
        self.cash: vec[i64] = column(rows * assets, 0)  # [micro] isolated margin not included
        self.kind: vec[i64] = column(rows, 0)
        self.owner: vec[i64] = column(rows, 0)
        self.first_position: vec[i64] = column(rows, NIL)
        self.open_orders: vec[i64] = column(rows, 0)
        self.liquidation: vec[i64] = column(rows, NIL)  # row of the cross liquidation under way, or NIL
        self.partial: vec[i64] = column(rows, NIL)  # [ns] when it was last liquidated in part, NIL: never
        self.examined: vec[i64] = column(rows * assets, 0)  # number of the pass that last looked at its cross positions in an asset
        self.fund_spent: vec[i64] = column(rows * assets, 0)  # [micro] by the insurance fund on it, in the window below
        self.fund_window: vec[i64] = column(rows * assets, 0)  # number of that window
        self.rows: i64 = rows
        self.count: i64 = 0

    def new_row(self) -> i64:
        assert self.count < self.rows, "accounts: reserve() before the command"
        self.count += 1
        return self.count - 1

    def grow(self) -> None:
        add = self.rows
        self.cash = more(self.cash, add * self.assets, 0)
        self.kind = more(self.kind, add, 0)
        self.owner = more(self.owner, add, 0)
        self.first_position = more(self.first_position, add, NIL)
        self.open_orders = more(self.open_orders, add, 0)
        self.liquidation = more(self.liquidation, add, NIL)
        self.partial = more(self.partial, add, NIL)
        self.examined = more(self.examined, add * self.assets, 0)
        self.fund_spent = more(self.fund_spent, add * self.assets, 0)
        self.fund_window = more(self.fund_window, add * self.assets, 0)
        self.rows = add * 2


class Positions:
    """One row per (account, market) that ever had an order, a position or a setting; an account's rows are linked (at most 64)."""

    def __init__(self, rows: i64) -> None:
        self.account: vec[i64] = column(rows, 0)
        self.market: vec[i64] = column(rows, 0)
        self.size: vec[i64] = column(rows, 0)  # [lots] signed
        self.entry_notional: vec[i64] = column(rows, 0)  # [micro] signed like size: what the position cost
        self.index: vec[i64] = column(rows, 0)  # the market's per-lot index of this side when last settled
        self.mode: vec[i64] = column(rows, CROSS)
        self.leverage: vec[i64] = column(rows, 0)
        self.isolated_margin: vec[i64] = column(rows, 0)  # [micro]
        self.bid_lots: vec[i64] = column(rows, 0)  # open buy orders that are not reduce-only
        self.ask_lots: vec[i64] = column(rows, 0)
        self.bid_notional: vec[i64] = column(rows, 0)  # [micro] the same at their limits
        self.ask_notional: vec[i64] = column(rows, 0)
        self.reducers: vec[i64] = column(rows, 0)  # open reduce-only orders
        self.largest_reducer: vec[i64] = column(rows, 0)  # [lots] none of them is larger
        self.first_order: vec[i64] = column(rows, NIL)  # of its open orders that are not reduce-only
        self.first_reducer: vec[i64] = column(rows, NIL)  # of its reduce-only ones
        self.realised: vec[i64] = column(rows, 0)  # [micro] profit of what was closed since it was opened, less what it paid by its index
        self.next_open: vec[i64] = column(rows, NIL)  # among the open positions of the market
        self.prev_open: vec[i64] = column(rows, NIL)
        self.tried: vec[i64] = column(rows, 0)  # number of the trial that last changed it
        self.liquidation: vec[i64] = column(rows, NIL)  # row of the isolated liquidation under way, or NIL
        self.next: vec[i64] = column(rows, NIL)  # next row of the account
        self.rows: i64 = rows
        self.count: i64 = 0

    def new_row(self) -> i64:
        assert self.count < self.rows, "positions: reserve() before the command"
        self.count += 1
        return self.count - 1

    def grow(self) -> None:
        add = self.rows
        self.account = more(self.account, add, 0)
        self.market = more(self.market, add, 0)
        self.size = more(self.size, add, 0)
        self.entry_notional = more(self.entry_notional, add, 0)
        self.index = more(self.index, add, 0)
        self.mode = more(self.mode, add, CROSS)
        self.leverage = more(self.leverage, add, 0)
        self.isolated_margin = more(self.isolated_margin, add, 0)
        self.bid_lots = more(self.bid_lots, add, 0)
        self.ask_lots = more(self.ask_lots, add, 0)
        self.bid_notional = more(self.bid_notional, add, 0)
        self.ask_notional = more(self.ask_notional, add, 0)
        self.reducers = more(self.reducers, add, 0)
        self.largest_reducer = more(self.largest_reducer, add, 0)
        self.first_order = more(self.first_order, add, NIL)
        self.first_reducer = more(self.first_reducer, add, NIL)
        self.realised = more(self.realised, add, 0)
        self.next_open = more(self.next_open, add, NIL)
        self.prev_open = more(self.prev_open, add, NIL)
        self.tried = more(self.tried, add, 0)
        self.liquidation = more(self.liquidation, add, NIL)
        self.next = more(self.next, add, NIL)
        self.rows = add * 2


class Markets:
    """One row per market: its terms, fixed at load, and what moves. Tier columns are keyed row * MAX_TIERS + tier."""

    def __init__(self, rows: i64) -> None:
        self.count: i64 = rows
        # Terms
        self.asset: vec[i64] = column(rows, 0)  # the settlement asset
        self.payoff: vec[i64] = column(rows, 0)
        self.unit: vec[i64] = column(rows, 0)  # [micro] per tick x lot
        self.max_price: vec[i64] = column(rows, 0)  # [ticks]
        self.significant_figures: vec[i64] = column(rows, 0)  # 0: any price on the grid
        self.minimum_notional: vec[i64] = column(rows, 0)  # [micro]
        self.price_band_ppm: vec[i64] = column(rows, 0)  # 0: none
        self.open_interest_cap: vec[i64] = column(rows, 0)  # [lots] of one side, 0: none
        self.max_lots: vec[i64] = column(rows, 0)  # position cap: its value at max_price stays below POSITION_ROOM
        self.maker_fee_ppb: vec[i64] = column(rows, 0)
        self.taker_fee_ppb: vec[i64] = column(rows, 0)
        self.default_leverage: vec[i64] = column(rows, 1)
        self.max_leverage: vec[i64] = column(rows, 1)
        self.tiers: vec[i64] = column(rows, 1)
        self.tier_lower: vec[i64] = column(rows * MAX_TIERS, 0)  # [micro] of notional
        self.initial_ppm: vec[i64] = column(rows * MAX_TIERS, 0)
        self.initial_deduction: vec[i64] = column(rows * MAX_TIERS, 0)  # [micro]
        self.maintenance_ppm: vec[i64] = column(rows * MAX_TIERS, 0)
        self.maintenance_deduction: vec[i64] = column(rows * MAX_TIERS, 0)  # [micro]
        self.index_shift: vec[i64] = column(rows, 0)
        self.stale_after: vec[i64] = column(rows, 0)  # [ns], 0: never
        self.on_stale: vec[i64] = column(rows, 0)
        # What moves
        self.status: vec[i64] = column(rows, 0)
        self.suspended_since: vec[i64] = column(rows, NIL)  # [ns] of a halt and what followed it without a break, NIL: no halt
        self.oracle: vec[i64] = column(rows, 0)  # [ticks], 0: none yet
        self.oracle_ts: vec[i64] = column(rows, 0)
        self.perp_median: vec[i64] = column(rows, 0)  # [ticks], 0: not given
        self.mark: vec[i64] = column(rows, 0)  # [ticks], 0: none yet
        self.last: vec[i64] = column(rows, 0)  # [ticks] last trade, 0: none yet
        self.last_ts: vec[i64] = column(rows, 0)
        self.best_bid: vec[i64] = column(rows, 0)  # [ticks], 0: none
        self.best_ask: vec[i64] = column(rows, 0)  # [ticks], 0: none
        self.open_interest: vec[i64] = column(rows, 0)  # [lots] of one side
        self.first_open: vec[i64] = column(rows, NIL)  # of its open positions
        self.unexamined: vec[i64] = column(rows, 0)  # 1: its positions changed in value since a pass looked at them
        self.fund_spent: vec[i64] = column(rows, 0)  # [micro] by the insurance fund on its positions, in the window below
        self.fund_window: vec[i64] = column(rows, 0)  # number of that window
        # Cumulative payments due per lot, in 2^-index_shift micro-units, and the part of a micro-unit not yet booked
        self.index_long: vec[i64] = column(rows, 0)
        self.index_short: vec[i64] = column(rows, 0)
        self.residue: vec[i64] = column(rows, 0)
        # Mark rule and funding engine
        self.basis_average: vec[i64] = column(rows, 0)  # EMA of mid - oracle [2^-16 ticks], and the weight behind it [2^-20 ms]
        self.basis_weight: vec[i64] = column(rows, 0)
        self.local_average: vec[i64] = column(rows, 0)  # the same of median(bid, ask, last)
        self.local_weight: vec[i64] = column(rows, 0)
        self.mark_ts: vec[i64] = column(rows, 0)
        self.next_mark: vec[i64] = column(rows, 0)
        self.next_sample: vec[i64] = column(rows, 0)
        self.next_funding: vec[i64] = column(rows, 0)
        self.last_funding: vec[i64] = column(rows, 0)
        self.premium_sum: vec[i64] = column(rows, 0)  # [ppt]
        self.premium_count: vec[i64] = column(rows, 0)
        self.premium_missed: vec[i64] = column(rows, 0)  # samples not taken, in halts and on a stale oracle
        self.funding_deferred: vec[i64] = column(rows, 0)  # payments that fell due then, and wait
        self.funding_carry: vec[i64] = column(rows, 0)  # remainder of rate x price x dt


class EventLog:
    """Packed event rows of the command (or bulk call) at hand. Preallocated; only `emit` writes, so growing is safe."""

    def __init__(self) -> None:
        self.rows: vec[i64] = column(ROW * 256, 0)
        self.capacity: i64 = ROW * 256
        self.end: i64 = 0
        self.seq: i64 = 0

    def emit(
        self, kind: i64, ts: i64, a: i64, b: i64, c: i64, d: i64 = 0, e: i64 = 0, f: i64 = 0, g: i64 = 0, h: i64 = 0, i: i64 = 0,
        j: i64 = 0, k: i64 = 0, m: i64 = 0,
    ) -> None:  # fmt: skip
        self.write(kind, ts, a, b, c, d, e, f, g, h, i, j, k, m)

    def write(
        self, kind: i64, ts: i64, a: i64, b: i64, c: i64, d: i64, e: i64, f: i64, g: i64, h: i64, i: i64, j: i64, k: i64, m: i64
    ) -> None:
        """`emit` without defaults, which cost as much as the rest of it: for the events of the hot path."""
        at = self.end
        if at == self.capacity:
            self.rows = more(self.rows, self.capacity, 0)
            self.capacity *= 2
        self.seq += 1
        rows = self.rows
        rows[at] = kind
        rows[at + 1] = self.seq
        rows[at + 2] = ts
        rows[at + 3] = a
        rows[at + 4] = b
        rows[at + 5] = c
        rows[at + 6] = d
        rows[at + 7] = e
        rows[at + 8] = f
        rows[at + 9] = g
        rows[at + 10] = h
        rows[at + 11] = i
        rows[at + 12] = j
        rows[at + 13] = k
        rows[at + 14] = m
        rows[at + 15] = 0
        self.end = at + ROW

    def clear(self) -> None:
        self.end = 0


class State:
    """All tables of one venue and its clock."""

    def __init__(self, markets: i64, assets: i64, orders: i64, accounts: i64) -> None:
        assert 1 <= assets <= MAX_ASSETS
        self.now: i64 = 0
        self.started: bool = False
        self.orders: Orders = Orders(orders)
        self.levels: Levels = Levels(orders)
        self.accounts: Accounts = Accounts(accounts, assets)
        self.positions: Positions = Positions(accounts * 2 + 2 * markets)
        self.markets: Markets = Markets(markets)
        self.log: EventLog = EventLog()
        self.deposits: vec[i64] = column(assets, 0)  # [micro] ever, per asset
        self.withdrawals: vec[i64] = column(assets, 0)
        self.fund_spent: vec[i64] = column(assets, 0)  # [micro] by the insurance fund, in the window below
        self.fund_window: vec[i64] = column(assets, 0)  # number of that window
        self.last_order_id: i64 = 0
        self.max_open_orders: i64 = 0  # per account
        self.max_accounts: i64 = 0  # system accounts included
        self.transfer_margin_ppm: i64 = 0  # of its notional: what an account keeps when money leaves it
        self.guards_profit: bool = False  # has a market that lets nothing be built on a stale price?

    def reserve(self) -> i64:
        """Grow what a command may fill: an order, a level, an account, position rows in every market for three accounts.

        Returns for how many commands there is room.
        """
        orders = self.orders
        levels = self.levels
        accounts = self.accounts
        positions = self.positions
        if orders.free == NIL:
            orders.grow()
        if levels.free == NIL:
            levels.grow()
        if accounts.count == accounts.rows:
            accounts.grow()
        opened = self.markets.count * 3
        if positions.count + opened > positions.rows:
            positions.grow()
        room = min_i64(orders.rows - orders.live, levels.rows - levels.live)
        return min_i64(room, min_i64(accounts.rows - accounts.count, (positions.rows - positions.count) // opened))

    def find_position(self, account: i64, market: i64) -> i64:
        """The position row of (account, market), or NIL."""
        positions = self.positions
        row = self.accounts.first_position[account]
        while row != NIL and positions.market[row] != market:
            row = positions.next[row]
        return row

    def position_row(self, account: i64, market: i64) -> i64:
        """The position row of (account, market), opened if there is none."""
        row = self.find_position(account, market)
        if row != NIL:
            return row
        positions = self.positions
        row = positions.new_row()
        positions.account[row] = account
        positions.market[row] = market
        positions.leverage[row] = self.markets.default_leverage[market]
        self.link(account, row)
        return row

    def link(self, account: i64, row: i64) -> None:
        """Rows of an account are linked in the order of their markets, so that it does not matter when they were opened."""
        positions = self.positions
        market = positions.market[row]
        before: i64 = NIL
        after = self.accounts.first_position[account]
        while after != NIL and positions.market[after] < market:
            before = after
            after = positions.next[after]
        positions.next[row] = after
        if before == NIL:
            self.accounts.first_position[account] = row
        else:
            positions.next[before] = row
