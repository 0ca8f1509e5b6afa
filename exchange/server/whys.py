"""Why the venue has refused a command, where its reason alone leaves open what to do: a text of its own, and what there is instead.

Amounts are in micro-units, and as of the reply: other commands of the same block may have been carried out since.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from ..engine import Exchange
from ..money.margin import cross_room, initial_of, market_of, row_equity, row_initial, row_notional, row_order_initial, transfer_margin
from ..schema.codes import MarginMode, Reason, Side, TriggerKind
from ..schema.messages import (
    Amend,
    Command,
    MoveIsolatedMargin,
    Place,
    PlaceBracket,
    PlaceTrigger,
    SetLeverage,
    Transfer,
    Withdraw,
    columns_of,
)
from ..state.tables import P_ISOLATED_MARGIN
from .errors import REASON_TEXT, Data

Why = tuple[str, Data]
FIXED: Final = "triggers and TWAPs cannot be amended: cancel it, and place another one"
ORDER: Final = "the account has not the initial margin of this order beside that of its positions and other open orders"
SPOT: Final = "the account has not what this order gives beside what its other orders in the asset do"
MONEY: Final = "less would stay than positions and open orders require: initial margin, or the venue's transfer margin, where that is more"
TAKEN: Final = "the isolated position would have less than it and its orders need at its leverage, or than the venue's transfer margin"
LEVERAGE: Final = "at this leverage the account would not meet the initial margin of its positions and open orders"
ISOLATED: Final = "at this leverage the isolated position needs more margin than it has: move some in first"


def why(venue: Exchange, row: Sequence[int], reason: int) -> Why:
    """`row`: the command, which was refused for `reason`. What to say, and what to tell besides."""
    special = WHYS.get((row[0], reason))
    return special(venue, row) if special is not None else (REASON_TEXT[Reason(reason)], {})


def of(row: Sequence[int], command: type[Command], *names: str) -> list[int]:
    """Fields of a packed command."""
    return [row[columns_of(command)[name]] for name in names]


def of_amend(venue: Exchange, row: Sequence[int]) -> Why:
    account, order_id = of(row, Amend, "account", "order_id")
    if order_id in {*(one.order_id for one in venue.triggers(account)), *(one.order_id for one in venue.twaps(account))}:
        return FIXED, {}
    return REASON_TEXT[Reason.UNKNOWN_ORDER], {}


def of_trigger(venue: Exchange, row: Sequence[int]) -> Why:
    """Which of the terms do not go together."""
    kind, size, reduces, slippage, limit, trail = of(row, PlaceTrigger, "trigger", "size", "reduce_only", "slippage_ppm", "price", "trail")
    name = TriggerKind(kind).name
    if not size and not reduces:
        return "without a size it is for the whole position, and has to be reduce_only", {"field": "reduce_only"}
    if slippage and limit:
        return "with a price it is a limit order, and has no slippage_ppm", {"field": "slippage_ppm"}
    if kind in (TriggerKind.STOP, TriggerKind.TAKE_PROFIT):
        return (f"{name} has no trail", {"field": "trail"}) if trail else (f"{name} needs a trigger_price", {"field": "trigger_price"})
    if not trail:
        return f"{name} needs a trail", {"field": "trail"}
    most = "1,000,000 (100 %)" if kind == TriggerKind.TRAILING_PPM else "the price that it begins at"
    return f"the trail of {name} is below {most}", {"field": "trail"}


def of_leverage_limit(venue: Exchange, row: Sequence[int]) -> Why:
    (number,) = of(row, SetLeverage, "market")
    market = venue.design.markets[number]
    return f"the leverage in {market.name} is at most {market.max_leverage}", {"max_leverage": int(market.max_leverage)}


def of_balance(venue: Exchange, row: Sequence[int]) -> Why:
    """Money that leaves: more than the account has."""
    account, asset = of(row, Withdraw, "account", "asset") if row[0] == Withdraw.KIND else of(row, Transfer, "account", "asset")
    return REASON_TEXT[Reason.INSUFFICIENT_BALANCE], leaving(venue, account, asset)


def of_spot(venue: Exchange, row: Sequence[int]) -> Why:
    """What the order would give, its fee included, and that other orders give already."""
    account, number, side = of(row, Place, "account", "market", "side")
    market = venue.state.markets[number]
    asset = int(market.asset if side == Side.BUY else market.base)
    return SPOT, {"asset": asset, "balance": venue.balance(account, asset)}


def of_order(venue: Exchange, row: Sequence[int]) -> Why:
    account, market = of(row, Place, "account", "market")  # a bracket has them there, too
    asset = int(venue.state.markets[market].asset)
    available = venue.available_margin(account, asset)
    if venue.position(account, market).mode == MarginMode.ISOLATED:  # which draws on cash alone
        available = min(available, int(cross_room(venue.state, account, asset)))
    return ORDER, {"available": available}


def of_withdrawal(venue: Exchange, row: Sequence[int]) -> Why:
    return MONEY, leaving(venue, *of(row, Withdraw, "account", "asset"))


def of_transfer(venue: Exchange, row: Sequence[int]) -> Why:
    return MONEY, leaving(venue, *of(row, Transfer, "account", "asset"))


def leaving(venue: Exchange, account: int, asset: int) -> Data:
    return {"withdrawable": max(0, venue.free_margin(account, asset))}


def of_move(venue: Exchange, row: Sequence[int]) -> Why:
    """Into an isolated position, or out of it."""
    account, number, amount = of(row, MoveIsolatedMargin, "account", "market", "amount")
    if amount > 0:
        return MONEY, leaving(venue, account, int(venue.state.markets[number].asset))
    state, at = venue.state, venue.state.find_position(account, number)
    market, cells = market_of(state, at), state.positions.cells
    needed = max(row_initial(state, at), row_order_initial(market, cells, at), transfer_margin(state, row_notional(state, at)))
    return TAKEN, {"removable": int(max(0, min(row_equity(state, at) - needed, cells[at + P_ISOLATED_MARGIN])))}


def of_leverage(venue: Exchange, row: Sequence[int]) -> Why:
    account, number, leverage = of(row, SetLeverage, "account", "market", "leverage")
    state, position = venue.state, venue.position(account, number)
    if position.mode == MarginMode.ISOLATED and position.size:
        at = state.find_position(account, number)
        short = initial_of(state.markets[number], row_notional(state, at), leverage) - row_equity(state, at)
        if short > 0:
            return ISOLATED, {"shortfall": int(short)}
    return LEVERAGE, {"available": venue.available_margin(account, int(state.markets[number].asset))}


MARGIN: Final = int(Reason.INSUFFICIENT_MARGIN)
BALANCE: Final = int(Reason.INSUFFICIENT_BALANCE)
WHYS: Final[dict[tuple[int, int], Callable[[Exchange, Sequence[int]], Why]]] = {
    (Amend.KIND, int(Reason.UNKNOWN_ORDER)): of_amend,
    (PlaceTrigger.KIND, int(Reason.TRIGGER_TERMS)): of_trigger,
    (SetLeverage.KIND, int(Reason.LEVERAGE_LIMIT)): of_leverage_limit,
    (Withdraw.KIND, BALANCE): of_balance,
    (Transfer.KIND, BALANCE): of_balance,
    (Place.KIND, BALANCE): of_spot,
    (Place.KIND, MARGIN): of_order,
    (PlaceBracket.KIND, MARGIN): of_order,
    (Withdraw.KIND, MARGIN): of_withdrawal,
    (Transfer.KIND, MARGIN): of_transfer,
    (MoveIsolatedMargin.KIND, MARGIN): of_move,
    (SetLeverage.KIND, MARGIN): of_leverage,
}
