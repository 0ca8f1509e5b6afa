"""What the curves that ship may be told. Coins and factors are decimal numbers; money is in whole USD, fractions in ppm."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta

from .parameters import Parameters, Ppm, Usd

BelowAll = Annotated[int, Meta(ge=0, le=999_999)]  # [ppm]


class ConstantProductDesign(Parameters, frozen=True):
    """Its virtual reserve at the first oracle price is told in USD or in coins, whose worth both sides have."""

    reserve: Usd = 0
    reserve_coins: Decimal = Decimal(0)
    fluctuation_ppm: BelowAll = 0  # how far the price may go from where it was when the oracle last moved; 0: anywhere
    trade_ppm: BelowAll = 0  # of a reserve: what one trade may take out; 0: all but the last of it


class VammPegKDesign(Parameters, frozen=True):
    """Its virtual reserve is told as that of constant_product. Defaults are those of Drift's first markets."""

    reserve: Usd = 0
    reserve_coins: Decimal = Decimal(0)
    concentration_ppm: Annotated[int, Meta(ge=1_000_001, le=100_000_000)] = 1_414_200  # how far the reserves may go from their balance
    base_spread_ppm: Annotated[int, Meta(ge=0, le=500_000)] = 500  # of both sides together
    max_spread_ppm: Annotated[int, Meta(ge=0, le=900_000)] = 20_000  # of both sides together
    budget: Usd = 0  # of its capital: what may be spent on following the oracle before fees are earned
    repeg_share_ppm: Ppm = 500_000  # of all fees: what may be spent on following the oracle
    k_lower_ppm: Annotated[int, Meta(ge=0, le=100_000)] = 1_000  # the root of k goes down by it when following is too dear
    k_increase_ppm: Annotated[int, Meta(ge=0, le=100_000)] = 1_000  # the most that a funding payment raises the root of k
    k_decrease_ppm: Annotated[int, Meta(ge=0, le=100_000)] = 22_000  # and lowers it


class OracleSpreadDesign(Parameters, frozen=True):
    """Linear: an inventory of `scale` lowers both quotes by `skew_ppm` of the price; that is its depth, too.

    Vault: `scale` is the inventory at a leverage of 1, `skew_ppm` the skew factor of a dYdX vault, which makes the spread of one side
    wider and of the other narrower.
    """

    skew: Literal["linear", "vault"] = "linear"
    spread_ppm: BelowAll = 1_000  # of each side
    skew_ppm: Annotated[int, Meta(ge=0, le=100_000_000)] = 10_000
    scale: Decimal = Decimal(0)  # [coins]
    max_inventory: Decimal = Decimal(0)  # [coins] on either side


class OraclePoolDesign(Parameters, frozen=True):
    """Impact [USD] = factor x imbalance [USD] ^ exponent, before less after. Exponents are in tenths. Defaults are those of GMX v2."""

    negative_factor: Decimal = Decimal("0.0000001")  # of trades that make the imbalance larger
    negative_exponent: Decimal = Decimal(2)
    positive_factor: Decimal = Decimal("0.00000005")  # of trades that make it smaller
    positive_exponent: Decimal = Decimal(2)
    max_negative_ppm: Annotated[int, Meta(ge=1, le=999_999)] = 5_000  # how far beyond the oracle the price may be, at the trader's cost
    max_positive_ppm: BelowAll = 4_000  # and to his profit
    reserve_ppm: Annotated[int, Meta(ge=1, le=1_000_000)] = 900_000  # of the pool: how large a net position it stands for


class ConcentratedDesign(Parameters, frozen=True):
    """The venue's own range, around the first oracle price; others come with AddLiquidity."""

    reserve: Usd = 0  # behind it; 0: the curve's capital, and no range of its own if it has none
    lower_ppm: Annotated[int, Meta(ge=1, le=1_000_000_000)] = 500_000  # of the first oracle price
    upper_ppm: Annotated[int, Meta(ge=1, le=1_000_000_000)] = 2_000_000


class SkewFillDesign(Parameters, frozen=True):
    scale: Decimal = Decimal(0)  # [coins] of skew that would double the price
    max_skew: Decimal = Decimal(0)  # [coins] on either side; 0: up to half the scale
