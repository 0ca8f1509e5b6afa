"""Orders that the venue sends on an account's behalf, quotes, what-ifs, and what an account is asked about its margin and its fees: the
part of types.py, which has all of it, that is about these."""

from __future__ import annotations

from decimal import Decimal

from perplab.exchange.codes import (
    CancelReason,
    OrderType,
    PriceSource,
    Reason,
    RequirementKind,
    Side,
    Spacing,
    TimeInForce,
    TriggerKind,
)

from .types_curves import ClientId, Told
from .units import Number

# -- what is asked for --


class NewTrigger(Told, frozen=True, kw_only=True):
    """A conditional order to be placed: it waits for a price, and then an order comes in like any other."""

    market: str  # its name
    side: Side  # BUY or SELL
    trigger: TriggerKind  # STOP, TAKE_PROFIT, TRAILING_TICKS (its distance in USD) or TRAILING_PPM (as a share)
    price: Number | None = None  # [USD] where it fires; of a trailing one, where it begins to trail, None: at once
    trail: Number | None = None  # of a trailing one: its distance, [USD], or a share of the price: "0.02" is 2 %
    size: Number | None = None  # [coins] None: the whole position, as large as it is then; for reduce_only
    source: PriceSource = PriceSource.MARK  # whose price: MARK, LAST (of the last trade) or ORACLE
    limit: Number | None = None  # [USD] of its order; None: a market order
    tif: TimeInForce = TimeInForce.GTC  # of its order
    reduce_only: bool = True  # False: it may open a position
    slippage: Number | None = None  # a share: how far from the price at firing a market order may trade; None: up to the price band
    client_id: ClientId | None = None  # None: the client makes one


class NewBracket(Told, frozen=True, kw_only=True):
    """An entry, and as far as it fills a take-profit, a stop or both, of which one cancels the other."""

    market: str  # its name
    side: Side  # of the entry
    size: Number  # [coins]
    price: Number | None = None  # [USD] limit of the entry, or the worst price of a market order
    order_type: OrderType = OrderType.LIMIT  # of the entry
    tif: TimeInForce = TimeInForce.GTC  # of the entry
    take_profit: Number | None = None  # [USD] where a market order closes it
    stop: Number | None = None  # [USD] the same
    source: PriceSource = PriceSource.MARK  # whose price both go by
    slippage: Number | None = None  # a share: how far from the price at firing both may trade; None: up to the price band
    client_id: ClientId | None = None  # None: the client makes one
    alone: bool = False  # one of them that you cancel leaves the other


class NewTwap(Told, frozen=True, kw_only=True):
    """A size that the venue trades in slices: the first one now, the others `every_s` after each other."""

    market: str  # its name
    side: Side  # BUY or SELL
    size: Number  # [coins]
    slices: int  # 2 to 10,000
    every_s: float  # [s] at least 1
    slippage: Number | None = None  # a share: how far from the mark a slice may trade; None: up to the price band
    catch_up: Number = 3  # how many times an even slice one may be that makes up for earlier ones: 1 to 10
    minimum_slice: Number | None = None  # [coins] a smaller one is left to the next
    reduce_only: bool = False  # they only ever reduce a position
    take_profit: Number | None = None  # [USD] for what it has filled, by the mark, as of a bracket
    stop: Number | None = None  # [USD]
    client_id: ClientId | None = None  # None: the client makes one


class NewLadder(Told, frozen=True, kw_only=True):
    """A size spread over limit orders, evenly from the first price to the last one. Each is an order like any other from then on."""

    market: str  # its name
    side: Side  # BUY or SELL
    size: Number  # [coins] of all orders together
    first_price: Number  # [USD]
    last_price: Number  # [USD]
    count: int  # of orders: 2 to 50
    spacing: Spacing = Spacing.LINEAR  # equal steps; GEOMETRIC: equal ratios
    skew: Number = 1  # how many times as large as the first order the last one is: 0.01 to 100
    tif: TimeInForce = TimeInForce.GTC  # of all of them
    reduce_only: bool = False  # they only ever reduce a position
    client_id: ClientId | None = None  # of the first order, the others have those that follow it; None: the client makes them


# -- answers --


class Ladder(Told, frozen=True, kw_only=True):
    """A ladder that was taken. Each of its orders is accepted or refused by itself: ask for it by its client id, or hear of it."""

    placed: int  # orders that stand or have traded; of one that is sent again, those that did (`repeated`)
    refused: int
    queued: int  # that wait for their turn
    first_refusal: Reason | None  # why the first one that was refused was; None: none was, or for a reason of a newer server
    market: str
    client_ids: tuple[ClientId, ...]  # of the orders, from the first price to the last one
    seq: int  # of the venue's last event because of it
    ts: int  # [ns]
    repeated: int = 0  # of those placed: their client ids were in use, so nothing was placed now; `order` tells whether they are open


class Quoted(Told, frozen=True, kw_only=True):
    """What became of the quotes of one command; the private stream tells of each."""

    placed: int
    refused: int
    first_refusal: Reason | None  # why the first one that was refused was; None: none was, or for a reason of a newer server
    seq: int  # of the venue's last event because of it
    ts: int  # [ns]


class Swept(Told, frozen=True, kw_only=True):
    """What a cancel of all came to: orders, triggers and TWAPs count alike. None: an older server does not tell."""

    cancelled: int | None
    left: int | None  # that it could not cancel, since their markets are halted
    halted: tuple[str, ...]  # the names of these
    seq: int  # of the venue's last event because of it
    ts: int  # [ns]


