"""Programs that wait for what a venue lets wait: where commands are carried out in blocks, or at a later price, a reply says only that one
is queued, and its outcome comes later.

    order = client.buy("BTC", "0.01", "60000")
    order = run(client, settled(client, order))  # as it is once its turn has come: OPEN, FILLED or CANCELLED; raises Refused

Rules: nothing is waited for without an end, and an order of a venue that carries out at once is settled at once. What waits is asked for,
so that no event that was missed is waited for.
"""

from __future__ import annotations

from typing import Final

from perplab.exchange.codes import Reason
from perplab.exchange.units import SECOND_NS

from . import types as t
from .blocking import Shared
from .carrying import Program, insist, wait
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
        waiting = [one for one in (yield from insist(client, client.calls.pending())) if one.ticket in left]
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
    """The order as it is once what was asked for has been carried out: what was placed, amended or cancelled.

    Raises Refused if it was refused then, TimedOut if it still waits after `patience_s` of the venue's time. Why it was refused is known
    where the private stream is subscribed to."""
    if not order.ticket:
        return order
    heard: list[t.Rejected] = []

    def hear(event: t.Event) -> None:
        if isinstance(event, t.Rejected):
            heard.append(event)

    with client.listening(hear):
        if not (yield from carried_out(client, order.ticket, patience_s=patience_s)):
            raise TimedOut(f"what was asked for of this order still waits after {patience_s:g} s, under ticket {order.ticket}")
    call = client.calls.order(order, None, order.market) if order.order_id else client.calls.order(None, order.client_id, order.market)
    try:
        return (yield from insist(client, call))
    except Refused as error:
        raise next((refusal_of(one) for one in heard if one.client_id == order.client_id), error) from None


def refusal_of(event: t.Rejected) -> Refused:
    """What a command that was refused when its turn had come would have raised at once."""
    reason = Reason(event.reason)
    return Refused(REFUSED + reason, reason.name, f"{event.command} was refused when its turn had come", {"account": event.account})
