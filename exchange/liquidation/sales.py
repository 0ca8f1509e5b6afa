"""Assets that stand in for cash are sold for what an account owes: into the book of their spot market, and what that does not take to the
insurance fund. Neither pays less than the asset counts for, nor less than it takes for all that is for sale to cover the debt, up to the
most that it ever counted for: who buys what he owes for himself leaves no debt behind that his own assets could have paid.

A design that lists the step `collateral` sells before positions are closed; else an asset is sold when nothing is open any more and cash is
below zero, or when cash is below zero by more than the design lets an account owe. Nothing is sold while its market is suspended or has a
stale price on which nothing may be built.
"""

from __future__ import annotations

from mypy_extensions import i64

from ..money.collateral import collateral, has_collateral, hedged, held_of, highest_weight, worth
from ..money.margin import cross_equity, cross_rows, maintenance_of, market_of, row_notional
from ..money.payoff import lot_value
from ..schema import kinds as k
from ..state.market import Market
from ..state.state import State
from ..state.types import INSURANCE, MAX_LOTS, NIL, PPM, clamp_i64, div_ceil, max_i64, min_i64, mul_div_floor
from ..trading.access import is_suspended, only_reductions
from .case import LiquidationCase
from .slices import Slices
from .steps import LiquidationStep


def is_for_sale(market: Market, now: i64) -> bool:
    return not is_suspended(market, now) and only_reductions(market, now) == 0 and market.mark != 0


# -- the lowest price -------------------------------------------------------------------------------------------------------------


def share_at(state: State, asset: i64, wanted: i64) -> i64:
    """A share of an asset's worth, `wanted` [ppm] at best, but no less than it counts for, and no more than it ever counts for."""
    return clamp_i64(wanted, state.collateral_weight[asset], highest_weight(state, asset))


def proceeds(state: State, account: i64, asset: i64, wanted: i64) -> i64:
    """What all that is for sale for a debt in `asset` brings, sold for this share of its worth [micro]. What cannot be sold now, since its
    market is suspended or has no price to go by, brings nothing. Below 2^59: each asset is worth at most MOST."""
    total: i64 = 0
    other: i64 = 0
    while other < state.accounts.assets:
        number = state.collateral_market[other]
        if number != NIL and state.markets[number].asset == asset and is_for_sale(state.markets[number], state.now):
            total += mul_div_floor(worth(state.markets[number], held_of(state, account, other)), share_at(state, other, wanted), PPM)
        other += 1
    return total


def least_share(state: State, account: i64, asset: i64, debt: i64) -> i64:
    """The least share of their worth [ppm], the same of all assets within their bounds, for which they cover a debt [micro]; all of it, if
    none does. By bisection, since what they bring rises with it; a sale at it or above never makes it rise."""
    low: i64 = 0
    high = PPM
    if proceeds(state, account, asset, 0) >= debt:  # mostly so
        return 0
    while low < high:
        middle = (low + high) // 2
        if proceeds(state, account, asset, middle) >= debt:
            high = middle
        else:
            low = middle + 1
    return high


def least_price(state: State, asset: i64, share: i64) -> i64:
    """The lowest price [ticks] at which an asset may be sold for a share of its worth [ppm]: rounded up."""
    market = state.markets[state.collateral_market[asset]]
    return max_i64(1, div_ceil(market.mark * share_at(state, asset, share), PPM))


# -- to whom ----------------------------------------------------------------------------------------------------------------------


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


def sell_to_fund(slices: Slices, account: i64, asset: i64, debt: i64, share: i64) -> None:
    """Let the insurance fund buy an asset for a share [ppm] of its worth, for as much of a debt [micro] as its cash is enough for."""
    state = slices.state
    market = state.markets[state.collateral_market[asset]]
    assets = state.accounts.assets
    purse: int = min(int(debt), int(state.accounts.cash[INSURANCE * assets + market.asset]))
    per_lot = int(lot_value(market, market.mark)) * int(share_at(state, asset, share))  # [micro / PPM]
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


