"""A small venue of the design at hand, to compute examples with: what it says is what the venue would do.

Positions are opened by block trades at the mark, which no queue, curve or fee is part of. The price is a tenth of the market's highest one,
sizes follow from amounts of money. What the design refuses is `Refused`: an example is then left out, and the reason told.
"""

from __future__ import annotations

from typing import Final

from perplab.exchange import Exchange, Malformed
from perplab.exchange.codes import AccountKind, Reason, Side
from perplab.exchange.design.structs import VenueDesign
from perplab.exchange.events import AccountOpened, Event, Rejected
from perplab.exchange.messages import BlockTrade, Command, Deposit, OpenAccount, Place, UpdateOracle
from perplab.exchange.rules import Market
from perplab.exchange.units import MICRO, MS_NS, SECOND_NS

MIDNIGHT: Final = 20_000 * 86_400 * SECOND_NS  # [ns] timers run at multiples of their intervals
RICH: Final = 1_000_000_000 * MICRO  # [micro] a counterparty that never lacks money


CAP_PARTS: Final = 4  # of an open-interest cap: several positions have to find room below it


class Refused(Exception):
    """The design does not allow what the example needs."""


class Probe:
    """A venue at midnight, with the oracle at the example price in the market at hand."""

    def __init__(self, design: VenueDesign, number: int = 0) -> None:
        self.design = design
        self.number = number
        self.market = design.markets[number]
        self.exchange = Exchange(design, None, 256, 64)
        self.asset = design.assets.index(self.market.settlement_asset)
        self.price = example_price(design, number)
        self.start = self.now = MIDNIGHT
        for other in range(len(design.markets)):
            self.send(UpdateOracle(self.now, other, example_price(design, other)))

    # -- sizes --

    @property
    def record(self) -> Market:
        """The market as the core's functions want it."""
        return self.exchange.state.markets[self.number]

    def lots(self, amount: int, price: int = 0) -> int:
        """The lots that are worth `amount` [micro]; at least one, and at most what positions may be beside others."""
        most, cap = int(self.record.max_lots), int(self.record.open_interest_cap)
        return max(1, min(amount // ((price or self.price) * self.market.unit), most, cap // CAP_PARTS if cap else most))

    def value(self, lots: int, price: int = 0) -> int:
        """[micro]"""
        return lots * (price or self.price) * self.market.unit

    # -- commands --

    def send(self, command: Command) -> list[Event]:
        """Raises Refused."""
        try:
            events = self.exchange.apply(command)
        except Malformed as error:
            raise Refused(f"`{type(command).__name__}` is out of bounds: {error}") from None
        refused = next((one for one in events if isinstance(one, Rejected)), None)
        if refused is not None:
            raise Refused(f"`{type(command).__name__}` is refused: {Reason(refused.reason).name}")
        return events

    def open(self, amount: int, kind: int = AccountKind.TRADER) -> int:
        """A new account with money [micro]."""
        (opened,) = (one.account for one in self.send(OpenAccount(self.now, kind, 0)) if isinstance(one, AccountOpened))
        if amount:
            self.send(Deposit(self.now, opened, self.asset, amount))
        return opened

    def oracle(self, price: int) -> list[Event]:
        return self.send(UpdateOracle(self.now, self.number, price))

    def block(self, buyer: int, seller: int, lots: int) -> list[Event]:
        """At the mark."""
        return self.send(BlockTrade(self.now, buyer, seller, self.number, lots, self.exchange.mark_price(self.number)))

    def place(self, account: int, side: int, price: int, lots: int) -> list[Event]:
        return self.send(Place(self.now, account, self.number, side, price, lots))

    def quote(self, account: int, bid: int, ask: int, lots: int) -> list[Event]:
        return [*self.place(account, Side.BUY, bid, lots), *self.place(account, Side.SELL, ask, lots)]

    def wait(self, span: int, step: int = SECOND_NS) -> list[Event]:
        """Let [ns] pass, with the oracle saying the same again at every step, the last one included."""
        events: list[Event] = []
        end = self.now + span
        price = self.exchange.oracle_price(self.number)
        while self.now < end:
            self.now = min(end, self.now + step)
            events += self.oracle(price)
        return events

    def fresh_step(self) -> int:
        """[ns] between two oracle updates that keep it from being stale."""
        stale = self.market.oracle.stale_after_ms * MS_NS
        return min(3 * SECOND_NS, stale // 2) if stale else 3 * SECOND_NS


def example_price(design: VenueDesign, number: int) -> int:
    """[ticks] a tenth of the highest price, rounded down to one digit."""
    market = design.markets[number]
    ticks: int = max(1, int(market.max_price / market.tick) // 10)
    digit = int("1" + "0" * (len(str(ticks)) - 1))
    return ticks // digit * digit
