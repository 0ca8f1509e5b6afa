"""Failures on demand, of one user's connections: for bots that want to know what they do when the venue misbehaves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from ..schema.codes import Reason
from ..schema.messages import Amend, MassQuote, Place, PlaceBracket, PlaceLadder, PlaceTrigger, PlaceTwap
from .errors import Data, Rejected
from .tokens import SIZE_COLUMNS

Told = TypeVar("Told")
KINDS: Final = ("reject", "drop", "stall", "delay", "duplicate", "skew")
MS: int = 1_000_000  # [ns]
PPM: Final = 1_000_000
PLACING: Final = frozenset(  # kinds of commands that place orders of any kind, or change them
    one.KIND for one in (Place, Amend, PlaceTrigger, PlaceTwap, PlaceBracket, PlaceLadder, MassQuote)
)
TIMES: Final = frozenset(("ts", "oracle_ts", "due"))  # fields of messages that are times [ns]; 0: never


class Rejection(Rejected):
    """An order that is refused as if the venue had, for a reason that was chosen."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason, injected=True)

    def body(self) -> Data:
        return {**super().body(), "seq": 0}


def places(row: Sequence[int]) -> bool:
    """Does a command place an order of any kind, or change one? Quotes without a size take those down that there are."""
    return row[0] in PLACING and (row[0] != MassQuote.KIND or any(row[column] for column in SIZE_COLUMNS))


class Faults:
    """What goes wrong for a user, until it is taken back. Times are monotonic, in ns. `met`: how often each kind of fault was met."""

    def __init__(self, met: Counter[str] | None = None) -> None:
        self.met = Counter[str]() if met is None else met
        self.rejects = 0  # orders that are still to be refused
        self.reason = Reason.INSUFFICIENT_MARGIN
        self.delay = 0  # of every message to the user
        self.duplicates = 0  # messages that are still to be sent twice
        self.stalled_until = 0  # nothing is sent before
        self.losses = 0  # actions over HTTP that are still to be carried out without a reply
        self.skew = 0  # of every time that the user is told
        self.drift_ppm = 0  # that it grows by
        self._skewed_at = 0  # since then
        self._last = 0  # when the last message was to go out: none overtakes another

    def set_clock(self, skew: int, drift_ppm: int, now: int) -> None:
        """Tell times that are wrong by `skew`, and by more as time goes on."""
        self.skew, self.drift_ppm, self._skewed_at = skew, drift_ppm, now

    def shift(self, now: int) -> int:
        """By how much every time is wrong that the user is told [ns]."""
        return self.skew + (now - self._skewed_at) * self.drift_ppm // PPM

    def told(self, message: Told, now: int, move: Callable[[Told, int], Told]) -> Told:
        """A message with the times that the user is to be told; the same one if they are right, or if it has none. `move` adds so much [ns]
        to all times of a message."""
        shift = self.shift(now)
        moved = move(message, shift) if shift else message
        if moved == message:
            return message
        self.met["skew"] += 1
        return moved

    def place(self) -> None:
        """An order is about to be placed or changed. Raises Rejection."""
        if self.rejects:
            self.rejects -= 1
            self.met["reject"] += 1
            raise Rejection(self.reason)

    def copies(self) -> int:
        """How often the next message is sent."""
        if not self.duplicates:
            return 1
        self.duplicates -= 1
        self.met["duplicate"] += 1
        return 2

    def loses(self) -> bool:
        """Is the reply to an action over HTTP lost?"""
        if not self.losses:
            return False
        self.losses -= 1
        self.met["drop"] += 1
        return True

    def release(self, now: int) -> int:
        """When the next message goes out."""
        self.met["delay"] += self.delay > 0
        self.met["stall"] += self.stalled_until > now
        self._last = max(self._last, now + self.delay, self.stalled_until)
        return self._last


class FaultBook(dict[str, Faults]):
    """By user, as long as anything goes wrong for him. `met` stays when it is taken back."""

    def __init__(self) -> None:
        super().__init__()
        self.met: dict[str, Counter[str]] = {}

    def of(self, user: str) -> Faults:
        """What goes wrong for a user; where nothing does, it may from now on."""
        if user not in self:
            self[user] = Faults(self.met_by(user))
        return self[user]

    def met_by(self, user: str) -> Counter[str]:
        return self.met.setdefault(user, Counter())


def moved(message: Data, shift: int) -> Data:
    """A message of the wire with all its times moved [ns]."""
    return {name: shifted(name, value, shift) for name, value in message.items()}


def shifted(name: str, value: object, shift: int) -> object:
    """A field of a message, with all times in it moved."""
    if isinstance(value, dict):
        return {field: shifted(field, one, shift) for field, one in value.items()}
    if isinstance(value, list):
        return [shifted(name, one, shift) for one in value]
    return value + shift if name in TIMES and isinstance(value, int) and value else value
