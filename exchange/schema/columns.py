"""Where the fields of packed commands lie in their rows, as constants for the compiled core.

A command row is [kind, ts, fields in declared order, zeros]; a test holds these numbers to the structs of messages.py. Code that is not
compiled asks `column_of` there.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

KIND: Final[i64] = 0
TS: Final[i64] = 1

OPEN_ACCOUNT_KIND: Final[i64] = 2
OPEN_ACCOUNT_OWNER: Final[i64] = 3

PAYMENT_ACCOUNT: Final[i64] = 2  # of Deposit and Withdraw
PAYMENT_ASSET: Final[i64] = 3
PAYMENT_AMOUNT: Final[i64] = 4

TRANSFER_ACCOUNT: Final[i64] = 2
TRANSFER_TO: Final[i64] = 3
TRANSFER_ASSET: Final[i64] = 4
TRANSFER_AMOUNT: Final[i64] = 5

PLACE_ACCOUNT: Final[i64] = 2
PLACE_MARKET: Final[i64] = 3
PLACE_SIDE: Final[i64] = 4
PLACE_PRICE: Final[i64] = 5
PLACE_SIZE: Final[i64] = 6
PLACE_ORDER_TYPE: Final[i64] = 7
PLACE_TIF: Final[i64] = 8
PLACE_REDUCE_ONLY: Final[i64] = 9
PLACE_SELF_TRADE: Final[i64] = 10
PLACE_CLIENT_HI: Final[i64] = 11
PLACE_CLIENT_LO: Final[i64] = 12
PLACE_PRIORITY_FEE: Final[i64] = 13
PLACE_EXPIRES: Final[i64] = 14
PLACE_DISPLAY: Final[i64] = 15

LADDER_ACCOUNT: Final[i64] = 2
LADDER_MARKET: Final[i64] = 3
LADDER_SIDE: Final[i64] = 4
LADDER_SIZE: Final[i64] = 5
LADDER_FIRST_PRICE: Final[i64] = 6
LADDER_LAST_PRICE: Final[i64] = 7
LADDER_COUNT: Final[i64] = 8
LADDER_SPACING: Final[i64] = 9
LADDER_SKEW_PPM: Final[i64] = 10
LADDER_TIF: Final[i64] = 11
LADDER_REDUCE_ONLY: Final[i64] = 12
LADDER_CLIENT_HI: Final[i64] = 13
LADDER_CLIENT_LO: Final[i64] = 14

TWAP_ACCOUNT: Final[i64] = 2
TWAP_MARKET: Final[i64] = 3
TWAP_SIDE: Final[i64] = 4
TWAP_SIZE: Final[i64] = 5
TWAP_SLICES: Final[i64] = 6
TWAP_INTERVAL: Final[i64] = 7
TWAP_SLIPPAGE_PPM: Final[i64] = 8
TWAP_CATCH_UP_PPM: Final[i64] = 9
TWAP_MINIMUM_SLICE: Final[i64] = 10
TWAP_REDUCE_ONLY: Final[i64] = 11
TWAP_CLIENT_HI: Final[i64] = 12
TWAP_CLIENT_LO: Final[i64] = 13

AMEND_ACCOUNT: Final[i64] = 2
AMEND_ORDER_ID: Final[i64] = 3
AMEND_PRICE: Final[i64] = 4
AMEND_SIZE: Final[i64] = 5
AMEND_PRIORITY_FEE: Final[i64] = 6

CANCEL_ACCOUNT: Final[i64] = 2
CANCEL_ORDER_ID: Final[i64] = 3
CANCEL_PRIORITY_FEE: Final[i64] = 4

CANCEL_CLIENT_ACCOUNT: Final[i64] = 2
CANCEL_CLIENT_HI: Final[i64] = 3
CANCEL_CLIENT_LO: Final[i64] = 4
CANCEL_CLIENT_PRIORITY_FEE: Final[i64] = 5

CANCEL_ALL_ACCOUNT: Final[i64] = 2
CANCEL_ALL_MARKET: Final[i64] = 3
CANCEL_ALL_PRIORITY_FEE: Final[i64] = 4

CANCEL_AFTER_ACCOUNT: Final[i64] = 2
CANCEL_AFTER_DELAY: Final[i64] = 3

SETTING_ACCOUNT: Final[i64] = 2  # of SetLeverage, SetMarginMode and MoveIsolatedMargin
SETTING_MARKET: Final[i64] = 3
SETTING_VALUE: Final[i64] = 4

BLOCK_BUYER: Final[i64] = 2
BLOCK_SELLER: Final[i64] = 3
BLOCK_MARKET: Final[i64] = 4
BLOCK_SIZE: Final[i64] = 5
BLOCK_PRICE: Final[i64] = 6

ORACLE_MARKET: Final[i64] = 2
ORACLE_PRICE: Final[i64] = 3
ORACLE_PERP_MEDIAN: Final[i64] = 4

AUCTION_ACCOUNT: Final[i64] = 2
AUCTION_NUMBER: Final[i64] = 3
AUCTION_SHARE_PPM: Final[i64] = 4
AUCTION_MINIMUM_GAIN: Final[i64] = 5

STATUS_MARKET: Final[i64] = 2
STATUS_STATUS: Final[i64] = 3
STATUS_PRICE: Final[i64] = 4

DEBIT_ACCOUNT: Final[i64] = 2
DEBIT_ASSET: Final[i64] = 3
DEBIT_AMOUNT: Final[i64] = 4
DEBIT_MARKET: Final[i64] = 5

FUNDING_MARKET: Final[i64] = 2
FUNDING_MODE: Final[i64] = 3
FUNDING_RATE_PPT: Final[i64] = 4

ADD_LIQUIDITY_ACCOUNT: Final[i64] = 2
ADD_LIQUIDITY_MARKET: Final[i64] = 3
ADD_LIQUIDITY_AMOUNT: Final[i64] = 4
ADD_LIQUIDITY_LOWER: Final[i64] = 5
ADD_LIQUIDITY_UPPER: Final[i64] = 6

REMOVE_LIQUIDITY_ACCOUNT: Final[i64] = 2
REMOVE_LIQUIDITY_MARKET: Final[i64] = 3
REMOVE_LIQUIDITY_SHARES: Final[i64] = 4
REMOVE_LIQUIDITY_RANGE: Final[i64] = 5

GAS_MULTIPLIER_PPM: Final[i64] = 2

TRIGGER_ACCOUNT: Final[i64] = 2
TRIGGER_MARKET: Final[i64] = 3
TRIGGER_SIDE: Final[i64] = 4
TRIGGER_SIZE: Final[i64] = 5
TRIGGER_TRIGGER: Final[i64] = 6
TRIGGER_SOURCE: Final[i64] = 7
TRIGGER_TRIGGER_PRICE: Final[i64] = 8
TRIGGER_PRICE: Final[i64] = 9
TRIGGER_TIF: Final[i64] = 10
TRIGGER_REDUCE_ONLY: Final[i64] = 11
TRIGGER_SLIPPAGE_PPM: Final[i64] = 12
TRIGGER_TRAIL: Final[i64] = 13
TRIGGER_CLIENT_HI: Final[i64] = 14
TRIGGER_CLIENT_LO: Final[i64] = 15
ACCOUNT_MODE_ACCOUNT: Final[i64] = 2
ACCOUNT_MODE_MODE: Final[i64] = 3

MARGIN_ALERT_ACCOUNT: Final[i64] = 2
MARGIN_ALERT_ASSET: Final[i64] = 3
MARGIN_ALERT_NUMBER: Final[i64] = 4
MARGIN_ALERT_THRESHOLD_PPM: Final[i64] = 5
MARGIN_ALERT_HYSTERESIS_PPM: Final[i64] = 6

OPEN_SUB_ACCOUNT_ACCOUNT: Final[i64] = 2

OCO_ACCOUNT: Final[i64] = 2
OCO_FIRST: Final[i64] = 3
OCO_SECOND: Final[i64] = 4
