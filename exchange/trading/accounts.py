"""Commands about money and settings: deposit, withdraw, transfer, leverage, margin mode, isolated margin, block trades.

Every method returns the reason of a refusal, 0 if the command was carried out. Nothing voluntary leaves an account below the initial
requirement of its positions and orders.
"""

from __future__ import annotations

from mypy_extensions import i64

from ..money.collateral import is_profit_stale
from ..money.exchanges import refused_collateral, withdrawable
from ..money.ledger import Ledger
from ..money.margin import (
    allows_change,
    available_margin,
    cross_equity,
    free_margin,
    isolated_shortage,
    market_of,
    outflow_room,
    row_equity,
    row_initial,
    row_notional,
    row_order_initial,
    sure_equity,
    transfer_margin,
)
from ..money.payoff import lot_value, value_of
from ..schema import kinds as k
from ..state.market import Market
from ..state.state import State
from ..state.tables import (
    P_ASK_LOTS,
    P_BID_LOTS,
    P_FIRST_ORDER,
    P_FIRST_REDUCER,
    P_ISOLATED_MARGIN,
    P_LEVERAGE,
    P_LIQUIDATION,
    P_MODE,
    P_SIZE,
)
from ..state.types import FIRST_USER, MAX_FLOW, MAX_NOTIONAL, MAX_SUPPLY, NIL, TRANSIT, abs_i64, max_i64, min_i64
from .access import in_liquidation, reduces, refused_frozen, refused_risk, refused_user, refused_user_in_market, refused_user_with_asset
from .matching import Matcher
from .payments import PaymentDesk
from .planning import added_interest, exceeds_cap


