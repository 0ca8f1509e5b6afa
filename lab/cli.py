"""The command line: `perplab compare`, `replay`, `venues`, `scenarios`.

Rules of the file: the report goes to stdout, everything else to stderr. What went wrong is one line that starts with `error:` and an
exit code: 1 what was to be equal differs, 2 wrong input, 3 a journal was cut off, 4 the machine failed (a killed worker, a full disk),
130 Ctrl-C. A traceback is our own mistake. Nothing heavy is imported before a command needs it.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click
from click.core import ParameterSource

from .adl.command import CUT_OFF, adl, said_cut_off
from .archetypes.command import archetypes
from .breaking.command import reverse
from .conformance.command import conformance
from .ctl import ctl, rehearse
from .docs import docs, schema
from .explain.commands import diff, explain, venues
from .options import FOLDER, of_runs, with_options
from .page.command import check_png, written
from .page.command import report as report_command
from .serve import serve
from .size.command import size
from .sweeps.command import sweep
from .validation.command import validate

if TYPE_CHECKING:
    from .comparison.choices import Choice
    from .comparison.factorial_report import Found
    from .comparison.report import Report

DIFFERENT: Final = 1
WRONG_INPUT: Final = 2
FAILED: Final = 4
INTERRUPTED: Final = 130  # 128 + SIGINT, as a shell says it
PIPE_CLOSED: Final = 141
TERMINATED: Final = 143
MACHINE_ERRORS: Final = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG)
FILE: Final = click.Path(path_type=Path, exists=True, dir_okay=False)


class Perplab(click.Group):
    """The group of commands; it alone decides how an error is told."""

    def main(self, *args: Any, **kwargs: Any) -> Any:  # the signature of click
        kwargs["standalone_mode"] = False
        try:
            code = super().main(*args, **kwargs)
            sys.stdout.flush()
        except click.Abort:
            fail("interrupted", INTERRUPTED)
        except click.ClickException as error:
            fail(error.format_message(), WRONG_INPUT)
        except BrokenPipeError:
            silence_stdout()
            sys.exit(PIPE_CLOSED)
        except OSError as error:
            code, name = FAILED if error.errno in MACHINE_ERRORS else WRONG_INPUT, error.filename
            if not name and code == FAILED:  # what is written to a file names it
                silence_stdout()
                name = "standard output"
            fail(f"{name}: {error.strerror}" if name else str(error), code)
        except ImportError as error:  # an extra that is not installed; another one is our own mistake
            if "pip install" not in str(error):
                raise
            fail(str(error), WRONG_INPUT)
        except MemoryError:
            fail("out of memory", FAILED)
        except (ValueError, RuntimeError) as error:
            if not is_told(error):
                raise
            fail(str(error), FAILED if isinstance(error, RuntimeError) else WRONG_INPUT)
        sys.exit(code if isinstance(code, int) else 0)


def fail(message: str, code: int) -> None:
    click.echo(f"error: {message}", err=True)
    sys.exit(code)


def silence_stdout() -> None:
    """What could not be written would be tried once more at exit, and end in a traceback."""
    with suppress(OSError, ValueError):  # no real file, as in a test
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def is_told(error: Exception) -> bool:
    """Whether the error has a message for the user that says all."""
    from perplab.exchange.design.reader import DesignError
    from perplab.exchange.journal import JournalError
    from perplab.oracle.values import OracleError

    from .comparison.results import FolderInUse
    from .comparison.workers import WorkerDied
    from .sweeps.cluster import SchedulerLost

    return isinstance(error, DesignError | OracleError | JournalError | FolderInUse | WorkerDied | SchedulerLost)


def show_version(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if not wanted or context.resilient_parsing:
        return
    import platform

    from perplab.exchange import BUILD, engine

    from .comparison.report import perplab_version

    made_of = f"{BUILD} core, {platform.python_implementation()} {platform.python_version()}"
    click.echo(f"perplab {perplab_version()} ({made_of}) from {engine.__file__}")
    context.exit()


@click.group(cls=Perplab, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=show_version, help="Say version, build and file, and exit."
)
@click.pass_context
def main(context: click.Context) -> None:
    """A wind tunnel for perpetual-futures venues: the same crash, the same traders, different designs."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


