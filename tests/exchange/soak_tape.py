"""The tape of the soak: what the events alone tell of markets, orders, liquidations and auctions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from exact_margin import Terms

from perplab.exchange import messages as m
from perplab.exchange.codes import MarketStatus, Method
from perplab.exchange.state.types import CURVE

CLOSED: Final = (MarketStatus.HALTED, MarketStatus.CANCEL_ONLY)


class Tape:
    """What the events alone tell: status and last oracle time of markets, sizes, orders, liquidations and auctions under way."""

    def __init__(self, terms: list[Terms], venue_oracles: list[tuple[int, str]], curve_stale: Sequence[int] = ()) -> None:
        self.terms = terms
        self.curve_stale = curve_stale  # [ns] after which a curve calls a price stale, 0: never; by market
        self.shares: dict[tuple[int, int, int], int] = {}  # (account, market, range or 0) -> shares of a pool, liquidity of a range
        self.oracles = venue_oracles  # (stale after [ns], on_stale) by market
        self.status = [0] * len(terms)
        self.oracle_ts = [-1] * len(terms)
        self.sizes: dict[tuple[int, int], int] = {}
        self.orders: dict[int, list[int]] = {}  # id -> [account, market, side, price, open size, tif, reduce-only, restricted]
        self.liquidating: dict[tuple[int, int], int] = {}  # (account, market or -1) -> how many, above 0
        self.auctions: dict[int, tuple[int, int]] = {}  # id -> (account, market or -1)
        self.auctioned: dict[int, tuple[int, int]] = {}  # the same of all that ever were
        self.on_offer: list[tuple[int, int]] = []  # (market, size) sold to a bidder not named yet

    def is_stale(self, market: int, ts: int) -> bool:
        limit = self.oracles[market][0]
        return limit != 0 and self.oracle_ts[market] >= 0 and ts - self.oracle_ts[market] > limit

    def is_suspended(self, market: int, ts: int) -> bool:
        """May nothing be closed?"""
        paused = self.oracles[market][1] == "pause_liquidation" and self.is_stale(market, ts)
        return paused or self.status[market] in CLOSED

    def is_restricted(self, market: int, ts: int) -> bool:
        """May orders only reduce?"""
        halted = self.oracles[market][1] == "halt_new_risk" and self.is_stale(market, ts)
        return halted or self.status[market] == MarketStatus.REDUCE_ONLY

    def is_frozen(self, account: int, market: int) -> bool:
        return (account, -1) in self.liquidating or (account, market) in self.liquidating

    def change(self, account: int, market: int, lots: int) -> None:
        self.sizes[account, market] = self.sizes.get((account, market), 0) + lots

    def see(self, e: m.Event) -> None:
        seen = SEEN.get(type(e))
        if seen is not None:
            seen(self, e)

    def see_traded(self, e: m.Traded) -> None:
        signed = e.size if e.taker_side == 0 else -e.size
        self.change(e.taker, e.market, signed)
        self.change(e.maker, e.market, -signed)
        for order_id in (e.taker_order_id, e.maker_order_id):
            order = self.orders.get(order_id)
            if order is not None:
                order[4] -= e.size
                if order[4] <= 0:
                    del self.orders[order_id]

    def see_curve(self, e: m.CurveTraded) -> None:
        signed = e.size if e.side == 0 else -e.size
        self.change(e.taker, e.market, signed)
        self.change(int(CURVE), e.market, -signed)
        order = self.orders.get(e.order_id)
        if order is not None:
            order[4] -= e.size
            if order[4] <= 0:
                del self.orders[e.order_id]

    def see_added(self, e: m.LiquidityAdded) -> None:
        key = e.account, e.market, e.range_id
        self.shares[key] = self.shares.get(key, 0) + e.shares

    def see_removed(self, e: m.LiquidityRemoved) -> None:
        key = e.account, e.market, e.range_id
        left = self.shares.pop(key) - e.shares
        if left > 0:
            self.shares[key] = left
        self.change(e.account, e.market, e.lots)
        self.change(int(CURVE), e.market, -e.lots)

    def see_block(self, e: m.BlockTraded) -> None:
        self.change(e.buyer, e.market, e.size)
        self.change(e.seller, e.market, -e.size)

    def see_deleveraged(self, e: m.Deleveraged) -> None:
        lots = -e.size if self.sizes.get((e.loser, e.market), 0) > 0 else e.size
        self.change(e.loser, e.market, lots)
        self.change(e.winner, e.market, -lots)

    def see_liquidated(self, e: m.Liquidated) -> None:
        if e.method in (Method.AUCTION, Method.TAKEOVER):
            self.change(e.account, e.market, -e.size)
            if e.method == Method.AUCTION:
                self.on_offer.append((e.market, e.size))

    def see_taken(self, e: m.AuctionTaken) -> None:
        for market, size in self.on_offer:
            self.change(e.bidder, market, size)
        self.on_offer.clear()

    def see_taken_over(self, e: m.TakenOver) -> None:
        self.change(e.vault, e.market, e.size)

    def see_placed(self, e: m.OrderPlaced) -> None:
        self.orders[e.order_id] = [e.account, e.market, e.side, e.price, e.size, e.tif, e.reduce_only, self.is_restricted(e.market, e.ts)]

    def see_amended(self, e: m.OrderAmended) -> None:
        if e.order_id in self.orders:
            self.orders[e.order_id][3:5] = [e.price, e.size]

    def see_reduced(self, e: m.OrderReduced) -> None:
        if e.order_id in self.orders:
            self.orders[e.order_id][4] = e.size

    def see_cancelled(self, e: m.OrderCancelled) -> None:
        self.orders.pop(e.order_id, None)

    def see_oracle(self, e: m.OracleUpdated) -> None:
        self.oracle_ts[e.market] = e.ts

    def see_status(self, e: m.MarketStatusChanged) -> None:
        self.status[e.market] = e.status

    def see_begun(self, e: m.LiquidationStarted) -> None:
        key = e.account, e.market
        self.liquidating[key] = self.liquidating.get(key, 0) + 1

    def see_ended(self, e: m.LiquidationEnded) -> None:
        key = e.account, e.market
        left = self.liquidating.pop(key, 1) - 1
        if left > 0:
            self.liquidating[key] = left

    def see_auction(self, e: m.AuctionStarted) -> None:
        self.auctions[e.auction] = self.auctioned[e.auction] = e.account, e.market

    def see_auction_ended(self, e: m.AuctionEnded) -> None:
        self.auctions.pop(e.auction, None)


SEEN: Final[dict[type[m.Event], Callable[..., None]]] = {
    m.Liquidated: Tape.see_liquidated, m.AuctionTaken: Tape.see_taken, m.TakenOver: Tape.see_taken_over,
    m.CurveTraded: Tape.see_curve, m.LiquidityAdded: Tape.see_added, m.LiquidityRemoved: Tape.see_removed,
    m.Traded: Tape.see_traded, m.BlockTraded: Tape.see_block, m.Deleveraged: Tape.see_deleveraged, m.OrderPlaced: Tape.see_placed,
    m.OrderAmended: Tape.see_amended, m.OrderReduced: Tape.see_reduced, m.OrderCancelled: Tape.see_cancelled,
    m.OracleUpdated: Tape.see_oracle, m.MarketStatusChanged: Tape.see_status, m.LiquidationStarted: Tape.see_begun,
    m.LiquidationEnded: Tape.see_ended, m.AuctionStarted: Tape.see_auction, m.AuctionEnded: Tape.see_auction_ended,
}  # fmt: skip
