"""Payers and the queue of winners by themselves, at the edges of what they are asked."""

from __future__ import annotations

import pytest
from kit import CLEARING, ETH, INSURANCE, MILLION, ROUNDING, SECOND, UNCOVERED, VAULT, Bench, markets_of, named, plain_venue, usd
from winners import winner as told_winner

from perplab.exchange.events import Event
from perplab.exchange.liquidation.adl import Deleveraging
from perplab.exchange.liquidation.backstops import Backstop, InsuranceFund, SocializedLoss
from perplab.exchange.liquidation.desk import LiquidationStep
from perplab.exchange.liquidation.ranks import AdlRank, HyperliquidIndex, ProfitLeverage, Winner
from perplab.exchange.state.liquidations import Screen
from perplab.exchange.state.types import ACCRUAL_LIMIT, FIRST_USER, PPM

HOUR = 3600 * SECOND


def adl_of(bench: Bench) -> Deleveraging:
    adl = bench.exchange.desk.adl
    assert adl is not None
    return adl


def test_a_base_payer_pays_nothing_and_a_base_step_gives_up() -> None:
    bench = Bench()
    payer, step = Backstop(0), LiquidationStep(0)
    assert payer.available(bench.exchange.state, 0) == 0
    assert payer.pay(bench.exchange.state, bench.exchange.ledger, 0, 1) == 0
    assert step.ready(bench.exchange.desk, 0) and step.act(bench.exchange.desk, 0)


def test_a_base_screen_suspects_every_user() -> None:
    bench = Bench()
    assert Screen().suspects(bench.exchange.state) == []
    assert [bench.open(0), bench.open(0)] == Screen().suspects(bench.exchange.state) == [FIRST_USER, FIRST_USER + 1]


def test_everybody_pays_a_loss_up_to_the_value_of_their_lots() -> None:
    bench = Bench()
    a, b = bench.open("100"), bench.open("100")
    bench.oracle(100)
    state = bench.exchange.state
    row = state.position_row(a, 0)
    assert SocializedLoss().available(state, row) == 0
    assert SocializedLoss().pay(state, bench.exchange.ledger, row, 1) == 0
    bench.block(a, b, 1, 100)
    assert SocializedLoss().available(state, row) == usd(100)  # what the other lot is worth
    assert SocializedLoss().available(state, state.position_row(bench.open(0), 0)) == usd(200)



@pytest.mark.parametrize("asset", [0, 1])
def test_a_fund_pays_what_it_has(asset: int) -> None:
    """In the asset of the market; nothing if it is in debt."""
    bench = Bench(markets_of({}, {"settlement_asset": "EUR"}, assets=["USD", "EUR"]))
    a, b = bench.open(0), bench.open(0)
    state, ledger, fund = bench.exchange.state, bench.exchange.ledger, InsuranceFund(0, 0, 0, HOUR)
    row, other = state.position_row(a, asset), state.position_row(a, 1 - asset)
    ledger.move(INSURANCE, b, asset, 1)
    assert (fund.available(state, row), fund.pay(state, ledger, row, 5)) == (0, 0)
    ledger.move(b, INSURANCE, asset, 4)
    assert fund.available(state, other) == 0
    assert (fund.available(state, row), fund.pay(state, ledger, row, 2), fund.pay(state, ledger, row, 5)) == (3, 2, 1)
    assert bench.exchange.balance(a, asset) == 3 and bench.exchange.balance(INSURANCE, asset) == 0


@pytest.mark.parametrize("less", [-1, 0, 1, 2])
def test_a_loss_of_about_what_all_lots_are_worth(less: int) -> None:
    """With so many lots that a micro-unit is less than a step of the index for each: nobody pays more than was lost."""
    bench = Bench(markets_of({"tick": "1", "lot": "0.001", "max_price": "30000"}, backstops=["socialized_loss"]))
    a, b = bench.open(MILLION), bench.open(MILLION)
    bench.oracle(1)
    bench.block(a, b, 10**6, 1)
    row, worth = bench.exchange.state.position_row(bench.open(0), 0), usd(2_000_000)
    assert 1 << bench.exchange.state.markets[0].accrual_shift < 2 * 10**9
    bench.exchange.ledger.pay(row, UNCOVERED, worth - less)
    bench.exchange.backstops.fold(row, worth - less)
    bench.exchange.check()
    assert bench.exchange.balance(UNCOVERED) == min(worth, worth - less)  # all of the loss less what nobody paid
    assert bench.exchange.balance(CLEARING) + bench.exchange.balance(ROUNDING) == -min(worth, worth - less)


