"""`perplab serve`: a sandbox exchange composed of a venue, a clock, a world and a server, and run until it is told to stop."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from .options import FOLDER

if TYPE_CHECKING:
    from perplab.exchange import Exchange
    from perplab.exchange.server.gateway import Gateway
    from perplab.exchange.server.spoken import Dialect
    from perplab.exchange.server.store import Opened, Store
    from perplab.exchange.server.tcp import TcpServer

    from .world import World

SYNC_HELP: Final = (
    "When a command is acknowledged: strict, once it is on the disk; batch, once the operating system has it, and it is on the disk within "
    "10 ms: a killed server loses nothing, a power failure the last 10 ms at most; none, at once: the last second may be lost."
)
FIXED_START: Final = 1_767_225_600_000_000_000  # [ns] 2026-01-01T00:00:00Z, where the clock is stepped: so that a session repeats
LOOPBACK: Final = "127.0.0.1"


class ClockText(click.ParamType[int]):
    """real, step, or x10."""

    name = "real|xN|step"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        from perplab.exchange.server.clock import MAX_SPEED

        if isinstance(value, int):
            return value
        text = str(value)
        if text in ("real", "step"):
            return 1 if text == "real" else 0
        if text[:1] == "x" and text[1:].isdecimal() and 1 <= int(text[1:]) <= MAX_SPEED:
            return int(text[1:])
        self.fail(f"{text!r} given, expected real, step, or x and a whole number up to {MAX_SPEED}, such as x60", param, ctx)


@click.command(short_help="Run a sandbox exchange that bots connect to.")
@click.option("--venue", default="sandbox", show_default=True, metavar="NAME|FILE", help="The venue's design.")
@click.option("--port", type=click.IntRange(0, 65535), default=3100, show_default=True, help="Of TCP; 0 takes one that is free.")
@click.option(
    "--host", "address", default=LOOPBACK, show_default=True, help="Address to listen on. Others than loopback open it to the network."
)
@click.option(
    "--clock", type=ClockText(), default="real", show_default=True, help="The venue's time: as the world's, N times as fast, or stepped."
)
@click.option(
    "--world", metavar="NAME|FILE|none", help="Prices and house bots around the venue.  [default: the shipped one that has its markets]"
)
@click.option("--seed", type=click.IntRange(0, 2**31), default=1, show_default=True, help="Of all that the world draws.")
@click.option("--trust", is_flag=True, help="Let clients log in with a name alone, without keys.")
@click.option(
    "--limits", default="open", show_default=True, type=click.Choice(["open", "venue", "tight"]), help="Rate limits of a connection."
)
@click.option("--journal", "folder", type=FOLDER, help="Folder of a journal: state survives.")
@click.option(
    "--gateway/--no-gateway",
    "has_gateway",
    default=True,
    show_default=True,
    help="JSON over WebSocket and a dashboard, at TCP's port + 1.",
)
@click.option(
    "--faucet",
    type=click.IntRange(0, 50_000_000),
    default=10_000,
    show_default=True,
    metavar="USD",
    help="What an address has when it is first heard of, over Hyperliquid's API; 0: it has an account when it is sent money, by "
    "`perplab ctl grant` or by others.",
)
@click.option(
    "--weights", type=click.Choice(["off", "documented"]), default="off", show_default=True, help="Hyperliquid's rate limits, over its API."
)
@click.option("--log", "log", metavar="FILE|-", help="Write what happens to the server, one JSON object a line; -: to standard error.")
@click.option("--sync", type=click.Choice(["strict", "batch", "none"]), default="batch", show_default=True, help=SYNC_HELP)
def serve(
    venue: str, port: int, address: str, clock: int, world: str | None, seed: int, trust: bool, limits: str, folder: Path | None,
    has_gateway: bool, faucet: int, weights: str, log: str | None, sync: Any,
) -> None:  # fmt: skip
    """Start an exchange on this machine that bots trade against over sockets: real matching, margin, funding and liquidation.

    The book is alive from the first second. Stop it with Ctrl-C. `perplab docs api` describes the wire; bots that speak Hyperliquid's API
    run unchanged against the gateway: `perplab docs hyperliquid`.
    """
    from perplab.exchange import BUILD
    from perplab.exchange.server.clock import Clock
    from perplab.exchange.server.host import Host
    from perplab.exchange.server.limits import PROFILES
    from perplab.exchange.server.log import logged

    exchange, store, found = opened(venue, folder, sync)
    start = max(time.time_ns() if clock else FIXED_START, exchange.now)
    host = Host(
        exchange, Clock(start, clock, time.monotonic_ns), monotonic=time.monotonic_ns, limits=PROFILES[limits], trust=trust, store=store,
        kept=found.kept if found is not None else None, complain=lambda text: click.echo(f"warning: {text}", err=True),
    )  # fmt: skip
    if store is not None:
        host.remember(found.names, found.recent, found.paid) if found is not None else host.remember({})
        host.epoch = store.epoch(host.epoch)
    for _ in host.passing(start):  # what has fallen due since the journal ended
        pass
    if world != "none":
        host.attach(world_of(world, seed, start, exchange, folder))
        host.pass_time()
    admin = (
        None
        if trust
        else next((key for key in host.people.keys.values() if "admin" in key.scopes), None)
        or host.key_of(host.people.user("admin"), ("trade", "read", "admin"))
    )
    hint = "clients log in with any name" if admin is None else f"the operator's key is {admin.key}, its secret {admin.secret}"
    keys = "" if admin is None else f" --key {admin.key} --secret {admin.secret}"
    told = f"{exchange.design.name}, {BUILD} core, " + (f"journal in {folder} ({sync})" if folder else "state in memory")
    dialect = dialect_of(host, faucet, weights) if has_gateway else None
    gc.collect()
    gc.freeze()  # what is there by now stays: no later collection has to look at it, which takes 25 ms
    with logged(log):
        asyncio.run(run(host, address, port, dialect, told, hint, keys))


def dialect_of(host: Any, faucet: int, weights: str) -> Dialect:
    """Hyperliquid's API for a host. Raises ClickException."""
    from perplab.exchange.server.hyperliquid.desk import Desk
    from perplab.exchange.server.hyperliquid.dialect import Dialect as Shared
    from perplab.exchange.server.hyperliquid.identity import Identities
    from perplab.exchange.server.hyperliquid.shell import Shell
    from perplab.exchange.server.hyperliquid.weights import Weights
    from perplab.exchange.units import MICRO

    def wall() -> int:
        return time.time_ns() // 1_000_000

    try:
        people = Identities(host, faucet * MICRO, wall)
    except ValueError as error:
        raise click.ClickException(f"hyperliquid.json in the journal's folder cannot be read: {error}") from None
    return Shell(Desk(Shared(host, people, wall), people, Weights(weights == "documented")))


