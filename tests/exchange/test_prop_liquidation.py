"""Liquidation passes: their order, and deficits that are paid to the micro-unit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import permutations

import pytest
from actor import Actor, carry_out
from choices import Drawn, Seeded, Source, examples
from designs import BACKSTOPS, STEPS, market, ordered_subsets, venue
from hypothesis import given
from hypothesis import strategies as st
from world import World

from perplab.exchange import messages as m
from perplab.exchange.codes import Method, Payer
from perplab.exchange.state.types import VAULT

ALL_STEPS = ordered_subsets(STEPS)[1:]


def crash_world(source: Source, steps: Sequence[str], backstops: Sequence[str]) -> World:
    """Six leveraged accounts with opposite positions in one market, a thin book, little capital behind them."""
    adl = {
        "rank": source.pick(["profit_leverage", "hyperliquid"]), "price": source.pick(["bankruptcy", "mark"]),
        "trigger": source.pick(["negative_equity", "fund_insufficient"]),
    }  # fmt: skip
    design = venue(
        [market(max_leverage=20), market("B", max_leverage=20)], steps, backstops, auto_deleverage=adl,
        insurance_fund={"capital": source.pick([0, 3, 300])},
        vault={"capital": source.pick([3, 300]), "unwind_interval_ms": 1_700, "unwind_ppm": 500_000, "unwind_band_ppm": 50_000},
        liquidation={
            "retry_ms": 700, "book": {"patience_ms": source.pick([0, 1_000]), "partial_ppm": source.pick([200_000, 1_000_000])},
            "dutch_auction": {"duration_ms": 900, "insolvent_duration_ms": 900}, "takeover": {"fraction_ppm": 700_000},
        },
    )  # fmt: skip
    world = World(design)
    for number in range(2):
        world.do(m.UpdateOracle(world.now, number, 1_000))
    for _ in range(6):
        world.do(m.OpenAccount(world.now, 1, 0))
    for account in world.users:
        world.do(m.Deposit(world.now, account, 0, source.pick([6, 10, 50]) * 10**6))
        if source.chance(20):
            world.do(m.SetMarginMode(world.now, account, 0, 1))
    longs = world.users[:3]
    for buyer in longs:
        for number in range(2):
            seller = source.pick(world.users[3:])
            world.do(m.BlockTrade(world.now, buyer, seller, number, source.pick([20, 60, 95]), 1_000))
    return world


def crash(source: Source, world: World, commands: int) -> list[list[m.Event]]:
    """Prices run; in between orders, bids and time. Returns the events of each liquidation pass."""
    actor = Actor(source, world)
    found: list[list[m.Event]] = []
    for _ in range(commands):
        name = source.pick(["update_oracle", "update_oracle", "update_oracle", "quote", "tick", "tick", "take_auction", "deposit"])
        seen = len(world.events)
        if name == "update_oracle":
            number = source.integer(0, 1)
            step = world.exchange.mark_price(number) * source.pick([2, 6, 15]) // 100
            price = max(1, world.exchange.mark_price(number) + source.integer(-step, step))
            world.do(m.Tick(world.now + source.integer(1, 90) * 10**6 + 1))
            found += passes(world.events[seen:])
            seen = len(world.events)
            world.do(m.UpdateOracle(world.now, number, price))
        else:
            carry_out(world, getattr(actor, name)())
        found += passes(world.events[seen:])
    return found


def passes(events: Sequence[m.Event]) -> Iterator[list[m.Event]]:
    """Passes follow a mark move or come at retry times of their own; this venue has no other timer but the vault's."""
    at: list[m.Event] = []
    for e in events:
        unwinding = isinstance(e, m.Traded) and e.liquidation and e.taker == VAULT
        if at and (e.ts != at[-1].ts or isinstance(e, m.MarkMoved) or unwinding):
            yield at
            at = []
        if not unwinding:
            at.append(e)
    if at:
        yield at


def check_order(found: Sequence[m.Event]) -> None:
    """All liquidations of a pass come before its auto-deleveraging."""
    deleveraging = False
    for e in found:
        if isinstance(e, m.Deleveraged):
            deleveraging = True
        elif deleveraging:
            sold = isinstance(e, m.Traded) and e.liquidation
            begun = isinstance(e, (m.LiquidationStarted, m.AuctionStarted, m.TakenOver))
            closed = isinstance(e, m.Liquidated) and e.method != Method.ADL
            assert not (sold or begun or closed), f"{e} comes after the auto-deleveraging of its pass"


def check_ranking(found: Sequence[m.Event]) -> None:
    """Accounts are taken by rising equity / maintenance, ties by number."""
    started = [e for e in found if isinstance(e, m.LiquidationStarted)]
    keys = [(e.equity * 10**9 // e.maintenance, e.account) for e in started]
    assert keys == sorted(keys), f"a pass took its accounts in the order {keys}"


def run(source: Source, steps: Sequence[str], backstops: Sequence[str], commands: int) -> Counter[str]:
    world = crash_world(source, steps, backstops)
    for found in crash(source, world, commands):
        check_order(found)
        if steps[0] != "book":  # fills of a book liquidation may help or hurt those that come later
            check_ranking(found)
    check_payers(world, backstops)
    return world.kinds


def check_payers(world: World, backstops: Sequence[str]) -> None:
    """Only those pay whom the design names; nothing is uncovered where losses are socialized over a market that is open."""
    payers = {e.payer for e in world.events if isinstance(e, m.DeficitPaid)}
    allowed = {Payer.UNCOVERED, Payer.VAULT}
    allowed |= {Payer.INSURANCE_FUND} if "insurance_fund" in backstops else set()
    allowed |= {Payer.SOCIALIZED} if "socialized_loss" in backstops else set()
    assert payers <= allowed
    assert "auto_deleverage" in backstops or not world.kinds["Deleveraged"]
    assert "takeover" in world.exchange.design.liquidation.steps or Payer.VAULT not in payers
    losses = [e for e in world.events if isinstance(e, m.LossSocialized)]
    paid = [e.amount for e in world.events if isinstance(e, m.DeficitPaid) and e.payer == Payer.SOCIALIZED]
    assert [e.amount for e in losses if e.amount] == paid
    for e in losses:
        shift = world.exchange.state.markets[e.market].accrual_shift
        collected = e.accrual_delta * (2 * e.open_lots - e.spared_lots)
        by_accrual = e.amount - e.closed_amount << shift
        assert 0 <= collected - by_accrual < max(1, 2 * e.open_lots), "a loss collects what it pays, rounded up per lot"


@examples(25)
@given(st.data())
def test_passes_liquidate_before_they_deleverage(data: st.DataObject) -> None:
    source = Drawn(data)
    backstops = source.pick([b for b in ordered_subsets(BACKSTOPS) if "auto_deleverage" in b])
    run(source, source.pick(ALL_STEPS), backstops, 15)


@pytest.mark.parametrize("first", STEPS)
def test_passes_on_seeds(first: str) -> None:
    """The same on seeds, where it is known that accounts were deleveraged in passes that liquidated others."""
    kinds: Counter[str] = Counter()
    chains = [steps for steps in ALL_STEPS if steps[0] == first]
    orders = [order for order in permutations(BACKSTOPS)]
    for seed in range(12):
        kinds += run(Seeded(seed), chains[seed % len(chains)], orders[seed % len(orders)], 50)
    assert kinds["Deleveraged"] > 5 and kinds["LiquidationStarted"] > 20
