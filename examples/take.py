"""Watch the book, and take the best offer when the spread is at most 10 basis points: python take.py [PORT]. Needs `perplab serve`."""

import asyncio
import sys
import time
from decimal import Decimal

from perplab.clients import BookChanged, Client

MARKET, SIZE = "BTC", "0.01"
SPREAD = Decimal("0.001")  # of the mid price


async def main(port):
    async with Client(port=port, name=f"take-{time.time_ns() % 10**9}") as client:
        await client.faucet("100000")
        book = await client.subscribe_book(MARKET, depth=5)
        async for event in client.events():
            if not isinstance(event, BookChanged) or book.best_bid is None or book.best_ask is None:
                continue
            bid, ask = book.best_bid.price, book.best_ask.price
            if (ask - bid) * 2 > (ask + bid) * SPREAD:
                continue
            order = await client.market_buy(MARKET, SIZE, worst_price=ask)
            if order.filled:  # somebody else may have been there first
                break
        (position,) = await client.positions()
        price = f"{position.entry_price:,.2f}"
        print(f"{order.state.name}: bought {position.size.normalize()} {MARKET} at {price} USD, the ask was {ask:,} USD")


asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 3100))
