"""The answers to questions about what has happened, and about who is near to his liquidation. They raise Refusal."""

from __future__ import annotations

from typing import Final

from ..engine import Exchange
from ..liquidation.risks import Found, RiskScan
from ..schema.codes import FIRST_USER, MarginMode
from ..schema.views import Position
from ..state.types import NIL
from . import requests as r
from .asking import Asker, Desk, Work
from .errors import Data
from .history.candles import begin_of, end_of
from .history.records import Candle, Liquidation

SCANNED: Final = 2_048  # accounts that are looked at before others have a turn


def candles(desk: Desk, session: Asker, request: r.Candles) -> Data:
    market, now = desk.market(request.market), int(desk.host.exchange.now)
    end = begin_of(now if request.end is None else min(request.end, now), request.interval)
    width = end_of(end, request.interval) - end
    start = max(request.start, end - (request.limit - 1) * width, 0)
    found = desk.host.history.candles(market, request.interval, start, end, request.limit) if start < end + width else []
    return {"market": market, "interval": request.interval, "candles": [candle(one) for one in found], "ts": now}


def candle(one: Candle) -> Data:
    traded = (one.open, one.high, one.low, one.close)
    prices = dict(zip(("open", "high", "low", "close"), traded if one.open else (None,) * 4, strict=True))
    return {
        "begin": one.begin, **prices, "size": one.lots, "value": one.value, "trades": one.trades, "liquidated": one.liquidated,
        "mark": list(one.mark) if one.mark[0] else None, "oracle": list(one.oracle) if one.oracle[0] else None,
    }  # fmt: skip


def user_of(desk: Desk, account: int) -> str | None:
    user = desk.host.people.owner_of.get(account)
    return None if user is None else user.name


def liquidations(desk: Desk, session: Asker, request: r.Liquidations) -> Data:
    is_operator = session.user is not None and "admin" in session.scopes
    own = set(session.user.accounts) if session.user is not None and "read" in session.scopes else set()
    found = desk.host.history.liquidations(request.since, request.limit)
    told = [closed(desk, one, is_operator or one.account in own) for one in found]
    return {"liquidations": told, "ts": desk.host.exchange.now}


def closed(desk: Desk, one: Liquidation, is_told: bool) -> Data:
    """A slice; `is_told`: whose it is."""
    shown: Data = {
        "seq": one.seq, "ts": one.ts, "market": one.market, "method": one.method.name, "size": one.size, "value": one.value,
        "price": one.price if one.size else None, "mark": one.mark or None,
    }  # fmt: skip
    if not is_told:
        return {**shown, **dict.fromkeys(("account", "user", "deficit", "fee", "against", "paid"))}
    against = [{"account": by.account, "user": user_of(desk, by.account), "size": by.lots, "value": by.value} for by in one.against]
    return {
        **shown, "account": one.account, "user": user_of(desk, one.account), "deficit": one.deficit, "fee": one.fee, "against": against,
        "paid": [{"payer": by.payer.name, "amount": by.amount} for by in one.paid],
    }  # fmt: skip


def accounts_at_risk(desk: Desk, session: Asker, request: r.AccountsAtRisk) -> Work:
    session.may("admin", is_noted=False)
    scan, venue, first = RiskScan(request.limit), desk.host.exchange, FIRST_USER
    while first < venue.state.accounts.count:
        scan.look(venue.state, first, first + SCANNED)
        first += SCANNED
        if first < venue.state.accounts.count:
            yield
        if desk.host.exchange is not venue:  # it has gone back meanwhile
            scan, venue, first = RiskScan(request.limit), desk.host.exchange, FIRST_USER
    again = RiskScan(request.limit)  # of those that were found, as they are now
    for account in dict.fromkeys(account for _, account, _, _ in scan.found):
        again.look(venue.state, account, account + 1)
    again.sort()
    return {"accounts": [at_risk(desk, venue, one) for one in again.found], "ts": venue.now}


def at_risk(desk: Desk, venue: Exchange, found: Found) -> Data:
    ratio, account, asset, market = found
    if market < 0:
        held = [venue.position(account, number) for number in range(len(venue.design.markets))]
        held = [one for one in held if one.size and one.mode == MarginMode.CROSS and venue.known_market(one.market).asset == asset]
        equity, maintenance, row = venue.equity(account, asset), venue.maintenance_margin(account, asset), NIL
    else:
        held = [venue.position(account, market)]
        equity, maintenance = venue.isolated_equity(account, market), venue.position_maintenance(account, market)
        row = venue.state.find_position(account, market)
    return {
        "account": account, "user": user_of(desk, account), "asset": asset, "market": market if market >= 0 else None,
        "ratio_ppm": ratio, "equity": equity, "maintenance": maintenance,
        "liquidated": venue.state.liquidations.find(account, row, asset) is not None, "positions": [risky(venue, one) for one in held],
    }  # fmt: skip


def risky(venue: Exchange, one: Position) -> Data:
    return {
        "market": one.market, "size": one.size, "entry_notional": one.entry_notional, "isolated_margin": one.isolated_margin,
        "mark": int(venue.known_market(one.market).mark), "liquidation_price": venue.liquidation_price(one.account, one.market) or None,
    }  # fmt: skip
