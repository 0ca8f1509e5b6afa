"""Lets commands about orders wait for their turn, and says whose turn it is. What they do then is done by the code that always does it.

A command is due its class's latency after it came; then its own turn has come, or with blocks the next block, or with requests the first
oracle price of its market from then on. Which class an order is of is decided when it comes: one that would trade now is a taker. Cancels
of requests need no price, and go at once.
"""

from __future__ import annotations

from typing import Final

from librt.vecs import vec
from mypy_extensions import i64

from ..schema import columns as c
from ..schema import kinds as k
from ..state.market import Market
from ..state.packed import column
from ..state.pending import MAX_WAITING, OWN_SHARE, W_ACCOUNT, W_MARKET, W_ORDER_ID, W_PARENT
from ..state.schedule import BLOCK, REQUEST_EXPIRY, TURN
from ..state.state import State
from ..state.tables import O_MARKET, O_PRICE, O_SIDE, O_TIF, P_SIZE
from ..state.types import NEVER, NIL, ROW, max_i64, min_i64
from .access import has_nothing, never_takes, reducible, refused_user, refused_user_in_market
from .batch import BatchDesk
from .entry import OrderEntry
from .gas import GasDesk, priority_fee
from .matching import Matcher
from .open_orders import open_lots
from .order import Order
from .refusals import Refusals
from .sequencing import (
    AGGRESSIVE,
    CANCEL,
    PASSIVE,
    BatchAuction,
    Latencies,
    RequestExecute,
    Sequencing,
    TakerAuction,
    WaitingCommand,
)
from .standing import Recall
from .taker_auctions import TakerAuctionDesk

NOW: Final[i64] = -1  # the command is carried out at once


def is_about_orders(kind: i64) -> bool:
    """Can commands of this kind wait?"""
    if k.C_PLACE <= kind <= k.C_CANCEL_ALL or kind == k.C_MASS_QUOTE:
        return True
    return kind == k.C_ADD_LIQUIDITY or kind == k.C_REMOVE_LIQUIDITY or is_switch(kind)


def is_switch(kind: i64) -> bool:
    """A kill switch and a dead man's switch wait as a cancel does: else they would be the quicker way to take quotes back."""
    return kind == k.C_SET_ACCOUNT_MODE or kind == k.C_CANCEL_ALL_AFTER


def is_cancel(kind: i64) -> bool:
    return k.C_CANCEL <= kind <= k.C_CANCEL_ALL or is_switch(kind)


