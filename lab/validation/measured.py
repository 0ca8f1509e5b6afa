"""What the targets need of runs and is no metric of one run: haircuts of several policies, and one crowd on books of several depths."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

from ..adl.passes import passes
from ..adl.study import KNOWN_ORDER, queue_of, study
from ..metrics import Metrics
from ..runs import Run
from ..scenario import Scenario

THIN: Final = 0.1  # of the book, and of the capital of those who stand behind it
DEPTHS: Final = (THIN, 1.0, 10.0)
LEAST_BP: Final = 0.05  # below it a loss is shown as 0.0: nothing to compare with
ENTRY, BEYOND_TRIGGER, BAD_DEBT, OTHERS = range(4)  # what `lost_bp` gives


@dataclass
class Order:
    """How often the largest haircuts come in the known order."""

    passes: int = 0  # in which losers lack something
    whole: int = 0  # queue > contract pro-rata > wealth pro-rata
    queue: int = 0  # queue > contract pro-rata
    tied: int = 0  # the two kinds of pro-rata within a hundredth
    haircuts: list[tuple[float, ...]] = field(default_factory=list)


def with_depth(scenario: Scenario, times: float) -> Scenario:
    """The same people on a book so many times as deep: the makers' ladder, and all professionals' capital and orders with it."""
    money = ("capital_usd", "outside_usd", "transfer_usd", "clip_usd")
    changes: dict[str, object] = {}
    for group in ("makers", "arbitrageurs", "bidders"):
        table = getattr(scenario, group)
        changes[group] = {name: times * getattr(table, name) for name in money if hasattr(table, name)}
    ladder = {"depth_scale": times * scenario.makers.depth_scale}
    return scenario.override(changes).override({"makers": ladder})


def order_of(made: Run) -> Order:
    """The haircuts of all snapshots of a run."""
    found = Order()
    with TemporaryDirectory() as folder:
        journal = Path(folder) / "run.journal"
        journal.write_bytes(made.journal)
        snapshots = passes(journal)
    for snapshot in snapshots:
        if not snapshot.deficit:
            continue
        names = (queue_of(snapshot), *KNOWN_ORDER)
        done = {one.name: one.measures.max_haircut for one in study(snapshot, names, snapshot.deficit, (), 0.1).outcomes}
        queue, contract, wealth = (done[name] for name in names)
        found.passes += 1
        found.whole += queue > contract > wealth
        found.queue += queue > contract
        found.tied += abs(contract - wealth) <= 0.01 * wealth
        found.haircuts.append((queue, contract, wealth))
    return found


def ratio(thin: list[float], deep: list[float]) -> float | None:
    """Of the medians; None: on the deep book next to nothing is lost."""
    return median(thin) / median(deep) if median(deep) >= LEAST_BP else None


def lost_bp(found: list[Metrics]) -> list[list[float]]:
    """What is lost for what is liquidated, in four ways, by run: since entry, beyond the trigger, bad debt, by others. [bp]"""
    since_entry = [1e4 * (one.liquidation.loss_share or 0.0) for one in found]
    keys = ("liquidation.excess_usd", "losses.bad_debt_usd", "losses.total_usd")
    return [since_entry, *([bp_of(one, key) for one in found] for key in keys)]


def bp_of(found: Metrics, key: str) -> float:
    """A metric [USD] over the notional liquidated; 0 where nothing is. [bp]"""
    notional = found.liquidation.notional_usd
    return 1e4 * (found.scalar(key) or 0.0) / notional if notional else 0.0
