"""Signatures of Hyperliquid's clients: the same hashes as the SDK's, who has signed, and what is wrong with one that leads to nobody."""

from __future__ import annotations

import json
from typing import Any

import msgpack  # type: ignore[import-untyped]
import pytest
from eth_account import Account  # type: ignore[import-untyped]
from eth_account.messages import encode_defunct
from hyperliquid.utils import signing as sdk  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from perplab.exchange.server.hyperliquid import signing as s
from perplab.exchange.server.hyperliquid.canonical import ANY_ORDER, canonical
from perplab.exchange.server.hyperliquid.canonical import FORMS as CANONICAL
from perplab.exchange.server.hyperliquid.diagnosis import why
from perplab.exchange.server.hyperliquid.errors import Failed
from perplab.exchange.server.hyperliquid.exchange import EXCHANGE
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
    """Third-party notes on the wire, 2026-08-19; by the SDK and by a client in Rust, with a key and a signature of its own."""
    connection_id = s.l1_hash(ORDER, 1_690_393_044_548, None, None)
    assert connection_id.hex() == "b8ed9e5a4ea7b2aebdb09fd794221c2599487f6dc8d3bf8f38656ab295f36120"
    signature = sent({
        "r": "0x380b70e9e76181609c7d9f2ece74cf7717a0254f9d751137ffaedff685e81cc7",
        "s": "0x27c1e43069db58d728e996b91112aff57a24f3d9221635adc053f20aa4283ad8", "v": 27,
    })  # fmt: skip
    assert s.recovered(s.l1_digest(connection_id, s.MAINNET), signature) == "0xcd49bbac6e85fdeb167eb7ca41a945d2b8758f6f"


def test_the_hash_of_an_order_of_production() -> None:
    """The SDK's tests/signing_test.py, from here on to the end of this section; its key is WALLET's."""
    order = {"a": 4, "b": True, "p": "1670.1", "s": "0.0147", "r": False, "t": {"limit": {"tif": "Ioc"}}}
    action = {"type": "order", "orders": [order], "grouping": "na"}
    connection_id = s.l1_hash(action, 1_677_777_606_040, None, None)
    assert connection_id.hex() == "0fcbeda5ae3c4950a548021552a4fea2226858c4453571bf3f24ba017eac2908"


