"""The screen of a pass: which accounts it has to examine.

The base names everybody. `AlarmScreen` names those who may be below maintenance: it looks at the accounts that are due, and gives the
others alarms, marks up to which they are surely safe (state/alarms.py). The pass then examines whom it names, exactly.

Why an alarm is safe. What an account has over its requirement now, less what it would owe at the ceilings of its markets' accruals, is
shared out evenly among its positions. A tick against a position costs at most lots x unit, and a short as much again times the highest
maintenance rate, by which its requirement grows; rounding costs a micro-unit more. Requirements are continuous and rise with the
notional, by no more than the notional itself (load_venue sees to it), so a tick in favour of a position costs nothing but that rounding.
As long as no market has used up its share, the account has something left. Shares and distances round down.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64, mypyc_attr

from ..money.margin import cross_equity, cross_maintenance, is_cross, market_of, profit_at, row_equity, row_maintenance
from ..money.payoff import lot_value, tick_value
from ..schema.kinds import ISOLATED
from ..state.alarms import LONG, SHORT, Alarms
from ..state.market import Market
from ..state.state import State
from ..state.tables import P_MODE, P_NEXT, P_SIZE
from ..state.types import FIRST_USER, NIL, abs_i64, accrual_due, max_i64, ppm_ceil

SLACK: Final[i64] = 10  # a ceiling is 2^-10 of a lot's value above the accrual: ten to twenty hours of funding at 0.005 to 0.01 % an hour
SMALL: Final[i64] = 1 << 31  # accrual_due is fast below


@mypyc_attr(allow_interpreted_subclasses=True)
class Screen:
    """Says which accounts a pass must examine: the base, all. It may name too many, never too few."""

    def suspects(self, state: State) -> list[int]:
        """Account numbers, rising."""
        return list(range(FIRST_USER, state.accounts.count))


class AlarmScreen(Screen):
    """Who is due, and may be below maintenance. The cost is that of accounts that have changed or whose alarms were crossed."""

    def suspects(self, state: State) -> list[int]:
        self.follow(state)
        alarms = state.alarms
        if alarms.everyone:
            self.list_everyone(state)
        alarms.put_in_order(state.accounts.count)
        found: list[int] = []
        waiting = alarms.count
        alarms.count = 0
        at: i64 = 0
        while at < waiting:
            account = alarms.due[at]
            alarms.is_due[account] = 0
            if not arm(state, account):
                alarms.note(account)  # on the list again, at a place that has been read
                found.append(int(account))
            at += 1
        found.sort()
        return found

    def follow(self, state: State) -> None:
        """All marks and accruals are as they are now."""
        alarms = state.alarms
        if alarms.buckets == 0:
            highest: i64 = 0
            for market in state.markets:
                highest = max_i64(highest, market.max_price)
            alarms.open(highest)
        for market in state.markets:
            if alarms.marks[market.number] != market.mark:
                alarms.follow(market.number, market.mark, state.positions.cells)
            self.follow_accrual(alarms, market, market.accrual_long, market.number * 2 + LONG)
            self.follow_accrual(alarms, market, market.accrual_short, market.number * 2 + SHORT)

    def follow_accrual(self, alarms: Alarms, market: Market, accrual: i64, side: i64) -> None:
        """Beyond its ceiling everyone is due; far below it, it is lowered, which harms nobody."""
        slack = max_i64(1, (lot_value(market, market.mark) << market.accrual_shift) >> SLACK)
        ceiling = alarms.ceiling[side]
        if accrual > ceiling:
            alarms.everyone = True
        elif accrual >= ceiling - 2 * slack:
            return
        alarms.ceiling[side] = accrual + slack

    def list_everyone(self, state: State) -> None:
        account = FIRST_USER
        while account < state.accounts.count:
            if state.accounts.first_position[account] != NIL:
                state.alarms.hold(account)
                state.alarms.note(account)
            account += 1
        state.alarms.everyone = False


# -- one account ------------------------------------------------------------------------------------------------------------------


def arm(state: State, account: i64) -> bool:
    """Give each open position of the account its alarm; False: it may be below maintenance now, or so close to it that it stays due."""
    cells = state.positions.cells
    is_safe = True
    crosses: i64 = 0
    row = state.accounts.first_position[account]
    if state.has_collateral and holds_other_assets(state, account):
        while row != NIL:
            state.alarms.clear(row)
            row = cells[row + P_NEXT]
        return False
    while row != NIL:
        if cells[row + P_SIZE] == 0:
            state.alarms.clear(row)
        elif cells[row + P_MODE] == ISOLATED:
            spare = row_equity(state, row) - row_maintenance(state, row) - still_due(state, row)
            is_safe = arm_row(state, row, spare) and is_safe
        else:
            crosses += 1
        row = cells[row + P_NEXT]
    asset: i64 = 0
    while crosses > 0 and asset < state.accounts.assets:
        is_safe = arm_cross(state, account, asset) and is_safe
        asset += 1
    return is_safe


def holds_other_assets(state: State, account: i64) -> bool:
    """Has the account anything that stands in for cash? Its equity goes with more marks than those of its positions: it stays due."""
    asset: i64 = 0
    while asset < state.accounts.assets:
        if state.collateral_market[asset] != NIL and state.accounts.cash[account * state.accounts.assets + asset] != 0:
            return True
        asset += 1
    return False


def arm_cross(state: State, account: i64, asset: i64) -> bool:
    """The same of the account's cross positions in an asset, each of which gets an even share of what is to spare."""
    cells = state.positions.cells
    spare = state.accounts.cash[account * state.accounts.assets + asset]
    sharing: i64 = 0
    row = state.accounts.first_position[account]
    while row != NIL:
        if is_cross(state, row, asset):
            market = market_of(state, row)
            spare += profit_at(market, cells, row, market.mark) - row_maintenance(state, row) - still_due(state, row)
            sharing += 1
        row = cells[row + P_NEXT]
    if sharing == 0:
        return True
    is_safe = True
    row = state.accounts.first_position[account]
    while row != NIL:
        if is_cross(state, row, asset):
            is_safe = arm_row(state, row, spare // sharing) and is_safe
        row = cells[row + P_NEXT]
    return is_safe


def still_due(state: State, row: i64) -> i64:
    """What the position would owe at its accrual's ceiling and does not owe yet [micro], rounded up."""
    market = market_of(state, row)
    size = state.positions.cells[row + P_SIZE]
    rise = state.alarms.ceiling[market.number * 2 + LONG] - market.accrual_long
    if size < 0:
        rise = state.alarms.ceiling[market.number * 2 + SHORT] - market.accrual_short
    shift = market.accrual_shift
    while rise >= SMALL and shift >= 8:
        rise = (rise >> 8) + 1
        shift -= 8
    return accrual_due(abs_i64(size), rise, shift)


def arm_row(state: State, row: i64, spare: i64) -> bool:
    """The alarm of an open position that may cost `spare` [micro]; False: it may cost nothing, and gets none."""
    alarms = state.alarms
    market = market_of(state, row)
    size = state.positions.cells[row + P_SIZE]
    if spare < 1:
        alarms.clear(row)
        return False
    tick = tick_value(market, abs_i64(size))
    if size < 0:
        tick += ppm_ceil(tick, market.maintenance_ppm[market.tiers - 1])  # the highest rate: they do not fall from tier to tier
    ticks = (spare - 1) // tick + 1
    price = market.mark - ticks if size > 0 else market.mark + ticks
    if 1 <= price <= market.max_price:
        alarms.set(row, market.number, LONG if size > 0 else SHORT, price)
    else:
        alarms.clear(row)
    return True


# -- proof ------------------------------------------------------------------------------------------------------------------------


def check_alarms(state: State) -> None:
    """Nobody below maintenance is missed: he is due, or an alarm of his has been crossed, or an accrual is above its ceiling."""
    alarms = state.alarms
    alarms.check()
    for market in state.markets:
        side = market.number * 2
        if market.accrual_long > alarms.ceiling[side + LONG] or market.accrual_short > alarms.ceiling[side + SHORT]:
            return
    account = FIRST_USER
    while account < state.accounts.count and not alarms.everyone:
        if alarms.is_due[account] != 1 and not has_crossed(state, account):
            assert not has_fallen(state, account), f"account {account} is below maintenance, and no pass will look at it"
            assert not state.has_collateral or not holds_other_assets(state, account), f"account {account} may owe, and no pass will look"
        account += 1


def has_crossed(state: State, account: i64) -> bool:
    """Will an alarm of the account tell that it is due?"""
    cells = state.positions.cells
    row = state.accounts.first_position[account]
    while row != NIL:
        if state.alarms.is_crossed(row, market_of(state, row).mark, LONG if cells[row + P_SIZE] > 0 else SHORT):
            return True
        row = cells[row + P_NEXT]
    return False


def has_fallen(state: State, account: i64) -> bool:
    """Is anything of the account below maintenance: an isolated position, or its cross positions in an asset?"""
    cells = state.positions.cells
    row = state.accounts.first_position[account]
    while row != NIL:
        if cells[row + P_SIZE] != 0:
            asset = market_of(state, row).asset
            if cells[row + P_MODE] == ISOLATED:
                if row_equity(state, row) < row_maintenance(state, row):
                    return True
            elif cross_equity(state, account, asset) < cross_maintenance(state, account, asset):
                return True
        row = cells[row + P_NEXT]
    return False
