"""What a curve did to those whose money stands behind it, who paid a deficit when, and what makers of the book lost to faster takers.

Rules of the file: every number is a formula over event rows (docs/metrics.md, same names); those of a pool are None where the venue has
no curve. The markout is the discrete form of loss-versus-rebalancing (Milionis, Moallemi, Roughgarden, Zhang 2022, arXiv 2208.06046): what
the pool gave in a trade less what it got, both at the true price of that moment; below zero it has earned its spread.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from msgspec import Struct

from perplab.exchange.codes import Payer
from perplab.exchange.events import (
    CurveTraded,
    DeficitPaid,
    Deleveraged,
    LiquidationStarted,
    LiquidityAdded,
    LiquidityRemoved,
    LossSocialized,
    OracleUpdated,
    Traded,
)
from perplab.exchange.messages import SystemAccount
from perplab.exchange.units import BP_PER_ONE, MICRO, SECOND_NS

from ..runs import Floats, Ints
from .rows import Bools, Log, MetricsError, last_at, ratio

STALE_BP: Final = 10.0  # from the true price: an oracle farther off than that is stale or lags; its sources are noisy by some 1 bp
POOL: Final = "pool"  # key of a run's capital and balances where its venue has a curve


class Pools(Struct, frozen=True):
    """The pool of the market's curve: its owners' results, and where they come from."""

    lp_usd: float | None = None
    own_usd: float | None = None
    fees_usd: float | None = None
    markout_usd: float | None = None
    markout_arbitrage_usd: float | None = None
    markout_liquidation_usd: float | None = None
    markout_others_usd: float | None = None
    markout_stale_usd: float | None = None
    inventory_usd: float | None = None
    rest_usd: float | None = None
    volume_usd: float | None = None
    arbitrage_share: float | None = None
    liquidation_share: float | None = None
    lp_stayed_share: float | None = None


class When(Struct, frozen=True):
    """Seconds from the start of the run to the first of each."""

    liquidation_s: float | None
    fund_s: float | None
    pool_s: float | None
    adl_s: float | None
    socialized_s: float | None
    uncovered_s: float | None


def has_pool(log: Log) -> bool:
    return POOL in log.run.capital


# -- pools --


def pools(log: Log) -> Pools:
    if not has_pool(log):
        return Pools()
    trades = log[CurveTraded]
    value, loss = at_true_price(log), markout(log)
    arbitrage, forced = np.isin(trades["taker"], cohort(log, "arbitrageurs")), trades["liquidation"] == 1
    others = ~arbitrage & ~forced
    lp, own = providers_result(log), own_result(log)
    fees, held, lost = log.usd(trades["pool_fee"]), inventory_result(log), usd(loss)
    return Pools(
        lp_usd=lp,
        own_usd=own,
        fees_usd=fees,
        markout_usd=lost,
        markout_arbitrage_usd=usd(loss[arbitrage & ~forced]),
        markout_liquidation_usd=usd(loss[forced]),
        markout_others_usd=usd(loss[others]),
        markout_stale_usd=usd(loss[is_stale(log)]),
        inventory_usd=held,
        rest_usd=(lp or 0.0) + own - (fees - lost + held),
        volume_usd=usd(value),
        arbitrage_share=ratio(usd(value[arbitrage & ~forced]), usd(value)),
        liquidation_share=ratio(usd(value[forced]), usd(value)),
        lp_stayed_share=stayed_share(log),
    )


def usd(micro: Floats) -> float:
    return float(micro.sum()) / MICRO


def cohort(log: Log, name: str) -> Ints:
    return next((one.accounts for one in log.run.cohorts if one.name == name), np.zeros(0, np.int64))


def true_ticks(log: Log, ts: Ints) -> Floats:
    prices: Floats = log.true_usd(ts) / log.run.terms.tick
    return prices


def at_true_price(log: Log) -> Floats:
    """What the lots of each trade with the curve were worth. [micro]"""
    trades = log[CurveTraded]
    worth: Floats = trades["size"] * true_ticks(log, trades["ts"]) * log.run.terms.unit
    return worth


def markout(log: Log) -> Floats:
    """What the pool lost in each trade against the true price, fees aside. [micro]"""
    trades, worth = log[CurveTraded], at_true_price(log)
    loss: Floats = np.where(trades["side"] == 0, worth - trades["value"], trades["value"] - worth)
    return loss


def is_stale(log: Log) -> Bools:
    """Whether the oracle price was more than STALE_BP off the true price at each trade with the curve."""
    trades, updates = log[CurveTraded], log[OracleUpdated]
    if not len(trades) or not len(updates):
        return np.zeros(len(trades), bool)
    fair = true_ticks(log, trades["ts"])
    oracle = updates["price"][last_at(updates["seq"], trades["seq"])]
    stale: Bools = np.abs(oracle - fair) > fair * STALE_BP / BP_PER_ONE
    return stale


def providers_result(log: Log) -> float | None:
    """What those who paid into the pool have got out and still have in it, less what they paid in; None if nobody did. [USD]"""
    added, removed = log[LiquidityAdded], log[LiquidityRemoved]
    if not len(added):
        return None
    handed = removed["lots"] * log.mark_at_seq(removed["seq"]) * log.run.terms.unit - removed["value"]  # of a range: its open profit
    return log.usd(int(log.run.closing_stake.sum()) + int((removed["amount"] + handed).sum()) - int(added["amount"].sum()))


def own_result(log: Log) -> float:
    """What the venue's own part of the pool has gained. [USD]"""
    run = log.run
    return log.usd(int(run.closing_equity[SystemAccount.CURVE]) - int(run.opening_equity[SystemAccount.CURVE]))