DUMMY = {"type": "dummy", "num": 100_000_000_000}
HUNDRED: dict[str, Any] = {"a": 1, "b": True, "p": "100", "s": "100", "r": False, "t": {"limit": {"tif": "Gtc"}}}
STOP = {"trigger": {"isMarket": True, "triggerPx": "103", "tpsl": "sl"}}
PUBLISHED: list[tuple[dict[str, Any], str | None, str, str, str, int]] = [  # action, vault, source, r, s, v; the nonce is 0
    (DUMMY, None, "a", "53749d5b30552aeb2fca34b530185976545bb22d0b3ce6f62e31be961a59298",
     "755c40ba9bf05223521753995abb2f73ab3229be8ec921f350cb447e384d8ed8", 27),
    (DUMMY, None, "b", "542af61ef1f429707e3c76c5293c80d01f74ef853e34b76efffcb57e574f9510",
     "17b8b32f086e8cdede991f1e2c529f5dd5297cbe8128500e00cbaf766204a613", 28),
    ({**ORDER, "orders": [HUNDRED]}, None, "a", "d65369825a9df5d80099e513cce430311d7d26ddf477f5b3a33d2806b100d78e",
     "2b54116ff64054968aa237c20ca9ff68000f977c93289157748a3162b6ea940e", 28),
    ({**ORDER, "orders": [HUNDRED]}, None, "b", "82b2ba28e76b3d761093aaded1b1cdad4960b3af30212b343fb2e6cdfa4e3d54",
     "6b53878fc99d26047f4d7e8c90eb98955a109f44209163f52d8dc4278cbbd9f5", 27),
    ({**ORDER, "orders": [{**HUNDRED, "c": "0x" + "0" * 31 + "1"}]}, None, "a",
     "41ae18e8239a56cacbc5dad94d45d0b747e5da11ad564077fcac71277a946e3",
     "3c61f667e747404fe7eea8f90ab0e76cc12ce60270438b2058324681a00116da", 27),
    ({**ORDER, "orders": [{**HUNDRED, "c": "0x" + "0" * 31 + "1"}]}, None, "b",
     "eba0664bed2676fc4e5a743bf89e5c7501aa6d870bdb9446e122c9466c5cd16d",
     "7f3e74825c9114bc59086f1eebea2928c190fdfbfde144827cb02b85bbe90988", 28),
    ({**ORDER, "orders": [{**HUNDRED, "t": STOP}]}, None, "a", "98343f2b5ae8e26bb2587daad3863bc70d8792b09af1841b6fdd530a2065a3f9",
     "6b5bb6bb0633b710aa22b721dd9dee6d083646a5f8e581a20b545be6c1feb405", 27),
    ({**ORDER, "orders": [{**HUNDRED, "t": STOP}]}, None, "b", "971c554d917c44e0e1b6cc45d8f9404f32172a9d3b3566262347d0302896a2e4",
     "206257b104788f80450f8e786c329daa589aa0b32ba96948201ae556d5637eac", 28),
    (DUMMY, VAULT, "a", "3c548db75e479f8012acf3000ca3a6b05606bc2ec0c29c50c515066a326239",
     "4d402be7396ce74fbba3795769cda45aec00dc3125a984f2a9f23177b190da2c", 28),
    (DUMMY, VAULT, "b", "e281d2fb5c6e25ca01601f878e4d69c965bb598b88fac58e475dd1f5e56c362b",
     "7ddad27e9a238d045c035bc606349d075d5c5cd00a6cd1da23ab5c39d4ef0f60", 27),
    ({"type": "createSubAccount", "name": "example"}, None, "a", "51096fe3239421d16b671e192f574ae24ae14329099b6db28e479b86cdd6caa7",
     "b71f7d293af92d3772572afb8b102d167a7cef7473388286bc01f52a5c5b423", 27),
    ({"type": "subAccountTransfer", "subAccountUser": "0x1d9470d4b963f552e6f671a81619d395877bf409", "isDeposit": True, "usd": 10}, None,
     "b", "e26574013395ad55ee2f4e0575310f003c5bb3351b5425482e2969fa51543927",
     "efb08999196366871f919fd0e138b3a7f30ee33e678df7cfaf203e25f0a4278", 28),
    ({"type": "scheduleCancel"}, None, "a", "6cdfb286702f5917e76cd9b3b8bf678fcc49aec194c02a73e6d4f16891195df9",
     "6557ac307fa05d25b8d61f21fb8a938e703b3d9bf575f6717ba21ec61261b2a0", 27),
    ({"type": "scheduleCancel", "time": 123_456_789}, None, "b", "4e4f2dbd4107c69783e251b7e1057d9f2b9d11cee213441ccfa2be63516dc5bc",
     "706c656b23428c8ba356d68db207e11139ede1670481a9e01ae2dfcdb0e1a678", 27),
]  # fmt: skip


@pytest.mark.parametrize(("action", "vault", "source", "r", "s_", "v"), PUBLISHED)
def test_signatures_of_l1_actions_that_are_published(
    action: dict[str, Any], vault: str | None, source: str, r: str, s_: str, v: int
) -> None:
    """Some of them without a leading zero."""
    digest = s.l1_digest(s.l1_hash(action, 0, vault, None), source)
    assert s.recovered(digest, sent({"r": f"0x{r}", "s": f"0x{s_}", "v": v})) == ME


@pytest.mark.parametrize(("kind", "r", "s_", "v"), [
    ("usdSend", "637b37dd731507cdd24f46532ca8ba6eec616952c56218baeff04144e4a77073",
     "11a6a24900e6e314136d2592e2f8d502cd89b7c15b198e1bee043c9589f9fad7", 27),
    ("withdraw3", "8363524c799e90ce9bc41022f7c39b4e9bdba786e5f9c72b20e43e1462c37cf9",
     "58b1411a775938b83e29182e8ef74975f9054c8e97ebf5ec2dc8d51bfc893881", 28),
])  # fmt: skip
def test_signatures_of_moves_of_money_that_are_published(kind: str, r: str, s_: str, v: int) -> None:
    action = {
        "type": kind, "signatureChainId": "0x66eee", "hyperliquidChain": "Testnet",
        "destination": "0x5e9ee1089755c3435139848e47e6635505d5a13a", "amount": "1", "time": 1_687_816_341_423,
    }  # fmt: skip
    assert s.recovered(s.user_digest(action), sent({"r": f"0x{r}", "s": f"0x{s_}", "v": v})) == ME


