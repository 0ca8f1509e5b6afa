"""What was acknowledged is there: after a clean end, after kill -9, after a full disk; and what is damaged is told."""

from __future__ import annotations

import random
import re
import resource
import shutil
import signal
import subprocess
from pathlib import Path

import msgpack  # type: ignore[import-untyped]
import pytest
from librt.vecs import vec
from mypy_extensions import i64
from test_sockets import SERVE, Peer, Server
from wire import START, Talker, World

from perplab.exchange import Exchange, load_venue
from perplab.exchange.journal import JournalError, Paid
from perplab.exchange.messages import UpdateOracle
from perplab.exchange.server import store as stores
from perplab.exchange.server.clock import Clock
from perplab.exchange.server.host import Host
from perplab.exchange.server.people import signature_of
from perplab.exchange.server.store import Store, begin, recover, resume

DESIGN = "book_fund_adl"


def served(folder: Path, sync: stores.Sync = "batch") -> tuple[World, Store]:
    """A world whose host writes a journal, begun or gone on with."""
    world = World(DESIGN)
    design = load_venue(DESIGN)
    names: dict[int, str] = {}
    kept: dict[int, str] = {}
    recent: list[vec[i64]] = []
    paid = Paid()
    if folder.exists():
        store, found = resume(folder, sync, design, lambda share: None)
        exchange, names, kept, recent, paid = found.exchange, found.names, found.kept, found.recent, found.paid
        exchange.journal = store
    else:
        store = begin(folder, sync)
        exchange = Exchange(design, store)
    token = world.host.people.token
    world.clock = Clock(max(START, exchange.now), 0, lambda: world.monotonic)
    world.host = Host(exchange, world.clock, monotonic=lambda: world.monotonic, trust=True, token=token, store=store, kept=kept)
    world.host.remember(names, recent, paid)
    return world, store


def trade(talker: Talker, count: int, first: int = 0) -> None:
    for number in range(first, first + count):
        talker.ask("place", market=0, side=number % 2, price=59_990 + number * 7 % 20, size=1 + number % 5, client_id=number + 1)


def begun(folder: Path, sync: stores.Sync = "batch", orders: int = 50) -> tuple[World, Store, Talker]:
    world, store = served(folder, sync)
    world.host.exchange.apply_rows([14, START, 0, 60_000, 0, *[0] * 11])
    talker = world.talker("alice")
    trade(talker, orders)
    return world, store, talker


@pytest.mark.parametrize("sync", ["strict", "batch", "none"])
def test_a_venue_goes_on_where_it_was(tmp_path: Path, sync: stores.Sync) -> None:
    folder = tmp_path / "j"
    world, store, talker = begun(folder, sync)
    before = world.host.exchange.state_hash()
    account = talker.ask("account")
    store.close()
    again, store = served(folder, sync)
    assert again.host.exchange.state_hash() == before
    alice = again.talker("alice", money=0)
    assert alice.ask("account") | {"id": 0, "tokens": 0} == account | {"id": 0, "tokens": 0}
    trade(alice, 50, 50)
    last = again.host.exchange.state_hash()
    store.close()
    assert recover(folder).exchange.state_hash() == last


def test_before_the_journal_is_closed_what_was_acknowledged_is_in_it(tmp_path: Path) -> None:
    """As after kill -9: nothing but what is in the files."""
    for sync in ("strict", "batch"):
        world, _, _ = begun(tmp_path / sync, sync)  # type: ignore[arg-type]
        shutil.copytree(tmp_path / sync, tmp_path / f"{sync}-copy")
        assert recover(tmp_path / f"{sync}-copy").exchange.state_hash() == world.host.exchange.state_hash()


