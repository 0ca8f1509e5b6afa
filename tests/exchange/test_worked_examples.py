"""Published worked examples of other venues that the core's mechanisms express, with the numbers their sources print.

Prices and amounts are decimal strings as published. A liquidation or bankruptcy price of the core is the first tick past the
threshold, so it may differ from the published threshold by one tick and by what the source rounded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import pytest
from kit import MILLION, SECOND, UNCOVERED, USD, Bench, markets_of, named, tier, usd
from winners import winner

from perplab.exchange.codes import MarginMode, Side
from perplab.exchange.liquidation.auction import DutchAuction, Lot
from perplab.exchange.liquidation.ranks import ProfitLeverage
from perplab.exchange.messages import SetMarginMode, Tick
from perplab.exchange.money import margin
from perplab.exchange.state import types
from perplab.exchange.trading.funding import PremiumFunding
from perplab.exchange.trading.mark import HyperliquidMark

HOUR = 3600 * 1000  # [ms]


def rate(premium: str, interest: str = "0", clamp: str = "0", divisor: int = 1, cap: str = "1") -> Decimal:
    """The rate per interval that the core makes of a mean premium."""
    interest_ppt, clamp_ppt, cap_ppt, premium_ppt = (int(Decimal(text) * types.PPT) for text in (interest, clamp, cap, premium))
    rule = PremiumFunding(1, interest_ppt, clamp_ppt, divisor, cap_ppt)
    return Decimal(rule.rate(premium_ppt)) / types.PPT


@pytest.mark.parametrize(
    ("given", "expected", "tolerance"),
    [
        # Hyperliquid, recomputed from fundingHistory: an hour is an eighth of the 8 h rate
        (rate("-0.0005591732", "0.0001", "0.0005", 8, "0.04"), "-0.0000073966", "1e-10"),
        (rate("0", "0.0001", "0.0005", 8, "0.04"), "0.0000125", "0"),  # its floor: 0.01 % per 8 h
        # Derive, Funding.sol: index 1500, impact 1506 and 1494, convergence 8 h
        (rate("0.004", divisor=8, cap="0.0075"), "0.0005", "0"),
        (rate("-0.004", divisor=8, cap="0.0075"), "-0.0005", "0"),
        # Deribit's damper max(d, P) + min(-d, P) is the clamp with no interest
        (rate("0.0001", clamp="0.00025", cap="0.005"), "0", "0"),
        (rate("-0.0005", clamp="0.00025", cap="0.005"), "-0.00025", "0"),
        # Paradex, funding-mechanism.mdx: premium 0.08 %, baseline 0.01 %, clamp 0.05 %
        (rate("0.0008", "0.0001", "0.0005", cap="0.02"), "0.0003", "0"),
    ],
)
def test_funding_rates(given: Decimal, expected: str, tolerance: str) -> None:
    assert abs(given - Decimal(expected)) <= Decimal(tolerance)


@pytest.mark.parametrize(
    ("tick", "index", "bids", "expected_ppm"),
    [
        ("1", "9000", [("9999", "0.1"), ("9998", "1")], 110911),  # dYdX, memclob_get_premium_price_test.go
        ("0.1", "10001.9", [("9999", "1")], -89),
    ],
)
def test_impact_premium(tick: str, index: str, bids: Sequence[tuple[str, str]], expected_ppm: int) -> None:
    """dYdX: impact notional 5,000, one coin asked at 10,001; its ppm are truncated towards zero."""
    funding = {"impact_notional": 5000, "sample_interval_ms": 1000}
    bench = Bench(markets_of({"tick": tick, "lot": "0.0001", "max_price": "20000", "funding": funding}))
    maker = bench.open(MILLION)
    bench.oracle(index)
    for price, coins in bids:
        bench.place(maker, Side.BUY, coins, price)
    bench.place(maker, Side.SELL, "1", "10001")
    (sample,) = bench.later(1)
    assert int(sample.premium_ppt / 10**6) == expected_ppm


@dataclass
class Payment:
    """An interval's funding: the notional is `coins` at `index`; the book's first price makes the premium."""

    index: str
    coins: str
    bid: str
    funding: dict[str, object]
    seconds: int
    long_pays: str


EIGHT_HOURS = {"interest_ppt": 100_000_000, "clamp_ppt": 500_000_000, "interval_ms": 8 * HOUR, "sample_interval_ms": 60_000}
PAYMENTS = {
    # Injective, margin-funding-rates.mdx: 10,000 of notional at 0.02 %; 20,000 at -0.0035 %, seen from the long side
    "injective-funding-1": Payment("10000", "1", "10002", {}, 3600, "2"),
    "injective-funding-2": Payment("20000", "1", "-19999.3", {}, 3600, "-0.7"),
    # Derive, Funding.sol: one contract at an index of 1,500 and 0.05 % an hour
    "derive-funding-pay": Payment("1500", "1", "1506", {"divisor": 8}, 3600, "0.75"),
    # Paradex: half a coin at 60,000 for a minute of 8 h, charged as it goes
    "paradex-funding": Payment("60000", "0.5", "60048", EIGHT_HOURS | {"payment": "continuous"}, 60, "0.01875"),
    "paradex-funding-8h": Payment("60000", "0.5", "60048", EIGHT_HOURS | {"payment": "continuous"}, 8 * 3600, "9"),
}


@pytest.mark.parametrize("name", PAYMENTS)
def test_funding_payments(name: str) -> None:
    """A long and a short hold for the time; a quote below the index (written negative) is an ask."""
    given = PAYMENTS[name]
    funding = {"impact_notional": 100, "sample_interval_ms": 3_600_000, "interval_ms": HOUR, **given.funding}
    bench = Bench(markets_of({"tick": "0.1", "lot": "0.001", "max_price": "100000", "funding": funding}))
    long, short, maker = (bench.open(MILLION) for _ in range(3))
    bench.oracle(given.index)
    bench.block(long, short, given.coins, given.index)
    bench.place(maker, Side.SELL if given.bid.startswith("-") else Side.BUY, "1", given.bid.removeprefix("-"))
    bench.later(given.seconds)
    assert (bench.exchange.equity(long), bench.exchange.equity(short)) == (
        usd(MILLION) - usd(given.long_pays), usd(MILLION) + usd(given.long_pays),
    )  # fmt: skip


# -- margin --


def maintenance(bench: Bench, notional: int) -> Decimal:
    return Decimal(margin.maintenance_of(bench.exchange.state.markets[0], notional * USD)) / USD


def test_tier_deductions_of_binance() -> None:
    """Binance, coin-margined BTC (amounts in BTC there): deductions 0.56, 1.81 from 50 on, 11.81; 300 BTC need 25.69."""
    lower_and_rate = [(0, 5_000), (28, 25_000), (50, 50_000), (100, 100_000), (200, 125_000)]
    bench = Bench(markets_of({"tiers": [tier(2 * rate, rate, lower) for lower, rate in lower_and_rate]}))
    deductions = list(bench.exchange.state.markets[0].maintenance_deduction)[: len(lower_and_rate)]
    assert deductions == [0, 560_000, 1_810_000, 6_810_000, 11_810_000]
    assert maintenance(bench, 300) == Decimal("25.69")


def test_tier_deductions_of_hyperliquid() -> None:
    """Hyperliquid, margin-tiers: BTC at 40x up to 150 M and 20x above, half of it for maintenance: 1.875 M are deducted."""
    bench = Bench(markets_of({"tiers": [tier(25_000, 12_500), tier(50_000, 25_000, 150_000_000)]}))
    assert maintenance(bench, 150_000_000) == Decimal(1_875_000)
    assert maintenance(bench, 200_000_000) == Decimal(5_000_000 - 1_875_000)


def test_initial_margin_rounds_up() -> None:
    """dYdX, liquidity_tier_test.go: 123,456 quantums at 567,243 ppm."""
    assert types.ppm_ceil(123_456, 567_243) == 70_030


def test_worse_side_of_position_and_orders() -> None:
    """Paradex: short 1 with 3 bid and 2 asked at 90,000 and 2 %: the sells make 3, so 5,400."""
    bench = Bench(markets_of({"max_price": "200000", "lot": "0.001", "max_leverage": 50, "tiers": [tier(20_000, 10_000)]}))
    trader, other = bench.open(MILLION), bench.open(MILLION)
    bench.oracle("90000")
    bench.block(other, trader, 1, "90000")
    bench.place(trader, Side.BUY, 3, "90000")
    bench.place(trader, Side.SELL, 2, "90001")
    assert bench.exchange.equity(trader) - bench.exchange.free_margin(trader) == usd("5400")


def test_price_band() -> None:
    """Paradex, mark 100 and 5 %: a sell at 94 is refused, a buy at 90 accepted, a market buy becomes a limit of 105."""
    bench = Bench(markets_of({"price_band_ppm": 50_000}))
    trader = bench.open(MILLION)
    bench.oracle(100)
    assert [type(event).__name__ for event in bench.place(trader, Side.SELL, 1, 94)] == ["Rejected"]
    assert [type(event).__name__ for event in bench.place(trader, Side.BUY, 1, 90)] == ["OrderPlaced"]
    placed = bench.place(trader, Side.BUY, 1, 0, order_type=1)[0]
    assert (placed.price, placed.tif) == (105, 1)


# -- liquidation and bankruptcy prices --


@dataclass
class Threshold:
    """One position, `coins` > 0 for a long, with `money` behind it; what is published, None if it is not."""

    tick: str
    coins: str
    entry: str
    money: str
    initial_ppm: int
    maintenance_ppm: int
    liquidation: str | None
    bankruptcy: str | None
    tolerance: str = "0.01"
    mode: MarginMode = MarginMode.CROSS


THRESHOLDS = {
    "dydx-liq-iso": Threshold("0.01", "-3", "3000", "1000", 100_000, 50_000, "3174.60", None),  # liquidations.mdx
    "binance-liq": Threshold("0.01", "0.1", "60000", "600", 10_000, 4_000, "54216.867", None),
    "ftx-backstop": Threshold("0.01", "2", "10000", "1000", 50_000, 30_000, "9793.81", None),
    "injective-liq": Threshold("0.0001", "1", "10", "2", 200_000, 50_000, "8.42", "8", "0.0011", MarginMode.ISOLATED),
    "bybit-adl-bankr": Threshold("0.01", "100", "500", "1100", 20_000, 10_000, None, "489"),
    "dydx-adl": Threshold("0.0001", "-500", "1", "100", 50_000, 30_000, None, "1.2"),
}


@pytest.mark.parametrize("name", THRESHOLDS)
def test_liquidation_and_bankruptcy_prices(name: str) -> None:
    given = THRESHOLDS[name]
    lot = "0.01" if given.tick == "0.0001" else "0.001"
    tiers = [tier(given.initial_ppm, given.maintenance_ppm)]
    bench = Bench(markets_of({"tick": given.tick, "lot": lot, "max_price": "100000", "max_leverage": 100, "tiers": tiers}))
    trader, other = bench.open(given.money), bench.open(MILLION)
    bench.send(SetMarginMode, trader, 0, given.mode)
    bench.oracle(given.entry)
    buyer, seller = (other, trader) if given.coins.startswith("-") else (trader, other)
    bench.block(buyer, seller, given.coins.removeprefix("-"), given.entry)
    past = 1 if seller == trader else -1
    exchange = bench.exchange
    for published, found in ((given.liquidation, exchange.liquidation_price), (given.bankruptcy, exchange.bankruptcy_price)):
        if published is not None:
            beyond = past * (found(trader, 0) * Decimal(given.tick) - Decimal(published))
            assert -Decimal(given.tolerance) <= beyond <= Decimal(given.tick) + Decimal(given.tolerance), published


def test_liquidation_price_with_another_position() -> None:
    """dYdX: 1,000 of equity, short 1.5 at 3,000 (5 %) and long 1,000 at 1.75 (10 %, so 175): 3,380.95."""
    bench = Bench(
        markets_of(
            {"tick": "0.01", "lot": "0.1", "max_price": "100000", "tiers": [tier(100_000, 50_000)]},
            {"tick": "0.01", "lot": "1", "max_price": "1000", "tiers": [tier(200_000, 100_000)]},
        )
    )
    trader, other = bench.open("1000"), bench.open(MILLION)
    bench.oracle("3000")
    bench.oracle("1.75", 1)
    bench.block(other, trader, "1.5", "3000")
    bench.block(trader, other, "1000", "1.75", 1)
    assert bench.exchange.liquidation_price(trader, 0) == 338_096  # 3,380.952: one cent past the print


def test_a_vault_takes_over_at_half_of_maintenance() -> None:
    """FTX's auto-close margin fraction is half of a maintenance of 3 %: 1,000 on 2 coins at 10,000 reach it at 9,644.67."""
    venue = markets_of(
        {"tick": "0.01", "lot": "0.001", "max_price": "100000", "max_leverage": 20, "tiers": [tier(50_000, 30_000)]},
        liquidation={"steps": ["book", "takeover"], "takeover": {"fraction_ppm": 500_000}}, vault={"capital": 1000},
    )  # fmt: skip
    bench = Bench(venue)
    trader, other = bench.open("1000"), bench.open(MILLION)
    bench.oracle("10000")
    bench.block(trader, other, 2, "10000")
    assert not named(bench.oracle("9793.82"), "LiquidationStarted")
    assert named(bench.oracle("9793.81"), "LiquidationStarted")
    assert not named(bench.oracle("9644.68"), "TakenOver")
    assert named(bench.oracle("9644.67"), "TakenOver")


