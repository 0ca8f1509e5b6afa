"""Runs the text cases: every step of a scenario carried out and compared with the lines of the file."""

from __future__ import annotations

from functools import cache

import pytest
from case_answers import line_of, queried, shown
from case_commands import World, command_of, micro, money, open_account
from case_files import Step, scenarios, venue_of
from kit import ROW, packed, typed

from perplab.exchange import Exchange
from perplab.exchange import messages as m
from perplab.exchange.events import Event

GIVEN = {
    m.OpenAccount: ["AccountOpened"],
    m.Deposit: ["Deposited"],
    m.Withdraw: ["Withdrawn"],
    m.Place: ["OrderPlaced"],
    m.SetLeverage: ["LeverageSet"],
    m.SetMarginMode: ["MarginModeSet"],
    m.MoveIsolatedMargin: ["IsolatedMarginMoved"],
    m.BlockTrade: ["BlockTraded"],
    m.UpdateOracle: ["OracleUpdated", "MarkMoved"],
    m.SetMarketStatus: ["MarketStatusChanged"],
}


def agrees(w: World, event: Event, line: str) -> bool:
    kind, *pairs = line.split()
    fields = shown(w, event)
    for pair in pairs:
        assert pair.partition("=")[0] in fields or kind != type(event).__name__, f"{kind} has no field {pair}"
    return kind == type(event).__name__ and all(fields[key] == text for key, _, text in (pair.partition("=") for pair in pairs))


def compare(w: World, events: list[Event], expected: list[str], place_of: str) -> None:
    if len(events) != len(expected) or not all(map(agrees, [w] * len(events), events, expected)):
        got = "\n    ".join(line_of(w, event) for event in events)
        joined = "\n    ".join(expected)
        pytest.fail(f"{place_of}\nexpected\n    {joined}\ngot\n    {got}", pytrace=False)


def query(w: World, words: list[str], place_of: str) -> None:
    value_of, pairs = queried(w, words)
    got = [(key, str(value_of(key))) for key in pairs[::2]]
    expected = list(zip(pairs[::2], pairs[1::2], strict=True))
    if got != expected:
        pytest.fail(f"{place_of}\nexpected {expected}\ngot      {got}", pytrace=False)


def open_all(w: World, text: str) -> None:
    for pair in text.split(","):
        name, amount = pair.split()
        assert len(w.send(open_account(w, [name]))) == 1
        if micro(amount):
            assert len(w.send(money(m.Deposit)(w, [name, amount]))) == 1


def run_step(w: World, step: Step, place_of: str) -> None:
    text = step.text
    if text.startswith("= "):
        query(w, text[2:].split(), place_of)
    elif text.startswith("accounts "):
        open_all(w, text.removeprefix("accounts "))
    elif text.startswith("given "):
        command = command_of(w, text.removeprefix("given "))
        compare(w, w.send(command), GIVEN[type(command)], place_of)
    elif text.startswith("repeat "):
        _, times, template = text.split(maxsplit=2)
        for n in range(1, int(times) + 1):
            events = w.send(command_of(w, template.replace("{n}", str(n))))
            compare(w, events, [line.replace("{n}", str(n)) for line in step.events], f"{place_of} (time {n})")
    else:
        compare(w, w.send(command_of(w, text)), step.events, place_of)


@cache
def run(name: str) -> World:
    scenario = scenarios()[name]
    world = World(venue_of(scenario))
    for step in scenario.steps:
        run_step(world, step, f"tests/cases/{scenario.file}:{step.number}: {step.text}")
    return world


def in_bulk(world: World, rows_per_call: int) -> tuple[list[Event], str]:
    """All commands of a scenario, some rows at a time, through a new venue: events and final state."""
    exchange = Exchange(world.venue, None, 8, 8)
    rows = packed(world.sent)
    events: list[Event] = []
    for at in range(0, len(rows), rows_per_call * ROW):
        events += typed(exchange.apply_rows(rows[at : at + rows_per_call * ROW]))
    exchange.check()
    return events, exchange.state_hash()
