"""Buy in equal slices over time, a TWAP: python twap.py [PORT]. Needs `perplab serve`."""

import sys
import time
from decimal import Decimal

from perplab.clients import SyncClient, Unknown

MARKET, TOTAL, SLICES, EVERY_S = "SOL", Decimal("20"), 5, 0.2


def buy(client, size):
    """Buy a slice. A reply that is lost does not buy it twice: the same client id is one order."""
    client_id = None
    while True:
        try:
            return client.market_buy(MARKET, size, client_id=client_id)
        except Unknown as lost:
            client_id = lost.client_id


with SyncClient(port=int(sys.argv[1]) if len(sys.argv) > 1 else 3100, name=f"twap-{time.time_ns() % 10**9}") as client:
    client.faucet("100000")
    lot = client.venue.market(MARKET).lot
    left = TOTAL
    for number in range(SLICES):
        size = (left / (SLICES - number)) // lot * lot  # what is left, spread evenly: a slice that was not filled is made up for
        left -= buy(client, size).filled
        for _ in client.events(timeout=EVERY_S):
            pass
    (position,) = client.positions()
    price = f"{position.entry_price:,.3f}"
    print(f"bought {position.size.normalize():f} {MARKET} in {SLICES} slices at {price} USD on average, {left.normalize():f} left")
