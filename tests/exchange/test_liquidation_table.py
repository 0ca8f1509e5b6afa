"""The table of liquidations: rows that are used again, in the order in which liquidations began."""

from __future__ import annotations

import pytest
from kit import FIRST, Dice

from perplab.exchange.state.liquidations import Liquidations


def rows_in_use(table: Liquidations) -> list[int]:
    """The table's rows from the first to the last; the links back say the same."""
    found: list[int] = []
    before, at = -1, table.first
    while at != -1:
        assert table.prev[at] == before
        found.append(at)
        before, at = at, table.next[at]
    assert (table.last, table.live) == (before, len(found))
    return found


def test_rows_of_liquidations_are_used_again() -> None:
    """The one that was freed last comes first; the table doubles only when it has none left."""
    table = Liquidations(4)
    for expected in range(9):
        assert table.rows == (4 if expected <= 4 else 8) and table.new_row() == expected
        table.account[expected] = FIRST
    assert (table.rows, table.live) == (16, 9)
    for free in (7, 1, 4):
        table.free_row(free)
        assert table.account[free] == -1
    assert rows_in_use(table) == [0, 2, 3, 5, 6, 8]
    assert [table.new_row() for _ in range(4)] == [4, 1, 7, 9]
    assert rows_in_use(table) == [0, 2, 3, 5, 6, 8, 4, 1, 7, 9]  # in the order in which they began
    assert (table.rows, table.same_account[4]) == (16, -1)


@pytest.mark.parametrize("seed", range(5))
def test_liquidations_keep_their_order(seed: int) -> None:
    """Rows come and go at random: those in use are linked as they began, and an auction's number leads to its row."""
    table, dice = Liquidations(2), Dice(seed)
    expected: list[int] = []
    auctions: dict[int, int] = {}
    for step in range(400):
        if not expected or dice.roll(0, 99) < (60 if step < 200 else 40):
            expected.append(int(table.new_row()))
            assert sorted(set(expected)) == sorted(expected)
            if dice.roll(0, 1):
                auctions[expected[-1]] = table.open_auction(expected[-1])
        else:
            gone = expected.pop(dice.roll(0, len(expected) - 1))
            if gone in auctions:
                table.close_auction(gone)
                assert (table.auction[gone], table.of_auction(auctions.pop(gone))) == (0, -1)
            table.free_row(gone)
        assert rows_in_use(table) == expected
        assert {row: number for row, number in auctions.items() if table.of_auction(number) == row} == auctions
    assert table.of_auction(0) == table.of_auction(table.last_auction + 1) == -1
