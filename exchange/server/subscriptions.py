"""Streams that a connection begins and ends. The functions raise Refusal."""

from __future__ import annotations

from . import requests as r
from .account_questions import account_state
from .asking import Asker, Desk
from .errors import Data, Refusal, Trouble
from .private import PrivateStream
from .streams import OF_CURVE, OF_MARKET, BookChannel, Key


def subscribe(desk: Desk, session: Asker, request: r.Subscribe) -> Data:
    limit = desk.host.limits.subscriptions
    if len(session.channels) + len(session.listens) >= limit:
        raise Refusal(Trouble.TOO_MANY_SUBSCRIPTIONS, f"a connection may subscribe to {limit} streams", limit=limit)
    if request.channel == "private":
        account = session.readable(request.account)
        if account in session.listens:
            raise _has_already(request.channel)
        session.then = lambda: _begin_private(desk, session, account, request.since_seq)
        return {"channel": "private", "account": account}
    key = _key(desk, request)
    if key in session.channels:
        raise _has_already(request.channel)
    limit = desk.host.limits.channels
    if key not in desk.host.streams.channels and len(desk.host.streams.channels) >= limit:
        message = f"this server keeps {limit} different streams; a book at a depth that others have is none more"
        raise Refusal(Trouble.TOO_MANY_SUBSCRIPTIONS, message, limit=limit)
    session.then = lambda: _begin(desk, session, key, request.checksum)
    return {"channel": request.channel, "market": key[1] if key[1] >= 0 else None}


def unsubscribe(desk: Desk, session: Asker, request: r.Unsubscribe) -> Data:
    if request.channel == "private":
        account = session.readable(request.account)
        if account not in session.listens:
            raise Refusal(Trouble.NOT_SUBSCRIBED, "this connection does not have that stream", field="account", given=account)
        del session.listens[account]
        desk.host.unlisten(account, session)
        return {"channel": "private", "account": account}
    market = desk.market(request.market) if request.channel in OF_MARKET else -1
    keys = [key for key in session.channels if key[:2] == (request.channel, market)]
    if not keys:
        raise Refusal(Trouble.NOT_SUBSCRIBED, "this connection does not have that stream", field="channel", given=request.channel)
    for key in keys:
        session.channels.discard(key)
        desk.host.streams.leave(key, session)
    return {"channel": request.channel}


def _key(desk: Desk, request: r.Subscribe) -> Key:
    asked = desk.curve if request.channel in OF_CURVE else desk.market
    market = asked(request.market) if request.channel in OF_MARKET else -1
    return desk.host.streams.key(request.channel, market, request.depth)


def _has_already(channel: str) -> Refusal:
    return Refusal(Trouble.ALREADY_SUBSCRIBED, "this connection has that stream already", field="channel", given=channel)


def _begin(desk: Desk, session: Asker, key: Key, checksum: bool) -> None:
    channel = desk.host.streams.channel(key)
    if checksum and isinstance(channel, BookChannel):
        channel.checksums = True
    session.channels.add(key)
    channel.join(session)


def _begin_private(desk: Desk, session: Asker, account: int, since: int | None) -> None:
    stream = session.listens[account] = PrivateStream(desk.host, account, session.tell, lambda: account_state(desk.host.exchange, account))
    desk.host.listen(account, session)
    stream.begin(since)
