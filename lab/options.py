"""Values of command line options that click has not, or not as strict: numbers, folders, lists of names."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Final

import click


class Number(click.FloatRange):
    """A number within bounds; NaN, which is below and above nothing and so passes click's own bounds, and infinities are none."""

    def convert(self, value: float, param: click.Parameter | None, ctx: click.Context | None) -> float:  # a text, as all options are
        found = float(super().convert(value, param, ctx))
        if not math.isfinite(found):
            self.fail(f"{value!r} is not in the range {self._describe_range()}.", param, ctx)
        return found


class Folder(click.Path):
    """A folder that is there or can be made. An empty text is none: it would mean the current folder, or the default."""

    def __init__(self) -> None:
        super().__init__(path_type=Path, file_okay=False)

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> Path:  # type: ignore[override]
        if not value:
            self.fail("'' given, expected a folder.", param, ctx)
        return Path(str(super().convert(value, param, ctx)))


FOLDER: Final = Folder()


def names_in(option: str, given: str, expected: str = "names separated by commas") -> list[str]:
    """Names separated by commas. Raises click.UsageError: one of them is empty."""
    names = [name.strip() for name in given.split(",")]
    if "" in names:
        which = f": name {names.index('') + 1} is empty" if any(names) else ""
        raise click.UsageError(f"{option}: {given!r} given, expected {expected}{which}")
    return names
