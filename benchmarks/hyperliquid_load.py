"""What Hyperliquid's API costs: an order through the dialect without and with a signature, and orders a second over loopback.

    python benchmarks/hyperliquid_load.py [--seconds 5] [--connections 8] [--batch 1]

The client is a process of its own, on the other core. Needs perplab[test].
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import subprocess
import sys
import time
from statistics import median
from typing import Any

import aiohttp
import click
from eth_account import Account  # type: ignore[import-untyped]
from hyperliquid.utils.signing import sign_l1_action  # type: ignore[import-untyped]

from perplab.exchange import BUILD, Exchange, load_venue
from perplab.exchange.messages import CancelAll, UpdateOracle
from perplab.exchange.server.clock import Clock
from perplab.exchange.server.host import Host
from perplab.exchange.server.hyperliquid.desk import Desk
from perplab.exchange.server.hyperliquid.dialect import Dialect
from perplab.exchange.server.hyperliquid.identity import Identities
from perplab.exchange.server.hyperliquid.weights import Weights

KEY = "0x" + "1" * 64
ORDERS = 2_000


def order(number: int) -> dict[str, Any]:
    """One that rests, at one of a hundred prices."""
    return {"a": 0, "b": True, "p": str(50_000 + number % 100), "s": "0.001", "r": False, "t": {"limit": {"tif": "Gtc"}}}


def action(number: int, batch: int) -> dict[str, Any]:
    return {"type": "order", "orders": [order(number + one) for one in range(batch)], "grouping": "na"}


def wall() -> int:
    return time.time_ns() // 1_000_000


def cost(is_signed: bool) -> float:
    """[us] of an order of an action of one, whole, engine included: the median of five rounds."""
    host = Host(Exchange(load_venue("sandbox")), Clock(time.time_ns(), 1, time.monotonic_ns), monotonic=time.monotonic_ns, trust=True)
    host.send([UpdateOracle(0, market, price) for market, price in enumerate((60_000, 30_000, 150_000))])
    people = Identities(host, 10**12, wall)
    desk = Desk(Dialect(host, people, wall), people, Weights(is_strict=False))
    wallet = Account.from_key(KEY)
    user = wallet.address.lower()
    account = people.account(user)
    rounds = []
    for turn in range(5):
        bodies = []
        for number in range(ORDERS // 5):
            body: dict[str, Any] = {"action": action(number, 1), "nonce": wall() + turn * ORDERS + number}
            if is_signed:
                body["signature"] = sign_l1_action(wallet, body["action"], None, body["nonce"], None, False)
            else:
                body["user"] = user
            bodies.append(body)
        replies: list[Any] = []
        begun = time.perf_counter()
        for body in bodies:
            desk.exchange(body, "", replies.append)
        rounds.append((time.perf_counter() - begun) / len(bodies) * 1e6)
        assert all("resting" in one["response"]["data"]["statuses"][0] for one in replies), replies[:1]
        assert account is not None
        host.send([CancelAll(0, account)])
    return median(rounds)


async def flood(url: str, seconds: float, connections: int, batch: int, user: str) -> tuple[int, list[float]]:
    """Orders that were answered, and how long each request took [ms]."""
    took: list[float] = []
    ends = time.monotonic() + seconds
    nonces = iter(range(wall(), wall() + 10**9))

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=connections)) as client:
        async with client.post(url + "/info", json={"type": "clearinghouseState", "user": user}) as told:
            await told.read()

        async def ask(what: dict[str, Any]) -> list[Any]:
            body = {"action": what, "nonce": next(nonces), "user": user}
            begun = time.perf_counter()
            async with client.post(url + "/exchange", data=json.dumps(body)) as told:
                reply = json.loads(await told.read())
            took.append((time.perf_counter() - begun) * 1e3)
            statuses: list[Any] = reply["response"]["data"]["statuses"]
            return statuses

        async def one(lane: int) -> int:
            done, open_orders = 0, list[int]()
            while time.monotonic() < ends:
                open_orders += [told["resting"]["oid"] for told in await ask(action(lane * 7 + done, batch))]
                done += batch
                if len(open_orders) >= 100:
                    await ask({"type": "cancel", "cancels": [{"a": 0, "o": number} for number in open_orders]})
                    open_orders.clear()
            return done

        return sum(await asyncio.gather(*map(one, range(connections)))), took


def client(url: str, seconds: float, connections: int, batch: int, told: Any) -> None:
    told.put(asyncio.run(flood(url, seconds, connections, batch, "0x" + "a" * 40)))


def served() -> tuple[subprocess.Popen[str], str]:
    """A server with its house, and its URL."""
    words = ["serve", "--port", "0", "--trust", "--faucet", "50000000"]
    process = subprocess.Popen(
        [sys.executable, "-c", "from perplab.lab.cli import main; main()", *words], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    line = next(line for line in process.stdout if line.startswith("Hyperliquid's API"))
    return process, line.split(": ")[1].split(" ")[0]


@click.command()
@click.option("--seconds", default=5.0, show_default=True)
@click.option("--connections", default=8, show_default=True)
@click.option("--batch", default=1, show_default=True, help="Orders of an action.")
def main(seconds: float, connections: int, batch: int) -> None:
    """Print what was measured."""
    print(f"{BUILD} core, Python {sys.version.split()[0]}")
    print(f"an order through the dialect, engine included: {cost(False):.1f} us without a signature, {cost(True):.1f} us with")
    process, url = served()
    try:
        told = multiprocessing.Queue()  # type: ignore[var-annotated]
        lane = multiprocessing.Process(target=client, args=(url, seconds, connections, batch, told))
        lane.start()
        count, took = told.get()
        lane.join()
    finally:
        process.terminate()
        process.wait()
    took.sort()
    print(
        f"/exchange, {connections} connections, {batch} order{'s' if batch > 1 else ''} an action: {count / seconds:,.0f} orders/s, "
        f"a request took {median(took):.2f} ms, at p99 {took[len(took) * 99 // 100]:.2f} ms"
    )


if __name__ == "__main__":
    main()
