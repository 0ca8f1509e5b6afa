"""The feed: when updates arrive, which looks are published, how prices become ticks."""

import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perplab.oracle import values
from perplab.oracle.feed import MAX_PRICE_TICKS, Feed, Updates, commands
from perplab.oracle.paths import Diffusion, Grid, PricePath, gbm
from perplab.oracle.sources import Source
from perplab.oracle.values import MAX_NS, FeedError

SECOND = 10**9
END = 600 * SECOND
PATH = gbm(Grid(0, SECOND // 10, 6_001), 100.0, Diffusion(0.0, 3.0), seed=1)
SOURCES = [Source("a", noise_bp=1.0), Source("b", noise_bp=1.0), Source("c", noise_bp=1.0)]
ONE = [Source("a")]


def listen(feed: Feed, sources: list[Source] = ONE, seed: int = 1, path: PricePath = PATH) -> Updates:
    return feed.updates(path, sources, seed, 0, END, tick=0.01)


def steps(*prices: float) -> PricePath:
    return PricePath(0, SECOND, np.array(prices))


# Time -----------------------------------------------------------------------------------------------------------------


def test_every_look_is_published_after_the_lag() -> None:
    updates = listen(Feed(SECOND, lag_ns=250_000_000))
    assert len(updates) == 600
    assert updates.observed_ns.tolist() == [index * SECOND for index in range(600)]
    assert (updates.publish_ns - updates.observed_ns).tolist() == [250_000_000] * 600
    assert updates.price_ticks.tolist() == np.rint(PATH.prices[:6_000:10] / 0.01).tolist()


def test_looks_start_at_the_start_and_end_before_the_end() -> None:
    feed = Feed(3 * SECOND)
    for start, end, looks in [(5, 6, [5]), (0, 9 * SECOND, [0, 3, 6]), (0, 9 * SECOND + 1, [0, 3, 6, 9])]:
        updates = feed.updates(PATH, ONE, 1, start, end, 0.01)
        assert updates.observed_ns.tolist() == [look * SECOND if look < 5 or look > 5 else look for look in looks]


def test_jitter_is_uniform_on_top_of_the_lag() -> None:
    updates = listen(Feed(SECOND, lag_ns=SECOND, jitter_ns=SECOND // 2))
    delays = updates.publish_ns - updates.observed_ns
    assert delays.min() >= SECOND and delays.max() <= 3 * SECOND // 2
    assert delays.mean() == pytest.approx(1.25 * SECOND, rel=0.02)


def test_a_late_update_holds_up_those_behind_it() -> None:
    updates = listen(Feed(SECOND, jitter_ns=20 * SECOND))
    drawn = listen(Feed(20 * SECOND, jitter_ns=20 * SECOND)).publish_ns  # too rare to overtake: the draws themselves
    assert updates.publish_ns[0] == drawn[0]
    delays = updates.publish_ns - updates.observed_ns
    assert (np.diff(updates.publish_ns) == 1).any()  # arrived together with the one before
    assert delays.min() >= 0 and delays.max() <= 20 * SECOND + len(updates)


feeds = st.builds(
    Feed,
    cadence_ns=st.integers(SECOND, 50 * SECOND),
    lag_ns=st.integers(0, 10 * SECOND),
    jitter_ns=st.sampled_from([0, 1, SECOND, 100 * SECOND]),
    deviation_bp=st.sampled_from([0.0, 1.0, 20.0]),
    heartbeat_ns=st.sampled_from([0, 50 * SECOND]),
    aggregate=st.sampled_from(["median", "weighted_median"]),
)


@given(feeds, st.integers(0, 2**64))
def test_updates_are_in_order_and_reproducible(feed: Feed, seed: int) -> None:
    updates, again = listen(feed, SOURCES, seed), listen(feed, SOURCES, seed)
    for one, other in zip(vars(updates).values(), vars(again).values(), strict=True):
        assert one.dtype == np.int64 and one.tolist() == other.tolist()
    assert (np.diff(updates.publish_ns) > 0).all() and (np.diff(updates.observed_ns) > 0).all()
    assert (updates.publish_ns >= updates.observed_ns + feed.lag_ns).all()
    assert (updates.observed_ns % feed.cadence_ns == 0).all() and updates.observed_ns[0] == 0
    assert (updates.price_ticks >= 1).all()


def test_a_threshold_moves_no_arrival() -> None:
    every = listen(Feed(SECOND, jitter_ns=SECOND // 2))
    some = listen(Feed(SECOND, jitter_ns=SECOND // 2, deviation_bp=5.0))
    known = dict(zip(every.observed_ns.tolist(), every.publish_ns.tolist(), strict=True))
    assert 0 < len(some) < len(every)
    assert [known[look] for look in some.observed_ns.tolist()] == some.publish_ns.tolist()


# Which looks ----------------------------------------------------------------------------------------------------------


def test_deviation_is_measured_from_the_last_published_price() -> None:
    path = steps(100.0, 100.4, 100.9, 101.0, 101.0, 100.1, 99.0)
    updates = Feed(SECOND, deviation_bp=100.0).updates(path, ONE, 1, 0, 7 * SECOND, tick=0.1)
    assert updates.observed_ns.tolist() == [0, 3 * SECOND, 6 * SECOND]
    assert updates.price_ticks.tolist() == [1_000, 1_010, 990]


def test_a_heartbeat_is_published_without_a_move() -> None:
    path = steps(*[100.0] * 4, 105.0, *[105.0] * 5)
    updates = Feed(SECOND, deviation_bp=100.0, heartbeat_ns=3 * SECOND).updates(path, ONE, 1, 0, 10 * SECOND, tick=0.1)
    assert updates.observed_ns.tolist() == [0, 3 * SECOND, 4 * SECOND, 7 * SECOND]


@given(st.floats(0.5, 50.0), st.integers(SECOND, 60 * SECOND), st.integers(0, 99))
def test_skipped_looks_were_near_and_recent(deviation: float, heartbeat: int, seed: int) -> None:
    path = gbm(Grid(0, SECOND, 600), 100.0, Diffusion(0.0, 3.0), seed)
    updates = Feed(SECOND, deviation_bp=deviation, heartbeat_ns=heartbeat).updates(path, ONE, 1, 0, END, tick=0.01)
    published = set(updates.observed_ns.tolist())
    last = 0
    for now in range(0, END, SECOND):
        moved = abs(path.price_at(now) - path.price_at(last)) / path.price_at(last) * 1e4
        if now in published:
            assert now == 0 or moved >= deviation * (1 - 1e-9) or now - last >= heartbeat
            last = now
        else:
            assert moved < deviation * (1 + 1e-9) and now - last < heartbeat


def test_nobody_reports_nothing_is_published() -> None:
    outage = (100 * SECOND, 200 * SECOND)
    down = [Source("a", outages=(outage,)), Source("b", outages=(outage,))]
    updates = listen(Feed(SECOND), down)
    assert [look // SECOND for look in updates.observed_ns.tolist()] == [*range(100), *range(200, 600)]
    assert len(listen(Feed(SECOND, min_sources=1), [*down, Source("c")])) == 600
    beats = listen(Feed(SECOND, deviation_bp=9_999.0, heartbeat_ns=30 * SECOND), down)
    assert [look // SECOND for look in beats.observed_ns.tolist()][:6] == [0, 30, 60, 90, 200, 230]


def test_nobody_ever_reports() -> None:
    for deviation in (0.0, 1.0):
        assert len(listen(Feed(SECOND, deviation_bp=deviation), [Source("a", outages=((0, END),))])) == 0


# Price ----------------------------------------------------------------------------------------------------------------


def test_ticks_are_rounded_half_to_even_and_at_least_one() -> None:
    path = steps(0.5, 1.5, 2.5, 2.6, 0.2, 3.5, 4_294_967_295.0)
    updates = Feed(SECOND).updates(path, ONE, 1, 0, 7 * SECOND, tick=1.0)
    assert updates.price_ticks.tolist() == [1, 2, 2, 3, 1, 4, 2**32 - 1]


def test_the_aggregate_is_what_is_published() -> None:
    sources = [Source("a", weight=5.0), Source("b", bias_bp=100.0), Source("c", bias_bp=200.0)]
    path = steps(100.0, 100.0)
    plain = Feed(SECOND).updates(path, sources, 1, 0, SECOND, 0.01)
    weighted = Feed(SECOND, aggregate="weighted_median").updates(path, sources, 1, 0, SECOND, 0.01)
    assert plain.price_ticks.tolist() == [10_100] and weighted.price_ticks.tolist() == [10_000]


def test_adding_a_source_changes_no_other_sources_reports() -> None:
    alone = listen(Feed(SECOND), SOURCES[:1])
    manipulator = Source("z", weight=1e-6, noise_bp=500.0)
    both = listen(Feed(SECOND, aggregate="weighted_median", min_sources=1), [manipulator, SOURCES[0]])
    assert both.price_ticks.tolist() == alone.price_ticks.tolist()


# Who counts -----------------------------------------------------------------------------------------------------------

FLAT = PricePath(0, SECOND, np.full(10, 1_000.0))
ALWAYS = (0, 10 * SECOND)


def rogue(name: str, offset_bp: float, weight: float = 1.0) -> Source:
    return Source(name, weight=weight, manipulated=((*ALWAYS, offset_bp),))


def out(name: str, weight: float = 1.0) -> Source:
    return Source(name, weight=weight, outages=(ALWAYS,))


def price(feed: Feed, *sources: Source) -> int | None:
    """What is published of a flat price of 1,000 [ticks of 1 USD]; None for nothing."""
    updates = feed.updates(FLAT, sources, 1, 0, SECOND, 1.0)
    return int(updates.price_ticks[0]) if len(updates) else None


def test_a_rogue_among_two_that_report_is_not_published() -> None:
    assert price(Feed(SECOND), Source("a"), out("b"), rogue("c", 10_000.0)) is None
    assert price(Feed(SECOND), Source("a"), Source("b"), rogue("c", 10_000.0)) == 1_000
    assert price(Feed(SECOND), Source("a"), out("b"), rogue("c", 100.0)) == 1_005  # close enough: the mean


def test_by_default_more_than_half_of_the_sources_must_agree() -> None:
    names = "abcdefg"
    for n in range(1, 7):
        for report in range(n + 1):
            sources = [Source(name) if number < report else out(name) for number, name in enumerate(names[:n])]
            assert price(Feed(SECOND), *sources) == (1_000 if report > n / 2 else None)


def test_a_least_number_is_counted_after_those_who_disagree_are_out() -> None:
    sources = [*SOURCES[:2], rogue("x", 600.0), rogue("y", -600.0)]
    for least, expected in [(0, None), (1, 1_000), (2, 1_000), (3, None), (4, None)]:
        assert price(Feed(SECOND, min_sources=least), *sources) == expected
    assert price(Feed(SECOND, min_sources=4, max_disagreement_bp=601.0), *sources) == 1_000


def test_weights_do_not_stand_in_for_numbers() -> None:
    """A heavy rogue is not published alone, nor do light ones outvote a heavy source that they disagree with."""
    heavy = Feed(SECOND, aggregate="weighted_median")
    assert price(heavy, rogue("a", 10_000.0, weight=9.0), Source("b"), Source("c")) is None
    assert price(heavy, Source("a", weight=9.0), rogue("b", 10_000.0), rogue("c", 10_000.0)) is None
    trusting = Feed(SECOND, aggregate="weighted_median", min_sources=1)
    assert price(trusting, Source("a", weight=9.0), rogue("b", 10_000.0), rogue("c", 10_000.0)) == 1_000


parties = st.lists(
    st.tuples(st.sampled_from(["sound", "out", "rogue"]), st.floats(-9_000.0, 20_000.0), st.floats(0.01, 100.0)),
    min_size=1,
    max_size=9,
)
limits = st.sampled_from([1.0, 50.0, 500.0, 2_000.0])
aggregates = st.sampled_from(["median", "weighted_median"])


def cast(drawn: list[tuple[str, float, float]]) -> list[Source]:
    faults = {"sound": lambda *_: {}, "out": lambda *_: {"outages": (ALWAYS,)}, "rogue": lambda bp: {"manipulated": ((*ALWAYS, bp),)}}
    return [Source(f"s{number}", weight=weight, **faults[kind](bp)) for number, (kind, bp, weight) in enumerate(drawn)]


@given(parties, limits, aggregates)
def test_a_minority_of_rogues_moves_no_published_price_far(
    drawn: list[tuple[str, float, float]], limit_bp: float, aggregate: str
) -> None:
    """Whoever else is out, and whatever the weights: at least one of those who agree is sound, so all of them are near it."""
    rogues = sum(kind == "rogue" for kind, _, _ in drawn)
    feed = Feed(SECOND, aggregate=aggregate, max_disagreement_bp=limit_bp)
    updates = feed.updates(FLAT, cast(drawn), 1, 0, SECOND, 1e-3)
    if rogues <= len(drawn) // 2 and len(updates):
        limit = limit_bp / 1e4
        assert abs(updates.price_ticks[0] / 1e6 - 1.0) <= 2.0 * limit / (1.0 - limit) + 1e-6


@given(parties, limits, aggregates, st.integers(0, 9))
def test_what_is_published_lies_between_reports_that_agree(
    drawn: list[tuple[str, float, float]], limit_bp: float, aggregate: str, least: int
) -> None:
    feed = Feed(SECOND, aggregate=aggregate, max_disagreement_bp=limit_bp, min_sources=min(least, len(drawn)))
    updates = feed.updates(FLAT, cast(drawn), 1, 0, SECOND, 1e-3)
    reports = sorted(1_000.0 * (1.0 + bp * 1e-4 * (kind == "rogue")) for kind, bp, _ in drawn if kind != "out")
    needed = feed.min_sources or len(drawn) // 2 + 1
    assert len(updates) <= (len(reports) >= needed)
    if len(updates):
        published = updates.price_ticks[0] * 1e-3
        reach = 2.0 * limit_bp / 1e4 / (1.0 - limit_bp / 1e4)
        near = [report for report in reports if abs(report / published - 1.0) <= reach + 1e-6]
        assert len(near) >= needed
        assert near[0] - 1e-3 <= published <= near[-1] + 1e-3


@given(parties, aggregates, st.randoms(use_true_random=False))
def test_the_order_of_the_sources_changes_nothing(
    drawn: list[tuple[str, float, float]], aggregate: str, random: random.Random
) -> None:
    feed = Feed(SECOND, aggregate=aggregate, min_sources=1)
    sources = cast(drawn)
    mixed = random.sample(sources, len(sources))
    one, other = (feed.updates(FLAT, given, 1, 0, 3 * SECOND, 1e-6) for given in (sources, mixed))
    for column, again in zip(vars(one).values(), vars(other).values(), strict=True):
        assert column.tolist() == again.tolist()


# Outside perpetuals ---------------------------------------------------------------------------------------------------


def test_an_update_brings_the_median_of_outside_perpetuals() -> None:
    perps = [Source("x", bias_bp=10.0), Source("y", bias_bp=20.0), Source("z", bias_bp=30.0)]
    updates = Feed(SECOND).updates(FLAT, ONE, 1, 0, SECOND, 1.0, perps)
    assert (updates.price_ticks.tolist(), updates.perp_ticks.tolist()) == ([1_000], [1_002])
    assert Feed(SECOND).updates(FLAT, ONE, 1, 0, SECOND, 1.0, ()).perp_ticks.tolist() == [0]


def test_without_perpetuals_given_each_source_has_one() -> None:
    sources = [Source(name, noise_bp=20.0, bias_bp=40.0) for name in "abc"]
    updates = listen(Feed(SECOND), sources)
    again = listen(Feed(SECOND), [Source(f"{name} perpetual", noise_bp=20.0, bias_bp=40.0) for name in "abc"])  # the same draws
    assert updates.perp_ticks.tolist() == again.price_ticks.tolist() != updates.price_ticks.tolist()
    silent = Feed(SECOND).updates(PATH, sources, 1, 0, END, 0.01, ())
    assert silent.price_ticks.tolist() == updates.price_ticks.tolist()


def test_a_threshold_changes_no_perpetual() -> None:
    every, some = (listen(Feed(SECOND, deviation_bp=bp), SOURCES) for bp in (0.0, 5.0))
    known = dict(zip(every.observed_ns.tolist(), every.perp_ticks.tolist(), strict=True))
    assert 0 < len(some) < len(every)
    assert [known[look] for look in some.observed_ns.tolist()] == some.perp_ticks.tolist()


def test_too_few_perpetuals_leave_an_update_without() -> None:
    perps = [Source("x"), Source("y", outages=((100 * SECOND, 200 * SECOND),)), Source("z", manipulated=((0, END, 10_000.0),))]
    feed = Feed(SECOND, lag_ns=7)
    updates = feed.updates(PATH, ONE, 1, 0, END, 0.01, perps)
    assert len(updates) == 600
    missing = updates.observed_ns[updates.perp_ticks == 0] // SECOND
    assert missing.tolist() == list(range(100, 200))
    sent = list(commands(updates, 0))
    assert (sent[100].perp_median, sent[200].perp_median) == (0, updates.price_ticks[200])


# Edges ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"cadence_ns": 0}, "cadence_ns: 0 given, expected a whole number from 1"),
        ({"cadence_ns": 1e9}, "cadence_ns: 1000000000.0 given"),
        ({"lag_ns": -1}, "lag_ns: -1 given"),
        ({"jitter_ns": 10**15}, "jitter_ns: 1000000000000000 given, expected a whole number from 0 to 86400000000000"),
        ({"deviation_bp": -1}, "deviation_bp: -1 given"),
        ({"deviation_bp": math.nan}, "deviation_bp: nan given"),
        ({"heartbeat_ns": SECOND // 2}, r"heartbeat_ns: 500000000 given, expected 0 \(none\) or at least cadence_ns"),
        ({"aggregate": "mean"}, "aggregate: 'mean' given, expected one of median, weighted_median"),
        ({"min_sources": -1}, "min_sources: -1 given, expected a whole number from 0 to 1000000"),
        ({"min_sources": 1.5}, "min_sources: 1.5 given"),
        ({"max_disagreement_bp": 0.0}, "max_disagreement_bp: 0.0 given, expected a number from 0.01 to 1e[+]09"),
        ({"max_disagreement_bp": math.nan}, "max_disagreement_bp: nan given"),
    ],
)
def test_wrong_feeds_are_refused(parameters: dict[str, object], message: str) -> None:
    with pytest.raises(FeedError, match=message):
        Feed(**{"cadence_ns": SECOND, **parameters})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("perps", "message"),
    [
        (ONE, r"sources and perps: \['a', 'b', 'a'\] given, expected at least one, and each name once"),
        ([Source("x"), Source("x")], r"sources and perps: \['a', 'b', 'x', 'x'\] given"),
        ([Source("x")], "min_sources: 2 given, expected at most 1, as perps are given"),
    ],
)
def test_wrong_perpetuals_are_refused(perps: list[Source], message: str) -> None:
    with pytest.raises(FeedError, match=message):
        Feed(SECOND, min_sources=2).updates(PATH, SOURCES[:2], 1, 0, END, 0.01, perps)


def test_more_sources_than_there_are_cannot_agree() -> None:
    assert len(listen(Feed(SECOND, min_sources=3), SOURCES)) == 600
    with pytest.raises(FeedError, match="min_sources: 4 given, expected at most 3, as sources are given"):
        listen(Feed(SECOND, min_sources=4), SOURCES)


@pytest.mark.parametrize(
    ("sources", "start", "end", "tick", "message"),
    [
        ([], 0, END, 0.1, r"sources: \[\] given, expected at least one, and each name once"),
        ([Source("a"), Source("a")], 0, END, 0.1, r"sources: \['a', 'a'\] given"),
        (ONE, -1, END, 0.1, "start_ns: -1 given"),
        (ONE, END, END, 0.1, "end_ns: 600000000000 given, expected a whole number from 600000000001"),
        (ONE, 0, 2**62 - 1, 0.1, "looks from start_ns to end_ns at cadence_ns 1000000000: "),
        (ONE, 0, END, 0.0, "tick: 0.0 given"),
        (ONE, 0, END, 1e-9, r"tick: 1e-09 given, expected one of which the price .* is less than 2\^32"),
    ],
)
def test_wrong_spans_are_refused(sources: list[Source], start: int, end: int, tick: float, message: str) -> None:
    with pytest.raises(FeedError, match=message):
        Feed(SECOND).updates(PATH, sources, 1, start, end, tick)


def test_updates_are_read_only() -> None:
    with pytest.raises(ValueError, match="read-only"):
        listen(Feed(SECOND)).price_ticks[0] = 1


def test_updates_become_the_venues_commands() -> None:
    messages = pytest.importorskip("perplab.exchange.messages", reason="the exchange is not installed")
    updates = listen(Feed(SECOND, lag_ns=7), SOURCES)
    made = list(commands(updates, market=3))
    first = int(updates.price_ticks[0]), int(updates.perp_ticks[0])
    assert made[0] == messages.UpdateOracle(ts=7, market=3, price=first[0], perp_median=first[1])
    assert [command.ts for command in made] == updates.publish_ns.tolist()
    assert [command.price for command in made] == updates.price_ticks.tolist()
    assert [command.perp_median for command in made] == updates.perp_ticks.tolist()
    assert all(type(command.ts) is type(command.price) is type(command.perp_median) is int for command in made)


def test_bounds_are_the_venues() -> None:
    messages = pytest.importorskip("perplab.exchange.messages", reason="the exchange is not installed")
    assert (MAX_PRICE_TICKS, MAX_NS) == (messages.MAX_PRICE, messages.MAX_TS)


def test_units_are_the_venues() -> None:
    units = pytest.importorskip("perplab.exchange.units", reason="the exchange is not installed")
    assert (values.BP, values.SECOND_NS) == (units.BP, units.SECOND_NS)