# -- compare --

ASKED: Final = (  # what a comparison is made of: all of it comes from the file where --from-report is given
    click.argument("scenario", required=False),
    click.option(
        "--venues",
        "venue_list",
        metavar="A,B",
        help="Designs to compare: names or TOML files.  [default: the six of the table; with --margin book_fund_adl]",
    ),
    *of_runs(seeds=5),
    click.option("--set-venue", "venue_settings", metavar="NAME.KEY=VALUE", multiple=True, help="Change one design. Repeatable."),
    click.option(
        "--vary",
        "varied",
        metavar="AXES",
        multiple=True,
        help="Run every combination of the levels of some axes: KEY=LEVEL|LEVEL with a key of a design or of the scenario, such as "
        "'backstop_usd=0|5e6|2e7', or known axes with commas: method, payers, trigger, patience, limit, K. Repeatable.",
    ),
    click.option(
        "--margin",
        "margin",
        metavar="A,B",
        help="Run each design in several account structures, cross, isolated, segmented: the same people with positions in all markets "
        "of a scenario that has several, such as two_markets (perplab docs structures). No run has infinite insurance.",
    ),
    click.option("--yes", is_flag=True, help="Also make more than 200 runs of --vary."),
    click.option(
        "--same-capital/--own-capital",
        default=None,
        help="Insurance funds and vaults start with the scenario's backstop_usd, all the same, or each with its design's own capital.  "
        "[default: the same; must be said where a TOML file of yours states another capital]",
    ),
    click.option("--baseline", metavar="NAME", help="Differences are to this design.  [default: book_fund_adl, else the first]"),
    click.option(
        "--insured/--no-insured",
        default=True,
        show_default=True,
        help="Run each design with infinite insurance too, to measure what it costs against that; runs that would be equal are made once.",
    ),
    click.option("--path", "path_file", type=FILE, help="Klines (.csv, .csv.gz, .zip) to be the true price."),
    click.option("--paths", "path_list", metavar="A,B", help="Paths of the scenario to run on, or all of them (perplab scenarios)."),
    click.option("--from", "from_text", metavar="TIME", help="Start of the part of that file, HH:MM or YYYY-MM-DDTHH:MM, UTC."),
    click.option("--to", "to_text", metavar="TIME", help="Its end.  [default: 30 minutes before the worst minute to 50 after]"),
)


@main.command(short_help="Run venue designs through a scenario and compare them.")
@with_options(*ASKED)
@click.option("--from-report", type=FILE, help="Repeat the comparison that wrote this report.json, and check that it is the same.")
@click.option("--out", type=FOLDER, help="Folder of the results.  [default: out/SCENARIO, with --path or --set a name that says so]")
@click.option("--jobs", type=click.IntRange(1), help="Processes.  [default: one per processor]")
@click.option("--html", is_flag=True, help="Write DIR/report.html too: one page that needs nothing else (perplab report).")
@click.option("--png", is_flag=True, help="Write DIR/figures/*.png too, for papers: pip install 'perplab[plots]'.")
@click.pass_context
def compare(
    context: click.Context, /, from_report: Path | None, out: Path | None, jobs: int | None, html: bool, png: bool, **words: Any
) -> int:
    """Run several venue designs through SCENARIO on the same seeds, and show who was liquidated, what was lost, and who paid.

    SCENARIO is a shipped one (perplab scenarios) or a TOML file; oct10:stays_low is one on another of its paths. Writes
    DIR/report.json, DIR/report.svg (the table as a picture), DIR/who_paid.svg, DIR/timings.json and each run's journal,
    DIR/journals/VENUE-seedN.journal. With --vary every combination of the levels of some axes is run instead of the designs alone
    (perplab docs factorials).
    """
    from .comparison.repeat import choice_of, recorded

    if png:
        check_png()
    formats = Formats(html, png)
    if from_report is None:
        choice = chosen(**words)
        return run_comparison(choice, out or choice.folder, jobs, formats=formats)
    given = [one for one in context.command.params if one.name in words and is_given(context, one)]
    if given:
        name = "SCENARIO" if given[0].name == "scenario" else "/".join([*given[0].opts, *given[0].secondary_opts])
        raise click.UsageError(f"{name}: given with --from-report, expected only --out, --jobs, --html and --png: all else is in that file")
    report = recorded(from_report)
    choice = choice_of(report, from_report)
    folder = out or choice.folder.with_name(f"{choice.folder.name}-repeated")
    if folder.absolute() == from_report.absolute().parent:
        raise click.UsageError(f"--out: {folder} given, expected another folder than that of the report which is repeated")
    return run_comparison(choice, folder, jobs, from_report, formats)


