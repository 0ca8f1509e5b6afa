"""What happens to a levered position when the price falls: played on a small venue of the design and told event by event.

There are a long with exactly its initial margin, at the highest leverage, and the short that it was opened against; two bystanders, long
and short against each other; and, as the scene wants it, a maker in the book, a bidder in auctions, and a buyer who comes later.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from msgspec.structs import replace

from perplab.exchange.codes import Method, Outcome, Payer, Side
from perplab.exchange.events import (
    AuctionEnded,
    AuctionStarted,
    AuctionTaken,
    CurveTraded,
    DeficitPaid,
    Deleveraged,
    Event,
    Liquidated,
    LiquidationEnded,
    LiquidationStarted,
    LossSocialized,
    MarkMoved,
    SurplusPaid,
    TakenOver,
    Traded,
)
from perplab.exchange.messages import TakeAuction
from perplab.exchange.money.margin import initial_of
from perplab.exchange.units import MICRO, SECOND_NS

from . import units
from .document import Block, Grid, Text, Worked
from .probe import RICH, Refused
from .subject import Subject

SIZE: Final = 500_000  # [USD] of the long
FIRST, LAST = 10, 3  # rows of a long story that are shown
LOOK_NS: Final = 5 * SECOND_NS  # between two arbitrages
LOOKS: Final = 1_440  # two hours of them
LONGEST: Final = 600  # [s] after which a scene ends
BUYER_AFTER: Final = 60  # [s]
BUYER_OFF_PPM: Final = 5_000  # below the mark
BIDDER_WANTS_PPM: Final = 2_000  # of what is taken, as a gain
MAKER_OFF_PPM: Final = 500  # on both sides of the oracle
SYSTEM: Final = ("the insurance fund", "the venue", "rounding", "clearing", "nobody", "the vault", "the curve")
PAYERS: Final = {
    Payer.INSURANCE_FUND: "the insurance fund",
    Payer.SOCIALIZED: "all open positions",
    Payer.VAULT: "the vault",
    Payer.UNCOVERED: "nobody",
    Payer.OTHER: "a backstop of one's own",
}

POOL: Final = "the pool of the curve"
WINNERS: Final = "winners, by deleveraging"


class Scene(NamedTuple):
    """What the world does."""

    oracle: int  # [ticks] where the oracle goes at once
    has_maker: bool  # quotes around it, for all there is


class Told(NamedTuple):
    """How a scene went."""

    rows: tuple[tuple[str, str], ...]
    paid: dict[str, int]  # [micro] by who has paid for what the long could not
    ended: bool


class Cast:
    """The accounts of a scene by name, on their venue. Raises Refused."""

    def __init__(self, at: Subject, size: int = SIZE) -> None:
        self.at = at
        self.probe = probe = at.probe()
        self.names: dict[int, str] = dict(enumerate(SYSTEM))
        self.lots = probe.lots(size * MICRO)
        margin = int(initial_of(probe.record, probe.value(self.lots), at.market.max_leverage))
        self.long = self.join("the long", margin)
        self.short = self.join("the short", 3 * margin)
        self.others = self.join("a bystander (long)", RICH), self.join("a bystander (short)", RICH)
        self.maker = self.join("the maker", RICH)
        self.bidder = self.join("the bidder", RICH)
        self.buyer = self.join("the buyer", RICH)
        self.arbitrageur = self.join("an arbitrageur", RICH)
        self.needs_arbitrage = False
        probe.block(self.long, self.short, self.lots)
        probe.block(*self.others, self.lots)

    def join(self, name: str, amount: int) -> int:
        account = self.probe.open(amount)
        self.names[account] = name
        return account

    def play(self, scene: Scene) -> Told:
        """Raises Refused."""
        probe = self.probe
        if scene.has_maker and probe.has_book:
            off = max(1, scene.oracle * MAKER_OFF_PPM // 1_000_000)
            probe.quote(self.maker, scene.oracle - off, scene.oracle + off, 2 * self.lots)
        began = probe.now
        events = self.fall(scene.oracle)
        seconds = 0
        while probe.exchange.state.liquidations.under_way and seconds < LONGEST:
            events += self.bids()
            seconds += 1
            if seconds == BUYER_AFTER and probe.has_book:
                bid = scene.oracle - scene.oracle * BUYER_OFF_PPM // 1_000_000
                events += probe.place(self.buyer, Side.BUY, bid, 2 * self.lots)
            probe.now += SECOND_NS
            events += probe.oracle(scene.oracle)
        probe.exchange.check()
        return self.told(events, began)

    def fall(self, target: int) -> list[Event]:
        """The oracle goes there at once. Where that does not bring the long below maintenance, since the mark goes by a curve, somebody
        sells to the curve until it is there, again and again, for as long as the mark takes."""
        probe = self.probe
        events = list(probe.oracle(target))
        looks = 0
        while probe.market.curve.rule != "none" and looks < LOOKS and not any(isinstance(one, LiquidationStarted) for one in events):
            self.needs_arbitrage = True
            looks += 1
            lots, _ = probe.exchange.curve_within(probe.number, Side.SELL, target)
            if lots:
                events += probe.take(self.arbitrageur, Side.SELL, lots)
            probe.now += LOOK_NS
            events += probe.oracle(target)
        return events

    def bids(self) -> list[Event]:
        """The bidder takes an auction as soon as it gains enough."""
        probe = self.probe
        events: list[Event] = []
        for auction in probe.exchange.auctions():
            worth = probe.value(abs(auction.size), probe.exchange.mark_price(probe.number))
            if auction.gain * 1_000_000 >= worth * BIDDER_WANTS_PPM:
                events += probe.send(TakeAuction(probe.now, self.bidder, auction.auction, 1_000_000))
        return events

    # -- in words --

    def told(self, events: list[Event], began: int) -> Told:
        rows: list[tuple[str, str]] = []
        paid: dict[str, int] = {}
        for event in moves_joined([one for one in events if not self.is_aside(one)]):
            if isinstance(event, DeficitPaid):
                who = self.payer(event.payer)
                paid[who] = paid.get(who, 0) + event.amount
            if isinstance(event, Deleveraged):
                paid[WINNERS] = paid.get(WINNERS, 0) + event.conceded
            teller = TELLERS.get(type(event))
            words = teller(self, event) if teller else ""
            if words:
                rows.append((units.seconds(event.ts - began), words))
        return Told(tuple(shortened(rows)), paid, not self.probe.exchange.state.liquidations.under_way)

    def is_aside(self, event: Event) -> bool:
        """What the arbitrageur does is told once, before."""
        return isinstance(event, CurveTraded) and event.taker == self.arbitrageur

    def payer(self, code: int) -> str:
        """Who paid a deficit."""
        pays = "liquidity_pool" in self.at.design.backstops and code == Payer.OTHER
        return POOL if pays else PAYERS[Payer(code)]

    def name(self, account: int) -> str:
        return self.names.get(account, f"account {account}")

    def lots_of(self, lots: int) -> str:
        return f"{self.at.coins(abs(lots))} {self.at.coin}"


def moves_joined(events: list[Event]) -> list[Event]:
    """Moves of the mark that nothing comes between are one, at the time of the last; those after the end are of no interest."""
    told: list[Event] = []
    for event in events:
        if type(event) not in TELLERS:
            continue
        if isinstance(event, MarkMoved) and told and isinstance(told[-1], MarkMoved):
            event = replace(event, previous=told[-1].previous)
            told.pop()
        told.append(event)
    if len(told) > 1 and isinstance(told[-1], MarkMoved) and isinstance(told[-2], LiquidationEnded):
        told.pop()
    return told


def shortened(rows: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The first and the last of many."""
    if len(rows) <= FIRST + LAST + 1:
        return rows
    left = len(rows) - FIRST - LAST
    return [*rows[:FIRST], (f"to {rows[-LAST - 1][0]}", f"... {left} more of such events ..."), *rows[-LAST:]]


