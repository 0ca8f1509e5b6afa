"""Messages that come late, twice or not for a while, at a client whose clock is stepped: a call that waits lets the time pass."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from perplab.clients import LocalClient, TimedOut, Unknown
from perplab.exchange.codes import OrderState
from perplab.exchange.units import SECOND_NS

Make = Callable[..., LocalClient]


@pytest.fixture
def client(perplab_exchange: Make) -> LocalClient:
    client = perplab_exchange()
    client.faucet("10000")
    client.subscribe_private()
    return client


@pytest.mark.parametrize("kind", ["delay", "stall"])
def test_a_reply_that_comes_late_is_waited_for(client: LocalClient, kind: str) -> None:
    operator = client.join("operator")
    before = client.ping()
    operator.ask("fault", user="alice", kind=kind, ms=500)
    order = client.buy("BTC", "0.01", "59000")
    assert order.state == OrderState.OPEN and operator.ping() - before == SECOND_NS // 2
    operator.ask("fault", user="alice", kind="none")
    assert [type(event).__name__ for event in client.events()] == ["AccountSnapshot", "OrderOpened"]


def test_a_reply_that_comes_too_late_is_unknown(client: LocalClient) -> None:
    operator = client.join("operator")
    operator.ask("fault", user="alice", kind="delay", ms=3000)
    before = operator.ping()
    with pytest.raises(Unknown, match=r"no reply came within 2 s; whether 'place' was carried out is not known") as lost:
        client.buy("BTC", "0.01", "59000", timeout=2)
    assert operator.ping() - before == 2 * SECOND_NS
    with pytest.raises(TimedOut, match=r"no reply came within 1\.5 s to 'ping'"):
        client.ping(timeout=1.5)
    operator.ask("fault", user="alice", kind="none")
    assert client.outcome(lost.value).state == OrderState.OPEN
    client.timeout = 0.5
    operator.ask("fault", user="alice", kind="stall", ms=1000)
    with pytest.raises(TimedOut, match=r"within 0\.5 s"):
        client.ticker("BTC")


def test_events_that_come_late_come_when_time_has_passed(client: LocalClient) -> None:
    bob = client.join("bob")
    bob.faucet("10000")
    client.sell("BTC", "0.01", "60000")
    list(client.events())
    bob.ask("fault", user="alice", kind="delay", ms=1500)
    bob.market_buy("BTC", "0.01")
    client.step(1)
    assert list(client.events()) == []
    client.step(1)
    assert [type(event).__name__ for event in client.events()] == ["Fill"]
