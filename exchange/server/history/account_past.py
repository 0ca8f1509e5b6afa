"""One account's past: its rows, as they were recorded, become fills, orders, payments and moves of money."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, TypeVar

from msgspec import Struct, structs

from ...schema import events as e
from ...schema.codes import CommandKind, Method, Side, SystemAccount
from ...state.types import NIL, accrual_due
from .holdings import FLAT, Change, Holding, after, at_first
from .order_past import SEQ, TS, OrderPast, Row, columns
from .recording import IS_LONG, MARK, OTHER
from .records import Charge, Closing, Ended, Fill, Move, MoveKind, Payment, Settled, Source

KEPT: Final = 2_000  # of each kind of record
Of = TypeVar("Of")

TRADED: Final = columns(
    e.Traded, "market", "price", "size", "taker_side", "taker", "maker", "taker_order_id", "maker_order_id", "taker_fee", "maker_fee",
    "liquidation",
)  # fmt: skip
CURVE_TRADED: Final = columns(e.CurveTraded, "market", "price", "size", "side", "order_id", "value", "taker_fee", "liquidation")
BLOCK: Final = columns(e.BlockTraded, "buyer", "seller", "market", "size", "price")
LIQUIDATED: Final = columns(e.Liquidated, "account", "market", "method", "size", "value", "deficit")
BEGUN: Final = columns(e.LiquidationStarted, "market", "equity")
DELEVERAGED: Final = columns(e.Deleveraged, "loser", "winner", "market", "size", "value")
REMOVED: Final = columns(e.LiquidityRemoved, "market", "amount", "lots")
ADDED: Final = columns(e.LiquidityAdded, "market", "amount")
ARRIVED: Final = columns(e.PaymentArrived, "command", "account", "to", "asset", "amount")
TRANSFERRED: Final = columns(e.Transferred, "account", "to", "asset", "amount")
CASH: Final = columns(e.Deposited, "asset", "amount")  # of Withdrawn and Debited as well
SURPLUS: Final = columns(e.SurplusPaid, "account", "to", "asset", "amount")


class Markets(Struct, frozen=True):
    """What one has to know of the venue's markets, by number."""

    units: tuple[int, ...]  # [micro per tick x lot]
    assets: tuple[int, ...]  # that they settle in
    shifts: tuple[int, ...]  # of their accruals
    are_spot: tuple[bool, ...]


class Swap(Struct, frozen=True):
    """Lots that changed hands, as one side sees it."""

    market: int
    side: Side
    lots: int
    value: int  # [micro]
    source: Source
    other: int
    fee: int = 0
    is_taker: bool = False
    order_id: int = 0
    liquidation: Ended | None = None
    moves: bool = True  # does it change the position?

    @property
    def change(self) -> Change:
        return Change(self.lots, self.value) if self.side is Side.BUY else Change(-self.lots, -self.value)


Happening = Row | Charge | Settled


