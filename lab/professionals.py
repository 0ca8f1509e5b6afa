"""Whether the professionals of a run are still those that the scenario describes: what margin calls paid in, and what became of them.

Makers, arbitrageurs and bidders are hedged outside. Where their margin calls are no longer met, or one of them is liquidated, the run has
lost buyers that a real venue would have kept or replaced: what it then says about a design is about an empty market. `beyond_population`
tells it in sentences. Makers whose money is in a pool have no margin calls: there nobody could ever meet one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from perplab.clients.bots.base import Bot
from perplab.clients.bots.professional import Professional
from perplab.exchange import Exchange
from perplab.exchange.events import Deposited, Event, LiquidationStarted
from perplab.exchange.messages import KIND_COLUMN, column_of
from perplab.lab.runs import MARKET, Cohort, Ints, ProfessionalGroup, Run

COHORTS: Final = ("makers", "arbitrageurs", "bidders")
EXHAUSTED_BELOW: Final = 0.25  # of the start's equity: three quarters of its quotes are gone for good, not withdrawn for a while


class Watch:
    """The equity of each group as the run goes on."""

    def __init__(self, exchange: Exchange, cohorts: tuple[Cohort, ...], has_curve: bool) -> None:
        self.exchange = exchange
        self.has_curve = has_curve
        self.accounts = {one.name: one.accounts.tolist() for one in cohorts if one.name in COHORTS}
        self.first: dict[str, int] = {}  # [micro]
        self.least: dict[str, int] = {}

    def look(self) -> None:
        """Note what each group has now, a stake in a pool included; the first look is what the others are compared with."""
        for name, accounts in self.accounts.items():
            equity = sum(self.exchange.equity(account) for account in accounts)
            if self.has_curve:
                equity += sum(self.exchange.stake(account, MARKET) for account in accounts)
            self.first.setdefault(name, equity)
            self.least[name] = min(equity, self.least.get(name, equity))


def groups_of(watch: Watch, bots: Mapping[int, Bot], events: Ints, start_ts: int) -> tuple[ProfessionalGroup, ...]:
    """The record of a run: `bots` by account, all `events` as rows."""
    return tuple(_group(watch, name, bots, events, start_ts) for name in COHORTS if name in watch.accounts)


def _group(watch: Watch, name: str, bots: Mapping[int, Bot], events: Ints, start_ts: int) -> ProfessionalGroup:
    accounts = watch.accounts[name]
    paid = _of(events, Deposited, accounts)
    paid = paid[paid[:, column_of(Deposited, "ts")] > start_ts]
    least = watch.least[name] / watch.first[name]
    calls = [bot.calls for bot in map(bots.get, accounts) if isinstance(bot, Professional) and bot.calls is not None]
    is_short = any(one.is_short for one in calls)
    return ProfessionalGroup(
        cohort=name,
        paid_in=int(paid[:, column_of(Deposited, "amount")].sum()),
        least_equity_share=least,
        liquidated=len(np.unique(_of(events, LiquidationStarted, accounts)[:, column_of(LiquidationStarted, "account")])),
        is_exhausted=(is_short or not calls) and least < EXHAUSTED_BELOW,
        is_refilled=bool(calls),
    )


def _of(events: Ints, kind: type[Event], accounts: list[int]) -> Ints:
    """The rows of one kind about these accounts."""
    rows = events[events[:, KIND_COLUMN] == kind.KIND]
    mine: Ints = rows[np.isin(rows[:, column_of(kind, "account")], accounts)]
    return mine


def beyond_population(run: Run) -> list[str]:
    """One sentence for each way in which the run has gone beyond the professionals that its scenario describes; none if it has not."""
    members = {one.name: len(one.accounts) for one in run.cohorts}
    told = []
    for group in run.professionals:
        if group.liquidated:
            told.append(f"{group.liquidated} of {members[group.cohort]} {group.cohort} fell below maintenance margin")
        if group.is_exhausted:
            share = f"{100.0 * group.least_equity_share:.0f} %"
            why = "margin calls that nobody could meet in full" if group.is_refilled else "nobody who refills them"
            told.append(f"{group.cohort} had {share} of their starting equity left, and {why}")
    return told
