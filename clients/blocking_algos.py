"""What a blocking client can do with orders that the venue sends on its behalf, and with quotes. asking_algos.py has the same names with
`await`; a test compares the two."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TypeVar

from perplab.exchange.codes import PriceSource, Side, TriggerKind

from . import types as t
from .calls import Call
from .paging import Listing, pages
from .shared import Shared
from .units import Number

T = TypeVar("T")
MARK = PriceSource.MARK


class BlockingAlgos(Shared, ABC):
    @abstractmethod
    def _do(self, call: Call[T], timeout: float | None = None) -> T:
        """Send a call and wait for its reply. Raises Refused, Unknown, TimedOut or NotConnected."""

    def _all(self, listing: Listing[T], timeout: float | None) -> tuple[T, ...]:
        """All of a list, in as many calls as it takes, each with its own `timeout`. Raises what `_do` does, and TimedOut for a list that
        changes each time it is asked for."""
        asking = pages(listing)
        call = next(asking)
        while True:
            part = self._do(call, timeout)
            try:
                call = asking.send(part)
            except StopIteration as end:
                found: tuple[T, ...] = end.value
                return found

    # -- conditional orders --

    def stop_market(
        self, market: str, side: Side, price: Number, size: Number | None = None, *, source: PriceSource = MARK,
        slippage: Number | None = None, reduce_only: bool = True, client_id: t.ClientId | None = None, timeout: float | None = None,
    ) -> t.Order:  # fmt: skip
        """A market order once the price has gone against it, to `price` [USD] or beyond: up for a buy, down for a sell. Without a `size`
        [coins] for the whole position; `slippage` is the share of the price at firing that it may trade away from that."""
        new = t.NewTrigger(
            market=market, side=side, trigger=TriggerKind.STOP, price=price, size=size, source=source, slippage=slippage,
            reduce_only=reduce_only, client_id=client_id,
        )  # fmt: skip
        return self.place_trigger(new, timeout=timeout)

    def take_profit(
        self, market: str, side: Side, price: Number, size: Number | None = None, *, source: PriceSource = MARK,
        slippage: Number | None = None, reduce_only: bool = True, client_id: t.ClientId | None = None, timeout: float | None = None,
    ) -> t.Order:  # fmt: skip
        """A market order once the price has come its way, to `price` [USD] or beyond: down for a buy, up for a sell. Else as a stop."""
        new = t.NewTrigger(
            market=market, side=side, trigger=TriggerKind.TAKE_PROFIT, price=price, size=size, source=source, slippage=slippage,
            reduce_only=reduce_only, client_id=client_id,
        )  # fmt: skip
        return self.place_trigger(new, timeout=timeout)

    def trailing_stop(
        self, market: str, side: Side, share: Number, size: Number | None = None, *, begins_at: Number | None = None,
        source: PriceSource = MARK, slippage: Number | None = None, reduce_only: bool = True, client_id: t.ClientId | None = None,
        timeout: float | None = None,
    ) -> t.Order:  # fmt: skip
        """A market order once the price has turned by `share` ("0.02": 2 %) from the best since it began to trail: from the highest for a
        sell, from the lowest for a buy. It begins at `begins_at` [USD], or at once. A distance in USD has `place_trigger`."""
        new = t.NewTrigger(
            market=market, side=side, trigger=TriggerKind.TRAILING_PPM, price=begins_at, trail=share, size=size, source=source,
            slippage=slippage, reduce_only=reduce_only, client_id=client_id,
        )  # fmt: skip
        return self.place_trigger(new, timeout=timeout)

    def place_trigger(self, trigger: t.NewTrigger, *, timeout: float | None = None) -> t.Order:
        """Place any conditional order. What is returned has the id of the order that it will send, and `open` 0 where it is for the whole
        position; `cancel` takes it back. It gets a client id, as an order does."""
        return self._do(self.calls.place_trigger(trigger), timeout)

    def triggers(self, *, timeout: float | None = None) -> tuple[t.OpenTrigger, ...]:
        """The account's conditional orders that wait, the oldest first."""
        return self._all(self.calls.triggers, timeout)

    def link_oco(
        self, first: t.Order | t.OpenTrigger | int, second: t.Order | t.OpenTrigger | int, alone: bool = False, *,
        timeout: float | None = None,
    ) -> None:  # fmt: skip
        """One cancels the other: two open orders or triggers of a market, by themselves or their ids. `alone`: not if you cancel it."""
        self._do(self.calls.link_oco(first, second, alone), timeout)

    def place_bracket(self, bracket: t.NewBracket, *, timeout: float | None = None) -> t.Order:
        """Place an entry that has a take-profit, a stop or both for what it fills; the entry, as `place` returns it."""
        return self._do(self.calls.place_bracket(bracket), timeout)

    # -- several orders --

    def place_twap(self, twap: t.NewTwap, *, timeout: float | None = None) -> t.Order:
        """Let the venue trade a size in slices. What is returned has its id; `cancel` ends it, `twaps` tells how far it is."""
        return self._do(self.calls.place_twap(twap), timeout)

    def twaps(self, *, timeout: float | None = None) -> tuple[t.OpenTwap, ...]:
        """The account's TWAPs that go on, the oldest first."""
        return self._all(self.calls.twaps, timeout)

    def place_ladder(self, ladder: t.NewLadder, *, timeout: float | None = None) -> t.Ladder:
        """Spread a size over limit orders. The reply counts those that were placed, refused or wait; what became of each says
        `order(client_id=...)`, and the private stream. Sent again with the same client id, it changes nothing."""
        return self._do(self.calls.place_ladder(ladder), timeout)

    # -- quotes --

    def mass_quote(
        self, market: str, side: Side, quotes: Sequence[tuple[Number, Number]], *, timeout: float | None = None,
    ) -> t.Queued | t.Quoted:  # fmt: skip
        """Replace all quotes on one side of a market by up to five new ones, (price [USD], size [coins]) each; none: take them down. They
        are post-only, and one whose price stays keeps its place. The private stream tells of each, also if it is refused (QuoteRefused).
        How many were placed
        and refused; or, where it waits for its turn, a Queued."""
        return self._do(self.calls.mass_quote(market, side, quotes), timeout)

    def set_quote_protection(
        self, market: str, window_s: float | None = None, *, fills: int = 0, size: Number | None = None, off: bool = False,
        timeout: float | None = None,
    ) -> None:  # fmt: skip
        """Have all quotes in a market cancelled when `fills` fills of them, or `size` [coins], come within `window_s`, and no new ones
        taken until this is sent again. `off=True` ends the protection; a ValueError for neither that nor a limit."""
        self._do(self.calls.set_quote_protection(market, window_s, fills, size, off), timeout)
