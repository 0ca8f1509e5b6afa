"""`perplab conformance`: the examples that come with the project hold, adapters calculate nothing themselves, and wrong files are told."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from types import CodeType, FunctionType

import pytest
from cli_kit import call
from updates import Updates

from perplab.exchange import BUILD
from perplab.lab.conformance import every_adapter
from perplab.lab.conformance.adapters import ADAPTERS, RUNS, Adapter
from perplab.lab.conformance.examples import OWN, Example, ExampleError, Given, load, own, told
from perplab.lab.conformance.judge import FAILED, NOT_COVERED, PASSED, Outcome, judge, judged
from perplab.lab.conformance.printing import lines, summary
from perplab.lab.conformance.uncovered import MISSING, UNCOVERED

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs" / "conformance.md"
EXAMPLES = own()
NAMES = [example.name for example in EXAMPLES]
BEGIN, END = "<!-- from here on as `pytest tests/lab/test_conformance.py --update` writes it -->\n", "<!-- to here -->\n"


def outcome(example: Example) -> Outcome:
    return judged(example, example.name)


# -- the project's own table --


@pytest.mark.parametrize("example", EXAMPLES, ids=NAMES)
def test_a_published_example_is_met(example: Example) -> None:
    found = outcome(example)
    assert found.verdict == PASSED, found.reason


def test_every_covered_topic_has_an_example_with_its_source() -> None:
    assert {(example.venue, example.topic) for example in EXAMPLES} == set(ADAPTERS)
    assert [example.name for example in EXAMPLES if not example.source or not example.formula] == []
    assert len(set(NAMES)) == len(NAMES)


@pytest.mark.parametrize("example", EXAMPLES, ids=NAMES)
def test_an_example_with_another_result_fails(example: Example) -> None:
    """Every number is compared: whichever is wrong, that is told."""
    for name, value in example.expected.items():
        wrong = example._replace(expected={**example.expected, name: other(value, example)})
        found = outcome(wrong)
        assert found.verdict == FAILED
        assert found.reason.startswith(f"{name} is ")


def other(value: object, example: Example) -> object:
    """Something else of the same type, beyond the tolerance."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | Fraction):
        return value + 2 * Fraction(example.tolerance) + 1
    if isinstance(value, list):
        return [*value[:-1], other(value[-1], example)] if value else [1]
    return f"{value}!"


# -- adapters --


def named(call_: str) -> object:
    """The function of perplab.exchange that an adapter names."""
    parts = call_.split(".")
    for at in range(len(parts), 0, -1):
        module = sys.modules.get(".".join(["perplab.exchange", *parts[:at]]))
        if module is not None:
            found: object = module
            for part in parts[at:]:
                found = getattr(found, part)
            return found
    raise AssertionError(f"no module of {call_}")


def test_every_function_that_an_adapter_names_exists() -> None:
    for key, adapter in ADAPTERS.items():
        assert adapter.calls, key
        for call_ in adapter.calls:
            assert callable(named(call_)), f"{key}: {call_}"


def called_while(act: Callable[[], object]) -> set[object]:
    """The code of all Python functions that are called meanwhile."""
    seen: set[object] = set()

    def note(frame: object, event: str, _: object) -> None:
        if event == "call":
            seen.add(frame.f_code)  # type: ignore[attr-defined]

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        act()
    finally:
        sys.setprofile(before)
    return seen


@pytest.mark.parametrize("key", ADAPTERS, ids="/".join)
def test_an_adapter_calls_what_it_names(key: tuple[str, str]) -> None:
    if BUILD != "interpreted":
        pytest.skip("calls of compiled functions cannot be seen: the interpreted core shows it")
    seen = called_while(lambda: [outcome(example) for example in EXAMPLES if (example.venue, example.topic) == key])
    assert [name for name in ADAPTERS[key].calls if named(name).__code__ not in seen] == []  # type: ignore[attr-defined]


def imported_as(adapter: Adapter) -> Iterator[tuple[dict[str, object], str]]:
    """Where the module of an adapter keeps the functions that it names."""
    functions = [named(call_) for call_ in adapter.calls]
    names: dict[str, object] = adapter.calculate.__globals__  # type: ignore[attr-defined]
    for name in used_by(adapter.calculate, names):
        if any(names[name] is function for function in functions):
            yield names, name


