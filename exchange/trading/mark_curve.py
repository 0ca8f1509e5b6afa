"""Marks by the curve: the middle of the curve's quotes, a time-weighted average of it, Curie's median of three. All round down to a tick.

Until the curve has a price, the mark is the oracle's; in a halt it is, too, since nothing can be traded with the curve then. Averages are
looked at on the mark's own cadence, and a look stands for no longer than that: nobody can move them far by one trade before a late oracle
price, or after a halt. Nothing is averaged against a stale oracle.
"""

from __future__ import annotations

from mypy_extensions import i64

from ..state.market import Market
from ..state.state import State
from ..state.types import clamp_i64, min_i64
from .access import is_halted, is_sampled
from .book import Book
from .curve_view import curve_middle
from .mark import MarkRule, median3
from .twap import FINE, averaged_price, twap_next


class CurveMark(MarkRule):
    """The middle of the curve's quotes."""

    def price(self, state: State, book: Book, market: Market) -> i64:
        middle: i64 = 0
        if not is_halted(market.status):
            middle = curve_middle(state, book, market)
        return middle if middle != 0 else market.oracle


class CurveTwapMark(MarkRule):
    """A time-weighted average of the middle of the curve's quotes (Perpetual Protocol v1: 15 minutes)."""

    def __init__(self, window: i64, cadence: i64) -> None:
        self.window: i64 = window  # [ns]
        self.cadence: i64 = cadence  # [ns]

    def price(self, state: State, book: Book, market: Market) -> i64:
        kept = market.averages
        middle = curve_middle(state, book, market)
        elapsed = min_i64(state.now - market.mark_ts, self.cadence)
        if middle != 0 and is_sampled(market, state.now):
            kept.curve_short = averaged_price(kept.curve_short, middle, elapsed, self.window)
        if kept.curve_short == 0 or is_halted(market.status):
            return market.oracle
        return kept.curve_short >> FINE


class CurveMedianMark(MarkRule):
    """The median of a short and a long average of the curve's price, and the oracle price plus an average of the curve's premium over it.

    Source: Perpetual Protocol v2 (Curie): 15 s, 30 min, 15 min.
    """

    def __init__(self, short: i64, long: i64, premium: i64, cadence: i64) -> None:
        self.short: i64 = short  # [ns]
        self.long: i64 = long  # [ns]
        self.premium: i64 = premium  # [ns]
        self.cadence: i64 = cadence  # [ns]

    def price(self, state: State, book: Book, market: Market) -> i64:
        kept = market.averages
        middle = curve_middle(state, book, market)
        if middle != 0 and is_sampled(market, state.now):
            self.look(market, middle, min_i64(state.now - market.mark_ts, self.cadence))
        if kept.curve_short == 0 or is_halted(market.status):
            return market.oracle
        third = clamp_i64(market.oracle + (kept.curve_premium >> FINE), 1, market.max_price)
        return median3(kept.curve_short >> FINE, kept.curve_long >> FINE, third)

    def look(self, market: Market, middle: i64, elapsed: i64) -> None:
        kept = market.averages
        above = (middle - market.oracle) << FINE  # < 2^56
        if kept.curve_short == 0:
            kept.curve_premium = above
        else:
            kept.curve_premium = twap_next(int(kept.curve_premium), int(above), int(elapsed), int(self.premium))
        kept.curve_short = averaged_price(kept.curve_short, middle, elapsed, self.short)
        kept.curve_long = averaged_price(kept.curve_long, middle, elapsed, self.long)
