"""How addresses become known to Hyperliquid's API, how many, and why a signature leads to nobody: whole requests, signed by the SDK."""

from __future__ import annotations

import json
from typing import Any

import pytest
from eth_account import Account  # type: ignore[import-untyped]
from hl_kit import MICRO, NOW, Json
from hl_signed_kit import AGENT, ALICE, BOB, NOOP, OK, ORDER, OTHER, Venue, of
from hyperliquid.utils import signing as sdk  # type: ignore[import-untyped]
from wire import World

from perplab.exchange.messages import UpdateOracle
from perplab.exchange.server.hyperliquid import diagnosis, identity
from perplab.exchange.server.hyperliquid.desk import Desk
from perplab.exchange.server.hyperliquid.dialect import Dialect
from perplab.exchange.server.hyperliquid.errors import Failed
from perplab.exchange.server.hyperliquid.identity import LOOK_US_A_S, LOOK_US_AT_ONCE, VAULTS, Identities
from perplab.exchange.server.hyperliquid.talk import Talk
from perplab.exchange.server.hyperliquid.weights import Weights
from perplab.exchange.server.limits import Limits

# -- users --


def test_a_signature_makes_nobody_known_and_a_question_does() -> None:
    venue = Venue()
    text = venue.error(venue.l1(OTHER, ORDER))
    assert text.startswith(f"L1 error: User or API Wallet {of(OTHER)} does not exist. The signature is that of {of(OTHER)}")
    assert venue.people.known(of(OTHER)) is None
    venue.ask("clearinghouseState", user=OTHER.address)
    assert venue.l1(OTHER, ORDER)["status"] == "ok"
    assert venue.host.exchange.balance(venue.account(of(OTHER))) == 10_000 * MICRO


def test_either_network() -> None:
    venue = Venue()
    for is_mainnet in (True, False):
        venue.wall += 1
        signature = sdk.sign_l1_action(ALICE, NOOP, None, venue.wall, None, is_mainnet)
        assert venue.post({"action": NOOP, "nonce": venue.wall, "signature": signature}) == OK


def test_without_a_faucet_nobody_becomes_known() -> None:
    venue = Venue(faucet=0)
    assert venue.people.account(of(ALICE)) is None and of(ALICE) not in venue.host.people.users
    text = venue.error(venue.l1(ALICE))
    assert "does not exist" in text and "send it money by usdSend from an address that has one" in text and "(--faucet 0)" in text
    assert "perplab ctl grant user=0x... usd=1000" in text, "it is signed for the testnet or for the mainnet, and nobody knows which"


def test_without_a_faucet_an_address_becomes_known_when_it_is_sent_money() -> None:
    venue = Venue(faucet=0)
    venue.people.faucet = 5 * MICRO
    alice = venue.account(of(ALICE))  # by a journal, say
    venue.people.faucet = 0
    assert venue.people.account(of(BOB)) is None and venue.send(ALICE, of(BOB)) == OK
    balances = [venue.host.exchange.balance(account) for account in (alice, venue.account(of(BOB)))]
    assert balances == [4 * MICRO, MICRO] and venue.l1(BOB) == OK
    for _ in range(4):
        assert venue.send(ALICE, of(BOB)) == OK
    assert venue.error(venue.send(ALICE, of(OTHER))) == "Insufficient balance for withdrawal."
    assert of(OTHER) not in venue.host.people.users, "nobody becomes known by money that is not there"


def test_how_many_addresses_one_peer_makes_known() -> None:
    world = World("sandbox", limits=Limits(contacts=2))
    world.host.send([UpdateOracle(0, market, price) for market, price in enumerate((60_000, 30_000, 150_000))])
    people = Identities(world.host, 10 * MICRO, lambda: NOW)
    desk = Desk(Dialect(world.host, people, lambda: NOW), people, Weights(False))

    def ask(number: int, peer: str) -> object:
        return desk.info({"type": "clearinghouseState", "user": f"0x{'a' * 39}{number}"}, peer)

    ask(0, "here"), ask(1, "here"), ask(0, "here")
    with pytest.raises(Failed, match="gets no account: 2 addresses have become known by here, of 2 that one peer may"):
        ask(2, "here")
    assert len(world.host.people.users) == 2
    ask(2, "there")
    ask(2, "here")  # it is known by now
    talk = Talk(desk, lambda: None, "here")
    talk.receive_message(json.dumps({"method": "subscribe", "subscription": {"type": "userFills", "user": "0x" + "b" * 40}}).encode())
    assert b"of 2 that one peer may" in b"".join(talk.messages())
    assert people.account("0x" + "b" * 40) is not None, "what nobody on the network asks for is not counted"


