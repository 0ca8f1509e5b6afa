"""Every metric on events made by hand, with numbers that can be checked on paper (units in handmade.py)."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from handmade import HEDGER, LONG, OTHER, SHORT, START, USD, at, by_account, event, run_of, samples
from msgspec import Struct
from msgspec.structs import fields

from perplab.exchange.codes import Method, Payer, SystemAccount
from perplab.exchange.events import (
    AuctionTaken,
    BlockTraded,
    DeficitPaid,
    Deleveraged,
    Deposited,
    FundingCharged,
    Liquidated,
    LiquidationEnded,
    LiquidationStarted,
    LossSocialized,
    MarkMoved,
    Traded,
    Transferred,
    Withdrawn,
)
from perplab.lab.metrics import CATALOGUE, MetricsError, measure
from perplab.lab.runs import Cohort

STARTED = event(LiquidationStarted, 60, account=LONG, market=-1)
ADL = event(Deleveraged, 60, loser=LONG, winner=SHORT, size=1_000, value=98 * USD, profit=5 * USD, conceded=2 * USD, mark=100)


# -- who was liquidated --


def test_a_quiet_run_has_no_losses_and_undefined_ratios() -> None:
    quiet = measure(run_of())
    assert quiet.liquidation.accounts == quiet.adl.fills == 0
    assert quiet.losses.bad_debt_usd == quiet.losses.vault_usd == 0.0
    assert quiet.liquidation.slippage_bp is quiet.liquidation.seconds_max is quiet.adl.delay_s is None
    assert quiet.adl.to_liquidation is quiet.adl.top_percent_share is quiet.stress.long_bp is None
    assert quiet.prices.mark_gap_bp == 0.0
    assert quiet.prices.last_gap_bp is None


def test_liquidated_accounts_and_notional_at_the_mark_of_the_moment() -> None:
    found = measure(
        run_of(
            STARTED,
            event(Liquidated, 60, account=LONG, size=2_000, method=Method.BOOK),  # 2 coins at 100
            event(MarkMoved, 70, mark=90, previous=100),
            event(Liquidated, 70, account=LONG, size=-1_000, method=Method.BOOK),  # 1 coin at 90
            event(LiquidationStarted, 71, account=OTHER, market=-1),  # recovers before anything is closed
            event(Liquidated, 72, account=SystemAccount.VAULT, size=2_000, method=Method.ADL),  # handed on: no second liquidation
        )
    ).liquidation
    assert (found.breached_accounts, found.accounts, found.notional_usd) == (2, 1, 290.0)


def test_what_positions_lost_since_their_entry_is_over_their_notional() -> None:
    opened = [
        event(BlockTraded, -1, buyer=LONG, seller=SHORT, size=1_000, price=110),
        event(BlockTraded, -1, buyer=LONG, seller=HEDGER, size=1_000, price=130),
        event(BlockTraded, 5, buyer=OTHER, seller=HEDGER, size=9_000, price=500),  # after the start: no entry of those who began
    ]
    closed = [
        event(Liquidated, 60, account=LONG, size=500, value=45 * USD),  # entry 120: lost 15 of 50 USD at the mark
        event(Liquidated, 60, account=SHORT, size=-1_000, value=116 * USD),  # entry 110: lost 6 of 100 USD
        event(Liquidated, 60, account=OTHER, size=1_000, value=1 * USD),
    ]
    assert measure(run_of(*opened, *closed)).liquidation.loss_share == pytest.approx(21.0 / 150.0)
    assert measure(run_of(*closed)).liquidation.loss_share is None, "no entry is known"


def test_slippage_is_against_the_true_price_at_the_trigger() -> None:
    path = np.full(61, 100.0)
    path[7:] = 50.0  # from second 70 on: after the trigger, so it must not count
    found = measure(
        run_of(
            STARTED,
            event(Traded, 65, taker=LONG, maker=OTHER, taker_side=1, price=99, size=1_000, liquidation=1),
            event(Traded, 75, taker=LONG, maker=OTHER, taker_side=1, price=97, size=3_000, liquidation=1),
            event(Traded, 76, taker=SHORT, maker=OTHER, taker_side=1, price=1, size=3_000),  # no liquidation
            path_usd=path,
        )
    )
    assert found.liquidation.slippage_bp == pytest.approx(250.0)  # VWAP 97.5


def test_slippage_of_a_short_is_positive_when_it_buys_above() -> None:
    started = event(LiquidationStarted, 60, account=SHORT, market=-1)
    bought = event(Traded, 60, taker=SHORT, maker=OTHER, taker_side=0, price=102, size=1_000, liquidation=1)
    assert measure(run_of(started, bought)).liquidation.slippage_bp == pytest.approx(200.0)


def test_auction_discount_is_the_bidders_gain_over_the_notional_they_took() -> None:
    taken = event(AuctionTaken, 60, account=LONG, bidder=OTHER, gain=3 * USD)
    closed = event(Liquidated, 60, account=LONG, size=1_000, method=Method.AUCTION)  # 100 USD
    assert measure(run_of(STARTED, taken, closed)).liquidation.auction_discount_bp == pytest.approx(300.0)


def test_seconds_from_breach_to_flat_and_those_unfinished() -> None:
    found = measure(
        run_of(
            STARTED,  # 60 to 62
            event(LiquidationStarted, 61, account=SHORT, market=0),  # isolated: 61 to 71
            event(LiquidationEnded, 62, account=LONG, market=-1),
            event(LiquidationEnded, 71, account=SHORT, market=0),
            event(LiquidationStarted, 80, account=LONG, market=-1),  # the same account again: 80 to 84
            event(LiquidationEnded, 84, account=LONG, market=-1),
            event(LiquidationStarted, 590, account=OTHER, market=-1),  # 590 to the end, 600
        )
    ).liquidation
    assert (found.seconds_median, found.seconds_max, found.unfinished) == (7.0, 10.0, 1)  # 2, 4, 10, 10


# -- what was lost, and who paid --


def test_bad_debt_and_who_paid_it() -> None:
    found = measure(
        run_of(
            STARTED,
            event(Liquidated, 60, account=LONG, size=1_000, deficit=10 * USD, method=Method.BOOK),
            event(DeficitPaid, 60, account=LONG, payer=Payer.INSURANCE_FUND, amount=4 * USD),
            event(LossSocialized, 60, amount=5 * USD, open_lots=2_500, accrual_delta=1_000 << 32),  # 0.001 USD per lot
            event(DeficitPaid, 60, account=LONG, payer=Payer.SOCIALIZED, amount=5 * USD),
            event(DeficitPaid, 60, account=LONG, payer=Payer.UNCOVERED, amount=1 * USD),
            event(Liquidated, 61, account=SystemAccount.VAULT, size=1_000, deficit=7 * USD),  # the same loss, handed on
        )
    ).losses
    assert (found.bad_debt_usd, found.fund_usd, found.socialized_usd, found.uncovered_usd) == (10.0, 4.0, 5.0, 1.0)
    assert found.socialized_per_coin_usd == pytest.approx(1.0)


@pytest.mark.parametrize(("gain", "loss_usd"), [(-30, 30.0), (30, 0.0)])
def test_the_vault_pays_what_it_lost_over_the_run(gain: int, loss_usd: float) -> None:
    closing = run_of().opening_equity.copy()
    closing[SystemAccount.VAULT] += gain * USD
    closing[LONG] -= gain * USD
    assert measure(run_of(closing_equity=closing)).losses.vault_usd == loss_usd


def test_a_deficit_that_is_still_open_at_the_end_is_told() -> None:
    closing = run_of().opening_equity + USD * by_account(LONG=-1_003, SHORT=-1_001, OTHER=2_004)
    assert measure(run_of(closing_equity=closing)).losses.open_deficit_usd == 4.0


# -- auto-deleveraging --


def test_adl_totals_and_its_ratio_to_liquidations() -> None:
    found = measure(
        run_of(
            STARTED,
            event(Liquidated, 60, account=LONG, size=4_000, method=Method.BOOK),  # 400 USD
            event(Deleveraged, 121.5, loser=LONG, winner=SHORT, size=1_000, value=98 * USD, conceded=2 * USD, mark=100, profit=USD),
            event(Deleveraged, 122, loser=LONG, winner=SHORT, size=500, value=49 * USD, conceded=USD, mark=100, profit=-USD),
        )
    )
    adl = found.adl
    assert (adl.notional_usd, adl.fills, adl.positions, adl.profit_removed_usd) == (150.0, 2, 1, 1.0)
    assert (adl.delay_s, adl.delay_from_start_s, adl.to_liquidation, adl.in_profit_share) == (61.5, 61.5, 0.375, 0.5)
    assert found.losses.adl_conceded_usd == 3.0


def test_the_delay_of_adl_counts_from_the_watched_time() -> None:
    again = event(LiquidationStarted, 100, account=LONG)
    closed = event(Deleveraged, 121.5, loser=LONG, winner=SHORT, size=1_000, mark=100)
    adl = measure(run_of(STARTED, again, closed, watch_ts=at(90))).adl
    assert (adl.delay_s, adl.delay_from_start_s) == (21.5, 61.5)


def test_top_percent_share_is_that_of_the_hardest_hit_one_in_a_hundred() -> None:
    each = [event(Deleveraged, 60, winner=8 + n, size=1_000 if n else 50_000, mark=100) for n in range(150)]
    share = measure(run_of(STARTED, *each, opening_size=by_account(), closing_size=by_account())).adl.top_percent_share
    assert share == pytest.approx((50 + 1) / (50 + 149))  # two of 150


def test_liquidations_must_come_before_the_adl_of_their_pass() -> None:
    late = event(Traded, 60, taker=LONG, maker=OTHER, taker_side=1, price=99, size=1, liquidation=1)
    other = event(LiquidationStarted, 60, account=OTHER, market=-1)
    mark = event(MarkMoved, 60, mark=99, previous=100)
    assert measure(run_of(STARTED, late, ADL)).adl.order_violations == 0
    assert measure(run_of(STARTED, ADL, late, other)).adl.order_violations == 2
    assert measure(run_of(STARTED, ADL, mark, other)).adl.order_violations == 0  # the next pass


# -- what it cost a bystander --


def test_cost_of_a_bystander_is_socialized_loss_and_adl_concession_funding_apart() -> None:
    """A long of 10 coins, a short of 10 coins of which 4 are deleveraged: 1,000 USD of opening notional each."""
    found = measure(
        run_of(
            event(FundingCharged, 10, price=100, accrual_delta=500 << 32),  # 0.0005 USD per lot, 5 USD per 10 coins
            event(LossSocialized, 20, amount=0, accrual_delta=100 << 32),  # 1 USD per 10 coins, both sides
            event(Deleveraged, 30, loser=SystemAccount.VAULT, winner=SHORT, size=4_000, value=402 * USD, mark=100),  # 2 USD above the mark
            event(LossSocialized, 40, amount=0, accrual_delta=100 << 32),  # 1 USD for the long, 0.6 for the short
            opening_size=by_account(LONG=10_000, SHORT=-10_000),
            closing_size=by_account(LONG=10_000, SHORT=-6_000, OTHER=-4_000),
        )
    ).stress
    assert (found.long_socialized_bp, found.long_adl_bp, found.long_funding_bp) == pytest.approx((20.0, 0.0, 50.0))
    assert (found.short_socialized_bp, found.short_adl_bp, found.short_funding_bp) == pytest.approx((16.0, 20.0, -50.0))
    assert (found.long_bp, found.short_bp) == pytest.approx((20.0, 36.0))


def test_adl_at_a_better_price_than_the_mark_is_a_gain_and_a_long_concedes_below_it() -> None:
    better = event(Deleveraged, 30, winner=SHORT, size=1_000, value=99 * USD, mark=100)  # a short buys back below the mark
    worse = event(Deleveraged, 31, winner=LONG, size=1_000, value=98 * USD, mark=100)
    held = by_account(LONG=1_000, SHORT=-1_000)
    found = measure(run_of(better, worse, opening_size=held, closing_size=by_account())).stress
    assert (found.short_adl_bp, found.long_adl_bp) == pytest.approx((-100.0, 200.0))


def test_an_account_that_trades_pays_for_what_it_held_at_the_time() -> None:
    found = measure(
        run_of(
            event(Traded, 10, taker=LONG, maker=OTHER, taker_side=1, price=100, size=600),
            event(BlockTraded, 15, buyer=OTHER, seller=LONG, size=150, price=100),
            event(LossSocialized, 20, accrual_delta=1_000 << 32),  # 0.001 USD per lot, on 250 lots
            opening_size=by_account(LONG=1_000, HEDGER=-1_000),
            closing_size=by_account(LONG=250, OTHER=750, HEDGER=-1_000),
        )
    ).stress
    assert found.long_bp == pytest.approx(25.0)  # 0.25 USD of 100
    assert found.short_bp == pytest.approx(100.0)


def test_liquidated_accounts_are_no_bystanders() -> None:
    held, closing = by_account(LONG=1_000, SHORT=-1_000), by_account(OTHER=1_000, SHORT=-1_000)
    found = measure(run_of(STARTED, opening_size=held, closing_size=closing)).stress
    assert (found.long_bp, found.short_bp) == (None, 0.0)


def test_positions_that_the_events_do_not_explain_are_refused() -> None:
    held = by_account(LONG=1_000, SHORT=-1_000)
    with pytest.raises(MetricsError, match="closing position of account 8"):
        measure(run_of(opening_size=held, closing_size=by_account(LONG=999, SHORT=-999)))


# -- the market --


def test_gaps_to_the_true_price_are_taken_at_moves_of_either() -> None:
    path = np.full(61, 100.0)
    path[20:30] = 80.0  # seconds 200 to 299
    found = measure(
        run_of(
            event(Traded, 50, taker=OTHER, maker=HEDGER, price=104, size=1),  # 400 bp off; stale, 3,000 bp off, from second 200 on
            event(MarkMoved, 205, mark=82, previous=100),  # the mark is 2,500 bp off from second 200 to 205
            event(MarkMoved, 299, mark=100, previous=82),
            path_usd=path,
        )
    ).prices
    assert (found.mark_gap_bp, found.last_gap_bp) == pytest.approx((2_500.0, 3_000.0))


def test_least_depth_and_a_side_without_orders() -> None:
    bids, asks = np.full(10, 1e6), np.full(10, 1e6)
    bids[3], asks[4] = 2e5, np.nan
    found = measure(run_of(book=samples(bid_depth_usd=bids, ask_depth_usd=asks))).liquidity
    assert (found.bid_depth_min_usd, found.ask_depth_min_usd) == (2e5, 0.0)
    assert found.bid_depth_worst_minute_usd == 2e5  # one sample per minute here


def test_spreads_are_those_of_the_worst_minute() -> None:
    half = np.tile(np.array([[10.0, -10.0], [20.0, -20.0], [30.0, -30.0]]), (10, 1, 1))
    half[5, 1] = (70.0, -80.0)
    half[6, 2, 1] = np.nan  # the large size cannot be sold
    found = measure(run_of(book=samples(effective_bp=half)))
    spreads = found.liquidity
    assert spreads.quoted_spread_bp == pytest.approx(20.0)
    assert (spreads.effective_spread_1_bp, spreads.effective_spread_2_bp) == (20.0, 150.0)
    assert (spreads.effective_spread_3_bp, spreads.fillable_share) == (60.0, 0.9)
    assert found.minutes.effective_spread_3_bp[5:8] == [60.0, None, 60.0]
    assert found.minutes.start_ts[1] - found.minutes.start_ts[0] == 60 * 10**9


def test_fills_in_the_deepest_minute_over_the_busiest() -> None:
    calm = [event(Traded, 5 + n, taker=OTHER, maker=HEDGER, price=99, size=1) for n in range(8)]
    deep = [event(Traded, 130, taker=OTHER, maker=HEDGER, price=price, size=1) for price in (60, 70)]
    found = measure(run_of(*calm, *deep))
    assert found.liquidity.deepest_minute_trades == 0.25
    assert found.minutes.trades[:4] == [8, 0, 2, 0]


def test_minutes_add_up_to_the_totals() -> None:
    closed = event(Liquidated, 60, account=LONG, size=2_000, method=Method.ADL)
    found = measure(run_of(STARTED, closed, ADL))
    assert found.minutes.liquidated_usd[:3] == [0.0, 200.0, 0.0]
    assert found.minutes.deleveraged_usd[:3] == [0.0, 100.0, 0.0]
    assert len(found.minutes.start_ts) == len(found.minutes.true_usd) == 11
    assert found.minutes.true_usd[-1] is None  # the run ends with the minute: no sample


def test_funding_per_coin_and_interval() -> None:
    charges = [(60, 50_000), (60.5, 10_000), (120, -20_000)]  # [micro per 1,000 lots]
    events = [event(FundingCharged, second, price=100, accrual_delta=(micro << 32) // 1_000) for second, micro in charges]
    found = measure(run_of(*events))
    assert [(one.ts, one.usd_per_coin) for one in found.funding] == [
        (at(60), pytest.approx(0.06)),  # two charges of one minute are one interval
        (at(120), pytest.approx(-0.02)),
    ]
    assert found.funding[0].rate_bp == pytest.approx(6.0)
    assert found.flow.funding_usd_per_coin == pytest.approx(0.04)


def test_flow_counts() -> None:
    flow = measure(run_of(event(Traded, 5, taker=OTHER, maker=HEDGER, price=99, size=1))).flow
    assert (flow.commands, flow.events, flow.fills) == (7, 2, 1)


# -- the audit --


def test_profits_and_losses_by_cohort_sum_to_zero_with_all_system_accounts() -> None:
    closing = run_of().opening_equity.copy()
    for account, gain in ((LONG, -50), (SHORT, 30), (SystemAccount.INSURANCE_FUND, 25), (SystemAccount.UNCOVERED, -5)):
        closing[account] += gain * USD
    lines = measure(run_of(closing_equity=closing)).accounting.profit_and_loss
    told = {"longs": -50, "shorts": 30, "insurance_fund": 25, "vault": 0, "fees": 0, "rounding": 0, "uncovered": -5}
    assert lines == {name: gain * USD for name, gain in told.items()}


def test_payments_in_and_out_are_no_profit() -> None:
    moved = [
        event(Deposited, 5, account=LONG, amount=70 * USD),
        event(Withdrawn, 6, account=SHORT, amount=20 * USD),
        event(Transferred, 7, account=LONG, to=OTHER, amount=10 * USD),
    ]
    closing = run_of().opening_equity + USD * by_account(LONG=60, SHORT=-20, OTHER=10)
    run = run_of(*moved, closing_equity=closing, deposits=4_070 * USD, withdrawals=20 * USD, balances={"traders": 4_050 * USD})
    found = measure(run).accounting
    assert set(found.profit_and_loss.values()) == {0}
    assert (found.deposits, found.withdrawals) == (4_070 * USD, 20 * USD)


def test_what_positions_owe_by_their_index_is_in_the_line_of_rounding() -> None:
    """CLEARING paid 9 micro-units out that two positions still owe as 5 + 5: one micro-unit of rounding."""
    closing = run_of().opening_equity.copy()
    closing[LONG] += 4  # got 9, owes 5
    closing[SHORT] -= 5
    closing[SystemAccount.CLEARING] -= 9
    assert measure(run_of(closing_equity=closing)).accounting.profit_and_loss["rounding"] == 1


def test_broken_books_are_refused() -> None:
    closing = run_of().opening_equity.copy()
    closing[LONG] -= 2  # two micro-units vanish, but no more than rounding may take
    assert measure(run_of(closing_equity=closing)).accounting.profit_and_loss["rounding"] == 2
    closing[LONG] -= 100
    with pytest.raises(MetricsError, match="rounding has collected 102"):
        measure(run_of(closing_equity=closing))
    with pytest.raises(MetricsError, match="profits and losses of all cohorts sum to -7"):
        one_less = run_of().opening_equity.copy()
        one_less[LONG] += 7
        measure(run_of(opening_equity=one_less))
    with pytest.raises(MetricsError, match="balances sum to 3999999999 micro-units, expected 4000000000"):
        measure(run_of(balances={"traders": 4_000 * USD - 1}))
    with pytest.raises(MetricsError, match="positions of BTC sum to 1 lots"):
        measure(run_of(closing_size=by_account(LONG=1)))


def test_an_account_in_no_cohort_breaks_the_identity() -> None:
    closing = run_of().opening_equity + USD * by_account(LONG=3, SHORT=-3)
    with pytest.raises(MetricsError, match="sum to -3000000"):
        measure(run_of(closing_equity=closing, cohorts=(Cohort("shorts", np.array([SHORT, HEDGER, OTHER])),)))


def test_positions_and_balances_are_reported_as_integers() -> None:
    held = by_account(LONG=1_000, SHORT=-400, HEDGER=-600)
    found = measure(run_of(opening_size=held, closing_size=held)).accounting
    assert (found.positions["BTC"].long, found.positions["BTC"].short, found.positions["BTC"].sum) == (1_000, -1_000, 0)
    assert found.balances == {"traders": 4_000 * USD}


# -- names --


def test_the_catalogue_is_the_fields_and_every_one_is_documented() -> None:
    told = [measure.key for measure in CATALOGUE]
    found = measure(run_of())
    scalars = [
        f"{group.name}.{field.name}"
        for group in fields(found)
        if isinstance(value := getattr(found, group.name), Struct) and group.name not in ("accounting", "minutes")
        for field in fields(value)
    ]
    assert told == scalars
    document = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert set(told) <= set(re.findall(r"`([a-z_]+\.\w+)`", document))
    assert found.scalar("flow.commands") == 7


def test_measuring_does_not_change_the_run_and_gives_the_same_twice() -> None:
    run = run_of(STARTED, ADL, start_ts=START)
    before = run.events.copy()
    assert measure(run) == measure(run)
    assert (run.events == before).all()
