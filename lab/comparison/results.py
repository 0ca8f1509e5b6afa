"""The folder of a comparison's results: who may write into it, what is written when, and what is cleared away.

Rules of the file: a file is there whole or not at all, and what cannot be written is said with the file's name. Journals of runs that are
done lie in `unfinished/` until all are; only then do they and the report take the place of what an earlier comparison left, which stays
until they can. Nothing is removed but what a comparison wrote: its own report files by name, and journals that are named, and begin, as it
names and begins them.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from perplab.exchange.journal import JournalError, records

JOURNALS, UNFINISHED, LOCK = "journals", "unfinished", ".perplab.lock"  # a name that nobody else gives to a file
REPORT, PICTURE, TIMINGS = "report.json", "report.svg", "timings.json"
WHO_PAID, CURVES, PAGE = "who_paid.svg", "curves.svg", "report.html"
FIGURES: Final = tuple(f"figures/{name}.png" for name in ("price", "market", "who_paid", "seeds"))
WRITTEN: Final = (REPORT, PICTURE, TIMINGS, WHO_PAID, CURVES, PAGE, *FIGURES)  # by a comparison, besides journals
NAME: Final = re.compile(r"(?P<venue>[^@]+)(@(?P<path>[^@]+))?-seed(?P<seed>\d+)\.journal", re.DOTALL)  # no name has an @
HEADER_BYTES: Final = 1 << 20  # of a journal, in which its design is
PART: Final = ".part"  # what a file is called while it is written


class FolderInUse(ValueError):
    """Another comparison writes into the folder; the message is complete."""


def journal_name(venue: str, seed: int, path: str = "") -> str:
    return f"{in_file_name(venue)}{'@' if path else ''}{path}-seed{seed}.journal"


def in_file_name(venue: str) -> str:
    """A design's name as files have it: one with an account structure has a slash, and no name has a tilde."""
    return venue.replace("/", "~")


