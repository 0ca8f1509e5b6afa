"""Who may keep an accepted order from trading at once: a venue's sequencing has one, or none."""

from __future__ import annotations

from mypy_extensions import i64

from .order import Order


class Holding:
    """The base keeps nothing."""

    def takes(self, o: Order) -> bool:
        """An order that has passed all checks is about to come in. True: it is kept, and trades and rests later. It has no id yet, unless
        it takes the place of one that was amended; who keeps it tells that it was placed."""
        return False

    def is_full(self, o: Order, only_reduces: bool) -> bool:
        """Would it have to be kept, and is there no room? Only what can do more than reduce a position is asked what all accounts have."""
        return False

    def order_of(self, account: i64, hi: i64, lo: i64) -> tuple[i64, i64, i64, i64, i64]:
        """The order with this client id that is kept: order id, market, state, lots open and filled. Order id 0: there is none."""
        return 0, 0, 0, 0, 0

    def cancel_kept(self, order_id: i64, reason: i64) -> None:
        """Cancel an order that is kept; nothing if it is not."""
