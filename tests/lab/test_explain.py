"""`perplab explain`: every rule and key has its words, and every number is what somebody else computes."""

from __future__ import annotations

import ast
import io
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import get_args, get_origin

import msgspec
import pytest
from cli_kit import call
from explain_kit import DESIGNS, book
from msgspec import Struct
from msgspec.structs import replace
from rich.console import Console

from perplab.exchange import load_venue, register, venue_of_json
from perplab.exchange.design.parameters import Parameters
from perplab.exchange.design.parameters_funding import StaticSkewDesign
from perplab.exchange.design.registry import KINDS, RULES
from perplab.exchange.design.structs import MatchingDesign, VenueDesign
from perplab.exchange.design.venue import compared_venues
from perplab.exchange.events import AuctionStarted
from perplab.exchange.rules import AdlRank, MarkRule, Winner, forget
from perplab.lab.explain import chart, moment
from perplab.lab.explain.document import Contrast, Curve, Document, Formula, Grid, Head, Picture, Section, Steps, Text, Worked
from perplab.lab.explain.entries import entries
from perplab.lab.explain.html import html
from perplab.lab.explain.keys import CHOICES, KEYS, LEFT_OUT, UNITS, shown
from perplab.lab.explain.markdown import markdown
from perplab.lab.explain.rulebook import EXPLAINED, explained, late_words, rulebook
from perplab.lab.explain.story import shortened
from perplab.lab.explain.subject import Subject
from perplab.lab.explain.terminal import show
from perplab.lab.explain.venues import BESIDE

ROOT = Path(__file__).resolve().parent.parent.parent
ALIKE = [*compared_venues(), *BESIDE]  # in market, mark, funding and sequencing
PRICE, SIZE, STORY = 100_000, 100_000, 500_000  # [USD] of the examples, in all designs that ship
MICRO = 10**6
SECTIONS = ["about", "price", "arrival", "mark", "funding", "margin", "liquidation", "losses", "moment", "venue"]


@pytest.fixture(scope="module")
def books() -> dict[str, Document]:
    return {name: book(name) for name in DESIGNS}


@pytest.mark.parametrize("name", DESIGNS)
def test_of_deleveraging_is_told_where_a_design_has_it(books: dict[str, Document], name: str) -> None:
    """Of the pool's winners, too: without that payer they are paid as they close, and its keys say nothing."""
    design, curve = load_venue(name), books[name].section("price").blocks
    told = " ".join(block.words for block in curve if isinstance(block, Text))
    keys = {row[0] for block in curve if isinstance(block, Grid) for row in block.rows}
    if design.markets[0].curve.capital == 0:
        assert "deleveraged" not in told and "adl_trigger_ppm" not in keys
    elif "auto_deleverage" in design.backstops:
        assert "of its money, winners are deleveraged" in told and "adl_trigger_ppm" in keys
    else:
        assert "in this design nobody is deleveraged for it" in told and "adl_trigger_ppm" not in keys


NO_BOOK = [
    name for name in DESIGNS if load_venue(name).markets[0].curve.role == "separate" and load_venue(name).markets[0].curve.rule != "none"
]


@pytest.mark.parametrize("name", NO_BOOK)
def test_without_a_book_nothing_is_closed_in_one(books: dict[str, Document], name: str) -> None:
    rows = [" ".join(row) for section in books[name].sections for block in section.blocks if isinstance(block, Grid) for row in block.rows]
    assert not any("in the book" in row for row in rows)
    assert any("closed with the curve" in row for row in rows) or load_venue(name).liquidation.steps[0] != "book"


@pytest.mark.parametrize("name", DESIGNS)
def test_each_command_of_the_example_has_its_end(books: dict[str, Document], name: str) -> None:
    """Also a cancel that finds nothing; and who waits is told for how long."""
    (grid,) = (block for block in books[name].section("arrival").blocks if isinstance(block, Grid) and block.header[:2] == ("time", "sent"))
    for row, after in zip(grid.rows, [*grid.rows[1:], ("", "the end", "")]):
        assert row[2] or not after[1], f"nothing happens: {row}"
    due = {row[2].rpartition("due at ")[2] for row in grid.rows if "due at" in row[2]}
    if load_venue(name).sequencing.rule in ("blocks", "batch_auction"):
        assert all(f"{one} before the next b" in grid.caption for one in due)


