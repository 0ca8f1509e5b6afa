"""Every command, and the one schema of all that crosses the boundary of the venue (events are in events.py, enums in codes.py).

The schema serves the typed API, the packed rows, the journal and later the wire. A message is a frozen struct of integers; its
packed form is one row of 16 int64:

    command  [kind, ts, fields in declared order, zeros]
    event    [kind, seq, ts, fields in declared order, zeros]

Bounds are part of the annotations, as is the enum of codes.py that a field holds a number of (`side: SideCode`). Bounds are checked
at the door, before the command's `ts` is applied. The last column of a
command row counts continuation rows; no command of today needs one, so it is zero. AUTHORITY, below the structs, says who may send
a command.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from functools import cache
from typing import Annotated, ClassVar, Final, get_args, get_type_hints

from msgspec import Meta
from msgspec.structs import astuple, fields

from ..state import types as t
from .audience import *  # noqa: F403
from .codes import *  # noqa: F403
from .codes import (
    AccountKindCode,
    Coded,
    FundingModeCode,
    MarginModeCode,
    MarketStatusCode,
    OrderTypeCode,
    SelfTradeCode,
    SideCode,
    TimeInForceCode,
)
from .events import *  # noqa: F403
from .events import Event

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
Id = Annotated[int, Meta(ge=1, le=2**62)]
Flag = Annotated[int, Meta(ge=0, le=1)]  # 0: no, 1: yes
Rate = Annotated[int, Meta(ge=-int(t.PPT), le=int(t.PPT))]  # [ppt]
SharePpm = Annotated[int, Meta(ge=1, le=int(t.PPM))]
PriorityFee = Annotated[int, Meta(ge=0, le=10**12)]  # [micro] for an earlier place in a block, where the venue sells that


class Command(Coded, frozen=True, gc=False):
    """Base of all commands. `ts` is the venue's time in ns; it may repeat, never run back, nor jump by more than a day."""

    KIND: ClassVar[int] = 0
    ts: Ts


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


class Place(Command, frozen=True, gc=False):
    """Place an order. A market order's `price` is its protection price; 0 takes the edge of the venue's price band.

    A nonzero client id (two 64-bit halves) is unique among the account's open orders and its last 1,024 closed ones that had
    one; a repeat returns the first order's id and state (`OrderRepeated`) and changes nothing.
    """

    KIND: ClassVar[int] = 5
    account: AccountId
    market: MarketId
    side: SideCode
    price: OptionalPrice  # [ticks]
    size: Lots  # [lots]
    order_type: OrderTypeCode = 0
    tif: TimeInForceCode = 0
    reduce_only: Flag = 0  # 1: may only bring the position towards zero
    self_trade: SelfTradeCode = 0
    client_hi: I64 = 0
    client_lo: I64 = 0
    priority_fee: PriorityFee = 0  # [micro]


class Amend(Command, frozen=True, gc=False):
    """Give a resting order a new price and a new open size. Priority is kept when only the size falls."""

    KIND: ClassVar[int] = 6
    account: AccountId
    order_id: Id
    price: Price  # [ticks]
    size: Lots  # [lots] left open afterwards
    priority_fee: PriorityFee = 0  # [micro]


class Cancel(Command, frozen=True, gc=False):
    """Cancel an open order by its id."""

    KIND: ClassVar[int] = 7
    account: AccountId
    order_id: Id
    priority_fee: PriorityFee = 0  # [micro]


class CancelClient(Command, frozen=True, gc=False):
    """Cancel an open order by its client id."""

    KIND: ClassVar[int] = 8
    account: AccountId
    client_hi: I64
    client_lo: I64
    priority_fee: PriorityFee = 0  # [micro]


class CancelAll(Command, frozen=True, gc=False):
    """Cancel all open orders of an account, in one market or in all."""

    KIND: ClassVar[int] = 9
    account: AccountId
    market: AnyMarket = -1  # -1: all
    priority_fee: PriorityFee = 0  # [micro]


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


class BlockTrade(Command, frozen=True, gc=False):
    """Admin: two accounts cross at a price, off the book and free of fees. Seeds positions."""

    KIND: ClassVar[int] = 13
    buyer: AccountId
    seller: AccountId
    market: MarketId
    size: Lots  # [lots]
    price: Price  # [ticks]


class UpdateOracle(Command, frozen=True, gc=False):
    """What the outside world's price is, as the venue hears it. `perp_median` is that of outside perpetuals, 0: not given."""

    KIND: ClassVar[int] = 14
    market: MarketId
    price: Price  # [ticks]
    perp_median: OptionalPrice = 0  # [ticks]


