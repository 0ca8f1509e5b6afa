"""CONTRIBUTING.md's worked example, run as it stands: rules in files of one's own, designs that name them, venues that use them."""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kit import SECOND, Bench, named

from perplab.exchange import Exchange, VenueError, load_venue, replay
from perplab.exchange.journal import JournalError
from perplab.exchange.messages import BlockTrade
from perplab.exchange.rules import forget, hash64

PAGE = (Path(__file__).parent.parent.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
SHORTS = {20: 22_000, 30: 2_000, 50: 9_000, 70: 4_000}  # [lots] -> [USD] deposit; 100 USD of notional per lot
LOST = {20: 12, 30: 17, 50: 29, 70: 40}  # [lots] of each that were sold to who cannot pay; the rest to who can
RULES = (("auto_deleverage.rank", "lottery"), ("auto_deleverage.selection", "in_shares"), ("liquidation.steps", "drip"))
DAY = 86_400 * SECOND


def blocks() -> dict[str, str]:
    """The page's blocks of Python and TOML by the file that their first line names; "" for what is run."""
    found = re.findall(r"^ *```(?:python|toml)\n(.*?)^ *```", PAGE, re.MULTILINE | re.DOTALL)
    texts = [textwrap.dedent(block) for block in found]
    return {name[1] if (name := re.match(r"# (\S+\.\w+)\n", text)) else "": text for text in texts}


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """The files that the page says to write, in a folder of their own, and the names that what is run leaves behind."""
    files = blocks()
    assert set(files) == {"my_rules.py", "lottery.toml", "", "pyproject.toml", "drip.py", "drip.toml"}
    use = files.pop("")
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    names: dict[str, Any] = {}
    exec(compile(use, "CONTRIBUTING.md", "exec"), names)
    exec("import drip", names)
    yield names
    for rule in RULES:
        forget(*rule)
    del sys.modules["my_rules"], sys.modules["drip"]


def crashed(design: str) -> tuple[Bench, list[Any], dict[int, int]]:
    """A long that cannot pay, one that can, four shorts, no insurance fund: the bench, what was deleveraged, the lots of each short."""
    venue = load_venue(design, {"insurance_fund": {"capital": 0}, "liquidation": {"book": {"patience_ms": 0}}})
    bench = Bench(venue)
    bench.oracle(100_000)
    loser, rich = bench.open(350), bench.open(100_000)
    shorts = {}
    for lots, deposit in SHORTS.items():
        winner = bench.open(deposit)
        bench.send(BlockTrade, loser, winner, 0, LOST[lots], 100_000)
        bench.send(BlockTrade, rich, winner, 0, lots - LOST[lots], 100_000)
        shorts[winner] = lots
    events = bench.oracle(90_000) + [event for _ in range(5) for event in bench.later(1)]
    assert bench.exchange.mark_price(0) == 90_000 and bench.exchange.position(loser, 0).size == 0
    return bench, named(events, "Deleveraged"), shorts


def test_rules_of_one_s_own_files_decide(example: dict[str, Any]) -> None:
    """The winners in the order of the lottery, each with a share of its own; by profit and leverage it would be another order."""
    assert isinstance(example["venue"], Exchange)
    design = example["venue"].design.auto_deleverage
    assert (design.rank, design.selection, design.own["in_shares"].least_lots) == ("lottery", "in_shares", 5)
    bench, closed, shorts = crashed("lottery.toml")
    day = bench.now // DAY
    drawn = sorted(shorts, key=lambda winner: (-hash64(7, day, winner), winner))
    left, total, parts = sum(LOST.values()), sum(SHORTS), []
    for winner in drawn:
        parts.append((winner, max(-(-left * shorts[winner] // total), 5)))
        left, total = left - parts[-1][1], total - shorts[winner]
    assert left == 0 and [(event.winner, event.size) for event in closed] == parts
    _, ranked, _ = crashed("book_fund_adl")
    order = [event.winner for event in ranked]
    assert order != drawn[: len(order)] and [event.size for event in ranked[:-1]] == [shorts[winner] for winner in order[:-1]], "one by one"
    assert replay(bench.journal.bytes()).state_hash() == bench.exchange.state_hash()


def test_a_journal_without_its_rules_says_which_are_missing(example: dict[str, Any]) -> None:
    bench, _, _ = crashed("lottery.toml")
    forget("auto_deleverage.rank", "lottery")
    expected = "auto_deleverage.rank is 'lottery': expected one of fifo, hyperliquid, profit_leverage, random; a rule of your own is"
    with pytest.raises(VenueError, match=re.escape(f"lottery.toml: {expected}")):
        load_venue("lottery.toml")
    with pytest.raises(JournalError, match=re.escape(expected)):
        replay(bench.journal.bytes())


def test_the_step_of_one_s_own_file_closes_a_portion_per_pass(example: dict[str, Any]) -> None:
    """A twentieth of what is left, rounded up, each second, for as long as it has patience; a maker takes all of it at the mark."""
    bench = Bench(load_venue("drip.toml", {"markets": {"mark": {"rule": "oracle"}, "price_band_ppm": 0}}))
    bench.oracle(100_000)
    loser, winner, maker = bench.open(600), bench.open(100_000), bench.open(100_000)
    bench.send(BlockTrade, loser, winner, 0, 170, 100_000)
    bench.place(maker, 0, "0.170", 96_900)
    sold = [event.size for event in named(bench.oracle(96_800) + bench.later(1) + bench.later(1), "Liquidated")]
    assert sold == [9, 9, 8]
    assert bench.exchange.position(loser, 0).size == 170 - sum(sold)
    assert replay(bench.journal.bytes()).state_hash() == bench.exchange.state_hash()
