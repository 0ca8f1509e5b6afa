"""Exact integer helpers against Python's big integers at their bounds, requirements, and rules of margin that need more than a line."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import pairwise, product
from math import ceil, floor

import pytest
from kit import BTC, ETH, MILLION, SECOND, USD, Bench, Dice, markets_of, named, plain_venue, tier, usd

from perplab.exchange.codes import MarginMode, Reason, Side
from perplab.exchange.messages import BlockTrade, CancelAll, Deposit, MoveIsolatedMargin, SetMarginMode, Tick, Transfer, Withdraw
from perplab.exchange.money import margin, thresholds
from perplab.exchange.state import types
from perplab.exchange.state.tables import P_ASK_LOTS, P_ASK_NOTIONAL, P_BID_LOTS, P_BID_NOTIONAL, P_LEVERAGE, P_SIZE

TOP = 2**63 - 1
VALUES = [0, 1, 2, 3, 7, 10**6 - 1, 10**6, 10**6 + 1, 2**31 - 1, 2**31, 2**32 - 1, 2**40 - 1, 10**12 + 1, 10**16, 2**55, 2**62 - 1, TOP]
SIGNED = sorted({sign * value for value in VALUES for sign in (1, -1)})
DIVISORS = [1, 2, 3, 10**6, 10**9, 10**12, int(types.ROOT) - 1, int(types.ROOT), int(types.ROOT) + 1, 2**40 - 1, 2**55, 2**62, TOP]


def fits(value: int) -> bool:
    return -TOP <= value <= TOP


# -- integer helpers --


@pytest.mark.parametrize("divisor", DIVISORS)
def test_mul_div_at_the_edges(divisor: int) -> None:
    """floor and ceil of a x b / c for every a and b whose result fits 64 bits."""
    tried = 0
    for a, b in product(SIGNED, SIGNED):
        low, high = a * b // divisor, -(-a * b // divisor)
        if fits(low) and fits(high):
            assert (types.mul_div_floor(a, b, divisor), types.mul_div_ceil(a, b, divisor)) == (low, high), (a, b)
            tried += 1
    assert tried > 150


def test_mul_div_takes_the_lowest_integer() -> None:
    assert types.mul_div_floor(-(2**63), 1, 1) == types.mul_div_floor(1, -(2**63), 1) == -(2**63)
    assert types.mul_div_floor(-(2**63), TOP, TOP) == -(2**63)


def test_div_ceil() -> None:
    for a, c in product(SIGNED, DIVISORS):
        assert types.div_ceil(a, c) == ceil(Fraction(a, c))


@pytest.mark.parametrize(("ceiling", "flooring", "scale"), [(types.ppm_ceil, types.ppm_floor, 10**6), (types.ppb_ceil, None, 10**9)])
def test_fractions_of_amounts(ceiling: object, flooring: object, scale: int) -> None:
    """Fees and margin fractions: a fee rounds up, a rebate towards zero, a fraction may be above one."""
    assert callable(ceiling)
    rates = [0, 1, 3, scale // 3, scale - 1, scale, *([] if scale == 10**9 else [scale + 1, 11 * scale, 2**40 - 1])]
    for amount, rate, sign in product(SIGNED, rates, (1, -1)):
        exact = Fraction(amount * sign * rate, scale)
        if abs(amount) < 2**62 and fits(ceil(exact)) and fits(floor(exact)):
            assert ceiling(amount, sign * rate) == ceil(exact), (amount, rate)
            if callable(flooring):
                assert flooring(amount, sign * rate) == floor(exact), (amount, rate)


@pytest.mark.parametrize("shift", [0, 1, 16, 31, 32, 37, 48])
def test_accrual_due_and_rest(shift: int) -> None:
    """What lots owe by an accrual, rounded up, and exactly what the rounding added."""
    for lots, delta in product([value for value in VALUES if value < 2**40], SIGNED):
        exact = Fraction(lots * delta, 2**shift)
        if abs(delta) < 2**62 and fits(ceil(exact)):
            due = types.accrual_due(lots, delta, shift)
            assert due == ceil(exact), (lots, delta)
            assert types.accrual_rest(lots, delta, shift) == due * 2**shift - lots * delta


def test_small_helpers() -> None:
    for a, b in product(SIGNED, SIGNED):
        assert (types.min_i64(a, b), types.max_i64(a, b)) == (min(a, b), max(a, b))
        assert types.clamp_i64(a, min(b, 5), max(b, 5)) == min(max(a, min(b, 5)), max(b, 5))
        assert types.abs_i64(a) == abs(a)


@pytest.mark.parametrize("scale", [1, 7, 1000, 30_000, 150_000, 10**9, 2**43 - 1])
def test_exp_neg(scale: int) -> None:
    """exp(-t / scale) within 1e-8, never rising, and zero in the end."""
    times = sorted({int(scale * step) // 97 for step in range(0, 97 * 41, 13)} | {0, 1, 40 * scale, 50 * scale})
    with localcontext() as context:
        context.prec = 50
        for t in times:
            exact = (-Decimal(t) / Decimal(scale)).exp()
            assert abs(Decimal(types.exp_neg(t, scale)) / 2**30 - exact) < Decimal("1e-8"), t
    found = [types.exp_neg(t, scale) for t in times]
    assert all(later <= earlier for earlier, later in pairwise(found))
    assert (found[0], found[-1]) == (2**30, 0)


def test_root_is_the_integer_root() -> None:
    assert types.ROOT**2 <= TOP < (types.ROOT + 1) ** 2


# -- requirements --

TIERS = [tier(25_000, 12_500), tier(50_000, 25_000, 1_000), tier(100_000, 50_001, 3_333), tier(333_333, 166_667, 1_000_000)]


def exact_requirement(notional: int, rate: str) -> Fraction:
    """The tiers' requirement as what it means: each part of the notional at the rate of its tier [micro]."""
    total = Fraction(0)
    for number, one in enumerate(TIERS):
        lower = one["lower_notional"] * USD
        upper = TIERS[number + 1]["lower_notional"] * USD if number + 1 < len(TIERS) else None
        part = max(0, (notional if upper is None else min(notional, upper)) - lower)
        total += Fraction(part * one[rate], 10**6)
    return total


