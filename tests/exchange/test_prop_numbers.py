"""Arithmetic at its bounds. Compiled integers wrap without a word, so every number of the core has to fit, whatever the door lets in.

On the interpreted core a column or an event that does not take a number raises; the queries are compared with exact arithmetic; and the
seeded streams of golden_streams.json, run on both builds, pin what wraps in between would change.
"""

from __future__ import annotations

from decimal import Decimal, getcontext
from hashlib import blake2b
from math import floor
from pathlib import Path

import pytest
from actor import Actor, carry_out, run
from choices import Drawn, Seeded, Source, examples
from designs import drawn_venue, market, venue
from hypothesis import given
from hypothesis import strategies as st
from updates import Updates
from world import World, astuple_row

from perplab.exchange import VenueDesign
from perplab.exchange import messages as m
from perplab.exchange.state import types as t
from perplab.exchange.state.types import MAX_AMOUNT, MAX_LOTS, MAX_NOTIONAL, VAULT

I64 = st.integers(-(2**63) + 1, 2**63 - 1)
POSITIVE = st.integers(1, 2**63 - 1)
GOLDEN = Path(__file__).with_name("golden_streams.json")


def fits(value: int) -> bool:
    return -(2**63) <= value < 2**63


# -- helpers --


@examples(500)
@given(I64, I64, st.one_of(POSITIVE, st.integers(t.ROOT - 2, t.ROOT + 2)))
def test_mul_div(a: int, b: int, c: int) -> None:
    """Exact wherever the result fits, on either side of the root where the method changes."""
    if fits(a * b // c):
        assert t.mul_div_floor(a, b, c) == a * b // c
    if fits(-(-a * b // c)):
        assert t.mul_div_ceil(a, b, c) == -(-a * b // c)


@examples(300)
@given(st.integers(-(2**40), 2**40), I64, st.integers(1, 2**40))
def test_mul_div_where_results_fit(part: int, whole: int, of: int) -> None:
    """The share of a part: nearly all of these fit."""
    if abs(part) <= of:
        assert t.mul_div_floor(whole, part, of) == whole * part // of
        assert t.mul_div_ceil(whole, part, of) == -(-whole * part // of)


@examples(300)
@given(st.integers(-(2**62) + 1, 2**62 - 1), st.integers(-(2**40) + 1, 2**40 - 1), st.integers(-(10**9), 10**9))
def test_parts_per_million_and_billion(amount: int, ppm: int, ppb: int) -> None:
    if fits(amount * ppm // 10**6 - 1) and fits(amount * ppm // 10**6 + 1):
        assert t.ppm_floor(amount, ppm) == amount * ppm // 10**6
        assert t.ppm_ceil(amount, ppm) == -(-amount * ppm // 10**6)
    assert t.ppb_ceil(amount, ppb) == -(-amount * ppb // 10**9)


@examples(300)
@given(I64, POSITIVE)
def test_div_ceil(a: int, b: int) -> None:
    assert t.div_ceil(a, b) == -(-a // b)


@examples(300)
@given(
    st.one_of(st.integers(0, 2**40 - 1), st.integers(2**31 - 2, 2**31 + 2)),
    st.one_of(st.integers(-(2**62), 2**62), st.sampled_from([s * 2**31 + d for s in (-1, 1) for d in (-1, 0, 1)])), st.integers(0, 48),
)  # fmt: skip
def test_accrual_due(lots: int, delta: int, shift: int) -> None:
    """What a position owes by its accrual, rounded up, and exactly what rounding up added."""
    due = -(-lots * delta // 2**shift)
    if fits(due):
        assert t.accrual_due(lots, delta, shift) == due
    assert t.accrual_rest(lots, delta, shift) == (due << shift) - lots * delta < 2**shift


@examples(200)
@given(st.integers(0, 2**62), st.integers(1, 2**43 - 1))
def test_exp_neg(elapsed: int, scale: int) -> None:
    """Against fifty digits."""
    getcontext().prec = 50
    exact = (-Decimal(elapsed) / Decimal(scale)).exp() if elapsed < 100 * scale else Decimal(0)
    assert abs(Decimal(t.exp_neg(elapsed, scale)) / 2**30 - exact) < Decimal("1e-8")


# -- extreme venues and commands --

CORNERS: tuple[tuple[str, str, str], ...] = (  # tick, lot, max_price
    ("0.01", "0.0001", "42949672.95"),  # 2^32 - 1 ticks, 1 micro-unit per tick x lot
    ("0.01", "0.8192", "42949672.95"),  # a lot of 2^45 micro-units
    ("1", "35184372.088832", "1"),  # one price
    ("0.000001", "1", "4294.967295"),  # a million ticks to the dollar
    ("1", "0.001", "100000"),
)


def extreme_venue(source: Source) -> VenueDesign:
    """Terms at the ends of what a design may say."""
    tiers = [{"lower_notional": 0, "initial_margin_ppm": source.pick([1_000, 2, 1_000_000]), "maintenance_margin_ppm": 1}]
    if source.chance(50):
        tiers.append({"lower_notional": 10_000_000_000, "initial_margin_ppm": 1_000_000, "maintenance_margin_ppm": 999_999})
    markets = []
    for name in ("A", "B"):
        tick, lot, top = source.pick(CORNERS)
        maker_fee, taker_fee = source.pick([(0, 0), (-1_000_000_000, 1_000_000_000), (1_000_000_000, 1_000_000_000)])
        markets.append(market(
            name, tick=tick, lot=lot, max_price=top, tiers=tiers, max_leverage=1_000, maker_fee_ppb=maker_fee, taker_fee_ppb=taker_fee,
            mark={
                "rule": source.pick(["oracle", "hyperliquid"]), "basis_window_ms": source.pick([1_000, 3_600_000]),
                "local_window_ms": source.pick([1_000, 3_600_000]),
            },
            funding={
                "impact_notional": source.pick([1, 100_000_000]), "interest_ppt": source.pick([0, 10**12]), "clamp_ppt": 10**12,
                "divisor": 1, "cap_ppt": 10**12, "sample_interval_ms": 60_000, "interval_ms": 60_000,
                "payment": source.pick(["discrete", "continuous"]),
            },
        ))  # fmt: skip
    steps = source.pick([("book",), ("dutch_auction",), ("takeover",), ("book", "dutch_auction", "takeover")])
    backstops = source.pick([(), ("insurance_fund", "auto_deleverage", "socialized_loss"), ("socialized_loss",)])
    return venue(
        markets, steps, backstops, insurance_fund={"capital": source.pick([0, 10_000_000_000])},
        vault={"capital": source.pick([1, 10_000_000_000]), "unwind_interval_ms": 100, "unwind_ppm": 1_000_000},
        liquidation={"retry_ms": 60_000, "fee_ppm": 1_000_000, "surplus_to": "insurance_fund", "book": {"band_ppm": 999_999}},
    )  # fmt: skip


class Extremist(Actor):
    """Draws values at the ends of what the door lets in."""

    def market(self) -> int:
        return self.source.integer(0, 1)

    def price(self, number: int, side: int) -> int:
        source, top = self.source, self.limit(number)
        options = [1, 2, top, top, max(1, top - 1), max(1, top // 2), self.mark(number), self.mark(number), source.integer(1, top)]
        return source.pick(options)

    def mark(self, number: int) -> int:
        return self.exchange.mark_price(number) or max(1, self.limit(number) // 2)

    def size(self, account: int, number: int) -> int:
        terms = self.world.terms[number]
        most = min(int(MAX_LOTS), 2**55 // (terms.max_price * terms.unit), int(MAX_NOTIONAL) // (terms.unit * self.mark(number)))
        return max(1, self.source.pick([1, most, most, most - 1, most // 2, int(MAX_LOTS), self.source.integer(1, max(1, most))]))

    def money(self) -> int:
        return self.source.pick([int(MAX_AMOUNT)] * 6 + [1, 10**6])

    def asset(self) -> int:
        return 0

    def update_oracle(self) -> m.Command:
        number = self.market()
        price = self.price(number, 0)
        return m.UpdateOracle(self.world.now, number, price, self.source.pick([0, 0, price, self.limit(number)]))

    def tick(self) -> m.Command:
        return m.Tick(self.world.now + self.source.pick([1, 10**8, 60 * 10**9, 600 * 10**9, 3_600 * 10**9]))

    def settle_in(self, users: int) -> None:
        world = self.world
        for _ in range(users):
            world.do(m.OpenAccount(world.now, 1, 2**63 - 1))
        for account in world.users:
            for _ in range(self.source.integer(1, 4)):
                world.do(m.Deposit(world.now, account, 0, self.money()))
        for number in range(2):
            world.do(m.UpdateOracle(world.now, number, self.price(number, 0)))


EXTREME_MIX = [
    *["place"] * 6, *["hit"] * 4, *["block_trade"] * 6, "amend", "cancel_all", *["deposit"] * 2, "withdraw", "transfer", "set_leverage",
    "set_margin_mode", "move_isolated_margin", *["update_oracle"] * 4, *["take_auction"] * 2, *["tick"] * 3, "set_status",
]  # fmt: skip


def go_to_extremes(source: Source, users: int, commands: int, checks: bool) -> World:
    world = World(extreme_venue(source))
    world.checks = checks
    actor = Extremist(source, world)
    actor.settle_in(users)
    for _ in range(commands):
        carry_out(world, getattr(actor, source.pick(EXTREME_MIX))())
        check_queries(world)
    world.check()
    return world


def check_queries(world: World) -> None:
    """What the venue says of an account is what exact arithmetic says, and fits."""
    exchange, margin = world.exchange, world.margin
    for account in (VAULT, *world.users):
        equity = margin.equity(account, 0)
        assert fits(equity) and exchange.equity(account) == equity
        assert 0 <= exchange.positions_initial(account) - margin.initial(account, 0) < 3
        assert 0 <= exchange.maintenance_margin(account) - margin.maintenance(account, 0) < 3
        assert fits(floor(margin.initial(account, 0)))
    for e in world.events[-20:]:
        assert all(map(fits, astuple_row(e)))


@examples(25)
@given(st.data())
def test_extreme_venues_do_not_break(data: st.DataObject) -> None:
    go_to_extremes(Drawn(data), 3, 12, True)


def test_extreme_venues_on_seeds() -> None:
    kinds = sum((go_to_extremes(Seeded(seed), 4, 40, False).kinds for seed in range(24)), start=type(World(venue()).kinds)())
    assert min(kinds["Traded"], kinds["BlockTraded"], kinds["LiquidationStarted"], kinds["FundingCharged"]) > 10


BROAD = [{"lower_notional": 0, "initial_margin_ppm": 1_000, "maintenance_margin_ppm": 1}]


def at_the_top(payment: str, backstops: tuple[str, ...]) -> World:
    """Two accounts hold the largest position there is, at the highest price, in a market whose rate is 100 % per minute."""
    tick, lot, top = CORNERS[1]
    funding = {
        "impact_notional": 1, "interest_ppt": 10**12, "clamp_ppt": 10**12, "divisor": 1, "cap_ppt": 10**12, "sample_interval_ms": 60_000,
        "interval_ms": 60_000, "payment": payment,
    }  # fmt: skip
    terms = market(tick=tick, lot=lot, max_price=top, max_leverage=1_000, tiers=BROAD, funding=funding)
    world = World(venue([terms], ["book"], backstops, liquidation={"retry_ms": 86_400_000}))
    world.checks = False
    for _ in range(2):
        world.do(m.OpenAccount(world.now, 1, 0))
    for account in world.users:
        world.do(m.Deposit(world.now, account, 0, int(MAX_AMOUNT)))
    world.do(m.UpdateOracle(world.now, 0, 2**32 - 1))
    for _ in range(4):
        assert isinstance(world.do(m.BlockTrade(world.now, 8, 9, 0, 256, 2**32 - 1))[0], m.BlockTraded)
    return world


@pytest.mark.parametrize("payment", ["discrete", "continuous"])
@pytest.mark.parametrize("backstops", [(), ("socialized_loss",)], ids=["nobody", "social"])
def test_hours_of_the_highest_funding_there_is(payment: str, backstops: tuple[str, ...]) -> None:
    """Nobody is there to close the position that pays a hundred per cent a minute: what is owed stays a number of 64 bits."""
    world = at_the_top(payment, backstops)
    for _ in range(8):
        world.do(m.Tick(world.now + 3_600 * 10**9))
        check_queries(world)
    world.check()
    world.finish(Seeded(1))


def test_a_bid_millions_of_times_above_the_oracle() -> None:
    """The premium of a market whose oracle stands at one tick while somebody bids the highest price for a lot."""
    tick, lot, top = CORNERS[0]
    funding = {"impact_notional": 1, "interest_ppt": 0, "cap_ppt": 10**12, "sample_interval_ms": 1_000, "interval_ms": 86_400_000}
    world = World(venue([market(tick=tick, lot=lot, max_price=top, max_leverage=1_000, tiers=BROAD, funding=funding)]))
    world.do(m.OpenAccount(world.now, 1, 0))
    world.do(m.Deposit(world.now, 8, 0, int(MAX_AMOUNT)))
    world.do(m.UpdateOracle(world.now, 0, 1))
    world.do(m.Place(world.now, 8, 0, 0, 2**32 - 1, 1_000))
    world.checks = False
    for _ in range(25):
        world.do(m.Tick(world.now + 3_600 * 10**9))
    world.check()
    assert world.kinds["FundingSampled"] == 90_000


@pytest.mark.parametrize("lots", [9_000, 12_000, 21_000])
def test_accounts_that_owe_a_million_million_times_their_requirement(lots: int) -> None:
    """A market that falls to a tick leaves two accounts deep under water with hardly a requirement: the pass still ranks them rightly."""
    tiers = [{"lower_notional": 0, "initial_margin_ppm": 2, "maintenance_margin_ppm": 1}]
    deep = market("A", max_leverage=1_000, tiers=tiers, lot="0.1", tick="0.00001", max_price="30000")
    world = World(venue([deep]))
    world.do(m.UpdateOracle(world.now, 0, 10**8))
    for _ in range(4):
        world.do(m.OpenAccount(world.now, 1, 0))
    for account in world.users:
        world.do(m.Deposit(world.now, account, 0, 10**10 if account < 10 else 10**13))
    for account, other, size in ((8, 10, 36_000), (9, 11, lots)):
        assert isinstance(world.do(m.BlockTrade(world.now, account, other, 0, size, 10**8))[0], m.BlockTraded)
    world.do(m.UpdateOracle(world.now, 0, 1))
    started = [e for e in world.events if isinstance(e, m.LiquidationStarted)]
    assert [e.account for e in started] == [8, 9]
    assert all(e.equity * 10**9 // e.maintenance < -(2**63) for e in started)


# -- long streams, pinned --


def stream(name: str) -> World:
    """A long run that its name determines."""
    kind, _, seed = name.partition("-")
    source = Seeded(int(seed) + 77_000)
    if kind == "extreme":
        return go_to_extremes(source, 5, 250, False)
    world = World(drawn_venue(source))
    world.checks = False
    run(source, world, 7, 700, stress=kind == "stress")
    world.check()
    return world


def fingerprint(world: World) -> dict[str, object]:
    digest = blake2b(digest_size=16)
    for e in world.events:
        digest.update(repr([int(value) for value in astuple_row(e)]).encode())
    commands = len(world.rows) // int(t.ROW)
    return {"commands": commands, "events": len(world.events), "events_hash": digest.hexdigest(), "state": world.exchange.state_hash()}


STREAMS = [f"{kind}-{seed}" for kind in ("mixed", "stress", "extreme") for seed in range(4)]


@pytest.mark.parametrize("name", STREAMS)
def test_golden_streams(name: str, updates: Updates) -> None:
    """Both builds lead to these very events and states. `--update` after a change that is meant."""
    assert updates.is_golden(GOLDEN, (name,), fingerprint(stream(name)))
