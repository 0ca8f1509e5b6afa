"""What a suspended market holds back, and what the clocks of liquidations do meanwhile."""

from __future__ import annotations

import pytest
from kit import MILLION, SECOND, Bench, markets_of, named, usd

from perplab.exchange.codes import MarginMode, MarketStatus, Reason, Side
from perplab.exchange.liquidation.case import LiquidationCase
from perplab.exchange.messages import SetMarginMode, SetMarketStatus, TakeAuction, Tick

STALE = {"stale_after_ms": 60_000, "on_stale": "pause_liquidation"}


def three_markets() -> tuple[Bench, int, list[int]]:
    """One lot in each: isolated in the first, cross in the others; the trader's rows."""
    bench = Bench(markets_of({"oracle": STALE}, {"oracle": STALE}, {"oracle": STALE}))
    trader, other = bench.open(MILLION), bench.open(MILLION)
    for market in range(3):
        bench.oracle(100, market)
        bench.send(SetMarginMode, trader, market, int(market == 0))
        bench.block(trader, other, 1, 100, market)
    return bench, trader, [int(bench.exchange.state.find_position(trader, market)) for market in range(3)]


def begun(bench: Bench, account: int, row: int) -> LiquidationCase:
    """The case of a liquidation that begins now, in the first asset."""
    return bench.exchange.lifecycle.case(bench.exchange.lifecycle.begin(account, row, 0))


def under_way(bench: Bench, account: int) -> LiquidationCase:
    """The case of the liquidation of the account's cross positions."""
    found = bench.exchange.state.liquidations.find(account, -1, 0)
    assert found is not None
    return bench.exchange.lifecycle.case(found)


@pytest.mark.parametrize("status", [MarketStatus.HALTED, MarketStatus.CANCEL_ONLY], ids=lambda status: status.name)
def test_a_suspended_market_holds_back_what_is_in_it(status: MarketStatus) -> None:
    """A cross liquidation goes on in its other markets and is held when all of them are suspended; an isolated one by its own."""
    bench, trader, rows = three_markets()
    cross, isolated = begun(bench, trader, -1), begun(bench, trader, rows[0])

    def held() -> tuple[bool, bool, list[int]]:
        assert list(cross.rows()) == rows[1:] and list(isolated.rows()) == rows[:1]
        return cross.is_held(), isolated.is_held(), list(cross.free_rows())

    expected = {0: (False, True, rows[1:]), 1: (False, False, rows[2:]), 2: (False, False, rows[1:2])}
    for market in range(3):
        assert held() == (False, False, rows[1:])
        bench.send(SetMarketStatus, market, status)
        assert held() == expected[market]
        bench.send(SetMarketStatus, market, MarketStatus.ACTIVE)
    for market in (1, 2):
        bench.send(SetMarketStatus, market, status)
    assert held() == (True, False, [])


@pytest.mark.parametrize("status", [MarketStatus.POST_ONLY, MarketStatus.REDUCE_ONLY], ids=lambda status: status.name)
def test_a_market_in_which_something_may_be_closed_holds_nothing_back(status: MarketStatus) -> None:
    bench, trader, rows = three_markets()
    case = begun(bench, trader, rows[0])
    bench.send(SetMarketStatus, 0, status)
    assert not case.is_held() and list(case.free_rows()) == rows[:1]


def test_a_market_in_which_nothing_is_held_holds_nothing_back() -> None:
    """A position that was closed binds nobody."""
    bench, trader, rows = three_markets()
    bench.block(trader + 1, trader, 1, 100, 2)
    case = begun(bench, trader, -1)
    bench.send(SetMarketStatus, 2, MarketStatus.HALTED)
    assert not case.is_held() and list(case.free_rows()) == [rows[1]]


def test_a_stale_oracle_suspends_on_the_nanosecond() -> None:
    """Where the design says so: a minute after the last update the market still counts, then not until the next one."""
    bench, trader, rows = three_markets()
    case = begun(bench, trader, rows[0])
    began = bench.now
    bench.now += 60 * SECOND
    bench.exchange.state.now = bench.now
    assert not case.is_held()
    bench.exchange.state.now += 7
    assert case.is_held() and case.clock() == began + 60 * SECOND  # it has stood since the last moment that counted
    bench.exchange.lifecycle.resume(bench.exchange.state.markets[0])
    assert case.liquidation.since == began + 7


# -- clocks --