@pytest.mark.parametrize("name", DESIGNS)
def test_a_buy_and_the_mirrored_sell_are_as_far_off(books: dict[str, Document], name: str) -> None:
    """For 1,000 USD, where a curve's slope is nothing and rounding of the value almost all."""
    rows = {
        row[0]: row[3]
        for block in books[name].section("price").blocks
        if isinstance(block, Grid) and len(block.header) == 4
        for row in block.rows
    }
    if "% off" in rows.get("buy 1,000 USD", "") and "% off" in rows.get("sell 1,000 USD", ""):
        buy, sell = (float(rows[f"{side} 1,000 USD"].split()[0]) for side in ("buy", "sell"))
        assert abs(buy + sell) <= max(0.00002, buy / 100)


@pytest.mark.parametrize(
    ("latencies", "words"),
    [
        ({}, ""),
        ({"taker_latency_ms": 5}, "takers"),
        ({"taker_latency_ms": 5, "retail_taker_latency_ms": 0}, "takers but retail"),
        ({"retail_taker_latency_ms": 5}, "retail takers"),
        ({"cancel_latency_ms": 5}, "cancels"),
        ({"taker_latency_ms": 5, "maker_latency_ms": 5}, "takers and makers"),
        ({"taker_latency_ms": 5, "maker_latency_ms": 5, "cancel_latency_ms": 5}, "all"),
    ],
)
def test_who_is_late(latencies: dict[str, int], words: str) -> None:
    assert late_words(load_venue("book_fund_adl", {"sequencing": latencies}).sequencing) == words


# -- nothing is left without words --


def ours() -> list[tuple[str, str]]:
    """Rules that ship, and words that stand where rules are named."""
    shipped = [key for key, rule in RULES.items() if rule.rule.__module__.startswith("perplab.exchange.")]
    (matching,) = (field.type for field in msgspec.structs.fields(MatchingDesign) if field.name == "rule")
    words = [("matching.rule", word) for word in get_args(matching)]
    return sorted([*shipped, *words, *((key, word) for key, kind in KINDS.items() for word in kind.words)])


@pytest.mark.parametrize(("key", "name"), ours())
def test_every_rule_that_ships_is_explained(key: str, name: str) -> None:
    told = EXPLAINED[key, name]
    assert told.summary.endswith(".") and told.short and len(told.short) <= 20


def test_nothing_is_explained_that_is_not_there() -> None:
    assert [key for key in EXPLAINED if key not in ours()] == []


def structs() -> list[type[Struct]]:
    """All tables that a design may have."""
    found: list[type[Struct]] = [VenueDesign, *(rule.params for rule in RULES.values() if rule.params is not Parameters)]
    for table in found:
        for kind in msgspec.structs.fields(table):
            found += [one for one in inside(kind.type) if one not in found]
    return sorted(set(found), key=lambda table: table.__name__)


def inside(kind: object) -> list[type[Struct]]:
    if isinstance(kind, type) and issubclass(kind, Struct):
        return [kind] if kind is not Parameters else []
    return [one for part in get_args(kind) for one in inside(part)]


@pytest.mark.parametrize("table", structs(), ids=lambda table: table.__name__)
def test_every_key_has_its_words_or_is_left_out_on_purpose(table: type[Struct]) -> None:
    told, left_out = KEYS.get(table, {}), LEFT_OUT.get(table, {})
    assert sorted([*told, *left_out]) == sorted(table.__struct_fields__)
    assert not told.keys() & left_out.keys()
    assert all(key.words and key.unit in UNITS for key in told.values())


@pytest.mark.parametrize("table", structs(), ids=lambda table: table.__name__)
def test_every_word_that_may_stand_at_a_key_is_told(table: type[Struct]) -> None:
    for field in msgspec.structs.fields(table):
        words = [str(word) for word in get_args(field.type)] if "Literal" in str(get_origin(field.type)) else []
        if words:
            assert sorted(CHOICES[table][field.name]) == sorted(words), f"{table.__name__}.{field.name}"


