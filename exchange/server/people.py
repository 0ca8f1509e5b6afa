"""Who may do what: users, their accounts, and keys that prove who one is. Nothing here is part of the venue's state.

A key is proved by a challenge: the server sends a nonce, the client its HMAC-SHA256 by the key's secret. So no secret crosses the wire
after it was handed out, and a recorded login is worth nothing.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Iterable
from typing import Final

from msgspec import Struct

from .errors import Refusal, Trouble
from .routing import Owners

NOBODY: Final = 0  # the number of no user

SCOPES: Final = ("trade", "read", "admin")
ADDRESS: Final = re.compile("0x[0-9a-fA-F]{40}")  # what users of Hyperliquid's API are named by


def is_address(name: str) -> bool:
    """In letters of any case."""
    return ADDRESS.fullmatch(name) is not None


def named(name: str) -> str:
    """What a user is called: an address is, in lower case, whatever letters it is written with."""
    return name.lower() if is_address(name) else name


class User(Struct):
    name: str
    number: int  # the owner that OpenAccount names
    accounts: list[int]


class Key(Struct, frozen=True):
    key: str
    secret: str
    user: str
    scopes: tuple[str, ...]


class People:
    """`token` makes the random texts: a test gives its own."""

    def __init__(self, token: Callable[[int], str], met: int = 0) -> None:
        self.token = token
        self.met = met  # accounts of the venue that were there before, or have been looked at
        self.users: dict[str, User] = {}
        self.keys: dict[str, Key] = {}
        self.owner_of: dict[int, User] = {}  # account -> user
        self.owners = Owners()  # the same by numbers

    def find(self, name: str) -> User | None:
        """The user of this name, or of this address in letters of any case; None: there is none."""
        return self.users.get(named(name))

    def user(self, name: str) -> User:
        """The user of this name, made if there is none."""
        if name not in self.users:
            self.users[name] = User(name, 1 + max((user.number for user in self.users.values()), default=0), [])
        return self.users[name]

    def is_taken(self, name: str) -> bool:
        """Is it more than a name? A server that was killed while it made a user leaves one without accounts and keys."""
        known = self.users.get(name)
        return (known is not None and bool(known.accounts)) or any(key.user == name for key in self.keys.values())

    def forget(self, user: User) -> None:
        """As if a user without accounts had never been."""
        assert not user.accounts, "somebody owns something"
        del self.users[user.name]

    def give(self, account: int, user: User) -> None:
        """A new account is the user's."""
        user.accounts.append(account)
        self.owner_of[account] = user
        self.owners.give(account, user.number)

    def meet(self, owner_of: Callable[[int], int], count: int) -> None:
        """The venue has `count` accounts: what users have opened meanwhile, with sub-accounts, is theirs. `owner_of`: the number of the
        user that an account names."""
        while self.met < count:
            number = owner_of(self.met)
            user = next((user for user in self.users.values() if user.number == number), None) if number != NOBODY else None
            if user is not None:
                self.give(self.met, user)
            self.met += 1

    def assign(self, owners: Iterable[tuple[int, int]]) -> None:
        """Whose the accounts are, anew: (account, number of its user). Others are nobody's."""
        for account in self.owner_of:
            self.owners.give(account, NOBODY)
        self.owner_of.clear()
        self.met = 0
        by_number = {}
        for user in self.users.values():
            user.accounts.clear()
            by_number[user.number] = user
        for account, number in owners:
            self.met = account + 1
            if number in by_number:
                self.give(account, by_number[number])

    def new_key(self, user: User, scopes: Iterable[str]) -> Key:
        key = Key(f"pk_{self.token(8)}", self.token(32), user.name, tuple(dict.fromkeys(scopes)))
        self.keys[key.key] = key
        return key

    def known_key(self, key: str) -> Key:
        """Raises Refusal."""
        if key not in self.keys:
            raise Refusal(Trouble.UNKNOWN_KEY, f"there is no key {key!r}; one is made by the faucet", field="key", given=key)
        return self.keys[key]

    def proved(self, key: str, nonce: str, signature: str) -> Key:
        """The key, if `signature` is its HMAC of the nonce. Raises Refusal."""
        known = self.known_key(key)
        if not hmac.compare_digest(signature_of(known.secret, nonce).encode(), signature.lower().encode()):
            raise Refusal(
                Trouble.WRONG_SIGNATURE,
                "the signature is not the HMAC-SHA256 of the nonce by this key's secret, both as UTF-8 text, in hex",
                field="signature",
            )
        return known


def signature_of(secret: str, nonce: str) -> str:
    """What a client answers a challenge with."""
    return hmac.new(secret.encode(), nonce.encode(), "sha256").hexdigest()
