"""Orders that take the place of others: what is kept where the new one is refused, and what waits for the fills of the old one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest
from hl_exchange_kit import Reply, Trader, Venue, limit, trigger
from hl_exchange_kit import alice as alice
from hl_exchange_kit import bob as bob
from hl_exchange_kit import venue as venue

from perplab.exchange import load_venue
from perplab.exchange.messages import Cancel, UpdateOracle, Withdraw, command_row
from perplab.exchange.server.faults import Faults
from perplab.exchange.server.hyperliquid import orders

CLOID = "0x00000000000000000000000000000001"
OTHER = "0x00000000000000000000000000000002"
SLIP = "Error placing new order during modify: "
PLAIN = trigger("A", "61000", "1", "tp"), trigger("A", "59000", "1", "sl")
LIMITS = trigger("A", "61000", "1", "tp", price="61500", cloid=CLOID), trigger("A", "59000", "0.4", "sl", price="58900")


def group(trader: Trader, price: str = "59990", size: str = "1", children: tuple[Reply, ...] = PLAIN) -> int:
    told = trader.order(limit("B", price, size), *children, grouping="normalTpsl")
    assert told[1:] == ["waitingForFill"] * len(children)
    return int(told[0]["resting"]["oid"])


def moved(trader: Trader, oid: object, new: Reply) -> Reply:
    (told,) = trader.statuses("batchModify", modifies=[{"oid": oid, "order": new}])
    assert isinstance(told, dict)
    return told


def resting(told: Reply) -> int:
    return int(told["resting"]["oid"])


def children_of(trader: Trader, oid: int) -> list[tuple[str, str, str]]:
    """(triggerPx, limitPx, sz) of an open order's children, the highest first."""
    (order,) = [one for one in orders.frontend_of(trader.venue.dialect, trader.account) if one["oid"] == oid]
    return sorted(((one["triggerPx"], one["limitPx"], one["sz"]) for one in order["children"]), reverse=True)


def triggers(trader: Trader) -> list[tuple[int, int]]:
    """(trigger price, lots)."""
    return [(one.trigger_price, one.size) for one in trader.venue.host.exchange.triggers(trader.account)]


def open_ids(trader: Trader) -> list[int]:
    venue = trader.venue.host.exchange
    return [one.order_id for one in (*venue.open_orders(trader.account), *venue.triggers(trader.account))]


def block(venue: Venue, count: int = 1) -> None:
    for _ in range(count):
        venue.world.later(0.07)


# -- a new order that is refused --------------------------------------------------------------------------------------------------------


def new_orders() -> dict[str, tuple[Reply, str]]:
    return {
        "margin": (limit("B", "59990", "9999"), "Insufficient margin to place order. asset=0"),
        "post only": (limit("B", "60010", "0.1", "Alo"), "Post only order would have immediately matched, bbo was 59990@60010. asset=0"),
        "nothing to meet": (
            limit("B", "60000", "0.1", "Ioc"), "Order could not immediately match against any resting orders. asset=0",
        ),
        "market": (limit("B", "60000", "0.1", "FrontendMarket"), "No liquidity available for market order. asset=0"),
        "too small": (limit("B", "59990", "0.0001"), "Order must have minimum value of $10. asset=0"),
        "too far": (limit("B", "90000", "0.1"), "Order price cannot be more than 80% away from the reference price (in this sandbox 20%)"),
        "reduces": (limit("B", "59990", "0.1", reduces=True), "Reduce only order would increase position. asset=0"),
        "trigger": (trigger("B", "59000", "0.1", "sl", reduces=False), "Invalid TP/SL price. asset=0"),
    }  # fmt: skip


@pytest.mark.parametrize("name", new_orders())
def test_a_new_order_that_is_refused_leaves_the_old_one(alice: Trader, bob: Trader, name: str) -> None:
    new, text = new_orders()[name]
    bob.order(limit("A", "60010", "1"))
    oid = alice.order(limit("B", "59990", "0.1", cloid=CLOID))[0]["resting"]["oid"]
    assert alice.err("modify", oid=oid, order=new) == SLIP + text
    assert moved(alice, CLOID, new) == {"error": text} and open_ids(alice) == [oid]
    assert alice.err("modify", oid=oid, order=new, a=True) == SLIP + text and open_ids(alice) == [oid]


