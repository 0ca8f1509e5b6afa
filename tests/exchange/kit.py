"""What the tests of the core share: a venue with round numbers, and ways to drive it.

The plain venue has two markets, BTC and ETH. One lot at one tick is 1 USD, so a lot costs as many USD as its price has ticks. Initial
margin is 10 %, maintenance 5 %, leverage at most 10; there are no fees, no price band and no backstop, and nothing falls due within the
first day. Liquidations try the book at once and again every second; patience is 0, and they may go as far as cash payers cover. Tests
override what they are about.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal

from msgspec.structs import replace

from perplab.exchange import Exchange, Journal, VenueDesign
from perplab.exchange.design.reader import merged
from perplab.exchange.design.venue import venue_of_json
from perplab.exchange.events import Event, event_of_row
from perplab.exchange.messages import (
    Amend,
    BlockTrade,
    Cancel,
    CancelAll,
    CancelClient,
    Command,
    Deposit,
    OpenAccount,
    Place,
    SetMarginMode,
    TakeAuction,
    Tick,
    UpdateOracle,
    Withdraw,
    command_row,
)

SECOND = 10**9
START = 20_000 * 86_400 * SECOND  # a midnight
USD = 10**6
ROW = 16
INSURANCE, FEES, ROUNDING, CLEARING, UNCOVERED, VAULT, FIRST = 0, 1, 2, 3, 4, 5, 8
BTC, ETH = 0, 1
MILLION = "1000000"

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
spread_ppm = 500000

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


SPOT = {  # laid over the plain venue: BTC may be held, bought and sold for USD in COIN; a lot of either market is 1 BTC
    "assets": ["USD", "BTC"],
    "markets": [
        PLAIN["markets"][0],
        {"name": "COIN", "kind": "spot", "base_asset": "BTC", "tick": "1", "lot": "1", "max_price": "30000"},
    ],
}  # fmt: skip


def plain_venue(overrides: Mapping[str, object] | None = None) -> VenueDesign:
    """The plain venue with `overrides` laid over it (a table for `markets` is laid on both). Raises VenueError."""
    return venue_of_json(json.dumps(merged(PLAIN, overrides or {})).encode())


def markets_of(*terms: Mapping[str, object], **overrides: object) -> VenueDesign:
    """A venue with one market per table of terms, each laid over the plain BTC."""
    markets = [merged(PLAIN["markets"][0], {"name": f"M{number}", **one}) for number, one in enumerate(terms)]
    return plain_venue({**overrides, "markets": markets})


def tier(initial_ppm: int, maintenance_ppm: int, lower: int = 0) -> dict[str, int]:
    return {"lower_notional": lower, "initial_margin_ppm": initial_ppm, "maintenance_margin_ppm": maintenance_ppm}


def exactly(amount: Decimal) -> int:
    """The integer that `amount` is."""
    assert amount == int(amount), f"{amount} is no whole number"
    return int(amount)


def usd(amount: int | str) -> int:
    """Micro-units of an amount of USD."""
    return exactly(Decimal(amount) * USD)


class Bench:
    """An exchange under test: every command is followed by `check()`, and its journal is kept."""

    def __init__(self, venue: VenueDesign | None = None) -> None:
        self.journal = Journal()
        self.exchange = Exchange(venue or plain_venue(), self.journal, 16, 16)  # small tables: they grow, and are checked quickly
        self.now = START

    def send(self, command: type[Command], *values: int, **named: int) -> list[Event]:
        """Apply one command at the bench's time; the state is proved sound afterwards."""
        events = self.exchange.apply(command(self.now, *values, **named))
        self.exchange.check()
        return events

    def open(self, amount: int | str, kind: int = 1) -> int:
        """A new account with a deposit."""
        account: int = self.exchange.state.accounts.count
        self.send(OpenAccount, kind, 0)
        if usd(amount):
            self.send(Deposit, account, 0, usd(amount))
        return account

    def ticks(self, price: int | str, market: int = BTC) -> int:
        return exactly(Decimal(price) / self.exchange.design.markets[market].tick)

    def lots(self, coins: int | str, market: int = BTC) -> int:
        return exactly(Decimal(coins) / self.exchange.design.markets[market].lot)

    def oracle(self, price: int | str, market: int = BTC) -> list[Event]:
        return self.send(UpdateOracle, market, self.ticks(price, market))

    def block(self, buyer: int, seller: int, coins: int | str, price: int | str, market: int = BTC) -> None:
        """The two accounts cross; a refusal is an error of the test."""
        events = self.send(BlockTrade, buyer, seller, market, self.lots(coins, market), self.ticks(price, market))
        assert type(events[-1]).__name__ == "BlockTraded", events

    def place(self, account: int, side: int, coins: int | str, price: int | str, market: int = BTC, **named: int) -> list[Event]:
        return self.send(Place, account, market, side, self.ticks(price, market), self.lots(coins, market), **named)

    def later(self, seconds: int) -> list[Event]:
        """Let time pass."""
        self.now += seconds * SECOND
        return self.send(Tick)


