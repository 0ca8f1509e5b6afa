"""A small venue of the design at hand, to compute examples with: what it says is what the venue would do.

Positions are opened by block trades at the mark, which no queue, curve or fee is part of. The price is a tenth of the market's highest one,
sizes follow from amounts of money. What the design refuses is `Refused`: an example is then left out, and the reason told.
"""

from __future__ import annotations

from typing import Final

from perplab.exchange import Exchange, Malformed
from perplab.exchange.codes import AccountKind, OrderType, Reason, Side
from perplab.exchange.design.structs import VenueDesign
from perplab.exchange.events import AccountOpened, Event, Rejected
from perplab.exchange.messages import BlockTrade, CancelAll, Command, Deposit, OpenAccount, Place, Tick, UpdateOracle
from perplab.exchange.rules import Market
from perplab.exchange.units import MICRO, MS_NS, SECOND_NS

MIDNIGHT: Final = 20_000 * 86_400 * SECOND_NS  # [ns] timers run at multiples of their intervals
RICH: Final = 1_000_000_000 * MICRO  # [micro] a counterparty that never lacks money


ARRIVAL_NS: Final = 100 * MS_NS  # in which time passes while something waits, or in so many steps where that is long
MOST_STEPS: Final = 1_000
SELDOM_NS: Final = 15 * SECOND_NS  # between two oracle updates while nothing happens
DEEP: Final = 5_000_000  # [USD] that the maker of an example quotes on each side
DELAYS: Final = ("interval_ms", "delay_ms", "duration_ms", "step_ms")  # keys of sequencing rules that orders wait for
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
        self.maker = 0
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
        """A new account with money [micro], and where coins are traded with as many of them as that buys."""
        (opened,) = (one.account for one in self.send(OpenAccount(self.now, kind, 0)) if isinstance(one, AccountOpened))
        if amount:
            self.send(Deposit(self.now, opened, self.asset, amount))
        if amount and self.market.is_spot:
            coins = int(self.lots(amount) * self.market.lot * MICRO)
            self.send(Deposit(self.now, opened, self.design.assets.index(self.market.base_asset), coins))
        return opened

    def oracle(self, price: int) -> list[Event]:
        return self.send(UpdateOracle(self.now, self.number, price))

    def block(self, buyer: int, seller: int, lots: int) -> list[Event]:
        """At the mark."""
        return self.send(BlockTrade(self.now, buyer, seller, self.number, lots, self.exchange.mark_price(self.number)))

    def place(self, account: int, side: int, price: int, lots: int) -> list[Event]:
        return self.send(Place(self.now, account, self.number, side, price, lots))

    def take(self, account: int, side: int, lots: int) -> list[Event]:
        """An order of the market's best price, as soon as it is carried out."""
        events = self.send(Place(self.now, account, self.number, side, self.edge(side), lots, OrderType.MARKET))
        return [*events, *self.arrive()]

    def edge(self, side: int) -> int:
        """The protection price of a market order that takes any: 0 is the edge of the price band; without one, far from the oracle."""
        if self.market.price_band_ppm:
            return 0
        return min(int(self.record.max_price), 2 * self.price) if side == Side.BUY else max(1, self.price // 2)

    def arrive(self) -> list[Event]:
        """Let time pass until nothing waits any more; none where orders are carried out at once.

        The oracle says nothing new meanwhile: a price that it repeats is one that a curve follows. It does only where requests wait for
        one, or where it would be stale.
        """
        events: list[Event] = []
        end, step = self.now + self.delay, min(self.fresh_step(), max(ARRIVAL_NS, self.delay // MOST_STEPS))
        while self.now < end and self.is_waited_for:
            self.now += step
            is_stale = 0 < self.quiet < self.now - self.record.oracle_ts
            if self.needs_price or is_stale:
                events += self.oracle(self.exchange.oracle_price(self.number))
            else:
                events += self.send(Tick(self.now))
        return events

    @property
    def is_waited_for(self) -> bool:
        """Does any command wait, or is an order auctioned?"""
        state = self.exchange.state
        return bool(state.pending.index or state.taker_auctions.index)

    @property
    def needs_price(self) -> bool:
        return self.design.sequencing.rule == "request_execute"

    @property
    def quiet(self) -> int:
        """[ns] for which the oracle may be silent and still be fresh, for curve and market; 0: for ever."""
        curve = self.market.curve
        bounds = (self.market.oracle.stale_after_ms, curve.stale_after_ms if curve.rule != "none" else 0)
        return min((one for one in bounds if one), default=0) * MS_NS

    @property
    def delay(self) -> int:
        """[ns] after which every order of an example has been carried out."""
        design = self.design.sequencing
        late = max(design.taker_latency_ms, design.retail_taker_latency_ms, design.maker_latency_ms, design.cancel_latency_ms)
        own = sum(int(getattr(design.own, name, 0)) for name in DELAYS)
        return (2 * late + 2 * own + 1_000) * MS_NS if self.exchange.is_sequenced else 0

    @property
    def has_book(self) -> bool:
        return self.market.curve.rule == "none" or self.market.curve.role != "separate"

    def quote(self, account: int, bid: int, ask: int, lots: int) -> list[Event]:
        events = [*self.place(account, Side.BUY, bid, lots), *self.place(account, Side.SELL, ask, lots)]
        return [*events, *self.arrive()]

    def lift(self, price: int, by_curve: bool = False) -> None:
        """Let the market stand at `price`: by quotes around it, or by trading with its curve until it comes there. Raises Refused."""
        self.quotes_end()
        if self.has_book and not by_curve:
            half = max(1, self.price // 10_000)
            self.quote(self.maker, price - half, price + half, self.lots(DEEP * MICRO))
            return
        side = Side.BUY if price > self.exchange.curve_price(self.number) else Side.SELL
        lots, _ = self.exchange.curve_within(self.number, side, price)
        if lots:
            self.take(self.maker, side, lots)

    def quotes_end(self) -> None:
        """The maker's quotes are taken back, if there is a maker already; else it comes."""
        if not self.maker:
            self.maker = self.open(RICH)
        elif self.has_book:
            self.send(CancelAll(self.now, self.maker, self.number))
            self.arrive()

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
        return min(SELDOM_NS, self.quiet // 2) if self.quiet else SELDOM_NS


def example_price(design: VenueDesign, number: int) -> int:
    """[ticks] a tenth of the highest price, rounded down to one digit."""
    market = design.markets[number]
    ticks: int = max(1, int(market.max_price / market.tick) // 10)
    digit = int("1" + "0" * (len(str(ticks)) - 1))
    return ticks // digit * digit
