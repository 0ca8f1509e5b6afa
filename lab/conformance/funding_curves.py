"""Funding of venues with curves: averages, velocity, skew; and the fee that follows the price."""

from __future__ import annotations

from typing import Final

from perplab.exchange.state.types import accrual_due
from perplab.exchange.trading.fees import dynamic_fee, dynamic_fee_charged
from perplab.exchange.trading.funding import accrued
from perplab.exchange.trading.funding_skew import adaptive_next, grown, mean_rate, neutral_receipt, static_rate, velocity_next
from perplab.exchange.trading.funding_twap import fraction_of, largest_spread, premium_fraction, spread
from perplab.exchange.trading.twap import twap_next

from .adapters import Result, adapter
from .examples import Given
from .records import MICRO, NANO, PPT, members, plain

FINE: Final = 10**18
DAY: Final = 86_400


# -- averages --


@adapter("drift_v2", "oracle_twap_update", "oracle_twap_update_5min", calls=("trading.twap.twap_next",))
def drift_average(given: Given) -> Result:
    name = "twap_1h" if "twap_1h" in given else "twap_5m"
    times = given.fixed("since_last_s", 1), given.fixed("period_s", 1)
    return {name: plain(twap_next(given.fixed(name, NANO), given.fixed("price", NANO), *times), NANO)}


@adapter("drift_v2", "funding_max_spread_by_tier", calls=("trading.funding_twap.largest_spread",))
def drift_largest_spread(given: Given) -> Result:
    return {"max_abs_price_spread": plain(largest_spread(given.fixed("oracle_twap", NANO), given.fixed("divisor", 1)), NANO)}


AVERAGES: Final = tuple(f"trading.funding_twap.{name}" for name in ("spread", "premium_fraction"))


@adapter("perp_v1", "premium_fraction", calls=(*AVERAGES, "trading.funding_twap.fraction_of"))
def perp_v1_fraction(given: Given) -> Result:
    index = given.fixed("index_twap", FINE)
    fraction = premium_fraction(spread(given.fixed("mark_twap", FINE), index, 0, 0), given.fixed("funding_period_h", 1), 24)
    return {"premium_fraction": plain(fraction, FINE), "funding_rate": plain(fraction_of(fraction, index, FINE), FINE)}


@adapter("perp_v2", "block_based_funding", calls=(*AVERAGES, "state.types.accrual_due"))
def perp_v2_payment(given: Given) -> Result:
    """Lots of 1e-3, and what each of them owes in 1e-15."""
    lots = given.fixed("size", 1_000)
    found = spread(given.fixed("mark_twap", PPT), given.fixed("index_twap", PPT), 0, 0)
    fraction = premium_fraction(found, given.fixed("elapsed_s", 1), DAY)
    return {"payment": plain(accrual_due(abs(lots), fraction if lots > 0 else -fraction, 0), 1_000 * PPT)}


# -- skew --


@adapter("gmx_v2", "skew_funding_per_second", calls=("trading.funding_skew.static_rate", "trading.funding_skew.neutral_receipt"))
def gmx_static(given: Given) -> Result:
    """Open interest in USD, exponents in tenths. What one side pays, the other receives."""
    longs, shorts = given.fixed("long_oi", MICRO), given.fixed("short_oi", MICRO)
    rate = static_rate(given.fixed("funding_factor", FINE), longs, shorts, MICRO, given.fixed("exponent", 10), FINE)
    if rate >= 0:
        return {"long_per_s": plain(rate, FINE), "short_per_s": plain(-neutral_receipt(rate, longs, shorts), FINE)}
    return {"long_per_s": plain(-neutral_receipt(-rate, shorts, longs), FINE), "short_per_s": plain(-rate, FINE)}


@adapter("gmx_v2", "adaptive_funding_change_pct", calls=("trading.funding_skew.adaptive_next", "trading.funding_skew.grown"))
def gmx_adaptive(given: Given) -> Result:
    """Of a rate that longs pay, far from zero."""
    saved, ratio, elapsed = 10 * PPT, given.fixed("imbalance", PPT), given.fixed("duration_s", 1)
    rise = grown(ratio, given.fixed("increase_factor_pct", PPT), elapsed, PPT, 1)
    fall = grown(1, given.fixed("decrease_factor_pct", PPT), elapsed, 1, 1)
    sides = (1, 0) if given.flag("skew_same_side_as_funding") else (0, 1)
    thresholds = given.fixed("threshold_stable", PPT), given.fixed("threshold_decrease", PPT)
    return {"delta_saved_factor_pct": plain(adaptive_next(saved, *sides, ratio, *thresholds, rise, fall) - saved, PPT)}


# -- velocity --


@adapter("synthetix_perps", "funding_rate_velocity", calls=("trading.funding_skew.velocity_next",))
def synthetix_velocity(given: Given) -> Result:
    """The velocity itself is given: as if the skew were the whole scale."""
    rate, velocity = given.fixed("prev_rate", PPT), given.fixed("velocity_per_day", PPT)
    return {"rate": plain(velocity_next(rate, 1, 1, velocity, given.fixed("elapsed_s", 1), DAY, 0)[0], PPT)}


@adapter("synthetix_perps", "funding_rate_sequence", calls=("trading.funding_skew.velocity_next",))
def synthetix_sequence(given: Given) -> Result:
    rate = carry = 0
    rates = []
    for step in given.parts("steps"):
        skew, scale, most = step.fixed("skew", MICRO), given.fixed("skew_scale", MICRO), given.fixed("max_velocity", PPT)
        rate, carry = velocity_next(rate, skew, scale, most, step.fixed("elapsed_s", 1), DAY, carry)
        rates.append(plain(rate, PPT))
    return {"rates": [*rates]}


PACE: Final = ("trading.funding_skew.velocity_next", "trading.funding_skew.mean_rate", "trading.funding.accrued")


@adapter("synthetix_perps", "accrued_funding", calls=PACE)
def synthetix_accrued(given: Given) -> Result:
    """The rate begins at zero; its velocity is what a whole day adds."""
    skew, scale, most = given.fixed("skew", MICRO), given.fixed("skew_scale", MICRO), given.fixed("max_velocity_per_day2", PPT)
    velocity, _ = velocity_next(0, skew, scale, most, 1, 1, 0)
    after, _ = velocity_next(0, skew, scale, most, given.fixed("hours", 1), 24, 0)
    mean, _ = mean_rate(0, after, 1, 0)
    paid, _ = accrued(mean, given.fixed("notional", MICRO), given.fixed("hours", 1), 24, 0, PPT)
    return {"velocity": plain(velocity, PPT), "rate_after": plain(after, PPT), "funding_paid": plain(paid, MICRO)}


# -- fees --


@adapter("synthetix_perps", "dynamic_fee_bp", calls=("trading.fees.dynamic_fee", "trading.fees.dynamic_fee_charged"))
def synthetix_dynamic_fee(given: Given) -> Result:
    """After each price change, from no fee on; the list begins with that."""
    fees, fee, least = [0], 0, 5 * NANO  # there 5 bp are the least that is charged
    for change in members(given, "changes_bp", NANO):
        fee = dynamic_fee(fee, change, given.fixed("deviation_bp", NANO), given.fixed("decay", PPT), PPT)
        fees.append(dynamic_fee_charged(fee, least))
    return {"fee_bp": [plain(one, NANO) for one in fees]}
