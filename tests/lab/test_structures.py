"""Account structures: what theory knows of them, that they begin with the same money, and how a comparison of them is asked for."""

from __future__ import annotations

import json
from functools import cache
from itertools import product
from pathlib import Path

import msgspec
import numpy as np
import pytest
from cli_kit import call

from perplab.exchange import VenueError, load_venue
from perplab.exchange.codes import MarginMode
from perplab.exchange.events import Deposited, LiquidationStarted
from perplab.exchange.messages import KIND_COLUMN, column_of
from perplab.lab import Results, compare, face
from perplab.lab.comparison.asked import Asked, chosen
from perplab.lab.comparison.choices import Choice
from perplab.lab.comparison.jobs import about
from perplab.lab.comparison.report import Report, Result
from perplab.lab.comparison.results import is_ours, journal_name
from perplab.lab.comparison.table import folded
from perplab.lab.face import CallError
from perplab.lab.metrics import Wealth
from perplab.lab.runs import Ints
from perplab.lab.scenario import BarsPath, Scenario, ScenarioError, load_scenario
from perplab.lab.structures.accounts import STRUCTURES, layout_of
from perplab.lab.structures.choice import must_begin_alike
from perplab.lab.structures.kinds import KindLine
from perplab.lab.structures.measures import Measured, measure_markets
from perplab.lab.structures.paths import further_path
from perplab.lab.structures.people import HEDGER, KINDS, ONE_SIDED, PAIRS, SINGLE, people_of
from perplab.lab.structures.reading import answers, kinds_of, structures_json
from perplab.lab.structures.simulation import MarketsRun, MarketsSimulation, run_markets
from perplab.lab.structures.stage import set_markets, with_markets

ACCOUNTS = 60
TOGETHER = {"beta": 1.0, "correlation": 1.0, "crisis_correlation": 1.0, "open_interest": 1.0, "depth": 1.0}
FLAT = {**TOGETHER, "beta": 0.0}
PLAIN_FIT = {"cadence_s": 1.0, "lag_ms": 0, "jitter_ms": 0, "noise_bp": 0.0}


def worst(**changes: object) -> Scenario:
    """The worst five minutes of the crash in two markets, with some values changed."""
    path = load_scenario("flash").path
    assert isinstance(path, BarsPath)
    bars: dict[str, object] = msgspec.to_builtins(path)
    bars |= {"start": "2025-10-10T21:17:00Z", "watch_from": None, "bars": path.bars[5:10]}
    return load_scenario("two_markets").override({"path": bars, **changes})


CHANGES: dict[str, dict[str, object]] = {
    "shipped": {},
    "hedged": {
        "further_markets": {"second": TOGETHER},
        "books": {"hedged": 1.0, "one_sided": 0.0},
        "oracle": PLAIN_FIT,
        "population": {"leverage_sigma": 0.0, "long_leverage": 12.0, "short_leverage": 12.0, "entry": [1.0, 1.0], "adders": 0.0},
    },
    "one_sided": {
        "further_markets": {"second": FLAT},
        "books": {"hedged": 0.0, "one_sided": 1.0},
        "population": {"leverage_sigma": 0.0, "long_leverage": 30.0, "entry": [1.0, 1.0], "adders": 0.0},
    },
    "rich": {
        "population": {
            "open_interest_over_depth": 3.0, "leverage_cap": 0.5,
            "long_leverage": 0.5, "short_leverage": 0.5, "hedger_leverage": [0.5, 0.5],
        },
    },
}


@cache
def made(case: str, structure: str, venue: str = "book_fund_adl") -> MarketsRun:
    return run_markets(load_venue(venue), worst(**CHANGES[case]), structure, 1, accounts=ACCOUNTS)


@cache
def measured(case: str, structure: str, venue: str = "book_fund_adl") -> Measured:
    return measure_markets(made(case, structure, venue))


def liquidated(case: str, structure: str, kind: int) -> tuple[int, float]:
    """People and notional of a kind."""
    line = measured(case, structure).kinds[kind]
    return line.liquidated, line.notional_usd


# -- what theory knows --


def one_market(structure: str) -> MarketsRun:
    """People with one position and no spare money: a leverage that is a whole number leaves none.

    Nobody is deleveraged: an isolated winner who is closed in part gets that part's margin back, and ranks higher the next time.
    """
    population = {"leverage_sigma": 0.0, "long_leverage": 20.0, "hedger_leverage": [1.0, 1.0], "entry": [1.0, 1.0], "adders": 0.0}
    changed = msgspec.structs.replace(worst(population=population), further_markets={})
    return run_markets(load_venue("book_fund_social"), changed, structure, 1, accounts=ACCOUNTS)


