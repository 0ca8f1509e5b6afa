"""A user's own agents, paths and faults, by class from a scenario's TOML: what they do, and how they are refused."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest
from cli_kit import call

from perplab.clients.bots.base import pack
from perplab.exchange.events import Event, OracleUpdated, OrderPlaced, Traded
from perplab.exchange.messages import TS_COLUMN, CancelAll, Deposit, Place, Side, UpdateOracle, column_of
from perplab.exchange.units import MICRO, SECOND_NS
from perplab.lab import Run, Scenario, ScenarioError, compare, events_of, load_paths, load_scenario, run
from perplab.lab.own_agents import COHORTS
from perplab.lab.runs import Cohort
from perplab.lab.scenario import BarsPath
from perplab.lab.shocks import SHIPPED
from perplab.lab.timeline import Faults, FaultTable

ACCOUNTS = 60
BOT = """
from msgspec import Struct
from perplab.clients.bots.base import NOTHING, Bot, pack
from perplab.exchange.messages import Place, Side, TimeInForce
import terms_beside


class Terms(Struct):
    at_s: int
    lots: int = 7


class Buyer(Bot):
    def __init__(self, seat, terms: Terms):
        super().__init__(seat)
        self.terms = terms

    def on_start(self, ts, view):
        return NOTHING, ts + terms_beside.SECOND * self.terms.at_s

    def on_wake(self, ts, view):
        order = Place(0, self.seat.account, 0, Side.BUY, round(1.01 * view.mark), self.terms.lots, tif=TimeInForce.IOC)
        return pack(order), None


class Drawn(Bot):
    def __init__(self, seat, draws):
        super().__init__(seat)
        self.lots = int(draws.integers(1, 1000))

    def on_start(self, ts, view):
        return pack(Place(0, self.seat.account, 0, Side.BUY, round(0.97 * view.mark), self.lots)), None


class NoBot:
    pass


class Asks(Bot):
    def __init__(self, seat, more):
        super().__init__(seat)


class Untyped(Bot):
    def __init__(self, seat, terms):
        super().__init__(seat)
"""
PATH = """
import numpy as np
from msgspec import Struct
from perplab.lab.paths import PriceModel
from perplab.oracle.keyed import generator


class Terms(Struct):
    depth: float = 0.1


class Sawtooth(PriceModel):
    def __init__(self, terms: Terms):
        self.depth = terms.depth

    def prices(self, grid, seed):
        teeth = 1.0 - self.depth * np.abs(np.linspace(1.0, 5.0, grid.points) % 2.0 - 1.0)
        return teeth * np.exp(1e-5 * generator(seed, "saw").standard_normal(grid.points))


def flat(grid, seed):
    return np.full(grid.points, 3.0)


def short(grid, seed):
    return [1.0, 2.0]


def breaks(grid, seed):
    return 1 / 0


def breaks_later(grid, seed):
    return np.full(grid.points, 1.0 if seed < 7 else -1.0)


calls = [0]


def unsteady(grid, seed):
    calls[0] += 1
    return np.linspace(1.0, 1.0 + calls[0], grid.points)


number = 5
"""
FAULT = """
from perplab.exchange.messages import Place, column_of
from perplab.lab.faults import Fault


class Halved(Fault):
    senders = ("buyers",)

    def passing(self, sender, rows):
        rows[:, column_of(Place, "size")] //= 2
        return rows


class Stranger(Fault):
    senders = ("byers",)
"""
WHO = {"count": 2, "cohort": "buyers", "capital_usd": 5e5, "hears_ms": 5, "orders_ms": 2}
AGENT = {"class": "my_bot.py:Buyer", **WHO, "terms": {"at_s": 3}}
GRID = {"start": "2026-01-01T00:00:00Z", "minutes": 2, "step_ms": 100, "first_usd": 100_000.0}
SAW = {"kind": "own", "class": "my_path.py:Sawtooth", **GRID}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with the files of a user."""
    monkeypatch.chdir(tmp_path)
    for name, text in (("my_bot", BOT), ("my_path", PATH), ("my_fault", FAULT), ("terms_beside", "SECOND = 10**9\n")):
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    return tmp_path