class TakeAuction(Command, frozen=True, gc=False):
    """Bid for a share of an auctioned account, if that gains at least `minimum_gain` against the mark."""

    KIND: ClassVar[int] = 15
    account: AccountId
    auction: Id
    share_ppm: SharePpm  # of what the auction still offers
    minimum_gain: SignedAmount = 0  # [micro]


class SetMarketStatus(Command, frozen=True, gc=False):
    """Admin. `SETTLED` closes every position at `price` (0: at the mark) and is final."""

    KIND: ClassVar[int] = 16
    market: MarketId
    status: MarketStatusCode
    price: OptionalPrice = 0  # [ticks]


class Tick(Command, frozen=True, gc=False):
    """Let time pass: run what has fallen due."""

    KIND: ClassVar[int] = 17


class CancelAllAfter(Command, frozen=True, gc=False):
    """A dead man's switch: cancel all orders of an account when `delay` has passed. Sent again before that, it counts anew; 0: never."""

    KIND: ClassVar[int] = 18
    account: AccountId
    delay: Annotated[int, Meta(ge=0, le=MAX_TS_JUMP)]  # [ns]


class Debit(Command, frozen=True, gc=False):
    """Admin: take money from an account whatever its margin, at most its equity. Below maintenance, it is liquidated at once."""

    KIND: ClassVar[int] = 19
    account: AccountId
    asset: AssetId
    amount: Amount  # [micro]
    market: AnyMarket = -1  # out of the margin of its isolated position there; -1: out of its cash


class SetFunding(Command, frozen=True, gc=False):
    """Admin. From now on a market charges what its rule says, or `rate_ppt`, or both added up. No cap applies."""

    KIND: ClassVar[int] = 20
    market: MarketId
    mode: FundingModeCode
    rate_ppt: Rate = 0  # per funding interval, positive where longs pay; with RULE, 0


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


class SetGas(Command, frozen=True, gc=False):
    """Admin. From now on commands cost this multiple of what the design says."""

    KIND: ClassVar[int] = 23
    multiplier_ppm: Annotated[int, Meta(ge=0, le=1_000_000_000_000)]  # 1,000,000: as the design says


class Role(Enum):
    """Who may send a command that is nobody's own business."""

    OPERATOR = "the venue's operator"
    PRICE_FEED = "the price feed"
    CLOCK = "whoever drives the venue's clock"


# Who may send a command: the owner of the accounts that these fields name, or a role. The core does not ask: whoever stands between
# it and the world does, before `apply`. A field that names an account either authorises here or is in ONLY_NAMED.
OF_OWNER: Final[tuple[str, ...]] = ("account",)
AUTHORITY: Final[dict[type[Command], tuple[str, ...] | Role]] = {
    OpenAccount: Role.OPERATOR,  # it says whose the account is to be, which only the shell that knows its users can
    Deposit: Role.OPERATOR,  # it makes money: only the venue knows what has come in
    Withdraw: OF_OWNER,
    Transfer: OF_OWNER,  # who receives it is not asked
    Place: OF_OWNER,
    Amend: OF_OWNER,
    Cancel: OF_OWNER,
    CancelClient: OF_OWNER,
    CancelAll: OF_OWNER,
    SetLeverage: OF_OWNER,
    SetMarginMode: OF_OWNER,
    MoveIsolatedMargin: OF_OWNER,
    BlockTrade: Role.OPERATOR,  # it moves money between two accounts at any price: not even both owners may agree on one
    UpdateOracle: Role.PRICE_FEED,
    TakeAuction: OF_OWNER,  # the bidder's
    SetMarketStatus: Role.OPERATOR,  # it stops or closes a market for all
    Tick: Role.CLOCK,
    CancelAllAfter: OF_OWNER,
    Debit: Role.OPERATOR,  # it takes what the owner would not give
    SetFunding: Role.OPERATOR,  # all who hold the market pay it
    AddLiquidity: OF_OWNER,
    RemoveLiquidity: OF_OWNER,
    SetGas: Role.OPERATOR,  # everybody pays it
}
ONLY_NAMED: Final[dict[type[Command], tuple[str, ...]]] = {
    Deposit: ("account",),
    Transfer: ("to",),
    BlockTrade: ("buyer", "seller"),
    Debit: ("account",),
}

COMMANDS: Final[tuple[type[Command], ...]] = tuple(Command.__subclasses__())
COMMAND_OF: Final[dict[int, type[Command]]] = {c.KIND: c for c in COMMANDS}
KIND_OF: Final[dict[type[Command], int]] = {c: c.KIND for c in COMMANDS}


