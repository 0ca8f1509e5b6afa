"""The times in what this dialect tells, for a user who is told wrong ones."""

from __future__ import annotations

from typing import Any, Final

from .asked import MS

OF_MS: Final = frozenset(("time", "timestamp", "statusTimestamp", "serverTime", "nextFundingTime"))  # 0: not known
CURVES: Final = frozenset(("accountValueHistory", "pnlHistory"))  # of a portfolio: pairs of a time and a value
STAGE: Final = frozenset(("time", "state", "status", "twapId"))  # of a TWAP: its `time` is in seconds
SECOND_MS: Final = 1_000


def moved(told: Any, shift: int) -> Any:
    """What is told with all its times moved [ns]; dates of days stay."""
    return _moved(told, shift // MS)


def _moved(told: Any, ms: int) -> Any:
    if isinstance(told, list | tuple):
        return [_moved(one, ms) for one in told]
    if not isinstance(told, dict):
        return told
    unit = SECOND_MS if told.keys() == STAGE else 1
    is_candle = "t" in told and "T" in told
    return {name: _field(name, value, ms // unit, ms, is_candle) for name, value in told.items()}


def _field(name: str, value: Any, own: int, ms: int, is_candle: bool) -> Any:
    if name in OF_MS or (is_candle and name in "tT"):
        return value + own if isinstance(value, int) and value else value
    if name in CURVES:
        return [[at + ms, *rest] for at, *rest in value]
    return _moved(value, ms)
