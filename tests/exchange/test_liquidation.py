"""Liquidation, deleveraging and shared losses at scales and in numbers that no text case has."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pytest
from kit import (
    CLEARING,
    FEES,
    FIRST,
    INSURANCE,
    MILLION,
    ROUNDING,
    SECOND,
    UNCOVERED,
    VAULT,
    Bench,
    Dice,
    markets_of,
    named,
    packed,
    script,
    typed,
    usd,
)

from perplab.exchange import Exchange, load_venue, shipped_venues
from perplab.exchange.codes import MarginMode, Method, Outcome, Payer, Reason, Side
from perplab.exchange.events import Event
from perplab.exchange.liquidation.adl import AdlRank, HyperliquidIndex, ProfitLeverage
from perplab.exchange.liquidation.desk import LiquidationDesk, LiquidationStep
from perplab.exchange.liquidation.steps import BookStep
from perplab.exchange.messages import (
    BlockTrade,
    Deposit,
    MoveIsolatedMargin,
    Place,
    SetMarginMode,
    TakeAuction,
    Tick,
    Transfer,
    UpdateOracle,
    Withdraw,
)
from perplab.exchange.money.margin import slice_value
from perplab.exchange.state.liquidations import SCREENS, Liquidations, Screen

# -- shared losses --


def owed_loss(bench: Bench, amount: int) -> None:
    """Take `amount` from a loser whose positions are gone, for UNCOVERED to hold, and let the backstops make that good."""
    row = bench.exchange.state.position_row(VAULT, 0)
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
    owed_loss(bench, usd("1"))
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
    owed_loss(bench, usd(loss))
    step = Fraction(777_777_777, 2 ** int(bench.exchange.state.markets.index_shift[0]))
    for cash in close_all(bench, accounts):
        assert 0 <= usd("100000000") - cash - Fraction(usd(loss), 6) < 1 + step
    assert 0 <= bench.exchange.balance(ROUNDING) <= 6 * (1 + step)
    assert bench.exchange.balance(CLEARING) == 0


@pytest.mark.parametrize("loss", [1_000_000, 40_000], ids=["more than the lots are worth", "less"])
def test_losses_without_end_do_not_overflow_the_index(loss: int) -> None:
    """The same loss again and again: paid while the index has room, then uncovered; the books balance throughout.

    A lot is worth at most 30,000 USD, for which indices are in 2^-16 micro-units: 2^53 of them are 137,438.953472 USD a lot, and there
    are two lots. Whatever the steps, the last loss that finds room takes all of it.
    """
    bench, accounts = crowd({"max_price": "30000"}, 1, 1, "100000000")
    bench.oracle(30_000)
    for _ in range(3_000):
        owed_loss(bench, usd(loss))
    bench.exchange.check()
    markets = bench.exchange.state.markets
    assert (markets.index_shift[0], markets.index_long[0], markets.index_short[0]) == (16, 2**53, 2**53)
    by_lots = bench.exchange.balance(UNCOVERED)  # all losses less what nobody paid
    assert by_lots == usd("274877.906944") == 2**53 * 2 >> 16
    owed = [bench.exchange.position(account, 0).unsettled for account in accounts]
    assert owed == [usd("137438.953472")] * 2


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
    """A pass takes each account once: whom another's loss takes below maintenance is found by the next one, a second later, though no
    mark moves and nothing else is under way."""
    bench = Bench(markets_of({}, backstops=["socialized_loss"]))
    first, second, other, maker = bench.open("100"), bench.open("150"), bench.open(MILLION), bench.open(MILLION)
    bench.oracle(100)
    bench.block(first, other, 10, 100)
    bench.block(second, other, 10, 100)
    bench.place(maker, Side.BUY, 10, 80)
    events = bench.oracle(90)  # 0 for 45, 50 for 45; ten lots at 80 make 100 of loss for 30 lots
    assert [event.account for event in named(events, "LiquidationStarted")] == [first]
    assert bench.exchange.equity(second) == usd("16.666666")
    assert bench.exchange.desk.table.live == 0
    bench.now += SECOND - 1
    assert bench.send(Tick) == []
    bench.now += 1
    events = bench.send(Tick)
    assert [(event.account, event.ts) for event in named(events, "LiquidationStarted")] == [(second, bench.now)]


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


def rows_in_use(table: Liquidations) -> list[int]:
    """The table's rows from the first to the last; the links back say the same."""
    found: list[int] = []
    before, at = -1, table.first
    while at != -1:
        assert table.prev[at] == before
        found.append(at)
        before, at = at, table.next[at]
    assert (table.last, table.live) == (before, len(found))
    return found


