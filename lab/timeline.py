"""`[[faults]]` of a scenario: which fault, when, and how a run's commands pass all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated

import numpy as np
from msgspec import Meta

from perplab.clients.bots.base import Rows
from perplab.exchange.messages import KIND_COLUMN, TS_COLUMN, UpdateOracle
from perplab.exchange.units import SECOND_NS

from .faults import FOREVER, ORACLE, Fault, Guarded, Span
from .own import OwnClass, asking, must_take
from .own_agents import COHORTS
from .runs import Cohort, Ints
from .shocks import ACCOUNT, SHIPPED


class FaultTable(OwnClass, frozen=True, kw_only=True):
    """One fault, and when. Seconds count from the start of the path."""

    at_s: Annotated[float, Meta(ge=0, le=1e6)]
    until_s: Annotated[float, Meta(ge=0, le=1e6)] | None = None  # none: to the end

    def __post_init__(self) -> None:
        if self.until_s is not None and self.until_s <= self.at_s:
            raise ValueError(f"until_s is {self.until_s:g}: expected more than at_s, {self.at_s:g}")
        self.made(self.kind(is_new=True))

    def kind(self, is_new: bool = False) -> type[Fault]:
        return self.one_of(Fault, SHIPPED, is_new)

    def made(self, kind: type[Fault]) -> Fault:
        terms = self.terms_of(kind)
        must_take(self.named, kind, **terms)
        with asking(self.named, "a fault"):
            made = kind(**terms)
        return made if self.class_ in SHIPPED else Guarded(made, self.named)


def span_of(table: FaultTable, start_ns: int) -> Span:
    until = FOREVER if table.until_s is None else start_ns + round(table.until_s * SECOND_NS)
    return Span(table.made(table.kind()), start_ns + round(table.at_s * SECOND_NS), until)


class Faults:
    """The faults of a run: the one place that its commands pass."""

    def __init__(self, tables: Sequence[FaultTable], start_ns: int, cohorts: Sequence[Cohort]) -> None:
        nobody = dict.fromkeys(COHORTS, read_only(np.zeros(0, np.int64)))  # a scenario may have none of a kind
        self.accounts = nobody | {cohort.name: read_only(cohort.accounts) for cohort in cohorts}
        self.sender = {account: cohort.name for cohort in cohorts for account in cohort.accounts.tolist()} if tables else {}
        self.spans = [span_of(table, start_ns) for table in tables]
        for span in self.spans:
            span.fault.prepare(self.accounts, span.begin, span.end)
        self._last: dict[int, int] = {}  # by account: when its last commands arrive

    def exogenous(self, rows: Rows) -> Rows:
        """Oracle updates and noise orders, by rising arrival."""
        if not self.spans:
            return rows
        parts = [self._all_passed(sender, rows[mine]) for sender, mine in self._by_sender(rows)]
        whole = np.concatenate(parts)
        ordered: Rows = np.ascontiguousarray(whole[np.argsort(whole[:, TS_COLUMN], kind="stable")])
        return ordered

    def of_agent(self, account: int, rows: Rows, arrival: int) -> Rows:
        """What of an agent's commands arrives, all together, in column TS_COLUMN when [ns]. The rows given stay as they are."""
        rows = _stamped(rows, arrival)
        if not self.spans:
            return rows
        rows[:, TS_COLUMN] = max(arrival, self._last.get(account, 0))
        rows = self._all_passed(self.sender[account], rows)
        if len(rows):
            self._last[account] = rows[:, TS_COLUMN] = int(rows[-1, TS_COLUMN])
        return rows

    def moments(self) -> Iterator[tuple[int, Rows]]:
        """What faults send themselves as they begin and end, and when. [ns]"""
        for span in self.spans:
            sent = [(span.begin, span.fault.begins(self.accounts))]
            if span.end < FOREVER:
                sent.append((span.end, span.fault.ends(self.accounts)))
            yield from ((ts, _stamped(rows, ts)) for ts, rows in sent if len(rows))

    def _all_passed(self, sender: str, rows: Rows) -> Rows:
        for span in self.spans:
            rows = span.passed(sender, rows)
        return rows

    def _by_sender(self, rows: Rows) -> Iterator[tuple[str, np.ndarray[tuple[int, ...], np.dtype[np.bool_]]]]:
        """The oracle first, then account by account: one does not wait for another."""
        is_price = rows[:, KIND_COLUMN] == UpdateOracle.KIND
        yield ORACLE, is_price
        for account in np.unique(rows[~is_price][:, ACCOUNT]).tolist():
            yield self.sender[account], ~is_price & (rows[:, ACCOUNT] == account)


def read_only(accounts: Ints) -> Ints:
    """The same, for a fault to look at."""
    seen = accounts.view()
    seen.flags.writeable = False
    return seen


def _stamped(rows: Rows, ts: int) -> Rows:
    """A copy of commands that arrive at `ts`. [ns]"""
    rows = rows.copy()
    rows[:, TS_COLUMN] = ts
    return rows