def test_segments_turn_and_a_start_reads_the_last_snapshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "SEGMENT_ROWS", 20)
    folder = tmp_path / "j"
    world, store, talker = begun(folder, orders=0)
    for turn in range(5):
        trade(talker, 25, turn * 25)
        world.host.beat()
    trade(talker, 5, 500)
    store.close()
    assert [path.name for path in sorted(folder.glob("0*"))][-2:] == ["000006.journal", "000006.snapshot"]
    quick, whole = recover(folder), recover(folder, whole=True)
    assert quick.commands == 5 and whole.commands == 133
    assert quick.exchange.state_hash() == whole.exchange.state_hash() == world.host.exchange.state_hash()
    assert quick.names == whole.names == {1: "alice"}
    (folder / "000006.snapshot").write_bytes(b"of another version")
    assert recover(folder).exchange.state_hash() == world.host.exchange.state_hash(), "the one before it, and more to replay"
    again, store = served(folder)
    trade(again.talker("alice", money=0), 30, 600)
    again.host.beat()
    store.close()
    assert recover(folder).exchange.state_hash() == again.host.exchange.state_hash()


def test_a_turn_that_fails_leaves_the_segment_going_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "SEGMENT_ROWS", 20)
    folder = tmp_path / "j"
    world, store, talker = begun(folder)
    (folder / "000002.journal").write_bytes(b"")
    world.host.beat()
    assert store.segment == 1 and "File exists" in world.host._troubled
    (folder / "000002.journal").unlink()
    trade(talker, 5, 100)
    assert recover(folder).exchange.state_hash() == world.host.exchange.state_hash(), "its snapshot is of no use: the segment went on"
    world.host.beat()
    assert store.segment == 2 and world.host._troubled == ""
    store.close()
    assert recover(folder).exchange.state_hash() == world.host.exchange.state_hash()


@pytest.mark.parametrize("tail", [b"\x07\x00\x00", bytes(64), bytes(4_096)])
def test_a_torn_or_zero_tail_is_cut_off_and_told(tmp_path: Path, tail: bytes) -> None:
    folder = tmp_path / "j"
    world, store, _ = begun(folder)
    store.close()
    path = folder / "000001.journal"
    whole = path.read_bytes()
    path.write_bytes(whole + tail)
    store, found = resume(folder, "batch", None, lambda share: None)
    store.close()
    assert found.dropped_bytes == len(tail) and path.read_bytes() == whole
    assert found.exchange.state_hash() == world.host.exchange.state_hash()


def test_damage_in_the_middle_names_the_file_and_the_byte(tmp_path: Path) -> None:
    folder = tmp_path / "j"
    _, store, _ = begun(folder)
    store.close()
    path = folder / "000001.journal"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(JournalError, match=r"000001\.journal: record at byte \d+ is damaged"):
        recover(folder)


def test_another_design_is_refused_with_the_difference(tmp_path: Path) -> None:
    folder = tmp_path / "j"
    begun(folder)[1].close()
    other = load_venue(DESIGN, {"markets": {"max_leverage": 20}})
    with pytest.raises(JournalError, match=r"another design: markets\[0\]\.max_leverage is 40 there and 20 in the one asked for"):
        resume(folder, "batch", other, lambda share: None)


def test_a_segment_that_is_missing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "SEGMENT_ROWS", 20)
    folder = tmp_path / "j"
    world, store, talker = begun(folder)
    world.host.beat()
    trade(talker, 30, 100)
    world.host.beat()
    store.close()
    (folder / "000002.journal").unlink()
    with pytest.raises(JournalError, match=r"segment 000002\.journal is missing"):
        recover(folder)


def test_users_accounts_and_keys_survive_and_keys_are_private(tmp_path: Path) -> None:
    folder = tmp_path / "j"
    world, store = served(folder)
    world.host.trust = False
    talker = world.talker()
    made = talker.ask("faucet", name="alice")
    world.host.open_account(world.host.people.users["alice"])
    store.close()
    assert (folder / "keys.json").stat().st_mode & 0o777 == 0o600
    again, store = served(folder)
    again.host.trust = False
    talker = again.talker()
    signature = signature_of(made["secret"], talker.ask("challenge", key=made["key"])["nonce"])
    assert talker.ask("login", key=made["key"], signature=signature)["accounts"] == [8, 9]
    assert again.talker().ask("faucet", name="bob")["ok"] and again.host.people.users["bob"].number == 2
    store.close()


# -- the real server --


