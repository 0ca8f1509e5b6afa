"""Coins that stand in for cash, and cash beside them, when they leave: at a stale price, after their market is settled, for other coins,
and sold below the mark by who is below the initial requirement. In the plain spot venue coins count for 80 % of 100 USD."""

from __future__ import annotations

import pytest
from choices import Seeded
from kit import INSURANCE, SPOT, Bench, named, plain_venue, usd
from spot_kit import COIN, PERP, PLEDGE, bench_with, reasons, with_coins

from perplab.exchange import load_venue
from perplab.exchange import messages as m
from perplab.exchange.codes import CancelReason, MarketStatus, Reason
from perplab.exchange.design.reader import merged

POLICIES = ["keep_last", "halt_new_risk", "pause_liquidation"]


def markets(on_stale: str) -> list[object]:
    """The perpetual, and a spot market whose oracle is stale after five seconds."""
    return [SPOT["markets"][0], {**SPOT["markets"][1], "oracle": {"stale_after_ms": 5_000, "on_stale": on_stale}}]  # type: ignore[index]


def stale_bench(on_stale: str = "halt_new_risk", **over: object) -> Bench:
    return bench_with(PLEDGE, markets=markets(on_stale), **over)


def leveraged(bench: Bench, dollars: int = 0) -> tuple[int, int]:
    """10 coins count for 800, and 400 are required for a long of 40 against bob."""
    alice, bob = with_coins(bench, dollars, 10), bench.open(100_000)
    bench.block(alice, bob, 40, 100)
    return alice, bob


# -- coins, at a stale price --


def test_coins_that_back_a_position_stay_while_their_price_is_stale() -> None:
    """5 of 10 coins may leave at 100. At a stale price the other five are sure to be worth nothing, so none may; then 5 again."""
    bench = stale_bench()
    alice, bob = leveraged(bench)
    assert bench.exchange.free_margin(alice, 1) == usd(5)
    bench.later(6)
    assert bench.exchange.free_margin(alice, 1) == bench.exchange.withdrawable(alice, 1) == 0
    assert reasons(bench.send(m.Withdraw, alice, 1, 1)) == [Reason.ORACLE_STALE]
    assert reasons(bench.send(m.Transfer, alice, bob, 1, usd(5))) == [Reason.ORACLE_STALE]
    assert reasons(bench.send(m.Transfer, alice, bob, 1, usd(10))) == [Reason.INSUFFICIENT_MARGIN]  # at no price
    bench.oracle(100, COIN)
    assert named(bench.send(m.Transfer, alice, bob, 1, usd(5)), "Transferred")


def test_coins_that_cover_a_debt_stay_while_their_price_is_stale() -> None:
    bench = stale_bench()
    alice = with_coins(bench, 0, 10)
    bench.open(400)  # whose dollars they are
    bench.later(6)
    bench.send(m.Debit, alice, 0, usd(400))
    assert bench.exchange.free_margin(alice, 1) == 0
    assert reasons(bench.send(m.Withdraw, alice, 1, usd(1))) == [Reason.ORACLE_STALE]


@pytest.mark.parametrize("dollars", [0, 400])
def test_coins_that_nothing_needs_leave_at_a_stale_price(dollars: int) -> None:
    """Without a position, or where cash alone meets what is required."""
    bench = stale_bench()
    alice = leveraged(bench, dollars)[0] if dollars else with_coins(bench, 0, 10)
    bench.later(6)
    assert bench.exchange.free_margin(alice, 1) == usd(10)
    assert named(bench.send(m.Withdraw, alice, 1, usd(10)), "Withdrawn")


# -- coins whose market is settled --


@pytest.mark.parametrize("on_stale", POLICIES)
def test_the_price_of_a_settled_market_is_never_stale(on_stale: str) -> None:
    """Settled at 90: 10 coins count for 720 from then on, whatever the time. 320 of that are to spare: 4 coins may leave, and 32 lots more
    are bought with what is there."""
    bench = stale_bench(on_stale)
    alice, bob = leveraged(bench)
    bench.send(m.SetMarketStatus, COIN, MarketStatus.SETTLED, 90)
    bench.later(60)
    assert bench.exchange.free_margin(alice, 1) == usd(320) * 10 // 720
    bench.place(bob, 1, 33, 100)
    assert reasons(bench.place(alice, 0, 33, 100)) == [Reason.INSUFFICIENT_MARGIN]
    assert named(bench.place(alice, 0, 32, 100), "Traded")
    assert reasons(bench.send(m.Withdraw, alice, 1, usd(1))) == [Reason.INSUFFICIENT_MARGIN]


