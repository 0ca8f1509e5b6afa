"""Take-profit and stop that wait until their order is filled, as on the live venue: they are placed when all of it is, or when its rest
was cancelled for want of margin, and go when it is cancelled otherwise.

The venue's own brackets have market orders alone, of the size of what is filled, and without client ids. What they cannot hold is held
here, as long as the server runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, Generic, TypeVar

from msgspec import Struct

from ...schema.codes import CancelReason
from ...state.types import NIL
from ..history.records import OrderStatus
from ..host import Host
from .settling import Settling, Work

MOST: Final = 2_000  # orders that have any: all are looked at after each block
MOST_EACH: Final = 100  # the same of one account
KEPT: Final = 1_000  # that are over and might wait again after a rewind
Child = TypeVar("Child")


class Group(Struct, Generic[Child], eq=False):
    """An order and what waits for it. `place`: for so many lots [lots] that it has filled, it and those whose place it has taken."""

    account: int
    order_id: int
    children: list[Child]
    size: int  # [lots] of the order and of what was filled before
    before: int  # [lots] that orders have filled whose place it has taken
    place: Callable[[int], Work]
    made: int = 0  # the venue's last event then
    over: int = 0  # the same when it had been filled or was gone; 0: it waits


class Children(Generic[Child]):
    """Implements surroundings.Follower."""

    def __init__(self, host: Host, settling: Settling) -> None:
        self.host = host
        self.settling = settling
        self._waiting: dict[int, Group[Child]] = {}  # by order
        self._over: dict[int, Group[Child]] = {}
        self._is_listed = False  # will the host call `follow_up` after its next block?

    def has_room(self, account: int) -> bool:
        """For another order of an account."""
        return len(self._waiting) < MOST and sum(one.account == account for one in self._waiting.values()) < MOST_EACH

    def put(self, group: Group[Child]) -> None:
        """Let them wait for an order that is open."""
        group.made = self._seq
        self._waiting[group.order_id] = group
        self._follow()

    def group(self, account: int, order_id: int) -> Group[Child] | None:
        """An order of an account for which something waits."""
        found = self._waiting.get(order_id)
        return None if found is None or found.account != account else found

    def of(self, account: int, order_id: int) -> list[Child]:
        """What waits for an order of an account."""
        group = self.group(account, order_id)
        return [] if group is None else group.children

    @property
    def _seq(self) -> int:
        return int(self.host.exchange.state.log.seq)

    def _follow(self) -> None:
        if self._waiting and not self._is_listed:
            self._is_listed = True
            self.host.followed.append(self)

    def follow_up(self) -> None:
        """The venue has carried out a block."""
        self._is_listed = False
        find = self.host.exchange.state.order_ids.find
        for group, filled in list(self._ended([one for one in self._waiting.values() if find(one.order_id) == NIL])):
            del self._waiting[group.order_id]
            group.over = self._seq
            self._over[group.order_id] = group
            if len(self._over) > KEPT:
                del self._over[next(iter(self._over))]
            if filled:
                with self.host.complaints.guarded("take-profit and stop of an order"):  # the others go on
                    self.settling.run(group.place(filled), is_now=True)
        self._follow()

    def _ended(self, gone: list[Group[Child]]) -> Iterator[tuple[Group[Child], int]]:
        """Those whose order is over, and for how many lots their children are to be placed."""
        for group in gone:
            record = self.host.history.order(group.account, group.order_id)
            if record is None:
                yield group, 0
            elif record.status is OrderStatus.FILLED or record.cancel_reason is CancelReason.MARGIN:
                yield group, group.before + record.filled
            elif record.status is not OrderStatus.OPEN:
                yield group, 0

    def give_up(self) -> None:
        """The venue is in an earlier state: `go_back` follows."""
        self._is_listed = False

    def go_back(self) -> None:
        """Children of orders that never were go, those of orders that are open again wait again."""
        now = self._seq
        known = [one for one in (*self._over.values(), *self._waiting.values()) if one.made <= now]
        self._waiting = {one.order_id: one for one in known if not one.over or one.over > now}
        self._over = {one.order_id: one for one in known if one.order_id not in self._waiting}
        for one in self._waiting.values():
            one.over = 0
            self.host.history.order(one.account, one.order_id)  # it is open, and only now can it be read how it is
        self._is_listed = False
        self._follow()
