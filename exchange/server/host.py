"""The venue and all who are connected to it, without I/O: commands in, replies and events out to sessions. Shells carry the bytes.

Order: what one read of a connection holds is carried out as one block, journaled before it is carried out, and answered after. Private
events go out with it; market data when the shell says that it is time to (`flush`).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from logging import ERROR, INFO, WARNING
from typing import Final

from librt.vecs import vec
from mypy_extensions import i64

from ..blocks import Applied
from ..engine import Exchange
from ..journal import JournalFailed, Paid
from ..schema.codes import Reason
from ..schema.messages import Debit, VenueBroken
from .agenda import Agenda, Later
from .clock import Clock
from .debits import liquidating
from .errors import REASON_TEXT, Refusal, Trouble
from .faults import FaultBook
from .history.history import History
from .limits import Limits
from .log import note
from .memory import Memories
from .moments import Moments
from .people import User
from .registrar import Registrar
from .requests import RowMaker
from .ring import Ring
from .routing import Router
from .store import RECENT, Store
from .streams import LISTED, ROW, Streams
from .surroundings import Call, Connected, Follower, Listener, Watcher
from .unfinished import Unfinished

RING_EVENTS: Final = RECENT  # that a reconnecting client may ask for again: 16 MiB, as many as a start hands on


class Host(Registrar):
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
        super().__init__(exchange, clock, monotonic, complain, limits or Limits(), token, store)
        self.trust = trust
        self.moments = Moments(store, kept or {})
        self.commands = 0  # carried out since the start, the host's own among them
        self.first_seq = exchange.state.log.seq  # the number of the last event before the start
        self.faults = FaultBook()
        self.agenda = Agenda()
        self._troubled = ""  # what was last complained of
        self.epoch = token(8)  # of the numbers of events: another one means that they began anew
        self.units = tuple(market.unit for market in exchange.design.markets)  # [micro per tick x lot]
        self.rows = RowMaker(exchange.design.markets)
        self.streams = Streams(exchange, self.limits.items)
        self.router = Router()
        for kind in LISTED:
            self.router.public[kind] = 1
        self.ring = Ring(RING_EVENTS, self.router)
        self.history = History(exchange, self.people.owners)
        self.private: dict[int, list[Listener]] = {}
        self.calls: dict[Call, None] = {}  # over HTTP, of users
        self.sessions: dict[Listener, int] = {}  # and their numbers, in the order in which they came
        self.followed: list[Follower] = []  # connections that are gone, of which something waits
        self.watchers: list[Watcher] = []
        self.joined = 0  # sessions there were since the start
        self.unfinished = Unfinished(self.limits.unfinished_bytes)
        bounds = self.limits
        self.memories = Memories(bounds.named_sessions, bounds.remembered, bounds.remembered_bytes, bounds.remembered_in_all)

    # -- commands --

    def apply(self, rows: vec[i64]) -> Applied:
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
            self._spread(events, applied.turns)
        followed, self.followed = self.followed, []
        for one in followed:
            with self.complaints.guarded("what a connection has left behind"):
                one.follow_up()
        return applied

    def _spread(self, events: vec[i64], turns: list[int]) -> None:
        self.ring.add(events, turns)
        self.history.record(events)
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

    def liquidate(self, account: int, market: int) -> list[Debit]:
        """Take so much from the account that the venue's rules liquidate all that it holds, or its isolated position in `market` (-1: all).
        Returns what was taken. Raises Refusal."""
        debits = list(liquidating(self.exchange, account, market))
        if not debits:
            where = "" if market < 0 else f" isolated in market {market}"
            message = f"account {account} holds nothing{where} that is above maintenance"
            raise Refusal(Trouble.NOTHING_TO_LIQUIDATE, message, field="account", given=account)
        reasons = self.reasons(debits)
        taken = [debit for debit, reason in zip(debits, reasons, strict=True) if not reason]
        if not taken:
            reason = Reason(reasons[0])
            raise Refusal(Trouble.NOTHING_TO_LIQUIDATE, f"account {account}: {REASON_TEXT[reason]}", field="account", given=account)
        return taken

    # -- back to an earlier state --

    def keep(self, name: str) -> tuple[int, str]:
        """Keep the state as it is; its time [ns], and the name of one that was forgotten for it, or "". Raises Refusal."""
        ts = self.pass_time()
        world = None if self.world is None else self.world.state()
        forgotten = self.moments.keep(name, ts, self.exchange, world, self.history.open_now())
        self.paid.keep(self.moments.numbers[name], set(self.moments.numbers.values()))
        for session in self.sessions:
            session.keep(self.moments.numbers[name], self.moments.numbers.values())
        return ts, forgotten

    def go_back(self, name: str) -> int:
        """Let the venue, its world and its time be what they were, and a new epoch begin, which `tell_epoch` tells; that time [ns]. Raises
        Refusal, and then nothing has happened."""
        epoch = self.people.token(8)
        moment, exchange = self.moments.go_back(name, epoch)
        self.paid.go_back(self.moments.numbers[name])
        self.first_seq += exchange.state.log.seq - self.exchange.state.log.seq
        self.exchange = exchange
        self.epoch = epoch
        self.ring = Ring(RING_EVENTS, self.router)
        self.memories.clear()
        followed, self.followed = self.followed, []
        self.people.assign(self.owners())
        self.history.begin_anew(exchange, moment.orders)
        if self.store is not None:
            self._maintain(self.store)  # another segment: a start has all that happens from here on
        self.clock.put_back(moment.ts)
        self.is_behind, self._turns, self._goal = False, 0, 0
        world, self.world = self.world, None  # until its accounts are there
        if world is not None:
            world.go_back(exchange, moment.ts, moment.world)
            try:
                self.attach(world)
            except Refusal as error:  # the venue has gone back all the same
                self.complain(f"nothing happens around the venue any more: {error}")
            self.save_world()
        for one in followed:
            with self.complaints.guarded("what waited for its turn"):
                one.give_up()
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
        for watcher in self.watchers:
            watcher.go_back()

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

    def connections(self, user: str) -> list[Connected]:
        """What there is of a user's: connections, and requests over HTTP that have no answer yet."""
        return [one for one in (*self.sessions, *self.calls) if one.is_of(user)]

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
            self._watch()

    def _watch(self) -> None:
        for watcher in self.watchers:
            with self.complaints.guarded("feeds of another API"):
                watcher.flush()

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
        if turn == 0:
            self._watch()  # what is told again and again is told of a venue where nothing happens, too
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
        return max(self._goal, self.clock.now()) - self.now()

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

    def remember(self, names: dict[int, str], recent: Iterable[vec[i64]] = (), paid: Paid | None = None) -> None:
        """Users, accounts, keys, the last events and what the faucet has paid, as a journal leaves them."""
        assert self.store is not None
        self.paid = paid or Paid()
        self.people.users.update({name: User(name, number, []) for number, name in sorted(names.items())})
        self.people.assign(self.owners())
        self.history.know(self.store.load_orders())
        for events in recent:
            self.ring.add(events, [])
            self.history.record(events)
        self.people.keys = {key.key: key for key in self.store.load_keys()}
        for key in self.people.keys.values():
            self.people.user(key.user)  # one without an account, such as the operator, is in the keys alone
