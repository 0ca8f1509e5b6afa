"""Actions about money, margin, sub-accounts and wallets."""

from __future__ import annotations

from typing import Any, Final

from ...schema.codes import MarginMode
from ...schema.messages import (
    MAX_AMOUNT,
    MAX_LEVERAGE,
    Command,
    MoveIsolatedMargin,
    OpenSubAccount,
    SetLeverage,
    SetMarginMode,
    Transfer,
    Withdraw,
)
from .coins import MICRO, steps
from .dialect import Dialect
from .errors import Failed, Unreadable
from .identity import NAME, Signed
from .placing import NOT_READ, Json, coin_of
from .refusals import text_of
from .signing import Bad, address_of
from .trading import Then, done, ok

SUB_ACCOUNT: Final = " subaccount:"


def micro(given: object) -> int:
    """[micro] of a text. Raises Unreadable or Failed."""
    try:
        amount = steps(given, 1, MICRO)
    except ValueError:
        raise Unreadable(NOT_READ) from None
    return bounded(amount)


def bounded(amount: int | None) -> int:
    """Raises Failed."""
    if amount is None or not 0 < amount <= MAX_AMOUNT:
        raise Failed("Invalid amount: it is more than 0, with at most 6 decimals.")
    return amount


def units(given: object) -> int:
    """[micro] of a whole number in 1e-6. Raises Unreadable or Failed."""
    if type(given) is not int:
        raise Unreadable(NOT_READ)
    return bounded(given)


def destination(dialect: Dialect, given: object) -> int:
    """The account of an address that is sent something. Raises Unreadable or Failed."""
    try:
        address = address_of(given)
    except Bad:
        raise Unreadable(NOT_READ) from None
    account = dialect.people.account(address)
    if account is None:
        raise Failed(f"Destination {address} has no account here.")
    return account


def token(dialect: Dialect, given: object) -> int:
    """The venue's asset of "NAME" or "NAME:0x...". Raises Unreadable or Failed."""
    if not isinstance(given, str):
        raise Unreadable(NOT_READ)
    name = given.partition(":")[0]
    if name not in dialect.coins.tokens:
        raise Failed(f"Unknown token {name[:40]!r}; there are {', '.join(dialect.coins.tokens)}")
    return dialect.coins.tokens.index(name)


def send(dialect: Dialect, command: Command, then: Then) -> None:
    """Raises Refusal or Failed."""
    done(dialect.host.reasons([command])[0], then)


# -- money --


def usd_send(dialect: Dialect, action: Json, signed: Signed, then: Then) -> None:
    amount = micro(action.get("amount"))
    send(dialect, Transfer(0, signed.account, destination(dialect, action.get("destination")), 0, amount), then)


def spot_send(dialect: Dialect, action: Json, signed: Signed, then: Then) -> None:
    asset, amount = token(dialect, action.get("token")), micro(action.get("amount"))
    send(dialect, Transfer(0, signed.account, destination(dialect, action.get("destination")), asset, amount), then)


def send_asset(dialect: Dialect, action: Json, signed: Signed, then: Then) -> None:
    """From one of one's own balances to another, which are one here, or to somebody."""
    source = source_of(dialect, action.get("fromSubAccount") or None, signed)
    asset, amount, to = token(dialect, action.get("token")), micro(action.get("amount")), destination(dialect, action.get("destination"))
    if to == source:
        enough(dialect, source, asset, amount)
        done(0, then)
    else:
        send(dialect, Transfer(0, source, to, asset, amount), then)


def class_transfer(dialect: Dialect, action: Json, signed: Signed, then: Then) -> None:
    """Between perpetuals and spot: one balance serves both here, so nothing moves."""
    given = action.get("amount")
    if not isinstance(given, str) or type(action.get("toPerp")) is not bool:
        raise Unreadable(NOT_READ)
    amount, _, sub = given.partition(SUB_ACCOUNT)
    enough(dialect, source_of(dialect, sub or None, signed), 0, micro(amount))
    done(0, then)


def source_of(dialect: Dialect, sub: object, signed: Signed) -> int:
    """The account of a sub-account that is named, or of the user. Raises Unreadable or Failed."""
    if sub is None:
        return signed.account
    account = destination(dialect, sub)
    owner = dialect.host.people.owner_of.get(account)
    if owner is None or owner.name != signed.user:
        raise Failed(f"Sub-account {sub} is not one of {signed.user}.")
    return account


