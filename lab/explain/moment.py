"""What comes first where several things share a time: told from the ranks of the venue's one schedule, and looked up in an example.

The table names constants of `exchange/state/schedule.py`; its order here says nothing, the numbers there do. A rank without words fails
a test.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from perplab.exchange.design.build import sequencing_rule
from perplab.exchange.design.structs import VenueDesign
from perplab.exchange.events import Event
from perplab.exchange.messages import UpdateOracle
from perplab.exchange.state import schedule
from perplab.exchange.trading.sequencing import RequestExecute, TakerAuction
from perplab.exchange.units import MICRO, MS_NS

from . import units
from .document import Block, Fact, Grid, Steps, Text, Worked
from .keys import deleverages, is_silent
from .probe import RICH, Refused
from .subject import Subject

SIZE: Final = 100_000  # [USD] of a position in the example


def always(_: VenueDesign) -> bool:
    return True


class Due(NamedTuple):
    """Something that falls due. `happens` says whether it ever does in a design."""

    words: str
    happens: Callable[[VenueDesign], bool] = always


def has_cadence(design: VenueDesign) -> bool:
    return any(market.mark.cadence_ms for market in design.markets)


def pays_at_once(design: VenueDesign) -> bool:
    return any(market.funding.payment == "discrete" for market in design.markets)


def unwinds(design: VenueDesign) -> bool:
    return "takeover" in design.liquidation.steps and design.vault.unwind_interval_ms > 0


def has_latency(design: VenueDesign) -> bool:
    return not has_blocks(design) and not is_silent(design.sequencing)


def has_blocks(design: VenueDesign) -> bool:
    return sequencing_rule(design).interval != 0


def has_taker_auctions(design: VenueDesign) -> bool:
    return isinstance(sequencing_rule(design), TakerAuction)


def has_requests(design: VenueDesign) -> bool:
    return isinstance(sequencing_rule(design), RequestExecute)


def has_several(design: VenueDesign) -> bool:
    return len(design.markets) > 1


def has_delays(design: VenueDesign) -> bool:
    money = design.money
    return money.deposit_delay_ms + money.withdraw_delay_ms + money.transfer_delay_ms > 0


RANKS: Final = {
    "PRICES": Due("where another price of a moment was announced and has not come, those that have are reacted to", has_several),
    "MARK": Due("the mark is computed anew; if it has moved, a liquidation pass follows at once", has_cadence),
    "FUNDING_SAMPLE": Due("the premium is sampled; with continuous payment it is charged, and a liquidation pass follows at once"),
    "FUNDING_PAYMENT": Due(
        "funding is paid for the interval that ends, its last sample included; a liquidation pass follows at once", pays_at_once
    ),
    "UNWIND": Due("the vault sells of what it has taken over", unwinds),
    "LIQUIDATION_PASS": Due("a liquidation pass, if something is under way or waits to be looked at"),
    "CANCEL_ALL": Due("dead man's switches cancel the orders of their accounts, by account number"),
    "TURN": Due("commands whose latency is over are carried out, in the order in which they came", has_latency),
    "BLOCK": Due("a block of commands is carried out", has_blocks),
    "TAKER_AUCTION": Due("orders that are auctioned take their next step, by order number", has_taker_auctions),
    "REQUEST_EXPIRY": Due("requests that no oracle price has come for are gone", has_requests),
    "ORDER_EXPIRY": Due("orders that were good until then are cancelled, by their ids"),
    "TWAP_SLICE": Due("slices of TWAPs are sent, by the TWAP's number"),
    "MAINTENANCE": Due("maintenance windows that the operator has planned begin and end, by their numbers"),
    "PAYMENT": Due("money that was under way arrives, by the number of the payment", has_delays),
}


def in_order(design: VenueDesign) -> list[str]:
    """All that may fall due in a design, in the order of the ranks."""
    ranks = [(int(getattr(schedule, name)), due) for name, due in RANKS.items() if due.happens(design)]
    return [due.words for _, due in sorted(ranks)]


def moment(at: Subject) -> list[Block]:
    several = len(at.design.markets) > 1
    first = " before it deleverages anybody" if deleverages(at.design) else ""
    by_market = (
        "Of marks and of funding each goes through all markets where it is due at that time, before the liquidation pass that follows. "
    ) if several else ""
    return [
        Text(
            "Whatever a venue does at a time is an entry of one schedule. Before a command is carried out, everything that has fallen "
            "due up to its time is, by time; at equal times in this order, and the command itself comes last:"
        ),
        Steps((*in_order(at.design), "the command: commands of one time in the order in which they came, an oracle update as any other")),
        Text(
            "An oracle update sets off, in this order: the curve follows it, if there is one that does; the mark is computed; requests "
            "that waited for the price are carried out, where the venue has such; and if the mark has moved, a liquidation pass follows."
        ),
        Text(
            f"{by_market}A liquidation pass takes all accounts below maintenance{first}, and passes never nest. "
            "So an order that comes at the very time of a funding payment finds the payment made, and those whom it has pushed below "
            "maintenance already liquidated."
        ),
        seen(at),
    ]


def seen(at: Subject) -> Block:
    """The events of an oracle update that comes at the time of a funding payment."""
    probe = at.probe()
    interval = at.market.funding.interval_ms
    try:
        long, short = probe.open(RICH), probe.open(RICH)
        probe.lift(probe.price)
        probe.block(long, short, probe.lots(SIZE * MICRO))
        end = (probe.now // (interval * MS_NS) + 1) * interval * MS_NS
        probe.wait(end - probe.fresh_step() - probe.now, probe.fresh_step())
        probe.now = end
        events = [one for one in probe.send(UpdateOracle(probe.now, at.number, probe.price + probe.price // 50)) if one.ts == probe.now]
    except Refused as refused:
        return Worked(f"No example: {refused}.")
    rows = tuple((f"{number}.", f"`{type(event).__name__}`", words_of(at, event)) for number, event in enumerate(events, start=1))
    facts = tuple(
        Fact(f"event {number} of a moment", type(event).KIND, type(event).__name__) for number, event in enumerate(events, start=1)
    )
    caption = (
        f"An oracle update that comes at the end of a funding interval of {units.milliseconds(interval)}, and the events of that time:"
    )
    return Grid(("", "event", "what it is"), rows, facts=facts, caption=caption)


def words_of(at: Subject, event: Event) -> str:
    """The command's own events are told apart from what was due."""
    market: int = getattr(event, "market", -1)  # -1: of none, or of all
    where = f", {at.design.markets[market].name}" if market >= 0 and len(at.design.markets) > 1 else ""
    words = {
        "FundingSampled": "due: a sample of the premium",
        "FundingCharged": "due: funding is paid",
        "OracleUpdated": "the command: the oracle",
        "CurveMoved": "the curve follows it",
        "MarkMoved": "the mark that follows from it",
    }.get(type(event).__name__, "")
    return f"{words}{where}"
