"""Money that the operator gives a user, by name or by address, also to one whom nobody has heard of."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from hl_kit import ALICE, BOB, MICRO, Venue
from test_operator import operator
from test_sockets import Server
from wire import Talker, World

from perplab.exchange.messages import MAX_AMOUNT, MAX_SUPPLY
from perplab.exchange.server.people import signature_of
from perplab.lab.cli import main
from perplab.lab.ctl import pair

MIXED = "0x14791697260E4c9A71f18484C9f997B308e59325"
ME = MIXED.lower()


@pytest.mark.parametrize("trust", [True, False])
def test_a_new_name_has_the_money_and_a_key_that_he_is_given(trust: bool) -> None:
    world = World(trust=trust)
    told, alice = operator(world).ask("grant", user="alice", amount=500 * MICRO), Talker(world)
    assert (told["user"], told["balance"]) == ("alice", 500 * MICRO)
    signature = signature_of(told["secret"], alice.ask("challenge", key=told["key"])["nonce"])
    assert alice.ask("login", key=told["key"], signature=signature)["accounts"] == [told["account"]]
    assert alice.ask("account")["balances"][0]["cash"] == 500 * MICRO
    assert alice.ask("place", market=0, side="BUY", price=59_000, size=1)["ok"]
    world.host.exchange.check()


def test_who_is_there_is_given_it_into_his_first_account() -> None:
    world = World()
    alice, admin = world.talker("alice", money=7), operator(world)
    first = alice.ask("accounts")["accounts"][0]
    alice.ask("open_account")
    told = admin.ask("grant", user="alice", amount=3)
    assert (told["account"], told["balance"], "key" in told, "secret" in told) == (first, 10, False, False)
    assert len(world.host.people.users) == 2 and not world.host.people.keys


@pytest.mark.parametrize("faucet", [0, 10_000])
def test_an_address_that_nobody_has_heard_of_becomes_known_by_it(faucet: int) -> None:
    venue = Venue(faucet=faucet)
    admin = operator(venue.world)
    assert venue.people.known(ME) is None
    told = admin.ask("grant", user=MIXED, amount=500 * MICRO)
    assert (told["user"], told["account"], told["balance"]) == (ME, venue.people.known(ME), (faucet + 500) * MICRO)
    assert "key" not in told and not venue.host.people.keys, "it signs by its own"
    assert venue.ask("clearinghouseState", user=ME)["withdrawable"] == f"{faucet + 500}.0"
    assert admin.ask("grant", user=ME, amount=MICRO)["balance"] == (faucet + 501) * MICRO
    venue.host.exchange.check()


def test_money_for_wallets_and_sub_accounts() -> None:
    venue = Venue()
    venue.account(ALICE)
    sub = venue.act({"type": "createSubAccount", "name": "x"})["response"]["data"]
    venue.people.wallets.approve(ALICE, BOB, "", 0)
    admin = operator(venue.world)
    assert admin.ask("grant", user=sub, amount=5) | {"id": 0, "tokens": 0} == {
        "id": 0, "ok": True, "user": ALICE, "account": venue.people.known(sub), "balance": 5, "tokens": 0,
    }  # fmt: skip
    assert admin.ask("grant", user=BOB, amount=5)["user"] == BOB and venue.people.master(BOB) is None, "as by anybody's money"
    venue.people.wallets.approve(ALICE, ME, "", 0)
    venue.people.wallets.signed(ME)
    before = venue.host.exchange.state_hash()
    assert admin.ask("grant", user=ME, amount=5)["message"] == f"{ME} is an API wallet of {ALICE}: name that"
    assert admin.ask("grant", user=f"0x{9:040x}", amount=5)["reason"] == "UNKNOWN_NAME"
    assert venue.host.exchange.state_hash() == before


def test_what_cannot_be_counted_makes_nobody_known() -> None:
    venue = Venue()
    admin = operator(venue.world)
    for _ in range(MAX_SUPPLY // MAX_AMOUNT - 1):
        assert admin.ask("grant", user="rich", amount=MAX_AMOUNT)["ok"]
    keys = dict(venue.host.people.keys)
    left = MAX_SUPPLY - venue.host.exchange.deposits(0)
    before, users = venue.host.exchange.state_hash(), len(venue.host.people.users)
    for name, amount in ((ME, left), (ME, left - 10_000 * MICRO + 1), ("alice", left + 1)):
        told = admin.ask("grant", user=name, amount=min(amount, MAX_AMOUNT))
        assert told["reason"] == "SUPPLY_LIMIT", "of an address the faucet's money counts, too"
    for wrong in ({"amount": 0}, {"amount": 10**16 + 1}, {"amount": 1, "asset": 7}):
        assert admin.ask("grant", user=ME, **wrong)["reason"] == "OUT_OF_BOUNDS"
    assert (venue.host.exchange.state_hash(), len(venue.host.people.users), venue.host.people.keys) == (before, users, keys)


def test_who_lost_his_account_by_a_rewind_has_another() -> None:
    world = World()
    admin = operator(world)
    admin.ask("snapshot")
    key = admin.ask("grant", user="alice", amount=5)["key"]
    admin.ask("rewind")
    told = admin.ask("grant", user="alice", amount=6)
    assert told["balance"] == 6 and "key" not in told and list(world.host.people.keys) == [key]


def test_the_command_line_gives_dollars_and_the_journal_keeps_them(tmp_path: Path) -> None:
    """On a fresh server without a faucet, where nobody had a way to get money in."""
    words = ("--journal", str(tmp_path), "--faucet", "0", "--trust", "--world", "none")
    server, told = Server(*words), []
    for line in (f"grant user={MIXED} usd=2500.5", "grant user=alice usd=1000", f"accounts user={ME}"):
        done = CliRunner().invoke(main, ["ctl", *line.split(), "--port", str(server.port)])
        assert done.exit_code == 0, done.output
        told.append(json.loads(done.output))
    assert [one["balance"] for one in told[:2]] == [2_500_500_000, 1_000_000_000] and told[2]["accounts"] == [told[0]["account"]]
    assert server.stop()[0] == 0
    server = Server(*words)
    done = CliRunner().invoke(main, ["ctl", "account", f"account={told[0]['account']}", "--port", str(server.port)])
    assert server.stop()[0] == 0
    assert json.loads(done.output)["balances"][0]["cash"] == 2_500_500_000


def test_dollars_are_an_amount() -> None:
    assert [pair(text) for text in ("usd=1", "usd=0.000001", "usd=-1,000.5")] == [
        ("amount", 10**6), ("amount", 1), ("amount", -1_000_500_000),
    ]  # fmt: skip
    for text in ("usd=0.0000001", "usd=ten", "usd=nan"):
        done = CliRunner().invoke(main, ["ctl", "grant", "user=a", text])
        assert done.exit_code == 2 and "expected dollars, at most six decimals" in done.output
