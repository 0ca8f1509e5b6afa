"""The liquidations under way: found by what they are about and by their auction, listed in the order in which they began."""

from __future__ import annotations

import pytest
from kit import FIRST, START, Dice

from perplab.exchange.state.liquidations import Liquidation, Liquidations
from perplab.exchange.state.tables import P_WIDTH

ASSETS, ROWS = 3, 4


def key_of(number: int) -> tuple[int, int, int]:
    """(account, row, asset) of one of many liquidations: the first ones of an account are of its cross positions, one per asset."""
    account, which = FIRST + number // (ASSETS + ROWS), number % (ASSETS + ROWS)
    if which < ASSETS:
        return account, -1, which
    return account, (number - ASSETS) * int(P_WIDTH), number % ASSETS


def test_a_liquidation_begins_at_the_first_step_without_an_auction() -> None:
    it = Liquidation(FIRST, -1, 2, START)
    assert (it.phase, it.step, it.since, it.auction, it.insolvent_since, it.exhausted) == (0, 0, START, 0, -1, False)


def test_keys_tell_cross_from_isolated() -> None:
    """Cross positions by their asset, below zero; an isolated one by its row, whatever it settles in."""
    assert [Liquidation(FIRST, -1, asset, START).key for asset in range(3)] == [(FIRST, -1), (FIRST, -2), (FIRST, -3)]
    assert [Liquidation(FIRST, 0, asset, START).key for asset in range(3)] == [(FIRST, 0)] * 3
    table = Liquidations()
    isolated = Liquidation(FIRST, 0, 1, START)
    table.add(isolated)
    assert table.find(FIRST, 0, -1) is isolated and table.find(FIRST, -1, 0) is None and table.find(FIRST, -1, 1) is None


def test_another_of_the_same_key_is_not_the_one_that_is_under_way() -> None:
    """One that has ended stays ended when the next one of the same account begins."""
    table = Liquidations()
    first, second = Liquidation(FIRST, -1, 0, START), Liquidation(FIRST, -1, 0, START)
    table.add(first)
    table.remove(first)
    assert not table.is_under_way(first)
    table.add(second)
    assert table.is_under_way(second) and not table.is_under_way(first)
    with pytest.raises(KeyError):
        table.remove(Liquidation(FIRST, -1, 1, START))


@pytest.mark.parametrize("seed", range(5))
def test_liquidations_keep_their_order(seed: int) -> None:
    """They come and go at random: listed as they began, found by what they are about; an auction's number leads to its own, and numbers are
    never used again."""
    table, dice = Liquidations(), Dice(seed)
    expected: dict[int, Liquidation] = {}  # by number, in the order in which they began
    auctions: dict[int, Liquidation] = {}
    opened = 0
    for step in range(400):
        free = [number for number in range(60) if number not in expected]
        if free and (not expected or dice.roll(0, 99) < (60 if step < 200 else 40)):
            number = free[dice.roll(0, len(free) - 1)]
            expected[number] = begun = Liquidation(*key_of(number), START + step)
            table.add(begun)
            if dice.roll(0, 1):
                opened += 1
                assert table.open_auction(begun) == begun.auction == table.last_auction == opened
                begun.insolvent_since = START if dice.roll(0, 1) else -1
                auctions[opened] = begun
        else:
            gone = expected.pop(list(expected)[dice.roll(0, len(expected) - 1)])
            if gone.auction:
                del auctions[gone.auction]
                table.close_auction(gone)
                assert (gone.auction, gone.insolvent_since) == (0, -1)
            table.remove(gone)
            assert not table.is_under_way(gone)
        assert table.listed() == list(expected.values()) and table.auctions == auctions
        assert all((table.find(*key_of(number)) is expected.get(number)) for number in range(60))
        assert all(table.of_auction(number) is auctions.get(number) for number in range(opened + 2))
    assert opened > 50


def test_the_list_may_change_while_it_is_walked() -> None:
    table = Liquidations()
    for number in range(5):
        table.add(Liquidation(FIRST + number, -1, 0, START))
    walked = []
    for one in table.listed():
        table.remove(one)
        table.add(Liquidation(one.account, -1, 1, START))
        walked.append(int(one.account))
    assert walked == [FIRST + number for number in range(5)]
    assert [one.asset for one in table.listed()] == [1] * 5
