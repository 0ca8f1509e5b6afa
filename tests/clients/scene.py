"""Two clients of a venue in the same process, and what one of them hears."""

from __future__ import annotations

from perplab.clients import LocalClient, types


def scene(venue: str = "sandbox") -> tuple[LocalClient, LocalClient]:
    """Alice, who hears of her account, and Bob; both have money."""
    prices = {"BTC-PERP": 60_000, "BTC-SPOT": 60_000} if venue == "portfolio" else None
    alice = LocalClient(venue=venue, prices=prices)
    bob = alice.join("bob")
    for client in (alice, bob):
        client.faucet("1000000")
    alice.subscribe_private()
    return alice, bob


def long_of_one() -> tuple[LocalClient, LocalClient]:
    alice, bob = scene()
    bob.sell("BTC", "1", "60000")
    alice.market_buy("BTC", "1")
    list(alice.events())
    return alice, bob


def heard(client: LocalClient, kind: type) -> list[types.Event]:
    return [event for event in client.events() if isinstance(event, kind)]


def leveraged_long(venue: str) -> tuple[LocalClient, LocalClient]:
    """Carol, who is rich, and alice, who is long of 40 coins at 60,000 with 63,000 USD behind them."""
    carol = LocalClient("carol", venue=venue, prices={"BTC-PERP": 60_000})
    alice, bob = carol.join("alice"), carol.join("bob")
    for client, money in ((carol, "10000000"), (alice, "63000"), (bob, "10000000")):
        client.faucet(money)
    bob.sell("BTC-PERP", "40", "60000")
    alice.market_buy("BTC-PERP", "40")
    return carol, alice