@pytest.mark.parametrize("by_cloid", [True, False])
def test_an_order_of_another_coin_is_not_modified_and_told_so(alice: Trader, by_cloid: bool) -> None:
    oid = alice.order(limit("B", "59990", "0.1", cloid=CLOID))[0]["resting"]["oid"]
    text = "Cannot modify canceled or filled order (the order is one of BTC, and that is what its asset has to be)"
    new = {**limit("B", "3000", "0.1"), "a": 1}
    assert alice.err("modify", oid=CLOID if by_cloid else oid, order=new) == text
    assert moved(alice, oid, new) == {"error": text} and open_ids(alice) == [oid]
    assert alice.err("modify", oid=oid + 9, order=new) == "Cannot modify canceled or filled order"


def test_a_stop_of_another_coin_is_neither_modified_nor_cancelled(alice: Trader, bob: Trader) -> None:
    bob.order(limit("A", "60000", "1"))
    alice.order(limit("B", "60000", "1", "Ioc"))
    oid = alice.order(trigger("A", "59000", "1", "sl"))[0]["resting"]["oid"]
    new = limit("B", "2900", "0.1", asset=1)
    assert "(the order is one of BTC, and that" in alice.err("modify", oid=oid, order=new)
    (told,) = alice.statuses("cancel", cancels=[{"a": 1, "o": oid}])
    assert told == {"error": "Order was never placed, already canceled, or filled. asset=1"} and open_ids(alice) == [oid]
    assert alice.statuses("cancel", cancels=[{"a": 0, "o": oid}]) == ["success"]


def test_a_stop_is_not_lost_by_one_that_would_fire_at_once(alice: Trader, bob: Trader) -> None:
    bob.order(limit("A", "60000", "1"))
    alice.order(limit("B", "60000", "1", "Ioc"))
    oid = alice.order(trigger("A", "59000", "1", "sl"))[0]["resting"]["oid"]
    assert moved(alice, oid, trigger("A", "60500", "1", "sl")) == {"error": "Invalid TP/SL price. asset=0"}
    assert open_ids(alice) == [oid]


class Mover:
    """A world that moves a price once."""

    def __init__(self, at: int, price: int) -> None:
        self.next = at
        self.price = price

    def open(self) -> Iterator[UpdateOracle]:
        return iter(())

    def act(self, ts: int) -> Iterable[int]:
        self.next = ts + 10**15
        return command_row(UpdateOracle(0, 0, self.price))


def test_what_is_due_happens_before_it_is_asked_whether_a_stop_would_fire_at_once(alice: Trader, bob: Trader) -> None:
    """The clock has gone on, and nothing has told the venue yet: the price at which the stop would fire comes with the request."""
    bob.order(limit("A", "60000", "1"))
    alice.order(limit("B", "60000", "1", "Ioc"))
    oid = alice.order(trigger("A", "58000", "1", "sl"))[0]["resting"]["oid"]
    world = alice.venue.world
    alice.venue.host.world = Mover(alice.venue.host.clock.now() + 500_000_000, 59_400)
    world.monotonic += 10**9
    world.clock.step(10**9)
    assert moved(alice, oid, trigger("A", "59600", "1", "sl")) == {"error": "Invalid TP/SL price. asset=0"}
    assert alice.venue.host.exchange.mark_price(0) == 59_400 and open_ids(alice) == [oid]


def test_the_old_order_s_margin_is_there_for_the_new_one(venue: Venue) -> None:
    dave = venue.trader("dave", 1_500_000_000)
    oid = dave.order(limit("B", "59990", "0.9"))[0]["resting"]["oid"]
    assert "error" in dave.order(limit("B", "59990", "0.9"))[0]
    assert list(moved(dave, oid, limit("B", "59980", "0.9"))) == ["resting"]


