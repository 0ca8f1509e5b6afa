"""A user's class that goes wrong: each way ends as one line that names class, file, what it was asked and the error."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
from cli_kit import call
from test_own import ACCOUNTS, GRID, WHO, calm

from perplab.clients.bots.base import NOTHING, Action, Bot, View, pack
from perplab.exchange.codes import AccountKind
from perplab.exchange.messages import Deposit
from perplab.lab import ScenarioError, compare, run
from perplab.lab.agents import Agent

BOTS = """
import signal
import sys
import numpy as np
from perplab.clients.bots.base import NOTHING, Bot, pack
from perplab.exchange.messages import CancelAll, Deposit, OracleUpdated, Place, Side, UpdateOracle, Withdraw


class Second(Bot):
    def on_start(self, ts, view):
        return NOTHING, ts + 10**9


class Init(Bot):
    def __init__(self, seat):
        raise RuntimeError("boom\\nand more")


class Start(Bot):
    def on_start(self, ts, view):
        raise RuntimeError("boom\\nand more")


class Leaves(Bot):
    def on_start(self, ts, view):
        sys.exit(0)


class Terminated(Bot):
    def on_start(self, ts, view):
        signal.raise_signal(signal.SIGTERM)
        return NOTHING, None


class Wake(Second):
    def on_wake(self, ts, view):
        return 1 / 0


class Hears(Bot):
    hears = frozenset({OracleUpdated.KIND})

    def on_event(self, ts, event):
        raise KeyError(event.market)


class HearsWrong(Bot):
    hears = {"Traded"}


class ReadOnly(Bot):
    def on_start(self, ts, view):
        NOTHING[:] = 1


class Nothing(Bot):
    def on_start(self, ts, view):
        return None


class Text(Bot):
    def on_start(self, ts, view):
        return "buy", None


class Shape(Bot):
    def on_start(self, ts, view):
        return np.zeros((3, 4), np.int64), None


class Nan(Bot):
    def on_start(self, ts, view):
        return np.full((1, 16), np.nan), None


class Junk(Bot):
    def on_start(self, ts, view):
        return np.full((5, 16), 2**62), None


class Size(Bot):
    def on_start(self, ts, view):
        return pack(CancelAll(0, self.seat.account), Place(0, self.seat.account, 0, Side.BUY, view.mark, 0)), None


class NanWake(Bot):
    def on_start(self, ts, view):
        return NOTHING, float("nan")


class Past(Second):
    def on_wake(self, ts, view):
        return NOTHING, ts


class Price(Bot):
    def on_start(self, ts, view):
        return pack(UpdateOracle(0, 0, 5)), None


class Mint(Second):
    def on_wake(self, ts, view):
        return pack(CancelAll(0, self.seat.account), Deposit(0, self.seat.account, 0, 10**15)), None


class Other(Bot):
    def on_start(self, ts, view):
        return pack(Withdraw(0, self.seat.account, 0, 1), Place(0, 8, 0, Side.BUY, view.mark, 1)), None
"""
FAULTS = """
import sys
import traceback
import numpy as np
from perplab.clients.bots.base import NOTHING
from perplab.lab.faults import Fault


class Begins(Fault):
    def begins(self, accounts):
        accounts["makers"][:] = 0
        return NOTHING


class Passing(Fault):
    senders = ("makers",)

    def passing(self, sender, rows):
        raise RuntimeError("f")


class Leaves(Fault):
    senders = ("makers",)

    def passing(self, sender, rows):
        sys.exit(0)


class Ends(Fault):
    def ends(self, accounts):
        return 1 / 0


class Nothing(Fault):
    senders = ("makers",)

    def passing(self, sender, rows):
        return None


class Shape(Fault):
    def begins(self, accounts):
        return np.zeros(16, np.int64)


class Senders(Fault):
    senders = None


class Zeros(Fault):
    senders = ("makers",)

    def passing(self, sender, rows):
        rows[:] = 0
        return rows


class Reports(Fault):
    # goes wrong in a run alone, not when the scenario is read
    def reporting(self, kind, sources, begin, end):
        if "oracle_rows" in [one.name for one in traceback.extract_stack()]:
            raise ValueError("not now")
        return sources
"""
PATHS = """
import sys
import numpy as np


def leaves(grid, seed):
    sys.exit(0)


def overflows(grid, seed):
    return np.exp(np.linspace(0.0, 710.0, grid.points))


def too_far(grid, seed):
    return np.geomspace(1e-300, 1e300, grid.points)


def imaginary(grid, seed):
    return np.ones(grid.points) * 1j


def words(grid, seed):
    return ["a"] * grid.points


def objects(grid, seed):
    return np.array([1.0] * grid.points, dtype=object)
