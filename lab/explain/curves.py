"""Liquidity that is a formula: the curve of a market, when an order meets it, what stands behind it, and how deep it is beside a book.

The picture asks the venue: what the curve alone, and what curve and book together, would trade up to a distance from the oracle.
"""

from __future__ import annotations

from typing import Final

from perplab.exchange.codes import Side
from perplab.exchange.design.parameters_curves import ConcentratedDesign, OracleSpreadDesign
from perplab.exchange.events import CurveMoved, CurveTraded
from perplab.exchange.units import MICRO, PPM

from . import units
from .document import Block, Curve, Fact, Formula, Grid, Picture, Text, Worked
from .keys import deleverages, unused_in
from .probe import RICH, Probe, Refused
from .subject import Explanation, Explanations, Subject, keys_of, nothing_more

SIZES: Final = (1_000, 10_000, 100_000, 1_000_000)  # [USD] of orders that come one by one
FARTHEST_PPM: Final = 20_000  # from the oracle: how far the picture goes
BOUGHT: Final = 500_000  # [USD]
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
        follows(at),
        picture(at),
        *keys_of(at.given, at.asset),
        *pool(at),
        *keys_of(design, at.asset, "The curve in its market, and what stands behind it:", unused_in(at.design)),
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
                fills = taken(probe, side, size)
            except Refused as refused:
                rows.append((told, "-", "-", str(refused)))
                continue
            if not fills:
                rows.append((told, "-", "-", "it does not meet the curve"))
                continue
            lots, value, fee = (sum(getattr(one, column) for one in fills) for column in ("size", "value", "taker_fee"))
            facts.append(at.fact(f"value of a curve trade: {told}", value))
            off = units.off(value - probe.value(lots), probe.value(lots))
            rows.append((told, f"{at.coins(lots)} {at.coin}", facts[-1].shown, f"{off} off, fee {at.money(fee)}"))
    caption = f"Orders of several sizes, each of them the first one to come, with the oracle at {at.price(at.probe().price)}:"
    return Grid(("order", "lots", "value", "against the oracle"), tuple(rows), right=(1, 2), facts=tuple(facts), caption=caption)


def taken(probe: Probe, side: int, size: int) -> list[CurveTraded]:
    """The fills of an immediate order with the curve. Raises Refused."""
    events = probe.take(probe.open(RICH), side, probe.lots(size * MICRO))
    return [one for one in events if isinstance(one, CurveTraded)]


