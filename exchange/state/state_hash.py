"""The canonical listing of a venue's state, and its hash.

It lists what the venue's future depends on, by account, market, price and time, never by slot or capacity, so that a change of the
tables keeps the hashes. Event numbers are left out: a refused command then leaves exactly the state that a Tick would.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from .alert_levels import M_LINK
from .algos import B_ALONE, G_LINK, L_ALONE
from .ids import HI, LO, ORDER_ID, OUTCOME
from .market import Market
from .pending import A_DISPLAY, A_EXPIRES, A_LINK, A_PARENT, W_LINK, W_ORDER_ID, W_PARENT
from .quotes import Q_LINK
from .state import State
from .tables import (
    L_HEAD,
    L_PRICE,
    L_TOP,
    O_ACCOUNT,
    O_CLIENT_HI,
    O_CLIENT_LO,
    O_FILLED,
    O_NEXT,
    O_NEXT_OWN,
    O_ORDER_ID,
    O_REDUCE_ONLY,
    O_SELF_TRADE,
    O_SIZE,
    O_TERMS,
    O_TIF,
    P_ACCRUAL,
    P_ASK_LOTS,
    P_ASK_NOTIONAL,
    P_BID_LOTS,
    P_BID_NOTIONAL,
    P_ENTRY,
    P_FIRST_ORDER,
    P_FIRST_REDUCER,
    P_ISOLATED_MARGIN,
    P_LEVERAGE,
    P_MARKET,
    P_MODE,
    P_NEXT,
    P_OPENED,
    P_PAID_IN,
    P_REALISED,
    P_REDUCERS,
    P_SHARES,
    P_SHARES_SINCE,
    P_SIZE,
    SPOT_MODE,
)
from .terms import T_FREE
from .transit import Y_LINK
from .twaps import TW_LINK
from .types import CLOSED_IDS, NIL, PPM
from .volumes import SLOTS, V_LAST, V_MADE, V_TRADED
from .windows import N_LINK

Line = tuple[str | int, ...]

MARKET_FIELDS = (
    "status", "suspended_since", "oracle", "oracle_ts", "perp_median", "mark", "last", "last_ts", "open_interest", "unexamined",
    "accrual_long", "accrual_short", "residue", "basis_average", "basis_weight", "local_average", "local_weight", "mark_ts",
    "premium_sum", "premium_count", "premium_missed", "funding_deferred", "funding_carry", "fund_spent", "fund_window",
)  # fmt: skip
AVERAGES = (  # of rules that keep some; a market without such a rule has no line of them
    "market_twap", "oracle_twap", "pace", "pace_carry", "pace_mean", "pace_rest", "traded_lots", "traded_value", "premium_sum",
    "premium_weight", "premium_pending", "curve_short", "curve_long", "curve_premium", "dynamic_fee", "surcharge",
)  # fmt: skip
POSITION_COLUMNS = (
    P_MODE, P_LEVERAGE, P_ISOLATED_MARGIN, P_BID_LOTS, P_ASK_LOTS, P_BID_NOTIONAL, P_ASK_NOTIONAL, P_REDUCERS, P_REALISED,
)  # fmt: skip
POOL_FIELDS = ("started", "shares", "base", "k", "root", "peg", "anchor", "bid_spread", "ask_spread", "fees", "budget")
RANGES_FIELDS = ("last", "base", "lots", "cost", "before", "fees", "paid", "carry")
RANGE_FIELDS = ("number", "owner", "lower", "upper", "liquidity", "amount", "opened", "lots", "cost", "base", "quote", "growth")
ORDER_COLUMNS = (
    O_ORDER_ID, O_ACCOUNT, O_SIZE, O_FILLED, O_TIF, O_REDUCE_ONLY, O_SELF_TRADE, O_CLIENT_HI, O_CLIENT_LO,
)  # fmt: skip


def listing(state: State) -> Iterator[Line]:
    """Every line of the state."""
    yield ("venue", int(state.now), int(state.started), int(state.last_order_id))
    for asset in range(state.accounts.assets):
        yield (
            "supply", asset, int(state.deposits[asset]), int(state.withdrawals[asset]), int(state.fund_spent[asset]),
            int(state.fund_window[asset]),
        )  # fmt: skip
    for market in state.markets:
        yield ("market", int(market.number), *(int(getattr(market, name)) for name in MARKET_FIELDS))
        if market.funding_mode or market.funding_rate:
            yield ("funding", int(market.number), int(market.funding_mode), int(market.funding_rate))
        if market.requests_by != NIL:
            yield ("price", int(market.number), int(market.requests_by))
        kept = [int(getattr(market.averages, name)) for name in AVERAGES]
        if any(kept):
            yield ("averages", int(market.number), *kept)
        if market.pool.exists:
            yield ("pool", int(market.number), *(int(getattr(market.pool, name)) for name in POOL_FIELDS))
            yield from range_lines(market)
    for account in range(state.accounts.count):
        yield from account_lines(state, account)
    for market in state.markets:
        yield from order_lines(state, market)
    yield from liquidation_lines(state)
    yield from waiting_lines(state)
    for key, row in state.margin_alerts.index.items():
        yield ("alert", key, *(int(value) for value in state.margin_alerts.cells[row : row + M_LINK]))
    yield from volume_lines(state)
    yield from protection_lines(state)
    if state.windows.last:
        yield ("windows", int(state.windows.last))
    for number, row in state.windows.index.items():
        yield ("window", number, *(int(value) for value in state.windows.cells[row : row + N_LINK]))
    if state.payments.last:
        yield ("payments", int(state.payments.last))
    for number, row in state.payments.index.items():
        yield ("payment", number, *(int(value) for value in state.payments.cells[row : row + Y_LINK]))
    for entry in state.schedule.entries:
        yield ("due", *entry)


def waiting_lines(state: State) -> Iterator[Line]:
    """Commands that wait and orders that are auctioned; nothing where there have not been any."""
    if state.gas_ppm != PPM:
        yield ("gas", int(state.gas_ppm))
    if state.pending.last_ticket:
        yield ("tickets", int(state.pending.last_ticket))
    for ticket, row in state.pending.index.items():
        yield ("waiting", ticket, *(int(value) for value in state.pending.cells[row : row + W_LINK]))
        if state.pending.cells[row + W_PARENT]:
            yield ("sent for", ticket, int(state.pending.cells[row + W_PARENT]), int(state.pending.cells[row + W_ORDER_ID]))
    for number, row in state.taker_auctions.index.items():
        yield ("taker auction", number, *(int(value) for value in state.taker_auctions.cells[row : row + A_LINK]))
        if state.taker_auctions.cells[row + A_PARENT]:
            yield ("sent for", number, int(state.taker_auctions.cells[row + A_PARENT]))
        terms = [int(state.taker_auctions.cells[row + column]) for column in (A_EXPIRES, A_DISPLAY)]
        if any(terms):
            yield ("auctioned terms", number, *terms)
    for number, row in state.triggers.index.items():
        yield ("trigger", number, *(int(value) for value in state.triggers.cells[row : row + G_LINK]))
    for number, row in state.twaps.index.items():
        yield ("twap", number, *(int(value) for value in state.twaps.cells[row : row + TW_LINK]))


def volume_lines(state: State) -> Iterator[Line]:
    """Days on which somebody has traded, as far as they are kept."""
    cells = state.volumes.cells
    for number, row in state.volumes.index.items():
        last = int(cells[row + V_LAST])
        for day in range(max(0, last - int(SLOTS) + 1), last + 1):
            traded, made = (int(cells[row + int(column) + day % int(SLOTS)]) for column in (V_TRADED, V_MADE))
            if traded:
                yield ("volume", number, day, traded, made)
    for number, row in state.links.index.items():
        yield ("link", number, *(int(value) for value in state.links.cells[row : row + L_ALONE]))
        if state.links.cells[row + L_ALONE]:
            yield ("link of one alone", number)
    for number, row in state.brackets.index.items():
        yield ("bracket", number, *(int(value) for value in state.brackets.cells[row : row + B_ALONE]))
        if state.brackets.cells[row + B_ALONE]:
            yield ("bracket of one alone", number)


def protection_lines(state: State) -> Iterator[Line]:
    """Protections of quotes, and the fills that they remember."""
    table = state.protections
    for row in table.index.values():
        yield ("protection", *(int(value) for value in table.cells[row : row + Q_LINK]))
        for ts, lots in table.remembered(row):
            yield ("quote filled", ts, lots)


def range_lines(market: Market) -> Iterator[Line]:
    """Nothing of a curve that has never had a range."""
    it = market.pool.ranges
    if it.last:
        yield ("ranges", int(market.number), *(int(getattr(it, name)) for name in RANGES_FIELDS))
        for one in it.ranges:
            yield ("range", int(market.number), *(int(getattr(one, name)) for name in RANGE_FIELDS))
        for edge in it.edges:
            yield ("edge", int(market.number), int(edge.root), int(edge.growth))  # the rest of it follows from the ranges


def account_lines(state: State, account: int) -> Iterator[Line]:
    accounts = state.accounts
    first = account * accounts.assets
    cash = accounts.cash[first : first + accounts.assets]
    spent = (*accounts.fund_spent[first : first + accounts.assets], *accounts.fund_window[first : first + accounts.assets])
    yield ("account", account, int(accounts.kind[account]), int(accounts.owner[account]), int(accounts.partial[account]), *cash, *spent)
    if accounts.master[account] != NIL:
        yield ("master", account, int(accounts.master[account]))
    if accounts.mode[account]:
        yield ("mode", account, int(accounts.mode[account]))
    row = int(accounts.first_position[account])
    while row != NIL:
        yield from position_lines(state, account, row)
        row = int(state.positions.cells[row + P_NEXT])
    ids = state.client_ids[account]
    closed = int(ids.closed)
    for number in range(max(0, closed - int(CLOSED_IDS)), closed):  # oldest first
        hi, lo, order_id, outcome = (int(ids.read(number % int(CLOSED_IDS), what)) for what in (HI, LO, ORDER_ID, OUTCOME))
        yield ("closed", account, hi, lo, order_id, outcome & 3, outcome >> 2)


def position_lines(state: State, account: int, row: int) -> Iterator[Line]:
    """A position row, unless it is as if it had never been opened."""
    cells = state.positions.cells
    market = int(cells[row + P_MARKET])
    has_orders = cells[row + P_FIRST_ORDER] != NIL or cells[row + P_FIRST_REDUCER] != NIL
    is_isolated = cells[row + P_MODE] not in (0, SPOT_MODE)
    held = cells[row + P_SIZE] or has_orders or cells[row + P_ISOLATED_MARGIN] or cells[row + P_REALISED]
    if held or is_isolated or cells[row + P_LEVERAGE] != state.markets[market].default_leverage:
        accrual, opened = (int(cells[row + P_ACCRUAL]), int(cells[row + P_OPENED])) if cells[row + P_SIZE] else (0, 0)
        yield (
            "position", account, market, int(cells[row + P_SIZE]), int(cells[row + P_ENTRY]), accrual, opened,
            *(int(cells[row + column]) for column in POSITION_COLUMNS),
        )  # fmt: skip
        yield ("own", *own_orders(state, row))
    if cells[row + P_SHARES]:
        yield ("shares", account, market, *(int(cells[row + column]) for column in (P_SHARES, P_PAID_IN, P_SHARES_SINCE)))


def own_orders(state: State, row: int) -> Iterator[int]:
    """Ids of a position row's open orders, in the order in which a cancellation of all would take them."""
    for column in (P_FIRST_REDUCER, P_FIRST_ORDER):
        slot = int(state.positions.cells[row + column])
        while slot != NIL:
            yield int(state.orders.cells[slot + O_ORDER_ID])
            slot = int(state.orders.cells[slot + O_NEXT_OWN])


