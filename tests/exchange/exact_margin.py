"""Equity and requirements as exact fractions, worked out again from public queries and the design: nothing of the core's own arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from perplab.exchange import Exchange, VenueDesign
from perplab.exchange.schema.views import Position


class Terms:
    """A market's terms as a reader of the design understands them."""

    def __init__(self, design: VenueDesign, number: int) -> None:
        found = design.markets[number]
        self.asset = design.assets.index(found.settlement_asset)
        self.unit = found.unit
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
        return [p for p in held if p.mode == 0]

    def equity(self, account: int, asset: int) -> int:
        return self.exchange.balance(account, asset) + sum(map(self.profit, self.cross(account, asset)))

    def isolated_equity(self, p: Position) -> int:
        return p.isolated_margin + self.profit(p)

    def row_initial(self, p: Position) -> Fraction:
        return self.terms[p.market].initial(self.notional(p), p.leverage)

    def row_maintenance(self, p: Position) -> Fraction:
        return self.terms[p.market].maintenance(self.notional(p))

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
            worst = max(worst, t.initial(abs(p.size + sign * lots) * price, p.leverage) + max(0, loss))
        return worst

    def all_with_orders(self, account: int, asset: int) -> Fraction:
        """What the account's cash has to carry: cross positions and orders, and what orders of isolated positions need on top."""
        total = sum(map(self.with_orders, self.cross(account, asset)), Fraction(0))
        for number, t in enumerate(self.terms):
            p = self.exchange.position(account, number)
            if t.asset == asset and p.mode == 1 and (p.bid_lots or p.ask_lots):
                total += max(Fraction(0), self.with_orders(p) - self.isolated_equity(p))
        return total
