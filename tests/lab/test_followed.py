"""Strategies whose accounts are followed: what they do on one venue, and what their result line says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from followed_kit import archetype, calm, designs, falling, follow, own_class

from perplab.exchange.codes import MarginMode
from perplab.exchange.events import MarginModeSet, OrderPlaced, Traded
from perplab.exchange.journal import replay
from perplab.exchange.messages import KIND_COLUMN, column_of
from perplab.lab.archetypes.lines import ResultLine, drawdown
from perplab.lab.archetypes.running import followed
from perplab.lab.archetypes.shipped import with_shipped
from perplab.lab.needs import spot_of
from perplab.lab.runs import Run
from perplab.lab.scenario import ScenarioError, load_scenario
from perplab.lab.simulation import run

LONG = {"position_usd": 100_000.0, "leverage": 10, "stop_bp": 300.0}
CARRY = {"position_usd": 50_000.0, "clip_usd": 12_500.0}
HEDGER = {"book_usd": 50_000.0, "client_usd": 10_000.0, "client_s": 2.0, "band_usd": 15_000.0}


def account_of(made: Run, name: str) -> int:
    return int(next(one.accounts[0] for one in made.cohorts if one.name == name))


def adds_up(line: ResultLine) -> bool:
    paid = line.fees_usd + line.funding_usd + line.gas_usd
    by_leg = sum(leg.closing_usd - leg.opening_usd for leg in line.legs)
    return (
        line.pnl_usd == pytest.approx(line.price_usd - paid) == pytest.approx(line.closing_usd - line.opening_usd) == pytest.approx(by_leg)
    )


# -- the line --


def test_the_drawdown_is_the_largest_fall_from_an_earlier_height() -> None:
    assert drawdown(np.array([100, 120, 90, 130, 110], np.int64)) == (30, 0.25)
    assert drawdown(np.array([100, 110, 120], np.int64)) == (0, 0.0)
    assert drawdown(np.array([-10, -20], np.int64)) == (10, 0.0)


def test_a_strategy_that_does_nothing_leaves_the_run_as_it_is(tmp_path: Path) -> None:
    alone, made = run(designs("book_fund_adl")[0], calm(), 1), None
    made = follow(calm(), "book_fund_adl", archetype("idle", own_class(tmp_path, "    pass\n")))
    (line,) = made.lines
    assert (line.pnl_usd, line.trades, line.in_position, line.drawdown_usd, line.opening_usd) == (0.0, 0, 0.0, 0.0, 200_000.0)
    assert len(made.runs[0].events) == len(alone.events) + 3, "its account, its deposit, its leverage"
    assert made.runs[0].commands == alone.commands + 3
    assert replay(made.runs[0].journal).state_hash() == made.runs[0].state_hash


def test_equal_arguments_give_equal_lines() -> None:
    first, again = (follow(calm(), "book_fund_adl", archetype("long", "directional", LONG)) for _ in range(2))
    assert first.lines == again.lines and first.runs[0].state_hash == again.runs[0].state_hash


# -- directional --


def test_a_long_with_a_stop_loses_what_the_stop_lets_it() -> None:
    scenario = falling((0.4, 1.0), (0.8, 0.95), (1.2, 0.95))
    made = follow(scenario, "book_fund_adl", archetype("long", "directional", LONG))
    (line,), account = made.lines, account_of(made.runs[0], "long")
    modes = made.runs[0].events[made.runs[0].events[:, KIND_COLUMN] == MarginModeSet.KIND]
    assert modes[modes[:, column_of(MarginModeSet, "account")] == account][:, column_of(MarginModeSet, "mode")].tolist() == [
        MarginMode.ISOLATED
    ]
    assert -5_000 < line.pnl_usd < -3_000 and not line.liquidated
    assert 0.3 < line.in_position < 0.8
    assert line.fees_usd == pytest.approx(2 * 100_000 * 4.5e-4, rel=0.05)
    assert line.drawdown_usd == pytest.approx(-line.pnl_usd, rel=0.2)
    assert adds_up(line)


def test_without_its_stop_it_is_liquidated_and_loses_its_isolated_margin_alone() -> None:
    scenario = falling((0.3, 1.0), (0.8, 0.85), (1.2, 0.85))
    (line,) = follow(scenario, "book_fund_adl", archetype("long", "directional", {**LONG, "stop_bp": 8_000.0})).lines
    assert line.liquidated and line.legs[0].liquidations == 1
    assert -12_000 < line.pnl_usd < -8_000, "a tenth of the position, of 200,000 USD"
    assert adds_up(line)


def test_it_takes_the_position_anew_after_a_while() -> None:
    scenario = falling((0.2, 1.0), (0.4, 0.96), (1.5, 0.96))
    short, again = ({**LONG, **more} for more in ({}, {"again_s": 10.0}))
    lines = [follow(scenario, "book_fund_adl", archetype("long", "directional", terms)).lines[0] for terms in (short, again)]
    assert lines[0].in_position < 0.4 < lines[1].in_position
    assert lines[1].trades > lines[0].trades


# -- coins --


def test_a_carry_holds_as_many_coins_as_it_is_short() -> None:
    made = follow(calm(2), "portfolio", archetype("carry", "carry", CARRY))
    (line,), (own,) = made.lines, made.runs
    account, events = account_of(own, "carry"), own.events
    fills = events[(events[:, KIND_COLUMN] == Traded.KIND) & (events[:, column_of(Traded, "taker")] == account)]
    spot = fills[:, column_of(Traded, "market")] == spot_of(designs("portfolio")[0])
    bought, sold = (int(fills[mine][:, column_of(Traded, "size")].sum()) for mine in (spot, ~spot))
    assert bought == sold > 400, "lots of 0.001 coins at 120,000 USD"
    assert int(own.closing_size[account]) == -sold
    assert line.fees_usd == pytest.approx(50_000 * (4.5e-4 + 7e-4), rel=0.05)
    assert line.pnl_usd == pytest.approx(-line.fees_usd, abs=30.0), "the two legs gain and lose the same"
    assert line.refused == 0 and line.in_position > 0.9 and adds_up(line)


def test_nobody_else_in_the_perpetual_notices_the_spot_market() -> None:
    """Coins are bought and sold beside it: what others do in the perpetual is what it is without."""
    terms = {**CARRY, "position_usd": 1.0}  # less than a lot
    made, alone = follow(calm(), "portfolio", archetype("carry", "carry", terms)), run(designs("portfolio")[0], calm(), 1)
    own = made.runs[0].events
    placed, before = (rows[rows[:, KIND_COLUMN] == OrderPlaced.KIND] for rows in (own, alone.events))
    assert (placed[:, column_of(OrderPlaced, "market")] == 0).sum() == len(before)
    assert len(placed) > len(before)
    np.testing.assert_array_equal(made.runs[0].closing_size[: len(alone.closing_size)], alone.closing_size)


@pytest.mark.parametrize("kind, terms", [("carry", CARRY), ("hedger", HEDGER)])
def test_where_there_are_no_coins_to_trade_that_is_said(kind: str, terms: dict[str, object]) -> None:
    with pytest.raises(ScenarioError, match=r"archetype it \(.*\) needs a spot market .*book_fund_adl has not: .*as portfolio has"):
        follow(calm(), "book_fund_adl", archetype("it", kind, terms))


def test_a_hedger_keeps_its_delta_within_the_band() -> None:
    made = follow(calm(2), "portfolio", archetype("hedger", "hedger", HEDGER))
    (line,), account = made.lines, account_of(made.runs[0], "hedger")
    short = -int(made.runs[0].closing_size[account]) * 0.001 * 120_000
    assert line.trades > 5 and adds_up(line)
    assert 0 <= short <= 65_000, "its book is long coins, and no larger than its size and a client"
    assert abs(line.price_usd) < 500, "prices make little of what is hedged"


SECOND = {"beta": 1.5, "correlation": 0.8, "open_interest": 0.5, "depth": 0.5}
SEVERAL: dict[str, object] = {"books": {"hedged": 0.3, "one_sided": 0.3}}


def test_a_book_in_another_market_is_hedged_as_far_as_that_moves_with_the_first() -> None:
    """Beta times correlation: 1.2 of the first coin for each dollar of the other."""
    knots = ((0.3, 1.0), (1.0, 0.94), (1.5, 0.94))
    lines = []
    for crisis in (1.0, 0.0):
        second = {**SECOND, "correlation": 1.0, "crisis_correlation": crisis}
        made = follow(falling(*knots, further_markets={"second": second}, **SEVERAL), "book_fund_adl", archetype("it", "hedger", HEDGER))
        lines += made.lines
        account = account_of(made.runs[0], "it")
        first, other = (int(lots) * 0.001 * 115_000 for lots in made.runs[0].closing_size[account])
        assert abs(first + 1.5 * other) < 30_000, "the band, and an order"
        assert adds_up(made.lines[0]) and made.lines[0].trades > 5
    assert lines[0].drawdown_usd < lines[1].drawdown_usd, "where the two come apart the hedge does not hold"


def test_several_markets_are_for_one_venue_and_for_those_who_trade_perpetuals() -> None:
    scenario = calm(further_markets={"second": {**SECOND, "crisis_correlation": 0.8}}, **SEVERAL)
    with pytest.raises(ScenarioError, match="has several markets: expected one venue, book_fund_adl and social_only given"):
        follow(scenario, "book_fund_adl,social_only", archetype("it", "hedger", HEDGER))
    with pytest.raises(ScenarioError, match=r"archetype it \(carry\) needs coins to trade, but scenario calm has several perpetuals"):
        follow(scenario, "portfolio", archetype("it", "carry", CARRY))


# -- of the user's own --


WRONG = {
    "more than its desks": ("return (NOTHING, NOTHING), None", "expected commands of each of its 1 desks, or none"),
    "no answer": ("return 7", r"returns 7, asked for on_start: expected commands of each desk"),
    "another account": (
        "return (pack(CancelAll(0, self.desks[0].seat.account - 1, 0)),), None", "expected its own account",
    ),
    "the past": ("return IDLE, ts", "wants to be woken at .*: expected whole ns after"),
    "an error": ("return 1 // 0", r"ends in an error: ZeroDivisionError: .*\(line 8\)"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_with_a_strategy_is_told_in_one_line(name: str, tmp_path: Path) -> None:
    code, expected = WRONG[name]
    mine = own_class(tmp_path, f"    def on_start(self, ts, views):\n        {code}\n")
    with pytest.raises(ScenarioError, match=expected) as told:
        follow(calm(), "social_only", archetype("mine", mine))
    assert "\n" not in str(told.value) and "mine.py" in str(told.value)


@pytest.mark.parametrize(
    "changes, expected",
    [
        ({"class": "carrry"}, "archetypes.*class is 'carrry': expected one of directional, carry, hedger, basis"),
        ({"name": "makers"}, "name is 'makers': expected a name of its own"),
        ({"name": "a/b"}, "name: 'a/b' given"),
        ({"terms": {**LONG, "leverage": 0}}, "leverage"),
        ({"terms": {**LONG, "stop": 1.0}}, "unknown key terms.stop"),
        ({"capital_usd": 0.0}, "capital_usd"),
        ({"at": {"hyperliquid": {"orders": 5}}}, "orders"),
    ],
)
def test_what_is_wrong_with_a_table_is_told_before_anything_runs(changes: dict[str, object], expected: str) -> None:
    with pytest.raises(ScenarioError, match=expected):
        calm().override({"archetypes": [{**archetype("long", "directional", LONG), **changes}]})


def test_two_of_one_name_are_refused() -> None:
    table = archetype("long", "directional", LONG)
    with pytest.raises(ScenarioError, match=r"archetypes\[1\].name is 'long': expected a name of its own"):
        calm().override({"archetypes": [table, table]})


def test_a_run_without_lines_does_not_take_them() -> None:
    with pytest.raises(ScenarioError, match=r"has archetypes, long_with_stop, carry, hedger, basis: expected .*followed"):
        run(designs("book_fund_adl")[0], with_shipped(load_scenario("calm")), 1)


def test_those_that_ship_stand_in_for_none_and_for_nothing_else() -> None:
    shipped, own = with_shipped(calm(2)), calm().override({"archetypes": [archetype("long", "directional", LONG)]})
    assert [one.name for one in shipped.archetypes] == ["long_with_stop", "carry", "hedger", "basis"]
    assert with_shipped(own) is own
    made = followed(designs("portfolio"), shipped, 1, archetypes=[one for one in shipped.archetypes if one.name != "basis"])
    assert all(line.trades for line in made.lines)
