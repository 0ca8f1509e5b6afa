"""Assets that stand in for cash are sold for what an account owes: into the book of their spot market, and what that does not take to the
insurance fund. Neither pays less than the asset counted for, so that no sale makes an account worse off.

A design that lists the step `collateral` sells before positions are closed; else an asset is sold when nothing is open any more and cash is
below zero. Nothing is sold while its market is suspended or has a stale price on which nothing may be built.
"""

from __future__ import annotations

from mypy_extensions import i64

from ..money.collateral import hedged, held_of
from ..money.margin import cross_rows
from ..money.payoff import lot_value
from ..schema import kinds as k
from ..state.market import Market
from ..state.state import State
from ..state.types import INSURANCE, NIL, PPM, div_ceil, max_i64, min_i64
from ..trading.access import is_suspended, only_reductions
from .case import LiquidationCase
from .slices import Slices
from .steps import LiquidationStep


def is_for_sale(market: Market, now: i64) -> bool:
    return not is_suspended(market, now) and only_reductions(market, now) == 0 and market.mark != 0


def least_price(state: State, asset: i64) -> i64:
    """The lowest price [ticks] at which an asset may be sold: its mark times its weight, rounded up."""
    market = state.markets[state.collateral_market[asset]]
    return max_i64(1, div_ceil(market.mark * state.collateral_weight[asset], PPM))


def sell_in_book(slices: Slices, account: i64, asset: i64, lots: i64, limit: i64) -> i64:
    """Sell up to `lots` of an asset, no lower than at `limit` [ticks]; returns how many were."""
    state = slices.state
    market = state.markets[state.collateral_market[asset]]
    row = state.find_position(account, market.number)
    if row == NIL or lots <= 0 or market.status == k.SETTLED:
        return 0
    order = slices.order
    order.begin(account, market, row, k.SELL, limit, lots, k.IOC)
    order.is_forced = True
    slices.matcher.match(order)
    if order.filled > 0:
        state.log.emit(
            k.E_COLLATERAL_SOLD, state.now, account, asset, market.number, order.filled * market.base_lot, order.value, k.BY_BOOK
        )
    return order.filled


def sell_to_fund(slices: Slices, account: i64, asset: i64, debt: i64) -> None:
    """Let the insurance fund buy an asset at what it counts for, for as much of a debt [micro] as its cash is enough for."""
    state = slices.state
    market = state.markets[state.collateral_market[asset]]
    assets = state.accounts.assets
    purse: int = min(int(debt), int(state.accounts.cash[INSURANCE * assets + market.asset]))
    per_lot = int(lot_value(market, market.mark)) * int(state.collateral_weight[asset])  # [micro / PPM]
    if purse <= 0 or per_lot <= 0:
        return
    held = int(held_of(state, account, asset))
    wanted = min(held, -(-purse * int(market.base_lot) * int(PPM) // per_lot))
    paid = min(purse, wanted * per_lot // (int(market.base_lot) * int(PPM)))
    amount: i64 = wanted
    value: i64 = paid
    if value > 0:
        slices.ledger.move(INSURANCE, account, market.asset, value)
        slices.ledger.move(account, INSURANCE, asset, amount)
        state.log.emit(k.E_COLLATERAL_SOLD, state.now, account, asset, market.number, amount, value, k.BY_TAKEOVER)


def cover_debt(slices: Slices, account: i64, asset: i64) -> None:
    """Sell what stands in for cash in `asset` until the account owes none, asset by asset in the order of the design."""
    state = slices.state
    other: i64 = 0
    while other < state.accounts.assets:
        number = state.collateral_market[other]
        if number != NIL and state.markets[number].asset == asset and is_for_sale(state.markets[number], state.now):
            sell_for_debt(slices, account, other, state.markets[number])
        other += 1


def sell_for_debt(slices: Slices, account: i64, asset: i64, market: Market) -> None:
    """Of one asset: level by level of the book, so that no more is sold than is owed, but for a part of a lot."""
    state = slices.state
    cash = account * state.accounts.assets + market.asset
    lowest = least_price(state, asset)
    best = market.best_bid
    while state.accounts.cash[cash] < 0 and best >= lowest:
        needed = div_ceil(-state.accounts.cash[cash], lot_value(market, best))
        if sell_in_book(slices, account, asset, min_i64(needed, held_of(state, account, asset) // market.base_lot), best) == 0:
            break
        best = market.best_bid
    if state.accounts.cash[cash] < 0:
        sell_to_fund(slices, account, asset, -state.accounts.cash[cash])


def has_collateral(state: State, account: i64, asset: i64) -> bool:
    """Has the account anything that counts in `asset` beside its cash?"""
    other: i64 = 0
    while other < state.accounts.assets:
        number = state.collateral_market[other]
        if number != NIL and state.markets[number].asset == asset and held_of(state, account, other) > 0:
            return True
        other += 1
    return False


def owes_for_nothing(state: State, account: i64, asset: i64) -> bool:
    """Is the account's cash below zero, with no cross position open and no liquidation under way that would settle it?"""
    if state.accounts.cash[account * state.accounts.assets + asset] >= 0 or state.accounts.liquidations[account] != 0:
        return False
    return len(cross_rows(state, account, asset)) == 0


class SellCollateral(LiquidationStep):
    """Before any position is closed: what is not needed to hedge is sold until the account is above maintenance, since cash counts for
    more than what stands in for it. It gives up at once: the next step closes positions in the same pass, if it is still called for."""

    def act(self, case: LiquidationCase) -> bool:
        state = case.state
        if case.liquidation.row != NIL:
            return True
        other: i64 = 0
        while other < state.accounts.assets:
            number = state.collateral_market[other]
            if number != NIL and state.markets[number].asset == case.liquidation.asset and is_for_sale(state.markets[number], state.now):
                self.sell(case, other, state.markets[number])
            other += 1
        return True

    def sell(self, case: LiquidationCase, asset: i64, market: Market) -> None:
        """Of one asset, as much as would do at the lowest price: a lot sold there brings the part of its value that did not count."""
        state = case.state
        missing = case.maintenance() - case.equity()
        free = (held_of(state, case.account, asset) - hedged(state, case.account, asset, NIL, 0)) // market.base_lot
        gained = lot_value(market, market.mark) - lot_value(market, least_price(state, asset))
        if missing > 0 and gained > 0:
            sell_in_book(case.slices, case.account, asset, min_i64(free, div_ceil(missing, gained)), least_price(state, asset))
