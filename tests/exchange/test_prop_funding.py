"""Funding: zero-sum, exact through the per-lot accruals, and the same whether it is settled late or at once."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import pytest
from actor import Actor, carry_out
from choices import Drawn, Seeded, Source, examples
from designs import market, venue
from hypothesis import given
from hypothesis import strategies as st
from world import World

from perplab.exchange import messages as m
from perplab.exchange.design.build import accrual_shift
from perplab.exchange.state.types import CLEARING, PPT, ROUNDING
from perplab.exchange.trading.funding import PremiumFunding

USERS = 4


def funded_world(source: Source, payment: str, tick: str = "1", lot: str = "0.001") -> World:
    """Accounts rich enough never to be liquidated; rates up to 4 % per minute; no trading fees."""
    terms = market(
        tick=tick, lot=lot, max_leverage=2, tiers=[{"lower_notional": 0, "initial_margin_ppm": 500_000, "maintenance_margin_ppm": 1}],
        funding={
            "impact_notional": source.pick([1, 50, 1_000]), "interest_ppt": source.pick([0, 100_000_000, 123_456_789]),
            "clamp_ppt": source.pick([0, 500_000_000]), "divisor": source.pick([1, 3, 8]), "cap_ppt": source.pick([1, 40_000_000_000]),
            "sample_interval_ms": 10_000, "interval_ms": 60_000, "payment": payment, "price": source.pick(["oracle", "mark"]),
        },
    )  # fmt: skip
    world = World(venue([terms], ["book"], []))
    for _ in range(USERS):
        world.do(m.OpenAccount(world.now, 1, 0))
    for account in world.users:
        world.do(m.Deposit(world.now, account, 0, 10**12))
    world.do(m.UpdateOracle(world.now, 0, 1_000))
    return world


class Eager:
    """Every account's equity if each charge were paid at once, in exact fractions. Follows the events."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.shift = accrual_shift(world.exchange.design.markets[0])
        self.seen = 0
        self.paid: Counter[int] = Counter()  # in 2^-shift micro-units
        self.touched: Counter[int] = Counter()
        self.size: Counter[int] = Counter()

    def follow(self) -> None:
        for e in self.world.events[self.seen :]:
            if isinstance(e, m.FundingCharged):
                before = dict(self.paid)
                for account, size in self.size.items():
                    self.paid[account] += size * e.accrual_delta
                assert sum(self.paid.values()) == sum(before.values()), "longs do not pay what shorts get"
            elif isinstance(e, m.Traded):
                lots = e.size if e.taker_side == 0 else -e.size
                self.change(e.taker, lots)
                self.change(e.maker, -lots)
            elif isinstance(e, m.BlockTraded):
                self.change(e.buyer, e.size)
                self.change(e.seller, -e.size)
        self.seen = len(self.world.events)

    def change(self, account: int, lots: int) -> None:
        self.size[account] += lots
        self.touched[account] += 1

    def compare(self) -> None:
        """Rounding takes less than a micro-unit each time a position is touched, always from the account."""
        self.follow()
        exchange = self.world.exchange
        for account in self.world.users:
            settled = exchange.ledger_balance(account) - exchange.position(account, 0).unsettled
            trades = self.world.books.balance[account, 0] + self.world_settled[account]
            exact = trades - Fraction(self.paid[account], 2**self.shift)
            assert exact - self.touched[account] - 1 < settled <= exact, f"account {account}: {settled}, eagerly {exact}"

    @property
    def world_settled(self) -> Counter[int]:
        """What was settled so far; added back, the books show trades and deposits alone."""
        found: Counter[int] = Counter()
        for e in self.world.events:
            if isinstance(e, m.PositionSettled):
                found[e.account] += e.amount
        return found


FUNDED_MIX = ["quote", "quote", "hit", "hit", "place", "amend", "block_trade", "update_oracle", "tick", "tick"]


def fund(source: Source, payment: str, commands: int) -> World:
    world = funded_world(source, payment)
    actor = Actor(source, world)
    eager = Eager(world)
    for _ in range(commands):
        name = source.pick(FUNDED_MIX)
        if name == "update_oracle":
            world.do(m.UpdateOracle(world.now, 0, 1_000 + source.integer(-100, 100)))
        elif name == "tick":
            world.do(m.Tick(world.now + source.pick([1, 10, 60, 61, 600]) * 10**9 - source.integer(0, 1)))
        else:
            carry_out(world, getattr(actor, name)())
        eager.compare()
    wind_up(world, eager)
    return world


