"""What the market looked like: mark and last against the true price, depth, spreads, funding, and the run minute by minute.

Rules of the file: minutes are those of the clock (UTC); what happened within a minute is a sum, what was sampled is a mean of the
samples that had it. An empty minute has None, never 0, for a mean.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from msgspec import Struct

from perplab.exchange.events import CurveTraded, Deleveraged, FundingCharged, LiquidationStarted, MarkMoved, Traded
from perplab.exchange.units import BP_PER_ONE, MICRO, MINUTE_NS, SECOND_NS

from ..runs import Floats, Ints
from .losses import user_slices
from .pools import maker_markout_bp
from .rows import Log, last_at, total_by

RECOVERY_BP: Final = 50.0  # of the last price to the true one: within the effective spread of large sizes on a calm book
RECOVERY_SHARE: Final = 0.5  # of the depth within 1 % in the first minute
RECOVERY_HOLD_S: Final = 60  # that both have to last: a trade at a good price is no market yet

class Prices(Struct, frozen=True):
    """The venue's prices against the true price."""

    mark_gap_bp: float | None
    last_gap_bp: float | None
    recovery_s: float | None


class Liquidity(Struct, frozen=True):
    """What could be traded, and at what cost. The spreads are those of the worst minute; the three sizes are the run's own."""

    bid_depth_min_usd: float | None
    ask_depth_min_usd: float | None
    bid_depth_worst_minute_usd: float | None
    ask_depth_worst_minute_usd: float | None
    quoted_spread_bp: float | None
    effective_spread_1_bp: float | None
    effective_spread_2_bp: float | None
    effective_spread_3_bp: float | None
    fillable_share: float | None
    deepest_minute_trades: float | None
    maker_markout_bp: float | None


class Flow(Struct, frozen=True):
    """How much happened."""

    commands: int
    events: int
    fills: int
    funding_usd_per_coin: float


class Minutes(Struct, frozen=True):
    """One entry per minute of the run, in all columns."""

    start_ts: list[int]
    true_usd: list[float | None]
    mark_usd: list[float | None]
    last_usd: list[float | None]
    bid_depth_usd: list[float | None]
    ask_depth_usd: list[float | None]
    quoted_spread_bp: list[float | None]
    effective_spread_1_bp: list[float | None]
    effective_spread_2_bp: list[float | None]
    effective_spread_3_bp: list[float | None]
    trades: list[int]
    liquidated_usd: list[float]
    deleveraged_usd: list[float]


class FundingInterval(Struct, frozen=True):
    """What one coin of long position paid within the minute of `ts` (received, if negative)."""

    ts: int
    rate_bp: float
    usd_per_coin: float


# -- prices --


def prices(log: Log) -> Prices:
    moves, (ts, price) = log[MarkMoved], fills_of(log)
    return Prices(gap_bp(log, moves["ts"], moves["mark"]), gap_bp(log, ts, price), recovery_s(log))


def fills_of(log: Log) -> tuple[Ints, Ints]:
    """Times and prices [ticks] of all fills, with the book and with the curve, in their order."""
    ts, price, seq = (np.concatenate((log[Traded][name], log[CurveTraded][name])) for name in ("ts", "price", "seq"))
    order = np.argsort(seq, kind="stable")
    return ts[order], price[order]


def gap_bp(log: Log, ts: Ints, ticks: Ints) -> float | None:
    """Largest distance of a price that changes at `ts` from the true price, at its own changes and at those of the true price."""
    run = log.run
    if not len(ts):
        return None
    inside = run.path_ts[(run.path_ts >= max(run.start_ts, int(ts[0]))) & (run.path_ts <= run.end_ts)]
    when = np.concatenate((ts, inside))
    price = np.concatenate((ticks, ticks[last_at(ts, inside)])) * run.terms.tick
    fair = log.true_usd(when)
    return float((np.abs(price - fair) / fair)[when >= run.start_ts].max(initial=0.0)) * BP_PER_ONE


