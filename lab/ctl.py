"""`perplab ctl` and `perplab rehearse`: the operator's requests to a running server, one by one or by a playbook."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from decimal import Decimal
from difflib import get_close_matches
from typing import Any, Final

import click

from . import windows
from .options import OPERATED, share_of
from .windows import scheduled

WINDOWS: Final = "maintenance"  # the op whose reply is told in words
DOLLARS: Final = "usd"  # stands for `amount`, which is in micro-units
TEXTS: Final = frozenset(("user", "name"))  # fields that are text, also where they look like a number


EXAMPLES: Final = (
    ("step ms=60000", "let a stepped clock go on"),
    ("clock speed=60", "let time run faster"),
    ("world oracle=frozen", "the venue hears of no price any more"),
    ("world shock_ppm=-10% market=BTC", "the outside price falls by a tenth"),
    ("world makers=gone", "liquidity vanishes"),
    ("set_market_status market=BTC status=HALTED", "nobody trades"),
    ("grant user=alice usd=1000", "money for a user, by name or address, also for a new one"),
    ("deposit account=11 asset=0 amount=1000000", "in micro-units: a dollar, or usd=1"),
    ("liquidate account=11", "take what it has above maintenance"),
    ("set_funding market=BTC mode=SET rate_ppt=-10000000", "shorts pay"),
    ("set_gas multiplier_ppm=20000000", "commands cost 20 times what the design says"),
    ("pool market=BTC", "what stands behind the curve of a market"),
    ("snapshot name=before", "keep the state ..."),
    ("rewind name=before", "... and go back to it"),
    ("schedule_maintenance market=BTC in=10m for=30m during=HALTED", "a maintenance window; market=all: of all markets"),
    ("maintenance", "all windows that are ahead or go on, by number"),
    ("cancel_maintenance number=1", "take one back that has not begun"),
)


class Ctl(click.Command):
    """Shows its examples as a list, which fits a terminal of any width."""

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_help_text(ctx, formatter)
        with formatter.section("Examples"):
            formatter.write_dl([(f"perplab ctl {words}", told) for words, told in EXAMPLES], col_max=formatter.width * 2 // 5)


@click.command(cls=Ctl, short_help="Operate a running sandbox: its clock, its world, its markets.")
@click.argument("op")
@click.argument("fields", nargs=-1, metavar="[FIELD=VALUE]...")
@OPERATED
@click.option("--key", help="The operator's key, as `perplab serve` printed it.  [default: log in by name, as --trust allows]")
@click.option("--secret", help="Its secret.")
def ctl(op: str, fields: tuple[str, ...], server: tuple[str, int], key: str | None, secret: str | None) -> int:
    """Send OP with its fields to the server, and print the reply.

    `perplab docs api` lists all ops and their fields. One that ends in _ppm takes a share, too, as -10% or 5bp, and usd=1000
    stands for an amount of micro-units. Of `schedule_maintenance`,
    in=10m and for=30m may stand for start and end, which are ns or times as 2026-01-01T12:00:00Z, of the venue's clock. Exit code 1 if
    the server refuses.
    """
    given = dict(map(pair, fields))
    try:
        with socket.create_connection(server, timeout=30) as connection:
            replies = replies_of(connection)
            login(connection, replies, key, secret)
            if op == WINDOWS:
                return tell_windows(connection, replies, given)
            if op == "schedule_maintenance":
                given = scheduled(given, ask(connection, replies, {"op": "ping"})["ts"])
            reply = ask(connection, replies, {"op": op, **given})
    except OSError as error:
        raise nobody(server, error) from None
    known = reply.get("data", {}).get("known", ())
    if reply.get("reason") == "UNKNOWN_OP" and known:
        raise click.UsageError(unknown_op(op, [*known, WINDOWS]))
    tell(reply)
    return 0 if reply["ok"] else 1


def unknown_op(op: str, known: list[str]) -> str:
    """What is near; all of them would fill the screen."""
    near = get_close_matches(op, known, 3)
    return f"there is no op {op!r}; " + (f"near it: {', '.join(near)}" if near else "`perplab docs api` lists all")


def tell(reply: dict[str, Any]) -> None:
    click.echo(json.dumps({name: value for name, value in reply.items() if name not in ("id", "tokens")}, indent=2))


def tell_windows(connection: socket.socket, replies: Iterator[dict[str, Any]], given: dict[str, Any]) -> int:
    """List all maintenance windows in words. Raises click.UsageError."""
    if given:
        raise click.UsageError(f"{next(iter(given))}: given with {WINDOWS}, which has no fields; `schedule_maintenance` makes a window")
    venue = ask(connection, replies, {"op": "venue"})
    told: list[dict[str, Any]] = []
    more = 1
    while more:  # a message holds some thousand of them, a venue 64
        reply = ask(connection, replies, {"op": WINDOWS, "skip": len(told)})
        if not reply["ok"]:
            tell(reply)
            return 1
        told += reply["windows"]
        more = reply["more"]
    for line in windows.lines(told, reply["ts"], [one["name"] for one in venue["markets"]]):
        click.echo(line)
    return 0


def pair(text: str) -> tuple[str, Any]:
    """FIELD=VALUE; what is a JSON number, true, false or null is that, a share of a field in millionths (shock_ppm=-10%) so many of them,
    usd=5 an amount of five million, everything else text, and names in any case. Raises click.UsageError."""
    name, equals, value = text.partition("=")
    if not equals:
        raise click.UsageError(f"{text!r} given, expected FIELD=VALUE")
    share = share_of(value) if name.endswith("_ppm") else None
    if share is not None:
        if share.scaleb(6) % 1:
            raise click.UsageError(f"{name}: {value!r} given, expected a whole number of millionths: 0.0001% is one")
        return name, int(share.scaleb(6))
    if name in TEXTS:
        return name, value
    if name == DOLLARS:
        return "amount", micro_of(value)
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def micro_of(text: str) -> int:
    """Dollars, in micro-units. Raises click.UsageError."""
    try:
        micro = Decimal(text.replace(",", "")).scaleb(6)
        if micro == micro.to_integral_value():
            return int(micro)
    except ArithmeticError:
        pass
    raise click.UsageError(f"{DOLLARS}: {text!r} given, expected dollars, at most six decimals")


def nobody(server: tuple[str, int], error: OSError) -> click.ClickException:
    """Nobody answers there."""
    return click.ClickException(f"{server[0]}:{server[1]}: {error.strerror or error}; is `perplab serve` running?")


class NoServer(click.ClickException):
    """What answers speaks another language."""

    def __init__(self) -> None:
        where = "at this --connect or --port"
        super().__init__(f"what answers {where} is no perplab server, or its port for HTTP; `perplab serve` says which is which")


def replies_of(connection: socket.socket) -> Iterator[dict[str, Any]]:
    import msgpack  # type: ignore[import-untyped]

    unpacker = msgpack.Unpacker(strict_map_key=False)
    while data := connection.recv(1 << 16):
        unpacker.feed(data)
        try:
            yield from unpacker
        except ValueError:
            raise NoServer from None


def ask(connection: socket.socket, replies: Iterator[dict[str, Any]], request: dict[str, Any]) -> dict[str, Any]:
    import msgpack

    connection.sendall(msgpack.packb({"id": 1, **request}))
    reply = next(replies, None)
    if reply is None:
        raise ConnectionError("the server has ended the connection")
    if not isinstance(reply, dict):  # a map, which may also be a message of a stream
        raise NoServer
    return reply


def login(
    connection: socket.socket, replies: Iterator[dict[str, Any]], key: str | None, secret: str | None, name: str = "operator"
) -> None:
    """By key, or by name where the server trusts. Raises click.ClickException if it does not let one in."""
    from perplab.exchange.server.people import signature_of

    if key is None:
        reply = ask(connection, replies, {"op": "login", "name": name})
    elif secret is None:
        raise click.UsageError("--key needs --secret")
    else:
        reply = ask(connection, replies, {"op": "challenge", "key": key})
        if reply["ok"]:
            reply = ask(connection, replies, {"op": "login", "key": key, "signature": signature_of(secret, reply["nonce"])})
    if key is None and reply.get("data", {}).get("field") == "key":
        raise click.ClickException("this server does not trust: give --key and --secret, as `perplab serve` printed them")
    if not reply["ok"]:
        raise click.ClickException(reply["message"])


@click.command(short_help="Play a timeline of faults against a running sandbox, and say how a bot fared.")
@click.argument("playbook", required=False)
@click.option("--user", help="Whose bot is watched: the name that it logs in with, or its address where it speaks Hyperliquid's API.")
@OPERATED
@click.option("--key", help="The operator's key, as `perplab serve` printed it.  [default: log in by name, as --trust allows]")
@click.option("--secret", help="Its secret.")
def rehearse(playbook: str | None, user: str | None, server: tuple[str, int], key: str | None, secret: str | None) -> None:
    """Play PLAYBOOK (a shipped one, or a TOML file) while a bot trades, and report what became of it. Without PLAYBOOK: list them.

    Let `perplab serve --trust` run and your bot trade as USER, then: perplab rehearse gap --user USER
    """
    from .rehearse import Rehearsal, lines, load_playbook, shipped

    if playbook is None:
        for name in shipped():
            click.echo(f"{name:<20} {load_playbook(name).title}")
        return
    if user is None:
        raise click.UsageError("--user is missing: whose bot is watched")
    book = load_playbook(playbook)

    try:
        connection = socket.create_connection(server, timeout=60)
    except OSError as error:
        raise nobody(server, error) from None
    with connection:
        login(connection, replies_of(connection), key, secret)
        report = Rehearsal(book, user, connection, click.echo).run()
    for line in lines(report):
        click.echo(line)
