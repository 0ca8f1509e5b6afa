"""The package's errors, array types and parameter checks.

Rule of the file: a check returns the value in its plain type, or raises the error class it was given, saying the
parameter's name, the value and what was expected. No silent repair: a value out of range is never moved into it.
"""

from __future__ import annotations

import contextlib
import math
import operator
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]

MAX_NS: Final = 2**62 - 1  # [ns] year 2116, the venue's own bound; half of int64, so that no sum of two wraps
MIN_PRICE: Final = 1e-12  # [USD] below any listed coin; keeps quotients of prices finite
MAX_PRICE: Final = 1e15  # [USD] float64 still resolves 0.125 USD here

BP: Final = 1e-4  # one basis point, as a fraction
SECOND_NS: Final = 10**9  # [ns]
MINUTE_NS: Final = 60 * SECOND_NS  # [ns]
YEAR_NS: Final = 365 * 24 * 60 * MINUTE_NS  # [ns] a market that never closes: 365 days


class OracleError(ValueError):
    """A parameter or file of the oracle package is wrong; the text says which, the value, and what was expected."""


class PathError(OracleError):
    """A price path, a set of bars or a price file is wrong."""


class SourceError(OracleError):
    """A price source, or a table of reports, is wrong."""


class FeedError(OracleError):
    """A feed, or what it is asked to publish, is wrong."""


def whole(error: type[OracleError], name: str, value: object, low: int, high: int) -> int:
    """`value` as an int in [low, high] (numpy integers pass, booleans do not); raises `error`."""
    try:
        number = operator.index(value)  # type: ignore[arg-type]  # anything without __index__ raises TypeError
    except TypeError:
        number = low - 1
    if isinstance(value, bool | np.bool_) or not low <= number <= high:
        raise error(f"{name}: {value!r} given, expected a whole number from {low} to {high}")
    return number


def real(error: type[OracleError], name: str, value: object, low: float, high: float) -> float:
    """`value` as a finite float in [low, high] (numpy numbers pass, booleans and text do not); raises `error`."""
    number = math.nan
    if isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool):
        with contextlib.suppress(OverflowError):  # a huge int has no float
            number = float(value)
    if not low <= number <= high:
        raise error(f"{name}: {value!r} given, expected a number from {low:g} to {high:g}")
    return number


def text(error: type[OracleError], name: str, value: object) -> str:
    """`value` if it is a text of at least one character; raises `error`."""
    if not isinstance(value, str) or not value:
        raise error(f"{name}: {value!r} given, expected a text that is not empty")
    return value


def price_array(error: type[OracleError], name: str, value: object) -> Floats:
    """A read-only copy of `value` as float64 prices, shape (n,), n >= 1, each in [MIN_PRICE, MAX_PRICE]; or `error`."""
    try:
        prices = np.array(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise error(f"{name}: {value!r} given, expected an array of numbers") from None
    if prices.ndim != 1 or prices.size == 0:
        raise error(f"{name}: shape {prices.shape} given, expected (n,) with n >= 1")
    wrong = np.flatnonzero(~((prices >= MIN_PRICE) & (prices <= MAX_PRICE)))  # NaN fails both comparisons
    if wrong.size:
        raise error(
            f"{name}[{wrong[0]}]: {prices[wrong[0]]} given, expected a price from {MIN_PRICE:g} to {MAX_PRICE:g} USD"
        )
    prices.flags.writeable = False
    return prices


def time_array(error: type[OracleError], name: str, value: object) -> Ints:
    """A read-only copy of `value` as int64 times in ns, shape (n,), each in [0, MAX_NS]; raises `error`."""
    times = np.asarray(value)
    if times.ndim != 1 or (times.size and times.dtype.kind not in "iu"):
        raise error(f"{name}: shape {times.shape} of {times.dtype} given, expected (n,) whole numbers of ns")
    wrong = np.flatnonzero((times < 0) | (times > MAX_NS))
    if wrong.size:
        raise error(f"{name}[{wrong[0]}]: {times[wrong[0]]} given, expected a time from 0 to {MAX_NS} ns")
    copy = times.astype(np.int64)
    copy.flags.writeable = False
    return copy