def _bounds(command: type[Command]) -> tuple[tuple[str, int, int], ...]:
    hints = get_type_hints(command, include_extras=True)
    rows: list[tuple[str, int, int]] = []
    for field in fields(command):
        meta = next(m for m in get_args(hints[field.name]) if isinstance(m, Meta))
        assert isinstance(meta.ge, int) and isinstance(meta.le, int)
        rows.append((field.name, meta.ge, meta.le))
    return tuple(rows)


BOUNDS: Final[dict[int, tuple[tuple[str, int, int], ...]]] = {c.KIND: _bounds(c) for c in COMMANDS}


@cache  # bots ask before each command, and msgspec evaluates the types anew each time
def columns_of(message: type[Command] | type[Event]) -> Mapping[str, int]:
    """Where the fields of a command or event lie in its packed row. The kind is in KIND_COLUMN."""
    return {field.name: number for number, field in enumerate(fields(message), start=1)}


@cache
def column_of(message: type[Command] | type[Event], field: str) -> int:
    """Where one field lies in the packed row of a command or event. Raises KeyError."""
    return columns_of(message)[field]


# What a Rejected event names of a command: the columns of its account, market and client id; -1 where it has none.
_NAMED: Final = (("account", "buyer"), ("market",), ("client_hi",), ("client_lo",))


def _refusal_columns(command: type[Command]) -> tuple[int, ...]:
    place = columns_of(command)
    return tuple(next((place[name] for name in names if name in place), -1) for names in _NAMED)


REFUSAL_COLUMNS: Final[dict[int, tuple[int, ...]]] = {c.KIND: _refusal_columns(c) for c in COMMANDS}


KIND_COLUMN: Final = 0  # of commands and events
TS_COLUMN: Final = column_of(Command, "ts")  # of commands; that of events is column_of(Event, "ts")

_AUTHORITY_COLUMNS: Final[dict[int, tuple[int, ...] | Role]] = {
    command.KIND: asked if isinstance(asked, Role) else tuple(column_of(command, name) for name in asked)
    for command, asked in AUTHORITY.items()
}


def authority(row: list[int]) -> list[int] | Role:
    """Who may send a packed command: the owner of all these accounts, or a role."""
    asked = _AUTHORITY_COLUMNS[row[KIND_COLUMN]]
    return asked if isinstance(asked, Role) else [row[column] for column in asked]


class Malformed(ValueError):
    """A command that is refused at the door: nothing happened, not even its `ts`."""


class VenueBusy(RuntimeError):
    """A command came while the venue was at work on another: from a rule, a journal, or whatever else runs meanwhile. Nothing happened."""

    def __init__(self) -> None:
        super().__init__(
            "this venue is at work on a command, and takes no other meanwhile, nor can it be copied; a rule, a journal or a __del__ that "
            "wants to send one does so when the command at hand is done"
        )


class VenueBroken(RuntimeError):
    """A command raised in the midst of its work, which only a fault can do: in a rule of one's own, or in the core."""

    def __init__(self) -> None:
        super().__init__(
            "a command was left half done by what it raised, so this venue can take no more; "
            "mend the rule that raised it, and replay the journal or restore a snapshot"
        )


def describe_malformed(row: list[int]) -> str:
    """Why `row` (16 integers) is no command."""
    bounds = BOUNDS.get(row[0])
    if bounds is None:
        return f"kind is {row[0]}; known kinds are 1 to {len(COMMANDS)}"
    name = COMMAND_OF[row[0]].__name__
    for column, (field, low, high) in enumerate(bounds, start=1):
        if not low <= row[column] <= high:
            return f"{name}.{field} is {row[column]}; expected {low} to {high}"
    return f"{name}: unused columns of its row must be 0, got {row[len(bounds) + 1 :]}"


def command_row(command: Command) -> list[int]:
    """The packed row of a command. Raises Malformed if a field is no integer or does not fit 64 bits."""
    row = [command.KIND, *astuple(command)]
    for value in row:
        if not isinstance(value, int):
            raise Malformed(f"{type(command).__name__}: {value!r} is not an integer")
        if not -(2**63) <= value < 2**63:
            told = f"{value} does" if value.bit_length() < 200 else f"an integer of {value.bit_length()} bits does"
            raise Malformed(f"{type(command).__name__}: {told} not fit 64 bits")
    return row + [0] * (ROW - len(row))


def command_of_row(row: list[int]) -> Command:
    """The typed command of a packed row. Raises Malformed."""
    bounds = BOUNDS.get(row[0])
    if bounds is None or any(row[len(bounds) + 1 :]):
        raise Malformed(describe_malformed(row))
    return COMMAND_OF[row[0]](*row[1 : len(bounds) + 1])
