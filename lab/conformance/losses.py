"""Who pays: deleveraging and its ranks, the insurance fund, shared losses."""

from __future__ import annotations

from fractions import Fraction
from typing import Final, NamedTuple

from perplab.exchange.codes import Side
from perplab.exchange.events import DeficitPaid, Deleveraged, Liquidated, LiquidationStarted
from perplab.exchange.liquidation.backstops import loss_per_lot
from perplab.exchange.liquidation.haircut import haircut_of
from perplab.exchange.liquidation.ranks import ProfitLeverage, Winner, leverage_of, relative_profit
from perplab.exchange.money.ledger import realised
from perplab.exchange.money.payoff import value_of
from perplab.exchange.state.types import PPM

from .adapters import RUNS, Result, adapter
from .examples import Given, Value
from .records import MICRO, NANO, Scales, members, plain, ppm
from .stage import USD, Stage, of

UNIT: Final = Scales(10**3, 10**3)
CLOSED: Final = ("liquidation.adl.Deleveraging.deleverage", "liquidation.passes.LiquidationPass.deleverage_row")
DELEVERAGING: Final[dict[str, object]] = {"backstops": ["auto_deleverage"], "auto_deleverage": {"price": "bankruptcy"}}


# -- auto-deleveraging --


RANK: Final = tuple(f"liquidation.ranks.{name}" for name in ("relative_profit", "leverage_of", "ProfitLeverage.score"))


@adapter("bitmex", "adl_score", calls=RANK)
def bitmex_score(given: Given) -> Result:
    """Of a position alone: behind it is what it is worth more than at its bankruptcy price."""
    market, one = UNIT.market(), int(PPM)
    is_long = given.text("side") == "long"
    lots = given.fixed("qty", UNIT.lots) if is_long else -given.fixed("qty", UNIT.lots)
    entry, mark, bankrupt = (given.fixed(name, UNIT.ticks) for name in ("entry", "mark", "bankruptcy"))
    profit, equity = value_of(market, lots, mark - entry), value_of(market, lots, mark - bankrupt)
    notional, cost = value_of(market, abs(lots), mark), value_of(market, abs(lots), entry)
    score = ProfitLeverage().score(Winner(0, is_long, abs(lots), notional, cost, 0, 0, equity, 0, 0))
    return {
        "pnl_pct": plain(relative_profit(profit, cost, one), one),
        "eff_leverage": plain(leverage_of(notional, equity, one), one),
        "score": plain(score, one * one),
    }


class Long(NamedTuple):
    number: int
    size: Fraction
    score: Fraction


class Closed(NamedTuple):
    number: int  # of the winner
    size: Fraction
    price: Fraction


@adapter("bitmex", "adl_queue_allocation", calls=(*CLOSED, "liquidation.adl.Deleveraging.ranked", RUNS))
def bitmex_queue(given: Given) -> Result:
    """Against a short of the given size; and, for the order of all, against one as large as all longs together."""
    longs = [Long(long.fixed("0", 1), long.number("1"), long.number("2")) for long in given.parts("longs")]
    price = given.number("bankruptcy_price")
    everyone = queue(longs, sum((long.size for long in longs), Fraction(0)), price)
    closed = queue(longs, given.number("liquidated_short_size"), price)
    remaining: dict[str, Value] = {f"remaining_account{long.number}": long.size for long in longs}
    for fill in closed:
        remaining[f"remaining_account{fill.number}"] = next(long.size for long in longs if long.number == fill.number) - fill.size
    return {
        "order": [fill.number for fill in everyone],
        "fills": [[fill.number, fill.size] for fill in closed],
        "price": closed[0].price,
        **remaining,
    }


def queue(longs: list[Long], size: Fraction, price: Fraction) -> list[Closed]:
    """Whom a venue closes a short of this bankruptcy price against. All bought at half of it; the higher a score, the less is behind it."""
    stage = Stage({}, DELEVERAGING)
    entry = price / 2
    scores = sorted({long.score for long in longs}, reverse=True)
    accounts = {stage.open(entry * long.size * (scores.index(long.score) + 1)): long for long in longs}
    loser, rest = stage.open(entry * size), stage.open(10**9)
    stage.oracle(entry)
    for account, long in accounts.items():
        stage.block(account, rest, long.size, entry)
    stage.block(rest, loser, size, entry)
    events = of(Deleveraged, stage.oracle(price + stage.tick))
    return [Closed(accounts[event.winner].number, coins(stage, event.size), price_of(stage, event)) for event in events]


def coins(stage: Stage, lots: int) -> Fraction:
    return lots * stage.lot


def price_of(stage: Stage, event: Deleveraged) -> Fraction:
    """A transfer carries its value; its price is derived."""
    return plain(event.value, USD) / coins(stage, event.size)