def some_venue() -> Bench:
    """A venue with accounts, a position, orders and a mark."""
    bench = Bench(plain_venue())
    a, b = bench.open(MILLION), bench.open(MILLION)
    bench.oracle(100)
    bench.block(a, b, 10, 100)
    bench.place(a, 0, 5, 90, client_lo=1)
    return bench


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


def told(bench: Bench, call: Callable[[], object]) -> list[Event]:
    """The events of something done behind the door."""
    log = bench.exchange.state.log
    log.clear()
    call()
    return typed(list(log.rows)[: log.end])


# -- a longer script for any venue whose first market is one BTC-like coin in lots of 0.001 and ticks of 1 USD --

TRADERS, MAKERS, BIDDERS = 24, 3, 2


class Dice:
    """Numbers that depend on nothing but the seed."""

    def __init__(self, seed: int) -> None:
        self.state = seed

    def roll(self, low: int, high: int) -> int:
        """A number from low to high, both included."""
        self.state = (self.state * 6_364_136_223_846_793_005 + 1_442_695_040_888_963_407) % 2**64
        return low + (self.state >> 33) % (high - low + 1)


def oracle_path(second: int) -> int:
    """Calm, a crash by a fifth in 40 s, half of it back: USD."""
    if second < 30:
        return 100_000 + 40 * (second % 7)
    if second < 70:
        return 100_000 - 500 * (second - 29)
    return min(90_000, 80_000 + 400 * (second - 69))


def script(seed: int, seconds: int) -> list[Command]:
    """Deposits, large levered positions, and `seconds` of quotes, orders, cancels, amendments, bids and oracle updates.

    It starts 45 s before an hour, so that funding is paid in the midst of the crash.
    """
    dice = Dice(seed)
    start = START + 3_555 * SECOND
    commands: list[Command] = []
    for number in range(TRADERS + MAKERS + BIDDERS):
        kind = 1 if number < TRADERS else 2 if number < TRADERS + MAKERS else 3
        commands.append(OpenAccount(start, kind, number))
        commands.append(Deposit(start, FIRST + number, 0, usd(dice.roll(4, 12) * 1_000_000 if kind == 1 else 400_000_000)))
    commands.append(UpdateOracle(start, BTC, 100_000))
    for long in range(0, TRADERS, 2):
        if long % 6 == 0:
            commands.append(SetMarginMode(start, FIRST + long, BTC, 1))
        commands.append(BlockTrade(start, FIRST + long, FIRST + long + 1, BTC, dice.roll(300_000, 800_000), 100_000))
    for second in range(1, seconds):
        commands += a_second(dice, start + second * SECOND, second)
    return commands


def a_second(dice: Dice, ts: int, second: int) -> list[Command]:
    price = oracle_path(second)
    commands: list[Command] = [UpdateOracle(ts, BTC, price)]
    for maker in range(FIRST + TRADERS, FIRST + TRADERS + MAKERS):
        commands.append(CancelAll(ts, maker, BTC))
        for level in range(1, 4):
            size = dice.roll(2_000, 12_000) if 30 <= second < 80 else dice.roll(4_000, 30_000)
            commands.append(Place(ts, maker, BTC, 0, price - dice.roll(5, 30) * level, size, tif=3))
            commands.append(Place(ts, maker, BTC, 1, price + dice.roll(5, 30) * level, size, client_lo=ts + level))
    for number in range(3):
        account = FIRST + dice.roll(0, TRADERS - 1)
        at = ts + dice.roll(1, 900_000_000 + number)
        side, size, limit = dice.roll(0, 1), dice.roll(1, 3_000), price + dice.roll(-60, 60)
        commands.append(Place(at, account, BTC, side, limit, size, 0, dice.roll(0, 2), dice.roll(0, 1)))
        maker, order = FIRST + TRADERS + dice.roll(0, MAKERS - 1), max(1, 17 * second + dice.roll(-20, 20))
        commands.append(Amend(at, maker, order, limit, size))
        commands.append(Cancel(at, maker, order + 1))
        commands.append(CancelClient(at, maker, 0, ts + 2))
    for bidder in range(FIRST + TRADERS + MAKERS, FIRST + TRADERS + MAKERS + BIDDERS):
        commands.append(TakeAuction(ts + 999_000_000, bidder, dice.roll(1, 12), 1_000_000, usd(1_000)))
    if second % 10 == 0:
        commands.append(Withdraw(ts + 999_999_999, FIRST + dice.roll(0, TRADERS - 1), 0, usd(dice.roll(1, 1_000_000))))
    return sorted(commands, key=lambda command: command.ts)
