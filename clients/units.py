"""From a user's numbers to the wire's and back: USD and coins as Decimal or text, ticks, lots and micro-units as integers.

Every conversion is exact. What would have to be rounded is refused with the nearest numbers that would do, and a float is refused
altogether: 0.1 is none of the numbers that a venue knows.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Context, Decimal, InvalidOperation, localcontext
from enum import IntEnum
from functools import wraps
from operator import index
from typing import Final, ParamSpec, TypeVar

from msgspec import Struct

from perplab.exchange.messages import MAX_AMOUNT, MAX_LOTS, MAX_PRICE

Number = Decimal | str | int  # what a price, a size or an amount of money may be given as
TOLD: Final = Context(prec=28)  # digits of a quotient that is handed out
WIDE: Final = Context(prec=60)  # digits: more than any product here has
MILLIONTH: Final = Decimal("0.000001")  # of a share: the smallest
MICRO: Final = Decimal("0.000001")  # of money: the venue's smallest unit
MOST_PARTS: Final = 1_000_000_000  # a thousand times
MOST_ID: Final = 1 << 62


Code = TypeVar("Code", bound=IntEnum)
P = ParamSpec("P")
R = TypeVar("R")


def widely(function: Callable[P, R]) -> Callable[P, R]:
    """A function whose `+`, `-` and `abs` of Decimals keep all digits, whatever the context of who calls it."""

    @wraps(function)
    def inside(*args: P.args, **kwargs: P.kwargs) -> R:
        with localcontext(WIDE):
            return function(*args, **kwargs)

    return inside


def exact(given: Number, what: str) -> Decimal:
    """The number. Raises TypeError for a float, ValueError for a text that is none."""
    if isinstance(given, bool | float) or not isinstance(given, Decimal | str | int):
        hint = f"; write {str(given)!r} or Decimal({str(given)!r})" if isinstance(given, float) else ""
        raise TypeError(f"{what} is {given!r}, a {type(given).__name__}: wanted is a Decimal, a text or a whole number{hint}")
    try:
        number = Decimal(given)
    except InvalidOperation:
        raise ValueError(f"{what} is {given!r}, which is no number") from None
    if not number.is_finite():
        raise ValueError(f"{what} is {given!r}, which is no finite number")
    return number


def steps(given: Number, step: Decimal, what: str, unit: str, lowest: int | None = None, highest: int | None = None) -> int:
    """How many `step`s a number is. Raises ValueError, with the nearest numbers that are whole steps and not below `lowest` of them, or for
    more than `highest`."""
    number = exact(given, what)
    try:
        count, rest = WIDE.divmod(number, step)
    except InvalidOperation:
        raise ValueError(f"{what} is {given!r}, which is out of range") from None
    if rest:
        low = int(count) - (number < 0)
        near = " and ".join(f"{WIDE.multiply(step, one):f}" for one in (low, low + 1) if lowest is None or one >= lowest)
        raise ValueError(f"{what} is {number:f}, which is no multiple of {step:f} {unit}; nearest: {near or f'{step * (lowest or 0):f}'}")
    if lowest is not None and count < lowest:
        raise ValueError(f"{what} is {number:f}; the least is {WIDE.multiply(step, lowest).normalize(WIDE):f} {unit}")
    if highest is not None and count > highest:
        raise ValueError(f"{what} is {number:f}; the most is {WIDE.multiply(step, highest).normalize(WIDE):f} {unit}")
    return int(count)


def micro(given: Number, what: str = "the amount", unit: str = "USD", lowest: int = -MAX_AMOUNT, highest: int = MAX_AMOUNT) -> int:
    """Money in micro-units. Raises TypeError or ValueError."""
    return steps(given, MICRO, what, unit, lowest, highest)


def parts(given: Number, what: str, unit: str, lowest: int = 0, highest: int = MOST_PARTS) -> int:
    """A share, or a number of times, in millionths. Raises TypeError or ValueError."""
    return steps(given, MILLIONTH, what, unit, lowest, highest)


def integer(given: int, what: str) -> int:
    """A whole number. Raises TypeError for what is none."""
    if isinstance(given, bool) or not hasattr(given, "__index__"):
        raise TypeError(f"{what} is {given!r}, a {type(given).__name__}: wanted is a whole number")
    return index(given)


def within(given: int, what: str, lowest: int, highest: int) -> int:
    """A whole number. Raises TypeError for what is none, ValueError for one that the venue does not take."""
    number = integer(given, what)
    if not lowest <= number <= highest:
        raise ValueError(f"{what} is {number}; the venue takes {lowest} to {highest}")
    return number


def code_of(kind: type[Code], given: Code | int) -> Code:
    """A code, given by itself or by its number. Raises ValueError, with the names that there are."""
    try:
        return kind(given)
    except ValueError:
        known = ", ".join(f"{kind.__name__}.{one.name}" for one in kind)
        raise ValueError(f"{given!r} is no {kind.__name__}; there are {known}") from None


def some_id(given: int, what: str) -> int:
    """The number of an order, an auction or a window. Raises TypeError or ValueError."""
    return within(given, what, 1, MOST_ID)


def plural(count: int, one: str, more: str) -> str:
    """The count, with the word for it."""
    return f"{count} {one if count == 1 else more}"


def rounded(value: Decimal, by: Decimal) -> Decimal:
    """A quotient that is handed out: to 28 digits, half to even."""
    return TOLD.divide(value, by)


def money(amount: int) -> Decimal:
    """[USD] of micro-units."""
    return WIDE.multiply(MICRO, amount)


class Curve(Struct, frozen=True, kw_only=True):
    """A market's curve: liquidity that is a formula."""

    rule: str  # how it prices, as docs/rules.md has it
    role: str  # when an order meets it: separate (there is no book), interleaved, jit or last_resort
    is_virtual: bool  # nobody's money is behind it: no liquidity can be added
    reducing_fee: Decimal  # taker fee of what reduces its position
    lock_ms: int  # how long liquidity stays after it was added


