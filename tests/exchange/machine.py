"""What the property tests share: venues made in code, commands drawn at random, and what must hold after every one of them.

`Source` is where choices come from: hypothesis (`Drawn`, which shrinks) or a seed (`Seeded`, the same on every machine). `venue` makes a
small design, `World` runs commands against it and checks, `Actor` draws commands that make sense in the world's state. Two checks know
nothing of the core's own arithmetic: `Bookkeeper` rebuilds balances, positions and orders from the events alone, and the margin functions
work out requirements as exact fractions from public queries and the design.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import takewhile
from typing import Final, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from perplab.exchange import Exchange, Journal, Malformed, VenueDesign, replay
from perplab.exchange import messages as m
from perplab.exchange.codes import MarketStatus, Method, Payer, Reason, TimeInForce
from perplab.exchange.design.venue import venue_of_json
from perplab.exchange.messages import command_row, event_of_row
from perplab.exchange.schema.views import Position
from perplab.exchange.state.types import (
    CLEARING,
    FEES,
    FIRST_USER,
    INSURANCE,
    MAX_AMOUNT,
    MAX_LOTS,
    ROUNDING,
    ROW,
    UNCOVERED,
    VAULT,
)

T = TypeVar("T")
NS: Final = 10**9
MILLI: Final = 10**6
START: Final = 1_000 * NS
STEPS: Final = ("book", "dutch_auction", "takeover")
BACKSTOPS: Final = ("insurance_fund", "auto_deleverage", "socialized_loss")
DEEP: Final = os.environ.get("HYPOTHESIS_PROFILE") == "deep"


def examples(count: int, deep: int = 40) -> settings:
    """Settings for `count` examples, `deep` times as many under HYPOTHESIS_PROFILE=deep."""
    return settings(
        max_examples=count * deep if DEEP else count, deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )  # fmt: skip


def ordered_subsets(items: Sequence[T]) -> list[tuple[T, ...]]:
    """All subsets in all orders, the empty one first."""
    found: list[tuple[T, ...]] = [()]
    for done in found:
        found.extend((*done, item) for item in items if item not in done)
    return found


# -- where choices come from --


class Source:
    def integer(self, low: int, high: int) -> int:
        """low <= result <= high."""
        raise NotImplementedError

    def pick(self, options: Sequence[T]) -> T:
        return options[self.integer(0, len(options) - 1)]

    def chance(self, percent: int) -> bool:
        """True in about `percent` of 100 cases; a shrunk example takes False."""
        return self.integer(0, 99) >= 100 - percent


class Seeded(Source):
    """SplitMix64: the same numbers from the same seed everywhere."""

    def __init__(self, seed: int) -> None:
        self.state = seed & (2**64 - 1)

    def integer(self, low: int, high: int) -> int:
        self.state = (self.state + 0x9E3779B97F4A7C15) & (2**64 - 1)
        z = self.state
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & (2**64 - 1)
        z = (z ^ z >> 27) * 0x94D049BB133111EB & (2**64 - 1)
        return low + (z ^ z >> 31) % (high - low + 1)


class Drawn(Source):
    """Choices of hypothesis."""

    def __init__(self, data: st.DataObject) -> None:
        self.data = data

    def integer(self, low: int, high: int) -> int:
        return int(self.data.draw(st.integers(low, high)))


# -- designs --

Tree = dict[str, object]


def market(name: str = "A", **over: object) -> Tree:
    """A market of 1,000 micro-units per tick x lot: at 1,000 ticks a lot is worth 1 unit of money. No fees, no funding, oracle mark."""
    tree: Tree = {
        "name": name, "tick": "1", "lot": "0.001", "max_price": "100000", "max_leverage": 20,
        "tiers": [{"lower_notional": 0, "initial_margin_ppm": 50_000, "maintenance_margin_ppm": 25_000}],
        "funding": {"interest_ppt": 0, "cap_ppt": 0, "sample_interval_ms": 86_400_000, "interval_ms": 86_400_000},
    }  # fmt: skip
    return tree | over


def venue(markets: Sequence[Tree] = (), steps: Sequence[str] = ("book",), backstops: Sequence[str] = (), **over: object) -> VenueDesign:
    """A checked design; `liquidation` of `over` is laid over the steps."""
    liquidation = {"steps": list(steps)} | dict(over.pop("liquidation", {}))  # type: ignore[call-overload]
    tree: Tree = {
        "name": "test", "assets": ["USD"], "markets": list(markets) or [market()], "liquidation": liquidation,
        "backstops": list(backstops), "vault": {"capital": 1_000},
    }  # fmt: skip
    return venue_of_json(json.dumps(tree | over).encode())


def drawn_tiers(source: Source, leverage: int) -> list[Tree]:
    rates = sorted(source.integer(1_000_000 // leverage, 400_000) for _ in range(source.integer(1, 3)))
    rates[0] = -(-1_000_000 // leverage)
    bounds = [0, source.pick([50, 500, 3_000]), source.pick([10_000, 50_000])]
    share = source.pick([300_000, 500_000, 900_000])  # of maintenance in initial
    return [
        {"lower_notional": bound, "initial_margin_ppm": rate, "maintenance_margin_ppm": rate * share // 1_000_000}
        for bound, rate in zip(bounds, rates, strict=False)
    ]


def drawn_market(source: Source, base: Tree) -> Tree:
    leverage = source.pick([5, 20, 100])
    sample = source.pick([5_000, 60_000])
    maker_fee, taker_fee = source.pick([(0, 0), (150_000, 450_000), (-200_000, 500_000), (-3_000_000, 7_000_000), (2_000_000, 0)])
    return base | {
        "max_leverage": leverage, "default_leverage": source.pick([0, 0, 2]), "tiers": drawn_tiers(source, leverage),
        "significant_figures": source.pick([0, 0, 0, 3]), "minimum_notional": source.pick([0, 0, 0, 10]),
        "price_band_ppm": source.pick([0, 100_000, 500_000]),
        "open_interest_cap": source.pick(["0", "0", "0", str(300 * Decimal(str(base["lot"])))]),
        "maker_fee_ppb": maker_fee, "taker_fee_ppb": taker_fee,
        "oracle": {
            "stale_after_ms": source.pick([0, 0, 4_000]), "on_stale": source.pick(["keep_last", "halt_new_risk", "pause_liquidation"]),
        },
        "mark": {
            "rule": source.pick(["oracle", "hyperliquid"]), "cadence_ms": source.pick([0, 0, 3_000, 60_000]),
            "basis_window_ms": source.pick([1_000, 150_000]), "local_window_ms": source.pick([1_000, 30_000]),
        },
        "funding": {
            "impact_notional": source.pick([1, 20, 2_000]), "interest_ppt": source.pick([0, 100_000_000, 40_000_000_000]),
            "clamp_ppt": source.pick([0, 500_000_000]), "divisor": source.pick([1, 8]),
            "cap_ppt": source.pick([0, 4_000_000_000, 40_000_000_000]), "sample_interval_ms": sample,
            "interval_ms": sample * source.pick([1, 6, 60]), "payment": source.pick(["discrete", "continuous"]),
            "price": source.pick(["oracle", "mark"]),
        },
    }  # fmt: skip


def drawn_venue(source: Source, steps: Sequence[str] = (), backstops: Sequence[str] | None = None) -> VenueDesign:
    """Two markets that settle in USD and one that settles in EUR; every option of a design takes part."""
    markets = [
        drawn_market(source, market("A")),
        drawn_market(source, market("B", tick="0.01", lot="1", max_price="10000")),
        drawn_market(source, market("C", tick="0.5", lot="0.002", max_price="50000", settlement_asset="EUR")),
    ]
    return venue(
        markets,
        steps or source.pick(ordered_subsets(STEPS)[1:]),
        source.pick(ordered_subsets(BACKSTOPS)) if backstops is None else backstops,
        assets=["USD", "EUR"],
        max_open_orders=source.pick([5, 50, 50, 50]),
        insurance_fund={"capital": source.pick([0, 20, 5_000])},
        vault={
            "capital": source.pick([50, 5_000]), "loss_limit_ppm": source.pick([100_000, 1_000_000]),
            "unwind_interval_ms": source.pick([0, 5_000]), "unwind_ppm": source.pick([50_000, 1_000_000]),
            "unwind_band_ppm": source.pick([2_000, 200_000]),
        },
        auto_deleverage={
            "rank": source.pick(["profit_leverage", "hyperliquid"]), "price": source.pick(["bankruptcy", "mark"]),
            "trigger": source.pick(["negative_equity", "fund_insufficient"]),
        },
        liquidation={
            "retry_ms": source.pick([500, 1_000]), "fee_ppm": source.pick([0, 5_000]),
            "fee_fund_share_ppm": source.pick([0, 300_001, 1_000_000]), "fee_to": source.pick(["vault", "fees"]),
            "surplus_to": source.pick(["trader", "trader", "insurance_fund", "vault"]),
            "book": {
                "patience_ms": source.pick([0, 0, 3_000]), "partial_ppm": source.pick([200_000, 1_000_000]),
                "partial_above": source.pick([0, 100]), "cooldown_ms": source.pick([2_000, 30_000]),
                "band_ppm": source.pick([50_000, 500_000]), "limit": source.pick(["cash_payers", "cash_payers", "bankruptcy", "band"]),
            },
            "dutch_auction": {
                "start_ppm": source.pick([980_000, 500_000]), "duration_ms": source.pick([2_000, 30_000]),
                "insolvent_duration_ms": source.pick([2_000, 30_000]), "buffer_ppm": source.pick([0, 150_000]),
            },
            "takeover": {"fraction_ppm": source.pick([0, 666_667, 1_000_000])},
        },
    )  # fmt: skip


# -- margin, worked out again from public queries and the design --


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

    def with_orders(self, p: Position) -> Fraction:
        """Requirement of the worse side of position plus open orders, with what its limits would lose against the mark."""
        t = self.terms[p.market]
        price = self.exchange.mark_price(p.market) * t.unit
        worst = self.row_initial(p)
        for side, sign in ((0, 1), (1, -1)):
            orders = [o for o in self.exchange.open_orders(p.account) if (o.market, o.side, o.reduce_only) == (p.market, side, 0)]
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


# -- the events alone --


class Bookkeeper:
    """Balances, positions, open orders and open interest, rebuilt from nothing but the events."""

    def __init__(self, design: VenueDesign) -> None:
        self.terms = [Terms(design, number) for number in range(len(design.markets))]
        self.fee_to = {"vault": VAULT, "fees": FEES}[design.liquidation.fee_to]
        self.fund_share_ppm = design.liquidation.fee_fund_share_ppm
        self.balance: Counter[tuple[int, int]] = Counter()
        self.balance[INSURANCE, 0] = design.insurance_fund.capital * 10**6
        self.balance[VAULT, 0] = design.vault.capital * 10**6
        self.size: Counter[tuple[int, int]] = Counter()
        self.orders: dict[int, list[int]] = {}  # id -> [account, market, side, price, open size, tif, reduce-only], in order of time
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

    def see_Deposited(self, e: m.Deposited) -> None:
        self.balance[e.account, e.asset] += e.amount

    def see_Withdrawn(self, e: m.Withdrawn) -> None:
        self.balance[e.account, e.asset] -= e.amount

    def see_Transferred(self, e: m.Transferred) -> None:
        self.pay(e.account, e.to, e.asset, e.amount)

    def see_OrderPlaced(self, e: m.OrderPlaced) -> None:
        allowed = {MarketStatus.ACTIVE, MarketStatus.REDUCE_ONLY} | ({MarketStatus.POST_ONLY} if e.tif == TimeInForce.POST_ONLY else set())
        assert self.status[e.market] in allowed, f"{e} in a market that is {MarketStatus(self.status[e.market]).name}"
        self.orders[e.order_id] = [e.account, e.market, e.side, e.price, e.size, e.tif, e.reduce_only]

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

    def see_OrderCancelled(self, e: m.OrderCancelled) -> None:
        order = self.orders.pop(e.order_id)
        assert order[4] == e.size, "a cancel names another size than the order had"
        assert order[5] != TimeInForce.FOK, "fill or kill was accepted and did not fill"

    def see_Traded(self, e: m.Traded) -> None:
        value = e.size * e.price * self.terms[e.market].unit
        signed = e.size if e.taker_side == 0 else -e.size
        asset = self.terms[e.market].asset
        self.check_fill(e, signed)
        self.change(e.taker, e.market, signed, value)
        self.change(e.maker, e.market, -signed, value)
        self.pay(e.taker, FEES, asset, e.taker_fee)
        self.pay(e.maker, FEES, asset, e.maker_fee)
        self.fill(e.maker_order_id, e.size)
        self.fill(e.taker_order_id, e.size)
        left = self.orders[e.maker_order_id][4] if e.maker_order_id in self.orders else 0
        assert left == e.maker_left

    def check_fill(self, e: m.Traded, signed: int) -> None:
        """Price-time priority, limits, and reduce-only orders that reduce."""
        assert self.status[e.market] not in (MarketStatus.HALTED, MarketStatus.SETTLED)
        maker = self.orders[e.maker_order_id]
        better = -1 if maker[2] else 1  # the sign of a better price on the maker's side
        rivals = [o[3] for i, o in self.orders.items() if o[1:3] == maker[1:3] and i != e.taker_order_id]
        assert all((price - maker[3]) * better <= 0 for price in rivals), f"{e}: there was a better price"
        assert not any(o[1:4] == maker[1:4] for i, o in self.before(e.maker_order_id) if i != e.taker_order_id), f"{e}: not the oldest"
        assert e.price == maker[3] and e.taker_side == 1 - maker[2]
        if e.taker_order_id:
            taker = self.orders[e.taker_order_id]
            assert taker[5] != TimeInForce.POST_ONLY, "a post-only order took"
            assert taker[3] >= e.price if e.taker_side == 0 else taker[3] <= e.price
        for order_id, account, lots in ((e.taker_order_id, e.taker, signed), (e.maker_order_id, e.maker, -signed)):
            if order_id and self.orders[order_id][6] and e.taker != e.maker:
                held = self.size[account, e.market]
                assert held * lots < 0 and abs(lots) <= abs(held), f"{e}: a reduce-only order opened"

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
        holders = (VAULT, *range(FIRST_USER, accounts))
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
        assert all(o[5] in (TimeInForce.GTC, TimeInForce.POST_ONLY) for o in resting.values())
        for number in range(len(self.terms)):
            bids = [o[3] for o in resting.values() if o[1:3] == [number, 0]]
            asks = [o[3] for o in resting.values() if o[1:3] == [number, 1]]
            assert exchange.best_bid(number) == max(bids, default=0)
            assert exchange.best_ask(number) == min(asks, default=0)


# -- a venue under test --

ENTRY: Final = (m.Place, m.Amend)
OUTFLOW: Final = (m.Withdraw, m.Transfer)


class Before:
    """Positions and cross equity ahead of a command."""

    def __init__(self, world: World) -> None:
        exchange, users = world.exchange, world.users
        self.positions = {(a, n): exchange.position(a, n) for a in users for n in range(len(world.terms))}
        self.equity = {(a, asset): world.margin.equity(a, asset) for a in users for asset in range(len(exchange.design.assets))}


class World:
    """A venue under test: commands go in one by one, each after a Tick of its time, and everything is checked."""

    def __init__(self, design: VenueDesign) -> None:
        self.journal = Journal()
        self.exchange = Exchange(design, self.journal, 2, 8)  # small tables, so that they grow
        self.books = Bookkeeper(design)
        self.terms = self.books.terms
        self.margin = Margin(self.exchange, self.terms)
        self.checks = True  # False while a scene is set that other tests have checked
        self.hashed = ""  # the state's hash, if it is known
        self.now = START
        self.accounts = FIRST_USER
        self.rows: list[int] = []
        self.events: list[m.Event] = []
        self.sides: dict[int, int] = {}  # of every order there ever was
        self.reasons: Counter[Reason] = Counter()
        self.kinds: Counter[str] = Counter()
        self.do(m.Tick(self.now))

    @property
    def users(self) -> range:
        return range(FIRST_USER, self.accounts)

    def do(self, command: m.Command) -> list[m.Event]:
        """Let time come to the command, then carry it out; check both."""
        if command.ts > self.now or not self.rows:
            self.send(m.Tick(command.ts))
        if isinstance(command, m.Tick):
            return []
        if not self.checks:
            return self.send(command)
        before = Before(self)
        hashed = self.hashed or self.exchange.state_hash()
        events = self.send(command)
        rejected = [e for e in events if isinstance(e, m.Rejected)]
        if rejected:
            assert len(events) == 1, f"{command} was refused, and yet: {events}"
            assert self.exchange.state_hash() == hashed, f"{rejected[0]} has left a trace"
            self.hashed = hashed
            self.reasons[Reason(rejected[0].reason)] += 1
        else:
            check_voluntary(self, command, events, before)
        return events

    def send(self, command: m.Command) -> list[m.Event]:
        row = command_row(command)
        events = self.exchange.apply(command)
        self.hashed = ""
        self.now = command.ts
        self.rows += row
        self.events += events
        self.kinds.update(type(e).__name__ for e in events)
        self.accounts += sum(isinstance(e, m.AccountOpened) for e in events)
        for e in events:
            self.books.see(e)
            if isinstance(e, m.OrderPlaced):
                self.sides[e.order_id] = e.side
        check_deficits(self.exchange, events)
        if self.checks:
            self.check()
        return events

    def check(self) -> None:
        self.exchange.check()
        self.books.compare(self.exchange, self.accounts)
        self.check_limits()
        for account in self.users:
            for asset in range(len(self.exchange.design.assets)):
                if not any(p.size for p in self.margin.cross(account, asset)) and not self.books.liquidating[account, -1]:
                    assert self.exchange.balance(account, asset) >= 0, f"account {account} has nothing open and owes asset {asset}"
            for number in range(len(self.terms)):
                p = self.exchange.position(account, number)
                if p.size == 0 or p.mode == 0:
                    assert p.isolated_margin == 0, f"margin is stuck in {p}"

    def check_limits(self) -> None:
        """Caps hold, and no account of the venue's own owes but UNCOVERED, the vault, and CLEARING to those who get funding."""
        design = self.exchange.design
        for number, terms in enumerate(design.markets):
            cap = int(terms.open_interest_cap / terms.lot)
            assert cap == 0 or self.exchange.open_interest(number) <= cap
        held = Counter(order[0] for order in self.books.orders.values())
        assert max(held.values(), default=0) <= design.max_open_orders
        for asset in range(len(design.assets)):
            for account in (INSURANCE, FEES, ROUNDING):
                assert self.exchange.balance(account, asset) >= 0, f"system account {account} owes"
            assert self.exchange.balance(UNCOVERED, asset) <= 0

    def refuse(self, row: list[int]) -> None:
        """The door refuses a packed command: nothing happens, not even time."""
        hashed = self.exchange.state_hash()
        try:
            self.exchange.apply_rows(row)
        except Malformed:
            assert self.exchange.state_hash() == hashed and self.exchange.now == self.now
        else:
            raise AssertionError(f"the door let {row} in")

    def in_liquidation(self, account: int) -> bool:
        return any(count for (who, _), count in self.books.liquidating.items() if who == account)

    def finish(self, source: Source) -> None:
        """Replay the journal, and feed the same commands in bulk: state and events are the same."""
        hashed = self.exchange.state_hash()
        assert replay(self.journal.bytes()).state_hash() == hashed, "the journal replays to another state"
        everything = [list(astuple_row(e)) for e in self.events]
        for chunk in (len(self.rows), int(ROW)):
            journal = Journal(block_rows=7)
            other = Exchange(self.exchange.design, journal, 32, 64)
            flat: list[int] = []
            at = 0
            while at < len(self.rows):
                flat += other.apply_rows(self.rows[at : at + chunk])
                at += chunk
                chunk = source.integer(1, 9) * int(ROW)
            events = [flat[at : at + int(ROW)] for at in range(0, len(flat), int(ROW))]
            assert [list(astuple_row(event_of_row(e))) for e in events] == everything, "bulk commands have other events"
            assert other.state_hash() == hashed, "bulk commands lead to another state"
            other.check()
            assert replay(journal.bytes()).state_hash() == hashed


