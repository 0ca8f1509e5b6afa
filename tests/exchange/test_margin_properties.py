"""Margin as a promise: with the mark still nobody can be drained or drain, and quoted prices are exactly where things happen."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from actor import MIX, Actor, carry_out
from choices import Drawn, Seeded, Source, examples
from designs import drawn_tiers, market, venue
from hypothesis import given
from hypothesis import strategies as st
from world import World

from perplab.exchange import Exchange, replay
from perplab.exchange import messages as m

FUND = 1_000

# -- with the mark still --


def still_world(source: Source) -> World:
    """Two markets of one asset whose mark never moves, an insurance fund worth stealing, some fees and rebates."""
    markets = []
    for name in ("A", "B"):
        leverage = source.pick([5, 20, 100])
        maker_fee, taker_fee = source.pick([(0, 0), (-500_000, 500_000), (1_000_000, 2_000_000), (-30_000_000, 70_000_000)])
        markets.append(market(
            name, max_leverage=leverage, tiers=drawn_tiers(source, leverage), maker_fee_ppb=maker_fee, taker_fee_ppb=taker_fee,
            price_band_ppm=source.pick([0, 0, 200_000]), open_interest_cap=source.pick(["0", "0", "0.1"]),
        ))  # fmt: skip
    steps = source.pick([["book"], ["dutch_auction"]])
    backstops = ["insurance_fund", "auto_deleverage"]
    world = World(venue(markets, steps, backstops, vault={"capital": 0}, insurance_fund={"capital": FUND}))
    world.checks = False
    for number in range(2):
        world.do(m.UpdateOracle(world.now, number, source.pick([1_000, 777, 3])))
    for _ in range(source.integer(2, 4)):
        world.do(m.OpenAccount(world.now, 1, 0))
    for account in world.users:
        world.do(m.Deposit(world.now, account, 0, source.pick([1, 10, 100, 5_000]) * 10**6 + source.integer(0, 3)))
        for number in range(2):
            if source.chance(40):
                world.do(m.SetMarginMode(world.now, account, number, 1))
    return world


LEFT_OUT = ("block_trade", "update_oracle", "take_auction", "tick", "cancel_client", "debit")  # what moves the mark, or is the operator's
STILL_MIX = [name for name in MIX if name not in LEFT_OUT]


def check_sound(world: World) -> None:
    """Everybody is above maintenance, cross and isolated alike: no act of anybody's has made an account liquidatable."""
    margin = world.margin
    for account in world.users:
        equity, needed = margin.equity(account, 0), margin.maintenance(account, 0)
        assert equity >= needed, f"account {account} has {equity} of {needed} with the mark still"
        for number in range(len(world.terms)):
            p = world.exchange.position(account, number)
            if p.mode == 1 and p.size:
                assert margin.isolated_equity(p) >= margin.row_maintenance(p), f"{p} is liquidatable with the mark still"


def take_all(world: World, account: int, command: type[m.Command], *fields: int) -> None:
    """Ask for ever smaller amounts, until not one micro-unit more is given."""
    step = 1 << 45
    while step:
        sign = -1 if command is m.MoveIsolatedMargin else 1
        events = world.do(command(world.now, account, *fields, sign * step))
        if isinstance(events[-1], m.Rejected):
            step //= 2


def loot(world: World) -> None:
    """Every account cancels its orders and takes out whatever the venue lets go."""
    for account in world.users:
        world.do(m.CancelAll(world.now, account, -1))
    for account in world.users:
        for number in range(len(world.terms)):
            take_all(world, account, m.MoveIsolatedMargin, number)
        take_all(world, account, m.Withdraw, 0)


def trade_and_loot(source: Source, commands: int) -> World:
    world = still_world(source)
    actor = Actor(source, world)
    for _ in range(commands):
        carry_out(world, getattr(actor, source.pick(STILL_MIX))())
        check_sound(world)
    loot(world)
    world.check()
    check_sound(world)
    deposited = world.exchange.deposits() - FUND * 10**6
    assert world.exchange.withdrawals() <= deposited, f"{deposited} went in, {world.exchange.withdrawals()} came out"
    assert not world.kinds["LiquidationStarted"] and not world.kinds["DeficitPaid"]
    return world


