"""Stylised facts of order flow and prices, with wide tolerances (Cont 2001, Quant. Finance 1, 223-236; values of a Binance feed of
2024-08-08 beside them).

Rules of the file: an order of a taker is all of its fills. Returns are of the middle of best bid and ask, second by second. What is put
into the flow (signs, clusters, sizes: `lab/flow.py`) is looked at where it comes out, behind venue and book.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Final

import numpy as np
from msgspec import Struct

from perplab.exchange.events import OrderCancelled, Traded
from perplab.exchange.messages import Side
from perplab.exchange.units import SECOND_NS

from ..metrics.rows import Log
from ..runs import Floats, Ints, Run

MEMORY: Final = 10  # lags up to which signs must remember
LONGER: Final = 10  # [s] of the returns that are nearer to normal
TAIL: Final = 0.02  # of the orders, the largest
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


def middle(found: Sequence[Fact]) -> float | None:
    """The median of one fact over the seeds, of those that show it."""
    known = [one.value for one in found if one.value is not None]
    return median(known) if known else None


def is_met(found: Sequence[Fact]) -> bool:
    """One fact over the seeds: the median lies within, and most seeds do, as with targets."""
    value = middle(found)
    return value is not None and found[0].low < value < found[0].high and 2 * sum(one.is_met for one in found) > len(found)


def facts(run: Run) -> list[Fact]:
    """All of them for a run in a venue with a book."""
    log = Log(run)
    returns = returns_of(run)
    ts, signs, lots = orders_of(log)
    memory = [autocorrelation(signs, lag) for lag in range(1, MEMORY + 1)]
    cancels = len(log[OrderCancelled])
    spread = (run.book.ask_usd - run.book.bid_usd) / run.terms.tick
    return [
        Fact("fat tails: kurtosis of 1 s returns > 5", 5.0, MOST, "25", kurtosis(returns)),
        Fact("order-sign memory: autocorrelation at lag 1 in 0.1-0.6", 0.1, 0.6, "0.20", memory[0]),
        Fact("... positive to lag 10, the least of them", 0.0, 1.0, "0.10", least(memory)),
        Fact("clustering: Fano factor of taker orders in 1 s > 3", 3.0, MOST, "25", fano(ts, run.start_ts, run.end_ts)),
        Fact("volatility clustering: autocorrelation of |returns| > 0", 0.0, 1.0, "0.05", least([autocorrelation(np.abs(returns), 1)])),
        Fact("no memory of returns: autocorrelation at lag 1 within 0.2", -0.2, 0.2, "-0.08", autocorrelation(returns, 1)),
        Fact("aggregational Gaussianity: kurtosis of 10 s over 1 s < 1", 0.0, 1.0, "0.19", thinned(returns)),
        Fact("activity follows volatility: correlation in 1 s > 0.1", 0.1, 1.0, "0.67", activity(run, ts)),
        Fact("heavy tail of sizes: Hill exponent of the top 2 % in 0.8-2.5", 0.8, 2.5, "1.11", hill(lots)),
        Fact("tight spread: one tick > 80 % of the time", 0.8, 1.01, "0.94", share(spread < 1.5, ~np.isnan(spread))),
        Fact("cancel-dominated: cancels over taker orders > 20", 20.0, MOST, "37", cancels / len(ts) if len(ts) else None),
    ]


def returns_of(run: Run) -> Floats:
    """Where both sides have quotes: from one such second to the next."""
    price = (run.book.bid_usd + run.book.ask_usd) / 2
    found: Floats = np.diff(np.log(price[~np.isnan(price)]))
    return found


def returns_all(run: Run) -> Floats:
    """From each second to the next, NaN where one of them has an empty side."""
    found: Floats = np.diff(np.log((run.book.bid_usd + run.book.ask_usd) / 2))
    return found


def orders_of(log: Log) -> tuple[Ints, Ints, Ints]:
    """Time, side (1 buys, -1 sells) and lots of each order of a taker that is no liquidation, in their order."""
    rows = log[Traded]
    rows = rows.where((rows["liquidation"] == 0) & (rows["ts"] >= log.run.start_ts))
    _, first, order = np.unique(rows["taker_order_id"], return_index=True, return_inverse=True)
    lots = np.bincount(order, weights=rows["size"]).astype(np.int64)
    by_time = np.argsort(first)
    first = first[by_time]
    return rows["ts"][first], np.where(rows["taker_side"][first] == Side.BUY, 1, -1), lots[by_time]


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


def thinned(returns: Floats) -> float | None:
    """Kurtosis of returns of ten seconds over that of one second."""
    whole = len(returns) // LONGER * LONGER
    longer, one = kurtosis(returns[:whole].reshape(-1, LONGER).sum(axis=1)), kurtosis(returns)
    return longer / one if longer and one else None


def activity(run: Run, ts: Ints) -> float | None:
    """Correlation of the number of orders in a second and the size of its return."""
    moved, ordered = np.abs(returns_all(run)), np.searchsorted(np.sort(ts), run.book.ts)
    there = ~np.isnan(moved)
    counts = np.diff(ordered)[there]
    if there.sum() < 2 or not counts.any() or not moved[there].any():
        return None
    return float(np.corrcoef(counts, moved[there])[0, 1])


def hill(sizes: Ints) -> float | None:
    """Exponent of the tail of the largest 2 % (at least ten), by B. Hill's estimator (Annals of Statistics 3, 1975)."""
    count = max(10, int(len(sizes) * TAIL))
    if len(sizes) <= count:
        return None
    top = np.sort(sizes)[-count - 1 :]
    mean = float(np.log(top[1:] / top[0]).mean())
    return 1.0 / mean if mean > 0.0 else None


def least(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return min(known) if known and len(known) == len(values) else None


def share(hit: np.ndarray[tuple[int], np.dtype[np.bool_]], there: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> float | None:
    return float((hit & there).sum() / there.sum()) if there.any() else None
