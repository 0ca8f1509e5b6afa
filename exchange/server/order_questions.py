"""The answer to what became of an order, a trigger or a TWAP: an open one as it is, another as the events that are kept tell."""

from __future__ import annotations

from collections.abc import Iterator

from ..schema.codes import OrderState, Reason
from ..schema.views import Waiting
from . import requests as r
from .asking import Asker, Desk, Work
from .errors import Data, Refusal, Trouble
from .orders import Found, Tale, client_order, is_auctioned, open_order, refusal_of, tale_of, waiting_order
from .private import LOOKED_AT
from .rows import client_halves
from .told import due_of


def order(desk: Desk, session: Asker, request: r.OrderQuery) -> Data | Work:
    account = session.readable(request.account)
    if (request.order_id is None) == (request.client_id is None):
        raise Refusal(Trouble.MISSING_FIELD, "say which order: by order_id or by client_id", field="order_id")
    if request.client_id is not None:
        halves = client_halves(request.client_id)
        found = client_order(desk.host.exchange, account, *halves)
        if found is not None:
            return _found(desk, account, found)
        waits = waiting_order(desk.host.exchange, account, *halves)
        return _never(desk, account, request.client_id) if waits is None else _waits(desk, waits)
    assert request.order_id is not None
    one = open_order(desk.host.exchange, account, request.order_id)
    if one is None and request.order_id > desk.host.exchange.state.last_order_id:
        raise _no_order(request.order_id)
    if one is None:
        return _closed(desk, account, request.order_id)
    return _found(desk, account, one)


def _found(desk: Desk, account: int, found: Found) -> Work:
    """An order that the venue knows, as it is now."""
    order_id, market, state, size, filled = found
    auctioned = is_auctioned(desk.host.exchange, account, order_id)
    known = {"order_id": order_id, "market": market, "state": OrderState(state).name, "open": size, "filled": filled}
    linked = desk.host.exchange.linked_with(order_id)
    return _valued(desk, account, {**known, "auctioned": auctioned, "linked_with": linked}, desk.host.exchange.state.log.seq)


def _waits(desk: Desk, one: Waiting) -> Data:
    """An order that waits for its turn, as the reply to it was: it has no number yet."""
    venue = desk.host.exchange
    queued = {"status": "queued", "ticket": one.ticket, "due": due_of(one.due)}
    return {**queued, "market": one.market, "ts": venue.now, "seq": int(venue.state.log.seq)}


def _valued(desk: Desk, account: int, known: Data, seq: int) -> Work:
    """What the fills of an order have come to as of event `seq`, if the events that are kept tell of all of them, and why it is gone."""
    order_id, filled = known["order_id"], known["filled"]
    assert isinstance(order_id, int)
    tale = Tale()
    if filled or known["state"] == OrderState.CANCELLED.name:
        until = (row for row in _concerning(desk, account) if row is None or row[1] <= seq)  # it may be filled meanwhile
        tale = yield from tale_of(order_id, until, desk.host.units)
    notional = tale.notional if tale.filled == filled and not tale.lacks else None
    return {**known, "filled_notional": notional, "cancel_reason": tale.why if known["state"] == OrderState.CANCELLED.name else None}


def _closed(desk: Desk, account: int, order_id: int) -> Work:
    """What the last events tell of an order that is not open. Raises Refusal."""
    tale = yield from tale_of(order_id, _concerning(desk, account), desk.host.units)
    if tale.state is None:
        raise _no_order(order_id)
    return {
        "order_id": order_id, "market": tale.market, "state": tale.state.name, "open": 0, "filled": tale.filled,
        "filled_notional": tale.notional if (tale.is_whole and not tale.lacks) or not tale.filled else None, "auctioned": False,
        "linked_with": 0, "cancel_reason": tale.why,
    }  # fmt: skip


def _never(desk: Desk, account: int, client_id: r.ClientId) -> Work:
    """Raises Refusal: with why the order was refused when its turn had come, if it was."""
    reason = yield from refusal_of(*client_halves(client_id), _concerning(desk, account))
    if reason is None:
        message = "no open order of the account has it, and none of the last closed ones"
        raise Refusal(Trouble.UNKNOWN_ORDER_OF_CLIENT, message, field="client_id", given=client_id)
    why = Reason(reason).name
    message = f"the last order with it was refused: {why}"
    raise Refusal(Trouble.UNKNOWN_ORDER_OF_CLIENT, message, field="client_id", given=client_id, refused=why)


def _no_order(order_id: int) -> Refusal:
    message = "the account has no such order, or it was closed too long ago"
    return Refusal(Trouble.UNKNOWN_ORDER_OF_CLIENT, message, field="order_id", given=order_id)


def _concerning(desk: Desk, account: int) -> Iterator[list[int] | None]:
    """The events of an account that are kept, and None wherever others may have a turn."""
    looked, ring = 0, desk.host.ring
    while ring is desk.host.ring:
        rows, end = ring.since(looked, account, LOOKED_AT)
        if end == looked:  # no event behind it is kept: there is none, or a rewind has taken what there was
            return
        looked = end
        yield from rows
        yield None
