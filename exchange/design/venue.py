"""VenueDesign: a frozen design. What its TOML may say, the shipped designs, and how a design becomes rules of the core.

Money is in whole units of the settlement asset (USD), prices and coins are decimal strings or numbers, fractions are ppm, fees ppb, rates
ppt, times milliseconds. A design may extend another (`extends = "base"`) and override single keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from ..liquidation.adl import AdlRank, AutoDeleverage, HyperliquidIndex, ProfitLeverage
from ..liquidation.auction import DutchAuction
from ..liquidation.backstops import Backstop, InsuranceFund, SocializedLoss
from ..liquidation.slices import Terms
from ..liquidation.steps import BAND, BANKRUPTCY, CASH_PAYERS, BookStep, LiquidationStep
from ..liquidation.vault import Takeover, Vault
from ..schema import kinds as k
from ..state import types as t
from ..state.market import Market as MarketRecord
from ..trading.funding import FundingRule
from ..trading.mark import HyperliquidMark, MarkRule, OracleMark
from .reader import DesignError, Tree, convert, merged, nearest, read_toml

Ppm = Annotated[int, Meta(ge=0, le=1_000_000)]
Ppt = Annotated[int, Meta(ge=0, le=1_000_000_000_000)]
Milliseconds = Annotated[int, Meta(ge=0, le=86_400_000 * 365)]
LEAST_MS: Final = 100  # of a timer
Interval = Annotated[int, Meta(ge=LEAST_MS, le=86_400_000)]  # a timer: bounded below, so that a day's jump stays a bounded amount of work
Usd = Annotated[int, Meta(ge=0, le=10_000_000_000)]
NS: Final = 1_000_000  # per millisecond
MICRO: Final = 1_000_000  # per unit of money


class VenueError(DesignError):
    """A design that cannot be used; the message is complete."""


class Tier(Struct, frozen=True, forbid_unknown_fields=True):
    """Rates from `lower_notional` on. Deductions follow, so that both requirements are continuous."""

    lower_notional: Usd
    initial_margin_ppm: Annotated[int, Meta(ge=1, le=1_000_000)]
    maintenance_margin_ppm: Annotated[int, Meta(ge=1, le=1_000_000)]


class OracleView(Struct, frozen=True, forbid_unknown_fields=True):
    """When the venue calls its oracle stale, and what it does then."""

    stale_after_ms: Milliseconds = 0  # 0: never
    on_stale: Literal["keep_last", "halt_new_risk", "pause_liquidation"] = "keep_last"


class MarkDesign(Struct, frozen=True, forbid_unknown_fields=True):
    rule: Literal["oracle", "hyperliquid"] = "oracle"
    cadence_ms: Annotated[int, Meta(ge=0, le=86_400_000)] = 0  # 0: only with the oracle
    basis_window_ms: Annotated[int, Meta(ge=1_000, le=3_600_000)] = 150_000
    local_window_ms: Annotated[int, Meta(ge=1_000, le=3_600_000)] = 30_000
    impact_notional: Annotated[int, Meta(ge=0, le=100_000_000)] = 0  # what a quote must be good for; 0: as funding's
    quote_bound_ppm: Annotated[int, Meta(ge=1, le=1_000_000)] = 10_000  # of the oracle: quotes and trades farther off do not count
    last_age_ms: Annotated[int, Meta(ge=0, le=86_400_000)] = 60_000  # the last trade does not count when it is older


class FundingDesign(Struct, frozen=True, forbid_unknown_fields=True):
    impact_notional: Annotated[int, Meta(ge=1, le=100_000_000)] = 20_000
    interest_ppt: Ppt = 100_000_000  # 0.01 % per `divisor` intervals
    clamp_ppt: Ppt = 500_000_000
    divisor: Annotated[int, Meta(ge=1, le=1_000)] = 8
    cap_ppt: Ppt = 40_000_000_000
    sample_interval_ms: Interval = 5_000
    interval_ms: Interval = 3_600_000
    payment: Literal["discrete", "continuous"] = "discrete"
    price: Literal["oracle", "mark"] = "oracle"
    quote_bound_ppm: Annotated[int, Meta(ge=0, le=1_000_000)] = 0  # of the oracle: quotes farther off are no premium; 0: no bound


class Market(Struct, frozen=True, forbid_unknown_fields=True):
    name: Annotated[str, Meta(min_length=1, max_length=32)]
    tick: Decimal  # [USD]
    lot: Decimal  # [coins]
    max_price: Decimal  # [USD]
    tiers: Annotated[tuple[Tier, ...], Meta(min_length=1, max_length=8)]
    settlement_asset: str = "USD"
    payoff: Literal["linear"] = "linear"
    significant_figures: Annotated[int, Meta(ge=0, le=10)] = 0
    minimum_notional: Usd = 0
    price_band_ppm: Annotated[int, Meta(ge=0, le=999_999)] = 0
    open_interest_cap: Decimal = Decimal(0)  # [coins] of one side, 0: none
    maker_fee_ppb: Annotated[int, Meta(ge=-1_000_000_000, le=1_000_000_000)] = 0
    taker_fee_ppb: Annotated[int, Meta(ge=0, le=1_000_000_000)] = 0
    max_leverage: Annotated[int, Meta(ge=1, le=1_000)] = 1
    default_leverage: Annotated[int, Meta(ge=0, le=1_000)] = 0  # 0: the maximum
    oracle: OracleView = OracleView()
    mark: MarkDesign = MarkDesign()
    funding: FundingDesign = FundingDesign()

    @property
    def unit(self) -> int:
        """Micro-units per tick x lot."""
        return int(self.tick * self.lot * MICRO)


class BookDesign(Struct, frozen=True, forbid_unknown_fields=True):
    patience_ms: Milliseconds = 0
    partial_ppm: Annotated[int, Meta(ge=1, le=1_000_000)] = 1_000_000
    partial_above: Usd = 0
    cooldown_ms: Milliseconds = 30_000
    band_ppm: Annotated[int, Meta(ge=1, le=999_999)] = 200_000
    limit: Literal["cash_payers", "bankruptcy", "band"] = "cash_payers"
    spread_ppm: Annotated[int, Meta(ge=0, le=999_999)] = 10_000  # beyond the mark: how far cash payers let an order go, at most


class AuctionDesign(Struct, frozen=True, forbid_unknown_fields=True):
    start_ppm: Ppm = 980_000
    duration_ms: Annotated[int, Meta(ge=100, le=86_400_000)] = 30_000
    insolvent_duration_ms: Annotated[int, Meta(ge=100, le=86_400_000)] = 30_000
    buffer_ppm: Annotated[int, Meta(ge=0, le=10_000_000)] = 150_000


class TakeoverDesign(Struct, frozen=True, forbid_unknown_fields=True):
    fraction_ppm: Ppm = 666_667


class LiquidationDesign(Struct, frozen=True, forbid_unknown_fields=True):
    steps: Annotated[tuple[Literal["book", "dutch_auction", "takeover"], ...], Meta(min_length=1, max_length=3)]
    retry_ms: Interval = 1_000
    fee_ppm: Ppm = 0
    fee_fund_share_ppm: Ppm = 0  # of the fee: to the insurance fund
    fee_to: Literal["vault", "fees"] = "fees"  # the rest of it
    surplus_to: Literal["trader", "insurance_fund", "vault"] = "trader"
    book: BookDesign = BookDesign()
    dutch_auction: AuctionDesign = AuctionDesign()
    takeover: TakeoverDesign = TakeoverDesign()


class FundDesign(Struct, frozen=True, forbid_unknown_fields=True):
    """Caps bound what is spent in each window of time; 0: no cap."""

    capital: Usd = 0
    account_cap: Usd = 0  # on one account
    market_cap: Usd = 0  # in one market
    total_cap: Usd = 0  # in one asset
    window_ms: Annotated[int, Meta(ge=1_000, le=86_400_000 * 365)] = 3_600_000


class VaultDesign(Struct, frozen=True, forbid_unknown_fields=True):
    capital: Usd = 0
    loss_limit_ppm: Ppm = 1_000_000  # of the capital
    unwind_interval_ms: Annotated[int, Meta(ge=0, le=86_400_000)] = 5_000  # 0: never
    unwind_ppm: Annotated[int, Meta(ge=1, le=1_000_000)] = 50_000
    unwind_band_ppm: Annotated[int, Meta(ge=0, le=999_999)] = 2_000


class AdlDesign(Struct, frozen=True, forbid_unknown_fields=True):
    rank: str = "profit_leverage"  # a name in ADL_RANKS
    price: Literal["bankruptcy", "mark"] = "bankruptcy"
    trigger: Literal["negative_equity", "fund_insufficient"] = "fund_insufficient"


class VenueDesign(Struct, frozen=True, forbid_unknown_fields=True):
    """A resolved design. Two venues that compare equal but for the name behave alike."""

    name: Annotated[str, Meta(min_length=1, max_length=64)]
    markets: Annotated[tuple[Market, ...], Meta(min_length=1, max_length=64)]
    liquidation: LiquidationDesign
    backstops: Annotated[tuple[Literal["insurance_fund", "auto_deleverage", "socialized_loss"], ...], Meta(max_length=3)]
    title: str = ""
    assets: Annotated[tuple[str, ...], Meta(min_length=1, max_length=8)] = ("USD",)
    max_open_orders: Annotated[int, Meta(ge=1, le=1_000_000)] = 1_000
    max_accounts: Annotated[int, Meta(ge=int(t.FIRST_USER), le=int(t.MAX_ACCOUNTS))] = 1_000_000  # system accounts included
    transfer_margin_ppm: Ppm = 0  # of notional: what stays in an account when money leaves it
    insurance_fund: FundDesign = FundDesign()
    vault: VaultDesign = VaultDesign()
    auto_deleverage: AdlDesign = AdlDesign()

    def to_json(self) -> bytes:
        """The design in full, defaults included; `venue_of_json` reads it back."""
        return msgspec.json.encode(self)


def venue_of_json(data: bytes) -> VenueDesign:
    return checked(msgspec.json.decode(data, type=VenueDesign), "journal header")


# -- loading ----------------------------------------------------------------------------------------------------------------------


def shipped_venues() -> list[str]:
    """Names of the designs that come with perplab."""
    names = [path.name.removesuffix(".toml") for path in files(__package__).joinpath("presets").iterdir() if path.name.endswith(".toml")]
    return sorted(name for name in names if name != "base")


def load_venue(name: str | Path, overrides: Mapping[str, object] | None = None) -> VenueDesign:
    """A shipped design by name, or a file by path; `overrides` is laid over it. Raises VenueError."""
    try:
        path, tree = resolved(str(name))
        tree = merged(tree, overrides or {})
        return checked(convert(tree, VenueDesign, path.name), path.name)
    except VenueError:
        raise
    except DesignError as error:
        raise VenueError(str(error)) from None


def resolved(name: str, below: tuple[Path, ...] = ()) -> tuple[Path, Tree]:
    """The file of a design and its tree, what it extends included; `below` are the files that extend it."""
    path = venue_path(name)
    tree = read_toml(path)
    parent = tree.pop("extends", None)
    if parent is not None:
        beside = path.parent / f"{parent}.toml"
        found = beside if beside.is_file() else Path(str(files(__package__).joinpath("presets", f"{parent}.toml")))
        known = sorted({*shipped_venues(), "base"})
        if not isinstance(parent, str) or not found.is_file():
            raise VenueError(f"{path.name}: extends is {parent!r}: expected a design beside it or a shipped one{nearest(parent, known)}")
        if found in (*below, path):
            raise VenueError(f"{path.name}: extends is {parent!r}: expected a design that does not extend this one")
        _, base = resolved(str(found), (*below, path))
        tree = merged(base, {"name": path.stem, **tree})
    return path, {"name": path.stem, **tree}


def venue_path(name: str) -> Path:
    if name.endswith(".toml"):
        if not Path(name).is_file():
            raise VenueError(f"venue file {name}: not found")
        return Path(name)
    path = Path(str(files(__package__).joinpath("presets", f"{name}.toml")))
    if not path.is_file():
        raise VenueError(f"unknown venue {name!r}{nearest(name, shipped_venues())}")
    return path


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
    rank, known = venue.auto_deleverage.rank, sorted(ADL_RANKS)
    if rank not in known:
        refuse("auto_deleverage.rank", repr(rank), f"one of {', '.join(known)}{nearest(rank, known, or_list=False)}")
    return venue


def check_market(venue: VenueDesign, market: Market, key: str, refuse: object) -> None:
    assert callable(refuse)
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
    check_tiers(market, key, refuse)


def check_tiers(market: Market, key: str, refuse: object) -> None:
    assert callable(refuse)
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


# -- rules of the core ------------------------------------------------------------------------------------------------------------


def accrual_shift(market: Market) -> int:
    """The finest scale of per-lot accruals that cannot overflow: the value of a lot at max_price stays below 2^51, ACCRUAL_LIMIT / 2^5."""
    lot_value = int(market.max_price / market.tick) * market.unit
    return max(0, min(48, 61 - 10 - lot_value.bit_length()))


def most_lots(venue: VenueDesign, market: Market) -> int:
    """The largest position: the more markets share its asset, the less room each has, so that sums over an account stay in 64 bits."""
    sharing = sum(1 for one in venue.markets if one.settlement_asset == market.settlement_asset)
    room = min(int(t.POSITION_ROOM), int(t.SUM_ROOM) // sharing)
    return min(int(t.MAX_LOTS), room // (int(market.max_price / market.tick) * market.unit))


def fill_market(record: MarketRecord, venue: VenueDesign) -> None:
    """Write a market's terms into its record."""
    market = venue.markets[record.number]
    record.asset = venue.assets.index(market.settlement_asset)
    record.payoff = int(k.LINEAR)
    record.unit = market.unit
    record.max_price = int(market.max_price / market.tick)
    record.max_lots = most_lots(venue, market)
    record.significant_figures = market.significant_figures
    record.minimum_notional = market.minimum_notional * MICRO
    record.price_band_ppm = market.price_band_ppm
    record.open_interest_cap = min(int(t.MAX_LOTS), int(market.open_interest_cap / market.lot))
    record.maker_fee_ppb = market.maker_fee_ppb
    record.taker_fee_ppb = market.taker_fee_ppb
    record.max_leverage = market.max_leverage
    record.default_leverage = market.default_leverage or market.max_leverage
    record.accrual_shift = accrual_shift(market)
    record.stale_after = market.oracle.stale_after_ms * NS
    record.on_stale = ("keep_last", "halt_new_risk", "pause_liquidation").index(market.oracle.on_stale)
    fill_tiers(record, market)


