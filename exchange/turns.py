"""Carries out commands about orders when their turn has come, where a venue's sequencing lets them wait.

A command whose turn it is meets the same code as one that does not wait, a moment later: its events follow at that time, and what it may
not do then is refused then.
"""

from __future__ import annotations

from typing import Final

from librt.vecs import vec
from mypy_extensions import i64

from .account_queries import AccountQueries
from .liquidation.auction import AuctionDesk
from .money.ledger import Ledger
from .schema import columns as c
from .schema import kinds as k
from .schema.messages import Place, VenueBroken, VenueBusy
from .schema.packing import pack
from .schema.views import MaintenanceWindow, OpenOrder, Preview
from .state.market import Market
from .state.packed import column
from .state.pending import (
    A_ACCOUNT,
    A_CLIENT_HI,
    A_CLIENT_LO,
    A_DISPLAY,
    A_EXPIRES,
    A_FILLED,
    A_LEFT,
    A_LIMIT,
    A_MARKET,
    A_REDUCE_ONLY,
    A_SIDE,
    A_TIF,
    W_DUE,
    W_RANK,
)
from .state.schedule import BLOCK, MAINTENANCE, ORDER_EXPIRY, REQUEST_EXPIRY, TAKER_AUCTION, TURN
from .state.state import State
from .state.types import NIL, ROW
from .state.windows import N_AFTER, N_DURING, N_END, N_MARKET, N_START
from .trading.book import Book
from .trading.funding import FundingEngine
from .trading.preview import OrderPreview
from .trading.quote_desk import QuoteDesk
from .trading.sequencer import NOW, Sequencer, is_about_orders
from .trading.watch import Watch

EVERYTHING: Final[i64] = 1 << 62  # beyond every ticket


def turn_of(found: tuple[int, MaintenanceWindow]) -> tuple[int, int]:
    """When it turns, and its number."""
    return found[0], found[1].number


