"""The policies by name, each as a function of a snapshot and a budget."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np

from ..runs import Ints
from .policies import Closed, Losers, close_in_turn, greedy, pro_rata, queue, risk_weights, water_fill, whole_contracts
from .snapshot import RANKS, Rank, Snapshot, order_by

Rule = Callable[[Snapshot, int], Closed]

CLOSES: Final = "positions closed"  # at a price that is worse for winners than the mark
TAKES: Final = "profit taken"  # positions stay open


class Policy(NamedTuple):
    name: str
    kind: str  # CLOSES or TAKES
    words: str
    rule: Rule


def priced(snapshot: Snapshot, budget: int) -> Losers:
    """The losers with gaps that add up to the budget: shares of their own gaps, or of their lots where nobody lacks anything.

    No gap is above the position's value at the mark.
    """
    lots, gap = snapshot.losers
    if budget == snapshot.deficit:
        return snapshot.losers
    weights = gap if snapshot.deficit else lots
    return Losers(lots, water_fill(weights.tolist(), lots * snapshot.lot_value, budget))


def closes_by(rank: Rank) -> Rule:
    def rule(snapshot: Snapshot, budget: int) -> Closed:
        winners = snapshot.winners
        order = order_by(rank(winners), winners)
        return close_in_turn(priced(snapshot, budget), order, winners.lots, winners.equity, greedy)

    return rule


def contract_pro_rata(snapshot: Snapshot, budget: int) -> Closed:
    winners = snapshot.winners
    order = order_by(RANKS["profit_leverage"](winners), winners)
    return close_in_turn(priced(snapshot, budget), order, winners.lots, winners.equity, pro_rata)


def min_max_contracts(snapshot: Snapshot, budget: int) -> Closed:
    winners = snapshot.winners
    loss = max(1, -(-budget // snapshot.lots))  # [micro per lot], what the price costs a winner on average
    return whole_contracts(winners.equity, winners.lots, winners.equity, loss, budget)


def nothing_closed(taken: Ints) -> Closed:
    return Closed(np.zeros(len(taken), dtype=np.int64), taken)


def endowment_queue(snapshot: Snapshot, budget: int) -> Closed:
    winners = snapshot.winners
    return nothing_closed(queue(order_by(RANKS["profit"](winners), winners), winners.endowment, budget))


def wealth_pro_rata(snapshot: Snapshot, budget: int) -> Closed:
    endowment = snapshot.winners.endowment
    return nothing_closed(water_fill(endowment.tolist(), endowment, budget))


def profit_pro_rata(snapshot: Snapshot, budget: int) -> Closed:
    winners = snapshot.winners
    return nothing_closed(water_fill(np.maximum(winners.profit, 0).tolist(), winners.endowment, budget))


def equity_pro_rata(snapshot: Snapshot, budget: int) -> Closed:
    winners = snapshot.winners
    return nothing_closed(water_fill(winners.equity.tolist(), winners.endowment, budget))


def capped_pro_rata(snapshot: Snapshot, budget: int) -> Closed:
    winners = snapshot.winners
    return nothing_closed(water_fill(winners.endowment.tolist(), winners.spare, budget))


def risk_aware(model: str) -> Rule:
    def rule(snapshot: Snapshot, budget: int) -> Closed:
        winners = snapshot.winners
        risks = risk_weights(winners.leverage, model, threshold_of(snapshot))
        weights = [one * risk for one, risk in zip(winners.endowment.tolist(), risks, strict=True)]
        return nothing_closed(water_fill(weights, winners.spare, budget))

    return rule


def threshold_of(snapshot: Snapshot) -> int:
    """The median leverage of those who have an endowment [ppm]: above it CVaR counts."""
    leverage = snapshot.winners.leverage[snapshot.winners.endowment > 0]
    return int(np.median(leverage)) if len(leverage) else 0


POLICIES: Final = tuple(
    Policy(*row)
    for row in (
        ("queue_profit_leverage", CLOSES, "first who has the largest profit x leverage (Binance)", closes_by(RANKS["profit_leverage"])),
        ("queue_hyperliquid", CLOSES, "first who has the largest mark / entry x notional / equity", closes_by(RANKS["hyperliquid"])),
        ("queue_profit", CLOSES, "first who has the largest profit in dollars", closes_by(RANKS["profit"])),
        ("queue_leverage", CLOSES, "first who has the largest notional / equity", closes_by(RANKS["leverage"])),
        ("queue_size", CLOSES, "first who has the largest position", closes_by(RANKS["size"])),
        ("contract_pro_rata", CLOSES, "of each the same part of his position (Drift)", contract_pro_rata),
        ("whole_contracts", CLOSES, "whole lots, so that the largest haircut is as small as can be", min_max_contracts),
        ("endowment_queue", TAKES, "all profit of the largest winner, then of the next", endowment_queue),
        ("wealth_pro_rata", TAKES, "the same part of each endowment", wealth_pro_rata),
        ("profit_pro_rata", TAKES, "in proportion to profit", profit_pro_rata),
        ("equity_pro_rata", TAKES, "in proportion to equity", equity_pro_rata),
        ("capped_pro_rata", TAKES, "wealth_pro_rata, nobody below maintenance", capped_pro_rata),
        ("rap_linear", TAKES, "capped, weighted by leverage^2: g = leverage", risk_aware("linear")),
        ("rap_square", TAKES, "capped, weighted by leverage^3: g = leverage^2", risk_aware("square")),
        ("rap_cvar", TAKES, "capped, from leverage above the median only", risk_aware("cvar")),
    )
)
BY_NAME: Final = {policy.name: policy for policy in POLICIES}
