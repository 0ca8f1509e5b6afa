"""Before an order is sent: how large it may be, and whether it keeps the limits that its sender has set himself. And alerts of losses.

All of it decides from what it is given: an account, a ticker, an equity. `Gate.place` asks for them, over any client. Limits are in
gate.py, the kill switch (kill_switch.py) is what acts when all of this was not enough. Sizes with all costs are in sizing.py, what margin
keeps in maintenance.py, how likely a liquidation is in survival.py, hedges in hedging.py, fees by volume in fees.py, what an account has in
all in worth.py; their names are here, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from msgspec import Struct

from .fees import at_rates as at_rates
from .fees import at_volume as at_volume
from .gate import Gate as Gate
from .gate import Limits as Limits
from .gate import OverLimit as OverLimit
from .gate import broken as broken
from .hedging import Fit as Fit
from .hedging import Hedged as Hedged
from .hedging import hedge_size as hedge_size
from .hedging import minimum_variance as minimum_variance
from .hedging import returns_of as returns_of
from .kill_switch import KillSwitch as KillSwitch
from .kill_switch import Stopped as Stopped
from .maintenance import Buffer as Buffer
from .maintenance import Held as Held
from .maintenance import buffer as buffer
from .maintenance import held_of as held_of
from .maintenance import liquidation_price as liquidation_price
from .maintenance import margin_for_distance as margin_for_distance
from .maintenance import removable_margin as removable_margin
from .sizing import Ladder as Ladder
from .sizing import Loss as Loss
from .sizing import Sized as Sized
from .sizing import Trade as Trade
from .sizing import intervals_in as intervals_in
from .sizing import ladder_of as ladder_of
from .sizing import loss_at_stop as loss_at_stop
from .sizing import position_size as position_size
from .survival import Chance as Chance
from .survival import Estimate as Estimate
from .survival import Gbm as Gbm
from .survival import Jumps as Jumps
from .survival import Leverage as Leverage
from .survival import Replay as Replay
from .survival import largest_leverage as largest_leverage
from .survival import liquidation_chance as liquidation_chance
from .units import WIDE, Market, Number, exact
from .worth import worth as worth
from .worth import worth_of as worth_of

NONE: Final = Decimal(0)


def size_for_risk(
    terms: Market, *, entry: Number, stop: Number, risk: Number, available: Number | None = None, max_leverage: int | None = None,
) -> Decimal:  # fmt: skip
    """How many coins to trade at `entry` [USD] for no more than `risk` [USD] to be lost at `stop`, taker fees included. Raises ValueError.

    Fixed-fractional sizing: risk / (|entry - stop| + fee x (entry + stop)), in whole lots, rounded down; 0: not even one. With `available`
    [USD], margin bounds it too: notional <= available x leverage, which is the market's largest or `max_leverage`, if that is less.
    """
    enter, leave, lose = exact(entry, "the entry"), exact(stop, "the stop"), exact(risk, "the risk")
    if enter <= 0 or leave <= 0 or enter == leave or lose < 0:
        raise ValueError(f"entry {enter:f}, stop {leave:f}, risk {lose:f}: expected two different prices above 0, and a risk of 0 or more")
    if max_leverage is not None and max_leverage < 1:
        raise ValueError(f"the leverage is at most {max_leverage}; expected 1 or more")
    coins = WIDE.divide(lose, abs(enter - leave) + WIDE.multiply(terms.taker_fee, enter + leave))
    if available is not None:
        leverage = min(terms.max_leverage, max_leverage or terms.max_leverage)
        coins = min(coins, WIDE.divide(max(NONE, exact(available, "what is available")) * leverage, enter))
    return terms.size(terms.whole_lots(coins))


class Alert(Struct, frozen=True):
    """A loss has reached one of the levels."""

    level: Decimal  # [USD]
    loss: Decimal  # [USD] since the first look
    equity: Decimal  # [USD] that was looked at


class LossAlerts:
    """Tells when the loss since the first look reaches a level [USD]; each is told once, and again only after `reset`. Show it all that the
    account has (`worth_of`): `Balance.equity` leaves out isolated positions, and falls when coins are bought."""

    def __init__(self, levels: Sequence[Number]) -> None:
        self._levels = sorted(exact(level, "a level") for level in levels)
        if not self._levels or self._levels[0] <= 0:
            raise ValueError(f"levels of loss are {', '.join(map(str, levels)) or 'none'}; expected at least one, all above 0")
        self.reset()

    def reset(self) -> None:
        """Begin anew with the next equity."""
        self._begun: Decimal | None = None
        self._told = 0  # how many levels

    def look(self, equity: Decimal) -> list[Alert]:
        """What is new at this equity [USD]."""
        if self._begun is None:
            self._begun = equity
        loss = self._begun - equity
        reached = [level for level in self._levels[self._told :] if loss >= level]
        self._told += len(reached)
        return [Alert(level, loss, equity) for level in reached]
