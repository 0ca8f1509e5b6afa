"""The few quantities that a comparison is about, each computed from the metrics of one run: what it cost, and who paid.

Rules of the file: every part of a cost stands here once; costs are told as means over runs, since means of parts add up to the mean of
their sum, which medians do not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

from ..metrics import CATALOGUE, Metrics
from .report import Report, rounded
from .statistics import Pair

UNIT_OF: Final = {measure.key: measure.unit for measure in CATALOGUE}
TOTAL_KEY: Final = "losses.total_usd"


class Part(NamedTuple):
    """One who pays a part of what losers could not."""

    name: str
    key: str  # metric [USD]
    mark: str  # in a bar of characters: told apart without colour


PARTS: Final = (
    Part("insurance fund", "losses.fund_usd", "█"),
    Part("backstop vault", "losses.vault_cost_usd", "▓"),
    Part("pool of the curve", "losses.pool_usd", "▒"),
    Part("winners, by ADL", "losses.adl_conceded_usd", "░"),
    Part("everyone, socialized", "losses.socialized_usd", "/"),
    Part("nobody", "losses.uncovered_usd", "x"),
    Part("still open at the end", "losses.open_deficit_usd", "·"),
)


class Quantity(NamedTuple):
    key: str
    label: str
    unit: str
    of: Callable[[Metrics], float | None]


def metric(key: str, label: str) -> Quantity:
    """A metric of the catalogue under a label of its own."""

    def of(metrics: Metrics) -> float | None:
        return rounded(metrics.scalar(key))

    return Quantity(key, label, UNIT_OF[key], of)


def paid(metrics: Metrics, part: Part) -> float:
    """What one of the payers paid; a vault that gained paid nothing. [USD]"""
    return max(0.0, float(rounded(metrics.scalar(part.key)) or 0.0))


def total_cost(metrics: Metrics) -> float | None:
    """What somebody other than the losers paid, and what is still open at the end. [USD]"""
    return rounded(metrics.scalar(TOTAL_KEY))


def bystander_cost(metrics: Metrics) -> float | None:
    """What a long and a short bystander of the same size lost together, in bp of the notional of one of them; None without both."""
    long, short = metrics.scalar("stress.long_bp"), metrics.scalar("stress.short_bp")
    return None if long is None or short is None else rounded(long + short)


TOTAL: Final = Quantity("total_cost_usd", "total cost", "USD", total_cost)
BYSTANDER: Final = Quantity("bystander_cost_bp", "bystander cost", "bp", bystander_cost)
HEADLINES: Final = (
    TOTAL,
    BYSTANDER,
    metric("cost.insured_bp", "cost to people"),
    metric("losses.bad_debt_usd", "bad debt"),
    metric("adl.notional_usd", "ADL notional"),
    metric("liquidation.seconds_median", "until flat"),
    metric("liquidation.unfinished", "unfinished"),
)

Values: TypeAlias = dict[str, dict[Pair, float | None]]  # by design, then by where the designs met


def values_of(report: Report, quantity: Quantity) -> Values:
    """One quantity of all designs in the runs that count; none of a design that is beyond its population."""
    values: Values = {venue: {} for venue in report.venues}
    for result in report.counted:
        values[result.venue][result.pair] = quantity.of(result.metrics)
    return values