# -- bankruptcy quotes and what liquidations pay --


def worn(legs: Sequence[tuple[str, str, str]], money: str, **overrides: object) -> tuple[Bench, int]:
    """An account below maintenance: (coins, entry, price now) of its positions, with what it deposited. dYdX: 20 % and 10 %."""
    terms = {"tick": "1", "lot": "0.001", "max_price": "100000", "tiers": [tier(200_000, 100_000)]}
    bench = Bench(markets_of(*[terms] * len(legs), **overrides))
    trader, other = bench.open(money), bench.open(MILLION)
    for market, (_, entry, _) in enumerate(legs):
        bench.oracle(entry, market)
    for market, (coins, entry, _) in enumerate(legs):
        buyer, seller = (other, trader) if coins.startswith("-") else (trader, other)
        bench.block(buyer, seller, coins.removeprefix("-"), entry, market)
    for market, (_, _, price) in enumerate(legs):
        bench.oracle(price, market)
    return bench, trader


QUOTES = {  # dYdX, keeper/liquidations_test.go: the position to close, what its lots must fetch (cost, if short) in all
    "1: equity 499 of 500": ([("0.1", "56300", "50000")], "1129", "499", 0, "4501"),
    "3: equity 0": ([("0.1", "63000", "50000")], "1300", "0", 0, "5000"),
    "5: short, equity 0": ([("-0.1", "41000", "50000")], "900", "0", 0, "5000"),  # half of it: 2,500
    "7: equity -100": ([("0.1", "64000", "50000")], "1300", "-100", 0, "5100"),
    "9: two positions, equity 10 of 50": ([("0.004", "62000", "50000"), ("0.1", "3720", "3000")], "130", "10", 1, "294"),
    "11: long and short": ([("0.004", "50000", "50000"), ("-0.1", "2000", "3000")], "110", "10", 1, "306"),
}


