"""The formulas that `perplab conformance` holds against published examples are those that a venue calls.

Venues of designs that use them run for a while, and every function that an adapter names is seen to be called: while a design is loaded
(what it makes of its keys), by a command, or by a question.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import CodeType, FrameType

import pytest
from kit import MILLION, Bench, markets_of, named, tier

from perplab.exchange import BUILD
from perplab.exchange.codes import MarketStatus, Side
from perplab.exchange.messages import SetMarketStatus, TakeAuction
from perplab.lab.conformance import every_adapter  # noqa: F401 - registers them
from perplab.lab.conformance.adapters import ADAPTERS

NAMES = sorted({name for adapter in ADAPTERS.values() for name in adapter.calls})
SCENARIOS: list[Callable[[], None]] = []


def scenario(play: Callable[[], None]) -> Callable[[], None]:
    SCENARIOS.append(play)
    return play


def long_of_100(bench: Bench, money: int = 10_000) -> tuple[int, int]:
    """A long of 100 from 1,000, and who has sold it."""
    trader, other = bench.open(money), bench.open(MILLION)
    bench.oracle(1_000)
    bench.block(trader, other, 100, 1_000)
    return trader, other


@scenario
def orders_in_a_band() -> None:
    bench = Bench(markets_of({"price_band_ppm": 100_000, "taker_fee_ppb": 500_000}))
    trader, other = long_of_100(bench, 50_000)
    for side, price in ((Side.SELL, 1_000), (Side.BUY, 999), (Side.BUY, 2_000)):
        bench.place(other, side, 10, price)
    bench.place(trader, Side.SELL, 10, 0, order_type=1)
    assert bench.exchange.liquidation_price(trader, 0) > 0


@scenario
def funding_by_the_keys_of_a_design() -> None:
    funding = {
        "impact_margin": 10, "quote_rate_ppt": 600_000_000, "base_rate_ppt": 300_000_000, "cap_margin_ppm": 6_000_000, "divisor": 8,
        "sample_interval_ms": 1_000, "interval_ms": 8_000,
    }  # fmt: skip
    bench = Bench(markets_of({"funding": funding}))
    trader, other = long_of_100(bench)
    bench.place(other, Side.BUY, 1, 1_001)
    bench.place(other, Side.SELL, 1, 1_003)
    assert named(bench.later(8), "FundingCharged")
    assert named(bench.place(trader, Side.SELL, 1, 1_001), "PositionSettled")


@scenario
def the_median_of_a_book() -> None:
    bench = Bench(markets_of({"mark": {"rule": "hyperliquid", "impact_notional": 100, "quote_bound_ppm": 100_000}}))
    trader, other = long_of_100(bench)
    bench.place(other, Side.BUY, 10, 999)
    bench.place(other, Side.SELL, 10, 1_001)
    bench.place(trader, Side.BUY, 1, 1_001)
    bench.oracle(1_000)


@scenario
def a_mark_with_the_funding_to_come() -> None:
    """Premium 1 %, all of it paid at midday: at 6 o'clock half of it is to come, at 9 a quarter."""
    funding = {"impact_notional": 1_000, "cap_ppt": 10**12, "interval_ms": 43_200_000, "sample_interval_ms": 3_600_000}
    mark = {"rule": "hyperliquid", "third": "funding", "impact_notional": 1_000, "quote_bound_ppm": 100_000, "basis_window_ms": 1_000}
    bench = Bench(markets_of({"funding": funding, "mark": mark, "max_price": "100000"}))
    maker = bench.open(MILLION)
    bench.oracle(10_000)
    bench.place(maker, Side.BUY, 5, 10_100)
    bench.place(maker, Side.SELL, 5, 10_700)  # the book's own price, 10,400, is the highest of the three, as is the average of the basis
    for hours, third in ((6, 10_050), (3, 10_025)):
        for _ in range(hours):
            bench.later(3_600)
        bench.oracle(10_000)
        market, rule = bench.exchange.state.markets[0], bench.exchange.prices.rules[0]
        assert rule.third(bench.exchange.state, market, 0) == third  # type: ignore[attr-defined]


FUND = {"backstops": ["insurance_fund"], "insurance_fund": {"capital": 1_000}}


