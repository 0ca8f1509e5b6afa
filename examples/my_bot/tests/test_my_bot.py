"""Each test has an exchange of its own: seeded, in this process, its clock stepped. The fixture comes with perplab."""

from decimal import Decimal

import pytest
from my_bot import MyBot

from perplab.clients import NewOrder
from perplab.clients.risk import OverLimit
from perplab.exchange.codes import Side


@pytest.fixture
def client(perplab_exchange):
    client = perplab_exchange(world="sandbox", seed=1)  # the book is alive, and the same each time
    client.faucet("100000")
    return client


def test_it_quotes_both_sides(client):
    bot = MyBot(client)
    assert bot.turn() == 2
    assert [order.side.name for order in client.open_orders()] == ["BUY", "SELL"]


def test_it_trades_and_keeps_its_limit(client):
    bot, held = MyBot(client), []
    for _ in range(240):  # two minutes of the venue's time
        bot.turn()
        client.step(0.5)
        held.append(bot.held())
    assert min(held) < 0 < max(held), "others have traded with it, both ways"
    assert max(map(abs, held)) <= bot.most


def test_it_leans_against_its_position(client):
    bot = MyBot(client)
    flat, long = (list(bot.quotes(Decimal(3000), Decimal(held))) for held in ("0", "1"))
    assert [order.price for order in flat] == [Decimal("2999.1"), Decimal("3000.9")]
    assert all(one.price < other.price for one, other in zip(long, flat, strict=True))
    (only,) = bot.quotes(Decimal(3000), Decimal("2"))
    assert only.side.name == "SELL", "full: it buys no more"


def test_a_bug_in_its_quotes_is_not_sent(client):
    bot = MyBot(client)
    bot.quotes = lambda mark, held: [NewOrder("ETH", Side.BUY, 3, 2900)]
    with pytest.raises(OverLimit, match=r"an order of 3 ETH; the limit is 0\.5"):
        bot.turn()
    assert client.open_orders() == ()


def test_nothing_rests_when_the_connection_breaks(client):
    bot = MyBot(client)
    bot.turn()
    client.disconnect()
    assert client.open_orders() == ()  # a new connection: what rested has gone with the old one
    assert bot.turn() == 2, "and it goes on"


def test_a_price_that_jumps_does_not_ruin_it(client):
    bot = MyBot(client)
    begun = client.balances()[0].equity
    for second in range(60):
        if second == 30:
            client.ask("world", market="ETH", shock_ppm=-50_000)  # the outside price falls by 5 %
        bot.turn()
        client.step(1)
    assert client.ticker("ETH").mark < 2900
    assert client.balances()[0].equity > begun - 500
