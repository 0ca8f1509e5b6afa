"""Paths of the true price: continuations, real crashes, families by the price alone, and what is refused before anything runs."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import msgspec
import numpy as np
import pytest
from cli_kit import call

from perplab.exchange import load_venue
from perplab.lab.fit import reach
from perplab.lab.path_tables import crashes
from perplab.lab.paths import FAMILIES, BarsPath, ContinuedPath, GbmPath, shape, swings
from perplab.lab.population import populate
from perplab.lab.scenario import Scenario, ScenarioError, load_paths, load_scenario
from perplab.lab.simulation import run
from perplab.oracle.klines import replay
from perplab.oracle.paths import PricePath

MINUTE = 60 * 10**9
NAMES = ("oct10", "flash")


@cache
def paths(name: str) -> dict[str, Scenario]:
    return load_paths(name)


def price(closes: list[float]) -> PricePath:
    """A path of a point a minute."""
    return PricePath(0, MINUTE, np.array(closes))


# -- families --


@pytest.mark.parametrize(
    ("closes", "family"),
    [
        ([100, 90, 80, 85, 90, 92], "recovers"),
        ([100, 90, 80, 81, 82, 84], "stays_low"),
        ([100, 90, 80, 80, 79, 81], "stays_low"),  # lower, but hardly
        ([100, 90, 85, 80, 75, 71], "falls_on"),
        ([100, 80, 95, 80, 96, 85], "whipsaw"),
        ([100, 80, 110, 81, 105, 104], "whipsaw"),  # also where all is back in the end
        ([100, 99, 100, 99, 101, 100], None),
        ([100, 100, 100, 120, 130, 140], None),
        ([100, 100], None),
    ],
)
def test_a_family_is_what_the_price_does(closes: list[float], family: str | None) -> None:
    assert shape(price(closes)).family == family
    assert shape(price([7.0 * close for close in closes])).family == family, "of whatever scale"


def test_swings_are_moves_of_half_the_range() -> None:
    assert swings(np.array([100.0, 90.0])) == 1
    assert swings(np.array([100.0, 90.0, 94.0, 89.0, 100.0])) == 2, "the small ones do not count"
    assert swings(np.array([100.0, 90.0, 96.0, 90.0])) == 3
    assert swings(np.array([5.0, 5.0, 5.0])) == 0


@pytest.mark.parametrize("name", NAMES)
def test_labels_say_what_prices_do_on_every_seed(name: str) -> None:
    for scenario in paths(name).values():
        assert {shape(scenario.path.path(seed)).family for seed in range(1, 13)} == {scenario.path.family}, scenario.name


def test_oct10_has_crashes_that_recover_and_some_that_do_not() -> None:
    families = [scenario.path.family for scenario in paths("oct10").values()]
    assert families.count("recovers") >= 3
    assert len(families) - families.count("recovers") >= 3
    assert set(families) == set(FAMILIES) == {scenario.path.family for scenario in paths("flash").values()}


def test_everything_else_is_equal() -> None:
    base = load_scenario("oct10")
    population = populate(base, 1, 60)
    for name, scenario in paths("oct10").items():
        assert scenario.name == f"oct10.{name}"
        assert msgspec.structs.replace(scenario, name=base.name, title=base.title, path=base.path) == base
        assert scenario.path.first_usd == base.path.first_usd
        drawn = populate(scenario, 1, 60)
        np.testing.assert_array_equal(drawn.deposit, population.deposit)
        np.testing.assert_array_equal(drawn.trades, population.trades)


# -- continuations --


def test_a_continuation_is_the_real_path_until_then_and_meets_its_prices() -> None:
    real, moved = paths("oct10")["real"].path, paths("oct10")["falls_on"].path
    assert isinstance(moved, ContinuedPath)
    for seed in (1, 2):
        before, after = real.path(seed).prices, moved.path(seed).prices
        kept = 31 * 600
        np.testing.assert_array_equal(after[:kept], before[:kept])
        assert after.size == before.size
        for minutes, share in moved.then:
            assert after[kept - 1 + round(minutes * 600)] == pytest.approx(104_559.80 * share)
    quiet = msgspec.structs.replace(moved, noise=0.0).path(1).prices
    assert np.abs(np.diff(np.log(quiet[31 * 600 :]), 2)).max() < 1e-5, "straight lines without noise"
    steps = np.diff(np.log(moved.path(1).prices[31 * 600 :]))
    assert steps.std() == pytest.approx(7.2e-4 * 0.1**0.5, rel=0.05), "as volatile as stated, per 0.1 s"


def test_the_reach_of_a_continuation_is_that_of_its_prices() -> None:
    scenario = paths("oct10")["falls_on"]
    found = reach(scenario, (1, 2))
    prices = np.concatenate([scenario.path.path(seed).prices for seed in (1, 2)])
    assert (found.low, found.high) == (prices.min(), prices.max())


def test_one_path_by_its_name_and_back_from_a_report() -> None:
    one = load_scenario("oct10:whipsaw")
    assert one == paths("oct10")["whipsaw"]
    plain = msgspec.json.decode(msgspec.json.encode(one))
    assert msgspec.convert(plain, Scenario, strict=False) == one
    assert one.override({"path": {"noise": 0.5}}).path == msgspec.structs.replace(one.path, noise=0.5)


def test_a_run_on_a_path() -> None:
    soon = {"until": "2025-10-10T21:13:00Z", "watch_from": None, "then": [[1.0, 0.98]]}
    scenario = load_scenario("flash:falls_on").override({"path": soon})
    made = run(load_venue("social_only"), scenario, 1, accounts=12)
    np.testing.assert_array_equal(made.path_usd, scenario.path.path(1).prices)
    assert made.end_ts - made.start_ts == 2 * MINUTE - 10**8


# -- real crashes --

FILES = {
    "btc-2020-03-13": "BTCUSDT-1m-2020-03-13_0149-0240.csv",
    "btc-2021-05-19": "BTCUSDT-1m-2021-05-19_1252-1340.csv",
    "fil-2024-04-12": "FILUSDT-1m-2024-04-12.csv.gz",
    "fil-2025-02-03": "FILUSDT-1m-2025-02-03.csv.gz",
}


@pytest.mark.parametrize("name", crashes())
def test_crashes_are_named_sourced_and_rescaled(name: str) -> None:
    path = paths("oct10")[name].path
    assert isinstance(path, BarsPath)
    assert "Binance Vision" in path.source
    assert path.first_usd == load_scenario("oct10").path.first_usd
    assert shape(path.path(1)).fall > 0.1


@pytest.mark.parametrize("name", crashes())
def test_crashes_agree_with_the_files(name: str, shared_data: Path) -> None:
    day, path = replay(shared_data / "klines" / FILES[name]), paths("oct10")[name].path
    assert isinstance(path, BarsPath)
    start = int(path.start.timestamp()) * 10**9
    part = day.window(start, start + len(path.bars) * MINUTE).rescaled(path.first_usd)
    assert len(part) == len(path.bars)
    np.testing.assert_allclose(path.bars, np.stack([part.open, part.high, part.low, part.close], axis=1), rtol=1e-12)


# -- bad input --

HEAD = 'extends = "flash"\n'
CONTINUED = '[paths.mine]\nfamily = "stays_low"\nkind = "continued"\nuntil = {}\nthen = {}\nvolatility_bp = 1.0\n'


def refused(tmp_path: Path, text: str, family: str | None = None) -> str:
    file = tmp_path / "mine.toml"
    file.write_text(HEAD + text, encoding="utf-8")
    with pytest.raises(ScenarioError) as caught:
        load_paths(str(file), family)
    said = str(caught.value)
    assert said.startswith(f"{file}: ") and "\n" not in said
    return said.removeprefix(f"{file}: ")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("paths = {}\n", "paths is {}: expected a table for each path, [paths.NAME]"),
        ("paths = 3\n", "paths is 3: expected a table for each path"),
        ("[paths]\nmine = 3\n", "paths.mine is 3: expected a table"),
        ('[paths."a/b"]\nfamily = "whipsaw"\n', "paths: 'a/b' given, expected letters"),
        ('[paths.mine]\ncrash = "btc-2020-03-12"\n', "paths.mine.crash is 'btc-2020-03-12': expected a file, from the folder of this"),
        ("[paths.mine]\n", "[paths.mine]: missing key family: expected one of recovers, stays_low, falls_on, whipsaw"),
        ('[paths.mine]\nfamily = "recovered"\n', "[paths.mine]: family is 'recovered': expected one of recovers, stays_low"),
        ('[paths.mine]\nfamily = "whipsaw"\n', "[paths.mine]: family is 'whipsaw': expected 'falls_on', as its price regains"),
        ('[paths.mine]\nfamily = "whipsaw"\nmarket = "BTC"\n', "[paths.mine]: unknown key path.market = 'BTC'"),
        (CONTINUED.format("2025-10-10T21:21:30Z", "[[5.0, 1.0]]"), "[paths.mine]: path: until: 2025-10-10 21:21:30+00:00 given, expected"),
        (CONTINUED.format("2025-10-10T22:21:00Z", "[[5.0, 1.0]]"), "given, expected the end of one of the 12 bars, which begin at 2025"),
        (CONTINUED.format("2025-10-10T21:12:00Z", "[[5.0, 1.0]]"), "until: 2025-10-10 21:12:00+00:00 given, expected the end of one of"),
        (CONTINUED.format("2025-10-10T21:13:00Z", "[[1.0, 1.0]]"), "watch_from: 2025-10-10 21:15:00+00:00 given, expected a time within"),
        (CONTINUED.format("2025-10-10T21:21:00Z", "[[5.0, 1.0], [4.0, 1.0]]"), "then: [[5.0, 1.0], [4.0, 1.0]] given, expected [minutes,"),
        (CONTINUED.format("2025-10-10T21:21:00Z", "[]"), "[paths.mine]: path.then is []: expected `array` of length >= 1"),
        (CONTINUED.format("2025-10-10T21:21:00Z", "[[5.0, 0.0]]"), "[paths.mine]: path.then[0][1] is 0.0: expected `float` >= 0.01"),
        ('[paths.mine]\nfamily = "whipsaw"\nkind = "bars"\nbars = [[1, 1, 1, 1]]\n', "[paths.mine]: missing key path.source"),
    ],
)
def test_paths_that_are_none(tmp_path: Path, text: str, said: str) -> None:
    assert said in refused(tmp_path, text)


def test_an_unknown_path_or_family_and_a_scenario_without_paths(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"oct10\.toml: no path 'stay_low' in it; did you mean 'stays_low'\?"):
        load_scenario("oct10:stay_low")
    with pytest.raises(ScenarioError, match=r"calm\.toml: it has no \[paths\.NAME\]$"):
        load_scenario("calm:real")
    with pytest.raises(ScenarioError, match=r"calm\.toml: it has no \[paths\.NAME\]: expected one at least"):
        load_paths("calm")
    with pytest.raises(ScenarioError, match=r"oct10\.toml: no family 'recover'; did you mean 'recovers'\?"):
        load_paths("oct10", "recover")
    assert list(load_paths("oct10", "falls_on")) == ["falls_on"]
    start = "start = 2026-01-01T00:00:00Z\nbar_s = 60\nstep_ms = 100\nnoise = 0.0\n"
    alone = f'[path]\nkind = "bars"\nsource = "x"\n{start}bars = [[9e4, 9e4, 8e4, 8e4]]\n'
    assert "it has no [paths.NAME]: expected one at least" in refused(tmp_path, alone), "what went on from another path is not inherited"
    low = alone + '[paths.low]\nfamily = "stays_low"\n'
    assert "expected 'falls_on'" in refused(tmp_path, low)
    falls = alone + '[paths.low]\nfamily = "falls_on"\n'
    assert refused(tmp_path, falls, "whipsaw") == "none of its paths has the family 'whipsaw': they are low"


def test_a_path_of_one_s_own_beside_the_scenario(tmp_path: Path) -> None:
    """A crash file of one's own, a change of [path], and a motion that begins where the scenario does."""
    named = 'title = "A bad minute"\nfamily = "falls_on"\nkind = "bars"\nsource = "made up"\n'
    start = "start = 2026-01-01T00:00:00Z\nbar_s = 60\nnoise = 0.0\n"
    (tmp_path / "bad.toml").write_text(named + start + "bars = [[10, 10, 9, 9], [9, 9, 8, 8], [8, 8, 7, 7]]\n", encoding="utf-8")
    calm = 'kind = "gbm"\nstart = 2026-01-01T00:00:00Z\nminutes = 9\nfirst_usd = 1.0\ndrift = -8e4\nvolatility = 0.0\nfamily = "falls_on"\n'
    text = f'[paths.bad]\ncrash = "bad"\n[paths.smooth]\nfamily = "falls_on"\nnoise = 0.0\n[paths.slow]\n{calm}'
    (tmp_path / "mine.toml").write_text(HEAD + text, encoding="utf-8")
    made = load_paths(str(tmp_path / "mine.toml"))
    assert list(made) == ["recovers", "stays_low", "falls_on", "whipsaw", "bad", "smooth", "slow"], "those of flash too"
    assert made["bad"].title == "The traders of mine on A bad minute"
    assert isinstance(made["slow"].path, GbmPath)
    assert {scenario.path.first_usd for scenario in made.values()} == {113_620.64}
    assert load_scenario(f"{tmp_path / 'mine.toml'}:bad") == made["bad"]
    smooth = made["smooth"].path
    assert isinstance(smooth, BarsPath)
    assert (smooth.noise, smooth.watch_from) == (0.0, datetime(2025, 10, 10, 21, 15, tzinfo=UTC))


def test_the_command_line_lists_them_and_refuses_before_anything_runs(quick: Path) -> None:
    told = call("scenarios").output
    assert re.search(r"^oct10:stays_low +stays_low +regains \d+% of a fall of 11%$", told, re.MULTILINE)
    assert all(f"oct10:{name} " in told for name in paths("oct10"))
    assert max(len(line) for line in told.splitlines()) <= 80
    done = call("compare", "oct10:nowhere", "--seeds", "1", "--jobs", "1")
    assert (done.exit_code, len(done.stderr.splitlines())) == (2, 1)
    assert done.stderr.startswith("error: oct10.toml: no path 'nowhere' in it; known: real, stays_low")
    assert not (quick / "out").exists()


def test_what_does_not_fit_on_a_path_names_it(quick: Path) -> None:
    done = call("compare", "flash:falls_on", "--venues", "book_vault_adl", "--set", "backstop_usd=0", "--seeds", "1", "--jobs", "1")
    assert (done.exit_code, done.stderr.split(":")[1:3]) == (2, [" flash.toml", "falls_on"])