def mark_moved(cast: Cast, event: MarkMoved) -> str:
    return f"the mark goes from {cast.at.price(event.previous)} to {cast.at.price(event.mark)}" if event.previous else ""


def started(cast: Cast, event: LiquidationStarted) -> str:
    at = cast.at
    return (
        f"{cast.name(event.account)} is liquidated: its equity is {at.money(event.equity)}, maintenance is "
        f"{at.money(event.maintenance)}, its position is worth {at.money(event.notional)}; its orders are cancelled"
    )


def traded(cast: Cast, event: Traded) -> str:
    if not event.liquidation:
        return f"{cast.name(event.taker)} trades {cast.lots_of(event.size)} with {cast.name(event.maker)} at {cast.at.price(event.price)}"
    did = "sells" if event.taker_side == Side.SELL else "buys"
    return f"the liquidation {did} {cast.lots_of(event.size)} to {cast.name(event.maker)} at {cast.at.price(event.price)}"


def curve_traded(cast: Cast, event: CurveTraded) -> str:
    did = "sells" if event.side == Side.SELL else "buys"
    who = "the liquidation" if event.liquidation else cast.name(event.taker)
    return (
        f"{who} {did} {cast.lots_of(event.size)} {'to' if event.side == Side.SELL else 'from'} the curve, for {cast.at.money(event.value)}"
    )