@pytest.mark.parametrize("on_stale", POLICIES)
def test_coins_of_a_settled_market_pay_what_is_owed(on_stale: str) -> None:
    """The fund buys them at the price of the settlement, long after it."""
    bench = stale_bench(on_stale, insurance_fund={"capital": 10_000})
    alice = with_coins(bench, 0, 10)
    bench.send(m.SetMarketStatus, COIN, MarketStatus.SETTLED, 90)
    bench.later(60)
    events = bench.send(m.Debit, alice, 0, usd(360)) + bench.later(1)
    assert [(e.amount, e.value) for e in named(events, "CollateralSold")] == [(usd(5), usd(360))]
    assert bench.exchange.balance(alice, 0) == 0 and bench.exchange.balance(INSURANCE, 1) == usd(5)


# -- cash beside them --


def test_cash_leaves_while_the_price_of_coins_is_stale() -> None:
    bench = stale_bench()
    alice = with_coins(bench, 1_000, 10)
    bench.later(6)
    assert bench.exchange.free_margin(alice, 0) == bench.exchange.withdrawable(alice, 0) == usd(1_000)
    assert reasons(bench.send(m.Withdraw, alice, 0, usd(1_000) + 1)) == [Reason.INSUFFICIENT_MARGIN]
    assert named(bench.send(m.Withdraw, alice, 0, usd(1_000)), "Withdrawn")


def test_cash_stays_as_far_as_it_alone_backs_a_position() -> None:
    """1,000 dollars and 10 coins, 400 required: all dollars may leave at 100, 600 of them at a stale price."""
    bench = stale_bench()
    alice, _ = leveraged(bench, 1_000)
    assert bench.exchange.free_margin(alice, 0) == usd(1_000)
    bench.later(6)
    assert bench.exchange.free_margin(alice, 0) == usd(600)
    assert reasons(bench.send(m.Withdraw, alice, 0, usd(600) + 1)) == [Reason.ORACLE_STALE]
    assert named(bench.send(m.Withdraw, alice, 0, usd(600)), "Withdrawn")


def test_cash_pays_for_an_isolated_position_while_the_price_of_coins_is_stale() -> None:
    """100 are required: the cash has them, and pays the margin that is moved in afterwards, too."""
    bench = stale_bench()
    alice, bob = with_coins(bench, 1_000, 10), bench.open(100_000)
    bench.place(bob, 1, 10, 100)
    bench.send(m.SetMarginMode, alice, PERP, 1)
    bench.later(6)
    assert named(bench.place(alice, 0, 10, 100, tif=1), "Traded")
    assert bench.exchange.position(alice, PERP).isolated_margin == usd(100)
    assert named(bench.send(m.MoveIsolatedMargin, alice, PERP, usd(900)), "IsolatedMarginMoved")
    assert bench.exchange.free_margin(alice, 0) == 0


PAIR = {
    "assets": ["USD", "BTC", "ETH"],
    "markets": [
        *markets("halt_new_risk"),
        {"name": "OTHER", "kind": "spot", "base_asset": "ETH", "tick": "1", "lot": "1", "max_price": "30000"},
    ],
    "collateral": [PLEDGE],
}  # fmt: skip


def test_coins_at_a_stale_price_are_no_transfer_margin() -> None:
    """700 dollars, 10 coins and a long of 40, of whose 4,000 a fifth stays behind: at 100 they buy other coins, at a stale price not."""
    bench = Bench(plain_venue(merged(PAIR, {"transfer_margin_ppm": 200_000})))
    for number in range(3):
        bench.oracle(100, number)
    alice, _ = leveraged(bench, 700)
    bench.place(alice, 0, 1, 50, 2)
    bench.send(m.CancelAll, alice)
    bench.later(6)
    assert reasons(bench.send(m.Withdraw, alice, 0, usd(50))) == [Reason.ORACLE_STALE]
    assert reasons(bench.place(alice, 0, 1, 50, 2)) == [Reason.INSUFFICIENT_BALANCE]