def astuple_row(e: m.Event) -> tuple[int, ...]:
    return (e.KIND, *(getattr(e, name) for name in e.__struct_fields__))


def check_deficits(exchange: Exchange, events: Sequence[m.Event]) -> None:
    """What a slice sold into the book or settled was short of is paid at once, to the micro-unit, `uncovered` included."""
    for at, e in enumerate(events):
        if isinstance(e, m.Liquidated) and e.method in (Method.BOOK, Method.SETTLEMENT):
            paid = 0
            for later in events[at + 1 :]:
                if isinstance(later, m.DeficitPaid):
                    assert later.account == e.account
                    paid += later.amount
                elif not isinstance(later, m.LossSocialized | m.PositionSettled):  # who closed against it pays his share
                    break
            # the rest of a flat account (rounding) may be paid right behind
            assert e.deficit <= paid <= e.deficit + len(exchange.design.markets) + 1, f"{e}: {paid} was paid"


def check_voluntary(world: World, command: m.Command, events: Sequence[m.Event], before: Before) -> None:
    """No voluntary act leaves an account below initial margin, or below maintenance if it only reduces."""
    margin = world.margin
    exchange = world.exchange
    losers = {e.account for e in events if isinstance(e, m.Liquidated)}
    shared = any(isinstance(e, m.LossSocialized) for e in events)  # the end of an auction may cost everybody
    if isinstance(command, (*ENTRY, m.BlockTrade, m.TakeAuction)):
        for (account, number), old in before.positions.items():
            new = exchange.position(account, number)
            if account not in losers and new.size != old.size and not shared:
                same_side = (new.size > 0) == (old.size > 0) or new.size == 0
                check_margined(world, new, same_side and abs(new.size) < abs(old.size), before)
    if isinstance(command, OUTFLOW):
        asset = command.asset
        assert margin.equity(command.account, asset) >= margin.all_with_orders(command.account, asset)
    if isinstance(command, m.SetLeverage):
        new = exchange.position(command.account, command.market)
        if new.leverage < before.positions[command.account, command.market].leverage and new.size:
            check_margined(world, new, False, before)
    if isinstance(command, m.MoveIsolatedMargin):
        new = exchange.position(command.account, command.market)
        if command.amount < 0:
            assert margin.isolated_equity(new) >= margin.row_initial(new)
        asset = world.terms[command.market].asset
        if command.amount > 0:
            assert margin.equity(command.account, asset) >= margin.all_with_orders(command.account, asset)
    check_traders(world, command, events, before)
    for e in events:
        if isinstance(e, m.OrderPlaced) or (isinstance(e, m.OrderAmended) and not e.kept_priority):
            check_price(world, e)


