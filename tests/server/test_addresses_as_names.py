"""Users of Hyperliquid's API are named by their addresses, 42 characters, wherever a user is named."""

from __future__ import annotations

import pytest
from hl_kit import BOB, MICRO, NOW, Venue
from test_operator import operator
from wire import Talker, World

MIXED = "0x14791697260E4c9A71f18484C9f997B308e59325"  # as wallets show it
ME = MIXED.lower()


@pytest.fixture
def venue() -> Venue:
    return Venue()


def test_the_operator_names_a_user_by_his_address_in_letters_of_any_case(venue: Venue) -> None:
    account, admin = venue.account(ME), operator(venue.world)
    for name in (ME, MIXED, "0x" + ME[2:].upper()):
        assert admin.ask("accounts", user=name)["accounts"] == [account]
        assert admin.ask("fault", user=name, kind="reject", count=2)["ok"]
    assert list(venue.host.faults) == [ME]
    order = {"a": 0, "b": True, "p": "59000", "s": "0.01", "r": False, "t": {"limit": {"tif": "Gtc"}}}
    assert "Insufficient margin" in str(venue.order(order, user=ME))
    assert admin.ask("fault", user=MIXED, kind="none")["ok"] and venue.host.faults == {}


def test_addresses_of_sub_accounts_and_wallets_stand_for_their_users(venue: Venue) -> None:
    account, admin = venue.account(ME), operator(venue.world)
    sub = venue.act({"type": "createSubAccount", "name": "x"}, ME)["response"]["data"]
    venue.people.wallets.approve(ME, BOB, "", 1)
    (sub_account,) = set(venue.host.people.users[ME].accounts) - {account}
    for name, accounts in ((ME, [account, sub_account]), (sub, [sub_account]), (BOB, [account, sub_account])):
        for letters in (name, "0x" + name[2:].upper()):
            told = admin.ask("accounts", user=letters)
            assert (told["user"], told["accounts"]) == (ME, accounts)
            assert admin.ask("fault", user=letters, kind="reject")["ok"] and list(venue.host.faults) == [ME]
            assert admin.ask("fault", user=letters, kind="none")["ok"] and not venue.host.faults
    assert BOB not in venue.host.people.users, "asking makes no user of a wallet"
    venue.people.wallets.kept.agents.clear()
    assert admin.ask("accounts", user=BOB)["reason"] == "UNKNOWN_NAME"


def test_an_address_that_nobody_has_heard_of_is_no_user(venue: Venue) -> None:
    admin = operator(venue.world)
    for request in ({"op": "accounts"}, {"op": "fault", "kind": "drop"}):
        told = admin.ask(**request, user=MIXED)
        assert (told["reason"], told["message"]) == ("UNKNOWN_NAME", f"there is no user '{MIXED}' that has been heard of")
    assert admin.ask("accounts", user="0x" + 41 * "a")["reason"] == "OUT_OF_BOUNDS", "longer than any name"


def test_a_login_by_an_address_is_that_user(venue: Venue) -> None:
    account, one = venue.account(ME), Talker(venue.world)
    assert one.ask("login", name=MIXED)["accounts"] == [account]
    assert one.ask("account")["balances"][0]["cash"] == 10_000 * MICRO
    assert one.ask("login", name=MIXED)["user"] == ME


@pytest.mark.parametrize("faucet", [10_000, 0])
def test_a_login_by_a_new_address_makes_it_known_as_the_api_would(faucet: int) -> None:
    venue = Venue(faucet=faucet)
    one = Talker(venue.world)
    (account,) = one.ask("login", name=MIXED)["accounts"]
    assert venue.people.known(ME) == account and venue.host.exchange.balance(account) == faucet * MICRO
    venue.host.exchange.check()


def test_nobody_logs_in_as_what_is_no_user_s_address(venue: Venue) -> None:
    venue.account(ME)
    sub = venue.act({"type": "createSubAccount", "name": "x"}, ME)["response"]["data"]
    venue.people.wallets.approve(ME, BOB, "", 0)
    before, one = venue.host.exchange.state_hash(), Talker(venue.world)
    for name, why in (
        (sub, f"{sub} is a sub-account of {ME}: name that"),
        (BOB, f"{BOB} is an API wallet of {ME}: name that"),
        (f"0x{9:040x}", f"0x{9:040x} is no key's: it stands for an account, or for a sub-account"),
    ):
        told = one.ask("login", name=name)
        assert (told["reason"], told["message"]) == ("UNKNOWN_NAME", why)
    assert venue.people.master(BOB) == ME and venue.host.exchange.state_hash() == before


def test_an_address_gets_no_key_of_the_faucet_s(venue: Venue) -> None:
    venue.host.trust = False
    before, one = venue.host.exchange.state_hash(), Talker(venue.world)
    for name in (ME, MIXED):
        told = one.ask("faucet", name=name)
        assert told["reason"] == "NAME_TAKEN" and "who has its key signs with that" in told["message"]
    assert venue.host.exchange.state_hash() == before and not venue.host.people.keys and ME not in venue.host.people.users
    assert venue.wall == NOW


def test_a_server_without_that_api_takes_an_address_as_a_name() -> None:
    world = World()
    assert Talker(world).ask("login", name=MIXED)["user"] == ME == Talker(world).ask("login", name=ME)["user"]
    assert len(world.host.people.users) == 1
