"""Actions of this dialect: POST /exchange. What each is here; docs/hyperliquid.md says where that differs from the live venue."""

from __future__ import annotations

from typing import Any, Final

from . import moving, trading
from .dialect import Dialect
from .errors import Failed
from .identity import Signed
from .registry import Registry
from .trading import Then, done

Json = dict[str, Any]
EXCHANGE: Final = Registry("Actions: POST /exchange")
COUNTED: Final = ("orders", "cancels", "modifies")  # lists whose items are actions of their own


def carry_out(dialect: Dialect, action: Json, signed: Signed, then: Then) -> None:
    """`then` is told the reply, at once or when commands that wait have had their turn. Raises Failed, Unreadable or Refusal."""
    entry = EXCHANGE.get(action.get("type"))
    assert entry is not None, "who carries out has looked"
    entry.call(dialect, action, signed, then)


def count_of(action: Json) -> int:
    """How many actions it counts as."""
    return max(1, *(len(action[name]) for name in COUNTED if isinstance(action.get(name), list)), 1)


def nothing(dialect: Dialect, action: Json, signed: Signed, then: Then) -> None:
    done(0, then)


def unsupported(dialect: Dialect, action: Json, signed: Signed, then: Then) -> None:
    kind = str(action["type"])
    entry = EXCHANGE.get(kind)
    raise Failed(f"Unsupported in sandbox: {kind}, since {entry.note if entry is not None else ''}.")


EXCHANGE.add(
    "order", trading.order, "part",
    "Builders are paid nothing. `normalTpsl`: take-profit and stop are market orders, as far as the entry has filled, and have no "
    "client id. At most 1,000 orders; open orders, the largest order and the price band are the design's",
)  # fmt: skip
EXCHANGE.add("cancel", trading.cancel)
EXCHANGE.add("cancelByCloid", trading.cancel_by_cloid)
EXCHANGE.add("modify", trading.modify)
EXCHANGE.add("batchModify", trading.batch_modify)
EXCHANGE.add("scheduleCancel", trading.schedule_cancel, "part", "no volume is required, and it may fire as often as it is set")
EXCHANGE.add("twapOrder", trading.twap, "part", "slices are not randomised; 5 to 5,000 minutes")
EXCHANGE.add("twapCancel", trading.twap_cancel)
EXCHANGE.add("updateLeverage", moving.update_leverage)
EXCHANGE.add("updateIsolatedMargin", moving.isolated_margin)
EXCHANGE.add("usdSend", moving.usd_send, "part", "within the venue; an address that is not known becomes known, if there is a faucet")
EXCHANGE.add("spotSend", moving.spot_send, "part", "within the venue")
EXCHANGE.add("sendAsset", moving.send_asset, "part", "there is one balance of each token, and one perpetual exchange")
EXCHANGE.add("usdClassTransfer", moving.class_transfer, "part", "one balance serves perpetuals and spot: it is checked, and nothing moves")
EXCHANGE.add("withdraw3", moving.withdraw, "part", "the money leaves the venue, without a fee; the destination is not looked at")
EXCHANGE.add("createSubAccount", moving.create_sub_account, "part", "no volume is required; the design says how many")
EXCHANGE.add("subAccountTransfer", moving.sub_account_transfer)
EXCHANGE.add("subAccountSpotTransfer", moving.sub_account_spot_transfer)
EXCHANGE.add("approveAgent", moving.approve_agent)
for name, note in (
    ("approveBuilderFee", "accepted: builders are paid nothing"), ("setReferrer", "accepted: nobody refers anybody"),
    ("reserveRequestWeight", "accepted, without effect"), ("userSetAbstraction", "accepted, without effect"),
    ("userDexAbstraction", "accepted, without effect"), ("agentSetAbstraction", "accepted, without effect"),
    ("agentEnableDexAbstraction", "accepted, without effect"),
):  # fmt: skip
    EXCHANGE.add(name, nothing, "part", note)
EXCHANGE.add("noop", nothing)
for name, note in (
    ("vaultTransfer", "vaults have no depositors here"), ("createVault", "vaults have no depositors here"),
    ("tokenDelegate", "nothing is staked here"), ("convertToMultiSigUser", "there are no multi-signature users"),
    ("multiSig", "there are no multi-signature users"), ("spotDeploy", "markets are those of the design"),
    ("perpDeploy", "markets are those of the design"), ("evmUserModify", "there is no EVM"), ("CSignerAction", "there are no validators"),
    ("CValidatorAction", "there are no validators"), ("gossipPriorityBid", "there are no validators"),
):  # fmt: skip
    EXCHANGE.add(name, unsupported, "refused", note)
