"""Who holds positions when a run begins: longs, and shorts of exactly the same size that are hedgers or directional.

Rules: every distribution is sampled by stratified quantiles (the middle of each of n equal strata, in random order), so that a small
population has the shape of a large one and seeds differ in who is who, not in how many. Sizes are integers and sum to zero; entry
prices belong to trades between two accounts, so seeding creates no profit; equity at the starting mark is notional over the drawn
leverage, or more where the entries or the margin tiers of where these people come from ask for more. Deposits round up to whole cents.
Nothing here knows of a venue: who is there, what each wants and how much money it has are the scenario's and the seed's alone. What a
venue grants of it is in `opening.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from statistics import NormalDist
from typing import Final

import numpy as np

from perplab.exchange.messages import MAX_AMOUNT
from perplab.exchange.units import MICRO, SECOND_NS
from perplab.lab.runs import Floats, Ints
from perplab.lab.scenario import Population, Scenario, ScenarioError
from perplab.oracle.keyed import generator

CENT: Final = 10_000  # [micro]
SLACK: Final = 1.0 + 1e-9  # on requirements computed in floats: those of a venue are exact integers
SMALL_USD: Final = 200  # the most that the smallest position is worth at the starting price
NORMAL: Final = NormalDist()

LONGS, HEDGERS, DIRECTIONAL = 0, 1, 2
TRADE_BUYER, TRADE_SELLER, TRADE_LOTS, TRADE_PRICE = 0, 1, 2, 3  # columns of the table of trades
GROUPS: Final = ("longs", "hedgers", "directional_shorts")


@dataclass(frozen=True)
class Scale:
    """The steps in which a scenario counts sizes and prices, so that no venue's lot or tick decides who holds what."""

    coins: Decimal  # of a step of size: a power of ten that is worth 20 to 200 USD at the starting price
    usd: Decimal  # of a step of price: the sixth digit of the starting price

    @classmethod
    def of(cls, first_usd: float) -> Scale:
        """The scale of a scenario that begins at this price."""
        price = Decimal(repr(first_usd))
        digits = price.adjusted()
        is_small = price.scaleb(-digits) <= SMALL_USD / 100
        return cls(Decimal(1).scaleb(2 - digits if is_small else 1 - digits), Decimal(1).scaleb(digits - 5))

    @property
    def unit(self) -> int:
        """Micro-units per step of price x step of size: 100 or 1,000."""
        return int(self.coins * self.usd * MICRO)


@dataclass(frozen=True)
class Adders:
    """Those who add margin; arrays of shape (k,)."""

    account: Ints  # index into the population
    amount: Ints  # [micro] each time
    interval_ns: Ints  # between looks
    phase_ns: Ints  # of the first look


@dataclass(frozen=True)
class Stops:
    """Those who use a stop; arrays of shape (k,)."""

    account: Ints  # index into the population
    away: Floats  # share of the starting price from there to the stop


NO_STOPS: Final = Stops(np.zeros(0, np.int64), np.zeros(0))


@dataclass(frozen=True)
class Traders:
    """The population; arrays of shape (n,) unless said."""

    scale: Scale
    first_usd: float  # the starting price
    group: Ints  # LONGS, HEDGERS or DIRECTIONAL
    lots: Ints  # wanted, signed, in steps of `scale`; sum 0
    leverage: Floats  # drawn
    deposit: Ints  # [micro]
    trades: Ints  # wanted, shape (t, 4): buyer, seller [index into the population], size and price in steps of `scale`
    adders: Adders
    stops: Stops = NO_STOPS

    def of_group(self, group: int) -> Ints:
        """Indices of the members of a group."""
        return np.flatnonzero(self.group == group)


