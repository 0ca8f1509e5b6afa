"""What a client is answered: which venue this is, orders, accounts, prices. Part of types.py, which has all of it."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from msgspec import Struct

from perplab.exchange.codes import AccountMode, CancelReason, MarginMode, MarketStatus, OrderState, Reason, Side, TimeInForce

from .types_curves import ClientId, Gas, Liquidity, Sequencing, Told
from .units import Market


class Credentials(NamedTuple):
    """What to log in with the next time; None, where a name was enough."""

    key: str | None
    secret: str | None


class Collateral(Struct, frozen=True, kw_only=True):
    """An asset that stands in for cash in what its spot market settles in."""

    asset: str  # its name
    market: str  # the spot market that says what it is worth
    weight: Decimal  # a share of what it is worth at the mark of its spot market: what it counts for
    hedges: str = ""  # the perpetual whose shorts it hedges; "": none
    hedged_weight: Decimal = Decimal(1)  # the weight of the part that a short hedges
    hedged_margin: Decimal = Decimal(1)  # a share of its requirement: what the hedged part of the short keeps


class FeeTier(Struct, frozen=True, kw_only=True):
    """What an account pays in every market that has traded `volume` or more."""

    volume: Decimal  # [USD] as taker and maker, in the whole days that count
    maker_fee: Decimal  # a share; below zero: a rebate
    taker_fee: Decimal  # a share


class MakerTier(Struct, frozen=True, kw_only=True):
    """What an account gets as maker that has traded more than `share` of what all makers have."""

    share: Decimal
    rebate: Decimal  # a share of the value; who pays less anyway is not touched


class Payments(Struct, frozen=True, kw_only=True):
    """How money comes and goes."""

    deposit_delay_ms: int = 0
    withdraw_delay_ms: int = 0
    transfer_delay_ms: int = 0
    withdrawals: str = "any"  # flat: only by accounts that hold and offer nothing; none
    transfers: str = "any"  # same_owner: only between accounts of one owner; none


class DeleverageTerms(Struct, frozen=True, kw_only=True):
    """How winners are closed against losers whom nothing else could close: docs/rules.md has what each word means."""

    trigger: str  # negative_equity or fund_insufficient
    rank: str  # who comes first
    selection: str  # how much of each
    price: str  # bankruptcy or mark


class LiquidationTerms(Struct, frozen=True, kw_only=True):
    """How accounts below maintenance are closed, and who pays what they cannot."""

    steps: tuple[str, ...]  # in order
    fee: Decimal  # a share of the value that is closed
    fee_from: str  # surplus: only of what is fetched beyond bankruptcy; fund: in any case, and the backstops pay what is missing
    surplus_to: str  # what is left of a liquidated account: trader, insurance_fund or vault
    backstops: tuple[str, ...]  # who pays, in order
    auto_deleverage: DeleverageTerms | None = None  # None: there is none


class Venue(Struct, frozen=True):
    """Which venue this is."""

    name: str
    title: str
    assets: tuple[str, ...]
    markets: dict[str, Market]  # by name
    epoch: str  # another one means that the numbers of events began anew
    sequencing: Sequencing = Sequencing()
    gas: Gas = Gas()
    collateral: tuple[Collateral, ...] = ()  # what counts besides cash
    max_debt: int | None = None  # [USD] what may be owed while collateral stands in: who owes more has it sold; None: not told
    transfer_margin: Decimal | None = None  # a share of the value of positions: what stays when money leaves; None: not told
    fee_tiers: tuple[FeeTier, ...] = ()  # by rising volume; below the first one each market's own fees hold
    maker_tiers: tuple[MakerTier, ...] = ()  # by rising share
    fee_window_days: int = 0  # whole days whose volume counts for tiers; 0: not told
    money: Payments = Payments()
    limits: dict[str, int] = {}  # of an account, by name: max_open_orders, max_triggers, max_twaps, max_sub_accounts; as far as told
    liquidation: LiquidationTerms | None = None  # None: not told

    def market(self, named: str) -> Market:
        """Raises ValueError for a name that is not known."""
        if named not in self.markets:
            raise ValueError(f"there is no market {named!r}; there are {', '.join(self.markets)}")
        return self.markets[named]

    def asset_number(self, asset: int | str) -> int:
        """The number of an asset, given by that or by its name. Raises ValueError."""
        if isinstance(asset, int):
            if not 0 <= asset < len(self.assets):
                raise ValueError(f"there is no asset {asset}; there are 0 to {len(self.assets) - 1}: {', '.join(self.assets)}")
            return asset
        if asset not in self.assets:
            raise ValueError(f"there is no asset {asset!r}; there are {', '.join(self.assets)}")
        return self.assets.index(asset)

    def numbered(self, number: int) -> Market:
        """The market that the wire calls by this number. Raises IndexError."""
        if number < 0:
            raise IndexError(f"there is no market {number}")
        return list(self.markets.values())[number]


class Order(Told, frozen=True, kw_only=True):
    """An order as of the reply, or of the snapshot, that told of it."""

    order_id: int  # the venue's number of it; 0: not placed yet, or it waits
    market: str  # its name
    side: Side | None  # None: not known, as of an order that this client has neither placed nor been told of
    price: Decimal | None  # [USD] None: not known, as with side; or a market order without a worst price
    filled: Decimal  # [coins] by the request that this answers; of questions, in all
    open: Decimal  # [coins] that still wait
    state: OrderState  # OPEN, FILLED or CANCELLED
    average_price: Decimal | None = None  # [USD] of what `filled` counts, to 28 digits; None: nothing, or not told (lists, repeats)
    reason: CancelReason | None = None  # why it, or the rest of it, was cancelled; None: it was not, or it is not told
    client_id: ClientId | None = None  # of its sender's; None: it has none, or it is not known
    reduce_only: bool | None = False  # it only ever reduces a position; None: not known
    tif: TimeInForce | None = TimeInForce.GTC  # GTC, IOC (as any market order that is not FOK), FOK, POST_ONLY or RPI; None: not known
    auctioned: bool = False  # when last asked for: makers compete for it before it trades
    repeated: bool = False  # the client id was in use: this is the order that had it, whatever was asked for now
    seq: int = 0  # of the venue's last event because of it; 0: not told
    ts: int = 0  # [ns] of the venue then; 0: not told
    ticket: int = 0  # what was asked for waits under this number, and the order is as before; 0: it is carried out
    due: int | None = None  # [ns] when it will be; None: it does not wait, or for an oracle price that is not there yet
    expires: int | None = None  # [ns] when it is cancelled if it rests until then; None: never, or not known
    display: Decimal | None = None  # [coins] that it shows at a time (iceberg); None: all, or not known
    is_quote: bool = False  # in a list: it is of a mass quote, and the next one for its side replaces it
    linked_with: int | None = None  # when last asked for or listed: the id of the order or trigger that it cancels (OCO); None: none


class Position(Told, frozen=True, kw_only=True):
    """What an account holds in a market."""

    market: str  # its name
    size: Decimal  # [coins] below zero: short
    entry_price: Decimal  # [USD] the average, to 28 digits
    entry_notional: Decimal  # [USD] signed like size
    liquidation_price: Decimal | None  # [USD] None: no price of this market alone leads to it
    isolated_margin: Decimal  # [USD] of its own, where the mode is ISOLATED
    mode: MarginMode  # CROSS or ISOLATED
    leverage: int  # the initial margin is at least notional / leverage
    unsettled: Decimal  # [USD] funding and shared losses owed and not paid yet
    unrealized_pnl: Decimal | None = None  # [USD] gained or lost at the mark since it was entered, before `unsettled`; None: not told


class Balance(Told, frozen=True, kw_only=True):
    """Money of one asset. [USD], or whatever the asset is"""

    asset: str  # its name
    cash: Decimal  # paid in, and realised
    equity: Decimal  # of cross margin: cash, what cross positions have gained or lost, and what collateral counts for; see `value`
    available: Decimal  # for new orders
    withdrawable: Decimal  # what can be taken out
    initial_margin: Decimal  # that positions and open orders need: `equity` less `available`
    maintenance_margin: Decimal  # below which the account is liquidated
    value: Decimal | None = None  # cash, and the equity of all positions, isolated ones included, without collateral; None: not told


class Alert(Told, frozen=True, kw_only=True):
    """A margin alert that is set."""

    asset: str  # its name
    number: int  # 0 to 3
    threshold: Decimal  # of equity / maintenance; 1: where the account is liquidated
    hysteresis: Decimal  # how much above the threshold it is above again
    is_below: bool  # it was told so, and not yet that it is above again


class Payment(Told, frozen=True, kw_only=True):
    """Money that is under way: nobody's margin until it arrives."""

    number: int
    command: str  # Deposit, Withdraw or Transfer
    account: int  # who pays, or is paid in from outside
    to: int | None  # the account that receives it; None: it leaves the venue
    asset: str  # its name
    amount: Decimal
    due: int  # [ns] when it arrives


