"""The Hyperliquid dialect at a venue where commands wait: the reply comes when it is known what became of them."""

from __future__ import annotations

from random import Random

import pytest
from hl_exchange_kit import WALL, Reply, Trader, Venue, limit, trigger
from hl_exchange_kit import alice as alice
from hl_exchange_kit import bob as bob
from venues import BLOCKS
from venues import venue as design_of

from perplab.exchange import load_venue
from perplab.exchange.messages import CancelAll, Place, UpdateOracle
from perplab.exchange.server.hyperliquid.exchange import carry_out
from perplab.exchange.server.hyperliquid.orders import historical_orders, open_orders_of
from perplab.exchange.server.hyperliquid.settling import FAULT, Pending

BLOCK_S = 0.07
CLOID = "0x00000000000000000000000000000001"
OTHER = "0x00000000000000000000000000000002"


@pytest.fixture
def venue() -> Venue:
    return Venue(load_venue("hyperliquid"), (60_000,))


def block(venue: Venue) -> None:
    venue.world.later(BLOCK_S)
    venue.host.exchange.check()


def after(trader: Trader, kind: str, blocks: int = 1, **fields: object) -> Reply:
    """The reply, which is there after so many blocks and not before."""
    heard: list[Reply] = []
    pending = trader.later(kind, **fields)
    pending.then = heard.append
    for _ in range(blocks):
        assert not heard
        block(trader.venue)
    assert pending.reply is not None and heard == [pending.reply]
    return pending.reply


def order(trader: Trader, *orders: Reply) -> list[Reply]:
    told: list[Reply] = after(trader, "order", orders=list(orders), grouping="na")["response"]["data"]["statuses"]
    return told


def test_orders_are_told_of_when_their_block_has_come(alice: Trader, bob: Trader) -> None:
    first, second = order(alice, limit("B", "59990", "0.3", cloid=CLOID), limit("B", "59980", "0.1"))
    oid = first["resting"]["oid"]
    assert first == {"resting": {"oid": oid, "cloid": CLOID}} and second == {"resting": {"oid": oid + 1}}
    assert order(bob, limit("A", "59980", "0.4", "Ioc")) == [{"filled": {"totalSz": "0.4", "avgPx": "59987.5", "oid": oid + 2}}]
    assert order(bob, limit("A", "59980", "0.4", "Ioc"))[0]["error"].startswith("Order could not immediately match")


def test_each_refusal_is_told_of_its_own_order(alice: Trader) -> None:
    told = order(
        alice, limit("B", "59990", "0.1"), limit("B", "59990", "0.1", reduces=True), limit("B", "59990", "0.1", cloid=CLOID),
        limit("B", "59980", "9999", cloid=OTHER), limit("B", "59970", "0.1", "Alo"), limit("B", "59970.5", "0.1"),
    )  # fmt: skip
    assert [next(iter(one)) for one in told] == ["resting", "error", "resting", "error", "resting", "error"]
    assert told[1]["error"] == "Reduce only order would increase position. asset=0"
    assert told[3]["error"] == "Insufficient margin to place order. asset=0"
    ids = [told[at]["resting"]["oid"] for at in (0, 2, 4)]
    assert ids[2] < ids[0] < ids[1], "post-only orders come first in a block"


def test_what_is_refused_at_once_is_told_beside_what_waits(alice: Trader) -> None:
    told = order(alice, limit("B", "59990", "0.1"), trigger("B", "59500", "0.1", "sl"), limit("B", "59980", "9999"))
    assert [next(iter(one)) for one in told] == ["resting", "error", "error"] and not alice.venue.world.complaints
    assert told[1]["error"] == "Reduce only order would increase position. asset=0"
    ended = [one for one in historical_orders(alice.venue.dialect, {"user": alice.signed.address}) if one["status"] != "open"]
    assert {one["order"]["origSz"] for one in ended} == {"0.1", "9999.0"}, "each is known by what it was asked for"


def test_a_size_is_told_as_it_was_asked_for(alice: Trader, bob: Trader) -> None:
    order(bob, limit("A", "60000", "0.4"))
    order(alice, limit("B", "60000", "0.4", "Ioc"))
    (told,) = order(alice, limit("A", "61000", "3", reduces=True))
    (one,) = open_orders_of(alice.venue.dialect, alice.account)
    assert (one["oid"], one["sz"], one["origSz"]) == (told["resting"]["oid"], "0.4", "3.0")


