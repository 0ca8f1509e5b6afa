"""The house of `perplab serve` at venues with curves, and at those in which commands wait."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace
from venues import BLOCKS, venue
from wire import Talker

from perplab.clients.local import LocalHost
from perplab.exchange import VenueDesign, load_venue, shipped_venues
from perplab.exchange.codes import Side
from perplab.exchange.messages import CurveTraded, Rejected, Traded, Transfer, column_of
from perplab.lab.serve import world_of
from perplab.lab.world import World, WorldError, fitting_world, load_world

RULES: dict[str, Any] = {
    "blocks": BLOCKS, "cancels_first": {**BLOCKS, "order": "cancels_first"}, "batches": {"rule": "batch_auction", "interval_ms": 1_000},
    "auctions": {"rule": "dutch_auction"}, "requests": {"rule": "request_execute", "delay_ms": 1_000},
}  # fmt: skip


def house(design: VenueDesign) -> LocalHost:
    """A host with the world of one market around it, a minute old; with check() after each second."""
    host = LocalHost(design)
    host.attach(World(load_world("perp"), host.exchange, 1, host.clock.now()))
    for _ in range(60):
        host.advance(10**9)
        host.exchange.check()
    assert host.world is not None, "it has not failed"
    return host


def kinds(host: LocalHost) -> dict[int, int]:
    """How many events of each kind there were."""
    found: dict[int, int] = {}
    for _, block in host.ring.blocks:
        rows = memoryview(block).tolist()  # type: ignore[call-overload]
        for kind in rows[::16]:
            found[kind] = found.get(kind, 0) + 1
    return found


@pytest.mark.parametrize("capital", [1_000_000, 0])
def test_a_market_without_a_book_is_traded_with_its_curve(capital: int) -> None:
    host = house(venue(curve={"role": "separate", "capital": capital}))
    world: Any = host.world
    seen = kinds(host)
    assert seen[CurveTraded.KIND] > 10 and Traded.KIND not in seen
    shares = [host.exchange.liquidity(maker, 0).shares for maker in world.makers]
    assert all(shares) if capital else not any(shares)
    world.change(host.clock.now(), {**dict.fromkeys(("oracle", "lag_ms", "shock_ppm", "market", "basis_ppm", "takers")), "makers": "gone"})
    host.advance(10**9)
    assert not any(host.exchange.liquidity(maker, 0).shares for maker in world.makers), "liquidity vanishes"


@pytest.mark.parametrize("rule", RULES)
def test_the_book_is_alive_where_commands_wait(rule: str) -> None:
    host = house(venue(sequencing=RULES[rule]))
    bids, asks = (host.exchange.depth(0, side, 100) for side in Side)
    assert len(bids) >= 15 and len(asks) >= 15, (len(bids), len(asks))
    seen = kinds(host)
    assert seen[Traded.KIND] > 10 and seen.get(Rejected.KIND, 0) < seen[Traded.KIND]


def test_a_curve_beside_a_book_changes_nothing_for_the_house() -> None:
    host = house(venue(curve={}))
    world: Any = host.world
    assert len(host.exchange.depth(0, Side.BUY, 100)) >= 15 and world.bookless == set()


@pytest.mark.parametrize("name", [*shipped_venues(), "sandbox", "testnet", "portfolio"])
def test_every_shipped_design_is_served_with_a_world_of_its_own(name: str) -> None:
    """As `perplab serve --venue NAME` does it, without a word about the world; with check() after each second."""
    host = LocalHost(name)
    host.attach(world_of(None, 1, host.clock.now(), host.exchange, None))
    for _ in range(12):
        host.advance(10**9)
        host.exchange.check()
    world: Any = host.world
    assert world is not None and world.next > host.clock.now() - world.interval, "it has not failed"
    assert host.exchange.mark_price(0) and world.design == load_world(name if name in ("sandbox", "testnet", "portfolio") else "perp")
    seen = kinds(host)
    assert seen.get(Traded.KIND, 0) + seen.get(CurveTraded.KIND, 0) >= 3, "it trades"


def test_a_world_that_does_not_fit_is_named(tmp_path: Path) -> None:
    host = LocalHost("sandbox")
    with pytest.raises(WorldError, match=r"the world perp is for a market 'BTC-PERP'; the venue sandbox has .*; --world sandbox fits it"):
        world_of("perp", 1, host.clock.now(), host.exchange, tmp_path)
    assert not list(tmp_path.iterdir()), "nothing is kept of a world that was refused"


def test_a_venue_with_markets_of_its_own_needs_a_world_of_its_own() -> None:
    design = load_venue("perp_v1")
    design = replace(design, markets=(replace(design.markets[0], name="GOLD"),))
    with pytest.raises(WorldError, match=r"no shipped world fits the venue perp_v1, which has GOLD: say --world FILE"):
        fitting_world(design)
    with pytest.raises(WorldError, match=r"the world perp is for .* it has GOLD; say --world FILE with one of its own, or --world none"):
        World(load_world("perp"), LocalHost(design).exchange, 1, 0, "perp")


# -- spot --


def portfolio(seconds: int) -> LocalHost:
    host = LocalHost("portfolio")
    host.attach(world_of(None, 1, host.clock.now(), host.exchange, None))
    for _ in range(seconds):
        host.advance(10**9)
        host.exchange.check()
    return host


def test_a_spot_market_is_alive_at_the_price_of_its_perpetual() -> None:
    host = portfolio(60)
    x = host.exchange
    books = [[x.depth(market, side, 100) for side in Side] for market in (0, 1)]
    assert all(len(side) >= 15 for book in books for side in book)
    assert abs(x.mark_price(0) - x.mark_price(1)) < 60, "by no more than noise"
    rows = [row for _, block in host.ring.blocks for row in rows_of(block)]
    trades = [row for row in rows if row[0] == Traded.KIND]
    assert {row[column_of(Traded, "market")] for row in trades} == {0, 1}
    assert sum(row[column_of(Traded, "market")] == 1 for row in trades) >= 10
    refused = sum(row[0] == Rejected.KIND for row in rows)
    assert refused < len(trades) // 4


def rows_of(block: object) -> list[list[int]]:
    cells = memoryview(block).tolist()  # type: ignore[call-overload]
    return [cells[at : at + 16] for at in range(0, len(cells), 16)]


def test_a_person_buys_coins_hedges_them_and_needs_less_margin() -> None:
    host = portfolio(5)
    around: Any = SimpleNamespace(host=host)
    alice = Talker(around)
    alice.ask("login", name="alice")
    alice.ask("faucet", amount=200_000 * 10**6)
    bought = alice.ask("place", market="BTC-SPOT", side="BUY", price=0, size=1_000, order_type="MARKET", tif="IOC")
    assert bought["filled"] == 1_000 and alice.ask("account")["balances"][1]["cash"] == 10**6
    short = alice.ask("place", market="BTC-PERP", side="SELL", price=0, size=1_000, order_type="MARKET", tif="IOC")
    assert short["filled"] == 1_000 and abs(short["filled_notional"] - bought["filled_notional"]) < 60 * 10**6
    lines = {line["kind"]: line for line in alice.ask("requirement")["lines"]}
    assert lines["COLLATERAL"]["hedged"] == lines["COLLATERAL"]["size"] == 10**6 and lines["POSITION"]["hedged"] == 1_000
    assert lines["POSITION"]["initial"] < short["filled_notional"] * 25_000 // 10**6 // 3, "a quarter of what a short alone requires"


def test_makers_lean_against_their_coins_and_who_runs_out_of_them_is_topped_up() -> None:
    host = portfolio(5)
    world: Any = host.world
    x, (maker, *_) = host.exchange, world.makers
    asset, begun = world.coins[1]
    assert abs(x.balance(maker, asset) - begun) < begun // 100
    assert world._held(maker, 1) == (x.balance(maker, asset) - begun) // 1_000
    host.send([Transfer(0, maker, world.taker, asset, begun * 6 // 10)])
    assert world._held(maker, 1) < 0
    host.advance(10**9)
    assert x.balance(maker, asset) > begun * 9 // 10


def test_a_shock_of_one_market_sets_them_apart() -> None:
    host = portfolio(5)
    world: Any = host.world
    asked = dict.fromkeys(("oracle", "lag_ms", "basis_ppm", "makers", "takers"))
    world.change(host.clock.now(), {**asked, "shock_ppm": -50_000, "market": 1})
    for _ in range(4):
        host.advance(10**9)
    assert host.exchange.mark_price(1) < 0.96 * host.exchange.mark_price(0)


@pytest.mark.parametrize("steps", range(7))
def test_nobody_trades_with_quotes_from_before_a_shock(steps: int) -> None:
    """Whether the venue hears of it at once or not: every 3 s it does, and makers quote in turn every 0.5 s."""
    host = LocalHost(load_venue("sandbox"))
    host.attach(World(load_world("sandbox"), host.exchange, 1, host.clock.now()))
    host.advance(10**9)
    world, around, x = host.world, SimpleNamespace(host=host), host.exchange
    alice = Talker(around)  # type: ignore[arg-type]
    alice.ask("login", name="alice")
    alice.ask("faucet", amount=5_000 * 10**6)
    assert alice.ask("set_margin_mode", market="BTC", mode="ISOLATED")["ok"] and alice.ask("set_leverage", market="BTC", leverage=40)["ok"]
    assert alice.ask("place", market="BTC", side="BUY", price=0, size=10_000, order_type="MARKET", tif="IOC")["filled"]
    host.advance(steps * 5 * 10**8)
    before, seq = x.mark_price(0), x.state.log.seq
    asked = dict.fromkeys(("oracle", "lag_ms", "basis_ppm", "makers", "takers"))
    assert world is not None
    world.change(host.clock.now(), {**asked, "shock_ppm": -30_000, "market": 0})
    host.advance(10**10)
    rows = [row for _, block in host.ring.blocks for row in rows_of(block) if row[1] > seq]
    trades = [row for row in rows if row[0] == Traded.KIND and row[column_of(Traded, "market")] == 0]
    assert trades and max(row[column_of(Traded, "price")] for row in trades) < 0.98 * before
    assert not alice.ask("account")["positions"], "it was liquidated"
    assert all(x.depth(0, side, 1) for side in Side), "and makers quote again"


def test_a_world_whose_prices_are_not_known_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    for text, why in (
        ('follows = "B"', "'A' follows 'B': expected one of C"),
        ('follows = "C"\nprice_usd = 5', "no price_usd or volatility_bp beside it"),
        ("price_usd = 5", "'A' needs price_usd and volatility_bp above 0"),
    ):
        file.write_text(f'[[markets]]\nname = "A"\n{text}\n[[markets]]\nname = "C"\nprice_usd = 1\nvolatility_bp = 1\n')
        with pytest.raises(WorldError, match=why):
            load_world(str(file))
