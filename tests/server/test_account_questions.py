"""What a server tells of an account: its margin line by line, triggers, TWAPs, fees, sub-accounts, alerts, and money that is under way."""

from __future__ import annotations

import json
from decimal import Decimal

import msgspec
import pytest
from venues import venue
from wire import Message, Talker, World

from perplab.exchange import VenueDesign, load_venue, shipped_venues
from perplab.exchange.codes import FIRST_USER
from perplab.exchange.design.venue import venue_of_json
from perplab.exchange.messages import Deposit, UpdateOracle

PRICE = 60_000
DAY = 86_400


def design(name: str = "book_fund_adl", **laid_over: object) -> VenueDesign:
    tree = msgspec.json.decode(load_venue(name).to_json())
    return venue_of_json(json.dumps({**tree, **laid_over}).encode(), "test")


def scene(venue: VenueDesign | str = "book_fund_adl") -> tuple[World, Talker, Talker]:
    world = World(venue)
    alice, bob = (world.talker(name) for name in ("alice", "bob"))
    return world, alice, bob


def total(lines: list[Message], name: str) -> int:
    return sum(line[name] for line in lines)


def test_the_requirement_line_by_line_adds_up() -> None:
    world, alice, bob = scene("portfolio")
    world.host.send([UpdateOracle(0, 1, PRICE)])
    assert alice.ask("faucet", asset=1, amount=2_000_000)["balance"] == 2_000_000
    bob.ask("place", market="BTC-PERP", side="BUY", price=PRICE, size=1_500)
    assert alice.ask("place", market="BTC-PERP", side="SELL", price=PRICE, size=1_500)["filled"] == 1_500
    assert alice.ask("place", market="BTC-PERP", side="SELL", price=PRICE + 1_000, size=10)["open"] == 10
    told = alice.ask("requirement")
    assert [line["kind"] for line in told["lines"]] == ["CASH", "COLLATERAL", "POSITION", "ORDERS"]
    coins = told["lines"][1]
    assert (coins["asset"], coins["market"], coins["size"], coins["hedged"], coins["price"]) == (1, 1, 2_000_000, 1_500_000, PRICE)
    (balance, *_) = alice.ask("account")["balances"]
    assert total(told["lines"], "equity") == told["equity"] == balance["equity"]
    assert told["equity"] - total(told["lines"], "initial") == told["available"] == balance["available"]
    assert total(told["lines"], "maintenance") == told["maintenance_margin"] == balance["maintenance_margin"]
    assert told["initial_margin"] == balance["initial_margin"] and told["account"] == alice.ask("accounts")["accounts"][0]
    refused = alice.ask("requirement", asset=2)
    assert refused["reason"] == "OUT_OF_BOUNDS" and refused["data"] == {"field": "asset", "limit": 1, "given": 2}


def test_triggers_and_those_of_a_bracket() -> None:
    _, alice, bob = scene()
    bob.ask("place", market=0, side="SELL", price=PRICE, size=3)
    entry = alice.ask(
        "place_bracket", market=0, side="BUY", price=PRICE, size=3, order_type="LIMIT", tif="GTC", take_profit=PRICE + 900, stop=PRICE - 900
    )
    asked = {"market": 0, "side": "SELL", "size": 2, "trigger": "TRAILING_TICKS", "source": "LAST", "trigger_price": 0, "trail": 50}
    alone = alice.ask("place_trigger", **asked, client_id="0xabc")
    told = alice.ask("triggers")
    profit, stop, trailing = told["triggers"]
    assert told["more"] == 0 and [one["trigger"] for one in told["triggers"]] == ["TAKE_PROFIT", "STOP", "TRAILING_TICKS"]
    assert [one["trigger_price"] for one in (profit, stop)] == [PRICE + 900, PRICE - 900] and profit["side"] == "SELL"
    assert [one["bracket"] for one in told["triggers"]] == [entry["order_id"], entry["order_id"], 0]
    assert (trailing["order_id"], trailing["client_id"], trailing["is_trailing"]) == (alone["order_id"], 0xABC, 1)
    assert [one["order_id"] for one in alice.ask("triggers", skip=2)["triggers"]] == [alone["order_id"]]
    assert [one["linked_with"] for one in told["triggers"]] == [stop["order_id"], profit["order_id"], 0]
    assert bob.ask("triggers")["triggers"] == []