# -- whatever the SDK signs --


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


@pytest.mark.parametrize("wrong", [
    None, [], {}, {"r": "0x1", "s": "0x1"}, {"r": "1", "s": "0x1", "v": 27}, {"r": "0x", "s": "0x1", "v": 27},
    {"r": "0x1", "s": "0x" + "f" * 65, "v": 27}, {"r": "0x1", "s": "0x1", "v": 29}, {"r": "0x1", "s": "0x1", "v": True},
    {"r": 1, "s": 1, "v": 27}, {"r": "0x-1", "s": "0x1", "v": 27}, {"r": "0x1_1", "s": "0x1", "v": 27}, {"r": "0x 1", "s": "0x1", "v": 27},
])  # fmt: skip
def test_what_is_no_signature(wrong: object) -> None:
    with pytest.raises(s.Bad):
        s.signature_of(wrong)


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
    text = why(action, nonce, vault, expires, sent(signature), lambda address: "who is meant" if address == ME else "")
    return text.removeprefix("Likely cause: ")


def signed(
    action: Any = ORDER, vault: str | None = None, nonce: int = NOW, expires: int | None = None, main: bool = False
) -> dict[str, Any]:
    made: dict[str, Any] = sdk.sign_l1_action(WALLET, action, vault, nonce, expires, main)
    return made


def with_order(**fields: Any) -> dict[str, Any]:
    return {**ORDER, "orders": [{**ORDER["orders"][0], **fields}]}


def built(builder: str) -> dict[str, Any]:
    return {**ORDER, "builder": {"b": builder, "f": 1}}


IN_ALPHABETICAL_ORDER = {"grouping": "na", "orders": [dict(sorted(ORDER["orders"][0].items()))], "type": "order"}
UPPER = "0x" + VAULT[2:].upper()
CANCEL = {"type": "cancel", "cancels": [{"a": 0, "o": 2**40}]}
FLAGGED = {**CANCEL, "f": False}
STOPPED = with_order(t={"trigger": {"isMarket": True, "triggerPx": "1700", "tpsl": "sl"}})
OTHER_STOP = with_order(t={"trigger": {"tpsl": "sl", "triggerPx": "1700.0", "isMarket": True}})
MODIFY = {"type": "modify", "oid": "0x" + "a" * 32, "order": ORDER["orders"][0]}
AS_SENT = "it was signed as it was sent, and the venue hashes a form of its own: "
FORMS: list[tuple[str, Any, Any]] = [  # what was sent, in what it is not what the venue hashes, and that
    ("p was '1800.0' and not '1800'", with_order(p="1800.0"), ORDER),
    ("p was '45000.00' and not '45000'; s was '0.50' and not '0.5'", with_order(p="45000.00", s="0.50"),
     with_order(p="45000", s="0.5")),
    ("s was '0.0' and not '0'", with_order(s="0.0"), with_order(s="0")),
    ("p was '01800' and not '1800'", with_order(p="01800"), ORDER),
    ("the keys type, orders, grouping came in the order grouping, orders, type", dict(reversed(ORDER.items())), ORDER),
    ("the keys type, orders, grouping came in the order grouping, orders, type; "
     "the keys a, b, p, s, r, t came in the order a, b, p, r, s, t", IN_ALPHABETICAL_ORDER, ORDER),
    ("the keys isMarket, triggerPx, tpsl came in the order tpsl, triggerPx, isMarket; triggerPx was '1700.0' and not '1700'",
     OTHER_STOP, STOPPED),
    ("builder was null and not left out", {**ORDER, "builder": None}, ORDER),
    ("c was null and not left out", with_order(c=None), ORDER),
    ("f was false and not left out", FLAGGED, CANCEL),
    ("there was a key 'priority', which it does not know", {**ORDER, "priority": 1}, ORDER),
    (f"c was '0x{'A' * 32}' and not '0x{'a' * 32}'", with_order(c="0x" + "A" * 32), with_order(c="0x" + "a" * 32)),
    (f"c was '{'a' * 32}' and not '0x{'a' * 32}'", with_order(c="a" * 32), with_order(c="0x" + "a" * 32)),
    (f"b was '{UPPER}' and not '{VAULT}'", built(UPPER), built(VAULT)),
    (f"oid was '0x{'A' * 32}' and not '0x{'a' * 32}'", {**MODIFY, "oid": "0x" + "A" * 32}, MODIFY),
    (f"cloid was '0X{'1' * 32}' and not '0x{'1' * 32}'", {"type": "cancelByCloid", "cancels": [{"asset": 0, "cloid": "0X" + "1" * 32}]},
     {"type": "cancelByCloid", "cancels": [{"asset": 0, "cloid": "0x" + "1" * 32}]}),
    (f"subAccountUser was '{UPPER}' and not '{VAULT}'",
     {"type": "subAccountTransfer", "subAccountUser": UPPER, "isDeposit": True, "usd": 1},
     {"type": "subAccountTransfer", "subAccountUser": VAULT, "isDeposit": True, "usd": 1}),
    ("time was null and not left out", {"type": "scheduleCancel", "time": None}, {"type": "scheduleCancel"}),
    ("s was '5.0' and not '5'", {"type": "twapOrder", "twap": {"a": 0, "b": True, "s": "5.0", "r": False, "m": 5, "t": False}},
     {"type": "twapOrder", "twap": {"a": 0, "b": True, "s": "5", "r": False, "m": 5, "t": False}}),
]  # fmt: skip


