"""The long script of kit.py as the designs of real venues can take it, and the venues that the tests of presets share.

Where there is only a curve, nothing rests: orders are immediate, and makers pay into the pool instead, if it takes any. Where retail orders
stand apart, a third of the traders are retail and a part of the makers' quotes are for retail alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from kit import BTC, FIRST, MAKERS, SECOND, TRADERS, Bench, script, usd
from msgspec.structs import replace

from perplab.exchange import VenueDesign, compared_venues, load_venue, shipped_venues
from perplab.exchange.codes import AccountKind, OrderType, Side, TimeInForce
from perplab.exchange.messages import AddLiquidity, Amend, CancelAll, Command, OpenAccount, Place, RemoveLiquidity

REAL: Final = tuple(name for name in shipped_venues() if name not in compared_venues())
MAKER_ACCOUNTS: Final = range(FIRST + TRADERS, FIRST + TRADERS + MAKERS)


def has_book(design: VenueDesign) -> bool:
    curve = design.markets[BTC].curve
    return curve.rule == "none" or curve.role != "separate"


def script_of(design: VenueDesign, seed: int, seconds: int) -> list[Command]:
    """The same money, positions, prices and intentions at every venue, as far as its rules let them."""
    return list(adapted(design, script(seed, seconds)))


def adapted(design: VenueDesign, commands: list[Command]) -> Iterator[Command]:
    classes = design.markets[BTC].matching.queue_classes
    ranges: list[int] = []
    for number, command in enumerate(commands):
        if isinstance(command, OpenAccount) and classes and command.account_kind == AccountKind.TRADER and number % 3 == 0:
            yield replace(command, account_kind=int(AccountKind.RETAIL))
        elif isinstance(command, Place) and command.account in MAKER_ACCOUNTS and not has_book(design):
            yield from at_the_pool(design, command, number, ranges)
        elif isinstance(command, Place) and not has_book(design):
            yield replace(command, tif=int(TimeInForce.IOC))
        elif isinstance(command, Place) and classes and command.tif == TimeInForce.POST_ONLY and number % 2 == 0:
            yield replace(command, tif=int(TimeInForce.RPI))
        elif has_book(design) or not isinstance(command, Amend | CancelAll):
            yield command


def at_the_pool(design: VenueDesign, quote: Place, number: int, ranges: list[int]) -> Iterator[Command]:
    """What a maker does instead of one of his quotes: now and then he pays in, or takes a part back. `ranges`: owners, by number."""
    curve = design.markets[BTC].curve
    if curve.capital == 0:
        return
    if number % 40 == 0:
        ranges.append(quote.account)
        edges = (quote.price * 9 // 10, quote.price * 11 // 10) if curve.rule == "concentrated" else (0, 0)
        yield AddLiquidity(quote.ts, quote.account, BTC, usd(50_000), *edges)
    elif number % 60 == 30 and quote.account in ranges:
        number = 2 + ranges.index(quote.account)  # the venue's is 1
        some = (20_000_000, number) if curve.rule == "concentrated" else (usd(20_000), 0)
        yield RemoveLiquidity(quote.ts, quote.account, BTC, *some)


class Venue(Bench):
    """A real venue's design with two rich accounts; whatever waits there is carried out by `settle`."""

    def __init__(self, name: str, price: int = 100_000, **overrides: object) -> None:
        super().__init__(load_venue(name, overrides))
        self.price = price
        self.long, self.short, self.maker = self.open("100000000"), self.open("100000000"), self.open("100000000", kind=2)
        self.oracle(price)

    def settle(self, seconds: int = 6) -> list[object]:
        """Let time pass, a second and an oracle price at a time; returns what happened."""
        events: list[object] = []
        for _ in range(seconds):
            self.now += SECOND
            events += self.oracle(self.price)
        return events

    def quotes(self, around: int, lots: int = 20_000, levels: int = 5) -> list[object]:
        """Bids and asks of the maker, each 5 bp farther; nothing where there is no book."""
        events: list[object] = []
        if has_book(self.exchange.design):
            for level in range(1, levels + 1):
                step = around * 5 * level // 10_000
                events += self.send(Place, self.maker, BTC, int(Side.BUY), around - step, lots, tif=int(TimeInForce.POST_ONLY))
                events += self.send(Place, self.maker, BTC, int(Side.SELL), around + step, lots, tif=int(TimeInForce.POST_ONLY))
        return events + self.settle(1)

    def market_order(self, account: int, side: int, lots: int) -> list[object]:
        """A market order within 2 % of the oracle, until it is over."""
        limit = self.price * (102 if side == Side.BUY else 98) // 100
        events: list[object] = list(self.send(Place, account, BTC, side, limit, lots, int(OrderType.MARKET), int(TimeInForce.IOC)))
        return events + self.settle()

