"""What a block of commands came to: at once, or, where commands wait for their turn, when the last of them has had it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from ..host import Host
from ..routing import TICKET, WIDTH, block_of, outcomes

Outcome = list[int]  # of one command, as routing.py has it
MOST_NS: Final = 60_000_000_000  # of the host's time, after which nobody waits any longer


class Awaited:
    """Calls `then` once: with all outcomes, and those that have waited as None."""

    def __init__(self, host: Host, account: int, told: list[Outcome], then: Callable[[list[Outcome | None]], None]) -> None:
        self.host = host
        self.account = account
        self.told = told
        self.then = then
        self.tickets = {one[TICKET] for one in told if one[TICKET]}
        self.begun = host.monotonic()
        host.followed.append(self)

    def follow_up(self) -> None:
        waiting = {one.ticket for one in self.host.exchange.pending(self.account)}
        if self.tickets & waiting and self.host.monotonic() - self.begun < MOST_NS:
            self.host.followed.append(self)
        else:
            self.then([None if one[TICKET] else one for one in self.told])


def carried_out(host: Host, account: int, rows: Sequence[list[int]], then: Callable[[list[Outcome | None]], None]) -> None:
    """Carry commands of one account out as one block. Raises Refusal; then nothing happened."""
    block = block_of([value for row in rows for value in row])
    applied = host.carry_out(block)
    flat = memoryview(outcomes(applied.events, applied.ends, block)).tolist()
    told = [flat[at : at + WIDTH] for at in range(0, len(flat), WIDTH)]
    if any(one[TICKET] for one in told):
        Awaited(host, account, told, then)
    else:
        then(list(told))