def inventory_steps(log: Log) -> tuple[Ints, Ints]:
    """Times of all changes of the curve's position, and the position after each; the first is the start. MetricsError if the events do not
    lead to its closing position."""
    trades, adl, out = log[CurveTraded], log[Deleveraged], log[LiquidityRemoved]
    adl, out = adl.where(adl["loser"] == SystemAccount.CURVE), out.where(out["lots"] != 0)
    steps = [(int(seq), int(ts), int(held), 0) for seq, ts, held in zip(trades["seq"], trades["ts"], trades["inventory"])]
    steps += [(int(seq), int(ts), int(lots), 1) for seq, ts, lots in zip(adl["seq"], adl["ts"], adl["size"])]
    steps += [(int(seq), int(ts), int(lots), 2) for seq, ts, lots in zip(out["seq"], out["ts"], out["lots"])]
    held = int(log.run.opening_size[SystemAccount.CURVE])
    when, after = [log.run.start_ts], [held]
    for _, ts, lots, kind in sorted(steps):
        held = lots if kind == 0 else held - lots if kind == 2 or held > 0 else held + lots
        when.append(max(ts, log.run.start_ts))
        after.append(held)
    if held != log.run.closing_size[SystemAccount.CURVE]:
        raise MetricsError(f"the event log leads to a curve that holds {held} lots, not {log.run.closing_size[SystemAccount.CURVE]}")
    return np.array(when, np.int64), np.array(after, np.int64)


def inventory_result(log: Log) -> float:
    """What the curve's position earned by moves of the true price while it was held. [USD]"""
    when, held = inventory_steps(log)
    fair = true_ticks(log, np.append(when, log.run.end_ts))
    return usd(held * np.diff(fair) * log.run.terms.unit)


def stayed_share(log: Log) -> float | None:
    """The fewest shares that others than the venue had in the pool once they had come in, over the most. (Of ranges: liquidity.)"""
    added, removed = log[LiquidityAdded], log[LiquidityRemoved]
    if not len(added):
        return None
    seq = np.concatenate((added["seq"], removed["seq"]))
    shares = np.concatenate((added["shares"], -removed["shares"])).astype(np.float64)
    held = np.cumsum(shares[np.argsort(seq, kind="stable")])
    most = int(held.argmax())
    return float(held[most:].min() / held[most])


# -- who paid, when --


def when(log: Log) -> When:
    paid = log[DeficitPaid]
    return When(
        liquidation_s=first_s(log, log[LiquidationStarted]["ts"]),
        fund_s=first_s(log, paid["ts"][paid["payer"] == Payer.INSURANCE_FUND]),
        pool_s=first_s(log, paid["ts"][paid["payer"] == Payer.OTHER]),
        adl_s=first_s(log, log[Deleveraged]["ts"]),
        socialized_s=first_s(log, log[LossSocialized]["ts"]),
        uncovered_s=first_s(log, paid["ts"][paid["payer"] == Payer.UNCOVERED]),
    )


def first_s(log: Log, ts: Ints) -> float | None:
    return (int(ts[0]) - log.run.start_ts) / SECOND_NS if len(ts) else None


# -- makers of the book --


def maker_markout_bp(log: Log) -> float | None:
    """What makers lost to takers who knew more: their fills against the true price of that moment, over the notional. [bp]"""
    fills = log[Traded]
    fills = fills.where(np.isin(fills["maker"], cohort(log, "makers")) & (fills["ts"] > log.run.start_ts))
    fair = true_ticks(log, fills["ts"])
    loss = np.where(fills["taker_side"] == 0, fair - fills["price"], fills["price"] - fair) * fills["size"]
    share = ratio(float(loss.sum()), float((fair * fills["size"]).sum()))
    return None if share is None else share * BP_PER_ONE
