"""The timeline of a scenario: makers who withdraw by a share, accounts that cannot send, gas, funding, shocks, markets that come apart."""

from __future__ import annotations

import numpy as np
import pytest
from test_own import calm, rows_of, second

from perplab.clients.bots.base import pack
from perplab.exchange import load_venue
from perplab.exchange.design.reader import merged
from perplab.exchange.design.venue import design_of
from perplab.exchange.events import Deposited, FundingSet, OrderPlaced
from perplab.exchange.messages import TS_COLUMN, Deposit, Place, Side, TimeInForce, column_of
from perplab.exchange.units import MICRO, SECOND_NS
from perplab.lab import Run, ScenarioError, load_scenario, run
from perplab.lab.population import HEDGERS, populate
from perplab.lab.runs import Cohort
from perplab.lab.simulation import run as played
from perplab.lab.structures.paths import correlations
from perplab.lab.timeline import Faults, FaultTable

ACCOUNTS = 40
SIZE = column_of(Place, "size")
QUIET = {"noise": {"accounts": 0}, "momentum": {"count": 0}}


def at(kind: str, at_s: float = 60.0, until_s: float | None = 120.0, **terms: object) -> dict[str, object]:
    return {"class": kind, "at_s": at_s, "until_s": until_s, "terms": terms}


def faults(*tables: dict[str, object], makers: int = 4) -> Faults:
    """The faults of a run that begins at 0 with the cohorts makers, accounts 10 and on, and bidders, 100 and on."""
    import msgspec

    cohorts = [Cohort("makers", 10 + np.arange(makers)), Cohort("bidders", 100 + np.arange(3))]
    return Faults([msgspec.convert(table, FaultTable) for table in tables], 0, cohorts)


def order(account: int, size: int = 1000, tif: TimeInForce = TimeInForce.GTC) -> Place:
    return Place(0, account, 0, Side.BUY, 100, size, tif=tif)


def sizes(done: Faults, account: int, *seconds: float, tif: TimeInForce = TimeInForce.GTC) -> list[int]:
    """What of an order of 1,000 lots arrives at each of these times; 0: nothing."""
    sent = [done.of_agent(account, pack(order(account, tif=tif)), round(s * SECOND_NS)) for s in seconds]
    return [int(rows[0, SIZE]) if len(rows) else 0 for rows in sent]


# -- makers --


def test_makers_withdraw_a_share_over_a_time_and_come_back() -> None:
    done = faults(at("makers_withdraw", 100.0, 200.0, share=0.8, over_s=40.0, back_s=20.0))
    assert sizes(done, 10, 99.0, 100.0, 120.0, 140.0, 179.0, 190.0, 200.0) == [1000, 1000, 600, 200, 200, 600, 1000]
    assert sizes(faults(at("makers_withdraw", 100.0, 200.0, share=0.8)), 100, 150.0) == [1000], "bidders are not meant"


def test_makers_who_withdraw_wholly_send_no_quotes_and_still_trade_out_of_what_they_hold() -> None:
    done = faults(at("makers_withdraw", 100.0, None, share=1.0))
    assert sizes(done, 10, 100.0, 150.0) == [0, 0]
    assert sizes(done, 11, 150.0, tif=TimeInForce.IOC) == [1000]


# -- accounts that cannot send --


def test_some_accounts_cannot_send_and_their_money_waits_for_the_end() -> None:
    done = faults(at("cannot_send", 100.0, 200.0, cohorts=["makers"], share=0.5))
    assert [sizes(done, account, 150.0) for account in (10, 11, 12, 13, 100)] == [[0], [0], [1000], [1000], [1000]]
    rows = done.of_agent(10, pack(order(10), Deposit(0, 10, 0, MICRO)), 160 * SECOND_NS)
    assert rows[:, TS_COLUMN].tolist() == [200 * SECOND_NS] and len(rows) == 1
    assert sizes(faults(at("cannot_send", 100.0, None, cohorts=["makers"])), 10, 1e6) == [0]


