"""Prices: books, mids, trades, candles, and the context of each coin. All is of the venue as it is, and of what its history keeps."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from ...engine import Exchange
from ...schema.codes import Side
from ...state.tables import L_HEAD, L_LOTS, O_NEXT
from ...state.types import NIL
from ...trading.depth import Walk
from ..history.records import INTERVALS, Candle, Trade
from . import asked
from .asked import MS, Body
from .coins import Coin, text, usd
from .dialect import Dialect
from .kinds import told as worded
from .meta import is_stand_in, meta, spot_meta

LEVELS: Final = 20  # of a book, per side
PASSED: Final = 5_000  # of the venue's levels that a coarse side is made of at most: a question must not hold up everyone else
COUNTED: Final = 1_000  # orders of a level, at most
TRADES: Final = 100
CANDLES: Final = 5_000
HOUR: Final = 3_600_000_000_000  # [ns]
PPT: Final = 12  # decimals of a rate
IMPACT: Final = 6_000_000_000  # [micro] where the design names no notional
Thing = dict[str, Any]
Level = tuple[int, int, int]  # price [ticks], lots, orders


# -- books -----------------------------------------------------------------------------------------------------------------------


def levels(venue: Exchange, number: int, side: int) -> Iterator[Level]:
    """Best first; of iceberg orders what they show."""
    book, market = venue.book, venue.state.markets[number]
    cells, orders = venue.state.levels.cells, venue.state.orders.cells
    price = book.best(market, side)
    while price:
        row = book.level(market, price)
        slot, count = cells[row + L_HEAD], 0
        while slot != NIL and count < COUNTED:
            count += 1
            slot = orders[slot + O_NEXT]
        yield int(price), int(cells[row + L_LOTS]), count
        price = book.worse(market, side, price)


def coarse_price(coin: Coin, ticks: int, side: int, figures: int, mantissa: int) -> int:
    """The price of a level of which others are told no more than so many significant figures, in steps of the mantissa: bids round down,
    asks up. In 1 / 10^price_decimals."""
    number = ticks * coin.tick
    spare = len(str(number)) - figures
    step = mantissa * 10**spare if spare >= 0 else 1
    return number // step * step if side == Side.BUY else -(-number // step) * step


def side_of_book(dialect: Dialect, coin: Coin, side: int, figures: int | None, mantissa: int) -> list[Thing]:
    told: list[list[int]] = []
    for ticks, lots, orders in islice(levels(dialect.host.exchange, coin.market, side), PASSED):
        price = ticks * coin.tick if figures is None else coarse_price(coin, ticks, side, figures, mantissa)
        if told and told[-1][0] == price:
            told[-1][1] += lots
            told[-1][2] += orders
        elif len(told) == LEVELS:
            break
        else:
            told.append([price, lots, orders])
    return [{"px": text(price, coin.price_decimals), "sz": coin.size(lots), "n": orders} for price, lots, orders in told]


def figures_of(body: Body) -> tuple[int | None, int]:
    """`nSigFigs` and `mantissa`, which goes with five figures alone. Raises Unreadable."""
    figures, mantissa = body.get("nSigFigs"), body.get("mantissa")
    if figures is not None and (type(figures) is not int or not 2 <= figures <= 5):
        raise asked.unreadable(f"nSigFigs is {worded(figures)}, not 2, 3, 4 or 5")
    if mantissa is not None and (figures != 5 or type(mantissa) is not int or mantissa not in (1, 2, 5)):
        raise asked.unreadable(f"mantissa is {worded(mantissa)} and nSigFigs {worded(figures)}; it is 1, 2 or 5, with nSigFigs 5 alone")
    return figures, mantissa or 1


def book_of(dialect: Dialect, coin: Coin, figures: int | None = None, mantissa: int = 1) -> Thing:
    sides = [side_of_book(dialect, coin, side, figures, mantissa) for side in Side]
    return {"coin": coin.name, "time": dialect.now_ms, "levels": sides}


def l2_book(dialect: Dialect, body: Body) -> Thing | None:
    """None: no such coin."""
    coin, (figures, mantissa) = asked.coin_of(dialect, body), figures_of(body)
    if coin is not None:
        return book_of(dialect, coin, figures, mantissa)
    return {"coin": body["coin"], "time": dialect.now_ms, "levels": [[], []]} if is_stand_in(dialect, body["coin"]) else None


def best(dialect: Dialect, coin: Coin) -> list[Thing | None]:
    """The best level of each side."""
    found: list[Thing | None] = []
    for side in Side:
        level = next(levels(dialect.host.exchange, coin.market, side), None)
        found.append(None if level is None else {"px": coin.price(level[0]), "sz": coin.size(level[1]), "n": level[2]})
    return found


# -- prices ----------------------------------------------------------------------------------------------------------------------


def mid(dialect: Dialect, coin: Coin) -> str | None:
    """Between the best bid and the best ask, or what the curve quotes; None: a side is empty."""
    venue = dialect.host.exchange
    bid, ask = venue.best_bid(coin.market), venue.best_ask(coin.market)
    if bid and ask:
        return text((bid + ask) * coin.tick * 5, coin.price_decimals + 1)
    curve = venue.curve_price(coin.market)
    return coin.price(curve) if curve else None


def price_known(dialect: Dialect, coin: Coin) -> str | None:
    """The mark, or the best that there is instead; None: there never was a price."""
    venue = dialect.host.exchange
    ticks = venue.mark_price(coin.market) or venue.oracle_price(coin.market) or venue.last_price(coin.market)
    return coin.price(ticks) if ticks else None


def all_mids(dialect: Dialect, body: Body) -> dict[str, str]:
    """Of an empty book the last trade, as the venue does, and of one that never traded the mark. Coins that never had a price are left
    out."""
    told = {}
    for coin in (*dialect.coins.perpetuals, *dialect.coins.spots):
        last = dialect.host.exchange.last_price(coin.market)
        price = mid(dialect, coin) or (coin.price(last) if last else price_known(dialect, coin))
        if price is not None:
            told[coin.name] = price
    return told


def impact(venue: Exchange, coin: Coin, side: int) -> tuple[int, int] | None:
    """(lots, value) of the fewest lots of a side that are worth the impact notional; None: the side is too thin."""
    notional = int(getattr(venue.funding.rules[coin.market], "impact_notional", IMPACT))
    walk = Walk(venue.state, venue.book, venue.state.markets[coin.market], side)
    return (int(walk.lots), int(walk.value)) if walk.reach_notional(notional) else None


def impact_and_premium(venue: Exchange, coin: Coin) -> tuple[list[str] | None, str | None]:
    """Average prices of the impact notional, bid and ask, and how far they are from the oracle by the market's own rule; None: one of the
    sides is too thin."""
    market = venue.state.markets[coin.market]
    was_busy, venue.is_busy = venue.is_busy, True  # curves and the rule of funding are asked
    try:
        bid, ask = (impact(venue, coin, side) for side in Side)
        if bid is None or ask is None or not market.oracle:
            return None, None
        premium = int(venue.funding.rules[coin.market].premium(venue.state, venue.book, market))
    finally:
        venue.is_busy = was_busy
    return [coin.average(value, lots) for lots, value in (bid, ask)], text(premium, PPT)


def hourly(dialect: Dialect, coin: Coin) -> str:
    """What longs would pay in an hour, by what was sampled so far."""
    venue = dialect.host.exchange
    interval = int(venue.funding.terms[coin.market].interval)
    return text(venue.funding_rate(coin.market) * HOUR // interval, PPT)


def context(dialect: Dialect, coin: Coin) -> Thing:
    """What there is to say of a coin's market now, and of its last 24 hours."""
    venue = dialect.host.exchange
    day = dialect.host.history.day(coin.market)
    mark = price_known(dialect, coin) or "0.0"
    told = {
        "prevDayPx": coin.price(day.previous) if day.previous else mark, "dayNtlVlm": usd(day.value), "markPx": mark,
        "midPx": mid(dialect, coin), "dayBaseVlm": coin.size(day.lots),
    }  # fmt: skip
    if coin.is_spot:
        supply = usd(venue.deposits(coin.base) - venue.withdrawals(coin.base))
        return {**told, "circulatingSupply": supply, "totalSupply": supply, "coin": coin.name}
    impacts, premium = impact_and_premium(venue, coin)
    oracle = venue.oracle_price(coin.market)
    return {
        "funding": hourly(dialect, coin), "openInterest": coin.size(venue.open_interest(coin.market)), "premium": premium,
        "oraclePx": coin.price(oracle) if oracle else mark, "impactPxs": impacts, **told,
    }  # fmt: skip


