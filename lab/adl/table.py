"""A study in the terminal: policies below each other, what each takes, who bears it.

Rules of the file: it computes nothing, it chooses and formats. Columns are cut into as many tables as the width asks for, each with all
policies. 0 is exactly zero, - is not defined.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from ..amounts import dollars, usd_scale
from .measures import Bucket, haircut_of
from .snapshot import usd
from .study import Outcome, Study, basis, findings, percent

PROSE: Final = 100  # [characters] longest line of text
NAME: Final = 21  # [characters] of a policy
GAP: Final = 2
WIDEST: Final = 160


class Column(NamedTuple):
    head: str  # two lines
    cell: Callable[[Outcome], str]


class Group(NamedTuple):
    title: str
    beside: str  # the same behind another title
    columns: tuple[Column, ...]


class Overview:
    def __init__(self, done: Study) -> None:
        self.done = done

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = min(options.max_width, WIDEST)
        yield Text(self.title(), style="bold")
        yield from folded(self.about(), console, width)
        for groups in packed(self.groups(), self.rows(), width):
            yield Text("")
            needed = NAME + GAP + GAP * len(groups) + sum(width_of(group, self.rows()) for group in groups)  # no number is cut off
            yield from console.render(self.table(groups), options.update(width=max(width, needed)))
        for sentence in findings(self.done):
            yield Text("")
            yield from folded(sentence, console, width)
        yield Text("")
        yield from folded(
            "A haircut is what is taken from a winner over his equity. `perplab docs metrics` defines policies and columns.", console, width
        )

    def title(self) -> str:
        snapshot = self.done.snapshot
        return f"Auto-deleveraging on one snapshot: {snapshot.title}, {snapshot.market} at {snapshot.mark_usd:,.10g} USD"

    def about(self) -> str:
        done, snapshot = self.done, self.done.snapshot
        winners = snapshot.winners
        winning = "short" if snapshot.losing_side == "long" else "long"
        closed, asked = counted(len(snapshot.losers.lots), snapshot.losing_side), counted(len(winners), winning)
        worth = dollars(usd(snapshot.lots * snapshot.lot_value))
        endowment, equity = dollars(usd(int(winners.endowment.sum()))), dollars(usd(int(winners.equity.sum())))
        lack = dollars(usd(snapshot.deficit)) if snapshot.deficit else "nothing"
        needed = "all of that" if done.budget == snapshot.deficit else dollars(usd(done.budget))
        return (
            f"To be closed: {closed} worth {worth}, lacking {lack}. To be raised: {needed}, from {asked} with {endowment} of profit and "
            f"{equity} of equity."
        )

    # -- columns --

    def groups(self) -> list[Group]:
        done = self.done
        money = [one.measures for one in done.outcomes]
        raised = usd_scale([of.raised_usd for of in money])
        closed = usd_scale([abs(value) for of in money for value in (of.closed_usd, of.realized_usd)])
        taken = (
            Column(f"raised\n{raised[1]}", lambda one: amount(one.measures.raised_usd, raised[0])),
            Column(f"excess\n{raised[1]}", lambda one: amount(one.measures.excess_usd, raised[0])),
            Column(f"closed\n{closed[1]}", lambda one: amount(one.measures.closed_usd, closed[0])),
            Column(f"realized\n{closed[1]}", lambda one: amount(one.measures.realized_usd, closed[0])),
            Column("winners\ntouched", lambda one: f"{one.measures.touched:,}"),
        )
        spread = (
            Column("largest\nhaircut bp", lambda one: basis(one.measures.max_haircut)),
            Column("mean\nbp", lambda one: basis(one.measures.mean_haircut)),
            Column("top 1 %\nbear %", lambda one: share(one.measures.top_share)),
            Column("\nGini", lambda one: ratio(one.measures.gini)),
            Column("top one\nkeeps %", lambda one: share(one.measures.top_left)),
            Column("\nPTSR", lambda one: ratio(one.measures.ptsr)),
            Column("\nPMR", lambda one: ratio(one.measures.pmr)),
        )
        return [
            Group("What is taken", "", taken),
            Group("Who bears it", "who bears it", spread),
            Group("Haircut in bp, by leverage", "", self.by(done.leverages)),
            Group("Haircut in bp, by size in USD", "by size in USD", self.by(done.sizes)),
        ]

    def by(self, buckets: list[Bucket]) -> tuple[Column, ...]:
        """A column for each group of winners, with how many they are."""
        return tuple(Column(f"{bucket.label}\n({int(bucket.members.sum()):,})", self.cell_of(bucket)) for bucket in buckets)

    def cell_of(self, bucket: Bucket) -> Callable[[Outcome], str]:
        winners = self.done.snapshot.winners
        return lambda one: basis(haircut_of(bucket, winners, one.closed))

    def rows(self) -> tuple[Outcome, ...]:
        return self.done.outcomes

    def table(self, groups: list[Group]) -> Table:
        table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style="bold")
        title = ", ".join([groups[0].title, *(group.beside for group in groups[1:])])
        table.add_column(Text(title, style="bold cyan"), width=NAME)
        for number, group in enumerate(groups):
            for column in group.columns:
                table.add_column(Text(column.head, justify="right"), justify="right", no_wrap=True)
            if number < len(groups) - 1:
                table.add_column("")
        kind = ""
        for one in self.rows():
            if one.kind != kind:
                kind = one.kind
                table.add_row(Text(kind, style="dim"))
            cells = [cell for group in groups for cell in (*(column.cell(one) for column in group.columns), "")]
            table.add_row(one.name, *cells[:-1])
        return table


def packed(groups: list[Group], rows: tuple[Outcome, ...], width: int) -> Iterator[list[Group]]:
    """Groups side by side in pairs, where both fit."""
    for first, second in zip(groups[::2], groups[1::2], strict=True):
        both = NAME + GAP + width_of(first, rows) + GAP + width_of(second, rows)
        yield from [[first, second]] if both <= width else [[first], [second]]


def width_of(group: Group, rows: tuple[Outcome, ...]) -> int:
    """[characters]"""
    return sum(
        GAP + max(len(text) for text in (*column.head.split("\n"), *(column.cell(one) for one in rows))) for column in group.columns
    )


def folded(text: str, console: Console, width: int) -> Iterator[Text]:
    yield from Text(text).wrap(console, min(PROSE, width))


def counted(number: int, side: str) -> str:
    return f"{number:,} {side}{'' if number == 1 else 's'}"


def amount(value: float, factor: float) -> str:
    return f"{value / factor:,.2f}" if value else "0"


def share(value: float | None) -> str:
    return "-" if value is None else percent(value)


def ratio(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
