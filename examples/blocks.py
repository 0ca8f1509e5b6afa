"""Trade where commands wait for the next block: python blocks.py [PORT].

Needs `perplab serve --venue examples/blocks.toml --clock step --seed 1 --trust`. A reply says that a command is queued, and when it is due;
what comes of it is told later: by the private stream, and by `settled`, which waits for it.
"""

import sys
import time
from decimal import Decimal

from perplab.clients import CommandQueued, Fill, OrderOpened, Refused, Rejected, SyncClient
from perplab.clients.execution import run, stepped
from perplab.clients.queued import carried_out, settled

MARKET = "ETH"

with SyncClient(port=int(sys.argv[1]) if len(sys.argv) > 1 else 3100, name=f"blocks-{time.time_ns() % 10**9}") as client:
    wait = stepped(client)
    client.faucet("100000")
    client.subscribe_private()
    wait(2)
    terms = client.venue.sequencing
    print(f"{terms.rule}, every {terms.terms['interval_ms']} ms, {terms.terms['order']}")
    order = client.market_buy(MARKET, "0.5")
    print(f"queued under ticket {order.ticket}, due in {(order.due - client.ping()) / 10**9:.1f} s; {order.filled} filled, as yet")
    order = run(client, settled(client, order), wait)
    print(f"then: {order.state.name}, {order.filled} filled")
    for event in client.events(timeout=0):
        if isinstance(event, CommandQueued | OrderOpened | Fill):
            print(f"  {type(event).__name__}" + (f" of {event.size}" if isinstance(event, OrderOpened) else ""))
    away = (client.ticker(MARKET).mark * Decimal("0.99")).quantize(client.venue.market(MARKET).tick)
    resting = run(client, settled(client, client.buy(MARKET, "0.5", away)), wait)
    print(f"{resting.state.name}, at {'its price' if resting.price == away else resting.price}")
    late = client.buy(MARKET, "0.5", away - 1)
    waits = client.cancel_all()  # of the same block: a cancel comes first, but this one meets what was queued before it
    print(f"{len(client.pending())} commands wait")
    run(client, carried_out(client, late.ticket, waits.ticket), wait)
    print(f"{len(client.open_orders())} orders are open")
    try:
        run(client, settled(client, client.buy(MARKET, "5000", away)), wait)
    except Refused as error:
        print(f"refused, two seconds later: {error.reason}")
    print(f"{sum(isinstance(event, Rejected) for event in client.events(timeout=0))} refusals were heard of")
