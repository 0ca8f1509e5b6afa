"""What a client has subscribed to, and how far it has got with it."""

from __future__ import annotations

from .book import Book
from .reading import Wire


class Stream:
    """One subscription."""

    def __init__(self, fields: dict[str, object], book: Book | None) -> None:
        self.fields = fields
        self.book = book
        self.seq: int | None = None  # of the last message; None: a snapshot is wanted
        self.begun: Wire = {}  # a snapshot that comes in parts
        self.is_renewing = False  # until the reply to the new subscription, messages are of the old one
        self.misfits = 0  # since it was last trusted
        self.fits = 0  # messages since the last misfit

    @property
    def name(self) -> dict[str, object]:
        """The fields that name it, without how it is to be told."""
        return named(self.fields)


def named(fields: dict[str, object]) -> dict[str, object]:
    """The fields of a subscription that name its stream."""
    return {name: fields[name] for name in ("channel", "market", "account") if name in fields}
