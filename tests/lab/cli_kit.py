"""Comparisons without the simulation: runs that are made up, and the command line called in this process."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result
from handmade import LONG, USD, event, run_of

from perplab.exchange.codes import Method, Payer
from perplab.exchange.design.venue import VenueDesign
from perplab.exchange.events import DeficitPaid, Liquidated
from perplab.exchange.journal import Journal
from perplab.lab.cli import main
from perplab.lab.runs import Run
from perplab.lab.scenario import Scenario

SEVERE = {"book_fund_adl": 1, "social_only": 3}  # bad debt of a made-up run, times the seed [M USD]
START_NS = 1_584_064_860 * 10**9  # 2020-03-13T02:01 UTC


def call(*arguments: str | Path) -> Result:
    """The command line in this process; a comparison has no shadow runs unless it says --insured."""
    words = list(map(str, arguments))
    if words[:1] == ["compare"] and not {"--insured", "--from-report", "--help"} & set(words):
        words.append("--no-insured")
    return CliRunner().invoke(main, words)


def run_perplab(*arguments: str | Path, **options: Any) -> subprocess.Popen[str]:
    """Started with interrupts heard, even where the suite runs in the background of a shell, which has them ignored."""
    command = [sys.executable, "-m", "perplab.lab.cli", *map(str, arguments)]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL), **pipes, **options)


def made_up(
    venue: VenueDesign,
    scenario: Scenario,
    seed: int,
    *,
    own_capital: bool = False,
    progress: Callable[[float], None] | None = None,
) -> Run:
    """A run by hand instead of the simulation, whose state hash says what it was asked for. Its journal holds the design alone."""
    assert own_capital, "a comparison gives each venue its capital beforehand"
    if progress:
        progress(0.5)
    debt = SEVERE.get(venue.name, 2) * seed * USD * 10**6
    closed = event(Liquidated, 60, account=LONG, size=1_000, method=Method.BOOK, deficit=debt)
    run = run_of(closed, event(DeficitPaid, 60, account=LONG, payer=Payer.UNCOVERED, amount=debt))
    journal = Journal()
    journal.start(venue)
    asked = f"{venue.name} {scenario.population.accounts} {seed}"
    return replace(run, venue=venue.name, scenario=scenario.name, seed=seed, journal=journal.bytes(), state_hash=asked)


def klines(folder: Path, minutes: int = 120, crash: int = 60) -> str:
    """A file of one-minute klines from 01:01 UTC of 13 March 2020 on, with one bad minute."""
    file = folder / "BTCUSDT-1m.csv"
    rows = []
    for minute in range(minutes):
        opened = (START_NS // 10**6) + (minute - 60) * 60_000
        low = 3_900 if minute == crash else 4_990
        rows.append(f"{opened},5000,5010,{low},5000,1,{opened + 59_999},1,1,1,1,0")
    file.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return str(file)
