"""When and in which order commands about orders are carried out: continuously, or in whatever order the rule has."""

from __future__ import annotations

from mypy_extensions import mypyc_attr


@mypyc_attr(allow_interpreted_subclasses=True)
class Sequencing:
    """The base carries out every command as it comes."""
