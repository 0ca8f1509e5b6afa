"""Debts that coins stand behind: for how much the coins are sold, who pays the rest, and what an owner of both sides gains."""

from __future__ import annotations

from fractions import Fraction

import pytest
from choices import Seeded
from kit import INSURANCE, PLAIN, UNCOVERED, Bench, named, plain_venue, usd
from spot_kit import COIN, HEDGE, PERP, PLEDGE, bench_with, reasons, with_coins

from perplab.exchange import load_venue
from perplab.exchange import messages as m
from perplab.exchange.codes import CancelReason, MarketStatus, Reason
from perplab.exchange.design.reader import merged
from perplab.exchange.events import Event


def fund_has(bench: Bench) -> int:
    """What the insurance fund is worth [micro-USD], coins at their mark."""
    return bench.exchange.balance(INSURANCE, 0) + bench.exchange.balance(INSURANCE, 1) * bench.exchange.mark_price(COIN)


# -- an owner of both sides --


class Owner:
    """Two accounts: `loser` has 10 coins, `winner` dollars; an honest maker trades at the mark. Of the design `portfolio`."""

    def __init__(self, **over: object) -> None:
        self.bench = bench = Bench(load_venue("portfolio", over))
        self.winner, self.maker = bench.open(2_000_000), bench.open(10_000_000)
        self.loser = bench.open(0)
        bench.send(m.Deposit, self.loser, 1, usd(10))
        self.prices(60_000, 60_000)
        self.start = self.wealth(60_000)

    def prices(self, perp: int, coin: int) -> list[Event]:
        self.bench.now += 10**9
        return self.bench.oracle(perp, PERP) + self.bench.oracle(coin, COIN)

    def wealth(self, price: int) -> int:
        """Of both [micro-USD]: an account that is worth less than nothing is left behind."""
        x = self.bench.exchange
        return sum(max(0, x.account_value(one, 0) + x.balance(one, 1) * price) for one in (self.winner, self.loser))

    def lose(self, side: int, price: int, back: int) -> None:
        """The loser trades with the winner at a bad price and back at the mark, as long as it is let, in ever smaller pieces. It keeps the
        `back` lots that it had, or one."""
        bench, size = self.bench, 40_000
        while size >= 1:
            before = abs(bench.exchange.position(self.loser, PERP).size)
            bench.send(m.Place, self.winner, PERP, 1 - side, price, size)
            bench.send(m.Place, self.loser, PERP, side, price, size, tif=1)
            bench.send(m.CancelAll, self.winner)
            more = abs(bench.exchange.position(self.loser, PERP).size) - max(back, 1)
            if more <= 0 or abs(bench.exchange.position(self.loser, PERP).size) == before:
                size //= 2
                continue
            bench.send(m.Place, self.winner, PERP, side, 60_000, more)
            bench.send(m.Place, self.loser, PERP, 1 - side, 60_000, more, tif=1)
            bench.send(m.CancelAll, self.winner)


@pytest.mark.parametrize("fund", [0, 5_000_000])
@pytest.mark.parametrize("bid", [54_000, 54_270, 58_000])
def test_who_buys_his_own_coins_after_their_hedge_gains_nothing(fund: int, bid: int) -> None:
    """Hedged coins count for 98 %. The loser owes nearly that, the perpetual moves by half a percent a moment before its spot market, and
    the winner bids for the coins at the 90 % that they count for without the hedge."""
    owner = Owner(insurance_fund={"capital": fund})
    bench = owner.bench
    bench.send(m.Place, owner.maker, PERP, 0, 60_000, 20_000)
    bench.send(m.Place, owner.loser, PERP, 1, 60_000, 10_000, tif=1)
    bench.send(m.CancelAll, owner.maker)
    owner.lose(1, 48_100, 10_000)
    assert bench.exchange.position(owner.loser, PERP).size == -10_000
    bench.send(m.Place, owner.winner, COIN, 0, bid, 10_000, tif=3)
    bench.send(m.Place, owner.maker, PERP, 1, 60_310, 30_000)
    bench.now += 10**9
    events = bench.oracle(60_300, PERP)
    assert named(events, "LiquidationStarted")
    for _ in range(30):
        bench.now += 10**9
        events += bench.oracle(60_300, COIN) + bench.send(m.Tick)
    assert owner.wealth(60_300) <= owner.start
    assert not named(events, "DeficitPaid")
    assert fund_has(bench) >= usd(fund)


