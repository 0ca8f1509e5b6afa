"""How positions are closed: bankruptcy prices, limits of liquidation orders, auctions, price bands."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from perplab.exchange.codes import Side
from perplab.exchange.design.parameters import ShortageDesign
from perplab.exchange.events import OrderPlaced, Rejected
from perplab.exchange.liquidation.auction import asked_at, gain_on, missing_to_buffer, paid_at, share_to_restore
from perplab.exchange.liquidation.shortage import lots_to_cover, ramped_fee, share_to_close
from perplab.exchange.liquidation.slices import deficit_of, fee_of, gain_of
from perplab.exchange.liquidation.steps import below_maintenance, fillable_value, worst_sale
from perplab.exchange.money.margin import maintenance_of
from perplab.exchange.money.payoff import average_price, value_of
from perplab.exchange.money.thresholds import bankruptcy_of, share_of, slice_value, surplus
from perplab.exchange.state.types import MAX_AMOUNT, mul_div_floor
from perplab.exchange.trading.price_terms import band_bottom, band_top

from .adapters import RUNS, Result, adapter
from .examples import Given
from .records import MICRO, NANO, PPT, Scales, members, plain, ppm
from .stage import Stage, of

EXACT: Final = Scales(10**2, 10**8)  # prices in cents, sizes in 1e-8
VALUE: Final = Scales(10**7, 10**4)  # prices in 1e-7, sizes in 1e-4
SMALL: Final = ShortageDesign().small * MICRO  # a shortage that is covered at once: 50 USD
BANKRUPTCY: Final = tuple(f"money.thresholds.{name}" for name in ("share_of", "bankruptcy_of", "slice_value"))


# -- what a slice must fetch, and what it pays --


@adapter("dydx_v4", "bankruptcy_price_quote", calls=(*BANKRUPTCY, "money.margin.maintenance_of"))
def dydx_bankruptcy(given: Given) -> Result:
    target = given.parts("positions")[given.fixed("target", 1)]
    quote = bankruptcy_quote(target, given, given.fixed("tnc", EXACT.money), given.fixed("tmmr", EXACT.money))
    return {"bankruptcy_quote": quote}


@adapter("dydx_v4", "bankruptcy_price_rounding", calls=(*BANKRUPTCY, "money.thresholds.surplus"))
def dydx_bankruptcy_rounded(given: Given) -> Result:
    """One position: its requirement is the account's, and its value is the account's but for the quote balance."""
    (target,) = given.parts("positions")
    size, price = target.fixed("size", EXACT.lots), target.fixed("price", EXACT.ticks)
    equity = surplus(EXACT.market(), size, given.fixed("quote_balance", EXACT.money), 0, 0, price, False)
    required = maintenance_of(EXACT.market(maintenance_ppm=ppm(target, "mmf")), value_of(EXACT.market(), abs(size), price))
    return {"bankruptcy_quote": bankruptcy_quote(target, given, equity, required)}


def bankruptcy_quote(target: Given, given: Given, equity: int, required: int) -> Fraction:
    """What `delta_base` of the position must fetch; below zero what a short may cost."""
    market = EXACT.market(maintenance_ppm=ppm(target, "mmf"))
    size = target.fixed("size", EXACT.lots)
    at_mark = value_of(market, abs(size), target.fixed("price", EXACT.ticks))
    due = bankruptcy_of(size, at_mark, share_of(equity, maintenance_of(market, at_mark), required))
    part = slice_value(due, abs(given.fixed("delta_base", EXACT.lots)), size)
    return plain(part if size > 0 else -part, EXACT.money)


SLICE: Final = tuple(f"liquidation.slices.{name}" for name in ("gain_of", "fee_of", "deficit_of"))


@adapter("dydx_v4", "insurance_fund_delta", calls=("money.thresholds.bankruptcy_of", *SLICE))
def dydx_fund_delta(given: Given) -> Result:
    """The fund gets the fee, or pays the deficit."""
    market, size = EXACT.market(), given.fixed("size", EXACT.lots)
    at_mark, value = (value_of(market, abs(size), given.fixed(name, EXACT.ticks)) for name in ("oracle", "fill_price"))
    equity = surplus(market, size, given.fixed("quote_balance", EXACT.money), 0, 0, given.fixed("oracle", EXACT.ticks), False)
    gained = gain_of(size, value, bankruptcy_of(size, at_mark, equity))
    fee = fee_of(gained, value, ppm(given, "max_liq_fee"), False)
    return {"insurance_fund_delta": plain(fee - deficit_of(gained, fee), EXACT.money)}


FILLABLE: Final = tuple(f"liquidation.steps.{name}" for name in ("below_maintenance", "fillable_value"))


@adapter("dydx_v4", "liquidation_fillable_price", calls=(*FILLABLE, "money.margin.maintenance_of", "money.payoff.average_price"))
def dydx_fillable(given: Given) -> Result:
    """The account's value and requirement are those of all its positions; the price is that of the target."""
    equity, required = given.fixed("quote_balance", VALUE.money), 0
    for one in given.parts("positions"):
        size, price = one.fixed("size", VALUE.lots), one.fixed("price", VALUE.ticks)
        equity = surplus(VALUE.market(), size, equity, 0, 0, price, False)
        required += requirement_of(one)
    target = given.parts("positions")[given.fixed("target", 1)]
    held = target.fixed("size", VALUE.lots)
    at_mark = value_of(VALUE.market(), abs(held), target.fixed("price", VALUE.ticks))
    rating = below_maintenance(equity, required, given.fixed("bankruptcy_adjustment", NANO), NANO)
    value = fillable_value(held, at_mark, requirement_of(target), rating, given.fixed("spread_to_mm_ratio", NANO), NANO)
    return {"fillable_price": plain(average_price(VALUE.market(), abs(held), value), VALUE.ticks)}