class AccountPast:
    def __init__(self, account: int, markets: Markets) -> None:
        self.account = account
        self.markets = markets
        self.done = 0  # rows of the account's log that were read
        self.seq = 0  # of the last event of the venue by then
        self.fills: deque[Fill] = deque(maxlen=KEPT)
        self.payments: deque[Payment] = deque(maxlen=KEPT)
        self.moves: deque[Move] = deque(maxlen=KEPT)
        self.closings: deque[Closing] = deque(maxlen=KEPT)
        self._equity: dict[int, int] = {}  # by isolated market, -1: cross: when the liquidation that is under way began
        self._first: dict[int, int] = {}  # by market: seq of the first fill of a slice of its own that is being closed
        self.orders = OrderPast()
        self.held: dict[int, Holding] = {}  # by market
        self._accrued: dict[int, int] = {}  # by market: what a lot was charged since the position last changed [2^-accrual_shift micro]
        self._swaps: dict[int, Callable[[Row], Iterable[Swap]]] = {
            e.Traded.KIND: self._traded,
            e.CurveTraded.KIND: self._curve_traded,
            e.BlockTraded.KIND: self._block_traded,
            e.Liquidated.KIND: self._liquidated,
            e.Deleveraged.KIND: self._deleveraged,
            e.LiquidityRemoved.KIND: self._range_removed,
        }
        self._moved: dict[int, Callable[[Row], None]] = {
            e.Deposited.KIND: lambda row: self._cash(row, MoveKind.DEPOSIT),
            e.Withdrawn.KIND: lambda row: self._cash(row, MoveKind.WITHDRAWAL),
            e.Debited.KIND: lambda row: self._cash(row, MoveKind.DEBIT),
            e.Transferred.KIND: self._transferred,
            e.PaymentArrived.KIND: self._arrived,
            e.SurplusPaid.KIND: self._surplus,
            e.LiquidityAdded.KIND: self._liquidity_added,
            e.LiquidityRemoved.KIND: self._liquidity_removed,
            e.LiquidationStarted.KIND: self._liquidation_began,
            e.LiquidationEnded.KIND: self._liquidation_ended,
            e.Liquidated.KIND: self._closed,
        }

    # -- reading --

    def begin_at(self, happened: Sequence[Happening], now: dict[int, Holding]) -> None:
        """The first time, of an account that is older than what is kept: what it held before all that is about to be read, going back from
        what it holds now."""
        changes: dict[int, list[Change]] = {}
        for one in reversed(happened):
            if isinstance(one, Settled):
                changes.setdefault(one.market, [])  # what was held before is not known: taken for nothing
            elif not isinstance(one, Charge) and one[0] in self._swaps:
                for swap in self._swaps[one[0]](one):
                    if self._holds(swap):
                        changes.setdefault(swap.market, []).append(swap.change)
        for market in now.keys() | changes.keys():
            self.held[market] = at_first(now.get(market, FLAT), changes.get(market, ()))

    def read(self, happened: Iterable[Happening]) -> None:
        """What has happened since, in order: rows of the account's log, charges and settlements of markets."""
        for one in happened:
            if isinstance(one, Charge):
                self._charged(one)
            elif isinstance(one, Settled):
                self._settled(one)
            else:
                self._read_row(one)

    def touched(self, rows: Iterable[Row]) -> set[int]:
        """Numbers of the markets in which the account holds something, or has by one of these rows."""
        found = {market for market, held in self.held.items() if held.size}
        for row in rows:
            if row[0] in self._swaps:
                found.update(swap.market for swap in self._swaps[row[0]](row))
        return found

    def _read_row(self, row: Row) -> None:
        kind = row[0]
        if kind in self.orders.reads:
            self.orders.reads[kind](row)
            return
        if kind in self._swaps:
            for swap in self._swaps[kind](row):
                self._swapped(row, swap)
        if kind in self._moved:
            self._moved[kind](row)

    def _holds(self, swap: Swap) -> bool:
        return swap.moves and not self.markets.are_spot[swap.market]

    def _swapped(self, row: Row, swap: Swap) -> None:
        start, earned = 0, 0
        closed_pnl: int | None = earned
        if not self.markets.are_spot[swap.market]:
            held = self.held.get(swap.market, FLAT)
            start = held.size
            if swap.moves:
                self._accrued.pop(swap.market, None)  # the venue settles what is owed before
                self.held[swap.market], closed_pnl = after(held, swap.change)
        order = self.orders.filled(swap.order_id, swap.lots, swap.value, row) if swap.order_id else None
        hi, lo = (order.client_hi, order.client_lo) if order is not None else (0, 0)
        ended = swap.liquidation
        if ended is not None:
            first = self._first.setdefault(swap.market, row[SEQ]) if ended.account == self.account else row[SEQ]
            ended = structs.replace(ended, first=first)
        price = swap.value // (swap.lots * self.markets.units[swap.market])
        fill = Fill(
            row[SEQ], row[TS], swap.market, swap.side, swap.lots, price, swap.value, swap.fee, swap.is_taker, swap.order_id, hi, lo,
            swap.other, swap.source, start, closed_pnl, ended,
        )  # fmt: skip
        self.fills.append(fill)

    # -- what changes hands --

    def _traded(self, row: Row) -> Iterator[Swap]:
        market, price, lots, taker_side, taker, maker, taker_order, maker_order, taker_fee, maker_fee, forced = (row[at] for at in TRADED)
        value = price * lots * self.markets.units[market]
        ended = Ended(taker, Method.BOOK, row[MARK]) if forced else None
        if taker == self.account:
            yield Swap(market, Side(taker_side), lots, value, Source.BOOK, maker, taker_fee, True, taker_order, ended, taker != maker)
        if maker == self.account:
            side = Side.SELL if taker_side == Side.BUY else Side.BUY
            yield Swap(market, side, lots, value, Source.BOOK, taker, maker_fee, False, maker_order, ended, taker != maker)

    def _curve_traded(self, row: Row) -> Iterator[Swap]:
        market, _, lots, side, order_id, value, fee, forced = (row[at] for at in CURVE_TRADED)
        ended = Ended(self.account, Method.BOOK, row[MARK]) if forced else None
        yield Swap(market, Side(side), lots, value, Source.CURVE, SystemAccount.CURVE, fee, True, order_id, ended)

    def _block_traded(self, row: Row) -> Iterator[Swap]:
        buyer, seller, market, lots, price = (row[at] for at in BLOCK)
        value = price * lots * self.markets.units[market]
        side, other = (Side.BUY, seller) if buyer == self.account else (Side.SELL, buyer)
        yield Swap(market, side, lots, value, Source.BLOCK, other)

    def _liquidated(self, row: Row) -> Iterator[Swap]:
        """A slice that was handed on as a whole; what the book took are trades, and what winners took is told one by one."""
        account, market, method, size, value, _ = (row[at] for at in LIQUIDATED)
        if size == 0 or method not in (Method.AUCTION, Method.TAKEOVER):
            return
        bidder = row[OTHER]
        gives = account == self.account and not bidder
        side = Side.SELL if gives == (size > 0) else Side.BUY
        source = Source.AUCTION if method == Method.AUCTION else Source.TAKEOVER
        other = account if not gives else NIL if source is Source.AUCTION else SystemAccount.VAULT
        yield Swap(market, side, abs(size), value, source, int(other), liquidation=Ended(account, Method(method), row[MARK]))

    def _deleveraged(self, row: Row) -> Iterator[Swap]:
        loser, winner, market, lots, value = (row[at] for at in DELEVERAGED)
        is_loser = loser == self.account
        side = Side.SELL if is_loser == bool(row[IS_LONG]) else Side.BUY
        ended = Ended(loser, Method.ADL, row[MARK])
        yield Swap(market, side, lots, value, Source.ADL, winner if is_loser else loser, liquidation=ended)

    def _range_removed(self, row: Row) -> Iterator[Swap]:
        """What a range held is handed to its owner at the mark."""
        market, _, lots = (row[at] for at in REMOVED)
        if lots:
            side = Side.BUY if lots > 0 else Side.SELL
            value = abs(lots) * row[MARK] * self.markets.units[market]
            yield Swap(market, side, abs(lots), value, Source.RANGE, SystemAccount.CURVE)

    def _settled(self, settled: Settled) -> None:
        held = self.held.get(settled.market, FLAT)
        if held.size:
            side = Side.SELL if held.size > 0 else Side.BUY
            value = abs(held.size) * settled.price * self.markets.units[settled.market]
            swap = Swap(settled.market, side, abs(held.size), value, Source.SETTLEMENT, int(NIL))
            self._swapped((0, settled.seq, settled.ts), swap)

    # -- liquidations --

    def _liquidation_began(self, row: Row) -> None:
        market, equity = (row[at] for at in BEGUN)
        self._equity[market] = equity

    def _liquidation_ended(self, row: Row) -> None:
        self._equity.pop(row[BEGUN[0]], None)

    def _closed(self, row: Row) -> None:
        account, market, method, size, _, deficit = (row[at] for at in LIQUIDATED)
        if account == self.account and not row[OTHER]:
            self._first.pop(market, None)
            is_isolated = market in self._equity
            equity = self._equity.get(market if is_isolated else int(NIL))
            self.closings.append(Closing(row[SEQ], row[TS], market, Method(method), size, row[MARK], deficit, is_isolated, equity))

    # -- money --

    def _charged(self, charge: Charge) -> None:
        """Longs owe what the accrual rose by, and shorts what it fell by. The venue rounds up, once, what a position owes since it
        last changed: a charge is what it adds to that, so that charges add up to what is paid."""
        market, size = charge.market, self.held.get(charge.market, FLAT).size
        if size and charge.long_delta | charge.short_delta:
            accrued, shift = self._accrued.get(market, 0), self.markets.shifts[market]
            total = self._accrued[market] = accrued + (charge.long_delta if size > 0 else charge.short_delta)
            owed = int(accrual_due(abs(size), total, shift)) - int(accrual_due(abs(size), accrued, shift))
            self.payments.append(Payment(charge.seq, charge.ts, market, -owed, size, charge.rate_ppt, charge.samples))

    def _move(self, row: Row, kind: MoveKind, asset: int, amount: int, other: int = int(NIL), market: int = int(NIL)) -> None:
        self.moves.append(Move(row[SEQ], row[TS], kind, asset, amount, other, market))

    def _cash(self, row: Row, kind: MoveKind) -> None:
        asset, amount = (row[at] for at in CASH)
        self._move(row, kind, asset, amount)

    def _transferred(self, row: Row) -> None:
        account, to, asset, amount = (row[at] for at in TRANSFERRED)
        if account == self.account:
            self._move(row, MoveKind.TRANSFER_OUT, asset, amount, to)
        else:
            self._move(row, MoveKind.TRANSFER_IN, asset, amount, account)

    def _arrived(self, row: Row) -> None:
        """Money that was under way. It is told of when it arrives, also to who has sent it."""
        command, account, to, asset, amount = (row[at] for at in ARRIVED)
        if command == CommandKind.Deposit:
            self._move(row, MoveKind.DEPOSIT, asset, amount)
        elif command == CommandKind.Withdraw:
            self._move(row, MoveKind.WITHDRAWAL, asset, amount)
        elif account == self.account:
            self._move(row, MoveKind.TRANSFER_OUT, asset, amount, to)
        else:
            self._move(row, MoveKind.TRANSFER_IN, asset, amount, account)

    def _surplus(self, row: Row) -> None:
        account, to, asset, amount = (row[at] for at in SURPLUS)
        if account == self.account:
            self._move(row, MoveKind.SURPLUS, asset, amount, to)

    def _liquidity_added(self, row: Row) -> None:
        market, amount = (row[at] for at in ADDED)
        self._move(row, MoveKind.LIQUIDITY_IN, self.markets.assets[market], amount, market=market)

    def _liquidity_removed(self, row: Row) -> None:
        market, amount, _ = (row[at] for at in REMOVED)
        self._move(row, MoveKind.LIQUIDITY_OUT, self.markets.assets[market], amount, market=market)
