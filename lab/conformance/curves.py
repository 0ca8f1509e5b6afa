"""Curves: what a trade costs or fetches, how a curve follows the oracle, how wide it quotes; and what closing into one leaves."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from perplab.exchange.codes import FundingMode, Side
from perplab.exchange.liquidation.slices import deficit_of, fee_of, gain_of
from perplab.exchange.messages import SetFunding
from perplab.exchange.money.ledger import realised
from perplab.exchange.money.payoff import average_price, lots_worth, value_of
from perplab.exchange.money.thresholds import bankruptcy_of, slice_value
from perplab.exchange.state.types import CURVE, PPB, PPM, mul_div_floor, ppb_ceil
from perplab.exchange.trading.curve_impact import Impact, Potential, filled_value, price_impact
from perplab.exchange.trading.curve_oracle import skew_fill_price, vault_spread
from perplab.exchange.trading.curve_product import amount_in, amount_out
from perplab.exchange.trading.curve_vamm import (
    Stance,
    capped_spreads,
    inventory_share,
    k_cost,
    peg_from_target,
    quote_spreads,
    reserve_price,
    scaled,
)

from .adapters import RUNS, Result, adapter
from .examples import Given
from .records import MICRO, NANO, PPT, Scales, plain, ppm
from .stage import USD, Stage

FINE: Final = 10**18
ONE: Final = int(PPM)
OUT, IN = "trading.curve_product.amount_out", "trading.curve_product.amount_in"


# -- x * y = k (Perpetual Protocol v1) --


def reserves(given: Given) -> tuple[int, int]:
    return given.fixed("quote_reserve", FINE), given.fixed("base_reserve", FINE)


LONG_IN: Final = ("vamm_constant_product_quote_in_long", "vamm_constant_product_swapInput_long_600")
SHORT_IN: Final = ("vamm_constant_product_quote_out_short", "vamm_constant_product_swapInput_short_600")
LONG_OUT: Final = ("vamm_constant_product_base_out_long", "vamm_constant_product_swapOutput_long_50")


@adapter("perp_v1", *LONG_IN, calls=(OUT,))
def perp_v1_bought_with(given: Given) -> Result:
    quote, base = reserves(given)
    return {"base_out": plain(amount_out(quote, base, given.fixed("quote_in", FINE)), FINE)}


@adapter("perp_v1", *SHORT_IN, calls=(IN,))
def perp_v1_sold_for(given: Given) -> Result:
    quote, base = reserves(given)
    return {"base_in": plain(amount_in(base, quote, given.fixed("quote_out", FINE)), FINE)}


@adapter("perp_v1", "vamm_constant_product_base_in_short", calls=(OUT,))
def perp_v1_sold(given: Given) -> Result:
    quote, base = reserves(given)
    return {"quote_out": plain(amount_out(base, quote, given.fixed("base_in", FINE)), FINE)}


@adapter("perp_v1", *LONG_OUT, calls=(IN,))
def perp_v1_bought(given: Given) -> Result:
    quote, base = reserves(given)
    return {"quote_in": plain(amount_in(quote, base, given.fixed("base_out", FINE)), FINE)}


@adapter("perp_v1", "toll_and_spread_fee", calls=("state.types.ppb_ceil",))
def perp_v1_fees(given: Given) -> Result:
    amount = given.fixed("quote_amount", NANO)
    return {name: plain(ppb_ceil(amount, given.fixed(f"{name}_ratio", int(PPB))), NANO) for name in ("toll", "spread")}


# -- closing into it --

CLOSED: Final = (OUT, "money.ledger.realised", "liquidation.slices.fee_of")


@adapter("perp_v1", "partial_liquidation", calls=(*CLOSED, "money.thresholds.slice_value"))
def perp_v1_partial(given: Given) -> Result:
    """There a part realises its share of what closing all would, and what is left is worth what closing it after that would fetch."""
    quote, base = reserves(given)
    size, entry, margin = (given.fixed(name, PPT) for name in ("size", "open_notional", "margin"))
    part = slice_value(size, ppm(given, "partial_ratio"), ONE)
    fetched, whole = (fetched_by(lots, quote, base) for lots in (part, size))
    loss, _ = realised(entry, size, -size, -whole)
    own = slice_value(loss, part, size)
    fee = fee_of(0, fetched, ppm(given, "liquidation_fee_ratio"), True)
    margin_after, rest = margin + own - fee, whole - fetched
    return {
        "liquidated_notional": plain(fetched, PPT),
        "penalty": plain(fee, PPT),
        "realised_pnl": plain(own, PPT),
        "unrealised_pnl_after": plain(loss - own, PPT),
        "margin_after": plain(margin_after, PPT),
        "margin_ratio_after": plain(mul_div_floor(margin_after + loss - own, PPT, rest), PPT),
    }


def fetched_by(lots: int, quote: int, base: int) -> int:
    """What a sale to the curve fetches; all in 1e-12, reserves in 1e-18."""
    return amount_out(base, quote, lots * MICRO, MICRO)


@adapter("perp_v1", "full_liquidation_bad_debt", calls=(*CLOSED, "liquidation.slices.deficit_of", "liquidation.slices.gain_of"))
def perp_v1_full(given: Given) -> Result:
    """What the position must fetch is what it cost, less the margin. The liquidator's half of the fee is due whatever it fetched."""
    size, entry = given.fixed("size", PPT), given.fixed("open_notional", PPT)
    fetched = fetched_by(size, *reserves(given))
    profit, _ = realised(entry, size, -size, -fetched)
    gained = gain_of(size, fetched, bankruptcy_of(size, entry, given.fixed("margin", PPT)))
    fee = fee_of(gained, fetched, given.fixed("liquidation_fee_ratio", ONE // 2), True)
    return {
        "closed_notional": plain(fetched, PPT),
        "realised_pnl": plain(profit, PPT),
        "position_bad_debt": plain(deficit_of(gained, 0), PPT),
        "liquidator_fee": plain(fee, PPT),
        "total_bad_debt": plain(deficit_of(gained, fee), PPT),
    }


@adapter("perp_v1", "funding_payment_and_vamm_imbalance", calls=(RUNS, "trading.funding.accrued", "state.types.accrual_due"))
def perp_v1_funding(given: Given) -> Result:
    """A venue whose curve is the counterparty at the oracle price, with the fund's money behind it; a rate that makes the fraction."""
    price = 10
    curve = {
        "rule": "oracle_spread", "role": "separate", "capital": given.fixed("insurance_fund", 1), "spread_ppm": 0, "skew_ppm": 0,
        "scale": "1000", "max_inventory": "1000",
    }  # fmt: skip
    stage = Stage({"curve": curve, "funding": {"sample_interval_ms": 1_000, "interval_ms": 1_000}})
    stage.oracle(price)
    names = ("alice", "bob")
    traders = [stage.open(given.part(name).number("margin")) for name in names]
    for trader, name in zip(traders, names, strict=True):
        size = given.part(name).number("size")
        stage.place(trader, Side.BUY if size > 0 else Side.SELL, abs(size), 0, order_type=1)
    stage.send(SetFunding, 0, FundingMode.SET, int(given.fixed("premium_fraction", PPT) // price))
    before = pool_equity(stage)
    stage.later(1)
    after = pool_equity(stage)
    margins = {f"{name}_margin": stage.equity(trader) for name, trader in zip(names, traders, strict=True)}
    return {**margins, "vamm_loss": before - after, "insurance_fund": after}


def pool_equity(stage: Stage) -> Fraction:
    return plain(stage.exchange.isolated_equity(int(CURVE), 0), USD)


# -- peg and k (Drift) --


@adapter("drift_v2", "vamm_peg_from_target", calls=("trading.curve_vamm.peg_from_target",))
def drift_peg(given: Given) -> Result:
    quote, base = reserves(given)
    return {"peg": plain(peg_from_target(base, quote, given.fixed("target_price", MICRO)), MICRO)}


@adapter("drift_v2", "vamm_price", calls=("trading.curve_vamm.reserve_price",))
def drift_reserve_price(given: Given) -> Result:
    quote, base = reserves(given)
    return {"price": plain(reserve_price(base, quote, given.fixed("peg", FINE)), FINE)}


@adapter("drift_v2", "vamm_k_update_cost", calls=("trading.curve_vamm.scaled", "trading.curve_vamm.k_cost", IN))
def drift_k(given: Given) -> Result:
    """The terminal quote reserve is what is left once all others have closed: sold what they hold, or bought what they lack."""
    quote, base = reserves(given)
    net, roots = given.fixed("users_net_base", FINE), (given.fixed("new_sqrt_k", FINE), given.fixed("sqrt_k", FINE))
    new_base, new_quote = (scaled(reserve, *roots) for reserve in (base, quote))
    closing = -amount_out(new_base, new_quote, net) if net > 0 else amount_in(new_quote, new_base, -net)
    cost = k_cost(base, quote, new_base, new_quote, net, given.fixed("peg", FINE), FINE)
    results = {"new_base": new_base, "new_quote": new_quote, "terminal_quote": new_quote + closing, "cost": cost}
    return {name: plain(value, FINE) for name, value in results.items()}


@adapter("drift_v2", "cap_to_max_spread", calls=("trading.curve_vamm.capped_spreads",))
def drift_cap(given: Given) -> Result:
    long_spread, short_spread = capped_spreads(*(given.fixed(name, 1) for name in ("long_spread", "short_spread", "max_spread")))
    return {"long_spread": long_spread, "short_spread": short_spread}


SPREADS: Final = tuple(f"trading.curve_vamm.{name}" for name in ("inventory_share", "quote_spreads"))


@adapter("drift_v2", "inventory_and_insolvent_fee_pool_spread", calls=SPREADS)
def drift_spread(given: Given) -> Result:
    net, budget = given.fixed("vamm_net_user_base", NANO), given.fixed("total_fee_minus_distributions", NANO)
    base, least, most = (given.fixed(name, NANO) for name in ("base_reserve", "min_base_reserve", "max_base_reserve"))
    share = inventory_share(net, base, least, most, ONE)
    stance = Stance(net, share, 0, 0, budget, ONE)
    found = quote_spreads(given.fixed("base_spread_e6", 1), given.fixed("max_spread_e6", 1), stance)
    return {"long_spread_e6": found[0], "short_spread_e6": found[1]}


# -- impact (GMX) --


def potential(given: Given, parts: int, unit: int) -> Potential:
    """factor x difference ^ exponent."""
    factor, exponent = given.number("factor"), given.number("exponent")
    return Potential(factor.numerator, factor.denominator, exponent.numerator, exponent.denominator, unit, parts)


@adapter("gmx_v2", "apply_impact_factor", calls=("trading.curve_impact.Potential.at",))
def gmx_factor(given: Given) -> Result:
    return {"value": plain(potential(given, FINE, MICRO).at(given.fixed("diff_usd", MICRO)), FINE)}


@adapter("gmx_v2", "price_impact_imbalance_up", "price_impact_imbalance_down", calls=("trading.curve_impact.price_impact",))
def gmx_impact(given: Given) -> Result:
    """One potential for both directions, without a cap."""
    both = potential(given, FINE, MICRO)
    found = price_impact(given.fixed("initial_diff", MICRO), given.fixed("next_diff", MICRO), Impact(both, both, ONE, FINE, MICRO))
    return {"impact_usd": plain(found, FINE)}


COINS: Final = Scales(10**9, 10**4)
ENTRY: Final = ("trading.curve_impact.filled_value", "money.payoff.average_price", "money.ledger.realised", "money.payoff.lots_worth")


@adapter("gmx_v2", "entry_price_with_impact", calls=(*ENTRY, "state.types.mul_div_floor"))
def gmx_entry(given: Given) -> Result:
    """A size in USD buys the tokens that its worth less the impact buys at the oracle; impacts are told in tokens, too."""
    market, oracle, size = COINS.market(), given.fixed("oracle", COINS.ticks), given.fixed("size_usd", COINS.money)
    opened, closed = (-mul_div_floor(size, given.fixed(name, ONE), ONE) for name in ("impact_open", "impact_close"))
    lots = lots_worth(market, filled_value(size, -opened, False), oracle)
    paid = filled_value(value_of(market, lots, oracle), -opened, True)
    pending, _ = realised(paid, lots, -lots, -value_of(market, lots, oracle))
    final, _ = realised(paid, lots, -lots, -filled_value(value_of(market, lots, oracle), -closed, False))
    return {
        "size_tokens": plain(lots, COINS.lots),
        "entry_price": plain(average_price(market, lots, paid), COINS.ticks),
        "impact_pool_tokens_open": plain(lots_worth(market, opened, oracle), COINS.lots),
        "pending_pnl": plain(pending, COINS.money),
        "impact_pool_tokens_close": plain(lots_worth(market, opened + closed, oracle), COINS.lots),
        "total_loss": plain(-final, COINS.money),
    }


# -- skew --


@adapter("synthetix_perps", "skew_fill_price", calls=("trading.curve_oracle.skew_fill_price",))
def synthetix_fill(given: Given) -> Result:
    return {"fill_price": fill_price(given, given.fixed("skew", MICRO), given.fixed("size", MICRO))}


@adapter("synthetix_perps", "premium_discount", calls=("trading.curve_oracle.skew_fill_price",))
def synthetix_premium(given: Given) -> Result:
    """The price at a skew is that of a trade of nothing."""
    skew, lots = given.fixed("skew", MICRO), given.fixed("size", MICRO)
    return {
        "price_before": fill_price(given, skew, 0),
        "price_after": fill_price(given, skew + lots, 0),
        "fill_price": fill_price(given, skew, lots),
    }


def fill_price(given: Given, skew: int, lots: int) -> Fraction:
    above, below = skew_fill_price(given.fixed("oracle", MICRO), skew, lots, given.fixed("skew_scale", MICRO))
    return plain(above, below * MICRO)


@adapter("dydx_v4", "inventory_skewed_vault_quote_spread", calls=("trading.curve_oracle.vault_spread",))
def dydx_vault(given: Given) -> Result:
    leverage, factor, size, spread = (given.fixed(name, ONE) for name in ("leverage", "skew_factor", "order_size_pct", "spread"))
    spreads = []
    for layer in given.parts("layers"):
        is_ask = layer.text("1") == "ask"
        ahead = layer.fixed("0", 1) * size  # what the layers before it trade
        spreads.append(plain(vault_spread(is_ask, leverage, ahead, spread, factor, ONE), ONE**5))
    return {"spreads": [*spreads]}
