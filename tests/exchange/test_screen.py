"""The numpy screen of the interpreted core may name too many accounts, never too few."""

from __future__ import annotations

import numpy as np
from kit import BTC, ETH, FIRST, SECOND, START, USD

from perplab.exchange import Exchange, load_venue
from perplab.exchange.messages import BlockTrade, Deposit, OpenAccount, SetMarginMode, Tick, UpdateOracle
from perplab.exchange.screen import NumpyScreen

ACCOUNTS = 120
MARKET = {
    "lot": "0.001",
    "tick": "1",
    "max_price": "1000000",
    "max_leverage": 40,
    "tiers": [
        {"lower_notional": 0, "initial_margin_ppm": 25_000, "maintenance_margin_ppm": 12_500},
        {"lower_notional": 50_000, "initial_margin_ppm": 50_000, "maintenance_margin_ppm": 40_000},
    ],
    "funding": {"payment": "continuous", "sample_interval_ms": 1_000, "interval_ms": 60_000, "interest_ppt": 40_000_000_000},
}
DESIGN = {
    "markets": [MARKET | {"name": "BTC"}, MARKET | {"name": "ETH", "settlement_asset": "EUR"}],
    "assets": ["USD", "EUR"],
    "backstops": ["socialized_loss"],
    "liquidation": {"steps": ["book"]},
}


class Watch(NumpyScreen):
    """Compares itself with the exact check of every account, each time a pass asks it."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.passes = 0
        self.found = 0
        self.named = 0

    def suspects(self, state: object) -> list[int]:
        named = super().suspects(self.exchange.state)
        keys: list[tuple[int, int, int]] = []
        for account in range(FIRST, int(self.exchange.state.accounts.count)):
            self.exchange.desk.examine(account, keys)
        assert {key[1] for key in keys} <= set(named)
        assert named == sorted(named)
        self.passes += 1
        self.found += len(keys)
        self.named += len(named)
        return named


def test_the_screen_never_misses_an_account() -> None:
    """Cross and isolated, two settlement assets, tiers, unsettled funding and shared losses, marks that wander."""
    rng = np.random.default_rng(5)
    exchange = Exchange(load_venue("social_only", DESIGN))
    for number in range(ACCOUNTS):
        exchange.apply(OpenAccount(START, 1, number))
        for asset in (0, 1):
            exchange.apply(Deposit(START, FIRST + number, asset, int(rng.integers(500, 20_000)) * USD))
        exchange.apply(SetMarginMode(START, FIRST + number, BTC, int(rng.integers(2))))
    exchange.apply(UpdateOracle(START, BTC, 100_000))
    exchange.apply(UpdateOracle(START, ETH, 4_000))
    for _ in range(400):
        buyer, seller = rng.choice(ACCOUNTS, 2, replace=False) + FIRST
        market = int(rng.integers(2))
        size = int(rng.integers(1, 4_000 if market == BTC else 60_000))
        exchange.apply(BlockTrade(START, int(buyer), int(seller), market, size, 100_000 if market == BTC else 4_000))
    watch = Watch(exchange)
    exchange.desk.screen = watch
    for step in range(1, 120):
        now = START + step * SECOND
        exchange.apply(UpdateOracle(now, BTC, int(100_000 * np.exp(rng.normal(0, 0.02)))))
        exchange.apply(UpdateOracle(now, ETH, int(4_000 * np.exp(rng.normal(0, 0.02)))))
        exchange.apply(Tick(now))
        exchange.check()
    assert watch.passes > 100 and watch.found > 100
    assert watch.named < 3 * watch.found + watch.passes  # it would be no use if it named nearly everyone
