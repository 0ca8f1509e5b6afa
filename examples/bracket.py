"""Let the venue look after a position, and rehearse what it does: a bracket, a trailing stop, the kill switch: python bracket.py [PORT].

Needs `perplab serve --clock step --trust`: who is trusted may be the operator too, and lets the price jump. All of this waits at the
venue, also when this program has ended.
"""

import sys
import time

from perplab.clients import Refused, SyncClient, types
from perplab.clients.execution import stepped
from perplab.exchange.codes import AccountMode, Side


def hear(when):
    print(f"{when}: the mark is {client.ticker('BTC').mark} USD")
    for event in client.events(timeout=0):
        if isinstance(event, types.TriggerPlaced):
            where = f"{event.trail:.0%} behind the best price" if event.trail else f"at {event.price}"
            print(f"  waits: {event.trigger.name}, to {event.side.name} {where}")
        elif isinstance(event, types.TriggerFired):
            print(f"  fires at {event.source_price}: a market order for {event.size:f}")
        elif isinstance(event, types.TriggerCancelled | types.OrderCancelled):
            print(f"  {'an order' if isinstance(event, types.OrderCancelled) else 'a trigger'} goes: {event.reason.name}")
        elif isinstance(event, types.Fill):
            print(f"  {event.side.name} {event.size:f} at {event.price}")
        elif isinstance(event, types.AccountModeSet):
            print(f"  the account is {event.mode.name}")


port, name = int(sys.argv[1]) if len(sys.argv) > 1 else 3100, f"bracket-{time.time_ns() % 10**9}"
with SyncClient(port=port, name=name) as client, SyncClient(port=port, name="operator") as operator:
    client.faucet("100000")
    client.subscribe_private()
    wait, ask = stepped(operator), client.depth("BTC").asks[0].price
    order = types.NewBracket(market="BTC", side=Side.BUY, size="0.1", price=ask + 20, take_profit=ask + 3_000, stop=ask - 600)
    client.place_bracket(order)
    client.trailing_stop("BTC", Side.SELL, "0.01", slippage="0.005")
    hear("bought")
    for jump in (20_000, -15_000):  # [ppm]
        operator.ask("world", shock_ppm=jump, market="BTC")
        wait(5)
        hear(f"after a jump of {jump / 10_000:+} %")
    print(f"gained: {client.balances()[0].cash - 100_000:+.2f} USD, {len(client.positions())} positions")

    client.buy("BTC", "0.1", ask - 5_000)
    client.set_account_mode(AccountMode.REDUCE_ONLY)
    hear(f"killed, {len(client.open_orders())} orders are left")
    try:
        client.buy("BTC", "0.1", ask - 5_000)
    except Refused as error:
        print(f"  refused: {error.message}")
    client.set_account_mode(AccountMode.NORMAL)
    hear("and let in again")
