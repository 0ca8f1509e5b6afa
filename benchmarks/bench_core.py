"""The venue core under four mixes of commands, through both of its doors.

A round applies the next part of one long stream to one venue, so books, client ids and positions are those of a venue at work. The
rows are made before the first round. Every venue has 1,000 accounts that hold a position in each of its markets (1 or 10): the stream
goes to the first one, and margin is computed over 1 or over 10 positions. Every account starts with its 1,024 closed client ids, as on a
venue that has run for a while. Trades and refusals are counted outside the timed rounds.

Rounds are measured in CPU time of the process, which on a machine that others use too says more than the wall clock and is the same on
an idle one. Latencies are wall-clock times of single calls, waiting for the processor included.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter_ns, process_time
from typing import Any, Final, NamedTuple

import pytest
from msgspec.structs import replace
from pytest_benchmark.fixture import BenchmarkFixture
from streams import ACCOUNTS, FLOWS, Flow

from perplab.exchange import BUILD, Exchange, load_venue
from perplab.exchange.messages import KIND_COLUMN, ROW, Command, Rejected, Traded, command_of_row
from perplab.exchange.units import PPM

CHUNK: Final = 512  # rows of one bulk call
SEED: Final = 20251010


class Lengths(NamedTuple):
    """How much of a stream is run. `history`: closed client ids that every account starts with (the venue keeps 1,024)."""

    history: int
    rounds: int
    chunks: int  # per round of apply_rows
    commands: int  # per round of apply
    calls: int  # timed one by one


LENGTHS: Final = Lengths(1_024, 7, 100, 10_000, 30_000) if BUILD == "compiled" else Lengths(4, 5, 8, 2_000, 10_000)


class Site:
    """A venue at work and the stream that it is fed."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        venue = load_venue(Path(__file__).with_name("venue.toml"))
        markets = tuple(replace(venue.markets[0], name=f"BTC-PERP-{number}") for number in range(flow.markets))
        self.exchange = Exchange(replace(venue, markets=markets))
        self.seen: Counter[int] = Counter()  # kinds of the events that were counted
        self.counted = 0  # commands that they answer
        self.exchange.apply_rows(flow.setting())
        for rows in flow.history(LENGTHS.history):
            self.exchange.apply_rows(rows)
        self.fill(flow.filling())

    def fill(self, rows: array[int]) -> None:
        for chunk in chunks(rows, CHUNK):
            self.exchange.apply_rows(chunk)

    def warm_up(self, commands: int) -> None:
        """Run a part of the stream untimed, and count what comes of it."""
        for chunk in chunks(self.flow.take(commands), CHUNK):
            self.count(self.exchange.apply_rows(chunk), len(chunk) // ROW)

    def count(self, events: Sequence[int], commands: int) -> None:
        self.seen.update(list(events)[KIND_COLUMN::ROW])
        self.counted += commands

    def check(self) -> None:
        """The book is the one that the stream was made for: no order was refused, no fill went another way."""
        state = self.exchange.state
        assert state.orders.live == len(self.flow.live), f"{state.orders.live} orders rest, the stream has {len(self.flow.live)}"
        for number, side in enumerate(self.flow.sides):
            found = self.exchange.depth(0, number, 1)
            assert not side.levels or found[0][0] == side.best(), f"best {found}, the stream has {side.best()}"
        assert self.seen[Rejected.KIND] * 1_000 <= self.counted, "more than one command in 1,000 was refused: the mix is not what it says"

    def row(self, path: str, benchmark: BenchmarkFixture, commands: int, latencies: list[int]) -> dict[str, Any]:
        """A row of bench.json; `commands` were applied per round."""
        seconds = sorted(benchmark.stats.stats.data)
        return {
            "path": path,
            "mix": f"{self.flow.name}/{self.flow.markets}",
            "build": BUILD,
            "commands_per_s": round(commands / median(seconds)),
            "p50_ns": quantile(latencies, 0.5),
            "p99_ns": quantile(latencies, 0.99),
            "p999_ns": quantile(latencies, 0.999),
            "slowest_per_s": round(commands / seconds[-1]),
            "fastest_per_s": round(commands / seconds[0]),
            "rounds": len(seconds),
            "commands_per_round": commands,
            "timed_calls": len(latencies),
            "accounts": ACCOUNTS,
            "positions_each": self.flow.markets,
            "resting_orders": int(self.exchange.state.orders.live),
            "levels": int(self.exchange.state.levels.live),
            "counted": self.counted,
            "accepted_ppm": round(PPM * (1 - self.seen[Rejected.KIND] / self.counted)),
            "trades": self.seen[Traded.KIND],
        }


def chunks(rows: array[int], size: int) -> list[memoryview]:
    view = memoryview(rows)
    return [view[at : at + size * ROW] for at in range(0, len(rows), size * ROW)]


def quantile(values: list[int], q: float) -> int:
    return sorted(values)[int(q * (len(values) - 1))]


def each(call: Callable[[Any], Any], arguments: Sequence[Any]) -> None:
    for argument in arguments:
        call(argument)


def timed(call: Callable[[Any], Any], arguments: Sequence[Any]) -> tuple[list[int], list[Any]]:
    """Time of each call [ns], and what it returned."""
    times = []
    results = []
    for argument in arguments:
        start = perf_counter_ns()
        result = call(argument)
        times.append(perf_counter_ns() - start)
        results.append(result)
    return times, results


def typed(rows: array[int]) -> list[Command]:
    return [command_of_row(list(row)) for row in chunks(rows, 1)]


@pytest.fixture(scope="module", params=[(mix, markets) for mix in FLOWS for markets in (1, 10)], ids=lambda param: f"{param[0]}/{param[1]}")
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    mix, markets = request.param
    made = Site(FLOWS[mix](markets, SEED))
    made.warm_up(LENGTHS.chunks * CHUNK)
    yield made
    made.exchange.book.check()


@pytest.mark.benchmark(timer=process_time)
def test_apply_rows(site: Site, benchmark: BenchmarkFixture, report: list[dict[str, Any]]) -> None:
    """Rounds: bulk calls of CHUNK rows. Latencies: bulk calls of one row."""
    call = site.exchange.apply_rows
    rounds = iter([chunks(site.flow.take(LENGTHS.chunks * CHUNK), CHUNK) for _ in range(LENGTHS.rounds)])
    benchmark.pedantic(each, setup=lambda: ((call, next(rounds)), {}), rounds=LENGTHS.rounds)
    latencies, results = timed(call, chunks(site.flow.take(LENGTHS.calls), 1))
    for events in results:
        site.count(events, 1)
    site.check()
    if benchmark.stats:
        report.append(site.row("apply_rows", benchmark, LENGTHS.chunks * CHUNK, latencies))


@pytest.mark.benchmark(timer=process_time)
def test_apply(site: Site, benchmark: BenchmarkFixture, report: list[dict[str, Any]]) -> None:
    """One typed command per call, answered by typed events."""
    call = site.exchange.apply
    rounds = iter([typed(site.flow.take(LENGTHS.commands)) for _ in range(LENGTHS.rounds)])
    benchmark.pedantic(each, setup=lambda: ((call, next(rounds)), {}), rounds=LENGTHS.rounds)
    latencies, results = timed(call, typed(site.flow.take(LENGTHS.calls)))
    for events in results:
        site.seen.update(event.KIND for event in events)
    site.counted += len(results)
    site.check()
    if benchmark.stats:
        report.append(site.row("apply", benchmark, LENGTHS.commands, latencies))
