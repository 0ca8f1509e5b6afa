"""States of the venue that the operator keeps, to go back to: in memory, or beside the journal, which has a mark of each.

What belongs to a state is kept with it: what the world around the venue was like, and what is known of the orders that were open. Faults,
the clock's speed and who is connected stay what they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct

from ..engine import Exchange, restore
from ..journal import Mark
from ..state.snapshot import SnapshotError
from .errors import Refusal, Trouble
from .history.records import OrderRecord

if TYPE_CHECKING:
    from .store import Store

MOST: Final = 16  # that are kept; the oldest goes
WorldState = dict[str, object]


class Moment(Struct, frozen=True):
    name: str
    ts: int  # [ns] of the venue's clock
    snapshot: bytes
    world: WorldState | None  # None: there was none
    orders: list[OrderRecord] = []  # that were open, with what was known of them


class Moments:
    """`known`: names by number, as a journal tells them."""

    def __init__(self, store: Store | None, known: dict[int, str]) -> None:
        self.store = store
        self.numbers = {name: number for number, name in sorted(known.items())}  # by name, the oldest first
        self.held: dict[int, Moment] = {}  # without a journal

    def keep(self, name: str, ts: int, exchange: Exchange, world: WorldState | None, orders: list[OrderRecord]) -> str:
        """Keep the state as it is, in the place of another of that name. Returns the name of one that was forgotten for it, "" if none was.
        Raises Refusal."""
        gone = name if name in self.numbers else next(iter(self.numbers)) if len(self.numbers) >= MOST else ""
        number, forgotten = 1 + max(self.numbers.values(), default=0), self.numbers.get(gone, 0)
        moment = Moment(name, ts, exchange.snapshot(), world, orders)
        if self.store is not None:
            try:
                self.store.keep(Mark(name=name, kept=number, forgotten=forgotten), msgspec.msgpack.encode(moment))
            except OSError as error:
                raise Refusal(Trouble.READ_ONLY, f"the snapshot could not be written down: {error.strerror or error}") from error
        else:
            self.held[number] = moment
        self.numbers.pop(gone, None)
        self.held.pop(forgotten, None)
        self.numbers[name] = number
        return gone if gone != name else ""

    def go_back(self, name: str, epoch: str) -> tuple[Moment, Exchange]:
        """The state of that name, and a venue that is in it; the journal has it, and the epoch. Raises Refusal; then all is as it was."""
        if name not in self.numbers:
            message = f"there is no snapshot {name!r}"
            raise Refusal(Trouble.UNKNOWN_NAME, message, field="name", given=name, known=list(self.numbers))
        number = self.numbers[name]
        try:
            moment = self._moment(number)
            exchange = restore(moment.snapshot)
        except (OSError, SnapshotError, msgspec.DecodeError) as error:
            raise Refusal(Trouble.UNREADABLE, f"the snapshot {name!r} cannot be gone back to: {error}", field="name", given=name) from error
        if self.store is not None:
            try:
                self.store.go_back(number, epoch, moment.orders)
            except OSError as error:
                raise Refusal(Trouble.READ_ONLY, str(error)) from error
            exchange.journal = self.store
        return moment, exchange

    def _moment(self, number: int) -> Moment:
        if self.store is None:
            return self.held[number]
        return msgspec.msgpack.decode(self.store.kept(number), type=Moment)