def test_rows_of_liquidations_are_used_again() -> None:
    """The one that was freed last comes first; the table doubles only when it has none left."""
    table = Liquidations(4)
    for expected in range(9):
        assert table.rows == (4 if expected <= 4 else 8) and table.new_row() == expected
        table.account[expected] = FIRST
    assert (table.rows, table.live) == (16, 9)
    for free in (7, 1, 4):
        table.free_row(free)
        assert table.account[free] == -1
    assert rows_in_use(table) == [0, 2, 3, 5, 6, 8]
    assert [table.new_row() for _ in range(4)] == [4, 1, 7, 9]
    assert rows_in_use(table) == [0, 2, 3, 5, 6, 8, 4, 1, 7, 9]  # in the order in which they began
    assert (table.rows, table.same_account[4]) == (16, -1)


@pytest.mark.parametrize("seed", range(5))
def test_liquidations_keep_their_order(seed: int) -> None:
    """Rows come and go at random: those in use are linked as they began, and an auction's number leads to its row."""
    table, dice = Liquidations(2), Dice(seed)
    expected: list[int] = []
    auctions: dict[int, int] = {}
    for step in range(400):
        if not expected or dice.roll(0, 99) < (60 if step < 200 else 40):
            expected.append(int(table.new_row()))
            assert sorted(set(expected)) == sorted(expected)
            if dice.roll(0, 1):
                auctions[expected[-1]] = table.open_auction(expected[-1])
        else:
            gone = expected.pop(dice.roll(0, len(expected) - 1))
            if gone in auctions:
                table.close_auction(gone)
                assert (table.auction[gone], table.of_auction(auctions.pop(gone))) == (0, -1)
            table.free_row(gone)
        assert rows_in_use(table) == expected
        assert {row: number for row, number in auctions.items() if table.of_auction(number) == row} == auctions
    assert table.of_auction(0) == table.of_auction(table.last_auction + 1) == -1


def look(bench: Bench, *harmed: int) -> list[tuple[int, int, int]]:
    """What a pass would find after accounts were harmed by hand: it looks at the markets in which they hold something."""
    for account in harmed:
        bench.exchange.desk.touch(account)
    bench.exchange.desk.passes += 1
    return bench.exchange.desk.found()


@pytest.mark.parametrize("mode", MarginMode, ids=lambda mode: mode.name)
@pytest.mark.parametrize("equity", [-3, 0, 1, 2])
def test_the_smallest_position_is_found_when_it_is_below(mode: MarginMode, equity: int) -> None:
    """One lot worth a micro-unit, which needs one: its key is equity / maintenance in ppb."""
    bench = Bench(markets_of({"tick": "0.01", "lot": "0.0001", "max_price": "100"}))
    trader, other = bench.open("1"), bench.open(MILLION)
    bench.send(UpdateOracle, 0, 1)
    bench.send(SetMarginMode, trader, 0, mode)
    bench.send(BlockTrade, trader, other, 0, 1, 1)
    row = bench.exchange.state.find_position(trader, 0)
    if mode == MarginMode.ISOLATED:
        bench.exchange.ledger.to_isolated(row, equity - 1)
    else:
        bench.exchange.ledger.move(trader, other, 0, usd(1) - equity)
    which = row if mode == MarginMode.ISOLATED else -1
    assert look(bench) == []  # nothing has told it to look
    assert look(bench, trader) == ([(equity * 10**9, trader, which)] if equity < 1 else [])
    assert look(bench) == []  # and it looks once


