"""The table of docs/rules.md that says what a market's status, or a stale oracle, lets happen: each cell against a venue in that state."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from kit import START, plain_venue

from perplab.exchange import Exchange
from perplab.exchange import messages as m
from perplab.exchange.codes import CancelReason, MarketStatus, PriceSource, Reason, TimeInForce, TriggerKind
from perplab.exchange.events import Event

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "rules.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("\n## What a market's status does\n")[2].partition("\n## ")[0]
ROWS = [[cell.strip().replace("`", "") for cell in line.strip("|").split("|")] for line in SECTION.splitlines() if line.startswith("|")]
HEAD, TABLE = ROWS[0], ROWS[2:]
LONG, MAKER, LOSER, OTHER = 8, 9, 10, 11
SECOND, USD = 10**9, 10**6


CONCENTRATED = {"rule": "concentrated", "role": "interleaved", "capital": 100_000, "margin_ppm": 100_000}


class Scene:
    """A venue in one of the states: a long one who has gained 1,000 USD, a maker, one who can be liquidated, and somebody else."""

    def __init__(self, state: str, **terms: object) -> None:
        self.state = state
        stale = state.startswith("stale")
        oracle = {"stale_after_ms": 3_000, "on_stale": state.split()[1]} if stale else {}
        market = {"oracle": oracle, "funding": {"sample_interval_ms": 1_000}, **terms}
        over = {"markets": market, "liquidation": {"steps": ["dutch_auction"]}}
        self.exchange = Exchange(plain_venue(over))
        self.now = START
        for account in (LONG, MAKER, LOSER, OTHER):
            self.send(m.OpenAccount(self.now, 1, 0))
            self.send(m.Deposit(self.now, account, 0, (2_000 if account in (LONG, LOSER) else 100_000) * USD))
        self.send(m.UpdateOracle(self.now, 0, 1_000))
        self.send(m.BlockTrade(self.now, LONG, OTHER, 0, 10, 900))
        self.send(m.BlockTrade(self.now, LOSER, OTHER, 0, 10, 1_000))

    def send(self, command: m.Command) -> list[Event]:
        events = self.exchange.apply(command)
        self.exchange.check()
        return events

    def enter(self) -> None:
        """Let the market be in the state."""
        if self.state.startswith("stale"):
            self.now += 3 * SECOND + 500 * 10**6
            self.send(m.Tick(self.now))
        else:
            self.send(m.SetMarketStatus(self.now, 0, MarketStatus[self.state]))

    def accepts(self, command: m.Command) -> bool:
        return not any(isinstance(one, m.Rejected) for one in self.send(command))


def new_orders(scene: Scene) -> str:
    scene.enter()
    opens = m.Place(scene.now, OTHER, 0, 1, 1_005, 1)
    posts = m.Place(scene.now, OTHER, 0, 1, 1_005, 1, tif=TimeInForce.POST_ONLY)
    reduces = m.Place(scene.now, LONG, 0, 1, 1_005, 1, reduce_only=1)
    told = tuple(scene.accepts(one) for one in (opens, posts, reduces))
    return {(1, 1, 1): "all", (0, 1, 0): "post-only", (0, 0, 1): "reducing", (0, 0, 0): "none"}[told]  # type: ignore[index]


def resting_orders(scene: Scene) -> str:
    """A bid that would open is met by who only reduces."""
    scene.send(m.Place(scene.now, MAKER, 0, 0, 995, 5))
    scene.enter()
    if not scene.exchange.count_orders(MAKER):
        return "gone"
    events = scene.send(m.Place(scene.now, LONG, 0, 1, 995, 5, tif=TimeInForce.IOC, reduce_only=1))
    if any(isinstance(one, m.Traded) for one in events):
        return "trade"
    cancelled = [one.reason for one in events if isinstance(one, m.OrderCancelled) and one.account == MAKER]
    assert not cancelled or cancelled[0] in (CancelReason.MARKET_STATUS, CancelReason.ORACLE_STALE)
    return "reduce" if cancelled else "rest"


def cancels(scene: Scene) -> str:
    scene.send(m.Place(scene.now, MAKER, 0, 0, 995, 5))
    scene.enter()
    return "yes" if scene.accepts(m.Cancel(scene.now, MAKER, 1)) else "no"


def switches(scene: Scene) -> str:
    scene.send(m.Place(scene.now, MAKER, 0, 0, 995, 5))
    scene.send(m.Place(scene.now, OTHER, 0, 0, 994, 5))
    scene.enter()
    set_both = scene.accepts(m.CancelAllAfter(scene.now, MAKER, 100)) and scene.accepts(m.SetAccountMode(scene.now, OTHER, 2))
    scene.send(m.Tick(scene.now + 100))
    return "yes" if set_both and not scene.exchange.count_orders(MAKER) and not scene.exchange.count_orders(OTHER) else "no"


def funding_samples(scene: Scene) -> str:
    scene.enter()
    events = scene.send(m.Tick(scene.now + SECOND))
    return "yes" if any(isinstance(one, m.FundingSampled) and one.market == 0 for one in events) else "no"


def below(scene: Scene) -> list[Event]:
    """The operator takes so much from an account that it is below maintenance."""
    return scene.send(m.Debit(scene.now, LOSER, 0, 1_700 * USD))


def liquidations(scene: Scene) -> str:
    scene.enter()
    return "yes" if any(isinstance(one, m.LiquidationStarted) for one in below(scene)) else "no"


def triggers(scene: Scene) -> str:
    """A stop of who is long, by a price that comes while the market is in the state: the mark; the last trade if the oracle is stale."""
    is_stale = scene.state.startswith("stale")
    scene.send(m.Place(scene.now, OTHER, 0, 0, 1_000, 1))
    scene.send(m.Place(scene.now, LONG, 0, 1, 1_000, 1))
    scene.send(m.Place(scene.now, OTHER, 0, 0, 995, 5))
    source = PriceSource.LAST if is_stale else PriceSource.MARK
    scene.send(m.PlaceTrigger(scene.now, LONG, 0, 1, 1, TriggerKind.STOP, source, 996, reduce_only=1))
    scene.enter()
    if is_stale:
        events = scene.send(m.Place(scene.now, LONG, 0, 1, 995, 1, tif=TimeInForce.IOC, reduce_only=1))
    else:
        events = scene.send(m.UpdateOracle(scene.now, 0, 990))
    if any(isinstance(one, m.TriggerFired) for one in events):
        return "fire"
    return "wait" if scene.exchange.triggers(LONG) else "gone"


def bids(scene: Scene) -> str:
    assert any(isinstance(one, m.AuctionStarted) for one in below(scene))
    scene.enter()
    return "yes" if scene.accepts(m.TakeAuction(scene.now, MAKER, 1, 10**6, -(10**15))) else "no"


def deposits(scene: Scene) -> str:
    scene.enter()
    return "yes" if scene.accepts(m.Deposit(scene.now, LONG, 0, USD)) else "no"


def withdrawals(scene: Scene) -> str:
    """1,000 USD are free without the profit of the position, 2,000 with it."""
    scene.enter()
    assert scene.accepts(m.Withdraw(scene.now, LONG, 0, USD))
    events = scene.send(m.Withdraw(scene.now, LONG, 0, 1_500 * USD))
    refused = [one.reason for one in events if isinstance(one, m.Rejected)]
    assert refused in ([], [Reason.ORACLE_STALE])
    return "no profit" if refused else "yes"


def liquidity_in(scene: Scene) -> str:
    """A range of one's own."""
    scene = Scene(scene.state, curve=CONCENTRATED, lot="0.01")
    scene.enter()
    return "yes" if scene.accepts(m.AddLiquidity(scene.now, MAKER, 0, 10_000 * USD, 800, 1_250)) else "no"


