"""What losers could not pay and who pays it: on paper, and against plain loops over the event rows of every shipped design."""

from __future__ import annotations

from collections import defaultdict
from functools import cache

import msgspec
import numpy as np
import pytest
from handmade import HEDGER, LONG, OTHER, SHORT, USD, by_account, event, run_of, samples

from perplab.exchange import load_venue, shipped_venues
from perplab.exchange.codes import FIRST_USER, Method, Payer, SystemAccount
from perplab.exchange.events import (
    AuctionTaken,
    CurveTraded,
    DeficitPaid,
    Deleveraged,
    Event,
    Liquidated,
    LiquidationStarted,
    LossSocialized,
    MarkMoved,
    PositionSettled,
    SurplusPaid,
    TakenOver,
    Traded,
    event_of_row,
)
from perplab.lab.metrics import MetricsError, measure
from perplab.lab.metrics.positions import position_changes
from perplab.lab.metrics.rows import Log
from perplab.lab.runs import Run
from perplab.lab.scenario import BarsPath, load_scenario
from perplab.lab.simulation import run

VAULT, FUND = SystemAccount.VAULT, SystemAccount.INSURANCE_FUND
ACCOUNTS = 60
STARTED = event(LiquidationStarted, 60, account=LONG, market=-1)


# -- on paper --


def paid(payer: Payer, usd: int, account: int = LONG, second: float = 60) -> Event:
    return event(DeficitPaid, second, account=account, payer=payer, amount=usd * USD)


def closed(deficit: int, account: int = LONG, method: Method = Method.BOOK, size: int = 1_000, second: float = 60) -> Event:
    return event(Liquidated, second, account=account, size=size, deficit=deficit * USD, method=method)


def test_the_total_is_all_that_others_paid_or_will() -> None:
    equity = run_of().opening_equity + USD * by_account(SHORT=-1_007, OTHER=1_007)
    found = measure(run_of(STARTED, closed(10), paid(Payer.INSURANCE_FUND, 4), paid(Payer.UNCOVERED, 6), closing_equity=equity))
    assert found.losses.total_usd == 17.0  # 4 by the fund, 6 by nobody, 7 still open
    told = found.accounting.waterfall
    assert sum(told.owed.values()) == sum(told.paid.values()) == 17 * USD


def test_a_deficit_without_a_payer_is_refused() -> None:
    with pytest.raises(MetricsError, match="what losers could not pay sums to 10000000 micro-units, expected 4000000"):
        measure(run_of(STARTED, closed(10), paid(Payer.INSURANCE_FUND, 4)))


def test_winners_pay_by_the_price_of_adl_and_a_payer_the_rest() -> None:
    """A long of 1 coin is due 103 USD at a mark of 100, winners pay 102: 3 of bad debt, 2 by them, 1 by the fund."""
    fills = [event(Deleveraged, 60, loser=LONG, winner=who, size=500, value=51 * USD, conceded=USD, mark=100) for who in (SHORT, HEDGER)]
    found = measure(run_of(STARTED, *fills, closed(3, method=Method.ADL), paid(Payer.INSURANCE_FUND, 1)))
    assert found.accounting.waterfall.paid["winners"] == 2 * USD
    assert (found.losses.total_usd, found.adl.needed_usd, found.adl.gini) == (3.0, 3.0, 0.0)


def test_what_a_loser_still_had_is_no_concession() -> None:
    fill = event(Deleveraged, 60, loser=LONG, winner=SHORT, size=1_000, value=98 * USD, conceded=2 * USD, mark=100)
    assert measure(run_of(STARTED, fill, closed(0, method=Method.ADL))).losses.total_usd == 0.0


def test_bidders_earn_what_payers_pay_beyond_the_deficit() -> None:
    taken = event(AuctionTaken, 60, account=LONG, bidder=OTHER, gain=2 * USD, paid=7 * USD)
    found = measure(run_of(STARTED, closed(5, method=Method.AUCTION), paid(Payer.INSURANCE_FUND, 7), taken)).accounting.waterfall
    assert (found.owed["deficits"], found.owed["bidders_premium"], found.paid["insurance_fund"]) == (5 * USD, 2 * USD, 7 * USD)


