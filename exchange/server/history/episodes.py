"""The liquidations of a venue, slice by slice: of the events around each, who was closed against whom, and who paid what was missing."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

from ...schema import events as e
from ...schema.codes import Method, Payer
from .order_past import SEQ, TS, Row, columns
from .recording import MARK
from .records import Against, Liquidation, Paid

KEPT: Final = 500

TRADED: Final = columns(e.Traded, "market", "price", "size", "taker", "maker")
CURVE_TRADED: Final = columns(e.CurveTraded, "market", "size", "taker", "value")
LIQUIDATED: Final = columns(e.Liquidated, "account", "market", "method", "size", "value", "deficit", "fee")
TAKEN_OVER: Final = columns(e.TakenOver, "account", "vault", "size", "value")
DELEVERAGED: Final = columns(e.Deleveraged, "loser", "winner", "market", "size", "value")
AUCTION_TAKEN: Final = columns(e.AuctionTaken, "account", "bidder")
DEFICIT_PAID: Final = columns(e.DeficitPaid, "account", "payer", "amount")
SOLD: Final = columns(e.CollateralSold, "account", "market")


class Episodes:
    """`units`: [micro per tick x lot] by market; `curve`: the account of the curves."""

    def __init__(self, units: tuple[int, ...], curve: int) -> None:
        self.units = units
        self.curve = curve
        self.done = 0  # rows that were read
        self.last: deque[Liquidation] = deque(maxlen=KEPT)
        self._taken: dict[tuple[int, int], list[Against]] = {}  # by account and market, in front of the slice that it belongs to
        self._reads: dict[int, Callable[[Row], None]] = {
            e.Traded.KIND: self._traded,
            e.CurveTraded.KIND: self._curve_traded,
            e.Liquidated.KIND: self._liquidated,
            e.Deleveraged.KIND: self._deleveraged,
            e.TakenOver.KIND: self._taken_over,
            e.AuctionTaken.KIND: self._auction_taken,
            e.DeficitPaid.KIND: self._deficit_paid,
            e.CollateralSold.KIND: self._sold,
        }

    def read(self, rows: Iterable[Row]) -> None:
        for row in rows:
            self._reads[row[0]](row)

    def _took(self, account: int, market: int, against: Against) -> None:
        self._taken.setdefault((account, market), []).append(against)

    def _traded(self, row: Row) -> None:
        market, price, lots, taker, maker = (row[at] for at in TRADED)
        self._took(taker, market, Against(maker, lots, price * lots * self.units[market]))

    def _curve_traded(self, row: Row) -> None:
        market, lots, taker, value = (row[at] for at in CURVE_TRADED)
        self._took(taker, market, Against(self.curve, lots, value))

    def _deleveraged(self, row: Row) -> None:
        loser, winner, market, lots, value = (row[at] for at in DELEVERAGED)
        self._took(loser, market, Against(winner, lots, value))

    def _liquidated(self, row: Row) -> None:
        account, market, method, size, value, deficit, fee = (row[at] for at in LIQUIDATED)
        price = value // (abs(size) * self.units[market]) if size else 0
        against = self._taken.pop((account, market), [])
        self.last.append(
            Liquidation(row[SEQ], row[TS], account, market, Method(method), size, value, price, row[MARK], deficit, fee, against, [])
        )

    def _taken_over(self, row: Row) -> None:
        account, vault, size, value = (row[at] for at in TAKEN_OVER)
        found = self._latest(account)
        if found is not None:
            found.against.append(Against(vault, abs(size), value))

    def _auction_taken(self, row: Row) -> None:
        """All slices in front of it that nobody has taken yet are his."""
        account, bidder = (row[at] for at in AUCTION_TAKEN)
        for one in reversed(self.last):
            if one.account != account or one.method is not Method.AUCTION or one.against:
                break
            one.against.append(Against(bidder, abs(one.size), one.value))

    def _deficit_paid(self, row: Row) -> None:
        account, payer, amount = (row[at] for at in DEFICIT_PAID)
        found = self._latest(account)
        if found is not None:
            found.paid.append(Paid(Payer(payer), amount))

    def _sold(self, row: Row) -> None:
        """Coins were sold, and no position."""
        account, market = (row[at] for at in SOLD)
        self._taken.pop((account, market), None)

    def _latest(self, account: int) -> Liquidation | None:
        """The last slice of an account: what it could not pay follows it at once, whichever of its markets that is put down to."""
        return next((one for one in reversed(self.last) if one.account == account), None)