def notionals() -> Iterator[int]:
    for one in TIERS:
        lower = one["lower_notional"] * USD
        yield from (max(0, lower + step) for step in (-USD - 1, -1, 0, 1, 7, USD))
    dice = Dice(1)
    yield from (dice.roll(0, 10**6) * dice.roll(0, 10**10) for _ in range(300))


def test_requirements_are_sums_over_tiers() -> None:
    """Rounded up by less than a micro-unit, without a step where a tier begins."""
    market = Bench(markets_of({"max_leverage": 1000, "tiers": TIERS})).exchange.state.markets[0]
    for notional in notionals():
        maintenance = exact_requirement(notional, "maintenance_margin_ppm")
        initial = exact_requirement(notional, "initial_margin_ppm")
        assert 0 <= margin.maintenance_of(market, notional) - maintenance < 1
        assert 0 <= margin.initial_of(market, notional, 1000) - initial < 1
        assert margin.initial_of(market, notional, 3) == max(ceil(initial), ceil(Fraction(notional, 3)))


@pytest.mark.parametrize("notional", [10**16, 2**55])
def test_requirements_at_the_bounds(notional: int) -> None:
    """notional x ppm does not fit 64 bits there; the result is exact all the same."""
    market = Bench(markets_of({"tiers": [tier(999_999, 999_998)]})).exchange.state.markets[0]
    assert margin.maintenance_of(market, notional) == ceil(Fraction(notional * 999_998, 10**6))
    assert margin.initial_of(market, notional, 10) == ceil(Fraction(notional * 999_999, 10**6))


def test_shares_of_equity_never_exceed_it() -> None:
    """Rounded down, so that deficits are rounded up; a single position has all of it."""
    bench = Bench(plain_venue())
    trader, other = bench.open("777.777777"), bench.open(MILLION)
    bench.oracle(101)
    bench.oracle(37, ETH)
    bench.block(trader, other, 17, 103)
    bench.block(other, trader, 23, 31, ETH)
    state = bench.exchange.state
    rows = [state.find_position(trader, market) for market in (BTC, ETH)]
    required = bench.exchange.maintenance_margin(trader)
    for equity in (777_777_777, 1, 0, -1, -777_777_777):
        shares = [thresholds.equity_share(state, row, equity, required) for row in rows]
        assert equity - 2 < sum(shares) <= equity
        assert shares[0] == floor(Fraction(equity * margin.row_maintenance(state, rows[0]), required))
    assert thresholds.equity_share(state, rows[0], -7, 0) == -7  # nothing is required


