"""What only the operator may do: commands of the venue's own, the clock, the world."""

from __future__ import annotations

import pytest
from test_identity import filled, say
from wire import START, Talker, World

from perplab.exchange import load_venue
from perplab.exchange.codes import FIRST_USER
from perplab.exchange.server import requests as r
from perplab.lab.world import World as Surroundings
from perplab.lab.world import load_world

ADMIN = (*r.OPERATOR_REQUESTS, r.Step, r.SetClock, r.SetWorld, r.Liquidate, r.Grant, r.SetFault, r.FaultsQuery, r.AccountsAtRisk)


def operator(world: World) -> Talker:
    talker = Talker(world)
    talker.session.enter(world.host.people.user("admin"), ("read", "admin"), None)
    return talker


@pytest.mark.parametrize("request_type", ADMIN, ids=lambda one: one.__name__)
def test_nobody_else_may(request_type: type[r.Request]) -> None:
    world = World(trust=False)
    alice = Talker(world)
    alice.session.enter(world.host.new_user("alice"), ("trade", "read"), None)
    before = world.host.exchange.state_hash(), world.clock.now(), world.clock.speed
    known = {"account": 8, "buyer": 8, "seller": 9, "status": 4, "ms": 5, "speed": 3, "user": "alice", "kind": "drop", "amount": 5}
    request = filled(request_type) | {name: value for name, value in known.items() if name in request_type.__struct_fields__}
    assert (
        say(alice, request)["reason"] == "SCOPE"
        and say(Talker(world), request | {"op": request_type.__struct_config__.tag})["reason"] == "LOGIN_REQUIRED"
    )
    assert (world.host.exchange.state_hash(), world.clock.now(), world.clock.speed) == before


def test_the_operator_s_commands_are_the_venue_s() -> None:
    world = World()
    alice, bob, admin = world.talker("alice"), world.talker("bob"), operator(world)
    a, b = (talker.ask("accounts")["accounts"][0] for talker in (alice, bob))
    assert admin.ask("deposit", account=a, asset=0, amount=500)["ok"]
    assert alice.ask("account")["balances"][0]["cash"] == 10**12 + 500
    assert admin.ask("update_oracle", market="BTC-PERP", price=61_000)["ok"]
    assert alice.ask("ticker", market=0)["oracle"] == 61_000
    assert admin.ask("block_trade", buyer=a, seller=b, market=0, size=5, price=61_000)["ok"], "a fill that nobody can refuse"
    assert alice.ask("account")["positions"][0]["size"] == 5
    assert admin.ask("set_market_status", market=0, status="HALTED")["ok"]
    assert alice.ask("place", market=0, side="BUY", price=60_000, size=1)["reason"] == "MARKET_HALTED"
    refused = admin.ask("deposit", account=999, asset=0, amount=5)
    assert (refused["reason"], refused["data"]["given"]) == ("UNKNOWN_ACCOUNT", "deposit")
    assert admin.ask("deposit", account=a, asset=0, amount=0)["reason"] == "OUT_OF_BOUNDS"


def test_the_clock_changes_its_speed_and_never_runs_back() -> None:
    world = World()
    admin = operator(world)
    assert admin.ask("clock", speed=10)["ok"]
    world.monotonic += 1_000_000_000
    assert admin.ask("ping")["ts"] == START + 10_000_000_000
    assert admin.ask("clock", speed=0)["ts"] == START + 10_000_000_000 and admin.ask("step", ms=1)["ts"] == START + 10_001_000_000


@pytest.fixture
def living() -> tuple[World, Talker]:
    """A stepped sandbox with its world, and the operator."""
    world = World("sandbox")
    world.host.attach(Surroundings(load_world("sandbox"), world.host.exchange, 1, START))
    admin = operator(world)
    admin.ask("step", ms=10_000)
    return world, admin


def prices(world: World) -> tuple[int, int, int]:
    venue = world.host.exchange
    return venue.best_bid(0), venue.best_ask(0), venue.oracle_price(0)


def test_the_world_keeps_the_book_alive_and_repeats_with_its_seed(living: tuple[World, Talker]) -> None:
    world, _ = living
    bid, ask, oracle = prices(world)
    assert 0 < bid < ask and abs(oracle / 60_000 - 1) < 0.01
    again = World("sandbox")
    again.host.attach(Surroundings(load_world("sandbox"), again.host.exchange, 1, START))
    for _ in range(10):
        operator(again).ask("step", ms=1_000)
    assert again.host.exchange.state_hash() == world.host.exchange.state_hash(), "however the time was stepped"


def test_a_frozen_oracle_is_heard_no_more(living: tuple[World, Talker]) -> None:
    world, admin = living
    assert admin.ask("world", oracle="frozen")["world"]["oracle"] == "frozen"
    heard = world.host.exchange.state.markets[0].oracle_ts
    admin.ask("step", ms=60_000)
    assert world.host.exchange.state.markets[0].oracle_ts == heard
    admin.ask("world", oracle="runs")
    admin.ask("step", ms=5_000)
    assert world.host.exchange.state.markets[0].oracle_ts > heard


