"""Numbers of the venue as people write them. Everything here takes the core's integers and gives text; nothing is rounded away silently.

A money amount is shown to the cent, or to the micro-unit where it is smaller than that; a rate with as many digits as it has.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from perplab.exchange.units import MICRO, SECOND_NS

PPM_PER_PERCENT: Final = 10_000
PPB_PER_BP: Final = 100_000
PPT_PER_PERCENT: Final = 10_000_000_000
TIMES: Final = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s"))  # [ms]


def plain(number: Decimal | int) -> str:
    """With separators of thousands, and no zeros behind the last digit."""
    text = f"{Decimal(number):,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def money(micro: int, asset: str = "USD") -> str:
    """An amount: `1,250.00 USD`, `0.000012 USD`."""
    cents = Decimal(micro) / MICRO
    shown = f"{cents:,.2f}" if micro % 10_000 == 0 or abs(micro) >= 100 * MICRO else plain(cents)
    return f"{shown.removesuffix('.00')} {asset}"


def usd(whole: int, asset: str = "USD") -> str:
    """An amount that a design states in whole units."""
    return f"{whole:,} {asset}"


def percent(ppm: int) -> str:
    return f"{plain(Decimal(ppm) / PPM_PER_PERCENT)} %"


def off(difference: int, of: int) -> str:
    """A difference as a part of `of` > 0, in per cent to five places of it, either way rounded alike."""
    return f"{plain((Decimal(100 * difference) / of).quantize(Decimal('0.00001')))} %"


def basis_points(ppb: int) -> str:
    """A fee."""
    return f"{plain(Decimal(ppb) / PPB_PER_BP)} bp"


def rate(ppt: int) -> str:
    """A rate per interval, in per cent to seven places of it."""
    return f"{plain((Decimal(ppt) / PPT_PER_PERCENT).quantize(Decimal('0.0000001')))} %"


def milliseconds(ms: int) -> str:
    """In the largest unit that makes a whole number of it."""
    for size, name in TIMES:
        if ms and ms % size == 0:
            return f"{ms // size:,} {name}"
    return f"{plain(Decimal(ms) / 1_000)} s" if ms > 1_000 else f"{ms:,} ms"


def seconds(ns: int) -> str:
    """A time between two moments, where several are to be compared."""
    return f"{plain(Decimal(ns) / SECOND_NS)} s"


def joined(words: list[str], last: str = "and") -> str:
    """`a, b and c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}" if words else "nothing"
