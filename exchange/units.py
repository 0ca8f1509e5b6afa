"""The units of what crosses the boundary, for code outside the core. A test holds them to those that the core computes with.

Price [ticks], size [lots], money [micro], time [ns], margin fractions [ppm], fees [ppb], accruing rates [ppt].
"""

from __future__ import annotations

from typing import Final

MICRO: Final = 1_000_000  # micro-units per unit of money: per USD, if the market settles in USD
PPM: Final = 1_000_000  # parts per million in 1
PPB: Final = 1_000_000_000
PPT: Final = 1_000_000_000_000
MS_NS: Final = 1_000_000  # [ns] in a millisecond
SECOND_NS: Final = 1_000_000_000  # [ns] in a second
MINUTE_NS: Final = 60_000_000_000  # [ns] in a minute
BP: Final = 1e-4  # one basis point, as a fraction: `ratio = number_of_bp * BP`
BP_PER_ONE: Final = 1e4  # basis points in 1: `number_of_bp = ratio * BP_PER_ONE`. Not 1 / BP, which rounds differently
