"""Worked examples: what is given, what a source says comes of it, and how exactly. Read from a JSON file, or from the project's own table.

Rules of the file: numbers are exact fractions of the decimals as they are written, whole numbers are integers. What is wrong with a file is
an ExampleError that says where: file, example, field.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

LARGEST_EXPONENT: Final = 400  # more than floats have
OWN: Final = Path(__file__).with_name("examples.toml")

Number = int | Fraction
Value = int | Fraction | str | bool | list["Value"] | dict[str, "Value"] | None


class ExampleError(Exception):
    """A file of worked examples that cannot be used; the message is complete."""


class Example(NamedTuple):
    name: str
    venue: str
    topic: str
    inputs: Mapping[str, Value]
    expected: Mapping[str, Value]
    formula: str
    tolerance: Number  # absolute, for every number of `expected`; 0: exact
    source: str
    printed: Mapping[str, Value] = MappingProxyType({})  # what the source prints where that contradicts its own formula
    note: str = ""


class Given:
    """The inputs of an example, asked for by name and type. Raises ExampleError for what is not there."""

    def __init__(self, values: Mapping[str, Value], place: str) -> None:
        self.values = values
        self.place = place  # file, example, and the path down to here

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def get(self, name: str) -> Value:
        if name not in self.values:
            raise ExampleError(f"{self.place} has no {name!r}, which this topic needs")
        return self.values[name]

    def refuse(self, name: str, expected: str) -> ExampleError:
        return ExampleError(f"{self.place}.{name} is {told(self.values[name])}: expected {expected}")

    def number(self, name: str) -> Fraction:
        value = self.get(name)
        if not isinstance(value, int | Fraction) or not is_number(value):
            raise self.refuse(name, "a number")
        return Fraction(value)

    def text(self, name: str) -> str:
        value = self.get(name)
        if not isinstance(value, str):
            raise self.refuse(name, "a text")
        return value

    def flag(self, name: str) -> bool:
        value = self.get(name)
        if not isinstance(value, bool):
            raise self.refuse(name, "true or false")
        return value

    def fixed(self, name: str, one: int) -> int:
        """The number in 1 / one. Raises ExampleError if it is finer than that."""
        scaled = self.number(name) * one
        if scaled.denominator != 1:
            raise self.refuse(name, f"a multiple of 1/{one:,}, the scale at which this topic is calculated")
        return scaled.numerator

    def part(self, name: str) -> Given:
        """A table within."""
        value = self.get(name)
        if not isinstance(value, dict):
            raise self.refuse(name, "a table")
        return Given(value, f"{self.place}.{name}")

    def parts(self, name: str) -> list[Given]:
        """A list, each of its members as if it were a table: of a row the columns are "0", "1"; of a plain value there is one, "0"."""
        value = self.get(name)
        if not isinstance(value, list):
            raise self.refuse(name, "a list")
        return [Given(as_table(one), f"{self.place}.{name}[{at}]") for at, one in enumerate(value)]


def as_table(value: Value) -> Mapping[str, Value]:
    if isinstance(value, dict):
        return value
    return {str(at): one for at, one in enumerate(value if isinstance(value, list) else [value])}


def is_number(value: object) -> bool:
    return isinstance(value, int | Fraction) and not isinstance(value, bool)


def told(value: object, digits: int = 12) -> str:
    """A value as a reader would write it: 0.05, 1e-09, [1, 2]."""
    if isinstance(value, list):
        return f"[{', '.join(told(one, digits) for one in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name} {told(one, digits)}' for name, one in value.items())}}}"
    if isinstance(value, Fraction) and value.denominator != 1:
        return f"{float(value):.{digits}g}"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


# -- the JSON of a file ------------------------------------------------------------------------------------------------------------

FIELDS: Final = ("id", "venue", "topic", "inputs", "expected", "formula", "tolerance", "source")


def load(file: Path) -> list[Example]:
    """The examples of a JSON file: objects with FIELDS, `expected_doc` where a print is wrong, and `note`. Raises ExampleError."""
    try:
        tree = json.loads(file.read_text(encoding="utf-8"), parse_float=exact, parse_constant=no_constant)
    except UnicodeDecodeError as error:
        raise ExampleError(f"{file}: not UTF-8: byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise ExampleError(f"{file}: not JSON: line {error.lineno}, column {error.colno}: {error.msg}") from None
    except (ValueError, RecursionError) as error:
        raise ExampleError(f"{file}: not JSON that can be read: {error}") from None
    if not isinstance(tree, list):
        raise ExampleError(f"{file}: is {kind(tree)}: expected a list of worked examples")
    if not tree:
        raise ExampleError(f"{file}: has no examples: expected a list of at least one")
    found = [of_json(one, f"{file}: [{at}]") for at, one in enumerate(tree)]
    names: set[str] = set()
    for at, example in enumerate(found):
        if example.name in names:
            raise ExampleError(f"{file}: [{at}].id is {example.name!r}: expected an id that no example before it has")
        names.add(example.name)
    return found


def exact(text: str) -> Fraction:
    """Raises ValueError for an exponent that would fill the memory."""
    _, _, exponent = text.lower().partition("e")
    if abs(int(exponent or 0)) > LARGEST_EXPONENT:
        raise ValueError(f"{text} is beyond 1e{LARGEST_EXPONENT}")
    return Fraction(text)


def no_constant(text: str) -> Value:
    raise ValueError(f"{text} is no number")


def kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false", int: "a number", Fraction: "a number"}
    return names.get(type(value), "null")


def of_json(tree: object, place: str) -> Example:
    if not isinstance(tree, dict):
        raise ExampleError(f"{place} is {kind(tree)}: expected an object with {', '.join(FIELDS)}")
    for name in FIELDS:
        if name not in tree:
            raise ExampleError(f"{place}{named(tree)} has no {name!r}: expected {', '.join(FIELDS)}")
        wanted = "an object" if name in ("inputs", "expected") else "a number" if name == "tolerance" else "a text"
        if kind(tree[name]) != wanted:
            raise ExampleError(f"{place}{named(tree)}.{name} is {told(tree[name])}: expected {wanted}")
    if tree["tolerance"] < 0:
        raise ExampleError(f"{place}{named(tree)}.tolerance is {told(tree['tolerance'])}: expected 0 or more")
    if not tree["expected"]:
        raise ExampleError(f"{place}{named(tree)}.expected is empty: expected at least one result")
    printed = tree.get("expected_doc", {})
    if not isinstance(printed, dict):
        raise ExampleError(f"{place}{named(tree)}.expected_doc is {told(printed)}: expected an object")
    note = tree.get("note", "")
    if not isinstance(note, str):
        raise ExampleError(f"{place}{named(tree)}.note is {told(note)}: expected a text")
    return Example._make([*(tree[name] for name in FIELDS), printed, note])


def named(tree: Mapping[str, object]) -> str:
    """An example's name in brackets, if it has got one."""
    return f" ({tree['id']})" if isinstance(tree.get("id"), str) else ""


