"""What is measured of a run in several markets: the same metrics, over all markets where they speak of accounts and payers, over the first
where they speak of a book; and what became of each kind of people.

Rules of the file: a market alone is looked at as a run of one market (`view`), and sums are taken over these. The people are measured one
by one, whatever accounts they have, so the same person is found in every structure. Money is in whole micro-units, summed as integers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final, NamedTuple

import msgspec
import numpy as np

from perplab.exchange.events import EVENT_OF, AuctionTaken, DeficitPaid, Deleveraged, LiquidationStarted, SurplusPaid
from perplab.exchange.messages import FIRST_USER, KIND_COLUMN, SystemAccount, columns_of
from perplab.exchange.units import MICRO

from ..metrics import Metrics, Wealth
from ..metrics.adl import deleveraging
from ..metrics.catalogue import Accounting, Positions, audit_balances, profit_and_loss, told_waterfall
from ..metrics.costs import Costs
from ..metrics.losses import Liquidation, Losses, liquidated_usd, liquidation, losses, stress, user_slices
from ..metrics.market import by_minute, flow, funding, liquidity, prices
from ..metrics.pools import pools, when
from ..metrics.rows import Bools, ByAccount, Log, ratio, total_by
from ..metrics.totals import conceded_by_slice, conceded_by_winner, socialized_by_account, waterfall
from ..metrics.valuation import moved, paid_in, true_ticks
from ..runs import Floats, Ints, Run
from .kinds import LEVERED, LEVERED_NAME, KindLine
from .people import KINDS, PAIRS
from .simulation import MarketsRun

MARKET_OF: Final = np.full(max(EVENT_OF) + 1, -1)  # by kind: the column of an event's market, -1: it has none
for _kind, _event in EVENT_OF.items():
    MARKET_OF[_kind] = columns_of(_event).get("market", -1)


class Books:
    """A run as the metrics ask of it: all markets' events with the first market's prices, and each market as a run of its own."""

    def __init__(self, made: MarketsRun) -> None:
        self.made, self.run = made, made.run
        self.markets = range(len(made.true_usd))
        self.by_market = [Log(replace(self.view(market), events=self.events_of(market))) for market in self.markets]
        self.all = Log(self.view(0))
        self.first = self.by_market[0]

    def view(self, market: int) -> Run:
        run = self.run
        opening, closing = (np.ascontiguousarray(size[:, market]) for size in (run.opening_size, run.closing_size))
        return replace(run, opening_size=opening, closing_size=closing, path_usd=self.made.true_usd[market])

    def events_of(self, market: int) -> Ints:
        """What happened in a market, and what happened in none: to accounts, or to cross accounts as a whole."""
        events = self.run.events
        column = MARKET_OF[events[:, KIND_COLUMN]]
        named = events[np.arange(len(events)), column]
        keep: Bools = (column < 0) | (named == market) | (named == -1)
        kept: Ints = events[keep]
        return kept

    def shift(self, size: Ints, mark: list[int], ts: int) -> Ints:
        """What positions (accounts, markets) are worth more at the true prices of `ts` than at the marks. Same shape [micro]"""
        each = [moved(log, size[:, market], mark[market], ts) for market, log in enumerate(self.by_market)]
        stacked: Ints = np.stack(each, axis=1)
        return stacked

    @property
    def opening_at_true(self) -> Ints:
        """By account. [micro]"""
        run = self.run
        shift = self.shift(run.opening_size, [log.opening_mark for log in self.by_market], run.start_ts)
        equity: Ints = run.opening_equity + shift.sum(axis=1)
        return equity

    @property
    def closing_pots_at_true(self) -> Ints:
        """Closing equity of each pot of margin, as `MarketsRun.closing_pots`, at the true prices. [micro]"""
        run, pots = self.run, self.made.closing_pots.copy()
        shift = self.shift(run.closing_size, [log.closing_mark for log in self.by_market], run.end_ts)
        isolated = np.zeros(len(pots), bool)
        isolated[self.made.stage.first :] = self.made.stage.layout.is_isolated
        pots[isolated, 1:] += shift[isolated]
        pots[~isolated, 0] += shift[~isolated].sum(axis=1)
        return pots


class Measured(NamedTuple):
    metrics: Metrics
    wealth: Wealth  # person by person
    kinds: list[KindLine]


def measure_markets(made: MarketsRun) -> Measured:
    """All that is measured of a run in several markets. MetricsError if the run's books do not add up."""
    books = Books(made)
    wealth = wealth_by_person(books)
    return Measured(metrics_of(books), wealth, kind_lines(books, wealth))