def calm(**changes: object) -> Scenario:
    """The first three minutes of the crash, in which nothing happens, with some values changed."""
    scenario = load_scenario("flash")
    assert isinstance(scenario.path, BarsPath)
    path = {**msgspec.to_builtins(scenario.path), "bars": scenario.path.bars[:3], "watch_from": None}
    return scenario.override({"path": path, **changes}, "mine.toml")


def rows_of(made: Run, kind: type[Event], who: str = "") -> dict[str, list[int]]:
    """Columns of one kind of events, of the accounts of a cohort."""
    columns = events_of(made, kind, "arrays")
    accounts = next((cohort.accounts for cohort in made.cohorts if cohort.name == who), None)
    mine = slice(None) if accounts is None else np.isin(columns["taker" if kind is Traded else "account"], accounts)
    return {name: values[mine].tolist() for name, values in columns.items()}


def second(made: Run, ts: int) -> float:
    return (ts - made.start_ts) / SECOND_NS


# -- agents --


def test_own_agents_trade_with_their_terms_and_delays(folder: Path) -> None:
    made = run("book_fund_adl", calm(agents=[AGENT]), accounts=ACCOUNTS)
    (buyers,) = (cohort for cohort in made.cohorts if cohort.name == "buyers")
    traded = rows_of(made, Traded, "buyers")
    assert sorted(set(traded["taker"])) == buyers.accounts.tolist() and sum(traded["size"]) == 14
    assert {second(made, ts) for ts in traded["ts"]} == {3.002}
    assert made.closing_size[buyers.accounts].tolist() == [7, 7]
    without = run("book_fund_adl", calm(), accounts=ACCOUNTS)
    assert made.opening_size[: len(without.opening_size)].tolist() == without.opening_size.tolist(), "they change nobody's draws"


def test_what_an_agent_draws_is_its_own_by_seed_and_name(folder: Path) -> None:
    agents = [{**AGENT, "class": "my_bot.py:Drawn", "terms": {}}]
    sizes = []
    for seed, count in ((1, 2), (1, 3), (2, 2)):
        made = run("book_fund_adl", calm(agents=[{**agents[0], "count": count}]), seed, accounts=ACCOUNTS)
        sizes.append(rows_of(made, OrderPlaced, "buyers")["size"])
    assert len(set(sizes[0])) == 2 and sizes[0] == sizes[1][:2] and sizes[0] != sizes[2]


def test_a_file_is_looked_for_beside_the_scenario_that_names_it(folder: Path) -> None:
    below = folder / "below"
    below.mkdir()
    for name in ("my_bot.py", "terms_beside.py"):
        (folder / name).rename(below / name)
    agents = TOML[TOML.index("[[agents]]") : TOML.index("[[faults]]")]
    (below / "base.toml").write_text(f'extends = "flash"\n{agents}', encoding="utf-8")
    (folder / "mine.toml").write_text('extends = "below/base"\n', encoding="utf-8")
    (agent,) = load_scenario("mine.toml").agents
    assert agent.named == "below/my_bot.py:Buyer" and agent.cohort == "buyers"


def test_a_class_that_ships_is_named_by_its_module() -> None:
    trader = {**AGENT, "class": "perplab.clients.bots.base:Bot", "terms": {}}
    (agent,) = calm(agents=[trader]).agents
    assert agent.named == "perplab.clients.bots.base:Bot" and agent.sha256 == ""


def agent(**changes: object) -> dict[str, object]:
    return {"agents": [{**AGENT, **changes}]}


def path(name: str, **changes: object) -> dict[str, object]:
    return {"path": {**SAW, "class": f"my_path.py:{name}", **changes}}


