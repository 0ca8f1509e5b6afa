"""A venue that goes back to an earlier state under a task: what it reports then, and that it sends nothing more. Also where that happens
while nobody is connected: a new epoch is a restart or a way back, and which of the two is found out."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from perplab.clients import LocalClient, Rewound
from perplab.clients.bots.base import NOTHING, Action, Bot, View
from perplab.clients.execution import Hedge, Oco, Report, Scale, Twap, run
from perplab.clients.runner import Runner, seat
from perplab.clients.tasks import REWOUND, Task
from perplab.clients.types import Account, Position
from perplab.exchange.codes import Side

Make = Callable[..., LocalClient]
KINDS = ("twap", "oco", "scale", "hedge")


def held_of(account: Account) -> list[Position]:
    """Its positions, but for what they gain as the mark moves."""
    return [replace(one, unrealized_pnl=None) for one in account.positions]


class Case:
    """A task over a venue that is alive, and an operator."""

    def __init__(self, make: Make, kind: str) -> None:
        self.client = make(world="sandbox")
        self.operator = self.client.join("operator")
        self.other = self.client.join("bob")
        for one in (self.client, self.other):
            one.faucet("100000")
        self.client.step(1)
        self.looks = 0
        self.task = self.made(kind)

    def made(self, kind: str) -> Task:
        venue = self.client.venue
        btc, sol = venue.market("BTC"), venue.market("SOL")
        if kind == "twap":
            return Twap(sol, Side.BUY, "20", slices=10, every_s=1)
        mark = self.client.ticker("BTC").mark
        assert mark is not None
        if kind == "oco":
            self.client.market_buy("BTC", "0.05")
            return Oco(btc, "0.05", take_profit=mark + 2000, stop=mark - 2000)
        if kind == "scale":
            return Scale(btc, Side.BUY, "2", first=mark + 10, last=mark - 3000, orders=2)
        return Hedge(btc, sources=[(self.other, {"BTC": 1})], band="0.001")

    def run(self, acts: dict[int, Callable[[], Any]]) -> Report:
        def between(seconds: float) -> None:
            self.looks += 1
            acts.get(self.looks, lambda: None)()
            assert self.looks < 60, "it does not end"
            self.client.step(seconds)

        return run(self.client, self.task, between)

    def rewind(self) -> None:
        self.operator.ask("rewind", name="before")

    def rewind_unheard(self) -> None:
        self.client.disconnect()
        self.rewind()


@pytest.fixture(params=KINDS)
def case(request: pytest.FixtureRequest, perplab_exchange: Make) -> Case:
    made = Case(perplab_exchange, request.param)
    made.operator.ask("snapshot", name="before")
    return made


@pytest.mark.parametrize("way", [Case.rewind, Case.rewind_unheard])
def test_a_report_says_what_a_way_back_may_have_undone(case: Case, way: Callable[[Case], None]) -> None:
    report = case.run({1: lambda: case.other.market_buy("BTC", "0.05"), 3: lambda: way(case)})
    assert report.why == REWOUND and report.may_be_undone
    placed = case.client.account()
    case.client.step(5)
    assert case.client.account().orders == placed.orders and held_of(case.client.account()) == held_of(placed), "nothing more is sent"


def test_what_was_not_undone_goes_on(perplab_exchange: Make) -> None:
    """A restarted server has a new epoch, too; with a journal it has lost nothing."""
    case = Case(perplab_exchange, "twap")

    def restarted() -> None:
        case.client.disconnect()
        case.client.host.epoch = "another"

    report = case.run({3: restarted, 5: restarted})
    assert report.filled == 20 and report.why == "filled" and not report.may_be_undone
    assert [position.size for position in case.client.positions()] == [Decimal(20)]


def test_an_order_whose_reply_is_lost_is_not_sent_to_a_venue_that_went_back(perplab_exchange: Make) -> None:
    case = Case(perplab_exchange, "twap")
    case.operator.ask("snapshot", name="before")
    real, batches = case.client._do, 0

    def cut(call: Any, timeout: float | None = None) -> Any:
        nonlocal batches
        batches += call.op == "batch"
        if call.op == "batch" and batches == 3:
            case.operator.ask("fault", user="alice", kind="drop")
            try:
                return real(call, timeout)
            finally:
                case.rewind()
        return real(call, timeout)

    case.client._do = cut  # type: ignore[method-assign]
    report = case.run({})
    assert report.why == REWOUND and batches == 3 and case.client.positions() == ()


def test_a_way_back_while_orders_are_refused_is_still_said(perplab_exchange: Make) -> None:
    """Whatever an answer says besides, the way back is the reason."""
    case = Case(perplab_exchange, "oco")
    case.task.hear(Rewound(snapshot="before", ts=0))
    case.task.why = "the position is gone"
    assert case.task.is_done and case.task.report().why == REWOUND


class Waker(Bot):
    def on_start(self, ts: int, view: View) -> Action:
        return NOTHING, ts + 10**9

    def on_wake(self, ts: int, view: View) -> Action:
        return NOTHING, ts + 10**9


@pytest.mark.parametrize("way", [Case.rewind, Case.rewind_unheard])
def test_the_run_of_a_bot_ends_with_the_world_that_it_remembers(perplab_exchange: Make, way: Callable[[Case], None]) -> None:
    case = Case(perplab_exchange, "twap")
    case.operator.ask("snapshot", name="before")
    looks = 0

    def between(seconds: float) -> None:
        nonlocal looks
        looks += 1
        if looks == 3:
            case.client.disconnect()
            case.client.host.epoch = "another"  # started anew, with all that it had
        if looks == 6:
            way(case)
        case.client.step(seconds)

    ran = run(case.client, Runner(Waker(seat(case.client, "BTC")), for_s=60), between)
    assert ran.why == REWOUND and looks == 6
