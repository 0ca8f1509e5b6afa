"""Actions that move money, and sub-accounts. An account has one balance here, which is both its perpetuals' and its spot balance."""

from __future__ import annotations

import re
from typing import Final, Protocol

from ...schema.codes import Reason
from ...schema.messages import MAX_AMOUNT, OpenSubAccount, Transfer, Withdraw
from . import refusals
from .actions import default, row_of
from .coins import MICRO, steps
from .dialect import Dialect
from .errors import Failed, Unreadable
from .placing import MISSHAPEN
from .settling import Body, Work

ADDRESS: Final = re.compile("0x[0-9a-fA-F]{40}")
OF_SUB_ACCOUNT: Final = re.compile(r"(\S+) subaccount:(0x[0-9a-fA-F]{40})")
AMOUNT: Final = "Amount must be a positive number with at most 6 decimals."
NOBODY: Final = "The destination does not exist."
NOT_YOURS: Final = "Sub-account is not registered for the user."
MOST_NAME: Final = 16  # characters of a sub-account's name
OTHER_DEX: Final = "unsupported in sandbox: there is one dex of perpetuals, whose name is empty, and spot"


class Signed(Protocol):
    """Who has sent an action: `signer` is an address, which may be an agent's; `address` and `account` whom it acts for."""

    @property
    def signer(self) -> str: ...

    @property
    def address(self) -> str: ...

    @property
    def account(self) -> int: ...


def address_of(given: object) -> str:
    """In lower case. Raises Unreadable."""
    if not isinstance(given, str) or ADDRESS.fullmatch(given) is None:
        raise Unreadable(MISSHAPEN)
    return given.lower()


def micro_of(given: object) -> int:
    """Money [micro] of a text. Raises Unreadable or Failed."""
    if not isinstance(given, str):
        raise Unreadable(MISSHAPEN)
    try:
        amount = steps(given, 1, MICRO)
    except ValueError:
        amount = None
    return _bounded(amount)


def _bounded(amount: int | None) -> int:
    if amount is None or amount <= 0:
        raise Failed(AMOUNT)
    if amount > MAX_AMOUNT:
        raise Failed(refusals.WITHDRAWAL)
    return amount


def flag_of(given: object) -> bool:
    if type(given) is not bool:
        raise Unreadable(MISSHAPEN)
    return given


def token_of(dialect: Dialect, given: object) -> int:
    """The venue's number of an asset that is named "USDC" or "USDC:0x...". Raises Unreadable or Failed."""
    if not isinstance(given, str):
        raise Unreadable(MISSHAPEN)
    name = given.split(":")[0]
    if name not in dialect.coins.tokens:
        raise Failed(f"Unknown token: {name[:40]}")
    return dialect.coins.tokens.index(name)


def receiver(dialect: Dialect, given: object, account: int, asset: int, amount: int, texts: dict[Reason, str]) -> int:
    """The account of who is to be sent so much by another account. Nobody becomes known by money that is not there, nor does a wallet by
    that of its own user: it would sign for him no longer. Raises Unreadable or Failed."""
    address = address_of(given)
    owner = dialect.host.people.owner_of.get(account)
    if owner is not None and dialect.people.master(address) == owner.name and dialect.people.known(address) is None:
        raise Failed(NOBODY)
    if dialect.people.known(address) is None and amount > dialect.free_margin(account, asset):
        raise Failed(texts[Reason.INSUFFICIENT_BALANCE])
    to = dialect.people.receiver(address)
    if to is None:
        raise Failed(NOBODY)
    return to


def own_sub_account(dialect: Dialect, signed: Signed, given: object) -> int:
    """The account of a sub-account of who acts. Raises Unreadable or Failed."""
    address = address_of(given)
    if address not in (one for _, one in dialect.people.sub_accounts(signed.address)):
        raise Failed(NOT_YOURS)
    account, owner_of = dialect.people.known(address), dialect.host.people.owner_of
    if account is None or owner_of.get(account) is not owner_of.get(signed.account):
        raise Failed(NOT_YOURS)
    return account


def _move(account: int, to: int, asset: int, amount: int, texts: dict[Reason, str]) -> Work:
    came = yield row_of(Transfer.KIND, account, to, asset, amount)
    reason = came.reason(0)
    if reason:
        raise Failed(refusals.sentence(reason, texts))
    return default()


def usd_send(dialect: Dialect, action: Body, signed: Signed) -> Work:
    amount = micro_of(action.get("amount"))
    to = receiver(dialect, action.get("destination"), signed.account, 0, amount, refusals.OF_TRANSFERS)
    return (yield from _move(signed.account, to, 0, amount, refusals.OF_TRANSFERS))


