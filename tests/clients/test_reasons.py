"""Why an order, or the rest of it, is cancelled: as the reply says it, as a question does, and of packed commands."""

from __future__ import annotations

from perplab.clients import LocalClient
from perplab.clients.bots.base import pack
from perplab.clients.types import NewOrder, Order
from perplab.exchange.codes import CancelReason, SelfTrade, Side, TimeInForce
from perplab.exchange.messages import Place


def test_the_reason_is_in_the_reply() -> None:
    alice = LocalClient("alice", prices={"BTC": "60000"})
    bob = alice.join("bob")
    alice.faucet("100000")
    bob.faucet("100000")
    resting = alice.sell("BTC", "0.1", "60010")
    assert resting.reason is None
    bought = bob.market_buy("BTC", "0.3")
    assert (bought.state.name, bought.reason) == ("CANCELLED", CancelReason.IMMEDIATE)
    assert bob.order(bought).reason is CancelReason.IMMEDIATE and bob.order(client_id=bought.client_id).reason is CancelReason.IMMEDIATE
    assert bob.join("bob").order(bought.order_id).reason is CancelReason.IMMEDIATE
    own = alice.sell("BTC", "0.1", "60010")
    (crossed,) = alice.batch([NewOrder("BTC", Side.BUY, "0.1", "60010", tif=TimeInForce.IOC, self_trade=SelfTrade.CANCEL_TAKER)])
    assert isinstance(crossed, Order) and crossed.reason is CancelReason.SELF_TRADE
    assert alice.cancel(own).reason is CancelReason.USER
    assert alice.amend(alice.buy("BTC", "0.1", "59000"), price="58000").reason is None


def test_of_packed_commands() -> None:
    alice = LocalClient("alice", prices={"BTC": "60000"})
    alice.faucet("100000")
    account = alice.account().account
    rows = pack(Place(0, account, 0, Side.BUY, 59_000, 100, tif=TimeInForce.IOC), Place(0, account, 0, Side.BUY, 59_000, 100))
    assert [one.reason for one in alice.send_rows(rows).rows] == [CancelReason.IMMEDIATE, None]
