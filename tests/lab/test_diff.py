"""`perplab diff` and `perplab venues`: what differs, all of it and nothing else; a table that fits and has every design."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_kit import call

from perplab.exchange import VenueDesign, load_venue
from perplab.lab.comparison.choices import all_venues
from perplab.lab.explain.diff import contrasts, diff
from perplab.lab.explain.document import Contrast
from perplab.lab.explain.entries import ABSENT, differences, entries
from perplab.lab.explain.venues import AXES, BESIDE

BASE = "book_fund_adl"


def told(first: VenueDesign, second: VenueDesign) -> dict[str, tuple[str, ...]]:
    """The rows of all contrasts by key."""
    sections = contrasts(first, second, differences(first, second))
    rows = [row for section in sections for block in section.blocks if isinstance(block, Contrast) for row in block.rows]
    assert len(rows) == len({row[0] for row in rows})
    return {row[0]: row[1:] for row in rows}


def changed(**overrides: object) -> VenueDesign:
    return load_venue(BASE, overrides)


@pytest.mark.parametrize("name", [*all_venues(), *BESIDE])
def test_a_design_does_not_differ_from_itself(name: str) -> None:
    assert told(load_venue(name), load_venue(name)) == {}
    assert "They behave alike" in str(diff(load_venue(name), load_venue(name)))


@pytest.mark.parametrize("name", [*all_venues(), *BESIDE])
def test_what_differs_one_way_differs_the_other_way(name: str) -> None:
    there = told(load_venue(BASE), load_venue(name))
    back = told(load_venue(name), load_venue(BASE))
    assert {key: row[:2] for key, row in there.items()} == {key: (row[1], row[0]) for key, row in back.items()}
    assert all(row[0] != row[1] for row in there.values())
    assert all(row[2] for row in there.values()), "a difference without words"


@pytest.mark.parametrize("name", [*all_venues(), *BESIDE])
def test_keys_are_those_of_the_toml(name: str) -> None:
    """Every key of a market, of a step and of a payer leads to its value in the design's own tree."""
    design = load_venue(name)
    tree = design.to_tree()
    several = len(design.markets) > 1
    for one in entries(design):
        keys = one.path.split(".")
        at: object = tree
        markets = tree["markets"]
        assert isinstance(markets, list)
        if several and keys[0] in [market["name"] for market in markets]:
            name = keys.pop(0)
            at = next(market for market in markets if market["name"] == name)
        elif keys[0].split("[")[0] in markets[0]:
            at = markets[0]
        for key in keys:
            key, _, number = key.partition("[")
            assert isinstance(at, dict)
            at = at[key]
            if number:
                assert isinstance(at, list | tuple)
                at = at[int(number.rstrip("]"))]
        assert str(at) == str(one.value) or tuple(at) == one.value  # type: ignore[arg-type]


def test_a_number_is_told_with_its_unit_and_its_words() -> None:
    rows = told(load_venue(BASE), changed(markets={"taker_fee_ppb": 300_000}, liquidation={"retry_ms": 2_500}))
    assert rows == {
        "taker_fee_ppb": ("4.5 bp", "3 bp", "of the value traded, paid by the incoming side"),
        "liquidation.retry_ms": ("1 s", "2.5 s", "time between two passes while a liquidation is under way"),
    }


def test_it_comes_to_something_else_in_the_examples() -> None:
    document = diff(load_venue(BASE), changed(markets={"taker_fee_ppb": 300_000}))
    assert "('taker fee', '45 USD', '30 USD')" in str(document)


def test_a_word_is_told_with_what_both_mean() -> None:
    rows = told(load_venue(BASE), changed(auto_deleverage={"price": "mark", "rank": "fifo"}))
    price = rows["auto_deleverage.price"]
    words = f"{BASE}: the loser's bankruptcy price, never better for a winner than the mark; {BASE} (2nd): the mark"
    assert price[:2] == ("bankruptcy", "mark") and words in price[2]
    rank = rows["auto_deleverage.rank"]
    assert "First the largest relative profit x leverage." in rank[2] and "First who has held the position for longest." in rank[2]


def test_keys_that_a_design_does_not_use_say_nothing() -> None:
    """The auction of a design that has none, the vault without a takeover, deleveraging that does not happen."""
    assert differences(load_venue(BASE), changed(liquidation={"dutch_auction": {"start_ppm": 1}}, vault={"capital": 5})) == []
    shared = {"backstops": ["socialized_loss"]}
    assert differences(load_venue(BASE, shared), load_venue(BASE, {**shared, "auto_deleverage": {"seed": 3}})) == []
    rows = told(load_venue(BASE), load_venue("book_vault_adl"))
    assert rows["vault.capital"][:2] == (ABSENT, "10,000,000 USD")
    assert rows["insurance_fund.capital"][:2] == ("10,000,000 USD", ABSENT)


def test_the_same_steps_in_another_order_differ() -> None:
    one = load_venue("book_vault_adl")
    other = load_venue("book_vault_adl", {"liquidation": {"steps": ["takeover", "book"]}})
    assert told(one, other) == {"liquidation.steps": ("book, then takeover", "takeover, then book", "the same ones in another order")}


def test_both_designs_are_told_apart_and_the_code_is_0(tmp_path: Path) -> None:
    mine = tmp_path / f"{BASE}.toml"
    mine.write_text(f'extends = "base"\nname = "{BASE}"\n', encoding="utf-8")
    same = call("diff", BASE, BASE)
    other = call("diff", BASE, mine)
    assert (same.exit_code, other.exit_code) == (0, 0)
    assert f"{BASE} (2nd)" in other.output and "insurance_fund.capital" in other.output
    assert call("diff", BASE, mine, "--md").output.startswith(f"# {BASE} and {BASE}\n")
    wrong = call("diff", BASE, tmp_path / "none.toml")
    assert wrong.exit_code == 2 and "none.toml: not found" in wrong.output


@pytest.mark.parametrize("width", [60, 80, 160])
def test_differences_fit_the_terminal(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    lines = call("diff", "book_vault_adl", "auction_fund_social").output.splitlines()
    assert max(map(len, lines)) <= width
    assert sum("liquidation.dutch_auction.insolvent_duration_ms" in line for line in lines) == 1


# -- venues --


@pytest.mark.parametrize("width", [50, 80, 160])
def test_the_table_has_every_design_and_every_axis(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    lines = call("venues").output.splitlines()
    assert max(map(len, lines)) <= width
    blocks = "\n".join(lines).split("\n\n")
    tables = [block for block in blocks if block.startswith("design")]
    assert tables
    for table in tables:
        assert [line.split()[0] for line in table.splitlines()[1:] if not line.startswith(" ")] == [*all_venues(), *BESIDE]
    assert not [axis.name for axis in AXES if axis.name not in "\n".join(lines)]
    assert width < 160 or len(tables) == 1


def test_the_table_says_what_the_designs_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "250")
    lines = {line.split()[0]: " ".join(line.split()[1:]) for line in call("venues").output.splitlines() if line}
    assert lines["auction_fund_social"].endswith("auction fund, then all share everyone")
    assert lines["book_vault_adl"].endswith("book, then vault ADL winners")
    assert lines["gmx_v2"].startswith("oracle pool by request oracle adaptive skew, 1h, continuous 100x curve pool, then ADL")
    assert "as they come, retail takers late" in lines["paradex"] and "as they come, takers late" in lines["lighter"]
