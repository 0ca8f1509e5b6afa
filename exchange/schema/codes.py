"""The codes that messages carry, as enums for people. Inside the core the same numbers are constants of types.py and kinds.py.

A field that holds a code is a plain integer; its annotation, such as SideCode, says which enum it is of and what it can be. Messages
and views are printed with the names: `side=BUY`.
"""

from __future__ import annotations

from enum import IntEnum
from functools import cache
from typing import Annotated, get_args, get_type_hints

from msgspec import Meta, Struct
from msgspec.structs import fields


class _Name(str):
    """A text that is printed without quotes."""

    __slots__ = ()
    __repr__ = str.__str__


@cache
def enums_of(struct: type[Struct]) -> dict[str, type[IntEnum]]:
    """The fields of a struct that hold codes, and the enum of each, as their annotations say."""
    hints = get_type_hints(struct, include_extras=True)
    marks = ((field.name, mark) for field in fields(struct) for mark in get_args(hints[field.name])[1:])
    return {name: mark for name, mark in marks if isinstance(mark, type) and issubclass(mark, IntEnum)}


def _named(enum: type[IntEnum], code: object) -> object:
    """The name of a code; what is none stays as it is."""
    return _Name(enum(code).name) if isinstance(code, int) and code in enum._value2member_map_ else code


class Coded(Struct, frozen=True, gc=False):
    """Base of messages and views: codes are printed by name."""

    def __rich_repr__(self) -> list[tuple[str, object]]:
        shown: list[tuple[str, object]] = [(name, getattr(self, name)) for name in self.__struct_fields__]
        enums = enums_of(type(self))
        return [(name, _named(enums[name], value) if name in enums else value) for name, value in shown]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.__rich_repr__())})"


class Side(IntEnum):
    BUY = 0
    SELL = 1


SideCode = Annotated[int, Meta(ge=0, le=1), Side]


class OrderType(IntEnum):
    LIMIT = 0
    MARKET = 1  # immediate or cancel, with a protection price


OrderTypeCode = Annotated[int, Meta(ge=0, le=1), OrderType]


class TimeInForce(IntEnum):
    GTC = 0  # good till cancelled: what does not trade at once rests
    IOC = 1  # immediate or cancel: what does not trade at once is cancelled
    FOK = 2  # fill or kill: all of it at once, or refused
    POST_ONLY = 3  # refused if it would trade at once
    RPI = 4  # retail price improvement: post-only, and trades with nothing but orders of retail accounts


TimeInForceCode = Annotated[int, Meta(ge=0, le=4), TimeInForce]


class SelfTrade(IntEnum):
    """What happens when an order meets one of its own account: the incoming order says it."""

    CANCEL_MAKER = 0  # the resting one is cancelled, the incoming one goes on
    NONE = 1  # they trade
    CANCEL_TAKER = 2  # what is left of the incoming one is cancelled
    CANCEL_BOTH = 3
    DECREMENT = 4  # both lose the smaller of their open sizes, and do not trade


SelfTradeCode = Annotated[int, Meta(ge=0, le=4), SelfTrade]


class TriggerKind(IntEnum):
    """When a conditional order fires."""

    STOP = 0  # the price has gone against it: up for a buy, down for a sell
    TAKE_PROFIT = 1  # the price has come its way: down for a buy, up for a sell
    TRAILING_TICKS = 2  # the price has turned by a distance from the best since it began to trail: the lowest for a buy
    TRAILING_PPM = 3  # the same, the distance a share of that price


TriggerKindCode = Annotated[int, Meta(ge=0, le=3), TriggerKind]


class PriceSource(IntEnum):
    """The price that a conditional order goes by."""

    MARK = 0
    LAST = 1  # of the last trade
    ORACLE = 2


PriceSourceCode = Annotated[int, Meta(ge=0, le=2), PriceSource]


class Spacing(IntEnum):
    """How the prices of a ladder follow each other."""

    LINEAR = 0  # in equal steps
    GEOMETRIC = 1  # in equal ratios


SpacingCode = Annotated[int, Meta(ge=0, le=1), Spacing]


class MarginMode(IntEnum):
    CROSS = 0
    ISOLATED = 1


MarginModeCode = Annotated[int, Meta(ge=0, le=1), MarginMode]


