"""What happens to orders when a connection breaks: nothing, those that it has placed from then on are cancelled, or all of an account.
Chosen for each account by itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from ..schema.codes import OrderState
from ..schema.messages import Cancel, CancelAll, CancelClient, Command, Place, column_of
from . import requests as r
from .errors import Refusal
from .host import Host
from .orders import client_order, open_orders
from .people import User

Scope = Literal["none", "connection", "account"]
Orders = tuple[frozenset[int], dict[tuple[int, int, int], None]]
ACCOUNT, CLIENT_HI, CLIENT_LO = (column_of(Place, name) for name in ("account", "client_hi", "client_lo"))


class Departure:
    def __init__(self, host: Host) -> None:
        self.host = host
        self.scopes: dict[int, Scope] = {}  # by account; those for which nothing is to happen are not in it
        self.placed: set[int] = set()  # orders that are to go with the connection
        self.wants_orders = False  # does it have to hear what the connection places?
        self.waiting: dict[tuple[int, int, int], None] = {}  # the same of those that may still wait: account and halves of the client id
        self._kept: dict[int, Orders] = {}  # what the two were when a state of the venue was kept, by that state's number

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

    def note(self, orders: Iterable[int]) -> None:
        """Orders that the connection has placed. Those that are gone are left out before the others are too many."""
        self.placed.update(orders)
        if len(self.placed) > r.MAX_BATCH + 2 * len(self.scopes) * self.host.exchange.design.max_open_orders:
            self.placed &= {order.order_id for account in self.scopes for order in open_orders(self.host.exchange, account)}

    def note_waiting(self, row: Sequence[int]) -> None:
        """A command that waits to be carried out, packed. An order is known by its client id until it is placed; one without is not kept
        from staying."""
        if row[0] != Place.KIND or not (row[CLIENT_HI] or row[CLIENT_LO]):
            return
        self.waiting[row[ACCOUNT], row[CLIENT_HI], row[CLIENT_LO]] = None
        if len(self.waiting) > r.MAX_BATCH + 2 * len(self.scopes) * self.host.exchange.design.max_open_orders:
            self.waiting = {one: None for one in self.waiting if self._may_rest(*one)}

    def _may_rest(self, account: int, hi: int, lo: int) -> bool:
        """Does an order wait, or is it open?"""
        venue = self.host.exchange
        found = client_order(venue, account, hi, lo)
        return found[2] == OrderState.OPEN if found else any((one.client_hi, one.client_lo) == (hi, lo) for one in venue.pending(account))

    def keep(self, number: int, kept: Iterable[int]) -> None:
        """The state of the venue is kept under this number; `kept`: those of all that are."""
        self._kept = {one: self._kept[one] for one in kept if one in self._kept}
        if self.placed or self.waiting:
            self._kept[number] = frozenset(self.placed), dict(self.waiting)

    def go_back(self, number: int, user: User | None) -> None:
        """The venue is in that state: what was placed later never was, and its number will be another order's."""
        placed, waiting = self._kept.get(number, (frozenset(), {}))
        self.placed, self.waiting = set(placed), dict(waiting)
        self.scopes = {account: scope for account, scope in self.scopes.items() if self.host.people.owner_of.get(account) is user}
        self._look()

    def carry_out(self) -> None:
        """The connection is gone. A venue that cannot do it now has told its operator why."""
        commands = list(self._commands())
        accounts = ", ".join(map(str, self.scopes))
        self.forget()
        try:
            if commands:
                self.host.send(commands)
        except Refusal as error:
            self.host.complain(f"cancel on disconnect of account {accounts}: {error}")

    def _commands(self) -> Iterator[Command]:
        for account, scope in self.scopes.items():
            if scope == "account":
                yield CancelAll(0, account, -1)
            else:
                own = (order.order_id for order in open_orders(self.host.exchange, account))
                yield from (Cancel(0, account, order_id) for order_id in own if order_id in self.placed)
                yield from (CancelClient(0, *one) for one in self.waiting if one[0] == account and self._may_rest(*one))
