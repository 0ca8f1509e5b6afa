"""What the venue does on behalf of accounts after each command and each thing that was due: it heeds what has become of the orders that
it sent, and sends those whose price has come.

Triggers fire market by market, and in a market in the order in which its price came by them, ties by id. Each is used up by firing, so a
cascade ends. In a suspended market nothing fires or trails; when it goes on, the price of that time counts.
"""

from __future__ import annotations

from librt.vecs import vec
from mypy_extensions import i64

from ..liquidation.auction import AuctionDesk
from ..money.ledger import Ledger
from ..schema import columns as c
from ..schema import kinds as k
from ..schema.views import OpenTrigger, OpenTwap
from ..state.algos import (
    B_ACCOUNT,
    B_CLIENT_HI,
    B_CLIENT_LO,
    B_MARKET,
    FIRED,
    G_BRACKET,
    G_MARKET,
    G_SHELF,
    G_TRAIL,
    SOURCES,
    TRAILS,
)
from ..state.market import Market
from ..state.state import State
from ..state.twaps import TW_FILLED
from ..state.types import MAX_MARKETS, NIL, ROW
from ..trading.access import holds_triggers, refused_user_in_market
from ..trading.book import Book
from ..trading.funding import FundingEngine
from ..trading.sequencer import Sequencer
from ..trading.standing import Standing
from ..trading.watch import Note
from ..turns import Turns
from .brackets import BracketDesk
from .links import LinkDesk
from .replacing import ReplacementDesk
from .triggers import TriggerDesk, source_price
from .twap_desk import TwapDesk


