"""Kinds of numbers in a scenario, with the bounds between which a run can be made of them.

Rules of the file: a bound is wider than anything that makes sense, and narrow enough that nothing overflows or divides by nearly nothing.
"""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta

from .paths import Positive, Table

MAX_BP: Final = 5000.0  # of a quote from the price: less than the price itself

Count = Annotated[int, Meta(ge=0, le=100_000)]
Leverage = Annotated[float, Meta(ge=0.01, le=1000)]
Offset = Annotated[float, Meta(ge=0, le=MAX_BP)]  # [bp] from a price: less than the price itself
Seconds = Annotated[float, Meta(ge=0.001, le=1e6)]
Tail = Annotated[float, Meta(ge=0.1, le=100)]  # exponent of a Pareto distribution
Volatility = Annotated[float, Meta(ge=1e-6, le=1e6)]  # [bp per square root of a second]
Distance = Annotated[float, Meta(ge=1e-6, le=MAX_BP)]  # [bp] from a price, and not at it
Away = Annotated[float, Meta(ge=0.0001, le=0.95)]  # of a price, and not at it nor at zero
Times = Annotated[float, Meta(gt=0, le=1e6)]  # of something else
Exponent = Annotated[float, Meta(ge=0, le=10)]
Ratio = Annotated[float, Meta(ge=0.01, le=100)]
Share = Annotated[float, Meta(ge=0, le=1)]
Signed = Annotated[float, Meta(ge=-1, le=1)]
Prices = Annotated[tuple[Positive, ...], Meta(min_length=2, max_length=64)]


def must_rise(table: Table, *names: str) -> None:
    """ValueError where a range begins above its end."""
    for name in names:
        low, high = getattr(table, name)
        if low > high:
            raise ValueError(f"{name}: {[low, high]} given, expected the smaller number first")
