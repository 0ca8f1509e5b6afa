"""Ranks of auto-deleveraging: in which order winners are closed. A rank is told one winner at a time, and gives it a score."""

from __future__ import annotations

from typing import Final

from mypy_extensions import mypyc_attr

from ..state.hashing import hash64

ONE: Final[int] = 1_000_000  # scores are in ppm, of Python integers: nothing wraps


class Winner:
    """What a rank is told of a winner's position and of the account behind it. All are Python integers: products do not wrap."""

    def __init__(
        self, market: int, is_long: bool, lots: int, notional: int, entry: int, opened: int, account: int, equity: int, seed: int, now: int
    ) -> None:
        self.market: int = market  # number
        self.is_long: bool = is_long
        self.lots: int = lots  # > 0
        self.notional: int = notional  # [micro] at the mark, > 0
        self.entry: int = entry  # [micro] entry notional, > 0
        self.opened: int = opened  # [ns] when it was opened; adding to it does not count
        self.account: int = account  # number
        self.equity: int = equity  # [micro] behind the position, > 0
        self.seed: int = seed  # of the design
        self.now: int = now  # [ns] the venue's time


@mypyc_attr(allow_interpreted_subclasses=True)
class AdlRank:
    """The order in which winners are closed: highest score first, ties by account number. The base gives all the same."""

    def score(self, winner: Winner) -> int:
        return 0


def relative_profit(profit: int, entry: int, one: int) -> int:
    """Profit by what the position cost, in 1 / one, rounded down."""
    return profit * one // entry


def leverage_of(notional: int, equity: int, one: int) -> int:
    """Notional by the equity behind it, in 1 / one, at least 1."""
    return max(1, notional * one // equity)


class ProfitLeverage(AdlRank):
    """Profit x leverage, in ppm^2. The profit is relative to the entry.

    A loss is divided by the leverage instead (BitMEX), so that all losers come after all winners.
    """

    def score(self, winner: Winner) -> int:
        profit = winner.notional - winner.entry if winner.is_long else winner.entry - winner.notional
        leverage = leverage_of(winner.notional, winner.equity, ONE)
        relative = relative_profit(profit, winner.entry, ONE)
        return relative * leverage if profit >= 0 else relative * ONE * ONE // leverage


class HyperliquidIndex(AdlRank):
    """(mark / entry) x (notional / account value), entry / mark for shorts: their profit must raise the index."""

    def score(self, winner: Winner) -> int:
        gain = winner.notional * ONE // winner.entry if winner.is_long else winner.entry * ONE // winner.notional
        return gain * winner.notional * ONE // winner.equity


class RandomRank(AdlRank):
    """A new order in every pass, out of a hash of the design's seed, the time, the market and the account (after dYdX)."""

    def score(self, winner: Winner) -> int:
        return hash64(winner.seed, winner.now, winner.market, winner.account)


class FirstOpened(AdlRank):
    """Who has held a position for longest goes first."""

    def score(self, winner: Winner) -> int:
        return -winner.opened
