"""Who is behind an address, and who may sign for whom, in Hyperliquid's API."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from eth_account import Account  # type: ignore[import-untyped]
from hl_kit import ALICE, BOB, BTC, MICRO, NOW, Json, Venue, limit
from hyperliquid.utils import signing as sdk  # type: ignore[import-untyped]

from perplab.exchange import Exchange, load_venue
from perplab.exchange.server import store as stores
from perplab.exchange.server.clock import Clock
from perplab.exchange.server.host import Host
from perplab.exchange.server.hyperliquid import wallets
from perplab.exchange.server.hyperliquid.errors import Failed, Unreadable
from perplab.exchange.server.hyperliquid.identity import Identities, sub_address
from perplab.exchange.server.limits import Limits

WALLET = Account.from_key("0x" + "1" * 64)
AGENT = Account.from_key("0x" + "2" * 64)
ME, BOT = WALLET.address.lower(), AGENT.address.lower()
ORDER = {"type": "order", "orders": [limit(BTC, True, "59000", "0.01")], "grouping": "na"}
DAY = 86_400_000


def signed(v: Venue, action: Json, wallet: Any = WALLET, vault: str | None = None, expires: int | None = None) -> Json:
    """A request as the SDK sends it."""
    v.wall += 1
    signature = sdk.sign_l1_action(wallet, action, vault, v.wall, expires, False)
    return {"action": action, "nonce": v.wall, "signature": signature, "vaultAddress": vault, "expiresAfter": expires}


def approval(v: Venue, agent: str = BOT, name: str = "", wallet: Any = WALLET) -> Json:
    v.wall += 1
    action = {"type": "approveAgent", "agentAddress": agent, "agentName": name, "nonce": v.wall}
    signature = sdk.sign_agent(wallet, action, False)
    if not name:
        del action["agentName"]
    return {"action": action, "nonce": v.wall, "signature": signature, "vaultAddress": None}


def reply(v: Venue, body: Json) -> Any:
    told: list[Any] = []
    v.desk.exchange(body, "here", told.append)
    v.host.exchange.check()
    return told[0]


def done(v: Venue, body: Json) -> None:
    told = reply(v, body)
    assert told["status"] == "ok", told


def refused(v: Venue, body: Json) -> str:
    told = reply(v, body)
    assert told["status"] == "err", told
    return str(told["response"])


def known() -> Venue:
    v = Venue()
    v.account(ME)
    return v


# -- addresses --


def test_an_address_is_known_when_it_is_asked_about_and_not_by_a_signature() -> None:
    v = Venue()
    count = v.host.exchange.state.accounts.count
    text = refused(v, signed(v, ORDER))
    assert text.startswith(f"L1 error: User or API Wallet {ME} does not exist.") and v.host.exchange.state.accounts.count == count
    assert v.ask("clearinghouseState", user=WALLET.address)["marginSummary"]["accountValue"] == "10000.0"
    assert v.ask("clearinghouseState", user=ME)["marginSummary"]["accountValue"] == "10000.0"
    assert v.host.exchange.state.accounts.count == count + 1
    done(v, signed(v, ORDER))


def test_without_a_faucet_nobody_becomes_known() -> None:
    v = Venue(faucet=0)
    assert v.ask("clearinghouseState", user=ALICE)["marginSummary"]["accountValue"] == "0.0"
    text = v.refusal({"type": "noop"})
    assert text.startswith(f"Must deposit before performing actions. User: {ALICE}. It has no account yet")
    assert v.people.account(ALICE) is None
    assert f"`perplab ctl grant user={ALICE} usd=1000`" in text and "usdSend" in text


def test_a_server_has_so_many_users() -> None:
    v = Venue()
    v.host.limits = Limits(users=2)
    for number in range(2):
        v.account(f"0x{number:040x}")
    with pytest.raises(Failed, match="gets no account: this server has 2 users"):
        v.ask("openOrders", user=ALICE)


def test_a_native_user_has_an_address_that_leads_nowhere() -> None:
    v = Venue()
    talker = v.world.talker("alice")
    account = talker.ask("accounts")["accounts"][0]
    address = v.people.address(account)
    assert v.people.known(address) is None and len(address) == 42


# -- nonces and expiry --


def test_a_nonce_is_good_once() -> None:
    v = known()
    body = signed(v, ORDER)
    done(v, body)
    assert refused(v, body) == f"Invalid nonce: duplicate nonce {body['nonce']}"
    v.wall += 3 * DAY
    assert "is not a time in ms" in refused(v, {**signed(v, ORDER), **body})
    late = signed(v, ORDER, expires=v.wall - 10)
    assert refused(v, late).startswith("Action expired: ")
    done(v, signed(v, ORDER, expires=v.wall + 10_000))
    for wrong in ({"nonce": -1}, {"expiresAfter": "1"}, {"expiresAfter": -1}, {"nonce": True}, {"nonce": None}):
        with pytest.raises(Unreadable):
            reply(v, {**signed(v, ORDER), **wrong})


def test_what_is_no_signature_is_said() -> None:
    v = known()
    body = signed(v, ORDER)
    for wrong in (None, {}, {"r": "0x1", "s": "0x1", "v": 5}):
        assert refused(v, {**body, "signature": wrong}).startswith("Invalid signature: ")
    assert refused(v, {**body, "vaultAddress": "0x12"}).startswith("Invalid signature: '0x12' is no address")
    done(v, body)  # none of these has used its nonce up


def test_trust_is_for_servers_that_trust() -> None:
    v = known()
    v.host.trust = False
    assert refused(v, {"action": {"type": "noop"}, "nonce": v.wall, "user": ME}).startswith("Invalid signature: ")


# -- wallets that sign for a user --


def test_an_agent_trades_and_moves_no_money() -> None:
    v = known()
    assert "does not exist" in refused(v, signed(v, ORDER, AGENT))
    done(v, approval(v))
    done(v, signed(v, ORDER, AGENT))
    assert len(v.ask("openOrders", user=ME)) == 1
    v.wall += 1
    send = {"type": "usdSend", "destination": BOB, "amount": "1", "time": v.wall}
    body = {"action": send, "nonce": v.wall, "signature": sdk.sign_usd_transfer_action(AGENT, send, False)}
    assert refused(v, body) == (
        f"Must deposit before performing actions. User: {BOT}. It is an API wallet of {ME}, and usdSend must be signed by the user."
    )
    other = Account.from_key("0x" + "3" * 64)
    done(v, approval(v, other.address.lower()))
    text = f"{BOT} was an API wallet of {ME} until it was replaced by another one without a name."
    assert refused(v, signed(v, ORDER, AGENT)) == f"L1 error: User or API Wallet {BOT} does not exist. {text}"


def test_so_many_agents_by_name_and_for_a_time() -> None:
    v = known()
    for number in range(3):
        done(v, approval(v, f"0x{number:040x}", f"bot{number}"))
    assert refused(v, approval(v, BOT, "bot3")) == "Too many extra agents: there are 3 of 3."
    done(v, approval(v, BOT, f"bot1 valid_until {v.wall + DAY}"))
    assert {one["name"]: one["address"] for one in v.ask("extraAgents", user=ME)}["bot1"] == BOT
    done(v, signed(v, ORDER, AGENT))
    v.wall += DAY + 10
    assert "does not exist" in refused(v, signed(v, ORDER, AGENT)) and len(v.ask("extraAgents", user=ME)) == 2
    assert v.ask("userRole", user=BOT) == {"role": "missing"} and v.people.known(BOT) is None, "asking opens it no account of its own"
    assert "that was valid until" in refused(v, signed(v, ORDER, AGENT))
    for wrong in (f"x valid_until {v.wall - 1}", f"x valid_until {v.wall + 181 * DAY}", "x valid_until soon", "n" * 65):
        assert refused(v, approval(v, BOT, wrong)).startswith("Invalid agent name: ")
    v.account(BOB)
    assert refused(v, approval(v, BOB, "x")) == "Extra agent already used."


def test_a_wallet_that_was_replaced_is_told_so_and_gets_no_account_by_questions() -> None:
    """A bot that goes on with it would trade for itself, with the faucet's money."""
    v = known()
    done(v, approval(v, BOT, "bot"))
    done(v, signed(v, ORDER, AGENT))
    done(v, approval(v, BOB, "bot"))
    assert v.ask("userRole", user=BOT) == {"role": "missing"}
    assert v.ask("clearinghouseState", user=BOT)["marginSummary"]["accountValue"] == "0.0" and v.people.known(BOT) is None
    text = f"{BOT} was an API wallet of {ME} until it was replaced by another one named 'bot'."
    assert refused(v, signed(v, ORDER, AGENT)) == f"L1 error: User or API Wallet {BOT} does not exist. {text}"
    assert v.refusal({"type": "noop"}, BOT) == f"Must deposit before performing actions. User: {BOT}. {text}"
    done(v, approval(v, BOT, "other"))
    done(v, signed(v, ORDER, AGENT))
    done(v, approval(v, "0x" + "9" * 40, "other"))
    v.wall += 1
    send = {"type": "usdSend", "destination": BOT, "amount": "100", "time": v.wall}
    done(v, {"action": send, "nonce": v.wall, "signature": sdk.sign_usd_transfer_action(WALLET, send, False)})
    assert v.ask("userRole", user=BOT) == {"role": "user"}, "money makes it a user, who signs for itself"
    done(v, signed(v, ORDER, AGENT))


