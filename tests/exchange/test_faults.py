"""Faults of rules of one's own, and of what is shared in a pass: nobody is left owing for nothing, and a half-done venue takes no more."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from kit import FIRST, SECOND, START, UNCOVERED, USD, Bench, plain_venue

from perplab.exchange import Exchange, Malformed, SnapshotError, VenueBroken, codes, register, restore
from perplab.exchange.messages import BlockTrade, Deposit, OpenAccount, Place, SetMarginMode, Tick, UpdateOracle
from perplab.exchange.rules import Backstop, Ledger, Market, MarkRule, State, forget

SHARED = [
    ["socialized_loss", "auto_deleverage"],
    ["insurance_fund", "socialized_loss", "auto_deleverage"],
    ["auto_deleverage", "socialized_loss"],
]


@pytest.mark.parametrize("backstops", SHARED, ids="-".join)
@pytest.mark.parametrize("trigger", ["negative_equity", "fund_insufficient"])
@pytest.mark.parametrize("isolated", [0, 1])
@pytest.mark.parametrize(("pairs", "price"), [(10, 60), (30, 80), (30, 60)])
def test_a_winner_whom_a_shared_loss_has_emptied_owes_nothing_unseen(
    backstops: list[str], trigger: str, isolated: int, pairs: int, price: int
) -> None:
    """He was ranked with equity; a loss shared in the same pass took it. Closed at the mark, what he lacks is a deficit like any other."""
    rules = {"backstops": backstops, "auto_deleverage": {"price": "mark", "trigger": trigger}}
    exchange = Exchange(plain_venue(rules), None, 16, 16)
    for number in range(2 * pairs):
        exchange.apply(OpenAccount(START, 1, 0))
        exchange.apply(Deposit(START, FIRST + number, 0, 100 * USD))
        exchange.apply(SetMarginMode(START, FIRST + number, 0, isolated))
    exchange.apply(UpdateOracle(START, 0, 100))
    for number in range(pairs):
        exchange.apply(BlockTrade(START, FIRST + number, FIRST + pairs + number, 0, 10, 100))
    for second in range(1, 5):
        exchange.apply(UpdateOracle(START + second * SECOND, 0, price))
        exchange.check()
        assert all(exchange.balance(account) >= 0 or exchange.position(account, 0).size for account in range(FIRST, FIRST + 2 * pairs))


# -- a rule that fails --


class Fragile(MarkRule):
    """The oracle price, but for one price at which it fails."""

    def price(self, state: State, book: object, market: Market) -> int:
        if market.oracle == 666:
            raise ZeroDivisionError("mine")
        return int(market.oracle)


class Liar(Backstop):
    """Says that it paid, and moves `factor` times that."""

    factor = 0

    def available(self, state: State, row: int) -> int:
        return 10**12

    def pay(self, state: State, ledger: Ledger, row: int, amount: int) -> int:
        ledger.pay(row, UNCOVERED, -amount * self.factor)
        return amount


class Generous(Liar):
    """Moves twice what it says."""

    factor = 2


RULES = [("mark.rule", "fragile", Fragile), ("backstops", "liar", Liar), ("backstops", "generous", Generous)]


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    for key, name, rule in RULES:
        register(key, name, rule)
    yield
    for key, name, _ in RULES:
        forget(key, name)


def test_a_venue_whose_rule_raised_takes_no_more() -> None:
    """The caller gets what was raised; from then on the venue says what it is, and changes no more."""
    bench = Bench(plain_venue({"markets": {"mark": {"rule": "fragile"}}}))
    bench.oracle(100)
    good = bench.exchange.snapshot()
    with pytest.raises(ZeroDivisionError, match="mine"):
        bench.exchange.apply(UpdateOracle(bench.now, 0, 666))
    left = bench.exchange.state_hash(), bench.journal.bytes()
    for refused in (
        lambda: bench.exchange.apply(Tick(bench.now)), lambda: bench.exchange.apply_rows([17, bench.now, *[0] * 14]),
        lambda: bench.exchange.apply_block([17, bench.now, *[0] * 14], "refuse_row"), bench.exchange.snapshot,
    ):  # fmt: skip
        with pytest.raises(VenueBroken, match="left half done by what it raised"):
            refused()
    assert (bench.exchange.state_hash(), bench.journal.bytes()) == left
    restore(good).apply(Tick(bench.now))


@pytest.mark.parametrize("name", ["liar", "generous"])
def test_a_backstop_pays_what_it_says(name: str) -> None:
    bench = Bench(plain_venue({"backstops": [name]}))
    trader, other = bench.open("100"), bench.open("1000")
    bench.oracle(100)
    bench.block(trader, other, 10, 100)
    bench.place(other, 0, 10, 85)
    with pytest.raises(AssertionError, match="a backstop says that it paid"):
        bench.exchange.apply(UpdateOracle(bench.now, 0, 88))


# -- the edges of bytes and numbers --


def test_a_snapshot_does_not_carry_old_events() -> None:
    bench = Bench()
    bench.exchange.apply_rows([1, START, 1, 0, *[0] * 12] * 5_000)
    bench.send(Tick)
    data = bench.exchange.snapshot()
    assert len(data) < 200_000 and restore(data).state.log.capacity < bench.exchange.state.log.capacity


@pytest.mark.parametrize("data", [None, 1, bytearray(b"x"), "text"])
def test_what_is_not_bytes_is_no_snapshot(data: object) -> None:
    with pytest.raises(SnapshotError, match="a snapshot is bytes"):
        restore(data)


@pytest.mark.parametrize("size", [2**63, 10**60, 10**5000], ids=["just", "large", "huge"])
def test_a_number_of_any_size_is_told(size: int) -> None:
    with pytest.raises(Malformed, match="not fit 64 bits"):
        Bench().exchange.apply(Place(START, FIRST, 0, 0, 1, size))


def test_bytes_are_no_rows() -> None:
    with pytest.raises(Malformed, match="bytes are taken as memoryview"):
        Bench().exchange.apply_rows(bytes(128))


def test_bounds_of_codes_are_those_of_their_enums() -> None:
    """`SideCode = Annotated[int, Meta(ge=0, le=1), Side]`; the kinds of accounts and commands that no command can have begin at 1."""
    found = {name: value for name, value in vars(codes).items() if name.endswith("Code") and hasattr(value, "__metadata__")}
    assert len(found) > 10
    for name, annotated in found.items():
        meta, enum = annotated.__metadata__
        lowest = 1 if enum is codes.AccountKind else min(enum)
        assert (meta.ge, meta.le) == (lowest, max(enum)), name
