"""Coins as margin where they meet other rules: two prices in one moment, auctions, deleveraging and shared losses, gates and delays of
money, and an owner of both sides. In the plain spot venue a lot of either market is a coin, and both cost 100 USD at first."""

from __future__ import annotations

import pytest
from choices import Seeded
from kit import INSURANCE, UNCOVERED, Bench, named, usd
from spot_kit import COIN, HEDGE, PERP, PLEDGE, bench_with, reasons, with_coins

from perplab.exchange import messages as m
from perplab.exchange.codes import Method, Outcome, Reason


def total(bench: Bench, asset: int) -> int:
    """Of all accounts, the venue's own included: nothing is ever made or lost."""
    return sum(bench.exchange.ledger_balance(account, asset) for account in range(bench.exchange.state.accounts.count))


# -- two prices in one moment --


def hedged(bench: Bench) -> tuple[int, int]:
    """10 coins, and a short of 10 against them: worth 1,000 whatever the price, and 25 are required."""
    alice, bob = with_coins(bench, 0, 10), bench.open(100_000)
    bench.block(bob, alice, 10, 100)
    assert (bench.exchange.equity(alice), bench.exchange.initial_margin(alice)) == (usd(1_000), usd(25))
    return alice, bob


@pytest.mark.parametrize("first", [PERP, COIN])
@pytest.mark.parametrize("price", [150, 50])
def test_a_pair_outlives_both_orders_of_two_updates(first: int, price: int) -> None:
    """Half up, perpetual first: the short has lost 500 of 1,000, and 75 are required until the coins follow; and so on. In the end it is
    worth 1,000 again."""
    bench = bench_with(HEDGE)
    alice, _ = hedged(bench)
    between = bench.oracle(price, first)
    after = bench.oracle(price, 1 - first)
    assert not named(between + after, "LiquidationStarted")
    assert bench.exchange.equity(alice) == usd(1_000)
    assert bench.exchange.initial_margin(alice) == usd(price * 10) // 40


def test_a_pair_is_no_hedge_between_two_updates() -> None:
    """The perpetual doubles first: of 1,000 nothing is left for a moment, so it is liquidated; the coins first: it is not."""
    bench = bench_with(HEDGE, backstops=["insurance_fund"], insurance_fund={"capital": 100_000})
    _, bob = hedged(bench)
    bench.place(bob, 1, 10, 200)
    events = bench.oracle(200, PERP)
    (begun,) = named(events, "LiquidationStarted")
    assert (begun.equity, begun.maintenance) == (0, usd(25))  # 5 % of 2,000, a quarter of it
    (sold,) = named(events, "CollateralSold")  # the loss of 1,000: what 10 coins counted for as a hedge
    assert (sold.method, sold.amount, sold.value) == (Method.TAKEOVER, usd(10), usd(1_000))
    assert not named(events, "DeficitPaid")
    assert bench.exchange.balance(INSURANCE, 1) == usd(10)  # which has cost 1,000, and is worth 2,000 as soon as the coins have their price
    other = bench_with(HEDGE)
    hedged(other)
    assert not named(other.oracle(200, COIN) + other.oracle(200, PERP), "LiquidationStarted")


# -- liquidation by other means --


def leveraged(bench: Bench) -> tuple[int, int]:
    """10 coins count for 800, and 400 are required for a long of 40 against bob."""
    alice, bob = with_coins(bench, 0, 10), bench.open(100_000)
    bench.block(alice, bob, 40, 100)
    return alice, bob


