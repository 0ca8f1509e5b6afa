"""Two accounts of one owner at a venue with a curve, and others who do as they like: what the owner has in the end, the others have lost.

The oracle stands still, nothing costs a fee, and the curve starts without a position. When the owner is done, he closes his positions
through the curve and takes his liquidity out. He then has no more than at first, but for what others have paid beyond the oracle price in
orders of their own, and what they gave up by joining or leaving a pool: who joins pays for a paper profit of the pool that who leaves does
not get.
"""

from __future__ import annotations

import pytest
from choices import Drawn, Source, examples
from hypothesis import given
from hypothesis import strategies as st
from kit import BTC, Bench, markets_of, usd

from perplab.exchange.events import CurveTraded, Event, LiquidityAdded, LiquidityRemoved, Traded
from perplab.exchange.messages import AddLiquidity, CancelAll, Place, RemoveLiquidity
from perplab.exchange.state.tables import P_SHARES
from perplab.exchange.trading.pool_money import least_worth

BUY, SELL, IOC = 0, 1, 1
PRICE = 10_000  # ticks
PURSE = 10_000_000
KINDS: dict[str, dict[str, object]] = {
    "constant_product": {"rule": "constant_product", "reserve": 1_000_000},
    "vamm_peg_k": {"rule": "vamm_peg_k", "reserve": 1_000_000, "base_spread_ppm": 0, "budget": 1_000},
    "oracle_spread": {"rule": "oracle_spread", "spread_ppm": 0, "skew_ppm": 20_000, "scale": "50", "max_inventory": "200"},
    "vault": {"rule": "oracle_spread", "skew": "vault", "spread_ppm": 1_000, "skew_ppm": 500_000, "scale": "50", "max_inventory": "200"},
    "oracle_pool": {"rule": "oracle_pool", "negative_factor": "0.0000001", "positive_factor": "0.00000005"},
    "skew_fill": {"rule": "skew_fill", "scale": "1000"},
    "concentrated": {"rule": "concentrated", "lower_ppm": 800_000, "upper_ppm": 1_250_000},
}
ROLES = ("separate", "interleaved", "jit", "last_resort")


