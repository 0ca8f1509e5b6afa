"""Commands that come packed, many in one request: `rows`. What is no command, or not the user's to send, is left out and told."""

from __future__ import annotations

from typing import Final

from librt.vecs import vec
from mypy_extensions import i64

from ..blocks import Applied
from ..schema.messages import AUTHORITY, COMMAND_OF, ROW, MassQuote, OpenSubAccount, PlaceLadder, column_of
from . import requests as r
from .departure import Departure
from .errors import Data, Refusal, Trouble
from .host import Host
from .people import User
from .routing import ACCOUNT, REASON, TICKET, WIDTH, outcomes
from .several import caused_by, several

OF_SEVERAL: Final = (PlaceLadder.KIND, MassQuote.KIND)  # that place several orders
OWNED_KINDS: Final = frozenset(command.KIND for command in r.OWNERS)
assert all(AUTHORITY[command] == ("account",) and column_of(command, "account") == ACCOUNT for command in r.OWNERS)


def rows_of(packed: bytes) -> vec[i64]:
    """Raises Refusal."""
    if len(packed) % (8 * ROW):
        raise Refusal(Trouble.BAD_ROW, f"rows are {8 * ROW} bytes each; got {len(packed)}", field="rows", given=len(packed))
    return vec[i64](memoryview(packed).cast("q"))


def carried_out(host: Host, user: User, rows: vec[i64], departure: Departure) -> Data:
    """Carry out the user's commands as one block; the body of the reply. Raises Refusal; then nothing happened."""
    errors: dict[int, Data] = {}
    for number in host.people.owners.barred(rows, user.number):
        errors[number] = _barred(int(rows[number * ROW]), int(rows[number * ROW + ACCOUNT])).body()
        rows[number * ROW] = 0  # no kind: the door leaves the row out
    opened, kinds = 0, memoryview(rows).tolist()[::ROW]
    for number, kind in enumerate(kinds):
        if kind == OpenSubAccount.KIND:
            try:
                host.refuse_too_many_accounts(user, opened)
                opened += 1
            except Refusal as error:
                errors[number] = error.body()
                rows[number * ROW] = 0
    applied = host.carry_out(rows)
    told = outcomes(applied.events, applied.ends, rows)
    for number, why in applied.refused.items():
        if number not in errors:
            errors[number] = Refusal(Trouble.BAD_ROW, why, field="rows", given=number).body()
        told[number * WIDTH + REASON] = -1
    if departure.wants_orders:
        departure.hear(memoryview(rows).tolist(), applied)
    body: Data = {"ok": True, "ts": host.exchange.now, "statuses": bytes(memoryview(told))}
    if errors:
        body["errors"] = {str(number): error for number, error in errors.items()}
    found = counts(kinds, rows, applied, told) if any(kind in kinds for kind in OF_SEVERAL) else {}
    if found:
        body["several"] = found
    return body


def counts(kinds: list[int], rows: vec[i64], applied: Applied, told: vec[i64]) -> Data:
    """By number of row, what became of the orders of ladders and mass quotes that were carried out; `told` has room for one order each."""
    found: Data = {}
    for number, kind in enumerate(kinds):
        if kind in OF_SEVERAL and not (told[number * WIDTH + REASON] or told[number * WIDTH + TICKET]):
            row = memoryview(rows)[number * ROW : (number + 1) * ROW].tolist()
            found[str(number)] = several(row, caused_by(applied, number))
    return found


def _barred(kind: int, account: int) -> Refusal:
    """Why a command is not this user's to send."""
    if kind in OWNED_KINDS:
        return Refusal(Trouble.NOT_YOUR_ACCOUNT, f"account {account} is not yours", field="account", given=account)
    return Refusal(Trouble.SCOPE, f"{COMMAND_OF[kind].__name__} is not for clients", given=kind)