class Tier(Struct, frozen=True):
    """What margin a position needs whose value is `lower_notional` or more."""

    lower_notional: Decimal  # [USD]
    initial: Decimal  # share of what lies above that
    maintenance: Decimal  # the same


class JumpFee(Struct, frozen=True, kw_only=True):
    """What takers pay on top while the oracle price jumps: docs/rules.md. All are shares of the price."""

    deviation: Decimal  # each price adds what it has moved beyond twice this
    decay: Decimal  # what is left of that at the next price
    least: Decimal  # less than this is not charged


class OracleTerms(Struct, frozen=True, kw_only=True):
    """When a venue calls a market's oracle price stale, and what it does then."""

    stale_after_ms: int  # 0: never
    on_stale: str  # keep_last, halt_new_risk or pause_liquidation


class MarkTerms(Struct, frozen=True, kw_only=True):
    """How a market's mark is made."""

    rule: str  # docs/rules.md has what each does
    cadence_ms: int  # how often, besides with every oracle price; 0: with these alone
    terms: tuple[tuple[str, object], ...] = ()  # the rule's own, name and value: dict(mark.terms)


class FundingTerms(Struct, frozen=True, kw_only=True):
    """What longs and shorts pay each other."""

    rule: str  # docs/rules.md has what each does
    sample_interval_ms: int
    interval_ms: int  # that a rate is for
    payment: str  # discrete: at the end of each interval; continuous: with every sample
    price: str  # oracle or mark: what the value of a position is taken at
    terms: tuple[tuple[str, object], ...] = ()  # the rule's own, name and value: dict(funding.terms)


