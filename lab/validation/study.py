"""What a validation found, put together from its tasks' answers."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

import msgspec
from msgspec import Struct

from .basis import Convergence
from .facts import Fact, is_met
from .impact import COARSE, EXPONENT, FINE, WITHIN, slope
from .paper import Paper
from .targets import TARGETS, Verdict, is_enough, verdicts
from .tasks import BY_SEED, CRASH, DESIGN, FLOW, IMPACT, Answer


class Exponents(Struct, frozen=True):
    """Of impact over size; a seed without one counts as outside."""

    by_seed: tuple[float | None, ...]
    median: float | None
    interval: tuple[float, float] | None  # least and largest of the seeds
    wanted: tuple[float, float] = (EXPONENT - WITHIN, EXPONENT + WITHIN)

    @property
    def is_met(self) -> bool:
        inside = [one is not None and self.wanted[0] <= one <= self.wanted[1] for one in self.by_seed]
        return self.median is not None and self.wanted[0] <= self.median <= self.wanted[1] and 2 * sum(inside) > len(inside)


class Impact(Struct, frozen=True):
    """Of large liquidations: one at a time, on a book as fine as the feed's and on the one of `oct10`, and all orders of the crash."""

    fine: Exponents
    coarse: Exponents
    crash: Exponents
    orders: tuple[int, ...]  # of the crash, by seed
    sizes_usd: tuple[float, ...]
    fine_bp: tuple[float, ...]  # mean over the seeds, at these sizes
    coarse_bp: tuple[float, ...]

    @property
    def is_met(self) -> bool:
        """On the fine book. The other is coarser on purpose, and told beside it."""
        return self.fine.is_met


class Validation(Struct, frozen=True):
    """All of it; what was not asked for is None or empty."""

    design: str
    seeds: tuple[int, ...]
    accounts: int
    few: int  # accounts of the runs of A8 and A9
    build: str
    verdicts: tuple[Verdict, ...]
    notes: dict[str, tuple[float | None, ...]]  # by seed
    beyond: tuple[str, ...]  # runs beyond their population
    paper: Paper | None
    fine: tuple[tuple[Fact, ...], ...]  # by seed, of ordinary minutes on a book as fine as the feed's
    coarse: tuple[tuple[Fact, ...], ...]  # and on the one of oct10
    crash: tuple[tuple[Fact, ...], ...]
    impact: Impact | None
    basis: Convergence | None

    @property
    def is_enough(self) -> bool:
        """All targets that must be met are; of a part without targets, all that it looks at."""
        if self.verdicts:
            return is_enough(self.verdicts)
        looked = [one.is_met for one in (self.impact, self.basis) if one is not None]
        shown = [is_met(each) for each in zip(*self.fine, strict=True)]
        return all(looked + shown) and (self.paper is None or self.paper.is_ordered)


def put_together(
    answers: Sequence[Answer], part: str | None, seeds: Sequence[int], accounts: int, few: int, build: str, paper: Paper | None
) -> Validation:
    crash = _of(answers, CRASH)
    flows = _of(answers, FLOW)
    return Validation(
        DESIGN, tuple(seeds), accounts, few, build,
        tuple(verdicts(_values(answers))) if part in (None, "targets") else (),
        _notes(answers) if part in (None, "targets") else {},
        tuple(one.task.name for one in _sorted(answers) if one.beyond),
        paper, tuple(tuple(one.fine) for one in flows), tuple(tuple(one.coarse) for one in flows),
        tuple(tuple(one.facts) for one in crash if one.facts) if part in (None, "facts") else (),
        _impact(answers) if part in (None, "impact") else None,
        next((one.basis for one in answers if one.basis is not None), None),
    )  # fmt: skip


def _impact(answers: Sequence[Answer]) -> Impact:
    curves = {scenario: [one.curves[scenario] for one in _of(answers, IMPACT)] for scenario in (COARSE, FINE)}
    crash = _of(answers, CRASH)
    sizes = tuple(_mean(column, 0) for column in _columns(curves[FINE]))
    return Impact(
        _exponents([slope(one) for one in curves[FINE]]), _exponents([slope(one) for one in curves[COARSE]]),
        _exponents([one.exponent for one in crash]), tuple(one.large for one in crash), sizes,
        *(tuple(_mean(column, 1) for column in _columns(curves[scenario])) for scenario in (FINE, COARSE)),
    )  # fmt: skip


def _columns(curves: Sequence[Sequence[tuple[float, float]]]) -> list[tuple[tuple[float, float], ...]]:
    """By size; of as many sizes as all seeds have."""
    return list(zip(*curves, strict=False))


def _mean(points: Sequence[tuple[float, float]], which: int) -> float:
    return sum(one[which] for one in points) / len(points)


def _exponents(found: Sequence[float | None]) -> Exponents:
    known = [one for one in found if one is not None]
    return Exponents(tuple(found), median(known) if known else None, (min(known), max(known)) if known else None)


def to_json(found: Validation) -> str:
    tree = msgspec.to_builtins(found)
    for told, one in zip(tree["verdicts"], found.verdicts, strict=True):
        told["said"] = one.said
        told["target"] = {key: value for key, value in told["target"].items() if value != float("inf")}
    tree["is_enough"] = found.is_enough
    return msgspec.json.format(msgspec.json.encode(tree), indent=2).decode() + "\n"


def _sorted(answers: Sequence[Answer]) -> list[Answer]:
    return sorted(answers, key=lambda one: (BY_SEED.index(one.task.kind) if one.task.kind in BY_SEED else len(BY_SEED), one.task.seed))


def _of(answers: Sequence[Answer], kind: str) -> list[Answer]:
    return [one for one in _sorted(answers) if one.task.kind == kind]


def _values(answers: Sequence[Answer]) -> dict[str, list[float | None]]:
    """By target: a value for each seed, of invariants one for each task."""
    found: dict[str, list[float | None]] = {}
    for target in TARGETS:
        each = [one.values[target.name] for one in _sorted(answers) if target.name in one.values]
        if each:
            found[target.name] = each
    return found


def _notes(answers: Sequence[Answer]) -> dict[str, tuple[float | None, ...]]:
    found: dict[str, list[float | None]] = {}
    for one in _sorted(answers):
        for name, value in one.notes.items():
            found.setdefault(name, []).append(value)
    return {name: tuple(each) for name, each in found.items()}