def test_orders_tell_what_they_are_linked_with() -> None:
    _, alice, _ = scene()
    first, second, alone = (alice.ask("place", market=0, side="BUY", price=PRICE - away, size=3)["order_id"] for away in (900, 800, 700))
    assert alice.ask("link_oco", first=first, second=second)["ok"]
    told = alice.ask("account")["orders"]
    assert [(one["order_id"], one["linked_with"]) for one in told] == [(first, second), (second, first), (alone, 0)]
    assert [alice.ask("order", order_id=one)["linked_with"] for one in (first, second, alone)] == [second, first, 0]
    alice.ask("cancel", order_id=second)
    assert alice.ask("order", order_id=first)["linked_with"] == 0 and len(alice.ask("account")["orders"]) == 1


def test_twaps_and_how_far_they_are() -> None:
    world, alice, bob = scene()
    bob.ask("place", market=0, side="SELL", price=PRICE, size=3)
    placed = alice.ask("place_twap", market=0, side="BUY", size=8, slices=4, interval=10**10, client_id=5)
    (one,) = alice.ask("twaps")["twaps"]
    assert one["order_id"] == placed["order_id"] and one["client_id"] == 5
    assert (one["side"], one["size"], one["filled"], one["done"]) == ("BUY", 8, 2, 1)
    assert one["due"] == world.clock.now() + 10**10
    world.later(40)
    told = alice.ask("twaps")
    assert told["twaps"] == [] and told["more"] == 0


def test_fees_by_tier_and_the_volume_that_they_go_by() -> None:
    tiers = [{"volume": 1_000, "maker_fee_ppb": 1, "taker_fee_ppb": 2}]
    world, alice, bob = scene(design(fee_tiers=tiers, fee_window_days=7))
    before = alice.ask("fee_rates")
    assert (before["volume"], before["maker_volume"]) == (0, 0)
    (terms,) = alice.ask("venue")["markets"]
    (rate,) = before["rates"]
    assert rate == {"market": 0, "maker_fee_ppb": terms["maker_fee_ppb"], "taker_fee_ppb": terms["taker_fee_ppb"]}
    bob.ask("place", market=0, side="SELL", price=PRICE, size=100)
    value = alice.ask("place", market=0, side="BUY", price=PRICE, size=100)["filled_notional"]
    assert alice.ask("fee_rates")["volume"] == 0, "it counts from the next day"
    sub = alice.ask("open_sub_account")["account"]
    world.later(DAY)
    told = [alice.ask("fee_rates", account=sub), bob.ask("fee_rates")]
    assert [one["volume"] for one in told] == [value, value] and [one["maker_volume"] for one in told] == [0, value]
    assert told[0]["rates"] == [{"market": 0, "maker_fee_ppb": 1, "taker_fee_ppb": 2}]


def test_sub_accounts_and_their_master() -> None:
    _, alice, _ = scene()
    (own,) = alice.ask("accounts")["accounts"]
    assert alice.ask("sub_accounts")["sub_accounts"] == []
    subs = [alice.ask("open_sub_account", account=own)["account"] for _ in range(2)]
    other = alice.ask("open_account")["account"]
    told = alice.ask("sub_accounts", account=own)
    assert (told["account"], told["master"], told["sub_accounts"]) == (own, None, subs)
    told = alice.ask("sub_accounts", account=subs[0])
    assert (told["master"], told["sub_accounts"]) == (own, [])
    assert alice.ask("sub_accounts", account=other)["sub_accounts"] == []