@pytest.mark.parametrize("name", QUOTES)
def test_bankruptcy_quotes(name: str) -> None:
    """dYdX allots an account's equity to its positions by their maintenance requirement."""
    legs, money, equity, market, expected = QUOTES[name]
    bench, trader = worn(legs, money)
    exchange = bench.exchange
    assert exchange.equity(trader) == usd(equity)
    row = exchange.state.find_position(trader, market)
    value = exchange.slices.bankruptcy_value(row, exchange.equity(trader), exchange.maintenance_margin(trader))
    assert value == usd(expected)


FUND = {"backstops": ["insurance_fund"], "insurance_fund": {"capital": 1000}}
FUND_DELTAS = {  # dYdX, keeper/liquidations_test.go: equity -100 on 0.1 coins at 50,000; fee in ppm, fill, what the fund gains
    "1": ("0.1", 5_000, "56100", "28.05"),
    "3": ("0.1", 1_000_000, "56100", "510"),
    "5: short": ("-0.1", 25_000, "44100", "110.25"),
    "7: all that is left": ("0.1", 5_000, "51051", "5.1"),
    "9: at the bankruptcy price": ("0.1", 5_000, "51000", "0"),
    "11: the fund pays": ("0.1", 5_000, "50490", "-51"),
}


@pytest.mark.parametrize("name", FUND_DELTAS)
def test_what_a_liquidation_pays_to_the_fund(name: str) -> None:
    coins, fee_ppm, fill, expected = FUND_DELTAS[name]
    leg = (coins, "64000", "50000") if coins == "0.1" else (coins, "40000", "50000")
    design = {"fee_ppm": fee_ppm, "fee_fund_share_ppm": 1_000_000}
    bench, trader = worn([leg], "1300" if coins == "0.1" else "900", liquidation=design, **FUND)
    assert bench.exchange.equity(trader) == usd("-100")
    maker = bench.open(MILLION)
    bench.place(maker, Side.BUY if coins == "0.1" else Side.SELL, "0.1", fill)
    assert named(bench.later(1), "Liquidated")
    assert bench.exchange.balance(0) - usd("1000") == usd(expected)
    assert bench.exchange.position(trader, 0).size == 0


