"""Fill-or-kill orders of a batch, where nothing else trades: the first that fills whole sets the price. The auction finds it by what each
side has in sum; here every order is asked for by itself, with a price and a volume of its own."""

from __future__ import annotations

from choices import Drawn, Seeded, Source, examples
from hypothesis import given
from hypothesis import strategies as st
from kit import BTC, SECOND, START, plain_venue, usd

from perplab.exchange import Exchange
from perplab.exchange import messages as m
from perplab.exchange.engine import restore
from perplab.exchange.schema import kinds as k
from perplab.exchange.state.market import Market
from perplab.exchange.trading.batch import BatchDesk
from perplab.exchange.trading.clearing import Offer, clearing_price, volume_at
from perplab.exchange.trading.order import Order

BATCH = {"sequencing": {"rule": "batch_auction", "interval_ms": 1_000}}
GTC, IOC, FOK, POST_ONLY = 0, 1, 2, 3
POINTS = st.lists(st.tuples(st.integers(1, 12), st.integers(0, 5)), max_size=8)


@examples(400)
@given(POINTS, POINTS, st.integers(0, 1), st.integers(1, 12), st.integers(1, 20), st.integers(1, 14))
def test_what_a_side_offers_in_sum_decides(
    buys: list[tuple[int, int]], sells: list[tuple[int, int]], side: int, limit: int, lots: int, reference: int
) -> None:
    """Points of a book and of orders that trade at no price, and one order more, which is to fill whole."""
    buys, sells = sorted(buys, reverse=True), sorted(sells)
    lowest = min([price for price, lots in sells if lots], default=99)
    buys = [(price, lots if price < lowest else 0) for price, lots in buys]
    assert clearing_price(buys, sells, reference) == 0
    within = (Offer(buys, -1) if side else Offer(sells, 1)).within(limit)
    assert within == sum(size for price, size in (buys if side else sells) if (price >= limit if side else price <= limit))
    told = ([*buys, (limit, lots)], sells) if side == 0 else (buys, [*sells, (limit, lots)])
    price = clearing_price(*told, reference)
    is_within = price != 0 and (price >= limit if side else price <= limit)
    assert (within >= lots) == (is_within and min(volume_at(price, *told)) >= lots)


def slow_first(desk: BatchDesk, market: Market, plain: list[Order], whole: list[Order]) -> Order | None:
    """The first of the fill-or-kill orders that fills whole: each is put to the plain ones, and a price is found anew."""
    for o in whole:
        price = desk.price(market, [*plain, o])
        if price != 0 and (price <= o.limit if o.side == k.BUY else price >= o.limit):
            if min(volume_at(int(price), *desk.sides(market, [*plain, o], [*plain, o]))) >= o.left:
                return o
    return None


def asked_of_a_copy(exchange: Exchange, ts: int) -> tuple[int, int]:
    """The block due at `ts`, on a copy of the venue: its orders come in, and both ways choose. Returns the id of the one chosen (-1: some
    plain orders trade; 0: none) and how many there were to choose from."""
    copy = restore(exchange.snapshot())
    desk = copy.sequencer.batch
    assert desk is not None
    copy.state.now = ts
    copy.state.schedule.pop()
    tickets = copy.sequencer.block()
    desk.begin()
    copy.take_turns(tickets)
    orders = list(desk.orders.values())
    market = copy.state.markets[BTC]
    plain, whole = [o for o in orders if o.tif != FOK], [o for o in orders if o.tif == FOK]
    if desk.price(market, plain) != 0:
        return -1, len(whole)
    chosen = slow_first(desk, market, plain, whole)
    assert desk.first_whole(market, plain, whole) is chosen
    return (int(chosen.order_id) if chosen is not None else 0), len(whole)


def drawn_batches(source: Source, rounds: int) -> tuple[set[int], list[list[m.Event]]]:
    """Random batches of accounts that can hardly pay, over what is left of those before. Most that trade is fill-or-kill."""
    exchange = Exchange(plain_venue(BATCH), None, 16, 16)
    now, chosen, events = START, set(), []
    users = range(8, 13)
    for account in users:
        exchange.apply(m.OpenAccount(now, 1, 0))
        exchange.apply(m.Deposit(now, account, 0, usd(source.pick([200, 400, 2_000, 10**6]))))
    exchange.apply(m.UpdateOracle(now, BTC, 100))
    for _ in range(source.integer(0, 4)):
        exchange.apply(m.BlockTrade(now, source.pick(users), source.pick(users), BTC, source.integer(1, 9), 100))
    for number in range(rounds):
        plain_first = number % 2 == 0
        for _ in range(source.integer(1, 9)):
            account, side, lots = source.pick(users), source.integer(0, 1), source.integer(1, 6)
            tif = source.pick([GTC, GTC, IOC, POST_ONLY, FOK] if plain_first else [FOK, FOK, FOK, FOK, GTC])
            away = source.integer(1, 4) if plain_first else source.integer(-5, 2)
            price = 100 + source.integer(-1, 1) - (away if side == 0 else -away)
            reduce_only, own, client = int(source.chance(30)), source.integer(0, 4), source.integer(0, 12)
            exchange.apply(m.Place(now, account, BTC, side, price, lots, 0, tif, reduce_only, own, client_lo=client))
        for order in [*exchange.open_orders(source.pick(users))][:2]:
            if source.chance(50):
                price = order.price + source.integer(-2, 2)
                exchange.apply(m.Amend(now, order.account, order.order_id, price, source.integer(1, 6)))
        if source.chance(30):
            exchange.apply(m.UpdateOracle(now, BTC, source.integer(97, 103)))
        now = (now // SECOND + 1) * SECOND
        if exchange.state.pending.live:
            order_id, count = asked_of_a_copy(exchange, now)
            chosen.add(order_id if order_id <= 0 or count < 2 else 1)
        events.append(exchange.apply(m.Tick(now)))
        exchange.check()
    return chosen, events


@examples(60)
@given(st.data())
def test_the_auction_chooses_the_order_that_asking_one_by_one_does(data: st.DataObject) -> None:
    drawn_batches(Drawn(data), 4)


def test_it_chooses_in_all_cases() -> None:
    """On seeds, where it is known that plain orders trade, that one of several is chosen, and that none is."""
    chosen: set[int] = set()
    for seed in range(40):
        more, _ = drawn_batches(Seeded(seed), 6)
        chosen |= more
    assert {-1, 0, 1} <= chosen


def test_many_fill_or_kill_orders_ask_for_one_walk() -> None:
    """A thousand that cannot fill over a thousand levels: each meets the sums, and the first that does fill sets the price."""
    exchange = Exchange(plain_venue({**BATCH, "max_open_orders": 1_200}), None, 4_096, 16)
    for account in (8, 9):
        exchange.apply(m.OpenAccount(START, 1, 0))
        exchange.apply(m.Deposit(START, account, 0, 10**15))
    exchange.apply(m.UpdateOracle(START, BTC, 10_000))
    for number in range(1_000):
        exchange.apply(m.Place(START, 8, BTC, 1, 10_001 + number, 1, 0, POST_ONLY))
    exchange.apply(m.Tick(START + SECOND))
    for number in range(1_000):
        exchange.apply(m.Place(START + SECOND, 9, BTC, 0, 10_001 + number, number + (1 if number == 998 else 2), 0, FOK))
    events = exchange.apply(m.Tick(START + 2 * SECOND))
    (cleared,) = [e for e in events if isinstance(e, m.BatchCleared)]
    assert (cleared.price, cleared.size, len([e for e in events if isinstance(e, m.Rejected)])) == (10_999, 999, 999)
    exchange.check()
