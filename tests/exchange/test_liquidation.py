"""The steps of a liquidation in numbers that no text case has: the order into the book, the vault, the auction at the beginning of time."""

from __future__ import annotations

import pytest
from kit import INSURANCE, MILLION, SECOND, UNCOVERED, VAULT, Bench, markets_of, named, usd

from perplab.exchange.codes import Outcome, Reason, Side
from perplab.exchange.liquidation.steps import BookStep
from perplab.exchange.messages import Deposit, MoveIsolatedMargin, SetMarginMode, TakeAuction, Transfer
from perplab.exchange.state.liquidations import Liquidation
from perplab.exchange.state.tables import P_SIZE


def test_patience_ends_on_the_nanosecond() -> None:
    bench = Bench(markets_of({}, backstops=["auto_deleverage"], liquidation={"book": {"patience_ms": 2_000}}))
    loser, winner = bench.open("100"), bench.open(MILLION)
    bench.oracle(100)
    bench.block(loser, winner, 10, 100)
    bench.oracle(88)
    bench.now += 2 * SECOND - 1
    assert named(bench.oracle(87), "Deleveraged") == []
    bench.now += 1
    assert len(named(bench.oracle(86), "Deleveraged")) == 1


def test_a_step_that_closes_everything_is_the_last() -> None:
    """However short its patience: no auction of nothing follows."""
    bench = Bench(markets_of({}, liquidation={"steps": ["book", "dutch_auction"]}))
    trader, other = bench.open("100"), bench.open(MILLION)
    bench.oracle(100)
    bench.block(trader, other, 10, 100)
    bench.place(other, Side.BUY, 10, 92)
    events = [type(event).__name__ for event in bench.oracle(94)]
    assert events == ["OracleUpdated", "MarkMoved", "LiquidationStarted", "Traded", "Liquidated", "LiquidationEnded"]


# -- the order into the book --


@pytest.mark.parametrize(
    ("is_long", "mark", "oracle", "spread_ppm", "fund", "limit"),
    [
        # Ten lots at 100 with 100: at zero at 90 (110 for the short), which is the limit as long as the account is worth something
        (True, 94, 94, 10_000, 0, 90),
        (True, 94, 94, 10_000, 1_000, 90),
        (True, 90, 90, 10_000, 0, 90),
        # Below zero the fund lets it go on: a dollar a lot for ten dollars, and not beyond the spread, 87.12 for 1 % of 88, rounded up
        (True, 88, 88, 10_000, 0, 90),
        (True, 88, 88, 10_000, 10, 89),
        (True, 88, 88, 10_000, 25, 88),  # 87.5
        (True, 88, 88, 10_000, 1_000, 88),
        (True, 88, 88, 20_000, 1_000, 87),  # 86.24
        (True, 88, 88, 300_000, 1_000, 62),  # 61.6
        (True, 88, 88, 999_999, 100_000, 44),  # the band of half the mark holds for all of them
        # A mark that was pushed away from the oracle sells nothing cheaply: the spread is taken where it is better for the position
        (True, 80, 88, 10_000, 1_000, 88),
        (True, 80, 72, 10_000, 1_000, 80),  # 79.2
        (False, 106, 106, 10_000, 0, 110),
        (False, 106, 106, 10_000, 1_000, 110),
        (False, 112, 112, 10_000, 0, 110),
        (False, 112, 112, 10_000, 10, 111),
        (False, 112, 112, 10_000, 25, 112),  # 112.5
        (False, 112, 112, 10_000, 1_000, 113),  # 113.12
        (False, 112, 112, 20_000, 1_000, 114),  # 114.24
        (False, 112, 112, 999_999, 100_000, 168),
        (False, 120, 112, 10_000, 1_000, 113),
        (False, 120, 128, 10_000, 1_000, 121),  # 121.2
    ],
)
def test_how_far_a_liquidation_order_goes(is_long: bool, mark: int, oracle: int, spread_ppm: int, fund: int, limit: int) -> None:
    """To the bankruptcy price; beyond it as far as the fund pays, at most the spread beyond mark and oracle."""
    book = {"book": {"spread_ppm": spread_ppm}}
    venue = markets_of({}, backstops=["insurance_fund"], insurance_fund={"capital": fund}, liquidation=book)
    bench = Bench(venue)
    trader, other = bench.open("100"), bench.open(MILLION)
    bench.oracle(100)
    bench.block(trader if is_long else other, other if is_long else trader, 10, 100)
    exchange = bench.exchange
    exchange.state.markets[0].mark, exchange.state.markets[0].oracle = mark, oracle
    row = exchange.state.find_position(trader, 0)
    held = exchange.state.positions.cells[row + P_SIZE]
    due = exchange.slices.bankruptcy_value(row, exchange.equity(trader), exchange.maintenance_margin(trader))
    assert due == usd(900 if is_long else 1_100)
    step = exchange.lifecycle.steps[0]
    assert isinstance(step, BookStep)
    case = exchange.lifecycle.case(Liquidation(trader, -1, 0, bench.now))
    assert step.limit(case, row, held, 10, due) == limit


