"""The venue and a plain book side by side, on the same neutral flows: what a whole venue costs beside a book that only matches.

Before anything is timed, the venue's fills are compared with those of the plain book over the whole flow: a benchmark of a wrong book
says nothing. Then a fresh venue and a fresh plain book take turns, round by round, so that a machine that slows down slows both; the
ratio is the median of the rounds' ratios. Rounds are measured in CPU time of the process, as in bench_core.py, the first one not.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from statistics import median
from time import process_time
from typing import Any, Final, NamedTuple

import numpy as np
import pytest
from flow_venue import CHUNK, CLIENT_IDS, ORDER_IDS, Disagreement, FlowVenue, agreed, chunks, commands, run_plain
from neutral_flows import Flow, flow_of
from plain_book import PlainBook

from perplab.exchange import BUILD

SEED: Final = 20251010


class Lengths(NamedTuple):
    """How much of a flow is run."""

    rounds: int  # measured; one more comes before them
    bulk: int  # messages per round of apply_rows
    typed: int  # of apply


LENGTHS: Final = Lengths(7, 100 * CHUNK, 10_000) if BUILD == "compiled" else Lengths(5, 8 * CHUNK, 2_000)
CASES: Final = (
    ("maker", ORDER_IDS, "apply_rows"),
    ("maker", CLIENT_IDS, "apply_rows"),
    ("maker", ORDER_IDS, "apply"),
    ("match", ORDER_IDS, "apply_rows"),
    ("deep", ORDER_IDS, "apply_rows"),
)


@cache
def longest(name: str) -> Flow:
    return flow_of(name, (LENGTHS.rounds + 1) * max(LENGTHS.bulk, LENGTHS.typed), SEED)


def clocked(call: Callable[..., Any], *arguments: Any) -> float:
    start = process_time()
    call(*arguments)
    return process_time() - start


def each(call: Callable[[Any], Any], arguments: list[Any]) -> None:
    for argument in arguments:
        call(argument)


def timed(flow: Flow, by: str, path: str) -> tuple[list[float], list[float]]:
    """Seconds of the venue and of the plain book, per round."""
    venue, book = FlowVenue(by), PlainBook()
    venue.bulk(flow.resting)
    run_plain(book, flow.resting.tolist())
    call = venue.exchange.apply_rows if path == "apply_rows" else venue.exchange.apply
    times = []
    for part in np.array_split(flow.messages, LENGTHS.rounds + 1):
        rows, messages = venue.rows(part), part.tolist()
        arguments = chunks(rows) if path == "apply_rows" else commands(rows)
        times.append((clocked(each, call, arguments), clocked(run_plain, book, messages)))
        book.fills.clear()
    venue.exchange.check()
    return [one for one, _ in times[1:]], [other for _, other in times[1:]]


@pytest.mark.parametrize(("name", "by", "path"), CASES, ids=["/".join(case) for case in CASES])
def test_flow(name: str, by: str, path: str, flow_report: list[dict[str, Any]]) -> None:
    size = LENGTHS.bulk if path == "apply_rows" else LENGTHS.typed
    flow = longest(name)
    flow = flow._replace(messages=flow.messages[: size * (LENGTHS.rounds + 1)])
    try:
        tally = agreed(flow, by, path == "apply")
    except Disagreement as error:
        pytest.fail(f"flow {name} by {by} ids through {path}: venue and plain book disagree, nothing was timed: {error}", pytrace=False)
    venue, plain = timed(flow, by, path)
    flow_report.append(
        {
            "build": BUILD,
            "flow": f"{name}/{by}",
            "path": path,
            "messages_per_s": round(size / median(venue)),
            "slowest_per_s": round(size / max(venue)),
            "fastest_per_s": round(size / min(venue)),
            "plain_book_per_s": round(size / median(plain)),
            "ratio": round(median(other / one for one, other in zip(venue, plain)), 4),
            "rounds": LENGTHS.rounds,
            "messages_per_round": size,
            "resting_at_start": len(flow.resting),
            "messages": len(flow.messages),
            **tally._asdict(),
        }
    )