@examples(30)
@given(st.data())
def test_with_the_mark_still_no_group_can_withdraw_more_than_it_deposited(data: st.DataObject) -> None:
    """Whatever its members trade among themselves, in whatever modes, at whatever prices the band allows."""
    trade_and_loot(Drawn(data), 25)


def test_still_mark_runs_trade_and_withdraw() -> None:
    """The same on seeds, longer, where it is known that things happen."""
    kinds = sum((trade_and_loot(Seeded(seed), 60).kinds for seed in range(20)), start=type(World(venue()).kinds)())
    assert kinds["Traded"] > 40 and kinds["Withdrawn"] > 100 and kinds["IsolatedMarginMoved"] > 10


# -- quoted prices --


def priced_world(source: Source) -> World:
    """Accounts with positions in two markets, cross and isolated, tiers that begin right where the positions are; nobody in the book.

    There is no book, no vault and no auction to close anything, and nobody socializes: what a pass does is only to start liquidations.
    """
    markets = []
    for name in ("A", "B"):
        leverage = source.pick([5, 20, 100])
        fund = {"interest_ppt": 30_000_000_000, "cap_ppt": 30_000_000_000, "sample_interval_ms": 1_000, "interval_ms": 1_000}
        markets.append(market(name, max_leverage=leverage, tiers=drawn_tiers(source, leverage), funding=fund, max_price="3000"))
    world = World(venue(markets, ["book"], [], liquidation={"retry_ms": 86_400_000, "book": {"patience_ms": 86_400_000}}))
    world.checks = False
    for number in range(2):
        world.do(m.UpdateOracle(world.now, number, source.integer(900, 1_100)))
    for _ in range(4):
        world.do(m.OpenAccount(world.now, 1, 0))
    for account in world.users:
        world.do(m.Deposit(world.now, account, 0, source.pick([10, 100, 1_000, 9_000]) * 10**6 + source.integer(0, 99)))
        for number in range(2):
            if source.chance(30):
                world.do(m.SetMarginMode(world.now, account, number, 1))
    actor = Actor(source, world)
    for _ in range(source.integer(2, 8)):
        number = source.integer(0, 1)
        buyer, seller = actor.account(), actor.account()
        mark = actor.mark(number)
        price = max(1, mark + source.integer(-20, 20))
        world.do(m.BlockTrade(world.now, buyer, seller, number, actor.size(buyer, number), price))
    if source.chance(50):
        world.do(m.Tick(world.now + source.integer(1, 4) * 10**9))  # funding is due and not settled
    for number in range(2):
        mark = world.exchange.mark_price(number)
        world.do(m.UpdateOracle(world.now, number, max(1, mark + source.integer(-15, 15))))
    return world


def at_price(world: World, number: int, price: int) -> Exchange:
    """The same venue, with the market's mark moved to a price."""
    other = replay(world.journal.bytes())
    other.apply(m.UpdateOracle(world.now, number, price))
    return other




def liquidations(events: Sequence[m.Event], account: int, number: int) -> int:
    return sum(isinstance(e, m.LiquidationStarted) and (e.account, e.market) == (account, number) for e in events)


def check_quotes(world: World) -> int:
    """Of every open position of an account in good order; returns the number of prices that were tried."""
    tried = 0
    for account in world.users:
        for number in range(2):
            p = world.exchange.position(account, number)
            if p.size and not world.in_liquidation(account):
                tried += check_liquidation_price(world, account, number)
                tried += check_bankruptcy_price(world, account, number)
    return tried