def test_a_partial_liquidation_that_fills_nothing_starts_no_cooldown() -> None:
    """The book is empty at first: the next order is for a fifth again, and after it has filled all of the rest is sold for 30 s."""
    book = {"partial_ppm": 200_000, "partial_above": 500, "cooldown_ms": 30_000}
    bench = Bench(markets_of({}, liquidation={"book": book}))
    trader, other = bench.open("100"), bench.open(MILLION)
    bench.oracle(100)
    bench.block(trader, other, 10, 100)
    assert named(bench.oracle(94), "Liquidated") == []
    assert bench.exchange.state.accounts.partial[trader] == -1
    bench.place(other, Side.BUY, 10, 91)
    assert [event.size for event in named(bench.later(1), "Liquidated")] == [2]
    assert bench.exchange.state.accounts.partial[trader] == bench.now
    assert [event.size for event in named(bench.later(1), "Liquidated")] == [8]


@pytest.mark.parametrize("steps", [["book"], ["dutch_auction"]], ids=lambda steps: steps[0])
@pytest.mark.parametrize("by", ["deposit", "transfer", "isolated margin"])
@pytest.mark.parametrize("short_of", [0, 1])
def test_money_that_comes_in_ends_a_liquidation_at_once(by: str, short_of: int, steps: list[str]) -> None:
    """Ten lots at 94 have 40 for 47: with 7 more the liquidation is over, and its auction with it; with a micro-unit less it goes on."""
    bench = Bench(markets_of({}, liquidation={"steps": steps}))
    trader, other = bench.open("1000" if by == "isolated margin" else "100"), bench.open(MILLION)
    bench.oracle(100)
    bench.send(SetMarginMode, trader, 0, int(by == "isolated margin"))
    bench.block(trader, other, 10, 100)
    assert len(named(bench.oracle(94), "LiquidationStarted")) == 1
    amount = usd(7) - short_of
    if by == "deposit":
        events = bench.send(Deposit, trader, 0, amount)
    elif by == "transfer":
        events = bench.send(Transfer, other, trader, 0, amount)
    else:
        events = bench.send(MoveIsolatedMargin, trader, 0, amount)
    ended = [event.outcome for event in named(events, "LiquidationEnded")]
    assert ended == ([] if short_of else [Outcome.RECOVERED])
    assert len(bench.exchange.auctions()) == (steps == ["dutch_auction"]) * short_of
    assert len(bench.exchange.state.liquidations.under_way) == short_of
    assert bool(named(bench.place(trader, Side.SELL, 1, 120), "OrderPlaced")) == (not short_of)


# -- the vault --


