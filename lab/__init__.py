"""Venue designs compared under stress, and the command line.

From Python: `run` plays one design through a scenario, `compare` several, as `perplab compare` does, and gives `Results`; `sweep` a grid.

    from perplab.lab import compare
    results = compare(["book_fund_adl", "social_only"], "flash", seeds=6)
    results.table()

A name is loaded when it is asked for: the command line starts without numpy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .lazy import loaded

if TYPE_CHECKING:
    from .comparison.outcome import Results as Results
    from .face import compare as compare
    from .face import events_of as events_of
    from .face import run as run
    from .metrics import measure as measure
    from .runs import Run as Run
    from .scenario import Scenario as Scenario
    from .scenario import ScenarioError as ScenarioError
    from .scenario import load_paths as load_paths
    from .scenario import load_scenario as load_scenario
    from .sweeps.face import sweep as sweep

_FROM: Final = {
    "Results": "comparison.outcome", "Run": "runs", "Scenario": "scenario", "ScenarioError": "scenario", "compare": "face",
    "events_of": "face", "load_paths": "scenario", "load_scenario": "scenario", "measure": "metrics", "run": "face", "sweep": "sweeps.face",
}  # fmt: skip


def __getattr__(name: str) -> object:
    return loaded(__name__, _FROM, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_FROM})