def populate(scenario: Scenario, seed: int, accounts: int | None = None) -> Traders:
    """The population of this scenario and seed, of `accounts` instead of the scenario's number if given.

    Open interest is the scenario's whatever the number of accounts.
    """
    who = scenario.population
    scale = Scale.of(scenario.path.first_usd)
    first_tick = round(scenario.path.first_usd / float(scale.usd))
    total = round(scenario.open_interest_usd * MICRO / (first_tick * scale.unit))
    group = _groups(who, accounts or who.accounts)
    lots, leverage = np.zeros(group.size, np.int64), np.ones(group.size)
    for number, (name, share) in enumerate(zip(GROUPS, _shares(who), strict=True)):
        members = np.flatnonzero(group == number)
        size = _weights(who, name, members.size, seed)
        lots[members] = apportion(size, round(total * share))
        leverage[members] = _leverage(who, name, size, seed)
    lots[np.argmax(np.where(group == HEDGERS, lots, 0))] += 2 * lots[group == LONGS].sum() - lots.sum()  # roundings of the shares
    lots[group != LONGS] *= -1
    trades = entries(who, lots, first_tick, seed)
    deposit = deposits(who, lots, leverage, trades, first_tick, scale.unit)
    adders = _adders(who, group, np.abs(lots) * first_tick * scale.unit / leverage, seed)
    return Traders(scale, scenario.path.first_usd, group, lots, leverage, deposit, trades, adders, _stops(who, group, seed))


def _groups(who: Population, accounts: int) -> Ints:
    """The group of each account: longs first, then hedgers, then directional shorts; at least one of each."""
    longs = max(1, min(accounts - 2, round(who.long_accounts * accounts)))
    hedgers = max(1, min(accounts - longs - 1, round(who.hedger_accounts * accounts)))
    return np.repeat([LONGS, HEDGERS, DIRECTIONAL], [longs, hedgers, accounts - longs - hedgers])


def group_sizes(who: Population) -> list[tuple[str, int, float]]:
    """Name, number of accounts and share of the open interest of its side, of each group."""
    counts = np.bincount(_groups(who, who.accounts), minlength=len(GROUPS)).tolist()
    return list(zip(GROUPS, counts, _shares(who), strict=True))


def _shares(who: Population) -> tuple[float, float, float]:
    """Each group's share of the open interest of its side."""
    return 1.0, who.hedger_open_interest, 1.0 - who.hedger_open_interest


def _strata(n: int, draws: np.random.Generator) -> Floats:
    """The middles of n equal strata of (0, 1), in random order."""
    strata: Floats = (draws.permutation(n) + 0.5) / n
    return strata


def _weights(who: Population, group: str, n: int, seed: int) -> Floats:
    """Pareto sizes, none more than the largest share of their sum; shape (n,)."""
    is_long = group == GROUPS[LONGS]
    tail = who.long_tail if is_long else who.short_tail
    u = _strata(n, generator(seed, "population", group, "size"))
    size = (1.0 - u) ** (-1.0 / tail)
    share = max(who.long_largest_share if is_long else who.short_largest_share, 1.0 / n)
    for _ in range(64):  # a cap lowers the sum, and with it the cap: it settles geometrically
        size = np.minimum(size, share * size.sum())
    return size


def apportion(weights: Floats, total: int) -> Ints:
    """`total` lots in proportion to `weights`, at least one each, summing exactly: the largest remainders get the odd lots."""
    if total < weights.size:
        raise ScenarioError(f"population: {total} lots of open interest for {weights.size} accounts, expected one lot each at least")
    exact = weights / weights.sum() * (total - weights.size)
    lots: Ints = np.floor(exact).astype(np.int64)
    odd = total - weights.size - int(lots.sum())
    lots[np.argsort(lots - exact, kind="stable")[:odd]] += 1
    lots += 1
    return lots


def _leverage(who: Population, group: str, size: Floats, seed: int) -> Floats:
    """Drawn leverage: uniform for hedgers; lognormal, capped, and correlated with size by rank for the others. Shape (n,)."""
    draws = generator(seed, "population", group, "leverage")
    u = _strata(size.size, draws)
    if group == GROUPS[HEDGERS]:
        low, high = who.hedger_leverage
        return low + (high - low) * u
    rho = who.size_leverage
    score = rho * _normal((_ranks(size) + 0.5) / size.size) + (1.0 - rho * rho) ** 0.5 * _normal(u)
    median = who.long_leverage if group == GROUPS[LONGS] else who.short_leverage
    quantile = _normal((_ranks(score) + 0.5) / size.size)
    return np.minimum(who.leverage_cap, median * np.exp(who.leverage_sigma * quantile))


def _ranks(values: Floats) -> Ints:
    ranks = np.empty(values.size, dtype=np.int64)
    ranks[np.argsort(values, kind="stable")] = np.arange(values.size)
    return ranks


def _normal(u: Floats) -> Floats:
    """Quantiles of the standard normal distribution."""
    return np.array([NORMAL.inv_cdf(one) for one in u.tolist()])