class AlgoOrders(Turns):
    def __init__(
        self, state: State, book: Book, ledger: Ledger, auction_desk: AuctionDesk, funding: FundingEngine, sequencer: Sequencer
    ) -> None:  # fmt: skip
        super().__init__(state, book, ledger, auction_desk, funding, sequencer)
        self.standing: Standing = sequencer.matcher.open.standing
        self.trigger_desk: TriggerDesk = TriggerDesk(state, sequencer.entry)
        self.link_desk: LinkDesk = LinkDesk(state, sequencer)
        self.bracket_desk: BracketDesk = BracketDesk(state, self.trigger_desk)
        self.twap_desk: TwapDesk = TwapDesk(state, sequencer.entry, self.bracket_desk)
        self.replacement_desk: ReplacementDesk = ReplacementDesk(state, sequencer.matcher, self.trigger_desk, self.bracket_desk)

    @property
    def has_algos(self) -> bool:
        """Does anything stand, or has anything happened that somebody waits for?"""
        return self.state.triggers.live != 0 or len(self.watch.notes) != 0

    def run_algos(self) -> None:
        """Heed what has happened, and fire what is to fire, until nothing more does."""
        if not self.has_algos:
            return
        self.heed_all()
        again = True
        while again:
            again = False
            for market in self.state.markets:
                if self.state.triggers.live != 0 and self.fire_in(market):
                    again = True

    # -- what has happened -------------------------------------------------------------------------------------------------------

    def hear(self) -> None:
        self.heed_all()

    def heed_all(self) -> None:
        triggers = self.state.triggers
        while len(self.watch.notes) != 0 or len(triggers.closed) != 0:
            for note in self.watch.take():
                if note.is_quote:
                    self.quotes.hear(note)
                if self.state.twaps.find(note.parent) != NIL and note.order_id != note.parent:
                    self.heed_slice(note)
                else:
                    self.heed(note)
                    self.heed_entry(note)
                self.link_desk.heed(note)
            if len(triggers.closed) != 0:
                self.heed_closed()

    def heed(self, note: Note) -> None:
        """The order of a trigger has come in, and is an order like any from now on; or it was refused when its turn came."""
        triggers = self.state.triggers
        row = triggers.find(note.parent)
        if row != NIL and triggers.cells[row + G_SHELF] == FIRED:
            if note.reason != 0:
                self.standing.end(note.parent, k.X_REFUSED, note.reason)
            else:
                triggers.remove(note.parent, note.account)

    def heed_entry(self, note: Note) -> None:
        """The entry of a bracket has traded, fills no more, or was refused when its turn came; a TWAP that is one is over."""
        brackets = self.state.brackets
        row = brackets.find(note.parent)
        if row == NIL or note.order_id != note.parent:
            return
        if note.reason != 0:
            cells = brackets.cells
            self.state.log.emit(
                k.E_REJECTED, self.state.now, k.C_PLACE_BRACKET, cells[row + B_ACCOUNT], cells[row + B_MARKET], note.reason,
                cells[row + B_CLIENT_HI], cells[row + B_CLIENT_LO],
            )  # fmt: skip
        self.bracket_desk.grow(note.parent, note.filled)
        if not note.is_open:
            self.bracket_desk.close(note.parent)

    def heed_closed(self) -> None:
        """Positions were closed or turned: triggers that can reduce nothing any more go."""
        triggers = self.state.triggers
        places = list(triggers.closed)
        triggers.closed.clear()
        for place in places:
            account: i64 = place // int(MAX_MARKETS)
            market: i64 = place % int(MAX_MARKETS)
            for number in triggers.of(account):
                row = triggers.find(number)
                if triggers.cells[row + G_MARKET] == market and triggers.cells[row + G_SHELF] != FIRED:
                    if self.trigger_desk.lots_of(row) == 0:
                        self.standing.end(number, k.X_REDUCE_ONLY, 0)

    def link(self, account: i64, first: i64, second: i64, alone: i64) -> i64:
        """Let one of two orders cancel the other; `alone`: but not when its owner takes it back. Returns the reason of a refusal, or 0."""
        reason = self.link_desk.refused(account, first, second)
        if reason != 0:
            return reason
        market = self.link_desk.market_of(account, first)
        self.state.terms.reserve(2)
        self.link_desk.tie(account, first, second, alone)
        self.state.log.emit(k.E_OCO_LINKED, self.state.now, account, market, first, second)
        self.room = self.state.reserve()
        return 0

    def place_bracket(self, rows: vec[i64], at: i64) -> i64:
        """Carry out the PlaceBracket command that begins at `at`; returns the reason of a refusal, or 0."""
        state = self.state
        desk = self.bracket_desk
        account = rows[at + c.BRACKET_ACCOUNT]
        hi = rows[at + c.BRACKET_CLIENT_HI]
        lo = rows[at + c.BRACKET_CLIENT_LO]
        reason = refused_user_in_market(state, account, rows[at + c.BRACKET_MARKET])
        if reason == 0 and (hi != 0 or lo != 0) and self.sequencer.entry.repeat(account, hi, lo):
            return 0
        if reason == 0:
            reason = desk.refused(rows, at, 0)
        if reason != 0:
            return reason
        state.last_order_id += 1
        number = state.last_order_id
        desk.place(number, rows, at)
        reason = self.send_for(desk.entry(rows, at), number, number)
        if reason != 0:
            desk.close(number)
            state.last_order_id -= 1
            return reason
        state.log.emit(
            k.E_BRACKET_PLACED, state.now, number, account, rows[at + c.BRACKET_MARKET], rows[at + c.BRACKET_TAKE_PROFIT],
            rows[at + c.BRACKET_STOP], rows[at + c.BRACKET_SOURCE], rows[at + c.BRACKET_SLIPPAGE_PPM],
        )  # fmt: skip
        return 0

    # -- fire --------------------------------------------------------------------------------------------------------------------

    def fire_in(self, market: Market) -> bool:
        """Fire what the market's prices have crossed since they were looked at last; is there anything?"""
        if market.status == k.SETTLED or holds_triggers(self.state, market):
            return False
        desk = self.trigger_desk
        found = False
        source: i64 = 0
        while source < SOURCES:
            price = source_price(market, source)
            if price != desk.seen[market.number * SOURCES + source]:
                desk.seen[market.number * SOURCES + source] = price
                for number in desk.crossed(market.number, source, price):
                    found = True
                    self.fire(number, market, price)
            source += 1
        return found

    def fire(self, number: i64, market: Market, price: i64) -> None:
        """Let a trigger send its order, unless one that fired before it has made an end of it."""
        triggers = self.state.triggers
        row = triggers.find(number)
        if row == NIL:
            return
        if triggers.cells[row + G_TRAIL] != 0 and triggers.cells[row + G_SHELF] != TRAILS:
            self.trigger_desk.begin_trailing(row, price)
            return
        lots = self.trigger_desk.lots_of(row)
        if lots == 0:
            self.standing.end(number, k.X_REDUCE_ONLY, 0)
            return
        order = self.trigger_desk.fire(number, market, price, lots)
        self.link_desk.cut(number)
        bracket = triggers.cells[row + G_BRACKET]
        if bracket != 0 and self.state.brackets.find(bracket) != NIL:
            self.bracket_desk.close(bracket)
            self.link_desk.end(bracket)
        reason = self.send_for(order, number, number)
        if reason != 0:
            self.standing.end(number, k.X_REFUSED, reason)
        self.heed_all()

    # -- TWAPs -------------------------------------------------------------------------------------------------------------------

    def place_twap(self, rows: vec[i64], at: i64) -> i64:
        """Carry out the PlaceTwap command that begins at `at`; returns the reason of a refusal, or 0."""
        reason = self.twap_desk.place(rows, at)
        if reason == 0 and self.twap_desk.placed != 0:
            self.run_slice(self.twap_desk.placed)
        return reason

    def run_slice(self, number: i64) -> None:
        """The time of a TWAP's next slice has come."""
        desk = self.twap_desk
        lots = desk.next_slice(number)
        if lots == 0:
            if desk.over(number) != 0:
                self.standing.end_twap(number, desk.over(number))
            return
        reason = desk.refused_slice(number)
        if reason == 0:
            reason = self.send_for(desk.make(number, lots), number, 0)
        if reason != 0:
            self.sliced(number, 0, 0, reason)
        self.heed_all()

    def heed_slice(self, note: Note) -> None:
        """A slice has come to its end, or has traded in its auction, which goes on: then only its bracket is told."""
        if note.is_open:
            twaps = self.state.twaps
            self.bracket_desk.grow(note.parent, twaps.cells[twaps.find(note.parent) + TW_FILLED] + note.filled)
        else:
            self.sliced(note.parent, note.order_id, note.filled, note.reason)

    def sliced(self, number: i64, order_id: i64, filled: i64, reason: i64) -> None:
        """A TWAP hears what its slice got, and may be over."""
        over = self.twap_desk.heard(number, order_id, filled, reason)
        self.bracket_desk.grow(number, self.state.twaps.cells[self.state.twaps.find(number) + TW_FILLED])
        if over != 0:
            self.standing.end_twap(number, over)

    # -- queries -----------------------------------------------------------------------------------------------------------------

    def client_order(self, account: i64, hi: i64, lo: i64) -> tuple[int, int, int, int, int] | None:
        """What became of the account's order, trigger or TWAP with this client id: (id, market, OrderState, lots open and filled); None:
        unknown. Of a trigger for the whole position 0 lots are open."""
        found = super().client_order(account, hi, lo)
        if found is not None or (hi == 0 and lo == 0):
            return found
        number, market, status, size, filled = self.standing.order_of(account, hi, lo, 0)
        return None if number == 0 else (int(number), int(market), int(status), int(size), int(filled))

    def refusals(self, rows: vec[i64], gone: list[int]) -> list[int]:
        """Why each of some packed commands (Place, PlaceTrigger, PlaceBracket), all of one account, would be refused now if the orders of
        that account that they are to replace were cancelled first (Reason); 0: it would not be. `gone`: their ids, one for each command,
        0: it replaces none. Of an immediate order that would find nothing it is NOT_FILLABLE. Of one that would be refused the old order
        counts for those behind it. Client ids and `ts` are left aside. Raises Malformed; VenueBusy and VenueBroken as a command would."""
        assert len(rows) == ROW * len(gone)
        if not gone:
            return []
        self.refuse_if_at_work()
        self.is_busy = True
        try:
            at: i64 = 0
            while at < len(rows):
                rows[at + c.TS] = self.state.now
                at += ROW
            self.sequencer.refusals.door.examine(rows, self.state.now, self.state.started)
            self.room = self.state.reserve()
            self.is_broken = True  # until all is taken back: a curve of one's own may raise
            found = self.replacement_desk.look(rows, 0, rows[c.PLACE_ACCOUNT], gone)
            self.is_broken = False
            return found
        finally:
            self.is_busy = False

    def triggers(self, account: i64) -> list[OpenTrigger]:
        """The conditional orders of an account, by id. Raises KeyError."""
        return [self.trigger_desk.view(number) for number in self.state.triggers.of(self.known_account(account))]

    def twaps(self, account: i64) -> list[OpenTwap]:
        """The TWAPs of an account, by id. Raises KeyError."""
        return [self.twap_desk.view(number) for number in self.state.twaps.of(self.known_account(account))]
