"""Spot markets and collateral under random commands: what the events say, margins as exact fractions, and lines that add up."""

from __future__ import annotations

from collections import Counter

import pytest
from actor import run
from choices import Seeded
from kit import FIRST, SPOT, Bench, plain_venue, usd
from spot_draws import drawn_spot_venue
from world import World

from perplab.exchange import Exchange, VenueError, load_venue, restore
from perplab.exchange import messages as m
from perplab.exchange.codes import Method, Reason, RequirementKind
from perplab.exchange.design.reader import merged


def check_lines(exchange: Exchange, account: int) -> None:
    """The lines of a requirement add up to what decides; a restored venue says the same."""
    for asset in range(2):
        lines = exchange.requirement(account, asset)
        equity, initial = sum(line.equity for line in lines), sum(line.initial for line in lines)
        assert equity == exchange.equity(account, asset)
        assert initial == exchange.initial_margin(account, asset)
        assert equity - initial == exchange.available_margin(account, asset)
        assert sum(line.maintenance for line in lines) == exchange.maintenance_margin(account, asset)


def test_random_lives() -> None:
    kinds: Counter[str] = Counter()
    reasons: Counter[Reason] = Counter()
    for seed in range(24):
        source = Seeded(seed)
        world = World(drawn_spot_venue(source))
        run(source, world, 5, 60, stress=seed % 2 == 0)
        for account in world.users:
            check_lines(world.exchange, account)
        world.finish(source)
        other = restore(world.exchange.snapshot())
        assert other.state_hash() == world.exchange.state_hash()
        other.check()
        kinds += world.kinds
        reasons += world.reasons
    assert kinds["CollateralSold"] and kinds["LiquidationStarted"]
    assert reasons[Reason.SPOT_MARKET] and reasons[Reason.INSUFFICIENT_BALANCE]


def test_what_may_leave_is_exact() -> None:
    """To the micro-unit: one more is refused, where coins stand in for dollars and hedge a short."""
    terms = {"asset": "BTC", "weight_ppm": 777_777, "hedges": "BTC", "hedged_weight_ppm": 933_331, "hedged_margin_ppm": 333_333}
    bench = Bench(plain_venue(merged(SPOT, {"collateral": [terms]})))
    alice, bob = bench.open("100.000001"), bench.open(100_000)
    bench.send(m.Deposit, alice, 1, usd("9.876543"))
    for number in range(2):
        bench.send(m.UpdateOracle, number, 101)
    bench.send(m.BlockTrade, bob, alice, 0, 20, 101)
    free = bench.exchange.free_margin(alice, 1)
    assert 0 < free < usd("9.876543")
    (refused,) = bench.send(m.Withdraw, alice, 1, free + 1)
    assert isinstance(refused, m.Rejected) and refused.reason == Reason.INSUFFICIENT_MARGIN
    (gone,) = bench.send(m.Withdraw, alice, 1, free)
    assert isinstance(gone, m.Withdrawn)


def test_a_seller_to_himself_takes_nothing_out() -> None:
    """Coins that back a position cannot be sold cheaply to another account of the same owner."""
    over = {"collateral": [{"asset": "BTC", "weight_ppm": 900_000}]}
    bench = Bench(plain_venue(merged(SPOT, over)))
    alice, other, bob = bench.open(0), bench.open(1_000), bench.open(100_000)
    bench.send(m.Deposit, alice, 1, usd(10))
    for number in range(2):
        bench.send(m.UpdateOracle, number, 100)
    bench.send(m.BlockTrade, alice, bob, 0, 80, 100)  # requires 800 of 900
    bench.send(m.Place, other, 1, 0, 10, 10)
    events = bench.send(m.Place, alice, 1, 1, 10, 10)
    assert [type(e) for e in events] == [m.OrderPlaced, m.OrderCancelled]
    assert bench.exchange.balance(alice, 1) == usd(10)


def test_the_fund_pays_no_more_than_it_has() -> None:
    over = {"collateral": [{"asset": "BTC", "weight_ppm": 800_000}], "insurance_fund": {"capital": 50}}
    bench = Bench(plain_venue(merged(SPOT, over)))
    alice, bob = bench.open(0), bench.open(100_000)
    bench.send(m.Deposit, alice, 1, usd(10))
    for number in range(2):
        bench.send(m.UpdateOracle, number, 100)
    bench.send(m.BlockTrade, alice, bob, 0, 80, 100)
    bench.send(m.BlockTrade, bob, alice, 0, 80, 98)  # 160 are owed
    events = bench.send(m.UpdateOracle, 0, 99)
    (sold,) = [e for e in events if isinstance(e, m.CollateralSold)]
    assert (sold.method, sold.value, sold.amount) == (Method.TAKEOVER, usd(50), usd("0.625"))
    assert bench.exchange.balance(alice) == -usd(110) and bench.exchange.balance(0) == 0
    assert bench.exchange.equity(alice) == -usd(110) + usd("9.375") * 80