@pytest.mark.parametrize("more", [-5, 0, 5, 40])
@pytest.mark.parametrize(("long_room", "short_room"), [(1_000, 5_000), (5_000, 1_000)])
def test_a_loss_takes_what_room_the_indices_have(long_room: int, short_room: int, more: int) -> None:
    """The side that is nearer to the bound decides; 1,000 steps of 2 x 10^9 lots are 29,802 micro-units."""
    bench = Bench(markets_of({"tick": "1", "lot": "0.001", "max_price": "30000"}, backstops=["socialized_loss"]))
    a, b = bench.open(MILLION), bench.open(MILLION)
    bench.oracle(1)
    bench.block(a, b, 10**6, 1)
    state, markets = bench.exchange.state, bench.exchange.state.markets
    markets[0].accrual_long, markets[0].accrual_short = ACCRUAL_LIMIT - long_room, ACCRUAL_LIMIT - short_room
    rows = [state.find_position(account, 0) for account in (a, b)]
    state.positions.index[rows[0]], state.positions.index[rows[1]] = markets[0].accrual_long, markets[0].accrual_short
    assert bench.exchange.balance(CLEARING) == 0
    bench.exchange.backstops.fold(state.position_row(bench.open(0), 0), 29_802 + more)
    assert bench.exchange.balance(CLEARING) + bench.exchange.balance(ROUNDING) == -29_802 - min(0, more)
    assert max(markets[0].accrual_long, markets[0].accrual_short) == ACCRUAL_LIMIT
    assert bench.exchange.balance(UNCOVERED) == -max(0, more)


