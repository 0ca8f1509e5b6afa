"""Who holds what in several markets: the scenario's people, each with a book of positions and the money for all of them.

Rules: sizes, leverage and groups are those of `population.populate`, so one market alone has the same people as any run. What a person
holds is drawn from the scenario and the seed, once, and does not know of an account structure: hedged pairs are long in one market and
short in another for the same number of lots, one-sided people divide theirs over all markets by open interest, the rest hold one position.
Hedgers take the other side, each in one market. The money is that of the single positions, added up: each has the notional over the
person's leverage when the run begins.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from perplab.oracle.keyed import derive, generator

from ..population import HEDGERS, Adders, Scale, Traders, apportion, deposits, entries, initial_margin, populate
from ..runs import Floats, Ints
from ..scenario import Scenario, ScenarioError

PAIRS, ONE_SIDED, SINGLE, HEDGER = 0, 1, 2, 3
KINDS: Final = ("hedged_pairs", "one_sided", "single", "hedgers")


@dataclass(frozen=True)
class People:
    """Persons are numbered as in the population, positions by person and market. Shapes (n,) by person, (p,) by position."""

    scale: Scale
    first_usd: float
    kind: Ints  # (n,) index into KINDS
    leverage: Floats  # (n,) gross notional over equity, as drawn
    person: Ints  # (p,) who holds the position
    market: Ints  # (p,)
    lots: Ints  # (p,) wanted, signed, in steps of `scale`; the sum of each market is 0
    money: Ints  # (p,) [micro] what the position needs to begin with its share of the equity
    own_margin: Ints  # (p,) [micro] of that equity, what stands behind it where margin is isolated
    trades: tuple[Ints, ...]  # by market, as `population.Traders.trades` with positions in the place of accounts
    adders: Adders  # by person

    def traders(self, market: int) -> Traders:
        """The positions of one market as if each was an account of its own."""
        here = self.market == market
        lots, leverage = np.where(here, self.lots, 0), self.leverage[self.person]
        return Traders(self.scale, self.first_usd, self.kind[self.person], lots, leverage, self.money, self.trades[market], self.adders)


def market_names(scenario: Scenario, first: str) -> list[str]:
    """Of all markets, by number."""
    return [first, *scenario.further_markets]


def market_seed(seed: int, name: str) -> int:
    """The seed of what is drawn for a further market."""
    return derive(seed, "market", name)


def people_of(scenario: Scenario, seed: int, accounts: int | None = None) -> People:
    """All people of this scenario and seed. ScenarioError: it has no [books], or hedgers have nothing to take the other side of."""
    base, who = populate(scenario, seed, accounts), scenario.population
    weights = np.array([1.0, *(market.open_interest for market in scenario.further_markets.values())])
    size = np.rint(np.abs(base.lots) * weights.sum()).astype(np.int64)
    kind = kinds(scenario, base, size, seed)
    person, market, lots = positions(kind, size * np.sign(base.lots), weights, seed)
    person, market, lots = with_hedgers(person, market, lots, np.flatnonzero(kind == HEDGER), size, weights.size)
    order = np.lexsort((market, person))
    person, market, lots = person[order], market[order], lots[order]
    first_tick, unit = round(base.first_usd / float(base.scale.usd)), base.scale.unit
    seeds = [seed, *(market_seed(seed, name) for name in scenario.further_markets)]
    trades = tuple(entries(who, np.where(market == number, lots, 0), first_tick, one) for number, one in enumerate(seeds))
    money = sum((deposits(who, lots, base.leverage[person], each, first_tick, unit) for each in trades), np.zeros(lots.size, np.int64))
    notional = (np.abs(lots) * first_tick * unit).astype(np.float64)
    chosen = np.ceil(base.leverage[person] - 1e-9)  # an account's leverage is a whole number: the next one
    own = np.ceil(np.maximum(notional / chosen, initial_margin(who, notional))).astype(np.int64)
    more = np.rint(base.adders.amount * weights.sum()).astype(np.int64)
    adders = Adders(base.adders.account, more, base.adders.interval_ns, base.adders.phase_ns)
    return People(base.scale, base.first_usd, kind, base.leverage, person, market, lots, money, own, trades, adders)


def kinds(scenario: Scenario, base: Traders, size: Ints, seed: int) -> Ints:
    """The kind of each person. Who holds too little to divide, and everybody where there is one market, holds one position."""
    books, count = scenario.books, 1 + len(scenario.further_markets)
    if books is None:
        raise ScenarioError(f"{scenario.name}: no [books]: expected hedged and one_sided, what people hold in several markets")
    kind = np.where(base.group == HEDGERS, HEDGER, SINGLE)
    holders = generator(seed, "books", "kind").permutation(np.flatnonzero(kind == SINGLE))
    pairs, both = round(books.hedged * holders.size), round(books.one_sided * holders.size)
    kind[holders[:pairs]] = PAIRS
    kind[holders[pairs : pairs + both]] = ONE_SIDED
    small = size < 2 * count if count > 1 else np.ones(size.size, bool)
    return np.where((kind != HEDGER) & small, SINGLE, kind)


def positions(kind: Ints, lots: Ints, weights: Floats, seed: int) -> tuple[Ints, Ints, Ints]:
    """Person, market and signed lots of everybody's positions but the hedgers'; three arrays of shape (p,)."""
    markets = weights.size
    draws = generator(seed, "books", "markets")
    one = draws.choice(markets, kind.size, p=weights / weights.sum())
    long_in = draws.integers(0, markets, kind.size)
    short_in = (long_in + draws.integers(1, max(2, markets), kind.size)) % markets
    rows: list[tuple[int, int, int]] = []
    for person in np.flatnonzero(kind != HEDGER).tolist():
        size = int(lots[person])
        if kind[person] == PAIRS:
            half = abs(size) // 2
            rows += [(person, int(long_in[person]), half), (person, int(short_in[person]), -half)]
        elif kind[person] == ONE_SIDED:
            sign = 1 if size > 0 else -1
            rows += [(person, market, sign * part) for market, part in enumerate(apportion(weights, abs(size)).tolist())]
        else:
            rows.append((person, int(one[person]), size))
    table = np.array(rows, dtype=np.int64).reshape(-1, 3)
    return table[:, 0], table[:, 1], table[:, 2]


def with_hedgers(person: Ints, market: Ints, lots: Ints, hedgers: Ints, size: Ints, markets: int) -> tuple[Ints, Ints, Ints]:
    """The positions with those of the hedgers: they take the other side of each market's sum, in proportion to their sizes."""
    net = np.zeros(markets, np.int64)
    np.add.at(net, market, lots)
    wanting = np.flatnonzero(net).tolist()
    if not wanting or hedgers.size < len(wanting):
        raise ScenarioError(f"population: {hedgers.size} hedgers for {len(wanting)} markets, expected one for each that is not balanced")
    left = np.abs(net).astype(np.float64) * size[hedgers].sum() / np.abs(net).sum()
    of_market: dict[int, list[int]] = {one: [] for one in wanting}
    for place, hedger in enumerate(hedgers[np.argsort(-size[hedgers], kind="stable")].tolist()):
        here = wanting[place] if place < len(wanting) else max(wanting, key=lambda one: left[one])
        of_market[here].append(hedger)
        left[here] -= size[hedger]
    for one, members in of_market.items():
        taken = apportion(size[members].astype(np.float64), abs(int(net[one])))
        person, market = np.append(person, members), np.append(market, np.full(len(members), one))
        lots = np.append(lots, -np.sign(net[one]) * taken)
    return person, market, lots
