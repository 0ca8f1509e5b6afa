"""How a design becomes records and rules of the core."""

from __future__ import annotations

from typing import Final, TypeVar

from ..liquidation.adl import AutoDeleverage
from ..liquidation.backstops import Backstop
from ..liquidation.ranks import AdlRank
from ..liquidation.screening import AlarmScreen, Screen
from ..liquidation.selections import AdlSelection
from ..liquidation.slices import Terms
from ..liquidation.steps import LiquidationStep
from ..liquidation.vault import Vault
from ..money.ledger import Ledger
from ..schema import kinds as k
from ..state import types as t
from ..state.market import CLASSES, PRO_RATA, TOP_FIRST
from ..state.market import Market as MarketRecord
from ..state.state import State
from ..trading.curve import Curve
from ..trading.fee_tiers import FeeTiers
from ..trading.funding import FundingRule, FundingTerms
from ..trading.gas import GasDesk
from ..trading.mark import MarkRule
from ..trading.payments import PaymentDesk
from ..trading.sequencing import Latencies, Sequencing
from .parameters import MICRO, NS, Parameters
from .parameters_funding import TradedDesign
from .reader import DesignError
from .registry import find
from .shipped import Place
from .structs import AdlDesign, LiquidationDesign, Market, VenueDesign

T = TypeVar("T")
RECEIVERS: Final = {"insurance_fund": int(t.INSURANCE), "vault": int(t.VAULT), "fees": int(t.FEES), "trader": int(t.NIL)}

# -- markets ----------------------------------------------------------------------------------------------------------------------


def accrual_shift(market: Market) -> int:
    """The finest scale of per-lot accruals that cannot overflow: the value of a lot at max_price stays below 2^51, ACCRUAL_LIMIT / 2^5."""
    lot_value = int(market.max_price / market.tick) * market.unit
    return max(0, min(48, 61 - 10 - lot_value.bit_length()))