def fill_tiers(record: MarketRecord, market: Market) -> None:
    """Tier rates and deductions: deduction_n = deduction_{n-1} + lower_n x (rate_n - rate_{n-1}), exact since bounds are whole USD."""
    record.tiers = len(market.tiers)
    initial = maintenance = 0
    before = market.tiers[0]
    for number, tier in enumerate(market.tiers):
        initial += tier.lower_notional * (tier.initial_margin_ppm - before.initial_margin_ppm)
        maintenance += tier.lower_notional * (tier.maintenance_margin_ppm - before.maintenance_margin_ppm)
        record.tier_lower[number] = tier.lower_notional * MICRO
        record.initial_ppm[number] = tier.initial_margin_ppm
        record.initial_deduction[number] = initial
        record.maintenance_ppm[number] = tier.maintenance_margin_ppm
        record.maintenance_deduction[number] = maintenance
        before = tier


def mark_rule(market: Market) -> MarkRule:
    design = market.mark
    if design.rule == "hyperliquid":
        notional = (design.impact_notional or market.funding.impact_notional) * MICRO
        return HyperliquidMark(
            design.basis_window_ms * NS, design.local_window_ms * NS, notional, design.quote_bound_ppm, design.last_age_ms * NS
        )
    return OracleMark()


def funding_rule(design: FundingDesign) -> FundingRule:
    return FundingRule(
        design.impact_notional * MICRO, design.interest_ppt, design.clamp_ppt, design.divisor, design.cap_ppt,
        design.sample_interval_ms * NS, design.interval_ms * NS, design.payment == "continuous", design.price == "mark",
        design.quote_bound_ppm,
    )  # fmt: skip