# -- the project's own table -------------------------------------------------------------------------------------------------------


def own() -> list[Example]:
    """The worked examples that come with the project: by venue and topic, with the source of each."""
    tree = tomllib.loads(OWN.read_text(encoding="utf-8"), parse_float=Fraction)
    return list(of_table(tree))


def of_table(tree: Mapping[str, Value]) -> Iterator[Example]:
    for venue, topics in tree.items():
        assert isinstance(topics, dict), f"{OWN.name}: {venue} is no table of topics"
        for topic, said in topics.items():
            assert isinstance(said, dict), f"{OWN.name}: {venue}.{topic} is no table"
            cases = said["cases"]
            assert isinstance(cases, list)
            for number, case in enumerate(cases, 1):
                assert isinstance(case, dict)
                yield own_example(venue, topic, f"{venue}/{topic}" + (f"/{number}" if len(cases) > 1 else ""), said, case)


def own_example(venue: str, topic: str, name: str, said: Mapping[str, Value], case: Mapping[str, Value]) -> Example:
    given, gives, within, misprint = case["given"], case["gives"], case.get("within", said.get("within", 0)), case.get("misprint", {})
    assert isinstance(given, dict) and isinstance(gives, dict) and isinstance(within, int | Fraction) and isinstance(misprint, dict), name
    note = str(case.get("note", ""))
    return Example(name, venue, topic, given, gives, str(said["rule"]), within, str(said["source"]), misprint, note)
