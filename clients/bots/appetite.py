"""What a professional wants to buy and to sell: one decision, which meets whatever a venue offers.

An appetite says how much inventory somebody takes at which edge over his own estimate of the true price. He asks for more edge the more
he holds, and the wilder prices are, since what he holds may move against him before he is rid of it (H. Stoll and T. Ho, "Optimal dealer
pricing under transactions and return uncertainty", J. Financial Economics 9, 1981; M. Avellaneda and S. Stoikov, "High-frequency trading
in a limit order book", Quantitative Finance 8, 2008: quotes are centred on a reservation price that falls in a line with inventory).
Edges grow in proportion to volatility (M. Wyart, J.-P. Bouchaud et al., "Relation between bid-ask spread, impact and volatility in
order-driven markets", Quantitative Finance 8, 2008). His capital bounds it all.

Rules: pure. In a book the appetite rests (`resting`); in an auction of an account it takes as much as it wants at the edge which the
offer gives (`bids_for`), over the true price that the bidder believes in, not over the mark: a mark may be stale. What is bid for does
not rest as well: the same money is not spent twice.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from msgspec import Struct

from perplab.exchange.messages import Place, Side, TakeAuction, TimeInForce, column_of
from perplab.exchange.units import BP, PPM

from .base import Floats, Offer, Rows, Seat, pack_many

NEARLY = 1e-9  # [bp] an edge that is short by the rounding of a float is reached
PRICE, SIZE = column_of(Place, "price"), column_of(Place, "size")


class Profile(Struct, frozen=True):
    """The appetite of someone who is flat, when prices are calm. Arrays have one entry per edge, nearest first, shape (k,)."""

    edge_bp: Floats  # [bp] over the estimate of the true price, rising
    buy: Floats  # [micro] most that it buys at each edge, at one look
    sell: Floats  # [micro] and sells
    hold: Floats  # most inventory that it holds at each edge, as a share of what its capital carries; rising to 1
    lean_bp: float = 0.0  # [bp] by which both sides shift against a full inventory
    widen: float = 1.0  # what edges are multiplied with when prices are wild
    fewer_bids: float = 0.0  # share of `buy` that is gone when prices are wild
    fewer_asks: float = 0.0  # and of `sell`


class Standing(Struct, frozen=True):
    """How somebody stands at the moment of a decision."""

    outside: float  # [ticks] his estimate of the true price
    held: float  # [micro] his inventory, signed, with what he has bid for and not heard of yet
    limit: float  # [micro] the largest inventory that his capital carries
    stress: float  # from 0, prices are calm, to 1, they are wild


class Steps(Struct, frozen=True):
    """What is wanted on one side: more at each further edge. Shapes (k,)."""

    edge_bp: Floats
    money: Floats  # [micro]

    def reached(self, edge_bp: float) -> int:
        """How many of the steps ask for no more edge than this."""
        return int(np.searchsorted(self.edge_bp, edge_bp + NEARLY, side="right"))

    def less(self, money: float) -> Steps:
        """What is left when so much was taken, from the nearest edge on. [micro]"""
        return Steps(self.edge_bp, _steps(np.maximum(np.cumsum(self.money) - money, 0.0)))


class Appetite(Struct, frozen=True):
    """What somebody wants now, around the price at which he would as soon buy as sell."""

    fair: float  # [ticks]
    buy: Steps
    sell: Steps

    def side(self, buys: bool) -> Steps:
        return self.buy if buys else self.sell

    def price(self, buys: bool, edge_bp: float) -> float:
        """The worst price at that edge. [ticks]"""
        return self.fair * (1.0 - edge_bp * BP if buys else 1.0 + edge_bp * BP)

    def edge_bp(self, buys: bool, price: float) -> float:
        """The edge of a price. [bp]"""
        return (1.0 - price / self.fair if buys else price / self.fair - 1.0) / BP

    def less(self, buys: bool, money: float) -> Appetite:
        """The same without so much of one side. [micro]"""
        return Appetite(self.fair, self.buy.less(money) if buys else self.buy, self.sell if buys else self.sell.less(money))


def appetite(profile: Profile, now: Standing) -> Appetite:
    """What the profile comes to for someone who stands like this."""
    lean = max(-1.0, min(1.0, now.held / now.limit)) if now.limit > 0.0 else 0.0
    edges = profile.edge_bp * (1.0 + (profile.widen - 1.0) * now.stress)
    buy = profile.buy * (1.0 - profile.fewer_bids * now.stress)
    sell = profile.sell * (1.0 - profile.fewer_asks * now.stress)
    return Appetite(
        now.outside * (1.0 - profile.lean_bp * BP * lean),
        Steps(edges, bounded(buy, profile.hold * now.limit - now.held)),
        Steps(edges, bounded(sell, profile.hold * now.limit + now.held)),
    )


def bounded(wanted: Floats, room: Floats) -> Floats:
    """A side scaled down to the room there is in all, and no more at any edge than there is room for at that edge. Shapes (k,) [micro]"""
    total, most = float(np.add.reduce(wanted)), max(0.0, float(room[-1]))
    if total <= 0.0:
        return wanted
    cumulative = np.minimum(wanted.cumsum() * min(1.0, most / total), np.maximum(room, 0.0))
    return _steps(np.maximum.accumulate(cumulative))


def _steps(cumulative: Floats) -> Floats:
    """What each entry adds to the one before, in place: np.diff takes ten times as long on arrays of this size."""
    cumulative[1:] -= cumulative[:-1]
    return cumulative


def resting(seat: Seat, wanted: Appetite) -> Rows:
    """The appetite as post-only orders: a bid and an ask at each edge, rounded away from the price."""
    bids, asks = wanted.buy.money.size, wanted.sell.money.size
    prices = np.concatenate([1.0 - wanted.buy.edge_bp * BP, 1.0 + wanted.sell.edge_bp * BP])
    prices *= wanted.fair
    lots = (np.concatenate([wanted.buy.money, wanted.sell.money]) / (prices * seat.unit)).astype(np.int64)
    np.floor(prices[:bids], out=prices[:bids])
    np.ceil(prices[bids:], out=prices[bids:])
    rows = _bids_and_asks(seat, bids, asks).copy()
    rows[:, PRICE], rows[:, SIZE] = prices, lots
    wanted_rows: Rows = rows if lots.size and np.minimum.reduce(lots) > 0 else rows[lots > 0]
    return wanted_rows


@lru_cache(maxsize=1024)
def _bids_and_asks(seat: Seat, bids: int, asks: int) -> Rows:
    """The rows of a seat's post-only orders, price and size left 0: all else is the same at every look."""
    sides = np.repeat(np.array([int(Side.BUY), int(Side.SELL)], dtype=np.int64), [bids, asks])
    return pack_many(
        Place, bids + asks, account=seat.account, market=seat.market, side=sides, price=0, size=0, tif=int(TimeInForce.POST_ONLY)
    )


