"""Who is at the other end of a connection, and what he may do and see."""

from __future__ import annotations

from ..schema.codes import FIRST_USER
from .errors import Refusal, Trouble
from .host import Host
from .people import Key, User


class Visitor:
    def __init__(self, host: Host) -> None:
        self.host = host
        self.user: User | None = None
        self.scopes: tuple[str, ...] = ()
        self.is_operating = False  # does the request at hand need the scope `admin`?
        self._nonce = ""

    def may(self, scope: str, is_noted: bool = True) -> User:
        """The user who is logged in. `is_noted`: what an operator does is written to the log; what he only looks at, again and again, is
        not. Raises Refusal if nobody is, or the key does not allow this."""
        if self.user is None:
            raise Refusal(Trouble.LOGIN_REQUIRED, "log in first: faucet, then challenge and login")
        if scope not in self.scopes:
            raise Refusal(Trouble.SCOPE, f"this key does not allow {scope}", given=list(self.scopes), expected=scope)
        self.is_operating |= is_noted and scope == "admin"
        return self.user

    def account(self, given: int | None) -> int:
        """The account that is meant. Raises Refusal if it is not the user's own."""
        user = self.may("read")
        if given is None:
            if len(user.accounts) != 1:
                message = f"{user.name} has {len(user.accounts)} accounts: say which"
                raise Refusal(Trouble.NO_ACCOUNT, message, field="account", known=user.accounts)
            return user.accounts[0]
        if self.host.people.owner_of.get(given) is not user:
            raise self.foreign(given)
        return given

    def readable(self, given: int | None) -> int:
        """The account that is to be looked at: the operator may look at all. Raises Refusal."""
        if given is not None and "admin" in self.scopes and FIRST_USER <= given < self.host.exchange.state.accounts.count:
            return given
        return self.account(given)

    def foreign(self, account: int) -> Refusal:
        return Refusal(Trouble.NOT_YOUR_ACCOUNT, f"account {account} is not yours", field="account", given=account)

    def nonce(self) -> str:
        self._nonce = self.host.people.token(16)
        return self._nonce

    def proved(self, key: str, signature: str) -> Key:
        """The key, if the signature is that of the last nonce, which is used up. Raises Refusal."""
        nonce, self._nonce = self._nonce, ""
        if not nonce:
            raise Refusal(Trouble.CHALLENGE_REQUIRED, "ask for a challenge first; each serves one login")
        return self.host.people.proved(key, nonce, signature)
