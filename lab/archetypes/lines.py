"""The result line of a strategy: what its accounts were worth, and what of the difference is fees, funding and gas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from msgspec import Struct

from perplab.exchange.units import MICRO

from ..runs import Ints

LINE_COLUMNS: Final = ("opening_usd", "closing_usd", "fees_usd", "funding_usd", "gas_usd")


class Leg(Struct, frozen=True):
    """One account, at one venue. Amounts at the true price; what is paid is above zero, what is received below."""

    venue: str
    opening_usd: float
    closing_usd: float
    fees_usd: float  # of trades and liquidations, less rebates
    funding_usd: float  # funding, and losses shared among all, which a venue settles with it
    gas_usd: float
    trades: int  # fills
    refused: int  # commands
    liquidations: int  # begun


class ResultLine(Struct, frozen=True):
    """One strategy in one run. `pnl_usd` = `price_usd` - fees - funding - gas."""

    name: str
    strategy: str
    venues: tuple[str, ...]
    seed: int
    opening_usd: float
    closing_usd: float
    pnl_usd: float
    price_usd: float  # what prices made of its positions: all that is no fee, funding or gas
    fees_usd: float
    funding_usd: float
    gas_usd: float
    drawdown_usd: float  # largest fall from an earlier height, once a second
    drawdown: float  # the same over that height
    liquidated: bool
    in_position: float  # share of the seconds in which it held something
    trades: int
    refused: int
    legs: tuple[Leg, ...]  # by venue


def line_of(name: str, strategy: str, seed: int, legs: Sequence[Leg], values: Ints, is_in: Sequence[bool]) -> ResultLine:
    """`values`: [micro] of all accounts together, at the start, after each second and at the end."""
    opening, closing, fees, funding, gas = (sum(getattr(leg, column) for leg in legs) for column in LINE_COLUMNS)
    fall, share = drawdown(values)
    return ResultLine(
        name=name,
        strategy=strategy,
        venues=tuple(leg.venue for leg in legs),
        seed=seed,
        opening_usd=opening,
        closing_usd=closing,
        pnl_usd=closing - opening,
        price_usd=closing - opening + fees + funding + gas,
        fees_usd=fees,
        funding_usd=funding,
        gas_usd=gas,
        drawdown_usd=fall / MICRO,
        drawdown=share,
        liquidated=any(leg.liquidations for leg in legs),
        in_position=float(np.mean(is_in)) if len(is_in) else 0.0,
        trades=sum(leg.trades for leg in legs),
        refused=sum(leg.refused for leg in legs),
        legs=tuple(legs),
    )


def drawdown(values: Ints) -> tuple[int, float]:
    """The largest fall from an earlier height [micro], and its share of that height; 0 of a height that is not above zero."""
    height = np.maximum.accumulate(values)
    fall = height - values
    at = int(np.argmax(fall))
    return int(fall[at]), float(fall[at] / height[at]) if height[at] > 0 else 0.0
