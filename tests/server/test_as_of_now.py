"""Questions are answered as of now: what a command would meet at this moment, though nothing has happened at the venue for a while."""

from __future__ import annotations

import json

import msgspec
import pytest
from wire import SECOND, START, Talker, World

from perplab.exchange import VenueDesign, load_venue
from perplab.exchange.design.venue import venue_of_json
from perplab.exchange.messages import UpdateOracle

PRICE = 60_000
QUIET = {"sample_interval_ms": 3_600_000, "interval_ms": 3_600_000}


def design(on_stale: str) -> VenueDesign:
    """Nothing is due for an hour, and the oracle is stale after 10 s."""
    tree = msgspec.json.decode(load_venue("book_fund_adl").to_json())
    for market in tree["markets"]:
        market["oracle"].update(on_stale=on_stale, stale_after_ms=10_000)
        market["funding"].update(QUIET)
        market["mark"].update(rule="oracle", cadence_ms=0)
    return venue_of_json(json.dumps(tree).encode(), "test")


def scene(on_stale: str = "halt_new_risk") -> tuple[World, Talker]:
    """Alice is long 1,000 lots (1 BTC) from 60,000, worth 3,000 USD more now."""
    world = World(design(on_stale))
    alice, bob = (world.talker(name) for name in ("alice", "bob"))
    bob.ask("place", market=0, side="SELL", price=PRICE, size=1_000)
    assert alice.ask("place", market=0, side="BUY", price=PRICE, size=1_000)["filled"] == 1_000
    world.host.send([UpdateOracle(0, 0, PRICE + 3_000)])
    return world, alice


def traces(world: World) -> tuple[object, ...]:
    exchange = world.host.exchange
    return exchange.state_hash(), exchange.now, exchange.state.log.seq, world.host.commands


ORDER = {"market": 0, "side": "BUY", "price": PRICE, "size": 100}


def test_a_price_that_has_become_stale_since_the_last_event() -> None:
    world, alice = scene()
    assert alice.ask("preview", **ORDER)["reason"] is None
    before = alice.ask("account")["balances"][0]["withdrawable"]
    world.later(11)
    kept = traces(world)
    told = alice.ask("preview", **ORDER)
    assert told["reason"] == "ORACLE_STALE" and told["ts"] == START + 11 * SECOND
    withdrawable = alice.ask("account")["balances"][0]["withdrawable"]
    available = alice.ask("requirement")
    assert withdrawable == before - 3_000_000_000  # unrealised profit does not leave at a stale price
    assert available["ts"] == START + 11 * SECOND
    assert traces(world) == kept
    assert alice.ask("place", **ORDER)["reason"] == "ORACLE_STALE"
    assert alice.ask("withdraw", asset=0, amount=withdrawable + 1)["reason"] == "ORACLE_STALE"
    assert alice.ask("withdraw", asset=0, amount=withdrawable)["ok"]


def test_an_order_whose_time_is_over() -> None:
    world, alice = scene("keep_last")
    order = {**ORDER, "expires": START + 5 * SECOND}
    assert alice.ask("preview", **order)["reason"] is None
    world.later(5)
    assert alice.ask("preview", **order)["reason"] == "ORDER_EXPIRED"
    assert alice.ask("place", **order)["reason"] == "ORDER_EXPIRED"


def test_with_a_clock_that_runs() -> None:
    """What is due happens first, as ahead of a command: the order that was good until then is gone."""
    world, alice = scene()
    world.clock.run(1)
    alice.ask("place", market=0, side="BUY", price=PRICE, size=100, expires=START + 2 * SECOND)
    assert len(alice.ask("account")["orders"]) == 1
    world.monotonic += 3 * SECOND
    assert alice.ask("account")["orders"] == []
    world.monotonic += 8 * SECOND
    kept = traces(world)
    assert alice.ask("preview", **ORDER)["reason"] == "ORACLE_STALE"
    assert traces(world) == kept


ASKED = ("account", "requirement", "pending", "triggers", "twaps", "fee_rates", "sub_accounts", "auctions", "maintenance")


@pytest.mark.parametrize("op", ASKED)
def test_asking_changes_nothing(op: str) -> None:
    world, alice = scene()
    world.later(11)
    kept = traces(world)
    assert alice.ask(op)["ok"]
    assert traces(world) == kept


def test_a_refused_question_leaves_the_time_as_it_is() -> None:
    world, alice = scene()
    world.later(11)
    kept = traces(world)
    assert not alice.ask("account", account=7)["ok"]
    assert traces(world) == kept
