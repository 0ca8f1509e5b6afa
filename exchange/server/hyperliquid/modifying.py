"""modify and batchModify: orders that take the place of others. All cancels come first, and then all new orders.

What refuses a new order now refuses it before anything is cancelled, and then the old one stays as it is. What comes between the two, where
commands wait, is too late for that: the old order is gone then, and the refusal says so. What waits for an order's fills waits for those of
the new one.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Final

from msgspec import Struct

from ...engine import Exchange
from ...schema.codes import CancelReason, OrderState, Reason, Side
from ...schema.messages import Cancel, CancelClient, Tick, VenueBroken, command_row
from ...state.algos import G_ACCOUNT
from ...state.types import NIL
from ..errors import Refusal, Trouble
from ..routing import FILLED, block_of
from . import refusals
from .actions import MOST_OID, cancel_row, default, market_of
from .children import Group
from .dialect import Dialect
from .errors import Failed, Unreadable, Wrong
from .grouping import Bracket, bracket_of, let_wait, link, pass_limits, resized, wrong_children
from .hearing import W
from .placing import MISSHAPEN, Wanted, Whole, give_client_id, heed_faults, is_unfilled, listed, status, statuses, wanted
from .settling import Body, Came, Work

OWN_SLIP: Final = "Error placing new order during modify: "
Modified = Generator[list[int], Came, list[object]]


class Change(Struct, gc=False):
    """An order that is to be another one."""

    one: Wanted
    always: bool  # is the new order placed even if the old one is gone?
    cancel: list[int] | None  # the command; None: there is surely nothing to cancel
    number: int = 0  # of the open order that it would cancel; 0: there is none
    bracket: Bracket | None = None  # that waits for the order's fills
    group: Group[Wanted] | None = None  # the same, in this server
    partner: int = 0  # id of the trigger that goes when this one fires; 0: none
    other: str = ""  # that the order is one of another coin, as the refusal says it
    is_over: bool = False  # is the old order cancelled for it?
    told: object = None  # what it came to; None: that is not known yet

    @property
    def row(self) -> list[int]:
        """The command that places the new order."""
        return self.one.row if self.bracket is None else self.bracket.row(self.one.row)

    def refuse(self, text: str) -> None:
        self.told = {"error": text}


def modify(dialect: Dialect, action: Body, account: int) -> Work:
    """One order, whose new number is not told."""
    reply = yield from _modify(dialect, [action], account, is_alone=True)
    told = reply[0]
    if isinstance(told, dict) and "error" in told:
        raise Failed(told["error"])
    return default()


def batch_modify(dialect: Dialect, action: Body, account: int) -> Work:
    items = listed(action, "modifies")
    if action.get("a") is True:
        items = [{**item, "a": True} if isinstance(item, dict) else item for item in items]
    return statuses((yield from _modify(dialect, items, account, is_alone=False)))


def _modify(dialect: Dialect, items: list[object], account: int, is_alone: bool) -> Modified:
    slip = OWN_SLIP if is_alone else ""
    yield list(command_row(Tick(0)))  # what is due by now happens first: what is asked and the cancels are of one time
    changes = [_change(dialect, item, account) for item in items]
    _refuse_beforehand(dialect, account, changes, slip)
    _refuse_taken(dialect, account, changes)
    rows = [cell for change in changes if change.told is None for cell in change.cancel or ()]
    came = (yield rows) if rows else None
    gone = _gone(dialect, account, changes, came)
    new = list[int]()
    for change in changes:
        if change.told is not None:
            continue
        give_client_id(dialect, change.one, gone)
        new += change.row
    came, number = (yield new) if new else None, 0
    heirs = {change.number: 0 for change in changes if change.is_over}
    for change in changes:
        if change.told is None and came is not None:
            change.told = yield from _settled(dialect, change, (came, number), heirs, slip)
            number += 1
    return [change.told for change in changes]


def _gone(dialect: Dialect, account: int, changes: list[Change], came: Came | None) -> set[int]:
    """Hear what the cancels came to; the ids of the orders that are gone by them. Without one there is no new order, unless that is to be
    placed always."""
    gone, number = set[int](), 0
    for change in changes:
        if change.told is not None:
            continue
        reason = int(Reason.UNKNOWN_ORDER)
        if change.cancel is not None and came is not None:
            reason, number = came.reason(number), number + 1
        if reason and not change.always:
            known = reason == Reason.UNKNOWN_ORDER
            change.refuse(refusals.UNMODIFIABLE + change.other if known else refusals.of_cancel(change.one.coin, reason))
        elif change.cancel is not None and not reason:
            change.is_over = True
            row = change.cancel
            found = dialect.host.exchange.client_order(account, row[3], row[4]) if row[0] == CancelClient.KIND else None
            gone.add(found[0] if found is not None else row[3])
    return gone


def _settled(
    dialect: Dialect, change: Change, outcome: tuple[Came, int], heirs: dict[int, int], slip: str
) -> Generator[list[int], Came, object]:
    """What a new order came to. What has waited for the old one waits for it. `heirs`: by old orders that are gone the ids of those in
    their place, 0: not known yet."""
    came, number = outcome
    one, account = change.one, change.one.row[2]
    told = status(dialect, one, came, number)
    if "error" in told:
        return {"error": f"{slip}{told['error']}{refusals.OLD_IS_GONE if change.is_over else ''}"}
    order_id = heirs[change.number] = came.order_id(number)
    partner = heirs.get(change.partner, change.partner) if change.partner else 0
    if change.bracket is not None:
        pass_limits(dialect, account, change.number, order_id)
    elif change.group is not None:
        before = 0  # of one that is not gone for this its own children look after what it has filled
        if change.is_over:
            old = dialect.host.history.order(account, change.number)
            before = change.group.before + (0 if old is None else old.filled)
        entry = order_id, came.told[number * W + FILLED], "resting" in told
        yield from let_wait(dialect, one, resized(change.group, before, one), entry, before)
    elif partner and one.tpsl and "resting" in told:
        yield link(account, [order_id, partner])  # refused if that is gone by now
    return told


# -- what is asked for -----------------------------------------------------------------------------------------------------------------


def _change(dialect: Dialect, item: object, account: int) -> Change:
    """Raises Unreadable, Failed or Whole, and nothing is done."""
    if not isinstance(item, dict) or "oid" not in item:
        raise Unreadable(MISSHAPEN)
    try:
        one = wanted(dialect, account, item.get("order"))
    except Wrong as error:
        raise Whole(str(error)) from None
    cancel = cancel_row(dialect, account, item["oid"], one.coin, isinstance(item["oid"], str))
    number = _order_of(dialect.host.exchange, account, cancel) or 0
    group = dialect.children.group(account, number)
    bracket, partner = None, 0
    if number:
        bracket, partner = bracket_of(dialect, number), int(dialect.host.exchange.state.links.partner(number))
    other = _of_other_coin(dialect, account, item["oid"]) if cancel is None else ""
    return Change(one, item.get("a") is True, cancel, number, bracket, group, partner, other)


def _of_other_coin(dialect: Dialect, account: int, oid: object) -> str:
    """Of an order of which there is none of the coin that was named: there is one of another."""
    venue = dialect.host.exchange
    if isinstance(oid, str):
        hi, lo = dialect.cloids.halves(account, oid.lower())
        found = venue.client_order(account, hi, lo) if hi or lo else None
        market = found[1] if found is not None and found[2] == OrderState.OPEN else None
    else:
        assert isinstance(oid, int)
        market = market_of(venue, account, oid) if 0 < oid <= MOST_OID else None
    coin = None if market is None else dialect.coins.by_market.get(market)
    return "" if coin is None else refusals.OTHER_COIN.format(coin=coin.name)


def _order_of(venue: Exchange, account: int, row: list[int] | None) -> int | None:
    """The open order that a command would cancel; None: there is none."""
    if row is None:
        return None
    if row[0] == Cancel.KIND:
        number, triggers = row[3], venue.state.triggers
        place = triggers.find(number)
        is_own = place != NIL and triggers.cells[place + G_ACCOUNT] == account
        return number if is_own or venue.open_order(account, number) is not None else None
    found = venue.client_order(account, row[3], row[4]) if row[3] or row[4] else None
    return found[0] if found is not None and found[2] == OrderState.OPEN else None


# -- what is refused before anything is cancelled ---------------------------------------------------------------------------------------


def _refuse_beforehand(dialect: Dialect, account: int, changes: list[Change], slip: str) -> None:
    """Refuse what the venue would refuse now. Raises Refusal."""
    venue = dialect.host.exchange
    for change in changes:
        if not change.number and not change.always:
            continue
        try:
            _refuse_unfit(dialect, account, change)
            heed_faults(dialect, change.one)
        except Wrong as error:
            change.refuse(f"{slip}{error}")
    asked = [change for change in changes if change.number and change.told is None]
    try:
        reasons = venue.refusals(block_of([cell for change in asked for cell in change.row]), [change.number for change in asked])
    except VenueBroken as error:
        raise Refusal(Trouble.BROKEN, str(error)) from error
    for change, reason in zip(asked, reasons, strict=True):
        if reason:
            text = refusals.of_gone(change.one.coin, CancelReason.IMMEDIATE, change.one.tif == "FrontendMarket")
            change.refuse(f"{slip}{text if reason == Reason.NOT_FILLABLE else _why(dialect, change, reason)}")


def _why(dialect: Dialect, change: Change, reason: int) -> str:
    coin = change.one.coin
    of_children = reason == Reason.BRACKET_PRICES
    return refusals.about(refusals.UNPROTECTED_CHANGE, coin) if of_children else refusals.of_order(dialect, coin, reason)


def _refuse_unfit(dialect: Dialect, account: int, change: Change) -> None:
    """Refuse what could not keep the take-profit and the stop that wait for its order. Raises Wrong."""
    one, order = change.one, dialect.host.exchange.open_order(account, change.number)
    if order is None or (change.bracket is None and change.group is None):
        return
    if one.tpsl or one.reduces or one.is_buy != (order.side == Side.BUY):
        raise Wrong(refusals.about(refusals.CHILDLESS, one.coin))
    if change.group is not None and not one.is_immediate and any(wrong_children(dialect, one, change.group.children)):
        raise Wrong(refusals.about(refusals.UNPROTECTED_CHANGE, one.coin))


def _refuse_taken(dialect: Dialect, account: int, changes: list[Change]) -> None:
    """Refuse what would get the client id of another order that stays open or was filled, or of one before it in the batch: it is not
    cancelled, then, and keeps its own client id, which others of the batch cannot have. One that is not open has nothing to lose."""
    venue, had, cloids = dialect.host.exchange, dict[int, Change](), set[str]()
    losing: list[Change] = []
    for change in changes:
        if change.told is not None:
            continue
        if change.number:
            losing.append(change)
            had.setdefault(change.number, change)
        elif change.always and change.one.cloid is not None:
            cloids.add(change.one.cloid)
    heirs: dict[int, Change] = {}  # by order: who would have its client id
    stay: list[Change] = []
    for change in losing:
        cloid = change.one.cloid
        if cloid is None:
            continue
        hi, lo = dialect.cloids.halves(account, cloid)
        found = venue.client_order(account, hi, lo) if hi or lo else None
        is_open = found is not None and found[2] == OrderState.OPEN
        if cloid in cloids or (found is not None and (found[0] not in had if is_open else not is_unfilled(found))):
            stay.append(change)
        elif found is not None and is_open:
            heirs[found[0]] = change
        cloids.add(cloid)
    while stay:
        _keep(stay.pop(), heirs, stay)


def _keep(change: Change, heirs: dict[int, Change], stay: list[Change]) -> None:
    """An order keeps its client id: who would have had that stays, too."""
    change.refuse(refusals.about(refusals.DUPLICATE, change.one.coin))
    heir = heirs.pop(change.number, None)
    if heir is not None and heir is not change:
        stay.append(heir)
