"""Which accounts a pass looks at: nobody below maintenance is missed, by the markets that have changed nor by the alarms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kit import BTC, ETH, FIRST, MILLION, SECOND, START, USD, Bench, Dice, markets_of, named, usd

from perplab.exchange import Exchange, load_venue
from perplab.exchange.codes import MarginMode
from perplab.exchange.events import event_of_row
from perplab.exchange.liquidation.screening import AlarmScreen, Screen
from perplab.exchange.messages import (
    BlockTrade,
    Command,
    Deposit,
    MoveIsolatedMargin,
    OpenAccount,
    Place,
    SetMarginMode,
    SetMarketStatus,
    TakeAuction,
    Tick,
    Transfer,
    UpdateOracle,
    Withdraw,
    command_row,
)
from perplab.exchange.money import margin
from perplab.exchange.state.schedule import LIQUIDATION_PASS
from perplab.exchange.state.state import State
from perplab.exchange.state.tables import P_ACCOUNT, P_ISOLATED_MARGIN, P_MODE, P_SIZE, P_WIDTH
from perplab.exchange.state.types import NEVER
from perplab.exchange.trading.access import is_suspended

ACCOUNTS = 120
MARKET = {
    "lot": "0.001",
    "tick": "1",
    "max_price": "1000000",
    "max_leverage": 40,
    "tiers": [
        {"lower_notional": 0, "initial_margin_ppm": 25_000, "maintenance_margin_ppm": 12_500},
        {"lower_notional": 50_000, "initial_margin_ppm": 50_000, "maintenance_margin_ppm": 40_000},
    ],
    "funding": {"payment": "continuous", "sample_interval_ms": 1_000, "interval_ms": 60_000, "interest_ppt": 40_000_000_000},
}
DESIGN = {
    "markets": [MARKET | {"name": "BTC"}, MARKET | {"name": "ETH", "settlement_asset": "EUR"}],
    "assets": ["USD", "EUR"],
    "backstops": ["socialized_loss"],
    "liquidation": {"steps": ["book"]},
}


def below(exchange: Exchange) -> dict[tuple[int, int], list[int]]:
    """(account, isolated position or -1 - asset) of all that is below maintenance -> its open positions; looked for without any index."""
    state = exchange.state
    cells = state.positions.cells
    pots: dict[tuple[int, int], list[int]] = {}
    for row in range(0, int(state.positions.end), int(P_WIDTH)):
        if cells[row + P_ACCOUNT] >= FIRST and cells[row + P_SIZE] != 0:
            asset = int(margin.market_of(state, row).asset)
            which = row if cells[row + P_MODE] == MarginMode.ISOLATED else -1 - asset
            pots.setdefault((int(cells[row + P_ACCOUNT]), which), []).append(row)
    found = {}
    for (account, which), rows in pots.items():
        required = sum(margin.row_maintenance(state, row) for row in rows)
        profit = sum(margin.row_profit(state, row, margin.market_of(state, row).mark) for row in rows)
        if profit + (cells[which + P_ISOLATED_MARGIN] if which >= 0 else exchange.balance(account, -1 - which)) < required:
            found[account, which] = rows
    return found


class Watch(Screen):
    """Compares the alarms with an exact look at every position, each time a pass asks."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.alarms = AlarmScreen()
        self.passes = 0
        self.found = 0
        self.named = 0

    def suspects(self, state: object) -> list[int]:
        named = self.alarms.suspects(self.exchange.state)
        pots = below(self.exchange)
        assert {account for account, _ in pots} <= set(named)
        assert named == sorted(set(named))
        self.passes += 1
        self.found += len(pots)
        self.named += len(named)
        return named