def patient() -> tuple[Bench, int, int]:
    """An account 20 short on 10 lots at 88, at the start of ten seconds of patience with an empty book; then it is deleveraged."""
    bench = Bench(markets_of({}, {}, backstops=["auto_deleverage"], liquidation={"book": {"patience_ms": 10_000}}))
    loser, winner = bench.open("100"), bench.open(MILLION)
    for market in (0, 1):
        bench.oracle(100, market)
    bench.block(loser, winner, 10, 100)
    assert len(named(bench.oracle(88), "LiquidationStarted")) == 1
    return bench, loser, winner


@pytest.mark.parametrize("status", [MarketStatus.HALTED, MarketStatus.CANCEL_ONLY], ids=lambda status: status.name)
@pytest.mark.parametrize("halts", [[(3, 8)], [(0, 5)], [(1, 2), (4, 8)], [(3, 4_000)]], ids=str)
def test_patience_does_not_run_in_a_halt(halts: list[tuple[int, int]], status: MarketStatus) -> None:
    """Ten seconds in which something could have been closed, however they are cut up."""
    bench, loser, winner = patient()
    began = bench.now
    for halted, resumed in halts:
        for second, then in ((halted, status), (resumed, MarketStatus.ACTIVE)):
            bench.now = began + second * SECOND
            assert named(bench.send(SetMarketStatus, 0, then), "Deleveraged") == []
    bench.now = began + (10 + sum(resumed - halted for halted, resumed in halts)) * SECOND - 1
    assert named(bench.send(Tick), "Deleveraged") == []
    bench.now += 1 + SECOND  # a pass comes within the retry time
    (closed,) = named(bench.send(Tick), "Deleveraged")
    assert (closed.loser, closed.winner, closed.size) == (loser, winner, 10)
    assert bench.exchange.position(loser, 0).size == 0


def test_a_halt_that_changes_its_kind_is_one_halt() -> None:
    """Halted from 2 to 9 s, cancel-only from 5: seven seconds of standstill, told by the clock and added to the patience."""
    bench, loser, _ = patient()
    case, began = under_way(bench, loser), bench.now
    for second, status in ((2, MarketStatus.HALTED), (5, MarketStatus.CANCEL_ONLY), (9, MarketStatus.ACTIVE)):
        bench.now = began + second * SECOND
        bench.send(SetMarketStatus, 0, status)
        assert case.clock() == began + (2 if second < 9 else 9) * SECOND
    assert case.liquidation.since == began + 7 * SECOND


