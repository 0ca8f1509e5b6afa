"""What the parts of this dialect share: the venue's host, its coins, who is who, and what waits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol, TypeVar, cast

from ...money.margin import cross_room
from ...schema.codes import OrderState
from ..host import Host
from ..orders import client_order
from .children import Children
from .cloids import Cloids
from .coins import Coins
from .refused import Refused
from .sent import Sent
from .settling import Settling

OLD_NS: Final = 100_000_000  # that something may be which many are told of at about the same time
Of = TypeVar("Of")


class People(Protocol):
    """Who is behind an address (identity.py). Addresses are lower-case: "0x" and 40 hex digits."""

    def account(self, address: str) -> int | None:
        """The venue's account of a user or a sub-account, which becomes known by that; None: there is none, nor can be."""

    def receiver(self, address: str) -> int | None:
        """The same of one who is sent money."""

    def why_none(self, address: str) -> str:
        """Why one that was asked about has none: a sentence."""

    def known(self, address: str) -> int | None:
        """The same, and nobody becomes known."""

    def address(self, account: int) -> str:
        """The address by which an account is told of; one is made up for accounts that have none."""

    def sub_accounts(self, address: str) -> list[tuple[str, str]]:
        """(name, address) of a user's sub-accounts."""

    def name_sub_account(self, account: int, name: str) -> None:
        """A sub-account has been opened, and is called that."""

    def agents(self, address: str) -> list[tuple[str, str, int]]:
        """(name, address, valid until [ms]) of the wallets that may sign for a user."""

    def master(self, agent: str) -> str | None:
        """For which user such a wallet signs; None: for nobody but itself."""

    def approve(self, address: str, agent: str, name: str) -> None:
        """Let a wallet sign for a user. Raises Failed."""


class Dialect:
    """`wall`: [ms] of the clients' time, by which nonces are judged. Answers carry the venue's time."""

    def __init__(self, host: Host, people: People, wall: Callable[[], int]) -> None:
        self.host = host
        self.people = people
        self.wall = wall
        self.coins = Coins(host.exchange.design)
        self.cloids = Cloids(lambda: host.exchange.state.log.seq, self._is_open)
        self.limits = Sent(lambda: host.exchange.state.log.seq)
        self.sizes = Sent(lambda: host.exchange.state.log.seq)
        self.markets = Sent(lambda: host.exchange.state.log.seq)  # 1 for each order that was sent as FrontendMarket
        self.settling = Settling(host)
        self.children: Children[Any] = Children(host, self.settling)
        self.refused = Refused()
        self._shared: dict[str, tuple[int, object]] = {}  # and when it was made
        self.used: Callable[[str], int] = lambda address: 0  # actions of an address so far: weights.py

    def shared(self, name: str, make: Callable[[], Of]) -> Of:
        """What is the same for all who are told of it, made anew every 0.1 s."""
        now = self.host.monotonic()
        at, kept = self._shared.get(name, (0, None))
        if kept is None or now - at >= OLD_NS:
            kept = make()
            self._shared[name] = now, kept
        return cast(Of, kept)

    def _is_open(self, account: int, client_id: tuple[int, int]) -> bool:
        found = client_order(self.host.exchange, account, *client_id)
        return found is not None and found[2] == OrderState.OPEN

    def go_back(self) -> None:
        """The venue is in an earlier state."""
        self._shared.clear()
        self.refused.forget()
        self.cloids.go_back()
        self.limits.go_back()
        self.sizes.go_back()
        self.markets.go_back()
        self.children.go_back()

    @property
    def now_ms(self) -> int:
        """[ms] of the venue."""
        return self.host.now() // 1_000_000

    def withdrawable(self, account: int) -> int:
        """Of dollars, what a withdrawal may take now [micro]."""
        with self.host.as_of_now():
            return self.host.exchange.withdrawable(account)

    def free_margin(self, account: int, asset: int = 0) -> int:
        """What positions and orders leave free now [micro]."""
        with self.host.as_of_now():
            return self.host.exchange.free_margin(account, asset)

    def available_margin(self, account: int, is_isolated: bool = False) -> int:
        """What may back another order now [micro]. `is_isolated`: of a market whose position draws on cash, of which some stays behind."""
        venue = self.host.exchange
        with self.host.as_of_now():
            available = venue.available_margin(account)
            return min(available, int(cross_room(venue.state, account, 0))) if is_isolated else available
