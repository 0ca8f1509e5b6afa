"""`perplab docs`: the pages by name, listed, printed as they are or laid out, and a wrong name told."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from perplab.lab.docs import docs, pages

FOLDER = Path(__file__).parent.parent.parent / "docs"


def test_every_page_is_listed_with_its_title() -> None:
    told = CliRunner().invoke(docs, [])
    assert told.exit_code == 0
    lines = [line.split(maxsplit=1) for line in told.output.splitlines()]
    assert [name for name, _ in lines] == sorted(path.stem.lower() for path in FOLDER.glob("*.md"))
    assert ["rules", "The rules of the venue"] in lines


@pytest.mark.parametrize("name", ["metrics", "METRICS", "metrics.md", "docs/metrics.md"])
def test_a_page_is_printed_as_it_is_written(name: str) -> None:
    told = CliRunner().invoke(docs, [name])
    assert told.exit_code == 0
    assert told.output == (FOLDER / "metrics.md").read_text(encoding="utf-8")


def test_a_terminal_gets_it_laid_out(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdout", screen := Terminal())
    monkeypatch.setenv("COLUMNS", "60")
    docs(["rules"], standalone_mode=False)
    shown = screen.getvalue()
    assert "The rules of the venue" in shown and "# The rules" not in shown
    assert "| --- |" not in shown


def test_an_unknown_page_is_told_with_the_nearest() -> None:
    told = CliRunner().invoke(docs, ["metrcs"])
    assert told.exit_code == 2
    assert "no page 'metrcs'; did you mean 'metrics'?" in told.output
    known = ", ".join(sorted(path.stem.lower() for path in FOLDER.glob("*.md")))
    assert f"known: {known}" in CliRunner().invoke(docs, ["../README"]).output


def test_no_two_pages_share_a_name() -> None:
    assert len(pages()) == len(list(FOLDER.glob("*.md")))


def test_every_control_names_tests_that_exist() -> None:
    page = (FOLDER / "controls.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| **")]
    assert len(rows) >= 11
    for row in rows:
        named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", row)
        assert named, row
        for file, test in named:
            assert f"\ndef {test}(" in (FOLDER.parent / file).read_text(encoding="utf-8"), f"{file}: no {test}"
