"""When the venue hears of the price: cadence, lag, jitter, deviation threshold, heartbeat.

Rules: a feed looks at its sources once per cadence; what it publishes is rounded to ticks half to even, the only
rounding of the package; arrivals are strictly increasing (a late update holds up those behind it). Where no source
reports nothing is published, and the venue sees its last price grow old.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from perplab.oracle.keyed import generator
from perplab.oracle.paths import MAX_POINTS, PricePath
from perplab.oracle.sources import AGGREGATES, BP, Source
from perplab.oracle.values import MAX_NS, MAX_PRICE, MIN_PRICE, MINUTE_NS, FeedError, Floats, Ints, real, whole

if TYPE_CHECKING:
    from perplab.exchange.messages import UpdateOracle

MAX_PRICE_TICKS: Final = 2**32 - 1  # [ticks] the venue's own bound on a price
MAX_DELAY_NS: Final = 24 * 60 * MINUTE_NS  # [ns] a day: beyond it the venue has no oracle to speak of


@dataclass(frozen=True, eq=False)
class Updates:
    """n >= 0 updates in order of arrival; read-only arrays of shape (n,)."""

    publish_ns: Ints  # [ns] int64, when each arrives at the venue, strictly increasing
    observed_ns: Ints  # [ns] int64, when its price was true of the sources, strictly increasing, <= publish_ns
    price_ticks: Ints  # [ticks] int64, in [1, 2^32)

    def __post_init__(self) -> None:
        for column in (self.publish_ns, self.observed_ns, self.price_ticks):
            column.flags.writeable = False

    def __len__(self) -> int:
        return self.publish_ns.size


@dataclass(frozen=True)
class Feed:
    """How reports become updates. FeedError names the parameter that is wrong.

    With `deviation_bp` 0 every look is published. Otherwise a look is published if its price differs from the last
    published one by at least that much, or if the last published look is at least `heartbeat_ns` ago (0: no heartbeat).
    """

    cadence_ns: int  # [ns] between looks at the sources
    lag_ns: int = 0  # [ns] from look to arrival, always
    jitter_ns: int = 0  # [ns] and up to this much more, drawn uniformly for each look
    deviation_bp: float = 0.0  # [bp] of the last published price
    heartbeat_ns: int = 0  # [ns] only with deviation_bp
    aggregate: str = "median"  # or another name of sources.AGGREGATES

    def __post_init__(self) -> None:
        put = object.__setattr__  # the dataclass is frozen: this is the one place that fills it
        put(self, "cadence_ns", whole(FeedError, "cadence_ns", self.cadence_ns, 1, MAX_DELAY_NS))
        put(self, "lag_ns", whole(FeedError, "lag_ns", self.lag_ns, 0, MAX_DELAY_NS))
        put(self, "jitter_ns", whole(FeedError, "jitter_ns", self.jitter_ns, 0, MAX_DELAY_NS))
        put(self, "deviation_bp", real(FeedError, "deviation_bp", self.deviation_bp, 0.0, 10_000.0))
        put(self, "heartbeat_ns", whole(FeedError, "heartbeat_ns", self.heartbeat_ns, 0, MAX_DELAY_NS))
        if 0 < self.heartbeat_ns < self.cadence_ns:
            expected = f"0 (none) or at least cadence_ns, {self.cadence_ns}"
            raise FeedError(f"heartbeat_ns: {self.heartbeat_ns} given, expected {expected}")
        if self.aggregate not in AGGREGATES:
            raise FeedError(f"aggregate: {self.aggregate!r} given, expected one of {', '.join(sorted(AGGREGATES))}")

    def updates(
        self, path: PricePath, sources: Sequence[Source], seed: int, start_ns: int, end_ns: int, tick: float
    ) -> Updates:
        """What the venue hears of looks in [start_ns, end_ns) at `sources`, in ticks of `tick` [USD].

        Looks are at `start_ns` plus whole cadences; the last may arrive up to lag and jitter after `end_ns`. A price
        below half a tick is published as 1 tick. FeedError if the span, the sources or the tick are wrong, or a price
        reaches 2^32 ticks.
        """
        tick = real(FeedError, "tick", tick, MIN_PRICE, MAX_PRICE)
        looks = self._looks(start_ns, end_ns)
        prices = self._prices(path, sources, looks, seed)
        arrivals = self._arrivals(looks, seed)
        chosen = self._chosen(looks, prices)
        ticks = np.maximum(np.rint(prices[chosen] / tick), 1.0)
        if ticks.size and ticks.max() > MAX_PRICE_TICKS:
            highest = prices[chosen].max()
            raise FeedError(f"tick: {tick} given, expected one of which the price {highest} is less than 2^32")
        return Updates(_in_order(arrivals[chosen]), looks[chosen], ticks.astype(np.int64))

    def _looks(self, start_ns: int, end_ns: int) -> Ints:
        start_ns = whole(FeedError, "start_ns", start_ns, 0, MAX_NS - 1)
        end_ns = whole(FeedError, "end_ns", end_ns, start_ns + 1, MAX_NS)
        looks = -((start_ns - end_ns) // self.cadence_ns)
        whole(FeedError, f"looks from start_ns to end_ns at cadence_ns {self.cadence_ns}", looks, 1, MAX_POINTS)
        return start_ns + self.cadence_ns * np.arange(looks, dtype=np.int64)

    def _prices(self, path: PricePath, sources: Sequence[Source], looks: Ints, seed: int) -> Floats:
        """The aggregate at each look, float64 (n,) [USD], NaN where nobody reports."""
        names = [source.name for source in sources]
        if not names or len(set(names)) != len(names):
            raise FeedError(f"sources: {names} given, expected at least one, and each name once")
        reports = np.stack([source.reports(path, looks, seed) for source in sources])
        return AGGREGATES[self.aggregate](reports, [source.weight for source in sources])

    def _arrivals(self, looks: Ints, seed: int) -> Ints:
        """Look plus lag plus jitter, one draw per look, published or not: a threshold moves no other arrival."""
        draws = generator(seed, "feed", "jitter")
        jitter: Ints = draws.integers(0, self.jitter_ns, looks.size, dtype=np.int64, endpoint=True)
        return looks + self.lag_ns + jitter

    def _chosen(self, looks: Ints, prices: Floats) -> Ints:
        """The indices of the looks that are published, rising."""
        reported = np.flatnonzero(~np.isnan(prices))
        if self.deviation_bp == 0.0:
            return reported
        threshold, heartbeat = self.deviation_bp * BP, self.heartbeat_ns or 2 * MAX_NS
        chosen: list[int] = []
        last_price, last_ns = 0.0, 0  # any price differs enough from 0: the first report is published
        columns = (reported.tolist(), prices[reported].tolist(), looks[reported].tolist())
        for index, price, now in zip(*columns, strict=True):
            if abs(price - last_price) >= threshold * last_price or now - last_ns >= heartbeat:
                chosen.append(index)
                last_price, last_ns = price, now
        return np.array(chosen, dtype=np.int64)


def _in_order(arrivals: Ints) -> Ints:
    """Arrivals in the order sent, each at least 1 ns after the one before: p[i] = max(a[i], p[i-1] + 1)."""
    order = np.arange(arrivals.size, dtype=np.int64)
    in_order: Ints = np.maximum.accumulate(arrivals - order) + order
    return in_order


def commands(updates: Updates, market: int) -> Iterator[UpdateOracle]:
    """The updates as the venue's commands, in order: `UpdateOracle(ts=[ns], market=market, price=[ticks])`."""
    from perplab.exchange.messages import UpdateOracle  # here: the rest of the package works without the exchange

    for ts, price in zip(updates.publish_ns.tolist(), updates.price_ticks.tolist(), strict=True):
        yield UpdateOracle(ts=ts, market=market, price=price)
