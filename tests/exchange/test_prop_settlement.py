"""Final settlement: every position is closed at one price, nobody with nothing open is left owing, and the money is all there."""

from __future__ import annotations

import pytest
from actor import run
from choices import Drawn, Seeded, Source, examples
from designs import drawn_venue, market, venue
from hypothesis import given
from hypothesis import strategies as st
from world import World

from perplab.exchange import messages as m
from perplab.exchange.codes import MarketStatus, Payer
from perplab.exchange.state.types import CLEARING, FIRST_USER


def settle_all(source: Source, world: World) -> None:
    """Settle the markets in any order at any price, some after a while, some in the midst of liquidations."""
    left = [number for number in range(len(world.terms)) if world.books.status[number] != MarketStatus.SETTLED]
    while left:
        number = left.pop(source.integer(0, len(left) - 1))
        mark = world.exchange.mark_price(number)
        price = source.pick([0, mark * 9 // 10, mark * 13 // 10, 1, world.terms[number].max_price])
        world.do(m.SetMarketStatus(world.now, number, MarketStatus.SETTLED, max(0, min(price, world.terms[number].max_price))))
        if source.chance(50):
            world.do(m.Tick(world.now + source.integer(1, 5) * 10**9))
    check_settled(world)


def check_settled(world: World) -> None:
    """Nothing is open, nothing is owed, no liquidation runs, and balances alone make up what was deposited."""
    exchange = world.exchange
    assert not any(world.books.size.values()) and not world.books.orders
    assert not any(world.books.liquidating.values()) and not exchange.auctions()
    for asset in range(len(exchange.design.assets)):
        cash = [exchange.balance(account, asset) for account in range(world.accounts)]
        assert min(cash[FIRST_USER:], default=0) >= 0
        assert sum(cash) == exchange.deposits(asset) - exchange.withdrawals(asset)
        assert cash[CLEARING] == 0, "all that was accrued has been paid"
    for number in range(len(world.terms)):
        refused = world.do(m.UpdateOracle(world.now, number, 1_000))
        assert isinstance(refused[0], m.Rejected)


@examples(10)
@given(st.data())
def test_settled_markets_leave_no_debt(data: st.DataObject) -> None:
    source = Drawn(data)
    world = World(drawn_venue(source))
    world.checks = False
    run(source, world, 3, 6, stress=True)
    world.checks = True
    settle_all(source, world)


def test_settled_markets_on_seeds() -> None:
    """The same on seeds, where it is known that liquidations were under way and deficits paid."""
    paid = under_way = 0
    for seed in range(30):
        source = Seeded(seed)
        world = World(drawn_venue(source))
        world.checks = False
        run(source, world, 5, 25, stress=True)
        world.checks = True
        under_way += sum(world.books.liquidating.values())
        before = world.kinds["DeficitPaid"]
        settle_all(source, world)
        paid += world.kinds["DeficitPaid"] - before
        world.finish(source)
    assert paid > 10 and under_way > 1


def test_a_debt_in_one_asset_is_paid_while_another_asset_is_liquidated() -> None:
    """The account's EUR position is in liquidation when its USD market is settled below what it can pay."""
    design = venue(
        [market("A"), market("C", settlement_asset="EUR")], ["book"], [], assets=["USD", "EUR"],
        liquidation={"book": {"patience_ms": 86_400_000}},
    )  # fmt: skip
    world = World(design)
    for number in range(2):
        world.do(m.UpdateOracle(world.now, number, 1_000))
    for _ in range(2):
        world.do(m.OpenAccount(world.now, 1, 0))
    for account, amount in ((8, 10), (9, 1_000)):
        for asset in range(2):
            world.do(m.Deposit(world.now, account, asset, amount * 10**6))
    for number in range(2):
        world.do(m.BlockTrade(world.now, 8, 9, number, 100, 1_000))
    world.do(m.UpdateOracle(world.now, 1, 920))
    assert world.in_liquidation(8)
    events = world.do(m.SetMarketStatus(world.now, 0, MarketStatus.SETTLED, 800))
    assert [(e.payer, e.amount) for e in events if isinstance(e, m.DeficitPaid)] == [(Payer.UNCOVERED, 10 * 10**6)]
    assert world.exchange.balance(8, 0) == 0


@pytest.mark.parametrize("price", [0, 1_000])
def test_settlement_at_the_mark_changes_nobody_s_equity(price: int) -> None:
    for seed in range(6):
        source = Seeded(seed)
        world = World(venue([market(max_leverage=5)]))
        run(source, world, 4, 20)
        if world.books.status[0] == MarketStatus.SETTLED or world.exchange.mark_price(0) != 1_000:
            world.do(m.UpdateOracle(world.now, 0, 1_000))
        if world.books.status[0] != MarketStatus.SETTLED and not any(world.books.liquidating.values()):
            own = {a: world.margin.equity(a, 0) + isolated(world, a) for a in world.users}
            world.do(m.SetMarketStatus(world.now, 0, MarketStatus.SETTLED, price))
            assert {a: world.exchange.balance(a, 0) for a in world.users} == own


def isolated(world: World, account: int) -> int:
    p = world.exchange.position(account, 0)
    return world.margin.isolated_equity(p) if p.mode == 1 else 0