def test_the_vault_counts_with_its_whole_result_and_at_the_true_price() -> None:
    """It pays 5 USD at the takeover of 1 coin at 100; the mark ends at 90, the true price at 80."""
    path = np.full(61, 100.0)
    path[7:] = 80.0
    closing = run_of().opening_equity + USD * by_account(OTHER=15)
    closing[VAULT] -= 15 * USD
    held = by_account(OTHER=-1_000)
    held[VAULT] = 1_000
    made = run_of(
        STARTED,
        event(TakenOver, 60, account=LONG, vault=VAULT, size=1_000, value=100 * USD),
        closed(5, method=Method.TAKEOVER),
        paid(Payer.VAULT, 5),
        event(MarkMoved, 70, mark=90, previous=100),
        closing_equity=closing,
        opening_size=by_account(LONG=1_000, OTHER=-1_000),
        closing_size=held,
        path_usd=path,
    )
    found = measure(made)
    assert (found.losses.vault_usd, found.losses.vault_cost_usd, found.losses.total_usd) == (15.0, 25.0, 25.0)
    assert found.accounting.waterfall.owed["vault_trading"] == 10 * USD


def test_a_vault_that_gained_takes_nothing_off_the_total() -> None:
    closing = run_of().opening_equity - USD * by_account(OTHER=15)
    closing[VAULT] += 15 * USD
    losses = measure(run_of(closing_equity=closing)).losses
    assert (losses.vault_cost_usd, losses.total_usd) == (-15.0, 0.0)


def test_what_is_paid_by_one_who_cannot_pay_is_counted_once() -> None:
    """LONG and SHORT, 10 coins each, and HEDGER with 20 share OTHER's loss of 40 USD. SHORT has nothing: its 10 are then the fund's."""
    found = measure(
        run_of(
            event(LiquidationStarted, 20, account=OTHER, market=-1),
            closed(40, account=OTHER, second=20),
            event(LossSocialized, 20, amount=40 * USD, accrual_delta=1_000 << 32),  # 0.001 USD per lot
            paid(Payer.SOCIALIZED, 40, account=OTHER, second=20),
            event(LiquidationStarted, 30, account=SHORT, market=-1),
            closed(10, account=SHORT, second=30),
            paid(Payer.INSURANCE_FUND, 10, account=SHORT, second=30),
            opening_size=by_account(LONG=10_000, SHORT=-10_000, HEDGER=-20_000, OTHER=20_000),
            closing_size=by_account(LONG=10_000, SHORT=-10_000, HEDGER=-20_000, OTHER=20_000),
        )
    )
    assert found.losses.total_usd == pytest.approx(40.0)
    assert sum(found.accounting.waterfall.paid.values()) == 50 * USD


def test_the_drawdown_of_the_fund_is_its_largest_fall_on_the_way() -> None:
    closing = run_of().opening_equity + USD * by_account(OTHER=1)
    closing[FUND] -= USD  # -8 + 10 + 3 of fees - 6
    events = [
        STARTED,
        closed(8),
        paid(Payer.INSURANCE_FUND, 8),
        event(SurplusPaid, 61, account=LONG, to=FUND, amount=10 * USD),
        event(Liquidated, 62, account=LONG, size=1_000, method=Method.BOOK, fee=6 * USD),  # half of it to the fund
        closed(6, second=63),
        paid(Payer.INSURANCE_FUND, 6, second=63),
    ]
    assert measure(run_of(*events, closing_equity=closing)).losses.fund_drawdown_usd == pytest.approx(8.0)


