"""The rules that ship, registered as anybody's: a line for each, and what makes it from its parameters where these are in other units.

Internal: `make` of these is also told where in the design the rule is used; a rule of one's own is made from its parameters alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple, TypeVar

from ..liquidation.auction import DutchAuction
from ..liquidation.backstops import InsuranceFund, LiquidityPool, SocializedLoss
from ..liquidation.haircut import ProfitHaircut
from ..liquidation.ranks import FirstOpened, HyperliquidIndex, ProfitLeverage, RandomRank
from ..liquidation.sales import SellCollateral
from ..liquidation.screening import Screen
from ..liquidation.selections import Greedy, ProRata
from ..liquidation.shortage import CoverShortage
from ..liquidation.steps import BAND, BANKRUPTCY, CASH_PAYERS, FILLABLE, BookStep
from ..liquidation.vault import Takeover, Vault
from ..trading.curve import Curve
from ..trading.curve_impact import OraclePool
from ..trading.curve_oracle import OracleSpread, SkewFill
from ..trading.curve_product import ConstantProduct
from ..trading.curve_ranges import Concentrated
from ..trading.curve_vamm import VammPegK
from ..trading.funding import FundingRule, PremiumFunding, interest_of, margin_cap, notional_on
from ..trading.funding_skew import BY_CURVE, BY_KINK, NONE, AdaptiveSkew, Borrowing, StaticSkew, VelocityFunding
from ..trading.funding_twap import TradedFunding, TwapFunding
from ..trading.mark import HyperliquidMark, OracleMark
from ..trading.mark_curve import CurveMark, CurveMedianMark, CurveTwapMark
from ..trading.sequencing import ARRIVAL, CANCELS_FIRST, HASH, PRIORITY_FEE, BatchAuction, Blocks, RequestExecute, Sequencing, TakerAuction
from . import curves
from .parameters import (
    MICRO,
    NS,
    AuctionDesign,
    BatchAuctionDesign,
    BlocksDesign,
    BookDesign,
    FundDesign,
    HyperliquidMarkDesign,
    Parameters,
    PremiumDesign,
    RequestDesign,
    ShortageDesign,
    TakeoverDesign,
    TakerAuctionDesign,
)
from .parameters_curves import (
    ConcentratedDesign,
    ConstantProductDesign,
    OraclePoolDesign,
    OracleSpreadDesign,
    SkewFillDesign,
    VammPegKDesign,
)
from .parameters_funding import (
    AdaptiveSkewDesign,
    CurveMedianDesign,
    CurveTwapDesign,
    OfCurve,
    SkewDesign,
    StaticSkewDesign,
    TradedDesign,
    TwapDesign,
    VelocityDesign,
)
from .reader import DesignError
from .registry import find, register
from .structs import Market

P = TypeVar("P", bound=Parameters)
DAY_MS: Final = 86_400_000
ORDERS: Final = {
    "arrival": int(ARRIVAL), "cancels_first": int(CANCELS_FIRST), "hash": int(HASH), "priority_fee": int(PRIORITY_FEE),
}  # fmt: skip
LIMITS: Final = {"cash_payers": int(CASH_PAYERS), "bankruptcy": int(BANKRUPTCY), "band": int(BAND), "fillable": int(FILLABLE)}
BORROWING: Final = {"none": int(NONE), "curve": int(BY_CURVE), "kink": int(BY_KINK)}


class Place(NamedTuple):
    """Where in a design a rule is used."""

    market: Market | None = None  # of mark, funding and curve rules
    vault: Vault | None = None  # of steps


def hyperliquid_mark(given: HyperliquidMarkDesign, place: Place) -> HyperliquidMark:
    assert place.market is not None
    funding = place.market.funding.own
    funded = impact_notional(funding if isinstance(funding, PremiumDesign) else PremiumDesign(), place.market)
    return HyperliquidMark(
        given.basis_window_ms * NS, given.local_window_ms * NS, given.impact_notional * MICRO or funded, given.quote_bound_ppm,
        given.last_age_ms * NS, funding_of(place.market) if given.third == "funding" else None, place.market.funding.interval_ms * NS,
    )  # fmt: skip


def funding_of(market: Market) -> FundingRule:
    """The rule of the market's funding once more, for a mark that asks what is to come."""
    rule = find("funding.rule", market.funding.rule)
    made = rule.made(market.funding.own, Place(market)) if rule is not None else None
    if not isinstance(made, FundingRule):
        raise DesignError(f"funding.rule is {market.funding.rule!r}, which is no longer registered")
    return made


def impact_notional(given: PremiumDesign, market: Market) -> int:
    """[micro]"""
    if given.impact_margin == 0:
        return given.impact_notional * MICRO
    return notional_on(given.impact_margin * MICRO, market.tiers[0].initial_margin_ppm)