class Sequencer(Recall):
    def __init__(
        self, state: State, matcher: Matcher, entry: OrderEntry, gas: GasDesk, rule: Sequencing, latencies: Latencies
    ) -> None:  # fmt: skip
        self.state: State = state
        self.matcher: Matcher = matcher
        self.entry: OrderEntry = entry
        self.gas: GasDesk = gas
        self.rule: Sequencing = rule
        self.latencies: Latencies = latencies
        self.refusals: Refusals = Refusals(state)
        matcher.open.standing.sent = self
        self.most: i64 = MAX_WAITING
        self.order: Order = Order(state.markets[0])  # asks what an order would do
        self.row: vec[i64] = column(ROW, 0)  # the command whose turn it is, or that is taken back
        self.parent: i64 = 0  # its W_PARENT and W_ORDER_ID
        self.order_id: i64 = 0
        self.turns: list[int] = []  # as Applied has them, of the block of commands at hand
        self.notes_turns: bool = False
        self.requests: RequestExecute | None = rule if isinstance(rule, RequestExecute) else None
        self.batch: BatchDesk | None = None
        self.auctions: TakerAuctionDesk | None = None
        if isinstance(rule, BatchAuction):
            self.batch = BatchDesk(state, matcher, entry)
            entry.holding = self.batch
        if isinstance(rule, TakerAuction):
            self.auctions = TakerAuctionDesk(state, matcher, entry, rule)
            entry.holding = self.auctions
        waits = rule.interval != 0 or self.requests is not None or self.auctions is not None
        self.is_active: bool = waits or latencies.any or gas.any or rule.sells_places

    # -- a command comes ---------------------------------------------------------------------------------------------------------

    def receive(self, rows: vec[i64], at: i64) -> i64:
        """Let the command that begins at `at` wait; returns 0, the reason why it is refused at once, or NOW."""
        kind = rows[at + c.KIND]
        reason = self.refused(rows, at, kind)
        if reason != 0:
            return reason
        if kind == k.C_PLACE and self.entry.is_repeat(rows, at):
            return 0
        due = self.state.now + self.latency(rows, at, kind)
        rank = TURN
        requests = self.requests
        if self.rule.interval != 0:
            rank = BLOCK
            due = (due // self.rule.interval + 1) * self.rule.interval
        elif requests is not None and not is_cancel(kind) and not self.is_settled(self.market_of(rows, at, kind)):
            rank = REQUEST_EXPIRY
            due += requests.delay
        elif due == self.state.now:
            return NOW
        frees = self.frees(rows, at, kind)
        if not frees and has_nothing(self.state, rows[at + W_ACCOUNT]):
            return self.refused_nothing(rows, at, kind)
        if self.is_full(rows, at, frees):
            return k.R_QUEUE_FULL
        self.wait(rows, at, kind, due, rank)
        return 0

    def refused(self, rows: vec[i64], at: i64, kind: i64) -> i64:
        """What can never become right is told at once."""
        account = rows[at + W_ACCOUNT]
        if kind == k.C_PLACE or kind == k.C_ADD_LIQUIDITY or kind == k.C_REMOVE_LIQUIDITY or kind == k.C_MASS_QUOTE:
            return refused_user_in_market(self.state, account, rows[at + c.PLACE_MARKET])  # all four have it there
        if kind == k.C_CANCEL_ALL and rows[at + c.CANCEL_ALL_MARKET] >= 0:
            return refused_user_in_market(self.state, account, rows[at + c.CANCEL_ALL_MARKET])
        return refused_user(self.state, account)

    def refused_nothing(self, rows: vec[i64], at: i64, kind: i64) -> i64:
        """Why an account that has nothing cannot have what it asks for."""
        if kind == k.C_PLACE and rows[at + c.PLACE_REDUCE_ONLY] != 0:
            return k.R_REDUCE_ONLY
        is_cash = kind == k.C_ADD_LIQUIDITY or (kind == k.C_PLACE and self.state.markets[rows[at + c.PLACE_MARKET]].is_spot != 0)
        return k.R_INSUFFICIENT_BALANCE if is_cash else k.R_INSUFFICIENT_MARGIN

    def is_settled(self, number: i64) -> bool:
        """Is this one market, and settled?"""
        return number != NIL and self.state.markets[number].status == k.SETTLED

    def frees(self, rows: vec[i64], at: i64, kind: i64) -> bool:
        """Does the command take orders or liquidity back, or place an order that can only reduce a position?"""
        if is_cancel(kind) or kind == k.C_REMOVE_LIQUIDITY:
            return True
        if kind != k.C_PLACE:
            return False
        account = rows[at + W_ACCOUNT]
        market = self.state.markets[rows[at + c.PLACE_MARKET]]
        row = self.state.find_position(account, market.number)
        if row == NIL:
            return False
        side = rows[at + c.PLACE_SIDE]
        o = self.order
        o.begin(account, market, row, side, rows[at + c.PLACE_PRICE], rows[at + c.PLACE_SIZE], rows[at + c.PLACE_TIF])
        o.reduce_only = rows[at + c.PLACE_REDUCE_ONLY]
        return self.entry.only_reduces(o) and reducible(self.state.positions.cells[row + P_SIZE], side) > 0

    def is_full(self, rows: vec[i64], at: i64, frees: bool) -> bool:
        """Is there no room for this command of its account? As many again may wait that free something, whatever others have sent: who
        fills all places shuts nobody in. Orders that are sent again while they wait may be as many again, too."""
        pending = self.state.pending
        account = rows[at + W_ACCOUNT]
        share = min_i64(self.state.max_open_orders, max_i64(1, self.most // OWN_SHARE))
        if frees:
            return pending.count(account) >= 2 * share
        if rows[at + c.KIND] == k.C_PLACE:
            if pending.by_client.find(account, rows[at + c.PLACE_CLIENT_HI], rows[at + c.PLACE_CLIENT_LO]) != 0:
                share *= 2
        return pending.live >= self.most or pending.count(account) >= share

    def wait(self, rows: vec[i64], at: i64, kind: i64, due: i64, rank: i64) -> None:
        state = self.state
        market = self.market_of(rows, at, kind)
        hi: i64 = 0
        lo: i64 = 0
        if kind == k.C_PLACE:
            hi = rows[at + c.PLACE_CLIENT_HI]
            lo = rows[at + c.PLACE_CLIENT_LO]
        ticket = state.pending.wait(rows, at, due, rank, market, hi, lo)
        row = state.pending.find(ticket)
        state.pending.cells[row + W_PARENT] = self.entry.parent
        state.pending.cells[row + W_ORDER_ID] = self.entry.order_id
        told = due
        if rank == TURN:
            state.schedule.set(TURN, ticket, due)
        elif rank == BLOCK:
            if due < state.schedule.time(BLOCK, 0):
                state.schedule.set(BLOCK, 0, due)
        else:
            assert self.requests is not None
            told = NIL
            state.schedule.set(REQUEST_EXPIRY, ticket, state.now + self.requests.expiry)
        door = self.refusals.door
        state.log.emit(
            k.E_COMMAND_QUEUED, state.now, ticket, kind, rows[at + W_ACCOUNT], door.named_value(rows, at, 1, NIL), told,
            door.named_value(rows, at, 2, 0), door.named_value(rows, at, 3, 0),
        )  # fmt: skip

    def market_of(self, rows: vec[i64], at: i64, kind: i64) -> i64:
        """Number of the market that the command is about; NIL: several, or nobody knows."""
        if kind == k.C_AMEND or kind == k.C_CANCEL:  # both have the order's id there
            slot = self.entry.own_order(rows[at + W_ACCOUNT], rows[at + c.AMEND_ORDER_ID])
            return self.state.orders.cells[slot + O_MARKET] if slot != NIL else NIL
        if kind == k.C_CANCEL_CLIENT or is_switch(kind):
            return NIL
        return rows[at + c.PLACE_MARKET]  # the others have it there, NIL for all

    # -- classes -----------------------------------------------------------------------------------------------------------------

    def latency(self, rows: vec[i64], at: i64, kind: i64) -> i64:
        """[ns] of the command's class."""
        latencies = self.latencies
        if not latencies.any:
            return 0
        if is_cancel(kind) or kind == k.C_REMOVE_LIQUIDITY:
            return latencies.cancel
        if kind == k.C_ADD_LIQUIDITY or kind == k.C_MASS_QUOTE or not self.would_take(rows, at, kind):
            return latencies.maker
        is_retail = self.state.accounts.kind[rows[at + W_ACCOUNT]] == k.RETAIL
        return latencies.retail_taker if is_retail else latencies.taker

    def would_take(self, rows: vec[i64], at: i64, kind: i64) -> bool:
        """Would the new order, or the amended one, trade if it came in now?"""
        state = self.state
        account = rows[at + W_ACCOUNT]
        o = self.order
        if kind == k.C_AMEND:
            slot = self.entry.own_order(account, rows[at + c.AMEND_ORDER_ID])
            if slot == NIL:
                return False
            orders = state.orders.cells
            price = rows[at + c.AMEND_PRICE]
            if price == orders[slot + O_PRICE] and rows[at + c.AMEND_SIZE] <= open_lots(state, slot):
                return False
            o.begin(account, state.markets[orders[slot + O_MARKET]], NIL, orders[slot + O_SIDE], price, 1, orders[slot + O_TIF])
        else:
            market = state.markets[rows[at + c.PLACE_MARKET]]
            limit = rows[at + c.PLACE_PRICE]
            if limit == 0:
                limit = self.entry.protection(market, rows[at + c.PLACE_SIDE])
            o.begin(account, market, NIL, rows[at + c.PLACE_SIDE], limit, 1, rows[at + c.PLACE_TIF])
        return not never_takes(o.tif) and self.matcher.planner.crosses(o) != 0

    def group(self, cells: vec[i64], row: i64) -> i64:
        """What kind of action a waiting command is, as blocks sort them: PASSIVE, CANCEL or AGGRESSIVE."""
        kind = cells[row + c.KIND]
        if is_cancel(kind):
            return CANCEL
        tif: i64 = k.GTC
        if kind == k.C_PLACE:
            tif = cells[row + c.PLACE_TIF]
            if cells[row + c.PLACE_ORDER_TYPE] == k.MARKET_ORDER:
                tif = k.IOC
        elif kind == k.C_AMEND:
            slot = self.entry.own_order(cells[row + W_ACCOUNT], cells[row + c.AMEND_ORDER_ID])
            if slot != NIL:
                tif = self.state.orders.cells[slot + O_TIF]
            if self.batch is not None:  # whatever it would trade joins the auction: it may come first
                return PASSIVE
        else:
            return PASSIVE
        return PASSIVE if never_takes(tif) else AGGRESSIVE

    # -- whose turn it is --------------------------------------------------------------------------------------------------------

    def block(self) -> list[int]:
        """Tickets of the block that is due, in their order. The next block is set."""
        state = self.state
        pending = state.pending
        number = state.now // self.rule.interval
        ranked: list[tuple[int, int]] = []
        for ticket in pending.due_by(state.now):
            row = pending.find(ticket)
            cells = pending.cells
            fee = priority_fee(cells, row)
            group = self.group(cells, row)
            told = WaitingCommand(ticket, cells[row + c.KIND], cells[row + W_ACCOUNT], cells[row + W_MARKET], group, fee)
            ranked.append((self.rule.rank(told, number), ticket))
        following = pending.due_after(state.now)
        if following != NIL:
            state.schedule.set(BLOCK, 0, following)
        ranked.sort()
        return [ticket for _, ticket in ranked]

    def requests_of(self, market: Market, by: i64) -> list[int]:
        """Tickets, up to `by`, of the requests that the oracle price of the market is for. One whose order is gone is for every price. When
        the market is settled, all that are about it: no price comes any more."""
        is_settled = market.status == k.SETTLED
        requests = self.state.pending.requests
        found = requests.due_by(market.number, NEVER if is_settled else market.oracle_ts)
        if not is_settled:
            found += requests.due_by(NIL, market.oracle_ts)
        found = [ticket for ticket in found if ticket <= by]
        found.sort()
        return found

    def take(self, ticket: i64) -> bool:
        """Put a command into `row`, to be carried out; False: it waits no more."""
        row = self.state.pending.find(ticket)
        if row == NIL:
            return False
        self.parent = self.state.pending.cells[row + W_PARENT]
        self.order_id = self.state.pending.cells[row + W_ORDER_ID]
        self.state.pending.take(ticket, self.row)
        self.state.schedule.cancel(REQUEST_EXPIRY, ticket)
        self.state.schedule.cancel(TURN, ticket)
        return True

    def begin_block(self, notes_turns: bool) -> None:
        """New commands have come, and time passes up to them. `notes_turns`: is it to be noted what waiting ones come to meanwhile?"""
        if len(self.turns) != 0:
            self.turns = []
        self.notes_turns = notes_turns

    def note_turn(self, ticket: i64, before: i64) -> None:
        """A waiting command is done, or was taken back; its events are those behind number `before`."""
        if self.notes_turns:
            self.turns.append(int(ticket))
            self.turns.append(int(before))
            self.turns.append(int(self.state.log.seq))

    # -- taken back --------------------------------------------------------------------------------------------------------------

    def withdraw(self, ticket: i64, reason: i64) -> None:
        """A command waits no more, and is refused."""
        before = self.state.log.seq
        if self.take(ticket):
            self.refuse(self.row, reason)
            self.note_turn(ticket, before)

    def refuse(self, row: vec[i64], reason: i64) -> None:
        """The command that was taken is not carried out: its account is told, or whoever sent it on the account's behalf."""
        if self.parent == 0:
            self.refusals.tell(row, 0, reason)
        else:
            self.matcher.open.watch.refuse(self.parent, self.order_id, row[W_ACCOUNT], row[c.PLACE_MARKET], reason)

    def expire(self, ticket: i64) -> None:
        """No price came in time for a request."""
        self.withdraw(ticket, k.R_REQUEST_EXPIRED)

    def is_undone(self, rows: vec[i64], at: i64, ticket: i64) -> bool:
        """Has a cancel met its order before that was in the book: while it waited to come in, or was auctioned?"""
        kind = rows[at + c.KIND]
        account = rows[at + W_ACCOUNT]
        auctions = self.auctions
        if kind == k.C_CANCEL:
            order_id = rows[at + c.CANCEL_ORDER_ID]
            return (auctions is not None and auctions.cancel(account, order_id)) or self.withdraw_sent(account, order_id, ticket)
        if kind != k.C_CANCEL_CLIENT:
            return False
        hi = rows[at + c.CANCEL_CLIENT_HI]
        lo = rows[at + c.CANCEL_CLIENT_LO]
        if self.entry.has_client(account, hi, lo):
            return False  # what was sent again goes after it
        is_auctioned = False
        if auctions is not None:
            number = self.state.taker_auctions.find_client(account, hi, lo)
            is_auctioned = number != 0 and auctions.cancel(account, number)
        return self.withdraw_client(account, hi, lo, ticket) or is_auctioned

    def withdraw_client(self, account: i64, hi: i64, lo: i64, before: i64) -> bool:
        """Take back the account's waiting orders with this client id that came before the ticket `before`: one that was sent again is a new
        order once the first is gone. Were there any?"""
        found = False
        for number in self.state.pending.by_client.all_of(account, hi, lo):
            if number < before:
                self.withdraw(number, k.R_WITHDRAWN)
                found = True
        return found

    def withdraw_sent(self, account: i64, order_id: i64, before: i64) -> bool:
        """Take back the waiting order of a trigger that has fired, or the entry of a bracket, if it came before the ticket `before`."""
        pending = self.state.pending
        if self.state.triggers.find(order_id) == NIL and self.state.brackets.find(order_id) == NIL:
            return False
        for number in pending.of(account):
            if number < before and pending.cells[pending.find(number) + W_ORDER_ID] == order_id:
                self.withdraw(number, k.R_WITHDRAWN)
                return True
        return False

    def recall(self, parent: i64, account: i64) -> None:
        """A slice of a TWAP that is over goes: one that waits, and what is left of one that is auctioned."""
        pending = self.state.pending
        for number in pending.of(account):
            before = self.state.log.seq
            if pending.cells[pending.find(number) + W_PARENT] == parent and self.take(number):
                self.refusals.tell(self.row, 0, k.R_WITHDRAWN)
                self.note_turn(number, before)
        if self.auctions is not None:
            self.auctions.recall(parent, account)

    def withdraw_all(self, account: i64, market: i64, before: i64, reason: i64, spares_reducers: bool = False) -> None:
        """All orders of an account that are not in the book go: those auctioned, for `reason`, and what waits and came before the ticket
        `before`, but for cancels and what takes liquidity back. In one market, or all (below 0). All, or all but what only reduces."""
        if self.auctions is not None:
            self.auctions.cancel_all(account, market, reason, spares_reducers)
        pending = self.state.pending
        for number in pending.of(account):
            row = pending.find(number)
            cells = pending.cells
            kind = cells[row + c.KIND]
            if number >= before or is_cancel(kind) or kind == k.C_REMOVE_LIQUIDITY:
                continue
            if spares_reducers and kind == k.C_PLACE and cells[row + c.PLACE_REDUCE_ONLY] != 0:
                continue
            if spares_reducers and kind == k.C_AMEND and self.matcher.open.standing.only_reduces(cells[row + c.AMEND_ORDER_ID]):
                continue
            if market < 0 or cells[row + W_MARKET] == market:
                self.withdraw(number, k.R_WITHDRAWN)
