"""Triggers, links and brackets through the server: what a request is answered with is its own, whatever else it sets off."""

from __future__ import annotations

from wire import Talker, World

PRICE = 60_000


def scene() -> tuple[World, Talker, Talker]:
    world = World()
    alice, bob = (world.talker(name) for name in ("alice", "bob"))
    return world, alice, bob


def test_a_trigger_is_placed_found_by_its_client_id_and_cancelled() -> None:
    _, alice, _ = scene()
    asked = {"market": 0, "side": "BUY", "size": 3, "trigger": "STOP", "source": "MARK", "trigger_price": PRICE + 1_000, "client_id": 7}
    told = alice.ask("place_trigger", **asked)
    assert told["ok"] and (told["state"], told["open"], told["filled"], told["market"]) == ("OPEN", 3, 0, 0)
    again = alice.ask("place_trigger", **asked)
    assert again["repeated"] and again["order_id"] == told["order_id"]
    gone = alice.ask("cancel_client", client_id=7)
    assert (gone["order_id"], gone["state"]) == (told["order_id"], "CANCELLED")
    assert alice.ask("cancel", order_id=told["order_id"])["reason"] == "UNKNOWN_ORDER"
    assert alice.ask("place_trigger", **{**asked, "trigger_price": PRICE - 1_000, "client_id": 8})["reason"] == "TRIGGER_PRICE"


def test_what_an_order_sets_off_is_not_what_it_came_to() -> None:
    """Bob's order trades, and fires Alice's trigger: he is answered with his own fill."""
    _, alice, bob = scene()
    first = alice.ask("place", market=0, side="SELL", price=PRICE, size=1)
    assert bob.ask("place", market=0, side="BUY", price=PRICE, size=1)["filled"] == 1 and first["ok"]
    fired = alice.ask("place_trigger", market=0, side="BUY", size=5, trigger="STOP", source="LAST", trigger_price=PRICE + 10)
    alice.ask("place", market=0, side="SELL", price=PRICE + 10, size=2)
    told = bob.ask("place", market=0, side="BUY", price=PRICE + 10, size=2)
    assert told["ok"] and (told["filled"], told["open"], told["state"]) == (2, 0, "FILLED") and told["order_id"] != fired["order_id"]
    assert alice.ask("cancel", order_id=fired["order_id"])["reason"] == "UNKNOWN_ORDER"


def test_a_cancel_is_answered_with_the_order_that_it_names() -> None:
    _, alice, _ = scene()
    one, two = (alice.ask("place", market=0, side="BUY", price=PRICE - 100 - n, size=1)["order_id"] for n in (1, 2))
    assert alice.ask("link_oco", first=one, second=two)["ok"]
    assert alice.ask("link_oco", first=one, second=two)["reason"] == "ALREADY_LINKED"
    told = alice.ask("cancel", order_id=one)
    assert (told["order_id"], told["state"]) == (one, "CANCELLED")
    assert alice.ask("cancel", order_id=two)["reason"] == "UNKNOWN_ORDER"


def test_a_bracket_is_answered_like_its_entry() -> None:
    _, alice, bob = scene()
    bob.ask("place", market=0, side="SELL", price=PRICE, size=4)
    asked = {"market": 0, "side": "BUY", "price": PRICE, "size": 6, "order_type": "LIMIT", "tif": "GTC"}
    told = alice.ask("place_bracket", **asked, take_profit=PRICE + 1_000, stop=PRICE - 1_000)
    assert told["ok"] and (told["state"], told["open"], told["filled"]) == ("OPEN", 2, 4)
    assert alice.ask("place_bracket", **asked, take_profit=PRICE - 1_000, stop=0)["reason"] == "BRACKET_PRICES"
