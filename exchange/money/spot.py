"""Pure: what orders in spot markets keep from other use. Rounded up."""

from __future__ import annotations

from librt.vecs import vec
from mypy_extensions import i64

from ..state.market import Market
from ..state.state import State
from ..state.tables import P_ASK_LOTS, P_BID_NOTIONAL, P_MARKET, P_NEXT
from ..state.types import NIL, max_i64, ppb_ceil


def reserved_quote(market: Market, cells: vec[i64], row: i64) -> i64:
    """What the bids of a row would pay at their limits, with the higher of the two fees [micro]: at most MAX_NOTIONAL twice."""
    bids = cells[row + P_BID_NOTIONAL]
    return bids + max_i64(0, ppb_ceil(bids, max_i64(market.taker_rate_ppb, market.maker_fee_ppb)))


def reserved_base(market: Market, cells: vec[i64], row: i64) -> i64:
    """What its asks would deliver [micro of the base asset]: a side has at most max_lots, which is MAX_SUPPLY at most."""
    return cells[row + P_ASK_LOTS] * market.base_lot


def unreserved(state: State, account: i64, asset: i64) -> i64:
    """Cash that no order in a spot market would give away [micro]."""
    cells = state.positions.cells
    total = state.accounts.cash[account * state.accounts.assets + asset]
    row = state.accounts.first_position[account]
    while row != NIL:
        market = state.markets[cells[row + P_MARKET]]
        if market.base == asset:
            total -= reserved_base(market, cells, row)
        elif market.is_spot != 0 and market.asset == asset:
            total -= reserved_quote(market, cells, row)
        row = cells[row + P_NEXT]
    return total
