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
    Event,
    FundingCharged,
    Liquidated,
    LiquidationEnded,
    LiquidationStarted,
    LiquidityRemoved,
    LossSocialized,
    MarkMoved,
    Traded,
)
from perplab.exchange.messages import FIRST_USER, SystemAccount, column_of
from perplab.exchange.units import BP_PER_ONE, MICRO, SECOND_NS

from ..runs import Floats, Ints
from .rows import Bools, ByAccount, Log, Rows, keyed, total_by


class MetricsError(ValueError):
    """A run contradicts itself: its ledger or its event log does not add up."""


class Liquidation(Struct, frozen=True):
    """Who was liquidated, and how well it went."""

    breached_accounts: int
    accounts: int
    notional_usd: float
    slippage_bp: float | None
    auction_discount_bp: float | None
    seconds_median: float | None
    seconds_max: float | None
    unfinished: int


class Losses(Struct, frozen=True):
    """What was lost, and who paid."""

    bad_debt_usd: float
    open_deficit_usd: float
    fund_usd: float
    vault_usd: float
    adl_conceded_usd: float
    socialized_usd: float
    socialized_per_coin_usd: float
    uncovered_usd: float
    pool_usd: float | None


class Deleveraging(Struct, frozen=True):
    """Auto-deleveraging."""

    notional_usd: float
    fills: int
    positions: int
    profit_removed_usd: float
    delay_s: float | None
    delay_from_start_s: float | None
    to_liquidation: float | None
    in_profit_share: float | None
    top_percent_share: float | None
    order_violations: int


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


def ratio(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None


# -- liquidation --


def liquidation(log: Log) -> Liquidation:
    slices = user_slices(log)
    seconds, unfinished = durations(log)
    return Liquidation(
        breached_accounts=len(np.unique(log[LiquidationStarted]["account"])),
        accounts=len(np.unique(slices["account"])),
        notional_usd=liquidated_usd(log, slices),
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
        bad_debt_usd=log.usd(user_slices(log)["deficit"]),
        open_deficit_usd=log.usd(np.maximum(-log.run.closing_equity[FIRST_USER :], 0)),
        fund_usd=log.usd(paid["amount"][paid["payer"] == Payer.INSURANCE_FUND]),
        vault_usd=log.usd(max(-vault, 0)),
        adl_conceded_usd=log.usd(np.abs(log[Deleveraged]["conceded"])),
        socialized_usd=log.usd(social["amount"]),
        socialized_per_coin_usd=per_lot / MICRO / log.run.terms.lot,
        uncovered_usd=log.usd(paid["amount"][paid["payer"] == Payer.UNCOVERED]),
        pool_usd=log.usd(paid["amount"][paid["payer"] == Payer.OTHER]) if "pool" in log.run.capital else None,
    )


# -- auto-deleveraging --


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
        to_liquidation=ratio(total, liquidated_usd(log, slices)),
        in_profit_share=ratio(int((rows["profit"] > 0).sum()), len(rows)),
        top_percent_share=top_percent_share(rows["winner"], notional),
        order_violations=order_violations(log),
    )


def delay_s(log: Log, since: int) -> float | None:
    """From the first liquidation to the first ADL, of those at `since` [ns] or later. [s]"""
    starts, fills = log[LiquidationStarted]["ts"], log[Deleveraged]["ts"]
    starts, fills = starts[starts >= since], fills[fills >= since]
    return (int(fills[0]) - int(starts[0])) / SECOND_NS if len(starts) and len(fills) else None


