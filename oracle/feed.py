"""When the venue hears of the price: which reports count, cadence, lag, jitter, deviation threshold, heartbeat.

Rules: a feed looks at its sources once per cadence; a report too far from what all of them make together is left out,
and where too few are left nothing is published: the venue sees its last price grow old. What is published is rounded to
ticks half to even, the only rounding of the package; arrivals are strictly increasing (a late update holds up those
behind it). The order in which the sources are given changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from perplab.oracle.keyed import generator
from perplab.oracle.paths import MAX_POINTS, PricePath
from perplab.oracle.sources import AGGREGATES, Source
from perplab.oracle.values import BP, MAX_NS, MAX_PRICE, MIN_PRICE, MINUTE_NS, FeedError, Floats, Ints, real, whole

if TYPE_CHECKING:
    from perplab.exchange.messages import UpdateOracle

MAX_PRICE_TICKS: Final = 2**32 - 1  # [ticks] the venue's own bound on a price
MAX_DELAY_NS: Final = 24 * 60 * MINUTE_NS  # [ns] a day: beyond it the venue has no oracle to speak of
MAX_SOURCES: Final = 1_000_000
MIN_DISAGREEMENT_BP: Final = 0.01  # [bp] above the rounding of a report: equal reports never disagree
MAX_DISAGREEMENT_BP: Final = 1e9  # [bp] a factor of 100,000: no limit


@dataclass(frozen=True, eq=False)
class Updates:
    """n >= 0 updates in order of arrival; read-only arrays of shape (n,)."""

    publish_ns: Ints  # [ns] int64, when each arrives at the venue, strictly increasing
    observed_ns: Ints  # [ns] int64, when its price was true of the sources, strictly increasing, <= publish_ns
    price_ticks: Ints  # [ticks] int64, in [1, 2^32)
    perp_ticks: Ints  # [ticks] int64, of outside perpetuals, in [0, 2^32), 0: not given

    def __post_init__(self) -> None:
        for column in (self.publish_ns, self.observed_ns, self.price_ticks, self.perp_ticks):
            column.flags.writeable = False

    def __len__(self) -> int:
        return self.publish_ns.size


@dataclass(frozen=True)
class Feed:
    """How reports become updates. FeedError names the parameter that is wrong.

    With `deviation_bp` 0 every look is published. Otherwise a look is published if its price differs from the last
    published one by at least that much, or if the last published look is at least `heartbeat_ns` ago (0: no heartbeat).

    A report farther than `max_disagreement_bp` from the aggregate of all reports of its look is left out: with two that
    disagree, both. The aggregate of the rest is the price, if at least `min_sources` are left. With 0, the default, no
    minority of the sources ever publishes a price of its own, whatever its weight and whoever else is out.
    """

    cadence_ns: int  # [ns] between looks at the sources
    lag_ns: int = 0  # [ns] from look to arrival, always
    jitter_ns: int = 0  # [ns] and up to this much more, drawn uniformly for each look
    deviation_bp: float = 0.0  # [bp] of the last published price
    heartbeat_ns: int = 0  # [ns] only with deviation_bp
    aggregate: str = "median"  # or another name of sources.AGGREGATES
    min_sources: int = 0  # that must report and agree, else nothing is published; 0: more than half of those given
    max_disagreement_bp: float = 500.0  # [bp] of the aggregate of all reports

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
        put(self, "min_sources", whole(FeedError, "min_sources", self.min_sources, 0, MAX_SOURCES))
        limits = MIN_DISAGREEMENT_BP, MAX_DISAGREEMENT_BP
        put(self, "max_disagreement_bp", real(FeedError, "max_disagreement_bp", self.max_disagreement_bp, *limits))

    def updates(
        self,
        path: PricePath,
        sources: Sequence[Source],
        seed: int,
        start_ns: int,
        end_ns: int,
        tick: float,
        perps: Sequence[Source] | None = None,
    ) -> Updates:
        """What the venue hears of looks in [start_ns, end_ns) at `sources`, in ticks of `tick` [USD].

        Looks are at `start_ns` plus whole cadences; the last may arrive up to lag and jitter after `end_ns`. A price
        below half a tick is published as 1 tick. `perps` are outside perpetuals, aggregated alike at the same looks;
        not given, each source has one, with its faults and a noise of its own; `()` for none. Where too few of them
        agree the update comes without. FeedError if the span, the sources or the tick are wrong, or a price reaches
        2^32 ticks.
        """
        tick = real(FeedError, "tick", tick, MIN_PRICE, MAX_PRICE)
        looks = self._looks(start_ns, end_ns)
        perps = self._perps(sources, perps)
        prices = self._prices(path, sources, looks, seed)
        arrivals = self._arrivals(looks, seed)
        chosen = self._chosen(looks, prices)
        price_ticks = _ticks(prices[chosen], tick)
        perp_prices = self._prices(path, perps, looks, seed) if perps else np.full(looks.size, np.nan)
        return Updates(_in_order(arrivals[chosen]), looks[chosen], price_ticks, _ticks(perp_prices[chosen], tick))

    def _looks(self, start_ns: int, end_ns: int) -> Ints:
        start_ns = whole(FeedError, "start_ns", start_ns, 0, MAX_NS - 1)
        end_ns = whole(FeedError, "end_ns", end_ns, start_ns + 1, MAX_NS)
        looks = -((start_ns - end_ns) // self.cadence_ns)
        whole(FeedError, f"looks from start_ns to end_ns at cadence_ns {self.cadence_ns}", looks, 1, MAX_POINTS)
        return start_ns + self.cadence_ns * np.arange(looks, dtype=np.int64)

    def _perps(self, sources: Sequence[Source], perps: Sequence[Source] | None) -> Sequence[Source]:
        """The outside perpetuals that are meant. FeedError if they, or the sources, are not fit for this feed."""
        if not sources:
            raise FeedError("sources: [] given, expected at least one, and each name once")
        _check_names("sources", sources)
        if perps is None:
            perps = [replace(source, name=f"{source.name} perpetual") for source in sources]
        _check_names("sources and perps", [*sources, *perps])
        for kind, given in (("sources", sources), ("perps", perps)):
            if given and self.min_sources > len(given):
                raise FeedError(f"min_sources: {self.min_sources} given, expected at most {len(given)}, as {kind} are given")
        return perps

    def _prices(self, path: PricePath, sources: Sequence[Source], looks: Ints, seed: int) -> Floats:
        """The aggregate of the reports that agree at each look, float64 (n,) [USD]; NaN where they are too few."""
        combine, weights = AGGREGATES[self.aggregate], [source.weight for source in sources]
        reports = np.stack([source.reports(path, looks, seed) for source in sources])
        middle = combine(reports, weights)
        near = np.abs(reports - middle) <= self.max_disagreement_bp * BP * middle  # NaN is near nothing
        prices = combine(np.where(near, reports, np.nan), weights)
        prices[near.sum(axis=0) < (self.min_sources or len(sources) // 2 + 1)] = np.nan
        return prices

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


def _check_names(kind: str, sources: Sequence[Source]) -> None:
    names = [source.name for source in sources]  # a name is the key of a source's draws
    if len(set(names)) != len(names):
        raise FeedError(f"{kind}: {names} given, expected at least one, and each name once")


def _ticks(prices: Floats, tick: float) -> Ints:
    """Prices [USD] as whole ticks, at least 1; NaN, no price, as 0. FeedError if one reaches 2^32 ticks."""
    ticks = np.maximum(np.rint(prices / tick), 1.0)
    wrong = np.flatnonzero(ticks > MAX_PRICE_TICKS)
    if wrong.size:
        highest = prices[wrong].max()
        raise FeedError(f"tick: {tick} given, expected one of which the price {highest} is less than 2^32")
    whole_ticks: Ints = np.where(np.isnan(ticks), 0.0, ticks).astype(np.int64)
    return whole_ticks


def commands(updates: Updates, market: int) -> Iterator[UpdateOracle]:
    """The updates as the venue's commands, in order: `UpdateOracle(ts=[ns], market=market, price=[ticks], perp_median=[ticks])`."""
    from perplab.exchange.messages import UpdateOracle  # here: the rest of the package works without the exchange

    columns = (updates.publish_ns.tolist(), updates.price_ticks.tolist(), updates.perp_ticks.tolist())
    for ts, price, perp in zip(*columns, strict=True):
        yield UpdateOracle(ts=ts, market=market, price=price, perp_median=perp)