def enough(dialect: Dialect, account: int, asset: int, amount: int) -> None:
    """Raises Failed."""
    if dialect.host.exchange.free_margin(account, asset) < amount:
        raise Failed("Insufficient balance for transfer.")


def withdraw(dialect: Dialect, action: Json, signed: Signed, then: Then) -> None:
    send(dialect, Withdraw(0, signed.account, 0, micro(action.get("amount"))), then)


# -- margin --


def update_leverage(dialect: Dialect, action: Json, signed: Signed, then: Then) -> None:
    coin, leverage, is_cross = coin_of(dialect, action.get("asset")), action.get("leverage"), action.get("isCross")
    if type(leverage) is not int or type(is_cross) is not bool:
        raise Unreadable(NOT_READ)
    if coin.is_spot or not 1 <= leverage <= min(MAX_LEVERAGE, dialect.host.exchange.design.markets[coin.market].max_leverage):
        raise Failed("Invalid leverage value")
    mode = MarginMode.CROSS if is_cross else MarginMode.ISOLATED
    commands: list[Command] = []
    if dialect.host.exchange.position(signed.account, coin.market).mode != mode:
        commands.append(SetMarginMode(0, signed.account, coin.market, mode))
    reasons = dialect.host.reasons([*commands, SetLeverage(0, signed.account, coin.market, leverage)])
    done(next((reason for reason in reasons if reason), 0), then)


def isolated_margin(dialect: Dialect, action: Json, signed: Signed, then: Then) -> None:
    coin, amount = coin_of(dialect, action.get("asset")), action.get("ntli")
    if type(amount) is not int or type(action.get("isBuy")) is not bool:
        raise Unreadable(NOT_READ)
    if not 0 < abs(amount) <= MAX_AMOUNT:
        raise Failed("Invalid margin amount.")
    send(dialect, MoveIsolatedMargin(0, signed.account, coin.market, amount), then)


# -- sub-accounts and wallets --


def create_sub_account(dialect: Dialect, action: Json, signed: Signed, then: Then) -> None:
    name = action.get("name")
    if not isinstance(name, str):
        raise Unreadable(NOT_READ)
    if not 0 < len(name) <= NAME:
        raise Failed(f"Invalid sub-account name: it has 1 to {NAME} characters.")
    user = dialect.host.people.users[signed.user]
    if any(known == name for known, _ in dialect.people.sub_accounts(signed.user)):
        raise Failed(f"Sub-account name {name!r} is taken.")
    dialect.host.refuse_too_many_accounts(user)
    reason = dialect.host.reasons([OpenSubAccount(0, user.accounts[0])])[0]
    if reason:
        raise Failed(text_of(reason))
    address = dialect.people.address(user.accounts[-1])
    dialect.people.name_sub_account(address, name)
    then(ok("createSubAccount", address))


def sub_account_transfer(dialect: Dialect, action: Json, signed: Signed, then: Then) -> None:
    _between(dialect, action, signed, 0, units(action.get("usd")), then)


def sub_account_spot_transfer(dialect: Dialect, action: Json, signed: Signed, then: Then) -> None:
    _between(dialect, action, signed, token(dialect, action.get("token")), micro(action.get("amount")), then)


def _between(dialect: Dialect, action: Json, signed: Signed, asset: int, amount: int, then: Then) -> None:
    """The user's own account and a sub-account."""
    if type(action.get("isDeposit")) is not bool:
        raise Unreadable(NOT_READ)
    sub = source_of(dialect, action.get("subAccountUser"), signed)
    own = dialect.host.people.users[signed.user].accounts[0]
    send(dialect, Transfer(0, *((own, sub) if action["isDeposit"] else (sub, own)), asset, amount), then)


def approve_agent(dialect: Dialect, action: Json, signed: Signed, then: Then) -> None:
    name: Any = action.get("agentName")
    if not (name is None or isinstance(name, str)):
        raise Unreadable(NOT_READ)
    dialect.people.approve(dialect.host.people.users[signed.user], address_of(action.get("agentAddress")), name or "")
    done(0, then)
