"""The client without sockets: a venue in the same process, whose time is stepped. The same bytes are spoken as over a socket, so a bot
that runs here runs against a server. The same seed and the same calls give the same replies, to the last byte."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Final, TypeVar

from perplab.exchange import Exchange, VenueDesign, load_venue
from perplab.exchange.messages import MAX_SUPPLY, UpdateOracle
from perplab.exchange.server.clock import Clock
from perplab.exchange.server.codecs import MSGPACK
from perplab.exchange.server.frames import Frames
from perplab.exchange.server.host import Host
from perplab.exchange.server.limits import Limits
from perplab.exchange.server.session import Session
from perplab.exchange.units import SECOND_NS

from . import types as t
from .blocking import Blocking
from .calls import Call
from .identity import Identity
from .protocol import Protocol
from .retry import Retry
from .units import Number

T = TypeVar("T")
START: Final = 1_767_225_600_000_000_000  # [ns] 2026-01-01T00:00:00Z
PRICES: Final[Mapping[str, Number]] = {"BTC": 60_000, "ETH": 3_000, "SOL": 150}  # [USD] at the start, of perpetuals on these coins
PERPETUAL: Final = "-PERP"  # what some designs put behind the coin
LONGEST_STEP: Final = SECOND_NS  # what is due is stamped no later than this
BREATH_S: Final = 0.001  # between two looks at a host whose clock runs
ALONE: Final = MAX_SUPPLY // 2  # [micro] that the faucet pays a user: there are no strangers to keep anything for


class LocalHost(Host):
    """A host whose clocks are stepped, both the venue's and the one that rate limits go by. `venue`: a design, or its name or file."""

    def __init__(self, venue: str | VenueDesign = "sandbox", seed: int = 1) -> None:
        self.elapsed = 0  # [ns]
        draw = random.Random(seed)
        super().__init__(
            Exchange(load_venue(venue) if isinstance(venue, str) else venue), Clock(START, 0, lambda: self.elapsed),
            monotonic=lambda: self.elapsed, trust=True, limits=Limits(faucet=ALONE), token=lambda size: draw.randbytes(size).hex(),
        )  # fmt: skip

    def due(self) -> int:
        """When something is due next: of the venue, of the world around it, or a message that was held back. [ns]"""
        now = self.clock.now()
        due = [self.exchange.state.schedule.next]
        if self.world is not None:
            due.append(self.world.next)
        if self.agenda.next is not None:
            due.append(now + self.agenda.next - self.elapsed)
        return max(now + 1, min(due))

    def advance(self, ns: int) -> None:
        """Let both clocks go on, and what falls due happen."""
        self.elapsed += ns
        self.clock.step(ns)
        self.pass_time()
        self.catch_up()


