"""The few quantities that a comparison is about, each computed from the metrics of one run: what it cost, and who paid.

Rules of the file: every part of a cost stands here once; costs are told as means over runs, since means of parts add up to the mean of
their sum, which medians do not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from statistics import fmean
from typing import Final, NamedTuple, TypeAlias

from ..metrics import CATALOGUE, Metrics
from .report import Result, rounded
from .statistics import Pair

UNIT_OF: Final = {measure.key: measure.unit for measure in CATALOGUE}


class Part(NamedTuple):
    """One who pays a part of what losers could not."""

    name: str
    key: str  # metric [USD]
    mark: str  # in a bar of characters: told apart without colour


PARTS: Final = (
    Part("insurance fund", "losses.fund_usd", "█"),
    Part("backstop vault", "losses.vault_usd", "▓"),
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
    return float(rounded(metrics.scalar(part.key)) or 0.0)


def total_cost(metrics: Metrics) -> float:
    """What somebody other than the losers paid, and what is still open at the end: the sum of `PARTS`. [USD]"""
    return sum(paid(metrics, part) for part in PARTS)


def bystander_cost(metrics: Metrics) -> float | None:
    """What a long and a short bystander of the same size lost together, in bp of the notional of one of them; None without both."""
    long, short = metrics.scalar("stress.long_bp"), metrics.scalar("stress.short_bp")
    return None if long is None or short is None else rounded(long + short)


TOTAL: Final = Quantity("total_cost_usd", "total cost", "USD", total_cost)
BYSTANDER: Final = Quantity("bystander_cost_bp", "bystander cost", "bp", bystander_cost)
HEADLINES: Final = (
    TOTAL,
    BYSTANDER,
    metric("losses.bad_debt_usd", "bad debt"),
    metric("adl.notional_usd", "ADL notional"),
    metric("liquidation.seconds_median", "until flat"),
    metric("liquidation.unfinished", "unfinished"),
)

Values: TypeAlias = dict[str, dict[Pair, float | None]]  # by design, then by where the designs met


def pair_of(result: Result) -> Pair:
    """Where a run stands against the same run of another design."""
    return Pair("", result.seed)


def values_of(results: Iterable[Result], quantity: Quantity) -> Values:
    """One quantity of all runs."""
    values: Values = {}
    for result in results:
        of_design, pair = values.setdefault(result.venue, {}), pair_of(result)
        assert pair not in of_design, f"{result.venue} ran twice at {pair}"
        of_design[pair] = quantity.of(result.metrics)
    return values


def mean_of(values: Iterable[float | None]) -> float | None:
    """Mean of what is defined; None if nothing is."""
    defined = [value for value in values if value is not None]
    return fmean(defined) if defined else None