class Market(Struct, frozen=True, kw_only=True):
    """A market's terms, and the conversions in it."""

    number: int
    name: str
    tick: Decimal  # [USD] between two prices
    lot: Decimal  # [coins] between two sizes
    significant_figures: int  # that a price may have, counted in ticks; 0: any number
    minimum_notional: Decimal  # [USD] that an order must be worth
    max_leverage: int
    maker_fee: Decimal  # share of the notional; below zero a rebate
    taker_fee: Decimal
    settlement_asset: int = 0  # the number of the asset in which it settles
    curve: Curve | None = None  # None: it has only a book
    matching: str = "price_time"  # who is filled first among orders at one price
    queue_classes: bool = False  # retail orders stand before all others
    tiers: tuple[Tier, ...] = ()  # by rising value, the first from 0 on; (): not known
    kind: str = "perpetual"  # or spot
    base_asset: str = ""  # of a spot market: what is traded in it; "": it is none
    price_band: Decimal | None = None  # share of the mark that a price may be away from it; 0: any; None: not told
    default_leverage: int | None = None  # of an account that has chosen none; None: not told
    open_interest_cap: Decimal | None = None  # [coins] of one side; None: none, or not told
    jump_fee: JumpFee | None = None  # None: none, or not told
    top_share: Decimal | None = None  # top_pro_rata: of an incoming order, what the top order may take of it first; None: not told
    least_share: Decimal | None = None  # [coins] a share pro rata that is smaller goes by time; None: not told
    max_price: Decimal | None = None  # [USD] of an order; None: not told
    max_size: Decimal | None = None  # [coins] of an order, and of a position with the orders of its side; None: not told
    oracle: OracleTerms | None = None  # None: not told
    mark: MarkTerms | None = None  # None: not told
    funding: FundingTerms | None = None  # None: a spot market, or not told
    transfer_margin: Decimal | None = None  # the venue's: a share of the value of a position that stays when money leaves; None: not told

    @property
    def is_spot(self) -> bool:
        """Does a trade move two assets, and leave no position?"""
        return self.kind == "spot"

    @property
    def unit(self) -> int:
        """[micro] per tick x lot: the value of a lot is its price x this. A venue has only markets in which it is whole."""
        return round(WIDE.divide(WIDE.multiply(self.tick, self.lot), MICRO))

    def ticks(self, price: Number) -> int:
        """Raises TypeError or ValueError, with the nearest legal prices."""
        ticks = steps(price, self.tick, f"the price in {self.name}", "USD", 1, MAX_PRICE)
        spare = len(str(ticks)) - self.significant_figures if self.significant_figures else 0
        step = 10 ** max(0, spare)
        if ticks % step:
            low = ticks - ticks % step
            most = MAX_PRICE if self.max_price is None else self.whole_ticks(self.max_price)
            near = " and ".join(f"{self.price(one):f}" for one in (low, low + step) if one <= most) or f"{self.price(most):f}"
            figures = f"{self.significant_figures} significant figures"
            raise ValueError(f"the price in {self.name} is {price}, which has more than {figures}; nearest: {near}")
        return ticks

    def whole_ticks(self, price: Decimal) -> int:
        """Ticks of a price that the venue has told, which may be a mark between the prices of orders."""
        count, _ = WIDE.divmod(price, self.tick)
        return round(count)

    def ticks_near(self, price: Decimal, up: bool) -> int:
        """The nearest price of the venue that is not below `price` (`up`), or not above it; but at least one tick."""
        count, rest = WIDE.divmod(price, self.tick)
        ticks = max(1, int(count) + bool(rest and up))
        spare = len(str(ticks)) - self.significant_figures if self.significant_figures else 0
        step: int = 10 ** max(0, spare)
        return -(-ticks // step) * step if up else ticks // step * step

    def lots(self, size: Number, what: str = "the size") -> int:
        """Raises TypeError or ValueError, with the nearest legal sizes."""
        return steps(size, self.lot, f"{what} in {self.name}", "coins", 1, MAX_LOTS)

    def whole_lots(self, size: Decimal) -> int:
        """As many whole lots as fit into `size`, signed like it."""
        count, _ = WIDE.divmod(size, self.lot)
        return round(count)

    def price(self, ticks: int) -> Decimal:
        """[USD]"""
        return WIDE.multiply(self.tick, ticks)

    def size(self, lots: int) -> Decimal:
        """[coins], signed like `lots`."""
        return WIDE.multiply(self.lot, lots)