@pytest.mark.parametrize("screen", [None, Screen(), *SCREENS], ids=lambda screen: type(screen).__name__)
def test_all_who_are_below_are_found_in_their_order(screen: Screen | None) -> None:
    bench = Bench()
    other = bench.open(MILLION)
    bench.oracle(100)
    traders = [bench.open("100") for _ in range(5)]
    for trader in traders:
        bench.block(trader, other, 10, 100)
    bench.exchange.desk.screen = screen
    for number, taken in enumerate((55, 90, 55, 45, 70)):
        bench.exchange.ledger.move(traders[number], other, 0, usd(taken))
    found = look(bench, traders[0])  # all of them hold the same market
    assert [key[1] - traders[0] for key in found] == [1, 4, 0, 2]
    assert [key[0] for key in found] == [10**9 * left // 50 for left in (10, 30, 45, 45)]


class Nested(LiquidationStep):
    def act(self, desk: LiquidationDesk, at: int) -> bool:
        desk.run_pass()
        return True


def test_passes_never_nest() -> None:
    bench = Bench()
    trader, other = bench.open("100"), bench.open(MILLION)
    bench.oracle(100)
    bench.block(trader, other, 10, 100)
    bench.exchange.desk.steps[0] = Nested(0)
    with pytest.raises(AssertionError, match="never nest"):
        bench.oracle(90)


@pytest.mark.parametrize("mode", MarginMode, ids=lambda mode: mode.name)
@pytest.mark.parametrize("short_of", [0, 1])
def test_just_what_is_needed_is_enough(mode: MarginMode, short_of: int) -> None:
    """Ten lots at 100 need 50: with that nobody is below maintenance, and a liquidation under way is over."""
    bench = Bench()
    trader, other = bench.open("1000"), bench.open(MILLION)
    bench.oracle(100)
    bench.send(SetMarginMode, trader, 0, mode)
    bench.block(trader, other, 10, 100)
    exchange, desk = bench.exchange, bench.exchange.desk
    row = exchange.state.find_position(trader, 0)
    if mode == MarginMode.ISOLATED:
        exchange.ledger.to_isolated(row, -usd(50) - short_of)
    else:
        exchange.ledger.move(trader, other, 0, usd(950) + short_of)
        row = -1
    assert desk.is_below(trader, row, 0) == bool(look(bench, trader)) == bool(short_of)
    at = desk.begin(trader, row, 0)
    events = told(bench, lambda: desk.end_if_done(at))
    assert [event.outcome for event in named(events, "LiquidationEnded")] == ([] if short_of else [Outcome.RECOVERED])


def test_every_liquidation_is_found_by_its_account_and_asset() -> None:
    """That of an isolated position by the position."""
    bench = Bench(markets_of({}, {"settlement_asset": "EUR"}, assets=["USD", "EUR"]))
    a, b = bench.open(0), bench.open(0)
    bench.send(SetMarginMode, a, 0, MarginMode.ISOLATED)
    desk, state = bench.exchange.desk, bench.exchange.state
    current, row = state.accounts.liquidation, state.find_position(a, 0)
    assert desk.begin(a, row, 0) == 0
    begun = []
    for account, asset in ((a, 0), (b, 1), (a, 1), (b, 0)):
        assert desk.find(account, -1, asset) == -1
        begun.append(desk.begin(account, -1, asset))
        assert current[account] == begun[-1]
    assert [desk.find(account, -1, asset) for account, asset in ((a, 0), (b, 1), (a, 1), (b, 0))] == begun == [1, 2, 3, 4]
    desk.end(4, Outcome.RECOVERED)
    desk.end(1, Outcome.RECOVERED)
    assert (current[a], current[b]) == (3, 2)  # the one that is still under way
    desk.end(2, Outcome.RECOVERED)
    desk.end(3, Outcome.RECOVERED)
    assert (current[a], current[b], desk.find(a, row, 0), desk.table.live) == (-1, -1, 0, 1)


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


def test_who_has_no_position_is_not_found() -> None:
    """Not even in debt."""
    bench = Bench()
    debtor, other = bench.open("100"), bench.open("100")
    bench.oracle(100)
    bench.block(debtor, other, 1, 100)
    bench.block(other, debtor, 1, 100)
    bench.exchange.ledger.move(debtor, other, 0, usd("100") + 1)
    for screen in (None, Screen(), *SCREENS):
        bench.exchange.desk.screen = screen
        bench.exchange.state.markets.unexamined[0] = 1
        assert look(bench, debtor) == []


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
    exchange, desk = bench.exchange, bench.exchange.desk
    exchange.state.markets.mark[0], exchange.state.markets.oracle[0] = mark, oracle
    row = exchange.state.find_position(trader, 0)
    held = exchange.state.positions.size[row]
    due = desk.slices.bankruptcy_value(row, exchange.equity(trader), exchange.maintenance_margin(trader))
    assert due == usd(900 if is_long else 1_100)
    step = desk.steps[0]
    assert isinstance(step, BookStep)
    assert step.limit(desk, row, held, 10, due) == limit


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
    assert bench.exchange.desk.table.live == short_of
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
    events = bench.oracle(88)
    assert len(named(events, "TakenOver")) == int(taken)
    assert bench.exchange.equity(VAULT) == usd(capital) - taken * usd(20)
    assert bench.exchange.equity(trader) == (0 if taken else -usd(20))
    assert bench.exchange.balance(UNCOVERED) == 0


def test_a_vault_takes_nothing_in_an_asset_it_has_no_money_in() -> None:
    """Its capital is in the first one; an account in another that is still worth something stays where it is, too."""
    venue = markets_of(
        {}, {"settlement_asset": "EUR"}, assets=["USD", "EUR"], liquidation={"steps": ["takeover"]},
        vault={"capital": 1_000, "loss_limit_ppm": 1_000_000, "unwind_interval_ms": 0},
    )  # fmt: skip
    bench = Bench(venue)
    trader, other = bench.open("100"), bench.open(MILLION)
    bench.send(Deposit, trader, 1, usd("100"))
    bench.send(Deposit, other, 1, usd(MILLION))
    for market in (0, 1):
        bench.oracle(100, market)
        bench.block(trader, other, 10, 100, market)
    assert [event.market for event in named(bench.oracle(92, 1), "TakenOver")] == []
    assert [event.market for event in named(bench.oracle(92, 0), "TakenOver")] == [0]
    assert [bench.exchange.position(trader, market).size for market in (0, 1)] == [0, 10]


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


# -- slices --


def told(bench: Bench, call: Callable[[], object]) -> list[Event]:
    """The events of something done behind the door."""
    log = bench.exchange.state.log
    log.clear()
    call()
    return typed(list(log.rows)[: log.end])


def one_row(**overrides: object) -> tuple[Bench, int]:
    """A position of 9 lots at a mark of 100, whose numbers do not matter to how a slice is settled."""
    bench = Bench(markets_of({}, **overrides))
    trader, other = bench.open(MILLION), bench.open(MILLION)
    bench.oracle(100)
    bench.block(trader, other, 9, 100)
    return bench, bench.exchange.state.find_position(trader, 0)


@pytest.mark.parametrize(
    ("held", "lots", "value", "due", "deficit", "fee"),
    [
        (3, 1, 99, 299, 0, 0),  # 99.67 are due, rounded down
        (3, 2, 199, 299, 0, 0),  # 199.33
        (3, 2, 198, 299, 1, 0),
        (3, 2, 200, 299, 0, 1),
        (1, 1, 50, 60, 10, 0),
        (1, 1, 1_000, 0, 0, 10),
        (1, 1, 1_001, 0, 0, 11),  # 10.01, rounded up
        (1, 1, 5, -3, 0, 1),  # below zero even with nothing: 8 gained
        (-3, 1, 100, 299, 0, 0),  # 99.67 may be paid, rounded up
        (-3, 1, 99, 299, 0, 1),
        (-3, 2, 200, 299, 0, 0),  # 199.33
        (-3, 2, 198, 299, 0, 2),
        (-3, 2, 201, 299, 1, 0),
        (-1, 1, 60, 50, 10, 0),
        (-1, 1, 1_001, 3_000, 0, 11),
    ],
)
def test_a_slice_is_settled_to_the_micro_unit(held: int, lots: int, value: int, due: int, deficit: int, fee: int) -> None:
    """1 % of what was fetched, out of what it is beyond the share that is due; or the deficit against that."""
    bench, row = one_row(liquidation={"fee_ppm": 10_000})
    before = bench.exchange.balance(FIRST)
    events = told(bench, lambda: bench.exchange.desk.slices.settle(row, held, lots, value, due, Method.BOOK))
    closed = named(events, "Liquidated")[0]
    assert (closed.size, closed.value, closed.deficit, closed.fee) == (lots if held > 0 else -lots, value, deficit, fee)
    assert [event.amount for event in named(events, "DeficitPaid")] == ([deficit] if deficit else [])
    assert (bench.exchange.balance(FEES), bench.exchange.balance(UNCOVERED)) == (fee, -deficit)
    assert bench.exchange.balance(FIRST) - before == deficit - fee


@pytest.mark.parametrize(
    ("held", "lots", "value", "bankrupt", "part", "debt", "paid"),
    [
        (3, 1, 330_000_002, 330_000_002, 110_000_000, 10_000_000, 0),  # 110.0000007: received and due round down
        (3, 2, 330_000_002, 330_000_002, 220_000_001, 20_000_001, 0),
        (3, 2, 300_000_000, 330_000_002, 200_000_000, 20_000_001, 20_000_001),  # at the mark
        (3, 1, 300_000_000, 270_000_000, 100_000_000, 0, 0),
        (1, 1, 100_000_000, 100_000_001, 100_000_000, 1, 1),
        (-3, 1, 270_000_001, 270_000_001, 90_000_001, 9_999_999, 0),  # 90.0000003: paid and due round up
        (-3, 2, 270_000_001, 270_000_001, 180_000_001, 19_999_999, 0),
        (-3, 2, 300_000_000, 270_000_001, 200_000_000, 19_999_999, 19_999_999),
        (-3, 1, 300_000_000, 330_000_000, 100_000_000, 0, 0),
        (-1, 1, 100_000_000, 99_999_999, 100_000_000, 1, 1),
    ],
)
def test_a_deleveraged_part_is_settled_to_the_micro_unit(
    held: int, lots: int, value: int, bankrupt: int, part: int, debt: int, paid: int
) -> None:
    """Its bad debt is told against the mark of 100; what is paid is what the price left open."""
    bench, row = one_row()
    events = told(bench, lambda: bench.exchange.desk.slices.settle_deleveraged(row, held, lots, slice_value(value, lots, held), bankrupt))
    closed = named(events, "Liquidated")[0]
    assert (closed.size, closed.value, closed.deficit, closed.fee) == (lots if held > 0 else -lots, part, debt, 0)
    assert [event.amount for event in named(events, "DeficitPaid")] == ([paid] if paid else [])
    assert bench.exchange.balance(UNCOVERED) == -paid


def test_nobody_is_paid_to_take_a_short_over() -> None:
    """A short that is 5 USD short even if its lots cost nothing: the winner gets nothing for them, the rest is a deficit."""
    bench = Bench(markets_of({}, backstops=["auto_deleverage"]))
    loser, winner = bench.open(MILLION), bench.open(MILLION)
    bench.oracle(100)
    bench.block(winner, loser, 1, 100)
    row = bench.exchange.state.find_position(loser, 0)
    desk = bench.exchange.desk
    adl = desk.adl
    assert adl is not None
    events = told(bench, lambda: desk.deleverage_row(adl, row, -usd(5)))
    assert [(event.winner, event.value, event.conceded) for event in named(events, "Deleveraged")] == [(winner, 0, usd(100))]
    assert [(event.size, event.value, event.deficit) for event in named(events, "Liquidated")] == [(-1, 0, usd(105))]
    assert [event.amount for event in named(events, "DeficitPaid")] == [usd(5)]


def test_what_an_isolated_loser_is_paid_is_no_surplus() -> None:
    """Closed at the mark with 20 of debt, which the fund pays; nothing is left to go back to it."""
    venue = markets_of(
        {}, backstops=["auto_deleverage", "insurance_fund"], auto_deleverage={"price": "mark"}, insurance_fund={"capital": 50},
        liquidation={"surplus_to": "insurance_fund"},
    )  # fmt: skip
    bench = Bench(venue)
    trader, other = bench.open("1000"), bench.open(MILLION)
    bench.oracle(100)
    bench.send(SetMarginMode, trader, 0, MarginMode.ISOLATED)
    bench.block(trader, other, 10, 100)
    events = bench.oracle(88)
    assert [event.amount for event in named(events, "DeficitPaid")] == [usd(20)]
    assert named(events, "SurplusPaid") == []
    assert (bench.exchange.balance(INSURANCE), bench.exchange.balance(trader)) == (usd(30), usd(900))


def test_a_surplus_comes_from_the_position_that_was_closed() -> None:
    """Not from an isolated one of the same account, nor from cash of another asset."""
    terms = {"settlement_asset": "EUR"}
    liquidation = {"surplus_to": "insurance_fund", "book": {"limit": "band"}}
    bench = Bench(markets_of({}, terms, terms, assets=["USD", "EUR"], liquidation=liquidation))
    trader, other = bench.open("100"), bench.open(MILLION)
    for account in (trader, other):
        bench.send(Deposit, account, 1, usd("200"))
    bench.send(Deposit, other, 1, usd(MILLION))
    for market in range(3):
        bench.oracle(100, market)
    bench.send(SetMarginMode, trader, 1, MarginMode.ISOLATED)
    for market in range(3):
        bench.block(trader, other, 10 if market else 1, 100, market)
    bench.place(other, Side.BUY, 10, 93, 2)
    (paid,) = named(bench.oracle(94, 2), "SurplusPaid")
    assert (paid.account, paid.asset, paid.amount) == (trader, 1, usd("30"))
    assert bench.exchange.position(trader, 1).isolated_margin == usd("100")
    assert (bench.exchange.balance(trader, 0), bench.exchange.balance(trader, 1)) == (usd("100"), 0)
    assert (bench.exchange.balance(INSURANCE, 0), bench.exchange.balance(INSURANCE, 1)) == (0, usd("30"))


@pytest.mark.parametrize("rest", [-7, -1, 0, 1, 7])
def test_what_is_left_when_all_is_closed_goes_to_the_micro_unit(rest: int) -> None:
    """A surplus to where the design says, a deficit to those who pay them."""
    bench = Bench(markets_of({}, liquidation={"surplus_to": "insurance_fund"}))
    trader, other = bench.open("1000"), bench.open(MILLION)
    bench.oracle(100)
    bench.block(trader, other, 1, 100)
    bench.block(other, trader, 1, 100)
    bench.exchange.ledger.move(trader, other, 0, usd("1000") - rest)
    desk = bench.exchange.desk
    events = told(bench, lambda: desk.end(desk.begin(trader, -1, 0), Outcome.FLAT))
    closed = [(e.method, e.size, e.value, e.deficit, e.fee) for e in named(events, "Liquidated")]
    assert closed == ([(Method.SETTLEMENT, 0, 0, -rest, 0)] if rest < 0 else [])
    assert [event.amount for event in named(events, "DeficitPaid")] == ([-rest] if rest < 0 else [])
    assert [event.amount for event in named(events, "SurplusPaid")] == ([rest] if rest > 0 else [])
    assert (bench.exchange.balance(INSURANCE), bench.exchange.balance(UNCOVERED)) == (max(0, rest), min(0, rest))
    assert bench.exchange.balance(trader) == 0


@pytest.mark.parametrize("rank", ["profit_leverage", "hyperliquid"])
def test_a_winner_who_is_passed_over_holds_nobody_up(rank: str) -> None:
    """Long 4 at 100 with 40: a lot at 50 costs its winner 40. Carl has 6: passed over, whether his turn comes first or last, and
    asked for all he has when the others are through."""
    patient = {"book": {"patience_ms": 2_000}}
    bench = Bench(markets_of({}, backstops=["auto_deleverage"], auto_deleverage={"rank": rank}, liquidation=patient))
    loser, bob, carl, dana = bench.open("40"), bench.open("1000"), bench.open("6"), bench.open("900")
    bench.oracle(100)
    bench.block(loser, bob, 3, 100)
    bench.block(loser, dana, 1, 100)
    bench.oracle(50)
    bench.now += SECOND
    bench.block(bob, carl, 1, 50)
    closed = named(bench.later(1), "Deleveraged")
    assert {(event.winner, event.size, event.value) for event in closed} == {(bob, 2, usd(180)), (dana, 1, usd(90)), (carl, 1, usd(56))}
    assert closed[-1].winner == carl and bench.exchange.equity(carl) == 0
    assert bench.exchange.balance(UNCOVERED) == -usd(34)


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


@pytest.mark.parametrize("first", [0, 1])
def test_liquidations_in_two_assets_run_side_by_side(first: int) -> None:
    """Each has its own equity, and each ends by itself and at once, the one in asset `first` before the other; until both have, the account
    is in liquidation."""
    bench, trader, other = two_assets()
    bench.block(trader, other, 10, 100, 0)
    bench.block(trader, other, 10, 100, 1)
    assert len(named(bench.oracle(94, 0), "LiquidationStarted")) == 1
    assert len(named(bench.oracle(94, 1), "LiquidationStarted")) == 1
    assert [type(event).__name__ for event in bench.send(Deposit, trader, first, usd("20"))] == ["Deposited", "LiquidationEnded"]
    assert bench.exchange.desk.find(trader, -1, first) == -1 != bench.exchange.desk.find(trader, -1, 1 - first)
    assert [event.reason for event in named(bench.place(trader, Side.SELL, 1, 120, 1), "Rejected")] == [Reason.IN_LIQUIDATION]
    assert named(bench.later(3), "LiquidationStarted") == []
    assert len(named(bench.send(Deposit, trader, 1 - first, usd("20")), "LiquidationEnded")) == 1
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
