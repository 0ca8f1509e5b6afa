"""The books of a venue in which commands wait, rebuilt from its events alone."""

from __future__ import annotations

from bookkeeper import Bookkeeper

from perplab.exchange import Exchange, VenueDesign
from perplab.exchange import messages as m
from perplab.exchange.codes import MarketStatus
from perplab.exchange.state.pending import A_ACCOUNT, A_LEFT, A_LIMIT, A_MARKET, A_REDUCE_ONLY, A_SIDE, A_TIF


class WaitingBooks(Bookkeeper):
    """The books of any venue. An order may trade at a better price than its limit, for both sides, in a batch auction."""

    def __init__(self, design: VenueDesign) -> None:
        super().__init__(design)
        self.is_batch = design.sequencing.rule == "batch_auction"
        self.auctioned: set[int] = set()  # ever

    def see_TakerAuctionStarted(self, e: m.TakerAuctionStarted) -> None:
        self.auctioned.add(e.order_id)

    def check_fill(self, e: m.Traded, signed: int) -> None:
        if not self.is_batch or e.taker_order_id == 0:
            whole = self.orders  # one that is auctioned is in nobody's way
            self.orders = {i: o for i, o in whole.items() if i not in self.auctioned or i in (e.taker_order_id, e.maker_order_id)}
            super().check_fill(e, signed)
            self.orders = whole
            return
        assert self.status[e.market] not in (MarketStatus.HALTED, MarketStatus.SETTLED)
        for order_id, lots, account in ((e.taker_order_id, signed, e.taker), (e.maker_order_id, -signed, e.maker)):
            _, _, side, limit, _, _, reduce_only = self.orders[order_id]
            assert e.price <= limit if side == 0 else e.price >= limit, f"{e}: worse than a limit"
            held = self.size[account, e.market]
            assert not reduce_only or e.taker == e.maker or (held * lots < 0 and abs(lots) <= abs(held)), f"{e}: a reduce-only order opened"

    def compare_orders(self, exchange: Exchange, accounts: int) -> None:
        """Auctioned orders are open, and in no book."""
        auctions = exchange.state.taker_auctions
        columns = (A_ACCOUNT, A_MARKET, A_SIDE, A_LIMIT, A_LEFT, A_TIF, A_REDUCE_ONLY)
        apart = {number: [int(auctions.cells[row + column]) for column in columns] for number, row in auctions.index.items()}
        asked = [o for account in range(8, accounts) for o in exchange.auctioned_orders(account)]
        assert {o.order_id: [o.account, o.market, o.side, o.price, o.size, o.tif, o.reduce_only] for o in asked} == apart
        assert apart == {number: order for number, order in self.orders.items() if number in apart}
        whole, self.orders = self.orders, {number: order for number, order in self.orders.items() if number not in apart}
        super().compare_orders(exchange, accounts)
        self.orders = whole