# The names that auto_deleverage.rank can have. A file of your own may add its class here: CONTRIBUTING.md shows how.
ADL_RANKS: Final[dict[str, type[AdlRank]]] = {"profit_leverage": ProfitLeverage, "hyperliquid": HyperliquidIndex}


def backstop_rules(venue: VenueDesign) -> tuple[list[Backstop], list[Backstop]]:
    """The cash payers in order, and those of them that come before auto-deleveraging."""
    fund = venue.insurance_fund
    made: dict[str, Backstop] = {
        "insurance_fund": InsuranceFund(fund.account_cap * MICRO, fund.market_cap * MICRO, fund.total_cap * MICRO, fund.window_ms * NS),
        "socialized_loss": SocializedLoss(),
    }
    before = venue.backstops.index("auto_deleverage") if "auto_deleverage" in venue.backstops else len(venue.backstops)
    payers = [made[name] for name in venue.backstops if name != "auto_deleverage"]
    return payers, payers[:before]


def adl_rule(venue: VenueDesign) -> AutoDeleverage | None:
    adl = venue.auto_deleverage
    if "auto_deleverage" not in venue.backstops:
        return None
    return AutoDeleverage(ADL_RANKS[adl.rank](), adl.price == "bankruptcy", adl.trigger == "fund_insufficient")