def test_over_liquidation_is_beyond_the_true_price_at_the_trigger() -> None:
    """A long of 2 coins: one sold at 95, one taken over at 97 with 4 USD left; the true price was 100. And 3 USD were paid for it."""
    events = [
        STARTED,
        event(Liquidated, 61, account=LONG, size=1_000, value=95 * USD, method=Method.BOOK, fee=USD),
        event(Liquidated, 62, account=LONG, size=1_000, value=97 * USD, method=Method.TAKEOVER),
        event(SurplusPaid, 62, account=LONG, to=VAULT, amount=4 * USD),
        closed(3, size=0, second=63),
        paid(Payer.UNCOVERED, 3, second=63),
        event(LiquidationStarted, 60, account=SHORT, market=-1),
        event(Liquidated, 61, account=SHORT, size=-1_000, value=99 * USD, method=Method.BOOK),  # cheaper than the true price: 0
    ]
    assert measure(run_of(*events)).liquidation.excess_usd == pytest.approx(5 + 1 + 3 + 4 - 3)


def test_recovery_is_when_price_and_depth_last() -> None:
    def of(last: list[float], depth: list[float]) -> float | None:
        book = samples(last_usd=np.array(last), bid_depth_usd=1e6 * np.array(depth))
        return measure(run_of(STARTED, book=book)).prices.recovery_s

    good, flat = [100.0] * 10, [1.0] * 10
    assert of(good, flat) == 0.0
    assert of([100, 100, 95, 97, 100, 100, 100, 100, 100, 100], flat) == 120.0  # worst at 120 s, back at 240 s
    assert of([100, 100, 95, 97, 100, 100, 100, 100, 100, 100], [1, 1, 1, 1, 0.4, 0.4, 0.5, 1, 1, 1]) == 240.0
    assert of([100, 100, 95, 97, 97, 97, 97, 97, 97, 97], flat) == 480.0  # never: to the end of the run
    assert measure(run_of()).prices.recovery_s is None


# -- every shipped design --


@cache
def made(venue: str) -> Run:
    """The two worst minutes of the crash with few accounts."""
    scenario = load_scenario("flash")
    assert isinstance(scenario.path, BarsPath)
    plain: dict[str, object] = msgspec.to_builtins(scenario.path)
    path = plain | {"start": "2025-10-10T21:19:00Z", "watch_from": None, "bars": scenario.path.bars[7:9]}
    return run(load_venue(venue), scenario.override({"path": path}), 1, accounts=ACCOUNTS)


@cache
def events_of(venue: str) -> list[Event]:
    return [event_of_row(row.tolist()) for row in made(venue).events]


@pytest.mark.parametrize("venue", shipped_venues())
def test_both_sides_are_equal_to_the_micro_unit(venue: str) -> None:
    """From the rows alone: what came to losers, and what payers gave."""
    owed = given = 0
    conceded: dict[int, int] = defaultdict(int)
    for one in events_of(venue):
        if isinstance(one, Deleveraged):
            conceded[one.loser] += one.value - one.size * one.mark * made(venue).terms.unit
        elif isinstance(one, Liquidated):
            from_winners = max(0, conceded.pop(one.account, 0) * (1 if one.size > 0 else -1)) if one.method == Method.ADL else 0
            given += from_winners
            owed += one.deficit if one.method != Method.AUCTION else 0
        elif isinstance(one, AuctionTaken):
            owed += max(0, one.paid - one.gain) + min(one.paid, max(0, one.gain))
            given += max(0, -one.gain) if one.paid >= one.gain else 0
        elif isinstance(one, DeficitPaid):
            given += one.amount
    told = measure(made(venue)).accounting.waterfall
    assert owed == given
    assert sum(told.owed.values()) == sum(told.paid.values())
    assert told.paid["winners"] + told.paid["socialized"] + told.paid["insurance_fund"] <= given


