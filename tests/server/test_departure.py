"""Cancel on disconnect, kind by kind: nothing stays of what a connection has brought in, and nothing of others goes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace
from venues import BLOCKS, venue
from wire import Message, Talker, World

from perplab.exchange import VenueDesign
from perplab.exchange import messages as m
from perplab.exchange.codes import MarketStatus

PRICE = 60_000
BUY, SELL = m.Side.BUY, m.Side.SELL
ORDER, GTC = m.OrderType.LIMIT, m.TimeInForce.GTC
STOP, MARK = m.TriggerKind.STOP, m.PriceSource.MARK
Make = Callable[[int], list[m.Command]]

KINDS: dict[str, Make] = {
    "order": lambda a: [m.Place(0, a, 0, BUY, PRICE - 500, 3, client_lo=1)],
    "ladder": lambda a: [m.PlaceLadder(0, a, 0, BUY, 20, PRICE - 500, PRICE - 900, 5, client_lo=10)],
    "trigger": lambda a: [m.PlaceTrigger(0, a, 0, BUY, 3, STOP, MARK, PRICE + 900, client_lo=2)],
    "twap": lambda a: [m.PlaceTwap(0, a, 0, BUY, 9, 3, 10**9, client_lo=3)],
    "twap with a bracket": lambda a: [m.PlaceTwap(0, a, 0, BUY, 9, 3, 10**9, take_profit=PRICE + 900, stop=PRICE - 900)],
    "bracket": lambda a: [m.PlaceBracket(0, a, 0, BUY, PRICE - 500, 3, ORDER, GTC, PRICE + 900, PRICE - 900, client_lo=4)],
    "filled bracket": lambda a: [m.PlaceBracket(0, a, 0, BUY, PRICE + 10, 2, ORDER, GTC, PRICE + 900, PRICE - 900, client_lo=5)],
    "half filled bracket": lambda a: [m.PlaceBracket(0, a, 0, BUY, PRICE + 10, 60, ORDER, GTC, PRICE + 900, PRICE - 900, client_lo=6)],
    "quotes": lambda a: [
        m.MassQuote(0, a, 0, BUY, PRICE - 500, 3, PRICE - 600, 4, PRICE - 700, 5),
        m.MassQuote(0, a, 0, SELL, PRICE + 500, 3),
    ],
    "amended quotes": lambda a: [m.MassQuote(0, a, 0, BUY, PRICE - 500, 3), m.MassQuote(0, a, 0, BUY, PRICE - 500, 2, PRICE - 550, 1)],
}  # fmt: skip
WAYS = ("one by one", "batch", "rows")


def request_of(command: m.Command) -> Message:
    """The command as the wire has it."""
    from perplab.exchange.server.requests import op_of

    fields = {name: getattr(command, name) for name in command.__struct_fields__ if name not in ("ts", "client_hi", "client_lo")}
    if getattr(command, "client_lo", 0):
        fields["client_id"] = getattr(command, "client_lo")  # noqa: B009
    return {"op": op_of(type(command)), **{name: int(value) for name, value in fields.items() if value is not None}}


def send(talker: Talker, commands: list[m.Command], way: str) -> None:
    requests = [{name: value if name == "op" else int(value) for name, value in request_of(one).items()} for one in commands]
    if way == "rows":
        rows = b"".join(int(value).to_bytes(8, "little", signed=True) for one in commands for value in m.command_row(one))
        told = talker.ask("rows", rows=rows)
        assert "errors" not in told, told
    elif way == "batch":
        assert all(one["ok"] for one in talker.ask("batch", items=requests)["statuses"])
    else:
        for request in requests:
            assert talker.ask(request.pop("op"), **request)["ok"]


def everything(world: World, account: int) -> list[object]:
    """All that an account has open, waits or runs."""
    x = world.host.exchange
    return [*x.open_orders(account), *x.auctioned_orders(account), *x.triggers(account), *x.twaps(account), *x.pending(account)]


def scene(design: VenueDesign) -> tuple[World, Talker, Talker, int]:
    """A connection that goes, another of the same user with an order, a trigger and a quote of its own, and somebody who sells."""
    world = World(design)
    leaving = world.talker("alice", money=10**13)
    (account,) = leaving.ask("accounts")["accounts"]
    staying = world.talker("alice", money=0)
    seller = world.talker("bob", money=10**13)
    seller.ask("place", market=0, side="SELL", price=PRICE + 10, size=50, client_id=1)
    staying.ask("place", market=0, side="BUY", price=PRICE - 2_000, size=1, client_id=98)
    staying.ask("place_trigger", market=0, side="BUY", size=3, trigger="STOP", source="MARK", trigger_price=PRICE + 2_000, client_id=99)
    world.later(10)
    return world, leaving, staying, account


def pass_blocks(world: World) -> None:
    """So long that all has had its turn, that of what was sent then included."""
    for _ in range(5):
        world.later(3)


def kept(world: World, account: int) -> list[int]:
    return [one.client_lo for one in everything(world, account)]  # type: ignore[attr-defined]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", KINDS)
def test_what_a_connection_has_brought_in_goes_with_it(kind: str, way: str) -> None:
    world, leaving, _, account = scene(venue())
    before = kept(world, account)
    assert leaving.ask("cancel_on_disconnect", scope="connection")["ok"]
    send(leaving, KINDS[kind](account), way)
    assert len(everything(world, account)) > len(before), "there is something to be cancelled"
    leaving.session.closed()
    world.host.exchange.check()
    assert kept(world, account) == before == [98, 99]
    world.later(30)
    assert kept(world, account) == before


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", KINDS)
def test_of_an_account_nothing_stays(kind: str, way: str) -> None:
    world, leaving, staying, account = scene(venue())
    assert leaving.ask("cancel_on_disconnect", scope="account")["ok"]
    send(staying, KINDS[kind](account), way)
    leaving.session.closed()
    world.host.exchange.check()
    assert everything(world, account) == []


@pytest.mark.parametrize("scope", ["connection", "account"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("wait", ["at once", "later"])
def test_the_same_where_commands_wait(kind: str, scope: str, wait: str) -> None:
    world, leaving, _, account = scene(venue(sequencing=BLOCKS))
    assert leaving.ask("cancel_on_disconnect", scope=scope)["ok"]
    send(leaving, KINDS[kind](account), "one by one")
    if wait == "later":
        world.later(4)
    leaving.session.closed()
    pass_blocks(world)
    world.host.exchange.check()
    assert kept(world, account) == ([98, 99] if scope == "connection" else [])


@pytest.mark.parametrize(
    "sequencing",
    [
        {"taker_latency_ms": 500, "maker_latency_ms": 300, "cancel_latency_ms": 100},
        *({**BLOCKS, "order": "hash", "seed": seed} for seed in range(3)),
        {"rule": "batch_auction", "interval_ms": 1_000},
        {"rule": "dutch_auction"},
    ],
)
def test_with_any_sequencing(sequencing: Message) -> None:
    world, leaving, _, account = scene(venue(sequencing=sequencing))
    leaving.ask("cancel_on_disconnect", scope="connection")
    for make in KINDS.values():
        send(leaving, make(account), "rows")
    leaving.session.closed()
    pass_blocks(world)
    assert kept(world, account) == [98, 99]


def test_a_ladder_without_client_ids_stays_as_far_as_it_waits() -> None:
    """As any order does that has no client id."""
    world, leaving, _, account = scene(venue(sequencing=BLOCKS))
    leaving.ask("cancel_on_disconnect", scope="connection")
    send(leaving, [m.PlaceLadder(0, account, 0, BUY, 20, PRICE - 500, PRICE - 900, 5)], "one by one")
    leaving.session.closed()
    pass_blocks(world)
    assert len(kept(world, account)) == 7


def test_what_a_trigger_of_another_connection_sends_stays() -> None:
    """The connection's order fires it, and its order comes in meanwhile."""
    world, leaving, staying, account = scene(venue())
    asked = {"market": 0, "side": "BUY", "size": 3, "trigger": "STOP", "source": "LAST", "price": PRICE - 100, "client_id": 97}
    staying.ask("place", market=0, side="SELL", price=PRICE, size=1)
    world.talker("carol").ask("place", market=0, side="BUY", price=PRICE, size=1)
    fired = staying.ask("place_trigger", **asked, trigger_price=PRICE + 10)["order_id"]
    leaving.ask("cancel_on_disconnect", scope="connection")
    told = leaving.ask("place", market=0, side="BUY", price=PRICE + 10, size=60)
    assert (told["filled"], told["open"]) == (50, 10)
    leaving.session.closed()
    assert [one.order_id for one in world.host.exchange.open_orders(account)][-1] == fired
    assert kept(world, account) == [98, 97, 99]


