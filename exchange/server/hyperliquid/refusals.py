"""Why the venue refused something, as Hyperliquid says it. Where it has no words for a reason, the venue's own stand.

Sources: the documentation's page error-responses; ccxt's table of exceptions (hyperliquid.py), which clients match texts by; answers of the
live venue that others have published. What is a text of this project is marked so.
"""

from __future__ import annotations

from typing import Final

from ...schema.codes import CancelReason, Reason
from ..errors import REASON_TEXT
from .coins import USDC, Coin, in_words, usd
from .dialect import Dialect

MISSING: Final = "Order was never placed, already canceled, or filled."
MISSING_TWAP: Final = "TWAP was never placed, already canceled, or filled."
UNMODIFIABLE: Final = "Cannot modify canceled or filled order"
MARGIN: Final = "Insufficient margin to place order."
REDUCES: Final = "Reduce only order would increase position."
NO_MATCH: Final = "Order could not immediately match against any resting orders."
NO_LIQUIDITY: Final = "No liquidity available for market order."
TICK: Final = "Price must be divisible by tick size."
BAD_TRIGGER: Final = "Invalid TP/SL price."
UNPROTECTED: Final = "Order was not placed: a TP/SL order of its group has a price on the wrong side."  # ours
UNPROTECTED_CHANGE: Final = "Order was not modified: a TP/SL order of its group would have a price on the wrong side of it."  # ours
CHILDLESS: Final = (
    "Order was not modified: the new one cannot keep its TP/SL, being reduce-only, a TP/SL order itself or of the other side."  # ours
)
OTHER_COIN: Final = " (the order is one of {coin}, and that is what its asset has to be)"  # ours
OLD_IS_GONE: Final = " (the old order is cancelled)"  # ours
CAPPED: Final = "Order would increase open interest while open interest is capped"
ORACLE: Final = "Order price too far from oracle"
SPOT_BALANCE: Final = "Order has insufficient spot balance to trade"
TIER: Final = "Order would cause position to exceed margin tier limit at current leverage"
POST_ONLY: Final = "Only post-only orders allowed immediately after a network upgrade"
BAD_PRICE: Final = "Order has invalid price."
BAD_SIZE: Final = "Order has invalid size."
NO_SIZE: Final = "Order has zero size."
TRIGGER_TYPE: Final = "Trigger order has unexpected type."
TRIGGER_COUNT: Final = "Unexpected number of trigger orders."
DUPLICATE: Final = "Duplicate cloid: another order of the account has it, or had it and was filled."  # ours
NOT_REDUCING: Final = "TP/SL orders must be reduce-only."  # ours
TOO_MANY: Final = "Too many open orders."  # ours: the status is tooManyOpenOrdersRejected
EMPTY: Final = "Empty batch of orders."  # ours
BAND: Final = "Order price cannot be more than 80% away from the reference price"  # clients look for exactly that
BAND_PPM: Final = 800_000
WITHDRAWAL: Final = "Insufficient balance for withdrawal."
TOKEN_TRANSFER: Final = "Insufficient balance for token transfer"
SELF_TRANSFER: Final = "Cannot self-transfer."
EARLY: Final = "Scheduled cancel time too early, must be at least 5 seconds from now."
SWITCH: Final = "Cannot switch leverage type with open position."
SWITCH_ORDERS: Final = "Cannot switch leverage type with open orders: cancel those of this asset first."  # ours
LEVERAGE: Final = "Invalid leverage value"
CROSS_MARGIN: Final = (
    "Cross position does not have sufficient margin available to decrease leverage. To decrease leverage, deposit more collateral."
)
ISOLATED_MARGIN: Final = (
    "Isolated position does not have sufficient margin available to decrease leverage. To decrease leverage, add margin to the position."
)
ZERO_MARGIN: Final = "Update to isolated margin cannot be zero."
NO_POSITION: Final = "Cannot update margin for empty position."
NOT_ISOLATED: Final = "Position does not use isolated margin."
NO_INCREASE: Final = "Account does not have sufficient margin available for increase."
NO_REDUCTION: Final = "Position does not have sufficient margin for reduction."
SUB_ACCOUNTS: Final = "Too many sub-accounts."
NAME_TAKEN: Final = "Sub-account name is already in use."  # ours
TWAPS: Final = "Exceeded max number of active TWAP orders."
TWAP_REDUCES: Final = "Reduce-only TWAP order would increase position."

# Of an order. What depends on the market or its prices is made below.
OF_ORDERS: Final[dict[Reason, str]] = {
    Reason.UNKNOWN_ORDER: MISSING,
    Reason.MARKET_POST_ONLY: POST_ONLY,
    Reason.PRICE_PRECISION: TICK,
    Reason.PRICE_LIMIT: BAD_PRICE,
    Reason.PRICE_BAND: BAND,
    Reason.REDUCE_ONLY: REDUCES,
    Reason.MARKET_REDUCE_ONLY: REDUCES,
    Reason.ACCOUNT_REDUCE_ONLY: REDUCES,
    Reason.MINIMUM_NOTIONAL: "Order must have minimum value of $10.",
    Reason.NOTIONAL_LIMIT: TIER,
    Reason.TOO_MANY_ORDERS: TOO_MANY,
    Reason.TOO_MANY_TRIGGERS: TOO_MANY,
    Reason.OPEN_INTEREST_CAP: CAPPED,
    Reason.WOULD_CROSS: "Post only order would have immediately matched, bbo was {bid}@{ask}.",
    Reason.NOT_FILLABLE: NO_MATCH,
    Reason.INSUFFICIENT_MARGIN: MARGIN,
    Reason.INSUFFICIENT_BALANCE: SPOT_BALANCE,
    Reason.ORACLE_STALE: ORACLE,
    Reason.TRIGGER_PRICE: BAD_TRIGGER,
    Reason.BRACKET_PRICES: BAD_TRIGGER,
    Reason.TOO_MANY_TWAPS: TWAPS,
}
NO_ASSET: Final = frozenset((Reason.PRICE_BAND, Reason.PRICE_LIMIT))  # said of the payload, and without the asset

