"""The debits after which the venue's rules liquidate an account."""

from __future__ import annotations

from collections.abc import Iterator

from ..engine import Exchange
from ..schema.codes import MarginMode
from ..schema.messages import MAX_AMOUNT, MAX_SUPPLY, Debit


def liquidating(venue: Exchange, account: int, market: int) -> Iterator[Debit]:
    """Down to half of what the least of the positions requires, so that closing the others is not enough, even at a gain."""
    needed: dict[tuple[int, int], int] = {}  # by asset and market, -1: cross: the least that one of the positions requires
    for number, terms in enumerate(venue.design.markets):
        position = venue.position(account, number)
        if position.size and market in (-1, number):
            key = venue.design.assets.index(terms.settlement_asset), number if position.mode == MarginMode.ISOLATED else -1
            if key[1] == market or market == -1:
                needed[key] = min(needed.get(key, MAX_SUPPLY), venue.position_maintenance(account, number))
    for (asset, where), least in needed.items():
        equity = venue.equity(account, asset) if where < 0 else venue.isolated_equity(account, where)
        yield from debits_of(account, asset, equity - least // 2, where)


def debits_of(account: int, asset: int, amount: int, market: int) -> Iterator[Debit]:
    """The commands that take an amount, which may be larger than one command can name."""
    while amount > 0:
        part = min(amount, MAX_AMOUNT)
        yield Debit(0, account, asset, part, market)
        amount -= part
