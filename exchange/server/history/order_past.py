"""What became of one account's orders, triggers and TWAPs: those that are open, and the last ones that have ended."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from msgspec import structs

from ...schema import events as e
from ...schema.codes import CancelReason, CommandKind, PriceSource, Reason, Side, TimeInForce, TriggerKind
from ...schema.messages import column_of
from ...schema.views import OpenOrder, OpenTrigger, OpenTwap
from .records import OrderRecord, OrderStatus

KEPT: Final = 2_000
KEPT_REFUSALS: Final = 500
Row = Sequence[int]
PLACING: Final = frozenset(
    (CommandKind.Place, CommandKind.PlaceTrigger, CommandKind.PlaceTwap, CommandKind.PlaceBracket, CommandKind.PlaceLadder)
)
SEQ: Final = 1
TS: Final = 2


def columns(event: type[e.Event], *names: str) -> tuple[int, ...]:
    return tuple(column_of(event, name) for name in names)


PLACED: Final = columns(
    e.OrderPlaced, "order_id", "account", "market", "side", "price", "size", "tif", "reduce_only", "client_hi", "client_lo"
)
TRIGGER: Final = columns(
    e.TriggerPlaced, "order_id", "account", "market", "side", "size", "trigger", "source", "trigger_price", "price", "client_hi",
    "client_lo",
)  # fmt: skip
FIRED: Final = columns(e.TriggerFired, "order_id", "size", "price")
TWAP: Final = columns(
    e.TwapPlaced, "order_id", "account", "market", "side", "size", "reduce_only", "client_hi", "client_lo", "slices", "interval"
)
SLICED: Final = columns(e.TwapSliced, "order_id", "slice_order_id", "filled", "left")
TWAP_ENDED: Final = columns(e.TwapEnded, "order_id", "filled", "left", "reason")
AMENDED: Final = columns(e.OrderAmended, "order_id", "price", "size")
REDUCED: Final = columns(e.OrderReduced, "order_id", "size")
CANCELLED: Final = columns(e.OrderCancelled, "order_id", "size", "reason")
TRIGGER_CANCELLED: Final = columns(e.TriggerCancelled, "order_id", "reason", "refusal")
RESIZED: Final = columns(e.TriggerResized, "order_id", "size")
REJECTED: Final = columns(e.Rejected, "command", "account", "market", "reason", "client_hi", "client_lo")


def of(row: Row, places: tuple[int, ...]) -> list[int]:
    return [row[place] for place in places]


# -- what is open, as it is now: nothing says when it came --


def order_now(one: OpenOrder) -> OrderRecord:
    return OrderRecord(
        one.order_id, one.account, one.market, Side(one.side), one.price, one.size + one.filled, TimeInForce(one.tif),
        bool(one.reduce_only), one.client_hi, one.client_lo, 0, 0, OrderStatus.OPEN, 0, 0, one.filled, one.size,
    )  # fmt: skip


def trigger_now(one: OpenTrigger) -> OrderRecord:
    return OrderRecord(
        one.order_id, one.account, one.market, Side(one.side), one.price, one.size, None, None, one.client_hi, one.client_lo, 0, 0,
        OrderStatus.OPEN, 0, 0, 0, one.size, trigger=TriggerKind(one.trigger), source=PriceSource(one.source),
        trigger_price=one.trigger_price, asked=one.size,
    )  # fmt: skip


def twap_now(one: OpenTwap, interval: int, now: int) -> OrderRecord:
    """Its slices say when it began, but not what they have paid."""
    began = (one.due or now) - one.done * interval
    return OrderRecord(
        one.order_id, one.account, one.market, Side(one.side), 0, one.size, None, bool(one.reduce_only), one.client_hi, one.client_lo,
        began, 0, OrderStatus.OPEN, 0, began, one.filled, one.size - one.filled, is_twap=True, slices=one.slices, interval=interval,
    )  # fmt: skip


class OrderPast:
    def __init__(self) -> None:
        self.open: dict[int, OrderRecord] = {}
        self.ended: deque[OrderRecord] = deque()
        self.refused: deque[OrderRecord] = deque()  # apart, so that they push out nothing else
        self.by_id: dict[int, OrderRecord] = {}
        self.by_client: dict[tuple[int, int], OrderRecord] = {}
        self.again: set[int] = set()  # that are open, and whose fills are being read once more
        self.twaps: dict[int, int] = {}  # by order that was a slice, and has traded: its TWAP; the oldest first
        self.reads: dict[int, Callable[[Row], None]] = {
            e.OrderPlaced.KIND: self.placed,
            e.OrderAmended.KIND: self.amended,
            e.OrderReduced.KIND: self.reduced,
            e.OrderCancelled.KIND: self.cancelled,
            e.TriggerPlaced.KIND: self.trigger_placed,
            e.TriggerFired.KIND: self.fired,
            e.TriggerCancelled.KIND: self.trigger_cancelled,
            e.TriggerResized.KIND: self.resized,
            e.TwapPlaced.KIND: self.twap_placed,
            e.TwapSliced.KIND: self.sliced,
            e.TwapEnded.KIND: self.twap_ended,
            e.Rejected.KIND: self.rejected,
        }

    # -- what is asked --

    def of_id(self, order_id: int) -> OrderRecord | None:
        return self.by_id.get(order_id)

    def of_client(self, hi: int, lo: int) -> OrderRecord | None:
        return self.by_client.get((hi, lo))

    def twap_of(self, order_id: int) -> int:
        """The TWAP that an order was a slice of; 0: none, or not known any more."""
        return self.twaps.get(order_id, 0)

    # -- what has happened --

    def begin_at(self, known: Iterable[OrderRecord], now: dict[int, OrderRecord]) -> None:
        """Before all that is kept is read. `known`: what was open when that began; `now`: what is open, by number. One that is older than
        what is kept, and not known either, will be known by what it is now."""
        for record in (*now.values(), *known):
            self._open(structs.replace(record))
        self.again = set(now)

    def correct(self, now: dict[int, OrderRecord]) -> None:
        """After it was read: what is open has what it has now; what is not any more ended in events that are not kept."""
        self.again.clear()
        for order_id, one in now.items():
            record = self.by_id[order_id]
            record.filled, record.left = one.filled, one.left
        for order_id in self.open.keys() - now.keys():
            self._forget(self.open.pop(order_id))

    def placed(self, row: Row) -> None:
        order_id, account, market, side, price, size, tif, reduce_only, hi, lo = of(row, PLACED)
        record = self.open.get(order_id)
        if record is None:
            new = OrderRecord(
                order_id, account, market, Side(side), price, size, TimeInForce(tif), bool(reduce_only), hi, lo, row[TS], row[SEQ],
                OrderStatus.OPEN, row[SEQ], row[TS], 0, size,
            )  # fmt: skip
            self._open(new)
            return
        # of a trigger that has fired, or adopted
        record.price, record.size, record.left, record.filled, record.value = price, size, size, 0, 0
        record.tif, record.reduce_only, record.seq, record.ts = TimeInForce(tif), bool(reduce_only), row[SEQ], row[TS]
        if record.placed_seq == 0:
            record.placed_ts, record.placed_seq = row[TS], row[SEQ]

    def amended(self, row: Row) -> None:
        order_id, price, size = of(row, AMENDED)
        record = self.open.get(order_id)
        if record is not None:
            record.price, record.left, record.size = price, size, record.filled + size
            record.seq, record.ts = row[SEQ], row[TS]

    def reduced(self, row: Row) -> None:
        order_id, size = of(row, REDUCED)
        record = self.open.get(order_id)
        if record is not None:
            record.left = size

    def filled(self, order_id: int, lots: int, value: int, row: Row) -> OrderRecord | None:
        """The order that has traded, if it is known."""
        record = self.open.get(order_id)
        if record is None:
            return self.by_id.get(order_id)
        record.filled += lots
        record.value += value
        record.left -= lots
        if record.left <= 0 and order_id not in self.again:
            self._end(record, OrderStatus.FILLED, row)
        return record

    def cancelled(self, row: Row) -> None:
        order_id, size, reason = of(row, CANCELLED)
        record = self.open.get(order_id)
        if record is not None:
            record.left, record.cancel_reason = size, CancelReason(reason)
            self._end(record, OrderStatus.CANCELLED, row)

    def trigger_placed(self, row: Row) -> None:
        order_id, account, market, side, size, trigger, source, trigger_price, price, hi, lo = of(row, TRIGGER)
        record = OrderRecord(
            order_id, account, market, Side(side), price, size, None, None, hi, lo, row[TS], row[SEQ], OrderStatus.OPEN, row[SEQ], row[TS],
            0, size, trigger=TriggerKind(trigger), source=PriceSource(source), trigger_price=trigger_price, asked=size,
        )  # fmt: skip
        self._open(record)

    def fired(self, row: Row) -> None:
        order_id, size, price = of(row, FIRED)
        record = self.open.get(order_id)
        if record is not None:
            record.size, record.left, record.triggered_ts = size, size, row[TS]
            record.price = price or record.price
            record.seq, record.ts = row[SEQ], row[TS]

    def resized(self, row: Row) -> None:
        order_id, size = of(row, RESIZED)
        record = self.open.get(order_id)
        if record is not None:
            record.size = record.left = record.asked = size

    def trigger_cancelled(self, row: Row) -> None:
        order_id, reason, refusal = of(row, TRIGGER_CANCELLED)
        record = self.open.get(order_id)
        if record is not None:
            record.cancel_reason = CancelReason(reason)
            record.reason = Reason(refusal) if refusal else None
            self._end(record, OrderStatus.CANCELLED, row)

    def twap_placed(self, row: Row) -> None:
        order_id, account, market, side, size, reduce_only, hi, lo, slices, interval = of(row, TWAP)
        record = OrderRecord(
            order_id, account, market, Side(side), 0, size, None, bool(reduce_only), hi, lo, row[TS], row[SEQ], OrderStatus.OPEN, row[SEQ],
            row[TS], 0, size, is_twap=True, slices=slices, interval=interval,
        )  # fmt: skip
        self._open(record)

    def sliced(self, row: Row) -> None:
        """Told behind all that the slice has traded. One that has traded nothing has no fills to be looked up for."""
        order_id, slice_id, filled, left = of(row, SLICED)
        order, record = self.by_id.get(slice_id), self.open.get(order_id)
        if slice_id and (order is None or order.filled):
            self.twaps[slice_id] = order_id
            if len(self.twaps) > KEPT:
                del self.twaps[next(iter(self.twaps))]
        if record is not None:
            record.filled, record.left = filled, left
            record.value += order.value if order is not None else 0

    def twap_ended(self, row: Row) -> None:
        order_id, filled, left, reason = of(row, TWAP_ENDED)
        record = self.open.get(order_id)
        if record is not None:
            record.filled, record.left = filled, left
            is_filled = reason == CancelReason.FILLED
            record.cancel_reason = None if is_filled else CancelReason(reason)
            self._end(record, OrderStatus.FILLED if is_filled else OrderStatus.CANCELLED, row)

    def rejected(self, row: Row) -> None:
        command, account, market, reason, hi, lo = of(row, REJECTED)
        if command not in PLACING:
            return
        record = OrderRecord(
            0, account, market, None, 0, 0, None, None, hi, lo, row[TS], row[SEQ], OrderStatus.REJECTED, row[SEQ], row[TS],
            reason=Reason(reason), is_twap=command == CommandKind.PlaceTwap,
        )  # fmt: skip
        if (hi or lo) and ((hi, lo) not in self.by_client or self.by_client[hi, lo].status is not OrderStatus.OPEN):
            self.by_client[hi, lo] = record
        self.refused.append(record)
        if len(self.refused) > KEPT_REFUSALS:
            self._forget(self.refused.popleft())

    # -- what is kept of it --

    def _open(self, record: OrderRecord) -> None:
        self.open[record.order_id] = self.by_id[record.order_id] = record
        if record.client_hi or record.client_lo:
            self.by_client[record.client_hi, record.client_lo] = record

    def _end(self, record: OrderRecord, status: OrderStatus, row: Row) -> None:
        record.status, record.seq, record.ts = status, row[SEQ], row[TS]
        del self.open[record.order_id]
        self._put_away(record)

    def _put_away(self, record: OrderRecord) -> None:
        self.ended.append(record)
        if len(self.ended) > KEPT:
            self._forget(self.ended.popleft())

    def _forget(self, oldest: OrderRecord) -> None:
        client = oldest.client_hi, oldest.client_lo
        if self.by_client.get(client) is oldest:
            del self.by_client[client]
        self.by_id.pop(oldest.order_id, None)
