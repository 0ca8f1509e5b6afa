"""Quote both sides of a market around its mark price, ten times: python quote.py [PORT]. Needs `perplab serve`."""

import sys
import time
from decimal import Decimal

from perplab.clients import Cancel, Fill, NewOrder, Refused, SyncClient
from perplab.clients.execution import run, stepped
from perplab.clients.risk import Gate, Limits
from perplab.exchange.codes import Side, TimeInForce

MARKET, SIZE = "ETH", "0.5"
AWAY = Decimal("0.0002")  # of each quote from the mark: 2 basis points
GATE = Gate({MARKET: Limits(order=SIZE, position=6, open_orders=2, collar_bp=50)})  # what no bug of this program may exceed


def near(price, tick):
    """The price on the market's grid."""
    return (price / tick).quantize(Decimal(1)) * tick


with SyncClient(port=int(sys.argv[1]) if len(sys.argv) > 1 else 3100, name=f"quote-{time.time_ns() % 10**9}") as client:
    client.faucet("100000")
    client.subscribe_private()
    client.cancel_on_disconnect("account")  # a maker whose connection breaks does not want to be found quoting
    tick, quotes, fills, wait = client.venue.market(MARKET).tick, [], [], stepped(client)
    for _ in range(10):
        mark = client.ticker(MARKET).mark
        sides = ((Side.BUY, 1 - AWAY), (Side.SELL, 1 + AWAY))
        new = [NewOrder(MARKET, side, SIZE, near(mark * factor, tick), tif=TimeInForce.POST_ONLY) for side, factor in sides]
        told = run(client, GATE.batch(client, [*map(Cancel, quotes), *new]))  # with nothing in between: never four quotes, never none
        quotes = [order for order in told[len(quotes) :] if not isinstance(order, Refused)]  # a quote that would cross is refused
        wait(0.2)
        fills += [event for event in client.events(timeout=0) if isinstance(event, Fill)]
    client.cancel_all(MARKET)
    fees = sum(fill.fee for fill in fills)
    print(f"quoted {MARKET} 10 times, {len(fills)} fills, {fees:.2f} USD of fees, {len(client.open_orders())} orders left")
