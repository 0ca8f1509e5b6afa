"""Back to a state that was kept: the venue, its world and its time; everybody is told; and the journal goes the same way."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from librt.vecs import vec
from mypy_extensions import i64
from test_store import begun, served, trade
from wire import START, Talker, World

from perplab.clients import types as t
from perplab.clients.local import LocalClient
from perplab.exchange import Exchange, load_venue, restore
from perplab.exchange.codes import AccountKind
from perplab.exchange.journal import Journal, Mark, replayed
from perplab.exchange.messages import CancelAll, Deposit, OpenAccount, Place, Tick, UpdateOracle, Withdraw, command_row
from perplab.exchange.server import moments, store
from perplab.exchange.server.errors import Refusal, Trouble
from perplab.exchange.server.store import recover
from perplab.lab.cli import main
from perplab.lab.export import export
from perplab.lab.world import World as Surroundings
from perplab.lab.world import load_world


def operator(world: World) -> Talker:
    talker = Talker(world)
    talker.session.enter(world.host.people.user("admin"), ("trade", "read", "admin"), None)
    return talker


def kinds(messages: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(message["channel"], message["type"]) for message in messages]


# -- what a client sees --


def test_an_order_is_asked_about_when_a_rewind_has_taken_all_events() -> None:
    """The answer looked for events until there were more, which nobody but a command brings."""
    world = World()
    alice, admin = world.talker("alice"), operator(world)
    placed = alice.ask("place", market=0, side="BUY", price=59_000, size=5)
    alice.ask("cancel", order_id=placed["order_id"])
    admin.ask("snapshot", name="before")
    admin.ask("rewind", name="before")
    for asked in ({"order_id": placed["order_id"]}, {"client_id": 12_345}):
        assert alice.ask("order", **asked)["reason"] == "UNKNOWN_ORDER_OF_CLIENT"


def test_everybody_is_told_and_sees_what_there_is_now() -> None:
    world = World()
    alice, admin = world.talker("alice"), operator(world)
    alice.ask("subscribe", channel="book", market=0)
    alice.ask("subscribe", channel="trades", market=0)
    alice.ask("subscribe", channel="private")
    placed = alice.ask("place", market=0, side="BUY", price=59_000, size=5)
    kept = admin.ask("snapshot", name="before")
    world.later(1)
    alice.ask("cancel", order_id=placed["order_id"])
    world.talker("bob").ask("place", market=0, side="SELL", price=61_000, size=1)
    world.host.flush()
    alice.heard()
    epoch = alice.ask("venue")["epoch"]
    told = admin.ask("rewind", name="before")
    assert (told["state_hash"], told["ts"], told["seq"]) == (kept["state_hash"], START, kept["seq"]) and told["epoch"] != epoch
    heard = alice.heard()
    assert kinds(heard) == [("venue", "rewound"), ("private", "snapshot"), ("book", "snapshot"), ("trades", "snapshot")]
    notice, private, book, trades = heard
    assert notice == {"channel": "venue", "type": "rewound", "snapshot": "before", "epoch": told["epoch"], "ts": START, "seq": kept["seq"]}
    assert [order["order_id"] for order in private["orders"]] == [placed["order_id"]] and private["seq"] == kept["seq"]
    assert (book["bids"], book["asks"], trades["items"]) == ([[59_000, 5]], [], [])
    alice.ask("place", market=0, side="BUY", price=58_000, size=1)
    world.host.flush()
    delta = alice.heard()[-1]
    assert delta["bids"] == [[58_000, 1]] and delta["prev_seq"] == book["seq"], "the stream goes on behind its new snapshot"
    assert alice.ask("venue")["epoch"] == told["epoch"]


def test_accounts_opened_later_are_gone_and_whoever_gets_their_number_is_alone_with_it() -> None:
    world = World()
    admin = operator(world)
    admin.ask("snapshot")
    bob = world.talker("bob")
    number = bob.ask("accounts")["accounts"][0]
    bob.ask("subscribe", channel="private")
    bob.ask("cancel_on_disconnect", scope="account")
    admin.ask("rewind")
    assert kinds(bob.heard())[-1] == ("private", "ended")
    assert bob.ask("account")["reason"] == "NO_ACCOUNT" and bob.ask("accounts")["accounts"] == []
    carol = world.talker("carol")
    assert carol.ask("accounts")["accounts"] == [number]
    placed = carol.ask("place", market=0, side="BUY", price=59_000, size=5)
    assert placed["ok"] and bob.heard() == []
    assert bob.ask("place", account=number, market=0, side="BUY", price=59_000, size=5)["reason"] == "NOT_YOUR_ACCOUNT"
    bob.session.closed()
    assert carol.ask("order", order_id=placed["order_id"])["state"] == "OPEN", "nobody else's disconnect cancels it"
    assert number not in Talker(world).ask("login", name="bob")["accounts"]


def test_an_account_that_another_branch_opened_is_its_owner_s_again() -> None:
    world = World()
    admin = operator(world)
    admin.ask("snapshot", name="a")
    number = world.talker("alice").ask("accounts")["accounts"][0]
    admin.ask("snapshot", name="b")
    admin.ask("rewind", name="a")
    assert world.talker("bob").ask("accounts")["accounts"] == [number]
    admin.ask("rewind", name="b")
    assert Talker(world).ask("login", name="alice")["accounts"] == [number]
    assert number not in Talker(world).ask("login", name="bob")["accounts"]


def test_what_named_sessions_remember_is_of_another_epoch() -> None:
    world = World()
    admin = operator(world)
    alice = Talker(world)
    alice.ask("login", name="alice", session="s")
    alice.ask("faucet")
    admin.ask("snapshot")
    number = alice.send("place", market=0, side="BUY", price=59_000, size=5)
    alice.read()
    admin.ask("rewind")
    assert alice.ask("outcome", request=number)["reason"] == "UNKNOWN_REQUEST"


def test_orders_of_a_connection_are_forgotten_as_far_as_they_are_gone() -> None:
    world = World()
    alice, admin = world.talker("alice"), operator(world)
    alice.ask("cancel_on_disconnect", scope="connection")
    first = alice.ask("place", market=0, side="BUY", price=59_000, size=5)["order_id"]
    admin.ask("snapshot")
    second = alice.ask("place", market=0, side="BUY", price=58_000, size=5)["order_id"]
    admin.ask("rewind")
    other = Talker(world)
    other.ask("login", name="alice")
    assert other.ask("place", market=0, side="BUY", price=57_000, size=5)["order_id"] == second, "the same number, of another order"
    alice.session.closed()
    assert other.ask("order", order_id=first)["state"] == "CANCELLED" and other.ask("order", order_id=second)["state"] == "OPEN"


def test_orders_are_of_the_connection_that_placed_them_on_every_branch() -> None:
    world = World()
    one, two, admin = world.talker("alice"), Talker(world), operator(world)
    two.ask("login", name="alice")
    for talker in (one, two):
        talker.ask("cancel_on_disconnect", scope="connection")
    admin.ask("snapshot", name="a")
    order = one.ask("place", market=0, side="BUY", price=59_000, size=5)["order_id"]
    admin.ask("snapshot", name="b")
    admin.ask("rewind", name="a")
    assert two.ask("place", market=0, side="BUY", price=58_000, size=5)["order_id"] == order, "the same number, on another branch"
    admin.ask("rewind", name="b")
    two.session.closed()
    assert one.ask("order", order_id=order)["state"] == "OPEN", "it is not of the connection that is gone"
    one.session.closed()
    assert admin.ask("account", account=8)["orders"] == []


def test_a_world_that_began_later_begins_anew_with_accounts_of_its_own() -> None:
    world = World("sandbox")
    admin = operator(world)
    admin.ask("snapshot")
    world.host.attach(Surroundings(load_world("sandbox"), world.host.exchange, 1, START))
    admin.ask("step", ms=5_000)
    admin.ask("rewind")
    alice = world.talker("alice", money=10**9)
    admin.ask("step", ms=20_000)
    mine = alice.ask("account")
    assert mine["orders"] == [] and mine["positions"] == [] and mine["balances"][0]["cash"] == 10**9
    surroundings = world.host.world
    assert isinstance(surroundings, Surroundings) and surroundings.venue is world.host.exchange
    assert alice.ask("accounts")["accounts"][0] not in (*surroundings.makers, surroundings.taker)
    assert world.host.exchange.best_bid(0) and world.host.exchange.best_ask(0)


def test_a_slow_reader_is_told_when_it_reads_again() -> None:
    world = World()
    alice, admin = world.talker("alice"), operator(world)
    alice.ask("subscribe", channel="book", market=0)
    admin.ask("snapshot")
    alice.heard()
    alice.session.is_slow = True
    admin.ask("rewind")
    assert kinds(alice.heard()) == [("venue", "rewound")]
    alice.session.resume()
    assert [(one["type"], one["conflated"]) for one in alice.heard()] == [("snapshot", 1)]


def test_names_are_bounded_and_unknown_ones_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moments, "MOST", 2)
    world = World()
    admin = operator(world)
    assert [admin.ask("snapshot", name=name).get("forgotten") for name in ("a", "b", "a", "c")] == [None, None, None, "b"]
    assert admin.ask("snapshots")["names"] == ["a", "c"] and len(world.host.moments.held) == 2
    before = world.host.exchange.state_hash(), world.host.epoch
    refused = admin.ask("rewind", name="b")
    assert (refused["reason"], refused["data"]["known"]) == ("UNKNOWN_NAME", ["a", "c"])
    assert (world.host.exchange.state_hash(), world.host.epoch) == before


def test_the_world_repeats_itself() -> None:
    """From a kept state on, with the same orders, all happens again."""
    world = World("sandbox")
    world.host.attach(Surroundings(load_world("sandbox"), world.host.exchange, 1, START))
    admin = operator(world)
    admin.ask("world", lag_ms=500, shock_ppm=20_000, market="ETH")
    admin.ask("step", ms=5_300)
    kept = admin.ask("snapshot")

    def live() -> str:
        admin.ask("step", ms=7_000)
        admin.ask("world", makers="gone", basis_ppm=300)
        admin.ask("step", ms=3_000)
        return world.host.exchange.state_hash()

    first = live()
    assert admin.ask("rewind")["state_hash"] == kept["state_hash"]
    assert admin.ask("world")["world"]["makers"] == "stay"
    assert live() == first
    world.host.exchange.check()


def test_a_client_goes_on_by_itself() -> None:
    alice = LocalClient("alice", venue="sandbox", prices={"BTC": "60000"})
    admin = alice.join("operator")
    alice.faucet(100_000)
    order = alice.buy("BTC", "0.5", "59000")
    alice.subscribe_private()
    book = alice.subscribe_book("BTC")
    alice.host.keep("here")
    alice.cancel(order.order_id)
    list(alice.events())
    alice.host.go_back("here")
    alice.host.tell_epoch("here")
    seen = list(alice.events())
    assert [type(one) for one in seen] == [t.Rewound, t.AccountSnapshot, t.BookChanged]
    assert isinstance(seen[1], t.AccountSnapshot) and [one.order_id for one in seen[1].state.orders] == [order.order_id]
    assert book.is_valid and len(book.bids) == 1
    assert isinstance(admin.next_event(), t.Rewound) and admin.venue.epoch == alice.venue.epoch == alice.host.epoch


# -- what the journal has --


@pytest.mark.parametrize("sync", ["strict", "batch", "none"])
@pytest.mark.parametrize("seed", range(4))
def test_a_start_finds_the_state_gone_back_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sync: store.Sync, seed: int) -> None:
    """Random lives with states kept and gone back to, segments turned and servers started anew: the last snapshot and what follows, and
    every command anew, come to the same."""
    monkeypatch.setattr(moments, "MOST", 3)
    draw, folder = random.Random(seed), tmp_path / "j"
    world, journal, _ = begun(folder, sync, orders=10)
    number = 1_000
    for _ in range(40):
        act = draw.choice(["trade", "trade", "trade", "keep", "back", "turn", "start", "user"])
        host = world.host
        if act == "trade":
            trade(world.talker("alice", money=0), 3, number)
        elif act == "user":
            world.talker(f"u{number}")
        elif act == "keep":
            host.keep(draw.choice("abcd"))
        elif act == "back" and host.moments.numbers:
            host.go_back(draw.choice(list(host.moments.numbers)))
        elif act == "turn":
            journal.rows = store.SEGMENT_ROWS
            host.beat()
        elif act == "start":
            before = host.exchange.state_hash(), dict(host.moments.numbers)
            journal.close()
            world, journal = served(folder, sync)
            assert (world.host.exchange.state_hash(), world.host.moments.numbers) == before
        number += 10
    journal.close()
    quick, whole = recover(folder), recover(folder, whole=True)
    assert quick.exchange.state_hash() == whole.exchange.state_hash() == world.host.exchange.state_hash()
    assert quick.names == whole.names and quick.kept == whole.kept == {n: name for name, n in world.host.moments.numbers.items()}
    assert sorted(path.name for path in folder.glob("kept-*")) == sorted(f"kept-{n:06}.snapshot" for n in quick.kept)
    whole.exchange.check()


def test_a_journal_goes_back_without_a_server() -> None:
    data, start = Journal(), START
    venue = Exchange(load_venue("book_fund_adl"), data)
    for command in (UpdateOracle(start, 0, 60_000), Tick(start + 1)):
        venue.apply(command)
    data.mark(Mark(name="here", kept=1))
    venue.apply(Tick(start + 10**9))
    data.mark(Mark(back_to=1))
    data.write(vec[i64](command_row(Tick(start + 5))))
    found = replayed(data.bytes())
    assert found.exchange.now == start + 5 and found.commands == 4


def test_a_state_that_was_kept_before_a_lost_segment_is_told_from_a_damaged_journal(tmp_path: Path) -> None:
    folder = tmp_path / "j"
    world, journal, talker = begun(folder)
    world.host.keep("here")
    hash_kept = world.host.exchange.state_hash()
    trade(talker, 5, 100)
    journal.rows = store.SEGMENT_ROWS
    world.host.beat()
    world.host.moments.go_back("here", "e")  # and killed before it begins a segment: a start has to read everything
    found = recover(folder)
    assert found.exchange.state_hash() == hash_kept and found.commands > 50
    world.host.beat()
    assert recover(folder).commands == 0, "and another segment was begun, so that it need not the next time"


def test_the_command_line_replays_a_server_s_folder(tmp_path: Path) -> None:
    folder = tmp_path / "j"
    world, journal, talker = begun(folder)
    world.host.keep("here")
    trade(talker, 5, 100)
    world.host.go_back("here")
    world.host.beat()
    trade(talker, 5, 200)
    journal.close()
    done = CliRunner().invoke(main, ["replay", str(folder)])
    assert done.exit_code == 0 and world.host.exchange.state_hash() in done.output
    assert "63 commands; the last snapshot and the 5 behind it come to the same" in done.output
    with (folder / "000002.journal").open("ab") as file:
        file.write(b"torn")
    assert CliRunner().invoke(main, ["replay", str(folder)]).exit_code == 3


def test_what_cannot_be_written_has_not_happened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "j"
    world, _, talker = begun(folder)
    world.host.keep("here")
    trade(talker, 5, 100)
    before = world.host.exchange.state_hash(), world.host.epoch, dict(world.host.moments.numbers)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(store, "replace", full)
        with pytest.raises(Refusal, match="No space left") as refused:
            world.host.keep("there")
        assert refused.value.code == Trouble.READ_ONLY
    with monkeypatch.context() as patch:
        patch.setattr("perplab.exchange.journal.write_all", full)
        for act in (lambda: world.host.keep("there"), lambda: world.host.go_back("here")):
            with pytest.raises(Refusal, match="No space left"):
                act()
    assert (world.host.exchange.state_hash(), world.host.epoch, world.host.moments.numbers) == before
    (folder / "kept-000001.snapshot").write_bytes(b"damaged")
    with pytest.raises(Refusal, match="cannot be gone back to") as refused:
        world.host.go_back("here")
    assert refused.value.code == Trouble.UNREADABLE
    (folder / "kept-000001.snapshot").unlink()
    with pytest.raises(Refusal, match="cannot be gone back to"):
        world.host.go_back("here")
    assert world.host.exchange.state_hash() == before[0]
    trade(talker, 5, 200)
    assert recover(folder).exchange.state_hash() == world.host.exchange.state_hash()


def test_the_export_has_what_was_not_undone(tmp_path: Path) -> None:
    """The files are those of a venue in which what was undone never happened."""

    def lived(name: str, has_detour: bool) -> dict[str, str]:
        data, ts = Journal(), START
        venue = Exchange(load_venue("book_fund_adl"), data)

        def do(*commands: Any) -> None:
            for command in commands:
                venue.apply(command)

        do(UpdateOracle(ts, 0, 60_000))
        do(*(OpenAccount(ts, AccountKind.TRADER, n) for n in (1, 2)), *(Deposit(ts, a, 0, 10**12) for a in (8, 9)))
        do(Place(ts, 8, 0, 0, 59_990, 5), Place(ts, 9, 0, 1, 59_990, 2))
        data.mark(Mark(name="x", kept=1))
        if has_detour:
            copy = venue.snapshot()
            late = ts + 10**9
            do(Place(ts + 5, 9, 0, 1, 59_990, 2), UpdateOracle(late, 0, 50_000), CancelAll(late, 8), Withdraw(late, 9, 0, 5))
            data.mark(Mark(back_to=1))
            venue = restore(copy)
            venue.journal = data
        do(Place(ts + 7, 9, 0, 1, 60_010, 3), Place(ts + 8, 8, 0, 0, 60_010, 1))
        path = tmp_path / f"{name}.journal"
        path.write_bytes(data.bytes())
        export(path, tmp_path / name)
        return {file.name: file.read_text() for file in (tmp_path / name).glob("*.csv")}

    assert lived("straight", False) == lived("detour", True)
