"""Maintenance windows from the operator's command line: times as one says them, the windows in words."""

from __future__ import annotations

import json
import re

import click
import pytest
from click.testing import CliRunner
from test_sockets import Server
from wire import World

from perplab.exchange.server.limits import Limits
from perplab.lab.cli import main
from perplab.lab.ctl import ctl, pair
from perplab.lab.windows import away, lines, scheduled

S = 1_000_000_000
NOW = 1_767_225_600 * S  # 2026-01-01T00:00:00Z


def told(server: Server, *words: str) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["ctl", "--port", str(server.port), *words])
    return done.exit_code, done.output


def test_a_window_is_scheduled_listed_and_taken_back() -> None:
    server = Server("--world", "none", "--clock", "step", "--trust")
    try:
        assert "No market has a maintenance window ahead" in told(server, "maintenance")[1]
        code, out = told(server, "schedule_maintenance", "market=BTC", "in=10m", "for=30m", "during=HALTED")
        assert code == 0 and json.loads(out)["number"] == 1
        assert told(server, "schedule_maintenance", "market=all", "start=2026-01-01T01:00:00Z", "for=90s", "during=CANCEL_ONLY")[0] == 0
        code, out = told(server, "schedule_maintenance", "market=BTC", "in=2h", "for=1h", "during=POST_ONLY")
        assert code == 0 and json.loads(out)["number"] == 3
        code, out = told(server, "maintenance")
        assert code == 0 and out.splitlines() == [
            "The venue's time is 2026-01-01T00:00:00Z.",
            "window 1: BTC",
            "  begins  2026-01-01T00:10:00Z  in 10 m, HALTED",
            "  ends    2026-01-01T00:40:00Z  in 40 m, ACTIVE",
            "window 2: all markets",
            "  begins  2026-01-01T01:00:00Z  in 1 h, CANCEL_ONLY",
            "  ends    2026-01-01T01:01:30Z  in 1 h 1 m, ACTIVE",
            "window 3: BTC",
            "  begins  2026-01-01T02:00:00Z  in 2 h, POST_ONLY",
            "  ends    2026-01-01T03:00:00Z  in 3 h, ACTIVE",
            "To take one back that has not begun:",
            "  perplab ctl cancel_maintenance number=N",
        ]
        assert told(server, "cancel_maintenance", "number=1")[0] == 0
        assert "window 1" not in told(server, "maintenance")[1]
        code, out = told(server, "cancel_maintenance", "number=1")
        assert code == 1 and '"UNKNOWN_WINDOW"' in out
        assert told(server, "maintenance", "market=BTC") == (
            2, "error: market: given with maintenance, which has no fields; `schedule_maintenance` makes a window\n",
        )  # fmt: skip
    finally:
        server.stop()


def test_all_windows_are_told_over_the_wire() -> None:
    world = World(limits=Limits(items=2))
    operator, guest = world.talker("operator"), world.talker()
    assert (guest.ask("maintenance")["windows"], guest.ask("maintenance")["more"]) == ([], 0)
    now = operator.ask("ping")["ts"]
    asked = {"market": -1, "start": now + 30 * S, "end": now + 40 * S, "during": "HALTED", "afterwards": "POST_ONLY"}
    assert operator.ask("schedule_maintenance", **asked)["number"] == 1
    for start in (20, 10):
        told = operator.ask("schedule_maintenance", market=0, start=now + start * S, end=now + (start + 5) * S, during=2)
    assert told["ok"] and told["number"] == 3
    told = guest.ask("maintenance")
    assert ([one["number"] for one in told["windows"]], told["more"], told["ts"]) == ([3, 2], 1, world.host.exchange.now)
    (last,) = guest.ask("maintenance", skip=2)["windows"]
    assert last == {**asked, "number": 1, "market": None}
    assert guest.ask("maintenance", skip=-1)["reason"] == "OUT_OF_BOUNDS"
    world.later(55)
    assert guest.ask("maintenance")["windows"] == [], "what has ended is told no more"
    late = operator.ask("schedule_maintenance", **asked)
    assert (late["reason"], "number" in late) == ("MAINTENANCE_TIMES", False)