@adapter("dydx_v4", "deleveraging_at_bankruptcy_price", calls=(*CLOSED, RUNS))
def dydx_deleveraging(given: Given) -> Result:
    """Both traders on a venue without a fund, and the oracle's jump."""
    stage, (a, b) = Stage({}, DELEVERAGING), (given.part("A"), given.part("B"))
    long, short = stage.open(a.number("deposit")), stage.open(b.number("deposit"))
    stage.oracle(a.number("entry"))
    stage.block(long, short, a.number("size"), a.number("entry"))
    events = stage.oracle(given.number("oracle"))
    (started,), (closed,) = of(LiquidationStarted, events), of(Deleveraged, events)
    return {
        "B_equity": plain(started.equity, USD),
        "bankruptcy_price": price_of(stage, closed),
        "A_realised": plain(closed.profit, USD),
        "B_final_equity": stage.equity(short),
    }


@adapter("bybit", "adl_trigger_pool_empty", calls=(RUNS, "liquidation.passes.LiquidationPass.is_triggered"))
def bybit_empty_pool(given: Given) -> Result:
    """A trader below zero, on a venue whose fund has this much."""
    fund = {"backstops": ["insurance_fund", "auto_deleverage"], "insurance_fund": {"capital": given.fixed("pool_balance", 1)}}
    stage = Stage({}, fund)
    long, short = stage.open(100), stage.open(10_000)
    stage.oracle(100)
    stage.block(long, short, 10, 100)
    return {"triggered": len(of(Deleveraged, stage.oracle(80))) > 0}


# -- the fund, and what nobody pays --


FUND: Final = ("liquidation.backstops.InsuranceFund.pay", "money.ledger.realised", RUNS)


@adapter("dydx_v4", "insurance_fund_contribution", calls=FUND)
def dydx_fund_contribution(given: Given) -> Result:
    """A trader on a venue with a fund, a bid below his bankruptcy price, and the oracle's fall."""
    fund = {"backstops": ["insurance_fund"], "insurance_fund": {"capital": 10**6}}
    maintenance = ppm(given, "mmf")
    tiers = [{"lower_notional": 0, "initial_margin_ppm": maintenance + 1, "maintenance_margin_ppm": maintenance}]
    stage = Stage({"tick": "0.001", "tiers": tiers}, fund)
    trader, other = stage.open(given.number("deposit")), stage.open(10**6)
    stage.oracle(given.number("entry"))
    stage.block(trader, other, given.number("size"), given.number("entry"))
    required, entry = stage.exchange.maintenance_margin(trader), stage.exchange.position(trader, 0).entry_notional
    stage.place(other, Side.BUY, given.number("size"), given.number("fill_price"))
    events = stage.oracle(given.number("oracle"))
    (started,), (closed,), (paid,) = of(LiquidationStarted, events), of(Liquidated, events), of(DeficitPaid, events)
    profit, _ = realised(entry, closed.size, -closed.size, -closed.value)
    return {
        "mmr_at_entry": plain(required, USD),
        "equity_at_oracle": plain(started.equity, USD),
        "pnl_at_fill": plain(profit, USD),
        "insurance_paid": plain(paid.amount, USD),
    }


@adapter("okx", "loss_exceeding_margin", calls=("liquidation.settlement.MarketDesk.settle", RUNS))
def okx_settlement(given: Given) -> Result:
    """A market that is settled, on a venue that has nobody to pay."""
    stage = Stage()
    margin, entry = given.number("margin_each"), given.number("entry")
    winner, loser = stage.open(margin), stage.open(margin)
    stage.oracle(entry)
    stage.block(loser, winner, given.number("contracts"), entry)
    before = stage.equity(winner), stage.equity(loser)
    (unpaid,) = of(DeficitPaid, stage.settle(given.number("settle")))
    gain = stage.equity(winner) - before[0]
    return {"winner_gain": gain, "payable_by_loser": before[1], "shortfall": plain(unpaid.amount, USD)}


# -- shared losses --


@adapter("drift_v2", "socialised_loss_per_base_unit", calls=("liquidation.backstops.loss_per_lot",))
def drift_shared_loss(given: Given) -> Result:
    """Both sides pay, in 1e-6 there."""
    sharing = abs(given.fixed("base_long", MICRO)) + abs(given.fixed("base_short", MICRO))
    return {"cum_funding_delta_per_base": plain(loss_per_lot(given.fixed("loss", MICRO), sharing, MICRO), MICRO)}


@adapter("injective_fba", "socialised_loss_pro_rata", calls=("liquidation.haircut.haircut_of",))
def injective_haircut(given: Given) -> Result:
    """What each profitable position pays, which is the same for all where all are of a size."""
    claims = members(given, "profitable_positions", MICRO)
    parts = {haircut_of(given.fixed("missing", MICRO), claim, sum(claims)) for claim in claims}
    return {"haircut_each": plain(parts.pop(), MICRO) if len(parts) == 1 else None}


@adapter("vertex", "socialised_loss_per_unit", calls=("liquidation.backstops.loss_per_lot",))
def vertex_shared_loss(given: Given) -> Result:
    """The open interest is that of one side; both pay."""
    sharing = 2 * given.fixed("open_interest", NANO)
    return {"per_unit_each_side": plain(loss_per_lot(given.fixed("loss", NANO), sharing, NANO), NANO)}