class OpenTrigger(Told, frozen=True, kw_only=True):
    """A conditional order that waits."""

    order_id: int  # also of the order that it will send
    market: str
    side: Side
    size: Decimal | None  # [coins] None: the whole position
    trigger: TriggerKind
    source: PriceSource
    price: Decimal  # [USD] where it fires; of one that trails, the best price since it began, or where it will begin to (`is_trailing`)
    limit: Decimal | None  # [USD] of its order; None: a market order
    tif: TimeInForce
    reduce_only: bool
    slippage: Decimal | None  # a share; None: up to the price band
    trail: Decimal | None  # [USD], or a share of the price, as `trigger` says; None: it does not trail
    is_trailing: bool  # it has begun to trail
    has_fired: bool  # its order waits for its turn
    client_id: ClientId | None
    bracket: int | None = None  # the id of the entry, or of the TWAP, that it is of; None: of none, or not told
    linked_with: int | None = None  # the id of the order or trigger that it cancels, and is cancelled by (OCO); None: none, or not told
    fires_at: Decimal | None = None  # [USD] where it fires as prices have been so far; None: it has not begun to trail, or not told


class OpenTwap(Told, frozen=True, kw_only=True):
    """A TWAP that goes on."""

    order_id: int
    market: str
    side: Side
    size: Decimal  # [coins]
    filled: Decimal  # [coins]
    slices: int
    done: int  # slices whose time has come
    due: int | None  # [ns] when the next one is; None: there is none
    sent: Decimal  # [coins] of a slice that waits for its turn, or is auctioned
    reduce_only: bool
    client_id: ClientId | None


class Preview(Told, frozen=True, kw_only=True):
    """What an order would come to if it came now, and what its account would have then.

    Of a refused one there is the `reason`: nothing is filled, rests or is cancelled, and everything else is None.
    """

    market: str  # its name
    reason: Reason | None  # why it would be refused; None: it would not
    filled: Decimal  # [coins]
    rests: Decimal  # [coins]
    cancelled: Decimal  # [coins]
    cancel_reason: CancelReason | None  # of these
    lost: Decimal  # [coins] that go against the account's own orders, without a trade
    value: Decimal  # [USD] of the fills
    average_price: Decimal | None  # [USD] of the fills, to 28 digits; None: there are none
    mid_slippage: Decimal | None  # a share: how much worse than the middle of the book they are; None: no fills, or no middle
    mark_slippage: Decimal | None  # than the mark; below zero: better
    fee: Decimal | None  # [USD] below zero: a rebate
    size: Decimal | None  # [coins] of the position, signed, from here on as it would be afterwards
    entry_notional: Decimal | None  # [USD] signed like size
    isolated_margin: Decimal | None  # [USD]
    equity: Decimal | None  # [USD] of an isolated position its own, else of cash and all cross positions of the asset
    initial_margin: Decimal | None  # [USD] of an isolated position its own, else with all open orders: `equity` less `available`
    maintenance_margin: Decimal | None  # [USD]
    available: Decimal | None  # [USD] for other orders
    withdrawable: Decimal | None  # [USD]
    liquidation_price: Decimal | None  # [USD] None: no price of this market alone leads to it
    ts: int  # [ns]


class RequirementLine(Told, frozen=True, kw_only=True):
    """A part of an account's margin."""

    kind: RequirementKind  # CASH, COLLATERAL, POSITION or ORDERS
    asset: str  # whose cash this is, or which asset counts as collateral
    market: str  # of the position or the orders; of collateral the spot market that says what it is worth; "": none
    size: Decimal  # [coins] of a position, signed; of cash or collateral how much there is; 0 of orders
    hedged: Decimal  # of that
    price: Decimal | None  # [USD] the mark; None: of cash
    equity: Decimal  # [USD] that it adds
    initial: Decimal  # [USD] that it requires
    maintenance: Decimal  # [USD]


class Requirement(Told, frozen=True, kw_only=True):
    """An account's margin in one asset, line by line: the lines add up to `equity`, `initial_margin` and `maintenance_margin`."""

    account: int
    asset: str
    lines: tuple[RequirementLine, ...]
    equity: Decimal  # [USD]
    available: Decimal  # [USD] for new orders
    initial_margin: Decimal  # [USD] of positions and open orders: `equity` less `available`
    maintenance_margin: Decimal  # [USD] below which the account is liquidated
    ts: int  # [ns]
    isolated: tuple[str, ...] = ()  # markets whose positions stand for themselves: they are in none of the lines


class FeeRate(Told, frozen=True, kw_only=True):
    """What an account pays in a market, of the value of a fill."""

    market: str
    maker_fee: Decimal  # a share; below zero: a rebate
    taker_fee: Decimal  # a share


class FeeRates(Told, frozen=True, kw_only=True):
    """What an account pays now, by what it has traded."""

    account: int
    volume: Decimal  # [USD] that it, its master and all sub-accounts of that have traded in the days that count
    rates: tuple[FeeRate, ...]  # one for each market
    ts: int  # [ns]
    maker_volume: Decimal | None = None  # [USD] of the volume, what was traded as maker; None: not told

    def of(self, market: str) -> FeeRate:
        """Raises ValueError for a market that it does not have."""
        found = next((one for one in self.rates if one.market == market), None)
        if found is None:
            raise ValueError(f"there is no market {market!r}; there are {', '.join(one.market for one in self.rates)}")
        return found


class SubAccounts(Told, frozen=True, kw_only=True):
    """How an account is related to others of its owner."""

    account: int
    master: int | None  # whose sub-account it is; None: it is none
    sub_accounts: tuple[int, ...]  # of its own, in the order in which they were opened
    ts: int  # [ns]
