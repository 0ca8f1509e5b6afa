"""What queries hand out: frozen views of rows, made when asked for. Money in micro-units, prices in ticks, sizes in lots."""

from __future__ import annotations

from .codes import (
    CancelReasonCode,
    Coded,
    CommandCode,
    MarginModeCode,
    MarketStatusCode,
    PriceSourceCode,
    ReasonCode,
    RequirementCode,
    SideCode,
    TimeInForceCode,
    TriggerKindCode,
)


class Position(Coded, frozen=True, gc=False):
    account: int
    market: int
    size: int  # [lots] signed
    entry_notional: int  # [micro] signed like size
    isolated_margin: int  # [micro]
    mode: MarginModeCode
    leverage: int
    unsettled: int  # [micro] funding and shared losses owed and not paid yet
    bid_lots: int  # [lots] open orders that are not reduce-only
    ask_lots: int  # [lots]


class OpenOrder(Coded, frozen=True, gc=False):
    order_id: int
    account: int
    market: int
    side: SideCode
    price: int  # [ticks]
    size: int  # [lots] still open
    filled: int  # [lots]
    tif: TimeInForceCode
    reduce_only: int  # 0 or 1
    client_hi: int
    client_lo: int
    expires: int = 0  # [ns] when it is cancelled, 0: never
    display: int = 0  # [lots] that it shows at a time, 0: all
    is_quote: int = 0  # 0 or 1: is it of a mass quote, which the next one for its side replaces?
    linked_with: int = 0  # id of the order or trigger that it cancels, and is cancelled by (OCO); 0: none


class OpenTrigger(Coded, frozen=True, gc=False):
    order_id: int
    account: int
    market: int
    side: SideCode
    size: int  # [lots], 0: the whole position
    trigger: TriggerKindCode
    source: PriceSourceCode
    trigger_price: int  # [ticks]; of one that trails, the best price since it began
    price: int  # [ticks], 0: a market order
    tif: TimeInForceCode
    reduce_only: int  # 0 or 1
    slippage_ppm: int
    trail: int  # [ticks] or [ppm], 0: it does not trail
    is_trailing: int  # 0 or 1: has it begun to trail?
    has_fired: int  # 0 or 1: its order waits for its turn
    client_hi: int
    client_lo: int
    bracket: int = 0  # id of the entry, or of the TWAP, whose bracket it is of; 0: of none
    linked_with: int = 0  # id of the order or trigger that it cancels, and is cancelled by (OCO); 0: none
    fires_at: int = 0  # [ticks] where it fires as prices have been so far; 0: it has not begun to trail


class Liquidity(Coded, frozen=True, gc=False):
    """An account's shares of a pool, or a range of its own."""

    account: int
    market: int
    shares: int  # of the market's pool; of a range its liquidity
    paid_in: int  # [micro] for them
    worth: int  # [micro] what they would fetch now; of a range at the mark, its position included
    locked_until: int  # [ns]
    range_id: int = 0  # 0: the whole curve
    lower: int = 0  # [ticks] of the range
    upper: int = 0
    size: int = 0  # [lots] signed: what the range would hand to its owner


class PoolView(Coded, frozen=True, gc=False):
    """What stands behind the curve of a market."""

    market: int
    size: int  # [lots] of its position, signed
    entry_notional: int  # [micro] signed like size
    money: int  # [micro]
    equity: int  # [micro] money and position at the mark
    shares: int  # in all, those of the venue's own capital included


class Waiting(Coded, frozen=True, gc=False):
    """A command that waits to be carried out."""

    ticket: int
    account: int
    command: CommandCode
    market: int  # -1: of several, or the command names none
    due: int  # [ns] when it will be carried out; -1: with an oracle price that is not there yet
    order_id: int  # of the order that it is about; 0: a new one, or it names none
    client_hi: int
    client_lo: int


