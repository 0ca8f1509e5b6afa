"""The command table: which desk carries a command out. An `Exchange` has the desks, and says when a command's time has come."""

from __future__ import annotations

from librt.vecs import vec
from mypy_extensions import i64

from .algos.ladders import LadderDesk
from .algos.orders import AlgoOrders
from .liquidation.lifecycle import Lifecycle
from .liquidation.maintenance import MaintenanceDesk
from .liquidation.passes import LiquidationPass
from .liquidation.prices import PriceDesk
from .liquidation.settlement import MarketDesk
from .schema import columns as c
from .schema import kinds as k
from .schema.door import Door
from .state.types import NIL
from .trading.accounts import AccountDesk
from .trading.entry import OrderEntry
from .trading.liquidity import LiquidityDesk


class Commands(AlgoOrders):
    """Every method returns the reason of a refusal, or 0."""

    entry: OrderEntry
    ladders: LadderDesk
    accounts: AccountDesk
    liquidity_desk: LiquidityDesk
    lifecycle: Lifecycle
    liquidations: LiquidationPass
    prices: PriceDesk
    market_desk: MarketDesk
    maintenance: MaintenanceDesk
    door: Door

    def carry_out(self, rows: vec[i64], at: i64) -> i64:
        """Dispatch one examined command, the most frequent first; returns the reason of a refusal, or 0."""
        kind = rows[at + c.KIND]
        if kind == k.C_PLACE:
            return self.entry.place(rows, at)
        if kind == k.C_CANCEL:
            return self.entry.cancel(rows[at + c.CANCEL_ACCOUNT], rows[at + c.CANCEL_ORDER_ID])
        if kind == k.C_CANCEL_CLIENT:
            return self.entry.cancel_client(
                rows[at + c.CANCEL_CLIENT_ACCOUNT], rows[at + c.CANCEL_CLIENT_HI], rows[at + c.CANCEL_CLIENT_LO]
            )
        if kind == k.C_AMEND:
            return self.entry.amend(
                rows[at + c.AMEND_ACCOUNT], rows[at + c.AMEND_ORDER_ID], rows[at + c.AMEND_PRICE], rows[at + c.AMEND_SIZE]
            )
        if kind == k.C_TICK:
            return 0
        if kind == k.C_UPDATE_ORACLE:
            return self.update_oracle(
                rows[at + c.ORACLE_MARKET], rows[at + c.ORACLE_PRICE], rows[at + c.ORACLE_PERP_MEDIAN], rows[at + c.ORACLE_MORE]
            )
        if kind == k.C_CANCEL_ALL:
            return self.entry.cancel_all(rows[at + c.CANCEL_ALL_ACCOUNT], rows[at + c.CANCEL_ALL_MARKET])
        if kind == k.C_SET_MARGIN_ALERT:
            return self.liquidations.alerts.set(
                rows[at + c.MARGIN_ALERT_ACCOUNT], rows[at + c.MARGIN_ALERT_ASSET], rows[at + c.MARGIN_ALERT_NUMBER],
                rows[at + c.MARGIN_ALERT_THRESHOLD_PPM], rows[at + c.MARGIN_ALERT_HYSTERESIS_PPM],
            )  # fmt: skip
        if kind == k.C_CANCEL_ALL_AFTER:
            return self.entry.cancel_all_after(rows[at + c.CANCEL_AFTER_ACCOUNT], rows[at + c.CANCEL_AFTER_DELAY])
        if kind == k.C_SET_ACCOUNT_MODE:
            return self.entry.set_mode(rows[at + c.ACCOUNT_MODE_ACCOUNT], rows[at + c.ACCOUNT_MODE_MODE])
        if kind == k.C_TAKE_AUCTION:
            return self.auction_desk.bid(
                rows[at + c.AUCTION_ACCOUNT], rows[at + c.AUCTION_NUMBER], rows[at + c.AUCTION_SHARE_PPM],
                rows[at + c.AUCTION_MINIMUM_GAIN],
            )  # fmt: skip
        return self.carry_out_algo(kind, rows, at)

    def carry_out_algo(self, kind: i64, rows: vec[i64], at: i64) -> i64:
        """Commands about orders that the venue sends later, or several at a time."""
        if kind == k.C_PLACE_TRIGGER:
            return self.trigger_desk.place(rows, at)
        if kind == k.C_PLACE_BRACKET:
            return self.place_bracket(rows, at)
        if kind == k.C_LINK_OCO:
            return self.link(rows[at + c.OCO_ACCOUNT], rows[at + c.OCO_FIRST], rows[at + c.OCO_SECOND], rows[at + c.OCO_ALONE])
        if kind == k.C_PLACE_LADDER:
            return self.place_ladder(rows, at)
        if kind == k.C_PLACE_TWAP:
            return self.place_twap(rows, at)
        if kind == k.C_MASS_QUOTE:
            return self.mass_quote(rows, at)
        if kind == k.C_SET_QUOTE_PROTECTION:
            return self.quotes.protect(
                rows[at + c.PROTECTION_ACCOUNT], rows[at + c.PROTECTION_MARKET], rows[at + c.PROTECTION_WINDOW],
                rows[at + c.PROTECTION_FILLS], rows[at + c.PROTECTION_LOTS],
            )  # fmt: skip
        return self.carry_out_for_venue(kind, rows, at)

    def carry_out_for_venue(self, kind: i64, rows: vec[i64], at: i64) -> i64:
        """Commands of the operator about markets."""
        if kind == k.C_SET_MARKET_STATUS:
            return self.set_status(rows[at + c.STATUS_MARKET], rows[at + c.STATUS_STATUS], rows[at + c.STATUS_PRICE])
        if kind == k.C_SCHEDULE_MAINTENANCE:
            return self.maintenance.plan(
                rows[at + c.MAINTENANCE_MARKET], rows[at + c.MAINTENANCE_START], rows[at + c.MAINTENANCE_END],
                rows[at + c.MAINTENANCE_DURING], rows[at + c.MAINTENANCE_AFTERWARDS],
            )  # fmt: skip
        if kind == k.C_CANCEL_MAINTENANCE:
            return self.maintenance.cancel(rows[at + c.CANCEL_MAINTENANCE_NUMBER])
        if kind == k.C_BLOCK_TRADE:
            return self.accounts.block_trade(
                rows[at + c.BLOCK_BUYER], rows[at + c.BLOCK_SELLER], rows[at + c.BLOCK_MARKET], rows[at + c.BLOCK_SIZE],
                rows[at + c.BLOCK_PRICE],
            )  # fmt: skip
        if kind == k.C_SET_FUNDING:
            return self.funding.set_rate(rows[at + c.FUNDING_MARKET], rows[at + c.FUNDING_MODE], rows[at + c.FUNDING_RATE_PPT])
        if kind == k.C_SET_GAS:
            return self.sequencer.gas.set(rows[at + c.GAS_MULTIPLIER_PPM])
        return self.carry_out_for_account(kind, rows, at)

    def set_status(self, number: i64, status: i64, price: i64) -> i64:
        """Requests about a market that is settled have their turn: no price comes any more for which they could wait."""
        reason = self.market_desk.set_status(number, status, price)
        if reason == 0 and status == k.SETTLED:
            self.run_requests(self.state.markets[number], self.state.pending.last_ticket)
        return reason

    def place_ladder(self, rows: vec[i64], at: i64) -> i64:
        """Each order of a ladder is carried out as if it had come by itself, and told where it is refused."""
        ladders = self.ladders
        reason = ladders.refused(rows, at)
        if reason != 0:
            return reason
        ladders.begin(rows, at)
        number: i64 = 0
        while number < rows[at + c.LADDER_COUNT]:
            ladders.make(rows, at, number)
            reason = self.send_for(ladders.row, 0, 0)
            if reason != 0:
                self.sequencer.refusals.tell(ladders.row, 0, reason)
            number += 1
        return 0

    def alert(self, rows: vec[i64], at: i64) -> None:
        """Look at the margin alerts of those whom a command names that was carried out."""
        kind = rows[at + c.KIND]
        account = self.door.named_value(rows, at, 0, NIL)
        if account != NIL:
            self.liquidations.alerts.look(account)
        if kind == k.C_TRANSFER or kind == k.C_BLOCK_TRADE:
            self.liquidations.alerts.look(rows[at + c.TRANSFER_TO])  # the seller of a block trade is there as well

    def mass_quote(self, rows: vec[i64], at: i64) -> i64:
        """Its orders are several, and the tables have room for one."""
        reason = self.quotes.replace(rows, at)
        self.room = self.state.reserve()
        return reason

    def update_oracle(self, number: i64, price: i64, perp_median: i64, more: i64) -> i64:
        """An oracle price, the mark that follows from it, and what reacts to both, unless `more` prices of this moment are to come."""
        reason = self.prices.update_oracle(number, price, perp_median)
        if reason == 0:
            market = self.state.markets[number]
            has_moved = self.prices.move_mark(market)
            market.requests_by = self.state.pending.last_ticket
            if more != 0:
                self.prices.wait_for_more()
            else:
                self.react_to_prices(has_moved)
        return reason

    def react_to_prices(self, has_moved: bool) -> None:
        """Requests that waited for the prices that have come, then triggers, and then whoever is to be liquidated."""
        if self.state.awaits_prices:
            self.prices.stop_waiting()
            has_moved = has_moved or self.lifecycle.has_unexamined()
        for market in self.state.markets:
            if market.requests_by != NIL:
                by = market.requests_by
                market.requests_by = NIL
                self.run_requests(market, by)
        self.run_algos()
        if has_moved:
            self.liquidations.run()

    def carry_out_for_account(self, kind: i64, rows: vec[i64], at: i64) -> i64:
        """Commands about money and settings. Money that came in may end a liquidation at once, and its auction with it."""
        desk = self.accounts
        account = rows[at + c.PAYMENT_ACCOUNT]
        if kind == k.C_OPEN_ACCOUNT:
            return desk.open(rows[at + c.OPEN_ACCOUNT_KIND], rows[at + c.OPEN_ACCOUNT_OWNER], NIL)
        if kind == k.C_OPEN_SUB_ACCOUNT:
            return desk.open_sub(account)
        if kind == k.C_DEPOSIT:
            return self.recovered(desk.deposit(account, rows[at + c.PAYMENT_ASSET], rows[at + c.PAYMENT_AMOUNT]), account)
        if kind == k.C_WITHDRAW:
            return desk.withdraw(account, rows[at + c.PAYMENT_ASSET], rows[at + c.PAYMENT_AMOUNT])
        if kind == k.C_DEBIT:
            return self.harmed(
                desk.debit(account, rows[at + c.DEBIT_ASSET], rows[at + c.DEBIT_AMOUNT], rows[at + c.DEBIT_MARKET]), account
            )
        if kind == k.C_TRANSFER:
            to = rows[at + c.TRANSFER_TO]
            return self.recovered(desk.transfer(account, to, rows[at + c.TRANSFER_ASSET], rows[at + c.TRANSFER_AMOUNT]), to)
        if kind == k.C_ADD_LIQUIDITY:
            return self.liquidity_desk.add(
                account, rows[at + c.ADD_LIQUIDITY_MARKET], rows[at + c.ADD_LIQUIDITY_AMOUNT], rows[at + c.ADD_LIQUIDITY_LOWER],
                rows[at + c.ADD_LIQUIDITY_UPPER],
            )  # fmt: skip
        if kind == k.C_REMOVE_LIQUIDITY:
            reason = self.liquidity_desk.remove(
                account, rows[at + c.REMOVE_LIQUIDITY_MARKET], rows[at + c.REMOVE_LIQUIDITY_SHARES], rows[at + c.REMOVE_LIQUIDITY_RANGE]
            )
            return self.recovered(reason, account)
        market = rows[at + c.SETTING_MARKET]
        value = rows[at + c.SETTING_VALUE]
        if kind == k.C_SET_LEVERAGE:
            return desk.set_leverage(account, market, value)
        if kind == k.C_SET_MARGIN_MODE:
            return desk.set_margin_mode(account, market, value)
        assert kind == k.C_MOVE_ISOLATED_MARGIN, "a command that nobody carries out"
        return self.recovered(desk.move_isolated_margin(account, market, value), account)

    def withdrawable(self, account: i64, asset: i64 = 0) -> int:
        """The most that the account may withdraw now [micro]: `free_margin`, or 0 where the design's ways of money, a kill switch or a
        liquidation let nothing out."""
        return self.accounts.withdrawable(self.known_account(account), self.known_asset(asset))

    def is_flat(self, account: i64, but: i64 = -1) -> bool:
        """Does the account hold and offer nothing: no position, liquidity, order, trigger, TWAP or bracket, waiting ones included? `but`: a
        market whose position does not count."""
        return self.accounts.payments.is_flat(self.known_account(account), but)

    def arrive(self, number: i64) -> None:
        """A payment is due: money that has come in may end a liquidation at once."""
        account = self.accounts.payments.arrive(number)
        if account != NIL:
            self.lifecycle.recover(account)
            if self.state.margin_alerts.live != 0:
                self.liquidations.alerts.look(account)

    def recovered(self, reason: i64, account: i64) -> i64:
        if reason == 0:
            self.lifecycle.recover(account)
        return reason

    def harmed(self, reason: i64, account: i64) -> i64:
        if reason == 0:
            self.lifecycle.touch(account)
            if not self.state.awaits_prices:
                self.liquidations.run()
        return reason
