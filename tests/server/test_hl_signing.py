"""Signatures of Hyperliquid's clients: the same hashes as the SDK's, who has signed, and what is wrong with one that leads to nobody."""

from __future__ import annotations

from typing import Any

import pytest
from eth_account import Account  # type: ignore[import-untyped]
from hyperliquid.utils import signing as sdk  # type: ignore[import-untyped]

from perplab.exchange.server.hyperliquid import signing as s
from perplab.exchange.server.hyperliquid.diagnosis import why
from perplab.exchange.server.hyperliquid.errors import Failed
from perplab.exchange.server.hyperliquid.nonces import Nonces

WALLET = Account.from_key("0x0123456789012345678901234567890123456789012345678901234567890123")
ME = WALLET.address.lower()
NOW = 1_800_000_000_000
VAULT = "0x1719884eb866cb12b2287399b15f7db5e7d775ea"
ORDER: dict[str, Any] = {
    "type": "order", "orders": [{"a": 1, "b": True, "p": "1800", "s": "0.02", "r": False, "t": {"limit": {"tif": "Gtc"}}}], "grouping": "na"
}  # fmt: skip
L1: list[dict[str, Any]] = [
    ORDER,
    {"type": "order", "orders": [{**ORDER["orders"][0], "c": "0x" + "1" * 32}], "grouping": "normalTpsl", "builder": {"b": VAULT, "f": 10}},
    {"type": "cancel", "cancels": [{"a": 0, "o": 1}, {"a": 1, "o": 2**53}]},
    {"type": "scheduleCancel"},
    {"type": "updateIsolatedMargin", "asset": 3, "isBuy": True, "ntli": -1_000_000},
    {"type": "batchModify", "modifies": [{"oid": 5, "order": ORDER["orders"][0]}]},
]


def sent(signature: dict[str, Any]) -> s.Signature:
    return s.signature_of(signature)


# -- hashes --


def test_the_hash_that_is_published() -> None:
    """Third-party notes on the wire, 2026-08-19."""
    action = {**ORDER, "orders": [{**ORDER["orders"][0], "s": "0.02"}]}
    wanted = sdk.action_hash(action, None, 1_690_393_044_548, None)
    assert s.l1_hash(action, 1_690_393_044_548, None, None) == wanted


@pytest.mark.parametrize("action", L1, ids=lambda one: one["type"])
@pytest.mark.parametrize("is_mainnet", [True, False])
@pytest.mark.parametrize(("vault", "expires"), [(None, None), (VAULT, None), (None, NOW), (VAULT, NOW)])
def test_l1_actions(action: dict[str, Any], is_mainnet: bool, vault: str | None, expires: int | None) -> None:
    signature = sdk.sign_l1_action(WALLET, action, vault, NOW, expires, is_mainnet)
    digest = s.l1_digest(s.l1_hash(action, NOW, vault, expires), "a" if is_mainnet else "b")
    assert s.recovered(digest, sent(signature)) == ME


USER_SIGNED: list[tuple[Any, dict[str, Any]]] = [
    (sdk.sign_usd_transfer_action, {"type": "usdSend", "destination": VAULT, "amount": "1.5", "time": NOW}),
    (sdk.sign_spot_transfer_action, {"type": "spotSend", "destination": VAULT, "token": "PURR:0xc4bf", "amount": "1", "time": NOW}),
    (sdk.sign_withdraw_from_bridge_action, {"type": "withdraw3", "destination": VAULT, "amount": "1", "time": NOW}),
    (sdk.sign_usd_class_transfer_action, {"type": "usdClassTransfer", "amount": f"1.5 subaccount:{VAULT}", "toPerp": True, "nonce": NOW}),
    (sdk.sign_send_asset_action, {
        "type": "sendAsset", "destination": VAULT, "sourceDex": "", "destinationDex": "spot", "token": "USDC", "amount": "1",
        "fromSubAccount": "", "nonce": NOW,
    }),
    (sdk.sign_agent, {"type": "approveAgent", "agentAddress": WALLET.address, "agentName": "", "nonce": NOW}),
    (sdk.sign_approve_builder_fee, {"type": "approveBuilderFee", "maxFeeRate": "0.001%", "builder": VAULT, "nonce": NOW}),
    (sdk.sign_user_dex_abstraction_action, {"type": "userDexAbstraction", "user": ME, "enabled": True, "nonce": NOW}),
    (sdk.sign_user_set_abstraction_action, {"type": "userSetAbstraction", "user": ME, "abstraction": "disabled", "nonce": NOW}),
    (sdk.sign_token_delegate_action, {"type": "tokenDelegate", "validator": VAULT, "wei": 5, "isUndelegate": False, "nonce": NOW}),
    (sdk.sign_convert_to_multi_sig_user_action, {"type": "convertToMultiSigUser", "signers": "{}", "nonce": NOW}),
]  # fmt: skip