def test_those_who_cannot_send_add_no_margin_meanwhile() -> None:
    everyone = ["longs", "hedgers", "directional_shorts", "makers", "arbitrageurs", "bidders"]
    adding = {"population": {"adders": 1.0, "add_alarm": 100.0, "add_look_s": [5.0, 20.0]}, **QUIET}
    free, cut = (
        played(load_venue("book_fund_adl"), calm(faults=tables, **adding), 1, accounts=ACCOUNTS)
        for tables in ([], [at("cannot_send", 5.0, 60.0, cohorts=everyone)])
    )
    for made, none in ((free, False), (cut, True)):
        paid = [second(made, ts) for ts in rows_of(made, Deposited, "longs")["ts"]]
        placed = [second(made, ts) for ts in rows_of(made, OrderPlaced, "makers")["ts"]]
        assert (not [s for s in paid if 5.0 < s < 60.0]) == none
        assert (not [s for s in placed if 5.0 < s < 60.0]) == none
        assert [s for s in placed if s > 60.0]


# -- by the operator's commands --


def test_funding_is_set_flipped_and_left_to_its_rule() -> None:
    tables = [at("funding_set", 10.0, 20.0, rate_bp=10.0), at("funding_set", 20.0, 30.0, rate_bp=-10.0, on_top=True)]
    made = run("book_fund_adl", calm(faults=tables, **QUIET), accounts=ACCOUNTS)
    told = rows_of(made, FundingSet)
    assert [round(second(made, ts)) for ts in told["ts"]] == [10, 20, 20, 30]
    assert sorted(zip(told["mode"], told["rate_ppt"], strict=True)) == sorted([(1, 10**9), (0, 0), (2, -(10**9)), (0, 0)])


def test_gas_is_dearer_for_a_while_where_commands_cost_any_and_else_refused() -> None:
    scenario = calm(faults=[at("gas_spike", 10.0, 100.0, times=6.0)], **QUIET)
    plain = load_venue("book_fund_adl")
    with pytest.raises(ScenarioError, match=r"scenario flash needs gas .*, which book_fund_adl has not: expected gas.place above 0"):
        run(plain, scenario, accounts=ACCOUNTS)
    venue = design_of(merged(plain.to_tree(), {"gas": {"place": MICRO}}), "gas.toml")
    cheap, dear = (run(venue, one, accounts=ACCOUNTS) for one in (calm(**QUIET), scenario))
    placed = sum(10.0 <= second(dear, ts) < 100.0 for ts in rows_of(dear, OrderPlaced)["ts"])
    assert dear.balances["fees"] - cheap.balances["fees"] >= 5 * MICRO * placed > 0


# -- the price --


def test_a_shock_moves_the_true_price_and_ends() -> None:
    plain, moved = (calm(faults=tables) for tables in ([], [at("price_shock", 60.0, 120.0, by_bp=-1000.0, over_s=20.0)]))
    ratio = moved.price(1).prices / plain.price(1).prices
    assert [ratio[round(10 * s)] for s in (59.9, 60.0, 70.0, 80.0, 119.9, 120.0)] == pytest.approx([1.0, 1.0, 0.95, 0.9, 0.9, 1.0])


def test_markets_come_apart_for_a_while() -> None:
    table = at("decorrelate", 60.0, 120.0, correlation=-0.5)
    scenario = load_scenario("two_markets").override({"faults": [table]})
    first = scenario.price(1)
    rho = correlations("second", scenario.further_markets["second"], scenario, first)
    assert [rho[round(10 * s)] for s in (59.9, 60.0, 119.9, 120.0)] == [0.9, -0.5, -0.5, 0.9]


