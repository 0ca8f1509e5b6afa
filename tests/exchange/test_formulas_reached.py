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
def a_market_is_settled_in_tiers() -> None:
    bench = Bench(markets_of({"tiers": [tier(100_000, 50_000), tier(200_000, 100_000, 50_000)]}))
    long_of_100(bench, 20_000)
    assert named(bench.send(SetMarketStatus, 0, MarketStatus.SETTLED, 700), "DeficitPaid")


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
