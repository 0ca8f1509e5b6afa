"""The command line: `perplab compare`, `replay`, `venues`, `scenarios`.

Rules of the file: the report goes to stdout, everything else to stderr. What the user got wrong is one line that starts with
`error:`, and exit code 2; Ctrl-C is 130; a traceback is our own mistake. Nothing heavy is imported before a command needs it.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from perplab.exchange.venue import Venue
    from perplab.oracle.bars import Bars

    from .report import Report
    from .scenario import Scenario

WRONG_INPUT: Final = 2
INTERRUPTED: Final = 130  # 128 + SIGINT, as a shell says it
TERMINATED: Final = 143
NS: Final = 10**9
FILE: Final = click.Path(path_type=Path, exists=True, dir_okay=False)
FIRST_VENUES: Final = (  # in a table: by how positions are closed, then by who pays
    "book_fund_adl", "book_vault_adl", "book_fund_social", "auction_fund_social", "auction_fund_adl", "social_only",
)  # fmt: skip


class Perplab(click.Group):
    """The group of commands; it alone decides how an error is told."""

    def main(self, *args: Any, **kwargs: Any) -> Any:  # the signature of click
        kwargs["standalone_mode"] = False
        try:
            code = super().main(*args, **kwargs)
        except click.Abort:
            fail("interrupted", INTERRUPTED)
        except click.ClickException as error:
            fail(error.format_message(), WRONG_INPUT)
        except OSError as error:
            fail(f"{error.filename}: {error.strerror}" if error.filename else str(error), WRONG_INPUT)
        except ValueError as error:
            if not is_told(error):
                raise
            fail(str(error), WRONG_INPUT)
        sys.exit(code if isinstance(code, int) else 0)


def fail(message: str, code: int) -> None:
    click.echo(f"error: {message}", err=True)
    sys.exit(code)


def is_told(error: ValueError) -> bool:
    """Whether the error is about the user's input, with a message that says all."""
    from perplab.exchange.journal import JournalError
    from perplab.exchange.venue import VenueError
    from perplab.oracle.values import OracleError

    from .scenario import ScenarioError

    return isinstance(error, VenueError | ScenarioError | OracleError | JournalError)