@pytest.mark.parametrize(
    ("rank", "notional", "entry", "equity", "is_long", "score"),
    [
        (ProfitLeverage(), 120, 100, 30, True, 200_000 * 4 * PPM),
        (ProfitLeverage(), 80, 100, 40, False, 200_000 * 2 * PPM),
        (ProfitLeverage(), 120, 100, 30, False, -200_000 * PPM // 4),
        (ProfitLeverage(), 300, 7, 200, True, 293 * PPM // 7 * 1_500_000),  # rounded down
        (ProfitLeverage(), 2, 1, 10**7, True, PPM),  # a leverage of 0.2 ppm counts as one
        (ProfitLeverage(), 1, 2, 10**7, True, -500_000 * PPM * PPM),
        (ProfitLeverage(), 100, 100, 30, True, 0),
        (HyperliquidIndex(), 120, 100, 30, True, 4_800_000 * PPM),
        (HyperliquidIndex(), 100, 120, 25, False, 4_800_000 * PPM),
        (HyperliquidIndex(), 100, 70, 30, True, 1_428_571 * 100 * PPM // 30),
    ],
)
def test_scores_to_the_last_digit(rank: AdlRank, notional: int, entry: int, equity: int, is_long: bool, score: int) -> None:
    assert rank.score(told_winner(notional, entry, equity, is_long)) == score


class Recorder(AdlRank):
    """What a rank is told of each winner."""

    def __init__(self) -> None:
        self.told: list[tuple[int, int, int, bool]] = []

    def score(self, winner: Winner) -> int:
        self.told.append((winner.notional, winner.entry, winner.equity, winner.is_long))
        return 0


@pytest.mark.parametrize(("entry", "told"), [(3, 3), (1, 1), (0, 1)])
def test_a_rank_is_told_unsigned_values(entry: int, told: int) -> None:
    """An entry at no value counts as one micro-unit."""
    bench = Bench(plain_venue({"backstops": ["auto_deleverage"]}))
    long, short = bench.open("1000"), bench.open("1000")
    bench.oracle(100)
    bench.block(long, short, 1, 100)
    state, adl = bench.exchange.state, adl_of(bench)
    adl.rule.rank = recorder = Recorder()
    for account, sign in ((long, 1), (short, -1)):
        row = state.find_position(account, 0)
        state.positions.entry_notional[row] = sign * entry
        state.accounts.cash[account] = sign * (entry - usd(100)) + 7
        assert adl.ranked(0, sign > 0) == [row]
    assert recorder.told == [(usd(100), told, 7, True), (usd(100), told, 7, False)]


def test_a_winner_needs_a_micro_unit_of_equity() -> None:
    bench = Bench(plain_venue({"backstops": ["auto_deleverage"]}))
    long, poor, other = bench.open("1000"), bench.open("1000"), bench.open("1000")
    bench.oracle(100)
    bench.block(long, poor, 1, 100)
    state, adl = bench.exchange.state, adl_of(bench)
    row = state.find_position(poor, 0)
    bench.exchange.ledger.move(poor, other, 0, usd(1000) - 1)
    assert bench.exchange.equity(poor) == 1
    assert adl.ranked(0, False) == [row]
    bench.exchange.ledger.move(poor, other, 0, 1)
    assert adl.ranked(0, False) == []


def test_system_accounts_are_no_winners() -> None:
    bench = Bench(plain_venue({"backstops": ["auto_deleverage"]}))
    user = bench.open("1000")
    bench.oracle(100)
    state, ledger = bench.exchange.state, bench.exchange.ledger
    ledger.move(user, VAULT, 0, usd("500"))
    rows = [state.position_row(account, 0) for account in (VAULT, user)]
    for row, lots in zip(rows, (1, -1), strict=True):
        ledger.trade(row, lots, usd(100))
    bench.exchange.check()
    assert adl_of(bench).ranked(0, True) == []
    assert adl_of(bench).ranked(0, False) == [rows[1]]


def test_each_side_of_a_market_has_its_own_queue() -> None:
    """Ranked once in a pass."""
    bench = Bench(plain_venue({"backstops": ["auto_deleverage"]}))
    long, short = bench.open("1000"), bench.open("1000")
    for market in (0, ETH):
        bench.oracle(100, market)
        bench.block(long, short, 1, 100, market)
    state, adl = bench.exchange.state, adl_of(bench)
    adl.begin_pass()
    for market in (0, ETH):
        for account, is_long in ((long, True), (short, False)):
            queue = adl.queue(market, is_long)
            assert (queue.market, queue.is_long, list(queue.rows)) == (market, is_long, [state.find_position(account, market)])
            assert adl.queue(market, is_long) is queue
    assert len(adl.queues) == 4


def test_each_market_has_its_own_queue() -> None:
    """Two losers of one pass, long in two markets: each is closed against the shorts of its own."""
    bench = Bench(plain_venue({"backstops": ["auto_deleverage"]}))
    loser, bob, carl = bench.open("200"), bench.open(MILLION), bench.open(MILLION)
    for market, winner in ((0, bob), (ETH, carl)):
        bench.oracle(100, market)
        bench.block(loser, winner, 10, 100, market)
    bench.oracle(90, ETH)  # 100 for 95
    closed = named(bench.oracle(75), "Deleveraged")  # -150
    assert [(event.market, event.winner, event.size) for event in closed] == [(0, bob, 10), (ETH, carl, 10)]
    assert bench.exchange.equity(loser) == bench.exchange.balance(UNCOVERED) == 0


def partly_deleveraged(is_long: bool, cash: str, rich: str) -> list[Event]:
    """Bob hands two of his three lots to carl, whom the price would leave without equity: two of a loser's four lots find a winner who can
    pay, and carl pays what he has for the other two."""
    bench = Bench(markets_of({}, backstops=["auto_deleverage"], liquidation={"book": {"patience_ms": 2_000}}))
    loser, bob, carl, dana = bench.open(cash), bench.open("1000"), bench.open(rich), bench.open("900")
    bench.oracle(100)
    for winner, lots in ((bob, 3), (dana, 1)):
        bench.block(*(loser, winner) if is_long else (winner, loser), lots, 100)
    bench.oracle(50 if is_long else 150)
    bench.now += SECOND
    bench.block(*(bob, carl) if is_long else (carl, bob), 2, 50 if is_long else 150)
    return bench.later(1)


@pytest.mark.parametrize(("is_long", "cash", "rich"), [(True, "41.999998", "10"), (False, "41.999997", "30")])
def test_fills_of_a_part_add_up_to_what_is_told_of_it(is_long: bool, cash: str, rich: str) -> None:
    """Two fills of a lot each, at the bankruptcy price, which is no whole micro-unit a lot: rounded once, and nothing of them is short."""
    events = partly_deleveraged(is_long, cash, rich)
    fills = named(events, "Deleveraged")
    closed = named(events, "Liquidated")[0]
    assert [fill.size for fill in fills] == [1, 1, 2]
    assert sum(fill.value for fill in fills) == closed.value
    assert sum(fill.conceded for fill in fills) + sum(paid.amount for paid in named(events, "DeficitPaid")) == closed.deficit


def test_who_pays_for_what_he_closed_is_looked_at_next() -> None:
    """His share of a loss takes the winner below maintenance: the next pass finds him, though no mark has moved."""
    bench = Bench(markets_of({}, {}, backstops=["socialized_loss"]))
    loser, other, winner = bench.open("100"), bench.open(MILLION), bench.open("1115")
    for market in range(2):
        bench.oracle(100, market)
    bench.block(loser, other, 10, 100)
    bench.oracle(85)
    bench.block(winner, other, 100, 100, 1)
    bench.block(other, winner, 10, 85)
    bench.oracle(94, 1)  # 515 for 470 + 42.5
    bench.place(winner, 0, 10, 85)
    assert [e.amount for e in named(bench.later(1), "LossSocialized")] == [usd(50)]
    assert bench.exchange.equity(winner) == usd(465)
    assert [e.account for e in named(bench.later(1), "LiquidationStarted")] == [winner]