def test_kill_9_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    """Ten times in a row, while orders come in."""
    folder = tmp_path / "j"
    draw = random.Random(5)
    acknowledged: dict[int, int] = {}
    server = Server("--trust", "--journal", str(folder), "--world", "none", "--venue", DESIGN)
    for life in range(10):
        peer = Peer(server.port)
        peer.ask("login", name="alice")
        peer.ask("faucet", amount=10**12)
        for number in range(draw.randrange(5, 60)):
            client_id = life * 1_000 + number + 1
            reply = peer.ask("cancel_client", client_id=client_id)
            acknowledged[client_id] = reply["seq"]
        server.process.kill()
        server.process.wait()
        found = recover(folder)
        assert found.exchange.state.log.seq >= max(acknowledged.values())
        hashes = found.exchange.state_hash(), recover(folder, whole=True).exchange.state_hash()
        assert hashes[0] == hashes[1]
        server = Server("--trust", "--journal", str(folder), "--world", "none", "--venue", DESIGN)
        assert Peer(server.port).ask("ping")["seq"] == found.exchange.state.log.seq
    assert server.stop()[0] == 0


def test_a_journal_survives_a_signal_and_the_world_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "j"
    server = Server("--trust", "--journal", str(folder))
    peer = Peer(server.port)
    peer.ask("login", name="alice")
    peer.ask("faucet")
    filled = peer.ask("place", market="BTC", side="BUY", price=0, size=100, order_type="MARKET")
    mark = peer.ask("ticker", market="BTC")["mark"]
    assert server.stop()[0] == 0
    server = Server("--trust", "--journal", str(folder), "--sync", "strict")
    peer = Peer(server.port)
    peer.ask("login", name="alice")
    assert peer.ask("account")["positions"][0]["size"] == 100 == filled["filled"]
    assert abs(peer.ask("ticker", market="BTC")["mark"] / mark - 1) < 0.01
    code, errors = server.stop()
    assert code == 0 and re.search(r"[\d,]+ commands replayed, state [0-9a-f]{16}", errors)


def test_a_full_disk_stops_acknowledging_says_so_and_goes_on(tmp_path: Path) -> None:
    """The limit on a file's size stands for the disk."""
    folder = tmp_path / "j"
    words = ["--trust", "--journal", str(folder), "--world", "none", "--venue", DESIGN]
    server = Server(*words)
    peer = Peer(server.port)
    peer.ask("login", name="alice")
    size = (folder / "000001.journal").stat().st_size
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size + 200, resource.RLIM_INFINITY))
    replies = [peer.ask("faucet", amount=1_000) for _ in range(10)]
    refused = [reply for reply in replies if not reply["ok"]]
    assert refused and all(reply["reason"] == "READ_ONLY" and "File too large" in reply["message"] for reply in refused)
    assert peer.ask("account")["balances"][0]["cash"] == 1_000 * (10 - len(refused)), "nothing was half done"
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert peer.ask("faucet", amount=1_000)["ok"]
    seq = peer.ask("ping")["seq"]
    server.process.kill()
    server.process.wait()
    assert recover(folder).exchange.state.log.seq == seq


def test_a_journal_of_another_design_is_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "j"
    begun(folder)[1].close()
    done = subprocess.run([*SERVE, "--journal", str(folder)], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2 and "was written by another design" in done.stderr and done.stderr.count("error:") == 1


@pytest.mark.parametrize("sync", ["strict", "batch", "none"])
@pytest.mark.parametrize("how", ["closed", "killed", "power failure"])
def test_an_epoch_goes_on_where_nothing_acknowledged_can_be_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sync: stores.Sync, how: str
) -> None:
    boot = tmp_path / "boot_id"
    boot.write_text("one\n")
    monkeypatch.setattr(stores, "BOOT", boot)
    store = stores.begin(tmp_path / "journal", sync)
    exchange = Exchange(load_venue("book_fund_adl"), store)
    exchange.apply(UpdateOracle(1, 0, 60_000))
    assert store.epoch("first") == "first"
    if how == "closed":
        store.close()
    else:
        store.journal.flush()
        assert store.lock is not None
        store.lock.close()
    if how == "power failure":
        boot.write_text("two\n")
    again, found = stores.resume(tmp_path / "journal", sync, None, lambda share: None)
    assert found.exchange.state.log.seq == exchange.state.log.seq > 0, "numbers go on"
    goes_on = how == "closed" or sync == "strict" or (sync == "batch" and how == "killed")
    assert again.epoch("second") == ("first" if goes_on else "second")
    again.close()


