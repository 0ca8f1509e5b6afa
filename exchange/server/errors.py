"""What can go wrong between a client and the venue: a code and a name that stay, a sentence for people, and what was given.

On the wire: {"ok": false, "code": 204, "reason": "OUT_OF_BOUNDS", "message": "...", "data": {"field": ..., "limit": ..., "given": ...}}.
`data` is always there. What the venue's own rules refuse has the code 1000 + the number of its Reason, and the name of that.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from ..schema.codes import Reason
from ..state.types import MAX_PARTS

Data = dict[str, object]
REFUSED: Final = 1000  # and the number of the venue's Reason


class Trouble(IntEnum):
    """Codes of what the server refuses, before the venue is asked. Numbers and names are never used again for something else."""

    # The bytes
    FRAME_TOO_LARGE = 100  # the connection ends
    NOT_DECODABLE = 101  # of a stream without lengths the connection ends, as nobody knows where the next request begins
    NOT_A_REQUEST = 102  # decoded, and no map with an `op`
    IDLE = 103  # nothing was heard for too long; the connection ends
    UNFINISHED = 104  # a request was begun and is not whole; the connection ends
    # The request
    UNKNOWN_OP = 200
    MISSING_FIELD = 201
    UNKNOWN_FIELD = 202
    WRONG_TYPE = 203
    OUT_OF_BOUNDS = 204
    UNKNOWN_NAME = 205  # of a market, a code, a channel
    BATCH_TOO_LARGE = 206
    BAD_ROW = 207  # a packed row that is no command
    # Who asks
    LOGIN_REQUIRED = 300
    UNKNOWN_KEY = 301
    WRONG_SIGNATURE = 302
    CHALLENGE_REQUIRED = 303
    NOT_YOUR_ACCOUNT = 304
    SCOPE = 305  # the key does not allow this
    NAME_TAKEN = 306
    NO_ACCOUNT = 307  # neither named nor the only one
    # How much
    RATE_LIMITED = 400
    TOO_MANY_SUBSCRIPTIONS = 401
    TOO_MANY_CONNECTIONS = 402
    SLOW_READER = 403  # private events could not be sent; the connection ends
    TOO_MANY_ACCOUNTS = 404
    TOO_MANY_USERS = 405
    FAUCET_LIMIT = 406  # it has paid the user as much as it pays one
    # What is asked about
    NOT_SUBSCRIBED = 500
    ALREADY_SUBSCRIBED = 501
    UNKNOWN_ORDER_OF_CLIENT = 502
    UNKNOWN_REQUEST = 503
    NOT_STEPPED = 504  # the clock runs by itself
    NO_WORLD = 505  # nothing happens around this venue
    NOTHING_TO_LIQUIDATE = 506  # no position, or it is in liquidation already
    # The server
    READ_ONLY = 600  # the journal cannot be written: nothing happened
    SHUTTING_DOWN = 601
    BROKEN = 602  # a fault inside: see the server's log
    UNREADABLE = 603  # a snapshot that is damaged, or of another version


class Refusal(Exception):
    """A request that is answered by an error, and has changed nothing."""

    def __init__(self, code: Trouble, message: str, **data: object) -> None:
        super().__init__(message)
        self.code = code
        self.data: Data = data

    def body(self) -> Data:
        return error_body(int(self.code), self.code.name, str(self), self.data)


class Fatal(Refusal):
    """The same, and the connection ends."""


def error_body(code: int, reason: str, message: str, data: Data) -> Data:
    return {"ok": False, "code": code, "reason": reason, "message": message, "data": data}


REASON_TEXT: Final[dict[Reason, str]] = {
    Reason.UNKNOWN_ACCOUNT: "there is no such account",
    Reason.UNKNOWN_MARKET: "there is no such market",
    Reason.UNKNOWN_ASSET: "there is no such asset",
    Reason.SYSTEM_ACCOUNT: "the account is one of the venue's own",
    Reason.SAME_ACCOUNT: "both sides are the same account",
    Reason.ACCOUNT_LIMIT: "the venue has as many accounts as its design allows",
    Reason.UNKNOWN_ORDER: "the account has no such open order (triggers and TWAPs are cancelled like orders, and not amended)",
    Reason.UNKNOWN_AUCTION: "there is no such auction, or it has ended",
    Reason.IN_LIQUIDATION: "the account, or its isolated position, is being liquidated",
    Reason.MARKET_SETTLED: "the market is settled",
    Reason.MARKET_HALTED: "the market is halted",
    Reason.MARKET_CANCEL_ONLY: "the market takes nothing but cancellations",
    Reason.MARKET_REDUCE_ONLY: "the market takes only orders that reduce a position",
    Reason.MARKET_POST_ONLY: "the market takes only post-only orders",
    Reason.NO_MARK_PRICE: "the market has no mark price yet",
    Reason.ORACLE_STALE: "the oracle is stale, and nothing may open risk",
    Reason.ORDER_TYPE: "a market order cannot be post-only, and RPI orders are for markets that have queue classes",
    Reason.PRICE_PRECISION: "the price is missing, or has too many significant figures",
    Reason.PRICE_LIMIT: "the price is above the market's highest",
    Reason.PRICE_BAND: "the price is outside the band around the mark",
    Reason.REDUCE_ONLY: "there is no position that this order would reduce",
    Reason.MINIMUM_NOTIONAL: "the order is worth less than the market's minimum",
    Reason.NOTIONAL_LIMIT: "the order, or the position it leads to, is larger than the market allows",
    Reason.TOO_MANY_ORDERS: "the account has as many open orders as the venue allows, or its icebergs would hide more parts than that",
    Reason.OPEN_INTEREST_CAP: "the market's open interest is at its cap",
    Reason.WOULD_CROSS: "a post-only order would trade at once",
    Reason.NOT_FILLABLE: "the fill-or-kill order could not be filled as a whole",
    Reason.AMEND_SIZE: "a reduce-only order would be larger than its position",
    Reason.LEVERAGE_LIMIT: "the leverage is above the market's highest",
    Reason.POSITION_OPEN: "the position, or an open order, is in the way of this setting",
    Reason.NOT_ISOLATED: "the position is not isolated",
    Reason.AUCTION_PRICE: "the auction does not offer that much gain yet",
    Reason.INSUFFICIENT_MARGIN: (
        "the account would not meet its initial margin, or, where money leaves it, its transfer margin, which may be larger"
    ),
    Reason.INSUFFICIENT_BALANCE: "the account does not have that much",
    Reason.SUPPLY_LIMIT: "deposits would exceed what the venue can count",
    Reason.NO_BOOK: "orders cannot rest here: the market has only a curve",
    Reason.NO_CURVE: "the market has no curve",
    Reason.CURVE_RANGE: "that is no range of prices for liquidity on this curve",
    Reason.LIQUIDITY_LIMIT: "the pool would be smaller, or larger, than the venue allows",
    Reason.INSUFFICIENT_SHARES: "the account does not have that many shares of the pool",
    Reason.LIQUIDITY_LOCKED: "the liquidity was added too short a time ago",
    Reason.POOL_MARGIN: "the pool needs the money for its position",
    Reason.QUEUE_FULL: "too many commands wait to be carried out, or orders are auctioned: of the account, or in all",
    Reason.REQUEST_EXPIRED: "no price came in time to carry the request out at",
    Reason.INSUFFICIENT_GAS: "the account cannot pay for the command",
    Reason.VENUE_SHORT: "the venue has paid out what it had",
    Reason.WITHDRAWN: "it was taken back before its turn came",
    Reason.SPOT_MARKET: "nobody holds a position in a spot market",
    Reason.NEVER_RESTS: "an immediate order has no time at which it ends, and hides nothing",
    Reason.ORDER_EXPIRED: "the time until which the order was good is over",
    Reason.NO_HIDDEN_SIZE: "orders of this market show all that they have",
    Reason.DISPLAY_SIZE: f"an order shows no more than it has, and no less than a {MAX_PARTS}th of it",
    Reason.NO_LAST_PRICE: "nothing has traded in the market yet",
    Reason.TRIGGER_TERMS: (
        "these terms do not go together: STOP and TAKE_PROFIT need a trigger_price and have no trail, trailing ones need a trail, "
        "below the price or 100 %; without a size it is reduce_only; with a price it has no slippage_ppm"
    ),
    Reason.TRIGGER_PRICE: "the trigger would fire at once: its price is on the wrong side of the price that it goes by",
    Reason.TOO_MANY_TRIGGERS: "the account has as many triggers as the venue allows",
    Reason.LADDER_PRICES: "the first and the last price of the ladder are the same",
    Reason.LADDER_SIZE: "one of the ladder's orders would have no lot",
    Reason.TWAP_TOO_SHORT: "a TWAP has two slices at least",
    Reason.TWAP_SIZE: "the TWAP has fewer lots than slices, or fewer than its least slice",
    Reason.TOO_MANY_TWAPS: "the account has as many TWAPs as the venue allows",
    Reason.ACCOUNT_FROZEN: "the account is frozen by its kill switch",
    Reason.IS_SUB_ACCOUNT: "a sub-account has none of its own",
    Reason.SUB_ACCOUNT_LIMIT: "the account has as many sub-accounts as the venue allows",
    Reason.WITHDRAWALS_CLOSED: "this venue lets no money out",
    Reason.NOT_FLAT: "money leaves only accounts that hold and offer nothing here: no position, order, trigger, TWAP or liquidity",
    Reason.TRANSFERS_CLOSED: "this venue lets no money go from account to account",
    Reason.NOT_SAME_OWNER: "money goes only to accounts of the same owner here",
    Reason.TOO_MANY_PAYMENTS: "as many payments of the account are under way as there may be",
    Reason.MAINTENANCE_TIMES: "a maintenance window begins later than now, and ends later than it begins",
    Reason.TOO_MANY_WINDOWS: "as many maintenance windows wait as there may be",
    Reason.MAINTENANCE_STATUS: "a maintenance window settles no market",
    Reason.MAINTENANCE_OVERLAP: "the maintenance window has a moment in common with another one of the market",
    Reason.UNKNOWN_WINDOW: "there is no such maintenance window, or it has begun",
    Reason.ACCOUNT_REDUCE_ONLY: "the account's kill switch lets in reduce-only orders alone",
    Reason.SAME_ORDER: "an order cannot be linked with itself",
    Reason.OCO_MARKETS: "the two orders are of different markets",
    Reason.ALREADY_LINKED: "one of the orders is linked with another already",
    Reason.BRACKET_PRICES: "take-profit and stop are not on either side of where the entry would trade",
    Reason.QUOTES_PROTECTED: "the account's quotes are cancelled until it sets their protection anew",
    Reason.SAME_PRICE: "the command has another quote at this price",
}


def refused(reason: int, data: Data, message: str = "") -> Data:
    """The body of what the venue itself refused. `message`: instead of the reason's own text."""
    named = Reason(reason)
    return error_body(REFUSED + reason, named.name, message or REASON_TEXT[named], data)


class Rejected(Refusal):
    """What the venue itself has refused."""

    def __init__(self, reason: Reason, **data: object) -> None:
        super().__init__(Trouble.BROKEN, REASON_TEXT[reason], **data)
        self.reason = reason

    def body(self) -> Data:
        return refused(self.reason, self.data)


def is_of_venue(error: Data) -> bool:
    """Did the venue refuse it, and not the server before the venue was asked?"""
    code = error["code"]
    return isinstance(code, int) and code > REFUSED
