"""What a client hands out of venues with curves, and of those in which commands wait: the other half of types.py, which has all of it."""

from __future__ import annotations

from decimal import Decimal
from enum import Enum

from msgspec import Struct

ClientId = int | str  # a whole number, or "0x" and up to 32 hex digits


class _Name(str):
    """A text that is printed without quotes."""

    __slots__ = ()
    __repr__ = str.__str__


class Told(Struct, frozen=True):
    """Base of what is handed out: codes are printed by name, `side=BUY`, as messages of the venue are."""

    def __rich_repr__(self) -> list[tuple[str, object]]:
        shown = [(name, getattr(self, name)) for name in self.__struct_fields__]
        return [(name, _Name(value.name) if isinstance(value, Enum) else value) for name, value in shown]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.__rich_repr__())})"


# -- how commands are carried out --


class Sequencing(Told, frozen=True, kw_only=True):
    """When commands about orders are carried out."""

    rule: str = "continuous"  # at once; or blocks, batch_auction, dutch_auction, request_execute, or a rule of the venue's own
    terms: dict[str, object] = {}  # the rule's own, as docs/rules.md has them: interval_ms, say
    taker_latency_ms: int = 0  # how much later orders are due that would trade at once
    retail_taker_latency_ms: int = 0  # the same of retail accounts
    maker_latency_ms: int = 0  # of other orders
    cancel_latency_ms: int = 0

    @property
    def waits(self) -> bool:
        """May a command have to wait?"""
        return self.rule != "continuous" or any(
            (self.taker_latency_ms, self.retail_taker_latency_ms, self.maker_latency_ms, self.cancel_latency_ms)
        )


class Gas(Told, frozen=True, kw_only=True):
    """What commands cost, before the operator's multiplier. [USD]"""

    place: Decimal = Decimal(0)
    amend: Decimal = Decimal(0)
    cancel: Decimal = Decimal(0)
    liquidity: Decimal = Decimal(0)


class Queued(Told, frozen=True, kw_only=True):
    """A command that waits for its turn."""

    ticket: int
    due: int | None  # [ns] when it will be carried out; None: with an oracle price that is not there yet


class Waiting(Told, frozen=True, kw_only=True):
    """A command that waits, as the venue lists it."""

    ticket: int
    command: str  # Place, Cancel, ...
    market: str  # "": of several, or it names none
    due: int | None  # [ns] when it will be carried out; None: with an oracle price that is not there yet
    order_id: int  # of the order that it is about; 0: a new one, or it names none
    client_id: ClientId | None


# -- curves --


class PoolLevel(Told, frozen=True):
    """All that trades with a curve at `price` or better."""

    price: Decimal  # [USD]
    size: Decimal  # [coins]
    value: Decimal  # [USD] of all of it, exactly


class Pool(Told, frozen=True, kw_only=True):
    """What stands behind the curve of a market."""

    market: str
    size: Decimal  # [coins] that it holds, signed
    entry_notional: Decimal  # [USD] signed like size
    money: Decimal  # [USD]
    equity: Decimal  # [USD] money and position at the mark
    shares: int  # in all, those of the venue's own capital included
    middle: Decimal | None  # [USD] of its quotes; None: it quotes nothing
    bids: tuple[PoolLevel, ...]  # for sellers, the nearest first
    asks: tuple[PoolLevel, ...]  # for buyers


class Liquidity(Told, frozen=True, kw_only=True):
    """An account's shares of a pool, or a range of its own."""

    market: str
    shares: int  # of a range its liquidity
    paid_in: Decimal  # [USD] for them
    worth: Decimal  # [USD] that they would fetch now; of a range at the mark, its position included
    locked_until: int  # [ns]
    range_id: int = 0  # 0: the whole curve
    lower: Decimal = Decimal(0)  # [USD] of the range
    upper: Decimal = Decimal(0)
    size: Decimal = Decimal(0)  # [coins] signed: what the range would hand to its owner


class LiquidityChange(Told, frozen=True, kw_only=True):
    """What a command about liquidity came to; while it waits (`ticket`) all else is 0."""

    market: str
    shares: int  # added or removed
    amount: Decimal  # [USD] paid in or out
    range_id: int  # 0: the whole curve
    ticket: int = 0  # it waits under this number; 0: it is carried out
    due: int | None = None  # [ns] when it will be, as of Queued
    seq: int = 0  # of the venue's last event because of it
    ts: int = 0  # [ns] of the venue then