def test_what_a_gap_costs_the_fund() -> None:
    """dYdX: 500 bought at 1 with 100, maintenance 3 %, oracle 0.801, filled at 0.77: equity 0.5 at the oracle, the fund pays 15."""
    terms = {"tick": "0.001", "lot": "1", "max_price": "100", "max_leverage": 20, "tiers": [tier(50_000, 30_000)]}
    bench = Bench(markets_of(terms, **FUND))
    trader, other = bench.open("100"), bench.open(MILLION)
    bench.oracle("1")
    bench.block(trader, other, "500", "1")
    assert bench.exchange.maintenance_margin(trader) == usd("15")
    bench.place(other, Side.BUY, "500", "0.77")
    events = bench.oracle("0.801")
    assert named(events, "LiquidationStarted")[0].equity == usd("0.5")
    assert [event.amount for event in named(events, "DeficitPaid")] == [usd("15")]


# -- deleveraging, shared losses --


def test_deleveraging_at_the_bankruptcy_price() -> None:
    """dYdX: A long and B short 500 at 1 with 100 each; at 2 B has -400, both close at 1.2, A gains 100 and B ends at zero."""
    terms = {"tick": "0.01", "lot": "1", "max_price": "1000"}
    bench = Bench(markets_of(terms, backstops=["auto_deleverage"]))
    a, b = bench.open("100"), bench.open("100")
    bench.oracle("1")
    bench.block(a, b, "500", "1")
    events = bench.oracle("2")
    assert named(events, "LiquidationStarted")[0].equity == usd("-400")
    (closed,) = named(events, "Deleveraged")
    assert (closed.size, closed.value, closed.profit) == (500, usd("600"), usd("100"))
    assert (bench.exchange.equity(a), bench.exchange.equity(b)) == (usd("200"), 0)


