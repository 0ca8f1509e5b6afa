"""One cancels the other (OCO): two open orders, triggers or one of each, of one account in one market.

What happens to a linked order is told by the watch, so the other is cancelled when the command at hand is done; a trigger's when it fires.
"""

from __future__ import annotations

from mypy_extensions import i64

from ..schema import kinds as k
from ..state.algos import FIRED, G_ACCOUNT, G_MARKET, G_SHELF, L_ACCOUNT, L_FILLED
from ..state.pending import A_ACCOUNT, A_FILLED, A_MARKET, A_PARENT
from ..state.state import State
from ..state.tables import O_FILLED, O_MARKET
from ..state.types import NIL
from ..trading.access import refused_user
from ..trading.sequencer import Sequencer
from ..trading.watch import Note


class LinkDesk:
    def __init__(self, state: State, sequencer: Sequencer) -> None:
        self.state: State = state
        self.sequencer: Sequencer = sequencer

    def market_of(self, account: i64, number: i64) -> i64:
        """Number of the market of an account's open order or trigger; NIL: it has none of this id."""
        state = self.state
        slot = self.sequencer.entry.own_order(account, number)
        if slot != NIL:
            return state.orders.cells[slot + O_MARKET]
        row = state.triggers.find(number)
        if row != NIL and state.triggers.cells[row + G_SHELF] != FIRED:
            return state.triggers.cells[row + G_MARKET] if state.triggers.cells[row + G_ACCOUNT] == account else NIL
        row = state.taker_auctions.find(number)
        if row != NIL and state.taker_auctions.cells[row + A_ACCOUNT] == account:
            return state.taker_auctions.cells[row + A_MARKET]
        return NIL

    def refused(self, account: i64, first: i64, second: i64) -> i64:
        """Why two orders cannot be linked; 0: they can."""
        reason = refused_user(self.state, account)
        if reason != 0:
            return reason
        market = self.market_of(account, first)
        other = self.market_of(account, second)
        if market == NIL or other == NIL:
            return k.R_UNKNOWN_ORDER
        if first == second:
            return k.R_SAME_ORDER
        if market != other:
            return k.R_OCO_MARKETS
        links = self.state.links
        return k.R_ALREADY_LINKED if links.find(first) != NIL or links.find(second) != NIL else 0

    def tie(self, account: i64, first: i64, second: i64, alone: i64) -> None:
        links = self.state.links
        links.tie(first, account, second, self.followed(first), alone)
        links.tie(second, account, first, self.followed(second), alone)

    def followed(self, number: i64) -> i64:
        """Let the watch be told of an order; returns what it has traded so far [lots]. May take a row of special terms."""
        state = self.state
        slot = state.order_ids.find(number)
        if slot != NIL:
            self.sequencer.matcher.open.follow(slot)
            return state.orders.cells[slot + O_FILLED]
        row = state.taker_auctions.find(number)
        if row == NIL:
            return 0  # a trigger
        if state.taker_auctions.cells[row + A_PARENT] == 0:
            state.taker_auctions.cells[row + A_PARENT] = number
        return state.taker_auctions.cells[row + A_FILLED]

    def heed(self, note: Note) -> None:
        """Something happened to an order: if it is linked, and has traded or is gone, the other goes."""
        row = self.state.links.find(note.order_id)
        if row != NIL and (not note.is_open or note.filled > self.state.links.cells[row + L_FILLED]):
            self.cut(note.order_id)

    def cut(self, number: i64) -> None:
        """Cancel what an order is linked with, if it is."""
        partner = self.state.links.untie(number)
        if partner != 0:
            self.end(partner)

    def end(self, partner: i64) -> None:
        """Cancel an open order, a trigger or a TWAP; nothing if it is gone."""
        state = self.state
        open_orders = self.sequencer.matcher.open
        slot = state.order_ids.find(partner)
        if slot != NIL:
            open_orders.cancel(slot, k.X_OCO)
        elif state.triggers.find(partner) != NIL:
            open_orders.standing.end(partner, k.X_OCO, 0)
        elif state.twaps.find(partner) != NIL:
            open_orders.standing.end_twap(partner, k.X_OCO)
        elif self.sequencer.entry.holding is not None:  # it is auctioned, or was amended and waits for the end of its block
            self.sequencer.entry.holding.cancel_kept(partner, k.X_OCO)

    def check(self) -> None:
        """Linked orders are there."""
        for number in self.state.links.index:
            row = self.state.links.find(number)
            assert self.market_of(self.state.links.cells[row + L_ACCOUNT], number) != NIL, "a link of an order that is gone"