def test_of_two_that_cancel_each_other_one_is_cancelled_and_no_refusal_is_told() -> None:
    world, leaving, staying, account = scene(venue())
    leaving.ask("cancel_on_disconnect", scope="connection")
    first, second = (leaving.ask("place", market=0, side="BUY", price=PRICE - at, size=1)["order_id"] for at in (100, 200))
    assert leaving.ask("link_oco", first=first, second=second)["ok"]
    send(leaving, KINDS["filled bracket"](account), "one by one")
    staying.ask("subscribe", channel="private")
    staying.heard()
    leaving.session.closed()
    events = [event["type"] for one in staying.heard("private") for event in one["events"]]
    assert sorted(events) == ["OrderCancelled"] * 2 + ["TriggerCancelled"] * 2 and kept(world, account) == [98, 99]


@pytest.mark.parametrize("alone", [0, 1])
@pytest.mark.parametrize("kind", ["orders", "bracket", "filled bracket", "half filled bracket"])
def test_of_two_that_are_linked_both_go_whatever_one_leaves_of_the_other(kind: str, alone: int) -> None:
    world, leaving, staying, account = scene(venue())
    leaving.ask("cancel_on_disconnect", scope="connection")
    if kind == "orders":
        first, second = (leaving.ask("place", market=0, side="BUY", price=PRICE - at, size=1)["order_id"] for at in (100, 200))
        assert leaving.ask("link_oco", first=first, second=second, alone=alone)["ok"]
    else:
        (bracket,) = KINDS[kind](account)
        assert isinstance(bracket, m.PlaceBracket)
        send(leaving, [replace(bracket, alone=alone)], "one by one")
    staying.ask("subscribe", channel="private")
    staying.heard()
    leaving.session.closed()
    assert kept(world, account) == [98, 99]
    assert not [event for one in staying.heard("private") for event in one["events"] if event["type"] == "Rejected"]


