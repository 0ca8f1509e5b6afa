"""Rehearsals: playbooks are valid, a bot's behaviour shows in the report, and only his own acts count as his reaction."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hl_serve_kit import url_of
from test_sockets import Peer, Server

from perplab.exchange.server import requests as r
from perplab.exchange.server.codecs import MSGPACK
from perplab.lab.cli import main
from perplab.lab.ctl import login, pair, replies_of
from perplab.lab.rehearse import Playbook, PlaybookError, Rehearsal, Watch, left_open, load_playbook, reaction, shipped

QUICK = """
title = "Quick"
settle_s = 20
[[steps]]
at_s = 10
op = "world"
shock_ppm = -100000
[[steps]]
at_s = 60
op = "fault"
user = "$USER"
kind = "reject"
"""


@pytest.mark.parametrize("name", shipped())
def test_shipped_playbooks_are_requests_of_the_operator(name: str) -> None:
    playbook = load_playbook(name)
    assert playbook.title and len(shipped()) == 8
    for step in playbook.timeline("alice"):
        request = MSGPACK.decode(MSGPACK.encode(step.request))
        assert isinstance(request, r.OperatorRequest | r.SetWorld | r.SetFault)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("title = 'x'", "missing key steps"), ("[[steps]]\nop = 'world'", "expected at_s"),
        ("[[steps]]\nat_s = -1\nop = 'world'", "expected at_s"), ("[[steps]]\nat_s = 1\nmakers = 'gone'", "expected at_s"),
        ("[[steps]]\nat_s = 1\nop = 'wrld'", r"steps\[0\].*there is no op 'wrld'"),
        ("[[steps]]\nat_s = 1\nop = 'world'\n[[steps]]\nat_s = 2\nop = 'world'\nmakers = 'here'", r"steps\[1\].*makers"),
        ("speed = 5\n[[steps]]\nat_s = 1\nop = 'ping'", "unknown key"),
    ],
)  # fmt: skip
def test_a_playbook_that_is_wrong_is_told(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "x.toml").write_text(text)
    with pytest.raises(PlaybookError, match=told):
        load_playbook(str(tmp_path / "x.toml")).timeline("alice")


def test_only_the_user_s_own_acts_are_reactions() -> None:
    watch = Watch()
    for ts, kind, reason in (
        (5, "OrderPlaced", ""),
        (15, "OrderCancelled", "LIQUIDATION"),
        (17, "OrderCancelled", "USER"),
        (18, "Traded", ""),
    ):
        watch.see({"type": kind, "ts": ts * 10**9, "reason": reason, "order_id": 1})
    assert reaction(10 * 10**9, watch.acts) == 7.0 and reaction(17 * 10**9, watch.acts) is None
    assert (watch.fills, watch.cancelled_by_venue) == (1, 1)
    steps = [{"at_s": 3, "op": "fault", "kind": "drop", "user": "$USER"}, {"at_s": 1, "op": "liquidate", "account": "$ACCOUNT"}]
    first, second = Playbook(steps).timeline("al")
    assert first.request == {"op": "liquidate", "account": "$ACCOUNT"}, "he is not known yet"
    assert second.request == {"op": "fault", "kind": "drop", "user": "al"}
    watch.see({"type": "Rejected", "ts": 1, "reason": "INSUFFICIENT_MARGIN"})
    assert watch.refused == {"INSUFFICIENT_MARGIN": 1}


def test_what_the_venue_sends_for_the_user_is_no_reaction() -> None:
    watch = Watch()
    for ts, kind, fields in (
        (1, "TwapPlaced", {"order_id": 1}), (2, "OrderPlaced", {"order_id": 2}), (2, "Traded", {}),
        (2, "TwapSliced", {"order_id": 1, "slice_order_id": 2}), (3, "TriggerFired", {"order_id": 3}), (3, "OrderPlaced", {"order_id": 3}),
        (4, "Traded", {}), (4, "TriggerPlaced", {"order_id": 4}), (5, "TriggerPlaced", {"order_id": 5}),
        (6, "TriggerCancelled", {"order_id": 4, "reason": "OCO"}), (7, "TriggerCancelled", {"order_id": 5, "reason": "USER"}),
        (8, "TwapSliced", {"order_id": 1, "slice_order_id": 0}), (9, "TwapEnded", {"order_id": 1, "reason": "FILLED"}),
        (10, "OrderPlaced", {"order_id": 6}),
    ):  # fmt: skip
        watch.see({"type": kind, "ts": ts, **fields})
    assert watch.acts == [1, 5, 7, 10] and watch.fills == 2


def test_all_that_can_still_trade_is_counted_by_its_name() -> None:
    nothing = {"orders": 0, "triggers": 0, "twaps": 0, "pending": 0}
    assert left_open(nothing).strip() == "0"
    assert left_open({**nothing, "orders": 2, "triggers": 1, "twaps": 1}).strip() == "4: 2 orders, 1 trigger, 1 TWAP"
    assert left_open({"orders": 10, "triggers": 0, "twaps": 0, "pending": 2}) == "12: 10 orders, 2 commands that wait"


def test_names_are_text_also_where_they_look_like_numbers() -> None:
    assert [pair(text) for text in ("user=1234", "name=true", "user=0x12", "account=12")] == [
        ("user", "1234"), ("name", "true"), ("user", "0x12"), ("account", 12),
    ]  # fmt: skip


class Gone(Exception):
    """Somebody breaks the rehearsal off."""


def test_what_was_changed_is_taken_back_where_it_is_broken_off() -> None:
    server = Server("--trust", "--clock", "x20")
    Peer(server.port).ask("login", name="alice")
    steps: list[dict[str, Any]] = [
        {"at_s": 0, "op": "world", "oracle": "frozen", "makers": "gone"},
        {"at_s": 0.1, "op": "fault", "user": "alice", "kind": "delay", "ms": 5},
        {"at_s": 0.2, "op": "set_market_status", "market": "ETH", "status": "HALTED"},
        {"at_s": 0.3, "op": "set_funding", "market": "BTC", "mode": "SET", "rate_ppt": 5}, {"at_s": 1_000, "op": "world"},
    ]  # fmt: skip
    said: list[str] = []

    def say(text: str) -> None:
        said.append(text)
        if "set_funding" in text and "taken" not in text:
            raise Gone

    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        login(connection, replies_of(connection), None, None)
        with pytest.raises(Gone):
            Rehearsal(Playbook(steps), "alice", connection, say).run()
    operator = Peer(server.port)
    operator.ask("login", name="operator")
    world = operator.ask("world")["world"]
    assert (world["oracle"], world["makers"]) == ("runs", "stay")
    assert operator.ask("ticker", market="ETH")["status"] == "ACTIVE" and operator.ask("ticker", market="BTC")["funding_rate_ppt"] != 5
    assert sum(text.startswith("taken back: ") for text in said) == 4 and "alice has no money" in said[0]
    assert server.stop()[0] == 0


def test_a_bot_that_is_watched_through_a_gap(tmp_path: Path) -> None:
    """On a clock twenty times as fast; the bot holds a long, and takes its orders off when the price has fallen."""
    (tmp_path / "quick.toml").write_text(QUICK)
    server = Server("--trust", "--clock", "x20")
    bot = Peer(server.port)
    bot.ask("login", name="alice")
    bot.ask("faucet")
    bot.ask("place", market="BTC", side="BUY", price=0, size=20_000, order_type="MARKET")
    first = bot.ask("ticker", market="BTC")["mark"]
    bot.ask("place", market="BTC", side="BUY", price=first // 2 + 20_000, size=100)

    is_over = threading.Event()

    def act() -> None:
        while bot.ask("ticker", market="BTC")["mark"] > first * 0.95 and not is_over.wait(0.01):
            pass
        bot.ask("cancel_all")

    thread = threading.Thread(target=act)
    thread.start()
    program = [sys.executable, "-c", "from perplab.lab.cli import main; main()", "rehearse"]
    words = [str(tmp_path / "quick.toml"), "--user", "alice", "--port", str(server.port)]
    done = subprocess.run([*program, *words], capture_output=True, text=True, check=False, timeout=120)
    is_over.set()
    thread.join()
    assert done.returncode == 0, done.stderr
    assert re.search(r"equity +100,\d{3}|equity +99,\d{3}", done.stdout) and "orders left open                0" in done.stdout
    steps = re.findall(r"^ +(\S+(?: s| met)?)  (world|fault) ", done.stdout, re.MULTILINE)
    assert [kind for _, kind in steps] == ["world", "fault", "world", "fault"], done.stdout
    assert re.search(r"\d+\.\d{3} s  world shock_ppm=-100000", done.stdout)
    assert re.search(r"not met  fault user=alice", done.stdout), "he places nothing"
    assert server.stop()[0] == 0


def test_a_bot_that_is_named_by_its_address(tmp_path: Path) -> None:
    """As those of Hyperliquid's API are; `perplab ctl` takes it, too."""
    address = "0x14791697260E4c9A71f18484C9f997B308e59325"
    (tmp_path / "faults.toml").write_text('settle_s = 1\n[[steps]]\nat_s = 1\nop = "fault"\nuser = "$USER"\nkind = "reject"\n')
    server = Server("--trust", "--clock", "x20")
    Peer(server.port).ask("login", name=address)
    runs = []
    for words in (
        ["rehearse", str(tmp_path / "faults.toml"), "--user", address], ["ctl", "accounts", f"user={address}"],
        ["ctl", "fault", f"user={address.lower()}", "kind=none"],
    ):  # fmt: skip
        runs.append(CliRunner().invoke(main, [*words, "--port", str(server.port)]))
    assert server.stop()[0] == 0
    assert [one.exit_code for one in runs] == [0, 0, 0], [one.output for one in runs]
    assert f"not met  fault user={address} kind=reject" in runs[0].output and '"accounts": [' in runs[1].output


