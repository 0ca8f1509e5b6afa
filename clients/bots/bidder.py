"""A last-resort buyer: takes over what liquidations leave, at a discount that grows with how much it already took.

Rules: one schedule of (discount, share of capacity) serves everywhere. Where the venue auctions liquidated accounts, it bids for as
much as the schedule still offers at the gain of the moment; where it does not, the same schedule rests in the book, on both sides.
It hedges outside what it took and works it off in the book bit by bit; its capacity is what its venue account carries at a stated
leverage, so what it has sold it can take again.
"""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
from msgspec import Struct

from perplab.exchange.messages import AuctionStarted, Command, Event, Place, Side, TakeAuction, TimeInForce
from perplab.exchange.units import BP, PPM

from .base import NOTHING, Action, Bot, Floats, Offer, Quotes, Rows, Seat, View, pack, places


class BidderTerms(Struct, frozen=True):
    interval_ns: int  # between looks
    phase_ns: int  # of the first look
    reaction_ns: int  # from hearing of an auction to a bid
    discount_bp: Floats  # [bp] from the price, rising, shape (k,)
    share: Floats  # of the capacity that is offered at each discount, shape (k,), sum 1
    leverage: float  # capacity over equity
    unwind_share: float  # of what it holds, offered in the book at each look
    unwind_bp: float  # from the outside price, at worst
    auctions: bool  # whether the venue has auctions
    book: bool = True  # whether orders can rest there
    one_by_one: bool = False  # old quotes are cancelled one by one: see Quotes


class Bidder(Bot):
    """Bids in auctions where there are any, and rests the same bids in the book where not; with neither, it has nothing to do."""

    hears: ClassVar[frozenset[int]] = frozenset({AuctionStarted.KIND})
    sees_offers: ClassVar[bool] = True

    def __init__(self, seat: Seat, terms: BidderTerms) -> None:
        super().__init__(seat)
        self.terms = terms
        self._levels = np.cumsum(terms.share)
        self._quotes = Quotes(seat, terms.one_by_one)

    def on_start(self, ts: int, view: View) -> Action:
        return NOTHING, ts + self.terms.phase_ns

    def on_event(self, ts: int, event: Event) -> Action:
        return NOTHING, ts + self.terms.reaction_ns

    def on_wake(self, ts: int, view: View) -> Action:
        capacity = self.terms.leverage * max(0, view.equity)
        used = abs(self.seat.notional(view.size, view.mark))
        act = self._bid if self.terms.auctions else self._rest if self.terms.book else self._wait
        rows = np.concatenate([act(view, capacity, used), self._unwind(view)])
        return rows, ts + self.terms.interval_ns

    def _unwind(self, view: View) -> Rows:
        """One immediate order for part of what it holds, not far from the outside price."""
        lots = math.ceil(abs(view.size) * self.terms.unwind_share)
        if not lots or view.waiting:
            return NOTHING
        gap = self.terms.unwind_bp * BP
        side = Side.SELL if view.size > 0 else Side.BUY
        limit = math.ceil(view.outside * (1.0 - gap)) if view.size > 0 else math.floor(view.outside * (1.0 + gap))
        return pack(Place(0, self.seat.account, self.seat.market, side, limit, lots, tif=TimeInForce.IOC, reduce_only=True))

    @staticmethod
    def _wait(_view: View, _capacity: float, _used: float) -> Rows:
        return NOTHING

    def _rest(self, view: View, capacity: float, used: float) -> Rows:
        """What each step of the schedule has left, below the outside price and above it."""
        left = np.diff(np.maximum(self._levels * capacity, used), prepend=used)
        gap = self.terms.discount_bp * BP
        prices = np.concatenate([np.floor(view.outside * (1.0 - gap)), np.ceil(view.outside * (1.0 + gap))])
        sides = np.repeat(np.array([int(Side.BUY), int(Side.SELL)], dtype=np.int64), gap.size)
        lots = np.concatenate([left, left]) / (prices * self.seat.unit)
        quotes = places(
            self.seat, sides, prices.astype(np.int64), lots.astype(np.int64), int(TimeInForce.POST_ONLY)
        )
        return self._quotes.replaced_by(quotes)

    def _bid(self, view: View, capacity: float, used: float) -> Rows:
        """Bids for the offers that gain most, until the schedule asks for a larger discount than they give."""
        bids: list[Command] = []
        offers = [offer for offer in view.offers if offer.notional]
        for offer in sorted(offers, key=lambda one: (-one.gain / one.notional, one.auction)):
            size, discount = self._wanted(offer, capacity, used)
            share_ppm = min(PPM, int(size * PPM / offer.notional))
            if share_ppm < 1:
                break
            gain = int(discount * offer.notional * share_ppm / PPM)
            bids.append(TakeAuction(0, self.seat.account, offer.auction, share_ppm, gain))
            used += offer.notional * share_ppm / PPM
        return pack(*bids)

    def _wanted(self, offer: Offer, capacity: float, used: float) -> tuple[float, float]:
        """How much of an offer it takes [micro], and the discount it insists on."""
        reached = int(np.searchsorted(self.terms.discount_bp, offer.gain * 10_000 / offer.notional, side="right"))
        if reached == 0:
            return 0.0, 0.0
        room = float(self._levels[reached - 1]) * capacity - used
        return max(0.0, min(room, float(offer.notional))), float(self.terms.discount_bp[reached - 1]) * BP
