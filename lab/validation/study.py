"""What a validation found, put together from its tasks' answers."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

import msgspec
from msgspec import Struct

from .basis import Convergence
from .facts import EXPONENT, WITHIN, Fact
from .paper import Paper
from .targets import TARGETS, Verdict, is_enough, verdicts
from .tasks import BY_SEED, CRASH, DESIGN, FLOW, Answer


class Impact(Struct, frozen=True):
    """Exponent of the mean impact over size of large liquidation orders."""

    exponents: tuple[float | None, ...]  # by seed
    orders: tuple[int, ...]  # behind each
    median: float | None
    interval: tuple[float, float] | None  # least and largest of the seeds
    wanted: tuple[float, float] = (EXPONENT - WITHIN, EXPONENT + WITHIN)

    @property
    def is_met(self) -> bool:
        return self.median is not None and self.wanted[0] <= self.median <= self.wanted[1]


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
    calm: tuple[Fact, ...]
    crash: tuple[tuple[Fact, ...], ...]  # by seed
    impact: Impact | None
    basis: Convergence | None

    @property
    def is_enough(self) -> bool:
        """All targets that must be met are; of a part without targets, all that it looks at."""
        if self.verdicts:
            return is_enough(self.verdicts)
        looked = [one.is_met for one in (self.impact, self.basis) if one is not None] + [one.is_met for one in self.calm]
        return all(looked) and (self.paper is None or self.paper.is_ordered)


def put_together(
    answers: Sequence[Answer], part: str | None, seeds: Sequence[int], accounts: int, few: int, build: str, paper: Paper | None
) -> Validation:
    crash = _of(answers, CRASH)
    calm = [one for answer in _of(answers, FLOW) for one in answer.facts]
    exponents = [one.exponent for one in crash]
    known = [one for one in exponents if one is not None]
    impact = Impact(
        tuple(exponents), tuple(one.large for one in crash), median(known) if known else None, (min(known), max(known)) if known else None
    )
    return Validation(
        DESIGN, tuple(seeds), accounts, few, build,
        tuple(verdicts(_values(answers))) if part in (None, "targets") else (),
        _notes(answers) if part in (None, "targets") else {},
        tuple(one.task.name for one in _sorted(answers) if one.beyond),
        paper, tuple(calm), tuple(tuple(one.facts) for one in crash) if part in (None, "facts") else (),
        impact if part in (None, "impact") else None,
        next((one.basis for one in answers if one.basis is not None), None),
    )  # fmt: skip


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
