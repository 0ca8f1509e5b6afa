"""Two accounts of one user: one collects a position in ETH, the other keeps both together flat in BTC: python hedge.py [PORT].

Needs `perplab serve`. A coin of ETH moves with 0.05 coins of BTC, says its price; the band says how much of BTC may go unhedged.
"""

import sys
import time

from perplab.clients import SyncClient
from perplab.clients.execution import Hedge, run, stepped

port, name = int(sys.argv[1]) if len(sys.argv) > 1 else 3100, f"hedge-{time.time_ns() % 10**9}"
with SyncClient(port=port, name=name) as trader:
    trader.faucet("100000")
    number = trader.open_account()
    key, secret = trader.credentials  # none, where the server trusts names
    with SyncClient(port=port, name=name, key=key, secret=secret, account=number) as hedger:
        hedger.faucet("100000")
        btc = hedger.venue.market("BTC")
        task = Hedge(btc, sources=[(trader, {"ETH": "0.05"})], band="0.02", least="0.001")
        trades = iter([("ETH", "1"), ("ETH", "0.2"), ("ETH", "0.3"), ("SELL", "4"), None])
        step = stepped(hedger)

        def meanwhile(seconds):
            """What happens between two looks of the hedge: the trader trades."""
            print(f"ETH counts {task.exposure:+.3f} BTC, hedge {btc.size(task.held):+.3f} BTC, unhedged {btc.size(task.net):+.3f} BTC")
            trade = next(trades)
            if trade is None:
                task.cancel()
            elif trade[0] == "SELL":
                trader.market_sell("ETH", trade[1])  # long becomes short: the hedge is reduced first, then turned
            else:
                trader.market_buy(*trade)
            step(seconds)

        report = run(hedger, task, meanwhile)
        print(f"{report.why}: the hedge ends with {hedger.positions()[0].size:+.3f} BTC, for {report.fees:.2f} USD of fees")
