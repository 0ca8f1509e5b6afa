"""Coins as collateral, and a short that they hedge: what the account requires, line by line: python hedged_spot.py [PORT].

Needs `perplab serve --venue portfolio --world none --clock step --trust`: an empty venue in which this example is everybody. Coins count
for 90 % of what they are worth, and for 98 % where a short hedges them; the hedged short keeps a quarter of its margin.
"""

import sys

from perplab.clients import NewOrder, SyncClient
from perplab.exchange.codes import Side

port = int(sys.argv[1]) if len(sys.argv) > 1 else 3100
SPOT, PERP = "BTC-SPOT", "BTC-PERP"


def move(price):
    for market in (SPOT, PERP):
        dealer.ask("update_oracle", market=market, price=price)  # whoever a server trusts may be its price feed
    dealer.ask("step", ms=300_000)  # the mark follows


def show(when):
    told = trader.requirement("USD")
    print(f"{when}: equity {told.equity:,.2f}, required {told.initial_margin:,.2f}, available {told.available:,.2f} USD")
    for line in told.lines:
        what = f"{line.kind.name.lower()} {line.market or line.asset}"
        hedged = f"{line.hedged:.0f} hedged" if line.hedged else ""
        print(f"  {what:19} {line.size:>10,.2f}  {hedged:9}  counts for {line.equity:>10,.2f}, requires {line.initial:>8,.2f}")


with SyncClient(port=port, name="dealer") as dealer, SyncClient(port=port, name="trader") as trader:
    move(60_000)
    dealer.faucet("10000000")
    dealer.faucet("100", "BTC")
    trader.faucet("650000")
    dealer.sell(SPOT, "10", "60000")
    dealer.buy(PERP, "10", "60000")
    trader.market_buy(SPOT, "10")
    usd, btc = trader.balances()
    print(f"bought: {btc.cash:.0f} BTC are there, {usd.cash:,.2f} USD are left, and {len(trader.positions())} positions")
    show("coins alone")
    foreseen = trader.preview(NewOrder(PERP, Side.SELL, "10", "60000"))
    assert foreseen.initial_margin is not None, f"it would be refused: {foreseen.reason}"
    print(f"a short of 10 would require {foreseen.initial_margin:,.2f} USD beside them")
    trader.sell(PERP, "10", "60000")
    show("hedged by a short of 10")
    move(54_000)
    show("after a fall of 10 %")
    dealer.sell(PERP, "4", "54000")
    trader.market_buy(PERP, "4")
    show("with 4 of the short bought back")
