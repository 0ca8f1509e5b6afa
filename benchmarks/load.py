"""Load for `perplab serve`: two processes, the server on core 0, this generator on core 1, sockets over loopback between them.

    batches      `rows` requests of 512 orders of mix M1 on 8 connections, as many as are answered
    singles      one order per frame, pipelined on 8 connections
    round_trip   one order at a time, while 10,000 orders per second come from others; beside a server that only sends frames back
    subscribers  1,000 connections that only hear heartbeats and 100 with book and trades, while 10,000 orders per second come
    flooder      others' round trips under `--limits venue`, with and without a connection that floods the server

Every server is new, and goes on from a journal with 1,000 accounts; it writes that journal with `--sync batch`. `make load` writes
out/load.json. `--python` takes the interpreter whose perplab is to be served, so that two builds can be compared in turns.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import resource
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
from conftest import WIDTH, machine
from load_orders import MARKETS, NAME, Blocks, Singles, prepared
from load_runs import Background, Flooder, Pings, Probe, Sender, Subscriber, Tally, pace, saturate
from load_wire import Peer, Poll, Server, Venue, pin, request
from rich.console import Console
from tables import plain

CONNECTIONS: Final = MARKETS  # each trades in a market of its own
CHUNK: Final = 512  # orders of a `rows` request, as in bench_core.py
WINDOW: Final = 2  # such requests at once on each connection
PIECE, PIECES = 64, 4  # single orders written at once, and how many such pieces are on the way
RATE: Final = 10_000  # orders per second in the background
PROBES: Final = 500  # round trips per second, one at a time
ROUNDS: Final = 5  # with and without a flooder, in turns
TURNS: Final = 10  # of the venue's server and the echo, one round trip's beside the other's
RATIOS: Final = ("p50", "p99", "cpu")  # of the one to the other
LIMITED, LIMITED_RATE, LIMITED_PROBES = 50, 5_000, 100  # connections that stay below `--limits venue`, their orders, and round trips
FLOOD: Final = 20_000  # orders per second of the flooder, whose limit is 200

Row = dict[str, Any]
Stream = Iterator[tuple[bytes, int, int]]


class Bench:
    """What all runs have in common."""

    def __init__(self, options: argparse.Namespace, folder: Path) -> None:
        self.seconds: float = options.seconds
        self.idle: int = options.subscribers
        self.active: int = max(1, options.subscribers // 10)
        self.python: str = options.python
        self.folder = folder
        self.design, self.laps = prepared(folder, 20_000 if self.seconds < 1 else 200_000)

    def venue(self, *words: str) -> Venue:
        return Venue(self.python, self.design, self.folder / "prepared", *words)


def quantiles(latencies: list[int]) -> Row:
    """Microseconds."""
    return {f"p{q}_us": round(float(np.percentile(latencies, q)) / 1_000, 1) for q in (50, 99)}


def middle(rounds: list[Row], digits: dict[str, int] | None = None) -> Row:
    """The median of every number, rounded to one digit or what `digits` says."""
    return {name: round(median(one[name] for one in rounds), (digits or {}).get(name, 1)) for name in rounds[0]}


def saturated(bench: Bench, streams: list[Stream], window: int, look: str) -> Row:
    """One connection for each stream; `look`: the method of Tally that looks at replies."""
    tally = Tally()
    with bench.venue() as server:
        senders = [Sender(Peer(server.port, NAME), stream) for stream in streams]
        before = server.cpu()
        row = saturate(senders, window, bench.seconds, getattr(tally, look), server.memory)
        row["orders_per_cpu_s"] = round(row["orders"] / max(server.cpu() - before, 0.01))
    tally.check()
    return {**row, "build": server.build, "refused": tally.refused, "looked_at": tally.looked_at}


def batches(bench: Bench) -> Row:
    return saturated(bench, [iter(Blocks(lap, CHUNK)) for lap in bench.laps], WINDOW, "block")


def singles(bench: Bench) -> Row:
    return saturated(bench, [Singles(lap).blocks(PIECE) for lap in bench.laps], PIECES, "single")


def meeting(port: int, bench: Bench, name: str | None, look: Callable[[bytes], None]) -> tuple[Poll, Probe, Background]:
    """A probe, and orders in the background, at one server."""
    background = Background([Peer(port, name) for _ in range(CONNECTIONS)], Singles(bench.laps[0]), RATE, look)
    probe = Probe(Peer(port, name), Singles(bench.laps[1]), PROBES)
    return Poll([probe.peer, *background.peers]), probe, background


def round_trip(bench: Bench) -> Row:
    """The servers in turns, with the same orders at the same rate; which goes first alternates. The first turn only warms up."""
    tally, bare, turns = Tally(), Tally(), []
    with bench.venue() as server, Server(bench.python, str(Path(__file__).with_name("load_echo.py"))) as echo:
        ours = ("", server, meeting(server.port, bench, NAME, tally.single))
        theirs = ("echo_", echo, meeting(echo.port, bench, None, bare.echo))
        for turn in range(TURNS + 1):
            found: Row = {}
            for prefix, place, at in (ours, theirs) if turn % 2 else (theirs, ours):
                found |= {f"{prefix}{name}": value for name, value in paced(place, *at, bench.seconds / TURNS).items()}
            for name in RATIOS:
                found[f"{name}_ratio"] = found[f"{name}_us"] / max(found[f"echo_{name}_us"], 0.1)
            turns.append(found)
    return middle(turns[1:], {f"{name}_ratio": 2 for name in RATIOS})


def paced(server: Server, poll: Poll, probe: Probe, background: Background, seconds: float) -> Row:
    """Round trips, how late the generator itself was, and the CPU time of the server for each order [us]."""
    before = server.cpu()
    latencies = pace(poll, probe, [background], seconds)
    cpu = (server.cpu() - before) / (len(latencies) + background.sent)
    return {**quantiles(latencies), "late_p99_us": quantiles(probe.late)["p99_us"], "cpu_us": round(cpu * 1e6, 1)}


def subscribers(bench: Bench) -> Row:
    tally = Tally()
    with bench.venue() as server:
        _, probe, background = meeting(server.port, bench, NAME, tally.single)
        before = server.memory()
        idle = [Subscriber(Peer(server.port), number, {"channel": "status", "market": 0}) for number in spread(bench.idle)]
        book, trades = {"channel": "book", "market": 0, "depth": 20}, {"channel": "trades", "market": 0}
        active = [Subscriber(Peer(server.port), number, book, trades) for number in spread(bench.active)]
        everyone = [*idle, *active]
        poll = Poll([probe.peer, *background.peers, *(one.peer for one in everyone)])
        latencies = pace(poll, probe, [background, Pings(everyone)], bench.seconds)
        after = server.memory()
    return {
        **quantiles(latencies), "idle": len(idle), "active": len(active), "messages": sum(one.messages for one in everyone),
        "heartbeats": sum(one.heartbeats for one in everyone), "fewest_heartbeats": min(one.heartbeats for one in everyone),
        "gaps": sum(one.gaps for one in everyone), "spared": sum(one.spared for one in everyone), "cut": 0, "resident_mib": [before, after],
    }  # fmt: skip


def spread(count: int) -> list[int]:
    """When each of so many sends its first ping [ns after the start]: evenly over the time between two."""
    return [Subscriber.PING_NS * number // count for number in range(count)]


def flooder(bench: Bench) -> Row:
    tally, rounds = Tally(), []
    with bench.venue("--limits", "venue") as server:
        background = Background([Peer(server.port, NAME) for _ in range(LIMITED)], Singles(bench.laps[0]), LIMITED_RATE, tally.single)
        probe = Probe(Peer(server.port, NAME), Singles(bench.laps[1]), LIMITED_PROBES)
        poll = Poll([probe.peer, *background.peers])
        hello = request(id=0, op="login", name=NAME)
        account = int(bench.laps[2][0, 2])
        flood = Flooder(server.port, hello, request(id=1, op="cancel", order_id=2**62, account=account), FLOOD)
        for _ in range(ROUNDS):
            calm = quantiles(pace(poll, probe, [background], bench.seconds / ROUNDS))
            flooded = quantiles(pace(poll, probe, [background, flood], bench.seconds / ROUNDS))
            flood.hang_up()
            rounds.append({**calm, **{f"flooded_{name}": value for name, value in flooded.items()}})
    return {**middle(rounds), "flood_per_s": FLOOD, "cuts": flood.cuts}


RUNS: Final[dict[str, Callable[[Bench], Row]]] = {
    "batches": batches, "singles": singles, "round_trip": round_trip, "subscribers": subscribers, "flooder": flooder,
}  # fmt: skip
TARGETS: Final = (  # run, number, what it is, what it should be, and whether that is the least or the most
    ("batches", "orders_per_s", "orders/s in blocks of 512", 400_000, "least"),
    ("singles", "orders_per_s", "orders/s, one per frame", 120_000, "least"),
    ("round_trip", "p50_ratio", "round trip to echo, p50", 1.5, "most"),
    ("round_trip", "p99_ratio", "round trip to echo, p99", 3.0, "most"),
    ("subscribers", "gaps", "gaps that subscribers saw", 0, "most"),
    ("subscribers", "cut", "subscribers that were cut", 0, "most"),
)


def targets(result: Row) -> list[Row]:
    told = []
    for run, name, what, target, side in TARGETS:
        if run in result:
            value = result[run][name]
            is_met = value >= target if side == "least" else value <= target
            told.append({"run": run, "name": name, "what": what, "measured": value, side: target, "is_met": is_met})
    return told


def show(result: Row, console: Console) -> None:
    """Two tables: what was to be reached, and everything that was measured."""
    goals = plain("Load", f"{result['seconds']:g} s of each", ["what"], ["measured", "target", "met"])
    for goal in result["targets"]:
        bound = f">= {goal['least']:,}" if "least" in goal else f"<= {goal['most']:,}"
        goals.add_row(goal["what"], f"{goal['measured']:,}", bound, "yes" if goal["is_met"] else "no")
    caption = (
        "Latencies count from when a request was due; late: that of the generator itself, cpu: the server's time for each order, "
        "resident_mib: its memory, mib_per_million: how that grows with orders, orders_per_cpu_s: of the server."
    )
    numbers = plain("Numbers", caption, ["run", "name"], ["value"])
    for run in RUNS:
        for name, value in result.get(run, {}).items():
            numbers.add_row(run, name, shown(value))
    console.print(goals)
    console.print(numbers)


def shown(value: Any) -> str:
    if isinstance(value, list):
        return f"{value[0]:,} to {value[-1]:,}"
    return f"{value:,}" if isinstance(value, int | float) else str(value)


def options(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each run")
    parser.add_argument("--subscribers", type=int, default=1_000, help="idle ones; a tenth of it are active")
    parser.add_argument("--only", choices=RUNS, action="append", help="leave out the other runs")
    parser.add_argument("--out", type=Path, default=Path("out/load.json"), help="where the result is written")
    parser.add_argument("--python", default=sys.executable, help="the interpreter whose perplab is served")
    return parser.parse_args(words)


def main() -> None:
    chosen = options()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    pin(1)
    with TemporaryDirectory(prefix="perplab-load-") as folder:
        bench = Bench(chosen, Path(folder))
        gc.freeze()
        gc.disable()  # a collection would be measured as the server's
        result: Row = {"machine": machine(), "version": version("perplab"), "seconds": bench.seconds}
        for name in chosen.only or RUNS:
            result[name] = RUNS[name](bench)
    result["targets"] = targets(result)
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    chosen.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    console = Console(width=None if os.isatty(1) else WIDTH, highlight=False)
    show(result, console)
    console.print(f"written: {chosen.out}")


if __name__ == "__main__":
    main()