def test_a_post_only_order_that_meets_others_too_leaves_the_old_one(alice: Trader, bob: Trader) -> None:
    """Both quotes move up: the bid comes behind one's own old offer, and another's."""
    bob.order(limit("A", "60005", "1"))
    first, second = (one["resting"]["oid"] for one in alice.order(limit("B", "59990", "1", "Alo"), limit("A", "60010", "1", "Alo")))
    told = alice.statuses("batchModify", modifies=[
        {"oid": first, "order": limit("B", "60012", "1", "Alo")}, {"oid": second, "order": limit("A", "60030", "1", "Alo")},
    ])  # fmt: skip
    assert told[0]["error"].startswith("Post only order would have immediately matched") and open_ids(alice) == [first, resting(told[1])]
    error = alice.err("modify", oid=resting(told[1]), order=limit("B", "60031", "1", "Alo"))
    assert error.startswith(f"{SLIP}Post only order would have") and open_ids(alice) == [first, resting(told[1])]


def test_orders_that_fault_injection_refuses_leave_the_old_ones(alice: Trader) -> None:
    first, second = (one["resting"]["oid"] for one in alice.order(limit("B", "59990", "0.1"), limit("B", "59980", "0.1")))
    alice.venue.host.faults["alice"] = faults = Faults()
    faults.rejects = 1
    told = alice.statuses(
        "batchModify", modifies=[{"oid": number, "order": limit("B", "59900", "0.1")} for number in (999, first, second)]
    )
    assert [next(iter(one)) for one in told] == ["error", "error", "resting"] and "Cannot modify" in told[0]["error"]
    assert open_ids(alice) == [first, resting(told[2])], "one that is not there uses no fault up"


def test_of_a_batch_those_that_fit_are_modified(venue: Venue) -> None:
    dave = venue.trader("dave", 1_500_000_000)
    ids = [one["resting"]["oid"] for one in dave.order(limit("B", "59990", "0.4", cloid=CLOID), limit("B", "59980", "0.4", cloid=OTHER))]
    told = dave.statuses("batchModify", modifies=[
        {"oid": ids[0], "order": limit("B", "59900", "9", cloid=OTHER)}, {"oid": ids[1], "order": limit("B", "59900", "0.5", cloid=OTHER)},
    ])  # fmt: skip
    assert told[0] == {"error": "Insufficient margin to place order. asset=0"} and list(told[1]) == ["resting"]
    assert open_ids(dave) == [ids[0], resting(told[1])]
    told = dave.statuses("batchModify", modifies=[
        {"oid": ids[0], "order": limit("B", "59900", "9")}, {"oid": resting(told[1]), "order": limit("B", "59900", "0.5", cloid=CLOID)},
    ])  # fmt: skip
    assert [one["error"].partition(".")[0] for one in told] == [
        "Insufficient margin to place order", "Duplicate cloid: another order of the account has it, or had it and was filled",
    ], "the cloid of one that stays is not to be had"  # fmt: skip
    assert len(open_ids(dave)) == 2


def test_where_commands_wait_one_that_is_refused_later_says_that_the_old_order_is_gone() -> None:
    """Between the cancel and the new order the money leaves."""
    venue = Venue(load_venue("hyperliquid"), (60_000,))
    alice = venue.trader("alice", 2_000_000_000)
    pending = alice.later("order", orders=[limit("B", "59990", "0.5", cloid=CLOID)], grouping="na")
    block(venue)
    assert pending.reply is not None
    pending = alice.later("modify", oid=CLOID, order=limit("B", "59980", "0.6"))
    block(venue)
    venue.host.send([Withdraw(0, alice.account, 0, venue.host.exchange.withdrawable(alice.account))])
    block(venue)
    text = f"{SLIP}Insufficient margin to place order. asset=0 (the old order is cancelled)"
    assert pending.reply == {"status": "err", "response": text} and open_ids(alice) == []