def test_a_clock_stands_only_while_everything_is_held() -> None:
    """Two markets, halted from 3 and 5 to 8 and 11 s: nothing could be closed from 5 to 8, three seconds."""
    bench = Bench(markets_of({}, {}, liquidation={"book": {"patience_ms": 60_000}}))
    trader, other = bench.open("200"), bench.open(MILLION)
    for market in (0, 1):
        bench.oracle(100, market)
        bench.block(trader, other, 10, 100, market)
    bench.oracle(85)
    case, began = under_way(bench, trader), bench.now
    told = []
    for second, market, status in ((3, 0, 4), (5, 1, 4), (7, None, None), (8, 0, 0), (10, None, None), (11, 1, 0)):
        bench.now = began + second * SECOND
        bench.send(Tick) if market is None else bench.send(SetMarketStatus, market, status)
        told.append(((case.clock() - began) // SECOND, (case.liquidation.since - began) // SECOND))
    assert told == [(3, 0), (5, 0), (5, 0), (8, 3), (10, 3), (11, 3)]


def test_the_price_of_an_auction_stands_in_a_halt() -> None:
    """In ten seconds the gain rises to all of the equity of 30: 12 after four, and after an hour's halt; meanwhile no lot is on offer."""
    bench = Bench(markets_of({}, liquidation={"steps": ["dutch_auction"]}))
    trader, other, bidder = bench.open("100"), bench.open(MILLION), bench.open(MILLION)
    bench.oracle(100)
    bench.block(trader, other, 10, 100)
    bench.oracle(93)

    def offered() -> tuple[int, int]:
        (auction,) = bench.exchange.auctions()
        return auction.size, auction.gain

    bench.later(4)
    assert offered() == (10, usd(12))
    bench.send(SetMarketStatus, 0, MarketStatus.HALTED)
    assert offered() == (0, usd(12))
    bench.later(3_600)
    refused = named(bench.send(TakeAuction, bidder, 1, 1_000_000, 0), "Rejected")
    assert [event.reason for event in refused] == [Reason.MARKET_HALTED]
    bench.send(SetMarketStatus, 0, MarketStatus.ACTIVE)
    assert offered() == (10, usd(12))
    bench.later(1)
    assert offered() == (10, usd(15))


# -- deleveraging --


def test_nobody_is_deleveraged_while_its_market_is_halted() -> None:
    """A second of its patience of two is over when the halt comes: it waits, and the other second follows the halt."""
    bench = Bench(markets_of({}, backstops=["auto_deleverage"], liquidation={"book": {"patience_ms": 2_000}}))
    loser, winner = bench.open("40"), bench.open("1000")
    bench.oracle(100)
    bench.block(loser, winner, 4, 100)
    bench.oracle(50)
    assert named(bench.later(1), "Deleveraged") == []
    case = under_way(bench, loser)
    assert (case.liquidation.exhausted, case.is_held()) == (False, False)
    bench.send(SetMarketStatus, 0, MarketStatus.HALTED)
    assert named(bench.later(60), "Deleveraged") == [] and case.is_held()
    assert named(bench.send(SetMarketStatus, 0, MarketStatus.ACTIVE), "Deleveraged") == []
    assert [event.winner for event in named(bench.later(1), "Deleveraged")] == [winner]


def test_a_halted_market_keeps_only_its_own_positions() -> None:
    """A loser in two markets, one halted: the other is deleveraged for its share of the debt, the rest when the halt ends.

    200 for 10 lots in each, at 90 and 84: 60 short. Pro rata to maintenance, 45 and 42 of 87, the open market's share is 28.965518 rounded
    up; its lots go for 840 and that much. What then is short, the other market's lots pay: the rest of the 60.
    """
    bench = Bench(markets_of({}, {}, backstops=["auto_deleverage"]))
    loser, other = bench.open("200"), bench.open(MILLION)
    for market in (0, 1):
        bench.oracle(100, market)
        bench.block(loser, other, 10, 100, market)
    bench.place(other, Side.BUY, 1, 1)  # orders of a halted market stay where they are
    bench.send(SetMarketStatus, 0, MarketStatus.HALTED)
    bench.oracle(90)
    events = bench.oracle(84, 1)
    (closed,) = named(events, "Deleveraged")
    share = -(-usd(60) * 42 // 87)
    assert (closed.market, closed.size, closed.value, closed.conceded) == (1, 10, usd(840) + share, share)
    assert [bench.exchange.position(loser, market).size for market in (0, 1)] == [10, 0]
    assert bench.exchange.equity(loser) == share - usd(60)
    bench.send(SetMarketStatus, 0, MarketStatus.ACTIVE)
    (closed,) = named(bench.later(1), "Deleveraged")
    assert (closed.market, closed.size, closed.value) == (0, 10, usd(960) - share)
    assert (bench.exchange.equity(loser), bench.exchange.balance(loser)) == (0, 0)


@pytest.mark.parametrize(
    ("trigger", "debt", "owed", "triggered"),
    [
        ("fund_insufficient", 100, 100, False),
        ("fund_insufficient", 101, 101, True),  # its own debt is more than there is
        ("fund_insufficient", 1, 101, True),  # all debts together are
        ("negative_equity", 1, 1, True),
    ],
)
def test_the_trigger_of_deleveraging(trigger: str, debt: int, owed: int, triggered: bool) -> None:
    """The fund has 100 micro-units."""
    bench = Bench(markets_of({}, backstops=["insurance_fund", "auto_deleverage"], auto_deleverage={"trigger": trigger}))
    trader, other = bench.open("100"), bench.open(MILLION)
    bench.oracle(100)
    bench.block(trader, other, 1, 100)
    bench.exchange.ledger.move(other, 0, 0, 100)
    liquidations = bench.exchange.liquidations
    adl = liquidations.adl
    assert adl is not None
    assert liquidations.is_triggered(adl, begun(bench, trader, -1), debt, owed) == triggered


@pytest.mark.parametrize("mode", MarginMode, ids=lambda mode: mode.name)
def test_what_is_below_in_a_halted_market_is_found_when_the_halt_ends(mode: MarginMode) -> None:
    """The pass that finds it cannot begin a liquidation; the one that follows the halt does, though no mark moves any more."""
    bench = Bench(markets_of({}, {}))
    trader, other = bench.open("100"), bench.open(MILLION)
    bench.oracle(100)
    bench.send(SetMarginMode, trader, 0, mode)
    bench.block(trader, other, 10, 100)
    bench.send(SetMarketStatus, 0, MarketStatus.HALTED)
    assert named(bench.oracle(94), "LiquidationStarted") == []
    assert named(bench.later(60), "LiquidationStarted") == []
    bench.send(SetMarketStatus, 0, MarketStatus.ACTIVE)
    assert [event.account for event in named(bench.later(1), "LiquidationStarted")] == [trader]
