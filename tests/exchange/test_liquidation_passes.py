"""The liquidation passes: who is found, in which order, and when it is over."""

from __future__ import annotations

import pytest
from kit import INSURANCE, MILLION, SECOND, Bench, markets_of, named, packed, told, usd
from preset_kit import script_of

from perplab.exchange import Exchange, load_venue, shipped_venues
from perplab.exchange.codes import MarginMode, Outcome, Side
from perplab.exchange.liquidation.case import LiquidationCase
from perplab.exchange.liquidation.passes import LiquidationPass
from perplab.exchange.liquidation.screening import AlarmScreen, Screen
from perplab.exchange.liquidation.steps import LiquidationStep
from perplab.exchange.messages import BlockTrade, SetMarginMode, Tick, UpdateOracle
from perplab.exchange.state.tables import P_LIQUIDATION


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
    assert bench.exchange.state.liquidations.under_way == {}
    bench.now += SECOND - 1
    assert bench.send(Tick) == []
    bench.now += 1
    events = bench.send(Tick)
    assert [(event.account, event.ts) for event in named(events, "LiquidationStarted")] == [(second, bench.now)]


@pytest.mark.parametrize("name", shipped_venues())
def test_a_screen_changes_nothing(name: str) -> None:
    """Whichever accounts a pass looks at first: all of them, the shipped screen's, or a screen in plain Python."""
    rows = packed(script_of(load_venue(name), 6, 60))
    hashes = set()
    for screen in [None, Screen(), AlarmScreen()]:
        exchange = Exchange(load_venue(name))
        exchange.liquidations.screen = screen
        exchange.apply_rows(rows)
        hashes.add(exchange.state_hash())
    assert len(hashes) == 1


def test_many_liquidations_at_once() -> None:
    """Sixty of them, cross and isolated; all are closed, and the fund pays to the last cent."""
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


def look(bench: Bench, *harmed: int) -> list[tuple[int, int, int]]:
    """What a pass would find after accounts were harmed by hand: it looks at the markets in which they hold something."""
    for account in harmed:
        bench.exchange.lifecycle.touch(account)
    bench.exchange.state.passes += 1
    return bench.exchange.liquidations.found()


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


@pytest.mark.parametrize("screen", [None, Screen(), AlarmScreen()], ids=lambda screen: type(screen).__name__)
def test_all_who_are_below_are_found_in_their_order(screen: Screen | None) -> None:
    bench = Bench()
    other = bench.open(MILLION)
    bench.oracle(100)
    traders = [bench.open("100") for _ in range(5)]
    for trader in traders:
        bench.block(trader, other, 10, 100)
    bench.exchange.liquidations.screen = screen
    for number, taken in enumerate((55, 90, 55, 45, 70)):
        bench.exchange.ledger.move(traders[number], other, 0, usd(taken))
    found = look(bench, traders[0])  # all of them hold the same market
    assert [key[1] - traders[0] for key in found] == [1, 4, 0, 2]
    assert [key[0] for key in found] == [10**9 * left // 50 for left in (10, 30, 45, 45)]


class Nested(LiquidationStep):
    def __init__(self, liquidations: LiquidationPass) -> None:
        super().__init__(0)
        self.liquidations = liquidations

    def act(self, case: LiquidationCase) -> bool:
        self.liquidations.run()
        return True


def test_passes_never_nest() -> None:
    bench = Bench()
    trader, other = bench.open("100"), bench.open(MILLION)
    bench.oracle(100)
    bench.block(trader, other, 10, 100)
    bench.exchange.lifecycle.steps[0] = Nested(bench.exchange.liquidations)
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
    exchange, lifecycle = bench.exchange, bench.exchange.lifecycle
    row = exchange.state.find_position(trader, 0)
    if mode == MarginMode.ISOLATED:
        exchange.ledger.to_isolated(row, -usd(50) - short_of)
    else:
        exchange.ledger.move(trader, other, 0, usd(950) + short_of)
        row = -1
    assert exchange.liquidations.is_below(trader, row, 0) == bool(look(bench, trader)) == bool(short_of)
    liquidation = lifecycle.begin(trader, row, 0)
    events = told(bench, lambda: lifecycle.end_if_done(liquidation))
    assert [event.outcome for event in named(events, "LiquidationEnded")] == ([] if short_of else [Outcome.RECOVERED])


def test_every_liquidation_is_found_by_its_account_and_asset() -> None:
    """That of an isolated position by the position; accounts count those of their cross positions, isolated positions know theirs."""
    bench = Bench(markets_of({}, {"settlement_asset": "EUR"}, assets=["USD", "EUR"]))
    a, b = bench.open(0), bench.open(0)
    bench.send(SetMarginMode, a, 0, MarginMode.ISOLATED)
    lifecycle, state = bench.exchange.lifecycle, bench.exchange.state
    table, counts, row = state.liquidations, state.accounts.liquidations, state.find_position(a, 0)
    isolated = lifecycle.begin(a, row, 0)
    assert state.positions.cells[row + P_LIQUIDATION] == 1 and (counts[a], counts[b]) == (0, 0)
    keys = ((a, 0), (b, 1), (a, 1), (b, 0))
    begun = []
    for account, asset in keys:
        assert table.find(account, -1, asset) is None
        before = int(counts[account])
        begun.append(lifecycle.begin(account, -1, asset))
        assert counts[account] == before + 1
    assert [table.find(account, -1, asset) for account, asset in keys] == begun
    assert table.listed() == [isolated, *begun]
    for number, left in ((3, (2, 1)), (0, (1, 1)), (1, (1, 0)), (2, (0, 0))):
        lifecycle.end(begun[number], Outcome.RECOVERED)
        assert (counts[a], counts[b]) == left and table.find(keys[number][0], -1, keys[number][1]) is None
        assert table.is_under_way(isolated) and not table.is_under_way(begun[number])
    assert table.find(a, row, 0) is isolated and table.listed() == [isolated]
    lifecycle.end(isolated, Outcome.RECOVERED)
    assert state.positions.cells[row + P_LIQUIDATION] == 0 and table.listed() == []


def test_who_has_no_position_is_not_found() -> None:
    """Not even in debt."""
    bench = Bench()
    debtor, other = bench.open("100"), bench.open("100")
    bench.oracle(100)
    bench.block(debtor, other, 1, 100)
    bench.block(other, debtor, 1, 100)
    bench.exchange.ledger.move(debtor, other, 0, usd("100") + 1)
    for screen in (None, Screen(), AlarmScreen()):
        bench.exchange.liquidations.screen = screen
        bench.exchange.state.markets[0].unexamined = 1
        assert look(bench, debtor) == []