def test_users_are_bounded_and_one_that_gets_no_account_leaves_nothing() -> None:
    world = World("sandbox", limits=Limits(users=3))
    people = Identities(world.host, 10 * MICRO, lambda: NOW)
    for number in range(3):
        assert people.account(f"0x{'a' * 39}{number}") is not None
    with pytest.raises(Failed, match="gets no account: this server has 3 users, as many as it takes"):
        people.account("0x" + "b" * 40)
    assert len(world.host.people.users) == 3
    poor = World("sandbox")
    people = Identities(poor.host, 10**19, lambda: NOW)
    with pytest.raises(Failed, match="deposits would exceed what the venue can count"):
        people.account("0x" + "b" * 40)
    assert not poor.host.people.users and poor.host.exchange.state.accounts.count == 8


def test_an_address_that_tells_of_an_account_without_one_is_nobody_s() -> None:
    venue = Venue()
    made_up = venue.people.address(venue.maker)
    assert int(made_up, 16) == venue.maker and venue.people.account(made_up) is None
    assert venue.ask("userRole", user=made_up) == {"role": "missing"}
    assert made_up not in venue.host.people.users
    assert venue.people.account("0x" + "0" * 40) is not None  # where the SDK's examples send money


def test_an_address_is_no_name_of_the_other_protocol() -> None:
    """Else a stranger could hold a key to the account of whoever comes later."""
    refused = Venue().world.talker().ask("faucet", name=of(OTHER), amount=1)
    assert (refused["reason"], refused["data"]["field"]) == ("NAME_TAKEN", "name")


# -- why a signature leads to nobody --


def test_why_names_who_is_meant() -> None:
    venue = Venue()
    assert venue.approve(ALICE, AGENT, "bot") == OK
    sub = venue.l1(ALICE, {"type": "createSubAccount", "name": "x"})["response"]["data"]
    text = venue.error(venue.l1(AGENT, ORDER, vault=sub, signs_vault=False))
    assert text.startswith("L1 error: User or API Wallet 0x") and text.endswith(
        " does not exist. Likely cause: it was signed without the vaultAddress that was sent. Read so, the signature is that of "
        f"{of(AGENT)}, which is the API wallet 'bot' of {of(ALICE)}."
    )


@pytest.mark.parametrize("signer", (ALICE, AGENT))
def test_why_names_another_vault_that_was_signed_for(signer: Any) -> None:
    venue = Venue()
    assert venue.approve(ALICE, AGENT, "bot") == OK
    bobs = venue.l1(BOB, {"type": "createSubAccount", "name": "b"})["response"]["data"]
    one, two = (venue.l1(ALICE, {"type": "createSubAccount", "name": name})["response"]["data"] for name in "xy")
    for signed, sent in ((one, None), (one, two), (two, bobs)):
        venue.wall += 1
        signature = sdk.sign_l1_action(signer, ORDER, signed, venue.wall, None, False)
        text = venue.error(venue.post({"action": ORDER, "nonce": venue.wall, "signature": signature, "vaultAddress": sent}))
        assert (
            "Likely cause: it was signed with another vaultAddress than it was sent with; "
            f"{signed} was signed, {sent or 'none'} was sent. Read so, the signature is that of {of(signer)}, "
        ) in text
    text = venue.error(venue.l1(OTHER, ORDER))
    assert text.count("another vaultAddress") == 1, "all that were tried are told as one"


@pytest.mark.parametrize("signer", (ALICE, AGENT))
def test_why_names_one_s_own_address_that_was_signed_for_as_a_vault(signer: Any) -> None:
    venue = Venue()
    assert venue.approve(ALICE, AGENT, "bot") == OK
    for number in range(VAULTS - 1):
        venue.account(of(Account.from_key("0x" + f"{number + 100:064x}")))
    venue.ask("openOrders", user=of(ALICE))
    venue.wall += 1
    signature = sdk.sign_l1_action(signer, ORDER, of(ALICE), venue.wall, None, False)
    text = venue.error(venue.post({"action": ORDER, "nonce": venue.wall, "signature": signature, "vaultAddress": None}))
    cause = f"it was signed with another vaultAddress than it was sent with; {of(ALICE)} was signed, none was sent"
    assert f"Likely cause: {cause}. Read so, the signature is that of {of(signer)}, " in text


