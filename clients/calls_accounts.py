"""Requests about an account: its money, its settings, what it holds."""

from __future__ import annotations

from decimal import Decimal

from perplab.exchange.codes import MarginMode

from . import types as t
from .calls_base import Call, Known, nothing
from .reading import Wire, whole
from .units import Number, micro, money


class AccountCalls(Known):
    def faucet(self, amount: Number, asset: int) -> Call[Decimal]:
        fields: dict[str, object] = {"amount": micro(amount), "asset": asset, "account": self.account_number}
        return Call("faucet", fields, lambda reply: money(reply["balance"]))

    def withdraw(self, amount: Number, asset: int) -> Call[None]:
        return Call("withdraw", {"amount": micro(amount), "asset": asset, "account": self.account_number}, nothing)

    def transfer(self, to: int, amount: Number, asset: int) -> Call[None]:
        return Call("transfer", {"to": to, "amount": micro(amount), "asset": asset, "account": self.account_number}, nothing)

    def open_account(self) -> Call[int]:
        return Call("open_account", {}, lambda reply: whole(reply["account"]))

    def accounts(self) -> Call[list[int]]:
        return Call("accounts", {}, lambda reply: list(map(whole, reply["accounts"])))

    def account(self) -> Call[t.Account]:
        return Call("account", {"account": self.account_number}, self._account)

    def _account(self, reply: Wire) -> t.Account:
        account = self.reading.account(reply)
        for order in account.orders:
            self.note(order)
        return account

    def set_leverage(self, market: str, leverage: int) -> Call[None]:
        fields: dict[str, object] = {"market": self.market(market).number, "leverage": leverage, "account": self.account_number}
        return Call("set_leverage", fields, nothing)

    def set_margin_mode(self, market: str, mode: MarginMode) -> Call[None]:
        fields: dict[str, object] = {"market": self.market(market).number, "mode": MarginMode(mode).name, "account": self.account_number}
        return Call("set_margin_mode", fields, nothing)

    def move_isolated_margin(self, market: str, amount: Number) -> Call[None]:
        fields: dict[str, object] = {"market": self.market(market).number, "amount": micro(amount), "account": self.account_number}
        return Call("move_isolated_margin", fields, nothing)
