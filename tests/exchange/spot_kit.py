"""Benches with a spot market, in which coins may stand in for cash. Prices are 100 in both markets."""

from __future__ import annotations

from kit import SPOT, Bench, plain_venue, usd

from perplab.exchange import messages as m
from perplab.exchange.codes import Reason
from perplab.exchange.design.reader import merged
from perplab.exchange.events import Event

PERP, COIN = 0, 1
HEDGE = {"asset": "BTC", "weight_ppm": 800_000, "hedges": "BTC", "hedged_weight_ppm": 1_000_000, "hedged_margin_ppm": 250_000}
PLEDGE = {"asset": "BTC", "weight_ppm": 800_000}


def spot_bench(**over: object) -> Bench:
    bench = Bench(plain_venue(merged(SPOT, over)))
    for number in (PERP, COIN):
        bench.oracle(100, number)
    return bench


def bench_with(collateral: dict[str, object], **over: object) -> Bench:
    return spot_bench(collateral=[collateral], **over)


def with_coins(bench: Bench, dollars: int, coins: int) -> int:
    account = bench.open(dollars)
    bench.send(m.Deposit, account, 1, usd(coins))
    return account


def reasons(events: list[Event]) -> list[Reason]:
    return [Reason(e.reason) for e in events if isinstance(e, m.Rejected)]