def test_an_account_tells_its_switch_its_alerts_and_money_under_way() -> None:
    world, alice, bob = scene(design(money={"transfer_delay_ms": 5_000}))
    (own,), (his,) = (one.ask("accounts")["accounts"] for one in (alice, bob))
    told = alice.ask("account")
    assert (told["mode"], told["alerts"], told["payments"], told["more_payments"]) == ("NORMAL", [], [], 0)
    assert told["balances"][0]["value"] == told["balances"][0]["cash"]
    alice.ask("set_margin_alert", asset=0, number=1, threshold_ppm=2_000_000, hysteresis_ppm=10)
    assert alice.ask("transfer", to=his, asset=0, amount=7)["ok"]
    assert alice.ask("set_account_mode", mode="REDUCE_ONLY")["ok"]
    told = alice.ask("account")
    assert told["mode"] == "REDUCE_ONLY"
    assert told["alerts"] == [{"asset": 0, "number": 1, "threshold_ppm": 2_000_000, "hysteresis_ppm": 10, "is_below": 0}]
    (payment,) = told["payments"]
    assert payment == {
        "number": 1, "command": "Transfer", "account": own, "to": his, "asset": 0, "amount": 7, "due": world.clock.now() + 5 * 10**9
    }
    assert bob.ask("account")["payments"] == [payment]
    bob.ask("subscribe", channel="private")
    (snapshot,) = bob.heard("private")
    assert snapshot["payments"] == [payment] and snapshot["mode"] == "NORMAL"
    world.later(5)
    assert bob.ask("account")["payments"] == []


def test_no_more_payments_are_told_than_fit() -> None:
    world = World(design(money={"transfer_delay_ms": 5_000}))
    bob = world.talker("bob")
    (his,) = bob.ask("accounts")["accounts"]
    for number in range(5):
        sender = world.talker(f"sender{number}")
        items = [{"op": "transfer", "to": his, "asset": 0, "amount": 1}] * 64
        assert all(one["ok"] for one in sender.ask("batch", items=items)["statuses"])
    told = bob.ask("account")
    assert (len(told["payments"]), told["more_payments"]) == (256, 64)


def test_the_venue_tells_what_holds_for_spot_and_for_accounts() -> None:
    told = World("portfolio").talker("alice").ask("venue")
    perp, spot = told["markets"]
    assert (perp["kind"], perp["base_asset"], spot["kind"], spot["base_asset"]) == ("perpetual", None, "spot", 1)
    assert told["collateral"] == [
        {"asset": 1, "market": 1, "weight_ppm": 900_000, "hedges": 0, "hedged_weight_ppm": 980_000, "hedged_margin_ppm": 250_000}
    ]
    assert told["fee_tiers"] == told["maker_tiers"] == [] and told["fee_window_days"] == 14
    assert (told["max_debt"], told["transfer_margin_ppm"]) == (50_000, 100_000)  # as the presets say
    assert (perp["default_leverage"], perp["open_interest_cap"], perp["jump_fee"]) == (perp["max_leverage"], None, None)
    assert told["money"] == {
        "deposit_delay_ms": 0, "withdraw_delay_ms": 0, "transfer_delay_ms": 0, "withdrawals": "any", "transfers": "any"
    }
    assert [told[f"max_{name}"] for name in ("open_orders", "triggers", "twaps", "sub_accounts")] == [2_000, 100, 20, 50]


def test_the_venue_tells_the_cap_the_jump_fee_and_the_default_leverage_of_a_market() -> None:
    jump = {"deviation_ppm": 500, "decay_ppm": 800_000, "least_ppm": 100}
    keys = {f"jump_fee_{name}": value for name, value in jump.items()}
    market = venue(open_interest_cap="12.5", default_leverage=3, **keys)
    (told,) = World(market).talker("alice").ask("venue")["markets"]
    assert (told["default_leverage"], told["open_interest_cap"], told["jump_fee"]) == (3, "12.5", jump)


@pytest.mark.parametrize("name", [*shipped_venues(), "portfolio", "sandbox", "testnet"])
def test_the_venue_tells_the_rules_that_a_position_depends_on(name: str) -> None:
    """As its design says; of a rule what is its own as `terms`."""
    told = World(name).talker("alice").ask("venue", design=True)
    said = told["design"]
    for market, terms in zip(told["markets"], said["markets"], strict=True):
        assert (market["oracle"], market["matching"]) == (terms["oracle"], terms["matching"])
        assert flat(market["mark"]) == terms["mark"] and market["max_price"] == int(Decimal(terms["max_price"]) / Decimal(terms["tick"]))
        assert market["funding"] is None if market["kind"] == "spot" else flat(market["funding"]) == terms["funding"]
    liquidation, steps = told["liquidation"], said["liquidation"]
    assert all(liquidation[key] == steps[key] for key in ("steps", "fee_ppm", "fee_from", "surplus_to"))
    assert liquidation["backstops"] == said["backstops"]
    if "auto_deleverage" in said["backstops"]:
        assert liquidation["auto_deleverage"].items() <= said["auto_deleverage"].items()
    else:
        assert liquidation["auto_deleverage"] is None


