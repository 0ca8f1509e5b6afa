"""Candles of any interval, of what is kept by the minute and by the hour."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from .records import INTERVALS, MINUTE, Candle
from .series import S_BEGIN, S_LIQUIDATED, S_LOTS, S_MARK, S_OPEN, S_ORACLE, S_TRADES, S_VALUE, Series

HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
WEEK: Final = 7 * DAY
MONDAY: Final = 4 * DAY  # the first one: 1970 began on a Thursday
SECOND: Final = 1_000_000_000
Prices = tuple[int, int, int, int]


def begin_of(ts: int, interval: str) -> int:
    """[ns] when the interval began in which this time lies."""
    if interval == "1M":
        day = datetime.fromtimestamp(ts // SECOND, UTC).date().replace(day=1)
        return int(datetime(day.year, day.month, 1, tzinfo=UTC).timestamp()) * SECOND
    if interval == "1w":
        return (ts - MONDAY) // WEEK * WEEK + MONDAY
    width = INTERVALS[interval] * MINUTE
    return ts // width * width


def end_of(begin: int, interval: str) -> int:
    """[ns] when the next one begins."""
    if interval == "1M":
        return begin_of(begin + 31 * DAY, interval)
    return begin + INTERVALS[interval] * MINUTE


def is_hourly(interval: str) -> bool:
    """Is it made of hours, of which there are more than minutes?"""
    return INTERVALS[interval] % 60 == 0


def merged(one: Prices, other: Sequence[int]) -> Prices:
    """Open, high, low and close of two intervals, one behind the other; 0: there is no price in it."""
    if not other[0]:
        return one
    if not one[0]:
        return other[0], other[1], other[2], other[3]
    return one[0], max(one[1], other[1]), min(one[2], other[2]), other[3]


def candle(interval: str, begin: int, rows: Sequence[Sequence[int]], close: int) -> Candle:
    """Of the rows of an interval. `close`: of the last trade before it."""
    prices: Prices = (0, 0, 0, 0)
    mark: Prices = (0, 0, 0, 0)
    oracle: Prices = (0, 0, 0, 0)
    for row in rows:
        prices = merged(prices, row[S_OPEN : S_OPEN + 4])
        mark = merged(mark, row[S_MARK : S_MARK + 4])
        oracle = merged(oracle, row[S_ORACLE : S_ORACLE + 4])
    if not prices[0]:
        prices = (close, close, close, close)
    lots, value, trades, liquidated = (sum(row[at] for row in rows) for at in (S_LOTS, S_VALUE, S_TRADES, S_LIQUIDATED))
    return Candle(begin, end_of(begin, interval) - 1, *prices, lots, value, trades, liquidated, mark, oracle)


def candles(minutes: Series, interval: str, since: int, until: int) -> list[Candle]:
    """Those of intervals in which something has happened, from the one in which `since` lies to the one in which `until` lies [ns].
    `minutes`: a series of minutes, whose wider one is of hours."""
    first, end = begin_of(since, interval), end_of(begin_of(until, interval), interval)
    series = minutes.wider if is_hourly(interval) else minutes
    assert series is not None
    width = int(series.width)
    rows = series.rows(first // width, (end - 1) // width)
    if series is not minutes:  # the minute that is not over is in no hour yet
        rows += [[row[S_BEGIN] * MINUTE // width, *row[1:]] for row in minutes.last() if first <= row[S_BEGIN] * MINUTE < end]
    close = series.last_trade_before(rows[0][S_BEGIN]) if rows else 0
    found: list[Candle] = []
    at = 0
    while at < len(rows):
        begin = begin_of(rows[at][S_BEGIN] * width, interval)
        over = end_of(begin, interval) // width
        behind = at + 1
        while behind < len(rows) and rows[behind][S_BEGIN] < over:
            behind += 1
        found.append(candle(interval, begin, rows[at:behind], close))
        close = found[-1].close
        at = behind
    return found