def test_a_port_that_speaks_another_language_is_told_apart() -> None:
    server = Server("--world", "none", "--clock", "step", "--trust")
    try:
        assert server.process.stdout is not None
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", text := server.process.stdout.readline())
        assert found, text
        for words in (["ctl", "ping"], ["rehearse", "gap", "--user", "alice"]):
            done = CliRunner().invoke(main, [*words, "--port", found[1]])
            told = "what answers at this --connect or --port is no perplab server, or its port for HTTP"
            assert done.exit_code == 2 and told in done.output
    finally:
        server.stop()


def test_times_as_they_are_said() -> None:
    assert scheduled({"market": 0, "in": "10m", "for": "90s", "during": "HALTED"}, NOW) == {
        "market": 0, "start": NOW + 600 * S, "end": NOW + 690 * S, "during": "HALTED",
    }  # fmt: skip
    assert scheduled({"market": "all", "start": 5, "end": "2026-01-01T02:00:00+01:00"}, NOW) == {
        "market": -1, "start": 5, "end": NOW + 3_600 * S,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"in": 5}, "in: '5' given, expected a time with its unit"),
        ({"in": "-5m"}, "in: '-5m' given, expected a time that is later than now"),
        ({"start": 5, "for": "-5m"}, "for: '-5m' given, expected a time that is longer than nothing"),
        ({"in": "nanm"}, "in: 'nanm' given"),
        ({"in": "5m", "start": 5}, "in: given with start, expected one of the two"),
        ({"start": 5, "for": "1m", "end": 6}, "for: given with end"),
        ({"for": "5m"}, "for: given without a beginning"),
        ({"start": "noon"}, "start: 'noon' given, expected ns or a time with its zone"),
        ({"start": "2026-01-01T00:00:00"}, "expected ns or a time with its zone"),
        ({"end": True}, "end: 'True' given"),
        ({"start": 1.5}, "start: '1.5' given"),
    ],
)  # fmt: skip
def test_what_is_no_time_is_refused(fields: dict[str, object], why: str) -> None:
    with pytest.raises(click.UsageError, match=re.escape(why)):
        scheduled(fields, NOW)


def test_a_window_that_goes_on_is_told_in_words() -> None:
    window = {"number": 7, "market": None, "start": NOW - 100 * S, "end": NOW + 5 * S, "during": "HALTED", "afterwards": "POST_ONLY"}
    found = list(lines([window], NOW, ["A", "B", "C"]))
    assert found[1:4] == [
        "window 7: all markets",
        "  began   2025-12-31T23:58:20Z  1 m 40 s ago, HALTED",
        "  ends    2026-01-01T00:00:05Z  in 5 s, POST_ONLY",
    ]
    (last,) = found[4:]
    assert "cannot be taken back" in last and "cancel_maintenance" not in last
    ahead = {**window, "number": 8, "start": NOW + S}
    assert list(lines([window, ahead], NOW, ["A"]))[-1].endswith("cancel_maintenance number=N")
    assert away(0) == "in 0 s" and away(90_061 * S) == "in 1 d 1 h"


@pytest.mark.parametrize("width", [60, 120])
def test_the_help_fits_a_terminal(width: int) -> None:
    text = ctl.get_help(click.Context(ctl, info_name="perplab ctl", terminal_width=width))
    long = [line for line in text.splitlines() if len(line) > width and "perplab ctl " not in line]
    assert not long and "schedule_maintenance market=BTC in=10m for=30m" in text


def test_a_share_is_millionths_of_a_field_that_is_counted_in_them() -> None:
    assert pair("shock_ppm=-10%") == ("shock_ppm", -100_000) and pair("shock_ppm=5bp") == ("shock_ppm", 500)
    assert pair("shock_ppm=-7") == ("shock_ppm", -7) and pair("name=10%") == ("name", "10%")
    with pytest.raises(click.UsageError, match=r"shock_ppm: '0\.00001%' given, expected a whole number of millionths"):
        pair("shock_ppm=0.00001%")