def opened(venue: str, folder: Path | None, sync: Any) -> tuple[Exchange, Store | None, Opened | None]:
    """The venue, new or as its journal leaves it; the journal; and what was found in it."""
    from perplab.exchange import Exchange, load_venue
    from perplab.exchange.server import store as stores

    design = load_venue(venue)
    if folder is None:
        return Exchange(design), None, None
    if not folder.exists() or not stores.has_journal(folder):
        store = stores.begin(folder, sync)
        return Exchange(design, store), store, None
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(f"replaying {folder}", total=1.0)
        store, found = stores.resume(folder, sync, design, lambda share: bar.update(task, completed=share))
    click.echo(f"{folder}: {found.commands:,} commands replayed, state {found.exchange.state_hash()[:16]}", err=True)
    if found.dropped_bytes:
        click.echo(f"{folder}: its last {found.dropped_bytes:,} bytes were no whole record and were cut off", err=True)
    found.exchange.journal = store
    return found.exchange, store, found


def world_of(name: str | None, seed: int, start: int, exchange: Exchange, folder: Path | None) -> World:
    """The world, by default the shipped one that fits; of a venue that goes on, the one that it was begun with, as it was last."""
    from perplab.exchange.server.store import replace

    from .world import World, fitting_world, load_world

    path = folder / "world.json" if folder is not None else None
    if path is not None and path.exists():
        begun = json.loads(path.read_text(encoding="utf-8"))
        name, seed, first = begun["world"], begun["seed"], begun["start"]
        world = World(load_world(name), exchange, seed, first, name)
        if "state" in begun:
            world.set_state(begun["state"])
        world.next = start
        return world
    name = name or fitting_world(exchange.design)
    world = World(load_world(name), exchange, seed, start, name)
    if path is not None:
        replace(path, json.dumps({"world": name, "seed": seed, "start": start}).encode())
    return world


