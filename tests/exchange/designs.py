"""Venues made in code: `market` and `venue` make a small plain one, `drawn_venue` one in which every option of a design takes part."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from choices import Source, T

from perplab.exchange import VenueDesign
from perplab.exchange.design.venue import venue_of_json

Tree = dict[str, object]
STEPS: Final = ("book", "dutch_auction", "takeover")
BACKSTOPS: Final = ("insurance_fund", "auto_deleverage", "socialized_loss")


def ordered_subsets(items: Sequence[T]) -> list[tuple[T, ...]]:
    """All subsets in all orders, the empty one first."""
    found: list[tuple[T, ...]] = [()]
    for done in found:
        found.extend((*done, item) for item in items if item not in done)
    return found


def market(name: str = "A", **over: object) -> Tree:
    """A market of 1,000 micro-units per tick x lot: at 1,000 ticks a lot is worth 1 unit of money. No fees, no funding, oracle mark."""
    tree: Tree = {
        "name": name, "tick": "1", "lot": "0.001", "max_price": "100000", "max_leverage": 20,
        "tiers": [{"lower_notional": 0, "initial_margin_ppm": 50_000, "maintenance_margin_ppm": 25_000}],
        "funding": {"interest_ppt": 0, "cap_ppt": 0, "sample_interval_ms": 86_400_000, "interval_ms": 86_400_000},
    }  # fmt: skip
    return tree | over


def venue(markets: Sequence[Tree] = (), steps: Sequence[str] = ("book",), backstops: Sequence[str] = (), **over: object) -> VenueDesign:
    """A checked design; `liquidation` of `over` is laid over the steps."""
    liquidation = {"steps": list(steps)} | dict(over.pop("liquidation", {}))  # type: ignore[call-overload]
    tree: Tree = {
        "name": "test", "assets": ["USD"], "markets": list(markets) or [market()], "liquidation": liquidation,
        "backstops": list(backstops), "vault": {"capital": 1_000},
    }  # fmt: skip
    return venue_of_json(json.dumps(tree | over).encode())


def drawn_tiers(source: Source, leverage: int) -> list[Tree]:
    rates = sorted(source.integer(1_000_000 // leverage, 400_000) for _ in range(source.integer(1, 3)))
    rates[0] = -(-1_000_000 // leverage)
    bounds = [0, source.pick([50, 500, 3_000]), source.pick([10_000, 50_000])]
    share = source.pick([300_000, 500_000, 900_000])  # of maintenance in initial
    return [
        {"lower_notional": bound, "initial_margin_ppm": rate, "maintenance_margin_ppm": rate * share // 1_000_000}
        for bound, rate in zip(bounds, rates, strict=False)
    ]


def drawn_market(source: Source, base: Tree) -> Tree:
    leverage = source.pick([5, 20, 100])
    sample = source.pick([5_000, 60_000])
    maker_fee, taker_fee = source.pick([(0, 0), (150_000, 450_000), (-200_000, 500_000), (-3_000_000, 7_000_000), (2_000_000, 0)])
    return base | {
        "max_leverage": leverage, "default_leverage": source.pick([0, 0, 2]), "tiers": drawn_tiers(source, leverage),
        "significant_figures": source.pick([0, 0, 0, 3]), "minimum_notional": source.pick([0, 0, 0, 10]),
        "price_band_ppm": source.pick([0, 100_000, 500_000]),
        "open_interest_cap": source.pick(["0", "0", "0", str(300 * Decimal(str(base["lot"])))]),
        "maker_fee_ppb": maker_fee, "taker_fee_ppb": taker_fee,
        "oracle": {
            "stale_after_ms": source.pick([0, 0, 4_000]), "on_stale": source.pick(["keep_last", "halt_new_risk", "pause_liquidation"]),
        },
        "mark": {
            "rule": source.pick(["oracle", "hyperliquid"]), "cadence_ms": source.pick([0, 0, 3_000, 60_000]),
            "basis_window_ms": source.pick([1_000, 150_000]), "local_window_ms": source.pick([1_000, 30_000]),
        },
        "funding": {
            "impact_notional": source.pick([1, 20, 2_000]), "interest_ppt": source.pick([0, 100_000_000, 40_000_000_000]),
            "clamp_ppt": source.pick([0, 500_000_000]), "divisor": source.pick([1, 8]),
            "cap_ppt": source.pick([0, 4_000_000_000, 40_000_000_000]), "sample_interval_ms": sample,
            "interval_ms": sample * source.pick([1, 6, 60]), "payment": source.pick(["discrete", "continuous"]),
            "price": source.pick(["oracle", "mark"]),
        },
    }  # fmt: skip


def drawn_venue(source: Source, steps: Sequence[str] = (), backstops: Sequence[str] | None = None) -> VenueDesign:
    """Two markets that settle in USD and one that settles in EUR; every option of a design takes part."""
    markets = [
        drawn_market(source, market("A")),
        drawn_market(source, market("B", tick="0.01", lot="1", max_price="10000")),
        drawn_market(source, market("C", tick="0.5", lot="0.002", max_price="50000", settlement_asset="EUR")),
    ]
    return venue(
        markets,
        steps or source.pick(ordered_subsets(STEPS)[1:]),
        source.pick(ordered_subsets(BACKSTOPS)) if backstops is None else backstops,
        assets=["USD", "EUR"],
        max_open_orders=source.pick([5, 50, 50, 50]),
        money=source.pick([{}, {}, {}, {"deposit_delay_ms": 2_000, "withdraw_delay_ms": 5_000, "transfer_delay_ms": 500}]),
        insurance_fund={"capital": source.pick([0, 20, 5_000])},
        vault={
            "capital": source.pick([50, 5_000]), "loss_limit_ppm": source.pick([100_000, 1_000_000]),
            "unwind_interval_ms": source.pick([0, 5_000]), "unwind_ppm": source.pick([50_000, 1_000_000]),
            "unwind_band_ppm": source.pick([2_000, 200_000]),
        },
        auto_deleverage={
            "rank": source.pick(["profit_leverage", "hyperliquid"]), "price": source.pick(["bankruptcy", "mark"]),
            "trigger": source.pick(["negative_equity", "fund_insufficient"]),
        },
        liquidation={
            "retry_ms": source.pick([500, 1_000]), "fee_ppm": source.pick([0, 5_000]),
            "fee_fund_share_ppm": source.pick([0, 300_001, 1_000_000]), "fee_to": source.pick(["vault", "fees"]),
            "surplus_to": source.pick(["trader", "trader", "insurance_fund", "vault"]),
            "book": {
                "patience_ms": source.pick([0, 0, 3_000]), "partial_ppm": source.pick([200_000, 1_000_000]),
                "partial_above": source.pick([0, 100]), "cooldown_ms": source.pick([2_000, 30_000]),
                "band_ppm": source.pick([50_000, 500_000]), "limit": source.pick(["cash_payers", "cash_payers", "bankruptcy", "band"]),
            },
            "dutch_auction": {
                "start_ppm": source.pick([980_000, 500_000]), "duration_ms": source.pick([2_000, 30_000]),
                "insolvent_duration_ms": source.pick([2_000, 30_000]), "buffer_ppm": source.pick([0, 150_000]),
            },
            "takeover": {"fraction_ppm": source.pick([0, 666_667, 1_000_000])},
        },
    )  # fmt: skip
