"""`perplab reverse`: its options, its runs, its files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from ..options import FOLDER, of_runs, with_options

if TYPE_CHECKING:
    from ..comparison.jobs import Done, Job
    from ..comparison.workers import Workers
    from .study import Level, Question, Study

JSON, PICTURE = "reverse.json", "reverse.svg"
PARTS: Final = ("1", "2", "4", "8", "16")


@click.command(short_help="Find the smallest shock, or other change, at which a design breaks.")
@click.argument("scenario")
@click.option("--venue", required=True, metavar="NAME", help="The design: a shipped one or a TOML file.")
@click.option(
    "--until", required=True, metavar="EVENT",
    help="insurance_exhausted, adl, socialized, uncovered, hedger_liquidated, mark_gap=2%, or a bound on a metric such as "
    "losses.bad_debt_usd>1e6.",
)
@click.option(
    "--knob", "knobs", required=True, multiple=True, metavar="NAME",
    help="What is turned: shock, depth, lag, crowding, K, or KEY=FROM..TO with the key of a number of the scenario or the design; :log "
    "behind it goes by equal ratios. Twice: the frontier of two, the first at each level of the second.",
)
@with_options(*of_runs(seeds=8))
@click.option("--set-venue", "venue_settings", metavar="NAME.KEY=VALUE", multiple=True, help="Change the design. Repeatable.")
@click.option("--same-capital/--own-capital", default=None, help="As with perplab compare.")
@click.option("--margin", metavar="STRUCTURE", help="Of a scenario with several markets: cross, isolated or segmented.")
@click.option("--levels", type=click.IntRange(2, 50), default=5, show_default=True, help="Of the second knob.")
@click.option("--scan", type=click.Choice(PARTS), default="4", show_default=True, help="Parts that all seeds try first.")
@click.option("--halvings", type=click.IntRange(0, 20), default=4, show_default=True, help="Of the part in which it happens first.")
@click.option("--out", type=FOLDER, help="Folder of reverse.json and reverse.svg.  [default: out/reverse-SCENARIO-VENUE]")
@click.option("--jobs", type=click.IntRange(1), help="Processes.  [default: one per processor]")
def reverse(
    scenario: str, venue: str, until: str, knobs: Sequence[str], seeds: int, seed: int, accounts: int | None, settings: Sequence[str],
    venue_settings: Sequence[str], same_capital: bool | None, margin: str | None, levels: int, scan: str, halvings: int, out: Path | None,
    jobs: int | None,
) -> int:  # fmt: skip
    """Turn a knob of SCENARIO until EVENT happens on a design, for every seed, and tell at which value it does.

    All seeds are tried at the same values, with the same people and orders at each. First at some values from one end of the knob to the
    other; then the part in which it happens first is halved. `perplab docs reverse` explains what is told.
    """
    from ..cli import processors, terminable
    from ..comparison.report import CAPITAL_OF
    from ..comparison.workers import workers
    from .study import Words, asked, studied

    words = Words(
        scenario, venue, until, knobs, tuple(range(seed, seed + seeds)), accounts, settings, venue_settings, CAPITAL_OF[same_capital],
        margin, levels, int(scan), halvings,
    )  # fmt: skip
    question = asked(words)
    folder = out or Path("out") / f"reverse-{question.setting.scenario.name}-{question.setting.design.venue.name}"
    folder.mkdir(parents=True, exist_ok=True)
    processes = min(jobs or processors(), question.most_runs)
    with terminable(), workers(processes) as by, Runs(question, by, processes) as runs:
        study = studied(question, runs.make, runs.level)
    show(study, folder)
    return 0


def show(study: Study, folder: Path) -> None:
    from rich.console import Console

    from ..comparison.results import write_file
    from .picture import svg
    from .study import to_json
    from .table import Answer

    for name, text in ((PICTURE, svg(study)), (JSON, to_json(study))):
        write_file(folder / name, text)
    Console().print(Answer(study, f"Files: {folder / JSON} (all runs), {folder / PICTURE}."))


class Runs:
    """Makes the runs, and tells how it gets on, on stderr: a bar where there is a terminal, a line per batch elsewhere."""

    def __init__(self, question: Question, by: Workers, at_once: int) -> None:
        from rich.console import Console

        from ..comparison.progress import bar

        self.question, self.by, self.at_once = question, by, at_once
        self.console = Console(stderr=True)
        self.bar = bar(self.console)
        self.task = self.bar.add_task("", total=question.most_runs)
        self.over = 0

    def __enter__(self) -> Runs:
        from perplab.exchange import BUILD

        self.console.print(f"up to {self.question.most_runs:,} runs, {self.at_once} at a time, {BUILD} core", highlight=False)
        self.bar.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self.bar.stop()

    def make(self, jobs: Sequence[Job]) -> list[Done]:
        from ..comparison.workers import TRIES, all_made

        before = self.over
        self.batch = len(jobs)
        done = all_made(jobs, self.by, self, TRIES)
        self.over = before + len(jobs)
        self.bar.update(self.task, completed=self.over)
        self.console.print(f"{self.over:,} runs", highlight=False)
        return done

    def moved(self, share: float) -> None:
        self.bar.update(self.task, completed=self.over + share * self.batch)

    def finished(self, done: Done) -> None:
        """What a single run says is not told: there are hundreds."""

    def level(self, level: Level) -> None:
        from .table import number, told

        second = self.question.second
        if second:
            said = f"{second.name} {number(second.value(level.turn))}: {told(self.question.knob, level.middle.turn)}"
            self.console.print(said, highlight=False)
