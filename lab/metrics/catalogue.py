"""What is measured of a run: `measure(run)` gives every number of docs/metrics.md, under the same names.

Rules of the file: `CATALOGUE` lists every number that is compared between venues, once, with its unit and a plain name; a report
adds none. Money is summed as integers of micro-units and divided once. Before anything is measured the run is audited: balances
against deposits, positions against zero, profits and losses against each other, to the last unit.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec
from msgspec import Struct

from perplab.exchange.messages import SystemAccount

from ..runs import Run
from .adl import Bearer, Deleveraging, bearers, deleveraging
from .costs import INSURED, CostLine, Costs, cost_lines, costs_of, replayed
from .losses import Liquidation, Losses, Stress, liquidation, losses, stress
from .market import (
    Flow,
    FundingInterval,
    Liquidity,
    Minutes,
    Prices,
    by_minute,
    flow,
    funding,
    liquidity,
    prices,
)
from .pools import POOL, Pools, When, pools, when
from .rows import Bools, Log, MetricsError
from .totals import Waterfall, waterfall
from .valuation import paid_in
from .wealth import Wealth, wealth_of

__all__ = ["CATALOGUE", "Accounting", "Measure", "Metrics", "MetricsError", "measure"]

SYSTEM_LINES: Final = {  # profit and loss line -> the system accounts in it
    "insurance_fund": (SystemAccount.INSURANCE_FUND,),
    "vault": (SystemAccount.VAULT,),
    "fees": (SystemAccount.FEES,),
    "rounding": (SystemAccount.ROUNDING, SystemAccount.CLEARING),
    "uncovered": (SystemAccount.UNCOVERED,),
}


class Positions(Struct, frozen=True):
    """Closing positions of a market: long lots, short lots (negative), and their sum, which is 0. [lots]"""

    long: int
    short: int
    sum: int


class Accounting(Struct, frozen=True):
    """Integers to the micro-unit. `profit_and_loss` sums to 0, `balances` to deposits - withdrawals."""

    deposits: int
    withdrawals: int
    balances: dict[str, int]
    positions: dict[str, Positions]
    profit_and_loss: dict[str, int]
    waterfall: Waterfall


class Metrics(Struct, frozen=True):
    """All that is measured of one run; times in ns since 1970, units in the names."""

    liquidation: Liquidation
    losses: Losses
    adl: Deleveraging
    stress: Stress
    prices: Prices
    liquidity: Liquidity
    flow: Flow
    pool: Pools
    when: When
    cost: Costs
    accounting: Accounting
    cost_lines: list[CostLine]  # empty until the run is compared with others
    adl_bearers: list[Bearer]
    funding: list[FundingInterval]
    sizes_usd: tuple[float, float, float]
    minutes: Minutes

    def scalar(self, key: str) -> float | None:
        """The number of a CATALOGUE key: `metrics.scalar("losses.bad_debt_usd")`."""
        group, name = key.split(".")
        value: float | None = getattr(getattr(self, group), name)
        return value


class Measure(NamedTuple):
    """One number that is compared between venues."""

    key: str
    unit: str
    label: str


CATALOGUE: Final = (
    Measure("liquidation.breached_accounts", "accounts", "accounts that fell below maintenance"),
    Measure("liquidation.accounts", "accounts", "accounts liquidated"),
    Measure("liquidation.notional_usd", "USD", "notional liquidated"),
    Measure("liquidation.loss_share", "share", "lost by liquidated positions since their entry, of their notional"),
    Measure("liquidation.excess_usd", "USD", "lost by the liquidated beyond the price at the trigger"),
    Measure("liquidation.slippage_bp", "bp", "slippage of liquidation orders"),
    Measure("liquidation.auction_discount_bp", "bp", "discount in auctions"),
    Measure("liquidation.seconds_median", "s", "from breach to flat, median"),
    Measure("liquidation.seconds_max", "s", "from breach to flat, longest"),
    Measure("liquidation.unfinished", "liquidations", "liquidations unfinished at the end"),
    Measure("losses.total_usd", "USD", "lost by others than the losers, in all"),
    Measure("losses.bad_debt_usd", "USD", "bad debt"),
    Measure("losses.open_deficit_usd", "USD", "equity below zero at the end"),
    Measure("losses.fund_usd", "USD", "paid by the insurance fund"),
    Measure("losses.fund_drawdown_usd", "USD", "largest fall of the insurance fund"),
    Measure("losses.vault_usd", "USD", "lost by the backstop vault"),
    Measure("losses.vault_cost_usd", "USD", "lost by the vault, what it holds at the true price"),
    Measure("losses.adl_conceded_usd", "USD", "conceded by deleveraged accounts"),
    Measure("losses.socialized_usd", "USD", "socialized"),
    Measure("losses.socialized_per_coin_usd", "USD/coin", "socialized per open coin"),
    Measure("losses.uncovered_usd", "USD", "paid by nobody"),
    Measure("losses.pool_usd", "USD", "paid by the curve's pool"),
    Measure("adl.notional_usd", "USD", "notional deleveraged"),
    Measure("adl.fills", "fills", "ADL fills"),
    Measure("adl.positions", "positions", "positions deleveraged"),
    Measure("adl.profit_removed_usd", "USD", "open profit closed by ADL"),
    Measure("adl.delay_s", "s", "first liquidation to first ADL, in the watched time"),
    Measure("adl.delay_from_start_s", "s", "first liquidation to first ADL, of the run"),
    Measure("adl.needed_usd", "USD", "what the deleveraged losers lacked: the least ADL had to take"),
    Measure("adl.taken_usd", "USD", "profit that ADL took, against the run with infinite insurance"),
    Measure("adl.excess_usd", "USD", "... of it more than was needed"),
    Measure("adl.haircut_max", "share", "share of a deleveraged account's profit taken, largest"),
    Measure("adl.haircut_mean", "share", "share of a deleveraged account's profit taken, mean"),
    Measure("adl.to_liquidation", "ratio", "ADL over liquidated notional"),
    Measure("adl.in_profit_share", "share", "ADL fills whose winner had a profit"),
    Measure("adl.top_percent_share", "share", "ADL notional borne by the top 1 %"),
    Measure("adl.gini", "index", "inequality of ADL among the deleveraged"),
    Measure("adl.order_violations", "events", "liquidations after an ADL of their pass"),
    Measure("stress.long_bp", "bp", "cost of a bystander, long"),
    Measure("stress.long_socialized_bp", "bp", "... of it socialized loss, long"),
    Measure("stress.long_adl_bp", "bp", "... of it conceded in ADL, long"),
    Measure("stress.long_funding_bp", "bp", "funding paid by a bystander, long"),
    Measure("stress.short_bp", "bp", "cost of a bystander, short"),
    Measure("stress.short_socialized_bp", "bp", "... of it socialized loss, short"),
    Measure("stress.short_adl_bp", "bp", "... of it conceded in ADL, short"),
    Measure("stress.short_funding_bp", "bp", "funding paid by a bystander, short"),
    Measure("prices.mark_gap_bp", "bp", "largest gap mark to true price"),
    Measure("prices.last_gap_bp", "bp", "largest gap last to true price"),
    Measure("prices.recovery_s", "s", "until price and depth are back"),
    Measure("liquidity.bid_depth_min_usd", "USD", "least bid depth within 1 %"),
    Measure("liquidity.ask_depth_min_usd", "USD", "least ask depth within 1 %"),
    Measure("liquidity.bid_depth_worst_minute_usd", "USD", "bid depth within 1 %, worst minute"),
    Measure("liquidity.ask_depth_worst_minute_usd", "USD", "ask depth within 1 %, worst minute"),
    Measure("liquidity.quoted_spread_bp", "bp", "quoted spread, worst minute"),
    Measure("liquidity.effective_spread_1_bp", "bp", "effective spread, small size, worst minute"),
    Measure("liquidity.effective_spread_2_bp", "bp", "effective spread, middle size, worst minute"),
    Measure("liquidity.effective_spread_3_bp", "bp", "effective spread, large size, worst minute"),
    Measure("liquidity.fillable_share", "share", "time the book could fill the large size"),
    Measure("liquidity.deepest_minute_trades", "share", "fills in the deepest minute over the busiest"),
    Measure("liquidity.maker_markout_bp", "bp", "lost by makers against the true price, of what they traded"),
    Measure("flow.commands", "commands", "commands"),
    Measure("flow.events", "events", "events"),
    Measure("flow.fills", "fills", "fills"),
    Measure("flow.funding_usd_per_coin", "USD/coin", "funding paid by longs"),
    Measure("pool.lp_usd", "USD", "result of liquidity providers"),
    Measure("pool.own_usd", "USD", "result of the venue's part of the pool"),
    Measure("pool.fees_usd", "USD", "fees earned by the pool"),
    Measure("pool.markout_usd", "USD", "lost by the pool against the true price"),
    Measure("pool.markout_arbitrage_usd", "USD", "... of it to arbitrageurs"),
    Measure("pool.markout_liquidation_usd", "USD", "... of it in liquidations"),
    Measure("pool.markout_others_usd", "USD", "... of it to all others"),
    Measure("pool.markout_stale_usd", "USD", "... of it while the oracle was off"),
    Measure("pool.inventory_usd", "USD", "earned by the pool's position"),
    Measure("pool.rest_usd", "USD", "funding, deficits and the mark in the pool's result"),
    Measure("pool.volume_usd", "USD", "traded with the curve"),
    Measure("pool.arbitrage_share", "share", "curve volume of arbitrageurs"),
    Measure("pool.liquidation_share", "share", "curve volume of liquidations"),
    Measure("pool.lp_stayed_share", "share", "shares of providers, least over most"),
    Measure("when.liquidation_s", "s", "start to first liquidation"),
    Measure("when.fund_s", "s", "start to first payment of the fund"),
    Measure("when.pool_s", "s", "start to first payment of the pool"),
    Measure("when.adl_s", "s", "start to first ADL"),
    Measure("when.socialized_s", "s", "start to first shared loss"),
    Measure("when.uncovered_s", "s", "start to first loss paid by nobody"),
    Measure("cost.common_accounts", "accounts", "accounts that no design liquidated"),
    Measure("cost.baseline_bp", "bp", "cost to them against the baseline"),
    Measure("cost.baseline_long_bp", "bp", "... of longs"),
    Measure("cost.baseline_short_bp", "bp", "... of shorts"),
    Measure("cost.insured_bp", "bp", "cost to them against infinite insurance"),
    Measure("cost.insured_long_bp", "bp", "... of longs"),
    Measure("cost.insured_short_bp", "bp", "... of shorts"),
)


def measure(run: Run) -> Metrics:
    """Every metric of a run. MetricsError if the run's books do not add up."""
    log = Log(run)
    accounting = audit(log)
    minutes, intervals = by_minute(log), funding(log)
    return Metrics(
        liquidation=liquidation(log),
        losses=losses(log),
        adl=deleveraging(log),
        stress=stress(log),
        prices=prices(log),
        liquidity=liquidity(log, minutes),
        flow=flow(log, intervals),
        pool=pools(log),
        when=when(log),
        cost=Costs(),
        accounting=accounting,
        cost_lines=[],
        adl_bearers=bearers(log),
        funding=intervals,
        sizes_usd=run.book.sizes_usd,
        minutes=minutes,
    )


