"""How a price is made: the book, what an order may do, the oracle, and the rules of the mark."""

from __future__ import annotations

from typing import Final

from perplab.exchange.codes import Side
from perplab.exchange.design.parameters import HyperliquidMarkDesign
from perplab.exchange.events import CurveTraded, Traded
from perplab.exchange.units import MICRO, PPM, SECOND_NS

from . import units
from .document import Block, Fact, Formula, Grid, Head, Text, Worked
from .keys import KEYS, key_of, shown
from .probe import RICH, Refused
from .subject import Explanation, Explanations, Subject, keys_of, nothing_more

ORDER_KEYS: Final = (
    "tick", "lot", "max_price", "significant_figures", "minimum_notional", "price_band_ppm", "open_interest_cap", "maker_fee_ppb",
    "taker_fee_ppb", "jump_fee_deviation_ppm", "jump_fee_decay_ppm", "jump_fee_least_ppm", "settlement_asset", "payoff",
)  # fmt: skip
MARGIN_KEYS: Final = ("max_leverage", "default_leverage")  # told with the margin
SIZE: Final = 100_000  # [USD] of an example
RESTING: Final = (20_000, 50_000, 30_000)  # [USD] at one price, in the order of their coming
TAKEN: Final = 60_000  # [USD]
OFF_PPM: Final = 4_000  # how far off the oracle the book of an example is
JUMPS_PPM: Final = (0, 2_500, 5_000, 10_000, 20_000)  # of the oracle
SECONDS: Final = (0, 3, 15, 30, 60, 150, 600)  # after which the mark of an example is looked at
TWAP: Final = "average' = (price x t + average x max(0, window - t)) / (t + max(0, window - t)), t: since the last look, at most cadence_ms"
STEP_NS: Final = 3 * SECOND_NS  # between two looks at the mark after that
CALM: Final = 600  # [s] for which nothing moves before that


# -- the book --


def price(at: Subject, matching: Explanation) -> list[Block]:
    """What an order meets, who is filled first, and what the trade costs."""
    market = at.market
    rows = [
        (name, shown(key_of(type(market), name), getattr(market, name), at.asset), KEYS[type(market)][name].words) for name in ORDER_KEYS
    ]
    found = book(at, matching) if at.probe().has_book else [Text("There is no book: every order trades with the curve."), curve_trade(at)]
    jumps = [jump_fees(at)] if market.jump_fee_deviation_ppm else []
    return [*found, Head("Orders"), *jumps, Grid(("key", "value", "what it is"), tuple(rows), code=(0,))]


def book(at: Subject, matching: Explanation) -> list[Block]:
    return [
        Text(
            "A resting order waits in the order book at its price. An incoming one trades with the best price first, at the price of "
            "the resting order; what it cannot trade rests, or is cancelled if it is immediate. Every fill is checked again for the "
            "margin of both sides: a maker that fails is cancelled, a taker that fails stops."
        ),
        trade(at),
        Head("Who is filled first at one price"),
        Text(matching.summary),
        *matching.tell(at),
        shares(at),
        *keys_of(at.market.matching, at.asset),
    ]


def trade(at: Subject) -> Worked:
    """A market order against one resting order."""
    probe = at.probe()
    lots, worth = at.worth(probe, SIZE)
    maker, taker = probe.open(RICH), probe.open(RICH)
    try:
        events = [*probe.place(maker, Side.SELL, probe.price, lots), *probe.arrive(), *probe.take(taker, Side.BUY, lots)]
    except Refused as refused:
        return Worked(f"No example: {refused}.")
    fills = [one for one in events if isinstance(one, Traded)]
    if not fills:
        return Worked("No example: an order does not meet a resting one here at once.")
    taken, made = sum(one.taker_fee for one in fills), sum(one.maker_fee for one in fills)
    facts = (at.fact("taker fee", taken), at.fact("maker fee", made))
    rebate = "pays" if made >= 0 else "is paid"
    return Worked(
        f"{at.coins(lots)} {at.coin} bought at {at.price(probe.price)}, {worth} in all: the taker pays a fee of {facts[0].shown}, "
        f"the maker {rebate} {at.money(abs(made))}.",
        facts,
    )


def curve_trade(at: Subject) -> Worked:
    """A market order that meets the curve."""
    probe = at.probe()
    lots, _ = at.worth(probe, SIZE)
    try:
        fills = [one for one in probe.take(probe.open(RICH), Side.BUY, lots) if isinstance(one, CurveTraded)]
    except Refused as refused:
        return Worked(f"No example: {refused}.")
    if not fills:
        return Worked("No example: the curve offers nothing.")
    fee, value = sum(one.taker_fee for one in fills), sum(one.value for one in fills)
    facts = (at.fact("taker fee", fee), at.fact("value of the trade", value))
    bought = at.coins(sum(one.size for one in fills))
    return Worked(f"{bought} {at.coin} bought for {facts[1].shown}: the taker pays a fee of {facts[0].shown}.", facts)


