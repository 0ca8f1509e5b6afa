"""An arbitrageur brings a perpetual back to its spot price: a small constructed run with and without it.

A crowd keeps bidding up to 60 bp over the outside price, the less the more it holds; nobody else trades. Alone it keeps the premium, and
longs pay for it. Arbitrageurs sell to it until the difference is no more than what a round trip costs them: the no-arbitrage band, whose
half-width is their `enter_bp`. The bound is that, and `SLACK_BP` for the crowd's spread and the time between two looks.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from msgspec import Struct

from perplab.clients.bots.base import NOTHING, Action, Bot, View, pack
from perplab.exchange.codes import AccountKind
from perplab.exchange.events import FundingSampled
from perplab.exchange.messages import CancelAll, Place, Side
from perplab.exchange.units import BP_PER_ONE, MICRO, SECOND_NS

from ..agents import Agent
from ..metrics.rows import Log
from ..runs import Floats, Run
from ..scenario import Scenario, load_scenario
from ..simulation import run

VENUE: Final = "book_fund_adl"
PREMIUM_BP: Final = 60.0  # at which the crowd bids while it holds nothing
FULL_USD: Final = 100e6  # that it holds when it bids no more than the outside price
CLIP_USD: Final = 2e6  # of a bid
SPREAD_BP: Final = 2.0  # from its bid to its ask
CAPITAL: Final = 10**9 * MICRO
SLACK_BP: Final = 3.0
HELD: Final = 0.8  # of PREMIUM_BP: what is left of it at least where there is no arbitrageur
PPT_PER_BP: Final = 10**8


class Convergence(Struct, frozen=True):
    """Premiums over the outside price, and as funding samples them, mean of the last third of the run. [bp]"""

    bound_bp: float
    without_bp: float
    with_bp: float
    funding_without_bp: float | None
    funding_with_bp: float | None

    @property
    def is_met(self) -> bool:
        """The price comes back, and with it what funding is paid by; without arbitrageurs neither does."""
        price = abs(self.with_bp) <= self.bound_bp and self.without_bp >= HELD * PREMIUM_BP
        if self.funding_with_bp is None or self.funding_without_bp is None:
            return False
        return price and abs(self.funding_with_bp) <= self.bound_bp and self.funding_without_bp >= HELD * PREMIUM_BP


class Crowd(Bot):
    """Bids over the outside price, and asks a little more, once a second."""

    def on_start(self, ts: int, view: View) -> Action:
        return self.on_wake(ts, view)

    def on_wake(self, ts: int, view: View) -> Action:
        seat = self.seat
        rows = NOTHING
        if view.outside > 0.0:
            held = seat.notional(view.size, view.outside) / (FULL_USD * MICRO)
            bid = math.floor(view.outside * (1.0 + PREMIUM_BP * max(0.0, 1.0 - held) / BP_PER_ONE))
            ask = bid + max(1, round(view.outside * SPREAD_BP / BP_PER_ONE))
            lots = seat.lots(CLIP_USD * MICRO, view.outside)
            rows = pack(
                CancelAll(0, seat.account, seat.market),
                Place(0, seat.account, seat.market, Side.BUY, bid, lots), Place(0, seat.account, seat.market, Side.SELL, ask, lots),
            )  # fmt: skip
        return rows, ts + SECOND_NS


def constructed(has_arbitrageurs: bool) -> Scenario:
    """Ten calm minutes with nobody but holders, and with or without arbitrageurs."""
    empty: dict[str, object] = {name: {"count": 0} for name in ("makers", "bidders", "momentum")}
    empty["noise"] = {"accounts": 0}
    if not has_arbitrageurs:
        empty["arbitrageurs"] = {"count": 0}
    return load_scenario("calm").override(empty)


def convergence(accounts: int = 60, seed: int = 4) -> Convergence:
    """Both runs."""
    from perplab.exchange.design.venue import load_venue

    found: list[tuple[float, float | None]] = []
    for has_arbitrageurs in (False, True):
        crowd = Agent("crowd/0", "crowd", AccountKind.TRADER, CAPITAL, Crowd)
        made = run(load_venue(VENUE), constructed(has_arbitrageurs), seed, accounts=accounts, bots=[crowd])
        found.append((premium_bp(made), sampled_bp(made)))
    enter_bp = load_scenario("calm").arbitrageurs.enter_bp
    (without, funding_without), (with_, funding_with) = found
    return Convergence(enter_bp + SLACK_BP, without, with_, funding_without, funding_with)


def premium_bp(made: Run) -> float:
    book = made.book
    middle: Floats = (book.bid_usd + book.ask_usd) / 2 / book.true_usd - 1.0
    return float(np.nanmean(middle[-len(middle) // 3 :])) * BP_PER_ONE


def sampled_bp(made: Run) -> float | None:
    """What the venue samples for its funding; None: it did not."""
    rows = Log(made)[FundingSampled]
    late = rows["premium_ppt"][rows["ts"] >= made.end_ts - (made.end_ts - made.start_ts) // 3]
    return float(late.mean()) / PPT_PER_BP if len(late) else None
