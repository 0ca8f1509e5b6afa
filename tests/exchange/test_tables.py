"""Tables of rows side by side: where rows lie, what growing keeps, and free lists that break."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from choices import Drawn, Seeded, Source, examples
from hypothesis import given
from hypothesis import strategies as st

from perplab.exchange.state.packed import RecycledTable, Table, column, more
from perplab.exchange.state.state import State
from perplab.exchange.state.tables import (
    L_FREE,
    L_WIDTH,
    O_NEXT,
    O_WIDTH,
    P_ACCOUNT,
    P_FIRST_ORDER,
    P_FIRST_REDUCER,
    P_LEVERAGE,
    P_MARKET,
    P_NEXT,
    P_NEXT_OPEN,
    P_PREV_OPEN,
    P_WIDTH,
    Accounts,
    Levels,
    Orders,
    Positions,
)
from perplab.exchange.state.types import NIL

WIDTH, LINK = 5, 3


def test_columns_are_filled_and_extended() -> None:
    assert list(column(3, 7)) == [7, 7, 7] and list(column(0, 7)) == []
    assert list(more(column(2, 7), 3, -1)) == [7, 7, -1, -1, -1]


# -- tables that only grow --


def test_rows_lie_from_zero_to_the_end() -> None:
    """One behind the other; a table that is full gives none."""
    table = Table(3, WIDTH)
    assert (table.end, len(table.cells)) == (0, 3 * WIDTH)
    for number in range(3):
        assert table.new_row() == number * WIDTH
        assert (table.live, table.end) == (number + 1, (number + 1) * WIDTH)
    with pytest.raises(AssertionError, match="reserve"):
        table.new_row()
    assert (table.live, table.end) == (3, 3 * WIDTH)


@pytest.mark.parametrize("used", [0, 1, 3])
def test_growing_keeps_rows_where_they_are(used: int) -> None:
    """Also while rows are free; what is new is zero."""
    table = Table(3, WIDTH)
    for row in [table.new_row() for _ in range(used)]:
        for at in range(WIDTH):
            table.cells[row + at] = 1 + row + at
    table.grow()
    assert (table.rows, table.live, table.end) == (6, used, used * WIDTH)
    assert list(table.cells) == [*range(1, 1 + used * WIDTH), *[0] * ((6 - used) * WIDTH)]
    assert [table.new_row() for _ in range(6 - used)] == [number * WIDTH for number in range(used, 6)]


# -- tables whose rows are used again --


def free_rows(table: RecycledTable) -> list[int]:
    """The free list, as far as it is one."""
    found: list[int] = []
    row = int(table.free)
    while row != NIL and row not in found:
        found.append(row)
        row = int(table.cells[row + table.link])
    return found


def recycling_stream(source: Source, commands: int) -> None:
    """Rows are taken, freed and written to at random, and the table grows now and then: each row is in use once or free once."""
    table = RecycledTable(2, WIDTH, LINK)
    used: dict[int, list[int]] = {}  # what is written in it
    for number in range(commands):
        act = source.integer(0, 9)
        if act == 0 and table.rows < 64:
            table.grow()
        elif act < 6:
            if table.free == NIL:
                table.grow()
            row = int(table.new_row())
            assert row not in used and row % WIDTH == 0 and 0 <= row < table.rows * WIDTH
            used[row] = [number * WIDTH + at for at in range(WIDTH)]
            for at, value in enumerate(used[row]):
                table.cells[row + at] = value
        elif used:
            row = source.pick(sorted(used))
            del used[row]
            table.free_row(row)
            assert table.free == row  # the one that was freed last is used first
        table.check()
        assert table.live == len(used)
        assert sorted([*used, *free_rows(table)]) == [number * WIDTH for number in range(table.rows)]
        assert all(list(table.cells[row : row + WIDTH]) == written for row, written in used.items())


@examples(60)
@given(st.data())
def test_each_row_is_in_use_or_free(data: st.DataObject) -> None:
    recycling_stream(Drawn(data), 20)


@pytest.mark.parametrize("seed", range(3))
def test_long_streams_of_rows(seed: int) -> None:
    recycling_stream(Seeded(seed), 600)


def test_new_rows_are_given_out_from_the_lowest() -> None:
    table = RecycledTable(4, WIDTH, LINK)
    assert [table.new_row() for _ in range(4)] == [0, WIDTH, 2 * WIDTH, 3 * WIDTH]
    with pytest.raises(AssertionError, match="reserve"):
        table.new_row()
    table.grow()
    assert [table.new_row() for _ in range(4)] == [4 * WIDTH, 5 * WIDTH, 6 * WIDTH, 7 * WIDTH]
    table.check()


@pytest.mark.parametrize("used", range(5))
def test_growing_while_rows_are_free(used: int) -> None:
    """None is lost, none is given out twice; rows in use keep what is in them, in the column of the link too."""
    table = RecycledTable(4, WIDTH, LINK)
    rows = [int(table.new_row()) for _ in range(used)]
    for row in rows:
        table.cells[row + LINK] = 1_000 + row
    table.grow()
    table.check()
    assert (table.rows, table.live, len(free_rows(table))) == (8, used, 8 - used)
    rows += [int(table.new_row()) for _ in range(8 - used)]
    assert sorted(rows) == [number * WIDTH for number in range(8)] and table.free == NIL
    table.check()
    assert [table.cells[row + LINK] for row in rows[:used]] == [1_000 + row for row in rows[:used]]


def link(table: RecycledTable, row: int, to: int) -> None:
    table.cells[row * WIDTH + LINK] = to


def begin(table: RecycledTable, row: int) -> None:
    table.free = row


def count(table: RecycledTable, live: int) -> None:
    table.live = live


ASTRAY, LOST = "leads astray", "neither in use nor free"
BROKEN: dict[str, tuple[Callable[[RecycledTable], None], str]] = {  # of six rows, 0 and 1 in use
    "a row is its own successor": (lambda table: link(table, 3, 3 * WIDTH), ASTRAY),
    "a circle": (lambda table: link(table, 5, 2 * WIDTH), ASTRAY),
    "between two rows": (lambda table: link(table, 3, 3 * WIDTH + 1), ASTRAY),
    "behind the last row": (lambda table: link(table, 5, 6 * WIDTH), ASTRAY),
    "before the first row": (lambda table: link(table, 5, -WIDTH), ASTRAY),
    "begins between two rows": (lambda table: begin(table, 1), ASTRAY),
    "ends early": (lambda table: link(table, 3, NIL), LOST),
    "leaves one out": (lambda table: link(table, 2, 4 * WIDTH), LOST),
    "begins late": (lambda table: begin(table, 3 * WIDTH), LOST),
    "is empty": (lambda table: begin(table, NIL), LOST),
    "holds one that is in use": (lambda table: link(table, 5, WIDTH) or link(table, 1, NIL), LOST),  # type: ignore[func-returns-value]
    "one more is said to be in use": (lambda table: count(table, 3), LOST),
    "one less is said to be in use": (lambda table: count(table, 1), LOST),
}


@pytest.mark.parametrize("name", BROKEN)
def test_the_check_finds_a_broken_free_list(name: str) -> None:
    breaks, told = BROKEN[name]
    table = RecycledTable(6, WIDTH, LINK)
    for _ in range(2):
        table.new_row()
    table.check()
    breaks(table)
    with pytest.raises(AssertionError, match=told):
        table.check()


# -- the tables of a venue --


def test_orders_and_levels_are_linked_through_columns_of_their_own() -> None:
    assert (Orders(2).width, Orders(2).link) == (O_WIDTH, O_NEXT)
    assert (Levels(2).width, Levels(2).link) == (L_WIDTH, L_FREE)


def test_positions_begin_flat_on_cross() -> None:
    """One row behind the other, each with its account, market and leverage; all links lead nowhere."""
    table = Positions(2)
    rows = [table.open(8 + number, 3 + number, 7) for number in range(2)]
    assert (rows, table.end) == ([0, P_WIDTH], 2 * P_WIDTH)
    links = dict.fromkeys((P_NEXT, P_FIRST_ORDER, P_FIRST_REDUCER, P_NEXT_OPEN, P_PREV_OPEN), NIL)
    for number, row in enumerate(rows):
        told = {at: value for at, value in enumerate(table.cells[row : row + P_WIDTH]) if value != 0}
        assert told == {P_ACCOUNT: 8 + number, P_MARKET: 3 + number, P_LEVERAGE: 7} | links


def test_accounts_keep_what_they_have_when_they_grow() -> None:
    """Cash and spending are kept by account and asset."""
    accounts = Accounts(2, 3)
    assert [accounts.new_row() for _ in range(2)] == [0, 1]
    with pytest.raises(AssertionError, match="reserve"):
        accounts.new_row()
    columns = {name for name in dir(accounts) if not name.startswith("_") and hasattr(getattr(accounts, name), "__getitem__")}
    wide = {"cash", "examined", "fund_spent", "fund_window"}
    assert {name for name in columns if len(getattr(accounts, name)) == 6} == wide < columns
    for name in columns:
        value = getattr(accounts, name)
        for at in range(len(value)):
            value[at] = 100 + at
    accounts.grow()
    for name in columns:
        size, fill = 6 if name in wide else 2, NIL if name in ("first_position", "partial", "master") else 0
        assert list(getattr(accounts, name)) == [*range(100, 100 + size), *[fill] * size], name
    assert (accounts.rows, accounts.count, accounts.new_row()) == (4, 2, 2)


def test_a_state_reserves_what_a_command_may_fill() -> None:
    """Each call makes room for a command: an order, a level, an account, and positions in every market for three accounts."""
    state = State(2, 1, 2, 2)
    for _ in range(40):
        room = state.reserve()
        assert room >= 1
        for _ in range(room):
            state.orders.new_row()
            state.levels.new_row()
            account = state.accounts.new_row()
            for market in range(2):
                state.position_row(account, market)
            state.last_order_id += 1
            state.order_ids.put(state.last_order_id, 0)
        state.orders.check()
        state.levels.check()
    assert state.orders.live == state.levels.live == state.accounts.count == state.order_ids.count >= 40
    assert len(state.client_ids) == state.accounts.rows