def test_an_accounts_requirements_are_sums_over_its_cross_positions() -> None:
    bench = Bench(markets_of({}, {}, {}, {"settlement_asset": "EUR"}, assets=["USD", "EUR"]))
    trader, other = bench.open("10000"), bench.open(MILLION)
    for account in (trader, other):
        bench.send(Deposit, account, 1, usd("1000"))
    for market in range(4):
        bench.oracle(100 + market, market)
    bench.send(SetMarginMode, trader, 0, MarginMode.ISOLATED)
    for market, lots in enumerate((5, 17, 23, 31)):
        bench.block(other, trader, lots, 100 + market, market)
    worth = 17 * 101 + 23 * 102
    assert margin.cross_notional(bench.exchange.state, trader, 0) == usd(worth)
    assert bench.exchange.initial_margin(trader) * 10 == bench.exchange.maintenance_margin(trader) * 20 == usd(worth)
    assert bench.exchange.initial_margin(trader, 1) * 10 == bench.exchange.maintenance_margin(trader, 1) * 20 == usd(31 * 103)
    assert bench.exchange.free_margin(trader) == usd("9950") - bench.exchange.initial_margin(trader)


def test_orders_need_the_worse_side_and_its_open_loss() -> None:
    """By the formula in whatever state the row is put, also where both sides would be filled at a loss."""
    bench = Bench(markets_of({"max_leverage": 100, "tiers": TIERS}))
    bench.oracle(100)
    state = bench.exchange.state
    row = state.position_row(bench.open(0), 0)
    market, cells = state.markets[0], state.positions.cells

    def needed(lots: int, loss: int) -> int:
        return int(margin.initial_of(market, abs(lots) * usd(100), cells[row + P_LEVERAGE])) + max(0, loss)

    for size, bids, asks, worse in product((-30, -1, 0, 1, 30), (0, 1, 2, 40), (0, 1, 2, 40), (-7, 0, 7)):
        cells[row + P_SIZE], cells[row + P_BID_LOTS], cells[row + P_ASK_LOTS] = size, bids, asks
        cells[row + P_BID_NOTIONAL], cells[row + P_ASK_NOTIONAL] = bids * usd(100 + worse), asks * usd(100 - worse)
        expected = max(needed(size + bids, bids * usd(worse)), needed(size - asks, asks * usd(worse)))
        assert margin.row_order_initial(market, cells, row) == expected, (size, bids, asks, worse)


@pytest.mark.parametrize("mode", MarginMode, ids=lambda mode: mode.name)
@pytest.mark.parametrize("short_of", [0, 1])
def test_a_trade_needs_its_margin_to_the_micro_unit(mode: MarginMode, short_of: int) -> None:
    """Ten lots at 101, which cost 10 against the mark and need 100, beside another position's 30."""
    bench = Bench(plain_venue())
    trader, other = bench.open("140"), bench.open(MILLION)
    for market in (BTC, ETH):
        bench.oracle(100, market)
    bench.send(SetMarginMode, trader, BTC, mode)
    bench.block(trader, other, 3, 100, ETH)
    if short_of:
        bench.send(Withdraw, trader, 0, short_of)
    events = bench.send(BlockTrade, trader, other, BTC, 10, 101)
    assert [type(event).__name__ for event in events] == ["Rejected" if short_of else "BlockTraded"]


# -- what may back an order, and what may leave --


def held(transfer_margin_ppm: int, mode: MarginMode = MarginMode.CROSS) -> tuple[Bench, int]:
    """300 and a long of 10 at 100, of which 100 is the initial requirement."""
    bench = Bench(plain_venue({"transfer_margin_ppm": transfer_margin_ppm}))
    trader, other = bench.open("300"), bench.open(MILLION)
    bench.oracle(100)
    bench.oracle(100, ETH)
    bench.send(SetMarginMode, trader, BTC, mode)
    bench.block(trader, other, 10, 100)
    return bench, trader


