"""Liquidation, deleveraging and shared losses at scales and in numbers that no text case has."""

from __future__ import annotations

from fractions import Fraction

import pytest
from kit import CLEARING, FEES, INSURANCE, MILLION, ROUNDING, SECOND, UNCOVERED, Bench, Dice, markets_of, named, packed, script, usd

from perplab.exchange import Exchange, load_venue, shipped_venues
from perplab.exchange.backstop import AdlRank, HyperliquidIndex, ProfitLeverage
from perplab.exchange.codes import MarginMode, Payer, Reason, Side
from perplab.exchange.liquidation import SCREENS, Screen
from perplab.exchange.messages import BlockTrade, Deposit, Place, SetMarginMode, TakeAuction, Withdraw

# -- shared losses --


def owed_loss(bench: Bench, account: int, amount: int) -> None:
    """Take `amount` from the money behind a position, for UNCOVERED to hold, and let the backstops make that good."""
    row = bench.exchange.state.find_position(account, 0)
    bench.exchange.ledger.pay(row, UNCOVERED, amount)
    bench.exchange.backstops.fold(row, amount)


def crowd(terms: dict[str, object], longs: int, lots: int, money: str) -> tuple[Bench, list[int]]:
    """`longs` accounts long `lots` each, and as many short."""
    bench = Bench(markets_of(terms, backstops=["socialized_loss"]))
    accounts = [bench.open(money) for _ in range(2 * longs)]
    bench.oracle("1")
    for number in range(longs):
        bench.send(BlockTrade, accounts[number], accounts[longs + number], 0, lots, bench.ticks("1"))
    return bench, accounts


def close_all(bench: Bench, accounts: list[int]) -> list[int]:
    """Everybody gets out at the mark; the cash they have then."""
    longs = len(accounts) // 2
    for number in range(longs):
        size = bench.exchange.position(accounts[number], 0).size
        bench.send(BlockTrade, accounts[longs + number], accounts[number], 0, size, bench.ticks("1"))
    return [bench.exchange.balance(account) for account in accounts]


@pytest.mark.parametrize(("longs", "lots"), [(1, 10**12), (2, 5 * 10**11), (10, 10**11)])
def test_one_dollar_over_a_million_million_lots(longs: int, lots: int) -> None:
    """Two times 10^12 lots pay 1 USD, collected to the micro-unit; less than one of them per position goes to rounding.

    At one micro-unit a lot, the finest price of a lot by itself, 2,000,000 USD would have been collected.
    """
    bench, accounts = crowd({"tick": "0.01", "lot": "0.0001", "max_price": "5"}, longs, lots, "100000000")
    assert bench.exchange.open_interest(0) == 10**12
    owed_loss(bench, accounts[0], usd("1"))
    shares = [usd("100000000") - balance for balance in close_all(bench, accounts)]
    assert bench.exchange.balance(UNCOVERED) == usd("1")
    assert sum(shares) == usd("1") + bench.exchange.balance(ROUNDING)
    assert 0 <= bench.exchange.balance(ROUNDING) <= 2 * longs
    assert bench.exchange.balance(CLEARING) == 0
    assert all(0 <= share - Fraction(usd("1"), 2 * longs) <= 1 for share in shares)


@pytest.mark.parametrize(
    "terms",
    [{"tick": "0.01", "lot": "0.0001", "max_price": "300"}, {"tick": "1", "lot": "0.001", "max_price": "30000"}],
    ids=["fine lots", "coarse lots"],
)
@pytest.mark.parametrize("loss", ["0.000001", "0.000003", "0.1", "12345.678901"])
def test_a_loss_is_collected_in_full_at_any_size(terms: dict[str, object], loss: str) -> None:
    """Per position at most a micro-unit more than its share, and what the per-lot index was rounded up by."""
    bench, accounts = crowd(terms, 3, 777_777_777, "100000000")
    owed_loss(bench, accounts[0], usd(loss))
    step = Fraction(777_777_777, 2 ** int(bench.exchange.state.markets.index_shift[0]))
    for cash in close_all(bench, accounts):
        assert 0 <= usd("100000000") - cash - Fraction(usd(loss), 6) < 1 + step
    assert 0 <= bench.exchange.balance(ROUNDING) <= 6 * (1 + step)
    assert bench.exchange.balance(CLEARING) == 0


