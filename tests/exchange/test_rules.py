"""Rules: the contract of all that are registered, what a wrong one is told, and rules of one's own of every kind in use."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit import FEES, MILLION, SECOND, START, Bench, named, plain_venue, usd
from msgspec import Meta

from perplab.exchange import RegisterError, VenueError, load_venue, register, replay
from perplab.exchange.codes import Payer
from perplab.exchange.design import registry
from perplab.exchange.design.registry import KINDS, RULES, Rule
from perplab.exchange.design.venue import venue_of_json
from perplab.exchange.journal import JournalError
from perplab.exchange.liquidation.selections import Greedy, ProRata
from perplab.exchange.messages import BlockTrade
from perplab.exchange.rules import (
    AdlRank,
    AdlSelection,
    Backstop,
    Book,
    FundingRule,
    Ledger,
    Market,
    MarkRule,
    Parameters,
    Screen,
    State,
    forget,
    hash64,
)
from perplab.exchange.state.tables import P_OPENED

SHIPPED = dict(RULES)


@pytest.fixture(autouse=True)
def only_what_ships() -> Iterator[None]:
    yield
    for key in [key for key in RULES if key not in SHIPPED]:
        forget(*key)


# -- the contract --


@pytest.mark.parametrize("rule", SHIPPED.values(), ids=lambda rule: f"{rule.key} {rule.name}")
def test_every_rule_has_a_name_parameters_and_a_docstring(rule: Rule) -> None:
    assert rule.name.isidentifier() and issubclass(rule.rule, KINDS[rule.key].base)
    assert (rule.rule.__doc__ or "").strip(), "what the rule does is said in its docstring"
    assert issubclass(rule.params, Parameters) and rule.params() == rule.params(), "a default for every key"
    assert rule.params.__struct_config__.frozen and rule.params.__struct_config__.forbid_unknown_fields


def test_every_kind_of_rule_has_one_that_ships() -> None:
    assert {key for key, _ in SHIPPED} == set(KINDS)


# -- registering --

WRONG: dict[str, tuple[tuple[Any, ...], dict[str, Any], str]] = {
    "a name twice": (("mark.rule", "oracle", MarkRule), {}, r"the name is taken by perplab\.exchange\.trading\.mark\.OracleMark"),
    "another kind": (("mark.rule", "mine", AdlRank), {}, "AdlRank is no rule of that kind: expected a subclass of MarkRule"),
    "no class": (("mark.rule", "mine", 3), {}, "3 is no rule of that kind"),
    "no kind": (("mark.rul", "mine", MarkRule), {}, "no key of a design that names rules; did you mean 'mark.rule'?"),
    "no name": (("mark.rule", "my rule", MarkRule), {}, "expected a name of letters, digits and underscores"),
    "no parameters": (("mark.rule", "mine", MarkRule), {"params": dict}, "params is <class 'dict'>: expected a subclass of Parameters"),
    "a key of the design": (("backstops", "vault", Backstop), {}, "the name has another meaning there"),
    "a word": (("screen.rule", "auto", Screen), {}, "the name has another meaning there"),
    "a rank's name": (("auto_deleverage.selection", "fifo", AdlSelection), {}, "registered for auto_deleverage.rank; forget"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_rule_is_told_what_is_wrong(name: str) -> None:
    """As a call and as a decorator alike; and nothing is registered."""
    (key, word, rule), options, told = WRONG[name]
    with pytest.raises(RegisterError, match=re.escape(f"register({key!r}, {word!r})")) as error:
        register(key, word, rule, **options)
    assert re.search(told, str(error.value)) or told in str(error.value)
    with pytest.raises(RegisterError):
        register(key, word, **options)(rule)
    assert RULES == SHIPPED


def test_register_gives_the_class_back() -> None:
    class Mine(MarkRule):
        """The oracle."""

    assert register("mark.rule", "mine", Mine) is Mine
    forget("mark.rule", "mine")
    assert register("mark.rule", "mine")(Mine) is Mine
    with pytest.raises(RegisterError, match="is taken by"):
        register("mark.rule", "mine", Mine)


def test_parameters_do_not_hide_keys_of_their_table() -> None:
    class Clash(Parameters, frozen=True):
        cadence_ms: int = 0

    with pytest.raises(RegisterError, match="params has 'cadence_ms', a key that the table has for every rule"):
        register("mark.rule", "mine", MarkRule, params=Clash)


def test_a_rule_of_an_installed_package_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """By its entry point, when a design names it; one that cannot be loaded is told."""

    def load() -> None:
        register("mark.rule", "installed", MarkRule)

    def fail() -> None:
        raise ImportError("no module named nowhere")

    points = [SimpleNamespace(name="mine", value="my_rules", load=load)]
    monkeypatch.setattr(registry, "searched", [])
    monkeypatch.setattr(registry, "entry_points", lambda group: points if group == "perplab.rules" else [])
    assert plain_venue({"markets": {"mark": {"rule": "installed"}}}).markets[0].mark.rule == "installed"
    points[0] = SimpleNamespace(name="mine", value="my_rules", load=fail)
    monkeypatch.setattr(registry, "searched", [])
    with pytest.raises(VenueError, match=r"entry point 'mine' of perplab\.rules \(my_rules\) cannot be loaded: no module named nowhere"):
        plain_venue({"markets": {"mark": {"rule": "other"}}})


# -- what a design says to a rule --


class Offset(Parameters, frozen=True):
    ticks: Annotated[int, Meta(ge=1, le=50)] = 3


class OffsetMark(MarkRule):
    """The oracle less some ticks."""

    def __init__(self, params: Offset) -> None:
        self.ticks = params.ticks

    def price(self, state: State, book: Book, market: Market) -> int:
        return market.oracle - self.ticks


TOLD = {
    "unknown key": ({"tick": 1}, "unknown key markets[0].mark.tick = 1; did you mean 'ticks'?"),
    "a common key, nearly": ({"cadence": 1}, "unknown key markets[0].mark.cadence = 1; did you mean 'cadence_ms'?"),
    "wrong type": ({"ticks": "many"}, "markets[0].mark.ticks is 'many': expected `int`"),
    "out of range": ({"ticks": 51}, "markets[0].mark.ticks is 51: expected `int` <= 50"),
    "unknown rule": (
        {"rule": "offst"},
        "markets[0].mark.rule is 'offst': expected one of curve, curve_median, curve_twap, hyperliquid, offset, oracle; "
        "did you mean 'offset'?",
    ),
    "no name": ({"rule": 3}, "markets[0].mark.rule is 3: expected `str`, got `int`"),
}


@pytest.mark.parametrize("name", TOLD)
def test_a_wrong_table_of_a_rule_is_told_what_is_wrong(name: str, tmp_path: Path) -> None:
    register("mark.rule", "offset", OffsetMark, params=Offset)
    change, told = TOLD[name]
    (tmp_path / "mine.toml").write_text('extends = "book_fund_adl"\n')
    with pytest.raises(VenueError, match=re.escape(f"mine.toml: {told}")):
        load_venue(tmp_path / "mine.toml", {"markets": {"mark": {"rule": "offset", **change}}})


def test_keys_of_the_rule_that_was_replaced_are_passed_over(tmp_path: Path) -> None:
    """A design inherits its parent's table; and its JSON, which a journal begins with, says exactly what its own rule was told."""
    register("mark.rule", "offset", OffsetMark, params=Offset)
    path = tmp_path / "mine.toml"
    path.write_text('extends = "book_fund_adl"\n[markets.mark]\nrule = "offset"\nticks = 7\ncadence_ms = 500\n')
    venue = load_venue(path)
    assert venue.markets[0].mark.own == Offset(7)
    header = json.loads(venue.to_json())
    assert header["markets"][0]["mark"] == {"rule": "offset", "cadence_ms": 500, "ticks": 7}
    assert venue_of_json(venue.to_json()) == venue
    path.write_text('extends = "book_fund_adl"\n[markets.mark]\nrule = "oracle"\n')
    assert json.loads(load_venue(path).to_json())["markets"][0]["mark"] == {"rule": "oracle", "cadence_ms": 0}


