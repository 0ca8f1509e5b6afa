"""What a fault is: something that is done to a run at a time. Those that ship are in `shocks`, when they are done in `timeline`.

Rules: a fault meets commands on their way to the venue, after those who send them and before anybody else; it may hold them up, change or
drop them, and send some of its own as it begins and ends. Nothing overtakes: what a sender sends later arrives later. It may also be done
to what the oracle listens to, before the oracle makes a price of it, and to the price itself. A fault draws nothing and reads no clock. One
of the user's own is met as a `Guarded`, which checks what it returns and tells what it raises.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np

from perplab.clients.bots.base import NOTHING, Rows
from perplab.exchange.messages import TS_COLUMN
from perplab.oracle.paths import PricePath
from perplab.oracle.sources import Source

from .own import ScenarioError, asking, shown
from .own_rows import commands
from .runs import Floats, Ints

ORACLE: Final = "oracle"  # a sender, besides cohorts
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
    needs: tuple[str, ...] = ()  # features that a design has to have: perplab.lab.needs

    def prepare(self, accounts: Mapping[str, Ints], begin: int, end: int) -> None:
        """Told once, before anything is sent: the accounts of each cohort, and that it lasts from `begin` to less than `end`. [ns]"""

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

    def moving(self, path: PricePath, begin: int, end: int) -> PricePath:
        """The true price, of everybody."""
        return path

    def correlating(self, market: str, correlation: Floats) -> Floats:
        """The correlation of the steps of a further market while it lasts; shape (n,)."""
        return correlation


class Guarded(Fault):
    """A fault of a user's class: what it returns is checked, and whatever it raises is told in one line."""

    def __init__(self, fault: Fault, named: str) -> None:
        self.fault = fault
        self.named = named
        if not isinstance(fault.senders, tuple | list) or not all(isinstance(one, str) for one in fault.senders):
            expected = 'expected names of cohorts, as in ("makers",), or none for all'
            raise ScenarioError(f"class is {named!r}, whose senders is {shown(fault.senders)}: {expected}")
        self.senders = tuple(fault.senders)
        self.needs = tuple(fault.needs)

    def prepare(self, accounts: Mapping[str, Ints], begin: int, end: int) -> None:
        with asking(self.named, "prepare"):
            self.fault.prepare(accounts, begin, end)

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

    def moving(self, path: PricePath, begin: int, end: int) -> PricePath:
        with asking(self.named, "moving"):
            given: object = self.fault.moving(path, begin, end)
        if not isinstance(given, PricePath) or given.prices.shape != path.prices.shape:
            expected = f"expected a perplab.oracle.paths.PricePath with {path.prices.size:,} points"
            raise ScenarioError(f"class is {self.named!r}, which returns {shown(given)}, asked for moving: {expected}")
        return given

    def correlating(self, market: str, correlation: Floats) -> Floats:
        with asking(self.named, "correlating"):
            given: object = self.fault.correlating(market, correlation.copy())
        if not isinstance(given, np.ndarray) or given.shape != correlation.shape or not (np.abs(given) <= 1.0).all():
            expected = f"expected {correlation.size:,} numbers from -1 to 1"
            raise ScenarioError(f"class is {self.named!r}, which returns {shown(given)}, asked for correlating: {expected}")
        return given


class Span(NamedTuple):
    """A fault while it lasts, at least `begin` and less than `end`. [ns]"""

    fault: Fault
    begin: int
    end: int

    def reporting(self, kind: str, sources: list[Source]) -> list[Source]:
        """The oracle's sources as the fault leaves them. ValueError"""
        return self.fault.reporting(kind, sources, self.begin, self.end)

    def moving(self, path: PricePath) -> PricePath:
        """The true price as the fault leaves it."""
        return self.fault.moving(path, self.begin, self.end)

    def correlating(self, market: str, first: PricePath, correlation: Floats) -> Floats:
        """Correlations of a further market with the first, in each step of its path, as the fault leaves them."""
        ts = first.start_ns + first.step_ns * np.arange(correlation.size, dtype=np.int64)
        mine = (ts >= self.begin) & (ts < self.end)
        changed = correlation.copy()
        changed[mine] = self.fault.correlating(market, correlation[mine])
        return changed

    def met_by(self, sender: str) -> bool:
        passes = type(self.fault).passing is Fault.passing  # all as it is
        return not passes and (not self.fault.senders or sender in self.fault.senders)

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
