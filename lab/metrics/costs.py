"""What a design cost people whom nobody liquidated, against the same people in the baseline design, and under infinite insurance.

Rules of the file: pure functions of the `Wealth` of runs on the same path and seed. The set is common to all of them: whoever was breached
in one of the runs is left out of every comparison, so no design is judged by whom it spared. Parts add up to their sum to the micro-unit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
import numpy as np
from msgspec import Struct

from perplab.exchange.units import MICRO

from .adl import Deleveraging
from .rows import Bools
from .wealth import Wealth, bp_of, buckets, check_same, cost

BASELINE, INSURED = "baseline", "insured"  # what a cost is measured against
SUFFIXES: Final = {"": "all", "_long": "long", "_short": "short"}  # of a number's name: its bucket


class Costs(Struct, frozen=True):
    """Of the common set, in bp of its opening notional; positive is a cost. None where the reference was not run."""

    common_accounts: int | None = None
    baseline_bp: float | None = None
    baseline_long_bp: float | None = None
    baseline_short_bp: float | None = None
    insured_bp: float | None = None
    insured_long_bp: float | None = None
    insured_short_bp: float | None = None


class CostLine(Struct, frozen=True):
    """What a design cost one bucket of the common set; the lines of one `by` add up to the line `all`."""

    reference: str  # baseline, insured
    by: str  # all, side, leverage, size, cohort
    bucket: str
    accounts: int
    cost: int  # [micro]
    notional: int  # [micro] when the run began
    bp: float | None


def cost_lines(reference: str, against: Wealth, design: Wealth, common: Bools) -> Iterator[CostLine]:
    """The common set by side, leverage, size and cohort, as they were in the reference run."""
    each = cost(against, design)
    for bucket in buckets(against):
        members = bucket.members & common
        if members.any():
            amount, notional = int(each[members].sum()), int(against.notional[members].sum())
            yield CostLine(reference, bucket.by, bucket.name, int(members.sum()), amount, notional, bp_of(amount, notional))


def costs_of(lines: Sequence[CostLine], common_accounts: int) -> Costs:
    """The headline of the lines: all, longs and shorts against each reference."""
    bp = {(line.reference, line.bucket): line.bp for line in lines if line.by in ("all", "side")}
    told = {f"{name}{suffix}_bp": bp.get((name, bucket)) for name in (BASELINE, INSURED) for suffix, bucket in SUFFIXES.items()}
    return Costs(common_accounts=common_accounts, **told)


def replayed(adl: Deleveraging, design: Wealth, insured: Wealth) -> Deleveraging:
    """What ADL took, against the same run without it: what the deleveraged gained there less what they gained here.

    A haircut is that over what an account gained there, 0 to 1, where it gained (Chitra, arXiv 2512.01112: x = h w).
    """
    check_same(insured, design)
    hit = design.deleveraged
    taken = (insured.gain - design.gain)[hit]
    could = insured.gain[hit]
    haircuts = np.clip(taken[could > 0] / could[could > 0], 0.0, 1.0)
    total = int(taken.sum()) / MICRO
    return msgspec.structs.replace(
        adl,
        taken_usd=total,
        excess_usd=total - adl.needed_usd,
        haircut_max=float(haircuts.max()) if len(haircuts) else None,
        haircut_mean=float(haircuts.mean()) if len(haircuts) else None,
    )
