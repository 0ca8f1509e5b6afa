"""The tables of the venue: orders, levels, accounts, positions.

Rows of orders and levels are recycled; accounts and positions only ever grow. No money is moved here and no rule is decided.
"""

from __future__ import annotations

from typing import Final

from librt.vecs import vec
from mypy_extensions import i64

from .packed import RecycledTable, Table, column, more
from .types import NIL

# Columns of an order
O_ORDER_ID: Final[i64] = 0
O_ACCOUNT: Final[i64] = 1
O_POSITION: Final[i64] = 2  # its position row
O_MARKET: Final[i64] = 3  # number
O_SIDE: Final[i64] = 4
O_PRICE: Final[i64] = 5  # [ticks]
O_SIZE: Final[i64] = 6  # [lots] open and shown
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
O_TERMS: Final[i64] = 18  # its special terms, NIL: it has none
O_WIDTH: Final[i64] = 19

# Columns of a level: a price at which orders rest
L_PRICE: Final[i64] = 0  # [ticks]
L_HEAD: Final[i64] = 1
L_TAIL: Final[i64] = 2
L_LOTS: Final[i64] = 3
L_SPECIAL: Final[i64] = 4  # its reduce-only orders and its iceberg orders, counted: what can be filled is not what is shown
L_FREE: Final[i64] = 5
L_TOP: Final[i64] = 6  # the order that opened it as a new best price, where the market's rule fills that first; NIL: none
L_LAST_RETAIL: Final[i64] = 7  # of the orders of retail accounts, where those stand before all others; NIL: none
L_WIDTH: Final[i64] = 8

# Columns of a position: one row per (account, market) that ever had an order, a position or a setting
P_MARKET: Final[i64] = 0  # number
P_SIZE: Final[i64] = 1  # [lots] signed
P_ENTRY: Final[i64] = 2  # entry notional [micro], signed like size: what the position cost
P_ACCRUAL: Final[i64] = 3  # the market's per-lot accrual of this side when last settled
P_MODE: Final[i64] = 4
P_LEVERAGE: Final[i64] = 5
P_ISOLATED_MARGIN: Final[i64] = 6  # [micro]
P_NEXT: Final[i64] = 7  # next row of the account
P_BID_LOTS: Final[i64] = 8  # open buy orders that are not reduce-only
P_ASK_LOTS: Final[i64] = 9
P_BID_NOTIONAL: Final[i64] = 10  # [micro] the same at their limits
P_ASK_NOTIONAL: Final[i64] = 11
P_FIRST_ORDER: Final[i64] = 12  # of its open orders that are not reduce-only
P_FIRST_REDUCER: Final[i64] = 13  # of its reduce-only ones
P_ACCOUNT: Final[i64] = 14
P_REALISED: Final[i64] = 15  # [micro] profit of what was closed since it was opened, less what it paid by its accrual
P_REDUCERS: Final[i64] = 16  # open reduce-only orders
P_LARGEST_REDUCER: Final[i64] = 17  # [lots] none of them is larger
P_NEXT_OPEN: Final[i64] = 18  # among the open positions of the market
P_PREV_OPEN: Final[i64] = 19
P_LIQUIDATION: Final[i64] = 20  # 1: an isolated liquidation of it is under way
P_DRY_RUN: Final[i64] = 21  # number of the dry run that last changed it
P_OPENED: Final[i64] = 22  # [ns] when it was opened, or turned to this side; of a flat one when it last was
P_SHARES: Final[i64] = 23  # of the market's pool, that the account has
P_PAID_IN: Final[i64] = 24  # [micro] what it has paid for them
P_SHARES_SINCE: Final[i64] = 25  # [ns] when it last added some
P_WIDTH: Final[i64] = 26
SPOT_MODE: Final[i64] = 2  # P_MODE of a row in a spot market: it has orders and never a position


class Orders(RecycledTable):
    """One row per resting order, known by its `slot`. The order at hand in a match is not in the table until it rests."""

    def __init__(self, rows: i64) -> None:
        super().__init__(rows, O_WIDTH, O_NEXT)


