"""A validation for people: tables that fit 80 columns, and say more where there is room."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from .facts import Fact
from .paper import Paper
from .study import Impact, Validation
from .targets import LEAST_PLAIN, PLAIN, Verdict

WIDE: Final = 120  # [columns] from which on the words of a target are shown with it


def show(found: Validation, files: str, console: Console) -> None:
    seeds = ", ".join(map(str, found.seeds))
    console.print(
        f"oct10 on {found.design}, seeds {seeds}, {found.accounts:,} accounts (A8 and A9: {found.few:,}), {found.build} core",
        highlight=False,
    )
    for table in tables(found, console.width):
        console.print(table)
    for line in sentences(found):
        console.print(line, highlight=False, markup=False)
    console.print(files, highlight=False, markup=False, soft_wrap=True)


def tables(found: Validation, width: int) -> Iterator[Table]:
    if found.verdicts:
        yield targets(found.verdicts, width)
    if found.paper:
        yield paper(found.paper)
    if found.calm or found.crash:
        yield facts(found.calm, found.crash)


def targets(found: Sequence[Verdict], width: int) -> Table:
    table = made("Targets", "", "wanted", ">real", ">median", ">interval", "verdict")
    for one in found:
        target = one.target
        middle = number(one.median, target.places)
        interval = "none" if one.interval is None else f"{number(one.interval[0], target.places)}-{number(one.interval[1], target.places)}"
        words = target.wanted if width >= WIDE else band(one)
        table.add_row(target.name, words, target.real if width >= WIDE else target.real.split(" against")[0], middle, interval, one.said)
    return table


def band(one: Verdict) -> str:
    low, high = one.target.low, one.target.high
    if low == high:
        return f"{low:g}"
    if high in (1.0, float("inf")):
        return f"{'>' if one.target.is_open else '>='} {low:g}"
    return f"{'<' if one.target.is_open else '<='} {high:g}" if low == 0.0 else f"{low:g}-{high:g}"


def paper(found: Paper) -> Table:
    table = made("The paper's policies on its own numbers", "number", ">paper", ">ours", ">difference", "how")
    for line in found.lines:
        table.add_row(escape(line.what), f"{line.paper:.3f}", f"{line.ours:.3f}", f"{line.difference:+.3f}", line.how)
    return table


def facts(calm: Sequence[Fact], crash: Sequence[Sequence[Fact]]) -> Table:
    """The verdict is that of `calm`, as the feed was; the crash stands beside it."""
    table = made("Stylised facts", "fact", ">feed", ">calm", ">oct10", "verdict")
    for at, one in enumerate(calm or crash[0]):
        wild = [each[at].value for each in crash]
        known = sorted(value for value in wild if value is not None)
        table.add_row(
            one.name, one.feed, number(one.value, 2) if calm else "-", number(known[len(known) // 2], 2) if known else "-",
            ("met" if one.is_met else "missed") if calm else "-",
        )  # fmt: skip
    return table


def sentences(found: Validation) -> Iterator[str]:
    if found.paper and found.paper.in_order is not None:
        yield f"Paper: queue > contract > wealth pro-rata in {found.paper.in_order} of {found.paper.waves} waves, and in the means."
    if found.impact:
        yield told(found.impact)
    basis = found.basis
    if basis:
        yield (
            f"Basis: a crowd holds the premium at {basis.without_bp:.1f} bp, with arbitrageurs at {basis.with_bp:.1f} bp, wanted at most "
            f"{basis.bound_bp:g}; sampled for funding {number(basis.funding_without_bp, 1)} and {number(basis.funding_with_bp, 1)} bp: "
            f"{'met' if basis.is_met else 'missed'}."
        )
    for name, each in found.notes.items():
        yield f"{name}: {', '.join(number(value, 2) for value in each)}"
    for one in found.verdicts:
        if not one.is_met and one.target.tried:
            yield f"{one.target.name} is missed. Tried: {one.target.tried}."
    if found.beyond:
        yield f"Beyond their population: {', '.join(found.beyond)}."
    if found.verdicts:
        plain = [one.is_met for one in found.verdicts if one.target.kind == PLAIN]
        yield (
            f"{sum(plain)} of the {len(plain)} targets that are neither invariant nor calibrated are met, at least {LEAST_PLAIN} wanted: "
            f"{'validated' if found.is_enough else 'NOT validated'}. An interval is the least and the largest of the seeds."
        )


def told(impact: Impact) -> str:
    orders = f"{sum(impact.orders):,} large liquidations"
    if impact.median is None or impact.interval is None:
        return f"Impact: {orders}, too few for an exponent: missed."
    low, high = impact.wanted
    return (
        f"Impact: {orders}, exponent {impact.median:.2f} ({impact.interval[0]:.2f} to {impact.interval[1]:.2f} over seeds), wanted "
        f"{low:g} to {high:g}: {'met' if impact.is_met else 'missed'}."
    )


def made(title: str, *heads: str) -> Table:
    """A plain table; a column whose head begins with > is one of numbers."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for head in heads:
        table.add_column(head.removeprefix(">"), justify="right" if head.startswith(">") else "left", overflow="fold")
    return table


def number(value: float | None, places: int) -> str:
    return "none" if value is None else f"{value:,.{places}f}"
