"""`perplab ctl` and maintenance windows: their times as an operator says them, and the windows in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import click

from .options import seconds_of

SECOND_NS: Final = 1_000_000_000
ALL: Final = -1  # the number of all markets
UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))
SAID: Final = {"in": "start", "for": "end"}  # fields that ctl turns into others


def scheduled(fields: Mapping[str, Any], now: int) -> dict[str, Any]:
    """The fields of `schedule_maintenance` as the wire has them. `in` and `for` are times with a unit, from now [ns] on and from the start
    on; `start` and `end` are ns or times of day; the market `all` is all of them. Raises click.UsageError."""
    wire = {name: value for name, value in fields.items() if name not in SAID}
    for said, means in SAID.items():
        if said in fields and means in fields:
            raise click.UsageError(f"{said}: given with {means}, expected one of the two")
    for name in ("start", "end"):
        if name in wire:
            wire[name] = time_of(name, wire[name])
    if "in" in fields:
        wire["start"] = now + duration_of("in", fields["in"])
    if "for" in fields:
        if "start" not in wire:
            raise click.UsageError("for: given without a beginning, expected in=10m or start=2026-01-01T12:00:00Z")
        wire["end"] = wire["start"] + duration_of("for", fields["for"])
    if wire.get("market") == "all":
        wire["market"] = ALL
    return wire


def duration_of(name: str, given: object) -> int:
    """[ns] Raises click.UsageError."""
    seconds = seconds_of(given) if isinstance(given, str) else None
    if isinstance(given, str) and given.startswith("-") and seconds_of(given[1:]) is not None:
        when = "later than now" if name == "in" else "longer than nothing"
        raise click.UsageError(f"{name}: {given!r} given, expected a time that is {when}, as 90s, 30m, 24h or 7d")
    if seconds is None or not 0 < seconds < 10**9:
        raise click.UsageError(f"{name}: {str(given)!r} given, expected a time with its unit, as 90s, 30m, 24h or 7d")
    return round(seconds * SECOND_NS)


def time_of(name: str, given: object) -> int:
    """[ns] Raises click.UsageError for a text that is no time of a day with its zone."""
    if isinstance(given, int) and not isinstance(given, bool):
        return given
    try:
        found = datetime.fromisoformat(str(given))
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise click.UsageError(f"{name}: {str(given)!r} given, expected ns or a time with its zone, as 2026-01-01T12:00:00Z")
    return round(found.timestamp()) * SECOND_NS


def lines(windows: list[dict[str, Any]], now: int, names: list[str]) -> Iterator[str]:
    """Maintenance windows in words at `now` [ns], the first to begin first. `names`: of the markets."""
    yield f"The venue's time is {clock(now)}."
    for window in sorted(windows, key=lambda one: (one["start"], one["number"])):
        where = "all markets" if window["market"] is None else names[window["market"]]
        yield f"window {window['number']}: {where}"
        begins = "began" if window["start"] <= now else "begins"
        for word, ts, status in ((begins, window["start"], window["during"]), ("ends", window["end"], window["afterwards"])):
            yield f"  {word:<6}  {clock(ts)}  {away(ts - now)}, {status}"
    if any(window["start"] > now for window in windows):
        yield "To take one back that has not begun:"
        yield "  perplab ctl cancel_maintenance number=N"
    elif windows:
        yield "One that has begun cannot be taken back; `set_market_status` gives a market another status meanwhile."
    else:
        yield "No market has a maintenance window ahead. To halt all in ten minutes, for half an hour:"
        yield "  perplab ctl schedule_maintenance market=all in=10m for=30m during=HALTED"


def clock(ns: int) -> str:
    """2026-01-01T00:00:00Z, to the second."""
    return datetime.fromtimestamp(ns // SECOND_NS, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def away(ns: int) -> str:
    """In 10 m, 5 s ago: in the two largest units."""
    left = abs(ns) // SECOND_NS
    parts: list[str] = []
    for length, unit in UNITS:
        if left >= length and len(parts) < 2:
            parts.append(f"{left // length} {unit}")
            left %= length
    words = " ".join(parts) or "0 s"
    return f"in {words}" if ns >= 0 else f"{words} ago"
