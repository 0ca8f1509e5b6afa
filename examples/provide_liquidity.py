"""Give money to the pool of a curve, let it trade, and take it back: python provide_liquidity.py [PORT].

Needs `perplab serve --venue examples/pool.toml --world none --clock step --trust`: an empty venue in which this example is everybody. The
curve buys low and sells high by its spread, and loses to whoever knows better where the price goes: here that is what costs more.
"""

import sys

from perplab.clients import SyncClient
from perplab.exchange.codes import Side

port = int(sys.argv[1]) if len(sys.argv) > 1 else 3100
MARKET = "BTC-PERP"


def show(when):
    pool, (own,) = maker.pool(MARKET), maker.liquidity()
    quotes = f"{pool.bids[4].size} bid, {pool.asks[4].size} asked within 1 % of {pool.middle}"
    print(f"{when}: the pool holds {pool.size} BTC and {pool.equity:,.2f} USD; {quotes}; our share of it is worth {own.worth:,.2f} USD")


with SyncClient(port=port, name="maker") as maker, SyncClient(port=port, name="taker") as taker:
    maker.ask("update_oracle", market=MARKET, price=60_000)  # whoever a server trusts may be its price feed
    for client in (maker, taker):
        client.faucet("1000000")
    curve = maker.venue.market(MARKET).curve
    print(f"{MARKET} has a curve: {curve.rule}, {curve.role}")
    added = maker.add_liquidity(MARKET, "500000")
    print(f"{added.amount:,.0f} USD for {added.shares} shares")
    show("at first")
    for side in (Side.BUY, Side.SELL, Side.BUY, Side.SELL):  # noise: each way, at the curve's spread
        order = (taker.market_buy if side is Side.BUY else taker.market_sell)(MARKET, "2")
        print(f"  the taker {'buys' if side is Side.BUY else 'sells'} {order.filled} at {order.average_price:,.2f}")
    show("after noise")
    order = taker.market_buy(MARKET, "5")  # somebody knows that the price will rise
    maker.ask("update_oracle", market=MARKET, price=60_600)
    show(f"after {order.filled} were bought ahead of a move of 1 %")
    taker.market_sell(MARKET, "5")
    (own,) = maker.liquidity()
    removed = maker.remove_liquidity(MARKET, own.shares)
    print(f"{removed.amount:,.2f} USD come back, {removed.amount - added.amount:+,.2f} USD; {len(maker.liquidity())} shares are left")
