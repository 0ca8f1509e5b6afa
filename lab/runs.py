"""What one run of the lab leaves behind: the contract between the simulation, which fills it, and the metrics, which read it.

Arrays are numpy; times are ns since 1970; money in micro-units, prices in ticks unless a name says usd. Nothing in it depends on how
long the run took: timings live in `Timing`, which never enters a report.json.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

MARKET: Final = 0  # the number of the one market of a run
ASSET: Final = 0  # and of the asset that it settles in: the venue's first


@dataclass(frozen=True)
class MarketTerms:
    """Scales that turn core integers into dollars and coins."""

    name: str
    tick: float  # [USD per tick]
    lot: float  # [coins per lot]
    unit: int  # [micro-units per tick x lot]
    accrual_shift: int  # per-lot accruals are in 2^-accrual_shift micro-units


@dataclass(frozen=True)
class BookSamples:
    """The book seen at a moment of each second, before the command of that time. Shapes (n,) unless said; NaN where a side is empty."""

    ts: Ints
    true_usd: Floats
    mark_usd: Floats
    last_usd: Floats
    bid_usd: Floats
    ask_usd: Floats
    bid_depth_usd: Floats  # notional within 1 % of the true price
    ask_depth_usd: Floats
    sizes_usd: tuple[float, float, float]  # the three sizes of the effective spread
    effective_bp: Floats  # shape (n, 3, 2): VWAP of buying/selling sizes_usd against the true price; NaN if the book cannot fill it


@dataclass(frozen=True)
class Cohort:
    """A named class of accounts, e.g. longs, hedgers, directional_shorts, makers, arbitrageurs, bidders, noise, momentum."""

    name: str
    accounts: Ints


@dataclass(frozen=True)
class Granted:
    """What a venue's margin rules let the population open of what it wants, with the money that the scenario gives it."""

    accounts_cut: int  # hold less than they want, because of their own margin or their counterparties'
    wanted: int  # [micro] notional of one side at the starting mark
    granted: int  # [micro] likewise: equal to `wanted` if nobody is cut
    accounts: int = 0  # that want a position; in several markets, positions that are wanted, of which `accounts_cut` are cut


@dataclass(frozen=True)
class ProfessionalGroup:
    """What became of makers, arbitrageurs or bidders, all of a kind together."""

    cohort: str
    paid_in: int  # [micro] by margin calls, out of what they have and earn outside
    least_equity_share: float  # their least equity of all seconds, over that at the start
    liquidated: int  # how many of them fell below maintenance margin
    is_exhausted: bool  # their equity fell below a quarter of the start's while a margin call could not be met in full, or they have none
    is_refilled: bool = True  # they have margin calls at all: not where their money is in a pool


@dataclass(frozen=True)
class Timing:
    wall_s: float
    core_s: float


@dataclass(frozen=True)
class Run:
    venue: str
    scenario: str
    seed: int
    build: str  # compiled, interpreted
    terms: MarketTerms
    start_ts: int
    end_ts: int
    commands: int
    state_hash: str
    events: Ints  # shape (m, 16): the packed event rows of exchange/schema/events.py
    book: BookSamples
    path_ts: Ints  # the true price, on its own grid
    path_usd: Floats
    cohorts: tuple[Cohort, ...]
    opening_equity: Ints  # [micro] per account number, after seeding, at the starting mark; what it has in a pool included
    closing_equity: Ints  # [micro] per account number, likewise
    opening_size: Ints  # [lots] per account number, after seeding
    closing_size: Ints
    balances: dict[str, int]  # [micro] closing ledger balance by cohort, and of insurance, vault, fees, rounding, clearing, uncovered, pool
    deposits: int  # [micro]
    withdrawals: int
    capital: dict[str, int] = field(default_factory=dict)  # [micro] starting capital: insurance_fund, vault; pool, where there is a curve
    journal: bytes = b""
    timing: Timing = Timing(0.0, 0.0)
    closing_stake: Ints = field(default_factory=lambda: np.zeros(0, np.int64))  # [micro] what each account has in a pool, if there is one
    professionals: tuple[ProfessionalGroup, ...] = ()  # see perplab.lab.professionals
    watch_ts: int = 0  # from when on the delay of auto-deleveraging is measured; 0: from the start
    granted: Granted = Granted(0, 0, 0)
    path_sha256: str = ""  # of the path's prices before impact, float64: which world the run met
