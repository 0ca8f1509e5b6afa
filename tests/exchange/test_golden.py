"""Golden tests: the paper's worked auto-deleveraging numbers (G1, G3 to G5 of "Autodeleveraging: Impossibilities and
Optimization", arXiv 2512.01112), and golden state hashes of every text case and of a scripted run of every shipped design.

The hashes are in golden.json. They pin the whole integer state, so a change of a rule shows up here even where no other test looks;
after one that is meant, write them anew: pytest tests/exchange/test_golden.py --update.
"""

from __future__ import annotations

import hashlib
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest
from case_files import FILES, scenarios
from case_runner import played
from kit import INSURANCE, MILLION, UNCOVERED, USD, Bench, markets_of, named, packed, tier, usd
from preset_kit import script_of
from updates import Updates

from perplab.exchange import Exchange, load_venue, shipped_venues
from perplab.exchange.codes import Side
from perplab.exchange.messages import Place

GOLDEN = Path(__file__).with_name("golden.json")

# -- the paper's numbers --


def test_g1_queue() -> None:
    """Winners with profits (8, 4, 0.5) and equities (10, 5, 1); a deficit of 7.5 is met in the order 2, 1, 3: (3.5, 4, 0).

    A lot of the loser's 75 is 0.1 short of what it was bought for, which is what the winners gained on each of theirs, so that closing
    a lot takes its whole profit: 40 lots of the second's, 35 of the first's 80. (The paper's pro-rata and capped rules take shares of
    profits; no rule of the core does.)
    """
    terms = {"tick": "0.01", "lot": "1", "max_price": "100", "tiers": [tier(100_000, 50_000)]}
    bench = Bench(markets_of(terms, backstops=["auto_deleverage"]))
    second, first, third = bench.open("1"), bench.open("2"), bench.open("0.5")
    loser, rest = bench.open("15"), bench.open(MILLION)
    bench.oracle("0.4")
    bench.block(loser, rest, 75, "0.4")
    bench.oracle("0.2")  # the loser has lost its 15: nothing, for nothing, is left
    for winner, lots in ((first, 80), (second, 40), (third, 5)):
        bench.block(rest, winner, lots, "0.2")
    closed = named(bench.oracle("0.1"), "Deleveraged")
    assert [(event.winner, event.size, event.conceded) for event in closed] == [(second, 40, usd("4")), (first, 35, usd("3.5"))]
    assert [bench.exchange.equity(account) for account in (first, second, third)] == [usd("6.5"), usd("1"), usd("1")]
    assert bench.exchange.equity(loser) == bench.exchange.balance(UNCOVERED) == 0


@pytest.mark.parametrize(
    ("name", "lots", "side", "collateral", "liquidation", "bankruptcy"),
    [
        ("A", 1, Side.BUY, "2", 0, 0),  # both formulas are below zero
        ("B", 1, Side.BUY, "0.666666", 3703, 3333),  # 0.3704 and 0.3333: the first tick below 0.37037 and 0.33333
        ("C", 4, Side.SELL, "2.666666", 15152, 16667),  # 1.5152 and 1.6667: above 1.51515 and 1.66667
        ("D", 1, Side.BUY, "0.105263", 9941, 8947),  # 0.9942 and 0.8947: below 0.99415 and 0.89474
        ("E", 1, Side.SELL, "0.101010", 10010, 11011),  # 1.0009 and 1.1010: above 1.00092 and 1.10101
    ],
)
def test_g3_liquidation_and_bankruptcy_prices(name: str, lots: int, side: Side, collateral: str, liquidation: int, bankruptcy: int) -> None:
    """Positions at entry 1, maintenance 10 %: entry -/+ collateral / size, and that over (1 -/+ 0.1). Ticks of 0.0001."""
    terms = {"tick": "0.0001", "lot": "1", "max_price": "100", "tiers": [tier(100_001, 100_000)]}
    bench = Bench(markets_of(terms))
    trader, other = bench.open(collateral), bench.open(MILLION)
    bench.oracle("1")
    buyer, seller = (trader, other) if side == Side.BUY else (other, trader)
    bench.block(buyer, seller, lots, "1")
    assert (bench.exchange.liquidation_price(trader, 0), bench.exchange.bankruptcy_price(trader, 0)) == (liquidation, bankruptcy)