def test_a_pair_that_is_sold_piece_by_piece_makes_no_deficit() -> None:
    """Of a pair the short goes first, in parts: what is left of the account counts for less with each, and nobody pays for that."""
    over = {"backstops": ["insurance_fund"], "insurance_fund": {"capital": 10_000}, "liquidation": {"book": {"partial_ppm": 200_000}}}
    bench = bench_with(HEDGE, **over)
    alice, bob, carol = with_coins(bench, 0, 10), bench.open(100_000), bench.open(100_000)
    bench.block(bob, alice, 10, 100)
    bench.place(carol, 1, 100, 101)
    events = bench.send(m.Debit, alice, 0, usd(990))
    for _ in range(40):
        events += bench.later(31)
    assert named(events, "LiquidationStarted") and not named(events, "DeficitPaid")
    assert bench.exchange.position(alice, PERP).size == 0
    assert bench.exchange.balance(alice, 0) == 0  # the fund has bought what covers it
    assert sum(e.value for e in named(events, "CollateralSold")) == usd(1_000)
    assert (bench.exchange.balance(INSURANCE, 0), bench.exchange.balance(INSURANCE, 1)) == (usd(9_000), usd(10))


def test_a_winner_who_is_deleveraged_still_owes_what_his_coins_cover() -> None:
    """Alice owes 400 against 10 coins and is short against bob, whose loss nobody else takes: flat by that, she owes as before."""
    bench = bench_with(PLEDGE, backstops=["auto_deleverage"], auto_deleverage={"trigger": "negative_equity"})
    alice, bob = with_coins(bench, 0, 10), bench.open(100)
    bench.open(300)  # whose dollars they are
    bench.send(m.Debit, alice, 0, usd(400))
    bench.block(bob, alice, 10, 100)
    events = bench.oracle(85)
    assert named(events, "Deleveraged")
    assert bench.exchange.position(alice, PERP).size == 0
    assert not named(events, "DeficitPaid")
    assert (bench.exchange.balance(alice, 0), bench.exchange.balance(alice, 1)) == (usd(-300), usd(10))


# -- the limit of debts --


