"""Commands about money and settings: deposit, withdraw, transfer, leverage, margin mode, isolated margin, block trades.

Every method returns the reason of a refusal, 0 if the command was carried out. Nothing voluntary leaves an account below the initial
requirement of its positions and orders.
"""

from __future__ import annotations

from mypy_extensions import i64

from ..money.ledger import Ledger
from ..money.margin import (
    allows_change,
    available_margin,
    cross_equity,
    is_profit_stale,
    isolated_shortage,
    outflow_room,
    row_equity,
    row_initial,
    row_notional,
    row_order_initial,
    stale_profit,
    sure_equity,
    transfer_margin,
)
from ..schema import kinds as k
from ..state.tables import State
from ..state.types import FIRST_USER, HALTED, ISOLATED, MAX_FLOW, MAX_NOTIONAL, MAX_SUPPLY, NIL, SETTLED, abs_i64
from .entry import OrderEntry
from .matching import Matcher, added_interest, reduces


class AccountDesk:
    def __init__(self, state: State, ledger: Ledger, matcher: Matcher, entry: OrderEntry) -> None:
        self.state: State = state
        self.ledger: Ledger = ledger
        self.matcher: Matcher = matcher
        self.entry: OrderEntry = entry

    def open(self, kind: i64, owner: i64) -> i64:
        accounts = self.state.accounts
        if accounts.count >= self.state.max_accounts:
            return k.R_ACCOUNT_LIMIT
        account = accounts.new_row()
        accounts.kind[account] = kind
        accounts.owner[account] = owner
        self.state.log.emit(k.E_ACCOUNT_OPENED, self.state.now, account, kind, owner)
        return 0

    def user_and_asset(self, account: i64, asset: i64) -> i64:
        if account >= self.state.accounts.count:
            return k.R_UNKNOWN_ACCOUNT
        if asset >= self.state.accounts.assets:
            return k.R_UNKNOWN_ASSET
        return k.R_SYSTEM_ACCOUNT if account < FIRST_USER else 0

    def deposit(self, account: i64, asset: i64, amount: i64) -> i64:
        reason = self.user_and_asset(account, asset)
        if reason != 0:
            return reason
        if self.state.deposits[asset] - self.state.withdrawals[asset] > MAX_SUPPLY - amount:
            return k.R_SUPPLY_LIMIT
        if self.state.deposits[asset] > MAX_FLOW - amount:
            return k.R_SUPPLY_LIMIT
        self.ledger.deposit(account, asset, amount)
        self.state.log.emit(k.E_DEPOSITED, self.state.now, account, asset, amount)
        return 0

    def refused_outflow(self, account: i64, asset: i64, amount: i64) -> i64:
        """May `amount` leave the account's cash?"""
        if self.state.accounts.liquidation[account] != NIL:
            return k.R_IN_LIQUIDATION
        room = outflow_room(self.state, account, asset)
        stale = stale_profit(self.state, account, asset)
        if stale > 0 and room - stale < amount:
            return k.R_ORACLE_STALE
        if room >= amount:
            return 0
        return k.R_INSUFFICIENT_BALANCE if cross_equity(self.state, account, asset) < amount else k.R_INSUFFICIENT_MARGIN

    def withdraw(self, account: i64, asset: i64, amount: i64) -> i64:
        reason = self.user_and_asset(account, asset)
        if reason == 0:
            reason = self.refused_outflow(account, asset, amount)
        if reason != 0:
            return reason
        self.ledger.withdraw(account, asset, amount)
        self.state.log.emit(k.E_WITHDRAWN, self.state.now, account, asset, amount)
        return 0

    def transfer(self, account: i64, to: i64, asset: i64, amount: i64) -> i64:
        reason = k.R_UNKNOWN_ACCOUNT if to >= self.state.accounts.count else self.user_and_asset(account, asset)
        if reason == 0:
            reason = self.user_and_asset(to, asset)
        if reason == 0 and account == to:
            reason = k.R_SAME_ACCOUNT
        if reason == 0:
            reason = self.refused_outflow(account, asset, amount)
        if reason != 0:
            return reason
        self.ledger.move(account, to, asset, amount)
        self.state.log.emit(k.E_TRANSFERRED, self.state.now, account, to, asset, amount)
        return 0

    def set_leverage(self, account: i64, market: i64, leverage: i64) -> i64:
        reason = self.entry.user_and_market(account, market)
        if reason != 0:
            return reason
        state = self.state
        if self.entry.in_liquidation(account, state.find_position(account, market)):
            return k.R_IN_LIQUIDATION
        if leverage > state.markets.max_leverage[market]:
            return k.R_LEVERAGE_LIMIT
        row = state.position_row(account, market)
        positions = state.positions
        old = positions.leverage[row]
        positions.leverage[row] = leverage
        if leverage < old and not self.still_margined(row):
            positions.leverage[row] = old
            return k.R_INSUFFICIENT_MARGIN
        state.log.emit(k.E_LEVERAGE_SET, state.now, account, market, leverage)
        return 0

    def still_margined(self, row: i64) -> bool:
        state = self.state
        positions = state.positions
        if positions.mode[row] == ISOLATED and isolated_shortage(state, row) > 0:
            return False
        if positions.size[row] == 0 and positions.bid_lots[row] == 0 and positions.ask_lots[row] == 0:
            return True
        return available_margin(state, positions.account[row], state.markets.asset[positions.market[row]]) >= 0

    def set_margin_mode(self, account: i64, market: i64, mode: i64) -> i64:
        reason = self.entry.user_and_market(account, market)
        if reason != 0:
            return reason
        state = self.state
        row = state.find_position(account, market)
        if self.entry.in_liquidation(account, row):
            return k.R_IN_LIQUIDATION
        positions = state.positions
        if row != NIL and positions.mode[row] != mode:
            if positions.size[row] != 0 or positions.first_order[row] != NIL or positions.first_reducer[row] != NIL:
                return k.R_POSITION_OPEN
        row = state.position_row(account, market)
        positions.mode[row] = mode
        state.log.emit(k.E_MARGIN_MODE_SET, state.now, account, market, mode)
        return 0

    def move_isolated_margin(self, account: i64, market: i64, amount: i64) -> i64:
        reason = self.entry.user_and_market(account, market)
        if reason != 0:
            return reason
        state = self.state
        positions = state.positions
        row = state.find_position(account, market)
        if state.accounts.liquidation[account] != NIL:
            return k.R_IN_LIQUIDATION
        if row != NIL and amount < 0 and positions.liquidation[row] != NIL:
            return k.R_IN_LIQUIDATION
        if row == NIL or positions.mode[row] != ISOLATED or positions.size[row] == 0:
            return k.R_NOT_ISOLATED
        reason = self.refused_outflow(account, state.markets.asset[market], amount) if amount > 0 else self.refused_release(row, -amount)
        if reason != 0:
            return reason
        self.ledger.to_isolated(row, amount)
        state.log.emit(k.E_ISOLATED_MARGIN_MOVED, state.now, account, market, amount, positions.isolated_margin[row])
        return 0

    def refused_release(self, row: i64, amount: i64) -> i64:
        """May `amount` leave the isolated margin of a position? Its open orders keep leaning on it, so the worse side counts."""
        state = self.state
        needed = max(row_initial(state, row), row_order_initial(state, row), transfer_margin(state, row_notional(state, row)))
        equity = row_equity(state, row)
        if is_profit_stale(state, state.positions.market[row]) and sure_equity(state, row) < equity:
            if sure_equity(state, row) - amount < needed:
                return k.R_ORACLE_STALE
        if equity - amount < needed:
            return k.R_INSUFFICIENT_MARGIN
        return k.R_INSUFFICIENT_BALANCE if state.positions.isolated_margin[row] < amount else 0

    def block_trade(self, buyer: i64, seller: i64, market: i64, size: i64, price: i64) -> i64:
        reason = k.R_UNKNOWN_ACCOUNT if seller >= self.state.accounts.count else self.entry.user_and_market(buyer, market)
        if reason == 0:
            reason = self.entry.user_and_market(seller, market)
        if reason == 0:
            reason = self.refused_block(buyer, seller, market, size, price)
        if reason != 0:
            return reason
        state = self.state
        buyer_row = state.position_row(buyer, market)
        seller_row = state.position_row(seller, market)
        positions = state.positions
        value = size * price * state.markets.unit[market]
        if not (
            allows_change(state, buyer_row, size, value, 0, reduces(positions.size[buyer_row], size))
            and allows_change(state, seller_row, -size, -value, 0, reduces(positions.size[seller_row], -size))
        ):
            return k.R_INSUFFICIENT_MARGIN
        self.matcher.change_position(buyer_row, size, value, 0, True)
        self.matcher.change_position(seller_row, -size, value, 0, True)
        self.matcher.open.sync_reducers(buyer_row)
        self.matcher.open.sync_reducers(seller_row)
        state.log.emit(k.E_BLOCK_TRADED, state.now, buyer, seller, market, size, price)
        return 0

    def refused_block(self, buyer: i64, seller: i64, market: i64, size: i64, price: i64) -> i64:
        state = self.state
        markets = state.markets
        if buyer == seller:
            return k.R_SAME_ACCOUNT
        buyer_row = state.find_position(buyer, market)
        seller_row = state.find_position(seller, market)
        if self.entry.in_liquidation(buyer, buyer_row) or self.entry.in_liquidation(seller, seller_row):
            return k.R_IN_LIQUIDATION
        if markets.status[market] == SETTLED:
            return k.R_MARKET_SETTLED
        if markets.status[market] == HALTED:
            return k.R_MARKET_HALTED
        if markets.mark[market] == 0:
            return k.R_NO_MARK_PRICE
        if price > markets.max_price[market]:
            return k.R_PRICE_LIMIT
        held = state.positions.size[buyer_row] if buyer_row != NIL else 0
        sold = state.positions.size[seller_row] if seller_row != NIL else 0
        if size > MAX_NOTIONAL // (price * markets.unit[market]) or size > markets.max_lots[market]:
            return k.R_NOTIONAL_LIMIT
        if abs_i64(held + size) > markets.max_lots[market] or abs_i64(sold - size) > markets.max_lots[market]:
            return k.R_NOTIONAL_LIMIT
        if self.matcher.exceeds_cap(market, added_interest(held, sold, size)):
            return k.R_OPEN_INTEREST_CAP
        return 0
