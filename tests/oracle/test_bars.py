"""Bars and kline files: what is read, and how each fault of a file is named."""

import gzip
import io
import math
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perplab.oracle.bars import Bar, Bars
from perplab.oracle.paths import PathError, replay, waypoints
from perplab.oracle.values import MINUTE_NS

HEADER = "open_time,open,high,low,close,volume"
TAIL = "close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore"
START = 1_760_054_400_000  # [ms] 2025-10-10 00:00 UTC
ROWS = [
    f"{START},100,110,90,105,1",
    f"{START + 60_000},105,120,104,118,2",
    f"{START + 120_000},118,119,60,61.5,3",
]


def write(folder: Path, lines: list[str], name: str = "bars.csv") -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n")
    return path


def twelve(lines: list[str], scale: int = 1) -> list[str]:
    full = []
    for line in lines:
        time, rest = line.split(",", 1)
        full.append(f"{int(time) * scale},{rest},{(int(time) + 60_000) * scale - 1},0,60,0,0,0")
    return full


def seen(bars: Bars) -> tuple[object, ...]:
    columns = (bars.open_ns, bars.open, bars.high, bars.low, bars.close)
    return bars.bar_ns, *(column.tolist() for column in columns)


EXPECTED = (
    MINUTE_NS,
    [START * 10**6 + index * MINUTE_NS for index in range(3)],
    [100.0, 105.0, 118.0],
    [110.0, 120.0, 119.0],
    [90.0, 104.0, 60.0],
    [105.0, 118.0, 61.5],
)


def utc(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 10**9


# Bars -----------------------------------------------------------------------------------------------------------------


def test_bars_of_a_table() -> None:
    bars = Bars.of([(1.0, 3.0, 0.5, 2.0), (2, 2, 2, 2)], 600, 60, "typed")
    assert (len(bars), bars.start_ns, bars.end_ns, bars.source) == (2, 600, 720, "typed")
    assert bars[0] == Bar(open=1.0, high=3.0, low=0.5, close=2.0)
    assert bars[-1] == bars[1] == Bar(2.0, 2.0, 2.0, 2.0)


def test_window_keeps_the_bars_that_open_in_it() -> None:
    bars = Bars.of([(float(price),) * 4 for price in range(1, 6)], 600, 60, "typed")
    assert bars.window(660, 780).open.tolist() == [2.0, 3.0]
    assert bars.window(601, 721).open.tolist() == [2.0, 3.0]
    assert bars.window(0, 10**9).open.tolist() == bars.open.tolist()
    for empty in [(0, 600), (900, 10**9), (700, 700), (720, 660)]:
        with pytest.raises(PathError, match=r"typed: no bar opens in .* expected a part of \[600, 900\)"):
            bars.window(*empty)


def test_worst_minute_is_relative_to_the_high_and_the_first_of_equals() -> None:
    bars = Bars.of([(10, 10, 9, 9), (100, 100, 80, 90), (100, 100, 80, 90), (1000, 1000, 900, 900)], 0, 60, "typed")
    assert bars.worst_minute() == 1


@given(st.lists(st.lists(st.floats(0.01, 1e6), min_size=4, max_size=4), min_size=1, max_size=5), st.floats(0.01, 1e6))
def test_rescaled_bars_are_sound_and_open_exactly_there(rows: list[list[float]], first: float) -> None:
    bars = Bars.of([(row[1], max(row), min(row), row[2]) for row in rows], 0, 60, "typed")
    scaled = bars.rescaled(first)
    assert scaled.open[0] == first
    assert scaled.high / scaled.low == pytest.approx(bars.high / bars.low)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "shape"),
        ([(1.0, 1.0, 1.0)], r"bar 0: \(1.0, 1.0, 1.0\) given, expected open, high, low, close"),
        ([(1.0,) * 4, (1.0, 1.0, 1.0, -1.0)], "bar 1 close: -1.0 given, expected a number from"),
        ([(1.0, math.nan, 1.0, 1.0)], "bar 0 high: nan given"),
        ([(1.0,) * 4, (2.0, 1.5, 1.0, 1.0)], "bar 1: high 1.5 is below 2.0, expected high >= open and close"),
        ([(2.0, 3.0, 1.5, 1.0)], "bar 0: low 1.5 is above 1.0, expected low <= open and close"),
    ],
)
def test_wrong_tables_are_refused(rows: list[tuple[float, ...]], message: str) -> None:
    with pytest.raises(PathError, match=message):
        Bars.of(rows, 0, 60, "typed")


