"""Why a signature leads to an address that nobody knows: the action is hashed in the ways in which clients get it wrong, and the one that
leads to a known user or wallet is named. It is what bot developers otherwise look for for days.

Each way is a hash and a recovery, and there are up to two hundred: some 10 ms in all. Only requests that are refused anyway pay for it,
and so that they hold up nobody else, large ones are not looked into (identity.py bounds how many a second are).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from .canonical import canonical, plain_number
from .signing import (
    FIELDS,
    MAINNET,
    TESTNET,
    Action,
    Address,
    Bad,
    Signature,
    connection_of,
    keccak,
    l1_digest,
    l1_hash,
    packed,
    recovered,
    user_digest,
)
from .variations import CHANGES, SOME_NUMBERS, checksummed, departures, is_deep, lowered

LARGEST: Final = 16 << 10  # [bytes] of a packed action that is looked into: 200 orders
SMALL: Final = 1 << 10  # [bytes] of one that is tried with some numbers in the place of texts, and others not: a dozen orders
SHOWN: Final = 400  # characters of the keys of an action
OTHER_CHAINS: Final = (421_614, 42_161, 1, 998, 999)  # that wallets sign L1 actions for: Arbitrum's two, Ethereum, HyperEVM's two
USER_CHAINS: Final = (
    ("0x66eee", "421614, that of the SDK"), ("0xa4b1", "42161, Arbitrum"), ("0x1", "1, Ethereum"), ("0x539", "1337, that of L1 actions"),
)  # fmt: skip
SAME: Final = "in the venue's form"
DEPARTURES: Final = 3  # that are told
NEAR_MS: Final = 5  # how far away another nonce is looked for: of a client that has looked at its clock twice
UINT64: Final = re.compile(b"\xcf(.{8})", re.DOTALL)  # as msgpack writes it
SHORTLY: Final = re.compile("[,;:]")
Way = tuple[str, bytes, Signature]  # what is wrong, what would have been signed, and the signature


def why(
    action: Action, nonce: int, vault: Address | None, expires: int | None, signature: Signature, who_is: Callable[[Address], str],
    vaults: Iterable[Address] = (), is_open: bool = True,
) -> str:  # fmt: skip
    """The cause, if one of the known ones fits, and what was recovered; in one or a few sentences. `who_is`: who an address is here, "" of
    one that is nobody's. `vaults`: others that it may have been signed for. `is_open`: does an address become known by /info?"""
    form = action if action["type"] in FIELDS else canonical(action)
    tried: dict[str, None] = {}
    found: list[Address] = []
    for cause, digest, one in _ways(action, form, nonce, vault, expires, signature, vaults):
        try:
            address = recovered(digest, one)
        except Bad:
            continue
        if who_is(address):
            return f"Likely cause: {cause}. Read so, the signature is that of {address}, {who_is(address)}."
        if cause == SAME:
            found.append(address)
        else:
            tried[SHORTLY.split(cause)[0]] = None
    remedy = "ask /info for its clearinghouseState, which opens its account" if is_open else without_faucet(found)
    own = f"The signature is that of {_signers(found)}, which is nobody's here"
    if not tried:
        looked = "It is too large to look into why"
    else:  # at first what helps: some logs keep no more than the beginning
        looked = f"Tried without success: {'; '.join(tried)}"
        if expires is None and action["type"] not in FIELDS:
            looked += ". What cannot be tried: an expiresAfter that was signed and not sent"
    return (
        f"{own}. If it is the address of your key, {remedy}; for an API wallet, have its user approve it. If it is not, what was signed is "
        f"not what was sent. {looked}. {_expected(form, nonce, vault, expires)}."
    )


def without_faucet(found: list[Address]) -> str:
    """How an address gets an account where asking opens none. `found`: it, or two of which it is one."""
    address = found[0] if len(found) == 1 else "0x..."
    return (
        f"it has no account yet, and here (--faucet 0) /info opens none: the operator gives it one with `perplab ctl grant user={address} "
        "usd=1000`, or send it money by usdSend from an address that has one, or start the server with --faucet 10000"
    )