def test_the_score_is_profit_times_leverage() -> None:
    """BitMEX: a long from 100 at 120, bankrupt at 90, so with 30 behind it: 20 % x 4 = 0.8."""
    score = ProfitLeverage().score(winner(usd(120), usd(100), usd(30), True))
    assert Decimal(score) / types.PPM**2 == Decimal("0.8")
    assert Decimal(ProfitLeverage().score(winner(usd(80), usd(100), usd(20), True))) / types.PPM**2 == Decimal("-0.05")  # a loss is divided


@pytest.mark.parametrize(
    ("size", "fills"),
    [
        (20, [(2, 10), (5, 10)]),
        (100, [(2, 10), (5, 20), (4, 30), (1, 10), (6, 10), (3, 20)]),
    ],
)
def test_the_queue_of_winners(size: int, fills: list[tuple[int, int]]) -> None:
    """BitMEX: of six longs with scores a short of 20 is closed at 650 against the first two, half of the second; all in their order."""
    longs = [(1, 10, 3), (2, 10, 6), (3, 20, 1), (4, 30, 4), (5, 20, 5), (6, 10, 2)]  # account, contracts, score
    venue = markets_of({"max_leverage": 20, "tiers": [tier(50_000, 25_000)]}, backstops=["auto_deleverage"])
    bench = Bench(venue)
    accounts = {bench.open(contracts * (700 - 100 * score)): number for number, contracts, score in longs}
    loser, rest = bench.open(50 * size), bench.open(MILLION)
    bench.oracle(600)
    for (account, _), (_, contracts, _) in zip(accounts.items(), longs, strict=True):
        bench.block(account, rest, contracts, 600)
    bench.block(rest, loser, size, 600)
    closed = named(bench.oracle(660), "Deleveraged")
    assert [(accounts[event.winner], event.size) for event in closed] == fills
    assert {event.value for event in closed} == {usd(650 * event.size) for event in closed}


