"""What commands and events are made of: their bases, and the types of the fields of commands, with the bounds of each."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final

from msgspec import Meta

from ..state import types as t
from .codes import Coded

# The limits of what crosses the boundary.
ROW: Final = int(t.ROW)  # integers of a packed command or event
MAX_TS: Final = int(t.MAX_TS)  # [ns]
MAX_TS_JUMP: Final = int(t.MAX_TS_JUMP)  # [ns] from one command to the next
MAX_PRICE: Final = int(t.MAX_PRICE)  # [ticks]
MAX_LOTS: Final = int(t.MAX_LOTS)  # [lots] of an order or a position
MAX_NOTIONAL: Final = int(t.MAX_NOTIONAL)  # [micro] of an order, an order side or a position
MAX_AMOUNT: Final = int(t.MAX_AMOUNT)  # [micro] of one deposit, withdrawal or transfer
MAX_SUPPLY: Final = int(t.MAX_SUPPLY)  # [micro] of deposits less withdrawals, per asset
MAX_ACCOUNTS: Final = int(t.MAX_ACCOUNTS)
MAX_MARKETS: Final = int(t.MAX_MARKETS)
MAX_ASSETS: Final = int(t.MAX_ASSETS)
MAX_LEVERAGE: Final = int(t.MAX_LEVERAGE)
MAX_FILLS: Final = int(t.MAX_FILLS)  # of quotes that are remembered, per account and market

I64 = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Ts = Annotated[int, Meta(ge=0, le=MAX_TS)]
AccountId = Annotated[int, Meta(ge=0, le=MAX_ACCOUNTS - 1)]
MarketId = Annotated[int, Meta(ge=0, le=MAX_MARKETS - 1)]
AnyMarket = Annotated[int, Meta(ge=-1, le=MAX_MARKETS - 1)]  # -1: all of them
AssetId = Annotated[int, Meta(ge=0, le=MAX_ASSETS - 1)]
Amount = Annotated[int, Meta(ge=1, le=MAX_AMOUNT)]  # [micro]
SignedAmount = Annotated[int, Meta(ge=-MAX_AMOUNT, le=MAX_AMOUNT)]  # [micro]
Price = Annotated[int, Meta(ge=1, le=MAX_PRICE)]  # [ticks]
OptionalPrice = Annotated[int, Meta(ge=0, le=MAX_PRICE)]  # [ticks], 0: none
Lots = Annotated[int, Meta(ge=1, le=MAX_LOTS)]  # [lots]
OptionalLots = Annotated[int, Meta(ge=0, le=MAX_LOTS)]  # [lots], 0: none
Id = Annotated[int, Meta(ge=1, le=2**62)]
Flag = Annotated[int, Meta(ge=0, le=1)]  # 0: no, 1: yes
Rate = Annotated[int, Meta(ge=-int(t.PPT), le=int(t.PPT))]  # [ppt]
SharePpm = Annotated[int, Meta(ge=1, le=int(t.PPM))]
Expiry = Annotated[int, Meta(ge=0, le=MAX_TS)]  # [ns], 0: never
Display = Annotated[int, Meta(ge=0, le=MAX_LOTS)]  # [lots], 0: all of the order
OptionalPpm = Annotated[int, Meta(ge=0, le=int(t.PPM))]
PriorityFee = Annotated[int, Meta(ge=0, le=10**12)]  # [micro] for an earlier place in a block, where the venue sells that


class Command(Coded, frozen=True, gc=False):
    """Base of all commands. `ts` is the venue's time in ns; it may repeat, never run back, nor jump by more than a day."""

    KIND: ClassVar[int] = 0
    ts: Ts


class Event(Coded, frozen=True, gc=False):
    """Base of all events; `seq` has no gaps."""

    KIND: ClassVar[int] = 0
    seq: int
    ts: int  # [ns]
