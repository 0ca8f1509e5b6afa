"""Which build of the core is running: compiled or interpreted."""

from __future__ import annotations

import importlib.machinery
from typing import Final

from . import (
    accounts,
    auction,
    backstop,
    book,
    door,
    due,
    engine,
    entry,
    funding,
    index,
    kinds,
    ledger,
    liquidation,
    margin,
    mark,
    matching,
    settlement,
    steps,
    tables,
    types,
    vault,
)

CORE: Final = (  # the compiled modules; setup.py has the same list
    types, kinds, tables, index, book, ledger, margin, mark, funding, matching, entry, accounts,
    backstop, liquidation, steps, auction, vault, settlement, due, door, engine,
)  # fmt: skip


def core_build() -> str:
    """Return 'compiled', 'interpreted', or 'mixed' (a broken installation)."""
    suffixes = tuple(importlib.machinery.EXTENSION_SUFFIXES)
    native = [str(module.__file__).endswith(suffixes) for module in CORE]
    return "compiled" if all(native) else "mixed" if any(native) else "interpreted"


BUILD: Final = core_build()
