"""The answers to questions about an account: what it has, and what waits. They raise Refusal."""

from __future__ import annotations

from ..engine import Exchange
from . import requests as r
from .asking import Asker, Desk
from .errors import Data
from .naming import named_view
from .orders import open_orders
from .told import due_of


def account_state(venue: Exchange, account: int, skip: int = 0, most: int | None = None) -> Data:
    """All that one account has, as of now; of its orders `most`, those behind the first `skip`."""
    design = venue.design
    assets, markets = range(len(design.assets)), range(len(design.markets))
    positions = []
    for market in markets:
        position = venue.position(account, market)
        if position.size:
            positions.append({**named_view(position), "liquidation_price": venue.liquidation_price(account, market) or None})
    return {
        "account": account,
        "seq": venue.state.log.seq,
        "balances": [
            {
                "asset": asset, "cash": venue.balance(account, asset), "equity": venue.equity(account, asset),
                "available": venue.available_margin(account, asset), "withdrawable": max(0, venue.free_margin(account, asset)),
                "initial_margin": venue.initial_margin(account, asset), "maintenance_margin": venue.maintenance_margin(account, asset),
            }
            for asset in assets
        ],
        "positions": positions,
        "liquidity": [named_view(one) for market in markets for one in venue.liquidity_of(account, market)],
        "orders": [named_view(order) for order in open_orders(venue, account, skip, most)],
    }  # fmt: skip


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
