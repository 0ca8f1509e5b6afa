"""Grids of runs that are too many for one comparison: designs x scenarios x axes x seeds, kept on disk as they end, gone on with later.

    from perplab.lab.sweeps import Results
    Results.open("out/sweep-mine").to_polars()

A name is loaded when it is asked for: the command line starts without numpy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..lazy import loaded

if TYPE_CHECKING:
    from .face import sweep as sweep
    from .reading import Results as Results

_FROM: Final = {"Results": "reading", "sweep": "face"}


def __getattr__(name: str) -> object:
    return loaded(__name__, _FROM, name)
