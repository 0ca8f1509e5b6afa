"""The life of a liquidation: its table of phases, every row of it reached by commands, and a check that notices what disagrees with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import cache
from itertools import product
from typing import Any, NamedTuple

import pytest
from kit import FIRST, MILLION, SECOND, Bench, markets_of, script

from perplab.exchange import Exchange, VenueDesign, compared_venues, load_venue
from perplab.exchange.codes import Outcome
from perplab.exchange.liquidation.lifecycle import (
    AT_WORK,
    ENDED,
    OFFER_FALLS,
    OFFER_RISES,
    OPENED,
    OVER,
    STARTED_OVER,
    TRANSITIONS,
    TURNED_INSOLVENT,
    TURNED_SOLVENT,
    WENT_ON,
    move,
)
from perplab.exchange.messages import Command, OpenAccount, SetMarginMode, Tick
from perplab.exchange.state.liquidations import Liquidation
from perplab.exchange.state.schedule import LIQUIDATION_PASS
from perplab.exchange.state.tables import P_LIQUIDATION

PHASES = [int(phase) for phase in (AT_WORK, OFFER_FALLS, OFFER_RISES, OVER)]
HAPPENINGS = [int(happening) for happening in (OPENED, TURNED_INSOLVENT, TURNED_SOLVENT, WENT_ON, STARTED_OVER, ENDED)]
Step = tuple[int, int]  # phase, what happens in it

# -- the table --


def test_the_table_knows_its_numbers_and_no_others() -> None:
    """Every phase and everything that happens is in it, and each number is one thing."""
    assert len(set(PHASES)) == 4 and len(set(HAPPENINGS)) == 6
    assert {phase for phase, _ in TRANSITIONS} | set(TRANSITIONS.values()) == set(PHASES)
    assert {happening for _, happening in TRANSITIONS} == set(HAPPENINGS)


def test_every_phase_can_end_and_nothing_comes_after_the_end() -> None:
    for phase in PHASES:
        rows = {happening: after for (before, happening), after in TRANSITIONS.items() if before == phase}
        assert rows.get(ENDED) == (None if phase == OVER else OVER)
        assert phase != OVER or rows == {}
    assert {happening for (_, happening), after in TRANSITIONS.items() if after == OVER} == {ENDED}


def test_a_step_that_is_left_leaves_no_auction_behind() -> None:
    """Whatever the phase, the next step begins at work."""
    for phase, happening in product(PHASES[:3], (WENT_ON, STARTED_OVER)):
        assert TRANSITIONS[phase, happening] == AT_WORK


def test_an_auction_is_opened_once_and_turns_both_ways() -> None:
    rows = {(before, happening): after for (before, happening), after in TRANSITIONS.items() if happening < WENT_ON}
    assert rows == {
        (AT_WORK, OPENED): OFFER_FALLS, (OFFER_FALLS, TURNED_INSOLVENT): OFFER_RISES, (OFFER_RISES, TURNED_SOLVENT): OFFER_FALLS,
    }  # fmt: skip


@pytest.mark.parametrize("phase", [*PHASES, -1, 4])
@pytest.mark.parametrize("happening", [*HAPPENINGS, 0, 7])
def test_a_move_is_what_the_table_says(phase: int, happening: int) -> None:
    """What it does not say cannot happen, and changes nothing."""
    liquidation = Liquidation(FIRST, -1, 0, 0)
    liquidation.phase = phase
    if (phase, happening) in TRANSITIONS:
        move(liquidation, happening)
        assert liquidation.phase == TRANSITIONS[phase, happening]
        return
    with pytest.raises(AssertionError, match=f"in phase {phase} of a liquidation {happening} cannot happen"):
        move(liquidation, happening)
    assert liquidation.phase == phase


# -- on venues at work --


class Seen(NamedTuple):
    """What can be seen of a liquidation."""

    phase: int
    step: int
    auction: int
    since: int
    exhausted: bool


def seen(it: Liquidation) -> Seen:
    return Seen(int(it.phase), int(it.step), int(it.auction), int(it.since), bool(it.exhausted))


def path(was: Seen, now: Seen, steps: int) -> list[Step]:
    """What must have happened to a liquidation in one pass or by one command, `steps` being how many its design has."""
    opened = now.auction not in (0, was.auction)
    started_over = now.exhausted and not opened and (not was.exhausted or now.since != was.since)
    left = steps - 1 - was.step if started_over else now.step - was.step
    happenings = [int(WENT_ON)] * left + [int(STARTED_OVER)] * started_over + [int(OPENED)] * opened
    found: list[Step] = []
    phase = was.phase
    for happening in happenings:
        found.append((phase, happening))
        phase = TRANSITIONS[phase, happening]
    if phase != now.phase:  # then one thing more: the table leads from a phase to another in one way only
        (last,) = (happening for happening in HAPPENINGS if TRANSITIONS.get((phase, happening)) == now.phase)
        found.append((phase, last))
    return found


class Watch:
    """An exchange whose liquidations are looked at before and after each command, and before and after all that falls due between them."""

    def __init__(self, venue: VenueDesign) -> None:
        self.exchange = Exchange(venue)
        self.steps = len(self.exchange.lifecycle.steps)
        self.reached: Counter[Step] = Counter()
        self.told: Counter[tuple[str, int]] = Counter()
        self.begun = 0  # liquidations that were seen under way

    def send(self, command: Command) -> None:
        state = self.exchange.state
        while state.started and state.schedule.next <= command.ts:
            self.apply(Tick(int(state.schedule.next)))
        self.apply(command)

    def apply(self, command: Command) -> None:
        listed = self.exchange.state.liquidations.listed
        before = [(it, seen(it)) for it in listed()]
        known = {id(it) for it, _ in before}
        for event in self.exchange.apply(command):
            self.told[type(event).__name__, getattr(event, "outcome", 0)] += 1
        begun = [(it, Seen(int(AT_WORK), 0, 0, self.exchange.now, False)) for it in listed() if id(it) not in known]
        self.begun += len(begun)
        steps = [step for it, was in before + begun for step in path(was, seen(it), self.steps)]
        if steps:
            self.exchange.check()
        self.reached.update(steps)


def stressed(venue: VenueDesign) -> Watch:
    watch = Watch(venue)
    for command in script(1, 120):
        watch.send(command)
    return watch


QUICK = {"duration_ms": 5_000, "insolvent_duration_ms": 5_000}
VAULT = {"capital": 10_000_000, "loss_limit_ppm": 1_000_000, "unwind_interval_ms": 5_000, "unwind_ppm": 50_000}
AUCTION_THEN_VAULT = {"vault": VAULT, "liquidation": {"steps": ["dutch_auction", "takeover"], "dutch_auction": QUICK}}
VARIANTS: dict[str, tuple[str, dict[str, object]]] = {
    "an auction, then the vault": ("book_vault_adl", AUCTION_THEN_VAULT),
    "an auction that a fund pays for, then the vault": ("auction_fund_adl", AUCTION_THEN_VAULT),
    "an auction that nobody pays for": ("auction_fund_adl", {"backstops": ["auto_deleverage"]}),
}


@cache
def watched(name: str) -> Watch:
    """A shipped design, or one of the variants, through the stress script."""
    base, overrides = VARIANTS.get(name, (name, {}))
    return stressed(load_venue(base, overrides))


@pytest.mark.parametrize("name", [*compared_venues(), *VARIANTS])
def test_what_is_told_is_what_the_table_led_to(name: str) -> None:
    """As many auctions began, failed and ended, and as many liquidations ended, as the phases say."""
    watch = watched(name)
    happened: Counter[int] = Counter()
    for (_, happening), times in watch.reached.items():
        happened[happening] += times
    assert watch.told["AuctionStarted", 0] == happened[OPENED]
    at_once = watch.told["LiquidationStarted", 0] - watch.begun  # begun and over in one pass: never seen
    assert sum(watch.told["LiquidationEnded", outcome] for outcome in Outcome) == happened[ENDED] + at_once > at_once >= 0
    in_auctions = {step: times for step, times in watch.reached.items() if step[0] in (OFFER_FALLS, OFFER_RISES)}
    failed = sum(times for (_, happening), times in in_auctions.items() if happening in (WENT_ON, STARTED_OVER))
    ended = sum(times for (_, happening), times in in_auctions.items() if happening == ENDED)
    assert watch.told["AuctionEnded", Outcome.FAILED] == failed
    assert watch.told["AuctionEnded", Outcome.RECOVERED] + watch.told["AuctionEnded", Outcome.FLAT] == ended


def test_every_row_of_the_table_is_reached() -> None:
    """Nine by those compared. In none of them another step follows an auction, nor does this script empty the fund of an auction whose
    offer falls; variants of them reach these three."""
    shipped = {step for name in compared_venues() for step in watched(name).reached}
    varied = {name: set(watched(name).reached) - shipped for name in VARIANTS}
    assert shipped <= set(TRANSITIONS) and len(shipped) == 9
    assert varied == {
        "an auction, then the vault": {(OFFER_FALLS, WENT_ON)},
        "an auction that a fund pays for, then the vault": {(OFFER_RISES, WENT_ON)},
        "an auction that nobody pays for": {(OFFER_FALLS, STARTED_OVER)},
    }
    assert shipped.union(*varied.values()) == set(TRANSITIONS)


# -- passes to come --


def test_to_wake_is_to_have_a_pass_within_the_retry_time() -> None:
    """One that comes earlier stays where it is."""
    bench = Bench()
    bench.oracle(100)
    schedule, lifecycle = bench.exchange.state.schedule, bench.exchange.lifecycle
    lifecycle.wake()
    assert schedule.time(LIQUIDATION_PASS, 0) == bench.now + SECOND
    bench.exchange.state.now += SECOND // 2
    lifecycle.wake()
    assert schedule.time(LIQUIDATION_PASS, 0) == bench.now + SECOND
    schedule.set(LIQUIDATION_PASS, 0, bench.now + 5 * SECOND)
    lifecycle.wake()
    assert schedule.time(LIQUIDATION_PASS, 0) == bench.now + 5 * SECOND


# -- the check --


def auctioned() -> tuple[Exchange, Liquidation, Liquidation]:
    """A cross and an isolated liquidation under auction, both worth something, of the first two accounts; the third has them all."""
    bench = Bench(markets_of({}, liquidation={"steps": ["dutch_auction"]}))
    cross, isolated, other = bench.open("100"), bench.open("100"), bench.open(MILLION)
    bench.oracle(100)
    bench.send(SetMarginMode, isolated, 0, 1)
    for account in (cross, isolated):
        bench.block(account, other, 10, 100)
    bench.oracle(94)
    one, two = bench.exchange.state.liquidations.listed()
    assert (one.row, one.phase, two.phase) == (-1, OFFER_FALLS, OFFER_FALLS) and two.row >= 0
    return bench.exchange, one, two


def put(thing: Any, name: str, value: object) -> None:
    setattr(thing, name, value)


def count(exchange: Exchange, liquidation: Liquidation, more: int) -> None:
    exchange.state.accounts.liquidations[liquidation.account] += more


def mark(exchange: Exchange, row: int, value: int) -> None:
    exchange.state.positions.cells[row + P_LIQUIDATION] = value


def newcomer(exchange: Exchange) -> int:
    """An account that has never had anything."""
    exchange.apply(OpenAccount(exchange.now, 1, 0))
    return int(exchange.state.accounts.count - 1)


def over(exchange: Exchange, liquidation: Liquidation) -> None:
    exchange.state.liquidations.close_auction(liquidation)
    liquidation.phase = OVER


Break = Callable[[Exchange, Liquidation, Liquidation], None]
BROKEN: dict[str, tuple[Break, str | None]] = {
    "it is of another account": (lambda x, one, two: put(one, "account", one.account + 1), "listed as another"),
    "it is at work, and its auction is open": (lambda x, one, two: put(one, "phase", AT_WORK), "an auction in the wrong phase"),
    "its auction is over, and it falls": (lambda x, one, two: x.state.liquidations.close_auction(two), "an auction in the wrong phase"),
    "its auction is another's": (lambda x, one, two: put(one, "auction", two.auction), "an auction that leads astray"),
    "its offer rises since no time": (lambda x, one, two: put(one, "phase", OFFER_RISES), "in the wrong phase"),
    "its offer falls, and is insolvent": (lambda x, one, two: put(two, "insolvent_since", 0), "in the wrong phase"),
    "it is over, and listed": (lambda x, one, two: over(x, one), "in the wrong phase"),
    "an auction of nobody": (lambda x, one, two: x.state.liquidations.auctions.update({99: one}), None),
    "an account counts one more": (lambda x, one, two: count(x, one, 1), "says wrongly"),
    "an account counts one less": (lambda x, one, two: count(x, one, -1), "says wrongly"),
    "a position does not know of it": (lambda x, one, two: mark(x, int(two.row), 0), None),
    "a position of others says so": (lambda x, one, two: mark(x, x.state.find_position(one.account, 0), 1), "says wrongly"),
    "an account with nothing open": (lambda x, one, two: x.lifecycle.begin(newcomer(x), -1, 0) and None, "a liquidation of nothing"),
    "an account that owes money for nothing": (lambda x, one, two: x.ledger.move(newcomer(x), 0, 0, 1), "owes money for nothing"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_the_check_notices(name: str) -> None:
    breaks, told = BROKEN[name]
    exchange, one, two = auctioned()
    exchange.lifecycle.check()
    breaks(exchange, one, two)
    with pytest.raises(AssertionError, match=told):
        exchange.lifecycle.check()