def liquidity_out(scene: Scene) -> str:
    """Of two ranges one has traded, and one has not."""
    scene = Scene(scene.state, curve=CONCENTRATED, lot="0.01")
    traded, idle = (
        scene.send(m.AddLiquidity(scene.now, MAKER, 0, 10_000 * USD, lower, 1_250))[0] for lower in (800, 1_200)
    )
    scene.send(m.Place(scene.now, OTHER, 0, 0, 1_100, 2_000, tif=TimeInForce.IOC))
    scene.enter()
    assert isinstance(traded, m.LiquidityAdded) and isinstance(idle, m.LiquidityAdded)
    first, second = (scene.accepts(m.RemoveLiquidity(scene.now, MAKER, 0, one.shares, one.range_id)) for one in (idle, traded))
    held = scene.exchange.position(MAKER, 0).size
    assert (held < 0) == (second and scene.state != "SETTLED")
    if second:
        assert first
        return "money" if held == 0 else "yes"
    return "no profit" if first else "no"


CELLS: dict[str, Callable[[Scene], str]] = {
    "new orders": new_orders, "resting orders": resting_orders, "cancels": cancels, "switches": switches,
    "funding samples": funding_samples,
    "triggers": triggers, "liquidations": liquidations, "bids": bids, "deposits": deposits, "withdrawals": withdrawals,
    "liquidity in": liquidity_in, "liquidity out": liquidity_out,
}  # fmt: skip


def test_the_table_has_every_status_and_every_column() -> None:
    stale = [f"stale, {policy}" for policy in ("keep_last", "halt_new_risk", "pause_liquidation")]
    assert [row[0] for row in TABLE] == [*MarketStatus.__members__, *stale]
    assert HEAD[1:] == list(CELLS)
    assert not re.search(r"\| +\|", SECTION)


@pytest.mark.parametrize("column", CELLS)
@pytest.mark.parametrize("row", TABLE, ids=lambda row: row[0])
def test_each_cell_is_what_a_venue_does(row: list[str], column: str) -> None:
    assert CELLS[column](Scene(row[0].replace(",", ""))) == row[HEAD.index(column)]
