"""Funding: premium, interest, rate, payment; and mark prices."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from perplab.exchange.codes import Side
from perplab.exchange.events import FundingCharged, FundingSampled
from perplab.exchange.state.types import MAX_AMOUNT, accrual_due
from perplab.exchange.trading.funding import accrued, clamped_rate, distance, interest_of, margin_cap, notional_on, premium_of
from perplab.exchange.trading.mark import basis_price, fair_price, median3

from .adapters import RUNS, Result, adapter
from .examples import Given
from .records import MICRO, NANO, PPT, members, plain, ppm, side_of
from .stage import Stage, of

SHIFT: Final = 20  # accruals in 2^-20 of the money
LOTS: Final = 10**3  # per coin
PER_LOT: Final = 10**6  # a price in 1e-6 is what a lot is worth in 1e-9
PREMIUM: Final = ("trading.funding.distance", "trading.funding.premium_of")
RATE: Final = "trading.funding.clamped_rate"
PAID: Final = ("trading.funding.accrued", "state.types.accrual_due")
UNBOUNDED: Final = int(MAX_AMOUNT)  # a cap that binds nothing


# -- premium and interest --


@adapter("dydx_v4", "premium_sample_ppm", calls=(RUNS, *PREMIUM, "trading.funding.impact"))
def dydx_premium(given: Given) -> Result:
    """A book, and the sample that the venue takes of it. There ppm are truncated towards zero."""
    funding = {"impact_notional": given.fixed("impact_notional", 1), "sample_interval_ms": 1_000}
    stage = Stage({"lot": "0.0001", "funding": funding})
    maker = stage.open(10**9)
    stage.oracle(given.number("index"))
    for side, name in ((Side.BUY, "bids"), (Side.SELL, "asks")):
        for level in given.parts(name):
            stage.place(maker, side, level.number("1"), level.number("0"))
    (sample,) = of(FundingSampled, stage.later(1))
    return {"premium_ppm": int(Fraction(sample.premium_ppt, MICRO))}


@adapter("derive_auction", "hourly_funding_rate", calls=(*PREMIUM, RATE))
def derive_rate(given: Given) -> Result:
    index = given.fixed("index", NANO)
    if given.number("static_interest") != 0:
        raise given.refuse("static_interest", "0: the venue adds interest before it divides by the time of convergence")
    bid, ask = (distance(given.fixed(name, NANO), index, PPT) for name in ("impact_bid", "impact_ask"))
    rate = clamped_rate(premium_of(bid, ask), 0, 0, given.fixed("convergence_h", 1), given.fixed("cap_per_hour", PPT))
    return {"rate_per_hour": plain(rate, PPT)}


@adapter("bybit", "interest_component", calls=("trading.funding.interest_of",))
def bybit_interest(given: Given) -> Result:
    rates = given.fixed("quote_rate_day", PPT), given.fixed("base_rate_day", PPT)
    return {"interest": plain(interest_of(*rates, 1, given.fixed("intervals", 1)), PPT)}


@adapter("dydx_v4", "impact_notional", calls=("trading.funding.notional_on",))
def dydx_impact_notional(given: Given) -> Result:
    return {"impact_notional": plain(notional_on(given.fixed("numerator_usdc", MICRO), ppm(given, "imf")), MICRO)}


# -- the rate --


@adapter("dydx_v4", "funding_cap_8h", calls=("trading.funding.margin_cap",))
def dydx_cap(given: Given) -> Result:
    return {"cap_8h": plain(margin_cap(ppm(given, "clamp_factor"), ppm(given, "imf"), ppm(given, "mmf")), PPT)}


@adapter("deribit", "funding_damper", calls=(RATE,))
def deribit_damper(given: Given) -> Result:
    """Without interest the clamp towards it is the damper."""
    rate = clamped_rate(given.fixed("premium", PPT), 0, given.fixed("damper", PPT), 1, given.fixed("cap", PPT))
    return {"rate_8h": plain(rate, PPT)}


@adapter("bitmex", "funding_cap_per_day", calls=(RUNS, RATE, "trading.funding.accrued"))
def bitmex_cap(given: Given) -> Result:
    """A day of a venue whose premium is far above the cap."""
    return {"per_day": [a_day_at_the_cap(given.fixed("cap_per_interval", PPT), hours) for hours in members(given, "interval_h", 1)]}


def a_day_at_the_cap(cap_ppt: int, hours: int) -> Fraction:
    terms = {"impact_notional": 100, "interval_ms": hours * 3_600_000, "sample_interval_ms": 3_600_000, "cap_ppt": cap_ppt}
    stage = Stage({"funding": terms})
    maker = stage.open(10**9)
    stage.oracle(100)
    stage.place(maker, Side.BUY, 100, 110)
    stage.place(maker, Side.SELL, 100, 111)
    charged = of(FundingCharged, [event for _ in range(24) for event in stage.later(3_600)])
    return plain(sum(event.rate_ppt for event in charged), PPT)


# -- the payment --


def pays(rate: int, worth: int, lots: int, share: int = 1, parts: int = 1) -> Fraction:
    """What a position of `lots` (signed) pays for a part of an interval, each lot being worth `worth` [1e-9]."""
    per_lot, _ = accrued(rate, worth << SHIFT, share, parts, 0, PPT)
    return plain(accrual_due(abs(lots), per_lot if lots > 0 else -per_lot, SHIFT), NANO)


@adapter("derive_auction", "funding_payment", calls=PAID)
def derive_payment(given: Given) -> Result:
    lots = given.fixed("size", LOTS)
    return {"short_receives": -pays(given.fixed("rate_per_hour", PPT), given.fixed("index", PER_LOT), lots, given.fixed("hours", 1))}


@adapter("injective_fba", "funding_payment", "funding_payment_negative", calls=PAID)
def injective_payment(given: Given) -> Result:
    """The whole position as one lot."""
    return {"pays": pays(given.fixed("rate", PPT), given.fixed("notional", NANO), side_of(given))}


@adapter("paradex", "continuous_funding", calls=(RATE, *PAID))
def paradex_funding(given: Given) -> Result:
    premium, baseline, clamp, highest = (given.fixed(name, PPT) for name in ("premium_rate", "baseline", "clamp", "max_rate"))
    if given.number("multiplier") != 1:
        raise given.refuse("multiplier", "1: the venue has no multiplier of the rate")
    rate = clamped_rate(premium, baseline, clamp, 1, highest)
    spot, lots = given.fixed("spot", PER_LOT), given.fixed("size", LOTS)
    share, parts = given.fixed("window_s", 1), given.fixed("period_h", 3_600)
    whole, part = accrued(rate, spot, 1, 1, 0, PPT), accrued(rate, spot, share, parts, 0, PPT)
    return {
        "raw_rate": plain(rate, PPT),
        "premium_per_btc_8h": plain(whole[0], PER_LOT),
        "index_delta": plain(part[0], PER_LOT),
        "pnl": -pays(rate, spot, lots, share, parts),
        "pnl_8h": -pays(rate, spot, lots),
    }


# -- mark prices --


@adapter("binance", "mark_price_median", calls=tuple(f"trading.mark.{name}" for name in ("fair_price", "basis_price", "median3")))
def binance_mark(given: Given) -> Result:
    """Funding is for eight hours there."""
    index, last = given.fixed("index", NANO), given.fixed("contract_price", NANO)
    first = fair_price(index, given.fixed("last_funding", PPT), given.fixed("time_to_funding_h", MICRO), 8 * MICRO, PPT)
    second = basis_price(index, given.fixed("ma_basis", NANO), 1)
    return {"price1": plain(first, NANO), "price2": plain(second, NANO), "mark": plain(median3(first, second, last), NANO)}


@adapter("bitmex", "fair_price", calls=("trading.mark.fair_price",))
def bitmex_fair(given: Given) -> Result:
    times = given.fixed("time_to_funding_h", MICRO), given.fixed("interval_h", MICRO)
    return {"mark": plain(fair_price(given.fixed("index", NANO), given.fixed("funding_rate", PPT), *times, PPT), NANO)}


@adapter("deribit", "legacy_mark_selection", calls=("trading.mark.median3",))
def deribit_mark(given: Given) -> Result:
    """The last price held within the book is the median of the three."""
    bid, ask = given.fixed("bid", MICRO), given.fixed("ask", MICRO)
    return {"mark": [plain(median3(bid, ask, last), MICRO) for last in members(given, "last", MICRO)]}