def is_given(context: click.Context, parameter: click.Parameter) -> bool:
    return context.get_parameter_source(parameter.name or "") == ParameterSource.COMMANDLINE


def chosen(
    scenario: str | None, venue_list: str | None, seeds: int, seed: int, accounts: int | None, settings: Sequence[str],
    venue_settings: Sequence[str], varied: Sequence[str], margin: str | None, yes: bool, same_capital: bool | None, baseline: str | None,
    insured: bool, path_file: Path | None, path_list: str | None, from_text: str | None, to_text: str | None,
) -> Choice:  # fmt: skip
    """The comparison that the words of the command line ask for."""
    from .comparison import asked
    from .comparison.report import CAPITAL_OF

    if scenario is None:
        raise click.UsageError("SCENARIO is missing: a name (perplab scenarios), a TOML file, or else --from-report")
    wanted = asked.Asked(
        scenario, venue_list, tuple(range(seed, seed + seeds)), accounts, settings, venue_settings, varied, yes, CAPITAL_OF[same_capital],
        baseline, insured, path_list, path_file, from_text, to_text, margin,
    )  # fmt: skip
    return asked.chosen(wanted, lambda line: click.echo(line, err=True))


class Formats(NamedTuple):
    """What a comparison is written as besides its report and tables."""

    html: bool
    png: bool


REPORT_ALONE: Final = Formats(html=False, png=False)


def run_comparison(choice: Choice, folder: Path, jobs: int | None, repeated: Path | None = None, formats: Formats = REPORT_ALONE) -> int:
    """Make all runs, write and show the report; the exit code."""
    from .comparison import results
    from .comparison.jobs import jobs_of
    from .comparison.making import files_of, reported
    from .comparison.progress import Told
    from .comparison.workers import run_jobs

    with results.locked(folder):
        todo = jobs_of(choice, results.begin(folder))
        processes = min(jobs or processors(), len(todo))
        began = perf_counter()
        with terminable(), said_what_is_kept(folder):
            with Told(len(todo), processes) as told:
                done = run_jobs(todo, processes, told)
            report, found = reported(choice, done)
            files = files_of(report, found, [one.clocked for one in done], perf_counter() - began, processes)
            results.finish(folder, files, [results.journal_name(one.venue, one.seed, one.path) for one in report.results])
        pages = list(written(folder, *formats)) if any(formats) else []
    show(folder, report, found, pages)
    return verdict_on(repeated, report, files[results.REPORT]) if repeated else 0


@contextmanager
def terminable() -> Iterator[None]:
    """SIGTERM is an exception meanwhile, so that the workers are ended too."""
    from .own import Terminated

    def end(*_: object) -> None:
        raise Terminated(TERMINATED)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def said_what_is_kept(folder: Path) -> Iterator[None]:
    """Where it is left by an error, the journals of the runs that were done by then are named."""
    from .comparison import results
    from .comparison.reading import counted

    try:
        yield
    except BaseException:
        kept = results.kept_journals(folder)
        if kept:
            click.echo(f"kept: {counted(kept, 'journal')} of finished runs, in {folder / results.UNFINISHED}", err=True)
        raise