def _signers(found: list[Address]) -> str:
    return found[0] if len(found) == 1 else f"{found[0]} (for the testnet) or {found[1]} (for the mainnet)"


def _expected(action: Action, nonce: int, vault: Address | None, expires: int | None) -> str:
    if action["type"] in FIELDS:
        name, fields = FIELDS[action["type"]]
        return f"Expected was HyperliquidTransaction:{name} with {', '.join(field for field, _ in fields)}, in this order"
    told = f"Expected was the action hash 0x{l1_hash(action, nonce, vault, expires).hex()}"
    shape = "" if _is_large(action, nonce) else _shape(action)
    return f"{told}, of the keys {shape}" if 0 < len(shape) <= SHOWN else told


def _is_large(action: Action, nonce: int) -> bool:
    try:
        return is_deep(action) or len(packed(action, nonce)) > LARGEST
    except Bad:  # a number that msgpack cannot hold
        return True


def _shape(thing: object) -> str:
    """The keys of a tree in their order; of a list those of the first item."""
    if isinstance(thing, Mapping):
        return "{" + ", ".join(f"{key}: {_shape(one)}" if isinstance(one, Mapping | list) else str(key) for key, one in thing.items()) + "}"
    return f"[{_shape(thing[0])}]" if isinstance(thing, list) and thing and isinstance(thing[0], Mapping) else "[...]"


def _ways(
    action: Action, form: Action, nonce: int, vault: Address | None, expires: int | None, signature: Signature, vaults: Iterable[Address]
) -> Iterator[Way]:
    """The ways in which an action may have been signed; the first ones are the right ones. `form`: what the venue hashes of it."""
    is_user_signed = action["type"] in FIELDS
    right = [user_digest(action)] if is_user_signed else _both(l1_hash(form, nonce, vault, expires))
    yield from ((SAME, digest, signature) for digest in right)
    if _is_large(action, nonce):
        return
    other_parity = Signature(signature.raw[:-1] + bytes([signature.raw[-1] ^ 1]))
    yield from (("v of the signature is the other one of 27 and 28", digest, other_parity) for digest in right)
    wrong = _user_ways(action, nonce) if is_user_signed else _l1_ways(action, form, nonce, vault, expires, vaults)
    for cause, digest in wrong:
        yield cause, digest, signature
    for digest in right:
        message = keccak(b"\x19Ethereum Signed Message:\n32" + digest)
        yield "the digest was signed as a personal message, and not as EIP-712 typed data", message, signature


def _both(connection_id: bytes) -> list[bytes]:
    return [l1_digest(connection_id, source) for source in (TESTNET, MAINNET)]


# -- actions that are signed field by field --


def _user_ways(action: Action, nonce: int) -> Iterator[tuple[str, bytes]]:
    for cause, other in _user_changes(action, nonce):
        if other != action:
            try:
                yield cause, user_digest(other)
            except Bad:
                continue
    for digest in _both(l1_hash(action, nonce, None, None)):
        yield "it was signed as an L1 action, by its hash, and not field by field", digest


