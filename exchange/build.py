"""Which build of the core is running: compiled or interpreted."""

from __future__ import annotations

import importlib.machinery
from importlib import import_module
from typing import Final

CORE: Final = (  # the compiled modules of exchange/; setup.py and the tests read this list
    "state.types", "state.packed", "state.tables", "state.market", "state.ids", "state.ladder", "state.log", "state.schedule",
    "state.liquidations", "state.state",
    "schema.kinds", "schema.columns", "schema.door",
    "money.payoff", "money.margin", "money.ledger",
    "trading.access", "trading.order", "trading.book", "trading.depth", "trading.mark", "trading.funding", "trading.open_orders",
    "trading.positions", "trading.planning", "trading.dry_run", "trading.matching", "trading.entry", "trading.accounts",
    "liquidation.backstops", "liquidation.adl", "liquidation.slices", "liquidation.case", "liquidation.steps", "liquidation.lifecycle",
    "liquidation.auction", "liquidation.vault", "liquidation.screening", "liquidation.passes", "liquidation.prices",
    "liquidation.settlement",
    "queries", "engine",
)  # fmt: skip


def core_build() -> str:
    """Return 'compiled', 'interpreted', or 'mixed' (a broken installation)."""
    suffixes = tuple(importlib.machinery.EXTENSION_SUFFIXES)
    native = [str(import_module(f"{__package__}.{name}").__file__).endswith(suffixes) for name in CORE]
    return "compiled" if all(native) else "mixed" if any(native) else "interpreted"


BUILD: Final = core_build()