def test_numbers_are_those_of_a_perpetual_if_there_is_one() -> None:
    """Wherever it stands. A venue that has none has no positions, and nothing to say of them."""
    design = load_venue("portfolio")
    perpetual, spot = design.markets
    told, turned = (str(rulebook(replace(design, markets=markets))) for markets in ((perpetual, spot), (spot, perpetual)))
    assert told == turned and "Numbers are those of BTC-PERP" in told
    liquidation = replace(design.liquidation, steps=("book", "takeover"))
    alone = rulebook(replace(design, markets=(spot,), collateral=(), liquidation=liquidation))
    assert [section.name for section in alone.sections] == ["about", "price", "arrival", "mark", "venue"]
    assert "1 BTC bought at 100,000 USD" in str(alone) and "No example" not in str(alone)


@pytest.mark.parametrize("name", DESIGNS)
def test_every_key_that_counts_is_shown(books: dict[str, Document], name: str) -> None:
    design = load_venue(name)
    shown = {row[0] for section in books[name].sections for block in section.blocks if isinstance(block, Grid) for row in block.rows}
    named = [one.path for one in entries(design) if not one.rule and "tiers[" not in one.path]
    missing = [path for path in named if path not in shown and path.rpartition(".")[2] not in shown]  # some tables show whole paths
    assert missing == []


def test_a_number_without_a_unit_is_shown_as_the_file_has_it() -> None:
    """Who copies an exponent in tenths gets the same exponent."""
    assert shown(KEYS[StaticSkewDesign]["exponent_tenths"], 10).split()[0] == "10"
    assert shown(KEYS[StaticSkewDesign]["exponent_tenths"], 15) == "15 (that is 1.5)"


def test_every_rank_of_the_schedule_has_its_words() -> None:
    tree = ast.parse((ROOT / "exchange" / "state" / "schedule.py").read_text(encoding="utf-8"))
    ranks = {node.target.id for node in tree.body if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)}
    assert ranks == set(moment.RANKS)


@pytest.mark.parametrize(("market", "told"), [(-1, ""), (0, ", BTC-PERP"), (1, ", BTC-SPOT")])
def test_an_event_of_no_market_names_none(market: int, told: str) -> None:
    at = Subject(load_venue("portfolio"))
    assert moment.words_of(at, AuctionStarted(1, 2, 1, 8, market, 0, 0)) == told


# -- the documents --


@pytest.mark.parametrize("name", DESIGNS)
def test_a_design_is_told_in_all_its_parts(books: dict[str, Document], name: str) -> None:
    book = books[name]
    assert [section.name for section in book.sections] == SECTIONS
    examples = [block.words for section in book.sections for block in section.blocks if isinstance(block, Worked)]
    assert not [words for words in examples if words.startswith("No example")]
    for section in SECTIONS[1:8]:
        assert any(isinstance(block, Formula | Steps | Text) for block in book.section(section).blocks)
    assert all(book.section(section).facts for section in ("price", "mark", "funding", "margin", "liquidation", "losses", "moment"))


@pytest.mark.parametrize("name", DESIGNS)
def test_facts_have_names_of_their_own_and_stand_in_the_text(books: dict[str, Document], name: str) -> None:
    for section in books[name].sections:
        names = [fact.name for fact in section.facts]
        assert len(names) == len(set(names))
        for block in section.blocks:
            if isinstance(block, Worked):
                assert all(fact.shown.lstrip("-") in block.words for fact in block.facts)


@pytest.mark.parametrize("width", [60, 80, 160])
@pytest.mark.parametrize("name", DESIGNS)
def test_no_line_is_longer_than_the_terminal(books: dict[str, Document], name: str, width: int) -> None:
    shown = io.StringIO()
    show(books[name], Console(width=width, file=shown))
    lines = shown.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    assert not [line for line in lines if line != line.rstrip()]


