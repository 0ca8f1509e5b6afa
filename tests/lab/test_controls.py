"""Controls: runs whose outcome theory knows beforehand, on all six designs.

"Agree" means: the same accounts are liquidated and nobody loses: no bad debt, no deleveraging, nothing socialized, nothing uncovered.
"""

from __future__ import annotations

from functools import cache

import msgspec
import numpy as np
import pytest

from perplab.exchange.codes import SystemAccount
from perplab.exchange.design.venue import load_venue
from perplab.exchange.events import Deleveraged, Event, Liquidated, LiquidationStarted, LossSocialized
from perplab.exchange.messages import KIND_COLUMN
from perplab.lab.runs import Ints, Run
from perplab.lab.scenario import BarsPath, load_scenario
from perplab.lab.simulation import run

DESIGNS = ("book_fund_adl", "book_vault_adl", "book_fund_social", "auction_fund_social", "auction_fund_adl", "social_only")
BOOKS = tuple(name for name in DESIGNS if not name.startswith("auction"))
CAPITALS = (0.0, 5e6, 2e7, 1e9)  # [USD] of fund or vault
WIDE = (0.0, 2e8, 1e9)
ACCOUNTS = 60


def worst(**changes: object) -> dict[str, object]:
    """The path of the five minutes from 21:17 on, the worst of the crash, with some values changed."""
    path = load_scenario("flash").path
    assert isinstance(path, BarsPath)
    plain: dict[str, object] = msgspec.to_builtins(path)
    return plain | {"start": "2025-10-10T21:17:00Z", "watch_from": None, "bars": path.bars[5:10], **changes}


def made(venue: str, changes: dict[str, object], seed: int = 1) -> Run:
    """The worst five minutes with few accounts and some values changed."""
    return run(load_venue(venue), load_scenario("flash").override({"path": worst(), **changes}), seed, accounts=ACCOUNTS)


@cache
def with_backstop(venue: str, capital: float, seed: int = 1) -> Run:
    return made(venue, {"backstop_usd": capital}, seed)


@cache
def deep(venue: str) -> Run:
    """A book a hundred times deeper that stays: the same for a hundredth of the edge, in the book as in auctions.

    The path is smoothed and the venue hears of it at once, so that no mark jumps over the whole maintenance margin or is that far from the
    true price, from which buyers count their edge: depth cannot help against a gap.
    """
    scenario = load_scenario("flash")
    makers = {
        "depth_scale": 100.0, "capital_usd": 50.0 * scenario.makers.capital_usd, "leverage": 2.0 * scenario.makers.leverage,
        "withdraw_bid": 0.0, "withdraw_ask": 0.0,
    }  # fmt: skip
    bidders = {
        "capital_usd": 4.0 * scenario.bidders.capital_usd,
        "edge_bp": [edge / 100.0 for edge in scenario.bidders.edge_bp],
        "clip_usd": 100.0 * scenario.bidders.clip_usd,
        "unwind_share": 1.0,
    }
    at_once = {"cadence_s": 1.0, "lag_ms": 0, "jitter_ms": 0, "noise_bp": 0.0}
    return made(venue, {"makers": makers, "bidders": bidders, "oracle": at_once, "path": worst(noise=0.1)})


def rows(of: Run, event: type[Event]) -> Ints:
    found: Ints = of.events[of.events[:, KIND_COLUMN] == event.KIND]
    return found


def column(of: Run, event: type[Event], name: str) -> Ints:
    found: Ints = rows(of, event)[:, event.__struct_fields__.index(name) + 1]
    return found


def bad_debt(of: Run) -> int:
    return int(column(of, Liquidated, "deficit").sum())


def deleveraged(of: Run) -> int:
    return int((column(of, Deleveraged, "size") * column(of, Deleveraged, "mark")).sum())


def breached(of: Run) -> set[int]:
    return set(column(of, LiquidationStarted, "account").tolist())


@pytest.mark.parametrize("venue", DESIGNS)
def test_calm_path_deleverages_nobody(venue: str) -> None:
    path: dict[str, object] = msgspec.to_builtins(load_scenario("calm").path)
    calm = run(load_venue(venue), load_scenario("calm").override({"path": path | {"minutes": 1}}), 1, accounts=ACCOUNTS)
    assert not breached(calm)
    assert deleveraged(calm) == bad_debt(calm) == 0


@pytest.mark.parametrize("venue", DESIGNS)
def test_deep_book_loses_nothing(venue: str) -> None:
    quiet = deep(venue)
    assert breached(quiet), "accounts are liquidated all the same"
    assert bad_debt(quiet) == deleveraged(quiet) == len(rows(quiet, LossSocialized)) == quiet.closing_equity[SystemAccount.UNCOVERED] == 0


@pytest.mark.parametrize("venue", DESIGNS)
def test_all_designs_agree_on_a_deep_book(venue: str) -> None:
    assert breached(deep(venue)) == breached(deep("book_fund_adl"))
    if venue in BOOKS:  # who buys what when does not differ either; an auction sells to others, at other times
        columns = [4, 5, 6, 7, 8, 9]
        np.testing.assert_array_equal(rows(deep(venue), Liquidated)[:, columns], rows(deep("book_fund_adl"), Liquidated)[:, columns])


@pytest.mark.parametrize("venue", ["book_fund_adl", "book_vault_adl", "book_fund_social", "auction_fund_social", "auction_fund_adl"])
def test_unlimited_capital_spares_everyone_else(venue: str) -> None:
    rich = with_backstop(venue, CAPITALS[-1])
    assert deleveraged(rich) == 0
    assert len(rows(rich, LossSocialized)) == 0
    assert rich.closing_equity[SystemAccount.UNCOVERED] == 0


@pytest.mark.parametrize("venue", ["book_fund_adl", "book_vault_adl", "auction_fund_adl"])
def test_more_capital_never_deleverages_more(venue: str) -> None:
    """Over the seeds. A vault's steps are wide: one that fails in the end has taken more over than a smaller one, and hands it all on."""
    steps = WIDE if venue == "book_vault_adl" else CAPITALS
    total = [sum(deleveraged(with_backstop(venue, capital, seed)) for seed in (1, 2)) for capital in steps]
    assert total[0] > 0, "without capital this crash ends in deleveraging"
    assert total == sorted(total, reverse=True)
