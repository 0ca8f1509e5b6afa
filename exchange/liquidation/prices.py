"""Prices come in: an oracle update, and the mark that follows from it.

The liquidation pass that follows a mark that moved is the engine's to call for: requests that waited for the price, and triggers, come
first.
"""

from __future__ import annotations

from mypy_extensions import i64

from ..schema import kinds as k
from ..state.market import Market
from ..state.schedule import PRICES
from ..state.state import State
from ..state.types import NIL, PPB, PPM, clamp_i64
from ..trading.access import is_halted, is_suspended
from ..trading.book import Book
from ..trading.fees import dynamic_fee, dynamic_fee_charged, price_change
from ..trading.liquidity import LiquidityDesk
from ..trading.mark import MarkRule
from .lifecycle import Lifecycle


class PriceDesk:
    def __init__(self, state: State, book: Book, rules: list[MarkRule], liquidity: LiquidityDesk, lifecycle: Lifecycle) -> None:
        self.state: State = state
        self.book: Book = book
        self.rules: list[MarkRule] = rules  # by market
        self.liquidity: LiquidityDesk = liquidity
        self.lifecycle: Lifecycle = lifecycle

    def update_oracle(self, number: i64, price: i64, perp_median: i64) -> i64:
        """What the venue hears of the outside price; returns the reason of a refusal, or 0. The mark is moved by who called."""
        state = self.state
        if number >= len(state.markets):
            return k.R_UNKNOWN_MARKET
        market = state.markets[number]
        if market.status == k.SETTLED:
            return k.R_MARKET_SETTLED
        if price > market.max_price or perp_median > market.max_price:
            return k.R_PRICE_LIMIT
        previous = market.oracle
        if is_suspended(market, state.now) and not is_halted(market.status):
            self.lifecycle.resume(market)
            market.suspended_since = NIL
        market.oracle = price
        market.oracle_ts = state.now
        market.perp_median = perp_median
        if market.averages.fee_deviation_ppb != 0 and previous != 0:
            self.move_fee(market, previous)
        state.log.emit(k.E_ORACLE_UPDATED, state.now, number, price, previous)
        self.liquidity.oracle_moved(market)
        return 0

    def wait_for_more(self) -> None:
        """Nothing reacts to prices before the last one of this moment has come, or its time is over."""
        self.state.awaits_prices = True
        self.state.schedule.set(PRICES, 0, self.state.now + 1)

    def stop_waiting(self) -> None:
        self.state.awaits_prices = False
        self.state.schedule.cancel(PRICES, 0)

    def move_fee(self, market: Market, previous: i64) -> None:
        """The fee on top of the taker's: it decays, and grows with what the price has jumped."""
        kept = market.averages
        change = price_change(int(previous), int(market.oracle), int(PPB))
        fee = dynamic_fee(int(kept.dynamic_fee), change, int(kept.fee_deviation_ppb), int(kept.fee_decay_ppm), int(PPM))
        kept.dynamic_fee = min(int(PPB), fee)
        kept.surcharge = dynamic_fee_charged(int(kept.dynamic_fee), int(kept.least_fee_ppb))
        market.taker_rate_ppb = market.taker_fee_ppb + kept.surcharge

    def move_mark(self, market: Market) -> bool:
        """Ask the mark rule; has the mark moved?"""
        state = self.state
        if market.oracle == 0:
            return False
        mark = clamp_i64(self.rules[market.number].price(state, self.book, market), 1, market.max_price)
        market.mark_ts = state.now
        previous = market.mark
        if mark == previous:
            return False
        market.mark = mark
        market.unexamined = 1
        state.log.emit(k.E_MARK_MOVED, state.now, market.number, mark, previous)
        if market.pool.row != NIL and not is_suspended(market, state.now):
            self.liquidity.ranges.take_out_weak(market)
        return True
