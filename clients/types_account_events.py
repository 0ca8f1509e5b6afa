"""What happens to an account besides its own orders and fills: money, settings, liquidation, and orders that the venue sends. Each is named
as the event of docs/api.md that it is. Part of types.py, which has all of it."""

from __future__ import annotations

from decimal import Decimal

from perplab.exchange.codes import AccountKind, MarginMode, Method, OrderState, Outcome, Payer, PriceSource, Side

from .types_curves import ClientId
from .types_events import AccountEvent

# -- money --


class AccountOpened(AccountEvent, frozen=True, kw_only=True):
    """This account, or a sub-account of it."""

    opened: int  # its number
    account_kind: AccountKind
    owner: int  # the server's number for whom it belongs to
    master: int | None  # the account that has opened it; None: it is no sub-account


class Deposited(AccountEvent, frozen=True, kw_only=True):
    asset: str
    amount: Decimal  # [USD], or whatever the asset is


class Withdrawn(AccountEvent, frozen=True, kw_only=True):
    asset: str
    amount: Decimal  # [USD], or whatever the asset is


class Transferred(AccountEvent, frozen=True, kw_only=True):
    """Sent or received."""

    sender: int
    to: int
    asset: str
    amount: Decimal  # [USD], or whatever the asset is


class PaymentSent(AccountEvent, frozen=True, kw_only=True):
    """A deposit, withdrawal or transfer is under way: the money is nobody's until it arrives."""

    number: int
    command: str  # Deposit, Withdraw or Transfer
    sender: int
    to: int | None  # None: it leaves the venue
    asset: str
    amount: Decimal  # [USD], or whatever the asset is
    due: int  # [ns] when it arrives


class PaymentArrived(AccountEvent, frozen=True, kw_only=True):
    number: int
    command: str  # Deposit, Withdraw or Transfer
    sender: int
    to: int | None  # None: it has left the venue
    asset: str
    amount: Decimal  # [USD], or whatever the asset is


class Debited(AccountEvent, frozen=True, kw_only=True):
    """The operator took money."""

    asset: str
    amount: Decimal  # [USD], or whatever the asset is
    market: str  # whose isolated margin it was; "": it was cash


class PositionSettled(AccountEvent, frozen=True, kw_only=True):
    """Funding and shared losses of a position were paid."""

    market: str
    amount: Decimal  # [USD] above zero: paid, below: received


# -- settings --


class LeverageSet(AccountEvent, frozen=True, kw_only=True):
    market: str
    leverage: int


class MarginModeSet(AccountEvent, frozen=True, kw_only=True):
    market: str
    mode: MarginMode


class IsolatedMarginMoved(AccountEvent, frozen=True, kw_only=True):
    market: str
    amount: Decimal  # [USD] signed: added or removed
    margin: Decimal  # [USD] afterwards


class MarginAlertSet(AccountEvent, frozen=True, kw_only=True):
    asset: str
    number: int  # of the alert
    threshold: Decimal | None  # of equity / maintenance; None: it was taken back
    hysteresis: Decimal


class QuoteProtectionSet(AccountEvent, frozen=True, kw_only=True):
    market: str
    window_s: Decimal  # [s]
    fills: int | None  # within the window; None: any number of them
    size: Decimal | None  # [coins] None: any


# -- orders and trades --


class OrderRepeated(AccountEvent, frozen=True, kw_only=True):
    """A client id was in use: this is the first order that had it."""

    order_id: int
    market: str
    state: OrderState
    open: Decimal  # [coins]
    filled: Decimal  # [coins]
    client_id: ClientId | None


class OrderRefreshed(AccountEvent, frozen=True, kw_only=True):
    """An iceberg order shows its next part, behind all others at its price."""

    order_id: int
    market: str
    size: Decimal  # [coins] that it shows now
    hidden: Decimal  # [coins] that it has besides


class BlockTraded(AccountEvent, frozen=True, kw_only=True):
    """A trade outside the book, between two accounts."""

    buyer: int
    seller: int
    market: str
    size: Decimal  # [coins]
    price: Decimal  # [USD]

    @property
    def side(self) -> Side:
        """One's own."""
        return Side.BUY if self.buyer == self.account else Side.SELL


