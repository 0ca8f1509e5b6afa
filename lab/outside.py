"""The outside world during a run: its price, and how what is traded on the venue moves it where the scenario says so.

Rules: what counts is what takers trade with the book or the curve, liquidation orders included: whoever takes the other side passes it on
outside. Takeovers and auctions count when the vault or the bidder trades what it took. Auto-deleveraging trades nothing outside, but a
hedger who loses a short still has the coins that it covered, and sells a share of them (`impact.hedge_unwind`). The price that is moved is
that of everybody outside: the sources of the oracle, the agents, and the limits of the noise orders.
"""

from __future__ import annotations

from math import exp
from typing import Final

import numpy as np

from perplab.exchange.events import EVENT_OF, CurveTraded, Deleveraged, Traded
from perplab.exchange.messages import KIND_COLUMN, Place, Side, UpdateOracle, column_of
from perplab.exchange.units import MICRO, SECOND_NS
from perplab.lab.opening import Terms
from perplab.lab.runs import Floats, Ints
from perplab.lab.scenario import Impact
from perplab.oracle.impact import Propagator
from perplab.oracle.paths import PricePath

MOVED: Final = (  # what of the exogenous commands follows the true price
    (UpdateOracle.KIND, [column_of(UpdateOracle, name) for name in ("price", "perp_median")]),
    (Place.KIND, [column_of(Place, "price")]),
)

COUNTED: Final = np.isin(np.arange(max(EVENT_OF) + 1), [Traded.KIND, CurveTraded.KIND, Deleveraged.KIND])  # by kind
TRADE_SIDE, TRADE_PRICE, TRADE_SIZE = (column_of(Traded, name) for name in ("taker_side", "price", "size"))
SWAP_SIDE, SWAP_VALUE = (column_of(CurveTraded, name) for name in ("side", "value"))
LOST_WINNER, LOST_SIZE, LOST_MARK = (column_of(Deleveraged, name) for name in ("winner", "size", "mark"))


class TruePrice:
    """The price of everybody outside, moved once a second by what was traded in it, wherever that was."""

    def __init__(self, path: PricePath, impact: Impact) -> None:
        self.path = path
        self.moves = impact.y > 0.0
        self.factor = 1.0  # on the path's price
        self.bought = 0  # [micro] by takers, less sold, since the last second; whole numbers, as the cuts between calls must not show
        self.unhedged = 0  # [micro] of shorts that hedgers have lost since then
        self._hedge_unwind = impact.hedge_unwind
        self._factors: list[float] = []  # one per second
        self._propagator = _propagator(impact) if impact.y else None

    def second(self) -> None:
        """A second is over: what was traded in it moves the price."""
        self._factors.append(self.factor)
        if self._propagator is not None:
            usd = (self.bought - self._hedge_unwind * self.unhedged) / MICRO
            self.factor = exp(self._propagator.step(usd))
            self.bought = self.unhedged = 0

    def prices(self) -> Floats:
        """The true price on the path's own grid, impact included. [USD]"""
        prices = self.path.prices
        if self._propagator is None:
            return prices
        seconds = np.arange(prices.size) * self.path.step_ns // SECOND_NS  # a point holds until the next one: the new second's
        factors = np.array([*self._factors, self.factor])
        moved: Floats = prices * factors[np.clip(seconds, 0, factors.size - 1)]
        return moved


class Outside:
    """The true price as one venue's market meets it: in its ticks, and moved by what is traded there."""

    def __init__(self, path: PricePath, impact: Impact, terms: Terms, hedgers: Ints, true: TruePrice | None = None) -> None:
        """`true`: the price that it shares with other venues; without, one of its own."""
        self.path = path
        self.true = true or TruePrice(path, impact)
        self.unit = terms.unit
        self.hedgers = hedgers  # account numbers
        self._ticks = (path.prices / terms.tick_usd).tolist()

    def price(self, ts: int) -> float:
        """The true price at `ts` [ticks]."""
        step = (ts - self.path.start_ns) // self.path.step_ns
        return float(self._ticks[min(max(step, 0), len(self._ticks) - 1)]) * self.true.factor

    def heed(self, events: Ints) -> None:
        """Count what takers traded, of packed event rows."""
        if self.true.moves:
            self._count(events)

    def second(self) -> None:
        """A second is over: what was traded in it moves the price."""
        self.true.second()

    def moved(self, rows: Ints) -> Ints:
        """Exogenous commands as they come once the price has been moved."""
        factor = self.true.factor
        if factor == 1.0:
            return rows
        rows = rows.copy()
        for kind, columns in MOVED:
            mine = rows[:, KIND_COLUMN] == kind
            for column in columns:
                rows[mine, column] = np.rint(rows[mine, column] * factor).astype(np.int64)
        return rows

    def prices(self) -> Floats:
        """The true price on the path's own grid, impact included. [USD]"""
        return self.true.prices()

    def _count(self, events: Ints) -> None:
        kinds = events[:, KIND_COLUMN]
        if not COUNTED[kinds].any():
            return
        book, curve, lost = (events[kinds == event.KIND] for event in (Traded, CurveTraded, Deleveraged))
        bought = _sign(book, TRADE_SIDE) * book[:, TRADE_PRICE] * book[:, TRADE_SIZE]
        swapped = _sign(curve, SWAP_SIDE) * curve[:, SWAP_VALUE]
        lost = lost[np.isin(lost[:, LOST_WINNER], self.hedgers)]
        self.true.bought += self.unit * int(bought.sum()) + int(swapped.sum())
        self.true.unhedged += self.unit * int((lost[:, LOST_SIZE] * lost[:, LOST_MARK]).sum())


def _sign(rows: Ints, column: int) -> Ints:
    """1 for those who buy, -1 for those who sell, by the column of their Side."""
    sign: Ints = np.where(rows[:, column] == Side.BUY, 1, -1)
    return sign


def _propagator(impact: Impact) -> Propagator:
    shortest, longest = impact.decay_s
    return Propagator(impact.y, impact.daily_volatility, impact.daily_volume_usd, impact.permanent, shortest, longest)
