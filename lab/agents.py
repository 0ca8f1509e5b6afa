"""The cast of a run besides the population: makers, arbitrageurs, bidders, momentum traders and the noise accounts.

Rules: an agent is a name, its capital on the venue, its delays and a way to make its bot once it has an account. What differs between
agents of a kind is drawn by (seed, name, purpose), so another agent more or less changes nobody's draws. Accounts, names and capital are
the same on every venue: where there is no book, makers put theirs into the pool of the curve, or sit out where that takes no money, and
bidders sit out unless there are auctions. Makers, arbitrageurs and bidders bid in auctions with the capital, the edges and the delays
with which they trade in the book.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from perplab.clients.bots.arbitrage import ArbitrageTerms, Arbitrageur
from perplab.clients.bots.base import Bot, Seat
from perplab.clients.bots.bidder import Bidder, BidderTerms
from perplab.clients.bots.liquidity import LiquidityProvider, ProviderTerms
from perplab.clients.bots.market_maker import MakerTerms, MarketMaker, Withdrawal, ladder
from perplab.clients.bots.momentum import Momentum, MomentumTerms
from perplab.clients.bots.professional import CallTerms
from perplab.clients.bots.taker import Flow, NoiseTaker
from perplab.clients.bots.trader import Trader, TraderTerms
from perplab.exchange.codes import AccountKind
from perplab.exchange.units import MICRO, MS_NS, SECOND_NS
from perplab.lab.agent_tables import Makers, Professionals
from perplab.lab.own_agents import OwnAgents, guarded
from perplab.lab.population import GROUPS, Traders
from perplab.lab.runs import ASSET, Floats
from perplab.lab.scenario import Scenario, ScenarioError
from perplab.oracle.keyed import generator

TRADER_MS: Final = 500  # how late a person at a screen sees and acts
LEAST: Final = 0.05  # of a band's depth is the makers' even where bidders rest more than all of it
LEAST_LEVELS: Final = 10  # a side of a maker's ladder, where a venue allows few open orders
RANGE_BP: Final = 500.0  # from the middle of a provider's range to its ends: as far as makers quote


@dataclass(frozen=True)
class Access:
    """What a venue lets agents do."""

    has_auctions: bool = False  # of liquidated accounts
    has_book: bool = True  # orders can rest
    takes_liquidity: bool = False  # the pool of its curve takes money
    has_ranges: bool = False  # ... for ranges of prices
    has_blocks: bool = False  # commands wait for a block, which puts them into an order of its own
    open_orders: int = 2000  # of an account at a time


@dataclass(frozen=True)
class Agent:
    """Someone with an account; `make` is None for those who do nothing during the run."""

    name: str
    cohort: str
    kind: AccountKind
    deposit: int  # [micro]
    make: Callable[[Seat], Bot] | None = None
    hears_ns: int = 0  # delay of events and of the outside price
    orders_ns: int = 0  # delay of commands
    begins_usd: float = 0.0  # its position when the run begins, below zero: short

    def __post_init__(self) -> None:
        for name in ("hears_ns", "orders_ns"):
            if getattr(self, name) < 0:
                raise ScenarioError(f"agent {self.name!r}: {name} is {getattr(self, name)}: expected 0 or more, nobody hears the future")


def cast(scenario: Scenario, flows: list[Flow], seed: int, access: Access) -> list[Agent]:
    """All agents that start flat, in the order of their accounts."""
    return [
        *makers(scenario, access),
        *_arbitrageurs(scenario, seed, access),
        *_bidders(scenario, seed, access),
        *_momentum(scenario, seed),
        *_noise(scenario, flows),
    ]


def holders(scenario: Scenario, traders: Traders) -> list[Agent]:
    """The population as agents, in its own order; only those who add margin have a bot."""
    adders = traders.adders
    terms = {
        account: TraderTerms(interval, phase, ASSET, scenario.population.add_alarm, amount, scenario.population.add_times)
        for account, amount, interval, phase in zip(
            adders.account.tolist(), adders.amount.tolist(), adders.interval_ns.tolist(), adders.phase_ns.tolist(), strict=True
        )
    }
    return [
        Agent(f"{GROUPS[group]}/{number}", GROUPS[group], AccountKind.TRADER, deposit, _trader(terms.get(number)), delay, delay)
        for number, (group, deposit, delay) in enumerate(
            zip(traders.group.tolist(), traders.deposit.tolist(), [TRADER_MS * MS_NS] * traders.group.size, strict=True)
        )
    ]


def own_agents(scenario: Scenario, seed: int) -> list[Agent]:
    """Those of the user's own classes, in the order of the scenario."""
    return [
        Agent(
            f"{one.cohort}/{n}", one.cohort, AccountKind.TRADER, _micro(one.capital_usd), _own(one, f"{one.cohort}/{n}", seed),
            one.hears_ms * MS_NS, one.orders_ms * MS_NS, one.begins_usd,
        )
        for one in scenario.agents
        for n in range(one.count)
    ]  # fmt: skip


