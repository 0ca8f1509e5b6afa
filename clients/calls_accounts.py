"""Requests about an account: its money, its settings, what it holds."""

from __future__ import annotations

from decimal import Decimal

from perplab.exchange.codes import AccountMode, MarginMode

from . import types as t
from .calls_base import Call, Known, nothing
from .reading import Wire, whole
from .reading_algos import sub_accounts_of
from .units import Number, micro, money, parts


class AccountCalls(Known):
    def faucet(self, amount: Number, asset: int | str) -> Call[Decimal]:
        fields: dict[str, object] = {"amount": micro(amount), "asset": self.asset(asset), "account": self.account_number}
        return Call("faucet", fields, lambda reply: money(reply["balance"]))

    def withdraw(self, amount: Number, asset: int | str) -> Call[None]:
        return Call("withdraw", {"amount": micro(amount), "asset": self.asset(asset), "account": self.account_number}, nothing)

    def transfer(self, to: int, amount: Number, asset: int | str) -> Call[None]:
        return Call("transfer", {"to": to, "amount": micro(amount), "asset": self.asset(asset), "account": self.account_number}, nothing)

    def asset(self, given: int | str) -> int:
        """Raises ValueError for a name that is not known."""
        return self.reading.venue.asset_number(given)

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

    def set_account_mode(self, mode: AccountMode) -> Call[t.Queued | None]:
        return Call("set_account_mode", {"mode": AccountMode(mode).name, "account": self.account_number}, self.reading.queued)

    def set_margin_alert(self, threshold: Number, asset: int | str, number: int, hysteresis: Number) -> Call[None]:
        fields: dict[str, object] = {
            "asset": self.asset(asset), "number": number, "threshold_ppm": parts(threshold, "the threshold", "times"),
            "hysteresis_ppm": parts(hysteresis, "the hysteresis", "times"), "account": self.account_number,
        }  # fmt: skip
        return Call("set_margin_alert", fields, nothing)

    def open_sub_account(self) -> Call[int]:
        return Call("open_sub_account", {"account": self.account_number}, lambda reply: whole(reply["account"]))

    # -- questions --

    def sub_accounts(self) -> Call[t.SubAccounts]:
        return Call("sub_accounts", {"account": self.account_number}, sub_accounts_of)

    def requirement(self, asset: int | str) -> Call[t.Requirement]:
        return Call("requirement", {"asset": self.asset(asset), "account": self.account_number}, self.reading.requirement)

    def fee_rates(self) -> Call[t.FeeRates]:
        return Call("fee_rates", {"account": self.account_number}, self.reading.fee_rates)
