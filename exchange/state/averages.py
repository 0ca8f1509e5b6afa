"""What mark, funding and fee rules keep of a market between two looks. All of it is 0 where no rule of that kind is used.

Averages of prices are in 2^-24 ticks: below 2^56. A rate that moves by itself is in 1e-18 per day: within 4 per day.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from .types import PPB, abs_i64

LARGEST_PACE: Final[i64] = 4_000_000_000_000_000_000  # [1e-18 per day]
MOST_TRADED: Final[i64] = 1 << 61  # [micro]; one fill is worth less than 2^55


class Averages:
    """Of one market."""

    def __init__(self) -> None:
        # Funding by averages of prices
        self.market_twap: i64 = 0  # of the curve's middle, or of the mark; 0: none yet
        self.oracle_twap: i64 = 0
        # A rate that moves by itself
        self.pace: i64 = 0  # [1e-18 per day]
        self.pace_carry: i64 = 0  # remainder of what moved it: below skew scale [lots] x a day [ms] < 2^63
        self.pace_mean: i64 = 0  # [ppt per day] its mean between the last two samples
        self.pace_rest: i64 = 0  # [1e-18 per day, halves] remainder of that: below 2^21
        # Funding by what was traded
        self.traded_lots: i64 = 0  # since the last sample
        self.traded_value: i64 = 0  # [micro] below 2^62
        self.premium_sum: i64 = 0  # [ppt] of (VWAP - mark) / mark, each times the samples since the trade before: below 2^63
        self.premium_weight: i64 = 0  # samples in it
        self.premium_pending: i64 = 0  # samples since the last trade
        # The mark's
        self.curve_short: i64 = 0  # of the curve's middle, the short or only one; 0: none yet
        self.curve_long: i64 = 0
        self.curve_premium: i64 = 0  # of middle - oracle, signed

        # A fee on top of the taker's
        self.fee_deviation_ppb: i64 = 0  # of the oracle price: it jumps beyond twice this; 0: no such fee. A term of the market
        self.fee_decay_ppm: i64 = 0  # what is left of that at the next price
        self.least_fee_ppb: i64 = 0  # of it: less is not charged
        self.dynamic_fee: i64 = 0  # [ppb] as it decays
        self.surcharge: i64 = 0  # [ppb] of it, what is charged

    def note_trade(self, lots: i64, value: i64) -> None:
        """For funding by what was traded; beyond 2^61 micro between two samples no more is counted."""
        if self.traded_value < MOST_TRADED:
            self.traded_lots += lots
            self.traded_value += value

    def forget_trades(self) -> None:
        self.traded_lots = 0
        self.traded_value = 0

    def check(self) -> None:
        assert (self.market_twap == 0) == (self.oracle_twap == 0), "one average without the other"
        for average in (self.market_twap, self.oracle_twap, self.curve_short, self.curve_long, abs_i64(self.curve_premium)):
            assert average >> 56 == 0, "an average beyond every price"
        assert abs_i64(self.pace) <= LARGEST_PACE and self.pace_carry >= 0 and self.pace_rest >> 21 == 0
        assert 0 <= self.surcharge <= self.dynamic_fee <= PPB, "a fee beyond all that is traded"
        assert (self.traded_lots == 0) == (self.traded_value == 0) and self.premium_pending >= 0 and self.premium_weight >= 0
