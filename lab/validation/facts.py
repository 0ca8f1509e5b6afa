"""Stylised facts of order flow and prices, with wide tolerances (Cont 2001, Quant. Finance 1, 223-236; values of a Binance feed of
2024-08-08 beside them), and the price impact of large liquidations.

Rules of the file: an order of a taker is all of its fills. Returns are of the middle of best bid and ask, second by second.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from msgspec import Struct

from perplab.exchange.events import OrderCancelled, Traded
from perplab.exchange.messages import FIRST_USER, Side
from perplab.exchange.units import BP_PER_ONE, MICRO, SECOND_NS

from ..metrics.rows import Log
from ..runs import Floats, Ints, Run

MEMORY: Final = 10  # lags up to which signs must remember
MOST: Final = float("inf")


class Fact(Struct, frozen=True):
    name: str
    low: float  # within these the fact is there
    high: float
    feed: str  # the measured value, where there is one
    value: float | None

    @property
    def is_met(self) -> bool:
        return self.value is not None and self.low < self.value < self.high


def facts(run: Run) -> list[Fact]:
    """All of them for a run in a venue with a book."""
    log = Log(run)
    returns = returns_of(run)
    ts, signs = orders_of(log)
    memory = [autocorrelation(signs, lag) for lag in range(1, MEMORY + 1)]
    fills, cancels = len(log[Traded]), len(log[OrderCancelled])
    spread = (run.book.ask_usd - run.book.bid_usd) / run.terms.tick
    return [
        Fact("fat tails: kurtosis of 1 s returns > 5", 5.0, MOST, "25", kurtosis(returns)),
        Fact("order-sign memory: autocorrelation at lag 1 in 0.1-0.6", 0.1, 0.6, "0.20", memory[0]),
        Fact("... positive to lag 10, the least of them", 0.0, 1.0, "0.10", least(memory)),
        Fact("clustering: Fano factor of taker orders in 1 s > 3", 3.0, MOST, "25", fano(ts, run.start_ts, run.end_ts)),
        Fact("volatility clustering: autocorrelation of |returns| > 0", 0.0, 1.0, "-", least([autocorrelation(np.abs(returns), 1)])),
        Fact("tight spread: one tick > 80 % of the time", 0.8, 1.01, "0.94", share(spread < 1.5, ~np.isnan(spread))),
        Fact("cancel-dominated: cancels over fills > 20", 20.0, MOST, "9.5", cancels / fills if fills else None),
    ]


def returns_of(run: Run) -> Floats:
    middle = (run.book.bid_usd + run.book.ask_usd) / 2
    found: Floats = np.diff(np.log(middle[~np.isnan(middle)]))
    return found


def orders_of(log: Log) -> tuple[Ints, Ints]:
    """Time and side (1 buys, -1 sells) of each order of a taker that is no liquidation, in their order."""
    rows = log[Traded]
    rows = rows.where((rows["liquidation"] == 0) & (rows["ts"] >= log.run.start_ts))
    _, first = np.unique(rows["taker_order_id"], return_index=True)
    first.sort()
    return rows["ts"][first], np.where(rows["taker_side"][first] == Side.BUY, 1, -1)


def kurtosis(values: Floats) -> float | None:
    """Fourth moment over the squared second: 3 for normal ones."""
    spread = values - values.mean() if len(values) else values
    second = float((spread**2).mean()) if len(values) else 0.0
    return float((spread**4).mean()) / second**2 if second > 0.0 else None


def autocorrelation(values: Floats | Ints, lag: int) -> float | None:
    if len(values) <= lag + 1:
        return None
    spread = values - values.mean()
    second = float((spread * spread).sum())
    return float((spread[lag:] * spread[:-lag]).sum()) / second if second > 0.0 else None


def fano(ts: Ints, start: int, end: int) -> float | None:
    """Variance over mean of the number in each second: 1 if they come independently."""
    seconds = (end - start) // SECOND_NS
    if seconds < 2 or not len(ts):
        return None
    counts = np.bincount((ts - start) // SECOND_NS, minlength=seconds)[:seconds]
    return float(counts.var() / counts.mean()) if counts.sum() else None


def least(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return min(known) if known and len(known) == len(values) else None


def share(hit: np.ndarray[tuple[int], np.dtype[np.bool_]], there: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> float | None:
    return float((hit & there).sum() / there.sum()) if there.any() else None


# -- impact --

EXPONENT, WITHIN = 0.5, 0.15  # a square root, and the error that is allowed
BINS: Final = 10
LEAST_USD: Final = 100_000.0  # large: from here on
LEAST_ORDERS: Final = 50


def impacts(run: Run) -> list[tuple[float, float]]:
    """Size [USD] and impact [bp] of each large liquidation order: from its first fill's price, the best there was, to its last."""
    log = Log(run)
    rows = log[Traded]
    rows = rows.where((rows["liquidation"] == 1) & (rows["taker"] >= FIRST_USER))
    if not len(rows):
        return []
    new = (rows["taker"][1:] != rows["taker"][:-1]) | (rows["ts"][1:] != rows["ts"][:-1])
    starts = np.flatnonzero(np.append(True, new))
    ends = np.append(starts[1:], len(rows)) - 1
    usd = np.add.reduceat(rows["price"] * rows["size"], starts) * run.terms.unit / MICRO
    moved = np.abs(rows["price"][ends] / rows["price"][starts] - 1.0) * BP_PER_ONE
    large = usd >= LEAST_USD
    return list(zip(usd[large].tolist(), moved[large].tolist(), strict=True))


def exponent(orders: Sequence[tuple[float, float]]) -> float | None:
    """Slope of log(mean impact) over log(mean size), in ten bins of equally many orders, so that orders without impact count too.
    None: too few orders, or a bin without impact."""
    if len(orders) < LEAST_ORDERS:
        return None
    sizes, moved = np.array(sorted(orders)).T
    bins = np.array_split(np.arange(len(sizes)), BINS)
    x, y = (np.array([column[each].mean() for each in bins]) for column in (sizes, moved))
    if (y <= 0.0).any():
        return None
    x, y = np.log(x), np.log(y)
    return float(((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum())
