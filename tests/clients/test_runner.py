"""The lab's bots over a socket: the same commands, and the same venue afterwards, as where nothing lies between the two."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from front import Front
from test_execution import sandbox
from test_sockets import Server
from test_three import serving

from perplab.clients import Client, LocalClient, SyncClient
from perplab.clients.bots.arbitrage import ArbitrageTerms, Arbitrageur
from perplab.clients.bots.base import NOTHING, Action, Bot, Rows, Seat, View, pack
from perplab.clients.bots.bidder import Bidder, BidderTerms
from perplab.clients.bots.market_maker import MakerTerms, MarketMaker, Withdrawal, ladder
from perplab.clients.bots.momentum import Momentum, MomentumTerms
from perplab.clients.bots.taker import Flow, NoiseTaker
from perplab.clients.bots.trader import Trader, TraderTerms
from perplab.clients.carrying import run, run_async, stepped
from perplab.clients.local import START, LocalHost
from perplab.clients.runner import Ran, Runner, event_of, seat
from perplab.exchange import load_venue
from perplab.exchange.codes import FIRST_USER
from perplab.exchange.events import EVENT_OF, MarkMoved, Traded, event_of_row
from perplab.exchange.messages import COMMAND_OF, KIND_COLUMN, Deposit, Place, Side, TakeAuction, TimeInForce
from perplab.exchange.server.naming import named_event
from perplab.exchange.server.store import resume

SECOND = 10**9
USD = 10**6
FOR_S = 12
FEAR = Withdrawal(calm_bp=2.0, wild_bp=10.0, bid=0.95, ask=0.77, rise_s=5.0, fall_s=60.0)
Log = list[tuple[int, bytes]]


def outside(ts: int) -> float:
    """What the bots hear of the world: a wave around the price at the start. [ticks]"""
    return 60_000.0 * (1.0 + 0.0008 * math.sin((ts - START) / SECOND))


def maker(place: Seat) -> Bot:
    depth = np.array([1e6, 1e7, 1e8]) * USD
    shape = ladder(8, 1.0, np.array([1.0, 10.0, 100.0]), depth, depth)
    return MarketMaker(place, MakerTerms(shape, FEAR, SECOND // 2, SECOND // 3, leverage=5.0, skew_bp=5.0))


def taker(place: Seat) -> Bot:
    draw = np.random.default_rng(7)
    count = 40
    sides = draw.integers(0, 2, count)
    limits = np.where(sides == int(Side.BUY), 60_300, 59_700)
    times = START + np.sort(draw.integers(SECOND, FOR_S * SECOND, count))
    return NoiseTaker(place, Flow(times, sides, draw.integers(100, 5_000, count), limits))


def bidder(place: Seat, auctions: bool = False) -> Bot:
    discount, share = np.array([5.0, 20.0, 50.0]), np.array([0.2, 0.3, 0.5])
    return Bidder(place, BidderTerms(SECOND, SECOND // 2, SECOND // 10, discount, share, 3.0, 0.2, 10.0, auctions))


class Echo(Bot):
    """Hears its own fills: one small order a second, and what it has got is sold again at once."""

    hears = frozenset({Traded.KIND})

    def on_start(self, ts: int, view: View) -> Action:
        return NOTHING, ts + SECOND

    def on_wake(self, ts: int, view: View) -> Action:
        order = Place(0, self.seat.account, self.seat.market, Side.BUY, view.ask, 100, tif=TimeInForce.IOC)
        return pack(order), ts + SECOND

    def on_event(self, ts: int, event: object) -> Action:
        assert isinstance(event, Traded)
        if event.taker_side == Side.SELL:
            return NOTHING, None
        return pack(Place(0, self.seat.account, self.seat.market, Side.SELL, 59_000, event.size, tif=TimeInForce.IOC)), None


BOTS: dict[str, Callable[[Seat], Bot]] = {
    "maker": maker,
    "taker": taker,
    "bidder": bidder,
    "echo": Echo,
    "arbitrageur": lambda place: Arbitrageur(place, ArbitrageTerms(SECOND // 4, SECOND // 5, 3.0, 1.0, 30_000 * USD, 3.0)),
    "momentum": lambda place: Momentum(place, MomentumTerms(SECOND // 2, SECOND // 3, 4, 1.0, 0.2, 20_000 * USD, 3.0, 20.0)),
}


def joined(client: LocalClient | SyncClient, make: Callable[[Seat], Bot], log: Log) -> Runner:
    client.faucet("100000")
    bot = make(seat(client, "BTC"))
    return Runner(bot, outside=outside, for_s=FOR_S, log=lambda ts, rows: log.append((ts, rows.tobytes())))


def locally(make: Callable[[Seat], Bot]) -> tuple[Log, Ran, str]:
    client, log = LocalClient(host=sandbox()), Log()
    ran = run(client, joined(client, make, log), stepped(client))
    return log, ran, client.host.exchange.state_hash()


def directly(make: Callable[[Seat], Bot]) -> tuple[Log, str]:
    """The bot on the venue, as the lab has it: no wire, and views of the venue's own queries."""
    client, log = LocalClient(host=sandbox()), Log()
    host = client.host
    client.faucet("100000")
    place = seat(client, "BTC")
    bot, venue = make(place), host.exchange

    def view(ts: int) -> View:
        return View(
            venue.best_bid(0), venue.best_ask(0), venue.last_price(0), venue.mark_price(0), venue.oracle_price(0), outside(ts),
            venue.position(place.account, 0).size, venue.equity(place.account), venue.maintenance_margin(place.account),
        )  # fmt: skip

    def act(ts: int, action: Action) -> int | None:
        rows, wake = action
        if len(rows):
            log.append((ts, rows.tobytes()))
            host.carry_out(vec_of(rows))
        return wake

    now = host.clock.now()
    end, wake = now + FOR_S * SECOND, act(now, bot.on_start(now, view(now)))
    while now < end:
        if wake is not None and wake <= now:
            wake = act(now, bot.on_wake(now, view(now)))
        left = min([SECOND, end - now, *([] if wake is None else [wake - now])]) / SECOND
        now = host.clock.step(max(1, round(left * 1000)) * 1_000_000)
        host.pass_time()
    return log, venue.state_hash()