class Auction(Coded, frozen=True, gc=False):
    """Terms as of the venue's time. `gain` is what a bidder for the whole account would gain against the mark: times the share taken."""

    auction: int
    account: int
    market: int  # -1: all cross positions of the account
    share_ppm: int  # of the account, that is still on offer
    gain: int  # [micro]
    size: int  # [lots] signed, of the account's first position: what there is to take, before the share
    equity: int  # [micro]
    insolvent: bool


class RequirementLine(Coded, frozen=True, gc=False):
    """A part of an account's margin in one asset."""

    kind: RequirementCode
    asset: int  # whose cash this is, or which asset counts as collateral
    market: int  # of the position or the orders; of collateral the spot market that says what it is worth; -1: none
    size: int  # [lots] of a position, signed; [micro] of cash or collateral; 0 of orders
    hedged: int  # of that
    price: int  # [ticks] the mark; 0 of cash
    equity: int  # [micro] that it adds
    initial: int  # [micro] that it requires
    maintenance: int  # [micro]


class OpenTwap(Coded, frozen=True, gc=False):
    order_id: int
    account: int
    market: int
    side: SideCode
    size: int  # [lots]
    filled: int  # [lots]
    slices: int
    done: int  # slices whose time has come
    due: int  # [ns] when the next one is, 0: there is none
    sent: int  # [lots] of a slice that waits for its turn, or is auctioned
    reduce_only: int  # 0 or 1
    client_hi: int
    client_lo: int


class Preview(Coded, frozen=True, gc=False):
    """What would happen if an order came now, and what its account would have then. Of a refused one there is the reason alone."""

    reason: ReasonCode  # of the refusal; 0: it would be accepted
    filled: int = 0  # [lots]
    rests: int = 0  # [lots]
    cancelled: int = 0  # [lots]
    cancel_reason: CancelReasonCode = 0  # of these; 0: there are none
    lost: int = 0  # [lots] that go against its account's own orders, without a trade
    value: int = 0  # [micro] of the fills
    average: int = 0  # [ticks] of the fills, rounded down; 0: there are none
    mid_slippage_ppm: int | None = None  # how much worse than the middle of the book they are, rounded up; None: no fills, or no middle
    mark_slippage_ppm: int | None = None  # than the mark; below zero: better
    fee: int = 0  # [micro] trading fees
    size: int = 0  # [lots] of the position, signed, from here on as it would be afterwards
    entry_notional: int = 0  # [micro] signed like size
    isolated_margin: int = 0  # [micro]
    equity: int = 0  # [micro] of an isolated position its own, else of cash and all cross positions of the asset
    initial_margin: int = 0  # [micro] of an isolated position its own, else of all positions and open orders: equity less available_margin
    maintenance_margin: int = 0  # [micro]
    available_margin: int = 0  # [micro] what may back another order there; of an isolated position what it may still draw from cash
    free_margin: int = 0  # [micro] what may leave the account
    liquidation_price: int = 0  # [ticks]; 0: none


class MaintenanceWindow(Coded, frozen=True, gc=False):
    """A window in which a market has a status of its own."""

    number: int
    market: int  # -1: all
    start: int  # [ns]
    end: int  # [ns]
    during: MarketStatusCode
    afterwards: MarketStatusCode


class OpenAlert(Coded, frozen=True, gc=False):
    """A margin alert that an account has set."""

    asset: int
    number: int  # which of the account's alerts in the asset
    threshold_ppm: int  # of equity / maintenance
    hysteresis_ppm: int
    is_below: int  # 0 or 1: was the account told that it is below, and not yet that it is above again?


class OpenPayment(Coded, frozen=True, gc=False):
    """Money that is under way: nobody's margin until it arrives."""

    number: int
    command: CommandCode  # that has sent it
    account: int  # who pays, or is paid in from outside
    to: int  # the account that receives it; -1: it leaves the venue
    asset: int
    amount: int  # [micro]
    due: int  # [ns] when it arrives
