"""Kline files: bars of real markets in the format of the Binance archive.

Rules: a file is read whole or refused, with its name, the row (the line's number, from 1) and what was expected.
Nothing is repaired, sorted or filled in. Volumes and the other columns beyond the prices are not looked at, nor is an
index in front of the time, which pandas writes under an empty name.
"""

from __future__ import annotations

import csv
import gzip
import io
import lzma
import math
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from itertools import chain, pairwise
from pathlib import Path
from typing import Final, NamedTuple, NoReturn

import numpy as np

from perplab.oracle.bars import PRICE_NAMES, Bar, Bars, wrong_range
from perplab.oracle.values import MAX_NS, MAX_PRICE, MIN_PRICE, MINUTE_NS, SECOND_NS, PathError, whole

MAX_FILE_BYTES: Final = 256 * 2**20  # unpacked: four years of one-minute bars; a packed file cannot fill the memory
KLINE_COLUMNS: Final = (6, 12)  # open time .. volume, or all the columns of the Binance archive
CLOSE_TIME: Final = 6  # column of the close time, where there are twelve
HEADER: Final = (*PRICE_NAMES, "volume")  # columns 1 to 5; column 0 is some spelling of "open time"
INDEX_NAMES: Final = ("", "index", "unnamed: 0")  # of a column in front of it that is left out: what pandas calls its index
BLANK: Final = " \t\r\n\v\f"  # str.strip() would take the separators of binary files too
CONTROL: Final = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f]")  # what no text has; blanks are none
NO_FILE: Final = (  # what the standard library raises for archives that are none, or are damaged
    OSError, EOFError, ValueError, OverflowError, NotImplementedError, RuntimeError,
    struct.error, zlib.error, lzma.LZMAError, zipfile.BadZipFile,
)  # fmt: skip

# The size of an archive time tells its unit: milliseconds of 1973 to 5138, or microseconds from 1973 on.
MS_FROM: Final = 10**11
US_FROM: Final = 10**14
MAX_DIGITS: Final = 19  # microseconds of MAX_NS have 16; bounds the work on a row of nothing but digits
MAX_SHOWN: Final = 80  # characters of the file in one message


class _Record(NamedTuple):
    """One line of the file, split at its commas."""

    number: int  # line in the file, from 1
    fields: list[str]


class _Shape(NamedTuple):
    """What the first line says of all of them."""

    columns: int
    skip: int  # columns in front of the time, an index
    header: bool


class _Row(NamedTuple):
    """One parsed line of a kline file."""

    number: int  # line in the file, from 1
    open_ns: int
    bar: Bar


def replay(file: str | Path, bar_ns: int | None = None) -> Bars:
    """The bars of a Binance-format kline file: .csv, .csv.gz, or .zip holding one .csv; 6 or 12 columns, header or not.

    Fields may be quoted. A header may name one column more, in front: an index, called "", "index" or "Unnamed: 0".
    Times are milliseconds or, as in the archive since 2025, microseconds. Without `bar_ns` [ns] the bar length is the
    first row's close time less its open time or, with 6 columns, the shortest step between rows. PathError names file
    and row: a gap, duplicate or unsorted row, a wrong column count, text for a number, a price that is not finite and
    positive, a high or low that does not enclose open and close.
    """
    path = Path(file)
    records = _records(path, _read_text(path))
    first = next(records)
    shape = _shape(path, first)
    body = records if shape.header else chain([first], records)
    opening = next(body, None)
    if opening is None:
        _refuse(path, first.number, "only a header", "at least one row after it")
    rows = [_parse(path, record, shape) for record in chain([opening], body)]
    if bar_ns is None:
        bar_ns = _bar_length(path, rows, opening.fields[shape.skip :])
    _check_steps(path, rows, whole(PathError, "bar_ns", bar_ns, 1, MAX_NS))
    prices = np.array([row.bar for row in rows]).T
    open_ns = np.array([row.open_ns for row in rows])
    return Bars(open_ns, bar_ns, prices[0], prices[1], prices[2], prices[3], path.name)


def _shown(field: str) -> str:
    """A piece of the file for a message: a line of garbage may be as long as the file."""
    return repr(field if len(field) <= MAX_SHOWN else field[:MAX_SHOWN] + "...")


def _refuse(path: Path, row: int, found: str, expected: str) -> NoReturn:
    raise PathError(f"{path}: row {row}: {found}, expected {expected}")


def _read_text(path: Path) -> str:
    """The text of the file, unpacked, less blanks at its end; PathError if it cannot be read, is no text or holds none."""
    try:
        data = _read_bytes(path)
    except PathError:
        raise
    except NO_FILE as cause:
        raise PathError(f"{path}: cannot be read: {getattr(cause, 'strerror', None) or cause}") from cause
    if len(data) > MAX_FILE_BYTES:
        raise PathError(f"{path}: more than {MAX_FILE_BYTES} bytes unpacked, expected at most that")
    try:
        text = data.decode("utf-8-sig").rstrip(BLANK)
    except UnicodeDecodeError as cause:
        _refuse(path, data.count(b"\n", 0, cause.start) + 1, f"byte {cause.start} is not UTF-8 text", "a CSV file")
    if not text:
        raise PathError(f"{path}: the file is empty, expected rows of 6 or 12 columns")
    if control := CONTROL.search(text):
        row = text.count("\n", 0, control.start()) + 1
        _refuse(path, row, f"the control character {control.group()!r} is no text", "a CSV file")
    return text


