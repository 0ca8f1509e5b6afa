"""The designs of the soak: a numbered list, the same on every machine.

Together they have every chain of liquidation steps, every order of backstops and every option of a design; a test says so. What a number
gets is drawn from that number alone, so a design keeps its number when another one is added behind it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from random import Random
from typing import Final, TypeVar

from designs import BACKSTOPS, STEPS, Tree, ordered_subsets
from soak_curves import DESIGNS, give_curves
from soak_mixed import DESIGNS as MIXTURES
from soak_mixed import give_coins

from perplab.exchange import VenueDesign
from perplab.exchange.design.venue import venue_of_json

T = TypeVar("T")
MATCHING: Final[tuple[Tree, ...]] = (  # of the designs behind the first fifty: of the first market in the first of them, and so on around
    {"rule": "pro_rata", "top_share_ppm": 1_000_000, "least_share": 1, "queue_classes": False},
    {"rule": "top_pro_rata", "top_share_ppm": 400_000, "least_share": 2, "queue_classes": False},
    {"rule": "price_time", "top_share_ppm": 1_000_000, "least_share": 1, "queue_classes": True},
    {"rule": "top_pro_rata", "top_share_ppm": 1_000_000, "least_share": 1, "queue_classes": True},
    {"rule": "pro_rata", "top_share_ppm": 1_000_000, "least_share": 3, "queue_classes": True},
)
PLAIN: Final = 50  # designs whose markets are all price-time
CURVED: Final = PLAIN + len(MATCHING)  # the first design whose markets all have a curve
MIXED: Final = CURVED + DESIGNS  # the first design with spot markets, and with all that the others leave out
COUNT: Final = MIXED + MIXTURES
CHAINS: Final = ordered_subsets(STEPS)[1:]
ORDERS: Final = ordered_subsets(BACKSTOPS)
FIRST_PRICES: Final = (1_000, 2_000, 100, 5_000, 1_100)  # [ticks] of the markets A, B, C, D or S, F
HUGE: Final = 7  # every so many designs one has accounts near the bounds of all amounts


class Draw:
    """Choices that depend on nothing but a seed: `random()` is the one number of the library that never changes."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed).random

    def integer(self, low: int, high: int) -> int:
        """low <= result <= high."""
        return low + int(self.random() * (high - low + 1))

    def pick(self, options: Sequence[T]) -> T:
        return options[int(self.random() * len(options))]

    def chance(self, percent: float) -> bool:
        return self.random() * 100 < percent


def is_huge(number: int) -> bool:
    return number % HUGE == HUGE - 1


