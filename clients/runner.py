"""Runs a bot of `bots/` over a client: what the lab's bots see and send there, they see and send over a socket, unchanged.

    runner = Runner(MarketMaker(seat(client, "BTC"), terms), outside=price)
    ran = run(client, runner)                # until runner.stop(), or for_s

The bot sees its market's ticker and its account as they are when it is called; it hears events as they come; its commands are sent packed,
and their replies are waited for. Times are the venue's, and a bot is never woken before the time that it asked for.

Rules: a command whose reply is lost is asked for and never sent again. A `Deposit`, which is the operator's, becomes a request to the
faucet. What a bot sees comes of several questions, between which the venue may go on; the lab's is of one moment.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Final

import numpy as np
from msgspec import Struct
from msgspec.structs import fields

from perplab.exchange.codes import Side, SystemAccount, enums_of
from perplab.exchange.events import AUDIENCE, EVENT_OF, AuctionEnded, AuctionStarted, Event, Traded
from perplab.exchange.messages import KIND_COLUMN, Deposit, column_of
from perplab.exchange.units import PPM, SECOND_NS

from . import types as t
from .blocking import Shared
from .bots.base import Action, Bot, Offer, Rows, Seat, View, share_of
from .calls import Call
from .calls_base import more_of
from .carrying import Program, insist, insist_all, once, wait
from .errors import Refused
from .paging import Part
from .tasks import LOOK_S, REWOUND

Wire = Mapping[str, Any]
HEAR_S: Final = 0.1  # the longest that a bot that hears events waits to hear one
MOST_ROWS: Final = 4096  # commands of one request
PUBLIC: Final = frozenset((AuctionStarted, AuctionEnded))  # what everybody hears of, as far as a stream has all of it
BY_NAME: Final = {event.__name__: event for event in EVENT_OF.values()}
CODES: Final = {event: enums_of(event) for event in EVENT_OF.values()}


class Ran(Struct, frozen=True, kw_only=True):
    """What a bot has done."""

    start: int  # [ns] of the venue
    end: int  # [ns]
    wakes: int
    events: int  # that it heard
    unread: int  # that it should have heard, and that cannot be read: a newer server's words
    commands: int  # that it sent
    refused: dict[str, int]  # how many, by reason
    queued: int  # of those commands, that had to wait for their turn; one that is refused then is counted where it is heard of
    lost: int  # whose reply never came, and of which the server knows nothing
    why: str  # it has ended


def seat(client: Shared, market: str) -> Seat:
    """Where a bot of this client sits. Raises ValueError for a market that is not known, or an account that there is not."""
    terms, account = client.venue.market(market), client.account_number
    if account is None:
        raise ValueError("this client has no account: it has not logged in")
    return Seat(account, terms.number, terms.unit)


def event_of(told: Wire) -> Event:
    """The typed event of one that the wire names."""
    kind = BY_NAME[told["type"]]
    values: dict[str, int] = {}
    for field in fields(kind):
        name, enum = field.name, CODES[kind].get(field.name)
        if name in ("client_hi", "client_lo"):
            given = told["client_id"] or 0
            number = int(given, 16) if isinstance(given, str) else int(given)
            half = number >> 64 if name == "client_hi" else number & (1 << 64) - 1
            values[name] = half - (1 << 64) if half >> 63 else half
        else:
            values[name] = int(enum[told[name]]) if enum is not None and isinstance(told[name], str) else int(told[name])
    return kind(**values)


def _type_of(told: Any) -> str:
    """The name of an event; "": it has none."""
    kind = told.get("type") if isinstance(told, Mapping) else None
    return kind if isinstance(kind, str) else ""


def trade_of(told: Wire) -> Traded:
    """A trade with the curve of the market as one with an order: for bots that know no curves. Its price is the average, rounded down."""
    price, size, fees = int(told["price"]), int(told["size"]), (int(told["taker_fee"]), -int(told["pool_fee"]))
    return Traded(
        int(told["seq"]), int(told["ts"]), int(told["market"]), price, size, int(Side[told["side"]]), int(told["taker"]),
        int(SystemAccount.CURVE), int(told["order_id"]), 0, *fees, 0, int(told["liquidation"]),
    )  # fmt: skip


def _prices(reply: Wire) -> tuple[int, int, int, int, int]:
    """Bid, ask, last, mark, oracle; 0: there is none."""
    bid, ask = (int(reply[side][0]) if reply[side] else 0 for side in ("bid", "ask"))
    return bid, ask, int(reply["last"] or 0), int(reply["mark"] or 0), int(reply["oracle"] or 0)


class Runner:
    """Carries one bot. `outside` [ticks] is the price of the outside world at a time of the venue [ns]; without it, that of the oracle.

    `for_s`: for so long of the venue's time. `log` is told the time and the rows of all that is sent. ValueError for a bot that wants to
    hear what no stream tells."""

    def __init__(
        self, bot: Bot, *, outside: Callable[[int], float] | None = None, for_s: float | None = None,
        log: Callable[[int, Rows], None] | None = None,
    ) -> None:  # fmt: skip
        unheard = [EVENT_OF[kind].__name__ for kind in bot.hears if not AUDIENCE[EVENT_OF[kind]] and EVENT_OF[kind] not in PUBLIC]
        if unheard:
            raise ValueError(f"{type(bot).__name__} wants to hear {', '.join(sorted(unheard))}, which no stream tells in full")
        self.bot, self.outside, self.for_s, self.log = bot, outside, for_s, log
        self.why = ""  # it ends; "": it goes on
        self._is_new_epoch = False  # of the venue, since the last look
        self._asset = 0  # in which its market settles
        self._waits = False  # may a command have to wait for its turn at this venue?
        self._heard: deque[Event] = deque()
        self._wake: int | None = None  # [ns] when it wants to be woken
        self._wakes = self._events = self._commands = self._queued = self._lost = 0
        self._noes: dict[int, str] = {}  # refusals that were heard of, by the numbers of their events; those that a reply has told go
        self._refused: Counter[str] = Counter()
        self._unread = 0

    def stop(self) -> None:
        """End at the next look. What rests, rests."""
        self.why = "stopped"

    def told(self, event: t.Event) -> None:
        """A venue that goes back takes along what the bot remembers of it."""
        if isinstance(event, t.Rewound):
            self.why = REWOUND
        elif isinstance(event, t.Reconnected):
            self._is_new_epoch = self._is_new_epoch or event.is_new_epoch

    def _arrived(self, before: int, now: int) -> None:
        """Time has passed. A new epoch, and an earlier time, is a way back that nobody was connected to hear of."""
        if self._is_new_epoch and now < before:
            self.why = REWOUND
        self._is_new_epoch = False

    # -- what it hears -----------------------------------------------------------------------------------------------------------

    def hear(self, message: Wire) -> None:
        """A message of a stream, as the wire has it."""
        kinds = self.bot.hears
        if message["channel"] == "private" and message["account"] == self.bot.seat.account and message["type"] == "events":
            told = message["events"]
        elif message["channel"] == "auctions" and message["type"] == "delta":
            told = [one for one in message["items"] if BY_NAME.get(_type_of(one)) in PUBLIC]
        else:
            return
        for one in told:
            try:
                self._hear(_type_of(one), one, kinds)
            except Exception:  # a newer server's word: the bot has no event for it
                self._unread += 1

    def _hear(self, name: str, one: Wire, kinds: Collection[int]) -> None:
        if self._waits and name == "Rejected":
            self._noes[one["seq"]] = str(one["reason"])
        if name in BY_NAME and BY_NAME[name].KIND in kinds:
            self._heard.append(event_of(one))
        elif name == "CurveTraded" and Traded.KIND in kinds:
            self._heard.append(trade_of(one))

    def _channels(self) -> Iterator[str]:
        """The streams that it needs."""
        kinds = [EVENT_OF[kind] for kind in self.bot.hears]
        if any(AUDIENCE[kind] for kind in kinds) or self._waits:
            yield "private"
        if any(not AUDIENCE[kind] for kind in kinds):
            yield "auctions"

    def _subscribe(self, client: Shared) -> Program[None]:
        for channel in self._channels():
            if not any(key[0] == channel for key in client.protocol.streams):
                yield from insist(client, client.calls.subscribe("private" if channel == "private" else "auctions", None))

    # -- what it sees ------------------------------------------------------------------------------------------------------------

    def _view(self, client: Shared, now: int) -> Program[View]:
        """What cannot be read of an answer is the client's to notice: so all of it is read where a reply is."""
        place = self.bot.seat
        bid, ask, last, mark, oracle = yield from insist(client, Call("ticker", {"market": place.market}, _prices))
        own = Call("account", {"account": place.account}, self._own)
        size, equity, maintenance = yield from insist(client, own)
        offers: tuple[Offer, ...] = ()
        if self.bot.sees_offers:
            found = yield from insist_all(client, lambda skip: self._auctions(skip, mark))
            offers = tuple(one for one in found if one is not None)
        outside = float(oracle) if self.outside is None else self.outside(now)
        return View(
            bid=bid, ask=ask, last=last, mark=mark, oracle=oracle, outside=outside, size=size, equity=equity, maintenance=maintenance,
            offers=offers,
        )  # fmt: skip

    def _own(self, reply: Wire) -> tuple[int, int, int]:
        """Size, equity, maintenance margin."""
        balance = reply["balances"][self._asset]
        sizes = [one["size"] for one in reply["positions"] if one["market"] == self.bot.seat.market]
        return int(sizes[0]) if sizes else 0, int(balance["equity"]), int(balance["maintenance_margin"])

    def _auctions(self, skip: int, mark: int) -> Call[Part[Offer | None]]:
        """Open auctions, as many as fit one message, behind the first `skip`."""

        def read(reply: Wire) -> Part[Offer | None]:
            return Part({one["auction"]: self._offer(one, mark) for one in reply["auctions"]}, more_of(reply))

        return Call("auctions", {"skip": skip or None}, read)

    def _offer(self, one: Wire, mark: int) -> Offer | None:
        """An auction as the lab shows it: at the mark of the bot's market. None: nothing is left of it."""
        if not one["size"]:
            return None
        notional = abs(one["size"]) * mark * self.bot.seat.unit * one["share_ppm"] // PPM
        lots = share_of(one["size"], one["share_ppm"])
        return Offer(one["auction"], notional, one["gain"] * one["share_ppm"] // PPM, lots)

    # -- what it does ------------------------------------------------------------------------------------------------------------

    def program(self, client: Shared) -> Program[Ran]:
        """Raises what a client raises, but for refusals of commands, which are counted."""
        self._asset = client.venue.numbered(self.bot.seat.market).settlement_asset
        self._waits = client.venue.sequencing.waits
        client.protocol.taps.append(self.hear)
        try:
            with client.listening(self.told):
                return (yield from self._carry(client))
        finally:
            client.protocol.taps.remove(self.hear)

    def _carry(self, client: Shared) -> Program[Ran]:
        yield from self._subscribe(client)
        start = now = yield from insist(client, client.calls.ping())
        end = None if self.for_s is None else start + round(self.for_s * SECOND_NS)
        view = yield from self._view(client, now)
        yield from self._act(client, now, self.bot.on_start(now, view))
        while not self.why and (end is None or now < end):
            yield from self._turn(client, now)
            yield from wait(self._pause(now, end))
            before, now = now, (yield from insist(client, client.calls.ping()))
            self._arrived(before, now)
        return Ran(
            start=start, end=now, wakes=self._wakes, events=self._events, unread=self._unread, commands=self._commands,
            refused=dict(self._refused + self._told_later()), queued=self._queued, lost=self._lost, why=self.why or "its time is over",
        )  # fmt: skip

    def _told_later(self) -> Counter[str]:
        """Refusals that no reply has told, by reason: of commands whose turn has come since. They count once."""
        later = Counter(self._noes.values())
        self._noes.clear()
        return later

    def _pause(self, now: int, end: int | None) -> float:
        """Until the next wake-up, or the end; but something may be heard before, or the bot be stopped. [s]"""
        due = [one for one in (self._wake, end) if one is not None]
        left = (min(due) - now) / SECOND_NS if due else LOOK_S
        return max(0.0, min(left, HEAR_S if self.bot.hears else LOOK_S))

    def _turn(self, client: Shared, now: int) -> Program[None]:
        """Tell what was heard, and wake the bot if its time has come."""
        while self._heard:
            self._events += 1
            yield from self._act(client, now, self.bot.on_event(now, self._heard.popleft()))
        if self._wake is not None and self._wake <= now:
            self._wake = None
            self._wakes += 1
            view = yield from self._view(client, now)
            yield from self._act(client, now, self.bot.on_wake(now, view))

    def _act(self, client: Shared, now: int, action: Action) -> Program[None]:
        rows, wake = action
        if wake is not None and wake <= now:
            raise ValueError(f"{type(self.bot).__name__} asked at {now} to be woken at {wake}: expected later, or None")
        if wake is not None and (self._wake is None or wake < self._wake):
            self._wake = wake
        if len(rows):
            if self.log is not None:
                self.log(now, rows)
            yield from self._send(client, rows)

    def _send(self, client: Shared, rows: Rows) -> Program[None]:
        """In the bot's order: deposits to the faucet, all between two of them together."""
        self._commands += len(rows)
        deposits = np.flatnonzero(rows[:, KIND_COLUMN] == Deposit.KIND).tolist()
        first = 0
        for number in [*deposits, len(rows)]:
            for begin in range(first, number, MOST_ROWS):
                yield from self._send_rows(client, rows[begin : min(number, begin + MOST_ROWS)])
            if number < len(rows):
                account, asset, amount = (int(rows[number, column_of(Deposit, name)]) for name in ("account", "asset", "amount"))
                call = client.calls.ask("faucet", {"account": account, "asset": asset, "amount": amount})
                try:
                    self._lost += (yield from once(client, call)) is None
                except Refused as error:
                    self._refused[error.reason] += 1
            first = number + 1

    def _send_rows(self, client: Shared, rows: Rows) -> Program[None]:
        try:
            answer = yield from once(client, client.calls.rows(rows))
        except Refused as error:  # all of them
            self._refused[error.reason] += len(rows)
            return
        if answer is None:
            self._lost += len(rows)
        else:
            self._refused.update(one.why for one in answer.rows if one.why)
            self._queued += sum(one.ticket != 0 for one in answer.rows)
            for one in answer.rows:
                self._noes.pop(one.seq, None)
            self._refused += self._told_later()
