"""Coverage-guided fuzzing of the sans-IO session: whatever bytes come, it answers with documented errors and nothing else.

    make fuzz SECONDS=60        or: python tests/server/fuzz_session.py CORPUS -max_total_time=60

Held to, for every input, framed or not: nothing is raised; every answer is as the JSON Schema says; without a login the venue's state does
not change; and byte by byte leads to the same answers as all at once. Seeds are a request of every kind, made from the structs of the wire.
"""

from __future__ import annotations

import sys
from itertools import count
from pathlib import Path

import atheris  # type: ignore[import-not-found,import-untyped,unused-ignore]

import perplab.exchange  # before: the core is not what is fuzzed, and would be ten times as slow

with atheris.instrument_imports(include=["perplab.exchange.server"]):
    import perplab.exchange.server.session  # noqa: F401

import msgpack  # type: ignore[import-untyped]
from holds import hold
from test_identity import filled
from wire import World, messages

from perplab.exchange.server import requests as r
from perplab.exchange.server.codecs import MSGPACK
from perplab.exchange.server.errors import REFUSED, Trouble
from perplab.exchange.server.frames import LENGTH, Frames
from perplab.exchange.server.session import Session

CHECKED = 64  # one venue in so many is checked: that takes longer than all else
ROUNDS = count()
LOGIN = {"id": 0, "op": "login", "name": "mallory"}


def framed(message: bytes) -> bytes:
    return LENGTH.pack(len(message)) + message


def told(data: bytes, piece: int, is_logged_in: bool, trust: bool) -> list[object]:
    """All that a new connection to a new venue is told, in portions of `piece` bytes."""
    world = World(trust=trust)
    session = Session(world.host, MSGPACK, Frames(1 << 16))
    is_framed = data[:1] == b"\0"
    if is_logged_in:
        login = msgpack.packb(LOGIN)
        session.receive(framed(login) if is_framed else login)
    before = world.host.exchange.state_hash()
    out = session.take()
    for at in range(0, len(data), piece):
        session.receive(data[at : at + piece])
        out += session.take()
        while session.has_more:
            session.go_on()
            out += session.take()
    found = messages(out, is_framed)
    for message in found:
        hold(message)
        if message.get("ok") is False:
            assert message["code"] > REFUSED or message["reason"] == Trouble(message["code"]).name
    if not is_logged_in and not any("accounts" in message or "secret" in message for message in found):
        assert world.host.exchange.state_hash() == before, "nobody was logged in"
    session.closed()
    if next(ROUNDS) % CHECKED == 0:
        world.host.exchange.check()
    events = [event for message in found if message.get("type") == "events" for event in message["events"]]
    return [message for message in found if message.get("type") != "events"] + events


def one_input(data: bytes) -> None:
    """The first byte says who sends the rest."""
    if len(data) < 2:
        return
    is_logged_in, rest = bool(data[0] & 1), data[1:]
    assert told(rest, len(rest), is_logged_in, is_logged_in) == told(rest, 1, is_logged_in, is_logged_in), "other answers byte by byte"


def seeds(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    some = {"items": [{"op": "cancel", "order_id": 1}], "rows": b"\5" + bytes(127), "key": "k", "ms": 1, "speed": 0, "channel": "private"}
    for op, request in r.OPS.items():
        wanted = {name: value for name, value in some.items() if name in request.__struct_fields__}
        packed = msgpack.packb({**filled(request, id=1), **wanted, **({"user": "mallory", "kind": "none"} if op == "fault" else {})})
        for name, data in (("frame", framed(packed)), ("stream", packed), ("twice", framed(packed) * 2)):
            (folder / f"{op}-{name}").write_bytes(b"\1" + data)
            (folder / f"{op}-{name}-nobody").write_bytes(b"\0" + data)


if __name__ == "__main__":
    corpus = Path(sys.argv[1])
    seeds(corpus)
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
