"""concentrated: ranges of prices with liquidity of several owners (Uniswap v3; Perpetual Protocol v2 "Curie").

Between two edges the curve is x * y = L^2 on virtual reserves, L being the liquidity of all ranges there; a trade goes on through edges,
and jumps where there is no liquidity. Ranges, edges and what each range has traded are in state/ranges.py. Fees are earned by the liquidity
that was traded with, in proportion to the money that changed hands at it; what cannot be split is carried to the next fee.

The money behind a range is what it would hold if it had sold all of its base: L (sqrt upper - sqrt lower). So its position is never worth
more than it has paid in, and liquidity does not depend on a price that somebody could move before he adds some.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from ..money.payoff import lot_value
from ..schema.kinds import BUY
from ..state.market import Market
from ..state.pools import Pool
from ..state.ranges import (
    FINE_SHIFT,
    MOST_LIQUIDITY,
    MOST_RANGES,
    ONE,
    ROOT_SHIFT,
    Edge,
    Range,
    Ranges,
    base_between,
)
from ..state.types import CURVE, MAX_LOTS, PPM
from .curve import Curve, ceil_div, tick_of
from .powers import root_floor

LEAST_BASE: Final[int] = 1 << 32  # [2^-64 lots] in a range, and between two edges: less could not be told from nothing

# -- formulas ---------------------------------------------------------------------------------------------------------------------


def root_of(price: int, one: int = 1 << ROOT_SHIFT) -> int:
    """sqrt(price) in 1 / `one`, rounded down."""
    return root_floor(price * one * one, 2)


def liquidity_of(amount: int, low: int, high: int, one: int = 1 << ROOT_SHIFT) -> int:
    """L that `amount` of quote stands for: amount / (sqrt upper - sqrt lower), rounded down; roots are in 1 / `one`."""
    return amount * one // (high - low)


# -- the rule ---------------------------------------------------------------------------------------------------------------------


class Left:
    """What a range hands to its owner when he takes liquidity out."""

    def __init__(self, lots: i64, cost: int, fees: int) -> None:
        self.lots: i64 = lots  # signed
        self.cost: int = cost  # [micro] what they have cost, net; negative where they were sold
        self.fees: int = fees  # [micro]


class Concentrated(Curve):
    """Ranges of several owners; the venue's own, if it has one, is opened around the first oracle price."""

    def __init__(self, amount: i64, lower_ppm: i64, upper_ppm: i64) -> None:
        self.amount: i64 = amount  # [micro] behind the venue's own range; 0: it has none
        self.lower_ppm: i64 = lower_ppm  # of the first oracle price
        self.upper_ppm: i64 = upper_ppm

    def start(self, market: Market, pool: Pool) -> None:
        """A range is at least a tick wide, and there is none where the amount is too little for one."""
        lower = max(1, market.oracle * self.lower_ppm // PPM)  # < 2^32 x 2^30
        upper = min(market.max_price, max(lower + 1, market.oracle * self.upper_ppm // PPM))
        if self.can_add(pool, self.liquidity(market, lower, upper, self.amount)):
            self.add_range(market, pool, CURVE, lower, upper, self.amount, market.oracle_ts)

    def room(self, market: Market, pool: Pool, inventory: i64, side: i64) -> i64:
        it = pool.ranges
        left = it.base_left(int(inventory))
        room = left if side == BUY else it.base_in_all() - left
        return min(int(MAX_LOTS), max(0, room >> FINE_SHIFT))

    def value(self, market: Market, pool: Pool, inventory: i64, side: i64, lots: i64) -> int:
        if lots > self.room(market, pool, inventory, side):
            return 0
        moved = moved_quote(pool.ranges, int(inventory), int(inventory - lots if side == BUY else inventory + lots))
        return -(moved[0] // (moved[1] << ROOT_SHIFT)) if side == BUY else moved[0] // (moved[1] << ROOT_SHIFT)

    def lots_to(self, market: Market, pool: Pool, inventory: i64, side: i64, price: i64, most: i64) -> i64:
        """As the base has it, but straight from the root of the price: the last lot that ends there, or the next one."""
        high = min(int(most), int(self.room(market, pool, inventory, side)))
        if high <= 0:
            return 0
        it = pool.ranges
        passed = it.base_left(int(inventory)) - it.base_above(root_of(int(lot_value(market, price))))
        lots = (passed if side == BUY else -passed) >> FINE_SHIFT
        found = max(0, min(high, lots + 1))
        while found > 0 and not self.reaches(market, pool, inventory, side, price, found):
            found -= 1  # once, or twice where roots are rounded
        return found

    def traded(self, market: Market, pool: Pool, inventory: i64, side: i64, lots: i64, value: int) -> None:
        """Also of what is no trade, but changes what the curve holds: its ranges have bought or sold it at that value."""
        it = pool.ranges
        it.before = inventory
        it.lots = inventory - lots if side == BUY else inventory + lots
        it.cost += -value if side == BUY else value

    def earned(self, market: Market, pool: Pool, amount: i64) -> None:
        """Of the trade that has just been: to the liquidity on the way, by the quote that moved there."""
        it = pool.ranges
        it.fees += int(amount)
        it.carry += int(amount) << FINE_SHIFT
        shares = quote_by_edge(it, it.root(it.before), it.root(it.lots))
        total: int = 0
        for share in shares:
            total += share
        if total == 0:
            return
        fees = it.carry
        for edge, share in zip(it.edges, shares):
            if share > 0:
                growth = fees * share // (total * edge.liquidity)
                edge.growth += growth
                it.carry -= growth * edge.liquidity

    def fee_pool(self, market: Market, pool: Pool) -> int:
        return pool.ranges.fees - pool.ranges.paid

    def middle(self, market: Market, pool: Pool, inventory: i64) -> i64:
        it = pool.ranges
        if len(it.edges) == 0:
            return 0
        above = price_root(it, market, int(inventory)) + 1  # roots are rounded down, so that of a whole price is just below it
        return tick_of(market, above * above - 1, 1 << 2 * ROOT_SHIFT)

    # -- liquidity ---------------------------------------------------------------------------------------------------------------------

    def liquidity(self, market: Market, lower: i64, upper: i64, amount: i64) -> int:
        """The liquidity of a range [lower, upper) in ticks with `amount` [micro] behind it; 0: too little, or no such range."""
        if not 0 < lower < upper <= market.max_price:
            return 0
        low, high = root_of(int(lot_value(market, lower))), root_of(int(lot_value(market, upper)))
        liquidity = liquidity_of(int(amount), low, high)
        return liquidity if base_between(liquidity, low, high) >= LEAST_BASE else 0

    def can_add(self, pool: Pool, liquidity: int) -> bool:
        """Is there a place for one more range?"""
        total = liquidity
        for one in pool.ranges.ranges:
            total += one.liquidity
        return liquidity > 0 and total <= MOST_LIQUIDITY and len(pool.ranges.ranges) < MOST_RANGES

    def add_range(self, market: Market, pool: Pool, owner: i64, lower: i64, upper: i64, amount: i64, now: i64) -> Range:
        """A new range of `owner`; the price stays where it is, or is the oracle's where there is no other range at it."""
        it = pool.ranges
        liquidity = self.liquidity(market, lower, upper, amount)
        assert self.can_add(pool, liquidity), "a range is asked for before it is added"
        it.last += 1
        one = Range(it.last)
        one.owner = owner
        one.lower = lower
        one.upper = upper
        one.low = root_of(int(lot_value(market, lower)))
        one.high = root_of(int(lot_value(market, upper)))
        one.liquidity = liquidity
        one.amount = amount
        one.opened = now
        root = price_root(it, market, int(it.lots)) if len(it.edges) > 0 else root_of(int(lot_value(market, market.oracle)))
        settle(it, root)
        insert_edge(it, one.low)
        insert_edge(it, one.high)
        it.ranges.append(one)
        one.base = one.base_at(root)
        one.quote = one.quote_at(root)
        one.growth = it.growth_inside(one.low, one.high)
        place_price(it, root)
        it.before = it.lots
        return one

    def position(self, pool: Pool, number: i64) -> tuple[int, int]:
        """(lots, cost): what a range has bought since it was opened, less what it has sold, and the money that it has paid for it, net.

        Those of all ranges add up to the curve's inventory, and to what its trades have cost it.
        """
        lots, costs = pool.ranges.traded_by_all()
        for place, one in enumerate(pool.ranges.ranges):
            if one.number == number:
                return lots[place], costs[place]
        raise AssertionError("a range is asked for by its number")

    def remove(self, market: Market, pool: Pool, number: i64, liquidity: int) -> Left:
        """Take liquidity out of a range, all of it or less, with its share of what the range has traded, and all of its fees.

        The caller hands position and money over, and takes what part of `amount` he pays out off the range if it is still there.
        """
        it = pool.ranges
        one = it.find(number)
        assert one is not None and 0 < liquidity <= one.liquidity, "liquidity is counted before it is removed"
        root = price_root(it, market, int(it.lots))
        settle(it, root)
        fees = pay_fees(it, one)
        mark = int(lot_value(market, market.mark))
        if liquidity == one.liquidity:
            position = self.position(pool, number)
            cost = position[1]
            if len(it.ranges) > 1:  # rounded against who leaves; of the last one all that there is
                part = (position[0] << FINE_SHIFT) - one.lots_at(root)
                cost = max(cost, ceil_div(one.cost_at(root) + part_cost(part, root, mark), ONE))
            left = Left(position[0], cost, fees)
            hand_rest(it, one, left, root)
            it.ranges.remove(one)
        else:
            left = split_off(one, liquidity, fees, root, mark)
        it.lots -= left.lots
        it.before = it.lots
        it.cost -= left.cost
        drop_edges(it)
        place_price(it, root)
        return left


def moved_quote(it: Ranges, before: int, after: int) -> tuple[int, int]:
    """[2^-96 micro] that a trade takes out of the ranges (negative: puts in), as an exact ratio, for inventories before and after."""
    first, last = it.quote_above(before), it.quote_above(after)
    return last[0] * first[1] - first[0] * last[1], first[1] * last[1]


def price_root(it: Ranges, market: Market, inventory: int) -> int:
    """Of the price; where no liquidity is, as near to the oracle's as it may be."""
    span = it.span(inventory)
    return min(span[1], max(span[0], root_of(int(lot_value(market, market.oracle)))))


def quote_by_edge(it: Ranges, first: int, last: int) -> list[int]:
    """[2^-96 micro] of quote between two prices, by the edge that it lies above. Of one price: all that is there."""
    low, high = min(first, last), max(first, last)
    shares: list[int] = []
    for place, edge in enumerate(it.edges):
        top = it.edges[place + 1].root if place + 1 < len(it.edges) else edge.root
        if low == high:
            shares.append(edge.liquidity if edge.root <= low < top else 0)
        else:
            shares.append(edge.liquidity * max(0, min(high, top) - max(low, edge.root)))
    return shares


def settle(it: Ranges, root: int) -> None:
    """What trades have brought by rounding goes to the ranges that there are, by their liquidity, before others come or some of them go."""
    if len(it.ranges) == 0:
        return
    lots: int = -(int(it.lots) << FINE_SHIFT)
    cost: int = -(it.cost << FINE_SHIFT)
    liquidity: int = 0
    for one in it.ranges:
        lots += one.lots_at(root)
        cost += one.cost_at(root)
        liquidity += one.liquidity
    left = cost
    for one in it.ranges:
        share = cost * one.liquidity // liquidity
        one.cost -= share
        left -= share
    first = it.ranges[0]
    first.lots -= lots  # some 2^-64 lots
    first.cost -= left


def pay_fees(it: Ranges, one: Range) -> int:
    """[micro] of the fees that a range has earned, whole; the rest of a micro-unit is carried."""
    due = it.fees_due(one)
    fees = due >> FINE_SHIFT
    it.carry += due & (ONE - 1)
    it.paid += fees
    one.growth = it.growth_inside(one.low, one.high)
    return fees


def hand_rest(it: Ranges, one: Range, left: Left, root: int) -> None:
    """A range goes with whole lots and micro-units: the part of them that it had more, or less, is now that of the first other one."""
    for other in it.ranges:
        if other is not one:
            other.lots += one.lots_at(root) - (int(left.lots) << FINE_SHIFT)
            other.cost += one.cost_at(root) - (left.cost << FINE_SHIFT)
            return


def part_cost(part: int, root: int, mark: int) -> int:
    """[2^-64 micro] What a part of a lot [2^-64] costs who takes it, at the price or at the mark, whichever is worse for him: whoever has
    moved the price may not be paid for it."""
    return max(part * root * root >> 2 * ROOT_SHIFT, part * mark)


def split_off(one: Range, liquidity: int, fees: int, root: int, mark: int) -> Left:
    """A part of a range, with whole lots, rounded towards 0, and what they have cost, rounded against whoever takes them."""
    lots, cost = one.lots_at(root), one.cost_at(root)
    whole = one.liquidity
    part = abs(lots) * liquidity // whole >> FINE_SHIFT
    taken = part if lots >= 0 else -part
    owed = cost * liquidity // whole + part_cost((taken << FINE_SHIFT) - lots * liquidity // whole, root, mark)
    left = Left(taken, ceil_div(owed, ONE), fees)
    one.liquidity -= liquidity
    one.lots = lots - (taken << FINE_SHIFT)
    one.cost = cost - (left.cost << FINE_SHIFT)
    one.base = one.base_at(root)
    one.quote = one.quote_at(root)
    return left


def insert_edge(it: Ranges, root: int) -> None:
    """An edge where there may be none yet: the fees so far stay with the part below it, which every range had that has the part above."""
    place = 0
    while place < len(it.edges) and it.edges[place].root < root:
        place += 1
    if place == len(it.edges) or it.edges[place].root != root:
        it.edges.insert(place, Edge(root))


def drop_edges(it: Ranges) -> None:
    """Edges of no range go; the fees above one are then those above the edge before it, which the same ranges had."""
    used: set[int] = set()
    for one in it.ranges:
        used.add(one.low)
        used.add(one.high)
    kept: list[Edge] = []
    for edge in it.edges:
        if edge.root in used:
            kept.append(edge)
        elif len(kept) > 0:
            kept[len(kept) - 1].growth += edge.growth
    it.edges = kept


def place_price(it: Ranges, root: int) -> None:
    """Count liquidity by edge anew, and let the price be where it was."""
    change: dict[int, int] = {}  # of liquidity at an edge, by its root
    for one in it.ranges:
        change[one.low] = change.get(one.low, 0) + one.liquidity
        change[one.high] = change.get(one.high, 0) - one.liquidity
    liquidity: int = 0
    for place, edge in enumerate(it.edges):
        liquidity += change[edge.root]
        edge.liquidity = liquidity
        high = it.edges[place + 1].root if place + 1 < len(it.edges) else edge.root
        edge.base = base_between(edge.liquidity, edge.root, high)
    it.base = it.base_above(root) - (int(it.lots) << FINE_SHIFT)
