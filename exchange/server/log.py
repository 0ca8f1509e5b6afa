"""What happens to a server, one JSON object a line: `{"ts": ..., "level": ..., "event": ..., and what belongs to it}`. Off unless wanted.

Rules: no secret, signature, nonce or text of a stranger's that might be one; nothing for each command, so that commands pay nothing.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from typing import Final

import msgspec

LARGEST: Final = 16 << 20  # [bytes] of a file, after which it is FILE.1, and so on
KEPT: Final = 4  # older files
SECRET: Final = frozenset(("secret", "signature", "key", "nonce"))  # fields of requests that are never told
OFF: Final = logging.CRITICAL + 1
LOG: Final = logging.getLogger("perplab.server")
LOG.addHandler(logging.NullHandler())
LOG.propagate = False
LOG.setLevel(OFF)


def note(event: str, level: int = logging.INFO, **fields: object) -> None:
    """Something has happened."""
    if LOG.isEnabledFor(level):
        LOG.log(level, event, extra={"told": {name: value for name, value in fields.items() if name not in SECRET and value is not None}})


class Lines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        told: dict[str, object] = getattr(record, "told", {})
        line = {"ts": at, "level": record.levelname.lower(), "event": record.getMessage(), **told}
        return msgspec.json.encode(line).decode()


class LogFile(RotatingFileHandler):
    """A disk that is full stops no server, and fills no terminal."""

    def handleError(self, record: logging.LogRecord) -> None:
        pass


@contextmanager
def logged(where: str | None) -> Iterator[None]:
    """Write what is noted to a file, or for - to standard error; None: nowhere. Raises OSError if it cannot be opened."""
    if where is None:
        yield
        return
    handler = logging.StreamHandler(sys.stderr) if where == "-" else LogFile(where, maxBytes=LARGEST, backupCount=KEPT, encoding="utf-8")
    handler.setFormatter(Lines())
    LOG.addHandler(handler)
    LOG.setLevel(logging.INFO)
    try:
        yield
    finally:
        LOG.setLevel(OFF)
        LOG.removeHandler(handler)
        with suppress(OSError):  # of a disk that is full
            handler.close()
