"""Who hears of what: a bot is told of its own account's events, once, after its delay, and never of another's."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from perplab.clients.bots.base import NOTHING, Action, Bot, Seat, View, pack
from perplab.exchange.codes import AccountKind, SelfTrade, Side
from perplab.exchange.design.venue import load_venue
from perplab.exchange.events import BlockTraded, Event, FundingSampled, MarkMoved, Traded
from perplab.exchange.messages import KIND_COLUMN, Place, column_of
from perplab.lab.agents import Agent
from perplab.lab.runs import Ints
from perplab.lab.scenario import Scenario, load_scenario
from perplab.lab.simulation import Simulation, run
from perplab.lab.stage import Stage, set_stage, with_capital

SECOND = 10**9
DELAY = 7_000_000
SEQ, TS = column_of(Event, "seq"), column_of(Event, "ts")


class Ear(Bot):
    """Writes down what it is told, and otherwise does what the bot whose seat it took would have done."""

    hears = frozenset({Traded.KIND})

    def __init__(self, seat: Seat, inner: Bot | None = None) -> None:
        super().__init__(seat)
        self.inner = inner or Bot(seat)
        self.heard: list[tuple[int, Event]] = []

    def on_start(self, ts: int, view: View) -> Action:
        return self.inner.on_start(ts, view)

    def on_event(self, ts: int, event: Event) -> Action:
        self.heard.append((ts, event))
        return NOTHING, None

    def on_wake(self, ts: int, view: View) -> Action:
        return self.inner.on_wake(ts, view)


class SelfTrader(Ear):
    """Sells to itself, once, between the best bid and the best ask."""

    def on_start(self, ts: int, view: View) -> Action:
        return NOTHING, ts + 5 * SECOND + 1

    def on_wake(self, ts: int, view: View) -> Action:
        mine, price = (self.seat.account, self.seat.market), view.ask - 1
        assert view.bid < price
        offer = Place(0, *mine, Side.SELL, price, 1, self_trade=SelfTrade.NONE)
        return pack(offer, msgspec.structs.replace(offer, side=Side.BUY)), None


def short(changes: dict[str, object] | None = None) -> Scenario:
    """A calm half minute with few accounts."""
    path = {**msgspec.to_builtins(load_scenario("calm").path), "minutes": 1}
    return load_scenario("calm").override({"population": {"accounts": 30}, "path": path, **(changes or {})})


def staged(scenario: Scenario) -> tuple[Simulation, Stage]:
    venue = with_capital(load_venue("book_fund_adl"), scenario.backstop_usd)
    stage = set_stage(venue, scenario, 1, None)
    return Simulation(venue, scenario, stage), stage


def with_ears(kind: type[Ear], *cohorts: str) -> tuple[Simulation, list[Ear]]:
    """A simulation in which an ear sits on the first account of each cohort, in the place of its bot."""
    scenario = short()
    _, stage = staged(scenario)
    bots = {bot.seat.account: bot for _, bot in stage.actors}
    ears = []
    for name in cohorts:
        account = int(next(one for one in stage.cohorts if one.name == name).accounts[0])
        ears.append(kind(Seat(account, 0, stage.terms.unit), bots.pop(account, None)))
    kept = [(agent, bot) for agent, bot in stage.actors if bot.seat.account in bots]
    listening = [(Agent("ear", "ear", AccountKind.TRADER, 1, hears_ns=DELAY, orders_ns=0), ear) for ear in ears]
    venue = with_capital(load_venue("book_fund_adl"), scenario.backstop_usd)
    simulation = Simulation(venue, scenario, Stage(**{**vars(stage), "actors": [*kept, *listening]}))
    return simulation, ears


def traded(simulation: Simulation) -> Ints:
    rows = simulation.recorder.events()
    return rows[rows[:, KIND_COLUMN] == Traded.KIND]


def test_a_fill_is_heard_by_its_taker_and_its_maker_and_nobody_else() -> None:
    simulation, ears = with_ears(Ear, "makers", "noise", "longs")
    simulation.play(None)
    rows, end = traded(simulation), simulation.stage.path.end_ns
    taker, maker = rows[:, column_of(Traded, "taker")], rows[:, column_of(Traded, "maker")]
    for ear in ears:
        mine = rows[((taker == ear.seat.account) | (maker == ear.seat.account)) & (rows[:, TS] + DELAY <= end)]
        assert [event.seq for _, event in ear.heard] == mine[:, SEQ].tolist()
        assert [at for at, _ in ear.heard] == (mine[:, TS] + DELAY).tolist()
        assert all(isinstance(event, Traded) for _, event in ear.heard)
    by_maker, by_taker, by_long = (ear.heard for ear in ears)
    assert by_maker and by_taker and not by_long
    assert any(event.maker == ears[0].seat.account for _, event in by_maker if isinstance(event, Traded))
    assert any(event.taker == ears[1].seat.account for _, event in by_taker if isinstance(event, Traded))


def test_a_self_trade_is_heard_once() -> None:
    simulation, (ear,) = with_ears(SelfTrader, "longs")
    simulation.play(None)
    (heard,) = ear.heard
    at, event = heard
    assert isinstance(event, Traded) and event.taker == event.maker == ear.seat.account
    assert at == event.ts + DELAY


@pytest.mark.parametrize("kind", [MarkMoved, FundingSampled])
def test_what_is_public_is_heard_by_all_who_listen(kind: type[Event]) -> None:
    class Listener(Ear):
        hears = frozenset({kind.KIND})

    simulation, ears = with_ears(Listener, "longs", "hedgers")
    simulation.play(None)
    rows = simulation.recorder.events()
    opened, end = simulation.stage.path.start_ns, simulation.stage.path.end_ns
    told = rows[(rows[:, KIND_COLUMN] == kind.KIND) & (rows[:, TS] + DELAY <= end) & (rows[:, TS] > opened)]
    for ear in ears:
        assert [event.seq for _, event in ear.heard if event.ts > opened] == told[:, SEQ].tolist() != []


def test_both_sides_of_a_block_trade_hear_of_it() -> None:
    class Listener(Ear):
        hears = frozenset({BlockTraded.KIND})

    simulation, ears = with_ears(Listener, "longs", "hedgers", "makers")
    simulation.play(None)
    rows = simulation.recorder.events()
    rows = rows[rows[:, KIND_COLUMN] == BlockTraded.KIND]
    for ear, side in zip(ears, ("buyer", "seller", "buyer"), strict=True):
        mine = rows[rows[:, column_of(BlockTraded, side)] == ear.seat.account]
        assert [event.seq for _, event in ear.heard] == mine[:, SEQ].tolist()
    assert [bool(ear.heard) for ear in ears] == [True, True, False]


def test_who_hears_without_delay_hears_at_once() -> None:
    """An exogenous command whose events are known the same moment goes in alone."""
    fast = short({"bidders": {"outside_ms": 0}, "makers": {"outside_ms": 0}})
    made = run(load_venue("auction_fund_adl"), fast, 1)
    assert made.closing_size.sum() == 0
    assert (np.diff(made.events[:, TS]) >= 0).all()
