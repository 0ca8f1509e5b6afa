"""How orders reach the venue: what stands between the moment in which a command is sent and the one in which it is carried out."""

from __future__ import annotations

from typing import Final

from perplab.exchange.codes import CancelReason, OrderType, Reason, Side
from perplab.exchange.design.build import sequencing_rule
from perplab.exchange.design.parameters import RequestDesign, TakerAuctionDesign
from perplab.exchange.events import BatchCleared, CommandQueued, Event, GasPaid, OrderCancelled, Rejected, TakerAuctionStarted, Traded
from perplab.exchange.messages import CancelAll, Command, Place, UpdateOracle
from perplab.exchange.trading.clearing import clearing_price, volume_at
from perplab.exchange.trading.taker_auctions import auction_price, auction_range
from perplab.exchange.units import MICRO, MS_NS

from . import units
from .document import Block, Fact, Formula, Grid, Text
from .keys import is_silent
from .probe import MIDNIGHT, RICH, Probe
from .subject import Explanation, Explanations, Subject, keys_of

SIZE: Final = 100_000  # [USD] of an order
STEP_NS: Final = 50 * MS_NS  # in which time passes in the example
UNTOLD: Final = ("OracleUpdated", "FundingSampled", "FundingCharged", "MarkMoved")  # what happens anyhow


def arrival(at: Subject, told: Explanation) -> list[Block]:
    """The rule of the sequencing, latencies, and what commands cost."""
    design = at.design
    late: list[Block] = [Text("No command is delayed on its way.")]
    if not is_silent(design.sequencing):
        late = keys_of(design.sequencing, at.asset, "How much later than it came a command is due:")
    gas: list[Block] = [Text("Commands cost nothing but fees.")]
    if not is_silent(design.gas):
        gas = keys_of(design.gas, at.asset, "Commands cost gas, whether they are carried out or refused; it goes to the venue:")
    return [Text(told.summary), *told.tell(at), seen(at), *keys_of(at.given, at.asset), *late, *gas]


def continuous(_: Subject) -> list[Block]:
    return [
        Text(
            "Each command is done, with all that it sets off, before the next one begins. Nothing is collected or put in another order. "
            "Two commands of one time are carried out in the order in which the venue was handed them."
        ),
    ]


def seen(at: Subject) -> Grid:
    """What becomes of a few commands that are sent at one time: two orders that rest, one that takes, and a cancel of the first."""
    probe = at.probe()
    probe.now += MS_NS
    makers, taker = (probe.open(RICH), probe.open(RICH)), probe.open(RICH)
    began = probe.now
    rows: list[tuple[str, str, str]] = []
    facts: list[Fact] = []
    for words, command in sent(at, probe, makers, taker):
        events = probe.exchange.apply(command)
        rows.append(("0 s", words, "" if events else "nothing: no order of its account is open any more"))
        note(at, rows, facts, events, began)
    end = began + probe.delay
    while probe.now < end:
        probe.now += STEP_NS
        note(at, rows, facts, probe.exchange.apply(UpdateOracle(probe.now, at.number, probe.price)), began)
    caption = f"Commands that are sent at one time{until_next(at, began)}, and what becomes of them:"
    return Grid(("time", "sent", "what happens"), tuple(rows), facts=tuple(facts), caption=caption)


