"""A faster look at the whole population, for the interpreted core: which accounts may be below maintenance?

Numpy computes over the very memory of the tables, bounding equity from below and the requirement from above; the pass then examines the
few that are left exactly. The compiled core examines everyone, which costs it less than this.
"""

from __future__ import annotations

import numpy as np
from librt.vecs import vec
from mypy_extensions import i64
from numpy.typing import NDArray

from ..money.payoff import lot_value
from ..schema.kinds import ISOLATED
from ..state.state import State
from ..state.tables import (
    P_ACCOUNT,
    P_ACCRUAL,
    P_ENTRY,
    P_ISOLATED_MARGIN,
    P_MARKET,
    P_MODE,
    P_SIZE,
    P_WIDTH,
)
from ..state.types import FIRST_USER, PPM
from .screening import Screen

Ints = NDArray[np.int64]


def view(column: vec[i64], cells: int) -> Ints:
    """The first cells of a column, read-only, without a copy."""
    return np.frombuffer(memoryview(column), dtype=np.int64)[:cells]


class Terms:
    """What the screen needs of the markets, one row each."""

    def __init__(self, state: State) -> None:
        def of(values: list[int]) -> Ints:
            return np.array(values, dtype=np.int64)

        self.asset = of([int(market.asset) for market in state.markets])
        self.lot_value = of([int(lot_value(market, market.mark)) for market in state.markets])
        self.accrual_long = of([int(market.accrual_long) for market in state.markets])
        self.accrual_short = of([int(market.accrual_short) for market in state.markets])
        self.accrual_shift = of([int(market.accrual_shift) for market in state.markets])
        # The highest maintenance rate of any tier [ppm]: deductions only lower the requirement
        self.highest_rate = of([max(int(ppm) for ppm in market.maintenance_ppm) for market in state.markets])


class NumpyScreen(Screen):
    def suspects(self, state: State) -> list[int]:
        terms = Terms(state)
        rows = view(state.positions.cells, int(state.positions.end)).reshape(-1, int(P_WIDTH))
        rows = rows[rows[:, P_SIZE] != 0]
        size, market, account = rows[:, P_SIZE], rows[:, P_MARKET], rows[:, P_ACCOUNT]
        isolated = rows[:, P_MODE] == int(ISOLATED)
        notional = np.abs(size) * terms.lot_value[market]
        profit = np.sign(size) * notional - rows[:, P_ENTRY] - self.owed(terms, rows)
        rate = terms.highest_rate[market]
        required = notional // int(PPM) * rate + rate + 1
        below = set(account[isolated & (profit + rows[:, P_ISOLATED_MARGIN] < required)].tolist())
        cross = ~isolated
        return sorted(below | self.cross(state, account[cross], terms.asset[market[cross]], profit[cross], required[cross]))

    def cross(self, state: State, account: Ints, asset: Ints, profit: Ints, required: Ints) -> set[int]:
        """Accounts whose cash and cross profit in an asset may be less than what their cross positions require."""
        accounts = state.accounts
        assets = int(accounts.assets)
        key = account * assets + asset
        surplus = view(accounts.cash, int(accounts.count) * assets).copy()
        np.add.at(surplus, key, profit - required)
        suspects = np.unique(key[surplus[key] < 0] // assets)
        return set(suspects[suspects >= int(FIRST_USER)].tolist())

    def owed(self, terms: Terms, rows: Ints) -> Ints:
        """What positions owe by their accrual [micro], bounded from above: floats carry it to 2^-50 of itself."""
        size, market = rows[:, P_SIZE], rows[:, P_MARKET]
        delta = np.where(size > 0, terms.accrual_long[market], terms.accrual_short[market]) - rows[:, P_ACCRUAL]
        due = np.abs(size) * delta.astype(np.float64) * 0.5 ** terms.accrual_shift[market]
        bound: Ints = np.ceil(due + np.abs(due) * 1e-12 + 2.0).astype(np.int64)
        return bound