def _own(who: OwnAgents, name: str, seed: int) -> Callable[[Seat], Bot]:
    bot = who.bot()
    terms = who.terms_of(bot)
    return guarded(lambda seat: bot(seat, **terms, **{draws: generator(seed, name, draws) for draws in who.drawn(bot)}), who.named)


def strangers(agents: Sequence[Agent]) -> list[Agent]:
    """Agents whose bots a caller brought along: they may do no more than those of a scenario."""
    return [replace(one, make=guarded(one.make, getattr(one.make, "__qualname__", one.name))) if one.make else one for one in agents]


def _trader(terms: TraderTerms | None) -> Callable[[Seat], Bot] | None:
    return (lambda seat: Trader(seat, terms)) if terms else None


def makers(scenario: Scenario, access: Access) -> list[Agent]:
    """Makers take turns within the interval, quoting or looking after what they have in a pool."""
    who = scenario.makers
    if not who.count:
        return []
    make = _quoting(scenario, access) if access.has_book else _providing(who, access)
    return [
        Agent(
            f"makers/{n}", "makers", AccountKind.MAKER, _micro(who.capital_usd), make(n) if make else None, who.outside_ms * MS_NS,
            who.order_ms * MS_NS,
        )
        for n in range(who.count)
    ]  # fmt: skip


def _providing(who: Makers, access: Access) -> Callable[[int], Callable[[Seat], Bot]] | None:
    """All of a maker's capital is for the pool, less what a range of its own needs for the position that it hands back."""
    if not access.takes_liquidity:
        return None
    interval = who.interval_ms * MS_NS

    def make(number: int) -> Callable[[Seat], Bot]:
        phase = interval * (number + 1) // who.count
        width = RANGE_BP if access.has_ranges else 0.0
        terms = ProviderTerms(_micro(who.capital_usd), withdrawal(who), interval, phase, width_bp=width)
        return lambda seat: LiquidityProvider(seat, terms)

    return make


