"""The house of `perplab serve` at venues with curves, and at those in which commands wait."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from venues import BLOCKS, venue

from perplab.clients.local import LocalHost
from perplab.exchange import VenueDesign, load_venue, shipped_venues
from perplab.exchange.codes import Side
from perplab.exchange.messages import CurveTraded, Rejected, Traded
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


@pytest.mark.parametrize("name", [*shipped_venues(), "sandbox"])
def test_every_shipped_design_is_served_with_a_world_of_its_own(name: str) -> None:
    """As `perplab serve --venue NAME` does it, without a word about the world; with check() after each second."""
    host = LocalHost(name)
    host.attach(world_of(None, 1, host.clock.now(), host.exchange, None))
    for _ in range(12):
        host.advance(10**9)
        host.exchange.check()
    world: Any = host.world
    assert world is not None and world.next > host.clock.now() - world.interval, "it has not failed"
    assert host.exchange.mark_price(0) and world.design == load_world("sandbox" if name == "sandbox" else "perp")
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