# -- for what ---------------------------------------------------------------------------------------------------------------------


def to_cover(state: State, account: i64, asset: i64) -> i64:
    """What assets that are sold for a debt must bring in all, for nobody else to pay [micro]: the debt, or what cash and open positions owe
    together and positions require, if that is more. Nothing of that is hedged any more. Below 2^62, as equity and requirements are."""
    required: i64 = 0
    for row in cross_rows(state, account, asset):
        required += maintenance_of(market_of(state, row), row_notional(state, row))
    owed = collateral(state, account, asset, NIL, 0) - cross_equity(state, account, asset)
    return max_i64(-state.accounts.cash[account * state.accounts.assets + asset], owed + required)


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
    best = market.best_bid
    while state.accounts.cash[cash] < 0:
        share = least_share(state, account, market.asset, to_cover(state, account, market.asset))
        if best < least_price(state, asset, share):
            break
        needed = div_ceil(-state.accounts.cash[cash], lot_value(market, best))
        sold = sell_in_book(slices, account, asset, min_i64(needed, held_of(state, account, asset) // market.base_lot), best)
        if sold == 0 and market.best_bid == best:  # else bids that could not pay are gone
            break
        best = market.best_bid
    if state.accounts.cash[cash] < 0:
        share = least_share(state, account, market.asset, to_cover(state, account, market.asset))
        sell_to_fund(slices, account, asset, -state.accounts.cash[cash], share)


def owes_for_nothing(state: State, account: i64, asset: i64) -> bool:
    """Is the account's cash below zero, with no cross position open and no liquidation under way that would settle it?"""
    if state.accounts.cash[account * state.accounts.assets + asset] >= 0 or state.accounts.liquidations[account] != 0:
        return False
    return len(cross_rows(state, account, asset)) == 0


def owes_too_much(state: State, account: i64, asset: i64) -> bool:
    """Does the account owe more in cash than it may, with something that stands in for it, and no liquidation under way that settles it?"""
    if state.accounts.cash[account * state.accounts.assets + asset] >= -state.max_debt or not has_collateral(state, account, asset):
        return False
    return state.accounts.liquidations[account] == 0 or state.liquidations.find(account, NIL, asset) is None


class SellCollateral(LiquidationStep):
    """Before any position is closed: what is not needed to hedge is sold until the account is above maintenance, since cash counts for
    more than what stands in for it. What positions and cash owe together is the debt that bounds the price. It gives up at once: the next
    step closes positions in the same pass, if it is still called for. Bids may come later: it acts again in every pass."""

    def __init__(self) -> None:
        super().__init__()
        self.acts_again = True

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
        """Of one asset, level by level of the book, as long as a sale there helps. Each turn sells something, or the best bid is gone."""
        state = case.state
        best = market.best_bid
        while True:
            free = (held_of(state, case.account, asset) - hedged(state, case.account, asset, NIL, 0)) // market.base_lot
            wanted = lots_for(case.maintenance() - case.equity(), market, best, state.collateral_weight[asset])
            if free <= 0 or wanted == 0:
                return
            owed = collateral(state, case.account, market.asset, NIL, 0) - case.equity()
            if best < least_price(state, asset, least_share(state, case.account, market.asset, owed)):
                return
            sold = sell_in_book(case.slices, case.account, asset, min_i64(free, wanted), best)
            if sold == 0 and market.best_bid == best:
                return
            best = market.best_bid


def lots_for(missing: i64, market: Market, price: i64, weight: i64) -> i64:
    """How many lots of an asset, sold at a price [ticks], make up for what an account is short of [micro]: each brings what it fetches and
    takes away what it counted for (`weight` [ppm] of its worth at the mark). Rounded up; 0: nothing is missing, or no number does."""
    gain = int(lot_value(market, price)) * int(PPM) - int(lot_value(market, market.mark)) * int(weight)  # of a lot [micro / PPM]
    if missing <= 0 or gain <= 0:
        return 0
    lots: i64 = min(int(MAX_LOTS), -(-int(missing) * int(PPM) // gain))
    return lots