def test_g4_sweep() -> None:
    """Asks 1.0 x 1, 1.1 x 3, 1.2 x 10: a market buy of 5 pays 1.1 on average, as asked beforehand and as traded."""
    bench = Bench(markets_of({"tick": "0.1", "lot": "1", "max_price": "100"}))
    maker, taker = bench.open(MILLION), bench.open(MILLION)
    bench.oracle("1")
    for coins, price in ((1, "1.0"), (3, "1.1"), (10, "1.2")):
        bench.place(maker, Side.SELL, coins, price)
    assert bench.exchange.sweep(0, Side.BUY, 5) == (5, usd("5.5"))
    bench.send(Place, taker, 0, Side.BUY, 0, 5, order_type=1)
    position = bench.exchange.position(taker, 0)
    assert Decimal(position.entry_notional) / USD / position.size == Decimal("1.1")


def test_g5_fund_then_deleveraging() -> None:
    """A deficit of 399 and 133 in the fund: it pays all of that, the winners concede the other 266, and the next liquidation's fee
    times alpha (here 25 %) is what the fund has then. The paper's numbers are a thousandth of these."""
    liquidation = {"fee_ppm": 10_000, "fee_fund_share_ppm": 250_000, "book": {"limit": "band"}}
    venue = markets_of(
        {"max_price": "10000"}, liquidation=liquidation, backstops=["insurance_fund", "auto_deleverage"], insurance_fund={"capital": 133},
    )  # fmt: skip
    bench = Bench(venue)
    loser, winner, maker, late = bench.open("300"), bench.open(MILLION), bench.open(MILLION), bench.open("100")
    bench.oracle(1000)
    bench.block(loser, winner, 3, 1000)
    bench.place(maker, Side.BUY, 1, 767)
    events = bench.oracle(767)
    assert named(events, "LiquidationStarted")[0].equity == -usd("399")
    assert [event.amount for event in named(events, "DeficitPaid")] == [usd("133")]
    assert [(event.winner, event.size, event.conceded) for event in named(events, "Deleveraged")] == [(winner, 2, usd("266"))]
    assert bench.exchange.balance(INSURANCE) == bench.exchange.balance(UNCOVERED) == bench.exchange.equity(loser) == 0
    bench.block(late, winner, 1, 767)
    bench.place(maker, Side.BUY, 1, 690)
    bench.oracle(700)  # 100 - 67 for 35
    assert bench.exchange.balance(INSURANCE) == usd("1.725")  # 690 x 1 % x 25 %


# -- golden hashes --


@cache
def hash_of_file(file: str) -> str:
    """One hash for all scenarios of a file, over their titles and final states."""
    digest = hashlib.blake2b(digest_size=16)
    for name, one in scenarios().items():
        if one.file == file:
            digest.update(f"{one.title} {played(name).end().exchange.state_hash()}\n".encode())
    return digest.hexdigest()


@cache
def hash_of_design(name: str) -> str:
    """The final state of the long script in a shipped design."""
    design = load_venue(name)
    exchange = Exchange(design)
    exchange.apply_rows(packed(script_of(design, 1, 80)))
    exchange.check()
    return exchange.state_hash()


@pytest.mark.parametrize("file", FILES)
def test_states_of_the_text_cases_are_golden(file: str, updates: Updates) -> None:
    assert updates.is_golden(GOLDEN, ("cases", file), hash_of_file(file))


@pytest.mark.parametrize("name", shipped_venues())
def test_states_of_the_shipped_designs_are_golden(name: str, updates: Updates) -> None:
    assert updates.is_golden(GOLDEN, ("designs", name), hash_of_design(name))


def test_golden_json_has_no_more_than_that(updates: Updates) -> None:
    assert updates.are_names(GOLDEN, ("cases",), FILES)
    assert updates.are_names(GOLDEN, ("designs",), shipped_venues())
