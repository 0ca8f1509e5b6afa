"""What a client may ask: one struct per `op`, the venue's own commands among them. Decoding either gives a valid request or a Refusal.

A command's fields are those of its struct in schema/messages.py, with three differences: `ts` is the venue's to say; `account` may be
left out by who has but one; a client id is one field, `client_id`: a whole number or "0x" and up to 32 hex digits. Codes and markets go
by number or by name: `"side": "BUY"`, `"market": "BTC"`. Prices are ticks, sizes lots, money micro-units, as everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Union, get_type_hints

import msgspec
from msgspec import Meta
from msgspec.structs import fields

from ..design.structs import Market
from ..schema.codes import enums_of
from ..schema.messages import (
    AUTHORITY,
    COMMAND_OF,
    COMMANDS,
    MAX_AMOUNT,
    ROW,
    AccountId,
    BlockTrade,
    CancelMaintenance,
    Command,
    Debit,
    Deposit,
    MarketId,
    Place,
    Role,
    ScheduleMaintenance,
    SetFunding,
    SetGas,
    SetMarketStatus,
    UpdateOracle,
)
from .errors import Refusal, Trouble
from .market_names import market_names, told_names
from .request_parts import Name as Name
from .request_parts import Request as Request
from .request_parts import RequestId as RequestId
from .request_parts import UserName as UserName
from .requests_operator import FaultsQuery as FaultsQuery
from .requests_operator import Grant as Grant
from .requests_operator import Liquidate as Liquidate
from .requests_operator import Rewind as Rewind
from .requests_operator import SetClock as SetClock
from .requests_operator import SetFault as SetFault
from .requests_operator import SetWorld as SetWorld
from .requests_operator import Snapshot as Snapshot
from .requests_operator import Snapshots as Snapshots
from .requests_operator import Step as Step
from .requests_past import AccountsAtRisk as AccountsAtRisk
from .requests_past import Candles as Candles
from .requests_past import Liquidations as Liquidations
from .rows import RowPlan

ClientId = Annotated[int, Meta(ge=0, le=2**63 - 1)] | Annotated[str, Meta(pattern="^0x[0-9a-fA-F]{1,32}$")]
MAX_BATCH: Final = 4_096  # commands of one request: a call of the venue hears of nothing else meanwhile
BOOK_DEPTH: Final = 1_000  # levels of a side


def id_of(given: object) -> RequestId:
    """What a request gave as its id, if it is one."""
    try:
        return msgspec.convert(given, RequestId)  # type: ignore[no-any-return]
    except msgspec.ValidationError:
        return None


def op_of(command: type[Command]) -> str:
    """place, cancel_all, set_leverage: the command's name as an op."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", command.__name__).lower()


def _wire_fields(command: type[Command], left_out: tuple[str, ...]) -> list[tuple[str, Any] | tuple[str, Any, Any]]:
    """A command's fields as a request has them, in the order of its row."""
    hints, coded = get_type_hints(command, include_extras=True), enums_of(command)
    wire: list[tuple[str, Any] | tuple[str, Any, Any]] = []
    for field in fields(command):
        if field.name in left_out:
            continue
        if field.name == "client_hi":
            wire.append(("client_id", ClientId, 0) if field.default == 0 else ("client_id", ClientId))
        else:
            named = field.name in coded or field.name == "market"
            kind = hints[field.name] | Name if named else hints[field.name]
            wire.append((field.name, kind) if field.default is msgspec.NODEFAULT else (field.name, kind, field.default))
    return wire


class CommandRequest(Request, frozen=True, kw_only=True, gc=False):
    """Base of the requests that are commands. None: the only account that one has."""

    account: AccountId | None = None


class OperatorRequest(Request, frozen=True, kw_only=True, gc=False):
    """Base of the requests that are commands of the venue's operator, or of the price feed. For keys with the scope `admin`."""


def _command_request(
    command: type[Command], base: type[Request], left_out: tuple[str, ...], name: str = "", op: str = ""
) -> type[Request]:  # fmt: skip
    made = msgspec.defstruct(
        name or f"{command.__name__}Request", _wire_fields(command, left_out), bases=(base,), tag=op or op_of(command), module=__name__,
        kw_only=True, frozen=True, forbid_unknown_fields=True, gc=False,
    )  # fmt: skip
    made.__doc__ = vars(command).get("__doc__")
    assert issubclass(made, Request)
    return made


