"""The one price at which a batch of orders and the resting book clear. Pure integer functions; nothing here knows a venue.

The price is that of the largest volume; of several the one with the smallest imbalance. Of those that are left, the highest where more is
asked for than offered, and the lowest where more is offered; where some are of the one kind and some of the other, the nearer to the
reference of the highest of the first and the lowest of the second; where nothing is left over, the nearest to the reference.

Whoever has a better limit than the price is filled whole. Let D(p) be what is bought at p and S(p) what is sold: D falls with p, S rises.
Say more is bought at the price p, D(p) > S(p), and D(p + 1) > S(p): buyers with better limits want more than there is. Then the volume at
p + 1 is at least S(p), the largest, so S(p + 1) = S(p), and the imbalance there is D(p + 1) - S(p), not above that at p: p + 1 is as good
and has the same pressure, but p was the highest such price. The same, mirrored, for sellers. So rationing is only at the price itself.
"""

from __future__ import annotations

from bisect import bisect_right

Point = tuple[int, int]  # price [ticks], lots


def cumulated(buys: list[Point], sells: list[Point]) -> list[tuple[int, int, int]]:
    """Demand and supply where they change: (price, lots bought, lots sold) from the lowest on, which hold up to the next."""
    demand: int = 0
    changes: dict[int, list[int]] = {}
    for price, lots in buys:
        demand += lots
        changes.setdefault(price + 1, [0, 0])[0] += lots
    for price, lots in sells:
        changes.setdefault(price, [0, 0])[1] += lots
    changes.setdefault(1, [0, 0])
    supply: int = 0
    steps: list[tuple[int, int, int]] = []
    for price in sorted(changes):
        demand -= changes[price][0]
        supply += changes[price][1]
        steps.append((price, demand, supply))
    return steps


def nearest(low: int, high: int, reference: int) -> int:
    """The price from low to high that is nearest to the reference."""
    return low if reference < low else high if reference > high else reference


def clearing_price(buys: list[Point], sells: list[Point], reference: int) -> int:
    """[ticks] The price at which orders clear, given as (limit, lots); 0: nothing trades. Prices are at least 1."""
    steps = cumulated(buys, sells)
    most = max([min(bought, sold) for _, bought, sold in steps])
    if most == 0:
        return 0
    least = min([abs(bought - sold) for _, bought, sold in steps if min(bought, sold) == most])
    rising: list[int] = []  # the highest prices of intervals with more demand
    falling: list[int] = []  # the lowest of those with more supply
    level: list[int] = []  # [low, high] with neither
    for number, (price, bought, sold) in enumerate(steps):
        if min(bought, sold) != most or abs(bought - sold) != least:
            continue
        last = steps[number + 1][0] - 1  # nothing is bought above the last one
        if bought > sold:
            rising.append(last)
        elif bought < sold:
            falling.append(price)
        else:
            level += [price, last]
    if level:
        return nearest(min(level), max(level), reference)
    if not falling or (rising and reference - max(rising) <= min(falling) - reference):
        return max(rising)
    return min(falling)


def volume_at(price: int, buys: list[Point], sells: list[Point]) -> tuple[int, int]:
    """Lots that would be bought and sold at a price."""
    bought: int = 0
    sold: int = 0
    for limit, lots in buys:
        if limit >= price:
            bought += lots
    for limit, lots in sells:
        if limit <= price:
            sold += lots
    return bought, sold


class Offer:
    """What one side has within a limit. Asked often: the sums are made once."""

    def __init__(self, points: list[Point], sign: int) -> None:
        """`points`: those of the side, the best first; `sign`: 1 for sells, -1 for buys."""
        self.sign: int = sign
        self.limits: list[int] = [sign * limit for limit, _ in points]
        self.sums: list[int] = [0]  # lots of the first so many points
        for _, lots in points:
            self.sums.append(self.sums[-1] + lots)

    def within(self, limit: int) -> int:
        """Lots that an order of the other side with this limit could meet."""
        return self.sums[bisect_right(self.limits, self.sign * limit)]
