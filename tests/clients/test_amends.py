"""A new price alone opens nothing again that has been filled: by the order, by its id, in a batch and through a gate."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from perplab.clients import LocalClient
from perplab.clients import types as t
from perplab.clients.carrying import run
from perplab.clients.risk import Gate, Limits

Amends = Callable[[LocalClient, t.Order], object]
WAYS: dict[str, Amends] = {
    "order": lambda client, order: client.amend(order, price="3002"),
    "id": lambda client, order: client.amend(order.order_id, price="3002"),
    "batch": lambda client, order: client.batch([t.Amend(order, price="3002")]),
    "gate": lambda client, order: run(client, Gate({"ETH": Limits(order="20")}).amend(client, t.Amend(order, price="3002"))),
}


def filled_in_part() -> tuple[LocalClient, LocalClient, t.Order]:
    """Of 10 coins that are offered, 4 are sold."""
    alice = LocalClient("alice", prices={"BTC": "60000", "ETH": "3000", "SOL": "150"})
    maker = alice.join("maker")
    alice.faucet("100000")
    maker.faucet("9000000")
    order = alice.sell("ETH", "10", "3001")
    maker.buy("ETH", "4", "3001")
    return alice, maker, order


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("is_told", [False, True])
def test_a_price_alone_keeps_what_is_left(way: str, is_told: bool) -> None:
    alice, maker, order = filled_in_part()
    if is_told:
        alice.subscribe_private()
        order = alice.open_orders()[0]
    WAYS[way](alice, order)
    assert [(one.price, one.open) for one in alice.open_orders()] == [(3002, 6)]
    maker.buy("ETH", "100", "3002")
    assert alice.positions()[0].size == -10


def test_what_fills_between_the_look_of_a_gate_and_its_amend_stays_filled(monkeypatch: pytest.MonkeyPatch) -> None:
    alice, maker, order = filled_in_part()
    do = alice._do

    def act(call: Any, timeout: float | None = None) -> Any:
        if call.op == "batch":
            maker.buy("ETH", "2", "3001")
        return do(call, timeout)

    monkeypatch.setattr(alice, "_do", act)
    amended = run(alice, Gate({"ETH": Limits(order="20")}).amend(alice, t.Amend(order, price="3002")))
    assert (amended.open, alice.positions()[0].size) == (4, -6)


def test_a_size_is_what_is_open_afterwards() -> None:
    alice, _, order = filled_in_part()
    assert alice.amend(order, size="10").open == 10 and alice.amend(order, "3002", Decimal(5)).open == 5


def test_of_an_id_that_was_not_heard_of_market_and_price_are_said() -> None:
    alice, _, order = filled_in_part()
    other = alice.join("alice")
    with pytest.raises(ValueError, match="say its market"):
        other.amend(order.order_id, "3002")
    with pytest.raises(ValueError, match="say the price, too"):
        other.amend(order.order_id, size="5", market="ETH")
    assert other.amend(order.order_id, "3002", market="ETH").open == 6