class Account(Told, frozen=True):
    """All that an account has, as of event `seq`."""

    account: int  # its number
    seq: int  # of the venue's last event that is in it
    balances: tuple[Balance, ...]  # one for each asset
    positions: tuple[Position, ...]  # that are not zero
    orders: tuple[Order, ...]  # that are open
    more: int = 0  # open orders that did not fit the message
    liquidity: tuple[Liquidity, ...] = ()  # its shares of pools
    mode: AccountMode | None = None  # of its kill switch: NORMAL, REDUCE_ONLY or FROZEN; None: not told
    alerts: tuple[Alert, ...] = ()  # that are set
    payments: tuple[Payment, ...] = ()  # under way, from it and to it; at most 256


class BookLevel(Told, frozen=True):
    price: Decimal  # [USD]
    size: Decimal  # [coins]


class Depth(Told, frozen=True):
    """A book at one moment, best levels first."""

    market: str
    bids: tuple[BookLevel, ...]
    asks: tuple[BookLevel, ...]


class Prices(Told, frozen=True):
    """What a price did in an interval of time. [USD]"""

    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal


class Candle(Told, frozen=True, kw_only=True):
    """A market in one interval of time."""

    market: str
    begin: int  # [ns]
    trades: Prices | None  # prices of trades; in an interval without any, of the last one before; None: there was none
    count: int  # of trades
    size: Decimal  # [coins] traded
    value: Decimal  # [USD] of that
    liquidated: Decimal  # [coins] of that, traded by liquidations
    mark: Prices | None  # None: there was none yet
    oracle: Prices | None