@pytest.mark.parametrize("loss", [1_000_000, 40_000], ids=["more than the lots are worth", "less"])
def test_losses_without_end_do_not_overflow_the_index(loss: int) -> None:
    """The same loss again and again: paid while the index has room, then uncovered; the books balance throughout."""
    bench, accounts = crowd({"max_price": "30000"}, 1, 1, "100000000")
    bench.oracle(30_000)
    for _ in range(3_000):
        owed_loss(bench, accounts[0], usd(loss))
    bench.exchange.check()
    index = bench.exchange.state.markets.index_long[0]
    assert 2**56 - (usd(30_000) << 16) < index <= 2**56 or 2 * index >> 16 == 3_000 * usd(loss)
    by_lots = bench.exchange.balance(UNCOVERED)  # all losses less what nobody paid
    assert 0 <= 2 * index - (by_lots << 16) < 3_000 << 16
    assert by_lots < 3_000 * usd(loss)


# -- ranks --


def exact_score(rank: AdlRank, notional: int, entry: int, equity: int, is_long: bool) -> Fraction:
    """The published formulas in fractions."""
    leverage = Fraction(notional, equity)
    if isinstance(rank, HyperliquidIndex):
        return (Fraction(notional, entry) if is_long else Fraction(entry, notional)) * leverage
    profit = Fraction(notional - entry if is_long else entry - notional, entry)
    return profit * leverage if profit >= 0 else profit / leverage


@pytest.mark.parametrize("is_long", [True, False])
@pytest.mark.parametrize("rank", [ProfitLeverage(), HyperliquidIndex()], ids=["profit_leverage", "hyperliquid"])
def test_ranks_follow_their_formulas(rank: AdlRank, is_long: bool) -> None:
    """Wherever two exact scores differ by a thousandth of themselves, the integer scores are in the same order."""
    dice = Dice(9)
    found = []
    for _ in range(150):
        entry = dice.roll(10**8, 10**12)
        notional = entry * dice.roll(500, 2_000) // 1_000
        equity = notional * dice.roll(10, 9_000) // 1_000
        found.append((exact_score(rank, notional, entry, equity, is_long), rank.score(notional, entry, equity, is_long)))
    compared = 0
    for exact, score in found:
        for other_exact, other_score in found:
            if exact - other_exact > abs(exact) / 1_000:
                assert score > other_score
                compared += 1
    assert compared > 10_000