@pytest.mark.parametrize(
    ("loss", "coins", "per_coin"),
    [
        (100, "50", "1.0"),  # Vertex, PerpEngine.sol: 100 over an open interest of 50, each side
        (100, "5.5", "9.09091"),  # Drift, liquidation tests: over 11 coins on both sides, rounded up to 1e-6
    ],
)
def test_a_loss_shared_per_unit(loss: int, coins: str, per_coin: str) -> None:
    bench = Bench(markets_of({"lot": "0.1", "max_price": "1000"}, backstops=["socialized_loss"]))
    long, short = bench.open(MILLION), bench.open(MILLION)
    bench.oracle(100)
    bench.block(long, short, coins, 100)
    row = bench.exchange.state.position_row(bench.open(0), 0)
    bench.exchange.ledger.pay(row, UNCOVERED, usd(loss))  # the debt of one whose positions are closed, paid back to it below
    bench.exchange.slices.backstops.cover_deficit(row, usd(loss))
    lost = usd(MILLION) - bench.exchange.equity(short)
    assert abs(Decimal(lost) / USD - Decimal(per_coin) * Decimal(coins)) <= Decimal(coins) * Decimal("1e-6")
    bench.exchange.check()


# -- the Dutch auction --


def auctioned(equity: str, maintenance_of_it: str, **design: object) -> Bench:
    """An account with this equity and requirement, under auction since now."""
    auction = {"duration_ms": 3_000_000, "buffer_ppm": 100_000, **design}
    tiers = [tier(200_000, 100_000)]
    liquidation = {"steps": ["dutch_auction"], "dutch_auction": auction}
    bench = Bench(markets_of({"lot": "0.001", "tiers": tiers}, liquidation=liquidation))
    coins = int(maintenance_of_it) // 10  # at a price of 100
    trader, other = bench.open(int(equity) + 100 * coins), bench.open(MILLION)
    bench.oracle(200)
    bench.block(trader, other, coins, 200)
    bench.oracle(100)
    assert bench.exchange.equity(trader) == usd(equity)
    assert bench.exchange.maintenance_margin(trader) == usd(maintenance_of_it)
    return bench


