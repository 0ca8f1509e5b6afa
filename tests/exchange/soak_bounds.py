"""Commands of the soak that are wrong or at the bounds: strangers, what the door refuses, the largest numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from perplab.exchange import messages as m
from perplab.exchange.state.types import FIRST_USER, MAX_AMOUNT, MAX_LOTS, VAULT

if TYPE_CHECKING:
    from soak_actor import Actor

NS: Final = 10**9
MOST: Final = int(MAX_AMOUNT)
MAKER: Final = int(FIRST_USER)


def stranger(actor: Actor) -> list[m.Command]:
    """A command about an account, market, asset or order that is not there, or that is the venue's own."""
    draw, now, a = actor.draw, actor.now, actor.account()
    nobody, own = actor.users.stop + 900, draw.pick((VAULT, 0, 4))
    who = draw.pick((nobody, own))
    return [draw.pick((
        m.Deposit(now, who, 0, 5), m.Deposit(now, a, 7, 5), m.Withdraw(now, a, 2, 5), m.Transfer(now, a, who, 0, 5),
        m.Transfer(now, a, a, 0, 5), m.Place(now, who, 0, 0, 900, 1), m.Place(now, a, 9, 0, 900, 1), m.Cancel(now, who, 1),
        m.Amend(now, a, 2**61, 5, 5), m.CancelAll(now, a, 44), m.SetLeverage(now, a, 0, 1_000), m.SetMarginMode(now, a, 63, 1),
        m.BlockTrade(now, a, a, 0, 1, 900), m.BlockTrade(now, a, who, 0, 1, 900), m.UpdateOracle(now, 50, 9),
        m.TakeAuction(now, who, 1, 10**6), m.SetMarketStatus(now, 60, 1), m.SetMarketStatus(now, 0, 0, 2**32 - 1),
        m.Place(now, a, 0, 0, 0, 1), m.Place(now, a, 0, 1, 0, 1, 1, 3), m.Amend(now, who, 1, 5, 5), m.CancelClient(now, who, 0, 3),
        m.PlaceTrigger(now, a, 0, 0, 5, 0, 0, 0), m.PlaceTrigger(now, a, 0, 1, 0, 2, 0, 0, 0, 0, 0, 0, 9),
        m.SetMarginMode(now, who, 0, 1), m.MoveIsolatedMargin(now, who, 0, 1), m.MoveIsolatedMargin(now, a, 0, 0),
    ))]  # fmt: skip


def malformed(actor: Actor) -> list[m.Command]:
    """What the door refuses: a number out of its bounds, or a time that runs back or jumps."""
    row = m.command_row(m.Place(actor.now, actor.account(), actor.market(), 0, actor.mark(0), 1))
    at = actor.draw.pick((0, 1, 1, 2, 3, 4, 6, 7, 15))
    row[at] = actor.draw.pick((-1, 2**62 + 1)) if at != 1 else actor.draw.pick((actor.exchange.now - 1, actor.now + 2 * 86_400 * NS))
    actor.bad_row = row
    return []


def big(actor: Actor) -> list[m.Command]:
    """Numbers at the bounds."""
    draw, now, a, market = actor.draw, actor.now, actor.account(), actor.market()
    top = actor.x.terms[market].max_price
    options = (
        m.Place(now, a, market, 0, top, int(MAX_LOTS)), m.Place(now, a, market, 1, top, 1), m.Place(now, a, market, 0, 2**32 - 1, 1),
        m.Place(now, a, market, 0, 1, int(MAX_LOTS)), m.Withdraw(now, a, 0, MOST), m.MoveIsolatedMargin(now, a, market, MOST),
        m.Deposit(now, a, 0, MOST if actor.scale > 1 else 10**9), m.BlockTrade(now, a, actor.users[0], market, int(MAX_LOTS), top),
    )  # fmt: skip
    return [draw.pick(options)]


def flood(actor: Actor) -> list[m.Command]:
    """All the money there can be, and as much again as is refused; more payments and windows than there may be under way."""
    now, account, money, day = actor.now, actor.account(), actor.exchange.design.money, 86_400 * NS
    if money.transfer_delay_ms and actor.draw.chance(70):
        return [m.Transfer(now, account, account ^ 1, 0, 1)] * 66  # mostly of the same owner
    if actor.draw.chance(3):
        market = actor.market()
        return [m.ScheduleMaintenance(now, market, now + day + 2 * one, now + day + 2 * one + 1, 4) for one in range(65)]
    if actor.scale == 1 or actor.draw.chance(70):
        return []
    return [m.Deposit(actor.now, MAKER, 1, MOST) for _ in range(101)]
