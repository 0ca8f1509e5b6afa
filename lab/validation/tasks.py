"""The runs of a validation, each a task that a process can make alone: what is handed back is numbers, not runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
from librt.vecs import vec
from msgspec import Struct, field
from mypy_extensions import i64

from perplab.exchange.design.venue import load_venue
from perplab.exchange.journal import begun, mark_of, rows_of
from perplab.exchange.messages import ROW

from ..comparison.workers import TRIES, Workers, good
from ..export import blocks
from ..metrics import Metrics, measure
from ..professionals import beyond_population
from ..runs import Run
from ..scenario import load_scenario
from ..simulation import run
from .basis import Convergence, convergence
from .facts import Fact, facts
from .impact import COARSE, FINE, curve, exponent, impacts, on_book
from .measured import BAD_DEBT, BEYOND_TRIGGER, DEPTHS, ENTRY, lost_bp, order_of, with_depth

DESIGN: Final = "book_vault_adl"  # the calibrated one
NO_VAULT: Final = "book_fund_adl"
ONE_DOLLAR: Final = 1.0
CRASH, NOVAULT, DEPTH, SOURCE, IMPACT, FLOW = "crash", "no vault", "depth", "source", "impact", "flow"
LEDGER, BASIS = "ledger", "basis"
BY_SEED: Final = (CRASH, NOVAULT, DEPTH, SOURCE, IMPACT, FLOW)
ONCE: Final = (LEDGER, BASIS)
PARTS: Final = {
    "targets": (CRASH, NOVAULT, DEPTH, SOURCE, LEDGER), "facts": (FLOW, CRASH), "impact": (IMPACT, CRASH), "basis": (BASIS,), "paper": (),
}  # fmt: skip


class Task(Struct, frozen=True):
    kind: str
    seed: int
    accounts: int  # of the crash
    few: int  # of the runs beside it

    @property
    def name(self) -> str:
        """In words."""
        return f"{self.kind}, seed {self.seed}"

    def make(self, moved: Callable[[float], None]) -> Answer:
        return ANSWERS[self.kind](self)


class Answer(Struct, frozen=True):
    """What a task found: values of targets by name, and what else it looks at."""

    task: Task
    values: dict[str, float | None] = field(default_factory=dict)
    notes: dict[str, float | None] = field(default_factory=dict)
    facts: list[Fact] = field(default_factory=list)  # of the crash
    fine: list[Fact] = field(default_factory=list)  # of ordinary minutes on a book as fine as the feed's
    coarse: list[Fact] = field(default_factory=list)  # and on the one of oct10
    exponent: float | None = None  # of all large liquidation orders of a crash
    large: int = 0  # how many
    curves: dict[str, list[tuple[float, float]]] = field(default_factory=dict)  # size [USD] and impact [bp], by the book's scenario
    basis: Convergence | None = None
    beyond: bool = False  # the run is beyond its population


def tasks_of(part: str | None, seeds: Sequence[int], accounts: int, few: int) -> list[Task]:
    """Those that a part of the validation needs, or with None all; the longest first."""
    kinds = {kind for name, each in PARTS.items() if part in (None, name) for kind in each}
    own = [Task(kind, seed, accounts, few) for kind in BY_SEED if kind in kinds for seed in seeds]
    return own + [Task(kind, seeds[0], accounts, few) for kind in ONCE if kind in kinds]


def answers(tasks: Sequence[Task], by: Workers) -> Iterator[Answer]:
    """As they are done. Raises WorkerDied where the process of one is killed more than once."""
    for _, done in good(by.outcomes(tasks, lambda share: None, TRIES)):
        yield done


# -- one task each --


def always(found: Metrics) -> dict[str, float | None]:
    """The invariants, of any run: that it was measured at all says that its audit found nothing."""
    return {"A5": float(found.adl.order_violations), "A7": 0.0}


def crash(task: Task) -> Answer:
    made = run(load_venue(DESIGN), load_scenario("oct10"), task.seed, accounts=task.accounts)
    found, order = measure(made), order_of(made)
    values = {
        "A1": found.adl.delay_s, "A2": found.adl.to_liquidation, "A3": found.adl.in_profit_share, "A4": found.adl.top_percent_share,
        "A6": order.whole / order.passes if order.passes else None, "A10": found.liquidity.deepest_minute_trades, **always(found),
    }  # fmt: skip
    means = [sum(column) / order.passes for column in zip(*order.haircuts, strict=True)] or [None] * 3
    names = ("A6 queue, mean [bp]", "A6 contract pro-rata, mean [bp]", "A6 wealth pro-rata, mean [bp]")
    notes: dict[str, float | None] = {name: None if one is None else 1e4 * one for name, one in zip(names, means, strict=True)}
    notes["A6 snapshots"] = float(order.passes)
    notes["A1b first ADL of the run, from its first liquidation on, with a vault [s]"] = found.adl.delay_from_start_s
    large = impacts(made)
    return Answer(
        task, values, notes, facts(made), exponent=exponent(large), large=len(large), beyond=bool(beyond_population(made))
    )  # fmt: skip


def no_vault(task: Task) -> Answer:
    scenario = load_scenario("oct10").override({"backstop_usd": ONE_DOLLAR})
    found = measure(run(load_venue(NO_VAULT), scenario, task.seed, accounts=task.accounts))
    notes = {"A1b ... and with a fund of one dollar instead [s]": found.adl.delay_from_start_s}
    return Answer(task, {"A1b": found.adl.delay_s, **always(found)}, notes)


def depth(task: Task) -> Answer:
    scenario = load_scenario("oct10")
    thin, deep = (few_of(task, with_depth(scenario, times)) for times in (DEPTHS[0], DEPTHS[-1]))
    found = [measure(thin), measure(deep)]
    here = [each[0] for each in lost_bp(found[:1])], [each[0] for each in lost_bp(found[1:])]

    def over(which: int) -> float | None:
        return here[0][which] / here[1][which] if here[1][which] > 0.0 else None

    notes = {"A8 lost beyond the trigger, ratio": over(BEYOND_TRIGGER), "A8 bad debt, ratio": over(BAD_DEBT)}
    violations = max(one.adl.order_violations for one in found)
    return Answer(task, {"A8": over(ENTRY), "A5": float(violations), "A7": 0.0}, notes, beyond=any(map(beyond_population, (thin, deep))))


def source(task: Task) -> Answer:
    scenario = load_scenario("avax_single_venue")
    found = [measure(few_of(task, scenario.override({"oracle": {"sources": count}}))) for count in (1, 3)]
    alone, three = (one.liquidation.notional_usd for one in found)
    notes: dict[str, float | None] = {"A9 one source [bn USD]": alone / 1e9, "A9 median of three [bn USD]": three / 1e9}
    violations = max(one.adl.order_violations for one in found)
    return Answer(task, {"A9": alone / max(three, ONE_DOLLAR), "A5": float(violations), "A7": 0.0}, notes)


def few_of(task: Task, scenario: object) -> Run:
    from ..scenario import Scenario

    assert isinstance(scenario, Scenario)
    return run(load_venue(DESIGN), scenario, task.seed, accounts=task.few)


def ledger(task: Task) -> Answer:
    """A small crash, command by command: the ledger is checked after each, and whatever it says is the venue's own assertion."""
    made = run(load_venue(DESIGN), load_scenario("flash"), task.seed, accounts=60)
    off = 0
    checked = 0
    with TemporaryDirectory() as folder:
        file = Path(folder) / "run.journal"
        file.write_bytes(made.journal)
        found = blocks(file)
        replay = begun(str(file), next(found)[1])
        for rows, payload in found:
            if not rows:
                mark_of(payload, str(file))
                continue
            for row in np.frombuffer(rows_of(payload), dtype=np.int64).reshape(-1, ROW):
                replay.exchange.apply_rows(vec[i64](row.tolist()))
                checked += 1
                try:
                    replay.exchange.ledger.check()
                except AssertionError:
                    off += 1
    assert replay.exchange.state_hash() == made.state_hash, "the replay of a run comes to another state"
    return Answer(task, {"A7": float(off), **{"A5": always(measure(made))["A5"]}}, {"A7 commands checked": float(checked)})


def impact(task: Task) -> Answer:
    return Answer(task, curves={whose: curve(whose, task.seed) for whose in (FINE, COARSE)})


def flow(task: Task) -> Answer:
    fine, coarse = (facts(run(load_venue(DESIGN), on_book(whose), task.seed)) for whose in (FINE, COARSE))
    return Answer(task, fine=fine, coarse=coarse)


def basis(task: Task) -> Answer:
    return Answer(task, basis=convergence(seed=task.seed))


ANSWERS: Final[dict[str, Callable[[Task], Answer]]] = {
    CRASH: crash, NOVAULT: no_vault, DEPTH: depth, SOURCE: source, IMPACT: impact, LEDGER: ledger, FLOW: flow, BASIS: basis,
}  # fmt: skip
