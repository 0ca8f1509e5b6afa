"""What the load generator does to a server: as much as it can take, or a fixed number of orders per second.

Latencies are those of an open loop: every request has a time at which it is due, and its latency counts from that, also where it could
not be sent at once. What the generator itself is late by is contained.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from itertools import combinations
from statistics import median
from time import perf_counter_ns
from typing import Any, Final

import msgpack  # type: ignore[import-untyped]
import msgspec
import numpy as np
from load_orders import Singles
from load_wire import Peer, Poll

SECOND: Final = 1_000_000_000  # [ns]
SAMPLE: Final = 64  # one reply in so many is looked at
REASON, WIDTH = 0, 15  # of the statuses of a `rows` request
MOST_REFUSED: Final = 0.02  # of the orders
PATIENCE_S: Final = 10.0  # for the replies that are missing at the end


Look = Callable[[bytes], None]  # at a reply


class Tally:
    """Replies that were looked at. `count` raises RuntimeError for what is no reply to an order."""

    def __init__(self) -> None:
        self.looked_at = self.refused = self._seen = 0

    def block(self, frame: bytes) -> None:
        reply = msgpack.unpackb(frame[4:])
        if not reply.get("ok") or "errors" in reply:
            raise RuntimeError(f"a block was refused: {reply}")
        reasons = np.frombuffer(reply["statuses"], dtype=np.int64)[REASON::WIDTH]
        self.looked_at += len(reasons)
        self.refused += int(np.count_nonzero(reasons))

    def single(self, frame: bytes) -> None:
        self._seen += 1
        if self._seen % SAMPLE == 0:
            reply = msgpack.unpackb(frame[4:])
            if not reply["ok"] and reply["code"] < 1_000:
                raise RuntimeError(f"an order did not reach the venue: {reply}")
            self.looked_at += 1
            self.refused += not reply["ok"]

    def echo(self, frame: bytes) -> None:
        """As `single`, of what only comes back: looking at replies is the generator's work, and is to take as long."""
        self._seen += 1
        if self._seen % SAMPLE == 0:
            self.looked_at += bool(msgpack.unpackb(frame[4:])["id"] is not None)

    def check(self) -> None:
        """Raises RuntimeError if the venue refused too many. Not for connections that share a market: they overtake each other."""
        if self.refused > max(5, MOST_REFUSED * self.looked_at):
            raise RuntimeError(f"{self.refused} of {self.looked_at} orders were refused: the load is not what it says")


class Sender:
    """A connection that keeps blocks of requests on the way. `blocks`: bytes, how many replies they get, how many orders they are."""

    def __init__(self, peer: Peer, blocks: Iterator[tuple[bytes, int, int]]) -> None:
        self.peer, self.blocks = peer, blocks
        self.sent: deque[list[int]] = deque()  # of blocks on the way: replies that are missing, orders

    def fill(self, window: int) -> None:
        while len(self.sent) < window:
            data, replies, orders = next(self.blocks)
            self.peer.write(data)
            self.sent.append([replies, orders])

    def answered(self, look: Look) -> int:
        """Orders of the blocks whose last reply has come."""
        frames, orders = self.peer.read(), 0
        for frame in frames:
            look(frame)
        left = len(frames)
        while left:
            taken = min(left, self.sent[0][0])
            self.sent[0][0] -= taken
            left -= taken
            if self.sent[0][0] == 0:
                orders += self.sent.popleft()[1]
        return orders


def saturate(senders: list[Sender], window: int, seconds: float, look: Look, memory: Callable[[], float]) -> dict[str, Any]:
    """As many blocks as are answered, up to `window` of them at once on each connection. Orders count once they are answered."""
    by_peer = {sender.peer: sender for sender in senders}
    poll, resident, answered, done = Poll(list(by_peer)), [memory()], [0], 0
    begin = perf_counter_ns()
    end, sample = begin + int(seconds * SECOND), begin + int(seconds * SECOND / 10)
    for sender in senders:
        sender.fill(window)
    while (now := perf_counter_ns()) < end:
        for peer in poll.ready(0.001):
            done += by_peer[peer].answered(look)
            by_peer[peer].fill(window)
        for peer in by_peer:
            peer.push()
        if now >= sample:
            resident.append(memory())
            answered.append(done)
            sample += int(seconds * SECOND / 10)
    poll.close()
    rate = round(done * SECOND / (now - begin))
    return {"orders_per_s": rate, "orders": done, "resident_mib": resident, "mib_per_million": slope(answered, resident)}


