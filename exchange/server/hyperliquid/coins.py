"""Markets by the names and numbers of this dialect, and numbers as the venue writes them: decimal texts with at least one decimal, and no
other trailing zeros ("0.0", "60000.0", "0.015").

A perpetual is a coin ("BTC"), its asset number its place among the perpetuals; a spot market is a pair ("BTC/USDC"), its number 10,000 and
its place among those. One whose name in the design is "@8" is called that, and its number is 10,008: so the venue names all pairs but its
first. Only markets that settle in the venue's first asset, which the dialect calls USDC, are there.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from msgspec import Struct

from ...design.structs import Market, VenueDesign
from .errors import Wrong

FIRST_SPOT: Final = 10_000  # asset number
MICRO: Final = 6  # decimals of money
LONGEST: Final = 40  # characters of a number that a client may send
USDC: Final = "USDC"
NUMBERED: Final = re.compile("@(0|[1-9][0-9]{0,2})")  # a pair by its number

# Clients refuse a venue without spot pairs when they begin (nktkas: "Invalid spot metadata response"), the SDK's examples name the first
# two, and ccxt finds a pair by its number as a place in a list. So pairs are listed where the venue has none, and where numbers are left
# out. They are no markets: their books are empty, and orders for them are refused.
STAND_INS: Final = (("PURR/USDC", "PURR", 0), ("@1", "HFUN", 2))  # pair, token, szDecimals


def text(number: int, decimals: int) -> str:
    """`number` / 10^`decimals` as a value of an answer: no exponent, one decimal or as many as it takes."""
    if decimals <= 0:
        return f"{number * 10**-decimals}.0"
    digits = f"{abs(number):0{decimals + 1}d}"
    told = f"{digits[:-decimals]}.{digits[-decimals:].rstrip('0') or '0'}"
    return f"-{told}" if number < 0 else told


def in_words(told: str) -> str:
    """The same number in a sentence, where whole ones have no decimals."""
    return told.removesuffix(".0")


def usd(micro: int) -> str:
    """Money [micro] as a text."""
    return text(micro, MICRO)


def number_of(given: object) -> tuple[int, int]:
    """A decimal text as (integer, decimals). Raises ValueError for what is none; exponents are none."""
    if not isinstance(given, str) or len(given) > LONGEST:
        raise ValueError
    sign, digits = (-1, given[1:]) if given[:1] == "-" else (1, given)
    whole, dot, part = digits.partition(".")
    if not (whole + part).isascii() or not whole.isdigit() or (dot and not part.isdigit()):
        raise ValueError
    part = part.rstrip("0")
    return sign * int(whole + part), len(part)


def steps(given: object, step: int, decimals: int) -> int | None:
    """How many times `step` / 10^`decimals` a decimal text is; None: not a whole number of times. Raises ValueError."""
    number, places = number_of(given)
    if places > decimals:
        return None
    count, rest = divmod(number * 10 ** (decimals - places), step)
    return None if rest else count


class Coin(Struct, frozen=True):
    """A market. A price of n ticks is n x tick / 10^price_decimals, a size of n lots n x lot / 10^size_decimals."""

    name: str
    market: int  # the venue's number
    asset: int  # the dialect's
    tick: int
    price_decimals: int
    lot: int
    size_decimals: int  # szDecimals
    unit: int  # [micro] per tick x lot
    is_spot: bool = False
    base: int = 0  # of a spot market: the asset that is traded in it

    def price(self, ticks: int) -> str:
        return text(ticks * self.tick, self.price_decimals)

    def size(self, lots: int) -> str:
        return text(lots * self.lot, self.size_decimals)

    def average(self, micro: int, lots: int) -> str:
        """The price of so many lots for so much money, rounded to eight decimals. `lots` is not 0."""
        whole, part = abs(micro) * 10 ** (self.size_decimals + 8), 10**MICRO * abs(lots) * self.lot
        return text((2 * whole + part) // (2 * part), 8)

    def ticks(self, given: object) -> int:
        """Raises Wrong."""
        return self._steps(given, self.tick, self.price_decimals, "Order has invalid price.", "Price must be divisible by tick size.")

    def lots(self, given: object) -> int:
        """Raises Wrong."""
        return self._steps(given, self.lot, self.size_decimals, "Order has invalid size.", "Order has invalid size.")

    def _steps(self, given: object, step: int, decimals: int, none: str, uneven: str) -> int:
        try:
            count = steps(given, step, decimals)
        except ValueError:
            raise Wrong(none) from None
        if count is None:
            raise Wrong(uneven)
        return count


class StandIn(Struct, frozen=True):
    """A pair that is listed and is no market."""

    name: str
    token: str
    size_decimals: int


def _grid(step: Decimal) -> tuple[int, int]:
    """A tick or lot as (integer, decimals)."""
    sign, digits, exponent = step.normalize().as_tuple()
    assert not sign and isinstance(exponent, int)
    number = int("".join(map(str, digits)))
    return (number * 10**exponent, 0) if exponent > 0 else (number, -exponent)


def _coin(market: Market, number: int, asset: int, base: int) -> Coin:
    tick, price_decimals = _grid(Decimal(str(market.tick)))
    lot, size_decimals = _grid(Decimal(str(market.lot)))
    name = market.name.removesuffix("-PERP")
    if market.is_spot and not NUMBERED.fullmatch(name):
        name = f"{market.base_asset}/{USDC}"
    return Coin(name, number, asset, tick, price_decimals, lot, size_decimals, market.unit, market.is_spot, base)


def _pair_numbers(markets: list[Market]) -> dict[str, int]:
    """Of spot markets by name: what the name says, or else the first that is left."""
    numbers = {market.name: int(found[1]) for market in markets if (found := NUMBERED.fullmatch(market.name))}
    for market in markets:
        if market.name not in numbers:
            numbers[market.name] = next(number for number in range(len(markets)) if number not in numbers.values())
    return numbers


def _stand_in(number: int) -> StandIn:
    return StandIn(*STAND_INS[number]) if number < len(STAND_INS) else StandIn(f"@{number}", f"TOKEN{number}", 2)


class Coins:
    """All that this dialect can name of a venue."""

    def __init__(self, design: VenueDesign) -> None:
        self.perpetuals: list[Coin] = []
        self.spots: list[Coin] = []  # by their numbers
        told = [(number, market) for number, market in enumerate(design.markets) if market.settlement_asset == design.assets[0]]
        numbers = _pair_numbers([market for _, market in told if market.is_spot])
        for number, market in told:
            if market.is_spot:
                self.spots.append(_coin(market, number, FIRST_SPOT + numbers[market.name], design.assets.index(market.base_asset)))
            else:
                self.perpetuals.append(_coin(market, number, len(self.perpetuals), 0))
        self.spots.sort(key=lambda coin: coin.asset)
        listed = {coin.asset - FIRST_SPOT: coin for coin in self.spots}
        count = max(listed) + 1 if listed else len(STAND_INS)
        self.pairs: Final = [listed.get(number) or _stand_in(number) for number in range(count)]  # each at its number
        every = [*self.perpetuals, *self.spots]
        self.by_market: Final = {coin.market: coin for coin in every}
        self.by_asset: Final = {coin.asset: coin for coin in every}
        self.by_name: Final = {coin.name: coin for coin in every} | {f"@{coin.asset - FIRST_SPOT}": coin for coin in self.spots}
        self.stand_ins: Final = frozenset(pair.name for pair in self.pairs if isinstance(pair, StandIn))
        self.tokens: Final = (USDC, *design.assets[1:])  # by the venue's number of an asset
