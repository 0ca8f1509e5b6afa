"""What the venue's refusals are called by Hyperliquid (docs, error-responses), as far as it has one of its own; else they are said in the
sandbox's words."""

from __future__ import annotations

from typing import Final

from ...schema.codes import Reason
from ..errors import REASON_TEXT

GONE: Final = "Order was never placed, already canceled, or filled."
NO_MATCH: Final = "Order could not immediately match against any resting orders."
NO_LIQUIDITY: Final = "No liquidity available for market order."
TEXTS: Final[dict[Reason, str]] = {
    Reason.UNKNOWN_ORDER: GONE,
    Reason.MARKET_POST_ONLY: "Only post-only orders allowed immediately after a network upgrade",
    Reason.PRICE_PRECISION: "Price must be divisible by tick size.",
    Reason.PRICE_BAND: "Order price too far from oracle",
    Reason.REDUCE_ONLY: "Reduce only order would increase position.",
    Reason.MINIMUM_NOTIONAL: "Order must have minimum value of $10.",
    Reason.NOTIONAL_LIMIT: "Order would cause position to exceed margin tier limit at current leverage",
    Reason.TOO_MANY_ORDERS: "Too many open orders",
    Reason.OPEN_INTEREST_CAP: "Order would increase open interest while open interest is capped",
    Reason.NOT_FILLABLE: NO_MATCH,
    Reason.LEVERAGE_LIMIT: "Invalid leverage value",
    Reason.POSITION_OPEN: "Cannot switch leverage type with open position.",
    Reason.INSUFFICIENT_MARGIN: "Insufficient margin to place order.",
    Reason.INSUFFICIENT_BALANCE: "Insufficient spot balance",
    Reason.TRIGGER_PRICE: "Invalid TP/SL price.",
    Reason.SUB_ACCOUNT_LIMIT: "Too many sub-accounts.",
}


def text_of(reason: int) -> str:
    """Of an order or another action that the venue has refused."""
    known = Reason(reason)
    return TEXTS.get(known) or f"{REASON_TEXT[known][0].upper()}{REASON_TEXT[known][1:]}."


def would_match(bid: str | None, ask: str | None) -> str:
    """Of a post-only order that crosses; the best prices, None: there are none."""
    return f"Post only order would have immediately matched, bbo was {bid or 'none'}@{ask or 'none'}."