def check_liquidation_price(world: World, account: int, number: int) -> int:
    """At the quoted tick a liquidation starts as soon as the mark is there; one tick better none does."""
    p = world.exchange.position(account, number)
    quoted = world.exchange.liquidation_price(account, number)
    better = 1 if p.size > 0 else -1
    which = number if p.mode == 1 else -1
    last = 1 if p.size > 0 else world.terms[number].max_price
    mark = world.exchange.mark_price(number)
    if quoted == 0:  # there is none: not even at the worst price
        assert last == mark or not liquidations(moved(world, number, last), account, which)
        return 1
    assert quoted != mark, "an account in good order is quoted the mark"
    assert liquidations(moved(world, number, quoted), account, which) == 1, f"{p}: no liquidation at {quoted}"
    if quoted + better != mark:
        assert not liquidations(moved(world, number, quoted + better), account, which), f"{p}: liquidated before {quoted}"
    return 2


def moved(world: World, number: int, price: int) -> list[m.Event]:
    return replay(world.journal.bytes()).apply(m.UpdateOracle(world.now, number, price))


def check_bankruptcy_price(world: World, account: int, number: int) -> int:
    """At the quoted tick the equity is below zero, one tick better it is not (the orders are not there to trade)."""
    p = world.exchange.position(account, number)
    quoted = world.exchange.bankruptcy_price(account, number)
    better = 1 if p.size > 0 else -1
    t = world.terms[number]
    equity = world.margin.isolated_equity(p) if p.mode == 1 else world.margin.equity(account, 0)
    mark = world.exchange.mark_price(number)

    def equity_at(price: int) -> int:
        return equity + p.size * (price - mark) * t.unit

    if quoted == 0:
        assert equity_at(1 if p.size > 0 else t.max_price) >= 0
        return 1
    assert equity_at(quoted) < 0
    assert not 1 <= quoted + better <= t.max_price or equity_at(quoted + better) >= 0
    other = at_price(world, number, quoted)
    margin = type(world.margin)(other, world.terms)
    after = other.position(account, number)
    assert (margin.isolated_equity(after) if p.mode == 1 else margin.equity(account, 0)) == equity_at(quoted)
    return 2


@examples(25)
@given(st.data())
def test_quoted_prices_are_where_it_happens(data: st.DataObject) -> None:
    """Liquidation and bankruptcy price of cross accounts with two positions and of isolated ones, across tiers, funding unsettled."""
    check_quotes(priced_world(Drawn(data)))


def test_quoted_prices_on_seeds() -> None:
    """The same on seeds, where it is known how many prices are tried."""
    assert sum(check_quotes(priced_world(Seeded(seed))) for seed in range(25)) > 150


@pytest.mark.parametrize("mode", [0, 1])
@pytest.mark.parametrize("side", [1, -1])
def test_a_position_across_a_tier_boundary(mode: int, side: int) -> None:
    """The boundary lies between the mark and the liquidation price, so that both tiers enter into the quote."""
    tiers = [
        {"lower_notional": 0, "initial_margin_ppm": 50_000, "maintenance_margin_ppm": 25_000},
        {"lower_notional": 96 if side > 0 else 104, "initial_margin_ppm": 300_000, "maintenance_margin_ppm": 200_000},
    ]
    world = World(venue([market(max_leverage=20, tiers=tiers)]))
    world.do(m.UpdateOracle(world.now, 0, 1_000))
    for _ in range(2):
        world.do(m.OpenAccount(world.now, 1, 0))
    long, short = (8, 9) if side > 0 else (9, 8)
    for account, amount in ((8, 8), (9, 1_000)):
        world.do(m.Deposit(world.now, account, 0, amount * 10**6))
    world.do(m.SetMarginMode(world.now, 8, 0, mode))
    world.do(m.BlockTrade(world.now, long, short, 0, 100, 1_000))
    if mode == 1:
        world.do(m.MoveIsolatedMargin(world.now, 8, 0, world.exchange.free_margin(8)))
    quoted = world.exchange.liquidation_price(8, 0)
    # long, below the boundary: 8 + (p - 1000) / 10 < 0.025 p / 10; short, above: 8 - (p - 1000) / 10 < 2.6 + 0.2 (p / 10 - 104)
    assert quoted == (943 if side > 0 else 1052)
    assert check_liquidation_price(world, 8, 0) == 2
    assert check_bankruptcy_price(world, 8, 0) == 2
