"""The kill switch and the gate at venues that lie, stall, say things twice or in another order, and cut: it never believes that it is flat
when it is not, it ends, it keeps to its slices, and it stays tripped."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from liar import Lie, Muddle, Rough, instead, lying
from paper import BTC

from perplab.clients import LocalClient, NewOrder, Refused, Venue, local
from perplab.clients import types as t
from perplab.clients.carrying import run
from perplab.clients.kill_switch import REFUSALS, TRIES
from perplab.clients.risk import KillSwitch, Limits, broken
from perplab.clients.worth import asset_of
from perplab.exchange.codes import OrderType, Side

Make = Callable[..., LocalClient]


class Case:
    """Alice, long 1 BTC with two orders in a venue that is alive, and what she sends. Lies begin when the switch acts."""

    def __init__(self, make: Make, patch: pytest.MonkeyPatch) -> None:
        self.lie: Lie | None = None
        patch.setattr(local, "Session", lying(lambda op, message: [message] if self.lie is None else self.lie(op, message)))
        self.client = make(world="sandbox")
        self.bob = self.client.join("bob")  # from another connection the lies would be his, too: he is not asked while they go on
        self.client.faucet("100000")
        self.client.step(1)
        self.client.market_buy("BTC", "1")
        self.client.buy("BTC", "0.1", "50000")
        self.client.sell("BTC", "0.1", "70000")
        self.sent: list[dict[str, Any]] = []
        self.waits = 0
        self.refused: set[str] = set()  # and not carried out
        real = self.client._do

        def do(call: Any, timeout: float | None = None) -> Any:
            self.sent.append({"op": call.op, **call.fields})
            if call.op in self.refused:
                raise Refused(401, "RATE_LIMITED", "too many requests", {})
            return real(call, timeout)

        self.client._do = do  # type: ignore[method-assign]

    def wait(self, seconds: float) -> None:
        self.waits += 1
        assert self.waits < 1_000, "it does not end"
        self.client.step(seconds)

    def stop(self, switch: KillSwitch, lie: Lie | None = None) -> Any:
        switch.trip("by hand")
        self.lie = lie
        done = run(self.client, switch.check(self.client), self.wait)
        assert done is not None and done.why == "by hand"
        self.lie = None
        return done

    @property
    def truth(self) -> t.Account:
        self.lie = None
        return self.client.account(timeout=30)


@pytest.fixture
def case(perplab_exchange: Make, monkeypatch: pytest.MonkeyPatch) -> Case:
    return Case(perplab_exchange, monkeypatch)


def no(message: dict[str, Any]) -> dict[str, Any]:
    return {"id": message["id"], "ok": False, "code": 401, "reason": "RATE_LIMITED", "message": "too many requests", "data": {}}


def test_what_a_venue_says_of_an_order_is_not_believed(case: Case) -> None:
    """Orders are filled, it says, and the position stays as it is."""
    seen: list[Any] = []

    def lie(op: str, message: Any) -> list[Any]:
        if op == "account":
            seen.append(message)
            return [{**message, "positions": seen[0]["positions"], "id": message["id"]}]
        return [message]

    done = case.stop(KillSwitch(flatten=True, slice_usd=1_000), lie)
    places = [one for one in case.sent if one["op"] == "place"]
    assert len(places) == TRIES and all(one["size"] * 60_000 <= 1_100 * 10**5 and one["reduce_only"] for one in places)
    assert done.positions[0].size == 1 and "could not close BTC: the venue says that it has traded, but not that" in done.did[-1]


def test_orders_that_did_not_fit_the_answer_are_open(case: Case) -> None:
    done = case.stop(KillSwitch(), instead("account", lambda told: {**told, "orders": [], "more": 7}))
    assert done.orders == 7 and done.did[-1] == "7 orders are still open after 10 of 10 cancels"


def test_a_refused_cancellation_does_not_keep_it_from_closing(case: Case) -> None:
    done = case.stop(KillSwitch(flatten=True), instead("cancel_all", no))
    assert done.positions == () and case.truth.positions == ()
    assert done.did == ("cancelled 2 of 2 orders", "sold 1 of 1 BTC"), "the venue did it, and said no: what it shows counts"
    done = case.stop(KillSwitch(), lambda op, message: [no(message)] if op == "account" else [message])
    assert done.orders is None and done.positions is None and "could not go on, orders may be open: RATE_LIMITED" in done.did[0]


def test_what_is_refused_is_said(case: Case) -> None:
    case.refused = {"cancel_all", "place"}
    done = case.stop(KillSwitch(flatten=True))
    assert done.orders == 2 and done.positions[0].size == 1, "neither could be done, and it has tried both"
    said = "; ".join(done.did)
    assert "2 orders are still open in BTC after 1 of 10 cancels: RATE_LIMITED" in said and "could not close BTC: RATE_LIMITED" in said
    case.refused = set()
    done = case.stop(KillSwitch(flatten=True))
    assert (done.orders, done.positions) == (0, ())


def test_others_who_go_on_are_cancelled_again(case: Case) -> None:
    """An order that comes while positions are closed is not left."""
    switch, real = KillSwitch(flatten=True, slice_usd=20_000), case.wait

    def wait(seconds: float) -> None:
        if case.waits == 0:
            case.client.buy("BTC", "0.1", "40000")
        real(seconds)

    switch.trip("by hand")
    done = run(case.client, switch.check(case.client), wait)
    assert done is not None and (done.orders, done.positions) == (0, ()) and done.did[-1] == "cancelled 1 of 1 orders"
    assert case.truth.orders == ()


def test_without_a_mark_it_keeps_to_its_slices(case: Case) -> None:
    done = case.stop(KillSwitch(flatten=True, slice_usd=25_000), instead("ticker", lambda told: {**told, "mark": None}))
    places = [one["size"] for one in case.sent if one["op"] == "place"]
    assert len(places) == 3 and max(places) <= 42_000 and done.positions == (), "a third of 1 BTC each, at 60,000"


def test_an_alarm_that_fails_keeps_it_from_nothing(case: Case) -> None:
    def alarm(why: str) -> None:
        raise OSError("no line")

    done = case.stop(KillSwitch(flatten=True, on_trip=alarm))
    assert done.did[0] == "on_trip has raised OSError: no line" and (done.orders, done.positions) == (0, ())


def test_a_lost_connection_trips_it_whatever_its_alarm_does(case: Case) -> None:
    switch = KillSwitch(on_trip=lambda why: [][1])
    looks = iter([None, case.client.disconnect])

    def wait(seconds: float) -> None:
        (next(looks) or (lambda: None))()
        case.wait(seconds)

    done = run(case.client, switch.watch(case.client), wait)
    assert done.why.startswith("the connection was lost") and done.orders == 0


def test_looks_that_are_refused(case: Case) -> None:
    """One is for a venue that is asked too often; many in a row are a switch that sees nothing; the first is how it was set up."""
    case.lie = instead("account", no)
    with pytest.raises(Refused, match="RATE_LIMITED"):
        run(case.client, KillSwitch(max_loss=1).check(case.client))
    switch = KillSwitch(max_loss=10_000)
    for lie, looks in ((None, 1), (case.lie, REFUSALS - 1), (None, 1), (instead("account", no), REFUSALS - 1)):
        case.lie = lie
        assert [run(case.client, switch.check(case.client)) for _ in range(looks)] == [None] * looks
    done = run(case.client, switch.check(case.client), case.wait)
    assert done is not None and done.why == "the venue has refused 5 looks in a row: RATE_LIMITED: too many requests"
    assert done.orders is None, "not known"


def test_an_account_without_balances_trips_it(case: Case) -> None:
    case.lie = instead("account", lambda told: {**told, "balances": []})
    done = run(case.client, KillSwitch(max_loss=1).check(case.client), case.wait)
    assert done is not None and done.why == "the venue does not say what the account has in USD"


def test_of_several_assets_one_is_said() -> None:
    venue = Venue("two", "Two", ("USD", "EUR"), {"BTC": BTC}, "e")
    with pytest.raises(ValueError, match="equity is in USD, EUR here, and no asset was given: say which by asset="):
        asset_of(venue, None, "equity")
    with pytest.raises(ValueError, match="'JPY' was given"):
        asset_of(venue, "JPY", "equity")
    assert asset_of(venue, "EUR", "equity") == "EUR"


def test_the_equity_of_the_asset_that_was_said(case: Case) -> None:
    def two(op: str, message: Any) -> list[Any]:
        if op == "venue":
            return [{**message, "assets": ["USD", "EUR"]}]
        if op == "account":
            euros = {**message["balances"][0], "asset": 1, "equity": 4_000_000, "value": 5_000_000}
            return [{**message, "balances": [message["balances"][0], euros]}]
        return [message]

    case.lie = two
    case.client.disconnect()
    with pytest.raises(ValueError, match="say which by asset="):
        run(case.client, KillSwitch(max_loss=1).check(case.client))
        run(case.client, KillSwitch(max_loss=1).check(case.client))
    switch = KillSwitch(max_loss=1, asset="EUR")
    assert run(case.client, switch.check(case.client)) is None and switch.equity == 5


def test_a_clock_that_is_set_back_is_looked_at_anew() -> None:
    switch = KillSwitch(max_loss=100, markets=["BTC"], stale_s=10)
    second = 10**9
    assert not switch.look(1_000 * second, Decimal(1_000), "a") and not switch.look(5 * second, Decimal(1_000), "a")
    assert switch.look(16 * second, Decimal(950), "a") == "prices of BTC have stood still for 11 s"
    kept = KillSwitch(max_loss=100)
    kept.look(1_000 * second, Decimal(1_000))
    assert kept.look(5 * second, Decimal(900)), "and what was lost before stays lost"


# -- whatever happens on the way --


@pytest.mark.parametrize("seed", range(24))
def test_it_is_flat_where_it_says_so(case: Case, seed: int) -> None:
    case.client.timeout = 2.0
    switch = KillSwitch(flatten=True, slice_usd=20_000)
    done = case.stop(switch, Rough(seed, (5, 20, 50)[seed % 3]))
    account = case.truth
    if done.positions is not None:
        assert done.positions == account.positions and done.orders == len(account.orders)
    assert account.positions == () or done.positions is None or "could not close" in " ".join(done.did)
    assert all(one.size > 0 for one in account.positions), "never turned round"
    assert all(one["size"] <= 35_000 and one["reduce_only"] for one in case.sent if one["op"] == "place")
    assert switch.why == "by hand" and case.stop(switch).positions == () and switch.why == "by hand", "and once it can, it does the rest"


@pytest.mark.parametrize("seed", range(24))
def test_a_venue_that_lies_keeps_it_neither_from_ending_nor_from_staying_tripped(case: Case, seed: int) -> None:
    case.client.timeout = 2.0
    switch = KillSwitch(max_loss=1, markets=["BTC"], stale_s=60, dead_man_s=30, flatten=True, slice_usd=20_000)
    lie = Muddle(seed, (5, 20, 50)[seed % 3])
    done = case.stop(switch, lambda op, message: [message] if op == "venue" else lie(op, message))
    assert done.did
    assert all(one["size"] <= 1 << 40 and one["reduce_only"] for one in case.sent if one["op"] == "place")
    case.client.disconnect()  # whatever the last login said
    assert case.stop(switch).positions == () and switch.why == "by hand"


# -- the gate --


def test_orders_that_a_gate_does_not_see_are_counted() -> None:
    account, order = t.Account(1, 0, (), (), (), more=5), NewOrder("BTC", Side.BUY, "0.1", "60000")
    assert broken(order, Limits(open_orders=5), BTC, account, None) == "5 orders are open; the limit is 5"
    unknown = "what the position could become is not known: 5 open orders did not fit the venue's answer"
    assert broken(order, Limits(position=1), BTC, account, None) == unknown
    reducing = msgspec.structs.replace(order, reduce_only=True, order_type=OrderType.LIMIT)
    assert broken(reducing, Limits(position=1), BTC, account, None) == ""