def test_makers_leave_and_come_back(living: tuple[World, Talker]) -> None:
    world, admin = living
    assert admin.ask("world", makers="gone", takers="gone")["ok"]
    assert prices(world)[:2] == (0, 0)
    admin.ask("step", ms=5_000)
    assert prices(world)[:2] == (0, 0)
    admin.ask("world", makers="stay")
    admin.ask("step", ms=2_000)
    assert all(prices(world))


def test_a_shock_moves_the_outside_price_of_one_market(living: tuple[World, Talker]) -> None:
    world, admin = living
    before = prices(world)[2]
    told = admin.ask("world", shock_ppm=-100_000, market="BTC")["world"]["prices_usd"]
    admin.ask("step", ms=5_000)
    assert abs(prices(world)[2] / before - 0.9) < 0.01 and abs(told["ETH"] / 3_000 - 1) < 0.01


def test_a_lag_is_how_late_the_venue_hears(living: tuple[World, Talker]) -> None:
    world, admin = living
    admin.ask("world", lag_ms=3_600_000)
    admin.ask("step", ms=5_000)
    surroundings = world.host.world
    assert isinstance(surroundings, Surroundings)
    first = surroundings.markets[0][2].at(START)
    assert abs(prices(world)[2] / first - 1) < 0.0005, "what it hears is from before it began"


def test_a_house_that_has_lost_half_is_topped_up(living: tuple[World, Talker]) -> None:
    world, admin = living
    house = FIRST_USER
    capital = 5_000_000 * 10**6
    assert world.host.exchange.equity(house) > capital * 0.9
    world.host.exchange.apply_rows([3, world.host.exchange.now, house, 0, capital * 6 // 10, *[0] * 11])
    admin.ask("step", ms=2_000)
    assert world.host.exchange.equity(house) > capital * 0.9


def test_a_server_without_a_world_says_so() -> None:
    assert operator(World()).ask("world", oracle="frozen")["reason"] == "NO_WORLD"


def test_the_sandbox_is_no_part_of_the_comparison() -> None:
    assert len(load_venue("sandbox").markets) == 3


# -- funding, and accounts that are to be liquidated --


def test_a_funding_rate_is_set_and_told(living: tuple[World, Talker]) -> None:
    world, admin = living
    alice = world.talker("alice")
    alice.ask("subscribe", channel="ticker", market="BTC")
    alice.heard()
    before = alice.ask("ticker", market="BTC")
    assert before["funding_ts"] == (START // 3_600_000_000_000 + 1) * 3_600_000_000_000, "on the hour"
    assert admin.ask("set_funding", market="BTC", mode="SET", rate_ppt=-7_000_000)["ok"]
    assert alice.ask("ticker", market="BTC")["funding_rate_ppt"] == -7_000_000
    world.host.flush()
    assert [one["funding_rate_ppt"] for one in alice.heard() if one["channel"] == "ticker"] == [-7_000_000]
    assert admin.ask("set_funding", market="BTC", mode="SHIFT", rate_ppt=5)["ok"]
    assert alice.ask("ticker", market="BTC")["funding_rate_ppt"] == before["funding_rate_ppt"] + 5
    assert admin.ask("set_funding", market="BTC", mode="RULE")["ok"]
    assert alice.ask("ticker", market="BTC")["funding_rate_ppt"] == before["funding_rate_ppt"]
    assert admin.ask("set_funding", market="BTC", mode="FAST")["reason"] == "UNKNOWN_NAME"
    assert admin.ask("set_funding", market="BTC", mode="SET", rate_ppt=10**12 + 1)["reason"] == "OUT_OF_BOUNDS"


def test_an_account_is_liquidated_by_the_venue_s_own_rules(living: tuple[World, Talker]) -> None:
    world, admin = living
    alice = world.talker("alice", money=10**10)
    account = alice.ask("accounts")["accounts"][0]
    assert admin.ask("liquidate", account=account)["reason"] == "NOTHING_TO_LIQUIDATE"
    assert alice.ask("place", market="BTC", side="BUY", price=0, size=1_000, order_type="MARKET", tif="IOC")["state"] == "FILLED"
    alice.ask("set_margin_mode", market="ETH", mode="ISOLATED")
    assert alice.ask("place", market="ETH", side="SELL", price=0, size=1_000, order_type="MARKET", tif="IOC")["state"] == "FILLED"
    told = admin.ask("liquidate", account=account, market="ETH")
    assert [one["market"] for one in told["debits"]] == [1]
    assert [one["market"] for one in alice.ask("account")["positions"]] == [0], "the cross position stays"
    assert alice.ask("place", market="SOL", side="SELL", price=0, size=10, order_type="MARKET", tif="IOC")["state"] == "FILLED"
    told = admin.ask("liquidate", account=account)
    assert [one["market"] for one in told["debits"]] == [None]
    assert alice.ask("account")["positions"] == [], "all of it, though closing one would have been enough for the other"
    world.host.exchange.check()
    assert admin.ask("liquidate", account=3)["reason"] == "NO_ACCOUNT"
