"""Liquidity that is a formula: the curve of a market, when an order meets it, what stands behind it, and how deep it is beside a book.

The picture asks the venue: what the curve alone, and what curve and book together, would trade up to a distance from the oracle.
"""

from __future__ import annotations

from typing import Final

from perplab.exchange.codes import Side
from perplab.exchange.events import CurveTraded
from perplab.exchange.units import MICRO, PPM

from . import units
from .document import Block, Curve, Fact, Formula, Grid, Picture, Text, Worked
from .probe import RICH, Probe, Refused
from .subject import Explanation, Explanations, Subject, keys_of, nothing_more

SIZES: Final = (1_000, 10_000, 100_000, 1_000_000)  # [USD] of orders that come one by one
FARTHEST_PPM: Final = 20_000  # from the oracle: how far the picture goes
STEPS: Final = 20  # of it
LEVEL_USD: Final = 50_000  # of the book beside it, on each of them


def curve(at: Subject, told: Explanation) -> list[Block]:
    """The rule of a curve, its role and its pool, what orders pay, and its depth."""
    design = at.market.curve
    return [
        Text(
            f"{told.summary} The curve is a maker like any other, whose position is the other side of what all others hold together. It "
            "never takes: where its quote would cross the book's, it stands a tick short of that. Values round against whoever trades "
            "with it."
        ),
        *told.tell(at),
        trades(at),
        picture(at),
        *keys_of(at.given, at.asset),
        *pool(at),
        *keys_of(design, at.asset, "The curve in its market, and what stands behind it:"),
    ]


# -- trades --


def trades(at: Subject) -> Block:
    """What orders of several sizes pay, each alone on a fresh venue."""
    rows, facts = [], []
    for size in SIZES:
        for side, name in ((Side.BUY, "buy"), (Side.SELL, "sell")):
            probe = at.probe()
            told = f"{name} {units.usd(size, at.asset)}"
            try:
                fill = taken(at, probe, side, size)
            except Refused as refused:
                rows.append((told, "-", "-", str(refused)))
                continue
            if fill is None:
                rows.append((told, "-", "-", "it does not meet the curve"))
                continue
            off = (fill.value - probe.value(fill.size)) * PPM // probe.value(fill.size)
            facts.append(at.fact(f"value of a curve trade: {told}", fill.value))
            rows.append(
                (told, f"{at.coins(fill.size)} {at.coin}", facts[-1].shown, f"{units.percent(off)} off, fee {at.money(fill.taker_fee)}")
            )
    caption = f"Orders of several sizes, each of them the first one to come, with the oracle at {at.price(at.probe().price)}:"
    return Grid(("order", "lots", "value", "against the oracle"), tuple(rows), right=(1, 2), facts=tuple(facts), caption=caption)


def taken(at: Subject, probe: Probe, side: int, size: int) -> CurveTraded | None:
    """The first fill of an immediate order with the curve. Raises Refused."""
    events = probe.take(probe.open(RICH), side, probe.lots(size * MICRO))
    return next((one for one in events if isinstance(one, CurveTraded)), None)


# -- depth --


def picture(at: Subject) -> Picture:
    """How much a buyer gets up to a distance from the oracle: from the curve alone, and from a book of a round size."""
    probe = at.probe()
    level = units.usd(LEVEL_USD, at.asset)
    curves = (Curve("the curve", curve_depth(probe)), Curve(f"a book with {level} on each 0.1 %, for comparison", book_depth(at)))
    title = f"What a buyer can get up to a distance from the oracle, which is at {at.price(probe.price)}"
    return Picture(title, "% above the oracle", at.asset, curves)


def limits(probe: Probe) -> list[tuple[float, int]]:
    """(per cent above the oracle, ticks) of the points of the picture."""
    return [
        (FARTHEST_PPM * step / STEPS / PPM * 100, probe.price + probe.price * FARTHEST_PPM * step // (STEPS * PPM))
        for step in range(STEPS + 1)
    ]


def curve_depth(probe: Probe) -> tuple[tuple[float, float], ...]:
    """(per cent, USD)"""
    ask = probe.exchange.curve_within
    return tuple((share, ask(probe.number, Side.BUY, limit)[1] / MICRO) for share, limit in limits(probe))


def book_depth(at: Subject) -> tuple[tuple[float, float], ...]:
    """The same of resting orders, where the market has a book; else of one that is thought of."""
    probe = at.probe()
    try:
        maker = probe.open(RICH)
        for _, price in limits(probe)[1:]:
            probe.place(maker, Side.SELL, price, probe.lots(LEVEL_USD * MICRO, price))
        probe.arrive()
    except Refused:
        return tuple((share, float(LEVEL_USD * step)) for step, (share, _) in enumerate(limits(probe)))
    ask = probe.exchange.lots_within
    return tuple((share, ask(probe.number, Side.SELL, limit)[1] / MICRO) for share, limit in limits(probe))


# -- what stands behind it --


def pool(at: Subject) -> list[Block]:
    """Whose money it is."""
    capital = at.market.curve.capital
    if capital == 0:
        return [Text("No money stands behind this curve: it is virtual, its account may owe, and nobody can add liquidity.")]
    view = at.probe().exchange.pool(at.number)
    assert view is not None
    fact = Fact("equity of the pool", int(view.equity), at.money(int(view.equity)))
    return [
        Text(
            "The pool belongs to who has shares of it; the venue's own capital stays for good. Who comes in pays by the higher of what "
            "it is worth at the mark and at the oracle, who leaves gets by the lower. What the pool owes those who win against it is "
            "paid as they close; once that is too much, winners are deleveraged, and what is then below zero is a deficit like any "
            "other."
        ),
        Formula(("shares = amount x shares of the pool / max(worth at mark, worth at oracle), rounded down",)),
        Worked(f"At the start the pool has {fact.shown}.", (fact,)),
    ]


EXPLAINED: Final[Explanations] = {
    ("curve.rule", "none"): Explanation("order book", "There is no curve: all liquidity is that of resting orders.", nothing_more),
}
