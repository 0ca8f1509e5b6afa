"""Rewrites what a text case expects to what the venue does now: `pytest tests/exchange/test_cases.py --update`.

Only what differs changes: a value in a line, a line that is missing or one too many. Fields that a line does not list stay unlisted, and
comments, blank lines, spaces and the order of all of it stay as they are; a line that is added lists all its fields. What no line can
say is left alone and fails: a `given` step that does not go well, a query that cannot be asked, steps of a `repeat` that differ.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import NamedTuple, NoReturn

import pytest
from case_answers import Shown, line_of
from case_files import COMMENT, Scenario, Step, parsed
from case_runner import Answer, Played
from updates import applied

Pair = tuple[int, int]  # an expected line and the event it is about, by their numbers; one of them may be MISSING
MISSING = -1


class Told(NamedTuple):
    """An event of a step; of a repeated one, what it said each time."""

    times: list[Shown]

    def says(self, key: str, text: str) -> bool:
        return all(event.fields[key] == text.replace("{n}", str(n)) for n, event in enumerate(self.times, 1))

    def text(self, key: str) -> str | None:
        """The value of a field, with {n} if it counts with the times; None if it does neither that nor stay the same."""
        first = self.times[0].fields[key]
        counted = [first[: at.start()] + "{n}" + first[at.end() :] for at in re.finditer("1", first)]
        return next((text for text in (first, *counted) if self.says(key, text)), None)


def edits_of(scenario: Scenario, done: Played, content: str) -> dict[int, list[str]]:
    """Lines of the file (numbered from 1) and what has to stand there instead. Fails where a line cannot say what happens."""
    lines = content.splitlines()
    edits: dict[int, list[str]] = {}
    for step, answer in zip(scenario.steps, done.answers, strict=False):
        if answer.values:
            edits |= edited_query(step, answer.values, lines)
        elif step.text.startswith("given "):
            ((expected, events),) = answer.times
            if [event.kind for event in events] != expected:
                left_alone(done, step, "is not what a `given` step gives: " + ", ".join(map(line_of, events)))
        elif answer.times:
            edits |= edited_events(done, step, answer, lines)
    done.end()
    edits = {number: found for number, found in edits.items() if found != [lines[number - 1]]}
    assert spoken(parsed(scenario.file, applied(content, edits))) == spoken(parsed(scenario.file, content)), "an update changes no command"
    return edits


def left_alone(done: Played, step: Step, why: str) -> NoReturn:
    pytest.fail(f"{done.place_of(step)}\nis left as it is: the answer {why}", pytrace=False)


def spoken(scenarios: list[Scenario]) -> list[tuple[str, list[str]]]:
    """All that a file says to the venue: titles, designs, commands, and queries without their values."""
    return [(one.title, [asked(step.text) for step in (*one.design, *one.steps)]) for one in scenarios]


def asked(text: str) -> str:
    words = text.split()
    return " ".join([*words[:3], *words[-2::-2]]) if words[0] == "=" else text


# -- lines --


def comment_of(line: str) -> str:
    """The comment at the end of a line, with the spaces before it."""
    return line[len(COMMENT.sub("", line)) :]


def with_words(line: str, words: dict[int, str]) -> str:
    """The line with some of its words (numbered from 0) replaced; spaces and comment stay."""
    said = line.removesuffix(comment_of(line))
    found = list(re.finditer(r"\S+", said))
    for number in sorted(words, reverse=True):
        said = said[: found[number].start()] + words[number] + said[found[number].end() :]
    return said + comment_of(line)


def edited_query(step: Step, values: list[str], lines: list[str]) -> dict[int, list[str]]:
    first = len(step.text.split()) - 2 * len(values) + 1
    return {step.number: [with_words(lines[step.number - 1], {first + 2 * n: value for n, value in enumerate(values)})]}


def edited_events(done: Played, step: Step, answer: Answer, lines: list[str]) -> dict[int, list[str]]:
    """The event lines of a step, each where it was; new ones behind the one before them."""
    kinds = [[event.kind for event in events] for _, events in answer.times]
    if any(each != kinds[0] for each in kinds):
        left_alone(done, step, "is not the same each time")
    told = [Told(list(times)) for times in zip(*(events for _, events in answer.times))]
    first = lines[step.numbers[0] - 1] if step.numbers else "    "
    indent = first[: len(first) - len(first.lstrip())]
    edits = {number: [lines[number - 1]] for number in [step.number, *step.numbers]}
    at = step.number
    for line, event in aligned(step.events, told):
        at = at if line == MISSING else step.numbers[line]
        if line == MISSING:
            edits[at].append(indent + added(told[event]))
        elif event == MISSING:
            edits[at] = [indent + comment] if (comment := comment_of(lines[at - 1]).lstrip()) else []
        else:
            edits[at] = [with_words(lines[at - 1], changed(done, step, step.events[line], told[event]))]
    return edits


def changed(done: Played, step: Step, line: str, event: Told) -> dict[int, str]:
    """The words of a line that are not so (any more)."""
    found = {}
    for number, pair in enumerate(line.split()[1:], 1):
        key, _, text = pair.partition("=")
        if not event.says(key, text):
            value = event.text(key)
            if value is None:
                left_alone(done, step, f"has another {key} each time")
            found[number] = f"{key}={value}"
    return found


def added(event: Told) -> str:
    """A line of its own; of a repeated step, without what is different each time."""
    texts = {key: event.text(key) for key in event.times[0].fields}
    return line_of(Shown(event.times[0].kind, {key: text for key, text in texts.items() if text is not None}))


# -- which line is about which event --


def aligned(lines: list[str], told: list[Told]) -> list[Pair]:
    """Lines and events in their order, with as little to change as can be; a line that says more comes before one that says less."""
    best: dict[tuple[int, int], tuple[Fraction, list[Pair]]] = {(len(lines), len(told)): (Fraction(0), [])}
    for i in range(len(lines), -1, -1):
        for j in range(len(told), -1, -1):
            ways: list[tuple[Fraction, Pair, tuple[int, int]]] = []
            if i < len(lines) and j < len(told) and (cost := difference(lines[i], told[j])) is not None:
                ways.append((cost + best[i + 1, j + 1][0], (i, j), (i + 1, j + 1)))
            if i < len(lines):
                ways.append((1 + best[i + 1, j][0], (i, MISSING), (i + 1, j)))
            if j < len(told):
                ways.append((1 + best[i, j + 1][0], (MISSING, j), (i, j + 1)))
            if ways:
                cost, pair, then = min(ways, key=lambda way: way[0])
                best[i, j] = cost, [pair, *best[then][1]]
    return best[0, 0][1]


def difference(line: str, event: Told) -> Fraction | None:
    """The share of wrong values in a line, against 1 for a line added or removed, less a trifle for each right one; None if it is about
    another kind of event."""
    kind, *pairs = line.split()
    if kind != event.times[0].kind:
        return None
    for pair in pairs:
        assert pair.partition("=")[0] in event.times[0].fields, f"{kind} has no field {pair}"
    wrong = sum(not event.says(key, text) for key, _, text in (pair.partition("=") for pair in pairs))
    return Fraction(wrong, len(pairs) + 1) - Fraction(len(pairs) - wrong, 10**6)