def meta_and_contexts(dialect: Dialect, body: Body) -> list[Any]:
    return [meta(dialect, body), [context(dialect, coin) for coin in dialect.coins.perpetuals]]


def stand_in_context(name: str) -> Thing:
    """Of a pair that is no market: clients derive the steps of its price from its mark, which must not be 0."""
    return {
        "prevDayPx": "1.0", "dayNtlVlm": "0.0", "markPx": "1.0", "midPx": None, "dayBaseVlm": "0.0", "circulatingSupply": "0.0",
        "totalSupply": "0.0", "coin": name,
    }  # fmt: skip


def spot_contexts(dialect: Dialect) -> list[Thing]:
    return [context(dialect, pair) if isinstance(pair, Coin) else stand_in_context(pair.name) for pair in dialect.coins.pairs]


def spot_meta_and_contexts(dialect: Dialect, body: Body) -> list[Any]:
    return [spot_meta(dialect, body), spot_contexts(dialect)]


# -- what has happened -------------------------------------------------------------------------------------------------------------


def trade(dialect: Dialect, coin: Coin, one: Trade) -> Thing:
    is_even = one.price * one.lots * coin.unit == one.value
    people = dialect.people
    return {
        "coin": coin.name, "side": "B" if one.taker_side is Side.BUY else "A",
        "px": coin.price(one.price) if is_even else coin.average(one.value, one.lots), "sz": coin.size(one.lots), "time": one.ts // MS,
        "hash": asked.hash_of(one.seq), "tid": one.seq, "users": [people.address(one.buyer), people.address(one.seller)],
    }  # fmt: skip


