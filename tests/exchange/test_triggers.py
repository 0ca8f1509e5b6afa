"""Triggers against a naive model: which fire at a price, in which order; their numbers at the bounds; what is kept beside the state."""

from __future__ import annotations

from dataclasses import dataclass

from choices import examples
from hypothesis import given
from hypothesis import strategies as st
from kit import FIRST, START, plain_venue

from perplab.exchange import Exchange
from perplab.exchange import messages as m
from perplab.exchange.algos.triggers import protection_price, trail_distance
from perplab.exchange.engine import restore
from perplab.exchange.messages import columns_of
from perplab.exchange.state import algos
from perplab.exchange.state.types import MAX_PRICE, PPM

BEGIN = 100  # [ticks]


@dataclass
class Naive:
    """A trigger that is asked at every price."""

    number: int
    side: int
    kind: int
    trigger: int
    trail: int
    best: int = 0  # 0: it does not trail

    def level(self) -> int:
        distance = self.trail if self.kind == 2 else -(-self.best * self.trail // PPM)
        return self.best + distance if self.side == 0 else self.best - distance

    def shown(self) -> int:
        """Where it fires now, 0: it has not begun to trail."""
        return self.trigger if self.kind < 2 else self.level() if self.best else 0

    def fires(self, price: int) -> int | None:
        """How far behind the price its level is, if it fires."""
        if self.kind > 1 and not self.best:
            if price >= self.trigger if self.side == 1 else price <= self.trigger:
                self.best = price
            return None
        at, rises = self.trigger, (self.kind == 0) == (self.side == 0)
        if self.kind > 1:
            self.best = min(self.best, price) if self.side == 0 else max(self.best, price)
            at, rises = self.level(), self.side == 0
        behind = price - at if rises else at - price
        return behind if behind >= 0 else None


PLACED = st.tuples(st.integers(0, 1), st.integers(0, 3), st.integers(0, 130), st.sampled_from([1, 2, 5, 20_000, 33_333, 200_000]))
STEPS = st.lists(st.one_of(PLACED, st.integers(70, 130), st.just("restore")), max_size=30)


@examples(80)
@given(STEPS)
def test_triggers_fire_as_in_a_naive_model(steps: list[tuple[int, int, int, int] | int | str]) -> None:
    venue = Exchange(plain_venue({"max_triggers": 40}), None, 8, 8)
    venue.apply(m.OpenAccount(START, 1, 0))
    venue.apply(m.Deposit(START, FIRST, 0, 10**12))
    venue.apply(m.UpdateOracle(START, 0, BEGIN))
    model: list[Naive] = []
    price = BEGIN
    for step in steps:
        if step == "restore":
            venue = restore(venue.snapshot())
        elif isinstance(step, tuple):
            side, kind, trigger, trail = step
            if kind == 0 or kind == 1 or trigger % 2:
                trigger = max(1, trigger)
            else:
                trigger = 0
            trail = trail if kind > 1 else 0
            (told,) = venue.apply(m.PlaceTrigger(START, FIRST, 0, side, 1, kind, 0, trigger, 0, 1, 0, 0, trail))
            if isinstance(told, m.TriggerPlaced):
                model.append(Naive(told.order_id, side, kind, trigger, trail, 0 if trigger else price))
        else:
            assert isinstance(step, int)
            price = step
            fired = [e.order_id for e in venue.apply(m.UpdateOracle(START, 0, price)) if isinstance(e, m.TriggerFired)]
            found = sorted((-behind, one.number) for one in model if (behind := one.fires(price)) is not None)
            assert fired == [number for _, number in found]
            model = [one for one in model if one.number not in fired]
        venue.check()
        assert [one.fires_at for one in venue.triggers(FIRST)] == [one.shown() for one in model]
    assert [one.order_id for one in venue.triggers(FIRST)] == [one.number for one in model]


def test_columns_are_in_the_order_of_the_command() -> None:
    """`accept` copies them in one go."""
    names = {"trigger": "KIND", "trigger_price": "TRIGGER", "price": "LIMIT", "slippage_ppm": "SLIPPAGE"}
    for field, column in columns_of(m.PlaceTrigger).items():
        if field != "ts":
            assert int(getattr(algos, "G_" + names.get(field, field.upper()))) == column - 2, field


def test_numbers_at_their_bounds() -> None:
    top, ppm = int(MAX_PRICE), int(PPM)
    assert protection_price(top, ppm, 0) == 2 * top and protection_price(top, ppm, 1) == 0
    assert protection_price(999, 1, 0) == 999 and protection_price(999, 1, 1) == 999
    assert trail_distance(3, ppm - 1, top) == -(-top * (ppm - 1) // ppm) and trail_distance(3, 1, 1) == 1
    assert int(algos.shelf_key(63, 2, 2, top)) == ((63 * 3 + 2) * 3 + 2) << 32 | top


def test_a_price_that_moves_no_trailing_trigger_looks_at_none() -> None:
    venue = Exchange(plain_venue(), None, 8, 8)
    venue.apply(m.OpenAccount(START, 1, 0))
    venue.apply(m.UpdateOracle(START, 0, 1_000))
    for side in (0, 1):
        venue.apply(m.PlaceTrigger(START, FIRST, 0, side, 1, 2, 0, 0, trail=50))
    venue.apply(m.UpdateOracle(START, 0, 1_010))
    venue.apply(m.UpdateOracle(START, 0, 990))
    desk = venue.trigger_desk
    assert (int(desk.low[0]), int(desk.high[0])) == (990, 1_010)
    venue.apply(m.UpdateOracle(START, 0, 1_011))
    assert (int(desk.low[0]), int(desk.high[0])) == (990, 1_011)
