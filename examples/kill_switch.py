"""A kill switch that cancels all orders and closes all positions when equity has fallen by too much: python kill_switch.py [PORT].

Needs `perplab serve`. To have something to guard, it opens a position whose fee and spread alone are too much. The client watches limits of
yours and closes positions; the venue's own switch, `set_account_mode`, cancels all and lets nothing open, whatever becomes of the client.
"""

import sys
import time
from decimal import Decimal

from perplab.clients import NewOrder, SyncClient
from perplab.clients.execution import run, stepped
from perplab.clients.risk import Gate, KillSwitch, OverLimit
from perplab.exchange.codes import Side

with SyncClient(port=int(sys.argv[1]) if len(sys.argv) > 1 else 3100, name=f"guard-{time.time_ns() % 10**9}") as client:
    client.faucet("100000")
    switch = KillSwitch(max_drawdown=10, flatten=True, slice_usd=25_000, every_s=0.2, dead_man_s=30)
    assert run(client, switch.check(client)) is None  # the first look: losses count from here
    client.market_buy("BTC", "1")
    low = (client.ticker("BTC").mark * Decimal("0.9")).quantize(Decimal(1))
    client.buy("BTC", "0.1", low)
    stopped = run(client, switch.watch(client), stepped(client))  # until it trips, and has acted
    print(f"tripped: {stopped.why}")
    for line in stopped.did:
        print(f"  {line}")
    print(f"left: {stopped.orders} orders, {len(stopped.positions)} positions")
    try:
        run(client, Gate({}, switch).place(client, NewOrder("BTC", Side.BUY, "0.1", low)))
    except OverLimit:
        print("nothing opens a position until switch.reset()")