class Levels(RecycledTable):
    """One row per price at which orders rest."""

    def __init__(self, rows: i64) -> None:
        super().__init__(rows, L_WIDTH, L_FREE)


class Positions(Table):
    """Rows are never freed; an account's are linked by market (at most 64), those with a size by market."""

    def __init__(self, rows: i64) -> None:
        super().__init__(rows, P_WIDTH)

    def open(self, account: i64, market: i64, leverage: i64) -> i64:
        """A row for (account, market): flat, without orders, on cross."""
        row = self.new_row()
        cells = self.cells
        cells[row + P_ACCOUNT] = account
        cells[row + P_MARKET] = market
        cells[row + P_LEVERAGE] = leverage
        cells[row + P_FIRST_ORDER] = NIL
        cells[row + P_FIRST_REDUCER] = NIL
        cells[row + P_NEXT_OPEN] = NIL
        cells[row + P_PREV_OPEN] = NIL
        cells[row + P_NEXT] = NIL
        return row


class Accounts:
    """One row per account, which is its number. `cash` is keyed (account, asset): account * assets + asset."""

    def __init__(self, rows: i64, assets: i64) -> None:
        self.assets: i64 = assets
        self.cash: vec[i64] = column(rows * assets, 0)  # [micro] isolated margin not included
        self.kind: vec[i64] = column(rows, 0)
        self.owner: vec[i64] = column(rows, 0)
        self.master: vec[i64] = column(rows, NIL)  # the account that has opened it, NIL: it is no sub-account
        self.subs: vec[i64] = column(rows, 0)  # how many sub-accounts it has
        self.mode: vec[i64] = column(rows, 0)  # what it lets happen in its name
        self.first_position: vec[i64] = column(rows, NIL)
        self.open_orders: vec[i64] = column(rows, 0)
        self.liquidations: vec[i64] = column(rows, 0)  # of its cross positions, that are under way
        self.partial: vec[i64] = column(rows, NIL)  # [ns] when it was last liquidated in part, NIL: never
        self.examined: vec[i64] = column(rows * assets, 0)  # number of the pass that last looked at its cross positions in an asset
        self.fund_spent: vec[i64] = column(rows * assets, 0)  # [micro] by the insurance fund on it, in the window below
        self.fund_window: vec[i64] = column(rows * assets, 0)  # number of that window
        self.rows: i64 = rows
        self.count: i64 = 0

    def new_row(self) -> i64:
        assert self.count < self.rows, "reserve() comes before the command"
        self.count += 1
        return self.count - 1

    def grow(self) -> None:
        add = self.rows
        self.cash = more(self.cash, add * self.assets, 0)
        self.kind = more(self.kind, add, 0)
        self.owner = more(self.owner, add, 0)
        self.master = more(self.master, add, NIL)
        self.subs = more(self.subs, add, 0)
        self.mode = more(self.mode, add, 0)
        self.first_position = more(self.first_position, add, NIL)
        self.open_orders = more(self.open_orders, add, 0)
        self.liquidations = more(self.liquidations, add, 0)
        self.partial = more(self.partial, add, NIL)
        self.examined = more(self.examined, add * self.assets, 0)
        self.fund_spent = more(self.fund_spent, add * self.assets, 0)
        self.fund_window = more(self.fund_window, add * self.assets, 0)
        self.rows = add * 2

    def check_masters(self) -> None:
        """A sub-account is like its master, has none of its own, and is counted."""
        subs: list[int] = [0] * int(self.count)
        account: i64 = 0
        while account < self.count:
            master = self.master[account]
            if master != NIL:
                assert master < account and self.master[master] == NIL, "a sub-account of a sub-account"
                assert self.owner[master] == self.owner[account] and self.kind[master] == self.kind[account], "one of somebody else"
                subs[master] += 1
            account += 1
        assert subs == [int(self.subs[number]) for number in range(int(self.count))], "sub-accounts are not counted"