def liquidation_terms(venue: VenueDesign) -> Terms:
    design = venue.liquidation
    return Terms(
        design.retry_ms * NS, design.fee_ppm, design.fee_fund_share_ppm, RECEIVERS[design.fee_to], RECEIVERS[design.surplus_to]
    )


def vault_rule(venue: VenueDesign) -> Vault:
    design = venue.vault
    capital = design.capital * MICRO
    return Vault(
        capital, capital * design.loss_limit_ppm // 1_000_000, design.unwind_interval_ms * NS, design.unwind_ppm, design.unwind_band_ppm
    )


def liquidation_steps(venue: VenueDesign, vault: Vault) -> list[LiquidationStep]:
    design = venue.liquidation
    book = design.book
    auction = design.dutch_auction
    made: dict[str, LiquidationStep] = {
        "book": BookStep(
            book.patience_ms * NS, book.partial_ppm, book.partial_above * MICRO, book.cooldown_ms * NS, book.band_ppm,
            LIMITS[book.limit], book.spread_ppm,
        ),
        "dutch_auction": DutchAuction(
            auction.start_ppm, auction.duration_ms * NS, auction.insolvent_duration_ms * NS, auction.buffer_ppm
        ),
        "takeover": Takeover(vault, design.takeover.fraction_ppm),
    }
    return [made[name] for name in design.steps]


LIMITS: Final = {"cash_payers": int(CASH_PAYERS), "bankruptcy": int(BANKRUPTCY), "band": int(BAND)}
RECEIVERS: Final = {"insurance_fund": int(t.INSURANCE), "vault": int(t.VAULT), "fees": int(t.FEES), "trader": int(t.NIL)}
