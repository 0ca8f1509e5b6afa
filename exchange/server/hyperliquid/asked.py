"""What a question names: fields of its body, read and bounded. Whatever is not as it should be is Unreadable, as the venue says it."""

from __future__ import annotations

from typing import Any, Final

from .coins import Coin
from .dialect import Dialect
from .errors import Unreadable
from .kinds import kind_of

Body = dict[str, Any]
UNREADABLE: Final = "Failed to deserialize the JSON body into the target type"
MS: Final = 1_000_000  # [ns]
LARGEST: Final = 1 << 53  # a number that every client can write
PAGE: Final = 500  # records that answer a question about a span of time
ADDRESS: Final = 42  # characters
CLOID: Final = 34
WITHOUT_ORDER: Final = 1 << 52  # and the number of an event, below 2^53: the oid of what has no order
REFUSED_CHILD: Final = WITHOUT_ORDER + (1 << 50)  # and twice that number: the first TP/SL of a group that is refused; +1: the second
WAITING: Final = WITHOUT_ORDER + (1 << 51)  # and twice an order's id: the oid of its take-profit until it fills something; +1: its stop


def unreadable(why: str = "") -> Unreadable:
    """`why`: a clause for the log."""
    return Unreadable(UNREADABLE, why)


def misfit(body: Body, name: str, right: str) -> Unreadable:
    """A field is not what it has to be."""
    return unreadable(f"{name} is {kind_of(body[name])}, not {right}" if name in body else f"{name} is missing")


def is_hex(given: object, length: int) -> bool:
    """Is it "0x" and hex digits, so many characters in all?"""
    if not isinstance(given, str) or len(given) != length or not given.startswith(("0x", "0X")):
        return False
    return all(digit in "0123456789abcdefABCDEF" for digit in given[2:])


def address_of(body: Body, name: str = "user") -> str:
    """In lower case. Raises Unreadable."""
    given = body.get(name)
    if not is_hex(given, ADDRESS):
        raise misfit(body, name, "0x and 40 hex digits")
    address: str = body[name]
    return address.lower()


def account_of(dialect: Dialect, body: Body) -> int | None:
    """The venue's account of the user that is asked for; None: nobody has that address. Raises Unreadable."""
    return dialect.people.account(address_of(body))


def integer_of(body: Body, name: str, default: int | None = None) -> int:
    """From 0 to 2^53. Missing or null: the default, if there is one. Raises Unreadable."""
    given = body.get(name)
    if given is None and default is not None:
        return default
    if not isinstance(given, int) or isinstance(given, bool) or not 0 <= given <= LARGEST:
        raise misfit(body, name, "a whole number from 0 to 2^53")
    return given


def flag_of(body: Body, name: str) -> bool:
    given = body.get(name)
    if given is not None and not isinstance(given, bool):
        raise misfit(body, name, "true or false")
    return bool(given)


def coin_of(dialect: Dialect, body: Body) -> Coin | None:
    """None: the venue has no such coin. Raises Unreadable."""
    given = body.get("coin")
    if not isinstance(given, str):
        raise misfit(body, "coin", "a text")
    return dialect.coins.by_name.get(given)


def span_of(body: Body, default: int | None = None) -> tuple[int, int]:
    """`startTime` and `endTime`, both included, as the venue's time [ns]. `default`: [ms] where no start is named. Raises Unreadable."""
    since, until = integer_of(body, "startTime", default), integer_of(body, "endTime", LARGEST)
    return since * MS, until * MS + MS - 1


def hash_of(seq: int) -> str:
    """What stands for the hash of a transaction: the number of the event."""
    return f"0x{seq:064x}"