def wealth(run: Run) -> Wealth:
    """What everybody of a run ended with: what a comparison needs of it besides its metrics."""
    return wealth_of(Log(run))


def with_costs(metrics: Metrics, design: Wealth, references: dict[str, Wealth], common: Bools) -> Metrics:
    """The metrics of a run with what only a comparison knows: `references` are the runs to compare with, by BASELINE and INSURED, and
    `common`, bool (n,), says who is compared."""
    lines = [line for name, against in references.items() for line in cost_lines(name, against, design, common)]
    adl = replayed(metrics.adl, design, references[INSURED]) if INSURED in references else metrics.adl
    return msgspec.structs.replace(metrics, adl=adl, cost=costs_of(lines, int(common.sum())), cost_lines=lines)


# -- the audit --


def audit(log: Log) -> Accounting:
    """The integer identities of a run; MetricsError, naming the sum and what it should be, where one is broken."""
    run = log.run
    positions = {run.terms.name: market_positions(run)}
    audit_balances(run, positions)
    return Accounting(
        deposits=run.deposits,
        withdrawals=run.withdrawals,
        balances=dict(run.balances),
        positions=positions,
        profit_and_loss=profit_and_loss(log),
        waterfall=told_waterfall(log),
    )


def audit_balances(run: Run, positions: dict[str, Positions]) -> None:
    """MetricsError if the positions of a market do not sum to 0, or the balances not to what was paid in."""
    for name, held in positions.items():
        must_be(0, held.sum, f"the positions of {name} sum to", "lots")
    must_be(run.deposits - run.withdrawals, sum(run.balances.values()), "the balances sum to", "micro-units")