def write_file(path: Path, data: bytes | str, lasting: bool = False) -> None:
    """Write a file, whole or not at all; `lasting`: it is on the disk, under its name, when this returns. OSError names it."""
    part = path.with_name(path.name + PART)
    try:
        part.write_bytes(data.encode() if isinstance(data, str) else data)
        if lasting:
            sync(part)
        part.replace(path)
        if lasting:
            sync(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink()
        raise OSError(error.errno, error.strerror or str(error), str(path)) from None


def sync(path: Path) -> None:
    """Put a file, or the names in a folder, on the disk."""
    if sys.platform == "win32" and path.is_dir():  # which cannot open one
        return
    place = os.open(path, os.O_RDONLY if sys.platform != "win32" else os.O_RDWR)
    try:
        os.fsync(place)
    finally:
        os.close(place)


# -- the lock --


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder for one comparison. The lock is the system's: it goes when its process does, however that ends.

    `unfinished/` goes with it where nothing is in it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / LOCK
    file = _open_locked(path, folder)
    try:
        with contextlib.suppress(OSError):  # who has it is a courtesy
            os.ftruncate(file, 0)
            os.write(file, f"{os.getpid()}\n".encode())
        yield
    finally:
        with contextlib.suppress(OSError):  # there is none, or something is in it
            (folder / UNFINISHED).rmdir()
        with contextlib.suppress(OSError):
            path.unlink()
        os.close(file)


def _open_locked(path: Path, folder: Path) -> int:
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            _lock(file)
        except (BlockingIOError, PermissionError):
            holder = os.read(file, 20).decode("ascii", "replace").strip()
            os.close(file)
            whose = f"process {holder}" if holder else "another process"
            raise FolderInUse(f"{folder}: in use by a comparison that runs ({whose}): wait for it, or choose another --out") from None
        except OSError as error:  # a file system without locks
            os.close(file)
            raise OSError(error.errno, error.strerror, str(path)) from None
        with contextlib.suppress(OSError):
            if os.path.samestat(os.fstat(file), os.stat(path)):
                return file
        os.close(file)  # its holder removed it before we had it: begin anew


def _lock(file: int) -> None:
    """OSError if another process has it."""
    if sys.platform == "win32":
        import msvcrt

        os.lseek(file, 1 << 20, os.SEEK_SET)  # beyond the text, which stays readable
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        os.lseek(file, 0, os.SEEK_SET)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


# -- what is in it --


def begin(folder: Path) -> Path:
    """Make an empty `unfinished/` for the journals of this comparison, and return it. OSError if results have no room in the folder."""
    _must_have_room(folder, WRITTEN, ())
    unfinished = folder / UNFINISHED
    unfinished.mkdir(exist_ok=True)
    _clear(unfinished, ())
    return unfinished


def finish(folder: Path, files: Mapping[str, str], journals: Sequence[str]) -> None:
    """Put the journals and then the report files in the place of what an earlier comparison left.

    OSError, and all of that is still there, if there is no room for one of them or one was not written.
    """
    unfinished, kept = folder / UNFINISHED, folder / JOURNALS
    try:
        for name, text in files.items():  # first, so that a full disk leaves the earlier results whole
            write_file(unfinished / name, text)
        _must_have_room(folder, files, journals)
        for name in journals:
            (unfinished / name).stat()
        kept.mkdir(exist_ok=True)
    except OSError:
        _remove_reports(unfinished, WRITTEN)
        raise
    for name in journals:
        (unfinished / name).replace(kept / name)
    for name in sorted(files, key=lambda name: name == REPORT):  # the report last: where it is new, all it names is
        (unfinished / name).replace(folder / name)
    _clear(kept, set(journals))
    _remove_reports(folder, set(WRITTEN) - set(files))


def _must_have_room(folder: Path, files: Iterable[str], journals: Iterable[str]) -> None:
    """OSError if something of another kind has the name of what is to be written."""
    kept = folder / JOURNALS
    if kept.is_symlink() or kept.exists():
        kept.stat()  # a link that leads nowhere
        if not kept.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "is a file, expected a folder, or none yet", str(kept))
    for path in (*(folder / name for name in files), *(kept / name for name in journals)):
        if path.is_dir() and not path.is_symlink():
            raise IsADirectoryError(errno.EISDIR, "is a folder, expected a file, or none yet", str(path))


def kept_journals(folder: Path) -> int:
    """How many journals of runs that are done lie in `unfinished/`."""
    unfinished = folder / UNFINISHED
    return sum(is_ours(path) for path in unfinished.iterdir()) if unfinished.is_dir() else 0


def _clear(folder: Path, but: Iterable[str]) -> None:
    """Remove our journals, and halves of files that a killed process left."""
    for path in sorted(folder.iterdir()):
        half = path.name.removesuffix(PART)
        is_half = half != path.name and (NAME.fullmatch(half) or half in WRITTEN)
        if path.name not in but and not path.is_symlink() and path.is_file() and (is_half or is_ours(path)):
            path.unlink()
    if folder.name == UNFINISHED:
        _remove_reports(folder, WRITTEN)


def _remove_reports(folder: Path, names: Iterable[str]) -> None:
    for name in names:
        (folder / name).unlink(missing_ok=True)


def is_ours(path: Path) -> bool:
    """Whether a file is a journal that a comparison wrote: named after a venue, path and seed, and that venue's journal."""
    named = NAME.fullmatch(path.name)
    return named is not None and path.is_file() and in_file_name(_venue_of(path) or "") == named["venue"]


def _venue_of(path: Path) -> str | None:
    """The name of the design in a journal, None if it is none."""
    with path.open("rb") as file:
        start = file.read(HEADER_BYTES)
    try:
        header = next(records(start, path.name), None)
        return msgspec.json.decode(header[1], type=_Design).name if header else None
    except (JournalError, msgspec.MsgspecError, UnicodeDecodeError):
        return None


class _Design(msgspec.Struct):
    name: str
