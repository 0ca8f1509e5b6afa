"""The archetypes that ship, for scenarios that name none of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from perplab.exchange.design.reader import read_toml

from ..scenario import Scenario

FILE: Final = Path(__file__).parent / "archetypes.toml"


def with_shipped(scenario: Scenario) -> Scenario:
    """The scenario with the archetypes that ship, unless it has some of its own."""
    return scenario if scenario.archetypes else scenario.override(read_toml(FILE), FILE.name)
