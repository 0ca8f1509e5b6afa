"""What rules may be told: the base of all their tables, and a struct for the table of each that ships, with bounds and defaults.

Money is in whole units of the settlement asset (USD), fractions are ppm, rates ppt, times milliseconds.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

Ppm = Annotated[int, Meta(ge=0, le=1_000_000)]
Ppt = Annotated[int, Meta(ge=0, le=1_000_000_000_000)]
Milliseconds = Annotated[int, Meta(ge=0, le=86_400_000 * 365)]
LEAST_MS: Final = 100  # of a timer
Interval = Annotated[int, Meta(ge=LEAST_MS, le=86_400_000)]  # a timer: bounded below, so that a day's jump stays a bounded amount of work
Usd = Annotated[int, Meta(ge=0, le=10_000_000_000)]
MOST_IMPACT: Final = 100_000_000  # [USD] that a quote may have to be good for
NS: Final = 1_000_000  # per millisecond
MICRO: Final = 1_000_000  # per unit of money


class Parameters(Struct, frozen=True, forbid_unknown_fields=True):
    """What a rule's table may say: a rule that can be told something subclasses this, with bounds and a default for every key."""


class HyperliquidMarkDesign(Parameters, frozen=True):
    basis_window_ms: Annotated[int, Meta(ge=1_000, le=3_600_000)] = 150_000
    local_window_ms: Annotated[int, Meta(ge=1_000, le=3_600_000)] = 30_000
    impact_notional: Annotated[int, Meta(ge=0, le=MOST_IMPACT)] = 0  # what a quote must be good for; 0: as funding's
    quote_bound_ppm: Annotated[int, Meta(ge=1, le=1_000_000)] = 10_000  # of the oracle: quotes and trades farther off do not count
    last_age_ms: Annotated[int, Meta(ge=0, le=86_400_000)] = 60_000  # the last trade does not count when it is older
    third: Literal["perpetuals", "funding"] = "perpetuals"  # the outside median; or the oracle with the funding to come


class PremiumDesign(Parameters, frozen=True):
    impact_notional: Annotated[int, Meta(ge=1, le=MOST_IMPACT)] = 20_000
    interest_ppt: Ppt = 100_000_000  # 0.01 % per `divisor` intervals
    clamp_ppt: Ppt = 500_000_000
    divisor: Annotated[int, Meta(ge=1, le=1_000)] = 8
    cap_ppt: Ppt = 40_000_000_000
    quote_rate_ppt: Ppt = 0  # of borrowing the two sides of the pair, per day: their difference is the interest; both 0: interest_ppt
    base_rate_ppt: Ppt = 0
    cap_margin_ppm: Annotated[int, Meta(ge=0, le=1_000_000_000)] = 0  # cap per `divisor` intervals, in (initial - maintenance); 0: none
    impact_margin: Usd = 0  # the impact notional is what this opens at the first tier's initial margin; 0: impact_notional
    quote_bound_ppm: Ppm = 0  # of the oracle: quotes farther off are no premium; 0: no bound


LEAST_BLOCK_MS: Final = 10  # of a venue's blocks: a block without commands costs nothing, so it may be short
BlockInterval = Annotated[int, Meta(ge=0, le=86_400_000)]  # checks.py refuses less than that, and says why


class BlocksDesign(Parameters, frozen=True):
    interval_ms: BlockInterval = 100
    order: Literal["arrival", "cancels_first", "hash", "priority_fee"] = "arrival"
    seed: Annotated[int, Meta(ge=0, le=(1 << 63) - 1)] = 0  # for the order that draws


class BatchAuctionDesign(Parameters, frozen=True):
    interval_ms: BlockInterval = 1_000


class TakerAuctionDesign(Parameters, frozen=True):
    duration_ms: Annotated[int, Meta(ge=10, le=600_000)] = 4_000  # 10 slots of 400 ms
    step_ms: Annotated[int, Meta(ge=10, le=600_000)] = 400
    fraction: Annotated[int, Meta(ge=2, le=1_000_000)] = 200  # the limit goes 1 / 200 of the price


class RequestDesign(Parameters, frozen=True):
    delay_ms: Annotated[int, Meta(ge=0, le=3_600_000)] = 1_000
    expiry_ms: Annotated[int, Meta(ge=1, le=86_400_000)] = 300_000


class BookDesign(Parameters, frozen=True):
    patience_ms: Milliseconds = 0
    partial_ppm: Annotated[int, Meta(ge=1, le=1_000_000)] = 1_000_000
    partial_above: Usd = 0
    cooldown_ms: Milliseconds = 30_000
    band_ppm: Annotated[int, Meta(ge=1, le=999_999)] = 200_000
    limit: Literal["cash_payers", "bankruptcy", "band", "fillable"] = "cash_payers"
    spread_ppm: Annotated[int, Meta(ge=0, le=999_999)] = 10_000  # beyond the mark: how far cash payers let an order go, at most
    adjustment_ppm: Annotated[int, Meta(ge=1, le=1_000_000_000)] = 1_000_000  # fillable: of how far the account is below maintenance
    margin_spread_ppm: Annotated[int, Meta(ge=0, le=100_000_000)] = 100_000  # fillable: of the requirement, where nothing is left


class AuctionDesign(Parameters, frozen=True):
    start_ppm: Ppm = 980_000
    duration_ms: Annotated[int, Meta(ge=100, le=86_400_000)] = 30_000
    fast_ms: Milliseconds = 0  # of it, in which the price falls to cutoff_ppm; 0: it falls in one line
    cutoff_ppm: Ppm = 0
    insolvent_duration_ms: Annotated[int, Meta(ge=100, le=86_400_000)] = 30_000
    buffer_ppm: Annotated[int, Meta(ge=0, le=10_000_000)] = 150_000


class TakeoverDesign(Parameters, frozen=True):
    fraction_ppm: Ppm = 666_667


class ShortageDesign(Parameters, frozen=True):
    """Defaults after Drift, whose slots are 0.4 s."""

    patience_ms: Milliseconds = 300_000
    buffer_ppm: Ppm = 20_000  # of maintenance, beyond it: what is to be restored
    fee_ppm: Annotated[int, Meta(ge=0, le=999_999)] = 10_000  # how far from the oracle an order may trade
    highest_fee_ppm: Annotated[int, Meta(ge=0, le=999_999)] = 30_000  # ... and how far at last
    grace_ms: Milliseconds = 600_000  # before it goes farther
    slot_ms: Annotated[int, Meta(ge=1, le=86_400_000)] = 400
    per_slot_ppm: Ppm = 1
    small: Usd = 50  # a shortage below this is covered at once
    initial_ppm: Annotated[int, Meta(ge=1, le=1_000_000)] = 100_000  # of the position: the most that is closed at first, growing to all
    duration_ms: Milliseconds = 60_000  # ... in this time; 0: at once


class FundDesign(Parameters, frozen=True):
    """Caps bound what is spent in each window of time; 0: no cap."""

    capital: Usd = 0
    account_cap: Usd = 0  # on one account
    market_cap: Usd = 0  # in one market
    total_cap: Usd = 0  # in one asset
    window_ms: Annotated[int, Meta(ge=1_000, le=86_400_000 * 365)] = 3_600_000
