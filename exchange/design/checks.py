"""What the types of a design cannot say: values that do not fit together, each told with its key, what was given and what was expected."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Final

from ..state import types as t
from .checks_curves import check_curve
from .checks_spot import check_collateral, check_kind
from .parameters import (
    LEAST_BLOCK_MS,
    LEAST_MS,
    MICRO,
    MOST_IMPACT,
    AuctionDesign,
    BatchAuctionDesign,
    BlocksDesign,
    PremiumDesign,
    RequestDesign,
    TakerAuctionDesign,
)
from .parameters_funding import AdaptiveSkewDesign, CurveMedianDesign, CurveTwapDesign, OfCurve, TradedDesign, TwapDesign, VelocityDesign
from .reader import DesignError
from .structs import Market, Tier, VenueDesign

Refuse = Callable[[str, object, str], None]  # key, given, expected

MOST_STEPS: Final = 1_000  # of a taker's auction: what a day's jump finds due stays bounded


class VenueError(DesignError):
    """A design that cannot be used; the message is complete."""


def checked(venue: VenueDesign, file: str) -> VenueDesign:
    """What types cannot say. Raises VenueError."""

    def refuse(key: str, given: object, expected: str) -> None:
        raise VenueError(f"{file}: {key} is {given}: expected {expected}")

    names: set[str] = set()
    for number, market in enumerate(venue.markets):
        if market.name in names:
            refuse(f"markets[{number}].name", repr(market.name), "a name that no market before it has")
        names.add(market.name)
        check_market(venue, market, f"markets[{number}]", refuse)
    if len(set(venue.liquidation.steps)) != len(venue.liquidation.steps):
        refuse("liquidation.steps", venue.liquidation.steps, "each step once")
    if len(set(venue.backstops)) != len(venue.backstops):
        refuse("backstops", venue.backstops, "each backstop once")
    if 0 < venue.vault.unwind_interval_ms < LEAST_MS:
        refuse("vault.unwind_interval_ms", venue.vault.unwind_interval_ms, f"0 for never, or at least {LEAST_MS}")
    if "takeover" in venue.liquidation.steps and venue.vault.capital == 0:
        refuse("vault.capital", 0, "a capital, since liquidation.steps has a takeover")
    check_collateral(venue, refuse)
    check_auction(venue.liquidation.dutch_auction, refuse)
    check_sequencing(venue, refuse)
    if venue.fee_tiers or venue.maker_tiers:
        check_fee_tiers(venue, refuse)
    if "liquidity_pool" in venue.backstops and all(market.curve.capital == 0 for market in venue.markets):
        refuse("backstops", "liquidity_pool", "a market whose curve has a capital: it is the pool of the loser's market that pays")
    if "liquidity_pool" in venue.backstops and any(market.curve.rule == "concentrated" for market in venue.markets):
        refuse("backstops", "liquidity_pool", "none, since a market has a concentrated curve: its money belongs to the owners of ranges")
    return venue


def check_auction(auction: AuctionDesign, refuse: Refuse) -> None:
    key = "liquidation.dutch_auction"
    if auction.fast_ms >= auction.duration_ms:
        refuse(f"{key}.fast_ms", auction.fast_ms, f"less than duration_ms ({auction.duration_ms})")
    if auction.cutoff_ppm > auction.start_ppm:
        refuse(f"{key}.cutoff_ppm", auction.cutoff_ppm, f"at most start_ppm ({auction.start_ppm})")
    if auction.cutoff_ppm > 0 and auction.fast_ms == 0:
        refuse(f"{key}.fast_ms", 0, "the time in which the price falls to cutoff_ppm")


def check_sequencing(venue: VenueDesign, refuse: Refuse) -> None:
    own = venue.sequencing.own
    if isinstance(own, BlocksDesign | BatchAuctionDesign) and own.interval_ms < LEAST_BLOCK_MS:
        expected = f"at least {LEAST_BLOCK_MS}: a block of no time gathers nothing; rule = 'continuous' takes commands as they come"
        refuse("sequencing.interval_ms", own.interval_ms, expected)
    if isinstance(own, RequestDesign):
        check_requests(venue, own, refuse)
    if isinstance(own, TakerAuctionDesign) and own.step_ms > own.duration_ms:
        refuse("sequencing.step_ms", own.step_ms, f"at most duration_ms ({own.duration_ms})")
    if isinstance(own, TakerAuctionDesign) and own.duration_ms > MOST_STEPS * own.step_ms:
        refuse("sequencing.step_ms", own.step_ms, f"at least duration_ms / {MOST_STEPS}: an auction has that many steps at most")
    if isinstance(own, TakerAuctionDesign):
        for number, market in enumerate(venue.markets):
            if market.curve.rule != "none" and market.curve.role == "separate":
                expected = "another role: a dutch_auction offers orders to makers first, and where role is 'separate' nothing rests"
                refuse(f"markets[{number}].curve.role", "'separate'", expected)
    if isinstance(own, BatchAuctionDesign):
        for number, market in enumerate(venue.markets):
            key = f"markets[{number}]"
            if market.curve.rule != "none":
                refuse(f"{key}.curve.rule", repr(market.curve.rule), "'none': a batch auction has one price, a curve has its own")
            if market.matching.rule != "price_time" or market.matching.queue_classes:
                refuse(f"{key}.matching", market.matching.rule, "price_time without queue classes: a batch auction clears the book by time")


def check_requests(venue: VenueDesign, own: RequestDesign, refuse: Refuse) -> None:
    """A request waits for the latency of its class, then for `delay_ms`; its expiry counts from when it came."""
    design = venue.sequencing
    latency = max(design.taker_latency_ms, design.retail_taker_latency_ms, design.maker_latency_ms)
    if any(market.curve.rule != "none" for market in venue.markets):
        latency = max(latency, design.cancel_latency_ms)  # of removed liquidity, which waits for a price as well; cancels do not
    if own.expiry_ms <= own.delay_ms + latency:
        sum_of = f"delay_ms ({own.delay_ms})" + (f" and the longest latency ({latency})" if latency else "")
        refuse("sequencing.expiry_ms", own.expiry_ms, f"more than {sum_of}: a request would be gone before its price")


def check_fee_tiers(venue: VenueDesign, refuse: Refuse) -> None:
    """Tiers rise, and no rebate is more than what the cheapest taker pays: the venue pays nothing out of its own."""
    for number, (before, tier) in enumerate(zip(venue.fee_tiers, venue.fee_tiers[1:], strict=False), 1):
        if tier.volume <= before.volume:
            refuse(f"fee_tiers[{number}].volume", tier.volume, f"more than that of the tier before ({before.volume})")
    for number, (lower, higher) in enumerate(zip(venue.maker_tiers, venue.maker_tiers[1:], strict=False), 1):
        if higher.share_ppm <= lower.share_ppm:
            refuse(f"maker_tiers[{number}].share_ppm", higher.share_ppm, f"more than that of the tier before ({lower.share_ppm})")
    least = min([*(market.taker_fee_ppb for market in venue.markets), *(tier.taker_fee_ppb for tier in venue.fee_tiers)])
    for number, tier in enumerate(venue.fee_tiers):
        if tier.maker_fee_ppb + least < 0:
            refuse(f"fee_tiers[{number}].maker_fee_ppb", tier.maker_fee_ppb, f"a rebate of at most the lowest taker fee ({least})")
    for number, rebate in enumerate(venue.maker_tiers):
        if rebate.rebate_ppb > least:
            refuse(f"maker_tiers[{number}].rebate_ppb", rebate.rebate_ppb, f"at most the lowest taker fee ({least})")
    for number, market in enumerate(venue.markets):
        if market.maker_fee_ppb + least < 0:
            refuse(f"markets[{number}].maker_fee_ppb", market.maker_fee_ppb, f"a rebate of at most the lowest taker fee ({least})")


def check_market(venue: VenueDesign, market: Market, key: str, refuse: Refuse) -> None:
    if market.settlement_asset not in venue.assets:
        refuse(f"{key}.settlement_asset", repr(market.settlement_asset), f"one of {venue.assets}")
    for name in ("tick", "lot", "max_price", "open_interest_cap"):
        if not getattr(market, name).is_finite():
            refuse(f"{key}.{name}", getattr(market, name), "a number")
    if market.tick <= 0 or market.lot <= 0:
        refuse(f"{key}.tick and lot", f"{market.tick} and {market.lot}", "numbers above 0")
    unit = market.tick * market.lot * MICRO
    if unit != int(unit) or unit < 1:
        smallest = Decimal(1) / MICRO / market.tick
        refuse(f"{key}.lot", market.lot, f"tick x lot a whole number of micro-units; the smallest legal lot is {smallest.normalize():f}")
    ticks = market.max_price / market.tick
    if ticks != int(ticks) or not 1 <= ticks <= int(t.MAX_PRICE):
        refuse(f"{key}.max_price", market.max_price, f"a multiple of the tick of at most {int(t.MAX_PRICE)} ticks")
    if int(ticks) * int(unit) > 1 << 45:
        refuse(f"{key}.max_price", market.max_price, f"a lot to be worth at most {(1 << 45) // MICRO} USD at that price")
    check_kind(venue, market, key, refuse)
    if market.open_interest_cap < 0 or 0 < market.open_interest_cap < market.lot:
        refuse(f"{key}.open_interest_cap", market.open_interest_cap, f"0 for none, or at least a lot ({market.lot})")
    if market.maker_fee_ppb + market.taker_fee_ppb < 0:
        refuse(f"{key}.maker_fee_ppb", market.maker_fee_ppb, "a rebate of at most the taker fee")
    if market.default_leverage > market.max_leverage:
        refuse(f"{key}.default_leverage", market.default_leverage, f"at most max_leverage ({market.max_leverage})")
    if 0 < market.mark.cadence_ms < LEAST_MS:
        refuse(f"{key}.mark.cadence_ms", market.mark.cadence_ms, f"0 for only with the oracle, or at least {LEAST_MS}")
    if market.funding.payment == "continuous" and market.funding.interval_ms % market.funding.sample_interval_ms:
        refuse(f"{key}.funding.sample_interval_ms", market.funding.sample_interval_ms, "a divisor of interval_ms, for continuous payment")
    check_rules_of_curves(market, key, refuse)
    if not market.is_spot:
        check_tiers(market, key, refuse)
    check_curve(market, key, refuse)


def check_rules_of_curves(market: Market, key: str, refuse: Refuse) -> None:
    """Mark and funding rules that need a curve, and what their averages need."""
    mark, funding = market.mark, market.funding
    for name, table in (("mark", mark), ("funding", funding)):
        if market.curve.rule == "none" and isinstance(table.own, OfCurve):
            expected = f"another rule, or a curve in {key}.curve: that rule goes by its price or its position"
            refuse(f"{key}.{name}.rule", repr(table.rule), expected)
    if isinstance(mark.own, CurveTwapDesign | CurveMedianDesign) and not LEAST_MS <= mark.cadence_ms <= mark.own.shortest_ms:
        expected = f"{LEAST_MS} to {mark.own.shortest_ms}: an average has to be looked at at least once in its window"
        refuse(f"{key}.mark.cadence_ms", mark.cadence_ms, expected)
    check_funding(market, f"{key}.funding", refuse)


def check_funding(market: Market, key: str, refuse: Refuse) -> None:
    own, has_curve = market.funding.own, market.curve.rule != "none"
    if isinstance(own, PremiumDesign) and not market.is_spot:
        most = MOST_IMPACT * market.tiers[0].initial_margin_ppm // t.PPM
        if own.impact_margin > most:
            expected = f"at most {most}: at the first tier's initial margin that opens {MOST_IMPACT:,} USD, as much as impact_notional"
            refuse(f"{key}.impact_margin", own.impact_margin, expected)
    if isinstance(own, TwapDesign):
        if not has_curve and own.of == "curve":
            refuse(f"{key}.of", "'curve'", "'mark', or a curve in the market: its price is what is averaged")
        if not has_curve and own.pool_cap_ppm != 0:
            refuse(f"{key}.pool_cap_ppm", own.pool_cap_ppm, "0, or a curve in the market: without a pool nobody pays the difference")
        if market.funding.price != "oracle":
            refuse(f"{key}.price", repr(market.funding.price), "'oracle': the spread of a twap_difference is a part of that price")
    if isinstance(own, TradedDesign) and market.funding.payment != "discrete":
        refuse(f"{key}.payment", repr(market.funding.payment), "'discrete': what was traded is weighted over the whole interval")
    if isinstance(own, VelocityDesign) and own.skew_scale < market.lot:
        refuse(f"{key}.skew_scale", own.skew_scale, f"at least a lot ({market.lot}): the skew is divided by it")
    if isinstance(own, VelocityDesign) and own.skew_scale / market.lot >= 1 << 36:
        most = int(market.lot * ((1 << 36) - 1))
        refuse(f"{key}.skew_scale", own.skew_scale, f"at most {most} coins, less than 2^36 lots: the rate is kept exactly")
    if isinstance(own, AdaptiveSkewDesign) and own.least_ppt > own.most_ppt:
        refuse(f"{key}.least_ppt", own.least_ppt, f"at most most_ppt ({own.most_ppt})")
    if isinstance(own, AdaptiveSkewDesign) and own.decrease_ppm > own.stable_ppm:
        refuse(f"{key}.decrease_ppm", own.decrease_ppm, f"at most stable_ppm ({own.stable_ppm})")


def check_tiers(market: Market, key: str, refuse: Refuse) -> None:
    if market.tiers[0].lower_notional != 0:
        refuse(f"{key}.tiers[0].lower_notional", market.tiers[0].lower_notional, "0")
    before: Tier | None = None
    for number, tier in enumerate(market.tiers):
        name = f"{key}.tiers[{number}]"
        if tier.maintenance_margin_ppm >= tier.initial_margin_ppm:
            expected = f"less than initial_margin_ppm ({tier.initial_margin_ppm})"
            refuse(f"{name}.maintenance_margin_ppm", tier.maintenance_margin_ppm, expected)
        if before is not None:
            if tier.lower_notional <= before.lower_notional:
                refuse(f"{name}.lower_notional", tier.lower_notional, f"more than that of the tier before ({before.lower_notional})")
            if tier.maintenance_margin_ppm < before.maintenance_margin_ppm or tier.initial_margin_ppm < before.initial_margin_ppm:
                refuse(f"{name}", tier, "rates that do not fall from tier to tier")
        before = tier
