"""Triggers, links and brackets through the server: what a request is answered with is its own, whatever else it sets off."""

from __future__ import annotations

from msgspec.structs import asdict, replace
from venues import BLOCKS, venue
from wire import Message, Talker, World

from perplab.exchange.codes import Side, TimeInForce
from perplab.exchange.messages import ROW, Command, MassQuote, Place, PlaceLadder, UpdateOracle, command_row
from perplab.exchange.server.requests import op_of
from perplab.exchange.server.routing import TICKET, WIDTH

PRICE = 60_000


def scene() -> tuple[World, Talker, Talker]:
    world = World()
    alice, bob = (world.talker(name) for name in ("alice", "bob"))
    return world, alice, bob


def test_a_trigger_is_placed_found_by_its_client_id_and_cancelled() -> None:
    _, alice, _ = scene()
    asked = {"market": 0, "side": "BUY", "size": 3, "trigger": "STOP", "source": "MARK", "trigger_price": PRICE + 1_000, "client_id": 7}
    told = alice.ask("place_trigger", **asked)
    assert told["ok"] and (told["state"], told["open"], told["filled"], told["market"]) == ("OPEN", 3, 0, 0)
    again = alice.ask("place_trigger", **asked)
    assert again["repeated"] and again["order_id"] == told["order_id"]
    gone = alice.ask("cancel_client", client_id=7)
    assert (gone["order_id"], gone["state"]) == (told["order_id"], "CANCELLED")
    assert alice.ask("cancel", order_id=told["order_id"])["reason"] == "UNKNOWN_ORDER"
    assert alice.ask("place_trigger", **{**asked, "trigger_price": PRICE - 1_000, "client_id": 8})["reason"] == "TRIGGER_PRICE"


def test_what_an_order_sets_off_is_not_what_it_came_to() -> None:
    """Bob's order trades, and fires Alice's trigger: he is answered with his own fill."""
    _, alice, bob = scene()
    first = alice.ask("place", market=0, side="SELL", price=PRICE, size=1)
    assert bob.ask("place", market=0, side="BUY", price=PRICE, size=1)["filled"] == 1 and first["ok"]
    fired = alice.ask("place_trigger", market=0, side="BUY", size=5, trigger="STOP", source="LAST", trigger_price=PRICE + 10)
    alice.ask("place", market=0, side="SELL", price=PRICE + 10, size=2)
    told = bob.ask("place", market=0, side="BUY", price=PRICE + 10, size=2)
    assert told["ok"] and (told["filled"], told["open"], told["state"]) == (2, 0, "FILLED") and told["order_id"] != fired["order_id"]
    assert alice.ask("cancel", order_id=fired["order_id"])["reason"] == "UNKNOWN_ORDER"


def test_what_an_orders_own_fill_sets_off_and_meets_it_is_told_with_it() -> None:
    """Bob's order trades; that fires Carol's stop, which takes what is left of it, as a taker."""
    world, alice, bob = scene()
    carol = world.talker("carol")
    alice.ask("place", market=0, side="SELL", price=PRICE, size=1)
    carol.ask("place", market=0, side="BUY", price=PRICE, size=1)
    carol.ask("place_trigger", market=0, side="BUY", size=5, trigger="STOP", source="LAST", trigger_price=PRICE + 10)
    alice.ask("place", market=0, side="BUY", price=PRICE + 10, size=1)
    told = bob.ask("place", market=0, side="SELL", price=PRICE + 10, size=6)
    assert (told["filled"], told["open"], told["state"]) == (6, 0, "FILLED")
    assert bob.ask("order", order_id=told["order_id"])["state"] == "FILLED"