@pytest.mark.parametrize(("wrong", "how"), [
    ({"p": "45000.00", "s": "0.010"}, "p was '45000.00' and not '45000'; s was '0.010' and not '0.01'"),
    ({"c": "0x" + "A" * 32}, f"c was '0x{'A' * 32}' and not '0x{'a' * 32}'"),
    ({"c": None}, "c was null and not left out"),
])  # fmt: skip
def test_what_the_live_venue_would_hash_otherwise_is_refused(wrong: Json, how: str) -> None:
    """It writes an action anew before it hashes that; who has signed what was sent is somebody else, then."""
    venue = Venue()
    order = {"a": 0, "b": True, "p": "45000", "s": "0.01", "r": False, "t": {"limit": {"tif": "Gtc"}}}
    text = venue.error(venue.l1(ALICE, {**ORDER, "orders": [{**order, **wrong}]}))
    assert text.startswith("L1 error: User or API Wallet 0x") and how in text and f"is that of {of(ALICE)}, which is a user here." in text
    assert venue.ask("openOrders", user=of(ALICE)) == []
    text = venue.error(venue.l1(ALICE, {"orders": [order], "grouping": "na", "type": "order"}))
    assert "the keys type, orders, grouping came in the order orders, grouping, type" in text


def test_who_signs_the_form_that_the_live_venue_hashes_may_send_another() -> None:
    venue = Venue()
    order = {"a": 0, "b": True, "p": "45000", "s": "0.01", "r": False, "t": {"limit": {"tif": "Gtc"}}, "c": "0x" + "a" * 32}
    sent = {"grouping": "na", "builder": None, "orders": [{**dict(reversed(order.items())), "p": "45000.00", "c": "0x" + "A" * 32}]}
    venue.wall += 1
    signature = sdk.sign_l1_action(ALICE, {"type": "order", "orders": [order], "grouping": "na"}, None, venue.wall, None, False)
    reply = venue.post({"action": {**sent, "type": "order"}, "nonce": venue.wall, "signature": signature})
    assert reply["response"]["data"]["statuses"][0]["resting"]["cloid"] == "0x" + "a" * 32


def test_how_many_sub_accounts_a_wrong_signature_is_tried_with() -> None:
    venue = Venue()
    subs = []
    for number in range(24):
        wallet = Account.from_key("0x" + f"{number + 100:064x}")
        venue.account(of(wallet))
        subs.append(venue.l1(wallet, {"type": "createSubAccount", "name": "x"})["response"]["data"])
    assert venue.l1(Account.from_key("0x" + f"{100:064x}"), ORDER, vault=subs[0])["status"] == "ok"
    tried = venue.people._vaults(None)
    assert tried[0] == subs[0] and tried[1:VAULTS] == subs[:-VAULTS:-1], "the one that was used, and the newest"
    assert VAULTS < len(tried) <= 2 * VAULTS and not {*tried[VAULTS:]} & {*subs}, "and who was asked about last"


def test_only_some_of_a_flood_of_wrong_signatures_are_looked_into() -> None:
    venue = Venue()
    cost = diagnosis.cost(ORDER, venue.wall)
    at_once = LOOK_US_AT_ONCE // cost
    texts = [venue.error(venue.l1(OTHER, ORDER)) for _ in range(at_once + 1)]
    assert all("Tried without success" in text for text in texts[:-1]) and "It is not looked into why" in texts[-1]
    left = LOOK_US_AT_ONCE - at_once * cost
    wait = int(texts[-1].removesuffix(" ms.").rsplit(" ", 1)[1])
    assert wait == -(-(cost - left) * 1_000 // LOOK_US_A_S)
    venue.world.later(wait / 1_000)
    assert "Tried without success" in venue.error(venue.l1(OTHER, ORDER))
    assert "It is not looked into why" in venue.error(venue.l1(OTHER, ORDER))


def test_looking_into_wrong_signatures_takes_a_fiftieth_of_the_time_whatever_their_size(monkeypatch: pytest.MonkeyPatch) -> None:
    venue, looked = Venue(), list[int]()
    monkeypatch.setattr(identity, "why", lambda action, *_: looked.append(diagnosis.cost(action, 1)) or "")
    for count in (1, 10, 40, 150) * 100:
        venue.l1(OTHER, {**ORDER, "orders": ORDER["orders"] * count})
        venue.world.later(0.05)
    seconds = 400 * 0.05
    assert 0 < sum(looked) <= LOOK_US_AT_ONCE + seconds * LOOK_US_A_S and LOOK_US_A_S * 50 == 1_000_000
    assert looked.count(0) == 100, "large ones are not looked into, and cost nothing"
    assert max(looked) < 17_000
