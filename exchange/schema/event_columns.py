"""Where those fields of packed events lie that compiled code reads, as constants. An event row is [kind, seq, ts, fields in declared order,
zeros]; a test holds these numbers to the structs of events.py. Code that is not compiled asks `column_of` of messages.py.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

EVENT_SEQ: Final[i64] = 1
EVENT_TS: Final[i64] = 2

REJECTED_COMMAND: Final[i64] = 3
REJECTED_REASON: Final[i64] = 6

PLACED_ORDER_ID: Final[i64] = 3
PLACED_MARKET: Final[i64] = 5
PLACED_SIZE: Final[i64] = 8

REPEATED_ORDER_ID: Final[i64] = 3
REPEATED_MARKET: Final[i64] = 5
REPEATED_STATE: Final[i64] = 6
REPEATED_OPEN_SIZE: Final[i64] = 7
REPEATED_FILLED: Final[i64] = 8

AMENDED_ORDER_ID: Final[i64] = 3
AMENDED_MARKET: Final[i64] = 5
AMENDED_SIZE: Final[i64] = 7

REDUCED_ORDER_ID: Final[i64] = 3
REDUCED_SIZE: Final[i64] = 6

CANCELLED_ORDER_ID: Final[i64] = 3
CANCELLED_MARKET: Final[i64] = 5
CANCELLED_REASON: Final[i64] = 7

TRADED_MARKET: Final[i64] = 3
TRADED_PRICE: Final[i64] = 4
TRADED_SIZE: Final[i64] = 5
TRADED_TAKER_ORDER_ID: Final[i64] = 9
TRADED_MAKER_ORDER_ID: Final[i64] = 10
TRADED_LIQUIDATION: Final[i64] = 14

CURVE_TRADED_MARKET: Final[i64] = 3
CURVE_TRADED_PRICE: Final[i64] = 4
CURVE_TRADED_SIZE: Final[i64] = 5
CURVE_TRADED_ORDER_ID: Final[i64] = 8
CURVE_TRADED_VALUE: Final[i64] = 9
CURVE_TRADED_LIQUIDATION: Final[i64] = 12

ORACLE_UPDATED_MARKET: Final[i64] = 3
ORACLE_UPDATED_PRICE: Final[i64] = 4

MARK_MOVED_MARKET: Final[i64] = 3
MARK_MOVED_MARK: Final[i64] = 4

SAMPLED_MARKET: Final[i64] = 3
SAMPLED_PREMIUM_PPT: Final[i64] = 4

CHARGED_MARKET: Final[i64] = 3

STATUS_CHANGED_MARKET: Final[i64] = 3
STATUS_CHANGED_STATUS: Final[i64] = 4
STATUS_CHANGED_PRICE: Final[i64] = 5

LIQUIDATED_ACCOUNT: Final[i64] = 3
LIQUIDATED_METHOD: Final[i64] = 5
LIQUIDATED_SIZE: Final[i64] = 6

AUCTION_TAKEN_ACCOUNT: Final[i64] = 4
AUCTION_TAKEN_BIDDER: Final[i64] = 5

ADDED_MARKET: Final[i64] = 4
ADDED_AMOUNT: Final[i64] = 5
ADDED_SHARES: Final[i64] = 6
ADDED_RANGE_ID: Final[i64] = 7

REMOVED_MARKET: Final[i64] = 4
REMOVED_SHARES: Final[i64] = 5
REMOVED_AMOUNT: Final[i64] = 6
REMOVED_RANGE_ID: Final[i64] = 7

QUEUED_TICKET: Final[i64] = 3
QUEUED_COMMAND: Final[i64] = 4
QUEUED_DUE: Final[i64] = 7

TRIGGER_PLACED_ORDER_ID: Final[i64] = 3
TRIGGER_PLACED_MARKET: Final[i64] = 5
TRIGGER_PLACED_SIZE: Final[i64] = 7

FIRED_ORDER_ID: Final[i64] = 3

TRIGGER_CANCELLED_ORDER_ID: Final[i64] = 3
TRIGGER_CANCELLED_MARKET: Final[i64] = 5
TRIGGER_CANCELLED_REASON: Final[i64] = 6

TWAP_PLACED_ORDER_ID: Final[i64] = 3
TWAP_PLACED_MARKET: Final[i64] = 5
TWAP_PLACED_SIZE: Final[i64] = 7

TWAP_ENDED_ORDER_ID: Final[i64] = 3
TWAP_ENDED_MARKET: Final[i64] = 5
TWAP_ENDED_REASON: Final[i64] = 8

OPENED_ACCOUNT: Final[i64] = 3

SCHEDULED_NUMBER: Final[i64] = 3