def test_with_one_position_and_no_spare_money_all_structures_are_one() -> None:
    runs = [one_market(structure) for structure in STRUCTURES]
    found = [measure_markets(run) for run in runs]
    assert found[0].metrics.liquidation.accounts > 0, "somebody has to be liquidated for this to say anything"
    for one in found[1:]:
        assert one.kinds == found[0].kinds
        assert one.metrics.losses == found[0].metrics.losses
        assert np.array_equal(one.wealth.gain, found[0].wealth.gain)


def test_a_perfect_hedge_is_safe_in_cross_and_both_legs_may_go_elsewhere() -> None:
    assert liquidated("hedged", "cross", PAIRS) == (0, 0.0)
    for structure in ("isolated", "segmented"):
        assert liquidated("hedged", structure, PAIRS)[0] > 0


def test_a_loss_reaches_a_second_position_in_cross_alone() -> None:
    """The second market stays where it is: by itself nothing there is ever liquidated, in cross it pays for the first."""
    further = {structure: measured("one_sided", structure).kinds[ONE_SIDED].further_usd for structure in STRUCTURES}
    assert further["cross"] > 0.0
    assert further["isolated"] == further["segmented"] == 0.0


@pytest.mark.parametrize("structure", STRUCTURES)
def test_with_endless_money_nobody_is_liquidated(structure: str) -> None:
    assert sum(line.liquidated for line in measured("rich", structure).kinds) == 0


# -- the same people --


def test_structures_divide_the_same_money_and_the_same_positions() -> None:
    wealth = [measured("shipped", structure).wealth for structure in STRUCTURES]
    for one in wealth[1:]:
        assert np.array_equal(one.opening, wealth[0].opening)
        assert np.array_equal(one.notional, wealth[0].notional)
    runs = [made("shipped", structure) for structure in STRUCTURES]
    for run in runs[1:]:
        assert run.run.opening_equity.sum() == runs[0].run.opening_equity.sum()
        assert np.array_equal(np.abs(run.run.opening_size).sum(axis=0), np.abs(runs[0].run.opening_size).sum(axis=0))
        assert all(np.array_equal(mine, theirs) for mine, theirs in zip(run.true_usd, runs[0].true_usd, strict=True))


def test_people_who_begin_otherwise_are_no_comparison() -> None:
    wealth = measured("shipped", "cross").wealth
    must_begin_alike({"a/cross": wealth, "a/isolated": wealth, "b/cross": richer(wealth)})
    with pytest.raises(ValueError, match="other money or positions in a/isolated than in a/cross"):
        must_begin_alike({"a/cross": wealth, "a/isolated": richer(wealth)})


def richer(wealth: Wealth) -> Wealth:
    return Wealth(**{name: getattr(wealth, name) for name in wealth.__dataclass_fields__} | {"opening": wealth.opening + 1})


def test_each_isolated_position_begins_with_its_own_margin() -> None:
    run = made("shipped", "isolated")
    people, stage = run.stage.people, run.stage
    at_start = opening_pots(run)[stage.first + stage.layout.of_position, 1 + people.market]
    assert (at_start >= people.own_margin * (1.0 - 1e-6)).all(), "what a position keeps by profit is above it"
    free = [run.stage.people.money[people.person == person].sum() for person in range(people.kind.size)]
    assert opening_pots(run)[stage.first :, 0].sum() > 0.01 * sum(free), "a leverage between two whole numbers leaves money free"


def opening_pots(run: MarketsRun) -> Ints:
    """The pots of margin once the opening is over."""
    scenario = worst(**CHANGES["shipped"])
    simulation = MarketsSimulation(with_markets(load_venue("book_fund_adl"), scenario), scenario, run.stage)
    simulation.exchange.apply_rows(run.stage.opening.reshape(-1))
    assert simulation.exchange.position(run.stage.first, int(run.stage.people.market[0])).mode == MarginMode.ISOLATED
    return simulation.pots()


def test_people_hold_what_their_kind_says() -> None:
    people = people_of(worst(), 3, 200)
    for market in (0, 1):
        assert people.lots[people.market == market].sum() == 0
    for person, kind in enumerate(people.kind.tolist()):
        held = people.lots[people.person == person]
        if kind == PAIRS:
            assert held.size == 2 and held.sum() == 0
        elif kind == ONE_SIDED:
            assert held.size == 2 and abs(held.sum()) == np.abs(held).sum()
        else:
            assert kind in (SINGLE, HEDGER) and held.size == 1
    assert [int((people.kind == kind).sum()) for kind in range(len(KINDS))] == [49, 49, 42, 60]
    deposits = {structure: layout_of(structure, people).deposit.sum() for structure in STRUCTURES}
    assert len(set(deposits.values())) == 1


