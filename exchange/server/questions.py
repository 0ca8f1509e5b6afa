"""The answers to everything that is no command: who one is, what the venue looks like. Those about accounts and orders, of the operator and
of streams have files of their own."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from ..schema.codes import Side
from . import account_questions as accounts
from . import operations, subscriptions
from . import past_questions as past
from . import requests as r
from .asking import Asker, Desk, Work
from .errors import Data, Refusal, Trouble
from .naming import named_view
from .order_questions import order
from .people import SCOPES
from .previews import preview
from .terms import account_terms, gas_terms, liquidation_terms, market_terms, sequencing_terms

VERSION: Final = 1  # of the protocol


Answer = Callable[["Questions", Asker, Any], Data | Work]


class Questions(Desk):
    """Each method answers one kind of request, with the body of the reply, and so do the functions of ANSWERS. They raise Refusal."""

    def answer(self, session: Asker, request: r.Request) -> Data | Work:
        """The body of the reply, or how it is made. Raises Refusal."""
        found = ANSWERS[type(request)]
        if type(request) not in AS_OF_NOW:
            return found(self, session, request)
        self.pass_time()
        with self.host.as_of_now():
            return found(self, session, request)

    def pass_time(self) -> None:
        """What is due happens first, as it would ahead of a command."""
        if not self.host.is_behind:
            with suppress(Refusal):  # of a venue that takes nothing at the moment: then it is as late as it is
                self.host.pass_time()

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
            user, scopes = self.host.user_named(request.name), SCOPES
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
            session.pay(1)
            key = self.host.welcome(request.name, request.scopes, asset, request.amount)
            account = self.host.people.users[request.name].accounts[0]
            return {"account": account, "balance": self.host.exchange.balance(account, asset), "key": key.key, "secret": key.secret}
        session.may("trade")
        account = session.account(request.account)
        session.pay(1)
        self.host.pay(account, asset, request.amount)
        return {"account": account, "balance": self.host.exchange.balance(account, asset)}

    def open_account(self: Questions, session: Asker, request: r.OpenAccount) -> Data:
        return {"account": self.host.open_account(session.may("trade"))}

    def accounts(self: Questions, session: Asker, request: r.Accounts) -> Data:
        if request.user is None:
            user = session.may("read")
            return {"user": user.name, "accounts": list(user.accounts)}
        session.may("admin")
        user, accounts = self.user(request.user)
        return {"user": user.name, "accounts": accounts}

    # -- questions --------------------------------------------------------------------------------------------------------------------

    def venue(self: Questions, session: Asker, request: r.Venue) -> Data:
        design = self.host.exchange.design
        markets = [market_terms(design, number) for number in range(len(design.markets))]
        told: Data = {
            "name": design.name, "title": design.title, "assets": list(design.assets), "markets": markets, "epoch": self.host.epoch,
            "version": VERSION, "ts": self.host.exchange.now, **account_terms(design),
            "sequencing": sequencing_terms(design), "gas": gas_terms(design), "liquidation": liquidation_terms(design),
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

    def auctions(self: Questions, session: Asker, request: r.Auctions) -> Data:
        return self.part("auctions", [named_view(one) for one in self.host.exchange.auctions()], request.skip)

    def maintenance(self: Questions, session: Asker, request: r.MaintenanceQuery) -> Data:
        venue = self.host.exchange
        windows = [{**named_view(one), "market": one.market if one.market >= 0 else None} for one in venue.maintenance_windows()]
        return {**self.part("windows", windows, request.skip), "ts": venue.now}

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
        self.pass_time()
        return {"ts": self.host.now(), "seq": self.host.exchange.state.log.seq}

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
    r.PendingQuery: accounts.pending,
    r.PreviewQuery: preview,
    r.AccountQuery: accounts.account,
    r.OrderQuery: order,
    r.RequirementQuery: accounts.requirement,
    r.TriggersQuery: accounts.triggers,
    r.TwapsQuery: accounts.twaps,
    r.FeeRatesQuery: accounts.fee_rates,
    r.SubAccountsQuery: accounts.sub_accounts,
    r.Outcome: Questions.outcome,
    r.Auctions: Questions.auctions,
    r.MaintenanceQuery: Questions.maintenance,
    r.Candles: past.candles,
    r.Liquidations: past.liquidations,
    r.AccountsAtRisk: past.accounts_at_risk,
    r.Ping: Questions.ping,
    r.Step: operations.step,
    r.SetClock: operations.set_clock,
    r.SetWorld: operations.set_world,
    r.Liquidate: operations.liquidate,
    r.Grant: operations.grant,
    r.Snapshot: operations.snapshot,
    r.Rewind: operations.rewind,
    r.Snapshots: operations.snapshots,
    r.SetFault: operations.set_fault,
    r.FaultsQuery: operations.faults,
    r.Subscribe: subscriptions.subscribe,
    r.Unsubscribe: subscriptions.unsubscribe,
    r.CancelOnDisconnect: Questions.cancel_on_disconnect,
}
AS_OF_NOW: Final[frozenset[type[r.Request]]] = frozenset({  # what is true of the venue now, though nothing has happened for a while
    r.Venue, r.BookQuery, r.TickerQuery, r.PoolQuery, r.PendingQuery, r.PreviewQuery, r.AccountQuery, r.OrderQuery, r.RequirementQuery,
    r.TriggersQuery, r.TwapsQuery, r.FeeRatesQuery, r.SubAccountsQuery, r.Auctions, r.MaintenanceQuery,
})  # fmt: skip