class LocalClient(Blocking):
    """A client and its venue; `join` makes another client of the same venue. `prices` [USD], by market, are those that the oracle reports
    at first: without it those of PRICES, and a market that is not there has neither an oracle price nor a mark until `set_price`."""

    def __init__(
        self, name: str | None = "alice", *, venue: str | VenueDesign = "sandbox", prices: Mapping[str, Number] | None = None,
        seed: int = 1, host: Host | None = None, key: str | None = None, secret: str | None = None, account: int | None = None,
        timeout: float = 10.0,
    ) -> None:  # fmt: skip
        self.timeout = timeout  # [s] of the venue's time, of a call: only a server that is told to be late is
        self.host = host if host is not None else LocalHost(venue, seed)
        token = self.host.people.token
        who = Identity(name if key is None else None, key, secret, token(8))
        self.protocol = Protocol(who, int(token(8), 16) | 1 << 63, account)
        self._session: Session | None = None
        self._retry = Retry()
        self._enter(timeout)
        for market, price in (self._usual() if prices is None and host is None else prices or {}).items():
            self.set_price(market, price)

    def _usual(self) -> dict[str, Number]:
        """The prices that the markets of this venue begin with."""
        coins = {one.name: one.name.removesuffix(PERPETUAL) for one in self.venue.markets.values() if one.kind == "perpetual"}
        return {name: PRICES[coin] for name, coin in coins.items() if coin in PRICES}

    # -- the venue's side --------------------------------------------------------------------------------------------------------

    def join(self, name: str | None) -> LocalClient:
        """Another client of the same venue."""
        return LocalClient(name, host=self.host)

    def set_price(self, market: str, price: Number) -> None:
        """Let the oracle report a price [USD]."""
        terms = self.venue.market(market)
        self.host.send([UpdateOracle(0, terms.number, terms.ticks(price))])
        self.host.flush()

    def step(self, seconds: float) -> int:
        """Let the venue's time go on; what falls due on the way happens. The time that it is then. [ns] Raises ValueError for a time below
        0: no clock goes back."""
        if not 0 <= seconds < math.inf:
            raise ValueError(f"the time to step is {seconds:g} s; expected 0 or more")
        clock = self.host.clock
        if not clock.is_stepped:
            raise ValueError("the clock of this host runs by itself")
        if not isinstance(self.host, LocalHost):
            raise ValueError("this host's clock is stepped by whoever has made it")
        end = clock.now() + round(seconds * SECOND_NS)
        while (now := clock.now()) < end:
            self.host.advance(min(end, now + LONGEST_STEP, self.host.due()) - now)
        self.host.flush()
        return clock.now()

    # -- the life of a connection ------------------------------------------------------------------------------------------------

    def __enter__(self) -> LocalClient:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the connection; no call works afterwards. The venue stays, for others."""
        if self._session is not None:
            self._session.closed()
            self._session = None
        self.protocol.close()

    def disconnect(self, why: str = "the connection was cut") -> None:
        """Lose the connection, to see what a bot does then; the next call makes a new one, at once."""
        self._retry = Retry()
        self._hang_up(why)

    def _hang_up(self, why: str = "the connection was cut") -> None:
        if self._session is not None:
            self._session.closed()
            self._session = None
            self.protocol.lost(why)

    def _now(self) -> float:
        return self.host.monotonic() / SECOND_NS

    def _enter(self, seconds: float) -> None:
        """Connect and log in. Raises what has ended this client, and TimedOut."""
        deadline = self._now() + seconds
        while not self.protocol.is_ready and self.protocol.failed is None:
            if self._now() >= deadline:
                self._hang_up()
                raise self.protocol.late_login(seconds)
            self._go_on(deadline)
        if self.protocol.failed is not None:
            raise self.protocol.failed

    def _go_on(self, deadline: float) -> None:
        """Make a new connection, if it is time for one; else let time pass."""
        if self._session is not None:
            self._let_pass(deadline)
        elif self._now() < self._retry.due:
            self._let_pass(min(deadline, self._retry.due))
        else:
            self._session = Session(self.host, MSGPACK, Frames())
            self.protocol.connected(self._now())
            self._pump()

    def _let_pass(self, deadline: float) -> None:
        """Until the next message that the venue has held back, or the deadline."""
        host = self.host
        if not isinstance(host, LocalHost) or not host.clock.is_stepped:
            time.sleep(BREATH_S)
            host.catch_up()
        else:
            left = max(1, round(deadline * SECOND_NS) - host.monotonic())
            host.advance(min(left, LONGEST_STEP, host.due() - host.clock.now()))
        host.flush()
        self._pump()
        self.protocol.tick(self._now())  # a reply that never comes, to the login say, is a connection that is dead
        self._pump()

    def _pump(self) -> None:
        """Carry bytes both ways until there are none."""
        while self._session is not None:
            out = self.protocol.take()
            if out:
                self._session.receive(out)
                self.host.flush()
            if self._session.has_more:
                self._session.go_on()
            data = self._session.take()
            if data:
                self.protocol.receive(data, self._now())
            if self._session.ending or self.protocol.dead:
                self._hang_up()
                self._retry.lost(self._now(), self.protocol.ready_at, self.timeout)  # each call gives up by itself
            elif not out and not data:
                return

    # -- what a user calls -------------------------------------------------------------------------------------------------------

    def _do(self, call: Call[T], timeout: float | None = None) -> T:
        """Only a server that was told to be late takes time: then the venue's clock goes on."""
        seconds = self.timeout if timeout is None else timeout
        pending = self.protocol.ask(call, self._now())
        self._pump()
        deadline = self._now() + seconds
        while not pending.done:
            if self._now() >= deadline:
                self.protocol.abandon(pending, seconds)
            else:
                self._go_on(deadline)
        return pending.result()

    def wait(self, seconds: float) -> None:
        """Let `seconds` of the venue's time pass: `step`, as the other clients call it."""
        self.step(seconds)

    def next_event(self, timeout: float | None = None) -> t.Event | None:
        """The next event of the streams; None: there is none. Nothing is waited for: time goes on by `step`."""
        if self._session is None and self.protocol.failed is None and self._now() >= self._retry.due:
            self._enter(self.timeout)
        self._pump()
        event = self.protocol.next_event()
        if event is None and self.protocol.failed is not None:
            raise self.protocol.failed
        return event

    def events(self, timeout: float | None = None) -> Iterator[t.Event]:
        """All events that there are."""
        while (event := self.next_event(timeout)) is not None:
            yield event
