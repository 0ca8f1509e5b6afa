"""Sockets of the load generator, and the servers that it starts."""

from __future__ import annotations

import os
import re
import select
import shutil
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from struct import Struct
from tempfile import TemporaryFile
from typing import Any, Final

import msgpack  # type: ignore[import-untyped]

LENGTH: Final = Struct(">I")  # in front of every frame
READ: Final = 1 << 18  # [bytes] of one read
SERVE: Final = "import sys; from perplab.lab.cli import main; sys.argv[0] = 'perplab'; main()"


def framed(message: bytes) -> bytes:
    return LENGTH.pack(len(message)) + message


def request(**fields: object) -> bytes:
    """A request as a frame."""
    return framed(msgpack.packb(fields))


def cut(data: bytes) -> tuple[list[bytes], bytes]:
    """The whole frames at the beginning, each with its length, and what is left."""
    frames, at, end, size = [], 0, len(data), LENGTH.unpack_from
    while end - at >= 4:
        after = at + 4 + size(data, at)[0]
        if after > end:
            break
        frames.append(data[at:after])
        at = after
    return frames, data[at:]


def pin(core: int) -> None:
    """Run this process on one core; where there is but one, on any."""
    if hasattr(os, "sched_setaffinity") and (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {core})


class Server:
    """A server in a process of its own, pinned to core 0. Its first line says where it listens."""

    def __init__(self, python: str, *words: str) -> None:
        errors = TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115  # it is the server's as long as it runs
        self.process = subprocess.Popen([python, *words], stdout=subprocess.PIPE, stderr=errors, text=True, preexec_fn=lambda: pin(0))
        assert self.process.stdout is not None
        greeting = self.process.stdout.readline()
        found = re.search(r"at 127\.0\.0\.1:(\d+)", greeting)
        if found is None:
            errors.seek(0)
            raise RuntimeError(f"the server did not start: {errors.read()}")
        self.port = int(found[1])
        self.build = "compiled" if "compiled" in greeting else "interpreted"

    def memory(self) -> float:
        """[MiB] that are resident; 0 where that cannot be read."""
        try:
            status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        except OSError:
            return 0.0
        return round(int(status.split("VmRSS:")[1].split()[0]) / 1_024, 1)

    def cpu(self) -> float:
        """[s] of CPU time that it has used, also by the system for it; 0 where that cannot be read."""
        try:
            fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Venue(Server):
    """`perplab serve` with a copy of a prepared journal."""

    def __init__(self, python: str, design: Path, journal: Path, *words: str) -> None:
        self.folder = journal.with_name("served")
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(journal, self.folder)
        serve = ["-c", SERVE, "serve", "--port", "0", "--world", "none", "--trust"]
        super().__init__(python, *serve, "--venue", str(design), "--journal", str(self.folder), *words)


class Peer:
    """A connection that never waits, but in `ask`."""

    def __init__(self, port: int, name: str | None = None) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.held = b""
        self.unsent = b""
        self.in_flight = 0  # requests that are not answered; counted by who sends
        self.hear: Callable[[list[bytes]], None] = ignore
        if name is not None:
            self.ask(op="login", name=name)

    def ask(self, **fields: object) -> dict[str, Any]:
        """Raises RuntimeError for a refusal."""
        self.socket.settimeout(30)
        self.socket.sendall(request(id=0, **fields))
        while True:
            frames = self.read()
            for number, frame in enumerate(frames):
                message: dict[str, Any] = msgpack.unpackb(frame[4:])
                if message.get("id", "") == 0:
                    self.hear(frames[number + 1 :])
                    if not message["ok"]:
                        raise RuntimeError(f"{fields.get('op')}: {message}")
                    return message
                self.hear([frame])

    def read(self) -> list[bytes]:
        """The frames that have come. Raises ConnectionError when the other side has hung up, BlockingIOError when there is nothing."""
        data = self.socket.recv(READ)
        if not data:
            raise ConnectionResetError("the server has cut a connection")
        frames, self.held = cut(self.held + data)
        return frames

    def write(self, data: bytes) -> None:
        """What cannot be sent at once is sent with the next."""
        if self.unsent:
            data = self.unsent + data
        try:
            sent = self.socket.send(data)
        except BlockingIOError:
            sent = 0
        self.unsent = data[sent:]

    def push(self) -> None:
        if self.unsent:
            self.write(b"")


def ignore(frames: list[bytes]) -> None:
    """Frames that nobody looks at."""


class Poll:
    """Connections that are waited for together."""

    def __init__(self, peers: list[Peer]) -> None:
        self.peers = peers
        self._poll = select.epoll()
        self._by_number = {peer.socket.fileno(): peer for peer in peers}
        for number, peer in self._by_number.items():
            peer.socket.setblocking(False)
            self._poll.register(number, select.EPOLLIN)

    def ready(self, seconds: float = 0) -> list[Peer]:
        return [self._by_number[number] for number, _ in self._poll.poll(seconds)]

    def close(self) -> None:
        self._poll.close()
        for peer in self.peers:
            peer.socket.close()