def until_next(at: Subject, began: int) -> str:
    """How far the example is from the next block or batch, by the venue's clock; empty where there are none."""
    interval = int(sequencing_rule(at.design).interval)
    if interval == 0:
        return ""
    name = "batch" if at.design.sequencing.rule == "batch_auction" else "block"
    every = units.milliseconds(interval // MS_NS)
    return f", {units.seconds(interval - began % interval)} before the next {name} (there is one every {every} of the venue's clock)"


def sent(at: Subject, probe: Probe, makers: tuple[int, int], taker: int) -> list[tuple[str, Command]]:
    lots = probe.lots(SIZE * MICRO)
    take = Place(probe.now, taker, at.number, Side.BUY, probe.edge(Side.BUY), lots, OrderType.MARKET)
    if not probe.has_book:
        return [("an order to buy", take), ("a cancel", CancelAll(probe.now, taker, at.number))]
    first, second = (Place(probe.now, maker, at.number, Side.SELL, probe.price, lots) for maker in makers)
    cancel = CancelAll(probe.now, makers[0], at.number)
    return [("an order to sell", first), ("another one", second), ("an order to buy one of them", take), ("a cancel of the first", cancel)]


def note(at: Subject, rows: list[tuple[str, str, str]], facts: list[Fact], events: list[Event], began: int) -> None:
    for event in events:
        name = type(event).__name__
        if name not in UNTOLD:
            facts.append(Fact(f"event {len(facts) + 1} of a few commands", event.ts - began, name))
            rows.append((units.seconds(event.ts - began), "", f"`{name}`{more_of(at, event)}"))


def more_of(at: Subject, event: Event) -> str:
    """What of an event is worth a word here."""
    if isinstance(event, CommandQueued):
        due = "with an oracle price" if event.due < 0 else f"at {units.seconds(event.due - MIDNIGHT - MS_NS)}"
        return f", due {due}"
    if isinstance(event, TakerAuctionStarted):
        return f", from {at.price(event.start)} to {at.price(event.end)}"
    if isinstance(event, Rejected):
        return f": {Reason(event.reason).name}"
    if isinstance(event, OrderCancelled):
        return f": {CancelReason(event.reason).name}"
    if isinstance(event, GasPaid):
        return f": {at.money(event.amount)}"
    if isinstance(event, BatchCleared):
        return f" at {at.price(event.price)}" if event.price else ": nothing trades"
    return f" at {at.price(event.price)}" if isinstance(event, Traded) else ""


# -- rules --


def blocks(at: Subject) -> list[Block]:
    return [
        Formula(("carried out at the first multiple of interval_ms after (time of coming + latency of its class)",)),
        Text(
            "All commands of a block are carried out at the block's time, one after the other. A cancel that comes later than an order "
            "may so be carried out before it, where the order of the block puts it first."
        ),
    ]


def batch_auction(at: Subject) -> list[Block]:
    return [
        Formula(
            (
                "executed(p) = min(buys with a limit >= p, sells with a limit <= p), new orders and the resting book together",
                "price       = where executed(p) is largest, of several where least is left over; of these the highest if more is bought, "
                "the lowest if more is sold, and the nearest to the middle of the book, or to the oracle, if neither",
            )
        ),
        Text(
            "Commands wait for the end of the interval. Then cancels and post-only orders come first, and all other orders trade at one "
            "price. What has a better limit than the price is filled whole; at the price itself resting orders come first, then by time: "
            "who is quick within an interval gains a place in that queue, and nothing else."
        ),
        cleared(at),
    ]


def cleared(at: Subject) -> Block:
    """The price at which a few orders clear, by the venue's own function."""
    price = at.probe().price
    step = max(1, price // 1_000)
    buys = [(price + 2 * step, 30), (price, 40), (price - step, 50)]
    sells = [(price - step, 20), (price, 30), (price + step, 60)]
    found = clearing_price(buys, sells, price)
    fact = at.price_fact("price of the batch", found)
    rows = [
        *(("buy", at.price(limit), str(lots), filled(lots, limit >= found)) for limit, lots in buys),
        *(("sell", at.price(limit), str(lots), filled(lots, limit <= found)) for limit, lots in sells),
    ]
    caption = f"These orders of a batch clear at {fact.shown}, where {min(volume_at(found, buys, sells))} lots are bought and sold:"
    return Grid(("side", "limit", "lots", "at that price"), tuple(rows), right=(1, 2), facts=(fact,), caption=caption)


def filled(lots: int, trades: bool) -> str:
    return "may trade" if lots and trades else "does not"


def dutch_auction(at: Subject) -> list[Block]:
    given = at.given
    assert isinstance(given, TakerAuctionDesign)
    return [
        Formula(
            (
                "start = oracle, end = oracle x (1 + 1 / fraction) of a buyer without a limit; mirrored for a seller",
                "limit(t) = start + (end - start) x t / duration_ms, looked at every step_ms, rounded towards the start",
            )
        ),
        Text(
            "An order that would trade at once is auctioned first: it is met by whoever rests at its limit of a step or better, at that "
            "one's own price, so makers have time to offer a better one. A limit that is better than the oracle is where the auction "
            "ends. When the time is over it trades on with its own limit, and then rests or goes. Post-only and fill-or-kill orders are "
            "not auctioned."
        ),
        auctioned(at, given),
    ]


def auctioned(at: Subject, given: TakerAuctionDesign) -> Grid:
    """The limit of a buyer without one by time, by the venue's own functions."""
    price = at.probe().price
    start, end = auction_range(price, 0, True, given.fraction)
    rows, facts = [], []
    for quarter in range(5):
        elapsed = given.duration_ms * quarter // 4
        fact = at.price_fact(
            f"limit of a taker's auction after {units.milliseconds(elapsed)}", auction_price(start, end, elapsed, given.duration_ms)
        )
        facts.append(fact)
        rows.append((units.milliseconds(elapsed), fact.shown))
    caption = f"The limit of a buyer who states none, with the oracle at {at.price(price)}:"
    return Grid(("time", "limit"), tuple(rows), right=(0, 1), facts=tuple(facts), caption=caption)


def request_execute(at: Subject) -> list[Block]:
    given = at.given
    assert isinstance(given, RequestDesign)
    late = f"more than {units.milliseconds(given.delay_ms)} late" if given.delay_ms else "late"
    return [
        Formula(("carried out with the first oracle price at or after (time of coming + latency + delay_ms); gone after expiry_ms",)),
        Text(
            "A command is a request: its sender does not know the price at which it will be carried out. Who has seen the outside price "
            f"move gains nothing by that, unless the feed is {late}. The mark follows the price first; then requests are carried out in "
            "the order in which they came; then who is below maintenance is liquidated. Cancels need no price, and go at once."
        ),
    ]


EXPLAINED: Final[Explanations] = {
    ("sequencing.rule", "continuous"): Explanation(
        "as they come", "Commands are carried out one after the other, as they come.", continuous
    ),
    ("sequencing.rule", "blocks"): Explanation("in blocks", "Commands wait and are carried out together, in blocks.", blocks),
    ("sequencing.rule", "batch_auction"): Explanation(
        "batch auctions", "New orders wait and trade together at one price, at the end of an interval.", batch_auction
    ),
    ("sequencing.rule", "dutch_auction"): Explanation(
        "takers auctioned",
        "An order that would trade at once is auctioned first, at a limit that gets better for makers with time.",
        dutch_auction,
    ),
    ("sequencing.rule", "request_execute"): Explanation(
        "by request", "A command waits, and is carried out at an oracle price that came after it.", request_execute
    ),
}
