"""What an account has: its positions and margin, its coins, and what it could trade.

An account of the venue has one balance of each asset, for perpetuals and spot alike. accountValue and totalRawUsd are of its dollars and
of its positions; coins that stand in for dollars are among its spot balances alone. The identity holds to the micro-dollar:
accountValue = totalRawUsd + the sum of what its positions are worth, signed.
"""

from __future__ import annotations

from typing import Any, Final

from msgspec import Struct

from ...engine import Exchange
from ...money.margin import row_initial
from ...money.spot import unreserved
from ...schema.codes import MarginMode, Side
from ...schema.views import Position
from . import asked
from .asked import Body
from .coins import MICRO, USDC, Coin, text, usd
from .dialect import Dialect
from .markets import price_known

EIGHT: Final = 8  # decimals of a return
Thing = dict[str, Any]


class Held(Struct):
    """A position at the mark. Money in micro-units."""

    coin: Coin
    view: Position
    value: int  # signed like its size
    raw: int  # of an isolated position its margin, less what was paid for it and what it owes; of a cross one without a margin
    margin: int  # that it uses

    @property
    def is_isolated(self) -> bool:
        return self.view.mode == MarginMode.ISOLATED

    @property
    def profit(self) -> int:
        """Unrealised, without funding."""
        return self.value - self.view.entry_notional


def held_by(dialect: Dialect, account: int) -> list[Held]:
    venue = dialect.host.exchange
    found = []
    for coin in dialect.coins.perpetuals:
        view = venue.position(account, coin.market)
        if view.size:
            value = view.size * venue.mark_price(coin.market) * coin.unit
            raw = view.isolated_margin - view.entry_notional - view.unsettled
            row = venue.state.find_position(account, coin.market)
            margin = raw + value if view.mode == MarginMode.ISOLATED else int(row_initial(venue.state, row))
            found.append(Held(coin, view, value, raw, margin))
    return found


class Funding(Struct):
    """What a position has paid for funding, less what it received [micro]."""

    of_all: int = 0
    since_open: int = 0
    since_change: int = 0

    def told(self) -> Thing:
        return {"allTime": usd(self.of_all), "sinceOpen": usd(self.since_open), "sinceChange": usd(self.since_change)}


def funding_of(dialect: Dialect, account: int, held: list[Held]) -> dict[int, Funding]:
    """By market, as far as it is kept."""
    found = {one.view.market: Funding() for one in held}
    if not found:
        return found
    opened, changed = dict.fromkeys(found, 0), dict.fromkeys(found, 0)  # seq
    for fill in dialect.host.history.fills(account):
        if fill.market in found:
            after = fill.start + (fill.lots if not fill.side else -fill.lots)
            changed[fill.market] = fill.seq
            if fill.start == 0 or (after > 0) != (fill.start > 0):
                opened[fill.market] = fill.seq
    for payment in dialect.host.history.payments(account):
        sums = found.get(payment.market)
        if sums is not None:
            sums.of_all -= payment.amount
            sums.since_open -= payment.amount if payment.seq > opened[payment.market] else 0
            sums.since_change -= payment.amount if payment.seq > changed[payment.market] else 0
    return found


def leverage(view: Position, raw: int) -> Thing:
    if view.mode == MarginMode.ISOLATED:
        return {"type": "isolated", "value": view.leverage, "rawUsd": usd(raw)}
    return {"type": "cross", "value": view.leverage}


def position(venue: Exchange, one: Held, funding: Funding) -> Thing:
    coin, view = one.coin, one.view
    liquidation = venue.liquidation_price(view.account, coin.market)
    earned = one.profit * view.leverage * 10**EIGHT // abs(view.entry_notional) if view.entry_notional else 0
    return {
        "coin": coin.name, "szi": coin.size(view.size), "leverage": leverage(view, one.raw),
        "entryPx": coin.average(view.entry_notional, view.size), "positionValue": usd(abs(one.value)), "unrealizedPnl": usd(one.profit),
        "returnOnEquity": text(earned, EIGHT), "liquidationPx": coin.price(liquidation) if liquidation else None,
        "marginUsed": usd(one.margin), "maxLeverage": venue.design.markets[coin.market].max_leverage, "cumFunding": funding.told(),
    }  # fmt: skip


def summary(cash: int, held: list[Held]) -> Thing:
    raw = cash + sum(one.raw for one in held)
    return {
        "accountValue": usd(raw + sum(one.value for one in held)), "totalNtlPos": usd(sum(abs(one.value) for one in held)),
        "totalRawUsd": usd(raw), "totalMarginUsed": usd(sum(one.margin for one in held)),
    }  # fmt: skip