def show(folder: Path, report: Report, found: Found | None, pages: Sequence[Path]) -> None:
    from rich.console import Console

    from .comparison.making import print_tables
    from .comparison.reading import counted

    pictures = f"report.svg, who_paid.svg,{' curves.svg,' if found and found.curves else ''} timings.json"
    files = f"Files: {folder / 'report.json'}, {pictures}, and {counted(len(report.results), 'journal')} in journals."
    if pages:
        files += f" To look at: {pages[0]}{f' and {len(pages) - 1} more' if len(pages) > 1 else ''}."
    files += " `perplab docs metrics` defines every metric."
    print_tables(report, found, files, Console())


def verdict_on(repeated: Path, report: Report, text: str) -> int:
    """Say whether the runs, and all that report.json says of them, are those of the report that was repeated; the exit code."""
    import json

    from .comparison.reading import counted
    from .comparison.repeat import differences, first_difference, read_json, recorded

    before = recorded(repeated)
    found = differences(before, report.results)
    runs = counted(len(report.results), "run")
    other = None if found else first_difference(read_json(repeated), json.loads(text))
    if not found and other is None:
        click.echo(f"\nRepeated {repeated}: all state hashes and metrics of its {runs} are equal.")
        return 0
    for line in found or [str(other)]:
        click.echo(f"error: {line}", err=True)
    by = ", ".join(f"{key} {value}" for key, value in before.made_by.items())
    what = f"{len(found)} of {runs} differ from {repeated}" if found else f"all {runs} are equal, what {repeated} says of them is not"
    click.echo(f"error: {what} (made by {by})", err=True)
    return DIFFERENT


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


# -- the other commands --


@main.command(short_help="Set two designs of a report against each other, path by path.")
@click.argument("report", type=FILE)
@click.argument("first")
@click.argument("second")
@click.option("--metric", "metrics", multiple=True, metavar="KEY", help="A metric of docs/metrics.md, or a sum: A+B. Repeatable.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with all digits.")
def contrast(report: Path, first: str, second: str, metrics: tuple[str, ...], as_json: bool) -> None:
    """Compare the designs FIRST and SECOND of REPORT, a report.json that perplab compare wrote, in some metrics.

    On each path, on each family of paths that has several, and on all of them: paired differences on the same traders, path and order
    flow. Nothing is run.
    """
    from rich.console import Console

    from .comparison.contrast import METRICS, ContrastTable, contrasts
    from .comparison.repeat import recorded
    from .comparison.report import to_text

    told = contrasts(recorded(report), report, first, second, metrics or METRICS)
    if as_json:
        click.echo(to_text(told.as_tree()), nl=False)
    else:
        Console().print(ContrastTable(told))


@main.command(short_help="Print the state hash of a journal, and check it.")
@click.argument("journal", type=click.Path(path_type=Path, exists=True))
def replay(journal: Path) -> int:
    """Apply the commands of JOURNAL (a file, or a server's folder) anew and print the state hash, which is that of the run that wrote it.

    Checks a file against the report.json of its comparison, where that lies above the journal's folder; a server's folder against what its
    last snapshot and the commands behind it come to. Exit code 1 if they differ, 3 if the journal was cut off while it was written.
    """
    from perplab.exchange.journal import replayed

    from .comparison.repeat import DIFFERS, check_journal

    if journal.is_dir():
        return replay_folder(journal)
    done = replayed(journal)
    state_hash = done.exchange.state_hash()
    click.echo(state_hash)
    if done.dropped_bytes:
        return cut_off(journal, done.dropped_bytes, done.commands)
    check = check_journal(journal, state_hash)
    click.echo(f"error: {check.text}" if check.word == DIFFERS else check.text, err=True)
    return DIFFERENT if check.word == DIFFERS else 0