class AccountMode(IntEnum):
    """What an account lets happen in its name: its kill switch."""

    NORMAL = 0
    REDUCE_ONLY = 1  # of orders only reduce-only ones
    FROZEN = 2  # no orders, no money out, no settings


AccountModeCode = Annotated[int, Meta(ge=0, le=2), AccountMode]


class AccountKind(IntEnum):
    SYSTEM = 0  # the venue's own: no command opens one
    TRADER = 1
    MAKER = 2
    BIDDER = 3
    POOL = 4  # a vault or a curve
    RETAIL = 5  # a trader whose orders stand first at their price, and may meet RPI orders, where a market has queue classes


AccountKindCode = Annotated[int, Meta(ge=1, le=5), AccountKind]


class SystemAccount(IntEnum):
    """The venue's own accounts, which exist before the first command. Their numbers, not a kind: no message has a field of this enum."""

    INSURANCE_FUND = 0
    FEES = 1
    ROUNDING = 2  # what rounding has left over
    CLEARING = 3  # funding and shared losses that positions owe or are owed, and have not settled yet
    UNCOVERED = 4  # losses that nobody has paid
    VAULT = 5  # the backstop vault
    CURVE = 6  # what the curves trade; the pool of each market is the isolated margin of its position there
    TRANSIT = 7  # deposits, withdrawals and transfers that are under way


FIRST_USER = 8  # the number of the first account that a command opens


class MarketStatus(IntEnum):
    ACTIVE = 0
    POST_ONLY = 1
    CANCEL_ONLY = 2
    REDUCE_ONLY = 3
    HALTED = 4
    SETTLED = 5


MarketStatusCode = Annotated[int, Meta(ge=0, le=5), MarketStatus]


class FundingMode(IntEnum):
    """What a market charges for funding."""

    RULE = 0  # what its rule says
    SET = 1  # a rate that the operator has set
    SHIFT = 2  # what the rule says and, on top of it, a rate that the operator has set


FundingModeCode = Annotated[int, Meta(ge=0, le=2), FundingMode]


class OrderState(IntEnum):
    OPEN = 0
    FILLED = 1
    CANCELLED = 2


OrderStateCode = Annotated[int, Meta(ge=0, le=2), OrderState]


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
    SCHEDULED = 10  # the account's dead man's switch
    CURVE = 11  # the curve can give no more
    EXPIRED = 12  # its time is over: that to be carried out, or that until which it was good
    REFUSED = 13  # of a trigger: the order that it sent when it fired was refused
    FILLED = 14  # of a TWAP: nothing is left of it
    KILL_SWITCH = 15  # the account was set to reduce only, or frozen
    OCO = 16  # one cancels the other: that one has fired or traded, or is gone

    QUOTE = 17  # new quotes of its account take its place
    PROTECTION = 18  # too much of its account's quotes has been filled within too short a time

CancelReasonCode = Annotated[int, Meta(ge=1, le=18), CancelReason]


class Payer(IntEnum):
    """Who paid a deficit."""

    INSURANCE_FUND = 1
    SOCIALIZED = 2
    VAULT = 3
    UNCOVERED = 4  # nobody
    OTHER = 5  # the pool of a curve, or a backstop of one's own


PayerCode = Annotated[int, Meta(ge=1, le=5), Payer]


class Method(IntEnum):
    """How a slice of a liquidated position was closed."""

    BOOK = 1
    AUCTION = 2
    TAKEOVER = 3
    ADL = 4
    SETTLEMENT = 5


MethodCode = Annotated[int, Meta(ge=1, le=5), Method]


class Outcome(IntEnum):
    """How a liquidation or an auction ended."""

    RECOVERED = 1
    FLAT = 2
    FAILED = 3


OutcomeCode = Annotated[int, Meta(ge=1, le=3), Outcome]


class RequirementKind(IntEnum):
    """What a line of an account's requirement is about."""

    CASH = 1
    COLLATERAL = 2  # another asset, which counts with its weight
    POSITION = 3
    ORDERS = 4  # of one market: what they require beside the position, or would give away in a spot market


