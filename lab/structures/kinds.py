"""What became of each kind of people in a run: what a report says of account structures besides the metrics of all runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Struct

from ..metrics import BASELINE
from ..metrics.costs import CostLine
from ..metrics.wealth import LEVERAGES, bp_of, bucket_names

LEVERED: Final = 10.0  # notional over equity from which on people are told as levered: a bound of the buckets of leverage
LEVERED_NAME: Final = f"levered_{LEVERED:g}x"
LEVERED_BUCKETS: Final = bucket_names(LEVERAGES)[LEVERAGES.index(LEVERED) + 1 :]


class KindLine(Struct, frozen=True):
    """The people of a kind; `levered_10x` are those of all kinds who begin with that leverage or more. A kind may have no people."""

    kind: str
    people: int
    liquidated: int  # of whom something was liquidated
    notional_usd: float  # liquidated
    further_usd: float  # of it in further markets than the first
    bad_debt_usd: float
    opening_usd: float  # their notional when the run began
    common: int = 0  # people in the common set
    cost_bp: float | None = None  # to these against the baseline, of their opening notional


def with_costs_of(kinds: Sequence[KindLine], lines: Sequence[CostLine]) -> list[KindLine]:
    """The same with what it cost the common set, once a run has been compared with the baseline's."""
    return [with_cost(one, [line for line in lines if line.reference == BASELINE and is_of(line, one.kind)]) for one in kinds]


def is_of(line: CostLine, kind: str) -> bool:
    return line.bucket in LEVERED_BUCKETS and line.by == "leverage" if kind == LEVERED_NAME else (line.by, line.bucket) == ("cohort", kind)


def with_cost(kind: KindLine, lines: Sequence[CostLine]) -> KindLine:
    common = sum(line.accounts for line in lines)
    bp = bp_of(sum(line.cost for line in lines), sum(line.notional for line in lines))
    return msgspec.structs.replace(kind, common=common, cost_bp=bp)
