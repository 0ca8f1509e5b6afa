"""Equity and requirements as exact fractions, worked out again from public queries and the design: nothing of the core's own arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from perplab.exchange import Exchange, VenueDesign
from perplab.exchange.money.collateral import MOST
from perplab.exchange.schema.views import Position
from perplab.exchange.state.types import FIRST_USER


class Terms:
    """A market's terms as a reader of the design understands them."""

    def __init__(self, design: VenueDesign, number: int) -> None:
        found = design.markets[number]
        self.asset = design.assets.index(found.settlement_asset)
        self.unit = found.unit
        self.is_spot = found.is_spot
        self.base = design.assets.index(found.base_asset) if found.is_spot else -1
        self.lot = found.base_lot  # [micro-coins]
        self.fee_ppb = max(found.maker_fee_ppb, found.taker_fee_ppb)
        self.max_price = int(found.max_price / found.tick)
        self.tiers = found.tiers
        self.figures = found.significant_figures
        self.band_ppm = found.price_band_ppm
        self.minimum_notional = found.minimum_notional * 10**6

    def marginal(self, notional: int, field: str) -> Fraction:
        """The tiers as an income tax: each rate applies to the part of the notional inside its bracket."""
        total = Fraction(0)
        for number, tier in enumerate(self.tiers):
            low = tier.lower_notional * 10**6
            high = self.tiers[number + 1].lower_notional * 10**6 if number + 1 < len(self.tiers) else notional
            total += Fraction(max(0, min(notional, high) - low) * getattr(tier, field), 10**6)
        return total

    def maintenance(self, notional: int) -> Fraction:
        return self.marginal(notional, "maintenance_margin_ppm")

    def initial(self, notional: int, leverage: int) -> Fraction:
        return max(Fraction(notional, leverage), self.marginal(notional, "initial_margin_ppm"))


class Margin:
    """Equity and requirements of an account, exact, as of now."""

    def __init__(self, exchange: Exchange, terms: Sequence[Terms]) -> None:
        self.exchange = exchange
        self.terms = terms

    def notional(self, p: Position) -> int:
        return abs(p.size) * self.exchange.mark_price(p.market) * self.terms[p.market].unit

    def profit(self, p: Position) -> int:
        value = p.size * self.exchange.mark_price(p.market) * self.terms[p.market].unit
        return value - p.entry_notional - p.unsettled

    def cross(self, account: int, asset: int) -> list[Position]:
        held = [self.exchange.position(account, number) for number, t in enumerate(self.terms) if t.asset == asset]
        return [p for p in held if p.mode == 0 and not self.terms[p.market].is_spot]

    def equity(self, account: int, asset: int) -> Fraction:
        own = self.exchange.balance(account, asset) + sum(map(self.profit, self.cross(account, asset)))
        return own + self.collateral(account, asset)

    def collateral(self, account: int, asset: int) -> Fraction:
        """What other assets count for."""
        design, total = self.exchange.design, Fraction(0)
        for one in design.collateral if account >= FIRST_USER else ():
            number = next(n for n, market in enumerate(design.markets) if market.base_asset == one.asset)
            t = self.terms[number]
            if t.asset == asset:
                held = max(0, self.exchange.balance(account, t.base))
                covered = self.covered(account, one.hedges, None) if one.hedges else 0
                price = Fraction(self.exchange.mark_price(number) * t.unit, t.lot)
                total += min(covered * price, Fraction(int(MOST))) * Fraction(one.hedged_weight_ppm, 10**6)
                total += min((held - covered) * price, Fraction(int(MOST))) * Fraction(one.weight_ppm, 10**6)
        return total

    def covered(self, account: int, market: str, size: int | None) -> int:
        """How much of what it holds a cross short in a market hedges, of `size` lots (None: of its position there). [micro-coins]"""
        design = self.exchange.design
        number = [one.name for one in design.markets].index(market)
        one = next(one for one in design.collateral if one.hedges == market)
        p = self.exchange.position(account, number)
        lots = max(0, -(p.size if size is None else size)) if p.mode == 0 else 0
        held = max(0, self.exchange.balance(account, design.assets.index(one.asset))) if account >= FIRST_USER else 0
        return min(lots, held // self.terms[number].lot) * self.terms[number].lot

    def hedged(self, p: Position, size: int, required: Fraction) -> Fraction:
        """What `size` lots in the market of a position require, if they require so much unhedged."""
        design = self.exchange.design
        name = design.markets[p.market].name
        one = next((one for one in design.collateral if one.hedges == name), None)
        if one is None or size >= 0 or p.mode == 1:
            return required
        share = Fraction(self.covered(p.account, name, size), -size * self.terms[p.market].lot)
        return required * (1 - share * Fraction(10**6 - one.hedged_margin_ppm, 10**6))

    def isolated_equity(self, p: Position) -> int:
        return p.isolated_margin + self.profit(p)

    def row_initial(self, p: Position) -> Fraction:
        return self.hedged(p, p.size, self.terms[p.market].initial(self.notional(p), p.leverage))

    def row_maintenance(self, p: Position) -> Fraction:
        return self.hedged(p, p.size, self.terms[p.market].maintenance(self.notional(p)))

    def initial(self, account: int, asset: int) -> Fraction:
        return sum(map(self.row_initial, self.cross(account, asset)), Fraction(0))

    def maintenance(self, account: int, asset: int) -> Fraction:
        return sum(map(self.row_maintenance, self.cross(account, asset)), Fraction(0))

    def with_orders(self, p: Position, but: int = 0) -> Fraction:
        """Requirement of the worse side of position plus open orders (all but one), with what its limits would lose against the mark."""
        t = self.terms[p.market]
        price = self.exchange.mark_price(p.market) * t.unit
        worst = self.row_initial(p)
        for side, sign in ((0, 1), (1, -1)):
            mine = [o for o in self.exchange.open_orders(p.account) if o.order_id != but]
            orders = [o for o in mine if (o.market, o.side, o.reduce_only) == (p.market, side, 0)]
            lots = sum(o.size for o in orders)
            loss = sign * sum(o.size * (o.price * t.unit - price) for o in orders)
            after = p.size + sign * lots
            worst = max(worst, self.hedged(p, after, t.initial(abs(after) * price, p.leverage)) + max(0, loss))
        return worst

    def all_with_orders(self, account: int, asset: int) -> Fraction:
        """What the account's cash has to carry: cross positions and orders, and what orders of isolated positions need on top."""
        total = sum(map(self.with_orders, self.cross(account, asset)), Fraction(0))
        for number, t in enumerate(self.terms):
            p = self.exchange.position(account, number)
            if t.asset == asset and p.mode == 1 and (p.bid_lots or p.ask_lots):
                total += max(Fraction(0), self.with_orders(p) - self.isolated_equity(p))
            if t.is_spot and asset in (t.asset, t.base):
                orders = [o for o in self.exchange.open_orders(account) if o.market == number and o.side == int(asset == t.base)]
                given = sum(o.size * (t.lot if asset == t.base else o.price * t.unit) for o in orders)
                total += given if asset == t.base else given * (1 + Fraction(max(0, t.fee_ppb), 10**9))
        return total
