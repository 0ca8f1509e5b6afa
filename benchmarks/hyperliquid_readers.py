"""What subscribers of Hyperliquid's API cost those who trade: round trips of orders over the native TCP session, with and without them.

    python benchmarks/hyperliquid_readers.py [--readers 200] [--seconds 4] [--rounds 3]

The server is on core 0; on core 1 are the orders, and the subscribers in a process of their own, which yields to them. A third of these has
fast books, a third the best prices, a sixth trades, and a sixth all that the front end shows of a user of his own (webData2). Ten times a
second an order trades, so that all but the last hear something as often; how often they did is told. Phases with and without subscribers
take turns on one server. Needs perplab[test].
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import sys
import time
from multiprocessing.synchronize import Event
from statistics import median
from typing import Any, Final

import aiohttp
import click
import msgpack  # type: ignore[import-untyped]
import numpy as np
from load_wire import SERVE, Peer, Server, pin, request

RATE: Final = 200  # requests a second
EVERY: Final = 20  # of which one in so many trades
SECOND: Final = 1_000_000_000
KINDS: Final = ("l2Book", "bbo", "trades", "l2Book", "bbo", "webData2")
TARGET: Final = 2.0  # p99 with subscribers to p99 without


class Trader:
    """One user over the native session, one request at a time. It trades with the house, and places orders far below that it cancels."""

    def __init__(self, port: int) -> None:
        self.peer = Peer(port, "trader")
        self.peer.ask(op="faucet", amount=10**12)
        self.number = 0
        self.resting = 0
        self.side = "BUY"

    def next(self) -> dict[str, Any]:
        self.number += 1
        if self.number % EVERY == 0:
            self.side = "SELL" if self.side == "BUY" else "BUY"
            return {"op": "place", "market": "BTC", "side": self.side, "price": 0, "size": 40, "order_type": "MARKET", "tif": "IOC"}
        if self.resting:
            order, self.resting = self.resting, 0
            return {"op": "cancel", "order_id": order}
        return {"op": "place", "market": "BTC", "side": "BUY", "price": 50_000, "size": 100}

    def trip(self) -> int:
        """How long a request takes [ns], from its last byte to its reply."""
        self.peer.socket.settimeout(10)
        asked = self.next()
        data = request(id=self.number, **asked)
        begun = time.perf_counter_ns()
        self.peer.socket.sendall(data)
        while True:
            for frame in self.peer.read():
                told = msgpack.unpackb(frame[4:])
                if told.get("id") == self.number:
                    took = time.perf_counter_ns() - begun
                    if not told["ok"]:
                        raise RuntimeError(f"{asked}: {told}")
                    if asked.get("price"):
                        self.resting = told["order_id"]
                    return took

    def run(self, seconds: float) -> list[int]:
        due, took = time.perf_counter_ns(), []
        for _ in range(int(seconds * RATE)):
            due = max(due + SECOND // RATE, time.perf_counter_ns() - SECOND)
            time.sleep(max(0, due - time.perf_counter_ns()) / SECOND)
            took.append(self.trip())
        return took


async def read(url: str, number: int, counts: list[int]) -> None:
    """One subscriber, until it is cancelled."""
    kind, user = KINDS[number % len(KINDS)], f"0x{2**100 + number:040x}"
    about = {"user": user} if kind == "webData2" else {"coin": "BTC", "fast": True} if kind == "l2Book" else {"coin": "BTC"}
    async with aiohttp.ClientSession() as client, client.ws_connect(url) as socket:
        await socket.send_json({"method": "subscribe", "subscription": {"type": kind, **about}})
        async for _ in socket:
            counts[number] += 1


async def read_all(url: str, readers: int, ready: Event, stop: Event) -> list[int]:
    counts = [0] * readers
    tasks = [asyncio.create_task(read(url, number, counts)) for number in range(readers)]
    while min(counts) < 2:  # the reply to its subscription, and what it begins with
        for task in tasks:
            assert not task.done(), task.exception()
        await asyncio.sleep(0.05)
    counts[:] = [0] * readers
    ready.set()
    while not stop.is_set():
        await asyncio.sleep(0.05)
    found = list(counts)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return found


def subscribers(url: str, readers: int, ready: Event, stop: Event, told: Any) -> None:
    pin(1)
    os.nice(10)
    told.put(asyncio.run(read_all(url, readers, ready, stop)))


def p99(took: list[int]) -> float:
    """[us]"""
    return float(np.percentile(took, 99)) / 1_000


def with_subscribers(trader: Trader, url: str, readers: int, seconds: float) -> tuple[list[int], list[int]]:
    """Round trips [ns], and how many messages each subscriber has heard meanwhile."""
    ready, stop, told = multiprocessing.Event(), multiprocessing.Event(), multiprocessing.Queue()  # type: ignore[var-annotated]
    process = multiprocessing.Process(target=subscribers, args=(url, readers, ready, stop, told))
    process.start()
    assert ready.wait(60), "the subscribers were not told of all"
    took = trader.run(seconds)
    stop.set()
    counts = told.get()
    process.join()
    return took, counts


@click.command()
@click.option("--readers", default=200, show_default=True)
@click.option("--seconds", default=4.0, show_default=True, help="Of each phase.")
@click.option("--rounds", default=3, show_default=True)
def main(readers: int, seconds: float, rounds: int) -> None:
    """Print what was measured."""
    words = ("serve", "--port", "0", "--trust", "--faucet", "10000")
    with Server(sys.executable, "-c", SERVE, *words) as server:
        pin(1)
        trader = Trader(server.port)
        assert server.process.stdout is not None
        line = next(line for line in server.process.stdout if line.startswith("Hyperliquid's API"))
        url = f"ws{line.split(': http')[1].split(' ')[0]}/ws"
        trader.run(1)
        found = []
        for turn in range(rounds):
            before = server.cpu()
            alone, middle = trader.run(seconds), server.cpu()
            beside, counts = with_subscribers(trader, url, readers, seconds)
            heard = sum(counts) / seconds
            found.append((p99(alone), p99(beside), heard, (middle - before) / seconds, (server.cpu() - middle) / seconds))
            print(
                f"round {turn + 1}: p50 {median(alone) / 1e3:,.0f} and {median(beside) / 1e3:,.0f} us, p99 {found[-1][0]:,.0f} and "
                f"{found[-1][1]:,.0f} us; {heard / readers:.1f} messages/s a subscriber; "
                f"server {found[-1][3]:.0%} and {found[-1][4]:.0%} busy"
            )
        ratio = median(beside / alone for alone, beside, *_ in found)
        print(f"{server.build}: p99 with {readers} subscribers to without: {ratio:.2f}, target at most {TARGET:g}")


if __name__ == "__main__":
    main()
