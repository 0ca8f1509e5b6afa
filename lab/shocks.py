"""The faults that ship, by their names in `[[faults]]`: what reaches the venue, what its operator does, and what the price does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Final, Literal

import numpy as np
from msgspec import Meta, Struct

from perplab.clients.bots.base import NOTHING, Rows, pack
from perplab.exchange.codes import FundingMode
from perplab.exchange.messages import (
    KIND_COLUMN,
    TS_COLUMN,
    CancelAll,
    Deposit,
    Place,
    SetFunding,
    SetGas,
    TimeInForce,
    column_of,
)
from perplab.exchange.units import BP, MS_NS, PPM, PPT, SECOND_NS
from perplab.oracle.paths import PricePath
from perplab.oracle.sources import MAX_OFFSET_BP, MIN_OFFSET_BP, Source
from perplab.oracle.values import MAX_NS

from .faults import FOREVER, ORACLE, Fault
from .runs import MARKET, Floats, Ints

ACCOUNT, SIZE, TIF = (column_of(Place, name) for name in ("account", "size", "tif"))
MAX_FUNDING_BP: Final = 10_000.0  # all of a position's value
SLACK: Final = 1e-9  # a whole number of lots, computed in floats, stays that


# -- on the way to the venue --


class Delay(Struct, frozen=True):
    by_s: Annotated[float, Meta(gt=0, le=86_400)]


class OracleDelayed(Fault):
    """Prices reach the venue later than they would."""

    senders = (ORACLE,)

    def __init__(self, terms: Delay) -> None:
        self.by_ns = round(terms.by_s * SECOND_NS)

    def passing(self, sender: str, rows: Rows) -> Rows:
        rows[:, TS_COLUMN] += self.by_ns
        return rows


class OracleFrozen(Fault):
    """No price reaches the venue."""

    senders = (ORACLE,)

    def passing(self, sender: str, rows: Rows) -> Rows:
        return NOTHING


class Who(Struct, frozen=True):
    cohorts: Annotated[tuple[str, ...], Meta(min_length=1)] = ("makers",)


class MakersGone(Fault):
    """Makers, or other cohorts, take back their orders and send no new ones; money that margin calls sent still comes."""

    def __init__(self, terms: Who) -> None:
        self.senders = terms.cohorts

    def begins(self, accounts: Mapping[str, Ints]) -> Rows:
        return pack(*(CancelAll(0, account) for name in self.senders for account in accounts[name].tolist()))

    def passing(self, sender: str, rows: Rows) -> Rows:
        money: Rows = rows[rows[:, KIND_COLUMN] == Deposit.KIND]
        return money


class Late(Struct, frozen=True):
    by_ms: Annotated[int, Meta(ge=1, le=3_600_000)]
    cohorts: Annotated[tuple[str, ...], Meta(min_length=1)] = ("noise", "momentum")


class TakersLate(Fault):
    """Orders of takers, or of other cohorts, arrive later than they would."""

    def __init__(self, terms: Late) -> None:
        self.senders = terms.cohorts
        self.by_ns = terms.by_ms * MS_NS

    def passing(self, sender: str, rows: Rows) -> Rows:
        rows[:, TS_COLUMN] += self.by_ns
        return rows


class Withdrawing(Struct, frozen=True):
    share: Annotated[float, Meta(gt=0, le=1)]  # of the size of every order that rests
    over_s: Annotated[float, Meta(ge=0, le=1e6)] = 0.0  # until it is that share, in a straight line
    back_s: Annotated[float, Meta(ge=0, le=1e6)] = 0.0  # before the fault ends: the time in which it comes back, likewise
    cohorts: Annotated[tuple[str, ...], Meta(min_length=1)] = ("makers",)


class MakersWithdraw(Fault):
    """Makers, or other cohorts, quote less and less, and in the end as much as before; what they have in a pool stays there."""

    def __init__(self, terms: Withdrawing) -> None:
        self.senders = terms.cohorts
        self.terms = terms
        self.begin, self.end = 0, FOREVER

    def prepare(self, accounts: Mapping[str, Ints], begin: int, end: int) -> None:
        self.begin, self.end = begin, end

    def passing(self, sender: str, rows: Rows) -> Rows:
        rests = (rows[:, KIND_COLUMN] == Place.KIND) & (rows[:, TIF] != TimeInForce.IOC)
        left = 1.0 - self.terms.share * self._progress(rows[rests, TS_COLUMN])
        rows[rests, SIZE] = np.floor(rows[rests, SIZE] * left + SLACK).astype(np.int64)
        quoted: Rows = rows[~rests | (rows[:, SIZE] > 0)]
        return quoted

    def _progress(self, ts: Ints) -> Floats:
        """From 0 to 1, how far they have withdrawn; shape of `ts`."""
        out = _line(ts - self.begin, self.terms.over_s)
        back = np.ones(ts.size) if self.end == FOREVER else _line(self.end - ts, self.terms.back_s)
        return np.minimum(out, back)


def _line(past: Ints, over_s: float) -> Floats:
    """What grows from 0 to 1 in that time, after so many ns; shape of `past`."""
    line: Floats = np.clip(past / (over_s * SECOND_NS), 0.0, 1.0) if over_s else np.ones(past.size)
    return line


class Cut(Struct, frozen=True):
    cohorts: Annotated[tuple[str, ...], Meta(min_length=1)]
    share: Annotated[float, Meta(gt=0, le=1)] = 1.0  # of the accounts of each, those with the lowest numbers; sizes have no order


class CannotSend(Fault):
    """Nothing of what some accounts send arrives, their orders stay where they are; money arrives when they can send again."""

    def __init__(self, terms: Cut) -> None:
        self.senders = terms.cohorts
        self.share = terms.share
        self.cut: Ints = np.zeros(0, np.int64)
        self.end = FOREVER

    def prepare(self, accounts: Mapping[str, Ints], begin: int, end: int) -> None:
        self.cut = np.concatenate([accounts[name][: round(self.share * accounts[name].size)] for name in self.senders])
        self.end = end

    def passing(self, sender: str, rows: Rows) -> Rows:
        mine = np.isin(rows[:, ACCOUNT], self.cut)
        money = mine & (rows[:, KIND_COLUMN] == Deposit.KIND) & (self.end < FOREVER)
        rows[money, TS_COLUMN] = self.end
        arrives: Rows = rows[~mine | money]
        return arrives


# -- by the operator's own commands --


class Gas(Struct, frozen=True):
    times: Annotated[float, Meta(ge=0, le=1e6)]  # what the design says


class GasSpike(Fault):
    """Commands cost a multiple of what the design says."""

    needs = ("gas",)

    def __init__(self, terms: Gas) -> None:
        self.terms = terms

    def begins(self, accounts: Mapping[str, Ints]) -> Rows:
        return pack(SetGas(0, round(self.terms.times * PPM)))

    def ends(self, accounts: Mapping[str, Ints]) -> Rows:
        return pack(SetGas(0, PPM))


class Funding(Struct, frozen=True):
    rate_bp: Annotated[float, Meta(ge=-MAX_FUNDING_BP, le=MAX_FUNDING_BP)]  # per funding interval, above zero where longs pay
    on_top: bool = False  # of what the design's rule says, and not in its place


class FundingSet(Fault):
    """The first market charges a stated funding rate; then its rule again. Two of them, one after the other, flip it."""

    def __init__(self, terms: Funding) -> None:
        self.terms = terms

    def begins(self, accounts: Mapping[str, Ints]) -> Rows:
        mode = FundingMode.SHIFT if self.terms.on_top else FundingMode.SET
        return pack(SetFunding(0, MARKET, int(mode), round(self.terms.rate_bp * BP * PPT)))

    def ends(self, accounts: Mapping[str, Ints]) -> Rows:
        return pack(SetFunding(0, MARKET, int(FundingMode.RULE)))


# -- to what the oracle hears, and to the price itself --


class Off(Struct, frozen=True):
    source: Annotated[int, Meta(ge=0)]  # its number, from 0
    off_bp: Annotated[float, Meta(ge=MIN_OFFSET_BP, le=MAX_OFFSET_BP)]  # [bp] of the true price; below zero: too low
    ramp_s: Annotated[float, Meta(ge=0, le=1e6)] = 0.0  # until it is off by so much, in a straight line
    kinds: Annotated[tuple[Literal["spot", "perp"], ...], Meta(min_length=1)] = ("spot", "perp")


class SourceOff(Fault):
    """One of the oracle's sources reports a price that is off, its spot market and its perpetual alike; the others are right."""

    senders = (ORACLE,)

    def __init__(self, terms: Off) -> None:
        self.terms = terms

    def reporting(self, kind: str, sources: list[Source], begin: int, end: int) -> list[Source]:
        terms = self.terms
        if kind not in terms.kinds or (not sources and terms.kinds != (kind,)):
            return sources
        if terms.source >= len(sources):
            raise ValueError(f"terms.source is {terms.source}: expected less than {len(sources)}, the number of {kind} sources")
        was, end, ramp_ns = sources[terms.source], min(end, MAX_NS), round(terms.ramp_s * SECOND_NS)
        if any(begin < other[1] and other[0] < end for other in was.manipulated):
            raise ValueError(f"terms.source is {terms.source}: expected one that is not off by another fault at that time")
        window = (begin, end, terms.off_bp, ramp_ns) if ramp_ns else (begin, end, terms.off_bp)
        is_now = replace(was, manipulated=(*was.manipulated, window))
        return [is_now if source is was else source for source in sources]