def state_of(dialect: Dialect, account: int | None) -> Thing:
    """`clearinghouseState`; of None, one who has nothing."""
    if account is None:
        nothing = summary(0, [])
        return {
            "marginSummary": nothing, "crossMarginSummary": dict(nothing), "crossMaintenanceMarginUsed": "0.0", "withdrawable": "0.0",
            "assetPositions": [], "time": dialect.now_ms,
        }  # fmt: skip
    venue = dialect.host.exchange
    held, cash = held_by(dialect, account), venue.balance(account)
    funding = funding_of(dialect, account, held)
    return {
        "marginSummary": summary(cash, held), "crossMarginSummary": summary(cash, [one for one in held if not one.is_isolated]),
        "crossMaintenanceMarginUsed": usd(venue.maintenance_margin(account)), "withdrawable": usd(dialect.withdrawable(account)),
        "assetPositions": [{"type": "oneWay", "position": position(venue, one, funding[one.view.market])} for one in held],
        "time": dialect.now_ms,
    }  # fmt: skip


def clearinghouse_state(dialect: Dialect, body: Body) -> Thing:
    return state_of(dialect, asked.account_of(dialect, body))


# -- coins -----------------------------------------------------------------------------------------------------------------------


def entry_notionals(dialect: Dialect, account: int) -> dict[int, tuple[int, int]]:
    """Asset -> coins that were bought and not sold since, and what was paid for them [micro], as far as fills are kept. What is sold takes
    its part of that with it."""
    found: dict[int, tuple[int, int]] = {}
    by_market = {coin.market: coin for coin in dialect.coins.spots}
    for fill in dialect.host.history.fills(account):
        coin = by_market.get(fill.market)
        if coin is None:
            continue
        amount = fill.lots * coin.lot * 10**MICRO // 10**coin.size_decimals
        had, paid = found.get(coin.base, (0, 0))
        if fill.side is Side.BUY:
            found[coin.base] = had + amount, paid + fill.value
        elif had:
            left = max(0, had - amount)
            found[coin.base] = left, paid * left // had
    return found


def spot_state_of(dialect: Dialect, account: int | None) -> Thing:
    """Of dollars what may leave the account or buy coins, and what bids for coins hold: they are part of accountValue as well. Where the
    venue has no spot market there are no balances but those."""
    balances: list[Thing] = []
    if account is None or not dialect.coins.spots:
        return {"balances": balances}
    venue = dialect.host.exchange
    bought: dict[int, tuple[int, int]] | None = None
    for asset, name in enumerate(dialect.coins.tokens):
        cash = venue.balance(account, asset)
        hold = cash - int(unreserved(venue.state, account, asset))
        total = max(0, dialect.free_margin(account)) + hold if name == USDC else cash
        if not total:
            continue
        entry = 0
        if name != USDC:
            bought = entry_notionals(dialect, account) if bought is None else bought
            had, paid = bought.get(asset, (0, 0))
            entry = paid * min(total, had) // had if had else 0
        balances.append({"coin": name, "token": asset, "total": usd(total), "hold": usd(hold), "entryNtl": usd(entry)})
    return {"balances": balances}


def spot_clearinghouse_state(dialect: Dialect, body: Body) -> Thing:
    return spot_state_of(dialect, asked.account_of(dialect, body))


# -- sub-accounts, and what could be traded --------------------------------------------------------------------------------------


def sub_accounts(dialect: Dialect, body: Body) -> list[Thing]:
    master, people = asked.address_of(body), dialect.people
    told = []
    for name, address in people.sub_accounts(master):
        account = people.account(address)
        told.append({
            "name": name, "subAccountUser": address, "master": master, "clearinghouseState": state_of(dialect, account),
            "spotState": spot_state_of(dialect, account),
        })  # fmt: skip
    return told


def asset_data_of(dialect: Dialect, account: int, address: str, coin: Coin) -> Thing:
    """How much an account could buy and sell of a coin with the margin that it has, closing what it holds first."""
    venue = dialect.host.exchange
    view = venue.position(account, coin.market)
    is_isolated = view.mode == MarginMode.ISOLATED
    margin, mark = max(0, dialect.available_margin(account, is_isolated)), venue.mark_price(coin.market)
    new = margin * view.leverage // (mark * coin.unit) if mark else 0
    sizes = [new + 2 * max(0, -view.size), new + 2 * max(0, view.size)]
    dollars = [lots * mark * coin.unit // view.leverage for lots in sizes]
    raw = view.isolated_margin - view.entry_notional - view.unsettled
    return {
        "user": address, "coin": coin.name, "leverage": leverage(view, raw), "maxTradeSzs": [coin.size(lots) for lots in sizes],
        "availableToTrade": [usd(one) for one in dollars], "markPx": price_known(dialect, coin) or "0.0",
    }  # fmt: skip


def active_asset_data(dialect: Dialect, body: Body) -> Thing | None:
    """None: no such coin, or nobody has that address."""
    address, coin = asked.address_of(body), asked.coin_of(dialect, body)
    account = dialect.people.account(address)
    return None if coin is None or coin.is_spot or account is None else asset_data_of(dialect, account, address, coin)
