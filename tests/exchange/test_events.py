"""Events as a whole: who is told of each, and how they read."""

from __future__ import annotations

import io

import pytest
from msgspec.structs import astuple
from rich.console import Console

from perplab.exchange import Exchange, load_venue
from perplab.exchange.codes import AccountKind, Coded, CommandKind, enums_of
from perplab.exchange.events import AUDIENCE, EVENTS, EVERYONE, Deleveraged, Event, MarkMoved, Rejected, Traded, audience
from perplab.exchange.messages import BOUNDS, COMMANDS, Command, OpenAccount, Place, SetMarketStatus, UpdateOracle
from perplab.exchange.schema.views import Auction, OpenOrder, Position

ACCOUNTS = {"account", "master", "to", "taker", "maker", "buyer", "seller", "bidder", "vault", "loser", "winner"}


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__name__)
def test_every_event_says_who_is_told(event: type[Event]) -> None:
    """A field that names an account is a part of the audience, or the event is public."""
    told = AUDIENCE[event]
    named = {name for name in event.__struct_fields__ if name in ACCOUNTS}
    assert told == EVERYONE or set(told) == named != set()


def test_the_table_names_events_only() -> None:
    assert list(AUDIENCE) == list(EVENTS)


def row(event: Event) -> list[int]:
    values = [event.KIND, *astuple(event)]
    return values + [0] * (16 - len(values))


def test_the_audience_of_a_row_is_its_accounts_each_once() -> None:
    fill = Traded(1, 5, 0, 100, 1, 0, 9, 8, 2, 1, 0, 0, 0, 0)
    assert audience(row(fill)) == [9, 8]
    assert audience(row(Traded(1, 5, 0, 100, 1, 0, 9, 9, 2, 1, 0, 0, 0, 0))) == [9]
    assert audience(row(Deleveraged(1, 5, 8, 12, 0, 1, 1, 0, 0, 1))) == [8, 12]
    assert audience(row(MarkMoved(1, 5, 0, 100, 99))) is None


# How they read --------------------------------------------------------------------------------------------------------------------

CODES = {
    "command", "reason", "account_kind", "side", "taker_side", "order_type", "tif", "self_trade", "mode", "status", "state", "payer",
    "method", "outcome", "trigger", "source", "refusal", "spacing",
    "during", "afterwards",
}  # fmt: skip
STRUCTS: tuple[type[Coded], ...] = (*COMMANDS, *EVENTS, Position, OpenOrder, Auction)


@pytest.mark.parametrize("struct", STRUCTS, ids=lambda struct: struct.__name__)
def test_every_code_is_declared_where_its_field_is(struct: type[Coded]) -> None:
    assert set(enums_of(struct)) == CODES & set(struct.__struct_fields__)


@pytest.mark.parametrize("struct", STRUCTS, ids=lambda struct: struct.__name__)
def test_every_member_of_an_enum_is_printed_by_name(struct: type[Coded]) -> None:
    zeros = dict.fromkeys(struct.__struct_fields__, 0)
    for name, enum in enums_of(struct).items():
        for member in enum:
            assert f"{name}={member.name}" in repr(struct(**{**zeros, name: member.value}))
        assert f"{name}=99" in repr(struct(**{**zeros, name: 99}))


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.__name__)
def test_the_door_lets_in_what_the_enum_knows(command: type[Command]) -> None:
    bounds = {name: (low, high) for name, low, high in BOUNDS[command.KIND]}
    for name, enum in enums_of(command).items():
        known = [member for member in enum if member is not AccountKind.SYSTEM]
        assert known == list(range(bounds[name][0], bounds[name][1] + 1))


def test_commands_are_numbered_as_their_structs_are() -> None:
    assert {kind.name: kind.value for kind in CommandKind} == {command.__name__: command.KIND for command in COMMANDS}


def test_messages_read_as_they_are_meant() -> None:
    order = Place(1, 8, 0, 1, 99, 5, tif=1)
    assert repr(order) == (
        "Place(ts=1, account=8, market=0, side=SELL, price=99, size=5, order_type=LIMIT, tif=IOC, reduce_only=0, "
        "self_trade=CANCEL_MAKER, client_hi=0, client_lo=0, priority_fee=0, expires=0, display=0)"
    )
    assert str(SetMarketStatus(1, 0, 4)) == "SetMarketStatus(ts=1, market=0, status=HALTED, price=0)"
    assert (order.side, type(order.side)) == (1, int)
    assert "side=None" in repr(Place(1, 8, 0, None, 99, 5))  # type: ignore[arg-type]  # the door refuses it; printing it must not fail
    venue = Exchange(load_venue("book_fund_adl"))
    venue.apply(OpenAccount(0, AccountKind.TRADER, 1))
    venue.apply(UpdateOracle(0, 0, 100_000))
    (refused,) = venue.apply(Place(1, 8, 0, 0, 99_900, 500))
    assert repr(refused).endswith("command=Place, account=8, market=0, reason=INSUFFICIENT_MARGIN, client_hi=0, client_lo=0)")
    assert "mode=CROSS" in repr(venue.position(8, 0))


def test_rich_prints_the_same() -> None:
    out = io.StringIO()
    Console(file=out, width=200).print(Rejected(1, 2, 5, 8, 0, 33, 0, 0))
    assert "command=Place" in out.getvalue() and "reason=INSUFFICIENT_MARGIN" in out.getvalue()
