"""Curves of every kind, drawn with parameters, inventories and prices up to the bounds; and the naive answers they are held against."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from hypothesis import strategies as st
from kit import plain_venue

from perplab.exchange.design.build import curve_rule, fill_market
from perplab.exchange.state.market import Market
from perplab.exchange.state.pools import Pool
from perplab.exchange.trading.curve import Curve
from perplab.exchange.trading.curve_ranges import Concentrated

BUY, SELL = 0, 1
RANGES = ("concentrated",)
KINDS = ("constant_product", "vamm_peg_k", "oracle_spread", "vault", "oracle_pool", "skew_fill", *RANGES)


class Set(NamedTuple):
    """A curve that has started, and what it holds."""

    kind: str
    curve: Curve
    market: Market
    pool: Pool
    inventory: int

    @property
    def ranges(self) -> Concentrated:
        assert isinstance(self.curve, Concentrated)
        return self.curve

    def value(self, side: int, lots: int, after: int = 0) -> int:
        """Of `lots`, once others have bought `after` (signed)."""
        return self.curve.value(self.market, self.pool, self.inventory - after, side, lots)

    def room(self, side: int, after: int = 0) -> int:
        return self.curve.room(self.market, self.pool, self.inventory - after, side)

    def lots_to(self, side: int, price: int, most: int) -> int:
        return self.curve.lots_to(self.market, self.pool, self.inventory, side, price, most)


def made(rule: str, oracle: int, terms: dict[str, object], inventory: int = 0, **market: object) -> Set:
    """A curve by the design's own way, at an oracle price in ticks, holding an inventory."""
    capital = {"capital": 1_000} if rule == "oracle_pool" else {}
    venue = plain_venue({"markets": {**market, "curve": {"rule": rule, "role": "separate", **capital, **terms}}})
    record = Market(0)
    fill_market(record, venue)
    record.oracle = oracle
    pool = Pool()
    pool.row, pool.started = 0, 1
    curve = curve_rule(venue.markets[0])
    curve.start(record, pool)
    pool.check()
    return Set(rule, curve, record, pool, inventory)


MARKETS = ({}, {"tick": "0.01", "lot": "0.001", "max_price": "200000"}, {"tick": "0.0001", "lot": "0.01", "max_price": "400000"})


def add(one: Set, lower: int, upper: int, amount: int) -> bool:
    """A range of `amount` micro-units for account 9 and on, if it is one."""
    curve, pool = one.ranges, one.pool
    liquidity = curve.liquidity(one.market, lower, upper, amount)
    if not curve.can_add(pool, liquidity):
        return False
    curve.add_range(one.market, pool, 9 + pool.ranges.last, lower, upper, amount, 0)
    pool.check()
    return True


def amounts() -> st.SearchStrategy[int]:
    return st.integers(1, 10**9) | st.integers(1, 10**16)


@st.composite
def with_ranges(draw: st.DrawFn) -> Set:
    """Up to five ranges around a price, and the inventory that trades have brought."""
    market = draw(st.sampled_from(MARKETS))
    ticks = 30_000 if not market else int(Decimal(str(market["max_price"])) / Decimal(str(market["tick"])))
    one = made("concentrated", draw(st.integers(1, ticks) | st.integers(1, 200)), {}, **market)
    for _ in range(draw(st.integers(1, 5))):
        lower = draw(st.integers(1, ticks - 1) | st.integers(max(1, one.market.oracle - 9), min(ticks - 1, one.market.oracle + 9)))
        add(one, lower, draw(st.integers(lower + 1, ticks) | st.integers(lower + 1, min(ticks, lower + 9))), draw(amounts()))
    if one.pool.ranges.edges:
        side = draw(st.sampled_from([BUY, SELL]))
        lots = draw(st.integers(0, one.room(side)))
        one = one._replace(inventory=-lots if side == BUY else lots)
        one.pool.ranges.lots, one.pool.ranges.before = one.inventory, one.inventory
    return one