@pytest.mark.parametrize("max_debt", [0, 50_000, 100_000])
def test_who_loses_to_himself_against_coins_has_them_sold(max_debt: int) -> None:
    """The loser buys far above the mark, sells at it, and keeps one lot open; the winner takes the dollars out. At the next pass what the
    loser owes, more than he may, has been paid for with his coins: by the fund, at the 90 % that they counted for."""
    owner = Owner(max_debt=max_debt)
    bench, x = owner.bench, owner.bench.exchange
    owner.lose(0, 71_900, 1)
    owed = -x.balance(owner.loser, 0)
    assert owed > usd(530_000) and x.position(owner.loser, PERP).size == 1
    taken = x.free_margin(owner.winner, 0)
    bench.send(m.Withdraw, owner.winner, 0, taken)
    events = owner.prices(60_001, 60_000)
    assert sum(e.value for e in named(events, "CollateralSold")) == owed
    assert x.balance(owner.loser, 0) == 0 and x.position(owner.loser, PERP).size == 1
    assert owner.wealth(60_000) + taken <= owner.start - (owed // 9) * 99 // 100  # a tenth of what the coins are worth is lost
    assert fund_has(bench) >= usd(5_000_000) and x.ledger_balance(UNCOVERED, 0) == 0


@pytest.mark.parametrize("price", [59_000, 50_000, 30_000, 1])
def test_what_may_be_owed_bounds_what_a_fall_leaves_to_others(price: int) -> None:
    """Without a fund or a bid: who owes no more than he may, and leaves that behind, has gained no more than that, however far the coins
    fall."""
    owner = Owner(insurance_fund={"capital": 0})
    bench, x = owner.bench, owner.bench.exchange
    while -x.balance(owner.loser, 0) < usd(40_000):
        bench.send(m.Place, owner.winner, PERP, 1, 71_900, 500)
        bench.send(m.Place, owner.loser, PERP, 0, 71_900, 500, tif=1)
        bench.send(m.Place, owner.winner, PERP, 0, 60_000, 499)
        bench.send(m.Place, owner.loser, PERP, 1, 60_000, 499, tif=1)
        bench.send(m.CancelAll, owner.winner)
    assert -x.balance(owner.loser, 0) <= usd(50_000)
    assert not named(owner.prices(60_001, 60_000), "CollateralSold")
    start = owner.start + usd(10 * (price - 60_000))
    for _ in range(3):
        owner.prices(max(price, 50_000), price)
    assert owner.wealth(price) - start <= usd(50_000)


def test_who_owes_too_much_keeps_his_positions() -> None:
    """600 of 500 that may be owed, at first: coins are sold level by level until nothing is owed, hedged or not; the short stays."""
    bench = bench_with(HEDGE, max_debt=500)
    alice, bob, carol = with_coins(bench, 0, 10), bench.open(100_000), bench.open(100_000)
    bench.block(bob, alice, 10, 100)
    assert not named(bench.send(m.Debit, alice, 0, usd(500)), "CollateralSold")  # as much as may be owed
    bench.send(m.Place, carol, COIN, 0, 99, 4)
    bench.send(m.Place, carol, COIN, 0, 97, 4)
    events = bench.send(m.Debit, alice, 0, usd(100))
    assert [e.value for e in named(events, "CollateralSold")] == [usd(4 * 99), usd(3 * 97)]
    assert bench.exchange.balance(alice, 0) == usd(4 * 99 + 3 * 97 - 600) > 0
    assert bench.exchange.position(alice, PERP).size == -10 and not named(events, "LiquidationStarted")


def test_a_sale_for_the_limit_leaves_what_positions_require() -> None:
    """900 owed against a pair of 1,000, which then is a short alone that requires 50: coins go for 95 % of the mark or not at all."""
    bench = bench_with(HEDGE, max_debt=500)
    alice, bob, carol = with_coins(bench, 0, 10), bench.open(100_000), bench.open(100_000)
    bench.block(bob, alice, 10, 100)
    bench.send(m.Place, carol, COIN, 0, 94, 20)
    assert not named(bench.send(m.Debit, alice, 0, usd(900)), "CollateralSold")
    bench.send(m.Place, carol, COIN, 0, 95, 20)
    events = bench.oracle(100, COIN) + bench.oracle(101, COIN) + bench.oracle(100, COIN)
    assert sum(e.value for e in named(events, "CollateralSold")) == usd(950)
    assert bench.exchange.equity(alice) == bench.exchange.maintenance_margin(alice) == usd(50)
    assert not named(events, "LiquidationStarted")


def test_a_bid_that_cannot_pay_shields_nothing() -> None:
    """Carol's bid is the best, and her money is gone: it goes, and the coins go to the next one in the same pass."""
    bench = bench_with(PLEDGE, max_debt=500)
    alice, carol, dave = with_coins(bench, 0, 10), bench.open(1_000), bench.open(1_000)
    bench.place(carol, 0, 10, 99, COIN)
    bench.place(dave, 0, 10, 95, COIN)
    bench.send(m.Debit, carol, 0, usd(1_000))
    events = bench.send(m.Debit, alice, 0, usd(570))
    assert [e.value for e in named(events, "CollateralSold")] == [usd(570)]


def test_who_has_bought_his_coins_is_found_too() -> None:
    """He has never had a position, nor been sent coins."""
    bench = bench_with(PLEDGE, insurance_fund={"capital": 10_000})
    alice, carol = bench.open(1_000), with_coins(bench, 0, 10)
    bench.place(carol, 1, 10, 100, COIN)
    bench.place(alice, 0, 10, 100, COIN)
    events = bench.send(m.Debit, alice, 0, usd(80))
    assert [e.value for e in named(events, "CollateralSold")] == [usd(80)]


# -- what is left of the coins --

CHEAP = {"name": "COIN", "kind": "spot", "base_asset": "BTC", "tick": "0.0001", "lot": "1", "max_price": "3000"}


def crash(dust: int, fund: int, **over: object) -> tuple[Bench, int, list[Event]]:
    """Alice owes 700 against 10 coins and `dust` millionths of one. The coins fall from 100 to 0.50, and carol bids that for ten."""
    terms = {"markets": [PLAIN["markets"][0], CHEAP], "backstops": ["insurance_fund"], "insurance_fund": {"capital": fund}}
    bench = bench_with(PLEDGE, **{**terms, **over})
    alice, carol = with_coins(bench, 0, 10), bench.open(1_000)
    bench.send(m.SetMarketStatus, COIN, MarketStatus.HALTED)  # nothing is sold at 100
    bench.send(m.Debit, alice, 0, usd(700))
    if dust:
        bench.send(m.Deposit, alice, 1, dust)
    bench.oracle("0.5", COIN)
    bench.send(m.SetMarketStatus, COIN, MarketStatus.ACTIVE)
    bench.place(carol, 0, 10, "0.5", COIN)
    return bench, alice, bench.later(31)


@pytest.mark.parametrize(("dust", "sold"), [(0, 0), (1, 0), (2, 0), (3, 1)])
def test_what_is_worth_nothing_holds_no_deficit_up(dust: int, sold: int) -> None:
    """Ten coins are sold for 5. Of two millionths the fund would pay 0.8 millionths of a dollar, so they stay; three bring one. The rest of
    the 700 is a deficit."""
    bench, alice, events = crash(dust, 10_000)
    sales = [(e.amount, e.value) for e in named(events, "CollateralSold")]
    assert sales == [(usd(10), usd(5)), *([(dust, sold)] if sold else [])]
    assert sum(e.amount for e in named(events, "DeficitPaid")) == usd(695) - sold
    assert bench.exchange.balance(alice, 0) == 0 and bench.exchange.balance(alice, 1) == (0 if sold else dust)


def test_what_the_fund_has_no_money_for_stays_owed() -> None:
    """A part of a lot that is worth something: 0.40 for half a coin. When there is money it is bought, and the rest is a deficit."""
    bench, alice, events = crash(500_000, 0)
    assert [e.value for e in named(events, "CollateralSold")] == [usd(5)] and not named(events, "DeficitPaid")
    assert bench.exchange.balance(alice, 0) == usd(-695)


def test_nobody_sells_the_last_that_stands_for_his_debt() -> None:
    """700 owed, and 10 coins at 69: nine may be sold, for the mark or more; the tenth is for the liquidation to sell."""
    bench = bench_with(PLEDGE)
    alice, bob = with_coins(bench, 0, 10), bench.open(100_000)
    bench.send(m.Debit, alice, 0, usd(700))
    bench.oracle(69, COIN)
    bench.place(bob, 0, 10, 69, COIN)
    (gone,) = named(bench.place(alice, 1, 10, 69, COIN, tif=1), "OrderCancelled")
    assert gone.reason == CancelReason.MARGIN
    assert named(bench.place(alice, 1, 9, 69, COIN, tif=1), "Traded")
    assert named(bench.place(alice, 1, 1, 69, COIN, tif=1), "OrderCancelled")
    events = bench.oracle(68, COIN)
    assert [e.value for e in named(events, "CollateralSold")] == [usd(69)]
    assert bench.exchange.balance(alice, 1) == 0


def test_coins_that_count_for_nothing_stay_while_a_debt_is_open() -> None:
    """Without a hedge they count for nothing, and are sold for up to 100 % of the mark when something is owed."""
    bench = bench_with({**HEDGE, "weight_ppm": 0})
    alice, bob = with_coins(bench, 0, 10), bench.open(100_000)
    bench.block(bob, alice, 10, 100)
    bench.send(m.Debit, alice, 0, usd(500))
    bench.place(bob, 1, 10, 150)
    assert named(bench.oracle(150), "Liquidated")
    assert bench.exchange.balance(alice, 0) == bench.exchange.equity(alice) == usd(-1_000)
    assert bench.exchange.free_margin(alice, 1) == 0
    assert reasons(bench.send(m.Withdraw, alice, 1, 1)) == [Reason.INSUFFICIENT_MARGIN]
    bench.send(m.Deposit, alice, 0, usd(1_000))
    assert named(bench.send(m.Withdraw, alice, 1, usd(10)), "Withdrawn")


# -- several assets, in parts --

TWO = {
    "assets": ["USD", "BTC", "ETH"],
    "markets": [
        PLAIN["markets"][0],
        {"name": "COIN", "kind": "spot", "base_asset": "BTC", "tick": "1", "lot": "0.5", "max_price": "30000"},
        {"name": "OTHER", "kind": "spot", "base_asset": "ETH", "tick": "0.25", "lot": "0.01", "max_price": "3000"},
    ],
}  # fmt: skip
TWO["markets"][1]["tick"] = "2"


def most(bench: Bench, account: int) -> Fraction:
    """What the account's coins are worth at the highest weights that they ever count for."""
    total = Fraction(0)
    for one, number in zip(bench.exchange.design.collateral, (1, 2), strict=True):
        market = bench.exchange.design.markets[number]
        lots = Fraction(bench.exchange.balance(account, number), market.base_lot)
        weight = max(one.weight_ppm, one.hedged_weight_ppm if one.hedges else 0)
        total += lots * bench.exchange.mark_price(number) * market.unit * weight / 10**6
    return total


@pytest.mark.parametrize("seed", range(60))
def test_who_could_pay_leaves_no_deficit(seed: int) -> None:
    """Two assets, one of them with two weights, bids at random, a fund with little or much: whoever owes no more than all is worth at the
    highest weights owes no more than what is left of it after each sale, and nothing is sold below what it counts for."""
    draw = Seeded(seed)
    hedge = {"asset": "BTC", "weight_ppm": 800_000, "hedges": "BTC", "hedged_weight_ppm": draw.pick([850_000, 980_000, 1_000_000])}
    plain = {"asset": "ETH", "weight_ppm": draw.pick([500_000, 900_000, 1_000_000])}
    over = {"collateral": [hedge, plain], "insurance_fund": {"capital": draw.pick([0, 0, 100, 100_000])}, "backstops": ["insurance_fund"]}
    bench = Bench(plain_venue(merged(TWO, over)))
    bench.oracle(100)
    bench.oracle(draw.pick([100, 30, 8]), 1)
    bench.oracle(draw.pick([20, 33]), 2)
    alice, carol = bench.open(0), bench.open(1_000_000)
    bench.send(m.Deposit, alice, 1, draw.integer(1, 20_000_000))
    bench.send(m.Deposit, alice, 2, draw.integer(1, 50_000_000))
    worth = most(bench, alice)
    debt = int(worth * draw.pick([500, 800, 900, 950, 999, 1_000]) / 1_000)
    for _ in range(draw.integer(0, 12)):
        number = draw.integer(1, 2)
        price = bench.exchange.mark_price(number) * draw.integer(60, 105) // 100
        bench.send(m.Place, carol, number, 0, max(1, price), draw.integer(1, 40))
    is_halted = draw.chance(20)
    if is_halted:
        bench.send(m.SetMarketStatus, draw.integer(1, 2), MarketStatus.HALTED, 0)
    events = bench.send(m.Debit, alice, 0, max(1, debt)) + bench.oracle(101)
    for e in named(events, "Traded"):
        weight = bench.exchange.design.collateral[e.market - 1].weight_ppm
        assert e.price * 10**6 >= bench.exchange.mark_price(e.market) * weight
    assert not named(events, "DeficitPaid")
    assert -bench.exchange.balance(alice, 0) <= max(0, most(bench, alice))
    if bench.exchange.balance(INSURANCE, 0) > usd(50_000) and not is_halted:
        assert bench.exchange.balance(alice, 0) >= 0
