"""What a size is reckoned with besides what the trader says: a market's terms, from a design, or also prices, book and funding, from a
server that runs."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import click
from msgspec import Struct

from perplab.clients.types import Depth, Venue
from perplab.clients.units import Market

DEEP: Final = 1_000  # levels of a side: as many as a server tells
WAIT_S: Final = 10.0
DEFAULT_PORT: Final = 3100


class Source(Struct, frozen=True, kw_only=True):
    """Of one market, and of the one that a hedge is in."""

    where: str  # in words
    terms: Market
    hedge: Market
    depth: Depth | None = None  # None: there is no server, or its book has not both sides
    price: Decimal | None = None  # [USD] the middle of the book, or else the mark
    hedge_price: Decimal | None = None  # [USD] the mark
    funding: tuple[Decimal, float] | None = None  # rate, and the seconds that it is for


def of_design(venue: str, market: str | None, hedge: str | None) -> Source:
    """The terms of a shipped design or a TOML file. Raises DesignError, or click.UsageError for a market that it has not."""
    from perplab.clients.reading_venue import market_of
    from perplab.exchange import load_venue
    from perplab.exchange.server.terms import market_terms

    design = load_venue(venue)
    markets = {one.name: market_of(market_terms(design, number)) for number, one in enumerate(design.markets)}
    terms = chosen("--market", market, markets, next(iter(markets.values())))
    return Source(where=design.name, terms=terms, hedge=chosen("--hedge-market", hedge, markets, terms))


def of_server(address: str, market: str | None, hedge: str | None) -> Source:
    """What a server says now. It need not know who asks. Raises click.UsageError, or click.ClickException where there is none."""
    from perplab.clients import ClientError, SyncClient

    host, port = host_and_port(address)
    try:
        with SyncClient(host, port, timeout=WAIT_S, retry_s=0) as client:
            return asked(client, f"{client.venue.name} at {host}:{port}", market, hedge)
    except (ClientError, OSError) as error:
        raise click.ClickException(f"--connect: {error}") from None


def asked(client: object, where: str, market: str | None, hedge: str | None) -> Source:
    from perplab.clients.blocking import Blocking
    from perplab.clients.sizing import ladder_of

    assert isinstance(client, Blocking)
    venue: Venue = client.venue
    terms = chosen("--market", market, venue.markets, next(iter(venue.markets.values())))
    hedging = chosen("--hedge-market", hedge, venue.markets, terms)
    ticker, depth = client.ticker(terms.name), client.depth(terms.name, DEEP)
    is_whole = bool(depth.bids and depth.asks)
    design = client.ask("venue", design=True)["design"]
    return Source(
        where=where, terms=terms, hedge=hedging, depth=depth if is_whole else None,
        price=ladder_of(depth, "asks").reference if is_whole else ticker.mark, hedge_price=client.ticker(hedging.name).mark,
        funding=(ticker.funding_rate, design["markets"][terms.number]["funding"]["interval_ms"] / 1_000),
    )  # fmt: skip


def chosen(option: str, name: str | None, markets: dict[str, Market], default: Market) -> Market:
    if name is None:
        return default
    if name not in markets:
        raise click.UsageError(f"{option}: {name!r} given, expected one of {', '.join(markets)}")
    return markets[name]


def host_and_port(address: str) -> tuple[str, int]:
    """HOST:PORT, or one of the two. Raises click.UsageError."""
    host, colon, port = address.rpartition(":")
    if not colon:
        host, port = ("", address) if address.isdecimal() else (address, str(DEFAULT_PORT))
    if not port.isdecimal() or not 0 < int(port) < 65_536:
        raise click.UsageError(f"--connect: {address!r} given, expected HOST:PORT, such as 127.0.0.1:{DEFAULT_PORT}")
    return host or "127.0.0.1", int(port)