def test_a_table_may_be_left_out_and_is_judged_where_its_rule_is_not_named() -> None:
    register("backstops", "mine", Backstop, params=Offset)
    venue = plain_venue({"backstops": ["mine"]})
    assert venue.own == {"mine": Offset(3)} and json.loads(venue.to_json())["mine"] == {"ticks": 3}
    with pytest.raises(VenueError, match=r"mine\.ticks is 0"):
        plain_venue({"mine": {"ticks": 0}})
    assert plain_venue({"mine": {"ticks": 4}}) == plain_venue()
    with pytest.raises(VenueError, match="unknown key own"):
        plain_venue({"own": {}})


# -- in use --


def replays(bench: Bench, key: str, name: str) -> None:
    """With its rule the journal is replayed, without it is refused."""
    assert replay(bench.journal.bytes()).state_hash() == bench.exchange.state_hash()
    forget(key, name)
    with pytest.raises(JournalError, match=f"{name!r}: expected one of "):
        replay(bench.journal.bytes())


def test_a_mark_rule_of_one_s_own(tmp_path: Path) -> None:
    register("mark.rule", "offset", OffsetMark, params=Offset)
    (tmp_path / "mine.toml").write_text('extends = "social_only"\n[markets.mark]\nrule = "offset"\nticks = 40\n')
    bench = Bench(load_venue(tmp_path / "mine.toml"))
    bench.oracle(100_000)
    assert bench.exchange.mark_price(0) == 99_960
    bench.oracle(5)
    assert bench.exchange.mark_price(0) == 1, "it is held within the market's prices"
    replays(bench, "mark.rule", "offset")