def test_an_entry_whose_stop_fires_at_once_is_told_as_cancelled() -> None:
    _, alice, bob = scene()
    bob.ask("place", market=0, side="SELL", price=PRICE, size=1)
    alice.ask("place", market=0, side="BUY", price=PRICE, size=1)
    bob.ask("place", market=0, side="BUY", price=PRICE - 100, size=9)
    bob.ask("place", market=0, side="SELL", price=PRICE - 20, size=1)
    told = alice.ask(
        "place_bracket", market=0, side="BUY", order_type="LIMIT", tif="GTC", price=PRICE + 10, size=5, take_profit=PRICE + 1_000,
        stop=PRICE - 10, source="LAST",
    )  # fmt: skip
    assert (told["filled"], told["open"], told["state"]) == (1, 0, "CANCELLED")
    assert alice.ask("order", order_id=told["order_id"])["state"] == "CANCELLED"


def test_a_cancel_is_answered_with_the_order_that_it_names() -> None:
    _, alice, _ = scene()
    one, two = (alice.ask("place", market=0, side="BUY", price=PRICE - 100 - n, size=1)["order_id"] for n in (1, 2))
    assert alice.ask("link_oco", first=one, second=two)["ok"]
    assert alice.ask("link_oco", first=one, second=two)["reason"] == "ALREADY_LINKED"
    told = alice.ask("cancel", order_id=one)
    assert (told["order_id"], told["state"]) == (one, "CANCELLED")
    assert alice.ask("cancel", order_id=two)["reason"] == "UNKNOWN_ORDER"


def test_a_bracket_is_answered_like_its_entry() -> None:
    _, alice, bob = scene()
    bob.ask("place", market=0, side="SELL", price=PRICE, size=4)
    asked = {"market": 0, "side": "BUY", "price": PRICE, "size": 6, "order_type": "LIMIT", "tif": "GTC"}
    told = alice.ask("place_bracket", **asked, take_profit=PRICE + 1_000, stop=PRICE - 1_000)
    assert told["ok"] and (told["state"], told["open"], told["filled"]) == ("OPEN", 2, 4)
    assert alice.ask("place_bracket", **asked, take_profit=PRICE - 1_000, stop=0)["reason"] == "BRACKET_PRICES"


# -- what became of them --


def fate(talker: Talker, order_id: int) -> list[object]:
    """State, lots open and filled, and the worth of these, by the order's id."""
    told = talker.ask("order", order_id=order_id)
    assert told["order_id"] == order_id and told["market"] == 0 and not told["auctioned"], told
    return [told[name] for name in ("state", "open", "filled", "filled_notional")]


def test_an_order_is_told_from_its_trigger_to_its_last_fill() -> None:
    world, alice, bob = scene()
    bob.ask("place", market=0, side="SELL", price=PRICE + 1_000, size=2)
    asked = {"market": 0, "side": "BUY", "size": 3, "trigger": "STOP", "source": "MARK", "trigger_price": PRICE + 1_000, "client_id": 7}
    number = alice.ask("place_trigger", **asked, price=PRICE + 1_000)["order_id"]
    assert fate(alice, number) == ["OPEN", 3, 0, 0]
    world.host.send([UpdateOracle(0, 0, PRICE + 1_000)])
    unit = world.host.units[0]
    assert fate(alice, number) == ["OPEN", 1, 2, 2 * (PRICE + 1_000) * unit]
    by_client = alice.ask("order", client_id=7)
    assert (by_client["order_id"], by_client["filled"]) == (number, 2)
    bob.ask("place", market=0, side="SELL", price=PRICE + 1_000, size=1)
    assert fate(alice, number) == ["FILLED", 0, 3, 3 * (PRICE + 1_000) * unit]


def test_a_trigger_that_was_cancelled_or_came_to_nothing() -> None:
    world, alice, _ = scene()
    asked = {"market": 0, "side": "BUY", "size": 3, "trigger": "STOP", "source": "MARK", "trigger_price": PRICE + 1_000}
    one = alice.ask("place_trigger", **asked, client_id=8)["order_id"]
    two = alice.ask("place_trigger", **asked, tif="FOK", price=PRICE + 1_000, client_id=9)["order_id"]
    alice.ask("cancel", order_id=one)
    world.host.send([UpdateOracle(0, 0, PRICE + 1_000)])
    for number, client in ((one, 8), (two, 9)):
        assert fate(alice, number) == ["CANCELLED", 0, 0, 0]
        assert alice.ask("order", client_id=client)["state"] == "CANCELLED"
    assert alice.ask("order", order_id=two + 1)["reason"] == "UNKNOWN_ORDER_OF_CLIENT"


