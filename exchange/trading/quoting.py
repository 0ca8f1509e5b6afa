"""The quotes that a MassQuote has in its row: pairs of price and size, of which size 0 is none."""

from __future__ import annotations

from typing import Final

from librt.vecs import vec
from mypy_extensions import i64

from ..schema import columns as c
from ..state.types import NIL

QUOTES: Final[i64] = 5  # in one command


def quoted(rows: vec[i64], at: i64) -> i64:
    """How many quotes the MassQuote that begins at `at` has."""
    count: i64 = 0
    i: i64 = 0
    while i < QUOTES:
        if rows[at + c.MASS_QUOTE_SIZE_1 + 2 * i] != 0:
            count += 1
        i += 1
    return count


def find_price(rows: vec[i64], at: i64, price: i64) -> i64:
    """Which of the quotes of a MassQuote, from 0, is the first at this price; NIL: none is."""
    i: i64 = 0
    while i < QUOTES:
        if rows[at + c.MASS_QUOTE_SIZE_1 + 2 * i] != 0 and rows[at + c.MASS_QUOTE_PRICE_1 + 2 * i] == price:
            return i
        i += 1
    return NIL