@pytest.mark.parametrize(("sign", "action"), USER_SIGNED, ids=[action["type"] for _, action in USER_SIGNED])
@pytest.mark.parametrize("is_mainnet", [True, False])
def test_user_signed_actions(sign: Any, action: dict[str, Any], is_mainnet: bool) -> None:
    made = dict(action)
    signature = sign(WALLET, made, is_mainnet)  # which adds the chain to it
    if made.get("agentName") == "":
        del made["agentName"]  # as the SDK does before it sends it
    assert s.recovered(s.user_digest(made), sent(signature)) == ME
    assert set(s.FIELDS) == {one["type"] for _, one in USER_SIGNED}


# -- the form of signatures and addresses --


def test_short_numbers_and_both_kinds_of_v() -> None:
    """r and s come without leading zeros from some clients."""
    for nonce in range(NOW, NOW + 600):
        signature = sdk.sign_l1_action(WALLET, ORDER, None, nonce, None, False)
        if len(signature["r"]) < 66:
            break
    else:
        pytest.fail("one r of 256 begins with a zero")
    digest = s.l1_digest(s.l1_hash(ORDER, nonce, None, None), s.TESTNET)
    for v in (signature["v"], signature["v"] - 27):
        assert s.recovered(digest, sent({**signature, "v": v})) == ME


@pytest.mark.parametrize("given", [
    None, [], {}, {"r": "0x1", "s": "0x1"}, {"r": "1", "s": "0x1", "v": 27}, {"r": "0x", "s": "0x1", "v": 27},
    {"r": "0x1", "s": "0x" + "f" * 65, "v": 27}, {"r": "0x1", "s": "0x1", "v": 29}, {"r": "0x1", "s": "0x1", "v": True},
    {"r": 1, "s": 1, "v": 27}, {"r": "0x-1", "s": "0x1", "v": 27},
])  # fmt: skip
def test_what_is_no_signature(given: object) -> None:
    with pytest.raises(s.Bad):
        s.signature_of(given)


def test_numbers_that_are_no_signature_of_anything() -> None:
    with pytest.raises(s.Bad, match="no signature of anything"):
        s.recovered(bytes(32), s.signature_of({"r": "0x0", "s": "0x0", "v": 27}))


def test_addresses_as_they_are_written() -> None:
    assert s.address_of(VAULT[2:].upper()) == s.address_of("0X" + VAULT[2:]) == VAULT
    for wrong in (None, 1, "", "0x", VAULT[:-1], VAULT + "0", VAULT[:-1] + "g"):
        with pytest.raises(s.Bad, match="is no address"):
            s.address_of(wrong)


def test_actions_that_cannot_be_hashed() -> None:
    for action, nonce in (({"type": "order", "x": 2**70}, NOW), (ORDER, 2**70)):
        with pytest.raises(s.Bad, match="cannot be hashed"):
            s.l1_hash(action, nonce, None, None)
    right = {
        "type": "usdSend",
        "hyperliquidChain": "Testnet",
        "signatureChainId": "0x66eee",
        "destination": VAULT,
        "amount": "1",
        "time": 1,
    }
    for wrong in ({"time": "1"}, {"amount": 1}, {"signatureChainId": "0xzz"}, {"signatureChainId": 1}):
        with pytest.raises(s.Bad):
            s.user_digest({**right, **wrong})


# -- why a signature leads to nobody --


def told(action: dict[str, Any], signature: dict[str, Any], vault: str | None = None, expires: int | None = None, nonce: int = NOW) -> str:
    return why(action, nonce, vault, expires, sent(signature), lambda address: address == ME)