@st.composite
def curves(draw: st.DrawFn, kinds: tuple[str, ...] = KINDS) -> Set:
    kind = draw(st.sampled_from(kinds))
    if kind in RANGES:
        return draw(with_ranges())
    market = draw(st.sampled_from(MARKETS))
    lot = Decimal(str(market.get("lot", 1)))
    ticks = 30_000 if not market else int(Decimal(str(market["max_price"])) / Decimal(str(market["tick"])))
    oracle = draw(st.integers(1, ticks) | st.integers(1, 200))
    scale = draw(st.integers(1, 200) | st.integers(1, 1 << 39))
    lots = draw(st.integers(0, scale))

    def ppm(most: int) -> int:
        return draw(st.integers(0, most))

    terms: dict[str, object]
    rule = kind
    if kind in ("constant_product", "vamm_peg_k"):
        terms = draw(st.sampled_from([{"reserve_coins": str(scale * lot)}, {"reserve": min(10**10, scale)}]))
        if kind == "constant_product":
            terms |= {"fluctuation_ppm": draw(st.sampled_from([0, 0, 12_000])), "trade_ppm": draw(st.sampled_from([0, 0, 900_000]))}
            reach = scale - 1
        else:
            spread = ppm(500_000)
            terms |= {"base_spread_ppm": spread, "max_spread_ppm": draw(st.integers(spread, 900_000))}
            terms["concentration_ppm"] = draw(st.integers(1_000_001, 3_000_000))
            reach = scale * 7 // 10
    elif kind in ("oracle_spread", "vault"):
        rule = "oracle_spread"
        spread = ppm(900_000)
        terms = {"skew": "linear" if kind == "oracle_spread" else "vault", "spread_ppm": spread, "scale": str(scale * lot)}
        terms |= {"skew_ppm": ppm(1_000_000 - spread - 1 if kind == "oracle_spread" else 40_000), "max_inventory": str(scale * lot)}
        reach = scale
    elif kind == "oracle_pool":
        exponents = ["1", "1.5", "1.7", "2", "2.5", "3", "1.3"]
        worse = draw(st.sampled_from(exponents))
        factor = draw(st.integers(0, 10**6))
        better = draw(st.sampled_from([one for one in exponents if float(one) <= float(worse)]))
        terms = {"negative_factor": f"{factor}e-12", "negative_exponent": worse}
        terms |= {"positive_factor": f"{ppm(factor)}e-12", "positive_exponent": better}
        terms |= {"max_negative_ppm": 1 + ppm(999_998), "max_positive_ppm": ppm(999_999)}
        reach = scale
    else:
        terms = {"scale": str((scale + 1) * lot), "max_skew": str(max(1, scale) * lot)}
        reach = scale
    if kind == "vault":
        terms["spread_ppm"] = min(int(str(terms["spread_ppm"])), 900_000)
    one = made(rule, oracle, terms, **market)._replace(kind=kind)
    side = draw(st.sampled_from([BUY, SELL]))
    lots = min(lots, reach, one.room(side))
    return one._replace(inventory=-lots if side == BUY else lots)


def lots_reaching(one: Set, side: int, price: int, most: int) -> int:
    """`lots_to`, lot by lot: each from where those before it leave the curve."""
    found = 0
    worth = price * one.market.unit
    while found < min(most, one.room(side)):
        value = one.value(side, 1, found if side == BUY else -found)
        if value <= 0 or (value > worth if side == BUY else value < worth):
            break
        found += 1
    return found


def exact(one: Set, side: int, lots: int) -> Fraction:
    """The value before it is rounded, for rules that are ratios, from their published formulas."""
    held, price = one.inventory, Fraction(one.market.oracle * one.market.unit)
    sign = 1 if side == BUY else -1
    if one.kind in ("constant_product", "vamm_peg_k"):
        x = Fraction(one.pool.base, 1 << 32) + held
        k = Fraction(one.pool.k, 1 << 64) * (Fraction(one.pool.peg, 1 << 32) if one.kind == "vamm_peg_k" else 1)
        spread = Fraction(one.pool.ask_spread if side == BUY else -one.pool.bid_spread, 10**6)
        return sign * (k / (x - sign * lots) - k / x) * (1 + spread)
    if one.kind == "skew_fill":
        scale = one.curve.scale  # type: ignore[attr-defined]
        return lots * price * (1 + (Fraction(-held, scale) + Fraction(-held + sign * lots, scale)) / 2)
    assert one.kind == "oracle_spread"
    curve = one.curve
    spread, skew = Fraction(curve.spread_ppm, 10**6), Fraction(curve.skew_ppm, 10**6 * curve.scale)  # type: ignore[attr-defined]
    return price * (lots * (1 + sign * spread) - skew * (held * lots - sign * Fraction(lots * lots, 2)))