OF_LEVERAGE: Final[dict[Reason, str]] = {Reason.POSITION_OPEN: SWITCH, Reason.LEVERAGE_LIMIT: LEVERAGE}
OF_ORDERS_ALONE: Final[dict[Reason, str]] = {Reason.POSITION_OPEN: SWITCH_ORDERS, Reason.LEVERAGE_LIMIT: LEVERAGE}
OF_TRANSFERS: Final[dict[Reason, str]] = {
    Reason.INSUFFICIENT_BALANCE: WITHDRAWAL,
    Reason.INSUFFICIENT_MARGIN: WITHDRAWAL,
    Reason.SAME_ACCOUNT: SELF_TRANSFER,
}
OF_TOKENS: Final[dict[Reason, str]] = {
    **OF_TRANSFERS,
    Reason.INSUFFICIENT_BALANCE: TOKEN_TRANSFER,
    Reason.INSUFFICIENT_MARGIN: TOKEN_TRANSFER,
}
OF_SUB_ACCOUNTS: Final[dict[Reason, str]] = {
    Reason.SUB_ACCOUNT_LIMIT: SUB_ACCOUNTS,
    Reason.IS_SUB_ACCOUNT: "A sub-account cannot have sub-accounts.",  # ours
}

# Why an order that came in is gone without a fill.
OF_CANCELS: Final[dict[CancelReason, str]] = {
    CancelReason.IMMEDIATE: NO_MATCH,
    CancelReason.MARGIN: MARGIN,
    CancelReason.REDUCE_ONLY: REDUCES,
    CancelReason.OPEN_INTEREST: CAPPED,
    CancelReason.ORACLE_STALE: ORACLE,
    CancelReason.CURVE: NO_LIQUIDITY,
}
OWN_CANCELS: Final[dict[CancelReason, str]] = {  # in words of ours, where their names would be none
    CancelReason.IMMEDIATE: "nothing to trade with", CancelReason.OPEN_INTEREST: "open interest is capped",
    CancelReason.MARKET_STATUS: "the status of its market", CancelReason.ORACLE_STALE: "the oracle is stale",
    CancelReason.CURVE: "the curve can give no more", CancelReason.OCO: "the other one of its pair has fired or is gone",
    CancelReason.SCHEDULED: "scheduled cancel", CancelReason.REFUSED: "an order of it was refused",
    CancelReason.QUOTE: "its owner's new quote",
}  # fmt: skip


def about(text: str, coin: Coin) -> str:
    """What the venue says of one order or cancel, which ends with its asset."""
    return f"{text} asset={coin.asset}"


def sentence(reason: int, texts: dict[Reason, str]) -> str:
    """What is said of a reason, in the venue's words or in ours."""
    named = Reason(reason)
    return texts.get(named) or f"{REASON_TEXT[named][0].upper()}{REASON_TEXT[named][1:]}."


def of_order(dialect: Dialect, coin: Coin, reason: int) -> str:
    """Why an order was refused."""
    named, venue = Reason(reason), dialect.host.exchange
    market = venue.state.markets[coin.market]
    if named is Reason.WOULD_CROSS:
        bbo = "@".join(in_words(coin.price(ticks)) for ticks in (venue.best_bid(coin.market), venue.best_ask(coin.market)))
        return about(f"Post only order would have immediately matched, bbo was {bbo}.", coin)
    if named is Reason.MINIMUM_NOTIONAL:
        least = in_words(usd(int(market.minimum_notional)))
        return about(f"Order must have minimum value of {f'{least} {USDC}' if coin.is_spot else f'${least}'}.", coin)
    text = sentence(reason, OF_ORDERS)
    if named is Reason.PRICE_BAND and market.price_band_ppm != BAND_PPM:
        return f"{text} (in this sandbox {int(market.price_band_ppm) / 10_000:g}%)"
    return text if named in NO_ASSET else about(text, coin)


def of_cancel(coin: Coin, reason: int) -> str:
    return about(sentence(reason, {Reason.UNKNOWN_ORDER: MISSING}), coin)


def of_gone(coin: Coin, reason: int | None, is_market: bool) -> str:
    """Why an order is gone without a fill; None: nobody knows."""
    if reason == CancelReason.IMMEDIATE and is_market:
        return about(NO_LIQUIDITY, coin)
    named = CancelReason(reason) if reason is not None else CancelReason.IMMEDIATE
    return about(OF_CANCELS.get(named) or f"Order was canceled: {why_cancelled(named)}.", coin)


def why_cancelled(reason: CancelReason) -> str:
    return OWN_CANCELS.get(reason) or reason.name.lower().replace("_", " ")


def of_margin(reason: int, amount: int) -> str:
    """Why isolated margin was not moved."""
    if reason in (Reason.INSUFFICIENT_MARGIN, Reason.INSUFFICIENT_BALANCE):
        return NO_INCREASE if amount > 0 else NO_REDUCTION
    return sentence(reason, {Reason.NOT_ISOLATED: NOT_ISOLATED})
