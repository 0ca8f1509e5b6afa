"""What the tests of the core share: a venue with round numbers, and ways to drive it.

The plain venue has two markets, BTC and ETH. One lot at one tick is 1 USD, so a lot costs as many USD as its price has ticks. Initial
margin is 10 %, maintenance 5 %, leverage at most 10; there are no fees, no price band and no backstop, and nothing falls due within the
first day. Liquidations try the book at once and again every second; patience is 0. Tests override what they are about.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from perplab.exchange import Exchange, Journal, Venue
from perplab.exchange.design import merged
from perplab.exchange.events import Event, event_of_row
from perplab.exchange.messages import BlockTrade, Command, Deposit, OpenAccount, UpdateOracle, command_row
from perplab.exchange.venue import venue_of_json

SECOND = 10**9
USD = 10**6
ROW = 16
INSURANCE, FEES, ROUNDING, CLEARING, UNCOVERED, VAULT, FIRST = 0, 1, 2, 3, 4, 5, 8
BTC, ETH = 0, 1

PLAIN = tomllib.loads("""
name = "plain"
backstops = []

[liquidation]
steps = ["book"]
retry_ms = 1000
fee_ppm = 0
fee_to = "fees"
surplus_to = "trader"

[liquidation.book]
patience_ms = 0
band_ppm = 500000

[liquidation.dutch_auction]
start_ppm = 1000000
duration_ms = 10000
insolvent_duration_ms = 10000
buffer_ppm = 100000

[[markets]]
name = "BTC"
tick = "1"
lot = "1"
max_price = "30000"
max_leverage = 10
tiers = [{ lower_notional = 0, initial_margin_ppm = 100000, maintenance_margin_ppm = 50000 }]
mark = { rule = "oracle" }
funding = { impact_notional = 1000, interest_ppt = 0, clamp_ppt = 0, divisor = 1, sample_interval_ms = 86400000, interval_ms = 86400000 }

[[markets]]
name = "ETH"
tick = "1"
lot = "1"
max_price = "30000"
max_leverage = 10
tiers = [{ lower_notional = 0, initial_margin_ppm = 100000, maintenance_margin_ppm = 50000 }]
mark = { rule = "oracle" }
funding = { impact_notional = 1000, interest_ppt = 0, clamp_ppt = 0, divisor = 1, sample_interval_ms = 86400000, interval_ms = 86400000 }
""")


def plain_venue(overrides: Mapping[str, object] | None = None) -> Venue:
    """The plain venue with `overrides` laid over it (a table for `markets` is laid on both). Raises VenueError."""
    return venue_of_json(json.dumps(merged(PLAIN, overrides or {})).encode())


def one_market(market: Mapping[str, object], **overrides: object) -> Venue:
    """A venue whose only market is BTC of the plain one with other terms."""
    return plain_venue({"markets": [merged(PLAIN["markets"][0], market)], **overrides})


def usd(amount: float | str) -> int:
    """Micro-units of an amount that has at most six decimals."""
    micro = round(float(amount) * USD)
    assert abs(float(amount) * USD - micro) < 1e-3, f"{amount} is no whole number of micro-units"
    return micro


class Bench:
    """An exchange under test: every command is followed by `check()`, and its journal is kept."""

    def __init__(self, venue: Venue | None = None) -> None:
        self.journal = Journal()
        self.exchange = Exchange(venue or plain_venue(), self.journal)
        self.now = 0

    def send(self, command: type[Command], *values: int, **named: int) -> list[Event]:
        """Apply one command at the bench's time; the state is proved sound afterwards."""
        events = self.exchange.apply(command(self.now, *values, **named))
        self.exchange.check()
        return events

    def open(self, amount: float, kind: int = 1) -> int:
        """A new account with a deposit."""
        account: int = self.exchange.state.accounts.count
        self.send(OpenAccount, kind, 0)
        if amount:
            self.send(Deposit, account, 0, usd(amount))
        return account

    def oracle(self, price: int, market: int = BTC) -> list[Event]:
        return self.send(UpdateOracle, market, price)

    def block(self, buyer: int, seller: int, size: int, price: int, market: int = BTC) -> None:
        """The two accounts cross; a refusal is an error of the test."""
        events = self.send(BlockTrade, buyer, seller, market, size, price)
        assert type(events[-1]).__name__ == "BlockTraded", events


def named(events: Iterable[Event], name: str) -> list[Event]:
    return [event for event in events if type(event).__name__ == name]


def unnumbered(events: Iterable[Event]) -> list[Event]:
    """The events with 0 for their sequence number."""
    return [replace(event, seq=0) for event in events]


def typed(rows: Iterable[int]) -> list[Event]:
    """Packed events as typed ones."""
    flat = list(rows)
    return [event_of_row(flat[at : at + ROW]) for at in range(0, len(flat), ROW)]


def packed(commands: Iterable[Command]) -> list[int]:
    return [value for command in commands for value in command_row(command)]
