"""Requirements, liquidation and bankruptcy prices, and what positions realise."""

from __future__ import annotations

from perplab.exchange.design.build import tier_deduction
from perplab.exchange.money.ledger import realised
from perplab.exchange.money.margin import initial_of, lots_after, maintenance_of, row_order_initial
from perplab.exchange.money.payoff import value_of
from perplab.exchange.money.thresholds import surplus, threshold
from perplab.exchange.state.packed import column
from perplab.exchange.state.tables import (
    P_ASK_LOTS,
    P_ASK_NOTIONAL,
    P_BID_LOTS,
    P_BID_NOTIONAL,
    P_LEVERAGE,
    P_SIZE,
    P_WIDTH,
)
from perplab.exchange.state.types import MAX_LEVERAGE

from .adapters import Result, adapter
from .examples import Given
from .records import MICRO, NANO, Scales, plain, ppm

FINE = Scales(10**4, 10**3)  # prices up to 429,496 in 1e-4, sizes in 1e-3


# -- liquidation prices --


def prices(given: Given, size: int, money: tuple[int, int], price: str, mmf: str, deduction: int = 0) -> tuple[int, int]:
    """The prices at which a position is liquidated and bankrupt, with equity at a price and what other positions require."""
    market, mark = FINE.market(maintenance_ppm=ppm(given, mmf), deduction=deduction), given.fixed(price, FINE.ticks)
    return threshold(market, size, money[0], mark, money[1], True), threshold(market, size, money[0], mark, money[1], False)


@adapter("dydx_v4", "liquidation_price_isolated", calls=("money.thresholds.threshold", "money.thresholds.surplus"))
@adapter("dydx_v4", "liquidation_price_cross", calls=("money.thresholds.threshold",))
def dydx_liquidation_price(given: Given) -> Result:
    size, equity = given.fixed("size", FINE.lots), given.fixed("equity", FINE.money)
    elsewhere = given.fixed("mmr_other", FINE.money) if "mmr_other" in given else 0
    found, _ = prices(given, size, (equity, elsewhere), "price", "mmf")
    left = surplus(FINE.market(), size, equity, given.fixed("price", FINE.ticks), 0, found, False)
    return {"liq_price": plain(found, FINE.ticks), "remaining_equity": plain(left, FINE.money)}


@adapter("binance", "liquidation_price_linear", calls=("money.thresholds.threshold",))
def binance_liquidation_price(given: Given) -> Result:
    size = given.fixed("side", 1) * given.fixed("qty", FINE.lots)
    equity = given.fixed("wallet", FINE.money) + given.fixed("upnl_other", FINE.money)
    found, _ = prices(given, size, (equity, given.fixed("tmm_other", FINE.money)), "entry", "mmr", given.fixed("cum", FINE.money))
    return {"liq_price": plain(found, FINE.ticks)}


@adapter("ftx", "liquidation_and_autoclose_price", calls=("money.thresholds.threshold",))
def ftx_prices(given: Given) -> Result:
    size, money = given.fixed("qty", FINE.lots), (given.fixed("collateral", FINE.money), 0)
    found = [prices(given, size, money, "entry", name)[0] for name in ("mmf", "acmf")]
    return {"liq_price": plain(found[0], FINE.ticks), "auto_close_price": plain(found[1], FINE.ticks)}


@adapter("injective_fba", "liquidation_and_bankruptcy_price", calls=("money.thresholds.threshold",))
def injective_prices(given: Given) -> Result:
    found, bankrupt = prices(given, given.fixed("qty", FINE.lots), (given.fixed("margin", FINE.money), 0), "entry", "mmr")
    return {"liq_price": plain(found, FINE.ticks), "bankruptcy": plain(bankrupt, FINE.ticks)}


# -- requirements --


@adapter("dydx_v4", "initial_margin_round_up", calls=("money.margin.initial_of",))
def dydx_initial_margin(given: Given) -> Result:
    market = FINE.market(initial_ppm=given.fixed("imf_ppm", 1))
    return {"initial_margin": initial_of(market, given.fixed("notional", 1), MAX_LEVERAGE)}


@adapter("binance", "maintenance_amount_bracket", calls=("design.build.tier_deduction",))
def binance_amount(given: Given) -> Result:
    before = given.fixed("prev_amount", MICRO)
    found = tier_deduction(before, given.fixed("bracket_floor", 1), ppm(given, "mmr_prev"), ppm(given, "mmr_n"))
    return {"amount": plain(found, MICRO)}


@adapter("binance", "maintenance_margin_tier", calls=("money.margin.maintenance_of",))
def binance_maintenance(given: Given) -> Result:
    market = FINE.market(maintenance_ppm=ppm(given, "mmr"), deduction=given.fixed("amount", NANO))
    return {"maintenance_margin": plain(maintenance_of(market, given.fixed("position_btc", NANO)), NANO)}


@adapter("paradex", "open_size_initial_margin", calls=("money.margin.row_order_initial", "money.margin.lots_after"))
def paradex_initial_margin(given: Given) -> Result:
    """A row of the table of positions, with orders at the mark."""
    market = FINE.market(initial_ppm=ppm(given, "imf"))
    market.mark = given.fixed("mark", FINE.ticks)
    size, bids, asks = (given.fixed(name, FINE.lots) for name in ("position", "buy_orders", "sell_orders"))
    row = column(P_WIDTH, 0)
    row[P_SIZE], row[P_BID_LOTS], row[P_ASK_LOTS], row[P_LEVERAGE] = size, bids, asks, MAX_LEVERAGE
    row[P_BID_NOTIONAL], row[P_ASK_NOTIONAL] = value_of(market, bids, market.mark), value_of(market, asks, market.mark)
    return {
        "buy_open_size": plain(lots_after(size, bids), FINE.lots),
        "sell_open_size": plain(lots_after(size, -asks), FINE.lots),
        "net_imr": plain(row_order_initial(market, row, 0), FINE.money),
    }


# -- what a trade realises --


@adapter("perp_v2", "realised_pnl_reduce", "realised_pnl_flip", calls=("money.ledger.realised",))
def perp_v2_realised(given: Given) -> Result:
    """There a long has paid: its open notional is below zero. The venue's entry notional has the sign of the position."""
    held, lots = given.fixed("size", NANO), -given.fixed("close_size", NANO)
    profit, entry = realised(-given.fixed("open_notional", NANO), held, lots, -given.fixed("quote_received", NANO))
    return {"realised_pnl": plain(profit, NANO), "open_notional_after": plain(-entry, NANO)}
