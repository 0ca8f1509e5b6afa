"""CONTRIBUTING.md's worked example, run as it stands: a rule in a file of one's own, a design that names it, a venue that uses it."""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kit import USD, Bench, named

from perplab.exchange import Exchange, VenueError, load_venue, replay
from perplab.exchange.design.venue import ADL_RANKS
from perplab.exchange.journal import JournalError
from perplab.exchange.messages import BlockTrade

PAGE = (Path(__file__).parent.parent.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
SHORTS = {20: 22_000, 30: 2_000, 50: 9_000, 70: 4_000}  # [lots] -> [USD] deposit; 100 USD of notional per lot

def blocks(language: str) -> list[str]:
    found = re.findall(rf"^ *```{language}\n(.*?)^ *```", PAGE, re.MULTILINE | re.DOTALL)
    return [textwrap.dedent(block) for block in found]


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """The files that the page says to write, in a folder of their own, and the names that its last block leaves behind."""
    rule, use = blocks("python")
    (design,) = blocks("toml")
    (tmp_path / "random_rank.py").write_text(rule, encoding="utf-8")
    (tmp_path / "book_fund_random.toml").write_text(design, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    names: dict[str, Any] = {}
    exec(compile(use, "CONTRIBUTING.md", "exec"), names)
    yield names
    ADL_RANKS.pop("random", None)
    del sys.modules["random_rank"]


def crashed(design: str) -> tuple[Bench, list[int], dict[int, int]]:
    """One long that cannot pay, four shorts, no insurance fund: the bench, the winners in the order of their closing, their scores."""
    venue = load_venue(design, {"insurance_fund": {"capital": 0}, "liquidation": {"book": {"patience_ms": 0}}})
    bench = Bench(venue)
    bench.oracle(100_000)
    loser = bench.open(600)
    shorts = {}
    for lots, deposit in SHORTS.items():
        winner = bench.open(deposit)
        bench.send(BlockTrade, loser, winner, 0, lots, 100_000)
        shorts[winner] = lots
    events = bench.oracle(90_000) + [event for _ in range(5) for event in bench.later(1)]
    assert bench.exchange.mark_price(0) == 90_000 and bench.exchange.position(loser, 0).size == 0
    closed = [event.winner for event in named(events, "Deleveraged")]  # type: ignore[attr-defined]
    rank, unit = ADL_RANKS[venue.auto_deleverage.rank](), venue.markets[0].unit
    scores = {
        winner: rank.score(lots * 90_000 * unit, lots * 100_000 * unit, SHORTS[lots] * USD + lots * 10_000 * unit, False)
        for winner, lots in shorts.items()
    }
    return bench, closed, scores


def test_the_rule_of_one_s_own_file_orders_the_winners(example: dict[str, Any]) -> None:
    assert isinstance(example["venue"], Exchange)
    assert example["venue"].design.auto_deleverage.rank == "random"
    bench, closed, scores = crashed("book_fund_random.toml")
    assert sorted(closed) == sorted(scores), "every winner is closed once"
    assert closed == sorted(scores, key=lambda winner: (-scores[winner], winner))
    _, ranked, _ = crashed("book_fund_adl")
    assert sorted(ranked) == sorted(closed) and ranked != closed, "by profit and leverage it is another order"
    assert replay(bench.journal.bytes()).state_hash() == bench.exchange.state_hash()


def test_what_is_not_registered_is_refused(example: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    bench, _, _ = crashed("book_fund_random.toml")
    del ADL_RANKS["random"]
    monkeypatch.setitem(ADL_RANKS, "randomly", ADL_RANKS["hyperliquid"])
    expected = "auto_deleverage.rank is 'random': expected one of hyperliquid, profit_leverage, randomly; did you mean 'randomly'"
    with pytest.raises(VenueError, match=re.escape(f"book_fund_random.toml: {expected}")):
        load_venue("book_fund_random.toml")
    with pytest.raises(JournalError, match=re.escape(expected)):
        replay(bench.journal.bytes())
