"""`perplab explain`: every rule and key has its words, and every number is what somebody else computes."""

from __future__ import annotations

import ast
import io
import re
from decimal import Decimal
from fractions import Fraction
from html.parser import HTMLParser
from math import ceil, exp, floor
from pathlib import Path
from typing import get_args, get_origin

import msgspec
import pytest
from cli_kit import call
from msgspec import Struct
from rich.console import Console

from perplab.exchange import load_venue, register, venue_of_json
from perplab.exchange.design.parameters import Parameters
from perplab.exchange.design.registry import KINDS, RULES
from perplab.exchange.design.structs import MatchingDesign, VenueDesign
from perplab.exchange.rules import AdlRank, MarkRule, Winner, forget
from perplab.lab.choices import all_venues
from perplab.lab.explain import chart, moment
from perplab.lab.explain.document import Contrast, Curve, Document, Formula, Grid, Head, Picture, Section, Steps, Text, Worked
from perplab.lab.explain.entries import entries
from perplab.lab.explain.html import html
from perplab.lab.explain.keys import CHOICES, KEYS, LEFT_OUT, UNITS
from perplab.lab.explain.markdown import markdown
from perplab.lab.explain.rulebook import EXPLAINED, explained, rulebook
from perplab.lab.explain.terminal import show

ROOT = Path(__file__).resolve().parent.parent.parent
DESIGNS = [*all_venues(), "sandbox"]
PRICE, SIZE, STORY = 100_000, 100_000, 500_000  # [USD] of the examples, in all designs that ship
MICRO = 10**6
SECTIONS = ["about", "price", "arrival", "mark", "funding", "margin", "liquidation", "losses", "moment", "venue"]


@pytest.fixture(scope="module")
def books() -> dict[str, Document]:
    return {name: rulebook(load_venue(name)) for name in DESIGNS}


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


@pytest.mark.parametrize("name", DESIGNS)
def test_every_key_that_counts_is_shown(books: dict[str, Document], name: str) -> None:
    design = load_venue(name)
    shown = {row[0] for section in books[name].sections for block in section.blocks if isinstance(block, Grid) for row in block.rows}
    named = [one.path for one in entries(design) if not one.rule and "tiers[" not in one.path]
    missing = [path for path in named if path.rpartition(".")[2] not in shown]
    assert missing == []


