"""Who was liquidated, what was lost, who paid, and what it cost those who were never liquidated (docs/metrics.md, same names).

Rules of the file: every number is a formula over event rows; users are the accounts from FIRST_USER on, so that a loss which a
backstop vault took over and hands on again is not counted twice. A metric that has nothing to speak of is None, never 0.
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from perplab.exchange.codes import Method, Payer
from perplab.exchange.events import (
    AuctionTaken,
    BlockTraded,
    CurveTraded,
    DeficitPaid,
    Deleveraged,
    FundingCharged,
    Liquidated,
    LiquidationEnded,
    LiquidationStarted,
    LossSocialized,
    SurplusPaid,
    Traded,
)
from perplab.exchange.messages import FIRST_USER, SystemAccount
from perplab.exchange.units import BP_PER_ONE, MICRO, SECOND_NS

from ..runs import Floats, Ints
from .positions import Changes, accrued, position_changes
from .rows import ByAccount, Log, Rows, ratio, total_by
from .totals import fund_drawdown_usd, total_usd, vault_cost_usd


class Liquidation(Struct, frozen=True):
    """Who was liquidated, and how well it went."""

    breached_accounts: int
    accounts: int
    notional_usd: float
    loss_share: float | None
    excess_usd: float
    slippage_bp: float | None
    auction_discount_bp: float | None
    seconds_median: float | None
    seconds_max: float | None
    unfinished: int


class Losses(Struct, frozen=True):
    """What was lost, and who paid."""

    total_usd: float
    bad_debt_usd: float
    open_deficit_usd: float
    fund_usd: float
    fund_drawdown_usd: float
    vault_usd: float
    vault_cost_usd: float
    adl_conceded_usd: float
    socialized_usd: float
    socialized_per_coin_usd: float
    uncovered_usd: float
    pool_usd: float | None


class Stress(Struct, frozen=True):
    """What the stress cost accounts that were never liquidated, in bp of their opening notional."""

    long_bp: float | None
    long_socialized_bp: float | None
    long_adl_bp: float | None
    long_funding_bp: float | None
    short_bp: float | None
    short_socialized_bp: float | None
    short_adl_bp: float | None
    short_funding_bp: float | None


# -- liquidation --


def liquidation(log: Log) -> Liquidation:
    slices = user_slices(log)
    seconds, unfinished = durations(log)
    return Liquidation(
        breached_accounts=len(np.unique(log[LiquidationStarted]["account"])),
        accounts=len(np.unique(slices["account"])),
        notional_usd=liquidated_usd(log, slices),
        loss_share=loss_share(log, slices),
        excess_usd=excess_usd(log, slices),
        slippage_bp=slippage_bp(log),
        auction_discount_bp=auction_discount_bp(log, slices),
        seconds_median=float(np.median(seconds)) if len(seconds) else None,
        seconds_max=float(seconds.max()) if len(seconds) else None,
        unfinished=unfinished,
    )


def user_slices(log: Log) -> Rows:
    """Closed slices of users' positions: the vault's own, when it hands a position on, are no second liquidation."""
    rows = log[Liquidated]
    return rows.where(rows["account"] >= FIRST_USER)


def liquidated_usd(log: Log, slices: Rows) -> float:
    """Lots closed or handed on, at the mark of that moment. [USD]"""
    return log.usd(np.abs(slices["size"]) * log.mark_at_seq(slices["seq"])) * log.run.terms.unit


def loss_share(log: Log, slices: Rows) -> float | None:
    """What liquidated positions lost from their entry to what they fetched, over their notional at the mark; of those opened before the
    start, whose entry is that of their block trades. Whoever bore it: a deficit that others pay is in it, a fee is not."""
    opened, accounts = log[BlockTraded], len(log.run.opening_size)
    opened = opened.where(opened["ts"] <= log.run.start_ts)
    who = np.concatenate((opened["buyer"], opened["seller"]))
    lots = total_by(who, np.tile(opened["size"], 2), accounts)
    cost = total_by(who, np.tile(opened["size"] * opened["price"] * log.run.terms.unit, 2), accounts)  # [micro]
    slices = slices.where(lots[slices["account"]] > 0)
    size = slices["size"]
    entry = cost[slices["account"]] / lots[slices["account"]] * np.abs(size)
    lost = np.where(size > 0, entry - slices["value"], slices["value"] - entry)
    return ratio(float(lost.sum()) / MICRO, liquidated_usd(log, slices))


def slippage_bp(log: Log) -> float | None:
    """VWAP of the liquidation trades against the true price when their liquidation started; positive is worse. [bp]"""
    book, curve = (rows.where(rows["liquidation"] == 1) for rows in (log[Traded], log[CurveTraded]))
    seq, taker, size = (np.concatenate((book[name], curve[name])) for name in ("seq", "taker", "size"))
    sells = np.concatenate((book["taker_side"], curve["side"])) == 1
    price = np.concatenate((book["price"], curve["value"] / (curve["size"] * log.run.terms.unit)))  # [ticks] of a curve: average, exact
    starts = log[LiquidationStarted]
    trigger = ByAccount(starts["account"], starts["seq"]).before(taker, seq)
    known = trigger >= 0
    sells, size, price = sells[known], size[known], price[known]
    fair = log.true_usd(starts["ts"][trigger[known]]) / log.run.terms.tick  # [ticks]
    worse = np.where(sells, fair - price, price - fair)
    share = ratio(float((worse * size).sum()), float((fair * size).sum()))
    return None if share is None else share * BP_PER_ONE


def auction_discount_bp(log: Log, slices: Rows) -> float | None:
    """What the bidders of auctions gained against the mark, over the notional they took. [bp]"""
    taken = liquidated_usd(log, slices.where(slices["method"] == Method.AUCTION))
    share = ratio(log.usd(log[AuctionTaken]["gain"]), taken)
    return None if share is None else share * BP_PER_ONE


def excess_usd(log: Log, slices: Rows) -> float:
    """What liquidated accounts lost beyond closing at the true price when their liquidation started; an account that lost less than
    that counts as 0. What others paid for an account it did not lose. [USD]"""
    starts, unit = log[LiquidationStarted], log.run.terms.unit
    trigger = ByAccount(starts["account"], starts["seq"]).before(slices["account"], slices["seq"])
    slices, trigger = slices.where(trigger >= 0), trigger[trigger >= 0]
    fair = log.true_usd(starts["ts"][trigger]) / log.run.terms.tick * np.abs(slices["size"]) * unit
    worse = np.where(slices["size"] > 0, fair - slices["value"], slices["value"] - fair) + slices["fee"]
    paid, left, bids = log[DeficitPaid], log[SurplusPaid], log[AuctionTaken]
    parts = ((slices, worse), (left, left["amount"]), (bids, bids["gain"]), (paid, -paid["amount"]))
    lost = sum(total_by(rows["account"], amounts, len(log.run.opening_equity)) for rows, amounts in parts)
    return float(np.maximum(lost, 0.0)[np.unique(slices["account"])].sum()) / MICRO


def durations(log: Log) -> tuple[Floats, int]:
    """Length of every liquidation [s], those still running counted until the end of the run, and how many those are."""
    starts, ends = log[LiquidationStarted], log[LiquidationEnded]
    finish = np.full(len(starts), -1, np.int64)
    for market in np.unique(starts["market"]):  # -1: cross accounts
        mine, closed = np.flatnonzero(starts["market"] == market), ends.where(ends["market"] == market)
        row = ByAccount(closed["account"], closed["seq"]).after(starts["account"][mine], starts["seq"][mine])
        finish[mine[row >= 0]] = closed["ts"][row[row >= 0]]
    running = finish < 0
    return (np.where(running, log.run.end_ts, finish) - starts["ts"]) / SECOND_NS, int(running.sum())


# -- losses --


def losses(log: Log) -> Losses:
    paid, social = log[DeficitPaid], log[LossSocialized]
    vault = int(log.run.closing_equity[SystemAccount.VAULT]) - int(log.run.opening_equity[SystemAccount.VAULT])
    per_lot = int(social["accrual_delta"].sum()) / 2.0**log.run.terms.accrual_shift  # [micro per lot]
    return Losses(
        total_usd=total_usd(log),
        bad_debt_usd=log.usd(user_slices(log)["deficit"]),
        open_deficit_usd=log.usd(np.maximum(-log.run.closing_equity[FIRST_USER :], 0)),
        fund_usd=log.usd(paid["amount"][paid["payer"] == Payer.INSURANCE_FUND]),
        fund_drawdown_usd=fund_drawdown_usd(log),
        vault_usd=log.usd(max(-vault, 0)),
        vault_cost_usd=vault_cost_usd(log),
        adl_conceded_usd=log.usd(np.abs(log[Deleveraged]["conceded"])),
        socialized_usd=log.usd(social["amount"]),
        socialized_per_coin_usd=per_lot / MICRO / log.run.terms.lot,
        uncovered_usd=log.usd(paid["amount"][paid["payer"] == Payer.UNCOVERED]),
        pool_usd=log.usd(paid["amount"][paid["payer"] == Payer.OTHER]) if "pool" in log.run.capital else None,
    )


# -- what it cost a bystander --


def stress(log: Log) -> Stress:
    """Means over all bystanders of a side, weighted by opening notional."""
    size = log.run.opening_size.copy()
    size[log[LiquidationStarted]["account"]] = 0
    changes = position_changes(log, np.flatnonzero(size))
    scale = MICRO * 2.0**log.run.terms.accrual_shift
    losses, charged = log[LossSocialized], log[FundingCharged]
    longs = accrued(changes, np.maximum(changes.after, 0), charged, charged["accrual_delta"], len(size))
    shorts = accrued(changes, np.minimum(changes.after, 0), charged, charged["accrual_delta"] - charged["pool_delta"], len(size))
    costs = {
        "socialized": accrued(changes, np.abs(changes.after), losses, losses["accrual_delta"], len(size)) / scale,
        "adl": conceded(changes, log[Deleveraged], log.run.terms.unit, len(size)) / MICRO,
        "funding": (longs + shorts) / scale,
    }
    return Stress(**per_side(log, size, costs))


def per_side(log: Log, size: Ints, costs: dict[str, Floats]) -> dict[str, float | None]:
    shares: dict[str, float | None] = {}
    for side, mine in (("long", size > 0), ("short", size < 0)):
        notional = log.usd(np.abs(size[mine]) * log.opening_mark) * log.run.terms.unit
        bp = {name: ratio(float(cost[mine].sum()) * BP_PER_ONE, notional) for name, cost in costs.items()}
        social, adl = bp["socialized"], bp["adl"]
        shares[f"{side}_bp"] = None if social is None or adl is None else social + adl
        shares |= {f"{side}_{name}_bp": value for name, value in bp.items()}
    return shares


def conceded(changes: Changes, rows: Rows, unit: int, accounts: int) -> Floats:
    """What each account gave up against the mark when it was deleveraged; negative is a gain. [micro], by account"""
    seq, step = changes.seq[changes.is_adl], changes.step[changes.is_adl]
    row = np.searchsorted(rows["seq"], seq)
    at_mark = rows["size"][row] * rows["mark"][row] * unit
    sold_below = np.where(step < 0, at_mark - rows["value"][row], rows["value"][row] - at_mark)
    return total_by(changes.account[changes.is_adl], sold_below, accounts)


