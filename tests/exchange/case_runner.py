"""Runs the text cases: every step of a scenario carried out and compared with the lines of the file."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

import pytest
from case_answers import Shown, all_shown, line_of, queried
from case_commands import World, command_of, micro, money, open_account
from case_files import Scenario, Step, scenarios, venue_of
from kit import ROW, packed, typed

from perplab.exchange import Exchange
from perplab.exchange import messages as m
from perplab.exchange.events import Event

GIVEN = {
    m.OpenAccount: ["AccountOpened"],
    m.Deposit: ["Deposited"],
    m.Withdraw: ["Withdrawn"],
    m.Transfer: ["Transferred"],
    m.Place: ["OrderPlaced"],
    m.SetLeverage: ["LeverageSet"],
    m.SetMarginMode: ["MarginModeSet"],
    m.MoveIsolatedMargin: ["IsolatedMarginMoved"],
    m.BlockTrade: ["BlockTraded"],
    m.UpdateOracle: ["OracleUpdated", "MarkMoved"],
    m.SetMarketStatus: ["MarketStatusChanged"],
    m.CancelAllAfter: ["CancelScheduled"],
    m.Debit: ["Debited"],
    m.SetFunding: ["FundingSet"],
    m.SetGas: ["GasSet"],
    m.PlaceTrigger: ["TriggerPlaced"],
    m.SetAccountMode: ["AccountModeSet"],
    m.SetMarginAlert: ["MarginAlertSet"],
    m.OpenSubAccount: ["AccountOpened"],
    m.LinkOco: ["OcoLinked"],
    m.PlaceBracket: ["OrderPlaced", "BracketPlaced"],
    m.SetQuoteProtection: ["QuoteProtectionSet"],
    m.ScheduleMaintenance: ["MaintenanceScheduled"],
}


class Answer(NamedTuple):
    """What a step came to: for each time it was sent, the events it must give and those it gave; the values of a query."""

    times: list[tuple[list[str], list[Shown]]]
    values: list[str]


@dataclass
class Played:
    """A scenario carried out as far as it went, whatever its file expects of it."""

    scenario: Scenario
    world: World
    answers: list[Answer] = field(default_factory=list)
    error: Exception | None = None

    def end(self) -> World:
        """The world after the last step; raises what kept a step from being carried out."""
        if self.error is not None:
            raise self.error
        return self.world

    def place_of(self, step: Step) -> str:
        return f"tests/cases/{self.scenario.file}:{step.number}: {step.text}"


# -- comparing --


def agrees(event: Shown, line: str) -> bool:
    kind, *pairs = line.split()
    fields = event.fields
    for pair in pairs:
        assert pair.partition("=")[0] in fields or kind != event.kind, f"{kind} has no field {pair}"
    return kind == event.kind and all(fields[key] == text for key, _, text in (pair.partition("=") for pair in pairs))


def compare(events: list[Shown], expected: list[str], place_of: str) -> None:
    if len(events) != len(expected) or not all(map(agrees, events, expected)):
        got = "\n    ".join(map(line_of, events))
        joined = "\n    ".join(expected)
        pytest.fail(f"{place_of}\nexpected\n    {joined}\ngot\n    {got}", pytrace=False)


def compare_query(step: Step, values: list[str], place_of: str) -> None:
    pairs = step.text.split()[-2 * len(values) :]
    got = list(zip(pairs[::2], values, strict=True))
    expected = list(zip(pairs[::2], pairs[1::2], strict=True))
    if got != expected:
        pytest.fail(f"{place_of}\nexpected {expected}\ngot      {got}", pytrace=False)


def run(name: str) -> World:
    """The world after a scenario; fails at the first line that tells it otherwise."""
    done = played(name)
    for step, answer in zip(done.scenario.steps, done.answers, strict=False):  # there are fewer answers if a step could not be carried out
        for number, (expected, events) in enumerate(answer.times, 1):
            compare(events, expected, done.place_of(step) + (f" (time {number})" if len(answer.times) > 1 else ""))
        if answer.values:
            compare_query(step, answer.values, done.place_of(step))
    return done.end()


# -- carrying out --


def open_all(w: World, text: str) -> None:
    for pair in text.split(","):
        name, amount = pair.split()
        assert len(w.send(open_account(w, [name]))) == 1
        if micro(amount):
            assert len(w.send(money(m.Deposit)(w, [name, amount]))) == 1


def answer_to(w: World, step: Step) -> Answer:
    text = step.text
    if text.startswith("= "):
        value_of, pairs = queried(w, text[2:].split())
        assert len(pairs) % 2 == 0, "a key without a value"
        return Answer([], [str(value_of(key)) for key in pairs[::2]])
    if text.startswith("accounts "):
        open_all(w, text.removeprefix("accounts "))
        return Answer([], [])
    if text.startswith("given "):
        command = command_of(w, text.removeprefix("given "))
        given = GIVEN.get(type(command))
        assert given is not None, f"no `given` for {type(command).__name__}: GIVEN of case_runner.py says what it gives when all is well"
        return Answer([(given, all_shown(w, w.send(command)))], [])
    if text.startswith("repeat "):
        _, times, template = text.split(maxsplit=2)
        found = []
        for n in range(1, int(times) + 1):
            events = all_shown(w, w.send(command_of(w, template.replace("{n}", str(n)))))
            found.append(([line.replace("{n}", str(n)) for line in step.events], events))
        return Answer(found, [])
    return Answer([(step.events, all_shown(w, w.send(command_of(w, text))))], [])


def play(scenario: Scenario) -> Played:
    done = Played(scenario, World(venue_of(scenario)))
    try:
        for step in scenario.steps:
            done.answers.append(answer_to(done.world, step))
    except Exception as error:  # whatever it is, lines before it may tell more
        done.error = error
    return done


@cache
def played(name: str) -> Played:
    return play(scenarios()[name])


def in_bulk(world: World, rows_per_call: int) -> tuple[list[Event], str]:
    """All commands of a scenario, some rows at a time, through a new venue: events and final state."""
    exchange = Exchange(world.venue, None, 8, 8)
    rows = packed(world.sent)
    events: list[Event] = []
    for at in range(0, len(rows), rows_per_call * ROW):
        events += typed(exchange.apply_rows(rows[at : at + rows_per_call * ROW]))
    exchange.check()
    return events, exchange.state_hash()
