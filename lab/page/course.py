"""How one run went: its journal is played again, and the venue looked at as often as a picture has room for.

Rules of the file: what is drawn is what the venue said at that moment; between two looks nothing is made up. Times are seconds since the
run began.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from msgspec import Struct

from perplab.exchange import Exchange, venue_of_json
from perplab.exchange.events import Deleveraged, LiquidationStarted, MarkMoved
from perplab.exchange.journal import JournalError, content, records, rows_of
from perplab.exchange.messages import KIND_COLUMN, ROW, Malformed, Side, SystemAccount, UpdateOracle, column_of
from perplab.exchange.units import MICRO, SECOND_NS

from ..comparison.outcome import event_columns
from ..runs import MARKET, Ints

LOOKS: Final = 360  # of a run: about as many as a picture can show
MARKED: Final = 300  # liquidations, and deleveragings, that are drawn: the largest
NEAR: Final = 0.01  # depth is what could be traded within this share of the mark
MARKS: Final = (LiquidationStarted, Deleveraged, MarkMoved)
TS: Final = column_of(UpdateOracle, "ts")  # of a command; all have it there


class Scale(NamedTuple):
    """What turns ticks, lots and micro-units into dollars."""

    tick: float  # [USD]
    unit: int  # [micro per tick x lot]


class Moment(NamedTuple):
    """Something that a picture marks; of one kind at one time, all together."""

    t: float  # [s]
    price: float  # [USD] the mark
    notional: float  # [USD]


class Course(Struct):
    """Columns of equal length, one entry for each look, and the moments that are marked; prices in USD, None where there is none."""

    t: list[float]  # [s]
    mark: list[float | None]
    oracle: list[float | None]
    bid_depth: list[float]  # [USD]
    ask_depth: list[float]
    open_interest: list[float]  # [USD] of one side, at the mark
    fund: list[float]  # [USD]
    vault: list[float]  # [USD] its equity
    liquidations: list[Moment]
    deleveraged: list[Moment]
    liquidations_in_all: int
    deleveragings_in_all: int


class Look(NamedTuple):
    """One entry of the columns of a course."""

    mark: float | None
    oracle: float | None
    bid_depth: float
    ask_depth: float
    open_interest: float
    fund: float
    vault: float


def course_of(journal: Path, start_ns: int, end_ns: int) -> Course:
    """The course of the run of a journal between two times. Raises JournalError, and OSError if there is none."""
    name, data = content(journal)
    blocks = records(data, name)
    _, header = next(blocks)
    exchange = Exchange(venue_of_json(header, name))
    market = exchange.design.markets[MARKET]
    scale = Scale(float(market.tick), market.unit)
    grid = start_ns + (end_ns - start_ns) * np.arange(1, LOOKS + 1) // LOOKS
    looks: list[Look] = []
    found = [np.zeros((0, ROW), np.int64)]
    try:
        for number, payload in blocks:
            rows = np.frombuffer(rows_of(payload), np.int64).reshape(-1, ROW) if number else found[0]
            for is_look, piece in pieces(rows, grid[len(looks) :]):
                if len(piece):
                    found.append(marked(np.asarray(exchange.apply_rows(piece.reshape(-1))).reshape(-1, ROW)))
                if is_look:
                    looks.append(look(exchange, scale))
    except (ValueError, Malformed) as error:
        raise JournalError(f"{name}: cannot be played again: {error}") from None
    if looks and len(looks) < LOOKS:
        looks.append(look(exchange, scale))  # the end, as nothing comes after it
    times = ((grid[: len(looks)] - start_ns) / SECOND_NS).tolist()
    return told(times, looks, np.concatenate(found), start_ns, scale)


def told(times: list[float], looks: list[Look], events: Ints, start_ns: int, scale: Scale) -> Course:
    mark, oracle, bids, asks, interest, fund, vault = map(list, zip(*looks)) if looks else ([] for _ in Look._fields)
    starts, closed, moves = (event_columns(kind, events) for kind in MARKS)
    is_first = moves["market"] == MARKET
    seq, marks = moves["seq"][is_first], moves["mark"][is_first]
    at = np.searchsorted(seq, starts["seq"], side="right") - 1
    mark_then = marks[np.maximum(at, 0)] if len(marks) else np.zeros(len(starts["seq"]), np.int64)
    mine = closed["market"] == MARKET
    size = closed["size"] * closed["mark"] * scale.unit
    return Course(
        times, mark, oracle, bids, asks, interest, fund, vault,
        moments(starts["ts"] - start_ns, mark_then, scale.tick, starts["notional"]),
        moments((closed["ts"] - start_ns)[mine], closed["mark"][mine], scale.tick, size[mine]),
        len(starts["seq"]), int(mine.sum()),
    )  # fmt: skip


def moments(ns: Ints, marks: Ints, tick: float, notional: Ints) -> list[Moment]:
    """The largest of them in the order of their times; those of the same nanosecond are one."""
    times, first, place = np.unique(ns, return_index=True, return_inverse=True)
    sums = np.bincount(place, weights=notional.astype(np.float64), minlength=len(times)) / MICRO
    kept = np.sort(np.argsort(-sums, kind="stable")[:MARKED])
    return [Moment(float(times[one]) / SECOND_NS, float(marks[first[one]]) * tick, float(sums[one])) for one in kept]


def pieces(rows: Ints, grid: Ints) -> Iterator[tuple[bool, Ints]]:
    """Rows cut at the times of the grid that are before the last of them; whether a look is due behind each piece."""
    if not len(rows):
        return
    ts = rows[:, TS]
    due = grid[grid < ts[-1]]
    ends = np.searchsorted(ts, due, side="right")
    for start, end in pairwise([0, *ends.tolist()]):
        yield True, rows[start:end]
    yield False, rows[ends[-1] if len(ends) else 0 :]


def marked(events: Ints) -> Ints:
    """Those that a picture marks."""
    return events[np.isin(events[:, KIND_COLUMN], [kind.KIND for kind in MARKS])]


def look(exchange: Exchange, scale: Scale) -> Look:
    """The venue as it is now."""
    mark, oracle = exchange.mark_price(MARKET), exchange.oracle_price(MARKET)
    reach = int(mark * NEAR)
    bids, asks = (depth(exchange, side, mark - way * reach) / MICRO for side, way in ((Side.BUY, 1), (Side.SELL, -1)))
    interest = exchange.open_interest(MARKET) * mark * scale.unit / MICRO
    fund, vault = exchange.ledger_balance(SystemAccount.INSURANCE_FUND), exchange.equity(SystemAccount.VAULT)
    return Look(price(mark, scale), price(oracle, scale), bids, asks, interest, fund / MICRO, vault / MICRO)


def price(ticks: int, scale: Scale) -> float | None:
    return ticks * scale.tick if ticks else None


def depth(exchange: Exchange, side: Side, limit: int) -> int:
    """What rests on a side at `limit` or better, and what a curve would trade there. [micro]"""
    value = exchange.lots_within(MARKET, side, limit)[1]
    return value + exchange.curve_within(MARKET, 1 - side, limit)[1] if exchange.pool(MARKET) is not None else value