def test_a_funding_rule_of_one_s_own(tmp_path: Path) -> None:
    class Flat(Parameters, frozen=True):
        rate_ppt: Annotated[int, Meta(ge=0)] = 0

    @register("funding.rule", "flat", params=Flat)
    class FlatFunding(FundingRule):
        """Longs pay the same in every interval."""

        def __init__(self, params: Flat) -> None:
            self.rate_ppt = params.rate_ppt

        def rate(self, premium: int) -> int:
            return self.rate_ppt

    text = '[markets.funding]\nrule = "flat"\nrate_ppt = 10_000_000_000\ninterval_ms = 3_600_000\nsample_interval_ms = 60_000\n'
    (tmp_path / "mine.toml").write_text(f'extends = "social_only"\n{text}')
    bench = Bench(load_venue(tmp_path / "mine.toml"))
    bench.oracle(100_000)
    long, short = bench.open(MILLION), bench.open(MILLION)
    bench.block(long, short, 1, 100_000)
    for _ in range(360):
        bench.now += 10 * SECOND
        bench.oracle(100_000)
    assert bench.exchange.equity(long) == usd(MILLION) - usd(1_000), "1 % of 100,000"
    replays(bench, "funding.rule", "flat")


def test_a_backstop_of_one_s_own(tmp_path: Path) -> None:
    class Share(Parameters, frozen=True):
        most_ppm: Annotated[int, Meta(ge=0, le=1_000_000)] = 500_000

    @register("backstops", "fee_income", params=Share)
    class FeeIncome(Backstop):
        """The venue pays out of the fees that it has taken, up to a share of them each time."""

        def __init__(self, params: Share) -> None:
            super().__init__()
            self.most_ppm = params.most_ppm

        def available(self, state: State, row: int) -> int:
            return max(0, state.accounts.cash[FEES]) * self.most_ppm // 1_000_000

        def pay(self, state: State, ledger: Ledger, row: int, amount: int) -> int:
            paid = min(amount, self.available(state, row))
            ledger.pay(row, FEES, -paid)
            return paid

    text = '[fee_income]\nmost_ppm = 250_000\n[markets]\nmaker_fee_ppb = 0\n'
    (tmp_path / "mine.toml").write_text(f'extends = "social_only"\nbackstops = ["fee_income", "socialized_loss"]\n{text}')
    bench = Bench(load_venue(tmp_path / "mine.toml"))
    bench.oracle(100_000)
    loser, winner, maker = bench.open(3_000), bench.open(MILLION), bench.open(MILLION)
    bench.place(winner, 1, 1, 100_000)
    bench.place(loser, 0, 1, 100_000)
    fees = bench.exchange.balance(FEES)
    bench.place(maker, 0, 1, 96_000)
    paid = [event for _ in range(20) for event in named(bench.oracle(96_500) + bench.later(1), "DeficitPaid")]
    assert Payer.OTHER in {event.payer for event in paid} and fees > 0
    assert fees - bench.exchange.balance(FEES) == sum(event.amount for event in paid if event.payer == Payer.OTHER)
    replays(bench, "backstops", "fee_income")


