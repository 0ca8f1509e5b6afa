"""The sdist has all that the repository has; the wheel, installed elsewhere, imports, and ships what it should and nothing else."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from email import message_from_string
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = tuple(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["package-dir"].values())
FILES = ("pyproject.toml", "setup.py", "build_hints.py", "README.md", "LICENSE")
LEAVE_OUT = shutil.ignore_patterns("__pycache__", "*.so", "*.pyd")
PIP = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")

IMPORT_ALL = """
import importlib, json, sys
print(json.dumps({name: importlib.import_module(name).__file__ for name in sys.argv[1:]}))
"""


def run(*command: str | Path, cwd: Path) -> str:
    """Standard output of a command; the test fails with all it said otherwise."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "COV_"))}
    environment.setdefault("PERPLAB_OPT_LEVEL", "1")  # the same wheel in two thirds of the time
    done = subprocess.run([*map(str, command)], cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command} failed:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def modules() -> list[str]:
    """perplab.exchange, perplab.exchange.trading.book, ...: what the checkout has."""
    paths = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    names = [".".join(["perplab", *path.relative_to(ROOT).with_suffix("").parts]) for path in paths]
    return [name.removesuffix(".__init__") for name in names]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built in a copy: the checkout's build/ may be in use by another build."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / "source" / name, ignore=LEAVE_OUT)
    for name in FILES:
        shutil.copy(ROOT / name, folder / "source")
    run(*PIP, "wheel", "--no-deps", "--no-build-isolation", "-w", folder, ".", cwd=folder / "source")
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel; the dependencies are those of the running one."""
    folder = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "venv", "--without-pip", folder / "venv", cwd=folder)
    python = folder / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    run(*PIP, "--python", python, "install", "--no-deps", "--no-index", wheel, cwd=folder)
    site = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip()
    ours = "\n".join(sysconfig.get_path(kind) for kind in ("purelib", "platlib"))
    Path(site, "dependencies.pth").write_text(ours + "\n", encoding="utf-8")
    return python


@pytest.mark.slow
def test_wheel_holds_the_packages_and_their_data(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    folders = {name.split("/")[0] for name in names}
    assert {name for name in folders if not name.endswith(".dist-info")} == {"perplab"}
    shipped = {name.removeprefix("perplab/") for name in names if name.startswith("perplab/") and not name.endswith((".so", ".pyd"))}
    of_lab = ("archetypes", "scenarios", "crashes", "worlds", "playbooks", "conformance")
    folders = ("exchange/design/presets", *(f"lab/{name}" for name in of_lab))
    kinds = [*((folder, "*.toml") for folder in folders), ("docs", "*.md")]
    kinds += [("lab/page", "*.css"), ("lab/page", "*.js")]
    kinds += [("exchange/server/dashboard", f"**/*{end}") for end in (".html", ".css", ".js", ".svg", "LICENSE")]
    kinds += [(folder, f"**/{name}") for folder in FOLDERS for name in ("*.py", "py.typed")]
    assert shipped == {path.relative_to(ROOT).as_posix() for folder, kind in kinds for path in (ROOT / folder).glob(kind)}
    for folder in (*(f"{folder}/" for folder in folders), "docs/"):
        assert any(name.startswith(folder) for name in shipped), f"nothing in {folder}"
    for folder in FOLDERS:
        assert folder == "docs" or f"{folder}/py.typed" in shipped, f"{folder} does not say that it is typed"
    pure = wheel.name.endswith("-py3-none-any.whl")
    assert any(name.endswith((".so", ".pyd")) for name in names) != pure, "the tag must tell which build it is"
    assert any(name.endswith("licenses/LICENSE") for name in names)


@pytest.mark.slow
def test_every_module_imports_outside_the_checkout(installed: Path, tmp_path: Path) -> None:
    found = json.loads(run(installed, "-I", "-c", IMPORT_ALL, *modules(), cwd=tmp_path))
    home = installed.parent.parent
    elsewhere = {name: file for name, file in found.items() if not Path(file).is_relative_to(home)}
    assert not elsewhere, "these came from another installation"


@pytest.mark.slow
def test_command_says_version_and_build(wheel: Path, installed: Path, tmp_path: Path) -> None:
    said = run(installed.with_name("perplab"), "--version", cwd=tmp_path)
    assert "0.1.0" in said
    assert ("interpreted" if wheel.name.endswith("-py3-none-any.whl") else "compiled") in said


@pytest.mark.slow
def test_an_installed_user_reaches_the_pages(installed: Path, tmp_path: Path) -> None:
    said = run(installed, "-I", "-c", "from perplab.lab.docs import docs; docs(['metrics'])", cwd=tmp_path)
    assert said == (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_long_description_has_no_link_that_leads_nowhere(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = message_from_string(archive.read(name).decode("utf-8"))
    text = str(metadata.get_payload())
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert text.startswith("# perplab\n") and "docs/metrics.md" in text
    assert not re.findall(r"\]\((?!\w+:)", text)
    assert "Typing :: Typed" in metadata.get_all("Classifier", [])


def test_the_sdist_is_the_repository(tmp_path: Path) -> None:
    """Tests, pages, benchmarks, Makefile and all: unpacked elsewhere, it is a checkout without its history."""
    if not (ROOT / ".git").exists():
        pytest.skip("no git here to say what the repository holds")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout.decode().split("\0")
    files = sorted(name for name in listed if name and (ROOT / name).is_file())
    for name in files:
        (tmp_path / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / "source" / name)
    build = "import sys; from setuptools import build_meta; build_meta.build_sdist(sys.argv[1])"
    run(sys.executable, "-c", build, tmp_path, cwd=tmp_path / "source")
    (built,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(built) as archive:
        held = {name.partition("/")[2] for name in (member.name for member in archive.getmembers() if member.isfile())}
    made = {name for name in held if name in ("PKG-INFO", "setup.cfg") or name.startswith("perplab.egg-info/")}
    assert sorted(held - made) == files