def follows(at: Subject) -> Block:
    """Where the curve's price is before and after a trade, and after a move of the oracle."""
    probe = at.probe()
    facts: list[Fact] = []
    rows: list[tuple[str, str, str, str]] = []

    def look(when: str, cost: str = "") -> None:
        facts.append(at.price_fact(f"curve's price {when}", int(probe.exchange.curve_price(at.number))))
        rows.append((when, at.price(int(probe.exchange.oracle_price(at.number))), facts[-1].shown, cost))

    try:
        look("at the start")
        probe.take(probe.open(RICH), Side.BUY, probe.lots(BOUGHT * MICRO))
        look("after a buyer came")
        moved = [one for one in probe.oracle(probe.price + probe.price // 100) if isinstance(one, CurveMoved)]
        cost = sum(one.cost for one in moved)
        facts.append(at.fact("cost of following the oracle", cost))
        look("after the oracle rose", facts[-1].shown if moved else "")
    except Refused as refused:
        return Worked(f"No example: {refused}.")
    scene = f"Somebody buys for {units.usd(BOUGHT, at.asset)}, then the oracle rises by 1 %"
    caption = f"{scene}; the middle of the curve's quotes, and what following the oracle cost (below zero: earned):"
    return Grid(("when", "oracle", "curve", "cost"), tuple(rows), right=(1, 2, 3), facts=tuple(facts), caption=caption)


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
    start = Worked(f"At the start the pool has {fact.shown}.", (fact,))
    if isinstance(at.given, ConcentratedDesign):
        return [
            Text("Who takes liquidity out of a range gets its part of the money, of the fees and of the position."),
            Text(owed(at)),
            start,
        ]
    return [
        Text(
            "The pool belongs to who has shares of it; the venue's own capital stays for good. Who comes in pays by the highest of what "
            "it is worth at the mark, at the oracle and at the curve's own quotes, who leaves gets by the lowest."
        ),
        Text(owed(at)),
        Formula(("shares = amount x shares of the pool / max(worth at mark, at oracle, at own quotes), rounded down",)),
        start,
    ]


def owed(at: Subject) -> str:
    """What becomes of those who win against the pool, with the backstops that the design has."""
    paid = "What the pool owes those who win against it is paid as they close"
    lacking = "If both its money and its equity at the mark are below zero, the lesser lack of the two is a deficit like any other"
    if "liquidity_pool" in at.design.backstops:
        lacking += ", for which the pool itself is no payer"
    if not deleverages(at.design):
        return f"{paid}; in this design nobody is deleveraged for it. {lacking}."
    curve = at.market.curve
    most = units.percent(curve.adl_trigger_ppm) if curve.adl_trigger_ppm else "all"
    until = f" until it is {units.percent(curve.adl_target_ppm)} of what money is left" if curve.adl_trigger_ppm else ""
    return f"{paid}. Once it is more than {most} of its money, winners are deleveraged{until}. {lacking}."


# -- rules --


def constant_product(_: Subject) -> list[Block]:
    return [
        Formula(
            (
                "x, y: virtual reserves of coins and money, worth the same at the first oracle price; x * y = k",
                "a buyer of b coins pays k / (x - b) - k / x, a seller gets k / x - k / (x + b); the price is k / x^2",
            )
        ),
        Text("From then on the curve does not know the oracle: its price moves with trades alone, and arbitrage has to bring it back."),
    ]


def concentrated(_: Subject) -> list[Block]:
    return [
        Formula(
            (
                "x * y = L^2 between two edges, L: liquidity of all ranges there; a trade goes on through edges",
                "L     = amount / (sqrt(upper) - sqrt(lower)): the money behind a range is what it would hold had it sold all of its coins",
                "a buyer from price p to q pays L * (sqrt(q) - sqrt(p)) for L * (1 / sqrt(p) - 1 / sqrt(q)) coins",
            )
        ),
        Text(
            "Ranges have several owners, who hold what their range has traded and get its fees, in proportion to the money that changed "
            "hands at their liquidity. Where no range is, nothing trades, and the price jumps to the next one. The curve does not know "
            "the oracle."
        ),
    ]


def vamm_peg_k(_: Subject) -> list[Block]:
    return [
        Formula(
            (
                "price  = peg * y / x, x * y = k; quotes at price * (1 + spread of the side)",
                "peg'   = oracle * x / y with every oracle update, as far as the budget pays for the change of what all others hold",
                "cost   = (y - y once all is closed) * (peg' - peg); below zero it earns that",
                "spread = base / 2, + how far the oracle is ahead on the side that would be picked off; on the side that adds to the "
                "inventory * min(m, 1 + m * inventory / depth), m = max(10, max_spread / spread); tenfold without a budget",
            )
        ),
        Text(
            "An oracle update that repeats the price counts as well: it takes back what trades have moved. If the budget is short, the "
            "root of k goes down a little, which earns something, and all of it is used. Half of what funding brings in may deepen the "
            "curve; of what it costs, half is taken back. The budget is its fees, of which a share is never touched."
        ),
    ]


def oracle_spread(at: Subject) -> list[Block]:
    given = at.given
    assert isinstance(given, OracleSpreadDesign)
    lines: tuple[str, ...] = ("price of the next lot = oracle x (1 +- spread - skew x inventory / scale)",)
    if given.skew == "vault":
        lines = (
            "leverage l = inventory / scale, k = skew_ppm",
            "long:  ask = oracle x (1 + (1 - k l) x spread), bid = oracle x (1 - (1 + k l)^2 x spread); mirrored for a short one",
        )
    return [
        Formula((*lines, "a trade is worth the price, integrated over its lots")),
        Text(
            "The curve quotes around the oracle, lower the more it holds, and knows no price of its own: an oracle that is late is its "
            "loss."
        ),
    ]


def oracle_pool(_: Subject) -> list[Block]:
    return [
        Formula(
            (
                "value  = lots x oracle -+ impact, impact = f x |imbalance before|^e - f x |imbalance after|^e [USD]",
                "f, e   = the negative ones where the imbalance grows, the positive ones where it shrinks; both where it turns",
                "bounds = no price farther beyond the oracle than max_negative, none better by more than max_positive, and no positive "
                "impact above what the way back pays",
            )
        ),
        Text(
            "All trade at the oracle price. Who makes the pool's net position larger pays for it, who makes it smaller is paid a part "
            "of that."
        ),
    ]


def skew_fill(_: Subject) -> list[Block]:
    return [
        Formula(
            (
                "price = oracle x (1 + (skew / scale + (skew + lots) / scale) / 2)",
                "skew: longs less shorts of all others; lots > 0 buys",
            )
        ),
        Text("The mean of the prices before and after the trade: who takes the skew back is paid what others paid to make it."),
    ]


EXPLAINED: Final[Explanations] = {
    ("curve.rule", "none"): Explanation("order book", "There is no curve: all liquidity is that of resting orders.", nothing_more),
    ("curve.rule", "constant_product"): Explanation(
        "x y = k", "Virtual reserves whose product stays the same make the price.", constant_product
    ),
    ("curve.rule", "concentrated"): Explanation(
        "ranges", "Liquidity stands in ranges of prices, of several owners; within each, virtual reserves make the price.", concentrated
    ),
    ("curve.rule", "vamm_peg_k"): Explanation(
        "vAMM with a peg",
        "Virtual reserves make the price, and a peg moves it after the oracle, as far as a budget pays for that.",
        vamm_peg_k,
    ),
    ("curve.rule", "oracle_spread"): Explanation(
        "oracle +- spread", "Quotes stand around the oracle, and move with what the curve holds.", oracle_spread
    ),
    ("curve.rule", "oracle_pool"): Explanation(
        "oracle pool", "All trade at the oracle price, with an impact by the pool's imbalance.", oracle_pool
    ),
    ("curve.rule", "skew_fill"): Explanation("oracle by skew", "All trade at the oracle price times one and the skew.", skew_fill),
}
