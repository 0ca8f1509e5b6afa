"""Read-only questions about a venue: prices, depth, positions, margin, auctions, sums. An `Exchange` answers them."""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from .liquidation.auction import AuctionDesk
from .money.ledger import Ledger
from .money.margin import (
    row_equity,
)
from .money.payoff import value_of
from .schema.kinds import BUY
from .schema.views import Auction, Liquidity, PoolView
from .state.market import Market
from .state.schedule import FUNDING_PAYMENT, FUNDING_SAMPLE
from .state.state import State
from .state.state_hash import state_hash
from .state.tables import (
    L_LOTS,
    P_ENTRY,
    P_ISOLATED_MARGIN,
    P_PAID_IN,
    P_SHARES,
    P_SHARES_SINCE,
    P_SIZE,
)
from .state.types import FIRST_USER, NEVER, NIL, max_i64, mul_div_floor
from .trading.book import Book
from .trading.curve_ranges import Concentrated
from .trading.depth import Walk
from .trading.funding import FundingEngine
from .trading.pool_money import least_worth
from .trading.range_desk import worth_of_all

SYSTEM_NAMES: Final = ("insurance_fund", "fees", "rounding", "clearing", "uncovered", "vault", "curve", "transit")
KIND_NAMES: Final = ("system", "traders", "makers", "bidders", "pools", "retail")
BALANCE_CLASSES: Final = (*KIND_NAMES[1:], *SYSTEM_NAMES)


class Queries:
    """Raises ValueError for an account, market or asset that the venue does not have."""

    def __init__(self, state: State, book: Book, ledger: Ledger, auctions: AuctionDesk, funding: FundingEngine) -> None:
        self.state: State = state
        self.book: Book = book
        self.ledger: Ledger = ledger
        self.auction_desk: AuctionDesk = auctions
        self.funding: FundingEngine = funding
        self.is_busy: bool = False  # is a command or a rule at work? Python code that runs meanwhile must not send a command
        self.is_asked: bool = False  # is the venue asked as of another time? Then it takes no commands either

    @property
    def now(self) -> int:
        return self.state.now

    def as_of(self, ts: i64) -> AsOf:
        """`with exchange.as_of(ts):` answers questions, `preview` among them, as of `ts` [ns], the time that a command would have that came
        instead: prices may have become stale, and orders have expired. The venue's time does not move; commands and snapshots are refused
        meanwhile (VenueBusy). Raises ValueError for a time before the venue's, or behind what is due next: that would have to happen first.
        """
        if not self.state.now <= ts <= self.state.schedule.next:
            raise ValueError(f"ts is {ts}; the venue can be asked as of {self.state.now} to {self.state.schedule.next}")
        return AsOf(self, ts)

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
        rank = FUNDING_SAMPLE if self.funding.terms[number].continuous else FUNDING_PAYMENT
        ts = self.state.schedule.time(rank, number)
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
            all_worth = worth_of_all(asked)[1]
            return sum([worth for one, worth in zip(pool.ranges.ranges, all_worth) if one.owner == account])
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
        lots, worth = worth_of_all(asked)
        for place, one in enumerate(asked.pool.ranges.ranges):
            if one.owner == account:
                bounds = (one.number, one.lower, one.upper)
                until = one.opened + asked.pool_lock
                found.append(Liquidity(account, market, one.liquidity, one.amount, worth[place], until, *bounds, lots[place]))
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

    def auctions(self) -> list[Auction]:
        """Open auctions with their terms as of now."""
        was_busy = self.is_busy
        self.is_busy = True  # backstops are asked what they would pay
        try:
            return self.auction_desk.open_auctions()
        finally:
            self.is_busy = was_busy

    def vault_loss_left(self, asset: i64 = 0) -> int:
        """What the backstop vault may still lose in an asset before it takes nothing more over [micro]: its loss limit, less what it has
        lost at the mark. 0: it takes nothing over there, as where no step of a liquidation is a takeover."""
        left: i64 = 0
        for step in self.auction_desk.lifecycle.steps:
            left = max_i64(left, step.loss_left(self.state, self.known_asset(asset)))
        return left

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


class AsOf:
    """Lets a venue be asked as of a time: for `with`."""

    def __init__(self, venue: Queries, ts: i64) -> None:
        self.venue: Queries = venue
        self.ts: i64 = ts
        self.before: i64 = ts  # the venue's own time
        self.was_asked: bool = False

    def __enter__(self) -> None:
        venue = self.venue
        self.before = venue.state.now
        self.was_asked = venue.is_asked
        venue.is_asked = True
        venue.state.now = self.ts

    def __exit__(self, *raised: object) -> None:
        self.venue.state.now = self.before
        self.venue.is_asked = self.was_asked
