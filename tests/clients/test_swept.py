"""What a cancel of all orders could not take is told, with the markets that are halted."""

from __future__ import annotations

import pytest
from test_three import priced, serving

from perplab.clients import LocalClient, Refused, SyncClient
from perplab.clients.types import Swept
from perplab.exchange.codes import Side


def test_it_counts_what_a_halted_market_keeps() -> None:
    alice = LocalClient("alice", prices={"BTC": "60000", "ETH": "3000"})
    alice.faucet("100000")
    alice.buy("BTC", "0.1", "59000")
    alice.stop_market("BTC", Side.BUY, "70000", "0.1", reduce_only=False)
    alice.buy("ETH", "0.1", "2900")
    alice.ask("set_market_status", market="BTC", status="HALTED")
    told = alice.cancel_all()
    assert isinstance(told, Swept)
    assert (told.cancelled, told.left, told.halted) == (1, 2, ("BTC",))
    with pytest.raises(Refused, match="MARKET_HALTED"):
        alice.cancel_all("BTC")
    alice.ask("set_market_status", market="BTC", status="ACTIVE")
    again = alice.cancel_all("BTC")
    assert isinstance(again, Swept) and (again.cancelled, again.left, again.halted) == (2, 0, ())


def test_over_a_socket() -> None:
    with serving(priced()) as port, SyncClient(port=port, name="alice") as alice:
        alice.faucet("10000")
        alice.buy("BTC", "0.01", "59000")
        told = alice.cancel_all()
        assert isinstance(told, Swept) and (told.cancelled, told.left, told.halted) == (1, 0, ()) and told.seq > 0
