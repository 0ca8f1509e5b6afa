"""VenueDesign and its parts: what a design's TOML may say besides the tables of its rules.

Money is in whole units of the settlement asset (USD), prices and coins are decimal strings or numbers, fractions are ppm, fees ppb, times
milliseconds. `own` is what a table says to the rules it names, as their Parameters; in TOML and JSON those keys stand in the table itself.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from ..state import types as t
from .parameters import (
    MICRO,
    AuctionDesign,
    BookDesign,
    FundDesign,
    Interval,
    Milliseconds,
    Parameters,
    Ppm,
    PremiumDesign,
    TakeoverDesign,
    Usd,
)
from .reader import Tree

Tables = dict[str, object]  # by the rule's name: its Parameters


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
    rule: str = "oracle"
    cadence_ms: Annotated[int, Meta(ge=0, le=86_400_000)] = 0  # 0: only with the oracle
    own: object = Parameters()


class FundingDesign(Struct, frozen=True, forbid_unknown_fields=True):
    rule: str = "premium"
    sample_interval_ms: Interval = 5_000
    interval_ms: Interval = 3_600_000
    payment: Literal["discrete", "continuous"] = "discrete"
    price: Literal["oracle", "mark"] = "oracle"
    own: object = PremiumDesign()


class CurveDesign(Struct, frozen=True, forbid_unknown_fields=True):
    """The market's curve, if it has one: how it prices is its rule, when an order meets it its role."""

    rule: str = "none"
    role: Literal["separate", "interleaved", "jit", "last_resort"] = "separate"
    capital: Usd = 0  # in its pool from the start, for good; 0: a virtual curve, whose account may owe
    jit_share_ppm: Ppm = 0  # of a maker's fill that the curve may take, where that reduces its inventory
    reducing_fee_ppb: Annotated[int, Meta(ge=-1, le=1_000_000_000)] = -1  # of trades that reduce its position; -1: as of others
    fee_share_ppm: Ppm = 0  # of the taker fee: to the pool
    stale_after_ms: Milliseconds = 0  # without an oracle price for longer than that, the curve quotes nothing; 0: it does
    margin_ppm: Ppm = 1_000_000  # of the value of its position: what the pool must have to take more on, or to pay out
    lock_ms: Milliseconds = 0  # how long liquidity stays after it was added
    adl_trigger_ppm: Ppm = 0  # of its money: what the pool may owe winners before they are deleveraged; 0: all of it
    adl_target_ppm: Ppm = 0  # of its money: what it may owe them afterwards
    own: object = Parameters()


class MatchingDesign(Struct, frozen=True, forbid_unknown_fields=True):
    """Who is filled first among orders at one price."""

    rule: Literal["price_time", "pro_rata", "top_pro_rata"] = "price_time"
    top_share_ppm: Ppm = 1_000_000  # of an incoming order: what the top order may take of it before the rest is shared (top_pro_rata)
    least_share: Annotated[int, Meta(ge=1, le=1_000_000)] = 1  # [lots] a share pro rata that is smaller is none, and goes by time
    queue_classes: bool = False  # retail orders stand before all others, retail price improvement orders behind them


class Market(Struct, frozen=True, forbid_unknown_fields=True):
    name: Annotated[str, Meta(min_length=1, max_length=32)]
    tick: Decimal  # [USD]
    lot: Decimal  # [coins]
    max_price: Decimal  # [USD]
    tiers: Annotated[tuple[Tier, ...], Meta(max_length=8)] = ()  # of a perpetual: at least one
    kind: Literal["perpetual", "spot"] = "perpetual"
    base_asset: str = ""  # of a spot market: what is traded in it, for the settlement asset
    settlement_asset: str = "USD"
    payoff: Literal["linear"] = "linear"
    significant_figures: Annotated[int, Meta(ge=0, le=10)] = 0
    minimum_notional: Usd = 0
    price_band_ppm: Annotated[int, Meta(ge=0, le=999_999)] = 0
    open_interest_cap: Decimal = Decimal(0)  # [coins] of one side, 0: none
    maker_fee_ppb: Annotated[int, Meta(ge=-1_000_000_000, le=1_000_000_000)] = 0
    taker_fee_ppb: Annotated[int, Meta(ge=0, le=1_000_000_000)] = 0
    jump_fee_deviation_ppm: Ppm = 0  # each oracle price adds to the taker fee what it has moved beyond twice this; 0: nothing
    jump_fee_decay_ppm: Annotated[int, Meta(ge=0, le=999_999)] = 900_000  # what is left of that at the next price
    jump_fee_least_ppm: Ppm = 500  # less than this is not charged
    max_leverage: Annotated[int, Meta(ge=1, le=1_000)] = 1
    default_leverage: Annotated[int, Meta(ge=0, le=1_000)] = 0  # 0: the maximum
    oracle: OracleView = OracleView()
    mark: MarkDesign = MarkDesign()
    funding: FundingDesign = FundingDesign()
    curve: CurveDesign = CurveDesign()
    matching: MatchingDesign = MatchingDesign()

    @property
    def is_spot(self) -> bool:
        return self.kind == "spot"

    @property
    def base_lot(self) -> int:
        """Micro-units of the coin in a lot."""
        return int(self.lot * MICRO)

    @property
    def unit(self) -> int:
        """Micro-units per tick x lot."""
        return int(self.tick * self.lot * MICRO)


