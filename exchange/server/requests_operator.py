"""Requests that only the operator may send, besides those commands of the venue that are his: time, the world around it, states that are
kept, faults. A part of requests.py."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from ..schema.messages import MAX_AMOUNT, AccountId, MarketId
from .request_parts import Name, Request, UserName


class Step(Request, frozen=True, kw_only=True, tag="step"):
    """Let a stepped clock go on; what falls due on the way happens, and then the reply comes. Others are served meanwhile. The world around
    the venue takes each of its turns, so one long step is the same as many short ones; how long it takes is up to the machine.

    For keys with the scope `admin`."""

    ms: Annotated[int, Meta(ge=1, le=86_400_000)]


class SetClock(Request, frozen=True, kw_only=True, tag="clock"):
    """Let the venue's time run at another speed from now on, as far as the machine follows; 0: it stands, and is stepped."""

    speed: Annotated[int, Meta(ge=0, le=1_000_000)]


class SetWorld(Request, frozen=True, kw_only=True, tag="world"):
    """What happens around the venue, from now on; what is not named stays. The reply has all of it."""

    oracle: Literal["runs", "frozen"] | None = None  # frozen: the venue hears of no price any more
    lag_ms: Annotated[int, Meta(ge=0, le=3_600_000)] | None = None  # how late it hears
    shock_ppm: Annotated[int, Meta(ge=-900_000, le=9_000_000)] | None = None  # the outside price jumps by that, at once
    market: MarketId | Name | None = None  # of the shock; none: all
    basis_ppm: Annotated[int, Meta(ge=-100_000, le=100_000)] | None = None  # makers quote that much above the outside price
    makers: Literal["stay", "gone"] | None = None  # gone: their quotes are cancelled and they quote no more
    takers: Literal["stay", "gone"] | None = None


class Liquidate(Request, frozen=True, kw_only=True, tag="liquidate"):
    """Take so much from an account that the venue's rules liquidate all that it holds, or its isolated position in a market, at once:
    down to half of what the least of its positions requires. The reply has the debits. For keys with the scope `admin`."""

    account: AccountId
    market: MarketId | Name | None = None  # of an isolated position; none: all that it holds


class Grant(Request, frozen=True, kw_only=True, tag="grant"):
    """Money from nowhere for a `user`, into his first account, or into the one that an address is of. Who is not there comes to be: an
    address as it does by money that somebody sends it; any other name with a key, which the reply has, for the operator to hand over. For
    keys with the scope `admin`."""

    user: UserName
    amount: Annotated[int, Meta(ge=1, le=MAX_AMOUNT)]  # [micro]
    asset: Annotated[int, Meta(ge=0, le=7)] = 0


class Snapshot(Request, frozen=True, kw_only=True, tag="snapshot"):
    """Keep the state of the venue and of the world around it, under a name, in the place of another of that name. At most 16 are kept: the
    oldest goes, and the reply names it as `forgotten`. For keys with the scope `admin`."""

    name: Name = "snapshot"


class Rewind(Request, frozen=True, kw_only=True, tag="rewind"):
    """Go back to a state that was kept: the venue, the world and the time. Everybody is told, with a new epoch. Faults and the clock's
    speed stay; accounts that were opened later are gone, and so is what named sessions remember. For keys with the scope `admin`."""

    name: Name = "snapshot"


class Snapshots(Request, frozen=True, kw_only=True, tag="snapshots"):
    """The names of the states that are kept, the oldest first. For keys with the scope `admin`."""


class SetFault(Request, frozen=True, kw_only=True, tag="fault"):
    """Let something go wrong for a user: orders are refused, connections break, messages come late, twice or never, or times are wrong.

    reject: `count` commands that place or change orders, for `reason`. drop: all connections, at once; over Hyperliquid's API `count` of
    his actions over HTTP are carried out without a reply. stall: nothing is sent for `ms`. delay: everything comes `ms` later. duplicate:
    `count` messages come twice. skew: every time that is told is `ms` ahead (below 0: behind), and goes `drift_ppm` faster from now on.
    A stall or a delay needs `ms` (0: it ends), a skew one of its two. none: all is well again; a stall ends, and what comes late comes
    when it would have. Packed rows are not rejected.
    """

    user: UserName
    kind: Literal["reject", "drop", "stall", "delay", "duplicate", "skew", "none"]
    count: Annotated[int, Meta(ge=1, le=1_000_000)] = 1
    ms: Annotated[int, Meta(ge=-3_600_000, le=3_600_000)] | None = None  # of a stall or a delay needed; 0: it ends
    drift_ppm: Annotated[int, Meta(ge=-500_000, le=500_000)] | None = None  # of a skew this or `ms` is needed
    reason: Name = "INSUFFICIENT_MARGIN"


class FaultsQuery(Request, frozen=True, kw_only=True, tag="faults"):
    """What goes wrong for a user at the moment, and how often he has `met` each kind since the server began: orders that were refused,
    connections and replies that were lost, messages that came late, twice or with wrong times. What he has not met was not there for him:
    nothing was sent to him meanwhile, say. `connections`: that he has now. For keys with the scope `admin`."""

    user: UserName
