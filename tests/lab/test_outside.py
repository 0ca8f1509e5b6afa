"""The outside world: what counts as traded, and a true price that follows it and nothing else."""

from __future__ import annotations

import math
from functools import cache

import msgspec
import numpy as np
import pytest

from perplab.clients.bots.base import Action, Bot, View, pack
from perplab.exchange import load_venue
from perplab.exchange.codes import AccountKind
from perplab.exchange.events import CurveTraded, Deleveraged, Event, Traded
from perplab.exchange.messages import FIRST_USER, ROW, TS_COLUMN, Cancel, Place, Side, TimeInForce, UpdateOracle, column_of
from perplab.lab.agents import Agent
from perplab.lab.opening import terms_of
from perplab.lab.outside import Outside
from perplab.lab.runs import Ints, Run
from perplab.lab.scenario import Scenario, load_scenario
from perplab.lab.simulation import run
from perplab.oracle.paths import PricePath

SECOND = 10**9
HEDGER = FIRST_USER + 3
TERMS = terms_of(load_venue("book_fund_adl"))  # 1 USD x 0.001 BTC


def row(event: Event) -> Ints:
    values = [event.KIND, *msgspec.structs.astuple(event)]
    return np.array([values + [0] * (ROW - len(values))], dtype=np.int64)


def fill(side: Side, size: int, liquidation: int = 0) -> Ints:
    named = dict.fromkeys(Traded.__struct_fields__, 0)
    return row(Traded(**{**named, "price": 100_000, "size": size, "taker_side": side, "liquidation": liquidation}))


def swap(side: Side, value: int) -> Ints:
    return row(CurveTraded(**{**dict.fromkeys(CurveTraded.__struct_fields__, 0), "side": side, "value": value}))


def taken(winner: int, size: int) -> Ints:
    return row(Deleveraged(**{**dict.fromkeys(Deleveraged.__struct_fields__, 0), "winner": winner, "size": size, "mark": 100_000}))


def outside(**changes: float) -> Outside:
    impact = load_scenario("oct10").override({"impact": {"y": 1.0, **changes}}).impact
    path = PricePath(0, SECOND // 10, np.full(600, 100_000.0))
    return Outside(path, impact, TERMS, np.array([HEDGER]))


def after(*events: Ints, **changes: float) -> float:
    """ln of the factor on the true price, a second after these events."""
    world = outside(**changes)
    for rows in events:
        world.heed(rows)
    world.second()
    return math.log(world.price(0) / 100_000.0)


def test_takers_move_the_price_to_their_side_by_the_law() -> None:
    """1 BTC at 100,000 USD in a second."""
    up = after(fill(Side.BUY, 1_000))
    assert up == pytest.approx(0.035 * math.sqrt(100_000 / 38e9), rel=0.005)
    assert after(fill(Side.SELL, 1_000)) == pytest.approx(-up)
    assert after(fill(Side.BUY, 1_000), fill(Side.SELL, 1_000)) == pytest.approx(0.0, abs=1e-12)
    assert after(fill(Side.SELL, 1_000, liquidation=1)) == pytest.approx(-up), "a liquidation order is an order"
    assert after(swap(Side.BUY, 100_000 * 10**6)) == pytest.approx(up), "so is a trade with a curve"
    assert after(fill(Side.BUY, 1_000), y=0.5) == pytest.approx(up / 2.0, rel=1e-6)


def test_hedgers_who_are_deleveraged_sell_their_coins_others_do_nothing() -> None:
    down = after(fill(Side.SELL, 1_000))
    assert after(taken(HEDGER, 1_000)) == pytest.approx(down)
    assert after(taken(HEDGER, 1_000), hedge_unwind=0.25) == pytest.approx(down / 2.0, rel=1e-6)
    assert after(taken(HEDGER, 1_000), hedge_unwind=0.0) == 0.0
    assert after(taken(HEDGER + 1, 1_000)) == 0.0


def test_updates_and_limits_follow_the_price_and_nothing_else_does() -> None:
    world = outside()
    world.heed(fill(Side.SELL, 10**9))
    world.second()
    factor = world.price(0) / 100_000.0
    assert factor < 0.99
    place = Place(5, HEDGER, 0, Side.BUY, 100_500, 7, tif=TimeInForce.IOC)
    rows = pack(UpdateOracle(5, 0, 100_000, 0), place, Cancel(5, HEDGER, 0, 100_000))
    moved = world.moved(rows)
    assert moved[0, column_of(UpdateOracle, "price")] == round(100_000 * factor)
    assert moved[0, column_of(UpdateOracle, "perp_median")] == 0, "none is none"
    assert moved[1, column_of(Place, "price")] == round(100_500 * factor)
    assert moved[1, column_of(Place, "size")] == 7
    np.testing.assert_array_equal(moved[2], rows[2])
    assert (moved[:, TS_COLUMN] == 5).all()


def scenario(minutes: int, **changes: object) -> Scenario:
    path = msgspec.to_builtins(load_scenario("flash").path)
    part = {**path, "watch_from": None, "bars": path["bars"][7 : 7 + minutes], "start": "2025-10-10T21:19:00Z"}
    return load_scenario("flash").override({"path": part, **changes})


@cache
def played(y: float) -> Run:
    return run(load_venue("book_fund_adl"), scenario(1, impact={"y": y}), 1, accounts=60)


def test_in_a_crash_the_price_follows_what_is_sold_within_reason() -> None:
    alone, moved = played(0.0), played(1.0)
    np.testing.assert_array_equal(alone.path_usd, scenario(1).path.path(1).prices)
    shift = np.log(moved.path_usd / alone.path_usd)
    assert shift.min() < -1e-4, "more is sold than bought"
    assert np.abs(shift).max() < 0.05
    sampled = moved.path_usd[np.searchsorted(moved.path_ts, moved.book.ts, side="right") - 1]
    np.testing.assert_allclose(sampled, moved.book.true_usd, rtol=1e-12)


class Crazy(Bot):
    """Rests one quote far from the price and does nothing else."""

    def on_start(self, ts: int, view: View) -> Action:
        return pack(Place(0, self.seat.account, self.seat.market, Side.SELL, round(1.19 * view.mark), 1)), None


def test_no_trading_no_impact_also_beside_a_crazy_quote() -> None:
    """Nobody but the holders is there, and nobody is liquidated: a quote alone, 19 % off, moves nothing."""
    nobody = {name: {"count": 0} for name in ("makers", "momentum", "arbitrageurs", "bidders")} | {"noise": {"accounts": 0}}
    calm = msgspec.to_builtins(load_scenario("calm").path)
    empty = load_scenario("calm").override({**nobody, "impact": {"y": 10.0}, "path": {**calm, "minutes": 1}})
    crazy = Agent("crazy/0", "crazy", AccountKind.TRADER, 10**12, Crazy)
    made = run(load_venue("book_fund_adl"), empty, 1, accounts=12, bots=[crazy])
    assert made.book.ask_usd[-1] > 1.18 * made.book.true_usd[-1]
    np.testing.assert_array_equal(made.path_usd, empty.path.path(1).prices)
