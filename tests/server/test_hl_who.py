"""Who has signed a request of Hyperliquid's API, for whom, and what is kept of it: whole requests, signed by the SDK, at the desk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from eth_account import Account  # type: ignore[import-untyped]
from hl_kit import MICRO, NOW, Json, limit
from hl_signed_kit import AGENT, ALICE, BOB, DAY, NOOP, OK, ORDER, OTHER, THIRD, Venue, of
from hyperliquid.utils import signing as sdk  # type: ignore[import-untyped]
from test_store import served

from perplab.exchange.messages import UpdateOracle
from perplab.exchange.server.hyperliquid import wallets
from perplab.exchange.server.hyperliquid.desk import Desk
from perplab.exchange.server.hyperliquid.dialect import Dialect
from perplab.exchange.server.hyperliquid.errors import Unreadable
from perplab.exchange.server.hyperliquid.identity import APPROVALS, Identities, sub_address
from perplab.exchange.server.hyperliquid.weights import Weights

# -- signatures that are not of this request --


def test_a_move_of_money_cannot_be_sent_again_under_another_nonce() -> None:
    venue = Venue()
    venue.wall += 1
    action = {"type": "usdSend", "destination": of(BOB), "amount": "1", "time": venue.wall}
    signature = sdk.sign_usd_transfer_action(ALICE, action, False)
    assert venue.post({"action": action, "nonce": venue.wall, "signature": signature}) == OK
    again = {"action": {**action, "nonce": venue.wall + 1}, "nonce": venue.wall + 1, "signature": signature}
    assert venue.error(venue.post(again)) == f"Invalid nonce: {venue.wall + 1} was sent, and the signed time is {venue.wall}"
    assert venue.error(venue.post({"action": action, "nonce": venue.wall, "signature": signature})) == (
        f"Invalid nonce: duplicate nonce {venue.wall}"
    )
    assert venue.host.exchange.balance(venue.account(of(BOB))) == 10_001 * MICRO


def test_an_action_that_is_not_carried_out_is_refused_whoever_signs() -> None:
    venue = Venue()
    action = {"type": "multiSig", "signatureChainId": "0x66eee", "signatures": [], "payload": {}}
    signature = sdk.sign_multi_sig_action(ALICE, {**action, "hyperliquidChain": "Testnet"}, False, None, NOW, None)
    assert venue.error(venue.post({"action": action, "nonce": NOW, "signature": signature})).startswith("unsupported in sandbox: ")


@pytest.mark.parametrize("wrong", [
    {"nonce": -1}, {"expiresAfter": -1}, {"expiresAfter": True}, {"expiresAfter": "1"},
])  # fmt: skip
def test_bodies_that_are_no_requests(wrong: Json) -> None:
    venue = Venue()
    with pytest.raises(Unreadable, match="Failed to deserialize the JSON body into the target type"):
        venue.post({"action": NOOP, "nonce": NOW, "signature": None, **wrong})


def test_requests_without_a_signature() -> None:
    venue = Venue()
    assert venue.error(venue.post({"action": NOOP, "nonce": NOW})) == "Invalid signature: the signature is not a map of r, s and v"
    body = {"action": NOOP, "nonce": NOW, "user": of(ALICE)}
    assert venue.error(venue.post(body)) == "Invalid signature: there is none, and this server was not started with --trust"
    venue.host.trust = True
    text = 'there is none; a server with --trust needs an address instead, in the field "user" beside "action" and "nonce"'
    assert venue.error(venue.post({"action": NOOP, "nonce": NOW})) == f"Invalid signature: {text}"
    assert venue.post(body) == OK and "duplicate nonce" in venue.error(venue.post(body))
    sub = venue.l1(ALICE, {"type": "createSubAccount", "name": "x"})["response"]["data"]
    text = venue.error(venue.post({"action": NOOP, "nonce": NOW + 9, "user": sub}))
    assert text == f"{sub} is a sub-account of {of(ALICE)}: name that as user, and the sub-account as vaultAddress"
    assert venue.post({"action": NOOP, "nonce": NOW + 9, "user": ALICE.address, "vaultAddress": sub}) == OK
    assert "is no address" in venue.error(venue.post({"action": NOOP, "nonce": NOW + 9, "user": 5}))


# -- expiry --


def test_an_action_after_its_expiry() -> None:
    venue = Venue()
    assert venue.l1(ALICE, ORDER, expires=venue.wall + 1)["status"] == "ok"
    text = venue.error(venue.l1(ALICE, ORDER, expires=venue.wall))
    assert text == f"Action expired: expiresAfter is {venue.wall - 1}, and it is {venue.wall} now"


# -- sub-accounts --


def test_a_sub_account_is_traded_by_its_master_and_his_wallets() -> None:
    venue = Venue()
    sub = venue.l1(ALICE, {"type": "createSubAccount", "name": "one"})["response"]["data"]
    second = venue.l1(ALICE, {"type": "createSubAccount", "name": "two"})["response"]["data"]
    assert venue.people.sub_accounts(of(ALICE)) == [("one", sub), ("two", second)]
    give = {"type": "subAccountTransfer", "subAccountUser": sub, "isDeposit": True, "usd": 1_000 * MICRO}
    assert venue.l1(ALICE, give, vault=sub, signs_vault=False) == OK, "the SDK sends its vault with these, and does not sign it"
    assert venue.approve(ALICE, AGENT) == OK
    for wallet in (ALICE, AGENT):
        assert venue.l1(wallet, ORDER, vault=sub)["status"] == "ok"
    account = venue.people.known(sub)
    assert account is not None and venue.people.address(account) == sub
    assert [len(venue.host.exchange.open_orders(one)) for one in (account, venue.account(of(ALICE)))] == [2, 0]
    assert venue.ask("userRole", user=sub) == {"role": "subAccount", "data": {"master": of(ALICE)}}


def test_a_vault_that_is_none_of_the_signer_s() -> None:
    venue = Venue()
    sub = venue.l1(ALICE, {"type": "createSubAccount", "name": "one"})["response"]["data"]
    for vault in (sub, of(BOB), of(ALICE), of(OTHER)):
        assert venue.error(venue.l1(BOB, ORDER, vault=vault)) == f"Vault not registered: {vault}"


# -- wallets --


def test_a_wallet_signs_for_its_user_and_moves_no_money() -> None:
    venue = Venue()
    assert venue.approve(ALICE, AGENT, "bot") == OK
    assert venue.l1(AGENT, ORDER)["status"] == "ok"
    assert len(venue.host.exchange.open_orders(venue.account(of(ALICE)))) == 1
    assert venue.error(venue.send(AGENT)) == (
        f"Must deposit before performing actions. User: {of(AGENT)}. It is an API wallet of {of(ALICE)}, and usdSend must be signed by "
        "the user."
    )
    assert "must be signed by the user" in venue.error(venue.approve(AGENT, OTHER))
    sub = venue.l1(ALICE, {"type": "createSubAccount", "name": "one"})["response"]["data"]
    give = {"subAccountUser": sub, "isDeposit": True}
    for action in (
        {"type": "createSubAccount", "name": "two"}, {"type": "subAccountTransfer", **give, "usd": 1},
        {"type": "subAccountSpotTransfer", **give, "token": "USDC", "amount": "1"},
    ):  # fmt: skip
        text = venue.error(venue.l1(AGENT, action))
        assert text.startswith(f"Must deposit before performing actions. User: {of(AGENT)}. It is an API wallet of {of(ALICE)}"), text
    assert len(venue.people.sub_accounts(of(ALICE))) == 1


def test_a_wallet_stays_one_whoever_asks_about_it() -> None:
    """Bots ask /info about the wallet that they sign with, instead of its user."""
    venue = Venue()
    assert venue.approve(ALICE, AGENT) == OK
    assert float(venue.ask("clearinghouseState", user=AGENT.address)["marginSummary"]["accountValue"]) == 0
    assert venue.ask("userRole", user=AGENT.address) == {"role": "agent", "data": {"user": of(ALICE)}}
    assert venue.l1(AGENT, ORDER)["status"] == "ok"
    assert len(venue.host.exchange.open_orders(venue.account(of(ALICE)))) == 1


def test_a_wallet_replaces_the_one_of_its_name() -> None:
    venue = Venue()
    for name in ("", "bot"):
        assert venue.approve(ALICE, AGENT, name) == OK and venue.approve(ALICE, OTHER, name) == OK
        assert "does not exist" in venue.error(venue.l1(AGENT))
        assert venue.l1(OTHER) == OK
    assert venue.people.agents(of(ALICE)) == [("bot", of(OTHER), 0)], "approved anew, it has another name"
    assert venue.ask("extraAgents", user=ALICE.address) == [{"name": "bot", "address": of(OTHER), "validUntil": 0}]


def test_how_many_wallets_there_may_be() -> None:
    venue = Venue()
    many = [Account.from_key(f"0x{number:064x}") for number in range(100, 110)]
    assert venue.approve(ALICE, many[0]) == OK
    for number in (1, 2, 3):
        assert venue.approve(ALICE, many[number], f"bot {number}") == OK
    assert venue.error(venue.approve(ALICE, many[4], "bot 4")) == "Too many extra agents: there are 3 of 3."
    assert venue.approve(ALICE, many[4], "bot 3") == OK and venue.approve(ALICE, many[5]) == OK
    venue.l1(ALICE, {"type": "createSubAccount", "name": "x"})
    assert venue.approve(ALICE, many[6], "bot 4") == OK and venue.approve(ALICE, many[7], "bot 5") == OK
    assert "there are 5 of 5" in venue.error(venue.approve(ALICE, many[8], "bot 6"))


def test_whose_a_wallet_may_be() -> None:
    venue = Venue()
    assert venue.approve(ALICE, AGENT) == OK
    for agent in (AGENT, ALICE, BOB):
        assert venue.error(venue.approve(BOB, agent)) == "Extra agent already used."
    assert venue.people.agents(of(BOB)) == []


def test_a_wallet_for_a_time() -> None:
    venue = Venue()
    until = venue.wall + 1_000
    assert venue.approve(ALICE, AGENT, f"bot valid_until {until}") == OK
    assert venue.people.agents(of(ALICE)) == [("bot", of(AGENT), until)] and venue.l1(AGENT) == OK
    venue.wall = until
    text = venue.error(venue.l1(AGENT))
    assert f"{of(AGENT)} is an API wallet of {of(ALICE)} that was valid until {until}; it is {venue.wall} now." in text
    assert venue.people.agents(of(ALICE)) == [] and venue.approve(BOB, AGENT) == OK, "it may be somebody else's now"
    assert venue.l1(AGENT) == OK and len(venue.people.wallets.kept.agents) == 1


@pytest.mark.parametrize("end", ["", "0", "-5", "1e99", "\u00b2", "\u0661", "9" * 30, str(NOW), str(NOW + 181 * DAY)])
def test_times_that_no_wallet_has(end: str) -> None:
    venue = Venue()
    assert "Invalid agent name: valid_until is" in venue.error(venue.approve(ALICE, AGENT, f"bot valid_until {end}"))
    assert venue.people.agents(of(ALICE)) == []


def test_a_name_that_is_too_long() -> None:
    venue = Venue()
    assert venue.approve(ALICE, AGENT, "x" * 64) == OK
    assert "it has 65 characters, of 64 at most" in venue.error(venue.approve(ALICE, AGENT, "x" * 65))


# -- after a restart, and after the venue has gone back --


class Kept:
    """A server that writes a journal, and its desk."""

    def __init__(self, folder: Path, wall: int) -> None:
        self.world, self.store = served(folder)
        self.host = self.world.host
        if not self.host.first_seq:
            self.host.send([UpdateOracle(0, 0, 60_000)])
        self.wall = wall
        self.people = Identities(self.host, 10_000 * MICRO, lambda: self.wall)
        dialect = Dialect(self.host, self.people, lambda: self.wall)
        self.desk = Desk(dialect, self.people, Weights(False))

    post = Venue.post
    l1 = Venue.l1
    approve = Venue.approve
    error = Venue.error


def test_wallets_and_names_outlive_the_server(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "j", NOW)
    account = kept.people.account(of(ALICE))
    assert kept.approve(ALICE, AGENT, "bot") == OK
    sub = kept.l1(ALICE, {"type": "createSubAccount", "name": "one"})["response"]["data"]
    path = tmp_path / "j" / wallets.FILE
    assert path.stat().st_mode & 0o777 == 0o600
    kept.store.close()
    again = Kept(tmp_path / "j", NOW + 10_000)
    assert again.people.known(of(ALICE)) == account and again.people.sub_accounts(of(ALICE)) == [("one", sub)]
    again.wall += wallets.AHEAD_MS
    assert again.people.agents(of(ALICE)) == [("bot", of(AGENT), 0)] and again.l1(AGENT, vault=sub) == OK
    again.store.close()


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"agents": {"0x1": 5}}', b'{"agents": {"0x1": {"user": 1}}}'])
def test_a_file_that_is_damaged_is_told(tmp_path: Path, data: bytes) -> None:
    Kept(tmp_path / "j", NOW).store.close()
    (tmp_path / "j" / wallets.FILE).write_bytes(data)
    with pytest.raises(ValueError):
        Kept(tmp_path / "j", NOW)


def test_a_wallet_that_cannot_be_written_down_is_not_approved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Kept(tmp_path / "j", NOW)
    kept.people.account(of(ALICE))
    assert kept.approve(ALICE, AGENT) == OK

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(wallets, "replace", full)
    text = kept.error(kept.approve(ALICE, OTHER))
    assert text == "READ_ONLY: the wallet could not be written down: No space left on device"
    assert kept.people.agents(of(ALICE)) == [("", of(AGENT), 0)] and kept.l1(AGENT) == OK
    assert kept.l1(ALICE, {"type": "createSubAccount", "name": "one"})["status"] == "ok", "without a name after a restart"
    kept.store.close()


def test_a_user_has_only_some_files_written_in_a_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept, writes = Kept(tmp_path / "j", NOW), list[object]()
    for one in (ALICE, BOB):
        kept.people.account(of(one))
    monkeypatch.setattr(wallets, "replace", lambda *_, **__: writes.append(None))
    told = [kept.approve(ALICE, (AGENT, OTHER)[number % 2]) for number in range(APPROVALS + 1)]
    assert told[:-1] == [OK] * APPROVALS == [OK] * len(writes)
    assert kept.error(told[-1]) == f"Too many approvals: {APPROVALS} at once, then one a second. Try again in 1000 ms."
    assert kept.people.agents(of(ALICE)) == [("", of(OTHER), 0)], "that changes nothing"
    assert kept.approve(BOB, AGENT) == OK, "and nobody else is refused"
    kept.world.monotonic += 1_000_000_000
    assert kept.approve(ALICE, OTHER) == OK
    kept.store.close()


def test_nonces_after_a_restart(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "j", NOW)
    kept.people.account(of(ALICE))

    def sent(server: Kept, nonce: int, wallet: Any = ALICE) -> Any:
        signature = sdk.sign_l1_action(wallet, NOOP, None, nonce, None, False)
        return server.post({"action": NOOP, "nonce": nonce, "signature": signature})

    assert sent(kept, NOW - DAY) == OK, "a server that begins anew knows that none was used"
    assert sent(kept, NOW + 3_600_000) == OK
    kept.store.close()
    again = Kept(tmp_path / "j", NOW + 5_000)
    again.people.account(of(BOB))
    for nonce in (NOW - DAY, NOW - 5, NOW + 4_999, NOW + 5_000 + wallets.AHEAD_MS - 1):
        assert "is before this server's start" in again.error(sent(again, nonce))
    assert "may have been used before this server's start" in again.error(sent(again, NOW + 3_600_000))
    assert sent(again, NOW + 3_600_000, BOB) == OK, "another signer's has nothing to do with it"
    again.wall = NOW + 2 * 3_600_000
    assert sent(again, again.wall) == OK
    again.store.close()


def test_what_was_sent_ahead_of_its_time_is_not_carried_out_again_however_soon_the_server_is_back(tmp_path: Path) -> None:
    for ahead in (0, 50, wallets.AHEAD_MS, wallets.AHEAD_MS + 1, 990):
        signature = sdk.sign_l1_action(ALICE, NOOP, None, NOW + ahead, None, False)
        body = {"action": NOOP, "nonce": NOW + ahead, "signature": signature}
        kept = Kept(tmp_path / f"{ahead}", NOW)
        kept.people.account(of(ALICE))
        assert kept.post(body) == OK
        kept.store.close()
        again = Kept(tmp_path / f"{ahead}", NOW + 1)
        assert "may have been used" in again.error(again.post(body)), ahead
        again.store.close()


def test_nobody_takes_the_address_of_an_account_that_is_not_open_yet() -> None:
    """Not by asking about it, nor by sending money there; afterwards the sub-account is its owner's."""
    venue = Venue()
    venue.ask("clearinghouseState", user=of(ALICE))
    sub, number = sub_address(of(ALICE), 1), f"0x{venue.host.people.met + 1:040x}"
    for address in (sub, number):
        venue.ask("clearinghouseState", user=address)
        assert address not in venue.host.people.users and venue.people.receiver(address) is None
    assert venue.l1(ALICE, {"type": "createSubAccount", "name": "one"})["response"]["data"] == sub
    account = venue.people.known(sub)
    assert account is not None and venue.host.people.owner_of[account].name == of(ALICE)
    assert venue.l1(ALICE, {"type": "subAccountTransfer", "subAccountUser": sub, "isDeposit": True, "usd": MICRO}) == OK
    assert venue.host.exchange.balance(account) == MICRO and venue.l1(ALICE, vault=sub) == OK


