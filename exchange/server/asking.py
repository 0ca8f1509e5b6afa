"""What all answers need: who asks, and what a request names."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Protocol

from ..schema.codes import Reason
from .departure import Departure
from .errors import Data, Refusal, Rejected, Trouble
from .host import Host
from .memory import Memory
from .people import Key as ApiKey
from .people import User, is_address, named
from .private import PrivateStream
from .streams import Key, Reader
from .surroundings import Listener

Work = Generator[None, None, Data]  # the body of a reply, made piece by piece: others may have a turn in between


class Asker(Listener, Reader, Protocol):
    """Who asks: a session. What it is from now on may depend on the answer."""

    user: User | None
    scopes: tuple[str, ...]
    channels: set[Key]
    listens: dict[int, PrivateStream]
    departure: Departure
    then: Callable[[], None] | None
    memory: Memory | None

    def may(self, scope: str, is_noted: bool = True) -> User: ...

    def account(self, given: int | None) -> int: ...

    def readable(self, given: int | None) -> int: ...

    def pay(self, count: int) -> None: ...

    def enter(self, user: User, scopes: tuple[str, ...], named: str | None) -> None: ...

    def leave(self) -> None: ...

    def nonce(self) -> str: ...

    def proved(self, key: str, signature: str) -> ApiKey: ...


class Desk:
    """Who answers."""

    def __init__(self, host: Host) -> None:
        self.host = host

    def market(self, given: int | str | None) -> int:
        """The number of a market that there is. Raises Refusal."""
        if given is None:
            raise Refusal(Trouble.MISSING_FIELD, "which market?", field="market")
        number = self.host.rows.market(given)
        markets = len(self.host.exchange.design.markets)
        if number >= markets:
            raise self._beyond("market", markets, number)
        return number

    def curve(self, given: int | str | None) -> int:
        """The number of a market that has a curve. Raises Refusal."""
        number = self.market(given)
        if self.host.exchange.pool(number) is None:
            raise Rejected(Reason.NO_CURVE, field="market", given=given)
        return number

    def asset(self, given: int) -> int:
        """Raises Refusal."""
        assets = len(self.host.exchange.design.assets)
        if given >= assets:
            raise self._beyond("asset", assets, given)
        return given

    def user(self, given: str) -> tuple[User, list[int]]:
        """A user that there is, by name or address, and his accounts. An API wallet's address is that of whom it signs for; a sub-account's
        that of its owner, with this account alone. Raises Refusal."""
        user, addresses = self.host.people.find(given), self.host.addresses
        if user is not None:
            return user, list(user.accounts)
        found = addresses.owner(named(given)) if addresses is not None and is_address(given) else None
        if found is None:
            why = " that has been heard of" if is_address(given) else ""
            raise Refusal(Trouble.UNKNOWN_NAME, f"there is no user {given!r}{why}", field="user", given=given)
        owner, account = found
        return owner, list(owner.accounts) if account is None else [account]

    def _beyond(self, field: str, count: int, given: int) -> Refusal:
        return Refusal(Trouble.OUT_OF_BOUNDS, f"{field} is {given}; there are 0 to {count - 1}", field=field, limit=count - 1, given=given)

    def part(self, name: str, things: object, skip: int) -> Data:
        """As many of a list as fit a message, and how many come behind them."""
        assert isinstance(things, list)
        end = skip + self.host.limits.items
        return {name: things[skip:end], "more": max(0, len(things) - end)}
