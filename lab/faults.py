"""`[[faults]]` of a scenario: something that is done to a run at a time, one that ships by name or one of the user's own by class.

Rules: a fault meets commands on their way to the venue, after those who send them and before anybody else; it may hold them up, change or
drop them, and send some of its own as it begins and ends. Nothing overtakes: what a sender sends later arrives later. It may also be done
to what the oracle listens to, before the oracle makes a price of it. A fault draws nothing and reads no clock. One of the user's own is met
as a `Guarded`, which checks what it returns and tells what it raises.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Final, Literal, NamedTuple

import numpy as np
from msgspec import Meta, Struct

from perplab.clients.bots.base import NOTHING, Rows, pack
from perplab.exchange.design.reader import nearest
from perplab.exchange.messages import KIND_COLUMN, TS_COLUMN, CancelAll, Deposit, Place, UpdateOracle, column_of
from perplab.exchange.units import MS_NS, SECOND_NS
from perplab.oracle.sources import MAX_OFFSET_BP, MIN_OFFSET_BP, Source
from perplab.oracle.values import MAX_NS

from .own import OwnClass, ScenarioError, asking, must_take, shown
from .own_rows import commands
from .runs import Cohort, Ints

ORACLE: Final = "oracle"  # a sender, besides cohorts
ACCOUNT: Final = column_of(Place, "account")
FOREVER: Final = 2**62  # [ns]


class Fault:
    """Base of all faults: does nothing, ever.

    `senders` are the cohorts whose commands it wants to meet, "oracle" among them; empty: everybody's. One that halves every order:

        class Halved(Fault):
            def passing(self, sender, rows):
                rows[:, SIZE] //= 2
                return rows
    """

    senders: tuple[str, ...] = ()

    def begins(self, accounts: Mapping[str, Ints]) -> Rows:
        """Commands to be sent as it begins, `ts` left 0; `accounts` are those of each cohort."""
        return NOTHING

    def passing(self, sender: str, rows: Rows) -> Rows:
        """Commands of a sender that would arrive while it lasts, packed, in column TS_COLUMN when [ns]: those that arrive, and when.

        The rows are its own to change.
        """
        return rows

    def ends(self, accounts: Mapping[str, Ints]) -> Rows:
        """Commands to be sent as it ends."""
        return NOTHING

    def reporting(self, kind: str, sources: list[Source], begin: int, end: int) -> list[Source]:
        """What the oracle listens to, as it is when it looks from `begin` to less than `end` [ns]; `kind` is "spot" or "perp"."""
        return sources


# -- those that ship --


class Delay(Struct, frozen=True):
    by_s: Annotated[float, Meta(gt=0, le=86_400)]


class OracleDelayed(Fault):
    """Prices reach the venue later than they would."""

    senders = (ORACLE,)

    def __init__(self, terms: Delay) -> None:
        self.by_ns = round(terms.by_s * SECOND_NS)

    def passing(self, sender: str, rows: Rows) -> Rows:
        rows[:, TS_COLUMN] += self.by_ns
        return rows


class OracleFrozen(Fault):
    """No price reaches the venue."""

    senders = (ORACLE,)

    def passing(self, sender: str, rows: Rows) -> Rows:
        return NOTHING


class Who(Struct, frozen=True):
    cohorts: Annotated[tuple[str, ...], Meta(min_length=1)] = ("makers",)


class MakersGone(Fault):
    """Makers, or other cohorts, take back their orders and send no new ones; money that margin calls sent still comes."""

    def __init__(self, terms: Who) -> None:
        self.senders = terms.cohorts

    def begins(self, accounts: Mapping[str, Ints]) -> Rows:
        return pack(*(CancelAll(0, account) for name in self.senders for account in accounts[name].tolist()))

    def passing(self, sender: str, rows: Rows) -> Rows:
        money: Rows = rows[rows[:, KIND_COLUMN] == Deposit.KIND]
        return money


class Late(Struct, frozen=True):
    by_ms: Annotated[int, Meta(ge=1, le=3_600_000)]
    cohorts: Annotated[tuple[str, ...], Meta(min_length=1)] = ("noise", "momentum")


class TakersLate(Fault):
    """Orders of takers, or of other cohorts, arrive later than they would."""

    def __init__(self, terms: Late) -> None:
        self.senders = terms.cohorts
        self.by_ns = terms.by_ms * MS_NS

    def passing(self, sender: str, rows: Rows) -> Rows:
        rows[:, TS_COLUMN] += self.by_ns
        return rows


class Off(Struct, frozen=True):
    source: Annotated[int, Meta(ge=0)]  # its number, from 0
    off_bp: Annotated[float, Meta(ge=MIN_OFFSET_BP, le=MAX_OFFSET_BP)]  # [bp] of the true price; below zero: too low
    ramp_s: Annotated[float, Meta(ge=0, le=1e6)] = 0.0  # until it is off by so much, in a straight line
    kinds: Annotated[tuple[Literal["spot", "perp"], ...], Meta(min_length=1)] = ("spot", "perp")


class SourceOff(Fault):
    """One of the oracle's sources reports a price that is off, its spot market and its perpetual alike; the others are right."""

    senders = (ORACLE,)

    def __init__(self, terms: Off) -> None:
        self.terms = terms

    def reporting(self, kind: str, sources: list[Source], begin: int, end: int) -> list[Source]:
        terms = self.terms
        if kind not in terms.kinds or (not sources and terms.kinds != (kind,)):
            return sources
        if terms.source >= len(sources):
            raise ValueError(f"terms.source is {terms.source}: expected less than {len(sources)}, the number of {kind} sources")
        was, end, ramp_ns = sources[terms.source], min(end, MAX_NS), round(terms.ramp_s * SECOND_NS)
        if any(begin < other[1] and other[0] < end for other in was.manipulated):
            raise ValueError(f"terms.source is {terms.source}: expected one that is not off by another fault at that time")
        window = (begin, end, terms.off_bp, ramp_ns) if ramp_ns else (begin, end, terms.off_bp)
        is_now = replace(was, manipulated=(*was.manipulated, window))
        return [is_now if source is was else source for source in sources]