def test_every_rank_of_the_schedule_has_its_words() -> None:
    tree = ast.parse((ROOT / "exchange" / "state" / "schedule.py").read_text(encoding="utf-8"))
    ranks = {node.target.id for node in tree.body if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)}
    assert ranks == {*moment.TIMERS, *moment.RANKS, "MARKET_TIMER", "MARKET_TIMERS"}  # the group of timers, and how many they are


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
def test_no_line_is_longer_than_the_terminal(name: str, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    lines = call("explain", name).output.splitlines()
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


# -- numbers, by somebody else --


def value(book: Document, name: str) -> int:
    return book.facts[name].value


@pytest.mark.parametrize("name", DESIGNS)
def test_fees_and_margin(books: dict[str, Document], name: str) -> None:
    book, market = books[name], load_venue(name).markets[0]
    assert value(book, "price: taker fee") == ceil(Fraction(SIZE * MICRO * market.taker_fee_ppb, 10**9))
    assert value(book, "price: maker fee") == ceil(Fraction(SIZE * MICRO * market.maker_fee_ppb, 10**9))
    found = re.findall(r"margin: (initial|maintenance) margin of ([\d,]+) USD", "\n".join(book.facts))
    assert len(found) >= 10
    for kind, told in found:
        notional = int(told.replace(",", ""))
        required = Fraction(0)  # by marginal rates, tier by tier: what the deductions are made for
        uppers = [*(tier.lower_notional for tier in market.tiers[1:]), notional]
        for tier, upper in zip(market.tiers, uppers):
            rate = tier.initial_margin_ppm if kind == "initial" else tier.maintenance_margin_ppm
            required += Fraction(rate, 10**6) * max(0, min(upper, notional) - tier.lower_notional)
        if kind == "initial":
            required = max(required, Fraction(notional, market.max_leverage))
        assert value(book, f"margin: {kind} margin of {told} USD") == required * MICRO


@pytest.mark.parametrize("name", DESIGNS)
def test_liquidation_and_bankruptcy_prices(books: dict[str, Document], name: str) -> None:
    """equity = margin +- lots x (mark - entry) < maintenance x lots x mark: solved for the mark, the first tick beyond."""
    book, market = books[name], load_venue(name).markets[0]
    rate = Fraction(market.tiers[0].maintenance_margin_ppm, 10**6)
    for leverage in (market.max_leverage, market.max_leverage // 4):
        margin = Fraction(1, leverage)
        long, short = PRICE * (1 - margin) / (1 - rate), PRICE * (1 + margin) / (1 + rate)
        assert value(book, f"margin: liquidation price of a long at {leverage}x") == ceil(long) - 1
        assert value(book, f"margin: liquidation price of a short at {leverage}x") == floor(short) + 1
        assert value(book, f"margin: bankruptcy price of a long at {leverage}x") == ceil(PRICE * (1 - margin)) - 1
        assert value(book, f"margin: bankruptcy price of a short at {leverage}x") == floor(PRICE * (1 + margin)) + 1


@pytest.mark.parametrize("name", DESIGNS)
def test_funding(books: dict[str, Document], name: str) -> None:
    book = books[name]
    for premium, expected in (("-1", "-0.11875"), ("0", "0.00125"), ("0.05", "0.00125"), ("0.1", "0.00625"), ("5", "0.61875")):
        assert book.facts[f"funding: rate at a premium of {premium} %"].shown == f"{expected} %"
    rate = (Decimal("0.002") - Decimal("0.0005")) / 8  # the premium of the example, drawn towards 0.01 % by 0.05 %
    assert value(book, "funding: rate of the example") == rate * 10**12
    assert value(book, "funding: payment of the example") == rate * SIZE * MICRO


def average(seconds: int, window: int) -> float:
    """600 s of zeros, sampled every 3 s, and then ones, every second: as docs/rules.md has the average, in floats."""
    total = weight = 0.0
    for sample, steps, dt in ((0.0, 200, 3), (1.0, seconds, 1)):
        for _ in range(steps):
            kept = exp(-dt / window)
            total, weight = total * kept + sample * dt, weight * kept + dt
    return total / weight


@pytest.mark.parametrize("name", DESIGNS)
def test_mark(books: dict[str, Document], name: str) -> None:
    """The book has gone 0.4 % above the oracle, or the oracle above the book: the median of fair, local and its average."""
    book, off = books[name], 400
    for seconds in (0, 3, 15, 30, 60, 150, 600):
        slow, quick = average(seconds, 150), average(seconds, 30)
        above = PRICE + off * sorted([slow, 1.0, quick])[1]
        assert abs(value(book, f"mark: mark {seconds} s after the book moved") - above) <= 1
        below = sorted([PRICE + off * (1 - slow), PRICE, PRICE])[1]
        assert abs(value(book, f"mark: mark {seconds} s after the oracle moved") - below) <= 1


def test_auctions(books: dict[str, Document]) -> None:
    design = load_venue("auction_fund_social").liquidation.dutch_auction
    for name in ("auction_fund_social", "auction_fund_adl"):
        book = books[name]
        mark = 98_117  # half way from the liquidation to the bankruptcy price
        equity = STORY // 40 - 5 * (PRICE - mark)
        maintenance = Fraction(5 * mark * 12_500, 10**6)
        for quarter, told in enumerate(("0 ms", "7.5 s", "15 s", "22.5 s")):
            asked = design.start_ppm * (4 - quarter) // 4
            gain = equity * (10**6 - asked)  # in micro
            assert value(book, f"liquidation: gain {told} into an auction with equity") == gain
            missing = maintenance * (10**6 + design.buffer_ppm) / 10**6 - equity
            share = missing / (missing + equity - Fraction(gain, MICRO))
            assert value(book, f"liquidation: share {told} into an auction with equity") == ceil(share * 10**6)


def test_an_auction_below_zero_pays_from_the_debt_to_the_way_to_maintenance(books: dict[str, Document]) -> None:
    mark = 98_734 - (98_734 - 97_499) * 3 // 2
    equity = (STORY // 40 - 5 * (PRICE - mark)) * MICRO
    assert equity < 0
    maintenance = ceil(Fraction(5 * mark * MICRO * 12_500, 10**6))
    for quarter, told in enumerate(("0 ms", "7.5 s", "15 s", "22.5 s")):
        gain = value(books["auction_fund_social"], f"liquidation: gain {told} into an auction below zero")
        assert abs(gain - Fraction(maintenance * quarter, 4)) <= 1


def test_how_far_an_order_goes(books: dict[str, Document]) -> None:
    """Alone: the bankruptcy price. With payers who have enough: 1 % beyond the mark, where the market has gone through it."""
    places = ("at the liquidation price", "half way to bankruptcy", "at the bankruptcy price", "half as far again")
    for name, beyond in (("book_fund_adl", True), ("social_only", True), ("book_vault_adl", False)):
        book = books[name]
        for part, where in enumerate(places):
            mark = 98_734 - (98_734 - 97_499) * part // 2
            oracle_or_mark = ceil(Fraction(mark * 99, 100))
            assert value(book, f"liquidation: limit {where}") == (min(97_500, oracle_or_mark) if beyond else 97_500)


def test_the_vault_takes_over_at_two_thirds_of_maintenance(books: dict[str, Document]) -> None:
    """equity < 0.666667 x maintenance: margin - (price - mark) < 0.666667 x 0.0125 x mark, per coin."""
    bound = Fraction(666_667, 10**6) * Fraction(12_500, 10**6)
    expected = ceil(PRICE * (1 - Fraction(1, 40)) / (1 - bound)) - 1
    for name in ("book_vault_adl", "sandbox"):
        assert value(books[name], "liquidation: highest mark of a takeover") == expected


def test_what_the_fund_pays(books: dict[str, Document]) -> None:
    for name in ("book_fund_adl", "auction_fund_social"):
        fund = load_venue(name).insurance_fund
        assert value(books[name], "losses: fund for one account") == min(fund.capital, fund.account_cap) * MICRO
        assert value(books[name], "losses: fund for all") == min(fund.capital, fund.market_cap) * MICRO


def test_who_pays_for_a_gap(books: dict[str, Document]) -> None:
    """The account is short of its margin once more; sold at 0.5 % below the mark, or bid for with 0.2 % of what is taken and a little."""
    mark = 94_998
    debt = (5 * (PRICE - mark) - STORY // 40) * MICRO
    sold = ceil(Fraction(mark * 995, 1000))
    for name, who, amount in (
        ("book_fund_adl", "the insurance fund", debt + 5 * (mark - sold) * MICRO),
        ("book_fund_social", "the insurance fund", debt + 5 * (mark - sold) * MICRO),
        ("social_only", "all open positions", debt + 5 * (mark - sold) * MICRO),
        ("book_vault_adl", "the vault", debt),
    ):
        assert value(books[name], f"losses: gap: paid by {who}") == amount
    for name in ("auction_fund_adl", "auction_fund_social"):
        paid = value(books[name], "losses: gap: paid by the insurance fund")
        second = ceil(Fraction(5 * mark * 12_500, 10**6) * MICRO) / 30  # what the payment rises by in a second
        assert 0 <= paid - debt - 5 * mark * MICRO * 2 // 1000 <= second
    for name in ("book_fund_adl", "auction_fund_adl", "book_vault_adl"):
        assert value(books[name], "losses: gap with empty funds: paid by winners, by deleveraging") == debt


def test_who_is_deleveraged_first(books: dict[str, Document]) -> None:
    """Profit x leverage against mark / entry x leverage, of three longs worth 100,000 USD: in parts per million squared, to rounding."""
    for entry, equity, account in ((90_000, 50_000, 8), (98_000, 5_000, 9), (95_000, 20_000, 10)):
        leverage = Fraction(SIZE, equity)
        profit = Fraction(SIZE - entry, entry) * leverage * 10**12
        assert abs(value(books["book_fund_adl"], f"losses: score of account {account}") / profit - 1) < 1e-4
        ratio = Fraction(SIZE, entry) * leverage * 10**12
        assert abs(value(books["book_vault_adl"], f"losses: score of account {account}") / ratio - 1) < 1e-5


# -- what comes first --


@pytest.mark.parametrize("name", DESIGNS)
def test_events_of_one_time_come_in_the_order_that_is_told(books: dict[str, Document], name: str) -> None:
    section = books[name].section("moment")
    seen = [fact.shown for fact in section.facts]
    assert seen[0] == "FundingSampled" and seen[-2:] == ["OracleUpdated", "MarkMoved"]
    told = next(block for block in section.blocks if isinstance(block, Steps)).items
    words = ["the premium is sampled", "funding is paid", "a liquidation pass", "the command"]
    places = [next(number for number, item in enumerate(told) if item.startswith(word)) for word in words]
    assert places == sorted(places)
    assert any("the vault sells" in item for item in told) == ("takeover" in load_venue(name).liquidation.steps)


def test_a_mark_that_is_computed_on_its_own_comes_first() -> None:
    design = load_venue("social_only", {"markets": {"mark": {"cadence_ms": 1_000}}})
    assert moment.in_order(design)[0].startswith("the mark is computed anew")
    assert not moment.in_order(load_venue("social_only"))[0].startswith("the mark")


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
