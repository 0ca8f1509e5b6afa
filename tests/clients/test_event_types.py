"""Every event that a client can be told has a type of its own, with its numbers in the user's units."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import fields
from scene import leveraged_long

from perplab.clients import LocalClient, types
from perplab.clients.book import Book
from perplab.clients.reading import STREAMS, Reading
from perplab.clients.reading_fields import ITEMS
from perplab.exchange.codes import Outcome, Payer, Side, enums_of
from perplab.exchange.events import AUDIENCE, EVENTS, Event
from perplab.exchange.schema import events as schema
from perplab.exchange.server.naming import named_event
from perplab.exchange.server.streams import LISTED, OF_CURVE, OF_MARKET, OF_VENUE

SCHEMA = Path(schema.__file__).parent
NOT_TOLD = {  # fields of the wire that no type has
    "accrual_delta", "pool_delta",  # in a unit that the venue does not tell
    "maker_left", "pool_fee", "inventory",  # of fills: what others have, or had
}  # fmt: skip
OWN = [event for event in EVENTS if AUDIENCE[event]]
LISTS = [(event, channel) for event in EVENTS for channel, _ in LISTED.get(event.KIND, ())]


class Watched(dict[str, Any]):
    """A map that remembers which of its fields were looked at."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.seen: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self.seen.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self.seen.add(name)
        return super().get(name, default)


def told(event: type[Event], at: int = 1) -> dict[str, Any]:
    """An event as the wire has it: each number another one, codes the least that is not 0, market and asset the first."""
    values: list[int] = [event.KIND]
    for number, field in enumerate(fields(event)):
        coded = enums_of(event).get(field.name)
        value = 700 * at + number if coded is None else sorted(int(one) for one in coded)[1]
        values.append(0 if field.name in ("market", "asset") else value)
    return named_event([*values, *[0] * (16 - len(values))])


def units() -> Iterator[tuple[str, str, str]]:
    """Event, field and unit, as the comments of the schema say."""
    for path in sorted(SCHEMA.glob("events_*.py")):
        name = ""
        for line in path.read_text(encoding="utf-8").splitlines():
            head, field = re.match(r"class (\w+)", line), re.match(r"    (\w+): .*# \[(ticks|lots|micro)\](?! or)", line)
            name = head[1] if head else name
            if field:
                yield name, field[1], field[2]


UNITS = list(units())


def reading() -> Reading:
    found: Reading = LocalClient().protocol.calls.reading
    return found


def numbers_of(event: types.Event) -> set[object]:
    return {value for value in (getattr(event, name) for name in event.__struct_fields__) if isinstance(value, Decimal)}


def in_units(event: type[Event], wire: dict[str, Any], market: Any) -> dict[str, Decimal]:
    """What a client is to say, by field."""
    of: dict[str, Any] = {"ticks": market.price, "lots": market.size, "micro": lambda amount: Decimal(amount).scaleb(-6)}
    return {field: of[unit](wire[field]) for name, field, unit in UNITS if name == event.__name__ and field not in NOT_TOLD}


@pytest.mark.parametrize("event", OWN, ids=lambda event: event.__name__)
def test_every_private_event_has_a_type_with_all_of_its_fields(event: type[Event]) -> None:
    read, wire = reading(), told(event)
    account = wire[AUDIENCE[event][0]]
    watched = Watched(wire)
    (found,) = read.private(account, watched)
    assert type(found) is not types.OtherEvent and (found.account, found.seq, found.ts) == (account, wire["seq"], wire["ts"])
    if isinstance(found, types.Fill):
        return  # of two fields for the two sides its own one
    missed = set(wire) - watched.seen - NOT_TOLD - set(AUDIENCE[event][:1])
    assert not missed, f"{event.__name__} leaves out {missed}"
    for field, number in in_units(event, wire, read.venue.numbered(0)).items():
        if field != "trail":
            assert number in numbers_of(found), f"{event.__name__}.{field} is not {number} in {found}"


@pytest.mark.parametrize(("event", "channel"), LISTS, ids=lambda one: one if isinstance(one, str) else one.__name__)
def test_every_item_of_a_stream_has_a_type_with_all_of_its_fields(event: type[Event], channel: str) -> None:
    read = reading()
    make = dict(LISTED[event.KIND])[channel]
    watched = Watched(make(told(event)))
    message: dict[str, Any] = {"channel": channel, "type": "delta", "market": 0, "items": [watched]}
    (found,) = read.market_events(message)
    assert not isinstance(found, types.StreamMessage)
    if channel == "trades":
        return
    assert isinstance(found, types.PublicEvent) and found.ts == watched["ts"] and not found.is_past
    numbers = in_units(event, {**told(event), **watched}, read.venue.numbered(0))
    for field in set(numbers) & set(watched):
        assert numbers[field] in numbers_of(found), f"{event.__name__}.{field} is not {numbers[field]} in {found}"