class Page(HTMLParser):
    """Are all tags closed in their order, and does nothing come from elsewhere?"""

    ALONE = ("meta", "br", "wbr", "line", "polyline")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        assert not {"src", "onload", "onclick"} & given.keys() and tag not in ("script", "link", "iframe")
        self.ids += [given["id"] or ""] if "id" in given else []
        self.links += [given["href"] or ""] if "href" in given else []
        if tag not in self.ALONE:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in self.ALONE

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("name", DESIGNS)
def test_the_page_is_whole_and_needs_nothing_else(books: dict[str, Document], name: str) -> None:
    text = html(books[name])
    page = Page()
    page.feed(text)
    page.close()
    assert page.open == []
    assert len(set(page.ids)) == len(page.ids)
    assert page.links and {link.removeprefix("#") for link in page.links} <= set(page.ids)
    assert "url(" not in text and "@import" not in text and not re.findall(r"https?://(?!www\.w3\.org/2000/svg)", text)


@pytest.mark.parametrize("name", DESIGNS)
def test_tables_of_the_markdown_have_equal_rows(books: dict[str, Document], name: str) -> None:
    text = markdown(books[name])
    assert text.startswith(f"# {name}\n")
    widths: list[int] = []
    for line in [*text.splitlines(), ""]:
        if line.startswith("|"):
            widths.append(len(re.findall(r"(?<!\\)\|", line)))
        else:
            assert len(set(widths)) <= 1
            widths = []


def test_everything_a_document_may_have_is_shown_in_all_forms() -> None:
    lines = (Curve("the book", ((0.0, 0.0), (1.0, 2e6))), Curve("the curve", ((0.0, 1e6), (1.0, 1e6))))
    picture = Picture("depth", "% from the oracle", "USD", lines)
    blocks = (
        Text("plain <b> & `code`"),
        Head("a head"),
        Formula(("a = b < c",)),
        Worked("worked"),
        Grid(("k", "v"), (("a|b", "<1>"),), right=(1,), code=(0,), caption="caption"),
        Steps(("first", "second")),
        picture,
        Contrast(("a", "b"), (("key", "1", "2", "words"),)),
    )
    document = Document("t", "s", (Section("one", "One", blocks),))
    page = Page()
    page.feed(html(document))
    page.close()
    assert page.open == [] and "&lt;b&gt; &amp; <code>code</code>" in html(document)
    assert "| `a\\|b` | <1> |" in markdown(document)
    assert "<svg" in markdown(document) and "<svg" in html(document)
    shown = io.StringIO()
    show(document, Console(width=70, file=shown))
    assert max(map(len, shown.getvalue().splitlines())) <= 70 and "caption" in shown.getvalue()
    drawn = chart.characters(picture, 60)
    assert max(map(len, drawn)) <= 60 and any("the curve" in line for line in drawn)


# -- what comes first --


@pytest.mark.parametrize("name", DESIGNS)
def test_events_of_one_time_come_in_the_order_that_is_told(books: dict[str, Document], name: str) -> None:
    section = books[name].section("moment")
    seen = [fact.shown for fact in section.facts]
    assert "MarkMoved" in seen or load_venue(name).markets[0].mark.rule in ("curve_twap", "curve_median")
    order = ["FundingSampled", "FundingCharged", "OracleUpdated", "CurveMoved", "MarkMoved"]
    assert [one for one in seen if one not in order] == [] and seen == sorted(seen, key=order.index)
    assert {"FundingSampled", "FundingCharged", "OracleUpdated"} <= set(seen)
    told = next(block for block in section.blocks if isinstance(block, Steps)).items
    paid = ["funding is paid"] if load_venue(name).markets[0].funding.payment == "discrete" else []
    words = ["the premium is sampled", *paid, "a liquidation pass", "the command"]
    places = [next(number for number, item in enumerate(told) if item.startswith(word)) for word in words]
    assert places == sorted(places)
    assert any("the vault sells" in item for item in told) == ("takeover" in load_venue(name).liquidation.steps)


def test_a_mark_that_is_computed_on_its_own_comes_first_behind_orders_that_end() -> None:
    design = load_venue("social_only", {"markets": {"mark": {"cadence_ms": 1_000}}})
    first, second, *_ = moment.in_order(design)
    assert first.startswith("orders that were good until then are cancelled") and second.startswith("the mark is computed anew")
    assert not any(line.startswith("the mark") for line in moment.in_order(load_venue("social_only"))[:2])


# -- stories --


