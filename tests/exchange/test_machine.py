"""The whole engine under random commands: every design, every command, and after each command everything that must hold.

What holds is written down in world.py: the tables' own invariants, the books rebuilt from the events, margins worked out as fractions,
refusals that leave no trace, deficits paid to the micro-unit; and at the end of a run the journal, replayed, and the same commands in
bulk lead to the same state by the same events.
"""

from __future__ import annotations

from collections import Counter

import pytest
from actor import run
from choices import DEEP, Seeded
from designs import BACKSTOPS, STEPS, drawn_venue, ordered_subsets
from hypothesis import settings
from soak_curves import drawn_with_curves
from venue_machine import VenueMachine
from world import World

from perplab.exchange.codes import Reason
from perplab.exchange.messages import EVENTS

CHAINS = ordered_subsets(STEPS)[1:]
ORDERS = ordered_subsets(BACKSTOPS)
ELSEWHERE = [  # in test_sequencing.py, test_spot.py, test_special_terms.py and the soak
    "CommandQueued", "TakerAuctionStarted", "BatchCleared", "GasPaid", "GasSet", "CollateralSold", "ProtectionTriggered",
]  # fmt: skip

TestVenue = VenueMachine.TestCase
TestVenue.settings = settings(
    VenueMachine.TestCase.settings, max_examples=4_000 if DEEP else 15, stateful_step_count=80 if DEEP else 20, deadline=None,
)  # fmt: skip


@pytest.mark.parametrize("steps", CHAINS, ids="-".join)
def test_every_combination(steps: tuple[str, ...]) -> None:
    """Each chain of liquidation steps with each order of backstops, through a run under stress, checked at its end."""
    for number, backstops in enumerate(ORDERS):
        source = Seeded(1_000 * CHAINS.index(steps) + number)
        world = World(drawn_venue(source, steps, backstops))
        world.checks = DEEP
        run(source, world, 5, 400 if DEEP else 30, stress=True)
        world.check()
        world.finish(source)


def test_long_runs_meet_everything() -> None:
    """Checked after every command; every kind of event and nearly every refusal takes place at least once."""
    kinds: Counter[str] = Counter()
    reasons: Counter[Reason] = Counter()
    for seed in range(200 if DEEP else 60):
        source = Seeded(seed)
        world = World(drawn_with_curves(source) if seed % 3 == 2 else drawn_venue(source))
        run(source, world, 5, 60, stress=seed % 2 == 0)
        world.finish(source)
        kinds += world.kinds
        reasons += world.reasons
    assert {e.__name__ for e in EVENTS} - set(kinds) <= {"LossSocialized", *ELSEWHERE}
    assert len(reasons) >= 25
