"""/exchange: every action that this dialect has an answer to, and how it is carried out. Who sends it has been found out before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from . import actions, grouping, modifying, money
from .dialect import Dialect
from .errors import Failed, Unreadable
from .money import Signed
from .placing import MISSHAPEN, failed, guarded
from .registry import Registry
from .settling import Body, Pending, Work

EXCHANGE: Final = Registry("Actions: POST /exchange")
UNSUPPORTED: Final = "unsupported in sandbox: "
TOLD_AS: Final = {"order": "order", "batchModify": "order", "cancel": "cancel", "cancelByCloid": "cancel"}  # what has statuses
Act = Callable[[Dialect, Body, Signed], Work]


def carry_out(dialect: Dialect, action: Body, signed: Signed | None) -> Body | Pending:
    """The reply to an action of who has signed it, or where the venue lets commands wait a `Pending` that will have it. `signed`: None, of
    an action that is refused whoever has. Raises Unreadable for what is no action."""
    entry = EXCHANGE.get(action.get("type"))
    if entry is None:
        raise Unreadable(MISSHAPEN)
    if entry.cover == "refused":
        return failed(f"{UNSUPPORTED}{entry.note}")
    assert signed is not None
    call: Act = entry.call
    return dialect.settling.run(guarded(call(dialect, action, signed), TOLD_AS.get(entry.name, "")))


def _of_account(call: Callable[[Dialect, Body, int], Work]) -> Act:
    def act(dialect: Dialect, action: Body, signed: Signed) -> Work:
        return call(dialect, action, signed.account)

    return act


def _nothing(dialect: Dialect, action: Body, signed: Signed) -> Work:
    return actions.default()
    yield []


def _abstraction(dialect: Dialect, action: Body, signed: Signed) -> Work:
    """An account is what it is here: standard."""
    if action.get("abstraction", action.get("enabled")) not in ("disabled", "i", False):
        raise Failed(f"{UNSUPPORTED}accounts are standard ones here")
    return actions.default()
    yield []


def _refused(dialect: Dialect, action: Body, signed: Signed) -> Work:
    raise AssertionError("refused before it is carried out")


EXCHANGE.add("order", _of_account(grouping.place), "part", (
    "all kinds and groups are there; a builder's fee and priority cost nothing; how TP/SL differ is under Orders in docs/hyperliquid.md"
), 1)  # fmt: skip
EXCHANGE.add("cancel", _of_account(actions.cancel), weight=1)
EXCHANGE.add("cancelByCloid", _of_account(actions.cancel_by_cloid), weight=1)
EXCHANGE.add("modify", _of_account(modifying.modify), "part", (
    "new orders of any kind are taken, not only such as rest; what is kept when one is refused is under Orders in docs/hyperliquid.md"
), 1)  # fmt: skip
EXCHANGE.add("batchModify", _of_account(modifying.batch_modify), "part", "as modify; all cancels come before all new orders", 1)
EXCHANGE.add("scheduleCancel", _of_account(actions.schedule_cancel), "part", (
    "no volume has to be traded before, and it may fire as often as it is set; at most a day ahead; where the venue's clock is not that of "
    "the world, what is left until the time passes by the venue's; it ends TWAPs, too, which are told as `terminated` (what the live venue "
    "does with these is not known)"
), 1)  # fmt: skip
EXCHANGE.add("updateLeverage", _of_account(actions.update_leverage), "part", (
    "open orders of the asset are in the way of a switch between cross and isolated, too"
), 1)  # fmt: skip
EXCHANGE.add("updateIsolatedMargin", _of_account(actions.update_isolated_margin), weight=1)
EXCHANGE.add("twapOrder", _of_account(actions.twap_order), "part", (
    "suborders are not randomised; one that would be worth less than an order has to be is left to the next; longer ones than 3 days "
    "send theirs at longer intervals; one that waits for a price or stops at one (`details`) is refused"
), 1)  # fmt: skip
EXCHANGE.add("twapCancel", _of_account(actions.twap_cancel), weight=1)
EXCHANGE.add("usdSend", money.usd_send, weight=1)
EXCHANGE.add("spotSend", money.spot_send, "part", "no fee", 1)
EXCHANGE.add("sendAsset", money.send_asset, "part", "there is one dex, which shares its balance with spot", 1)
EXCHANGE.add("usdClassTransfer", money.usd_class_transfer, "part", "perpetuals and spot share a balance: nothing moves", 1)
EXCHANGE.add("withdraw3", money.withdraw, "part", "no fee, and as fast as the venue's design says", 1)
NOT_WALLETS: Final = "an API wallet is told that its user must sign, where the live venue looks for money of the wallet's own"
EXCHANGE.add("createSubAccount", money.create_sub_account, "part", f"no volume has to be traded before; {NOT_WALLETS}", 1)
EXCHANGE.add("subAccountTransfer", money.sub_account_transfer, "part", NOT_WALLETS, 1)
EXCHANGE.add("subAccountSpotTransfer", money.sub_account_spot_transfer, "part", NOT_WALLETS, 1)
EXCHANGE.add("approveAgent", money.approve_agent, weight=1)
EXCHANGE.add("approveBuilderFee", _nothing, "part", "accepted; no builder is ever paid", 1)
EXCHANGE.add("setReferrer", _nothing, "part", "accepted; nobody is referred", 1)
EXCHANGE.add("noop", _nothing, weight=1)
EXCHANGE.add("reserveRequestWeight", _nothing, "part", "accepted, and costs nothing", 1)
for _name in ("userSetAbstraction", "agentSetAbstraction", "userDexAbstraction"):
    EXCHANGE.add(_name, _abstraction, "part", "accounts are standard ones, and may be told to be that", 1)
for _name, _why in {
    "vaultTransfer": "nobody leads vaults here; the venue's own takes no deposits through this API",
    "createVault": "nobody leads vaults here", "vaultModify": "nobody leads vaults here", "vaultDistribute": "nobody leads vaults here",
    "topUpIsolatedOnlyMargin": "no market is isolated only", "agentEnableDexAbstraction": "accounts are standard ones here",
    "subAccountModify": "the name of a sub-account stays", "convertToMultiSigUser": "an account has one key",
    "multiSig": "an account has one key", "tokenDelegate": "there is no staking", "cDeposit": "there is no staking",
    "cWithdraw": "there is no staking", "linkStakingUser": "there is no staking", "claimRewards": "there are no rewards",
    "registerReferrer": "nobody is referred", "setDisplayName": "users are told of by their addresses",
    "spotUser": "dust is not converted", "spotDeploy": "markets are the design's", "perpDeploy": "markets are the design's",
    "CSignerAction": "there are no validators", "CValidatorAction": "there are no validators",
    "validatorL1Stream": "there are no validators", "evmUserModify": "there is no EVM", "sendToEvmWithData": "there is no EVM",
    "gossipPriorityBid": "there are no nodes", "borrowLend": "nobody lends", "userOutcome": "there are no outcome markets",
    "hip3LiquidatorTransfer": "there is one dex", "agentSendAsset": "agents move no money",
    "authorizeAqav2Role": "there are no quote assets of one's own",
}.items():  # fmt: skip
    EXCHANGE.add(_name, _refused, "refused", _why, 1)
