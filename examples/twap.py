"""Buy in equal slices over time, a TWAP, and see what it cost against one order: python twap.py [PORT]. Needs `perplab serve`.

Here the client sends the slices, by rules that are yours to change. The venue sends them by itself with `place_twap`.
"""

import sys
import time

from perplab.clients import SyncClient
from perplab.clients.execution import Twap, run, stepped
from perplab.exchange.codes import Side

MARKET, TOTAL = "SOL", "5000"  # some 750,000 USD, as much as the book has near its best prices

with SyncClient(port=int(sys.argv[1]) if len(sys.argv) > 1 else 3100, name=f"twap-{time.time_ns() % 10**9}") as client:
    client.faucet("10000000")
    wait = stepped(client)  # steps the server's clock, if it is one that is stepped
    before = client.ticker(MARKET).mark
    task = Twap(client.venue.market(MARKET), Side.BUY, TOTAL, slices=5, every_s=3, slippage_bp=30)
    report = run(client, task, wait)  # a reply that is lost buys no slice twice: each has a client id
    print(f"{report.why}: {report.filled:,.0f} {MARKET} in 5 slices at {report.average_price:.3f} USD, {report.left:.0f} left")
    at_once = client.market_buy(MARKET, TOTAL)
    (position,) = client.positions()
    price = (position.entry_notional - report.filled * report.average_price) / at_once.filled
    print(f"the same at once, right behind: {at_once.filled:,.0f} {MARKET} at {price:.3f} USD; the mark was {before} USD in the beginning")
