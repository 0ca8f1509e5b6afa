"""How orders reach the venue: what stands between the moment in which a command is sent and the one in which it is carried out."""

from __future__ import annotations

from typing import Final

from perplab.exchange.codes import OrderType, Side
from perplab.exchange.events import Event, OracleUpdated
from perplab.exchange.messages import CancelAll, Command, Place
from perplab.exchange.units import MICRO, MS_NS

from . import units
from .document import Block, Fact, Grid, Text, Worked
from .keys import is_silent
from .probe import RICH, Probe, Refused
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


def seen(at: Subject) -> Block:
    """What becomes of three commands that are sent at one time: an order that rests, one that takes it, and a cancel."""
    probe = at.probe()
    probe.now += MS_NS
    maker, taker = probe.open(RICH), probe.open(RICH)
    began = probe.now
    rows: list[tuple[str, str, str]] = []
    facts: list[Fact] = []
    try:
        for words, command in sent(at, probe, maker, taker):
            rows.append(("0 s", words, ""))
            note(at, rows, facts, probe.send(command), began)
        end = began + probe.delay
        while probe.now < end:
            probe.now += STEP_NS
            note(at, rows, facts, probe.oracle(probe.price), began)
    except Refused as refused:
        return Worked(f"No example: {refused}.")
    caption = "Three commands that are sent at one time, and what becomes of them:"
    return Grid(("time", "sent", "what happens"), tuple(rows), facts=tuple(facts), caption=caption)


def sent(at: Subject, probe: Probe, maker: int, taker: int) -> list[tuple[str, Command]]:
    lots = probe.lots(SIZE * MICRO)
    take = Place(probe.now, taker, at.number, Side.BUY, probe.price + probe.price // 100, lots, OrderType.MARKET)
    if not probe.has_book:
        return [("an order to buy", take), ("a cancel", CancelAll(probe.now, taker, at.number))]
    rest = Place(probe.now, maker, at.number, Side.SELL, probe.price, lots)
    return [
        ("an order to sell, to rest", rest),
        ("an order to buy that takes it", take),
        ("a cancel of the first", CancelAll(probe.now, maker, at.number)),
    ]


def note(at: Subject, rows: list[tuple[str, str, str]], facts: list[Fact], events: list[Event], began: int) -> None:
    for event in events:
        if isinstance(event, OracleUpdated) or type(event).__name__ in UNTOLD:
            continue
        name = type(event).__name__
        facts.append(Fact(f"event {len(facts) + 1} of three commands", event.ts - began, name))
        rows.append((units.seconds(event.ts - began), "", f"`{name}`"))


EXPLAINED: Final[Explanations] = {
    ("sequencing.rule", "continuous"): Explanation(
        "as they come", "Commands are carried out one after the other, as they come.", continuous
    ),
}