@pytest.mark.parametrize(
    ("transfer_margin_ppm", "free"),
    [(0, 200_000_000), (100_000, 200_000_000), (100_001, 199_999_000), (200_000, 100_000_000), (299_999, 1_000), (300_000, 0)],
)
def test_a_transfer_margin_stays_behind(transfer_margin_ppm: int, free: int) -> None:
    """A share of the notional of 1,000, where that is more than the initial requirement; it is there to back orders all the same."""
    bench, trader = held(transfer_margin_ppm)
    assert (bench.exchange.free_margin(trader), bench.exchange.available_margin(trader)) == (free, usd(200))
    for events in (bench.send(Withdraw, trader, 0, free + 1), bench.send(Transfer, trader, trader + 1, 0, free + 1)):
        assert [event.reason for event in named(events, "Rejected")] == [Reason.INSUFFICIENT_MARGIN]
    assert named(bench.place(trader, Side.BUY, 21, 100), "Rejected")
    assert named(bench.place(trader, Side.BUY, 20, 100), "OrderPlaced")  # the orders lean on all of the 300
    bench.send(CancelAll, trader, BTC)
    if free:
        assert named(bench.send(Withdraw, trader, 0, free), "Withdrawn")
    assert (bench.exchange.free_margin(trader), bench.exchange.available_margin(trader)) == (0, usd(200) - free)


@pytest.mark.parametrize(("transfer_margin_ppm", "spare"), [(0, "0"), (100_000, "0"), (150_000, "-50")])
def test_isolated_margin_keeps_the_transfer_margin(transfer_margin_ppm: int, spare: str) -> None:
    """What may come back from an isolated position of 1,000 that was given 100 and then 60 more."""
    bench, trader = held(transfer_margin_ppm, MarginMode.ISOLATED)
    bench.send(MoveIsolatedMargin, trader, BTC, usd(60))
    most = usd(60) + usd(spare)
    refused = named(bench.send(MoveIsolatedMargin, trader, BTC, -most - 1), "Rejected")
    assert [event.reason for event in refused] == [Reason.INSUFFICIENT_MARGIN]
    assert named(bench.send(MoveIsolatedMargin, trader, BTC, -most), "IsolatedMarginMoved")


@pytest.mark.parametrize("on_stale", ["keep_last", "halt_new_risk", "pause_liquidation"])
def test_profit_at_a_stale_price_does_not_leave(on_stale: str) -> None:
    """With `halt_new_risk`: of 300 and a profit of 50 on lots that then need 105, 195 may leave while the oracle is silent, 245 before."""
    bench = Bench(plain_venue({"markets": {"oracle": {"stale_after_ms": 5_000, "on_stale": on_stale}}}))
    trader, other = bench.open("300"), bench.open(MILLION)
    bench.oracle(100)
    bench.block(trader, other, 10, 100)
    bench.oracle(105)
    bench.now += 5 * SECOND
    bench.send(Tick)
    assert bench.exchange.free_margin(trader) == usd(245)
    bench.now += 1
    bench.send(Tick)
    room = usd(195) if on_stale == "halt_new_risk" else usd(245)
    assert (bench.exchange.free_margin(trader), bench.exchange.available_margin(trader)) == (room, usd(245))
    reason = Reason.ORACLE_STALE if on_stale == "halt_new_risk" else Reason.INSUFFICIENT_MARGIN
    assert [event.reason for event in named(bench.send(Withdraw, trader, 0, room + 1), "Rejected")] == [reason]
    bench.oracle(105)
    assert bench.exchange.free_margin(trader) == usd(245)
    assert named(bench.send(Withdraw, trader, 0, usd(245)), "Withdrawn")


def test_a_loss_at_a_stale_price_counts() -> None:
    """Nothing is left out of the equity but profit: 300 less 50, and 95 needed."""
    bench = Bench(plain_venue({"markets": {"oracle": {"stale_after_ms": 5_000, "on_stale": "halt_new_risk"}}}))
    trader, other = bench.open("300"), bench.open(MILLION)
    bench.oracle(100)
    bench.block(trader, other, 10, 100)
    bench.oracle(95)
    bench.later(6)
    assert bench.exchange.free_margin(trader) == usd(155)


# -- liquidation prices --