def test_lines_of_the_shipped_design() -> None:
    """10 BTC against a short of 10: alone 25 % of 15,000 are required, and the coins count for 98 %."""
    exchange = Exchange(load_venue("portfolio"))
    ts = 10**18
    for command in (
        m.OpenAccount(ts, 1, 0), m.OpenAccount(ts, 1, 0), m.Deposit(ts, FIRST, 1, 10 * 10**6), m.Deposit(ts, FIRST + 1, 0, 10**12),
        m.UpdateOracle(ts, 0, 60_000), m.UpdateOracle(ts, 1, 60_000), m.BlockTrade(ts, FIRST + 1, FIRST, 0, 10_000, 60_000),
    ):  # fmt: skip
        exchange.apply(command)
        exchange.check()
    told = {RequirementKind(line.kind): (line.hedged, line.equity, line.initial, line.maintenance) for line in exchange.requirement(FIRST)}
    assert told == {
        RequirementKind.CASH: (0, 0, 0, 0),
        RequirementKind.COLLATERAL: (10 * 10**6, usd(588_000), 0, 0),
        RequirementKind.POSITION: (10_000, 0, usd(3_750), usd(1_875)),
    }


def spot(**over: object) -> dict[str, object]:
    return {"markets": [SPOT["markets"][0], {**SPOT["markets"][1], **over}]}  # type: ignore[index]


TIER = {"lower_notional": 0, "initial_margin_ppm": 2, "maintenance_margin_ppm": 1}
WEIGHTLESS = {"asset": "BTC", "weight_ppm": 1, "hedged_weight_ppm": 2}
HEDGE = {"asset": "BTC", "weight_ppm": 1, "hedges": "BTC"}


@pytest.mark.parametrize(
    ("over", "told"),
    [
        (spot(base_asset=""), r"markets\[1\].base_asset is '': expected one of .* other than settlement_asset"),
        (spot(base_asset="USD"), r"markets\[1\].base_asset is 'USD': expected"),
        (spot(lot="0.0000001", tick="10"), r"markets\[1\].lot is 1E-7: expected a whole number of millionths"),
        (spot(max_leverage=5), r"markets\[1\].max_leverage is 5: expected none: nobody holds a position"),
        (spot(tiers=[TIER]), r"markets\[1\].tiers is .*: expected none"),
        (spot(curve={"rule": "oracle_spread", "role": "separate"}), r"markets\[1\].curve.rule is 'oracle_spread': expected 'none'"),
        (spot(funding={"interval_ms": 1_000}), r"markets\[1\].funding is a table: expected none"),
        ({"markets": [{**SPOT["markets"][0], "tiers": []}]}, r"markets\[0\].tiers is \[\]: expected at least one tier"),  # type: ignore[index]
        ({"markets": [{**SPOT["markets"][0], "base_asset": "BTC"}]}, r"markets\[0\].base_asset is 'BTC': expected none"),  # type: ignore[index]
        ({"collateral": [{"asset": "USD", "weight_ppm": 1}]}, r"collateral\[0\].asset is 'USD': expected the base_asset of a spot market"),
        ({"collateral": [HEDGE, HEDGE]}, r"collateral\[1\].asset is 'BTC': expected an asset that is not listed before"),
        ({"collateral": [{**HEDGE, "hedges": "COIN"}]}, r"collateral\[0\].hedges is 'COIN': expected a perpetual that settles in USD"),
        ({"collateral": [HEDGE], "markets": [{**SPOT["markets"][0], "settlement_asset": "BTC"}, SPOT["markets"][1]]},  # type: ignore[index]
         r"collateral\[0\].asset is 'BTC': expected an asset in which no perpetual settles"),
        ({"collateral": [WEIGHTLESS]}, r"collateral\[0\].hedges is missing: expected the market"),
    ],
)  # fmt: skip
def test_designs_that_cannot_be(over: dict[str, object], told: str) -> None:
    with pytest.raises(VenueError, match=told):
        plain_venue(merged(SPOT, over))
