"""The rule book of a design: which sections there are, and which explanations they are made of.

`EXPLAINED` has them all, by the key that names a rule and its name; a rule that is not in it is told by its own docstrings.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from perplab.exchange.design.build import table_of
from perplab.exchange.design.structs import Market, SequencingDesign, VenueDesign

from . import arrival, curves, liquidation, losses, moment, money, prices, units
from .document import Block, Document, Grid, Head, Section, Text
from .entries import Entry, differences, of_collateral, of_fee_tiers
from .keys import KEYS, is_silent, key_of, shown
from .subject import Explanation, Explanations, Subject, keys_of, of_own, perpetuals

EXPLAINED: Final[Explanations] = {
    **prices.EXPLAINED,
    **curves.EXPLAINED,
    **arrival.EXPLAINED,
    **money.EXPLAINED,
    **liquidation.EXPLAINED,
    **losses.EXPLAINED,
}
VENUE_KEYS: Final = ("assets", "max_open_orders", "max_triggers", "max_twaps", "max_sub_accounts", "max_accounts")


def explained(key: str, name: str) -> Explanation:
    """A rule in words: ours, or what its own docstrings say."""
    return EXPLAINED.get((key, name)) or of_own(key, name)


def rulebook(design: VenueDesign) -> Document:
    """All rules of a design in words, with numbers of its first perpetual; what differs in the other markets stands at the end."""
    held = perpetuals(design)
    at = Subject(design, held[0] if held else 0)
    market = at.market
    sections = [
        Section("price", f"How a price is made: {price_words(market)}", tuple(price(at))),
        Section("arrival", f"How orders reach it: {sequencing_words(design)}", tuple(arrive(at))),
        Section("mark", f"Mark price: {explained('mark.rule', market.mark.rule).short}", tuple(mark(at))),
    ]
    if held:
        sections += of_positions(at)
    sections.append(Section("venue", "The venue as a whole", tuple(venue(at))))
    several = f" Numbers are those of {market.name}." if len(design.markets) > 1 else ""
    about = (
        f"Examples are computed by the venue's own code, at a price of {at.price(at.probe().price)}, which is a tenth of the highest "
        f"one.{several}"
    )
    return Document(design.name, design.title, (Section("about", "", (Text(about),)), *sections))


def of_positions(at: Subject) -> list[Section]:
    """What there is to say where somebody can hold a position."""
    design, market = at.design, at.market
    return [
        Section("funding", f"Funding: {explained('funding.rule', market.funding.rule).short}", tuple(funding(at))),
        Section("margin", f"Margin: up to {market.max_leverage}x", tuple(money.margin(at))),
        Section("liquidation", f"Liquidation: {', then '.join(step_words(design))}", tuple(liquidation.liquidation(at, steps(at)))),
        Section(
            "losses", f"Losses: {', then '.join(payer_words(design)) or 'nobody pays'}", tuple(losses.losses(at, payers(at), adl_parts(at)))
        ),
        Section("moment", "What comes first", tuple(moment.moment(at))),
    ]


# -- sections --


def price(at: Subject) -> list[Block]:
    """Book, curve, oracle."""
    market = at.market
    blocks = prices.price(at, explained("matching.rule", market.matching.rule))
    if market.curve.rule != "none":
        blocks += [Head("The curve"), *curves.curve(at.of(struct_of(market.curve.own)), explained("curve.rule", market.curve.rule))]
    return [*blocks, Head("The oracle"), *prices.oracle(at)]


def price_words(market: Market) -> str:
    """Where liquidity comes from, in a few words."""
    told = explained("curve.rule", market.curve.rule).short
    book = explained("curve.rule", "none").short
    if market.curve.rule == "none":
        return book if market.matching.rule == "price_time" else f"{book}, {explained('matching.rule', market.matching.rule).short}"
    return {"separate": told, "interleaved": f"{book} and {told}", "jit": f"{book}, {told} just in time"}.get(
        market.curve.role, f"{book}, then {told}"
    )


def sequencing_words(design: VenueDesign) -> str:
    """The rule, and whether somebody waits."""
    table = design.sequencing
    told = explained("sequencing.rule", table.rule).short
    late = late_words(table)
    return f"{told}, {late} late" if late else told


def late_words(table: SequencingDesign) -> str:
    """Whose commands are late; empty if nobody's are."""
    retail = table.taker_latency_ms if table.retail_taker_latency_ms < 0 else table.retail_taker_latency_ms
    takers = "takers" if table.taker_latency_ms and retail else "takers but retail" if table.taker_latency_ms else "retail takers"
    others = (("makers", table.maker_latency_ms), ("cancels", table.cancel_latency_ms))
    late = [*([takers] if table.taker_latency_ms or retail else []), *(name for name, latency in others if latency)]
    return "all" if late == ["takers", "makers", "cancels"] else units.joined(late) if late else ""


