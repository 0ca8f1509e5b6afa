"""Equity at the true price, the one price that no design makes, and what was paid in meanwhile.

Rules of the file: a run's equity is at the mark, which is a part of the design, so a design could look rich by its own price. What
is compared between designs is valued at the true price; positions sum to zero, so the sum over all accounts is the same, up to half a
micro-unit for each of them.
"""

from __future__ import annotations

import numpy as np

from perplab.exchange.events import Debited, Deposited, Transferred, Withdrawn
from perplab.exchange.messages import SystemAccount

from ..runs import Ints
from .rows import Log


def opening_equity_at_true(log: Log) -> Ints:
    """By account, when the run begins. [micro]"""
    run = log.run
    return run.opening_equity + moved(log, run.opening_size, log.opening_mark, run.start_ts)


def closing_equity_at_true(log: Log) -> Ints:
    """By account, when it ends; what an account has in a pool stays at the mark. [micro]"""
    run = log.run
    return run.closing_equity + moved(log, run.closing_size, log.closing_mark, run.end_ts)


def moved(log: Log, size: Ints, mark: int, ts: int) -> Ints:
    """What positions are worth more at the true price of `ts` than at the mark. [micro]"""
    gap = true_ticks(log, ts) - mark
    worth: Ints = np.rint(size * (gap * log.run.terms.unit)).astype(np.int64)
    return worth


def true_ticks(log: Log, ts: int) -> float:
    """True price at `ts` [ticks]"""
    return float(log.true_usd(np.array([ts], np.int64))[0]) / log.run.terms.tick


def loss_at_mark(log: Log, account: SystemAccount) -> int:
    """What a system account lost over the run, below zero if it gained. [micro]"""
    return int(log.run.opening_equity[account]) - int(log.run.closing_equity[account])


def paid_in(log: Log) -> Ints:
    """Deposits less withdrawals after the start of the run, transfers included, by account. [micro]"""
    paid = np.zeros(len(log.run.opening_equity), np.int64)
    out = ((Withdrawn, "account", -1), (Debited, "account", -1), (Transferred, "account", -1))
    for event, account, sign in (*out, (Deposited, "account", 1), (Transferred, "to", 1)):
        rows = log[event]
        rows = rows.where(rows["ts"] > log.run.start_ts)
        np.add.at(paid, rows[account], sign * rows["amount"])
    return paid
