"""Read-only questions about an account: what it has, what it owes, what it has open and what is on its way."""

from __future__ import annotations

from librt.vecs import vec
from mypy_extensions import i64

from .money.collateral import collateral
from .money.exchanges import withdrawable
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
from .money.thresholds import threshold_price
from .queries import Queries
from .schema import columns as c
from .schema import kinds as k
from .schema.kinds import CROSS, ISOLATED
from .schema.views import OpenAlert, OpenOrder, OpenPayment, Position, RequirementLine, Waiting
from .state.alert_levels import M_ASSET, M_BELOW, M_HYSTERESIS, M_NUMBER, M_THRESHOLD
from .state.algos import B_ACCOUNT
from .state.pending import W_ACCOUNT, W_DUE, W_MARKET, W_RANK
from .state.schedule import PAYMENT, REQUEST_EXPIRY
from .state.tables import (
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
    P_SIZE,
    SPOT_MODE,
)
from .state.terms import T_DISPLAY, T_EXPIRES, T_QUOTE
from .state.transit import Y_ACCOUNT, Y_AMOUNT, Y_ASSET, Y_COMMAND, Y_TO
from .state.types import NIL, min_i64
from .trading.open_orders import client_order, open_lots


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


class AccountQueries(Queries):
    """Raises ValueError for an account, market or asset that the venue does not have."""

    def pending(self, account: i64) -> list[Waiting]:
        """The account's commands that wait to be carried out, by their tickets."""
        waiting = self.state.pending
        found: list[Waiting] = []
        for ticket in waiting.of(self.known_account(account)):
            found.append(waiting_view(waiting.cells, waiting.find(ticket), ticket))
        return found

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
        pools are not among it, nor other assets that stand in for this one."""
        state = self.state
        total = cross_equity(state, self.known_account(account), self.known_asset(asset))
        if state.has_collateral:
            total -= collateral(state, account, asset, NIL, 0)
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
        is_quote: i64 = 0
        linked: i64 = 0
        if terms != NIL:  # a linked order has some
            linked = self.state.links.partner(orders[slot + O_ORDER_ID])
            expires = self.state.terms.cells[terms + T_EXPIRES]
            display = self.state.terms.cells[terms + T_DISPLAY]
            is_quote = self.state.terms.cells[terms + T_QUOTE]
        return OpenOrder(
            orders[slot + O_ORDER_ID], orders[slot + O_ACCOUNT], orders[slot + O_MARKET], orders[slot + O_SIDE], orders[slot + O_PRICE],
            open_lots(self.state, slot), orders[slot + O_FILLED], orders[slot + O_TIF], orders[slot + O_REDUCE_ONLY],
            orders[slot + O_CLIENT_HI], orders[slot + O_CLIENT_LO], expires, display, is_quote, linked,
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
        """What positions and open orders require [micro]: equity less `available_margin`."""
        equity = cross_equity(self.state, self.known_account(account), self.known_asset(asset))
        return equity - available_margin(self.state, account, asset)

    def positions_initial(self, account: i64, asset: i64 = 0) -> int:
        """What cross positions alone require [micro]: what an account must meet after a fill."""
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
        """The account's margin in an asset line by line: equity adds up to `equity`, initial to `initial_margin`, maintenance to
        `maintenance_margin`; equity less initial is `available_margin`."""
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

    # -- settings and what is on its way -------------------------------------------------------------------------------------------

    def account_mode(self, account: i64) -> int:
        """What the account's kill switch lets in (AccountMode)."""
        return self.state.accounts.mode[self.known_account(account)]

    def margin_alerts(self, account: i64) -> list[OpenAlert]:
        """The margin alerts that the account has set, by asset and number."""
        alerts = self.state.margin_alerts
        found: list[OpenAlert] = []
        for at in alerts.of(self.known_account(account)):
            row: i64 = at
            cells = alerts.cells
            found.append(OpenAlert(
                cells[row + M_ASSET], cells[row + M_NUMBER], cells[row + M_THRESHOLD], cells[row + M_HYSTERESIS],
                min_i64(1, cells[row + M_BELOW]),
            ))  # fmt: skip
        return found

    def count_payments(self, account: i64) -> int:
        """How many payments are under way from the account or to it."""
        return self.state.payments.count_of(self.known_account(account))

    def payments(self, account: i64, most: int | None = None) -> list[OpenPayment]:
        """Money that is under way from the account or to it, by number: all, or the first `most`."""
        payments = self.state.payments
        found: list[OpenPayment] = []
        for number in payments.of(self.known_account(account)):
            if most is not None and len(found) >= most:
                break
            row = payments.find(number)
            cells = payments.cells
            found.append(OpenPayment(
                number, cells[row + Y_COMMAND], cells[row + Y_ACCOUNT], cells[row + Y_TO], cells[row + Y_ASSET], cells[row + Y_AMOUNT],
                self.state.schedule.time(PAYMENT, number),
            ))  # fmt: skip
        return found

    def linked_with(self, order_id: i64) -> int:
        """Id of the open order or trigger that this one cancels, and is cancelled by (OCO); 0: none."""
        return self.state.links.partner(order_id)

    def goes_along(self, order_id: i64) -> int:
        """Id of the open order or trigger that is cancelled, too, when this one's owner takes it back: what it is linked with, but for
        links of ones that leave each other `alone`; 0: none."""
        return self.state.links.goes_along(order_id)

    def bracket_owner(self, order_id: i64) -> int:
        """The account whose bracket has this entry, as long as it may fill; -1: there is no such bracket."""
        brackets = self.state.brackets
        row = brackets.find(order_id)
        return brackets.cells[row + B_ACCOUNT] if row != NIL else -1