def check_price(world: World, e: m.OrderPlaced | m.OrderAmended) -> None:
    """An accepted price is on the grid and inside the band; an order that may open is worth the minimum."""
    t = world.terms[e.market]
    mark = world.exchange.mark_price(e.market)
    if t.figures:
        assert len(str(e.price).rstrip("0")) <= t.figures
    side = e.side if isinstance(e, m.OrderPlaced) else world.sides[e.order_id]
    if t.band_ppm:
        assert e.price * 10**6 <= mark * (10**6 + t.band_ppm) if side == 0 else e.price * 10**6 >= mark * (10**6 - t.band_ppm)
    assert 1 <= e.price <= t.max_price
    if isinstance(e, m.OrderPlaced) and not e.reduce_only:
        assert e.size * e.price * t.unit >= t.minimum_notional


def check_margined(world: World, p: Position, reduced: bool, before: Before) -> None:
    margin = world.margin
    asset = world.terms[p.market].asset
    name = "maintenance" if reduced else "initial"
    equity = margin.equity(p.account, asset)
    if p.mode == 1:
        # an isolated position may draw from free cash, and only from that
        needed = min(margin.initial(p.account, asset), Fraction(before.equity[p.account, asset]))
        assert equity >= needed, f"account {p.account}: equity {equity}, needed {needed} after {p}"
        equity = margin.isolated_equity(p)
        needed = margin.row_maintenance(p) if reduced else margin.row_initial(p)
    else:
        needed = margin.maintenance(p.account, asset) if reduced else margin.initial(p.account, asset)
    assert (p.size == 0 and p.mode == 1) or equity >= needed, f"{p}: equity {equity}, {name} margin {needed}"