OVER_HTTP = """
settle_s = 8
[[steps]]
at_s = 1
op = "fault"
user = "$USER"
kind = "reject"
[[steps]]
at_s = 8
op = "fault"
user = "$USER"
kind = "duplicate"
[[steps]]
at_s = 9
op = "fault"
user = "$USER"
kind = "stall"
ms = 100
[[steps]]
at_s = 10
op = "fault"
user = "$USER"
kind = "drop"
"""
ORDER = {"a": 0, "b": True, "p": "50000", "s": "0.01", "r": False, "t": {"limit": {"tif": "Gtc"}}}
STOP = {"a": 0, "b": True, "p": "90000", "s": "0.01", "r": False, "t": {"trigger": {"isMarket": True, "triggerPx": "90000", "tpsl": "sl"}}}


class Bot:
    """Of Hyperliquid's API, over HTTP. It acts again and again, until a reply is lost or it is stopped."""

    def __init__(self, url: str, address: str) -> None:
        self.url, self.address = url, address
        self.nonces = count(time.time_ns() // 1_000_000)
        self.seen: list[str] = []
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self.trade, daemon=True)

    def ask(self, path: str, body: dict[str, Any]) -> Any:
        request = urllib.request.Request(f"{self.url}{path}", json.dumps(body).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as reply:
            return json.loads(reply.read())

    def act(self, action: dict[str, Any], nonce: int = 0) -> Any:
        told = self.ask("/exchange", {"action": action, "nonce": nonce or next(self.nonces), "user": self.address})
        assert told["status"] == "ok", told
        return told

    def trade(self) -> None:
        try:
            while not self.is_over.wait(0.02):
                told = self.act({"type": "order", "orders": [ORDER], "grouping": "na"})
                self.seen.append(str(told["response"]["data"]["statuses"][0]))
        except OSError as error:
            self.seen.append(repr(error))


def test_a_bot_of_hyperliquid_s_api_is_told_which_faults_it_met(tmp_path: Path) -> None:
    """It is refused once, and nothing comes twice. It is named by its wallet."""
    (tmp_path / "http.toml").write_text(OVER_HTTP)
    address, wallet = "0x" + "ab" * 20, "0x" + "cd" * 20
    server = Server("--trust", "--limits", "open", "--clock", "x2")
    bot = Bot(url_of(server), address)
    bot.ask("/info", {"type": "clearinghouseState", "user": address})
    nonce = next(bot.nonces)
    bot.act({"type": "approveAgent", "agentAddress": wallet, "agentName": "", "nonce": nonce}, nonce)
    bot.act({"type": "order", "orders": [ORDER, STOP], "grouping": "na"})
    bot.act({"type": "twapOrder", "twap": {"a": 0, "b": True, "s": "0.01", "r": False, "m": 30, "t": False}})
    bot.thread.start()
    done = CliRunner().invoke(main, ["rehearse", str(tmp_path / "http.toml"), "--user", wallet, "--port", str(server.port)])
    bot.is_over.set()
    bot.thread.join()
    assert server.stop()[0] == 0 and done.exit_code == 0, done.output
    assert sum("error" in one for one in bot.seen) == 1 and "resting" in bot.seen[-2] and "RemoteDisconnected" in bot.seen[-1]
    told = re.findall(r"^ +(\d+\.\d{3} s|none|not met)  fault user=\S+ kind=(\w+)", done.output, re.MULTILINE)
    assert {kind: what == "not met" for what, kind in told} == {
        "reject": False, "duplicate": True, "stall": False, "drop": False,
    }, done.output  # fmt: skip
    for line in (
        f"note: {wallet} is of {address}, whose faults these are", f"{address} has no socket at the moment, and a reply over HTTP",
        "note: still to come: duplicate; ", "\nnot met: nothing came to the bot",
        "refused for INSUFFICIENT_MARGIN  1, by a fault", "kind=reject, met 1 time\n",
    ):  # fmt: skip
        assert line in done.output, done.output
    assert re.search(r"orders left open +\d+: \d+ orders, 1 trigger, 1 TWAP", done.output), done.output


def test_wrong_words_are_one_line() -> None:
    program = [sys.executable, "-c", "from perplab.lab.cli import main; main()", "rehearse"]
    for words, told in ((["moon", "--user", "a"], "there is no such playbook; known are api_outage"), (["gap"], "--user is missing")):
        done = subprocess.run([*program, *words], capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 2 and told in done.stderr and done.stdout == ""
    listed = subprocess.run(program, capture_output=True, text=True, check=False, timeout=60).stdout
    assert len(listed.splitlines()) == 8