def test_a_client_goes_on_over_a_restart(tmp_path: Path) -> None:
    words = ("--journal", str(tmp_path / "journal"), "--world", "none", "--venue", "book_fund_adl", "--trust", "--clock", "step")
    server = Server(*words)
    peer = Peer(server.port)
    first = peer.ask("login", name="alice")
    peer.ask("faucet")
    last = peer.ask("ping")["seq"]
    server.stop(signal.SIGKILL)
    server = Server(*words)
    peer = Peer(server.port)
    assert peer.ask("login", name="alice")["epoch"] == first["epoch"]
    peer.ask("subscribe", channel="private", since_seq=last)
    late = Peer(server.port)
    late.ask("login", name="alice")
    late.ask("faucet")
    told = peer.hear("private")
    assert (told["type"], told["prev_seq"]) == ("events", last), "nothing was missed"
    late.socket.sendall(msgpack.packb({"id": 99, "op": "subscribe", "channel": "private", "since_seq": 1}))
    told = [message for _, message in zip(range(2), late.messages())]
    assert [message.get("type") for message in told] == [None, "events"], "what the start had to replay is there"
    assert told[1]["prev_seq"] == 1 and told[1]["events"][0]["type"] == "Deposited"
    assert server.stop()[0] == 0


@pytest.mark.parametrize("left", [0, 10, 18, 40, 300])
def test_a_segment_that_was_cut_off_while_it_was_made_never_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: int) -> None:
    monkeypatch.setattr(stores, "SEGMENT_ROWS", 20)
    folder = tmp_path / "j"
    world, store, _ = begun(folder)
    world.host.beat()
    store.close()
    path = folder / "000002.journal"
    path.write_bytes(path.read_bytes()[:left])
    assert recover(folder).exchange.state_hash() == world.host.exchange.state_hash()
    again, store = served(folder)
    trade(again.talker("alice", money=0), 5, 100)
    store.close()
    assert recover(folder).exchange.state_hash() == again.host.exchange.state_hash()
    first = tmp_path / "first"
    first.mkdir()
    (first / "000001.journal").write_bytes((folder / "000001.journal").read_bytes()[:left])
    assert not stores.has_journal(first)
    stores.begin(first, "batch").close()


def test_a_folder_is_one_server_s(tmp_path: Path) -> None:
    _, store, _ = begun(tmp_path / "j")
    with pytest.raises(JournalError, match="another server is running with this journal"):
        resume(tmp_path / "j", "batch", None, lambda share: None)
    store.close()
    resume(tmp_path / "j", "batch", None, lambda share: None)[0].close()


def test_what_was_missed_and_closed_is_known_behind_a_restart(tmp_path: Path) -> None:
    folder = tmp_path / "j"
    _, store, talker = begun(folder, orders=0)
    order = talker.ask("place", market=0, side="BUY", price=59_000, size=5)
    seen = talker.ask("ping")["seq"]
    talker.ask("cancel", order_id=order["order_id"])
    last = talker.ask("ping")["seq"]
    store.close()
    again, store = served(folder)
    alice = again.talker("alice", money=0)
    told = alice.ask("order", order_id=order["order_id"])
    assert (told["state"], told["open"]) == ("CANCELLED", 0)
    alice.ask("subscribe", channel="private", since_seq=seen)
    missed = alice.heard()
    assert [(one["type"], one["prev_seq"], one["seq"]) for one in missed] == [("events", seen, last)]
    assert [one["type"] for one in missed[0]["events"]] == ["OrderCancelled"]
    store.close()


def test_a_start_hands_on_the_last_events_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "RECENT", 10)
    folder = tmp_path / "j"
    world, store, _ = begun(folder, orders=40)
    store.close()
    found = recover(folder)
    assert 10 <= sum(len(block) for block in found.recent) // 16 < 20
    assert int(found.recent[-1][-16 + 1]) == world.host.exchange.state.log.seq