@scenario
def a_liquidation_into_the_book() -> None:
    bench = Bench(markets_of({}, liquidation={"fee_ppm": 5_000, "fee_fund_share_ppm": 1_000_000}, **FUND))
    _, other = long_of_100(bench)
    bench.place(other, Side.BUY, 50, 930)
    assert named(bench.oracle(940), "Liquidated")
    bench.place(other, Side.BUY, 50, 865)
    assert named(bench.oracle(860), "DeficitPaid")


@scenario
def a_liquidation_order_that_gives_way() -> None:
    """Maintenance 4,700 of 94,000 at a mark of 940. With 4,000 left the rating is 0.1489, and 10 % of that x 47 is 0.7: it goes to 940.

    With 1,000 of 4,550 at 910 it is 0.78: 3.55 below the mark, to 907, the first price inside.
    """
    bench = Bench(markets_of({}, liquidation={"book": {"limit": "fillable", "margin_spread_ppm": 100_000}}))
    _, other = long_of_100(bench)
    bench.place(other, Side.BUY, 10, 939)
    bench.place(other, Side.BUY, 10, 907)
    bench.place(other, Side.BUY, 10, 906)
    assert not named(bench.oracle(940), "Liquidated")
    (closed,) = named(bench.oracle(910), "Liquidated")
    assert (closed.size, closed.value) == (20, (939 + 907) * 10 * 1_000_000)


@scenario
def a_fund_that_is_asked_and_has_nothing() -> None:
    bench = Bench(markets_of({}, backstops=["insurance_fund", "auto_deleverage"]))
    long_of_100(bench)
    assert named(bench.oracle(890), "Deleveraged")


@scenario
def a_liquidation_of_what_is_missing() -> None:
    bench = Bench(markets_of({}, liquidation={"steps": ["cover_shortage"]}))
    _, other = long_of_100(bench)
    bench.place(other, Side.BUY, 100, 940)
    assert named(bench.oracle(940), "Liquidated")


@scenario
def an_auction_that_falls_in_two_lines() -> None:
    auction = {"start_ppm": 950_000, "fast_ms": 2_000, "cutoff_ppm": 700_000, "duration_ms": 10_000, "insolvent_duration_ms": 10_000}
    bench = Bench(markets_of({}, liquidation={"steps": ["dutch_auction"], "dutch_auction": auction}, **FUND))
    _, other = long_of_100(bench)
    (started,) = named(bench.oracle(940), "AuctionStarted")
    for second in (1, 2):
        bench.later(second)
        assert named(bench.send(TakeAuction, other, started.auction, 100_000, 0), "AuctionTaken")
    bench.oracle(890)
    bench.later(1)
    assert named(bench.send(TakeAuction, other, started.auction, 100_000, 0), "AuctionTaken")


@scenario
def winners_are_deleveraged() -> None:
    bench = Bench(markets_of({}, backstops=["auto_deleverage"], auto_deleverage={"rank": "profit_leverage"}))
    long_of_100(bench)
    assert named(bench.oracle(890), "Deleveraged")


@scenario
def a_loss_is_shared() -> None:
    bench = Bench(markets_of({}, backstops=["socialized_loss"]))
    _, other = long_of_100(bench)
    bench.place(other, Side.BUY, 100, 890)
    assert named(bench.oracle(880), "LossSocialized")


@scenario
def profits_pay_in_a_settlement() -> None:
    bench = Bench(markets_of({}, backstops=["profit_haircut"]))
    long_of_100(bench)
    assert named(bench.send(SetMarketStatus, 0, MarketStatus.SETTLED, 850), "LossSocialized")


@scenario
def a_market_is_settled_in_tiers() -> None:
    bench = Bench(markets_of({"tiers": [tier(100_000, 50_000), tier(200_000, 100_000, 50_000)]}))
    long_of_100(bench, 20_000)
    assert named(bench.send(SetMarketStatus, 0, MarketStatus.SETTLED, 700), "DeficitPaid")


CURVED = {"scale": "1000", "max_inventory": "1000"}
CURVES: dict[str, dict[str, object]] = {
    "constant_product": {"reserve_coins": "1000"},
    "vamm_peg_k": {"reserve_coins": "1000", "budget": 1, "base_spread_ppm": 1_000},
    "oracle_pool": {"capital": 1_000_000},
    "skew_fill": {"scale": "10000", "capital": 1_000_000},
    "oracle_spread": {"skew": "vault", "skew_ppm": 1_000_000, "capital": 1_000_000, **CURVED},
}