"""
FILES = {"bots": BOTS, "faults": FAULTS, "prices": PATHS, "leaves": "import sys\nsys.exit(0)\n"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, text in FILES.items():
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    return tmp_path


def line(name: str, text: str, after: str = "") -> int:
    """The number of the first line of a file with this text, behind one that has `after`."""
    lines = FILES[name].splitlines()
    first = next(number for number, one in enumerate(lines) if after in one)
    return next(number for number, one in enumerate(lines, 1) if number > first and text in one)


def with_bot(name: str) -> dict[str, object]:
    return {"agents": [{"class": f"bots.py:{name}", **WHO, "count": 1}]}


def with_fault(name: str) -> dict[str, object]:
    return {"faults": [{"class": f"faults.py:{name}", "at_s": 1.0, "until_s": 3.0}]}


def with_path(name: str) -> dict[str, object]:
    return {"path": {"kind": "own", "class": f"prices.py:{name}", **GRID}}


def refused(changes: dict[str, object]) -> str:
    """What a run tells; no warning comes before it."""
    with warnings.catch_warnings(), pytest.raises(ScenarioError) as told:
        warnings.simplefilter("error")
        run("social_only", calm(**changes), accounts=ACCOUNTS)
    assert "\n" not in str(told.value)
    return str(told.value)


ROWS = "expected packed commands, int64 of shape (n, 16), as perplab.clients.bots.base.pack makes them"
WHEN = "expected commands and when to be woken, such as (NOTHING, None)"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Init", f"ends in an error: RuntimeError: boom and more (line {line('bots', 'raise', 'Init')}), asked for a bot of account "),
        ("Start", f"ends in an error: RuntimeError: boom and more (line {line('bots', 'raise', 'Start')}), asked for on_start"),
        ("Leaves", f"ends in an error: SystemExit: 0 (line {line('bots', 'exit')}), asked for on_start"),
        ("Wake", f"ends in an error: ZeroDivisionError: division by zero (line {line('bots', '1 / 0')}), asked for on_wake at 1 s"),
        ("Hears", f"ends in an error: KeyError: 0 (line {line('bots', 'KeyError')}), asked for on_event of OracleUpdated at "),
        ("ReadOnly", "ends in an error: ValueError: assignment destination is read-only (line "),
        ("Nothing", f"returns None, asked for on_start at 0 s: {WHEN}"),
        ("Text", f"returns 'buy', asked for on_start at 0 s: {ROWS}"),
        ("Shape", f"returns int64 of shape (3, 4), asked for on_start at 0 s: {ROWS}"),
        ("Nan", f"returns float64 of shape (1, 16), asked for on_start at 0 s: {ROWS}"),
        ("Junk", "sends what no venue takes, asked for on_start at 0 s: kind is 4611686018427387904; known kinds are 1 to "),
        ("Size", "sends what no venue takes, asked for on_start at 0 s: Place.size is 0; expected 1 to "),
        ("NanWake", "wants to be woken at nan, asked for on_start at 0 s: expected whole ns after "),
        ("Past", "wants to be woken at "),
        ("Price", "sends UpdateOracle from account "),
        ("Mint", "sends Deposit from account "),
        ("Other", "sends Place for account 8, asked for on_start at 0 s: expected its own account, "),
    ],
)
def test_a_bot_that_goes_wrong_is_told(folder: Path, name: str, told: str) -> None:
    assert refused(with_bot(name)).startswith(f"class is 'bots.py:{name}', which {told}")


def test_what_a_bot_cannot_hear_is_told(folder: Path) -> None:
    expected = "class is 'bots.py:HearsWrong', whose hears is {'Traded'}: expected kinds of events, such as Traded.KIND"
    assert refused(with_bot("HearsWrong")) == expected


def test_only_what_an_owner_may_send_is_taken(folder: Path) -> None:
    expected = "expected what the owner of an account may send for it"
    assert refused(with_bot("Mint")).endswith(f", asked for on_wake at 1 s: that is for the venue's operator, {expected}")


def test_bots_that_a_caller_brings_may_do_no_more(folder: Path) -> None:
    class Rich(Bot):
        def on_start(self, ts: int, view: View) -> Action:
            return pack(Deposit(0, self.seat.account, 0, 1)), None

    class Broken(Bot):
        def on_wake(self, ts: int, view: View) -> Action:
            raise LookupError

        def on_start(self, ts: int, view: View) -> Action:
            return NOTHING, ts + 1

    for bot, told in ((Rich, "sends Deposit"), (Broken, "ends in an error: LookupError (line ")):
        agent = Agent("mine/0", "mine", AccountKind.TRADER, 10**9, bot)
        with pytest.raises(ScenarioError, match=bot.__name__) as refused:
            run("social_only", calm(), accounts=ACCOUNTS, bots=[agent])
        assert told in str(refused.value)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Begins", "ends in an error: ValueError: assignment destination is read-only (line "),
        ("Passing", f"ends in an error: RuntimeError: f (line {line('faults', 'raise')}), asked for passing, of "),
        ("Leaves", f"ends in an error: SystemExit: 0 (line {line('faults', 'exit')}), asked for passing, of "),
        ("Ends", f"ends in an error: ZeroDivisionError: division by zero (line {line('faults', '1 / 0')}), asked for ends"),
        ("Nothing", "returns None, asked for passing, of "),
        ("Shape", f"returns int64 of shape (16,), asked for begins: {ROWS}"),
        ("Zeros", "sends what no venue takes, asked for passing, of "),
        ("Reports", "ends in an error: ValueError: not now (line "),
    ],
)
def test_a_fault_that_goes_wrong_is_told(folder: Path, name: str, told: str) -> None:
    assert refused(with_fault(name)).startswith(f"class is 'faults.py:{name}', which {told}")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("leaves", f"ends in an error: SystemExit: 0 (line {line('prices', 'exit')}), asked for the prices of seed 0"),
        ("overflows", "gives shape (1200,) in seed 0, inf at point 1,199: expected 1,200 prices above zero"),
        ("too_far", "gives shape (1200,) in seed 0, inf at point 607 once they begin at first_usd: expected 1,200 prices above zero"),
        ("imaginary", "gives complex numbers of shape (1200,) in seed 0: expected 1,200 prices above zero"),
        ("words", "ends in an error: ValueError: could not convert string to float: "),
    ],
)
def test_a_path_that_goes_wrong_is_told(folder: Path, name: str, told: str) -> None:
    assert refused(with_path(name)).startswith(f"mine.toml: path: class is 'prices.py:{name}', which {told}")


def test_a_fault_that_meets_nobody_that_is_named_is_told(folder: Path) -> None:
    expected = "expected names of cohorts, as in (\"makers\",), or none for all"
    assert refused(with_fault("Senders")) == f"mine.toml: faults[0]: class is 'faults.py:Senders', whose senders is None: {expected}"


def test_prices_may_be_objects_that_are_numbers(folder: Path) -> None:
    assert (calm(**with_path("objects")).path.path(1).prices == GRID["first_usd"]).all()


@pytest.mark.parametrize("table", ["agents", "faults"])
def test_a_file_that_leaves_when_it_is_read_is_told(folder: Path, table: str) -> None:
    one = {"class": "leaves.py:Any", "at_s": 1.0} if table == "faults" else {"class": "leaves.py:Any", **WHO}
    assert refused({table: [one]}) == f"mine.toml: {table}[0]: class is in leaves.py, which ends in an error: SystemExit: 0 (line 2)"


TOML = """extends = "flash"