def told_waterfall(log: Log) -> Waterfall:
    found = waterfall(log)
    must_be(sum(found.paid.values()), sum(found.owed.values()), "what losers could not pay sums to", "micro-units")
    return found


def must_be(expected: int, found: int, what: str, unit: str) -> None:
    if found != expected:
        raise MetricsError(f"{what} {found} {unit}, expected {expected}")


def market_positions(run: Run) -> Positions:
    held = run.closing_size
    return Positions(int(held[held > 0].sum()), int(held[held < 0].sum()), int(held.sum()))


def profit_and_loss(log: Log) -> dict[str, int]:
    """What each cohort and each system account won or lost on the venue, own payments in and out left aside. [micro]

    What positions owe by an index and have not settled is due to CLEARING: it is in the line `rounding`, where it leaves what
    rounding up has collected so far, at least 0 and less than one micro-unit per event and account.
    """
    run = log.run
    gain = run.closing_equity - run.opening_equity - paid_in(log)
    lines = {cohort.name: int(gain[cohort.accounts].sum()) for cohort in run.cohorts}
    lines |= {name: int(sum(gain[int(account)] for account in accounts)) for name, accounts in SYSTEM_LINES.items()}
    if POOL in run.capital:
        lines[POOL] = int(gain[SystemAccount.CURVE])
    lines["rounding"] += unsettled(run)
    must_be(0, sum(lines.values()), "the profits and losses of all cohorts sum to", "micro-units")
    if not 0 <= lines["rounding"] <= len(run.events) + len(gain):
        raise MetricsError(f"rounding has collected {lines['rounding']} micro-units over {len(run.events)} events")
    return lines


def unsettled(run: Run) -> int:
    """What all positions owe by their accruals: all equity there is, less all money there is."""
    return run.deposits - run.withdrawals - int(run.closing_equity.sum())