RequirementCode = Annotated[int, Meta(ge=1, le=4), RequirementKind]


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
    NO_BOOK = 36  # orders cannot rest: the market has only a curve
    NO_CURVE = 37
    CURVE_RANGE = 38  # no range of prices for liquidity
    LIQUIDITY_LIMIT = 39
    INSUFFICIENT_SHARES = 40
    LIQUIDITY_LOCKED = 41  # it was added too short a time ago
    POOL_MARGIN = 42  # without it the pool could not meet what it owes
    QUEUE_FULL = 43  # too many commands wait to be carried out
    REQUEST_EXPIRED = 44
    INSUFFICIENT_GAS = 45
    VENUE_SHORT = 46  # the venue has paid out what it had
    WITHDRAWN = 47  # its sender took it back while it waited, or his dead man's switch did
    SPOT_MARKET = 48  # nobody holds a position there: no leverage, funding, reduce-only orders or block trades
    NEVER_RESTS = 49  # the order is immediate, and its terms are for one that rests
    ORDER_EXPIRED = 50  # the time until which the order was good is over
    NO_HIDDEN_SIZE = 51  # orders show all that they have: they are not filled by price and time alone
    DISPLAY_SIZE = 52  # what is to be shown is more than the order, or too small a part of it
    NO_LAST_PRICE = 53  # nothing has traded yet
    TRIGGER_TERMS = 54  # the terms of a trigger contradict each other, or one is missing
    TRIGGER_PRICE = 55  # it would fire at once: its price is on the wrong side of the price that it goes by
    TOO_MANY_TRIGGERS = 56
    LADDER_PRICES = 57  # its first and its last price are the same
    LADDER_SIZE = 58  # one of its orders would have no lot
    TWAP_TOO_SHORT = 59  # it has fewer than two slices
    TWAP_SIZE = 60  # it has fewer lots than slices, or fewer than its least slice
    TOO_MANY_TWAPS = 61
    ACCOUNT_FROZEN = 62  # by its kill switch
    ACCOUNT_REDUCE_ONLY = 63
    IS_SUB_ACCOUNT = 64  # and has none of its own
    SUB_ACCOUNT_LIMIT = 65
    SAME_ORDER = 66  # it cannot be linked with itself
    OCO_MARKETS = 67  # the two orders are of different markets
    ALREADY_LINKED = 68
    BRACKET_PRICES = 69  # take-profit and stop are not on either side of where the entry would trade
    QUOTES_PROTECTED = 70  # the account's quotes are cancelled until it sets their protection anew
    SAME_PRICE = 71  # the command has another quote at this price
    WITHDRAWALS_CLOSED = 72
    NOT_FLAT = 73  # money leaves only accounts that hold and offer nothing
    TRANSFERS_CLOSED = 74
    NOT_SAME_OWNER = 75
    TOO_MANY_PAYMENTS = 76  # that the account has sent are under way
    MAINTENANCE_TIMES = 77  # a window begins later than now, and ends later than it begins
    TOO_MANY_WINDOWS = 78
    UNKNOWN_WINDOW = 79  # or one that has begun
    MAINTENANCE_STATUS = 80  # settling is final, and no maintenance
    MAINTENANCE_OVERLAP = 81  # with a window of the same market, planned or begun


ReasonCode = Annotated[int, Meta(ge=1, le=81), Reason]


class CommandKind(IntEnum):
    """The commands of messages.py, each named as its struct is."""

    OpenAccount = 1
    Deposit = 2
    Withdraw = 3
    Transfer = 4
    Place = 5
    Amend = 6
    Cancel = 7
    CancelClient = 8
    CancelAll = 9
    SetLeverage = 10
    SetMarginMode = 11
    MoveIsolatedMargin = 12
    BlockTrade = 13
    UpdateOracle = 14
    TakeAuction = 15
    SetMarketStatus = 16
    Tick = 17
    CancelAllAfter = 18
    Debit = 19
    SetFunding = 20
    AddLiquidity = 21
    RemoveLiquidity = 22
    SetGas = 23
    PlaceTrigger = 24
    PlaceLadder = 25
    PlaceTwap = 26
    SetAccountMode = 27
    SetMarginAlert = 28
    OpenSubAccount = 29
    LinkOco = 30
    PlaceBracket = 31
    MassQuote = 32
    SetQuoteProtection = 33
    ScheduleMaintenance = 34
    CancelMaintenance = 35


CommandCode = Annotated[int, Meta(ge=1, le=35), CommandKind]
