"""A server of Hyperliquid's API that trusts nobody, and requests that are signed by the SDK."""

from __future__ import annotations

import json
from typing import Any

from eth_account import Account  # type: ignore[import-untyped]
from hl_kit import Json, limit
from hl_kit import Venue as Trusting
from hyperliquid.utils import signing as sdk  # type: ignore[import-untyped]

ALICE, BOB, AGENT, OTHER, THIRD = (Account.from_key("0x" + digit * 64) for digit in "12345")
ORDER = {"type": "order", "orders": [limit(0, True, "50000", "0.01")], "grouping": "na"}
NOOP = {"type": "noop"}
OK = {"status": "ok", "response": {"type": "default"}}
DAY = 86_400_000


def of(wallet: Any) -> str:
    return str(wallet.address.lower())


class Venue(Trusting):
    """A server that trusts nobody, and knows Alice and Bob."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.host.trust = False
        for wallet in (ALICE, BOB):
            self.ask("clearinghouseState", user=wallet.address)

    def post(self, body: Json) -> Any:
        told: list[Any] = []
        self.desk.exchange(json.loads(json.dumps(body)), "here", told.append)
        (reply,) = told
        return reply

    def l1(self, wallet: Any, action: Json = NOOP, vault: str | None = None, expires: int | None = None, signs_vault: bool = True) -> Any:
        """Signed and posted as the SDK does it."""
        self.wall += 1
        signature = sdk.sign_l1_action(wallet, action, vault if signs_vault else None, self.wall, expires, False)
        return self.post({"action": action, "nonce": self.wall, "signature": signature, "vaultAddress": vault, "expiresAfter": expires})

    def approve(self, wallet: Any, agent: Any, name: str = "") -> Any:
        self.wall += 1
        action = {"type": "approveAgent", "agentAddress": agent.address, "agentName": name, "nonce": self.wall}
        signature = sdk.sign_agent(wallet, action, False)
        if not name:
            del action["agentName"]
        return self.post({"action": action, "nonce": self.wall, "signature": signature, "vaultAddress": None, "expiresAfter": None})

    def send(self, wallet: Any, to: str = "0x" + "0" * 40, **more: Any) -> Any:
        self.wall += 1
        action = {"type": "usdSend", "destination": to, "amount": "1", "time": self.wall}
        signature = sdk.sign_usd_transfer_action(wallet, action, False)
        return self.post({"action": {**action, **more}, "nonce": self.wall, "signature": signature})

    def error(self, reply: Any) -> str:
        assert reply["status"] == "err", reply
        return str(reply["response"])
