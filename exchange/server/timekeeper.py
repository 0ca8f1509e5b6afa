"""How the venue's time passes: with a clock, a world around the venue, and what the venue itself has due; and commands, which are carried
out at the time that it is by then. Work is done in turns, since others wait meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from logging import WARNING
from typing import Final

from librt.vecs import vec
from mypy_extensions import i64

from ..blocks import Applied
from ..engine import Exchange
from ..queries import AsOf
from ..schema.messages import MAX_TS_JUMP, Command, Tick, command_row
from ..state.types import NEVER
from .clock import Clock
from .complaints import Complaints
from .log import note
from .routing import REASON, WIDTH, outcomes, stamp
from .surroundings import World

PASS_NS: Final = 5_000_000  # of work, after which what is due waits for the next call of `pass_time`: others wait meanwhile
LEAP_NS: Final = 60_000_000_000  # of the venue's time in one piece, where much is due: some milliseconds of work
MAX_TURNS: Final = 64  # that a world which is late takes one by one; then it leaves out some, but never for longer than
RARELY_NS: Final = 600_000_000_000  # of the venue's time


class Timekeeper:
    """`complain`: to whoever runs the server. `monotonic`: [ns] by which work is measured."""

    def __init__(self, exchange: Exchange, clock: Clock, monotonic: Callable[[], int], complain: Callable[[str], None]) -> None:
        self.exchange = exchange
        self.clock = clock
        self.monotonic = monotonic
        self.complain = complain
        self.complaints = Complaints(complain)
        self.world: World | None = None
        self.is_behind = False  # did something that is due have to wait?
        self._turns = 0  # that the world has taken since nothing was due
        self._goal = 0  # [ns] up to where a clock that is stepped goes on
        self._is_slowed = False  # does the clock run slower than it should?

    # -- commands --

    def apply(self, rows: vec[i64]) -> Applied:
        """Journal and carry out packed commands that have their time. Raises Refusal; then nothing happened."""
        raise NotImplementedError

    def carry_out(self, rows: vec[i64]) -> Applied:
        """Stamp, journal and carry out packed commands, and tell who is to hear of it. Raises Refusal; then nothing happened."""
        now = self.pass_time()
        if self.is_behind and self.exchange.state.schedule.next <= now:  # so that no event of theirs is taken for one of the rows'
            self.apply_at(now, vec[i64](command_row(Tick(0))))
        return self.apply_at(now, rows)

    def send(self, commands: Iterable[Command]) -> Applied:
        """Carry out commands of the host's own; their `ts` is filled in. Raises Refusal."""
        return self.carry_out(vec[i64]([value for command in commands for value in command_row(command)]))

    def send_now(self, commands: Iterable[Command]) -> Applied:
        """`send`, at the time at which the venue is: for what follows from a block, before anything else happens. Raises Refusal."""
        return self.apply_at(self.exchange.now, vec[i64]([value for command in commands for value in command_row(command)]))

    def tick(self, ns: int) -> None:
        """Let the venue's time go on by so little, for what is due then to happen before anything else does. Raises Refusal."""
        self.apply_at(self.exchange.now + ns, vec[i64](command_row(Tick(0))))

    def reasons(self, commands: Iterable[Command]) -> list[int]:
        """`send`; why each was refused, 0: it was not."""
        block = vec[i64]([value for command in commands for value in command_row(command)])
        applied = self.carry_out(block)
        return memoryview(outcomes(applied.events, applied.ends, block)).tolist()[REASON::WIDTH]

    def attach(self, world: World) -> None:
        """Let a world happen around the venue from now on. Raises Refusal."""
        opened = list(world.open())
        if opened:
            self.send(opened)
        self.world = world

    # -- time --

    def pass_time(self) -> int:
        """Let what has fallen due in the world and in the venue happen, as far as a turn goes; returns the venue's time then [ns].
        `is_behind` says whether more waits. Raises Refusal."""
        now = self.clock.now()
        self.is_behind = False
        if self._next_due() > now >= self._goal:
            self._turns = 0
            return now
        ends = self.monotonic() + PASS_NS
        while self._pass_some(now) or self._step_on(now):
            now = self.clock.now()
            if self.monotonic() > ends and (self._next_due() <= now or now < self._goal):
                self.is_behind = True
                self._slow_down()
                break
        return min(now, self.now())

    def step(self, ns: int) -> int:
        """Let a stepped clock go on, behind the steps before; the time up to where it goes [ns]. `passing` does it."""
        self._goal = max(self._goal, self.clock.now()) + ns
        return self._goal

    def _step_on(self, now: int) -> bool:
        """Let the clock go on to what is due next, so that nothing is ever late; False: it has been stepped as far as it is to go."""
        if now >= self._goal:
            return False
        self.clock.step(min(self._goal, max(now, self._next_due())) - now)
        return True

    def passing(self, until: int) -> Iterator[None]:
        """Let time pass up to `until` [ns], which the clock has reached, or is stepped to; a turn at each piece. Raises Refusal."""
        self.pass_time()
        while self.is_behind and self.exchange.now < until:
            yield
            self.pass_time()

    def now(self) -> int:
        """The venue's time [ns]: the clock's, or when the first thing is due that has not happened yet."""
        return max(self.exchange.now, min(self.clock.now(), self._next_due()))

    def as_of_now(self) -> AsOf:
        """Lets the venue be asked as of now, the time that a command would have: `with host.as_of_now():`. Nothing is written for that."""
        return self.exchange.as_of(self.now())

    def _next_due(self) -> int:
        """[ns]"""
        state, world = self.exchange.state, self.world
        due = min(state.schedule.next, self.exchange.now + MAX_TS_JUMP) if state.started else NEVER
        return int(due if world is None else min(due, world.next))

    def _pass_some(self, now: int) -> bool:
        """One piece of what is due at `now`; False: nothing is. Raises Refusal."""
        world, state = self.world, self.exchange.state
        if self._leap(now if world is None else min(now, world.next)):
            return True
        if world is not None and world.next <= now:
            self._turns += 1
            self._act(world, now)
            return True
        if state.schedule.next <= now and state.started:
            self.apply_at(now, vec[i64](command_row(Tick(0))))
            return True
        self._turns = 0
        return False

    def _act(self, world: World, now: int) -> None:
        """A turn of the world; one that fails is the last. Raises Refusal."""
        ts = world.next
        try:
            rows = vec[i64](world.act(ts))
        except Exception as error:  # the venue is whole, and goes on without
            self.world = None
            self.complaints.fault("the world around the venue, which is switched off", error)
            return
        self.apply_at(ts, rows)
        if self._turns > MAX_TURNS:
            world.next = max(world.next, min(now, ts + RARELY_NS))

    def _leap(self, ts: int) -> bool:
        """Bring a venue that has started nearer to `ts`, if there is much in between. Raises Refusal."""
        now, due = self.exchange.now, self.exchange.state.schedule.next
        if not self.exchange.state.started or ts - now <= LEAP_NS or (due > ts and ts - now <= MAX_TS_JUMP):
            return False
        self.apply(vec[i64](command_row(Tick(max(now + LEAP_NS, min(due, now + MAX_TS_JUMP))))))
        return True

    def _slow_down(self) -> None:
        """A clock that runs faster than this machine follows is put back, so that the venue leaves nothing out and is never far behind.
        That of the world itself is not: the venue comes after it as soon as it can."""
        most = self.now() + LEAP_NS
        if self.clock.speed <= 1 or self.clock.now() <= most:
            return
        self.clock.put_back(most)
        if not self._is_slowed:
            self._is_slowed = True
            note("clock_slowed", WARNING, speed=self.clock.speed)
            speed = self.clock.speed
            self.complain(f"the clock cannot run {speed} times as fast as the world: it is slowed to what this machine does")

    def run_clock(self, speed: int) -> None:
        """Let the venue's time go on at another speed; 0: it stands."""
        self._goal = 0
        self.clock.run(speed, self.now() + LEAP_NS if self.clock.speed > 1 else None)
        self._is_slowed = False

    def apply_at(self, ts: int, rows: vec[i64]) -> Applied:
        """Stamp packed commands with a time that is not before the venue's, and carry them out. Raises Refusal."""
        stamp(rows, max(ts, self.exchange.now))
        return self.apply(rows)
