"""Margin alerts against fractions: after each pass every alert says what equity / maintenance is, and none is told twice the same way."""

from __future__ import annotations

from fractions import Fraction

from actor import MIX, Actor
from choices import Seeded
from designs import drawn_venue, market, venue
from world import World

from perplab.exchange import Exchange
from perplab.exchange import messages as m
from perplab.exchange.codes import Outcome
from perplab.exchange.engine import restore

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
        self.wiped: set[Alert] = set()  # below when a liquidation left no position, and seen without one ever since
        self.assets: dict[int, list[int]] = {}  # in which an account had positions before the command
        self.told = 0
        self.forewarned = 0

    def hear(self, command: m.Command, events: list[m.Event]) -> None:
        for one in events:
            if isinstance(one, m.MarginAlertSet):
                key = one.account, one.asset, one.number
                self.terms.pop(key, None)
                self.below[key] = False
                self.wiped.discard(key)
                if one.threshold_ppm:
                    self.terms[key] = one.threshold_ppm, one.hysteresis_ppm
            elif isinstance(one, m.MarginAlert):
                key = one.account, one.asset, one.number
                assert key in self.terms and self.below[key] != bool(one.below), f"{one} was told before"
                assert one.below or one.maintenance or key not in self.wiped, f"{one} is an all-clear to nobody"
                self.wiped.discard(key)
                self.below[key] = bool(one.below)
                self.told += 1
            elif isinstance(one, m.LiquidationStarted) and one.market < 0:
                self.assert_forewarned(one)
            elif isinstance(one, m.LiquidationEnded) and one.outcome == Outcome.FLAT and one.market < 0:
                below = [key for key in self.terms if key[0] == one.account and self.below[key]]
                self.wiped |= {key for key in below if ratio(self.exchange, key[0], key[1]) is None}
        moved = [one for one in events if isinstance(one, m.MarkMoved) and isinstance(command, m.UpdateOracle)]
        if moved and moved[-1].market == command.market and moved[-1].ts == command.ts:
            self.compare()
        for account, *_ in self.terms:
            self.assets[account] = [asset for asset in range(2) if ratio(self.exchange, account, asset) is not None]

    def assert_forewarned(self, one: m.LiquidationStarted) -> None:
        """Of thresholds that the account is below by what the event says, it has been told."""
        for key, (threshold, _) in self.terms.items():
            if key[0] == one.account and self.assets.get(key[0]) == [key[1]]:
                if Fraction(one.equity, one.maintenance) < Fraction(threshold, 10**6):
                    assert self.below[key], (one, key)
                    self.forewarned += 1

    def compare(self) -> None:
        """A pass has just been: each alert is as the account is, but within the hysteresis, where it is as it was."""
        for key, (threshold, hysteresis) in self.terms.items():
            now = ratio(self.exchange, key[0], key[1])
            if now is None and key in self.wiped:
                assert self.below[key], key
                continue
            self.wiped.discard(key)
            if now is None or now >= Fraction(threshold + hysteresis, 10**6):
                assert not self.below[key], key
            elif now < Fraction(threshold, 10**6):
                assert self.below[key], key


def test_alerts_are_told_once_each_way_and_say_what_is() -> None:
    told = forewarned = wiped = 0
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
                wiped += bool(watcher.wiped)
        told, forewarned = told + watcher.told, forewarned + watcher.forewarned
    assert told > 20 and forewarned > 2 and wiped > 2


def test_one_who_holds_nothing_is_looked_at_only_while_he_was_told_that_he_is_below() -> None:
    """Who was told, and then closes by a fill of his resting order, hears in the next pass that he is above; also on a copy."""
    x = Exchange(venue([market()]))
    for command in (*(m.OpenAccount(0, 1, 0) for _ in range(3)), *(m.Deposit(0, account, 0, 10**8) for account in (8, 9, 10)),
                    m.UpdateOracle(0, 0, 1_000), m.BlockTrade(0, 8, 9, 0, 10, 1_000), m.SetMarginAlert(0, 8, 0, 0, 10**9),
                    m.SetMarginAlert(0, 10, 0, 3, 10**9), m.SetLeverage(0, 10, 0, 5)):  # fmt: skip
        x.apply(command)
    assert x.state.margin_alerts.told == {8: 1}
    x.apply(m.Place(0, 8, 0, 1, 1_000, 10))
    x.apply(m.Place(0, 9, 0, 0, 1_000, 10))
    assert x.position(8, 0).size == 0 and x.state.margin_alerts.told == {8: 1}
    for one in (restore(x.snapshot()), x):
        events = one.apply(m.UpdateOracle(1, 0, 1_002))
        assert [(e.account, e.below) for e in events if isinstance(e, m.MarginAlert)] == [(8, 0)]
        assert one.state.margin_alerts.told == {} and one.state.margin_alerts.of(10) != []
        assert not [e for e in one.apply(m.UpdateOracle(2, 0, 1_003)) if isinstance(e, m.MarginAlert)]
        one.check()


def test_alerts_of_an_account_are_found_by_asset_and_number() -> None:
    x = Exchange(venue([market()], assets=["USD", "EUR"]))
    x.apply(m.OpenAccount(0, 1, 0))
    for asset, number in ((1, 3), (0, 2), (1, 0)):
        x.apply(m.SetMarginAlert(0, 8, asset, number, 5))
    assert [(one.asset, one.number) for one in x.margin_alerts(8)] == [(0, 2), (1, 0), (1, 3)]
    x.apply(m.SetMarginAlert(0, 8, 1, 0, 0))
    assert [(one.asset, one.number) for one in x.margin_alerts(8)] == [(0, 2), (1, 3)]
    x.check()
