"""Markets as this dialect tells them: what they are, their books, prices, candles and funding."""

from __future__ import annotations

from typing import Any, Final

from ...schema.codes import MarketStatus, Side
from ...schema.messages import MAX_PRICE
from ..history.records import Candle, Charge, Trade
from .coins import FIRST_SPOT, MICRO, Coin, text, usd
from .dialect import Dialect

LEVELS: Final = 20  # of a side, of a book
FAST_LEVELS: Final = 5
DEEP: Final = 1_000  # levels that are put together to coarser ones
PPT: Final = 12  # decimals of a rate
HOUR_MS: Final = 3_600_000
WEI: Final = 8  # decimals of tokens
IMPACT_USD: Final = 20_000  # whose average price is the impact price
NOT_TRADED: Final = "PURR/USDC"  # told by a venue without spot markets, since clients want one; there is no market behind it
Json = dict[str, Any]


# -- what there is --


def meta(dialect: Dialect) -> Json:
    design = dialect.host.exchange.design
    universe, tables = [], []
    for coin in dialect.coins.perpetuals:
        market = design.markets[coin.market]
        told: Json = {
            "szDecimals": coin.size_decimals, "name": coin.name, "maxLeverage": market.max_leverage, "marginTableId": margin_table(market)
        }  # fmt: skip
        if dialect.host.exchange.known_market(coin.market).status == MarketStatus.SETTLED:
            told["isDelisted"] = True
        universe.append(told)
        if len(market.tiers) > 1:
            tables.append([told["marginTableId"], {"description": f"tiers of {coin.name}", "marginTiers": [
                {"lowerBound": text(tier.lower_notional, 0), "maxLeverage": max(1, round(1_000_000 / tier.initial_margin_ppm))}
                for tier in market.tiers
            ]}])  # fmt: skip
    return {"universe": universe, "marginTables": tables, "collateralToken": 0}


def margin_table(market: Any) -> int:
    """Below 50 a table of one tier, with that leverage; else one of its own."""
    number = market.max_leverage if len(market.tiers) == 1 else 50 + market.max_leverage
    return int(number)


def spot_meta(dialect: Dialect) -> Json:
    coins = dialect.coins
    decimals = {coin.base: coin.size_decimals for coin in coins.spots}
    tokens = [{
        "name": name, "szDecimals": decimals.get(number, WEI if number == 0 else 2), "weiDecimals": WEI, "index": number,
        "tokenId": f"0x{number:032x}", "isCanonical": True, "evmContract": None, "fullName": None, "deployerTradingFeeShare": "0.0",
    } for number, name in enumerate(coins.tokens)]  # fmt: skip
    universe = [
        {"name": coin.name, "tokens": [coin.base, 0], "index": coin.asset - FIRST_SPOT, "isCanonical": True} for coin in coins.spots
    ]
    if not universe:
        number = len(tokens)
        tokens.append({**tokens[0], "name": NOT_TRADED.partition("/")[0], "szDecimals": 0, "index": number, "tokenId": f"0x{number:032x}"})
        universe = [{"name": NOT_TRADED, "tokens": [number, 0], "index": 0, "isCanonical": True}]
    return {"universe": universe, "tokens": tokens}


# -- prices --


def middle(dialect: Dialect, coin: Coin) -> str | None:
    """The middle of the book; None: a side is empty."""
    venue = dialect.host.exchange
    bid, ask = venue.best_bid(coin.market), venue.best_ask(coin.market)
    return text((bid + ask) * coin.tick * 5, coin.price_decimals + 1) if bid and ask else None


def all_mids(dialect: Dialect) -> Json:
    """Of markets whose book has a side only, the mark."""
    venue = dialect.host.exchange
    mids = {}
    for coin in (*dialect.coins.perpetuals, *dialect.coins.spots):
        mid = middle(dialect, coin)
        mark = venue.mark_price(coin.market)
        if mid or mark:
            mids[coin.name] = mid or coin.price(mark)
    return mids