[[agents]]
class = "bots.py:{}"
count = 1
cohort = "mine"
capital_usd = 5e5
hears_ms = 5
orders_ms = 2
"""


@pytest.mark.parametrize("name", ["Leaves", "Wake"])
def test_the_command_line_ends_with_2_and_leaves_nothing(folder: Path, name: str) -> None:
    (folder / "mine.toml").write_text(TOML.format(name), encoding="utf-8")
    done = call("compare", "mine.toml", "--venues", "social_only", "--accounts", ACCOUNTS, "--seeds", 1, "--jobs", 1, "--out", "there")
    assert done.exit_code == 2, done.output
    assert f"error: class is 'bots.py:{name}', which ends in an error: " in done.output and "Traceback" not in done.output
    assert not (folder / "there/unfinished").exists() and not (folder / "there/report.json").exists()


def test_to_be_asked_to_end_is_no_error_of_the_class_at_work(folder: Path) -> None:
    (folder / "mine.toml").write_text(TOML.format("Terminated"), encoding="utf-8")
    done = call("compare", "mine.toml", "--venues", "social_only", "--accounts", ACCOUNTS, "--seeds", 1, "--jobs", 1, "--out", "there")
    assert done.exit_code == 143 and "error" not in done.output, done.output


@pytest.mark.slow
def test_workers_tell_the_same(folder: Path) -> None:
    (folder / "mine.toml").write_text(TOML.format("Leaves"), encoding="utf-8")
    done = call("compare", "mine.toml", "--venues", "social_only", "--accounts", ACCOUNTS, "--seeds", 2, "--jobs", 2, "--out", "there")
    assert done.exit_code == 2 and "error: class is 'bots.py:Leaves', which ends in an error: SystemExit: 0 (line " in done.output
    assert "Traceback" not in done.output and not (folder / "there/unfinished").exists()


def test_from_python_it_is_a_scenario_error(folder: Path) -> None:
    with pytest.raises(ScenarioError, match=r"class is 'bots.py:Wake'"):
        compare("social_only", calm(**with_bot("Wake")), seeds=1, accounts=ACCOUNTS, insured=False)
