"""The pytest plugin: fresh venues in one line, alike for the same seed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import json

from perplab.clients import LocalClient
from perplab.exchange import load_venue
from perplab.exchange.design.venue import venue_of_json

Make = Callable[..., LocalClient]


def test_each_is_fresh(perplab_exchange: Make) -> None:
    one, other = perplab_exchange(), perplab_exchange()
    one.faucet("1000")
    assert one.balances()[0].cash == 1000 and other.balances()[0].cash == 0
    assert one.depth("BTC").bids == () and one.ticker("BTC").oracle == 60_000


def test_a_world_is_drawn_from_the_seed(perplab_exchange: Make) -> None:
    clients = [perplab_exchange(world="sandbox", seed=seed) for seed in (3, 3, 4)]
    for client in clients:
        client.faucet("100000")
        client.step(5)
        client.market_buy("BTC", "0.01")
        client.step(5)
    one, same, other = clients
    assert one.depth("BTC") == same.depth("BTC") != other.depth("BTC")
    assert one.account() == same.account()
    assert len(one.depth("ETH").bids) == 20 and one.positions()[0].market == "BTC"


PLAIN = """
import sys

def test_nothing_is_loaded_by_the_plugin_alone():
    assert "perplab.testing" in sys.modules and "perplab.exchange" not in sys.modules

def test_one_line(perplab_exchange):
    client = perplab_exchange(prices={"SOL": "150.5"})
    assert str(client.ticker("SOL").oracle) == "150.500" and client.ticker("BTC").oracle is None
"""


def test_pytest_finds_it_by_itself(tmp_path: Path) -> None:
    (tmp_path / "test_plain.py").write_text(PLAIN, encoding="utf-8")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "COV_"))}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


def test_time_goes_on_and_never_back(perplab_exchange: Make) -> None:
    client = perplab_exchange()
    begun = client.ping()
    for seconds in (-1, -0.001, float("nan"), float("inf")):
        with pytest.raises(ValueError, match=r"the time to step is .* s; expected 0 or more"):
            client.step(seconds)
    assert client.ping() == begun == client.step(0)


def test_a_faucet_where_deposits_take_time(perplab_exchange: Make) -> None:
    tree = json.decode(load_venue("sandbox").to_json())
    client = perplab_exchange(venue=venue_of_json(json.encode({**tree, "money": {"deposit_delay_ms": 5_000}}), "slow"))
    assert client.faucet("100") == 0 and [one.amount for one in client.account().payments] == [100]
    client.step(5)
    assert client.balances()[0].cash == 100 and client.account().payments == ()
