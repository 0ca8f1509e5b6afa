"""The answer to a what-if: what an order would come to if it came now. It costs as much as an order, since it takes as long."""

from __future__ import annotations

from typing import Final

from msgspec.structs import fields

from ..schema.messages import Place, VenueBroken, command_of_row
from ..schema.views import Preview
from . import requests as r
from .asking import Asker, Desk
from .errors import Data, Refusal, Trouble
from .naming import named_view

_NAMES: Final = tuple(field.name for field in fields(Preview))
AFTERWARDS: Final = _NAMES[_NAMES.index("mid_slippage_ppm") :]  # what there is only once an order has come in


def preview(desk: Desk, session: Asker, request: r.PreviewQuery) -> Data:
    """Raises Refusal."""
    account = session.readable(request.account)
    host = desk.host
    row = host.rows.row(request, account)
    session.pay(1)
    order = command_of_row(row)
    assert isinstance(order, Place)
    try:
        told = named_view(host.exchange.preview(order))
    except VenueBroken as error:
        raise Refusal(Trouble.BROKEN, str(error)) from error
    for name in ("reason", "cancel_reason", "liquidation_price"):  # 0: there is none
        told[name] = told[name] or None
    rule = host.exchange.design.money.withdrawals
    if rule == "none" or (rule == "flat" and (told["size"] or told["rests"] or not host.exchange.is_flat(account, order.market))):
        told["free_margin"] = 0  # by the venue's ways of money
    if told["reason"] is not None:
        told.update(dict.fromkeys(AFTERWARDS))
    return {"account": account, "market": order.market, **told, "ts": host.exchange.now}
