"""Positions from a CSV or JSON file as a snapshot. docs/metrics.md says what the file looks like.

Rules of the file: what it says is checked before anything is computed; an error names file, row, column, what was given and expected.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

from perplab.exchange.design.reader import DesignError, nearest
from perplab.exchange.units import MICRO

from ..runs import Ints
from .policies import Losers, whole
from .snapshot import Snapshot, Winners

NEEDED: Final = ("account", "contracts", "entry_usd", "mark_usd", "equity_usd")
OPTIONAL: Final = ("maintenance_usd", "market")
WHOLE: Final = ("account", "contracts")
LARGEST: Final = 1e12  # of any number [USD], and of sums over all rows: in micro-units they fit 64 bits
SUFFIXES: Final = (".csv", ".json")


class PositionsError(DesignError):
    """A file of positions that cannot be used; the message is complete."""


class Position(NamedTuple):
    account: int
    contracts: int  # signed
    entry: int  # [micro] notional
    notional: int  # [micro] at the mark
    equity: int  # [micro]
    maintenance: int  # [micro]
    mark_usd: float
    market: str


def read(file: Path) -> Snapshot:
    """The snapshot in a file. Raises PositionsError."""
    positions = [position(row, f"{file}: row {number}") for number, row in enumerate(rows(file), start=1)]
    if not positions:
        raise PositionsError(f"{file}: holds no positions")
    for name, values in (("mark_usd", {one.mark_usd for one in positions}), ("market", {one.market for one in positions})):
        if len(values) > 1:
            raise PositionsError(f"{file}: {name} has {len(values)} values: expected one market at one mark")
    if (total := sum(max(abs(one.equity), one.notional, one.entry) for one in positions) / MICRO) > LARGEST:
        raise PositionsError(f"{file}: the rows come to {total:.3g} USD together: expected up to {LARGEST:.0e}")
    accounts = [one.account for one in positions]
    twice = next((one for one in accounts if accounts.count(one) > 1), None) if len(set(accounts)) < len(accounts) else None
    if twice is not None:
        raise PositionsError(f"{file}: account {twice} has several rows: expected one position of each")
    return snapshot(positions, file)


def rows(file: Path) -> Iterable[dict[str, object]]:
    try:
        text = file.read_text(encoding="utf-8")
        found = json.loads(text) if file.suffix == ".json" else list(csv.DictReader(text.splitlines()))
    except OSError as error:
        raise PositionsError(f"{file}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError, csv.Error) as error:
        raise PositionsError(f"{file}: not a list of positions: {error}") from None
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise PositionsError(f"{file}: not a list of positions: expected [{{...}}, ...]")
    return found


def position(row: dict[str, object], at: str) -> Position:
    known = [*NEEDED, *OPTIONAL]
    unknown = next((name for name in row if name not in known), None)
    if unknown is not None:
        raise PositionsError(f"{at}: unknown column {unknown!r}{nearest(unknown, known)}")
    value = {name: number(row, name, at) for name in (*NEEDED, "maintenance_usd")}
    contracts, mark = int(value["contracts"]), value["mark_usd"]
    for name in ("entry_usd", "mark_usd"):
        if value[name] <= 0:
            raise PositionsError(f"{at}: {name} is {row[name]}: expected a price above 0")
    if contracts == 0:
        raise PositionsError(f"{at}: contracts is 0: expected an open position")
    if abs(contracts) * max(mark, value["entry_usd"]) > LARGEST or round(mark * MICRO) == 0:
        raise PositionsError(f"{at}: contracts is {contracts} at {mark:g} USD: expected a value of up to {LARGEST:.0e} USD")
    size = abs(contracts)
    entry = max(1, round(size * value["entry_usd"] * MICRO))
    equity, maintenance = (round(value[name] * MICRO) for name in ("equity_usd", "maintenance_usd"))
    market = str(row.get("market") or "")
    return Position(int(value["account"]), contracts, entry, size * round(mark * MICRO), equity, maintenance, mark, market)


def number(row: dict[str, object], name: str, at: str) -> float:
    given = row.get(name)
    if given in (None, ""):
        if name in NEEDED:
            raise PositionsError(f"{at}: {name} is missing")
        return 0.0
    try:
        found = float(str(given))
    except ValueError:
        found = math.nan
    if not abs(found) <= LARGEST or (name in WHOLE and found != int(found)):
        kind = "whole number" if name in WHOLE else "number"
        raise PositionsError(f"{at}: {name} is {given!r}: expected a {kind} of up to {LARGEST:.0e}")
    return found


def snapshot(positions: list[Position], file: Path) -> Snapshot:
    """Losers are those below zero of the side that lacks more; winners those above zero on the other."""
    lacking = {is_long: -sum(min(0, one.equity) for one in positions if (one.contracts > 0) == is_long) for is_long in (True, False)}
    is_long = lacking[True] >= lacking[False]  # the losers
    if not lacking[is_long]:
        raise PositionsError(f"{file}: no equity_usd is below 0: expected at least one loser")
    losers = [one for one in positions if (one.contracts > 0) == is_long and one.equity < 0]
    losers.sort(key=lambda one: (one.equity, one.account))
    winners = sorted(one for one in positions if (one.contracts > 0) != is_long and one.equity > 0)
    if not winners:
        raise PositionsError(f"{file}: nobody with equity_usd above 0 is on the other side: expected at least one winner")
    gaps = [min(-one.equity, one.notional) for one in losers]
    unpriced = -sum(one.equity for one in losers) - sum(gaps)
    lots = whole([abs(one.contracts) for one in losers])
    first = positions[0]
    return Snapshot(str(file), first.market or "the market", first.mark_usd, Losers(lots, whole(gaps)), table(winners), None, unpriced)


def table(winners: list[Position]) -> Winners:
    def values(name: str) -> Ints:
        return whole([getattr(one, name) for one in winners])

    lots = whole([abs(one.contracts) for one in winners])
    return Winners(
        values("account"), lots, values("notional"), values("entry"), values("equity"), values("maintenance"), winners[0].contracts > 0
    )  # fmt: skip
