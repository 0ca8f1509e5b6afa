"""How orders reach the book: what stands between the moment in which a command is sent and the one in which it is carried out."""

from __future__ import annotations

from .document import Block, Text
from .subject import Subject


def arrival(_: Subject) -> list[Block]:
    return [
        Text(
            "Commands are carried out one after the other, in the order in which they come: each is done, with all that it sets off, "
            "before the next one begins. Nothing is delayed, collected or put in another order, and an order costs nothing but its fee. "
            "Two commands of one time are carried out in the order in which the venue was handed them."
        ),
    ]
