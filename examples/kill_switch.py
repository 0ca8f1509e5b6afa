"""Cancel all orders and close all positions when equity falls by too much: python kill_switch.py [PORT]. Needs `perplab serve`.

To have something to guard, it opens a position whose fee and spread alone are too much.
"""

import sys
import time
from decimal import Decimal

from perplab.clients import SyncClient

LIMIT = Decimal(10)  # [USD] that may be lost


def equity(client):
    return client.balances()[0].equity


def stop(client):
    """Nothing is open afterwards. Reduce-only: whatever happens meanwhile, no position is turned round."""
    client.cancel_all()
    while positions := client.positions():
        for position in positions:
            close = client.market_sell if position.size > 0 else client.market_buy
            close(position.market, abs(position.size), reduce_only=True)


with SyncClient(port=int(sys.argv[1]) if len(sys.argv) > 1 else 3100, name=f"guard-{time.time_ns() % 10**9}") as client:
    client.faucet("100000")
    begun = equity(client)
    client.subscribe_private()
    client.market_buy("BTC", "1")
    client.buy("BTC", "0.1", (client.ticker("BTC").mark * Decimal("0.9")).quantize(Decimal(1)))
    while begun - equity(client) < LIMIT:  # looked at when something happens to the account, and once a second
        client.next_event(timeout=1.0)
    stop(client)
    print(f"stopped: {len(client.open_orders())} orders and {len(client.positions())} positions are open")