def metrics_of(books: Books) -> Metrics:
    """Every metric of the catalogue."""
    first, everything = books.first, books.all
    minutes, intervals = by_minute(first), funding(first)
    closed = liquidation_in_all(books)
    adl = deleveraging(everything)
    return Metrics(
        liquidation=closed,
        losses=losses_in_all(books),
        adl=msgspec.structs.replace(adl, to_liquidation=ratio(adl.notional_usd, closed.notional_usd)),
        stress=stress(first),
        prices=prices(first),
        liquidity=liquidity(first, minutes),
        flow=flow(everything, intervals),
        pool=pools(first),
        when=when(everything),
        cost=Costs(),
        accounting=accounting(books),
        cost_lines=[],
        adl_bearers=[],
        funding=intervals,
        sizes_usd=books.run.book.sizes_usd,
        minutes=minutes,
    )


def accounting(books: Books) -> Accounting:
    """The integer identities, over all markets."""
    run, log = books.run, books.all
    held = {f"{run.terms.name}" if not market else f"further {market}": log.run.closing_size for market, log in enumerate(books.by_market)}
    positions = {name: Positions(int(size[size > 0].sum()), int(size[size < 0].sum()), int(size.sum())) for name, size in held.items()}
    audit_balances(run, positions)
    return Accounting(run.deposits, run.withdrawals, dict(run.balances), positions, profit_and_loss(log), told_waterfall(log))


def liquidation_in_all(books: Books) -> Liquidation:
    """Accounts, notional and duration over all markets; slippage is that of the first market's book."""
    everything = liquidation(books.all)
    return msgspec.structs.replace(
        everything,
        notional_usd=sum(liquidated_usd(log, user_slices(log)) for log in books.by_market),
        excess_usd=excess_usd(books),
        slippage_bp=liquidation(books.first).slippage_bp,
    )


def excess_usd(books: Books) -> float:
    """As `metrics.losses.excess_usd`, each slice against the true price of its market when its account's liquidation started. [USD]"""
    count = len(books.run.opening_equity)
    lost, closed = np.zeros(count), np.zeros(count, bool)
    for log in books.by_market:
        starts, slices = log[LiquidationStarted], user_slices(log)
        trigger = ByAccount(starts["account"], starts["seq"]).before(slices["account"], slices["seq"])
        slices, trigger = slices.where(trigger >= 0), trigger[trigger >= 0]
        fair = log.true_usd(starts["ts"][trigger]) / log.run.terms.tick * np.abs(slices["size"]) * log.run.terms.unit
        worse = np.where(slices["size"] > 0, fair - slices["value"], slices["value"] - fair) + slices["fee"]
        lost += total_by(slices["account"], worse, count)
        closed[slices["account"]] = True
    paid, left = books.all[DeficitPaid], books.all[SurplusPaid]
    lost += total_by(left["account"], left["amount"], count) - total_by(paid["account"], paid["amount"], count)
    return float(np.maximum(lost, 0.0)[closed].sum()) / MICRO


def losses_in_all(books: Books) -> Losses:
    """All payers; what is still open is counted pot by pot: money beside an isolated position does not pay for it."""
    log, pots = books.all, books.closing_pots_at_true
    vault = int(books.run.opening_equity[SystemAccount.VAULT]) - int(pots[SystemAccount.VAULT].sum())
    open_deficit = np.maximum(-pots, 0).sum(axis=1)
    open_deficit[:FIRST_USER] = 0
    flows = sum(amount for name, amount in waterfall(log).paid.items() if name not in ("vault", "open_deficit"))
    lost_by_vault = float(max(vault, 0))
    twice = float(paid_twice(books, open_deficit, lost_by_vault).sum())
    return msgspec.structs.replace(
        losses(log),
        total_usd=(flows + int(open_deficit.sum()) + lost_by_vault - twice) / MICRO,
        open_deficit_usd=log.usd(np.maximum(-books.made.closing_pots[FIRST_USER:], 0)),
        vault_cost_usd=log.usd(vault),
        socialized_per_coin_usd=losses(books.first).socialized_per_coin_usd,
    )