class LiquidationDesign(Struct, frozen=True, forbid_unknown_fields=True):
    steps: Annotated[tuple[str, ...], Meta(min_length=1, max_length=8)]
    retry_ms: Interval = 1_000
    fee_ppm: Ppm = 0
    fee_fund_share_ppm: Ppm = 0  # of the fee: to the insurance fund
    fee_to: Literal["vault", "fees"] = "fees"  # the rest of it
    fee_from: Literal["surplus", "fund"] = "surplus"  # what is fetched beyond bankruptcy; or, where that is too little, the backstops too
    surplus_to: Literal["trader", "insurance_fund", "vault"] = "trader"
    book: BookDesign = BookDesign()
    dutch_auction: AuctionDesign = AuctionDesign()
    takeover: TakeoverDesign = TakeoverDesign()
    own: Tables = {}


class VaultDesign(Struct, frozen=True, forbid_unknown_fields=True):
    capital: Usd = 0
    loss_limit_ppm: Ppm = 1_000_000  # of the capital
    unwind_interval_ms: Annotated[int, Meta(ge=0, le=86_400_000)] = 5_000  # 0: never
    unwind_ppm: Annotated[int, Meta(ge=1, le=1_000_000)] = 50_000
    unwind_band_ppm: Annotated[int, Meta(ge=0, le=999_999)] = 2_000


class AdlDesign(Struct, frozen=True, forbid_unknown_fields=True):
    rank: str = "profit_leverage"
    selection: str = "greedy"
    seed: Annotated[int, Meta(ge=0, le=(1 << 63) - 1)] = 0  # for ranks that draw
    price: Literal["bankruptcy", "mark"] = "bankruptcy"
    trigger: Literal["negative_equity", "fund_insufficient"] = "fund_insufficient"
    own: Tables = {}


class CollateralDesign(Struct, frozen=True, forbid_unknown_fields=True):
    """An asset that stands in for cash in what its spot market settles in."""

    asset: str
    weight_ppm: Ppm  # of what it is worth at the mark of its spot market: what it counts for
    hedges: str = ""  # the perpetual whose shorts it hedges; none, if empty
    hedged_weight_ppm: Ppm = 1_000_000  # the weight of the part that a short hedges
    hedged_margin_ppm: Ppm = 1_000_000  # of its requirement: what the hedged part of the short keeps


class ScreenDesign(Struct, frozen=True, forbid_unknown_fields=True):
    """Which accounts a liquidation pass looks at: no rule of the venue, only of its speed."""

    rule: str = "auto"  # the one that helps on the build that runs, if any
    own: object = Parameters()


class SequencingDesign(Struct, frozen=True, forbid_unknown_fields=True):
    """When and in which order commands about orders are carried out."""

    rule: str = "continuous"
    taker_latency_ms: Annotated[int, Meta(ge=0, le=60_000)] = 0  # of orders that would trade at once
    retail_taker_latency_ms: Annotated[int, Meta(ge=-1, le=60_000)] = -1  # the same of retail accounts; -1: as of others
    maker_latency_ms: Annotated[int, Meta(ge=0, le=60_000)] = 0  # of other orders
    cancel_latency_ms: Annotated[int, Meta(ge=0, le=60_000)] = 0
    own: object = Parameters()


class GasDesign(Struct, frozen=True, forbid_unknown_fields=True):
    """What commands cost, carried out or refused [micro-units]."""

    place: Annotated[int, Meta(ge=0, le=1_000_000_000)] = 0
    amend: Annotated[int, Meta(ge=0, le=1_000_000_000)] = 0
    cancel: Annotated[int, Meta(ge=0, le=1_000_000_000)] = 0
    liquidity: Annotated[int, Meta(ge=0, le=1_000_000_000)] = 0


