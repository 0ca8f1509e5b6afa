"""What a bot is: a sans-IO state machine between a view of the venue and commands to it.

Rules: a bot never waits, reads a clock, touches a socket or owns a random generator; what is random about it was drawn before it
was made. Whoever carries it (in perplab the lab's event loop) calls it, stamps the `ts` of its commands on arrival, and wakes it
when it asked to be woken. Prices are ticks, sizes lots, money micro-units, times ns; ratios are floats and only decide
what to ask of the venue, which computes in integers alone.
"""

from __future__ import annotations

from functools import lru_cache
from typing import ClassVar, Final, TypeAlias

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from perplab.exchange.messages import ROW, CancelAll, CancelClient, Command, Event, Place, column_of, command_row
from perplab.exchange.units import PPM

Rows: TypeAlias = NDArray[np.int64]  # packed commands, shape (n, 16), `ts` left 0
Ints: TypeAlias = NDArray[np.int64]  # one number per entry, shape (n,)
Floats: TypeAlias = NDArray[np.float64]
Action: TypeAlias = tuple[Rows, int | None]  # commands now, and when to be woken [ns]; a pending wake-up that is earlier stays

NOTHING: Final[Rows] = np.zeros((0, ROW), dtype=np.int64)
NOTHING.flags.writeable = False


class Offer(Struct, frozen=True, gc=False):
    """An open auction: what is left of an account, and what taking all of that would gain at the moment."""

    auction: int
    notional: int  # [micro] at the mark, of what is still offered
    gain: int  # [micro] against the mark, payment included; below zero before the discount begins
    lots: int  # [lots] what all of that adds to the bidder's position, signed


def share_of(lots: int, share_ppm: int) -> int:
    """That share of a signed number of lots, rounded away from zero, as an auction rounds what changes hands."""
    part = -(-abs(lots) * share_ppm // PPM)
    return part if lots > 0 else -part


class View(Struct, frozen=True, gc=False):
    """What one agent sees when it is called: public data of its market, its own account, and the outside world's price."""

    bid: int  # [ticks] best bid, of book and curve, 0: none
    ask: int  # [ticks] best ask, 0: none
    last: int  # [ticks] of the last trade, 0: none yet
    mark: int  # [ticks] 0: none yet
    oracle: int  # [ticks] 0: none yet
    outside: float  # [ticks] the true price, as late as this agent hears of it
    size: int  # [lots] own position, signed
    equity: int  # [micro]
    maintenance: int  # [micro]
    offers: tuple[Offer, ...] = ()  # open auctions, for bots that set `sees_offers`
    waiting: int = 0  # own commands that the venue lets wait for their turn


class Seat(Struct, frozen=True, gc=False):
    """Where a bot sits: its account, its market, and the market's scale."""

    account: int
    market: int
    unit: int  # [micro] per tick x lot

    def lots(self, money: float, price: float) -> int:
        """Whole lots that `money` [micro] buys at `price` [ticks]; 0 for nothing or less."""
        return max(0, int(money / (price * self.unit)))

    def notional(self, lots: int, price: float) -> float:
        """Value of `lots` at `price` [ticks], signed like `lots`. [micro]"""
        return lots * price * self.unit


class Bot:
    """Base of all bots: does nothing, ever. The three calls return commands and the next wake-up.

    A bot that sells one lot at the best bid, once, a second after it has joined:

        class SellOnce(Bot):
            def on_start(self, ts, view):
                return NOTHING, ts + 1_000_000_000

            def on_wake(self, ts, view):
                return pack(Place(0, self.seat.account, self.seat.market, Side.SELL, view.bid, 1)), None
    """

    hears: ClassVar[frozenset[int]] = frozenset()  # kinds of events that it is told of: see AUDIENCE in perplab.exchange.events
    sees_offers: bool = False

    def __init__(self, seat: Seat) -> None:
        self.seat = seat

    def on_start(self, ts: int, view: View) -> Action:
        """The bot has joined the venue."""
        return NOTHING, None

    def on_event(self, ts: int, event: Event) -> Action:
        """An event of a kind in `hears` became known to the bot."""
        return NOTHING, None

    def on_wake(self, ts: int, view: View) -> Action:
        """The time that it asked for has come."""
        return NOTHING, None


def pack(*commands: Command) -> Rows:
    """Typed commands as rows; make them with `ts` 0."""
    return np.array([command_row(command) for command in commands], dtype=np.int64).reshape(-1, ROW)


def pack_many(command: type[Command], count: int, **values: int | Ints) -> Rows:
    """`count` commands of one kind as rows. A field is one number or int64 (count,); `ts` is 0 unless given. TypeError for a wrong name."""
    one = command(**{"ts": 0, **{name: value if isinstance(value, int) else 0 for name, value in values.items()}})
    rows = np.repeat(pack(one), count, axis=0)
    for name, value in values.items():
        rows[:, column_of(command, name)] = value
    return rows


def replace_quotes(seat: Seat, quotes: Rows) -> Rows:
    """Cancel all the account has resting in the market, then place `quotes`."""
    return np.concatenate([_cancel_all(seat), quotes])


@lru_cache(maxsize=1024)
def _cancel_all(seat: Seat) -> Rows:
    """Packed once: it is sent with every replacement."""
    return pack(CancelAll(0, seat.account, seat.market))


class Quotes:
    """What an account rests in its market, replaced as a whole: by one cancel of all, or where commands wait and a block carries out its
    cancels behind its quotes, by a cancel of each old one, since a cancel of all would take the new ones with it."""

    def __init__(self, seat: Seat, one_by_one: bool = False) -> None:
        self.seat = seat
        self.one_by_one = one_by_one
        self._old = (0, 0)  # client ids of what was sent last: first and end

    def replaced_by(self, quotes: Rows) -> Rows:
        """Commands that cancel the old ones and place these."""
        if not self.one_by_one:
            return replace_quotes(self.seat, quotes)
        first, end = self._old
        self._old = (end, end + len(quotes))
        named = quotes.copy()
        named[:, column_of(Place, "client_hi")] = 1
        named[:, column_of(Place, "client_lo")] = np.arange(*self._old)
        old = np.arange(first, end)
        return np.concatenate([pack_many(CancelClient, old.size, account=self.seat.account, client_hi=1, client_lo=old), named])
