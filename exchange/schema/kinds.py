"""The numbers of commands, events, reasons, outcomes and other codes, as constants for the compiled core.

The enums and structs of codes.py, events.py and messages.py show the same numbers to people; a test holds the two lists together.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

# Commands
C_OPEN_ACCOUNT: Final[i64] = 1
C_DEPOSIT: Final[i64] = 2
C_WITHDRAW: Final[i64] = 3
C_TRANSFER: Final[i64] = 4
C_PLACE: Final[i64] = 5
C_AMEND: Final[i64] = 6
C_CANCEL: Final[i64] = 7
C_CANCEL_CLIENT: Final[i64] = 8
C_CANCEL_ALL: Final[i64] = 9
C_SET_LEVERAGE: Final[i64] = 10
C_SET_MARGIN_MODE: Final[i64] = 11
C_MOVE_ISOLATED_MARGIN: Final[i64] = 12
C_BLOCK_TRADE: Final[i64] = 13
C_UPDATE_ORACLE: Final[i64] = 14
C_TAKE_AUCTION: Final[i64] = 15
C_SET_MARKET_STATUS: Final[i64] = 16
C_TICK: Final[i64] = 17
C_CANCEL_ALL_AFTER: Final[i64] = 18
C_DEBIT: Final[i64] = 19
C_SET_FUNDING: Final[i64] = 20
C_ADD_LIQUIDITY: Final[i64] = 21
C_REMOVE_LIQUIDITY: Final[i64] = 22
C_SET_GAS: Final[i64] = 23
C_PLACE_TRIGGER: Final[i64] = 24
C_PLACE_LADDER: Final[i64] = 25
C_PLACE_TWAP: Final[i64] = 26
C_SET_ACCOUNT_MODE: Final[i64] = 27
C_SET_MARGIN_ALERT: Final[i64] = 28
C_OPEN_SUB_ACCOUNT: Final[i64] = 29
C_LINK_OCO: Final[i64] = 30
C_PLACE_BRACKET: Final[i64] = 31
C_MASS_QUOTE: Final[i64] = 32
C_SET_QUOTE_PROTECTION: Final[i64] = 33
C_SCHEDULE_MAINTENANCE: Final[i64] = 34
C_CANCEL_MAINTENANCE: Final[i64] = 35

# Events
E_REJECTED: Final[i64] = 1
E_ACCOUNT_OPENED: Final[i64] = 2
E_DEPOSITED: Final[i64] = 3
E_WITHDRAWN: Final[i64] = 4
E_TRANSFERRED: Final[i64] = 5
E_ORDER_PLACED: Final[i64] = 6
E_ORDER_REPEATED: Final[i64] = 7
E_ORDER_AMENDED: Final[i64] = 8
E_ORDER_REDUCED: Final[i64] = 9
E_ORDER_CANCELLED: Final[i64] = 10
E_TRADED: Final[i64] = 11
E_LEVERAGE_SET: Final[i64] = 12
E_MARGIN_MODE_SET: Final[i64] = 13
E_ISOLATED_MARGIN_MOVED: Final[i64] = 14
E_BLOCK_TRADED: Final[i64] = 15
E_ORACLE_UPDATED: Final[i64] = 16
E_MARK_MOVED: Final[i64] = 17
E_FUNDING_SAMPLED: Final[i64] = 18
E_FUNDING_CHARGED: Final[i64] = 19
E_POSITION_SETTLED: Final[i64] = 20
E_LIQUIDATION_STARTED: Final[i64] = 21
E_LIQUIDATION_ENDED: Final[i64] = 22
E_LIQUIDATED: Final[i64] = 23
E_AUCTION_STARTED: Final[i64] = 24
E_AUCTION_TAKEN: Final[i64] = 25
E_AUCTION_ENDED: Final[i64] = 26
E_TAKEN_OVER: Final[i64] = 27
E_DELEVERAGED: Final[i64] = 28
E_DEFICIT_PAID: Final[i64] = 29
E_LOSS_SOCIALIZED: Final[i64] = 30
E_MARKET_STATUS_CHANGED: Final[i64] = 31
E_SURPLUS_PAID: Final[i64] = 32
E_CANCEL_SCHEDULED: Final[i64] = 33
E_DEBITED: Final[i64] = 34
E_FUNDING_SET: Final[i64] = 35
E_CURVE_TRADED: Final[i64] = 36
E_CURVE_MOVED: Final[i64] = 37
E_LIQUIDITY_ADDED: Final[i64] = 38
E_LIQUIDITY_REMOVED: Final[i64] = 39
E_COMMAND_QUEUED: Final[i64] = 40
E_TAKER_AUCTION_STARTED: Final[i64] = 41
E_BATCH_CLEARED: Final[i64] = 42
E_GAS_PAID: Final[i64] = 43
E_GAS_SET: Final[i64] = 44
E_COLLATERAL_SOLD: Final[i64] = 45
E_ORDER_REFRESHED: Final[i64] = 46
E_TRIGGER_PLACED: Final[i64] = 47
E_TRIGGER_FIRED: Final[i64] = 48
E_TRIGGER_CANCELLED: Final[i64] = 49
E_LADDER_PLACED: Final[i64] = 50
E_TWAP_PLACED: Final[i64] = 51
E_TWAP_SLICED: Final[i64] = 52
E_TWAP_ENDED: Final[i64] = 53
E_ACCOUNT_MODE_SET: Final[i64] = 54
E_MARGIN_ALERT_SET: Final[i64] = 55
E_MARGIN_ALERT: Final[i64] = 56
E_OCO_LINKED: Final[i64] = 57
E_BRACKET_PLACED: Final[i64] = 58
E_TRIGGER_RESIZED: Final[i64] = 59
E_QUOTE_REFUSED: Final[i64] = 60
E_QUOTE_PROTECTION_SET: Final[i64] = 61
E_PROTECTION_TRIGGERED: Final[i64] = 62
E_PAYMENT_SENT: Final[i64] = 63
E_PAYMENT_ARRIVED: Final[i64] = 64
E_MAINTENANCE_SCHEDULED: Final[i64] = 65
E_MAINTENANCE_CANCELLED: Final[i64] = 66

# Reasons of a refusal, in order of precedence
R_UNKNOWN_ACCOUNT: Final[i64] = 1
R_UNKNOWN_MARKET: Final[i64] = 2
R_UNKNOWN_ASSET: Final[i64] = 3
R_SYSTEM_ACCOUNT: Final[i64] = 4
R_SAME_ACCOUNT: Final[i64] = 5
R_ACCOUNT_LIMIT: Final[i64] = 6
R_UNKNOWN_ORDER: Final[i64] = 7
R_UNKNOWN_AUCTION: Final[i64] = 8
R_IN_LIQUIDATION: Final[i64] = 9
R_MARKET_SETTLED: Final[i64] = 10
R_MARKET_HALTED: Final[i64] = 11
R_MARKET_CANCEL_ONLY: Final[i64] = 12
R_MARKET_REDUCE_ONLY: Final[i64] = 13
R_MARKET_POST_ONLY: Final[i64] = 14
R_NO_MARK_PRICE: Final[i64] = 15
R_ORACLE_STALE: Final[i64] = 16
R_ORDER_TYPE: Final[i64] = 17
R_PRICE_PRECISION: Final[i64] = 18
R_PRICE_LIMIT: Final[i64] = 19
R_PRICE_BAND: Final[i64] = 20
R_REDUCE_ONLY: Final[i64] = 21
R_MINIMUM_NOTIONAL: Final[i64] = 22
R_NOTIONAL_LIMIT: Final[i64] = 23
R_TOO_MANY_ORDERS: Final[i64] = 24
R_OPEN_INTEREST_CAP: Final[i64] = 25
R_WOULD_CROSS: Final[i64] = 26
R_NOT_FILLABLE: Final[i64] = 27
R_AMEND_SIZE: Final[i64] = 28
R_LEVERAGE_LIMIT: Final[i64] = 29
R_POSITION_OPEN: Final[i64] = 30
R_NOT_ISOLATED: Final[i64] = 31
R_AUCTION_PRICE: Final[i64] = 32
R_INSUFFICIENT_MARGIN: Final[i64] = 33
R_INSUFFICIENT_BALANCE: Final[i64] = 34
R_SUPPLY_LIMIT: Final[i64] = 35
R_NO_BOOK: Final[i64] = 36
R_NO_CURVE: Final[i64] = 37
R_CURVE_RANGE: Final[i64] = 38
R_LIQUIDITY_LIMIT: Final[i64] = 39
R_INSUFFICIENT_SHARES: Final[i64] = 40
R_LIQUIDITY_LOCKED: Final[i64] = 41
R_POOL_MARGIN: Final[i64] = 42
R_QUEUE_FULL: Final[i64] = 43
R_REQUEST_EXPIRED: Final[i64] = 44
R_INSUFFICIENT_GAS: Final[i64] = 45
R_VENUE_SHORT: Final[i64] = 46
R_WITHDRAWN: Final[i64] = 47
R_SPOT_MARKET: Final[i64] = 48
R_NEVER_RESTS: Final[i64] = 49
R_ORDER_EXPIRED: Final[i64] = 50
R_NO_HIDDEN_SIZE: Final[i64] = 51
R_DISPLAY_SIZE: Final[i64] = 52
R_NO_LAST_PRICE: Final[i64] = 53
R_TRIGGER_TERMS: Final[i64] = 54
R_TRIGGER_PRICE: Final[i64] = 55
R_TOO_MANY_TRIGGERS: Final[i64] = 56
R_LADDER_PRICES: Final[i64] = 57
R_LADDER_SIZE: Final[i64] = 58
R_TWAP_TOO_SHORT: Final[i64] = 59
R_TWAP_SIZE: Final[i64] = 60
R_TOO_MANY_TWAPS: Final[i64] = 61
R_ACCOUNT_FROZEN: Final[i64] = 62
R_ACCOUNT_REDUCE_ONLY: Final[i64] = 63
R_IS_SUB_ACCOUNT: Final[i64] = 64
R_SUB_ACCOUNT_LIMIT: Final[i64] = 65
R_SAME_ORDER: Final[i64] = 66
R_OCO_MARKETS: Final[i64] = 67
R_ALREADY_LINKED: Final[i64] = 68
R_BRACKET_PRICES: Final[i64] = 69
R_QUOTES_PROTECTED: Final[i64] = 70
R_SAME_PRICE: Final[i64] = 71
R_WITHDRAWALS_CLOSED: Final[i64] = 72
R_NOT_FLAT: Final[i64] = 73
R_TRANSFERS_CLOSED: Final[i64] = 74
R_NOT_SAME_OWNER: Final[i64] = 75
R_TOO_MANY_PAYMENTS: Final[i64] = 76
R_MAINTENANCE_TIMES: Final[i64] = 77
R_TOO_MANY_WINDOWS: Final[i64] = 78
R_UNKNOWN_WINDOW: Final[i64] = 79
R_MAINTENANCE_STATUS: Final[i64] = 80
R_MAINTENANCE_OVERLAP: Final[i64] = 81

# Why an order is gone
X_USER: Final[i64] = 1
X_IMMEDIATE: Final[i64] = 2
X_SELF_TRADE: Final[i64] = 3
X_MARGIN: Final[i64] = 4
X_REDUCE_ONLY: Final[i64] = 5
X_LIQUIDATION: Final[i64] = 6
X_OPEN_INTEREST: Final[i64] = 7
X_MARKET_STATUS: Final[i64] = 8
X_ORACLE_STALE: Final[i64] = 9
X_SCHEDULED: Final[i64] = 10
X_CURVE: Final[i64] = 11
X_EXPIRED: Final[i64] = 12
X_REFUSED: Final[i64] = 13
X_FILLED: Final[i64] = 14
X_KILL_SWITCH: Final[i64] = 15
X_OCO: Final[i64] = 16
X_QUOTE: Final[i64] = 17
X_PROTECTION: Final[i64] = 18

# Who paid a deficit
PAID_INSURANCE_FUND: Final[i64] = 1
PAID_SOCIALIZED: Final[i64] = 2
PAID_VAULT: Final[i64] = 3
PAID_UNCOVERED: Final[i64] = 4
PAID_OTHER: Final[i64] = 5

# How a slice was closed
BY_BOOK: Final[i64] = 1
BY_AUCTION: Final[i64] = 2
BY_TAKEOVER: Final[i64] = 3
BY_ADL: Final[i64] = 4
BY_SETTLEMENT: Final[i64] = 5

# How a liquidation or an auction ended
END_RECOVERED: Final[i64] = 1
END_FLAT: Final[i64] = 2
END_FAILED: Final[i64] = 3

# What became of an order
ORDER_OPEN: Final[i64] = 0
ORDER_FILLED: Final[i64] = 1
ORDER_CANCELLED: Final[i64] = 2

# Lines of a requirement
LINE_CASH: Final[i64] = 1
LINE_COLLATERAL: Final[i64] = 2
LINE_POSITION: Final[i64] = 3
LINE_ORDERS: Final[i64] = 4

# Account kinds
SYSTEM: Final[i64] = 0
TRADER: Final[i64] = 1
MAKER: Final[i64] = 2
BIDDER: Final[i64] = 3
POOL: Final[i64] = 4  # a vault or a curve
RETAIL: Final[i64] = 5

# What an account lets happen in its name
MODE_NORMAL: Final[i64] = 0
MODE_REDUCE_ONLY: Final[i64] = 1
MODE_FROZEN: Final[i64] = 2

# Sides
BUY: Final[i64] = 0
SELL: Final[i64] = 1

# Order types
LIMIT_ORDER: Final[i64] = 0
MARKET_ORDER: Final[i64] = 1  # immediate or cancel, with a protection price

# Time in force
GTC: Final[i64] = 0
IOC: Final[i64] = 1
FOK: Final[i64] = 2
POST_ONLY: Final[i64] = 3
RPI: Final[i64] = 4

# Self-trade
STP_CANCEL_MAKER: Final[i64] = 0
STP_NONE: Final[i64] = 1
STP_CANCEL_TAKER: Final[i64] = 2
STP_CANCEL_BOTH: Final[i64] = 3
STP_DECREMENT: Final[i64] = 4

# When a conditional order fires
TRIGGER_STOP: Final[i64] = 0
TRIGGER_TAKE_PROFIT: Final[i64] = 1
TRIGGER_TRAILING_TICKS: Final[i64] = 2
TRIGGER_TRAILING_PPM: Final[i64] = 3

# The price that it goes by
SOURCE_MARK: Final[i64] = 0
SOURCE_LAST: Final[i64] = 1
SOURCE_ORACLE: Final[i64] = 2

# Spacing of a ladder
LADDER_LINEAR: Final[i64] = 0
LADDER_GEOMETRIC: Final[i64] = 1

# Margin modes
CROSS: Final[i64] = 0
ISOLATED: Final[i64] = 1

LINEAR: Final[i64] = 0  # payoff: value = lots x price x unit

# Market status
ACTIVE: Final[i64] = 0
POST_ONLY_MODE: Final[i64] = 1
CANCEL_ONLY: Final[i64] = 2
REDUCE_ONLY_MODE: Final[i64] = 3
HALTED: Final[i64] = 4
SETTLED: Final[i64] = 5

# What a market charges for funding
FUNDING_RULE: Final[i64] = 0
FUNDING_SET: Final[i64] = 1
FUNDING_SHIFT: Final[i64] = 2

# What a venue does while its oracle is stale
KEEP_LAST: Final[i64] = 0
HALT_NEW_RISK: Final[i64] = 1
PAUSE_LIQUIDATION: Final[i64] = 2