def recent_trades(dialect: Dialect, body: Body) -> list[Thing] | None:
    """The newest first."""
    coin = asked.coin_of(dialect, body)
    if coin is None:
        return [] if is_stand_in(dialect, body["coin"]) else None
    return [trade(dialect, coin, one) for one in reversed(dialect.host.history.trades(coin.market, limit=TRADES))]


def candle(coin: Coin, interval: str, one: Candle) -> Thing:
    """Before the first trade the candle is the mark's."""
    prices = (one.open, one.close, one.high, one.low) if one.open else (one.mark[0], one.mark[3], one.mark[1], one.mark[2])
    opened, closed, high, low = (coin.price(price) for price in prices)
    return {
        "t": one.begin // MS, "T": one.end // MS, "s": coin.name, "i": interval, "o": opened, "c": closed, "h": high, "l": low,
        "v": coin.size(one.lots), "n": one.trades,
    }  # fmt: skip


def candle_snapshot(dialect: Dialect, body: Body) -> list[Thing] | None:
    request = body.get("req")
    if not isinstance(request, dict):
        raise asked.misfit(body, "req", "a map")
    if not isinstance(request.get("interval"), str) or request["interval"] not in INTERVALS:
        given = f"is {worded(request['interval'])}" if "interval" in request else "is missing"
        raise asked.unreadable(f"req.interval {given}; it is one of {', '.join(INTERVALS)}")
    coin, (since, until), interval = asked.coin_of(dialect, request), asked.span_of(request), request["interval"]
    if coin is None:
        return [] if is_stand_in(dialect, request["coin"]) else None
    found = dialect.host.history.candles(coin.market, interval, since, until, CANDLES)
    return [candle(coin, interval, one) for one in found if one.open or one.mark[0]]


def funding_history(dialect: Dialect, body: Body) -> list[Thing] | None:
    """The oldest 500 first: who wants more asks from the last one's time on."""
    coin, (since, until) = asked.coin_of(dialect, body), asked.span_of(body)
    if coin is None:
        return None
    return [
        {"coin": coin.name, "fundingRate": text(one.rate_ppt, PPT), "premium": text(one.premium_ppt, PPT), "time": one.ts // MS}
        for one in dialect.host.history.charges(coin.market, since, until)[:asked.PAGE]
    ]  # fmt: skip


def predicted_fundings(dialect: Dialect, body: Body) -> list[Any]:
    venue = dialect.host.exchange
    told = []
    for coin in dialect.coins.perpetuals:
        interval = int(venue.funding.terms[coin.market].interval)
        expected = {
            "fundingRate": text(venue.funding_rate(coin.market), PPT), "nextFundingTime": venue.funding_due(coin.market) // MS,
            "fundingIntervalHours": max(1, interval // HOUR),
        }  # fmt: skip
        told.append([coin.name, [["HlPerp", expected]]])
    return told