@pytest.mark.parametrize(("how", "action", "form"), FORMS)
def test_what_is_hashed_is_the_venue_s_form_of_an_action(how: str, action: dict[str, Any], form: dict[str, Any]) -> None:
    """And not what was sent, which leads to somebody else there."""
    assert json.dumps(canonical(action)) == json.dumps(form) == json.dumps(canonical(form))
    assert told(action, signed(action)) == f"{AS_SENT}{how}. Read so, the signature is that of {ME}, who is meant."


def test_every_action_that_is_signed_by_its_hash_has_a_form() -> None:
    taken = {name for name, entry in EXCHANGE.entries.items() if entry.cover != "refused"}
    assert set(CANONICAL) == taken - set(s.FIELDS)


@pytest.mark.parametrize("action", [
    {"type": "order", "orders": 5}, {"type": "order", "orders": [5, None, []]}, {"type": "order", "orders": [{"t": 5, "p": 5.5, "c": 5}]},
    {"type": "cancel", "cancels": {}}, {"type": "modify", "oid": [], "order": "x"}, {"type": "other", "x": None},
    with_order(p="-1.0", s="1e5"), with_order(p=".5", s="1_000"), with_order(p="", s="0x10"),
])  # fmt: skip
def test_what_is_no_action_is_hashed_as_it_was_sent(action: dict[str, Any]) -> None:
    assert canonical(action) == action


VALUES = st.one_of(st.sampled_from([None, True, False, 0, 5, "5", "5.0", "05", "Gtc", "0x" + "A" * 32, "A" * 32, "x", []]), st.just(1.5))
INNER = st.dictionaries(st.sampled_from(["tif", "x"]), VALUES)
LIMITS = st.dictionaries(st.sampled_from(["limit", "trigger", "x"]), st.one_of(VALUES, INNER))


@given(st.one_of(VALUES, st.builds(
    lambda some, kind, order: {key: (some | {"t": kind}).get(key) for key in order},
    st.dictionaries(st.sampled_from("abprscx"), VALUES), st.one_of(st.just({"limit": {"tif": "Gtc"}}), LIMITS), st.permutations("abpsrtcx"),
), st.dictionaries(st.sampled_from("abpsrtcx"), VALUES)))  # fmt: skip
def test_the_short_way_for_orders_leads_where_the_long_one_does(order: Any) -> None:
    found = canonical({"type": "order", "orders": [order]})["orders"][0]
    assert json.dumps(found) == json.dumps(ANY_ORDER(order))