def replay_folder(folder: Path) -> int:
    """Every command of all segments, and beside it what a start of the server would do."""
    from perplab.exchange.server.store import recover

    whole, quick = recover(folder, whole=True), recover(folder)
    state_hash = whole.exchange.state_hash()
    click.echo(state_hash)
    if whole.dropped_bytes:
        return cut_off(folder, whole.dropped_bytes, whole.commands)
    if quick.exchange.state_hash() != state_hash:
        click.echo(f"error: {folder}: its last snapshot and what follows come to {quick.exchange.state_hash()}", err=True)
        return DIFFERENT
    click.echo(f"{whole.commands:,} commands; the last snapshot and the {quick.commands:,} behind it come to the same", err=True)
    return 0


def cut_off(journal: Path, dropped: int, commands: int) -> int:
    click.echo(f"error: {said_cut_off(journal, dropped)}; the hash is that after {commands:,} commands", err=True)
    return CUT_OFF


@main.command(short_help="Write a journal as CSV files that other programs read.")
@click.argument("journal", type=click.Path(path_type=Path, exists=True))
@click.option("--format", "kind", type=click.Choice(["tardis"]), default="tardis", show_default=True, help="Of the files.")
@click.option("--out", type=FOLDER, help="Folder to write to.  [default: the journal's name, with -tardis behind it]")
def export(journal: Path, kind: str, out: Path | None) -> int:
    """Replay JOURNAL (a file, or a server's folder) and write trades, book changes, derivative ticker and liquidations of each market.

    hftbacktest and nautilus read them as they are. Exit code 3 if the journal was cut off while it was written: the files then hold what
    came before.
    """
    from .export import dropped_bytes
    from .export import export as write_files

    folder = out or journal.with_name(f"{journal.name.removesuffix('.journal')}-{kind}")
    for name, lines in write_files(journal, folder).items():
        click.echo(f"{folder / name}: {lines:,} lines")
    if dropped := dropped_bytes(journal):
        click.echo(f"error: {said_cut_off(journal, dropped)}; the files hold what came before", err=True)
        return CUT_OFF
    return 0


@main.command()
def scenarios() -> None:
    """List the scenarios that come with perplab, and the other paths that their price can take, with the family of each.

    `perplab compare oct10:stays_low` runs one of these: the same traders, another price.
    """
    from .scenario import load_scenario, shipped

    list_out([(name, load_scenario(name).title) for name in shipped()])
    paths = [row for name in shipped() for row in paths_of(name)]
    if paths:
        click.echo("\nPaths (PATH, family, what the price does):")
        for path, family, told in paths:
            click.echo(f"{path:<{max(len(row[0]) for row in paths)}}  {family:<9}  {told}")


def paths_of(name: str) -> list[tuple[str, str, str]]:
    """The paths of a shipped scenario: name, family, and what its price does."""
    from .paths import shape
    from .scenario import has_paths, load_paths

    made = load_paths(name) if has_paths(name) else {}
    return [(f"{name}:{one}", str(made[one].path.family), str(shape(made[one].path.path(1)))) for one in made]


def list_out(rows: list[tuple[str, str]]) -> None:
    width = max((len(name) for name, _ in rows), default=0)
    for name, title in rows:
        click.echo(f"{name:<{width}}  {title}")


for command in (venues, explain, diff, archetypes):
    main.add_command(command)
main.add_command(docs)
main.add_command(adl)
main.add_command(report_command)
main.add_command(reverse)
main.add_command(conformance)
main.add_command(schema)
main.add_command(serve)
main.add_command(ctl)
main.add_command(rehearse)
main.add_command(size)
main.add_command(validate)
main.add_command(sweep)

if __name__ == "__main__":
    main()
