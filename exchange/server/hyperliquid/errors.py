"""What can be wrong with a request, as this dialect says it."""

from __future__ import annotations


class Wrong(Exception):
    """One item of a request is refused: its text stands in that item's status."""


class Failed(Exception):
    """A whole action is refused: {"status": "err", "response": text}."""


class Unreadable(Exception):
    """A body that is no request at all: HTTP 422, and its text. `why`: which field is wrong, and how, for the log; "": that is looked for
    in the action."""

    def __init__(self, text: str, why: str = "") -> None:
        super().__init__(text)
        self.why = why
