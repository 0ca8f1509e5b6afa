"""The last events of the venue, kept for who has missed some. Compiled, and blocks are handed in as objects: routing.py says why."""

from __future__ import annotations

from collections import deque
from typing import cast

from librt.vecs import vec
from mypy_extensions import i64

from ..schema.event_columns import EVENT_SEQ
from ..state.types import ROW
from .routing import Router


class Ring:
    """The last events of the venue, as blocks of rows."""

    def __init__(self, largest: int, router: Router) -> None:
        self.largest: i64 = largest
        self.router: Router = router
        self.blocks: deque[tuple[int, object]] = deque()  # number of the first event, rows
        self.turns: deque[tuple[int, list[int]]] = deque()  # number of the last event of their block, and `turns` as Applied has them
        self.count: i64 = 0

    def add(self, block: object, turns: list[int]) -> None:
        """Events of the venue; there are some. `turns`: as Applied has them."""
        events = cast(vec[i64], block)
        self.blocks.append((int(events[EVENT_SEQ]), block))
        if len(turns) > 0:
            self.turns.append((int(events[len(events) - ROW + EVENT_SEQ]), turns))
        self.count += len(events) // ROW
        while self.count > self.largest:
            oldest = cast(vec[i64], self.blocks.popleft()[1])
            self.count -= len(oldest) // ROW
            while len(self.turns) > 0 and self.turns[0][0] <= int(oldest[len(oldest) - ROW + EVENT_SEQ]):
                self.turns.popleft()

    def oldest(self, seq: int) -> int:
        """The number of the oldest event that is kept; of the next one, `seq` + 1, if there is none."""
        return self.blocks[0][0] if self.blocks else seq + 1

    def since(self, seq: int, account: int, most: int) -> tuple[list[list[int]], int]:
        """The rows of the events behind `seq` that an account is told of, and up to which event was looked: of `most` events at least,
        if there are as many, in whole blocks."""
        found: list[list[int]] = []
        end = seq
        for first, block in self.blocks:
            events = cast(vec[i64], block)
            last = first + len(events) // int(ROW) - 1
            if last <= seq:
                continue
            for at in self.router.concerning(block, max(0, seq + 1 - first) * int(ROW), account):
                found.append([int(value) for value in events[at : at + ROW]])
            end = last
            if end - seq >= most:
                break
        return found, end
