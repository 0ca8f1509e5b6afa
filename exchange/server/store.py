"""What survives the server: its journal in segments, snapshots that shorten a start, and the keys of its users. All in one folder.

    000001.journal    the commands, in the format of exchange/journal.py; each segment begins with the design
    000002.snapshot   the state before segment 2: a start reads the last one and replays what follows; without it, everything
    kept-000001.snapshot  a state that the operator has kept, to go back to
    keys.json         keys and secrets of users, for the owner's eyes only
    world.json        what the world was begun with, and what it is like
    orders.json       after a rewind: what was known of the orders that are open again
    epoch.json        the epoch of the numbers of events, and whether they go on after a start

How sure an acknowledgement is (`sync`): "strict", on the disk; "batch", with the operating system, and on the disk within 10 ms: a killed
process loses nothing that it has acknowledged, a power failure the last 10 ms at most; "none", written within a second, or at its end.
A segment that a crash cut off is cut to its last whole record, and that is told. Other damage is an error that names the file and the byte.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final, Literal

import msgspec
from librt.vecs import vec
from msgspec import Struct
from mypy_extensions import i64

from ..blocks import JournalSink
from ..design.venue import VenueDesign, venue_of_json
from ..engine import Exchange, restore
from ..journal import HEAD, MAGIC, Journal, JournalError, JournalFailed, Mark, NotKept, Paid, Replay, records
from ..state.snapshot import SnapshotError
from .history.records import OrderRecord
from .people import Key

Sync = Literal["strict", "batch", "none"]
BATCH_S: Final = 0.01  # between two syncs of "batch"
NONE_ROWS: Final = 65_536  # commands that "none" gathers at most
SEGMENT_ROWS: Final = 1_000_000  # commands of a segment: a start replays no more than that
RECENT: Final = 1 << 17  # events that a start hands on, to whoever asks for what he has missed
LARGEST_DESIGN: Final = 1 << 20  # [bytes] a longer beginning of a segment is one
KEYS: Final = "keys.json"
WORLD: Final = "world.json"
EPOCH: Final = "epoch.json"
ORDERS: Final = "orders.json"
BOOT: Final = Path("/proc/sys/kernel/random/boot_id")  # another one after a power failure; Linux only


class Epoch(Struct, frozen=True):
    epoch: str
    sync: Sync
    boot: str  # "": not known
    closed: bool = False  # the server ended by itself, and everything is on the disk

    def goes_on(self, boot: str) -> bool:
        """Is all that was acknowledged in the journal, so that numbers of events mean what they meant?"""
        return self.closed or self.sync == "strict" or (self.sync == "batch" and boot == self.boot != "")


class Opened(Struct):
    """A folder as it was found."""

    exchange: Exchange
    names: dict[int, str]  # of owners
    kept: dict[int, str]  # names of the states that are kept, by number
    commands: int  # that were replayed
    dropped_bytes: int  # of a record that a crash cut off
    recent: list[vec[i64]]  # blocks of the last events, as far as they were come by
    paid: Paid  # by the faucet


class Store(JournalSink):
    """The journal of a venue that is served. Made by `begin` or `resume`."""

    __slots__ = (  # attributes in a dict below a compiled class are slow
        "_closing", "_dirty", "_epoch", "_failed", "_syncer", "commands", "file", "folder", "journal", "lock", "rows", "segment", "sync",
    )  # fmt: skip

    def __init__(self, folder: Path, sync: Sync, segment: int, file: BinaryIO, rows: int, lock: BinaryIO | None = None) -> None:
        self.lock = lock
        self.folder = folder
        self.sync = sync
        self.segment = segment
        self.rows = rows  # commands in this segment
        self.file = file
        self.journal = Journal(file, NONE_ROWS if sync == "none" else 1)
        self.commands = 0  # written since the start
        self._epoch: Epoch | None = None
        self._dirty = threading.Event()
        self._closing = False
        self._failed: OSError | None = None
        self._syncer = threading.Thread(target=self._keep_synced, name="journal", daemon=True)
        if sync == "batch":
            self._syncer.start()

    # -- as the venue sees it --

    @property
    def is_read_only(self) -> bool:
        return self.journal.is_read_only

    def start(self, venue: VenueDesign) -> None:
        """Raises JournalFailed."""
        self.journal.start(venue)

    def write(self, rows: vec[i64]) -> None:
        """Raises JournalFailed; then nothing of it is in the journal."""
        end = self.journal.end
        self.journal.write(rows)
        self._make_sure(end)
        count = len(rows) // 16
        self.rows += count
        self.commands += count

    def _make_sure(self, end: int) -> None:
        """What was written behind `end` is as sure as `sync` says. Raises JournalFailed; then it will be cut off."""
        if self.sync == "strict":
            try:
                os.fdatasync(self.file.fileno())
            except OSError as error:
                self.journal.end, self.journal.failed = end, True
                raise JournalFailed(f"{self.file.name}: {error.strerror}; it was not carried out") from error
        elif self.sync == "batch" and not self._dirty.is_set():  # asking is cheap, telling is not
            self._dirty.set()

    def _keep_synced(self) -> None:
        while not self._closing:
            self._dirty.wait()
            self._dirty.clear()
            try:
                os.fdatasync(self.file.fileno())
                self._failed = None
            except (OSError, ValueError) as error:  # ValueError: a file that was closed meanwhile
                self._failed = error if isinstance(error, OSError) else None
            time.sleep(BATCH_S)

    # -- as the server sees it --

    def trouble(self) -> str:
        """What went wrong behind the acknowledgements; "": nothing."""
        return f"{self.file.name}: {self._failed.strerror}" if self._failed is not None else ""

    def name(self, owner: int, name: str) -> None:
        """Write down who an owner is. Raises JournalFailed."""
        self._mark(Mark(owner=owner, name=name))

    def pay(self, owner: int, asset: int, amount: int) -> None:
        """Write down what the faucet has paid to an owner. Raises JournalFailed."""
        self._mark(Mark(paid_to=owner, asset=asset, amount=amount))

    def _mark(self, mark: Mark) -> None:
        end = self.journal.end
        self.journal.mark(mark)
        self._make_sure(end)

    def keep(self, mark: Mark, data: bytes) -> None:
        """Keep a state, and what belongs to it. The file is of use from when the journal has the mark. Raises OSError."""
        replace(kept_file(self.folder, mark.kept), data)
        self._mark(mark)
        if mark.forgotten:
            kept_file(self.folder, mark.forgotten).unlink(missing_ok=True)

    def kept(self, number: int) -> bytes:
        """Raises OSError."""
        return kept_file(self.folder, number).read_bytes()

    def go_back(self, number: int, epoch: str, orders: list[OrderRecord]) -> None:
        """Write down that the state is from here on the kept one, in another epoch, and what is known of the orders that are open in it.
        Raises OSError; then it is not."""
        before = self._epoch
        self._save_epoch(Epoch(epoch, self.sync, before.boot if before is not None else ""))
        try:
            self._mark(Mark(back_to=number))
        except BaseException:
            if before is not None:
                with suppress(OSError):  # a new epoch where nothing happened only lets clients look again
                    self._save_epoch(before)
            raise
        with suppress(OSError):  # then a start does not know when they came
            (self.folder / ORDERS).unlink(missing_ok=True)  # never those of another state
            replace(self.folder / ORDERS, msgspec.json.encode(orders))
        self.rows = SEGMENT_ROWS  # begin another segment soon: a start need not go this way again

    def save_keys(self, keys: dict[str, Key]) -> None:
        """Raises OSError."""
        replace(self.folder / KEYS, msgspec.json.encode(list(keys.values())), mode=0o600)

    def load_keys(self) -> list[Key]:
        path = self.folder / KEYS
        return msgspec.json.decode(path.read_bytes(), type=list[Key]) if path.exists() else []

    def load_orders(self) -> list[OrderRecord]:
        """Those that were open when the venue went back the last time; none if it never did."""
        path = self.folder / ORDERS
        try:
            return msgspec.json.decode(path.read_bytes(), type=list[OrderRecord])
        except (FileNotFoundError, msgspec.DecodeError):
            return []

    def epoch(self, new: str) -> str:
        """The epoch from now on: that of before if its numbers go on, else `new`. Raises OSError."""
        path, boot = self.folder / EPOCH, BOOT.read_text().strip() if BOOT.exists() else ""
        try:
            before = msgspec.json.decode(path.read_bytes(), type=Epoch)
        except (FileNotFoundError, msgspec.DecodeError):
            before = None
        epoch = before.epoch if before is not None and before.goes_on(boot) else new
        self._save_epoch(Epoch(epoch, self.sync, boot))
        return epoch

    def _save_epoch(self, epoch: Epoch) -> None:
        replace(self.folder / EPOCH, msgspec.json.encode(epoch))
        self._epoch = epoch

    def save_world(self, state: dict[str, object]) -> None:
        """Raises OSError."""
        path = self.folder / WORLD
        begun = msgspec.json.decode(path.read_bytes()) if path.exists() else {}
        replace(path, msgspec.json.encode({**begun, "state": state}))

    def maintain(self, exchange: Exchange) -> None:
        """Once in a while: write what is gathered; begin another segment where this one is long enough. Raises OSError."""
        self.journal.flush()
        if self.rows >= SEGMENT_ROWS:
            self.turn(exchange)

    def turn(self, exchange: Exchange) -> None:
        """Go on in another segment, with a snapshot of the state before it. Raises OSError; then this segment goes on."""
        self.journal.flush()
        os.fdatasync(self.file.fileno())
        number = self.segment + 1
        replace(self.folder / f"{number:06}.snapshot", exchange.snapshot())
        file = segment_file(self.folder, number, "xb")
        try:
            journal = Journal(file, self.journal.block_rows)
            journal.start(exchange.design)
        except BaseException:
            file.close()
            (self.folder / f"{number:06}.journal").unlink()
            raise
        old = self.file
        self.file, self.journal, self.segment, self.rows = file, journal, number, 0
        old.close()

    def close(self) -> None:
        """All is on the disk. Raises OSError."""
        self.journal.flush()
        os.fdatasync(self.file.fileno())
        self._closing = True
        self._dirty.set()
        if self._syncer.is_alive():
            self._syncer.join()
        self.file.close()
        if self._epoch is not None:
            self._save_epoch(msgspec.structs.replace(self._epoch, closed=True))
        if self.lock is not None:
            self.lock.close()


# -- files -------------------------------------------------------------------------------------------------------------------------


def segment_file(folder: Path, number: int, mode: Literal["xb", "r+b"]) -> BinaryIO:
    """Opened without a buffer, so that what was written is with the operating system."""
    file: BinaryIO = open(folder / f"{number:06}.journal", mode, buffering=0)  # noqa: SIM115
    return file


def kept_file(folder: Path, number: int) -> Path:
    return folder / f"kept-{number:06}.snapshot"


def replace(path: Path, data: bytes, mode: int = 0o644) -> None:
    """The file has these bytes, or what it had before, whatever happens meanwhile."""
    new = path.with_name(path.name + ".new")
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(new, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def segments(folder: Path) -> list[int]:
    """Their numbers, rising. Raises JournalError if one is missing."""
    found = sorted(int(path.stem) for path in folder.glob("*.journal") if path.stem.isdecimal())
    for expected, number in enumerate(found, start=1):
        if expected != number:
            raise JournalError(f"{folder}: segment {expected:06}.journal is missing")
    return found


def is_begun(path: Path) -> bool:
    """Has the segment its design? One that has not was cut off while it was made, and never held anything. Raises JournalError."""
    with path.open("rb") as file:
        data = file.read(LARGEST_DESIGN)
    if len(data) < len(MAGIC) and MAGIC.startswith(data):
        return False
    return len(data) == LARGEST_DESIGN or next(records(data, str(path)), None) is not None


def has_journal(folder: Path) -> bool:
    """Is there one to go on with? Raises JournalError."""
    numbers = segments(folder)
    return bool(numbers) and (len(numbers) > 1 or is_begun(folder / f"{numbers[0]:06}.journal"))


def locked(folder: Path) -> BinaryIO:
    """Holds the folder as long as it is open: two servers would write one journal. Raises JournalError, OSError."""
    file = (folder / "lock").open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise JournalError(f"{folder}: another server is running with this journal") from None
    return file


def clear(folder: Path) -> int:
    """Take away the last segment if it was cut off while it was made; how many bytes it had. Raises JournalError, OSError."""
    numbers = segments(folder)
    path = folder / f"{numbers[-1]:06}.journal" if numbers else None
    if path is None or is_begun(path):
        return 0
    size = path.stat().st_size
    path.unlink()
    return size


def begin(folder: Path, sync: Sync) -> Store:
    """A new journal. Raises JournalError for a folder that has one, OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = locked(folder)
    if has_journal(folder):
        raise JournalError(f"{folder}: holds a journal already")
    clear(folder)
    return Store(folder, sync, 1, segment_file(folder, 1, "xb"), 0, lock)


