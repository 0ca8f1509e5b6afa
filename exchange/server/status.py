"""How the server is, for people and for what watches it: a tree of texts and numbers, the same for /status.json, the page and the metrics.

Prices and sizes are decimals here, as people read them; on the wire they are ticks and lots. Nothing in it is a secret or a user's name.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from msgspec import Struct

from .clock import Clock
from .host import Host
from .naming import Named


class Facts(Struct, frozen=True):
    """What the host does not know of its server."""

    build: str  # of the core
    tcp: str  # address:port
    since: int  # [ns] of the world, when it was started


def status(host: Host, facts: Facts, websocket: str) -> Named:
    """`websocket`: its URL."""
    design = host.exchange.design
    return {
        "health": host.unwell() or "ok",
        "venue": design.name,
        "title": design.title,
        "build": facts.build,
        "clock": speed_of(host.clock),
        "time": time_of(host.now()),
        "running_since": time_of(facts.since),
        "behind_s": host.behind_ns() / 1e9,
        "seq": host.exchange.state.log.seq,
        "commands": host.commands,
        "connections": len(host.sessions),
        "users": len(host.people.users),
        "journal": journal_of(host),
        "tcp": facts.tcp,
        "websocket": websocket,
        "markets": [market_of(host, market) for market in range(len(design.markets))],
    }


def speed_of(clock: Clock) -> str:
    return "stepped" if clock.is_stepped else "real" if clock.speed == 1 else f"x{clock.speed}"


def time_of(ns: int) -> str:
    """2026-01-01T00:00:00Z"""
    return datetime.fromtimestamp(ns // 1_000_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def journal_of(host: Host) -> str:
    return "none: state is in memory" if host.store is None else f"{host.store.folder.name} (sync {host.store.sync})"


def market_of(host: Host, market: int) -> Named:
    """null: there is none."""
    design = host.exchange.design.markets[market]
    told = {**host.streams.bbo(market), **host.streams.ticker(market), **host.streams.status(market)}
    prices = {name: price_of(told[name], design.tick) for name in ("bid", "ask", "mark", "oracle", "last")}
    return {"name": design.name, **prices, "open_interest": decimal(told["open_interest"], design.lot), "status": told["status"]}


def price_of(told: object, tick: Decimal) -> str | None:
    """Of a price [ticks], or of a level of the book that begins with one."""
    if told is None:
        return None
    return decimal(told[0] if isinstance(told, tuple) else told, tick)


def decimal(count: object, unit: Decimal) -> str:
    assert isinstance(count, int)
    return f"{count * unit:f}"
