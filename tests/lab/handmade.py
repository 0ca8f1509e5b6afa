"""Runs made by hand: a few events with round numbers, so that every metric can be checked on paper.

One coin has 1,000 lots, one tick is 1 USD, so a lot at 100 ticks is worth 0.1 USD. The run lasts from second 0 to 600 of a round
minute; the true price, the mark and the opening mark are 100 USD unless a test says otherwise. Accounts 0 to 7 are the venue's.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from msgspec.structs import astuple, fields

from perplab.exchange.events import Event, MarkMoved
from perplab.exchange.messages import ROW, column_of
from perplab.lab.runs import BookSamples, Cohort, MarketTerms, Run

SECOND = 10**9
START = 1_760_000_040 * SECOND  # a round minute
USD = 10**6
TERMS = MarketTerms(name="BTC", tick=1.0, lot=0.001, unit=1_000, accrual_shift=32)
LONG, SHORT, HEDGER, OTHER = 8, 9, 10, 11
ACCOUNTS = 12


def at(second: float) -> int:
    """Seconds of the run as ns since 1970."""
    return START + round(second * SECOND)


def event(kind: type[Event], second: float, **values: int) -> Event:
    """An event with 0 in all fields that are not given; its number is given by `rows`."""
    given = {field.name: 0 for field in fields(kind)} | values | {"ts": at(second)}
    return kind(**given)


def rows(events: list[Event]) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    table = np.zeros((len(events), ROW), np.int64)
    for number, one in enumerate(events):
        row = [one.KIND, *astuple(one)]
        table[number, : len(row)] = row
        table[number, column_of(Event, "seq")] = number
    return table


def samples(**columns: object) -> BookSamples:
    """One sample every 60 s: a book of 99.9 to 100.1 USD with 1 M USD of depth, half spreads of 10, 20 and 30 bp."""
    ts = np.array([at(60 * minute) for minute in range(10)], np.int64)
    flat = np.ones(len(ts))
    half = np.array([[10.0, -10.0], [20.0, -20.0], [30.0, -30.0]])
    book = BookSamples(
        ts=ts,
        true_usd=flat * 100,
        mark_usd=flat * 100,
        last_usd=flat * 100,
        bid_usd=flat * 99.9,
        ask_usd=flat * 100.1,
        bid_depth_usd=flat * 1e6,
        ask_depth_usd=flat * 1e6,
        sizes_usd=(1e4, 1e5, 1e6),
        effective_bp=np.tile(half, (len(ts), 1, 1)),
    )
    return replace(book, **columns)  # type: ignore[arg-type]


def run_of(*events: Event, **changes: object) -> Run:
    """A run of 10 minutes in which nothing happens but `events`, after a first mark of 100."""
    opening = np.zeros(ACCOUNTS, np.int64)
    opening[LONG:] = 1_000 * USD
    nothing = np.zeros(ACCOUNTS, np.int64)
    run = Run(
        venue="book_fund_adl",
        scenario="hand",
        seed=1,
        build="compiled",
        terms=TERMS,
        start_ts=START,
        end_ts=at(600),
        commands=7,
        state_hash="00",
        events=rows([event(MarkMoved, -1, mark=100), *events]),
        book=samples(),
        path_ts=np.array([at(second) for second in range(0, 601, 10)], np.int64),
        path_usd=np.full(61, 100.0),
        cohorts=(Cohort("longs", np.array([LONG])), Cohort("shorts", np.array([SHORT, HEDGER, OTHER]))),
        opening_equity=opening,
        closing_equity=opening.copy(),
        opening_size=nothing,
        closing_size=nothing.copy(),
        balances={"traders": 4_000 * USD},
        deposits=4_000 * USD,
        withdrawals=0,
    )
    return replace(run, **changes)  # type: ignore[arg-type]


def by_account(**values: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """An array by account: `by_account(LONG=5)` has 5 at LONG, 0 elsewhere."""
    column = np.zeros(ACCOUNTS, np.int64)
    for name, value in values.items():
        column[globals()[name]] = value
    return column
