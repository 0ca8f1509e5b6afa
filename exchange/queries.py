"""Read-only questions about a venue: prices, depth, positions, margin, auctions, sums. An `Exchange` answers them."""

from __future__ import annotations

from typing import Final

from librt.vecs import vec
from mypy_extensions import i64

from .liquidation.auction import AuctionDesk
from .money.exchanges import withdrawable
from .money.ledger import Ledger
from .money.lines import requirement_lines
from .money.margin import (
    available_margin,
    cross_equity,
    cross_initial,
    cross_maintenance,
    market_of,
    row_equity,
    row_maintenance,
    unsettled,
)
from .money.payoff import value_of
from .money.thresholds import threshold_price
from .schema import columns as c
from .schema import kinds as k
from .schema.kinds import BUY, CROSS, ISOLATED
from .schema.views import Auction, Liquidity, OpenOrder, PoolView, Position, RequirementLine, Waiting
from .state.market import Market
from .state.pending import W_ACCOUNT, W_DUE, W_MARKET, W_RANK
from .state.schedule import FUNDING_PAYMENT, FUNDING_SAMPLE, MARKET_TIMER, MARKET_TIMERS, REQUEST_EXPIRY
from .state.state import State
from .state.state_hash import state_hash
from .state.tables import (
    L_LOTS,
    O_ACCOUNT,
    O_CLIENT_HI,
    O_CLIENT_LO,
    O_FILLED,
    O_MARKET,
    O_NEXT_OWN,
    O_ORDER_ID,
    O_PRICE,
    O_REDUCE_ONLY,
    O_SIDE,
    O_TERMS,
    O_TIF,
    P_ASK_LOTS,
    P_BID_LOTS,
    P_ENTRY,
    P_FIRST_ORDER,
    P_FIRST_REDUCER,
    P_ISOLATED_MARGIN,
    P_LEVERAGE,
    P_MODE,
    P_NEXT,
    P_PAID_IN,
    P_SHARES,
    P_SHARES_SINCE,
    P_SIZE,
    SPOT_MODE,
)
from .state.terms import T_DISPLAY, T_EXPIRES
from .state.types import FIRST_USER, NEVER, NIL, max_i64, mul_div_floor
from .trading.book import Book
from .trading.curve_ranges import Concentrated
from .trading.depth import Walk
from .trading.funding import FundingEngine
from .trading.open_orders import client_order, open_lots
from .trading.pool_money import least_worth
from .trading.range_desk import range_worth

SYSTEM_NAMES: Final = ("insurance_fund", "fees", "rounding", "clearing", "uncovered", "vault", "curve", "transit")
KIND_NAMES: Final = ("system", "traders", "makers", "bidders", "pools", "retail")
BALANCE_CLASSES: Final = (*KIND_NAMES[1:], *SYSTEM_NAMES)


def waiting_view(cells: vec[i64], row: i64, ticket: int) -> Waiting:
    kind = cells[row + c.KIND]
    hi: i64 = 0
    lo: i64 = 0
    order_id: i64 = 0
    if kind == k.C_PLACE:
        hi = cells[row + c.PLACE_CLIENT_HI]
        lo = cells[row + c.PLACE_CLIENT_LO]
    elif kind == k.C_CANCEL_CLIENT:
        hi = cells[row + c.CANCEL_CLIENT_HI]
        lo = cells[row + c.CANCEL_CLIENT_LO]
    elif kind == k.C_CANCEL or kind == k.C_AMEND:
        order_id = cells[row + c.AMEND_ORDER_ID]  # both have it there
    due = cells[row + W_DUE]
    if cells[row + W_RANK] == REQUEST_EXPIRY:
        due = NIL
    return Waiting(ticket, cells[row + W_ACCOUNT], kind, cells[row + W_MARKET], due, order_id, hi, lo)


