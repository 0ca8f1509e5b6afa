"""All state of one venue: its tables, its schedule and its clock."""

from __future__ import annotations

from librt.vecs import vec
from mypy_extensions import i64

from .alarms import Alarms
from .alert_levels import MarginAlerts
from .algos import Brackets, Links, Triggers
from .ids import ClientIds, OrderIds
from .liquidations import Liquidations
from .log import EventLog
from .market import Market
from .packed import column
from .pending import Pending, TakerAuctions
from .quotes import Protections
from .schedule import PRICES, Schedule
from .tables import P_ACCOUNT, P_MARKET, P_MODE, P_NEXT, P_WIDTH, SPOT_MODE, Accounts, Levels, Orders, Positions
from .terms import SpecialTerms
from .transit import Payments
from .twaps import Twaps
from .types import MAX_ASSETS, NEVER, NIL, PPM, min_i64
from .volumes import Volumes
from .windows import Windows


class State:
    def __init__(self, markets: i64, assets: i64, orders: i64, accounts: i64) -> None:
        assert 1 <= assets <= MAX_ASSETS
        self.now: i64 = 0
        self.started: bool = False
        self.awaits_prices: bool = False  # is another price of this moment to come, before anything reacts to the ones that have?
        self.orders: Orders = Orders(orders)
        self.levels: Levels = Levels(orders)
        self.terms: SpecialTerms = SpecialTerms(orders)
        self.accounts: Accounts = Accounts(accounts, assets)
        self.positions: Positions = Positions(accounts * 2 + 2 * markets)
        self.markets: list[Market] = []
        number: i64 = 0
        while number < markets:
            self.markets.append(Market(number))
            number += 1
        self.order_ids: OrderIds = OrderIds(1 << 13)
        self.no_client_ids: ClientIds = ClientIds()  # of every account that has not had any
        self.client_ids: list[ClientIds] = []  # by account
        self.liquidations: Liquidations = Liquidations()
        self.alarms: Alarms = Alarms(markets, accounts, self.positions.rows)  # follows from the rest: not in snapshots nor the hash
        self.schedule: Schedule = Schedule()
        self.log: EventLog = EventLog()
        self.deposits: vec[i64] = column(assets, 0)  # [micro] ever, per asset
        self.withdrawals: vec[i64] = column(assets, 0)
        self.fund_spent: vec[i64] = column(assets, 0)  # [micro] by the insurance fund, in the window below
        self.fund_window: vec[i64] = column(assets, 0)  # number of that window
        self.last_order_id: i64 = 0
        self.passes: i64 = 0  # liquidation passes so far
        self.dry_runs: i64 = 0  # so far
        self.pending: Pending = Pending()
        self.taker_auctions: TakerAuctions = TakerAuctions()
        self.triggers: Triggers = Triggers()
        self.twaps: Twaps = Twaps()
        self.margin_alerts: MarginAlerts = MarginAlerts()
        self.payments: Payments = Payments()
        self.windows: Windows = Windows()
        self.volumes: Volumes = Volumes()  # of who has traded, where fees depend on it
        self.links: Links = Links()
        self.brackets: Brackets = Brackets()
        self.protections: Protections = Protections()  # of quotes
        self.gas_ppm: i64 = PPM  # what commands cost now, of what the design says
        # Of the design
        self.max_open_orders: i64 = 0  # per account
        self.max_triggers: i64 = 0  # per account
        self.max_twaps: i64 = 0  # per account
        self.max_accounts: i64 = 0  # system accounts included
        self.max_sub_accounts: i64 = 0  # per account
        self.transfer_margin_ppm: i64 = 0  # of its notional: what an account keeps when money leaves it
        self.has_collateral: bool = False  # do other assets than the one that a market settles in count?
        self.collateral_market: vec[i64] = column(assets, NIL)  # by asset: number of the spot market that says what it is worth
        self.collateral_weight: vec[i64] = column(assets, 0)  # [ppm] of that
        self.hedge_market: vec[i64] = column(assets, NIL)  # number of the perpetual whose shorts it hedges
        self.hedged_weight: vec[i64] = column(assets, 0)  # [ppm] of the part that does
        self.max_debt: i64 = 0  # [micro] what an account may owe of an asset while others stand in for it
        self.guards_profit: bool = False  # has a market that lets nothing be built on a stale price?

    def reserve(self) -> i64:
        """Grow what a command may fill: an order and its special terms, a level, an account, an order id, and position rows in every market
        for three accounts.

        Returns for how many commands there is room.
        """
        orders = self.orders
        levels = self.levels
        accounts = self.accounts
        positions = self.positions
        opened: i64 = len(self.markets) * 3
        if orders.free == NIL:
            orders.grow()
        if levels.free == NIL:
            levels.grow()
        if self.terms.free == NIL:
            self.terms.grow()
        if accounts.count == accounts.rows:
            accounts.grow()
        if positions.live + opened > positions.rows:
            positions.grow()
        self.alarms.fit(accounts.rows, positions.rows)
        if self.order_ids.room() == 0:
            self.order_ids.grow()
        missing: i64 = accounts.rows - len(self.client_ids)
        if missing > 0:
            self.client_ids.extend([self.no_client_ids] * missing)
        room = min_i64(min_i64(orders.rows - orders.live, levels.rows - levels.live), self.order_ids.room())
        room = min_i64(room, self.terms.rows - self.terms.live)
        return min_i64(room, min_i64(accounts.rows - accounts.count, (positions.rows - positions.live) // opened))

    def own_client_ids(self, account: i64) -> ClientIds:
        """Those of an account, to put one in."""
        ids = self.client_ids[account]
        if ids is self.no_client_ids:
            ids = ClientIds()
            self.client_ids[account] = ids
        return ids

    def find_position(self, account: i64, market: i64) -> i64:
        """The position row of (account, market number), or NIL."""
        cells = self.positions.cells
        row = self.accounts.first_position[account]
        while row != NIL and cells[row + P_MARKET] != market:
            row = cells[row + P_NEXT]
        return row

    def position_row(self, account: i64, market: i64) -> i64:
        """The position row of (account, market number), opened if there is none."""
        row = self.find_position(account, market)
        if row == NIL:
            row = self.positions.open(account, market, self.markets[market].default_leverage)
            if self.markets[market].is_spot != 0:
                self.positions.cells[row + P_MODE] = SPOT_MODE
            self.link(account, row)
        return row

    def link(self, account: i64, row: i64) -> None:
        """Rows of an account are linked in the order of their markets, so that it does not matter when they were opened."""
        cells = self.positions.cells
        market = cells[row + P_MARKET]
        before: i64 = NIL
        after = self.accounts.first_position[account]
        while after != NIL and cells[after + P_MARKET] < market:
            before = after
            after = cells[after + P_NEXT]
        cells[row + P_NEXT] = after
        if before == NIL:
            self.accounts.first_position[account] = row
        else:
            cells[before + P_NEXT] = row

    def unopen(self, account: i64, row: i64) -> None:
        """Take the youngest position row off again: nothing has come of it."""
        cells = self.positions.cells
        assert row == self.positions.end - P_WIDTH, "a position row that is not the youngest"
        before: i64 = NIL
        at = self.accounts.first_position[account]
        while at != row:
            before = at
            at = cells[at + P_NEXT]
        if before == NIL:
            self.accounts.first_position[account] = cells[row + P_NEXT]
        else:
            cells[before + P_NEXT] = cells[row + P_NEXT]
        self.positions.live -= 1
        at = row
        while at < row + P_WIDTH:  # as if it had never been: the next one finds zeros
            cells[at] = 0
            at += 1

    def check(self) -> None:
        """Every table by itself, and the links between accounts and their positions."""
        self.orders.check()
        self.levels.check()
        self.terms.check()
        self.schedule.check(self.now)
        self.pending.check_waiting(self.schedule)
        self.taker_auctions.check_auctions(self.schedule, self.now)
        self.triggers.check_triggers()
        self.twaps.check_twaps(self.schedule, self.now)
        self.margin_alerts.check_alerts(self.accounts.count)
        self.volumes.check_volumes(self.accounts.count)
        self.links.check_links()
        self.brackets.check_brackets()
        self.protections.check_protections(self.now)
        self.windows.check_windows(self.schedule, len(self.markets))
        self.payments.check_payments(self.schedule, self.accounts.cash, self.accounts.assets)
        self.check_prices()
        for market in self.markets:
            market.check()
        cells = self.positions.cells
        rows: i64 = 0
        account: i64 = 0
        self.accounts.check_masters()
        while account < self.accounts.count:
            before: i64 = NIL
            row = self.accounts.first_position[account]
            while row != NIL:
                assert cells[row + P_ACCOUNT] == account and 0 <= row < self.positions.end, "a position of another account"
                assert before < cells[row + P_MARKET] < len(self.markets), "an account's positions are not in the order of their markets"
                before = cells[row + P_MARKET]
                rows += 1
                row = cells[row + P_NEXT]
            self.check_client_ids(account)
            account += 1
        assert rows == self.positions.live, "a position that no account knows"
        assert self.order_ids.count == self.orders.live, "ids of orders that are not open"

    def check_prices(self) -> None:
        """What waits for another price of this moment will not wait for longer."""
        waiting = False
        for market in self.markets:
            assert NIL <= market.requests_by <= self.pending.last_ticket, "a price for requests that have not come"
            waiting = waiting or market.requests_by != NIL
        due = self.schedule.time(PRICES, 0)
        assert self.awaits_prices == waiting and due == (self.now + 1 if waiting else NEVER), "prices that nobody will react to"

    def check_client_ids(self, account: i64) -> None:
        ids = self.client_ids[account]
        ids.check()
        assert ids is not self.no_client_ids or (ids.count == 0 and ids.closed == 0), "the record of those without client ids was used"
        assert ids.count <= self.accounts.open_orders[account], "more client ids than open orders"
