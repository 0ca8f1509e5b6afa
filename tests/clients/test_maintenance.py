"""Requirements, liquidation prices and buffers: by hand, and as the venue has them."""

from __future__ import annotations

import math
from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json
from msgspec.structs import replace
from terms import BTC, TIERS, D

from perplab.clients import LocalClient, Refused
from perplab.clients.maintenance import initial, is_liquidated, maintenance
from perplab.clients.risk import Held, buffer, hedge_size, held_of, liquidation_price, margin_for_distance, removable_margin
from perplab.clients.units import WIDE
from perplab.exchange import load_venue
from perplab.exchange.codes import MarginMode
from perplab.exchange.design.venue import venue_of_json
from perplab.testing import local_exchange

ONE = Held(size=D(1), entry=D(60_000), margin=D(6_000))


def test_requirements_by_hand() -> None:
    assert maintenance(BTC, D(60_000)) == 750 and initial(BTC, D(60_000), 40) == 1_500 and initial(BTC, D(60_000), 10) == 6_000
    assert maintenance(BTC, D(200_000_000)) == 200_000_000 * D("0.025") - 150_000_000 * D("0.0125") == 3_125_000
    assert initial(BTC, D(200_000_000), 40) == 6_250_000 and initial(BTC, D(200_000_000), 20) == 10_000_000
    assert maintenance(BTC, D("0.000001")) == D("0.000001"), "rounded up"


def test_a_liquidation_price_by_hand() -> None:
    """p - 54,000 = 0.0125 p at 54,683.54; of a short, 66,000 - p = 0.0125 p at 65,185.19."""
    assert liquidation_price(BTC, ONE) == 54_683
    assert liquidation_price(BTC, Held(size=D(-1), entry=D(60_000), margin=D(6_000))) == 65_186
    assert liquidation_price(BTC, Held(size=D(1), entry=D(60_000), margin=D(60_000))) is None, "bought with its own money"
    assert liquidation_price(BTC, Held(size=D(0), entry=D(1), margin=D(0))) is None


def test_no_price_above_the_highest_of_the_market_liquidates() -> None:
    """As the venue has it: there, no mark ever is."""
    short = Held(size=D(-1), entry=D(60_000), margin=D(6_000))
    assert liquidation_price(replace(BTC, max_price=D(65_186)), short) == 65_186
    assert liquidation_price(replace(BTC, max_price=D(65_185)), short) is None
    assert buffer(replace(BTC, max_price=D(65_185)), short, 60_000).liquidation is None
    assert liquidation_price(replace(BTC, max_price=D(50_000)), ONE) == 50_000, "a long that is liquidated wherever the mark is"


@pytest.mark.parametrize("margin", [100_000, 500_000, 930_000, 960_000, 1_000_000])
def test_the_venue_says_the_same_near_its_highest_price(margin: int) -> None:
    alice = LocalClient("alice", venue="book_fund_adl", prices={"BTC-PERP": 60_000})
    bob = alice.join("bob")
    alice.faucet(str(margin))
    bob.faucet("10000000")
    bob.buy("BTC-PERP", "1", "60000")
    alice.sell("BTC-PERP", "1", "60000")
    terms, account = alice.venue.market("BTC-PERP"), alice.account()
    assert liquidation_price(terms, held_of(terms, account, D(60_000))) == account.positions[0].liquidation_price
    assert terms.max_price == 1_000_000


def test_an_average_price_that_has_no_end_changes_nothing() -> None:
    """3 coins for 100.000001 USD, with 1.5 USD of equity left at 40: exactly the maintenance, and so not below it."""
    held = Held(size=D(3), entry=D("100.000001") / 3, margin=D("-18.499999"))
    assert WIDE.multiply(held.size, held.entry) > D("100.000001") and held.equity(D(40)) == maintenance(BTC, D(120)) == D("1.5")
    assert not is_liquidated(BTC, held, D(40)) and is_liquidated(BTC, replace(held, margin=D("-18.5")), D(40))