def test_equal_orders_of_one_block_are_told_apart(alice: Trader, bob: Trader) -> None:
    order(bob, limit("A", "60010", "0.15"))
    replies = [alice.later("order", orders=[limit("B", "60010", "0.1", "Ioc")], grouping="na") for _ in range(3)]
    block(alice.venue)
    told = [pending.reply["response"]["data"]["statuses"][0] for pending in replies if pending.reply is not None]
    assert [one["filled"]["totalSz"] for one in told[:2]] == ["0.1", "0.05"] and list(told[2]) == ["error"]
    assert told[0]["filled"]["oid"] != told[1]["filled"]["oid"]


def test_cancels_wait_too(alice: Trader) -> None:
    _, second = order(alice, limit("B", "59990", "0.3", cloid=CLOID), limit("B", "59980", "0.1"))
    oid = second["resting"]["oid"]
    told = after(alice, "cancel", cancels=[{"a": 0, "o": oid}, {"a": 0, "o": oid}, {"a": 0, "o": 999}])["response"]["data"]["statuses"]
    missing = {"error": "Order was never placed, already canceled, or filled. asset=0"}
    assert told == ["success", missing, missing]
    reply = after(alice, "cancelByCloid", cancels=[{"asset": 0, "cloid": OTHER}, {"asset": 0, "cloid": CLOID}])
    assert reply["response"]["data"]["statuses"] == [missing, "success"]


def test_a_modification_takes_two_blocks(alice: Trader) -> None:
    oid = order(alice, limit("B", "59990", "0.3", cloid=CLOID))[0]["resting"]["oid"]
    modifies = [{"oid": oid, "order": limit("B", "59980", "0.3", cloid=CLOID)}]
    (told,) = after(alice, "batchModify", blocks=2, modifies=modifies)["response"]["data"]["statuses"]
    assert told["resting"] == {"oid": told["resting"]["oid"], "cloid": CLOID} and told["resting"]["oid"] > oid
    (told,) = after(alice, "batchModify", modifies=modifies)["response"]["data"]["statuses"]
    assert told == {"error": "Cannot modify canceled or filled order"}


def test_what_does_not_wait_is_told_at_once(alice: Trader) -> None:
    assert alice.do("updateLeverage", asset=0, isCross=True, leverage=3)["status"] == "ok"
    assert alice.do("usdClassTransfer", amount="1", toPerp=True)["status"] == "ok"
    assert after(alice, "scheduleCancel", time=WALL + 6_000)["response"] == {"type": "default"}


def test_groups_wait_for_their_parent(alice: Trader, bob: Trader) -> None:
    order(bob, limit("A", "60000", "2"))
    children = [trigger("A", "61000", "1", "tp"), trigger("A", "59000", "1", "sl")]
    reply = after(alice, "order", orders=[limit("B", "60500", "1", "Ioc"), *children], grouping="normalTpsl")
    told = reply["response"]["data"]["statuses"]
    assert told[0]["filled"]["totalSz"] == "1.0" and told[1:] == ["waitingForTrigger"] * 2
    named = [{**children[0], "c": CLOID}, {**children[1], "c": OTHER}]
    reply = after(alice, "order", orders=[limit("B", "60500", "1", "Ioc"), *named], grouping="normalTpsl")
    assert reply["response"]["data"]["statuses"][1:] == ["waitingForTrigger"] * 2
    assert len(alice.venue.host.exchange.triggers(alice.account)) == 4
    low = [trigger("A", "61000", "9999", "tp"), trigger("A", "58000", "9999", "sl")]
    reply = after(alice, "order", orders=[limit("B", "59000", "9999"), *low], grouping="normalTpsl")
    assert reply["response"]["data"]["statuses"] == [{"error": "Insufficient margin to place order. asset=0"}] * 3
    at_once = alice.order(limit("B", "59000", "1"), *children, grouping="normalTpsl")
    told = ["Invalid TP/SL price" in one["error"] for one in at_once]
    assert told == [False, False, True], "its stop is not below it"


def test_limit_children_wait_for_a_parent_that_rests(alice: Trader, bob: Trader) -> None:
    children = [trigger("A", "61000", "1", "tp", price="61500"), trigger("A", "59000", "0.5", "sl", price="58900")]
    reply = after(alice, "order", orders=[limit("B", "59990", "1"), *children], grouping="normalTpsl")
    assert reply["response"]["data"]["statuses"][1:] == ["waitingForFill"] * 2
    assert alice.venue.host.exchange.triggers(alice.account) == []
    order(bob, limit("A", "59990", "1"))
    order(bob, limit("A", "70000", "1"))
    placed = alice.venue.host.exchange.triggers(alice.account)
    assert [(one.price, one.size) for one in placed] == [(61_500, 1_000), (58_900, 500)]
    assert placed[0].linked_with == placed[1].order_id


