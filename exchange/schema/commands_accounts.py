"""Commands about an account's money, settings, liquidity and bids."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from .codes import AccountKindCode, AccountModeCode, MarginModeCode
from .fields import I64, MAX_LEVERAGE, AccountId, Amount, AssetId, Command, Id, MarketId, OptionalPrice, SharePpm, SignedAmount


class OpenAccount(Command, frozen=True, gc=False):
    """Open the next account. `owner` is the shell's number for whoever it belongs to."""

    KIND: ClassVar[int] = 1
    account_kind: AccountKindCode
    owner: I64


class Deposit(Command, frozen=True, gc=False):
    """Pay money into an account, from outside."""

    KIND: ClassVar[int] = 2
    account: AccountId
    asset: AssetId
    amount: Amount  # [micro]


class Withdraw(Command, frozen=True, gc=False):
    """Take money out of an account, as far as its margin allows."""

    KIND: ClassVar[int] = 3
    account: AccountId
    asset: AssetId
    amount: Amount  # [micro]


class Transfer(Command, frozen=True, gc=False):
    """Move money to another account, as far as the margin allows."""

    KIND: ClassVar[int] = 4
    account: AccountId
    to: AccountId
    asset: AssetId
    amount: Amount  # [micro]


class SetLeverage(Command, frozen=True, gc=False):
    """Set the leverage of an account's position in a market: its initial margin is at least notional / leverage."""

    KIND: ClassVar[int] = 10
    account: AccountId
    market: MarketId
    leverage: Annotated[int, Meta(ge=1, le=MAX_LEVERAGE)]


class SetMarginMode(Command, frozen=True, gc=False):
    """Let the account's position in a market share its cash (cross), or have margin of its own (isolated)."""

    KIND: ClassVar[int] = 11
    account: AccountId
    market: MarketId
    mode: MarginModeCode


class MoveIsolatedMargin(Command, frozen=True, gc=False):
    """Add to (amount > 0) or remove from (amount < 0) the margin of an isolated position."""

    KIND: ClassVar[int] = 12
    account: AccountId
    market: MarketId
    amount: SignedAmount  # [micro]


class TakeAuction(Command, frozen=True, gc=False):
    """Bid for a share of an auctioned account, if that gains at least `minimum_gain` against the mark."""

    KIND: ClassVar[int] = 15
    account: AccountId
    auction: Id
    share_ppm: SharePpm  # of what the auction still offers
    minimum_gain: SignedAmount = 0  # [micro]


class AddLiquidity(Command, frozen=True, gc=False):
    """Pay money into the pool of a market's curve, for shares of it; on a curve of ranges, for a range of prices of one's own."""

    KIND: ClassVar[int] = 21
    account: AccountId
    market: MarketId
    amount: Amount  # [micro]
    lower: OptionalPrice = 0  # [ticks] of the range; 0 and 0: the whole curve
    upper: OptionalPrice = 0  # [ticks]


class RemoveLiquidity(Command, frozen=True, gc=False):
    """Give back shares of a pool for what they are worth, or liquidity of a range with the position that it has taken on."""

    KIND: ClassVar[int] = 22
    account: AccountId
    market: MarketId
    shares: Id  # as many as LiquidityAdded has told
    range_id: Annotated[int, Meta(ge=0, le=2**62)] = 0  # 0: the whole curve


class SetAccountMode(Command, frozen=True, gc=False):
    """The account's kill switch, until NORMAL is sent: cancel what is not marked reduce-only and let nothing open a position (REDUCE_ONLY),
    or cancel all, stop-losses too, and let nothing happen in its name at all (FROZEN)."""

    KIND: ClassVar[int] = 27
    account: AccountId
    mode: AccountModeCode


class SetMarginAlert(Command, frozen=True, gc=False):
    """Be told when equity / maintenance of the account's cross positions in an asset falls below a threshold, and when it is above the
    threshold and the hysteresis again."""

    KIND: ClassVar[int] = 28
    account: AccountId
    asset: AssetId
    number: Annotated[int, Meta(ge=0, le=3)]  # which of the account's alerts in the asset
    threshold_ppm: Annotated[int, Meta(ge=0, le=1_000_000_000)]  # 1,000,000: where it is liquidated; 0: no alert
    hysteresis_ppm: Annotated[int, Meta(ge=0, le=1_000_000_000)] = 0


class OpenSubAccount(Command, frozen=True, gc=False):
    """Open the next account for the owner of this one: of the same kind, with money, orders and liquidations of its own."""

    KIND: ClassVar[int] = 29
    account: AccountId
