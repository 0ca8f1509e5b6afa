"""`pytest --update`: what it writes into text cases and golden files, what it leaves alone, and where it refuses to run."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from case_files import FILES, content_of, parsed, scenarios
from case_runner import play, played
from case_update import edits_of
from updates import applied

TESTS = Path(__file__).resolve().parent.parent

# -- the lines of a case --


def updated(content: str) -> str:
    """What an update makes of a file; all of its scenarios are run."""
    edits: dict[int, list[str]] = {}
    for scenario in parsed("some.txt", content):
        edits |= edits_of(scenario, play(scenario), content)
    return applied(content, edits)


def broken(content: str, file: str) -> tuple[str, int]:
    """The file with every value of its events and queries spoilt, and how many these are."""
    lines = content.splitlines(keepends=True)
    spoilt = 0
    for step in (step for scenario in parsed(file, content) for step in scenario.steps):
        for number in step.numbers:
            lines[number - 1], times = re.subn(r"(?<= )([a-z_]+)=(\S+)", r"\1=9\2", lines[number - 1])
            spoilt += times
        if step.text.startswith("= "):
            lines[step.number - 1] = lines[step.number - 1].replace(step.text, step.text + "9")
            spoilt += 1
    return "".join(lines), spoilt


@pytest.mark.parametrize("file", FILES)
def test_what_was_spoilt_is_put_right_to_the_byte(file: str) -> None:
    """Comments, blank lines, spaces, lists of fields and {n} of repeated steps are what they were. The sound file is left as it is."""
    content = content_of(file)
    spoilt, times = broken(content, file)
    assert times > 20 and spoilt != content
    for before in (content, spoilt):
        edits: dict[int, list[str]] = {}
        for scenario in parsed(file, before):
            edits |= edits_of(scenario, played(f"{file.removesuffix('.txt')}: {scenario.title}"), before)
        assert applied(before, edits) == content


CASE = """\
# two who trade

=== a trade                                  # the only one
accounts alice 1000, bob 1000
given oracle BTC 100

place alice BTC sell 2 @ 100
    # she is first
    OrderPlaced  id=1 side=sell              # two spaces
place bob BTC buy 1 @ 100                    # he takes one
    OrderPlaced id=2
    # half of hers

    Traded price=100 size=1 maker=alice      # at her price
= BTC last 100  interest 1                   # all there is
+1s tick
"""
PUT_RIGHT = {
    "a value, however long": ("price=100 size=1 maker=alice", "price=7 size=123456 maker=alice"),
    "a name": ("maker=alice", "maker=bob"),
    "a value of a query": ("last 100  interest 1", "last 100  interest 11"),
    "an event too many": ("    # half of hers\n", "    # half of hers\n    OrderCancelled id=2\n"),
    "an event behind all others": ("+1s tick\n", "+1s tick\n    FundingPaid account=alice\n"),
    "an event without fields": ("    OrderPlaced id=2\n", "    OrderPlaced id=2\n    Traded\n"),
}


@pytest.mark.parametrize("name", PUT_RIGHT)
def test_one_thing_is_put_right(name: str) -> None:
    right, wrong = PUT_RIGHT[name]
    assert right in CASE and updated(CASE) == CASE
    assert updated(CASE.replace(right, wrong)) == CASE


def test_a_line_that_is_missing_lists_all_fields() -> None:
    """Behind the line before it; comment lines stay where they are."""
    missing = CASE.replace("    Traded price=100 size=1 maker=alice      # at her price\n", "")
    traded = (
        "    Traded market=BTC price=100 size=1 taker_side=buy taker=bob maker=alice taker_id=2 maker_id=1 taker_fee=0 maker_fee=0"
        " maker_left=1 liquidation=0\n"
    )
    found = updated(missing)
    assert found == missing.replace("    OrderPlaced id=2\n", "    OrderPlaced id=2\n" + traded) and updated(found) == found


def test_the_comment_of_a_line_that_goes_stays() -> None:
    wrong = CASE.replace("    # half of hers\n", "    OrderCancelled id=2  # half of hers\n")
    assert updated(wrong) == CASE


def test_another_kind_of_event_is_another_line() -> None:
    """In its place, behind the comment that the other one had."""
    found = updated(CASE.replace("Traded price=100 size=1 maker=alice ", "OrderReduced id=1 size=1 ")).splitlines()
    at = found.index("    # half of hers")
    assert found[at + 1 : at + 3] == ["", "    # at her price"]
    assert found[at + 3].startswith("    Traded market=BTC price=100")


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", [True, False], ids=["ends with a line end", "does not"])
def test_line_ends_stay(end: str, last: bool) -> None:
    content = CASE.replace("\n", end)
    spoilt = content.replace("=100", "=99").replace(f"+1s tick{end}", f"+1s tick{end}    Traded{end}")
    if not last:
        content, spoilt = content.removesuffix(end), spoilt.removesuffix(f"{end}    Traded{end}")
    assert updated(spoilt) == content
    missing = content[: content.index("    Traded")]
    found = updated(missing.rstrip() if not last else missing)
    assert found.count("\n") == found.count(end) and found.endswith(end) == last and "    Traded market=BTC" in found


REPEATED = """\
=== deposits
accounts alice 0
repeat 12 deposit alice {n}
    Deposited account=alice amount={n}
