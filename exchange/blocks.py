"""What goes into an exchange and comes out of it in blocks: packed commands, what each caused, and the journal that writes them down."""

from __future__ import annotations

from collections.abc import Iterable

from librt.vecs import vec
from mypy_extensions import i64, mypyc_attr

from .design.structs import VenueDesign
from .schema.messages import Malformed
from .state.types import ROW


@mypyc_attr(allow_interpreted_subclasses=True)
class JournalSink:
    """What an exchange writes its commands to: a block of packed rows per call."""

    def start(self, venue: VenueDesign) -> None:
        raise AssertionError("a journal says how it starts")

    def write(self, rows: vec[i64]) -> None:
        """Called before the commands are carried out; what it raises keeps them from being. Copy the rows: they are used again."""
        raise AssertionError("a journal says how it writes")

    @property
    def is_read_only(self) -> bool:
        """Could the last block not be written?"""
        return False


class Applied:
    """What a block of commands caused. A command is known by its number in the block, from 0."""

    def __init__(self, events: vec[i64], ends: list[int], refused: dict[int, str], turns: list[int]) -> None:
        self.events: vec[i64] = events  # packed, those of all commands
        self.ends: list[int] = ends  # by command: how many events there are up to its last one
        self.refused: dict[int, str] = refused  # why a command was left out at the door
        # Of each command that has waited and had its turn in this block, or was taken back: its ticket, the number of the last event
        # before, and that of its own last one. Who was taken back by another is told of before that, and lies within it.
        self.turns: list[int] = turns

    def of(self, number: i64) -> vec[i64]:
        """The packed events of one command, with those of what fell due before it."""
        if not 0 <= number < len(self.ends):
            raise IndexError(f"command {number} of a block of {len(self.ends)}")
        first = self.ends[number - 1] if number > 0 else 0
        return self.events[first * ROW : self.ends[number] * ROW]


def spread(ends: list[int], refused: dict[int, str]) -> list[int]:
    """One entry for each command of the block: one that was refused has no events."""
    whole: list[int] = []
    at: i64 = 0
    end: int = 0
    while len(whole) < len(ends) + len(refused):
        if len(whole) not in refused:
            end = ends[at]
            at += 1
        whole.append(end)
    return whole


def packed_commands(commands: Iterable[int]) -> vec[i64]:
    if isinstance(commands, bytes | bytearray):
        raise Malformed("packed commands are 64-bit integers; bytes are taken as memoryview(data).cast('q')")
    try:
        return vec[i64](commands)
    except (NotImplementedError, OverflowError, TypeError, ValueError) as error:  # the first is for memory of several dimensions
        raise Malformed(f"packed commands are 64-bit integers in one dimension: {error}") from None
