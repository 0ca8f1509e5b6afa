"""What became of the orders of one command that places several: of a ladder, and of quotes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ..blocks import Applied
from ..schema.codes import Reason
from ..schema.events import CommandQueued, LadderPlaced, OrderPlaced, OrderRepeated, QuoteRefused, Rejected, TriggerFired
from ..schema.messages import ROW, MassQuote, Place, PlaceLadder, column_of
from .errors import Data
from .tokens import SIZE_COLUMNS

OF_SEVERAL: Final = frozenset(("place_ladder", "mass_quote"))
ACCOUNT: Final = column_of(PlaceLadder, "account")
OWNERS: Final = {one.KIND: column_of(one, "account") for one in (LadderPlaced, OrderPlaced, OrderRepeated, Rejected, CommandQueued)}
QUOTE: Final = tuple((column_of(MassQuote, name), column_of(QuoteRefused, name)) for name in ("account", "market", "side"))
PLACED, FIRED = column_of(OrderPlaced, "order_id"), column_of(TriggerFired, "order_id")
COMMANDS: Final = {one.KIND: column_of(one, "command") for one in (Rejected, CommandQueued)}
REASONS: Final = {one.KIND: column_of(one, "reason") for one in (Rejected, QuoteRefused)}


def caused_by(applied: Applied, number: int) -> list[int]:
    """The packed events of one command of a block."""
    begin = applied.ends[number - 1] if number else 0
    return memoryview(applied.events)[begin * ROW : applied.ends[number] * ROW].tolist()


def several(row: Sequence[int], events: Sequence[int]) -> Data:
    """`row`: the command; `events`: all that it has caused, packed. Counts; orders that were there from before count as placed."""
    caused = [events[at : at + ROW] for at in range(0, len(events), ROW)]
    return of_quotes(row, caused) if row[0] == MassQuote.KIND else of_ladder(row[ACCOUNT], caused)


def of_quotes(row: Sequence[int], caused: Sequence[Sequence[int]]) -> Data:
    asked = sum(row[column] != 0 for column in SIZE_COLUMNS)
    refused = [one for one in caused if one[0] == QuoteRefused.KIND and all(row[mine] == one[its] for mine, its in QUOTE)]
    return counted(asked - len(refused), refused)


def of_ladder(account: int, caused: Sequence[Sequence[int]]) -> Data:
    """What comes before the ladder was due before it; orders of triggers that it has fired are not its own."""
    begin = next((n for n, one in enumerate(caused) if one[0] == LadderPlaced.KIND and one[OWNERS[one[0]]] == account), len(caused))
    own = [one for one in caused[begin:] if one[0] in OWNERS and one[OWNERS[one[0]]] == account]
    fired = {one[FIRED] for one in caused if one[0] == TriggerFired.KIND}
    repeated = sum(one[0] == OrderRepeated.KIND for one in own)
    placed = sum(one[0] == OrderPlaced.KIND and one[PLACED] not in fired for one in own)
    of_places = [one for one in own if one[0] in COMMANDS and one[COMMANDS[one[0]]] == Place.KIND]
    refused = [one for one in of_places if one[0] == Rejected.KIND]
    return counted(placed + repeated, refused, len(of_places) - len(refused), repeated)


def counted(placed: int, refused: Sequence[Sequence[int]], queued: int = 0, repeated: int = 0) -> Data:
    told: Data = {"placed": placed, "refused": len(refused), "queued": queued, "repeated": repeated}
    return {**told, "first_refusal": Reason(refused[0][REASONS[refused[0][0]]]).name} if refused else told