def paid_twice(books: Books, open_deficit: Ints, vault_cost: float) -> Floats:
    """As `metrics.totals.paid_twice`; shared losses by the lots held in each market. Shape (accounts,) [micro]"""
    log, count = books.all, len(open_deficit)
    shared = sum((socialized_by_account(one, count) for one in books.by_market), np.zeros(count))
    rows, conceded, bids = log[DeficitPaid], conceded_by_slice(log), log[AuctionTaken]
    assert not len(bids), "several markets have no auctions"
    got = open_deficit + total_by(rows["account"], rows["amount"], count) + total_by(conceded.loser, conceded.amount, count)
    twice: Floats = np.minimum(shared + conceded_by_winner(log, count), got)
    twice[SystemAccount.VAULT] = min(shared[SystemAccount.VAULT], vault_cost)
    return twice


# -- person by person --


def wealth_by_person(books: Books) -> Wealth:
    """As `metrics.wealth`, of each person over all accounts that it has; agents are told account by account, behind the people."""
    made, stage = books.made, books.made.stage
    owner, cohort, number, cohorts = owners(made)
    people, count = stage.people, int(owner.max()) + 1
    users = np.flatnonzero(owner >= 0)

    def summed(each: Ints) -> Ints:
        total = np.zeros(count, np.int64)
        np.add.at(total, owner[users], each[users])
        return total

    run, paid, opening = made.run, paid_in(books.all), books.opening_at_true
    ticks = np.array([true_ticks(log, run.start_ts) * run.terms.unit for log in books.by_market])
    side = np.sign(summed(run.opening_size.sum(axis=1)))
    side[: people.kind.size][people.kind == PAIRS] = 0
    log = books.all
    return Wealth(
        cohorts=cohorts,
        cohort=cohort,
        number=number,
        gain=summed(books.closing_pots_at_true.sum(axis=1) - opening - paid),
        gain_at_mark=summed(run.closing_equity - run.opening_equity - paid),
        opening=summed(opening),
        notional=summed(np.rint(np.abs(run.opening_size) @ ticks).astype(np.int64)),
        side=side,
        breached=hit(owner, count, log[LiquidationStarted]["account"]),
        deleveraged=hit(owner, count, log[Deleveraged]["winner"]),
    )


def owners(made: MarketsRun) -> tuple[Ints, Ints, Ints, tuple[str, ...]]:
    """The owner of each account, -1 for the venue's own: persons first, then agents; and of each owner its cohort and number in it."""
    stage = made.stage
    persons, agents = stage.people.kind.size, stage.first - FIRST_USER
    owner = np.full(len(made.run.opening_equity), -1, np.int64)
    owner[FIRST_USER : stage.first] = persons + np.arange(agents)
    owner[stage.first :] = stage.layout.person
    others = [one for one in made.run.cohorts if one.name not in KINDS]
    cohort, number = np.zeros(persons + agents, np.int64), np.zeros(persons + agents, np.int64)
    for kind in range(len(KINDS)):
        mine = np.flatnonzero(stage.people.kind == kind)
        cohort[mine], number[mine] = kind, np.arange(mine.size)
    for place, one in enumerate(others, start=len(KINDS)):
        mine = owner[one.accounts]
        cohort[mine], number[mine] = place, np.arange(mine.size)
    return owner, cohort, number, (*KINDS, *(one.name for one in others))


def hit(owner: Ints, count: int, accounts: Ints) -> Bools:
    """Which owners have one of these accounts, bool (count,)."""
    some = np.zeros(count, bool)
    mine = owner[accounts]
    some[mine[mine >= 0]] = True
    return some


def kind_lines(books: Books, wealth: Wealth) -> list[KindLine]:
    """What became of each kind of people, and of the levered among them."""
    owner = owners(books.made)[0]
    notional, debt, further = (np.zeros(len(wealth)) for _ in range(3))
    was = np.zeros(len(wealth), bool)
    for market, log in enumerate(books.by_market):
        slices = user_slices(log)
        who = owner[slices["account"]]
        value = np.abs(slices["size"]) * log.mark_at_seq(slices["seq"]) * log.run.terms.unit / MICRO
        notional += total_by(who, value, len(wealth))
        further += total_by(who, value, len(wealth)) * (market > 0)
        debt += total_by(who, slices["deficit"], len(wealth)) / MICRO
        was[who] = True
    return [
        KindLine(
            name, int(members.sum()), int((was & members).sum()), float(notional[members].sum()),
            float(further[members].sum()), float(debt[members].sum()), int(wealth.notional[members].sum()) / MICRO,
        )
        for name, members in kinds_of(wealth)
    ]  # fmt: skip


def kinds_of(wealth: Wealth) -> Iterator[tuple[str, Bools]]:
    """Name and members of each kind; bool (owners,)."""
    for number, name in enumerate(KINDS):
        yield name, wealth.cohort == number
    yield LEVERED_NAME, wealth.leverage >= LEVERED