def top_percent_share(winners: Ints, notional: Ints) -> float | None:
    """Share of the notional that the hardest hit 1 % of the deleveraged accounts (at least one) carry."""
    if not len(winners):
        return None
    _, place = np.unique(winners, return_inverse=True)
    each = np.sort(np.bincount(place, weights=notional.astype(np.float64)))[::-1]
    return float(each[: max(1, -(-len(each) // 100))].sum() / each.sum())


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


# -- what it cost a bystander --


class Changes(Struct, frozen=True):
    """Positions as steps, sorted by (account, seq), each account's first the opening position with seq -1. [lots]"""

    account: Ints
    seq: Ints
    step: Ints
    after: Ints
    is_adl: Bools


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


def position_changes(log: Log, accounts: Ints) -> Changes:
    """The positions of `accounts`, none ever liquidated. MetricsError if the events do not lead to the closing positions."""
    run = log.run
    who, seq, step, is_adl = fill_steps(log)
    mine = np.isin(who, accounts)
    who = np.concatenate([accounts, who[mine]])
    seq = np.concatenate([np.full(len(accounts), -1), seq[mine]])
    step = np.concatenate([run.opening_size[accounts], step[mine]])
    is_adl = np.concatenate([np.zeros(len(accounts), bool), is_adl[mine]])
    order = np.argsort(keyed(who, seq + 1), kind="stable")
    who, seq, is_adl = who[order], seq[order], is_adl[order]
    step = signed_adl(who, step[order], is_adl)
    total = np.cumsum(step)
    first = np.searchsorted(who, who)  # the row where this account begins
    after = total - (total[first] - step[first])
    last = np.searchsorted(who, accounts, side="right") - 1
    wrong = accounts[after[last] != run.closing_size[accounts]]
    if len(wrong):
        raise MetricsError(f"the event log does not lead to the closing position of account {wrong[0]}")
    return Changes(who, seq, step, after, is_adl)


def fill_steps(log: Log) -> tuple[Ints, Ints, Ints, Bools]:
    """Account, event number and signed lots of all fills, block trades, ranges handed back and ADL after the start; ADL is unsigned."""
    kinds: tuple[type[Event], ...] = (Traded, CurveTraded, BlockTraded, LiquidityRemoved, Deleveraged)
    trades, curve, blocks, ranges, adl = (log[kind].where(log[kind]["ts"] > log.run.start_ts) for kind in kinds)
    signed = np.where(trades["taker_side"] == 0, trades["size"], -trades["size"])
    drawn = np.where(curve["side"] == 0, curve["size"], -curve["size"])
    who = np.concatenate(
        (trades["taker"], trades["maker"], curve["taker"], blocks["buyer"], blocks["seller"], ranges["account"], adl["winner"])
    )
    seq = np.concatenate((trades["seq"], trades["seq"], curve["seq"], blocks["seq"], blocks["seq"], ranges["seq"], adl["seq"]))
    step = np.concatenate((signed, -signed, drawn, blocks["size"], -blocks["size"], ranges["lots"], adl["size"]))
    return who, seq, step, np.arange(len(who)) >= len(who) - len(adl)


def signed_adl(who: Ints, step: Ints, is_adl: Bools) -> Ints:
    """The steps with those of ADL signed: it closes, so it runs against the position held then."""
    signed = step.copy()
    account, held = -1, 0
    for row in np.flatnonzero(np.isin(who, who[is_adl])).tolist():
        if who[row] != account:
            account, held = int(who[row]), 0
        if is_adl[row] and held > 0:
            signed[row] = -signed[row]
        held += int(signed[row])
    return signed


def conceded(changes: Changes, rows: Rows, unit: int, accounts: int) -> Floats:
    """What each account gave up against the mark when it was deleveraged; negative is a gain. [micro], by account"""
    seq, step = changes.seq[changes.is_adl], changes.step[changes.is_adl]
    row = np.searchsorted(rows["seq"], seq)
    at_mark = rows["size"][row] * rows["mark"][row] * unit
    sold_below = np.where(step < 0, at_mark - rows["value"][row], rows["value"][row] - at_mark)
    return total_by(changes.account[changes.is_adl], sold_below, accounts)


def accrued(changes: Changes, held: Ints, accruals: Rows, rises: Ints, accounts: int) -> Floats:
    """What each account owed by an index: the sum of its rises x the lots held then. [2^-accrual_shift micro], by account"""
    index = np.append(np.int64(0), np.cumsum(rises))
    last_step = np.append(changes.account[1:] != changes.account[:-1], True) if len(held) else np.zeros(0, bool)
    until = np.where(last_step, np.iinfo(np.int64).max, np.roll(changes.seq, -1))
    rise = index[np.searchsorted(accruals["seq"], until)] - index[np.searchsorted(accruals["seq"], changes.seq)]
    return total_by(changes.account, held * rise.astype(np.float64), accounts)