def test_new_orders_without_old_ones_are_no_pair(alice: Trader, bob: Trader) -> None:
    bob.order(limit("A", "60000", "1"))
    alice.order(limit("B", "60000", "1", "Ioc"))
    pair = trigger("A", "61000", "1", "tp"), trigger("A", "59000", "1", "sl")
    told = alice.statuses("batchModify", modifies=[{"oid": 999, "order": one, "a": True} for one in pair])
    assert [list(one) for one in told] == [["resting"]] * 2
    assert [one.linked_with for one in alice.venue.host.exchange.triggers(alice.account)] == [0, 0]


@pytest.mark.parametrize("moves", [0, 1])
def test_one_of_a_pair_that_is_modified_still_cancels_the_other(alice: Trader, bob: Trader, moves: int) -> None:
    bob.order(limit("A", "60000", "1"))
    alice.order(limit("B", "60000", "1", "Ioc"))
    pair = trigger("A", "61000", "0", "tp"), trigger("A", "59000", "0", "sl")
    ids = [one["resting"]["oid"] for one in alice.order(*pair, grouping="positionTpsl")]
    at = ("61500", "59200")[moves]
    new = resting(moved(alice, ids[moves], trigger("A", at, "1", ("tp", "sl")[moves])))
    one, other = alice.venue.host.exchange.triggers(alice.account)
    assert (one.linked_with, other.linked_with) == (other.order_id, one.order_id) and new in (one.order_id, other.order_id)
    assert alice.statuses("cancel", cancels=[{"a": 0, "o": new}]) == ["success"] and open_ids(alice) == [ids[1 - moves]]


def test_a_pair_that_is_modified_as_a_whole_is_a_pair(alice: Trader, bob: Trader) -> None:
    bob.order(limit("A", "60000", "1"))
    alice.order(limit("B", "60000", "1", "Ioc"))
    told = alice.order(trigger("A", "61000", "0", "tp"), trigger("A", "59000", "0", "sl"), grouping="positionTpsl")
    news = trigger("A", "61500", "1", "tp"), trigger("A", "59200", "1", "sl")
    alice.statuses(
        "batchModify", modifies=[{"oid": one["resting"]["oid"], "order": new} for one, new in zip(told, news, strict=True)]
    )
    one, other = alice.venue.host.exchange.triggers(alice.account)
    assert (one.trigger_price, one.linked_with, other.linked_with) == (61_500, other.order_id, one.order_id)


@pytest.mark.parametrize("cloid", [None, CLOID])
def test_a_trigger_of_another_market_is_neither_cancelled_nor_modified(alice: Trader, cloid: str | None) -> None:
    """As an order."""
    stop = trigger("B", "61000", "0.1", "sl", reduces=False, cloid=cloid)
    for old in (stop, limit("B", "50000", "0.1", cloid=OTHER if cloid else None)):
        oid = alice.order(old)[0]["resting"]["oid"]
        named = oid if cloid is None else old["c"]
        missing = [{"error": "Order was never placed, already canceled, or filled. asset=1"}]
        assert alice.statuses("cancel", cancels=[{"a": 1, "o": oid}]) == missing
        assert cloid is None or alice.statuses("cancelByCloid", cancels=[{"asset": 1, "cloid": named}]) == missing
        new = limit("B", "19000", "1", asset=1)
        why = alice.err("modify", oid=named, order=new)
        assert why == "Cannot modify canceled or filled order (the order is one of BTC, and that is what its asset has to be)"
        assert oid in open_ids(alice)
    assert len(open_ids(alice)) == 2


def test_a_plain_stop_that_is_moved_while_its_order_is_filled_in_part_has_the_size_that_it_was_given(alice: Trader, bob: Trader) -> None:
    group(alice)
    bob.order(limit("A", "59990", "0.4", "Ioc"))
    _, stop = alice.venue.host.exchange.triggers(alice.account)
    assert stop.trigger_price == 59_000 and "resting" in moved(alice, stop.order_id, trigger("A", "59200", "1", "sl"))
    bob.order(limit("A", "59990", "0.6", "Ioc"))
    assert sorted(triggers(alice)) == [(59_200, 100_000), (61_000, 100_000)]