def _user_changes(action: Action, nonce: int) -> Iterator[tuple[str, dict[str, Any]]]:
    same, chain = dict(action), action.get("hyperliquidChain")
    for other in ("Testnet", "Mainnet"):
        yield f"the signed hyperliquidChain is {other!r}, the one that was sent {str(chain)[:20]!r}", {**same, "hyperliquidChain": other}
    for chain_id, what in USER_CHAINS:
        sent = str(action.get("signatureChainId"))[:20]
        yield f"the signed chain id is another one, {what}; signatureChainId says {sent!r}", {**same, "signatureChainId": chain_id}
    if isinstance(action.get("amount"), str):
        amount = action["amount"]
        yield "the signed amount has no trailing zeros, the one that was sent has", {**same, "amount": plain_number(amount)}
        yield "the signed amount is written with a point, as 1.0, the one that was sent as 1", {**same, "amount": f"{amount}.0"}
    if action.get("agentName"):
        yield "it was signed without the agentName that was sent", {**same, "agentName": ""}
    number = "nonce" if "nonce" in action else "time"
    yield f"the signed {number} is the nonce of the request, the one in the action is another", {**same, number: nonce}
    if isinstance(action.get(number), int):
        yield f"the signed {number} is in seconds, the one that was sent in ms", {**same, number: action[number] // 1_000}
    yield "the signed addresses are in lower case, those that were sent are not", lowered(same)
    yield "the signed addresses have the upper-case letters of a checksum, those that were sent have not", checksummed(same)


# -- actions that are signed by their hash --


def _l1_ways(
    action: Action, form: Action, nonce: int, vault: Address | None, expires: int | None, vaults: Iterable[Address]
) -> Iterator[tuple[str, bytes]]:
    for cause, connection_id in _l1_hashes(form, nonce, vault, expires, vaults):
        for digest in _both(connection_id):
            yield cause, digest
    for cause, data in _l1_forms(action, form, nonce):
        for digest in _both(connection_of(data, vault, expires)):
            yield cause, digest
    right = l1_hash(form, nonce, vault, expires)
    for chain_id in OTHER_CHAINS:
        for source in (TESTNET, MAINNET):
            yield f"the signed domain has another chain id, {chain_id}; that of L1 actions is 1337", l1_digest(right, source, chain_id)


def _l1_hashes(
    form: Action, nonce: int, vault: Address | None, expires: int | None, vaults: Iterable[Address]
) -> Iterator[tuple[str, bytes]]:
    """What is signed beside the action."""
    if vault is not None:
        yield "it was signed without the vaultAddress that was sent", l1_hash(form, nonce, None, expires)
    for other in vaults:
        cause = f"it was signed with another vaultAddress than it was sent with; {other} was signed, {vault or 'none'} was sent"
        yield cause, l1_hash(form, nonce, other, expires)
    if expires is not None:
        yield "it was signed without the expiresAfter that was sent", l1_hash(form, nonce, vault, None)
    if vault is not None and expires is not None:
        yield "it was signed without the vaultAddress and the expiresAfter that were sent", l1_hash(form, nonce, None, None)
    yield "the signed nonce is in seconds, the one that was sent in ms", l1_hash(form, nonce // 1_000, vault, expires)
    for near in (*range(max(0, nonce - NEAR_MS), nonce), *range(nonce + 1, min(nonce + NEAR_MS + 1, 1 << 64))):
        cause = f"it was signed with another nonce than it was sent with; {near} was signed, {nonce} was sent"
        yield cause, l1_hash(form, near, vault, expires)
    if vault is None and expires is None:
        yield "the hash was made without the byte 00 behind the nonce, which says that there is no vault", keccak(packed(form, nonce))


def _l1_forms(action: Action, form: Action, nonce: int) -> Iterator[tuple[str, bytes]]:
    """The action in other forms than the venue's, packed."""
    right = packed(form, nonce)
    seen = {right}
    try:
        sent = packed(action, nonce)
    except Bad:
        sent = right
    if sent != right:
        what = "; ".join(list(dict.fromkeys(departures(action, form)))[:DEPARTURES])
        yield f"it was signed as it was sent, and the venue hashes a form of its own: {what}", sent
        seen.add(sent)
    bases = (form,) if sent == right else (form, action)
    for cause, change in CHANGES if len(right) > SMALL else (*SOME_NUMBERS, *CHANGES):
        for base in bases:
            try:
                other = packed(change(base), nonce)
            except Bad:
                continue
            if other not in seen:
                seen.add(other)
                yield cause, other
    signed = UINT64.sub(b"\xd3\\1", right[:-8]) + right[-8:]
    if signed != right:
        yield "whole numbers from 2^32 on were signed as msgpack's int64 (d3); the venue hashes uint64 (cf)", signed