def test_after_the_venue_has_gone_back() -> None:
    venue = Venue()
    venue.host.keep("before")
    venue.l1(ALICE, {"type": "createSubAccount", "name": "one"})
    assert venue.approve(ALICE, AGENT) == OK
    venue.ask("clearinghouseState", user=OTHER.address)
    assert venue.approve(OTHER, THIRD) == OK
    venue.host.go_back("before")
    assert venue.people.sub_accounts(of(ALICE)) == [] and venue.people.known(of(OTHER)) is None
    assert venue.l1(AGENT) == OK, "wallets do not go back"
    assert "does not exist" in venue.error(venue.l1(THIRD)), "its user is not there"
    venue.ask("clearinghouseState", user=OTHER.address)
    assert venue.l1(THIRD) == OK
    sub = venue.l1(ALICE, {"type": "createSubAccount", "name": "two"})["response"]["data"]
    assert venue.people.sub_accounts(of(ALICE)) == [("two", sub)] and venue.l1(ALICE, vault=sub) == OK


# -- whatever is sent --

STRANGE: tuple[Any, ...] = (
    None, True, -1, 2**31, 2**63, 2**64, 10**40, 1.5, 1e300, "", "0", "-1", "1e9", "9" * 500, "\u0661", "nan", "0x", "0x" + "f" * 5_000,
    [], [[]], {}, {"type": "order"}, {"p": "nan", "s": "\ud800"}, "x" * 5_000,
)  # fmt: skip


