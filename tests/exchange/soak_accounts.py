"""Commands of the soak about accounts: kill switches, margin alerts, sub-accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perplab.exchange import messages as m
from perplab.exchange.state.types import MAX_AMOUNT

if TYPE_CHECKING:
    from soak_actor import Actor


def kill(actor: Actor) -> list[m.Command]:
    """Somebody trips a kill switch; sooner or later it is cleared."""
    draw = actor.draw
    killed = [account for account in actor.users if actor.exchange.state.accounts.mode[account]]
    if killed and draw.chance(70):
        return [m.SetAccountMode(actor.now, draw.pick(killed), 0)]
    return [m.SetAccountMode(actor.now, actor.account(), draw.pick((0, 1, 1, 2)))]


def alert(actor: Actor) -> list[m.Command]:
    draw = actor.draw
    threshold, hysteresis = draw.pick((0, 1_000_000, 1_000_000, 1_500_000, 3_000_000)), draw.pick((0, 0, 100_000, 1_000_000))
    return [m.SetMarginAlert(actor.now, actor.account(), actor.asset(), draw.integer(0, 3), threshold, hysteresis)]


def sub(actor: Actor) -> list[m.Command]:
    """Somebody opens a sub-account, now and then with some of his money."""
    account = actor.account()
    found: list[m.Command] = [m.OpenSubAccount(actor.now, account)]
    free = actor.exchange.free_margin(account, 0)
    if actor.draw.chance(50) and free > 1:
        newest = actor.exchange.state.accounts.count - 1
        found.append(m.Transfer(actor.now, account, newest, 0, min(int(MAX_AMOUNT), free // 2)))
    return found


def maintain(actor: Actor) -> list[m.Command]:
    """The operator plans to close a market for a while, or all of them, or takes a plan back."""
    draw, now, second = actor.draw, actor.now, 10**9
    if draw.chance(25):
        return [m.CancelMaintenance(now, max(1, actor.exchange.state.windows.last - draw.pick((0, 0, 1))))]
    start = now + draw.pick((0, 1, second, 10 * second, 60 * second, 60 * second))
    market = -1 if draw.chance(20) else actor.market()
    end = start + draw.pick((1, second, 20 * second))
    planned = m.ScheduleMaintenance(now, market, start, end, draw.pick((1, 2, 3, 4, 4, 5)))
    return [planned, m.CancelMaintenance(now, actor.exchange.state.windows.last + 1)] if draw.chance(25) else [planned]
