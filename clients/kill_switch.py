"""A kill switch: it looks at an account, and when too much is lost, prices stand still or the connection breaks, it cancels all orders and,
if wanted, closes all positions. Where positions stay, stops and whatever else can only reduce them stay as well. Once it has tripped it
stays so, and goes on cancelling, until it is reset by hand.

Rules: `look`, `heard` and `trip` decide, and know no client; `check` and `watch` are programs that ask and act, over any client
(`run(client, switch.watch(client))`). While it is armed it renews the venue's dead man's switch, so that orders go as well where this
program is what has died. Nothing it sends opens a position. Once it has tripped nothing that a venue says keeps it from trying the rest:
what could not be done is told. What an account shows is believed, not what the reply to an order says.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from perplab.exchange.codes import AccountMode, OrderType, Side
from perplab.exchange.units import SECOND_NS

from . import types as t
from .blocking import Shared
from .carrying import Program, ask, insist, wait
from .errors import ClientError, Closed, Refused, TimedOut
from .queued import carried_out, settled
from .units import WIDE, Number, exact, plural
from .worth import asset_of, seen_worth

NONE: Final = Decimal(0)
BP: Final = Decimal("0.0001")
TRIES: Final = 10  # rounds in which nothing could be closed, after which it says so instead
MOST_ROUNDS: Final = 10_000  # of slices, however small: hours, after which something else is wrong
REFUSALS: Final = 5  # looks in a row that the venue refuses, after which it is blind and trips; one may be for too many requests
PATIENCE_S: Final = 60.0  # of the venue's time, for what waits for its turn
LOOKS: Final = 10  # at orders that come in behind a cancel, after which it says so instead


class Stopped(Struct, frozen=True, kw_only=True):
    """What a switch has done. Where `orders` or `positions` are left, `did` says why."""

    why: str  # it has tripped; "": it was disarmed, or its client closed, which `did` says
    ts: int  # [ns] of the venue, when it has
    equity: Decimal | None  # [USD] that the account had then, in all
    did: tuple[str, ...]
    orders: int | None  # that are open, without what was kept since it can only reduce; None: not known, the venue could not be asked
    positions: tuple[t.Position, ...] | None  # that are open


class KillSwitch:
    """Trips when equity is `max_loss` [USD] below that of the first look, or `max_drawdown` [USD] below its highest; when none of the
    prices of `markets` has changed for `stale_s` of the venue's time; when the connection is lost (`on_disconnect`); when the venue
    refuses to be asked; and by `trip`. None: not for this. Equity is all that the account has in `asset`, which has to be said where a
    venue has several: margin of isolated positions, coins in full and liquidity included (`worth`).

    `dead_man_s`: orders are cancelled by the venue itself if nobody looks for so long. `flatten`: close positions too, in market orders of
    at most `slice_usd` each, `every_s` apart, within `slippage_bp` of the mark. `retry_s`: what is left then, since a market is halted or
    its book is empty, `watch` tries again so much later, until nothing is or it is disarmed; None: it returns. `on_trip` is called once,
    with the reason: to stop what else trades; what it raises is told in `did`. A deposit counts as a gain: `reset` after one.
    """

    def __init__(
        self, *, max_loss: Number | None = None, max_drawdown: Number | None = None, markets: Sequence[str] = (),
        stale_s: float | None = None, on_disconnect: bool = True, dead_man_s: float | None = None, flatten: bool = False,
        slice_usd: Number | None = None, every_s: float = 1.0, slippage_bp: Number = 100, on_trip: Callable[[str], object] | None = None,
        asset: str | None = None, retry_s: float | None = None,
    ) -> None:  # fmt: skip
        self.max_loss = None if max_loss is None else exact(max_loss, "the largest loss")
        self.max_drawdown = None if max_drawdown is None else exact(max_drawdown, "the largest drawdown")
        self.markets, self.stale_s, self.dead_man_s = tuple(markets), stale_s, dead_man_s
        self.on_trip, self.asset = on_trip, asset
        self.on_disconnect, self.flatten, self.every_s = on_disconnect, flatten, every_s
        self.slice_usd = None if slice_usd is None else exact(slice_usd, "a slice")
        self.slippage_bp = exact(slippage_bp, "the slippage")
        if stale_s is not None and not markets:
            raise ValueError("say whose prices are stale after stale_s: markets=")
        if dead_man_s is not None and dead_man_s <= every_s:
            raise ValueError(f"dead_man_s is {dead_man_s:g}; it is renewed every {every_s:g} s (every_s), so expected more than that")
        if retry_s is not None and not 0 < retry_s < math.inf:
            raise ValueError(f"retry_s is {retry_s:g}; expected more than 0, or None")
        self.retry_s = retry_s
        if any(amount is not None and amount <= 0 for amount in (self.max_loss, self.max_drawdown, self.slice_usd)):
            raise ValueError("max_loss, max_drawdown and slice_usd are amounts above 0, or None")
        self.is_disarmed = False
        self._has_looked = False
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
        self._refused = 0  # looks in a row
        self._trouble: list[str] = []  # with its own alarm

    def trip(self, why: str, ts: int = 0) -> None:
        """Stop everything, from now on. The first reason stays."""
        if not self.why:
            self.why, self.tripped_at = why, ts or self._looked
            if self.on_trip is not None:
                try:
                    self.on_trip(why)
                except Exception as error:  # an alarm that fails must not keep it from acting
                    self._trouble.append(f"on_trip has raised {type(error).__name__}: {error}")

    def look(self, now: int, equity: Decimal, prices: object = None) -> str:
        """At venue's time `now` [ns], with all that the account has [USD] and whatever changes when prices do. Why it has tripped; "": it
        has not."""
        if self.why:
            return self.why
        if self._first is None or self._peak is None:
            self._first = self._peak = equity
            self._looked, self._prices, self._changed = now, prices, now
        if now < self._looked:  # the venue's clock was set back
            self._looked = self._changed = now
        if prices != self._prices:
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
        """End `watch` at its next look without having tripped; it takes the venue's dead man's switch back."""
        self.is_disarmed = True

    def watch(self, client: Shared) -> Program[Stopped]:
        """Look, `every_s` apart, until it trips or is disarmed; then do what is to be done, with `retry_s` until it is. It ends without
        having tripped, too, when its client is closed."""
        self.is_disarmed = False
        did: tuple[str, ...] = ()
        last: Stopped | None = None
        try:
            with client.listening(self.heard):
                while not self.is_disarmed:
                    done = yield from self.check(client)
                    if done is not None:
                        did = done.did if self.retry_s is None else tuple(dict.fromkeys((*did, *done.did)))  # each once: halts are long
                        last = replace(done, did=did)
                        if self.retry_s is None or not self._is_left(done):
                            return last
                    yield from wait(self.every_s if done is None or self.retry_s is None else self.retry_s)
            if last is not None:
                return last
            if self.dead_man_s is not None:
                yield from insist(client, client.calls.cancel_all_after(0))
        except Closed as error:
            rest = "" if self.dead_man_s is None else f"; the venue cancels all orders {self.dead_man_s:g} s after the last look"
            if last is not None:
                return replace(last, did=(*did, str(error)))
            did = (f"{error}{rest}",)
        return Stopped(why="", ts=0, equity=self.equity, did=did, orders=None, positions=None)

    def _is_left(self, done: Stopped) -> bool:
        """Is there still something to do, or not known?"""
        return done.orders != 0 or (self.flatten and done.positions != ())

    def check(self, client: Shared) -> Program[Stopped | None]:
        """One look; None: all is well. Once it has tripped: cancel and close, again each time that it is called.

        Raises Closed, which is no reason to trip; Refused when the very first look is, and ValueError where the asset has to be said:
        that is how it was set up."""
        try:
            if not self.why:
                yield from self._look(client)
                self._has_looked, self._refused = True, 0
        except Closed:
            raise
        except Refused as error:
            self._refused += 1
            if not self._has_looked:
                raise
            if self._refused >= REFUSALS:
                self.trip(f"the venue has refused {REFUSALS} looks in a row: {error}")
        except ClientError as error:  # not even a question is answered
            self.trip(f"the venue cannot be reached: {error}")
        return (yield from self._stop(client)) if self.why else None

    def _look(self, client: Shared) -> Program[None]:
        asset = asset_of(client.venue, self.asset, "equity")
        prices = []
        for market in self.markets:
            prices.append((yield from insist(client, client.calls.ticker(market))))
        account = yield from insist(client, client.calls.account())
        equity = yield from seen_worth(client, account, asset)
        now = yield from insist(client, client.calls.ping())
        if equity is not None:
            self.look(now, equity, prices)
        else:
            self.trip(f"the venue does not say what the account has in {asset}", now)
        if self.dead_man_s is not None and not self.why:
            yield from insist(client, client.calls.cancel_all_after(self.dead_man_s))

    def _stop(self, client: Shared) -> Program[Stopped]:
        did = list(self._trouble)
        try:
            return (yield from self._cancel_and_close(client, did))
        except ClientError as error:
            left = f"the venue cancels all orders {self.dead_man_s:g} s after the last look" if self.dead_man_s else "orders may be open"
            did.append(f"could not go on, {left}: {error}")
            return Stopped(why=self.why, ts=self.tripped_at, equity=self.equity, did=tuple(did), orders=None, positions=None)

    def _cancel_and_close(self, client: Shared, did: list[str]) -> Program[Stopped]:
        account = yield from insist(client, client.calls.account())
        waiting, reducing = yield from self._waiting(client)
        kept = {order.order_id for order in account.orders if order.reduce_only}
        # what can only reduce stays where positions do; on a venue that does not tell the account's mode it cannot be spared
        spares = not self.flatten and bool(kept or reducing) and account.mode in (AccountMode.NORMAL, AccountMode.REDUCE_ONLY)
        account = yield from self._cancel(client, account, did, spares)
        for name, ids in waiting.items():
            before = ids - reducing if spares else ids
            if before:
                left = (yield from self._waiting(client))[0].get(name)
                gone = "it is not known how many" if left is None else str(len(before - left))
                did.append(f"cancelled {gone} of {len(before)} {name}")
        if spares:
            did.append(f"kept {len(kept)} orders and {len(reducing)} triggers or TWAPs that can only reduce")
        if self.flatten and account.positions:
            account = yield from self._flatten(client, account, did)
            if _orders(account):  # placed while it closed
                account = yield from self._cancel(client, account, did, spares)
        open_orders = len(_going(account, spares)) + account.more
        return Stopped(
            why=self.why, ts=self.tripped_at, equity=self.equity, did=tuple(did), orders=open_orders, positions=account.positions
        )

    def _cancel(self, client: Shared, account: t.Account, did: list[str], spares: bool) -> Program[t.Account]:
        """Cancel all orders, or all but those that can only reduce, and look again until there are none, or none that a cancel takes: what
        was on its way is placed behind the first one."""
        mode = account.mode
        seen = left = _going(account, spares)
        why = ""
        for look in range(LOOKS):
            if look > 1:  # the second time at once; who then still places is not in flight, but goes on
                yield from wait(self.every_s)
            before = left
            try:
                queued = yield from self._send_cancel(client, mode if spares else None)
                if queued is not None and not (yield from carried_out(client, queued.ticket, patience_s=PATIENCE_S)):
                    why = f": the last one still waits for its turn after {PATIENCE_S:g} s"
            except Refused as error:
                why = f": {error}"
            account = yield from insist(client, client.calls.account())
            left = _going(account, spares)
            seen = seen | left
            if not (left or account.more) or (left <= before and not account.more):  # what has outlived a cancel outlives the next
                break
        did.append(f"cancelled {len(seen - left)} of {len(seen)} orders")
        if left or account.more:
            markets = ", ".join(sorted({order.market for order in account.orders if order.order_id in left}))
            where = f" in {markets}" if markets else ""
            open_orders = plural(len(left) + account.more, "order is", "orders are")
            did.append(f"{open_orders} still open{where} after {look + 1} of {LOOKS} cancels{why}")
        return account

    def _send_cancel(self, client: Shared, mode: AccountMode | None) -> Program[t.Queued | None]:
        """Cancel all; or, given the account's mode, what may open a position: as the venue's own kill switch does it, which is then put
        back. Where this program dies in between, the account only reduces from then on."""
        if mode is None:
            sent = yield from insist(client, client.calls.cancel_all(None))
            return sent if isinstance(sent, t.Queued) else None
        queued = yield from insist(client, client.calls.set_account_mode(AccountMode.REDUCE_ONLY))
        if mode == AccountMode.NORMAL:
            queued = yield from insist(client, client.calls.set_account_mode(mode))
        return queued

    def _waiting(self, client: Shared) -> Program[tuple[dict[str, set[int]], set[int]]]:
        """The ids of triggers and TWAPs, which go with the orders, and those of them that can only reduce. Asked once: nothing where the
        venue does not say, for this must keep it from nothing."""
        try:
            triggers = yield from ask(client, client.calls.triggers())
            twaps = yield from ask(client, client.calls.twaps())
        except ClientError:
            return {}, set()
        reducing = {number for number, trigger in triggers.items.items() if trigger.reduce_only}
        reducing |= {number for number, twap in twaps.items.items() if twap.reduce_only}
        return {"triggers": set(triggers.items), "TWAPs": set(twaps.items)}, reducing

    def _flatten(self, client: Shared, account: t.Account, did: list[str]) -> Program[t.Account]:
        """Close positions, a slice of each at a time, until there are none or they get no smaller."""
        vain, why, least = 0, "", {one.market: abs(one.size) for one in account.positions}
        for _ in range(MOST_ROUNDS):
            why = "the book is empty"
            for position in account.positions:
                order = yield from self._slice(client, position)
                try:
                    closed = yield from insist(client, client.calls.place(order))
                    closed = yield from settled(client, closed, PATIENCE_S)
                except Refused as error:
                    why = str(error)
                    continue
                except TimedOut as error:  # it closes the position when its turn has come; another would only wait behind it
                    why, vain = str(error), TRIES
                    continue
                if closed.filled:
                    why = "the venue says that it has traded, but not that the position is smaller"
                    verb = "sold" if position.size > 0 else "bought"
                    did.append(f"{verb} {closed.filled.normalize():f} of {abs(position.size).normalize():f} {position.market}")
            account = yield from insist(client, client.calls.account())
            now = {one.market: abs(one.size) for one in account.positions}
            is_smaller = any(now.get(market, NONE) < size for market, size in least.items())
            least = {market: min(size, least.get(market, size)) for market, size in now.items()}
            vain = 0 if is_smaller else vain + 1
            if not account.positions or vain >= TRIES:
                break
            yield from wait(self.every_s)
        if account.positions:
            did.append(f"could not close {', '.join(one.market for one in account.positions)}: {why}")
        return account

    def _slice(self, client: Shared, position: t.Position) -> Program[t.NewOrder]:
        """A reduce-only market order for part of a position, or all of it."""
        terms = client.venue.market(position.market)
        ticker = yield from insist(client, client.calls.ticker(position.market))
        side, lots = Side.SELL if position.size > 0 else Side.BUY, terms.whole_lots(abs(position.size))
        if self.slice_usd is not None:
            value = ticker.mark or ticker.last or ticker.oracle or abs(position.entry_price)
            lots = min(lots, max(1, terms.whole_lots(WIDE.divide(self.slice_usd, value)) if value else 1))
        if ticker.mark is None:
            return t.NewOrder(terms.name, side, terms.size(lots), None, OrderType.MARKET, reduce_only=True)
        factor = 1 + (self.slippage_bp if side is Side.BUY else -self.slippage_bp) * BP
        worst = terms.price(terms.ticks_near(WIDE.multiply(ticker.mark, factor), up=side is Side.SELL))
        return t.NewOrder(terms.name, side, terms.size(lots), worst, OrderType.MARKET, reduce_only=True)


def _orders(account: t.Account) -> int:
    """How many are open, those included that did not fit the message."""
    return len(account.orders) + account.more


def _going(account: t.Account, spares: bool) -> set[int]:
    """The ids of orders that a cancel is for: all, or those that may open a position."""
    return {order.order_id for order in account.orders if not (spares and order.reduce_only)}
