"""Commands that a user's class returned: whether they are rows that a venue takes, and whether an account may send them for itself.

Rules: who may send a command is the AUTHORITY of `perplab.exchange`. `ts` is stamped on arrival, so whatever stands there is no error.
"""

from __future__ import annotations

import numpy as np

from perplab.clients.bots.base import Rows
from perplab.exchange.messages import (
    AUTHORITY,
    BOUNDS,
    COMMAND_OF,
    KIND_COLUMN,
    ROW,
    TS_COLUMN,
    Role,
    column_of,
    describe_malformed,
)

from .own import ScenarioError, shown

FORM = f"expected packed commands, int64 of shape (n, {ROW}), as perplab.clients.bots.base.pack makes them"


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
    """Why the first row that is no command is none."""
    fits = np.zeros(len(rows), bool)
    for kind in np.unique(rows[:, KIND_COLUMN]).tolist():
        bounds = BOUNDS.get(kind)
        if bounds is None:
            continue
        mine = rows[:, KIND_COLUMN] == kind
        ours = rows[mine]
        is_right = (ours[:, 1 + len(bounds) :] == 0).all(axis=1)
        for column, (_, low, high) in enumerate(bounds, start=1):
            if column != TS_COLUMN:
                is_right &= (ours[:, column] >= low) & (ours[:, column] <= high)
        fits[mine] = is_right
    if fits.all():
        return None
    row = rows[int(np.argmin(fits))].tolist()
    row[TS_COLUMN] = 0
    return describe_malformed(row)


def must_be_its_own(named: str, what: str, rows: Rows, account: int) -> None:
    """ScenarioError unless the owner of the account may send all of these commands."""
    for kind in np.unique(rows[:, KIND_COLUMN]).tolist():
        command, told = COMMAND_OF[kind], f"class is {named!r}, which sends {COMMAND_OF[kind].__name__}"
        asked = AUTHORITY[command]
        if isinstance(asked, Role):
            expected = "expected what the owner of an account may send for it"
            raise ScenarioError(f"{told} from account {account}, asked for {what}: that is for {asked.value}, {expected}")
        mine = rows[rows[:, KIND_COLUMN] == kind]
        for column in asked:
            others = mine[mine[:, column_of(command, column)] != account, column_of(command, column)]
            if others.size:
                raise ScenarioError(f"{told} for account {others[0]}, asked for {what}: expected its own account, {account}")