def test_who_was_approved_by_a_stranger_and_has_never_signed_gets_his_account_when_that_is_over() -> None:
    """Replaced, or expired."""
    for name in ("", f"for a minute valid_until {NOW + 60_000}"):
        v = known()
        done(v, approval(v, BOT, name))
        assert v.people.account(BOT) is None
        if name:
            v.wall += 60_000
            assert "was valid until" in v.people.why_none(BOT)
        else:
            done(v, approval(v, "0x" + "9" * 40))
        assert v.ask("clearinghouseState", user=BOT)["marginSummary"]["accountValue"] == "10000.0"
        assert v.people.agents(ME) == ([] if name else [("", "0x" + "9" * 40, 0)])
        done(v, signed(v, ORDER, AGENT))


def test_how_many_wallets_that_were_replaced_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wallets, "PAST_EACH", 2)
    monkeypatch.setattr(wallets, "PAST", 3)
    v = known()
    other = Account.from_key("0x" + "4" * 64)
    v.account(other.address.lower())

    def replaced(wallet: Any, *numbers: int) -> list[int]:
        for number in numbers:
            done(v, approval(v, f"0x{number << 80:040x}", "bot", wallet))
            v.people.wallets.signed(f"0x{number << 80:040x}")
        return [number for number in range(1, 20) if v.people.wallets.past(f"0x{number << 80:040x}")]

    assert replaced(WALLET, 1, 2, 3, 4) == [2, 3] and replaced(other, 11, 12) == [2, 3, 11]
    assert replaced(other, 13) == [3, 11, 12] and replaced(WALLET, 3) == [4, 11, 12], "approved again it is none of them"


