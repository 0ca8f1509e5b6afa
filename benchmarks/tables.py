"""The results of the benchmarks as tables of at most 80 columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.table import Table

Row = dict[str, Any]


def key(row: Row) -> tuple[str, str, str]:
    """What was measured: two results have a row in common where this is the same."""
    return row["build"], row.get("mix") or row["flow"], row["path"]


def speed(row: Row) -> int:
    per_s: int = row["commands_per_s"] if "mix" in row else row["messages_per_s"]
    return per_s


def plain(title: str, caption: str, left: list[str], right: list[str]) -> Table:
    """A table without lines; the columns of `left` are words, those of `right` numbers."""
    style: dict[str, Any] = {"title_justify": "left", "caption_justify": "left", "title_style": "bold", "caption_style": "dim"}
    table = Table(title=f"\n{title}", caption=caption, box=None, padding=(0, 2, 0, 0), pad_edge=False, **style)
    for name in left:
        table.add_column(name, no_wrap=True)
    for name in right:
        table.add_column(name, no_wrap=True, justify="right")
    return table


def ratio(value: float) -> str:
    return f"{value:.2f}" if value >= 1 else f"{value:.3f}"


def spread(row: Row) -> str:
    """Of the slowest and the fastest round, from the median."""
    slowest, fastest = (100 * row[name] / speed(row) - 100 for name in ("slowest_per_s", "fastest_per_s"))
    return f"{slowest:+.0f} {fastest:+.0f} %"


def microseconds(ns: int) -> str:
    return f"{ns / 1_000:.1f}" if ns < 100_000 else f"{ns / 1_000:,.0f}"


def mixes(rows: list[Row], timer_ns: int) -> Table:
    caption = (
        "M1/10: mix M1, with positions of every account in 10 markets. commands/s: per second of CPU time, median of the rounds; spread: "
        "how far the slowest and the fastest were from it. apply_rows in chunks of 512 rows, apply one typed command per call. Latencies: "
        f"one call of apply_rows with one row, or of apply, {timer_ns} ns of clock reading included."
    )
    table = plain("Mixes", caption, ["build", "mix", "path"], ["commands/s", "spread", "p50 us", "p99", "p999"])
    for row in rows:
        latencies = [microseconds(row[name]) for name in ("p50_ns", "p99_ns", "p999_ns")]
        table.add_row(*key(row), f"{speed(row):,}", spread(row), *latencies)
    return table


def books(rows: list[Row]) -> Table:
    """What the mixes are like: nearly the same for both builds and paths, so it is shown once."""
    compiled_last = sorted(rows, key=key, reverse=True)
    last = {row["mix"]: row for row in compiled_last if row["path"] == "apply_rows"}
    table = plain("The books of the mixes", "", ["mix"], ["orders", "levels", "accepted", "trades/1,000"])
    for mix, row in sorted(last.items()):
        share, trades = f"{row['accepted_ppm'] / 10_000:.2f} %", f"{1_000 * row['trades'] / row['counted']:,.0f}"
        table.add_row(mix, f"{row['resting_orders']:,}", f"{row['levels']:,}", share, trades)
    return table


def flows(rows: list[Row]) -> Table:
    caption = (
        "venue/s and plain book/s: messages per second of CPU time, medians of the rounds. ratio: venue to plain book, the median of the "
        "rounds' ratios. The plain book only matches: no accounts, margin, money or events. Before they were timed both made "
        "the same fills. ids: the venue's cancels name its order ids, or client ids."
    )
    table = plain("Neutral flows", caption, ["build", "flow/ids", "path"], ["venue/s", "spread", "plain book/s", "ratio"])
    for row in rows:
        table.add_row(*key(row), f"{speed(row):,}", spread(row), f"{row['plain_book_per_s']:,}", ratio(row["ratio"]))
    return table


def passes(rows: list[Row]) -> Table:
    caption = (
        "CPU time in ms of a liquidation pass at a new mark, medians: everyone looks at every open position, alarms at the accounts whose "
        "alarms the mark has crossed; slowest: of alarms. ratio: everyone to alarms, the median of the rounds' ratios. found: accounts "
        "below maintenance, the same by both."
    )
    table = plain("Liquidation passes", caption, ["build", "mark", "accounts"], ["found", "everyone", "alarms", "slowest", "ratio"])
    for row in rows:
        times = [milliseconds(row[name]) for name in ("everyone_ms", "alarms_ms", "slowest_ms")]
        table.add_row(*key(row), f"{row['found']:,}", *times, f"{row['ratio']:,.0f}")
    return table


def milliseconds(ms: float) -> str:
    return f"{ms:.3f}" if ms < 10 else f"{ms:,.0f}"


def against(rows: list[Row], earlier: list[Row], name: str) -> Table:
    """Before and after of all that both results have, but for what was not measured again in between."""
    caption = (
        "Per second of CPU time. times: now over before, above 1 it is faster now. of ratio: the same of a flow's ratio to the plain book, "
        "or of a pass's to one over everyone, which does not change with a machine that is faster or slower as a whole."
    )
    table = plain(f"Against {name}", caption, ["build", "mix or flow", "path"], ["before/s", "now/s", "times", "of ratio"])
    before = {key(row): row for row in earlier}
    for row in rows:
        was = before.get(key(row))
        if was and was != row:
            of_ratio = f"{row['ratio'] / was['ratio']:.2f}" if "ratio" in row and was.get("ratio") else ""
            table.add_row(*key(row), f"{speed(was):,}", f"{speed(row):,}", f"{speed(row) / speed(was):.2f}", of_ratio)
    return table


def tables(result: dict[str, Any], earlier: dict[str, Any] | None, name: str) -> Iterator[Table]:
    if result["rows"]:
        yield mixes(result["rows"], result["machine"]["timer_ns"])
        yield books(result["rows"])
    if result["flows"]:
        yield flows(result["flows"])
    if result.get("passes"):
        yield passes(result["passes"])
    if earlier is not None:
        now, before = (rows_of_all(one) for one in (result, earlier))
        yield against(now, before, name)


def rows_of_all(result: dict[str, Any]) -> list[Row]:
    return [row for section in ("rows", "flows", "passes") for row in result.get(section, [])]
