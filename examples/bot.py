"""A market maker of the lab, unchanged, over a socket for a minute of the venue's time: python bot.py [PORT]. Needs `perplab serve`.

`perplab compare` runs the same class in its simulations. Whatever extends `perplab.clients.bots.base.Bot` runs in both.
"""

import sys
import time

import numpy as np

from perplab.clients import Fill, SyncClient
from perplab.clients.bots.market_maker import MakerTerms, MarketMaker, Withdrawal, ladder
from perplab.clients.execution import run, stepped
from perplab.clients.runner import Runner, seat

USD, MS = 10**6, 10**6
FEAR = Withdrawal(calm_bp=2.0, wild_bp=10.0, bid=0.9, ask=0.9, rise_s=5.0, fall_s=60.0)

with SyncClient(port=int(sys.argv[1]) if len(sys.argv) > 1 else 3100, name=f"bot-{time.time_ns() % 10**9}") as client:
    client.faucet("1000000")
    client.subscribe_private()
    begun = client.balances()[0].equity
    depth = np.array([2e5, 1e6]) * USD  # within 1 and 10 basis points of the price
    shape = ladder(5, 0.2, np.array([1.0, 10.0]), depth, depth)
    terms = MakerTerms(shape, FEAR, interval_ns=500 * MS, phase_ns=250 * MS, leverage=2.0, skew_bp=3.0)
    ran = run(client, Runner(MarketMaker(seat(client, "BTC"), terms), for_s=60), stepped(client))
    fills = [event for event in client.events(timeout=0) if isinstance(event, Fill)]
    client.cancel_all()
    refused = ", ".join(f"{count} {why}" for why, count in sorted(ran.refused.items())) or "none"
    print(f"{ran.wakes} looks, {ran.commands} commands, refused: {refused}")
    traded, fees = sum(fill.price * fill.size for fill in fills), sum(fill.fee for fill in fills)
    print(f"{len(fills)} fills for {traded:,.0f} USD, fees {fees:.2f} USD")
    print(f"equity {client.balances()[0].equity - begun:+.2f} USD, {len(client.open_orders())} orders left")
