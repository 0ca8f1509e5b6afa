"""`perplab ctl` and `perplab rehearse`: the operator's requests to a running server, one by one or by a playbook."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import click


@click.command(short_help="Operate a running sandbox: its clock, its world, its markets.")
@click.argument("op")
@click.argument("fields", nargs=-1, metavar="[FIELD=VALUE]...")
@click.option("--port", type=click.IntRange(1, 65535), default=3100, show_default=True)
@click.option("--key", help="The operator's key, as `perplab serve` printed it.  [default: log in by name, as --trust allows]")
@click.option("--secret", help="Its secret.")
def ctl(op: str, fields: tuple[str, ...], port: int, key: str | None, secret: str | None) -> int:
    """Send OP with its fields to the server, and print the reply.

    \b
    perplab ctl step ms=60000                       let a stepped clock go on
    perplab ctl clock speed=60                      let time run faster
    perplab ctl world oracle=frozen                 the venue hears of no price any more
    perplab ctl world shock_ppm=-100000 market=BTC  the outside price falls by a tenth
    perplab ctl world makers=gone                   liquidity vanishes
    perplab ctl set_market_status market=BTC status=HALTED
    perplab ctl deposit account=11 asset=0 amount=1000000
    perplab ctl liquidate account=11                take what it has above maintenance
    perplab ctl set_funding market=BTC mode=SET rate_ppt=-10000000
    perplab ctl set_gas multiplier_ppm=20000000     commands cost 20 times what the design says
    perplab ctl pool market=BTC                     what stands behind the curve of a market
    perplab ctl snapshot name=before                keep the state ...
    perplab ctl rewind name=before                  ... and go back to it

    `perplab docs api` lists all ops. Exit code 1 if the server refuses.
    """
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
            replies = replies_of(connection)
            login(connection, replies, key, secret)
            reply = ask(connection, replies, {"op": op, **dict(map(pair, fields))})
    except OSError as error:
        raise click.ClickException(f"127.0.0.1:{port}: {error.strerror or error}; is `perplab serve` running?") from None
    click.echo(json.dumps({name: value for name, value in reply.items() if name not in ("id", "tokens")}, indent=2))
    return 0 if reply["ok"] else 1


def pair(text: str) -> tuple[str, Any]:
    """FIELD=VALUE; what is a JSON number, true, false or null is that, everything else text."""
    name, equals, value = text.partition("=")
    if not equals:
        raise click.UsageError(f"{text!r} given, expected FIELD=VALUE")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def replies_of(connection: socket.socket) -> Iterator[dict[str, Any]]:
    import msgpack  # type: ignore[import-untyped]

    unpacker = msgpack.Unpacker(strict_map_key=False)
    while data := connection.recv(1 << 16):
        unpacker.feed(data)
        yield from unpacker


def ask(connection: socket.socket, replies: Iterator[dict[str, Any]], request: dict[str, Any]) -> dict[str, Any]:
    import msgpack

    connection.sendall(msgpack.packb({"id": 1, **request}))
    reply = next(replies, None)
    if reply is None:
        raise ConnectionError("the server has ended the connection")
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
    if not reply["ok"]:
        raise click.ClickException(reply["message"])


@click.command(short_help="Play a timeline of faults against a running sandbox, and say how a bot fared.")
@click.argument("playbook", required=False)
@click.option("--user", help="Whose bot is watched: the name that it logs in with.")
@click.option("--port", type=click.IntRange(1, 65535), default=3100, show_default=True)
@click.option("--key", help="The operator's key.  [default: log in by name, as --trust allows]")
@click.option("--secret", help="Its secret.")
def rehearse(playbook: str | None, user: str | None, port: int, key: str | None, secret: str | None) -> None:
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
        connection = socket.create_connection(("127.0.0.1", port), timeout=60)
    except OSError as error:
        raise click.ClickException(f"127.0.0.1:{port}: {error.strerror or error}; is `perplab serve` running?") from None
    with connection:
        login(connection, replies_of(connection), key, secret)
        report = Rehearsal(book, user, connection, click.echo).run()
    for line in lines(report):
        click.echo(line)
