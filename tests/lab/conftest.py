"""Fixtures of the lab's tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_kit import made_up

from perplab.lab.comparison import jobs


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Runs are made up, in this process; the current folder is a fresh one."""
    monkeypatch.setattr(jobs, "run", made_up)
    monkeypatch.chdir(tmp_path)
    return tmp_path
