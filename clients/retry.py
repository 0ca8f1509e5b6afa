"""When a lost connection is made again, and when it is given up. Without a clock: times are handed in, in seconds of any clock that does
not run back.

The first attempt comes at once, and the pause doubles with each that follows. A connection that is made is not yet one that works: a server
may take it, and die behind the login. So the count begins anew only when one has been ready for a while.
"""

from __future__ import annotations

from typing import Final

FIRST_S: Final = 0.05
LONGEST_S: Final = 5.0
STEADY_S: Final = 1.0  # that a connection has been ready before its loss counts as the first: some twenty of the first pause


class Retry:
    """Of one client. `due` [s] is when the next attempt is to be made."""

    def __init__(self) -> None:
        self.due = 0.0
        self._pause = FIRST_S
        self._since: float | None = None  # [s] the first loss of a row without a connection that worked

    def lost(self, now: float, ready_at: float | None, seconds: float) -> bool:
        """A connection was lost that was ready since `ready_at`, or there was none (None). Is it worth another attempt? Not when that would
        be more than `seconds` behind the first loss."""
        if self._since is None or (ready_at is not None and now - ready_at >= STEADY_S):
            self._since, self._pause, self.due = now, FIRST_S, now
            return True
        self.due = now + self._pause
        self._pause = min(2 * self._pause, LONGEST_S)
        return self.due <= self._since + seconds
