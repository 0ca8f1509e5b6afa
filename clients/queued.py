"""Programs that wait for what a venue lets wait: where commands are carried out in blocks, or at a later price, a reply says only that one
is queued, and its outcome comes later.

    order = client.buy("BTC", "0.01", "60000")
    order = run(client, settled(client, order))  # as it is once its turn has come: OPEN, FILLED or CANCELLED; raises Refused

Rules: nothing is waited for without an end, and an order of a venue that carries out at once is settled at once. What waits is asked for,
so that no event that was missed is waited for.
"""

from __future__ import annotations

from typing import Final

from perplab.exchange.codes import OrderState, Reason
from perplab.exchange.units import SECOND_NS

from . import types as t
from .blocking import Shared
from .calls import Call
from .carrying import Program, insist, insist_all, wait
from .errors import Refused, TimedOut

PATIENCE_S: Final = 60.0  # of the venue's time, if nothing else is said
LONGEST_S: Final = 1.0  # between two looks
SHORTEST_S: Final = 0.01
REFUSED: Final = 1_000  # added to a reason's number: the code of the refusal, as docs/api.md has it


def carried_out(client: Shared, *tickets: int, patience_s: float = PATIENCE_S) -> Program[bool]:
    """Wait until none of these commands waits any more. False: one still does, after `patience_s` of the venue's time.

    A command whose ticket is 0 has been carried out already."""
    left = {ticket for ticket in tickets if ticket}
    if not left:
        return True
    start = now = yield from insist(client, client.calls.ping())
    while True:
        waiting = [one for one in (yield from insist_all(client, client.calls.pending)) if one.ticket in left]
        if not waiting:
            return True
        end = start + round(patience_s * SECOND_NS)
        if now >= end:
            return False
        due = min((one.due for one in waiting if one.due is not None), default=now)
        pause = (min(due, end) - now) / SECOND_NS
        yield from wait(min(LONGEST_S, max(SHORTEST_S, pause)) if due > now else LONGEST_S / 4)
        now = yield from insist(client, client.calls.ping())


def settled(client: Shared, order: t.Order, patience_s: float = PATIENCE_S) -> Program[t.Order]:
    """The order as it is once what was asked for has been carried out, and once no auction holds it any more: FILLED or CANCELLED if it is
    immediate, OPEN if it rests.

    Raises Refused, with the reason, if it was placed and is refused when its turn comes, TimedOut if it still waits or is still auctioned
    after `patience_s` of the venue's time. Of an amend or a cancel that is refused then, the order as it is."""
    if not order.ticket and (order.state != OrderState.OPEN or not client.calls.reading.venue.sequencing.waits):
        return order
    heard: list[t.Rejected] = []

    def hear(event: t.Event) -> None:
        if isinstance(event, t.Rejected):
            heard.append(event)

    with client.listening(hear):
        if not (yield from carried_out(client, order.ticket, patience_s=patience_s)):
            raise TimedOut(f"what was asked for of this order still waits after {patience_s:g} s, under ticket {order.ticket}")
    try:
        now = yield from insist(client, question(client, order))
    except Refused as error:
        raise reason_of(error, order) or next((refusal_of(one) for one in heard if one.client_id == order.client_id), error) from None
    return (yield from auctioned_off(client, now, patience_s))


def question(client: Shared, order: t.Order) -> Call[t.Order]:
    """Asks for an order: by its client id where it has no other yet."""
    return client.calls.order(order, None, order.market) if order.order_id else client.calls.order(None, order.client_id, order.market)


def auctioned_off(client: Shared, order: t.Order, patience_s: float) -> Program[t.Order]:
    """The order once no auction holds it. Raises TimedOut."""
    if not order.auctioned:
        return order
    end = (yield from insist(client, client.calls.ping())) + round(patience_s * SECOND_NS)
    while order.auctioned:
        if (yield from insist(client, client.calls.ping())) >= end:
            raise TimedOut(f"order {order.order_id} is still auctioned after {patience_s:g} s")
        yield from wait(LONGEST_S / 4)
        order = yield from insist(client, question(client, order))
    return order


def reason_of(error: Refused, order: t.Order) -> Refused | None:
    """Why an order that is not known was refused when its turn had come, as the server tells; None: it does not."""
    name = error.data.get("refused")
    if not isinstance(name, str) or name not in Reason.__members__:
        return None
    return Refused(REFUSED + Reason[name], name, "Place was refused when its turn had come", {"client_id": order.client_id})


def refusal_of(event: t.Rejected) -> Refused:
    """What a command that was refused when its turn had come would have raised at once."""
    reason = Reason(event.reason)
    return Refused(REFUSED + reason, reason.name, f"{event.command} was refused when its turn had come", {"account": event.account})