def entries(who: Population, lots: Ints, first_tick: int, seed: int) -> Ints:
    """Longs and shorts, each in random order, laid side by side: every overlap is a trade at a price of its own. Shape (t, 4)."""
    draws = generator(seed, "population", "trades", "order")
    buyers, sellers = draws.permutation(np.flatnonzero(lots > 0)), draws.permutation(np.flatnonzero(lots < 0))
    bought, sold = np.cumsum(lots[buyers]), np.cumsum(-lots[sellers])
    ends = np.unique(np.concatenate([bought, sold]))
    sizes = np.diff(ends, prepend=0)
    low, high = who.entry
    u = _strata(ends.size, generator(seed, "population", "trades", "price"))
    prices = np.rint(first_tick * (low + (high - low) * u)).astype(np.int64)
    buyer, seller = buyers[np.searchsorted(bought, ends)], sellers[np.searchsorted(sold, ends)]
    return np.stack([buyer, seller, sizes, prices], axis=1)


def initial_margin(who: Population, notional: Floats) -> Floats:
    """What positions of this `notional` take where these people come from, (n,) -> (n,) [micro].

    A tier's leverage holds for what lies in it, so the requirement is continuous; as leverage falls from tier to tier, it is the largest
    of the tiers' lines.
    """
    lower = np.array([at * MICRO for at, _ in who.margin_tiers])
    rate = np.array([1.0 / leverage for _, leverage in who.margin_tiers])
    deduction = np.cumsum(lower * np.diff(rate, prepend=rate[0]))
    required: Floats = np.maximum.reduce([notional * each - less for each, less in zip(rate, deduction, strict=True)])
    return required * SLACK


def deposits(who: Population, lots: Ints, leverage: Floats, trades: Ints, first_tick: int, unit: int) -> Ints:
    """What each account pays in, so that it has its equity after its trades, and its initial margin after each of them. [micro]"""
    deposit = np.zeros(lots.size, dtype=np.int64)
    for sign, side in ((1, TRADE_BUYER), (-1, TRADE_SELLER)):
        first = np.flatnonzero(np.diff(trades[:, side], prepend=-1))  # an account's trades are neighbors
        last = np.append(first[1:], len(trades)) - 1
        account = trades[first, side]
        notional = _sums(trades[:, TRADE_LOTS], first) * first_tick * unit
        profit = _sums(sign * trades[:, TRADE_LOTS] * (first_tick - trades[:, TRADE_PRICE]) * unit, first)
        wanted = notional[last] / leverage[account] - profit[last]
        needed = np.maximum.reduceat(initial_margin(who, notional.astype(np.float64)) - profit, first)
        least = np.maximum(np.maximum(wanted, needed), 1.0).tolist()
        deposit[account] = [min(-(-int(one) // CENT) * CENT + CENT, MAX_AMOUNT) for one in least]
    return deposit


def _sums(values: Ints, first: Ints) -> Ints:
    """Running sums that begin anew at each row of `first`, whose first is 0. Shapes (n,), (k,)"""
    total = np.cumsum(values)
    before: Ints = np.repeat(total[first] - values[first], np.diff(first, append=values.size))
    return total - before


def _adders(who: Population, group: Ints, equity: Floats, seed: int) -> Adders:
    """Which longs and directional shorts add margin, how much, and how often they look."""
    draws = generator(seed, "population", "adders")
    able = np.flatnonzero(group != HEDGERS)
    some = np.sort(draws.permutation(able)[: round(who.adders * able.size)])
    low, high = who.add_look_s
    interval = (low + (high - low) * draws.random(some.size)) * SECOND_NS
    phase = draws.random(some.size) * interval
    amount = np.clip(equity[some] * who.add_share, 1.0, MAX_AMOUNT)
    return Adders(some, amount.astype(np.int64), interval.astype(np.int64), phase.astype(np.int64))


def _stops(who: Population, group: Ints, seed: int) -> Stops:
    """Which longs and directional shorts use a stop, and how far from the starting price it is."""
    draws = generator(seed, "population", "stops")
    able = np.flatnonzero(group != HEDGERS)
    some = np.sort(draws.permutation(able)[: round(who.stops * able.size)])
    low, high = who.stop_away
    return Stops(some, low + (high - low) * _strata(some.size, draws))
