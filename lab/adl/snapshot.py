"""A frozen moment of one market: whose positions have to be closed, and everybody on the other side who can be asked.

Rules of the file: it holds numbers and computes what follows from them alone. Money is in micro-units, sizes in lots, leverage in ppm; all
of a winner's money is what stands behind his position: his account's equity, or that of an isolated position.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from perplab.exchange.units import MICRO

from ..runs import Ints
from .policies import ONE, Closed, Losers, whole


@dataclass(frozen=True)
class Winners:
    """Those on the other side whose equity is above 0, by account number. Arrays of shape (n,)."""

    account: Ints
    lots: Ints  # unsigned, above 0
    notional: Ints  # [micro] at the mark, above 0
    entry: Ints  # [micro] notional at entry, above 0
    equity: Ints  # [micro] above 0
    maintenance: Ints  # [micro] what the account has to keep
    is_long: bool

    @cached_property
    def profit(self) -> Ints:
        """[micro] of the position at the mark, signed."""
        return self.notional - self.entry if self.is_long else self.entry - self.notional

    @cached_property
    def endowment(self) -> Ints:
        """[micro] profit that can be taken: min(profit, equity), 0 for who has none. The paper protects cash likewise."""
        return np.clip(self.profit, 0, self.equity)

    @cached_property
    def spare(self) -> Ints:
        """[micro] of the endowment, that can be taken so that the account stays at or above maintenance."""
        return np.clip(self.endowment, 0, np.maximum(self.equity - self.maintenance, 0))

    @cached_property
    def leverage(self) -> Ints:
        """[ppm] notional / equity, rounded down, at least 1."""
        found = [max(1, notional * ONE // equity) for notional, equity in zip(self.notional.tolist(), self.equity.tolist(), strict=True)]
        return whole([min(one, 2**62) for one in found])

    def __len__(self) -> int:
        return len(self.account)


@dataclass(frozen=True)
class Actual:
    """What the venue itself did in this pass."""

    closed: Closed  # by winner, in the order of `Winners`
    order: Ints  # shape (n,): places of the winners by the venue's own rank
    rule: str  # its rank, selection and price: "hyperliquid, greedy, at the bankruptcy price"
    rank: str  # the name of the rank alone
    selection: str


@dataclass(frozen=True)
class Snapshot:
    title: str  # where and when: "pass 1 of 12, 21:18:31 UTC"
    market: str
    mark_usd: float
    losers: Losers
    winners: Winners
    actual: Actual | None = None
    unpriced: int = 0  # [micro] deficits of the losers beyond the value of their positions

    @cached_property
    def deficit(self) -> int:
        """[micro] what the losers lack together: their bankruptcy gaps."""
        return int(self.losers.gap.sum())

    @cached_property
    def lots(self) -> int:
        """That have to be closed."""
        return int(self.losers.lots.sum())

    @property
    def lot_value(self) -> int:
        """[micro] of a lot at the mark."""
        return int(self.winners.notional[0]) // int(self.winners.lots[0])

    @property
    def losing_side(self) -> str:
        return "short" if self.winners.is_long else "long"


# -- in which order winners are asked --

Rank = Callable[[Winners], list[int]]


def profit_leverage(winners: Winners) -> list[int]:
    """Relative profit x leverage, a loss divided by the leverage (Binance, BitMEX). [ppm^2]"""
    scores = []
    for profit, entry, leverage in zip(winners.profit.tolist(), winners.entry.tolist(), winners.leverage.tolist(), strict=True):
        relative = profit * ONE // entry
        scores.append(relative * leverage if profit >= 0 else relative * ONE * ONE // leverage)
    return scores


def hyperliquid(winners: Winners) -> list[int]:
    """(mark / entry) x (notional / equity), entry / mark for shorts (Hyperliquid). [ppm^2]"""
    scores = []
    for notional, entry, equity in zip(winners.notional.tolist(), winners.entry.tolist(), winners.equity.tolist(), strict=True):
        gain = notional * ONE // entry if winners.is_long else entry * ONE // notional
        scores.append(gain * notional * ONE // equity)
    return scores


def profit(winners: Winners) -> list[int]:
    """Largest endowment first: the queue of the paper's theorem. [micro]"""
    found: list[int] = winners.endowment.tolist()
    return found


def leverage(winners: Winners) -> list[int]:
    """Notional by equity. [ppm]"""
    found: list[int] = winners.leverage.tolist()
    return found


def size(winners: Winners) -> list[int]:
    """Largest notional first. [micro]"""
    found: list[int] = winners.notional.tolist()
    return found


RANKS: Final[dict[str, Rank]] = {
    "profit_leverage": profit_leverage, "hyperliquid": hyperliquid, "profit": profit, "leverage": leverage, "size": size,
}  # fmt: skip


def order_by(scores: list[int], winners: Winners) -> Ints:
    """Places of the winners, highest score first, ties by account number."""
    account = winners.account.tolist()
    return whole(sorted(range(len(scores)), key=lambda place: (-scores[place], account[place])))


def usd(micro: int | float) -> float:
    return micro / MICRO
