"""`perplab validate`: its options, its runs, its file."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from ..options import FOLDER

JSON: Final = "validate.json"
ACCOUNTS, FEW = 5_000, 1_000  # five seeds end within 15 minutes on two cores with the compiled core
QUICK_ACCOUNTS, QUICK_FEW, QUICK_SEEDS = 400, 60, 2  # a first look: the targets are about crowds, and may be missed with so few
NAMES: Final = ("targets", "facts", "impact", "basis", "paper")
NOT_ENOUGH: Final = 1


@click.command(short_help="Hold simulated runs of oct10 against what is on record of that day.")
@click.argument("scenario", type=click.Choice(["oct10"]))
@click.option("--seeds", type=click.IntRange(1, 1000), help="How many seeds.  [default: 5; with --quick 2]")
@click.option("--seed", type=click.IntRange(0, 2**31), default=4, show_default=True, help="The first of them; 1 to 3 were calibrated on.")
@click.option("--accounts", type=click.IntRange(60, 1_000_000), help="Traders who hold positions.  [default: 5000; with --quick 400]")
@click.option("--part", type=click.Choice(NAMES), help="Only that.")
@click.option(
    "--paper",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of the paper's tables.  [default: ../shared/data/adl_paper where that is, else typed in]",
)
@click.option("--quick", is_flag=True, help="Few accounts and seeds: a first look in less than a minute.")
@click.option("--out", type=FOLDER, help="Folder of validate.json.  [default: out/validate-oct10]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with all digits.")
@click.option("--jobs", type=click.IntRange(1), help="Processes.  [default: one per processor]")
def validate(
    scenario: str, seeds: int | None, seed: int, accounts: int | None, part: str | None, paper: Path | None, quick: bool, out: Path | None,
    as_json: bool, jobs: int | None,
) -> int:  # fmt: skip
    """Check the acceptance targets of SCENARIO (perplab docs validation) on seeds that it was not calibrated on.

    Tells each target's real value, the simulated median and interval, and the verdict; then the paper's comparison of policies, stylised
    facts of the order flow, how the impact of liquidations grows with size, and whether arbitrageurs close the basis. Exit code 1 if an
    invariant is broken, a calibrated target is missed, or fewer than five of the other six are met; of a part without targets, if anything
    in it is missed.
    """
    from rich.console import Console

    from perplab.exchange import BUILD

    from ..cli import processors, terminable
    from ..comparison.results import write_file
    from ..comparison.workers import workers
    from .paper import paper_of
    from .study import put_together, to_json
    from .table import show
    from .tasks import Answer, answers, tasks_of

    own = tuple(range(seed, seed + (seeds or (QUICK_SEEDS if quick else 5))))
    many = accounts or (QUICK_ACCOUNTS if quick else ACCOUNTS)
    few = min(many, QUICK_FEW if quick else FEW)
    read = paper_of(paper) if part in (None, "paper") else None
    folder = out or Path("out") / f"validate-{scenario}"
    folder.mkdir(parents=True, exist_ok=True)
    todo = tasks_of(part, own, many, few)
    said = Console(stderr=True)
    said.print(f"{len(todo)} tasks, {BUILD} core", highlight=False)
    done: list[Answer] = []
    with terminable(), workers(min(jobs or processors(), len(todo))) as by:
        for one in answers(todo, by):
            done.append(one)
            said.print(f"{len(done):>{len(str(len(todo)))}}/{len(todo)}  {one.task.name}", highlight=False)
    found = put_together(done, part, own, many, few, BUILD, read)
    text = to_json(found)
    write_file(folder / JSON, text)
    if as_json:
        click.echo(text, nl=False)
    else:
        show(found, f"File: {folder / JSON}.", Console())
    return 0 if found.is_enough else NOT_ENOUGH
