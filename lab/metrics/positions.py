"""Positions as steps: what every account held at every event, and what it owed by an index while it held it.

Rules of the file: steps follow from events alone, and are checked against the closing positions. All sides of a transfer are here, so
the steps of an event sum to zero; those of auto-deleveraging carry no sign in the log and get it from the position that they reduce.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from msgspec import Struct

from perplab.exchange.codes import Method
from perplab.exchange.events import (
    AuctionTaken,
    BlockTraded,
    CurveTraded,
    Deleveraged,
    Event,
    Liquidated,
    LiquidityRemoved,
    TakenOver,
    Traded,
)
from perplab.exchange.messages import SystemAccount

from ..runs import Floats, Ints
from .rows import Bools, Log, MetricsError, Rows, keyed, total_by


class Changes(Struct, frozen=True):
    """Positions as steps, sorted by (account, seq), each account's first the opening position with seq -1. [lots]"""

    account: Ints
    seq: Ints
    step: Ints
    after: Ints
    is_adl: Bools  # closed as a winner


class Steps(NamedTuple):
    """Steps of positions in any order; those with `closes` are unsigned and run against the position held. Shapes (n,)."""

    account: Ints
    seq: Ints
    step: Ints  # [lots]
    closes: Bools
    is_adl: Bools


def position_changes(log: Log, accounts: Ints) -> Changes:
    """The positions of `accounts`, rising numbers. MetricsError if the events do not lead to their closing positions."""
    changes = steps_of(log, accounts)
    last = np.searchsorted(changes.account, accounts, side="right") - 1
    wrong = accounts[changes.after[last] != log.run.closing_size[accounts]]
    if len(wrong):
        raise MetricsError(f"the event log does not lead to the closing position of account {wrong[0]}")
    return changes


def steps_of(log: Log, accounts: Ints) -> Changes:
    """The same, unchecked."""
    all_steps = fill_steps(log)
    mine = np.isin(all_steps.account, accounts)
    count = len(accounts)
    who = np.concatenate([accounts, all_steps.account[mine]])
    seq = np.concatenate([np.full(count, -1), all_steps.seq[mine]])
    step = np.concatenate([log.run.opening_size[accounts], all_steps.step[mine]])
    closes = np.concatenate([np.zeros(count, bool), all_steps.closes[mine]])
    is_adl = np.concatenate([np.zeros(count, bool), all_steps.is_adl[mine]])
    order = np.argsort(keyed(who, seq + 1), kind="stable")
    who, seq, is_adl = who[order], seq[order], is_adl[order]
    step = signed_closes(who, step[order], closes[order])
    total = np.cumsum(step)
    first = np.searchsorted(who, who)  # the row where this account begins
    return Changes(who, seq, step, total - (total[first] - step[first]), is_adl)


def fill_steps(log: Log) -> Steps:
    """All steps after the start: trades with book and curve, blocks, ranges handed back, takeovers, auctions, and ADL on both sides."""

    def since_start(kind: type[Event]) -> Rows:
        return log[kind].where(log[kind]["ts"] > log.run.start_ts)

    trades, curve, blocks, ranges = (since_start(kind) for kind in (Traded, CurveTraded, BlockTraded, LiquidityRemoved))
    taken, adl, slices = since_start(TakenOver), since_start(Deleveraged), since_start(Liquidated)
    sold = slices.where(slices["method"] == Method.AUCTION)
    signed = np.where(trades["taker_side"] == 0, trades["size"], -trades["size"])
    drawn = np.where(curve["side"] == 0, curve["size"], -curve["size"])
    parts = [
        (trades["taker"], trades["seq"], signed),
        (trades["maker"], trades["seq"], -signed),
        (curve["taker"], curve["seq"], drawn),
        (of_curve(curve), curve["seq"], -drawn),
        (blocks["buyer"], blocks["seq"], blocks["size"]),
        (blocks["seller"], blocks["seq"], -blocks["size"]),
        (ranges["account"], ranges["seq"], ranges["lots"]),
        (of_curve(ranges), ranges["seq"], -ranges["lots"]),
        (taken["account"], taken["seq"], -taken["size"]),
        (taken["vault"], taken["seq"], taken["size"]),
        (sold["account"], sold["seq"], -sold["size"]),
        (bidders_of(log, sold), sold["seq"], sold["size"]),
        (adl["loser"], adl["seq"], adl["size"]),
        (adl["winner"], adl["seq"], adl["size"]),
    ]
    account, seq, step = (np.concatenate([part[column] for part in parts]) for column in range(3))
    place = np.arange(len(account))
    return Steps(account, seq, step, place >= len(account) - 2 * len(adl), place >= len(account) - len(adl))


def of_curve(rows: Rows) -> Ints:
    return np.full(len(rows), int(SystemAccount.CURVE), np.int64)


def bidders_of(log: Log, sold: Rows) -> Ints:
    """Who took each slice of an auction: its `AuctionTaken` is the next one after it; -1 where there is none."""
    taken = log[AuctionTaken]
    place = np.searchsorted(taken["seq"], sold["seq"])
    bidders: Ints = np.append(taken["bidder"], np.int64(-1))[place]
    return bidders


def signed_closes(who: Ints, step: Ints, closes: Bools) -> Ints:
    """The steps with those of ADL signed: it closes, so it runs against the position held then."""
    signed = step.copy()
    account, held = -1, 0
    for row in np.flatnonzero(np.isin(who, who[closes])).tolist():
        if who[row] != account:
            account, held = int(who[row]), 0
        if closes[row] and held > 0:
            signed[row] = -signed[row]
        held += int(signed[row])
    return signed


def accrued(changes: Changes, held: Ints, accruals: Rows, rises: Ints, accounts: int) -> Floats:
    """What each account owed by an index: the sum of its rises x the lots held then. [2^-accrual_shift micro], by account"""
    index = np.append(np.int64(0), np.cumsum(rises))
    last_step = np.append(changes.account[1:] != changes.account[:-1], True) if len(held) else np.zeros(0, bool)
    until = np.where(last_step, np.iinfo(np.int64).max, np.roll(changes.seq, -1))
    rise = index[np.searchsorted(accruals["seq"], until)] - index[np.searchsorted(accruals["seq"], changes.seq)]
    return total_by(changes.account, held * rise.astype(np.float64), accounts)