async def run(host: Any, address: str, port: int, dialect: Dialect | None, told: str, hint: str, keys: str) -> None:
    """Serve until SIGINT or SIGTERM. `keys`: what the operator has to give behind a port."""
    from perplab.exchange import BUILD
    from perplab.exchange.server.log import note
    from perplab.exchange.server.tcp import TcpServer

    server = TcpServer(host)
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    asked = port
    try:
        port = await server.start(address, asked)
    except OSError as error:
        raise taken(address, asked, error, "is a server running already? --port 0 takes a free one") from None
    gateway = await begun(server, address, port, asked + 1 if asked else 0, dialect) if dialect is not None else None
    click.echo(f"perplab sandbox: {told}; msgpack over TCP at {address}:{port}")
    if gateway is not None:
        click.echo(f"The same as JSON over WebSocket at {gateway.socket_url}; a dashboard for people is {gateway.page_url}")
        click.echo(
            f"Hyperliquid's API, for bots that speak it: {gateway.page_url.rstrip('/')} (what is covered: {gateway.page_url}coverage)"
        )
    click.echo(f"Users make themselves a key by the faucet; {hint}.")
    click.echo(f"To operate it: perplab ctl ping --port {port}{keys}")
    click.echo(f"Try, in another terminal: python examples/first_fill.py {port}   `perplab docs api` describes the wire. Ctrl-C stops.")
    sys.stdout.flush()
    note(
        "start", venue=host.exchange.design.name, build=BUILD, tcp=f"{address}:{port}", http=gateway.page_url if gateway else None,
        journal=str(host.store.folder) if host.store else None, seq=host.exchange.state.log.seq, epoch=host.epoch,
    )  # fmt: skip
    await stopped.wait()
    await server.close()
    if gateway is not None:
        await gateway.close()
    if host.store is not None:
        host.store.close()
    note("stop", commands=host.commands, seq=host.exchange.state.log.seq)
    click.echo("stopped", err=True)


async def begun(server: TcpServer, address: str, tcp: int, port: int, dialect: Dialect) -> Gateway:
    """The gateway beside a TCP server. Raises ClickException."""
    from perplab.exchange import BUILD
    from perplab.exchange.server.dashboard_files import Dashboard
    from perplab.exchange.server.gateway import Gateway
    from perplab.exchange.server.status import Facts

    from .rehearse import for_dashboard

    facts, dashboard = Facts(BUILD, f"{address}:{tcp}", time.time_ns()), Dashboard(server.host.trust, for_dashboard())
    gateway = Gateway(server.host, facts, server.stir, dialect, dashboard)
    hint = "the gateway takes the port after that of TCP; another --port, or --no-gateway"
    try:
        await gateway.start(address, port)
    except OverflowError:
        raise click.ClickException(f"{address}:{port}: there is no such port; {hint}") from None
    except OSError as error:
        raise taken(address, port, error, hint) from None
    return gateway


def taken(address: str, port: int, error: OSError, hint: str) -> click.ClickException:
    return click.ClickException(f"{address}:{port}: {os.strerror(error.errno) if error.errno else error}; {hint}")
