"""TWAPs as this dialect tells them: those that run, what became of others, and the fills of their slices."""

from __future__ import annotations

from typing import Any, Final

from msgspec import Struct

from ...schema.codes import CancelReason
from ..history.records import Fill, OrderRecord
from . import asked, past
from .asked import MS, Body
from .coins import Coin, usd
from .dialect import Dialect
from .orders import side_of
from .refusals import why_cancelled

MINUTE: Final = 60_000_000_000  # [ns]
SECOND: Final = 1_000_000_000
KEPT: Final = 2_000
ENDED_BY_USER: Final = (CancelReason.USER, CancelReason.SCHEDULED)  # the latter by his scheduleCancel
FINISHED: Final = (None, CancelReason.FILLED, CancelReason.EXPIRED)  # its slices are over, whatever they got
Thing = dict[str, Any]


class Stage(Struct):
    """Something that happened to a TWAP: it began, or it ended."""

    seq: int
    ts: int
    record: OrderRecord
    is_begin: bool


# -- what they are ---------------------------------------------------------------------------------------------------------------


def state(dialect: Dialect, coin: Coin, record: OrderRecord, filled: int, value: int) -> Thing:
    """Also of what is foreign to this venue: nothing is randomised, nor waits for a price."""
    return {
        "coin": coin.name, "executedNtl": usd(value), "executedSz": coin.size(filled),
        "minutes": (record.slices * record.interval + MINUTE // 2) // MINUTE, "randomize": False, "reduceOnly": bool(record.reduce_only),
        "side": side_of(record.side), "stopPx": None, "sz": coin.size(record.size), "timestamp": record.placed_ts // MS, "trigger": None,
        "user": dialect.people.address(record.account),
    }  # fmt: skip


def running(dialect: Dialect, account: int) -> list[OrderRecord]:
    """Those of markets that this dialect can name, the oldest first."""
    history, by_market = dialect.host.history, dialect.coins.by_market
    found = [one for one in dialect.host.exchange.twaps(account) if one.market in by_market]
    known = [history.order(account, one.order_id) for one in found]
    return [one for one in known if one is not None]


def states_of(dialect: Dialect, account: int) -> list[list[Any]]:
    """[twapId, state] of each that runs."""
    by_market = dialect.coins.by_market
    return [
        [one.order_id, state(dialect, by_market[one.market], one, one.filled, one.value)] for one in running(dialect, account)
    ]  # fmt: skip


# -- what became of them ---------------------------------------------------------------------------------------------------------


def stages(dialect: Dialect, account: int, after: int = 0) -> list[Stage]:
    """Behind an event, the oldest first."""
    by_market = dialect.coins.by_market
    ended = [one for one in dialect.host.history.orders(account, after=after) if one.is_twap and one.order_id and one.market in by_market]
    found = [Stage(one.seq, one.ts, one, False) for one in ended]
    found += [Stage(one.placed_seq, one.placed_ts, one, True) for one in (*ended, *running(dialect, account)) if one.placed_seq > after]
    return sorted(found, key=lambda one: one.seq)


def status_of(stage: Stage) -> Thing:
    reason = stage.record.cancel_reason
    if stage.is_begin:
        return {"status": "activated"}
    if reason in ENDED_BY_USER:
        return {"status": "terminated"}
    if reason in FINISHED:
        return {"status": "finished"}
    assert reason is not None
    return {"status": "error", "description": f"TWAP was canceled: {why_cancelled(reason)}."}


def told_stage(dialect: Dialect, stage: Stage) -> Thing:
    """`time` is in seconds, as on the live venue."""
    record = stage.record
    done = (0, 0) if stage.is_begin else (record.filled, record.value)
    told = state(dialect, dialect.coins.by_market[record.market], record, *done)
    return {"time": stage.ts // SECOND, "state": told, "status": status_of(stage), "twapId": record.order_id}


def twap_history(dialect: Dialect, body: Body) -> list[Thing]:
    """The newest first: of one that is over its end and its beginning."""
    account = asked.account_of(dialect, body)
    return [] if account is None else [told_stage(dialect, one) for one in stages(dialect, account)[::-1][:KEPT]]


# -- slices ----------------------------------------------------------------------------------------------------------------------


def told_slice(dialect: Dialect, account: int, fill: Fill) -> Thing | None:
    """None: the fill is no slice's."""
    coin = dialect.coins.by_market.get(fill.market)
    number = dialect.host.history.twap_of(account, fill.order_id)
    return {"fill": past.told_fill(dialect, coin, account, fill), "twapId": number} if number and coin is not None else None


def slice_fills(dialect: Dialect, body: Body) -> list[Thing]:
    """The newest moment first."""
    account = asked.account_of(dialect, body)
    if account is None:
        return []
    return sorted(_slices(dialect, account, 0, asked.LARGEST * MS, False), key=lambda one: -int(one["fill"]["time"]))[:KEPT]


def slice_fills_by_time(dialect: Dialect, body: Body) -> list[Thing]:
    """The oldest first: who wants more asks from the last one's time on."""
    account, (since, until), aggregate = asked.account_of(dialect, body), asked.span_of(body), asked.flag_of(body, "aggregateByTime")
    return [] if account is None else _slices(dialect, account, since, until, aggregate)[:KEPT]


def _slices(dialect: Dialect, account: int, since: int, until: int, aggregate: bool) -> list[Thing]:
    fills = past.kept_fills(dialect, account, since, until, aggregate)
    return [one for one in (told_slice(dialect, account, fill) for fill in fills) if one is not None]
