"""Tasks on a way that is rough: nothing false is said, but messages come twice, later, in part or not at all, and connections are cut. What
a task reports is what the account has, and what is sent again is not done twice."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from liar import Lie, Rough, lying

from perplab.clients import LocalClient, local
from perplab.clients.execution import Hedge, Report, Scale, Twap, run
from perplab.clients.tasks import Task
from perplab.exchange.codes import Side

Make = Callable[..., LocalClient]
RATES = (5, 10, 20)  # of a hundred messages


class Way:
    """A client of a venue that is alive, and a way to it that is rough for a number of looks."""

    def __init__(self, make: Make, patch: pytest.MonkeyPatch) -> None:
        self.lie: Lie | None = None
        patch.setattr(local, "Session", lying(lambda op, message: [message] if self.lie is None else self.lie(op, message)))
        self.client = make(world="sandbox")
        self.client.faucet("100000")
        self.client.step(1)
        self.looks = 0

    def run(self, task: Task, seed: int, rough: int, acts: dict[int, Callable[[], Any]]) -> Report:
        """Rough for the first looks; `acts` happen before the looks of their numbers."""
        self.client.timeout = 20.0

        def between(seconds: float) -> None:
            self.looks += 1
            if self.looks >= rough:
                self.lie = None
            acts.get(self.looks, lambda: None)()
            assert self.looks < 200, "it does not end"
            self.client.step(seconds)

        self.lie = Rough(seed, RATES[seed % 3])
        report = run(self.client, task, between)
        self.lie, self.client.timeout = None, 30.0
        return report

    def held(self, market: str) -> Decimal:
        return sum((one.size for one in self.client.positions() if one.market == market), Decimal(0))


@pytest.fixture
def way(perplab_exchange: Make, monkeypatch: pytest.MonkeyPatch) -> Way:
    return Way(perplab_exchange, monkeypatch)


@pytest.mark.parametrize("seed", range(6))
def test_a_twap_counts_each_fill_once(way: Way, seed: int) -> None:
    report = way.run(Twap(way.client.venue.market("SOL"), Side.BUY, "20", slices=5, every_s=2), seed, 60, {})
    assert report.filled == way.held("SOL") and report.filled + report.left == 20 and not report.may_be_undone


@pytest.mark.parametrize("seed", range(6))
def test_a_ladder_is_placed_once_and_taken_back(way: Way, seed: int) -> None:
    task = Scale(way.client.venue.market("BTC"), Side.BUY, "0.6", first="60000", last="57000", orders=4)
    report = way.run(task, seed, 20, {20: task.cancel})
    assert report.why in ("cancelled", "nothing rests any more") and way.client.open_orders() == ()
    assert report.filled == way.held("BTC") and report.filled <= Decimal("0.6")


@pytest.mark.parametrize("seed", range(6))
def test_a_hedge_is_never_made_twice(way: Way, seed: int) -> None:
    other = way.client.join("bob")
    other.faucet("100000")
    other.market_buy("BTC", "0.5")
    task = Hedge(way.client.venue.market("BTC"), sources=[(other, {"BTC": 1})], band="0.001", slippage_bp=200)
    most: list[Decimal] = []
    real = task.act

    def act(now: int, mark: int | None) -> Any:
        most.append(task.terms.size(task.held))
        return real(now, mark)

    task.act = act  # type: ignore[method-assign]
    report = way.run(task, seed, 20, {30: task.cancel})
    assert report.why == "cancelled" and abs(way.held("BTC") + Decimal("0.5")) <= Decimal("0.001")
    assert min(most) >= Decimal("-0.501"), "nor in between"


def test_a_private_stream_that_was_given_up_is_begun_again_by_a_task(way: Way) -> None:
    """Else it would wait for ever for what became of its orders."""
    task = Twap(way.client.venue.market("SOL"), Side.BUY, "20", slices=5, every_s=1)
    broken = 0

    def tear() -> None:
        nonlocal broken

        def other(op: str, message: Any) -> list[Any]:
            nonlocal broken
            if message.get("channel") == "private" and message.get("type") == "events":
                broken += 1
                return [{**message, "prev_seq": message["prev_seq"] + 1}]
            return [message]

        way.lie = other

    report = way.run(task, 0, 1, {1: tear, 12: lambda: setattr(way, "lie", None)})
    assert broken >= 5 and report.filled == way.held("SOL") == 20