OWNERS: Final[tuple[type[Command], ...]] = tuple(one for one in COMMANDS if not isinstance(AUTHORITY[one], Role))
# Not OpenAccount: accounts belong to users
OPERATORS: Final[tuple[type[Command], ...]] = (
    Deposit, Debit, BlockTrade, UpdateOracle, SetMarketStatus, SetFunding, SetGas, ScheduleMaintenance, CancelMaintenance,
)  # fmt: skip
COMMAND_REQUESTS: Final[dict[type[Request], type[Command]]] = {
    _command_request(one, CommandRequest, ("ts", "account", "client_lo")): one for one in OWNERS
}
OPERATOR_REQUESTS: Final[dict[type[Request], type[Command]]] = {_command_request(one, OperatorRequest, ("ts",)): one for one in OPERATORS}
AnyCommand: Final = Union[tuple(COMMAND_REQUESTS)]  # noqa: UP007


# -- several commands at once --


class Batch(Request, frozen=True, kw_only=True, tag="batch"):
    """Commands that are carried out one after the other with nothing in between; the reply has one status for each."""

    if TYPE_CHECKING:
        items: list[CommandRequest]
    else:
        items: Annotated[list[AnyCommand], Meta(min_length=1, max_length=MAX_BATCH)]


class Rows(Request, frozen=True, kw_only=True, tag="rows"):
    """The same, packed: rows of 16 little-endian int64 as in schema/messages.py; their `ts` is filled in. For who sends by the thousand."""

    rows: Annotated[bytes, Meta(min_length=8 * ROW, max_length=8 * ROW * MAX_BATCH)]


# -- who is there --


class Challenge(Request, frozen=True, kw_only=True, tag="challenge"):
    """Ask for the nonce that a login has to sign."""

    key: Name


class Login(Request, frozen=True, kw_only=True, tag="login"):
    """With a key: `signature` is HMAC-SHA256 of the nonce by its secret, in hex. Where the server trusts: with a `name` alone.

    `session`, if given, names what outlives the connection: replies to the requests of that name are remembered for a while (see outcome).
    """

    key: Name | None = None
    signature: Annotated[str, Meta(max_length=64)] | None = None
    name: UserName | None = None
    session: Name | None = None
    version: int = 1  # of this protocol


class Logout(Request, frozen=True, kw_only=True, tag="logout"):
    """Be nobody again. What was to be cancelled on a disconnect stays."""


class Faucet(Request, frozen=True, kw_only=True, tag="faucet"):
    """Money from nowhere. Not logged in: makes a user of that name with an account and a key. Logged in: pays into one's account. The
    `balance` of the reply is as of then: where deposits take time the money is not in it yet, and is among the `payments` of `account`."""

    name: UserName | None = None
    account: AccountId | None = None
    asset: Annotated[int, Meta(ge=0, le=7)] = 0
    amount: Annotated[int, Meta(ge=1, le=MAX_AMOUNT)] = 100_000_000_000  # [micro]
    scopes: tuple[Literal["trade", "read"], ...] = ("trade", "read")


class OpenAccount(Request, frozen=True, kw_only=True, tag="open_account"):
    """Another account of the user who is logged in; empty."""


class Accounts(Request, frozen=True, kw_only=True, tag="accounts"):
    """The accounts of the user who is logged in; the operator may ask for those of any `user`, by name or address. Of a sub-account's
    address that is this account alone, of an API wallet's those of the user for whom it signs, whom the reply names."""

    user: UserName | None = None


# -- questions --


class Venue(Request, frozen=True, kw_only=True, tag="venue"):
    """What this venue is: markets with tick, lot and margin terms, assets, limits, its design in full if `design`."""

    design: bool = False


class BookQuery(Request, frozen=True, kw_only=True, tag="book"):
    market: MarketId | Name
    depth: Annotated[int, Meta(ge=1, le=BOOK_DEPTH)] = 20


class TickerQuery(Request, frozen=True, kw_only=True, tag="ticker"):
    market: MarketId | Name


class PoolQuery(Request, frozen=True, kw_only=True, tag="pool"):
    """What stands behind the curve of a market, what it holds, and how much trades with it within some distances of its middle."""

    market: MarketId | Name


class PendingQuery(Request, frozen=True, kw_only=True, tag="pending"):
    """The account's commands that wait to be carried out, by their tickets. `more` of them than fit a message are told by asking again with
    `skip`."""

    account: AccountId | None = None
    skip: Annotated[int, Meta(ge=0, le=2**31)] = 0


class OfAccount(Request, frozen=True, kw_only=True, gc=False):
    """Base of questions with the fields of a command. None: the only account that one has."""

    account: AccountId | None = None