def spot_send(dialect: Dialect, action: Body, signed: Signed) -> Work:
    amount, asset = micro_of(action.get("amount")), token_of(dialect, action.get("token"))
    to = receiver(dialect, action.get("destination"), signed.account, asset, amount, refusals.OF_TOKENS)
    return (yield from _move(signed.account, to, asset, amount, refusals.OF_TOKENS))


def send_asset(dialect: Dialect, action: Body, signed: Signed) -> Work:
    amount, asset = micro_of(action.get("amount")), token_of(dialect, action.get("token"))
    if any(action.get(name) not in ("", "spot") for name in ("sourceDex", "destinationDex")):
        raise Failed(OTHER_DEX)
    source = action.get("fromSubAccount", "")
    account = signed.account if source == "" else own_sub_account(dialect, signed, source)
    to = receiver(dialect, action.get("destination"), account, asset, amount, refusals.OF_TOKENS)
    if to == account:
        return _keep(dialect, account, asset, amount, refusals.TOKEN_TRANSFER)
    return (yield from _move(account, to, asset, amount, refusals.OF_TOKENS))


def usd_class_transfer(dialect: Dialect, action: Body, signed: Signed) -> Work:
    """Between perpetuals and spot, which share a balance here: nothing moves."""
    flag_of(action.get("toPerp"))
    given, account = action.get("amount"), signed.account
    of_sub = OF_SUB_ACCOUNT.fullmatch(given) if isinstance(given, str) else None
    if of_sub is not None:
        given, account = of_sub[1], own_sub_account(dialect, signed, of_sub[2])
    return _keep(dialect, account, 0, micro_of(given), refusals.WITHDRAWAL)
    yield []


def _keep(dialect: Dialect, account: int, asset: int, amount: int, text: str) -> Body:
    """What moves within one balance has to be there all the same."""
    if amount > dialect.free_margin(account, asset):
        raise Failed(text)
    return default()


def withdraw(dialect: Dialect, action: Body, signed: Signed) -> Work:
    address_of(action.get("destination"))
    came = yield row_of(Withdraw.KIND, signed.account, 0, micro_of(action.get("amount")))
    reason = came.reason(0)
    if reason:
        raise Failed(refusals.sentence(reason, refusals.OF_TRANSFERS))
    return default()


# -- sub-accounts ------------------------------------------------------------------------------------------------------------------


def create_sub_account(dialect: Dialect, action: Body, signed: Signed) -> Work:
    name, host = action.get("name"), dialect.host
    if not isinstance(name, str):
        raise Unreadable(MISSHAPEN)
    if not 0 < len(name) <= MOST_NAME or not name.isprintable():
        raise Failed(f"Invalid sub-account name: 1 to {MOST_NAME} characters.")
    if any(name == other for other, _ in dialect.people.sub_accounts(signed.address)):
        raise Failed(refusals.NAME_TAKEN)
    owner = host.people.owner_of.get(signed.account)
    if owner is not None:
        host.refuse_too_many_accounts(owner)
    came = yield row_of(OpenSubAccount.KIND, signed.account)
    reason = came.reason(0)
    if reason:
        raise Failed(refusals.sentence(reason, refusals.OF_SUB_ACCOUNTS))
    account = came.order_id(0)
    dialect.people.name_sub_account(account, name)
    return {"status": "ok", "response": {"type": "createSubAccount", "data": dialect.people.address(account)}}


def sub_account_transfer(dialect: Dialect, action: Body, signed: Signed) -> Work:
    amount = action.get("usd")
    if type(amount) is not int:
        raise Unreadable(MISSHAPEN)
    return (yield from _to_or_from(dialect, action, signed, 0, _bounded(amount)))


def sub_account_spot_transfer(dialect: Dialect, action: Body, signed: Signed) -> Work:
    amount, asset = micro_of(action.get("amount")), token_of(dialect, action.get("token"))
    return (yield from _to_or_from(dialect, action, signed, asset, amount))


def _to_or_from(dialect: Dialect, action: Body, signed: Signed, asset: int, amount: int) -> Work:
    sub, is_deposit = own_sub_account(dialect, signed, action.get("subAccountUser")), flag_of(action.get("isDeposit"))
    account, to = (signed.account, sub) if is_deposit else (sub, signed.account)
    return (yield from _move(account, to, asset, amount, refusals.OF_TRANSFERS))


def approve_agent(dialect: Dialect, action: Body, signed: Signed) -> Work:
    name = action.get("agentName")
    if name is not None and not isinstance(name, str):
        raise Unreadable(MISSHAPEN)
    dialect.people.approve(signed.address, address_of(action.get("agentAddress")), name or "")
    return default()
    yield []