CAUSES: list[tuple[str, dict[str, Any], Any]] = [  # what is said, what was sent, and what was signed
    ("the signed numbers are texts of floats", ORDER, with_order(p="1800.0")),
    ("the signed numbers are texts of floats", with_order(p="0.00001"), with_order(p="1e-05")),
    ("numbers were signed, and the venue hashes texts: p, s.", ORDER, with_order(p=1800.0, s=0.02)),
    ("numbers were signed, and the venue hashes texts: p.", ORDER, with_order(p=1800.0)),
    ("numbers were signed, and the venue hashes texts: p.", ORDER, with_order(p=1800)),
    ("numbers were signed, and the venue hashes texts: s.", ORDER, with_order(s=0.02)),
    ("numbers were signed, and the venue hashes texts: p, s.", ORDER, with_order(p=1800, s=0.02)),
    ("numbers were signed, and the venue hashes texts: triggerPx.", STOPPED,
     with_order(t={"trigger": {"isMarket": True, "triggerPx": 1700, "tpsl": "sl"}})),
    ("numbers were signed, and the venue hashes texts: p, triggerPx.", STOPPED,
     with_order(p=1800, t={"trigger": {"isMarket": True, "triggerPx": 1700.0, "tpsl": "sl"}})),
    ("the keys were signed in alphabetical order", ORDER, IN_ALPHABETICAL_ORDER),
    ("each order was signed with c: null", ORDER, with_order(c=None)),
    ("it was signed with builder: null", ORDER, {**ORDER, "builder": None}),
    ("the signed addresses have the upper-case letters", built(ME), built(WALLET.address)),
    ("the signed addresses or cloids are in upper case", with_order(c="0x" + "a" * 32), with_order(c="0x" + "A" * 32)),
    ("numbers were signed, and the venue hashes texts: p, s.", dict(reversed(ORDER.items())),
     dict(reversed(with_order(p=1800.0, s=0.02).items()))),
    ("whole numbers from 2^32 on were signed as floats", CANCEL, {"type": "cancel", "cancels": [{"a": 0, "o": float(2**40)}]}),
]  # fmt: skip


@pytest.mark.parametrize("is_mainnet", [True, False])
@pytest.mark.parametrize(("cause", "action", "what"), CAUSES)
def test_each_cause_is_found(cause: str, action: dict[str, Any], what: Any, is_mainnet: bool) -> None:
    text = told(action, signed(what, main=is_mainnet))
    assert text.startswith(cause) and text.endswith(f". Read so, the signature is that of {ME}, who is meant.")


