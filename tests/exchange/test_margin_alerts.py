"""Margin alerts against fractions: after each pass every alert says what equity / maintenance is, and none is told twice the same way."""

from __future__ import annotations

from fractions import Fraction

from actor import MIX, Actor
from choices import Seeded
from designs import drawn_venue
from world import World

from perplab.exchange import Exchange
from perplab.exchange import messages as m

Alert = tuple[int, int, int]  # account, asset, number


def ratio(exchange: Exchange, account: int, asset: int) -> Fraction | None:
    """Equity / maintenance; None: there are no positions."""
    required = exchange.maintenance_margin(account, asset)
    return Fraction(exchange.equity(account, asset), required) if required else None


class Watcher:
    """The alerts as their rules say, worked out from the events and the public queries."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.terms: dict[Alert, tuple[int, int]] = {}
        self.below: dict[Alert, bool] = {}
        self.told = 0

    def hear(self, command: m.Command, events: list[m.Event]) -> None:
        for one in events:
            if isinstance(one, m.MarginAlertSet):
                key = one.account, one.asset, one.number
                self.terms.pop(key, None)
                self.below[key] = False
                if one.threshold_ppm:
                    self.terms[key] = one.threshold_ppm, one.hysteresis_ppm
            elif isinstance(one, m.MarginAlert):
                key = one.account, one.asset, one.number
                assert key in self.terms and self.below[key] != bool(one.below), f"{one} was told before"
                self.below[key] = bool(one.below)
                self.told += 1
        moved = [one for one in events if isinstance(one, m.MarkMoved) and isinstance(command, m.UpdateOracle)]
        if moved and moved[-1].market == command.market and moved[-1].ts == command.ts:
            self.compare()

    def compare(self) -> None:
        """A pass has just been: each alert is as the account is, but within the hysteresis, where it is as it was."""
        for key, (threshold, hysteresis) in self.terms.items():
            now = ratio(self.exchange, key[0], key[1])
            if now is None or now >= Fraction(threshold + hysteresis, 10**6):
                assert not self.below[key], key
            elif now < Fraction(threshold, 10**6):
                assert self.below[key], key


def test_alerts_are_told_once_each_way_and_say_what_is() -> None:
    told = 0
    for seed in range(14):
        source = Seeded(seed)
        world = World(drawn_venue(source))
        actor = Actor(source, world)
        actor.settle_in(4)
        watcher = Watcher(world.exchange)
        for name in [source.pick([*MIX, *["set_margin_alert"] * 8, *["update_oracle"] * 20]) for _ in range(150)]:
            drawn = getattr(actor, name)()
            for command in drawn if isinstance(drawn, list) else [drawn]:
                heard = len(world.events)
                world.do(command)
                watcher.hear(command, world.events[heard:])
        told += watcher.told
    assert told > 20