def recovery_s(log: Log) -> float | None:
    """From the largest gap of the last price after the first watched liquidation until the market is back, for RECOVERY_HOLD_S on end: the
    last price within RECOVERY_BP of the true one, both depths at RECOVERY_SHARE of the first minute's mean. Counted to the end of the run
    if that does not come; None without a liquidation. [s]"""
    book, starts = log.run.book, log[LiquidationStarted]["ts"]
    starts = starts[starts >= log.run.watch_ts]
    gap = np.nan_to_num(np.abs(book.last_usd / book.true_usd - 1.0), nan=np.inf)
    after = np.flatnonzero(book.ts >= starts[0]) if len(starts) else np.zeros(0, np.int64)
    if not len(after):
        return None
    worst = int(after[0] + np.argmax(np.where(np.isfinite(gap), gap, -1.0)[after]))
    normal = gap * BP_PER_ONE <= RECOVERY_BP
    for depth in (np.nan_to_num(book.bid_depth_usd), np.nan_to_num(book.ask_depth_usd)):
        normal &= depth >= RECOVERY_SHARE * depth[book.ts < book.ts[0] + MINUTE_NS].mean()
    broken = book.ts[~normal]
    for ts in book.ts[worst:].tolist():
        until = ts + RECOVERY_HOLD_S * SECOND_NS
        if until > log.run.end_ts:
            break
        if not ((broken >= ts) & (broken < until)).any():
            return float(ts - int(book.ts[worst])) / SECOND_NS
    return float(log.run.end_ts - int(book.ts[worst])) / SECOND_NS


# -- liquidity --


def liquidity(log: Log, minutes: Minutes) -> Liquidity:
    book = log.run.book
    return Liquidity(
        bid_depth_min_usd=least(book.bid_depth_usd),
        ask_depth_min_usd=least(book.ask_depth_usd),
        bid_depth_worst_minute_usd=lowest(minutes.bid_depth_usd),
        ask_depth_worst_minute_usd=lowest(minutes.ask_depth_usd),
        quoted_spread_bp=highest(minutes.quoted_spread_bp),
        effective_spread_1_bp=highest(minutes.effective_spread_1_bp),
        effective_spread_2_bp=highest(minutes.effective_spread_2_bp),
        effective_spread_3_bp=highest(minutes.effective_spread_3_bp),
        fillable_share=fillable_share(book.effective_bp),
        deepest_minute_trades=deepest_minute_trades(log, minutes.trades),
        maker_markout_bp=maker_markout_bp(log),
    )


def least(depth: Floats) -> float | None:
    """The least depth of a side; a side without orders has depth 0."""
    return float(np.nan_to_num(depth, nan=0.0).min()) if len(depth) else None


def lowest(column: list[float | None]) -> float | None:
    return min((value for value in column if value is not None), default=None)


def highest(column: list[float | None]) -> float | None:
    return max((value for value in column if value is not None), default=None)


def fillable_share(effective_bp: Floats) -> float | None:
    """Share of the samples in which the book could fill the largest size on both sides."""
    return float((~np.isnan(effective_bp[:, 2, :]).any(axis=1)).mean()) if len(effective_bp) else None


def deepest_minute_trades(log: Log, trades: list[int]) -> float | None:
    """Fills in the minute of the trade farthest from the opening mark, over those of the busiest minute."""
    ts, price = fills_of(log)
    ts, price = ts[ts >= log.run.start_ts], price[ts >= log.run.start_ts]
    if not len(ts):
        return None
    farthest = int(np.abs(price - log.opening_mark).argmax())
    minute = (int(ts[farthest]) - first_minute(log)) // MINUTE_NS
    return trades[minute] / max(trades)


# -- minute by minute --


def first_minute(log: Log) -> int:
    return log.run.start_ts - log.run.start_ts % MINUTE_NS


