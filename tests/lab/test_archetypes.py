"""Traders that ship and are asked for by name; and the page of scenarios says every key, every scenario and every one of them."""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path

import msgspec
import numpy as np
import pytest
from test_own import rows_of, second

from perplab.exchange.events import Traded
from perplab.lab import Run, Scenario, load_scenario, run
from perplab.lab.own_agents import ARCHETYPES
from perplab.lab.scenario import shipped
from perplab.lab.shocks import SHIPPED

ACCOUNTS = 40
QUIET = {"noise": {"accounts": 0}, "momentum": {"count": 0}}
PAGE = Path(__file__).parents[2] / "docs" / "scenarios.md"


def agent(kind: str, **terms: object) -> dict[str, object]:
    return {
        "class": kind, "count": 2, "cohort": "mine", "capital_usd": 1e6, "hears_ms": 50, "orders_ms": 20, "terms": terms,
    }  # fmt: skip


def through(*knots: tuple[float, float], **changes: object) -> Scenario:
    path = {
        "kind": "knots", "source": "made up", "start": "2026-01-01T00:00:00Z", "step_ms": 100, "first_usd": 116_847.87,
        "then": knots, "volatility_bp": 0.0,
    }  # fmt: skip
    return load_scenario("flash").override({**QUIET, "path": path, **changes})


def bought(made: Run, first_s: float, last_s: float) -> int:
    """Lots that the traders took from the book between two times, less those they sold."""
    rows = rows_of(made, Traded, "mine")
    mine = zip(rows["ts"], rows["taker_side"], rows["size"], strict=True)
    return sum(size if side == 0 else -size for ts, side, size in mine if first_s <= second(made, ts) < last_s)


def test_carry_takes_the_side_that_is_paid_and_turns_as_funding_flips() -> None:
    tables = [
        {"class": "funding_set", "at_s": at, "until_s": until, "terms": {"rate_bp": rate}}
        for at, until, rate in ((20.0, 70.0, 10.0), (70.0, 130.0, -10.0))
    ]
    mine = agent("carry", position_usd=5e5, clip_usd=5e5, samples=10_000)
    made = run("book_fund_adl", through((3.0, 1.0), agents=[mine], faults=tables), accounts=ACCOUNTS)
    short, turned, left = bought(made, 20.0, 60.0), bought(made, 70.0, 110.0), bought(made, 130.0, 180.0)
    assert bought(made, 0.0, 20.0) == 0 > short
    assert turned == pytest.approx(-2 * short, rel=0.05) and left == -short - turned


def test_mean_reversion_sells_a_rise_and_leaves_when_it_is_back() -> None:
    mine = agent("mean_reversion", position_usd=5e5, interval_s=2.0, look_s=20.0, enter_bp=50.0, leave_bp=20.0)
    made = run("book_fund_adl", through((1.0, 1.0), (1.2, 1.01), (2.0, 1.01), (2.2, 1.0), (3.0, 1.0), agents=[mine]), accounts=ACCOUNTS)
    assert bought(made, 0.0, 60.0) == 0 > bought(made, 60.0, 75.0)
    assert (made.closing_size[next(one.accounts for one in made.cohorts if one.name == "mine")] == 0).all()


def test_an_accumulator_builds_up_what_its_leverage_carries_and_holds() -> None:
    mine = agent("accumulate", target_usd=8e6, clip_usd=2e5, leverage=5.0, interval_s=1.0, end_s=100.0)
    made = run("book_fund_adl", through((2.0, 1.0), agents=[mine]), accounts=ACCOUNTS)
    accounts = next(one.accounts for one in made.cohorts if one.name == "mine")
    usd = made.closing_size[accounts] * made.terms.lot * 116_847.87
    assert ((usd > 4.5e6) & (usd <= 5.0e6)).all(), "five times its million"
    assert bought(made, 60.0, 120.0) <= 2 * np.ceil(2e5 / (made.terms.lot * 116_847.87))


def test_stops_of_agents_are_distances_of_their_own() -> None:
    sides = [{**agent("stop_loss", nearest_bp=20.0, farthest_bp=80.0), "begins_usd": 1e5}]
    sides += [{**agent("hold"), "cohort": "theirs", "begins_usd": -1e5}]
    made = run("book_fund_adl", through((1.0, 1.0), (2.0, 0.99), agents=sides), accounts=ACCOUNTS)
    rows = rows_of(made, Traded, "mine")
    assert len(set(rows["ts"])) == 2 and set(rows["taker_side"]) == {1}
    assert (made.closing_size[next(one.accounts for one in made.cohorts if one.name == "mine")] == 0).all()


# -- the page --


def keys(table: type[msgspec.Struct]) -> set[str]:
    return set(table.__struct_encode_fields__)


def test_the_page_names_every_scenario_every_key_and_everything_that_ships() -> None:
    named = set(chain.from_iterable(re.findall(r"`\[*([a-z_0-9]+)", part) for part in PAGE.read_text(encoding="utf-8").splitlines()))
    fields = {field.name: field.type for field in msgspec.structs.fields(Scenario)}
    tables = [one for one in fields.values() if isinstance(one, type) and issubclass(one, msgspec.Struct)]
    assert len(tables) == 8
    wanted = keys(Scenario).union(*map(keys, tables))
    assert not (wanted - {"source"}) - named
    assert not set(shipped()) - named and not set(ARCHETYPES) - named
    assert not set(SHIPPED) - set(re.findall(r"`([a-z_]+)`", PAGE.with_name("your-own.md").read_text(encoding="utf-8")))
