"""Numbers that `perplab explain` shows, computed once more by somebody else: from formulas of this file, in fractions."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from math import ceil, exp, floor

import pytest
from explain_kit import DESIGNS, book

from perplab.exchange import load_venue
from perplab.exchange.design.parameters_funding import SkewDesign, TwapDesign
from perplab.exchange.design.structs import VenueDesign
from perplab.exchange.design.venue import compared_venues
from perplab.lab.explain.document import Document, Grid, Picture
from perplab.lab.explain.rulebook import rulebook
from perplab.lab.explain.venues import BESIDE

ALIKE = [*compared_venues(), *BESIDE]  # in market, mark, funding and sequencing
PRICE, SIZE, STORY = 100_000, 100_000, 500_000  # [USD] of the examples, in all designs that ship
MICRO = 10**6


@pytest.fixture(scope="module")
def books() -> dict[str, Document]:
    return {name: book(name) for name in DESIGNS}


def value(book: Document, name: str) -> int:
    return book.facts[name].value


@pytest.mark.parametrize("name", DESIGNS)
def test_fees_and_margin(books: dict[str, Document], name: str) -> None:
    book, market = books[name], load_venue(name).markets[0]
    has_book = market.curve.rule == "none" or market.curve.role != "separate"
    worth = SIZE * MICRO if has_book else value(book, "price: value of the trade")
    assert value(book, "price: taker fee") == ceil(Fraction(worth * market.taker_fee_ppb, 10**9))
    if has_book:
        assert value(book, "price: maker fee") == ceil(Fraction(worth * market.maker_fee_ppb, 10**9))
    found = re.findall(r"margin: (initial|maintenance) margin of ([\d,]+) USD", "\n".join(book.facts))
    assert len(found) >= 6
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


@pytest.mark.parametrize("name", [name for name in DESIGNS if name != "book_amm_hybrid"])  # whose mark is a tick lower, by its curve
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


@pytest.mark.parametrize("name", ALIKE)
def test_funding(books: dict[str, Document], name: str) -> None:
    book = books[name]
    for premium, expected in (("-1", "-0.11875"), ("0", "0.00125"), ("0.05", "0.00125"), ("0.1", "0.00625"), ("5", "0.61875")):
        assert book.facts[f"funding: rate at a premium of {premium} %"].shown == f"{expected} %"
    rate = (Decimal("0.002") - Decimal("0.0005")) / 8  # the premium of the example, drawn towards 0.01 % by 0.05 %
    assert value(book, "funding: rate of the example") == rate * 10**12
    assert value(book, "funding: payment of the example") == rate * SIZE * MICRO


AVERAGED = [name for name in DESIGNS if load_venue(name).markets[0].funding.rule == "twap_difference"]


@pytest.mark.parametrize("name", AVERAGED)
def test_funding_by_averages(books: dict[str, Document], name: str) -> None:
    """spread + 1 / offset_divisor, within 1 / limit_divisor, for the part of a period that an interval is; to rounding of an average."""
    terms = load_venue(name).markets[0].funding
    given = terms.own
    assert isinstance(given, TwapDesign)
    for premium in ("-1", "-0.1", "0", "0.05", "0.1", "1", "5"):
        spread = Fraction(premium) / 100 + (Fraction(1, given.offset_divisor) if given.offset_divisor else 0)
        if given.limit_divisor:
            most = Fraction(1, given.limit_divisor)
            spread = max(-most, min(most, spread))
        expected = spread * terms.interval_ms / given.period_ms * 10**12
        assert abs(value(books[name], f"funding: rate at a premium of {premium} %") - expected) <= 1


def test_funding_of_drift(books: dict[str, Document]) -> None:
    for premium, expected in (("0", "0.0008333"), ("5", "0.1262626")):
        assert books["drift_v2"].facts[f"funding: rate at a premium of {premium} %"].shown == f"{expected} %"


@pytest.mark.parametrize("name", [name for name in DESIGNS if not isinstance(load_venue(name).markets[0].funding.own, SkewDesign)])
def test_the_payment_is_that_of_the_rate(books: dict[str, Document], name: str) -> None:
    """Of an interval in which the rate moved, the mean of its charges; each rounded to a micro-unit, the rate to 1e-12. No borrowing."""
    rate = value(books[name], "funding: rate of the example")
    charges = load_venue(name).markets[0].funding.interval_ms // load_venue(name).markets[0].funding.sample_interval_ms
    assert abs(value(books[name], "funding: payment of the example") - Fraction(rate * SIZE * MICRO, 10**12)) <= charges + 1


def average(seconds: int, window: int) -> float:
    """600 s of zeros, sampled every 15 s, and then ones, every 3 s: as docs/rules.md has the average, in floats."""
    total = weight = 0.0
    for sample, steps, dt in ((0.0, 40, 15), (1.0, seconds // 3, 3)):
        for _ in range(steps):
            kept = exp(-dt / window)
            total, weight = total * kept + sample * dt, weight * kept + dt
    return total / weight


@pytest.mark.parametrize("name", ALIKE)
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


# -- curves, matching, sequencing --


def with_curve(rule: str, **given: object) -> VenueDesign:
    return load_venue("book_fund_adl", {"markets": {"curve": {"rule": rule, "role": "separate", "capital": 20_000_000, **given}}})


TRADES = [(side, size) for size in (1_000, 10_000, 100_000) for side in ("buy", "sell")]


def traded(book: Document, side: str, size: int) -> int:
    return value(book, f"price: value of a curve trade: {side} {size:,} USD")


def test_constant_product() -> None:
    """x = 200 coins, y = 20 M USD: y b / (x - b) for a buyer, y b / (x + b) for a seller."""
    book = rulebook(with_curve("constant_product", reserve=20_000_000))
    for side, size in TRADES:
        coins = Fraction(size, PRICE)
        exact = 20_000_000 * MICRO * coins / (200 - coins if side == "buy" else 200 + coins)
        assert traded(book, side, size) == (ceil(exact) if side == "buy" else floor(exact))


def test_concentrated_liquidity() -> None:
    """L = 20 M / (sqrt 200,000 - sqrt 50,000): a buyer of b coins moves 1 / sqrt p by b / L, and pays L times the way of sqrt p."""
    book = rulebook(with_curve("concentrated"))
    liquidity = 20_000_000 / (200_000**0.5 - 50_000**0.5)
    for side, size in TRADES:
        signed = size / PRICE * (1 if side == "buy" else -1)
        root = 1 / (PRICE**-0.5 - signed / liquidity)
        paid = abs(liquidity * (root - PRICE**0.5)) * MICRO
        assert abs(traded(book, side, size) / paid - 1) < 1e-9


def test_skew_fill() -> None:
    book = rulebook(with_curve("skew_fill", scale="10000"))
    for side, size in TRADES:
        signed = Fraction(size, PRICE) * (1 if side == "buy" else -1)
        exact = abs(signed) * PRICE * (1 + signed / 10_000 / 2) * MICRO
        assert traded(book, side, size) == (ceil(exact) if side == "buy" else floor(exact))


def test_oracle_spread() -> None:
    """The mean of the price before and after, 0.1 % off the oracle, and 1 % further at a hundred coins."""
    book = rulebook(with_curve("oracle_spread", scale="100", max_inventory="100"))
    for side, size in TRADES:
        signed = Fraction(size, PRICE) * (1 if side == "buy" else -1)
        spread = Fraction(1, 1000) if side == "buy" else -Fraction(1, 1000)
        exact = abs(signed) * PRICE * (1 + spread + signed / 100 / 2 * Fraction(1, 100)) * MICRO
        assert traded(book, side, size) == (ceil(exact) if side == "buy" else floor(exact))


def test_oracle_pool() -> None:
    """f d^2 of the imbalance that the trade makes; beyond the point where a dollar more costs 0.5 %, 0.5 % of what is more."""
    book = rulebook(with_curve("oracle_pool"))
    bend = Fraction(5_000, 10**6) / (2 * Fraction(1, 10**7))  # 25,000 USD
    for side, size in TRADES:
        impact = Fraction(size**2, 10**7) if size <= bend else bend**2 / 10**7 + (size - bend) * Fraction(5, 1000)
        exact = (size + impact if side == "buy" else size - impact) * MICRO
        assert abs(traded(book, side, size) - exact) <= 1


def test_a_pegged_curve_follows_the_oracle_within_its_budget() -> None:
    book = rulebook(with_curve("vamm_peg_k", reserve=20_000_000, budget=100_000, base_spread_ppm=0, max_spread_ppm=0))
    assert value(book, "price: curve's price at the start") == PRICE
    coins = Fraction(STORY, PRICE)
    after = PRICE * (200 / (200 - coins)) ** 2
    assert abs(value(book, "price: curve's price after a buyer came") - after) <= 1
    assert value(book, "price: curve's price after the oracle rose") == PRICE + PRICE // 100
    # (y - y once all is closed) x the change of the peg: y in coins at the old peg, 200^2 / x
    peg = PRICE * Fraction(101, 100) / (200 / (200 - coins)) ** 2
    cost = (200**2 / (200 - coins) - 200) * (peg - PRICE) * MICRO
    assert abs(value(book, "price: cost of following the oracle") - cost) <= abs(cost) / 1000


@pytest.mark.parametrize("size", [1_000, 10_000, 100_000, 1_000_000])
def test_no_oracle_price_comes_between_while_a_taker_is_auctioned(books: dict[str, Document], size: int) -> None:
    """drift_v2: x = 10,000 coins, y = 1 bn USD, half of 0.025 % on each side: what one order pays, in however many steps."""
    coins = Fraction(size, PRICE)
    half = Fraction(125, 10**6)
    bought = 10**9 * coins / (10_000 - coins) * (1 + half) * MICRO
    sold = 10**9 * coins / (10_000 + coins) * (1 - half) * MICRO
    assert abs(traded(books["drift_v2"], "buy", size) - bought) <= 20
    assert abs(traded(books["drift_v2"], "sell", size) - sold) <= 20
    assert value(books["drift_v2"], "price: curve's price after a buyer came") == 100_100  # of 5 coins more: (10,000 / 9,995)^2


def test_the_picture_is_the_depth_that_the_curve_has() -> None:
    """Of x y = k up to a price p: 200 (1 - sqrt(P / p)) coins, for y b / (x - b) dollars, to a lot."""
    book = rulebook(with_curve("constant_product", reserve=20_000_000))
    (picture,) = (block for block in book.section("price").blocks if isinstance(block, Picture))
    curve, other = picture.curves
    assert [round(share, 6) for share, _ in curve.points] == [round(0.1 * step, 6) for step in range(21)]
    for share, usd in curve.points:
        coins = 200 * (1 - (1 / (1 + share / 100)) ** 0.5)
        assert abs(usd - 20_000_000 * coins / (200 - coins)) <= PRICE // 1000 * 1.05
    assert other.points[-1][1] == 20 * 50_000


@pytest.mark.parametrize(
    ("terms", "filled"),
    [
        ({"rule": "price_time"}, (200, 400, 0)),
        ({"rule": "pro_rata"}, (120, 300, 180)),
        ({"rule": "top_pro_rata"}, (200, 250, 150)),
        ({"rule": "top_pro_rata", "top_share_ppm": 200_000}, (120 + 480 * 80 // 880, 480 * 500 // 880, 480 * 300 // 880)),
    ],
)
def test_who_is_filled_at_one_price(terms: dict[str, object], filled: tuple[int, ...]) -> None:
    """0.2, 0.5 and 0.3 coins rest, in lots of a thousandth; 0.6 come. What rounding leaves goes by time: a lot or two to the first."""
    book = rulebook(load_venue("book_fund_adl", {"markets": {"matching": terms}}))
    found = [value(book, f"price: filled of the order that came {number}.") for number in (1, 2, 3)]
    assert sum(found) == 600
    assert all(0 <= mine - least <= 2 for mine, least in zip(found, filled))


@pytest.mark.parametrize(
    ("rule", "given", "trades_after_ms"),
    [
        ("continuous", {}, 0),
        ("continuous", {"taker_latency_ms": 300}, 300),
        ("blocks", {"interval_ms": 200}, 199),
        ("batch_auction", {"interval_ms": 700}, None),
        ("dutch_auction", {"duration_ms": 4_000, "step_ms": 400}, None),
        ("request_execute", {"delay_ms": 700}, 700),
    ],
)
def test_when_a_taker_trades(rule: str, given: dict[str, object], trades_after_ms: int | None) -> None:
    """Commands of the example are sent a millisecond after midnight; time passes there in steps of 50 ms, which requests wait for."""
    book = rulebook(load_venue("book_fund_adl", {"sequencing": {"rule": rule, **given}}))
    events = [fact for fact in book.section("arrival").facts if fact.name.startswith("event ")]
    traded_at = [fact.value for fact in events if fact.shown == "Traded"]
    assert len(traded_at) == 1
    if trades_after_ms is not None:
        assert traded_at[0] == trades_after_ms * 10**6
    if rule == "batch_auction":
        interval = 700
        start = 20_000 * 86_400_000 + 1  # [ms]
        assert traded_at[0] == ((start // interval + 1) * interval - start) * 10**6


def test_a_takers_auction_goes_a_half_per_cent() -> None:
    book = rulebook(load_venue("book_fund_adl", {"sequencing": {"rule": "dutch_auction"}}))
    for quarter, told in enumerate(("0 ms", "1 s", "2 s", "3 s", "4 s")):
        assert value(book, f"arrival: limit of a taker's auction after {told}") == PRICE + PRICE // 200 * quarter // 4


def test_funding_of_a_skew() -> None:
    """One coin is bought from the curve, half a coin is held on both sides: L = 1.5, S = 0.5, and 3 longs pay for each short."""
    curve = {"rule": "skew_fill", "role": "separate", "capital": 20_000_000, "scale": "10000"}
    funded = {"rule": "static_skew", "factor_ppt": 24 * 10**9}
    book = rulebook(load_venue("book_fund_adl", {"markets": {"curve": curve, "funding": funded}}))
    rate = Fraction(24 * 10**9, 24) * Fraction(1, 2)  # an hour's, times |L - S| / (L + S)
    for told in ("1 h", "8 h"):
        assert value(book, f"funding: rate of a skew after {told}") == rate
        paid = value(book, f"funding: the long pays in the interval up to {told}")
        assert abs(paid - rate * PRICE * MICRO / 10**12) <= 2
        assert abs(value(book, f"funding: the short pays in the interval up to {told}") + 3 * paid / 2) <= 5


def test_gas_is_told() -> None:
    book = rulebook(load_venue("book_fund_adl", {"gas": {"place": 5_000, "cancel": 20}}))
    words = [row[2] for block in book.section("arrival").blocks if isinstance(block, Grid) for row in block.rows]
    assert words.count("`GasPaid`: 0.005 USD") == 3 and words.count("`GasPaid`: 0.00002 USD") == 1
