"""Sub-accounts on the wire: they are their user's at once, and after a restart and a rewind."""

from __future__ import annotations

from pathlib import Path

from test_store import served
from wire import World

from perplab.exchange.messages import UpdateOracle


def test_a_sub_account_is_its_user_s_at_once() -> None:
    world = World()
    alice, bob = world.talker("alice"), world.talker("bob")
    (own,) = alice.ask("accounts")["accounts"]
    alice.ask("subscribe", channel="private")
    opened = alice.ask("open_sub_account")
    sub = opened["account"]
    assert opened["ok"] and alice.ask("accounts")["accounts"] == [own, sub] and bob.ask("accounts")["accounts"] == [sub - 1]
    (told,) = (one for message in alice.heard() for one in message.get("events", []))
    assert (told["account"], told["master"]) == (sub, own)
    assert alice.ask("transfer", account=own, to=sub, asset=0, amount=10**9)["ok"]
    assert alice.ask("place", account=sub, market=0, side="BUY", price=59_000, size=10)["state"] == "OPEN"
    assert alice.ask("subscribe", channel="private", account=sub)["ok"]
    assert bob.ask("cancel_all", account=sub)["reason"] == "NOT_YOUR_ACCOUNT"
    assert bob.ask("open_sub_account", account=own)["reason"] == "NOT_YOUR_ACCOUNT"
    assert alice.ask("open_sub_account", account=sub)["reason"] == "IS_SUB_ACCOUNT"


def test_in_one_batch_it_is_opened_and_paid_into() -> None:
    world = World()
    alice = world.talker("alice")
    (own,) = alice.ask("accounts")["accounts"]
    items = [{"op": "open_sub_account", "account": own}, {"op": "transfer", "account": own, "to": own + 1, "asset": 0, "amount": 5}]
    statuses = alice.ask("batch", items=items)["statuses"]
    assert statuses[0]["account"] == own + 1 and statuses[1]["ok"]
    assert alice.ask("account", account=own + 1)["balances"][0]["cash"] == 5


def test_after_a_restart_and_a_rewind(tmp_path: Path) -> None:
    world, store = served(tmp_path / "j")
    world.host.send([UpdateOracle(0, 0, 60_000)])
    alice = world.talker("alice")
    (own,) = alice.ask("accounts")["accounts"]
    sub = alice.ask("open_sub_account", account=own)["account"]
    alice.ask("snapshot", name="one")
    later = alice.ask("open_sub_account", account=own)["account"]
    assert alice.ask("accounts")["accounts"] == [own, sub, later]
    assert alice.ask("rewind", name="one")["ok"]
    assert alice.ask("accounts")["accounts"] == [own, sub]
    assert alice.ask("open_sub_account", account=own)["account"] == later
    store.close()
    again, store = served(tmp_path / "j")
    assert again.talker("alice", money=0).ask("accounts")["accounts"] == [own, sub, later]
    store.close()
