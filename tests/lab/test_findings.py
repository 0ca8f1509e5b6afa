"""docs/findings.md: its commands are understood, and ask what is there; the paths and seeds are as many as a finding takes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from cli_kit import call

from perplab.lab import cli
from perplab.lab.comparison.choices import Choice
from perplab.lab.comparison.headline import UNIT_OF

PAGE = (Path(__file__).parent.parent.parent / "docs" / "findings.md").read_text(encoding="utf-8")


def commands() -> list[list[str]]:
    """Those of the page, without `perplab`; a line that ends in a backslash goes on in the next one."""
    text = re.sub(r"\\\n\s*", "", "\n".join(re.findall(r"```(?:sh|console)\n(.*?)```", PAGE, re.DOTALL)))
    return [shlex.split(line)[1:] for line in text.splitlines() if line.startswith("perplab ")]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Choice]:
    """What the page's comparisons ask for, by the report that they write."""
    found: dict[str, Choice] = {}

    def remember(choice: Choice, folder: Path, _jobs: int | None, **_: object) -> int:
        found[str(folder / "report.json")] = choice
        return 0

    monkeypatch.setattr(cli, "run_comparison", remember)
    for words in commands():
        if words[0] == "compare":
            done = call(*words)
            assert done.exit_code == 0, done.output
    return found


def test_contrasts_are_of_designs_and_metrics_that_are_there(asked: dict[str, Choice]) -> None:
    contrasts = [words[1:] for words in commands() if words[0] == "contrast"]
    assert contrasts
    for report, first, second, *options in contrasts:
        assert {first, second} <= {venue.name for venue in asked[report].venues}
        assert set(options[::2]) <= {"--metric"} and all(key in UNIT_OF for option in options[1::2] for key in option.split("+"))


def test_rankings_stand_on_paths_that_recover_and_paths_that_do_not(asked: dict[str, Choice]) -> None:
    widest = max(asked.values(), key=lambda choice: len(choice.paths))
    families = [path.family for path in widest.paths.values()]
    assert len(widest.seeds) >= 10
    assert families.count("recovers") >= 3 and len([family for family in families if family in ("stays_low", "falls_on")]) >= 3
