"""Liquidation passes over a large population: who is below maintenance at a new mark?

One venue, 1,000,000 accounts (100,000 interpreted), each long or short in one market, with 2 to 50 % of its position's value above its
requirement. The same pass is timed twice, in turns: once it looks at every open position, once at those accounts whose alarms the mark
has crossed (exchange/liquidation/screening.py), and both must find the same. The mark is put where it is wanted and the pass is asked
whom it finds; nobody is liquidated, so that the next round finds the venue as it was. Last, a whole oracle update as a command.
Rounds are measured in CPU time of the process, as in bench_core.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any, Final

import numpy as np
import pytest
from msgspec.structs import replace
from numpy.typing import NDArray

from perplab.exchange import BUILD, Exchange, load_venue
from perplab.exchange.liquidation.screening import AlarmScreen
from perplab.exchange.messages import KIND_COLUMN, ROW, BlockTrade, Deposit, OpenAccount, Tick, UpdateOracle, column_of
from perplab.exchange.state.types import FIRST_USER

Ints = NDArray[np.int64]
ACCOUNTS: Final = 1_000_000 if BUILD == "compiled" else 100_000
ROUNDS: Final = 7
CHUNK: Final = 4_096  # rows of one bulk call
SEED: Final = 20251010
MARK: Final = 600_000  # [ticks] 60,000 USD
LOTS: Final = 10_000  # [lots] 1 BTC
NOTIONAL: Final = 60_000_000_000  # [micro] of it
START: Final = 1_000_000_000
CASES: Final = {"a tick": 0.0, "0.1 % fall": 0.001, "20 % fall": 0.2}  # share of all accounts that the mark takes below maintenance


def rows_of(command: type[Any], count: int, /, **fields: Ints | int) -> Ints:
    """Packed commands."""
    rows = np.zeros((count, ROW), dtype=np.int64)
    rows[:, KIND_COLUMN] = command.KIND
    for name, values in (fields | {"ts": START}).items():
        rows[:, column_of(command, name)] = values
    return rows


class Crowd:
    """A venue with many accounts. Odd ones are long, even ones short."""

    def __init__(self) -> None:
        design = load_venue(Path(__file__).with_name("venue.toml"))
        self.exchange = Exchange(replace(design, max_accounts=ACCOUNTS + FIRST_USER), None, 4_096, ACCOUNTS + FIRST_USER)
        self.now = START
        numbers = np.arange(FIRST_USER, FIRST_USER + ACCOUNTS, dtype=np.int64)
        spare = np.random.default_rng(SEED).uniform(0.02, 0.5, ACCOUNTS) + 0.025 + 0.001  # over the initial requirement, and fees
        self.send(rows_of(OpenAccount, ACCOUNTS, account_kind=1, owner=numbers))
        self.send(rows_of(UpdateOracle, 1, market=0, price=MARK))
        self.send(rows_of(Deposit, ACCOUNTS, account=numbers, asset=0, amount=(spare * NOTIONAL).astype(np.int64)))
        pairs = numbers.reshape(-1, 2)
        self.send(rows_of(BlockTrade, len(pairs), buyer=pairs[:, 1], seller=pairs[:, 0], market=0, size=LOTS, price=MARK))
        assert self.exchange.state.markets[0].open_interest == ACCOUNTS // 2 * LOTS
        self.find(AlarmScreen())  # the first pass looks at everyone

    def send(self, rows: Ints) -> None:
        for at in range(0, len(rows), CHUNK):
            self.exchange.apply_rows(memoryview(rows[at : at + CHUNK].ravel()))

    def put_mark(self, mark: int) -> None:
        market = self.exchange.state.markets[0]
        market.mark = mark
        market.unexamined = 1

    def find(self, screen: AlarmScreen | None) -> list[tuple[int, int, int]]:
        """Whom a pass finds; with None it looks at every open position."""
        passes = self.exchange.liquidations
        passes.screen = screen
        self.exchange.state.passes += 1
        return passes.found()

    def mark_with(self, share: float) -> int:
        """A mark lower than MARK at which this share of all accounts is below maintenance: longs, each with its own distance."""
        if share == 0:
            return MARK - 1
        low, high = 1, MARK
        while low < high:  # the highest of those with at least so many
            middle = (low + high + 1) // 2
            self.put_mark(middle)
            low, high = (middle, high) if len(self.find(None)) >= share * ACCOUNTS else (low, middle - 1)
        return low


def clocked(call: Callable[..., Any], *arguments: Any) -> tuple[float, Any]:
    start = process_time()
    result = call(*arguments)
    return process_time() - start, result


@pytest.fixture(scope="module")
def crowd() -> Iterator[Crowd]:
    made = Crowd()
    yield made
    made.exchange.liquidations.check()


def row(case: str, everyone: list[float], alarms: list[float], found: int) -> dict[str, Any]:
    return {
        "build": BUILD,
        "flow": case,
        "path": f"{ACCOUNTS:,}",
        "found": found,
        "everyone_ms": round(1_000 * median(everyone), 3),
        "alarms_ms": round(1_000 * median(alarms), 3),
        "slowest_ms": round(1_000 * max(alarms), 3),
        "messages_per_s": round(1 / median(alarms)),
        "slowest_per_s": round(1 / max(alarms)),
        "fastest_per_s": round(1 / min(alarms)),
        "ratio": round(median(before / after for before, after in zip(everyone, alarms, strict=True)), 1),
    }


@pytest.mark.parametrize("case", CASES)
def test_who_is_below(case: str, crowd: Crowd, pass_report: list[dict[str, Any]]) -> None:
    mark = crowd.mark_with(CASES[case])
    everyone, alarms = [], []
    for _ in range(ROUNDS):
        crowd.put_mark(MARK)
        assert crowd.find(AlarmScreen()) == []
        crowd.put_mark(mark)
        after, found = clocked(crowd.find, AlarmScreen())
        crowd.put_mark(mark)
        before, expected = clocked(crowd.find, None)
        assert found == expected and len(found) >= CASES[case] * ACCOUNTS
        everyone.append(before)
        alarms.append(after)
    crowd.put_mark(MARK)
    assert crowd.find(AlarmScreen()) == []
    pass_report.append(row(case, everyone, alarms, len(found)))


def test_an_oracle_update(crowd: Crowd, pass_report: list[dict[str, Any]]) -> None:
    """The command, up and down by some ticks, with nobody below."""
    everyone, alarms = [], []
    for number in range(2 * ROUNDS):
        crowd.exchange.liquidations.screen = AlarmScreen() if number % 2 else None
        crowd.now += START
        update = UpdateOracle(crowd.now, 0, MARK + 10 * (number % 4))
        crowd.exchange.apply(Tick(crowd.now))  # what falls due by then
        (alarms if number % 2 else everyone).append(clocked(crowd.exchange.apply, update)[0])
    pass_report.append(row("oracle", everyone, alarms, 0))
