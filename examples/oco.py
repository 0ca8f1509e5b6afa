"""Open a position with a risk of 50 USD, and let a take-profit and a stop look after it: python oco.py [PORT]. Needs `perplab serve`.

Here the client watches, and both end with it. The venue does the same by itself with `place_bracket`: bracket.py.
"""

import sys
import time

from perplab.clients import SyncClient
from perplab.clients.execution import Oco, run, stepped
from perplab.clients.risk import size_for_risk

MARKET = "BTC"

with SyncClient(port=int(sys.argv[1]) if len(sys.argv) > 1 else 3100, name=f"oco-{time.time_ns() % 10**9}") as client:
    client.faucet("100000")
    terms, wait = client.venue.market(MARKET), stepped(client)
    for _ in range(2):
        ask = client.depth(MARKET).asks[0].price
        profit, stop = ask + 30, ask - 15
        size = size_for_risk(terms, entry=ask, stop=stop, risk="50", available=client.balances()[0].available)
        before = client.balances()[0].cash
        bought = client.market_buy(MARKET, size, worst_price=ask + 5)
        report = run(client, Oco(terms, bought.filled, take_profit=profit, stop=stop), wait)
        after = client.balances()[0].cash  # with the fees of both orders
        print(f"{bought.filled:f} {MARKET} at {ask} USD: {report.why} at {report.average_price:.2f} USD, {after - before:+.2f} USD")
    print(f"left: {len(client.open_orders())} orders, {len(client.positions())} positions")