class LadderPlaced(AccountEvent, frozen=True, kw_only=True):
    """A ladder was accepted; its orders follow, or why they were refused."""

    market: str
    side: Side
    size: Decimal  # [coins] of all orders together
    count: int  # of orders
    client_id: ClientId | None  # of the first one


class OcoLinked(AccountEvent, frozen=True, kw_only=True):
    """From now on one of these orders cancels the other."""

    market: str
    first: int  # their ids
    second: int


class BracketPlaced(AccountEvent, frozen=True, kw_only=True):
    """As far as an entry fills it will have a take-profit, a stop or both."""

    order_id: int  # of the entry
    market: str
    take_profit: Decimal | None  # [USD] None: it has none
    stop: Decimal | None  # [USD] None: it has none
    source: PriceSource
    slippage: Decimal | None  # a share of the price at firing; None: up to the price band


class TriggerResized(AccountEvent, frozen=True, kw_only=True):
    """A bracket's trigger grew with what its entry has filled."""

    order_id: int
    market: str
    size: Decimal  # [coins]


# -- liquidation --


class LiquidationStarted(AccountEvent, frozen=True, kw_only=True):
    market: str  # of the isolated position; "": all that is in cross mode
    equity: Decimal  # [USD]
    maintenance: Decimal  # [USD] which equity has fallen below
    notional: Decimal  # [USD]


class LiquidationEnded(AccountEvent, frozen=True, kw_only=True):
    market: str  # of the isolated position; "": all that is in cross mode
    outcome: Outcome  # RECOVERED, FLAT or FAILED


class Liquidated(AccountEvent, frozen=True, kw_only=True):
    """A slice of a position was closed or handed on."""

    market: str
    method: Method  # how
    size: Decimal  # [coins] signed: the position closed
    value: Decimal  # [USD] that it fetched or cost
    deficit: Decimal  # [USD] what its share of the account could not pay
    fee: Decimal  # [USD] of the liquidation


class AuctionTaken(AccountEvent, frozen=True, kw_only=True):
    """One's own bid took a share of an auction, or somebody's bid a share of one's own positions."""

    auction: int
    loser: int  # the account whose positions these were
    bidder: int
    share: Decimal  # of the account as it was at this bid
    gain: Decimal  # [USD] of the bidder, against the mark
    paid: Decimal  # [USD] by those who pay deficits


class TakenOver(AccountEvent, frozen=True, kw_only=True):
    """The vault took a position over at the mark."""

    loser: int  # the account whose position it was
    vault: int  # the vault's account
    market: str
    size: Decimal  # [coins] signed
    value: Decimal  # [USD]


class Deleveraged(AccountEvent, frozen=True, kw_only=True):
    """A position was closed against one that is liquidated (ADL)."""

    loser: int  # the liquidated account
    winner: int
    market: str
    size: Decimal  # [coins]
    value: Decimal  # [USD]
    profit: Decimal  # [USD] that the winner realised
    conceded: Decimal  # [USD] of the winner, the difference to the mark
    mark: Decimal  # [USD]


class DeficitPaid(AccountEvent, frozen=True, kw_only=True):
    """What this account could not pay was paid."""

    market: str
    payer: Payer  # who paid; UNCOVERED: nobody
    amount: Decimal  # [USD]


class SurplusPaid(AccountEvent, frozen=True, kw_only=True):
    """A liquidation fee, or what was left of a liquidated account, went to the venue."""

    sender: int  # the liquidated account
    to: int  # an account of the venue's own
    asset: str
    amount: Decimal  # [USD], or whatever the asset is


class CollateralSold(AccountEvent, frozen=True, kw_only=True):
    """An asset that stood in for cash was sold for what the account owes."""

    asset: str
    market: str  # the spot market of the asset
    amount: Decimal  # of the asset
    value: Decimal  # [USD] that it fetched
    method: Method  # BOOK; or TAKEOVER: the insurance fund has it now