def used_by(function: object, names: dict[str, object]) -> set[str]:
    """The names of a module that a function of it uses, by way of others, too."""
    found: set[str] = set()
    todo = [function.__code__]  # type: ignore[attr-defined]
    for code in todo:
        todo += [one for one in code.co_consts if isinstance(one, CodeType)]
        for name in set(code.co_names) & set(names) - found:
            found.add(name)
            if isinstance(names[name], FunctionType) and names[name].__module__ == names["__name__"]:
                todo.append(names[name].__code__)
    return found


def changed(result: object) -> object:
    if isinstance(result, bool):
        return not result
    if isinstance(result, int):
        return 2 * result + 10**12 + 7
    if isinstance(result, tuple | list):
        return type(result)(changed(one) for one in result)
    return result


@pytest.mark.parametrize("key", ADAPTERS, ids="/".join)
def test_a_result_depends_on_every_function_that_is_named(key: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """With another result of one of them the examples of the topic are no longer met."""
    examples = [example for example in EXAMPLES if (example.venue, example.topic) == key]
    for names, name in imported_as(ADAPTERS[key]):
        function = names[name]
        assert callable(function)
        with monkeypatch.context() as patch:
            patch.setitem(names, name, lambda *given, function=function: changed(function(*given)))
            assert any(fails(example) for example in examples), f"{key} does not need {name}"


def fails(example: Example) -> bool:
    try:
        return outcome(example).verdict == FAILED
    except ExampleError:
        return True


def test_an_adapter_names_what_it_takes_from_the_venue_or_runs_one() -> None:
    for key, adapter in ADAPTERS.items():
        names = adapter.calculate.__globals__  # type: ignore[attr-defined]
        classes = {names[name] for name in used_by(adapter.calculate, names) if isinstance(names[name], type)}
        methods = [call_ for call_ in adapter.calls if named(call_.rpartition(".")[0]) in classes]
        assert list(imported_as(adapter)) or methods or RUNS in adapter.calls, f"{key}: neither a function nor a run"


def test_all_modules_of_adapters_are_imported() -> None:
    folder = Path(every_adapter.__file__).parent
    with_adapters = {path.stem for path in folder.glob("*.py") if re.search(r"^@adapter\(", path.read_text(encoding="utf-8"), re.MULTILINE)}
    assert with_adapters == {adapter.calculate.__module__.rsplit(".", 1)[1] for adapter in ADAPTERS.values()}


# -- what is not covered --


def test_a_topic_is_covered_or_not() -> None:
    topics = [tuple(topic.split()) for one in MISSING for topic in one.topics]
    assert len(set(topics)) == len(topics)
    assert set(topics) & set(ADAPTERS) == set()
    assert set(topics) == set(UNCOVERED)


def table() -> str:
    rows = [f"| {one.mechanism} | {', '.join(f'`{topic}`' for topic in one.topics)} |" for one in MISSING]
    return "\n".join(["", "| what is missing | venue and topic |", "| --- | --- |", *rows, "", ""])


def test_the_page_has_the_same_list(updates: Updates) -> None:
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    held, _, after = rest.partition(END)
    if updates.on:
        PAGE.write_text(before + BEGIN + table() + END + after, encoding="utf-8")
    else:
        assert held == table(), "docs/conformance.md differs from lab/conformance/uncovered.py; run this test with --update"


def test_an_unknown_topic_is_told_as_one() -> None:
    found = outcome(EXAMPLES[0]._replace(topic="of_ones_own"))
    assert (found.verdict, found.calls) == (NOT_COVERED, ())
    assert found.reason.startswith(f"unknown topic 'of_ones_own' of {EXAMPLES[0].venue}; known: ")
    assert summary([found, outcome(EXAMPLES[0])]) == "1 passed, 0 failed, 1 uncovered (1 of an unknown topic)"


@pytest.mark.parametrize(
    ("venue", "topic", "told_"),
    [
        ("drift_v2", "vamm_prize", "unknown topic 'vamm_prize' of drift_v2; did you mean 'vamm_price'?"),
        ("drift_v3", "vamm_price", "unknown topic: no venue 'drift_v3'; did you mean 'drift_v2'?"),
    ],
)
def test_a_misspelled_topic_is_told_the_nearest(venue: str, topic: str, told_: str) -> None:
    assert outcome(EXAMPLES[0]._replace(venue=venue, topic=topic)).reason == told_


# -- the command --


def test_without_a_file_it_shows_the_projects_own() -> None:
    told_ = call("conformance")
    assert told_.exit_code == 0
    assert told_.output.splitlines()[-1] == f"{len(EXAMPLES)} passed, 0 failed, 0 uncovered"
    assert "\x1b" not in told_.output


def plain(value: object) -> object:
    """JSON of exact numbers: whole ones, or floats, which are printed as they were read."""
    if isinstance(value, Fraction):
        return value.numerator if value.denominator == 1 else float(value)
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, list) else value


