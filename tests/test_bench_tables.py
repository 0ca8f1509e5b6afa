"""What `make bench` prints: tables of 80 columns with nothing cut off, and what was before beside what is now."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))

from rich.console import Console
from tables import tables


def mix(build: str, name: str, path: str, per_s: int) -> dict[str, Any]:
    row = {"build": build, "mix": name, "path": path, "commands_per_s": per_s, "slowest_per_s": per_s // 2, "fastest_per_s": per_s * 5 // 4}
    latencies = {"p50_ns": 99_960, "p99_ns": 1_535_000, "p999_ns": 21_800_000}
    return row | latencies | {"resting_orders": 200_000, "levels": 5_000, "accepted_ppm": 1_000_000, "trades": 9_900, "counted": 9_900}


def flow(build: str, name: str, path: str, per_s: int, ratio: float) -> dict[str, Any]:
    speeds = {"messages_per_s": per_s, "slowest_per_s": per_s // 2, "fastest_per_s": per_s * 5 // 4, "plain_book_per_s": 1_234_567}
    return {"build": build, "flow": name, "path": path, **speeds, "ratio": ratio}


def crowd(build: str, times: float) -> dict[str, Any]:
    speeds = {"messages_per_s": int(10_000 * times), "slowest_per_s": 9_000, "fastest_per_s": 11_000, "ratio": 12_345.6 * times}
    told = {"found": 1_000_000, "everyone_ms": 12_345.678, "alarms_ms": 0.123 / times, "slowest_ms": 1_000.0}
    return {"build": build, "flow": "0.1 % fall", "path": "1,000,000", **speeds, **told}


def result(times: float) -> dict[str, Any]:
    rows = [mix(build, name, path, int(12_345_678 * times)) for build, name, path in (
        ("compiled", "M1/1", "apply"), ("compiled", "deep/10", "apply_rows"), ("interpreted", "deep/10", "apply_rows"),
    )]  # fmt: skip
    flows = [flow(build, "maker/client", "apply_rows", int(2_000_000 * times), 2.0 * times) for build in ("compiled", "interpreted")]
    passes = [crowd(build, times) for build in ("compiled", "interpreted")]
    return {"machine": {"timer_ns": 50}, "rows": rows, "flows": flows, "passes": passes}


def shown(now: dict[str, Any], before: dict[str, Any] | None = None) -> str:
    console = Console(width=80, file=io.StringIO(), highlight=False)
    for table in tables(now, before, "out/bench-before.json"):
        console.print(table)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return text


def test_tables_fit_80_columns_and_nothing_is_cut_off() -> None:
    text = shown(result(1.5), result(1.0))
    assert "…" not in text and max(map(len, text.splitlines())) <= 80
    for words in ("commands/s", "p50 us", "100.0  1,535  21,800", "18,518,517", "-50 +25 %", "plain book/s", "1,234,567", "of ratio"):
        assert words in text, words
    for words in ("everyone", "12,346"):
        assert words in text, words


def test_before_and_after_stand_in_one_line() -> None:
    text = shown(result(1.5), result(1.0)).partition("Against")[2]
    assert len(re.findall(r"12,345,678 +18,518,517 +1\.50$", re.sub(r" +\n", "\n", text), re.MULTILINE)) == 3
    assert len(re.findall(r"maker/client +apply_rows +2,000,000 +3,000,000 +1\.50 +1\.50", text)) == 2


def test_what_was_not_measured_again_or_before_has_no_line() -> None:
    now, before = result(1.5), {"rows": result(1.0)["rows"][:1]}  # a result of before there were flows
    now["rows"][1] |= {"mix": "new/1"}
    before["rows"] += now["rows"][2:]
    text = shown(now, before).partition("Against")[2]
    assert "M1/1" in text and not re.search("maker|new|interpreted", text)
    assert "Against" not in shown(now)


def test_the_book_of_a_mix_is_that_of_the_compiled_core_where_both_were_measured() -> None:
    now = result(1.0)
    now["rows"][2]["resting_orders"] = 111_111
    text = shown(now)
    assert re.search("deep/10 +200,000 ", text) and "111,111" not in text
