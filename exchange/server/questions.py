"""The answers to everything that is no command: who one is, what the venue looks like, what one wants to hear of."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from typing import Any, Final, Protocol

from ..schema.codes import FIRST_USER, OrderState, Reason, Side
from . import requests as r
from .departure import Departure
from .errors import Data, Refusal, Rejected, Trouble
from .faults import MS, Faults
from .host import Host
from .memory import Memory
from .naming import named_view
from .orders import Found, Tale, client_order, is_auctioned, open_order, open_orders, refusal_of, tale_of
from .people import SCOPES, User
from .people import Key as ApiKey
from .previews import preview
from .private import LOOKED_AT, PrivateStream
from .rows import client_halves
from .streams import OF_CURVE, OF_MARKET, BookChannel, Key, Reader
from .surroundings import Listener
from .terms import gas_terms, market_terms, sequencing_terms
from .told import due_of

VERSION: Final = 1  # of the protocol


class Asker(Listener, Reader, Protocol):
    """Who asks: a session. What it is from now on may depend on the answer."""

    user: User | None
    channels: set[Key]
    listens: dict[int, PrivateStream]
    departure: Departure
    then: Callable[[], None] | None
    memory: Memory | None

    def may(self, scope: str) -> User: ...

    def account(self, given: int | None) -> int: ...

    def readable(self, given: int | None) -> int: ...

    def pay(self, count: int) -> None: ...

    def enter(self, user: User, scopes: tuple[str, ...], named: str | None) -> None: ...

    def leave(self) -> None: ...

    def nonce(self) -> str: ...

    def proved(self, key: str, signature: str) -> ApiKey: ...


Work = Generator[None, None, Data]  # the body of a reply, made piece by piece: others may have a turn in between
Answer = Callable[["Questions", Asker, Any], Data | Work]


class Questions:
    """Each method answers one kind of request, with the body of the reply. They raise Refusal."""

    def __init__(self, host: Host) -> None:
        self.host = host

    def answer(self, session: Asker, request: r.Request) -> Data | Work:
        """The body of the reply, or how it is made. Raises Refusal."""
        return ANSWERS[type(request)](self, session, request)

    # -- what requests name ------------------------------------------------------------------------------------------------------

    def market(self, given: int | str | None) -> int:
        """The number of a market that there is. Raises Refusal."""
        if given is None:
            raise Refusal(Trouble.MISSING_FIELD, "which market?", field="market")
        number = self.host.rows.market(given)
        markets = len(self.host.exchange.design.markets)
        if number >= markets:
            raise self._beyond("market", markets, number)
        return number

    def curve(self, given: int | str | None) -> int:
        """The number of a market that has a curve. Raises Refusal."""
        number = self.market(given)
        if self.host.exchange.pool(number) is None:
            raise Rejected(Reason.NO_CURVE, field="market", given=given)
        return number

    def asset(self, given: int) -> int:
        """Raises Refusal."""
        assets = len(self.host.exchange.design.assets)
        if given >= assets:
            raise self._beyond("asset", assets, given)
        return given

    def _beyond(self, field: str, count: int, given: int) -> Refusal:
        return Refusal(Trouble.OUT_OF_BOUNDS, f"{field} is {given}; there are 0 to {count - 1}", field=field, limit=count - 1, given=given)

    def account_state(self, account: int, skip: int = 0, most: int | None = None) -> Data:
        """All that one account has, as of now; of its orders `most`, those behind the first `skip`."""
        venue, design = self.host.exchange, self.host.exchange.design
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

    # -- who is there -----------------------------------------------------------------------------------------------------------------

    def challenge(self: Questions, session: Asker, request: r.Challenge) -> Data:
        self.host.people.known_key(request.key)
        return {"nonce": session.nonce()}

    def login(self: Questions, session: Asker, request: r.Login) -> Data:
        if request.version != VERSION:
            message = f"this server speaks version {VERSION} of the protocol, not {request.version}"
            raise Refusal(Trouble.OUT_OF_BOUNDS, message, field="version", limit=VERSION, given=request.version)
        people = self.host.people
        if request.key is not None:
            if request.signature is None:
                raise Refusal(Trouble.MISSING_FIELD, "a login with a key needs the field 'signature'", field="signature")
            key = session.proved(request.key, request.signature)
            user, scopes = people.user(key.user), key.scopes
        elif not self.host.trust:
            raise Refusal(Trouble.MISSING_FIELD, "this server does not trust: a login needs the field 'key'", field="key")
        elif request.name is None:
            raise Refusal(Trouble.MISSING_FIELD, "a login needs the field 'name' or 'key'", field="name")
        else:
            known, scopes = people.users.get(request.name), SCOPES  # one who has but a name was left so by a server that was killed
            user = known if known is not None and known.accounts else self.host.new_user(request.name)
        session.enter(user, scopes, request.session)
        return {
            "user": user.name, "accounts": list(user.accounts), "scopes": list(scopes), "epoch": self.host.epoch, "version": VERSION,
            "ts": self.host.exchange.now, "seq": self.host.exchange.state.log.seq,
        }  # fmt: skip

    def faucet(self: Questions, session: Asker, request: r.Faucet) -> Data:
        asset = self.asset(request.asset)
        if session.user is None:
            if request.name is None:
                raise Refusal(Trouble.MISSING_FIELD, "a new user needs the field 'name'", field="name")
            key = self.host.sign_up(request.name, request.scopes, asset, request.amount)
            account = self.host.people.users[request.name].accounts[0]
            return {"account": account, "balance": self.host.exchange.balance(account, asset), "key": key.key, "secret": key.secret}
        account = session.account(request.account)
        self.host.fund(account, asset, request.amount)
        return {"account": account, "balance": self.host.exchange.balance(account, asset)}

    def open_account(self: Questions, session: Asker, request: r.OpenAccount) -> Data:
        return {"account": self.host.open_account(session.may("trade"))}

    def accounts(self: Questions, session: Asker, request: r.Accounts) -> Data:
        if request.user is None:
            return {"accounts": list(session.may("read").accounts)}
        session.may("admin")
        user = self.host.people.users.get(request.user)
        if user is None:
            raise Refusal(Trouble.UNKNOWN_NAME, f"there is no user {request.user!r}", field="user", given=request.user)
        return {"accounts": list(user.accounts)}

    # -- questions --------------------------------------------------------------------------------------------------------------------

    def venue(self: Questions, session: Asker, request: r.Venue) -> Data:
        design = self.host.exchange.design
        markets = [market_terms(design, number) for number in range(len(design.markets))]
        told: Data = {
            "name": design.name, "title": design.title, "assets": list(design.assets), "markets": markets, "epoch": self.host.epoch,
            "version": VERSION, "ts": self.host.exchange.now, "max_open_orders": design.max_open_orders,
            "sequencing": sequencing_terms(design), "gas": gas_terms(design),
        }  # fmt: skip
        return {**told, "design": design.to_tree()} if request.design else told

    def book(self: Questions, session: Asker, request: r.BookQuery) -> Data:
        market = self.market(request.market)
        bids, asks = (self.host.exchange.depth(market, side, request.depth) for side in Side)
        return {"market": market, "bids": bids, "asks": asks, "ts": self.host.exchange.now}

    def ticker(self: Questions, session: Asker, request: r.TickerQuery) -> Data:
        market = self.market(request.market)
        streams = self.host.streams
        return {"market": market, **streams.bbo(market), **streams.ticker(market), **streams.status(market), "ts": self.host.exchange.now}

    def pool(self: Questions, session: Asker, request: r.PoolQuery) -> Data:
        market = self.curve(request.market)
        return {**self.host.streams.pool(market), "ts": self.host.exchange.now}

    def pending(self: Questions, session: Asker, request: r.PendingQuery) -> Data:
        account, most = session.readable(request.account), self.host.limits.items
        waiting = self.host.exchange.pending(account)
        told = [{**named_view(one), "due": due_of(one.due)} for one in waiting[request.skip : request.skip + most]]
        left = max(0, len(waiting) - request.skip - most)
        return {"account": account, "pending": told, "more": left, "ts": self.host.exchange.now}

    def account(self: Questions, session: Asker, request: r.AccountQuery) -> Data:
        account, most = session.readable(request.account), self.host.limits.items
        left = self.host.exchange.count_orders(account) - request.skip - most
        return {**self.account_state(account, request.skip, most), "more": max(0, left)}

    def auctions(self: Questions, session: Asker, request: r.Auctions) -> Data:
        return self._part("auctions", [named_view(one) for one in self.host.exchange.auctions()], request.skip)

    def _part(self, name: str, things: object, skip: int) -> Data:
        """As many of a list as fit a message, and how many come behind them."""
        assert isinstance(things, list)
        end = skip + self.host.limits.items
        return {name: things[skip:end], "more": max(0, len(things) - end)}

    def order(self: Questions, session: Asker, request: r.OrderQuery) -> Data | Work:
        account = session.readable(request.account)
        if (request.order_id is None) == (request.client_id is None):
            raise Refusal(Trouble.MISSING_FIELD, "say which order: by order_id or by client_id", field="order_id")
        if request.client_id is not None:
            found = client_order(self.host.exchange, account, *client_halves(request.client_id))
            return self._never(account, request.client_id) if found is None else self._found(account, found)
        assert request.order_id is not None
        one = open_order(self.host.exchange, account, request.order_id)
        if one is None and request.order_id > self.host.exchange.state.last_order_id:
            raise self._no_order(request.order_id)
        if one is None:
            return self._closed(account, request.order_id)
        return self._found(account, (one.order_id, one.market, OrderState.OPEN, one.size, one.filled))

    def _found(self: Questions, account: int, found: Found) -> Work:
        """An order that the venue knows, as it is now."""
        order_id, market, state, size, filled = found
        auctioned = is_auctioned(self.host.exchange, account, order_id)
        known = {"order_id": order_id, "market": market, "state": OrderState(state).name, "open": size, "filled": filled}
        return self._valued(account, {**known, "auctioned": auctioned}, self.host.exchange.state.log.seq)

    def _valued(self: Questions, account: int, known: Data, seq: int) -> Work:
        """What the fills of an order have come to as of event `seq`, if the events that are kept tell of all of them."""
        order_id, filled = known["order_id"], known["filled"]
        assert isinstance(order_id, int)
        tale = Tale()
        if filled:
            until = (row for row in self._concerning(account) if row is None or row[1] <= seq)  # it may be filled meanwhile
            tale = yield from tale_of(order_id, until, self.host.units)
        return {**known, "filled_notional": tale.notional if tale.filled == filled else None}

    def _closed(self: Questions, account: int, order_id: int) -> Work:
        """What the last events tell of an order that is not open. Raises Refusal."""
        tale = yield from tale_of(order_id, self._concerning(account), self.host.units)
        if tale.state is None:
            raise self._no_order(order_id)
        return {
            "order_id": order_id, "market": tale.market, "state": tale.state.name, "open": 0, "filled": tale.filled,
            "filled_notional": tale.notional if tale.is_whole or not tale.filled else None, "auctioned": False,
        }  # fmt: skip

    def _never(self: Questions, account: int, client_id: r.ClientId) -> Work:
        """Raises Refusal: with why the order was refused when its turn had come, if it was."""
        reason = yield from refusal_of(*client_halves(client_id), self._concerning(account))
        if reason is None:
            message = "no open order of the account has it, and none of the last closed ones"
            raise Refusal(Trouble.UNKNOWN_ORDER_OF_CLIENT, message, field="client_id", given=client_id)
        why = Reason(reason).name
        message = f"the last order with it was refused: {why}"
        raise Refusal(Trouble.UNKNOWN_ORDER_OF_CLIENT, message, field="client_id", given=client_id, refused=why)

    def _no_order(self, order_id: int) -> Refusal:
        message = "the account has no such order, or it was closed too long ago"
        return Refusal(Trouble.UNKNOWN_ORDER_OF_CLIENT, message, field="order_id", given=order_id)

    def _concerning(self, account: int) -> Iterator[list[int] | None]:
        """The events of an account that are kept, and None wherever others may have a turn."""
        looked, ring = 0, self.host.ring
        while looked < self.host.exchange.state.log.seq and ring is self.host.ring:
            rows, looked = ring.since(looked, account, LOOKED_AT)
            yield from rows
            yield None

    def outcome(self: Questions, session: Asker, request: r.Outcome) -> Data:
        session.may("read")
        if session.memory is None:
            raise Refusal(Trouble.UNKNOWN_REQUEST, "only sessions that were given a name at login are remembered", field="request")
        reply = session.memory.get(request.request)
        if reply is None:
            message = "no reply to it is remembered: it did not come, or too long ago; ask for its orders by client_id"
            raise Refusal(Trouble.UNKNOWN_REQUEST, message, field="request", given=request.request)
        return {"reply": reply}

    def ping(self: Questions, session: Asker, request: r.Ping) -> Data:
        if not self.host.is_behind:
            with suppress(Refusal):  # of a venue that takes nothing at the moment: then it is as late as it is
                self.host.pass_time()
        return {"ts": self.host.now(), "seq": self.host.exchange.state.log.seq}

    def step(self, session: Asker, request: r.Step) -> Work:
        session.may("admin")
        clock = self.host.clock
        if not clock.is_stepped:
            raise Refusal(Trouble.NOT_STEPPED, "this clock runs by itself; --clock step makes one that is stepped", field="ms")
        yield from self.host.passing(clock.step(request.ms * 1_000_000))
        self.host.flush()
        return {"ts": self.host.now()}

    def set_clock(self, session: Asker, request: r.SetClock) -> Data:
        session.may("admin")
        self.host.run_clock(request.speed)
        return {"ts": self.host.now(), "speed": request.speed}

    def set_world(self, session: Asker, request: r.SetWorld) -> Data:
        session.may("admin")
        if self.host.world is None:
            message = "this server was started with --world none, or its world has failed and was switched off"
            raise Refusal(Trouble.NO_WORLD, message)
        changes = {name: getattr(request, name) for name in request.__struct_fields__ if name != "id"}
        if request.market is not None:
            changes["market"] = self.market(request.market)
        try:
            state = self.host.world.change(self.host.now(), changes)
        except ValueError as error:
            raise Refusal(Trouble.OUT_OF_BOUNDS, str(error), field="shock_ppm", given=request.shock_ppm) from None
        self.host.save_world()
        self.host.pass_time()
        return {"world": state, "ts": self.host.exchange.now}

    def liquidate(self, session: Asker, request: r.Liquidate) -> Data:
        session.may("admin")
        if not FIRST_USER <= request.account < self.host.exchange.state.accounts.count:
            raise Refusal(Trouble.NO_ACCOUNT, f"there is no user's account {request.account}", field="account", given=request.account)
        self.host.pass_time()
        taken = self.host.liquidate(request.account, -1 if request.market is None else self.market(request.market))
        debits = [{"asset": one.asset, "market": one.market if one.market >= 0 else None, "amount": one.amount} for one in taken]
        return {"debits": debits, "ts": self.host.exchange.now}

    def snapshot(self, session: Asker, request: r.Snapshot) -> Data:
        session.may("admin")
        ts, forgotten = self.host.keep(request.name)
        venue = self.host.exchange
        told: Data = {"name": request.name, "ts": ts, "seq": venue.state.log.seq, "state_hash": venue.state_hash()}
        return {**told, "forgotten": forgotten} if forgotten else told

    def rewind(self, session: Asker, request: r.Rewind) -> Data:
        session.may("admin")
        ts = self.host.go_back(request.name)
        session.then = lambda: self.host.tell_epoch(request.name)
        venue = self.host.exchange
        told: Data = {"name": request.name, "ts": ts, "seq": venue.state.log.seq, "state_hash": venue.state_hash()}
        return {**told, "epoch": self.host.epoch}

    def snapshots(self, session: Asker, request: r.Snapshots) -> Data:
        session.may("admin")
        return {"names": list(self.host.moments.numbers)}

    def set_fault(self, session: Asker, request: r.SetFault) -> Data:
        session.may("admin")
        if request.user not in self.host.people.users:
            raise Refusal(Trouble.UNKNOWN_NAME, f"there is no user {request.user!r}", field="user", given=request.user)
        if request.reason not in Reason.__members__:
            known = [reason.name for reason in Reason]
            raise Refusal(Trouble.UNKNOWN_NAME, f"there is no reason {request.reason!r}", field="reason", given=request.reason, known=known)
        if request.kind == "none":
            self.host.faults.pop(request.user, None)
            return {}
        if request.kind == "drop":
            session.then = lambda: self._drop(request.user)
            return {}
        if request.ms < 0 and request.kind != "skew":
            message = f"ms is {request.ms}: only a clock goes ahead or behind"
            raise Refusal(Trouble.OUT_OF_BOUNDS, message, field="ms", limit=0, given=request.ms)
        faults = self.host.faults.setdefault(request.user, Faults())
        if request.kind == "skew":
            faults.set_clock(request.ms * MS, request.drift_ppm, self.host.monotonic())
        elif request.kind == "reject":
            faults.rejects, faults.reason = request.count, Reason[request.reason]
        elif request.kind == "duplicate":
            faults.duplicates = request.count
        elif request.kind == "delay":
            faults.delay = request.ms * MS
        else:
            faults.stalled_until = self.host.monotonic() + request.ms * MS
        return {}

    def _drop(self, user: str) -> None:
        for one in list(self.host.sessions):
            if one.user is not None and one.user.name == user:
                one.drop()

    # -- streams -----------------------------------------------------------------------------------------------------------------

    def subscribe(self, session: Asker, request: r.Subscribe) -> Data:
        limit = self.host.limits.subscriptions
        if len(session.channels) + len(session.listens) >= limit:
            raise Refusal(Trouble.TOO_MANY_SUBSCRIPTIONS, f"a connection may subscribe to {limit} streams", limit=limit)
        if request.channel == "private":
            account = session.readable(request.account)
            if account in session.listens:
                raise self._has_already(request.channel)
            session.then = lambda: self._begin_private(session, account, request.since_seq)
            return {"channel": "private", "account": account}
        key = self._key(request)
        if key in session.channels:
            raise self._has_already(request.channel)
        limit = self.host.limits.channels
        if key not in self.host.streams.channels and len(self.host.streams.channels) >= limit:
            message = f"this server keeps {limit} different streams; a book at a depth that others have is none more"
            raise Refusal(Trouble.TOO_MANY_SUBSCRIPTIONS, message, limit=limit)
        session.then = lambda: self._begin(session, key, request.checksum)
        return {"channel": request.channel, "market": key[1] if key[1] >= 0 else None}

    def unsubscribe(self, session: Asker, request: r.Unsubscribe) -> Data:
        if request.channel == "private":
            account = session.readable(request.account)
            if account not in session.listens:
                raise Refusal(Trouble.NOT_SUBSCRIBED, "this connection does not have that stream", field="account", given=account)
            del session.listens[account]
            self.host.unlisten(account, session)
            return {"channel": "private", "account": account}
        market = self.market(request.market) if request.channel in OF_MARKET else -1
        keys = [key for key in session.channels if key[:2] == (request.channel, market)]
        if not keys:
            raise Refusal(Trouble.NOT_SUBSCRIBED, "this connection does not have that stream", field="channel", given=request.channel)
        for key in keys:
            session.channels.discard(key)
            self.host.streams.leave(key, session)
        return {"channel": request.channel}

    def _key(self, request: r.Subscribe) -> Key:
        asked = self.curve if request.channel in OF_CURVE else self.market
        market = asked(request.market) if request.channel in OF_MARKET else -1
        return self.host.streams.key(request.channel, market, request.depth)

    def _has_already(self, channel: str) -> Refusal:
        return Refusal(Trouble.ALREADY_SUBSCRIBED, "this connection has that stream already", field="channel", given=channel)

    def _begin(self, session: Asker, key: Key, checksum: bool) -> None:
        channel = self.host.streams.channel(key)
        if checksum and isinstance(channel, BookChannel):
            channel.checksums = True
        session.channels.add(key)
        channel.join(session)

    def _begin_private(self, session: Asker, account: int, since: int | None) -> None:
        stream = session.listens[account] = PrivateStream(self.host, account, session.tell, lambda: self.account_state(account))
        self.host.listen(account, session)
        stream.begin(since)

    def cancel_on_disconnect(self, session: Asker, request: r.CancelOnDisconnect) -> Data:
        session.may("trade")
        account = session.account(request.account)
        session.departure.choose(request.scope, account)
        return {"scope": request.scope, "account": account}

    def logout(self, session: Asker, request: r.Logout) -> Data:
        """Orders stay, whatever was to happen on a disconnect."""
        session.may("read")
        session.departure.forget()
        session.leave()
        return {}


ANSWERS: Final[dict[type[r.Request], Answer]] = {
    r.Challenge: Questions.challenge,
    r.Login: Questions.login,
    r.Logout: Questions.logout,
    r.Faucet: Questions.faucet,
    r.OpenAccount: Questions.open_account,
    r.Accounts: Questions.accounts,
    r.Venue: Questions.venue,
    r.BookQuery: Questions.book,
    r.TickerQuery: Questions.ticker,
    r.PoolQuery: Questions.pool,
    r.PendingQuery: Questions.pending,
    r.PreviewQuery: preview,
    r.AccountQuery: Questions.account,
    r.OrderQuery: Questions.order,
    r.Outcome: Questions.outcome,
    r.Auctions: Questions.auctions,
    r.Ping: Questions.ping,
    r.Step: Questions.step,
    r.SetClock: Questions.set_clock,
    r.SetWorld: Questions.set_world,
    r.Liquidate: Questions.liquidate,
    r.Snapshot: Questions.snapshot,
    r.Rewind: Questions.rewind,
    r.Snapshots: Questions.snapshots,
    r.SetFault: Questions.set_fault,
    r.Subscribe: Questions.subscribe,
    r.Unsubscribe: Questions.unsubscribe,
    r.CancelOnDisconnect: Questions.cancel_on_disconnect,
}