# -- refusals --


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (at("makers_withdrew", share=1.0), "class is 'makers_withdrew': expected one of oracle_delayed, oracle_frozen"),
        (at("makers_withdraw"), "missing key terms.share"),
        (at("makers_withdraw", share=80), "terms.share is 80: expected `float` <= 1.0"),
        (at("makers_withdraw", share=0.8, over=1), "unknown key terms.over = 1; did you mean 'over_s'?"),
        (at("cannot_send"), "missing key terms.cohorts"),
        (at("cannot_send", cohorts=["maker"]), "cannot_send meets 'maker': expected a cohort; did you mean 'makers'?"),
        (at("funding_set", rate_bp=10_001.0), "terms.rate_bp is 10001.0: expected `float` <= 10000.0"),
        (at("gas_spike", times=-1), "terms.times is -1: expected `float` >= 0.0"),
        (at("price_shock", by_bp=-10_000), "terms.by_bp is -10000: expected `float` >= -9999.0"),
        (at("decorrelate", correlation=0.0), "decorrelate given without [further_markets.NAME]: expected one at least"),
    ],
)
def test_what_cannot_happen_is_told(table: dict[str, object], told: str) -> None:
    with pytest.raises(ScenarioError) as refused:
        calm(faults=[table])
    assert str(refused.value).startswith("mine.toml: faults[0]: ") and told in str(refused.value)


def test_a_market_that_there_is_not_cannot_come_apart() -> None:
    with pytest.raises(ScenarioError, match=r"faults\[0\].terms.markets has 'secnd': .*did you mean 'second'"):
        load_scenario("two_markets").override({"faults": [at("decorrelate", correlation=0.0, markets=["secnd"])]})


# -- positions that agents begin with, and stops --


def agents(*usd: float, **changes: object) -> list[dict[str, object]]:
    return [
        {
            "class": "hold", "count": 2, "cohort": f"one_{number}", "capital_usd": 1e6, "hears_ms": 0, "orders_ms": 0,
            "begins_usd": each, **changes,
        }
        for number, each in enumerate(usd)
    ]  # fmt: skip


def test_agents_begin_with_positions_that_they_have_with_each_other() -> None:
    made: Run = run("book_fund_adl", calm(agents=agents(3e6, -1e6, -2e6), **QUIET), accounts=ACCOUNTS)
    opened = {cohort.name: made.opening_size[cohort.accounts].tolist() for cohort in made.cohorts}
    lot_usd = load_scenario("flash").path.first_usd * made.terms.lot
    assert [size * lot_usd for size in opened["one_0"]] == pytest.approx([3e6, 3e6], abs=4 * lot_usd)
    assert sum(sum(opened[f"one_{number}"]) for number in range(3)) == 0
    with pytest.raises(ScenarioError, match=r"agents\[1\].begins_usd: count x .* is 2,000,000 USD in sum: expected 0"):
        calm(agents=agents(3e6, -2e6))
    with pytest.raises(ScenarioError, match="cannot begin on book_fund_adl: BlockTrade of one_0/0 is refused, INSUFFICIENT_MARGIN"):
        run("book_fund_adl", calm(agents=agents(3e6, -3e6, capital_usd=10.0), **QUIET), accounts=ACCOUNTS)
    with pytest.raises(ScenarioError, match=r"class is 'holt': expected one of hold, .*did you mean 'hold'"):
        calm(agents=agents(1.0, -1.0, **{"class": "holt"}))


def test_those_who_use_stops_are_out_before_they_are_liquidated() -> None:
    stopping = {"population": {"stops": 0.5, "stop_away": [0.001, 0.002], "adders": 0.0, "open_interest_over_depth": 0.05}, **QUIET}
    scenario = calm(**stopping)
    drawn = populate(scenario, 1, ACCOUNTS)
    assert (drawn.group[drawn.stops.account] != HEDGERS).all() and len(drawn.stops.account) == round(0.5 * (drawn.group != HEDGERS).sum())
    made = run("book_fund_adl", scenario, accounts=ACCOUNTS)
    owners = made.cohorts
    longs = next(cohort.accounts for cohort in owners if cohort.name == "longs")
    stopped = longs[np.isin(np.arange(longs.size), drawn.stops.account)]
    assert (made.opening_size[stopped] > 0).all() and (made.closing_size[stopped] == 0).all()
    assert populate(scenario.override({"population": {"stops": 0.0}}), 1, ACCOUNTS).deposit.tolist() == drawn.deposit.tolist()