def test_a_whole_position_is_open_with_no_lots() -> None:
    _, alice, bob = scene()
    bob.ask("place", market=0, side="SELL", price=PRICE, size=2)
    alice.ask("place", market=0, side="BUY", price=PRICE, size=2)
    asked = {"market": 0, "side": "SELL", "size": 0, "trigger": "STOP", "source": "MARK", "trigger_price": PRICE - 1_000}
    assert fate(alice, alice.ask("place_trigger", **asked, reduce_only=1)["order_id"]) == ["OPEN", 0, 0, 0]


def test_a_twap_is_told_with_what_its_slices_came_to() -> None:
    world, alice, bob = scene()
    unit = world.host.units[0]
    bob.ask("place", market=0, side="SELL", price=PRICE, size=2)
    bob.ask("place", market=0, side="SELL", price=PRICE + 1, size=8)
    alice.ask("place", market=0, side="BUY", price=PRICE - 1_000, size=1)  # one of its own, beside it
    asked = {"market": 0, "side": "BUY", "size": 6, "slices": 3, "interval": 10**10}
    number = alice.ask("place_twap", **asked, client_id=3)["order_id"]
    assert fate(alice, number) == ["OPEN", 4, 2, 2 * PRICE * unit]
    world.later(10)
    bob.ask("place", market=0, side="SELL", price=PRICE - 1_000, size=1)  # hers, and no slice
    value = (2 * PRICE + 2 * (PRICE + 1)) * unit
    assert fate(alice, number) == ["OPEN", 2, 4, value] and alice.ask("order", client_id=3)["filled_notional"] == value
    world.later(10)
    value += 2 * (PRICE + 1) * unit
    assert fate(alice, number) == ["FILLED", 0, 6, value]
    by_client = alice.ask("order", client_id=3)
    assert [by_client[name] for name in ("order_id", "state", "filled", "filled_notional")] == [number, "FILLED", 6, value]
    cancelled = alice.ask("place_twap", **asked)["order_id"]
    assert alice.ask("cancel", order_id=cancelled)["state"] == "CANCELLED"
    assert fate(alice, cancelled) == ["CANCELLED", 0, 2, 2 * (PRICE + 1) * unit]


def test_why_one_was_refused_is_told_by_its_client_id() -> None:
    _, alice, _ = scene()
    asked = {"market": 0, "side": "BUY", "size": 3, "trigger": "STOP", "source": "MARK", "trigger_price": PRICE - 1_000, "client_id": 8}
    assert alice.ask("place_trigger", **asked)["reason"] == "TRIGGER_PRICE"
    assert alice.ask("order", client_id=8)["data"]["refused"] == "TRIGGER_PRICE"
    assert alice.ask("place_twap", market=0, side="BUY", size=6, slices=1, interval=10**10, client_id=9)["reason"] == "TWAP_TOO_SHORT"
    assert alice.ask("order", client_id=9)["data"]["refused"] == "TWAP_TOO_SHORT"