class MoneyDesign(Struct, frozen=True, forbid_unknown_fields=True):
    """How long money takes to come, to go and to change hands, and who may send it."""

    deposit_delay_ms: Milliseconds = 0
    withdraw_delay_ms: Milliseconds = 0
    transfer_delay_ms: Milliseconds = 0
    withdrawals: Literal["any", "flat", "none"] = "any"
    transfers: Literal["any", "same_owner", "none"] = "any"


class FeeTier(Struct, frozen=True, forbid_unknown_fields=True):
    """Fees of accounts that have traded at least `volume` in the last whole days, in every market."""

    volume: Annotated[int, Meta(ge=1, le=1_000_000_000_000)]  # [USD] as taker and maker
    maker_fee_ppb: Annotated[int, Meta(ge=-1_000_000_000, le=1_000_000_000)]
    taker_fee_ppb: Annotated[int, Meta(ge=0, le=1_000_000_000)]


class MakerTier(Struct, frozen=True, forbid_unknown_fields=True):
    """A rebate for accounts that have more than `share_ppm` of all that makers have traded in the last whole days."""

    share_ppm: Ppm
    rebate_ppb: Annotated[int, Meta(ge=0, le=1_000_000_000)]


class VenueDesign(Struct, frozen=True, forbid_unknown_fields=True):
    """A resolved design. Two venues that compare equal but for the name behave alike."""

    name: Annotated[str, Meta(min_length=1, max_length=64)]
    markets: Annotated[tuple[Market, ...], Meta(min_length=1, max_length=64)]
    liquidation: LiquidationDesign
    backstops: Annotated[tuple[str, ...], Meta(max_length=8)]
    title: str = ""
    assets: Annotated[tuple[str, ...], Meta(min_length=1, max_length=8)] = ("USD",)
    max_open_orders: Annotated[int, Meta(ge=1, le=1_000_000)] = 1_000
    max_triggers: Annotated[int, Meta(ge=0, le=10_000)] = 100  # of one account
    max_twaps: Annotated[int, Meta(ge=0, le=1_000)] = 20  # of one account
    max_sub_accounts: Annotated[int, Meta(ge=0, le=1_000_000)] = 50  # of one account
    max_accounts: Annotated[int, Meta(ge=int(t.FIRST_USER), le=int(t.MAX_ACCOUNTS))] = 1_000_000  # system accounts included
    transfer_margin_ppm: Ppm = 0  # of notional: what stays in an account when money leaves it
    max_debt: Usd = 10_000  # what an account may owe in cash while other assets stand in for it: who owes more has those sold
    insurance_fund: FundDesign = FundDesign()
    vault: VaultDesign = VaultDesign()
    auto_deleverage: AdlDesign = AdlDesign()
    collateral: Annotated[tuple[CollateralDesign, ...], Meta(max_length=8)] = ()
    screen: ScreenDesign = ScreenDesign()
    sequencing: SequencingDesign = SequencingDesign()
    gas: GasDesign = GasDesign()
    money: MoneyDesign = MoneyDesign()
    fee_window_days: Annotated[int, Meta(ge=1, le=30)] = 14  # whole days, of the venue's clock
    fee_tiers: Annotated[tuple[FeeTier, ...], Meta(max_length=16)] = ()
    maker_tiers: Annotated[tuple[MakerTier, ...], Meta(max_length=16)] = ()
    own: Tables = {}

    def to_tree(self) -> Tree:
        """The design in full, defaults included, in the shape of its TOML; `design_of` reads it back."""
        tree: Tree = lifted(msgspec.to_builtins(self))
        for key in ("liquidation", "auto_deleverage", "screen", "sequencing"):
            tree[key] = lifted(tree[key])
        markets = tree["markets"]
        assert isinstance(markets, list | tuple)
        tree["markets"] = [{**one, **{key: lifted(one[key]) for key in ("mark", "funding", "curve")}} for one in markets]
        return tree

    def to_json(self) -> bytes:
        """The same as JSON; `venue_of_json` reads it back."""
        return msgspec.json.encode(self.to_tree())


def lifted(table: object) -> Tree:
    """A table in which what is its `own` stands in the table itself."""
    assert isinstance(table, dict)
    return {**{key: value for key, value in table.items() if key != "own"}, **table["own"]}