def jump_fees(at: Subject) -> Block:
    """The taker's fee of an order that comes right after the oracle has moved."""
    rows, facts = [], []
    try:
        for ppm in JUMPS_PPM:
            probe = at.probe()
            taker = probe.open(RICH)
            probe.oracle(probe.price + probe.price * ppm // PPM)
            if probe.has_book:
                probe.place(probe.open(RICH), Side.SELL, probe.exchange.oracle_price(probe.number), probe.lots(SIZE * MICRO))
            fills = [one for one in probe.take(taker, Side.BUY, probe.lots(SIZE * MICRO)) if isinstance(one, Traded | CurveTraded)]
            facts.append(at.fact(f"taker fee after a move of {units.percent(ppm)}", sum(one.taker_fee for one in fills)))
            rows.append((units.percent(ppm), facts[-1].shown if fills else "-"))
    except Refused as refused:
        return Worked(f"No example: {refused}.")
    caption = (
        "On top of the taker fee comes what the oracle has just moved beyond twice jump_fee_deviation, and what is left of that from "
        f"before. An order for {units.usd(SIZE, at.asset)} that is sent right after the oracle has moved pays:"
    )
    return Grid(("the oracle moved by", "taker fee"), tuple(rows), right=(0, 1), facts=tuple(facts), caption=caption)


def shares(at: Subject) -> Block:
    """Three orders at one price, the first the smallest, and an order that takes some of them."""
    probe = at.probe()
    makers = [probe.open(RICH) for _ in RESTING]
    taker = probe.open(RICH)
    parts = [probe.lots(usd * MICRO) for usd in RESTING]
    try:
        for maker, lots in zip(makers, parts):
            probe.place(maker, Side.SELL, probe.price, lots)
            probe.arrive()
        events = probe.take(taker, Side.BUY, probe.lots(TAKEN * MICRO))
    except Refused as refused:
        return Worked(f"No example: {refused}.")
    got = [sum(one.size for one in events if isinstance(one, Traded) and one.maker == maker) for maker in makers]
    facts = tuple(Fact(f"filled of the order that came {number}.", lots, at.coins(lots)) for number, lots in enumerate(got, start=1))
    rows = tuple((f"{number}.", at.coins(lots), fact.shown) for (number, lots), fact in zip(enumerate(parts, start=1), facts))
    caption = f"Three orders rest at one price; one comes for {at.coins(probe.lots(TAKEN * MICRO))} {at.coin}:"
    return Grid(("came", "rests", "filled"), rows, right=(1, 2), facts=facts, caption=caption)


# -- the oracle --


def oracle(at: Subject) -> list[Block]:
    return [
        Text(
            "The price of the outside world comes as a command of the price feed. It is not computed by the venue; what the venue makes "
            "of it is the mark. While the oracle is stale no funding is sampled, and the averages of a mark only grow older."
        ),
        *keys_of(at.market.oracle, at.asset),
    ]


# -- marks --


def oracle_mark(_: Subject) -> list[Block]:
    return [Formula(("mark = oracle",))]


def hyperliquid_mark(at: Subject) -> list[Block]:
    given = at.given
    assert isinstance(given, HyperliquidMarkDesign)
    third = {
        "perpetuals": "the median of outside perpetuals if the feed brings one, else the average of local over local_window_ms",
        "funding": "oracle x (1 + the funding rate by the samples so far x the part of the interval that is left)",
    }
    return [
        Formula(
            (
                "mark  = median(fair, local, third), rounded down to a tick",
                "fair  = oracle + average over basis_window_ms of (mid - oracle)",
                "local = median(bid, ask, last trade); the mean of bid and ask without a recent trade",
                f"third = {third[given.third]}",
                "average' = average + (sample - average) x t / (weight x e^(-t / window) + t), t: time since the last sample",
            )
        ),
        Text(
            "Bid and ask are the average prices at which `impact_notional` could be traded, so that one small order is no price. Where "
            "a side is too thin, or too far from the oracle, the oracle stands for the book's price: in an empty market the mark is the "
            "oracle. In a halt it is the oracle, too."
        ),
    ]


def curve_mark(_: Subject) -> list[Block]:
    return [Formula(("mark = the middle of the curve's quotes, rounded down to a tick; until it has one, and in a halt, the oracle",))]


def curve_twap_mark(_: Subject) -> list[Block]:
    return [
        Formula(("mark = average of the middle of the curve's quotes over window_ms", TWAP, "until it has one, and in a halt: the oracle"))
    ]


def curve_median_mark(_: Subject) -> list[Block]:
    return [
        Formula(
            (
                "mark  = median(short, long, third)",
                "short, long = averages of the middle of the curve's quotes over short_window_ms and long_window_ms",
                "third = oracle + average over premium_window_ms of (curve - oracle)",
                TWAP,
                "until the curve has a price, and in a halt: the oracle",
            )
        )
    ]


def mark(at: Subject, told: Explanation) -> list[Block]:
    """A mark rule, with what it makes of an oracle and a book that disagree."""
    cadence = at.market.mark.cadence_ms
    when = "with every oracle update" + (f", and every {units.milliseconds(cadence)} besides" if cadence else "")
    return [
        Text(
            f"{told.summary} The mark is what positions are valued at. It is computed {when}; when it has moved, a liquidation pass "
            "follows at once."
        ),
        *told.tell(at),
        mark_example(at),
    ]


def mark_example(at: Subject) -> Block:
    """The mark by time, once the book and once the oracle have moved away from each other, after both had been the same for long."""
    try:
        left = marks(at, moves_book=True)
        right = marks(at, moves_book=False)
    except Refused as refused:
        return Worked(f"No example: {refused}.")
    price = at.probe().price
    moved = price + price * OFF_PPM // PPM
    what_moves = "book" if at.probe().has_book else "curve"
    calm = f"Oracle and {what_moves} have been at {at.price(price)} for {CALM} s."
    facts = [
        at.price_fact(f"mark {seconds} s after {what} moved", ticks)
        for what, found in (("the book", left), ("the oracle", right))
        for seconds, ticks in found
    ]
    rows = [(f"{seconds} s", at.price(mark), at.price(other)) for (seconds, mark), (_, other) in zip(left, right)]
    return Grid(
        ("after", f"the {what_moves} moved", "the oracle moved"),
        tuple(rows),
        right=(0, 1, 2),
        facts=tuple(facts),
        caption=f"{calm} Then one of them goes to {at.price(moved)} and the other stays; the mark:",
    )


def marks(at: Subject, moves_book: bool) -> list[tuple[int, int]]:
    """(seconds, mark) after one of both has moved. Raises Refused."""
    probe = at.probe()
    moved = probe.price + probe.price * OFF_PPM // PPM
    probe.lift(probe.price)
    probe.wait(CALM * SECOND_NS, probe.fresh_step())
    if moves_book:
        probe.lift(moved)
    price = probe.price if moves_book else moved
    began, found = probe.now, []
    for seconds in SECONDS:
        while probe.now < began + seconds * SECOND_NS:
            probe.now = min(began + seconds * SECOND_NS, probe.now + min(probe.fresh_step(), STEP_NS))
            probe.oracle(price)
        if not seconds:
            probe.oracle(price)
        found.append((seconds, int(probe.exchange.mark_price(probe.number))))
    return found


def pro_rata(_: Subject) -> list[Block]:
    return [Formula(("share = incoming lots x size / sizes of all at that price, rounded down; what is left over goes by time",))]


EXPLAINED: Final[Explanations] = {
    ("mark.rule", "oracle"): Explanation("oracle", "The mark is the oracle price.", oracle_mark),
    ("mark.rule", "hyperliquid"): Explanation(
        "median of 3",
        "The mark is the median of three: the oracle plus what the book is off it on average, the book's own price, and an outside or "
        "averaged one.",
        hyperliquid_mark,
    ),
    ("mark.rule", "curve"): Explanation("curve", "The mark is the middle of the curve's quotes.", curve_mark),
    ("mark.rule", "curve_twap"): Explanation(
        "curve, averaged", "The mark is a time-weighted average of the curve's price.", curve_twap_mark
    ),
    ("mark.rule", "curve_median"): Explanation(
        "median of averages",
        "The mark is the median of a short and a long average of the curve's price, and of the oracle plus the curve's average premium.",
        curve_median_mark,
    ),
    ("matching.rule", "price_time"): Explanation("price-time", "Best price first; at one price, who came first.", nothing_more),
    ("matching.rule", "pro_rata"): Explanation(
        "pro rata", "Best price first; at one price all orders share what comes, in proportion to their sizes.", pro_rata
    ),
    ("matching.rule", "top_pro_rata"): Explanation(
        "top, then pro rata",
        "Best price first; at one price the order that first came to it is filled first, then all others in proportion to their sizes.",
        pro_rata,
    ),
}