def vec_of(rows: Rows) -> object:
    from librt.vecs import vec
    from mypy_extensions import i64

    return vec[i64](memoryview(np.ascontiguousarray(rows)).cast("B").cast("q"))


@pytest.mark.parametrize("name", BOTS)
def test_a_bot_does_the_same_over_a_socket(name: str) -> None:
    make = BOTS[name]
    log, ran, state = locally(make)
    host, over = sandbox(), Log()
    with serving(host) as port, SyncClient(port=port, name="alice") as client:
        assert run(client, joined(client, make, over), stepped(client)) == ran
    assert over == log and host.exchange.state_hash() == state
    assert ran.commands >= 2 and ran.lost == 0 and ran.end - ran.start == FOR_S * SECOND
    if name == "echo":
        assert ran.events > 20, "it hears its fills, and answers"
    else:
        assert directly(make) == (log, state), "nor is there a difference to the bot on the venue itself"


def test_a_bot_does_the_same_over_asyncio() -> None:
    log, ran, state = locally(maker)
    host, over = sandbox(), Log()

    async def script(port: int) -> Ran:
        async with Client(port=port, name="alice") as client:
            await client.faucet("100000")
            bot = maker(seat(client, "BTC"))
            runner = Runner(bot, outside=outside, for_s=FOR_S, log=lambda ts, rows: over.append((ts, rows.tobytes())))
            return await run_async(client, runner, lambda seconds: client.ask("step", ms=max(1, round(seconds * 1000))))

    with serving(host) as port:
        assert asyncio.run(script(port)) == ran
    assert over == log and host.exchange.state_hash() == state


def test_a_server_in_a_process_of_its_own_ends_in_the_same_state(tmp_path: Path) -> None:
    """`perplab serve`, killed afterwards; its journal leads to the state that the bot has left in this process."""
    log, ran, state = locally(maker)
    over = Log()
    server = Server(*["--clock", "step", "--seed", "1", "--trust", "--journal"], str(tmp_path / "journal"))
    with SyncClient(port=server.port, name="alice") as client:
        assert run(client, joined(client, maker, over), stepped(client)) == ran
    server.stop()
    _, found = resume(tmp_path / "journal", "none", load_venue("sandbox"), lambda share: None)
    assert over == log and found.exchange.state_hash() == state


def test_a_bidder_hears_of_an_auction_and_bids() -> None:
    host = LocalHost("auction_fund_adl")
    carol = LocalClient("carol", host=host, prices={"BTC-PERP": 60_000})
    long, short = carol.join("long"), carol.join("short")
    for client, money in ((long, "63000"), (short, "10000000"), (carol, "10000000")):
        client.faucet(money)
    short.sell("BTC-PERP", "40", "60000")
    long.market_buy("BTC-PERP", "40")
    sent: list[Rows] = []
    runner = Runner(bidder(seat(carol, "BTC-PERP"), auctions=True), for_s=30, log=lambda ts, rows: sent.append(rows.copy()))

    def between(seconds: float) -> None:
        if not long.auctions() and long.ping() > START + 5 * SECOND:
            carol.set_price("BTC-PERP", 59_100)
        carol.step(seconds)

    ran = run(carol, runner, between)
    kinds = [COMMAND_OF[kind] for rows in sent for kind in rows[:, KIND_COLUMN].tolist()]
    assert ran.events >= 1 and kinds.count(TakeAuction) >= 1
    assert carol.positions()[0].size > 0