def ladder_levels(who: Makers, open_orders: int) -> int:
    """Of a side: the scenario's, or as many as a venue lets one rest."""
    return max(LEAST_LEVELS, min(who.levels, open_orders // 2))


def _quoting(scenario: Scenario, access: Access) -> Callable[[int], Callable[[Seat], Bot]]:
    """Makers share the depth equally."""
    who = scenario.makers
    each = MICRO / who.count
    bids, asks = (_left_by_bidders(scenario, np.array(depth)) * each for depth in (who.bid_usd, who.ask_usd))
    shape = ladder(ladder_levels(who, access.open_orders), who.nearest_bp, np.array(who.depth_bp), bids, asks)
    interval = who.interval_ms * MS_NS

    def make(number: int) -> Callable[[Seat], Bot]:
        terms = MakerTerms(
            shape,
            withdrawal(who),
            interval,
            interval * (number + 1) // who.count,
            who.leverage,
            who.skew_bp,
            access.has_blocks,
            access.has_auctions,
            _answer_ns(who),
            _calls(who),
        )
        return lambda seat: MarketMaker(seat, terms)

    return make


def _answer_ns(who: Professionals) -> int:
    """From sending a command until its outcome is heard of."""
    return (who.order_ms + who.outside_ms) * MS_NS


def _calls(who: Professionals) -> CallTerms:
    return CallTerms(ASSET, _micro(who.outside_usd), round(who.transfer_s * SECOND_NS), _micro(who.transfer_usd), who.call_at)


def withdrawal(who: Makers) -> Withdrawal:
    return Withdrawal(who.calm_bp, who.wild_bp, who.withdraw_bid, who.withdraw_ask, who.rise_s, who.fall_s)


def _left_by_bidders(scenario: Scenario, measured: Floats) -> Floats:
    """Cumulative depth that the makers add to what bidders rest in the book, never less than a share of it. Shape (k,) [USD]"""
    makers, bidders = scenario.makers, scenario.bidders
    resting = bidders.count * min(bidders.clip_usd, bidders.capital_usd * bidders.leverage) * np.array(bidders.share)
    reached = np.searchsorted(makers.depth_bp, bidders.edge_bp)  # the measured band that a bid falls into
    within = np.bincount(reached, weights=resting, minlength=measured.size)[: measured.size]
    band = np.diff(measured * makers.depth_scale, prepend=0.0)
    left: Floats = np.cumsum(np.maximum(band - within, LEAST * band))
    return left


def _arbitrageurs(scenario: Scenario, seed: int, access: Access) -> list[Agent]:
    who = scenario.arbitrageurs

    def make(name: str) -> Callable[[Seat], Bot]:
        phase = _phase(seed, name, who.interval_ms)
        terms = ArbitrageTerms(
            who.interval_ms * MS_NS, phase, who.enter_bp, who.leave_bp, _micro(who.clip_usd), who.leverage, access.has_auctions,
            _answer_ns(who), _calls(who),
        )  # fmt: skip
        return lambda seat: Arbitrageur(seat, terms)

    return [
        Agent(name, "arbitrageurs", AccountKind.TRADER, _micro(who.capital_usd), make(name), who.outside_ms * MS_NS, who.order_ms * MS_NS)
        for name in (f"arbitrageurs/{n}" for n in range(who.count))
    ]


def _bidders(scenario: Scenario, seed: int, access: Access) -> list[Agent]:
    who = scenario.bidders

    def make(name: str) -> Callable[[Seat], Bot]:
        terms = BidderTerms(
            who.interval_ms * MS_NS,
            _phase(seed, name, who.interval_ms),
            max(1, who.outside_ms * MS_NS),  # it looks after it was told, not at the same time
            np.array(who.edge_bp),
            np.array(who.share),
            who.leverage,
            who.unwind_share,
            who.unwind_bp,
            access.has_auctions,
            access.has_book,
            access.has_blocks,
            _micro(who.clip_usd),
            who.wild_edge,
            withdrawal(scenario.makers),
            _answer_ns(who),
            _calls(who),
        )
        return lambda seat: Bidder(seat, terms)

    return [
        Agent(name, "bidders", AccountKind.BIDDER, _micro(who.capital_usd), make(name), who.outside_ms * MS_NS, who.order_ms * MS_NS)
        for name in (f"bidders/{n}" for n in range(who.count))
    ]


def _momentum(scenario: Scenario, seed: int) -> list[Agent]:
    who = scenario.momentum

    def make(name: str) -> Callable[[Seat], Bot]:
        look_s, enter_bp = (_between(draw, seed, name, what) for draw, what in ((who.look_s, "look"), (who.enter_bp, "enter")))
        terms = MomentumTerms(
            who.interval_ms * MS_NS,
            _phase(seed, name, who.interval_ms),
            max(1, round(look_s * 1000 / who.interval_ms)),
            enter_bp,
            who.leave_share * enter_bp,
            _micro(who.position_usd),
            who.leverage,
            who.slippage_bp,
        )
        return lambda seat: Momentum(seat, terms)

    return [
        Agent(name, "momentum", AccountKind.TRADER, _micro(who.capital_usd), make(name), who.outside_ms * MS_NS, who.order_ms * MS_NS)
        for name in (f"momentum/{n}" for n in range(who.count))
    ]


def _noise(scenario: Scenario, flows: list[Flow]) -> list[Agent]:
    """Their orders arrive when the flow says: no delay on top."""
    capital = _micro(scenario.noise.capital_usd)

    def make(flow: Flow) -> Callable[[Seat], Bot]:
        return lambda seat: NoiseTaker(seat, flow)

    return [Agent(f"noise/{n}", "noise", AccountKind.TRADER, capital, make(flow)) for n, flow in enumerate(flows)]


def _phase(seed: int, name: str, interval_ms: int) -> int:
    """When within its interval an agent first looks [ns]."""
    return int(generator(seed, name, "phase").integers(1, interval_ms * MS_NS + 1))


def _between(bounds: tuple[float, float], seed: int, name: str, purpose: str) -> float:
    low, high = bounds
    return float(generator(seed, name, purpose).uniform(low, high))


def _micro(usd: float) -> int:
    return round(usd * MICRO)