def check_traders(world: World, command: m.Command, events: Sequence[m.Event], before: Before) -> None:
    """Orders that may only reduce never increase or flip; trades with oneself leave cash and isolated positions sound."""
    if isinstance(command, m.Place) and command.reduce_only:
        old = before.positions[command.account, command.market].size
        new = world.exchange.position(command.account, command.market).size
        assert 0 <= new <= old or old <= new <= 0
    if not isinstance(command, ENTRY):
        return
    for e in events:
        if isinstance(e, m.Traded) and e.taker == e.maker:
            p = world.exchange.position(e.taker, e.market)
            asset = world.terms[e.market].asset
            assert world.margin.equity(e.taker, asset) >= world.margin.maintenance(e.taker, asset), "a trade with oneself drained the cash"
            if p.mode == 1:
                assert world.margin.isolated_equity(p) >= world.margin.row_maintenance(p)


# -- commands --


class Actor:
    """Draws commands that make sense in the world's state, and some that do not."""

    def __init__(self, source: Source, world: World, focus: bool = False) -> None:
        self.source = source
        self.world = world
        self.exchange = world.exchange
        self.focus = focus  # most happens in the first market, and nobody holds back

    # what commands are made of

    def account(self) -> int:
        users = self.world.users
        return self.source.pick(users) if users else FIRST_USER

    def stranger(self) -> int:
        """Now and then an account that may not act: the venue's own, or nobody's."""
        return self.source.pick([VAULT, self.world.accounts]) if self.source.chance(2) else self.account()

    def two(self) -> tuple[int, int]:
        """Two accounts, now and then the same one twice."""
        users = self.world.users
        if len(users) < 2 or self.source.chance(3):
            return self.stranger(), self.stranger()
        first = self.source.integer(0, len(users) - 1)
        return users[first], users[(first + self.source.integer(1, len(users) - 1)) % len(users)]

    def market(self) -> int:
        count = len(self.world.terms)
        if self.focus and not self.source.chance(15):
            return 0
        return count if self.source.chance(1) else self.source.pick([0, 0, *range(count)])

    def mark(self, number: int) -> int:
        """The mark, or a price to begin with."""
        if number >= len(self.world.terms):
            return 1_000
        return self.exchange.mark_price(number) or (1_000, 20_000, 1_000)[number % 3]

    def limit(self, number: int) -> int:
        return self.world.terms[number].max_price if number < len(self.world.terms) else 1_000

    def price(self, number: int, side: int) -> int:
        source, mark, top = self.source, self.mark(number), self.limit(number)
        if number >= len(self.world.terms):
            return mark
        far = source.pick([1, 5, 20, 200])
        near = mark + source.integer(-mark * far // 1_000 - 1, mark * far // 1_000 + 1)
        best = (self.exchange.best_bid(number), self.exchange.best_ask(number))
        terms = self.world.terms[number]
        edge = mark * (10**6 + terms.band_ppm) // 10**6 if side == 0 else -(-mark * (10**6 - terms.band_ppm) // 10**6)
        options = [near, near, near, best[1 - side] or near, best[side] or near, best[1 - side] or near, edge]
        options += [self.threshold(number), source.integer(1, top), mark]
        return self.rounded(max(1, min(top, source.pick(options))), number)

    def rounded(self, price: int, number: int) -> int:
        figures = self.world.terms[number].figures
        if figures and not self.source.chance(5):
            grid = 10 ** max(0, len(str(price)) - figures)
            price = max(1, price // grid * grid)
        return price

    def threshold(self, number: int) -> int:
        account = self.account()
        if number >= len(self.world.terms) or account >= self.world.accounts:
            return 1
        return self.exchange.liquidation_price(account, number) or self.mark(number)

    def size(self, account: int, number: int) -> int:
        """From one lot to a little more than the account can carry."""
        source = self.source
        if number >= len(self.world.terms) or not FIRST_USER <= account < self.world.accounts:
            return 1
        terms = self.world.terms[number]
        p = self.exchange.position(account, number)
        held = abs(p.size)
        money = max(0, self.exchange.free_margin(account, terms.asset)) * p.leverage
        share = source.pick([90, 99] if self.focus else [5, 20, 20, 50, 90, 110])
        carry = money // (self.mark(number) * terms.unit) * share // 100
        options = [source.integer(1, 10), carry, carry, carry, carry, held or carry, held // 2 or carry, 2 * held + 1]
        return max(1, min(source.pick(options), int(MAX_LOTS)))

    def client(self) -> tuple[int, int]:
        return (self.source.pick([0, -(2**63)]), self.source.integer(1, 2)) if self.source.chance(30) else (0, 0)

    # commands

    def open_account(self) -> m.Command:
        return m.OpenAccount(self.world.now, self.source.integer(1, 4), self.source.integer(0, 9))

    def money(self) -> int:
        return self.source.pick([1, 10**6, 100 * 10**6, 1_000 * 10**6, 1_000 * 10**6]) * self.source.integer(1, 9)

    def asset(self) -> int:
        return 2 if self.source.chance(1) else self.source.pick([0, 0, 0, 1])

    def deposit(self) -> m.Command:
        return m.Deposit(self.world.now, self.stranger(), self.asset(), self.money())

    def outflow(self, account: int, asset: int) -> int:
        known = FIRST_USER <= account < self.world.accounts and asset < len(self.exchange.design.assets)
        free = self.exchange.free_margin(account, asset) if known else 0
        return max(1, min(self.source.pick([self.money(), free, free + 1, free // 2]), int(MAX_AMOUNT)))

    def withdraw(self) -> m.Command:
        account, asset = self.stranger(), self.asset()
        return m.Withdraw(self.world.now, account, asset, self.outflow(account, asset))

    def transfer(self) -> m.Command:
        (account, to), asset = self.two(), self.asset()
        return m.Transfer(self.world.now, account, to, asset, self.outflow(account, asset))

    def place(self) -> m.Command:
        source = self.source
        account, number, side = self.stranger(), self.market(), source.integer(0, 1)
        kind = source.pick([0, 0, 0, 1])
        price = 0 if kind == 1 and source.chance(50) else self.price(number, side)
        hi, lo = self.client()
        return m.Place(
            self.world.now, account, number, side, price, self.size(account, number), kind, source.pick([0, 0, 0, 1, 2, 3]),
            int(source.chance(15)), source.pick([0, 0, 1]), hi, lo,
        )  # fmt: skip

    def quote(self) -> list[m.Command]:
        """Somebody makes a market: a level or two on both sides of the mark."""
        source = self.source
        account, number = self.account(), min(self.market(), len(self.world.terms) - 1)
        mark, top = self.mark(number), self.limit(number)
        gap = source.pick([1, mark // 500 + 1, mark // 20 + 1, mark // 8 + 1])
        size = max(1, self.size(account, number) // 4)
        return [
            m.Place(self.world.now, account, number, side, self.rounded(max(1, min(top, mark + sign * gap * far)), number), size)
            for far in range(1, source.integer(2, 3))
            for side, sign in ((0, -1), (1, 1))
        ]

    def hit(self) -> m.Command:
        """Somebody, now and then its owner, trades with a resting order, and perhaps with those behind it."""
        source = self.source
        found = self.order()
        if found is None:
            return self.place()
        order_id, owner, number, side, size = found
        price = self.world.books.orders[order_id][3]
        account = owner if source.chance(10) else self.account()
        lots = source.pick([size, size, 2 * size, max(1, size // 2), self.size(account, number), self.size(account, number)])
        limit = source.pick([price, price, self.limit(number) if side == 1 else 1])
        return m.Place(
            self.world.now, account, number, 1 - side, limit, min(lots, int(MAX_LOTS)), 0, source.pick([0, 1, 2]),
            int(source.chance(15)), source.integer(0, 1),
        )  # fmt: skip

    def close(self) -> m.Command:
        """Somebody who has a position offers to close it, reduce-only."""
        held = [(a, n) for (a, n), size in sorted(self.world.books.size.items()) if size and a >= FIRST_USER]
        if not held:
            return self.place()
        account, number = self.source.pick(held)
        size = self.world.books.size[account, number]
        side = int(size > 0)
        price = self.price(number, side)
        return m.Place(self.world.now, account, number, side, price, min(abs(size), int(MAX_LOTS)), 0, 0, 1, 0, *self.client())

    def order(self) -> tuple[int, int, int, int, int] | None:
        """(order id, account, market, side, open size) of a resting order, or None."""
        if not self.world.books.orders:
            return None
        order_id = self.source.pick(sorted(self.world.books.orders))
        account, number, side, _, size, *_ = self.world.books.orders[order_id]
        return order_id, account, number, side, size

    def amend(self) -> m.Command:
        found = self.order()
        if found is None:
            return m.Amend(self.world.now, self.stranger(), 1, 1, 1)
        order_id, account, number, side, size = found
        price = self.world.books.orders[order_id][3] if self.source.chance(40) else self.price(number, side)
        lots = self.source.pick([size, max(1, size // 2), max(1, size - 1), size + 1, self.size(account, number)])
        return m.Amend(self.world.now, account, order_id, price, lots)

    def cancel(self) -> m.Command:
        found = self.order()
        if found is None or self.source.chance(5):
            return m.Cancel(self.world.now, self.stranger(), self.source.integer(1, 50))
        return m.Cancel(self.world.now, found[1], found[0])

    def cancel_client(self) -> m.Command:
        hi, lo = self.client()
        return m.CancelClient(self.world.now, self.stranger(), hi, lo)

    def cancel_all(self) -> m.Command:
        return m.CancelAll(self.world.now, self.stranger(), self.source.pick([-1, self.market()]))

    def set_leverage(self) -> m.Command:
        return m.SetLeverage(self.world.now, self.stranger(), self.market(), self.source.pick([1, 2, 5, 10, 20, 100]))

    def set_margin_mode(self) -> m.Command:
        return m.SetMarginMode(self.world.now, self.stranger(), self.market(), self.source.integer(0, 1))

    def move_isolated_margin(self) -> m.Command:
        account, number = self.stranger(), self.market()
        amount = self.money()
        if number < len(self.world.terms) and account < self.world.accounts:
            p = self.exchange.position(account, number)
            spare = int(self.world.margin.isolated_equity(p) - self.world.margin.row_initial(p))
            amount = self.source.pick([amount, -amount, -max(0, spare), -max(0, spare) - 1, -p.isolated_margin])
        most = int(MAX_AMOUNT)
        return m.MoveIsolatedMargin(self.world.now, account, number, max(-most, min(amount, most)))

    def block_trade(self) -> m.Command:
        number = self.market()
        buyer, seller = self.two()
        return m.BlockTrade(self.world.now, buyer, seller, number, self.size(buyer, number), self.price(number, 0))

    def update_oracle(self) -> m.Command:
        """Small steps, shocks, and steps to or just across somebody's liquidation price."""
        source, number = self.source, self.market()
        mark, top = self.mark(number), self.limit(number)
        target = self.threshold(number)
        step = source.pick([2, 20, 20, 100, 300])
        drift = mark + source.integer(-mark * step // 1_000 - 1, mark * step // 1_000 + 1)
        price = source.pick([drift, drift, drift, target, target + source.integer(-3, 3), mark])
        if source.chance(1):
            price = source.pick([1, top, top + 1])
        outside = price if source.chance(10) else 0
        return m.UpdateOracle(self.world.now, number, max(1, price), max(0, outside))

    def take_auction(self) -> m.Command:
        running = self.exchange.auctions()
        account = self.stranger()
        if not running and not self.source.chance(20):
            return self.tick()
        if not running:
            return m.TakeAuction(self.world.now, account, self.source.integer(1, 3), 10**6)
        found = self.source.pick(running)
        share = self.source.pick([10**6, 500_000, 1])
        gain = self.source.pick([-int(MAX_AMOUNT), found.gain, found.gain + 1, 0])
        return m.TakeAuction(self.world.now, account, found.auction, share, max(-int(MAX_AMOUNT), min(gain, int(MAX_AMOUNT))))

    def set_status(self) -> m.Command:
        number = self.market()
        status = self.source.pick([0, 0, 0, 0, 0, 0, 1, 2, 3, 4])
        if self.source.chance(3):
            status = 5
        price = self.price(number, 0) if self.source.chance(50) else 0
        return m.SetMarketStatus(self.world.now, number, status, price)

    def tick(self) -> m.Command:
        wait = self.source.pick([1, MILLI, 100 * MILLI, NS, NS, 3 * NS, 3 * NS, 10 * NS, 30 * NS, 61 * NS])
        return m.Tick(self.world.now + wait)

    def malformed(self) -> list[int]:
        """A packed command with one number out of its bounds."""
        source = self.source
        command = source.pick([self.place, self.amend, self.deposit, self.update_oracle, self.tick])()
        row = command_row(command)
        at = source.integer(0, int(ROW) - 1)
        low = [c for c in ((-1, 18), (self.world.now - 1,), (int(m.t.MAX_ACCOUNTS), -1))]
        bad = source.pick(low[at]) if at < len(low) else source.pick([-(2**63), 2**63 - 1])
        fields = len(m.BOUNDS[command.KIND])
        if 2 < at <= fields and m.BOUNDS[command.KIND][at - 1][2] - m.BOUNDS[command.KIND][at - 1][1] >= 2**63:
            at = int(ROW) - 1  # a field that takes every number: fill a column that must be empty instead
        row[at] = bad
        return row

    def settle_in(self, users: int) -> None:
        """Accounts with money, a price for every market, and positions from block trades; some of it isolated."""
        world, source = self.world, self.source
        for _ in range(users):
            world.do(m.OpenAccount(world.now, 1, 0))
        for account in world.users:
            world.do(m.Deposit(world.now, account, 0, source.pick([100, 1_000, 20_000]) * 10**6))
            world.do(m.Deposit(world.now, account, 1, source.pick([20, 1_000]) * 10**6))
        for number in range(len(world.terms)):
            world.do(m.UpdateOracle(world.now, number, self.mark(number)))
            for account in world.users:
                if source.chance(30):
                    world.do(m.SetMarginMode(world.now, account, number, 1))
        for _ in range(2 * users):
            number = 0 if self.focus and not source.chance(20) else source.pick([0, *range(len(world.terms))])
            buyer, seller = self.two()
            size = min(self.size(buyer, number), self.size(seller, number))
            world.do(m.BlockTrade(world.now, buyer, seller, number, size, self.mark(number)))


# Commands by name, and how often each is drawn.
MIX: Final = (
    "place " * 8 + "quote " * 5 + "hit " * 9 + "close " * 2 + "amend " * 3 + "cancel " * 2 + "cancel_client cancel_all deposit deposit "
    "withdraw transfer set_leverage set_margin_mode " + "move_isolated_margin " * 2 + "block_trade " * 3 + "update_oracle " * 6
    + "take_auction " * 2 + "tick " * 5
).split()
STRESS: Final = (
    "quote " * 5 + "hit " * 6 + "close " + "place " * 2 + "block_trade " * 3 + "deposit " * 2 + "withdraw amend move_isolated_margin "
    + "update_oracle " * 5 + "take_auction " * 4 + "tick " * 5
).split()
RARE: Final = ("open_account", "set_status", "malformed")


def run(source: Source, world: World, users: int, commands: int, stress: bool = False) -> None:
    """A random run: some users settle in, then commands of a mix, with a rare one now and then."""
    actor = Actor(source, world, stress)
    actor.settle_in(users)
    for _ in range(commands):
        name = source.pick(RARE) if source.chance(1 if stress else 3) else source.pick(STRESS if stress else MIX)
        if name == "malformed":
            world.refuse(actor.malformed())
        else:
            carry_out(world, getattr(actor, name)())


def carry_out(world: World, drawn: m.Command | list[m.Command]) -> None:
    for command in drawn if isinstance(drawn, list) else [drawn]:
        world.do(command)


class VenueMachine(RuleBasedStateMachine):
    """The whole engine as hypothesis drives it: any design, any commands, every check after each of them."""

    @initialize(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        self.last = Drawn(data)
        self.world = World(drawn_venue(self.last))
        Actor(self.last, self.world).settle_in(4)

    def act(self, data: st.DataObject, *names: str) -> None:
        source = Drawn(data)
        carry_out(self.world, getattr(Actor(source, self.world), source.pick(names))())

    @rule(data=st.data())
    def place(self, data: st.DataObject) -> None:
        self.act(data, "place")

    @rule(data=st.data())
    def hit(self, data: st.DataObject) -> None:
        self.act(data, "hit", "close")

    @rule(data=st.data())
    def quote(self, data: st.DataObject) -> None:
        self.act(data, "quote")

    @precondition(lambda self: self.world.books.orders)
    @rule(data=st.data())
    def change_order(self, data: st.DataObject) -> None:
        self.act(data, "amend", "cancel", "cancel_client", "cancel_all")

    @rule(data=st.data())
    def move_money(self, data: st.DataObject) -> None:
        self.act(data, "deposit", "withdraw", "transfer", "move_isolated_margin")

    @rule(data=st.data())
    def change_terms(self, data: st.DataObject) -> None:
        self.act(data, "set_leverage", "set_margin_mode", "open_account")

    @rule(data=st.data())
    def block_trade(self, data: st.DataObject) -> None:
        self.act(data, "block_trade")

    @rule(data=st.data())
    def move_price(self, data: st.DataObject) -> None:
        self.act(data, "update_oracle")

    @rule(data=st.data())
    def wait(self, data: st.DataObject) -> None:
        self.act(data, "tick")

    @precondition(lambda self: self.world.exchange.auctions())
    @rule(data=st.data())
    def take_auction(self, data: st.DataObject) -> None:
        self.act(data, "take_auction")

    @rule(data=st.data())
    def change_status(self, data: st.DataObject) -> None:
        self.act(data, "set_status")

    @rule(data=st.data())
    def knock_in_vain(self, data: st.DataObject) -> None:
        self.world.refuse(Actor(Drawn(data), self.world).malformed())

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.finish(Seeded(len(self.world.rows)))
