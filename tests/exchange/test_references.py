"""References: the compiled core counts fewer of them than mypyc would (build_hints.py), and neither loses nor leaks one."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from kit import Bench, packed, plain_venue, script

from perplab.exchange import Exchange, load_venue, register, shipped_venues
from perplab.exchange.messages import UpdateOracle
from perplab.exchange.rules import Backstop, Market, State, forget
from perplab.exchange.state.snapshot import attributes


def parts(of: object, path: str) -> Iterator[tuple[str, object]]:
    """The records of the core that hang on one, by the names that lead to them. Markets change hands."""
    for name in attributes(of):
        part = getattr(of, name)
        if name != "design" and type(part).__module__.startswith("perplab.exchange.") and not isinstance(part, Market):
            yield f"{path}.{name}", part
            yield from parts(part, f"{path}.{name}") if name != "state" else ()


def references(venue: Exchange) -> dict[str, int]:
    found = {path: sys.getrefcount(part) for path, part in [*parts(venue, "venue"), *parts(venue.state, "state")]}
    for market in venue.state.markets:
        found["markets"] = found.get("markets", 0) + sys.getrefcount(market)
        found |= {f"{market.number}.{path}": sys.getrefcount(part) for path, part in parts(market, "market")}
    return found


@pytest.mark.parametrize("name", shipped_venues())
def test_a_crash_leaves_as_many_as_there_were(name: str) -> None:
    venue = Exchange(load_venue(name))
    venue.apply_rows(packed(script(3, 40)))
    before = references(venue)
    assert len(before) > 30
    last = venue.now
    venue.apply_rows(packed(command for command in script(4, 160) if command.ts >= last))
    assert references(venue) == before


class Unable(Backstop):
    """Raises when it is asked to pay, deep in a liquidation."""

    def available(self, state: State, row: int) -> int:
        raise ZeroDivisionError


@pytest.fixture
def unable() -> Iterator[str]:
    register("backstops", "unable", Unable)
    yield "unable"
    forget("backstops", "unable")


def test_what_is_raised_leaves_as_many_on_its_way_out(unable: str) -> None:
    bench = Bench(plain_venue({"backstops": [unable]}))
    trader, other = bench.open("100"), bench.open("1000")
    bench.oracle(100)
    bench.block(trader, other, 10, 100)
    bench.place(other, 0, 10, 85)
    before = references(bench.exchange)
    with pytest.raises(ZeroDivisionError):
        bench.exchange.apply(UpdateOracle(bench.now, 0, 88))
    assert references(bench.exchange) == before
