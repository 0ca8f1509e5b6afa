"""How a command that was not carried out is told: with what identifies it to its sender."""

from __future__ import annotations

from librt.vecs import vec
from mypy_extensions import i64

from ..schema.door import Door
from ..schema.kinds import E_REJECTED
from ..state.state import State
from ..state.types import NIL


class Refusals:
    def __init__(self, state: State) -> None:
        self.state: State = state
        self.door: Door = Door()

    def tell(self, rows: vec[i64], at: i64, reason: i64) -> None:
        """The command that begins at `at` was refused."""
        door = self.door
        self.state.log.emit(
            E_REJECTED, self.state.now, rows[at], door.named_value(rows, at, 0, NIL), door.named_value(rows, at, 1, NIL), reason,
            door.named_value(rows, at, 2, 0), door.named_value(rows, at, 3, 0),
        )  # fmt: skip
