"""Each example by its adapter: passed, failed, or not covered, and why."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Final, NamedTuple

from perplab.exchange.design.reader import nearest

from . import every_adapter  # noqa: F401 - registers them
from .adapters import ADAPTERS, Result
from .examples import Example, ExampleError, Given, Number, Value, is_number, told
from .uncovered import UNCOVERED

PASSED: Final = "passed"
FAILED: Final = "failed"
NOT_COVERED: Final = "uncovered"
VERDICTS: Final = (PASSED, FAILED, NOT_COVERED)
UNKNOWN: Final = "unknown topic"


class Outcome(NamedTuple):
    example: Example
    verdict: str  # one of VERDICTS
    calls: tuple[str, ...]
    reason: str


def judge(examples: Iterable[Example], file: str) -> list[Outcome]:
    """All of them. Raises ExampleError for inputs that are not what their topic needs."""
    return [judged(example, f"{file}: {example.name}: inputs") for example in examples]


def judged(example: Example, place: str) -> Outcome:
    found = ADAPTERS.get((example.venue, example.topic))
    if found is None:
        missing = UNCOVERED.get((example.venue, example.topic))
        reason = f"not built: {missing[0].lower()}{missing[1:]}" if missing else unknown(example.venue, example.topic)
        return Outcome(example, NOT_COVERED, (), reason)
    try:
        results = found.calculate(Given(example.inputs, place))
    except (OverflowError, ZeroDivisionError) as error:
        raise ExampleError(f"{place}: cannot be calculated: {error}") from None
    wrong = [line for name, wanted in example.expected.items() for line in differences(name, wanted, results, example.tolerance)]
    if wrong:
        return Outcome(example, FAILED, found.calls, "; ".join(wrong))
    return Outcome(example, PASSED, found.calls, reason_of(example, {name: results[name] for name in example.expected}))


def unknown(venue: str, topic: str) -> str:
    """What is told of a topic that nobody has heard of: most often it is misspelled, or another venue's."""
    known = sorted({*ADAPTERS, *UNCOVERED})
    of_venue = [one for name, one in known if name == venue]
    if of_venue:
        return f"{UNKNOWN} {topic!r} of {venue}{nearest(topic, of_venue)}"
    return f"{UNKNOWN}: no venue {venue!r}{nearest(venue, sorted({name for name, _ in known}))}"


def is_unknown(one: Outcome) -> bool:
    return one.verdict == NOT_COVERED and one.reason.startswith(UNKNOWN)


def reason_of(example: Example, results: dict[str, Value]) -> str:
    """What was found, and what a source prints that it does not mean."""
    found = ", ".join(f"{name} {told(value)}" for name, value in results.items())
    if example.printed:
        printed = ", ".join(f"{name} {told(value)}" for name, value in example.printed.items() if value != example.expected.get(name))
        found += f" (the source prints {printed}, which its own formula does not give: the value by the formula is asserted)"
    return f"{found} ({example.note})" if example.note else found


def differences(name: str, wanted: Value, results: Result, tolerance: Number) -> list[str]:
    if name not in results:
        return [f"{name}: not calculated, expected {told(wanted)}"]
    if is_close(wanted, results[name], tolerance):
        return []
    within = f" within {told(Fraction(tolerance), 3)}" if tolerance else ""
    return [f"{name} is {told(results[name])}, expected {told(wanted)}{within}"]


def is_close(wanted: Value, found: Value, tolerance: Number) -> bool:
    """Numbers within the tolerance, lists and tables member by member, all else equal and of the same type."""
    if isinstance(wanted, list):
        return isinstance(found, list) and len(wanted) == len(found) and all(is_close(a, b, tolerance) for a, b in zip(wanted, found))
    if isinstance(wanted, int | Fraction) and isinstance(found, int | Fraction) and is_number(wanted) and is_number(found):
        return abs(Fraction(wanted) - Fraction(found)) <= tolerance
    return type(wanted) is type(found) and wanted == found
