"""What makers, arbitrageurs and bidders have in common: capital, money outside, and auctions in which they may bid.

Rules: whoever is hedged outside gains there what it loses here. It hedges what its position has changed by since its last look, at the
outside price of this look; so what the hedge has earned follows from its own position and the prices that it knew. When its position
uses too much of its capital here it asks for what is missing: as far as its reserve and its hedge's profit go, no more than a stated sum
at a time, once a minute at most. The money arrives a stated time later. Nothing is taken out again: that would be a second reason for
a run to differ, and within an hour it decides nothing.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import numpy as np
from msgspec import Struct

from perplab.exchange.messages import Deposit
from perplab.exchange.units import MINUTE_NS

from .appetite import Appetite, Standing, bids_for
from .base import NOTHING, Bot, Rows, Seat, View, pack

BETWEEN_CALLS: Final = MINUTE_NS  # [ns] so that a limit per call is one per minute


class CallTerms(Struct, frozen=True):
    """How somebody meets margin calls."""

    asset: int  # in which it pays in
    outside: int  # [micro] its reserve outside, besides what its hedge earns
    delay_ns: int  # from asking until the money is here
    most: int  # [micro] that one transfer may be
    use: float  # it asks when its position is more than this share of what its capital carries, and for what brings it back there


class MarginCalls:
    """The money of one professional outside the venue, and what of it is on its way."""

    def __init__(self, seat: Seat, terms: CallTerms, leverage: float) -> None:
        self.seat = seat
        self.terms = terms
        self.leverage = leverage
        self.is_short = False  # did it ever need more than it could ask for?
        self._size = 0  # [lots] hedged so far
        self._cash = 0.0  # [micro] that the hedge's trades brought in
        self._sent = 0  # [micro] in all
        self._under_way: deque[tuple[int, int]] = deque()  # when it arrives [ns], how much [micro]
        self._next = 0  # [ns] not before that another is asked for

    def look(self, ts: int, view: View) -> Rows:
        """Hedge, ask for money if it is needed, and pay in what has arrived."""
        self._cash += self.seat.notional(view.size - self._size, view.outside)
        self._size = view.size
        arrived = 0
        while self._under_way and self._under_way[0][0] <= ts:
            arrived += self._under_way.popleft()[1]
        self._ask(ts, view, arrived)
        return pack(Deposit(0, self.seat.account, self.terms.asset, arrived)) if arrived else NOTHING

    def hedge_profit(self, outside: float) -> float:
        """What the hedge has earned at that outside price. [micro]"""
        return self._cash - self.seat.notional(self._size, outside)

    def _ask(self, ts: int, view: View, arrived: int) -> None:
        """`arrived` is on its way into the account, which does not have it yet."""
        coming = arrived + sum(amount for _, amount in self._under_way)
        position = abs(self.seat.notional(view.size, view.outside))
        missing = position / (self.leverage * self.terms.use) - view.equity - coming
        if missing < 1.0 or ts < self._next:
            return
        left = max(0.0, self.terms.outside + self.hedge_profit(view.outside) - self._sent)
        amount = int(min(missing, left, self.terms.most))
        self.is_short = self.is_short or amount < int(missing)
        if amount > 0:
            self._sent += amount
            self._under_way.append((ts + self.terms.delay_ns, amount))
            self._next = ts + BETWEEN_CALLS


class Professional(Bot):
    """Base of those who trade for the edge: what each wants is its own, how it meets auctions and margin calls is the same."""

    def __init__(self, seat: Seat, leverage: float, answer_ns: int = 0, calls: CallTerms | None = None) -> None:
        super().__init__(seat)
        self.leverage = leverage
        self.answer_ns = answer_ns  # until it has heard of what it sent
        self.calls = MarginCalls(seat, calls, leverage) if calls else None
        self._under_way: deque[tuple[int, float]] = deque()  # when sent [ns], and what it adds to the inventory [micro]

    def standing(self, ts: int, view: View, stress: float = 0.0) -> Standing:
        """How it stands; what it has sent and not heard of yet counts as held."""
        while self._under_way and self._under_way[0][0] + self.answer_ns <= ts:
            self._under_way.popleft()
        held = self.seat.notional(view.size, view.outside) + sum(money for _, money in self._under_way)
        return Standing(view.outside, held, self.leverage * max(0, view.equity), stress)

    def sent(self, ts: int, money: float) -> None:
        """An order that would add `money` to the inventory is on its way. [micro, signed]"""
        self._under_way.append((ts, money))

    def bid(self, ts: int, view: View, wanted: Appetite) -> tuple[Rows, Appetite]:
        """Bids in the open auctions, and the appetite that they leave."""
        if not view.offers:
            return NOTHING, wanted
        bids, left = bids_for(self.seat, wanted, view.offers, view.mark)
        for buys, sign in ((True, 1.0), (False, -1.0)):
            money = float(wanted.side(buys).money.sum() - left.side(buys).money.sum())
            if money > 0.0:
                self.sent(ts, sign * money)
        return (pack(*bids) if bids else NOTHING), left

    def margin(self, ts: int, view: View) -> Rows:
        """What its margin calls pay in now."""
        return self.calls.look(ts, view) if self.calls else NOTHING


def joined(*parts: Rows) -> Rows:
    """Commands one after the other."""
    return np.concatenate(parts)