def test_wrong_arrays_are_refused() -> None:
    one, two = np.array([1.0]), np.array([1.0, 1.0])
    with pytest.raises(PathError, match=r"open_ns\[1\]: 61 given, expected 60, as bar 0 ends"):
        Bars(np.array([0, 61]), 60, two, two, two, two, "typed")
    with pytest.raises(PathError, match="low: 1 given, expected one per bar, 2"):
        Bars(np.array([0, 60]), 60, two, two, one, two, "typed")
    with pytest.raises(PathError, match="source: '' given, expected a text"):
        Bars.of([(1.0,) * 4], 0, 60, "")
    with pytest.raises(PathError, match="first_open: 0 given"):
        Bars.of([(1.0,) * 4], 0, 60, "typed").rescaled(0)


# Reading --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("columns", ["6", "12 ms", "12 us"])
@pytest.mark.parametrize("packing", ["csv", "csv.gz", "zip"])
def test_every_format_reads_the_same(tmp_path: Path, packing: str, columns: str, header: bool) -> None:
    lines = ROWS if columns == "6" else twelve(ROWS, 1_000 if columns == "12 us" else 1)
    if header:
        lines = [HEADER if columns == "6" else f"{HEADER},{TAIL}", *lines]
    path, content = tmp_path / f"bars.{packing}", "\n".join(lines).encode()
    if packing == "csv":
        path.write_bytes(content)
    elif packing == "csv.gz":
        path.write_bytes(gzip.compress(content))
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("inner.csv", content)
    bars = replay(path)
    assert seen(bars) == EXPECTED
    assert bars.source == path.name
    assert seen(replay(str(path), MINUTE_NS)) == EXPECTED


def test_harmless_variations_are_read(tmp_path: Path) -> None:
    spaced = [", ".join(line.split(",")) for line in ROWS]
    path = tmp_path / "bars.CSV"
    path.write_bytes(
        b"\xef\xbb\xbfOpen time,Open,High,Low,Close,Volume\r\n" + "\r\n".join(spaced).encode() + b"\r\n\r\n"
    )
    assert seen(replay(path)) == EXPECTED


def quoted(lines: list[str]) -> list[str]:
    return [",".join(f'"{field}"' for field in line.split(",")) for line in lines]


@pytest.mark.parametrize("columns", [6, 12])
@pytest.mark.parametrize("name", ["", "index", "Unnamed: 0"])
def test_an_index_in_front_of_the_time_is_left_out(tmp_path: Path, name: str, columns: int) -> None:
    """pandas' to_csv() writes one, under an empty name, unless it is told not to."""
    lines = [HEADER, *ROWS] if columns == 6 else [f"{HEADER},{TAIL}", *twelve(ROWS)]
    indexed = [f"{index},{line}" for index, line in zip([name, "0", "1", "2"], lines, strict=True)]
    assert seen(replay(write(tmp_path, indexed))) == EXPECTED
    assert seen(replay(write(tmp_path, quoted(indexed)))) == EXPECTED


def test_quoted_fields_are_read(tmp_path: Path) -> None:
    for lines in (ROWS, [HEADER, *ROWS], twelve(ROWS), [f"{HEADER},{TAIL}", *twelve(ROWS)]):
        assert seen(replay(write(tmp_path, quoted(lines)))) == EXPECTED
    mixed = [ROWS[0].replace("100", '"100"'), ROWS[1].replace("105,", '"105", '), ROWS[2]]
    assert seen(replay(write(tmp_path, mixed))) == EXPECTED


def test_one_row_of_twelve_columns_knows_its_length(tmp_path: Path) -> None:
    assert seen(replay(write(tmp_path, twelve(ROWS[:1]))))[0] == MINUTE_NS
    assert replay(write(tmp_path, ROWS[:1]), bar_ns=MINUTE_NS).bar_ns == MINUTE_NS


