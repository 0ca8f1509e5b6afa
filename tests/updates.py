"""Expectations that lie in files: `pytest --update` writes what the venue does now into them.

Tests note what has to change; all of it is written when the last of them has run, so that line numbers hold until then and an interrupted
session writes nothing. Without the option nothing is noted and nothing is written.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path


def applied(text: str, edits: Mapping[int, Sequence[str]]) -> str:
    """The text with lines (numbered from 1) replaced by any number of others; every other byte stays as it is."""
    lines = text.splitlines(keepends=True)
    usual = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
    for number, found in edits.items():
        line = lines[number - 1]
        own = line[len(line.splitlines()[0]) :]
        lines[number - 1] = (own or usual).join(found) + own * bool(found)
    return "".join(lines)


class Updates:
    """What is to be written at the end of the session."""

    def __init__(self, on: bool) -> None:
        self.on = on
        self.edits: dict[Path, dict[int, list[str]]] = {}
        self.values: dict[Path, dict[tuple[str, ...], object]] = {}
        self.names: dict[Path, dict[tuple[str, ...], set[str]]] = {}
        self.changed: list[Path] = []

    def replace(self, path: Path, edits: Mapping[int, Sequence[str]]) -> None:
        """Lines of a text file. Nobody else may have replaced them."""
        known = self.edits.setdefault(path, {})
        assert not known.keys() & edits.keys()
        known.update({number: list(lines) for number, lines in edits.items()})

    def is_golden(self, path: Path, keys: tuple[str, ...], found: object) -> bool:
        """Is this what the golden file holds under the keys? With --update it will be; without, what differs is told."""
        if self.on:
            self.values.setdefault(path, {})[keys] = found
            return True
        held = under(read(path), keys)
        if held != found:
            word = "does not have" if held is None else "has something else under"
            raise AssertionError(f"{path.name} {word} {' / '.join(keys)}; if this change is meant, run the test again with --update")
        return True

    def are_names(self, path: Path, keys: tuple[str, ...], names: Iterable[str]) -> bool:
        """Are these all the names that the golden file holds under the keys? If files are updated they will be."""
        if self.on:
            self.names.setdefault(path, {})[keys] = set(names)
            return True
        held = under(read(path), keys)
        return isinstance(held, dict) and sorted(held) == sorted(names)

    def write(self) -> None:
        for path, edits in self.edits.items():
            before = path.read_bytes().decode()
            self.put(path, before, applied(before, edits))
        for path in {**self.values, **self.names}:
            before = path.read_text(encoding="utf-8") if path.is_file() else ""
            self.put(path, before, self.golden(path, before))

    def golden(self, path: Path, before: str) -> str:
        """The text of a golden file, in the indentation that it has; as it is if it holds the same."""
        tree = json.loads(before) if before else {}
        for keys, value in self.values.get(path, {}).items():
            table = tree
            for key in keys[:-1]:
                table = table.setdefault(key, {})
            table[keys[-1]] = value
        for keys, names in self.names.get(path, {}).items():
            held = under(tree, keys)
            if isinstance(held, dict):
                for name in set(held) - names:
                    del held[name]
        if before and json.loads(before) == tree:
            return before
        second = before.splitlines()[1] if "\n" in before else "  "
        return json.dumps(tree, indent=len(second) - len(second.lstrip()), sort_keys=True) + "\n"

    def put(self, path: Path, before: str, after: str) -> None:
        if after != before:
            path.write_bytes(after.encode())
            self.changed.append(path)


def read(path: Path) -> object:
    return json.loads(path.read_text(encoding="utf-8"))


def under(tree: object, keys: tuple[str, ...]) -> object:
    """What is found there, None if nothing."""
    for key in keys:
        tree = tree.get(key) if isinstance(tree, dict) else None
    return tree
