"""Orders that several bots send alike."""

from __future__ import annotations

from perplab.exchange.messages import Place, Side, TimeInForce
from perplab.exchange.units import BP

from .base import NOTHING, Rows, Seat, pack


def at_once(seat: Seat, change: int, price: float, slippage_bp: float) -> Rows:
    """One immediate order that changes the position by so many lots, signed, no further than `slippage_bp` beyond `price` [ticks]."""
    if not change:
        return NOTHING
    limit = max(1, round(price * (1.0 + slippage_bp * BP * (1 if change > 0 else -1))))
    side = Side.BUY if change > 0 else Side.SELL
    return pack(Place(0, seat.account, seat.market, side, limit, abs(change), tif=TimeInForce.IOC))
