"""Shared fixtures and settings of the test suite."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent

settings.register_profile("default", deadline=None)  # no test depends on wall-clock speed
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)  # a red run can be repeated
settings.load_profile("ci" if os.environ.get("CI") else "default")


def pytest_configure() -> None:
    """Stop at once where the Makefile meant to test the other build than the one that is installed."""
    if expected := os.environ.get("PERPLAB_EXPECT"):
        from perplab.exchange.build import BUILD

        if expected != BUILD:
            pytest.exit(f"these tests were to run on the {expected} core, but it is {BUILD}", returncode=3)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of downloaded market data that lies beside the checkout on the project's own machines."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no {os.path.relpath(folder, ROOT)}: real market data is not part of the repository")
    return folder