def test_a_run_in_several_markets_says_how_many_positions_were_wanted_and_cut() -> None:
    granted = {structure: made("shipped", structure).run.granted for structure in STRUCTURES}
    assert set(granted.values()) == {granted["cross"]}
    assert granted["cross"].accounts == made("shipped", "cross").stage.people.market.size
    strict = run_markets(load_venue("injective_fba"), worst(), "cross", 1, accounts=ACCOUNTS).run.granted
    assert 0 < strict.accounts_cut <= strict.accounts == granted["cross"].accounts and strict.granted < strict.wanted


def test_margin_calls_draw_on_one_purse_for_each_person() -> None:
    """People pay in what `add_times` allows, however many pots of margin they have."""
    who = worst().population
    for structure in STRUCTURES:
        run = made("shipped", structure)
        adders = run.stage.people.adders
        limit = {person: amount * who.add_times for person, amount in zip(adders.account.tolist(), adders.amount.tolist(), strict=True)}
        start = run.run.start_ts
        rows = run.run.events
        late = rows[(rows[:, KIND_COLUMN] == Deposited.KIND) & (rows[:, column_of(Deposited, "ts")] > start)]
        given: dict[int, int] = {}
        for account, amount in late[:, [column_of(Deposited, "account"), column_of(Deposited, "amount")]].tolist():
            if account >= run.stage.first:
                person = int(run.stage.layout.person[account - run.stage.first])
                given[person] = given.get(person, 0) + amount
        assert all(amount <= limit[person] for person, amount in given.items())


# -- prices --


def test_the_second_price_is_correlated_as_stated() -> None:
    scenario = load_scenario("two_markets")
    first = scenario.path.path(1)
    step = np.diff(np.log(first.prices))

    def returns(correlation: float, crisis: float, beta: float = 1.0) -> Ints:
        market = msgspec.structs.replace(scenario.further_markets["second"], correlation=correlation, crisis_correlation=crisis, beta=beta)
        made_of: Ints = np.diff(np.log(further_path("second", market, scenario, first, 1).prices))
        return made_of

    assert np.allclose(returns(1.0, 1.0), step)
    assert np.allclose(returns(1.0, 1.0, 0.5), step / 2)
    for wanted in (0.9, 0.0):
        assert abs(np.corrcoef(step, returns(wanted, wanted))[0, 1] - wanted) < 0.03
    assert np.corrcoef(step, returns(0.9, 0.0))[0, 1] < 0.5, "it decorrelates as makers withdraw"


# -- other designs, and what does not fit --


@pytest.mark.parametrize("venue", ["book_vault_adl", "social_only"])
def test_the_books_add_up_on_other_designs(venue: str) -> None:
    """`measure_markets` audits; and nothing is measured that the events do not have."""
    for structure in ("isolated", "segmented"):
        metrics = measured("shipped", structure, venue).metrics
        starts = made("shipped", structure, venue).run.events
        assert metrics.liquidation.breached_accounts == np.unique(
            starts[starts[:, KIND_COLUMN] == LiquidationStarted.KIND][:, column_of(LiquidationStarted, "account")]
        ).size
        assert metrics.losses.total_usd >= 0.0


def test_what_cannot_have_several_markets_is_refused() -> None:
    for venue, key in (("auction_fund_adl", "dutch_auction"), ("perp_v1", "curve")):
        with pytest.raises(VenueError, match=key):
            with_markets(load_venue(venue), worst())
    with pytest.raises(ScenarioError, match=r"books"):
        worst(books={"hedged": 0.7, "one_sided": 0.5})
    with pytest.raises(ScenarioError, match=r"books"):
        load_scenario("flash").override({"further_markets": {"second": TOGETHER}})


# -- who else is there --

STAYING = """
from msgspec import Struct
from perplab.clients.bots.base import NOTHING, Action, Bot, View


class Staying(Bot):
    def on_start(self, ts: int, view: View) -> Action:
        return NOTHING, None
"""
CROWD = """
extends = "two_markets"
title = "Two markets, others, and makers who leave"

[[agents]]
class = "staying.py:Staying"
count = 2
cohort = "{cohort}"
capital_usd = 1000.0
hears_ms = 0
orders_ms = 0

[[faults]]
class = "makers_gone"
at_s = 60

[faults.terms]
cohorts = ["{gone}"]
"""