class Turns(AccountQueries):
    def __init__(
        self, state: State, book: Book, ledger: Ledger, auction_desk: AuctionDesk, funding: FundingEngine, sequencer: Sequencer
    ) -> None:  # fmt: skip
        super().__init__(state, book, ledger, auction_desk, funding)
        self.sequencer: Sequencer = sequencer
        self.is_sequenced: bool = sequencer.is_active
        self.is_broken: bool = False  # did a command raise in the midst of its work?
        self.room: i64 = 0  # commands that the tables have room for
        self.order_preview: OrderPreview = OrderPreview(state, sequencer.matcher)
        self.watch: Watch = sequencer.matcher.open.watch
        self.quotes: QuoteDesk = QuoteDesk(state, sequencer.matcher, sequencer.entry)

    def refuse_if_unfit(self) -> None:
        """Raises VenueBusy while a command is at work, or a question as of another time; VenueBroken if one was left half done."""
        if self.is_asked:
            raise VenueBusy
        self.refuse_if_at_work()

    def refuse_if_at_work(self) -> None:
        if self.is_busy:
            raise VenueBusy
        if self.is_broken:
            raise VenueBroken

    def carry_out(self, rows: vec[i64], at: i64) -> i64:
        """Dispatch one examined command; returns the reason of a refusal, or 0."""
        raise AssertionError("an exchange carries commands out")

    def alert(self, rows: vec[i64], at: i64) -> None:
        """Look at the margin alerts of those whom a command names that was carried out."""
        raise AssertionError("an exchange has margin alerts")

    def sequence(self, rows: vec[i64], at: i64) -> i64:
        """Instead of `carry_out` where anything waits or costs gas."""
        if not is_about_orders(rows[at + c.KIND]):
            return self.carry_out(rows, at)
        reason = self.sequencer.receive(rows, at)
        return reason if reason != NOW else self.act(rows, at, EVERYTHING)

    def act(self, rows: vec[i64], at: i64, ticket: i64) -> i64:
        """Carry out a command whose turn it is, and which came when `ticket` was given."""
        sequencer = self.sequencer
        if rows[at + c.KIND] == k.C_PLACE and sequencer.entry.is_repeat(rows, at):
            return 0  # it costs nothing
        reason = sequencer.gas.charge(rows, at, sequencer.rule.sells_places)
        if reason != 0:
            return reason
        if sequencer.is_undone(rows, at, ticket):
            return 0
        kind = rows[at + c.KIND]
        account = rows[at + c.CANCEL_ALL_ACCOUNT]
        market = rows[at + c.CANCEL_ALL_MARKET]
        mode = rows[at + c.ACCOUNT_MODE_MODE]
        hi = rows[at + c.CANCEL_CLIENT_HI]
        lo = rows[at + c.CANCEL_CLIENT_LO]
        reason = self.carry_out(rows, at)
        if reason == 0 and kind == k.C_CANCEL_ALL:
            sequencer.withdraw_all(account, market, ticket, k.X_USER)
        if reason == 0 and kind == k.C_CANCEL_CLIENT:
            sequencer.withdraw_client(account, hi, lo, ticket)
        if reason == 0 and kind == k.C_SET_ACCOUNT_MODE and mode != k.MODE_NORMAL:
            sequencer.withdraw_all(account, NIL, ticket, k.X_KILL_SWITCH, mode == k.MODE_REDUCE_ONLY)
        return reason

    def on_behalf(self, parent: i64, order_id: i64) -> None:
        """The next command is sent by a standing order on its account's behalf (0: by the account), and its order is to have this id."""
        self.sequencer.entry.parent = parent
        self.sequencer.entry.order_id = order_id

    def send_for(self, row: vec[i64], parent: i64, order_id: i64) -> i64:
        """Carry out a Place on the behalf of its account like any that comes in: it may have to wait, and costs gas.

        Returns the reason of a refusal, or 0; how far its order comes, the watch is told. Not to be called in the midst of a command, since
        it may fill as much of the tables as one.
        """
        self.state.reserve()
        self.on_behalf(parent, order_id)
        reason = self.sequence(row, 0) if self.is_sequenced else self.carry_out(row, 0)
        self.on_behalf(0, 0)
        self.room = self.state.reserve() - 1  # the command at hand needs its own
        return reason

    def hear(self) -> None:
        """Tell whoever waits for it what has happened to orders, when a command is done. Until nothing more does."""
        raise AssertionError("an exchange tells it")

    def take_turns(self, tickets: list[int]) -> None:
        """Carry out waiting commands, one after the other. Each may fill as much of the tables as a command that has just come."""
        sequencer = self.sequencer
        for ticket in tickets:
            before = self.state.log.seq
            if sequencer.take(ticket):
                self.state.reserve()
                row = sequencer.row[:]
                parent = sequencer.parent
                order_id = sequencer.order_id
                self.on_behalf(parent, order_id)
                reason = self.act(row, 0, ticket)
                self.on_behalf(0, 0)
                if reason != 0:
                    sequencer.parent = parent
                    sequencer.order_id = order_id
                    sequencer.refuse(row, reason)
                elif self.state.margin_alerts.live != 0:
                    self.alert(row, 0)
                if len(self.watch.notes) != 0:
                    self.hear()
                sequencer.note_turn(ticket, before)
        self.room = self.state.reserve() - 1  # the command at hand needs its own

    def run_turn(self, rank: i64, number: i64) -> None:
        """What an entry of the schedule is for."""
        sequencer = self.sequencer
        if rank == TURN:
            self.take_turns([int(number)])
        elif rank == BLOCK:
            self.run_block()
        elif rank == TAKER_AUCTION:
            assert sequencer.auctions is not None
            sequencer.auctions.step(number)
            self.room = self.state.reserve() - 1
        elif rank == ORDER_EXPIRY:
            self.expire_order(number)
        else:
            assert rank == REQUEST_EXPIRY, "an entry of the schedule that nobody carries out"
            sequencer.expire(number)

    def expire_order(self, order_id: i64) -> None:
        """An order's time is over: also in a halted market, where its owner may not cancel it."""
        slot = self.state.order_ids.find(order_id)
        if slot != NIL:
            self.sequencer.matcher.open.cancel(slot, k.X_EXPIRED)
            return
        auctions = self.sequencer.auctions
        assert auctions is not None, "the end of an order that is gone"
        auctions.end(auctions.taken_up(order_id), k.X_EXPIRED)

    def run_block(self) -> None:
        batch = self.sequencer.batch
        tickets = self.sequencer.block()
        if batch is not None:
            batch.begin()
        self.take_turns(tickets)
        if batch is not None:
            batch.clear()
            self.room = self.state.reserve() - 1

    def run_requests(self, market: Market, by: i64) -> None:
        """A market's oracle price is new, or the market was settled: for requests up to ticket `by`."""
        if self.sequencer.requests is not None and self.state.pending.live > 0:
            self.take_turns(self.sequencer.requests_of(market, by))

    # -- queries -----------------------------------------------------------------------------------------------------------------

    def waiting(self, account: i64) -> list[tuple[int, int, int]]:
        """The commands of an account that wait, by ticket: (ticket, kind, when it is due [ns]; of a request, when it expires)."""
        self.known_account(account)
        pending = self.state.pending
        found: list[tuple[int, int, int]] = []
        for ticket in pending.of(account):
            row = pending.find(ticket)
            due = pending.cells[row + W_DUE]
            if pending.cells[row + W_RANK] == REQUEST_EXPIRY:
                due = self.state.schedule.time(REQUEST_EXPIRY, ticket)
            found.append((ticket, int(pending.cells[row + c.KIND]), int(due)))
        return found

    def auctioned_orders(self, account: i64) -> list[OpenOrder]:
        """Open orders of an account that are auctioned before they trade, by id: they are in no book, and not in `open_orders`."""
        self.known_account(account)
        auctions = self.state.taker_auctions
        cells = auctions.cells
        found: list[OpenOrder] = []
        for number, at in auctions.index.items():
            row: i64 = at
            if cells[row + A_ACCOUNT] == account:
                found.append(OpenOrder(
                    number, account, cells[row + A_MARKET], cells[row + A_SIDE], cells[row + A_LIMIT], cells[row + A_LEFT],
                    cells[row + A_FILLED], cells[row + A_TIF], cells[row + A_REDUCE_ONLY], cells[row + A_CLIENT_HI],
                    cells[row + A_CLIENT_LO], cells[row + A_EXPIRES], cells[row + A_DISPLAY], 0, self.state.links.partner(number),
                ))  # fmt: skip
        return found

    def auctioned_client_order(self, account: i64, hi: i64, lo: i64) -> tuple[int, int, int, int, int] | None:
        """The order with this client id that is auctioned, as `client_order` tells others; None: the account has none."""
        self.known_account(account)
        number = self.state.taker_auctions.find_client(account, hi, lo)
        if number == 0:
            return None
        cells = self.state.taker_auctions.cells
        row = self.state.taker_auctions.find(number)
        return int(number), int(cells[row + A_MARKET]), int(k.ORDER_OPEN), int(cells[row + A_LEFT]), int(cells[row + A_FILLED])

    def maintenance_windows(self, market: int | None = None) -> list[MaintenanceWindow]:
        """Those of a market that have not ended, or of all (None); the first to turn first."""
        number: i64 = NIL
        if market is not None:
            number = self.known_market(market).number
        windows = self.state.windows
        found: list[tuple[int, MaintenanceWindow]] = []
        for name, at in windows.index.items():
            row: i64 = at
            cells = windows.cells
            if number == NIL or cells[row + N_MARKET] == number or cells[row + N_MARKET] == NIL:
                view = MaintenanceWindow(
                    name, cells[row + N_MARKET], cells[row + N_START], cells[row + N_END], cells[row + N_DURING], cells[row + N_AFTER]
                )
                found.append((int(self.state.schedule.time(MAINTENANCE, name)), view))
        return [view for _, view in sorted(found, key=turn_of)]

    def fee_rates(self, account: i64, market: i64) -> tuple[int, int]:
        """(maker fee, taker fee) of an account in a market now [ppb]; below zero: a rebate. What jumps of the oracle price put on top, and
        the fee of what reduces the position of a curve, are not among them."""
        asked = self.known_market(market)
        tiers = self.sequencer.matcher.planner.tiers
        known = self.known_account(account)
        return int(tiers.maker_fee(known, asked)), int(tiers.taker_fee(known, asked))

    def traded(self, account: i64) -> tuple[int, int]:
        """(in all, as maker) [micro]: what the account's fees of today go by, traded in the last whole days by it, or by its master and all
        sub-accounts of that. 0 where the design has no tiers."""
        tiers = self.sequencer.matcher.planner.tiers
        return tiers.traded(self.known_account(account))

    def preview(self, order: Place) -> Preview:
        """What would happen if this order came now (with `as_of`: then), whatever its `ts` and its client id. Raises Malformed; VenueBusy
        and VenueBroken as a command would, since it is rehearsed on the state itself."""
        row = column(ROW, 0)
        pack(order, row)
        self.refuse_if_at_work()
        self.is_busy = True
        try:
            row[c.TS] = self.state.now
            self.sequencer.refusals.door.examine(row, self.state.now, self.state.started)
            self.room = self.state.reserve()
            self.is_broken = True  # until all is taken back: a curve of one's own may raise
            found = self.order_preview.look(row, 0)
            self.is_broken = False
            return found
        finally:
            self.is_busy = False

    # -- the dead man's switch ----------------------------------------------------------------------------------------------------

    def disconnect(self, account: i64) -> None:
        """An account's dead man's switch: what has not come into the book goes as well."""
        self.sequencer.withdraw_all(account, NIL, EVERYTHING, k.X_SCHEDULED)