def curved(rule: str, **terms: object) -> Bench:
    """A market with this curve, and someone who has bought 20 of it."""
    bench = Bench(markets_of({"curve": {"rule": rule, "role": "interleaved", **CURVES[rule]}, **terms}))
    bench.oracle(1_000)
    trader = bench.open(MILLION)
    assert named(bench.place(trader, Side.BUY, 20, 0, order_type=1), "CurveTraded")
    return bench


@scenario
def a_trade_with_every_curve() -> None:
    for rule in CURVES:
        bench = curved(rule)
        bench.oracle(1_100)
        trader = bench.open(MILLION)
        assert named(bench.place(trader, Side.SELL, 5, 0, order_type=1), "CurveTraded")


@scenario
def a_fee_that_follows_the_price() -> None:
    bench = Bench(markets_of({"taker_fee_ppb": 600_000, "jump_fee_deviation_ppm": 2_000}))
    maker, taker = bench.open(MILLION), bench.open(MILLION)
    bench.oracle(1_000)
    bench.place(maker, Side.SELL, 10, 1_005)
    fees = []
    for price in (1_005, 1_008, 1_003, 1_003):
        bench.oracle(price)
        (traded,) = named(bench.place(taker, Side.BUY, 1, 1_005), "Traded")
        fees.append(traded.taker_fee)
    # Synthetix, SIP-184: 10, 9 and 17.7 bp (the moves are 50, 29.85 and 49.60 bp), then nine tenths of that; on top of 6
    assert fees == [1_608_000, 1_507_500, 2_382_169, 2_204_253]


@scenario
def funding_by_averages() -> None:
    timing = {"sample_interval_ms": 1_000, "interval_ms": 5_000}
    bench = curved("constant_product", funding={"rule": "twap_difference", "limit_divisor": 33, "offset_divisor": 5_000, **timing})
    assert named(bench.later(5), "FundingCharged")


@scenario
def funding_by_skew() -> None:
    timing = {"sample_interval_ms": 1_000, "interval_ms": 5_000}
    rules: tuple[dict[str, object], ...] = (
        {"rule": "velocity", "skew_scale": 1_000}, {"rule": "static_skew", "factor_ppt": 10**11}, {"rule": "adaptive_skew"},
    )  # fmt: skip
    for rule in rules:
        bench = curved("skew_fill", funding={**rule, **timing})
        short = bench.open(MILLION)
        bench.place(short, Side.SELL, 5, 0, order_type=1)
        assert [event for event in named(bench.later(5), "FundingCharged") if event.rate_ppt > 0], rule


@scenario
def an_order_is_auctioned() -> None:
    design = {"rule": "dutch_auction", "duration_ms": 4_000, "step_ms": 1_000}
    bench = Bench(markets_of({}, sequencing=design))
    maker, taker = bench.open(MILLION), bench.open(MILLION)
    bench.oracle(1_000)
    bench.place(maker, Side.SELL, 10, 1_002)
    assert named(bench.place(taker, Side.BUY, 10, 1_010), "TakerAuctionStarted")
    assert [event for _ in range(4) for event in named(bench.later(1), "Traded")]


@pytest.fixture(scope="module")
def reached() -> set[CodeType]:
    """The code of everything that is called while the venues run."""
    seen: set[CodeType] = set()

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            seen.add(frame.f_code)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        for play in SCENARIOS:
            play()
    finally:
        sys.setprofile(before)
    return seen


@pytest.mark.skipif(BUILD != "interpreted", reason="calls of compiled functions cannot be seen: the interpreted core shows it")
@pytest.mark.parametrize("name", NAMES)
def test_a_venue_calls_the_function_of_an_adapter(name: str, reached: set[CodeType]) -> None:
    assert code_of(name) in reached, f"no design reaches {name}"


@pytest.mark.parametrize("play", SCENARIOS, ids=lambda play: play.__name__)
def test_the_venues_run_on_every_build(play: Callable[[], None]) -> None:
    play()


def code_of(name: str) -> CodeType:
    parts = name.split(".")
    at = next(at for at in range(len(parts), 0, -1) if ".".join(["perplab.exchange", *parts[:at]]) in sys.modules)
    found: object = sys.modules[".".join(["perplab.exchange", *parts[:at]])]
    for part in parts[at:]:
        found = getattr(found, part)
    code = found.__code__  # type: ignore[attr-defined]
    assert isinstance(code, CodeType)
    return code