@pytest.mark.parametrize("mode", MarginMode, ids=lambda mode: mode.name)
@pytest.mark.parametrize("side", Side, ids=lambda side: side.name)
@pytest.mark.parametrize("money", ["2.4", "6", "60.123457", "700", "4000"])
def test_at_the_quoted_price_it_is_liquidatable_and_one_tick_better_it_is_not(mode: MarginMode, side: Side, money: str) -> None:
    """Through four tiers; seen from outside, by moving the oracle."""
    coins = {"2.4": 96, "6": 200, "60.123457": 1_000, "700": 5_000, "4000": 20_000}[money]
    started = {}
    for better in (0, 1):
        bench = Bench(markets_of({"tick": "0.01", "lot": "0.01", "max_price": "1000", "max_leverage": 100, "tiers": TIERS}))
        trader, other = bench.open(money), bench.open(MILLION)
        bench.send(SetMarginMode, trader, 0, mode)
        bench.oracle(1)
        buyer, seller = (trader, other) if side == Side.BUY else (other, trader)
        bench.block(buyer, seller, coins, 1)
        quoted = bench.exchange.liquidation_price(trader, 0)
        assert quoted > 0
        price = quoted + better if side == Side.BUY else quoted - better
        started[better] = bool(named(bench.oracle(str(Decimal(price) / 100)), "LiquidationStarted"))
    assert started == {0: True, 1: False}


@pytest.mark.parametrize("mode", MarginMode, ids=lambda mode: mode.name)
@pytest.mark.parametrize(
    ("side", "equity", "liquidation", "bankruptcy"),
    [
        (Side.BUY, "97.5", 94, 90),  # at 95: 47.5 for 47.5
        (Side.BUY, "97.499999", 95, 90),
        (Side.BUY, "50", 99, 94),  # at 100: 50 for 50; at 95: 0
        (Side.BUY, "49.999999", 100, 95),
        (Side.SELL, "102.5", 106, 111),  # at 105: 52.5 for 52.5
        (Side.SELL, "102.499999", 105, 111),
        (Side.SELL, "50", 101, 106),
        (Side.SELL, "49.999999", 100, 105),
        (Side.BUY, "-2000", 315, 299),
        (Side.SELL, "-2000", 1, 1),  # at any price
    ],
)
def test_prices_to_the_micro_unit(mode: MarginMode, side: Side, equity: str, liquidation: int, bankruptcy: int) -> None:
    """Ten lots at 100, and an equity of just what a price leaves."""
    bench = Bench(plain_venue())
    trader, other = bench.open("10000"), bench.open(MILLION)
    bench.oracle(100)
    bench.send(SetMarginMode, trader, BTC, mode)
    buyer, seller = (trader, other) if side == Side.BUY else (other, trader)
    bench.block(buyer, seller, 10, 100)
    if mode == MarginMode.ISOLATED:
        bench.exchange.ledger.to_isolated(bench.exchange.state.find_position(trader, BTC), usd(equity) - usd(100))
    else:
        bench.exchange.ledger.move(trader, other, 0, usd(10_000) - usd(equity))
    found = bench.exchange.liquidation_price(trader, BTC), bench.exchange.bankruptcy_price(trader, BTC)
    assert found == (liquidation, bankruptcy)


# -- isolated margin --


@pytest.mark.parametrize(("side", "burden"), [(None, "0"), (Side.BUY, "54.5"), (Side.SELL, "45")])
def test_an_isolated_position_burdens_free_cash_only_by_its_orders(side: Side | None, burden: str) -> None:
    """Long 10 at 95 it has 50 for 95, which is nobody's business; with a bid for one more it leans on what 11 would need."""
    bench = Bench(plain_venue())
    bob, carl = bench.open("1000"), bench.open(MILLION)
    bench.oracle(100)
    bench.send(SetMarginMode, bob, BTC, MarginMode.ISOLATED)
    bench.block(bob, carl, 10, 100)
    bench.oracle(95)
    if side is not None:
        bench.place(bob, side, 1, 90 if side == Side.BUY else 120)
    assert isolated_equity(bench, bob) == usd(50)
    assert bench.exchange.free_margin(bob) == usd(900) - usd(burden)