@pytest.mark.parametrize(
    ("after", "share", "cash_paid"),
    [(0, "0.318181818", "95.454545"), (300, "0.341463415", "92.195122")],
)
def test_share_and_price_of_a_solvent_auction(after: int, share: str, cash_paid: str) -> None:
    """Derive, SolventAuction.t.sol: worth 300, 100 short of its requirement, buffer 10 %; f is 1.0, and 0.9 after 300 s.

    There the bidder pays f x value x share for the share; here it takes on the positions and the rest of the share is paid to it.
    """
    bench = auctioned("300", "400")
    if after:
        bench.later(after)
    (auction,) = bench.exchange.auctions()
    assert abs(Decimal(auction.share_ppm) / types.PPM - Decimal(share)) < Decimal("1e-6")
    paid = (usd("300") - auction.gain) * Decimal(share) / USD
    assert abs(paid - Decimal(cash_paid)) < Decimal("1e-5")


@pytest.mark.parametrize(
    ("start_ppm", "seconds_to_zero", "elapsed", "factor"),
    [
        (1_000_000, 3600, 0, "1.0"),  # Maker, abaci.t.sol: 1000 falls to 0 in an hour: 800 after 720 s, 100 after 3,240 s
        (1_000_000, 3600, 720, "0.8"),
        (1_000_000, 3600, 3240, "0.1"),
        (1_000_000, 3000, 300, "0.9"),  # Derive, DutchAuctionView.t.sol: the fast part of 1.0 to 0.8 in 600 s
        (960_000, 1800, 0, "0.96"),  # and of 0.96 to 0.8 in 300 s
        (960_000, 1800, 300, "0.8"),
    ],
)
def test_the_price_falls_in_a_line(start_ppm: int, seconds_to_zero: int, elapsed: int, factor: str) -> None:
    bench = auctioned("300", "400", start_ppm=start_ppm, duration_ms=seconds_to_zero * 1000)
    bench.now += elapsed * SECOND
    bench.send(Tick)
    lifecycle = bench.exchange.lifecycle
    step, (liquidation,) = lifecycle.steps[0], bench.exchange.state.liquidations.listed()
    assert isinstance(step, DutchAuction)
    case = lifecycle.case(liquidation)
    assert usd("300") - step.gain(case, Lot(case)) == usd("300") * Decimal(factor)


# -- the rest --


@pytest.mark.parametrize(("last", "expected"), [("871.7", "871.5"), ("871.2", "871.2")])
def test_last_price_held_within_the_book(last: str, expected: str) -> None:
    """Deribit's legacy mark is the last price clamped to bid 871 and ask 871.5, which is the median of the three."""
    bench = Bench(markets_of({"tick": "0.1", "lot": "0.1", "max_price": "10000"}))
    maker, taker = bench.open(MILLION), bench.open(MILLION)
    bench.oracle("871")
    bench.place(maker, Side.SELL, 1, last)
    bench.place(taker, Side.BUY, 1, last)
    bench.place(maker, Side.BUY, 1, "871")
    bench.place(maker, Side.SELL, 1, "871.5")
    rule = HyperliquidMark(SECOND, SECOND, 1, 1_000_000, SECOND)
    state = bench.exchange.state
    assert rule.local_price(state, state.markets[0], bench.ticks("871"), bench.ticks("871.5")) == bench.ticks(expected)


@pytest.mark.parametrize(
    ("coins", "price", "profit", "entry_after"),
    [
        ("10", "13.75", "11.235", "126.265"),  # half of it for 137.5
        ("30", "11.25", "-27.53", "-112.5"),  # all of it, and 10 short, for 337.5
    ],
)
def test_realised_profit_of_a_part_and_of_a_flip(coins: str, price: str, profit: str, entry_after: str) -> None:
    """Perpetual Protocol v2, Exchange.sol: 20 bought for 252.53."""
    bench = Bench(markets_of({"tick": "0.01", "lot": "0.1", "max_price": "1000"}))
    trader, other = bench.open(MILLION), bench.open(MILLION)
    bench.oracle("12.5")
    bench.block(trader, other, "19", "12.63")
    bench.block(trader, other, "1", "12.56")
    assert bench.exchange.position(trader, 0).entry_notional == usd("252.53")
    before = bench.exchange.balance(trader)
    bench.block(other, trader, coins, price)
    assert bench.exchange.balance(trader) - before == usd(profit)
    assert bench.exchange.position(trader, 0).entry_notional == usd(entry_after)
