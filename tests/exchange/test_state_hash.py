"""The state hash: it sees whatever can show in later events, and not how the tables are laid out."""

from __future__ import annotations

import pytest
from kit import FIRST, START, packed, script, some_venue
from msgspec import structs

from perplab.exchange import Exchange, load_venue
from perplab.exchange import events as ev
from perplab.exchange import messages as m


def hash_after(*commands: m.Command) -> str:
    bench = some_venue()
    for command in commands:
        bench.exchange.apply(command)
    return bench.exchange.state_hash()


CHANGES = {
    "time": m.Tick(START + 1),
    "cash": m.Deposit(START, FIRST, 0, 1),
    "an account": m.OpenAccount(START, 1, 0),
    "an order": m.Place(START, FIRST, 0, 0, 89, 1),
    "a cancel": m.CancelClient(START, FIRST, 0, 1),
    "a leverage": m.SetLeverage(START, FIRST, 0, 5),
    "a margin mode": m.SetMarginMode(START, FIRST, 1, 1),
    "a position": m.BlockTrade(START, FIRST, FIRST + 1, 0, 1, 100),
    "a mark": m.UpdateOracle(START, 0, 101),
    "a status": m.SetMarketStatus(START, 1, 2),
    "a price of outside perpetuals": m.UpdateOracle(START, 0, 100, 7),
}


@pytest.mark.parametrize("name", CHANGES)
def test_the_hash_sees(name: str) -> None:
    assert hash_after(CHANGES[name]) != hash_after()


@pytest.mark.parametrize("pair", [
    [m.Place(START, FIRST, 0, 0, 80, 1), m.Place(START, FIRST, 0, 0, 81, 1), m.LinkOco(START, FIRST, 1, 2)],
    [m.PlaceBracket(START, FIRST, 0, 0, 80, 1, 0, 0, 120, 70)],
], ids=["orders", "a bracket"])  # fmt: skip
def test_the_hash_sees_whether_one_of_a_pair_goes_alone(pair: list[m.Command]) -> None:
    bench = some_venue()
    for command in pair:
        assert not any(isinstance(event, ev.Rejected) for event in bench.exchange.apply(command))
    assert hash_after(*pair[:-1], structs.replace(pair[-1], alone=1)) != bench.exchange.state_hash() == hash_after(*pair)


def test_the_hash_does_not_see_slots_and_sizes_of_tables() -> None:
    """Orders that came and went, and tables that grew, leave no trace but the order numbers."""
    commands = script(4, 12)
    wide, narrow = Exchange(load_venue("social_only"), None, 50_000, 5_000), Exchange(load_venue("social_only"), None, 1, 1)
    assert list(wide.apply_rows(packed(commands))) == list(narrow.apply_rows(packed(commands)))
    assert wide.state_hash() == narrow.state_hash()


def test_equal_hashes_mean_equal_futures() -> None:
    """Two orders that came to where they are in another sequence: whatever the hash leaves out must not show in later events."""
    first = [m.Place(START, FIRST, 0, 0, 80, 1), m.Place(START, FIRST, 0, 0, 81, 1)]
    moved = [*first, m.Amend(START, FIRST, 2, 79, 1), m.Amend(START, FIRST, 2, 80, 1)]
    back = [*first, m.Amend(START, FIRST, 2, 80, 1)]
    futures = []
    for commands in (moved, back):
        bench = some_venue()
        for command in commands:
            bench.exchange.apply(command)
        futures.append((bench.exchange.state_hash(), [event.order_id for event in bench.exchange.apply(m.CancelAll(START, FIRST))]))
    assert (futures[0][0] == futures[1][0]) <= (futures[0][1] == futures[1][1])