def liquidated(cast: Cast, event: Liquidated) -> str:
    at = cast.at
    short = f", which leaves a deficit of {at.money(event.deficit)}" if event.deficit else ""
    fee = f", and pays a liquidation fee of {at.money(event.fee)}" if event.fee else ""
    if event.method == Method.SETTLEMENT:
        return f"what is left of {cast.name(event.account)} is a debt of {at.money(event.deficit)}"
    how = {Method.BOOK: at.trading, Method.AUCTION: "by auction", Method.TAKEOVER: "by takeover", Method.ADL: "against winners"}
    if event.method == Method.ADL and event.deficit:
        short = f", a bad debt of {at.money(event.deficit)} against the mark"
    lots = f"{cast.lots_of(event.size)} of {cast.name(event.account)}"
    return f"closed {how[Method(event.method)]}: {lots}, for {at.money(event.value)}{short}{fee}"


def deficit_paid(cast: Cast, event: DeficitPaid) -> str:
    who = cast.payer(event.payer)
    return f"{who} {'pay' if event.payer == Payer.SOCIALIZED else 'pays'} {cast.at.money(event.amount)}"


def deleveraged(cast: Cast, event: Deleveraged) -> str:
    at = cast.at
    cost = f", {at.money(event.conceded)} worse for it than at the mark" if event.conceded else ", at the mark"
    return f"{cast.name(event.winner)} is deleveraged: {cast.lots_of(event.size)}{cost}"


def socialized(cast: Cast, event: LossSocialized) -> str:
    spared = f", but for {cast.lots_of(event.spared_lots)}: the loser's own, and what was just opened" if event.spared_lots else ""
    return f"a loss of {cast.at.money(event.amount)} is shared by all lots of both sides{spared}"


def auction_started(cast: Cast, event: AuctionStarted) -> str:
    return f"an auction of {cast.name(event.account)} begins, with an equity of {cast.at.money(event.equity)}"


def auction_taken(cast: Cast, event: AuctionTaken) -> str:
    paid = f", of which the cash payers pay {cast.at.money(event.paid)}" if event.paid else ""
    gain = cast.at.money(event.gain)
    return f"{cast.name(event.bidder)} takes {units.percent(event.share_ppm)} of the account, and gains {gain} against the mark{paid}"


def auction_ended(cast: Cast, event: AuctionEnded) -> str:
    return f"the auction ends: {OUTCOMES[Outcome(event.outcome)]}"


def taken_over(cast: Cast, event: TakenOver) -> str:
    return f"the vault takes {cast.lots_of(event.size)} over at the mark, for {cast.at.money(event.value)}"


