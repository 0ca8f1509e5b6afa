"""How long a run of the lab takes, and where: python benchmarks/lab_runs.py [DESIGN [ACCOUNTS ...]].

Plays oct10 with more orders than it ships with: takers at the measured rate of the feed it was fitted to, and makers who replace their
quotes every 300 ms. That makes two million commands in 80 simulated minutes. One row for each number of accounts, the median of REPEATS
runs, in CPU seconds of the process: staging (the first run draws, the others find it drawn), the core, the bots, all else of the loop
(views, recorder), metrics. The core's part is what `Run.timing` says: the journal's blocks included.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from statistics import median
from time import process_time
from typing import Any, ClassVar, Final, NamedTuple
from unittest.mock import patch

from perplab.exchange import BUILD, VenueDesign
from perplab.exchange.design.venue import load_venue
from perplab.lab import simulation
from perplab.lab.metrics import measure, wealth
from perplab.lab.scenario import Scenario, load_scenario
from perplab.lab.stage import Stage, set_stage

REPEATS: Final = 3
MORE_FLOW: Final = {"noise": {"per_s": 15.8}, "makers": {"interval_ms": 300}}
PARTS: Final = ("staging", "core", "bots", "rest", "metrics")


class Split(NamedTuple):
    """CPU seconds of one run."""

    staging: float
    core: float
    bots: float
    rest: float
    metrics: float
    commands: int


class Clock:
    """Adds up what calls take."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def over(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any) -> Any:
            began = process_time()
            try:
                return call(*arguments)
            finally:
                self.seconds += process_time() - began

        return timed


class Timed(simulation.Simulation):
    """A run whose bots are timed."""

    bots: ClassVar[Clock]

    def __init__(self, venue: VenueDesign, scenario: Scenario, stage: Stage) -> None:
        super().__init__(venue, scenario, stage)
        for actor in self.actors:
            for name in ("on_start", "on_wake", "on_event"):
                setattr(actor.bot, name, self.bots.over(getattr(actor.bot, name)))


def split(design: str, scenario: Scenario, accounts: int) -> Split:
    """Play it once."""
    staging, Timed.bots = Clock(), Clock()
    with patch.multiple(simulation, set_stage=staging.over(set_stage), Simulation=Timed):
        began = process_time()
        made = simulation.run(load_venue(design), scenario, 1, accounts=accounts)
        played = process_time()
    measure(made)
    wealth(made)
    parts = (staging.seconds, made.timing.core_s, Timed.bots.seconds)
    return Split(*parts, played - began - sum(parts), process_time() - played, made.commands)


def main(design: str = "book_fund_adl", *accounts: str) -> None:
    scenario = load_scenario("oct10").override(MORE_FLOW)
    print(f"{design} on oct10 with {MORE_FLOW}, {BUILD} core, seconds, median of {REPEATS}")
    print(f"{'accounts':>8} {'commands':>9} " + " ".join(f"{part:>8}" for part in (*PARTS, "all")))
    for number in accounts or ("10000",):
        runs = [split(design, scenario, int(number)) for _ in range(REPEATS)]
        seconds = [median(getattr(one, part) for one in runs) for part in PARTS]
        every = median(sum(one[:-1]) for one in runs)
        print(f"{int(number):8,} {runs[0].commands:9,} " + " ".join(f"{value:8.2f}" for value in (*seconds, every)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
