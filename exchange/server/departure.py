"""What happens to orders when a connection breaks: nothing, those that it has placed are cancelled, or all of its account."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from ..schema.messages import Cancel, CancelAll
from . import requests as r
from .errors import Refusal
from .host import Host
from .people import User

Scope = Literal["none", "connection", "account"]


class Departure:
    def __init__(self, host: Host) -> None:
        self.host = host
        self.scope: Scope = "none"
        self.account = 0
        self.placed: set[int] = set()  # orders that are to go with the connection

    def choose(self, scope: Scope, account: int) -> None:
        self.scope, self.account = scope, account

    def forget(self) -> None:
        """Nothing is to happen."""
        self.scope = "none"

    @property
    def wants_orders(self) -> bool:
        """Does it have to hear what the connection places?"""
        return self.scope == "connection"

    def note(self, orders: Iterable[int]) -> None:
        """Orders that the connection has placed. Those that are gone are left out before the others are too many."""
        self.placed.update(orders)
        if len(self.placed) > r.MAX_BATCH + 2 * self.host.exchange.design.max_open_orders:
            self.placed &= {order.order_id for order in self.host.exchange.open_orders(self.account)}

    def go_back(self, user: User | None) -> None:
        """The venue is in an earlier state: numbers of orders, and of accounts, that came later will be given to others."""
        last = self.host.exchange.state.last_order_id
        self.placed = {order_id for order_id in self.placed if order_id <= last}
        if self.host.people.owner_of.get(self.account) is not user:
            self.forget()

    def carry_out(self) -> None:
        """The connection is gone. A venue that cannot do it now has told its operator why."""
        scope, self.scope = self.scope, "none"
        try:
            if scope == "account":
                self.host.send([CancelAll(0, self.account, -1)])
            elif scope == "connection":
                own = (order.order_id for order in self.host.exchange.open_orders(self.account))
                mine = [Cancel(0, self.account, order_id) for order_id in own if order_id in self.placed]
                if mine:
                    self.host.send(mine)
        except Refusal as error:
            self.host.complain(f"cancel on disconnect of account {self.account}: {error}")
