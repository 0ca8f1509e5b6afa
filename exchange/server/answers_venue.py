"""The reply to `venue`, as structs."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import UNSET, UnsetType

from .answer_parts import Reply, Said


class Tier(Said, kw_only=True):
    lower_notional: int
    initial_margin_ppm: int
    maintenance_margin_ppm: int


class CurveTerms(Said, kw_only=True):
    rule: str
    role: str
    is_virtual: bool
    reducing_fee_ppb: int
    lock_ms: int


class JumpFee(Said, kw_only=True):
    deviation_ppm: int
    decay_ppm: int
    least_ppm: int


class MatchingTerms(Said, kw_only=True):
    rule: str
    top_share_ppm: int  # top_pro_rata: of an incoming order, what the top order may take of it first
    least_share: int  # [lots] a share pro rata that is smaller goes by time
    queue_classes: bool


class OracleTerms(Said, kw_only=True):
    stale_after_ms: int  # 0: never
    on_stale: Literal["keep_last", "halt_new_risk", "pause_liquidation"]


class MarkTerms(Said, kw_only=True):
    rule: str
    cadence_ms: int  # 0: with the oracle alone
    terms: dict[str, Any]


class FundingTerms(Said, kw_only=True):
    rule: str
    sample_interval_ms: int
    interval_ms: int
    payment: Literal["discrete", "continuous"]
    price: Literal["oracle", "mark"]  # that a payment goes by
    terms: dict[str, Any]


class SequencingTerms(Said, kw_only=True):
    rule: str
    terms: dict[str, Any]
    taker_latency_ms: int
    retail_taker_latency_ms: int
    maker_latency_ms: int
    cancel_latency_ms: int


class GasTerms(Said, kw_only=True):
    place: int
    amend: int
    cancel: int
    liquidity: int


class Market(Said, kw_only=True):
    market: int
    name: str
    kind: Literal["perpetual", "spot"]
    base_asset: int | None  # of a spot market: what is traded in it
    tick: str
    lot: str
    unit: int
    settlement_asset: int
    significant_figures: int
    minimum_notional: int
    price_band_ppm: int
    max_leverage: int
    default_leverage: int  # of an account that has chosen none
    open_interest_cap: str | None  # [coins] of one side; null: none
    jump_fee: JumpFee | None  # on top of the taker fee while the oracle price jumps
    maker_fee_ppb: int
    taker_fee_ppb: int
    tiers: list[Tier]
    curve: CurveTerms | None
    matching: MatchingTerms
    oracle: OracleTerms
    max_price: int  # [ticks]
    max_size: int  # [lots] of an order, and of a position with the orders of its side
    mark: MarkTerms
    funding: FundingTerms | None  # null: of a spot market


class CollateralTerms(Said, kw_only=True):
    """An asset that counts as margin in the asset that its spot market settles in."""

    asset: int
    market: int  # the spot market that says what it is worth
    weight_ppm: int
    hedges: int | None  # the perpetual whose shorts it hedges
    hedged_weight_ppm: int
    hedged_margin_ppm: int


class FeeTier(Said, kw_only=True):
    volume: int  # [USD]
    maker_fee_ppb: int
    taker_fee_ppb: int


class MakerTier(Said, kw_only=True):
    share_ppm: int
    rebate_ppb: int


class MoneyTerms(Said, kw_only=True):
    deposit_delay_ms: int
    withdraw_delay_ms: int
    transfer_delay_ms: int
    withdrawals: Literal["any", "flat", "none"]
    transfers: Literal["any", "same_owner", "none"]


class DeleverageTerms(Said, kw_only=True):
    trigger: Literal["negative_equity", "fund_insufficient"]
    rank: str
    selection: str
    price: Literal["bankruptcy", "mark"]


class LiquidationTerms(Said, kw_only=True):
    """How accounts below maintenance are closed, and who pays what they cannot."""

    steps: list[str]
    fee_ppm: int  # of the value that is closed
    fee_from: Literal["surplus", "fund"]
    surplus_to: Literal["trader", "insurance_fund", "vault"]
    backstops: list[str]  # who pays, in order
    auto_deleverage: DeleverageTerms | None


class VenueReply(Reply, kw_only=True):
    name: str
    title: str
    assets: list[str]
    markets: list[Market]
    epoch: str
    version: int
    ts: int
    max_open_orders: int
    max_triggers: int
    max_twaps: int
    max_sub_accounts: int
    collateral: list[CollateralTerms]
    max_debt: int  # [USD] what an account may owe while collateral stands in: who owes more has it sold
    transfer_margin_ppm: int  # of the value of positions: what stays behind when money leaves the account
    fee_window_days: int
    fee_tiers: list[FeeTier]
    maker_tiers: list[MakerTier]
    money: MoneyTerms
    sequencing: SequencingTerms
    gas: GasTerms
    liquidation: LiquidationTerms
    design: dict[str, Any] | UnsetType = UNSET
