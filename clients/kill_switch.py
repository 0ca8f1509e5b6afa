"""A kill switch: it looks at an account, and when too much is lost, prices stand still or the connection breaks, it cancels all orders and,
if wanted, closes all positions. Once it has tripped it stays so, and goes on cancelling, until it is reset by hand.

Rules: `look`, `heard` and `trip` decide, and know no client; `check` and `watch` are programs that ask and act, over any client
(`run(client, switch.watch(client))`). While it is armed it renews the venue's dead man's switch, so that orders go as well where this
program is what has died. Nothing it sends opens a position.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final

from msgspec import Struct

from perplab.exchange.codes import OrderType, Side
from perplab.exchange.units import SECOND_NS

from . import types as t
from .blocking import Shared
from .carrying import Program, insist, wait
from .errors import ClientError, Refused
from .units import WIDE, Number, exact

BP: Final = Decimal("0.0001")
TRIES: Final = 10  # rounds in which nothing could be closed, after which it says so instead


class Stopped(Struct, frozen=True, kw_only=True):
    """What a switch has done. Where `orders` or `positions` are left, `did` says why."""

    why: str  # it has tripped; "": it was disarmed
    ts: int  # [ns] of the venue, when it has
    equity: Decimal | None  # [USD] then
    did: tuple[str, ...]
    orders: int | None  # that are open; None: not known, since the venue could not be asked
    positions: tuple[t.Position, ...] | None  # that are open


class KillSwitch:
    """Trips when equity, of the first asset, is `max_loss` [USD] below that of the first look, or `max_drawdown` [USD] below its highest;
    when none of the prices of `markets` has changed for `stale_s` of the venue's time; when the connection is lost (`on_disconnect`); and
    by `trip`. None: not for this.

    `dead_man_s`: orders are cancelled by the venue itself if nobody looks for so long. `flatten`: close positions too, in market orders of
    at most `slice_usd` each, `every_s` apart, within `slippage_bp` of the mark. `on_trip` is called once, with the reason: to stop what
    else trades. A deposit counts as a gain: `reset` after one.
    """

    def __init__(
        self, *, max_loss: Number | None = None, max_drawdown: Number | None = None, markets: Sequence[str] = (),
        stale_s: float | None = None, on_disconnect: bool = True, dead_man_s: float | None = None, flatten: bool = False,
        slice_usd: Number | None = None, every_s: float = 1.0, slippage_bp: Number = 100, on_trip: Callable[[str], object] | None = None,
    ) -> None:  # fmt: skip
        self.max_loss = None if max_loss is None else exact(max_loss, "the largest loss")
        self.max_drawdown = None if max_drawdown is None else exact(max_drawdown, "the largest drawdown")
        self.markets, self.stale_s, self.dead_man_s = tuple(markets), stale_s, dead_man_s
        self.on_trip = on_trip
        self.on_disconnect, self.flatten, self.every_s = on_disconnect, flatten, every_s
        self.slice_usd = None if slice_usd is None else exact(slice_usd, "a slice")
        self.slippage_bp = exact(slippage_bp, "the slippage")
        if stale_s is not None and not markets:
            raise ValueError("say whose prices are stale after stale_s: markets=")
        if dead_man_s is not None and dead_man_s <= every_s:
            raise ValueError(f"dead_man_s is {dead_man_s:g}; it is renewed every {every_s:g} s (every_s), so expected more than that")
        if any(amount is not None and amount <= 0 for amount in (self.max_loss, self.max_drawdown, self.slice_usd)):
            raise ValueError("max_loss, max_drawdown and slice_usd are amounts above 0, or None")
        self.is_disarmed = False
        self.reset()

    # -- what it decides ---------------------------------------------------------------------------------------------------------

    def reset(self) -> None:
        """Arm it, by hand: the next look is the first."""
        self.why = ""  # it has tripped; "": it has not
        self.tripped_at = 0  # [ns]
        self.equity: Decimal | None = None  # [USD] of the last look while it was armed
        self._first: Decimal | None = None
        self._peak: Decimal | None = None
        self._looked = self._changed = 0  # [ns] when last, and when prices last were others
        self._prices: object = None

    def trip(self, why: str, ts: int = 0) -> None:
        """Stop everything, from now on. The first reason stays."""
        if not self.why:
            self.why, self.tripped_at = why, ts or self._looked
            if self.on_trip is not None:
                self.on_trip(why)

    def look(self, now: int, equity: Decimal, prices: object = None) -> str:
        """At venue's time `now` [ns], with the account's equity [USD] and whatever changes when prices do. Why it has tripped; "": it has
        not."""
        if self.why:
            return self.why
        if self._first is None or self._peak is None:
            self._first = self._peak = equity
            self._looked = now
        if prices != self._prices or not self._changed:
            self._prices, self._changed = prices, now
        self._peak = max(self._peak, equity)
        why = self._verdict(now, equity)
        self.equity, self._looked = equity, now
        if why:
            self.trip(why, now)
        return self.why

    def _verdict(self, now: int, equity: Decimal) -> str:
        assert self._first is not None and self._peak is not None
        if self.max_loss is not None and self._first - equity >= self.max_loss:
            return f"{self._first - equity:f} USD were lost since the first look; the limit is {self.max_loss:f}"
        if self.max_drawdown is not None and self._peak - equity >= self.max_drawdown:
            return f"equity is {self._peak - equity:f} USD below its highest; the limit is {self.max_drawdown:f}"
        if self.stale_s is not None and now - self._changed > self.stale_s * SECOND_NS:
            return f"prices of {', '.join(self.markets)} have stood still for {(now - self._changed) / SECOND_NS:g} s"
        if self.dead_man_s is not None and now - self._looked > self.dead_man_s * SECOND_NS:
            return f"nobody has looked for {(now - self._looked) / SECOND_NS:g} s: the venue has cancelled all orders"
        return ""

    def heard(self, event: t.Event) -> None:
        """An event of the client's."""
        if self.on_disconnect and isinstance(event, t.Disconnected):
            self.trip(f"the connection was lost: {event.why}")
        elif isinstance(event, t.Rewound) and not self.why:
            self.reset()  # another equity, at another time

    # -- what it does ------------------------------------------------------------------------------------------------------------

    def disarm(self) -> None:
        """End `watch` without having tripped."""
        self.is_disarmed = True

    def watch(self, client: Shared) -> Program[Stopped]:
        """Look, `every_s` apart, until it trips or is disarmed; then do what is to be done."""
        self.is_disarmed = False
        with client.listening(self.heard):
            while not self.is_disarmed:
                done = yield from self.check(client)
                if done is not None:
                    return done
                yield from wait(self.every_s)
        if self.dead_man_s is not None:
            yield from insist(client, client.calls.cancel_all_after(0))
        return Stopped(why="", ts=0, equity=self.equity, did=(), orders=None, positions=None)

    def check(self, client: Shared) -> Program[Stopped | None]:
        """One look; None: all is well. Once it has tripped: cancel and close, again each time that it is called."""
        try:
            if not self.why:
                yield from self._look(client)
        except Refused:
            raise
        except ClientError as error:  # not even a question is answered
            self.trip(f"the venue cannot be reached: {error}")
        return (yield from self._stop(client)) if self.why else None

    def _look(self, client: Shared) -> Program[None]:
        if self.dead_man_s is not None:
            yield from insist(client, client.calls.cancel_all_after(self.dead_man_s))
        prices = []
        for market in self.markets:
            prices.append((yield from insist(client, client.calls.ticker(market))))
        account = yield from insist(client, client.calls.account())
        now = yield from insist(client, client.calls.ping())
        self.look(now, account.balances[0].equity, prices)

    def _stop(self, client: Shared) -> Program[Stopped]:
        did: list[str] = []
        try:
            return (yield from self._cancel_and_close(client, did))
        except Refused:
            raise
        except ClientError as error:
            left = f"the venue cancels all orders {self.dead_man_s:g} s after the last look" if self.dead_man_s else "orders may be open"
            did.append(f"could not go on, {left}: {error}")
            return Stopped(why=self.why, ts=self.tripped_at, equity=self.equity, did=tuple(did), orders=None, positions=None)

    def _cancel_and_close(self, client: Shared, did: list[str]) -> Program[Stopped]:
        before = yield from insist(client, client.calls.account())
        yield from insist(client, client.calls.cancel_all(None))
        account = yield from insist(client, client.calls.account())
        gone = len(before.orders) - len(account.orders)
        did.append(f"cancelled {max(0, gone)} of {len(before.orders)} orders")
        if self.flatten and account.positions:
            account = yield from self._flatten(client, account, did)
        return Stopped(
            why=self.why, ts=self.tripped_at, equity=self.equity, did=tuple(did), orders=len(account.orders), positions=account.positions
        )

    def _flatten(self, client: Shared, account: t.Account, did: list[str]) -> Program[t.Account]:
        """Close positions, a slice of each at a time, until there are none or no more can be closed."""
        vain, why = 0, "the book is empty"
        while account.positions and vain < TRIES:
            filled = False
            for position in account.positions:
                order = yield from self._slice(client, position)
                try:
                    closed = yield from insist(client, client.calls.place(order))
                except Refused as error:
                    why = str(error)
                    continue
                if closed.filled:
                    filled = True
                    verb = "sold" if position.size > 0 else "bought"
                    did.append(f"{verb} {closed.filled.normalize():f} of {abs(position.size).normalize():f} {position.market}")
            vain = 0 if filled else vain + 1
            account = yield from insist(client, client.calls.account())
            if account.positions:
                yield from wait(self.every_s)
        if account.positions:
            did.append(f"could not close {', '.join(one.market for one in account.positions)}: {why}")
        return account

    def _slice(self, client: Shared, position: t.Position) -> Program[t.NewOrder]:
        """A reduce-only market order for part of a position, or all of it."""
        terms = client.venue.market(position.market)
        ticker = yield from insist(client, client.calls.ticker(position.market))
        side, lots = Side.SELL if position.size > 0 else Side.BUY, terms.whole_lots(abs(position.size))
        if ticker.mark is None:
            return t.NewOrder(terms.name, side, terms.size(lots), None, OrderType.MARKET, reduce_only=True)
        if self.slice_usd is not None:
            lots = min(lots, max(1, terms.whole_lots(WIDE.divide(self.slice_usd, ticker.mark))))
        factor = 1 + (self.slippage_bp if side is Side.BUY else -self.slippage_bp) * BP
        worst = terms.price(terms.ticks_near(WIDE.multiply(ticker.mark, factor), up=side is Side.SELL))
        return t.NewOrder(terms.name, side, terms.size(lots), worst, OrderType.MARKET, reduce_only=True)
