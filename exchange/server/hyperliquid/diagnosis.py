"""Why a signature leads to an address that nobody knows: the action is hashed in the ways in which clients get it wrong, and the one that
leads to a known user or wallet is named. It is what bot developers otherwise look for for days.

Each way is one recovery (some 0.1 ms), and only requests that are refused anyway pay for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from .signing import FIELDS, MAINNET, TESTNET, Action, Address, Bad, Signature, l1_digest, l1_hash, recovered, user_digest

ORDER_KEYS: Final = ("a", "b", "p", "s", "r", "t", "c")
KEYS: Final[dict[str, tuple[str, ...]]] = {  # of actions, in the order in which the SDK signs them
    "order": ("type", "orders", "grouping", "builder"),
    "cancel": ("type", "cancels"),
    "cancelByCloid": ("type", "cancels"),
    "modify": ("type", "oid", "order"),
    "batchModify": ("type", "modifies"),
    "updateLeverage": ("type", "asset", "isCross", "leverage"),
    "updateIsolatedMargin": ("type", "asset", "isBuy", "ntli"),
    "scheduleCancel": ("type", "time"),
    "twapOrder": ("type", "twap"),
    "twapCancel": ("type", "a", "t"),
    "createSubAccount": ("type", "name"),
    "subAccountTransfer": ("type", "subAccountUser", "isDeposit", "usd"),
    "vaultTransfer": ("type", "vaultAddress", "isDeposit", "usd"),
    "setReferrer": ("type", "code"),
}
ITEM_KEYS: Final = (  # of the maps inside, known by their keys
    ORDER_KEYS, ("a", "o"), ("asset", "cloid"), ("oid", "order"), ("isMarket", "triggerPx", "tpsl"), ("a", "b", "s", "r", "m", "t"),
    ("b", "f"),
)  # fmt: skip
NUMBERS: Final = frozenset(("p", "s", "triggerPx"))


def why(
    action: Action, nonce: int, vault: Address | None, expires: int | None, signature: Signature, is_known: Callable[[Address], bool]
) -> str:
    """The cause, if one of the known ones fits, and what was recovered; in one or a few sentences."""
    found, tried = [], []
    for cause, digest in _ways(action, nonce, vault, expires):
        try:
            address = recovered(digest, signature)
        except Bad:
            continue
        if is_known(address):
            return f"{cause}: then it is the signature of {address}, which is known here."
        tried.append(cause)
        found.append(address)
    addresses = list(dict.fromkeys(found))
    shown = f" As it was sent it is the signature of {addresses[0]}" if addresses else ""
    networks = f" (testnet), or of {addresses[1]} (mainnet)" if len(addresses) > 1 and action.get("type") not in FIELDS else ""
    return (
        f"{shown.strip()}{networks}, which is not known here: nobody has asked /info about it, and no user has approved it as an API "
        "wallet. Is it the key that you meant? If so, ask /info for its clearinghouseState, which opens its account. If not, what was "
        f"signed is not what was sent{_expected(action, nonce, vault, expires)}. Tried without success: "
        f"{'; '.join(dict.fromkeys(tried[1:] or tried))}."
    )


def _expected(action: Action, nonce: int, vault: Address | None, expires: int | None) -> str:
    if action.get("type") in FIELDS:
        name, fields = FIELDS[action["type"]]
        return f" (expected: HyperliquidTransaction:{name} with {', '.join(field for field, _ in fields)}, in this order)"
    try:
        return f" (expected: action hash 0x{l1_hash(action, nonce, vault, expires).hex()}, keys {_shape(action)})"
    except Bad:
        return ""


def _shape(thing: object) -> str:
    """The keys of a tree in their order; of a list those of the first item."""
    if isinstance(thing, Mapping):
        return (
            "{"
            + ", ".join(f"{key}{': ' + _shape(value) if isinstance(value, Mapping | list) else ''}" for key, value in thing.items())
            + "}"
        )
    return f"[{_shape(thing[0])}]" if isinstance(thing, list) and thing and isinstance(thing[0], Mapping) else "[...]"


def _ways(action: Action, nonce: int, vault: Address | None, expires: int | None) -> Iterator[tuple[str, bytes]]:
    """How an action may have been signed: what is wrong then, and the digest. The first ones are the right ones."""
    if action.get("type") in FIELDS:
        for cause, other in _user_ways(action):
            try:
                yield cause, user_digest(other)
            except Bad:
                continue
        return
    for cause, other, number, of_vault, until in _l1_ways(action, nonce, vault, expires):
        try:
            connection_id = l1_hash(other, number, of_vault, until)
        except Bad:
            continue
        for source in (TESTNET, MAINNET):
            yield cause, l1_digest(connection_id, source)


def _user_ways(action: Action) -> Iterator[tuple[str, Action]]:
    yield "as it was sent", action
    for chain in ("Testnet", "Mainnet"):
        if chain != action.get("hyperliquidChain"):
            yield f"the signed hyperliquidChain is {chain!r}, the one that was sent {action.get('hyperliquidChain')!r}", {
                **action, "hyperliquidChain": chain
            }  # fmt: skip
    for chain_id, what in (
        ("0x66eee", "421614, that of the SDK"),
        ("0xa4b1", "42161, Arbitrum"),
        ("0x1", "1, Ethereum"),
        ("0x539", "1337"),
    ):
        if chain_id != action.get("signatureChainId"):
            yield f"the signed chain id is {what}; signatureChainId says {action.get('signatureChainId')!r}", {
                **action, "signatureChainId": chain_id
            }  # fmt: skip
    if "amount" in action:
        yield "the signed amount has no trailing zeros, the one that was sent has", _stripped_amount(action)
    if isinstance(action.get("destination"), str):
        yield (
            "the signed destination is in lower case, the one that was sent is not",
            {**action, "destination": action["destination"].lower()},
        )


def _stripped_amount(action: Action) -> Action:
    return {**action, "amount": _plain(str(action["amount"]))}


Way = tuple[str, Action, int, Address | None, int | None]


def _l1_ways(action: Action, nonce: int, vault: Address | None, expires: int | None) -> Iterator[Way]:
    yield "as it was sent", action, nonce, vault, expires
    if vault is not None:
        yield "it was signed without the vaultAddress that was sent", action, nonce, None, expires
    if expires is not None:
        yield "it was signed without the expiresAfter that was sent", action, nonce, vault, None
    yield "the signed nonce is in seconds, the one that was sent in ms", action, nonce // 1_000, vault, expires
    for cause, change in CHANGES:
        other = change(action)
        if other != action or list(_keys(other)) != list(_keys(action)):
            yield cause, other, nonce, vault, expires


def _keys(thing: object) -> Iterator[object]:
    """All keys of a tree, in their order."""
    if isinstance(thing, Mapping):
        for key, value in thing.items():
            yield key
            yield from _keys(value)
    elif isinstance(thing, list):
        for one in thing:
            yield from _keys(one)


def _mapped(thing: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    """A tree with every map in it changed."""
    if isinstance(thing, Mapping):
        return change({key: _mapped(value, change) for key, value in thing.items()})
    return [_mapped(one, change) for one in thing] if isinstance(thing, list) else thing


def _plain(number: str) -> str:
    """Without trailing zeros, as the SDK writes numbers."""
    return number.rstrip("0").rstrip(".") if "." in number else number


def _zeros_gone(one: dict[str, Any]) -> dict[str, Any]:
    return {key: _plain(value) if key in NUMBERS and isinstance(value, str) else value for key, value in one.items()}


def _as_floats(one: dict[str, Any]) -> dict[str, Any]:
    try:
        return {key: float(value) if key in NUMBERS and isinstance(value, str) else value for key, value in one.items()}
    except ValueError:
        return one


def _with_a_point(one: dict[str, Any]) -> dict[str, Any]:
    whole = {key for key, value in one.items() if key in NUMBERS and isinstance(value, str) and value.isdigit()}
    return {key: f"{value}.0" if key in whole else value for key, value in one.items()}


def _ordered(one: dict[str, Any]) -> dict[str, Any]:
    """In the order of the SDK."""
    named = KEYS.get(one["type"]) if isinstance(one.get("type"), str) else None
    order = named or next((keys for keys in ITEM_KEYS if set(one) <= set(keys)), ())
    return {**{key: one[key] for key in order if key in one}, **one}


def _cleared(one: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in one.items() if value is not None and not (value is False and key in ("f", "a"))}


CHANGES: Final[tuple[tuple[str, Callable[[Action], Action]], ...]] = (
    ("the signed numbers have no trailing zeros, those that were sent have", lambda action: _mapped(action, _zeros_gone)),
    ("the signed numbers are written as 1800.0, those that were sent as 1800", lambda action: _mapped(action, _with_a_point)),
    ("the signed numbers are floats, those that were sent are texts", lambda action: _mapped(action, _as_floats)),
    ("the keys were signed in the SDK's order, and sent in another", lambda action: _mapped(action, _ordered)),
    (
        "the keys were signed in alphabetical order, and sent in another",
        lambda action: _mapped(action, lambda one: dict(sorted(one.items()))),
    ),
    ("it was signed without fields that were sent as null, or flags as false", lambda action: _mapped(action, _cleared)),
)