def by_minute(log: Log) -> Minutes:
    start = first_minute(log)
    count = (log.run.end_ts - start) // MINUTE_NS + 1
    book = log.run.book
    sample = (book.ts - start) // MINUTE_NS
    round_trip = book.effective_bp[:, :, 0] - book.effective_bp[:, :, 1]
    quoted = (book.ask_usd - book.bid_usd) / book.true_usd * BP_PER_ONE
    return Minutes(
        start_ts=[start + number * MINUTE_NS for number in range(count)],
        true_usd=means(sample, book.true_usd, count),
        mark_usd=means(sample, book.mark_usd, count),
        last_usd=means(sample, book.last_usd, count),
        bid_depth_usd=means(sample, book.bid_depth_usd, count),
        ask_depth_usd=means(sample, book.ask_depth_usd, count),
        quoted_spread_bp=means(sample, quoted, count),
        effective_spread_1_bp=means(sample, round_trip[:, 0], count),
        effective_spread_2_bp=means(sample, round_trip[:, 1], count),
        effective_spread_3_bp=means(sample, round_trip[:, 2], count),
        trades=[int(n) for n in sums(log, fills_of(log)[0], np.ones(len(fills_of(log)[0]), np.int64), count)],
        liquidated_usd=liquidated_by_minute(log, count).tolist(),
        deleveraged_usd=deleveraged_by_minute(log, count).tolist(),
    )


def means(minute: Ints, values: Floats, count: int) -> list[float | None]:
    """Mean of the samples of each minute that are not NaN."""
    there = ~np.isnan(values) & (minute >= 0) & (minute < count)
    total = np.bincount(minute[there], weights=values[there], minlength=count)
    number = np.bincount(minute[there], minlength=count)
    return [float(t / n) if n else None for t, n in zip(total, number)]


def sums(log: Log, ts: Ints, values: Floats | Ints, count: int) -> Floats:
    """Sum of the values of each minute of the run."""
    inside = (ts >= log.run.start_ts) & (ts <= log.run.end_ts)
    minute = (ts[inside] - first_minute(log)) // MINUTE_NS
    return total_by(minute, values[inside], count)


def liquidated_by_minute(log: Log, count: int) -> Floats:
    slices = user_slices(log)
    value = np.abs(slices["size"]) * log.mark_at_seq(slices["seq"])  # [ticks x lots]
    return sums(log, slices["ts"], value, count) * log.run.terms.unit / MICRO


def deleveraged_by_minute(log: Log, count: int) -> Floats:
    rows = log[Deleveraged]
    return sums(log, rows["ts"], rows["size"] * rows["mark"], count) * log.run.terms.unit / MICRO


# -- flow and funding --


def flow(log: Log, intervals: list[FundingInterval]) -> Flow:
    run = log.run
    return Flow(
        commands=run.commands,
        events=len(run.events),
        fills=len(log[Traded]) + len(log[CurveTraded]),
        funding_usd_per_coin=sum((interval.usd_per_coin for interval in intervals), 0.0),
    )


def funding(log: Log) -> list[FundingInterval]:
    """Funding charged, one entry per minute that had any (a venue that charges continuously has many charges in one)."""
    rows, terms = log[FundingCharged], log.run.terms
    per_coin = rows["accrual_delta"] / (2.0**terms.accrual_shift * MICRO * terms.lot)  # [USD]
    rate = per_coin / (rows["price"] * terms.tick)
    minute = rows["ts"] // MINUTE_NS
    starts = np.flatnonzero(np.append(True, minute[1:] != minute[:-1])) if len(rows) else np.zeros(0, np.int64)
    return [
        FundingInterval(int(rows["ts"][a]), float(rate[a:b].sum()) * BP_PER_ONE, float(per_coin[a:b].sum()))
        for a, b in zip(starts, [*starts[1:], len(rows)])
    ]
