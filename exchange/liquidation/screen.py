"""A faster look at the whole population, for the interpreted core: which accounts may be below maintenance?

Numpy computes over the very memory of the tables, bounding equity from below and the requirement from above; the pass then examines the
few that are left exactly. The compiled core examines everyone, which costs it less than this.
"""

from __future__ import annotations

import numpy as np
from librt.vecs import vec
from mypy_extensions import i64
from numpy.typing import NDArray

from ..state.liquidations import Screen
from ..state.tables import State
from ..state.types import FIRST_USER, ISOLATED, MAX_TIERS, PPM

Ints = NDArray[np.int64]


def view(column: vec[i64], rows: int) -> Ints:
    """The first rows of a column, read-only, without a copy."""
    return np.frombuffer(memoryview(column), dtype=np.int64)[:rows]


class NumpyScreen(Screen):
    def suspects(self, state: State) -> list[int]:
        positions = state.positions
        rows = int(positions.count)
        size = view(positions.size, rows)
        open_rows = np.flatnonzero(size)
        size = size[open_rows]
        market = view(positions.market, rows)[open_rows]
        account = view(positions.account, rows)[open_rows]
        isolated = view(positions.mode, rows)[open_rows] == int(ISOLATED)
        notional = np.abs(size) * self.lot_value(state)[market]
        profit = np.sign(size) * notional - view(positions.entry_notional, rows)[open_rows] - self.owed(state, open_rows, size, market)
        required = notional // int(PPM) * self.highest_rate(state)[market] + self.highest_rate(state)[market] + 1
        margin = view(positions.isolated_margin, rows)[open_rows]
        below = set(account[isolated & (profit + margin < required)].tolist())
        cross = ~isolated
        return sorted(below | self.cross(state, account[cross], market[cross], profit[cross], required[cross]))

    def cross(self, state: State, account: Ints, market: Ints, profit: Ints, required: Ints) -> set[int]:
        """Accounts whose cash and cross profit in an asset may be less than what their cross positions require."""
        accounts = state.accounts
        assets = int(accounts.assets)
        key = account * assets + view(state.markets.asset, int(state.markets.count))[market]
        surplus = view(accounts.cash, int(accounts.count) * assets).copy()
        np.add.at(surplus, key, profit - required)
        suspects = np.unique(key[surplus[key] < 0] // assets)
        return set(suspects[suspects >= int(FIRST_USER)].tolist())

    def lot_value(self, state: State) -> Ints:
        """Of one lot at the mark, per market [micro]."""
        count = int(state.markets.count)
        value: Ints = view(state.markets.mark, count) * view(state.markets.unit, count)
        return value

    def highest_rate(self, state: State) -> Ints:
        """The highest maintenance rate of any tier, per market [ppm]: deductions only lower the requirement."""
        rates: Ints = view(state.markets.maintenance_ppm, int(state.markets.count * MAX_TIERS)).reshape(-1, int(MAX_TIERS)).max(axis=1)
        return rates

    def owed(self, state: State, rows: Ints, size: Ints, market: Ints) -> Ints:
        """What positions owe by their index [micro], bounded from above: floats carry it to 2^-50 of itself."""
        count = int(state.markets.count)
        longs, shorts = view(state.markets.index_long, count), view(state.markets.index_short, count)
        delta = np.where(size > 0, longs[market], shorts[market]) - view(state.positions.index, int(state.positions.count))[rows]
        due = np.abs(size) * delta.astype(np.float64) * 0.5 ** view(state.markets.index_shift, count)[market]
        bound: Ints = np.ceil(due + np.abs(due) * 1e-12 + 2.0).astype(np.int64)
        return bound

