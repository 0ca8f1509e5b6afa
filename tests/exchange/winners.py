"""A winner of deleveraging, as ranks are told of it."""

from __future__ import annotations

from perplab.exchange.rules import Winner


def winner(notional: int, entry: int, equity: int, is_long: bool, account: int = 8, opened: int = 0, seed: int = 0, now: int = 0) -> Winner:
    """One lot in market 0."""
    return Winner(0, is_long, 1, notional, entry, opened, account, equity, seed, now)