if TYPE_CHECKING:

    class PreviewQuery(OfAccount, frozen=True, kw_only=True): ...

else:
    PreviewQuery = _command_request(Place, OfAccount, ("ts", "account", "client_lo"), "PreviewQuery", "preview")
    PreviewQuery.__doc__ = """What an order of these terms would come to if it came now, with the book and the account as they are: the
    `reason` of a refusal or null, lots that would be filled, rest or be cancelled, and what the account would have then; of a
    refused order that is null. Where the market's margin is isolated, `equity`, `initial_margin` and `maintenance_margin` are those of that
    position alone; the margin that is available is the account's always. Where money leaves only flat accounts, `free_margin` is 0 unless
    the account would hold and offer nothing anywhere. Nothing happens. It costs as much as an order."""


class AccountQuery(Request, frozen=True, kw_only=True, tag="account"):
    """Balances, margin, positions and open orders of an account, its kill switch, its margin alerts and money that is under way. `more`
    orders than fit a message are told by asking again with `skip`."""

    account: AccountId | None = None
    skip: Annotated[int, Meta(ge=0, le=2**31)] = 0  # orders


class RequirementQuery(Request, frozen=True, kw_only=True, tag="requirement"):
    """The margin of an account in one asset line by line: cash, collateral, positions, orders; and what the lines add up to."""

    account: AccountId | None = None
    asset: Annotated[int, Meta(ge=0, le=7)] = 0


class TriggersQuery(Request, frozen=True, kw_only=True, tag="triggers"):
    """The conditional orders of an account that wait for their price, those of brackets among them, by id. `more` of them than fit a
    message are told by asking again with `skip`."""

    account: AccountId | None = None
    skip: Annotated[int, Meta(ge=0, le=2**31)] = 0


class TwapsQuery(Request, frozen=True, kw_only=True, tag="twaps"):
    """The TWAPs of an account that run, by id, and how far they are. `more` of them than fit a message are told by asking again with
    `skip`."""

    account: AccountId | None = None
    skip: Annotated[int, Meta(ge=0, le=2**31)] = 0


class FeeRatesQuery(Request, frozen=True, kw_only=True, tag="fee_rates"):
    """What an account pays now in each market, by the venue's tiers, and the volume that they go by."""

    account: AccountId | None = None


class SubAccountsQuery(Request, frozen=True, kw_only=True, tag="sub_accounts"):
    """The sub-accounts of an account, and its master if it is one itself."""

    account: AccountId | None = None


class OrderQuery(Request, frozen=True, kw_only=True, tag="order"):
    """What became of an order, a trigger or a TWAP, by its id or its client id. `filled_notional` is what its fills came to, null where
    some are no longer among the events that are kept; `auctioned`: makers compete for it before it trades. Of an order that was refused
    the error has the reason, as `refused`, if it was given a client id and nothing of that id has come into being."""

    account: AccountId | None = None
    order_id: Annotated[int, Meta(ge=1, le=2**62)] | None = None
    client_id: ClientId | None = None


class Outcome(Request, frozen=True, kw_only=True, tag="outcome"):
    """The reply to an earlier request of this session, by its id: for when the connection broke before the reply came."""

    request: Annotated[int, Meta(ge=0, le=2**63 - 1)] | Annotated[str, Meta(max_length=64)]


class Auctions(Request, frozen=True, kw_only=True, tag="auctions"):
    """The auctions that are open, with their terms as of now. `more` of them than fit a message are told by asking again with `skip`."""

    skip: Annotated[int, Meta(ge=0, le=2**31)] = 0


class MaintenanceQuery(Request, frozen=True, kw_only=True, tag="maintenance"):
    """The maintenance windows that have not ended, of all markets, by what begins or ends next; of one that is for all, `market` is null.
    `more` of them than fit a message are told by asking again with `skip`."""

    skip: Annotated[int, Meta(ge=0, le=2**31)] = 0


class Ping(Request, frozen=True, kw_only=True, tag="ping"):
    """Says that the client is there; the reply has the venue's time."""


# -- streams --

Channel = Literal[
    "book", "trades", "bbo", "ticker", "liquidations", "funding", "auctions", "fund", "status", "pool", "curve",
    "taker_auctions", "batches", "gas", "private",
]  # fmt: skip


