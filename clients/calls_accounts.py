"""Requests about an account: its money, its settings, what it holds."""

from __future__ import annotations

from decimal import Decimal

from perplab.exchange.codes import AccountMode, MarginMode
from perplab.exchange.messages import MAX_ACCOUNTS, MAX_LEVERAGE

from . import types as t
from .calls_base import Call, Known, nothing
from .reading import Wire, whole
from .reading_algos import sub_accounts_of
from .units import Number, code_of, integer, micro, money, parts, within

ALERTS = 4  # of an account in each asset


class AccountCalls(Known):
    def faucet(self, amount: Number, asset: int | str) -> Call[Decimal]:
        return Call("faucet", self._paid(amount, asset), lambda reply: money(reply["balance"]))

    def withdraw(self, amount: Number, asset: int | str) -> Call[None]:
        return Call("withdraw", self._paid(amount, asset), nothing)

    def transfer(self, to: int, amount: Number, asset: int | str) -> Call[None]:
        receiver = within(to, "the account that receives it", 0, MAX_ACCOUNTS - 1)
        return Call("transfer", {"to": receiver, **self._paid(amount, asset)}, nothing)

    def _paid(self, amount: Number, asset: int | str) -> dict[str, object]:
        """An amount of an asset that is more than nothing. Raises TypeError or ValueError."""
        number = self.asset(asset)
        paid = micro(amount, unit=self.reading.venue.assets[number], lowest=1)
        return {"amount": paid, "asset": number, "account": self.account_number}

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
        terms, times = self.market(market), integer(leverage, "the leverage")
        if not 1 <= times <= MAX_LEVERAGE:
            raise ValueError(f"the leverage is {times}; {terms.name} takes 1 to {terms.max_leverage}")
        fields: dict[str, object] = {"market": terms.number, "leverage": times, "account": self.account_number}
        return Call("set_leverage", fields, nothing)

    def set_margin_mode(self, market: str, mode: MarginMode) -> Call[None]:
        number, name = self.market(market).number, code_of(MarginMode, mode).name
        fields: dict[str, object] = {"market": number, "mode": name, "account": self.account_number}
        return Call("set_margin_mode", fields, nothing)

    def move_isolated_margin(self, market: str, amount: Number) -> Call[None]:
        terms = self.market(market)
        moved = micro(amount, unit=self.reading.venue.assets[terms.settlement_asset])
        if not moved:
            raise ValueError("the amount is 0: above 0 it is added to the margin of the position, below 0 taken from it")
        fields: dict[str, object] = {"market": terms.number, "amount": moved, "account": self.account_number}
        return Call("move_isolated_margin", fields, nothing)

    def set_account_mode(self, mode: AccountMode) -> Call[t.Queued | None]:
        return Call("set_account_mode", {"mode": code_of(AccountMode, mode).name, "account": self.account_number}, self.reading.queued)

    def set_margin_alert(self, threshold: Number, asset: int | str, number: int, hysteresis: Number) -> Call[None]:
        fields: dict[str, object] = {
            "asset": self.asset(asset), "number": within(number, "the number of the alert", 0, ALERTS - 1),
            "threshold_ppm": parts(threshold, "the threshold", "times"),
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