def test_others_commands_of_the_account_are_not_mixed_up(alice: Trader) -> None:
    """The same account has sent some through another door, which wait for the same block."""
    pending = alice.later("order", orders=[limit("B", "59990", "0.1")], grouping="na")
    alice.venue.host.send([Place(0, alice.account, 0, 0, 59_000, 100, client_lo=5), Place(0, alice.account, 0, 1, 61_000, 100)])
    block(alice.venue)
    assert pending.reply is not None
    oid = pending.reply["response"]["data"]["statuses"][0]["resting"]["oid"]  # type: ignore[index]
    assert alice.venue.host.exchange.open_order(alice.account, oid).price == 59_990  # type: ignore[union-attr]


def sizes(venue: Venue, trader: Trader, told: list[Reply]) -> list[str | None]:
    """Of the orders whose numbers the replies tell; None of those that tell none."""
    coin = venue.dialect.coins.perpetuals[0]
    ids = [one["resting"]["oid"] if "resting" in one else None for one in told]
    orders = [None if number is None else venue.host.exchange.open_order(trader.account, number) for number in ids]
    return [None if order is None else coin.size(order.size) for order in orders]


def test_orders_of_the_same_terms_but_another_size_are_told_apart(alice: Trader) -> None:
    told = order(alice, limit("B", "59990", "9999"), limit("B", "59990", "0.1"), limit("B", "59990", "0.2"))
    assert sizes(alice.venue, alice, told) == [None, "0.1", "0.2"] and told[0]["error"].startswith("Insufficient margin")
    first, second = (alice.later("order", orders=[limit("B", "59980", size)], grouping="na") for size in ("9999", "0.3"))
    block(alice.venue)
    (one,), (other,) = (pending.reply["response"]["data"]["statuses"] for pending in (first, second))  # type: ignore[index]
    assert list(one) == ["error"] and sizes(alice.venue, alice, [other]) == ["0.3"]
    told = order(alice, limit("B", "59970", "0.1", reduces=True), limit("B", "59970", "0.1"))
    assert told[0]["error"].startswith("Reduce only") and sizes(alice.venue, alice, told) == [None, "0.1"]


def test_the_first_of_two_equal_cancels_is_the_one_that_cancels(alice: Trader) -> None:
    order(alice, limit("B", "59990", "0.1", cloid=CLOID))
    cancels = [{"asset": 0, "cloid": CLOID}] * 3
    told = after(alice, "cancelByCloid", cancels=cancels)["response"]["data"]["statuses"]
    missing = {"error": "Order was never placed, already canceled, or filled. asset=0"}
    assert told == ["success", missing, missing]


def test_what_was_taken_back_while_it_waited_is_told_of_as_that(alice: Trader) -> None:
    """In a block of another order, where a cancel may come before what it cancels has: the order is told of by its own ticket."""
    venue = Venue(design_of(sequencing={**BLOCKS, "order": "arrival"}), (60_000,))
    alice = venue.trader("alice")
    orders = [limit("B", "59990", "0.1", cloid=CLOID), limit("B", "59990", "0.1")]
    entry = alice.later("order", orders=[limit("B", "59980", "1"), trigger("A", "61000", "1", "tp")], grouping="normalTpsl")
    pending = alice.later("order", orders=orders, grouping="na")
    venue.host.send([CancelAll(0, alice.account, -1), Place(0, alice.account, 0, 0, 59_990, 10_000)])
    venue.world.later(2)
    venue.host.exchange.check()
    assert entry.reply is not None and pending.reply is not None
    for reply in (entry.reply, pending.reply):
        assert all(next(iter(one)) == "error" for one in reply["response"]["data"]["statuses"]), reply  # type: ignore[index]
    assert venue.host.exchange.count_orders(alice.account) == 1


def test_who_gives_up_is_told_so_and_what_was_sent_stays(alice: Trader) -> None:
    pending = alice.later("order", orders=[limit("B", "59990", "0.1")], grouping="na")
    pending.give_up()
    assert pending.reply is not None and pending.reply["status"] == "err" and "still waits for its turn" in str(pending.reply["response"])
    block(alice.venue)
    assert pending.reply["status"] == "err" and alice.venue.host.exchange.count_orders(alice.account) == 1


