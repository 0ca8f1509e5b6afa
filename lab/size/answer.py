"""What is asked of `perplab size`, and the answer as numbers. Words for them are in lines.py."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import click
from msgspec import Struct
from msgspec.structs import replace

from perplab.clients import risk as r
from perplab.clients.survival import Model, liquidation_at
from perplab.clients.units import WIDE, rounded

from ..options import percent
from .source import Source


class Asked(Struct, frozen=True, kw_only=True):
    """The options of the command line, by their names; None: not given."""

    equity: Decimal
    risk: Decimal
    entry: Decimal | None
    stop: Decimal
    leverage: int | None
    slippage: Decimal | None
    entry_slippage: Decimal | None
    stop_depth: Decimal
    rests: bool
    hold: float | None
    funding: tuple[Decimal, float] | None
    model: str
    volatility: Decimal | None
    drift: Decimal
    jumps: tuple[float, Decimal, Decimal] | None
    path: Path | None
    seed: int
    horizon: float
    bound: Decimal
    distance: Decimal | None
    beta: Decimal | None
    hedge_ratio: Decimal | None
    correlation: float | None
    hedge_market: str | None
    hedge_price: Decimal | None


class Odds(Struct, frozen=True, kw_only=True):
    """How likely liquidation is at the leverage, and which leverage keeps the bound; once with the stop, once as if it failed."""

    model: str
    horizon_s: float
    bound: float
    stopped: r.Estimate
    failed: r.Estimate
    largest_stopped: r.Leverage
    largest_failed: r.Leverage


class Answer(Struct, frozen=True, kw_only=True):
    """All of it."""

    where: str
    market: str
    lot: Decimal  # [coins]
    is_long: bool
    entry: Decimal  # [USD]
    stop: Decimal
    equity: Decimal
    risk: Decimal
    leverage: int
    sized: r.Sized
    coin: r.Loss  # of one coin, at the average prices of the size
    entry_fill: Decimal  # [USD] average prices
    stop_fill: Decimal
    entry_in_book: bool  # it walks one
    stop_in_book: bool
    entry_fee: Decimal
    stop_fee: Decimal
    volume: Decimal | None  # [USD] traded, that these fees are for; None: they are those of the market
    has_tiers: bool  # the venue's fees go by volume
    intervals: int
    funding_rate: Decimal
    buffer: r.Buffer | None  # of an isolated position with its initial margin alone; None: the size is 0
    cross: Decimal | None  # [USD] liquidation price with all of the equity behind the position
    horizon_s: float
    distance: Decimal | None
    added: Decimal | None  # [USD] margin for that distance; below zero: so much is not needed for it
    removable: Decimal | None  # [USD] what of that the venue lets out at this leverage
    odds: Odds | None
    hedge_market: str
    hedge_price: Decimal | None
    beta: Decimal
    hedged: r.Hedged | None


def answer_of(asked: Asked, source: Source) -> Answer:
    """Raises click.UsageError for what cannot be answered."""
    trade, leverage = trade_of(asked, source), asked.leverage or source.terms.max_leverage
    if leverage > source.terms.max_leverage:
        raise click.UsageError(f"--leverage: {leverage} given, expected at most {source.terms.max_leverage}, as {source.terms.name} allows")
    entry = Decimal(trade.entry)
    sized = r.position_size(source.terms, trade, equity=asked.equity, risk=asked.risk, leverage=leverage)
    size = sized.size or source.terms.lot
    loss = r.loss_at_stop(source.terms, trade, size)
    coin = r.Loss(**{name: rounded(getattr(loss, name), size) for name in loss.__struct_fields__})
    fees = max(Decimal(0), source.terms.maker_fee if trade.is_maker else source.terms.taker_fee), max(Decimal(0), source.terms.taker_fee)
    fills = entry + trade.sign * coin.entry_slippage, asked.stop - trade.sign * coin.stop_slippage
    # each fee of the size is rounded up: of a few lots that is much, for each coin
    entry_fee, stop_fee = (rounded(WIDE.multiply(*pair), Decimal(1)) for pair in zip(fills, fees, strict=True))
    coin = replace(coin, entry_fee=entry_fee, stop_fee=stop_fee)
    signed = sized.size * trade.sign
    held = r.Held(size=signed, entry=entry, margin=sized.margin)
    all_in = r.Held(size=signed, entry=entry, margin=asked.equity - loss.entry_slippage - loss.entry_fee)
    volatility, added = None if asked.volatility is None else float(asked.volatility), added_of(asked, source, held)
    return Answer(
        where=source.where, market=source.terms.name, lot=source.terms.lot, is_long=trade.sign > 0, entry=entry,
        stop=asked.stop, equity=asked.equity, risk=asked.risk, leverage=leverage, sized=sized, coin=coin,
        entry_fill=fills[0], stop_fill=fills[1], entry_fee=fees[0], stop_fee=fees[1], volume=source.volume,
        has_tiers=source.has_tiers, intervals=trade.intervals,
        funding_rate=Decimal(trade.funding_rate),
        buffer=r.buffer(source.terms, held, entry, volatility, asked.horizon) if signed else None,
        cross=r.liquidation_price(source.terms, all_in), distance=asked.distance, horizon_s=asked.horizon,
        entry_in_book=isinstance(trade.entry_slippage, r.Ladder), stop_in_book=isinstance(trade.stop_slippage, r.Ladder),
        added=added, removable=removable_of(added, source, held, leverage), odds=odds_of(asked, source, held, leverage),
        hedge_market=source.hedge.name, hedge_price=hedge_price_of(asked, source, entry), beta=beta_of(asked),
        hedged=hedged_of(asked, source, entry, signed),
    )  # fmt: skip


def trade_of(asked: Asked, source: Source) -> r.Trade:
    entry = asked.entry or source.price
    if entry is None:
        raise click.UsageError("--entry is missing: the price at which the position begins, or --connect to take the middle of a book")
    if entry == asked.stop:
        raise click.UsageError(f"--stop: {asked.stop:f} given, expected another price than the entry's")
    is_long = asked.stop < entry
    rate, interval_s = asked.funding or source.funding or (Decimal(0), 1.0)
    return r.Trade(
        entry=entry, stop=asked.stop, entry_slippage=entry_slippage_of(asked, source, is_long), is_maker=asked.rests,
        stop_slippage=slippage_of(asked.slippage, source, not is_long, asked.stop_depth), funding_rate=rate,
        intervals=r.intervals_in(asked.hold, interval_s) if asked.hold else 0,
    )  # fmt: skip


def entry_slippage_of(asked: Asked, source: Source, is_buy: bool) -> Decimal | r.Ladder:
    if asked.rests:
        return Decimal(0)
    return slippage_of(asked.slippage if asked.entry_slippage is None else asked.entry_slippage, source, is_buy, Decimal(1))


def slippage_of(told: Decimal | None, source: Source, is_buy: bool, share: Decimal) -> Decimal | r.Ladder:
    """What was said, or else the book that there is. Raises click.UsageError where there is neither."""
    if told is not None:
        return told
    if source.depth is None:
        raise click.UsageError("--slippage is missing: how much worse an order is filled than at its price, as 0.1%; or --connect")
    return r.ladder_of(source.depth, "asks" if is_buy else "bids", share)


def added_of(asked: Asked, source: Source, held: r.Held) -> Decimal | None:
    if asked.distance is None or not held.size:
        return None
    return r.margin_for_distance(source.terms, held, held.entry, asked.distance)


def removable_of(added: Decimal | None, source: Source, held: r.Held, leverage: int) -> Decimal | None:
    """Of what a distance does not need, that which the venue lets out."""
    if added is None:
        return None
    return max(Decimal(0), min(-added, r.removable_margin(source.terms, held, held.entry, leverage, source.transfer_margin)))


# -- odds --


def model_of(asked: Asked) -> tuple[Model, str] | None:
    """The model of the price, and what it is called; None: none was asked for. Raises click.UsageError."""
    if asked.model == "replay":
        return replay_of(asked)
    if asked.path is not None:
        raise click.UsageError(f"--path: given with --model {asked.model}, expected --model replay")
    if asked.volatility is None:
        if asked.model == "jumps" or asked.jumps is not None:
            raise click.UsageError("--volatility is missing: a year's, as 80%, that --model gbm and jumps move by")
        return None
    sigma, drift = float(asked.volatility), float(asked.drift)
    words = f"{percent(asked.volatility)} a year{f', drift {percent(asked.drift)}' if asked.drift else ''}"
    if asked.model == "gbm":
        if asked.jumps is not None:
            raise click.UsageError("--jumps: given with --model gbm, expected --model jumps")
        return r.Gbm(sigma, drift), f"GBM of {words}"
    if asked.jumps is None:
        raise click.UsageError("--jumps is missing: how many a year, their mean and their deviation, as 50,-3%,4%")
    count, mean, deviation = asked.jumps
    model = r.Jumps(volatility=sigma, drift=drift, per_year=count, mean=float(mean), deviation=float(deviation), seed=asked.seed)
    return model, f"GBM of {words} with {count:g} jumps of {percent(mean)} +- {percent(deviation)}"


def replay_of(asked: Asked) -> tuple[Model, str]:
    from perplab.oracle.klines import replay

    if asked.path is None:
        raise click.UsageError("--path is missing: the klines (.csv, .csv.gz, .zip) that --model replay draws from")
    if asked.jumps is not None or asked.drift:
        raise click.UsageError("--jumps, --drift: given with --model replay, expected neither: the path has its own")
    bars = replay(asked.path)
    model = r.Replay(
        closes=bars.close.tolist(), worst=(bars.low.tolist(), bars.high.tolist()), step_s=bars.bar_ns / 1e9, seed=asked.seed
    )
    return model, f"{len(bars):,} bars of {asked.path.name}"


def odds_of(asked: Asked, source: Source, held: r.Held, leverage: int) -> Odds | None:
    found = model_of(asked)
    if found is None or not held.size:
        return None
    model, words = found
    bound, is_long = float(asked.bound), held.size > 0
    try:
        stopped = r.Chance(model=model, horizon_s=asked.horizon, stop=asked.stop)
        failed = r.Chance(model=model, horizon_s=asked.horizon)
        at = liquidation_at(source.terms, held.size, held.entry, leverage)
        return Odds(
            model=words, horizon_s=asked.horizon, bound=bound,
            stopped=r.liquidation_chance(held.entry, at, stopped, is_long=is_long),
            failed=r.liquidation_chance(held.entry, at, failed, is_long=is_long),
            largest_stopped=r.largest_leverage(source.terms, held.size, held.entry, stopped, bound),
            largest_failed=r.largest_leverage(source.terms, held.size, held.entry, failed, bound),
        )  # fmt: skip
    except ValueError as error:
        raise click.UsageError(f"--model {asked.model}: {error}") from None


# -- hedge --


def beta_of(asked: Asked) -> Decimal:
    return Decimal(1) if asked.beta is None else asked.beta


def hedge_price_of(asked: Asked, source: Source, entry: Decimal) -> Decimal | None:
    if asked.hedge_price is not None:
        return asked.hedge_price
    return entry if source.hedge.name == source.terms.name else source.hedge_price


def hedged_of(asked: Asked, source: Source, entry: Decimal, signed: Decimal) -> r.Hedged | None:
    if asked.beta is None and asked.hedge_ratio is None:
        given = {"--correlation": asked.correlation, "--hedge-market": asked.hedge_market, "--hedge-price": asked.hedge_price}
        lonely = next((name for name, value in given.items() if value is not None), None)
        if lonely is not None:
            raise click.UsageError(f"{lonely}: given without --beta or --hedge-ratio, expected one of them")
        return None
    price = hedge_price_of(asked, source, entry)
    if price is None:
        raise click.UsageError(f"--hedge-price is missing: that of {source.hedge.name}, or --connect to take its mark")
    if not signed:
        return None
    share = Decimal(1) if asked.hedge_ratio is None else asked.hedge_ratio
    r_squared = None if asked.correlation is None else asked.correlation**2
    return r.hedge_size(source.hedge, value=signed * entry, price=price, beta=beta_of(asked), share=share, r_squared=r_squared)
