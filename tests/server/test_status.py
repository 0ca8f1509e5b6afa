"""The status page, and what watches a server: /status.json, /health, /metrics."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

import aiohttp
import msgspec
import pytest
from sockets import served
from wire import World

from perplab.exchange.server import store as stores
from perplab.exchange.server.page import page
from perplab.exchange.server.status import Facts, status


def fetched(world: World, path: str) -> tuple[int, str, str, dict[str, str]]:
    async def run() -> tuple[int, str, str, dict[str, str]]:
        async with served(world) as place, aiohttp.ClientSession() as client, client.get(place.url(path)) as answer:
            return answer.status, answer.content_type, await answer.text(), dict(answer.headers)

    return asyncio.run(run())


def test_the_status_is_told() -> None:
    world = World()
    alice = world.talker("alice")
    alice.ask("place", market=0, side="BUY", price=59_000, size=1)
    world.talker("<b>bob").ask("place", market=0, side="SELL", price=60_500, size=3)
    code, kind, text, _ = fetched(world, "/status.json")
    told = msgspec.json.decode(text)
    assert (code, kind, told["health"], told["venue"]) == (200, "application/json", "ok", "book_fund_adl")
    assert (told["connections"], told["users"], told["commands"]) == (2, 2, 7) and told["seq"] == world.host.exchange.state.log.seq
    assert (told["clock"], told["time"], told["journal"]) == ("stepped", "2027-01-15T08:00:00Z", "none: state is in memory")
    (market,) = told["markets"]
    assert (market["name"], market["bid"], market["ask"], market["last"]) == ("BTC-PERP", "59000", "60500", None)
    assert (market["mark"], market["open_interest"], market["status"]) == ("60000", "0.000", "ACTIVE")
    assert re.fullmatch(r"ws://127\.0\.0\.1:\d+/ws", told["websocket"]) and "bob" not in text


def test_the_page_shows_the_status_and_needs_nothing_else() -> None:
    world = World()
    code, kind, text, headers = fetched(world, "/status")
    assert (code, kind) == (200, "text/html") and "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert re.search(r'data-is="markets\.0\.mark">60000<', text) and 'data-is="health">ok<' in text
    assert not re.search(r"(?:src|href)=[\"'](?!data:|status\.json|health|metrics)|@import|url\(", text)


def test_names_are_text_on_the_page() -> None:
    world = World()
    told = status(world.host, Facts("interpreted", "127.0.0.1:1", 0), "ws://127.0.0.1:2/ws")
    bad = '"><script>alert(1)</script>{0}&amp;'
    markets = told["markets"]
    assert isinstance(markets, list)
    before = page(told)
    text = page({**told, "venue": bad, "title": bad, "journal": bad, "tcp": bad, "markets": [{**markets[0], "name": bad, "status": bad}]})
    assert text.count("<script>") == before.count("<script>") == 1
    assert text.count("&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;{0}&amp;amp;") == 7, "the venue's name is in the title, too"


def test_what_is_due_and_not_done_is_told() -> None:
    world = World()
    first = world.host.exchange.state.schedule.next
    world.clock.step(int(first - world.clock.now()) + 1_500_000_000)
    facts = Facts("interpreted", "", 0)
    assert status(world.host, facts, "")["behind_s"] == 1.5
    world.host.pass_time()
    assert status(world.host, facts, "")["behind_s"] == 0


def test_health_is_what_the_venue_is() -> None:
    world = World()
    assert fetched(world, "/health")[::2] == (200, '{"ok":true}')
    world.host.exchange.is_broken = True
    code, _, text, _ = fetched(world, "/health")
    assert code == 503 and msgspec.json.decode(text)["ok"] is False and "broken" in text


def test_a_journal_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    world = World()
    world.host.store = store = stores.begin(tmp_path / "kept", "strict")
    told = status(world.host, Facts("interpreted", "", 0), "")
    assert (told["health"], told["journal"]) == ("ok", "kept (sync strict)")
    store.journal.failed = True
    code, _, text, _ = fetched(world, "/health")
    assert (code, msgspec.json.decode(text)) == (503, {"ok": False, "why": "the journal cannot be written"})
    store.file.close()


def test_metrics_are_told_where_prometheus_client_is(tmp_path: Path) -> None:
    pytest.importorskip("prometheus_client")
    world = World()
    world.host.store = store = stores.begin(tmp_path, "strict")
    world.talker("alice")
    code, kind, text, _ = fetched(world, "/metrics")
    told = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert (code, kind) == (200, "text/plain") and float(told["perplab_connections"]) == 1
    assert float(told["perplab_seq"]) == world.host.exchange.state.log.seq == float(told["perplab_events_total"])
    assert float(told["perplab_commands_total"]) == 3 and float(told["perplab_journal_commands_total"]) == store.commands
    assert float(told["perplab_behind_seconds"]) == 0 and float(told["perplab_healthy"]) == 1
    store.close()


def test_without_prometheus_client_metrics_name_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    monkeypatch.delitem(sys.modules, "perplab.exchange.server.metrics", raising=False)
    code, _, text, _ = fetched(World(), "/metrics")
    assert code == 404 and "perplab[metrics]" in text
