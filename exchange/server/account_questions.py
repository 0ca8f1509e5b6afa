"""The answers to questions about an account: what it has, and what waits. They raise Refusal."""

from __future__ import annotations

from typing import Final

from ..engine import Exchange
from ..schema.codes import AccountMode, MarginMode
from ..schema.views import OpenPayment, Position
from . import requests as r
from .asking import Asker, Desk
from .errors import Data
from .naming import named_view
from .orders import open_orders
from .told import due_of

PAYMENTS: Final = 256  # that are told: anybody may send as many as the venue lets him


def account_state(venue: Exchange, account: int, skip: int = 0, most: int | None = None) -> Data:
    """All that one account has, as of now; of its orders `most`, those behind the first `skip`."""
    design = venue.design
    assets, markets = range(len(design.assets)), range(len(design.markets))
    positions = []
    for market in markets:
        position = venue.position(account, market)
        if position.size:
            liquidation = venue.liquidation_price(account, market) or None
            positions.append({**named_view(position), "unrealized_pnl": unrealized(venue, position), "liquidation_price": liquidation})
    return {
        "account": account,
        "seq": venue.state.log.seq,
        "mode": AccountMode(venue.account_mode(account)).name,
        "balances": [
            {
                "asset": asset, "cash": venue.balance(account, asset), "equity": venue.equity(account, asset),
                "available": venue.available_margin(account, asset), "withdrawable": venue.withdrawable(account, asset),
                "initial_margin": venue.initial_margin(account, asset), "maintenance_margin": venue.maintenance_margin(account, asset),
                "value": venue.account_value(account, asset),
            }
            for asset in assets
        ],
        "positions": positions,
        "liquidity": [named_view(one) for market in markets for one in venue.liquidity_of(account, market)],
        "orders": [named_view(order) for order in open_orders(venue, account, skip, most)],
        "alerts": [named_view(one) for one in venue.margin_alerts(account)],
        "payments": [payment(one) for one in venue.payments(account, PAYMENTS)],
        "more_payments": max(0, venue.count_payments(account) - PAYMENTS),
    }  # fmt: skip


def unrealized(venue: Exchange, position: Position) -> int | None:
    """What a position has gained or lost at the mark since it was entered, before what is unsettled [micro]; None: there is no mark."""
    market = venue.known_market(position.market)
    return int(position.size * int(market.mark) * int(market.unit) - position.entry_notional) if market.mark else None


def payment(one: OpenPayment) -> Data:
    return {**named_view(one), "to": one.to if one.to >= 0 else None}


def pending(desk: Desk, session: Asker, request: r.PendingQuery) -> Data:
    account, most = session.readable(request.account), desk.host.limits.items
    waiting = desk.host.exchange.pending(account)
    told = [{**named_view(one), "due": due_of(one.due)} for one in waiting[request.skip : request.skip + most]]
    left = max(0, len(waiting) - request.skip - most)
    return {"account": account, "pending": told, "more": left, "ts": desk.host.exchange.now}


def account(desk: Desk, session: Asker, request: r.AccountQuery) -> Data:
    account, most = session.readable(request.account), desk.host.limits.items
    left = desk.host.exchange.count_orders(account) - request.skip - most
    return {**account_state(desk.host.exchange, account, request.skip, most), "more": max(0, left)}


def requirement(desk: Desk, session: Asker, request: r.RequirementQuery) -> Data:
    account, asset, venue = session.readable(request.account), desk.asset(request.asset), desk.host.exchange
    held = [venue.position(account, one.number) for one in venue.state.markets if one.asset == asset]
    alone = [one.market for one in held if one.size and one.mode == MarginMode.ISOLATED]
    return {
        "account": account, "asset": asset, "lines": [named_view(line) for line in venue.requirement(account, asset)],
        "equity": venue.equity(account, asset), "available": venue.available_margin(account, asset),
        "initial_margin": venue.initial_margin(account, asset), "maintenance_margin": venue.maintenance_margin(account, asset),
        "isolated": alone, "ts": venue.now,
    }  # fmt: skip


def triggers(desk: Desk, session: Asker, request: r.TriggersQuery) -> Data:
    account, venue = session.readable(request.account), desk.host.exchange
    found = [named_view(one) for one in venue.triggers(account)]
    return {"account": account, **desk.part("triggers", found, request.skip), "ts": venue.now}


def twaps(desk: Desk, session: Asker, request: r.TwapsQuery) -> Data:
    account, venue = session.readable(request.account), desk.host.exchange
    found = [named_view(one) for one in venue.twaps(account)]
    return {"account": account, **desk.part("twaps", found, request.skip), "ts": venue.now}


def fee_rates(desk: Desk, session: Asker, request: r.FeeRatesQuery) -> Data:
    account, venue = session.readable(request.account), desk.host.exchange
    pairs = [venue.fee_rates(account, market) for market in range(len(venue.design.markets))]
    rates = [{"market": market, "maker_fee_ppb": maker, "taker_fee_ppb": taker} for market, (maker, taker) in enumerate(pairs)]
    volume, made = venue.traded(account)
    return {"account": account, "volume": volume, "maker_volume": made, "rates": rates, "ts": venue.now}


def sub_accounts(desk: Desk, session: Asker, request: r.SubAccountsQuery) -> Data:
    """Only accounts of the same owner are looked at: the venue may have a million."""
    account, venue = session.readable(request.account), desk.host.exchange
    owner = desk.host.people.owner_of.get(account)
    known = owner.accounts if owner is not None else []
    subs = [one for one in known if venue.master_of(one) == account]
    return {"account": account, "master": venue.master_of(account), "sub_accounts": subs, "ts": venue.now}