class Subscribe(Request, frozen=True, kw_only=True, tag="subscribe"):
    channel: Channel
    market: MarketId | Name | None = None
    account: AccountId | None = None  # of `private`
    depth: Annotated[int, Meta(ge=1, le=BOOK_DEPTH)] = 20  # of `book`
    checksum: bool = False  # of `book`: send the CRC of the top ten
    since_seq: Annotated[int, Meta(ge=0, le=2**63 - 1)] | None = None  # of `private`: go on behind this event


class Unsubscribe(Request, frozen=True, kw_only=True, tag="unsubscribe"):
    channel: Channel
    market: MarketId | Name | None = None
    account: AccountId | None = None


class CancelOnDisconnect(Request, frozen=True, kw_only=True, tag="cancel_on_disconnect"):
    """What happens to orders of an account when this connection breaks: nothing, those it places from now on are cancelled, or all."""

    scope: Literal["none", "connection", "account"]
    account: AccountId | None = None


OTHERS: Final[tuple[type[Request], ...]] = (
    Batch, Rows, Challenge, Login, Logout, Faucet, OpenAccount, Accounts, Venue, BookQuery, TickerQuery, PoolQuery,
    PendingQuery, PreviewQuery, AccountQuery, RequirementQuery, TriggersQuery, TwapsQuery, FeeRatesQuery, SubAccountsQuery,
    OrderQuery, Outcome, Auctions, MaintenanceQuery, Candles, Liquidations, AccountsAtRisk,
    Ping, Step, SetClock, SetWorld, Liquidate, Grant, Snapshot, Rewind, Snapshots, SetFault,
    FaultsQuery, Subscribe, Unsubscribe, CancelOnDisconnect,
)  # fmt: skip
REQUESTS: Final[tuple[type[Request], ...]] = (*COMMAND_REQUESTS, *OTHERS, *OPERATOR_REQUESTS)
AnyRequest: Final = Union[REQUESTS]  # noqa: UP007
OPS: Final[dict[str, type[Request]]] = {str(one.__struct_config__.tag): one for one in REQUESTS}


# -- commands as rows --


def _codes(request: type[Request], command: type[Command], markets: dict[str, int]) -> list[dict[str, int] | None]:
    """By field of a request, what its names stand for."""
    coded = enums_of(command)
    by_name = {field: {one.name: int(one) for one in enum} for field, enum in coded.items()} | {"market": markets}
    return [by_name.get(field) for field in request.__struct_fields__]


def _client_field(request: type[Request]) -> int:
    """The number of the field that is a client id; 0: it has none."""
    names = request.__struct_fields__
    return names.index("client_id") if "client_id" in names else 0


class RowMaker:
    """Requests that are commands, as packed rows. Knows the names of the venue's markets."""

    def __init__(self, markets: Sequence[Market]) -> None:
        self._markets = market_names(markets)
        self._no_market = partial(_no_market, told_names(markets), [market.name for market in markets])
        commands: dict[type[Request], type[Command]] = {**COMMAND_REQUESTS, **OPERATOR_REQUESTS, PreviewQuery: Place}
        self._plans = {
            request: RowPlan(command.KIND, _client_field(request), _codes(request, command, self._markets))
            for request, command in commands.items()
        }

    def market(self, given: int | str) -> int:
        """Raises Refusal."""
        if isinstance(given, int):
            return given
        if given not in self._markets:
            raise self._no_market(given)
        return self._markets[given]

    def row(self, request: CommandRequest | OperatorRequest | OfAccount, account: int | None = None) -> list[int]:
        """The row of a request, for `account` if that is given, its ts 0. Raises Refusal for a name that is not known."""
        plan, values = self._plans[type(request)], msgspec.structs.astuple(request)
        row = plan.row(values, account)
        if row is None:
            raise self._unknown(request, plan)
        return row

    def _unknown(self, request: Request, plan: RowPlan) -> Refusal:
        """Which name of a request stands for nothing."""
        for field, codes in zip(request.__struct_fields__, plan.codes):
            given, known = getattr(request, field), list(codes or ())
            if codes is None or not isinstance(given, str) or given in codes:
                continue
            if field == "market":
                return self._no_market(given)
            message = f"{op_of(COMMAND_OF[plan.kind])}.{field}: there is no {given!r}; known are {', '.join(known)}"
            return Refusal(Trouble.UNKNOWN_NAME, message, field=field, given=given, known=known)
        raise AssertionError("a row that could not be made of known names")


def _no_market(told: str, known: list[str], given: str) -> Refusal:
    message = f"there is no market {given!r}; known are {told}"
    return Refusal(Trouble.UNKNOWN_NAME, message, field="market", given=given, known=known)
