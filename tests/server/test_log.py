"""The server's log: one JSON object a line, bounded, without secrets, and nothing at all where nobody asked for it."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from test_operator import operator
from test_sockets import Peer, Server
from wire import SECOND, Talker, World

from perplab.exchange.server import log
from perplab.exchange.server.limits import Limits
from perplab.exchange.server.people import signature_of

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines(tmp_path: Path) -> Iterator[Lines]:
    path = tmp_path / "log"
    with log.logged(str(path)):
        yield lambda: [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def events(found: list[dict[str, Any]], *names: str) -> list[dict[str, Any]]:
    return [{name: value for name, value in one.items() if name not in ("ts", "level")} for one in found if one["event"] in names]


def test_connections_and_logins(lines: Lines) -> None:
    world = World()
    alice = world.talker("alice")
    alice.ask("login", name="alice", session="bot")
    alice.ask("login", name="alice", version=7)
    alice.session.closed()
    assert {*lines()[0]} >= {"ts", "level", "event"} and lines()[0]["ts"].endswith("Z")
    assert events(lines(), "opened", "login", "login_refused", "account", "closed") == [
        {"event": "opened", "connection": 1, "speaks": "msgpack"},
        {"event": "account", "user": "alice", "account": 8},
        {"event": "login", "connection": 1, "user": "alice", "scopes": ["trade", "read", "admin"]},
        {"event": "login", "connection": 1, "user": "alice", "scopes": ["trade", "read", "admin"], "session": "bot"},
        {"event": "login_refused", "connection": 1, "reason": "OUT_OF_BOUNDS"},
        {"event": "closed", "connection": 1, "reason": "LEFT", "user": "alice"},
    ]


def test_what_the_operator_does_and_the_faults_that_he_injects(lines: Lines) -> None:
    world = World()
    admin, _ = operator(world), world.talker("alice")
    admin.ask("fault", user="alice", kind="drop")
    admin.ask("set_market_status", market=0, status="HALTED")
    admin.ask("accounts", user="zoe")
    admin.ask("accounts")
    done = events(lines(), "operator")
    assert [(one["op"], one["user"]) for one in done] == [("fault", "admin"), ("set_market_status", "admin")], "what was refused is not"
    assert done[0]["fields"]["kind"] == "drop" and done[1]["fields"] == {"market": 0, "status": "HALTED", "price": 0}


def test_who_floods_does_not_read_or_finds_no_room(lines: Lines) -> None:
    world = World(limits=Limits(commands_per_s=1, burst=1, flood=2, connections=1))
    talker = world.talker("alice")
    with pytest.raises(Exception, match="no room"):
        Talker(world)
    talker.session.pause()
    talker.session.resume()
    for _ in range(4):
        talker.send("place", market=0, side="BUY", price=1, size=1)
    talker.session.closed()
    told = events(lines(), "turned_away", "slow_reader", "flood", "closed")
    assert [one["event"] for one in told] == ["turned_away", "slow_reader", "flood", "closed"]
    assert told[2]["ignored"] == 2 and told[3]["reason"] == "RATE_LIMITED"


def test_trouble_is_told_once_and_its_end(lines: Lines) -> None:
    world = World()
    for trouble in ("the disk is full", "the disk is full", ""):
        world.host.tell_trouble(trouble)
    told = [(one["level"], one["event"], one.get("why")) for one in lines()]
    assert told == [("error", "trouble", "the disk is full"), ("info", "trouble_over", None)]


def test_no_secret_is_in_it(lines: Lines, tmp_path: Path) -> None:
    """Whatever is a secret, or might be one that was put into the wrong field."""
    world = World(trust=False)
    talker = world.talker()
    made = talker.ask("faucet", name="alice")
    nonce = talker.ask("challenge", key=made["key"])["nonce"]
    signature = signature_of(made["secret"], nonce)
    talker.ask("login", key=made["key"], signature=signature)
    talker.ask("challenge", key=made["secret"][:32])
    talker.ask("login", key=made["secret"][:32], signature=made["secret"][:64])
    log.note("operator", secret=made["secret"], key=made["key"])
    text = (tmp_path / "log").read_text(encoding="utf-8")
    assert "login_refused" in text and not any(one in text for one in (made["secret"], made["secret"][:32], signature, nonce, made["key"]))


def test_it_is_bounded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(log, "LARGEST", 2_000)
    with log.logged(str(tmp_path / "log")):
        for number in range(1_000):
            log.note("opened", connection=number)
    files = sorted(tmp_path.iterdir())
    assert len(files) == 1 + log.KEPT and all(path.stat().st_size <= 2_000 for path in files)


def test_it_is_off_by_default_and_a_full_disk_stops_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    world = World()
    world.talker("alice").session.closed()
    assert not log.LOG.isEnabledFor(logging.CRITICAL)
    with log.logged("/dev/full"):
        assert world.talker("bob").ask("ping")["ok"]
    world.monotonic += SECOND
    assert capsys.readouterr() == ("", "")


def test_a_server_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "serve.log"
    server = Server("--world", "none", "--venue", "book_fund_adl", "--trust", "--log", str(path))
    peer = Peer(server.port)
    peer.ask("login", name="alice")
    assert server.stop() == (0, "stopped\n")
    told = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [one["event"] for one in told] == ["start", "opened", "account", "login", "closed", "stop"]
    assert told[0]["tcp"] == f"127.0.0.1:{server.port}" and told[1]["peer"].startswith("127.0.0.1:")
    assert told[4]["reason"] == "SHUTTING_DOWN"


def test_or_to_standard_error() -> None:
    server = Server("--world", "none", "--venue", "book_fund_adl", "--log", "-")
    _, errors = server.stop()
    *told, last = errors.splitlines()
    assert [json.loads(line)["event"] for line in told] == ["start", "stop"] and last == "stopped" and errors.endswith("stopped\n")