def test_nobody_takes_anothers_agent() -> None:
    v = known()
    done(v, approval(v))
    thief = Account.from_key("0x" + "4" * 64)
    v.account(thief.address.lower())
    assert refused(v, approval(v, BOT, "x", thief)) == "Extra agent already used."


# -- sub-accounts --


def test_a_sub_account_is_its_masters() -> None:
    v = known()
    sub = reply(v, signed(v, {"type": "createSubAccount", "name": "carry"}))["response"]["data"]
    assert sub == sub_address(ME, 1) and v.people.address(v.account(sub)) == sub
    done(v, signed(v, {"type": "subAccountTransfer", "subAccountUser": sub, "isDeposit": True, "usd": 100 * MICRO}))
    done(v, signed(v, ORDER, vault=sub))
    assert [len(v.ask("openOrders", user=user)) for user in (ME, sub)] == [0, 1]
    thief = Account.from_key("0x" + "4" * 64)
    v.account(thief.address.lower())
    assert refused(v, signed(v, ORDER, thief, vault=sub)) == f"Vault not registered: {sub}"
    assert refused(v, signed(v, ORDER, vault=BOB)) == f"Vault not registered: {BOB}"


def test_nobody_takes_the_address_of_anothers_next_sub_account() -> None:
    """It can be foreseen. What the operator does with it meets its owner, also where it has been approved."""
    v = known()
    thief = Account.from_key("0x" + "4" * 64)
    v.account(thief.address.lower())
    sub, numbered = sub_address(ME, 1), f"0x{9:040x}"
    for made_up in (sub, numbered):
        text = "is no key's. It stands for an account without an address, or for a sub-account that is not open."
        assert refused(v, approval(v, made_up, "x", thief)) == f"Invalid agent address: {made_up} {text}"
        assert v.people.agents(thief.address.lower()) == []
    for number, made_up in enumerate((sub, numbered)):
        v.people.wallets.approve(thief.address.lower(), made_up, str(number), 0)
        assert v.people.owner(made_up) is None
    assert reply(v, signed(v, {"type": "createSubAccount", "name": "s"}))["response"]["data"] == sub
    user = v.host.people.users[ME]
    assert v.people.owner(sub) == (user, user.accounts[1]) and v.people.owner(ME) == (user, None)


# -- a start --


def test_agents_and_names_outlive_the_server(tmp_path: Path) -> None:
    design = load_venue("sandbox")

    def host(exchange: Exchange, store: stores.Store) -> Host:
        return Host(exchange, Clock(NOW * MICRO, 0, lambda: 0), monotonic=lambda: 0, store=store)

    store = stores.begin(tmp_path, "batch")
    first = host(Exchange(design, store), store)
    first.remember({})
    people = Identities(first, 10_000 * MICRO, lambda: NOW)
    account = people.account(ME)
    assert account is not None
    people.approve(ME, BOT, "bot")
    people.approve(ME, ALICE, "old")
    people.wallets.signed(ALICE)
    people.approve(ME, BOB, "old")
    people.wallets.use(ME, NOW - 1)
    store.close()
    store, found = stores.resume(tmp_path, "batch", design, lambda share: None)
    found.exchange.journal = store
    second = host(found.exchange, store)
    second.remember(found.names, found.recent)
    again = Identities(second, 10_000 * MICRO, lambda: NOW)
    assert again.known(ME) == account and again.agents(ME) == [("bot", BOT, 0), ("old", BOB, 0)]
    assert again.wallets.past(ALICE).startswith(f"{ALICE} was an API wallet of {ME} until it was replaced")
    assert again.who_is(BOT) == f"which is the API wallet 'bot' of {ME}"
    with pytest.raises(Failed, match="before this server's start"):
        again.wallets.use(ME, NOW - 1)
    store.close()
    (tmp_path / "hyperliquid.json").write_text("{")
    with pytest.raises(ValueError):
        Identities(second, 0, lambda: NOW)