@pytest.mark.parametrize("alone", [0, 1])
def test_one_linked_with_another_connections_goes_as_its_owner_takes_it_back(alone: int) -> None:
    world, leaving, staying, account = scene(venue())
    leaving.ask("cancel_on_disconnect", scope="connection")
    one = leaving.ask("place", market=0, side="BUY", price=PRICE - 100, size=1)["order_id"]
    other = staying.ask("place", market=0, side="BUY", price=PRICE - 200, size=1, client_id=97)["order_id"]
    assert leaving.ask("link_oco", first=one, second=other, alone=alone)["ok"]
    leaving.session.closed()
    assert kept(world, account) == ([98, 97, 99] if alone else [98, 99])


def test_what_was_placed_before_the_choice_stays_also_of_a_second_account() -> None:
    world = World(venue())
    alice = world.talker("alice")
    (first,) = alice.ask("accounts")["accounts"]
    second = alice.ask("open_sub_account")["account"]
    alice.ask("transfer", account=first, to=second, asset=0, amount=10**11)
    alice.ask("cancel_on_disconnect", scope="connection", account=first)
    alice.ask("place", account=second, market=0, side="BUY", price=PRICE - 1, size=1, client_id=1)
    alice.ask("cancel_on_disconnect", scope="connection", account=second)
    alice.ask("place", account=second, market=0, side="BUY", price=PRICE - 2, size=1, client_id=2)
    alice.session.closed()
    assert kept(world, second) == [1]


def test_orders_of_a_halted_market_go_with_the_account() -> None:
    """As the dead man's switch takes them: else they would meet the crowd that comes when the halt ends."""
    world, leaving, _, account = scene(venue())
    leaving.ask("cancel_on_disconnect", scope="account")
    send(leaving, KINDS["filled bracket"](account), "one by one")
    world.host.send([m.SetMarketStatus(0, 0, MarketStatus.HALTED)])
    leaving.session.closed()
    world.later(1)
    assert everything(world, account) == []


@pytest.mark.parametrize("ends", [False, True])
def test_of_an_account_they_go_at_once_in_a_halt(ends: bool) -> None:
    """Though the clock stands, and also where the halt ends before it is stepped."""
    world, leaving, _, account = scene(venue())
    leaving.ask("cancel_on_disconnect", scope="account")
    send(leaving, KINDS["filled bracket"](account), "one by one")
    world.host.send([m.SetMarketStatus(0, 0, MarketStatus.HALTED)])
    leaving.session.closed()
    if ends:
        world.host.send([m.SetMarketStatus(0, 0, MarketStatus.ACTIVE)])
    assert everything(world, account) == []
    world.later(1)
    world.host.exchange.check()


