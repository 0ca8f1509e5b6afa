"""What a gate lets pass of orders that the venue sends, ladders and quotes: held against the worst that may come of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from paper import BTC
from test_gate import account, order
from venues import BLOCKS, venue

from perplab.clients import LocalClient, Refused
from perplab.clients import types as t
from perplab.clients.carrying import run
from perplab.clients.risk import Gate, KillSwitch, Limits, OverLimit
from perplab.clients.worst import New, Quotes, worst_of
from perplab.exchange.codes import OrderState, OrderType, PriceSource, Side, TriggerKind

Make = Callable[..., LocalClient]
D = Decimal
BUY, SELL = Side.BUY, Side.SELL
MARK = D(60_000)


def trigger(size: str | None = "0.5", kind: TriggerKind = TriggerKind.STOP, **more: Any) -> t.NewTrigger:
    named = {"side": BUY, "price": "61000", "reduce_only": size is None, "slippage": "0.001", **more}
    return t.NewTrigger(market="BTC", trigger=kind, size=size, **named)


def bracket(size: str = "0.5", **more: Any) -> t.NewBracket:
    return t.NewBracket(market="BTC", side=BUY, size=size, **{"price": "60000", "stop": "59000", "slippage": "0.001", **more})


def twap(size: str = "1", slices: int = 10, **more: Any) -> t.NewTwap:
    return t.NewTwap(market="BTC", side=BUY, size=size, slices=slices, every_s=10, **{"slippage": "0.001", **more})


def ladder(size: str = "1", count: int = 2, last: str = "59000", **more: Any) -> t.NewLadder:
    return t.NewLadder(market="BTC", side=BUY, size=size, first_price="60000", last_price=last, count=count, **more)


def quotes(*pairs: tuple[str, str], side: Side = BUY) -> Quotes:
    return Quotes("BTC", side, pairs)


TRAILING = TriggerKind.TRAILING_PPM
ALL = Limits(order=1, notional=100_000, position=2, open_orders=3, collar_bp=10)


@pytest.mark.parametrize(
    ("new", "state", "told"),
    [
        (trigger(), account("0"), ""),
        (trigger("1.1"), account("0"), "a trigger of 1.1 BTC; the limit is 1"),
        (trigger(), account("1.6"), "could become 2.1 BTC; the limit is 2"),
        (trigger("1", reduce_only=True), account("-2"), ""),
        (trigger("1", price="100001"), account("0"), "a trigger worth 100001 USD; the limit is 100000"),
        (trigger(None, side=SELL, price="59000"), account("1"), "a trigger for the whole position of 2 BTC; the limit is 1"),
        (trigger(slippage=None), account("0"), "a market order without slippage; it may be at most 10 bp beyond the mark"),
        (trigger(slippage="0.0011"), account("0"), "a slippage of 0.0011 is more than 10 bp beyond the mark"),
        (trigger(source=PriceSource.LAST), account("0"), "a trigger by LAST: the mark may be anywhere"),
        (trigger(limit="61061", slippage=None), account("0"), ""),
        (trigger(limit="61062", slippage=None), account("0"), "61062 is more than 10 bp beyond the price at which it fires, 61000"),
        (trigger(kind=TriggerKind.TAKE_PROFIT, price="59000", limit="59000"), account("0"), "TAKE_PROFIT with a limit"),
        (trigger(kind=TriggerKind.TAKE_PROFIT, price="59000"), account("0"), ""),
        (trigger(kind=TRAILING, price=None, trail="0.01"), account("0"), "at what price a trailing stop fires is not known"),
        (trigger(limit="61000"), account("0", *[(SELL, "0.01")] * 3), "3 orders are open; the limit is 3"),
        (trigger(), account("0", *[(SELL, "0.01")] * 3), ""),  # a market order never rests
        (bracket(), account("0"), ""),
        (bracket("1.1"), account("0"), "the entry of a bracket of 1.1 BTC"),
        (bracket("0.5"), account("1.6"), "could become 2.1 BTC"),
        (bracket(price="60061"), account("0"), "a price of 60061 is more than 10 bp"),
        (bracket(price=None, order_type=OrderType.MARKET), account("0"), "an order without a price"),
        (bracket(slippage=None), account("0"), "a market order without slippage"),
        (bracket(source=PriceSource.ORACLE), account("0"), "a bracket by ORACLE"),
        (bracket("1", stop=None, take_profit="100001"), account("0"), "worth 100001 USD"),
        (bracket(), account("0", *[(SELL, "0.01")] * 3), "3 orders are open"),
        (twap("2", 10), account("0"), ""),  # a slice is at most three times an even one
        (twap("2", 4), account("0"), "a slice of a TWAP of 1.500 BTC; the limit is 1"),
        (twap("2", 10, minimum_slice="1.2"), account("0"), "a slice of a TWAP of 1.200 BTC"),
        (twap("2", 10, catch_up=10), account("0"), r"a slice of a TWAP of 2\.000 BTC"),
        (twap("2"), account("0.1"), "could become 2.1 BTC"),
        (twap("2", reduce_only=True), account("-3"), ""),
        (twap(slippage=None), account("0"), "a market order without slippage"),
        (twap("0.5", stop="59000"), account("0"), "a TWAP with a take-profit or a stop"),
        (twap("2"), account("0", *[(SELL, "0.01")] * 9), ""),
        (ladder("2"), account("0"), ""),
        (ladder("2", skew=2), account("0"), "an order of a ladder of 1.334 BTC; the limit is 1"),
        (ladder("2", skew="0.5"), account("0"), r"an order of a ladder of 1\.333 BTC"),
        (ladder("2"), account("0.1"), "could become 2.1"),
        (ladder("2", 4), account("0"), "0 orders are open, and 4 more would be; the limit is 3"),
        (ladder("2", 2, "60061"), account("0"), "a price of 60061"),
        (quotes(("60000", "1"), ("59000", "1")), account("0"), ""),
        (quotes(("60000", "1"), ("59000", "1.1")), account("0"), "a quote of 1.1 BTC; the limit is 1"),
        (quotes(("60000", "1"), ("59000", "1")), account("0.1"), "could become 2.1 BTC"),
        (quotes(("59000", "1"), ("60061", "0.1")), account("0"), "a price of 60061"),
        (quotes(*[("59000", "0.1")] * 4), account("0"), "0 orders are open, and 4 more would be"),
        (quotes(("100001", "1"), side=SELL), account("0"), "a quote worth 100001 USD"),
        (quotes(), account("9"), ""),
        (order(BUY, "1", "60000"), account("0"), ""),
        (order(SELL, "1", "100001"), account("0"), "an order worth 100001 USD; the limit is 100000"),
    ],
)
def test_limits_hold_for_the_worst_that_may_come(new: New, state: t.Account, told: str) -> None:
    gate = Gate({"BTC": ALL})
    if not told:
        gate.check(new, BTC, state, MARK)
        return
    with pytest.raises(OverLimit, match=told):
        gate.check(new, BTC, state, MARK)


@pytest.mark.parametrize(
    ("limits", "new", "told"),
    [
        (Limits(order=1), trigger(None), "for the whole position, which may be any size by then"),
        (Limits(notional=1), trigger(None), "for the whole position, which may be any size by then"),
        (Limits(order=1, position=1), trigger(None), ""),
        (Limits(position=1), trigger(None), ""),
        (Limits(), trigger("99", TRAILING, price=None, trail="1"), ""),
        (Limits(notional=1), order(BUY, "1", "1"), "BTC has no mark to value an order by"),
        (Limits(collar_bp=10), bracket(), "BTC has no mark to hold a price against"),
    ],
)
def test_what_cannot_be_said_does_not_pass(limits: Limits, new: New, told: str) -> None:
    gate = Gate({"BTC": limits})
    if told:
        with pytest.raises(OverLimit, match=told):
            gate.check(new, BTC, account("0"), None)
    else:
        gate.check(new, BTC, account("0"), None)


@pytest.mark.parametrize("new", [trigger(), bracket(), twap(), ladder(), quotes(("59000", "1"))])
def test_once_the_switch_has_tripped_only_what_reduces_passes(new: New) -> None:
    switch = KillSwitch()
    switch.trip("by hand")
    gate = Gate({}, switch)
    with pytest.raises(OverLimit, match="the kill switch has tripped: by hand"):
        gate.check(new, BTC, account("1"), MARK)
    for reducing in (trigger(None), trigger("1", reduce_only=True), twap(reduce_only=True), ladder(reduce_only=True), quotes()):
        gate.check(reducing, BTC, account("-1"), MARK)


@pytest.mark.parametrize("skew", ["1", "0.01", "100", "1.7"])
@pytest.mark.parametrize(("size", "count"), [("0.05", 3), ("0.1", 7), ("1.23457", 50)])
def test_a_ladder_is_shared_out_as_the_venue_does(perplab_exchange: Make, size: str, count: int, skew: str) -> None:
    client = perplab_exchange()
    client.faucet("10000000")
    new = ladder(size, count, "50000", skew=skew)
    client.place_ladder(new)
    assert [one.open for one in client.open_orders()] == [one.open for one in worst_of(new, client.venue.market("BTC")).orders]


def test_no_slice_of_a_twap_is_larger_than_was_foreseen(perplab_exchange: Make) -> None:
    client = perplab_exchange()
    bob = client.join("bob")
    for one in (client, bob):
        one.faucet("10000000")
    client.subscribe_private()
    new = twap("1.00007", 7, slippage=None)
    client.place_twap(new)
    client.step(45)  # nobody sells: then all is made up for, three slices at a time
    bob.sell("BTC", 5, "60000")
    client.step(60)
    largest = max(one.size for one in client.events() if isinstance(one, t.Fill))
    foreseen = worst_of(new, client.venue.market("BTC")).largest
    assert largest == foreseen == D("0.42861")


# -- over a client --


def opened(make: Make, **limits: Any) -> tuple[LocalClient, Gate]:
    client = make()
    client.faucet("10000000")
    return client, Gate({"BTC": Limits(**limits)})


def test_each_kind_is_looked_at_and_sent(perplab_exchange: Make) -> None:
    client, gate = opened(perplab_exchange, order=1, position=8, open_orders=9, collar_bp=500)
    assert run(client, gate.place_trigger(client, trigger())).state == OrderState.OPEN
    assert run(client, gate.place_bracket(client, bracket(price="59500"))).state == OrderState.OPEN
    assert run(client, gate.place_twap(client, twap())).state == OrderState.OPEN
    assert len(run(client, gate.place_ladder(client, ladder(last="58000"))).client_ids) == 2
    assert run(client, gate.mass_quote(client, "BTC", BUY, [("59000", "0.1")])).placed == 1
    before = (client.open_orders(), client.triggers(), client.twaps())
    assert [len(one) for one in before] == [4, 1, 1]
    with_limit = {"order": "0.09", "collar_bp": 500}
    for program in (
        lambda gate: gate.place_trigger(client, trigger()), lambda gate: gate.place_bracket(client, bracket()),
        lambda gate: gate.place_twap(client, twap()), lambda gate: gate.place_ladder(client, ladder()),
        lambda gate: gate.mass_quote(client, "BTC", BUY, [("59000", "0.1")]),
    ):  # fmt: skip
        with pytest.raises(OverLimit, match=r"the limit is 0\.09"):
            run(client, program(Gate({"BTC": Limits(**with_limit)})))  # type: ignore[arg-type, no-untyped-call]
    assert (client.open_orders(), client.triggers(), client.twaps()) == before, "nothing was sent"


def test_what_stands_counts(perplab_exchange: Make) -> None:
    """An order may bring the position to its limit together with the triggers and TWAPs that have not come to anything yet."""
    client, gate = opened(perplab_exchange, position=2, open_orders=2)
    run(client, gate.place_trigger(client, trigger("0.5", limit="61100", slippage=None)))
    twaps = run(client, gate.place_twap(client, twap("1")))
    run(client, gate.place_trigger(client, trigger("0.1", side=SELL, price="59000")))
    with pytest.raises(OverLimit, match=r"could become 2\.10000 BTC"):
        run(client, gate.place(client, order(BUY, "0.6", "59000")))
    run(client, gate.place(client, order(BUY, "0.5", "59000")))
    with pytest.raises(OverLimit, match="2 orders are open; the limit is 2"):
        run(client, gate.place(client, order(SELL, "0.5", "61000")))
    told = run(client, gate.batch(client, [t.Cancel(twaps), trigger("1")]))
    assert [type(one) for one in told] == [t.Order, t.Order], "a cancel of a TWAP makes room"
    with pytest.raises(OverLimit, match=r"item 1 of the batch: .* could become 2\.[0-9]* BTC"):
        run(client, gate.batch(client, [t.Cancel(client.open_orders()[0]), bracket("0.6")]))
    assert len(client.open_orders()) == 1 and len(client.triggers()) == 3


def test_a_trigger_whose_order_is_auctioned_is_counted_once() -> None:
    """It is in the list of triggers, since it waits for its turn, and in that of open orders."""
    client = LocalClient(venue=venue(sequencing={"rule": "dutch_auction"}), prices={"BTC-PERP": 60_000})
    client.faucet("1000000")
    client.join("bob").faucet("1000000")
    client.join("bob").sell("BTC-PERP", 1, "61050")
    gate = Gate({"BTC-PERP": Limits(position=2, open_orders=2)})
    stop = t.NewTrigger(market="BTC-PERP", side=BUY, size=1, trigger=TriggerKind.STOP, price="61000", limit="61100", reduce_only=False)
    fired = run(client, gate.place_trigger(client, stop))
    client.set_price("BTC-PERP", "61000")
    assert [one.order_id for one in client.triggers()] == [one.order_id for one in client.open_orders()] == [fired.order_id]
    assert run(client, gate.place(client, t.NewOrder("BTC-PERP", BUY, 1, "59000"))).state == OrderState.OPEN
    with pytest.raises(OverLimit, match="2 orders are open; the limit is 2"):
        run(client, gate.place(client, t.NewOrder("BTC-PERP", BUY, 1, "59000")))
    with pytest.raises(OverLimit, match=r"could become 2\.01"):
        run(client, Gate({"BTC-PERP": Limits(position=2)}).place(client, t.NewOrder("BTC-PERP", BUY, "0.01", "59000")))


def test_a_cancel_of_what_waits_makes_no_room() -> None:
    """It has no number yet, and neither have new orders of the batch."""
    client = LocalClient(venue=venue(sequencing=BLOCKS), prices={"BTC-PERP": 60_000})
    client.faucet("1000000")
    waiting = client.buy("BTC-PERP", 1, "59000")
    new = t.NewOrder("BTC-PERP", BUY, 1, "59000")
    with pytest.raises(OverLimit, match=r"item 2 of the batch: .* could become 2 BTC-PERP; the limit is 1"):
        run(client, Gate({"BTC-PERP": Limits(position=1)}).batch(client, [new, t.Cancel(waiting), new]))


def test_quotes_make_room_for_those_that_replace_them(perplab_exchange: Make) -> None:
    client, gate = opened(perplab_exchange, position=2, open_orders=4)
    for price in (59_000, 59_100, 59_200):
        run(client, gate.mass_quote(client, "BTC", BUY, [(price, 1), (price - 10, 1)]))
    assert [one.is_quote for one in client.open_orders()] == [True, True]
    run(client, gate.mass_quote(client, "BTC", SELL, [(61_000, 2)]))
    with pytest.raises(OverLimit, match=r"could become 2\.1"):
        run(client, gate.mass_quote(client, "BTC", BUY, [(59_000, "2.1")]))
    client.cancel_all()
    client.buy("BTC", "0.5", "59000")
    with pytest.raises(OverLimit, match=r"could become 2\.50000 BTC"):
        run(client, gate.mass_quote(client, "BTC", BUY, [(59_000, 2)]))
    run(client, gate.mass_quote(client, "BTC", BUY, []))
    assert len(client.open_orders()) == 1


def minute(client: LocalClient, gate: Gate) -> Iterator[Any]:
    yield gate.place(client, order(BUY, "0.01", "59000"))
    yield gate.place_ladder(client, ladder("0.1", 4, "58000"))
    yield gate.mass_quote(client, "BTC", SELL, [(61_000, 1), (61_010, 1)])
    yield gate.place_bracket(client, bracket("0.01", price="59000", stop="58000"))
    yield gate.batch(client, [t.Cancel(client.open_orders()[0]), t.Amend(client.open_orders()[1], price="58500"), trigger("0.01")])


def test_so_many_orders_pass_within_a_minute(perplab_exchange: Make) -> None:
    client, gate = opened(perplab_exchange, per_minute=11)
    for program in minute(client, gate):
        run(client, program)
    why = "11 orders of BTC count as sent within a minute, and 1 more would; the limit is 11"
    with pytest.raises(OverLimit, match=f"^{why}$"):
        run(client, gate.place(client, order(BUY, "0.01", "59000")))
    with pytest.raises(OverLimit, match=f"^item 1 of the batch: {why}$"):
        run(client, gate.batch(client, [t.Cancel(client.open_orders()[0]), order(BUY, "0.01", "59000")]))
    client.step(60)
    run(client, gate.place_twap(client, twap("1", 20)))  # 7 slices in any minute, for 200 s
    client.step(150)
    run(client, gate.batch(client, [order(BUY, "0.01", "59000")] * 4))
    with pytest.raises(OverLimit, match="11 orders of BTC count"):
        run(client, gate.place(client, order(BUY, "0.01", "59000")))
    client.step(120)
    with pytest.raises(OverLimit, match="0 orders of BTC count as sent within a minute, and 12 more would"):
        run(client, gate.place_ladder(client, ladder("0.12", 12, "58000")))
    run(client, gate.place_ladder(client, ladder("0.11", 11, "58000")))


def test_a_server_without_triggers_has_none_that_count(perplab_exchange: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    client, gate = opened(perplab_exchange, position=1)
    whole = client._do

    def of_an_earlier_version(call: Any, timeout: float | None = None) -> Any:
        if call.op in ("triggers", "twaps"):
            raise Refused(200, "UNKNOWN_OP", "there is no such op", {})
        return whole(call, timeout)

    monkeypatch.setattr(client, "_do", of_an_earlier_version)
    assert run(client, gate.place(client, order(BUY, "1", "59000"))).state == OrderState.OPEN
