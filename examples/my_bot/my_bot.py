"""A bot to begin from: it quotes both sides of a market around the mark, and leans against what it holds.

`turn` is all of its trading, so a test can call it as often as it likes, at a clock that the test steps. `main` calls it twice a second.
"""

import sys
from decimal import Decimal

from perplab.clients import NewOrder, Refused, SyncClient
from perplab.clients.execution import run
from perplab.clients.risk import Gate, Limits
from perplab.exchange.codes import Side, TimeInForce


class MyBot:
    def __init__(self, client, market="ETH", size="0.5", away_bp=3, most="2"):
        self.client = client  # a SyncClient or a LocalClient: they have the same calls
        self.terms = client.venue.market(market)
        self.size, self.most = Decimal(size), Decimal(most)  # [coins] of a quote, and that it holds at most, long or short
        self.away = Decimal(away_bp) / 10_000  # of a quote from the mark
        self.gate = Gate({market: Limits(order=self.size, position=self.most, open_orders=2)})  # if `quotes` is wrong, nothing is sent
        client.cancel_on_disconnect("account")  # a bot that is cut off does not want to be found quoting

    def held(self):
        """[coins] below zero: short"""
        return sum((one.size for one in self.client.positions() if one.market == self.terms.name), Decimal(0))

    def quotes(self, mark, held):
        """What it wants to have in the book: no client needed, so this is easy to test."""
        lean = self.away * held / self.most  # quotes move against the position, by their whole distance when it is full
        for side, sign in ((Side.BUY, -1), (Side.SELL, 1)):
            if abs(held - sign * self.size) <= self.most:
                price = self.terms.price(self.terms.ticks_near(mark * (1 + sign * self.away - lean), up=side is Side.SELL))
                yield NewOrder(self.terms.name, side, self.size, price, tif=TimeInForce.POST_ONLY)

    def turn(self):
        """Replace all quotes; how many rest afterwards. Raises OverLimit if `quotes` wants more than it may."""
        mark = self.client.ticker(self.terms.name).mark
        self.client.cancel_all(self.terms.name)
        new = list(self.quotes(mark, self.held())) if mark is not None else []
        answers = run(self.client, self.gate.batch(self.client, new)) if new else []
        return sum(not isinstance(answer, Refused) for answer in answers)  # one that would have traded at once is refused


def main(port=3100):
    with SyncClient(port=port, name="my-bot") as client:
        client.faucet("100000")
        bot = MyBot(client)
        while True:
            bot.turn()
            client.wait(0.5)
            print(f"\r{bot.held():+.4f} {bot.terms.name}, equity {client.balances()[0].equity:,.2f} USD ", end="", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
