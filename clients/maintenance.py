"""Margin that a position needs, the price at which it is liquidated, and how far from there it is. The venue's own formulas (docs/rules.md,
*Margin*), to the micro-unit and the tick, without asking the venue: tests compare the two.

Rounding: requirements up, equity down. Everything is for one position with margin of its own; what that is in cross mode is said at
`Held.margin`.
"""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from typing import Final

from msgspec import Struct

from perplab.exchange.codes import MarginMode

from . import types as t
from .units import MICRO, WIDE, Market, Number, exact, widely

MOST_TICKS: Final = (1 << 32) - 1  # a price of the venue is below 2^32 ticks
YEAR_S: Final = 365 * 86_400  # of a volatility: coins trade every day
NONE: Final = Decimal(0)
LOST: Final = Decimal("1e-12")  # [USD] more than an average price of 28 digits is wrong by, times any size


class Held(Struct, frozen=True, kw_only=True):
    """A position and the money behind it."""

    size: Decimal  # [coins] below zero: short
    entry: Decimal  # [USD] average price
    margin: Decimal  # [USD] isolated margin less what is unsettled; cross: equity less this position's profit and all others' maintenance

    @widely
    def equity(self, price: Decimal) -> Decimal:
        """[USD] at a price, rounded down to a micro-unit, once what the 28 digits of an average price have lost is mended."""
        exactly = self.margin + WIDE.multiply(self.size, WIDE.subtract(price, self.entry))
        return exactly.quantize(LOST, ROUND_HALF_EVEN, WIDE).quantize(MICRO, ROUND_FLOOR, WIDE)


class Buffer(Struct, frozen=True, kw_only=True):
    """How far a position is from liquidation."""

    equity: Decimal  # [USD] at the mark
    maintenance: Decimal  # [USD] at the mark
    spare: Decimal  # [USD] equity over maintenance; below zero: it is liquidated now
    liquidation: Decimal | None = None  # [USD] the first price at which it is; None: no price leads to it
    distance: Decimal | None = None  # [USD] from the mark to there; below zero: it is behind
    distance_ppm: Decimal | None = None  # of the mark, rounded down
    sigmas: float | None = None  # log distance / (volatility x square root of the horizon); None: no volatility was given, or no such price


@widely
def held_of(terms: Market, account: t.Account, mark: Decimal) -> Held:
    """What an account holds in a market, and the money behind it at this mark, as `account()` and `ticker()` of a client tell them.

    Raises ValueError where it holds nothing."""
    found = next((one for one in account.positions if one.market == terms.name), None)
    if found is None:
        raise ValueError(f"account {account.account} has no position in {terms.name}")
    held = Held(size=found.size, entry=found.entry_price, margin=found.isolated_margin - found.unsettled)
    if found.mode is MarginMode.CROSS:
        balance = account.balances[terms.settlement_asset]
        elsewhere = balance.maintenance_margin - maintenance(terms, abs(WIDE.multiply(found.size, mark)))
        profit = WIDE.multiply(found.size, mark) - found.entry_notional
        held = Held(size=found.size, entry=found.entry_price, margin=balance.equity - profit - elsewhere)
    return held


def up_to_micro(amount: Decimal) -> Decimal:
    """Rounded up to a micro-unit."""
    return amount.quantize(MICRO, ROUND_CEILING, WIDE)


def _by_tier(terms: Market, notional: Decimal, name: str) -> Decimal:
    """notional x rate - deduction, where the deduction makes the requirement continuous where a tier begins. [USD]"""
    if not terms.tiers:
        raise ValueError(f"the margin tiers of {terms.name} are not known")
    deduction, rate = NONE, getattr(terms.tiers[0], name)
    for tier in terms.tiers[1:]:
        if notional < tier.lower_notional:
            break
        deduction += WIDE.multiply(tier.lower_notional, getattr(tier, name) - rate)
        rate = getattr(tier, name)
    return up_to_micro(WIDE.multiply(notional, rate)) - deduction


@widely
def maintenance(terms: Market, notional: Decimal) -> Decimal:
    """Below which a position of this value is liquidated. [USD] Raises ValueError where the market's tiers are not known."""
    return _by_tier(terms, notional, "maintenance")


@widely
def initial(terms: Market, notional: Decimal, leverage: int) -> Decimal:
    """What a position of this value needs when it is opened: notional / leverage, or more where its tier says so. [USD]

    Example: 200 M USD at 40x, tiers of 2.5 % and, from 150 M on, 5 %: max(200 / 40, 200 x 5 % - 150 x 2.5 %) = 6.25 M USD.
    """
    plain = up_to_micro(WIDE.divide(notional, Decimal(leverage)))
    return max(plain, _by_tier(terms, notional, "initial")) if terms.tiers else plain


@widely
def is_liquidated(terms: Market, held: Held, price: Decimal) -> bool:
    """Is its equity at this mark below maintenance?"""
    return held.equity(price) < maintenance(terms, abs(WIDE.multiply(held.size, price)))