def test_a_rewind_forgets_what_was_placed_after_the_snapshot() -> None:
    world, leaving, staying, account = scene(venue(sequencing=BLOCKS))
    leaving.ask("cancel_on_disconnect", scope="connection")
    send(leaving, KINDS["quotes"](account), "one by one")
    staying.ask("snapshot", name="one")
    world.later(4)
    send(leaving, KINDS["trigger"](account), "one by one")
    staying.ask("rewind", name="one")
    asked = {"market": 0, "side": "BUY", "size": 3, "trigger": "STOP", "source": "MARK", "trigger_price": PRICE + 900}
    number = staying.ask("place_trigger", **asked)["order_id"]
    leaving.session.closed()
    pass_blocks(world)
    assert [one.order_id for one in world.host.exchange.triggers(account)][-1] == number
    assert kept(world, account) == [98, 99, 0]


@pytest.mark.parametrize("scope", ["connection", "account"])
def test_a_stop_of_a_bracket_that_is_auctioned_goes_too(scope: str) -> None:
    """It has fired, and makers compete for its order when the connection breaks."""
    world, leaving, _, account = scene(venue(sequencing={"rule": "dutch_auction"}))
    leaving.ask("cancel_on_disconnect", scope=scope)
    send(leaving, [m.PlaceBracket(0, account, 0, BUY, PRICE + 10, 2, ORDER, GTC, PRICE + 900, PRICE - 900)], "one by one")
    world.later(30)
    x = world.host.exchange
    assert x.position(account, 0).size == 2 and len(x.triggers(account)) == 3
    world.host.send([m.UpdateOracle(0, 0, PRICE - 1_000)])
    world.later(0.1)
    (stop,) = x.auctioned_orders(account)
    assert (stop.side, stop.size, stop.reduce_only) == (SELL, 2, 1)
    leaving.session.closed()
    x.check()
    assert kept(world, account) == ([98, 99] if scope == "connection" else []) and x.auctioned_orders(account) == []
    world.later(60)
    assert kept(world, account) == ([98, 99] if scope == "connection" else []) and x.position(account, 0).size == 2


@pytest.mark.parametrize("kind", KINDS)
def test_of_a_connection_they_go_when_the_halt_ends(kind: str) -> None:
    """Nothing can be cancelled in between; and no refusal is told."""
    world, leaving, staying, account = scene(venue())
    leaving.ask("cancel_on_disconnect", scope="connection")
    send(leaving, KINDS[kind](account), "one by one")
    before = len(everything(world, account))
    world.host.send([m.SetMarketStatus(0, 0, MarketStatus.HALTED)])
    staying.ask("subscribe", channel="private")
    staying.heard()
    leaving.session.closed()
    world.later(1)
    assert len(everything(world, account)) == before > 2
    world.host.send([m.SetMarketStatus(0, 0, MarketStatus.ACTIVE)])
    world.host.exchange.check()
    assert kept(world, account) == [98, 99] and not world.host.followed
    told = {event["type"] for message in staying.heard("private") for event in message["events"]}
    assert "Rejected" not in told


def test_before_the_next_command_meets_them() -> None:
    """A maintenance window ends, and the first who comes behind it finds nothing of who has gone."""
    world, leaving, _, account = scene(venue())
    leaving.ask("cancel_on_disconnect", scope="connection")
    leaving.ask("place", market=0, side="BUY", price=PRICE - 500, size=3, client_id=1)
    now = world.host.exchange.now
    world.host.send([m.ScheduleMaintenance(0, 0, now + 10**9, now + 10 * 10**9, MarketStatus.HALTED)])
    world.later(5)
    leaving.session.closed()
    world.later(1)
    assert kept(world, account) == [98, 1, 99]
    carol = world.talker("carol", money=10**12)
    world.clock.step(20 * 10**9)  # and nobody has let the time pass before she asks
    assert carol.ask("place", market=0, side="SELL", price=PRICE - 500, size=3)["filled"] == 0
    assert kept(world, account) == [98, 99]


def test_any_end_of_a_halt_counts_and_a_rewind_forgets_it() -> None:
    world, leaving, staying, account = scene(venue())
    leaving.ask("cancel_on_disconnect", scope="connection")
    leaving.ask("place", market=0, side="BUY", price=PRICE - 500, size=3, client_id=1)
    world.host.send([m.SetMarketStatus(0, 0, MarketStatus.HALTED)])
    leaving.session.closed()
    assert world.host.followed and kept(world, account) == [98, 1, 99]
    staying.ask("snapshot", name="one")
    world.host.send([m.SetMarketStatus(0, 0, MarketStatus.CANCEL_ONLY)])
    assert kept(world, account) == [98, 99] and not world.host.followed
    staying.ask("rewind", name="one")
    world.host.send([m.SetMarketStatus(0, 0, MarketStatus.ACTIVE)])
    assert kept(world, account) == [98, 1, 99] and not world.host.followed
