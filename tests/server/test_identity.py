"""Who may do what: keys, scopes, and every command and stream tried with somebody else's accounts."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from wire import START, Message, Talker, World

from perplab.exchange.messages import AUTHORITY, COMMANDS, Command, Role, command_row
from perplab.exchange.server import requests as r
from perplab.exchange.server import store as stores
from perplab.exchange.server.limits import Limits
from perplab.exchange.server.people import signature_of


def filled(request: type[r.Request], **known: object) -> dict[str, object]:
    """A valid request of this kind, as a map: least values, and what is said here."""
    values = {
        "market": 0, "side": 0, "price": 59_000, "size": 10, "order_id": 1, "client_id": 1, "leverage": 2, "mode": 0, "amount": 1, "to": 8,
        "trigger": 0, "source": 0, "trigger_price": 50_000,
        "first_price": 58_000, "last_price": 57_000, "count": 2, "slices": 2, "interval": 1_000_000_000,
        "asset": 0, "auction": 1, "share_ppm": 1, "delay": 5, "shares": 1, "multiplier_ppm": 1, "number": 1,
        "threshold_ppm": 1,
        "first": 1, "second": 2,
        "order_type": 0, "tif": 0, "take_profit": 0, "stop": 50_000,
        "window": 1,
        "start": 1, "end": 2, "during": 4,
    }  # fmt: skip
    wanted = {field.name for field in msgspec.structs.fields(request) if field.required}
    return {"op": request.__struct_config__.tag, **{name: value for name, value in values.items() if name in wanted}, **known}


def say(talker: Talker, request: dict[str, object]) -> Message:
    op = request.pop("op")
    return talker.ask(str(op), **request)


# -- keys --


def test_a_key_is_made_by_one_call_and_proved_by_a_challenge() -> None:
    talker = World(trust=False).talker()
    made = talker.ask("faucet", name="alice")
    assert made["ok"] and made["balance"] == 100_000_000_000
    nonce = talker.ask("challenge", key=made["key"])["nonce"]
    logged = talker.ask("login", key=made["key"], signature=signature_of(made["secret"], nonce))
    assert logged["ok"] and logged["accounts"] == [made["account"]] and logged["user"] == "alice"
    assert talker.ask("place", market=0, side="BUY", price=59_000, size=1)["ok"]


def test_a_nonce_serves_one_login_and_a_wrong_signature_none() -> None:
    talker = World(trust=False).talker()
    made = talker.ask("faucet", name="alice")
    signature = signature_of(made["secret"], talker.ask("challenge", key=made["key"])["nonce"])
    assert talker.ask("login", key=made["key"], signature="0" * 64)["reason"] == "WRONG_SIGNATURE"
    assert talker.ask("login", key=made["key"], signature=signature)["reason"] == "CHALLENGE_REQUIRED", "the nonce is used up"
    assert talker.ask("challenge", key="pk_none")["reason"] == "UNKNOWN_KEY"
    assert talker.ask("accounts")["reason"] == "LOGIN_REQUIRED"


def test_a_user_who_was_left_half_made_is_made_whole() -> None:
    """The name is journaled before the account is opened: a server that is killed in between remembers a user who has nothing."""
    for trust in (True, False):
        world = World(trust=trust)
        world.host.people.user("alice")
        world.host.key_of(world.host.people.user("admin"), ("admin",))
        talker = world.talker()
        made = talker.ask("login", name="alice") if trust else talker.ask("faucet", name="alice")
        assert made["ok"] and len(world.host.people.users["alice"].accounts) == 1
        assert talker.ask("logout")["ok"] == trust
        assert talker.ask("faucet", name="admin")["reason"] == "NAME_TAKEN", "who has a key is somebody"


def test_without_trust_a_name_is_nothing() -> None:
    talker = World(trust=False).talker()
    assert talker.ask("login", name="alice")["reason"] == "MISSING_FIELD"
    assert talker.ask("faucet", name="alice")["ok"]
    assert World(trust=False).talker().ask("login", name="alice")["data"]["field"] == "key"
    assert talker.ask("faucet", name="alice")["reason"] == "NAME_TAKEN"


def test_a_key_that_reads_does_not_trade() -> None:
    world = World(trust=False)
    talker = world.talker()
    made = talker.ask("faucet", name="alice", scopes=["read"])
    talker.ask("login", key=made["key"], signature=signature_of(made["secret"], talker.ask("challenge", key=made["key"])["nonce"]))
    assert talker.ask("account")["ok"]
    before = world.host.exchange.state_hash()
    for request in r.COMMAND_REQUESTS:
        assert say(talker, filled(request))["reason"] == "SCOPE"
    assert talker.ask("rows", rows=b"\0" * 128)["reason"] == talker.ask("open_account")["reason"] == "SCOPE"
    assert talker.ask("cancel_on_disconnect", scope="account")["reason"] == "SCOPE"
    assert world.host.exchange.state_hash() == before


# -- other people's accounts --


@pytest.fixture
def scene() -> tuple[World, Talker, int]:
    """A venue, someone who is logged in, and the account of somebody else, who has an order."""
    world = World()
    bob = world.talker("bob")
    account = bob.ask("accounts")["accounts"][0]
    assert bob.ask("place", market=0, side="BUY", price=58_000, size=10, client_id=1)["order_id"] == 1
    mallory = world.talker("mallory")
    mallory.session.enter(world.host.people.users["mallory"], ("trade", "read"), None)
    return world, mallory, account


OF_OPERATOR = (r.Liquidate,)  # test_operator.py tries them
WITH_ACCOUNT = [one for one in (*r.COMMAND_REQUESTS, *r.OTHERS) if "account" in one.__struct_fields__ and one not in OF_OPERATOR]


@pytest.mark.parametrize("request_type", WITH_ACCOUNT, ids=lambda one: one.__name__)
def test_no_request_reaches_another_account(scene: tuple[World, Talker, int], request_type: type[r.Request]) -> None:
    world, mallory, account = scene
    before = world.host.exchange.state_hash()
    known: dict[str, object] = {"account": account}
    if request_type in (r.Subscribe, r.Unsubscribe):
        known["channel"] = "private"
    if request_type is r.CancelOnDisconnect:
        known["scope"] = "account"
    reply = say(mallory, filled(request_type, **known))
    assert (reply["reason"], reply["data"]["given"]) == ("NOT_YOUR_ACCOUNT", account)
    assert world.host.exchange.state_hash() == before and not mallory.session.listens


@pytest.mark.parametrize("command", COMMANDS, ids=lambda one: one.__name__)
def test_no_packed_row_reaches_another_account(scene: tuple[World, Talker, int], command: type[Command]) -> None:
    world, mallory, account = scene
    least = {"ts": 0, "account": account, "market": 0, "price": 59_000, "owner": 0, "asset": 0, "to": account + 1}
    values = [least.get(name, 1) for name in command.__struct_fields__]
    before = world.host.exchange.state_hash()
    row = b"".join(value.to_bytes(8, "little", signed=True) for value in command_row(command(*values)))
    reply = mallory.ask("rows", rows=row)
    assert reply["ok"] and reply["errors"]["0"]["reason"] == ("SCOPE" if isinstance(AUTHORITY[command], Role) else "NOT_YOUR_ACCOUNT")
    assert world.host.exchange.state_hash() == before


def test_an_item_of_a_batch_that_is_another_s_is_refused_alone(scene: tuple[World, Talker, int]) -> None:
    _, mallory, account = scene
    mine = {"op": "place", "market": 0, "side": "BUY", "price": 57_000, "size": 1}
    reply = mallory.ask("batch", items=[mine, {"op": "cancel", "order_id": 1, "account": account}, {"op": "cancel", "order_id": 1}, mine])
    assert [one.get("reason") for one in reply["statuses"]] == [None, "NOT_YOUR_ACCOUNT", "UNKNOWN_ORDER", None]


def test_nobody_hears_of_another_account(scene: tuple[World, Talker, int]) -> None:
    """Whatever is subscribed, no message names an account that is not the reader's, but as the venue's own rules make it public."""
    world, mallory, _ = scene
    for channel in ("book", "trades", "bbo", "ticker", "liquidations", "status"):
        assert mallory.ask("subscribe", channel=channel, market=0)["ok"]
    for channel in ("auctions", "fund", "private"):
        assert mallory.ask("subscribe", channel=channel)["ok"]
    carol = world.talker("carol")
    carol.ask("place", market=0, side="SELL", price=58_000, size=4)
    world.later(1)
    heard = mallory.heard()
    assert {message["channel"] for message in heard} >= {"book", "trades", "bbo"}
    own = mallory.ask("accounts")["accounts"]

    def names(value: object) -> set[object]:
        if isinstance(value, dict):
            here = {value[key] for key in ("account", "taker", "maker", "owner") if key in value}
            return here.union(*(names(one) for one in value.values()))
        return set().union(*(names(one) for one in value)) if isinstance(value, list) else set()

    assert names(heard) <= set(own)


def test_who_logs_in_as_somebody_else_hears_no_more_of_the_first() -> None:
    world = World()
    talker = world.talker("alice")
    assert talker.ask("subscribe", channel="private")["ok"]
    first = talker.ask("accounts")["accounts"][0]
    talker.ask("login", name="bob")
    talker.heard()
    world.host.fund(first, 0, 5)
    assert talker.heard("private") == [] and first not in world.host.private


def test_one_may_have_as_many_accounts_as_the_limits_say() -> None:
    world = World(limits=Limits(accounts=3))
    talker = world.talker("alice")
    assert [talker.ask("open_account")["account"] for _ in range(2)] == [9, 10]
    assert talker.ask("open_account")["reason"] == "TOO_MANY_ACCOUNTS"
    refused = talker.ask("account")
    assert (refused["reason"], refused["data"]["known"]) == ("NO_ACCOUNT", [8, 9, 10])
    assert talker.ask("transfer", account=8, to=9, asset=0, amount=5)["ok"]
    assert talker.ask("account", account=9)["balances"][0]["cash"] == 5


def test_time_is_the_server_s() -> None:
    world = World()
    talker = world.talker("alice")
    world.later(5)
    row = [5, 1, 8, 0, 0, 59_000, 1, *[0] * 9]
    told = talker.ask("rows", rows=b"".join(value.to_bytes(8, "little") for value in row))
    assert told["ok"] and told["ts"] == START + 5_000_000_000


def test_only_the_operator_steps_the_clock_and_only_one_that_stands() -> None:
    world = World(trust=False)
    talker = world.talker()
    made = talker.ask("faucet", name="alice")
    talker.ask("login", key=made["key"], signature=signature_of(made["secret"], talker.ask("challenge", key=made["key"])["nonce"]))
    assert talker.ask("step", ms=5)["reason"] == "SCOPE"
    admin = world.host.key_of(world.host.people.user("admin"), ("admin",))
    talker.ask("login", key=admin.key, signature=signature_of(admin.secret, talker.ask("challenge", key=admin.key)["nonce"]))
    assert talker.ask("step", ms=5_000)["ts"] == START + 5_000_000_000 == world.host.clock.now()
    world.clock.run(2)
    assert talker.ask("step", ms=5)["reason"] == "NOT_STEPPED"


def test_a_name_that_a_key_has_is_taken_also_behind_a_restart(tmp_path: Path) -> None:
    """The operator has no account: only the keys know him."""
    store = stores.begin(tmp_path / "j", "batch")
    world = World(trust=False)
    world.host.store = store
    key = world.host.key_of(world.host.people.user("admin"), ("admin",))
    again = World(trust=False)
    again.host.store = store
    again.host.remember({})
    assert again.host.people.users["admin"].name == key.user
    assert again.talker().ask("faucet", name="admin")["reason"] == "NAME_TAKEN"
    store.close()


def full(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_a_faucet_that_fails_has_made_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = stores.begin(tmp_path / "j", "batch")
    world = World(trust=False)
    world.host.store = store
    before = world.host.exchange.state_hash()
    (tmp_path / "j" / "keys.json.new").mkdir()
    assert world.talker().ask("faucet", name="dave")["reason"] == "READ_ONLY"
    (tmp_path / "j" / "keys.json.new").rmdir()
    with monkeypatch.context() as patch:
        patch.setattr("perplab.exchange.journal.write_all", full)
        assert world.talker().ask("faucet", name="dave")["reason"] == "READ_ONLY"
    assert world.host.exchange.state_hash() == before and not world.host.people.users and not store.load_keys()
    assert world.talker().ask("faucet", name="dave")["ok"]
    store.close()


def test_a_faucet_that_the_venue_refuses_says_so() -> None:
    world = World(limits=Limits(faucet=10**18 + 10**16))
    alice = world.talker("alice", money=0)
    for _ in range(101):
        told = alice.ask("faucet", amount=10**16)
        if not told["ok"]:
            break
    assert (told["code"], told["reason"]) == (1035, "SUPPLY_LIMIT")
    before = world.host.exchange.state.accounts.count
    assert world.talker().ask("faucet", name="bob", amount=10**16)["reason"] == "SUPPLY_LIMIT"
    assert world.host.exchange.state.accounts.count == before and not world.host.people.is_taken("bob")