@pytest.mark.parametrize("venue", ["book_vault_adl", "hyperliquid", "paradex", "perp_v2_curie"])
def test_what_the_vault_lost_follows_from_its_cash(venue: str) -> None:
    one_run, cash, lots = made(venue), 0, 0
    unit = one_run.terms.unit
    for one in events_of(venue):
        if isinstance(one, TakenOver):
            lots, cash = lots + one.size, cash - one.value * (1 if one.size > 0 else -1)
        elif isinstance(one, Traded) and VAULT in (one.taker, one.maker):
            bought = (one.taker_side == 0) == (one.taker == VAULT)
            step = one.size if bought else -one.size
            fee = one.taker_fee if one.taker == VAULT else one.maker_fee
            lots, cash = lots + step, cash - step * one.price * unit - fee
        elif isinstance(one, CurveTraded) and one.taker == VAULT:
            step = one.size if one.side == 0 else -one.size
            lots, cash = lots + step, cash - (one.value if step > 0 else -one.value) - one.taker_fee
        elif isinstance(one, Deleveraged) and one.loser == VAULT:
            step = -one.size if lots > 0 else one.size
            lots, cash = lots + step, cash + (one.value if step < 0 else -one.value)
        elif isinstance(one, DeficitPaid) and (one.payer == Payer.VAULT or one.account == VAULT):
            cash += one.amount if one.account == VAULT else -one.amount
        elif isinstance(one, SurplusPaid) and one.to == VAULT:
            cash += one.amount
        elif isinstance(one, PositionSettled) and one.account == VAULT:
            cash -= one.amount
    assert lots == one_run.closing_size[VAULT] and cash != 0
    mark = [one.mark for one in events_of(venue) if isinstance(one, MarkMoved)][-1]
    result = int(one_run.closing_equity[VAULT] - one_run.opening_equity[VAULT])
    unsettled = result - cash - lots * mark * unit  # by the accruals since the position was last touched
    assert unsettled == 0 or (lots != 0 and abs(unsettled) < abs(lots) * mark * unit // 1_000)
    assert measure(one_run).accounting.waterfall.paid["vault"] == -result
    assert measure(one_run).losses.vault_usd == pytest.approx(max(0, -result) / USD)


@pytest.mark.parametrize("venue", ["book_fund_adl", "auction_fund_adl", "auction_fund_social", "paradex"])
def test_over_liquidation_and_needed_money_from_the_rows(venue: str) -> None:
    one_run, started, lost, needed = made(venue), {}, defaultdict(float), 0
    for one in events_of(venue):
        if isinstance(one, LiquidationStarted):
            started[one.account] = one.ts
        elif isinstance(one, Liquidated):
            needed += one.deficit if one.method == Method.ADL else 0
            if one.account >= FIRST_USER and one.account in started:
                fair = one_run.path_usd[one_run.path_ts <= started[one.account]][-1] / one_run.terms.tick
                sign = 1 if one.size > 0 else -1
                lost[one.account] += sign * (fair * abs(one.size) * one_run.terms.unit - one.value) + one.fee
        elif isinstance(one, SurplusPaid):
            lost[one.account] += one.amount
        elif isinstance(one, AuctionTaken):
            lost[one.account] += one.gain
        elif isinstance(one, DeficitPaid):
            lost[one.account] -= one.amount
    found = measure(one_run)
    assert found.adl.needed_usd == pytest.approx(needed / USD)
    assert found.liquidation.excess_usd == pytest.approx(sum(max(0.0, each) for each in lost.values()) / USD)
    assert found.liquidation.excess_usd > 0


@pytest.mark.parametrize("venue", ["book_fund_adl", "book_vault_adl"])
def test_gini_and_bearers_of_adl_from_the_rows(venue: str) -> None:
    one_run, by = made(venue), defaultdict(int)
    for one in events_of(venue):
        if isinstance(one, Deleveraged):
            by[one.winner] += one.size * one.mark * one_run.terms.unit
    each, found = list(by.values()), measure(one_run)
    assert len(each) > 1
    assert found.adl.gini == pytest.approx(sum(abs(a - b) for a in each for b in each) / (2 * len(each) * sum(each)))
    for kind in ("all", "side", "leverage", "size", "cohort"):
        told = [one for one in found.adl_bearers if one.by == kind]
        assert (sum(one.accounts for one in told), sum(one.notional for one in told)) == (len(each), sum(each))


@pytest.mark.parametrize("venue", shipped_venues())
def test_events_lead_to_every_closing_position(venue: str) -> None:
    everybody = np.arange(len(made(venue).opening_equity))
    assert len(position_changes(Log(made(venue)), everybody).seq) > len(everybody)