def bids_for(seat: Seat, wanted: Appetite, offers: Sequence[Offer], mark: int) -> tuple[list[TakeAuction], Appetite]:
    """Bids for the offers with the most edge, and the appetite that they leave.

    A bid is for as much as is wanted at the offer's edge, at one price; it insists on the edge of the furthest step that it fills, so
    that a mark which moves on the way makes it no worse than an order at that price.
    """
    bids: list[TakeAuction] = []
    least = {buys: _least_edge(wanted.side(buys)) for buys in (True, False)}
    for edge, offer in _by_edge(seat, wanted, offers, mark):
        buys = offer.lots > 0
        if edge + NEARLY < least[buys]:
            continue
        steps = wanted.side(buys)
        filled = np.cumsum(steps.money[: steps.reached(edge)])
        value = abs(seat.notional(offer.lots, wanted.fair))
        share_ppm = min(PPM, int(filled[-1] * PPM / value)) if filled.size else 0
        if share_ppm < 1:
            continue
        money = value * share_ppm / PPM
        last = min(int(np.searchsorted(filled, money * (1.0 - NEARLY))), filled.size - 1)
        limit = wanted.price(buys, float(steps.edge_bp[last]))
        gain = (mark - limit) * offer.lots * seat.unit * share_ppm / PPM
        bids.append(TakeAuction(0, seat.account, offer.auction, share_ppm, int(gain)))
        wanted = wanted.less(buys, money)
        least[buys] = _least_edge(wanted.side(buys))
    return bids, wanted


def _by_edge(seat: Seat, wanted: Appetite, offers: Sequence[Offer], mark: int) -> list[tuple[float, Offer]]:
    """The offers that reach the nearest edge of their side, most edge first: of hundreds in a crash, few do."""
    if not mark:
        return []
    least = {buys: _least_edge(wanted.side(buys)) for buys in (True, False)}
    priced: list[tuple[float, Offer]] = []
    for one in offers:
        buys = one.lots > 0
        if one.lots and (edge := wanted.edge_bp(buys, price_of(one, mark, seat.unit))) + NEARLY >= least[buys]:
            priced.append((edge, one))
    return sorted(priced, key=lambda pair: (-pair[0], pair[1].auction))


def _least_edge(steps: Steps) -> float:
    """Below which nothing is wanted. [bp]"""
    first = int((steps.money > 0.0).argmax()) if steps.money.size else 0
    return float(steps.edge_bp[first]) if steps.money[first:].any() else math.inf


def price_of(offer: Offer, mark: int, unit: int) -> float:
    """What a lot of the offer costs, or fetches where the account is short: the mark less the gain. [ticks]"""
    return mark - offer.gain / (offer.lots * unit)
