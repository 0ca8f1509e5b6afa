"""Curves of the soak's designs, every rule in every role; what is done to their pools; and what must hold of them after each command."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import msgspec
from choices import Source
from designs import Tree, drawn_venue
from soak_rules import Step, on, step
from soak_tape import CLOSED, Tape

from perplab.exchange import VenueDesign
from perplab.exchange import messages as m
from perplab.exchange.codes import MarketStatus
from perplab.exchange.design.venue import venue_of_json
from perplab.exchange.state.market import Market
from perplab.exchange.state.types import NIL
from perplab.exchange.trading.curve_source import CurveSource

if TYPE_CHECKING:
    from soak_actor import Actor
    from soak_designs import Draw

RULES: Final = ("constant_product", "vamm_peg_k", "oracle_spread", "vault", "oracle_pool", "skew_fill", "concentrated")
ROLES: Final = ("separate", "interleaved", "jit", "last_resort")
DESIGNS: Final = 14  # of three markets at least: each of the 28 pairs
VIRTUAL: Final = ("constant_product", "vamm_peg_k", "skew_fill")  # may stand without money
MORE: Final = "add*5 remove*4 skim*8 gas"  # actions where there are curves


def curve(draw: Draw | Source, place: int, lot: str) -> Tree:
    """The `place`-th of all curves. A lot is worth 1 to 20 units of money at first."""
    name, role = RULES[place % len(RULES)], ROLES[place // len(RULES) % len(ROLES)]
    terms: Tree = {
        "rule": "oracle_spread" if name == "vault" else name, "role": role,
        "capital": draw.pick([100, 1_000, 20_000]) if name not in VIRTUAL else draw.pick([0, 100, 1_000, 20_000]),
        "margin_ppm": draw.pick([20_000, 200_000, 1_000_000]), "fee_share_ppm": draw.pick([0, 500_000, 1_000_000]),
        "jit_share_ppm": draw.pick([0, 500_000]) if role != "jit" else 500_000, "reducing_fee_ppb": draw.pick([-1, -1, 0, 100_000]),
        "stale_after_ms": draw.pick([0, 0, 10_000]), "lock_ms": draw.pick([0, 0, 5_000]), **draw.pick(DELEVERAGING),
    }  # fmt: skip
    return terms | terms_of(draw, name, lot)


DELEVERAGING: Final[tuple[Tree, ...]] = ({}, {"adl_trigger_ppm": 850_000, "adl_target_ppm": 770_000}, {"adl_trigger_ppm": 300_000})


def terms_of(draw: Draw | Source, name: str, lot: str) -> Tree:
    coins = str(Decimal(lot) * draw.pick([50, 1_000, 50_000]))
    if name == "constant_product":
        limits = {"fluctuation_ppm": draw.pick([0, 12_000]), "trade_ppm": draw.pick([0, 900_000])}
        return {"reserve": draw.pick([500, 20_000, 1_000_000]), **limits}
    if name == "vamm_peg_k":
        spreads = draw.pick([(0, 0), (250, 975), (500, 20_000)])
        widths = {"base_spread_ppm": spreads[0], "max_spread_ppm": spreads[1], "concentration_ppm": draw.pick([1_050_000, 1_414_200])}
        return {"reserve": draw.pick([500, 20_000, 1_000_000]), "budget": draw.pick([0, 50, 1_000]), **widths}
    if name == "oracle_pool":
        whole: Tree = {"negative_factor": "0.000001", "positive_factor": "0.0000005", "reserve_ppm": draw.pick([500_000, 1_000_000])}
        exponents = draw.pick([("2", "2"), ("2", "1"), ("1.7", "1.2")])
        return whole | {"negative_exponent": exponents[0], "positive_exponent": exponents[1]}
    if name == "skew_fill":
        return {"scale": coins}
    if name == "concentrated":
        return draw.pick([{}, {"lower_ppm": 950_000, "upper_ppm": 1_060_000}])
    skew = {"skew_ppm": draw.pick([0, 10_000, 200_000])}
    if name == "vault":
        skew = {"skew_ppm": draw.pick([0, 500_000, 2_000_000])}
    return {"spread_ppm": draw.pick([0, 500, 5_000]), "scale": coins, "max_inventory": coins, **skew,
            "skew": "vault" if name == "vault" else "linear"}  # fmt: skip


def rules_of(draw: Draw | Source, market: Tree) -> None:
    """A mark and a funding rule that may go by the curve."""
    mark, funding = dict(market["mark"]), dict(market["funding"])  # type: ignore[call-overload]
    mark["rule"] = draw.pick(["oracle", "oracle", "hyperliquid", "curve", "curve_twap", "curve_median"])
    if mark["rule"] in ("curve_twap", "curve_median"):
        mark |= {"cadence_ms": 1_000, "window_ms": 60_000, "short_window_ms": 3_000, "long_window_ms": 60_000, "premium_window_ms": 30_000}
    funding["rule"] = draw.pick(["premium", "twap_difference", "velocity", "static_skew", "adaptive_skew"])
    if funding["rule"] != "premium":
        funding |= {"price": "oracle", "of": "curve", "pool_cap_ppm": draw.pick([0, 333_333]), "period_ms": 600_000}
        funding |= {"skew_scale": 100, "velocity_ppt": 900_000_000_000_000, "factor_ppt": 50_000_000_000}
        funding |= {"borrowing": draw.pick(["none", "curve", "kink"]), "borrow_factor_ppt": 40_000_000_000, "above_ppt": 90_000_000_000}
    market["mark"], market["funding"] = mark, funding


def drawn_with_curves(source: Source) -> VenueDesign:
    """A venue of designs.py whose markets all have a curve."""
    tree = msgspec.json.decode(drawn_venue(source).to_json(), type=dict[str, object])
    give_curves(source, tree, source.integer(0, DESIGNS - 1))
    del tree["gas"]
    return venue_of_json(json.dumps(tree).encode())


def give_curves(draw: Draw | Source, tree: Tree, number: int) -> None:
    """Curves for all markets of the `number`-th design that has any, gas, and now and then the pools as payers of deficits."""
    markets: list[Tree] = tree["markets"]  # type: ignore[assignment]
    for place, market in enumerate(markets):
        market["curve"] = curve(draw, 3 * number + place, str(market["lot"]))
        rules_of(draw, market)
    backstops: list[str] = list(tree["backstops"])  # type: ignore[call-overload]
    pools = [market["curve"] for market in markets]
    if all(pool["rule"] != "concentrated" for pool in pools) and any(pool["capital"] != 0 for pool in pools):  # type: ignore[index]
        backstops.insert(draw.integer(0, len(backstops)), "liquidity_pool")
    tree["backstops"] = backstops
    tree["gas"] = draw.pick([{}, {"place": 1_000, "amend": 700, "cancel": 500, "liquidity": 2_000}])


# -- what is done ------------------------------------------------------------------------------------------------------------------


def add(actor: Actor) -> list[m.Command]:
    """Money into a pool: a micro-unit, some of what is free, or more than that; for a range of one tick, a narrow or a wide one."""
    draw, market, account = actor.draw, actor.market(), actor.account()
    free = max(1, actor.exchange.free_margin(account, actor.x.terms[market].asset))
    amount = min(draw.pick((1, draw.integer(1, 999), free // 10 + 1, free // 2 + 1, free, free + 1)), 10**15)
    if actor.exchange.design.markets[market].curve.rule != "concentrated":
        return [m.AddLiquidity(actor.now, account, market, amount)]
    mark = actor.mark(market)
    lower = max(1, mark + draw.integer(-mark // 20 - 1, mark // 20 + 1))
    upper = lower + draw.pick((1, 1, mark // 50 + 1, mark // 4 + 1))
    return [m.AddLiquidity(actor.now, account, market, amount, lower, upper)]


def remove(actor: Actor) -> list[m.Command]:
    """Shares or a range of one's own back: one of them, half, all, or one too many."""
    draw, market, account = actor.draw, actor.market(), actor.account()
    held = actor.x.tape.shares
    mine = [key for key in held if draw.chance(20)] or list(held)
    if mine:
        account, market, number = draw.pick(mine)
        shares = held[account, market, number]
        return [m.RemoveLiquidity(actor.now, account, market, draw.pick((1, shares // 2 + 1, shares, shares, shares + 1)), number)]
    return [m.RemoveLiquidity(actor.now, account, market, 1)]


def skim(actor: Actor) -> list[m.Command]:
    """An immediate order, and now and then its way back: a lot, a few, or all that the account carries; at any price or near the mark."""
    draw, market, account, side = actor.draw, actor.market(), actor.account(), actor.draw.integer(0, 1)
    mark, top = actor.mark(market), actor.x.terms[market].max_price
    lots = draw.pick((1, draw.integer(1, 20), actor.size(account, market), actor.common(market) or 1))
    near = mark * draw.pick((2, 10, 50)) // 1_000 + 1
    limit = actor.clipped(draw.pick((mark + near * (1 - 2 * side), mark, top if side == 0 else 1)), market)
    there = m.Place(actor.now, account, market, side, limit, lots, 0, draw.pick((1, 1, 1, 2)))
    back = m.Place(actor.now, account, market, 1 - side, top if side else 1, lots, 0, 1, int(draw.chance(70)))
    return [there, back] if draw.chance(30) else [there]


def gas(actor: Actor) -> list[m.Command]:
    return [m.SetGas(actor.now, actor.draw.pick((0, 1_000_000, 5_000_000)))]


# -- what must hold ----------------------------------------------------------------------------------------------------------------


@on(m.CurveTraded)
def curve_in_time(tape: Tape, e: m.CurveTraded) -> str:
    """Whoever pays into a pool: its curve trades in no market that is halted, cancel-only or settled, and not on a price it calls stale."""
    if tape.status[e.market] in (*CLOSED, MarketStatus.SETTLED):
        return f"{e} while {MarketStatus(tape.status[e.market]).name}"
    limit = tape.curve_stale[e.market]
    return f"{e}: last oracle update at {tape.oracle_ts[e.market]}" if limit and e.ts - tape.oracle_ts[e.market] > limit else ""


@on(m.CurveTraded)
def curve_limit(tape: Tape, e: m.CurveTraded) -> str:
    """The taker: a curve fills within the order's limit."""
    order = tape.orders.get(e.order_id)
    if order is None:
        return ""
    worth = e.size * order[3] * tape.terms[e.market].unit
    return f"{e}: limit {order[3]}" if (e.value > worth if e.side == 0 else e.value < worth) else ""


@step
def liquidity(x: Step) -> str:
    """Who stays in a pool: nobody who comes or leaves takes a micro-unit of the others' part; and who comes gets no more than he paid."""
    c = x.command
    if x.refused or not x.alone or not isinstance(c, m.AddLiquidity | m.RemoveLiquidity):
        return ""
    for e in x.of(m.LiquidityAdded, m.LiquidityRemoved):
        if e.range_id != 0:
            continue
        (least, most, shares), (least_after, most_after, shares_after) = x.before.pools[e.market], x.after.pools[e.market]
        if least > 0 and (least_after * shares < least * shares_after or most_after * shares < most * shares_after):
            return f"{e}: the pool and its shares from {least} to {most}, {shares}, to {least_after} to {most_after}, {shares_after}"
        if isinstance(e, m.LiquidityAdded) and e.shares * most_after > e.amount * shares_after:
            return f"{e}: {e.shares} of {shares_after} shares of {most_after}"
    return ""


@step
def curve_and_book(x: Step) -> str:
    """Whoever quotes: the curve's best quote is never at or across the other side of the book, nor better to both sides at once."""
    exchange = x.exchange
    for market in exchange.state.markets:
        if market.pool.row == NIL:
            continue
        source = exchange.liquidity_desk.curves
        unit, top = int(market.unit), int(market.max_price)
        ask = best(source, market, 0, top)
        bid = best(source, market, 1, 1)
        if (ask and ask <= int(market.best_bid) * unit) or (bid and market.best_ask and bid >= int(market.best_ask) * unit):
            return f"market {market.number}: the curve's quotes {bid} and {ask}, the book's {market.best_bid} and {market.best_ask}"
        if ask and bid and ask < bid:
            return f"market {market.number}: the curve bids {bid} and asks {ask} [micro per lot]"
    return ""


def best(source: CurveSource, market: Market, side: int, bound: int) -> int:
    """[micro] of one lot to an order of this side; 0: the curve offers none."""
    return int(source.worth(market, market.pool, side, 1)) if source.offered(market, market.pool, side, bound, 1) > 0 else 0
