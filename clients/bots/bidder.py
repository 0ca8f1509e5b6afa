"""A buyer with patience: takes over what liquidations leave, for an edge that grows with how much it already holds and with volatility.

Rules: one schedule of (edge, share of what its capital carries) serves everywhere. It rests in the book, on both sides, as much as it
shows at a time; where the venue auctions liquidated accounts it bids for what the schedule still wants at the edge of the moment, and
rests the rest. It hedges outside what it took and works it off in the book bit by bit; what it has sold it can take again.
"""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
from msgspec import Struct

from perplab.exchange.messages import AuctionStarted, Event, Place, Side, TimeInForce
from perplab.exchange.units import BP

from .appetite import Profile, appetite, resting
from .base import NOTHING, Action, Floats, Quotes, Rows, Seat, View, pack
from .market_maker import Alarm, Withdrawal
from .professional import CallTerms, Professional, joined

WHOLE = 1e18  # [micro] more than any capacity: shows all it has


class BidderTerms(Struct, frozen=True):
    interval_ns: int  # between looks
    phase_ns: int  # of the first look
    reaction_ns: int  # from hearing of an auction to a bid
    edge_bp: Floats  # [bp] over the outside price when calm, rising, shape (k,)
    share: Floats  # of the capacity that is for each edge, shape (k,), sum 1
    leverage: float  # capacity over equity
    unwind_share: float  # of what it holds, offered in the book at each look
    unwind_bp: float  # from the outside price, at worst
    auctions: bool  # whether the venue has auctions
    book: bool = True  # whether orders can rest there
    one_by_one: bool = False  # old quotes are cancelled one by one: see Quotes
    clip: float = WHOLE  # [micro] most that it adds on a side at one look, spread over the edges like the capacity
    widen: float = 1.0  # what edges are multiplied with when prices are wild
    fear: Withdrawal | None = None  # how it tells calm from wild; None: it does not
    answer_ns: int = 0  # until it has heard of what it sent
    calls: CallTerms | None = None  # how it meets margin calls; None: it is never refilled


class Bidder(Professional):
    """Rests its schedule in the book, and meets auctions with it where there are any; with neither, it has nothing to do."""

    hears: ClassVar[frozenset[int]] = frozenset({AuctionStarted.KIND})

    def __init__(self, seat: Seat, terms: BidderTerms) -> None:
        super().__init__(seat, terms.leverage, terms.answer_ns, terms.calls)
        self.terms = terms
        self.sees_offers = terms.auctions
        shown = terms.share * terms.clip
        self._profile = Profile(terms.edge_bp, shown, shown, np.cumsum(terms.share), widen=terms.widen)
        self._quotes = Quotes(seat, terms.one_by_one)
        self._alarm = Alarm(terms.fear) if terms.fear else None

    def on_start(self, ts: int, view: View) -> Action:
        if self._alarm:
            self._alarm.start(ts, view.outside)
        return NOTHING, ts + self.terms.phase_ns

    def on_event(self, ts: int, event: Event) -> Action:
        return NOTHING, ts + self.terms.reaction_ns

    def on_wake(self, ts: int, view: View) -> Action:
        if self._alarm:
            self._alarm.watch(ts, view.outside)
        paid_in = self.margin(ts, view)
        stress = self._alarm.level() if self._alarm else 0.0
        wanted = appetite(self._profile, self.standing(ts, view, stress))
        bids, left = self.bid(ts, view, wanted)
        quotes = self._quotes.replaced_by(resting(self.seat, left)) if self.terms.book else NOTHING
        return joined(paid_in, quotes, bids, self._unwind(view, float(wanted.buy.edge_bp[0]))), ts + self.terms.interval_ns

    def _unwind(self, view: View, nearest_bp: float) -> Rows:
        """One immediate order for part of what it holds, not far from the outside price and no further than it rests itself."""
        lots = math.ceil(abs(view.size) * self.terms.unwind_share)
        if not lots or view.waiting:
            return NOTHING
        gap = min(self.terms.unwind_bp, nearest_bp) * BP
        side = Side.SELL if view.size > 0 else Side.BUY
        limit = math.ceil(view.outside * (1.0 - gap)) if view.size > 0 else math.floor(view.outside * (1.0 + gap))
        return pack(Place(0, self.seat.account, self.seat.market, side, limit, lots, tif=TimeInForce.IOC, reduce_only=True))
