"""The screen of a pass: a faster look at the whole population, where there is one."""

from __future__ import annotations

from typing import Final

from mypy_extensions import mypyc_attr

from ..state.state import State
from ..state.types import FIRST_USER


@mypyc_attr(allow_interpreted_subclasses=True)
class Screen:
    """Says which accounts a pass must examine: the base, all. It may name too many, never too few."""

    def suspects(self, state: State) -> list[int]:
        """Account numbers, rising."""
        return list(range(FIRST_USER, state.accounts.count))


SCREENS: Final[list[Screen]] = []  # the one that new venues use, if any: the package puts it here where it helps