@widely
def liquidation_price(terms: Market, held: Held) -> Decimal | None:
    """The first price, going against the position, at which it is liquidated: for a long the highest, for a short the lowest. [USD]

    equity(p) - maintenance(p) changes in one direction only, since no rate of maintenance is above 1; so the tick is found by bisection.
    None: there is none up to the market's highest, as of a long that was bought with its own money. Raises ValueError where the market's
    tiers are not known.

    Example: 1 BTC bought at 60,000 with 6,000 of margin, maintenance 1.25 %: p - 54,000 = 0.0125 p at 54,683.54; the tick below is 54,683.
    """
    if not held.size:
        return None
    is_long = held.size > 0
    most = MOST_TICKS if terms.max_price is None else terms.whole_ticks(terms.max_price)
    last = 0 if is_long else most + 1  # where it is liquidated at the latest, if anywhere
    first = most + 1 if is_long else 0  # where it is not
    while abs(first - last) > 1:
        middle = (first + last) // 2
        if is_liquidated(terms, held, terms.price(middle)):
            last = middle
        else:
            first = middle
    return terms.price(last) if 0 < last <= most else None


def sigmas_between(price: Decimal, barrier: Decimal, volatility: float, horizon_s: float) -> float:
    """|ln(barrier / price)| in standard deviations of the log price over a horizon: volatility x sqrt(horizon / year)."""
    if volatility <= 0 or horizon_s <= 0:
        raise ValueError(f"volatility {volatility}, horizon {horizon_s} s: expected both above 0")
    return abs(math.log(barrier / price)) / (volatility * math.sqrt(horizon_s / YEAR_S))


@widely
def buffer(terms: Market, held: Held, mark: Number, volatility: float | None = None, horizon_s: float = 86_400.0) -> Buffer:
    """How far the mark [USD] is from liquidation; with a volatility (share per square root of a year) also in sigmas of the horizon.

    Example, of the position above at a mark of 60,000: 5,317 USD or 88,616 ppm to 54,683; at 80 % a year, over a day, ln(60,000 / 54,683) /
    (0.8 / sqrt(365)) = 2.22 sigmas.
    """
    at = exact(mark, "the mark")
    if at <= 0:
        raise ValueError(f"the mark is {at:f}; expected more than 0")
    equity, needed, price = held.equity(at), maintenance(terms, abs(WIDE.multiply(held.size, at))), liquidation_price(terms, held)
    if price is None:
        return Buffer(equity=equity, maintenance=needed, spare=equity - needed)
    distance = at - price if held.size > 0 else price - at
    ppm = WIDE.divide(distance * 1_000_000, at).to_integral_value("ROUND_FLOOR")
    sigmas = sigmas_between(at, price, volatility, horizon_s) if volatility is not None and distance > 0 else None
    return Buffer(
        equity=equity, maintenance=needed, spare=equity - needed, liquidation=price, distance=distance, distance_ppm=ppm, sigmas=sigmas
    )


@widely
def margin_for_distance(terms: Market, held: Held, mark: Number, distance: Number) -> Decimal:
    """How much margin [USD] has to be added for the liquidation price to be farther than `distance` (a share of the mark) from it; below
    zero: so much is not needed for that. What of it the venue lets out says `removable_margin`. With p the first price within that
    distance: maintenance(p) - equity(p). Raises ValueError.

    Example, of the position above at 60,000, wanted 20 %: at p = 48,000 it has 6,000 - 12,000 and needs 0.0125 x 48,000: 6,600 USD more.
    """
    at, share, is_long = exact(mark, "the mark"), exact(distance, "the distance"), held.size > 0
    if at <= 0 or share < 0 or (is_long and share >= 1):
        raise ValueError(f"mark {at:f}, distance {share:f}: expected a mark above 0, and a distance of 0 or more, below 1 for a long")
    wanted = WIDE.multiply(at, 1 - share if is_long else 1 + share)
    count, rest = WIDE.divmod(wanted, terms.tick)
    price = terms.price(int(count) + bool(rest and is_long))
    return maintenance(terms, abs(WIDE.multiply(held.size, price))) - held.equity(price)


@widely
def removable_margin(terms: Market, held: Held, mark: Number, leverage: int, transfer_margin: Number | None = None) -> Decimal:
    """How much of an isolated position's margin [USD] the venue lets out at a mark, if it has no open orders in the market and nothing is
    unsettled: its equity over what it needs at its leverage, and over `transfer_margin` (a share of its value; None: the venue's, as
    `client.venue.market(...)` has it); never more than its margin, nor less than 0. Raises ValueError, also where that is not told.

        min(margin, equity(mark) - max(initial(notional, leverage), notional x transfer margin))

    Example, of the position above at 61,000, at 10x: 6,000 + 1,000 - 61,000 / 10 = 900 USD; where 20 % have to stay behind, nothing.
    """
    kept = terms.transfer_margin if transfer_margin is None else transfer_margin
    if kept is None:
        raise ValueError("the transfer margin of the venue is not known: say it by transfer_margin=")
    at, share = exact(mark, "the mark"), exact(kept, "the transfer margin")
    if at <= 0 or not 0 <= share <= 1 or leverage < 1:
        raise ValueError(f"mark {at:f}, leverage {leverage}, transfer margin {share:f}: expected more than 0, 1 or more, a share of 0 to 1")
    notional = abs(WIDE.multiply(held.size, at))
    needed = max(initial(terms, notional, leverage), up_to_micro(WIDE.multiply(notional, share)))
    return max(NONE, min(held.margin, held.equity(at) - needed))