"""


def test_a_repeated_step_keeps_its_number() -> None:
    for wrong in ("amount=1{n}", "amount=7", "amount={n}{n}"):
        assert updated(REPEATED.replace("amount={n}", wrong)) == REPEATED
    assert updated(REPEATED.replace("alice {n}", "alice 7")) == REPEATED.replace("alice {n}", "alice 7").replace("amount={n}", "amount=7")
    found = updated(REPEATED.replace("    Deposited account=alice amount={n}\n", ""))
    assert "amount={n}" in found and updated(found) == found


LEFT_ALONE = {
    "a set-up that does not go well": (
        CASE.replace("given oracle BTC 100", "given oracle BTC 100\ngiven withdraw alice 5000"),
        r"some\.txt:6: given withdraw alice 5000\nis left as it is: the answer is not what a `given` step gives: Rejected",
    ),
    "a repeated step whose events differ": (
        REPEATED.replace("deposit alice {n}", "withdraw alice 1").replace("accounts alice 0", "accounts alice 3"),
        r"repeat 12 withdraw alice 1\nis left as it is: the answer is not the same each time",
    ),
    "a field that is another one each time": (
        CASE.replace("place bob BTC buy 1 @ 100", "repeat 2 place bob BTC buy 1 @ 99").split("    # half")[0].replace("id=2", "id={n}"),
        r"is left as it is: the answer has another id each time",
    ),
}


@pytest.mark.parametrize("name", LEFT_ALONE)
def test_what_no_line_can_say_is_left_alone(name: str) -> None:
    content, told = LEFT_ALONE[name]
    with pytest.raises(pytest.fail.Exception, match=told):
        updated(content)


def test_a_step_that_cannot_be_carried_out_is_an_error() -> None:
    with pytest.raises(KeyError, match="carl"):
        updated(CASE.replace("size=1", "size=2") + "deposit carl 5\n")


def test_a_field_that_no_event_has_is_an_error() -> None:
    with pytest.raises(AssertionError, match="Traded has no field colour=red"):
        updated(CASE.replace("maker=alice", "colour=red"))


# -- sessions, in a copy of the tests --

CASES = ("fees.txt", "stale.txt")
RUN = ("tests/exchange/test_cases.py::test_scenario", "tests/exchange/test_golden.py", "tests/exchange/test_prop_numbers.py")
FAST = "test_scenario or text_cases or no_more or golden_streams and extreme-0"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Two files of cases and all golden hashes that belong to them and to one of the streams."""
    (tmp_path / "tests" / "cases").mkdir(parents=True)
    for name in ("conftest.py", "updates.py", *(f"cases/{name}" for name in CASES)):
        shutil.copy(TESTS / name, tmp_path / "tests" / name)
    shutil.copytree(TESTS / "exchange", tmp_path / "tests" / "exchange", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(TESTS.parent / "pyproject.toml", tmp_path)
    golden = tmp_path / "tests" / "exchange" / "golden.json"
    tree = json.loads(golden.read_text(encoding="utf-8"))
    tree["cases"] = {name: tree["cases"][name] for name in CASES}
    golden.write_text(json.dumps(tree, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    return tmp_path


def session(folder: Path, *options: str, **environment: str) -> tuple[int, str]:
    """Exit code and all that pytest says."""
    kept = {key: value for key, value in os.environ.items() if key != "CI" and not key.startswith(("PYTEST_", "COV_"))}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", FAST, *RUN, *options]
    done = subprocess.run(command, cwd=folder, env=kept | environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def files(folder: Path) -> dict[str, bytes]:
    paths = [*sorted((folder / "tests" / "cases").iterdir()), *sorted((folder / "tests" / "exchange").glob("*.json"))]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def spoil(folder: Path, file: str, right: str, wrong: str) -> None:
    path = folder / file
    content = path.read_bytes()
    assert right.encode() in content
    path.write_bytes(content.replace(right.encode(), wrong.encode(), 1))


@pytest.mark.slow
def test_a_session_puts_all_files_right(copy: Path) -> None:
    """To the byte, in the files whose tests run; it names those that it has changed. Without the option nothing is written."""
    right = files(copy)
    hashes = {name: re.findall(r'"([0-9a-f]{32})"', content.decode()) for name, content in right.items()}
    spoil(copy, "tests/cases/fees.txt", "taker_fee=", "taker_fee=9")
    spoil(copy, "tests/exchange/golden.json", hashes["tests/exchange/golden.json"][0], "0" * 32)
    spoil(copy, "tests/exchange/golden.json", '"cases": {\n', '"cases": {\n    "gone.txt": "' + "1" * 32 + '",\n')
    spoil(copy, "tests/exchange/golden_streams.json", hashes["tests/exchange/golden_streams.json"][0], "2" * 32)
    wrong = files(copy)
    assert sum(wrong[name] != right[name] for name in right) == 3
    code, told = session(copy)
    assert code == 1 and "updated" not in told and files(copy) == wrong
    code, told = session(copy, "--update")
    assert code == 0, told
    assert "updated: tests/cases/fees.txt, tests/exchange/golden.json, tests/exchange/golden_streams.json" in told
    assert files(copy) == right
    code, told = session(copy, "--update", "-k", "no_more or text_cases")
    assert code == 0 and "updated: nothing" in told and files(copy) == right


def test_a_scenario_that_cannot_be_updated_holds_up_no_other(copy: Path) -> None:
    right = files(copy)["tests/cases/fees.txt"]
    spoil(copy, "tests/cases/fees.txt", "taker_fee=", "taker_fee=9")
    with (copy / "tests" / "cases" / "fees.txt").open("ab") as file:
        file.write(b"\n=== a set-up that does not go well\naccounts alice 1\ngiven withdraw alice 5000\n    Anything\n")
    code, told = session(copy, "--update", "-k", "test_scenario")
    assert code == 1 and "is left as it is" in told and "updated: tests/cases/fees.txt" in told
    assert files(copy)["tests/cases/fees.txt"].startswith(right)
    assert files(copy)["tests/cases/fees.txt"].endswith(b"    Anything\n")


@pytest.mark.parametrize(("options", "ci", "told"), [(["-n", "2"], "", "only one process"), ([], "true", "CI is set")], ids=["-n", "CI"])
def test_it_refuses(copy: Path, options: list[str], ci: str, told: str) -> None:
    spoil(copy, "tests/cases/fees.txt", "taker_fee=", "taker_fee=9")
    before = files(copy)
    code, said = session(copy, "--update", *options, CI=ci)
    assert code == pytest.ExitCode.USAGE_ERROR and told in said and files(copy) == before


def test_every_scenario_knows_its_lines() -> None:
    """Else an update would write into others."""
    for scenario in scenarios().values():
        lines = content_of(scenario.file).splitlines()
        for step in scenario.steps:
            assert all(text in lines[number - 1] for text, number in zip(step.events, step.numbers, strict=True))