def test_each_cause_is_found() -> None:
    def signed(action: Any = ORDER, vault: str | None = None, nonce: int = NOW, expires: int | None = None) -> dict[str, Any]:
        made: dict[str, Any] = sdk.sign_l1_action(WALLET, action, vault, nonce, expires, False)
        return made

    def with_order(**fields: Any) -> dict[str, Any]:
        return {**ORDER, "orders": [{**ORDER["orders"][0], **fields}]}

    assert told(ORDER, signed(), vault=VAULT).startswith("it was signed without the vaultAddress")
    assert told(ORDER, signed(), expires=NOW).startswith("it was signed without the expiresAfter")
    assert told(ORDER, signed(nonce=NOW // 1_000)).startswith("the signed nonce is in seconds")
    assert told(with_order(p="1800.0"), signed()).startswith("the signed numbers have no trailing zeros")
    assert told(ORDER, signed(with_order(p="1800.0"))).startswith("the signed numbers are written as 1800.0")
    assert told(ORDER, signed(with_order(p=1800.0, s=0.02))).startswith("the signed numbers are floats")
    assert told(dict(reversed(ORDER.items())), signed()).startswith("the keys were signed in the SDK's order")
    in_order = {"grouping": "na", "orders": [dict(sorted(ORDER["orders"][0].items()))], "type": "order"}
    assert told(ORDER, signed(in_order)).startswith("the keys were signed in alphabetical order")
    assert told({**ORDER, "builder": None}, signed()).startswith("it was signed without fields that were sent as null")
    assert ME in told(ORDER, signed(), vault=VAULT)


def test_the_causes_of_user_signed_actions() -> None:
    def signed(is_mainnet: bool = False, **fields: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        action = {"type": "usdSend", "destination": VAULT, "amount": "1", "time": NOW, **fields}
        return action, sdk.sign_usd_transfer_action(WALLET, action, is_mainnet)

    action, signature = signed(is_mainnet=True)
    assert told({**action, "hyperliquidChain": "Testnet"}, signature).startswith("the signed hyperliquidChain is 'Mainnet'")
    action, signature = signed()
    assert told({**action, "signatureChainId": "0xa4b1"}, signature).startswith("the signed chain id is 421614")
    assert told({**action, "amount": "1.0"}, signature).startswith("the signed amount has no trailing zeros")
    mixed = {**action, "destination": "0x" + VAULT[2:].upper()}
    assert told(mixed, signature).startswith("the signed destination is in lower case")


def test_where_no_cause_fits_both_addresses_and_what_was_expected_are_told() -> None:
    other = Account.from_key("0x" + "5" * 64)
    text = told(ORDER, sdk.sign_l1_action(other, ORDER, None, NOW, None, False))
    assert other.address.lower() in text and "clearinghouseState" in text
    assert "keys {type, orders: [{a, b, p, s, r, t: {limit: {tif}}}], grouping}" in text
    assert f"0x{sdk.action_hash(ORDER, None, NOW, None).hex()}" in text and len(text) < 1_200


# -- nonces --


def test_a_nonce_is_used_once_and_within_its_time() -> None:
    nonces = Nonces()
    nonces.use(ME, NOW, NOW)
    with pytest.raises(Failed, match=f"Invalid nonce: duplicate nonce {NOW}"):
        nonces.use(ME, NOW, NOW)
    nonces.use(VAULT, NOW, NOW)
    for wrong in (NOW - 2 * 86_400_000, NOW + 86_400_000, 5):
        with pytest.raises(Failed, match="is not a time in ms"):
            nonces.use(ME, wrong, NOW)


def test_the_hundred_highest_are_kept() -> None:
    nonces = Nonces()
    for number in range(100):
        nonces.use(ME, NOW + 10 * number, NOW)
    nonces.use(ME, NOW + 5, NOW)  # late, and above the smallest, which goes
    with pytest.raises(Failed, match="the smallest of the last 100"):
        nonces.use(ME, NOW + 1, NOW)
    with pytest.raises(Failed, match="duplicate"):
        nonces.use(ME, NOW + 990, NOW)


def test_a_server_that_goes_on_takes_none_from_before_its_start() -> None:
    nonces = Nonces(NOW)
    with pytest.raises(Failed, match="before this server's start"):
        nonces.use(ME, NOW - 1, NOW + 1)
    nonces.use(ME, NOW, NOW + 1)
