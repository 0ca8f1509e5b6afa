"""A market maker: a ladder of bids and asks around the outside price, replaced at a steady pace, thinner when prices run.

Rules: quotes are post-only; the ladder's shape is given, its scale is what the account's equity carries at a chosen leverage, less
the inventory already held. How much is withdrawn follows a volatility that rises fast and falls slowly. The ladder is the maker's
appetite: in an auction it takes what it would quote at that edge, at the pace at which it quotes.
"""

from __future__ import annotations

import math

import numpy as np
from msgspec import Struct

from perplab.exchange.units import BP, SECOND_NS

from .appetite import Profile, appetite, resting
from .base import Action, Floats, Quotes, Rows, Seat, View
from .professional import CallTerms, Professional, joined


class Ladder(Struct, frozen=True):
    """The shape of one maker's quotes when calm; arrays of one entry per level, nearest first."""

    offset_bp: Floats  # [bp] from the outside price
    bid: Floats  # [micro]
    ask: Floats  # [micro]


class Withdrawal(Struct, frozen=True):
    """How much is taken back as volatility goes from `calm_bp` to `wild_bp`: nothing at the first, all that is stated at the second."""

    calm_bp: float  # [bp per square root of a second]
    wild_bp: float
    bid: float  # share of the bids that is gone at `wild_bp`
    ask: float
    rise_s: float  # [s] half-life of the estimate that notices a rise
    fall_s: float  # [s] half-life of the one that remembers it


class Alarm:
    """How wild prices are, between calm and wild: the larger of two averages of the squared return, one quick and one slow."""

    def __init__(self, terms: Withdrawal) -> None:
        self.terms = terms
        self._seen = (0, 0.0)  # when, and the price then
        self._fast = self._slow = (terms.calm_bp * BP) ** 2  # [1 / s] variance rates

    def start(self, ts: int, price: float) -> None:
        """The price at first, from which the first return is counted."""
        self._seen = (ts, price)

    def watch(self, ts: int, price: float) -> None:
        """The price at a later `ts`."""
        before, last = self._seen
        seconds = (ts - before) / SECOND_NS
        rate = math.log(price / last) ** 2 / seconds
        self._fast += (rate - self._fast) * (1.0 - 0.5 ** (seconds / self.terms.rise_s))
        self._slow += (rate - self._slow) * (1.0 - 0.5 ** (seconds / self.terms.fall_s))
        self._seen = (ts, price)

    def level(self) -> float:
        """From 0, calm, to 1, wild."""
        volatility_bp = math.sqrt(max(self._fast, self._slow)) / BP
        return min(1.0, max(0.0, (volatility_bp - self.terms.calm_bp) / (self.terms.wild_bp - self.terms.calm_bp)))


class MakerTerms(Struct, frozen=True):
    ladder: Ladder
    withdrawal: Withdrawal
    interval_ns: int  # between quotes
    phase_ns: int  # of its second quote, so that several makers take turns; the first is at the start
    leverage: float  # largest notional of a side, inventory included, over equity
    skew_bp: float  # [bp] quotes shift by this much against a full inventory
    one_by_one: bool = False  # old quotes are cancelled one by one: see Quotes
    auctions: bool = False  # whether the venue auctions liquidated accounts
    answer_ns: int = 0  # until it has heard of what it sent
    calls: CallTerms | None = None  # how it meets margin calls; None: it is never refilled


class MarketMaker(Professional):
    """Quotes around the outside price it hears of; where accounts are auctioned it bids what it would quote, and quotes the rest."""

    def __init__(self, seat: Seat, terms: MakerTerms) -> None:
        super().__init__(seat, terms.leverage, terms.answer_ns, terms.calls)
        self.terms = terms
        self.sees_offers = terms.auctions
        shape, fear = terms.ladder, terms.withdrawal
        everywhere = np.ones(shape.offset_bp.size)
        self._profile = Profile(
            shape.offset_bp, shape.bid, shape.ask, everywhere, terms.skew_bp, fewer_bids=fear.bid, fewer_asks=fear.ask
        )
        self._quotes = Quotes(seat, terms.one_by_one)
        self._alarm = Alarm(fear)

    def on_start(self, ts: int, view: View) -> Action:
        self._alarm.start(ts, view.outside)
        return self._look(ts, view), ts + self.terms.phase_ns

    def on_wake(self, ts: int, view: View) -> Action:
        self._alarm.watch(ts, view.outside)
        return self._look(ts, view), ts + self.terms.interval_ns

    def stress(self) -> float:
        """How far the withdrawal has gone, from 0 to 1."""
        return self._alarm.level()

    def _look(self, ts: int, view: View) -> Rows:
        """All quotes anew, around the outside price leant against the inventory, less what it bids for."""
        paid_in = self.margin(ts, view)
        bids, left = self.bid(ts, view, appetite(self._profile, self.standing(ts, view, self.stress())))
        return joined(paid_in, self._quotes.replaced_by(resting(self.seat, left)), bids)


def ladder(levels: int, nearest_bp: float, depth_bp: Floats, bid: Floats, ask: Floats) -> Ladder:
    """A ladder of `levels` prices, evenly spaced in the logarithm from `nearest_bp` to nearly the end of a measured depth profile.

    `bid`, `ask`: cumulative depth within `depth_bp` of the middle [micro], each shape (k,) and rising. Between the measured points
    depth is a power of the distance. A level rests what lies between two edges, half way to its neighbours, and stands between them: so
    the depth within a measured distance stays what it is when prices move a little.
    """
    step = (depth_bp[-1] / nearest_bp) ** (1.0 / (levels - 0.5))
    offsets = nearest_bp * step ** np.arange(levels)
    edges = offsets * math.sqrt(step)
    return Ladder(offsets, _levels(edges, depth_bp, bid), _levels(edges, depth_bp, ask))


def _levels(offsets: Floats, depth_bp: Floats, cumulative: Floats) -> Floats:
    """Depth that each level adds, by interpolation in log-log; below the first measured point its first slope goes on."""
    x, y = np.log(depth_bp), np.log(cumulative)
    slope = (y[1] - y[0]) / (x[1] - x[0])
    at = np.log(offsets)
    depth = np.exp(np.where(at < x[0], y[0] + (at - x[0]) * slope, np.interp(at, x, y)))
    added: Floats = np.diff(depth, prepend=0.0)
    return added