SHIPPED: Final[Mapping[str, type[Fault]]] = {
    "oracle_delayed": OracleDelayed,
    "oracle_frozen": OracleFrozen,
    "makers_gone": MakersGone,
    "takers_late": TakersLate,
    "source_off": SourceOff,
}


# -- in a scenario --


class FaultTable(OwnClass, frozen=True, kw_only=True):
    """One fault, and when. Seconds count from the start of the path."""

    at_s: Annotated[float, Meta(ge=0, le=1e6)]
    until_s: Annotated[float, Meta(ge=0, le=1e6)] | None = None  # none: to the end

    def __post_init__(self) -> None:
        if self.until_s is not None and self.until_s <= self.at_s:
            raise ValueError(f"until_s is {self.until_s:g}: expected more than at_s, {self.at_s:g}")
        self.made(self.kind(is_new=True))

    def kind(self, is_new: bool = False) -> type[Fault]:
        if ":" in self.class_:
            return self.must_extend(Fault, self.found() if is_new else self.loaded())
        if self.class_ not in SHIPPED:
            expected = f'expected one of {", ".join(SHIPPED)}, or "file.py:Name" of your own'
            raise ValueError(f"class is {self.class_!r}: {expected}{nearest(self.class_, list(SHIPPED), or_list=False)}")
        return SHIPPED[self.class_]

    def made(self, kind: type[Fault]) -> Fault:
        terms = self.terms_of(kind)
        must_take(self.named, kind, **terms)
        with asking(self.named, "a fault"):
            made = kind(**terms)
        return made if self.class_ in SHIPPED else Guarded(made, self.named)


class Guarded(Fault):
    """A fault of a user's class: what it returns is checked, and whatever it raises is told in one line."""

    def __init__(self, fault: Fault, named: str) -> None:
        self.fault = fault
        self.named = named
        if not isinstance(fault.senders, tuple | list) or not all(isinstance(one, str) for one in fault.senders):
            expected = 'expected names of cohorts, as in ("makers",), or none for all'
            raise ScenarioError(f"class is {named!r}, whose senders is {shown(fault.senders)}: {expected}")
        self.senders = tuple(fault.senders)

    def begins(self, accounts: Mapping[str, Ints]) -> Rows:
        with asking(self.named, "begins"):
            given: object = self.fault.begins(accounts)
        return commands(self.named, "begins", given)

    def passing(self, sender: str, rows: Rows) -> Rows:
        what = f"passing, of {len(rows):,} commands of {sender}"
        with asking(self.named, what):
            given: object = self.fault.passing(sender, rows)
        return commands(self.named, what, given)

    def ends(self, accounts: Mapping[str, Ints]) -> Rows:
        with asking(self.named, "ends"):
            given: object = self.fault.ends(accounts)
        return commands(self.named, "ends", given)

    def reporting(self, kind: str, sources: list[Source], begin: int, end: int) -> list[Source]:
        what = f"reporting, of {kind} sources"
        with asking(self.named, what):
            given: object = self.fault.reporting(kind, list(sources), begin, end)
        if not isinstance(given, list) or len(given) != len(sources) or not all(isinstance(one, Source) for one in given):
            expected = f"expected {len(sources)}, each a perplab.oracle.sources.Source"
            raise ScenarioError(f"class is {self.named!r}, which returns {shown(given)}, asked for {what}: {expected}")
        return given


class Span(NamedTuple):
    """A fault while it lasts, at least `begin` and less than `end`. [ns]"""

    fault: Fault
    begin: int
    end: int

    def reporting(self, kind: str, sources: list[Source]) -> list[Source]:
        """The oracle's sources as the fault leaves them. ValueError"""
        return self.fault.reporting(kind, sources, self.begin, self.end)

    def met_by(self, sender: str) -> bool:
        return not self.fault.senders or sender in self.fault.senders

    def passed(self, sender: str, rows: Rows) -> Rows:
        """Commands by rising arrival, those that arrive meanwhile as the fault leaves them."""
        arrival = rows[:, TS_COLUMN]
        mine = (arrival >= self.begin) & (arrival < self.end)
        if not mine.any() or not self.met_by(sender):
            return rows
        changed = self.fault.passing(sender, rows[mine]).copy()  # it may give back rows that are not to be written to
        first = rows[mine][:1, TS_COLUMN]
        changed[:, TS_COLUMN] = np.maximum(changed[:, TS_COLUMN], first)  # nothing arrives before it was sent
        whole = np.concatenate([rows[arrival < self.begin], changed, rows[arrival >= self.end]])
        whole[:, TS_COLUMN] = np.maximum.accumulate(whole[:, TS_COLUMN])
        return whole


class Faults:
    """The faults of a run: the one place that its commands pass."""

    def __init__(self, tables: Sequence[FaultTable], start_ns: int, cohorts: Sequence[Cohort]) -> None:
        self.accounts = {cohort.name: read_only(cohort.accounts) for cohort in cohorts}
        self.sender = {account: cohort.name for cohort in cohorts for account in cohort.accounts.tolist()} if tables else {}
        self.spans = [span_of(table, start_ns) for table in tables]
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


def span_of(table: FaultTable, start_ns: int) -> Span:
    until = FOREVER if table.until_s is None else start_ns + round(table.until_s * SECOND_NS)
    return Span(table.made(table.kind()), start_ns + round(table.at_s * SECOND_NS), until)


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
