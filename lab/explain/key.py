"""What is known of a key of a design."""

from __future__ import annotations

from typing import Final, NamedTuple


class Key(NamedTuple):
    """A key of a design. `unit` is one of UNITS, or empty for a word; `zero` is what 0 stands for, if it is no amount."""

    unit: str
    words: str
    zero: str = ""
    unset: str = ""  # what -1 stands for


UNITS: Final = ("usd", "micro", "price", "coins", "ppm", "ppb", "ppt", "ms", "times", "tenths", "count", "number", "")