# -- reading ---------------------------------------------------------------------------------------------------------------------


def resume(folder: Path, sync: Sync, design: VenueDesign | None, progress: Callable[[float], None]) -> tuple[Store, Opened]:
    """The venue as its journal leaves it, and the journal to go on with. `design`, if given, must be that of the journal; `progress` hears
    the share that is replayed. Raises JournalError."""
    lock = locked(folder)
    lost = clear(folder)
    found = recover(folder, design, progress)
    found.dropped_bytes += lost
    last = segments(folder)[-1]
    path = folder / f"{last:06}.journal"
    file = segment_file(folder, last, "r+b")
    whole = path.stat().st_size - found.dropped_bytes + lost
    file.truncate(whole)
    file.seek(whole)
    store = Store(folder, sync, last, file, found.commands, lock)
    return store, found


def recover(
    folder: Path, design: VenueDesign | None = None, progress: Callable[[float], None] = lambda share: None, whole: bool = False
) -> Opened:
    """Snapshot and replay, changing no file; `whole`: without snapshots, every command anew. Raises JournalError."""
    try:
        return recovered(folder, design, progress, whole)
    except NotKept:
        if whole:
            raise
        return recovered(folder, design, progress, whole=True)


def recovered(folder: Path, design: VenueDesign | None, progress: Callable[[float], None], whole: bool) -> Opened:
    """The same; raises NotKept where the last snapshot is not enough."""
    numbers = segments(folder)
    unmade = 0
    if len(numbers) > 1 and not is_begun(folder / f"{numbers[-1]:06}.journal"):
        unmade = (folder / f"{numbers.pop():06}.journal").stat().st_size
    if not numbers:
        raise JournalError(f"{folder}: holds no journal")
    if design is not None:
        check_design(folder / f"{numbers[0]:06}.journal", design)
    exchange, first = (None, 1) if whole else from_snapshot(folder, numbers[-1])
    replay = None if exchange is None else Replay(exchange, RECENT)
    dropped = 0
    sizes = {number: (folder / f"{number:06}.journal").stat().st_size for number in numbers}
    total, done = sum(size for number, size in sizes.items() if number >= first) or 1, 0
    for number in numbers:
        path = folder / f"{number:06}.journal"
        data = path.read_bytes()
        at = len(MAGIC)
        for place, (rows, payload) in enumerate(records(data, str(path))):
            at += HEAD.size + len(payload)
            if place == 0:
                replay = replay or Replay(Exchange(venue_of_json(payload, str(path))), RECENT)
                continue
            assert replay is not None
            if number >= first:
                replay.take(rows, payload, str(path))
                progress((done + at) / total)
            elif rows == 0:
                replay.note(payload, str(path))
        dropped = len(data) - at
        if dropped and number != numbers[-1]:
            raise JournalError(f"{path}: ends at byte {at} in the midst of a record, and a later segment follows")
        done += sizes[number] if number >= first else 0
    if replay is None:
        raise JournalError(f"{folder}: holds no design")
    progress(1.0)
    return Opened(replay.exchange, replay.names, replay.kept, replay.commands, dropped + unmade, list(replay.recent), replay.paid)


