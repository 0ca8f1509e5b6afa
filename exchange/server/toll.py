"""What a connection pays for commands, and how long it is borne with if it goes on although it was told to wait."""

from __future__ import annotations

from .bucket import Bucket
from .errors import Fatal, Refusal, Trouble
from .limits import Limits, Patience


class Toll:
    def __init__(self, limits: Limits, now: int) -> None:
        self.bucket = Bucket(limits.commands_per_s, limits.burst, now)
        self._patience = Patience(limits.flood)

    def pay(self, count: int, now: int) -> int:
        """Take tokens for commands, at monotonic `now` [ns]; how many are left. Raises Refusal, and Fatal for one who does not listen."""
        left = self.bucket.take(count, now)
        if left >= 0:
            return left
        if count > self.bucket.burst:
            message = f"{count} commands at once are more than this connection may ever send; at most {self.bucket.burst}"
            raise Refusal(Trouble.BATCH_TOO_LARGE, message, limit=self.bucket.burst, given=count)
        wait = self.bucket.wait_ms(count)
        ignored = self._patience.refuse(now, wait)
        kind = Fatal if ignored >= self._patience.most else Refusal
        message = f"{count} commands are more than this connection may send now; try again in {wait} ms"
        limit = self.bucket.per_s
        raise kind(Trouble.RATE_LIMITED, message, limit=limit, interval_ms=1_000, retry_ms=wait, given=count, ignored=ignored)