def test_the_screen_never_misses_an_account() -> None:
    """Cross and isolated, two settlement assets, tiers, unsettled funding and shared losses, marks that wander."""
    rng = np.random.default_rng(5)
    exchange = Exchange(load_venue("social_only", DESIGN))
    for number in range(ACCOUNTS):
        exchange.apply(OpenAccount(START, 1, number))
        for asset in (0, 1):
            exchange.apply(Deposit(START, FIRST + number, asset, int(rng.integers(500, 20_000)) * USD))
        exchange.apply(SetMarginMode(START, FIRST + number, BTC, int(rng.integers(2))))
    exchange.apply(UpdateOracle(START, BTC, 100_000))
    exchange.apply(UpdateOracle(START, ETH, 4_000))
    for _ in range(400):
        buyer, seller = rng.choice(ACCOUNTS, 2, replace=False) + FIRST
        market = int(rng.integers(2))
        size = int(rng.integers(1, 4_000 if market == BTC else 60_000))
        exchange.apply(BlockTrade(START, int(buyer), int(seller), market, size, 100_000 if market == BTC else 4_000))
    watch = Watch(exchange)
    exchange.liquidations.screen = watch
    for step in range(1, 120):
        now = START + step * SECOND
        exchange.apply(UpdateOracle(now, BTC, int(100_000 * np.exp(rng.normal(0, 0.02)))))
        exchange.apply(UpdateOracle(now, ETH, int(4_000 * np.exp(rng.normal(0, 0.02)))))
        exchange.apply(Tick(now))
        exchange.check()
    assert watch.passes > 100 and watch.found > 100
    assert watch.named < 3 * watch.found + watch.passes  # it would be no use if it named nearly everyone


# -- what has changed since it was looked at --


def next_pass(state: State) -> int:
    """When the next pass is due; NEVER if none is."""
    return int(state.schedule.time(LIQUIDATION_PASS, 0))


def overlooked(exchange: Exchange) -> list[tuple[int, int]]:
    """Who is below maintenance, not in liquidation, and will not be looked at by a pass that is due; what is suspended waits."""
    state = exchange.state
    missed = []
    for (account, which), rows in below(exchange).items():
        markets = [margin.market_of(state, row) for row in rows]
        free = [market for market in markets if not is_suspended(market, state.now)]
        waits = any(market.unexamined for market in markets) and next_pass(state) != NEVER
        known = state.liquidations.find(account, which if which >= 0 else -1, -1 - which if which < 0 else 0)
        if free and known is None and not waits:
            missed.append((account, which))
    return missed


Act = tuple[str, int, int, int, int]
CROWD = 9
ACTS = st.tuples(
    st.sampled_from(["oracle", "oracle", "oracle", "bid", "ask", "tick", "money", "status", "status", "auction", "block", "isolated"]),
    st.integers(0, 2),  # market
    st.integers(0, CROWD - 1),
    st.integers(0, CROWD - 1),
    st.integers(-20, 20),
)


def crowd(steps: list[str], backstops: list[str], payment: str) -> Exchange:
    """Nine accounts, some isolated, at about ten times leverage, in two markets of USD and one of EUR. Funding comes rarely, so that it
    does not have every market looked at all the time."""
    funding = {"payment": payment, "sample_interval_ms": 20_000, "interval_ms": 40_000, "interest_ppt": 20_000_000_000, "clamp_ppt": 10**12}
    stale = {"stale_after_ms": 20_000, "on_stale": "pause_liquidation"}
    terms = {"funding": funding, "oracle": stale}
    venue = markets_of(
        terms, terms, {**terms, "settlement_asset": "EUR"}, assets=["USD", "EUR"], backstops=backstops,
        insurance_fund={"capital": 30}, vault={"capital": 200}, liquidation={"steps": steps, "book": {"patience_ms": 1_500}},
    )  # fmt: skip
    exchange = Exchange(venue)
    dice = Dice(len(steps) + 7 * len(backstops))
    for market in range(3):
        exchange.apply(UpdateOracle(START, market, 100))
    for number in range(CROWD):
        exchange.apply(OpenAccount(START, 1, 0))
        for asset in (0, 1):
            exchange.apply(Deposit(START, FIRST + number, asset, usd(dice.roll(150, 400))))
        exchange.apply(SetMarginMode(START, FIRST + number, number % 3, int(number < 4)))
    for _ in range(60):
        buyer, seller = dice.roll(0, CROWD - 1), dice.roll(0, CROWD - 1)
        exchange.apply(BlockTrade(START, FIRST + buyer, FIRST + seller, dice.roll(0, 2), dice.roll(1, 12), 100))
    return exchange


