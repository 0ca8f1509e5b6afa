"""What a refusal says beyond its reason, and that the amount it names is the one that the venue takes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from perplab.clients import LocalClient, NewOrder, Refused, types
from perplab.clients.units import money
from perplab.exchange.codes import MarginMode, Side
from perplab.exchange.server.errors import REASON_TEXT
from perplab.exchange.server.whys import FIXED, ISOLATED, LEVERAGE, MONEY, ORDER, SPOT, TAKEN

sys.path.append(str(Path(__file__).resolve().parent.parent / "clients"))
from scene import long_of_one, scene

MICRO = Decimal("0.000001")


def refusal(call: Callable[[], object]) -> Refused:
    with pytest.raises(Refused) as caught:
        call()
    return caught.value


def amount(error: Refused, name: str) -> Decimal:
    return money(error.data[name])  # type: ignore[arg-type]


def isolated_long() -> LocalClient:
    """Of one coin at 60,000 at 5x, 12,000 USD behind it; the mark is 60,600 then."""
    alice, bob = scene()
    alice.set_leverage("BTC", 5)
    alice.set_margin_mode("BTC", MarginMode.ISOLATED)
    bob.sell("BTC", "1", "60000")
    alice.buy("BTC", "1", "60000")
    alice.set_price("BTC", "60600")
    return alice


def test_an_order_beyond_what_is_available() -> None:
    alice, _ = scene()
    for call in (
        lambda: alice.buy("BTC", "1000", "60000"),
        lambda: alice.place_bracket(types.NewBracket(market="BTC", side=Side.BUY, size="1000", price="60000", stop="59000")),
    ):
        error = refusal(call)
        assert (error.reason, error.message) == ("INSUFFICIENT_MARGIN", ORDER)
        assert amount(error, "available") == alice.balances()[0].available and error.data["market"] == 0
    (of_batch,) = alice.batch([NewOrder("BTC", Side.BUY, "1000", "60000")])
    assert isinstance(of_batch, Refused) and of_batch.message == ORDER


def test_money_that_positions_need() -> None:
    alice, _ = long_of_one()
    sub = alice.open_sub_account()
    everything = alice.balances()[0].equity
    for call in (lambda: alice.withdraw(everything), lambda: alice.transfer(sub, everything)):
        error = refusal(call)
        assert error.message == MONEY and amount(error, "withdrawable") == alice.balances()[0].withdrawable
    free = amount(refusal(lambda: alice.withdraw(everything)), "withdrawable")
    assert refusal(lambda: alice.withdraw(free + MICRO)).reason == "INSUFFICIENT_MARGIN"
    alice.withdraw(free)


def test_isolated_margin_out_and_in() -> None:
    alice = isolated_long()
    error = refusal(lambda: alice.move_isolated_margin("BTC", "-5000"))
    out = amount(error, "removable")
    assert error.message == TAKEN and 0 < out < 3_000
    assert refusal(lambda: alice.move_isolated_margin("BTC", -out - MICRO)).message == TAKEN
    alice.move_isolated_margin("BTC", -out)
    alice.buy("ETH", "1000", "3000")
    beyond = alice.balances()[0].available + 1
    error = refusal(lambda: alice.move_isolated_margin("BTC", beyond))
    assert error.message == MONEY
    alice.move_isolated_margin("BTC", amount(error, "withdrawable"))


def test_a_lower_leverage_of_an_isolated_position_needs_margin_first() -> None:
    alice = isolated_long()
    error = refusal(lambda: alice.set_leverage("BTC", 2))
    short = amount(error, "shortfall")
    assert error.message == ISOLATED and short > 0
    alice.move_isolated_margin("BTC", short - MICRO)
    assert refusal(lambda: alice.set_leverage("BTC", 2)).message == ISOLATED
    alice.move_isolated_margin("BTC", MICRO)
    alice.set_leverage("BTC", 2)


def test_a_lower_leverage_on_cross() -> None:
    alice, _ = long_of_one()
    alice.withdraw("970000")
    error = refusal(lambda: alice.set_leverage("BTC", 1))
    assert error.message == LEVERAGE and amount(error, "available") == alice.balances()[0].available


def test_what_waits_for_a_price_is_not_amended() -> None:
    alice, _ = long_of_one()
    stop = alice.stop_market("BTC", Side.SELL, "59000")
    twap = alice.place_twap(types.NewTwap(market="BTC", side=Side.BUY, size="1", slices=5, every_s=10))
    for order in (stop, twap):
        error = refusal(lambda order=order: alice.amend(order.order_id, "58000", "1", "BTC"))  # type: ignore[misc]
        assert (error.reason, error.message) == ("UNKNOWN_ORDER", FIXED)
    error = refusal(lambda: alice.amend(99, "58000", "1", "BTC"))
    assert error.message in REASON_TEXT.values() and "not amended" in error.message


def test_amounts_are_told_in_the_unit_of_the_client() -> None:
    alice, _ = scene()
    error = refusal(lambda: alice.buy("BTC", "1000", "60000"))
    available = alice.balances()[0].available
    assert error.amounts == {"available": available} and str(error).endswith(f"(available {available:f})")
    error = refusal(lambda: alice.withdraw("99000000"))
    assert error.reason == "INSUFFICIENT_BALANCE" and error.amounts == {"withdrawable": alice.balances()[0].withdrawable}
    spot = LocalClient("alice", venue="portfolio", prices={"BTC-PERP": "60000", "BTC-SPOT": "60000"})
    spot.faucet("50000")
    error = refusal(lambda: spot.buy("BTC-SPOT", "1", "60000"))
    assert (error.reason, error.message, error.amounts) == ("INSUFFICIENT_BALANCE", SPOT, {"balance": 50_000}) and error.data["asset"] == 0
    assert refusal(lambda: spot.sell("BTC-SPOT", "1", "60000")).data["asset"] == 1


def test_bounds_are_told_with_their_numbers() -> None:
    alice, _ = scene()
    error = refusal(lambda: alice.set_leverage("BTC", 41))
    assert error.message == "the leverage in BTC is at most 40" and error.data["max_leverage"] == 40
    error = refusal(lambda: alice.place(NewOrder("BTC", Side.BUY, "1", "59000", display="0.00999")))
    assert error.message == "an order shows no more than it has, and no less than a 100th of it"


@pytest.mark.parametrize(
    ("terms", "told"),
    [
        ({"size": 0}, "without a size it is for the whole position, and has to be reduce_only"),
        ({"price": 5, "slippage_ppm": 5}, "with a price it is a limit order, and has no slippage_ppm"),
        ({"trail": 5}, "STOP has no trail"),
        ({"trigger_price": 0}, "STOP needs a trigger_price"),
        ({"trigger": "TRAILING_PPM"}, "TRAILING_PPM needs a trail"),
        ({"trigger": "TRAILING_PPM", "trail": 1_000_000}, "the trail of TRAILING_PPM is below 1,000,000 (100 %)"),
        ({"trigger": "TRAILING_TICKS", "trail": 60_000}, "the trail of TRAILING_TICKS is below the price that it begins at"),
    ],
)
def test_of_the_terms_of_a_trigger_the_broken_one_is_told(terms: dict[str, object], told: str) -> None:
    alice, _ = scene()
    asked = {"market": "BTC", "side": "SELL", "size": 1, "trigger": "STOP", "source": "MARK", "trigger_price": 50_000, **terms}
    error = refusal(lambda: alice.ask("place_trigger", **asked))
    assert (error.reason, error.message) == ("TRIGGER_TERMS", told)
