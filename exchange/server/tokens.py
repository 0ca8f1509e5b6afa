"""How many tokens of a connection's rate limit commands cost: one each, and those that place several orders at once one for each of these.

A mass quote costs one for each quote, as it costs gas, and one if it takes a side down. What places orders later costs one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from ..schema.messages import ROW, MassQuote, PlaceLadder, column_of
from . import requests as r
from .errors import Refusal, Trouble

SIZES: Final = tuple(name for name in MassQuote.__struct_fields__ if name.startswith("size_"))
SIZE_COLUMNS: Final = tuple(column_of(MassQuote, name) for name in SIZES)
COUNT_COLUMN: Final = column_of(PlaceLadder, "count")
MOST_ORDERS: Final = 50  # of a ladder
LADDER: Final = r.OPS["place_ladder"]
QUOTES: Final = r.OPS["mass_quote"]


def tokens_of(request: r.CommandRequest) -> int:
    if type(request) is LADDER:
        return int(getattr(request, "count"))  # noqa: B009
    if type(request) is QUOTES:
        return max(1, sum(bool(getattr(request, name)) for name in SIZES))
    return 1


def tokens_of_all(requests: Iterable[r.CommandRequest]) -> int:
    """Of the items of a batch. Raises Refusal if they are more than a request may hold."""
    return at_most(sum(map(tokens_of, requests)))


def tokens_of_rows(rows: Sequence[int]) -> int:
    """Of packed commands, which nobody has looked at yet. Raises Refusal as above."""
    kinds = rows[::ROW]
    total = len(kinds)
    if PlaceLadder.KIND in kinds or MassQuote.KIND in kinds:
        for number, kind in enumerate(kinds):
            if kind == PlaceLadder.KIND:
                total += min(max(rows[number * ROW + COUNT_COLUMN], 1), MOST_ORDERS) - 1
            elif kind == MassQuote.KIND:
                total += max(1, sum(rows[number * ROW + column] != 0 for column in SIZE_COLUMNS)) - 1
    return at_most(total)


def at_most(tokens: int) -> int:
    """Raises Refusal: nobody is heard while a block is carried out, so it must not be large."""
    if tokens > r.MAX_BATCH:
        most = f"at most {r.MAX_BATCH:,} commands, each order of a ladder or a mass quote counted"
        message = f"one request is for {most}; this one is for {tokens:,}"
        raise Refusal(Trouble.BATCH_TOO_LARGE, message, limit=r.MAX_BATCH, given=tokens)
    return tokens