def test_a_buffer_by_hand() -> None:
    told = buffer(BTC, ONE, 60_000, volatility=0.8, horizon_s=86_400)
    assert (told.equity, told.maintenance, told.spare) == (6_000, 750, 5_250)
    assert (told.liquidation, told.distance, told.distance_ppm) == (54_683, 5_317, 88_616)
    assert told.sigmas == pytest.approx(math.log(60_000 / 54_683) / (0.8 / math.sqrt(365))) and round(told.sigmas or 0, 2) == 2.22
    assert buffer(BTC, ONE, 54_683).spare < 0 and buffer(BTC, ONE, 50_000, 0.8).sigmas is None and buffer(BTC, ONE, 60_000).sigmas is None
    assert buffer(BTC, Held(size=D(1), entry=D(1), margin=D(1)), 60_000, 0.8).liquidation is None


def test_margin_for_a_distance_by_hand() -> None:
    assert margin_for_distance(BTC, ONE, 60_000, "0.2") == 6_600  # 0.0125 x 48,000 - (6,000 - 12,000)
    assert margin_for_distance(BTC, ONE, 60_000, "0.05") == D("-2287.5"), "so much is not needed for it"  # 712.5 - (6,000 - 3,000)


def test_the_context_of_the_caller_takes_no_digits() -> None:
    def told() -> tuple[object, ...]:
        held = Held(size=D("12.34567"), entry=D("61234.567"), margin=D("65432.123456"))
        added, hedged = margin_for_distance(BTC, held, 60_001, "0.12345"), hedge_size(BTC, value="123456.789", price=60_001, beta="0.87654")
        return buffer(BTC, held, 60_001), added, hedged, initial(BTC, D("300000000.123456"), 7)

    expected = told()
    with localcontext(prec=5):
        assert told() == expected


signed = st.integers(-(10**9), 10**9).filter(bool)
ticks = st.integers(2, 10**6)


@given(signed, ticks, st.integers(0, 10**13))
def test_the_liquidation_price_is_the_first_tick_at_which_it_is(lots: int, entry: int, margin: int) -> None:
    held = Held(size=BTC.size(lots), entry=D(entry), margin=D(margin) / 10**6)
    price, sign = liquidation_price(BTC, held), 1 if lots > 0 else -1
    if price is None:
        assert not is_liquidated(BTC, held, D(1 if lots > 0 else (1 << 32) - 1))
    else:
        assert is_liquidated(BTC, held, price) and (price == (1 << 32) - 1 or not is_liquidated(BTC, held, price + sign))


@given(signed, ticks, st.integers(0, 10**13), ticks, st.decimals(0, "0.99", places=3))
def test_what_is_added_brings_it_to_the_distance_and_a_micro_unit_less_does_not(
    lots: int, entry: int, margin: int, mark: int, distance: Decimal
) -> None:
    held = Held(size=BTC.size(lots), entry=D(entry), margin=D(margin) / 10**6)
    added = margin_for_distance(BTC, held, mark, distance)
    sign = 1 if lots > 0 else -1
    wanted = mark * (1 - sign * distance)
    far, near = (
        liquidation_price(BTC, Held(size=held.size, entry=held.entry, margin=held.margin + one)) for one in (added, added - D("0.000001"))
    )
    assert far is None or sign * (wanted - far) > 0, "farther than wanted"
    assert near is not None and sign * (wanted - near) <= 0


@pytest.mark.parametrize("mode", [MarginMode.ISOLATED, MarginMode.CROSS])
@pytest.mark.parametrize("side", ["buy", "sell"])
@pytest.mark.parametrize("leverage", [1, 3, 10, 40])
def test_the_venue_has_the_same_prices(mode: MarginMode, side: str, leverage: int) -> None:
    client: LocalClient = local_exchange(world="sandbox")
    client.faucet("100000")
    client.set_leverage("ETH", 5)
    client.market_buy("ETH", "2")
    client.set_leverage("BTC", leverage)
    client.set_margin_mode("BTC", mode)
    (client.market_buy if side == "buy" else client.market_sell)("BTC", "0.4")
    client.step(3)
    if mode is MarginMode.ISOLATED:
        client.move_isolated_margin("BTC", "777.123456")
    terms, account = client.venue.market("BTC"), client.account()
    assert terms.tiers == TIERS
    mark = client.ticker("BTC").mark
    assert mark is not None
    (position,) = (one for one in account.positions if one.market == "BTC")
    assert liquidation_price(terms, held_of(terms, account, mark)) == position.liquidation_price
    with pytest.raises(ValueError, match="no position in SOL"):
        held_of(client.venue.market("SOL"), account, mark)


