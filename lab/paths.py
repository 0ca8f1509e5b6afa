"""Paths of the true price as a scenario states them, and the family that a path belongs to by its shape.

Rules: a path that exists is sound; what is drawn of it depends on the seed alone. A family is a property of the prices, not of a name:
`shape` says it of any path, and a path that states another one is refused.
"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from typing import Annotated, ClassVar, Final, Literal, NamedTuple, Self, get_args

import numpy as np
from msgspec import Meta, Struct
from msgspec.structs import replace

from perplab.exchange.units import BP, MINUTE_NS, MS_NS, SECOND_NS
from perplab.oracle.bars import Bars
from perplab.oracle.paths import Diffusion, Grid, PricePath, continued, gbm, waypoints

from .own import OwnClass, ScenarioError, asking, must_take
from .runs import Floats

MAX_POINTS: Final = 20_000_000  # of a path's grid: 160 MB
LEAST_FALL: Final = 0.02  # share of the starting price: what falls less belongs to no family
REGAINED: Final = 0.5  # share of the fall from which on a path has recovered
LOWER: Final = 0.1  # share of the fall by which a low must be lower than those before it to be a new one
SWINGS: Final = 3  # moves of half the path's range that make a whipsaw: down, up and down again

Family = Literal["recovers", "stays_low", "falls_on", "whipsaw"]
FAMILIES: Final[tuple[str, ...]] = get_args(Family)

Whole = Annotated[int, Meta(ge=1, le=10**9)]
Positive = Annotated[float, Meta(gt=0, le=1e15)]
NotNegative = Annotated[float, Meta(ge=0, le=1e15)]
Row = tuple[Positive, Positive, Positive, Positive]
Knot = tuple[Annotated[float, Meta(gt=0, le=1e5)], Annotated[float, Meta(ge=0.01, le=100)]]


class Table(Struct, frozen=True, forbid_unknown_fields=True):
    """Base of all tables: frozen, and unknown keys are errors."""


class BarsPath(Table, frozen=True, tag_field="kind", tag="bars"):
    """A true price that runs through given bars."""

    source: str  # where the bars come from
    start: datetime
    bar_s: Whole
    step_ms: Whole  # of the path's grid; divides a bar
    noise: NotNegative  # of the bridges between the bars' four prices; 1: as volatile as the bar's range says
    bars: Annotated[tuple[Row, ...], Meta(min_length=1, max_length=20_000)]  # open, high, low, close [USD]
    watch_from: datetime | None = None  # from when on the delay of auto-deleveraging is measured; none: from the start
    family: Family | None = None  # stated; none: not said

    def __post_init__(self) -> None:
        check_points(len(self.bars) * self.bar_s * 1000 // self.step_ms, self.step_ms)
        path = self.path(0)  # the bars are sound, the grid fits
        if self.watch_from and not path.start_ns <= self.watch_ts <= path.end_ns:
            raise ValueError(f"watch_from: {self.watch_from} given, expected a time within the bars")

    def path(self, seed: int) -> PricePath:
        """The true price of this seed."""
        return waypoints(self.of_bars(), self.step_ms * MS_NS, seed, self.noise)

    def of_bars(self) -> Bars:
        return Bars.of(self.bars, moment_ns(self.start), self.bar_s * SECOND_NS, self.source)

    def scaled(self, factor: float) -> Self:
        """The same with all moves from the first price, in logarithms, times `factor`: 0 has none, below 0 they go the other way."""
        first = self.first_usd
        rows = [tuple(first * (price / first) ** factor for price in row) for row in self.bars]
        turned = [(open_, max(high, low), min(high, low), close) for open_, high, low, close in rows]
        return replace(self, bars=tuple(turned), family=None)

    @property
    def first_usd(self) -> float:
        return self.bars[0][0]

    @property
    def watch_ts(self) -> int:
        """`watch_from` [ns], 0 for none."""
        return moment_ns(self.watch_from) if self.watch_from else 0


class ContinuedPath(BarsPath, frozen=True, kw_only=True, tag="continued"):
    """A true price that runs through given bars until a time, and goes on from there through stated prices.

    Between them ln(price) is a straight line plus a Brownian bridge of a stated volatility, times `noise`.
    """

    until: datetime  # the end of a bar: what comes after it in `bars` did not happen
    then: Annotated[tuple[Knot, ...], Meta(min_length=1, max_length=1000)]  # minutes after `until`, price over the one of then
    volatility_bp: Annotated[float, Meta(ge=0, le=1000)]  # [bp per square root of a second]

    def __post_init__(self) -> None:
        whole, rest = divmod(moment_ns(self.until) - moment_ns(self.start), self.bar_s * SECOND_NS)
        if rest or not 1 <= whole <= len(self.bars):
            expected = f"the end of one of the {len(self.bars)} bars, which begin at {self.start}"
            raise ValueError(f"until: {self.until} given, expected {expected}")
        must_rise_in_time(self.then)
        check_points(round(self.then[-1][0] * 60_000) // self.step_ms, self.step_ms)
        super().__post_init__()

    def scaled(self, factor: float) -> Self:
        """As those of the bars, the moves behind them, and their volatility."""
        then = tuple((minutes, price**factor) for minutes, price in self.then)
        return replace(super().scaled(factor), then=then, volatility_bp=self.volatility_bp * abs(factor))

    def path(self, seed: int) -> PricePath:
        """The true price of this seed; that of the bars alone up to `until`."""
        bars = self.of_bars()
        before = waypoints(bars.window(bars.start_ns, moment_ns(self.until)), self.step_ms * MS_NS, seed, self.noise)
        knots = [(round(minutes * MINUTE_NS / before.step_ns), float(before.prices[-1]) * price) for minutes, price in self.then]
        return continued(before, knots, self.noise * self.volatility_bp * BP, seed)


class KnotsPath(Table, frozen=True, tag_field="kind", tag="knots"):
    """A true price of which some moments are known: it runs through these, and between them as in `ContinuedPath`."""

    source: str  # where the prices come from
    start: datetime
    step_ms: Whole
    first_usd: Positive
    then: Annotated[tuple[Knot, ...], Meta(min_length=1, max_length=1000)]  # minutes after the start, price over the first one
    volatility_bp: Annotated[float, Meta(ge=0, le=1000)]  # [bp per square root of a second] between them
    watch_from: datetime | None = None  # from when on the delay of auto-deleveraging is measured; none: from the start
    family: Family | None = None  # stated; none: not said

    def __post_init__(self) -> None:
        must_rise_in_time(self.then)
        check_points(round(self.then[-1][0] * 60_000) // self.step_ms, self.step_ms)
        self.path(0)
        if self.watch_from and not moment_ns(self.start) <= self.watch_ts <= self.path(0).end_ns:
            raise ValueError(f"watch_from: {self.watch_from} given, expected a time within the path")

    def path(self, seed: int) -> PricePath:
        """The true price of this seed."""
        step_ns = self.step_ms * MS_NS
        knots = [(round(minutes * MINUTE_NS / step_ns), self.first_usd * price) for minutes, price in self.then]
        return continued(PricePath(moment_ns(self.start), step_ns, np.array([self.first_usd])), knots, self.volatility_bp * BP, seed)

    def scaled(self, factor: float) -> KnotsPath:
        """As that of bars, and their volatility."""
        then = tuple((minutes, price**factor) for minutes, price in self.then)
        return replace(self, then=then, volatility_bp=self.volatility_bp * abs(factor), family=None)

    @property
    def watch_ts(self) -> int:
        """`watch_from` [ns], 0 for none."""
        return moment_ns(self.watch_from) if self.watch_from else 0


def must_rise_in_time(knots: tuple[Knot, ...]) -> None:
    """ValueError"""
    if any(later <= earlier for (earlier, _), (later, _) in pairwise(knots)):
        raise ValueError(f"then: {[list(knot) for knot in knots]} given, expected [minutes, price] pairs with rising minutes")


class GbmPath(Table, frozen=True, tag_field="kind", tag="gbm"):
    """A true price that is a geometric Brownian motion."""

    start: datetime
    minutes: Annotated[int, Meta(ge=1, le=1440)]
    step_ms: Whole
    first_usd: Positive
    drift: Annotated[float, Meta(ge=-1e6, le=1e6)]  # [per year]
    volatility: Annotated[float, Meta(ge=0, le=100)]  # [per square root of a year]
    family: Family | None = None  # stated; none: not said
    watch_ts: ClassVar[int] = 0  # a calm path has no moment to watch from

    def __post_init__(self) -> None:
        check_points(self.minutes * 60_000 // self.step_ms, self.step_ms)
        self.path(0)

    def scaled(self, factor: float) -> GbmPath:
        """The same with drift and volatility times `factor`, the latter without its sign."""
        return replace(self, drift=self.drift * factor, volatility=self.volatility * abs(factor), family=None)

    def path(self, seed: int) -> PricePath:
        """The true price of this seed."""
        step_ns = self.step_ms * MS_NS
        grid = Grid(moment_ns(self.start), step_ns, self.minutes * MINUTE_NS // step_ns)
        return gbm(grid, self.first_usd, Diffusion(self.drift, self.volatility), seed)


class PriceModel:
    """Base of own paths that are classes: it gives a price at every point of a grid."""

    def prices(self, grid: Grid, seed: int) -> Floats:
        """Shape (grid.points,), more than zero. They are scaled to begin at the scenario's `first_usd`, so only their ratios count.

        Equal seeds give equal prices: what is random is drawn by `perplab.oracle.keyed.generator(seed, "some words")`.
        """
        raise NotImplementedError


class OwnPath(OwnClass, frozen=True, kw_only=True, tag_field="kind", tag="own"):
    """A true price by a class of the user's own, a `PriceModel`, or by a function of (grid, seed), with `terms` if it takes any."""

    start: datetime
    minutes: Annotated[int, Meta(ge=1, le=1440)]
    step_ms: Whole
    first_usd: Positive
    watch_from: datetime | None = None  # from when on the delay of auto-deleveraging is measured; none: from the start
    family: Family | None = None  # stated; none: not said

    def __post_init__(self) -> None:
        check_points(self.minutes * 60_000 // self.step_ms, self.step_ms)
        self.must_be_a_model(self.found())
        if not np.array_equal(self.path(0).prices, self.path(0).prices):
            raise ValueError(f"class is {self.named!r}: expected equal prices for equal seeds")
        if self.watch_from and not moment_ns(self.start) <= self.watch_ts <= self.path(0).end_ns:
            raise ValueError(f"watch_from: {self.watch_from} given, expected a time within the path")

    def must_be_a_model(self, value: object) -> None:
        if isinstance(value, type):
            model = self.must_extend(PriceModel, value)
            must_take(self.named, model, **self.terms_of(model))
        elif callable(value):
            must_take(self.named, value, "grid", "seed", **self.terms_of(value))
        else:
            raise ValueError(f"class is {self.named!r}: expected a class that extends {PriceModel.__module__}.PriceModel, or a function")

    def path(self, seed: int) -> PricePath:
        """The true price of this seed. ScenarioError if the class ends in an error, or what it gives is no price."""
        step_ns = self.step_ms * MS_NS
        grid = Grid(moment_ns(self.start), step_ns, self.minutes * MINUTE_NS // step_ns)
        made = self.loaded()
        with np.errstate(all="ignore"), asking(self.named, f"the prices of seed {seed}"):  # what overflows is told below
            given = np.asarray(self._prices(made, grid, seed))
            is_complex = given.dtype.kind == "c"
            prices = given.real.astype(np.float64)
            scaled = prices / prices[:1] * self.first_usd if prices.shape == (grid.points,) else prices
        wrong = "" if is_complex else wrong_price(prices, scaled)
        if prices.shape != (grid.points,) or is_complex or wrong:
            told = f"{'complex numbers of ' if is_complex else ''}shape {prices.shape}"
            expected = f"expected {grid.points:,} prices above zero, one for each point of the grid"
            raise ScenarioError(f"class is {self.named!r}, which gives {told} in seed {seed}{wrong}: {expected}")
        return PricePath(grid.start_ns, grid.step_ns, scaled)

    def _prices(self, made: object, grid: Grid, seed: int) -> object:
        assert callable(made)
        if isinstance(made, type):
            model = made(**self.terms_of(made))
            assert isinstance(model, PriceModel)
            return model.prices(grid, seed)
        found: object = made(grid, seed, **self.terms_of(made))
        return found

    def scaled(self, factor: float) -> OwnPath:
        """ValueError: what a class draws is its own."""
        raise ValueError(f"{self.named} is a class of your own, which alone moves it, expected a knob that it takes: path.terms.NAME")

    @property
    def watch_ts(self) -> int:
        """`watch_from` [ns], 0 for none."""
        return moment_ns(self.watch_from) if self.watch_from else 0


def wrong_price(given: Floats, scaled: Floats) -> str:
    """The first of the prices that a class gives, then of those that they become, that is none; nothing: all are prices."""
    for prices, told in ((given, ""), (scaled, " once they begin at first_usd")):
        bad = np.flatnonzero(~(np.isfinite(prices) & (prices > 0.0)))
        if bad.size:
            return f", {prices.flat[bad[0]]:g} at point {bad[0]:,}{told}"
    return ""


def check_points(points: int, step_ms: int) -> None:
    if not 2 <= points <= MAX_POINTS:
        raise ValueError(f"step_ms: {step_ms} given, which makes {points:,} points of the path, expected 2 to {MAX_POINTS:,}")


def moment_ns(moment: datetime) -> int:
    """A moment as ns since 1970; without a zone it is UTC."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000) * MS_NS


# -- families --


class Shape(NamedTuple):
    """What a path does, by the prices at which its minutes end."""

    fall: float  # from the first price to the lowest, as a share of the first
    regained: float  # share of the fall that is back at the end; 0 without a fall
    family: Family | None  # none: it hardly falls

    def __str__(self) -> str:
        return f"regains {self.regained:.0%} of a fall of {self.fall:.0%}" if self.family else f"falls by {self.fall:.1%} at most"


def shape(path: PricePath) -> Shape:
    """The family of a path, by its prices alone.

    whipsaw: moves by half of its range or more in turns, three times at least; else recovers: half of the fall or more is back at the end;
    else falls_on: the last third has a new low, by a tenth of the fall or more; else stays_low.
    """
    minutes = max(1, (path.end_ns - path.start_ns + path.step_ns) // MINUTE_NS)
    ends = path.start_ns + MINUTE_NS * np.arange(1, minutes + 1) - path.step_ns
    closes = np.concatenate([path.prices[:1], path.at(ends)])
    low = closes.min()
    fall = float(closes[0] - low)
    if fall < LEAST_FALL * closes[0]:
        return Shape(fall / float(closes[0]), 0.0, None)
    regained = float(closes[-1] - low) / fall
    return Shape(fall / float(closes[0]), regained, _family(closes, fall, regained))


def _family(closes: Floats, fall: float, regained: float) -> Family:
    late = closes.size * 2 // 3
    if swings(closes) >= SWINGS:
        return "whipsaw"
    if regained >= REGAINED:
        return "recovers"
    return "falls_on" if closes[:late].min() - closes[late:].min() >= LOWER * fall else "stays_low"


def swings(closes: Floats) -> int:
    """Moves, up and down in turns, of half of the range of all prices or more."""
    least = float(np.ptp(closes)) / 2.0
    count, way, high, low = 0, 0, float(closes[0]), float(closes[0])
    for price in closes.tolist():
        high, low = max(high, price), min(low, price)
        if way >= 0 and high - price >= least > 0.0:
            count, way, low = count + 1, -1, price
        elif way <= 0 and price - low >= least > 0.0:
            count, way, high = count + 1, 1, price
    return count