def _records(path: Path, text: str) -> Iterator[_Record]:
    """The lines of the file, as CSV with or without quotes; PathError at the line that is none."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, skipinitialspace=True)
    number = 1
    while True:
        try:
            fields = next(reader, None)
        except csv.Error as cause:
            _refuse(path, number, f"no CSV, {cause}", "fields separated by commas, with quotes around whole fields")
        if fields is None:
            return
        if reader.line_num > number:
            _refuse(path, number, "a quote that goes on in the next line", "a row on each line")
        yield _Record(number, [field.strip() for field in fields])
        number += 1


def _read_bytes(path: Path) -> bytes:
    """The file's content, unpacked by its suffix, cut one byte past the limit."""
    suffix = path.suffix.lower()
    if suffix == ".zip":
        with zipfile.ZipFile(path) as archive, archive.open(_one_csv(path, archive)) as member:
            return member.read(MAX_FILE_BYTES + 1)
    if suffix == ".gz":
        with gzip.open(path) as packed:
            return packed.read(MAX_FILE_BYTES + 1)
    if suffix == ".csv":
        with path.open("rb") as plain:
            return plain.read(MAX_FILE_BYTES + 1)
    raise PathError(f"{path}: suffix {suffix!r}, expected .csv, .csv.gz or .zip")


def _one_csv(path: Path, archive: zipfile.ZipFile) -> str:
    names = [name for name in archive.namelist() if name.lower().endswith(".csv") and not name.startswith("__MACOSX/")]
    if len(names) != 1:
        raise PathError(f"{path}: holds {len(names)} .csv files, expected one")
    return names[0]


def _shape(path: Path, first: _Record) -> _Shape:
    """Columns, index and header. The header's order is checked: a file with close before open is refused."""
    names = [field.lower() for field in first.fields]
    index = int(len(names) - 1 in KLINE_COLUMNS and names[0] in INDEX_NAMES)
    if len(names) - index not in KLINE_COLUMNS:
        more = "; a column in front of the time needs a header in which its name is empty" if len(names) - 1 in KLINE_COLUMNS else ""
        _refuse(path, first.number, _columns(len(names)), f"6 or 12 columns, separated by commas{more}")
    header = not names[0][:1].isdigit()
    if header and ("time" not in names[index] or tuple(names[index + 1 : index + CLOSE_TIME]) != HEADER):
        expected = "a row that starts with a time, or a header open_time,open,high,low,close,volume"
        _refuse(path, first.number, _shown(",".join(first.fields)), expected)
    return _Shape(len(names), index, header)


def _columns(count: int) -> str:
    return "an empty line" if count == 0 else "1 column" if count == 1 else f"{count} columns"


def _parse(path: Path, record: _Record, shape: _Shape) -> _Row:
    """One line as a row whose prices are sound; PathError names it if it is not one."""
    number, fields = record
    if len(fields) != shape.columns:
        _refuse(path, number, _columns(len(fields)), f"{shape.columns}, as in row 1")
    fields = fields[shape.skip :]
    open_ns = _time_ns(path, number, "open time", fields[0])
    bar = Bar(*(_price(path, number, name, field) for name, field in zip(PRICE_NAMES, fields[1:5], strict=True)))
    wrong = wrong_range(bar)
    if wrong:
        raise PathError(f"{path}: row {number}: {wrong}")
    return _Row(number, open_ns, bar)


def _time_ns(path: Path, number: int, name: str, field: str) -> int:
    """An archive time in ns; the size of the number tells milliseconds from microseconds."""
    time = int(field) if field.isascii() and field.isdigit() and len(field) <= MAX_DIGITS else 0
    time_ns = time * (10**6 if time < US_FROM else 10**3)
    if time < MS_FROM or time_ns > MAX_NS:
        _refuse(
            path, number, f"{name} {_shown(field)}", "whole milliseconds or microseconds since 1970, of 1973 to 2116"
        )
    return time_ns


def _price(path: Path, number: int, name: str, field: str) -> float:
    try:
        price = float(field.replace("_", "?"))  # float() would read 1_0 as 10
    except ValueError:
        price = math.nan
    if not MIN_PRICE <= price <= MAX_PRICE:
        _refuse(path, number, f"{name} {_shown(field)}", f"a price from {MIN_PRICE:g} to {MAX_PRICE:g}")
    return price


def _bar_length(path: Path, rows: list[_Row], fields: list[str]) -> int:
    """The bar length [ns] that the file itself states, in the fields of its first row, or shows."""
    first = rows[0]
    if len(fields) > CLOSE_TIME:
        close_ns = _time_ns(path, first.number, "close time", fields[CLOSE_TIME])
        # The archive's close time is the bar's last millisecond or microsecond: up to the next whole second.
        length = -((first.open_ns - close_ns) // SECOND_NS) * SECOND_NS
        if length < 1:
            _refuse(path, first.number, f"close time {_shown(fields[CLOSE_TIME])}", "one after the open time")
        return length
    if len(rows) == 1:
        _refuse(path, first.number, "the only row", "two, or 12 columns, or bar_ns, to know the bar length")
    times = sorted({row.open_ns for row in rows})
    return min((after - before for before, after in pairwise(times)), default=MINUTE_NS)  # none: all are duplicates


def _check_steps(path: Path, rows: list[_Row], bar_ns: int) -> None:
    """Each row opens exactly one bar after the row before it."""
    for before, row in pairwise(rows):
        step = row.open_ns - before.open_ns
        if step == bar_ns:
            continue
        fault = "a gap" if step > bar_ns else "early" if step > 0 else "a duplicate" if step == 0 else "unsorted"
        found = f"{fault}: it opens {step / SECOND_NS:g} s after row {before.number}"
        _refuse(path, row.number, found, f"{bar_ns / SECOND_NS:g} s, one bar")
