"""What commands cost of a connection's rate limit, and how many accounts a user may open by them."""

from __future__ import annotations

import pytest
from test_departure import send
from wire import Message, Talker, World

from perplab.exchange import load_venue
from perplab.exchange import messages as m
from perplab.exchange.server.limits import Limits
from perplab.exchange.server.people import signature_of

PRICE = 60_000
LADDER = {"op": "place_ladder", "market": 0, "side": "BUY", "size": 90, "first_price": PRICE - 10, "last_price": PRICE - 90}
QUOTES: Message = {"op": "mass_quote", "market": 0, "side": "BUY"}
COSTS: list[tuple[Message, int]] = [
    ({**LADDER, "count": 7}, 7),
    ({**LADDER, "count": 2}, 2),
    ({**LADDER, "count": 7, "first_price": PRICE - 90}, 7),  # refused by the venue, as any command that costs
    (QUOTES, 1),
    ({**QUOTES, "price_2": PRICE - 5, "size_2": 1}, 1),
    ({**QUOTES, **{f"price_{n}": PRICE - n for n in range(1, 6)}, **{f"size_{n}": 1 for n in range(1, 6)}}, 5),
    ({"op": "place_bracket", "market": 0, "side": "BUY", "price": PRICE - 9, "size": 3, "order_type": 0, "tif": 0, "take_profit": PRICE + 9,
      "stop": PRICE - 99}, 1),
    ({"op": "place_twap", "market": 0, "side": "BUY", "size": 50, "slices": 50, "interval": 10**9}, 1),
    ({"op": "cancel_all"}, 1),
]  # fmt: skip
BURST = 100


def trader(**limits: int) -> tuple[World, Talker, int]:
    world = World(limits=Limits(**{"commands_per_s": 1, "burst": BURST, **limits}))
    alice = world.talker("alice")
    (account,) = alice.ask("accounts")["accounts"]
    return world, alice, account


def test_the_faucet_costs_a_token_also_where_it_makes_a_user() -> None:
    _, alice, _ = trader()
    assert alice.ask("faucet", amount=1)["tokens"] == BURST - 1
    told = [alice.ask("faucet", amount=1)["ok"] for _ in range(BURST)]
    assert told == [True] * (BURST - 1) + [False]
    assert alice.ask("faucet", amount=1)["reason"] == "RATE_LIMITED"
    guest = World(limits=Limits(commands_per_s=1, burst=2)).talker()
    assert [guest.ask("faucet", name=name)["ok"] for name in ("a", "b", "c")] == [True, True, False]


def test_the_faucet_is_for_keys_that_may_trade() -> None:
    world = World(trust=False)
    guest = world.talker()
    made = guest.ask("faucet", name="alice", scopes=["read"])
    guest.ask("login", key=made["key"], signature=signature_of(made["secret"], guest.ask("challenge", key=made["key"])["nonce"]))
    assert guest.ask("faucet", amount=1)["reason"] == "SCOPE"
    assert world.host.exchange.balance(made["account"], 0) == made["balance"]


def test_deposits_under_way_are_bounded_and_use_up_nobodys_own_payments() -> None:
    delays = {"deposit_delay_ms": 60_000, "withdraw_delay_ms": 60_000, "transfer_delay_ms": 60_000}
    world = World(load_venue("book_fund_adl", {"money": delays}))
    alice = world.talker("alice")
    world.later(60)
    told = [alice.ask("faucet", amount=10**6) for _ in range(65)]
    assert [one["ok"] for one in told] == [True] * 64 + [False]
    assert told[-1]["reason"] == "TOO_MANY_PAYMENTS" and told[-1]["data"]["limit"] == 64
    (account,) = alice.ask("accounts")["accounts"]
    sent = [alice.ask("withdraw", asset=0, amount=10**6, account=account)["ok"] for _ in range(65)]
    assert sent == [True] * 64 + [False]
    assert len(alice.ask("account")["payments"]) == 128
    world.host.exchange.check()
    world.later(60)
    assert alice.ask("faucet", amount=10**6)["ok"] and alice.ask("withdraw", asset=0, amount=10**6)["ok"]


@pytest.mark.parametrize(("request_", "cost"), COSTS)
def test_commands_cost_as_many_tokens_as_they_place_orders_at_once(request_: Message, cost: int) -> None:
    _, alice, _ = trader()
    fields = {name: value for name, value in request_.items() if name != "op"}
    assert alice.ask(request_["op"], **fields)["tokens"] == BURST - cost
    assert alice.ask("batch", items=[request_, {"op": "cancel_all"}])["tokens"] == BURST - 2 * cost - 1