def arrive(at: Subject) -> list[Block]:
    design = at.design.sequencing
    return arrival.arrival(at.of(struct_of(design.own)), explained("sequencing.rule", design.rule))


def mark(at: Subject) -> list[Block]:
    design = at.market.mark
    return [
        *prices.mark(at.of(struct_of(design.own)), explained("mark.rule", design.rule)),
        *keys_of(design, at.asset),
        *own_keys(design.own, at.asset),
    ]


def funding(at: Subject) -> list[Block]:
    design = at.market.funding
    told = explained("funding.rule", design.rule)
    return [*money.funding(at.of(struct_of(design.own)), told), *keys_of(design, at.asset), *own_keys(design.own, at.asset)]


def steps(at: Subject) -> list[tuple[str, Explanation, Subject]]:
    design = at.design.liquidation
    return [(name, explained("liquidation.steps", name), at.of(struct_of(table_of(design, name)))) for name in design.steps]


def payers(at: Subject) -> list[tuple[str, Explanation, Subject]]:
    found = []
    for name in at.design.backstops:
        given = at.design.auto_deleverage if name == losses.ADL else struct_of(table_of(at.design, name))
        found.append((name, explained("backstops", name), at.of(given)))
    return found


def adl_parts(at: Subject) -> list[tuple[str, Explanation, Subject]]:
    """Rank and selection."""
    adl = at.design.auto_deleverage
    named = (("auto_deleverage.rank", adl.rank), ("auto_deleverage.selection", adl.selection))
    return [(name, explained(key, name), at.of(struct_of(table_of(adl, name)))) for key, name in named]


def venue(at: Subject) -> list[Block]:
    design = at.design
    rows = tuple((name, shown(key_of(type(design), name), getattr(design, name)), KEYS[type(design)][name].words) for name in VENUE_KEYS)
    fees = listed(of_fee_tiers(design), "Fees by what was traded:")
    collateral = listed(of_collateral(design), "Assets that count as money, at a part of what they are worth:")
    delays = [] if is_silent(design.money) else keys_of(design.money, at.asset, "Money takes its time, or does not go everywhere:")
    return [Grid(("key", "value", "what it is"), rows, code=(0,)), *fees, *collateral, *delays, *others(at)]


def listed(entries: Iterable[Entry], caption: str) -> list[Block]:
    """Keys of tables of which there may be several."""
    rows = tuple((one.path, one.shown, one.key.words) for one in entries)
    return [Grid(("key", "value", "what it is"), rows, code=(0,), caption=caption)] if rows else []


def others(at: Subject) -> list[Block]:
    """What the other markets have that the one at hand has not."""
    design, first = at.design, at.market
    blocks: list[Block] = []
    for market in design.markets[: at.number] + design.markets[at.number + 1 :]:
        rows = tuple((one.path, one.first, one.second) for one in differences(only(design, first), only(design, market)))
        if rows:
            blocks.append(Grid(("key", first.name, market.name), rows, code=(0,), caption=f"In {market.name}, other than in {first.name}:"))
        else:
            blocks.append(Text(f"{market.name} has the same terms as {first.name}."))
    return blocks


def only(design: VenueDesign, market: Market) -> VenueDesign:
    return replace(design, markets=(market,))


# -- parts --


def struct_of(table: object) -> Struct:
    assert isinstance(table, Struct)
    return table


def own_keys(table: object, asset: str) -> list[Block]:
    """What the table says to the rule that it names."""
    return keys_of(struct_of(table), asset)


def step_words(design: VenueDesign) -> list[str]:
    """An order of the step `book` trades with what there is."""
    has_book = any(market.curve.rule == "none" or market.curve.role != "separate" for market in design.markets)
    told = {name: explained("liquidation.steps", name).short for name in design.liquidation.steps}
    return ["curve" if name == "book" and not has_book else short for name, short in told.items()]


def payer_words(design: VenueDesign) -> list[str]:
    return [explained("backstops", name).short for name in design.backstops]
