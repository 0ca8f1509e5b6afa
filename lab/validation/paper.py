"""The paper's comparison of policies over the 16 waves of 10 October 2025, on its own numbers (Chitra, arXiv 2512.01112).

Rules of the file: what the published tables hold is computed again from them, by the policies of `lab/adl` where they can be (what the
continuous pro-rata rules raise, the largest haircut of wealth pro-rata). The other largest haircuts need winners' accounts that are not
published: of those it is the table's mean that is computed, and their order.
"""

from __future__ import annotations

import csv
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from msgspec import Struct

from perplab.exchange.design.reader import DesignError
from perplab.exchange.units import MICRO

from ..adl.policies import water_fill, whole

FILE: Final = "policy_per_wave_metrics.csv"
BESIDE: Final = Path("..", "shared", "data", "adl_paper")  # from where the program is started
ORDER: Final = ("production (queue)", "contract pro-rata", "integer program", "wealth pro-rata")  # of the largest haircuts, falling


class Published(NamedTuple):
    """A line of the paper's table."""

    suffix: str  # of its columns
    overshoot_musd: float  # the sum over the waves
    max_haircut: float  # the mean over the waves


TABLE: Final = {  # pluriholonomic/autodeleveraging-analysis@aae0be8, out/policy_per_wave_metrics.csv, sums and means over its 16 rows
    "production (queue)": Published("prod", 45.03, 0.754),
    "wealth pro-rata": Published("pr", 0.0, 0.013),
    "PnL pro-rata": Published("pnl_pr", 0.0, 0.028),
    "equity pro-rata": Published("eq_pr", 0.0, 0.005),
    "vector mirror descent": Published("vector", -1.79, 0.007),
    "contract pro-rata": Published("contract_pr", -3.02, 0.115),
    "integer program": Published("fixed_point_ilp_integer", 0.09, 0.062),
}
CONTINUOUS: Final = ("wealth pro-rata", "PnL pro-rata", "equity pro-rata")
WAVES: Final = (  # what each wave needed [thousand USD], and its winners' capacity [million USD]: the same file, rounded
    (2266, 261.3), (1384, 210.6), (1066, 272.5), (115, 250.5), (8, 0.05), (1576, 547.1), (45, 6.9), (1622, 401.1),
    (374, 199.5), (5, 13.6), (5584, 643.4), (1021, 430.6), (9, 199.6), (2, 4.5), (1, 31.1), (1, 37.1),
)  # fmt: skip


class Line(Struct, frozen=True):
    """One number of the paper, and ours."""

    what: str
    paper: float
    ours: float
    how: str

    @property
    def difference(self) -> float:
        return self.ours - self.paper


class Paper(Struct, frozen=True):
    lines: tuple[Line, ...]
    in_order: int | None  # waves with queue > contract > wealth
    waves: int
    largest: dict[str, float]  # mean of the largest haircuts, of the policies in ORDER
    is_ordered: bool  # these fall in the known order
    source: str


def paper_of(folder: Path | None) -> Paper:
    """From the tables of a folder, or with None from `BESIDE` where they are there, or from those of this file.

    DesignError: the folder that is asked for does not hold them.
    """
    if folder is None:
        folder = BESIDE if (BESIDE / FILE).is_file() else None
    return from_table() if folder is None else from_files(folder / FILE)


def raised(needed_usd: float, capacity_usd: float) -> float:
    """What a continuous pro-rata rule raises of it, by our own function. [USD]"""
    return int(water_fill([1], whole([round(capacity_usd * MICRO)]), round(needed_usd * MICRO))[0]) / MICRO


def from_table() -> Paper:
    """What needs no more than the waves is computed, the rest is the table's, and only ordered."""
    over = sum(raised(1e3 * needed, 1e6 * capacity) - 1e3 * needed for needed, capacity in WAVES) / 1e6
    common = [raised(1e3 * needed, 1e6 * capacity) / (1e6 * capacity) for needed, capacity in WAVES]
    lines = [Line(f"{name}: overshoot [M USD]", TABLE[name].overshoot_musd, over, "computed") for name in CONTINUOUS]
    lines.append(bound("wealth pro-rata", float(np.mean(common))))
    means = {name: TABLE[name].max_haircut for name in ORDER}
    return Paper(tuple(lines), None, len(WAVES), means, is_falling(means), "the table typed in")


def bound(name: str, mean: float) -> Line:
    return Line(f"{name}: largest haircut, mean, at most", TABLE[name].max_haircut, mean, "computed: an upper bound")


def from_files(file: Path) -> Paper:
    rows = rows_of(file)

    def column(name: str) -> list[float]:
        return [float(row[name] or "nan") for row in rows]

    try:
        needed, capacity = column("budget_needed"), column("total_cap")
        largest = {name: column(f"max_pct_{one.suffix}") for name, one in TABLE.items()}
        over = {name: sum(column(f"overshoot_{one.suffix}")) / 1e6 for name, one in TABLE.items()}
    except (KeyError, ValueError) as error:
        raise DesignError(f"{file}: {error} given, expected the columns of {FILE} of the paper's repository") from None
    ours = sum(raised(n, c) - n for n, c in zip(needed, capacity, strict=True)) / 1e6
    lines = [
        Line(f"{name}: overshoot [M USD]", one.overshoot_musd, *((ours, "computed") if name in CONTINUOUS else (over[name], "added up")))
        for name, one in TABLE.items()
    ]
    lines += [
        Line(f"{name}: largest haircut, mean", one.max_haircut, float(np.mean(largest[name])), "added up") for name, one in TABLE.items()
    ]
    lines.append(bound("wealth pro-rata", float(np.mean([raised(n, c) / c for n, c in zip(needed, capacity, strict=True)]))))
    three = zip(*(largest[name] for name in ("production (queue)", "contract pro-rata", "wealth pro-rata")), strict=True)
    in_order = sum(queue > contract > wealth for queue, contract, wealth in three)
    means = {name: float(np.mean(largest[name])) for name in ORDER}
    return Paper(tuple(lines), in_order, len(rows), means, is_falling(means), str(file))


def rows_of(file: Path) -> list[dict[str, str]]:
    try:
        with file.open(encoding="utf-8", newline="") as lines:
            found = list(csv.DictReader(lines))
    except UnicodeDecodeError:
        raise DesignError(f"{file}: not UTF-8 text, expected a CSV file of the paper's repository") from None
    if not found:
        raise DesignError(f"{file}: holds no waves")
    return found


def is_falling(means: dict[str, float]) -> bool:
    values = [means[name] for name in ORDER]
    return all(a > b for a, b in pairwise(values))