def from_snapshot(folder: Path, last: int) -> tuple[Exchange | None, int]:
    """The newest snapshot that this perplab can read, and the segment behind it; None and 1 if there is none. One without its segment is of
    a turn that failed: the segment before it may have gone on."""
    for number in range(last, 1, -1):
        path = folder / f"{number:06}.snapshot"
        if path.exists():
            try:
                return restore(path.read_bytes()), number
            except SnapshotError:
                continue  # of another version: the journal has all that it had
    return None, 1


def check_design(path: Path, design: VenueDesign) -> None:
    """Raises JournalError, which names the first difference, if a journal is of another design."""
    header = next(records(path.read_bytes(), str(path)), None)
    if header is None:
        raise JournalError(f"{path}: holds no design")
    held, asked = msgspec.json.decode(header[1]), msgspec.json.decode(design.to_json())
    for key, there, here in differences("", held, asked):
        raise JournalError(f"{path}: was written by another design: {key} is {there!r} there and {here!r} in the one asked for")


def differences(at: str, one: object, other: object) -> Iterator[tuple[str, object, object]]:
    """Key, and what it is in each, wherever two designs differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted({*one, *other}):
            yield from differences(f"{at}.{key}".lstrip("."), one.get(key), other.get(key))
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for number, (a, b) in enumerate(zip(one, other, strict=True)):
            yield from differences(f"{at}[{number}]", a, b)
    elif one != other:
        yield at, one, other
