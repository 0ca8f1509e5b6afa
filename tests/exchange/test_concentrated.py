"""Concentrated liquidity: what ranges hold, who has traded what, who has earned the fees, and that all of it adds up."""

from __future__ import annotations

from fractions import Fraction

import pytest
from choices import examples
from curve_draws import BUY, SELL, Set, add, amounts, made
from hypothesis import given
from hypothesis import strategies as st

from perplab.exchange.state.ranges import ONE, apportioned, base_between, quote_between
from perplab.exchange.trading.curve_ranges import liquidity_of, root_of

USD = 10**6


def empty(oracle: int = 100, **market: object) -> Set:
    """1 USD a tick and lot, up to 30,000 USD."""
    return made("concentrated", oracle, {}, **market)


def trade(one: Set, side: int, lots: int, fee: int = 0) -> int:
    """An order trades, as the exchange has it do; `inventory` is the ranges' own. Returns the value."""
    it = one.pool.ranges
    before = it.lots
    value = one.curve.value(one.market, one.pool, before, side, lots)
    assert value > 0
    one.curve.traded(one.market, one.pool, before, side, lots, value)
    one.curve.earned(one.market, one.pool, fee)
    one.pool.check()
    return value


def room(one: Set, side: int) -> int:
    return one.curve.room(one.market, one.pool, one.pool.ranges.lots, side)


def middle(one: Set) -> int:
    return one.curve.middle(one.market, one.pool, one.pool.ranges.lots)


def positions(one: Set) -> list[tuple[int, int]]:
    return [one.ranges.position(one.pool, it.number) for it in one.pool.ranges.ranges]


# -- formulas --


@examples(200)
@given(st.integers(1, 1 << 60), st.integers(1, 1 << 45), st.integers(1, 1 << 45))
def test_amounts_are_the_published_ones(liquidity: int, first: int, second: int) -> None:
    """dx = L (1 / sqrt pa - 1 / sqrt pb), dy = L (sqrt pb - sqrt pa), of the roots as they are kept; each rounded down once."""
    low, high = sorted((root_of(first), root_of(second)))
    one = 1 << 96
    for price, root in ((min(first, second), low), (max(first, second), high)):
        assert root**2 <= price << 192 < (root + 1) ** 2
    dx = liquidity * (Fraction(one, low) - Fraction(one, high))
    dy = liquidity * (Fraction(high, one) - Fraction(low, one))
    assert base_between(liquidity, low, high) == int(dx * ONE)
    assert quote_between(liquidity, low, high) == int(dy * ONE)
    if low < high:
        amount = liquidity_of(10**12, low, high)
        assert quote_between(amount, low, high, scale=1) <= 10**12 < quote_between(amount + 1, low, high, scale=1) + 1


@examples(200)
@given(st.lists(st.integers(-(1 << 100), 1 << 100), min_size=1, max_size=9), st.integers(-9, 9))
def test_shares_are_whole_and_add_up(targets: list[int], more: int) -> None:
    total = (sum(targets) >> 64) + more
    found = apportioned(targets, total)
    assert sum(found) == total
    assert all(abs((whole << 64) - target) < (abs(more) + 2) << 64 for whole, target in zip(found, targets, strict=True))


