"""The faucet pays each user so much in all, so that nobody takes the others' money away, whatever he withdraws."""

from __future__ import annotations

from pathlib import Path

import pytest
from hl_kit import ALICE, MICRO, Venue
from test_operator import operator
from test_store import served
from wire import Talker, World

from perplab.exchange.messages import MAX_AMOUNT, MAX_SUPPLY
from perplab.exchange.server.limits import PROFILES, Limits

MOST = Limits().faucet


def drained(talker: Talker) -> dict[str, object]:
    """The refusal that ends a loop of deposits and withdrawals."""
    for zeros in range(16, -1, -1):
        while (told := talker.ask("faucet", amount=10**zeros))["ok"]:
            assert talker.ask("withdraw", asset=0, amount=10**zeros)["ok"]
    return told


def test_one_who_pays_in_and_out_in_a_loop_takes_nothing_from_others() -> None:
    world = World()
    bob, eve = world.talker("bob", money=10**12), world.talker("eve", money=0)
    before = world.host.exchange.deposits()
    told = drained(eve)
    assert (told["code"], told["reason"], told["data"]) == (406, "FAUCET_LIMIT", {"field": "amount", "limit": 0, "given": 1})
    assert told["message"] == (
        f"the faucet has paid eve {MOST:,} of the {MOST:,} micro-units of USD that it pays a user in all; the operator can grant more"
    )
    assert world.host.exchange.deposits() == before + MOST
    assert bob.ask("faucet", amount=10**12)["ok"] and world.talker().ask("faucet", name="carol")["ok"]
    assert operator(world).ask("grant", user="eve", amount=MAX_AMOUNT)["ok"]


def test_all_faucets_together_leave_the_operator_half() -> None:
    for limits in PROFILES.values():
        assert limits.users * limits.faucet <= MAX_SUPPLY // 2


def test_it_is_the_users_in_all_his_accounts_and_of_each_asset_apart() -> None:
    world = World("portfolio", limits=Limits(faucet=10))
    alice = world.talker("alice", money=0)
    first, second = alice.ask("accounts")["accounts"][0], alice.ask("open_account")["account"]
    sub = alice.ask("open_sub_account", account=first)
    assert sub["ok"]
    third = alice.ask("accounts")["accounts"][2]
    assert alice.ask("faucet", account=first, amount=4)["ok"] and alice.ask("faucet", account=second, amount=3)["ok"]
    before = world.host.exchange.state_hash()
    told = alice.ask("faucet", account=third, amount=4)
    assert (told["reason"], told["data"]) == ("FAUCET_LIMIT", {"field": "amount", "limit": 3, "given": 4})
    assert world.host.exchange.state_hash() == before
    assert alice.ask("faucet", account=third, amount=3)["ok"]
    assert alice.ask("faucet", account=first, asset=1, amount=10)["ok"]
    assert operator(world).ask("grant", user="alice", amount=5)["ok"], "the operator's money is none of the faucet's"


def test_a_new_user_who_asks_for_too_much_is_not_made() -> None:
    world = World(limits=Limits(faucet=10))
    before = world.host.exchange.state_hash()
    assert world.talker().ask("faucet", name="bob", amount=11)["reason"] == "FAUCET_LIMIT"
    assert world.host.exchange.state_hash() == before and not world.host.people.is_taken("bob")
    told = world.talker().ask("faucet", name="bob", amount=10)
    assert told["balance"] == 10
    bob = world.talker("bob", money=0)
    assert bob.ask("faucet", amount=1)["reason"] == "FAUCET_LIMIT"


def test_what_an_address_is_given_when_it_becomes_known_counts() -> None:
    venue = Venue()
    account = venue.account(ALICE)
    talker = Talker(venue.world)
    talker.ask("login", name=ALICE)
    left = MOST - 10_000 * MICRO
    assert talker.ask("faucet", account=account, amount=left + 1)["data"]["limit"] == left
    assert talker.ask("faucet", account=account, amount=left)["ok"]


@pytest.mark.parametrize("is_refused", [False, True])
def test_what_the_venue_refuses_does_not_count(is_refused: bool) -> None:
    world = World(limits=Limits(faucet=MAX_AMOUNT))
    if is_refused:
        while left := MAX_SUPPLY - world.host.exchange.deposits():
            assert operator(world).ask("grant", user="rich", amount=min(left, MAX_AMOUNT))["ok"]
    alice = world.talker("alice", money=0)
    assert alice.ask("faucet", amount=1).get("reason") == ("SUPPLY_LIMIT" if is_refused else None)
    assert world.host.paid.of(world.host.people.users["alice"].number, 0) == (0 if is_refused else 1)


@pytest.mark.parametrize("turns", [False, True])
def test_a_start_knows_what_was_paid(tmp_path: Path, turns: bool) -> None:
    folder = tmp_path / "j"
    world, store = served(folder)
    alice = world.talker("alice", money=7)
    assert alice.ask("withdraw", asset=0, amount=7)["ok"]
    if turns:
        store.turn(world.host.exchange)
    store.close()
    world, store = served(folder)
    alice = world.talker("alice", money=0)
    assert alice.ask("faucet", amount=MOST - 6)["data"]["limit"] == MOST - 7
    assert alice.ask("faucet", amount=MOST - 7)["ok"]
    store.close()


@pytest.mark.parametrize("starts", [False, True])
def test_what_was_paid_later_is_gone_with_a_rewind(tmp_path: Path, starts: bool) -> None:
    folder = tmp_path / "j"
    world, store = served(folder)
    alice = world.talker("alice", money=7)
    operator(world).ask("snapshot")
    assert alice.ask("faucet", amount=MOST - 7)["ok"]
    if starts:
        store.close()
        world, store = served(folder)
    operator(world).ask("rewind")
    if starts:
        store.close()
        world, store = served(folder)
    alice = world.talker("alice", money=0)
    assert alice.ask("faucet", amount=MOST - 6)["data"]["limit"] == MOST - 7
    store.close()
