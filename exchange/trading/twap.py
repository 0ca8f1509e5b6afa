"""Time-weighted average prices, as a recursion that needs no history. Averages round down.

Kept in 2^-24 ticks: a price is below 2^32, so an average is below 2^56. A look stands for a stated time; what nobody looked at does not
count, so one look after a long silence is no more than one look.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

FINE: Final[i64] = 24  # averages are in 2^-24 ticks


def twap_next(twap: int, price: int, elapsed: int, window: int) -> int:
    """The average after `price` has held for `elapsed`: (p x dt + twap x max(0, T - dt)) / (dt + max(0, T - dt)), rounded down.

    Prices in any unit, times in any other. Source: Drift, math/amm.rs (calculate_weighted_average over a funding period).
    """
    kept = max(0, window - elapsed)
    return (price * elapsed + twap * kept) // (elapsed + kept)


def averaged_price(twap: i64, price: i64, elapsed: i64, window: i64) -> i64:
    """The same for an average [2^-24 ticks] and a look at a price [ticks]; the first look, when the average is 0, is the average."""
    fine = price << FINE
    if twap == 0:
        return fine
    return twap_next(int(twap), int(fine), int(elapsed), int(window))
