"""Which build of the core is running: compiled or interpreted."""

from __future__ import annotations

import importlib.machinery
from typing import Final

from . import (
    access,
    accounts,
    adl,
    auction,
    backstop,
    book,
    depth,
    door,
    due,
    engine,
    entry,
    funding,
    index,
    kinds,
    ledger,
    liquidation,
    liquidations,
    margin,
    mark,
    matching,
    open_orders,
    settlement,
    slices,
    steps,
    tables,
    trial,
    types,
    vault,
)

CORE: Final = (  # the compiled modules; setup.py has the same list
    types, kinds, tables, index, access, book, depth, ledger, margin, mark, funding, trial, open_orders,
    matching, entry, accounts, backstop, adl, slices, liquidations, liquidation, steps, auction, vault, settlement,
    due, door, engine,
)  # fmt: skip


def core_build() -> str:
    """Return 'compiled', 'interpreted', or 'mixed' (a broken installation)."""
    suffixes = tuple(importlib.machinery.EXTENSION_SUFFIXES)
    native = [str(module.__file__).endswith(suffixes) for module in CORE]
    return "compiled" if all(native) else "mixed" if any(native) else "interpreted"


BUILD: Final = core_build()