def surplus_paid(cast: Cast, event: SurplusPaid) -> str:
    return f"{cast.name(event.to)} gets the {cast.at.money(event.amount)} that are left"


def ended(cast: Cast, event: LiquidationEnded) -> str:
    return f"the liquidation of {cast.name(event.account)} ends: {OUTCOMES[Outcome(event.outcome)]}"


OUTCOMES: Final = {
    Outcome.RECOVERED: "it is above maintenance again",
    Outcome.FLAT: "nothing is open any more",
    Outcome.FAILED: "it could not close all of it",
}
TELLERS: Final[dict[type[Event], Callable[..., str]]] = {
    MarkMoved: mark_moved,
    LiquidationStarted: started,
    Traded: traded,
    CurveTraded: curve_traded,
    Liquidated: liquidated,
    DeficitPaid: deficit_paid,
    Deleveraged: deleveraged,
    LossSocialized: socialized,
    AuctionStarted: auction_started,
    AuctionTaken: auction_taken,
    AuctionEnded: auction_ended,
    TakenOver: taken_over,
    SurplusPaid: surplus_paid,
    LiquidationEnded: ended,
}


# -- the two scenes --


def threshold(price: int) -> int:
    """A price at which a long is liquidated or bankrupt. Raises Refused where there is none."""
    if price == 0:
        raise Refused("a long with its initial margin cannot lose more than it has")
    return price


def small_fall(at: Subject) -> Block:
    """To where the long is just below maintenance; there are buyers."""
    try:
        cast = Cast(at)
        price = threshold(int(cast.probe.exchange.liquidation_price(cast.long, at.number)))
        told = cast.play(Scene(price - max(1, price // 2_000), True))
    except Refused as refused:
        return Worked(f"No example: {refused}.")
    buyers = "buyers stand near the new price" if cast.probe.has_book else "nobody trades but the curve"
    return grid(at, cast, told, f"the oracle falls to just below its liquidation price, and {buyers}", "small fall")


def gap(at: Subject, name: str = "gap", why: str = "") -> list[Block]:
    """Through the bankruptcy price, with an empty book for a minute."""
    try:
        cast = Cast(at)
        price = threshold(int(cast.probe.exchange.bankruptcy_price(cast.long, at.number)))
        fallen = 2 * price - cast.probe.price
        told = cast.play(Scene(max(1, fallen), False))
    except Refused as refused:
        return [Worked(f"No example: {refused}.")]
    buyer = f"The book is empty for {BUYER_AFTER} s, then a buyer bids {units.percent(BUYER_OFF_PPM)} below the mark for all of it"
    buys = buyer if cast.probe.has_book else "Nobody trades but the curve"
    scene = f"the oracle falls at once to {at.price(fallen)}, twice as far as its margin reaches{why}. {buys}"
    return [grid(at, cast, told, scene, name), who_paid(at, told)]


def grid(at: Subject, cast: Cast, told: Told, scene: str, name: str) -> Grid:
    arbitrage = " and an arbitrageur, who sells to it until it is there, too" if cast.needs_arbitrage else ""
    position = (
        f"A long of {cast.lots_of(cast.lots)} at {at.price(cast.probe.price)} has its initial margin and no more; {scene}{arbitrage}:"
    )
    facts = tuple(at.fact(f"{name}: paid by {who}", told.paid.get(who, 0)) for who in (*PAYERS.values(), POOL, WINNERS))
    rest = () if told.ended else ((f"{LONGEST} s", "the liquidation is still under way"),)
    return Grid(("time", "what happens"), (*told.rows, *rest), facts=facts, caption=position)


def who_paid(at: Subject, told: Told) -> Text:
    if not told.paid:
        return Text("Nobody else has paid anything for it.")
    shares = [f"{who} {at.money(amount)}" for who, amount in told.paid.items()]
    return Text(f"What the account could not pay, and who did: {units.joined(shares)}.")
