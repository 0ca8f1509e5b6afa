"""vamm_peg_k: a virtual x * y = k with a peg, that follows the oracle on a budget (Drift v2, math/ of drift-labs/protocol-v2).

The price is peg * y / x. When the oracle moves, the peg is moved so that the price is the oracle's, as far as the budget pays for it:
what others hold is then worth more to them, or less, and that is the cost. If the budget is short, the root of k is lowered a little,
which earns something, and all of it is used. Net funding makes k larger, or smaller, within bounds. Quotes stand around the price at
spreads that are set when the oracle moves and stay until it does again, so that nobody gains by trading in parts.

Costs round up, what a budget buys rounds down: to the curve's disadvantage in both cases.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from ..money.payoff import lot_value
from ..schema.kinds import BUY
from ..state.market import Market
from ..state.pools import RESERVE_SHIFT, Pool
from ..state.types import MAX_LOTS, PPM
from .curve import Curve, ceil_div, tick_of
from .curve_product import amount_in, amount_out, base_of, wide
from .powers import root_floor

WIDEST: Final[int] = 10  # how many times wider a spread may become by inventory, or is when the budget is used up
SCALE: Final[int] = 1 << (2 * RESERVE_SHIFT)  # [2^-32 lots x 2^-32 micro per lot] that are a micro-unit

# -- formulas: reserves, peg, k ---------------------------------------------------------------------------------------------------
# x, y: base and quote reserve in one unit; net: what others hold of the base, in that unit, signed, so that x + net is the base reserve
# when all of it has been closed ("terminal"). pegs and prices: quote per base, times a scale.


def reserve_price(x: int, y: int, peg: int) -> int:
    """peg * y / x, in the scale of the peg, rounded down."""
    return peg * y // x


def peg_from_target(x: int, y: int, target: int) -> int:
    """The peg that makes the price `target`, in its scale: target * x / y, rounded to the nearest, at least 1 (Drift rounds so)."""
    return max(1, (target * x + y // 2) // y)


def terminal_quote(x: int, y: int, net: int) -> int:
    """The quote reserve once all is closed: k / (x + net), rounded down."""
    return x * y // (x + net)


def scaled(reserve: int, by: int, one: int) -> int:
    """A reserve once the root of k is `by` / `one` of what it was, rounded down."""
    return reserve * by // one


def repeg_cost(x: int, y: int, net: int, change: int, scale: int) -> int:
    """What a change of the peg costs the curve: (y - terminal y) * change, rounded up once; negative: it earns that.

    The result has the unit of quote: `scale` is how many units of (reserve x peg) make one of it.
    """
    return ceil_div(y * net * change, (x + net) * scale)


def affordable_peg(x: int, y: int, net: int, peg: int, target: int, budget: int, scale: int) -> int:
    """The peg nearest to `target` that costs no more than `budget` >= 0, units as in `repeg_cost`."""
    if repeg_cost(x, y, net, target - peg, scale) <= budget:
        return target
    steps = budget * (x + net) * scale // abs(y * net)
    return peg + steps if target > peg else peg - steps


def k_cost(x: int, y: int, new_x: int, new_y: int, net: int, peg: int, scale: int) -> int:
    """What new reserves cost the curve: (y' - terminal y') * peg less the same before, rounded up once; negative: it earns that."""
    return ceil_div(peg * net * (new_y * (x + net) - y * (new_x + net)), (x + net) * (new_x + net) * scale)


def affordable_scale(x: int, y: int, net: int, peg: int, budget: int, one: int, scale: int) -> int:
    """The largest scale of the reserves, in parts of `one`, that costs no more than `budget` (negative: that earns it); -1: any does.

    Scaled by s they cost peg * y * net^2 * (s - 1) / ((s * x + net) * (x + net)), and with a = peg * y * net^2, c = budget * (x + net)
    that is the budget at s = (a + c * net) / (a - c * x); it never is if a <= c * x.
    """
    a = peg * y * net * net
    c = budget * (x + net) * scale
    return max(0, (a + c * net) * one // (a - c * x)) if a > c * x else -1


# -- formulas: spreads, in ppm or any other fraction of the price ------------------------------------------------------------------


def inventory_share(net: int, x: int, least_x: int, most_x: int, one: int) -> int:
    """How much of the thinner side's depth the inventory is, in parts of `one`, at most all: |net| / min(most_x - x, x - least_x)."""
    side = max(1, min(most_x - x, x - least_x))
    return min(one, abs(net) * one // side)


def inventory_scaled(spread: int, share: int, most: int, one: int) -> int:
    """A spread widened by inventory: spread * min(m, 1 + m * share), m = max(10, most / spread)."""
    widest = max(WIDEST * one, most * one // max(1, spread))
    return spread * min(widest, one + widest * share // one) // one


def leverage_scaled(spread: int, exposure: int, budget: int) -> int:
    """A spread widened by what the inventory could lose on its way back, per money that it has earned > 0: at most tenfold."""
    return spread * min(WIDEST * budget, budget + max(0, exposure)) // budget


def capped_spreads(long_spread: int, short_spread: int, most: int) -> tuple[int, int]:
    """Both spreads, together no more than `most`: the larger one keeps its share, rounded up, the other gets the rest."""
    total = long_spread + short_spread
    if total <= most:
        return long_spread, short_spread
    if long_spread > short_spread:
        larger = ceil_div(long_spread * most, total)
        return larger, most - larger
    larger = ceil_div(short_spread * most, total)
    return most - larger, larger


class Stance:
    """What spreads depend on, beside a design's own numbers: fractions of a price in parts of `one`, money in one unit."""

    def __init__(self, net: int, share: int, retreat: int, exposure: int, budget: int, one: int) -> None:
        self.net: int = net  # what others hold; its sign alone counts
        self.share: int = share  # inventory_share
        self.retreat: int = retreat  # how far the oracle is above the reserve price; below it, if negative
        self.exposure: int = exposure  # of `net`: what it is worth at the reserve price, less what closing it here would move
        self.budget: int = budget
        self.one: int = one


def quote_spreads(base: int, most: int, it: Stance) -> tuple[int, int]:
    """Spreads above and below the reserve price: (long, short), of buyers and sellers (Drift's calculate_spread, without volatility).

    Half of `base` on each side, and the retreat where the curve would be picked off. The side that would add to the inventory is widened
    by it, and by the leverage it makes, or both sides tenfold when the budget is used up. Together they are at most `most`, or what the
    retreat alone is, if that is more.
    """
    net, share, retreat, budget, one = it.net, it.share, it.retreat, it.budget, it.one
    long_spread = base // 2 + max(0, retreat)
    short_spread = base // 2 + max(0, -retreat)
    if net > 0:
        long_spread = inventory_scaled(long_spread, share, most, one)
    elif net < 0:
        short_spread = inventory_scaled(short_spread, share, most, one)
    if budget <= 0:
        long_spread *= WIDEST
        short_spread *= WIDEST
    elif net > 0:
        long_spread = leverage_scaled(long_spread, it.exposure, budget)
    elif net < 0:
        short_spread = leverage_scaled(short_spread, it.exposure, budget)
    return capped_spreads(long_spread, short_spread, max(most, abs(retreat)))


# -- the rule ---------------------------------------------------------------------------------------------------------------------


class PegTerms:
    """What a design says of a pegged curve."""

    def __init__(self) -> None:
        self.reserve: int = 0  # [micro] quote reserve at the start, or 0 and
        self.lots: i64 = 0  # base reserve at the start
        self.concentration_ppm: i64 = 0  # x is between the root of k divided and multiplied by it
        self.base_spread_ppm: i64 = 0
        self.max_spread_ppm: i64 = 0
        self.budget: int = 0  # [micro] that may be spent before any fees are earned
        self.repeg_share_ppm: i64 = 0  # of all fees: what may be spent
        self.k_lower_ppm: i64 = 0  # of the root of k, when a re-peg is too dear
        self.k_increase_ppm: i64 = 0  # of the root of k, with funding, at most
        self.k_decrease_ppm: i64 = 0


class VammPegK(Curve):
    """price = peg * y / x, which follows the oracle on what its fees pay for."""

    def __init__(self, terms: PegTerms) -> None:
        self.terms: PegTerms = terms

    def start(self, market: Market, pool: Pool) -> None:
        price: int = lot_value(market, market.oracle)
        pool.base = base_of(self.terms.reserve, self.terms.lots, price)
        pool.k = pool.base * pool.base
        pool.root = pool.base
        pool.peg = price << RESERVE_SHIFT
        pool.budget = self.terms.budget
        self.set_spreads(market, pool, 0)

    def least_base(self, root: int) -> int:
        return ceil_div(root * int(PPM), self.terms.concentration_ppm)

    def most_base(self, root: int) -> int:
        return root * int(self.terms.concentration_ppm) // int(PPM)

    def room(self, market: Market, pool: Pool, inventory: i64, side: i64) -> i64:
        x = pool.base + wide(inventory)
        most = x - self.least_base(pool.root) if side == BUY else self.most_base(pool.root) - x
        return min(int(MAX_LOTS), max(0, most >> RESERVE_SHIFT))

    def value(self, market: Market, pool: Pool, inventory: i64, side: i64, lots: i64) -> int:
        """That of x * y = k at the peg, and the spread of the side."""
        if lots > self.room(market, pool, inventory, side):
            return 0
        x = pool.base + wide(inventory)
        money = pool.peg * pool.k  # [2^-96 micro x lots]
        scale = (x << 2 * RESERVE_SHIFT) * int(PPM)
        if side == BUY:
            return amount_in(money * int(PPM + pool.ask_spread), x, wide(lots), scale)
        return amount_out(x, money * int(PPM - pool.bid_spread), wide(lots), scale)

    def earned(self, market: Market, pool: Pool, amount: i64) -> None:
        pool.fees += int(amount)
        pool.budget += int(amount)

    def fee_pool(self, market: Market, pool: Pool) -> int:
        return max(0, pool.budget)

    def spendable(self, pool: Pool) -> int:
        """[micro] that may be spent: the rest of the fees is never touched."""
        kept = pool.fees * int(PPM - self.terms.repeg_share_ppm) // int(PPM)
        return max(0, pool.budget - kept)

    def oracle_moved(self, market: Market, pool: Pool, inventory: i64) -> int:
        """Move the peg towards the oracle, if need be k as well; then the spreads."""
        cost = self.repeg(market, pool, -wide(inventory))
        pool.budget -= cost
        self.set_spreads(market, pool, inventory)
        return cost

    def repeg(self, market: Market, pool: Pool, net: int) -> int:
        """Formulas are given k for y and divide by x as well: y itself would have to be rounded."""
        budget = self.spendable(pool)
        x = pool.base - net
        cost: int = 0
        if repeg_cost(x, pool.k, net, self.target(market, pool, x) - pool.peg, SCALE * x) > budget:
            cost = self.resize(pool, net, int(PPM - self.terms.k_lower_ppm), budget)
            budget -= cost
            x = pool.base - net
        peg = affordable_peg(x, pool.k, net, pool.peg, self.target(market, pool, x), budget, SCALE * x)
        cost += repeg_cost(x, pool.k, net, peg - pool.peg, SCALE * x)
        pool.peg = peg
        return cost

    def target(self, market: Market, pool: Pool, x: int) -> int:
        price: int = lot_value(market, market.oracle)
        return peg_from_target(x * x, pool.k, price << RESERVE_SHIFT)

    def resize(self, pool: Pool, net: int, by_ppm: int, budget: int) -> int:
        """Scale both reserves, if it costs no more than `budget` and what others hold can still be closed. Returns the cost [micro]."""
        x = pool.base - net
        new_x = scaled(x, by_ppm, int(PPM))
        k = scaled(scaled(pool.k, by_ppm, int(PPM)), by_ppm, int(PPM))
        root = root_floor(k, 2)
        if not self.least_base(root) <= new_x + net <= self.most_base(root):
            return 0
        cost = k_cost(x, pool.k * new_x, new_x, k * x, net, pool.peg, SCALE * x * new_x)
        if cost > budget:
            return 0
        pool.base = new_x + net
        pool.k = k
        pool.root = root
        return cost

    def funded(self, market: Market, pool: Pool, inventory: i64, amount: int) -> int:
        """Half of what funding brought in may deepen the curve; of what it cost, half is taken back by making it shallower."""
        pool.budget += amount
        half = amount // 2 if amount >= 0 else -(-amount // 2)
        if half == 0:
            return 0
        net = -wide(inventory)
        x = pool.base - net
        by_ppm = affordable_scale(x, pool.k, net, pool.peg, half, int(PPM), SCALE * x)
        most = int(PPM + self.terms.k_increase_ppm)
        by_ppm = most if by_ppm < 0 else max(int(PPM - self.terms.k_decrease_ppm), min(most, by_ppm))
        cost = self.resize(pool, net, by_ppm, max(half, 0))
        pool.budget -= cost
        return cost

    def set_spreads(self, market: Market, pool: Pool, inventory: i64) -> None:
        net = -wide(inventory)
        x = pool.base - net
        y = pool.k // x
        price = reserve_price(x, y, pool.peg)
        oracle: int = lot_value(market, market.oracle)
        one = int(PPM)
        retreat = ((oracle << RESERVE_SHIFT) - price) * one // max(1, price)
        share = inventory_share(net, x, self.least_base(pool.root), self.most_base(pool.root), one)
        base, most = int(self.terms.base_spread_ppm), int(self.terms.max_spread_ppm)
        worth = (net * price) >> (2 * RESERVE_SHIFT)
        exposure = worth - (y - terminal_quote(x, y, net)) * pool.peg // SCALE
        spreads = quote_spreads(base, most, Stance(net, share, retreat, exposure, pool.budget, one))
        pool.ask_spread = spreads[0]
        pool.bid_spread = min(spreads[1], one - 1)  # a bid is a price

    def middle(self, market: Market, pool: Pool, inventory: i64) -> i64:
        """Between the two quotes, which need not be as far from the reserve price."""
        x = pool.base + wide(inventory)
        if x <= 0:
            return 0
        quotes = pool.peg * pool.k * int(2 * PPM + pool.ask_spread - pool.bid_spread)
        return tick_of(market, quotes, (x * x * int(2 * PPM)) << RESERVE_SHIFT)
