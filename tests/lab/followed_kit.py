"""Small worlds in which strategies are followed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from perplab.exchange import VenueDesign, load_venue
from perplab.lab.archetypes.running import FollowedRun, followed
from perplab.lab.scenario import Scenario, load_scenario

FEW = {"population": {"accounts": 30}}
START = "2025-10-10T12:00:00Z"


def calm(minutes: int = 1, **changes: object) -> Scenario:
    """A calm scenario of so many minutes with few accounts."""
    path = {**msgspec.to_builtins(load_scenario("calm").path), "minutes": minutes}
    return load_scenario("calm").override({**FEW, "path": path, **changes})


def falling(*knots: tuple[float, float], **changes: object) -> Scenario:
    """A true price that goes through these: minutes after the start, over the first one."""
    path = {"kind": "knots", "source": "made up", "start": START, "step_ms": 100, "first_usd": 120_000.0, "volatility_bp": 0.2}
    return load_scenario("calm").override({**FEW, "path": {**path, "then": [list(knot) for knot in knots]}, **changes})


def archetype(name: str, kind: str, terms: dict[str, object] | None = None, **changes: object) -> dict[str, Any]:
    """A table of [[archetypes]]."""
    return {"name": name, "class": kind, "capital_usd": 200_000.0, "hears_ms": 50, "orders_ms": 30, "terms": terms or {}, **changes}


def follow(scenario: Scenario, venues: str, *archetypes: dict[str, Any], seed: int = 1, **settings: Any) -> FollowedRun:
    """A run on these venues, by name with commas; `settings`: changes of a venue by its name."""
    return followed(designs(venues, **settings), scenario.override({"archetypes": list(archetypes)}), seed)


def designs(venues: str, **settings: Any) -> list[VenueDesign]:
    return [load_venue(name, settings.get(name)) for name in venues.split(",")]


def own_class(folder: Path, body: str) -> str:
    """A strategy of the user's own, Mine, as a scenario names it."""
    head = "from perplab.clients.bots.base import *\nfrom perplab.clients.bots.strategy import *\nfrom perplab.exchange.messages import *\n"
    file = folder / "mine.py"
    file.write_text(f"{head}\n\nclass Mine(Strategy):\n{body}", encoding="utf-8")
    return f"{file}:Mine"
