"""Users of a server, their accounts and their keys: how they come to be, and where they are written down."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Protocol

from ..engine import Exchange
from ..journal import JournalFailed, Paid
from ..schema.codes import FIRST_USER, AccountKind, Reason
from ..schema.messages import MAX_SUPPLY, Command, Deposit, OpenAccount
from ..state.transit import MAX_PAYMENTS
from ..state.types import MAX_FLOW
from .clock import Clock
from .errors import Refusal, Rejected, Trouble
from .limits import Limits
from .log import note
from .people import Key, People, User, is_address, named
from .store import Store
from .timekeeper import Timekeeper


class Addresses(Protocol):
    """Who is behind the addresses by which users of Hyperliquid's API are named (hyperliquid/identity.py)."""

    def owner(self, address: str) -> tuple[User, int | None] | None:
        """Who is behind an address in lower case: whose it is, of an API wallet the user for whom it signs, of a sub-account its owner, and
        the account then. None: nobody."""

    def contact(self, address: str, money: int | None) -> int:
        """The account of an address in lower case, which becomes known by that. `money`: what it is about to be sent of the first asset
        [micro]; None: nothing is, and somebody asks for it. Raises Refusal."""


class Registrar(Timekeeper):
    """`token` makes the random texts; `store`: where keys and names are kept, None: nowhere."""

    def __init__(
        self, exchange: Exchange, clock: Clock, monotonic: Callable[[], int], complain: Callable[[str], None], limits: Limits,
        token: Callable[[int], str], store: Store | None,
    ) -> None:  # fmt: skip
        super().__init__(exchange, clock, monotonic, complain)
        self.limits = limits
        self.store = store
        self.people = People(token, exchange.state.accounts.count)
        self.paid = Paid()
        self.addresses: Addresses | None = None  # None: nobody speaks that API here

    # -- users --

    def sign_up(self, name: str, scopes: Iterable[str], asset: int, amount: int) -> Key:
        """A user with an account, money in it, and a key. An address is nobody's to take: whoever signs with it, by Hyperliquid's API,
        would share its account. Raises Refusal; then there is nothing of it."""
        if is_address(name):
            message = f"{name} is an address: who has its key signs with that, by Hyperliquid's API, and needs no other"
            raise Refusal(Trouble.NAME_TAKEN, message, field="name", given=name)
        if self.people.is_taken(name):
            raise Refusal(Trouble.NAME_TAKEN, f"there is a user {name!r} already", field="name", given=name)
        self.refuse_beyond_supply(asset, amount)
        self.refuse_too_many_users(name)
        user = self.people.user(name)
        try:
            key = self.key_of(user, scopes)
        except Refusal:
            self.people.forget(user)
            raise
        try:
            self.open_account(user, lambda account: [Deposit(0, account, asset, amount)])
        except Refusal:
            self.people.forget(user)
            self._forget_key(key)
            raise
        return key

    def welcome(self, name: str, scopes: Iterable[str], asset: int, amount: int) -> Key:
        """`sign_up`, with the faucet's money. Raises Refusal; then there is nothing of it."""
        self.refuse_beyond_faucet(name, asset, amount)
        key = self.sign_up(name, scopes, asset, amount)
        self.note_paid(self.people.users[name], asset, amount)
        return key

    def pay(self, account: int, asset: int, amount: int) -> None:
        """The faucet's money for a user's account. Raises Refusal."""
        user = self.people.owner_of[account]
        self.refuse_beyond_faucet(user.name, asset, amount)
        self.fund(account, asset, amount)
        self.note_paid(user, asset, amount)

    def refuse_beyond_faucet(self, name: str, asset: int, amount: int) -> None:
        """The faucet pays every user so little that all of them together leave the operator half of what the venue can count, whatever they
        withdraw. Raises Refusal."""
        user, limit = self.people.users.get(name), self.limits.faucet
        paid = self.paid.of(user.number, asset) if user is not None else 0
        if paid + amount > limit:
            named = self.exchange.design.assets[asset]
            message = f"the faucet has paid {name} {paid:,} of the {limit:,} micro-units of {named} that it pays a user in all"
            raise Refusal(Trouble.FAUCET_LIMIT, f"{message}; the operator can grant more", field="amount", limit=limit - paid, given=amount)

    def note_paid(self, user: User, asset: int, amount: int) -> None:
        """It has paid that. What cannot be written down counts until the server ends: the next command finds the journal as it is."""
        self.paid.add(user.number, asset, amount)
        if self.store is not None:
            with suppress(JournalFailed):
                self.store.pay(user.number, asset, amount)

    def refuse_beyond_supply(self, asset: int, amount: int) -> None:
        """Raises Rejected if the venue could not count so much money."""
        deposits, withdrawals = self.exchange.deposits(asset), self.exchange.withdrawals(asset)
        if deposits - withdrawals + amount > MAX_SUPPLY or deposits + amount > MAX_FLOW:
            raise Rejected(Reason.SUPPLY_LIMIT, field="amount", given=amount)

    def refuse_too_many_users(self, name: str) -> None:
        """Raises Refusal."""
        limit = self.limits.users
        if len(self.people.users) >= limit and name not in self.people.users:
            raise Refusal(Trouble.TOO_MANY_USERS, f"this server has {limit} users, as many as it takes", limit=limit)

    def refuse_too_many_accounts(self, user: User, opened: int = 0) -> None:
        """`opened`: how many the same request may open before. Raises Refusal."""
        limit = self.limits.accounts
        if len(user.accounts) + opened >= limit:
            before = f", and {opened} more may be opened before this one" if opened else ""
            message = f"{user.name} has {len(user.accounts)} of the {limit} accounts that this server gives to a user{before}"
            raise Refusal(Trouble.TOO_MANY_ACCOUNTS, message, limit=limit)

    def user_named(self, name: str) -> User:
        """The user of a name or an address, with an account, made if there is none. Raises Refusal."""
        user, name = self.people.find(name), named(name)
        if user is not None and user.accounts:  # one who has but a name was left so by a server that was killed, or by a rewind
            return user
        if self.addresses is None or not is_address(name):
            return self.new_user(name)
        user = self.people.owner_of[self.addresses.contact(name, None)]
        if user.name != name:
            raise Refusal(Trouble.UNKNOWN_NAME, f"{name} is a sub-account of {user.name}: name that", field="name", given=name)
        return user

    def new_user(self, name: str) -> User:
        """A user with an account. Raises Refusal; then there is neither."""
        self.refuse_too_many_users(name)
        user = self.people.user(name)
        try:
            self.open_account(user)
        except Refusal:
            self.people.forget(user)
            raise
        return user

    # -- accounts --

    def open_account(self, user: User, then: Callable[[int], Iterable[Command]] = lambda account: ()) -> int:
        """A new account of a user; its number. `then`: what is done with it in the same block. Raises Refusal."""
        self.refuse_too_many_accounts(user)
        account = self.exchange.state.accounts.count
        if self.store is not None and not user.accounts:
            try:
                self.store.name(user.number, user.name)
            except JournalFailed as error:
                raise Refusal(Trouble.READ_ONLY, str(error)) from error
        self.send([OpenAccount(0, AccountKind.TRADER, user.number), *then(account)])
        if self.exchange.state.accounts.count == account:
            raise Refusal(Trouble.TOO_MANY_ACCOUNTS, "the venue has as many accounts as its design allows", limit=account - FIRST_USER)
        note("account", user=user.name, account=account)
        return account

    def fund(self, account: int, asset: int, amount: int) -> None:
        """Money from nowhere. Raises Refusal, also if as many deposits are under way to the account as it may send payments itself."""
        if self.exchange.state.payments.count_deposits(account) >= MAX_PAYMENTS:
            raise Rejected(Reason.TOO_MANY_PAYMENTS, account=account, limit=int(MAX_PAYMENTS))
        (reason,) = self.reasons([Deposit(0, account, asset, amount)])
        if reason:
            raise Rejected(Reason(reason), account=account)

    def grant(self, name: str, asset: int, amount: int) -> tuple[int, Key | None]:
        """Money from nowhere for the user of a name or an address, who comes to be by that if there is none: the account that has it, and
        the key of who is new and no address. Raises Refusal; then nothing of it has happened."""
        self.refuse_beyond_supply(asset, amount)
        user, name = self.people.find(name), named(name)
        if user is not None and user.accounts:
            self.fund(user.accounts[0], asset, amount)
            return user.accounts[0], None
        if self.addresses is not None and is_address(name):
            account = self.addresses.contact(name, amount if asset == 0 else 0)
            self.fund(account, asset, amount)
            return account, None
        if name.startswith("0x") and not is_address(name):
            message = f"{name} is no address: expected 0x and 40 hex digits, or a name that does not begin so"
            raise Refusal(Trouble.OUT_OF_BOUNDS, message, field="user", given=name)
        if not is_address(name) and not self.people.is_taken(name):
            key = self.sign_up(name, ("trade", "read"), asset, amount)
            return self.people.users[name].accounts[0], key
        self.refuse_too_many_users(name)
        return self.open_account(self.people.user(name), lambda account: [Deposit(0, account, asset, amount)]), None

    def owners(self) -> Iterator[tuple[int, int]]:
        """(account, number of its owner) of all accounts that commands have opened."""
        accounts = self.exchange.state.accounts
        return ((account, int(accounts.owner[account])) for account in range(FIRST_USER, accounts.count))

    # -- keys --

    def key_of(self, user: User, scopes: Iterable[str]) -> Key:
        """A new key. Raises Refusal."""
        key = self.people.new_key(user, scopes)
        if self.store is not None:
            try:
                self.store.save_keys(self.people.keys)
            except OSError as error:
                del self.people.keys[key.key]
                raise Refusal(Trouble.READ_ONLY, f"the key could not be written down: {error.strerror}") from error
        return key

    def _forget_key(self, key: Key) -> None:
        """As if a key had never been made; where that cannot be written down, it is still good for nothing."""
        del self.people.keys[key.key]
        if self.store is not None:
            with suppress(OSError):
                self.store.save_keys(self.people.keys)
