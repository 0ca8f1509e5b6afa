"""Exchange: the deterministic venue. apply(command) -> events, and the same in packed rows; nothing else changes it.

A command is examined at the door (bounds, time), journaled, and then carried out: first what has fallen due up to its `ts`, then the
command itself. What the door refuses (Malformed) has changed nothing, time included. What the venue refuses (Rejected) has let time pass.
No clock, randomness, I/O or float inside; the journal is handed rows and never asked anything.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import FunctionType
from typing import Final

from librt.vecs import vec
from mypy_extensions import i64, mypyc_attr

from .design.venue import (
    VenueDesign,
    adl_rule,
    backstop_rules,
    fill_market,
    funding_rule,
    liquidation_steps,
    liquidation_terms,
    mark_rule,
    vault_rule,
)
from .due import DueWork
from .liquidation.adl import Deleveraging
from .liquidation.auction import DutchAuction, open_auctions
from .liquidation.backstops import Backstops
from .liquidation.desk import LiquidationDesk
from .liquidation.settlement import set_market_status
from .money.ledger import Ledger
from .money.margin import available_margin, cross_equity, cross_initial, cross_maintenance, free_margin, threshold_price, unsettled
from .schema import kinds as k
from .schema.door import Door
from .schema.events import Event, event_of_row
from .schema.messages import Command, Malformed, command_row
from .schema.views import Auction, OpenOrder, Position
from .state.liquidations import SCREENS
from .state.tables import (
    O_CLIENT_HI,
    O_CLIENT_LO,
    O_FILLED,
    O_MARKET,
    O_NEXT_OWN,
    O_ORDER_ID,
    O_PRICE,
    O_REDUCE_ONLY,
    O_SIDE,
    O_SIZE,
    O_TIF,
    State,
)
from .state.types import BUY, FIRST_USER, INSURANCE, NIL, ROW, SETTLED, SYSTEM, VAULT, min_i64
from .state_hash import state_hash
from .trading.access import is_halted, is_suspended
from .trading.accounts import AccountDesk
from .trading.book import Book
from .trading.entry import OrderEntry
from .trading.funding import FundingEngine, FundingRule
from .trading.mark import MarkRule
from .trading.matching import Matcher

NATIVE: Final = not isinstance(min_i64, FunctionType)  # is this file compiled?
WARM_ROWS: Final[i64] = 32  # commands of a bulk call whose look-ups are made side by side
SYSTEM_NAMES: Final = ("insurance_fund", "fees", "rounding", "clearing", "uncovered", "vault", "reserved", "reserved")
KIND_NAMES: Final = ("system", "traders", "makers", "bidders", "pools")
BALANCE_CLASSES: Final = (*KIND_NAMES[1:], *SYSTEM_NAMES[:-1])


@mypyc_attr(allow_interpreted_subclasses=True)
class JournalSink:
    """What an exchange writes its commands to: a block of packed rows per call."""

    def start(self, venue: VenueDesign) -> None:
        raise AssertionError("a journal says how it starts")

    def write(self, rows: vec[i64]) -> None:
        """Called before the commands are carried out; what it raises keeps them from being."""
        raise AssertionError("a journal says how it writes")

    @property
    def is_read_only(self) -> bool:
        """Could the last block not be written?"""
        return False


class Exchange:
    """One venue, for one thread: it holds no locks. `reserve_orders` and `reserve_accounts` size the tables at first; they grow."""

    def __init__(
        self, venue: VenueDesign, journal: JournalSink | None = None, reserve_orders: i64 = 4096, reserve_accounts: i64 = 1024
    ) -> None:  # fmt: skip
        self.design: VenueDesign = venue
        self.state: State = State(len(venue.markets), len(venue.assets), reserve_orders, reserve_accounts)
        state = self.state
        state.max_open_orders = venue.max_open_orders
        state.max_accounts = venue.max_accounts
        state.transfer_margin_ppm = venue.transfer_margin_ppm
        state.guards_profit = any(market.oracle.on_stale == "halt_new_risk" for market in venue.markets)
        marks: list[MarkRule] = []
        cadences: list[i64] = []
        rules: list[FundingRule] = []
        for number, market in enumerate(venue.markets):
            fill_market(state.markets, number, venue)
            marks.append(mark_rule(market))
            cadences.append(market.mark.cadence_ms * 1_000_000)
            rules.append(funding_rule(market.funding))
        self.book: Book = Book(state)
        self.ledger: Ledger = Ledger(state)
        self.matcher: Matcher = Matcher(state, self.book, self.ledger)
        self.entry: OrderEntry = OrderEntry(state, self.matcher)
        self.accounts: AccountDesk = AccountDesk(state, self.ledger, self.matcher, self.entry)
        payers, ahead = backstop_rules(venue)
        self.backstops: Backstops = Backstops(state, self.ledger, payers, ahead)
        rule = adl_rule(venue)
        adl = Deleveraging(state, self.matcher, rule) if rule is not None else None
        vault = vault_rule(venue)
        self.desk: LiquidationDesk = LiquidationDesk(
            state, self.ledger, self.matcher, self.backstops, adl, liquidation_steps(venue, vault), liquidation_terms(venue)
        )
        self.desk.screen = SCREENS[0] if len(SCREENS) > 0 else None
        self.funding: FundingEngine = FundingEngine(state, self.book, self.ledger, rules)
        self.due: DueWork = DueWork(state, self.book, marks, cadences, self.funding, self.desk, vault)
        self.door: Door = Door()
        self.journal: JournalSink | None = journal
        self.open_system_accounts()
        if journal is not None:
            journal.start(venue)

    def open_system_accounts(self) -> None:
        """Insurance fund, fees, rounding, clearing, uncovered, vault; the fund and the vault with their capital in the first asset."""
        accounts = self.state.accounts
        account: i64 = 0
        while account < FIRST_USER:
            if accounts.count == accounts.rows:
                accounts.grow()
            accounts.kind[accounts.new_row()] = SYSTEM
            account += 1
        self.ledger.deposit(INSURANCE, 0, self.design.insurance_fund.capital * 1_000_000)
        self.ledger.deposit(VAULT, 0, self.design.vault.capital * 1_000_000)
        self.book.reserve()

    # -- commands ---------------------------------------------------------------------------------------------------------------

    def apply(self, command: Command) -> list[Event]:
        """Carry out one typed command. Raises Malformed."""
        rows = self.apply_rows(command_row(command))
        events: list[Event] = []
        at: i64 = 0
        while at < len(rows):
            events.append(event_of_row(list(rows[at : at + ROW])))
            at += ROW
        return events

    def apply_rows(self, commands: Iterable[int]) -> vec[i64]:
        """Carry out packed commands (flat, 16 int64 each); returns the packed events.

        All rows are examined and journaled before the first is carried out. Raises Malformed with the number of the first bad row, or
        JournalFailed; then none was.
        """
        try:
            rows = vec[i64](commands)
        except (OverflowError, TypeError, ValueError) as error:
            raise Malformed(f"packed commands are 64-bit integers in one dimension: {error}") from None
        self.door.examine(rows, self.state.now, self.state.started)
        if self.journal is not None:
            self.journal.write(rows)
        log = self.state.log
        log.clear()
        at: i64 = 0
        end: i64 = len(rows)
        room: i64 = 0
        warm: i64 = 0 if NATIVE and end > ROW else NIL
        while at < end:
            if at == warm:
                warm = min_i64(end, at + WARM_ROWS * ROW)
                self.book.warm_up(rows, at, warm)
            if room == 0:
                room = min_i64(self.state.reserve(), self.book.reserve())
            room -= 1
            ts = rows[at + 1]
            if ts >= self.due.next or not self.state.started:
                self.due.advance(ts)
            self.state.now = ts
            reason = self.carry_out(rows, at)
            if reason != 0:
                self.refuse(rows, at, reason)
            at += ROW
        return log.rows[: log.end]

    def carry_out(self, rows: vec[i64], at: i64) -> i64:
        """Dispatch one examined command; returns the reason of a refusal, or 0."""
        kind = rows[at]
        a = rows[at + 2]
        b = rows[at + 3]
        c = rows[at + 4]
        d = rows[at + 5]
        if kind == k.C_PLACE:
            return self.entry.place(
                a, b, c, d, rows[at + 6], rows[at + 7], rows[at + 8], rows[at + 9], rows[at + 10], rows[at + 11], rows[at + 12]
            )
        if kind == k.C_CANCEL_CLIENT:
            return self.entry.cancel_client(a, b, c)
        if kind == k.C_CANCEL:
            return self.entry.cancel(a, b)
        if kind == k.C_AMEND:
            return self.entry.amend(a, b, c, d)
        if kind == k.C_TICK:
            return 0
        if kind == k.C_UPDATE_ORACLE:
            return self.update_oracle(a, b, c)
        if kind == k.C_CANCEL_ALL:
            return self.entry.cancel_all(a, b)
        if kind == k.C_TAKE_AUCTION:
            return self.take_auction(a, b, c, d)
        return self.carry_out_rest(kind, a, b, c, d, rows[at + 6])

    def carry_out_rest(self, kind: i64, a: i64, b: i64, c: i64, d: i64, e: i64) -> i64:
        accounts = self.accounts
        if kind == k.C_OPEN_ACCOUNT:
            return accounts.open(a, b)
        if kind == k.C_DEPOSIT:
            return self.recovered(accounts.deposit(a, b, c), a)
        if kind == k.C_WITHDRAW:
            return accounts.withdraw(a, b, c)
        if kind == k.C_TRANSFER:
            return self.recovered(accounts.transfer(a, b, c, d), b)
        if kind == k.C_SET_LEVERAGE:
            return accounts.set_leverage(a, b, c)
        if kind == k.C_SET_MARGIN_MODE:
            return accounts.set_margin_mode(a, b, c)
        if kind == k.C_MOVE_ISOLATED_MARGIN:
            return self.recovered(accounts.move_isolated_margin(a, b, c), a)
        if kind == k.C_BLOCK_TRADE:
            return accounts.block_trade(a, b, c, d, e)
        assert kind == k.C_SET_MARKET_STATUS
        reason = set_market_status(self.desk, a, b, c)
        if reason == 0:
            self.due.plan()
        return reason

    def recovered(self, reason: i64, account: i64) -> i64:
        """After money came in: a liquidation that it makes needless ends at once, and its auction with it."""
        if reason == 0:
            self.desk.recover(account)
        return reason

    def refuse(self, rows: vec[i64], at: i64, reason: i64) -> None:
        """Tell why a well-formed command was not carried out, with what identifies it to its sender."""
        kind = rows[at]
        account: i64 = NIL
        market: i64 = NIL
        if kind != k.C_OPEN_ACCOUNT and kind != k.C_UPDATE_ORACLE and kind != k.C_SET_MARKET_STATUS:
            account = rows[at + 2]
        if kind == k.C_UPDATE_ORACLE or kind == k.C_SET_MARKET_STATUS:
            market = rows[at + 2]
        elif kind == k.C_BLOCK_TRADE:
            market = rows[at + 4]
        elif kind == k.C_PLACE or (k.C_SET_LEVERAGE <= kind <= k.C_MOVE_ISOLATED_MARGIN) or kind == k.C_CANCEL_ALL:
            market = rows[at + 3]
        hi: i64 = 0
        lo: i64 = 0
        if kind == k.C_PLACE:
            hi = rows[at + 11]
            lo = rows[at + 12]
        elif kind == k.C_CANCEL_CLIENT:
            hi = rows[at + 3]
            lo = rows[at + 4]
        self.state.log.emit(k.E_REJECTED, self.state.now, kind, account, market, reason, hi, lo)

    def update_oracle(self, market: i64, price: i64, perp_median: i64) -> i64:
        markets = self.state.markets
        if market >= markets.count:
            return k.R_UNKNOWN_MARKET
        if markets.status[market] == SETTLED:
            return k.R_MARKET_SETTLED
        if price > markets.max_price[market] or perp_median > markets.max_price[market]:
            return k.R_PRICE_LIMIT
        previous = markets.oracle[market]
        if is_suspended(self.state, market) and not is_halted(markets.status[market]):
            self.desk.resume(market)
            markets.suspended_since[market] = NIL
        markets.oracle[market] = price
        markets.oracle_ts[market] = self.state.now
        markets.perp_median[market] = perp_median
        self.state.log.emit(k.E_ORACLE_UPDATED, self.state.now, market, price, previous)
        self.due.refresh_mark(market)
        self.due.plan()
        return 0

    def take_auction(self, account: i64, auction: i64, share_ppm: i64, minimum_gain: i64) -> i64:
        reason = self.entry.user(account)
        if reason != 0:
            return reason
        table = self.desk.table
        at = table.of_auction(auction)
        if at == NIL:
            return k.R_UNKNOWN_AUCTION
        if table.account[at] == account:
            return k.R_SAME_ACCOUNT
        if self.entry.in_liquidation(account, NIL):
            return k.R_IN_LIQUIDATION
        step = self.desk.steps[table.step[at]]
        assert isinstance(step, DutchAuction)
        reason = step.take(self.desk, at, account, share_ppm, minimum_gain)
        if reason == 0:
            self.due.plan()
        return reason

    # -- queries ----------------------------------------------------------------------------------------------------------------

    @property
    def is_read_only(self) -> bool:
        """Did the journal fail to take the last command? The next one tries again, and goes through when the journal works."""
        return self.journal is not None and self.journal.is_read_only

    @property
    def now(self) -> int:
        return self.state.now

    def known_market(self, market: i64) -> i64:
        if not 0 <= market < self.state.markets.count:
            raise ValueError(f"market is {market}; this venue has 0 to {self.state.markets.count - 1}")
        return market

    def known_account(self, account: i64) -> i64:
        if not 0 <= account < self.state.accounts.count:
            raise ValueError(f"account is {account}; there are 0 to {self.state.accounts.count - 1}")
        return account

    def known_asset(self, asset: i64) -> i64:
        if not 0 <= asset < self.state.accounts.assets:
            raise ValueError(f"asset is {asset}; this venue has 0 to {self.state.accounts.assets - 1}")
        return asset

    def best_bid(self, market: i64) -> int:
        """[ticks], 0 if there is no bid."""
        return self.state.markets.best_bid[self.known_market(market)]

    def best_ask(self, market: i64) -> int:
        return self.state.markets.best_ask[self.known_market(market)]

    def last_price(self, market: i64) -> int:
        return self.state.markets.last[self.known_market(market)]

    def mark_price(self, market: i64) -> int:
        return self.state.markets.mark[self.known_market(market)]

    def oracle_price(self, market: i64) -> int:
        return self.state.markets.oracle[self.known_market(market)]

    def open_interest(self, market: i64) -> int:
        """[lots] of one side."""
        return self.state.markets.open_interest[self.known_market(market)]

    def depth(self, market: i64, side: i64, levels: i64) -> list[tuple[int, int]]:
        """(price, lots) of the best levels of a side, best first."""
        found: list[tuple[int, int]] = []
        price = self.book.best(self.known_market(market), side)
        while price != 0 and len(found) < levels:
            found.append((int(price), int(self.book.level_lots(market, price))))
            price = self.book.worse(market, side, price)
        return found

    def lots_within(self, market: i64, side: i64, limit: i64) -> tuple[int, int]:
        """(lots, value) resting on a side at `limit` or better."""
        lots: i64 = 0
        value: i64 = 0
        unit = self.state.markets.unit[self.known_market(market)]
        price = self.book.best(market, side)
        while price != 0 and (price >= limit if side == BUY else price <= limit):
            here = self.book.level_lots(market, price)
            lots += here
            value += here * price * unit
            price = self.book.worse(market, side, price)
        return lots, value

    def sweep(self, market: i64, side: i64, size: i64) -> tuple[int, int]:
        """(lots, value) that a market order of `side` for `size` lots would trade, rules of margin and self-trade aside."""
        lots: i64 = 0
        value: i64 = 0
        unit = self.state.markets.unit[self.known_market(market)]
        price = self.book.best(market, 1 - side)
        while price != 0 and lots < size:
            here = min_i64(size - lots, self.book.level_lots(market, price))
            lots += here
            value += here * price * unit
            price = self.book.worse(market, 1 - side, price)
        return lots, value

    def position(self, account: i64, market: i64) -> Position:
        row = self.state.find_position(self.known_account(account), self.known_market(market))
        if row == NIL:
            leverage: i64 = self.state.markets.default_leverage[market]
            return Position(account, market, 0, 0, 0, 0, leverage, 0, 0, 0)
        p = self.state.positions
        return Position(
            account, market, p.size[row], p.entry_notional[row], p.isolated_margin[row], p.mode[row], p.leverage[row],
            unsettled(self.state, row), p.bid_lots[row], p.ask_lots[row],
        )  # fmt: skip

    def open_orders(self, account: i64) -> list[OpenOrder]:
        """The account's open orders by order id."""
        orders = self.state.orders.cells
        found: list[OpenOrder] = []
        row = self.state.accounts.first_position[self.known_account(account)]
        while row != NIL:
            for first in (self.state.positions.first_reducer[row], self.state.positions.first_order[row]):
                slot = first
                while slot != NIL:
                    found.append(OpenOrder(
                        orders[slot + O_ORDER_ID], account, orders[slot + O_MARKET], orders[slot + O_SIDE], orders[slot + O_PRICE],
                        orders[slot + O_SIZE], orders[slot + O_FILLED], orders[slot + O_TIF], orders[slot + O_REDUCE_ONLY],
                        orders[slot + O_CLIENT_HI], orders[slot + O_CLIENT_LO],
                    ))  # fmt: skip
                    slot = orders[slot + O_NEXT_OWN]
            row = self.state.positions.next[row]
        return sorted(found, key=lambda order: order.order_id)

    def balance(self, account: i64, asset: i64 = 0) -> int:
        """Cash [micro], isolated margin not included."""
        return self.state.accounts.cash[self.known_account(account) * self.state.accounts.assets + self.known_asset(asset)]

    def equity(self, account: i64, asset: i64 = 0) -> int:
        """Cash and cross positions at the mark [micro]; isolated positions stand for themselves."""
        return cross_equity(self.state, self.known_account(account), self.known_asset(asset))

    def maintenance_margin(self, account: i64, asset: i64 = 0) -> int:
        return cross_maintenance(self.state, self.known_account(account), self.known_asset(asset))

    def initial_margin(self, account: i64, asset: i64 = 0) -> int:
        return cross_initial(self.state, self.known_account(account), self.known_asset(asset))

    def free_margin(self, account: i64, asset: i64 = 0) -> int:
        """What may be withdrawn or transferred now [micro]."""
        return free_margin(self.state, self.known_account(account), self.known_asset(asset))

    def available_margin(self, account: i64, asset: i64 = 0) -> int:
        """What may back another order [micro]."""
        return available_margin(self.state, self.known_account(account), self.known_asset(asset))

    def threshold(self, account: i64, market: i64, over_maintenance: bool) -> int:
        row = self.state.find_position(self.known_account(account), self.known_market(market))
        if row == NIL or self.state.positions.size[row] == 0:
            return 0
        return threshold_price(self.state, row, over_maintenance)

    def liquidation_price(self, account: i64, market: i64) -> int:
        """First tick against the position at which it is liquidatable, other marks as they are; 0 if there is none."""
        return self.threshold(account, market, True)

    def bankruptcy_price(self, account: i64, market: i64) -> int:
        """First tick against the position at which its equity is below zero; 0 if there is none."""
        return self.threshold(account, market, False)

    def auctions(self) -> list[Auction]:
        """Open auctions with their terms as of now."""
        return open_auctions(self.desk)

    def deposits(self, asset: i64 = 0) -> int:
        return self.state.deposits[self.known_asset(asset)]

    def withdrawals(self, asset: i64 = 0) -> int:
        return self.state.withdrawals[self.known_asset(asset)]

    def ledger_balance(self, account: i64, asset: i64 = 0) -> int:
        """Cash + isolated margin - entry notional [micro]: what sums to deposits - withdrawals over all accounts."""
        return self.ledger.balance(self.known_account(account), self.known_asset(asset))

    def balances_by_class(self, asset: i64 = 0) -> dict[str, int]:
        """Ledger balances [micro] by class of account; they sum to deposits - withdrawals."""
        self.known_asset(asset)
        sums: dict[str, int] = dict.fromkeys(BALANCE_CLASSES, 0)
        account: i64 = 0
        while account < self.state.accounts.count:
            if account < FIRST_USER:
                name = SYSTEM_NAMES[account]
            else:
                name = KIND_NAMES[self.state.accounts.kind[account]]
            sums[name] += int(self.ledger.balance(account, asset))
            account += 1
        return sums

    def state_hash(self) -> str:
        return state_hash(self.book, self.due)

    def check(self) -> None:
        """Prove the invariants of all tables, in plain asserts."""
        self.book.check()
        self.ledger.check()
        self.matcher.open.check()
        self.desk.check()