class Maintenance(Told, frozen=True, kw_only=True):
    """A time in which the operator gives a market, or all of them, another status."""

    number: int
    market: str  # its name; "": all
    start: int  # [ns]
    end: int  # [ns]
    during: MarketStatus
    afterwards: MarketStatus


class Ticker(Told, frozen=True, kw_only=True):
    """Prices of a market, None where there is none yet. In the stream `ticker`, bid, ask and status are not told, and None."""

    market: str  # its name
    oracle: Decimal | None  # [USD] the outside price
    mark: Decimal | None  # [USD] what margin and funding go by
    last: Decimal | None  # [USD] of the last trade
    open_interest: Decimal  # [coins]
    funding_rate: Decimal  # what the running interval would charge as of now: a fraction of a position's value, positive where longs pay
    funding_ts: int  # [ns] when that is charged
    bid: BookLevel | None = None  # the best: price [USD] and size [coins]; None: that side is empty
    ask: BookLevel | None = None  # the same
    status: MarketStatus | None = None  # whether it trades
    curve: Decimal | None = None  # [USD] the middle of the quotes of its curve; None: it has none, or that quotes nothing
    maintenance: Maintenance | None = None  # the window that begins or ends next; None: none is ahead, or not told


class Auction(Told, frozen=True, kw_only=True):
    """An auction of a liquidated account that is open, with its terms as of now."""

    auction: int
    account: int  # whose positions are on offer
    market: str  # "": all cross positions of the account
    share: Decimal  # of the account, that is still on offer
    gain: Decimal  # [USD] against the mark, of taking over all of the account: times the share that is taken. Below zero: a loss
    size: Decimal | None  # [coins] signed, of the whole account; None: there may be positions in several markets
    equity: Decimal  # [USD] of the account
    insolvent: bool  # the equity is below zero, and who takes it is paid


class Counted(Told, frozen=True, kw_only=True):
    """What became of the orders of a packed ladder or mass quote."""

    placed: int
    refused: int
    queued: int  # that wait for their turn
    first_refusal: Reason | None  # why the first one that was refused was; None: none was, or for a reason of a newer server
    repeated: int = 0  # of those placed: their client ids were in use, so nothing was placed now


class RowStatus(Told, frozen=True, kw_only=True):
    """What a packed command came to. In the wire's units: lots, and 0 for no order."""

    why: str  # it was refused; "": it was not
    order_id: int
    market: int  # -1: of no market
    state: OrderState | None
    filled: int
    paid: int  # [ticks x lots] the sum of price x size of what was filled in a book
    open: int
    repeated: bool
    seq: int
    value: int = 0  # [micro] of what was filled by a curve; of liquidity, what was paid in or out
    shares: int = 0  # of liquidity
    ticket: int = 0  # it waits under this number; 0: it is carried out
    due: int | None = None  # [ns] when it will be; None: as of Queued
    reason: CancelReason | None = None  # why the order, or the rest of it, was cancelled; None: it was not, or it is not told
    several: Counted | None = None  # of a ladder or a mass quote, of which the fields of one order say nothing


class RowStatuses(Told, frozen=True):
    """What packed commands came to, one for each."""

    ts: int  # [ns]
    rows: tuple[RowStatus, ...]