@pytest.mark.parametrize(
    ("capital", "limit_ppm", "taken"),
    [
        (100, 1_000_000, True),
        (20, 1_000_000, True),  # just what the account brings below zero
        (19, 1_000_000, False),
        (40, 500_000, True),
        (40, 499_999, False),
    ],
)
def test_a_vault_takes_nothing_beyond_its_loss_limit(capital: int, limit_ppm: int, taken: bool) -> None:
    """Ten lots that bring 20 below zero with them."""
    vault = {"capital": capital, "loss_limit_ppm": limit_ppm, "unwind_interval_ms": 0}
    bench = Bench(markets_of({}, liquidation={"steps": ["takeover"]}, vault=vault))
    trader, other = bench.open("100"), bench.open(MILLION)
    bench.oracle(100)
    bench.block(trader, other, 10, 100)
    limit = usd(capital) * limit_ppm // 1_000_000
    assert bench.exchange.vault_loss_left() == limit
    events = bench.oracle(88)
    assert len(named(events, "TakenOver")) == int(taken)
    assert bench.exchange.vault_loss_left() == limit - taken * usd(20), "it has lost what it took"
    assert bench.exchange.equity(VAULT) == usd(capital) - taken * usd(20)
    assert bench.exchange.equity(trader) == (0 if taken else -usd(20))
    assert bench.exchange.balance(UNCOVERED) == 0


def test_a_vault_that_takes_nothing_over_has_nothing_to_lose() -> None:
    bench = Bench(markets_of({}, liquidation={"steps": ["book"]}, vault={"capital": 1_000}))
    assert bench.exchange.vault_loss_left() == 0
    with pytest.raises(ValueError, match="asset is 1; this venue has 0 to 0"):
        bench.exchange.vault_loss_left(1)


# -- the beginning of time --


def test_a_partial_liquidation_at_time_zero_counts() -> None:
    """ts 0 is a time: the cooldown that begins there holds."""
    book = {"partial_ppm": 200_000, "partial_above": 500, "cooldown_ms": 30_000}
    bench = Bench(markets_of({}, liquidation={"book": book}))
    bench.now = 0
    trader, other = bench.open("100"), bench.open(MILLION)
    bench.oracle(100)
    bench.block(trader, other, 10, 100)
    bench.place(other, Side.BUY, 10, 92)
    assert [event.size for event in named(bench.oracle(94), "Liquidated")] == [2]
    bench.now = SECOND
    assert [event.size for event in named(bench.oracle(93), "Liquidated")] == [8]


@pytest.mark.parametrize(
    ("capital", "at_first", "gain", "paid"),
    [
        (30, "0", "5", "25"),  # from the 20 that are missing halfway to all that the fund has
        (300, "0", "22", "42"),  # halfway to maintenance: 20 and 44 are 64 at most
        (10, "-10", "-10", "10"),  # the fund cannot make up for the 20
    ],
)
def test_an_auction_below_zero_at_time_zero_pays(capital: int, at_first: str, gain: str, paid: str) -> None:
    """ts 0 is a time: an auction that is insolvent since then has its bidders gain nothing, and after half its time what lies halfway."""
    design = {"steps": ["dutch_auction"]}
    bench = Bench(markets_of({}, liquidation=design, backstops=["insurance_fund"], insurance_fund={"capital": capital}))
    bench.now = 0
    trader, other, bidder = bench.open("100"), bench.open(MILLION), bench.open(MILLION)
    bench.oracle(100)
    bench.block(trader, other, 10, 100)
    bench.oracle(88)
    (auction,) = bench.exchange.auctions()
    assert (auction.insolvent, auction.gain, auction.share_ppm) == (True, usd(at_first), 1_000_000)
    bench.now = 5 * SECOND
    refused = bench.send(TakeAuction, bidder, 1, 1_000_000, usd(gain) + 1)
    assert [event.reason for event in named(refused, "Rejected")] == [Reason.AUCTION_PRICE]
    (taken,) = named(bench.send(TakeAuction, bidder, 1, 1_000_000, usd(gain)), "AuctionTaken")
    assert (taken.gain, taken.paid) == (usd(gain), usd(paid))
    assert (bench.exchange.balance(INSURANCE), bench.exchange.balance(UNCOVERED)) == (usd(capital) - usd(paid), 0)
    assert (bench.exchange.balance(trader), bench.exchange.equity(bidder)) == (0, usd(MILLION) + usd(gain))
