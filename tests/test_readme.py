"""What README.md tells of the code is there: every file of its tour, and every class and function, in the file that it names."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from perplab.exchange import messages, shipped_venues

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
TOUR = README.partition("\n## A tour of the code")[2].partition("\n## ")[0]
PROSE = re.sub(r"```.*?```", "", TOUR, flags=re.DOTALL)
TOKENS = re.findall(r"`([^`]+)`", PROSE)
MESSAGES = {one.__name__ for one in (*messages.COMMANDS, *messages.EVENTS)} | {"Malformed"}
PATH = re.compile(r"[\w./*-]+(?:\.(?:py|toml|md)|/)")  # a folder ends with a slash
NAME = re.compile(r"[A-Za-z_]\w*(?:\.\w+)?")


def files_of(token: str) -> list[Path]:
    """What a path of the tour means; tables of steps leave `exchange/` out."""
    return [path for folder in (ROOT, ROOT / "exchange") for path in sorted(folder.glob(token.rstrip("/")))]


@cache
def defined_in(path: Path) -> set[str]:
    """Functions, classes, methods (`Class.method`) and constants of a file."""
    names: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        if isinstance(node, ast.ClassDef):
            names.update(f"{node.name}.{one.name}" for one in node.body if isinstance(one, ast.FunctionDef))
        if isinstance(node, ast.Assign | ast.AnnAssign):
            names.update(ast.unparse(target) for target in (node.targets if isinstance(node, ast.Assign) else [node.target]))
    return names


def told() -> list[tuple[str, list[str]]]:
    """Each name of code that the tour tells, and the files in whose company it does: those before it in its cell."""
    found = []
    for cell in re.split(r"[|\n]", PROSE):
        files: list[str] = []
        last = ""
        for token in re.findall(r"`([^`]+)`", cell):
            if PATH.fullmatch(token):
                files, last = [token] if NAME.fullmatch(last) else [*files, token], token
            elif NAME.fullmatch(token) and files:
                found.append((token, files))
                last = token
    return found


def test_the_first_lines_count_the_designs() -> None:
    first = README.partition("\n\nperplab runs")[0]
    assert len(shipped_venues()) == 16 and "> sixteen designs," in first
    assert [name for name in shipped_venues() if f"`{name}`" not in README] == []


def test_the_tour_has_what_it_is_for() -> None:
    assert len(told()) > 30
    assert TOUR.count("\n### ") == 3


def test_every_file_of_the_tour_exists() -> None:
    paths = [token for token in TOKENS if PATH.fullmatch(token)]
    paths += [path for line in re.findall(r"^[a-z][\w/. ]+? {2,}", TOUR, re.MULTILINE) for path in line.split() if "/" in path]
    assert len(paths) > 60
    assert [path for path in paths if not files_of(path)] == []


@pytest.mark.parametrize(("name", "files"), told(), ids=[name for name, _ in told()])
def test_every_name_of_the_tour_is_in_the_file_that_it_names(name: str, files: list[str]) -> None:
    paths = [path for file in files for path in files_of(file)]
    assert any(name in defined_in(path) for path in paths), f"README.md: {name} is in none of {', '.join(files)}"


def test_what_else_the_tour_calls_by_name_is_a_message() -> None:
    names = {name for name, _ in told()}
    others = {token for token in TOKENS if NAME.fullmatch(token) and token[0].isupper() and not PATH.fullmatch(token)}
    assert sorted(others - names - MESSAGES) == []


def test_every_room_is_in_the_tour() -> None:
    rooms = [path.parent.name for path in sorted((ROOT / "exchange").glob("*/__init__.py"))]
    assert [room for room in rooms if f"\nexchange/{room}/ " not in TOUR] == []


def test_the_python_of_the_readme_runs() -> None:
    """The block of the client needs a server, and is tried by tests/clients/test_examples.py."""
    blocks = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    (block,) = (block for block in blocks if "SyncClient" not in block)
    names: dict[str, object] = {}
    exec(compile(block, "README.md", "exec"), names)
    assert names["me"] == messages.FIRST_USER
