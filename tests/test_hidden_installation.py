"""A clone called perplab hides the installed perplab where Python is started beside it: that is told once, and nothing else is."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from perplab.exchange.build import HiddenInstallation, hidden_installation, warn_of_hidden_installation

ROOT = Path(__file__).resolve().parent.parent
WHERE = "import perplab.exchange, sys; sys.stdout.write(perplab.exchange.__file__)"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A checkout in a folder called perplab, as far as it matters here."""
    folder = tmp_path / "work" / "perplab"
    shutil.copytree(ROOT / "exchange", folder / "exchange", ignore=shutil.ignore_patterns("__pycache__", "*.so", "*.pyd"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def install(site: Path, *files: str) -> Path:
    """What pip leaves of a perplab that has these files; the folder of perplab."""
    recorded = [*files, "perplab-0.1.0.dist-info/METADATA", "perplab-0.1.0.dist-info/RECORD"]
    for name in recorded:
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).touch()
    (site / "perplab-0.1.0.dist-info/METADATA").write_text("Metadata-Version: 2.4\nName: perplab\nVersion: 0.1.0\n", encoding="utf-8")
    (site / "perplab-0.1.0.dist-info/RECORD").write_text("".join(f"{name},,\n" for name in recorded), encoding="utf-8")
    return site / "perplab"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A perplab that is found before the one of this environment; its files are empty."""
    monkeypatch.syspath_prepend(tmp_path / "site")
    return install(tmp_path / "site", "perplab/exchange/__init__.py", "perplab/lab/__init__.py")


def python(*options: str, cwd: Path, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "COV_"))}
    environment |= {"PYTHONPATH": str(path)} if path else {}
    return subprocess.run([sys.executable, *options], cwd=cwd, env=environment, capture_output=True, text=True, check=True)


# -- told --


def test_a_clone_beside_which_python_is_started_says_that_it_hides_an_installation(clone: Path, installed: Path) -> None:
    done = python("-c", WHERE, cwd=clone.parent, path=installed.parent)
    assert done.stdout == str(clone / "exchange" / "__init__.py")
    (told,) = (line for line in done.stderr.splitlines() if "HiddenInstallation" in line)
    assert told.startswith("<string>:1: ")
    for words in (str(clone), str(installed), "interpreted", "Start Python in another folder", "rename", "python -P"):
        assert words in told


def test_what_the_warning_says_to_do_helps(clone: Path, installed: Path) -> None:
    elsewhere = python("-c", WHERE, cwd=clone, path=installed.parent)
    safe = python("-P", "-c", WHERE, cwd=clone.parent, path=installed.parent)
    clone.rename(clone.with_name("perplab-clone"))
    renamed = python("-c", WHERE, cwd=clone.parent, path=installed.parent)
    for done in (elsewhere, safe, renamed):
        assert (done.stdout, done.stderr) == (str(installed / "exchange" / "__init__.py"), "")


def test_the_warning_has_a_category_of_its_own(clone: Path, installed: Path) -> None:
    with pytest.warns(HiddenInstallation, match="interpreted") as told:
        warn_of_hidden_installation(clone / "exchange")
    assert len(told) == 1


def test_worker_processes_do_not_repeat_it(clone: Path, installed: Path) -> None:
    spawn = "from multiprocessing import get_context as c; one = c('spawn').Process(target=perplab.exchange.shipped_venues)"
    done = python("-c", f"{WHERE}; {spawn}; one.start(); one.join(); sys.exit(one.exitcode)", cwd=clone.parent, path=installed.parent)
    assert done.stderr.count("HiddenInstallation") == 1


# -- not told --


def test_an_installed_perplab_hides_nothing(installed: Path) -> None:
    assert hidden_installation(installed / "exchange") is None


def test_a_clone_hides_nothing_where_nothing_is_installed(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", missing)
    assert hidden_installation(clone / "exchange") is None


def test_an_editable_install_has_no_files_to_hide(clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path / "site", "__editable__.perplab-0.1.0.pth", "__editable___perplab_0_1_0_finder.py")
    monkeypatch.syspath_prepend(tmp_path / "site")
    assert hidden_installation(clone / "exchange") is None


def test_an_installation_whose_files_are_gone_is_not_hidden(clone: Path, installed: Path) -> None:
    assert hidden_installation(clone / "exchange") == installed
    shutil.rmtree(installed)
    assert hidden_installation(clone / "exchange") is None


def test_an_installation_that_is_the_clone_is_not_hidden(clone: Path, installed: Path) -> None:
    shutil.rmtree(installed)
    installed.symlink_to(clone)
    assert hidden_installation(clone / "exchange") is None


def test_links_to_a_checkout_are_meant(clone: Path, installed: Path, tmp_path: Path) -> None:
    """As `make links` makes them for mypy and editors."""
    links = tmp_path / "links" / "perplab"
    links.mkdir(parents=True)
    (links / "exchange").symlink_to(clone / "exchange")
    assert hidden_installation(links / "exchange") is None
    done = python("-c", WHERE, cwd=tmp_path, path=links.parent)
    assert (done.stdout, done.stderr) == (str(links / "exchange" / "__init__.py"), "")


def test_python_in_this_checkout_is_told_nothing() -> None:
    assert not python("-W", "error", "-c", "import perplab.exchange", cwd=ROOT).stderr
