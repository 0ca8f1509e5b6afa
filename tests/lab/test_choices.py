"""What the words of the command line choose: settings, capital, baseline, scenarios and designs that extend others."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from cli_kit import call, made_up

from perplab.exchange.design.reader import DesignError, merged, read_toml
from perplab.exchange.design.venue import VenueDesign, VenueError, load_venue
from perplab.lab.comparison import jobs
from perplab.lab.comparison.choices import Setting, toml_value
from perplab.lab.runs import Run
from perplab.lab.scenario import Scenario, ScenarioError, load_scenario

ONE = ("--seeds", "1", "--jobs", "1")


@pytest.fixture
def played(quick: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[VenueDesign, Scenario]]:
    """What each run was given."""
    seen: list[tuple[VenueDesign, Scenario]] = []

    def watched(venue: VenueDesign, scenario: Scenario, seed: int, **more: Any) -> Run:
        seen.append((venue, scenario))
        return made_up(venue, scenario, seed, **more)

    monkeypatch.setattr(jobs, "run", watched)
    return seen


def refused(*arguments: str) -> str:
    """The one line that is said; nothing is written."""
    done = call("compare", *arguments, *ONE)
    assert done.exit_code == 2, done.output
    assert len(done.stderr.splitlines()) == 1 and done.stderr.startswith("error: ")
    assert not Path("out").exists()
    return done.stderr.removeprefix("error: ").rstrip("\n")


def report(folder: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((Path(folder) / "report.json").read_text(encoding="utf-8"))
    return told


# -- settings --


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5000", 5000), ("1e3", 1000.0), ("true", True), ("[1, 2]", [1, 2]), ('"x"', "x"), ("gbm", "gbm"), ("", ""), ("a = 1", "a = 1"),
        ("1\nb = 2", "1\nb = 2"), ("{a = 1}", {"a": 1}), ("[" * 2000, "[" * 2000),
    ],
)  # fmt: skip
def test_a_value_is_toml_or_else_text(text: str, value: object) -> None:
    assert toml_value(text) == value


def test_settings_change_the_scenario_and_one_design(played: list[tuple[VenueDesign, Scenario]]) -> None:
    words = ("--set", "oracle.lag_ms=5000", "--set", "population.accounts=50", "--set-venue", "social_only.liquidation.fee_ppm=100")
    done = call("compare", "flash", "--venues", "social_only,book_fund_adl", *words, *ONE, "--out", "here")
    assert done.exit_code == 0, done.output
    (changed, scenario), (other, _) = played
    assert (scenario.oracle.lag_ms, scenario.population.accounts, scenario.oracle.jitter_ms) == (5000, 50, 200)
    assert (changed.liquidation.fee_ppm, other.liquidation.fee_ppm) == (100, 0)
    told = " ".join(done.stdout.split())
    assert "with --set oracle.lag_ms=5000 --set population.accounts=50 --set-venue social_only.liquidation.fee_ppm=100" in told
    assert report("here")["inputs"]["settings"] == [
        "--set oracle.lag_ms=5000", "--set population.accounts=50", "--set-venue social_only.liquidation.fee_ppm=100"
    ]  # fmt: skip


def test_a_path_of_another_kind_is_set_as_a_whole(played: list[tuple[VenueDesign, Scenario]]) -> None:
    path = '{kind="gbm", start=2025-01-01T00:00:00Z, minutes=2, step_ms=100, first_usd=1e5, drift=0, volatility=0.5}'
    assert call("compare", "flash", "--venues", "social_only", "--set", f"path={path}", *ONE).exit_code == 0
    path_played = played[0][1].path.path(1)
    assert path_played.end_ns - path_played.start_ns == pytest.approx(120e9, abs=1e9)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--set", "oracle.lag=1"], "--set: unknown key oracle.lag = 1; did you mean 'lag_ms'?"),
        (["--set", "orcale.lag_ms=1"], "--set: unknown key orcale; did you mean 'oracle'?"),
        (["--set", "oracle.lag_ms=soon"], "--set: oracle.lag_ms is 'soon': expected `int`, got `str`"),
        (["--set", "oracle.lag_ms"], "--set: 'oracle.lag_ms' given, expected KEY=VALUE, such as oracle.lag_ms=5000"),
        (["--set", "oracle..lag_ms=1"], "--set: 'oracle..lag_ms=1' given, expected KEY=VALUE, such as oracle.lag_ms=5000"),
        (["--set", "backstop_usd.x=1"], "--set: backstop_usd: Expected `float`, got `object`"),
        (["--set", "makers.depth_bp.x=1"], "--set: makers.depth_bp: Expected `array`, got `object`"),
        (
            ["--set-venue", "book_fund_adl.liquidation.fee_pm=1"],
            "--set-venue book_fund_adl: unknown key liquidation.fee_pm = 1; did you mean 'fee_ppm'?",
        ),
        (
            ["--set-venue", "book_fund_adll.liquidation.fee_ppm=1"],
            "--set-venue: 'book_fund_adll.liquidation.fee_ppm=1' given, expected NAME.KEY=VALUE with a design of the comparison; "
            "did you mean 'book_fund_adl'?",
        ),
        (
            ["--venues", "social_only", "--set-venue", "book_fund_adl.max_accounts=99"],
            "--set-venue: 'book_fund_adl.max_accounts=99' given, expected NAME.KEY=VALUE with a design of the comparison; known: social",
        ),
        (["--set-venue", "social_only"], "--set-venue: 'social_only' given, expected NAME.KEY=VALUE, such as mine.max_accounts=99"),
        (["--set-venue", "social_only=1"], "--set-venue: 'social_only=1' given, expected NAME.KEY=VALUE with a design of the comparison; "),
        (["--baseline", "social_onli"], "--baseline: 'social_onli' given, expected a design of the comparison; did you mean 'social"),
        ([], "SCENARIO is missing: a name (perplab scenarios), a TOML file, or else --from-report"),
    ],
)
def test_settings_that_are_wrong(quick: Path, words: list[str], told: str) -> None:
    assert refused(*(["flash"] if words else []), *words).startswith(told)


def test_a_setting_finds_a_design_whose_name_has_dots(played: list[tuple[VenueDesign, Scenario]]) -> None:
    for name in ("mine", "mine.v2"):
        Path(f"{name}.toml").write_text('extends = "social_only"\n', encoding="utf-8")
    words = ("--venues", "mine.toml,mine.v2.toml", "--set-venue", "mine.v2.max_accounts=999")
    assert call("compare", "flash", *words, *ONE).exit_code == 0
    assert [venue.max_accounts for venue, _ in played] == [1_000_000, 999]


def test_a_baseline_is_chosen(quick: Path) -> None:
    done = call("compare", "flash", "--baseline", "social_only", "--seeds", "2", "--jobs", "1")
    assert done.exit_code == 0
    assert report("out/flash")["baseline"] == "social_only"
    assert "difference to social_only on the same seeds" in " ".join(done.stdout.split())


def test_keys_are_set_from_left_to_right() -> None:
    tree: dict[str, object] = {}
    for text in ("a.b=1", "a.c=2", "a.b=3"):
        tree = merged(tree, Setting("--set", text).tree())
    assert tree == {"a": {"b": 3, "c": 2}}


# -- capital --

OWN_FUND = 'extends = "book_fund_adl"\n[insurance_fund]\ncapital = 2000000\n'


def test_shipped_designs_start_with_the_scenarios_capital(played: list[tuple[VenueDesign, Scenario]]) -> None:
    done = call("compare", "flash", "--venues", "book_fund_adl,book_vault_adl,social_only", *ONE)
    assert done.exit_code == 0
    assert [(one.insurance_fund.capital, one.vault.capital) for one, _ in played] == [(5_000_000, 0), (0, 5_000_000), (0, 0)]
    assert "starts with 5 M USD, the scenario's backstop_usd (--same-capital)." in " ".join(done.stdout.split())
    assert report("out/flash")["capital"] == {
        "choice": "same",
        "usd": {
            "book_fund_adl": {"insurance_fund": 5_000_000, "vault": 0},
            "book_vault_adl": {"insurance_fund": 0, "vault": 5_000_000},
            "social_only": {"insurance_fund": 0, "vault": 0},
        },
    }


def test_each_design_may_have_its_own(played: list[tuple[VenueDesign, Scenario]]) -> None:
    Path("mine.toml").write_text(OWN_FUND, encoding="utf-8")
    done = call("compare", "flash", "--venues", "book_fund_adl,mine.toml,social_only", "--own-capital", *ONE)
    assert done.exit_code == 0, done.output
    assert [one.insurance_fund.capital for one, _ in played] == [10_000_000, 2_000_000, 0]
    told = " ".join(done.stdout.split())
    assert "Each design starts with its own capital (--own-capital): book_fund_adl insurance fund 10 M USD, mine insurance fund 2 M" in told
    assert "social_only none." in told
    assert report("out/flash")["capital"]["choice"] == "own"


@pytest.mark.parametrize("extended", [False, True])
def test_a_capital_of_the_users_own_is_not_overruled_in_silence(quick: Path, extended: bool) -> None:
    Path("mine.toml").write_text(OWN_FUND, encoding="utf-8")
    Path("upon.toml").write_text('extends = "mine"\ntitle = "states none itself"\n', encoding="utf-8")
    file = "upon.toml" if extended else "mine.toml"
    assert refused("flash", "--venues", file) == (
        f"{file}: insurance_fund.capital is 2000000, but a comparison gives every design the scenario's 5000000 (backstop_usd): expected "
        "--own-capital, which leaves each design its own, or --same-capital"
    )


def test_it_is_when_that_is_said_or_changes_nothing(played: list[tuple[VenueDesign, Scenario]]) -> None:
    Path("mine.toml").write_text(OWN_FUND, encoding="utf-8")
    Path("unused.toml").write_text('extends = "social_only"\n[vault]\ncapital = 7\n', encoding="utf-8")  # it has no takeover
    assert call("compare", "flash", "--venues", "mine.toml,unused.toml", "--same-capital", *ONE).exit_code == 0
    assert [one.insurance_fund.capital for one, _ in played] == [5_000_000, 0]
    assert call("compare", "flash", "--venues", "unused.toml", *ONE).exit_code == 0
    assert call("compare", "flash", "--venues", "mine.toml", "--set", "backstop_usd=2e6", *ONE).exit_code == 0
    assert played[-1][0].insurance_fund.capital == 2_000_000


def test_a_capital_by_set_venue_is_one_of_the_users_own(quick: Path) -> None:
    told = refused("flash", "--venues", "book_vault_adl", "--set-venue", "book_vault_adl.vault.capital=1")
    assert told.startswith("--set-venue book_vault_adl: vault.capital is 1, but a comparison gives every design")
    words = ("--venues", "book_vault_adl", "--set-venue", "book_vault_adl.vault.capital=1", "--own-capital", "--out", "here")
    assert call("compare", "flash", *words, *ONE).exit_code == 0
    assert report("here")["capital"]["usd"] == {"book_vault_adl": {"insurance_fund": 0, "vault": 1}}


# -- scenarios that extend others --


def test_a_scenario_extends_a_file_beside_it_and_is_named_after_its_own(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "first.toml").write_text('extends = "flash"\n[oracle]\nlag_ms = 1\n', encoding="utf-8")
    for parent in ("../first", "../first.toml"):
        file = tmp_path / "below" / "second.toml"
        file.write_text(f'extends = "{parent}"\n[oracle]\njitter_ms = 2\n', encoding="utf-8")
        scenario = load_scenario(str(file))
        assert (scenario.name, scenario.oracle.lag_ms, scenario.oracle.jitter_ms, scenario.oracle.sources) == ("second", 1, 2, 3)


def test_a_file_named_like_a_shipped_scenario_may_extend_that(tmp_path: Path) -> None:
    file = tmp_path / "flash.toml"
    file.write_text('extends = "flash"\ntitle = "mine"\n', encoding="utf-8")
    assert load_scenario(str(file)).title == "mine"


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"a": "b", "b": "a"}, r"b\.toml: extends is 'a': expected a scenario that does not extend this one"),
        ({"a": "a"}, r"a\.toml: extends is 'a': expected a scenario that does not extend this one"),
        ({"a": "./a.toml"}, r"a\.toml: extends is '\./a\.toml': expected a scenario that does not extend this one"),
        ({"a": "flahs"}, r"a\.toml: extends is 'flahs': expected a file, .* or a shipped scenario; did you mean 'flash'\?"),
        ({"a": "b", "b": "nowhere.toml"}, r"b\.toml: extends is 'nowhere\.toml': expected a file"),
    ],
)
def test_scenarios_that_extend_what_they_cannot(tmp_path: Path, files: dict[str, str], told: str) -> None:
    for name, parent in files.items():
        (tmp_path / f"{name}.toml").write_text(f'extends = "{parent}"\n', encoding="utf-8")
    with pytest.raises(ScenarioError, match=told):
        load_scenario(str(tmp_path / "a.toml"))


def test_extends_must_be_a_name(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("extends = 5\n", encoding="utf-8")
    with pytest.raises(ScenarioError, match=r"a\.toml: extends is 5: expected a file"):
        load_scenario(str(tmp_path / "a.toml"))


# -- [markets] and [[markets]] --


def design(folder: Path, text: str) -> str:
    file = folder / "mine.toml"
    file.write_text(text, encoding="utf-8")
    return str(file)


def test_a_table_changes_all_markets_and_a_list_replaces_them(tmp_path: Path) -> None:
    changed = load_venue(design(tmp_path, 'extends = "base"\n[markets]\ntick = "2"\n[markets.oracle]\nstale_after_ms = 5\n')).markets
    assert [(str(one.tick), one.oracle.stale_after_ms, one.name) for one in changed] == [("2", 5, "BTC-PERP")]
    whole = '[[markets]]\nname = "X"\ntick = "1"\nlot = "0.01"\nmax_price = "1000"\n'
    tiers = "tiers = [{ lower_notional = 0, initial_margin_ppm = 100000, maintenance_margin_ppm = 50000 }]\n"
    replaced = load_venue(design(tmp_path, f'extends = "base"\n{whole}{tiers}')).markets
    assert [(one.name, one.taker_fee_ppb, one.oracle.stale_after_ms) for one in replaced] == [("X", 0, 0)], "nothing of base is left"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            'extends = "base"\n[[markets]]\ntick = "2"\n',
            r"missing key markets\[0\]\.name; \[\[markets\]\] is a list of its own, \[markets\] changes keys of the list that is extended",
        ),
        (
            'backstops = []\n[liquidation]\nsteps = ["book"]\n[markets]\ntick = "2"\n',
            r"markets is a table: expected \[\[markets\]\], a list of tables; \[markets\] changes keys of the list that is extended",
        ),
        ('extends = "base"\n[assets]\nx = 1\n', r"mine\.toml: assets: Expected `array`, got `object`"),
        ('extends = "base"\n[backstops]\nx = 1\n', r"mine\.toml: backstops: Expected `array`, got `object`"),
        ('extends = "base"\n[markets.tiers]\nlower_notional = 1\n', r"markets\[0\]\.tiers\[0\]\.lower_notional is 1: expected 0"),
    ],
)
def test_errors_about_lists_of_tables_say_what_to_write(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(VenueError, match=told):
        load_venue(design(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "told"),
    [("a = " + "[" * 5000, "nested too deeply"), ("a = " + "9" * 5000, "not valid TOML: "), ("a = 'x", "not valid TOML: ")],
)
def test_files_that_are_no_toml_never_end_in_a_traceback(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(DesignError, match=told):
        read_toml(Path(design(tmp_path, text)))


def test_binary_files_are_no_toml(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DesignError, match=re.escape("x.toml: not valid TOML: ")):
        read_toml(tmp_path / "x.toml")