def test_who_takes_an_auctioned_share_gets_positions_and_no_coins() -> None:
    """The long of 40 at 82: 720 lost, 80 of 800 left, 164 required. So much is taken that what is left has a tenth more than it requires;
    the coins stay where they are, since something is still open."""
    bench = bench_with(PLEDGE, liquidation={"steps": ["dutch_auction"]})
    alice, _ = leveraged(bench)
    carol = bench.open(100_000)
    (begun,) = named(bench.oracle(82), "AuctionStarted")
    bench.now += 5 * 10**9
    events = bench.send(m.TakeAuction, carol, begun.auction, 10**6)
    (taken,) = named(events, "AuctionTaken")
    assert named(events, "LiquidationEnded")[-1].outcome == Outcome.RECOVERED
    lots = bench.exchange.position(carol, PERP).size
    assert taken.gain > 0 and bench.exchange.position(alice, PERP).size == 40 - lots
    assert bench.exchange.equity(carol) == usd(100_000) + taken.gain and bench.exchange.equity(alice) == usd(80) - taken.gain
    assert usd(80) - taken.gain >= usd(82) * (40 - lots) * 5 // 100 * 11 // 10
    assert usd(80) - taken.gain < usd(82) * (41 - lots) * 5 // 100 * 11 // 10  # a lot less would not have done
    assert (bench.exchange.balance(alice, 1), bench.exchange.balance(carol, 1)) == (usd(10), 0)


def test_coins_are_sold_when_the_auction_has_taken_all() -> None:
    """At 80 the long of 40 has lost the 800 that the coins count for. The fund pays the bidder, and buys the coins for the 800."""
    over = {"liquidation": {"steps": ["dutch_auction"]}, "backstops": ["insurance_fund"], "insurance_fund": {"capital": 10_000}}
    bench = bench_with(PLEDGE, **over)
    alice, _ = leveraged(bench)
    carol = bench.open(100_000)
    (begun,) = named(bench.oracle(80), "AuctionStarted")
    bench.now += 5 * 10**9
    events = bench.send(m.TakeAuction, carol, begun.auction, 10**6)
    (taken,) = named(events, "AuctionTaken")
    (sold,) = named(events, "CollateralSold")
    assert bench.exchange.position(carol, PERP).size == 40 and bench.exchange.equity(carol) == usd(100_000) + taken.gain
    assert taken.paid == taken.gain and (sold.method, sold.amount, sold.value) == (Method.TAKEOVER, usd(10), usd(800))
    assert bench.exchange.balance(alice) == bench.exchange.balance(alice, 1) == 0
    assert bench.exchange.balance(INSURANCE) == usd(10_000 - 800) - taken.paid


def test_who_takes_an_account_below_zero_is_paid_by_its_coins_first() -> None:
    """At 79 the long of 40 has lost 840: 40 more than the coins count for, and 160 less than they ever fetch. The bidder is paid 158,
    as much as the long requires; the coins are sold for that too, and no backstop pays."""
    over = {"liquidation": {"steps": ["dutch_auction"]}, "backstops": ["insurance_fund"], "insurance_fund": {"capital": 10_000}}
    bench = bench_with(HEDGE, **over)
    alice, _ = leveraged(bench)
    carol = bench.open(100_000)
    (begun,) = named(bench.oracle(79), "AuctionStarted")
    assert (begun.equity, begun.maintenance) == (usd(-40), usd(158))
    bench.now += 3600 * 10**9
    events = bench.send(m.TakeAuction, carol, begun.auction, 10**6)
    (taken,) = named(events, "AuctionTaken")
    (sold,) = named(events, "CollateralSold")
    assert (taken.gain, taken.paid) == (usd(158), 0)
    assert (sold.method, sold.amount, sold.value) == (Method.TAKEOVER, usd(10), usd(840 + 158))
    assert not named(events, "DeficitPaid") and bench.exchange.balance(alice) == 0
    assert bench.exchange.balance(INSURANCE) == usd(10_000 - 840 - 158)


