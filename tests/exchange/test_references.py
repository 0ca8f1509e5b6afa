"""References: the compiled core counts fewer of them than mypyc would (build_hints.py), and neither loses nor leaks one."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from kit import Bench, packed, plain_venue
from preset_kit import script_of

from perplab.exchange import Exchange, load_venue, register, shipped_venues
from perplab.exchange.messages import UpdateOracle
from perplab.exchange.rules import Backstop, Market, State, forget
from perplab.exchange.state.pools import Pool
from perplab.exchange.state.snapshot import attributes


def parts(of: object, path: str, above: tuple[int, ...] = ()) -> Iterator[tuple[str, object]]:
    """The records of the core that hang on one, by the names that lead to them. Markets change hands, and a planner's pool is a market's
    or, in a dry run, a copy. Some know who knows them: a name that leads back `above` is not followed."""
    above = (*above, id(of))
    for name in attributes(of):
        part = getattr(of, name)
        if name == "design" or isinstance(part, Market | Pool) or id(part) in above:
            continue
        if type(part).__module__.startswith("perplab.exchange."):
            yield f"{path}.{name}", part
            yield from parts(part, f"{path}.{name}", above) if name != "state" else ()


def references(venue: Exchange) -> dict[str, int]:
    found = {path: sys.getrefcount(part) for path, part in [*parts(venue, "venue"), *parts(venue.state, "state")]}
    for market in venue.state.markets:
        found["markets"] = found.get("markets", 0) + sys.getrefcount(market)
        is_planned = venue.entry.matcher.planner.pool is market.pool
        found["pools"] = found.get("pools", 0) + sys.getrefcount(market.pool) - is_planned
        found |= {f"{market.number}.{path}": sys.getrefcount(part) for path, part in parts(market, "market")}
    return found


@pytest.mark.parametrize("name", shipped_venues())
def test_a_crash_leaves_as_many_as_there_were(name: str) -> None:
    design = load_venue(name)
    venue = Exchange(design)
    venue.apply_rows(packed(script_of(design, 3, 40)))
    before = references(venue)
    assert len(before) > 30
    last = venue.now
    venue.apply_rows(packed(command for command in script_of(design, 4, 160) if command.ts >= last))
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
