"""Shared fixtures and settings of the test suite."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings
from updates import Updates

ROOT = Path(__file__).resolve().parent.parent

UPDATES = pytest.StashKey[Updates]()

pytest.register_assert_rewrite("case_commands", "case_runner", "case_update")
settings.register_profile("default", deadline=None)  # no test depends on wall-clock speed
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)  # a red run can be repeated
settings.load_profile("ci" if os.environ.get("CI") else "default")


def pytest_addoption(parser: pytest.Parser) -> None:
    told = "write what the venue does now into the text cases and golden files of the tests that run; nothing else is written"
    parser.addoption("--update", action="store_true", help=told)


def pytest_configure(config: pytest.Config) -> None:
    """Stop at once where files could not be updated, or where the Makefile meant to test the other build than the one that is installed."""
    config.stash[UPDATES] = Updates(config.getoption("update"))
    if config.getoption("update"):
        if getattr(config.option, "numprocesses", None) or getattr(config.option, "tx", None):
            raise pytest.UsageError("--update writes files, which only one process may do: leave out -n")
        if os.environ.get("CI"):
            raise pytest.UsageError("--update writes files, and CI is set: there the files of the repository count")
    if expected := os.environ.get("PERPLAB_EXPECT"):
        from perplab.exchange.build import BUILD

        if expected != BUILD:
            pytest.exit(f"these tests were to run on the {expected} core, but it is {BUILD}", returncode=3)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests that build the package come first: pytest-xdist's first piece goes to one process whole, so they build it once."""
    items.sort(key=lambda item: item.path.name != "test_package.py")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        session.config.stash[UPDATES].write()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if config.getoption("update"):
        changed = [os.path.relpath(path, ROOT) for path in config.stash[UPDATES].changed]
        terminalreporter.write_line("updated: " + ", ".join(changed) if changed else "updated: nothing, all is as the files say")


@pytest.fixture(scope="session")
def updates(pytestconfig: pytest.Config) -> Updates:
    """The expectations that this session writes into their files: none without --update."""
    return pytestconfig.stash[UPDATES]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of downloaded market data that lies beside the checkout on the project's own machines."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no {os.path.relpath(folder, ROOT)}: real market data is not part of the repository")
    return folder