@pytest.mark.parametrize("backstop", ["auto_deleverage", "socialized_loss"])
def test_a_gap_beyond_the_coins_is_paid_as_any(backstop: str) -> None:
    """The long of 40 at 70: 1,200 lost, the coins count for 800. Nobody bids for anything, and the fund is empty."""
    over = {"backstops": [backstop], "auto_deleverage": {"trigger": "negative_equity", "price": "bankruptcy"}}
    bench = bench_with(PLEDGE, **over)
    alice, bob = leveraged(bench)
    before = total(bench, 0), total(bench, 1)
    events = [*bench.oracle(70), *bench.later(1)]
    if backstop == "auto_deleverage":
        (closed,) = named(events, "Deleveraged")
        assert (closed.winner, closed.size) == (bob, 40)
        assert closed.value == usd(4_000 - 800)  # the price that leaves the loser with nothing, coins included
        assert bench.exchange.position(alice, PERP).size == 0 == bench.exchange.position(bob, PERP).size
    else:  # no order takes the long, and no other payer: it stays, and so do the coins
        assert bench.exchange.position(alice, PERP).size == 40 and bench.exchange.balance(alice, 1) == usd(10)
        bench.place(bob, 0, 40, 70)
        events = bench.later(1)
        assert named(events, "Liquidated")[0].deficit == usd(400)
        assert named(events, "LossSocialized")[0].amount == usd(400)
    assert (total(bench, 0), total(bench, 1)) == before


# -- money that leaves --


def indebted(bench: Bench) -> tuple[int, int]:
    """Alice owes 400 and has 10 coins, which count for 800; nothing is open."""
    alice, bob = with_coins(bench, 0, 10), bench.open(100_000)
    bench.block(alice, bob, 80, 100)
    bench.block(bob, alice, 80, 95)
    assert bench.exchange.balance(alice) == -usd(400)
    return alice, bob


def test_who_is_flat_and_owes_takes_no_more_coins_than_he_leaves_worth_it() -> None:
    """`flat` says who may withdraw, margin how much: 5 coins of 10, since the other 5 count for the 400 that are owed."""
    bench = bench_with(PLEDGE, money={"withdrawals": "flat"})
    alice, _ = indebted(bench)
    assert bench.exchange.free_margin(alice, 1) == usd(5)
    assert reasons(bench.send(m.Withdraw, alice, 1, usd(5) + 1)) == [Reason.INSUFFICIENT_MARGIN]
    assert named(bench.send(m.Withdraw, alice, 1, usd(5)), "Withdrawn")
    assert reasons(bench.send(m.Withdraw, alice, 0, 1)) == [Reason.INSUFFICIENT_BALANCE]


def test_a_spot_order_is_not_flat() -> None:
    bench = bench_with(PLEDGE, money={"withdrawals": "flat"})
    alice = with_coins(bench, 1_000, 10)
    bench.place(alice, 1, 1, 110, COIN)
    assert reasons(bench.send(m.Withdraw, alice, 0, 1)) == [Reason.NOT_FLAT]
    bench.send(m.CancelAll, alice)
    assert named(bench.send(m.Withdraw, alice, 0, usd(1_000)), "Withdrawn")


def test_coins_under_way_back_nothing() -> None:
    """From the moment they are sent until they arrive they are nobody's margin; what is left has to do for both accounts."""
    bench = bench_with(PLEDGE, money={"transfer_delay_ms": 2_000}, max_sub_accounts=1)
    alice, bob = with_coins(bench, 0, 10), bench.open(100_000)
    bench.send(m.OpenSubAccount, alice)
    sub = bob + 1
    bench.block(alice, bob, 40, 100)  # requires 400: 5 coins
    assert reasons(bench.send(m.Transfer, alice, sub, 1, usd(5) + 1)) == [Reason.INSUFFICIENT_MARGIN]
    bench.send(m.Transfer, alice, sub, 1, usd(5))
    assert bench.exchange.equity(alice) == usd(400) and bench.exchange.equity(sub) == 0
    assert reasons(bench.place(sub, 0, 1, 100)) == [Reason.INSUFFICIENT_MARGIN]
    bench.later(2)
    assert bench.exchange.equity(sub) == usd(400) and total(bench, 1) == usd(10)


# -- a thief --


def wealth(bench: Bench, accounts: tuple[int, ...], price: int) -> int:
    """Dollars, coins and positions of accounts at a price."""
    told = 0
    for account in accounts:
        p = bench.exchange.position(account, PERP)
        told += bench.exchange.balance(account, 0) + bench.exchange.balance(account, 1) * price + p.size * usd(price) - p.entry_notional
    return told


