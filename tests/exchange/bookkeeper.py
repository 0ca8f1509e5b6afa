"""Balances, positions, orders and open interest rebuilt from the events alone, to compare with what the venue says of itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import takewhile

from exact_margin import Terms

from perplab.exchange import Exchange, VenueDesign
from perplab.exchange import messages as m
from perplab.exchange.codes import AccountKind, MarketStatus, Method, Payer, TimeInForce
from perplab.exchange.state.types import CLEARING, CURVE, FEES, FIRST_USER, INSURANCE, ROUNDING, TRANSIT, UNCOVERED, VAULT

PASSIVE = (TimeInForce.POST_ONLY, TimeInForce.RPI)


class Bookkeeper:
    """Balances, positions, open orders and open interest, rebuilt from nothing but the events."""

    def __init__(self, design: VenueDesign) -> None:
        self.terms = [Terms(design, number) for number in range(len(design.markets))]
        self.fee_to = {"vault": VAULT, "fees": FEES}[design.liquidation.fee_to]
        self.matching = [market.matching for market in design.markets]
        self.retail: set[int] = set()  # accounts
        self.fund_share_ppm = design.liquidation.fee_fund_share_ppm
        self.balance: Counter[tuple[int, int]] = Counter()
        self.balance[INSURANCE, 0] = design.insurance_fund.capital * 10**6
        self.balance[VAULT, 0] = design.vault.capital * 10**6
        for t, market in zip(self.terms, design.markets, strict=True):
            self.balance[CURVE, t.asset] += market.curve.capital * 10**6
        self.size: Counter[tuple[int, int]] = Counter()
        self.orders: dict[int, list[int]] = {}  # id -> [account, market, side, price, open size, tif, reduce-only], in order of time
        self.display: dict[int, int] = {}  # id -> lots that it shows at most, 0: all
        self.status: Counter[int] = Counter()
        self.liquidating: Counter[tuple[int, int]] = Counter()  # (account, market or -1)
        self.on_offer: list[tuple[int, int, int]] = []  # (market, size, value) sold to a bidder not named yet
        self.seq = 0
        self.ts = 0

    def pay(self, payer: int, receiver: int, asset: int, amount: int) -> None:
        self.balance[payer, asset] -= amount
        self.balance[receiver, asset] += amount

    def change(self, account: int, number: int, lots: int, value: int) -> None:
        """`lots` (signed) came in for `value`."""
        self.size[account, number] += lots
        self.balance[account, self.terms[number].asset] -= value if lots > 0 else -value

    def fill(self, order_id: int, size: int) -> None:
        if order_id == 0:
            return  # an order of the venue itself
        order = self.orders[order_id]
        order[4] -= size
        assert order[4] >= 0, f"order {order_id} filled beyond its size"
        if order[4] == 0:
            del self.orders[order_id]

    def see(self, e: m.Event) -> None:
        self.seq += 1
        assert e.seq == self.seq, f"event {e.seq} follows event {self.seq - 1}"
        assert e.ts >= self.ts, "events run back in time"
        self.ts = e.ts
        seen = getattr(self, "see_" + type(e).__name__, None)
        if seen is not None:
            seen(e)

    def see_AccountOpened(self, e: m.AccountOpened) -> None:
        if e.account_kind == AccountKind.RETAIL:
            self.retail.add(e.account)

    def see_Deposited(self, e: m.Deposited) -> None:
        self.balance[e.account, e.asset] += e.amount

    def see_PaymentSent(self, e: m.PaymentSent) -> None:
        self.balance[TRANSIT, e.asset] += e.amount
        if e.command != m.Deposit.KIND:
            self.balance[e.account, e.asset] -= e.amount

    def see_PaymentArrived(self, e: m.PaymentArrived) -> None:
        self.balance[TRANSIT, e.asset] -= e.amount
        if e.to >= 0:
            self.balance[e.to, e.asset] += e.amount

    def see_Withdrawn(self, e: m.Withdrawn) -> None:
        self.balance[e.account, e.asset] -= e.amount

    def see_Debited(self, e: m.Debited) -> None:
        self.balance[e.account, e.asset] -= e.amount

    def see_GasPaid(self, e: m.GasPaid) -> None:
        self.pay(e.account, FEES, 0, e.amount + e.priority_fee)

    def see_Transferred(self, e: m.Transferred) -> None:
        self.pay(e.account, e.to, e.asset, e.amount)

    def see_OrderPlaced(self, e: m.OrderPlaced) -> None:
        allowed = {MarketStatus.ACTIVE, MarketStatus.REDUCE_ONLY} | ({MarketStatus.POST_ONLY} if e.tif in PASSIVE else set())
        assert self.status[e.market] in allowed, f"{e} in a market that is {MarketStatus(self.status[e.market]).name}"
        self.orders[e.order_id] = [e.account, e.market, e.side, e.price, e.size, e.tif, e.reduce_only]
        self.display[e.order_id] = e.display

    def see_OrderAmended(self, e: m.OrderAmended) -> None:
        order = self.orders[e.order_id]
        if e.kept_priority:
            assert e.price == order[3] and e.size <= order[4]
        else:
            self.orders[e.order_id] = self.orders.pop(e.order_id)  # behind all others
        order[3:5] = [e.price, e.size]

    def see_OrderReduced(self, e: m.OrderReduced) -> None:
        assert 0 < e.size < self.orders[e.order_id][4]
        self.orders[e.order_id][4] = e.size

    def see_OrderRefreshed(self, e: m.OrderRefreshed) -> None:
        order = self.orders[e.order_id]
        assert e.size + e.hidden == order[4] and e.size == min(self.display[e.order_id], order[4])
        self.orders[e.order_id] = self.orders.pop(e.order_id)  # behind all others

    def see_OrderCancelled(self, e: m.OrderCancelled) -> None:
        order = self.orders.pop(e.order_id)
        assert order[4] == e.size, "a cancel names another size than the order had"
        assert order[5] != TimeInForce.FOK, "fill or kill was accepted and did not fill"

    def see_Traded(self, e: m.Traded) -> None:
        value = e.size * e.price * self.terms[e.market].unit
        signed = e.size if e.taker_side == 0 else -e.size
        asset = self.terms[e.market].asset
        self.check_fill(e, signed)
        if self.terms[e.market].is_spot:
            self.swap(e, signed, value)
        else:
            self.change(e.taker, e.market, signed, value)
            self.change(e.maker, e.market, -signed, value)
        self.pay(e.taker, FEES, asset, e.taker_fee)
        self.pay(e.maker, FEES, asset, e.maker_fee)
        self.fill(e.maker_order_id, e.size)
        self.fill(e.taker_order_id, e.size)
        left = self.orders[e.maker_order_id][4] if e.maker_order_id in self.orders else 0
        display = self.display.get(e.maker_order_id, 0)
        if display == 0 or left == 0:
            assert left == e.maker_left
        else:
            assert 0 < e.maker_left <= min(left, display), "an order shows more than it is to, or nothing"

    def swap(self, e: m.Traded, signed: int, value: int) -> None:
        """A spot trade."""
        t = self.terms[e.market]
        self.pay(e.taker, e.maker, t.asset, value if signed > 0 else -value)
        self.pay(e.maker, e.taker, t.base, signed * t.lot)

    def see_CollateralSold(self, e: m.CollateralSold) -> None:
        if e.method == Method.TAKEOVER:
            self.pay(e.account, INSURANCE, e.asset, e.amount)
            self.pay(INSURANCE, e.account, self.terms[e.market].asset, e.value)

    def see_CurveTraded(self, e: m.CurveTraded) -> None:
        signed = e.size if e.side == 0 else -e.size
        asset = self.terms[e.market].asset
        assert self.status[e.market] not in (MarketStatus.HALTED, MarketStatus.SETTLED)
        if e.order_id and self.orders[e.order_id][6]:
            held = self.size[e.taker, e.market]
            assert held * signed < 0 and e.size <= abs(held), f"{e}: a reduce-only order opened"
        self.change(e.taker, e.market, signed, e.value)
        self.change(CURVE, e.market, -signed, e.value)
        assert self.size[CURVE, e.market] == e.inventory, f"{e}: the curve holds {self.size[CURVE, e.market]}"
        self.pay(e.taker, FEES, asset, e.taker_fee - e.pool_fee)
        self.pay(e.taker, CURVE, asset, e.pool_fee)
        self.fill(e.order_id, e.size)

    def see_LiquidityAdded(self, e: m.LiquidityAdded) -> None:
        self.pay(e.account, CURVE, self.terms[e.market].asset, e.amount)

    def see_LiquidityRemoved(self, e: m.LiquidityRemoved) -> None:
        """The position that comes with a range is told with what it has cost."""
        asset = self.terms[e.market].asset
        self.pay(CURVE, e.account, asset, e.amount - e.value)
        self.size[e.account, e.market] += e.lots
        self.size[CURVE, e.market] -= e.lots

    def see_FundingCharged(self, e: m.FundingCharged) -> None:
        self.pay(CLEARING, CURVE, self.terms[e.market].asset, e.to_pool)

    def check_fill(self, e: m.Traded, signed: int) -> None:
        """Priority by price, class and time, limits, and reduce-only orders that reduce."""
        assert self.status[e.market] not in (MarketStatus.HALTED, MarketStatus.SETTLED)
        maker = self.orders[e.maker_order_id]
        better = -1 if maker[2] else 1  # the sign of a better price on the maker's side
        with_rpi = e.taker_order_id != 0 and e.taker in self.retail
        assert maker[5] != TimeInForce.RPI or with_rpi, f"{e}: an RPI order has met somebody else than a retail account"
        met = {i: o for i, o in self.orders.items() if i != e.taker_order_id and (o[5] != TimeInForce.RPI or with_rpi)}
        rivals = [o[3] for o in met.values() if o[1:3] == maker[1:3]]
        assert all((price - maker[3]) * better <= 0 for price in rivals), f"{e}: there was a better price"
        level = [o for o in met.values() if o[1:4] == maker[1:4]]
        assert all(self.rank(maker) <= self.rank(o) for o in level), f"{e}: another class stands first"
        if self.matching[e.market].rule == "price_time":
            older = [o for i, o in self.before(e.maker_order_id) if i in met and o[1:4] == maker[1:4]]
            assert all(self.rank(maker) < self.rank(o) for o in older), f"{e}: not the oldest"
        assert e.price == maker[3] and e.taker_side == 1 - maker[2]
        if e.taker_order_id:
            taker = self.orders[e.taker_order_id]
            assert taker[5] not in PASSIVE, "a post-only order took"
            assert taker[3] >= e.price if e.taker_side == 0 else taker[3] <= e.price
        for order_id, account, lots in ((e.taker_order_id, e.taker, signed), (e.maker_order_id, e.maker, -signed)):
            if order_id and self.orders[order_id][6] and e.taker != e.maker:
                held = self.size[account, e.market]
                assert held * lots < 0 and abs(lots) <= abs(held), f"{e}: a reduce-only order opened"

    def rank(self, order: list[int]) -> int:
        """Of the classes of one price, where the market has them: retail accounts, others, RPI orders."""
        if not self.matching[order[1]].queue_classes:
            return 1
        return 2 if order[5] == TimeInForce.RPI else int(order[0] not in self.retail)

    def before(self, order_id: int) -> Iterator[tuple[int, list[int]]]:
        """The orders that are older."""
        return takewhile(lambda item: item[0] != order_id, self.orders.items())

    def see_BlockTraded(self, e: m.BlockTraded) -> None:
        value = e.size * e.price * self.terms[e.market].unit
        self.change(e.buyer, e.market, e.size, value)
        self.change(e.seller, e.market, -e.size, value)

    def see_PositionSettled(self, e: m.PositionSettled) -> None:
        self.pay(e.account, CLEARING, self.terms[e.market].asset, e.amount)

    def see_LiquidationStarted(self, e: m.LiquidationStarted) -> None:
        self.liquidating[e.account, e.market] += 1

    def see_LiquidationEnded(self, e: m.LiquidationEnded) -> None:
        self.liquidating[e.account, e.market] -= 1
        assert self.liquidating[e.account, e.market] >= 0

    def see_Liquidated(self, e: m.Liquidated) -> None:
        to_fund = e.fee * self.fund_share_ppm // 10**6
        self.pay(e.account, INSURANCE, self.terms[e.market].asset, to_fund)
        self.pay(e.account, self.fee_to, self.terms[e.market].asset, e.fee - to_fund)
        if e.method in (Method.AUCTION, Method.TAKEOVER):
            self.change(e.account, e.market, -e.size, e.value)
            if e.method == Method.AUCTION:
                self.on_offer.append((e.market, e.size, e.value))

    def see_AuctionTaken(self, e: m.AuctionTaken) -> None:
        asset = self.terms[self.on_offer[0][0]].asset
        for number, size, value in self.on_offer:
            self.change(e.bidder, number, size, value)
        self.on_offer.clear()
        self.pay(e.account, e.bidder, asset, e.gain)

    def see_TakenOver(self, e: m.TakenOver) -> None:
        self.change(e.vault, e.market, e.size, e.value)

    def see_Deleveraged(self, e: m.Deleveraged) -> None:
        held = self.size[e.loser, e.market]
        lots = -e.size if held > 0 else e.size
        self.change(e.loser, e.market, lots, e.value)
        self.change(e.winner, e.market, -lots, e.value)
        assert abs(self.size[e.loser, e.market]) < abs(held), "deleveraging closes"

    def see_DeficitPaid(self, e: m.DeficitPaid) -> None:
        payer = {
            Payer.INSURANCE_FUND: INSURANCE, Payer.SOCIALIZED: CLEARING, Payer.VAULT: VAULT, Payer.UNCOVERED: UNCOVERED,
            Payer.OTHER: CURVE,
        }[Payer(e.payer)]  # fmt: skip
        assert e.amount > 0
        self.pay(payer, e.account, self.terms[e.market].asset, e.amount)

    def see_SurplusPaid(self, e: m.SurplusPaid) -> None:
        self.pay(e.account, e.to, e.asset, e.amount)

    def see_MarketStatusChanged(self, e: m.MarketStatusChanged) -> None:
        self.status[e.market] = e.status
        if e.status == MarketStatus.SETTLED:
            unit = self.terms[e.market].unit
            for (account, number), size in list(self.size.items()):
                if number == e.market and size:
                    self.change(account, number, -size, abs(size) * e.price * unit)

    def compare(self, exchange: Exchange, accounts: int) -> None:
        """The venue's own queries say the same."""
        for asset in range(len(exchange.design.assets)):
            own = [exchange.ledger_balance(account, asset) for account in range(accounts)]
            kept = [self.balance[account, asset] for account in range(accounts)]
            # what rounding moves from CLEARING to ROUNDING has no event
            for both in (own, kept):
                both[CLEARING] += both[ROUNDING]
                both[ROUNDING] = 0
            assert own == kept, f"asset {asset}: balances {own}, by the events {kept}"
            assert sum(own) == exchange.deposits(asset) - exchange.withdrawals(asset)
        holders = (VAULT, CURVE, *range(FIRST_USER, accounts))
        for number in range(len(self.terms)):
            sizes = [exchange.position(account, number).size for account in holders]
            assert sizes == [self.size[account, number] for account in holders], f"positions of market {number}"
            assert sum(sizes) == 0 and sum(max(0, size) for size in sizes) == exchange.open_interest(number)
        self.compare_orders(exchange, accounts)

    def compare_orders(self, exchange: Exchange, accounts: int) -> None:
        resting = {
            o.order_id: [o.account, o.market, o.side, o.price, o.size, o.tif, o.reduce_only]
            for account in range(FIRST_USER, accounts)
            for o in exchange.open_orders(account)
        }
        assert resting == self.orders, "open orders differ from what the events say"
        assert all(o[5] in (TimeInForce.GTC, *PASSIVE) for o in resting.values())
        lit = [o for o in resting.values() if o[5] != TimeInForce.RPI]
        for number in range(len(self.terms)):
            bids = [o[3] for o in lit if o[1:3] == [number, 0]]
            asks = [o[3] for o in lit if o[1:3] == [number, 1]]
            assert exchange.best_bid(number) == max(bids, default=0)
            assert exchange.best_ask(number) == min(asks, default=0)
