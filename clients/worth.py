"""What an account has in all, however it is spread: over cash, cross and isolated positions, coins that stand in for cash, debts and pools.

Rules: moving money between them is neither gain nor loss, but for what the venue takes for it. Coins count in full at the mark of their
spot market: what they count for as margin (`Balance.equity`) is less, by a haircut that nobody has lost. Nothing is rounded.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from . import types as t
from .blocking import Shared
from .carrying import Program, insist
from .units import WIDE, Market, widely


def asset_of(venue: t.Venue, asset: str | None, what: str) -> str:
    """The asset that was named, or the only one. Raises ValueError."""
    if asset is None and len(venue.assets) == 1:
        return venue.assets[0]
    if asset not in venue.assets:
        given = "no asset was" if asset is None else f"{asset!r} was"
        raise ValueError(f"{what} is in {', '.join(venue.assets)} here, and {given} given: say which by asset=")
    return asset


def spot_of(venue: t.Venue, coin: str, asset: str) -> Market | None:
    """The spot market in which a coin is traded for an asset; None: there is none."""
    found = (one for one in venue.markets.values() if one.is_spot and one.base_asset == coin)
    return next((one for one in found if venue.assets[one.settlement_asset] == asset), None)


@widely
def worth(venue: t.Venue, account: t.Account, asset: str, marks: Mapping[str, Decimal | None]) -> Decimal | None:
    """All that an account has in an asset [USD, or whatever that is]: cash, positions and their margin, liquidity, and other assets at the
    `marks` of the spot markets that trade them for it, debts below zero. What has no such market, or no mark yet, does not count, nor what
    is under way. None: the venue does not tell. Of an older server, that tells no `value`, it is `equity`."""
    balances = {one.asset: one for one in account.balances}
    if asset not in balances:
        return None
    total = balances[asset].value
    if total is None:
        return balances[asset].equity
    for coin, balance in balances.items():
        market = spot_of(venue, coin, asset)
        mark = None if market is None else marks.get(market.name)
        if mark is not None and balance.value is not None:
            total += WIDE.multiply(balance.value, mark)
    return total + sum(one.worth for one in account.liquidity if venue.assets[venue.market(one.market).settlement_asset] == asset)


def seen_worth(client: Shared, account: t.Account, asset: str) -> Program[Decimal | None]:
    """`worth` of an account that was asked for, at marks that are asked for now: of coins that it has or owes."""
    marks = {}
    for balance in account.balances:
        market = spot_of(client.venue, balance.asset, asset)
        if market is not None and balance.value:
            marks[market.name] = (yield from insist(client, client.calls.ticker(market.name))).mark
    return worth(client.venue, account, asset, marks)


def worth_of(client: Shared, asset: str | None = None) -> Program[Decimal]:
    """All that the client's account has, as of now [USD, or in `asset`, which has to be said where a venue has several]: see `worth`.
    `run(client, worth_of(client))`. Raises ValueError, and what a question raises."""
    name = asset_of(client.venue, asset, "what an account has")
    account = yield from insist(client, client.calls.account())
    found = yield from seen_worth(client, account, name)
    if found is None:
        raise ValueError(f"the venue does not say what the account has in {name}")
    return found