def test_what_may_be_taken_out_by_hand() -> None:
    assert removable_margin(BTC, ONE, 60_000, 10) == 0  # all of it is its initial margin
    assert removable_margin(BTC, ONE, 61_000, 10) == 900 and removable_margin(BTC, ONE, 61_000, 10, "0.2") == 0  # 7,000 - 6,100
    assert removable_margin(BTC, ONE, 60_000, 40) == 4_500 and removable_margin(BTC, ONE, 60_000, 40, "0.1") == 0
    assert removable_margin(BTC, ONE, 100_000, 10) == 6_000, "profit stays with the position"
    with pytest.raises(ValueError, match="leverage 0"):
        removable_margin(BTC, ONE, 60_000, 0)
    tenth = replace(BTC, transfer_margin=D("0.1"))  # the venue's, where nothing is said
    assert removable_margin(tenth, ONE, 60_000, 20) == 0 and removable_margin(tenth, ONE, 60_000, 20, 0) == 3_000
    with pytest.raises(ValueError, match="the transfer margin of the venue is not known: say it"):
        removable_margin(replace(BTC, transfer_margin=None), ONE, 60_000, 20)


@pytest.mark.parametrize("kept_ppm", [0, 100_000])
@pytest.mark.parametrize("mark", [59_500, 61_000, 75_000])
def test_the_venue_lets_out_exactly_that(kept_ppm: int, mark: int) -> None:
    tree = json.decode(load_venue("book_fund_adl").to_json())
    tree["markets"] = [{**tree["markets"][0], "price_band_ppm": 0, "mark": {"rule": "oracle"}}]
    design = venue_of_json(json.encode({**tree, "transfer_margin_ppm": kept_ppm}), "test")
    alice = LocalClient("alice", venue=design, prices={"BTC-PERP": 60_000})
    bob = alice.join("bob")
    for client in (alice, bob):
        client.faucet("1000000")
    alice.set_leverage("BTC-PERP", 20)
    alice.set_margin_mode("BTC-PERP", MarginMode.ISOLATED)
    bob.sell("BTC-PERP", "1", "60000")
    alice.buy("BTC-PERP", "1", "60000")
    alice.move_isolated_margin("BTC-PERP", "3000")
    alice.set_price("BTC-PERP", mark)
    terms, account = alice.venue.market("BTC-PERP"), alice.account()
    out = removable_margin(terms, held_of(terms, account, D(mark)), mark, 20)
    assert (out > 0) == (not kept_ppm or mark > 60_000)
    with pytest.raises(Refused, match="INSUFFICIENT"):
        alice.move_isolated_margin("BTC-PERP", -(out + D("0.000001")))
    if out:
        alice.move_isolated_margin("BTC-PERP", -out)


def test_what_cannot_be() -> None:
    from paper import BTC as WITHOUT_TIERS

    with pytest.raises(ValueError, match="tiers of BTC are not known"):
        liquidation_price(WITHOUT_TIERS, ONE)
    for mark, distance in (("0", "0.1"), ("1", "-0.1"), ("1", "1")):
        with pytest.raises(ValueError, match="expected"):
            margin_for_distance(BTC, ONE, mark, distance)
    with pytest.raises(ValueError, match="expected more than 0"):
        buffer(BTC, ONE, 0)
    with pytest.raises(ValueError, match="expected both above 0"):
        buffer(BTC, ONE, 60_000, volatility=0.0)