# -- what waits for the old order's fills ---------------------------------------------------------------------------------------------


def test_plain_children_wait_for_the_fills_of_the_new_order(alice: Trader, bob: Trader) -> None:
    sent = {**PLAIN[0], "p": "55000"}, {**PLAIN[1], "p": "53000"}
    oid = group(alice, children=sent)
    new = resting(moved(alice, oid, limit("B", "59980", "2", cloid=CLOID)))
    assert children_of(alice, new) == [("61000.0", "55000.0", "2.0"), ("59000.0", "53000.0", "2.0")] and new != oid
    bob.order(limit("A", "59980", "0.5", "Ioc"))
    assert children_of(alice, new) == [("61000.0", "55000.0", "0.5"), ("59000.0", "53000.0", "0.5")]
    bob.order(limit("A", "59980", "1.5", "Ioc"))
    assert triggers(alice) == [(61_000, 200_000), (59_000, 200_000)]


def test_children_of_what_was_filled_before_stand_beside_those_of_the_new_order(alice: Trader, bob: Trader) -> None:
    oid = group(alice)
    bob.order(limit("A", "59990", "0.4", "Ioc"))
    new = resting(moved(alice, oid, limit("B", "59980", "0.8")))
    assert triggers(alice) == [(61_000, 40_000), (59_000, 40_000)]
    bob.order(limit("A", "59980", "0.8", "Ioc"))
    assert sorted(triggers(alice)) == [(59_000, 40_000), (59_000, 80_000), (61_000, 40_000), (61_000, 80_000)]
    bob.order(limit("B", "58000", "2"))
    for _ in range(3):
        alice.venue.host.send([UpdateOracle(0, 0, 58_900, 58_900)])
    assert alice.venue.host.exchange.position(alice.account, 0).size == 0 and open_ids(alice) == [] and new


def test_a_child_that_was_taken_back_stays_away(alice: Trader, bob: Trader) -> None:
    oid = group(alice)
    bob.order(limit("A", "59990", "0.4", "Ioc"))
    profit = alice.venue.host.exchange.triggers(alice.account)[0].order_id
    alice.statuses("cancel", cancels=[{"a": 0, "o": profit}])
    moved(alice, oid, limit("B", "59980", "0.6"))
    bob.order(limit("A", "59980", "0.6", "Ioc"))
    assert triggers(alice) == [(59_000, 40_000), (59_000, 60_000)]


@pytest.mark.parametrize("children", [PLAIN, LIMITS])
def test_a_new_order_that_trades_at_once_has_its_children_at_once(alice: Trader, bob: Trader, children: tuple[Reply, ...]) -> None:
    """ccxt's editOrder of an order with stopLoss and takeProfit, to a price that is offered."""
    oid = group(alice, children=children)
    bob.order(limit("A", "60010", "1"))
    assert list(moved(alice, oid, limit("B", "60010", "1"))) == ["filled"]
    one, other = alice.venue.host.exchange.triggers(alice.account)
    assert (one.size, other.size) == (100_000, 100_000 if children is PLAIN else 40_000) and one.linked_with == other.order_id


def test_children_that_wait_in_the_server_wait_for_the_new_order(alice: Trader, bob: Trader) -> None:
    oid = group(alice, children=LIMITS)
    bob.order(limit("A", "59990", "0.3", "Ioc"))
    second = resting(moved(alice, oid, limit("B", "59980", "0.9")))
    assert children_of(alice, second) == [("61000.0", "61500.0", "1.2"), ("59000.0", "58900.0", "0.4")], "what was for all still is"
    bob.order(limit("A", "59980", "0.1", "Ioc"))
    assert alice.do("modify", oid=second, order=limit("B", "59970", "0.2"))["status"] == "ok"
    assert triggers(alice) == []
    bob.order(limit("A", "59970", "0.2", "Ioc"))
    assert triggers(alice) == [(61_000, 60_000), (59_000, 40_000)]
    assert alice.statuses("cancelByCloid", cancels=[{"asset": 0, "cloid": CLOID}]) == ["success"]