def test_causes_beside_the_action() -> None:
    assert told(ORDER, signed(), vault=VAULT).startswith("it was signed without the vaultAddress that")
    assert told(ORDER, signed(), expires=NOW).startswith("it was signed without the expiresAfter that")
    assert told(ORDER, signed(), vault=VAULT, expires=NOW).startswith("it was signed without the vaultAddress and the expiresAfter")
    assert told(ORDER, signed(nonce=NOW // 1_000)).startswith("the signed nonce is in seconds")
    for nonce in (NOW - 5, NOW - 1, NOW + 1, NOW + 5):
        cause = f"it was signed with another nonce than it was sent with; {nonce} was signed, {NOW} was sent."
        assert told(ORDER, signed(nonce=nonce)).startswith(cause)
    flipped = signed()
    assert told(ORDER, {**flipped, "v": 55 - flipped["v"]}).startswith("v of the signature is the other one")


def by_digest(digest: bytes) -> dict[str, Any]:
    made = WALLET.unsafe_sign_hash(digest)
    return {"r": hex(made.r), "s": hex(made.s), "v": made.v}


def test_causes_in_how_the_digest_is_made() -> None:
    connection_id = s.l1_hash(ORDER, NOW, None, None)
    assert told(ORDER, by_digest(s.l1_digest(connection_id, "a", 42_161))).startswith("the signed domain has another chain id, 42161;")
    without = s.keccak(msgpack.packb(ORDER) + NOW.to_bytes(8, "big"))
    assert told(ORDER, by_digest(s.l1_digest(without, "b"))).startswith("the hash was made without the byte 00")
    packed = msgpack.packb(CANCEL)
    as_signed = packed.replace(b"\xcf", b"\xd3")
    assert as_signed != packed
    text = told(CANCEL, by_digest(s.l1_digest(s.connection_of(as_signed + NOW.to_bytes(8, "big"), None, None), "a")))
    assert text.startswith("whole numbers from 2^32 on were signed as msgpack's int64")
    message = WALLET.sign_message(encode_defunct(s.l1_digest(connection_id, "b")))
    assert told(ORDER, {"r": hex(message.r), "s": hex(message.s), "v": message.v}).startswith("the digest was signed as a personal message")


def test_the_causes_of_user_signed_actions() -> None:
    def transfer(is_mainnet: bool = False, **fields: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        action = {"type": "usdSend", "destination": VAULT, "amount": "1", "time": NOW, **fields}
        return action, sdk.sign_usd_transfer_action(WALLET, action, is_mainnet)

    action, signature = transfer(is_mainnet=True)
    assert told({**action, "hyperliquidChain": "Testnet"}, signature).startswith("the signed hyperliquidChain is 'Mainnet'")
    action, signature = transfer()
    assert told({**action, "signatureChainId": "0xa4b1"}, signature).startswith("the signed chain id is another one, 421614,")
    assert told({**action, "amount": "1.0"}, signature).startswith("the signed amount has no trailing zeros")
    assert told({**action, "destination": UPPER}, signature).startswith("the signed addresses are in lower case")
    assert told({**action, "destination": ME}, transfer(destination=WALLET.address)[1]).startswith(
        "the signed addresses have the upper-case letters of a checksum, those that were sent have not"
    )
    assert told({**action, "time": NOW + 1}, signature).startswith("the signed time is the nonce of the request")
    assert told({**action, "time": 1_000 * NOW}, signature, nonce=5).startswith("the signed time is in seconds")
    assert told(action, transfer(amount="1.0")[1]).startswith("the signed amount is written with a point")
    assert told(action, signed(action)).startswith("it was signed as an L1 action")
    agent = {"type": "approveAgent", "agentAddress": VAULT, "agentName": "", "nonce": NOW}
    signature = sdk.sign_agent(WALLET, agent, False)
    assert told({**agent, "agentName": "bot"}, signature).startswith("it was signed without the agentName")


def test_where_no_cause_fits_both_addresses_and_what_was_expected_are_told() -> None:
    other = Account.from_key("0x" + "5" * 64)
    text = told(ORDER, sdk.sign_l1_action(other, ORDER, None, NOW, None, False))
    assert other.address.lower() in text and "clearinghouseState" in text and "in the venue's form" not in text
    assert "keys {type, orders: [{a, b, p, s, r, t: {limit: {tif}}}], grouping}" in text
    assert f"0x{sdk.action_hash(ORDER, None, NOW, None).hex()}" in text and len(text) < 1_200
    assert text.index(other.address.lower()) < text.index("Tried without success: v of") < 500, "the first that is read, and cut last"
    assert "cannot be tried: an expiresAfter that was signed and not sent" in text and text.count("chain id") == 1
    action = {"type": "usdSend", "destination": VAULT, "amount": "1", "time": NOW}
    text = told(action, sdk.sign_usd_transfer_action(other, action, False))
    assert other.address.lower() in text
    assert "Expected was HyperliquidTransaction:UsdSend with hyperliquidChain, destination, amount, time, in this order" in text


@pytest.mark.parametrize("levels", [5, 200, 450])
def test_however_deep_an_action_is(levels: int) -> None:
    deep: Any = 1
    for _ in range(levels):
        deep = {"a": [deep]} if levels < 450 else [deep]
    other = Account.from_key("0x" + "5" * 64)
    action = {**ORDER, "x": deep}
    text = told(action, sdk.sign_l1_action(other, action, None, NOW, None, False))
    assert ("too large" in text) == (levels > 5) and len(text) < 2_000


def test_a_large_action_is_not_looked_into() -> None:
    """It would take a second, in which nobody else is served."""
    other = Account.from_key("0x" + "5" * 64)
    action = {**ORDER, "orders": ORDER["orders"] * 400}
    text = told(action, sdk.sign_l1_action(other, action, None, NOW, None, False))
    assert "too large" in text and "action hash 0x" in text and len(text) < 600


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


def test_nonces_that_were_ahead_of_their_time_are_not_taken_again() -> None:
    nonces = Nonces(NOW, {ME: NOW + 60_000})
    with pytest.raises(Failed, match="may have been used before"):
        nonces.use(ME, NOW + 59_999, NOW)
    nonces.use(ME, NOW + 60_000, NOW)
    nonces.use(VAULT, NOW + 1, NOW)


def test_nonces_of_a_wallet_that_is_gone_are_forgotten() -> None:
    nonces = Nonces()
    nonces.use(ME, NOW, NOW)
    nonces.forget([ME, VAULT])
    nonces.use(ME, NOW, NOW)