def test_packed_rows_cost_the_same() -> None:
    _, alice, account = trader()
    ladder = m.PlaceLadder(0, account, 0, m.Side.BUY, 90, PRICE - 10, PRICE - 90, 7)
    quotes = m.MassQuote(0, account, 0, m.Side.BUY, PRICE - 1, 1, PRICE - 2, 1, 0, 0, PRICE - 3, 1)
    send(alice, [ladder, quotes, m.CancelAll(0, account)], "rows")
    assert alice.ask("ping")["tokens"] == BURST - 7 - 3 - 1
    row = m.command_row(ladder)
    row[m.column_of(m.PlaceLadder, "count")] = 2**62  # which the venue refuses, as a row by itself
    told = alice.ask("rows", rows=b"".join(value.to_bytes(8, "little", signed=True) for value in row))
    assert told["errors"]["0"]["reason"] == "BAD_ROW" and told["tokens"] == BURST - 11 - 50


def test_a_ladder_that_one_cannot_pay_places_nothing() -> None:
    world, alice, account = trader()
    assert alice.ask("batch", items=[{"op": "cancel_all"}] * 60)["ok"]
    refused = alice.ask("place_ladder", **{name: value for name, value in LADDER.items() if name != "op"}, count=50)
    assert refused["reason"] == "RATE_LIMITED" and refused["data"]["given"] == 50 and refused["data"]["retry_ms"] == 10_000
    assert world.host.exchange.open_orders(account) == [] and refused["tokens"] == 40


def test_a_request_is_for_no_more_orders_than_commands() -> None:
    _, alice, account = trader(burst=1_000_000)
    item = {**LADDER, "count": 50}
    refused = alice.ask("batch", items=[item] * 82)
    assert refused["reason"] == "BATCH_TOO_LARGE" and refused["data"] == {"limit": 4_096, "given": 4_100}
    row = m.command_row(m.PlaceLadder(0, account, 0, m.Side.BUY, 90, PRICE - 10, PRICE - 90, 50))
    refused = alice.ask("rows", rows=b"".join(value.to_bytes(8, "little", signed=True) for value in row) * 82)
    assert refused["reason"] == "BATCH_TOO_LARGE" and "this one is for 4,100" in refused["message"]


# -- accounts --


def test_a_user_opens_no_more_sub_accounts_than_the_server_gives() -> None:
    world, alice, account = trader(accounts=3)
    assert [alice.ask("open_sub_account", account=account)["ok"] for _ in range(2)] == [True, True]
    refused = alice.ask("open_sub_account", account=account)
    assert refused["reason"] == "TOO_MANY_ACCOUNTS" and refused["data"] == {"limit": 3}
    assert refused["message"] == "alice has 3 of the 3 accounts that this server gives to a user"
    assert world.talker("bob").ask("open_sub_account")["ok"], "it is a bound of each user"
    assert world.host.exchange.state.accounts.count == 8 + 3 + 2


def test_also_in_a_batch_and_one_behind_the_other() -> None:
    _, alice, account = trader(accounts=3)
    items = [{"op": "open_sub_account", "account": account}] * 3
    statuses = alice.ask("batch", items=[*items, {"op": "cancel_all", "account": account}])["statuses"]
    assert [one["ok"] for one in statuses] == [True, True, False, True] and statuses[2]["reason"] == "TOO_MANY_ACCOUNTS"
    said = "alice has 1 of the 3 accounts that this server gives to a user, and 2 more may be opened before this one"
    assert statuses[2]["message"] == said
    assert len(alice.ask("accounts")["accounts"]) == 3
    _, bob, account = trader(accounts=3)
    one = {"op": "open_sub_account", "account": account}
    bob.session.receive(b"".join(bob.bytes_of({"id": number, **one}) for number in (101, 102, 103)))  # one read
    assert [reply["ok"] for reply in bob.read()] == [True, True, False]


def test_also_in_packed_rows() -> None:
    world, alice, account = trader(accounts=3)
    row = b"".join(value.to_bytes(8, "little", signed=True) for value in m.command_row(m.OpenSubAccount(0, account)))
    other = b"".join(value.to_bytes(8, "little", signed=True) for value in m.command_row(m.OpenSubAccount(0, account + 1)))
    world.talker("bob")
    told = alice.ask("rows", rows=other + row * 4)
    assert {number: error["reason"] for number, error in told["errors"].items()} == {
        "0": "NOT_YOUR_ACCOUNT", "3": "TOO_MANY_ACCOUNTS", "4": "TOO_MANY_ACCOUNTS"
    }
    assert alice.ask("accounts")["accounts"] == [account, account + 2, account + 3]
