"""What a size is reckoned with besides what the trader says: a market's terms, from a design, or also prices, book and funding, from a
server that runs."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import click
from msgspec import Struct
from msgspec.structs import asdict

from perplab.clients.types import Depth, Venue
from perplab.clients.units import Market

DEEP: Final = 1_000  # levels of a side: as many as a server tells
WAIT_S: Final = 10.0


class Fees(Struct, frozen=True, kw_only=True):
    """Whose fees: of the volume that was said, or of an account that the server knows by its key; neither: those of the market."""

    volume: Decimal | None = None  # [USD]
    key: str | None = None
    secret: str | None = None


def fees_asked(volume: Decimal | None, key: str | None, secret: str | None, is_connected: bool) -> Fees:
    """Raises click.UsageError for what does not go together."""
    if (key is None) != (secret is None):
        raise click.UsageError(f"--{'key' if key is None else 'secret'} is missing: both are needed to ask for an account's fees")
    if key is not None and not is_connected:
        raise click.UsageError("--key: given without --connect, expected the server that knows it")
    if key is not None and volume is not None:
        raise click.UsageError("--volume: given with --key, expected one of the two: the server says what the account has traded")
    return Fees(volume=volume, key=key, secret=secret)


class Source(Struct, frozen=True, kw_only=True):
    """Of one market, and of the one that a hedge is in."""

    where: str  # in words
    terms: Market  # with the fees that hold
    hedge: Market
    volume: Decimal | None = None  # [USD] that the fees are for; None: they are those of the market
    has_tiers: bool = False  # its fees go by volume
    depth: Depth | None = None  # None: there is no server, or its book has not both sides
    price: Decimal | None = None  # [USD] the middle of the book, or else the mark
    hedge_price: Decimal | None = None  # [USD] the mark
    transfer_margin: Decimal = Decimal(0)  # a share of the value of positions: what stays when money leaves
    funding: tuple[Decimal, float] | None = None  # rate, and the seconds that it is for


def of_design(venue: str, market: str | None, hedge: str | None, fees: Fees) -> Source:
    """The terms of a shipped design or a TOML file. Raises DesignError, or click.UsageError for a market that it has not."""
    from perplab.clients.fees import at_volume
    from perplab.clients.reading_venue import fee_tier_of, market_of
    from perplab.exchange import load_venue
    from perplab.exchange.server.terms import market_terms

    design = load_venue(venue)
    markets = {one.name: market_of(market_terms(design, number), design.assets) for number, one in enumerate(design.markets)}
    terms = perpetual(market, markets)
    if fees.volume is not None:
        terms = at_volume(terms, [fee_tier_of(asdict(tier)) for tier in design.fee_tiers], fees.volume)
    kept = Decimal(design.transfer_margin_ppm).scaleb(-6)
    hedging = chosen("--hedge-market", hedge, markets, terms)
    return Source(where=design.name, terms=terms, volume=fees.volume, hedge=hedging, transfer_margin=kept, has_tiers=bool(design.fee_tiers))


def of_running(host: str, port: int, market: str | None, hedge: str | None, fees: Fees) -> Source:
    """What a server says now. It need not know who asks. Raises click.UsageError, or click.ClickException where there is none."""
    from perplab.clients import ClientError, SyncClient

    try:
        with SyncClient(host, port, key=fees.key, secret=fees.secret, timeout=WAIT_S, retry_s=0) as client:
            return asked(client, f"{client.venue.name} at {host}:{port}", market, hedge, fees)
    except (ClientError, OSError) as error:
        raise click.ClickException(f"--connect: {error}") from None


def asked(client: object, where: str, market: str | None, hedge: str | None, fees: Fees) -> Source:
    from perplab.clients.blocking import Blocking
    from perplab.clients.fees import at_rates, at_volume
    from perplab.clients.sizing import ladder_of

    assert isinstance(client, Blocking)
    venue: Venue = client.venue
    terms = perpetual(market, venue.markets)
    hedging = chosen("--hedge-market", hedge, venue.markets, terms)
    ticker, depth = client.ticker(terms.name), client.depth(terms.name, DEEP)
    is_whole = bool(depth.bids and depth.asks)
    design = client.ask("venue", design=True)["design"]
    volume = fees.volume
    if fees.key is not None:
        rates = client.fee_rates()
        terms, volume = at_rates(terms, rates), rates.volume
    elif volume is not None:
        terms = at_volume(terms, venue.fee_tiers, volume)
    return Source(
        where=where, terms=terms, volume=volume, hedge=hedging, depth=depth if is_whole else None,
        price=ladder_of(depth, "asks").reference if is_whole else ticker.mark, hedge_price=client.ticker(hedging.name).mark,
        transfer_margin=venue.transfer_margin or Decimal(0), has_tiers=bool(venue.fee_tiers),
        funding=(ticker.funding_rate, design["markets"][terms.number]["funding"]["interval_ms"] / 1_000),
    )  # fmt: skip


def perpetual(name: str | None, markets: dict[str, Market]) -> Market:
    """The market of that name, or the first perpetual. Raises click.UsageError for a spot market."""
    positions = {market.name: market for market in markets.values() if not market.is_spot}
    if not positions:
        raise click.UsageError("--market: this venue has spot markets alone, where nobody holds a position, expected one with a perpetual")
    found = chosen("--market", name, markets, next(iter(positions.values())))
    if found.is_spot:
        why = "a spot market, where nobody holds a position"
        raise click.UsageError(f"--market: {found.name!r} given, {why}, expected one of {', '.join(positions)}")
    return found


def chosen(option: str, name: str | None, markets: dict[str, Market], default: Market) -> Market:
    if name is None:
        return default
    if name not in markets:
        raise click.UsageError(f"{option}: {name!r} given, expected one of {', '.join(markets)}")
    return markets[name]