def tiers(draw: Draw, leverage: int) -> list[Tree]:
    """One to three tiers, the first as the leverage wants it."""
    rate = -(-1_000_000 // leverage)
    share = draw.pick([300_000, 500_000, 900_000])  # of maintenance in initial
    found: list[Tree] = []
    for bound in [0, draw.pick([50, 500]), draw.pick([2_000, 20_000])][: draw.integer(1, 3)]:
        found.append({"lower_notional": bound, "initial_margin_ppm": rate, "maintenance_margin_ppm": rate * share // 1_000_000})
        rate = min(1_000_000, rate * draw.integer(12, 30) // 10)
    return found


def market(draw: Draw, name: str, tick: str, lot: str, max_price: str, asset: str) -> Tree:
    leverage = draw.pick([5, 10, 20, 20, 50, 100])
    sample = draw.pick([1_000, 5_000, 5_000, 60_000])
    maker_fee, taker_fee = draw.pick([(0, 0), (150_000, 450_000), (-200_000, 500_000), (-3_000_000, 7_000_000), (2_000_000, 0)])
    return {
        "name": name, "tick": tick, "lot": lot, "max_price": max_price, "settlement_asset": asset, "max_leverage": leverage,
        "default_leverage": draw.pick([0, 0, 0, 2]), "tiers": tiers(draw, leverage), "maker_fee_ppb": maker_fee, "taker_fee_ppb": taker_fee,
        "significant_figures": draw.pick([0, 0, 0, 3]), "minimum_notional": draw.pick([0, 0, 0, 10]),
        "price_band_ppm": draw.pick([0, 0, 100_000, 500_000]),
        "open_interest_cap": draw.pick(["0", "0", "0", str(400 * Decimal(lot))]),
        "oracle": {
            "stale_after_ms": draw.pick([0, 4_000, 4_000, 20_000]),
            "on_stale": draw.pick(["keep_last", "halt_new_risk", "pause_liquidation"]),
        },
        "mark": {
            "rule": draw.pick(["oracle", "oracle", "hyperliquid"]), "cadence_ms": draw.pick([0, 0, 0, 3_000, 60_000]),
            "basis_window_ms": draw.pick([1_000, 150_000]), "local_window_ms": draw.pick([1_000, 30_000]),
            "impact_notional": draw.pick([0, 1, 500]), "quote_bound_ppm": draw.pick([30_000, 1_000_000]),
            "last_age_ms": draw.pick([0, 5_000, 60_000]),
        },
        "funding": {
            "impact_notional": draw.pick([1, 20, 2_000]), "interest_ppt": draw.pick([0, 100_000_000, 40_000_000_000]),
            "clamp_ppt": draw.pick([0, 500_000_000, 40_000_000_000]), "divisor": draw.pick([1, 8]),
            "cap_ppt": draw.pick([0, 4_000_000_000, 40_000_000_000]), "sample_interval_ms": sample,
            "interval_ms": sample * draw.pick([1, 6, 60]), "payment": draw.pick(["discrete", "continuous"]),
            "price": draw.pick(["oracle", "mark"]),
        },
    }  # fmt: skip


def liquidation(draw: Draw, steps: Sequence[str]) -> Tree:
    return {
        "steps": list(steps), "retry_ms": draw.pick([500, 1_000, 1_000, 10_000]), "fee_ppm": draw.pick([0, 5_000, 20_000]),
        "fee_fund_share_ppm": draw.pick([0, 300_001, 1_000_000]), "fee_to": draw.pick(["vault", "fees"]),
        "surplus_to": draw.pick(["trader", "trader", "insurance_fund", "vault"]),
        "book": {
            "patience_ms": draw.pick([0, 0, 3_000]), "partial_ppm": draw.pick([200_000, 500_000, 1_000_000]),
            "partial_above": draw.pick([0, 100]), "cooldown_ms": draw.pick([2_000, 30_000]),
            "band_ppm": draw.pick([50_000, 300_000, 500_000]), "limit": draw.pick(["cash_payers", "cash_payers", "bankruptcy", "band"]),
            "spread_ppm": draw.pick([0, 5_000, 300_000]),
        },
        "dutch_auction": {
            "start_ppm": draw.pick([1_000_000, 980_000, 500_000]), "duration_ms": draw.pick([2_000, 10_000, 30_000]),
            "insolvent_duration_ms": draw.pick([2_000, 10_000, 30_000]), "buffer_ppm": draw.pick([0, 150_000]),
        },
        "takeover": {"fraction_ppm": draw.pick([300_000, 666_667, 1_000_000])},
    }  # fmt: skip


def tree(number: int) -> Tree:
    """The design as its TOML would have it."""
    draw = Draw(7_000_003 * (number + 1))
    markets = [
        market(draw, "A", "1", "0.001", "100000", "USD"),  # a lot is worth 1 USD at first
        market(draw, "B", "0.01", "1", "10000", "USD"),  # 20 USD
        market(draw, "C", "5", "0.002", "50000", "EUR"),  # 1 EUR, and a tick is a hundredth of it
        market(draw, "D", "0.001", "0.001", "1000", "EUR"),  # 0.005 EUR: a micro-unit is the step of every value
    ][: 3 + number % 2]
    if PLAIN <= number < CURVED:
        for place, one in enumerate(markets):
            one["matching"] = MATCHING[(number - PLAIN + place) % len(MATCHING)]
    made: Tree = {
        "name": f"soak-{number}", "assets": ["USD", "EUR"], "markets": markets,
        "liquidation": liquidation(draw, CHAINS[number % len(CHAINS)]),
        "backstops": list(ORDERS[(number * 5 + number // len(ORDERS)) % len(ORDERS)]),
        "max_open_orders": draw.pick([6, 60, 60, 60]), "max_accounts": draw.pick([26, 1_000, 1_000]),
        "transfer_margin_ppm": draw.pick([0, 0, 100_000]),
        "insurance_fund": {
            "capital": draw.pick([0, 20, 500, 5_000]), "account_cap": draw.pick([0, 0, 10]), "market_cap": draw.pick([0, 0, 50]),
            "total_cap": draw.pick([0, 0, 100]), "window_ms": draw.pick([10_000, 3_600_000]),
        },
        "vault": {
            "capital": draw.pick([50, 2_000, 20_000]), "loss_limit_ppm": draw.pick([100_000, 1_000_000]),
            "unwind_interval_ms": draw.pick([0, 2_000, 5_000]), "unwind_ppm": draw.pick([50_000, 1_000_000]),
            "unwind_band_ppm": draw.pick([2_000, 200_000]),
        },
        "auto_deleverage": {
            "rank": ("profit_leverage", "hyperliquid")[number % 2], "price": ("bankruptcy", "mark")[number // 2 % 2],
            "trigger": ("negative_equity", "fund_insufficient")[number // 4 % 2],
        },
    }  # fmt: skip
    if number >= MIXED:
        give_coins(draw, made, number - MIXED)
    elif number >= CURVED:
        give_curves(draw, made, number - CURVED)
    return made


def venue_of(design: Tree) -> VenueDesign:
    return venue_of_json(json.dumps(design).encode())


def design(number: int) -> VenueDesign:
    """Design `number`, 0 to COUNT - 1."""
    return venue_of(tree(number))
