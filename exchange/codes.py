"""The codes that messages carry, as enums for people. Inside the core the same numbers are constants of types.py."""

from __future__ import annotations

from enum import IntEnum


class Side(IntEnum):
    BUY = 0
    SELL = 1


class OrderType(IntEnum):
    LIMIT = 0
    MARKET = 1


class TimeInForce(IntEnum):
    GTC = 0
    IOC = 1
    FOK = 2
    POST_ONLY = 3


class SelfTrade(IntEnum):
    CANCEL_MAKER = 0
    NONE = 1


class MarginMode(IntEnum):
    CROSS = 0
    ISOLATED = 1


class AccountKind(IntEnum):
    SYSTEM = 0
    TRADER = 1
    MAKER = 2
    BIDDER = 3
    POOL = 4


class MarketStatus(IntEnum):
    ACTIVE = 0
    POST_ONLY = 1
    CANCEL_ONLY = 2
    REDUCE_ONLY = 3
    HALTED = 4
    SETTLED = 5


class OrderState(IntEnum):
    OPEN = 0
    FILLED = 1
    CANCELLED = 2


class CancelReason(IntEnum):
    """Why an open order, or the unfilled rest of an incoming one, is gone."""

    USER = 1
    IMMEDIATE = 2  # the rest of an IOC or market order
    SELF_TRADE = 3
    MARGIN = 4  # the match would have left the account below its requirement
    REDUCE_ONLY = 5  # the position it could reduce is gone
    LIQUIDATION = 6
    OPEN_INTEREST = 7
    MARKET_STATUS = 8
    ORACLE_STALE = 9  # it has come to open risk while the oracle is stale


class Payer(IntEnum):
    """Who paid a deficit."""

    INSURANCE_FUND = 1
    SOCIALIZED = 2
    VAULT = 3
    UNCOVERED = 4  # nobody


class Method(IntEnum):
    """How a slice of a liquidated position was closed."""

    BOOK = 1
    AUCTION = 2
    TAKEOVER = 3
    ADL = 4
    SETTLEMENT = 5


class Outcome(IntEnum):
    """How a liquidation or an auction ended."""

    RECOVERED = 1
    FLAT = 2
    FAILED = 3


class Reason(IntEnum):
    """Why the venue refused a well-formed command, in the order in which the checks are made."""

    UNKNOWN_ACCOUNT = 1
    UNKNOWN_MARKET = 2
    UNKNOWN_ASSET = 3
    SYSTEM_ACCOUNT = 4
    SAME_ACCOUNT = 5
    ACCOUNT_LIMIT = 6
    UNKNOWN_ORDER = 7
    UNKNOWN_AUCTION = 8
    IN_LIQUIDATION = 9
    MARKET_SETTLED = 10
    MARKET_HALTED = 11
    MARKET_CANCEL_ONLY = 12
    MARKET_REDUCE_ONLY = 13
    MARKET_POST_ONLY = 14
    NO_MARK_PRICE = 15
    ORACLE_STALE = 16
    ORDER_TYPE = 17  # the combination of order type and time in force makes no sense
    PRICE_PRECISION = 18
    PRICE_LIMIT = 19
    PRICE_BAND = 20
    REDUCE_ONLY = 21
    MINIMUM_NOTIONAL = 22
    NOTIONAL_LIMIT = 23
    TOO_MANY_ORDERS = 24
    OPEN_INTEREST_CAP = 25
    WOULD_CROSS = 26
    NOT_FILLABLE = 27
    AMEND_SIZE = 28
    LEVERAGE_LIMIT = 29
    POSITION_OPEN = 30
    NOT_ISOLATED = 31
    AUCTION_PRICE = 32
    INSUFFICIENT_MARGIN = 33
    INSUFFICIENT_BALANCE = 34
    SUPPLY_LIMIT = 35