def order_lines(state: State, market: Market) -> Iterator[Line]:
    """Resting orders: bids from the best, then asks from the best, each level in its order of time."""
    ladder = market.ladder
    for side, best, worse in ((0, market.best_bid, ladder.below), (1, market.best_ask, ladder.above)):
        price = int(best)
        while price:
            yield from level_lines(state, market, side, int(ladder.find(price)))
            price = int(worse(price))
    yield from rule_lines(state, market)


def rule_lines(state: State, market: Market) -> Iterator[Line]:
    """What else decides who is filled first, in a market whose rule is not price-time: top orders, and RPI orders."""
    for side, best in ((0, market.best_bid), (1, market.best_ask)):
        top = int(state.levels.cells[market.ladder.find(best) + L_TOP]) if best else NIL
        if top != NIL:
            yield ("top", int(market.number), side, int(state.orders.cells[top + O_ORDER_ID]))
    for side, levels in ((0, reversed(market.rpi_bids.values())), (1, market.rpi_asks.values())):
        for level in levels:
            yield from level_lines(state, market, side, level)


def level_lines(state: State, market: Market, side: int, level: int) -> Iterator[Line]:
    orders = state.orders.cells
    price = int(state.levels.cells[level + L_PRICE])
    slot = int(state.levels.cells[level + L_HEAD])
    while slot != NIL:
        yield ("order", int(market.number), side, price, *(int(orders[slot + column]) for column in ORDER_COLUMNS))
        terms = int(orders[slot + O_TERMS])
        if terms != NIL:
            yield ("terms", int(orders[slot + O_ORDER_ID]), *(int(value) for value in state.terms.cells[terms : terms + T_FREE]))
        slot = int(orders[slot + O_NEXT])


def liquidation_lines(state: State) -> Iterator[Line]:
    yield ("auctions", int(state.liquidations.last_auction))
    lines: list[Line] = []
    for it in state.liquidations.listed():
        market = int(state.positions.cells[it.row + P_MARKET]) if it.row != NIL else NIL
        lines.append((
            "liquidation", int(it.account), int(it.asset), market, int(it.phase), int(it.step), int(it.since), int(it.auction),
            int(it.insolvent_since), int(it.exhausted),
        ))  # fmt: skip
    yield from sorted(lines)


def state_hash(state: State) -> str:
    """BLAKE2b-128 of the listing, in hexadecimal."""
    digest = hashlib.blake2b(digest_size=16)
    for line in listing(state):
        digest.update((" ".join(map(str, line)) + "\n").encode())
    return digest.hexdigest()
