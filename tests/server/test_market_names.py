"""A market goes by the name that its design has and by the one that Hyperliquid's API has; of one that is not there all names are told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner
from test_operator import operator
from test_sockets import Peer, Server
from wire import World

from perplab.exchange import load_venue, shipped_venues
from perplab.exchange.server.hyperliquid.coins import Coins
from perplab.exchange.server.market_names import market_names
from perplab.lab.cli import main


@pytest.mark.parametrize("name", shipped_venues())
def test_every_market_goes_by_both_names(name: str) -> None:
    design = load_venue(name)
    names = market_names(design.markets)
    assert all(names[market.name] == number for number, market in enumerate(design.markets))
    assert all(names[coin.name] == coin.market for coin in Coins(design).by_market.values())
    for number, market in enumerate(design.markets):
        if not market.is_spot:
            base = market.name.removesuffix("-PERP")
            assert names[base] == names[f"{base}-PERP"] == number


@pytest.mark.parametrize(("venue", "other"), [("hyperliquid", "BTC"), ("sandbox", "BTC-PERP"), ("portfolio", "BTC/USDC")])
def test_whatever_names_a_market_understands_the_other_name(venue: str, other: str) -> None:
    world = World(venue)
    number = 1 if "/" in other else 0
    alice, admin = world.talker("alice"), operator(world)
    for asset in range(len(world.host.exchange.design.assets)):
        admin.ask("deposit", account=alice.ask("accounts")["accounts"][0], asset=asset, amount=10**12)
    for op in ("ticker", "book", "candles"):
        assert alice.ask(op, market=other)["ok"] and alice.ask(op, market=other).get("market", number) == number
    assert alice.ask("subscribe", channel="trades", market=other)["market"] == number
    assert admin.ask("update_oracle", market=other, price=61_000)["ok"] or number == 1
    assert admin.ask("set_market_status", market=other, status="HALTED")["ok"]
    placed = alice.ask("place", market=other, side="BUY", price=61_000, size=1_000)
    assert placed.get("reason") == "MARKET_HALTED" or placed["status"] == "queued"  # for the next block
    assert alice.ask("ticker", market=number)["status"] == "HALTED"


@pytest.mark.parametrize(("venue", "known"), [("hyperliquid", "BTC-PERP (or BTC)"), ("sandbox", "BTC, ETH, SOL")])
def test_a_market_that_is_not_there_is_told_with_those_that_are(venue: str, known: str) -> None:
    world = World(venue)
    admin = operator(world)
    requests: tuple[dict[str, Any], ...] = (
        {"op": "ticker"}, {"op": "set_market_status", "status": "HALTED"}, {"op": "subscribe", "channel": "bbo"}, {"op": "world"},
    )  # fmt: skip
    for request in requests[: 3 if world.host.world is None else 4]:
        told = admin.ask(**request, market="DOGE")
        assert (told["reason"], told["message"]) == ("UNKNOWN_NAME", f"there is no market 'DOGE'; known are {known}")
        assert told["data"]["known"] == [market.name for market in world.host.exchange.design.markets]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    server = Server("--trust", "--venue", "hyperliquid", "--clock", "x100")
    yield server
    assert server.stop()[0] == 0


def test_the_command_line_on_a_venue_whose_market_has_another_name(server: Server) -> None:
    for line in ("set_market_status market=BTC status=HALTED", "world shock_ppm=-1% market=BTC",
                 "schedule_maintenance market=BTC in=10m for=30m during=HALTED", "ticker market=BTC-PERP"):  # fmt: skip
        done = CliRunner().invoke(main, ["ctl", *line.split(), "--port", str(server.port)])
        assert done.exit_code == 0, done.output
    done = CliRunner().invoke(main, ["ctl", "ticker", "market=DOGE", "--port", str(server.port)])
    assert done.exit_code == 1 and "known are BTC-PERP (or BTC)" in done.output


def test_a_playbook_is_for_whatever_markets_there_are(server: Server) -> None:
    Peer(server.port).ask("login", name="alice")
    done = CliRunner().invoke(main, ["rehearse", "funding_flip", "--user", "alice", "--port", str(server.port)])
    assert done.exit_code == 0, done.output
    steps = [line for line in done.output.splitlines() if "0 s  set_funding market=BTC-PERP " in line]
    assert len(steps) == 3, done.output
