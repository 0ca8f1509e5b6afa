"""What a run writes down as it goes: all event rows, and book and curve at times.

Rules: recording reads the venue and changes nothing.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from perplab.clients.bots.base import Rows
from perplab.exchange import Exchange
from perplab.exchange.messages import ROW, Side
from perplab.exchange.units import BP_PER_ONE, MICRO
from perplab.lab.opening import Terms
from perplab.lab.runs import MARKET, BookSamples, Floats

NEAR: Final = 0.01  # depth counts within this share of the true price
NAN: Final = float("nan")


class Recorder:
    """Grows with the run; `events()` and `book()` give its content at the end."""

    def __init__(self, exchange: Exchange, terms: Terms, sizes_usd: tuple[float, float, float]) -> None:
        self.exchange = exchange
        self.terms = terms
        self.sizes_usd = sizes_usd
        self.has_curve = exchange.pool(MARKET) is not None
        self._events: list[Rows] = []
        self._ts: list[int] = []
        self._prices: list[tuple[float, ...]] = []
        self._effective: list[list[tuple[float, float]]] = []

    def add(self, events: Rows) -> None:
        self._events.append(events)

    def sample(self, ts: int, true_usd: float) -> None:
        """Write down prices, depth and the cost of the three sizes, as the venue is now."""
        exchange, tick = self.exchange, self.terms.tick_usd
        prices = (exchange.mark_price(MARKET), exchange.last_price(MARKET), exchange.best_bid(MARKET), exchange.best_ask(MARKET))
        true = true_usd / tick
        bids = self._depth(Side.BUY, int(np.ceil(true * (1.0 - NEAR))))
        asks = self._depth(Side.SELL, int(np.floor(true * (1.0 + NEAR))))
        self._ts.append(ts)
        self._prices.append((true_usd, *(price * tick if price else NAN for price in prices), bids, asks))
        self._effective.append([self._effective_bp(size, true) for size in self.sizes_usd])

    def _depth(self, side: Side, limit: int) -> float:
        """What rests on a side of the book at `limit` or better, and what the curve would trade there. [USD]"""
        value = self.exchange.lots_within(MARKET, side, limit)[1]
        if self.has_curve:
            value += self.exchange.curve_within(MARKET, 1 - side, limit)[1]
        return value / MICRO

    def _effective_bp(self, size_usd: float, true: float) -> tuple[float, float]:
        """Average price of buying and of selling `size_usd` against the true price [ticks], signed; NaN if the book is too thin. [bp]"""
        lots = max(1, round(size_usd * MICRO / (true * self.terms.unit)))
        return self._average_bp(Side.BUY, lots, true), self._average_bp(Side.SELL, lots, true)

    def _average_bp(self, side: int, lots: int, true: float) -> float:
        filled, value = self.exchange.sweep(MARKET, side, lots)
        return (value / (filled * self.terms.unit) / true - 1.0) * BP_PER_ONE if filled == lots else NAN

    def events(self) -> Rows:
        """All event rows so far, shape (n, 16)."""
        return np.concatenate(self._events) if self._events else np.zeros((0, ROW), dtype=np.int64)

    def book(self) -> BookSamples:
        columns: Floats = np.array(self._prices, dtype=np.float64).reshape(-1, 7)
        true, mark, last, bid, ask, bids, asks = columns.T
        effective = np.array(self._effective, dtype=np.float64).reshape(-1, len(self.sizes_usd), 2)
        ts = np.array(self._ts, dtype=np.int64)
        return BookSamples(ts, true, mark, last, bid, ask, bids, asks, self.sizes_usd, effective)