# -- coins that pay for other coins --


def test_coins_that_back_a_position_buy_no_other_coins() -> None:
    """BTC counts in USD, and ETH is bought with BTC: 5 of 10 BTC are to spare, as for a withdrawal."""
    coin = {"name": "OTHER", "kind": "spot", "base_asset": "ETH", "settlement_asset": "BTC", "tick": "1", "lot": "1", "max_price": "30000"}
    over = {"assets": ["USD", "BTC", "ETH"], "collateral": [PLEDGE], "markets": [*SPOT["markets"], coin]}  # type: ignore[misc]
    bench = Bench(plain_venue(merged(SPOT, over)))
    for number, price in enumerate((100, 100, 1)):
        bench.oracle(price, number)
    alice, bob = leveraged(bench)
    bench.send(m.Deposit, bob, 2, usd(10))
    bench.place(bob, 1, 10, 1, 2)
    events = bench.place(alice, 0, 6, 1, 2, tif=1)
    assert named(events, "OrderCancelled")[0].reason == CancelReason.MARGIN and not named(events, "Traded")
    assert named(bench.place(alice, 0, 5, 1, 2, tif=1), "Traded")
    assert bench.exchange.available_margin(alice, 0) == 0 == bench.exchange.free_margin(alice, 1)


# -- coins that are sold below the initial requirement --


def below_initial(bench: Bench) -> tuple[int, int]:
    """10 coins that count for 800, and a long of 50 that has lost 400 at 92, and requires 460."""
    alice, bob = with_coins(bench, 0, 10), bench.open(100_000)
    bench.block(alice, bob, 50, 100)
    bench.oracle(92)
    assert (bench.exchange.equity(alice), bench.exchange.initial_margin(alice)) == (usd(400), usd(460))
    return alice, bob


@pytest.mark.parametrize(("price", "sells"), [(79, False), (81, False), (91, False), (92, True), (99, True), (101, True)])
def test_who_is_below_initial_sells_for_no_less_than_a_perpetual_would_let_him(price: int, sells: bool) -> None:
    """Equity 400 of a notional of 4,600: a lot of 100 may lose 8.69 against the mark, as a lot of the perpetual may that is closed."""
    bench = bench_with(PLEDGE)
    alice, bob = below_initial(bench)
    bench.place(bob, 0, 1, price, COIN)
    events = bench.place(alice, 1, 1, price, COIN, tif=1)
    assert bool(named(events, "Traded")) == sells
    if not sells:
        assert [e.reason for e in named(events, "OrderCancelled")] == [CancelReason.MARGIN]


@pytest.mark.parametrize(("price", "sells"), [(91, False), (92, True)])
def test_the_same_holds_for_an_offer_that_is_met(price: int, sells: bool) -> None:
    bench = bench_with(PLEDGE)
    alice, bob = below_initial(bench)
    bench.place(alice, 1, 1, price, COIN)
    assert bool(named(bench.place(bob, 0, 1, price, COIN), "Traded")) == sells
    assert bench.exchange.open_orders(alice) == []


def test_who_is_above_initial_afterwards_sells_at_any_price() -> None:
    """A long of 40 requires 400 of 800: coins worth it might be withdrawn."""
    bench = bench_with(PLEDGE)
    alice, bob = leveraged(bench)
    bench.place(bob, 0, 5, 60, COIN)
    assert named(bench.place(alice, 1, 5, 60, COIN, tif=1), "Traded")


def test_who_owes_more_than_coins_count_for_sells_none_below_the_mark() -> None:
    """10 coins at 80 count for 640 of 700 that are owed. Without a position there is no part of an equity that a sale might cost."""
    bench = bench_with(PLEDGE)
    alice, bob = with_coins(bench, 0, 10), bench.open(100_000)
    bench.send(m.Debit, alice, 0, usd(700))
    bench.oracle(80, COIN)
    assert bench.exchange.equity(alice) == usd(-60)
    bench.place(bob, 0, 1, 79, COIN)
    assert not named(bench.place(alice, 1, 1, 79, COIN, tif=1), "Traded")
    bench.place(bob, 0, 1, 80, COIN)
    assert named(bench.place(alice, 1, 1, 80, COIN, tif=1), "Traded")