def command(exchange: Exchange, now: int, act: Act) -> Command:
    name, market, first, second, amount = act
    account, other = FIRST + first, FIRST + second
    mark = exchange.mark_price(market)
    price = max(1, mark + mark * amount // 150)
    size = 1 + abs(amount)
    if name == "oracle":
        return UpdateOracle(now, market, price)
    if name in ("bid", "ask"):
        return Place(now, account, market, int(name == "ask"), price, size, tif=second % 2)
    if name == "money":
        sums = usd(max(1, abs(amount)))
        if amount > 10:
            return Transfer(now, account, other, int(market == 2), sums)
        return Deposit(now, account, int(market == 2), sums) if amount > 0 else Withdraw(now, account, int(market == 2), sums)
    if name == "status":
        return SetMarketStatus(now, market, (0, 0, 0, 2, 3, 4)[first % 6])
    if name == "auction":
        return TakeAuction(now, account, 1 + second, 1_000_000 - 90_000 * (size % 10), -usd(size))
    if name == "block":
        return BlockTrade(now, account, other, market, size, price)
    return MoveIsolatedMargin(now, account, market, usd(amount) or 1) if name == "isolated" else Tick(now)


STEPS = [["book"], ["dutch_auction"], ["book", "takeover"], ["book", "dutch_auction", "takeover"]]
PAYERS = [
    [], ["insurance_fund"], ["socialized_loss"], ["insurance_fund", "socialized_loss"], ["insurance_fund", "auto_deleverage"],
    ["auto_deleverage", "insurance_fund"],
]  # fmt: skip


@given(st.sampled_from(STEPS), st.sampled_from(PAYERS), st.sampled_from(["discrete", "continuous"]), st.lists(ACTS, max_size=40))
@settings(max_examples=60)
def test_nobody_below_maintenance_is_overlooked(steps: list[str], payers: list[str], payment: str, acts: list[Act]) -> None:
    """After whatever happens: who is below is in liquidation, or in a market that the next pass will look at, and one will come.

    And it makes no difference which screen says who is to be looked at; the alarms name all who are below, in every pass.
    """
    exchanges = [crowd(steps, payers, payment) for _ in range(3)]
    for exchange, screen in zip(exchanges, (None, Screen(), Watch(exchanges[2])), strict=True):
        exchange.liquidations.screen = screen
    now = START
    for act in acts:
        now += (0, SECOND // 2, SECOND, 3 * SECOND)[abs(act[4]) % 4]
        row = command_row(command(exchanges[0], now, act))
        told = [list(exchange.apply_rows(row)) for exchange in exchanges]
        assert told[0] == told[1] == told[2]
        assert overlooked(exchanges[0]) == [], [event_of_row(told[0][at : at + 16]) for at in range(0, len(told[0]), 16)]
        exchanges[0].check()
        exchanges[2].check()
    assert len({exchange.state_hash() for exchange in exchanges}) == 1


@pytest.mark.parametrize("mode", MarginMode, ids=lambda mode: mode.name)
@pytest.mark.parametrize("screen", [None, Screen(), AlarmScreen()], ids=lambda screen: type(screen).__name__)
def test_only_markets_that_changed_are_looked_at(mode: MarginMode, screen: Screen | None) -> None:
    """Who was harmed by hand behind the ledger's back is found when his market is marked, be it the least of those he is in."""
    bench = Bench(markets_of({}, {}, {"settlement_asset": "EUR"}, assets=["USD", "EUR"]))
    trader, other = bench.open("1000"), bench.open(MILLION)
    for market in range(3):
        bench.oracle(100, market)
    bench.send(SetMarginMode, trader, 0, mode)
    for market in range(2):
        bench.block(trader, other, 10, 100, market)
    state, liquidations = bench.exchange.state, bench.exchange.liquidations
    liquidations.screen = screen
    row = state.find_position(trader, 0)
    if mode == MarginMode.ISOLATED:
        bench.exchange.ledger.to_isolated(row, -usd(51))
    else:
        bench.exchange.ledger.move(trader, other, 0, usd(901))
    found = {}
    for market in (2, 1, 0):
        state.passes += 1
        state.markets[market].unexamined = 1
        found[market] = liquidations.found()
        assert not bench.exchange.lifecycle.has_unexamined()
    if mode == MarginMode.ISOLATED:  # 49 for 50
        assert found == {2: [], 1: [], 0: [(980_000_000, trader, row)]}
    else:  # 99 for 100, in both of its markets and in both passes the same
        assert found == {2: [], 1: [(990_000_000, trader, -1)], 0: [(990_000_000, trader, -1)]}


def test_touching_an_account_marks_its_markets() -> None:
    """Those in which it holds something, and no others."""
    bench = Bench(markets_of({}, {}, {}))
    trader, other = bench.open("1000"), bench.open(MILLION)
    for market in range(3):
        bench.oracle(100, market)
    bench.block(trader, other, 1, 100, 0)
    bench.block(trader, other, 1, 100, 1)
    bench.block(other, trader, 1, 100, 1)
    bench.exchange.lifecycle.touch(trader)
    assert [market.unexamined for market in bench.exchange.state.markets] == [1, 0, 0]


def test_a_pass_comes_for_what_a_fill_of_the_pass_before_has_harmed() -> None:
    """Retries go on until nothing is left to look at, then they stop: a venue at rest does no work."""
    bench = Bench(markets_of({}, backstops=["socialized_loss"]))
    first, second, other, maker = bench.open("100"), bench.open("150"), bench.open(MILLION), bench.open(MILLION)
    bench.oracle(100)
    bench.block(first, other, 10, 100)
    bench.block(second, other, 10, 100)
    bench.place(maker, 0, 20, 80)
    bench.oracle(90)
    lifecycle, state = bench.exchange.lifecycle, bench.exchange.state
    assert lifecycle.has_unexamined() and next_pass(state) == bench.now + SECOND
    assert len(named(bench.later(1), "LiquidationStarted")) == 1
    bench.later(1)
    assert not lifecycle.has_unexamined() and (state.liquidations.under_way, next_pass(state)) == ({}, NEVER)


def test_whom_a_deleveraging_harms_is_looked_at_next() -> None:
    """A winner in one market who cannot bear the price in another, whose mark does not move any more.

    The loser is 100 short on 10 lots at 80 when the winner goes short there at the mark. His 100 lots of the other market, from 100 to 94,
    leave 520 of 1,120 for 470 and 40; the transfer costs him 100.
    """
    bench = Bench(markets_of({}, {}, backstops=["auto_deleverage"], liquidation={"book": {"patience_ms": 2_000}}))
    loser, other, winner = bench.open("100"), bench.open(MILLION), bench.open("1120")
    for market in range(2):
        bench.oracle(100, market)
    bench.block(loser, other, 10, 100)
    bench.oracle(80)
    bench.block(winner, other, 100, 100, 1)
    bench.block(other, winner, 10, 80)
    assert named(bench.oracle(94, 1), "LiquidationStarted") == []
    events = bench.later(2)
    assert [(event.winner, event.conceded) for event in named(events, "Deleveraged")] == [(winner, usd(100))]
    assert (bench.exchange.equity(winner), bench.exchange.maintenance_margin(winner)) == (usd(420), usd(470))
    assert [event.account for event in named(bench.later(1), "LiquidationStarted")] == [winner]