def change(row: int, column: int, field: str) -> list[str]:
    fields = [line.split(",") for line in ROWS]
    fields[row][column] = field
    return [HEADER, *(",".join(line) for line in fields)]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            [HEADER, ROWS[0], ROWS[2], f"{START + 180_000},61,62,60,61,1"],
            "row 3: a gap: it opens 120 s after row 2, expected 60 s, one bar",
        ),
        ([HEADER, ROWS[0], ROWS[1], ROWS[1]], "row 4: a duplicate: it opens 0 s after row 3"),
        ([ROWS[0], ROWS[2], ROWS[1]], "row 2: a gap: it opens 120 s after row 1, expected 60 s"),
        ([ROWS[1], ROWS[2], ROWS[0]], "row 3: unsorted: it opens -120 s after row 2, expected 60 s"),
        ([ROWS[2], ROWS[1], ROWS[0]], "row 2: unsorted: it opens -60 s after row 1"),
        ([ROWS[1], ROWS[1]], "row 2: a duplicate: it opens 0 s after row 1, expected 60 s"),
        ([HEADER, ROWS[0], ROWS[1] + ",9"], "row 3: 7 columns, expected 6, as in row 1"),
        ([HEADER, ROWS[0], "", ROWS[1]], "row 3: an empty line, expected 6, as in row 1"),
        ([HEADER, ROWS[0], "x", ROWS[1]], "row 3: 1 column, expected 6, as in row 1"),
        ([f"{START},1,2,1"], "row 1: 4 columns, expected 6 or 12 columns"),
        ([f"{HEADER},{TAIL}", *ROWS], "row 2: 6 columns, expected 12, as in row 1"),
        ([HEADER], "row 1: only a header, expected at least one row after it"),
        ([""], "the file is empty, expected rows of 6 or 12 columns"),
        ([" \t\v\f", "", "  "], "the file is empty, expected rows of 6 or 12 columns"),
        (["\x1c\x1d"], r"row 1: the control character '\\x1c' is no text, expected a CSV file"),
        ([*ROWS, "\x00"], r"row 4: the control character '\\x00' is no text, expected a CSV file"),
        (["no bars here"], "row 1: 1 column, expected 6 or 12 columns, separated by commas"),
        ([line.replace(",", ";") for line in ROWS], "row 1: 1 column, expected 6 or 12 columns, separated by commas"),
        ([ROWS[0], ROWS[1].replace("105", '"105')], "row 2: no CSV, unexpected end of data, expected fields separated by commas"),
        ([ROWS[0], ROWS[1].replace("105", '"1"05')], "row 2: no CSV, ',' expected after '\"', expected fields separated by commas"),
        ([ROWS[0].replace("100", '"1\n00"'), *ROWS[1:]], "row 1: a quote that goes on in the next line, expected a row on each line"),
        ([f"0,{ROWS[0]}", f"1,{ROWS[1]}"], "row 1: 7 columns, expected 6 or 12 .* a header in which its name is empty"),
        ([f",{HEADER}", f"0,{ROWS[0]}", ROWS[1]], "row 3: 6 columns, expected 7, as in row 1"),
        ([f",{HEADER}"], "row 1: only a header, expected at least one row after it"),
        ([f"note,{HEADER}", f"0,{ROWS[0]}"], "row 1: 7 columns, expected 6 or 12 columns"),
        ([",open,high,low,close,volume", *ROWS], "row 1: ',open,high,low,close,volume', expected a row that starts with a time"),
        (
            ["open_time,close,high,low,open,volume", *ROWS],
            "row 1: 'open_time,close.*expected a row that starts with a ti",
        ),
        (["x,100,110,90,105,1", *ROWS], "row 1: 'x,100.*expected a row that starts with a time"),
        ([HEADER, HEADER, *ROWS], "row 2: open time 'open_time', expected whole milliseconds or microseconds"),
        (change(1, 0, "1760054460"), "row 3: open time '1760054460', expected whole milliseconds"),
        (change(1, 0, "1760054460000.0"), r"row 3: open time '1760054460000\.0'"),
        (change(1, 0, "1760054460000000000"), "row 3: open time '1760054460000000000'"),
        (change(1, 0, "9" * 5_000), r"row 3: open time '9{80}\.\.\.', expected"),
        (change(0, 0, "-5"), "row 2: open time '-5'"),
        (change(2, 1, "abc"), "row 4: open 'abc', expected a price from 1e-12 to 1e[+]15"),
        (change(2, 2, "nan"), "row 4: high 'nan', expected a price"),
        (change(2, 3, "-inf"), "row 4: low '-inf', expected a price"),
        (change(2, 4, "0"), "row 4: close '0', expected a price"),
        (change(2, 4, ""), "row 4: close '', expected a price"),
        (change(2, 4, "6_1"), "row 4: close '6_1', expected a price"),
        (change(0, 2, "104"), r"row 2: high 104\.0 is below 105\.0, expected high >= open and close"),
        (change(0, 3, "101"), r"row 2: low 101\.0 is above 100\.0, expected low <= open and close"),
        (ROWS[:1], "row 1: the only row, expected two, or 12 columns, or bar_ns"),
        ([f"{ROWS[0]},{START - 1},0,0,0,0,0"], "row 1: close time '1760054399999', expected one after the open time"),
        ([f"{ROWS[0]},soon,0,0,0,0,0"], "row 1: close time 'soon', expected whole milliseconds"),
    ],
)
def test_faults_are_named_with_file_and_row(tmp_path: Path, lines: list[str], message: str) -> None:
    path = write(tmp_path, lines)
    with pytest.raises(PathError, match=message) as caught:
        replay(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_a_stated_bar_length_binds(tmp_path: Path) -> None:
    with pytest.raises(PathError, match="row 2: early: it opens 60 s after row 1, expected 300 s, one bar"):
        replay(write(tmp_path, ROWS), bar_ns=5 * MINUTE_NS)
    with pytest.raises(PathError, match="row 2: a gap: it opens 60 s after row 1, expected 30 s"):
        replay(write(tmp_path, ROWS), bar_ns=MINUTE_NS // 2)
    with pytest.raises(PathError, match="bar_ns: 0 given"):
        replay(write(tmp_path, ROWS), bar_ns=0)


def test_a_gap_after_the_first_row_is_found_by_the_close_time(tmp_path: Path) -> None:
    with pytest.raises(PathError, match="row 2: a gap: it opens 120 s after row 1, expected 60 s"):
        replay(write(tmp_path, twelve([ROWS[0], ROWS[2]])))


def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    packed = gzip.compress("\n".join(ROWS).encode())
    files = {
        "missing.csv": (None, "missing.csv: cannot be read: No such file or directory$"),
        "bars.txt": (b"", "suffix '.txt', expected .csv, .csv.gz or .zip"),
        "text.csv.gz": (b"plain", "cannot be read"),
        "cut.csv.gz": (packed[:-20], "cannot be read"),
        "flipped.csv.gz": (packed[:12] + b"\xff\xff" + packed[14:], "cannot be read"),
        "text.zip": (b"plain", "cannot be read"),
        "binary.csv": (b"\x80\x81", "row 1: byte 0 is not UTF-8 text, expected a CSV file"),
        "half.csv": ("\n".join(ROWS).encode() + b"\n\xff", "row 4: byte [0-9]+ is not UTF-8 text, expected a CSV file"),
        "packed.csv": (packed, "row 1: byte 1 is not UTF-8 text, expected a CSV file"),
        "binary.csv.gz": (gzip.compress(b"1\n\x80"), "row 2: byte 2 is not UTF-8 text, expected a CSV file"),
    }
    for name, (content, message) in files.items():
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(PathError, match=message) as caught:
            replay(tmp_path / name)
        assert str(caught.value).startswith(f"{tmp_path / name}: ")


@pytest.mark.parametrize("names", [[], ["a.txt"], ["a.csv", "b.csv"]])
def test_a_zip_holds_one_csv(tmp_path: Path, names: list[str]) -> None:
    path = tmp_path / "bars.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, "\n".join(ROWS))
    with pytest.raises(
        PathError, match=rf"holds {len([n for n in names if n.endswith('.csv')])} .csv files, expected one"
    ):
        replay(path)


def test_a_packed_file_cannot_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perplab.oracle.klines.MAX_FILE_BYTES", 1_000)
    path = tmp_path / "bars.csv.gz"
    path.write_bytes(gzip.compress(b"1" * 1_001))
    with pytest.raises(PathError, match="more than 1000 bytes unpacked"):
        replay(path)


@given(st.binary(max_size=200))
def test_garbage_raises_only_path_errors(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.getbasetemp()
    for name in ("garbage.csv", "garbage.csv.gz", "garbage.zip"):
        (folder / name).write_bytes(content)
        with pytest.raises(PathError) as caught:
            replay(folder / name)
        assert str(caught.value).startswith(f"{folder / name}: ")
        assert "is empty" not in str(caught.value) or not content.decode("utf-8-sig").strip(" \t\r\n\v\f")


@given(st.binary(max_size=200), st.lists(st.tuples(st.integers(0, 2_000), st.integers(0, 255)), max_size=4))
def test_damaged_archives_raise_only_path_errors(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, changes: list[tuple[int, int]]
) -> None:
    folder, packed = tmp_path_factory.getbasetemp(), io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bars.csv", content)
    for name, whole in (("damaged.csv.gz", gzip.compress(content)), ("damaged.zip", packed.getvalue())):
        damaged = bytearray(whole)
        for at, byte in changes:
            damaged[at % len(damaged)] = byte
        (folder / name).write_bytes(damaged)
        with pytest.raises(PathError) as caught:
            replay(folder / name)
        assert str(caught.value).startswith(f"{folder / name}: ")


@given(st.integers(0, 2), st.integers(0, 5), st.text(max_size=6))
def test_a_garbled_field_is_read_or_named(
    tmp_path_factory: pytest.TempPathFactory, row: int, column: int, field: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "garbled.csv"
    path.write_text("\n".join(change(row, column, field)), encoding="utf-8", errors="ignore", newline="")
    try:
        assert len(replay(path)) == 3
    except PathError as error:
        assert str(error).startswith(f"{path}: row ")


# Real files -----------------------------------------------------------------------------------------------------------

# Worst minute, its range, the day's low and when, as stated beside the files.
DAYS = [
    ("FILUSDT-1m-2023-06-10", "04:26", 13.0, 2.539, "04:27"),
    ("FILUSDT-1m-2024-04-12", "18:35", 16.0, 5.450, "18:36"),
    ("ALGOUSDT-1m-2025-02-03", "02:07", 7.6, 0.2185, "02:08"),
    ("NEARUSDT-1m-2025-02-03", "02:07", 8.5, 2.705, "02:08"),
    ("FILUSDT-1m-2025-02-03", "02:07", 8.3, 2.580, "02:08"),
    ("FILUSDT-1m-2024-04-13", "20:07", 6.9, 4.912, "20:09"),
    ("AVAXUSDT-1m-2025-02-03", "02:07", 6.4, 21.219, "02:08"),
    ("DOTUSDT-1m-2026-02-06", "00:19", 5.3, 1.099, "00:19"),
    ("LINKUSDT-1m-2026-02-06", "00:19", 4.2, 7.117, "00:19"),
    ("AVAXUSDT-1m-2025-02-02", "22:40", 4.5, 25.805, "22:41"),
    ("FILUSDT-1m-2023-08-17", "21:43", 8.9, 3.000, "21:44"),
    ("AVAXUSDT-1m-2026-02-06", "00:19", 3.7, 7.534, "00:20"),
    ("LTCUSDT-1m-2026-02-06", "00:14", 4.7, 45.00, "00:20"),
    ("NEARUSDT-1m-2023-08-17", "21:43", 5.3, 1.000, "21:44"),
    ("NEARUSDT-1m-2024-02-28", "17:31", 11.2, 3.380, "17:32"),
    ("LINKUSDT-1m-2026-02-05", "15:30", 1.7, 7.845, "20:55"),
    ("LINKUSDT-1m-2023-02-10", "15:45", 1.6, 6.754, "05:38"),
    ("NEARUSDT-1m-2026-04-10", "12:30", 0.8, 1.343, "08:23"),
    ("AVAXUSDT-1m-2026-04-10", "18:28", 1.6, 9.240, "08:03"),
]


@pytest.mark.parametrize(("name", "worst", "percent", "low", "low_at"), DAYS)
def test_day_files(shared_data: Path, name: str, worst: str, percent: float, low: float, low_at: str) -> None:
    bars, day = replay(shared_data / "klines" / f"{name}.csv.gz"), name[-10:]
    assert (len(bars), bars.bar_ns, bars.start_ns) == (1_440, MINUTE_NS, utc(day))
    assert bars.low.min() == low
    assert bars.open_ns[bars.low.argmin()] == utc(f"{day} {low_at}")
    assert bars.open_ns[bars.worst_minute()] == utc(f"{day} {worst}")
    bar = bars[bars.worst_minute()]
    assert round(100 * (bar.high - bar.low) / bar.high, 1) == percent


@pytest.mark.parametrize(
    ("name", "rows", "start", "low", "low_at", "worst", "percent"),
    [
        ("2020-03-13_0149-0240", 52, "2020-03-13 01:49", 3_621.81, "2020-03-13 02:16", "2020-03-13 02:31", 10.4),
        ("2021-05-19_1252-1340", 49, "2021-05-19 12:52", 28_688.0, "2021-05-19 13:10", "2021-05-19 13:22", 12.4),
    ],
)
def test_crash_slices(
    shared_data: Path, name: str, rows: int, start: str, low: float, low_at: str, worst: str, percent: float
) -> None:
    bars = replay(shared_data / "klines" / f"BTCUSDT-1m-{name}.csv")
    assert (len(bars), bars.bar_ns, bars.start_ns) == (rows, MINUTE_NS, utc(start))
    assert (bars.low.min(), bars.open_ns[bars.low.argmin()]) == (low, utc(low_at))
    bar = bars[bars.worst_minute()]
    assert bars.open_ns[bars.worst_minute()] == utc(worst)
    assert round(100 * (bar.high - bar.low) / bar.high, 1) == percent


@pytest.mark.parametrize(
    ("name", "rows", "minutes", "low", "low_at", "high", "high_at"),
    [
        ("BTCUSD_PERP-1m-2025-10-09", 1_440, 1, 119_675.33, "09 17:00", 123_748.78, "09 12:41"),
        ("BTCUSD_PERP-1m-2025-10-10", 1_440, 1, 102_497.49, "10 21:20", 122_524.04, "10 13:42"),
        ("BTCUSDT-5m-2025-10-10", 288, 5, 101_877.69, "10 21:20", 122_457.50, "10 13:35"),
    ],
)
def test_october_files(
    shared_data: Path, name: str, rows: int, minutes: int, low: float, low_at: str, high: float, high_at: str
) -> None:
    bars = replay(shared_data / "oct10" / f"{name}.zip")
    assert (len(bars), bars.bar_ns, bars.start_ns) == (rows, minutes * MINUTE_NS, utc(name[-10:]))
    assert (round(bars.low.min(), 2), bars.open_ns[bars.low.argmin()]) == (low, utc(f"2025-10-{low_at}"))
    assert (round(bars.high.max(), 2), bars.open_ns[bars.high.argmax()]) == (high, utc(f"2025-10-{high_at}"))


def test_the_crash_of_october_as_a_path(shared_data: Path) -> None:
    day = replay(shared_data / "oct10" / "BTCUSD_PERP-1m-2025-10-10.zip")
    crash = day.window(utc("2025-10-10 20:50"), utc("2025-10-10 22:10"))
    path = waypoints(crash, 10**8, seed=1)
    assert (len(crash), path.prices.size) == (80, 48_000)
    inside = path.prices.reshape(80, 600)
    assert np.array_equal(inside.max(axis=1), crash.high) and np.array_equal(inside.min(axis=1), crash.low)
    assert np.array_equal(inside[:, 0], crash.open) and np.array_equal(inside[:, -1], crash.close)
    assert round(path.prices.min(), 2) == 102_497.49