def most_lots(venue: VenueDesign, market: Market) -> int:
    """The largest position: the more markets share its asset, the less room each has, so that sums over an account stay in 64 bits. In a
    spot market the largest order: as much as there can be of its asset."""
    if market.is_spot:
        return min(int(t.MAX_LOTS), int(t.MAX_SUPPLY) // market.base_lot)
    sharing = sum(1 for one in venue.markets if one.settlement_asset == market.settlement_asset and not one.is_spot)
    room = min(int(t.POSITION_ROOM), int(t.SUM_ROOM) // sharing)
    return min(int(t.MAX_LOTS), room // (int(market.max_price / market.tick) * market.unit))


def fill_market(record: MarketRecord, venue: VenueDesign) -> None:
    """Write a market's terms into its record."""
    market = venue.markets[record.number]
    record.asset = venue.assets.index(market.settlement_asset)
    record.payoff = int(k.LINEAR)
    record.unit = market.unit
    if market.is_spot:
        record.is_spot = 1
        record.base = venue.assets.index(market.base_asset)
        record.base_lot = market.base_lot
    record.max_price = int(market.max_price / market.tick)
    record.max_lots = most_lots(venue, market)
    record.significant_figures = market.significant_figures
    record.minimum_notional = market.minimum_notional * MICRO
    record.price_band_ppm = market.price_band_ppm
    record.open_interest_cap = min(int(t.MAX_LOTS), int(market.open_interest_cap / market.lot))
    record.maker_fee_ppb = market.maker_fee_ppb
    record.taker_fee_ppb = market.taker_fee_ppb
    record.has_fee_tiers = int(bool(venue.fee_tiers or venue.maker_tiers))
    record.averages.fee_deviation_ppb = market.jump_fee_deviation_ppm * 1_000
    record.averages.fee_decay_ppm = market.jump_fee_decay_ppm
    record.averages.least_fee_ppb = market.jump_fee_least_ppm * 1_000
    record.max_leverage = market.max_leverage
    record.default_leverage = market.default_leverage or market.max_leverage
    record.accrual_shift = accrual_shift(market)
    record.stale_after = market.oracle.stale_after_ms * NS
    record.sums_trades = int(isinstance(market.funding.own, TradedDesign))
    fill_curve(record, market)
    fill_matching(record, market)
    record.is_plain = int(record.matching == 0 and record.curve_role == 0)
    record.taker_rate_ppb = market.taker_fee_ppb
    record.on_stale = ("keep_last", "halt_new_risk", "pause_liquidation").index(market.oracle.on_stale)
    fill_tiers(record, market)


def fill_collateral(state: State, venue: VenueDesign) -> None:
    """What stands in for cash, and what hedges what."""
    names = [market.name for market in venue.markets]
    state.max_debt = venue.max_debt * MICRO
    for design in venue.collateral:
        asset = venue.assets.index(design.asset)
        state.has_collateral = True
        state.collateral_market[asset] = next(n for n, market in enumerate(venue.markets) if market.base_asset == design.asset)
        state.collateral_weight[asset] = design.weight_ppm
        if design.hedges:
            number = names.index(design.hedges)
            state.hedge_market[asset] = number
            state.hedged_weight[asset] = design.hedged_weight_ppm
            state.markets[number].hedge_asset = asset
            state.markets[number].hedge_lot = venue.markets[number].base_lot
            state.markets[number].hedge_kept_ppm = design.hedged_margin_ppm


def fill_curve(record: MarketRecord, market: Market) -> None:
    """Terms of the market's curve, if it has one."""
    design = market.curve
    if design.rule == "none":
        return
    record.curve_role = 1 + ("separate", "interleaved", "jit", "last_resort").index(design.role)
    record.curve_stale_after = design.stale_after_ms * NS
    record.jit_share_ppm = design.jit_share_ppm
    record.reducing_fee_ppb = market.taker_fee_ppb if design.reducing_fee_ppb < 0 else design.reducing_fee_ppb
    record.pool_fee_ppm = design.fee_share_ppm
    record.pool_margin_ppm = design.margin_ppm
    record.pool_is_virtual = int(design.capital == 0 and design.rule != "concentrated")
    record.pool_lock = design.lock_ms * NS
    record.pool_adl_trigger_ppm = design.adl_trigger_ppm
    record.pool_adl_target_ppm = design.adl_target_ppm


def tier_deduction(before: int, lower: int, rate_before: int, rate: int) -> int:
    """What is deducted from notional x rate in a tier that begins at `lower`, so that the requirement is continuous there (Binance's
    maintenance amount). In the unit of lower x rate."""
    return before + lower * (rate - rate_before)


def fill_matching(record: MarketRecord, market: Market) -> None:
    """How orders of one price are filled."""
    design = market.matching
    rules = {"price_time": 0, "pro_rata": int(PRO_RATA), "top_pro_rata": int(PRO_RATA | TOP_FIRST)}
    record.matching = rules[design.rule] | (int(CLASSES) if design.queue_classes else 0)
    record.top_share_ppm = design.top_share_ppm
    record.least_share = design.least_share


def fill_tiers(record: MarketRecord, market: Market) -> None:
    """Tier rates and deductions; these are exact in micro-units, since bounds are whole USD."""
    if market.is_spot:
        return
    record.tiers = len(market.tiers)
    initial = maintenance = 0
    before = market.tiers[0]
    for number, tier in enumerate(market.tiers):
        initial = tier_deduction(initial, tier.lower_notional, before.initial_margin_ppm, tier.initial_margin_ppm)
        maintenance = tier_deduction(maintenance, tier.lower_notional, before.maintenance_margin_ppm, tier.maintenance_margin_ppm)
        record.tier_lower[number] = tier.lower_notional * MICRO
        record.initial_ppm[number] = tier.initial_margin_ppm
        record.initial_deduction[number] = initial
        record.maintenance_ppm[number] = tier.maintenance_margin_ppm
        record.maintenance_deduction[number] = maintenance
        before = tier


# -- rules ------------------------------------------------------------------------------------------------------------------------


def made(base: type[T], key: str, name: str, given: object, place: Place) -> T:
    """A new rule, by the key and the name that a design has for it."""
    rule = find(key, name)
    if rule is None:
        raise DesignError(f"{key} is {name!r}, which is no longer registered")
    found = rule.made(given, place)
    if not isinstance(found, base):
        raise DesignError(f"{key} is {name!r}: made {found!r}, expected a {base.__name__}")
    return found


def table_of(design: VenueDesign | LiquidationDesign | AdlDesign, name: str) -> object:
    """What a design says to a rule that it names."""
    return design.own.get(name) or getattr(design, name, None) or Parameters()


def mark_rule(market: Market) -> MarkRule:
    return made(MarkRule, "mark.rule", market.mark.rule, market.mark.own, Place(market))


def curve_rule(market: Market) -> Curve:
    """The base, which is never asked, where the market has no curve."""
    if market.curve.rule == "none":
        return Curve()
    return made(Curve, "curve.rule", market.curve.rule, market.curve.own, Place(market))


def funding_rule(market: Market) -> FundingRule:
    return made(FundingRule, "funding.rule", market.funding.rule, market.funding.own, Place(market))


def funding_terms(market: Market) -> FundingTerms:
    design = market.funding
    return FundingTerms(design.sample_interval_ms * NS, design.interval_ms * NS, design.payment == "continuous", design.price == "mark")


def backstop_rules(venue: VenueDesign) -> tuple[list[Backstop], list[Backstop]]:
    """The cash payers in order, and those of them that come before auto-deleveraging."""
    before = venue.backstops.index("auto_deleverage") if "auto_deleverage" in venue.backstops else len(venue.backstops)
    names = [name for name in venue.backstops if name != "auto_deleverage"]
    payers = [made(Backstop, "backstops", name, table_of(venue, name), Place()) for name in names]
    return payers, payers[:before]


def adl_rule(venue: VenueDesign) -> AutoDeleverage | None:
    adl = venue.auto_deleverage
    if "auto_deleverage" not in venue.backstops:
        return None
    rank = made(AdlRank, "auto_deleverage.rank", adl.rank, table_of(adl, adl.rank), Place())
    selection = made(AdlSelection, "auto_deleverage.selection", adl.selection, table_of(adl, adl.selection), Place())
    return AutoDeleverage(rank, selection, adl.seed, adl.price == "bankruptcy", adl.trigger == "fund_insufficient")


def liquidation_terms(venue: VenueDesign) -> Terms:
    design = venue.liquidation
    return Terms(
        design.retry_ms * NS, design.fee_ppm, design.fee_fund_share_ppm, RECEIVERS[design.fee_to], RECEIVERS[design.surplus_to],
        design.fee_from == "fund",
    )  # fmt: skip


def vault_rule(venue: VenueDesign) -> Vault:
    design = venue.vault
    capital = design.capital * MICRO
    return Vault(
        capital, capital * design.loss_limit_ppm // 1_000_000, design.unwind_interval_ms * NS, design.unwind_ppm, design.unwind_band_ppm
    )


def liquidation_steps(venue: VenueDesign, vault: Vault) -> list[LiquidationStep]:
    design = venue.liquidation
    return [made(LiquidationStep, "liquidation.steps", name, table_of(design, name), Place(vault=vault)) for name in design.steps]


def sequencing_rule(venue: VenueDesign) -> Sequencing:
    return made(Sequencing, "sequencing.rule", venue.sequencing.rule, venue.sequencing.own, Place())


def latencies(venue: VenueDesign) -> Latencies:
    design = venue.sequencing
    retail = design.taker_latency_ms if design.retail_taker_latency_ms < 0 else design.retail_taker_latency_ms
    return Latencies(design.taker_latency_ms * NS, retail * NS, design.maker_latency_ms * NS, design.cancel_latency_ms * NS)


def gas_desk(venue: VenueDesign, state: State, ledger: Ledger) -> GasDesk:
    gas = venue.gas
    return GasDesk(state, ledger, gas.place, gas.amend, gas.cancel, gas.liquidity)


def screen_rule(venue: VenueDesign) -> Screen | None:
    """None: a pass walks all open positions."""
    if venue.screen.rule == "everyone" and not venue.collateral:
        return None
    if venue.screen.rule == "auto" or venue.collateral:  # who owes without a position is in no list of positions
        return AlarmScreen()
    return made(Screen, "screen.rule", venue.screen.rule, venue.screen.own, Place())


def fill_fee_tiers(tiers: FeeTiers, venue: VenueDesign) -> None:
    tiers.window = venue.fee_window_days
    for tier in venue.fee_tiers:
        tiers.volumes.append(tier.volume * MICRO)
        tiers.makers.append(tier.maker_fee_ppb)
        tiers.takers.append(tier.taker_fee_ppb)
    for rebate in venue.maker_tiers:
        tiers.shares.append(rebate.share_ppm)
        tiers.rebates.append(rebate.rebate_ppb)


def fill_payments(desk: PaymentDesk, venue: VenueDesign) -> None:
    money = venue.money
    desk.deposit_delay = money.deposit_delay_ms * NS
    desk.withdraw_delay = money.withdraw_delay_ms * NS
    desk.transfer_delay = money.transfer_delay_ms * NS
    desk.withdrawals = ("any", "flat", "none").index(money.withdrawals)
    desk.transfers = ("any", "same_owner", "none").index(money.transfers)