def wind_up(world: World, eager: Eager) -> None:
    """All positions are closed: CLEARING has got back all it paid, and ROUNDING what rounding up left, no more."""
    world.do(m.SetMarketStatus(world.now, 0, 5, 1_000))
    exchange = world.exchange
    touched = sum(eager.touched.values()) + USERS
    assert exchange.balance(CLEARING) == 0
    assert 0 <= exchange.balance(ROUNDING) <= touched
    assert sum(exchange.balance(account) for account in world.users) + exchange.balance(ROUNDING) == USERS * 10**12


@pytest.mark.parametrize("payment", ["discrete", "continuous"])
@examples(8)
@given(data=st.data())
def test_late_settlement_equals_eager_settlement(payment: str, data: st.DataObject) -> None:
    fund(Drawn(data), payment, 12)


@pytest.mark.parametrize("payment", ["discrete", "continuous"])
def test_late_settlement_on_seeds(payment: str) -> None:
    """The same on seeds, where it is known that both signs of the rate and of positions were charged."""
    signs, settled = set(), 0
    for seed in range(4):
        world = fund(Seeded(seed), payment, 60)
        signs |= {(e.accrual_delta > 0) - (e.accrual_delta < 0) for e in world.events if isinstance(e, m.FundingCharged)}
        settled += world.kinds["PositionSettled"]
    assert {1, -1} <= signs and settled > 25


@pytest.mark.parametrize("payment", ["discrete", "continuous"])
def test_the_accrual_is_rate_times_value_to_the_last_bit(payment: str) -> None:
    """A discrete charge rounds its accrual down; a continuous one carries the remainder, so the sum over any time is exact too."""
    for seed in range(3):
        world = fund(Seeded(100 + seed), payment, 40)
        parts = 6 if payment == "continuous" else 1
        scale = 2 ** accrual_shift(world.exchange.design.markets[0])
        exact = Fraction(0)
        total = 0
        for e in world.events:
            if isinstance(e, m.FundingCharged):
                exact += Fraction(e.rate_ppt * e.price * 1_000 * scale, int(PPT) * parts)
                total += e.accrual_delta
                assert 0 <= exact - total < 1
                if parts == 1:
                    total, exact = 0, Fraction(0)


@given(
    premium=st.integers(-(10**13), 10**13), interest=st.integers(0, 10**12), clamp=st.integers(0, 10**12), divisor=st.integers(1, 1_000),
    cap=st.integers(0, 10**12),
)  # fmt: skip
def test_rate_is_the_clamped_formula(premium: int, interest: int, clamp: int, divisor: int, cap: int) -> None:
    rule = PremiumFunding(1, interest, clamp, divisor, cap)
    exact = Fraction(premium + max(-clamp, min(clamp, interest - premium)), divisor)
    exact = max(Fraction(-cap), min(Fraction(cap), exact))
    assert exact - 1 < rule.rate(premium) <= exact


def impact_premium(depth: list[tuple[int, int]], oracle: int, notional: int, sign: int) -> Fraction:
    """How much better than the oracle `notional` trades with this side; 0 if it is too thin or no better."""
    lots, value = 0, 0
    for price, here in depth:
        take = min(here, -(-(notional - value) // (price * 1_000)))
        lots += take
        value += take * price * 1_000
        if value >= notional:
            return max(Fraction(0), sign * (Fraction(value, lots * 1_000) - oracle) / oracle)
    return Fraction(0)


def test_premium_is_that_of_the_impact_prices() -> None:
    """Against the public depth, in books of random shape on either side of the oracle: exact to a millionth of a basis point."""
    signs = set()
    for seed in range(60):
        source = Seeded(seed)
        world = funded_world(source, "discrete")
        world.checks = False
        notional = world.exchange.design.markets[0].funding.own.impact_notional * 10**6
        middle = 1_000 + source.integer(-30, 30)
        for _ in range(source.integer(0, 8)):
            side = source.integer(0, 1)
            price = middle + source.integer(0, 20) * (1 if side else -1)
            world.do(m.Place(world.now, 8 + side, 0, side, price, source.pick([1, 7, 600]), 0, 3))
        world.do(m.Tick((world.now // (10 * 10**9) + 1) * 10 * 10**9))
        bids, asks = (world.exchange.depth(0, side, 100) for side in (0, 1))
        exact = (impact_premium(bids, 1_000, notional, 1) - impact_premium(asks, 1_000, notional, -1)) * int(PPT)
        told = next(e.premium_ppt for e in world.events if isinstance(e, m.FundingSampled))
        assert abs(told - exact) <= 1, f"seed {seed}: {told}, exactly {float(exact)}"
        signs.add((told > 0) - (told < 0))
    assert signs == {-1, 0, 1}