def context(dialect: Dialect, coin: Coin) -> Json:
    """Of a perpetual."""
    venue = dialect.host.exchange
    oracle = venue.oracle_price(coin.market)
    day = dialect.host.history.day(coin.market)
    impacts = [impact(dialect, coin, side) for side in (Side.SELL, Side.BUY)]  # what selling fetches, what buying costs
    prices = [one for one in impacts if one is not None]
    told = day_of(dialect, coin) | {
        "funding": hourly(dialect, coin), "openInterest": coin.size(venue.open_interest(coin.market)), "premium": None,
        "oraclePx": coin.price(oracle), "impactPxs": [one[0] for one in prices] if len(prices) == 2 else None,
        "dayBaseVlm": coin.size(day.lots),
    }  # fmt: skip
    if oracle and len(prices) == 2:
        bid, ask = (one[1] for one in prices)
        above, below = max(0, bid - oracle * 10**8), max(0, oracle * 10**8 - ask)
        told["premium"] = text((above - below) * 10**4 // oracle, PPT)
    return told


def spot_contexts(dialect: Dialect) -> list[Json]:
    """In the order of `spot_meta`."""
    if dialect.coins.spots:
        return [spot_context(dialect, coin) for coin in dialect.coins.spots]
    still = {name: "0.0" for name in ("dayNtlVlm", "circulatingSupply", "totalSupply", "dayBaseVlm")}
    return [{"prevDayPx": "1.0", "markPx": "1.0", "midPx": None, "coin": NOT_TRADED, **still}]


def spot_context(dialect: Dialect, coin: Coin) -> Json:
    day = dialect.host.history.day(coin.market)
    return day_of(dialect, coin) | {"coin": coin.name, "circulatingSupply": "0.0", "totalSupply": "0.0", "dayBaseVlm": coin.size(day.lots)}


def day_of(dialect: Dialect, coin: Coin) -> Json:
    """What contexts of both kinds of markets have."""
    day, mark = dialect.host.history.day(coin.market), dialect.host.exchange.mark_price(coin.market)
    return {
        "prevDayPx": coin.price(day.previous or mark), "dayNtlVlm": usd(day.value), "markPx": coin.price(mark),
        "midPx": middle(dialect, coin),
    }  # fmt: skip


def impact(dialect: Dialect, coin: Coin, side: Side) -> tuple[str, int] | None:
    """The average price of an order of `side` for the impact notional, as a text and in 1e-8 ticks; None: the book has not so much."""
    venue = dialect.host.exchange
    mark = venue.mark_price(coin.market) or venue.last_price(coin.market)
    lots = IMPACT_USD * 10**MICRO // (mark * coin.unit) if mark else 0
    if not lots:
        return None
    filled, value = venue.sweep(coin.market, side, lots)
    return (coin.average(value, filled), value * 10**8 // (filled * coin.unit)) if filled == lots else None


def hourly(dialect: Dialect, coin: Coin) -> str:
    """The funding rate of an hour, of what the venue's interval would charge."""
    interval = dialect.host.exchange.design.markets[coin.market].funding.interval_ms
    return rate(dialect.host.exchange.funding_rate(coin.market), interval)


def rate(ppt: int, interval_ms: int) -> str:
    return text(ppt * HOUR_MS // interval_ms if interval_ms else ppt, PPT)


# -- books and trades --


def book(dialect: Dialect, coin: Coin, figures: int | None = None, mantissa: int = 1, levels: int = LEVELS) -> Json:
    """The best levels of both sides, with prices cut to so many significant figures, away from the middle."""
    venue = dialect.host.exchange
    depth = levels if figures is None else DEEP
    sides = [
        [level(coin, price, lots) for price, lots in grouped(venue.depth(coin.market, side, depth), side, figures, mantissa)[:levels]]
        for side in (Side.BUY, Side.SELL)
    ]
    return {"coin": coin.name, "time": dialect.now_ms, "levels": sides}


def level(coin: Coin, price: int, lots: int) -> Json:
    return {"px": coin.price(price), "sz": coin.size(lots), "n": 1}


def grouped(levels: list[tuple[int, int]], side: Side, figures: int | None, mantissa: int) -> list[tuple[int, int]]:
    if figures is None:
        return levels
    sums: dict[int, int] = {}
    for price, lots in levels:
        step = mantissa * 10 ** max(0, len(str(price)) - figures)
        at = price // step * step if side is Side.BUY else min(MAX_PRICE, -(-price // step) * step)
        sums[at] = sums.get(at, 0) + lots
    return list(sums.items())


def best(dialect: Dialect, coin: Coin) -> Json:
    venue = dialect.host.exchange
    sides = [venue.depth(coin.market, side, 1) for side in (Side.BUY, Side.SELL)]
    return {"coin": coin.name, "time": dialect.now_ms, "bbo": [level(coin, *one[0]) if one else None for one in sides]}


def trade(dialect: Dialect, coin: Coin, one: Trade) -> Json:
    address = dialect.people.address
    return {
        "coin": coin.name, "side": "B" if one.taker_side is Side.BUY else "A", "px": price_of(coin, one.price, one.value, one.lots),
        "sz": coin.size(one.lots), "time": one.ts // 1_000_000, "hash": hash_of(one.seq), "tid": one.seq,
        "users": [address(one.buyer), address(one.seller)],
    }  # fmt: skip


def price_of(coin: Coin, ticks: int, value: int, lots: int) -> str:
    """Of a fill: a price between two ticks is told as it is."""
    return coin.price(ticks) if ticks * lots * coin.unit == value or not lots else coin.average(value, lots)


def hash_of(seq: int) -> str:
    """What stands for the hash of a transaction: the number of the event."""
    return f"0x{seq:064x}"


# -- what has happened --


def candle(coin: Coin, interval: str, one: Candle) -> Json:
    prices = {name: coin.price(ticks) for name, ticks in (("o", one.open), ("c", one.close), ("h", one.high), ("l", one.low))}
    return {
        "t": one.begin // 1_000_000, "T": one.end // 1_000_000, "s": coin.name, "i": interval, **prices, "v": coin.size(one.lots),
        "n": one.trades,
    }  # fmt: skip


def charge(dialect: Dialect, coin: Coin, one: Charge) -> Json:
    interval = dialect.host.exchange.design.markets[coin.market].funding.interval_ms
    return {
        "coin": coin.name, "fundingRate": rate(one.rate_ppt, interval), "premium": text(one.premium_ppt, PPT), "time": one.ts // 1_000_000
    }  # fmt: skip
