"""Who has signed an action: EIP-712 digests as Hyperliquid's clients sign them, and the address that is recovered from a signature.

An action of the exchange ("L1") is signed by the hash of its msgpack, in the form that canonical.py gives it, with nonce, vault and
expiry; one about money and wallets is signed field by field. Sources: the SDK's utils/signing.py; EIP-712. Digests are made here, and not
by eth-account, which takes 255 us for what takes 15 us; a recovery takes 50 us.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from typing import Any, Final

import msgpack  # type: ignore[import-untyped]
from msgspec import Struct

from .errors import Failed

Action = Mapping[str, Any]
Address = str  # "0x" and 40 hex digits, lower-case
MAINNET, TESTNET = "a", "b"  # the two sources of an L1 action
CHAIN_ID: Final = 1337  # of L1 actions, on both networks
HEX: Final = frozenset("0123456789abcdefABCDEF")
NO_VAULT: Final = frozenset((  # L1 actions that the SDK signs without the vault that it sends
    "createSubAccount", "subAccountTransfer", "subAccountSpotTransfer", "vaultTransfer", "setReferrer", "createVault",
))  # fmt: skip
CHAIN, NONCE = ("hyperliquidChain", "string"), ("nonce", "uint64")
FIELDS: Final[dict[str, tuple[str, tuple[tuple[str, str], ...]]]] = {  # of user-signed actions: the name of the type, and its fields
    "usdSend": ("UsdSend", (CHAIN, ("destination", "string"), ("amount", "string"), ("time", "uint64"))),
    "spotSend": ("SpotSend", (CHAIN, ("destination", "string"), ("token", "string"), ("amount", "string"), ("time", "uint64"))),
    "withdraw3": ("Withdraw", (CHAIN, ("destination", "string"), ("amount", "string"), ("time", "uint64"))),
    "usdClassTransfer": ("UsdClassTransfer", (CHAIN, ("amount", "string"), ("toPerp", "bool"), NONCE)),
    "sendAsset": ("SendAsset", (
        CHAIN, ("destination", "string"), ("sourceDex", "string"), ("destinationDex", "string"), ("token", "string"), ("amount", "string"),
        ("fromSubAccount", "string"), NONCE,
    )),
    "approveAgent": ("ApproveAgent", (CHAIN, ("agentAddress", "address"), ("agentName", "string"), NONCE)),
    "approveBuilderFee": ("ApproveBuilderFee", (CHAIN, ("maxFeeRate", "string"), ("builder", "address"), NONCE)),
    "userDexAbstraction": ("UserDexAbstraction", (CHAIN, ("user", "address"), ("enabled", "bool"), NONCE)),
    "userSetAbstraction": ("UserSetAbstraction", (CHAIN, ("user", "address"), ("abstraction", "string"), NONCE)),
    "tokenDelegate": ("TokenDelegate", (CHAIN, ("validator", "address"), ("wei", "uint64"), ("isUndelegate", "bool"), NONCE)),
    "convertToMultiSigUser": ("ConvertToMultiSigUser", (CHAIN, ("signers", "string"), NONCE)),
}  # fmt: skip
WITHOUT_LIBRARIES: Final = (
    "this server cannot check signatures: pip install 'perplab[hyperliquid]', or start it with --trust and name the user in the request"
)


class Bad(ValueError):
    """What was signed, or the signature, has not the form that it must have."""


class Signature(Struct, frozen=True):
    """The 65 bytes r, s and recovery id."""

    raw: bytes


def signature_of(given: object) -> Signature:
    """{r, s, v} as clients send it: r and s in hex, perhaps without leading zeros; v 27 or 28, or 0 or 1. Raises Bad."""
    if not isinstance(given, dict):
        raise Bad("the signature is not a map of r, s and v")
    parts = []
    for name in ("r", "s"):
        value = given.get(name)
        digits = value[2:] if isinstance(value, str) and value[:2] in ("0x", "0X") else ""
        if not 0 < len(digits) <= 64 or not HEX.issuperset(digits):
            raise Bad(f"{name} of the signature is not 0x and up to 64 hex digits")
        parts.append(int(digits, 16).to_bytes(32, "big"))
    v = given.get("v")
    if type(v) is not int or v not in (0, 1, 27, 28):
        raise Bad(f"v of the signature is {str(v)[:20]!r}; it is 27 or 28")
    return Signature(parts[0] + parts[1] + bytes([v % 27]))


def address_of(given: object) -> Address:
    """An address as it may be written: with or without 0x, in any case. Raises Bad."""
    text = given.lower().removeprefix("0x") if isinstance(given, str) else ""
    if len(text) != 40 or not HEX.issuperset(text):
        raise Bad(f"{str(given)[:80]!r} is no address: 0x and 40 hex digits")
    return "0x" + text


# -- what is signed --


def l1_hash(action: Action, nonce: int, vault: Address | None, expires: int | None) -> bytes:
    """The connection id of an L1 action, hashed as it is given. Raises Bad for what msgpack cannot hold."""
    return connection_of(packed(action, nonce), vault, expires)


def connection_of(data: bytes, vault: Address | None, expires: int | None) -> bytes:
    """The same of a packed action. Raises Bad."""
    data += b"\0" if vault is None else b"\1" + bytes.fromhex(vault[2:])
    if expires is not None:
        try:
            data += b"\0" + expires.to_bytes(8, "big")
        except OverflowError as error:
            raise Bad(f"the action cannot be hashed: {error}") from None
    return keccak(data)


def packed(action: Action, nonce: int) -> bytes:
    """What the hash begins with. Raises Bad."""
    try:
        data: bytes = msgpack.packb(action)
        return data + nonce.to_bytes(8, "big")
    except (ValueError, OverflowError, TypeError) as error:
        raise Bad(f"the action cannot be hashed: {error}") from None


def l1_digest(connection_id: bytes, source: str, chain_id: int = CHAIN_ID) -> bytes:
    """What the wallet has signed: EIP-712, Agent{source, connectionId}."""
    agent = keccak(_text_hash("Agent(string source,bytes32 connectionId)") + _text_hash(source) + connection_id)
    return keccak(b"\x19\1" + _domain("Exchange", chain_id) + agent)


def user_digest(action: Action) -> bytes:
    """Of a user-signed action, whose type is in FIELDS. Raises Bad."""
    name, fields = FIELDS[action["type"]]
    chain = action.get("signatureChainId")
    try:
        chain_id = int(chain, 16) if isinstance(chain, str) else -1
    except ValueError:
        chain_id = -1
    if not 0 <= chain_id < 1 << 63:
        raise Bad(f"signatureChainId is {str(chain)[:80]!r}; it is 0x and hex digits")
    coded = _text_hash(f"HyperliquidTransaction:{name}({','.join(f'{kind} {field}' for field, kind in fields)})")
    for field, kind in fields:
        value = action.get(field)
        if field == "agentName" and value is None:
            value = ""  # a client signs it so, and does not send it
        coded += _coded(field, kind, value)
    return keccak(b"\x19\1" + _domain("HyperliquidSignTransaction", chain_id) + keccak(coded))


def _coded(field: str, kind: str, value: object) -> bytes:
    """32 bytes of a field. Raises Bad."""
    if kind == "string" and isinstance(value, str):
        return keccak(value.encode(errors="replace"))  # half a character of UTF-16: nobody can have signed that
    if kind == "uint64" and type(value) is int and 0 <= value < 1 << 64:
        return value.to_bytes(32, "big")
    if kind == "bool" and isinstance(value, bool):
        return int(value).to_bytes(32, "big")
    if kind == "address":
        return bytes(12) + bytes.fromhex(address_of(value)[2:])
    raise Bad(f"{field} is {str(value)[:80]!r}; it is a {kind}")


@cache
def _text_hash(text: str) -> bytes:
    """Of texts that are ours, and so few."""
    return keccak(text.encode())


@lru_cache(maxsize=64)
def _domain(name: str, chain_id: int) -> bytes:
    kind = _text_hash("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
    return keccak(kind + _text_hash(name) + _text_hash("1") + chain_id.to_bytes(32, "big") + bytes(32))


# -- who has signed it --


def recovered(digest: bytes, signature: Signature) -> Address:
    """The address whose key has made the signature. Raises Bad for numbers that are no signature at all."""
    from_signature, _ = _libraries()
    try:
        key = from_signature(signature.raw, digest)
    except Exception:  # the library has one of its own for each way in which r and s can be wrong
        raise Bad("r and s of the signature are no signature of anything") from None
    return "0x" + keccak(key[1:])[12:].hex()


def keccak(data: bytes) -> bytes:
    _, hashed = _libraries()
    return hashed(data)


@cache
def _libraries() -> tuple[Callable[[bytes, bytes], bytes], Callable[[bytes], bytes]]:
    """Recovery of a public key, and the hash. Raises Failed where they are not installed."""
    try:
        from coincurve import PublicKey
        from Crypto.Hash import keccak as hashes
    except ImportError:
        raise Failed(WITHOUT_LIBRARIES) from None

    def from_signature(signature: bytes, digest: bytes) -> bytes:
        return PublicKey.from_signature_and_message(signature, digest, hasher=None).format(compressed=False)

    def hashed(data: bytes) -> bytes:
        return hashes.new(digest_bits=256, data=data).digest()

    return from_signature, hashed
