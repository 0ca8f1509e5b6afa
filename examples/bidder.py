"""Bid for a liquidated account in an auction: python bidder.py [PORT].

Needs `perplab serve --venue auction_fund_adl --world none --clock step --trust`: an empty venue in which this example is everybody. A long
loses its margin, and part of it is offered at the mark, with a share of its equity that grows with time. Waiting pays, if nobody is
quicker.
"""

import sys

from perplab.clients import SyncClient

port = int(sys.argv[1]) if len(sys.argv) > 1 else 3100
MARKET = "BTC-PERP"

with (
    SyncClient(port=port, name="long") as long,
    SyncClient(port=port, name="short") as short,
    SyncClient(port=port, name="bidder") as bidder,
):
    bidder.ask("update_oracle", market=MARKET, price=60_000)  # whoever a server trusts may be its price feed
    for client, money in ((long, "63000"), (short, "10000000"), (bidder, "10000000")):
        client.faucet(money)
    short.sell(MARKET, "40", "60000")
    long.market_buy(MARKET, "40")
    bidder.subscribe("auctions")
    bidder.ask("update_oracle", market=MARKET, price=59_100)
    least = 300  # [USD] that we want to gain with a coin: the half per cent that it may cost to sell it
    for second in range(0, 40, 5):
        bidder.ask("step", ms=5000)
        for auction in bidder.auctions():
            coins = abs(auction.size) * auction.share
            gain = auction.gain * auction.share
            print(f"after {second + 5:2} s: {coins:.3f} BTC on offer, for a gain of {gain:8,.2f} USD ({gain / coins:6.2f} a coin)")
            if gain >= least * coins:
                bidder.bid(auction, share=1, minimum_gain=int(least * coins))  # refused, if somebody has been there first
                (position,) = bidder.positions()
                gained = bidder.balances()[0].equity - 10_000_000
                print(f"took {position.size:f} BTC over at {position.entry_price:,.2f} USD a coin; equity is {gained:+,.2f} USD")
    (left,) = long.positions()
    print(f"the long keeps {left.size:f} of 40 BTC, and the short has not noticed: {short.positions()[0].size:f} BTC")
