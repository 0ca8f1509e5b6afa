"""Ranges of prices with liquidity (Uniswap v3), what each of them has traded, and the fees inside them.

A range holds x = L (1 / sqrt p - 1 / sqrt upper) of the base and y = L (sqrt p - sqrt lower) of the quote while the price p is in it. All
that moves with a trade is the curve's inventory: where the price is follows from it, and what a range has traded follows from the price,
since it was opened. Lots and money are handed out whole, so that they add up to the curve's: of what is left over by rounding down, the
largest remainders get one each, equal ones in the order of their numbers. A part of a lot too much or too little is paid for at the price.

Edges are the prices at which a range begins or ends. Each knows the liquidity between it and the next one, and the fees per unit of it.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

ROOT_SHIFT: Final[int] = 96  # roots of prices are in 2^-96 of the root of a micro-unit per lot (Q96)
FINE_SHIFT: Final[int] = 64  # amounts of a range are in 2^-64 lots and 2^-64 micro-units
ONE: Final[int] = 1 << FINE_SHIFT
MOST_RANGES: Final[i64] = 256  # of one curve: whoever adds, removes or asks for one looks at all
MOST_LIQUIDITY: Final[int] = 1 << 60  # of all ranges together: the root of (micro-units x lots)


class Edge:
    def __init__(self, root: int) -> None:
        self.root: int = root  # of its price [2^-96]
        self.liquidity: int = 0  # between here and the next edge
        self.base: int = 0  # [2^-64 lots] that lie there
        self.growth: int = 0  # [2^-64 micro] of fees earned there, per unit of liquidity


class Range:
    def __init__(self, number: i64) -> None:
        self.number: i64 = number
        self.owner: i64 = 0  # account
        self.lower: i64 = 0  # [ticks]
        self.upper: i64 = 0
        self.low: int = 0  # roots of these prices [2^-96]
        self.high: int = 0
        self.liquidity: int = 0
        self.amount: i64 = 0  # [micro] paid in for it, less what was taken out
        self.opened: i64 = 0  # [ns] when liquidity was last added
        # What it had traded, and what it held, when it was last looked at apart from the others
        self.lots: int = 0  # [2^-64 lots]
        self.cost: int = 0  # [2^-64 micro]
        self.base: int = 0  # [2^-64 lots]
        self.quote: int = 0  # [2^-64 micro]
        self.growth: int = 0  # [2^-64 micro] of fees per unit inside it up to which they are paid

    def base_at(self, root: int) -> int:
        return base_between(self.liquidity, min(max(root, self.low), self.high), self.high)

    def quote_at(self, root: int) -> int:
        return quote_between(self.liquidity, self.low, min(max(root, self.low), self.high))

    def lots_at(self, root: int) -> int:
        """[2^-64 lots] that it has bought, less those that it has sold."""
        return self.lots + self.base_at(root) - self.base

    def cost_at(self, root: int) -> int:
        """[2^-64 micro] that it has paid for them, net."""
        return self.cost + self.quote - self.quote_at(root)


def base_between(liquidity: int, low: int, high: int, one: int = 1 << ROOT_SHIFT, scale: int = ONE) -> int:
    """L (1 / low - 1 / high), rounded down, in 1 / `scale` lots; roots are in 1 / `one`."""
    return liquidity * one * scale * (high - low) // (low * high)


def quote_between(liquidity: int, low: int, high: int, one: int = 1 << ROOT_SHIFT, scale: int = ONE) -> int:
    """L (high - low), rounded down, in 1 / `scale` micro-units; roots are in 1 / `one`."""
    return liquidity * scale * (high - low) // one


def apportioned(targets: list[int], total: int) -> list[int]:
    """Whole numbers that add up to `total`, near the targets [2^-64], which need not quite do: by largest remainder, then by order."""
    whole: list[int] = []
    left: int = total
    order: list[tuple[int, int]] = []
    for place, target in enumerate(targets):
        part = target >> FINE_SHIFT
        whole.append(part)
        left -= part
        order.append((-(target & (ONE - 1)), place))
    order.sort()
    each = left // len(order) if len(order) > 0 else 0
    left -= each * len(order)
    for number, entry in enumerate(order):
        whole[entry[1]] += each + (1 if number < left else 0)
    return whole


class Ranges:
    """Of one curve: in the order of their numbers, with the edges in the order of their prices."""

    def __init__(self) -> None:
        self.ranges: list[Range] = []
        self.edges: list[Edge] = []
        self.last: i64 = 0  # number of the last one that was added
        self.base: int = 0  # [2^-64 lots] between the price and the last edge, at an inventory of 0
        self.lots: i64 = 0  # [lots] that all of them have traded, signed: the curve's inventory
        self.cost: int = 0  # [micro] that they have cost, net
        self.before: i64 = 0  # [lots] the inventory before the last trade: fees are earned on the way from there
        self.fees: int = 0  # [micro] ever earned
        self.paid: int = 0  # [micro] of them
        self.carry: int = 0  # [2^-64 micro] of fees that are not split yet

    def copy(self) -> Ranges:
        """What a dry run changes instead: trades leave the ranges themselves as they are."""
        made = Ranges()
        made.ranges = self.ranges
        for edge in self.edges:
            same = Edge(edge.root)
            same.liquidity = edge.liquidity
            same.base = edge.base
            same.growth = edge.growth
            made.edges.append(same)
        made.last = self.last
        made.base = self.base
        made.lots = self.lots
        made.cost = self.cost
        made.before = self.before
        made.fees = self.fees
        made.paid = self.paid
        made.carry = self.carry
        return made

    def find(self, number: i64) -> Range | None:
        for one in self.ranges:
            if one.number == number:
                return one
        return None

    # -- where the price is ------------------------------------------------------------------------------------------------------------

    def base_left(self, inventory: int) -> int:
        """[2^-64 lots] between the price and the last edge."""
        return self.base + (inventory << FINE_SHIFT)

    def base_in_all(self) -> int:
        total: int = 0
        for edge in self.edges:
            total += edge.base
        return total

    def base_above(self, root: int) -> int:
        """[2^-64 lots] between a price and the last edge."""
        total: int = 0
        for place in range(len(self.edges) - 1):
            edge, high = self.edges[place], self.edges[place + 1].root
            if edge.root >= root:
                total += edge.base
            elif high > root:
                total += base_between(edge.liquidity, root, high)
        return total

    def span(self, inventory: int) -> tuple[int, int]:
        """The root of the price: (lowest, highest) that it may have, which differ where there is no liquidity at it. There are edges."""
        left = self.base_left(inventory)
        place = len(self.edges) - 1
        highest: int = self.edges[place].root
        if left <= 0:
            return highest, 1 << 2 * ROOT_SHIFT
        while place > 0:
            place -= 1
            edge = self.edges[place]
            if edge.base > 0 and left < edge.base:
                wide = edge.liquidity << (ROOT_SHIFT + FINE_SHIFT)
                root = max(edge.root, self.edges[place + 1].root * wide // (wide + left * self.edges[place + 1].root))
                return root, root
            left -= edge.base
            if edge.base > 0 and left == 0:
                highest = edge.root
                while place > 0 and self.edges[place - 1].base == 0:
                    place -= 1
                return (self.edges[place].root if place > 0 else 0), highest
        return 0, self.edges[0].root

    def root(self, inventory: int) -> int:
        """Of the price; where no liquidity is, of the highest that it may have: no range holds anything there that depends on it."""
        span = self.span(inventory)
        return min(span[1], max(span[0], self.edges[len(self.edges) - 1].root))

    def quote_above(self, inventory: int) -> tuple[int, int]:
        """[2^-96 micro] between the price and the last edge, as an exact ratio (numerator, denominator)."""
        left = self.base_left(inventory)
        total: int = 0
        place = len(self.edges) - 1
        while place > 0 and left > 0:
            place -= 1
            edge, high = self.edges[place], self.edges[place + 1].root
            if left < edge.base:
                wide = (edge.liquidity << (ROOT_SHIFT + FINE_SHIFT)) + left * high
                return total * wide + edge.liquidity * high * high * left, wide
            total += edge.liquidity * (high - edge.root)
            left -= edge.base
        return total, 1

    # -- what each of them has traded --------------------------------------------------------------------------------------------------

    def lots_of_all(self, root: int) -> list[int]:
        """[lots] of each range, signed; together the curve's."""
        targets: list[int] = []
        for one in self.ranges:
            targets.append(one.lots_at(root))
        return apportioned(targets, self.lots)

    def costs_of_all(self, root: int, lots: list[int]) -> list[int]:
        """[micro] that these lots have cost each range, net; together what they have cost the curve."""
        targets: list[int] = []
        for one, held in zip(self.ranges, lots):
            part = (held << FINE_SHIFT) - one.lots_at(root)
            targets.append(one.cost_at(root) + (part * root * root >> 2 * ROOT_SHIFT))
        return apportioned(targets, self.cost)

    def traded_by_all(self) -> tuple[list[int], list[int]]:
        """(lots, costs) of each range, as above, at the price where the curve is."""
        if len(self.edges) == 0:
            return [], []
        root = self.root(int(self.lots))
        lots = self.lots_of_all(root)
        return lots, self.costs_of_all(root, lots)

    def growth_inside(self, low: int, high: int) -> int:
        total: int = 0
        for edge in self.edges:
            if low <= edge.root < high:
                total += edge.growth
        return total

    def fees_due(self, one: Range) -> int:
        """[2^-64 micro] of fees that a range has earned and was not paid."""
        return one.liquidity * (self.growth_inside(one.low, one.high) - one.growth)

    def fees_of_all(self) -> list[int]:
        """The same of each range, in one walk along the edges."""
        below: dict[int, int] = {}
        total: int = 0
        for edge in self.edges:
            below[edge.root] = total
            total += edge.growth
        due: list[int] = []
        for one in self.ranges:
            due.append(one.liquidity * (below[one.high] - below[one.low] - one.growth))
        return due

    # -- proof -------------------------------------------------------------------------------------------------------------------------

    def check(self) -> None:
        assert len(self.edges) != 1 and (len(self.edges) == 0) == (len(self.ranges) == 0), "edges of no range"
        self.check_edges()
        due: int = 0
        before: i64 = 0
        fees = self.fees_of_all()
        for place, one in enumerate(self.ranges):
            assert before < one.number <= self.last and one.lower < one.upper and 0 < one.low < one.high, "a range upside down"
            assert one.liquidity > 0 and one.amount >= 0, "a range of nothing"
            before = one.number
            assert fees[place] == self.fees_due(one), "fees that depend on who asks"
            due += fees[place]
        assert self.carry >= 0 and due + self.carry == (self.fees - self.paid) << FINE_SHIFT, "fees that are nobody's, or somebody's twice"
        if len(self.ranges) > 0:
            root = self.root(self.lots)
            lots = self.lots_of_all(root)
            assert sum(lots) == self.lots and sum(self.costs_of_all(root, lots)) == self.cost, "ranges do not add up to the curve"
        else:
            assert self.lots == 0 and self.cost == 0, "a position of no range"

    def check_edges(self) -> None:
        roots: set[int] = set()
        for one in self.ranges:
            roots.add(one.low)
            roots.add(one.high)
        found: list[int] = []
        for edge in self.edges:
            found.append(edge.root)
        assert found == sorted(roots), "edges are where ranges begin and end, in order"
        for place, edge in enumerate(self.edges):
            liquidity: int = 0
            for one in self.ranges:
                if one.low <= edge.root < one.high:
                    liquidity += one.liquidity
            assert edge.liquidity == liquidity and edge.growth >= 0, "liquidity of no range"
            high = self.edges[place + 1].root if place + 1 < len(self.edges) else edge.root
            assert edge.base == base_between(liquidity, edge.root, high), "an edge that knows another depth"