def as_json(example: Example, **changes: object) -> dict[str, object]:
    tree = {
        "id": example.name, "venue": example.venue, "topic": example.topic, "inputs": plain(example.inputs),
        "expected": plain(example.expected), "formula": example.formula, "tolerance": plain(example.tolerance), "source": example.source,
    }  # fmt: skip
    return {**tree, **changes}


def written(folder: Path, tree: object) -> Path:
    file = folder / "examples.json"
    file.write_text(tree if isinstance(tree, str) else json.dumps(tree), encoding="utf-8")
    return file


def test_a_file_of_the_same_examples_is_met_too(tmp_path: Path) -> None:
    found = judge(load(written(tmp_path, [as_json(example) for example in EXAMPLES])), "f")
    assert {one.example.name: one.reason for one in found if one.verdict != PASSED} == {}


def test_a_failure_is_exit_code_1_and_told(tmp_path: Path) -> None:
    first, second = EXAMPLES[0], EXAMPLES[1]
    name = next(iter(first.expected))
    file = written(tmp_path, [as_json(first, expected={name: 1}), as_json(second), as_json(second, id="x", topic="y")])
    told_ = call("conformance", file)
    assert told_.exit_code == 1
    assert f"{name} is " in told_.output and "expected 1" in told_.output
    assert told_.output.splitlines()[-1] == "1 passed, 1 failed, 1 uncovered (1 of an unknown topic)"
    only = call("conformance", file, "--only", "failed")
    assert first.name in only.output and second.name not in only.output
    assert only.output.splitlines()[-1] == "1 passed, 1 failed, 1 uncovered (1 of an unknown topic)"


def test_a_misprint_is_shown_and_not_asserted(tmp_path: Path) -> None:
    example = EXAMPLES[0]
    name = next(iter(example.expected))
    told_ = call("conformance", written(tmp_path, [as_json(example, expected_doc={name: 4321})]))
    assert told_.exit_code == 0
    assert f"the source prints {name} 4321" in " ".join(told_.output.split())


def test_a_note_is_shown(tmp_path: Path) -> None:
    told_ = call("conformance", written(tmp_path, [as_json(EXAMPLES[0], note="as asserted")]))
    assert told_.exit_code == 0 and "(as asserted)" in told_.output


def test_what_is_not_covered_is_told_with_the_mechanism_that_is_missing(tmp_path: Path) -> None:
    venue, topic = next(iter(UNCOVERED))
    told_ = call("conformance", written(tmp_path, [as_json(EXAMPLES[0], venue=venue, topic=topic)]))
    assert told_.exit_code == 0 and told_.output.splitlines()[-1] == "0 passed, 0 failed, 1 uncovered"
    assert "not built: inverse contracts" in told_.output


def test_one_venue_of_many(tmp_path: Path) -> None:
    venue = EXAMPLES[-1].venue
    told_ = call("conformance", "--venue", venue)
    assert told_.output.splitlines()[0] == venue
    assert told_.output.splitlines()[-1].startswith(f"{sum(example.venue == venue for example in EXAMPLES)} passed")
    wrong = call("conformance", "--venue", venue[:-1])
    assert wrong.exit_code == 2
    assert f"did you mean {venue!r}" in wrong.output