class Owners:
    """A venue with a curve; accounts 0 and 1 are the owner's, 2 and 3 are others'."""

    def __init__(self, kind: str, role: str, jit_ppm: int) -> None:
        terms = {"role": role, "capital": 500_000, "margin_ppm": 200_000, "jit_share_ppm": jit_ppm, **KINDS[kind]}
        market = {"curve": terms, "lot": "0.01", "tick": "0.1", "max_price": "30000", "mark": {"rule": "oracle"}}
        self.bench = Bench(markets_of(market))
        self.bench.oracle("1000")
        self.unit = int(self.bench.exchange.state.markets[BTC].unit)
        self.accounts = [self.bench.open(PURSE) for _ in range(4)]
        self.ranges: list[LiquidityAdded] = []
        self.lost = 0  # [micro] by others, in orders of their own and by moving their liquidity
        self.is_ranged = kind == "concentrated"

    def see(self, events: list[Event]) -> None:
        for e in events:
            if isinstance(e, CurveTraded):
                self.count(e.taker, e.side, e.size, e.value)
            elif isinstance(e, Traded):
                value = e.size * e.price * self.unit
                self.count(e.taker, e.taker_side, e.size, value)
                self.count(e.maker, 1 - e.taker_side, e.size, value)
            elif isinstance(e, LiquidityAdded):
                self.ranges.append(e)

    def count(self, account: int, side: int, size: int, value: int) -> None:
        """What an order of others has paid beyond the oracle price, or got below it."""
        if account not in self.accounts[:2] and account in self.accounts:
            worth = size * PRICE * self.unit
            self.lost += max(0, value - worth if side == BUY else worth - value)

    def order(self, account: int, side: int, lots: int, price: int, tif: int) -> None:
        self.see(self.bench.send(Place, account, BTC, side, price, lots, tif=tif))

    def provide(self, account: int, amount: int, *bounds: int) -> None:
        staked = self.stake(account)
        events = self.bench.send(AddLiquidity, account, BTC, amount, *bounds)
        self.see(events)
        if account in self.accounts[2:] and any(isinstance(e, LiquidityAdded) for e in events):
            self.lost += max(0, amount - (self.stake(account) - staked))

    def stake(self, account: int) -> int:
        """[micro] of an account's shares of a pool, as who leaves is paid for them."""
        exchange = self.bench.exchange
        market, row = exchange.state.markets[BTC], exchange.state.find_position(account, BTC)
        if self.is_ranged or row < 0:
            return 0
        worth = int(least_worth(exchange.state, market, exchange.liquidity_desk.curves.curve(market)))
        return int(exchange.state.positions.cells[row + P_SHARES]) * worth // max(1, int(market.pool.shares))

    def held(self, account: int) -> int:
        return self.bench.exchange.position(account, BTC).size

    def wealth(self) -> int:
        exchange = self.bench.exchange
        return sum(exchange.equity(account) + exchange.isolated_equity(account, BTC) for account in self.accounts[:2])

    def finish(self) -> None:
        """Out of the pool, and flat: through the curve where it takes that, or at the oracle price where not."""
        for account in self.accounts[:2]:
            self.bench.send(CancelAll, account, BTC)
        for e in self.ranges:
            if e.account in self.accounts[:2]:
                self.take_out(e, e.shares)
        for account in self.accounts[:2]:
            held = self.held(account)
            if held:
                side = SELL if held > 0 else BUY
                self.order(account, side, abs(held), 2 * PRICE if side == BUY else PRICE // 2, IOC)

    def take_out(self, e: LiquidityAdded, shares: int) -> None:
        staked = self.stake(e.account)
        gone = [one for one in self.bench.send(RemoveLiquidity, e.account, BTC, shares, e.range_id) if isinstance(one, LiquidityRemoved)]
        if gone and e.account in self.accounts[2:] and not self.is_ranged:
            self.lost += max(0, staked - self.stake(e.account) - gone[0].amount)
        if gone and self.is_ranged:
            left = e.shares - gone[0].shares
            self.ranges.remove(e)
            if left:
                self.ranges.append(LiquidityAdded(e.seq, e.ts, e.account, e.market, e.amount, left, e.range_id, e.lower, e.upper))


def act(source: Source, owners: Owners) -> None:
    account = source.pick(owners.accounts)
    what = source.pick(["order", "order", "order", "both", "add", "remove", "cancel", "wait"])
    side, lots = source.integer(0, 1), source.pick([1, source.integer(1, 50), source.integer(1, 5_000)])
    price = PRICE + source.integer(-400, 400)
    book = source.pick([0, IOC, 2, 3])
    if what == "order":
        owners.order(account, side, lots, price, book)
    elif what == "both":
        owners.order(owners.accounts[0], side, lots, price, book)
        owners.order(owners.accounts[1], 1 - side, lots, price, IOC)
    elif what == "add":
        if owners.is_ranged:  # whoever opens a range where the price was moved to loses by that, and nobody has to
            account = source.pick(owners.accounts[:2])
        lower = PRICE + source.integer(-500, 400)
        bounds = (lower, lower + source.pick([1, 50, 500])) if owners.is_ranged else (0, 0)
        amount = source.pick([1, 999, usd(1_000), usd(source.integer(1, 1_000_000))])
        owners.provide(account, amount, *bounds)
    elif what == "remove" and owners.ranges:
        e = source.pick(owners.ranges)
        owners.take_out(e, source.pick([1, e.shares, e.shares // 2 + 1]))
    elif what == "cancel":
        owners.bench.send(CancelAll, account, BTC)
    elif what == "wait":
        owners.bench.now += 10**9
        owners.bench.oracle("1000")


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("kind", KINDS)
@examples(12)
@given(st.data())
def test_two_accounts_gain_no_more_than_others_lose(kind: str, role: str, data: st.DataObject) -> None:
    source = Drawn(data)
    owners = Owners(kind, role, source.pick([0, 500_000, 1_000_000]) if role != "jit" else 1_000_000)
    before = owners.wealth()
    for _ in range(source.integer(1, 25)):
        act(source, owners)
    owners.finish()
    gained = owners.wealth() - before
    assert gained <= owners.lost, f"gained {gained}, others lost {owners.lost}"