def with_others(folder: Path, cohort: str = "others", gone: str = "makers") -> Path:
    (folder / "staying.py").write_text(STAYING)
    (folder / "crowd.toml").write_text(CROWD.format(cohort=cohort, gone=gone))
    return folder / "crowd.toml"


def test_agents_of_ones_own_are_there_and_makers_leave_every_market(tmp_path: Path) -> None:
    scenario = load_scenario(str(with_others(tmp_path))).override({"path": msgspec.to_builtins(worst().path)})
    stage = set_markets(with_markets(load_venue("book_fund_adl"), scenario), scenario, "isolated", 1, ACCOUNTS)
    assert [len(cohort.accounts) for cohort in stage.cohorts if cohort.name == "others"] == [2]
    simulation = MarketsSimulation(with_markets(load_venue("book_fund_adl"), scenario), scenario, stage)
    simulation.play(None)
    makers = next(cohort.accounts for cohort in stage.cohorts if cohort.name == "makers")
    for market in (0, 1):
        assert not [order for account in makers.tolist() for order in simulation.exchange.open_orders(account) if order.market == market]


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ({"cohort": "single"}, "agents[0].cohort is 'single': expected another name"),
        ({"gone": "longs"}, "faults[0]: makers_gone meets 'longs': expected another cohort: with --margin people are hedged_pairs"),
    ],
)
def test_people_are_called_otherwise_in_several_markets(tmp_path: Path, quick: Path, named: dict[str, str], said: str) -> None:
    done = call("compare", with_others(tmp_path, **named), "--margin", "cross", "--venues", "book_fund_adl", "--jobs", "1")
    assert done.exit_code == 2
    assert said in done.stderr and done.stderr.count("\n") == 1


# -- what is told --


def reported(seeds: int, *more: float) -> Report:
    """A report by hand: in cross, `more` USD above isolated are liquidated of one-sided people, and as much of the others.

    `more` is a number for each seed, or one for all.
    """
    about_it = about(chosen(Asked("two_markets", "book_fund_adl", (1,), accounts=ACCOUNTS, margin="cross,isolated"), lambda line: None))
    names = ("book_fund_adl/cross", "book_fund_adl/isolated")
    metrics = measured("shipped", "cross").metrics
    results = []
    for seed, name in product(range(1, seeds + 1), names):
        above = {"one_sided": more[(seed - 1) % len(more)]} if name == names[0] else {}
        kinds = tuple(KindLine(kind, 10, 1, 1e6 * seed + above.get(kind, 0.0), 0.0, 0.0, 1e7) for kind in KINDS)
        results.append(Result(name, seed, "", metrics, kinds=kinds))
    return Report(about_it, results, names, names[0])


@pytest.mark.parametrize(
    ("seeds", "more", "said"),
    [
        (3, 5e5, "are the least. In all of these runs alike it liquidated more notional of one-sided people than isolated. (Market"),
        (3, -5e5, "In all of these runs alike it liquidated less notional of one-sided people than isolated. (Market second"),
        (6, 5e5, "It liquidates more of one-sided people than isolated. It liquidates as much of hedged pairs and one-market people as "),
        (6, -5e5, "It liquidates more of nobody, as far as can be told. It liquidates less of one-sided people than isolated."),
    ],
)
def test_the_answer_says_no_more_than_the_seeds_can_tell(seeds: int, more: float, said: str) -> None:
    report = reported(seeds, more)
    answer, *sentences = answers(report, kinds_of(report))
    assert said in answer
    assert (f"With {seeds} seeds nothing can be told from chance" in answer) == (seeds < 6)
    assert f"500 k USD {'more' if more > 0 else 'less'} than isolated ({seeds} of {seeds} runs)" in sentences[1]
    told = {(one["kind"], one["measure"]): one["verdict"] for one in structures_json(report)}
    assert told["one_sided", "notional_usd"] == ("too few seeds" if seeds < 6 else "distinguished")


NO_ACCORD = "6 seeds are the least. In no kind of people do all of these runs agree that it liquidated more notional, or less."


@pytest.mark.parametrize(
    ("more", "answered", "then"),
    [
        ([5e5], "What is told below is that one draw. (Market second", "as many and 500 k USD more than isolated (1 of 1 run)."),
        ([5e5, -1e5], NO_ACCORD, "as many and from 100 k USD less to 500 k USD more than isolated."),
        ([5e5, 0.0], NO_ACCORD, "as many and from as much to 500 k USD more than isolated."),
        ([0.0, 0.0], NO_ACCORD, "That is as many and as much as isolated."),
    ],
)
def test_few_runs_tell_a_direction_only_where_all_have_it(more: list[float], answered: str, then: str) -> None:
    report = reported(len(more), *more)
    answer, *sentences = answers(report, kinds_of(report))
    assert answered in answer and "it liquidates" not in answer.lower()
    assert sentences[1].endswith(then)


