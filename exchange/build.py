"""Which build of the core is running: compiled or interpreted; and whether it hides another one.

`perplab` is a namespace, so a folder of that name on Python's search path is as good as an installed perplab, and the current folder is
searched first. Started beside a clone that is called perplab, Python would run the clone's files, interpreted, without a word.
"""

from __future__ import annotations

import importlib.machinery
import warnings
from importlib import import_module
from pathlib import Path
from typing import Final

CORE: Final = (  # the compiled modules of exchange/; setup.py and the tests read this list
    "state.types", "state.hashing", "state.packed", "state.tables", "state.terms", "state.market", "state.ids", "state.ladder",
    "state.log", "state.schedule", "state.pending", "state.ranges", "state.pools", "state.liquidations", "state.state", "state.refill",
    "schema.kinds", "schema.columns", "schema.event_columns", "schema.door", "schema.packing", "money.payoff", "money.spot",
    "money.collateral", "money.margin", "money.exchanges", "money.thresholds", "money.lines", "money.ledger", "trading.access",
    "trading.order", "trading.watch", "trading.book", "trading.depth", "trading.curve", "trading.curve_source", "trading.pool_money",
    "trading.range_desk", "trading.liquidity", "trading.sequencing", "trading.mark", "trading.funding", "trading.open_orders",
    "trading.positions", "trading.allocation", "trading.planning", "trading.dry_run", "trading.matching", "trading.cancels",
    "trading.price_terms", "trading.entry", "trading.accounts", "trading.holding", "trading.refusals", "trading.gas",
    "trading.clearing", "trading.batch", "trading.taker_auctions", "trading.sequencer", "state.averages", "state.alarms",
    "trading.curve_view", "trading.twap", "trading.fees", "trading.funding_twap", "trading.funding_skew", "trading.mark_curve",
    "trading.powers", "trading.curve_product", "trading.curve_vamm", "trading.curve_oracle", "trading.curve_impact",
    "trading.curve_ranges", "liquidation.backstops",
    "liquidation.ranks", "liquidation.selections", "liquidation.adl", "liquidation.slices", "liquidation.case", "liquidation.steps",
    "liquidation.lifecycle", "liquidation.sales", "liquidation.auction", "liquidation.vault", "liquidation.screening",
    "liquidation.passes", "liquidation.prices", "liquidation.settlement", "queries", "turns", "blocks", "commands", "engine",
    "server.routing", "server.ring", "server.replies", "server.rows", "server.bucket", "server.frames", "liquidation.shortage",
    "liquidation.haircut", "trading.queues", "state.algos", "trading.standing", "algos.triggers", "algos.orders", "algos.ladders",
    "state.twaps", "algos.twap_desk", "trading.preview", "trading.margin_alerts", "state.volumes", "trading.fee_tiers",
    "algos.links", "algos.brackets", "state.quotes", "trading.quoting", "state.alert_levels", "trading.quote_desk", "state.transit",
    "trading.payments", "state.windows", "liquidation.maintenance", "account_queries",
    "server.history.shelves", "server.history.series", "server.history.recording", "liquidation.risks",
    "algos.replacing",
)  # fmt: skip


def core_build() -> str:
    """Return 'compiled', 'interpreted', or 'mixed' (a broken installation)."""
    suffixes = tuple(importlib.machinery.EXTENSION_SUFFIXES)
    native = [str(import_module(f"{__package__}.{name}").__file__).endswith(suffixes) for name in CORE]
    return "compiled" if all(native) else "mixed" if any(native) else "interpreted"


BUILD: Final = core_build()


class HiddenInstallation(UserWarning):
    """The files of a checkout run, and another perplab, which is installed, does not."""


def hidden_installation(package: Path) -> Path | None:
    """The folder of the installed perplab that is hidden where `package` is the folder of the running perplab.exchange.

    Only a checkout can hide one by accident: installed packages have no pyproject.toml beside them, nor have links to a checkout, which
    somebody made. An editable install of a checkout has no files of its own that could be hidden.
    """
    if not (package.parent / "pyproject.toml").is_file():
        return None
    from importlib.metadata import PackageNotFoundError, distribution  # here: it takes longer than all else that this file does

    try:
        found = distribution("perplab")
    except PackageNotFoundError:
        return None
    if "perplab/exchange/__init__.py" not in map(str, found.files or ()):
        return None
    installed = Path(str(found.locate_file("perplab/exchange")))
    return installed.parent if installed.is_dir() and not installed.samefile(package) else None


def warn_of_hidden_installation(package: Path) -> None:
    """Once: worker processes, which import it again, are not told."""
    installed = hidden_installation(package)
    if installed is None:
        return
    from multiprocessing import current_process  # here: it is seldom needed

    if current_process().name != "MainProcess":  # a spawned one has its name, but not yet its parent, when it imports
        return
    message = (
        f"perplab runs from the checkout {package.parent}, interpreted, and hides the perplab that is installed in {installed}: "
        "Python searched the folder that holds the checkout first. Start Python in another folder, rename the checkout, or use python -P."
    )
    warnings.warn(message, HiddenInstallation, stacklevel=3)  # at the line that imports perplab.exchange
