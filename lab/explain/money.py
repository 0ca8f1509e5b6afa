"""What is paid and what is required: the rules of funding, and the margin of a position."""

from __future__ import annotations

from typing import Final

from perplab.exchange.codes import Side
from perplab.exchange.design.build import funding_rule
from perplab.exchange.design.parameters_funding import SkewDesign, TwapDesign, VelocityDesign
from perplab.exchange.events import FundingCharged
from perplab.exchange.messages import SetLeverage
from perplab.exchange.money.margin import initial_of, maintenance_of
from perplab.exchange.rules import Market
from perplab.exchange.trading.twap import FINE
from perplab.exchange.units import MICRO, MS_NS, PPM

from . import units
from .document import Block, Fact, Formula, Grid, Text, Worked
from .keys import KEYS, key_of, shown
from .probe import RICH, Probe, Refused
from .subject import Explanation, Explanations, Subject

SIZE: Final = 100_000  # [USD] of an example
PREMIUMS_PPM: Final = (-10_000, -1_000, 0, 500, 1_000, 10_000, 50_000)
PPT_PER_PPM: Final = 1_000_000
INTERVALS: Final = (1, 2, 4, 8)  # after which a skew is looked at
RECEIPT: Final = "paid = by the larger side; the smaller one gets all of it in proportion to its lots, and the pool has no part in it"
BORROW: Final = (
    "borrowing = factor x reserved^e / pool (`curve`), or factor x usage, and steeper beyond optimal_ppm up to above (`kink`); both "
    "sides pay it to the pool, or the larger one alone if the smaller is free",
)
BOOK_OFF_PPM: Final = 2_000  # how far above the oracle the book of an example is
NOTIONALS: Final = (10_000, 100_000, 1_000_000)  # [USD]

# -- funding --


def funding(at: Subject, told: Explanation) -> list[Block]:
    """A funding rule: which rate it makes of a premium, and what is paid."""
    terms = at.market.funding
    each = "with every sample, for its own time" if terms.payment == "continuous" else f"every {units.milliseconds(terms.interval_ms)}"
    return [
        Text(
            f"{told.summary} Longs pay it to shorts, or get it if it is below zero, {each}; a rate is for "
            f"{units.milliseconds(terms.interval_ms)}. Nobody is charged for time in which he could not trade: in a halt, and on a stale "
            "oracle, nothing is sampled."
        ),
        *told.tell(at),
        *([] if isinstance(at.given, SkewDesign | VelocityDesign) else [rates(at)]),
        payment(at),
    ]


def premium_funding(_: Subject) -> list[Block]:
    return [
        Formula(
            (
                "premium = (max(0, impact bid - oracle) - max(0, oracle - impact ask)) / oracle, every sample_interval_ms",
                "rate    = clamp((P + clamp(interest - P, +-clamp)) / divisor, +-cap), P: mean of the interval's premiums",
                "payment = rate x price x lots, times the share of the interval in which samples were taken",
            )
        ),
        Text(
            "An impact price is the average at which `impact_notional` could be traded: the impact bid is what a seller would get. A "
            "side that is too thin for that counts as no premium. While the premium is within the clamp of the interest, the rate is "
            "the interest alone."
        ),
    ]


def twap_difference(at: Subject) -> list[Block]:
    given = at.given
    assert isinstance(given, TwapDesign)
    what = "curve's price" if given.of == "curve" else "mark"
    more: list[Block] = []
    if given.pool_cap_ppm:
        more.append(
            Text(
                f"Where the curve's own position would pay more than {units.percent(given.pool_cap_ppm)} of its fee pool in an interval, "
                "those who receive get less, so that it pays just that; those who pay, pay all."
            )
        )
    return [
        Formula(
            (
                f"spread  = average of the {what} - average of the oracle, + oracle average / offset_divisor, within +- oracle average / "
                "limit_divisor",
                "rate    = spread / oracle x interval_ms / period_ms",
                "payment = rate x oracle x lots",
            )
        ),
        Text(
            "A payment is for the averages as they are then, not for the mean of samples. The curve pays and receives for its own position."
        ),
        *more,
    ]


def traded_premium(_: Subject) -> list[Block]:
    return [
        Formula(
            (
                "premium = (volume-weighted price of what was traded since the sample before - mark) / mark",
                "P       = mean of these, each weighted with the time since the trade before; 0 without any trade",
                "rate    = clamp(P / divisor + interest, +-cap)",
            )
        ),
    ]


