"""Auto-deleveraging: how much was closed, who bears it, and in which order it came (docs/metrics.md, same names).

Rules of the file: every number is a formula over event rows, but for those that compare with the same run under infinite insurance
(`replayed`). Notional closed, profit removed and the least that was needed are three amounts, never mixed (Chitra, arXiv 2512.01112).
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from perplab.exchange.codes import Method
from perplab.exchange.events import CurveTraded, Deleveraged, Event, FundingCharged, Liquidated, LiquidationStarted, MarkMoved, Traded
from perplab.exchange.messages import FIRST_USER, SystemAccount, column_of
from perplab.exchange.units import SECOND_NS

from ..runs import Floats, Ints
from .losses import liquidated_usd, user_slices
from .rows import Log, gini, keyed, ratio
from .wealth import buckets, wealth_of


class Deleveraging(Struct, frozen=True):
    """Auto-deleveraging."""

    notional_usd: float
    fills: int
    positions: int
    profit_removed_usd: float
    delay_s: float | None
    delay_from_start_s: float | None
    needed_usd: float
    taken_usd: float | None
    excess_usd: float | None
    haircut_max: float | None
    haircut_mean: float | None
    to_liquidation: float | None
    in_profit_share: float | None
    top_percent_share: float | None
    gini: float | None
    order_violations: int


class Bearer(Struct, frozen=True):
    """A bucket of accounts that were deleveraged; the buckets of one `by` add up to `all`."""

    by: str  # all, side, leverage, size, cohort
    bucket: str
    accounts: int
    notional: int  # [micro] closed


def deleveraging(log: Log) -> Deleveraging:
    rows, slices = log[Deleveraged], user_slices(log)
    notional = rows["size"] * rows["mark"] * log.run.terms.unit  # [micro]
    total = log.usd(notional)
    return Deleveraging(
        notional_usd=total,
        fills=len(rows),
        positions=len(np.unique(keyed(rows["winner"], rows["market"]))),
        profit_removed_usd=log.usd(np.maximum(rows["profit"], 0)),
        delay_s=delay_s(log, log.run.watch_ts),
        delay_from_start_s=delay_s(log, 0),
        needed_usd=needed_usd(log),
        taken_usd=None,
        excess_usd=None,
        haircut_max=None,
        haircut_mean=None,
        to_liquidation=ratio(total, liquidated_usd(log, slices)),
        in_profit_share=ratio(int((rows["profit"] > 0).sum()), len(rows)),
        top_percent_share=top_percent_share(by_winner(rows["winner"], notional)),
        gini=gini(by_winner(rows["winner"], notional)),
        order_violations=order_violations(log),
    )


def delay_s(log: Log, since: int) -> float | None:
    """From the first liquidation to the first ADL, of those at `since` [ns] or later. [s]"""
    starts, fills = log[LiquidationStarted]["ts"], log[Deleveraged]["ts"]
    starts, fills = starts[starts >= since], fills[fills >= since]
    return (int(fills[0]) - int(starts[0])) / SECOND_NS if len(starts) and len(fills) else None


def needed_usd(log: Log) -> float:
    """What the losers of ADL lacked at the mark when they were closed: the least that others had to give. [USD]"""
    slices = log[Liquidated]
    return log.usd(slices["deficit"][slices["method"] == Method.ADL])


def by_winner(winners: Ints, notional: Ints) -> Floats:
    """Notional closed of each deleveraged account, rising. [micro]"""
    _, place = np.unique(winners, return_inverse=True)
    each: Floats = np.sort(np.bincount(place, weights=notional.astype(np.float64)))
    return each


def top_percent_share(each: Floats) -> float | None:
    """Share of the rising amounts that the highest 1 % of them (at least one) carry."""
    return float(each[-max(1, -(-len(each) // 100)) :].sum() / each.sum()) if len(each) else None


def bearers(log: Log) -> list[Bearer]:
    """Whose positions were deleveraged: all, and by opening side, leverage and size, and by cohort."""
    wealth, rows = wealth_of(log), log[Deleveraged]
    accounts = np.concatenate([cohort.accounts for cohort in log.run.cohorts])
    notional = np.zeros(max(int(accounts.max()), int(rows["winner"].max(initial=0))) + 1, np.int64)
    np.add.at(notional, rows["winner"], rows["size"] * rows["mark"] * log.run.terms.unit)
    each = notional[accounts]
    hit = wealth.deleveraged
    told = ((bucket, bucket.members & hit) for bucket in buckets(wealth))
    return [Bearer(one.by, one.name, int(mine.sum()), int(each[mine].sum())) for one, mine in told if mine.any()]


def order_violations(log: Log) -> int:
    """Liquidations that start, or trade, after an ADL of the same pass. A pass ends with the time, a mark move or funding."""
    rows = log.run.events
    seq, ts = rows[:, column_of(Event, "seq")], rows[:, column_of(Event, "ts")]
    later = seq[1:][ts[1:] != ts[:-1]]
    passes = np.sort(np.concatenate((later, log[MarkMoved]["seq"], log[FundingCharged]["seq"])))
    adl = log[Deleveraged]["seq"][log[Deleveraged]["loser"] != SystemAccount.CURVE]  # a pool's winners are no losers' last resort
    number, first = np.unique(np.searchsorted(passes, adl, side="right"), return_index=True)
    forced = [rows["seq"][(rows["liquidation"] == 1) & (rows["taker"] >= FIRST_USER)] for rows in (log[Traded], log[CurveTraded])]
    acts = np.concatenate((log[LiquidationStarted]["seq"], *forced))  # the vault's unwinding is none
    acts_pass = np.searchsorted(passes, acts, side="right")
    acts, acts_pass = acts[np.isin(acts_pass, number)], acts_pass[np.isin(acts_pass, number)]
    return int((acts > adl[first][np.searchsorted(number, acts_pass)]).sum())