def test_a_screen_of_one_s_own(tmp_path: Path) -> None:
    asked = []

    @register("screen.rule", "watched")
    class Watched(Screen):
        """All accounts, and a note that it was asked."""

        def suspects(self, state: State) -> list[int]:
            asked.append(int(state.now))
            return super().suspects(state)

    venue = {"backstops": ["auto_deleverage"], "liquidation": {"book": {"patience_ms": 0}}}
    plain, bench = Bench(plain_venue(venue)), Bench(plain_venue({**venue, "screen": {"rule": "watched"}}))
    everyone = Bench(plain_venue({**venue, "screen": {"rule": "everyone"}}))
    for one in (plain, bench, everyone):
        a, b = one.open(100), one.open(1_000)
        one.oracle(100)
        one.block(a, b, 10, 100)
        assert len(named(one.oracle(88), "Deleveraged")) == 1
    assert asked and plain.exchange.state_hash() == bench.exchange.state_hash() == everyone.exchange.state_hash()
    replays(bench, "screen.rule", "watched")


# -- selections, ranks, and when a position was opened --

LOTS = st.one_of(st.integers(1, 20), st.integers(1, 2**40 - 1))


@given(st.lists(LOTS, min_size=1, max_size=40), LOTS, st.sampled_from([Greedy(), ProRata(), AdlSelection()]))
def test_parts_add_up(held: list[int], lots: int, selection: AdlSelection) -> None:
    """To what is to be closed, or to all that is held if that is less; nobody is closed for more than he holds."""
    left, total = lots, sum(held)
    for one in held:
        part = selection.part(left, one, total) if left else 0
        assert 0 <= part <= min(left, one)
        if isinstance(selection, ProRata):
            assert part * sum(held) < lots * one + sum(held), "less than one lot above its share"
        left, total = left - part, total - one
    assert left == max(0, lots - sum(held))


