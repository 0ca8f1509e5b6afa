"""Where requests of this dialect come in, over HTTP or a socket: what they may cost, who signed them, and who answers."""

from __future__ import annotations

from collections.abc import Callable
from logging import WARNING
from typing import Any, Final

from ..errors import Refusal
from ..log import note
from ..people import User
from .asked import UNREADABLE as NOT_READ
from .canonical import lacking, misfit
from .dialect import Dialect
from .errors import Failed, Unreadable
from .exchange import EXCHANGE, carry_out
from .feeds import Feeds
from .identity import Identities
from .info import INFO, answer, weight_of
from .kinds import TEXT, WHOLE, kind_of
from .settling import Body, Pending
from .subscriptions import SUBSCRIPTIONS
from .weights import Weights, count_of, of_actions

LONGEST_NS: Final = 60_000_000_000  # that a reply is waited for
REGISTRIES: Final = (INFO, EXCHANGE, SUBSCRIPTIONS)


class Desk:
    """`people`: who signed what. Everything here is as of the host's time; nothing is waited for."""

    def __init__(self, dialect: Dialect, people: Identities, weights: Weights) -> None:
        self.dialect = dialect
        self.people = people
        self.weights = weights
        self.feeds = Feeds(dialect, SUBSCRIPTIONS)
        dialect.used = weights.used
        dialect.host.watchers.append(self.feeds)

    def info(self, body: dict[str, Any], source: str) -> object:
        """The answer. Raises Unreadable, Failed or TooMany."""
        entry, now = INFO.get(body.get("type")), self.dialect.host.monotonic()
        weight = entry.weight if entry is not None else 1
        self.weights.take(source, weight, now)
        self.people.source = source
        try:
            found = answer(self.dialect, body)
        except (Unreadable, Failed) as error:
            complain(str(body.get("type"))[:64], error.why if isinstance(error, Unreadable) else str(error))
            raise
        finally:
            self.people.source = ""
        if entry is not None:
            self.weights.owe(source, weight_of(entry.name, found) - weight, now)
        return found

    def asked_by(self, body: dict[str, Any]) -> User | None:
        """Whose question it is: that of the user whom it names. None: nobody's, or of one who is not known."""
        named = body.get("user")
        found = self.people.owner(named.lower()) if isinstance(named, str) else None
        return found[0] if found is not None else None

    def exchange(
        self, body: dict[str, Any], source: str, then: Callable[[object], None], whose: Callable[[User], None] = lambda user: None
    ) -> None:
        """`then` is told the reply, at once or when it is known what became of the action; `whose`, before that, who has sent it, if it is
        known. Raises Unreadable or TooMany."""
        told = _misfit(body)
        if told:
            complain("exchange", told)
            raise Unreadable(NOT_READ)
        action: dict[str, Any] = body["action"]
        kind = action["type"]
        entry = EXCHANGE.get(kind)
        if entry is None:
            note("unknown_request", WARNING, of="exchange", type=str(kind)[:64])
            raise Unreadable(NOT_READ)
        told = lacking(action)
        if told:
            complain(kind, told)
            raise Unreadable(NOT_READ)
        now = self.dialect.host.monotonic()
        count = count_of(action)
        self.weights.take(source, of_actions(count), now)
        if entry.cover == "refused":  # before it is found out who asks: there are ways to sign that only such actions have
            then(carry_out(self.dialect, action, None))
            return
        self.people.source = source
        try:
            signed = self.people.who(body)
            whose(self.dialect.host.people.owner_of[signed.account])
            self.weights.act(signed.address, count, self._traded(signed.account), str(kind).startswith("cancel"), now)
            reply = carry_out(self.dialect, action, signed)
        except Unreadable as error:
            complain(kind, error.why or misfit(action) or "its fields do not fit together")
            raise
        except Failed as error:
            then({"status": "err", "response": str(error)})
        except Refusal as error:
            then({"status": "err", "response": f"{error.code.name}: {error}"})
        else:
            self._answer(reply, then)
        finally:
            self.people.source = ""

    def _answer(self, reply: Body | Pending, then: Callable[[object], None]) -> None:
        """At once, or when it is known; nobody waits for ever."""
        if not isinstance(reply, Pending):
            then(reply)
            return
        host = self.dialect.host
        later = host.later(host.monotonic() + LONGEST_NS, reply.give_up)

        def told(found: Body) -> None:
            later.action = None
            then(found)

        reply.then = told

    def _traded(self, account: int) -> int:
        """[USD] that an account has traded in the days that count."""
        return int(self.dialect.host.exchange.traded(account)[0]) // 1_000_000


def complain(of: str, why: str) -> None:
    """A line of the log about what is answered with 422. `why`: a clause; "": there is a line about it already."""
    if why:
        note("bad_request", WARNING, of=of, why=why)


def _misfit(body: dict[str, Any]) -> str:
    """What is wrong around an action; "": nothing."""
    action = body.get("action")
    if not isinstance(action, dict):
        return f"action is {kind_of(action)}, not a map" if "action" in body else "action is missing"
    if not isinstance(action.get("type"), str):
        return TEXT.misfit("action.type", action["type"]) if "type" in action else "action.type is missing"
    if type(body.get("nonce")) is not int:
        return WHOLE.misfit("nonce", body["nonce"]) if "nonce" in body else "nonce is missing"
    return ""
