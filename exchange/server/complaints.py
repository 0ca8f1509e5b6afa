"""Faults, which are bugs: whoever runs the server is told of each once, and the log as often as it happens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from logging import ERROR
from traceback import extract_tb, format_exception
from typing import Final

from .log import note

MOST: Final = 100  # different faults that are complained of


class Complaints:
    """`tell`: to whoever runs the server."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.tell = tell
        self._faults: set[str] = set()

    def fault(self, where: str, error: Exception) -> None:
        """Something unexpected was raised, which is a bug. What goes on is for the caller to say."""
        last = extract_tb(error.__traceback__)[-1]
        why = f"{type(error).__name__}: {error}"
        note("fault", ERROR, where=where, why=why, trace="".join(format_exception(error)))
        text = f"a fault in {where}: {why} ({last.filename.rsplit('/', 1)[-1]}:{last.lineno}); --log FILE has all of it"
        if text not in self._faults and len(self._faults) < MOST:
            self._faults.add(text)
            self.tell(text)

    @contextmanager
    def guarded(self, where: str) -> Iterator[None]:
        """What fails in it is a fault, and nothing more."""
        try:
            yield
        except Exception as error:
            self.fault(where, error)