@given(LOTS, st.integers(0, 2**62), st.integers(0, 2**62))
def test_a_part_is_exact_at_any_size(left: int, held: int, more: int) -> None:
    """However many lots all winners hold: as Python's integers say."""
    held = 1 + held % (2**40 - 1)
    total = held + more
    assert ProRata().part(left, held, total) == min(held, -(-left * held // total))


def test_pro_rata_closes_winners_in_proportion() -> None:
    """30 lots to close against 60, 30 and 10; the loser's long is part of a larger open interest."""
    bench = Bench(plain_venue({"backstops": ["auto_deleverage"], "auto_deleverage": {"selection": "pro_rata"}}))
    loser, rich = bench.open(300), bench.open(MILLION)
    bench.oracle(100)
    shorts = {bench.open(10_000): lots for lots in (60, 30, 10)}
    for (short, lots), of_loser in zip(shorts.items(), (30, 0, 0), strict=True):
        if of_loser:
            bench.block(loser, short, of_loser, 100)
        if lots > of_loser:
            bench.block(rich, short, lots - of_loser, 100)
    closed = named(bench.oracle(89), "Deleveraged")
    assert {event.winner: event.size for event in closed} == dict(zip(shorts, (18, 9, 3), strict=True))
    assert sum(event.value for event in closed) == 30 * usd(90), "the bankruptcy price of them all"
    assert replay(bench.journal.bytes()).state_hash() == bench.exchange.state_hash()


def test_a_selection_that_closes_too_much_is_stopped() -> None:
    @register("auto_deleverage.selection", "greedier")
    class Greedier(AdlSelection):
        """One lot more."""

        def part(self, left: int, held: int, total: int) -> int:
            return min(left, held) + 1

    bench = Bench(plain_venue({"backstops": ["auto_deleverage"], "auto_deleverage": {"selection": "greedier"}}))
    a, b = bench.open(100), bench.open(1_000)
    bench.oracle(100)
    bench.block(a, b, 10, 100)
    with pytest.raises(AssertionError, match=r"\.part\(left=\d+, held=\d+, total=\d+\) returned -?\d+: expected 0 to \d+"):
        bench.oracle(88)


def test_a_position_is_opened_when_it_was_flat_or_turns() -> None:
    """Adding, reducing, and a fill-or-kill order that is tried and refused leave the time as it is."""
    bench = Bench()
    a, b = bench.open(MILLION), bench.open(MILLION)
    bench.oracle(100)
    bench.now = START + 5 * SECOND
    bench.block(a, b, 10, 100)
    state = bench.exchange.state
    row = state.find_position(a, 0)

    def opened() -> int:
        return (int(state.positions.cells[row + P_OPENED]) - START) // SECOND

    assert opened() == 5
    bench.later(1)
    bench.block(a, b, 5, 100)
    bench.block(b, a, 3, 100)
    bench.place(b, 0, 30, 100)
    bench.place(a, 1, 40, 100, tif=2)
    assert opened() == 5
    bench.place(a, 1, 30, 100, tif=1)
    assert bench.exchange.position(a, 0).size == -18 and opened() == 6
    bench.later(1)
    bench.send(BlockTrade, a, b, 0, 18, 100)
    bench.later(1)
    bench.block(a, b, 1, 100)
    assert opened() == 8


def test_the_time_of_opening_is_state() -> None:
    """Of a position that is open: whoever ranks by it depends on it."""
    benches = [Bench(), Bench()]
    for bench, delay in zip(benches, (0, 1), strict=True):
        a, b = bench.open(MILLION), bench.open(MILLION)
        bench.oracle(100)
        bench.now += delay
        bench.block(a, b, 10, 100)
        bench.now = START + SECOND
        bench.oracle(100)
    assert benches[0].exchange.state_hash() != benches[1].exchange.state_hash()
    for bench in benches:
        bench.block(9, 8, 10, 100)
    assert benches[0].exchange.state_hash() == benches[1].exchange.state_hash()


def test_the_hash_is_splitmix64() -> None:
    """The first outputs of seed 0, and the same numbers in another order or with another sign are others."""
    golden = 0x9E3779B97F4A7C15
    assert [hash64(0), hash64(golden), hash64(2 * golden)] == [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
    assert hash64() == 0 and hash64(-1) == hash64(2**64 - 1) != hash64(1)
    assert len({hash64(1, 2), hash64(2, 1), hash64(1, 2, 0), hash64(3)}) == 4
    assert all(0 <= hash64(seed, 2**63, -(2**63)) < 2**64 for seed in range(100))
