"""Which build of the core is running: compiled or interpreted."""

from __future__ import annotations

import importlib.machinery
from importlib import import_module
from typing import Final

CORE: Final = (  # the compiled modules of exchange/; setup.py and the tests read this list
    "state.types", "state.tables", "state.ids", "state.liquidations",
    "schema.kinds", "schema.door",
    "money.ledger", "money.margin",
    "trading.access", "trading.book", "trading.depth", "trading.mark", "trading.funding", "trading.trial", "trading.open_orders",
    "trading.matching", "trading.entry", "trading.accounts",
    "liquidation.backstops", "liquidation.adl", "liquidation.slices", "liquidation.desk", "liquidation.steps", "liquidation.auction",
    "liquidation.vault", "liquidation.settlement",
    "due", "engine",
)  # fmt: skip


def core_build() -> str:
    """Return 'compiled', 'interpreted', or 'mixed' (a broken installation)."""
    suffixes = tuple(importlib.machinery.EXTENSION_SUFFIXES)
    native = [str(import_module(f"{__package__}.{name}").__file__).endswith(suffixes) for name in CORE]
    return "compiled" if all(native) else "mixed" if any(native) else "interpreted"


BUILD: Final = core_build()
