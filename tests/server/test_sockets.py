"""The real server: a process of its own, real sockets, and clients that know nothing but the wire."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from itertools import count
from typing import Any
from weakref import finalize

import msgpack  # type: ignore[import-untyped]
import pytest

SERVE = [sys.executable, "-c", "from perplab.lab.cli import main; main()", "serve", "--port", "0"]


class Server:
    """`perplab serve` with these words; `port` is where it listens."""

    def __init__(self, *words: str) -> None:
        self.process = subprocess.Popen([*SERVE, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        finalize(self, self.process.kill)  # a test that fails before it stops its server leaves none behind
        assert self.process.stdout is not None
        self.greeting = self.process.stdout.readline()
        found = re.search(r"at 127\.0\.0\.1:(\d+)", self.greeting)
        assert found, (self.greeting, self.process.stderr.read() if self.process.stderr else "")
        self.port = int(found[1])

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """The exit code, and what was said on stderr."""
        self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=30)
        return self.process.returncode, errors


class Peer:
    """A client of fifteen lines: a socket and a msgpack library."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.unpacker = msgpack.Unpacker(strict_map_key=False)
        self.numbers = count(1)

    def messages(self) -> Iterator[dict[str, Any]]:
        while True:
            yield from self.unpacker
            data = self.socket.recv(1 << 16)
            if not data:
                return
            self.unpacker.feed(data)

    def ask(self, op: str, **fields: object) -> dict[str, Any]:
        number = next(self.numbers)
        self.socket.sendall(msgpack.packb({"id": number, "op": op, **fields}))
        return next(message for message in self.messages() if message.get("id") == number)

    def hear(self, channel: str) -> dict[str, Any]:
        return next(message for message in self.messages() if message.get("channel") == channel)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    server = Server("--trust")
    yield server
    assert server.stop() == (0, "stopped\n")


def test_the_book_lives_and_an_order_fills(server: Server) -> None:
    bot = Peer(server.port)
    bot.ask("login", name="alice")
    assert bot.ask("faucet")["balance"] == 100_000_000_000
    for market in ("BTC", "ETH", "SOL"):
        ticker = bot.ask("ticker", market=market)
        assert ticker["bid"] and ticker["ask"] and ticker["mark"] and ticker["status"] == "ACTIVE"
    filled = bot.ask("place", market="BTC", side="BUY", price=0, size=100, order_type="MARKET")
    assert (filled["state"], filled["filled"]) == ("FILLED", 100)
    assert bot.ask("account")["positions"][0]["size"] == 100


def test_streams_come_by_themselves(server: Server) -> None:
    bot = Peer(server.port)
    bot.ask("subscribe", channel="book", market="BTC", depth=5)
    first, then = bot.hear("book"), bot.hear("book")
    assert (first["type"], then["type"], then["prev_seq"]) == ("snapshot", "delta", first["seq"])
    assert bot.hear("heartbeat")["seq"] > 0


def test_one_who_asks_and_hangs_up_leaves_no_trace(server: Server) -> None:
    for _ in range(20):
        peer = Peer(server.port)
        peer.socket.sendall(msgpack.packb({"id": 1, "op": "subscribe", "channel": "bbo", "market": 0})[:7])
        peer.socket.close()
    assert Peer(server.port).ask("ping")["ok"]


def test_what_is_no_request_ends_the_connection_and_only_that(server: Server) -> None:
    rude, other = Peer(server.port), Peer(server.port)
    rude.socket.sendall(b"GET / HTTP/1.1\r\n\r\n")
    told = list(rude.messages())
    assert told and told[-1]["ok"] is False
    assert other.ask("ping")["ok"]


def test_a_port_that_is_taken_is_said(server: Server) -> None:
    done = subprocess.run([*SERVE[:-1], str(server.port)], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2 and f"error: 127.0.0.1:{server.port}" in done.stderr and "--port 0 takes a free one" in done.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--clock", "x0"], "x and a whole number up to 1000000"),
        (["--world", "moon"], "there is no such world; known are perp, portfolio, sandbox, testnet, and TOML files"),
        (["--venue", "moon"], "unknown venue 'moon'"),
        (
            ["--venue", "drift_v2", "--world", "sandbox"],
            "the world sandbox is for a market 'BTC'; the venue drift_v2 has no market 'BTC', it has BTC-PERP; --world perp fits it",
        ),
    ],
)
def test_wrong_words_are_one_line(words: list[str], told: str) -> None:
    done = subprocess.run([*SERVE, *words], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2 and told in done.stderr and done.stderr.count("\n") == 1 and done.stdout == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_and_clients_are_told(number: int) -> None:
    server = Server("--world", "none", "--venue", "book_fund_adl", "--clock", "step")
    peer = Peer(server.port)
    assert peer.ask("ping")["ts"] == 1_767_225_600_000_000_000
    assert server.stop(number) == (0, "stopped\n")
    assert [message["reason"] for message in peer.messages()] == ["SHUTTING_DOWN"]


def ctl(*words: str) -> tuple[int, str, str]:
    program = [sys.executable, "-c", "from perplab.lab.cli import main; main()", "ctl", *words]
    done = subprocess.run(program, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stdout, done.stderr


def test_the_operator_s_command_line() -> None:
    server = Server()
    told = iter(server.process.stdout or ())
    found = next(match for line in told if (match := re.search(r"key is (\S+), its secret (\S+)\.", line)))
    assert found
    to = ("--port", str(server.port), "--key", found[1], "--secret", found[2])
    code, out, _ = ctl("world", "makers=gone", "takers=gone", *to)
    assert code == 0 and '"makers": "gone"' in out
    bot = Peer(server.port)
    assert bot.ask("ticker", market="BTC")["bid"] is None
    code, out, _ = ctl("step", "ms=5", *to)
    assert code == 1 and '"NOT_STEPPED"' in out
    wanted = "error: this server does not trust: give --key and --secret, as `perplab serve` printed them\n"
    for fields in ((), ("key=pk_1", "secret=00")):
        assert ctl("ping", *fields, "--port", str(server.port))[2] == wanted
    assert ctl("ping", *to[:-2])[2].endswith("error: --key needs --secret\n")
    for where in (("--connect", f"127.0.0.1:{server.port}"), ("--connect", str(server.port)), ("--port", f"localhost:{server.port}")):
        assert ctl("ping", *where, *to[2:])[0] == 0, where
    wrong = "error: --connect/--port: 'here:0' given, expected HOST:PORT, such as 127.0.0.1:3100, or one of the two\n"
    assert ctl("ping", "--port", "here:0")[2] == wrong
    assert ctl("bogus", *to) == (2, "", "error: there is no op 'bogus'; `perplab docs api` lists all\n")
    assert ctl("stpe", *to) == (2, "", "error: there is no op 'stpe'; near it: step\n")
    assert ctl("ping", "ms", *to)[2].endswith("error: 'ms' given, expected FIELD=VALUE\n")
    assert server.stop()[0] == 0
    assert "is `perplab serve` running?" in ctl("ping", *to)[2]
