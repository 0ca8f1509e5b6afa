"""The venue and all who are connected to it, without I/O: commands in, replies and events out to sessions. Shells carry the bytes.

Order: what one read of a connection holds is carried out as one block, journaled before it is carried out, and answered after. Private
events go out with it; market data when the shell says that it is time to (`flush`).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from logging import ERROR, INFO, WARNING
from typing import Final

from librt.vecs import vec
from mypy_extensions import i64

from ..blocks import Applied
from ..engine import Exchange
from ..journal import JournalFailed
from ..schema.codes import FIRST_USER, AccountKind, Reason
from ..schema.messages import MAX_SUPPLY, MAX_TS_JUMP, Command, Debit, Deposit, OpenAccount, Tick, VenueBroken, command_row
from ..state.types import MAX_FLOW, NEVER
from .agenda import Agenda, Later
from .clock import Clock
from .complaints import Complaints
from .debits import liquidating
from .errors import REASON_TEXT, Refusal, Rejected, Trouble
from .faults import Faults
from .limits import Limits
from .log import note
from .memory import Memories
from .moments import Moments
from .people import Key, People, User
from .requests import RowMaker
from .routing import REASON, WIDTH, Ring, Router, outcomes, stamp
from .store import RECENT, Store
from .streams import LISTED, ROW, Streams
from .surroundings import Listener, World
from .unfinished import Unfinished

PASS_NS: Final = 5_000_000  # of work, after which what is due waits for the next call of `pass_time`: others wait meanwhile
LEAP_NS: Final = 60_000_000_000  # of the venue's time in one piece, where much is due: some milliseconds of work
MAX_TURNS: Final = 64  # that a world which is late takes one by one; then it leaves out some, but never for longer than
RARELY_NS: Final = 600_000_000_000  # of the venue's time
RING_EVENTS: Final = RECENT  # that a reconnecting client may ask for again: 16 MiB, as many as a start hands on


class Host:
    """Sessions call `carry_out`; shells call `flush`, `pass_time` and `beat`. Single-threaded, like the venue."""

    def __init__(
        self,
        exchange: Exchange,
        clock: Clock,
        *,
        monotonic: Callable[[], int],
        limits: Limits | None = None,
        trust: bool = False,
        token: Callable[[int], str] = secrets.token_hex,
        complain: Callable[[str], None] = lambda text: None,
        store: Store | None = None,
        kept: dict[int, str] | None = None,
    ) -> None:
        self.exchange = exchange
        self.clock = clock
        self.monotonic = monotonic
        self.limits = limits or Limits()
        self.trust = trust
        self.store = store  # where the venue's journal is
        self.moments = Moments(store, kept or {})
        self.commands = 0  # carried out since the start, the host's own among them
        self.first_seq = exchange.state.log.seq  # the number of the last event before the start
        self.faults: dict[str, Faults] = {}  # by user
        self.agenda = Agenda()
        self.complain = complain  # to whoever runs the server
        self.complaints = Complaints(complain)
        self._troubled = ""  # what was last complained of
        self.people = People(token, exchange.state.accounts.count)
        self.epoch = token(8)  # of the numbers of events: another one means that they began anew
        self.units = tuple(market.unit for market in exchange.design.markets)  # [micro per tick x lot]
        self.rows = RowMaker(market.name for market in exchange.design.markets)
        self.streams = Streams(exchange, self.limits.items)
        self.router = Router()
        for kind in LISTED:
            self.router.public[kind] = 1
        self.ring = Ring(RING_EVENTS, self.router)
        self.private: dict[int, list[Listener]] = {}
        self.sessions: dict[Listener, int] = {}  # and their numbers, in the order in which they came
        self.joined = 0  # sessions there were since the start
        self.world: World | None = None
        self.is_behind = False  # did something that is due have to wait?
        self._turns = 0  # that the world has taken since nothing was due
        self._is_slowed = False  # does the clock run slower than it should?
        self.unfinished = Unfinished(self.limits.unfinished_bytes)
        bounds = self.limits
        self.memories = Memories(bounds.named_sessions, bounds.remembered, bounds.remembered_bytes, bounds.remembered_in_all)

    # -- commands --

    def carry_out(self, rows: vec[i64]) -> Applied:
        """Stamp, journal and carry out packed commands, and tell who is to hear of it. Raises Refusal; then nothing happened."""
        now = self.pass_time()
        if self.is_behind and self.exchange.state.schedule.next <= now:  # so that no event of theirs is taken for one of the rows'
            self.apply_at(now, vec[i64](command_row(Tick(0))))
        return self.apply_at(now, rows)

    def _apply(self, rows: vec[i64]) -> Applied:
        try:
            applied = self.exchange.apply_block(rows, "refuse_row")
        except JournalFailed as error:
            raise Refusal(Trouble.READ_ONLY, str(error)) from error
        except VenueBroken as error:
            raise Refusal(Trouble.BROKEN, str(error)) from error
        self.commands += len(applied.ends) - len(applied.refused)
        accounts, events = self.exchange.state.accounts, applied.events
        self.people.meet(accounts.owner.__getitem__, accounts.count)
        if len(events):
            self._spread(events)
        return applied

    def send(self, commands: Iterable[Command]) -> Applied:
        """Carry out commands of the host's own; their `ts` is filled in. Raises Refusal."""
        return self.carry_out(vec[i64]([value for command in commands for value in command_row(command)]))

    def _reasons(self, commands: Iterable[Command]) -> list[int]:
        """`send`; why each was refused, 0: it was not."""
        block = vec[i64]([value for command in commands for value in command_row(command)])
        applied = self.carry_out(block)
        return memoryview(outcomes(applied.events, applied.ends, block)).tolist()[REASON::WIDTH]

    def _spread(self, events: vec[i64]) -> None:
        self.ring.add(events)
        told = self.router.route(events)
        if self.router.count:
            for account, begins in self.router.by_account().items():
                rows = [[int(value) for value in events[at : at + ROW]] for at in begins]
                for session in list(self.private[account]):
                    try:
                        session.tell_private(account, rows)
                    except Exception as error:  # whose commands these are has no part in it
                        self.blame(session, error)
        self.streams.note(events, told)

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
        if self._next_due() > now:
            self._turns = 0
            return now
        ends = self.monotonic() + PASS_NS
        while self._pass_some(now):
            if self.monotonic() > ends and self._next_due() <= now:
                self.is_behind = True
                self._slow_down()
                break
        return min(now, self.now())

    def passing(self, until: int) -> Iterator[None]:
        """Let time pass up to `until` [ns], which the clock has reached, a turn at each step. Raises Refusal."""
        self.pass_time()
        while self.is_behind and self.exchange.now < until:
            yield
            self.pass_time()

    def now(self) -> int:
        """The venue's time [ns]: the clock's, or when the first thing is due that has not happened yet."""
        return max(self.exchange.now, min(self.clock.now(), self._next_due()))

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
        self._apply(vec[i64](command_row(Tick(max(now + LEAP_NS, min(due, now + MAX_TS_JUMP))))))
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
        self.clock.run(speed, self.now() + LEAP_NS if self.clock.speed > 1 else None)
        self._is_slowed = False

    def apply_at(self, ts: int, rows: vec[i64]) -> Applied:
        """Stamp packed commands with a time that is not before the venue's, and carry them out. Raises Refusal."""
        stamp(rows, max(ts, self.exchange.now))
        return self._apply(rows)

    # -- accounts --

    def sign_up(self, name: str, scopes: Iterable[str], asset: int, amount: int) -> Key:
        """A user with an account, money in it, and a key. Raises Refusal; then there is nothing of it."""
        if self.people.is_taken(name):
            raise Refusal(Trouble.NAME_TAKEN, f"there is a user {name!r} already", field="name", given=name)
        self.refuse_beyond_supply(asset, amount)
        self.refuse_too_many_users(name)
        user = self.people.user(name)
        try:
            key = self.key_of(user, scopes)
        except Refusal:
            self.people.forget(user)
            raise
        try:
            self.open_account(user, lambda account: [Deposit(0, account, asset, amount)])
        except Refusal:
            self.people.forget(user)
            self._forget_key(key)
            raise
        return key

    def refuse_beyond_supply(self, asset: int, amount: int) -> None:
        """Raises Rejected if the venue could not count so much money."""
        deposits, withdrawals = self.exchange.deposits(asset), self.exchange.withdrawals(asset)
        if deposits - withdrawals + amount > MAX_SUPPLY or deposits + amount > MAX_FLOW:
            raise Rejected(Reason.SUPPLY_LIMIT, field="amount", given=amount)

    def refuse_too_many_users(self, name: str) -> None:
        """Raises Refusal."""
        limit = self.limits.users
        if len(self.people.users) >= limit and name not in self.people.users:
            raise Refusal(Trouble.TOO_MANY_USERS, f"this server has {limit} users, as many as it takes", limit=limit)

    def new_user(self, name: str) -> User:
        """A user with an account. Raises Refusal; then there is neither."""
        self.refuse_too_many_users(name)
        user = self.people.user(name)
        try:
            self.open_account(user)
        except Refusal:
            self.people.forget(user)
            raise
        return user

    def open_account(self, user: User, then: Callable[[int], Iterable[Command]] = lambda account: ()) -> int:
        """A new account of a user; its number. `then`: what is done with it in the same block. Raises Refusal."""
        if len(user.accounts) >= self.limits.accounts:
            message = f"{user.name} has {len(user.accounts)} accounts, as many as this server gives to one"
            raise Refusal(Trouble.TOO_MANY_ACCOUNTS, message, limit=self.limits.accounts)
        account = self.exchange.state.accounts.count
        if self.store is not None and not user.accounts:
            try:
                self.store.name(user.number, user.name)
            except JournalFailed as error:
                raise Refusal(Trouble.READ_ONLY, str(error)) from error
        self.send([OpenAccount(0, AccountKind.TRADER, user.number), *then(account)])
        if self.exchange.state.accounts.count == account:
            raise Refusal(Trouble.TOO_MANY_ACCOUNTS, "the venue has as many accounts as its design allows", limit=account - FIRST_USER)
        note("account", user=user.name, account=account)
        return account

    def fund(self, account: int, asset: int, amount: int) -> None:
        """Money from nowhere. Raises Refusal."""
        (reason,) = self._reasons([Deposit(0, account, asset, amount)])
        if reason:
            raise Rejected(Reason(reason), account=account)

    def liquidate(self, account: int, market: int) -> list[Debit]:
        """Take so much from the account that the venue's rules liquidate all that it holds, or its isolated position in `market` (-1: all).
        Returns what was taken. Raises Refusal."""
        debits = list(liquidating(self.exchange, account, market))
        if not debits:
            where = "" if market < 0 else f" isolated in market {market}"
            message = f"account {account} holds nothing{where} that is above maintenance"
            raise Refusal(Trouble.NOTHING_TO_LIQUIDATE, message, field="account", given=account)
        reasons = self._reasons(debits)
        taken = [debit for debit, reason in zip(debits, reasons, strict=True) if not reason]
        if not taken:
            reason = Reason(reasons[0])
            raise Refusal(Trouble.NOTHING_TO_LIQUIDATE, f"account {account}: {REASON_TEXT[reason]}", field="account", given=account)
        return taken

    def _owners(self) -> Iterator[tuple[int, int]]:
        """(account, number of its owner) of all accounts that commands have opened."""
        accounts = self.exchange.state.accounts
        return ((account, int(accounts.owner[account])) for account in range(FIRST_USER, accounts.count))

    # -- back to an earlier state --

    def keep(self, name: str) -> tuple[int, str]:
        """Keep the state as it is; its time [ns], and the name of one that was forgotten for it, or "". Raises Refusal."""
        ts = self.pass_time()
        forgotten = self.moments.keep(name, ts, self.exchange, None if self.world is None else self.world.state())
        for session in self.sessions:
            session.keep(self.moments.numbers[name], self.moments.numbers.values())
        return ts, forgotten

    def go_back(self, name: str) -> int:
        """Let the venue, its world and its time be what they were, and a new epoch begin, which `tell_epoch` tells; that time [ns]. Raises
        Refusal, and then nothing has happened."""
        epoch = self.people.token(8)
        moment, exchange = self.moments.go_back(name, epoch)
        self.first_seq += exchange.state.log.seq - self.exchange.state.log.seq
        self.exchange = exchange
        self.epoch = epoch
        self.ring = Ring(RING_EVENTS, self.router)
        self.memories.clear()
        self.people.assign(self._owners())
        self.clock.put_back(moment.ts)
        self.is_behind, self._turns = False, 0
        world, self.world = self.world, None  # until its accounts are there
        if world is not None:
            world.go_back(exchange, moment.ts, moment.world)
            try:
                self.attach(world)
            except Refusal as error:  # the venue has gone back all the same
                self.complain(f"nothing happens around the venue any more: {error}")
            self.save_world()
        return moment.ts

    def tell_epoch(self, name: str) -> None:
        """Tell everybody that the venue has gone back, and what there is to see now."""
        notice: dict[str, object] = {
            "channel": "venue", "type": "rewound", "snapshot": name, "epoch": self.epoch, "ts": self.now(),
            "seq": self.exchange.state.log.seq,
        }  # fmt: skip
        for session in list(self.sessions):
            session.go_back(self.moments.numbers[name], notice)
        self.streams.go_back(self.exchange)

    # -- sessions --

    def join(self, session: Listener) -> int:
        """The number of the connection. Raises Refusal if there is no room."""
        if len(self.sessions) >= self.limits.connections:
            note("turned_away", WARNING, connections=len(self.sessions))
            raise Refusal(Trouble.TOO_MANY_CONNECTIONS, "this server has no room for another connection", limit=self.limits.connections)
        self.joined += 1
        self.sessions[session] = self.joined
        return self.joined

    def leave(self, session: Listener) -> None:
        self.sessions.pop(session, None)

    def listen(self, account: int, session: Listener) -> None:
        self.private.setdefault(account, []).append(session)
        self.router.listen(account, 1)

    def unlisten(self, account: int, session: Listener) -> None:
        readers = self.private[account]
        readers.remove(session)
        if not readers:
            del self.private[account]
            self.router.listen(account, 0)

    def flush(self) -> None:
        """Send market data that has changed."""
        if self.streams.is_dirty:
            self.streams.flush()

    def beat(self, turn: int = 0, turns: int = 1) -> None:
        """Once a second, or in as many turns of a second, from 0 on: a heartbeat to those who have subscribed to anything, the end of
        those who are gone. In turns, since a thousand heartbeats at once hold up everyone else."""
        now = self.monotonic()
        encoded: dict[str, bytes] = {}
        for session, number in list(self.sessions.items()):
            if number % turns == turn:
                try:
                    session.beat(now, encoded)
                except Exception as error:
                    self.blame(session, error)
        if self.store is not None and turn == 0:
            self._maintain(self.store)

    def _maintain(self, store: Store) -> None:
        """Look after the journal, and complain of what is wrong with it."""
        try:
            store.maintain(self.exchange)
            trouble = store.trouble()
        except OSError as error:
            trouble = str(error)
        if trouble or not store.is_read_only:
            self.tell_trouble(trouble)

    def unwell(self) -> str:
        """Why the venue takes no commands at the moment, or what it takes may not last; "": all is well."""
        if self.exchange.is_broken:
            return "the venue is broken: a command failed in the midst of its work"
        if self.store is None:
            return ""
        return "the journal cannot be written" if self.store.is_read_only else self.store.trouble()

    def behind_ns(self) -> int:
        """[ns] of the venue's time by which what is due is late; 0: nothing is."""
        return self.clock.now() - self.now()

    def tell_trouble(self, trouble: str) -> None:
        """Complain, once until it is over."""
        if trouble != self._troubled:
            self._troubled = trouble
            self.complain(trouble or "the journal is written again")
            note("trouble" if trouble else "trouble_over", ERROR if trouble else INFO, why=trouble or None)

    def blame(self, session: Listener, error: Exception) -> None:
        """A fault in what one connection has asked for, or is told: it ends, and nobody else."""
        self.complaints.fault("a connection, which ends", error)
        session.fail()

    def later(self, at: int, action: Callable[[], None]) -> Later:
        """Do something at a monotonic time [ns], when the shell next calls `catch_up`."""
        return self.agenda.put(at, action)

    def catch_up(self) -> None:
        """Do what was put off until now."""
        for action in self.agenda.due(self.monotonic()):
            with self.complaints.guarded("what was put off"):
                action()

    def save_world(self) -> None:
        """Write down what the world is like, for the next start. That it cannot be written is told, and keeps nothing from happening."""
        if self.store is not None and self.world is not None:
            try:
                self.store.save_world(self.world.state())
            except OSError as error:
                self.complain(f"what the world is like could not be written down: {error.strerror or error}")

    def _forget_key(self, key: Key) -> None:
        """As if a key had never been made; where that cannot be written down, it is still good for nothing."""
        del self.people.keys[key.key]
        if self.store is not None:
            with suppress(OSError):
                self.store.save_keys(self.people.keys)

    def key_of(self, user: User, scopes: Iterable[str]) -> Key:
        """A new key. Raises Refusal."""
        key = self.people.new_key(user, scopes)
        if self.store is not None:
            try:
                self.store.save_keys(self.people.keys)
            except OSError as error:
                del self.people.keys[key.key]
                raise Refusal(Trouble.READ_ONLY, f"the key could not be written down: {error.strerror}") from error
        return key

    def remember(self, names: dict[int, str], recent: Iterable[vec[i64]] = ()) -> None:
        """Users, accounts, keys and the last events as a journal leaves them."""
        assert self.store is not None
        for events in recent:
            self.ring.add(events)
        self.people.users.update({name: User(name, number, []) for number, name in sorted(names.items())})
        self.people.assign(self._owners())
        self.people.keys = {key.key: key for key in self.store.load_keys()}
        for key in self.people.keys.values():
            self.people.user(key.user)  # one without an account, such as the operator, is in the keys alone