def velocity(at: Subject) -> list[Block]:
    return [
        Formula(
            (
                "rate' = rate + clamp(skew / skew_scale, +-1) x velocity x t, skew: longs less shorts of all but the curve",
                "paid  = mean of the rate before and after, for the time between",
            )
        ),
        Text("The rate follows the imbalance and not the price, and moves for as long as there is one. The curve is a party like others."),
        skewed(at),
    ]


def static_skew(at: Subject) -> list[Block]:
    return [
        Formula(("rate per day = factor x |L - S|^e / (L + S), within +-cap; 0 while a side is empty", RECEIPT, *BORROW)),
        skewed(at),
    ]


def adaptive_skew(at: Subject) -> list[Block]:
    return [
        Formula(
            (
                "ratio = |L - S|^e / (L + S)",
                "rate' = rate + ratio x increase x t towards the skew while ratio > stable_ppm; up to that it stands still, below "
                "decrease_ppm it falls by decrease x t; charged between least and most",
                RECEIPT,
                *BORROW,
            )
        ),
        skewed(at),
    ]


def skewed(at: Subject) -> Block:
    """What is charged while traders are more long than short, by time."""
    probe = at.probe()
    interval = at.market.funding.interval_ms
    rows, facts = [], []
    try:
        buyer, seller, holder = probe.open(RICH), probe.open(RICH), probe.open(RICH)
        probe.take(buyer, Side.BUY, probe.lots(SIZE * MICRO))
        probe.block(holder, seller, probe.lots(SIZE // 2 * MICRO))
        held = [int(probe.exchange.position(one, at.number).size) for one in (buyer, seller)]
        for number in range(1, max(INTERVALS) + 1):
            owed = [settled(probe, one) for one in (buyer, seller)]
            events = probe.wait(interval * MS_NS, probe.fresh_step())
            if number in INTERVALS:
                rates = [one.rate_ppt for one in events if isinstance(one, FundingCharged) and one.market == at.number]
                pays = [settled(probe, one) - before for one, before in zip((buyer, seller), owed)]
                told = units.milliseconds(number * interval)
                facts += [Fact(f"rate of a skew after {told}", rates[-1] if rates else 0, units.rate(rates[-1] if rates else 0))]
                facts += [at.fact(f"{who} pays in the interval up to {told}", paid) for who, paid in zip(("the long", "the short"), pays)]
                rows.append((told, *(fact.shown for fact in facts[-3:])))
    except Refused as refused:
        return Worked(f"No example: {refused}.")
    sample = units.milliseconds(at.market.funding.sample_interval_ms)
    mean = f", the mean of what it was {sample} before and then" if isinstance(at.given, VelocityDesign) else ""
    caption = (
        f"Somebody has bought {at.coins(held[0])} {at.coin} from the curve; two others hold {at.coins(-held[1])} {at.coin} long and "
        "short against each other. What the first and the last of them pay in an interval; below zero they receive. The rate is that of "
        f"the interval's last charge{mean}:"
    )
    return Grid(("after", "rate", "the long pays", "the short pays"), tuple(rows), right=(0, 1, 2, 3), facts=tuple(facts), caption=caption)


def settled(probe: Probe, account: int) -> int:
    """[micro] that the position owes and has not paid yet: nothing touches it in the example."""
    return int(probe.exchange.position(account, probe.number).unsettled)


def rates(at: Subject) -> Grid:
    """What the rule makes of a premium, as a payment does: what is paid for is asked first, then the rate of that."""
    rule = funding_rule(at.market)
    rows, facts = [], []
    for ppm in PREMIUMS_PPM:
        record = stands_off(at.probe(), ppm)
        rate = int(rule.rate(rule.paid(record, ppm * PPT_PER_PPM)))
        facts.append(Fact(f"rate at a premium of {units.percent(ppm)}", rate, units.rate(rate)))
        rows.append((units.percent(ppm), units.rate(rate)))
    interval = units.milliseconds(at.market.funding.interval_ms)
    premium = "averages apart" if isinstance(at.given, TwapDesign) else "mean premium"
    return Grid((premium, f"rate per {interval}"), tuple(rows), right=(0, 1), facts=tuple(facts))


def stands_off(probe: Probe, ppm: int) -> Market:
    """A market of which all that funding rules keep of an interval says that it stood this far above the oracle."""
    record = probe.record
    kept, oracle = record.averages, int(record.oracle) << int(FINE)
    kept.oracle_twap, kept.market_twap = oracle, oracle + oracle * ppm // PPM
    kept.premium_sum, kept.premium_weight = ppm * PPT_PER_PPM, 1
    return record


def payment(at: Subject) -> Worked:
    """What a long pays over one interval in which the book is above the oracle."""
    probe = at.probe()
    long, short = probe.open(RICH), probe.open(RICH)
    lots, worth = at.worth(probe, SIZE)
    middle = probe.price + probe.price * BOOK_OFF_PPM // PPM
    by_curve = not probe.has_book or goes_by_curve(at)
    try:
        probe.lift(middle + max(1, probe.price // 10_000), by_curve)
        probe.block(long, short, lots)
        mark, bought_to = probe.exchange.mark_price(probe.number), int(probe.exchange.curve_price(probe.number)) if by_curve else 0
        before = probe.exchange.equity(long, probe.asset)
        events = probe.wait(at.market.funding.interval_ms * MS_NS, probe.fresh_step())
    except Refused as refused:
        return Worked(f"No example: {refused}.")
    charged = [one for one in events if isinstance(one, FundingCharged) and one.market == probe.number]
    moved = probe.value(lots, probe.exchange.mark_price(probe.number)) - probe.value(lots, mark)
    paid = before + moved - probe.exchange.equity(long, probe.asset)
    found = [one.rate_ppt for one in charged] or [0]
    mean = sum(found) // len(found)
    facts = (Fact("rate of the example", mean, units.rate(mean)), at.fact("payment of the example", paid))
    rate = f"The rate is {facts[0].shown}"
    if min(found) != max(found):
        first, last = units.rate(found[0]), units.rate(found[-1])
        rate = f"The rate goes from {first} at its first charge to {last} at its last, {facts[0].shown} on average"
    told = "pays" if paid >= 0 else "gets"
    off = f"{units.percent(BOOK_OFF_PPM)} above the oracle, at {at.price(middle)}"
    scene = f"For an interval the best bid is {off}."
    if by_curve:
        left = int(probe.exchange.curve_price(probe.number))
        stays = "stays there" if left == bought_to else f"follows the oracle to {at.price(left)}"
        scene = f"The curve is bought until a lot costs just over {off}, and left alone for an interval, in which it {stays}."
    borrowed = ", for borrowing from the pool as well" if isinstance(at.given, SkewDesign) and at.given.borrowing != "none" else ""
    return Worked(
        f"{scene} {rate}: a long of {at.coins(lots)} {at.coin}, worth {worth} at the oracle, {told} {at.money(abs(paid))}{borrowed}.",
        facts,
    )


def goes_by_curve(at: Subject) -> bool:
    """Is it the curve's price, and not the book's, that makes the rate?"""
    return isinstance(at.given, TwapDesign) and at.given.of == "curve" and at.market.curve.rule != "none"


# -- margin --


def margin(at: Subject) -> list[Block]:
    """Tiers, what positions of several sizes need, and where they are liquidated."""
    market = at.market
    named = tuple(
        (name, shown(key_of(type(table), name), getattr(table, name), at.asset), KEYS[type(table)][name].words)
        for table, name in ((market, "max_leverage"), (market, "default_leverage"), (at.design, "transfer_margin_ppm"))
    )
    return [
        Text(
            "The equity of an account is its cash plus the profit of its positions at the mark, less the funding and the shared losses "
            "that they owe. To open, equity must cover the initial requirement of all positions and open orders; below maintenance the "
            "account is liquidated. An isolated position has a margin of its own, and stands for itself."
        ),
        Formula(
            (
                "initial     = max(notional / leverage, notional x initial rate - deduction)",
                "maintenance = notional x maintenance rate - deduction",
                "deduction   = deduction of the tier before + lower notional x (rate - rate of the tier before)",
                "liquidated when cash + lots x (mark - entry) - owed < maintenance",
            )
        ),
        tiers(at),
        requirements(at),
        thresholds(at),
        Grid(("key", "value", "what it is"), named, code=(0,)),
    ]


def tiers(at: Subject) -> Grid:
    rows = tuple(
        (units.usd(one.lower_notional, at.asset), units.percent(one.initial_margin_ppm), units.percent(one.maintenance_margin_ppm))
        for one in at.market.tiers
    )
    return Grid(("from a notional of", "initial rate", "maintenance rate"), rows, right=(0, 1, 2))


def requirements(at: Subject) -> Grid:
    """By the core's own functions, at the highest leverage."""
    probe = at.probe()
    bounds = [tier.lower_notional for tier in at.market.tiers[1:]]
    rows, facts = [], []
    for notional in sorted({*NOTIONALS, *bounds, *(2 * bound for bound in bounds)}):
        initial = int(initial_of(probe.record, notional * MICRO, at.market.max_leverage))
        maintenance = int(maintenance_of(probe.record, notional * MICRO))
        told = units.usd(notional, at.asset)
        facts += [at.fact(f"initial margin of {told}", initial), at.fact(f"maintenance margin of {told}", maintenance)]
        rows.append((told, facts[-2].shown, facts[-1].shown))
    leverage = f"{at.market.max_leverage}x"
    return Grid(("notional", f"initial at {leverage}", "maintenance"), tuple(rows), right=(0, 1, 2), facts=tuple(facts))


def thresholds(at: Subject) -> Block:
    """Where positions with exactly their initial margin are liquidated, and where nothing is left of it."""
    try:
        return threshold_grid(at)
    except Refused as refused:
        return Worked(f"No example: {refused}.")


def threshold_grid(at: Subject) -> Grid:
    rows, facts = [], []
    price = int(at.probe().exchange.mark_price(at.number))
    for leverage in sorted({at.market.max_leverage, max(1, at.market.max_leverage // 4)}, reverse=True):
        for side, name in ((Side.BUY, "long"), (Side.SELL, "short")):
            probe, account = levered(at, leverage, side)
            liquidated = int(probe.exchange.liquidation_price(account, at.number))
            bankrupt = int(probe.exchange.bankruptcy_price(account, at.number))
            facts.append(threshold_fact(at, f"liquidation price of a {name} at {leverage}x", liquidated))
            facts.append(threshold_fact(at, f"bankruptcy price of a {name} at {leverage}x", bankrupt))
            rows.append((f"{name}, {leverage}x", facts[-2].shown, facts[-1].shown))
    return Grid(
        ("position", "liquidated from", "bankrupt from"),
        tuple(rows),
        right=(1, 2),
        facts=tuple(facts),
        caption=f"Opened at {at.price(price)}, worth {at.worth(at.probe(), SIZE)[1]}, with nothing behind it but its initial margin:",
    )


def threshold_fact(at: Subject, name: str, ticks: int) -> Fact:
    """0 stands for a price that does not come."""
    return at.price_fact(name, ticks) if ticks else Fact(name, 0, "never")


def levered(at: Subject, leverage: int, side: int, size: int = SIZE) -> tuple[Probe, int]:
    """A venue with one account that has a position and exactly the initial margin of it; the other side is rich. Raises Refused."""
    probe = at.probe()
    lots, _ = at.worth(probe, size)
    account = probe.open(int(initial_of(probe.record, probe.value(lots), leverage)))
    other = probe.open(RICH)
    probe.send(SetLeverage(probe.now, account, at.number, leverage))
    probe.block(*((account, other) if side == Side.BUY else (other, account)), lots)
    return probe, account


EXPLAINED: Final[Explanations] = {
    ("funding.rule", "twap_difference"): Explanation(
        "averages apart", "Funding pays a part of what an average of the market's price is above an average of the oracle.", twap_difference
    ),
    ("funding.rule", "traded_premium"): Explanation(
        "traded premium", "Funding follows the prices at which was traded, against the mark.", traded_premium
    ),
    ("funding.rule", "velocity"): Explanation(
        "velocity of skew", "An imbalance of longs and shorts moves the rate, for as long as it lasts.", velocity
    ),
    ("funding.rule", "static_skew"): Explanation("skew", "The larger side pays the smaller one, by how much larger it is.", static_skew),
    ("funding.rule", "adaptive_skew"): Explanation(
        "adaptive skew", "The larger side pays the smaller one, at a rate that grows while the imbalance is large.", adaptive_skew
    ),
    ("funding.rule", "premium"): Explanation(
        "premium",
        "Funding pulls the price of the book to the oracle: the rate follows the mean premium of the book over the oracle, drawn "
        "towards an interest rate.",
        premium_funding,
    ),
}