def test_every_stream_has_types() -> None:
    assert set(STREAMS) | set(ITEMS) | {"trades", "fund", "gas", "book"} == {*OF_MARKET, *OF_CURVE, *OF_VENUE} and Book


def test_what_a_newer_server_tells_is_handed_on() -> None:
    read, head = reading(), {"seq": 3, "ts": 4, "account": 8}
    (found,) = read.private(8, {"type": "Invented", **head, "market": 0, "price": 5, "amount": 7, "other": 9})
    assert isinstance(found, types.OtherEvent) and found.type == "Invented"
    assert (found.data["market"], found.data["price"], found.data["other"]) == ("BTC", read.venue.numbered(0).price(5), 9)
    (item,) = read.market_events({"channel": "auctions", "type": "delta", "items": [{"type": "Invented", "ts": 1}]})
    (whole,) = read.market_events({"channel": "invented", "type": "delta", "a": 1})
    assert isinstance(item, types.StreamMessage) and item.data == {"type": "Invented", "ts": 1}
    assert isinstance(whole, types.StreamMessage) and whole.data["a"] == 1


def test_none_stands_for_what_there_is_not() -> None:
    read = reading()
    (bracket,) = read.private(8, {**told(schema.BracketPlaced), "stop": 0})
    (opened,) = read.private(8, {**told(schema.AccountOpened), "account": 8, "master": -1})
    (sent,) = read.private(8, {**told(schema.PaymentSent), "to": 0})
    (debited,) = read.private(8, {**told(schema.Debited), "market": -1})
    (started,) = read.private(8, {**told(schema.LiquidationStarted), "market": -1})
    assert isinstance(bracket, types.BracketPlaced) and bracket.stop is None and bracket.take_profit is not None
    assert isinstance(opened, types.AccountOpened) and (opened.opened, opened.master) == (8, None)
    assert isinstance(sent, types.PaymentSent) and sent.to == 0, "an account like any other"
    assert isinstance(debited, types.Debited) and debited.market == ""
    assert isinstance(started, types.LiquidationStarted) and started.market == ""


def test_a_refusal_may_name_a_market_that_there_is_not() -> None:
    (found,) = reading().private(8, {**told(schema.Rejected), "market": 99})
    assert isinstance(found, types.Rejected) and found.market == ""


def test_a_block_trade_says_one_s_own_side() -> None:
    wire = told(schema.BlockTraded)
    sides = [next(iter(reading().private(wire[name], wire))).side for name in ("buyer", "seller")]  # type: ignore[attr-defined]
    assert sides == [Side.BUY, Side.SELL]


def test_a_liquidation_is_told_to_its_owner_and_to_all() -> None:
    """A long of 40 coins is taken over by the vault, whose money all can see."""
    carol, alice = leveraged_long("book_vault_adl")
    alice.subscribe_private()
    carol.subscribe("fund")
    carol.subscribe("liquidations", "BTC-PERP")
    list(alice.events())
    carol.set_price("BTC-PERP", "58600")
    carol.step(1)
    own, seen = list(alice.events()), list(carol.events())
    (started,) = [one for one in own if isinstance(one, types.LiquidationStarted)]
    (ended,) = [one for one in own if isinstance(one, types.LiquidationEnded)]
    (over,) = [one for one in own if isinstance(one, types.TakenOver)]
    assert started.equity < started.maintenance and ended.outcome is Outcome.FLAT and over.size == 40 and over.market == "BTC-PERP"
    assert [one.size for one in seen if isinstance(one, types.MarketLiquidation)] == [40]
    first, *_, last = [one.funds[0] for one in seen if isinstance(one, types.FundChanged)]
    assert first.vault is not None and first.vault == first.vault_equity and first.vault > 0
    assert last.vault is not None and last.vault_equity is not None and last != first
    assert first.vault_loss_left is not None and last.vault_loss_left is not None and 0 < first.vault_loss_left <= first.vault
    assert first.vault_loss_left - last.vault_loss_left == first.vault_equity - last.vault_equity, "what it has lost at the mark"
    paid = [one for one in own if isinstance(one, types.DeficitPaid)]
    assert all(one.payer is Payer.VAULT for one in paid)
