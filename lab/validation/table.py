"""A validation for people: tables that fit 80 columns, and say more where there is room."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from .facts import Fact, is_met, middle
from .paper import Paper
from .study import Exponents, Impact, Validation
from .targets import LEAST_PLAIN, PLAIN, Verdict

Seeds: TypeAlias = Sequence[Sequence[Fact]]
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
    if found.fine or found.crash:
        yield facts(found.fine, found.coarse, found.crash)
    if found.impact and found.impact.sizes_usd:
        yield impact(found.impact)


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


def facts(fine: Seeds, coarse: Seeds, crash: Seeds) -> Table:
    """Medians over the seeds; the verdict is that of `fine_book`: ordinary minutes on a book as fine as the feed's."""
    table = made("Stylised facts", "fact", ">feed", ">fine", ">coarse", ">crash", "verdict")
    for at, one in enumerate((fine or coarse or crash)[0]):
        each = [[found[at] for found in seeds] for seeds in (fine, coarse, crash)]
        said = ("met" if is_met(each[0]) else "missed") if fine else "-"
        table.add_row(one.name, one.feed, *(number(middle(values), 2) if values else "-" for values in each), said)
    return table


def impact(found: Impact) -> Table:
    table = made(escape("Impact of one large liquidation order [bp]"), ">size [M USD]", ">fine", ">coarse")
    for size, fine, coarse in zip(found.sizes_usd, found.fine_bp, found.coarse_bp, strict=True):
        table.add_row(number(size / 1e6, 1), number(fine, 2), number(coarse, 2))
    return table


def sentences(found: Validation) -> Iterator[str]:
    if found.paper:
        yield from ordered(found.paper)
    if found.fine:
        yield "Facts: medians, judged by fine, which is fine_book; coarse is the same flow on the book of oct10, crash is oct10 itself."
    if found.impact:
        yield from told(found.impact)
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


def ordered(found: Paper) -> Iterator[str]:
    falling = " > ".join(f"{name} {mean:.3f}" for name, mean in found.largest.items())
    yield f"Paper, from {found.source}: largest haircut, mean of {found.waves} waves: {falling}: {'met' if found.is_ordered else 'missed'}."
    if found.in_order is not None:
        yield f"Paper: queue > contract > wealth pro-rata in {found.in_order} of {found.waves} waves."


def told(found: Impact) -> Iterator[str]:
    low, high = found.fine.wanted
    yield (
        f"Impact of one liquidation at a time on a book whose depth grows with the distance (fine_book): {grown(found.fine)}, wanted "
        f"{low:g} to {high:g}: {'met' if found.is_met else 'missed'}."
    )
    yield f"Impact on the book of oct10, which is coarser: {grown(found.coarse)}: {'met' if found.coarse.is_met else 'missed'}."
    yield (
        f"Impact in the crash itself, from first fill to last: {sum(found.orders):,} large orders, {grown(found.crash)}. No verdict: most "
        "begin where another of the same moment ended."
    )


def grown(found: Exponents) -> str:
    if found.median is None or found.interval is None:
        return "no exponent"
    without = sum(one is None for one in found.by_seed)
    more = f", {without} without" if without else ""
    return f"exponent {found.median:.2f} ({found.interval[0]:.2f} to {found.interval[1]:.2f} over seeds{more})"


def made(title: str, *heads: str) -> Table:
    """A plain table; a column whose head begins with > is one of numbers."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for head in heads:
        table.add_column(head.removeprefix(">"), justify="right" if head.startswith(">") else "left", overflow="fold")
    return table


def number(value: float | None, places: int) -> str:
    return "none" if value is None else f"{value:,.{places}f}"