@pytest.mark.parametrize("collateral", [PLEDGE, HEDGE], ids=["pledge", "hedge"])
@pytest.mark.parametrize("seed", range(6))
def test_who_owns_both_sides_gains_nothing_at_a_standing_price(collateral: dict[str, object], seed: int) -> None:
    """Two accounts of one owner trade with each other, at any price that the band and their margin let them, and with a maker who quotes
    at 99 and 101; they send coins and dollars to and fro and out. Nobody else pays: no deficit, and the fund is no poorer."""
    over = {"backstops": ["insurance_fund"], "insurance_fund": {"capital": 1_000}}
    bench = bench_with(collateral, **over)
    thief = with_coins(bench, 100, 10), with_coins(bench, 500, 3)
    maker = with_coins(bench, 100_000, 1_000)
    source, taken = Seeded(seed), 0
    start = wealth(bench, thief, 100)
    for _ in range(120):
        for number in (PERP, COIN):
            bench.send(m.MassQuote, maker, number, 0, 99, 20)
            bench.send(m.MassQuote, maker, number, 1, 101, 20)
        account, market, side = source.pick(thief), source.integer(0, 1), source.integer(0, 1)
        action = source.integer(0, 9)
        if action < 6:
            price = source.pick([60, 80, 90, 99, 100, 101, 110, 120, 140])
            options = {"tif": source.pick([0, 0, 1]), "self_trade": source.integer(0, 4)}
            bench.place(account, side, source.pick([1, 3, 10, 40]), price, market, **options)
        elif action < 8:
            amount = max(1, bench.exchange.free_margin(account, market))
            bench.send(m.Transfer, account, thief[1 - thief.index(account)], market, amount)
        elif action == 8:
            amount = max(1, bench.exchange.free_margin(account, market) // 2)
            if named(bench.send(m.Withdraw, account, market, amount), "Withdrawn"):
                taken += amount * (100 if market else 1)
        else:
            bench.later(1)
            bench.oracle(100, market)
    assert wealth(bench, thief, 100) + taken <= start
    assert bench.exchange.ledger_balance(UNCOVERED, 0) == 0
    assert bench.exchange.balance(INSURANCE, 0) + 100 * bench.exchange.balance(INSURANCE, 1) >= usd(1_000)


@pytest.mark.parametrize(("fall", "gains"), [(15, False), (30, True)])
def test_a_late_oracle_costs_what_the_weight_does_not_cover(fall: int, gains: bool) -> None:
    """Coins have fallen, and the venue does not know yet. An account of them can lose what they count for, 80 %, to its owner's other one,
    and leaves the coins: worth it after a fall of 30 %, not of 15."""
    bench = bench_with(PLEDGE, backstops=["insurance_fund"], insurance_fund={"capital": 100_000})
    loser, winner, maker = with_coins(bench, 0, 100), bench.open(100_000), bench.open(1_000_000)
    start = 100_000 + 100 * (100 - fall)
    for _ in range(60):  # loses 30 % against the mark as long as it is let, and more than half of it goes to the other account
        bench.place(winner, 1, 20, 130)
        bench.place(loser, 0, 20, 130, tif=1)
        bench.send(m.CancelAll, winner)
        bench.place(maker, 0, 20, 100)
        bench.place(loser, 1, 20, 100, tif=1, reduce_only=1)
        bench.place(maker, 1, 20, 100)
        bench.place(winner, 0, 20, 100, tif=1, reduce_only=1)
        bench.send(m.CancelAll, maker)
    bench.oracle(100 - fall, COIN)
    bench.later(2)
    bench.oracle(100 - fall, COIN)
    ends = wealth(bench, (loser, winner), 100 - fall)
    assert (ends > usd(start)) == gains
    assert ends - usd(start) <= usd(100 * (fall - 20))  # no more than the fall beyond the weight, per coin
