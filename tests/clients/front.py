"""A server of one connection at a time over real sockets, for clients that are to be cut off, left without a word or lied to."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from link import new_host

from perplab.clients.local import LocalHost
from perplab.exchange.server.codecs import MSGPACK
from perplab.exchange.server.frames import Frames
from perplab.exchange.server.session import Session

Cut = Callable[[int, bytes], bool]  # of the connection's number and what was read: hang up, and say nothing?


class Front:
    """It can hang up before it answers, or say nothing; and the sessions may be others than the server's."""

    def __init__(self, cut: Cut, is_mute: bool = False, host: LocalHost | None = None, session: type[Session] = Session) -> None:
        self.host = host or new_host()
        self.session = session
        self.cut = cut
        self.is_mute = is_mute
        self.connections = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self) -> None:
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            with peer:
                session = self.session(self.host, MSGPACK, Frames())
                self.answer(peer, session)
                session.closed()

    def answer(self, peer: socket.socket, session: Session) -> None:
        while data := self.read(peer):
            if self.is_mute:
                continue
            if self.cut(self.connections, data):
                session.receive(data)
                return
            session.receive(data)
            self.host.flush()
            try:
                peer.sendall(session.take())
            except OSError:
                return
            if session.ending:
                return

    def read(self, peer: socket.socket) -> bytes:
        try:
            return peer.recv(1 << 16)
        except OSError:
            return b""

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()


def never(number: int, data: bytes) -> bool:
    return False


@contextmanager
def front(cut: Cut = never, is_mute: bool = False, host: LocalHost | None = None, session: type[Session] = Session) -> Iterator[Front]:
    made = Front(cut, is_mute, host, session)
    try:
        yield made
    finally:
        made.close()
