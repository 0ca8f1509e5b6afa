"""`perplab archetypes`: its options, its runs, its file."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

import click
import msgspec

from ..options import FOLDER, of_runs, with_options

JSON: Final = "archetypes.json"
MANY: Final = 200  # runs


@click.command(short_help="Follow trading strategies through a scenario, on each venue and on pairs of them.")
@click.argument("scenario")
@click.option("--venues", "venue_list", metavar="A,B", required=True, help="Designs to trade on: names or TOML files.")
@click.option("--pairs/--no-pairs", default=True, show_default=True, help="Also run each pair of them together, for what trades on both.")
@with_options(*of_runs(seeds=5))
@click.option("--set-venue", "venue_settings", metavar="NAME.KEY=VALUE", multiple=True, help="Change one design. Repeatable.")
@click.option("--same-capital/--own-capital", default=None, help="As with perplab compare.")
@click.option("--yes", is_flag=True, help=f"Also make more than {MANY} runs.")
@click.option("--out", type=FOLDER, help="Folder of archetypes.json.  [default: out/archetypes-SCENARIO]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with all digits.")
@click.option("--jobs", type=click.IntRange(1), help="Processes.  [default: one per processor]")
def archetypes(
    scenario: str, venue_list: str, pairs: bool, seeds: int, seed: int, accounts: int | None, settings: Sequence[str],
    venue_settings: Sequence[str], same_capital: bool | None, yes: bool, out: Path | None, as_json: bool, jobs: int | None,
) -> int:  # fmt: skip
    """Follow strategies through SCENARIO: its own [[archetypes]], or else a long with a stop, a carry, a hedger and a basis trade.

    Each has accounts of its own beside everybody else's, and a line: what it won or lost, and what of that is fees, funding and gas. A pair
    of venues is one run with one outside price, in which a strategy has an account on both (perplab docs archetypes). Ctrl-C shows what the
    runs that are done have found, and writes nothing.
    """
    from rich.console import Console

    from perplab.exchange import BUILD

    from ..cli import processors, terminable
    from ..comparison import choices
    from ..comparison.report import OWN, SAME
    from ..comparison.results import write_file
    from ..comparison.workers import WorkerDied
    from ..own import Terminated
    from .shipped import with_shipped
    from .study import Found, answers, in_order, tasks_of, to_json
    from .table import Results, Stopped

    changes = [choices.Setting("--set", text) for text in settings]
    loaded, _ = choices.chosen_scenario(scenario, [], None, None, None, None)
    played = choices.with_changes(with_shipped(loaded), changes, accounts)
    designs = choices.chosen_designs(venue_list, [choices.Setting("--set-venue", text) for text in venue_settings])
    wanted = None if same_capital is None else SAME if same_capital else OWN
    capital, designs = choices.with_capital_of(designs, played, scenario, wanted)
    own = tuple(range(seed, seed + seeds))
    venues = [design.venue for design in designs]
    todo, wrong = tasks_of(played, venues, own, pairs, is_own=bool(loaded.archetypes))
    choices.check_all(designs, msgspec.structs.replace(played, archetypes=()), scenario, own)
    if len(todo) > MANY and not yes:
        raise click.UsageError(f"--seeds, --venues: {len(todo):,} runs, expected at most {MANY}, or --yes: --no-pairs makes fewer")
    folder = out or Path("out") / f"archetypes-{played.name}"
    folder.mkdir(parents=True, exist_ok=True)
    said = Console(stderr=True)
    processes = min(jobs or processors(), len(todo))
    said.print(f"{len(todo)} runs, {processes} at a time, {BUILD} core", highlight=False)
    done: list[Found] = []
    try:
        with terminable(), closing(answers(todo, processes)) as made:
            for one in made:
                done.append(one)
                said.print(f"{len(done):>{len(str(len(todo)))}}/{len(todo)}  {one.task.name}", highlight=False)
    except (KeyboardInterrupt, Terminated, WorkerDied, MemoryError):
        if done:  # what there is, in words; where JSON is asked for, it is not what stands there
            lines = [line for one in in_order(todo, done) for line in one.lines]
            (said if as_json else Console()).print(Results(played, lines, wrong, stopped=Stopped(len(done), len(todo))))
        raise
    found = in_order(todo, done)
    text = to_json(played, venues, capital, found, wrong)
    write_file(folder / JSON, text)
    if as_json:
        click.echo(text, nl=False)
    else:
        Console().print(Results(played, [line for one in found for line in one.lines], wrong, f"File: {folder / JSON} (all runs)."))
    return 0