@pytest.mark.parametrize("action", [
    {"type": "order", "orders": [{**limit(0, True, "50000", "0.01"), "c": "0x" + "a" * 32}], "builder": {"b": "0x1", "f": 1}},
    {"type": "usdSend", "signatureChainId": "0x1", "hyperliquidChain": "Testnet", "destination": "0x1", "amount": "1", "time": NOW},
    {"type": "approveAgent", "signatureChainId": "0x1", "hyperliquidChain": "Testnet", "agentAddress": of(AGENT), "nonce": NOW},
    {"type": "createSubAccount", "name": "x"},
], ids=lambda one: one["type"])  # fmt: skip
def test_each_value_may_be_anything(action: Json) -> None:
    venue = Venue()
    signature = sdk.sign_l1_action(OTHER, NOOP, None, NOW, None, False)
    body = {"action": action, "nonce": NOW, "signature": signature, "vaultAddress": of(BOB), "expiresAfter": NOW}
    places: list[tuple[Json, str]] = [(body, name) for name in ("nonce", "signature", "vaultAddress", "expiresAfter")]
    places += [(action, name) for name in (*action, "other", "agentName") if name != "type"] + [(signature, name) for name in "rsv"]
    for at, name in places:
        had = dict(at)
        for strange in STRANGE:
            at[name] = strange
            venue.world.later(1)  # so that it is looked into
            told: list[Any] = []
            try:
                venue.desk.exchange(body, "here", told.append)
            except Unreadable:
                continue
            assert told[0]["status"] == "err" and len(told[0]["response"]) < 3_000
        at.clear()
        at.update(had)
    assert len(venue.host.people.users) == 2 and not venue.people.wallets.kept.agents