def requirement_of(position: Given) -> int:
    market = VALUE.market(maintenance_ppm=ppm(position, "mmf"))
    return maintenance_of(market, value_of(market, abs(position.fixed("size", VALUE.lots)), position.fixed("price", VALUE.ticks)))


@adapter("injective_fba", "liquidation_order_worst_price", calls=("liquidation.steps.worst_sale",))
def injective_worst_price(given: Given) -> Result:
    """Of a long, as a BookStep with no spread has it whose payers cover everything."""
    due, payers = given.fixed("bankruptcy", MICRO), int(MAX_AMOUNT)
    return {"worst_price": [plain(worst_sale(due, 1, payers, oracle, 0), MICRO) for oracle in members(given, "oracle", MICRO)]}


# -- how much is closed, and how far from the oracle (Drift) --


@adapter("drift_v2", "base_to_cover_margin_shortage", calls=("liquidation.shortage.lots_to_cover",))
def drift_size(given: Given) -> Result:
    """Lots of 1e-9, which are worth as many 1e-18 as a coin has 1e-9."""
    ratio, fee, fund_fee, quote = (given.fixed(name, PPT) for name in ("margin_ratio", "liquidator_fee", "if_fee", "quote_oracle"))
    shortage = given.fixed("margin_shortage", NANO * NANO)
    return {"base": plain(lots_to_cover(shortage, given.fixed("oracle", NANO), quote, ratio, fee, fund_fee, PPT), NANO)}


@adapter("drift_v2", "liquidation_fee_ramp", calls=("liquidation.shortage.ramped_fee",))
def drift_fee(given: Given) -> Result:
    fees = given.fixed("base_fee", NANO), given.fixed("max_fee", NANO)
    times = given.fixed("slots_since_last_active", 1), given.fixed("grace_slots", 1)
    return {"fee": plain(ramped_fee(*fees, *times, given.fixed("increase_per_slot", NANO), 1), NANO)}


@adapter("drift_v2", "max_pct_to_liquidate_small_shortage", calls=("liquidation.shortage.share_to_close",))
def drift_share(given: Given) -> Result:
    times = given.fixed("slots_elapsed", 1), given.fixed("duration_slots", 1)
    shortage = given.fixed("margin_shortage", MICRO)
    return {"pct": plain(share_to_close(shortage, SMALL, given.fixed("initial_pct", MICRO), *times, MICRO), MICRO)}