def test_a_fault_in_one_action_leaves_the_others_alone(alice: Trader, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = (alice.later("order", orders=[limit("B", price, "0.1")], grouping="na") for price in ("59990", "59980"))

    def fail(*_: object) -> None:
        monkeypatch.undo()
        raise RuntimeError

    monkeypatch.setattr("perplab.exchange.server.hyperliquid.placing.status", fail)
    block(alice.venue)
    assert first.reply == {"status": "err", "response": FAULT} and "may have been carried out" in FAULT
    assert second.reply is not None and second.reply["status"] == "ok" and alice.venue.world.complaints


def test_a_rewind_ends_what_waits(alice: Trader) -> None:
    alice.venue.host.keep("s")
    pending = alice.later("order", orders=[limit("B", "59990", "0.1")], grouping="na")
    heard: list[Reply] = []
    pending.then = heard.append
    alice.venue.host.go_back("s")
    assert [one["status"] for one in heard] == ["err"] and "rewound" in str(heard[0]["response"]), "at once"
    assert list(order(alice, limit("B", "59990", "0.1"))[0]) == ["resting"] and len(heard) == 1


def test_requests_wait_for_a_price(alice: Trader) -> None:
    venue = Venue(design_of(sequencing={"rule": "request_execute", "delay_ms": 1_000, "expiry_ms": 10_000}), (60_000,))
    alice = venue.trader("alice")
    first = alice.later("order", orders=[limit("B", "59990", "0.1")], grouping="na")
    venue.world.later(2)
    assert first.reply is None
    venue.host.send([UpdateOracle(0, 0, 60_001)])
    assert first.reply is not None and list(first.reply["response"]["data"]["statuses"][0]) == ["resting"]  # type: ignore[index]
    second = alice.later("order", orders=[limit("B", "59990", "0.1")], grouping="na")
    venue.world.later(11)
    assert second.reply is not None and list(second.reply["response"]["data"]["statuses"][0]) == ["error"]  # type: ignore[index]


@pytest.mark.parametrize("rule", ("cancels_first", "hash", "arrival", "batch_auction"))
@pytest.mark.parametrize("seed", range(4))
def test_replies_are_what_the_venue_knows(seed: int, rule: str) -> None:
    """Random orders of several accounts: each reply agrees with the order of its number, and all money is there."""
    sequencing = {**BLOCKS, "rule": rule} if rule == "batch_auction" else {**BLOCKS, "order": rule}
    random, venue = Random(seed), Venue(design_of(sequencing=sequencing), (60_000,))
    traders = [venue.trader(f"t{number}") for number in range(3)]
    waiting: list[tuple[Trader, Reply, Pending]] = []
    for step in range(200):
        trader, tif = random.choice(traders), random.choice(("Gtc", "Gtc", "Ioc", "Alo"))
        size = random.choice((10_000_000, 20_000, 300)) / 100_000
        one = limit(random.choice("AB"), str(random.randint(59_990, 60_010)), f"{size:f}", tif, reduces=random.random() < 0.2)
        if random.random() < 0.3:
            one["c"] = f"0x{step + 1:032x}"
        reply = carry_out(venue.dialect, {"type": "order", "orders": [one], "grouping": "na"}, trader.signed)
        if isinstance(reply, Pending):
            waiting.append((trader, one, reply))
        if random.random() < 0.2:
            venue.world.later(2)
            venue.host.exchange.check()
            seen = set[int]()
            for trader, one, pending in waiting:
                assert pending.reply is not None
                (told,) = pending.reply["response"]["data"]["statuses"]  # type: ignore[index]
                ids = told.get("resting") or told.get("filled")
                if ids is not None:
                    assert ids["oid"] not in seen
                    seen.add(ids["oid"])
                    order = venue.host.exchange.open_order(trader.account, ids["oid"])
                    if order is not None:
                        whole = venue.dialect.coins.perpetuals[0].size(order.size + order.filled)
                        assert float(whole) == float(one["s"]) or one["r"]
                        assert order.side == (0 if one["b"] else 1)
                        assert str(order.price) == one["p"] or rule == "batch_auction"  # it may rest at the price of that
                        assert "resting" in told
                    assert "filled" in told or one["t"]["limit"]["tif"] != "Ioc"
            waiting.clear()