def test_packed_ladders_and_quotes_are_counted() -> None:
    """Of the rows beside them, of a ladder that is refused and of what is no command nothing is counted."""
    _, alice, _ = scene()
    account = alice.ask("accounts")["accounts"][0]
    ladder = PlaceLadder(0, account, 0, Side.BUY, 9, PRICE - 100, PRICE - 300, 3)
    commands = [
        ladder,
        Place(0, account, 0, Side.BUY, PRICE - 1_000, 1),
        MassQuote(0, account, 0, Side.SELL, PRICE + 100, 1, PRICE // 2, 1),
        PlaceLadder(0, account, 9, Side.BUY, 9, PRICE - 100, PRICE - 300, 3),
    ]
    rows = [value for command in commands for value in command_row(command)]
    told = alice.ask("rows", rows=b"".join(one.to_bytes(8, "little", signed=True) for one in [*rows, *[99] * ROW]))
    assert told["several"] == {
        "0": {"placed": 3, "refused": 0, "queued": 0, "repeated": 0},
        "2": {"placed": 1, "refused": 1, "queued": 0, "repeated": 0, "first_refusal": "PRICE_BAND"},
    }
    assert list(told["errors"]) == ["4"] and alice.ask("account")["more"] == 0 and len(alice.ask("account")["orders"]) == 5
    assert "several" not in alice.ask("rows", rows=b"".join(one.to_bytes(8, "little", signed=True) for one in rows[ROW : 2 * ROW]))


def test_packed_counts_are_those_of_the_single_commands() -> None:
    """A ladder with refused orders, one that is there already, quotes of one price, quotes that are taken back."""
    crossing = {"tif": TimeInForce.POST_ONLY, "client_lo": 7}
    for before, command in (
        ((), ladder_of(Side.BUY, PRICE, **crossing)),
        ((ladder_of(Side.BUY, PRICE - 100, client_lo=7),), ladder_of(Side.BUY, PRICE - 100, client_lo=7)),
        ((), MassQuote(0, 0, 0, Side.SELL, PRICE + 50, 1, PRICE + 50, 1)),
        ((MassQuote(0, 0, 0, Side.SELL, PRICE + 50, 1),), MassQuote(0, 0, 0, Side.SELL)),
        ((), ladder_of(Side.BUY, PRICE + 100, tif=TimeInForce.POST_ONLY)),
    ):
        told = []
        for is_packed in (False, True):
            _, alice, bob = scene()
            assert bob.ask("place", market=0, side="SELL", price=PRICE + 1, size=1)["ok"]
            for one in (*before, command):
                (counts,) = packed(alice, one)["several"].values() if is_packed else [single(alice, one)]
            told.append({name: counts[name] for name in ("placed", "refused", "queued", "repeated", "first_refusal") if name in counts})
        assert told[0] == told[1] and len(told[0]) >= 4, command
        assert told[0]["repeated"] == (len(before) if isinstance(command, PlaceLadder) else 0) * told[0]["placed"]
    assert told[1] == {"placed": 0, "refused": 3, "queued": 0, "repeated": 0, "first_refusal": "WOULD_CROSS"}


def test_packed_ladders_tell_how_many_of_their_orders_wait_and_quotes_that_wait_tell_no_counts() -> None:
    world = World(venue(sequencing=BLOCKS))
    alice = world.talker("alice")
    quotes = MassQuote(0, 0, 0, Side.SELL, PRICE + 100, 1, PRICE + 200, 1)
    told = packed(alice, quotes, ladder_of(Side.BUY, PRICE - 100))
    assert told["several"] == {"1": {"placed": 0, "refused": 0, "queued": 3, "repeated": 0}}
    status = memoryview(told["statuses"]).cast("q").tolist()
    assert status[TICKET] and not status[WIDTH + TICKET], "what waits is told by its ticket"
    world.later(3)
    assert len(alice.ask("account")["orders"]) == 5


def ladder_of(side: Side, first: int, **terms: int) -> PlaceLadder:
    """Three orders, 10 ticks apart."""
    return PlaceLadder(0, 0, 0, side, 9, first, first + 20, 3, **terms)


def packed(talker: Talker, *commands: Command) -> Message:
    """The reply to these commands of the talker's, whatever account they name."""
    (account,) = talker.ask("accounts")["accounts"]
    rows = [value for one in commands for value in command_row(replace(one, account=account))]
    return talker.ask("rows", rows=b"".join(value.to_bytes(8, "little", signed=True) for value in rows))


def single(talker: Talker, command: Command) -> Message:
    """The reply to the same command as a request of its own."""
    given = {name: int(value) for name, value in asdict(command).items() if name not in ("ts", "account", "client_hi", "client_lo")}
    by_id = {"client_id": command.client_lo} if isinstance(command, PlaceLadder) and command.client_lo else {}
    return talker.ask(op_of(type(command)), **given, **by_id)