def test_they_go_with_the_new_order(alice: Trader, bob: Trader) -> None:
    oid = group(alice, children=LIMITS)
    bob.order(limit("A", "59990", "0.3", "Ioc"))
    new = resting(moved(alice, oid, limit("B", "59980", "0.7")))
    alice.statuses("cancel", cancels=[{"a": 0, "o": new}])
    assert open_ids(alice) == [] and alice.venue.dialect.children.of(alice.account, new) == []


def test_after_a_rewind_they_wait_for_the_old_order_again(alice: Trader, bob: Trader) -> None:
    oid = group(alice, children=LIMITS)
    alice.venue.host.keep("s")
    new = resting(moved(alice, oid, limit("B", "59980", "2")))
    alice.venue.host.go_back("s")
    alice.venue.dialect.go_back()  # as the feeds do, which this venue is without
    assert alice.venue.dialect.children.of(alice.account, new) == []
    assert [one[2] for one in children_of(alice, oid)] == ["1.0", "0.4"]
    bob.order(limit("A", "59990", "1", "Ioc"))
    assert triggers(alice) == [(61_000, 100_000), (59_000, 40_000)]


@pytest.mark.parametrize("children", [PLAIN, LIMITS])
@pytest.mark.parametrize("new", [
    limit("A", "60100", "1"), limit("B", "59980", "1", reduces=True), trigger("B", "60500", "1", "sl", reduces=False),
])  # fmt: skip
def test_an_order_that_could_not_keep_the_children_is_refused(alice: Trader, new: Reply, children: tuple[Reply, ...]) -> None:
    oid = group(alice, children=children)
    text = "Order was not modified: the new one cannot keep its TP/SL, being reduce-only, a TP/SL order itself or of the other side."
    assert moved(alice, oid, new) == {"error": f"{text} asset=0"} and open_ids(alice) == [oid]
    assert len(children_of(alice, oid)) == 2


@pytest.mark.parametrize("children", [PLAIN, LIMITS])
def test_a_price_beyond_that_of_a_child_is_refused(alice: Trader, children: tuple[Reply, ...]) -> None:
    oid = group(alice, children=children)
    text = "Order was not modified: a TP/SL order of its group would have a price on the wrong side of it. asset=0"
    assert moved(alice, oid, limit("B", "58500", "1")) == {"error": text} and open_ids(alice) == [oid]


def test_a_group_where_commands_wait() -> None:
    venue = Venue(load_venue("hyperliquid"), (60_000,))
    alice, bob = venue.trader("alice"), venue.trader("bob")
    for children in (PLAIN, (trigger("A", "61000", "1", "tp", price="61500"), trigger("A", "59000", "0.5", "sl", price="58900"))):
        pending = alice.later("order", orders=[limit("B", "59990", "1"), *children], grouping="normalTpsl")
        block(venue)
        assert pending.reply is not None
        oid = pending.reply["response"]["data"]["statuses"][0]["resting"]["oid"]  # type: ignore[index]
        bob.later("order", orders=[limit("A", "59990", "0.4", "Ioc")], grouping="na")
        block(venue)
        pending = alice.later("batchModify", modifies=[{"oid": oid, "order": limit("B", "59980", "0.6")}])
        block(venue, 2)
        assert pending.reply is not None and "resting" in str(pending.reply)
        bob.later("order", orders=[limit("A", "59980", "0.6", "Ioc")], grouping="na")
        block(venue, 2)
        found = sorted(triggers(alice))
        assert found in ([(59_000, 400), (59_000, 600), (61_000, 400), (61_000, 600)], [(59_000, 500), (61_000, 1_000)])
        for number in open_ids(alice):
            venue.host.send([Cancel(0, alice.account, number)])
        block(venue)
        assert open_ids(alice) == []
