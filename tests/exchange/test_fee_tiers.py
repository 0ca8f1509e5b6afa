"""Fee tiers against a list of all trades; what a design may not say; what a preview and a snapshot make of them."""

from __future__ import annotations

from random import Random

import pytest
from kit import START, plain_venue

from perplab.exchange import Exchange, VenueError, load_venue
from perplab.exchange import messages as m
from perplab.exchange.engine import restore

DAY = 86_400 * 10**9
TIERS = {
    "fee_window_days": 3,
    "fee_tiers": [
        {"volume": 5_000, "maker_fee_ppb": 1_000_000, "taker_fee_ppb": 4_000_000},
        {"volume": 20_000, "maker_fee_ppb": -500_000, "taker_fee_ppb": 3_000_000},
    ],
    "maker_tiers": [{"share_ppm": 300_000, "rebate_ppb": 200_000}, {"share_ppm": 600_000, "rebate_ppb": 2_000_000}],
    "markets": {"maker_fee_ppb": 2_000_000, "taker_fee_ppb": 5_000_000, "funding": {"interval_ms": 86_400_000}},
}
Trade = tuple[int, int, int, int]  # day, taker, maker, value [micro]; of sub-accounts their masters


def volumes(trades: list[Trade], account: int, day: int) -> tuple[int, int]:
    """Traded in all and as maker [micro] in the days that count, from all trades there were."""
    seen = [one for one in trades if day - 3 <= one[0] < day]
    return sum(one[3] for one in seen if account in one[1:3]), sum(one[3] for one in seen if one[2] == account)


def rates(trades: list[Trade], account: int, day: int) -> tuple[int, int]:
    """Maker and taker fee [ppb], from all trades there were."""
    traded, made = volumes(trades, account, day)
    by_all = sum(one[3] for one in trades if day - 3 <= one[0] < day)
    maker, taker = 2_000_000, 5_000_000
    for tier in TIERS["fee_tiers"]:  # type: ignore[attr-defined]
        if traded >= tier["volume"] * 10**6:
            maker, taker = tier["maker_fee_ppb"], tier["taker_fee_ppb"]
    rebate = [one["rebate_ppb"] for one in TIERS["maker_tiers"] if made * 10**6 > one["share_ppm"] * by_all]  # type: ignore[attr-defined]
    return min([maker, *(-one for one in rebate[-1:])]), taker


SUB = 11  # of 8


def payer(account: int) -> int:
    return 8 if account == SUB else account


def opened() -> Exchange:
    exchange = Exchange(plain_venue(TIERS))
    for account in (8, 9, 10):
        exchange.apply(m.OpenAccount(START, 1, 0))
        exchange.apply(m.Deposit(START, account, 0, 10**12))
    exchange.apply(m.OpenSubAccount(START, 8))
    exchange.apply(m.Deposit(START, SUB, 0, 10**12))
    exchange.apply(m.UpdateOracle(START, 0, 1_000))
    return exchange


@pytest.mark.parametrize("seed", range(3))
def test_rates_are_those_of_all_trades_of_the_window(seed: int) -> None:
    draw, exchange, now = Random(seed), opened(), START
    trades: list[Trade] = []
    for _ in range(120):
        now += draw.choice([0, 10**9, DAY // 3, DAY // 2, DAY, DAY])
        maker, taker = draw.sample([8, 9, 10, SUB], 2)
        size = draw.choice([1, 1, 3, 6])
        exchange.apply(m.Place(now, maker, 0, 1, 1_000, size))
        before = exchange.state_hash()
        assert [exchange.fee_rates(one, 0) for one in (8, 9, 10)] == [rates(trades, one, now // DAY) for one in (8, 9, 10)]
        assert [exchange.traded(one) for one in (8, 9, 10)] == [volumes(trades, one, now // DAY) for one in (8, 9, 10)]
        order = m.Place(now, taker, 0, 0, 1_000, size, tif=1)
        found = exchange.preview(order)
        assert exchange.state_hash() == before, "asking leaves nothing behind"
        *_, filled = (one for one in exchange.apply(order) if isinstance(one, m.Traded))
        value = 1_000 * size * 10**6
        maker_rate, taker_rate = rates(trades, payer(maker), now // DAY)[0], rates(trades, payer(taker), now // DAY)[1]
        assert (filled.maker_fee, filled.taker_fee) == (value * maker_rate // 10**9, value * taker_rate // 10**9)
        assert found.fee == filled.taker_fee
        if payer(taker) != payer(maker):  # else it is a trade with oneself
            trades.append((now // DAY, payer(taker), payer(maker), value))
        exchange.check()
        if draw.random() < 0.1:
            copy = restore(exchange.snapshot())
            assert copy.state_hash() == exchange.state_hash()
            exchange = copy


def test_without_tiers_nothing_is_kept() -> None:
    exchange = Exchange(plain_venue())
    for account in (8, 9):
        exchange.apply(m.OpenAccount(START, 1, 0))
        exchange.apply(m.Deposit(START, account, 0, 10**12))
    exchange.apply(m.UpdateOracle(START, 0, 1_000))
    exchange.apply(m.Place(START, 8, 0, 1, 1_000, 5))
    exchange.apply(m.Place(START, 9, 0, 0, 1_000, 5))
    assert exchange.position(9, 0).size == 5 and exchange.state.volumes.live == 0


def test_hyperliquid_has_the_published_tiers() -> None:
    design = load_venue("hyperliquid")
    fees = [(one.volume, one.taker_fee_ppb, one.maker_fee_ppb) for one in design.fee_tiers]
    assert fees[0] == (5_000_000, 400_000, 120_000) and fees[-1] == (7_000_000_000, 240_000, 0) and len(fees) == 6
    assert [(one.share_ppm, one.rebate_ppb) for one in design.maker_tiers] == [(5_000, 10_000), (15_000, 20_000), (30_000, 30_000)]


TIER = {"volume": 5, "maker_fee_ppb": 0, "taker_fee_ppb": 10}


@pytest.mark.parametrize(
    ("over", "told"),
    [
        ({"fee_tiers": [TIER, TIER]}, r"fee_tiers\[1\].volume is 5: expected more than that of the tier before \(5\)"),
        ({"fee_tiers": [{**TIER, "maker_fee_ppb": -11}]}, r"fee_tiers\[0\].maker_fee_ppb is -11: expected a rebate of at most the lowest"),
        ({"maker_tiers": [{"share_ppm": 5, "rebate_ppb": 1}]}, r"maker_tiers\[0\].rebate_ppb is 1: expected at most the lowest taker fee"),
        ({"maker_tiers": [{"share_ppm": 5, "rebate_ppb": 0}] * 2}, r"maker_tiers\[1\].share_ppm is 5: expected more than that of the tier"),
        ({"fee_tiers": [TIER], "markets": {"maker_fee_ppb": -11, "taker_fee_ppb": 20}}, r"markets\[0\].maker_fee_ppb is -11: expected"),
        ({"fee_window_days": 31, "fee_tiers": [TIER]}, "fee_window_days"),
    ],
)
def test_what_no_design_may_say(over: dict[str, object], told: str) -> None:
    """Above all no rebate that the venue would have to pay out of its own."""
    with pytest.raises(VenueError, match=told):
        plain_venue({"markets": {"maker_fee_ppb": 0, "taker_fee_ppb": 0}, **over} if "markets" not in over and "maker_tiers" in over else {
            "markets": {"maker_fee_ppb": 0, "taker_fee_ppb": 20}, **over,
        })  # fmt: skip