GOOD = as_json(EXAMPLES[0])
WRONG = {
    "no JSON": ("[{", ["not JSON", "line 1, column 3"]),
    "a number that fills the memory": ('[{"tolerance": 1e999999999}]', ["1e999999999 is beyond 1e400"]),
    "NaN": ('[{"tolerance": NaN}]', ["NaN is no number"]),
    "an object": ({"id": "x"}, ["is an object", "a list of worked examples"]),
    "nothing": ([], ["has no examples"]),
    "no object": ([1], ["[0] is a number", "an object with id, venue"]),
    "no field": ([GOOD, {"id": "a"}], ["[1] (a) has no 'venue'"]),
    "no topic": ([{name: value for name, value in GOOD.items() if name != "topic"}], ["has no 'topic'"]),
    "a field of another type": ([{**GOOD, "inputs": [1]}], [".inputs is [1]", "expected an object"]),
    "a tolerance that is none": ([{**GOOD, "tolerance": "0"}], [".tolerance is 0: expected a number"]),
    "a tolerance below 0": ([{**GOOD, "tolerance": -1}], [".tolerance is -1: expected 0 or more"]),
    "a note of another type": ([{**GOOD, "note": 1}], [".note is 1: expected a text"]),
    "nothing expected": ([{**GOOD, "expected": {}}], [".expected is empty"]),
    "the same id": ([GOOD, GOOD], ["[1].id is", "an id that no example before it has"]),
    "an input that is missing": ([{**GOOD, "inputs": {"size": -3}}], [f"{EXAMPLES[0].name}: inputs has no 'equity'"]),
    "an input of another type": (
        [{**GOOD, "inputs": {"equity": 1, "price": 1, "mmf": 0.05, "size": "x"}}], ["inputs.size is x", "a number"],
    ),
    "an input that is too fine": (
        [{**GOOD, "inputs": {"equity": 1, "price": 1, "mmf": 0.05, "size": 1e-9}}], ["inputs.size is 1e-09", "a multiple of 1/1,000"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_file_is_told_with_what_and_where(name: str, tmp_path: Path) -> None:
    tree, words = WRONG[name]
    told_ = call("conformance", written(tmp_path, tree))
    assert told_.exit_code == 2
    line = told_.output.splitlines()[-1]
    assert line.startswith("error: ") and "examples.json" in line
    assert [word for word in words if word not in line] == []


def test_a_file_that_is_not_there_or_no_text(tmp_path: Path) -> None:
    assert call("conformance", tmp_path / "none.json").exit_code == 2
    (tmp_path / "x.json").write_bytes(b"\xff\xfe[]")
    told_ = call("conformance", tmp_path / "x.json")
    assert told_.exit_code == 2 and "not UTF-8" in told_.output


def test_numbers_are_read_exactly(tmp_path: Path) -> None:
    file = written(tmp_path, '[{"id": "a", "venue": "b", "topic": "c", "inputs": {"x": 0.1}, "expected": {"y": 1e-30}, '
                             '"formula": "", "tolerance": 0, "source": ""}]')  # fmt: skip
    (example,) = load(file)
    assert example.inputs["x"] == Fraction(1, 10)
    assert Given(example.inputs, "a").fixed("x", 10) == 1
    assert told(example.expected["y"]) == "1e-30"


# -- how it looks --


@pytest.mark.parametrize("width", [80, 120, 160])
def test_no_line_is_wider_than_the_screen(width: int) -> None:
    shown = list(lines(judge(EXAMPLES, OWN.name), width))
    bare = [re.sub(r"\x1b\[\d+m", "", line) for line in shown]
    assert [line for line in bare if len(line) > width] == []
    assert [line for line in bare if line != line.rstrip()] == []


def test_columns_are_aligned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    shown = call("conformance").output.splitlines()
    names = {line.index(name) for line in shown for name in NAMES if f" {name} " in line}
    assert names == {len("  uncovered  ")}
    calls = {line.index(": ") - len(found[0]) for line in shown if (found := re.search(r"(?<=  )[a-z]+\.[a-z_]+(?=: )", line))}
    assert len(calls) == 1


def test_a_pipe_gets_wide_lines_and_columns_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    wide = call("conformance").output
    monkeypatch.setenv("COLUMNS", "80")
    narrow = call("conformance").output
    assert 80 < max(map(len, wide.splitlines())) <= 160
    assert max(map(len, narrow.splitlines())) <= 80
