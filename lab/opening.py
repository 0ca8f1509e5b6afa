"""What traders open on a venue with the money that they bring: what they want, or as much of it as its margin rules let them.

Rules: nobody brings another deposit because of a design. Sizes and prices are rounded to the venue's lots and ticks along the line on which
longs and shorts lie side by side, so both sides stay equal. Where an account lacks the margin, all its trades shrink by the same share; a
trade is as large as the smaller share of its two sides, and keeps its price. Requirements are computed exactly as the core does, in
integers, after every trade of an account.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import numpy as np

from perplab.exchange import VenueDesign
from perplab.exchange.design.build import tier_deduction
from perplab.exchange.units import MICRO, PPM
from perplab.lab.population import TRADE_BUYER, TRADE_LOTS, TRADE_PRICE, TRADE_SELLER, Traders
from perplab.lab.runs import MARKET, Granted, Ints


@dataclass(frozen=True)
class Terms:
    """The scales and the margin rules of a venue's market."""

    tick: Decimal  # [USD]
    lot: Decimal  # [coins]
    max_leverage: int  # that an account may choose
    lower: Ints  # [micro] of notional, at which each tier begins
    initial_ppm: Ints  # of each tier
    deduction: Ints  # [micro] of each tier: requirement = notional x rate - deduction

    @property
    def tick_usd(self) -> float:
        return float(self.tick)

    @property
    def lot_coins(self) -> float:
        return float(self.lot)

    @property
    def unit(self) -> int:
        """Micro-units per tick x lot."""
        return int(self.tick * self.lot * MICRO)

    def ticks(self, usd: float) -> int:
        """The nearest price of the market. [ticks]"""
        return round(usd / self.tick_usd)

    def initial(self, notional: Ints) -> Ints:
        """Initial requirement of positions of this `notional` at the highest leverage, as the core has it; (n,) -> (n,) [micro]."""
        tier = np.searchsorted(self.lower, notional, side="right") - 1
        rate = self.initial_ppm[tier]
        whole, rest = np.divmod(notional, PPM)  # notional x rate itself would not fit 64 bits
        by_tier = whole * rate - (-rest * rate // PPM) - self.deduction[tier]
        required: Ints = np.maximum(-(-notional // self.max_leverage), by_tier)
        return required


def terms_of(venue: VenueDesign) -> Terms:
    """The scales and tiers of the venue's market."""
    market = venue.markets[MARKET]
    deduction, before = [0], market.tiers[0]
    for tier in market.tiers[1:]:
        deduction.append(tier_deduction(deduction[-1], tier.lower_notional, before.initial_margin_ppm, tier.initial_margin_ppm))
        before = tier
    lower = np.array([tier.lower_notional * MICRO for tier in market.tiers], dtype=np.int64)
    rates = np.array([tier.initial_margin_ppm for tier in market.tiers], dtype=np.int64)
    return Terms(market.tick, market.lot, market.max_leverage, lower, rates, np.array(deduction, dtype=np.int64))


def opened(traders: Traders, terms: Terms) -> tuple[Ints, Granted]:
    """The trades that open the population's positions on a venue, and what was granted of what it wants.

    Trades: shape (t, 4), buyer, seller [index into the population], lots, price [ticks]. Those of an account are neighbors, as it trades.
    """
    mark = terms.ticks(traders.first_usd)
    wanted = _in_lots(traders, terms)
    share = granted_shares(wanted, traders.deposit, terms, mark)
    trades = wanted.copy()
    trades[:, TRADE_LOTS] = _lots(wanted, share[wanted[:, TRADE_BUYER]], share[wanted[:, TRADE_SELLER]])
    less = trades[:, TRADE_LOTS] < wanted[:, TRADE_LOTS]
    cut = np.unique(trades[less][:, [TRADE_BUYER, TRADE_SELLER]]).size
    asked = np.unique(wanted[wanted[:, TRADE_LOTS] > 0][:, [TRADE_BUYER, TRADE_SELLER]]).size
    whole, part = (int(table[:, TRADE_LOTS].sum()) * mark * terms.unit for table in (wanted, trades))
    return trades[trades[:, TRADE_LOTS] > 0], Granted(cut, whole, part, asked)


def _in_lots(traders: Traders, terms: Terms) -> Ints:
    """The trades in lots and ticks of the venue: what is rounded is the line of all trades, so that none of it is lost."""
    trades = traders.trades.copy()
    lots = Fraction(traders.scale.coins) / Fraction(terms.lot)
    ends = [end * lots.numerator // lots.denominator for end in np.cumsum(trades[:, TRADE_LOTS]).tolist()]  # Python's integers are exact
    trades[:, TRADE_LOTS] = np.diff(ends, prepend=0)
    ticks = Fraction(traders.scale.usd) / Fraction(terms.tick)
    trades[:, TRADE_PRICE] = [max(1, round(price * ticks)) for price in trades[:, TRADE_PRICE].tolist()]
    return trades


def _lots(trades: Ints, one: Ints, other: Ints) -> Ints:
    """Lots of each trade at the smaller of two shares [ppm]."""
    lots: Ints = trades[:, TRADE_LOTS] * np.minimum(one, other) // PPM
    return lots


def granted_shares(trades: Ints, deposit: Ints, terms: Terms, mark: int) -> Ints:
    """The share of its trades that each account can open, (n,) [ppm].

    Shares only fall, until all are within the rules at once: who gains on a trade that another one cuts may have less margin for the rest.
    """
    share = np.full(deposit.size, PPM, dtype=np.int64)
    sides = [Side(trades, column, deposit, terms, mark) for column in (TRADE_BUYER, TRADE_SELLER)]
    while True:
        before = share
        for side in sides:
            share = side.fitted(share)
        if np.array_equal(share, before):
            return share


class Side:
    """The accounts of one side of the trades; each is on one side only."""

    def __init__(self, trades: Ints, column: int, deposit: Ints, terms: Terms, mark: int) -> None:
        self.trades, self.terms = trades, terms
        self.account, self.other = trades[:, column], trades[:, TRADE_BUYER + TRADE_SELLER - column]
        self.starts = np.flatnonzero(np.diff(self.account, prepend=-1))  # of each account's trades
        self.members = self.account[self.starts]
        self.length = np.diff(self.starts, append=self.account.size)
        self.deposit = deposit[self.account]
        self.lot_value = mark * terms.unit
        sign = 1 if column == TRADE_BUYER else -1
        self.gain = sign * (mark - trades[:, TRADE_PRICE]) * terms.unit  # [micro per lot]

    def fitted(self, share: Ints) -> Ints:
        """The shares of all, those of this side cut to the largest that its accounts' margin allows while the other side keeps its own."""
        low, high = np.zeros(share.size, np.int64), share.copy()
        fits = self.fits(high, share)
        low[self.members[fits]] = share[self.members[fits]]
        cut = self.members[~fits]
        while (high[cut] - low[cut] > 1).any():
            middle = (low + high) // 2
            fits = self.fits(middle, share)
            low[self.members[fits]] = middle[self.members[fits]]
            high[self.members[~fits]] = middle[self.members[~fits]]
        shares = share.copy()
        shares[self.members] = low[self.members]
        return shares

    def fits(self, own: Ints, share: Ints) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        """Whether each member has its initial margin after each of its trades."""
        lots = _lots(self.trades, own[self.account], share[self.other])
        notional = self._so_far(lots) * self.lot_value
        covered = self.deposit + self._so_far(lots * self.gain) >= self.terms.initial(notional)
        return np.logical_and.reduceat(covered, self.starts)

    def _so_far(self, values: Ints) -> Ints:
        """Sums over each account's trades up to each of them."""
        total = np.cumsum(values)
        before = (total - values)[self.starts]
        sums: Ints = total - np.repeat(before, self.length)
        return sums