# -- auctions --


@adapter("derive_auction", "two_phase_dutch_price_factor", calls=("liquidation.auction.asked_at",))
def derive_factor(given: Given) -> Result:
    times = (given.fixed(name, 1) for name in ("fast_s", "slow_s", "elapsed_s"))
    return {"factor": plain(asked_at(given.fixed("start", PPT), given.fixed("cutoff", PPT), *times), PPT)}


@adapter("maker_liq2", "linear_decrease", calls=("liquidation.auction.asked_at",))
def maker_linear(given: Given) -> Result:
    top = given.fixed("top", NANO)
    return {"price": plain(asked_at(top, top, 0, given.fixed("tau_s", 1), given.fixed("elapsed_s", 1)), NANO)}


@adapter("derive_auction", "buffer_margin", calls=("liquidation.auction.missing_to_buffer",))
def derive_buffer(given: Given) -> Result:
    """There a margin is what is left of the value after requirements: the requirement is the difference; what is missing is below zero."""
    equity, left = given.fixed("mark_to_market", NANO), given.fixed("maintenance_margin", NANO)
    return {"buffer_margin": plain(-missing_to_buffer(equity, equity - left, ppm(given, "buffer_pct")), NANO)}


SHARE: Final = ("liquidation.auction.gain_on", "liquidation.auction.share_to_restore")


@adapter("derive_auction", "solvent_auction_bid_price_and_max_share", calls=SHARE)
@adapter("derive_auction", "solvent_auction_half_fast", calls=(*SHARE, "state.types.mul_div_floor"))
def derive_solvent(given: Given) -> Result:
    """What a bidder does not gain of the equity, he pays for it."""
    equity, missing = given.fixed("mark_to_market", NANO), -given.fixed("buffer_margin", NANO)
    asked = equity - gain_on(equity, given.fixed("factor", PPT), PPT)
    share = share_to_restore(missing, asked, PPT)
    return {"bid_price": plain(asked, NANO), "max_share": plain(share, PPT), "cash_paid": plain(mul_div_floor(asked, share, PPT), NANO)}


@adapter("derive_auction", "insolvent_auction_payout", calls=("liquidation.auction.paid_at", "state.types.mul_div_floor"))
def derive_insolvent(given: Given) -> Result:
    """From what makes up for the equity to what makes up for the requirement too."""
    least, most = -given.fixed("mark_to_market", NANO), -given.fixed("maintenance_margin", NANO)
    paid = paid_at(least, most, given.fixed("elapsed_s", 1), given.fixed("length_s", 1))
    return {"payout_to_bidder": plain(mul_div_floor(paid, given.fixed("share", MICRO), MICRO), NANO)}


# -- the band --


@adapter("paradex", "price_band", calls=("trading.entry.band_top", "trading.entry.band_bottom", RUNS))
def paradex_band(given: Given) -> Result:
    """The orders are sent to a venue with that band."""
    band = ppm(given, "bandwidth")
    stage = Stage({"price_band_ppm": band})
    stage.oracle(given.number("mark"))
    trader = stage.open(10**9)
    mark = given.fixed("mark", MICRO)
    return {
        "low": plain(band_bottom(mark, band), MICRO),
        "high": plain(band_top(mark, band), MICRO),
        "results": [sent(stage, trader, order) for order in given.parts("orders")],
    }


def sent(stage: Stage, trader: int, order: Given) -> str:
    """What became of an order, in the words of the example."""
    side = Side.BUY if order.text("side") == "buy" else Side.SELL
    is_market = order.text("type") == "market"
    events = stage.place(trader, side, 1, 0 if is_market else order.number("price"), order_type=int(is_market))
    if of(Rejected, events):
        return "reject"
    (placed,) = of(OrderPlaced, events)
    return f"limit@{placed.price * stage.tick}_ioc" if is_market else "accept"