def test_an_isolated_positions_profit_backs_more_of_it() -> None:
    """Its equity of 200 is enough for 18 lots at 110, not for 19, while the account is short of margin elsewhere."""
    bench = Bench(plain_venue())
    bob, carl = bench.open("200"), bench.open(MILLION)
    for market in (BTC, ETH):
        bench.oracle(100, market)
    bench.send(SetMarginMode, bob, BTC, MarginMode.ISOLATED)
    for market in (BTC, ETH):
        bench.block(bob, carl, 10, 100, market)
    bench.oracle(110)
    bench.oracle(99, ETH)
    assert (bench.exchange.free_margin(bob), isolated_equity(bench, bob)) == (-usd(9), usd(200))
    refused = bench.send(BlockTrade, bob, carl, BTC, 9, 110)
    assert [event.reason for event in named(refused, "Rejected")] == [Reason.INSUFFICIENT_MARGIN]
    bench.block(bob, carl, 8, 110)
    assert isolated_equity(bench, bob) == usd(200)


def shaken() -> tuple[Bench, int, int]:
    """An isolated long of 10 that a shared loss has taken below maintenance, and no pass has looked at it yet.

    Bob has 130 behind 10 lots bought at 100; at 92 he has 50 for 46. Dana's 30 lots are sold at 86 in the same pass: she is 120 short,
    shared by bob's 10 lots and carl's 40, 24 of it by bob: 26 for 46.
    """
    bench = Bench(plain_venue({"backstops": ["socialized_loss"]}))
    bob, dana, carl, erin = bench.open("1000"), bench.open("300"), bench.open(MILLION), bench.open(MILLION)
    bench.oracle(100)
    bench.send(SetMarginMode, bob, BTC, MarginMode.ISOLATED)
    bench.block(bob, carl, 10, 100)
    bench.block(dana, carl, 30, 100)
    bench.send(MoveIsolatedMargin, bob, BTC, usd(30))
    bench.place(erin, Side.BUY, 30, 86)
    events = bench.oracle(92)
    assert [event.account for event in named(events, "LiquidationStarted")] == [dana]
    assert [event.amount for event in named(events, "LossSocialized")] == [usd(120)]
    return bench, bob, erin


def isolated_equity(bench: Bench, account: int) -> int:
    position = bench.exchange.position(account, BTC)
    value = position.size * bench.exchange.mark_price(BTC) * USD
    return position.isolated_margin + value - position.entry_notional - position.unsettled


def test_a_reduction_does_not_take_margin_out_below_maintenance() -> None:
    """Bob sells half at the mark: 26 for 23 would do, but half of the 26 must not go back to his cash."""
    bench, bob, erin = shaken()
    assert isolated_equity(bench, bob) == usd(26)
    bench.place(erin, Side.BUY, 5, 92)
    events = bench.place(bob, Side.SELL, 5, 92, reduce_only=1)
    assert [event.size for event in named(events, "Traded")] == [5]
    assert isolated_equity(bench, bob) >= usd("23")
    assert named(bench.later(60), "LiquidationStarted") == []  # the pass that looks after the shared loss finds him sound


def test_who_does_not_reduce_is_found_by_the_next_pass() -> None:
    """The same account left as it is: 26 for 46."""
    bench, bob, _ = shaken()
    assert [(event.account, event.equity) for event in named(bench.later(1), "LiquidationStarted")] == [(bob, usd(26))]


def test_nobody_takes_out_more_than_was_put_in_while_the_mark_stands_still() -> None:
    """Two accounts, isolated and cross, trade with one another at prices far from the mark and withdraw what they can."""
    bench = Bench(plain_venue())
    a, b = bench.open("500"), bench.open("500")
    bench.oracle(100)
    bench.send(SetMarginMode, a, BTC, MarginMode.ISOLATED)
    dice = Dice(11)
    for _ in range(300):
        account, market = (a, b)[dice.roll(0, 1)], dice.roll(0, 0)
        bench.place(account, dice.roll(0, 1), dice.roll(1, 12), dice.roll(70, 130), market, tif=dice.roll(0, 1))
        if dice.roll(0, 9) == 0:
            bench.send(MoveIsolatedMargin, a, BTC, usd(dice.roll(-50, 50)))
        for one in (a, b):
            if dice.roll(0, 5) == 0 and bench.exchange.free_margin(one) > 0:
                bench.send(Withdraw, one, 0, bench.exchange.free_margin(one))
    assert bench.exchange.withdrawals() <= usd("1000")
    assert bench.exchange.equity(a) >= 0 and bench.exchange.equity(b) >= 0