class AccountDesk:
    def __init__(self, state: State, ledger: Ledger, matcher: Matcher) -> None:
        self.state: State = state
        self.ledger: Ledger = ledger
        self.matcher: Matcher = matcher
        self.payments: PaymentDesk = PaymentDesk(state, ledger)

    def open(self, kind: i64, owner: i64, master: i64) -> i64:
        """The next account; `master`: whose sub-account it is, NIL: it is none."""
        accounts = self.state.accounts
        if accounts.count >= self.state.max_accounts:
            return k.R_ACCOUNT_LIMIT
        account = accounts.new_row()
        accounts.kind[account] = kind
        accounts.owner[account] = owner
        accounts.master[account] = master
        if master != NIL:
            accounts.subs[master] += 1
        self.state.log.emit(k.E_ACCOUNT_OPENED, self.state.now, account, kind, owner, master)
        return 0

    def open_sub(self, master: i64) -> i64:
        """Of the same owner and kind as its master. A sub-account opens none, so that the limit holds for all that one account brings."""
        state = self.state
        accounts = state.accounts
        reason = refused_user(state, master)
        if reason == 0:
            reason = refused_frozen(state, master)
        if reason != 0:
            return reason
        if accounts.master[master] != NIL:
            return k.R_IS_SUB_ACCOUNT
        if accounts.subs[master] >= state.max_sub_accounts:
            return k.R_SUB_ACCOUNT_LIMIT
        return self.open(accounts.kind[master], accounts.owner[master], master)

    # -- money -------------------------------------------------------------------------------------------------------------------

    def deposit(self, account: i64, asset: i64, amount: i64) -> i64:
        state = self.state
        reason = refused_user_with_asset(state, account, asset)
        if reason != 0:
            return reason
        if state.deposits[asset] - state.withdrawals[asset] > MAX_SUPPLY - amount or state.deposits[asset] > MAX_FLOW - amount:
            return k.R_SUPPLY_LIMIT
        desk = self.payments
        self.hold(account, asset)
        if desk.deposit_delay != 0:
            self.ledger.deposit(TRANSIT, asset, amount)
            desk.send(k.C_DEPOSIT, account, account, asset, amount, desk.deposit_delay)
            return 0
        self.ledger.deposit(account, asset, amount)
        state.log.emit(k.E_DEPOSITED, state.now, account, asset, amount)
        return 0

    def hold(self, account: i64, asset: i64) -> None:
        """Who gets, now or later, what stands in for cash gets a row in its spot market: none can be opened when it has to be sold."""
        number = self.state.collateral_market[asset]
        if number != NIL and account >= FIRST_USER:
            self.state.position_row(account, number)
            self.state.alarms.hold(account)

    def refused_outflow(self, account: i64, asset: i64, amount: i64) -> i64:
        """May `amount` leave the account's cash?"""
        state = self.state
        if in_liquidation(state, account, NIL):
            return k.R_IN_LIQUIDATION
        room = outflow_room(state, account, asset)
        sure = free_margin(state, account, asset)
        if sure < room and sure < amount:
            return k.R_ORACLE_STALE
        if room >= amount:
            return refused_collateral(state, account, asset, amount)
        return k.R_INSUFFICIENT_BALANCE if cross_equity(state, account, asset) < amount else k.R_INSUFFICIENT_MARGIN

    def withdraw(self, account: i64, asset: i64, amount: i64) -> i64:
        reason = refused_user_with_asset(self.state, account, asset)
        desk = self.payments
        if reason == 0:
            reason = refused_frozen(self.state, account)
        if reason == 0:
            reason = desk.refused_withdrawal(account)
        if reason == 0:
            reason = self.refused_outflow(account, asset, amount)
        if reason == 0 and amount > self.left_in_venue(asset):
            return k.R_VENUE_SHORT  # others' claims are on money that has left the venue: a curve without a pool, or losses nobody paid
        if reason != 0:
            return reason
        if desk.withdraw_delay != 0:
            self.ledger.move(account, TRANSIT, asset, amount)
            desk.send(k.C_WITHDRAW, account, NIL, asset, amount, desk.withdraw_delay)
            return 0
        self.ledger.withdraw(account, asset, amount)
        self.state.log.emit(k.E_WITHDRAWN, self.state.now, account, asset, amount)
        return 0

    def withdrawable(self, account: i64, asset: i64) -> i64:
        """The most that a withdrawal may take now [micro]; 0: it takes nothing, by the margin or by the design's ways of money."""
        state = self.state
        if refused_frozen(state, account) != 0 or self.payments.refused_withdrawal(account) != 0 or in_liquidation(state, account, NIL):
            return 0
        return max_i64(0, min_i64(withdrawable(state, account, asset), self.left_in_venue(asset)))

    def left_in_venue(self, asset: i64) -> i64:
        """[micro] of deposits that have not been withdrawn, and are not under way."""
        state = self.state
        return state.deposits[asset] - state.withdrawals[asset] - state.accounts.cash[TRANSIT * state.accounts.assets + asset]

    def debit(self, account: i64, asset: i64, amount: i64, number: i64) -> i64:
        """Take from the cash, or out of the isolated margin in market `number`, up to the equity behind it: never into debt."""
        state = self.state
        reason = refused_user_with_asset(state, account, asset)
        if reason == 0 and number != NIL:
            reason = refused_user_in_market(state, account, number)
        if reason != 0:
            return reason
        row = state.find_position(account, number) if number != NIL else NIL
        if number != NIL and state.markets[number].asset != asset:
            return k.R_UNKNOWN_ASSET
        if in_liquidation(state, account, row):
            return k.R_IN_LIQUIDATION
        if number != NIL and (row == NIL or state.positions.cells[row + P_MODE] != k.ISOLATED or state.positions.cells[row + P_SIZE] == 0):
            return k.R_NOT_ISOLATED
        equity = cross_equity(state, account, asset)
        if row != NIL:
            equity = row_equity(state, row)
        if equity < amount:
            return k.R_INSUFFICIENT_BALANCE
        if amount > self.left_in_venue(asset):
            return k.R_VENUE_SHORT  # coins may stand behind that equity, and nobody has paid in so much cash
        if row != NIL:
            self.ledger.to_isolated(row, -amount)
        self.ledger.withdraw(account, asset, amount)
        state.log.emit(k.E_DEBITED, state.now, account, asset, amount, number)
        return 0

    def transfer(self, account: i64, to: i64, asset: i64, amount: i64) -> i64:
        state = self.state
        reason = k.R_UNKNOWN_ACCOUNT if to >= state.accounts.count else refused_user_with_asset(state, account, asset)
        if reason == 0:
            reason = refused_user_with_asset(state, to, asset)
        if reason == 0 and account == to:
            reason = k.R_SAME_ACCOUNT
        desk = self.payments
        if reason == 0:
            reason = refused_frozen(state, account)
        if reason == 0:
            reason = desk.refused_transfer(account, to)
        if reason == 0:
            reason = self.refused_outflow(account, asset, amount)
        if reason != 0:
            return reason
        self.hold(to, asset)
        if desk.transfer_delay != 0:
            self.ledger.move(account, TRANSIT, asset, amount)
            desk.send(k.C_TRANSFER, account, to, asset, amount, desk.transfer_delay)
            return 0
        self.ledger.move(account, to, asset, amount)
        state.log.emit(k.E_TRANSFERRED, state.now, account, to, asset, amount)
        return 0

    # -- settings ----------------------------------------------------------------------------------------------------------------

    def set_leverage(self, account: i64, market: i64, leverage: i64) -> i64:
        state = self.state
        reason = refused_user_in_market(state, account, market)
        if reason == 0:
            reason = refused_frozen(state, account)
        if reason != 0:
            return reason
        if in_liquidation(state, account, state.find_position(account, market)):
            return k.R_IN_LIQUIDATION
        if state.markets[market].is_spot != 0:
            return k.R_SPOT_MARKET
        if leverage > state.markets[market].max_leverage:
            return k.R_LEVERAGE_LIMIT
        row = state.position_row(account, market)
        cells = state.positions.cells
        old = cells[row + P_LEVERAGE]
        cells[row + P_LEVERAGE] = leverage
        if leverage < old and not self.still_margined(state.markets[market], account, row):
            cells[row + P_LEVERAGE] = old
            return k.R_INSUFFICIENT_MARGIN
        state.log.emit(k.E_LEVERAGE_SET, state.now, account, market, leverage)
        return 0

    def still_margined(self, market: Market, account: i64, row: i64) -> bool:
        cells = self.state.positions.cells
        if cells[row + P_MODE] == k.ISOLATED and isolated_shortage(self.state, row) > 0:
            return False
        if cells[row + P_SIZE] == 0 and cells[row + P_BID_LOTS] == 0 and cells[row + P_ASK_LOTS] == 0:
            return True
        return available_margin(self.state, account, market.asset) >= 0

    def set_margin_mode(self, account: i64, market: i64, mode: i64) -> i64:
        state = self.state
        reason = refused_user_in_market(state, account, market)
        if reason == 0:
            reason = refused_frozen(state, account)
        if reason != 0:
            return reason
        if state.markets[market].is_spot != 0:
            return k.R_SPOT_MARKET
        row = state.find_position(account, market)
        if in_liquidation(state, account, row):
            return k.R_IN_LIQUIDATION
        cells = state.positions.cells
        if row != NIL and cells[row + P_MODE] != mode:
            if cells[row + P_SIZE] != 0 or cells[row + P_FIRST_ORDER] != NIL or cells[row + P_FIRST_REDUCER] != NIL:
                return k.R_POSITION_OPEN
        cells[state.position_row(account, market) + P_MODE] = mode
        state.log.emit(k.E_MARGIN_MODE_SET, state.now, account, market, mode)
        return 0

    def move_isolated_margin(self, account: i64, market: i64, amount: i64) -> i64:
        state = self.state
        reason = refused_user_in_market(state, account, market)
        if reason == 0 and amount <= 0:
            reason = refused_frozen(state, account)
        if reason != 0:
            return reason
        cells = state.positions.cells
        row = state.find_position(account, market)
        if in_liquidation(state, account, NIL):
            return k.R_IN_LIQUIDATION
        if row != NIL and amount < 0 and cells[row + P_LIQUIDATION] != 0:
            return k.R_IN_LIQUIDATION
        if row == NIL or cells[row + P_MODE] != k.ISOLATED or cells[row + P_SIZE] == 0:
            return k.R_NOT_ISOLATED
        if amount > 0:
            reason = self.refused_outflow(account, state.markets[market].asset, amount)
        else:
            reason = self.refused_release(row, -amount)
        if reason != 0:
            return reason
        self.ledger.to_isolated(row, amount)
        state.log.emit(k.E_ISOLATED_MARGIN_MOVED, state.now, account, market, amount, cells[row + P_ISOLATED_MARGIN])
        return 0

    def refused_release(self, row: i64, amount: i64) -> i64:
        """May `amount` leave the isolated margin of a position? Its open orders keep leaning on it, so the worse side counts."""
        state = self.state
        cells = state.positions.cells
        market = market_of(state, row)
        with_orders = row_order_initial(market, cells, row)
        needed = max(row_initial(state, row), with_orders, transfer_margin(state, row_notional(state, row)))
        equity = row_equity(state, row)
        if is_profit_stale(market, state.now) and sure_equity(state, row) < equity:
            if sure_equity(state, row) - amount < needed:
                return k.R_ORACLE_STALE
        if equity - amount < needed:
            return k.R_INSUFFICIENT_MARGIN
        return k.R_INSUFFICIENT_BALANCE if cells[row + P_ISOLATED_MARGIN] < amount else 0

    # -- block trades ------------------------------------------------------------------------------------------------------------

    def block_trade(self, buyer: i64, seller: i64, number: i64, size: i64, price: i64) -> i64:
        state = self.state
        reason = k.R_UNKNOWN_ACCOUNT if seller >= state.accounts.count else refused_user_in_market(state, buyer, number)
        if reason == 0:
            reason = refused_user_in_market(state, seller, number)
        if reason == 0:
            reason = self.refused_block(buyer, seller, state.markets[number], size, price)
        if reason != 0:
            return reason
        market = state.markets[number]
        bought = state.position_row(buyer, number)
        sold = state.position_row(seller, number)
        cells = state.positions.cells
        value = value_of(market, size, price)
        if not (
            allows_change(state, market, bought, size, value, 0, reduces(cells[bought + P_SIZE], size))
            and allows_change(state, market, sold, -size, -value, 0, reduces(cells[sold + P_SIZE], -size))
        ):
            return k.R_INSUFFICIENT_MARGIN
        keeper = self.matcher.positions
        keeper.change(market, bought, size, value, 0)
        keeper.change(market, sold, -size, value, 0)
        keeper.sync_reducers(bought)
        keeper.sync_reducers(sold)
        state.log.emit(k.E_BLOCK_TRADED, state.now, buyer, seller, number, size, price)
        return 0

    def refused_side(self, account: i64, row: i64, lots: i64) -> i64:
        """May a block trade change the account's position by `lots` (signed), as far as its kill switch goes?"""
        held: i64 = 0
        if row != NIL:
            held = self.state.positions.cells[row + P_SIZE]
        return refused_frozen(self.state, account) if reduces(held, lots) else refused_risk(self.state, account)

    def refused_block(self, buyer: i64, seller: i64, market: Market, size: i64, price: i64) -> i64:
        state = self.state
        if buyer == seller:
            return k.R_SAME_ACCOUNT
        bought = state.find_position(buyer, market.number)
        sold = state.find_position(seller, market.number)
        if in_liquidation(state, buyer, bought) or in_liquidation(state, seller, sold):
            return k.R_IN_LIQUIDATION
        reason = self.refused_side(buyer, bought, size)
        if reason == 0:
            reason = self.refused_side(seller, sold, -size)
        if reason != 0:
            return reason
        if market.status == k.SETTLED:
            return k.R_MARKET_SETTLED
        if market.status == k.HALTED:
            return k.R_MARKET_HALTED
        if market.is_spot != 0:
            return k.R_SPOT_MARKET
        if market.mark == 0:
            return k.R_NO_MARK_PRICE
        if price > market.max_price:
            return k.R_PRICE_LIMIT
        cells = state.positions.cells
        long = cells[bought + P_SIZE] if bought != NIL else 0
        short = cells[sold + P_SIZE] if sold != NIL else 0
        if size > MAX_NOTIONAL // lot_value(market, price) or size > market.max_lots:
            return k.R_NOTIONAL_LIMIT
        if abs_i64(long + size) > market.max_lots or abs_i64(short - size) > market.max_lots:
            return k.R_NOTIONAL_LIMIT
        if exceeds_cap(market, added_interest(long, short, size)):
            return k.R_OPEN_INTEREST_CAP
        return 0