def owner_of_both_sides(mark: int) -> tuple[Bench, int, int]:
    """The design `portfolio`, 10 coins and a long of 200 from 60,000; both marks go to `mark`. And the same owner's other account."""
    bench = Bench(load_venue("portfolio"))
    for number in (PERP, COIN):
        bench.oracle(60_000, number)
    alice, other, bob = bench.open(0), bench.open(1_000_000), bench.open(10**8)
    bench.send(m.Deposit, alice, 1, usd(10))
    bench.block(alice, bob, 200, 60_000)
    bench.later(1)
    for number in (PERP, COIN):
        bench.send(m.UpdateOracle, number, mark, 0, 1 - number)
    return bench, alice, other


def sells(bench: Bench, seller: int, buyer: int, coins: int, price: int) -> bool:
    bench.place(buyer, 0, coins, price, COIN)
    events = bench.place(seller, 1, coins, price, COIN, tif=1)
    bench.send(m.CancelAll, buyer)
    return bool(named(events, "Traded"))


def test_an_owner_of_both_sides_takes_no_coins_out_below_initial() -> None:
    """At 58,500 nothing may be withdrawn. His other account gets coins for no less than 98.06 % of their mark: equity is 1.94 % of the
    notional."""
    bench, alice, other = owner_of_both_sides(58_500)
    x = bench.exchange
    assert (x.equity(alice), x.initial_margin(alice)) == (usd(226_500), usd(292_500))
    assert x.withdrawable(alice, 0) == x.withdrawable(alice, 1) == 0
    for coins in (10, 1):
        for price in (52_700, 55_000, 57_367):
            assert not sells(bench, alice, other, coins, price)
    assert sells(bench, alice, other, 10, 57_368)


def test_a_sale_that_meets_the_initial_requirement_may_be_at_any_price() -> None:
    """At 58,800 all coins sold at the mark would leave 54,000 to be withdrawn; sold for less, it is the buyer's. One alone does not do."""
    bench, alice, other = owner_of_both_sides(58_800)
    assert (bench.exchange.equity(alice), bench.exchange.initial_margin(alice)) == (usd(289_200), usd(294_000))
    assert not sells(bench, alice, other, 10, 53_000)
    assert not sells(bench, alice, other, 1, 53_500)
    assert sells(bench, alice, other, 10, 53_500)
    assert bench.exchange.equity(alice) >= bench.exchange.initial_margin(alice)


@pytest.mark.parametrize("seed", range(12))
def test_no_more_leaves_below_initial_than_the_rule_says(seed: int) -> None:
    """Sales and purchases of random sizes and prices between two accounts of one owner: what the first is worth at the marks falls, while
    it stays below the initial requirement, by no more than each trade's part of its equity, and fees."""
    draw = Seeded(seed)
    bench, alice, other = owner_of_both_sides(draw.pick([58_200, 58_500, 58_700]))
    x = bench.exchange
    notional = 200_000 * x.mark_price(PERP)
    traded = 0
    for _ in range(60):
        side, price, lots = draw.integer(0, 1), draw.integer(50_000, 62_000), draw.pick([1, 50, 1_000, 9_000])
        before, equity = x.account_value(alice, 0) + x.balance(alice, 1) * x.mark_price(COIN), x.equity(alice)
        bench.send(m.Place, other, COIN, 1 - side, price, lots)
        fills = named(bench.send(m.Place, alice, COIN, side, price, lots, tif=1), "Traded")
        bench.send(m.CancelAll, other)
        traded += len(fills)
        after = x.account_value(alice, 0) + x.balance(alice, 1) * x.mark_price(COIN)
        if x.equity(alice) < x.initial_margin(alice):
            worth = sum(e.size for e in fills) * x.mark_price(COIN)
            assert (before - after - sum(e.taker_fee for e in fills)) * notional <= equity * worth
        else:
            assert after >= x.initial_margin(alice)
            break
    assert traded
