"""examples/lab_notebook.py prints what lies beside it, to the last byte."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from updates import Updates

NOTEBOOK = Path(__file__).resolve().parents[2] / "examples" / "lab_notebook.py"


@pytest.mark.slow
def test_the_notebook_says_the_same_each_time(updates: Updates) -> None:
    pytest.importorskip("polars")
    expected = NOTEBOOK.with_suffix(".out")
    done = subprocess.run([sys.executable, NOTEBOOK.name], cwd=NOTEBOOK.parent, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    if updates.on:
        expected.touch()
        updates.put(expected, expected.read_text(encoding="utf-8"), done.stdout)
    assert updates.on or done.stdout == expected.read_text(encoding="utf-8")


def test_its_bot_is_the_one_of_the_scenario() -> None:
    assert NOTEBOOK.with_name("dip_buyer.py").is_file() and '"dip_buyer.py:DipBuyer"' in NOTEBOOK.read_text(encoding="utf-8")
