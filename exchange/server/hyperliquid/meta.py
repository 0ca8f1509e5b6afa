"""What there is to trade: perpetuals with their margin tables, spot pairs and their tokens."""

from __future__ import annotations

from typing import Any, Final

from ...design.structs import Market
from ...schema.codes import MarketStatus
from .asked import Body
from .coins import USDC, Coin, usd
from .dialect import Dialect

WEI: Final = 8  # weiDecimals of every token: the venue counts six, and clients that look want at least as many as szDecimals
USDC_ID: Final = "0x6d1e7cde53ba9467b783cb7c530ce054"  # of mainnet
TABLES: Final = 50  # margin tables from this number on have several tiers; below, the number is the leverage

Thing = dict[str, Any]


def leverage_of(initial_ppm: int) -> int:
    """The largest whole leverage of a margin rate: 66,667 ppm are 15."""
    return max(1, (2 * 1_000_000 + initial_ppm) // (2 * initial_ppm))


def margin_table(market: Market) -> Thing:
    tiers = [{"lowerBound": usd(tier.lower_notional * 10**6), "maxLeverage": leverage_of(tier.initial_margin_ppm)} for tier in market.tiers]
    return {"description": "" if len(tiers) == 1 else f"tiered {tiers[0]['maxLeverage']}x", "marginTiers": tiers}


def margin_tables(dialect: Dialect) -> tuple[list[list[Any]], dict[int, int]]:
    """The tables by number, and the number of each market's."""
    tables: dict[int, Thing] = {}
    numbers: dict[int, int] = {}
    for coin in dialect.coins.perpetuals:
        table = margin_table(dialect.host.exchange.design.markets[coin.market])
        found = next((number for number, one in tables.items() if one == table), None)
        if found is None:
            largest = table["marginTiers"][0]["maxLeverage"]
            is_plain = len(table["marginTiers"]) == 1 and largest < TABLES
            found = largest if is_plain else TABLES + sum(number >= TABLES for number in tables)
            tables[found] = table
        numbers[coin.market] = found
    return [[number, tables[number]] for number in sorted(tables)], numbers


def meta(dialect: Dialect, body: Body) -> Thing:
    venue = dialect.host.exchange
    tables, numbers = margin_tables(dialect)
    universe = []
    for coin in dialect.coins.perpetuals:
        told: Thing = {
            "name": coin.name, "szDecimals": coin.size_decimals, "maxLeverage": venue.design.markets[coin.market].max_leverage,
            "marginTableId": numbers[coin.market],
        }  # fmt: skip
        if venue.state.markets[coin.market].status == MarketStatus.SETTLED:
            told["isDelisted"] = True
        universe.append(told)
    return {"universe": universe, "marginTables": tables, "collateralToken": 0}


def token(name: str, number: int, size_decimals: int, token_id: str) -> Thing:
    return {
        "name": name, "szDecimals": size_decimals, "weiDecimals": WEI, "index": number, "tokenId": token_id, "isCanonical": True,
        "evmContract": None, "fullName": None, "deployerTradingFeeShare": "0.0",
    }  # fmt: skip


def pair(name: str, base: int, number: int) -> Thing:
    return {"name": name, "tokens": [base, 0], "index": number, "isCanonical": not name.startswith("@")}


def spot_meta(dialect: Dialect, body: Body) -> Thing:
    coins = dialect.coins
    decimals = {coin.base: coin.size_decimals for coin in coins.spots}
    tokens = [token(USDC, 0, WEI, USDC_ID)]
    tokens += [token(name, at, decimals.get(at, WEI), token_id(at)) for at, name in enumerate(coins.tokens) if at]
    universe = []
    for number, one in enumerate(coins.pairs):
        if isinstance(one, Coin):
            universe.append(pair(one.name, one.base, number))
        else:
            universe.append(pair(one.name, len(tokens), number))
            tokens.append(token(one.token, len(tokens), one.size_decimals, token_id(len(tokens))))
    return {"universe": universe, "tokens": tokens}


def is_stand_in(dialect: Dialect, name: object) -> bool:
    return isinstance(name, str) and name in dialect.coins.stand_ins


def token_id(number: int) -> str:
    return f"0x{number:032x}"


def all_perp_metas(dialect: Dialect, body: Body) -> list[Thing]:
    return [meta(dialect, body)]


def perp_dexs(dialect: Dialect, body: Body) -> list[None]:
    """The venue's own alone, which clients know as null."""
    return [None]


def at_open_interest_cap(dialect: Dialect, body: Body) -> list[str]:
    """Coins of which no more may be open."""
    markets = dialect.host.exchange.state.markets
    found = []
    for coin in dialect.coins.perpetuals:
        market = markets[coin.market]
        if 0 < market.open_interest_cap <= market.open_interest:
            found.append(coin.name)
    return found