class Queries:
    """Raises ValueError for an account, market or asset that the venue does not have."""

    def __init__(self, state: State, book: Book, ledger: Ledger, auctions: AuctionDesk, funding: FundingEngine) -> None:
        self.state: State = state
        self.book: Book = book
        self.ledger: Ledger = ledger
        self.auction_desk: AuctionDesk = auctions
        self.funding: FundingEngine = funding
        self.is_busy: bool = False  # is a command or a rule at work? Python code that runs meanwhile must not send a command

    @property
    def now(self) -> int:
        return self.state.now

    def state_hash(self) -> str:
        """Equal for equal states, on any machine and build."""
        return state_hash(self.state)

    def known_market(self, market: i64) -> Market:
        if not 0 <= market < len(self.state.markets):
            raise ValueError(f"market is {market}; this venue has 0 to {len(self.state.markets) - 1}")
        return self.state.markets[market]

    def known_account(self, account: i64) -> i64:
        if not 0 <= account < self.state.accounts.count:
            raise ValueError(f"account is {account}; there are 0 to {self.state.accounts.count - 1}")
        return account

    def known_asset(self, asset: i64) -> i64:
        if not 0 <= asset < self.state.accounts.assets:
            raise ValueError(f"asset is {asset}; this venue has 0 to {self.state.accounts.assets - 1}")
        return asset

    # -- markets -----------------------------------------------------------------------------------------------------------------

    def best_bid(self, market: i64) -> int:
        """[ticks], 0 if there is no bid."""
        return self.known_market(market).best_bid

    def best_ask(self, market: i64) -> int:
        return self.known_market(market).best_ask

    def last_price(self, market: i64) -> int:
        return self.known_market(market).last

    def mark_price(self, market: i64) -> int:
        return self.known_market(market).mark

    def oracle_price(self, market: i64) -> int:
        return self.known_market(market).oracle

    def open_interest(self, market: i64) -> int:
        """[lots] of one side."""
        return self.known_market(market).open_interest

    def funding_rate(self, market: i64) -> int:
        """What longs would pay per funding interval [ppt], if its premium stayed as it is; 0 in a spot market."""
        asked = self.known_market(market)
        if asked.is_spot != 0:
            return 0
        was_busy = self.is_busy
        self.is_busy = True  # a rule is asked
        try:
            return self.funding.expected_rate(asked)
        finally:
            self.is_busy = was_busy

    def funding_due(self, market: i64) -> int:
        """[ns] when funding is next charged; 0 before the first command."""
        number = self.known_market(market).number
        timer = FUNDING_SAMPLE if self.funding.terms[number].continuous else FUNDING_PAYMENT
        ts = self.state.schedule.time(MARKET_TIMER, number * MARKET_TIMERS + timer)
        return 0 if ts == NEVER else int(ts)

    def depth(self, market: i64, side: i64, levels: i64) -> list[tuple[int, int]]:
        """(price, lots) of the best levels of a side, best first: what anybody can trade with, as far as it is shown."""
        found: list[tuple[int, int]] = []
        asked = self.known_market(market)
        price = self.book.best(asked, side)
        while price != 0 and len(found) < levels:
            found.append((int(price), int(self.book.level_lots(asked, price))))
            price = self.book.worse(asked, side, price)
        return found

    def rpi_depth(self, market: i64, side: i64, levels: i64) -> list[tuple[int, int]]:
        """(price, lots) of the best levels of RPI orders of a side, best first, which orders of retail accounts meet besides."""
        found: list[tuple[int, int]] = []
        asked = self.known_market(market)
        price = self.book.best_rpi(asked, side)
        while price != 0 and len(found) < levels:
            found.append((int(price), int(self.state.levels.cells[self.book.rpi_level(asked, side, price) + L_LOTS])))
            price = self.book.rpi_from(asked, side, price - 1 if side == BUY else price + 1)
        return found

    def lots_within(self, market: i64, side: i64, limit: i64) -> tuple[int, int]:
        """(lots, value) resting on a side at `limit` or better."""
        lots: i64 = 0
        value: i64 = 0
        asked = self.known_market(market)
        price = self.book.best(asked, side)
        while price != 0 and (price >= limit if side == BUY else price <= limit):
            here = self.book.level_lots(asked, price)
            lots += here
            value += value_of(asked, here, price)
            price = self.book.worse(asked, side, price)
        return lots, value

    def sweep(self, market: i64, side: i64, size: i64) -> tuple[int, int]:
        """(lots, value) that a market order of `side` for `size` lots would trade, with book and curve, rules of margin and self-trade
        aside; what iceberg orders do not show, nobody is told."""
        walk = Walk(self.state, self.book, self.known_market(market), 1 - side)
        was_busy = self.is_busy
        self.is_busy = True  # a curve is asked
        try:
            walk.reach_lots(size, walk.worst())
            return walk.lots, walk.value
        finally:
            self.is_busy = was_busy

    def curve_within(self, market: i64, side: i64, limit: i64) -> tuple[int, int]:
        """(lots, value) that the curve alone would trade with an order of `side` at `limit` or better, each lot of them."""
        asked = self.known_market(market)
        curves = self.book.curves
        was_busy = self.is_busy
        self.is_busy = True
        try:
            lots = curves.offered(asked, asked.pool, side, limit, asked.max_lots)
            return lots, curves.worth(asked, asked.pool, side, lots) if lots > 0 else 0
        finally:
            self.is_busy = was_busy

    def curve_price(self, market: i64) -> int:
        """The middle of the curve's quotes [ticks]; 0: it quotes nothing, or there is none."""
        asked = self.known_market(market)
        curves = self.book.curves
        was_busy = self.is_busy
        self.is_busy = True
        try:
            return curves.curve(asked).middle(asked, asked.pool, curves.inventory(asked)) if curves.is_open(asked) else 0
        finally:
            self.is_busy = was_busy

    def liquidity(self, account: i64, market: i64) -> Liquidity:
        """The account's shares of the market's pool, and what they would fetch now. Ranges of its own tells liquidity_of."""
        asked = self.known_market(market)
        row = self.state.find_position(self.known_account(account), market)
        cells = self.state.positions.cells
        if row == NIL or cells[row + P_SHARES] == 0:
            return Liquidity(account, market, 0, 0, 0, 0)
        was_busy = self.is_busy
        self.is_busy = True
        try:
            worth = max_i64(0, least_worth(self.state, asked, self.book.curves.curve(asked)))
        finally:
            self.is_busy = was_busy
        part = mul_div_floor(worth, cells[row + P_SHARES], asked.pool.shares)
        until = cells[row + P_SHARES_SINCE] + asked.pool_lock
        return Liquidity(account, market, cells[row + P_SHARES], cells[row + P_PAID_IN], part, until)

    def stake(self, account: i64, market: i64) -> int:
        """[micro] of the pool of the market's curve that is the account's at the mark, by shares or in ranges; 0: it has no part in it."""
        asked = self.known_market(market)
        pool = asked.pool
        curve = self.book.curves.curve(asked)
        if pool.row == NIL:
            return 0
        if isinstance(curve, Concentrated):
            return sum([range_worth(curve, asked, one) for one in pool.ranges.ranges if one.owner == account])
        row = self.state.find_position(self.known_account(account), market)
        if row == NIL:
            return 0
        shares = self.state.positions.cells[row + P_SHARES]
        return int(max_i64(0, row_equity(self.state, pool.row))) * int(shares) // max(1, int(pool.shares))

    def liquidity_of(self, account: i64, market: i64) -> list[Liquidity]:
        """All of the account's liquidity in a market: its shares of the pool, or its ranges by their numbers."""
        own = self.liquidity(account, market)
        found = [own] if own.shares != 0 else []
        asked = self.known_market(market)
        curve = self.book.curves.curve(asked)
        if not isinstance(curve, Concentrated):
            return found
        for one in asked.pool.ranges.ranges:
            if one.owner == account:
                lots = curve.position(asked.pool, one.number)[0]
                worth = range_worth(curve, asked, one)
                until = one.opened + asked.pool_lock
                found.append(
                    Liquidity(account, market, one.liquidity, one.amount, worth, until, one.number, one.lower, one.upper, lots)
                )
        return found

    def pool(self, market: i64) -> PoolView | None:
        """What stands behind the market's curve; None: it has no curve."""
        asked = self.known_market(market)
        row = asked.pool.row
        if row == NIL:
            return None
        cells = self.state.positions.cells
        equity = row_equity(self.state, row)
        return PoolView(market, cells[row + P_SIZE], cells[row + P_ENTRY], cells[row + P_ISOLATED_MARGIN], equity, asked.pool.shares)

    def gas_multiplier(self) -> int:
        """What commands cost now, of what the design says. [ppm]"""
        return self.state.gas_ppm

    def pending(self, account: i64) -> list[Waiting]:
        """The account's commands that wait to be carried out, by their tickets."""
        waiting = self.state.pending
        found: list[Waiting] = []
        for ticket in waiting.of(self.known_account(account)):
            found.append(waiting_view(waiting.cells, waiting.find(ticket), ticket))
        return found

    def auctions(self) -> list[Auction]:
        """Open auctions with their terms as of now."""
        was_busy = self.is_busy
        self.is_busy = True  # backstops are asked what they would pay
        try:
            return self.auction_desk.open_auctions()
        finally:
            self.is_busy = was_busy

    # -- accounts ----------------------------------------------------------------------------------------------------------------

    def position(self, account: i64, market: i64) -> Position:
        default: i64 = self.known_market(market).default_leverage
        row = self.state.find_position(self.known_account(account), market)
        if row == NIL:
            return Position(account, market, 0, 0, 0, 0, default, 0, 0, 0)
        cells = self.state.positions.cells
        mode = CROSS if cells[row + P_MODE] == SPOT_MODE else cells[row + P_MODE]
        return Position(
            account, market, cells[row + P_SIZE], cells[row + P_ENTRY], cells[row + P_ISOLATED_MARGIN], mode,
            cells[row + P_LEVERAGE], unsettled(self.state, row), cells[row + P_BID_LOTS], cells[row + P_ASK_LOTS],
        )  # fmt: skip

    def master_of(self, account: i64) -> int | None:
        """The account whose sub-account this one is; None: it is none."""
        master = self.state.accounts.master[self.known_account(account)]
        return int(master) if master != NIL else None

    def sub_accounts(self, account: i64) -> list[int]:
        """The account's sub-accounts, in the order in which they were opened."""
        accounts = self.state.accounts
        found: list[int] = []
        left = accounts.subs[self.known_account(account)]
        number = account + 1
        while left > 0:
            if accounts.master[number] == account:
                found.append(int(number))
                left -= 1
            number += 1
        return found

    def account_value(self, account: i64, asset: i64 = 0) -> int:
        """All that the account has in an asset at the mark [micro]: cash, and the equity of its cross and isolated positions. Shares of
        pools are not among it."""
        state = self.state
        total = cross_equity(state, self.known_account(account), self.known_asset(asset))
        row = state.accounts.first_position[account]
        while row != NIL:
            cells = state.positions.cells
            if cells[row + P_SIZE] != 0 and cells[row + P_MODE] == ISOLATED and market_of(state, row).asset == asset:
                total += row_equity(state, row)
            row = cells[row + P_NEXT]
        return total

    def open_orders(self, account: i64, skip: i64 = 0, most: int | None = None) -> list[OpenOrder]:
        """The account's open orders by order id: all, or `most` of those behind the first `skip`."""
        cells = self.state.positions.cells
        found: list[tuple[int, int]] = []  # order id and slot: what is not asked for costs no more than that
        row = self.state.accounts.first_position[self.known_account(account)]
        while row != NIL:
            self.add_orders(found, cells[row + P_FIRST_REDUCER])
            self.add_orders(found, cells[row + P_FIRST_ORDER])
            row = cells[row + P_NEXT]
        found.sort()
        end = len(found) if most is None else int(skip) + most
        return [self.order_view(slot) for _, slot in found[int(skip) : end]]

    def add_orders(self, found: list[tuple[int, int]], slot: i64) -> None:
        """Those of one list of a position row."""
        orders = self.state.orders.cells
        while slot != NIL:
            found.append((int(orders[slot + O_ORDER_ID]), int(slot)))
            slot = orders[slot + O_NEXT_OWN]

    def order_view(self, slot: i64) -> OpenOrder:
        orders = self.state.orders.cells
        terms = orders[slot + O_TERMS]
        expires: i64 = 0
        display: i64 = 0
        if terms != NIL:
            expires = self.state.terms.cells[terms + T_EXPIRES]
            display = self.state.terms.cells[terms + T_DISPLAY]
        return OpenOrder(
            orders[slot + O_ORDER_ID], orders[slot + O_ACCOUNT], orders[slot + O_MARKET], orders[slot + O_SIDE], orders[slot + O_PRICE],
            open_lots(self.state, slot), orders[slot + O_FILLED], orders[slot + O_TIF], orders[slot + O_REDUCE_ONLY],
            orders[slot + O_CLIENT_HI], orders[slot + O_CLIENT_LO], expires, display,
        )  # fmt: skip

    def open_order(self, account: i64, order_id: i64) -> OpenOrder | None:
        """The account's open order of this id; None: it has none."""
        slot = self.state.order_ids.find(order_id)
        if slot == NIL or self.state.orders.cells[slot + O_ACCOUNT] != self.known_account(account):
            return None
        return self.order_view(slot)

    def count_orders(self, account: i64) -> int:
        """How many open orders the account has."""
        return self.state.accounts.open_orders[self.known_account(account)]

    def client_order(self, account: i64, hi: i64, lo: i64) -> tuple[int, int, int, int, int] | None:
        """What became of the account's order with this client id: (order id, market, OrderState, lots open and filled); None: unknown."""
        order_id, market, status, size, filled = client_order(self.state, self.known_account(account), hi, lo)
        if order_id == 0:
            return None
        return order_id, market, status, size, filled

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

    def isolated_equity(self, account: i64, market: i64) -> int:
        """Of an isolated position, which stands for itself [micro]; 0 if there is none."""
        row = self.state.find_position(self.known_account(account), self.known_market(market).number)
        if row == NIL or self.state.positions.cells[row + P_SIZE] == 0 or self.state.positions.cells[row + P_MODE] != ISOLATED:
            return 0
        return row_equity(self.state, row)

    def position_maintenance(self, account: i64, market: i64) -> int:
        """What one position requires by itself [micro], cross or isolated; 0 if there is none."""
        row = self.state.find_position(self.known_account(account), self.known_market(market).number)
        return 0 if row == NIL else int(row_maintenance(self.state, row))

    def free_margin(self, account: i64, asset: i64 = 0) -> int:
        """What may be withdrawn or transferred now [micro]."""
        return withdrawable(self.state, self.known_account(account), self.known_asset(asset))

    def available_margin(self, account: i64, asset: i64 = 0) -> int:
        """What may back another order [micro]."""
        return available_margin(self.state, self.known_account(account), self.known_asset(asset))

    def requirement(self, account: i64, asset: i64 = 0) -> list[RequirementLine]:
        """The account's margin in an asset line by line: equity adds up to `equity`, equity less initial to `available_margin`, maintenance
        to `maintenance_margin`."""
        return requirement_lines(self.state, self.known_account(account), self.known_asset(asset))

    def threshold(self, account: i64, market: i64, over_maintenance: bool) -> int:
        row = self.state.find_position(self.known_account(account), self.known_market(market).number)
        if row == NIL or self.state.positions.cells[row + P_SIZE] == 0:
            return 0
        return threshold_price(self.state, row, over_maintenance)

    def liquidation_price(self, account: i64, market: i64) -> int:
        """First tick against the position at which it is liquidatable, other marks as they are; 0 if there is none."""
        return self.threshold(account, market, True)

    def bankruptcy_price(self, account: i64, market: i64) -> int:
        """First tick against the position at which its equity is below zero; 0 if there is none."""
        return self.threshold(account, market, False)

    # -- sums --------------------------------------------------------------------------------------------------------------------

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
