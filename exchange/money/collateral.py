"""Pure: assets that stand in for cash. What they count for, and what a short against them requires less.

An asset counts with its weight, a share of what it is worth at the mark of its spot market. The part of it that a short of its perpetual
hedges counts with a weight of its own, and that part of the short keeps only a share of its requirement: what one loses the other gains.
Only positions on cross hedge. All of it rounds down.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from ..schema.kinds import CROSS, HALT_NEW_RISK, SETTLED
from ..state.market import Market
from ..state.state import State
from ..state.tables import P_MODE, P_SIZE
from ..state.types import FIRST_USER, NIL, PPM, max_i64, min_i64, mul_div_floor

MOST: Final = 1 << 56  # [micro] what one asset of an account counts for at most: 8 of them stay below 2^59


def is_profit_stale(market: Market, now: i64) -> bool:
    """Is unrealised profit in this market, or what its base asset counts for, measured at a price on which the design lets nothing be
    built? The price of a settled market is its last one."""
    return market.on_stale == HALT_NEW_RISK and market.status != SETTLED and market.is_stale(now)


def worth(market: Market, amount: i64) -> i64:
    """Of an amount [micro] of a spot market's base asset at the mark [micro], rounded down."""
    exact: int = int(amount) * int(market.mark) * int(market.unit) // int(market.base_lot)
    value: i64 = min(exact, MOST)
    return value


def held_of(state: State, account: i64, asset: i64) -> i64:
    """What an account has of an asset that may count [micro]; 0: nothing, or it is the venue's own account."""
    if account < FIRST_USER:
        return 0
    return max_i64(0, state.accounts.cash[account * state.accounts.assets + asset])


def short_of(state: State, account: i64, number: i64, changed: i64, after: i64) -> i64:
    """Lots that the account is short in a market on cross; of the position row `changed` as if it held `after` (signed)."""
    row = state.find_position(account, number)
    if row == NIL or state.positions.cells[row + P_MODE] != CROSS:
        return 0
    return max_i64(0, -(after if row == changed else state.positions.cells[row + P_SIZE]))


def hedged(state: State, account: i64, asset: i64, changed: i64, after: i64) -> i64:
    """What of an asset a short hedges [micro]."""
    number = state.hedge_market[asset]
    if number == NIL:
        return 0
    held = held_of(state, account, asset)
    lots = min_i64(short_of(state, account, number, changed, after), held // state.markets[number].hedge_lot)
    return lots * state.markets[number].hedge_lot


def counts_for(state: State, account: i64, asset: i64, changed: i64, after: i64) -> i64:
    """What the account's holding of one asset counts for [micro of what its market settles in]."""
    number = state.collateral_market[asset]
    held = held_of(state, account, asset)
    if number == NIL or held == 0:
        return 0
    market = state.markets[number]
    covered = hedged(state, account, asset, changed, after)
    return (
        mul_div_floor(worth(market, covered), state.hedged_weight[asset], PPM)
        + mul_div_floor(worth(market, held - covered), state.collateral_weight[asset], PPM)
    )  # fmt: skip


def highest_weight(state: State, asset: i64) -> i64:
    """The most that an asset ever counts for [ppm of its worth]: hedging or not."""
    return max_i64(state.collateral_weight[asset], state.hedged_weight[asset])


def has_collateral(state: State, account: i64, asset: i64) -> bool:
    """Has the account anything that a debt in `asset` may still be paid with, now or later? A part of a lot is for nobody but the insurance
    fund, and nothing if that would pay less than a micro-unit for it at the most that it ever counts for; so is all of a settled market."""
    other: i64 = 0
    while other < state.accounts.assets:
        number = state.collateral_market[other]
        held = held_of(state, account, other)
        if number != NIL and held > 0 and state.markets[number].asset == asset:
            market = state.markets[number]
            if market.mark == 0 or (market.status != SETTLED and held >= market.base_lot):
                return True
            best = int(held) * int(market.mark) * int(market.unit) * int(highest_weight(state, other))  # [micro x lot / PPM]
            if best >= int(market.base_lot) * int(PPM):
                return True
        other += 1
    return False


def uncounted(state: State, account: i64, asset: i64) -> i64:
    """What the account's other assets would count for beside what they do, each at its highest weight [micro]."""
    total: i64 = 0
    other: i64 = 0
    while other < state.accounts.assets:
        number = state.collateral_market[other]
        if number != NIL and state.markets[number].asset == asset:
            most = mul_div_floor(worth(state.markets[number], held_of(state, account, other)), highest_weight(state, other), PPM)
            total += max_i64(0, most - counts_for(state, account, other, NIL, 0))
        other += 1
    return total


def collateral(state: State, account: i64, asset: i64, changed: i64, after: i64) -> i64:
    """What the account's other assets count for beside its cash in `asset` [micro]; of the position row `changed` (NIL: none) as if it held
    `after` lots."""
    total: i64 = 0
    other: i64 = 0
    while other < state.accounts.assets:
        number = state.collateral_market[other]
        if number != NIL and state.markets[number].asset == asset:
            total += counts_for(state, account, other, changed, after)
        other += 1
    return total


def stale_collateral(state: State, account: i64, asset: i64) -> i64:
    """The part of it that is measured at stale prices [micro]."""
    total: i64 = 0
    other: i64 = 0
    while other < state.accounts.assets:
        number = state.collateral_market[other]
        if number != NIL and state.markets[number].asset == asset and is_profit_stale(state.markets[number], state.now):
            total += counts_for(state, account, other, NIL, 0)
        other += 1
    return total


def relief(market: Market, lots: i64, covered: i64, requirement: i64) -> i64:
    """What a short of `lots` (unsigned) requires less for `covered` of them being hedged [micro]."""
    if covered == 0:
        return 0
    return mul_div_floor(mul_div_floor(requirement, covered, lots), PPM - market.hedge_kept_ppm, PPM)


def covered_lots(state: State, market: Market, account: i64, held: i64) -> i64:
    """How many lots of a cross position of `held` (signed) are hedged by what the account has of the market's asset."""
    if market.hedge_asset == NIL or held >= 0:
        return 0
    return min_i64(-held, held_of(state, account, market.hedge_asset) // market.hedge_lot)
