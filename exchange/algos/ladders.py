"""A ladder: one size spread over several prices. It is placed as that many ordinary orders, and is nothing itself once they are.

Its orders are numbered from 0, at the first price, to n - 1, at the last one. Prices round away from the market: those of buys down,
those of sells up, to a tick and then to the market's significant figures. Sizes add up to the size that was asked for, to the lot. Numbers
here are Python's, not native ones: a geometric mean of 49 prices has 1,568 bits before its root is taken.
"""

from __future__ import annotations

from typing import Final

from librt.vecs import vec
from mypy_extensions import i64

from ..schema import columns as c
from ..schema import kinds as k
from ..state.packed import column
from ..state.state import State
from ..state.types import PPM, ROW
from ..trading.access import refused_orders, refused_user_in_market
from ..trading.powers import root_floor
from ..trading.price_terms import coarse

HALF: Final = 1 << 64  # of a client id


def rung_price(first: int, last: int, number: int, count: int, is_geometric: bool, is_buy: bool) -> int:
    """The price of order `number` of `count` [ticks], before it is cut to significant figures.

    Linear: equal steps, first + (last - first) x number / (count - 1). Geometric: equal ratios, the (count - 1)-th root of
    first^(count - 1 - number) x last^number. Both exact, then rounded down for a buy, up for a sell; the ends are `first` and `last`.
    """
    steps = count - 1
    if is_geometric:
        power = first ** (steps - number) * last**number
        root = root_floor(power, steps)
        return root if is_buy or root**steps == power else root + 1
    total = first * (steps - number) + last * number
    return total // steps if is_buy else -(-total // steps)


def lots_before(size: int, number: int, count: int, skew_ppm: int) -> int:
    """How many of `size` lots the first `number` orders of `count` have together, rounded down: so each has its share to within a lot.

    Shares go in a straight line from 1 for the first order to `skew_ppm` for the last one.
    """
    million = int(PPM)
    rising = number * (number - 1) // 2  # 0 + 1 + ... + (number - 1)
    weight = million * (number * (count - 1) - rising) + skew_ppm * rising
    return size * 2 * weight // (count * (count - 1) * (million + skew_ppm))


def client_of(hi: int, lo: int, number: int) -> tuple[int, int]:
    """The client id of order `number`: the base and so many more, as a number of 128 bits; none if the base is none. Behind the largest
    comes 1, since 0 is none."""
    if hi == 0 and lo == 0:
        return 0, 0
    whole = hi % HALF * HALF + lo % HALF + number
    if whole >= HALF * HALF:
        whole += 1
    return signed(whole // HALF), signed(whole)


def signed(number: int) -> int:
    """The last 64 bits of a number, as a signed one."""
    low = number % HALF
    return low - HALF if low >= HALF // 2 else low


class LadderDesk:
    def __init__(self, state: State) -> None:
        self.state: State = state
        self.row: vec[i64] = column(ROW, 0)  # the Place of the order at hand

    def refused(self, rows: vec[i64], at: i64) -> i64:
        """Why the PlaceLadder command that begins at `at` is refused as a whole, 0: it is not. Its orders are asked one by one."""
        reason = refused_user_in_market(self.state, rows[at + c.LADDER_ACCOUNT], rows[at + c.LADDER_MARKET])
        if reason != 0:
            return reason
        row = self.state.find_position(rows[at + c.LADDER_ACCOUNT], rows[at + c.LADDER_MARKET])
        reason = refused_orders(self.state, rows[at + c.LADDER_ACCOUNT], row, rows[at + c.LADDER_REDUCE_ONLY])
        if reason != 0:
            return reason
        if rows[at + c.LADDER_FIRST_PRICE] == rows[at + c.LADDER_LAST_PRICE]:
            return k.R_LADDER_PRICES
        number: i64 = 0
        while number < rows[at + c.LADDER_COUNT]:
            if self.lots(rows, at, number) == 0:
                return k.R_LADDER_SIZE
            number += 1
        return 0

    def begin(self, rows: vec[i64], at: i64) -> None:
        """Tell of the ladder, ahead of its orders."""
        self.state.log.emit(
            k.E_LADDER_PLACED, self.state.now, rows[at + c.LADDER_ACCOUNT], rows[at + c.LADDER_MARKET], rows[at + c.LADDER_SIDE],
            rows[at + c.LADDER_SIZE], rows[at + c.LADDER_COUNT], rows[at + c.LADDER_CLIENT_HI], rows[at + c.LADDER_CLIENT_LO],
        )  # fmt: skip

    def make(self, rows: vec[i64], at: i64, number: i64) -> None:
        """Put the Place of order `number` into `row`."""
        row = self.row
        hi, lo = client_of(int(rows[at + c.LADDER_CLIENT_HI]), int(rows[at + c.LADDER_CLIENT_LO]), int(number))
        row[c.KIND] = k.C_PLACE
        row[c.TS] = rows[at + c.TS]
        row[c.PLACE_ACCOUNT] = rows[at + c.LADDER_ACCOUNT]
        row[c.PLACE_MARKET] = rows[at + c.LADDER_MARKET]
        row[c.PLACE_SIDE] = rows[at + c.LADDER_SIDE]
        row[c.PLACE_PRICE] = self.price(rows, at, number)
        row[c.PLACE_SIZE] = self.lots(rows, at, number)
        row[c.PLACE_TIF] = rows[at + c.LADDER_TIF]
        row[c.PLACE_REDUCE_ONLY] = rows[at + c.LADDER_REDUCE_ONLY]
        row[c.PLACE_CLIENT_HI] = hi
        row[c.PLACE_CLIENT_LO] = lo

    def price(self, rows: vec[i64], at: i64, number: i64) -> i64:
        first, last, count = int(rows[at + c.LADDER_FIRST_PRICE]), int(rows[at + c.LADDER_LAST_PRICE]), int(rows[at + c.LADDER_COUNT])
        is_buy = rows[at + c.LADDER_SIDE] == k.BUY
        is_geometric = rows[at + c.LADDER_SPACING] == k.LADDER_GEOMETRIC
        price: i64 = rung_price(first, last, int(number), count, is_geometric, is_buy)
        figures = self.state.markets[rows[at + c.LADDER_MARKET]].significant_figures
        return price if figures == 0 else coarse(price, figures, is_buy)

    def lots(self, rows: vec[i64], at: i64, number: i64) -> i64:
        size, count, skew = int(rows[at + c.LADDER_SIZE]), int(rows[at + c.LADDER_COUNT]), int(rows[at + c.LADDER_SKEW_PPM])
        behind: i64 = lots_before(size, int(number) + 1, count, skew)
        ahead: i64 = lots_before(size, int(number), count, skew)
        return behind - ahead
