"""How large a long may be for half a per cent of the account to be lost at its stop, with the book as it is: python size.py [PORT].

Needs `perplab serve`. The stop is as far below as one standard deviation of an hour, and the book is half as deep when it is reached. Then
the position is bought, and sold again at once: what that costs is what the two sides of the book were reckoned at.
"""

import sys
import time
from decimal import Decimal

from perplab.clients import SyncClient
from perplab.clients.risk import Chance, Gbm, Trade, intervals_in, ladder_of, largest_leverage, loss_at_stop, position_size

port, name = int(sys.argv[1]) if len(sys.argv) > 1 else 3100, f"size-{time.time_ns() % 10**9}"
with SyncClient(port=port, name=name) as client:
    client.faucet("100000")
    btc, book, ticker = client.venue.market("BTC"), client.depth("BTC"), client.ticker("BTC")
    asks, bids = ladder_of(book, "asks"), ladder_of(book, "bids", share="0.5")
    entry, equity = asks.reference, client.balances()[0].equity
    stop = round(entry * (1 - Decimal("0.8") / Decimal(365 * 24).sqrt()))  # 80 % a year
    plan = Trade(
        entry=entry, stop=stop, entry_slippage=asks, stop_slippage=bids,
        funding_rate=ticker.funding_rate, intervals=intervals_in(4 * 3600, 3600),
    )  # fmt: skip
    sized = position_size(btc, plan, equity=equity, risk="0.005")
    print(f"entry {entry:,.2f}, stop {stop:,}: {sized.size} BTC, bound by {sized.bound}")
    print(f"lost at the stop: {sized.loss.total:.2f} of {sized.budget:.2f} USD")
    for cause in sized.loss.__struct_fields__:
        print(f"  {cause:15} {getattr(sized.loss, cause):8.4f}")

    day = Chance(model=Gbm(0.8), horizon_s=86_400)
    best = largest_leverage(btc, sized.size, entry, day, bound=0.01)
    odds = f"{best.chance.probability:.2%} at {best.leverage}x, {best.beyond.probability:.2%} at {best.leverage + 1}x"
    print(f"liquidated within a day, alone with its margin: {odds}")

    whole = ladder_of(book, "bids")
    expected = loss_at_stop(btc, Trade(entry=entry, stop=entry - 1, entry_slippage=asks, stop_slippage=whole), sized.size)
    bought, sold = client.market_buy("BTC", sized.size), client.market_sell("BTC", sized.size)
    paid = equity - client.balances()[0].cash
    foreseen = expected.total - expected.distance
    print(f"bought at {bought.average_price:,.2f} and sold at {sold.average_price:,.2f}: {paid:.2f} USD, foreseen {foreseen:.2f}")
