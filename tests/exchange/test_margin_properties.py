"""Margin as a promise: with the mark still nobody can be drained or drain, and quoted prices are exactly where things happen."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from machine import MIX, Actor, Drawn, Seeded, Source, World, carry_out, drawn_tiers, examples, market, venue

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


STILL_MIX = [name for name in MIX if name not in ("block_trade", "update_oracle", "take_auction", "tick", "cancel_client")]


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
    kinds = sum((trade_and_loot(Seeded(seed), 60).kinds for seed in range(12)), start=type(World(venue()).kinds)())
    assert kinds["Traded"] > 40 and kinds["Withdrawn"] > 100 and kinds["IsolatedMarginMoved"] > 10
