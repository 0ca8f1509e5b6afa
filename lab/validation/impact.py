"""Price impact over size: of one large liquidation at a time in ordinary minutes, and of all large liquidation orders of a run.

The law that is looked for is a square root (B. Toth et al., Physical Review X 1, 2011, arXiv 1105.1694; on Bitcoin: J. Donier and
J. Bonart, arXiv 1412.4503), which holds for single orders too (G. Maitrier et al., arXiv 2502.16246). So a whale is liquidated while
nothing else happens, once for each size: its first order, a fifth of its position, meets a book that nobody has disturbed. Impact is how
far its last fill is from the true price of that moment. In a crash orders are not like that: many share a moment, and each begins where
the one before it ended.

Rules: nothing of a square root is put into prices, `impact.y` is off; what is measured is the book, and who stands behind it. Sizes were
written down before the runs: from five times what rests at the best price to a sixth of what rests within 1 %.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from msgspec import to_builtins

from perplab.exchange.design.venue import load_venue
from perplab.exchange.events import Traded
from perplab.exchange.messages import FIRST_USER
from perplab.exchange.units import BP_PER_ONE, MICRO

from ..metrics.rows import Log
from ..runs import Run
from ..scenario import Scenario, load_scenario
from ..simulation import run

EXPONENT, WITHIN = 0.5, 0.15  # a square root, and the error that is allowed
FINE, COARSE = "fine_book", "oct10"  # whose book: one tick wide with more depth the farther from the price, and the one that crashes meet
ORDERS_USD: Final = (1e6, 2e6, 5e6, 10e6, 20e6, 50e6)  # of the whale's first order
FIRST: Final = 0.2  # share of the position that it is for: book_fund_adl's partial_ppm
VENUE: Final = "book_fund_adl"
TIER_USD, LOWER, UPPER = 150e6, 0.0125, 0.025  # maintenance of what lies below and above: base.toml
ROOM: Final = 0.02  # by which prices fall until the whale is below maintenance
FALL: Final = 0.9785  # where they go: so little beyond that no second order follows
ACCOUNTS: Final = 60
CREDITORS: Final = 10  # who hold the other side


def on_book(whose: str) -> Scenario:
    """`fine_book`, or the same minutes on another scenario's book."""
    scenario = load_scenario(FINE)
    return scenario if whose == FINE else scenario.override({"makers": to_builtins(load_scenario(whose).makers)})


def whale(whose: str, order_usd: float) -> Scenario:
    """A scenario's book, a fall by 2 % in three minutes, and one long that it liquidates; nobody else is near that, or trades on it."""
    position = order_usd / FIRST
    maintenance = LOWER * position + (UPPER - LOWER) * max(0.0, position - TIER_USD)
    person: dict[str, object] = {"class": "hold", "hears_ms": 500, "orders_ms": 500}
    agents = [
        {**person, "count": 1, "cohort": "whale", "capital_usd": maintenance + ROOM * position, "begins_usd": position},
        {**person, "count": CREDITORS, "cohort": "creditors", "capital_usd": position, "begins_usd": -position / CREDITORS},
    ]
    people = {
        "open_interest_over_depth": 0.05, "long_leverage": 2.0, "short_leverage": 2.0, "leverage_sigma": 0.1, "leverage_cap": 4.0,
        "entry": [1.0, 1.001], "adders": 0.0,
    }  # fmt: skip
    path = {
        "kind": "knots", "source": "constructed", "start": "2025-10-10T12:00:00Z", "step_ms": 100, "first_usd": 120_000.0,
        "then": [[0.2, 1.0], [3.5, FALL]], "volatility_bp": 0.45,
    }  # fmt: skip
    return on_book(whose).override({"momentum": {"count": 0}, "population": people, "agents": agents, "path": path})


def first_order(made: Run) -> tuple[float, float] | None:
    """Size [USD] and impact [bp] of the first liquidation order of the cohort "whale"; None: there was none."""
    log = Log(made)
    (account,) = next(cohort.accounts for cohort in made.cohorts if cohort.name == "whale")
    rows = log[Traded]
    rows = rows.where((rows["liquidation"] == 1) & (rows["taker"] == account))
    if not len(rows):
        return None
    rows = rows.where(rows["ts"] == rows["ts"][0])
    usd = float((rows["price"] * rows["size"]).sum()) * made.terms.unit / MICRO
    true = log.true_usd(rows["ts"][-1:])[0]
    return usd, float(1.0 - rows["price"][-1] * made.terms.tick / true) * BP_PER_ONE


def curve(whose: str, seed: int) -> list[tuple[float, float]]:
    """Size and impact for each size, on a scenario's book."""
    found = [first_order(run(load_venue(VENUE), whale(whose, usd), seed, accounts=ACCOUNTS)) for usd in ORDERS_USD]
    return [one for one in found if one is not None]


def slope(points: Sequence[tuple[float, float]]) -> float | None:
    """Of ln(impact) over ln(size), least squares. None: fewer than three, or one without impact."""
    if len(points) < 3 or min(moved for _, moved in points) <= 0.0:
        return None
    x, y = np.log(np.array(points)).T
    return float(((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum())


# -- all orders of a crash --

BINS: Final = 10
LEAST_USD: Final = 100_000.0  # large: from here on
LEAST_ORDERS: Final = 50


def impacts(run: Run) -> list[tuple[float, float]]:
    """Size [USD] and impact [bp] of each large liquidation order: from its first fill's price, the best there was, to its last."""
    log = Log(run)
    rows = log[Traded]
    rows = rows.where((rows["liquidation"] == 1) & (rows["taker"] >= FIRST_USER))
    if not len(rows):
        return []
    new = (rows["taker"][1:] != rows["taker"][:-1]) | (rows["ts"][1:] != rows["ts"][:-1])
    starts = np.flatnonzero(np.append(True, new))
    ends = np.append(starts[1:], len(rows)) - 1
    usd = np.add.reduceat(rows["price"] * rows["size"], starts) * run.terms.unit / MICRO
    moved = np.abs(rows["price"][ends] / rows["price"][starts] - 1.0) * BP_PER_ONE
    large = usd >= LEAST_USD
    return list(zip(usd[large].tolist(), moved[large].tolist(), strict=True))


def exponent(orders: Sequence[tuple[float, float]]) -> float | None:
    """Slope of log(mean impact) over log(mean size), in ten bins of equally many orders, so that orders without impact count too.
    None: too few orders, or a bin without impact."""
    if len(orders) < LEAST_ORDERS:
        return None
    sizes, moved = np.array(sorted(orders)).T
    bins = np.array_split(np.arange(len(sizes)), BINS)
    return slope([(float(sizes[each].mean()), float(moved[each].mean())) for each in bins])
