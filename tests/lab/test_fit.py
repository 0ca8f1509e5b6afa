"""Designs and scenarios that do not fit together are refused before anything runs: file, key, value, expectation, and never a traceback."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from cli_kit import call

from perplab.exchange.design.venue import load_venue
from perplab.lab.fit import Pair, check_fit, reach
from perplab.lab.names import MAX_BYTES, wrong_name
from perplab.lab.scenario import Scenario, ScenarioError, load_scenario
from perplab.lab.simulation import run

FIRST = load_scenario("flash")


@pytest.mark.parametrize("name", ["oct10", "a", "9", "a.b-c+d_e", "Börse", "x" * MAX_BYTES])
def test_names_that_can_be_file_names(name: str) -> None:
    assert wrong_name(name) == ""


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../x", "a/b", "a\\b", "/etc", "a b", "a\nb", "a\x1b[31m", "a\0", "a,b", ".hid", "-x", "a:b", "x" * 101, "ü" * 51],
)
def test_names_that_cannot(name: str) -> None:
    assert "given, expected" in wrong_name(name)


@pytest.mark.parametrize("name", ["../../escaped", "a\\u001b[2Jb", "a b", "x" * 64 + "y" * 64])
def test_a_scenario_with_such_a_name_is_refused(quick: Path, name: str) -> None:
    Path("mine.toml").write_text(f'extends = "flash"\nname = "{name}"\n', encoding="utf-8")
    done = call("compare", "mine.toml", "--seeds", "1", "--jobs", "1")
    assert done.exit_code == 2
    assert re.match(r"error: mine\.toml: name: .* given, expected ", done.stderr) and len(done.stderr.splitlines()) == 1
    assert "\x1b" not in done.stderr
    assert not (quick / "out").exists()


@pytest.mark.parametrize("name", ["../../escaped", "a\\u001b[2Jb", "a,b"])
def test_a_design_with_such_a_name_is_refused(quick: Path, name: str) -> None:
    Path("mine.toml").write_text(f'extends = "social_only"\nname = "{name}"\n', encoding="utf-8")
    done = call("compare", "flash", "--venues", "mine.toml", "--seeds", "1", "--jobs", "1")
    assert done.exit_code == 2
    assert re.match(r"error: mine\.toml: name: .* given, expected ", done.stderr) and len(done.stderr.splitlines()) == 1
    assert not (quick / "out").exists()


def test_shipped_designs_fit_shipped_scenarios() -> None:
    for name in ("oct10", "flash", "calm"):
        scenario = load_scenario(name)
        for venue in ("book_fund_adl", "auction_fund_adl"):
            check_fit(Pair(load_venue(venue), venue, scenario, name), reach(scenario, (1, 2)))


def test_the_reach_of_a_path_is_that_of_all_seeds() -> None:
    scenario = load_scenario("calm")
    alone, both = reach(scenario, (1,)), reach(scenario, (1, 2))
    prices = [scenario.path.path(seed).prices for seed in (1, 2)]
    assert (alone.low, alone.high) == (prices[0].min(), prices[0].max())
    assert (both.low, both.high) == (min(p.min() for p in prices), max(p.max() for p in prices))
    assert reach(FIRST, (1,)) == (102_497.49, "path.bars[8][2]", 113_995.47, "path.bars[0][1]")


MARKETS = "[markets]\n"


@pytest.mark.parametrize(
    ("design", "settings", "told"),
    [
        (MARKETS + 'max_price = "100000"', [], r"markets\[0\]\.max_price is 100000: expected at least 120324.*entry\[1\]"),
        (MARKETS + 'max_price = "114000"', ["population.entry=[1,1]"], r"is 114000: .*bars\[0\]\[1\] is .*, and makers quote up to 500 bp"),
        (MARKETS + 'tick = "1000"\nlot="0.000001"', [], r"markets\[0\]\.tick is 1000: expected at most 102, .*path\.bars\[8\]\[2\]"),
        (MARKETS + 'significant_figures = 5', [], r"markets\[0\]\.significant_figures is 5: expected 0 or at least 6"),
        (MARKETS + 'lot = "150"\nmax_price = "200000"', [], r"markets\[0\]\.lot is 150: expected at most .* coins: flash\.toml has"),
        (MARKETS + 'max_price = "4000000000"\nlot = "0.000001"', [], r"population\.open_interest_over_depth is 32: .* hold at most"),
        ("max_accounts = 50", [], r"max_accounts is 50: expected at least 463 \(400 traders and 55 agents of flash\.toml"),
        ("max_open_orders = 10", [], r"max_open_orders is 10: expected at least 20, which an agent of flash\.toml rests"),
        ('assets = ["EUR", "USD"]', [], r"markets\[0\]\.settlement_asset is 'USD': expected assets\[0\], 'EUR'"),
        ("", ["population.open_interest_over_depth=5000"], r"population\.open_interest_over_depth is 5000: expected the largest"),
        ("", ["population.accounts=1000000"], r"max_accounts is 1000000: expected at least 1000063"),
        ("", ["noise.size_coins=[1,2,3,4,5,1e6]"], r"noise\.size_coins, the largest is 1\.14e\+11 USD: expected at most 1e\+10"),
        ("", ["momentum.position_usd=1e12"], r"momentum\.position_usd is 1e\+12 USD: expected at most 1e\+10 USD"),
        ("", ["makers.count=200", "makers.capital_usd=1e10"], r"count x capital_usd is 2e\+12 USD over all agents: expected at most"),
        ("", ["makers.capital_usd=1e-9"], r"makers\.capital_usd is 1e-09: expected `float` >= 0\.01"),
        ("", ["makers.capital_usd=nan"], r"makers\.capital_usd is nan"),
        ("", ["backstop_usd=inf"], r"backstop_usd is inf"),
        ("", ["makers.depth_bp=[1,5,10,20,100,200,300,400,9000]"], r"makers: depth_bp: 9000\.0 given, expected at most 5000"),
        ("", ["bidders.edge_bp=[1,2,3,9000]"], r"bidders: edge_bp, the largest, x wild_edge: 25740 given, expected at most 5000"),
        ("", ["path.step_ms=1", "path.bar_s=1000000"], r"path: step_ms: 1 given, which makes 12,000,000,000 points"),
        ("", ["path.bars=[[1e-9,1e-9,1e-9,1e-9]]", "path.watch_from=2025-10-10T21:12:00Z"], r"markets\[0\]\.tick is 1: expected"),
        ("", ["path.bars=[[1e14,1e14,1e14,1e14]]", "path.watch_from=2025-10-10T21:12:00Z"], r"markets\[0\]\.max_price is 1000000"),
    ],
)
def test_scales_that_cannot_be_are_refused_before_anything_is_written(quick: Path, design: str, settings: list[str], told: str) -> None:
    Path("mine.toml").write_text(f'extends = "book_fund_adl"\n{design}\n', encoding="utf-8")
    given = [word for setting in settings for word in ("--set", setting)]
    done = call("compare", "flash", "--venues", "mine.toml", "--seeds", "1", "--jobs", "1", *given)
    assert done.exit_code == 2, done.output
    assert re.match(rf"error: (?:mine\.toml|flash\.toml|--set): .*{told}.*\n$", done.stderr), done.stderr
    assert not (quick / "out").exists()


def test_a_kline_file_that_collapses_is_named(quick: Path) -> None:
    rows = [f"{1_584_064_860_000 + 60_000 * minute},{price},{price},{price},{price},1" for minute, price in enumerate((5e5, 4e5, 1e-3))]
    Path("odd.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    done = call("compare", "flash", "--venues", "social_only", "--path", "odd.csv", "--seeds", "1", "--jobs", "1")
    assert done.exit_code == 2
    assert re.match(
        r"error: social_only: markets\[0\]\.tick is 1: expected at most 2\.27e-07, a thousandth of the lowest price of flash\.toml "
        r"on odd\.csv \(path\.bars\[2\]\[2\] is 0\.000227\d*\)\n$",
        done.stderr,
    ), done.stderr


def test_a_vault_needs_a_capital(quick: Path) -> None:
    done = call("compare", "flash", "--venues", "book_vault_adl", "--set", "backstop_usd=0", "--seeds", "1", "--jobs", "1")
    assert done.exit_code == 2
    assert done.stderr == (
        "error: flash.toml: backstop_usd is 0: expected a capital of 1 at least: book_vault_adl has a vault that takes over\n"
    )


def small(**changes: object) -> Scenario:
    return FIRST.override({"population": {"accounts": 20}, **changes})


def test_a_run_does_not_begin_without_some_of_its_traders() -> None:
    """What no check before a run has foreseen: the venue refuses a part of the opening."""
    venue = load_venue("book_fund_adl", {"markets": {"max_price": 100_000}})
    with pytest.raises(ScenarioError, match=r"scenario flash cannot begin on book_fund_adl: \w+ of [\w/ ]+ is refused, PRICE_LIMIT \("):
        run(venue, small(), 1)


def test_a_command_beyond_all_bounds_is_told() -> None:
    with pytest.raises(ScenarioError, match=r"scenario flash goes beyond the bounds of a venue, on book_fund_adl: row \d+: Place\.size is"):
        run(load_venue("book_fund_adl"), small(noise={"size_coins": [1, 2, 3, 4, 5, 1e12]}), 1)
