"""Scenario files: the shipped ones, what is refused and how it is said, overrides, other bars."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from perplab.exchange import load_venue
from perplab.lab.scenario import BarsPath, ScenarioError, load_scenario, shipped
from perplab.lab.simulation import run
from perplab.oracle.bars import Bars
from perplab.oracle.klines import replay

MINUTE = 60 * 10**9
PLAIN = ("start", "minutes", "bar_s", "step_ms", "drift", "depth_", "size_", "bid_usd", "ask_usd")  # explained by a neighbor


def text_of(name: str) -> str:
    return resources.files("perplab.lab").joinpath("scenarios", f"{name}.toml").read_text(encoding="utf-8")


def refused(tmp_path: Path, old: str, new: str, name: str = "oct10") -> str:
    """What is said about a shipped scenario with one line changed."""
    text = text_of(name)
    assert text.count(old) >= 1, f"{old!r} is not in {name}.toml"
    file = tmp_path / "mine.toml"
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ScenarioError) as caught:
        load_scenario(str(file))
    said = str(caught.value)
    assert str(file) in said
    return said.replace(f"{file}: ", "")


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_scenario_loads(name: str) -> None:
    scenario = load_scenario(name)
    assert scenario.name == name
    assert scenario.title
    assert scenario.impact.y == 0.0, "the true price is exogenous by default"
    assert scenario.path.path(1).prices.size > 0


@pytest.mark.parametrize("name", shipped())
def test_every_number_says_where_it_comes_from(name: str) -> None:
    """Each line with a number has a comment, or follows one that stands alone; bars are named by `source`."""
    above = ""
    for line in text_of(name).partition("bars = [")[0].splitlines():
        _, equals, value = line.partition(" = ")
        if equals and any(character.isdigit() for character in value.partition("#")[0]) and '"' not in value:
            assert "#" in line or above.startswith("#") or line.startswith(PLAIN), line
        above = line


def test_oct10_is_the_published_hour() -> None:
    path = load_scenario("oct10").path
    assert isinstance(path, BarsPath)
    assert path.start == datetime(2025, 10, 10, 20, 50, tzinfo=UTC)
    assert (len(path.bars), path.bar_s) == (80, 60)
    assert "Binance Vision" in path.source
    lows = [bar[2] for bar in path.bars]
    assert min(lows) == 102_497.49
    assert lows.index(min(lows)) == 30, "the low is at 21:20"


def test_oct10_agrees_with_the_file(shared_data: Path) -> None:
    day = replay(shared_data / "oct10" / "BTCUSD_PERP-1m-2025-10-10.zip")
    path = load_scenario("oct10").path
    assert isinstance(path, BarsPath)
    start = int(path.start.timestamp()) * 10**9
    part = day.window(start, start + 80 * MINUTE)
    published = np.stack([part.open, part.high, part.low, part.close], axis=1)
    np.testing.assert_allclose(np.array(path.bars), published, rtol=0, atol=0.0051)


def test_open_interest_is_a_multiple_of_the_calm_depth() -> None:
    scenario = load_scenario("oct10")
    depth = scenario.makers.bid_usd[scenario.makers.depth_bp.index(100.0)]
    assert scenario.open_interest_usd == pytest.approx(scenario.population.open_interest_over_depth * depth)
    deeper = scenario.override({"makers": {"depth_scale": 100.0}})
    assert deeper.open_interest_usd == pytest.approx(scenario.open_interest_usd), "a deeper book has no more open interest"


def test_unknown_scenario_names_the_nearest() -> None:
    with pytest.raises(ScenarioError, match="no scenario 'oct1'; did you mean 'oct10'"):
        load_scenario("oct1")


def test_missing_file_is_named() -> None:
    with pytest.raises(ScenarioError, match=r"nowhere\.toml: cannot be read"):
        load_scenario("nowhere.toml")


def test_unknown_key(tmp_path: Path) -> None:
    said = refused(tmp_path, "long_leverage =", "long_leverag =")
    assert said == "unknown key population.long_leverag = 10.0; did you mean 'long_leverage'?"


def test_missing_key(tmp_path: Path) -> None:
    assert refused(tmp_path, "skew_bp =", "# skew_bp =") == "missing key makers.skew_bp"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("accounts = 5000", 'accounts = "many"', "population.accounts is 'many': expected `int`, got `str`"),
        ("accounts = 5000", "accounts = 3", "population.accounts is 3: expected `int` >= 12"),
        ("interval_ms = 1000        # by", "interval_ms = 2000        # by", "makers.interval_ms is 2000: expected `int` <= 1000"),
        ("capital_usd = 120e6", "capital_usd = 2e10", "makers.capital_usd is 20000000000.0: expected `float` <= 10000000000.0"),
        ("slippage_bp = 50.0", "slippage_bp = 20000.0", "noise.slippage_bp is 20000.0: expected `float` <= 5000.0"),
        ("long_tail = 0.9", "long_tail = 1e-9", "population.long_tail is 1e-09: expected `float` >= 0.1"),
        ("levels = 24", "levels = 5", "makers.levels is 5: expected `int` >= 20"),
        ("entry = [1.024, 1.059]", "entry = [1.059, 1.024]", "entry: [1.059, 1.024] given, expected the smaller number first"),
        ("wild_bp = 20.0", "wild_bp = 2.0", "wild_bp: 2.0 given, expected more than calm_bp, 7.0"),
        ("share = [0.25, 0.25, 0.25, 0.25]", "share = [0.5, 0.25, 0.25, 0.25]", "share: [0.5, 0.25, 0.25, 0.25] given, "),
        ('kind = "bars"', 'kind = "bar"', "path.kind is 'bar': expected one of bars, continued, knots, gbm, own; did you mean 'bars'?"),
        ("[116847.87, 116847.87, ", "[116847.87, 'x', ", "path.bars[0][1] is 'x': expected `float`, got `str`"),
        ("[116847.87, 116847.87, ", "[116847.87, 116000.0, ", "bar 0: high 116000.0 is below"),
        ("backstop_usd = 5e6", "backstop_usd = ", "not valid TOML: "),
        ("backstop_usd = 5e6", "backstop_usd = 5e6\nfeedback = 0.5", "feedback is 0.5: expected no such key: [impact] says what is traded"),
        ("decay_s = [0.25, 262144.0]", "decay_s = [9.0, 10.0]", "decay_s: [9.0, 10.0] given, expected the longest to be twice the short"),
        ("permanent = 0.33", "permanent = 1.33", "impact.permanent is 1.33: expected `float` <= 1.0"),
        ("daily_volume_usd = 38e9", "daily_volume_usd = 0.0", "impact.daily_volume_usd is 0.0: expected `float` >= 1.0"),
        ("watch_from = 2025-10-10T21", "watch_from = 2025-10-11T21", "watch_from: 2025-10-11 21:15:00+00:00 given, expected a time within"),
    ],
)
def test_wrong_values(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert said in refused(tmp_path, old, new)


BOUNDS = {  # key: the least and the most that it may be; None: anything above 0
    "population.long_leverage": (0.01, 1000.0),
    "population.short_leverage": (0.01, 1000.0),
    "population.leverage_cap": (0.01, 1000.0),
    "population.add_share": (None, 1e6),
    "population.add_alarm": (None, 1e6),
    "makers.nearest_bp": (1e-6, 5000.0),
    "makers.calm_bp": (1e-6, 1e6),
    "makers.wild_bp": (1e-6, 1e6),
    "noise.calm_bp": (1e-6, 1e6),
    "noise.surge": (0.0, 10.0),
}


@pytest.mark.parametrize("key", BOUNDS)
def test_a_number_beyond_its_bounds_is_refused(key: str) -> None:
    table, _, name = key.partition(".")
    least, most = BOUNDS[key]
    for value in (-1e-308, most * 1.001, 1e308, float("nan"), *([] if not least else [1e-308, least * 0.999])):
        with pytest.raises(ScenarioError, match=f"flash: {key} is "):
            load_scenario("flash").override({table: {name: value}})


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("end", [0, 1])
def test_numbers_at_their_bounds_can_be_run(end: int) -> None:
    """All at once, but for those that would have to be less than another one."""
    path = {"kind": "gbm", "start": "2025-01-01T00:00:00Z", "minutes": 2, "step_ms": 100, "first_usd": 1e5, "drift": 0.0, "volatility": 3.0}
    scenario = load_scenario("flash").override({"path": path})
    for key, bounds in BOUNDS.items():
        table, _, name = key.partition(".")
        if (key, end) not in (("makers.nearest_bp", 1), ("makers.calm_bp", 1), ("makers.wild_bp", 0)):
            scenario = scenario.override({table: {name: bounds[end] or (1e-308 if bounds[end] is None else 0.0)}})
    assert run(load_venue("book_fund_adl"), scenario, 1, accounts=12).commands > 1000


@pytest.mark.parametrize(("table", "key", "given"), [("momentum", "look_s", [9.0, 3.0]), ("momentum", "enter_bp", [9.0, 3.0])])
def test_a_range_that_begins_above_its_end_is_refused(table: str, key: str, given: list[float]) -> None:
    with pytest.raises(ScenarioError, match=rf"flash: {table}: {key}: \[9.0, 3.0\] given, expected the smaller number first"):
        load_scenario("flash").override({table: {key: given}})


def test_override_is_checked_like_a_file() -> None:
    with pytest.raises(ScenarioError, match=r"unknown key makers\.depth_scal = .*; did you mean 'depth_scale'"):
        load_scenario("oct10").override({"makers": {"depth_scal": 2.0}})


def bars(n: int, worst: int) -> Bars:
    """`n` one-minute bars around 50 USD, of which one falls by a tenth."""
    rows = [(50.0, 50.5, 45.0 if number == worst else 49.5, 50.0) for number in range(n)]
    return Bars.of(rows, 1_600_000_000 * 10**9, MINUTE, "test bars")


def test_with_path_takes_the_worst_minute_and_rescales() -> None:
    scenario = load_scenario("oct10")
    moved = scenario.with_path(bars(200, worst=100))
    assert isinstance(moved.path, BarsPath)
    assert len(moved.path.bars) == 80
    assert moved.path.source == "test bars"
    assert moved.path.first_usd == scenario.path.first_usd
    assert min(bar[2] for bar in moved.path.bars) == moved.path.bars[30][2] == pytest.approx(0.9 * scenario.path.first_usd)
    assert moved.population == scenario.population


def test_with_path_takes_a_window() -> None:
    given = bars(200, worst=100)
    moved = load_scenario("oct10").with_path(given, given.start_ns, given.start_ns + 10 * MINUTE)
    assert isinstance(moved.path, BarsPath)
    assert len(moved.path.bars) == 10
    with pytest.raises(ScenarioError, match="no bar opens in"):
        load_scenario("oct10").with_path(given, 0, MINUTE)