def test_the_largest_remainder_gets_what_is_left() -> None:
    assert apportioned([ONE // 2, ONE // 2, ONE // 4], 1) == [1, 0, 0], "of equal ones the first"
    assert apportioned([ONE // 4, ONE * 3 // 4], 1) == [0, 1]
    assert apportioned([-ONE // 4, -ONE * 3 // 4], -1) == [0, -1]
    assert apportioned([ONE, ONE], 5) == [3, 2], "more than one each, if targets are that far off"


# -- one range, by hand --


def test_a_range_by_hand() -> None:
    """From 100 to 400 USD: roots of 10,000 and 20,000 in micro-units, L = 1e10 / 10,000 = 1e6 for 10,000 USD."""
    one = empty(100)
    assert add(one, 100, 400, 10_000 * USD)
    (it,) = one.pool.ranges.ranges
    assert it.liquidity == 1_000_000 and (it.low >> 96, it.high >> 96) == (10_000, 20_000)
    assert room(one, BUY) == 50, "1e6 / 10,000 - 1e6 / 20,000 lots"
    assert room(one, SELL) == 0, "at its lower end there is no quote in it"
    assert middle(one) == 100
    # 25 lots: 1 / sqrt p = 1 / 10,000 - 25 / 1e6 = 75 / 1e6, sqrt p = 13,333.3, dy = 3,333.3 x 1e6
    assert trade(one, BUY, 25) == 3_333_333_334
    assert middle(one) == 177
    assert positions(one) == [(-25, -3_333_333_334)]
    assert trade(one, BUY, 25) == 6_666_666_667
    assert room(one, BUY) == 0 and middle(one) == 400
    assert positions(one) == [(-50, -10_000_000_001)], "10,000 USD in all, as was paid in, and what was rounded"
    assert trade(one, SELL, 50) == 10_000_000_000
    assert positions(one) == [(0, -1)]


def test_a_trade_goes_through_edges_and_over_gaps() -> None:
    one = empty(100)
    assert add(one, 50, 150, 10_000 * USD) and add(one, 200, 300, 10_000 * USD)
    first, second = one.pool.ranges.ranges
    all_of_first = first.base_at(root_of(100 * USD)) / ONE
    whole = room(one, BUY)
    assert whole == int(all_of_first + second.base_at(0) / ONE)
    assert [one.lots_to(BUY, price, 1_000) for price in (150, 160, 199)] == [35, 35, 36], "one lot is partly at 150, partly above 200"
    assert one.lots_to(BUY, 300, 1_000) == whole
    trade(one, BUY, int(all_of_first) + 1)
    assert middle(one) >= 200, "over the gap"
    (lots, _), (beyond, _) = positions(one)
    assert (lots, beyond) in ((-int(all_of_first), -1), (-int(all_of_first) - 1, 0))
    trade(one, SELL, 1)
    assert middle(one) <= 150


def test_where_there_is_no_liquidity_the_price_is_the_oracles() -> None:
    """As near to it as it may be: whoever adds liquidity there adds it around a price that nobody has traded to."""
    one = empty(170)
    assert add(one, 50, 150, 10_000 * USD)
    assert middle(one) == 170, "above all of it"
    one.market.oracle = 100
    assert middle(one) == 150, "it was opened above, so all of it is quote"
    trade(one, SELL, room(one, SELL))
    one.market.oracle = 10
    assert middle(one) <= 50
    assert empty().curve.middle(empty().market, empty().pool, 0) == 0, "no range, no price"


# -- fees --


def test_fees_go_to_what_was_traded_with() -> None:
    """Two ranges side by side, the second three times as deep: a trade in the first pays the first alone, one in both by what moved."""
    one = empty(100)
    assert add(one, 100, 400, 10_000 * USD) and add(one, 400, 900, 30_000 * USD) and add(one, 100, 400, 30_000 * USD)
    it = one.pool.ranges
    trade(one, BUY, 50, 4_000)
    assert [it.fees_due(range_) >> 64 for range_ in it.ranges] in ([1_000, 0, 3_000], [999, 0, 2_999], [1_000, 0, 2_999], [999, 0, 3_000])
    trade(one, BUY, room(one, BUY), 9_000)
    due = [it.fees_due(range_) >> 64 for range_ in it.ranges]
    assert due[0] > 1_000 and due[1] > 0 and sum(due) in range(12_997, 13_001)
    assert it.fees == 13_000


# -- all of it, in any order --


@st.composite
def steps(draw: st.DrawFn) -> list[tuple[str, int, int, int]]:
    kinds = st.sampled_from(["add", "buy", "sell", "remove", "part", "oracle"])
    step = st.tuples(kinds, st.integers(1, 400), st.integers(1, 400), amounts())
    return draw(st.lists(step, min_size=1, max_size=25))


class Life:
    """A curve, and what it has handed out and taken in."""

    def __init__(self) -> None:
        self.one = empty(100, lot="0.001")
        self.lots, self.value, self.fees = 0, 0, 0  # that ranges were handed on leaving; fees paid out
        self.traded, self.spent, self.earned = 0, 0, 0  # by the curve

    def act(self, what: str, first: int, second: int, amount: int) -> None:
        one = self.one
        it = one.pool.ranges
        if what == "add":
            before = middle(one) if it.edges and room(one, BUY) and room(one, SELL) else 0
            if add(one, min(first, second), max(first, second) + 1, amount) and before:
                assert middle(one) in (before, before - 1, before + 1), "the price stays"
        elif what == "oracle":
            one.market.oracle = first
        elif what in ("buy", "sell"):
            self.trade(BUY if what == "buy" else SELL, first, amount)
        elif it.ranges:
            self.remove(it.ranges[first % len(it.ranges)].number, second if what == "part" else 0)

    def trade(self, side: int, share: int, fee: int) -> None:
        one = self.one
        lots = room(one, side) * share // 400
        if lots == 0 or one.curve.value(one.market, one.pool, one.pool.ranges.lots, side, lots) <= 0:
            return
        value = trade(one, side, lots, fee % 10**6)
        sign = -1 if side == BUY else 1
        self.traded += sign * lots
        self.spent += sign * value
        self.earned += fee % 10**6

    def remove(self, number: int, share: int) -> None:
        one = self.one
        it = one.pool.ranges
        whole = it.find(number)
        assert whole is not None
        liquidity = max(1, whole.liquidity * share // 401) if share else whole.liquidity
        expected = one.ranges.position(one.pool, number)
        left = one.ranges.remove(one.market, one.pool, number, liquidity)
        if liquidity == whole.liquidity and share == 0:
            assert abs(left.lots - expected[0]) <= 1 and abs(left.cost - expected[1]) <= 2 + 401 * USD
        self.lots += left.lots
        self.value += left.cost
        self.fees += left.fees

    def check(self) -> None:
        it = self.one.pool.ranges
        self.one.pool.check()
        assert it.lots + self.lots == self.traded and it.cost + self.value == self.spent
        assert (it.fees, it.paid) == (self.earned, self.fees)
        held = positions(self.one)
        assert sum(lots for lots, _ in held) == it.lots and sum(cost for _, cost in held) == it.cost


@examples(150)
@given(steps())
def test_everything_adds_up_in_any_order(story: list[tuple[str, int, int, int]]) -> None:
    """What ranges have, what they were handed, and the fees: exactly what was traded and earned, after every step and at the end."""
    life = Life()
    for step in story:
        life.act(*step)
        life.check()
    for one in list(life.one.pool.ranges.ranges):
        life.remove(one.number, 0)
        life.check()
    it = life.one.pool.ranges
    assert (it.lots, it.cost, it.edges) == (0, 0, []) and it.fees - it.paid >= 0
    assert it.carry == (it.fees - it.paid) << 64, "what could not be split is still there"


@examples(100)
@given(steps(), st.integers(1, 400), st.integers(1, 400), amounts())
def test_coming_and_going_at_once_takes_nothing(story: list[tuple[str, int, int, int]], first: int, second: int, amount: int) -> None:
    """Whoever adds a range and removes it at once has no lots, has paid nothing and gets no fees."""
    life = Life()
    for step in story:
        life.act(*step)
    one = life.one
    if not add(one, min(first, second), max(first, second) + 1, amount):
        return
    number = one.pool.ranges.last
    assert one.ranges.position(one.pool, number) in ((0, 0), (0, -1), (0, 1))
    whole = one.pool.ranges.find(number)
    assert whole is not None
    left = one.ranges.remove(one.market, one.pool, number, whole.liquidity)
    assert left.lots == 0 and abs(left.cost) <= 1 and left.fees == 0
    one.pool.check()


@examples(100)
@given(steps())
def test_a_dry_run_leaves_no_trace(story: list[tuple[str, int, int, int]]) -> None:
    life = Life()
    for step in story:
        life.act(*step)
    pool = life.one.pool
    seen = [(edge.root, edge.growth) for edge in pool.ranges.edges], pool.ranges.lots, pool.ranges.cost, pool.ranges.carry
    copied = life.one._replace(pool=pool.copy())
    if room(copied, BUY):
        trade(copied, BUY, room(copied, BUY), 12_345)
    assert seen == ([(edge.root, edge.growth) for edge in pool.ranges.edges], pool.ranges.lots, pool.ranges.cost, pool.ranges.carry)


def test_what_is_no_range_is_refused() -> None:
    one = empty()
    assert one.ranges.liquidity(one.market, 0, 10, USD) == one.ranges.liquidity(one.market, 10, 10, USD) == 0
    assert one.ranges.liquidity(one.market, 10, 30_001, USD) == 0, "above the market's highest price"
    assert one.ranges.liquidity(one.market, 29_999, 30_000, USD) > 0
    assert one.ranges.liquidity(one.market, 1, 30_000, 1) == 0, "too little for any liquidity"
    for _ in range(256):
        assert add(one, 90, 110, USD)
    assert not add(one, 90, 110, USD), "one too many"
    narrow = empty()
    assert not add(narrow, 29_999, 30_000, 9 * 10**18), "more liquidity than fits"


@pytest.mark.parametrize("share", [1, 200, 400])
def test_a_part_of_a_range_takes_its_share_along(share: int) -> None:
    one = empty(100, lot="0.001")
    assert add(one, 50, 200, 100_000 * USD)
    trade(one, BUY, room(one, BUY) // 2, 1_000_000)
    whole = positions(one)[0]
    range_ = one.pool.ranges.ranges[0]
    left = one.ranges.remove(one.market, one.pool, range_.number, range_.liquidity * share // 401)
    rest = positions(one)[0]
    assert (left.lots + rest[0], left.cost + rest[1], left.fees) == (*whole, 999_999) or left.fees == 1_000_000
    assert abs(Fraction(left.lots, whole[0]) - Fraction(share, 401)) < Fraction(2, abs(whole[0]))
    assert abs(Fraction(left.cost, whole[1]) - Fraction(share, 401)) < Fraction(1, 1_000)


@examples(100)
@given(st.integers(1, 6), st.lists(st.tuples(st.sampled_from([BUY, SELL]), st.integers(1, 400)), min_size=1, max_size=8), amounts())
def test_equal_ranges_are_worth_the_same(count: int, trades: list[tuple[int, int]], amount: int) -> None:
    """Whole lots cannot be shared out equally; but who has one more has paid the price for it, to the micro-unit."""
    one = empty(100, lot="0.001")
    if not all(add(one, 60, 170, max(amount, 10**8)) for _ in range(count)):
        return
    for side, share in trades:
        lots = room(one, side) * share // 400
        if lots and one.curve.value(one.market, one.pool, one.pool.ranges.lots, side, lots) > 0:
            trade(one, side, lots)
    it = one.pool.ranges
    price = Fraction(it.root(it.lots) ** 2, 1 << 192)
    held = positions(one)
    worth = [lots * price - cost for lots, cost in held]
    assert max(worth) - min(worth) <= 3
    assert max(lots for lots, _ in held) - min(lots for lots, _ in held) <= 1
    # and it is what the formulas give: x = L (1 / sqrt p - 1 / sqrt upper), y = L (sqrt p - sqrt lower)
    for range_, (lots, cost) in zip(it.ranges, held, strict=True):
        root, opened = it.root(it.lots), root_of(100 * 1_000)
        bought = Fraction(base_between(range_.liquidity, min(max(root, range_.low), range_.high), range_.high), ONE)
        bought -= Fraction(base_between(range_.liquidity, opened, range_.high), ONE)
        paid = Fraction(quote_between(range_.liquidity, range_.low, opened), ONE)
        paid -= Fraction(quote_between(range_.liquidity, range_.low, min(max(root, range_.low), range_.high)), ONE)
        assert abs(lots - bought) <= 1
        assert abs(cost - (paid + (lots - bought) * price)) <= len(trades) + 3, "but for what trades were rounded"