def slope(orders: list[int], resident: list[float]) -> float:
    """By how much memory grows [MiB per million orders], in the later half: the other fills tables and the ring of events.

    The median of the slopes between any two samples (Theil and Sen): a snapshot, which is taken every million commands, shows for a moment.
    """
    later = list(zip(orders, resident))[len(orders) // 2 :]
    slopes = [(two[1] - one[1]) / (two[0] - one[0]) * 1e6 for one, two in combinations(later, 2) if two[0] > one[0]]
    return round(median(slopes), 2) if slopes else 0.0


class Background:
    """Orders at a fixed rate, dealt to its connections in turn; replies are counted and looked at."""

    def __init__(self, peers: list[Peer], orders: Singles, per_s: int, look: Look) -> None:
        self.peers, self.orders, self.per_s, self.look = peers, orders, per_s, look
        self.begin = 0
        self.sent = self.answered = 0
        for peer in peers:
            peer.hear = self.hear

    def start(self, now: int) -> None:
        self.begin, self.sent, self.answered = now, 0, 0

    def send(self, now: int) -> None:
        due = (now - self.begin) * self.per_s // SECOND
        while self.sent < due:
            self.peers[self.sent % len(self.peers)].write(self.orders.take(1)[0])
            self.sent += 1

    def hear(self, frames: list[bytes]) -> None:
        self.answered += len(frames)
        for frame in frames:
            self.look(frame)


class Probe:
    """One order at a time on one connection; how long after it was due its reply came."""

    def __init__(self, peer: Peer, orders: Singles, per_s: int) -> None:
        self.peer, self.orders, self.interval = peer, orders, SECOND // per_s
        self.latencies: list[int] = []  # [ns]
        self.late: list[int] = []  # [ns] that the generator itself was late by
        self.due = self.free = 0  # when the next is to be sent, and since when it could be
        self.waits = False
        peer.hear = self.hear

    def start(self, now: int) -> None:
        self.latencies, self.late, self.due, self.free = [], [], now + self.interval, now

    def send(self, now: int) -> None:
        if now >= self.due and not self.waits:
            self.waits = True
            self.late.append(now - max(self.due, self.free))
            self.peer.write(self.orders.take(1)[0])

    def hear(self, frames: list[bytes]) -> None:
        """Heartbeats are no replies; a probe has subscribed to nothing, so that there are none."""
        assert self.waits and len(frames) == 1, "a reply that nobody waits for"
        self.free = perf_counter_ns()
        self.latencies.append(self.free - self.due)
        self.due += self.interval
        self.waits = False


def pace(poll: Poll, probe: Probe, others: list[Any], seconds: float) -> list[int]:
    """Let all of them send at their rates; the latencies of the probe [ns]."""
    paced = [probe, *others]
    now = perf_counter_ns()
    for one in paced:
        one.start(now)
    end = now + int(seconds * SECOND)
    while now < end or not probe.latencies:  # a machine that is busy may let all of the time pass before the first
        for one in paced:
            one.send(now)
        for peer in poll.ready():
            if peer.unsent:
                peer.push()
            peer.hear(peer.read())
        now = perf_counter_ns()
    settle(poll, probe, others)
    return probe.latencies


def settle(poll: Poll, probe: Probe, others: list[Any]) -> None:
    """Wait for the replies that are missing. Raises RuntimeError if they do not come."""
    missing = [one for one in others if isinstance(one, Background)]
    limit = perf_counter_ns() + int(PATIENCE_S * SECOND)
    while probe.waits or any(one.answered < one.sent for one in missing):
        if perf_counter_ns() > limit:
            raise RuntimeError("replies are missing")
        for peer in poll.ready(0.01):
            peer.push()
            peer.hear(peer.read())


class Market(msgspec.Struct):
    """Of a message, what tells a gap."""

    channel: str = ""
    seq: int = 0
    prev_seq: int | None = None
    type: str = ""
    conflated: int = 0
    id: int | None = None


class Subscriber:
    """A connection that listens, sends a ping now and then, and looks for gaps in what it is told."""

    decode = msgspec.msgpack.Decoder(Market).decode
    PING_NS: Final = 5 * SECOND

    def __init__(self, peer: Peer, first: int, *subscriptions: dict[str, object]) -> None:
        self.peer = peer
        self.seq: dict[str, int] = {}
        self.messages = self.heartbeats = self.gaps = self.spared = 0
        self.first = first  # [ns] after the start: pings of many should not come at once
        peer.hear = self.hear
        for fields in subscriptions:
            peer.ask(op="subscribe", **fields)

    def start(self, now: int) -> None:
        self.next = now + self.first

    def send(self, now: int) -> None:
        if now >= self.next:
            self.next += self.PING_NS
            self.peer.write(PING)

    def hear(self, frames: list[bytes]) -> None:
        for frame in frames:
            message = self.decode(frame[4:])
            self.heartbeats += message.channel == "heartbeat"
            if message.type:
                self.messages += 1
                self.spared += message.conflated
                if message.prev_seq is not None and message.prev_seq != self.seq.get(message.channel):
                    self.gaps += 1
                self.seq[message.channel] = message.seq


class Pings:
    """Sends the pings of many subscribers: asking each of a thousand at every turn would take too long."""

    def __init__(self, subscribers: list[Subscriber]) -> None:
        self.queue = deque(sorted(subscribers, key=lambda one: one.first))

    def start(self, now: int) -> None:
        for one in self.queue:
            one.start(now)

    def send(self, now: int) -> None:
        while self.queue[0].next <= now:
            one = self.queue.popleft()
            one.send(now)
            self.queue.append(one)


PING: Final = b"\0\0\0\x09" + msgpack.packb({"op": "ping"})


class Flooder:
    """A connection that sends far more than it may, and comes back when it is cut."""

    def __init__(self, port: int, hello: bytes, frame: bytes, per_s: int) -> None:
        self.port, self.hello, self.frame, self.per_s = port, hello, frame, per_s
        self.peer: Peer | None = None
        self.begin = self.sent = self.cuts = 0

    def start(self, now: int) -> None:
        self.begin, self.sent = now, 0

    def send(self, now: int) -> None:
        """What is due, 32 orders or more at once."""
        due = (now - self.begin) * self.per_s // SECOND
        if due - self.sent < 32:
            return
        try:
            if self.peer is None:
                self.peer = Peer(self.port)
                self.peer.socket.setblocking(False)
                self.peer.write(self.hello)
            self.peer.write(self.frame * (due - self.sent))
            self.peer.read()
        except BlockingIOError:
            pass
        except OSError:
            self.cuts += 1
            self.hang_up()
        self.sent = due

    def hang_up(self) -> None:
        if self.peer is not None:
            self.peer.socket.close()
            self.peer = None