def fault(name: str = "oracle_frozen", **changes: object) -> dict[str, object]:
    return {**agent(), "faults": [{"class": name, "at_s": 10.0, **changes}]}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (agent(**{"class": "my_bot:Buyr"}), "agents[0]: class is 'my_bot:Buyr': its module cannot be imported: ModuleNotFoundError: No m"),
        (agent(**{"class": "Buyer"}), "agents[0]: class is 'Buyer': expected one of hold, stop_loss, mean_reversion, carry, accumulate, "),
        (agent(**{"class": "no.py:Buyer"}), "agents[0]: class is 'no.py:Buyer': no.py cannot be read (No such file or directory): expect"),
        (agent(**{"class": "my_bot.py:Buyr"}), "agents[0]: class is 'my_bot.py:Buyr': expected a name in that file; did you mean 'Buyer'?"),
        (agent(**{"class": "my_bot.py:NoBot"}), "agents[0]: class is 'my_bot.py:NoBot': expected a class that extends perplab.clients.bo"),
        (agent(**{"class": "my_bot.py:Asks", "terms": {}}), "agents[0]: class is 'my_bot.py:Asks', which cannot be called with seat: mis"),
        (agent(**{"class": "my_bot.py:Untyped"}), "agents[0]: class takes `terms` of type None: expected a msgspec.Struct of your own"),
        (agent(**{"class": "my_bot.py:Drawn"}), "agents[0]: terms are given, ['at_s']: expected none, my_bot.py:Drawn takes no argument "),
        (agent(**{"class": "bad.py:Buyer"}), "agents[0]: class is in bad.py, which ends in an error: ZeroDivisionError: division by zero"),
        (agent(**{"class": "worse.py:Buyer"}), "agents[0]: class is in worse.py, which ends in an error: SyntaxError: '(' was never clos"),
        (agent(terms={"at_s": 3, "lot": 1}), "agents[0]: unknown key terms.lot = 1; did you mean 'lots'?"),
        (agent(terms={"at_s": "soon"}), "agents[0]: terms.at_s is 'soon': expected `int`, got `str`"),
        (agent(terms={}), "agents[0]: missing key terms.at_s"),
        (agent(cohort="makers"), "agents[0]: cohort is 'makers': expected a name of its own, that one is taken"),
        (agent(cohort="a/b"), "agents[0]: cohort: 'a/b' given, expected letters"),
        (agent(count=0), "agents[0].count is 0: expected `int` >= 1"),
        ({"agents": [AGENT, AGENT]}, "agents[1].cohort is 'buyers': expected a name of its own, that one is taken"),
        (path("Sawtoth"), "path: class is 'my_path.py:Sawtoth': expected a name in that file; did you mean 'Sawtooth'?"),
        (path("number"), "path: class is 'my_path.py:number': expected a class that extends perplab.lab.paths.PriceModel, or a function"),
        (path("Terms"), "path: class is 'my_path.py:Terms': expected a class that extends perplab.lab.paths.PriceModel"),
        (path("Sawtooth", terms={"dept": 1}), "path: unknown key terms.dept = 1; did you mean 'depth'?"),
        (path("short"), "path: class is 'my_path.py:short', which gives shape (2,) in seed 0: expected 1,200 prices above zero, one for "),
        (path("breaks"), "path: class is 'my_path.py:breaks', which ends in an error: ZeroDivisionError: division by zero (line "),
        (path("unsteady"), "path: class is 'my_path.py:unsteady': expected equal prices for equal seeds"),
        (fault("oracle_frosen"), "faults[0]: class is 'oracle_frosen': expected one of oracle_delayed, oracle_frozen, makers_gone, taker"),
        (fault(until_s=5), "faults[0]: until_s is 5: expected more than at_s, 10"),
        (fault(at_s=1e5), "faults[0].at_s is 100000: expected less than 179.9, the length of the path"),
        (fault("oracle_delayed"), "faults[0]: missing key terms.by_s"),
        (fault("makers_gone", terms={"cohorts": ["maker"]}), "faults[0]: makers_gone meets 'maker': expected a cohort; did you mean 'mak"),
        (fault("my_fault.py:Stranger"), "faults[0]: my_fault.py:Stranger meets 'byers': expected a cohort; did you mean 'buyers'?"),
        (fault("my_bot.py:Buyer"), "faults[0]: class is 'my_bot.py:Buyer': expected a class that extends perplab.lab.faults.Fault"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(folder: Path, changes: dict[str, object], told: str) -> None:
    (folder / "bad.py").write_text("\n1 / 0\n", encoding="utf-8")
    (folder / "worse.py").write_text("print(\n", encoding="utf-8")
    with pytest.raises(ScenarioError) as refused:
        calm(**changes)
    assert str(refused.value).startswith(f"mine.toml: {told}") and "\n" not in str(refused.value)


def test_one_table_changes_all_agents_or_faults(folder: Path) -> None:
    """As it does in a file that extends another one, in --set and in --vary."""
    scenario = calm(agents=[AGENT, {**AGENT, "cohort": "others"}], faults=[{"class": "oracle_frozen", "at_s": 3.0}])
    changed = scenario.override({"agents": {"terms": {"lots": 9}}, "faults": {"until_s": 5.0}})
    assert [one.terms for one in changed.agents] == [{"at_s": 3, "lots": 9}] * 2 and changed.faults[0].until_s == 5.0
    with pytest.raises(ScenarioError, match=r"--set: unknown key agents\[0\].coun = 3; did you mean 'count'\?"):
        scenario.override({"agents": {"coun": 3}}, "--set")


def test_a_factorial_may_vary_how_many_there_are(folder: Path) -> None:
    """Then the cells have different people: there is no cost to those who are in all of them."""
    made = compare("book_fund_adl", calm(agents=[AGENT]), seeds=1, accounts=ACCOUNTS, vary="agents.count=1|2")
    cells = made.cells("arrays")
    assert cells["agents.count"].tolist() == ["1", "2"]
    assert np.isnan(cells["cost.baseline_bp"]).all() and np.isfinite(cells["losses.total_usd"]).all()


# -- paths --


def test_an_own_path_is_drawn_by_seed_and_begins_where_the_scenario_says(folder: Path) -> None:
    path = calm(path=SAW).path
    first, other = path.path(1).prices, path.path(2).prices
    assert first.size == 1200 and first[0] == other[0] == 100_000.0 and not np.array_equal(first, other)
    assert first.max() / first.min() == pytest.approx(1.0 / 0.9, rel=1e-3)
    assert (calm(path={**SAW, "class": "my_path.py:flat"}).path.path(1).prices == 100_000.0).all()


def test_a_seed_in_which_it_gives_no_prices_is_told_before_anything_runs(folder: Path) -> None:
    scenario = calm(**path("breaks_later"))
    with pytest.raises(ScenarioError, match=r"flash: path: class is 'my_path.py:breaks_later', which gives shape \(1200,\) in seed 7"):
        compare("social_only", scenario, seeds=7, accounts=ACCOUNTS)


def test_an_own_path_may_be_one_of_several(folder: Path) -> None:
    saw = TOML[TOML.index("[path]") : TOML.index("[[agents]]")].replace("[path]", '[paths.saw]\nfamily = "whipsaw"')
    (folder / "mine.toml").write_text(f'extends = "flash"\n{saw.replace("minutes = 2", "minutes = 60")}', encoding="utf-8")
    made = load_paths("mine.toml")["saw"]
    assert made.path.first_usd == load_scenario("flash").path.first_usd and made.path.family == "whipsaw"


# -- faults --


def faults(*tables: dict[str, object], cohorts: dict[str, list[int]] | None = None) -> Faults:
    members = {"makers": [10], "noise": [11, 12], "momentum": [13]} | (cohorts or {})
    made = [msgspec.convert(table, FaultTable, strict=False) for table in tables]
    return Faults(made, 0, [Cohort(name, np.array(accounts)) for name, accounts in members.items()])


def place(account: int, at_s: float) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    row = pack(Place(0, account, 0, Side.BUY, 100, 8))
    row[:, TS_COLUMN] = round(at_s * SECOND_NS)
    return row


def at_s(rows: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> list[float]:
    return [ts / SECOND_NS for ts in rows[:, TS_COLUMN].tolist()]


def test_the_known_cohorts_are_those_of_a_run() -> None:
    made = run("book_fund_adl", calm(), accounts=ACCOUNTS)
    assert {cohort.name for cohort in made.cohorts} == set(COHORTS)


def test_nothing_overtakes_an_account_that_is_late_and_nobody_waits_for_another() -> None:
    late = faults({"class": "takers_late", "at_s": 1.0, "until_s": 2.0, "terms": {"by_ms": 1500}})
    rows = np.concatenate([place(11, 0.5), place(12, 1.9), place(11, 1.9), place(12, 2.1), place(11, 5.0)])
    passed = late.exogenous(rows)
    account = column_of(Place, "account")
    assert at_s(passed) == [0.5, 3.4, 3.4, 3.4, 5.0] and passed[:, account].tolist() == [11, 11, 12, 12, 11]
    assert at_s(late.of_agent(13, place(13, 0), round(1.5 * SECOND_NS))) == [3.0]
    assert at_s(late.of_agent(13, place(13, 0), round(2.5 * SECOND_NS))) == [3.0], "sent later, so not there before"
    assert at_s(late.of_agent(10, place(10, 0), round(1.5 * SECOND_NS))) == [1.5], "no taker"


def test_makers_who_are_gone_still_pay_in() -> None:
    gone = faults({"class": "makers_gone", "at_s": 1.0, "until_s": 2.0})
    both = np.concatenate([place(10, 0), pack(Deposit(0, 10, 0, 5))])
    kept = gone.of_agent(10, both, round(1.5 * SECOND_NS))
    assert kept[:, 0].tolist() == [Deposit.KIND]
    assert len(gone.of_agent(10, both, round(2.5 * SECOND_NS))) == 2
    ((when, first),) = gone.moments()  # nothing is sent as it ends
    assert when == SECOND_NS and first[:, 0].tolist() == [CancelAll.KIND] and at_s(first) == [1.0]


def test_a_price_that_is_held_up_arrives_in_its_order() -> None:
    late = faults({"class": "oracle_delayed", "at_s": 1.0, "until_s": 2.0, "terms": {"by_s": 1.0}})
    rows = np.concatenate([pack(UpdateOracle(0, 0, price, 0)) for price in (1, 2, 3, 4)])
    rows[:, TS_COLUMN] = [0, SECOND_NS, 2 * SECOND_NS - 1, 2 * SECOND_NS]
    passed = late.exogenous(rows)
    assert passed[:, column_of(UpdateOracle, "price")].tolist() == [1, 2, 3, 4]
    assert passed[:, TS_COLUMN].tolist() == [0, 2 * SECOND_NS, 3 * SECOND_NS - 1, 3 * SECOND_NS - 1]


def test_shipped_faults_show_in_a_run() -> None:
    tables = [
        {"class": "makers_gone", "at_s": 20.0, "until_s": 40.0, "terms": {"cohorts": ["makers", "bidders"]}},
        {"class": "oracle_frozen", "at_s": 60.0, "until_s": 90.0},
        {"class": "oracle_delayed", "at_s": 120.0, "until_s": 150.0, "terms": {"by_s": 9.5}},
    ]
    made = run("book_fund_adl", calm(faults=tables), accounts=ACCOUNTS)
    depth = {int(second(made, ts)): usd for ts, usd in zip(made.book.ts.tolist(), made.book.bid_depth_usd.tolist())}
    assert max(depth[at] for at in range(21, 40)) == 0.0 < min(depth[10], depth[45])
    heard = [second(made, ts) for ts in rows_of(made, OracleUpdated)["ts"]]
    assert not [at for at in heard if 60.0 <= at < 90.0] and [at for at in heard if 90.0 <= at < 95.0]
    gap = [at for at in heard if 120.0 <= at < 129.5]
    assert not gap and [at for at in heard if 129.5 <= at < 135.0]
    elsewhere = {"source_off", "makers_withdraw", "cannot_send", "gas_spike", "funding_set", "price_shock", "decorrelate"}
    assert set(SHIPPED) == {"makers_gone", "oracle_frozen", "oracle_delayed", "takers_late", *elsewhere}


def test_without_faults_a_run_is_what_it_was(folder: Path) -> None:
    never = [{"class": "oracle_frozen", "at_s": 179.0, "until_s": 179.0001}]
    plain, other = (run("book_fund_adl", one, accounts=ACCOUNTS) for one in (calm(), calm(faults=never)))
    assert plain.state_hash == other.state_hash


def test_an_own_fault_changes_what_passes(folder: Path) -> None:
    tables = [{"class": "my_fault.py:Halved", "at_s": 0.0}]
    made = run("book_fund_adl", calm(agents=[AGENT], faults=tables), accounts=ACCOUNTS)
    assert sum(rows_of(made, Traded, "buyers")["size"]) == 6


# -- reports --


TOML = """extends = "flash"

[path]
kind = "own"
class = "my_path.py:Sawtooth"
start = 2026-01-01T00:00:00Z
minutes = 2
step_ms = 100
first_usd = 117000.0

[[agents]]
class = "my_bot.py:Buyer"
count = 2
cohort = "buyers"
capital_usd = 5e5
hears_ms = 5
orders_ms = 2

[agents.terms]
at_s = 3

[[faults]]
class = "my_fault.py:Halved"
at_s = 1
"""


@pytest.mark.slow
def test_workers_load_the_files_and_a_report_needs_them_unchanged(folder: Path) -> None:
    (folder / "mine.toml").write_text(TOML, encoding="utf-8")
    done = call("compare", "mine.toml", "--venues", "social_only", "--accounts", ACCOUNTS, "--seeds", 2, "--jobs", 2, "--out", "there")
    assert done.exit_code == 0, done.output
    told = json.loads((folder / "there/report.json").read_text(encoding="utf-8"))["inputs"]["scenario"]
    names = [table["class"] for table in (told["path"], *told["agents"], *told["faults"])]
    assert names == ["my_path.py:Sawtooth", "my_bot.py:Buyer", "my_fault.py:Halved"]
    words = " ".join(done.output.split())
    assert "Besides the scenario's people there are 2 buyers (my_bot.py:Buyer)." in words
    assert "Done to every run: my_fault.py:Halved from 1 s to the end." in words
    again = call("compare", "--from-report", "there/report.json", "--jobs", 1, "--out", "again")
    assert again.exit_code == 0 and "of its 2 runs are equal" in again.output, again.output
    (folder / "my_bot.py").write_text(BOT + "\n", encoding="utf-8")
    changed = call("compare", "--from-report", "there/report.json", "--out", "changed")
    assert changed.exit_code == 2 and "inputs.scenario.agents[0]: class is 'my_bot.py:Buyer', whose file has the" in changed.output
    (folder / "my_bot.py").unlink()
    missing = call("compare", "--from-report", "there/report.json", "--out", "missing")
    assert missing.exit_code == 2 and "class is 'my_bot.py:Buyer': my_bot.py cannot be read (No such file or directory)" in missing.output
    assert not (folder / "changed").exists() and not (folder / "missing").exists()


def test_a_file_that_lies_elsewhere_is_told_by_its_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scenario = calm(agents=[AGENT])
    (folder / "elsewhere").mkdir()
    monkeypatch.chdir(folder / "elsewhere")
    assert [one.named for one in scenario.agents] == ["my_bot.py:Buyer"]
    assert MICRO and len(scenario.agents[0].sha256) == 64