@pytest.mark.parametrize("rank", [ProfitLeverage(), HyperliquidIndex()], ids=["profit_leverage", "hyperliquid"])
def test_a_shorts_profit_raises_its_rank(rank: AdlRank) -> None:
    """The same equity and notional, a better entry: long or short, the one that has earned more goes first."""
    worth, equity = usd(1000), usd(100)
    assert rank.score(worth, usd(800), equity, True) > rank.score(worth, usd(900), equity, True)
    assert rank.score(worth, usd(1200), equity, False) > rank.score(worth, usd(1100), equity, False)
    assert rank.score(worth, usd(900), equity // 2, True) > rank.score(worth, usd(900), equity, True)


def test_scores_do_not_overflow() -> None:
    """At the bounds of positions: the score is a Python integer."""
    for rank in (ProfitLeverage(), HyperliquidIndex()):
        for is_long in (True, False):
            assert abs(rank.score(2**55, 1, 1, is_long)) < 2**200
            assert abs(rank.score(1, 2**55, 2**62, is_long)) < 2**200


# -- passes --


def test_a_socialized_loss_waits_for_the_next_pass() -> None:
    """A pass takes each account once: whom another's loss takes below maintenance is found when the mark moves next."""
    bench = Bench(markets_of({}, backstops=["socialized_loss"]))
    first, second, other, maker = bench.open("100"), bench.open("150"), bench.open(MILLION), bench.open(MILLION)
    bench.oracle(100)
    bench.block(first, other, 10, 100)
    bench.block(second, other, 10, 100)
    bench.place(maker, Side.BUY, 10, 80)
    events = bench.oracle(90)  # 0 for 45, 50 for 45; ten lots at 80 make 100 of loss, 2.5 a lot
    assert [event.account for event in named(events, "LiquidationStarted")] == [first]
    assert bench.exchange.equity(second) == usd("25")
    assert named(bench.later(60), "LiquidationStarted") == []
    assert [event.account for event in named(bench.oracle(89), "LiquidationStarted")] == [second]


@pytest.mark.parametrize("name", shipped_venues())
def test_a_screen_changes_nothing(name: str) -> None:
    """Whichever accounts a pass looks at first: all of them, the shipped screen's, or a screen in plain Python."""
    rows = packed(script(6, 60))
    hashes = set()
    for screen in [None, Screen(), *SCREENS]:
        exchange = Exchange(load_venue(name))
        exchange.desk.screen = screen
        exchange.apply_rows(rows)
        hashes.add(exchange.state_hash())
    assert len(hashes) == 1


def test_many_liquidations_at_once() -> None:
    """More than the table of liquidations begins with, cross and isolated; all are closed, and the fund pays to the last cent."""
    bench = Bench(markets_of({}, backstops=["insurance_fund"], insurance_fund={"capital": 100_000}))
    other = bench.open(MILLION)
    bench.oracle(100)
    accounts = [bench.open("100") for _ in range(60)]
    for number, account in enumerate(accounts):
        if number % 3 == 0:
            bench.send(SetMarginMode, account, 0, MarginMode.ISOLATED)
        bench.block(account, other, 10, 100)
    assert len(named(bench.oracle(88), "LiquidationStarted")) == 60
    bench.place(other, Side.BUY, 600, 87)
    events = bench.later(1)
    assert len(named(events, "LiquidationEnded")) == 60
    assert sum(event.amount for event in named(events, "DeficitPaid")) == 60 * usd("30")
    assert bench.exchange.balance(INSURANCE) == usd(100_000 - 60 * 30)
    assert all(bench.exchange.equity(account) == 0 for account in accounts)


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


def test_an_auction_below_zero_at_time_zero_pays() -> None:
    """ts 0 is a time: an auction that is insolvent since then asks its bidders to take the debt on."""
    design = {"steps": ["dutch_auction"]}
    bench = Bench(markets_of({}, liquidation=design, backstops=["insurance_fund"], insurance_fund={"capital": 30}))
    bench.now = 0
    trader, other, bidder = bench.open("100"), bench.open(MILLION), bench.open(MILLION)
    bench.oracle(100)
    bench.block(trader, other, 10, 100)
    bench.oracle(88)
    (auction,) = bench.exchange.auctions()
    assert (auction.insolvent, auction.gain, auction.share_ppm) == (True, -usd("20"), 1_000_000)
    bench.now = 5 * SECOND
    (taken,) = named(bench.send(TakeAuction, bidder, 1, 1_000_000, -usd("5")), "AuctionTaken")
    assert (taken.gain, taken.paid) == (-usd("5"), usd("15"))


# -- fees --


@pytest.mark.parametrize(("lots", "fee"), [(777, 25), (1_000, 31), (1_000_000, 30_969)])
def test_a_liquidation_fee_rounds_up(lots: int, fee: int) -> None:
    """333 ppm of what the lots fetch at 93 ticks: 24.06, 30.97 and 30,969 micro-units, a lot at one tick being worth one."""
    terms = {"tick": "0.01", "lot": "0.0001", "max_price": "100"}
    bench = Bench(markets_of(terms, liquidation={"fee_ppm": 333}))
    trader, other = bench.open(0), bench.open(MILLION)
    bench.send(Deposit, trader, 0, 10 * lots)
    bench.oracle("1")
    bench.send(BlockTrade, trader, other, 0, lots, 100)
    bench.send(Place, other, 0, Side.BUY, 93, lots)
    (closed,) = named(bench.oracle("0.94"), "Liquidated")
    assert (closed.value, closed.fee, closed.deficit) == (93 * lots, fee, 0)
    assert bench.exchange.balance(FEES) == fee
    assert bench.exchange.equity(trader) == 3 * lots - fee


# -- markets of their own assets --


def two_assets() -> tuple[Bench, int, int]:
    """A trader with 100 in each of two assets and a long of 10 at 100 in a market of each."""
    venue = markets_of(
        {},
        {"settlement_asset": "EUR"},
        assets=["USD", "EUR"],
        backstops=["insurance_fund"],
        insurance_fund={"capital": 1000},
        liquidation={"book": {"limit": "band"}},
    )
    bench = Bench(venue)
    trader, other = bench.open("100"), bench.open(MILLION)
    bench.send(Deposit, trader, 1, usd("100"))
    bench.send(Deposit, other, 1, usd(MILLION))
    for market in (0, 1):
        bench.oracle(100, market)
    return bench, trader, other


def test_isolated_margin_comes_from_the_markets_asset() -> None:
    bench, trader, other = two_assets()
    bench.send(SetMarginMode, trader, 1, MarginMode.ISOLATED)
    bench.block(trader, other, 5, 100, 1)
    assert (bench.exchange.balance(trader, 0), bench.exchange.balance(trader, 1)) == (usd("100"), usd("50"))
    bench.place(other, Side.BUY, 5, 91, 1)
    bench.oracle(92, 1)
    assert (bench.exchange.balance(trader, 0), bench.exchange.balance(trader, 1)) == (usd("100"), usd("55"))


def test_liquidations_in_two_assets_run_side_by_side() -> None:
    """Each has its own equity, and each ends by itself; until both have, the account is in liquidation."""
    bench, trader, other = two_assets()
    bench.block(trader, other, 10, 100, 0)
    bench.block(trader, other, 10, 100, 1)
    assert len(named(bench.oracle(94, 0), "LiquidationStarted")) == 1
    assert len(named(bench.oracle(94, 1), "LiquidationStarted")) == 1
    bench.send(Deposit, trader, 1, usd("20"))
    assert len(named(bench.later(1), "LiquidationEnded")) == 1
    assert [event.reason for event in named(bench.place(trader, Side.SELL, 1, 120, 1), "Rejected")] == [Reason.IN_LIQUIDATION]
    assert named(bench.later(3), "LiquidationStarted") == []
    bench.send(Deposit, trader, 0, usd("20"))
    assert len(named(bench.later(1), "LiquidationEnded")) == 1
    assert named(bench.place(trader, Side.SELL, 1, 120, 1), "OrderPlaced")


def test_assets_are_kept_apart() -> None:
    """A loss in a market settled in EUR touches neither its owner's USD nor anybody's fund in USD."""
    bench, trader, other = two_assets()
    bench.block(trader, other, 10, 100, 1)
    assert bench.exchange.free_margin(trader, 0) == usd("100") and bench.exchange.free_margin(trader, 1) == 0
    bench.place(other, Side.BUY, 10, 80, 1)
    events = bench.oracle(85, 1)
    assert [(event.payer, event.amount) for event in named(events, "DeficitPaid")] == [(Payer.UNCOVERED, usd("100"))]
    assert bench.exchange.balance(UNCOVERED, 1) == -usd("100") and bench.exchange.balance(UNCOVERED, 0) == 0
    assert bench.exchange.balance(INSURANCE, 0) == usd("1000")
    assert bench.exchange.balance(trader, 0) == usd("100") and bench.exchange.balance(trader, 1) == 0
    assert named(bench.send(Withdraw, trader, 0, usd("100")), "Withdrawn")