# -- the command --


def test_a_comparison_of_structures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = ("--margin", "cross,isolated", "--venues", "book_fund_adl", "--seeds", "1", "--accounts", str(ACCOUNTS), "--jobs", "1")
    done = call("compare", "two_markets", *words)
    assert done.exit_code == 0, done.output
    assert "When does cross margin liquidate more?" in done.stdout
    assert "Hedged pairs" in done.stdout
    report = json.loads(Path("out/two_markets/report.json").read_text())
    assert report["venues"] == ["book_fund_adl/cross", "book_fund_adl/isolated"]
    assert [line["kind"] for line in report["runs"][0]["kinds"]] == [*KINDS, "levered_10x"]
    file = Path("out/two_markets/journals") / journal_name("book_fund_adl/cross", 1)
    assert is_ours(file)
    assert call("replay", file).exit_code == 0
    assert report["inputs"]["structures"] == ["cross", "isolated"]
    assert {one["kind"] for one in report["structures"]} == {"hedged_pairs", "one_sided", "single"}
    again = call("compare", "--from-report", "out/two_markets/report.json", "--jobs", "1")
    assert again.exit_code == 0, again.output
    assert "are equal" in again.stdout


def test_structures_from_python(quick: Path) -> None:
    for given in ("cross,isolated", ["cross", "isolated"]):
        choice = asked_of_python(margin=given)
        assert [venue.name for venue in choice.venues] == ["book_fund_adl/cross", "book_fund_adl/isolated"], "one design, if none is named"
    with pytest.raises(CallError, match=r"^margin: 'crossed' given, expected some of cross, isolated, segmented"):
        compare(None, "two_markets", margin="crossed")
    with pytest.raises(ScenarioError, match="which margin asks for"):
        compare("book_fund_adl", "flash", margin="cross")


def asked_of_python(margin: str | list[str]) -> Choice:
    """What `compare` would make."""
    made: list[Choice] = []

    class Stopped(Exception):
        pass

    def stop(choice: Choice, *_: object) -> None:
        made.append(choice)
        raise Stopped

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(face, "all_done", stop)
        with pytest.raises(Stopped):
            compare(None, "two_markets", seeds=1, accounts=ACCOUNTS, margin=margin)
    return made[0]


def test_names_are_cut_behind_the_slash() -> None:
    assert folded("book_fund_adl/segmented", 12, together=False) == ["book", "fund", "adl/", "segmented"]
    assert folded("book_fund_adl/segmented", 19, together=True) == ["book_fund_adl/", "segmented"]


def test_kinds_are_a_table() -> None:
    found = Results(reported(2, 1.0), None, Path()).kinds("arrays")
    assert found["kind"].tolist() == [*KINDS] * 4
    assert found["notional_usd"][found["kind"] == "one_sided"].tolist() == [1e6 + 1.0, 2e6 + 1.0, 1e6, 2e6]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("two_markets",), "two_markets.toml: it has [books]: expected --margin cross,isolated,segmented, or some of them"),
        (("flash", "--margin", "cross"), "flash.toml: it says nothing of what people hold in several markets, which --margin asks for"),
        (("two_markets", "--margin", "crossed"), "--margin: 'crossed' given, expected some of cross, isolated, segmented"),
        (("two_markets", "--margin", "cross,cross"), "--margin: 'cross,cross' given, expected different ones"),
        (("two_markets", "--margin", "cross", "--vary", "K"), "--margin: given with --vary, expected one of the two"),
        (("two_markets", "--margin", "cross", "--baseline", "book_fund_adl"), "--baseline: 'book_fund_adl' given, expected a design in a"),
        (("two_markets", "--margin", "cross", "--venues", "auction_fund_adl"), "auction_fund_adl: liquidation.steps: expected no"),
        (("two_markets", "--margin", "cross", "--set", "further_markets.second.beta=99"), "--set: further_markets.second.beta is 99"),
    ],
)
def test_what_is_asked_wrongly_is_one_line(quick: Path, words: tuple[str, ...], said: str) -> None:
    venues = () if "--venues" in words else ("--venues", "book_fund_adl")
    done = call("compare", *words, *venues, "--jobs", "1")
    assert done.exit_code == 2
    assert done.stderr.startswith(f"error: {said}"), done.stderr
    assert done.stderr.count("\n") == 1
    assert not any(quick.iterdir()), "nothing has run"
