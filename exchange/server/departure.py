"""What happens to orders when a connection breaks: nothing, those that it has placed from then on are cancelled, or all of an account.
Chosen for each account by itself. Triggers, TWAPs, brackets, ladders and quotes are orders here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Final, Literal

from ..blocks import Applied
from ..schema.codes import MarketStatus, OrderState
from ..schema.messages import Cancel, CancelAll, CancelAllAfter, CancelClient, Command, MassQuote
from . import requests as r
from .brought import Brought, ClientKey, brought
from .errors import Refusal
from .host import Host
from .orders import client_order, open_orders
from .people import User

Scope = Literal["none", "connection", "account"]
SWITCH_NS: Final = 1  # until a dead man's switch that is to act at once


class Departure:
    def __init__(self, host: Host) -> None:
        self.host = host
        self.scopes: dict[int, Scope] = {}  # by account; those for which nothing is to happen are not in it
        self.wants_orders = False  # does it have to hear what the connection places?
        self.own = Brought()  # what is to go with the connection, or may be gone by now
        self._awaited: set[int] = set()  # tickets of what waited when the connection went
        self._shut: set[int] = set()  # halted markets in which something of its own stood when it was last looked
        self._kept: dict[int, Brought] = {}  # the same as it was when a state of the venue was kept, by that state's number

    def choose(self, scope: Scope, account: int) -> None:
        self.scopes[account] = scope
        self._look()

    def forget(self) -> None:
        """Nothing is to happen."""
        self.scopes.clear()
        self._look()

    def _look(self) -> None:
        self.scopes = {account: scope for account, scope in self.scopes.items() if scope != "none"}
        self.wants_orders = "connection" in self.scopes.values()

    def hear(self, rows: Sequence[int], applied: Applied) -> None:
        """What the connection's commands, packed in `rows`, came to. What is gone is left out before the rest is too much."""
        new = brought(rows, applied, {account for account, scope in self.scopes.items() if scope == "connection"})
        own, design = self.own, self.host.exchange.design
        own.orders |= new.orders
        own.waiting |= new.waiting
        own.quotes |= new.quotes
        most = design.max_open_orders + design.max_triggers + design.max_twaps
        if len(own.orders) + len(own.waiting) > r.MAX_BATCH + 2 * len(self.scopes) * most:
            own.orders &= {number for account in self.scopes for number in self._standing(account)}
            own.waiting = {one: None for account in {one[0] for one in own.waiting} for one in self._unnumbered(account)}

    def _standing(self, account: int) -> set[int]:
        """Ids of all that the account has open, and of orders whose triggers are."""
        venue = self.host.exchange
        triggers = venue.triggers(account)
        found = {order.order_id for order in open_orders(venue, account)} | {twap.order_id for twap in venue.twaps(account)}
        found |= {one.order_id for one in triggers} | {one.bracket for one in triggers}
        return found | {number for number in self.own.orders if self._is_entry(account, number)}

    def _is_entry(self, account: int, number: int) -> bool:
        """Is it the entry of a bracket of the account, which may still fill? It may wait to come in, and is no open order then."""
        return self.host.exchange.bracket_owner(number) == account

    def _unnumbered(self, account: int) -> list[ClientKey]:
        """The connection's own of an account that are known by their client ids alone, and wait, or are open."""
        venue = self.host.exchange
        waits = {(one.client_hi, one.client_lo) for one in venue.pending(account)}  # once for all: there may be thousands of both

        def is_there(hi: int, lo: int) -> bool:
            found = client_order(venue, account, hi, lo)
            return found[2] == OrderState.OPEN if found else (hi, lo) in waits

        return [one for one in self.own.waiting if one[0] == account and is_there(one[1], one[2])]

    def keep(self, number: int, kept: Iterable[int]) -> None:
        """The state of the venue is kept under this number; `kept`: those of all that are."""
        self._kept = {one: self._kept[one] for one in kept if one in self._kept}
        if self.own != Brought():
            self._kept[number] = copied(self.own)

    def go_back(self, number: int, user: User | None) -> None:
        """The venue is in that state: what was placed later never was, and its number will be another order's."""
        self.own = copied(self._kept.get(number, Brought()))
        self.scopes = {account: scope for account, scope in self.scopes.items() if self.host.people.owner_of.get(account) is user}
        self._look()

    def carry_out(self) -> None:
        """The connection is gone. What waits for its turn is looked at again when that has come, and what is in a halted market when
        the halt ends."""
        self._send(self.host.send)
        if self._halted() and "account" in self.scopes.values():
            with suppress(Refusal):  # as above
                self.host.tick(SWITCH_NS)  # a halt may end at this moment, and a clock that is stepped stands
        self.scopes = {account: scope for account, scope in self.scopes.items() if scope == "connection"}
        self._awaited, self._shut = self._waiting(), self._left_in_halt()
        self._stay()

    def _stay(self) -> None:
        if self._awaited or self._shut:
            self.host.followed.append(self)

    def follow_up(self) -> None:
        """After each block: has all that waited when the connection went had its turn? Then what has come of it is cancelled, too: quotes,
        and the triggers of a bracket whose entry was filled. Has a halt ended? Then what stood there is cancelled, before anybody's next
        command meets it."""
        has_come = bool(self._awaited) and not self._awaited & self._waiting()
        if has_come:
            self._awaited = set()
        if has_come or not self._shut <= self._halted():
            self._send(self.host.send_now)
            self._shut = self._left_in_halt()
        self._stay()

    def give_up(self) -> None:
        """The venue has gone back, and its accounts are whatever they were then."""
        self._awaited, self._shut = set(), set()

    def _halted(self) -> set[int]:
        """Numbers of the markets in which nothing can be cancelled."""
        return {market.number for market in self.host.exchange.state.markets if market.status == MarketStatus.HALTED}

    def _left_in_halt(self) -> set[int]:
        """Halted markets in which something of the connection's own stands."""
        halted = self._halted()
        if not halted:
            return halted
        markets = {market for account in self.scopes for market in self._own(account).values()}
        return halted & (markets | {self._market_of(*one) for one in self.own.waiting if one[0] in self.scopes})

    def _waiting(self) -> set[int]:
        """Tickets of what waits in the accounts."""
        return {one.ticket for account in self.scopes for one in self.host.exchange.pending(account)}

    def _send(self, send: Callable[[Iterable[Command]], object]) -> None:
        """A venue that cannot do it now has told its operator why."""
        commands = list(self._commands())
        try:
            if commands:
                send(commands)
        except Refusal as error:
            self.host.complain(f"cancel on disconnect of account {', '.join(map(str, self.scopes))}: {error}")

    def _commands(self) -> Iterator[Command]:
        for account, scope in self.scopes.items():
            if scope == "account":
                yield CancelAll(0, account, -1)
                if self._halted():
                    yield CancelAllAfter(0, account, SWITCH_NS)  # which takes orders of halted markets as well
            else:
                halted = self._halted()
                yield from (Cancel(0, account, number) for number in self._going(account, halted))
                waiting = self._unnumbered(account)
                yield from (CancelClient(0, *one) for one in waiting if self._market_of(*one) not in halted)
                yield from (MassQuote(0, *one) for one in self.own.quotes if one[0] == account and one[1] not in halted)

    def _own(self, account: int) -> dict[int, int]:
        """Ids of the connection's own that stand, the triggers of its brackets last, and their markets."""
        venue, own = self.host.exchange, self.own.orders
        found = {one.order_id: one.market for one in open_orders(venue, account) if one.order_id in own}
        found |= {one.order_id: one.market for one in venue.twaps(account) if one.order_id in own}
        return found | {one.order_id: one.market for one in venue.triggers(account) if own & {one.order_id, one.bracket}}

    def _going(self, account: int, halted: set[int]) -> list[int]:
        """Ids of the connection's own that stand where they can be cancelled, and of entries that wait; of two that go together one."""
        standing = self._own(account)
        entries = sorted(number for number in self.own.orders.difference(standing) if self._is_entry(account, number))
        chosen: dict[int, None] = {}
        for number in [*entries, *(number for number, market in standing.items() if market not in halted)]:
            if self.host.exchange.goes_along(number) not in chosen:
                chosen[number] = None
        return list(chosen)

    def _market_of(self, account: int, hi: int, lo: int) -> int:
        """The market of an order that is there by now; -1: it waits, or is not."""
        found = client_order(self.host.exchange, account, hi, lo)
        return found[1] if found is not None and found[2] == OrderState.OPEN else -1


def copied(own: Brought) -> Brought:
    return Brought(set(own.orders), dict(own.waiting), dict(own.quotes))