def test_a_long_story_is_told_by_its_beginning_and_its_end() -> None:
    rows = [(f"{number} s", f"event {number}") for number in range(30)]
    told = shortened(rows)
    assert told[:10] == rows[:10] and told[-3:] == rows[-3:]
    assert told[10] == ("to 26 s", "... 17 more of such events ...")
    assert shortened(rows[:14]) == rows[:14]


def test_where_the_mark_goes_by_a_curve_somebody_has_to_move_that(books: dict[str, Document]) -> None:
    grids = [block for block in books["perp_v1"].section("losses").blocks if isinstance(block, Grid) and block.header[0] == "time"]
    assert grids and all("an arbitrageur, who sells to it" in grid.caption for grid in grids)
    assert all(any("is liquidated" in words for _, words in grid.rows) for grid in grids)
    assert all("the liquidation of the long ends" in grid.rows[-1][1] for grid in grids)


# -- rules and designs of one's own --


class Steepness(Parameters, frozen=True):
    """How steep it is."""

    slope_ppm: int = 250_000


class Halfway(MarkRule):
    """Half way between the oracle and nothing.

    A mark that nobody should use.
    """

    def __init__(self, given: Steepness) -> None:
        self.given = given


class Fewest(AdlRank):
    def score(self, winner: Winner) -> int:
        return -winner.lots


def test_rules_of_ones_own_are_told_by_their_docstrings() -> None:
    register("mark.rule", "halfway", Halfway, params=Steepness)
    register("auto_deleverage.rank", "fewest", Fewest)
    try:
        design = load_venue("book_fund_adl", {"markets": {"mark": {"rule": "halfway"}}, "auto_deleverage": {"rank": "fewest"}})
        book = rulebook(design)
        words = "\n".join(block.words for block in book.section("mark").blocks if isinstance(block, Text))
        assert "Half way between the oracle and nothing." in words and "A mark that nobody should use." in words
        assert "How steep it is." in words and "`Halfway`" in words
        rows = [row for block in book.section("mark").blocks if isinstance(block, Grid) for row in block.rows]
        assert ("slope_ppm", "25 %", "") in rows
        assert "It has no docstring." in explained("auto_deleverage.rank", "fewest").summary
    finally:
        forget("mark.rule", "halfway")
        forget("auto_deleverage.rank", "fewest")


def test_an_example_that_a_design_refuses_is_left_out_and_told() -> None:
    book = rulebook(load_venue("social_only", {"markets": {"minimum_notional": 1_000_000}}))
    told = [block.words for section in book.sections for block in section.blocks if isinstance(block, Worked)]
    assert [words for words in told if words == "No example: `Place` is refused: MINIMUM_NOTIONAL."]


def test_the_command_writes_files_and_names_what_is_wrong(tmp_path: Path) -> None:
    assert call("explain", "social_only", "--md").output.startswith("# social_only\n")
    assert call("explain", "social_only", "--html").output.startswith("<!DOCTYPE html>")
    done = call("explain", "social_only", "--out", tmp_path / "rules.html")
    assert done.exit_code == 0 and (tmp_path / "rules.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    wrong = call("explain", "social_only", "--out", tmp_path / "rules.pdf")
    assert wrong.exit_code == 2 and "expected a name that ends in .md or .html" in wrong.output
    unknown = call("explain", "social_onyl")
    assert unknown.exit_code == 2 and "did you mean 'social_only'?" in unknown.output
    (tmp_path / "mine.toml").write_text('extends = "social_only"\n[liquidation]\nretry_ms = 2000\n', encoding="utf-8")
    assert "retry_ms            2 s" in call("explain", tmp_path / "mine.toml").output


def test_a_designs_json_is_explained_alike() -> None:
    design = load_venue("auction_fund_adl")
    assert rulebook(venue_of_json(design.to_json())) == rulebook(design)


def test_the_excerpt_of_the_readme_is_what_it_prints(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (excerpt,) = re.findall(r"```\n(A long worth .*?)```", text, re.DOTALL)
    printed = [line.strip() for line in call("explain", "auction_fund_adl").output.splitlines()]
    for line in excerpt.splitlines():
        assert line.strip() in printed