def flat(told: Message) -> Message:
    """Of a rule, as the design has it."""
    return {**{key: value for key, value in told.items() if key != "terms"}, **told["terms"]}


@pytest.mark.parametrize("past, reason", [({"price": 1}, "PRICE_LIMIT"), ({"size": 1}, "NOTIONAL_LIMIT")])
def test_no_order_goes_beyond_the_price_and_the_size_that_the_venue_tells(past: Message, reason: str) -> None:
    world = World(venue())
    alice = world.talker("alice")
    world.host.send([Deposit(0, FIRST_USER, 0, 10**16)])  # more than the faucet pays
    (told,) = alice.ask("venue")["markets"]
    most = {"price": told["max_price"], "size": 1} if "price" in past else {"price": 1, "size": told["max_size"]}
    most["side"] = "SELL" if "price" in past else "BUY"
    assert alice.ask("place", market=0, **most)["ok"]
    more = {name: count + past.get(name, 0) for name, count in most.items() if name != "side"}
    assert alice.ask("cancel_all")["ok"] and alice.ask("place", market=0, side=most["side"], **more)["reason"] == reason


@pytest.mark.parametrize("op", ["requirement", "triggers", "twaps", "fee_rates", "sub_accounts"])
def test_only_who_is_logged_in_is_told(op: str) -> None:
    world = World()
    assert world.talker().ask(op)["reason"] == "LOGIN_REQUIRED"
    assert world.talker("alice").ask(op, account=3)["reason"] == "NOT_YOUR_ACCOUNT"


@pytest.mark.parametrize("rule", ["none", "flat", "any"])
def test_what_is_withdrawable_is_what_a_withdrawal_takes(rule: str) -> None:
    """By the ways of money too: to the micro-unit."""
    _, alice, _ = scene(design(money={"withdrawals": rule}))
    order = {"market": 0, "side": "BUY", "price": PRICE - 900, "size": 3}
    placed = alice.ask("place", **order)["order_id"]
    told = alice.ask("account")["balances"][0]["withdrawable"]
    assert (told > 0) == (rule == "any") and (alice.ask("preview", **order)["free_margin"] > 0) == (rule == "any")
    assert not alice.ask("withdraw", asset=0, amount=told + 1)["ok"]
    alice.ask("cancel", order_id=placed)
    told = alice.ask("account")["balances"][0]["withdrawable"]
    assert (told > 0) == (rule != "none")
    assert alice.ask("withdraw", asset=0, amount=max(1, told))["ok"] == (told > 0)


def test_nothing_is_withdrawable_while_frozen() -> None:
    _, alice, _ = scene()
    assert alice.ask("account")["balances"][0]["withdrawable"] > 0
    assert alice.ask("set_account_mode", mode="FROZEN")["ok"]
    assert alice.ask("account")["balances"][0]["withdrawable"] == 0
    assert alice.ask("withdraw", asset=0, amount=1)["reason"] == "ACCOUNT_FROZEN"


def test_the_requirement_names_positions_that_stand_for_themselves() -> None:
    _, alice, bob = scene()
    bob.ask("place", market=0, side="SELL", price=PRICE, size=3)
    assert alice.ask("set_margin_mode", market=0, mode="ISOLATED")["ok"] and alice.ask("requirement")["isolated"] == []
    assert alice.ask("place", market=0, side="BUY", price=PRICE, size=3)["filled"] == 3
    told = alice.ask("requirement")
    assert told["isolated"] == [0] and [line["kind"] for line in told["lines"]] == ["CASH"]
    assert bob.ask("requirement")["isolated"] == []