def show_version(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if not wanted or context.resilient_parsing:
        return
    import platform
    from importlib.metadata import PackageNotFoundError, version

    from perplab.exchange import BUILD

    try:
        number = version("perplab")
    except PackageNotFoundError:
        number = "(not installed)"
    click.echo(f"perplab {number} ({BUILD} core, {platform.python_implementation()} {platform.python_version()})")
    context.exit()


@click.group(cls=Perplab, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=show_version, help="Say version and build, and exit."
)
@click.pass_context
def main(context: click.Context) -> None:
    """A wind tunnel for perpetual-futures venues: the same crash, the same traders, different designs."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@main.command(short_help="Run venue designs through a scenario and compare them.")
@click.argument("scenario")
@click.option("--venues", "venue_list", metavar="A,B", help="Designs to compare: names or TOML files.  [default: all shipped ones]")
@click.option("--seeds", type=click.IntRange(1, 1000), default=5, show_default=True, help="How many seeds.")
@click.option("--seed", type=click.IntRange(0, 2**31), default=1, show_default=True, help="The first of them.")
@click.option("--accounts", type=click.IntRange(12, 1_000_000), help="Traders who hold positions.  [default: the scenario's]")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder of the results.  [default: out/SCENARIO]")
@click.option("--path", "path_file", type=FILE, help="Klines (.csv, .csv.gz, .zip) to be the true price.")
@click.option("--from", "from_text", metavar="TIME", help="Start of the part of that file, HH:MM or YYYY-MM-DDTHH:MM, UTC.")
@click.option("--to", "to_text", metavar="TIME", help="Its end.  [default: 30 minutes before the worst minute to 50 after]")
@click.option("--jobs", type=click.IntRange(1), help="Processes.  [default: one per processor]")
def compare(
    scenario: str, venue_list: str | None, seeds: int, seed: int, accounts: int | None, out: Path | None, path_file: Path | None,
    from_text: str | None, to_text: str | None, jobs: int | None,
) -> None:  # fmt: skip
    """Run several venue designs through SCENARIO on the same seeds, and show who was liquidated, what was lost, and who paid.

    Writes DIR/report.json, DIR/report.svg (the table as a picture), DIR/timings.json and each run's journal,
    DIR/journals/VENUE-seedN.journal.
    """
    from .compare import about, jobs_of, run_jobs
    from .progress import Told
    from .report import Report

    setting = chosen_scenario(scenario, accounts, path_file, from_text, to_text)
    venues = chosen_venues(venue_list)
    folder = out or Path("out") / setting.name
    (folder / "journals").mkdir(parents=True, exist_ok=True)
    todo = jobs_of(venues, setting, range(seed, seed + seeds), folder / "journals")
    processes = min(jobs or processors(), len(todo))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))  # as an exception, so that the workers are ended too
    began = perf_counter()
    with Told(len(todo), processes) as told:
        done = run_jobs(todo, processes, told)
    report = Report(about(setting), [one.result for one in done], [venue.name for venue in venues])
    write(folder, report, setting.title, [one.clocked for one in done], perf_counter() - began, processes)
    show(folder, report)


def write(folder: Path, report: Report, title: str, clocked: Sequence[Any], wall_s: float, jobs: int) -> None:
    from .picture import svg
    from .report import timings_json

    (folder / "report.svg").write_text(svg(report, title), encoding="utf-8")
    (folder / "report.json").write_text(report.to_json(), encoding="utf-8")
    (folder / "timings.json").write_text(timings_json(clocked, wall_s, jobs), encoding="utf-8")


def show(folder: Path, report: Report) -> None:
    from rich.console import Console

    from .table import Overview, counted

    files = f"Files: {folder / 'report.json'}, report.svg, timings.json, and {counted(len(report.results), 'journal')} in journals."
    Console().print(Overview(report, f"{files} Every metric is defined in docs/metrics.md."))


# -- what was asked for --


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def all_venues() -> list[str]:
    """The shipped designs, those that are told first in front."""
    from perplab.exchange.venue import shipped_venues

    return sorted(shipped_venues(), key=lambda name: (FIRST_VENUES.index(name) if name in FIRST_VENUES else 99, name))


def chosen_venues(given: str | None) -> list[Venue]:
    from perplab.exchange.venue import load_venue

    names = all_venues() if given is None else [name.strip() for name in given.split(",") if name.strip()]
    if not names:
        raise click.UsageError(f"--venues: {given!r} given, expected names separated by commas")
    venues = [load_venue(name) for name in names]
    own = [venue.name for venue in venues]
    twice = next((name for name in own if own.count(name) > 1), None)
    if twice is not None:
        raise click.UsageError(f"--venues: {twice} given twice, expected different names")
    return venues


def chosen_scenario(
    name: str, accounts: int | None, path_file: Path | None, from_text: str | None, to_text: str | None
) -> Scenario:
    from .scenario import load_scenario

    scenario = load_scenario(name)
    if accounts is not None:
        scenario = scenario.override({"population": {"accounts": accounts}})
    if path_file is not None:
        return on_path(scenario, path_file, from_text, to_text)
    if from_text is not None or to_text is not None:
        raise click.UsageError("--from, --to: given without --path, expected the file whose part they choose")
    return scenario


def on_path(scenario: Scenario, file: Path, from_text: str | None, to_text: str | None) -> Scenario:
    """The scenario on a part of a kline file."""
    from perplab.oracle.klines import replay

    bars = replay(file)
    start, end = moment("--from", from_text, bars), moment("--to", to_text, bars)
    if start is not None and end is not None and end <= start:
        raise click.UsageError(f"--to: {to_text!r} given, expected a time after --from {from_text!r}")
    return renamed(scenario.with_path(bars, start, end), file)


def renamed(scenario: Scenario, file: Path) -> Scenario:
    """With a title that says what the true price is now."""
    from msgspec.structs import replace

    from .scenario import BarsPath

    path = scenario.path
    assert isinstance(path, BarsPath)
    end = path.start + timedelta(seconds=path.bar_s * len(path.bars))
    return replace(scenario, title=f"The traders of {scenario.name} on {file.name}, {path.start:%Y-%m-%d %H:%M} to {end:%H:%M} UTC")


def moment(option: str, text: str | None, bars: Bars) -> int | None:
    """A time of day or a date with time, UTC, as ns since 1970; a time of day is that of the file's worst minute's day."""
    if text is None:
        return None
    day = datetime.fromtimestamp(int(bars.open_ns[bars.worst_minute()]) // NS, UTC)
    try:
        when = datetime.fromisoformat(f"{day:%Y-%m-%d}T{text}" if len(text) == len("HH:MM") else text)
    except ValueError:
        raise click.UsageError(f"{option}: {text!r} given, expected HH:MM or YYYY-MM-DDTHH:MM (UTC)") from None
    when = when.replace(tzinfo=UTC) if when.tzinfo is None else when
    ns = (when - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000
    if not bars.start_ns <= ns <= bars.end_ns:
        first, last = (f"{datetime.fromtimestamp(edge // NS, UTC):%Y-%m-%dT%H:%M}" for edge in (bars.start_ns, bars.end_ns))
        raise click.UsageError(f"{option}: {text!r} given, expected a time in the file, {first} to {last} (UTC)")
    return ns


# -- the other commands --


@main.command(short_help="Print the state hash of a journal.")
@click.argument("file", type=FILE)
def replay(file: Path) -> None:
    """Apply the commands of a journal anew and print the state hash, which is that of the run that wrote it."""
    from perplab.exchange.journal import replay as replay_journal

    click.echo(replay_journal(file).state_hash())


@main.command()
def venues() -> None:
    """List the venue designs that come with perplab."""
    from perplab.exchange.venue import load_venue

    list_out([(name, load_venue(name).title) for name in all_venues()])


@main.command()
def scenarios() -> None:
    """List the scenarios that come with perplab."""
    from .scenario import load_scenario, shipped

    list_out([(name, load_scenario(name).title) for name in shipped()])


def list_out(rows: list[tuple[str, str]]) -> None:
    width = max((len(name) for name, _ in rows), default=0)
    for name, title in rows:
        click.echo(f"{name:<{width}}  {title}")


if __name__ == "__main__":
    main()