class Shock(Struct, frozen=True):
    by_bp: Annotated[float, Meta(ge=MIN_OFFSET_BP, le=MAX_OFFSET_BP)]  # [bp] of the price that it would have had
    over_s: Annotated[float, Meta(ge=0, le=1e6)] = 0.0  # until it is so much, in a straight line


class PriceShock(Fault):
    """The true price is off what the path says, and where the fault ends it is back there."""

    def __init__(self, terms: Shock) -> None:
        self.terms = terms

    def moving(self, path: PricePath, begin: int, end: int) -> PricePath:
        ts = path.start_ns + path.step_ns * np.arange(path.prices.size, dtype=np.int64)
        mine = (ts >= begin) & (ts < end)
        off = self.terms.by_bp * BP * _line(ts - begin, self.terms.over_s)
        return PricePath(path.start_ns, path.step_ns, path.prices * np.where(mine, 1.0 + off, 1.0))


class Apart(Struct, frozen=True):
    correlation: Annotated[float, Meta(ge=-1, le=1)]
    markets: tuple[str, ...] = ()  # of [further_markets]; none: all of them


class Decorrelate(Fault):
    """Further markets move with the first one as stated, and not as their tables say."""

    def __init__(self, terms: Apart) -> None:
        self.terms = terms
        self.markets = terms.markets

    def correlating(self, market: str, correlation: Floats) -> Floats:
        is_meant = market in self.markets or not self.markets
        return np.full(correlation.size, self.terms.correlation) if is_meant else correlation


SHIPPED: Final[Mapping[str, type[Fault]]] = {
    "oracle_delayed": OracleDelayed,
    "oracle_frozen": OracleFrozen,
    "makers_gone": MakersGone,
    "takers_late": TakersLate,
    "makers_withdraw": MakersWithdraw,
    "cannot_send": CannotSend,
    "gas_spike": GasSpike,
    "funding_set": FundingSet,
    "source_off": SourceOff,
    "price_shock": PriceShock,
    "decorrelate": Decorrelate,
}