def test_a_deposit_goes_to_the_faucet() -> None:
    client = LocalClient()
    bob = client.join("bob")
    client.faucet("1000")
    bob.faucet("100000")
    bob.sell("BTC", "0.5", "60000")
    client.market_buy("BTC", "0.5")
    terms = TraderTerms(SECOND, SECOND, asset=0, alarm=100.0, amount=500 * USD, times=3)
    before = client.balances()[0].cash
    ran = run(client, Runner(Trader(seat(client, "BTC"), terms), for_s=10))
    assert ran.commands == 3 and ran.refused == {} and client.balances()[0].cash - before == 1500


def test_refusals_are_counted_and_wrong_wakes_told() -> None:
    class Wild(Bot):
        def on_start(self, ts: int, view: View) -> Action:
            account, market = self.seat.account, self.seat.market
            good, bad = (Place(0, account, market, Side.BUY, 59_000, lots) for lots in (100, 10**9))
            return pack(good, Deposit(0, account, 5, 1), bad, Place(0, account + 1, market, Side.BUY, 59_000, 100)), ts + SECOND

        def on_wake(self, ts: int, view: View) -> Action:
            return NOTHING, ts

    client = LocalClient()
    client.faucet("1000")
    runner = Runner(Wild(seat(client, "BTC")), for_s=10)
    with pytest.raises(ValueError, match=r"Wild asked at \d+ to be woken at \d+: expected later, or None"):
        run(client, runner)
    assert client.protocol.taps == []
    runner = Runner(Wild(seat(client, "BTC")), for_s=0.5)
    ran = run(client, runner)
    assert ran.commands == 4 and sum(ran.refused.values()) == 3
    assert set(ran.refused) == {"OUT_OF_BOUNDS", "INSUFFICIENT_MARGIN", f"account {FIRST_USER + 1} is not yours"}


def test_a_bot_that_wants_to_hear_what_no_stream_tells() -> None:
    class Curious(Bot):
        hears = frozenset({MarkMoved.KIND})

    with pytest.raises(ValueError, match="Curious wants to hear MarkMoved, which no stream tells in full"):
        Runner(Curious(Seat(FIRST_USER, 0, 1)))


def test_every_event_comes_back_from_its_names() -> None:
    for kind in EVENT_OF:
        row = [kind, *range(1, 16)]
        assert event_of(named_event(row)) == event_of_row(row)
        negative = [kind, 1, 2, *[-1] * 13]
        assert event_of(named_event(negative)) == event_of_row(negative)


def test_a_venue_that_goes_back_ends_a_run() -> None:
    client = LocalClient(host=sandbox())
    operator = client.join("operator")
    runner = joined(client, maker, [])
    operator.ask("snapshot", name="before")

    def between(seconds: float) -> None:
        client.step(seconds)
        if client.ping() > START + 3 * SECOND:
            operator.ask("rewind", name="before")

    ran = run(client, runner, between)
    assert ran.why == "the venue went back to an earlier state" and ran.wakes > 4


def test_commands_whose_reply_is_lost_are_asked_for_and_not_sent_again() -> None:
    """The connection breaks when the second block of commands was carried out, before anything of it was said."""
    blocks = 0

    def cut(number: int, data: bytes) -> bool:
        nonlocal blocks
        blocks += b"rows" in data
        return number == 1 and blocks == 2

    class Steady(Bot):
        def on_start(self, ts: int, view: View) -> Action:
            return NOTHING, ts + 1

        def on_wake(self, ts: int, view: View) -> Action:
            order = Place(0, self.seat.account, self.seat.market, Side.BUY, 59_000, 10)
            return pack(order, order), ts + SECOND

    server = Front(cut)
    try:
        with SyncClient(port=server.port, name="alice") as client:
            client.faucet("100000")
            market = next(iter(client.venue.markets))

            def wait(seconds: float) -> None:
                server.host.advance(max(1, round(seconds * SECOND)))

            ran = run(client, Runner(Steady(seat(client, market)), for_s=4), wait)
            assert (ran.commands, ran.lost, ran.refused) == (8, 0, {}) and server.connections == 2
            assert len(client.open_orders()) == 8, "each once"
    finally:
        server.close()
