"""Commands that a user's class returned: whether they are rows that a venue takes, and whether an account may send them for itself.

Rules: who may send a command is the AUTHORITY of `perplab.exchange`. `ts` is stamped on arrival, so whatever stands there is no error.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from perplab.clients.bots.base import Rows
from perplab.exchange.messages import (
    BOUNDS,
    COMMAND_OF,
    KIND_COLUMN,
    ROW,
    TS_COLUMN,
    Role,
    authority,
    describe_malformed,
)

from .own import ScenarioError, shown

FORM: Final = f"expected packed commands, int64 of shape (n, {ROW}), as perplab.clients.bots.base.pack makes them"


def commands(named: str, what: str, given: object) -> Rows:
    """What was returned, if it is rows that every venue takes. ScenarioError: `named` is the class, `what` it was asked for."""
    if not isinstance(given, np.ndarray) or given.dtype != np.int64 or given.ndim != 2 or given.shape[1] != ROW:
        raise ScenarioError(f"class is {named!r}, which returns {described(given)}, asked for {what}: {FORM}")
    if len(given) and (wrong := malformed(given)):
        raise ScenarioError(f"class is {named!r}, which sends what no venue takes, asked for {what}: {wrong}")
    return given


def described(given: object) -> str:
    return f"{given.dtype} of shape {given.shape}" if isinstance(given, np.ndarray) else shown(given)


def malformed(rows: Rows) -> str | None:
    """Why the first row that is no command is none. Row by row: most often there are few."""
    for row in rows.tolist():
        row[TS_COLUMN] = 0
        bounds = BOUNDS.get(row[KIND_COLUMN], ())
        fits = [low <= value <= high for value, (_, low, high) in zip(row[1:], bounds)]
        if not fits or not all(fits) or any(row[len(bounds) + 1 :]):
            return describe_malformed(row)
    return None


def must_be_its_own(named: str, what: str, rows: Rows, account: int) -> None:
    """ScenarioError unless the owner of the account may send all of these commands."""
    for row in rows.tolist():
        asked = authority(row)
        if asked == [account]:
            continue
        told = f"class is {named!r}, which sends {COMMAND_OF[row[KIND_COLUMN]].__name__}"
        if isinstance(asked, Role):
            expected = "expected what the owner of an account may send for it"
            raise ScenarioError(f"{told} from account {account}, asked for {what}: that is for {asked.value}, {expected}")
        other = next((one for one in asked if one != account), account)
        if other != account:
            raise ScenarioError(f"{told} for account {other}, asked for {what}: expected its own account, {account}")