def premium_funding(given: PremiumDesign, place: Place) -> PremiumFunding:
    market = place.market
    assert market is not None
    interest, cap = given.interest_ppt, given.cap_ppt
    if given.quote_rate_ppt or given.base_rate_ppt:
        interest = interest_of(given.quote_rate_ppt, given.base_rate_ppt, given.divisor * market.funding.interval_ms, DAY_MS)
    if given.cap_margin_ppm:
        first = market.tiers[0]
        cap = min(cap, margin_cap(given.cap_margin_ppm, first.initial_margin_ppm, first.maintenance_margin_ppm) // given.divisor)
    return PremiumFunding(impact_notional(given, market), interest, given.clamp_ppt, given.divisor, cap, given.quote_bound_ppm)


def curve_mark(given: OfCurve, place: Place) -> CurveMark:
    return CurveMark()


def curve_twap_mark(given: CurveTwapDesign, place: Place) -> CurveTwapMark:
    assert place.market is not None
    return CurveTwapMark(given.window_ms * NS, place.market.mark.cadence_ms * NS)


def curve_median_mark(given: CurveMedianDesign, place: Place) -> CurveMedianMark:
    assert place.market is not None
    return CurveMedianMark(
        given.short_window_ms * NS, given.long_window_ms * NS, given.premium_window_ms * NS, place.market.mark.cadence_ms * NS
    )


def twap_funding(given: TwapDesign, place: Place) -> TwapFunding:
    assert place.market is not None
    terms = place.market.funding
    return TwapFunding(
        given.of == "curve", terms.sample_interval_ms * NS, terms.interval_ms * NS, given.period_ms * NS, given.market_window_ms * NS,
        given.oracle_window_ms * NS, given.offset_divisor, given.limit_divisor, given.pool_cap_ppm,
    )  # fmt: skip


def traded_funding(given: TradedDesign, place: Place) -> TradedFunding:
    return TradedFunding(given.interest_each_ppt, given.premium_divisor, given.largest_ppt)


def velocity_funding(given: VelocityDesign, place: Place) -> VelocityFunding:
    assert place.market is not None
    terms = place.market.funding
    return VelocityFunding(skew_lots(given, place.market), given.velocity_ppt, terms.sample_interval_ms, terms.interval_ms)


def skew_lots(given: VelocityDesign, market: Market) -> int:
    """The skew scale in lots."""
    return int(given.skew_scale / market.lot)


def borrowing(given: SkewDesign) -> Borrowing:
    return Borrowing(
        BORROWING[given.borrowing], given.borrow_factor_ppt, given.borrow_exponent_tenths, given.optimal_ppm, given.above_ppt,
        given.reserve_ppm, given.is_smaller_free,
    )  # fmt: skip


def static_skew(given: StaticSkewDesign, place: Place) -> StaticSkew:
    assert place.market is not None
    interval = place.market.funding.interval_ms
    return StaticSkew(given.factor_ppt, given.exponent_tenths, given.most_ppt, interval, borrowing(given))


def adaptive_skew(given: AdaptiveSkewDesign, place: Place) -> AdaptiveSkew:
    assert place.market is not None
    terms = place.market.funding
    return AdaptiveSkew(
        given.exponent_tenths, given.increase_ppt, given.decrease_ppt, given.stable_ppm, given.decrease_ppm, given.least_ppt,
        given.most_ppt, terms.sample_interval_ms, terms.interval_ms, borrowing(given),
    )  # fmt: skip


def book_step(given: BookDesign, place: Place) -> BookStep:
    return BookStep(
        given.patience_ms * NS, given.partial_ppm, given.partial_above * MICRO, given.cooldown_ms * NS, given.band_ppm,
        LIMITS[given.limit], given.spread_ppm, given.adjustment_ppm, given.margin_spread_ppm,
    )  # fmt: skip


def dutch_auction(given: AuctionDesign, place: Place) -> DutchAuction:
    return DutchAuction(
        given.start_ppm, given.duration_ms * NS, given.insolvent_duration_ms * NS, given.buffer_ppm, given.cutoff_ppm, given.fast_ms * NS
    )


def takeover(given: TakeoverDesign, place: Place) -> Takeover:
    assert place.vault is not None
    return Takeover(place.vault, given.fraction_ppm)


def cover_shortage(given: ShortageDesign, place: Place) -> CoverShortage:
    return CoverShortage(
        given.patience_ms * NS, given.buffer_ppm, given.fee_ppm, max(given.fee_ppm, given.highest_fee_ppm), given.grace_ms * NS,
        given.slot_ms * NS, given.per_slot_ppm, given.small * MICRO, given.initial_ppm, given.duration_ms * NS,
    )  # fmt: skip


def insurance_fund(given: FundDesign, place: Place) -> InsuranceFund:
    return InsuranceFund(given.account_cap * MICRO, given.market_cap * MICRO, given.total_cap * MICRO, given.window_ms * NS)


def blocks(given: BlocksDesign, place: Place) -> Blocks:
    return Blocks(given.interval_ms * NS, ORDERS[given.order], given.seed)


def batch_auction(given: BatchAuctionDesign, place: Place) -> BatchAuction:
    return BatchAuction(given.interval_ms * NS)


def taker_auction(given: TakerAuctionDesign, place: Place) -> TakerAuction:
    return TakerAuction(given.duration_ms * NS, given.step_ms * NS, given.fraction)


def request_execute(given: RequestDesign, place: Place) -> RequestExecute:
    return RequestExecute(given.delay_ms * NS, given.expiry_ms * NS)


def for_market(make: Callable[[P, Market], Curve]) -> Callable[[P, Place], Curve]:
    """A maker of curves, which has to know the market's lot."""

    def made(given: P, place: Place) -> Curve:
        assert place.market is not None
        return make(given, place.market)

    return made


register("mark.rule", "oracle", OracleMark)
register("mark.rule", "hyperliquid", HyperliquidMark, params=HyperliquidMarkDesign, make=hyperliquid_mark)
register("funding.rule", "premium", PremiumFunding, params=PremiumDesign, make=premium_funding)
register("mark.rule", "curve", CurveMark, params=OfCurve, make=curve_mark)
register("mark.rule", "curve_twap", CurveTwapMark, params=CurveTwapDesign, make=curve_twap_mark)
register("mark.rule", "curve_median", CurveMedianMark, params=CurveMedianDesign, make=curve_median_mark)
register("funding.rule", "twap_difference", TwapFunding, params=TwapDesign, make=twap_funding)
register("funding.rule", "traded_premium", TradedFunding, params=TradedDesign, make=traded_funding)
register("funding.rule", "velocity", VelocityFunding, params=VelocityDesign, make=velocity_funding)
register("funding.rule", "static_skew", StaticSkew, params=StaticSkewDesign, make=static_skew)
register("funding.rule", "adaptive_skew", AdaptiveSkew, params=AdaptiveSkewDesign, make=adaptive_skew)
register("curve.rule", "constant_product", ConstantProduct, params=ConstantProductDesign, make=for_market(curves.constant_product))
register("curve.rule", "vamm_peg_k", VammPegK, params=VammPegKDesign, make=for_market(curves.vamm_peg_k))
register("curve.rule", "concentrated", Concentrated, params=ConcentratedDesign, make=for_market(curves.concentrated))
register("curve.rule", "oracle_spread", OracleSpread, params=OracleSpreadDesign, make=for_market(curves.oracle_spread))
register("curve.rule", "oracle_pool", OraclePool, params=OraclePoolDesign, make=for_market(curves.oracle_pool))
register("curve.rule", "skew_fill", SkewFill, params=SkewFillDesign, make=for_market(curves.skew_fill))
register("liquidation.steps", "book", BookStep, params=BookDesign, make=book_step)
register("liquidation.steps", "dutch_auction", DutchAuction, params=AuctionDesign, make=dutch_auction)
register("liquidation.steps", "takeover", Takeover, params=TakeoverDesign, make=takeover)
register("liquidation.steps", "collateral", SellCollateral)
register("liquidation.steps", "cover_shortage", CoverShortage, params=ShortageDesign, make=cover_shortage)
register("backstops", "insurance_fund", InsuranceFund, params=FundDesign, make=insurance_fund)
register("backstops", "socialized_loss", SocializedLoss)
register("backstops", "liquidity_pool", LiquidityPool)
register("backstops", "profit_haircut", ProfitHaircut)
register("auto_deleverage.rank", "profit_leverage", ProfitLeverage)
register("auto_deleverage.rank", "hyperliquid", HyperliquidIndex)
register("auto_deleverage.rank", "random", RandomRank)
register("auto_deleverage.rank", "fifo", FirstOpened)
register("auto_deleverage.selection", "greedy", Greedy)
register("auto_deleverage.selection", "pro_rata", ProRata)
register("sequencing.rule", "continuous", Sequencing)
register("sequencing.rule", "blocks", Blocks, params=BlocksDesign, make=blocks)
register("sequencing.rule", "batch_auction", BatchAuction, params=BatchAuctionDesign, make=batch_auction)
register("sequencing.rule", "dutch_auction", TakerAuction, params=TakerAuctionDesign, make=taker_auction)
register("sequencing.rule", "request_execute", RequestExecute, params=RequestDesign, make=request_execute)
register("screen.rule", "everyone", Screen)
