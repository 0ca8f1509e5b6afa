"""Programs, and what carries them: errors go where they belong, and nothing is left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from test_three import priced, serving

from perplab.clients import Client, LocalClient, Refused
from perplab.clients.carrying import Program, ask, run, run_async, together, wait
from perplab.clients.execution import Twap
from perplab.clients.risk import KillSwitch
from perplab.exchange.codes import Side
from perplab.exchange.units import SECOND_NS

Make = Callable[..., LocalClient]


@pytest.fixture
def client(perplab_exchange: Make) -> LocalClient:
    client = perplab_exchange(world="sandbox")
    client.faucet("100000")
    return client


def test_an_error_is_raised_where_the_program_asked(client: LocalClient) -> None:
    def cautious() -> Program[str]:
        try:
            yield from ask(client, client.calls.withdraw("1000000", 0))
        except Refused as error:
            return error.reason
        return ""

    assert run(client, cautious()) == "INSUFFICIENT_BALANCE"
    with pytest.raises(Refused, match="INSUFFICIENT_BALANCE"):
        run(client, ask(client, client.calls.withdraw("1000000", 0)))


def ticking(client: LocalClient, every: float, count: int, told: list[tuple[float, float]]) -> Program[int]:
    begun = yield from ask(client, client.calls.ping())
    for _ in range(count):
        yield from wait(every)
        told.append((every, ((yield from ask(client, client.calls.ping())) - begun) / SECOND_NS))
    return count


def test_several_programs_go_on_while_one_waits(client: LocalClient) -> None:
    told: list[tuple[float, float]] = []
    programs = (ticking(client, every, count, told) for every, count in ((1.0, 3), (0.5, 4), (2.5, 1)))
    assert run(client, together(*programs)) == [3, 4, 1]
    assert told == [(0.5, 0.5), (1.0, 1.0), (0.5, 1.0), (0.5, 1.5), (1.0, 2.0), (0.5, 2.0), (2.5, 2.5), (1.0, 3.0)]


def test_one_that_raises_ends_the_others(client: LocalClient) -> None:
    def failing() -> Program[None]:
        yield from wait(2)
        yield from ask(client, client.calls.withdraw("1000000", 0))

    task = Twap(client.venue.market("SOL"), Side.BUY, "20", slices=10, every_s=1)
    with pytest.raises(Refused):
        run(client, together(task.program(client), failing()))
    assert client.protocol.listeners == [] and task.filled == 600


def test_a_kill_switch_beside_a_twap(client: LocalClient) -> None:
    """On one client that blocks: the switch trips while the TWAP is under way, ends it, and closes what it has bought."""
    task = Twap(client.venue.market("SOL"), Side.BUY, "2000", slices=10, every_s=1)
    switch = KillSwitch(max_loss=100, flatten=True, on_trip=lambda why: task.cancel())
    bought, stopped = run(client, together(task.program(client), switch.watch(client)))
    assert bought.why == "cancelled" and 0 < bought.filled < 2000
    assert "were lost since the first look" in stopped.why and stopped.positions == () and client.positions() == ()
    assert client.protocol.listeners == []


def test_what_is_cancelled_leaves_nothing_behind() -> None:
    async def script(port: int) -> tuple[int, Decimal]:
        async with Client(port=port, name="alice") as client:
            await client.faucet("100000")

            async def cancelled(seconds: float) -> None:
                raise asyncio.CancelledError

            task = Twap(client.venue.market("SOL"), Side.BUY, "20", slices=10, every_s=1)
            with pytest.raises(asyncio.CancelledError):
                await run_async(client, task, cancelled)
            return len(client.protocol.listeners), task.report().left

    with serving(priced()) as port:
        assert asyncio.run(script(port)) == (0, 20)


def test_a_program_is_for_its_own_kind_of_client(client: LocalClient) -> None:
    def other() -> Iterator[Any]:
        yield Client(), client.calls.ping()

    with pytest.raises(TypeError, match="an asyncio client is for run_async"):
        run(client, other())  # type: ignore[arg-type]


def test_it_hears_only_what_is_its_own(client: LocalClient) -> None:
    task = Twap(client.venue.market("SOL"), Side.BUY, "20", slices=2, every_s=1)

    def between(seconds: float) -> None:
        client.market_buy("SOL", "3")  # somebody else of the same account
        client.step(seconds)

    assert run(client, task, between).filled == 20
    assert [position.size for position in client.positions()] == [23]
